//! The documents of actions: what is to be fetched, how, and what was said so far.

use windlass_domain::ids::{ComponentId, ExecutionId, Md5, Sha1, Sha256};
use windlass_domain::job::{Execution, ExecutionState, Job, What};
use windlass_domain::software::{Artifact, Release, Sums};
use windlass_domain::time::Timestamp;
use windlass_store::ddi::{NewStatus, Served};
use windlass_store::management::{ModuleExtra, extras};
use windlass_store::{StoreError, Tx, ddi as table, executions, jobs};

use super::peer::{DdiPeer, Proof};
use super::poll::{Open, Traits, force};
use super::stand::{Stand, Urgency};
use crate::app::App;
use crate::error::AppError;
use crate::jobs::release_of;
use crate::links::shows;
use crate::message::Effects;

/// Most messages of a history.
const HISTORY: u32 = 100;

/// Why a request about an action is not served.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// 404.
    #[error("there is nothing of that kind for this device")]
    NotFound,
    /// 404, for what a device says that it runs: kept as its word all the same.
    #[error(
        "there is no distribution set {name} {version} here; that the device runs it is in its inventory"
    )]
    UnknownRelease {
        /// What it said.
        name: String,
        /// What it said.
        version: String,
    },
    /// 410.
    #[error("the action is closed")]
    Closed,
    /// 405.
    #[error("the action is not being canceled")]
    NotCanceling,
    /// 409.
    #[error("{0}")]
    Conflict(&'static str),
    /// 429.
    #[error("{0}")]
    TooMany(String),
    /// 400.
    #[error("{0}")]
    Bad(String),
    /// 503.
    #[error("not available for now")]
    Unavailable(#[from] AppError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// What kind of document is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// `deploymentBase`.
    Deployment,
    /// `confirmationBase`.
    Confirmation,
    /// `installedBase`.
    Installed,
}

/// A file of a software module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Digest of the bytes.
    pub sha256: Sha256,
    /// Digest of the bytes.
    pub sha1: Sha1,
    /// Digest of the bytes.
    pub md5: Md5,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

/// A software module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleView {
    /// Its number.
    pub id: ComponentId,
    /// `os`, `application`, or any word.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether its files are encrypted.
    pub encrypted: bool,
    /// What operators let devices know of it.
    pub metadata: Vec<(String, String)>,
    /// Its files.
    pub files: Vec<FileView>,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionView {
    /// Its number.
    pub id: ExecutionId,
    /// Somebody must agree first.
    pub waits: bool,
    /// What to do about the download.
    pub download: Urgency,
    /// What to do about the installation.
    pub update: Urgency,
    /// With a maintenance window: whether it is open.
    pub window: Option<bool>,
    /// Its software modules.
    pub modules: Vec<ModuleView>,
    /// How it stands and what was said, newest first, where that was asked for.
    pub history: Option<(String, Vec<String>)>,
}

/// Finds an update of the device, over or not.
pub(super) async fn find(tx: &mut Tx<'_>, peer: &DdiPeer, action: ExecutionId) -> Result<Open, Failed> {
    let found = executions::get(tx, peer.tenant, action).await?;
    let execution = found.filter(|found| found.device == peer.device).ok_or(Failed::NotFound)?;
    let mut job = jobs::get_any(tx, execution.job).await?.ok_or(Failed::NotFound)?;
    force(tx, &execution, &mut job).await?;
    if !matches!(job.spec.what, What::Update { .. }) || execution.state == ExecutionState::Removed {
        return Err(Failed::NotFound);
    }
    Ok(Open { execution, job })
}

/// Whether a device may see an action as its job stands.
pub(super) async fn may_see(
    tx: &mut Tx<'_>,
    execution: &Execution,
    job: &Job,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if execution.state != ExecutionState::Queued {
        return Ok(true);
    }
    Ok(!execution.is_expired(now) && shows(tx, execution, job).await?)
}

/// hawkBit's word for how an execution stands.
pub fn action_word(execution: &Execution) -> &'static str {
    use windlass_domain::job::{Consent, Outcome};
    if execution.state.is_open() {
        return match (execution.consent == Consent::Awaited, execution.cancel_asked_at.is_some()) {
            (_, true) => "CANCELING",
            (true, false) => "WAIT_FOR_CONFIRMATION",
            (false, false) => "RUNNING",
        };
    }
    match execution.outcome() {
        Outcome::Succeeded | Outcome::Verifying => "FINISHED",
        Outcome::Canceled | Outcome::Skipped => "CANCELED",
        Outcome::Open | Outcome::Failed => "ERROR",
    }
}

async fn history(
    tx: &mut Tx<'_>,
    execution: &Execution,
    wanted: u32,
) -> Result<(String, Vec<String>), StoreError> {
    // An entry has none, one or more of them.
    let said = table::statuses(tx, execution.id, true, 0, HISTORY).await?;
    let messages = said.into_iter().flat_map(|one| one.messages).take(usize::try_from(wanted).unwrap_or(100));
    Ok((action_word(execution).to_owned(), messages.collect()))
}

/// Notes that a document was fetched, if that is news.
async fn note_served(tx: &mut Tx<'_>, stand: &Stand, proof: Proof, now: Timestamp) -> Result<(), StoreError> {
    let before = table::served(tx, stand.action).await?;
    let skip = stand.update == Urgency::Skip;
    let after = Served { retrieved_at: before.retrieved_at.or(Some(now)), skip, ..before };
    if before == after {
        return Ok(());
    }
    table::served_put(tx, stand.action, &after).await?;
    if before.retrieved_at.is_some() {
        return Ok(());
    }
    let text = "Target retrieved update action and should start now the download.";
    table::status_insert(tx, &retrieved(stand.action, text, proof), now).await
}

/// That a device fetched something of an action.
fn retrieved(action: ExecutionId, text: &str, proof: Proof) -> NewStatus {
    NewStatus { credential: Some(proof.as_str()), ..NewStatus::by_server(action, "retrieved", text) }
}

struct Found {
    stand: Stand,
    release: Option<Release>,
    extras: Vec<ModuleExtra>,
    history: Option<(String, Vec<String>)>,
    served: Served,
    is_open: bool,
}

async fn look(
    tx: &mut Tx<'_>,
    peer: &DdiPeer,
    traits: &Traits,
    action: ExecutionId,
    wanted: Wanted,
    messages: Option<u32>,
    now: Timestamp,
) -> Result<Found, Failed> {
    let open = find(tx, peer, action).await?;
    let (execution, job) = (&open.execution, &open.job);
    let stand = traits.stand(&open, now);
    let visible = match wanted {
        // What is over is still told, as it was: in both places, also what failed.
        Wanted::Installed | Wanted::Deployment if !execution.state.is_open() => {
            matches!(action_word(execution), "FINISHED" | "ERROR")
        }
        Wanted::Installed => false,
        Wanted::Confirmation => execution.state.is_open() && stand.waits && !stand.canceling,
        Wanted::Deployment => {
            !stand.waits && !stand.canceling && !stand.hidden && may_see(tx, execution, job, now).await?
        }
    };
    if !visible {
        return Err(Failed::NotFound);
    }
    let history = match messages.filter(|wanted| *wanted > 0) {
        Some(wanted) => Some(history(tx, execution, wanted).await?),
        None => None,
    };
    let (release, served) = (release_of(tx, job).await?, table::served(tx, action).await?);
    let mut extras = Vec::new();
    for component in release.iter().flat_map(|release| &release.components) {
        extras.push(extras::get::<ModuleExtra>(tx, peer.tenant, component.id.get()).await?);
    }
    let is_open = execution.state.is_open();
    Ok(Found { stand, release, extras, history, served, is_open })
}

impl App {
    /// The document of an action. `messages`: how many messages of its history are asked for, the newest.
    ///
    /// # Errors
    /// `NotFound` where the device may not see it in this place, or `Unavailable`.
    pub async fn ddi_action(
        &self,
        peer: &DdiPeer,
        action: ExecutionId,
        wanted: Wanted,
        messages: Option<u32>,
    ) -> Result<ActionView, Failed> {
        let (now, traits) = (self.clock.now(), self.ddi_traits(peer));
        let (who, messages) = (peer.clone(), messages.map(|wanted| wanted.min(HISTORY)));
        let found = self
            .store
            .read(move |tx| {
                let (peer, traits) = (who.clone(), traits.clone());
                Box::pin(async move { look(tx, &peer, &traits, action, wanted, messages, now).await })
            })
            .await?;
        let Found { stand, release, extras, history, served, is_open } = found;
        let news = served.retrieved_at.is_none() || served.skip != (stand.update == Urgency::Skip);
        if wanted == Wanted::Deployment && is_open && news {
            let proof = peer.proof;
            self.store
                .write::<_, StoreError, _>(move |tx| {
                    Box::pin(async move { note_served(tx, &stand, proof, now).await })
                })
                .await?;
        }
        let mut modules = match release {
            Some(release) => self.ddi_modules(release).await?,
            None => Vec::new(),
        };
        for (module, extra) in modules.iter_mut().zip(extras) {
            module.encrypted = extra.encrypted;
            let visible = extra.metadata.into_iter().filter(|(_, entry)| entry.target_visible);
            module.metadata = visible.map(|(key, entry)| (key, entry.value)).collect();
        }
        let Stand { action: id, waits, download, update, window, .. } = stand;
        let waits = waits && wanted == Wanted::Confirmation;
        Ok(ActionView { id, waits, download, update, window, modules, history })
    }

    pub(super) async fn ddi_modules(&self, release: Release) -> Result<Vec<ModuleView>, AppError> {
        let mut modules = Vec::with_capacity(release.components.len());
        for component in release.components {
            let mut files = Vec::with_capacity(component.artifacts.len());
            for artifact in component.artifacts {
                files.push(self.file_view(artifact).await?);
            }
            modules.push(ModuleView {
                id: component.id,
                kind: component.component_type.into_string(),
                name: component.name.into_string(),
                version: component.version.into_string(),
                encrypted: false,
                metadata: Vec::new(),
                files,
            });
        }
        Ok(modules)
    }

    pub(super) async fn file_view(&self, artifact: Artifact) -> Result<FileView, AppError> {
        let Sums { sha1, md5 } = self.artifact_sums(&artifact).await?;
        let Artifact { name, sha256, size, created_at, .. } = artifact;
        Ok(FileView { name: name.into_string(), size, sha256, sha1, md5, created_at })
    }

    /// That an action is to be canceled.
    ///
    /// # Errors
    /// `NotFound` unless it is, or `Unavailable`.
    pub async fn ddi_cancel(&self, peer: &DdiPeer, action: ExecutionId) -> Result<(), Failed> {
        let (now, who) = (self.clock.now(), peer.clone());
        self.store
            .write(move |tx| {
                let peer = who.clone();
                Box::pin(async move {
                    let Open { execution, .. } = find(tx, &peer, action).await?;
                    if !execution.state.is_open() || execution.cancel_asked_at.is_none() {
                        return Err(Failed::NotFound);
                    }
                    let before = table::served(tx, action).await?;
                    if before.cancel_retrieved_at.is_some() {
                        return Ok(());
                    }
                    table::served_put(tx, action, &Served { cancel_retrieved_at: Some(now), ..before })
                        .await?;
                    let text = "Target retrieved cancel action and should start now the cancellation.";
                    table::status_insert(tx, &retrieved(action, text, peer.proof), now).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Does what is left to do once a report is stored.
    pub(super) fn ddi_settle(&self, peer: &DdiPeer, effects: Effects) {
        let Effects { wake, reconcile, .. } = effects;
        self.ddi.woken(peer.device);
        self.ddi.targets.forget(&peer.device);
        for device in wake {
            self.wake_device(device);
        }
        if !reconcile.is_empty() {
            self.forget_links();
            self.agenda.wake(reconcile.iter().copied());
            self.command_waits.jobs_changed(&reconcile);
        }
    }
}
