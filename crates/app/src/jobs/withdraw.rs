//! What becomes of a device's part when its job is canceled: it is withdrawn, or the device is asked to stop.

use windlass_domain::ids::ExecutionId;
use windlass_domain::job::{Begun, Execution, ExecutionState, Job, JobState};
use windlass_domain::time::Timestamp;
use windlass_store::ddi::{self, NewStatus, Served};
use windlass_store::{StoreError, Tx, executions};

use super::ends;

/// What was done.
pub(super) enum Withdrawn {
    /// The device may not go on.
    Gone(Execution),
    /// The device was asked to stop; its answer, or its silence, decides.
    Asked(Execution),
}

async fn ask(
    tx: &mut Tx<'_>,
    execution: &Execution,
    job: &Job,
    now: Timestamp,
) -> Result<Option<Execution>, StoreError> {
    let may_be_asked = match job.state {
        JobState::Stopping { begun: Begun::Ask } => true,
        // Who says that it began finishes. Of others that fetched it nobody knows: they may be at work, too.
        JobState::Stopping { begun: Begun::Finish } => execution.state == ExecutionState::Queued,
        _ => false,
    };
    if !may_be_asked {
        return Ok(None);
    }
    // Whoever fetched it over hawkBit's interface may be at work on it, and can be told to stop.
    let Served { retrieved_at, cancel_retrieved_at, .. } = ddi::served(tx, execution.id).await?;
    if retrieved_at.is_none() || cancel_retrieved_at.is_some() {
        return Ok(None);
    }
    let Some(asked) = execution.asked_to_cancel(&job.spec.timeouts, now) else { return Ok(None) };
    executions::update(tx, execution, &asked).await?;
    let what =
        if job.progress.is_over { "the rollout's end time passed" } else { "the rollout was canceled" };
    let text = format!("{what}; the device is asked to stop");
    ddi::status_insert(tx, &NewStatus::by_server(execution.id, "canceling", &text), now).await?;
    Ok(Some(asked))
}

/// Withdraws an execution, or asks the device to stop where that is how the job ends. None if it was over.
pub(super) async fn withdraw(
    tx: &mut Tx<'_>,
    job: &Job,
    id: ExecutionId,
    now: Timestamp,
) -> Result<Option<Withdrawn>, StoreError> {
    let Some(execution) = executions::latest_by_id(tx, id).await? else { return Ok(None) };
    if let Some(asked) = ask(tx, &execution, job, now).await? {
        return Ok(Some(Withdrawn::Asked(asked)));
    }
    let reason = if job.progress.is_over { "the job's end time passed" } else { "the job was canceled" };
    let Some(next) = execution.withdrawn(reason, now) else { return Ok(None) };
    if executions::update(tx, &execution, &next).await? {
        ends::tell(tx, job, &execution, &next, now).await?;
    }
    Ok(Some(Withdrawn::Gone(next)))
}
