//! Backups of a running node: on demand, on schedule, listed, deleted, and the outcome kept for whoever watches.
//!
//! Knows nothing of how a backup is written or sealed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::OwnedMutexGuard;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::{ChangeKind, Location, StoreError, tenants};

use super::error::BackupError;
use super::seal::{SealSource, Sealed};
use super::shelf::{self, BackupName};
use super::stage::{Snapshot, Staged, clear_left_over, stage};
use super::write::{Written, write};
use crate::error::{AppError, chain};
use crate::permit::{demand, demand_operator};
use crate::{App, audit};

mod recorded;
mod shown;

use shown::under_way;
pub use shown::{Listed, Schedule, Shown, ShownState};

/// How often the schedule is looked at.
const LOOK: Duration = Duration::from_secs(30);

/// What the configuration says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where backups are kept.
    pub directory: PathBuf,
    /// How often one is made; none means on demand only.
    pub every: Option<Duration>,
    /// How many are kept, at least one.
    pub keep: usize,
    /// What they are sealed with.
    pub seal: SealSource,
}

/// What is staged for somebody else to write; no other backup is made meanwhile.
#[derive(Debug)]
pub struct Held {
    staged: Staged,
    _turn: OwnedMutexGuard<()>,
}

impl Held {
    /// What there is.
    pub const fn snapshot(&self) -> &Snapshot {
        &self.staged.snapshot
    }
}

#[derive(Debug)]
struct Inner {
    app: App,
    settings: Option<Settings>,
    turn: Arc<tokio::sync::Mutex<()>>,
    running: Mutex<Option<BackupName>>,
    /// The last backup that was made with a warning, by its file, until one is made without.
    warned: Mutex<Option<(String, String)>>,
    /// How an old backup is deleted; tests put something in the way.
    remove: Remove,
}

/// Deletes a file.
type Remove = fn(&Path) -> std::io::Result<()>;

/// What a good backup left behind.
struct Made {
    written: Written,
    warning: Option<String>,
}

/// The backups of a node. Clones share them.
#[derive(Debug, Clone)]
pub struct Backups(Arc<Inner>);

fn no_folder(folder: &Path) -> impl FnOnce(std::io::Error) -> AppError + '_ {
    move |error| {
        tracing::error!(backup.directory = %folder.display(), %error, "the folder of backups cannot be used");
        AppError::Unavailable(format!(
            "the folder of backups {} cannot be used ({error}); make it, mount it, or correct backup.directory",
            folder.display()
        ))
    }
}

fn not_configured() -> AppError {
    AppError::Conflict {
        code: "backup.not_configured",
        detail: "no folder for backups is configured; set backup.directory, or use windlass backup --out"
            .to_owned(),
    }
}

impl Backups {
    /// For a node, with or without a configured folder.
    pub fn new(app: App, settings: Option<Settings>) -> Self {
        Self::removing_with(app, settings, |path| std::fs::remove_file(path))
    }

    pub(super) fn removing_with(app: App, settings: Option<Settings>, remove: Remove) -> Self {
        Self(Arc::new(Inner {
            app,
            settings,
            turn: Arc::default(),
            running: Mutex::default(),
            warned: Mutex::default(),
            remove,
        }))
    }

    fn running(&self) -> MutexGuard<'_, Option<BackupName>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn warned(&self) -> MutexGuard<'_, Option<(String, String)>> {
        self.0.warned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the schedule, after removing what a killed process left.
    pub fn start_tasks(&self) {
        let (backups, stop) = (self.clone(), self.0.app.tasks.stop().clone());
        self.0.app.tasks.spawn(async move {
            if let Ok(_turn) = Arc::clone(&backups.0.turn).try_lock_owned() {
                clear_left_over(&backups.0.app.config.directory);
            }
            while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
                if let Err(error) = backups.follow_schedule().await {
                    tracing::error!(error = %chain(&error), "the schedule of backups could not be followed");
                }
            }
        });
    }

    /// Makes a backup if one is due. True if one was tried.
    ///
    /// # Errors
    /// The folder or the store cannot be read. A backup that fails is recorded, and no error.
    pub async fn follow_schedule(&self) -> Result<bool, AppError> {
        let Some((settings, every)) =
            self.0.settings.as_ref().and_then(|settings| Some((settings, settings.every?)))
        else {
            return Ok(false);
        };
        let now = self.0.app.clock.now();
        let outcome = self.outcome().await?;
        let failed_at =
            outcome.as_ref().filter(|outcome| outcome.problem.is_some()).map(|outcome| outcome.attempted_at);
        // A folder that is not there is a backup that fails.
        let kept = shelf::list(&settings.directory).unwrap_or_default();
        if shelf::next(&kept, failed_at, every, now) > now {
            return Ok(false);
        }
        let Ok(turn) = Arc::clone(&self.0.turn).try_lock_owned() else { return Ok(false) };
        let by = self.system().await?;
        self.make(&by, settings, turn).await;
        Ok(true)
    }

    /// Starts a backup into the configured folder. It goes on after this answers. A backup holds every tenant, so only
    /// the tenant that runs the server sees and makes them.
    ///
    /// # Errors
    /// `Conflict` `backup.not_configured` or `backup.running`.
    pub async fn start(&self, by: &Principal) -> Result<Shown, AppError> {
        demand(by, Permission::ServerManage)?;
        demand_operator(&self.0.app, by).await?;
        let settings = self.0.settings.clone().ok_or_else(not_configured)?;
        let turn = Arc::clone(&self.0.turn).try_lock_owned().map_err(|_| AppError::Conflict {
            code: "backup.running",
            detail: BackupError::Running.to_string(),
        })?;
        let name = self.begin();
        let shown = under_way(&name, settings.seal.kind());
        let (backups, by) = (self.clone(), by.clone());
        self.0.app.tasks.spawn(async move { backups.make_named(&by, &settings, name, turn).await });
        Ok(shown)
    }

    /// Deletes a backup. The last good one stays.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `backup.last`.
    pub async fn delete(&self, by: &Principal, name: &str) -> Result<(), AppError> {
        demand(by, Permission::ServerManage)?;
        demand_operator(&self.0.app, by).await?;
        let missing = || AppError::not_found("backup", name);
        let settings = self.0.settings.as_ref().ok_or_else(missing)?;
        let wanted: BackupName = name.parse().map_err(|_| missing())?;
        let kept = shelf::list(&settings.directory).map_err(no_folder(&settings.directory))?;
        if !kept.iter().any(|kept| kept.name == wanted) {
            return Err(missing());
        }
        if kept.len() == 1 {
            return Err(AppError::Conflict {
                code: "backup.last",
                detail: "this is the only backup; make another one before you delete it".to_owned(),
            });
        }
        let (by, now, target) = (by.clone(), self.0.app.clock.now(), format!("backup/{wanted}"));
        let recorded: Result<(), StoreError> = self
            .0
            .app
            .store
            .write(move |tx| {
                let (by, target) = (by.clone(), target.clone());
                Box::pin(async move {
                    tx.changed(ChangeKind::Backup, 0);
                    audit::record(tx, &by, "backup.delete", &target, json!({}), now).await
                })
            })
            .await;
        recorded?;
        let path = settings.directory.join(wanted.to_string());
        std::fs::remove_file(path).map_err(no_folder(&settings.directory))
    }

    /// Stages a backup that somebody with the data directory in hand writes elsewhere.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub async fn stage(&self) -> Result<Held, BackupError> {
        let turn = Arc::clone(&self.0.turn).try_lock_owned().map_err(|_| BackupError::Running)?;
        let staged = self.staged(self.0.app.clock.now()).await?;
        Ok(Held { staged, _turn: turn })
    }

    /// Records that what was staged was written.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn written(
        &self,
        held: Held,
        name: &str,
        bytes: u64,
        sealed: Sealed,
    ) -> Result<(), BackupError> {
        let at = held.snapshot().created_at;
        drop(held);
        let by = self.system().await?;
        Ok(self.record_success(&by, at, name, Written { bytes, members: 0 }, sealed, None).await?)
    }

    /// What the configuration says.
    pub fn settings(&self) -> Option<&Settings> {
        self.0.settings.as_ref()
    }

    async fn system(&self) -> Result<Principal, StoreError> {
        let tenant = self.0.app.store.read(|tx| Box::pin(tenants::tenant_default(tx))).await?;
        Ok(Principal::system(tenant.id, "backup"))
    }

    fn begin(&self) -> BackupName {
        let name = BackupName {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            created_at: Timestamp::from_seconds(self.0.app.clock.now().seconds()),
        };
        *self.running() = Some(name.clone());
        name
    }

    async fn make(&self, by: &Principal, settings: &Settings, turn: OwnedMutexGuard<()>) {
        let name = self.begin();
        self.make_named(by, settings, name, turn).await;
    }

    async fn make_named(
        &self,
        by: &Principal,
        settings: &Settings,
        name: BackupName,
        turn: OwnedMutexGuard<()>,
    ) {
        let file = name.to_string();
        let made = self.try_make(settings, &name).await;
        let recorded = match made {
            Ok(Made { written, warning }) => {
                tracing::info!(backup.name = %file, backup.bytes = written.bytes, "a backup was made");
                if let Some(warning) = &warning {
                    tracing::warn!(backup.name = %file, warning, "old backups stay though they should go");
                }
                *self.warned() = warning.clone().map(|warning| (file.clone(), warning));
                self.record_success(by, name.created_at, &file, written, settings.seal.kind(), warning).await
            }
            Err(BackupError::Stopped) => Ok(()),
            Err(error) => {
                let problem = chain(&error);
                tracing::error!(backup.name = %file, error = %problem, "no backup was made");
                self.record_failure(by, &file, problem).await
            }
        };
        if let Err(error) = recorded {
            tracing::error!(error = %chain(&error), "how a backup went could not be recorded");
        }
        *self.running() = None;
        drop(turn);
    }

    async fn try_make(&self, settings: &Settings, name: &BackupName) -> Result<Made, BackupError> {
        let folder = &settings.directory;
        let seal = settings.seal.fetch()?;
        // Before the work: a folder that is not there is not worth it.
        shelf::clear_unfinished(folder, self.0.app.clock.now()).map_err(BackupError::at(folder))?;
        let staged = self.staged(name.created_at).await?;
        let stop = self.0.app.tasks.stop().clone();
        let written =
            write(&staged.snapshot, &folder.join(name.to_string()), &seal, move || stop.is_cancelled())
                .await?;
        drop(staged);
        Ok(Made { written, warning: clear_superfluous(settings, self.0.remove) })
    }

    async fn staged(&self, now: Timestamp) -> Result<Staged, BackupError> {
        let app = &self.0.app;
        let embedded = match app.config.location {
            Location::Sqlite { .. } => true,
            Location::Postgres { .. } => false,
        };
        stage(&app.config.directory, embedded, &app.uploads, &app.limits, now).await
    }
}

/// Deletes what is more than is kept. A good backup stays good where an old one cannot be deleted: that is said, and
/// tried again at the next.
fn clear_superfluous(settings: &Settings, remove: Remove) -> Option<String> {
    let folder = &settings.directory;
    let kept = match shelf::list(folder) {
        Ok(kept) => kept,
        Err(error) => {
            return Some(format!(
                "old backups were not looked for: {} cannot be read ({error}); the next backup tries again",
                folder.display()
            ));
        }
    };
    let (mut stuck, mut first) = (0_usize, None);
    for old in shelf::superfluous(&kept, settings.keep) {
        match remove(&folder.join(old.name.to_string())) {
            Ok(()) => tracing::info!(backup.name = %old.name, "an old backup was deleted"),
            Err(error) => {
                stuck += 1;
                first.get_or_insert((old.name.to_string(), error));
            }
        }
    }
    let (name, error) = first?;
    let keep = settings.keep;
    Some(format!(
        "only {keep} backups should stay, but {stuck} older could not be deleted, {name} first ({error}); delete them by \
         hand, or let the server write to {}; the next backup tries again",
        folder.display()
    ))
}
