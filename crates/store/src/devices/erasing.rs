//! What is erased of a device that leaves: its shadows and events at once, its telemetry when there is time.
//!
//! Knows nothing of how telemetry is kept.

use windlass_domain::ids::DeviceId;
use windlass_domain::time::Timestamp;

use crate::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all};

/// Notes that the telemetry of a device is to be erased.
///
/// # Errors
/// When the database fails.
pub async fn erasure_ask(tx: &mut Tx<'_>, device: DeviceId, now: Timestamp) -> Result<(), StoreError> {
    execute!(
        tx,
        "INSERT INTO telemetry_erasure (device_id, asked_at) VALUES ($1, $2) ON CONFLICT (device_id) DO NOTHING",
        device.get(),
        now.micros()
    )
    .map(drop)
}

/// Devices whose telemetry is to be erased, the oldest wish first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn erasures(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<DeviceId>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT device_id FROM telemetry_erasure ORDER BY asked_at, device_id LIMIT $1",
        i64::from(limit)
    )?;
    Ok(rows.into_iter().map(|(id,)| DeviceId::new(id)).collect())
}

/// Notes that the telemetry of a device is erased.
///
/// # Errors
/// When the database fails.
pub async fn erasure_done(tx: &mut Tx<'_>, device: DeviceId) -> Result<(), StoreError> {
    execute!(tx, "DELETE FROM telemetry_erasure WHERE device_id = $1", device.get()).map(drop)
}

/// Removes the shadows and the events of a device.
///
/// # Errors
/// When the database fails.
pub async fn device_erase(tx: &mut Tx<'_>, id: DeviceId) -> Result<(), StoreError> {
    execute!(tx, "DELETE FROM shadow WHERE device_id = $1", id.get())?;
    execute!(tx, "DELETE FROM event WHERE device_id = $1", id.get())?;
    tx.changed(ChangeKind::Shadow, id.get());
    Ok(())
}
