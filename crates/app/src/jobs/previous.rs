//! Back to the release before: which one that was, and for which devices of a job.

use std::collections::HashMap;

use windlass_domain::ids::JobId;
use windlass_domain::job::{Execution, ExecutionState, Job, RolloutPolicy, Timeouts, What};
use windlass_domain::permission::Principal;
use windlass_domain::software::Release;
use windlass_store::executions::ExecutionPick;
use windlass_store::{Tx, executions, releases};

use super::Begin;
use super::create::{NewJob, NewTargets, NewWhat};
use super::list::known_job;
use crate::{App, AppError};

/// Executions of one read.
const BATCH: u32 = 500;
/// Most devices that go back in one job by name.
const MOST: usize = 10_000;
/// Releases of one read.
const RELEASES: u32 = 200;

/// Whether a device may run what the job brought.
const fn took_it(state: ExecutionState) -> bool {
    match state {
        ExecutionState::Succeeded
        | ExecutionState::InProgress
        | ExecutionState::Failed
        | ExecutionState::TimedOut => true,
        ExecutionState::Queued
        | ExecutionState::Rejected
        | ExecutionState::Canceled
        | ExecutionState::Removed => false,
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

async fn all_releases(tx: &mut Tx<'_>, job: &Job) -> Result<Vec<Release>, AppError> {
    let mut all: Vec<Release> = Vec::new();
    loop {
        let after = all.last().map_or(0, |release| release.id.get());
        let page = releases::releases(tx, job.tenant, after, RELEASES).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

async fn find(tx: &mut Tx<'_>, app: &App, by: &Principal, id: JobId) -> Result<NewJob, AppError> {
    let job = known_job(tx, app, by, id).await?;
    let no_previous = |detail: String| AppError::Conflict { code: "job.no_previous", detail };
    let What::Update { release, .. } = job.spec.what else {
        return Err(no_previous(format!("job {id} installs nothing; there is nothing to go back to")));
    };
    let candidates: Vec<Release> =
        all_releases(tx, &job).await?.into_iter().filter(|one| one.id != release).collect();
    let mut found: HashMap<usize, Vec<String>> = HashMap::new();
    let mut pick = ExecutionPick::default();
    loop {
        let page = executions::list(tx, id, &pick, BATCH).await?;
        let Some(last) = page.last() else { break };
        pick.after = last.id.get();
        for execution in page.iter().filter(|execution| took_it(execution.state)) {
            // The newest release that holds what it ran.
            let Some(index) = candidates.iter().rposition(|release| is_before(release, execution)) else {
                continue;
            };
            let Some(name) = app.fleet.name_of(execution.device) else { continue };
            let names = found.entry(index).or_default();
            if !names.iter().any(|other| other == name.as_str()) {
                names.push(name.into_string());
            }
        }
    }
    let most = found.into_iter().max_by_key(|(index, names)| (names.len(), *index));
    let Some((index, names)) = most else {
        let text = format!("no release holds what the devices of job {id} ran before; choose one by hand");
        return Err(no_previous(text));
    };
    if names.len() > MOST {
        let text = format!(
            "{} devices would go back, at most {MOST} can in one step; make a job with a query and the older release",
            names.len()
        );
        return Err(no_previous(text));
    }
    let Some(release) = candidates.get(index) else {
        return Err(no_previous(format!("the release that job {id} replaced is gone")));
    };
    Ok(NewJob {
        description: format!("Back from job {id}"),
        what: NewWhat::Update {
            name: release.name.as_str().to_owned(),
            version: release.version.as_str().to_owned(),
            force: false,
        },
        targets: NewTargets::Devices(names),
        waves: Vec::new(),
        threshold: None,
        timeouts: Timeouts::default(),
        retries: 0,
        begin: Begin::Now,
        rollout: RolloutPolicy { allow_downgrade: true, supersede: true, ..RolloutPolicy::default() },
    })
}

impl App {
    /// The job that would bring devices back.
    pub(super) async fn previous(&self, by: &Principal, id: JobId) -> Result<NewJob, AppError> {
        let (app, by) = (self.clone(), by.clone());
        self.store
            .read(move |tx| {
                let (app, by) = (app.clone(), by.clone());
                Box::pin(async move { find(tx, &app, &by, id).await })
            })
            .await
    }
}
