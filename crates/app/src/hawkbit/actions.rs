//! Actions: executions of updates in hawkBit's words. Shown, canceled, quit by force, confirmed in a device's place.
//!
//! The transitions are those of `windlass_domain::job`; nothing here decides on its own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::json;
use windlass_domain::device::Device;
use windlass_domain::ids::{DeviceId, JobId, ReleaseId};
use windlass_domain::job::{Consent, Execution, ExecutionState, Handling, Job, RolloutPolicy, WindowState};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::ddi::{self, ActionStatus, NewStatus};
use windlass_store::management::actions::{self as steps, Step};
use windlass_store::management::{JobExtra, extras};
use windlass_store::{StoreError, StoreErrorKind, Tx, devices, executions, jobs, releases};

use super::Context;
use super::phase::Phase;
use super::rollouts::rollout_name;
use super::targets::{controller_id, find};
use crate::error::AppError;
use crate::{App, audit};

/// What histories say where somebody asked for a stop.
pub(super) const REQUESTED: &str = "cancelation requested.";
/// Most actions of one target.
pub(super) const PER_TARGET: u32 = 2_000;

/// An action with everything that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionView {
    /// What it is.
    pub execution: Execution,
    /// What it installs.
    pub release: ReleaseId,
    /// Name and version of that.
    pub release_name: (String, String),
    /// Name of the target.
    pub controller_id: String,
    /// How it is to be handled.
    pub policy: RolloutPolicy,
    /// When its maintenance window opens next.
    pub opens_at: Option<Timestamp>,
    /// Number and name of its rollout, if it is of one.
    pub rollout: Option<(i64, String)>,
    /// Who asked for it.
    pub created_by: String,
    /// Whether the device fetched what it is to do. One that refused to stop since goes on, which is another word.
    pub retrieved: bool,
}

impl ActionView {
    /// Whether the device was asked to stop and did not answer.
    pub fn is_canceling(&self) -> bool {
        self.execution.state.is_open() && self.execution.cancel_asked_at.is_some()
    }

    /// Where it stands, as clients write it.
    pub fn detail(&self) -> &'static str {
        let Execution { state, verdict, consent, cancel_asked_at, .. } = self.execution;
        let phase = Phase {
            state,
            verdict,
            is_stopping: cancel_asked_at.is_some(),
            waits_for_consent: consent == Consent::Awaited,
            retrieved: self.retrieved,
            only_downloads: self.policy.handling == Handling::DownloadOnly,
        };
        phase.word()
    }

    /// Whether it is, or was, about stopping.
    pub fn is_cancel(&self) -> bool {
        self.is_canceling()
            || matches!(self.execution.state, ExecutionState::Canceled | ExecutionState::Removed)
    }
}

/// Jobs and names of releases that were looked up.
#[derive(Default)]
pub(super) struct Jobs {
    jobs: HashMap<JobId, Option<(Job, JobExtra)>>,
    names: HashMap<ReleaseId, (String, String)>,
}

impl Jobs {
    async fn name(
        &mut self,
        tx: &mut Tx<'_>,
        cx: &Context,
        id: ReleaseId,
    ) -> Result<(String, String), StoreError> {
        if let Some(known) = self.names.get(&id) {
            return Ok(known.clone());
        }
        let name = releases::release_name(tx, cx.by.tenant, id).await?.unwrap_or_default();
        Ok(self.names.entry(id).or_insert(name).clone())
    }

    async fn get(&mut self, tx: &mut Tx<'_>, id: JobId) -> Result<Option<&(Job, JobExtra)>, StoreError> {
        if let Entry::Vacant(place) = self.jobs.entry(id) {
            let found = match jobs::get_any(tx, id).await? {
                Some(job) => {
                    let extra = extras::get(tx, job.tenant, id.get()).await?;
                    Some((job, extra))
                }
                None => None,
            };
            place.insert(found);
        }
        Ok(self.jobs.get(&id).and_then(Option::as_ref))
    }
}

pub(super) async fn view(
    tx: &mut Tx<'_>,
    cx: &Context,
    known: &mut Jobs,
    step: Step,
) -> Result<Option<ActionView>, AppError> {
    let Step { execution, release } = step;
    let Some((job, extra)) = known.get(tx, execution.job).await? else { return Ok(None) };
    let rollout = (!extra.assignment).then(|| (job.id, job.spec.name.clone()));
    let (mut policy, created_by) = (job.spec.rollout.clone(), job.created_by.clone());
    let release_name = known.name(tx, cx, release).await?;
    let installs = Some((release_name.0.as_str(), release_name.1.as_str()));
    let rollout = rollout.map(|(id, called)| (id.get(), rollout_name(id, &called, installs)));
    let controller_id = match cx.app.fleet.entry(execution.device) {
        Some(entry) => controller_id(&entry.device.name, &entry.aliases),
        None => match devices::device_by_id(tx, execution.device).await? {
            Some(device) => device.name.into_string(),
            None => return Ok(None),
        },
    };
    let opens_at = policy.window.as_ref().and_then(|window| match window.state(None, cx.now) {
        WindowState::Open { since, .. } => Some(since),
        WindowState::Closed { opens, .. } => Some(opens),
        WindowState::NoneLeft => None,
    });
    let served = ddi::served(tx, execution.id).await?;
    if served.forced {
        policy.handling = Handling::Forced;
    }
    Ok(Some(ActionView {
        execution,
        release,
        release_name,
        controller_id,
        policy,
        opens_at,
        rollout,
        created_by,
        retrieved: served.retrieved_at.is_some() && served.cancel_retrieved_at.is_none(),
    }))
}

fn busy() -> AppError {
    StoreError::new(StoreErrorKind::Busy, "the action was changed meanwhile; try again").into()
}

/// Writes a changed execution; whoever was first wins.
pub(super) async fn store(tx: &mut Tx<'_>, before: &Execution, after: &Execution) -> Result<(), AppError> {
    if executions::update(tx, before, after).await? { Ok(()) } else { Err(busy()) }
}

/// Notes something in an action's history.
pub(super) async fn note(
    tx: &mut Tx<'_>,
    execution: &Execution,
    kind: &'static str,
    text: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    ddi::status_insert(tx, &NewStatus::by_server(execution.id, kind, text), now).await
}

/// Asks a device to stop, or with a reason takes the action off it at once. One that is connected and did not begin is
/// simply not offered it any more. `why` is what its history says where the device is asked. False if it was over.
pub(super) async fn stop(
    tx: &mut Tx<'_>,
    cx: &Context,
    step: &Step,
    at_once: Option<&str>,
    why: &str,
) -> Result<bool, AppError> {
    let Some(job) = jobs::get_any(tx, step.execution.job).await? else { return Ok(false) };
    let execution = &step.execution;
    let unheard = execution.state == ExecutionState::Queued && cx.app.hub.connections(execution.device) > 0;
    let next = match at_once {
        Some(reason) => execution.withdrawn(reason, cx.now),
        None if unheard => execution.withdrawn("canceled before the device began", cx.now),
        None => execution.asked_to_cancel(&job.spec.timeouts, cx.now),
    };
    let Some(next) = next else { return Ok(false) };
    store(tx, execution, &next).await?;
    if next.state.is_open() {
        note(tx, execution, "canceling", why, cx.now).await?;
    } else {
        note(tx, execution, "canceled", &next.reason, cx.now).await?;
    }
    Ok(true)
}

/// An action of a target that exists for the caller.
pub(super) async fn action(
    tx: &mut Tx<'_>,
    cx: &Context,
    target: &str,
    id: i64,
) -> Result<(Device, Step), AppError> {
    let device = find(tx, cx, target).await?;
    let step = steps::one(tx, cx.by.tenant, id).await?;
    let step = step.filter(|step| step.execution.device == device.id);
    Ok((device, step.ok_or_else(|| AppError::not_found("action", id))?))
}

pub(super) fn place(device: &Device, step: &Step) -> String {
    format!("execution/{}/{}", device.name, step.execution.id)
}

pub(super) fn may_see(cx: &Context, device: DeviceId) -> bool {
    cx.by.scope.is_none() || cx.app.fleet.is_visible(&cx.by, device)
}

impl App {
    /// One action; of this target where one is named.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_action(
        &self,
        by: &Principal,
        target: Option<&str>,
        id: i64,
    ) -> Result<ActionView, AppError> {
        let target = target.map(str::to_owned);
        self.hawkbit_read(by, Permission::JobRead, move |cx, tx| {
            let target = target.clone();
            Box::pin(async move {
                let missing = || AppError::not_found("action", id);
                let step = match &target {
                    Some(target) => action(tx, &cx, target, id).await?.1,
                    None => {
                        let step = steps::one(tx, cx.by.tenant, id).await?;
                        let step = step.filter(|step| may_see(&cx, step.execution.device));
                        step.ok_or_else(missing)?
                    }
                };
                view(tx, &cx, &mut Jobs::default(), step).await?.ok_or_else(missing)
            })
        })
        .await
    }

    /// A page of an action's history, and how long it is.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_history(
        &self,
        by: &Principal,
        target: &str,
        id: i64,
        newest_first: bool,
        offset: u32,
        limit: u32,
    ) -> Result<(Vec<ActionStatus>, u64), AppError> {
        let target = target.to_owned();
        self.hawkbit_read(by, Permission::JobRead, move |cx, tx| {
            let target = target.clone();
            Box::pin(async move {
                let execution = action(tx, &cx, &target, id).await?.1.execution.id;
                let total = ddi::status_count(tx, execution).await?;
                Ok((ddi::statuses(tx, execution, newest_first, offset, limit).await?, total))
            })
        })
        .await
    }

    /// Asks a device to stop, or, with `force` after that, takes the action off it without its word.
    ///
    /// # Errors
    /// Forbidden, not found, `hawkbit.not_cancelable` once it is over or was asked before; with `force`
    /// `hawkbit.not_quittable` before it was asked and once it is over, or that the store failed.
    pub async fn hawkbit_cancel(
        &self,
        by: &Principal,
        target: &str,
        id: i64,
        force: bool,
    ) -> Result<(), AppError> {
        let target = target.to_owned();
        let device = self
            .hawkbit_write(by, Permission::JobControl, move |cx, tx| {
                let target = target.clone();
                Box::pin(async move {
                    let (device, step) = action(tx, &cx, &target, id).await?;
                    let asked = step.execution.cancel_asked_at.is_some();
                    if !step.execution.state.is_open() || (asked && !force) {
                        let code = if force { "hawkbit.not_quittable" } else { "hawkbit.not_cancelable" };
                        return Err(AppError::Conflict {
                            code,
                            detail: format!("action {id} is over, or its device was asked to stop already"),
                        });
                    }
                    if force && !asked {
                        return Err(AppError::Conflict {
                            code: "hawkbit.not_quittable",
                            detail: format!("action {id} was not canceled; cancel it first"),
                        });
                    }
                    let by_force = force.then_some("an operator quit it by force");
                    stop(tx, &cx, &step, by_force, REQUESTED).await?;
                    let details = json!({"force": force});
                    let place = place(&device, &step);
                    audit::record(tx, &cx.by, "execution.cancel", &place, details, cx.now).await?;
                    Ok(device.id)
                })
            })
            .await?;
        self.hawkbit_settled(&[device]);
        Ok(())
    }

    /// Tells connections and links that executions of these devices changed.
    pub(super) fn hawkbit_settled(&self, devices: &[DeviceId]) {
        self.forget_downloads();
        for device in devices {
            self.wake_device(*device);
        }
    }
}
