//! Download links: signed, expiring, bound to an execution (and so to its device) and an artifact.
//!
//! `{base}/downloads/v1/{artifact}/{file name}?execution=…&expires=…&signature={key}.{mac}`. Keys are in the store; the
//! newest signs, the one before still verifies. Whether device and execution may download is kept in memory for at most
//! a second per link, so that ranges cost no write and hardly a read. Knows no HTTP: a listener hands in path and query
//! and gets a grant or a refusal.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use tokio::io::AsyncRead;
use windlass_domain::ids::{ArtifactId, ExecutionId, Sha256};
use windlass_domain::job::{Execution, ExecutionState, Job, JobState};
use windlass_domain::software::Artifact;
use windlass_domain::time::Timestamp;
use windlass_store::{Store, StoreError, Tx, artifacts, devices, executions, jobs, keys};

use crate::App;
use crate::artifacts::link;
use crate::clock::{Entropy, random};
use crate::downloads::{Account, Metered};

const OVER: DownloadRefusal = DownloadRefusal::NotAllowed("the job is over on this device");
/// Where download links start, after the base.
pub const PATH: &str = "/downloads/v1/";
/// How long a link is good.
pub const LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How old a key for links becomes before a new one signs.
pub const KEY_AGE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long an answer about device and execution may be taken from memory.
const FRESH: Duration = Duration::from_secs(1);
/// Most answers that are remembered.
const REMEMBERED: usize = 10_000;
const PURPOSE: &str = "download-link";

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
            Self::Unavailable => "unavailable",
        }
    }

    /// Status of the HTTP answer.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::Invalid | Self::Expired | Self::NotAllowed(_) => 403,
            Self::Gone => 404,
            Self::Unavailable => 503,
        }
    }
}

#[derive(Clone)]
struct LinkKey {
    id: i64,
    value: Vec<u8>,
    created_at: Timestamp,
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

/// What a link says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Claimed<'a> {
    execution: ExecutionId,
    artifact: ArtifactId,
    expires: i64,
    key: i64,
    mac: &'a str,
}

fn parse(path_and_query: &str) -> Option<Claimed<'_>> {
    let (path, query) = path_and_query.split_once('?')?;
    let (artifact, file) = path.strip_prefix(PATH)?.split_once('/')?;
    if file.is_empty() || file.contains('/') {
        return None;
    }
    let (mut execution, mut expires, mut signature) = (None, None, None);
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=')?;
        let slot = match name {
            "execution" => &mut execution,
            "expires" => &mut expires,
            "signature" => &mut signature,
            _ => return None,
        };
        if slot.replace(value).is_some() {
            return None;
        }
    }
    let (key, mac) = signature?.split_once('.')?;
    Some(Claimed {
        execution: execution?.parse().ok()?,
        artifact: artifact.parse().ok()?,
        expires: expires?.parse().ok()?,
        key: key.parse().ok()?,
        mac,
    })
}

fn mac(key: &[u8], execution: ExecutionId, artifact: ArtifactId, expires: i64) -> Option<Hmac<sha2::Sha256>> {
    let mut mac = <Hmac<sha2::Sha256> as Mac>::new_from_slice(key).ok()?;
    mac.update(format!("windlass download 1\n{execution}\n{artifact}\n{expires}").as_bytes());
    Some(mac)
}

async fn load(tx: &mut Tx<'_>) -> Result<Vec<LinkKey>, StoreError> {
    let newest = keys::secret_keys(tx, PURPOSE).await?.into_iter().take(2);
    Ok(newest.map(|key| LinkKey { id: key.id, value: key.value, created_at: key.created_at }).collect())
}

impl Links {
    /// Reads the keys; makes the first one in a fresh store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(store: &Store, entropy: &dyn Entropy, now: Timestamp) -> Result<Self, StoreError> {
        let fresh: [u8; 32] = random(entropy);
        let keys = store
            .write(move |tx| {
                Box::pin(async move {
                    keys::secret_key_ensure(tx, PURPOSE, &fresh, now).await?;
                    load(tx).await
                })
            })
            .await?;
        Ok(Self { keys: Mutex::new(keys), answers: Mutex::default() })
    }

    /// A link for one artifact of one execution, good for [`LIFETIME`] from `now`.
    pub fn mint(&self, base: &str, execution: ExecutionId, artifact: &Artifact, now: Timestamp) -> String {
        self.mint_for(base, execution, artifact.id, artifact.name.as_str(), now)
    }

    /// As [`Links::mint`], by what a link says of an artifact.
    pub fn mint_for(
        &self,
        base: &str,
        execution: ExecutionId,
        id: ArtifactId,
        name: &str,
        now: Timestamp,
    ) -> String {
        let expires = now.plus(LIFETIME).seconds();
        let name = in_path(name);
        let newest = lock(&self.keys).first().cloned();
        let signature = newest
            .and_then(|key| mac(&key.value, execution, id, expires).map(|mac| (key.id, mac)))
            .map(|(key, mac)| format!("{key}.{}", hex::encode(mac.finalize().into_bytes())))
            .unwrap_or_default();
        format!("{base}{PATH}{id}/{name}?execution={execution}&expires={expires}&signature={signature}")
    }

    /// Forgets what it remembers of executions and devices, so that the next request asks the store.
    pub fn forget(&self) {
        lock(&self.answers).clear();
    }

    /// None if the key is not known here.
    fn verify(&self, claimed: &Claimed<'_>) -> Option<bool> {
        let key = lock(&self.keys).iter().find(|key| key.id == claimed.key).cloned()?;
        let Ok(given) = hex::decode(claimed.mac) else { return Some(false) };
        let mac = mac(&key.value, claimed.execution, claimed.artifact, claimed.expires);
        Some(mac.is_some_and(|mac| mac.verify_slice(&given).is_ok()))
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
pub(crate) fn allowed(execution: &Execution, job: &Job) -> Result<(), DownloadRefusal> {
    let running = job.state == JobState::Running;
    match execution.state {
        ExecutionState::InProgress => Ok(()),
        ExecutionState::Queued if running => Ok(()),
        ExecutionState::Queued => Err(DownloadRefusal::NotAllowed("the job does not run now")),
        ExecutionState::Canceled => Err(DownloadRefusal::NotAllowed("the job was canceled on this device")),
        ExecutionState::Succeeded
        | ExecutionState::Failed
        | ExecutionState::Rejected
        | ExecutionState::TimedOut
        | ExecutionState::Removed => Err(OVER),
    }
}

/// Whether an execution's device may download the artifact now.
async fn judge(tx: &mut Tx<'_>, execution: ExecutionId, artifact: ArtifactId) -> Result<Answer, StoreError> {
    let Some(execution) = executions::latest_by_id(tx, execution).await? else { return Ok(Err(OVER)) };
    let Some(job) = jobs::get_any(tx, execution.job).await? else { return Ok(Err(OVER)) };
    if let Err(refusal) = allowed(&execution, &job) {
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
            .read(move |tx| Box::pin(judge(tx, execution, artifact)))
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
        let reader = self.download_range(&grant.sha256, offset, length).await?;
        Ok(Box::new(Metered::new(reader, self.clone(), grant.account.clone(), offset)))
    }

    /// Makes a new key for links when the newest is [`KEY_AGE`] old.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn links_rotate_if_due(&self) -> Result<(), StoreError> {
        let newest = lock(&self.links.keys).first().map(|key| key.created_at);
        let due = newest.is_none_or(|made| self.clock.now().since(made) >= KEY_AGE);
        if due { self.links_rotate().await } else { Ok(()) }
    }

    /// Makes a new key for links. Links of the key before stay good until they expire; older ones are refused.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn links_rotate(&self) -> Result<(), StoreError> {
        let (fresh, now) = (random::<32>(&*self.entropy), self.clock.now());
        let keys = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let newest = keys::secret_key_add(tx, PURPOSE, &fresh, now).await?;
                    keys::secret_keys_retire(tx, PURPOSE, newest.id, now).await?;
                    keys::secret_keys_drop(tx, PURPOSE, now.minus(LIFETIME)).await?;
                    load(tx).await
                })
            })
            .await?;
        *lock(&self.links.keys) = keys;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_as_minted_and_nothing_else_is_read() {
        let good = "/downloads/v1/7/app.bin?execution=3&expires=100&signature=1.ab";
        let claimed = parse(good).unwrap();
        assert_eq!((claimed.execution.get(), claimed.artifact.get(), claimed.key), (3, 7, 1));
        for bad in [
            "",
            "/downloads/v1/7/app.bin",
            "/downloads/v1/7?execution=3&expires=100&signature=1.ab",
            "/downloads/v1/7/?execution=3&expires=100&signature=1.ab",
            "/downloads/v1/7/a/b?execution=3&expires=100&signature=1.ab",
            "/downloads/v2/7/app.bin?execution=3&expires=100&signature=1.ab",
            "/downloads/v1/x/app.bin?execution=3&expires=100&signature=1.ab",
            "/downloads/v1/7/app.bin?execution=-3&expires=100&signature=1.ab",
            "/downloads/v1/7/app.bin?execution=3&expires=soon&signature=1.ab",
            "/downloads/v1/7/app.bin?execution=3&expires=100&signature=ab",
            "/downloads/v1/7/app.bin?execution=3&execution=4&expires=100&signature=1.ab",
            "/downloads/v1/7/app.bin?execution=3&expires=100&signature=1.ab&more=1",
            "/downloads/v1/7/app.bin?execution=3&expires=100",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        assert_eq!(in_path("os-1.0_~.swu").to_string(), "os-1.0_~.swu");
        let name = "Ü & ?#=1'%/+.swu";
        assert_eq!(in_path(name).to_string(), "%C3%9C%20%26%20%3F%23%3D1%27%25%2F%2B.swu");
        let link = format!("{PATH}7/{}?execution=3&expires=100&signature=1.ab", in_path(name));
        assert!(parse(&link).is_some());
    }

    #[test]
    fn a_signature_covers_execution_artifact_and_time() {
        let links = Links {
            keys: Mutex::new(vec![LinkKey {
                id: 5,
                value: vec![1; 32],
                created_at: Timestamp::from_seconds(0),
            }]),
            answers: Mutex::default(),
        };
        let artifact = Artifact {
            id: ArtifactId::new(7),
            name: "app.bin".parse().unwrap(),
            sha256: Sha256::of(b""),
            sums: None,
            size: 0,
            signature: None,
            created_at: Timestamp::from_seconds(0),
            created_by: String::new(),
        };
        let link = links.mint("https://h", ExecutionId::new(3), &artifact, Timestamp::from_seconds(1));
        let path = link.strip_prefix("https://h").unwrap();
        assert_eq!(links.verify(&parse(path).unwrap()), Some(true));
        for (from, to) in [
            ("execution=3", "execution=4"),
            ("/v1/7/", "/v1/8/"),
            ("expires=86401", "expires=86402"),
            ("signature=5.", "signature=5.00"),
        ] {
            let changed = path.replace(from, to);
            assert_ne!(changed, path);
            assert_eq!(links.verify(&parse(&changed).unwrap()), Some(false), "{changed}");
        }
        let other_key = path.replace("signature=5.", "signature=6.");
        assert_eq!(links.verify(&parse(&other_key).unwrap()), None);
    }
}
