//! Executions for operators: pages of a job or a device, and failures by reason.

use windlass_domain::ids::{DeviceId, JobId};
use windlass_domain::job::{Execution, ExecutionState, Outcome, Verdict};

use super::{ExecutionRow, columns};
use crate::error::StoreError;
use crate::tx::{Tx, fetch_all};

/// Which executions of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExecutionPick {
    /// Only in this state.
    pub state: Option<ExecutionState>,
    /// Only with this verdict.
    pub verdict: Option<Verdict>,
    /// Only latest tries with this outcome.
    pub outcome: Option<Outcome>,
    /// Only those with higher ids.
    pub after: i64,
}

/// The pairs of state and verdict that a pick takes; an empty list means all of them.
fn pairs(pick: &ExecutionPick) -> Option<Vec<(ExecutionState, Verdict)>> {
    if *pick == (ExecutionPick { after: pick.after, ..ExecutionPick::default() }) {
        return None;
    }
    let all = ExecutionState::ALL.iter().flat_map(|s| Verdict::ALL.iter().map(move |v| (*s, *v)));
    Some(
        all.filter(|(state, verdict)| {
            pick.state.is_none_or(|wanted| wanted == *state)
                && pick.verdict.is_none_or(|wanted| wanted == *verdict)
                && pick.outcome.is_none_or(|wanted| wanted == Outcome::of(*state, *verdict))
        })
        .collect(),
    )
}

/// A page of a job's executions by id.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx<'_>,
    job: JobId,
    pick: &ExecutionPick,
    limit: u32,
) -> Result<Vec<Execution>, StoreError> {
    let read = |rows: Vec<ExecutionRow>| rows.into_iter().map(ExecutionRow::read).collect();
    let Some(pairs) = pairs(pick) else {
        return read(fetch_all!(
            tx,
            ExecutionRow,
            columns!("WHERE e.job_id = $1 AND e.id > $2 ORDER BY e.id LIMIT $3"),
            job.get(),
            pick.after,
            i64::from(limit),
        )?);
    };
    let latest_only = i64::from(pick.outcome.is_some());
    let mut found: Vec<Execution> = Vec::new();
    for (state, verdict) in pairs {
        let page: Result<Vec<Execution>, StoreError> = read(fetch_all!(
            tx,
            ExecutionRow,
            columns!(
                "WHERE e.job_id = $1 AND e.state = $2 AND e.verdict = $3 AND e.id > $4 AND e.latest >= $5
                 ORDER BY e.id LIMIT $6"
            ),
            job.get(),
            state.as_str(),
            verdict.as_str(),
            pick.after,
            latest_only,
            i64::from(limit),
        )?);
        found.extend(page?);
    }
    found.sort_by_key(|execution| execution.id);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// A page of a device's executions, newest first, those with lower ids than `before`.
///
/// # Errors
/// When the database fails.
pub async fn of_device(
    tx: &mut Tx<'_>,
    device: DeviceId,
    before: i64,
    limit: u32,
) -> Result<Vec<Execution>, StoreError> {
    fetch_all!(
        tx,
        ExecutionRow,
        columns!("WHERE e.device_id = $1 AND e.id < $2 ORDER BY e.id DESC LIMIT $3"),
        device.get(),
        before,
        i64::from(limit),
    )?
    .into_iter()
    .map(ExecutionRow::read)
    .collect()
}

/// Failed latest tries of a job by state, verdict and reason, the most frequent first.
///
/// # Errors
/// When the database fails.
pub async fn failures(
    tx: &mut Tx<'_>,
    job: JobId,
    limit: u32,
) -> Result<Vec<(ExecutionState, Verdict, String, u64)>, StoreError> {
    let rows = fetch_all!(
        tx,
        (String, String, String, i64),
        "SELECT state, verdict, reason, COUNT(*) FROM execution
         WHERE job_id = $1 AND latest = 1
           AND (verdict IN ('rolledBack', 'expired')
                OR (verdict = 'pending' AND state IN ('failed', 'rejected', 'timedOut')))
         GROUP BY state, verdict, reason ORDER BY COUNT(*) DESC, reason LIMIT $2",
        job.get(),
        i64::from(limit),
    )?;
    rows.into_iter()
        .map(|(state, verdict, reason, count)| {
            Ok((
                state.parse().map_err(|e| StoreError::corrupt("execution.state", e))?,
                verdict.parse().map_err(|e| StoreError::corrupt("execution.verdict", e))?,
                reason,
                u64::try_from(count).map_err(|e| StoreError::corrupt("execution count", e))?,
            ))
        })
        .collect()
}
