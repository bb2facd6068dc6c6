//! Staging: what goes into a backup, copied or linked as of one moment into a folder of the data directory.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::sync::Mutex;
use windlass_domain::ids::Sha256;
use windlass_domain::limits::Limits;
use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;
use windlass_store::backups::{BackupOutcome, outcome_save};
use windlass_store::snapshot::{self, DirectoryLock, STATE, TELEMETRY};
use windlass_store::tenants;

use super::error::BackupError;
use super::manifest::is_key_file;
use super::seal::Sealed;
use crate::audit;
use crate::telemetry::{DiskProbe, DiskSpace, FileSystem, is_low};

/// Where backups are staged, in the data directory.
const FOLDER: &str = "backup-staging";

/// Where everything for a backup lies, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The folder.
    pub directory: PathBuf,
    /// Which moment.
    pub created_at: Timestamp,
    /// Whether the state is in it, and not on a server.
    pub holds_state: bool,
}

/// What is staged. Dropping it removes it.
#[derive(Debug)]
pub struct Staged {
    /// What there is.
    pub snapshot: Snapshot,
    lock: Option<DirectoryLock>,
}

impl Drop for Staged {
    fn drop(&mut self) {
        clear(&self.snapshot.directory);
        // Only then may a node start here.
        drop(self.lock.take());
    }
}

fn clear(directory: &Path) {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %directory.display(), %error, "what was staged for a backup could not be removed");
        }
        Ok(()) | Err(_) => {}
    }
}

/// Removes what a killed process left staged.
pub(super) fn clear_left_over(data: &Path) {
    clear(&data.join(FOLDER));
}

/// Stages a data directory that no node uses; it stays locked until the stage is dropped. Its schema is left as it is.
///
/// # Errors
/// See [`BackupError`].
pub async fn stage_alone(data: &Path, embedded: bool, now: Timestamp) -> Result<Staged, BackupError> {
    let lock = snapshot::lock(data)?;
    // Nobody sends telemetry that could be refused: the copies must fit, and that is all.
    let limits = Limits { free_disk_per_mille: 0, free_disk_bytes: 0, ..Limits::default() };
    let mut staged = stage(data, embedded, &Mutex::new(()), &limits, now).await?;
    staged.lock = Some(lock);
    Ok(staged)
}

/// Records in a data directory that no node uses that what was staged was written, for whoever asks how old the last
/// backup is. A state of another schema than this binary's is left as it is.
///
/// # Errors
/// When the state cannot be written.
pub async fn written_alone(
    staged: &Staged,
    data: &Path,
    name: &str,
    bytes: u64,
    sealed: Sealed,
    now: Timestamp,
) -> Result<(), BackupError> {
    let (Some(lock), true) = (&staged.lock, staged.snapshot.holds_state) else { return Ok(()) };
    let outcome = BackupOutcome {
        attempted_at: now,
        succeeded_at: Some(staged.snapshot.created_at),
        name: Some(name.to_owned()),
        problem: None,
    };
    let target = format!("backup/{name}");
    let details = json!({ "bytes": bytes, "sealed": sealed.as_str() });
    snapshot::amend(lock, &data.join(STATE), move |tx| {
        Box::pin(async move {
            let by = Principal::system(tenants::tenant_default(tx).await?.id, "backup");
            outcome_save(tx, "local", &outcome).await?;
            audit::record(tx, &by, "backup.create", &target, details, now).await
        })
    })
    .await?;
    Ok(())
}

/// Stages. `uploads` is held while blobs must not be collected. `embedded`: the state is in the directory.
pub(super) async fn stage(
    data: &Path,
    embedded: bool,
    uploads: &Mutex<()>,
    limits: &Limits,
    now: Timestamp,
) -> Result<Staged, BackupError> {
    let directory = data.join(FOLDER);
    clear(&directory);
    private(&directory)?;
    let snapshot = Snapshot { directory: directory.clone(), created_at: now, holds_state: embedded };
    let staged = Staged { snapshot, lock: None };
    if embedded {
        room(data, limits)?;
        copy(data, &directory, TELEMETRY).await?;
    }
    let held = uploads.lock().await;
    if embedded {
        copy(data, &directory, STATE).await?;
    }
    let (from, to) = (data.to_owned(), directory.clone());
    tokio::task::spawn_blocking(move || blobs(&from.join("blobs"), &to.join("blobs")))
        .await
        .map_err(|_| BackupError::Thread)??;
    drop(held);
    keys(&data.join("keys"), &directory.join("keys"))?;
    Ok(staged)
}

fn private(directory: &Path) -> Result<(), BackupError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(BackupError::at(directory))
}

/// Copies of the databases must not make the disk so full that telemetry is refused.
fn room(data: &Path, limits: &Limits) -> Result<(), BackupError> {
    let mut needed = 0_u64;
    for name in [STATE, TELEMETRY] {
        let path = data.join(name);
        needed = needed.saturating_add(std::fs::metadata(&path).map_err(BackupError::at(&path))?.len());
    }
    let space = FileSystem(data.to_owned()).space().map_err(BackupError::at(data))?;
    let left = DiskSpace { free: space.free.saturating_sub(needed), ..space };
    if space.free < needed || is_low(left, limits) {
        return Err(BackupError::Space { path: data.to_owned(), needed, free: space.free });
    }
    Ok(())
}

async fn copy(data: &Path, to: &Path, file: &'static str) -> Result<(), BackupError> {
    let target = to.join(file);
    snapshot::copy(&data.join(file), &target).await.map_err(|source| BackupError::Copy { file, source })?;
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600))
        .map_err(BackupError::at(&target))
}

/// Links every blob: it stays, whatever is collected later. Where the file system has no links, they are copied.
fn blobs(from: &Path, to: &Path) -> Result<(), BackupError> {
    private(to)?;
    for shelf in entries(from)? {
        let name = shelf.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.len() != 2 || !shelf.is_dir() {
            continue;
        }
        let own = to.join(&name);
        private(&own)?;
        for blob in entries(&shelf)? {
            let Some(name) = blob.file_name().and_then(|name| name.to_str()) else { continue };
            if name.parse::<Sha256>().is_err() {
                continue;
            }
            let target = own.join(name);
            if std::fs::hard_link(&blob, &target).is_err() {
                std::fs::copy(&blob, &target).map_err(BackupError::at(&blob))?;
            }
        }
    }
    Ok(())
}

fn keys(from: &Path, to: &Path) -> Result<(), BackupError> {
    private(to)?;
    for file in entries(from)? {
        let Some(name) = file.file_name().and_then(|name| name.to_str()) else { continue };
        if is_key_file(name) && file.is_file() {
            let target = to.join(name);
            std::fs::copy(&file, &target).map_err(BackupError::at(&file))?;
            std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600))
                .map_err(BackupError::at(&target))?;
        }
    }
    Ok(())
}

/// What is in a folder, by name; nothing where there is none.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let found = match std::fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(BackupError::at(folder)(error)),
    };
    let paths: io::Result<Vec<PathBuf>> = found.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(BackupError::at(folder))?;
    paths.sort();
    Ok(paths)
}
