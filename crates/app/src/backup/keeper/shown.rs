//! Backups as shown to operators: those that are there, the one being made, the last attempt if it failed.
//!
//! Reads only.

use std::path::PathBuf;
use std::time::Duration;

use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::backups::BackupOutcome;

use super::{Backups, no_folder};
use crate::backup::seal::Sealed;
use crate::backup::shelf::{self, BackupName, Kept};
use crate::error::AppError;
use crate::permit::{demand, demand_operator};

/// A backup as shown to operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its file's name.
    pub name: String,
    /// When.
    pub created_at: Timestamp,
    /// Of the file.
    pub bytes: u64,
    /// How it is closed.
    pub sealed: Sealed,
    /// Of the program that made it.
    pub version: String,
    /// How it went.
    pub state: ShownState,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownState {
    /// It is being made.
    Running,
    /// It is there.
    Complete {
        /// What else went wrong while it was made, and what to do about it.
        warning: Option<String>,
    },
    /// The last attempt failed.
    Failed {
        /// Why.
        detail: String,
    },
}

/// When backups are made and where they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Where.
    pub directory: PathBuf,
    /// How often; none means on demand only.
    pub every: Option<Duration>,
    /// How many.
    pub keep: usize,
    /// When the next one is due.
    pub next_at: Option<Timestamp>,
}

/// All backups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// Newest first.
    pub items: Vec<Shown>,
    /// None when no directory is configured.
    pub schedule: Option<Schedule>,
}

impl Backups {
    /// All backups in the configured folder, the one that is being made, and the last attempt if it failed.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub async fn list(&self, by: &Principal) -> Result<Listed, AppError> {
        demand(by, Permission::ServerRead)?;
        if demand_operator(&self.0.app, by).await.is_err() {
            return Ok(Listed::default());
        }
        let outcome = self.outcome().await?;
        let failed = outcome.as_ref().and_then(|outcome| Some((outcome, outcome.problem.clone()?)));
        let mut listed = Listed::default();
        if let Some(settings) = &self.0.settings {
            let kept = shelf::list(&settings.directory).map_err(no_folder(&settings.directory));
            // Who asks should see why it failed, also when the folder is gone.
            let kept = if failed.is_some() { kept.unwrap_or_default() } else { kept? };
            let now = self.0.app.clock.now();
            let failed_at = failed.as_ref().map(|(outcome, _)| outcome.attempted_at);
            listed.schedule = Some(Schedule {
                directory: settings.directory.clone(),
                every: settings.every,
                keep: settings.keep,
                next_at: settings.every.map(|every| shelf::next(&kept, failed_at, every, now)),
            });
            let warned = self.warned().clone();
            listed.items = kept.into_iter().map(|kept| complete(kept, warned.as_ref())).collect();
            if let Some(name) = self.running().clone() {
                listed.items.insert(0, under_way(&name, settings.seal.kind()));
            } else if let Some((outcome, detail)) = failed {
                listed.items.insert(0, failure(outcome, detail, settings.seal.kind()));
            }
        }
        Ok(listed)
    }
}

fn complete(kept: Kept, warned: Option<&(String, String)>) -> Shown {
    let Kept { name, bytes, sealed } = kept;
    let warning = warned.filter(|(file, _)| *file == name.to_string()).map(|(_, warning)| warning.clone());
    Shown {
        created_at: name.created_at,
        version: name.version.clone(),
        name: name.to_string(),
        bytes,
        sealed,
        state: ShownState::Complete { warning },
    }
}

pub(super) fn under_way(name: &BackupName, sealed: Sealed) -> Shown {
    Shown {
        name: name.to_string(),
        created_at: name.created_at,
        bytes: 0,
        sealed,
        version: name.version.clone(),
        state: ShownState::Running,
    }
}

fn failure(outcome: &BackupOutcome, detail: String, sealed: Sealed) -> Shown {
    let name = outcome.name.clone().unwrap_or_default();
    Shown {
        created_at: outcome.attempted_at,
        bytes: 0,
        sealed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: ShownState::Failed { detail },
        name,
    }
}
