//! Download links: what they may open, for whom, and for how long.
//!
//! Whether device and execution may download is kept in memory for at most a second per link, so that ranges cost no write
//! and hardly a read. Knows no HTTP: a listener hands in path and query and gets a grant or a refusal.

mod signed;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use tokio::io::AsyncRead;
use windlass_domain::ids::{ArtifactId, ExecutionId, Sha256};
use windlass_domain::job::{Execution, ExecutionState, Job, JobState};
use windlass_domain::software::Artifact;
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, artifacts, ddi, devices, executions, jobs};

use crate::App;
use crate::artifacts::link;
use crate::downloads::{Account, Metered, Place};

use self::signed::{Claimed, LinkKey, load, parse};

pub use self::signed::KEY_AGE;

/// Who comes too much is told to come again after this long at the most.
const COME_AGAIN: Duration = Duration::from_secs(300);
const OVER: DownloadRefusal = DownloadRefusal::NotAllowed("the job is over on this device");
/// Where download links start, after the base.
pub const PATH: &str = "/downloads/v1/";
/// How long a link is good.
pub const LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How long an answer about device and execution may be taken from memory.
const FRESH: Duration = Duration::from_secs(1);
/// Most answers that are remembered.
const REMEMBERED: usize = 10_000;

/// A download that may go on: everything that the answer's head needs. Bytes: [`App::download_part`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadGrant {
    /// The artifact's number.
    pub artifact: ArtifactId,
    /// Which bytes.
    pub sha256: Sha256,
    /// How many.
    pub size: u64,
    /// File name for `Content-Disposition`.
    pub name: String,
    /// Strong entity tag, with its quotes.
    pub etag: String,
    /// When it was uploaded.
    pub modified: Timestamp,
    /// For whom it counts.
    pub account: Account,
}

impl DownloadGrant {
    pub(crate) fn of(artifact: Artifact, account: Account) -> Self {
        let Artifact { id, name, sha256, size, created_at, .. } = artifact;
        let etag = format!("\"{sha256}\"");
        Self { artifact: id, sha256, size, name: name.into_string(), etag, modified: created_at, account }
    }
}

/// Why a download is refused. `Display` is the sentence for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DownloadRefusal {
    /// Not made by this server, or changed.
    #[error("the download link is not valid; fetch the job again to get a fresh one")]
    Invalid,
    /// Too old.
    #[error("the download link has expired; fetch the job again to get a fresh one")]
    Expired,
    /// The device may not have it now, or the job on it is over.
    #[error("the download is not allowed any more: {0}")]
    NotAllowed(&'static str),
    /// The artifact is gone.
    #[error("the artifact does not exist any more")]
    Gone,
    /// Too many devices wait for bytes that may go no faster.
    #[error("too many downloads are held back by their rollout's rate; come again in {0} s")]
    Busy(u64),
    /// The store or the disk failed; try again.
    #[error("the download is not available for now; try again")]
    Unavailable,
}

impl DownloadRefusal {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid => "url.invalid",
            Self::Expired => "url.expired",
            Self::NotAllowed(_) => "url.not_allowed",
            Self::Gone => "not_found",
            Self::Busy(_) => "download.busy",
            Self::Unavailable => "unavailable",
        }
    }

    /// Status of the HTTP answer.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::Invalid | Self::Expired | Self::NotAllowed(_) => 403,
            Self::Gone => 404,
            Self::Busy(_) | Self::Unavailable => 503,
        }
    }
}

type Answer = Result<DownloadGrant, DownloadRefusal>;

/// Signs links and remembers what they may still open.
pub struct Links {
    keys: Mutex<Vec<LinkKey>>,
    answers: Mutex<HashMap<(ExecutionId, ArtifactId), (Timestamp, Answer)>>,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as one segment of a path, and as a value of RFC 8187, have it.
pub fn in_path(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

impl Links {
    /// Forgets what it remembers of executions and devices, so that the next request asks the store.
    fn forget(&self) {
        lock(&self.answers).clear();
    }

    fn remembered(&self, claimed: &Claimed<'_>, now: Timestamp) -> Option<Answer> {
        let answers = lock(&self.answers);
        let (at, answer) = answers.get(&(claimed.execution, claimed.artifact))?;
        (*at <= now && now.since(*at) < FRESH).then(|| answer.clone())
    }

    fn remember(&self, claimed: &Claimed<'_>, answer: &Answer, now: Timestamp) {
        let mut answers = lock(&self.answers);
        if answers.len() >= REMEMBERED {
            answers.clear();
        }
        answers.insert((claimed.execution, claimed.artifact), (now, answer.clone()));
    }
}

/// Whether what an execution installs may be downloaded now, as far as it and its job say.
///
/// # Errors
/// When the store fails.
pub(crate) async fn allowed(
    tx: &mut Tx<'_>,
    execution: &Execution,
    job: &Job,
    now: Timestamp,
) -> Result<Result<(), DownloadRefusal>, StoreError> {
    Ok(judged(execution, shows(tx, execution, job).await?, now))
}

/// Whether a job shows its part to a device that has not begun. What the device was told of over hawkBit's interface it may
/// be at work on, also where the job is held since.
///
/// # Errors
/// When the store fails.
pub(crate) async fn shows(tx: &mut Tx<'_>, execution: &Execution, job: &Job) -> Result<bool, StoreError> {
    Ok(match job.state {
        JobState::Running => true,
        JobState::Paused | JobState::Halted(_) => ddi::served(tx, execution.id).await?.retrieved_at.is_some(),
        JobState::AwaitingApproval { .. }
        | JobState::Denied
        | JobState::Scheduled { .. }
        | JobState::Stopping { .. }
        | JobState::Canceled
        | JobState::Completed => false,
    })
}

/// The same. `running`: whether its job shows it to a device that has not begun.
fn judged(execution: &Execution, running: bool, now: Timestamp) -> Result<(), DownloadRefusal> {
    if execution.state.is_open() && execution.cancel_asked_at.is_some() {
        return Err(DownloadRefusal::NotAllowed("the device is asked to stop the job"));
    }
    match execution.state {
        ExecutionState::InProgress => Ok(()),
        ExecutionState::Queued if running && execution.is_shown(now) => Ok(()),
        ExecutionState::Queued if running => {
            Err(DownloadRefusal::NotAllowed("the job is held back on this device for now"))
        }
        ExecutionState::Queued => Err(DownloadRefusal::NotAllowed("the job does not run now")),
        ExecutionState::Canceled => Err(DownloadRefusal::NotAllowed("the job was canceled on this device")),
        ExecutionState::Succeeded
        | ExecutionState::Failed
        | ExecutionState::Rejected
        | ExecutionState::TimedOut
        | ExecutionState::Removed => Err(OVER),
    }
}

/// Whether bytes that are on their way to an execution's device may go on. A window that closed meanwhile ends no download.
pub(crate) async fn may_go_on(tx: &mut Tx<'_>, execution: ExecutionId) -> Result<bool, StoreError> {
    let Some(execution) = executions::latest_by_id(tx, execution).await? else { return Ok(false) };
    // Who is asked to stop has the word: SWUpdate takes a download that is cut for a failure.
    if !execution.state.is_open() {
        return Ok(false);
    }
    if execution.state == ExecutionState::Queued && execution.cancel_asked_at.is_none() {
        let Some(job) = jobs::get_any(tx, execution.job).await? else { return Ok(false) };
        if !shows(tx, &execution, &job).await? {
            return Ok(false);
        }
    }
    let device = devices::device_by_id(tx, execution.device).await?;
    Ok(device.is_some_and(|device| device.lifecycle.may_connect()))
}

/// Whether an execution's device may download the artifact now.
async fn judge(
    tx: &mut Tx<'_>,
    execution: ExecutionId,
    artifact: ArtifactId,
    now: Timestamp,
) -> Result<Answer, StoreError> {
    let Some(execution) = executions::latest_by_id(tx, execution).await? else { return Ok(Err(OVER)) };
    let Some(job) = jobs::get_any(tx, execution.job).await? else { return Ok(Err(OVER)) };
    if let Err(refusal) = allowed(tx, &execution, &job, now).await? {
        return Ok(Err(refusal));
    }
    let device = devices::device_by_id(tx, execution.device).await?;
    let Some(device) = device.filter(|device| device.lifecycle.may_connect()) else {
        return Ok(Err(DownloadRefusal::NotAllowed("the device is out of service")));
    };
    Ok(match artifacts::get(tx, execution.tenant, artifact).await? {
        None => Err(DownloadRefusal::Gone),
        Some(artifact) => {
            let account = Account::of(&execution, &job, &device, artifact.id);
            Ok(DownloadGrant::of(artifact, account))
        }
    })
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> DownloadRefusal {
    tracing::error!(error, "a download could not be judged or read");
    DownloadRefusal::Unavailable
}

impl App {
    /// Forgets what is remembered of who may download what, so that the next request, and what is on its way, asks the store.
    pub(crate) fn forget_downloads(&self) {
        self.forget_links();
        self.downloads.doubt_all();
    }

    /// Forgets what is remembered of who may download what. What is on its way hears by the change feed.
    pub(crate) fn forget_links(&self) {
        self.links.forget();
        self.ddi.files.forget_all();
    }

    /// Judges a link. Call it for every request, ranges too. `path_and_query` as on the request line.
    ///
    /// # Errors
    /// Why not; see [`DownloadRefusal::code`] and [`DownloadRefusal::http_status`].
    pub async fn download_open(&self, path_and_query: &str) -> Result<DownloadGrant, DownloadRefusal> {
        if let Some(secret) = link::secret(path_and_query) {
            return self.lasting_open(secret).await;
        }
        let claimed = parse(path_and_query).ok_or(DownloadRefusal::Invalid)?;
        let verified = match self.links.verify(&claimed) {
            Some(verified) => verified,
            None => {
                // Another node may have made a newer key.
                let keys =
                    self.store.read(|tx| Box::pin(load(tx))).await.map_err(|error| unavailable(&error))?;
                *lock(&self.links.keys) = keys;
                self.links.verify(&claimed).unwrap_or(false)
            }
        };
        if !verified {
            return Err(DownloadRefusal::Invalid);
        }
        let now = self.clock.now();
        if claimed.expires <= now.seconds() {
            return Err(DownloadRefusal::Expired);
        }
        if let Some(answer) = self.links.remembered(&claimed, now) {
            return answer;
        }
        let (execution, artifact) = (claimed.execution, claimed.artifact);
        let answer = self
            .store
            .read(move |tx| Box::pin(judge(tx, execution, artifact, now)))
            .await
            .map_err(|error| unavailable(&error))?;
        self.links.remember(&claimed, &answer, now);
        answer
    }

    /// Up to `length` bytes from `offset` on, neither counted nor held back: for operators, and for whoever counts.
    ///
    /// # Errors
    /// `Gone` or `Unavailable`.
    pub async fn download_range(
        &self,
        sha256: &Sha256,
        offset: u64,
        length: u64,
    ) -> Result<Box<dyn AsyncRead + Send + Unpin>, DownloadRefusal> {
        match self.blobs.open_range(sha256, offset, length).await {
            Ok(reader) => Ok(Box::new(reader)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(DownloadRefusal::Gone),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Up to `length` bytes of a granted download from `offset` on, counted and no faster than they may go.
    ///
    /// # Errors
    /// `Gone` or `Unavailable`.
    pub async fn download_part(
        &self,
        grant: &DownloadGrant,
        offset: u64,
        length: u64,
    ) -> Result<Box<dyn AsyncRead + Send + Unpin>, DownloadRefusal> {
        self.download_part_at(grant, self.download_place(grant)?, offset, length).await
    }

    /// A place for a download, to be had before the first byte; several parts of one answer share it.
    ///
    /// # Errors
    /// `Busy`, where it is held back by a rate and too many are.
    pub fn download_place(&self, grant: &DownloadGrant) -> Result<Place, DownloadRefusal> {
        self.downloads.place(&grant.account).map_err(|wait| {
            let seconds = wait.as_secs().saturating_add(1);
            DownloadRefusal::Busy(seconds.min(COME_AGAIN.as_secs()))
        })
    }

    /// As [`App::download_part`], by whoever has a place.
    ///
    /// # Errors
    /// `Gone` or `Unavailable`.
    pub async fn download_part_at(
        &self,
        grant: &DownloadGrant,
        place: Place,
        offset: u64,
        length: u64,
    ) -> Result<Box<dyn AsyncRead + Send + Unpin>, DownloadRefusal> {
        let reader = self.download_range(&grant.sha256, offset, length).await?;
        Ok(Box::new(Metered::new(reader, self.clone(), grant.account.clone(), place, offset)))
    }
}
