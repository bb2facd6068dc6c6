//! Back to the release before: which one that was, and for which devices of a job.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use windlass_domain::ids::{DeviceId, JobId, ReleaseId};
use windlass_domain::job::{Execution, ExecutionState, Job, RolloutPolicy, What};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Release;
use windlass_domain::time::Timestamp;
use windlass_store::executions::ExecutionPick;
use windlass_store::management::{SetExtra, extras};
use windlass_store::{Tx, ddi, executions, releases};

use super::create::{NewJob, NewTargets, NewWhat, draft};
use super::list::{JobView, known_job};
use super::since::{Since, changed};
use super::{Begin, operate};
use crate::permit::demand;
use crate::{App, AppError};

/// Executions that one look goes through: all that there is to an answer beforehand.
const LOOKED_AT: u64 = 20_000;
/// Executions of one read.
const BATCH: u32 = 500;
/// Releases of one read.
const RELEASES: u32 = 200;

/// Whether a device may run what the job brought. `is_fetched`: it fetched the update over hawkBit's interface, where
/// clients need not say that they began.
const fn took_it(execution: &Execution, is_fetched: bool) -> bool {
    match execution.state {
        ExecutionState::Succeeded
        | ExecutionState::InProgress
        | ExecutionState::Failed
        | ExecutionState::TimedOut => true,
        // What it had begun it may have finished all the same.
        ExecutionState::Canceled => execution.started_at.is_some() || is_fetched,
        ExecutionState::Queued => is_fetched,
        ExecutionState::Rejected | ExecutionState::Removed => false,
    }
}

/// Whether a release is what a device ran before.
fn is_before(release: &Release, execution: &Execution) -> bool {
    !release.components.is_empty()
        && release.components.iter().all(|component| {
            execution
                .before
                .get(component.name.as_str())
                .is_some_and(|seen| seen == component.version.as_str())
        })
}

/// Every release that may be what devices ran before, found by any one of its components.
struct Candidates {
    own: Release,
    releases: Vec<Release>,
    by_component: HashMap<(String, String), Vec<usize>>,
    /// What was found for devices that ran these versions.
    known: HashMap<BTreeMap<String, String>, Option<ReleaseId>>,
}

impl Candidates {
    /// All releases of a tenant but the job's own, and those that nobody is to get any more.
    async fn read(tx: &mut Tx<'_>, job: &Job, own: Release) -> Result<Self, AppError> {
        let extras = extras::all::<SetExtra>(tx, job.tenant).await?;
        let is_usable = |release: &Release| {
            extras.get(&release.id.get()).is_none_or(|extra| !extra.invalid && !extra.deleted)
        };
        let mut all = Self { own, releases: Vec::new(), by_component: HashMap::new(), known: HashMap::new() };
        let mut after = 0;
        loop {
            let page = releases::releases(tx, job.tenant, after, RELEASES).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.id.get();
            for release in page.into_iter().filter(is_usable) {
                if release.id != all.own.id {
                    all.add(release);
                }
            }
        }
    }

    fn add(&mut self, release: Release) {
        let index = self.releases.len();
        for component in &release.components {
            let key = (component.name.as_str().to_owned(), component.version.as_str().to_owned());
            self.by_component.entry(key).or_default().push(index);
        }
        self.releases.push(release);
    }

    /// The release that brings a device back: it holds everything that the job changed there, as it was before, and most
    /// of the rest; the newest of those. None where the job changed nothing that shows.
    fn before(&mut self, execution: &Execution) -> Option<ReleaseId> {
        if let Some(known) = self.known.get(&execution.before) {
            return *known;
        }
        let found = self.find(execution);
        self.known.insert(execution.before.clone(), found);
        found
    }

    fn find(&self, execution: &Execution) -> Option<ReleaseId> {
        let changed = changed(&self.own, execution);
        let (name, version) = changed.first()?;
        let held = self.by_component.get(&((*name).to_owned(), (*version).to_owned()))?;
        let brings_back = |release: &&Release| {
            let has = |name: &str| release.components.iter().any(|own| own.name.as_str() == name);
            is_before(release, execution) && changed.iter().all(|(name, _)| has(name))
        };
        let found = held.iter().filter_map(|index| {
            let release = self.releases.get(*index).filter(brings_back)?;
            Some((release.components.len(), release.id))
        });
        found.max().map(|(_, id)| id)
    }
}

fn no_previous(detail: String) -> AppError {
    AppError::Conflict { code: "job.no_previous", detail }
}

/// Devices that a release would bring back.
#[derive(Default)]
struct Back {
    devices: BTreeSet<DeviceId>,
    /// Those that something else has brought further by now.
    further: BTreeSet<DeviceId>,
}

/// What a look at executions of a job found.
#[derive(Default)]
struct Look {
    /// The last execution that was looked at; the next look begins after it.
    after: i64,
    looked_at: u64,
    /// Whether there are no more.
    is_through: bool,
    /// Whether the job changed any device.
    is_anybody_changed: bool,
    /// For each release that devices ran before: those devices.
    found: BTreeMap<ReleaseId, Back>,
}

impl Look {
    /// Whether it found nobody who can be brought back.
    fn is_vain(&self) -> bool {
        self.found.values().all(|back| back.devices.is_empty())
    }

    /// Takes in what the next look found.
    fn goes_on(&mut self, next: Self) {
        let Self { after, looked_at, is_through, is_anybody_changed, found } = next;
        self.after = after;
        self.looked_at += looked_at;
        self.is_through = is_through;
        self.is_anybody_changed |= is_anybody_changed;
        for (release, mut back) in found {
            let all = self.found.entry(release).or_default();
            all.devices.append(&mut back.devices);
            all.further.append(&mut back.further);
        }
    }
}

/// The job, and the release that it installs.
async fn installed(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    id: JobId,
) -> Result<(Job, Release), AppError> {
    let job = known_job(tx, app, by, id).await?;
    let What::Update { release, .. } = job.spec.what else {
        return Err(no_previous(format!("job {id} installs nothing; there is nothing to go back to")));
    };
    match releases::release_by_id(tx, job.tenant, release).await? {
        Some(own) => Ok((job, own)),
        None => {
            let text =
                format!("the release of job {id} was deleted; choose by hand what its devices are to get");
            Err(no_previous(text))
        }
    }
}

/// Looks at executions of a job after this one, so many at most.
async fn look(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    id: JobId,
    after: i64,
    most: u64,
) -> Result<Look, AppError> {
    let (job, own) = installed(tx, app, by, id).await?;
    let mut candidates = Candidates::read(tx, &job, own).await?;
    let mut since = Since::of(tx, &job).await?;
    let mut look = Look { after, ..Look::default() };
    loop {
        let left = most.saturating_sub(look.looked_at);
        // Where none is left, one more is read to know whether there is one.
        let limit = u32::try_from(left).unwrap_or(BATCH).clamp(1, BATCH);
        let pick = ExecutionPick { after: look.after, ..ExecutionPick::default() };
        let page = executions::list(tx, job.id, &pick, limit).await?;
        let Some(last) = page.last() else {
            look.is_through = true;
            return Ok(look);
        };
        if left == 0 {
            return Ok(look);
        }
        look.after = last.id.get();
        look.looked_at += u64::try_from(page.len()).unwrap_or(u64::MAX);
        let silent = page.iter().filter(|one| one.started_at.is_none()).map(|one| one.id);
        let fetched = ddi::retrieved(tx, &silent.collect::<Vec<_>>()).await?;
        let took: Vec<&Execution> =
            page.iter().filter(|one| took_it(one, fetched.contains(&one.id))).collect();
        look.is_anybody_changed |= !took.is_empty();
        let took: Vec<(&Execution, ReleaseId)> = took
            .into_iter()
            .filter(|one| app.fleet.entry(one.device).is_some())
            .filter_map(|one| Some((one, candidates.before(one)?)))
            .collect();
        let devices: Vec<DeviceId> = took.iter().map(|(one, _)| one.device).collect();
        let further = since.further(tx, &candidates.own, &devices, took.iter().map(|(one, _)| *one)).await?;
        for (execution, release) in took {
            let back = look.found.entry(release).or_default();
            let device = execution.device;
            let of = if further.contains(&device) { &mut back.further } else { &mut back.devices };
            of.insert(device);
        }
    }
}

/// The job that would bring devices back that were found.
async fn made_of(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    id: JobId,
    look: &Look,
) -> Result<NewJob, AppError> {
    let (job, _) = installed(tx, app, by, id).await?;
    if !look.is_anybody_changed {
        return Err(no_previous(format!("job {id} changed no device, so there is nothing to go back from")));
    }
    let further: usize = look.found.values().map(|back| back.further.len()).sum();
    let all: usize = look.found.values().map(|back| back.devices.len()).sum();
    let most = look.found.iter().max_by_key(|(release, back)| (back.devices.len(), **release));
    let most = match most.filter(|(_, back)| !back.devices.is_empty()) {
        Some((release, back)) => {
            releases::release_by_id(tx, job.tenant, *release).await?.map(|release| (release, back))
        }
        None => None,
    };
    let Some((release, Back { devices, further })) = most else {
        return Err(no_previous(if further > 0 {
            format!("all {further} devices that job {id} could be taken back on run something else by now")
        } else {
            format!("no release holds what the devices of job {id} ran before; choose one by hand")
        }));
    };
    let mut left_out = match further.len() {
        0 => String::new(),
        some => format!(", without {some} that run something else by now"),
    };
    if let others @ 1.. = all - devices.len() {
        left_out.push_str(&format!(", without {others} that ran another release: roll back again for those"));
    }
    Ok(NewJob {
        description: format!("Back from job {id}"),
        what: NewWhat::Update {
            name: release.name.as_str().to_owned(),
            version: release.version.as_str().to_owned(),
            force: false,
        },
        targets: NewTargets::Found {
            devices: devices.iter().copied().collect(),
            words: format!("devices that ran {} {} before job {id}{left_out}", release.name, release.version),
            waves: Vec::new(),
        },
        waves: Vec::new(),
        threshold: None,
        // The link of a device is as slow on the way back.
        timeouts: job.spec.timeouts,
        retries: 0,
        begin: Begin::Now,
        rollout: RolloutPolicy { allow_downgrade: true, supersede: true, ..RolloutPolicy::default() },
    })
}

/// What rolling a job back would do, by a look at the first of its executions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayBack {
    /// The job that would be made; none if nobody was found who can be brought back, and there are more to look at.
    pub job: Option<BackJob>,
    /// How many executions were looked at, where there are more.
    pub looked_at: Option<u64>,
}

/// A job that would bring devices back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackJob {
    /// The release that would be installed: its name,
    pub name: String,
    /// and its version.
    pub version: String,
    /// On how many devices.
    pub devices: usize,
    /// Which they are.
    pub words: String,
}

fn back_job(id: JobId, NewJob { what, targets, .. }: NewJob) -> Result<BackJob, AppError> {
    match (what, targets) {
        (NewWhat::Update { name, version, .. }, NewTargets::Found { devices, words, .. }) => {
            Ok(BackJob { name, version, devices: devices.len(), words })
        }
        _ => Err(no_previous(format!("job {id} installs nothing; there is nothing to go back to"))),
    }
}

impl App {
    /// What [`App::job_roll_back`] would do now, by a look at the first executions of the job, some thousands of them.
    ///
    /// # Errors
    /// As [`App::job_roll_back`].
    pub async fn job_way_back_of(&self, by: &Principal, id: JobId) -> Result<WayBack, AppError> {
        self.job_way_back_within(by, id, LOOKED_AT).await
    }

    /// The same, by so many executions.
    async fn job_way_back_within(&self, by: &Principal, id: JobId, most: u64) -> Result<WayBack, AppError> {
        demand(by, Permission::JobCreate)?;
        demand(by, Permission::JobControl)?;
        let (app, who, now) = (self.clone(), by.clone(), self.clock.now());
        self.store
            .read(move |tx| {
                let (app, by) = (app.clone(), who.clone());
                Box::pin(async move {
                    let seen = look(tx, &app, &by, id, 0, most).await?;
                    let looked_at = (!seen.is_through).then_some(seen.looked_at);
                    if looked_at.is_some() && seen.is_vain() {
                        return Ok(WayBack { job: None, looked_at });
                    }
                    let new = made_of(tx, &app, &by, id, &seen).await?;
                    draft(tx, &app, &by, &new, 0, [0; 32], now).await?;
                    Ok(WayBack { job: Some(back_job(id, new)?), looked_at })
                })
            })
            .await
    }

    /// Makes the job that brings devices back to what they ran before a job: those on which it came to an end or is
    /// under way, to the release that most of them ran, but for those that something else has brought further by now. The
    /// job itself begins on no device any more before they are looked for, so that none is missed; what devices work on
    /// they bring to its end, and who may work on it without a word is asked. Whether there is anything to go
    /// back to is asked before it is stopped.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `job.no_previous` if no release holds what they ran.
    pub async fn job_roll_back(&self, by: &Principal, id: JobId) -> Result<JobView, AppError> {
        demand(by, Permission::JobCreate)?;
        demand(by, Permission::JobControl)?;
        let now = self.clock.now();
        self.job_way_back(by, id, LOOKED_AT, now).await?;
        let (app, who) = (self.clone(), by.clone());
        self.store
            .write(move |tx| {
                let (app, by) = (app.clone(), who.clone());
                Box::pin(async move { operate::stop(tx, &app, &by, id, now).await })
            })
            .await?;
        self.job_changed(id, true);
        let new = self.job_way_back(by, id, LOOKED_AT, now).await?;
        self.job_create(by, new).await
    }

    /// The job that would bring devices back, if it could be made now. Looks at every execution, so many in one transaction:
    /// nobody waits for a reader until a large job was gone through.
    async fn job_way_back(
        &self,
        by: &Principal,
        id: JobId,
        at_once: u64,
        now: Timestamp,
    ) -> Result<NewJob, AppError> {
        let mut whole = Look::default();
        while !whole.is_through {
            let (app, who, after) = (self.clone(), by.clone(), whole.after);
            let next = self.store.read(move |tx| {
                let (app, by) = (app.clone(), who.clone());
                Box::pin(async move { look(tx, &app, &by, id, after, at_once).await })
            });
            whole.goes_on(next.await?);
        }
        let (app, who, whole) = (self.clone(), by.clone(), Arc::new(whole));
        self.store
            .read(move |tx| {
                let (app, by, whole) = (app.clone(), who.clone(), Arc::clone(&whole));
                Box::pin(async move {
                    let new = made_of(tx, &app, &by, id, &whole).await?;
                    draft(tx, &app, &by, &new, 0, [0; 32], now).await?;
                    Ok(new)
                })
            })
            .await
    }
}

#[cfg(test)]
#[path = "previous_tests.rs"]
mod tests;
