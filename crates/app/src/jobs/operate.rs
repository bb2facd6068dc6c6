//! What operators do to a job that exists. Each is one small transaction; the reconciler does the rest.

use serde_json::{Value, json};
use windlass_domain::ids::{ExecutionId, JobId};
use windlass_domain::job::plan::{accept, current_wave};
use windlass_domain::job::spec::Accepted;
use windlass_domain::job::{Begun, Decision, Job, JobAction, JobState, Retry, Standing, Tally, What, past};
use windlass_domain::permission::{Permission, Principal, allows};
use windlass_domain::time::Timestamp;
use windlass_store::releases::ReleaseLabel;
use windlass_store::{StoreError, Tx, executions, jobs, releases};

use super::list::{JobView, known_job};
use super::person::{Approval, Decider};
use crate::error::FieldProblem;
use crate::permit::demand;
use crate::{App, AppError, audit};

/// Most bytes of a remark.
const REMARK_BYTES: usize = 512;

/// Whoever approves must be somebody else than whoever made the job, for all that is known. Where nobody can tell who made
/// it, nobody can approve it. To deny one's own does no harm.
fn somebody_else(id: JobId, decider: Decider, approves: bool) -> Result<(), AppError> {
    if !approves {
        return Ok(());
    }
    let detail = match decider {
        Decider::Another => return Ok(()),
        Decider::Maker => {
            format!(
                "job {id} was made by you: another user with the permission {} must approve it; you may deny it",
                Permission::JobApprove.as_str()
            )
        }
        Decider::Unknown => format!(
            "nobody can tell whether you made job {id}, for a token that stands behind yours is gone or yours was made by too \
             many others in a row; let somebody who signed in decide"
        ),
        Decider::OfUnknown => format!(
            "nobody can tell who made job {id}, for a token that stands behind it is gone or was made by too many others in \
             a row, so nobody can approve it; deny it, and make it again"
        ),
    };
    Err(AppError::Conflict { code: "job.own_approval", detail })
}

/// What the caller may say to a job that awaits approval; none for any other.
pub(super) async fn approval(
    tx: &mut Tx<'_>,
    by: &Principal,
    job: &Job,
) -> Result<Option<Approval>, StoreError> {
    if !matches!(job.state, JobState::AwaitingApproval { .. }) {
        return Ok(None);
    }
    if !allows(by, Permission::JobApprove) {
        return Ok(Some(Approval::of_role(&job.created_by)));
    }
    let decider = Decider::of(tx, job.tenant, &by.actor.to_string(), &job.created_by).await?;
    Ok(Some(Approval::of(decider, |approves| somebody_else(job.id, decider, approves))))
}

async fn load(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    id: JobId,
    expected: Option<i64>,
    action: JobAction,
) -> Result<Job, AppError> {
    let job = known_job(tx, app, by, id).await?;
    if expected.is_some_and(|expected| expected != job.version) {
        return Err(AppError::VersionMismatch { current: job.version });
    }
    if !job.state.allows(action) {
        return Err(AppError::Conflict {
            code: "job.state",
            detail: format!("job {id} is {}, so it cannot be {}", job.state.as_str(), word(action)),
        });
    }
    Ok(job)
}

const fn word(action: JobAction) -> &'static str {
    match action {
        JobAction::Approve => "approved",
        JobAction::Deny => "denied",
        JobAction::Advance => "taken on to its next wave",
        JobAction::Start => "started",
        JobAction::Pause => "paused",
        JobAction::Resume => "resumed",
        JobAction::Cancel => "canceled",
        JobAction::RetryFailed => "tried again",
        JobAction::Delete => "deleted",
    }
}

/// Nothing begins, goes on or is tried again once a job was to end.
fn in_time(job: &Job, change: &Change, now: Timestamp) -> Result<(), AppError> {
    let goes_on = match change {
        Change::Advance | Change::Start | Change::Resume | Change::RetryFailed => true,
        Change::Decide(_) | Change::Pause | Change::Cancel { .. } => false,
    };
    match job.spec.rollout.ends_at.filter(|at| goes_on && *at <= now) {
        Some(at) => Err(AppError::Conflict {
            code: "job.ended",
            detail: format!("job {} was to end at {}; make another one", job.id, at.for_people()),
        }),
        None => Ok(()),
    }
}

async fn save(tx: &mut Tx<'_>, job: &Job) -> Result<(), AppError> {
    if jobs::update(tx, job).await? {
        return Ok(());
    }
    Err(StoreError::new(windlass_store::StoreErrorKind::Busy, "the job was changed meanwhile; try again")
        .into())
}

/// What an action asks about a job's executions.
struct Seen {
    tallies: Vec<Tally>,
    /// As plans judge them now: of those that were tried again, while some are left to be.
    judged: Vec<Tally>,
    newest: ExecutionId,
}

impl Seen {
    /// Nothing, for who asks nothing about them.
    const fn nothing() -> Self {
        Self { tallies: Vec::new(), judged: Vec::new(), newest: ExecutionId::new(0) }
    }

    async fn of(tx: &mut Tx<'_>, job: &Job) -> Result<Self, StoreError> {
        let tallies = executions::tallies(tx, job.id).await?;
        let judged = match job.progress.retry {
            Some(Retry { up_to, .. }) => executions::tallies_since(tx, job.id, up_to).await?,
            None => tallies.clone(),
        };
        let newest = executions::newest(tx, job.id).await?.unwrap_or(ExecutionId::new(0));
        Ok(Self { tallies, judged, newest })
    }
}

/// What an action makes of a job.
fn apply(mut job: Job, change: Change, seen: &Seen, now: Timestamp) -> Job {
    job.version += 1;
    match change {
        Change::Decide(decision) => {
            if let JobState::AwaitingApproval { then } = job.state {
                job.state = if decision.approved { then.state() } else { JobState::Denied };
                job.started_at = (job.state == JobState::Running).then_some(now);
                job.ended_at = (!decision.approved).then_some(now);
            }
            job.decision = Some(decision);
        }
        Change::Advance => {
            job.progress.passed = current_wave(&job).saturating_add(1);
            job.progress.resumed_at = Some(now);
            job.state = JobState::Running;
        }
        Change::Start => {
            job.state = JobState::Running;
            job.started_at = Some(now);
        }
        Change::Pause => job.state = JobState::Paused,
        Change::Resume => {
            if matches!(job.state, JobState::Halted(_)) {
                job.past = past::accepted(&job, &seen.tallies);
                job.progress.accepted = accept(&job, &seen.judged);
            }
            job.progress.resumed_at = Some(now);
            job.state = JobState::Running;
        }
        Change::Cancel { begun } => {
            job.progress.retry = None;
            let before = match job.state {
                JobState::Stopping { begun } => begun,
                _ => Begun::Finish,
            };
            job.state = JobState::Stopping { begun: begun.max(before) };
        }
        Change::RetryFailed => {
            if job.state != JobState::Paused {
                job.progress.resumed_at = Some(now);
                job.state = JobState::Running;
            }
            job.progress.accepted = Accepted::default();
            job.progress.retry = Some(Retry { after: ExecutionId::new(0), up_to: seen.newest });
            job.ended_at = None;
        }
    }
    job
}

/// Lets a job begin on no further device; one that is over stays as it is.
pub(super) async fn stop(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    id: JobId,
    now: Timestamp,
) -> Result<(), AppError> {
    let job = known_job(tx, app, by, id).await?;
    if !job.state.allows(JobAction::Cancel) {
        return Ok(());
    }
    // What failed and what is newest matter to tries again only.
    carry_out(tx, by, job, Change::Cancel { begun: Begun::Finish }, &Seen::nothing(), now).await
}

/// Stores what an action makes of a job, with its record.
async fn carry_out(
    tx: &mut Tx<'_>,
    by: &Principal,
    job: Job,
    change: Change,
    seen: &Seen,
    now: Timestamp,
) -> Result<(), AppError> {
    let id = job.id;
    let (action, details, wakes) = (format!("job.{}", change.action()), change.details(), change.wakes());
    save(tx, &apply(job, change, seen, now)).await?;
    if wakes {
        jobs::tell_held(tx, id);
    }
    audit::record(tx, by, &action, &format!("job/{id}"), details, now).await?;
    Ok(())
}

#[derive(Debug, Clone)]
enum Change {
    Decide(Decision),
    Advance,
    Start,
    Pause,
    Resume,
    Cancel { begun: Begun },
    RetryFailed,
}

impl Change {
    const fn action(&self) -> JobAction {
        match self {
            Self::Decide(Decision { approved: true, .. }) => JobAction::Approve,
            Self::Decide(Decision { approved: false, .. }) => JobAction::Deny,
            Self::Advance => JobAction::Advance,
            Self::Start => JobAction::Start,
            Self::Pause => JobAction::Pause,
            Self::Resume => JobAction::Resume,
            Self::Cancel { .. } => JobAction::Cancel,
            Self::RetryFailed => JobAction::RetryFailed,
        }
    }

    /// Whether devices that have not begun look again: what they were offered is held or released.
    const fn wakes(&self) -> bool {
        match self {
            Self::Start | Self::Decide(_) => false,
            Self::Advance | Self::Pause | Self::Resume | Self::Cancel { .. } | Self::RetryFailed => true,
        }
    }

    fn details(&self) -> Value {
        match self {
            Self::Decide(decision) => json!({ "remark": decision.remark }),
            Self::Cancel { begun } => {
                json!({ "inProgressToo": *begun > Begun::Finish, "force": *begun == Begun::Withdraw })
            }
            Self::Advance | Self::Start | Self::Pause | Self::Resume | Self::RetryFailed => json!({}),
        }
    }
}

fn release_gone(id: JobId, label: Option<ReleaseLabel>) -> AppError {
    let release = label.map_or_else(
        || format!("the release of job {id}"),
        |label| format!("release {} {} of job {id}", label.name, label.version),
    );
    AppError::Conflict {
        code: "release.gone",
        detail: format!("{release} was deleted with its files; there is nothing to try again"),
    }
}

impl App {
    async fn job_change(
        &self,
        by: &Principal,
        id: JobId,
        expected: Option<i64>,
        change: Change,
    ) -> Result<u64, AppError> {
        demand(
            by,
            match &change {
                Change::Decide(_) => Permission::JobApprove,
                _ => Permission::JobControl,
            },
        )?;
        let (app, who, now) = (self.clone(), by.clone(), self.clock.now());
        let wakes = change.wakes();
        let failed = self
            .store
            .write(move |tx| {
                let (app, by, change) = (app.clone(), who.clone(), change.clone());
                Box::pin(async move {
                    let job = load(tx, &app, &by, id, expected, change.action()).await?;
                    if let Change::Decide(decision) = &change {
                        let decider = Decider::of(tx, by.tenant, &decision.by, &job.created_by).await?;
                        somebody_else(id, decider, decision.approved)?;
                    }
                    let seen = Seen::of(tx, &job).await?;
                    let failed = Standing::of(&seen.tallies, |_| true).failed;
                    in_time(&job, &change, now)?;
                    if matches!(change, Change::RetryFailed) && failed == 0 {
                        return Err(AppError::Conflict {
                            code: "job.nothing_failed",
                            detail: format!("job {id} has not failed on any device"),
                        });
                    }
                    if matches!(change, Change::RetryFailed)
                        && let What::Update { release, .. } = &job.spec.what
                        && let label = releases::release_label(tx, job.tenant, *release).await?
                        && label.as_ref().is_none_or(|label| label.deleted)
                    {
                        return Err(release_gone(id, label));
                    }
                    if let (Change::RetryFailed, Some(at)) =
                        (&change, job.expires_at().filter(|at| *at <= now))
                    {
                        return Err(AppError::Conflict {
                            code: "command.expired",
                            detail: format!(
                                "the command of job {id} expired at {}; send it again instead",
                                at.for_people()
                            ),
                        });
                    }
                    carry_out(tx, &by, job, change, &seen, now).await?;
                    Ok(failed)
                })
            })
            .await?;
        self.job_changed(id, wakes);
        Ok(failed)
    }

    /// Takes a change of a job that is stored to whom it concerns. `wakes`: also to its devices.
    pub(super) fn job_changed(&self, id: JobId, wakes: bool) {
        self.forget_downloads();
        self.agenda.wake([id]);
        self.command_waits.jobs_changed(&[id]);
        if wakes {
            self.wake_held(id);
        }
    }

    /// Says yes or no to a job that waits for a second person: somebody else than who made it.
    ///
    /// # Errors
    /// As [`App::job_start`]; `Conflict` `job.own_approval`; `Invalid` for a remark that is too long.
    pub async fn job_decide(
        &self,
        by: &Principal,
        id: JobId,
        approved: bool,
        remark: &str,
        expected: Option<i64>,
    ) -> Result<JobView, AppError> {
        if remark.len() > REMARK_BYTES {
            let problem = format!("at most {REMARK_BYTES} bytes");
            return Err(AppError::Invalid(vec![FieldProblem::new("remark", problem)]));
        }
        let decision =
            Decision { approved, by: by.actor.to_string(), at: self.clock.now(), remark: remark.to_owned() };
        self.job_change(by, id, expected, Change::Decide(decision)).await?;
        self.job_get(by, id).await
    }

    /// Goes on to the next wave without waiting for the one under way. Thresholds hold all the same.
    ///
    /// # Errors
    /// As [`App::job_start`].
    pub async fn job_advance(
        &self,
        by: &Principal,
        id: JobId,
        expected: Option<i64>,
    ) -> Result<JobView, AppError> {
        self.job_change(by, id, expected, Change::Advance).await?;
        self.job_get(by, id).await
    }

    /// Begins to offer work. `expected`: refused unless the job is at this version.
    ///
    /// # Errors
    /// `NotFound`, `VersionMismatch`, `Conflict` `job.state` when the job's state does not allow it.
    pub async fn job_start(
        &self,
        by: &Principal,
        id: JobId,
        expected: Option<i64>,
    ) -> Result<JobView, AppError> {
        self.job_change(by, id, expected, Change::Start).await?;
        self.job_get(by, id).await
    }

    /// Holds a job: nothing new is offered, and what devices have not picked up is hidden from them.
    ///
    /// # Errors
    /// As [`App::job_start`].
    pub async fn job_pause(
        &self,
        by: &Principal,
        id: JobId,
        expected: Option<i64>,
    ) -> Result<JobView, AppError> {
        self.job_change(by, id, expected, Change::Pause).await?;
        self.job_get(by, id).await
    }

    /// Goes on after a pause; after a halt it accepts the failures so far.
    ///
    /// # Errors
    /// As [`App::job_start`].
    pub async fn job_resume(
        &self,
        by: &Principal,
        id: JobId,
        expected: Option<i64>,
    ) -> Result<JobView, AppError> {
        self.job_change(by, id, expected, Change::Resume).await?;
        self.job_get(by, id).await
    }

    /// Ends a job. What devices have not begun is withdrawn; `begun` says what becomes of the rest.
    ///
    /// # Errors
    /// As [`App::job_start`].
    pub async fn job_cancel(
        &self,
        by: &Principal,
        id: JobId,
        begun: Begun,
        expected: Option<i64>,
    ) -> Result<JobView, AppError> {
        self.job_change(by, id, expected, Change::Cancel { begun }).await?;
        self.job_get(by, id).await
    }

    /// Offers the job again to every device on which it failed. Returns how many those are. A halted or completed job
    /// runs again.
    ///
    /// # Errors
    /// As [`App::job_start`]; `Conflict` `job.nothing_failed`.
    pub async fn job_retry_failed(
        &self,
        by: &Principal,
        id: JobId,
        expected: Option<i64>,
    ) -> Result<u64, AppError> {
        self.job_change(by, id, expected, Change::RetryFailed).await
    }

    /// Forgets a job that is over or never began, with its executions. It is gone for everybody at once.
    ///
    /// # Errors
    /// As [`App::job_start`].
    pub async fn job_delete(&self, by: &Principal, id: JobId, expected: Option<i64>) -> Result<(), AppError> {
        demand(by, Permission::JobControl)?;
        let (app, who, now) = (self.clone(), by.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (app, by) = (app.clone(), who.clone());
                Box::pin(async move {
                    load(tx, &app, &by, id, expected, JobAction::Delete).await?;
                    jobs::delete(tx, id).await?;
                    audit::record(tx, &by, "job.delete", &format!("job/{id}"), json!({}), now).await?;
                    Ok::<_, AppError>(())
                })
            })
            .await?;
        self.forget_downloads();
        self.job_clear(id).await;
        Ok(())
    }
}
