//! How far devices came with what a job installs, and how much of it they did not have to fetch.

use windlass_domain::ids::{ExecutionId, JobId};
use windlass_domain::job::{ExecutionState, Job, What};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::{Artifact, Release};
use windlass_store::downloads::Sent;
use windlass_store::{StoreError, Tx, downloads, releases};

use super::list::known_job;
use crate::permit::demand;
use crate::{App, AppError};

/// How far one device came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Downloaded {
    /// Bytes that went out, over all files, those that went out twice counted once: never more than up to the furthest.
    pub bytes: u64,
    /// Bytes of all files.
    pub of: u64,
}

/// What went out for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobDownloads {
    /// Bytes of each file of which a device fetched something, for each such device.
    pub full: u64,
    /// Bytes that went out to them.
    pub sent: u64,
    /// Bytes that those of them did not have to fetch that are done well.
    pub saved: u64,
    /// Bytes that went out over the lasting links of the job's files since this node started; nobody knows for whom.
    pub linked: u64,
}

/// The files that a release brings.
pub(crate) fn files_of(release: &Release) -> impl Iterator<Item = &Artifact> {
    release.components.iter().flat_map(|component| &component.artifacts)
}

/// Bytes of a file that went out, as far as is known: clients that begin at its end have not got what is before.
fn covered(sent: Sent, artifact: &Artifact) -> u64 {
    sent.reached.min(sent.bytes).min(artifact.size)
}

/// What a job installs, if it installs something that is still there.
pub(crate) async fn release_of(tx: &mut Tx<'_>, job: &Job) -> Result<Option<Release>, StoreError> {
    match job.spec.what {
        What::Update { release, .. } => releases::release_by_id(tx, job.tenant, release).await,
        What::Command(_) | What::Document(_) => Ok(None),
    }
}

/// How far an execution came with its release.
pub(super) async fn downloaded(
    tx: &mut Tx<'_>,
    app: &App,
    release: &Release,
    execution: ExecutionId,
) -> Result<Downloaded, StoreError> {
    let mut sent = downloads::of_execution(tx, execution).await?;
    app.downloads.complete(execution, &mut sent);
    let reached = |artifact: &Artifact| sent.get(&artifact.id).map_or(0, |sent| covered(*sent, artifact));
    Ok(Downloaded {
        bytes: files_of(release).map(reached).sum(),
        of: files_of(release).map(|artifact| artifact.size).sum(),
    })
}

impl App {
    /// What went out for a job, as of the last few seconds.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_downloads(&self, by: &Principal, id: JobId) -> Result<JobDownloads, AppError> {
        demand(by, Permission::JobRead)?;
        let (app, by) = (self.clone(), by.clone());
        self.store
            .read(move |tx| {
                let (app, by) = (app.clone(), by.clone());
                Box::pin(async move {
                    let job = known_job(tx, &app, &by, id).await?;
                    let Some(release) = release_of(tx, &job).await? else {
                        return Ok(JobDownloads::default());
                    };
                    let mut all = JobDownloads::default();
                    for (state, sent) in downloads::of_job(tx, id).await? {
                        for artifact in files_of(&release) {
                            let Some(sent) = sent.get(&artifact.id) else { continue };
                            all.full = all.full.saturating_add(artifact.size);
                            all.sent = all.sent.saturating_add(sent.bytes);
                            if state == ExecutionState::Succeeded {
                                let missing = artifact.size.saturating_sub(covered(*sent, artifact));
                                all.saved = all.saved.saturating_add(missing);
                            }
                        }
                    }
                    all.linked = files_of(&release).map(|artifact| app.downloads.linked(artifact.id)).sum();
                    Ok(all)
                })
            })
            .await
    }
}
