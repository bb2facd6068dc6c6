//! What one device has to do, and what it still has to show.

use windlass_domain::ids::DeviceId;
use windlass_domain::job::Execution;
use windlass_domain::time::Timestamp;

use super::{ExecutionRow, columns};
use crate::error::StoreError;
use crate::tx::{Tx, fetch_all, fetch_one};

/// What a device may see and work on: in progress first, then by priority, then as offered. What it has not begun shows
/// only while its job runs and nothing holds it back, and only until it expires.
///
/// # Errors
/// When the database fails.
pub async fn pending(
    tx: &mut Tx<'_>,
    device: DeviceId,
    now: Timestamp,
) -> Result<Vec<Execution>, StoreError> {
    let mut in_progress = ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!("WHERE e.device_id = $1 AND e.state = 'inProgress' AND e.latest = 1 ORDER BY e.id"),
        device.get(),
    )?)?;
    let queued = ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "JOIN job j ON j.id = e.job_id
             WHERE e.device_id = $1 AND e.state = 'queued' AND e.latest = 1 AND j.state = 'running'
               AND (e.expires_at IS NULL OR e.expires_at > $2) ORDER BY j.priority DESC, e.id"
        ),
        device.get(),
        now.micros(),
    )?)?;
    let queued = queued.into_iter().filter(|execution| execution.is_shown(now));
    in_progress.extend(queued);
    Ok(in_progress)
}

/// Every update of a device that is not over, whether or not the device may see it now: what it has not begun only while
/// its job runs or is to be stopped, and only until it expires. Of a job that is held what it fetched over hawkBit's
/// interface stays, for it may be at work on that. What it began and is not to stop comes first, then by priority, then as
/// offered.
///
/// # Errors
/// When the database fails.
pub async fn open_updates(
    tx: &mut Tx<'_>,
    device: DeviceId,
    now: Timestamp,
) -> Result<Vec<Execution>, StoreError> {
    ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "JOIN job j ON j.id = e.job_id
             WHERE e.device_id = $1 AND e.state IN ('queued', 'inProgress') AND e.latest = 1 AND j.kind = 'update'
               AND (e.state = 'inProgress' OR e.cancel_asked_at IS NOT NULL
                 OR ((j.state = 'running' OR (j.state IN ('paused', 'halted') AND EXISTS (SELECT 1 FROM ddi_action a
                       WHERE a.execution_id = e.id AND a.retrieved_at IS NOT NULL)))
                   AND (e.expires_at IS NULL OR e.expires_at > $2)))
             ORDER BY CASE WHEN e.state = 'inProgress' AND e.cancel_asked_at IS NULL THEN 0 ELSE 1 END,
               j.priority DESC, e.id"
        ),
        device.get(),
        now.micros(),
    )?)
}

/// How many executions a device has that are queued or in progress, whatever the state of their jobs.
///
/// # Errors
/// When the database fails.
pub async fn open_count(tx: &mut Tx<'_>, device: DeviceId) -> Result<i64, StoreError> {
    let (count,) = fetch_one!(
        tx,
        (i64,),
        "SELECT COUNT(*) FROM execution
         WHERE device_id = $1 AND state IN ('queued', 'inProgress') AND latest = 1",
        device.get(),
    )?;
    Ok(count)
}

/// What a device said it finished and what has not been seen running yet.
///
/// # Errors
/// When the database fails.
pub async fn verifying(tx: &mut Tx<'_>, device: DeviceId) -> Result<Vec<Execution>, StoreError> {
    ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "WHERE e.device_id = $1 AND e.state = 'succeeded' AND e.verdict = 'pending' AND e.latest = 1
             ORDER BY e.id"
        ),
        device.get(),
    )?)
}

/// The last updates that a device said it finished, newest first.
///
/// # Errors
/// When the database fails.
pub async fn finished_updates(
    tx: &mut Tx<'_>,
    device: DeviceId,
    limit: u32,
) -> Result<Vec<Execution>, StoreError> {
    ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "JOIN job j ON j.id = e.job_id
             WHERE e.device_id = $1 AND e.state = 'succeeded' AND e.latest = 1 AND j.kind = 'update'
             ORDER BY e.ended_at DESC, e.id DESC LIMIT $2"
        ),
        device.get(),
        i64::from(limit),
    )?)
}

/// What a device still has to do or to show, of any job.
///
/// # Errors
/// When the database fails.
pub async fn unsettled(tx: &mut Tx<'_>, device: DeviceId) -> Result<Vec<Execution>, StoreError> {
    ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "WHERE e.device_id = $1 AND e.latest = 1 AND e.verdict = 'pending'
               AND e.state IN ('queued', 'inProgress', 'succeeded') ORDER BY e.id"
        ),
        device.get(),
    )?)
}
