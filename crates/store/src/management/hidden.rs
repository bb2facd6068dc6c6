//! Updates that somebody took out of the sight of hawkBit's clients. They stay what they are for everybody else.

use windlass_domain::ids::{DeviceId, ExecutionId, TenantId};
use windlass_domain::job::ExecutionState;
use windlass_domain::time::Timestamp;

use super::actions::{Step, with_release};
use crate::error::StoreError;
use crate::executions::{ExecutionRow, columns};
use crate::tx::{Tx, execute, fetch_all, fetch_one};

/// Takes an update out of sight. False if there is no such one, it is not over, or it is out of sight already.
///
/// # Errors
/// When the database fails.
pub async fn hide(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: ExecutionId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = execute!(
        tx,
        "UPDATE execution SET hidden_at = $1
         WHERE tenant_id = $2 AND id = $3 AND hidden_at IS NULL AND state NOT IN ($4, $5)",
        now.micros(),
        tenant.get(),
        id.get(),
        ExecutionState::Queued.as_str(),
        ExecutionState::InProgress.as_str(),
    )?;
    Ok(changed > 0)
}

/// How many latest tries of a tenant are out of sight.
///
/// # Errors
/// When the database fails.
pub async fn count(tx: &mut Tx<'_>, tenant: TenantId) -> Result<u64, StoreError> {
    let (count,) = fetch_one!(
        tx,
        (i64,),
        "SELECT CAST(COUNT(*) AS BIGINT) FROM execution
         WHERE tenant_id = $1 AND hidden_at IS NOT NULL AND latest = 1",
        tenant.get(),
    )?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// See [`super::actions`] for the plus.
pub(super) const REST_OF_DEVICE: &str = columns!(
    "JOIN job j ON j.id = e.job_id AND j.kind = 'update'
     WHERE +e.tenant_id = $1 AND e.device_id = $2 AND e.latest = 1 AND e.hidden_at IS NULL AND e.id < $3
     ORDER BY e.id DESC LIMIT $4 OFFSET $5"
);

/// Latest tries of updates of one device that are not out of sight, newest first.
///
/// # Errors
/// When the database fails.
pub async fn rest_of_device(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    limit: u32,
) -> Result<Vec<Step>, StoreError> {
    older_of_device(tx, tenant, device, i64::MAX, 0, limit).await
}

/// Of those below a number, newest first, the ones after the first `skip`.
///
/// # Errors
/// When the database fails.
pub async fn older_of_device(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    below: i64,
    skip: u64,
    limit: u32,
) -> Result<Vec<Step>, StoreError> {
    let rows = fetch_all!(
        tx,
        ExecutionRow,
        REST_OF_DEVICE,
        tenant.get(),
        device.get(),
        below,
        i64::from(limit),
        i64::try_from(skip).unwrap_or(i64::MAX),
    )?;
    with_release(tx, rows).await
}
