//! The reconciler of jobs: looks at the open jobs that have something to do, asks the planner, carries its plan out. Takes no
//! input and is idempotent: a lost wake-up costs a minute, a restart nothing. When which job is looked at: [`super::agenda`].
//!
//! Each plan is made and carried out in one transaction, in batches, so that a large job neither blocks others nor is
//! ever half done.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use windlass_domain::ids::{DeviceId, ExecutionId, JobId};
use windlass_domain::job::plan::{offered, plan};
use windlass_domain::job::{
    Begun, ExecutionState, Job, JobState, Observed, Outcome, Plan, Retry, Step, Tally, Verdict,
};
use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;
use windlass_store::{Change, ChangeKind, StoreError, Tx, executions, jobs};

use super::agenda::{Next, SLOW};
use super::targets::AsRead;
use super::tries::{By, Tries};
use super::withdraw::{Withdrawn, withdraw};
use super::{ends, joining, judge, offer, targets, verify};
use crate::{App, AppError, audit};

/// Most executions that one transaction touches.
const BATCH: u32 = 500;
/// Most batches of one job before others have their turn.
const TURN: u32 = 8;
/// How long the reconciler sleeps unless it is woken.
const PERIOD: Duration = Duration::from_secs(1);

/// An error as logs take it.
fn cause<'e>(error: &'e (dyn std::error::Error + 'static)) -> &'e (dyn std::error::Error + 'static) {
    error
}

/// What a look at a job came to.
#[derive(Debug)]
enum Stepped {
    /// There was something to do, and it was done.
    Went,
    /// There was nothing to do.
    Idle(Idle),
}

/// A job that has nothing to do.
#[derive(Debug)]
struct Idle {
    /// Whether no timer of it runs out for long.
    rests: bool,
    /// Devices that match by now may join.
    waiting: Option<Box<joining::Waiting>>,
}

/// What a turn of the reconciler came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn {
    /// How many jobs were looked at.
    pub looked: usize,
    /// Whether there is more to do at once.
    pub more: bool,
}

/// What carrying a plan out did beside the store.
#[derive(Debug, Default)]
struct Done {
    steps: usize,
    wake: Vec<DeviceId>,
    withdrew: bool,
    paused: bool,
    halted: Option<String>,
}

/// What was observed of a job.
struct Seen {
    tallies: Vec<Tally>,
    due: Vec<ExecutionId>,
    retryable: Vec<ExecutionId>,
    again: Vec<Tally>,
    withdrawable: Vec<ExecutionId>,
}

/// Whether executions of a job may run out of time in this state of it.
const fn is_timed(state: &JobState) -> bool {
    match state {
        JobState::Running | JobState::Paused | JobState::Halted(_) | JobState::Stopping { .. } => true,
        JobState::AwaitingApproval { .. }
        | JobState::Denied
        | JobState::Scheduled { .. }
        | JobState::Canceled
        | JobState::Completed => false,
    }
}

impl Seen {
    async fn of(tx: &mut Tx<'_>, job: &Job, now: Timestamp) -> Result<Self, StoreError> {
        let due = if is_timed(&job.state) {
            executions::due(tx, job.id, &job.state, now, BATCH).await?
        } else {
            Vec::new()
        };
        let retryable = match job.progress.retry {
            Some(Retry { after, up_to }) if due.is_empty() => {
                executions::failed_between(tx, job.id, after, up_to, BATCH).await?
            }
            Some(_) | None => Vec::new(),
        };
        let again = match job.progress.retry {
            Some(Retry { up_to, .. }) if !retryable.is_empty() => {
                executions::tallies_since(tx, job.id, up_to).await?
            }
            Some(_) | None => Vec::new(),
        };
        let withdrawable = match job.state {
            JobState::Stopping { begun } if due.is_empty() => {
                executions::withdrawable(tx, job.id, begun, BATCH).await?
            }
            _ => Vec::new(),
        };
        let tallies = executions::tallies(tx, job.id).await?;
        Ok(Self { tallies, due, retryable, again, withdrawable })
    }

    /// What is to be done of the job.
    fn plan(&self, job: &Job, now: Timestamp) -> Plan {
        let Self { tallies, due, retryable, again, withdrawable } = self;
        let batch = u64::from(BATCH);
        plan(job, &Observed { tallies, due, retryable, again, withdrawable, batch }, now)
    }

    /// Whether nothing is to be done of the job up to then either, unless something happens to it.
    async fn rests(self, tx: &mut Tx<'_>, job: &Job, until: Timestamp) -> Result<bool, StoreError> {
        if is_timed(&job.state) && !executions::due(tx, job.id, &job.state, until, 1).await?.is_empty() {
            return Ok(false);
        }
        Ok(self.plan(job, until).steps.is_empty())
    }
}

async fn time_out(
    tx: &mut Tx<'_>,
    job: &Job,
    id: ExecutionId,
    again: &mut Tries,
    now: Timestamp,
    done: &mut Done,
) -> Result<(), StoreError> {
    let Some(execution) = executions::latest_by_id(tx, id).await? else { return Ok(()) };
    let window = match &job.spec.rollout.window {
        Some(window) if execution.state == ExecutionState::Queued => {
            Some(window.state(judge::time_zone(tx, job, execution.device).await?.as_deref(), now))
        }
        Some(_) | None => None,
    };
    let Some(mut next) = execution.timed_out(&job.spec.timeouts, job.progress.resumed_at, window, now) else {
        return Ok(());
    };
    // Also when it is hidden: who was told of it must be told again once it shows.
    let shown = next.held_until != execution.held_until || (next.is_shown(now) && !execution.is_shown(now));
    let ended = execution.state.is_open() && !next.state.is_open();
    if ended && next.outcome() == Outcome::Failed && next.started_at.is_some() {
        // The device fell silent; what it shows may still prove that it did the work.
        next = verify::shown(tx, job, next, now).await?;
    }
    if next.verdict == Verdict::Expired && execution.verdict != Verdict::Expired {
        next = verify::unseen(tx, job, next).await?;
    }
    if executions::update(tx, &execution, &next).await? {
        ends::tell(tx, job, &execution, &next, now).await?;
    }
    if shown {
        done.wake.push(execution.device);
    }
    if ended {
        again.if_due(tx, job, &next, now).await?;
        done.wake.push(execution.device);
    }
    Ok(())
}

async fn retry(
    tx: &mut Tx<'_>,
    job: &mut Job,
    id: ExecutionId,
    again: &mut Tries,
    now: Timestamp,
    done: &mut Done,
) -> Result<(), StoreError> {
    if let Some(failed) = executions::latest_by_id(tx, id).await?
        && again.at(tx, job, &failed, By::Operator, now).await?
    {
        done.wake.push(failed.device);
    }
    if let Some(retry) = &mut job.progress.retry {
        retry.after = id;
    }
    Ok(())
}

/// Plans once and carries the plan out, all in this transaction.
async fn advance(
    tx: &mut Tx<'_>,
    id: JobId,
    read: &AsRead,
    most_open: usize,
    now: Timestamp,
) -> Result<Done, StoreError> {
    let mut done = Done::default();
    let Some(mut job) = jobs::get_any(tx, id).await? else { return Ok(done) };
    let by_now;
    let targets = if read.are_of(&job) {
        &read.targets
    } else {
        // Another node looked at it meanwhile, and devices joined.
        by_now = targets::frozen(tx, id).await?;
        &by_now
    };
    let Plan { steps } = Seen::of(tx, &job, now).await?.plan(&job, now);
    done.steps = steps.len();
    let mut changed = false;
    let mut again = Tries::new(most_open);
    let mut state = job.state.clone();
    for step in steps {
        match step {
            Step::Start => {
                job.started_at = Some(now);
                state = JobState::Running;
            }
            Step::Offer { wave, ranks } => {
                done.wake.extend(offer::offer(tx, &job, targets, wave, &ranks, most_open, now).await?);
                job.progress = offered(job.progress, &ranks);
                changed = true;
            }
            Step::TimeOut(id) => time_out(tx, &job, id, &mut again, now, &mut done).await?,
            Step::Retry(id) => {
                retry(tx, &mut job, id, &mut again, now, &mut done).await?;
                changed = true;
            }
            Step::RetriesDone => {
                job.progress.retry = None;
                changed = true;
            }
            Step::Withdraw(id) => match withdraw(tx, &job, id, now).await? {
                Some(Withdrawn::Gone(execution)) => {
                    done.wake.push(execution.device);
                    done.withdrew = true;
                }
                Some(Withdrawn::Asked(execution)) => done.wake.push(execution.device),
                None => {}
            },
            Step::JudgePast(judged) => {
                job.past = job.past.map(|past| past.judged_as(judged));
                changed = true;
            }
            Step::Halt(halt) => {
                done.halted = Some(halt.to_string());
                let by = Principal::system(job.tenant, "jobs");
                let details = json!({ "reason": halt.to_string() });
                audit::record(tx, &by, "job.halt", &format!("job/{id}"), details, now).await?;
                state = JobState::Halted(halt);
            }
            Step::PauseAfter(wave) => {
                done.paused = true;
                job.progress.passed = wave.saturating_add(1);
                state = JobState::Paused;
            }
            Step::End => {
                job.progress.is_over = true;
                state = JobState::Stopping { begun: Begun::Finish };
            }
            Step::Complete => {
                job.ended_at = Some(now);
                state = JobState::Completed;
            }
            Step::EndCanceled => {
                job.ended_at = Some(now);
                state = JobState::Canceled;
            }
        }
    }
    if state != job.state {
        job.state = state;
        job.version += 1;
        changed = true;
    }
    if done.halted.is_some() || done.paused {
        jobs::tell_held(tx, id);
    }
    if changed && !jobs::update(tx, &job).await? {
        return Err(StoreError::new(
            windlass_store::StoreErrorKind::Busy,
            "the job was changed meanwhile; it is planned again",
        ));
    }
    Ok(done)
}

/// Carries on with a job in the transaction that made it, as far as a turn goes: those who see the job see it offered.
pub(crate) async fn carry_on(
    tx: &mut Tx<'_>,
    id: JobId,
    most_open: usize,
    now: Timestamp,
) -> Result<(), StoreError> {
    let targets = targets::as_read(tx, id).await?;
    for _ in 0..TURN {
        if advance(tx, id, &targets, most_open, now).await?.steps == 0 {
            break;
        }
    }
    Ok(())
}

impl App {
    /// Looks at every open job once, however short ago it was looked at, and does what is to be done. True if there is more to
    /// do at once.
    ///
    /// # Errors
    /// When the store fails; what was done by then stands.
    pub async fn jobs_activate(&self) -> Result<bool, AppError> {
        self.agenda.keep(true);
        self.agenda.wake_all();
        self.continuous.hurry();
        Ok(self.jobs_turn().await?.more)
    }

    /// Looks at the jobs that something happened to or that may have a timer that ran out, and does what is to be done.
    ///
    /// # Errors
    /// When the store fails; what was done by then stands.
    pub async fn jobs_turn(&self) -> Result<Turn, AppError> {
        self.jobs_turn_as(false).await
    }

    /// The same. `led`: only for as long as this node holds the lease, which it asks before each job.
    async fn jobs_turn_as(&self, led: bool) -> Result<Turn, AppError> {
        self.agenda.keep(true);
        let now = self.clock.now();
        if self.agenda.is_list_due(now) {
            for _ in 0..TURN {
                let judged = self.jobs_judge_closed().await.inspect_err(|error| {
                    tracing::error!(
                        error = cause(error),
                        "what jobs that are over wait to see could not be judged"
                    );
                });
                if !judged.unwrap_or(false) {
                    break;
                }
            }
            let open = self.store.read(|tx| Box::pin(jobs::open(tx))).await?;
            self.agenda.list(open, now);
        }
        let seq = self.fleet.seq();
        let is_stale = |id: JobId, has_place| !self.continuous.is_fresh(id, seq, has_place, now);
        let due = self.agenda.due(now, is_stale);
        let mut turn = Turn { looked: due.len(), more: false };
        for id in due {
            if led && !self.leads("jobs").await {
                self.agenda.keep(false);
                return Ok(Turn::default());
            }
            let next = self.job_activate(id).await.unwrap_or_else(|error| {
                tracing::error!(
                    job.id = id.get(),
                    error = cause(&error),
                    "a job could not be carried on; it is tried again"
                );
                Next::Soon
            });
            turn.more |= next == Next::AtOnce;
            self.agenda.note(id, next, now);
        }
        Ok(turn)
    }

    /// Has the reconciler, if it runs here, look at the jobs that the change feed names, itself or by their executions.
    pub(crate) async fn wake_changed_jobs(&self, changes: &[Change]) {
        if !self.agenda.is_kept() {
            return;
        }
        let of = |kind| changes.iter().filter(move |change| change.kind == kind).map(|change| change.id);
        let executions: BTreeSet<ExecutionId> = of(ChangeKind::Execution).map(ExecutionId::new).collect();
        let mut jobs: Vec<JobId> = of(ChangeKind::Job).map(JobId::new).collect();
        if !executions.is_empty() {
            let executions: Vec<ExecutionId> = executions.into_iter().collect();
            let asked = self
                .store
                .read_as_follower(move |tx| {
                    let executions = executions.clone();
                    Box::pin(async move { executions::jobs_of(tx, &executions).await })
                })
                .await;
            match asked {
                Ok(found) => jobs.extend(found),
                Err(error) => {
                    tracing::warn!(
                        error = cause(&error),
                        "changed jobs could not be read; all are looked at"
                    );
                    self.agenda.wake_all();
                }
            }
        }
        if !jobs.is_empty() {
            self.agenda.wake(jobs);
        }
    }

    /// One job's turn.
    async fn job_activate(&self, id: JobId) -> Result<Next, AppError> {
        let mut targets = None;
        for _ in 0..TURN {
            let Idle { rests, waiting } = match self.job_step_with(id, &mut targets).await? {
                Some(Stepped::Went) => continue,
                Some(Stepped::Idle(idle)) => idle,
                None => return Ok(Next::Over),
            };
            let Some(waiting) = waiting else { return Ok(if rests { Next::Rests } else { Next::Soon }) };
            if self.join_later_devices(&waiting).await? {
                return Ok(Next::AtOnce);
            }
            let has_place = waiting.has_place;
            return Ok(if rests { Next::Waits { has_place } } else { Next::Soon });
        }
        Ok(Next::AtOnce)
    }

    /// Makes one plan of one job and carries it out. False if there was nothing to do.
    ///
    /// # Errors
    /// When the store fails; nothing was done then.
    pub async fn job_step(&self, id: JobId) -> Result<bool, AppError> {
        Ok(matches!(self.job_step_with(id, &mut None).await?, Some(Stepped::Went)))
    }

    /// None: the job is over, or gone.
    async fn job_step_with(
        &self,
        id: JobId,
        targets: &mut Option<Arc<AsRead>>,
    ) -> Result<Option<Stepped>, AppError> {
        let now = self.clock.now();
        // Looked at on a reader first: most looks find nothing to do, and the writer is everybody's.
        let looked = self
            .store
            .read(move |tx| {
                Box::pin(async move {
                    let Some(job) = jobs::get_any(tx, id).await? else { return Ok::<_, StoreError>(None) };
                    if !job.state.is_open() {
                        return Ok(None);
                    }
                    let seen = Seen::of(tx, &job, now).await?;
                    if !seen.plan(&job, now).steps.is_empty() {
                        return Ok(Some(None));
                    }
                    let waiting = joining::waiting(&job, &seen.tallies).map(Box::new);
                    let rests = seen.rests(tx, &job, now.plus(SLOW)).await?;
                    Ok(Some(Some(Idle { rests, waiting })))
                })
            })
            .await?;
        let Some(looked) = looked else { return Ok(None) };
        if let Some(idle) = looked {
            return Ok(Some(Stepped::Idle(idle)));
        }
        let targets = match targets {
            Some(targets) => Arc::clone(targets),
            None => {
                let read = self.store.read(move |tx| Box::pin(targets::as_read(tx, id))).await?;
                Arc::clone(targets.insert(Arc::new(read)))
            }
        };
        let went = self.carry_out_plan(id, targets, now).await? > 0;
        // Somebody else did it meanwhile: it is looked at again.
        Ok(Some(if went { Stepped::Went } else { Stepped::Idle(Idle { rests: false, waiting: None }) }))
    }

    async fn carry_out_plan(
        &self,
        id: JobId,
        targets: Arc<AsRead>,
        now: Timestamp,
    ) -> Result<usize, AppError> {
        let most_open = self.limits.open_executions;
        let done = self
            .store
            .write(move |tx| {
                let targets = Arc::clone(&targets);
                Box::pin(async move { advance(tx, id, &targets, most_open, now).await })
            })
            .await?;
        if done.withdrew {
            self.forget_downloads();
        }
        if let Some(reason) = &done.halted {
            tracing::warn!(job.id = id.get(), reason, "a job stopped by its failure threshold");
            self.wake_held(id);
            self.alerts.due.notify_one();
        }
        if done.paused {
            self.wake_held(id);
        }
        for device in &done.wake {
            self.wake_device(*device);
        }
        if !done.wake.is_empty() {
            self.command_waits.jobs_changed(&[id]);
        }
        Ok(done.steps)
    }

    /// A job was held or released: its devices look again. Where several nodes share the store the change feed tells all of
    /// them, this one too.
    pub(super) fn wake_held(&self, job: JobId) {
        if !self.leases.is_shared() {
            self.wake_queued(job);
        }
    }

    /// Asks the connections here of every device that has not begun a job to look at their state.
    pub(crate) fn wake_queued(&self, job: JobId) {
        let app = self.clone();
        self.tasks.spawn_until_stopped(async move {
            let pick = executions::ExecutionPick {
                state: Some(windlass_domain::job::ExecutionState::Queued),
                ..executions::ExecutionPick::default()
            };
            let mut after = 0;
            loop {
                let pick = executions::ExecutionPick { after, ..pick };
                let page = app
                    .store
                    .read(move |tx| Box::pin(async move { executions::list(tx, job, &pick, BATCH).await }))
                    .await;
                let Ok(page) = page else { return };
                let Some(last) = page.last() else { return };
                after = last.id.get();
                for execution in &page {
                    app.wake_device(execution.device);
                }
            }
        });
    }

    /// Runs the reconciler until the group stops: when woken, and every second, on the node that holds the lease. Renews
    /// the key of download links too.
    pub(crate) async fn jobs_keeper(self) {
        loop {
            if let Err(error) = self.links_rotate_if_due().await {
                tracing::error!(error = cause(&error), "the key of links could not be renewed");
            }
            let done = if self.leads("jobs").await {
                self.jobs_turn_as(true).await
            } else {
                self.agenda.keep(false);
                Ok(Turn::default())
            };
            match done {
                Ok(Turn { more: true, .. }) => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(Turn { more: false, .. }) => {}
                Err(error) => {
                    tracing::error!(error = cause(&error), "jobs could not be read");
                }
            }
            drop(tokio::time::timeout(PERIOD, self.agenda.woken()).await);
        }
    }
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;
