//! Another try on a device: the failed one becomes history, a fresh one takes its place. What the job means for the device is
//! judged again: rules, signatures and what it runs may have changed since it failed.

use std::time::Duration;

use windlass_domain::job::execution::queued_until;
use windlass_domain::job::{Execution, Job, JobState, Outcome};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, executions};

use super::judge::{self, Catalogue, Judged};
use super::offer;
use crate::ddi::agree_in_advance;

/// Who wants another try.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    /// Whoever asked for it: a device that shows the version by now has nothing to do.
    Operator,
    /// The job's policy, after the device's own failure: that stands against what it shows. The try takes the place of the
    /// failed one, however much else the device has to do meanwhile, and waits behind that.
    Itself {
        /// How long it waits first.
        pause: Option<Duration>,
    },
}

/// Tries again of one job in one transaction, with what judging them needs to know once it is needed.
pub(super) struct Tries {
    most_open: usize,
    catalogue: Option<Catalogue>,
}

impl Tries {
    pub(super) const fn new(most_open: usize) -> Self {
        Self { most_open, catalogue: None }
    }

    async fn catalogue(
        &mut self,
        tx: &mut Tx<'_>,
        job: &Job,
        now: Timestamp,
    ) -> Result<&mut Catalogue, StoreError> {
        let catalogue = match self.catalogue.take() {
            Some(known) => known,
            None => judge::catalogue(tx, job, self.most_open, now).await?,
        };
        Ok(self.catalogue.insert(catalogue))
    }

    /// Makes another try of a failed execution. What speaks against it now is said of the failed one.
    pub(super) async fn at(
        &mut self,
        tx: &mut Tx<'_>,
        job: &Job,
        failed: &Execution,
        by: By,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let is_late = failed.expires_at.is_some_and(|at| at <= now);
        if failed.outcome() != Outcome::Failed || is_late {
            return Ok(false);
        }
        let most_open = match by {
            By::Operator => self.most_open,
            By::Itself { .. } => usize::MAX,
        };
        let catalogue = self.catalogue(tx, job, now).await?;
        catalogue.allow_open(most_open);
        let facts = catalogue.facts(tx, job, &[failed.device]).await?;
        let facts = facts.get(&failed.device);
        let judged = catalogue.judge(tx, job, facts).await?;
        if let Judged::Skip(skip) = &judged {
            executions::update(tx, failed, &failed.not_tried_again(&skip.to_string())).await?;
            return Ok(false);
        }
        if !executions::supersede(tx, failed).await? {
            return Ok(false);
        }
        let fresh = Execution {
            number: failed.number + 1,
            before: failed.before.clone(),
            consent: failed.consent,
            expires_at: failed.expires_at,
            phase_due: Some(queued_until(now, &job.spec.timeouts, failed.expires_at)),
            ..offer::fresh(job, failed.device, failed.wave, now)
        };
        let fresh = match (judged, by) {
            (Judged::Runs { before, others: _ }, By::Operator) => {
                offer::running(Execution { before, ..fresh })
            }
            (Judged::InPlace, By::Operator) => offer::in_place(fresh),
            (_, By::Itself { pause: Some(pause) }) => {
                let at = now.plus(pause);
                let phase_due = Some(queued_until(at, &job.spec.timeouts, failed.expires_at));
                Execution { phase_due, held_until: Some(at), ..fresh }
            }
            (_, By::Operator | By::Itself { pause: None }) => offer::held(job, fresh, facts, now),
        };
        executions::insert(tx, &fresh).await?;
        if offer::asks(&fresh) {
            agree_in_advance(tx, fresh.device, now).await?;
        }
        offer::tell_in_place(tx, job, &fresh, now).await?;
        Ok(true)
    }

    /// Makes another try if the job's policy has one left and the job is still wanted.
    pub(super) async fn if_due(
        &mut self,
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
            let pause = backoff.map(|backoff| backoff.before(execution.number + 1));
            self.at(tx, job, execution, By::Itself { pause }, now).await
        } else {
            Ok(false)
        }
    }
}
