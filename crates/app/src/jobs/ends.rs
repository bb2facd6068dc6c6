//! Ends that no report of the device brought: time ran out, what it shows settled the verdict, or somebody withdrew it. The
//! history of the action says so, for it would go on ending with what the device said.

use windlass_domain::job::{Execution, Job, Outcome, Verdict, What};
use windlass_domain::time::Timestamp;
use windlass_store::ddi::{self, NewStatus};
use windlass_store::{StoreError, Tx, executions, jobs};

use super::verify;
use crate::ddi::{fell_back, spoke_of};
use crate::{App, AppError};

/// Most executions that one transaction judges.
const BATCH: u32 = 500;

/// hawkBit's word for what an execution came to, if it came to something else than before.
const fn word(before: Outcome, after: Outcome) -> Option<&'static str> {
    match (before, after) {
        (Outcome::Failed, Outcome::Succeeded | Outcome::Verifying) => Some("finished"),
        (Outcome::Failed, _) => None,
        (_, Outcome::Failed) => Some("error"),
        (Outcome::Open, Outcome::Canceled) => Some("canceled"),
        _ => None,
    }
}

/// Writes into the history of an update's action what it came to, with the reason.
///
/// # Errors
/// When the store fails.
pub(crate) async fn tell(
    tx: &mut Tx<'_>,
    job: &Job,
    before: &Execution,
    after: &Execution,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (What::Update { .. }, Some(kind)) = (&job.spec.what, word(before.outcome(), after.outcome())) else {
        return Ok(());
    };
    ddi::status_insert(tx, &NewStatus::by_server(after.id, kind, &after.reason), now).await?;
    // Who speaks hawkBit's interface is told there what it runs.
    let had_it = matches!(before.outcome(), Outcome::Verifying | Outcome::Succeeded);
    if had_it && spoke_of(after) { fell_back(tx, after.device).await } else { Ok(()) }
}

impl App {
    /// Judges what is waited for to be seen, though its job is over, once its time is over, too. True if there may be more.
    ///
    /// # Errors
    /// When the store fails; nothing was judged then.
    pub(super) async fn jobs_judge_closed(&self) -> Result<bool, AppError> {
        let now = self.clock.now();
        let due = self.store.read(move |tx| Box::pin(executions::unseen_of_closed(tx, now, BATCH))).await?;
        if due.is_empty() {
            return Ok(false);
        }
        let more = due.len() == usize::try_from(BATCH).unwrap_or(usize::MAX);
        self.store
            .write::<_, AppError, _>(move |tx| {
                let due = due.clone();
                Box::pin(async move {
                    for id in due {
                        let Some(execution) = executions::latest_by_id(tx, id).await? else { continue };
                        let Some(job) = jobs::get_any(tx, execution.job).await? else { continue };
                        let timeouts = &job.spec.timeouts;
                        let Some(mut next) = execution.timed_out(timeouts, None, None, now) else { continue };
                        // Somebody may have set it going again: its reconciler looks at it then.
                        if job.state.is_open() {
                            continue;
                        }
                        if next.verdict == Verdict::Expired {
                            next = verify::unseen(tx, &job, next).await?;
                        }
                        if executions::update(tx, &execution, &next).await? {
                            tell(tx, &job, &execution, &next, now).await?;
                        }
                    }
                    Ok(())
                })
            })
            .await?;
        Ok(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_how_it_ended_is_told() {
        use Outcome::{Canceled, Failed, Open, Skipped, Succeeded, Verifying};
        for (before, after, told) in [
            (Open, Failed, Some("error")),
            (Verifying, Failed, Some("error")),
            (Succeeded, Failed, Some("error")),
            (Open, Canceled, Some("canceled")),
            (Failed, Succeeded, Some("finished")),
            (Failed, Failed, None),
            (Open, Open, None),
            (Open, Skipped, None),
            (Verifying, Succeeded, None),
            (Succeeded, Verifying, None),
        ] {
            assert_eq!(word(before, after), told, "{before:?} {after:?}");
        }
    }
}
