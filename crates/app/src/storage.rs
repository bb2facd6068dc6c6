//! How much the server keeps: bytes of its files and points of telemetry. Counted at most once a minute.
//!
//! Knows no tenants: files belong to the server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use windlass_domain::time::Timestamp;
use windlass_store::Location;

use crate::app::App;
use crate::error::chain;

/// How long what was counted is good.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// What is kept. Absent is what cannot be told cheaply, as the files of a PostgreSQL server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// Bytes of the state, its journal included.
    pub state: Option<u64>,
    /// Bytes of the telemetry, its journal included.
    pub telemetry: Option<u64>,
    /// Bytes of artifacts.
    pub blobs: Option<u64>,
    /// Points of telemetry, those included that are in the log only.
    pub points: Option<u64>,
}

/// Remembers what was counted; whoever asks meanwhile waits for the same count.
#[derive(Debug, Default)]
pub(crate) struct Storage(tokio::sync::Mutex<Option<(Timestamp, Kept)>>);

impl App {
    /// What the server keeps, as counted within the last minute.
    pub async fn storage_kept(&self) -> Kept {
        let now = self.clock.now();
        let mut known = self.storage.0.lock().await;
        if let Some((at, kept)) = *known
            && now.since(at) < GOOD_FOR
        {
            return kept;
        }
        let embedded = match self.config.location {
            Location::Sqlite { .. } => true,
            Location::Postgres { .. } => false,
        };
        let directory = self.config.directory.clone();
        let files = tokio::task::spawn_blocking(move || Kept {
            state: embedded.then(|| database(&directory, "state.db")).flatten(),
            telemetry: embedded.then(|| database(&directory, "telemetry.db")).flatten(),
            blobs: folder(&directory.join("blobs")),
            points: None,
        });
        let files = files.await.unwrap_or_default();
        let points = match self.telemetry.stored().await {
            Ok(stored) => {
                let waiting = u64::try_from(self.telemetry.backlog().points).unwrap_or(u64::MAX);
                Some(stored.points.saturating_add(waiting))
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the points of telemetry could not be counted");
                None
            }
        };
        let kept = Kept { points, ..files };
        *known = Some((now, kept));
        kept
    }
}

/// Bytes of a database with its journals; none where it cannot be looked at.
fn database(directory: &Path, name: &str) -> Option<u64> {
    let size = |path: PathBuf| std::fs::metadata(path).map(|metadata| metadata.len()).ok();
    let journals = ["-wal", "-shm"].iter().filter_map(|end| size(directory.join(format!("{name}{end}"))));
    Some(size(directory.join(name))?.saturating_add(journals.sum()))
}

/// Bytes of the files on the shelves of a folder of blobs; what goes meanwhile is not counted.
fn folder(root: &Path) -> Option<u64> {
    let shelves = std::fs::read_dir(root).ok()?;
    let files =
        shelves.flatten().filter_map(|shelf| std::fs::read_dir(shelf.path()).ok()).flatten().flatten();
    Some(files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum())
}
