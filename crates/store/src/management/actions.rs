//! Updates of devices as actions: pages over a tenant, a device or a release. Those that somebody took out of sight
//! ([`super::hidden`]) are left out where it says so.

use windlass_domain::ids::{DeviceId, ExecutionId, JobId, ReleaseId, TenantId};
use windlass_domain::job::{Execution, ExecutionState, Outcome, Verdict};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::executions::{ExecutionRow, columns};
use crate::row::write_ids;
use crate::tx::{Tx, among, fetch_all};

/// An update of one device, with the release that it brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The execution.
    pub execution: Execution,
    /// What it installs.
    pub release: ReleaseId,
}

pub(super) fn state_of(text: &str) -> Result<ExecutionState, StoreError> {
    text.parse().map_err(|e| StoreError::corrupt("execution.state", e))
}

pub(super) fn verdict_of(text: &str) -> Result<Verdict, StoreError> {
    text.parse().map_err(|e| StoreError::corrupt("execution.verdict", e))
}

pub(super) async fn with_release(tx: &mut Tx<'_>, rows: Vec<ExecutionRow>) -> Result<Vec<Step>, StoreError> {
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

/// The plus keeps SQLite from reading all of a tenant to find one device's; the tenant only has to be right.
pub(super) const OF_DEVICE: &str = columns!(
    "JOIN job j ON j.id = e.job_id AND j.kind = 'update'
     WHERE +e.tenant_id = $1 AND e.device_id = $2 AND e.latest = 1 ORDER BY e.id DESC LIMIT $3"
);
pub(super) const COUNT_OF_DEVICE: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM execution e JOIN job j ON j.id = e.job_id AND j.kind = 'update'
     WHERE +e.tenant_id = $1 AND e.device_id = $2 AND e.latest = 1 AND e.hidden_at IS NULL";

/// Latest tries of updates of one device, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_device(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    limit: u32,
) -> Result<Vec<Step>, StoreError> {
    let rows = fetch_all!(tx, ExecutionRow, OF_DEVICE, tenant.get(), device.get(), i64::from(limit))?;
    with_release(tx, rows).await
}

/// How many updates of a device there are that are not out of sight.
///
/// # Errors
/// When the database fails.
pub async fn count_of_device(tx: &mut Tx<'_>, tenant: TenantId, device: DeviceId) -> Result<i64, StoreError> {
    let (count,) = crate::tx::fetch_one!(tx, (i64,), COUNT_OF_DEVICE, tenant.get(), device.get())?;
    Ok(count)
}

/// One update of a tenant that is not out of sight.
///
/// # Errors
/// When the database fails.
pub async fn one(tx: &mut Tx<'_>, tenant: TenantId, id: i64) -> Result<Option<Step>, StoreError> {
    let rows = fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "JOIN job j ON j.id = e.job_id AND j.kind = 'update'
             WHERE e.tenant_id = $1 AND e.id = $2 AND e.hidden_at IS NULL"
        ),
        tenant.get(),
        id,
    )?;
    Ok(with_release(tx, rows).await?.into_iter().next())
}

/// Latest tries of updates of a whole tenant that are not out of sight, by number.
///
/// # Errors
/// When the database fails.
pub async fn page(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    newest_first: bool,
    offset: u64,
    limit: u32,
) -> Result<Vec<Step>, StoreError> {
    let sql = if newest_first {
        columns!(
            "JOIN job j ON j.id = e.job_id AND j.kind = 'update'
             WHERE e.tenant_id = $1 AND e.latest = 1 AND e.hidden_at IS NULL ORDER BY e.id DESC LIMIT $2 OFFSET $3"
        )
    } else {
        columns!(
            "JOIN job j ON j.id = e.job_id AND j.kind = 'update'
             WHERE e.tenant_id = $1 AND e.latest = 1 AND e.hidden_at IS NULL ORDER BY e.id LIMIT $2 OFFSET $3"
        )
    };
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let rows = fetch_all!(tx, ExecutionRow, sql, tenant.get(), i64::from(limit), offset)?;
    with_release(tx, rows).await
}

/// Latest tries of updates of a whole tenant that are not out of sight, the newest first, those with a lower number than
/// `before`.
///
/// # Errors
/// When the database fails.
pub async fn before(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    before: i64,
    limit: u32,
) -> Result<Vec<Step>, StoreError> {
    let rows = fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "JOIN job j ON j.id = e.job_id AND j.kind = 'update'
             WHERE e.tenant_id = $1 AND e.id < $2 AND e.latest = 1 AND e.hidden_at IS NULL
             ORDER BY e.id DESC LIMIT $3"
        ),
        tenant.get(),
        before,
        i64::from(limit),
    )?;
    with_release(tx, rows).await
}

/// How many devices have how many updates in a tenant, all together: from the counters of its jobs, without those that
/// are out of sight.
///
/// # Errors
/// When the database fails.
pub async fn count(tx: &mut Tx<'_>, tenant: TenantId) -> Result<u64, StoreError> {
    let (count,) = crate::tx::fetch_one!(
        tx,
        (i64,),
        "SELECT CAST(COALESCE(SUM(t.count), 0) AS BIGINT) FROM job_tally t
         JOIN job j ON j.id = t.job_id AND j.kind = 'update' WHERE j.tenant_id = $1",
        tenant.get(),
    )?;
    Ok(u64::try_from(count).unwrap_or(0).saturating_sub(super::hidden::count(tx, tenant).await?))
}

/// As much of an update as tells where its device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// Its number.
    pub id: ExecutionId,
    /// Whose it is.
    pub device: DeviceId,
    /// Of which job; none if that is gone.
    pub job: Option<JobId>,
    /// What it installs.
    pub release: ReleaseId,
    /// How it counts, whatever the device said.
    pub outcome: Outcome,
    /// Whether it ended for this reason.
    pub is_reason: bool,
    /// When the protocol said its last word.
    pub ended_at: Option<Timestamp>,
}

/// Outlines of the latest tries of a tenant's updates, by number, those after `after`. `reason`: the one of interest.
///
/// # Errors
/// When the database fails.
pub async fn outlines(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    reason: &str,
    after: i64,
    limit: u32,
) -> Result<Vec<Outline>, StoreError> {
    let rows = fetch_all!(
        tx,
        OutlineRow,
        "SELECT e.id, e.device_id, e.job_id, j.release_id, e.state, e.verdict,
           CAST(CASE WHEN e.reason = $2 THEN 1 ELSE 0 END AS BIGINT), e.ended_at
         FROM execution e JOIN job j ON j.id = e.job_id AND j.kind = 'update'
         WHERE e.tenant_id = $1 AND e.id > $3 AND e.latest = 1 AND j.release_id IS NOT NULL ORDER BY e.id LIMIT $4",
        tenant.get(),
        reason,
        after,
        i64::from(limit),
    )?;
    outlined(rows)
}

/// The same of some devices of a tenant, in no order.
///
/// # Errors
/// When the database fails.
pub async fn outlines_among(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    reason: &str,
    devices: &[DeviceId],
) -> Result<Vec<Outline>, StoreError> {
    let list = write_ids(devices);
    let sql = among!(
        tx,
        "SELECT e.id, e.device_id, e.job_id, j.release_id, e.state, e.verdict,
           CAST(CASE WHEN e.reason = $2 THEN 1 ELSE 0 END AS BIGINT), e.ended_at
         FROM execution e JOIN job j ON j.id = e.job_id AND j.kind = 'update'
         WHERE +e.tenant_id = $1 AND e.latest = 1 AND j.release_id IS NOT NULL AND e.device_id",
        "$3",
        ""
    );
    outlined(fetch_all!(tx, OutlineRow, sql, tenant.get(), reason, list.as_str())?)
}

/// Number, device, job, release, state, verdict, whether it ended for the reason, end.
type OutlineRow = (i64, i64, i64, i64, String, String, i64, Option<i64>);

fn outlined(rows: Vec<OutlineRow>) -> Result<Vec<Outline>, StoreError> {
    rows.into_iter()
        .map(|(id, device, job, release, state, verdict, is_reason, ended_at)| {
            Ok(Outline {
                id: ExecutionId::new(id),
                device: DeviceId::new(device),
                job: Some(JobId::new(job)),
                release: ReleaseId::new(release),
                outcome: Outcome::of(state_of(&state)?, verdict_of(&verdict)?),
                is_reason: is_reason != 0,
                ended_at: ended_at.map(Timestamp::from_micros),
            })
        })
        .collect()
}

/// Latest tries of the updates that bring a release and are not out of sight, by number.
///
/// # Errors
/// When the database fails.
pub async fn of_release(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<Vec<Execution>, StoreError> {
    ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "JOIN job j ON j.id = e.job_id
             WHERE j.tenant_id = $1 AND j.release_id = $2 AND e.latest = 1 AND e.hidden_at IS NULL ORDER BY e.id"
        ),
        tenant.get(),
        release.get(),
    )?)
}

/// Latest tries of the updates of one job that stand alike, as far as their words hang on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alike {
    /// Of which job.
    pub job: JobId,
    /// What the protocol said.
    pub state: ExecutionState,
    /// What is true of it.
    pub verdict: Verdict,
    /// Whether the device was asked to stop.
    pub is_stopping: bool,
    /// Whether somebody must agree who did not yet.
    pub waits_for_consent: bool,
    /// Whether the device fetched what it is to do, and no word since on what it is to stop.
    pub retrieved: bool,
    /// Whether an operator had the device act at once.
    pub forced: bool,
    /// How many.
    pub count: u64,
}

/// How many latest tries of the updates that bring a release and are not out of sight stand alike.
///
/// # Errors
/// When the database fails.
pub async fn alike(tx: &mut Tx<'_>, tenant: TenantId, release: ReleaseId) -> Result<Vec<Alike>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64, String, String, i64, i64, i64, i64, i64),
        "SELECT e.job_id, e.state, e.verdict,
           CAST(CASE WHEN e.cancel_asked_at IS NULL THEN 0 ELSE 1 END AS BIGINT),
           CAST(CASE WHEN e.consent <> 0 AND e.consent_at IS NULL THEN 1 ELSE 0 END AS BIGINT),
           CAST(CASE WHEN a.retrieved_at IS NULL OR a.cancel_retrieved_at IS NOT NULL THEN 0 ELSE 1 END AS BIGINT),
           CAST(COALESCE(a.forced, 0) AS BIGINT), CAST(COUNT(*) AS BIGINT)
         FROM execution e JOIN job j ON j.id = e.job_id LEFT JOIN ddi_action a ON a.execution_id = e.id
         WHERE j.tenant_id = $1 AND j.release_id = $2 AND e.latest = 1 AND e.hidden_at IS NULL
         GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7",
        tenant.get(),
        release.get(),
    )?;
    rows.into_iter()
        .map(|(job, state, verdict, is_stopping, waits_for_consent, retrieved, forced, count)| {
            Ok(Alike {
                job: JobId::new(job),
                state: state_of(&state)?,
                verdict: verdict_of(&verdict)?,
                is_stopping: is_stopping != 0,
                waits_for_consent: waits_for_consent != 0,
                retrieved: retrieved != 0,
                forced: forced != 0,
                count: u64::try_from(count).unwrap_or(0),
            })
        })
        .collect()
}

/// Those of these devices that ever had an update that brings a release, as [`devices_of_release`] says it.
///
/// # Errors
/// When the database fails.
pub async fn given_among(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    release: ReleaseId,
    devices: &[DeviceId],
) -> Result<std::collections::BTreeSet<DeviceId>, StoreError> {
    let list = write_ids(devices);
    let sql = among!(
        tx,
        "SELECT e.device_id FROM execution e JOIN job j ON j.id = e.job_id
         WHERE j.tenant_id = $1 AND j.release_id = $2 AND NOT (e.state = 'removed' AND e.verdict = 'pending')
           AND e.device_id",
        "$3",
        ""
    );
    let mut rows = fetch_all!(tx, (i64,), sql, tenant.get(), release.get(), list.as_str())?;
    let sql = among!(
        tx,
        "SELECT e.device_id FROM execution e JOIN job_remnant r ON r.job_id = e.job_id
         WHERE e.tenant_id = $1 AND r.release_id = $2 AND NOT (e.state = 'removed' AND e.verdict = 'pending')
           AND e.device_id",
        "$3",
        ""
    );
    rows.extend(fetch_all!(tx, (i64,), sql, tenant.get(), release.get(), list.as_str())?);
    let sql = among!(
        tx,
        "SELECT device_id FROM past_update WHERE tenant_id = $1 AND release_id = $2 AND device_id",
        "$3",
        ""
    );
    rows.extend(fetch_all!(tx, (i64,), sql, tenant.get(), release.get(), list.as_str())?);
    Ok(rows.into_iter().map(|(id,)| DeviceId::new(id)).collect())
}

/// The devices that ever had an update that brings a release, also where its job is gone. Not those that it left out.
///
/// # Errors
/// When the database fails.
pub async fn devices_of_release(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<std::collections::BTreeSet<DeviceId>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT e.device_id FROM execution e JOIN job j ON j.id = e.job_id
         WHERE j.tenant_id = $1 AND j.release_id = $2 AND NOT (e.state = 'removed' AND e.verdict = 'pending')
         UNION SELECT e.device_id FROM execution e JOIN job_remnant r ON r.job_id = e.job_id
         WHERE e.tenant_id = $1 AND r.release_id = $2 AND NOT (e.state = 'removed' AND e.verdict = 'pending')
         UNION SELECT p.device_id FROM past_update p WHERE p.tenant_id = $1 AND p.release_id = $2",
        tenant.get(),
        release.get(),
    )?;
    Ok(rows.into_iter().map(|(id,)| DeviceId::new(id)).collect())
}
