//! Copies of the embedded files as of one moment, beside a node that writes or without one.
//!
//! Uses a connection of its own: whoever writes goes on meanwhile. Knows nothing of what the copies are for.

use std::path::Path;

use futures_util::future::BoxFuture;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::{DataDirectory, LOCK_WAIT, reading, vacuum_into};
use crate::backups::{self, BackupOutcome};
use crate::changes;
use crate::error::{OpenError, StoreError};
use crate::tx::{Tx, fetch_one};

/// The state's file in the data directory.
pub const STATE: &str = "state.db";
/// The telemetry's file in the data directory.
pub const TELEMETRY: &str = "telemetry.db";

/// The newest schemas that this binary knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaVersions {
    /// Of the state.
    pub state: i64,
    /// Of the telemetry file.
    pub telemetry: i64,
}

/// The newest schemas that this binary knows.
pub fn known_schemas() -> SchemaVersions {
    let newest = |migrator: &sqlx::migrate::Migrator| {
        migrator.iter().map(|migration| migration.version).max().unwrap_or(0)
    };
    SchemaVersions { state: newest(&crate::store::SQLITE), telemetry: newest(&crate::telemetry::SCHEMA) }
}

/// The lock of a data directory, held until it is dropped: no node starts on it meanwhile.
#[derive(Debug)]
pub struct DirectoryLock {
    _directory: DataDirectory,
}

/// Locks a data directory, as a node does.
///
/// # Errors
/// Another process holds it, others may read it, or it cannot be used.
pub fn lock(directory: &Path) -> Result<DirectoryLock, OpenError> {
    Ok(DirectoryLock { _directory: DataDirectory::open(directory)? })
}

/// Copies one database file. The copy is consistent; it is not synced.
///
/// # Errors
/// There is no such file, it is damaged, or there is no space for the copy.
pub async fn copy(source: &Path, target: &Path) -> Result<(), StoreError> {
    // Not read-only: what a killed process left in the write-ahead log is taken in first.
    let options = SqliteConnectOptions::new()
        .filename(source)
        .create_if_missing(false)
        .busy_timeout(LOCK_WAIT)
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    let copied = vacuum_into(&mut connection, target).await;
    connection.close().await?;
    copied
}

/// The schema version of a database file.
///
/// # Errors
/// There is no such file, or no database of ours in it.
pub async fn schema_version(file: &Path) -> Result<i64, StoreError> {
    let mut connection = reading(file).connect().await?;
    let version = version_of(&mut Tx::sqlite(&mut connection)).await;
    connection.close().await?;
    version
}

async fn version_of(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    let (version,) = fetch_one!(
        tx,
        (i64,),
        "SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM _sqlx_migrations WHERE success"
    )?;
    Ok(version)
}

/// What a state file says of its node's backups; none where it is older than such records.
///
/// # Errors
/// There is no such file, or it cannot be read.
pub async fn last_backup(file: &Path, node: &str) -> Result<Option<BackupOutcome>, StoreError> {
    let mut connection = reading(file).connect().await?;
    let tx = &mut Tx::sqlite(&mut connection);
    let found = match version_of(tx).await {
        Ok(version) if version >= backups::SINCE => backups::outcome(tx, node).await,
        Ok(_) => Ok(None),
        Err(error) => Err(error),
    };
    connection.close().await?;
    found
}

/// Runs `work` in a transaction on a state that no node uses. None, with nothing done, where its schema is not the one
/// that this binary knows: it is left as it is.
///
/// # Errors
/// There is no such file, what `work` said, or the transaction could not be committed.
pub async fn amend<T, F>(_held: &DirectoryLock, file: &Path, work: F) -> Result<Option<T>, StoreError>
where
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, StoreError>>,
{
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .busy_timeout(LOCK_WAIT)
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    let mut transaction = connection.begin().await?;
    let done = {
        let tx = &mut Tx::sqlite(&mut transaction);
        let done = if version_of(tx).await? == known_schemas().state { Some(work(tx).await?) } else { None };
        changes::write(tx).await?;
        done
    };
    transaction.commit().await?;
    connection.close().await?;
    Ok(done)
}

/// How many devices a state file knows.
///
/// # Errors
/// There is no such file, or it cannot be read.
pub async fn device_count(file: &Path) -> Result<u64, StoreError> {
    let mut connection = reading(file).connect().await?;
    let count = crate::devices::device_count(&mut Tx::sqlite(&mut connection)).await;
    connection.close().await?;
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Location;
    use crate::testing::{START, sqlite_store};

    #[tokio::test]
    async fn a_copy_made_while_the_store_is_open_opens_as_a_store_of_its_own() {
        let test = sqlite_store("snapshot").await;
        let Location::Sqlite { directory } = &test.location else { unreachable!() };
        let outcome = BackupOutcome {
            attempted_at: START,
            succeeded_at: Some(START),
            name: Some("it's".to_owned()),
            problem: None,
        };
        let kept = outcome.clone();
        let written: Result<(), StoreError> = test
            .store
            .write(move |tx| {
                let kept = kept.clone();
                Box::pin(async move { backups::outcome_save(tx, "local", &kept).await })
            })
            .await;
        written.unwrap();
        let other = test.directory().join("other's");
        std::fs::create_dir(&other).unwrap();
        let target = other.join(STATE);
        copy(&directory.join(STATE), &target).await.unwrap();
        assert_eq!(schema_version(&target).await.unwrap(), known_schemas().state);
        assert_eq!(last_backup(&target, "local").await.unwrap(), Some(outcome));
        assert_eq!(last_backup(&target, "another").await.unwrap(), None);
        assert_eq!(device_count(&target).await.unwrap(), 0);
        assert!(copy(&directory.join(STATE), &target).await.is_err(), "an existing file is not overwritten");
    }

    #[tokio::test]
    async fn what_is_no_database_has_no_version_and_no_copy() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(STATE);
        assert!(schema_version(&file).await.is_err());
        assert!(copy(&file, &directory.path().join("copy")).await.is_err());
        std::fs::write(&file, vec![b'x'; 8_192]).unwrap();
        assert!(schema_version(&file).await.is_err());
        assert!(copy(&file, &directory.path().join("copy")).await.is_err());
    }

    #[tokio::test]
    async fn a_directory_in_use_is_not_locked_twice() {
        let test = sqlite_store("snapshot-lock").await;
        let Location::Sqlite { directory } = &test.location else { unreachable!() };
        assert!(matches!(lock(directory), Err(OpenError::InUse { .. })));
        test.store.close().await;
        let _held = lock(directory).unwrap();
        assert!(matches!(lock(directory), Err(OpenError::InUse { .. })));
    }

    #[tokio::test]
    async fn a_state_without_a_node_is_amended_only_where_its_schema_is_known() {
        let test = sqlite_store("snapshot-amend").await;
        let Location::Sqlite { directory } = &test.location else { unreachable!() };
        test.store.close().await;
        let (held, file) = (lock(directory).unwrap(), directory.join(STATE));
        let outcome = BackupOutcome {
            attempted_at: START,
            succeeded_at: Some(START),
            name: Some("alone".to_owned()),
            problem: None,
        };
        let kept = outcome.clone();
        let noted = amend(&held, &file, move |tx| {
            Box::pin(async move { backups::outcome_save(tx, "local", &kept).await })
        });
        assert_eq!(noted.await.unwrap(), Some(()));
        assert_eq!(last_backup(&file, "local").await.unwrap(), Some(outcome));
        let refused: Result<Option<()>, StoreError> =
            amend(&held, &file, |_| Box::pin(async { Err(StoreError::closed()) })).await;
        assert!(refused.is_err());
        let newer = amend(&held, &file, |tx| {
            Box::pin(async move {
                crate::tx::execute!(tx, "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1")
            })
        });
        newer.await.unwrap();
        let untouched = amend(&held, &file, |_| Box::pin(async { Ok(()) }));
        assert_eq!(untouched.await.unwrap(), None);
    }
}
