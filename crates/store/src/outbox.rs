//! Who is told of alerts, and what is on its way to them. A notification is written in the transaction that it tells
//! of; whoever sends it notes each try before it is made.

use std::fmt;

use serde::{Deserialize, Serialize};
use windlass_domain::alert::AlertKind;
use windlass_domain::ids::{AlertId, ChannelId, ChannelName, DeliveryId, TenantId};
use windlass_domain::notify::{DeliveryState, EmailAddress, Interest, Telling};
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

/// A notification to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Owner.
    pub tenant: TenantId,
    /// To whom.
    pub channel: ChannelId,
    /// Of what, if it is of one alert.
    pub alert: Option<AlertId>,
    /// The id that receivers see; the same for every try.
    pub message: String,
    /// What it tells.
    pub telling: Telling,
    /// JSON text: the alert as it was, or the counts of those not told one by one.
    pub payload: String,
    /// Tries that were made already.
    pub tries: u32,
    /// When it is sent at the earliest.
    pub not_before: Timestamp,
}

/// A notification on its way, or at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Public number.
    pub id: DeliveryId,
    /// Owner.
    pub tenant: TenantId,
    /// To whom.
    pub channel: ChannelId,
    /// Of what, if it is of one alert.
    pub alert: Option<AlertId>,
    /// The id that receivers see.
    pub message: String,
    /// What it tells.
    pub telling: Telling,
    /// JSON text.
    pub payload: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Tries that were begun.
    pub tries: u32,
    /// When it is tried next, while it waits.
    pub next_at: Timestamp,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub ended_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct DeliveryRow {
    id: i64,
    tenant_id: i64,
    channel_id: i64,
    alert_id: Option<i64>,
    message: String,
    telling: String,
    payload: String,
    state: String,
    tries: i64,
    next_at: i64,
    last_error: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
}

impl DeliveryRow {
    fn read(self) -> Result<Delivery, StoreError> {
        let Self {
            id,
            tenant_id,
            channel_id,
            alert_id,
            message,
            telling,
            payload,
            state,
            tries,
            next_at,
            last_error,
            created_at,
            ended_at,
        } = self;
        Ok(Delivery {
            id: DeliveryId::new(id),
            tenant: TenantId::new(tenant_id),
            channel: ChannelId::new(channel_id),
            alert: alert_id.map(AlertId::new),
            message,
            telling: read("outbox.telling", &telling)?,
            payload,
            state: read("outbox.state", &state)?,
            tries: u32::try_from(tries).map_err(|error| StoreError::corrupt("outbox.tries", error))?,
            next_at: Timestamp::from_micros(next_at),
            last_error,
            created_at: Timestamp::from_micros(created_at),
            ended_at: time(ended_at),
        })
    }
}

macro_rules! deliveries {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, channel_id, alert_id, message, telling, payload, state, tries, next_at, \
             last_error, created_at, ended_at FROM outbox ",
            $rest
        )
    };
}

/// Puts a notification into the outbox.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &mut Tx<'_>, new: &NewDelivery, now: Timestamp) -> Result<DeliveryId, StoreError> {
    let NewDelivery { tenant, channel, alert, message, telling, payload, tries, not_before } = new;
    let (id,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO outbox (tenant_id, channel_id, alert_id, message, telling, payload, state, tries, next_at,
           created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
        tenant.get(),
        channel.get(),
        alert.map(AlertId::get),
        message.as_str(),
        telling.as_str(),
        payload.as_str(),
        DeliveryState::Waiting.as_str(),
        i64::from(*tries),
        not_before.micros(),
        now.micros()
    )?;
    Ok(DeliveryId::new(id))
}

/// How many alerts a channel was told of one by one since `since`.
///
/// # Errors
/// When the database fails.
pub async fn told_since(tx: &mut Tx<'_>, channel: ChannelId, since: Timestamp) -> Result<i64, StoreError> {
    let sql =
        "SELECT COUNT(*) FROM outbox WHERE channel_id = $1 AND created_at > $2 AND alert_id IS NOT NULL";
    Ok(fetch_one!(tx, (i64,), sql, channel.get(), since.micros())?.0)
}

/// The count of what is not told one by one that a channel has not been sent yet.
///
/// # Errors
/// When the database fails.
pub async fn rest_waiting(tx: &mut Tx<'_>, channel: ChannelId) -> Result<Option<Delivery>, StoreError> {
    let sql = deliveries!(
        "WHERE channel_id = $1 AND state = 'waiting' AND telling = 'more' AND tries = 0 ORDER BY id LIMIT 1"
    );
    fetch_optional!(tx, DeliveryRow, sql, channel.get())?.map(DeliveryRow::read).transpose()
}

/// Counts on in such a notification.
///
/// # Errors
/// When the database fails.
pub async fn rest_count(tx: &mut Tx<'_>, id: DeliveryId, payload: &str) -> Result<(), StoreError> {
    execute!(tx, "UPDATE outbox SET payload = $1 WHERE id = $2", payload, id.get()).map(drop)
}

/// Channels that have something to send.
///
/// # Errors
/// When the database fails.
pub async fn channels_due(tx: &mut Tx<'_>, now: Timestamp, limit: u32) -> Result<Vec<ChannelId>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT id FROM notification_channel c WHERE EXISTS (
           SELECT 1 FROM outbox o WHERE o.channel_id = c.id AND o.state = 'waiting' AND o.next_at <= $1)
         ORDER BY id LIMIT $2",
        now.micros(),
        i64::from(limit)
    )?;
    Ok(rows.into_iter().map(|(id,)| ChannelId::new(id)).collect())
}

/// Notes a try that is about to be made with the oldest notification that is due, so that a crash leaves it to be
/// tried again at `again_at`. None if nothing is due.
///
/// # Errors
/// When the database fails.
pub async fn begin(
    tx: &mut Tx<'_>,
    channel: ChannelId,
    again_at: Timestamp,
    now: Timestamp,
) -> Result<Option<Delivery>, StoreError> {
    let sql =
        deliveries!("WHERE channel_id = $1 AND state = 'waiting' AND next_at <= $2 ORDER BY id LIMIT 1");
    let Some(row) = fetch_optional!(tx, DeliveryRow, sql, channel.get(), now.micros())? else {
        return Ok(None);
    };
    execute!(
        tx,
        "UPDATE outbox SET tries = tries + 1, next_at = $1 WHERE id = $2",
        again_at.micros(),
        row.id
    )?;
    let delivery = row.read()?;
    Ok(Some(Delivery { tries: delivery.tries.saturating_add(1), next_at: again_at, ..delivery }))
}

/// Notes how a try went. `next_at` matters while it waits.
///
/// # Errors
/// When the database fails.
pub async fn finish(
    tx: &mut Tx<'_>,
    id: DeliveryId,
    state: DeliveryState,
    next_at: Timestamp,
    error: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ended = match state {
        DeliveryState::Waiting => None,
        DeliveryState::Delivered | DeliveryState::Failed => Some(now.micros()),
    };
    execute!(
        tx,
        "UPDATE outbox SET state = $1, next_at = $2, last_error = $3, ended_at = $4 WHERE id = $5",
        state.as_str(),
        next_at.micros(),
        error,
        ended,
        id.get()
    )
    .map(drop)
}

/// Notifications of a channel with numbers below `before`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx<'_>,
    channel: ChannelId,
    before: i64,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    let sql = deliveries!("WHERE channel_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    let rows = fetch_all!(tx, DeliveryRow, sql, channel.get(), before, i64::from(limit))?;
    rows.into_iter().map(DeliveryRow::read).collect()
}

/// How many notifications wait, in all tenants.
///
/// # Errors
/// When the database fails.
pub async fn count_waiting(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    Ok(fetch_one!(tx, (i64,), "SELECT COUNT(*) FROM outbox WHERE state = 'waiting'")?.0)
}

/// Drops notifications that ended before `before`, at most `limit`. Returns how many went.
///
/// # Errors
/// When the database fails.
pub async fn expire(tx: &mut Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    execute!(
        tx,
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)",
        before.micros(),
        i64::from(limit)
    )
}

#[cfg(test)]
mod tests;
