//! Assignment: sets for targets, each kind of terms a job of its own, offered at once so that its actions have numbers.
//!
//! What was open before gives way, unless its set is a required step. Job, mark, offer and what gave way are one
//! transaction: nobody ever sees half of an assignment.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::json;
use windlass_domain::hawkbit::Settings;
use windlass_domain::ids::{DeviceId, JobId, ReleaseId};
use windlass_domain::job::{
    Begin, Consent, DeviceReport, ReportedStatus, RolloutPolicy, StepTimer, Timeouts, Verdict,
};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Release;
use windlass_store::management::actions::{self as steps, Step};
use windlass_store::management::{Displaced, JobExtra, ModuleExtra, SetExtra, extras};
use windlass_store::{Tx, ddi, executions};

use super::actions::{PER_TARGET, note, stop, store};
use super::auto_assign::Source;
use super::catalogue::{catalogue, is_complete};
use super::fitting::{Fit, Fitting};
use super::standing::{Course, course_of, course_with};
use super::targets::{find, told};
use super::terms::Terms;
use super::{Context, at_once, modules, sets};
use crate::error::AppError;
use crate::jobs::create::create;
use crate::jobs::offer::{CANCELED, CLOSED};
use crate::jobs::reconcile::carry_on;
use crate::jobs::{NewJob, NewTargets, NewWhat};
use crate::permit::demand;
use crate::{App, audit};

/// How long a device may take: to begin, as the tenant's settings say; at work, as good as for ever, as upstream.
pub(super) const fn patience(settings: &Settings) -> Timeouts {
    Timeouts {
        queued: settings.action_queued,
        download: None,
        in_progress: Duration::from_secs(30 * 24 * 3600),
        verify: None,
    }
}

/// Updates of a target that are looked at, the newest.
const RECENT: u32 = 100;

/// A set for a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Name of the target.
    pub target: String,
    /// Number of the set.
    pub set: i64,
    /// How.
    pub terms: Terms,
}

/// What became of an assignment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// How many had it already.
    pub already: usize,
    /// Targets and numbers of the actions that began.
    pub actions: Vec<(String, i64)>,
}

/// What becomes of targets that cannot get what they are to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Nobody gets anything.
    Refuse,
    /// The others get it.
    LeaveOut,
}

/// What becomes of what was open on a device before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// It stays.
    Stays,
    /// The device is asked to stop.
    Stops,
    /// It is over at once.
    Closes,
}

impl Before {
    pub(super) const fn of(settings: &Settings) -> Self {
        match (settings.multi_assignments, settings.auto_close) {
            (true, _) => Self::Stays,
            (false, false) => Self::Stops,
            (false, true) => Self::Closes,
        }
    }
}

/// The job that brings a set to some targets.
pub(super) fn job_of(
    release: &Release,
    policy: &RolloutPolicy,
    (before, timeouts): (Before, Timeouts),
    targets: NewTargets,
) -> NewJob {
    NewJob {
        description: String::new(),
        what: NewWhat::Update {
            name: release.name.to_string(),
            version: release.version.to_string(),
            // As upstream: what is assigned is offered, whatever a device says that it runs.
            force: true,
        },
        targets,
        waves: Vec::new(),
        threshold: None,
        timeouts,
        retries: 0,
        begin: Begin::Now,
        // What waits in rollouts that began before gives way, too: their later groups do not take its place.
        rollout: RolloutPolicy { supersede: before != Before::Stays, ..policy.clone() },
    }
}

/// A set that may be assigned.
pub(super) async fn assignable(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: i64,
) -> Result<(Release, SetExtra), AppError> {
    let (release, extra) = sets::set(tx, cx, id).await?;
    let name = format!("{} {}", release.name, release.version);
    if extra.deleted {
        return Err(AppError::not_found("distribution set", id));
    }
    if extra.invalid {
        let detail = format!("distribution set {name} was made invalid; assign another one");
        return Err(AppError::Conflict { code: "hawkbit.invalid_set", detail });
    }
    let types = catalogue(tx, cx).await?;
    let item = types.of_set(&extra, &release.components);
    if !item.is_some_and(|item| is_complete(item, &types, &release.components)) {
        let detail = format!("distribution set {name} is incomplete; add the modules that its type asks for");
        return Err(AppError::Conflict { code: "hawkbit.incomplete", detail });
    }
    let set_type = extra.set_type.or(item.map(|item| item.id));
    Ok((release, SetExtra { set_type, ..extra }))
}

/// What was assigned stays as it is from now on.
pub(super) async fn lock(tx: &mut Tx<'_>, cx: &Context, release: &Release) -> Result<(), AppError> {
    let id = release.id.get();
    let mut extra: SetExtra = extras::get(tx, cx.by.tenant, id).await?;
    if !extra.locked {
        extra.locked = true;
        extras::put(tx, cx.by.tenant, id, &extra).await?;
    }
    for component in &release.components {
        let mut extra: ModuleExtra = extras::get(tx, cx.by.tenant, component.id.get()).await?;
        if !extra.locked {
            extra.locked = true;
            modules::save(tx, cx, component.id, &mut extra).await?;
        }
    }
    Ok(())
}

/// Targets of one job: devices with their names here and at the client.
#[derive(Debug, Clone)]
struct Batch {
    release: Release,
    policy: RolloutPolicy,
    devices: BTreeMap<DeviceId, (String, String)>,
}

/// Whether a target has a release, by its updates or, where none of them installed anything, by its own word.
async fn has(
    tx: &mut Tx<'_>,
    cx: &Context,
    device: DeviceId,
    course: &Course,
    release: ReleaseId,
) -> Result<bool, AppError> {
    let at = course.standing(true, None);
    if at.installed.is_some() {
        return Ok(at.has(release));
    }
    let target = ddi::target(tx, device).await?;
    let told = told(tx, cx, &target).await?;
    Ok(course.standing(true, told).has(release))
}

async fn batches(
    tx: &mut Tx<'_>,
    cx: &Context,
    wanted: &[Assignment],
    confirmation: bool,
    unfit: Unfit,
) -> Result<(Vec<Batch>, usize), AppError> {
    let mut ready: HashMap<i64, (Release, Fitting)> = HashMap::new();
    let mut batches: Vec<(i64, Terms, Batch)> = Vec::new();
    let (mut already, mut taken) = (0, BTreeSet::new());
    for one in wanted {
        if let Entry::Vacant(place) = ready.entry(one.set) {
            let (release, extra) = assignable(tx, cx, one.set).await?;
            let fitting = Fitting::of(tx, cx, &release, &extra).await?;
            place.insert((release, fitting));
        }
        let Some((release, fitting)) = ready.get(&one.set) else { continue };
        let policy = one.terms.policy(confirmation, cx.now)?;
        let device = match find(tx, cx, &one.target).await {
            Ok(device) => device,
            // As upstream: what is not there is not assigned anything.
            Err(AppError::NotFound { .. }) => continue,
            Err(other) => return Err(other),
        };
        if !taken.insert((device.id, one.set)) {
            continue;
        }
        match (fitting.fit(device.device_type), unfit) {
            (Fit::Takes, _) => {}
            (Fit::Incompatible | Fit::Refuses, Unfit::LeaveOut) => continue,
            // Making the job says why in its own words.
            (Fit::Refuses, Unfit::Refuse) => {}
            (Fit::Incompatible, Unfit::Refuse) => {
                let detail = format!("target {} is of a type that takes no such sets", one.target);
                return Err(AppError::Conflict { code: "hawkbit.incompatible", detail });
            }
        }
        let course = course_of(tx, cx.by.tenant, device.id, RECENT).await?;
        if has(tx, cx, device.id, &course, release.id).await? {
            already += 1;
            continue;
        }
        if steps::count_of_device(tx, cx.by.tenant, device.id).await? >= i64::from(PER_TARGET) {
            if unfit == Unfit::LeaveOut {
                continue;
            }
            let detail = format!(
                "target {} has {PER_TARGET} actions, the most that it may have; delete some that are over",
                one.target
            );
            return Err(AppError::Quota { code: "hawkbit.actions", detail });
        }
        let entry = (device.name.into_string(), one.target.clone());
        let same = |(set, terms, _): &&mut (i64, Terms, Batch)| *set == one.set && *terms == one.terms;
        match batches.iter_mut().find(same) {
            Some((_, _, batch)) => drop(batch.devices.insert(device.id, entry)),
            None => {
                let devices = BTreeMap::from([(device.id, entry)]);
                let batch = Batch { release: release.clone(), policy, devices };
                batches.push((one.set, one.terms.clone(), batch));
            }
        }
    }
    Ok((batches.into_iter().map(|(_, _, batch)| batch).collect(), already))
}

impl Batch {
    /// Those of it that still are to get it, in the transaction that gives it to them, and what is open on them. Another
    /// request, a filter or another node may have given it to some since the batch was read.
    async fn still(
        &self,
        tx: &mut Tx<'_>,
        cx: &Context,
        source: Option<&Source>,
    ) -> Result<(Self, Vec<Step>), AppError> {
        let had = match source {
            Some(_) => {
                let devices: Vec<DeviceId> = self.devices.keys().copied().collect();
                steps::given_among(tx, cx.by.tenant, self.release.id, &devices).await?
            }
            None => BTreeSet::new(),
        };
        let (mut devices, mut open) = (BTreeMap::new(), Vec::new());
        for (device, names) in &self.devices {
            let newest = steps::of_device(tx, cx.by.tenant, *device, RECENT).await?;
            let course = course_with(tx, *device, &newest).await?;
            if had.contains(device) || has(tx, cx, *device, &course, self.release.id).await? {
                continue;
            }
            open.extend(newest.into_iter().filter(|step| step.execution.state.is_open()));
            devices.insert(*device, names.clone());
        }
        Ok((Self { devices, ..self.clone() }, open))
    }
}

/// Has what was open on devices before give way to a job.
async fn make_way(tx: &mut Tx<'_>, cx: &Context, open: Vec<Step>, before: Before) -> Result<(), AppError> {
    let at_once = match before {
        Before::Stays => return Ok(()),
        Before::Stops => None,
        Before::Closes => Some(CLOSED),
    };
    for step in open {
        let set: SetExtra = extras::get(tx, cx.by.tenant, step.release.get()).await?;
        if !set.required_migration_step && step.execution.cancel_asked_at.is_none() {
            stop(tx, cx, &step, at_once, CANCELED).await?;
        }
    }
    Ok(())
}

/// What a device would report that has it already.
const HAS_IT: DeviceReport = DeviceReport {
    status: ReportedStatus::Succeeded,
    details: None,
    expected_version: None,
    step: StepTimer::Keep,
};

/// Notes what began; where it is only declared, it is over at once.
async fn begun(
    tx: &mut Tx<'_>,
    cx: &Context,
    job: JobId,
    batch: &Batch,
    timeouts: &Timeouts,
    offline: bool,
) -> Result<Vec<(String, i64)>, AppError> {
    let mut begun = Vec::new();
    for (device, (name, target)) in &batch.devices {
        let Some(execution) = executions::latest(tx, *device, job).await? else { continue };
        let text = format!("Assignment initiated by user '{}'", cx.who());
        let waits = execution.consent == Consent::Awaited;
        let word = if waits { "wait_for_confirmation" } else { "running" };
        note(tx, &execution, word, &text, cx.now).await?;
        if offline && execution.state.is_open() {
            let done = execution.report(&HAS_IT, timeouts, cx.now).map_err(|_| {
                AppError::Unavailable("the action was changed meanwhile; try again".to_owned())
            })?;
            let done = done.judged(Verdict::Unverifiable, "an operator says that it is installed", cx.now);
            store(tx, &execution, &done).await?;
            note(tx, &execution, "finished", "Reported as installed offline.", cx.now).await?;
            let place = format!("execution/{name}/{}", execution.id);
            audit::record(tx, &cx.by, "execution.declare", &place, json!({}), cx.now).await?;
        }
        begun.push((target.clone(), execution.id.get()));
    }
    Ok(begun)
}

/// How a batch begins.
#[derive(Debug, Clone)]
struct How {
    before: Before,
    timeouts: Timeouts,
    offline: bool,
    /// What has it begin by itself.
    source: Option<Source>,
}

/// The job of a batch, offered to all of its targets that do not have it by now, once what was open before has given way.
async fn begin(
    tx: &mut Tx<'_>,
    cx: &Context,
    batch: &Batch,
    how: &How,
    target_seq: i64,
) -> Result<Outcome, AppError> {
    let How { before, timeouts, offline, source } = how;
    let (before, timeouts, offline) = (*before, *timeouts, *offline);
    if let Some(source) = source
        && !source.holds(tx, cx.by.tenant).await?
    {
        return Ok(Outcome::default());
    }
    let asked = batch.devices.len();
    let (batch, open) = batch.still(tx, cx, source.as_ref()).await?;
    let batch = &batch;
    let already = asked.saturating_sub(batch.devices.len());
    if batch.devices.is_empty() {
        return Ok(Outcome { already, actions: Vec::new() });
    }
    let names = batch.devices.values().map(|(name, _)| name.clone()).collect();
    let new = job_of(&batch.release, &batch.policy, (before, timeouts), NewTargets::Devices(names));
    let displaced = if before == Before::Closes { Displaced::Closed } else { Displaced::Asked };
    let id = create(tx, &cx.app, &cx.by, &new, target_seq, cx.now).await?;
    extras::put(tx, cx.by.tenant, id.get(), &JobExtra { assignment: true, displaced, ..JobExtra::default() })
        .await?;
    lock(tx, cx, &batch.release).await?;
    make_way(tx, cx, open, before).await?;
    carry_on(tx, id, cx.app.limits.open_executions, cx.now).await?;
    Ok(Outcome { already, actions: begun(tx, cx, id, batch, &timeouts, offline).await? })
}

impl App {
    /// Assigns sets to targets. `offline`: they have them already, and nothing is sent to them.
    ///
    /// # Errors
    /// Forbidden, a set that is not there, incomplete or invalid, terms that cannot be used, a target of a type that
    /// takes no such set, too many actions, or that the store failed.
    pub async fn hawkbit_assign(
        &self,
        by: &Principal,
        wanted: Vec<Assignment>,
        offline: bool,
    ) -> Result<Outcome, AppError> {
        self.hawkbit_assign_to(by, wanted, offline, Unfit::Refuse, None).await
    }

    /// As [`App::hawkbit_assign`], and says what becomes of targets that cannot get it. Where a filter assigns it, that
    /// filter is asked again whenever something is to begin.
    pub(super) async fn hawkbit_assign_to(
        &self,
        by: &Principal,
        wanted: Vec<Assignment>,
        offline: bool,
        unfit: Unfit,
        source: Option<Source>,
    ) -> Result<Outcome, AppError> {
        demand(by, Permission::JobCreate)?;
        at_once(wanted.len())?;
        let settings = self.settings_of(by.tenant).await?;
        let confirmation = settings.confirmation && !offline;
        let (before, timeouts) = (Before::of(&settings), patience(&settings));
        let how = How { before, timeouts, offline, source };
        let (found, already) = self.hawkbit_batches(by, wanted, confirmation, unfit).await?;
        let mut outcome = Outcome { already, actions: Vec::new() };
        for batch in found {
            let Outcome { already, actions } = self.hawkbit_begin(by, batch, how.clone()).await?;
            outcome.already += already;
            outcome.actions.extend(actions);
        }
        Ok(outcome)
    }

    /// What is wanted, by jobs to make, and how many have it already.
    async fn hawkbit_batches(
        &self,
        by: &Principal,
        wanted: Vec<Assignment>,
        confirmation: bool,
        unfit: Unfit,
    ) -> Result<(Vec<Batch>, usize), AppError> {
        self.hawkbit_read(by, Permission::ReleaseRead, move |cx, tx| {
            let wanted = wanted.clone();
            Box::pin(async move { batches(tx, &cx, &wanted, confirmation, unfit).await })
        })
        .await
    }

    /// Makes the job of a batch.
    async fn hawkbit_begin(&self, by: &Principal, batch: Batch, how: How) -> Result<Outcome, AppError> {
        let devices: Vec<DeviceId> = batch.devices.keys().copied().collect();
        let target_seq = self.store.latest_change().await?;
        let begun = self
            .hawkbit_write(by, Permission::JobCreate, move |cx, tx| {
                let (batch, how) = (batch.clone(), how.clone());
                Box::pin(async move { begin(tx, &cx, &batch, &how, target_seq).await })
            })
            .await?;
        self.hawkbit_settled(&devices);
        Ok(begun)
    }
}

#[cfg(test)]
#[path = "assign_tests.rs"]
mod tests;
