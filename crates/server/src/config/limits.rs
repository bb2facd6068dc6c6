//! The `[limits]` table: every bound of the product by its own name, durations in seconds.

use std::time::Duration;

use figment::value::{Dict, Value};
use windlass_domain::limits::Limits;

use super::{ConfigError, known as check_known};

/// Reads a value into a bound.
trait Bound: Sized {
    fn read(value: &Value) -> Option<Self>;
}

macro_rules! whole {
    ($($type:ty),+) => {
        $(impl Bound for $type {
            fn read(value: &Value) -> Option<Self> {
                value.to_i128().and_then(|n| n.try_into().ok())
                    .or_else(|| value.to_u128().and_then(|n| n.try_into().ok()))
            }
        })+
    };
}
whole!(usize, u16, u32, u64);

impl Bound for Duration {
    fn read(value: &Value) -> Option<Self> {
        u64::read(value).map(Self::from_secs)
    }
}

macro_rules! bounds {
    ($($name:ident),+ $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),+];

        fn set(limits: &mut Limits, name: &str, value: &Value) -> Option<()> {
            // Taking the struct apart makes a new bound stop the build until it has a name here.
            let Limits { $($name),+ } = limits;
            match name {
                $(stringify!($name) => *$name = Bound::read(value)?,)+
                _ => return None,
            }
            Some(())
        }
    };
}

bounds!(
    connect_packet,
    packet,
    topic_bytes,
    topic_levels,
    client_id,
    subscriptions,
    connections_per_device,
    sessions_per_device,
    shadow_requests,
    in_flight,
    messages_per_second,
    message_burst,
    file_requests_per_second,
    file_request_burst,
    http_connections,
    slow_downloads,
    handshake,
    handshakes_in_flight,
    session_expiry,
    shadow_document,
    shadow_nesting,
    named_shadows,
    client_token,
    job_document,
    status_details_pairs,
    status_details_bytes,
    open_executions,
    command_output,
    job_history,
    jobs_kept,
    command_waits,
    claim_certificates_per_minute,
    claim_certificates_open,
    pending_per_claim,
    pending_open,
    pending_kept,
    plug_and_play_per_minute,
    api_tokens,
    ownership_token,
    points_per_message,
    metrics_per_device,
    text_value,
    time_ahead,
    time_late,
    retention,
    artifact,
    artifacts_total,
    uploads_open,
    password_characters,
    rest_body,
    page,
    free_disk_per_mille,
    free_disk_bytes,
);

pub(super) fn known<'a>(place: &str, found: impl Iterator<Item = &'a String>) -> Result<(), ConfigError> {
    let names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    check_known(&format!("[limits] in {place}"), found, &names)
}

pub(super) fn apply(limits: &mut Limits, table: &Dict) -> Result<(), ConfigError> {
    for (name, value) in table {
        set(limits, name, value).ok_or_else(|| {
            let text = format!("limits.{name} must be a whole number, durations in seconds");
            ConfigError::Value(Box::new(figment::Error::from(text)))
        })?;
    }
    Ok(())
}
