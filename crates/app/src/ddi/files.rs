//! The files of software modules, for the device that is to have them. Asked for every range; an answer is remembered
//! for a second, so that ranges cost no query.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use windlass_domain::ids::{ComponentId, DeviceId, ExecutionId};
use windlass_domain::job::{
    DeviceReport, Execution, ExecutionState, Handling, Job, Refusal, ReportedStatus, StepTimer,
};
use windlass_domain::software::{Artifact, Release};
use windlass_domain::time::Timestamp;
use windlass_store::ddi::NewStatus;
use windlass_store::{StoreError, Tx, ddi as table, devices, executions, jobs};

use super::action::{Failed, FileView, find, may_see};
use super::peer::DdiPeer;
use super::poll::{Open, open};
use super::stand::{Stand, Urgency};
use crate::app::App;
use crate::downloads::Account;
use crate::jobs::{device, release_of};
use crate::links::DownloadGrant;
use crate::message::Effects;

/// How long an answer may be taken from memory.
const FRESH: Duration = Duration::from_secs(1);
/// Most devices of which answers are remembered.
const REMEMBERED: usize = 10_000;
/// Most answers that are remembered of one device.
const OF_DEVICE: usize = 100;

type Key = (ComponentId, String);

/// A file, for whom its download counts, and the action that begins with it.
type Found = (Artifact, Account, Option<ExecutionId>);

/// A file that a device is to fetch now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DdiFile {
    /// What may be sent.
    pub grant: DownloadGrant,
    /// What is told of it.
    pub view: FileView,
    /// The action that begins when the device fetches from it, if it has not begun.
    pub begins: Option<ExecutionId>,
}

/// Whether an action that a device did not say it began begins when it fetches: not where it was told only to fetch what
/// is to be installed later.
async fn begins_with_fetching(tx: &mut Tx<'_>, open: &Open, stand: &Stand) -> Result<bool, StoreError> {
    if open.execution.state != ExecutionState::Queued {
        return Ok(false);
    }
    let served = table::served(tx, open.execution.id).await?;
    let told_to_skip =
        if served.retrieved_at.is_some() { served.skip } else { stand.update == Urgency::Skip };
    Ok(!told_to_skip || open.job.spec.rollout.handling == Handling::DownloadOnly)
}

/// Notes that a device begins an action, of which it may say nothing until it is done.
async fn begins_in(
    tx: &mut Tx<'_>,
    peer: &DdiPeer,
    action: ExecutionId,
    how: &str,
    now: Timestamp,
) -> Result<Effects, Failed> {
    let Open { execution, job } = find(tx, peer, action).await?;
    if execution.state != ExecutionState::Queued || execution.cancel_asked_at.is_some() {
        return Ok(Effects::default());
    }
    let report = DeviceReport {
        status: ReportedStatus::InProgress,
        details: None,
        expected_version: None,
        step: StepTimer::Keep,
    };
    let code = execution.status_code;
    match device::report(tx, &execution, &job, &report, code, now).await? {
        Ok((_, effects)) => {
            table::status_insert(tx, &NewStatus::by_server(action, "download", how), now).await?;
            Ok(effects)
        }
        Err(Refusal::InvalidStateTransition | Refusal::VersionMismatch | Refusal::Expired) => {
            Ok(Effects::default())
        }
    }
}

/// Files that were found lately.
///
/// **Invariant:** what was read before a device was forgotten is never kept after it: whoever keeps something shows the
/// number that the device had when the reading began, and forgetting ends that number.
#[derive(Debug, Default)]
pub(crate) struct Files(Mutex<Lately>);

#[derive(Debug, Default)]
struct Lately {
    last: u64,
    devices: HashMap<DeviceId, OfDevice>,
}

#[derive(Debug)]
struct OfDevice {
    number: u64,
    files: HashMap<Key, (Timestamp, Found)>,
}

impl Files {
    fn lock(&self) -> MutexGuard<'_, Lately> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was found, or the number with which to keep what is found now.
    fn known(&self, device: DeviceId, key: &Key, now: Timestamp) -> Result<Found, u64> {
        let mut held = self.lock();
        if held.devices.len() >= REMEMBERED && !held.devices.contains_key(&device) {
            held.devices.clear();
        }
        held.last = held.last.wrapping_add(1);
        let number = held.last;
        let own = held.devices.entry(device).or_insert_with(|| OfDevice { number, files: HashMap::new() });
        match own.files.get(key) {
            Some((at, found)) if *at <= now && now.since(*at) < FRESH => Ok(found.clone()),
            Some(_) | None => Err(own.number),
        }
    }

    /// Forgets everything.
    pub(crate) fn forget_all(&self) {
        self.lock().devices.clear();
    }

    /// Forgets what a device may fetch: something happened to what it has to do.
    pub(super) fn forget(&self, device: DeviceId) {
        self.lock().devices.remove(&device);
    }

    fn keep(&self, device: DeviceId, key: Key, found: Found, now: Timestamp, number: u64) {
        let mut held = self.lock();
        let Some(own) = held.devices.get_mut(&device).filter(|own| own.number == number) else { return };
        if own.files.len() >= OF_DEVICE {
            own.files.clear();
        }
        own.files.insert(key, (now, found));
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
        let may_fetch = execution.cancel_asked_at.is_none() && !waits;
        if may_fetch && may_see(tx, &execution, &job, now).await? {
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
    pub async fn ddi_file(&self, peer: &DdiPeer, module: ComponentId, name: &str) -> Result<DdiFile, Failed> {
        let (now, traits) = (self.clock.now(), self.ddi_traits(peer));
        // Who downloads for long polls no more.
        self.live.seen(peer.device, now);
        let key = (module, name.to_owned());
        let (artifact, account, begins) = match self.ddi.files.known(peer.device, &key, now) {
            Ok(found) => found,
            Err(number) => {
                let (who, wanted_name) = (peer.clone(), name.to_owned());
                let found = self
                    .store
                    .read::<_, StoreError, _>(move |tx| {
                        let (peer, name, traits) = (who.clone(), wanted_name.clone(), traits.clone());
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
                                    let open = Open { execution, job };
                                    let begins =
                                        begins_with_fetching(tx, &open, &traits.stand(&open, now)).await?;
                                    return Ok(Some((
                                        artifact,
                                        account,
                                        begins.then_some(open.execution.id),
                                    )));
                                }
                            }
                            Ok(None)
                        })
                    })
                    .await?;
                let found = found.ok_or(Failed::NotFound)?;
                self.ddi.files.keep(peer.device, key, found.clone(), now, number);
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
        Ok(DdiFile { grant, view, begins })
    }

    /// Notes that a device begins an action by what it fetches; nothing if it has begun. `how`: in words.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn ddi_begins(&self, peer: &DdiPeer, action: ExecutionId, how: &str) -> Result<(), Failed> {
        let (who, how, now) = (peer.clone(), how.to_owned(), self.clock.now());
        let effects = self
            .store
            .write(move |tx| {
                let (peer, how) = (who.clone(), how.clone());
                Box::pin(async move { begins_in(tx, &peer, action, &how, now).await })
            })
            .await?;
        self.ddi_settle(peer, effects);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use windlass_domain::ids::{ArtifactId, FileName, Sha256};

    use super::*;
    use crate::downloads::Whose;

    fn found() -> Found {
        let artifact = Artifact {
            id: ArtifactId::new(1),
            name: "app.swu".parse::<FileName>().unwrap(),
            sha256: Sha256::of(b"app"),
            sums: None,
            size: 3,
            signature: None,
            created_at: Timestamp::from_seconds(0),
            created_by: String::new(),
        };
        let account = Account { whose: Whose::Nobody, artifact: artifact.id, pace: None };
        (artifact, account, None)
    }

    #[test]
    fn what_was_read_before_a_device_was_forgotten_is_not_kept_after_it() {
        let (files, key, now) =
            (Files::default(), (ComponentId::new(7), "app.swu".to_owned()), Timestamp::from_seconds(0));
        let (one, other) = (DeviceId::new(1), DeviceId::new(2));
        for device in [one, other] {
            let number = files.known(device, &key, now).unwrap_err();
            files.keep(device, key.clone(), found(), now, number);
        }
        assert_eq!(files.known(one, &key, now), Ok(found()));
        files.forget(one);
        assert_eq!(files.known(other, &key, now), Ok(found()), "its own only");
        let before = files.known(one, &key, now).unwrap_err();
        files.forget_all();
        files.known(one, &key, now).unwrap_err();
        files.keep(one, key.clone(), found(), now, before);
        files.known(one, &key, now).unwrap_err();
        let later = Timestamp::from_seconds(1);
        let number = files.known(other, &key, now).unwrap_err();
        files.keep(other, key.clone(), found(), now, number);
        files.known(other, &key, later).unwrap_err();
    }
}
