//! Stores in temporary places, on every engine that this machine offers.
//!
//! SQLite always; PostgreSQL when `WINDLASS_TEST_POSTGRES` holds the URL of a server on which schemas may be made.

use std::future::Future;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::store::{Engine, Location, Store};

/// A store that nobody else uses; what it holds goes with it.
#[derive(Debug)]
pub struct TestStore {
    /// The open store.
    pub store: Store,
    /// Where it is, to open it again after [`Store::close`].
    pub location: Location,
    /// `sqlite` or `postgres`, for messages.
    pub engine: &'static str,
    schema: Option<(String, String)>,
    directory: tempfile::TempDir,
}

impl TestStore {
    /// A directory that goes with the store, for blobs and the like.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Closes the store and removes what it left on a server.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn remove(self) {
        self.store.close().await;
        if let Some((url, schema)) = &self.schema {
            administer(url, &format!("DROP SCHEMA {schema} CASCADE")).await;
        }
    }
}

/// The time at which test stores are made: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_seconds(1_767_225_600);

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A fresh embedded store.
///
/// # Panics
/// When the temporary directory cannot be used.
#[expect(clippy::expect_used, reason = "a test cannot go on without its store")]
pub async fn sqlite_store(name: &str) -> TestStore {
    let directory = temporary(name);
    let location = Location::Sqlite { directory: directory.path().join("data") };
    let store = Store::open(&location, START).await.expect("a fresh embedded store opens");
    TestStore { store, location, engine: "sqlite", schema: None, directory }
}

/// One fresh store for each engine that this machine offers.
///
/// # Panics
/// When a store cannot be made.
#[expect(clippy::expect_used, reason = "a test cannot go on without its store")]
pub async fn stores(name: &str) -> Vec<TestStore> {
    let mut stores = vec![sqlite_store(name).await];
    if let Some(server) = server() {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("test_{}_{number}", std::process::id());
        administer(&server, &format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await;
        administer(&server, &format!("CREATE SCHEMA {schema}")).await;
        let separator = if server.contains('?') { '&' } else { '?' };
        let location =
            Location::Postgres { url: format!("{server}{separator}options[search_path]={schema}") };
        let store = Store::open(&location, START).await.expect("a fresh store on the server opens");
        let directory = temporary(name);
        stores.push(TestStore {
            store,
            location,
            engine: "postgres",
            schema: Some((server, schema)),
            directory,
        });
    }
    stores
}

/// Runs a test's body on a fresh store of each engine, and removes them afterwards.
///
/// # Panics
/// When a store cannot be made.
pub async fn on_each_engine<F, R>(name: &str, body: F)
where
    F: Fn(Store) -> R,
    R: Future<Output = ()>,
{
    for test in stores(name).await {
        tracing::info!(engine = test.engine, name, "running on engine");
        body(test.store.clone()).await;
        test.remove().await;
    }
}

/// Waits until the change feed shows all that was written by now.
///
/// On a server any transaction that is still open, another test's too, holds the feed back. There a mark is written and read
/// again; an embedded store's feed is whole with each commit.
///
/// # Errors
/// When the store fails.
pub async fn feed_is_whole(store: &Store) -> Result<(), StoreError> {
    static NEXT: AtomicI64 = AtomicI64::new(1 << 40);
    if matches!(store.engine(), Engine::Sqlite(_)) {
        return Ok(());
    }
    let mark = NEXT.fetch_add(1, Ordering::Relaxed);
    let before = store.latest_change().await?;
    store
        .write::<_, StoreError, _>(move |tx| {
            tx.changed(ChangeKind::Series, mark);
            Box::pin(async { Ok(()) })
        })
        .await?;
    let mut after = before;
    loop {
        for change in store.changes_after(after, 1_000).await? {
            if (change.kind, change.id) == (ChangeKind::Series, mark) {
                return Ok(());
            }
            after = change.seq;
        }
        tokio::task::yield_now().await;
    }
}

/// The URL of the PostgreSQL server for tests, if there is one.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where their server is")]
pub fn server() -> Option<String> {
    std::env::var("WINDLASS_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

#[expect(clippy::expect_used, reason = "a test cannot go on without its store")]
fn temporary(name: &str) -> tempfile::TempDir {
    tempfile::Builder::new().prefix(&format!("windlass-{name}-")).tempdir().expect("a temporary directory")
}

#[expect(clippy::expect_used, reason = "a test cannot go on without its store")]
async fn administer(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("the test server answers");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the test server obeys");
    connection.close().await.expect("the test server says good-bye");
}
