//! The files of software modules, for the device that is to have them. Asked for every range; an answer is remembered
//! for a second, so that ranges cost no query.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use windlass_domain::ids::{ComponentId, DeviceId};
use windlass_domain::job::{Execution, Job};
use windlass_domain::software::{Artifact, Release};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, ddi as table, devices, executions, jobs};

use super::action::{Failed, FileView, may_begin};
use super::peer::DdiPeer;
use super::poll::{Open, open};
use crate::app::App;
use crate::downloads::Account;
use crate::jobs::release_of;
use crate::links::DownloadGrant;

/// How long an answer may be taken from memory.
const FRESH: Duration = Duration::from_secs(1);
/// Most answers that are remembered.
const REMEMBERED: usize = 10_000;

type Key = (DeviceId, ComponentId, String);

/// A file, and for whom its download counts.
type Found = (Artifact, Account);

/// Files that were found lately.
#[derive(Debug, Default)]
pub(crate) struct Files(Mutex<HashMap<Key, (Timestamp, Found)>>);

impl Files {
    fn known(&self, key: &Key, now: Timestamp) -> Option<Found> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, found) = files.get(key)?;
        (*at <= now && now.since(*at) < FRESH).then(|| found.clone())
    }

    /// Forgets everything: an action is over.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn keep(&self, key: Key, found: Found, now: Timestamp) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= REMEMBERED {
            files.clear();
        }
        files.insert(key, (now, found));
    }
}

/// The releases that the device is to fetch now, with what brings them.
async fn wanted(
    tx: &mut Tx<'_>,
    peer: &DdiPeer,
    now: Timestamp,
) -> Result<Vec<(Execution, Job, Release)>, StoreError> {
    let mut wanted = Vec::new();
    for Open { execution, job } in open(tx, peer.device, now).await? {
        let waits = execution.agreed(now).is_some();
        if execution.cancel_asked_at.is_none() && !waits && may_begin(&execution, &job, now) {
            let release = release_of(tx, &job).await?;
            wanted.extend(release.map(|release| (execution, job, release)));
        }
    }
    Ok(wanted)
}

/// The release that the device runs, if an action brought it.
async fn installed(tx: &mut Tx<'_>, peer: &DdiPeer) -> Result<Option<Release>, StoreError> {
    let target = table::target(tx, peer.device).await?;
    let Some(execution) = target.installed.and_then(|installed| installed.execution) else { return Ok(None) };
    let Some(execution) = executions::get(tx, peer.tenant, execution).await? else { return Ok(None) };
    match jobs::get_any(tx, execution.job).await? {
        Some(job) => release_of(tx, &job).await,
        None => Ok(None),
    }
}

impl App {
    /// The files of a software module that the device is to have, or has.
    ///
    /// # Errors
    /// `NotFound`, or `Unavailable`.
    pub async fn ddi_files(&self, peer: &DdiPeer, module: ComponentId) -> Result<Vec<FileView>, Failed> {
        let (who, now) = (peer.clone(), self.clock.now());
        let releases = self
            .store
            .read::<_, StoreError, _>(move |tx| {
                let peer = who.clone();
                Box::pin(async move {
                    let wanted = wanted(tx, &peer, now).await?;
                    let mut releases: Vec<Release> =
                        wanted.into_iter().map(|(_, _, release)| release).collect();
                    releases.extend(installed(tx, &peer).await?);
                    Ok(releases)
                })
            })
            .await?;
        let mut with = releases.into_iter().filter(|one| one.components.iter().any(|one| one.id == module));
        let Some(release) = with.next() else { return Err(Failed::NotFound) };
        let modules = self.ddi_modules(release).await?;
        let found = modules.into_iter().find(|one| one.id == module).ok_or(Failed::NotFound)?;
        Ok(found.files)
    }

    /// A file that the device is to fetch now, with its digests.
    ///
    /// # Errors
    /// `NotFound`, or `Unavailable`.
    pub async fn ddi_file(
        &self,
        peer: &DdiPeer,
        module: ComponentId,
        name: &str,
    ) -> Result<(DownloadGrant, FileView), Failed> {
        let now = self.clock.now();
        let key = (peer.device, module, name.to_owned());
        let (artifact, account) = match self.ddi.files.known(&key, now) {
            Some(found) => found,
            None => {
                let (who, wanted_name) = (peer.clone(), name.to_owned());
                let found = self
                    .store
                    .read::<_, StoreError, _>(move |tx| {
                        let (peer, name) = (who.clone(), wanted_name.clone());
                        Box::pin(async move {
                            let Some(device) = devices::device_by_id(tx, peer.device).await? else {
                                return Ok(None);
                            };
                            for (execution, job, release) in wanted(tx, &peer, now).await? {
                                let of_module = release.components.into_iter().filter(|one| one.id == module);
                                let mut files = of_module.flat_map(|component| component.artifacts);
                                if let Some(artifact) = files.find(|artifact| artifact.name.as_str() == name)
                                {
                                    let account = Account::of(&execution, &job, &device, artifact.id);
                                    return Ok(Some((artifact, account)));
                                }
                            }
                            Ok(None)
                        })
                    })
                    .await?;
                let found = found.ok_or(Failed::NotFound)?;
                self.ddi.files.keep(key, found.clone(), now);
                found
            }
        };
        let id = artifact.id;
        let view = self.file_view(artifact).await?;
        let grant = DownloadGrant {
            artifact: id,
            sha256: view.sha256,
            size: view.size,
            name: view.name.clone(),
            etag: format!("\"{}\"", view.sha1),
            modified: view.created_at,
            account,
        };
        Ok((grant, view))
    }
}
