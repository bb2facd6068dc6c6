//! `windlass backup`: a running node stages, the command writes; without a node the command does both.
//!
//! Two lines each way on the administration socket: stage, then what was written. A command that goes away in between
//! costs nothing: the node removes what it staged. The passphrase stays in the command.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use windlass_app::backup::{
    BackupError, Backups, Seal, Sealed, Snapshot, Written, stage_alone, write as write_backup, written_alone,
};
use windlass_app::clock::{Clock, SystemClock};
use windlass_domain::time::Timestamp;

use super::{LINE, SOCKET};
use crate::config::Config;
use crate::node::{NodeError, prepare_directory};

/// What the command says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Ask {
    StageBackup,
    #[serde(rename_all = "camelCase")]
    Written {
        name: String,
        bytes: u64,
        sealed: SealedWord,
    },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SealedWord {
    Plain,
    Passphrase,
    Recipient,
}

/// What the node says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Answer {
    #[serde(rename_all = "camelCase")]
    Staged {
        directory: PathBuf,
        created_at: i64,
        holds_state: bool,
    },
    Recorded,
    Refused(String),
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There is no data directory at this place.
    #[error("there is no data directory at {}; give the one that windlass serve uses with --data", .0.display())]
    NoDirectory(PathBuf),
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] NodeError),
    /// It could not be made.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The running node refused.
    #[error("{0}")]
    Refused(String),
    /// The running node did not answer.
    #[error("the running node did not answer on {}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A backup that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// The file.
    pub written: Written,
    /// Of what moment.
    pub created_at: Timestamp,
    /// Whether the state is in it, and not on a PostgreSQL server.
    pub holds_state: bool,
}

/// Makes a backup of a data directory, beside its running node or without one.
///
/// # Errors
/// See [`Trouble`]; there is no file then.
pub async fn make(
    config: &Config,
    out: &Path,
    seal: &Seal,
    stopped: &Arc<AtomicBool>,
) -> Result<Made, Trouble> {
    if !config.data.is_dir() {
        return Err(Trouble::NoDirectory(config.data.clone()));
    }
    prepare_directory(&config.data)?;
    let path = config.data.join(SOCKET);
    match UnixStream::connect(&path).await {
        Ok(stream) => beside(stream, path, out, seal, stopped).await,
        Err(_) => {
            let clock = SystemClock::default();
            let staged = stage_alone(&config.data, config.database.is_none(), clock.now()).await?;
            let made = written(&staged.snapshot, out, seal, stopped).await?;
            let (name, bytes) = (name_of(out), made.written.bytes);
            written_alone(&staged, &config.data, &name, bytes, seal.kind(), clock.now()).await?;
            Ok(made)
        }
    }
}

fn name_of(out: &Path) -> String {
    out.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

async fn written(
    snapshot: &Snapshot,
    out: &Path,
    seal: &Seal,
    stopped: &Arc<AtomicBool>,
) -> Result<Made, Trouble> {
    let stopped = Arc::clone(stopped);
    let written = write_backup(snapshot, out, seal, move || stopped.load(Ordering::Relaxed)).await?;
    Ok(Made { written, created_at: snapshot.created_at, holds_state: snapshot.holds_state })
}

async fn beside(
    stream: UnixStream,
    path: PathBuf,
    out: &Path,
    seal: &Seal,
    stopped: &Arc<AtomicBool>,
) -> Result<Made, Trouble> {
    let failed = |source| Trouble::Socket { path: path.clone(), source };
    let strange = || failed(std::io::ErrorKind::InvalidData.into());
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(LINE));
    say(&mut write, &Ask::StageBackup).await.map_err(failed)?;
    let snapshot = match hear(&mut lines).await.map_err(failed)? {
        Answer::Staged { directory, created_at, holds_state } => {
            Snapshot { directory, created_at: Timestamp::from_micros(created_at), holds_state }
        }
        Answer::Refused(reason) => return Err(Trouble::Refused(reason)),
        Answer::Recorded => return Err(strange()),
    };
    let made = written(&snapshot, out, seal, stopped).await?;
    let name = name_of(out);
    let sealed = match seal.kind() {
        Sealed::Plain => SealedWord::Plain,
        Sealed::Passphrase => SealedWord::Passphrase,
        Sealed::Recipient => SealedWord::Recipient,
    };
    say(&mut write, &Ask::Written { name, bytes: made.written.bytes, sealed }).await.map_err(failed)?;
    match hear(&mut lines).await.map_err(failed)? {
        Answer::Recorded => Ok(made),
        Answer::Refused(reason) => Err(Trouble::Refused(reason)),
        Answer::Staged { .. } => Err(strange()),
    }
}

/// Whether the first line of a connection asks for this.
pub(super) fn is_asked(line: &str) -> bool {
    matches!(serde_json::from_str(line), Ok(Ask::StageBackup))
}

/// The node's side, after the first line.
pub(super) async fn serve(
    backups: Backups,
    mut lines: impl AsyncBufRead + Unpin,
    mut write: impl AsyncWrite + Unpin,
) {
    let outcome = async {
        let held = match backups.stage().await {
            Ok(held) => held,
            Err(error) => return say(&mut write, &refused(&error)).await,
        };
        let Snapshot { directory, created_at, holds_state } = held.snapshot().clone();
        let staged = Answer::Staged { directory, created_at: created_at.micros(), holds_state };
        say(&mut write, &staged).await?;
        let Ask::Written { name, bytes, sealed } = hear(&mut lines).await? else {
            return Err(std::io::ErrorKind::InvalidData.into());
        };
        let sealed = match sealed {
            SealedWord::Plain => Sealed::Plain,
            SealedWord::Passphrase => Sealed::Passphrase,
            SealedWord::Recipient => Sealed::Recipient,
        };
        let answer = match backups.written(held, &name, bytes, sealed).await {
            Ok(()) => Answer::Recorded,
            Err(error) => refused(&error),
        };
        say(&mut write, &answer).await
    };
    if let Err(error) = outcome.await {
        tracing::info!(%error, "a backup over the administration socket was given up");
    }
}

fn refused(error: &BackupError) -> Answer {
    tracing::error!(error = %windlass_app::error::chain(error), "no backup was made");
    Answer::Refused(windlass_app::error::chain(error))
}

async fn say(out: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    out.write_all(&line).await
}

async fn hear<T: DeserializeOwned>(lines: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<T> {
    let mut line = String::new();
    lines.read_line(&mut line).await?;
    if line.is_empty() {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&line)?)
}
