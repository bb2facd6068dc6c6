//! Another try on a device: the failed one becomes history, a fresh one takes its place.

use std::time::Duration;

use windlass_domain::job::execution::queued_until;
use windlass_domain::job::{Execution, Job, JobState, Outcome};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, executions};

use super::{judge, offer};

/// Whether another try would come after the update of a later job, and bring the older software back.
async fn is_displaced(tx: &mut Tx<'_>, job: &Job, failed: &Execution) -> Result<bool, StoreError> {
    let others = judge::other_updates(tx, job, failed.device).await?;
    Ok(judge::displacing(job, &others).is_some() && !judge::is_required_step(tx, job).await?)
}

/// Makes another try of a failed execution, at once or after a pause.
pub(super) async fn again(
    tx: &mut Tx<'_>,
    job: &Job,
    failed: &Execution,
    pause: Option<Duration>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let is_late = failed.expires_at.is_some_and(|at| at <= now);
    if failed.outcome() != Outcome::Failed || is_late {
        return Ok(false);
    }
    let facts = judge::facts(tx, job, &[failed.device]).await?;
    // Nobody would ever pick it up.
    let is_here = facts.get(&failed.device).is_some_and(|facts| facts.lifecycle.may_connect());
    if !is_here || is_displaced(tx, job, failed).await? || !executions::supersede(tx, failed).await? {
        return Ok(false);
    }
    let number = failed.number + 1;
    let mut fresh = Execution {
        number,
        before: failed.before.clone(),
        consent: failed.consent,
        expires_at: failed.expires_at,
        phase_due: Some(queued_until(now, &job.spec.timeouts, failed.expires_at)),
        ..offer::fresh(job, failed.device, failed.wave, now)
    };
    fresh = match pause {
        Some(pause) => {
            let at = now.plus(pause);
            fresh.phase_due = Some(queued_until(at, &job.spec.timeouts, failed.expires_at));
            fresh.held_until = Some(at);
            fresh
        }
        None => offer::held(job, fresh, facts.get(&failed.device), now),
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
        let backoff = job.spec.rollout.backoff.as_ref();
        if backoff.is_some_and(|backoff| !backoff.covers(execution.code().as_deref())) {
            return Ok(false);
        }
        again(tx, job, execution, backoff.map(|backoff| backoff.before(execution.number + 1)), now).await
    } else {
        Ok(false)
    }
}
