//! Another try on a device: the failed one becomes history, a fresh one takes its place.

use std::collections::BTreeMap;

use windlass_domain::ids::ExecutionId;
use windlass_domain::job::execution::queued_until;
use windlass_domain::job::{Execution, ExecutionState, Job, JobState, Outcome, Verdict};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, executions};

/// Makes another try of a failed execution.
pub(super) async fn again(
    tx: &mut Tx<'_>,
    job: &Job,
    failed: &Execution,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let is_late = failed.expires_at.is_some_and(|at| at <= now);
    if failed.outcome() != Outcome::Failed || is_late || !executions::supersede(tx, failed).await? {
        return Ok(false);
    }
    let fresh = Execution {
        id: ExecutionId::new(0),
        number: failed.number + 1,
        state: ExecutionState::Queued,
        verdict: Verdict::Pending,
        reason: String::new(),
        details: BTreeMap::new(),
        version: 1,
        queued_at: now,
        started_at: None,
        updated_at: now,
        ended_at: None,
        phase_due: Some(queued_until(now, &job.spec.timeouts, failed.expires_at)),
        step_due: None,
        held_until: None,
        closes_at: None,
        cancel_asked_at: None,
        status_code: None,
        ..failed.clone()
    };
    executions::insert(tx, &fresh).await?;
    Ok(true)
}

/// Makes another try if the job's policy has one left and the job is still wanted.
pub(super) async fn again_if_due(
    tx: &mut Tx<'_>,
    job: &Job,
    execution: &Execution,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let wanted = match job.state {
        JobState::Running | JobState::Paused | JobState::Halted(_) => true,
        JobState::AwaitingApproval { .. }
        | JobState::Denied
        | JobState::Scheduled { .. }
        | JobState::Stopping { .. }
        | JobState::Canceled
        | JobState::Completed => false,
    };
    if wanted && execution.is_retried(job.spec.retries) {
        again(tx, job, execution, now).await
    } else {
        Ok(false)
    }
}
