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
    /// Only those of this device.
    pub device: Option<DeviceId>,
    /// Only those with higher ids.
    pub after: i64,
}

/// The pairs of state and verdict that a pick takes; an empty list means all of them.
fn pairs(pick: &ExecutionPick) -> Option<Vec<(ExecutionState, Verdict)>> {
    let ExecutionPick { state, verdict, outcome, device: _, after: _ } = *pick;
    if state.is_none() && verdict.is_none() && outcome.is_none() {
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
    let read = ExecutionRow::read_all;
    if let Some(device) = pick.device {
        return of_one_device(tx, job, device, pick, limit).await;
    }
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

/// A device's tries of a job: a handful.
async fn of_one_device(
    tx: &mut Tx<'_>,
    job: JobId,
    device: DeviceId,
    pick: &ExecutionPick,
    limit: u32,
) -> Result<Vec<Execution>, StoreError> {
    let rows = fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "WHERE e.job_id = $1 AND e.device_id = $2 AND e.id > $3 AND e.latest >= $4 ORDER BY e.id LIMIT $5"
        ),
        job.get(),
        device.get(),
        pick.after,
        i64::from(pick.outcome.is_some()),
        i64::from(limit),
    )?;
    let pairs = pairs(pick);
    let mut found = Vec::new();
    for row in rows {
        let execution = row.read()?;
        if pairs.as_ref().is_none_or(|pairs| pairs.contains(&(execution.state, execution.verdict))) {
            found.push(execution);
        }
    }
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
    ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "WHERE e.device_id = $1 AND e.id < $2 AND EXISTS (SELECT 1 FROM job j WHERE j.id = e.job_id)
             ORDER BY e.id DESC LIMIT $3"
        ),
        device.get(),
        before,
        i64::from(limit),
    )?)
}

/// A page of a device's commands, newest first, those with lower ids than `before`.
///
/// # Errors
/// When the database fails.
pub async fn commands_of_device(
    tx: &mut Tx<'_>,
    device: DeviceId,
    before: i64,
    limit: u32,
) -> Result<Vec<Execution>, StoreError> {
    ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "JOIN job j ON j.id = e.job_id AND j.kind = 'command'
             WHERE e.device_id = $1 AND e.id < $2 ORDER BY e.id DESC LIMIT $3"
        ),
        device.get(),
        before,
        i64::from(limit),
    )?)
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
    // A query for each way to fail, so that what did not fail is not looked at.
    let mut failed = Vec::new();
    for state in ExecutionState::ALL {
        let verdicts = Verdict::ALL.iter().filter(|v| Outcome::of(*state, **v) == Outcome::Failed);
        failed.extend(verdicts.map(|verdict| (*state, *verdict)));
    }
    let mut found = Vec::new();
    for (state, verdict) in failed {
        let rows = fetch_all!(
            tx,
            (String, i64),
            "SELECT reason, COUNT(*) FROM execution
             WHERE job_id = $1 AND state = $2 AND verdict = $3 AND latest = 1
             GROUP BY reason ORDER BY COUNT(*) DESC, reason LIMIT $4",
            job.get(),
            state.as_str(),
            verdict.as_str(),
            i64::from(limit),
        )?;
        for (reason, count) in rows {
            let count = u64::try_from(count).map_err(|e| StoreError::corrupt("execution count", e))?;
            found.push((state, verdict, reason, count));
        }
    }
    found.sort_by(|a, b| (b.3, &a.2).cmp(&(a.3, &b.2)));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}
