//! What happened to devices: repetitions within a minute are one row with a count.

use windlass_domain::event::Severity;
use windlass_domain::ids::{DeviceId, TenantId};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::row::read;
use crate::tx::{Tx, execute, fetch_all};

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Owner.
    pub tenant: TenantId,
    /// To whom.
    pub device: DeviceId,
    /// What: `connected`, `topicRefused`, …
    pub kind: String,
    /// How much it matters.
    pub severity: Severity,
    /// A sentence.
    pub detail: String,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Public number; rises with the time of the first occurrence.
    pub id: i64,
    /// Owner.
    pub tenant: TenantId,
    /// To whom.
    pub device: DeviceId,
    /// What.
    pub kind: String,
    /// How much it matters.
    pub severity: Severity,
    /// A sentence; the latest one of the minute.
    pub detail: String,
    /// How often within the minute.
    pub count: i64,
    /// First time.
    pub first_at: Timestamp,
    /// Last time.
    pub last_at: Timestamp,
}

type Row = (i64, i64, i64, String, String, String, i64, i64, i64);

fn event(
    (id, tenant, device, kind, severity, detail, count, first_at, last_at): Row,
) -> Result<Event, StoreError> {
    Ok(Event {
        id,
        tenant: TenantId::new(tenant),
        device: DeviceId::new(device),
        kind,
        severity: read("event.severity", &severity)?,
        detail,
        count,
        first_at: Timestamp::from_micros(first_at),
        last_at: Timestamp::from_micros(last_at),
    })
}

/// Records an event, or counts it where the same kind happened to the device within the same minute.
///
/// # Errors
/// When the database fails.
pub async fn event_record(tx: &mut Tx<'_>, new: &NewEvent, now: Timestamp) -> Result<(), StoreError> {
    let NewEvent { tenant, device, kind, severity, detail } = new;
    execute!(
        tx,
        "INSERT INTO event (tenant_id, device_id, kind, minute, severity, detail, count, first_at, last_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)
         ON CONFLICT (device_id, kind, minute) DO UPDATE SET severity = excluded.severity,
           detail = excluded.detail, count = event.count + 1, last_at = excluded.last_at",
        tenant.get(),
        device.get(),
        kind.as_str(),
        now.seconds().div_euclid(60),
        severity.as_str(),
        detail.as_str(),
        now.micros()
    )?;
    tx.changed(ChangeKind::Event, device.get());
    Ok(())
}

/// Most characters that the log lines of one device and minute take.
const LOG_CHARACTERS: i64 = 8 * 1024;

/// Keeps a log line: lines within the same minute are kept together, in order, up to a bound.
///
/// # Errors
/// When the database fails.
pub async fn log_record(tx: &mut Tx<'_>, new: &NewEvent, now: Timestamp) -> Result<(), StoreError> {
    let NewEvent { tenant, device, kind, severity, detail } = new;
    execute!(
        tx,
        "INSERT INTO event (tenant_id, device_id, kind, minute, severity, detail, count, first_at, last_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)
         ON CONFLICT (device_id, kind, minute) DO UPDATE SET
           detail = SUBSTR(event.detail || $8 || excluded.detail, 1, CAST($9 AS INTEGER)),
           count = event.count + 1, last_at = excluded.last_at",
        tenant.get(),
        device.get(),
        kind.as_str(),
        now.seconds().div_euclid(60),
        severity.as_str(),
        detail.as_str(),
        now.micros(),
        "\n",
        LOG_CHARACTERS
    )?;
    tx.changed(ChangeKind::Event, device.get());
    Ok(())
}

/// Events of one device with an id below `before`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn events_of_device(
    tx: &mut Tx<'_>,
    device: DeviceId,
    before: i64,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    fetch_all!(
        tx,
        Row,
        "SELECT id, tenant_id, device_id, kind, severity, detail, count, first_at, last_at FROM event
         WHERE device_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        device.get(),
        before,
        i64::from(limit)
    )?
    .into_iter()
    .map(event)
    .collect()
}

/// Events of a tenant with an id below `before`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn events_of_tenant(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    before: i64,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    fetch_all!(
        tx,
        Row,
        "SELECT id, tenant_id, device_id, kind, severity, detail, count, first_at, last_at FROM event
         WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        tenant.get(),
        before,
        i64::from(limit)
    )?
    .into_iter()
    .map(event)
    .collect()
}

/// Drops events that ended before `before`, at most `limit` at once. Returns how many went.
///
/// # Errors
/// When the database fails.
pub async fn events_expire(tx: &mut Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    execute!(
        tx,
        "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE last_at < $1 ORDER BY id LIMIT $2)",
        before.micros(),
        i64::from(limit)
    )
}
