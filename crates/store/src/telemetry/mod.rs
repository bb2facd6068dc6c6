//! Telemetry: appended to a log when it comes, then turned into compressed, sorted blocks and rollups.
//!
//! [`Telemetry::append`] answers when the points are durable. [`Telemetry::compact`] moves the oldest log rows into
//! blocks: blocks and the removal of their log rows are one transaction, so a crash at any point repeats or skips
//! nothing. [`Telemetry::maintain`] merges small runs of blocks and, once a day is over, writes its rollups. What is
//! in no block yet is answered from memory, which is filled from the log when the file is opened.
//!
//! A point is known by device, metric and time; of two that agree in these the later one counts.
//!
//! On SQLite all this is in a file of its own, `telemetry.db`; on PostgreSQL in tables beside the state.
//! Knows nothing of tenants, device names, time policy or last values.
//!
//! **Invariant:** nothing here reads a clock, and every decoder checks lengths before it reserves memory.

mod block;
mod bytes;
mod compact;
mod erase;
mod log;
mod query;
mod registry;
mod sql;
mod tail;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use windlass_domain::ids::{DeviceId, MetricName};
use windlass_domain::telemetry::{Point, Stamp, Value, ValueKind};
use windlass_domain::time::Timestamp;

use crate::error::{OpenError, StoreError};
use crate::sqlite::SqliteFile;
use crate::store::{Engine, Lane, Store};
use crate::tx::Tx;

pub use compact::{Compacted, Maintained, Retained};
pub use query::{Order, Raw, Step, Window};

use compact::Runs;
use registry::Registry;
use tail::Tail;

pub(crate) static SCHEMA: sqlx::migrate::Migrator = sqlx::migrate!("migrations/telemetry");

/// Bytes that cannot be what was written. Says what is wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
struct Corrupt(&'static str);

impl From<Corrupt> for StoreError {
    fn from(problem: Corrupt) -> Self {
        Self::corrupt("telemetry", problem)
    }
}

/// Row id of a metric: a name and a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct MetricId(u32);

/// A value with its time in microseconds.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    at: i64,
    stamp: Stamp,
    value: Value,
}

/// A place in the log; it only rises. Everything up to it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(i64);

impl Position {
    /// From the number that was kept.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number to keep.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// The points of one message.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Whose.
    pub device: DeviceId,
    /// When the server read the message.
    pub received_at: Timestamp,
    /// What it brought.
    pub points: Vec<Point>,
}

/// What came of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// Durable.
    Stored,
    /// The device would have more metrics than it may; nothing of the message was stored.
    TooManyMetrics {
        /// How many it may have.
        limit: usize,
    },
}

/// A metric of a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricOf {
    /// Its name.
    pub name: MetricName,
    /// What its values are. A metric that changed its kind is listed once per kind.
    pub kind: ValueKind,
}

/// How much waits to be compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Rows of the log.
    pub rows: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Points in memory that are in no block yet.
    pub points: usize,
}

/// What is stored, for figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Blocks of points.
    pub blocks: u64,
    /// Points in them, doubles that are not merged yet included.
    pub points: u64,
    /// Bytes of those blocks.
    pub bytes: u64,
    /// Bytes of rollups.
    pub rollup_bytes: u64,
}

/// The telemetry of all devices. Clones share it.
#[derive(Debug, Clone)]
pub struct Telemetry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: Database,
    metrics_per_device: usize,
    registry: Registry,
    tail: Mutex<Tail>,
    /// Held by whoever compacts, merges or deletes: one at a time.
    runs: tokio::sync::Mutex<Runs>,
}

#[derive(Debug)]
enum Database {
    /// Ours alone.
    File(SqliteFile),
    /// Shared with the state, and with other nodes.
    Shared(Store),
}

impl Database {
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            Self::File(file) => file.write(work).await,
            Self::Shared(store) => store.write(work).await,
        }
    }

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            Self::File(file) => file.read(Lane::Readers, work).await,
            Self::Shared(store) => store.read(work).await,
        }
    }
}

impl Telemetry {
    /// Opens the telemetry that belongs to a state, made if it is not there, and reads what waits in the log.
    /// A device may have `metrics_per_device` metrics.
    ///
    /// # Errors
    /// When the file cannot be opened or was written by a newer binary, or the log cannot be read.
    pub async fn open(store: &Store, metrics_per_device: usize) -> Result<Self, OpenError> {
        let database = match store.engine() {
            Engine::Sqlite(state) => {
                let directory = state.directory().ok_or_else(StoreError::closed)?;
                Database::File(SqliteFile::open(&directory, "telemetry.db", &SCHEMA).await?)
            }
            Engine::Postgres(_) => Database::Shared(store.clone()),
        };
        let telemetry = Self(Arc::new(Inner {
            database,
            metrics_per_device,
            registry: Registry::default(),
            tail: Mutex::default(),
            runs: tokio::sync::Mutex::default(),
        }));
        telemetry.0.load_metrics().await?;
        telemetry.0.refresh_tail().await?;
        telemetry.0.load_runs().await?;
        Ok(telemetry)
    }

    /// Stores the points of several messages in one log row. Answers per message, in order, when what was stored is
    /// durable; the position is that of the row, or the newest one if nothing was stored.
    ///
    /// # Errors
    /// When the database fails; nothing was stored then.
    pub async fn append(&self, messages: Vec<Received>) -> Result<(Position, Vec<Appended>), StoreError> {
        self.0.append(messages).await
    }

    /// The newest position that is durable and visible to queries.
    pub fn position(&self) -> Position {
        self.0.tail().newest()
    }

    /// How much waits to be compacted.
    pub fn backlog(&self) -> Backlog {
        self.0.tail().backlog()
    }

    /// What is in the log after a position, oldest first: at most about `most` rows. Empty when there is no more.
    ///
    /// # Errors
    /// When the database fails or the log cannot be read.
    pub async fn replay(
        &self,
        after: Position,
        most: u32,
    ) -> Result<Vec<(Position, Vec<Received>)>, StoreError> {
        self.0.replay(after, most).await
    }

    /// What is stored, counted by a scan: for benches and diagnosis.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stored(&self) -> Result<Stored, StoreError> {
        self.0.database.read(|tx| Box::pin(sql::stored(tx))).await
    }

    /// Finishes the writes that wait, then closes the file. A shared database is closed by its owner.
    pub async fn close(&self) {
        match &self.0.database {
            Database::File(file) => file.close().await,
            Database::Shared(_) => {}
        }
    }
}

impl Inner {
    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn append(&self, messages: Vec<Received>) -> Result<(Position, Vec<Appended>), StoreError> {
        let (logged, answers) = self.resolve(messages).await?;
        if logged.iter().all(|message| message.points.is_empty()) {
            return Ok((self.tail().newest(), answers));
        }
        let data = log::encode(&logged);
        let bytes = data.len();
        let id = self
            .database
            .write(move |tx| {
                let data = data.clone();
                Box::pin(sql::append_log(tx, data))
            })
            .await?;
        self.tail().insert(id, bytes, logged);
        Ok((Position(id), answers))
    }

    /// Reads log rows that memory does not hold, and forgets those that somebody else compacted.
    async fn refresh_tail(&self) -> Result<(), StoreError> {
        let known = self.tail().rows();
        let present = self.database.read(|tx| Box::pin(sql::log_ids(tx, i64::MAX, i64::MAX))).await?;
        let present: std::collections::BTreeSet<i64> = present.into_iter().map(|(id, _)| id).collect();
        let gone: Vec<i64> = known.difference(&present).copied().collect();
        let missing: Vec<i64> = present.difference(&known).copied().collect();
        for some in missing.chunks(sql::ROWS_AT_ONCE) {
            let ids = some.to_vec();
            let rows = self
                .database
                .read(move |tx| {
                    let ids = ids.clone();
                    Box::pin(async move { sql::log_rows(tx, &ids).await })
                })
                .await?;
            for (id, data) in rows {
                let messages = log::decode(&data)?;
                self.tail().insert(id, data.len(), messages);
            }
        }
        if !gone.is_empty() {
            self.tail().remove(&gone);
        }
        Ok(())
    }

    async fn replay(&self, after: Position, most: u32) -> Result<Vec<(Position, Vec<Received>)>, StoreError> {
        let rows =
            self.database.read(move |tx| Box::pin(sql::log_after(tx, after.0, i64::from(most)))).await?;
        let mut replayed = Vec::with_capacity(rows.len());
        for (id, data) in rows {
            let mut messages = Vec::new();
            for log::Logged { device, received_at, points } in log::decode(&data)? {
                let mut named = Vec::with_capacity(points.len());
                for (metric, Sample { at, stamp, value }) in points {
                    let metric = self.metric(metric).await?;
                    let at = Timestamp::from_micros(at);
                    named.push(Point { metric: metric.name.clone(), at, value, stamp });
                }
                messages.push(Received {
                    device: DeviceId::new(device),
                    received_at: Timestamp::from_micros(received_at),
                    points: named,
                });
            }
            replayed.push((Position(id), messages));
        }
        Ok(replayed)
    }
}

#[cfg(test)]
mod tests;
