//! The server engine: every piece of work in a transaction of its own.
//!
//! Transactions that write are SERIALIZABLE, because the same functions run one after the other on the embedded
//! engine and must mean the same here; what PostgreSQL aborts for that (40001, 40P01) is run again, a bounded number
//! of times. Reads are REPEATABLE READ, READ ONLY: one snapshot. Knows no table.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::error::{OpenError, StoreError, StoreErrorKind};
use crate::request::{Request, Verdict, pack};
use crate::store::Lane;
use crate::tx::Tx;

/// Connections of one node, beside the one that follows the change feed.
const CONNECTIONS: u32 = 16;
/// How long work waits for a connection.
const WAIT: Duration = Duration::from_secs(10);
/// How long work is run again while it collides with others.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest pause between two runs.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// Pieces of work under way or waiting for a connection; beyond that, callers wait.
const UNDER_WAY: usize = 2_000;

/// A PostgreSQL database.
#[derive(Debug)]
pub(crate) struct Postgres {
    pool: PgPool,
    /// For whoever follows the change feed, and nobody else.
    follower: PgPool,
    committed: watch::Sender<u64>,
    room: std::sync::Arc<Semaphore>,
    tasks: TaskTracker,
}

/// Connects, asks for nothing, and leaves: whether the database answers.
///
/// # Errors
/// The URL cannot be read, or nobody answers within seconds.
pub async fn reachable(url: &str) -> Result<(), OpenError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| OpenError::Url)?.disable_statement_logging();
    let answer = tokio::time::timeout(WAIT, async {
        let mut connection = options.connect().await?;
        connection.ping().await?;
        connection.close().await
    });
    match answer.await {
        Ok(answered) => Ok(answered?),
        Err(_) => {
            Err(StoreError::new(StoreErrorKind::Io, "the database did not answer within ten seconds").into())
        }
    }
}

impl Postgres {
    /// Connects and brings the schema up to date. Several nodes may do so at once; the migrator takes turns.
    pub(crate) async fn open(url: &str, migrator: &Migrator) -> Result<Self, OpenError> {
        let options =
            PgConnectOptions::from_str(url).map_err(|_| OpenError::Url)?.disable_statement_logging();
        let most = |connections| PgPoolOptions::new().max_connections(connections).acquire_timeout(WAIT);
        let pool = most(CONNECTIONS).connect_with(options.clone()).await?;
        let follower = most(1).connect_lazy_with(options);
        let known = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
        migrator.run(&pool).await.map_err(|source| match source {
            MigrateError::VersionMissing(found) if found > known => OpenError::NewerSchema { found, known },
            source => OpenError::Migration { copy: None, source },
        })?;
        Ok(Self {
            pool,
            follower,
            committed: watch::Sender::new(0),
            room: std::sync::Arc::new(Semaphore::new(UNDER_WAY)),
            tasks: TaskTracker::new(),
        })
    }

    pub(crate) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let Ok(permit) = std::sync::Arc::clone(&self.room).acquire_owned().await else {
            return Err(StoreError::closed().into());
        };
        let (mut request, answer) = pack(work);
        let (pool, committed) = (self.pool.clone(), self.committed.clone());
        drop(self.tasks.spawn(async move {
            match settle(&pool, &mut *request).await {
                Ok(kept) => {
                    if kept {
                        committed.send_modify(|count| *count = count.wrapping_add(1));
                    }
                    request.answer();
                }
                Err(error) => request.fail(error),
            }
            drop(permit);
        }));
        answer.await.unwrap_or_else(|_| Err(StoreError::closed().into()))
    }

    pub(crate) async fn read<T, E, F>(&self, lane: Lane, mut work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let pool = match lane {
            Lane::Readers => &self.pool,
            Lane::Follower => &self.follower,
        };
        let mut transaction = pool
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .await
            .map_err(StoreError::from)?;
        let tx = &mut Tx::postgres(&mut transaction);
        let result = work(tx).await;
        debug_assert_eq!(tx.changes(), 0, "what only reads changes nothing");
        transaction.rollback().await.map_err(StoreError::from)?;
        result
    }

    pub(crate) fn committed(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    pub(crate) async fn close(&self) {
        self.room.close();
        self.tasks.close();
        self.tasks.wait().await;
        self.follower.close().await;
        self.pool.close().await;
    }
}

/// Runs the work until it is committed (true), undone because it said so (false), or cannot be done.
async fn settle(pool: &PgPool, request: &mut dyn Request) -> Result<bool, StoreError> {
    let begun = Instant::now();
    let mut attempt = 0;
    loop {
        let mut transaction = pool.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE").await?;
        let verdict = request.attempt(&mut Tx::postgres(&mut transaction)).await;
        match verdict {
            Verdict::Keep => match transaction.commit().await {
                Ok(()) => return Ok(true),
                Err(sqlx::Error::Database(error))
                    if matches!(error.code().as_deref(), Some("40001" | "40P01")) => {}
                Err(error) => return Err(error.into()),
            },
            Verdict::Undo => {
                transaction.rollback().await?;
                return Ok(false);
            }
            Verdict::Again => transaction.rollback().await?,
            Verdict::Stop(kind) => {
                return Err(StoreError::new(kind, "the database cannot be reached; nothing was stored"));
            }
        }
        if begun.elapsed() >= PATIENCE {
            return Err(StoreError::new(
                StoreErrorKind::Busy,
                "the write kept colliding with others; nothing was stored",
            ));
        }
        tokio::time::sleep(pause(attempt)).await;
        attempt += 1;
    }
}

/// How long to wait after so many collisions: longer each time, and never as long as whoever waits beside.
fn pause(attempt: u32) -> Duration {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let most = Duration::from_millis(4).saturating_mul(1 << attempt.min(8)).min(LONGEST_PAUSE);
    // Steps of the golden ratio spread evenly over the span, however many there are.
    let step = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9);
    most.mul_f64(f64::from(step) / f64::from(u32::MAX))
}
