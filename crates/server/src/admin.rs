//! For whoever holds the data directory, without signing in: a token (`windlass admin token`), a link to the console
//! (`windlass admin link`), and backups.
//!
//! A running node listens on a socket in its data directory, which only the directory's owner can reach. When
//! no node runs, the directory is opened for the moment.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use windlass_app::access::ConsoleLink;
use windlass_app::backup::Backups;
use windlass_app::clock::{SystemClock, SystemEntropy};
use windlass_app::tasks::Tasks;
use windlass_app::{App, AppConfig, StartError};
use windlass_domain::time::Timestamp;
use windlass_store::Location;

use crate::config::Config;
use crate::node::{NodeError, console_url, prepare_directory};

pub mod backup;

/// Name of the socket in the data directory.
pub(crate) const SOCKET: &str = "admin.sock";

/// Most bytes of a line on the socket.
const LINE: u64 = 4 * 1024;

/// How long a request on the socket may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Ask {
    /// An administrator's token.
    Token {
        name: String,
        /// Microseconds since 1970.
        expires_at: Option<i64>,
    },
    /// A link that sets the server up, or signs this user in.
    Link { user: Option<String> },
}

#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    /// A token, or a link.
    Made(String),
    Refused(String),
}

/// Why nothing was made.
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
    #[error("nothing was made: {0}")]
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
    ask(config, Ask::Token { name: name.to_owned(), expires_at: expires_at.map(Timestamp::micros) }).await
}

/// Makes a link to the console that is good once, for a day: for the first administrator as long as there is no user,
/// else for the one named. Works beside a running node and without one.
///
/// # Errors
/// See [`AdminError`].
pub async fn link(config: &Config, user: Option<&str>) -> Result<String, AdminError> {
    ask(config, Ask::Link { user: user.map(ToOwned::to_owned) }).await
}

async fn ask(config: &Config, ask: Ask) -> Result<String, AdminError> {
    if !config.data.is_dir() {
        return Err(AdminError::NoDirectory(config.data.clone()));
    }
    prepare_directory(&config.data)?;
    let path = config.data.join(SOCKET);
    let answer = match UnixStream::connect(&path).await {
        Ok(stream) => {
            let failed = |source| AdminError::Socket { path: path.clone(), source };
            tokio::time::timeout(PATIENCE, request(stream, &ask))
                .await
                .map_err(|_| failed(std::io::ErrorKind::TimedOut.into()))?
                .map_err(failed)?
        }
        Err(_) => alone(config, ask).await?,
    };
    match answer {
        Answer::Made(secret) => Ok(secret),
        Answer::Refused(reason) => Err(AdminError::Refused(reason)),
    }
}

/// The link that a person opens.
pub(crate) fn url_of(console: &str, link: ConsoleLink) -> String {
    match link {
        ConsoleLink::SetUp { secret } => format!("{console}/setup#token={secret}"),
        ConsoleLink::SignIn { user: _, secret } => format!("{console}/session#token={secret}"),
    }
}

async fn make(app: &App, console: &str, ask: Ask) -> Answer {
    let made = match ask {
        Ask::Token { name, expires_at } => {
            let made = app.bootstrap_token(&name, expires_at.map(Timestamp::from_micros)).await;
            made.map(|made| made.secret)
        }
        Ask::Link { user } => {
            let made = app.console_link(user.as_deref()).await;
            made.map(|link| url_of(console, link))
        }
    };
    match made {
        Ok(text) => Answer::Made(text),
        Err(error) => Answer::Refused(error.to_string()),
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

async fn alone(config: &Config, ask: Ask) -> Result<Answer, AdminError> {
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
    let answer = make(&app, &console_url(config, config.http), ask).await;
    tasks.drain(PATIENCE).await;
    app.close().await;
    Ok(answer)
}

/// Listens on the socket until the tasks end. A node that cannot is still a node: this is logged.
pub(crate) fn listen(app: &App, backups: &Backups, tasks: &Tasks, directory: &Path, console: String) {
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
                "windlass admin will not work beside this node"
            );
            return;
        }
    };
    let (app, backups, group) = (app.clone(), backups.clone(), tasks.clone());
    tasks.spawn_until_stopped(async move {
        // One at a time: this is for a person at a keyboard.
        while let Ok((stream, _)) = listener.accept().await {
            let answered = answer(&app, &backups, &group, &console, stream);
            if tokio::time::timeout(PATIENCE, answered).await.is_err() {
                tracing::debug!("a request on the administration socket took too long");
            }
        }
    });
}

async fn answer(app: &App, backups: &Backups, tasks: &Tasks, console: &str, stream: UnixStream) {
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
        Ok(ask) => make(app, console, ask).await,
        Err(problem) => Answer::Refused(problem),
    };
    let mut line = serde_json::to_vec(&answer).unwrap_or_default();
    line.push(b'\n');
    if let Err(error) = write.write_all(&line).await {
        tracing::debug!(error = %error, "an answer on the administration socket was not read");
    }
}
