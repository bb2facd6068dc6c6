//! Whether a server stands well: what is looked at, and what to do about it. `windlass doctor` and `/server/checks`.
//!
//! [`look`] gathers facts and judges nothing; [`rules`] judge facts and look at nothing.

mod look;
mod rules;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use windlass_app::App;
use windlass_app::backup::Backups;
use windlass_app::clock::{Clock, SystemClock};
use windlass_domain::time::Timestamp;

use crate::config::Config;

/// How long an answer to the same question stays the answer: a look writes to the disk.
const FRESH: Duration = Duration::from_secs(10);

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// It works, and somebody should look.
    Warning,
    /// It does not work, or is about to stop.
    Problem,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it came out.
    pub state: State,
    /// What was found.
    pub detail: String,
    /// What to do; empty where there is nothing to do.
    pub action: String,
}

/// Looks at a server from outside, whether it runs or not.
pub async fn examine(config: &Config) -> Vec<Check> {
    let now = SystemClock::default().now();
    if !config.data.is_dir() {
        return vec![rules::no_directory(&config.data)];
    }
    let facts = look::from_outside(config, now).await;
    rules::judge(&facts)
}

#[derive(Debug)]
struct Inner {
    app: App,
    backups: Backups,
    config: Config,
    device_addresses: Vec<SocketAddr>,
    last: tokio::sync::Mutex<Option<(Timestamp, Vec<Check>)>>,
}

/// Looks at the server of this process. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Doctor(Arc<Inner>);

impl Doctor {
    pub(crate) fn new(app: App, backups: Backups, config: Config, device_addresses: Vec<SocketAddr>) -> Self {
        Self(Arc::new(Inner { app, backups, config, device_addresses, last: tokio::sync::Mutex::default() }))
    }

    /// All checks; those of a moment ago, if somebody just asked.
    pub(crate) async fn examine(&self) -> Vec<Check> {
        let now = SystemClock::default().now();
        let mut last = self.0.last.lock().await;
        if let Some((at, checks)) = &*last
            && *at <= now
            && now.since(*at) < FRESH
        {
            return checks.clone();
        }
        let Inner { app, backups, config, device_addresses, last: _ } = &*self.0;
        let facts = look::from_inside(app, backups, config, device_addresses, now).await;
        let checks = rules::judge(&facts);
        *last = Some((now, checks.clone()));
        checks
    }
}

/// What was found. An error is a sentence.
#[derive(Debug, Clone)]
struct Facts {
    now: Timestamp,
    certificates: Vec<Presented>,
    /// Names that the configuration promises.
    promised: Vec<String>,
    clock: ClockFacts,
    space: Result<look::Space, String>,
    /// Median time of a small synced write.
    sync: Result<Duration, String>,
    files: Option<u64>,
    devices: Option<u64>,
    permissions: Permissions,
    ports: Vec<Port>,
    schemas: Vec<Schema>,
    backup: BackupFacts,
    plain: PlainFacts,
    /// Where the state is, and whether it answers.
    database: (&'static str, Result<(), String>),
}

#[derive(Debug, Clone)]
struct Presented {
    what: &'static str,
    facts: Result<windlass_app::authority::CertificateFacts, String>,
}

#[derive(Debug, Clone, Default)]
struct ClockFacts {
    /// The newest time that anything in the data directory bears.
    newest: Option<Timestamp>,
    /// What the running node's clock says; it never goes back.
    node: Option<Timestamp>,
}

#[derive(Debug, Clone, Default)]
struct Permissions {
    /// Files and folders that others may use, with their modes.
    loose: Vec<(PathBuf, u32)>,
    error: Option<String>,
}

#[derive(Debug, Clone)]
struct Port {
    what: &'static str,
    address: SocketAddr,
    found: PortFound,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PortFound {
    /// The running node listens.
    Ours,
    /// Nobody listens, though a node runs.
    NotOurs,
    /// Nobody listens, and no node runs.
    Free,
    /// Somebody else listens.
    Taken,
    /// The system refuses.
    Refused(String),
}

#[derive(Debug, Clone)]
struct Schema {
    file: &'static str,
    found: Result<i64, String>,
    known: i64,
}

#[derive(Debug, Clone, Default)]
struct BackupFacts {
    every: Option<Duration>,
    directory: Option<PathBuf>,
    directory_error: Option<String>,
    same_disk: bool,
    succeeded_at: Option<Timestamp>,
    problem: Option<String>,
    error: Option<String>,
}

#[derive(Debug, Clone, Default)]
struct PlainFacts {
    /// The console address, if it speaks plain HTTP to everybody and is not loopback.
    exposed: Option<SocketAddr>,
    /// The public URL, if it is plain and not loopback.
    public_url: Option<String>,
}

#[cfg(test)]
mod tests;
