//! The embedded engine: files in a data directory that belongs to this process alone.
//!
//! One writer connection, owned by the writer's thread; N read-only connections. Knows no table.

mod directory;
pub mod snapshot;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::migrate::{Migrate, Migrator};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::sync::watch;

pub(crate) use directory::DataDirectory;

use crate::error::{OpenError, StoreError};
use crate::store::Lane;
use crate::tx::Tx;
use writer::Writer;

/// Read-only connections.
const READERS: u32 = 4;
/// How long a reader waits for a free connection.
const READER_WAIT: Duration = Duration::from_secs(10);
/// How long a statement waits for another process's lock.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Checkpoint after about this many 4 KiB pages in the write-ahead log: small and often, so that none takes long.
const CHECKPOINT_PAGES: &str = "500";
/// The write-ahead log is cut to this when a checkpoint has emptied it.
const LOG_BYTES: &str = "67108864";

/// One SQLite file with its writer and its readers.
#[derive(Debug)]
pub(crate) struct SqliteFile {
    writer: Writer,
    readers: SqlitePool,
    /// For whoever follows the change feed, and nobody else.
    follower: SqlitePool,
    // Holds the lock of the directory for as long as the file is open.
    directory: Mutex<Option<Arc<DataDirectory>>>,
}

/// How a connection that writes is opened.
fn writing(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(4096)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(false)
        .busy_timeout(LOCK_WAIT)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("journal_size_limit", LOG_BYTES)
        .pragma("cache_size", "-65536")
        .disable_statement_logging()
}

/// How a connection that only reads is opened.
fn reading(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(false)
        .busy_timeout(LOCK_WAIT)
        .pragma("query_only", "1")
        .pragma("cache_size", "-32768")
        .disable_statement_logging()
}

impl SqliteFile {
    /// Opens `name` in the directory, made if it is not there, and brings its schema up to date after a copy.
    pub(crate) async fn open(
        directory: &Arc<DataDirectory>,
        name: &str,
        migrator: &Migrator,
    ) -> Result<Self, OpenError> {
        let path = directory.file(name)?;
        let options = writing(&path);
        let mut connection = options.connect().await?;
        migrate(&mut connection, directory.path(), name, migrator).await?;
        let most = |connections: u32| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(READER_WAIT)
                // A file does not hang up: there is nothing to ask a connection before each read.
                .test_before_acquire(false)
        };
        let readers = most(READERS).connect_with(reading(&path)).await?;
        let follower = most(1).connect_lazy_with(reading(&path));
        let writer = Writer::start(connection, options, Arc::clone(directory)).map_err(sqlx::Error::Io)?;
        Ok(Self { writer, readers, follower, directory: Mutex::new(Some(Arc::clone(directory))) })
    }

    pub(crate) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.write(work).await
    }

    pub(crate) async fn read<T, E, F>(&self, lane: Lane, mut work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let pool = match lane {
            Lane::Readers => &self.readers,
            Lane::Follower => &self.follower,
        };
        let mut transaction = pool.begin().await.map_err(StoreError::from)?;
        let tx = &mut Tx::sqlite(&mut transaction);
        let result = work(tx).await;
        debug_assert_eq!(tx.changes(), 0, "what only reads changes nothing");
        transaction.rollback().await.map_err(StoreError::from)?;
        result
    }

    pub(crate) fn committed(&self) -> watch::Receiver<u64> {
        self.writer.committed()
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.follower.close().await;
        self.writer.close().await;
        drop(self.directory.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// The directory that the file lies in, for a file beside it; `None` once this one is closed.
    pub(crate) fn directory(&self) -> Option<Arc<DataDirectory>> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Brings the schema up to date. If there is something to do on a file that is not new, a copy is made first.
async fn migrate(
    connection: &mut SqliteConnection,
    directory: &Path,
    name: &str,
    migrator: &Migrator,
) -> Result<(), OpenError> {
    let failed = |copy: Option<PathBuf>| move |source| OpenError::Migration { copy, source };
    let newest = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    let table = migrator.table_name.as_ref();
    connection.ensure_migrations_table(table).await.map_err(failed(None))?;
    let applied = connection.list_applied_migrations(table).await.map_err(failed(None))?;
    let found = applied.iter().map(|migration| migration.version).max().unwrap_or(0);
    if found > newest {
        return Err(OpenError::NewerSchema { found, known: newest });
    }
    let next = migrator.iter().map(|migration| migration.version).filter(|version| *version > found).min();
    let copy = match next {
        Some(version) if found > 0 => Some(copy_before(connection, directory, name, version).await?),
        Some(_) | None => None,
    };
    migrator.run(&mut *connection).await.map_err(failed(copy))
}

/// Copies the file to `<name>-before-<version>.db`. The copy appears whole or not at all.
async fn copy_before(
    connection: &mut SqliteConnection,
    directory: &Path,
    name: &str,
    version: i64,
) -> Result<PathBuf, OpenError> {
    let stem = name.strip_suffix(".db").unwrap_or(name);
    let copy = directory.join(format!("{stem}-before-{version}.db"));
    let unfinished = directory.join(format!("{stem}-before-{version}.db.part"));
    let io = |source| OpenError::Directory { directory: directory.to_owned(), source };
    if unfinished.try_exists().map_err(io)? {
        std::fs::remove_file(&unfinished).map_err(io)?;
    }
    vacuum_into(connection, &unfinished).await?;
    std::fs::File::open(&unfinished).and_then(|file| file.sync_all()).map_err(io)?;
    std::fs::rename(&unfinished, &copy).map_err(io)?;
    std::fs::File::open(directory).and_then(|file| file.sync_all()).map_err(io)?;
    tracing::info!(store.copy = %copy.display(), "the state was copied before its schema is brought up to date");
    Ok(copy)
}

/// Copies what the connection sees to a new file, as of one moment.
async fn vacuum_into(connection: &mut SqliteConnection, target: &Path) -> Result<(), StoreError> {
    let target = target.to_string_lossy().replace('\'', "''");
    sqlx::raw_sql(AssertSqlSafe(format!("VACUUM INTO '{target}'"))).execute(&mut *connection).await?;
    Ok(())
}

/// Closes a connection that is not trusted any more, and waits until its file handles are gone.
async fn discard(connection: SqliteConnection) {
    if let Err(error) = connection.close_hard().await {
        tracing::debug!(%error, "a database connection did not close cleanly");
    }
}

#[cfg(test)]
mod tests;
