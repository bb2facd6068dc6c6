//! Channels: by which ways people are told of alerts, and how the latest try went.
//!
//! Knows nothing of what is on its way to them, but that it goes with its channel.

use std::fmt;

use serde::{Deserialize, Serialize};
use windlass_domain::alert::AlertKind;
use windlass_domain::ids::{ChannelId, ChannelName, TenantId};
use windlass_domain::notify::{DeliveryState, EmailAddress, Interest};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::row::{read, read_json, time, write_json};
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

/// The key that a webhook's messages are signed with. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(pub Vec<u8>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// Where a channel leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Signed messages by HTTP.
    Webhook {
        /// Where to.
        url: String,
        /// What they are signed with.
        key: SigningKey,
    },
    /// Mail.
    Email {
        /// To whom.
        to: Vec<EmailAddress>,
    },
}

/// What an operator says of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSpec {
    /// Where it leads.
    pub target: Target,
    /// What it wants to hear of.
    pub interest: Interest,
    /// Whether anything is sent.
    pub enabled: bool,
}

/// A way by which people are told of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Row id.
    pub id: ChannelId,
    /// Owner.
    pub tenant: TenantId,
    /// Unique in the tenant.
    pub name: ChannelName,
    /// What an operator said of it.
    pub spec: ChannelSpec,
    /// Rises by one with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How the latest try went: when, where it left the message, and a sentence.
    pub last: Option<(Timestamp, DeliveryState, String)>,
}

#[derive(Serialize, Deserialize)]
struct Settings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    #[serde(default)]
    alerts: Vec<String>,
    minimum: String,
}

#[derive(sqlx::FromRow)]
struct ChannelRow {
    id: i64,
    tenant_id: i64,
    name: String,
    kind: String,
    settings: String,
    secret: Option<Vec<u8>>,
    enabled: i64,
    version: i64,
    created_at: i64,
    updated_at: i64,
    last_at: Option<i64>,
    last_state: Option<String>,
    last_detail: Option<String>,
}

impl ChannelRow {
    fn read(self) -> Result<Channel, StoreError> {
        let Self {
            id,
            tenant_id,
            name,
            kind,
            settings,
            secret,
            enabled,
            version,
            created_at,
            updated_at,
            last_at,
            last_state,
            last_detail,
        } = self;
        const WHAT: &str = "notification_channel.settings";
        let Settings { url, to, alerts, minimum } = read_json(WHAT, &settings)?;
        let target = match (kind.as_str(), url, secret) {
            ("webhook", Some(url), Some(secret)) => Target::Webhook { url, key: SigningKey(secret) },
            ("email", None, None) => {
                Target::Email { to: to.iter().map(|one| read(WHAT, one)).collect::<Result<_, _>>()? }
            }
            _ => return Err(StoreError::corrupt(WHAT, "its parts do not go together")),
        };
        let alerts: Vec<AlertKind> =
            alerts.iter().map(|one| read(WHAT, one)).collect::<Result<_, StoreError>>()?;
        let last = match (time(last_at), last_state) {
            (Some(at), Some(state)) => {
                Some((at, read("notification_channel.last_state", &state)?, last_detail.unwrap_or_default()))
            }
            (Some(_) | None, _) => None,
        };
        Ok(Channel {
            id: ChannelId::new(id),
            tenant: TenantId::new(tenant_id),
            name: read("notification_channel.name", &name)?,
            spec: ChannelSpec {
                target,
                interest: Interest { alerts, minimum: read(WHAT, &minimum)? },
                enabled: enabled != 0,
            },
            version,
            created_at: Timestamp::from_micros(created_at),
            updated_at: Timestamp::from_micros(updated_at),
            last,
        })
    }
}

macro_rules! channel_columns {
    () => {
        "id, tenant_id, name, kind, settings, secret, enabled, version, created_at, updated_at, last_at, \
         last_state, last_detail"
    };
}

macro_rules! channels {
    ($rest:literal) => {
        concat!("SELECT ", channel_columns!(), " FROM notification_channel ", $rest)
    };
}

/// Makes or replaces a channel.
///
/// # Errors
/// When the database fails.
pub async fn channel_put(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &ChannelName,
    spec: &ChannelSpec,
    now: Timestamp,
) -> Result<Channel, StoreError> {
    let ChannelSpec { target, interest: Interest { alerts, minimum }, enabled } = spec;
    let (kind, url, to, secret) = match target {
        Target::Webhook { url, key: SigningKey(secret) } => {
            ("webhook", Some(url.clone()), Vec::new(), Some(secret.as_slice()))
        }
        Target::Email { to } => ("email", None, to.iter().map(ToString::to_string).collect(), None),
    };
    let settings = Settings {
        url,
        to,
        alerts: alerts.iter().map(ToString::to_string).collect(),
        minimum: minimum.to_string(),
    };
    fetch_one!(
        tx,
        ChannelRow,
        concat!(
            "INSERT INTO notification_channel (tenant_id, name, kind, settings, secret, enabled, version, \
               created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7) \
             ON CONFLICT (tenant_id, name) DO UPDATE SET kind = excluded.kind, settings = excluded.settings, \
               secret = excluded.secret, enabled = excluded.enabled, \
               version = notification_channel.version + 1, updated_at = excluded.updated_at RETURNING ",
            channel_columns!()
        ),
        tenant.get(),
        name.as_str(),
        kind,
        write_json("notification_channel.settings", &settings)?,
        secret,
        i64::from(*enabled),
        now.micros()
    )?
    .read()
}

/// Every channel of a tenant, by name.
///
/// # Errors
/// When the database fails.
pub async fn channel_list(tx: &mut Tx<'_>, tenant: TenantId) -> Result<Vec<Channel>, StoreError> {
    let rows = fetch_all!(tx, ChannelRow, channels!("WHERE tenant_id = $1 ORDER BY name"), tenant.get())?;
    rows.into_iter().map(ChannelRow::read).collect()
}

/// By its name.
///
/// # Errors
/// When the database fails.
pub async fn channel_by_name(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &ChannelName,
) -> Result<Option<Channel>, StoreError> {
    let sql = channels!("WHERE tenant_id = $1 AND name = $2");
    fetch_optional!(tx, ChannelRow, sql, tenant.get(), name.as_str())?.map(ChannelRow::read).transpose()
}

/// By its row id.
///
/// # Errors
/// When the database fails.
pub async fn channel_by_id(tx: &mut Tx<'_>, id: ChannelId) -> Result<Option<Channel>, StoreError> {
    fetch_optional!(tx, ChannelRow, channels!("WHERE id = $1"), id.get())?.map(ChannelRow::read).transpose()
}

/// Removes a channel and everything that is or was on its way to it.
///
/// # Errors
/// When the database fails.
pub async fn channel_delete(tx: &mut Tx<'_>, id: ChannelId) -> Result<(), StoreError> {
    execute!(tx, "DELETE FROM outbox WHERE channel_id = $1", id.get())?;
    execute!(tx, "DELETE FROM notification_channel WHERE id = $1", id.get())?;
    Ok(())
}

/// Notes how the latest try to reach a channel went.
///
/// # Errors
/// When the database fails.
pub async fn channel_tried(
    tx: &mut Tx<'_>,
    id: ChannelId,
    state: DeliveryState,
    detail: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    execute!(
        tx,
        "UPDATE notification_channel SET last_at = $1, last_state = $2, last_detail = $3 WHERE id = $4",
        now.micros(),
        state.as_str(),
        detail,
        id.get()
    )
    .map(drop)
}
