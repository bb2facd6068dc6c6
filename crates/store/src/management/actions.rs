//! Updates of devices as actions: pages over a tenant, a device or a release.

use windlass_domain::ids::{DeviceId, JobId, ReleaseId, TenantId};
use windlass_domain::job::Execution;

use crate::error::StoreError;
use crate::executions::{ExecutionRow, columns};
use crate::tx::{Tx, fetch_all};

/// An update of one device, with the release that it brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The execution.
    pub execution: Execution,
    /// What it installs.
    pub release: ReleaseId,
}

async fn with_release(tx: &mut Tx<'_>, rows: Vec<ExecutionRow>) -> Result<Vec<Step>, StoreError> {
    let mut steps: Vec<Step> = Vec::with_capacity(rows.len());
    let mut known: std::collections::HashMap<JobId, Option<i64>> = std::collections::HashMap::new();
    for row in rows {
        let execution = row.read()?;
        let release = match known.get(&execution.job) {
            Some(release) => *release,
            None => {
                let row = crate::tx::fetch_optional!(
                    tx,
                    (Option<i64>,),
                    "SELECT release_id FROM job WHERE id = $1",
                    execution.job.get(),
                )?;
                *known.entry(execution.job).or_insert(row.and_then(|(id,)| id))
            }
        };
        if let Some(release) = release {
            steps.push(Step { execution, release: ReleaseId::new(release) });
        }
    }
    Ok(steps)
}

/// Latest tries of updates of one device, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_device(tx: &mut Tx<'_>, device: DeviceId, limit: u32) -> Result<Vec<Step>, StoreError> {
    let rows = fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "JOIN job j ON j.id = e.job_id AND j.kind = 'update'
             WHERE e.device_id = $1 AND e.latest = 1 ORDER BY e.id DESC LIMIT $2"
        ),
        device.get(),
        i64::from(limit),
    )?;
    with_release(tx, rows).await
}

/// How many updates of a device there are.
///
/// # Errors
/// When the database fails.
pub async fn count_of_device(tx: &mut Tx<'_>, device: DeviceId) -> Result<i64, StoreError> {
    let (count,) = crate::tx::fetch_one!(
        tx,
        (i64,),
        "SELECT CAST(COUNT(*) AS BIGINT) FROM execution e JOIN job j ON j.id = e.job_id AND j.kind = 'update'
         WHERE e.device_id = $1 AND e.latest = 1",
        device.get(),
    )?;
    Ok(count)
}

/// One update of a tenant.
///
/// # Errors
/// When the database fails.
pub async fn one(tx: &mut Tx<'_>, tenant: TenantId, id: i64) -> Result<Option<Step>, StoreError> {
    let rows = fetch_all!(
        tx,
        ExecutionRow,
        columns!("JOIN job j ON j.id = e.job_id AND j.kind = 'update' WHERE e.tenant_id = $1 AND e.id = $2"),
        tenant.get(),
        id,
    )?;
    Ok(with_release(tx, rows).await?.into_iter().next())
}

/// Latest tries of updates of a whole tenant, by number, those after `after`.
///
/// # Errors
/// When the database fails.
pub async fn of_tenant(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    after: i64,
    limit: u32,
) -> Result<Vec<Step>, StoreError> {
    let rows = fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "JOIN job j ON j.id = e.job_id AND j.kind = 'update'
             WHERE e.tenant_id = $1 AND e.id > $2 AND e.latest = 1 ORDER BY e.id LIMIT $3"
        ),
        tenant.get(),
        after,
        i64::from(limit),
    )?;
    with_release(tx, rows).await
}

/// Latest tries of the updates that bring a release, by number.
///
/// # Errors
/// When the database fails.
pub async fn of_release(tx: &mut Tx<'_>, release: ReleaseId) -> Result<Vec<Execution>, StoreError> {
    fetch_all!(
        tx,
        ExecutionRow,
        columns!("JOIN job j ON j.id = e.job_id WHERE j.release_id = $1 AND e.latest = 1 ORDER BY e.id"),
        release.get(),
    )?
    .into_iter()
    .map(ExecutionRow::read)
    .collect()
}

/// The devices that ever had an update that brings a release.
///
/// # Errors
/// When the database fails.
pub async fn devices_of_release(
    tx: &mut Tx<'_>,
    release: ReleaseId,
) -> Result<std::collections::BTreeSet<DeviceId>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT DISTINCT e.device_id FROM execution e JOIN job j ON j.id = e.job_id WHERE j.release_id = $1",
        release.get(),
    )?;
    Ok(rows.into_iter().map(|(id,)| DeviceId::new(id)).collect())
}
