//! What a device has not heard yet: the delta of each subscribed shadow, derived from what is stored.
//!
//! Used on resume, on SUBSCRIBE and when a connection is woken. Sends nothing itself.

use std::collections::BTreeMap;

use windlass_domain::ids::{DeviceId, ShadowName};
use windlass_domain::shadow::Shadow;
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, shadows};
use windlass_wire::{filter, topic};

use super::convert;
use crate::message::Outbound;

/// The version whose delta a connection was last sent, by topic. Bounded by the number of a device's shadows.
pub type SentVersions = BTreeMap<String, i64>;

/// Whether a filter could match a delta topic at all: cheap, and saves most connections the look at the store.
pub fn could_match_delta(filter: &str) -> bool {
    filter.ends_with("/delta") || filter.ends_with('#') || filter.ends_with('+')
}

/// The current delta of each shadow that is subscribed under one of `names`, unless that version of it was sent
/// already. Notes what it returns in `sent`; versions that are sent otherwise (live, in answer to an update) may be
/// noted there too, under their topic.
///
/// # Errors
/// When the store fails.
pub async fn pending_deltas(
    tx: &mut Tx<'_>,
    device: DeviceId,
    names: &[&str],
    filters: &[String],
    sent: &mut SentVersions,
    now: Timestamp,
) -> Result<Vec<Outbound>, StoreError> {
    let filters: Vec<_> = filters.iter().filter(|filter| could_match_delta(filter)).collect();
    if filters.is_empty() {
        return Ok(Vec::new());
    }
    let mut messages = Vec::new();
    let mut live = Vec::new();
    for (name, shadow) in shadows::live_shadows(tx, device).await? {
        let Shadow::Live { documents, version, updated_at: _ } = shadow else { continue };
        for thing in names {
            let topic = topic::shadow_delta(thing, name.as_ref().map(ShadowName::as_str));
            live.push(topic.clone());
            if sent.get(&topic) == Some(&version) || !filters.iter().any(|f| filter::matches(f, &topic)) {
                continue;
            }
            if let Some(payload) = convert::delta_body(&documents, version, now, None) {
                sent.insert(topic.clone(), version);
                messages.push(Outbound { topic, payload });
            }
        }
    }
    forget_deleted(sent, names, &live);
    Ok(messages)
}

/// Notes a message that was sent to the connection live, in answer to an update, so that a wake-up does not send
/// the same delta again. Messages on other topics are let pass.
pub fn note_sent(sent: &mut SentVersions, message: &Outbound) {
    if !message.topic.ends_with("/update/delta") {
        return;
    }
    let body = serde_json::from_slice::<serde_json::Value>(&message.payload).unwrap_or_default();
    if let Some(version) = body.get("version").and_then(serde_json::Value::as_i64) {
        sent.insert(message.topic.clone(), version);
    }
}

/// Drops what is noted for shadows of these names that are no more, so that nothing grows.
fn forget_deleted(sent: &mut SentVersions, names: &[&str], live: &[String]) {
    sent.retain(|topic, _| {
        let ours = topic.split('/').nth(2).is_some_and(|thing| names.contains(&thing));
        !ours || live.contains(topic)
    });
}
