//! Who is told of alerts, and what is on its way to them. A notification is written in the transaction that it tells
//! of; whoever sends it notes each try before it is made.

use windlass_domain::ids::{AlertId, ChannelId, DeliveryId, TenantId};
use windlass_domain::notify::{DeliveryState, Telling};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::row::{read, time};
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

mod channels;

pub use channels::{
    Channel, ChannelSpec, SigningKey, Target, channel_by_id, channel_by_name, channel_delete, channel_list,
    channel_put, channel_tried,
};

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
