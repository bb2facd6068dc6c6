//! What waits for whoever carries jobs out: timers that ran out, failures to try again, what is to be withdrawn.

use windlass_domain::ids::{ExecutionId, JobId};
use windlass_domain::job::{Begun, ExecutionState, JobState};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::tx::{Tx, among, fetch_all, fetch_optional};

/// The first executions of a job whose timer ran out. What was not begun counts only while the job runs.
///
/// # Errors
/// When the database fails.
pub async fn due(
    tx: &mut Tx<'_>,
    job: JobId,
    state: &JobState,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<ExecutionId>, StoreError> {
    let rows = if *state == JobState::Running {
        fetch_all!(
            tx,
            (i64,),
            "SELECT id FROM execution WHERE job_id = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3",
            job.get(),
            now.micros(),
            i64::from(limit),
        )?
    } else {
        fetch_all!(
            tx,
            (i64,),
            "SELECT id FROM execution WHERE job_id = $1 AND due_at <= $2
               AND (state <> 'queued' OR cancel_asked_at IS NOT NULL)
             ORDER BY due_at LIMIT $3",
            job.get(),
            now.micros(),
            i64::from(limit),
        )?
    };
    Ok(ids(rows))
}

/// The jobs of these executions, those that are gone left out.
///
/// # Errors
/// When the database fails.
pub async fn jobs_of(tx: &mut Tx<'_>, executions: &[ExecutionId]) -> Result<Vec<JobId>, StoreError> {
    let list = serde_json::Value::from_iter(executions.iter().map(|id| id.get())).to_string();
    let sql = among!(tx, "SELECT DISTINCT job_id FROM execution WHERE id", "$1", "");
    let rows = fetch_all!(tx, (i64,), sql, list.as_str())?;
    Ok(rows.into_iter().map(|(id,)| JobId::new(id)).collect())
}

/// The first executions of jobs that are over whose device said that it succeeded and whose time to be seen is over.
///
/// # Errors
/// When the database fails.
pub async fn unseen_of_closed(
    tx: &mut Tx<'_>,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<ExecutionId>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT e.id FROM execution e JOIN job j ON j.id = e.job_id
         WHERE e.state = 'succeeded' AND e.verdict = 'pending' AND e.due_at <= $1
           AND j.state IN ('completed', 'canceled') ORDER BY e.due_at LIMIT $2",
        now.micros(),
        i64::from(limit),
    )?;
    Ok(ids(rows))
}

/// The first failed latest tries of a job with ids in `after + 1 ..= up_to`.
///
/// # Errors
/// When the database fails.
pub async fn failed_between(
    tx: &mut Tx<'_>,
    job: JobId,
    after: ExecutionId,
    up_to: ExecutionId,
    limit: u32,
) -> Result<Vec<ExecutionId>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT id FROM execution
         WHERE job_id = $1 AND id > $2 AND id <= $3 AND latest = 1
           AND (verdict IN ('rolledBack', 'expired', 'refuted')
                OR (verdict = 'pending' AND state IN ('failed', 'rejected', 'timedOut')))
         ORDER BY id LIMIT $4",
        job.get(),
        after.get(),
        up_to.get(),
        i64::from(limit),
    )?;
    Ok(ids(rows))
}

/// The first executions of a job that a cancellation withdraws, or asks a device about: those that were begun, too, unless
/// devices are left to finish them. Who was asked over hawkBit's interface and has not answered is waited for, and so is who
/// refused and is at work, unless it is withdrawn from everybody.
///
/// # Errors
/// When the database fails.
pub async fn withdrawable(
    tx: &mut Tx<'_>,
    job: JobId,
    begun: Begun,
    limit: u32,
) -> Result<Vec<ExecutionId>, StoreError> {
    let second = if begun == Begun::Finish { ExecutionState::Queued } else { ExecutionState::InProgress };
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT id FROM execution WHERE job_id = $1 AND state IN ($2, $3)
           AND ($4 = 1 OR NOT EXISTS (SELECT 1 FROM ddi_action a
             WHERE a.execution_id = execution.id AND a.retrieved_at IS NOT NULL
               AND (execution.cancel_asked_at IS NOT NULL
                 OR (a.cancel_retrieved_at IS NOT NULL AND execution.state = 'inProgress'))))
         ORDER BY id LIMIT $5",
        job.get(),
        ExecutionState::Queued.as_str(),
        second.as_str(),
        i64::from(begun == Begun::Withdraw),
        i64::from(limit),
    )?;
    Ok(ids(rows))
}

/// The newest execution of a job.
///
/// # Errors
/// When the database fails.
pub async fn newest(tx: &mut Tx<'_>, job: JobId) -> Result<Option<ExecutionId>, StoreError> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "SELECT id FROM execution WHERE job_id = $1 ORDER BY id DESC LIMIT 1",
        job.get(),
    )?;
    Ok(row.map(|(id,)| ExecutionId::new(id)))
}

fn ids(rows: Vec<(i64,)>) -> Vec<ExecutionId> {
    rows.into_iter().map(|(id,)| ExecutionId::new(id)).collect()
}
