//! What operators ask and do about one device's part of a job: why it stands there, to stop it, to agree for its user.

use std::collections::BTreeSet;

use serde_json::json;
use windlass_domain::device::Device;
use windlass_domain::ids::{DeviceId, ExecutionId, JobId};
use windlass_domain::job::why::{Place, standing};
use windlass_domain::job::{Execution, Job, Outcome, What, Why};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::releases::ReleaseLabel;
use windlass_store::{StoreError, Tx, executions, jobs, releases};

use super::ends;
use super::list::{ExecutionView, known_device, known_job, may_see};
use super::surroundings::Surroundings;
use super::targets;
use crate::permit::demand;
use crate::{App, AppError, audit};

/// Most jobs that are told for one device.
const JOBS: u32 = 50;

/// Why a device stands where it stands with one job.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceStanding {
    /// The job.
    pub job: Job,
    /// What it installs.
    pub release: Option<ReleaseLabel>,
    /// The device's part, if it was offered work.
    pub execution: Option<Execution>,
    /// Whether it has a place in the job at all.
    pub is_target: bool,
    /// The sentence.
    pub why: Why,
}

async fn stands(
    tx: &mut Tx<'_>,
    app: &App,
    job: Job,
    device: DeviceId,
    now: Timestamp,
) -> Result<DeviceStanding, StoreError> {
    let execution = executions::latest(tx, device, job.id).await?;
    let tallies = executions::tallies(tx, job.id).await?;
    let around;
    let place = match &execution {
        Some(execution) => {
            around = Surroundings::of(tx, app, &job, execution, now).await?;
            Place::Here { execution, known: around.known() }
        }
        None => {
            let targets = targets::frozen(tx, job.id).await?;
            match targets.wave_of(&job, device) {
                Some(wave) => Place::Waiting { wave },
                None => Place::NotATarget,
            }
        }
    };
    let why = standing(&job, &place, &tallies, now);
    let is_target = !matches!(place, Place::NotATarget);
    let release = match job.spec.what {
        What::Update { release, .. } => releases::release_label(tx, job.tenant, release).await?,
        What::Command(_) | What::Document(_) => None,
    };
    Ok(DeviceStanding { job, release, execution, is_target, why })
}

/// Whether a device is among those that a job was frozen for, or joined it.
async fn is_for(tx: &mut Tx<'_>, job: JobId, device: DeviceId) -> Result<bool, StoreError> {
    let Ok(id) = u64::try_from(device.get()) else { return Ok(false) };
    Ok(jobs::frozen_targets(tx, job).await?.contains(id)
        || executions::latest(tx, device, job).await?.is_some())
}

fn conflict(code: &'static str, detail: String) -> AppError {
    AppError::Conflict { code, detail }
}

/// What is done to one execution.
#[derive(Debug, Clone, Copy)]
enum Act {
    Cancel { force: bool },
    Agree,
}

fn act(act: Act, job: &Job, execution: &Execution, now: Timestamp) -> Result<Execution, AppError> {
    let id = execution.id;
    match act {
        Act::Agree => execution.agreed(now).ok_or_else(|| {
            conflict("execution.no_consent", format!("execution {id} does not wait for anybody to agree"))
        }),
        Act::Cancel { .. } if !execution.state.is_open() => {
            Err(conflict("execution.over", format!("execution {id} is over; there is nothing to cancel")))
        }
        Act::Cancel { force: true } => execution
            .withdrawn("an operator ended it without asking the device", now)
            .ok_or_else(|| conflict("execution.over", format!("execution {id} is over"))),
        Act::Cancel { force: false } => execution.asked_to_cancel(&job.spec.timeouts, now).ok_or_else(|| {
            let text = format!("the device was asked to stop execution {id} already; force ends it");
            conflict("execution.canceling", text)
        }),
    }
}

async fn change(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    id: ExecutionId,
    what: Act,
    now: Timestamp,
) -> Result<(DeviceId, JobId), AppError> {
    let missing = || AppError::not_found("execution", id);
    let found = executions::latest_by_id(tx, id).await?.filter(|found| found.tenant == by.tenant);
    let execution = found.filter(|found| may_see(app, by, found.device)).ok_or_else(missing)?;
    let job = jobs::get(tx, by.tenant, execution.job).await?.ok_or_else(missing)?;
    let next = act(what, &job, &execution, now)?;
    if !executions::update(tx, &execution, &next).await? {
        let text = "the execution was changed meanwhile; try again";
        return Err(StoreError::new(windlass_store::StoreErrorKind::Busy, text).into());
    }
    ends::tell(tx, &job, &execution, &next, now).await?;
    let (action, details) = match what {
        Act::Cancel { force } => ("execution.cancel", json!({ "job": job.id.get(), "force": force })),
        Act::Agree => ("execution.confirm", json!({ "job": job.id.get() })),
    };
    audit::record(tx, by, action, &format!("execution/{id}"), details, now).await?;
    Ok((execution.device, job.id))
}

impl App {
    async fn execution_change(
        &self,
        by: &Principal,
        id: ExecutionId,
        what: Act,
    ) -> Result<ExecutionView, AppError> {
        demand(by, Permission::JobControl)?;
        let (app, who, now) = (self.clone(), by.clone(), self.clock.now());
        let (device, job) = self
            .store
            .write(move |tx| {
                let (app, by) = (app.clone(), who.clone());
                Box::pin(async move { change(tx, &app, &by, id, what, now).await })
            })
            .await?;
        self.forget_downloads();
        self.agenda.wake([job]);
        self.command_waits.jobs_changed(&[job]);
        self.wake_device(device);
        self.execution_get(by, id).await
    }

    /// Asks a device to stop, or ends its part without asking. Devices that take no such question (MQTT) see only that
    /// it is gone; for them it ends at its time-out unless forced.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` `execution.over`, `execution.canceling`.
    pub async fn execution_cancel(
        &self,
        by: &Principal,
        id: ExecutionId,
        force: bool,
    ) -> Result<ExecutionView, AppError> {
        self.execution_change(by, id, Act::Cancel { force }).await
    }

    /// Agrees in place of a device's user.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` `execution.no_consent`.
    pub async fn execution_confirm(
        &self,
        by: &Principal,
        id: ExecutionId,
    ) -> Result<ExecutionView, AppError> {
        self.execution_change(by, id, Act::Agree).await
    }

    /// Why a device stands where it stands with a job, also if it has no part in it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_why(&self, by: &Principal, id: JobId, device: &str) -> Result<DeviceStanding, AppError> {
        demand(by, Permission::JobRead)?;
        let (app, by, now) = (self.clone(), by.clone(), self.clock.now());
        let name = device.to_owned();
        self.store
            .read(move |tx| {
                let (app, by, name) = (app.clone(), by.clone(), name.clone());
                Box::pin(async move {
                    let job = known_job(tx, &app, &by, id).await?;
                    let device: Device = known_device(tx, &app, &by, &name).await?;
                    Ok(stands(tx, &app, job, device.id, now).await?)
                })
            })
            .await
    }

    /// The updates that are under way for a device, and its latest one: why it is not updated, or that it is.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn device_updates(
        &self,
        by: &Principal,
        device: &str,
    ) -> Result<Vec<DeviceStanding>, AppError> {
        demand(by, Permission::JobRead)?;
        let (app, by, now) = (self.clone(), by.clone(), self.clock.now());
        let name = device.to_owned();
        self.store
            .read(move |tx| {
                let (app, by, name) = (app.clone(), by.clone(), name.clone());
                Box::pin(async move {
                    let device = known_device(tx, &app, &by, &name).await?;
                    // What it has to do comes first, however many jobs there are for others.
                    let unsettled = executions::unsettled(tx, device.id).await?;
                    let open = unsettled.into_iter().filter(|one| one.outcome() == Outcome::Open);
                    let mut of: BTreeSet<JobId> = open.map(|one| one.job).collect();
                    for id in jobs::open_updates(tx, by.tenant, JOBS).await? {
                        if is_for(tx, id, device.id).await? {
                            of.insert(id);
                        }
                    }
                    let mut told = Vec::new();
                    for id in of.into_iter().rev() {
                        let Some(job) = jobs::get(tx, by.tenant, id).await? else { continue };
                        if !matches!(job.spec.what, What::Update { .. }) {
                            continue;
                        }
                        let standing = stands(tx, &app, job, device.id, now).await?;
                        if standing.is_target {
                            told.push(standing);
                        }
                    }
                    let latest = executions::of_device(tx, device.id, i64::MAX, JOBS).await?;
                    let seen = |id: JobId, told: &[DeviceStanding]| told.iter().any(|one| one.job.id == id);
                    for execution in latest {
                        let settled = execution.outcome() != Outcome::Open;
                        if !settled || seen(execution.job, &told) {
                            continue;
                        }
                        let Some(job) = jobs::get(tx, by.tenant, execution.job).await? else { continue };
                        if matches!(job.spec.what, What::Update { .. }) {
                            told.push(stands(tx, &app, job, device.id, now).await?);
                            break;
                        }
                    }
                    Ok(told)
                })
            })
            .await
    }
}
