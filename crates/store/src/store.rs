//! The state store: opened once, cloned freely, written and read through transactions.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use windlass_domain::ids::TenantName;
use windlass_domain::time::Timestamp;

use crate::changes::{self, Change};
use crate::error::{OpenError, StoreError};
use crate::postgres::Postgres;
use crate::row::read;
use crate::sqlite::{DataDirectory, SqliteFile};
use crate::tenants::tenant_ensure;
use crate::tx::Tx;

/// Where the state lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a data directory of this machine, made if it is not there.
    Sqlite {
        /// The data directory.
        directory: PathBuf,
    },
    /// On a PostgreSQL server.
    Postgres {
        /// `postgres://user:password@host:port/database`.
        url: String,
    },
}

/// The state of Windlass. Clones share it.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
}

/// Which connections a read takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lane {
    /// Those that all share.
    Readers,
    /// That of whoever follows the change feed.
    Follower,
}

#[derive(Debug)]
pub(crate) enum Engine {
    Sqlite(SqliteFile),
    Postgres(Postgres),
}

pub(crate) static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

impl Store {
    /// Opens the state and brings its schema up to date, after a copy of what was there (SQLite). A fresh one gets
    /// the tenant `default`.
    ///
    /// # Errors
    /// When the directory is in use, may be read by others, was written by a newer binary, or cannot be opened.
    pub async fn open(location: &Location, now: Timestamp) -> Result<Self, OpenError> {
        let engine = match location {
            Location::Sqlite { directory } => {
                let directory = DataDirectory::open(directory)?;
                Engine::Sqlite(SqliteFile::open(&Arc::new(directory), "state.db", &SQLITE).await?)
            }
            Location::Postgres { url } => Engine::Postgres(Postgres::open(url, &POSTGRES).await?),
        };
        let store = Self(Arc::new(Inner { engine }));
        let tenant: TenantName = read("tenant.name", "default")?;
        store
            .write::<_, StoreError, _>(move |tx| {
                let tenant = tenant.clone();
                Box::pin(async move {
                    changes::forget_another_cluster(tx).await?;
                    tenant_ensure(tx, &tenant, now).await
                })
            })
            .await?;
        Ok(store)
    }

    /// Runs `work` in a transaction of its own and commits it, possibly together with others' (neither is harmed if
    /// the other fails). `work` runs in the writer's task, also if the caller goes away; it may run more than once
    /// and awaits nothing but the transaction. What is done beside the transaction belongs after this call.
    ///
    /// ```ignore
    /// store.write(move |tx| { let name = name.clone(); Box::pin(async move { devices::rename(tx, id, &name).await }) }).await?
    /// ```
    ///
    /// # Errors
    /// What `work` said, or why the transaction could not be committed; nothing was stored then.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.0.engine {
            Engine::Sqlite(file) => file.write(work).await,
            Engine::Postgres(server) => server.write(work).await,
        }
    }

    /// Runs `work` on one consistent snapshot. Statements that write fail.
    ///
    /// # Errors
    /// What `work` said, or why there is no snapshot.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.read_on(Lane::Readers, work).await
    }

    /// As [`Store::read`], on a connection that is there for this alone: whoever follows the change feed waits behind nobody,
    /// however many others read. Not for anything else.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn read_as_follower<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.read_on(Lane::Follower, work).await
    }

    async fn read_on<T, E, F>(&self, lane: Lane, work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.0.engine {
            Engine::Sqlite(file) => file.read(lane, work).await,
            Engine::Postgres(server) => server.read(lane, work).await,
        }
    }

    /// What changed after position `seq`, oldest first, about `limit` entries.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn changes_after(&self, seq: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
        self.read_as_follower(move |tx| Box::pin(changes::after(tx, seq, limit))).await
    }

    /// The newest position of the change feed: all up to it is visible, and nothing older can appear.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn latest_change(&self) -> Result<i64, StoreError> {
        self.read_as_follower(|tx| Box::pin(changes::latest(tx))).await
    }

    /// A number that rises with every commit of this process: a hint to look at the change feed at once.
    pub fn committed(&self) -> watch::Receiver<u64> {
        match &self.0.engine {
            Engine::Sqlite(file) => file.committed(),
            Engine::Postgres(server) => server.committed(),
        }
    }

    /// The engine, for tables that keep their own file beside the state.
    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Finishes the writes that wait, then closes. Later calls fail with [`crate::StoreErrorKind::Closed`].
    pub async fn close(&self) {
        match &self.0.engine {
            Engine::Sqlite(file) => file.close().await,
            Engine::Postgres(server) => server.close().await,
        }
    }
}
