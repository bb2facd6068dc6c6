//! Jobs that are over for long, and what is left of those that were deleted.

use windlass_domain::ids::JobId;
use windlass_domain::time::Timestamp;

use super::waves;
use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::releases::past;
use crate::tx::{Tx, execute, fetch_all};

/// Jobs that were over before `before`, oldest first, or else that have `keep` newer ones of their tenant that are over: at most
/// so many.
///
/// # Errors
/// When the database fails.
pub async fn bygone(
    tx: &mut Tx<'_>,
    before: Timestamp,
    keep: u64,
    limit: u32,
) -> Result<Vec<JobId>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT id FROM job WHERE ended_at < $1 AND state IN ('canceled', 'completed', 'denied')
         ORDER BY ended_at LIMIT $2",
        before.micros(),
        i64::from(limit),
    )?;
    if !rows.is_empty() {
        return Ok(rows.into_iter().map(|(id,)| JobId::new(id)).collect());
    }
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    let full = fetch_all!(
        tx,
        (i64,),
        "SELECT tenant_id FROM job WHERE ended_at IS NOT NULL GROUP BY tenant_id HAVING COUNT(*) > $1",
        keep,
    )?;
    let mut bygone = Vec::new();
    for (tenant,) in full {
        let rows = fetch_all!(
            tx,
            (i64,),
            "SELECT id FROM job WHERE tenant_id = $1 AND ended_at IS NOT NULL AND state IN ('canceled', 'completed', 'denied')
             ORDER BY ended_at DESC, id DESC LIMIT $2 OFFSET $3",
            tenant,
            i64::from(limit),
            keep,
        )?;
        bygone.extend(rows.into_iter().map(|(id,)| JobId::new(id)));
    }
    bygone.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(bygone)
}

/// Deletes a job and its counters, and notes that its executions are to go: without their job nobody sees them.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Tx<'_>, id: JobId) -> Result<(), StoreError> {
    execute!(
        tx,
        "INSERT INTO job_remnant (job_id, release_id) SELECT id, release_id FROM job WHERE id = $1
         ON CONFLICT (job_id) DO NOTHING",
        id.get(),
    )?;
    waves::delete(tx, id).await?;
    execute!(tx, "DELETE FROM hawkbit_extra WHERE kind = 'job' AND thing_id = $1", id.get())?;
    execute!(tx, "DELETE FROM job_tally WHERE job_id = $1", id.get())?;
    execute!(tx, "DELETE FROM job WHERE id = $1", id.get())?;
    tx.changed(ChangeKind::Job, id.get());
    Ok(())
}

/// The first jobs that were deleted and whose executions are still to go.
///
/// # Errors
/// When the database fails.
pub async fn remnants(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<JobId>, StoreError> {
    let sql = "SELECT job_id FROM job_remnant ORDER BY job_id LIMIT $1";
    let rows = fetch_all!(tx, (i64,), sql, i64::from(limit))?;
    Ok(rows.into_iter().map(|(id,)| JobId::new(id)).collect())
}

/// Deletes some executions of a job that was deleted. `fetched`: the reason by which updates ended that had nothing to
/// install. True if none is left.
///
/// # Errors
/// When the database fails.
pub async fn clear_remnant(
    tx: &mut Tx<'_>,
    id: JobId,
    limit: u32,
    fetched: &str,
) -> Result<bool, StoreError> {
    if crate::executions::delete_some(tx, id, limit, fetched).await? > 0 {
        return Ok(false);
    }
    past::forget(tx, id).await?;
    execute!(tx, "DELETE FROM job_remnant WHERE job_id = $1", id.get())?;
    Ok(true)
}
