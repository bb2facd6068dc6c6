//! The one that writes: takes what is queued, commits it together, answers everyone.
//!
//! Each request has a savepoint, so one that fails is undone alone. When SQLite may have rolled back everything, the
//! batch stops, the connection is dropped, every waiter is told that nothing was stored, and the next batch starts
//! on a fresh connection. The next commit starts when the last one ends; nothing is delayed on purpose.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{DataDirectory, discard};
use crate::changes;
use crate::error::{StoreError, StoreErrorKind};
use crate::request::{Request, Verdict, pack};
use crate::tx::{Tx, execute};

/// Most requests in one commit.
const BATCH: usize = 1_000;
/// Requests that may wait for the next commit; beyond that, callers wait for room.
const QUEUE: usize = 2_000;

/// The way to the writer's thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Request>>,
    committed: watch::Sender<u64>,
    closing: CancellationToken,
    /// Has the thread for its one task, for as long as that works.
    thread: TaskTracker,
}

impl Writer {
    /// Starts the thread. It ends when it is closed or the last way to it is dropped, after what is queued was done.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(
        connection: SqliteConnection,
        options: SqliteConnectOptions,
        directory: Arc<DataDirectory>,
    ) -> std::io::Result<Self> {
        let (queue, requests) = mpsc::channel(QUEUE);
        let committed = watch::Sender::new(0);
        let closing = CancellationToken::new();
        let thread = TaskTracker::new();
        let state = State { connection: Some(connection), options, committed: committed.clone() };
        let stop = closing.clone();
        // A thread of its own: between two statements it waits for SQLite's thread, and in the runtime's threads each
        // such wait would end behind whatever else there is to run. None of the runtime's threads for blocking work
        // either: a clock that tests hold would not move on while one of those is at work.
        let (runtime, working) = (Handle::current(), thread.token());
        drop(std::thread::Builder::new().name("windlass-writer".to_owned()).spawn(move || {
            runtime.block_on(run(state, requests, stop));
            drop(directory);
            drop(working);
        })?);
        thread.close();
        Ok(Self { queue, committed, closing, thread })
    }

    pub(super) fn committed(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    pub(super) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (request, answer) = pack(work);
        if self.queue.send(request).await.is_err() {
            return Err(StoreError::closed().into());
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::closed().into()))
    }

    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.thread.wait().await;
    }
}

struct State {
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    committed: watch::Sender<u64>,
}

async fn run(mut state: State, mut requests: mpsc::Receiver<Box<dyn Request>>, stop: CancellationToken) {
    let mut batch = Vec::new();
    loop {
        let taken = tokio::select! {
            biased;
            () = stop.cancelled(), if !requests.is_closed() => {
                requests.close();
                continue;
            }
            taken = requests.recv_many(&mut batch, BATCH) => taken,
        };
        if taken == 0 {
            break;
        }
        state.commit(std::mem::take(&mut batch)).await;
    }
    if let Some(connection) = state.connection.take() {
        discard(connection).await;
    }
}

impl State {
    async fn commit(&mut self, mut batch: Vec<Box<dyn Request>>) {
        match self.attempt(&mut batch).await {
            Ok(()) => {
                self.committed.send_modify(|count| *count = count.wrapping_add(1));
                for request in batch {
                    request.answer();
                }
            }
            Err(error) => {
                tracing::error!(
                    %error, source = error_source(&error), store.requests = batch.len(),
                    "a batch of writes was not stored; nothing of it was acknowledged"
                );
                if let Some(connection) = self.connection.take() {
                    discard(connection).await;
                }
                for request in batch {
                    request.fail(error.clone());
                }
            }
        }
    }

    async fn attempt(&mut self, batch: &mut [Box<dyn Request>]) -> Result<(), StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        let result = transact(&mut connection, batch).await;
        self.connection = Some(connection);
        result
    }
}

/// One commit of all requests that did not ask to be undone.
async fn transact(
    connection: &mut SqliteConnection,
    batch: &mut [Box<dyn Request>],
) -> Result<(), StoreError> {
    let tx = &mut Tx::sqlite(connection);
    execute!(tx, "BEGIN IMMEDIATE")?;
    let mut begins = "SAVEPOINT request";
    for request in batch {
        execute!(tx, begins)?;
        begins = "RELEASE request; SAVEPOINT request";
        let kept = tx.changes();
        match request.attempt(tx).await {
            Verdict::Keep => {}
            // SQLite never asks for another run; if it did, undoing would be right too.
            Verdict::Undo | Verdict::Again => {
                execute!(tx, "ROLLBACK TO request")?;
                tx.forget_changes(kept);
            }
            Verdict::Stop(kind) => {
                return Err(StoreError::new(kind, stopped(kind)));
            }
        }
    }
    changes::write(tx).await?;
    execute!(tx, "COMMIT").map(drop)
}

const fn stopped(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::DiskFull => "the disk of the database is full; nothing was stored",
        StoreErrorKind::Busy => "the database is locked by another process; nothing was stored",
        StoreErrorKind::Corrupt => "the database file is damaged; nothing was stored",
        StoreErrorKind::Io
        | StoreErrorKind::Constraint
        | StoreErrorKind::Missed
        | StoreErrorKind::Closed
        | StoreErrorKind::Defect => "the disk of the database failed; nothing was stored",
    }
}

fn error_source(error: &StoreError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
