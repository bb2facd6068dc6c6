//! What operators see of jobs and executions.

use std::collections::HashMap;

use windlass_domain::device::Device;
use windlass_domain::ids::{DeviceId, DeviceName, ExecutionId, JobId};
use windlass_domain::job::plan::current_wave;
use windlass_domain::job::{
    Command, Execution, ExecutionState, Job, Outcome, Standing, Standings, Verdict, What, Why, why,
};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Release;
use windlass_domain::time::Timestamp;
use windlass_store::executions::ExecutionPick;
use windlass_store::jobs::JobPick;
use windlass_store::releases::ReleaseLabel;
use windlass_store::{StoreError, Tx, devices, executions, jobs, releases};

use super::downloads::{Downloaded, downloaded, release_of};
use super::operate::approval;
use super::person::Approval;
use super::surroundings::Surroundings;
use crate::fleet::Selection;
use crate::permit::demand;
use crate::{App, AppError};

/// One wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaveView {
    /// Counted from 0.
    pub number: u32,
    /// How many waves are counted in it: more than 1 only where earlier waves of a continuous job are told as one.
    pub counts: u32,
    /// How many targets it has.
    pub targets: u64,
    /// How many of them were offered work or skipped.
    pub offered: u64,
    /// How those stand.
    pub standing: Standing,
}

/// A job with its counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// The job.
    pub job: Job,
    /// What it installs, also once that is deleted.
    pub release: Option<ReleaseLabel>,
    /// Each wave, in order.
    pub waves: Vec<WaveView>,
    /// The whole job.
    pub standing: Standing,
    /// Number of the wave under way, from 0.
    pub current_wave: u32,
    /// What the caller may say to it, while it awaits approval.
    pub approval: Option<Approval>,
}

/// Some jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPage {
    /// Newest first.
    pub views: Vec<JobView>,
    /// Where the next call goes on, if this one stopped before there were as many as were asked for.
    pub next: Option<JobId>,
}

/// One device's part, with what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionView {
    /// The execution.
    pub execution: Execution,
    /// The device's name; none if it is gone.
    pub device: Option<String>,
    /// What it was told to do, of commands.
    pub command: Option<Command>,
    /// Why it stands where it stands, and what to do.
    pub why: Why,
    /// How far it came with what the job installs, of updates.
    pub downloaded: Option<Downloaded>,
}

/// Failures with the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureCluster {
    /// What the protocol said.
    pub state: ExecutionState,
    /// What is true.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// On how many devices.
    pub count: u64,
}

/// Which executions of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionFilter {
    /// Only in this state.
    pub state: Option<ExecutionState>,
    /// Only with this verdict.
    pub verdict: Option<Verdict>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Only on the device of this name.
    pub device: Option<String>,
    /// From the one after this on.
    pub after: Option<ExecutionId>,
}

/// Up to so many targets are held against a scope one by one; more of them as a set.
const ASKED_ONE_BY_ONE: u64 = 256;
/// Jobs that are read at once, at least.
const JOBS: u32 = 100;
/// Jobs that one call looks at before it leaves the rest to the next one.
const LOOKED_AT: usize = 1_000;
/// Executions that are read at once.
const PAGE: u32 = 1_000;
/// Most clusters of failures that are told.
const CLUSTERS: u32 = 50;

async fn view(tx: &mut Tx<'_>, by: &Principal, job: Job) -> Result<JobView, StoreError> {
    let tallies = executions::tallies(tx, job.id).await?;
    let release = match job.spec.what {
        What::Update { release, .. } => releases::release_label(tx, job.tenant, release).await?,
        What::Command(_) | What::Document(_) => None,
    };
    let approval = approval(tx, by, &job).await?;
    let offered = job.progress.offered;
    let standings = Standings::of(&tallies);
    let waves: Vec<WaveView> = job
        .wave_ranges()
        .into_iter()
        .map(|(number, range)| WaveView {
            number,
            counts: job.waves_in(number),
            targets: range.end - range.start,
            offered: offered.clamp(range.start, range.end) - range.start,
            standing: standings.wave(number),
        })
        .collect();
    let (standing, current_wave) = (standings.whole(), current_wave(&job));
    Ok(JobView { release, waves, standing, current_wave, approval, job })
}

pub(super) async fn execution_views(
    tx: &mut Tx<'_>,
    app: &App,
    found: Vec<Execution>,
    now: Timestamp,
) -> Result<Vec<ExecutionView>, StoreError> {
    let mut known: HashMap<JobId, (Job, Option<Release>)> = HashMap::new();
    let mut views = Vec::with_capacity(found.len());
    for execution in found {
        let (job, release) = match known.get(&execution.job) {
            Some(job) => job,
            None => match jobs::get_any(tx, execution.job).await? {
                Some(job) => {
                    let release = release_of(tx, &job).await?;
                    known.entry(execution.job).or_insert((job, release))
                }
                None => continue,
            },
        };
        let downloaded = match release {
            Some(release) => Some(downloaded(tx, app, release, execution.id).await?),
            None => None,
        };
        let device = devices::device_by_id(tx, execution.device).await?;
        let around = Surroundings::of(tx, app, job, &execution, now).await?;
        let why = why(job, &execution, around.known(), now);
        let command = job.spec.what.command().cloned();
        let device = device.map(|device| device.name.into_string());
        views.push(ExecutionView { device, command, why, downloaded, execution });
    }
    Ok(views)
}

/// Without a scope everything of the tenant shows, also what is left of devices that are gone.
pub(super) fn may_see(app: &App, by: &Principal, device: DeviceId) -> bool {
    by.scope.is_none() || app.fleet.is_visible(by, device)
}

/// Whether a job touches nothing beyond the caller's scope; to whoever has one, other jobs do not exist.
async fn in_scope(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    job: &Job,
    within: &mut Within,
) -> Result<bool, StoreError> {
    if by.scope.is_none() {
        return Ok(true);
    }
    if job.spec.rollout.continuous.is_some() {
        // Whoever matches later may lie anywhere.
        return Ok(false);
    }
    let mut targets = jobs::frozen_targets(tx, job.id).await?;
    // Who was a target and is in the index no more is gone, and nobody's secret.
    if app.fleet.seq() >= job.target_seq {
        let there = |id| i64::try_from(id).is_ok_and(|id| app.fleet.entry(DeviceId::new(id)).is_some());
        if targets.len() > ASKED_ONE_BY_ONE {
            targets &= &within.everybody(app, by).devices;
        } else {
            targets = targets.iter().filter(|id| there(*id)).collect();
        }
    }
    if targets.is_empty() {
        // Nobody can tell whom it will touch, or did.
        return Ok(false);
    }
    if targets.len() > ASKED_ONE_BY_ONE {
        return Ok(targets.is_subset(&within.visible(app, by).devices));
    }
    let visible = |id| i64::try_from(id).is_ok_and(|id| app.fleet.is_visible(by, DeviceId::new(id)));
    Ok(targets.iter().all(visible))
}

/// Large sets of devices that jobs are held against, each found once for a request.
#[derive(Default)]
struct Within {
    everybody: Option<Selection>,
    visible: Option<Selection>,
}

impl Within {
    /// Every device of the tenant.
    fn everybody(&mut self, app: &App, by: &Principal) -> &Selection {
        self.everybody.get_or_insert_with(|| {
            let anybody = Principal { scope: None, ..by.clone() };
            app.fleet.select_visible(&anybody, None, app, app.clock.now())
        })
    }

    /// Every device that the caller may see.
    fn visible(&mut self, app: &App, by: &Principal) -> &Selection {
        self.visible.get_or_insert_with(|| app.fleet.select_visible(by, None, app, app.clock.now()))
    }
}

/// A device that exists for the caller.
pub(super) async fn known_device(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    name: &str,
) -> Result<Device, AppError> {
    let missing = || AppError::not_found("device", name);
    let parsed = name.parse::<DeviceName>().map_err(|_| missing())?;
    let device = devices::device_by_name(tx, by.tenant, &parsed).await?;
    device.filter(|device| may_see(app, by, device.id)).ok_or_else(missing)
}

/// A job that exists for the caller.
pub(super) async fn known_job(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    id: JobId,
) -> Result<Job, AppError> {
    let missing = || AppError::not_found("job", id);
    let job = jobs::get(tx, by.tenant, id).await?.ok_or_else(missing)?;
    if in_scope(tx, app, by, &job, &mut Within::default()).await? { Ok(job) } else { Err(missing()) }
}

impl App {
    /// One job.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_get(&self, by: &Principal, id: JobId) -> Result<JobView, AppError> {
        demand(by, Permission::JobRead)?;
        let (app, by) = (self.clone(), by.clone());
        self.store
            .read(move |tx| {
                let (app, by) = (app.clone(), by.clone());
                Box::pin(async move {
                    let job = known_job(tx, &app, &by, id).await?;
                    Ok(view(tx, &by, job).await?)
                })
            })
            .await
    }

    /// Jobs, newest first. Where few of them exist for the caller, so many are looked at, and the next call goes on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn job_list(&self, by: &Principal, pick: JobPick, limit: u32) -> Result<JobPage, AppError> {
        demand(by, Permission::JobRead)?;
        let (app, by) = (self.clone(), by.clone());
        self.store
            .read(move |tx| {
                let (app, by, mut pick) = (app.clone(), by.clone(), pick.clone());
                Box::pin(async move {
                    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
                    let (mut views, mut within, mut looked_at) = (Vec::new(), Within::default(), 0);
                    while views.len() < wanted {
                        if looked_at >= LOOKED_AT {
                            return Ok(JobPage { views, next: Some(JobId::new(pick.before)) });
                        }
                        let page = jobs::list(tx, by.tenant, &pick, limit.max(JOBS)).await?;
                        let Some(last) = page.last() else { break };
                        pick.before = last.id.get();
                        looked_at += page.len();
                        for job in page {
                            if views.len() < wanted && in_scope(tx, &app, &by, &job, &mut within).await? {
                                views.push(view(tx, &by, job).await?);
                            }
                        }
                    }
                    Ok(JobPage { views, next: None })
                })
            })
            .await
    }

    /// Executions of a job by number, earlier tries included; those of devices that the caller may see.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution_list(
        &self,
        by: &Principal,
        job: JobId,
        filter: ExecutionFilter,
        limit: u32,
    ) -> Result<Vec<ExecutionView>, AppError> {
        demand(by, Permission::JobRead)?;
        let (app, by, now) = (self.clone(), by.clone(), self.clock.now());
        let ExecutionFilter { state, verdict, outcome, device: name, after } = filter;
        let after = after.map_or(0, ExecutionId::get);
        let pick = ExecutionPick { state, verdict, outcome, device: None, after };
        self.store
            .read(move |tx| {
                let (app, by, name, mut pick) = (app.clone(), by.clone(), name.clone(), pick);
                Box::pin(async move {
                    known_job(tx, &app, &by, job).await?;
                    if let Some(name) = &name {
                        pick.device = match name.parse::<DeviceName>() {
                            Ok(name) => devices::device_by_name(tx, by.tenant, &name).await?,
                            Err(_) => None,
                        }
                        .map(|device| device.id);
                        if pick.device.is_none() {
                            return Ok(Vec::new());
                        }
                    }
                    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
                    let mut seen = Vec::new();
                    while seen.len() < wanted {
                        let page = executions::list(tx, job, &pick, limit).await?;
                        let Some(last) = page.last() else { break };
                        pick.after = last.id.get();
                        seen.extend(page.into_iter().filter(|found| may_see(&app, &by, found.device)));
                    }
                    seen.truncate(wanted);
                    Ok(execution_views(tx, &app, seen, now).await?)
                })
            })
            .await
    }

    /// The devices on which a job failed, of those that the caller may see, by number of their latest try.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) async fn failed_devices(&self, by: &Principal, job: JobId) -> Result<Vec<DeviceId>, AppError> {
        demand(by, Permission::JobRead)?;
        let (app, by) = (self.clone(), by.clone());
        self.store
            .read(move |tx| {
                let (app, by) = (app.clone(), by.clone());
                Box::pin(async move {
                    known_job(tx, &app, &by, job).await?;
                    let mut pick =
                        ExecutionPick { outcome: Some(Outcome::Failed), ..ExecutionPick::default() };
                    let mut failed = Vec::new();
                    loop {
                        let page = executions::list(tx, job, &pick, PAGE).await?;
                        let Some(last) = page.last() else { return Ok(failed) };
                        pick.after = last.id.get();
                        let devices = page.iter().map(|one| one.device);
                        failed.extend(devices.filter(|device| may_see(&app, &by, *device)));
                    }
                })
            })
            .await
    }

    /// One execution.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution_get(&self, by: &Principal, id: ExecutionId) -> Result<ExecutionView, AppError> {
        demand(by, Permission::JobRead)?;
        let (app, by, now) = (self.clone(), by.clone(), self.clock.now());
        self.store
            .read(move |tx| {
                let (app, by) = (app.clone(), by.clone());
                Box::pin(async move {
                    let found = executions::get(tx, by.tenant, id)
                        .await?
                        .filter(|found| may_see(&app, &by, found.device));
                    let views = execution_views(tx, &app, found.into_iter().collect(), now).await?;
                    views.into_iter().next().ok_or_else(|| AppError::not_found("execution", id))
                })
            })
            .await
    }

    /// Executions of a device, newest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn device_executions(
        &self,
        by: &Principal,
        device: &str,
        before: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<ExecutionView>, AppError> {
        demand(by, Permission::JobRead)?;
        let (app, by, now) = (self.clone(), by.clone(), self.clock.now());
        let (name, before) = (device.to_owned(), before.map_or(i64::MAX, ExecutionId::get));
        self.store
            .read(move |tx| {
                let (app, by, name) = (app.clone(), by.clone(), name.clone());
                Box::pin(async move {
                    let device = known_device(tx, &app, &by, &name).await?;
                    let found = executions::of_device(tx, device.id, before, limit).await?;
                    Ok(execution_views(tx, &app, found, now).await?)
                })
            })
            .await
    }

    /// Why a job failed where it failed: the most frequent reasons first, at most 50.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_failures(&self, by: &Principal, id: JobId) -> Result<Vec<FailureCluster>, AppError> {
        demand(by, Permission::JobRead)?;
        let (app, by) = (self.clone(), by.clone());
        self.store
            .read(move |tx| {
                let (app, by) = (app.clone(), by.clone());
                Box::pin(async move {
                    known_job(tx, &app, &by, id).await?;
                    let rows = executions::failures(tx, id, CLUSTERS).await?;
                    Ok(rows
                        .into_iter()
                        .map(|(state, verdict, reason, count)| FailureCluster {
                            state,
                            verdict,
                            reason,
                            count,
                        })
                        .collect())
                })
            })
            .await
    }
}
