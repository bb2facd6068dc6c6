//! A token for whoever holds the data directory, without signing in: `windlass admin token`; and backups.
//!
//! A running node listens on a socket in its data directory, which only the directory's owner can reach. When
//! no node runs, the directory is opened for the moment.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use windlass_app::backup::Backups;
use windlass_app::clock::{SystemClock, SystemEntropy};
use windlass_app::tasks::Tasks;
use windlass_app::{App, AppConfig, StartError};
use windlass_domain::time::Timestamp;
use windlass_store::Location;

use crate::config::Config;
use crate::node::{NodeError, prepare_directory};

pub mod backup;

/// Name of the socket in the data directory.
pub(crate) const SOCKET: &str = "admin.sock";

/// Most bytes of a line on the socket.
const LINE: u64 = 4 * 1024;

/// How long a request on the socket may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize, Deserialize)]
struct Ask {
    name: String,
    /// Microseconds since 1970.
    expires_at: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Token(String),
    Refused(String),
}

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is no data directory at this place.
    #[error("there is no data directory at {0}; give the one that windlass serve uses with --data")]
    NoDirectory(PathBuf),
    /// The directory could not be opened.
    #[error("the data directory could not be opened")]
    Open(#[from] StartError),
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] NodeError),
    /// The running node refused.
    #[error("the token was not made: {0}")]
    Refused(String),
    /// The running node did not answer.
    #[error("the running node did not answer on {path}")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Makes an administrator's token and gives its secret. Works beside a running node and without one.
///
/// # Errors
/// See [`AdminError`].
pub async fn token(config: &Config, name: &str, expires_at: Option<Timestamp>) -> Result<String, AdminError> {
    if !config.data.is_dir() {
        return Err(AdminError::NoDirectory(config.data.clone()));
    }
    prepare_directory(&config.data)?;
    let path = config.data.join(SOCKET);
    let ask = Ask { name: name.to_owned(), expires_at: expires_at.map(Timestamp::micros) };
    match UnixStream::connect(&path).await {
        Ok(stream) => {
            let failed = |source| AdminError::Socket { path: path.clone(), source };
            let answer = tokio::time::timeout(PATIENCE, request(stream, &ask))
                .await
                .map_err(|_| failed(std::io::ErrorKind::TimedOut.into()))?
                .map_err(failed)?;
            match answer {
                Answer::Token(secret) => Ok(secret),
                Answer::Refused(reason) => Err(AdminError::Refused(reason)),
            }
        }
        Err(_) => alone(config, name, expires_at).await,
    }
}

async fn request(stream: UnixStream, ask: &Ask) -> std::io::Result<Answer> {
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_vec(ask)?;
    line.push(b'\n');
    write.write_all(&line).await?;
    let mut answer = String::new();
    BufReader::new(read.take(LINE)).read_line(&mut answer).await?;
    Ok(serde_json::from_str(&answer)?)
}

async fn alone(config: &Config, name: &str, expires_at: Option<Timestamp>) -> Result<String, AdminError> {
    let location = match &config.database {
        Some(url) => Location::Postgres { url: url.clone() },
        None => Location::Sqlite { directory: config.data.clone() },
    };
    let app_config = AppConfig {
        directory: config.data.clone(),
        location,
        limits: config.limits.clone(),
        hostnames: config.hostname.clone(),
        public_url: config.public_url.clone(),
        server_side_keys: config.server_side_keys,
    };
    let tasks = Tasks::new("admin");
    let app =
        App::start(app_config, Arc::new(SystemClock::default()), Arc::new(SystemEntropy), tasks.clone())
            .await?;
    let made = app.bootstrap_token(name, expires_at).await;
    tasks.drain(PATIENCE).await;
    app.close().await;
    made.map(|made| made.secret).map_err(|error| AdminError::Refused(error.to_string()))
}

/// Listens on the socket until the tasks end. A node that cannot is still a node: this is logged.
pub(crate) fn listen(app: &App, backups: &Backups, tasks: &Tasks, directory: &Path) {
    let path = directory.join(SOCKET);
    // One left by a killed node: the lock on the directory says that nobody else is listening.
    if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(socket.path = %path.display(), error = %error, "the administration socket is in the way");
    }
    let listener = match UnixListener::bind(&path) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(
                socket.path = %path.display(),
                error = %error,
                "windlass admin token will not work beside this node"
            );
            return;
        }
    };
    let (app, backups, group) = (app.clone(), backups.clone(), tasks.clone());
    tasks.spawn_until_stopped(async move {
        // One at a time: this is for a person at a keyboard.
        while let Ok((stream, _)) = listener.accept().await {
            if tokio::time::timeout(PATIENCE, answer(&app, &backups, &group, stream)).await.is_err() {
                tracing::debug!("a request on the administration socket took too long");
            }
        }
    });
}

async fn answer(app: &App, backups: &Backups, tasks: &Tasks, stream: UnixStream) {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut lines = BufReader::new(read.take(LINE));
    let read = lines.read_line(&mut line).await;
    if backup::is_asked(&line) {
        // This one takes its time.
        tasks.spawn_until_stopped(backup::serve(backups.clone(), lines, write));
        return;
    }
    let answer = match read
        .map_err(|error| error.to_string())
        .and_then(|_| serde_json::from_str::<Ask>(&line).map_err(|error| error.to_string()))
    {
        Ok(Ask { name, expires_at }) => {
            match app.bootstrap_token(&name, expires_at.map(Timestamp::from_micros)).await {
                Ok(made) => Answer::Token(made.secret),
                Err(error) => Answer::Refused(error.to_string()),
            }
        }
        Err(problem) => Answer::Refused(problem),
    };
    let mut line = serde_json::to_vec(&answer).unwrap_or_default();
    line.push(b'\n');
    if let Err(error) = write.write_all(&line).await {
        tracing::debug!(error = %error, "an answer on the administration socket was not read");
    }
}
