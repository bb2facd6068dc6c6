//! Back to the release before: which one that was, and for which devices of a job.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use windlass_domain::ids::{DeviceId, JobId, ReleaseId};
use windlass_domain::job::{Execution, ExecutionState, Job, RolloutPolicy, What};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Release;
use windlass_domain::time::Timestamp;
use windlass_store::executions::ExecutionPick;
use windlass_store::{Tx, executions, releases};

use super::create::{NewJob, NewTargets, NewWhat, draft};
use super::list::{JobView, known_job};
use super::{Begin, operate};
use crate::permit::demand;
use crate::{App, AppError};

/// Executions of one read.
const BATCH: u32 = 500;
/// Releases of one read.
const RELEASES: u32 = 200;

/// Whether a device may run what the job brought.
const fn took_it(execution: &Execution) -> bool {
    match execution.state {
        ExecutionState::Succeeded
        | ExecutionState::InProgress
        | ExecutionState::Failed
        | ExecutionState::TimedOut => true,
        // What it had begun it may have finished all the same.
        ExecutionState::Canceled => execution.started_at.is_some(),
        ExecutionState::Queued | ExecutionState::Rejected | ExecutionState::Removed => false,
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
#[derive(Default)]
struct Candidates {
    releases: Vec<Release>,
    by_component: HashMap<(String, String), Vec<usize>>,
}

impl Candidates {
    /// All releases of a tenant but one.
    async fn read(tx: &mut Tx<'_>, job: &Job, but: ReleaseId) -> Result<Self, AppError> {
        let mut all = Self::default();
        let mut after = 0;
        loop {
            let page = releases::releases(tx, job.tenant, after, RELEASES).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.id.get();
            for release in page.into_iter().filter(|release| release.id != but) {
                all.add(release);
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

    /// The newest release that holds what a device ran.
    fn before(&self, execution: &Execution) -> Option<usize> {
        let ran = execution.before.iter().map(|(name, version)| (name.clone(), version.clone()));
        ran.filter_map(|seen| self.by_component.get(&seen))
            .filter_map(|held| held.iter().rev().find(|index| self.is_before(**index, execution)))
            .max()
            .copied()
    }

    fn is_before(&self, index: usize, execution: &Execution) -> bool {
        self.releases.get(index).is_some_and(|release| is_before(release, execution))
    }
}

fn no_previous(detail: String) -> AppError {
    AppError::Conflict { code: "job.no_previous", detail }
}

/// The job that would bring devices back.
async fn find(tx: &mut Tx<'_>, app: &App, by: &Principal, id: JobId) -> Result<NewJob, AppError> {
    let job = known_job(tx, app, by, id).await?;
    let What::Update { release, .. } = job.spec.what else {
        return Err(no_previous(format!("job {id} installs nothing; there is nothing to go back to")));
    };
    let candidates = Candidates::read(tx, &job, release).await?;
    let mut found: BTreeMap<usize, BTreeSet<DeviceId>> = BTreeMap::new();
    let mut is_anybody_changed = false;
    let mut pick = ExecutionPick::default();
    loop {
        let page = executions::list(tx, id, &pick, BATCH).await?;
        let Some(last) = page.last() else { break };
        pick.after = last.id.get();
        for execution in page.iter().filter(|execution| took_it(execution)) {
            is_anybody_changed = true;
            if let Some(index) = candidates.before(execution)
                && app.fleet.entry(execution.device).is_some()
            {
                found.entry(index).or_default().insert(execution.device);
            }
        }
    }
    let most = found.into_iter().max_by_key(|(index, devices)| (devices.len(), *index));
    let Some((release, devices)) = most.and_then(|(index, devices)| {
        candidates.releases.get(index).map(|release| (release, devices.into_iter().collect()))
    }) else {
        if !is_anybody_changed {
            return Err(no_previous(format!(
                "job {id} changed no device, so there is nothing to go back from"
            )));
        }
        let text = format!("no release holds what the devices of job {id} ran before; choose one by hand");
        return Err(no_previous(text));
    };
    Ok(NewJob {
        description: format!("Back from job {id}"),
        what: NewWhat::Update {
            name: release.name.as_str().to_owned(),
            version: release.version.as_str().to_owned(),
            force: false,
        },
        targets: NewTargets::Found {
            devices,
            words: format!("devices that ran {} {} before job {id}", release.name, release.version),
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

impl App {
    /// Makes the job that brings devices back to what they ran before a job: those on which it came to an end or is
    /// under way, to the release that most of them ran. The job itself begins on no device any more before they are
    /// looked for, so that none is missed; what devices work on they bring to its end. Whether there is anything to go
    /// back to is asked before it is stopped.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `job.no_previous` if no release holds what they ran.
    pub async fn job_roll_back(&self, by: &Principal, id: JobId) -> Result<JobView, AppError> {
        demand(by, Permission::JobCreate)?;
        demand(by, Permission::JobControl)?;
        let now = self.clock.now();
        self.job_way_back(by, id, now).await?;
        let (app, who) = (self.clone(), by.clone());
        self.store
            .write(move |tx| {
                let (app, by) = (app.clone(), who.clone());
                Box::pin(async move { operate::stop(tx, &app, &by, id, now).await })
            })
            .await?;
        self.job_changed(id, true);
        let new = self.job_way_back(by, id, now).await?;
        self.job_create(by, new).await
    }

    /// The job that would bring devices back, if it could be made now.
    async fn job_way_back(&self, by: &Principal, id: JobId, now: Timestamp) -> Result<NewJob, AppError> {
        let (app, who) = (self.clone(), by.clone());
        self.store
            .read(move |tx| {
                let (app, by) = (app.clone(), who.clone());
                Box::pin(async move {
                    let new = find(tx, &app, &by, id).await?;
                    draft(tx, &app, &by, &new, 0, now).await?;
                    Ok(new)
                })
            })
            .await
    }
}
