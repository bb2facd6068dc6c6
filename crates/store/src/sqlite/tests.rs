use std::sync::Arc;

use tokio::sync::oneshot;
use windlass_domain::ids::TenantName;

use super::*;
use crate::changes::ChangeKind;
use crate::error::StoreErrorKind;
use crate::store::{Location, Store};
use crate::tenants::{tenant_by_name, tenant_ensure};
use crate::testing::{START, sqlite_store};
use crate::tx::{execute, fetch_one};

fn name(text: &str) -> TenantName {
    text.parse().unwrap()
}

async fn add(store: &Store, tenant: &str) -> Result<(), StoreError> {
    let tenant = name(tenant);
    store
        .write(move |tx| {
            let tenant = tenant.clone();
            Box::pin(async move { tenant_ensure(tx, &tenant, START).await.map(drop) })
        })
        .await
}

async fn has(store: &Store, tenant: &str) -> bool {
    let tenant = name(tenant);
    store
        .read(move |tx| {
            let tenant = tenant.clone();
            Box::pin(async move { tenant_by_name(tx, &tenant).await.map(|found| found.is_some()) })
        })
        .await
        .unwrap()
}

/// Holds the writer inside a first commit until released, so that what is sent meanwhile lands in one batch.
async fn hold(store: &Store) -> (oneshot::Sender<()>, impl Future<Output = Result<(), StoreError>> + use<>) {
    let (entered, inside) = oneshot::channel();
    let (release, released) = oneshot::channel();
    let mut gates = Some((entered, released));
    let held = store.clone();
    let (answer, answered) = oneshot::channel();
    drop(tokio_util::task::TaskTracker::new().spawn(async move {
        let result = held
            .write::<(), StoreError, _>(move |_| {
                let gates = gates.take();
                Box::pin(async move {
                    if let Some((entered, released)) = gates {
                        entered.send(()).unwrap();
                        released.await.unwrap();
                    }
                    Ok(())
                })
            })
            .await;
        answer.send(result).unwrap();
    }));
    inside.await.unwrap();
    (release, async move { answered.await.unwrap() })
}

#[tokio::test]
async fn the_bundled_sqlite_is_free_of_the_wal_reset_corruption() {
    let test = sqlite_store("version").await;
    let (version,) = test
        .store
        .read::<_, StoreError, _>(|tx| {
            Box::pin(async move { fetch_one!(tx, (String,), "SELECT sqlite_version()") })
        })
        .await
        .unwrap();
    let parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(parts >= vec![3, 51, 3], "{version}");
}

#[tokio::test]
async fn the_writer_is_durable_and_readers_cannot_write() {
    let test = sqlite_store("pragmas").await;
    let settings = test
        .store
        .write::<_, StoreError, _>(|tx| {
            Box::pin(async move {
                let journal = fetch_one!(tx, (String,), "PRAGMA journal_mode")?.0;
                let synchronous = fetch_one!(tx, (i64,), "PRAGMA synchronous")?.0;
                let foreign_keys = fetch_one!(tx, (i64,), "PRAGMA foreign_keys")?.0;
                let page = fetch_one!(tx, (i64,), "PRAGMA page_size")?.0;
                Ok((journal, synchronous, foreign_keys, page))
            })
        })
        .await
        .unwrap();
    assert_eq!(settings, ("wal".to_owned(), 2, 0, 4096));
    let refused = test
        .store
        .read::<_, StoreError, _>(|tx| Box::pin(async move { execute!(tx, "DELETE FROM tenant") }))
        .await;
    assert!(refused.is_err());
    assert!(has(&test.store, "default").await);
}

#[tokio::test]
async fn a_write_that_fails_in_a_group_commit_is_undone_alone() {
    let test = sqlite_store("group").await;
    let (release, held) = hold(&test.store).await;
    let (before, failed, after, ()) = tokio::join!(
        add(&test.store, "before"),
        test.store.write(half_then_fail),
        add(&test.store, "after"),
        async { release.send(()).unwrap() }
    );
    held.await.unwrap();
    before.unwrap();
    after.unwrap();
    assert_eq!(failed.unwrap_err().kind(), StoreErrorKind::Constraint);
    assert!(has(&test.store, "before").await && has(&test.store, "after").await);
    assert!(!has(&test.store, "half").await);
}

/// Writes a tenant, then breaks a rule: what was written must go too.
fn half_then_fail<'t>(tx: &'t mut Tx<'_>) -> BoxFuture<'t, Result<(), StoreError>> {
    Box::pin(async move {
        tenant_ensure(tx, &name("half"), START).await?;
        execute!(tx, "INSERT INTO tenant (name, created_at) VALUES ('default', 0)")?;
        Ok(())
    })
}

#[tokio::test]
async fn the_changes_of_a_group_commit_are_told_once_and_those_that_were_undone_never() {
    let test = sqlite_store("group-changes").await;
    let start = test.store.latest_change().await.unwrap();
    let (release, held) = hold(&test.store).await;
    let note = |id: i64| {
        test.store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                tx.changed(ChangeKind::Job, id);
                tx.changed(ChangeKind::Job, 7);
                Ok(())
            })
        })
    };
    let (before, failed, after, ()) =
        tokio::join!(note(1), test.store.write(half_then_fail), note(2), async { release.send(()).unwrap() });
    held.await.unwrap();
    before.unwrap();
    after.unwrap();
    failed.unwrap_err();
    let told = test.store.changes_after(start, 10).await.unwrap();
    let told: Vec<_> = told.into_iter().map(|change| (change.kind, change.id)).collect();
    assert_eq!(told, [(ChangeKind::Job, 1), (ChangeKind::Job, 7), (ChangeKind::Job, 2)]);
}

#[tokio::test]
async fn work_that_panics_is_undone_alone_and_the_writer_lives() {
    let test = sqlite_store("panic").await;
    let (release, held) = hold(&test.store).await;
    let (before, inside, outside, after, ()) = tokio::join!(
        add(&test.store, "before"),
        test.store.write::<(), StoreError, _>(|tx| {
            Box::pin(async move {
                tenant_ensure(tx, &name("half"), START).await?;
                panic!("inside the future")
            })
        }),
        test.store.write::<(), StoreError, _>(|_| panic!("in the closure itself")),
        add(&test.store, "after"),
        async { release.send(()).unwrap() }
    );
    held.await.unwrap();
    before.unwrap();
    after.unwrap();
    assert_eq!(inside.unwrap_err().kind(), StoreErrorKind::Defect);
    assert_eq!(outside.unwrap_err().kind(), StoreErrorKind::Defect);
    assert!(has(&test.store, "before").await && has(&test.store, "after").await);
    assert!(!has(&test.store, "half").await);
    add(&test.store, "later").await.unwrap();
}

#[tokio::test]
async fn when_sqlite_rolled_everything_back_nobody_of_the_batch_is_acknowledged() {
    let test = sqlite_store("rollback").await;
    let (release, held) = hold(&test.store).await;
    let (before, traitor, after, ()) = tokio::join!(
        add(&test.store, "before"),
        // What SQLite may do by itself on IOERR; the work does not even notice.
        test.store
            .write::<(), StoreError, _>(|tx| { Box::pin(async move { execute!(tx, "ROLLBACK").map(drop) }) }),
        add(&test.store, "after"),
        async { release.send(()).unwrap() }
    );
    held.await.unwrap();
    assert!(before.is_err() && traitor.is_err() && after.is_err());
    assert!(!has(&test.store, "before").await && !has(&test.store, "after").await);
    add(&test.store, "later").await.unwrap();
    assert!(has(&test.store, "later").await);
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_and_the_store_recovers() {
    let test = sqlite_store("full").await;
    let (release, held) = hold(&test.store).await;
    let (before, flooded, after, ()) =
        tokio::join!(add(&test.store, "before"), test.store.write(flood), add(&test.store, "after"), async {
            release.send(()).unwrap()
        });
    held.await.unwrap();
    for result in [before, flooded, after] {
        assert_eq!(result.unwrap_err().kind(), StoreErrorKind::DiskFull);
    }
    assert!(!has(&test.store, "before").await && !has(&test.store, "after").await);
    // The bound belonged to the connection that was dropped: space is back.
    add(&test.store, "later").await.unwrap();
    assert!(has(&test.store, "later").await);
}

/// Fills the disk and ignores the error: that must not get it or its neighbours acknowledged.
fn flood<'t>(tx: &'t mut Tx<'_>) -> BoxFuture<'t, Result<(), StoreError>> {
    Box::pin(async move {
        let (pages,) = fetch_one!(tx, (i64,), "PRAGMA page_count")?;
        execute!(tx, AssertSqlSafe(format!("PRAGMA max_page_count = {}", pages + 2)))?;
        let full = execute!(
            tx,
            "INSERT INTO live_block (node, block, saved_at, data) VALUES ('n', 1, 0, zeroblob(1000000))"
        );
        assert_eq!(full.unwrap_err().kind(), StoreErrorKind::DiskFull);
        Ok(())
    })
}

#[tokio::test]
async fn a_database_locked_by_another_process_is_a_clear_error_and_nothing_is_lost() {
    let test = sqlite_store("locked").await;
    let Location::Sqlite { directory } = &test.location else { unreachable!() };
    add(&test.store, "before").await.unwrap();
    let mut stranger =
        SqliteConnectOptions::new().filename(directory.join("state.db")).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut stranger).await.unwrap();
    let refused = add(&test.store, "during").await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Busy);
    assert!(refused.to_string().contains("locked by another process"), "{refused}");
    sqlx::raw_sql("ROLLBACK").execute(&mut stranger).await.unwrap();
    assert!(has(&test.store, "before").await && !has(&test.store, "during").await);
    add(&test.store, "after").await.unwrap();
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_nothing() {
    let test = sqlite_store("dropped").await;
    let (release, held) = hold(&test.store).await;
    {
        let mut write = Box::pin(add(&test.store, "orphan"));
        // Polled once: the request is queued. Then its caller is gone.
        assert!(futures_util::poll!(&mut write).is_pending());
    }
    release.send(()).unwrap();
    held.await.unwrap();
    add(&test.store, "later").await.unwrap();
    assert!(has(&test.store, "orphan").await);
}

#[tokio::test]
async fn a_read_sees_one_snapshot() {
    let test = sqlite_store("snapshot").await;
    let store = test.store.clone();
    let (first, second) = test
        .store
        .read::<_, StoreError, _>(move |tx| {
            let store = store.clone();
            Box::pin(async move {
                let (first,) = fetch_one!(tx, (i64,), "SELECT COUNT(*) FROM tenant")?;
                add(&store, "between").await?;
                let (second,) = fetch_one!(tx, (i64,), "SELECT COUNT(*) FROM tenant")?;
                Ok((first, second))
            })
        })
        .await
        .unwrap();
    assert_eq!((first, second), (1, 1));
    assert!(has(&test.store, "between").await);
}

#[tokio::test]
async fn a_second_store_on_the_same_directory_is_refused_by_name() {
    let test = sqlite_store("twice").await;
    let Location::Sqlite { directory } = &test.location else { unreachable!() };
    let refused = Store::open(&test.location, START).await.unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
    assert!(refused.to_string().contains(directory.to_str().unwrap()), "{refused}");
    test.store.close().await;
    let again = Store::open(&test.location, START).await.unwrap();
    assert!(has(&again, "default").await);
}

#[tokio::test]
async fn a_closed_store_says_so_after_it_finished_what_was_queued() {
    let test = sqlite_store("closed").await;
    let (release, held) = hold(&test.store).await;
    let mut write = Box::pin(add(&test.store, "queued"));
    assert!(futures_util::poll!(&mut write).is_pending());
    release.send(()).unwrap();
    test.store.close().await;
    held.await.unwrap();
    write.await.unwrap();
    assert_eq!(add(&test.store, "late").await.unwrap_err().kind(), StoreErrorKind::Closed);
    let again = Store::open(&test.location, START).await.unwrap();
    assert!(has(&again, "queued").await && !has(&again, "late").await);
}

#[tokio::test]
async fn a_data_directory_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("data");
    std::fs::create_dir(&directory).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o750)).unwrap();
    let location = Location::Sqlite { directory: directory.clone() };
    let refused = Store::open(&location, START).await.unwrap_err();
    assert!(matches!(refused, OpenError::LoosePermissions { mode: 0o750, .. }), "{refused:?}");
    assert!(refused.to_string().contains("chmod 700"), "{refused}");
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700)).unwrap();
    Store::open(&location, START).await.unwrap().close().await;
    let state = std::fs::metadata(directory.join("state.db")).unwrap();
    assert_eq!(state.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_file_in_the_place_of_the_directory_is_a_clear_error() {
    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("data");
    std::fs::write(&directory, "in the way").unwrap();
    let refused = Store::open(&Location::Sqlite { directory }, START).await.unwrap_err();
    assert!(matches!(refused, OpenError::Directory { .. }), "{refused:?}");
}

fn steps(texts: &[&'static str]) -> Migrator {
    use sqlx::SqlSafeStr;
    let migrations = texts.iter().zip(1..).map(|(text, version)| {
        sqlx::migrate::Migration::new(
            version,
            "step".into(),
            sqlx::migrate::MigrationType::Simple,
            text.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}

#[tokio::test]
async fn migrations_run_after_a_copy_and_an_older_binary_refuses_a_newer_schema() {
    const ONE: &str = "CREATE TABLE thing (id INTEGER); INSERT INTO thing VALUES (7)";
    const TWO: &str = "ALTER TABLE thing RENAME TO item";
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("data");
    let directory = || Arc::new(DataDirectory::open(&path).unwrap());

    let file = SqliteFile::open(&directory(), "x.db", &steps(&[ONE])).await.unwrap();
    file.close().await;
    drop(file);
    assert!(!path.join("x-before-1.db").exists(), "a new file needs no copy");

    let broken =
        SqliteFile::open(&directory(), "x.db", &steps(&[ONE, "NO SUCH STATEMENT"])).await.unwrap_err();
    assert!(broken.to_string().contains("x-before-2.db"), "{broken}");

    let file = SqliteFile::open(&directory(), "x.db", &steps(&[ONE, TWO])).await.unwrap();
    file.close().await;
    drop(file);
    let mut copy = SqliteConnectOptions::new().filename(path.join("x-before-2.db")).connect().await.unwrap();
    let kept: (i64,) = sqlx::query_as("SELECT id FROM thing").fetch_one(&mut copy).await.unwrap();
    assert_eq!(kept, (7,));

    let older = SqliteFile::open(&directory(), "x.db", &steps(&[ONE])).await.unwrap_err();
    assert!(matches!(older, OpenError::NewerSchema { found: 2, known: 1 }), "{older:?}");
    assert!(older.to_string().contains("start the newer binary"), "{older}");
}

#[tokio::test]
async fn components_keep_their_numbers_when_their_type_becomes_part_of_their_key() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("data");
    let directory = || Arc::new(DataDirectory::open(&path).unwrap());
    let open = async |schema: &Migrator| {
        SqliteFile::open(&directory(), "state.db", schema).await.unwrap().close().await;
        SqliteConnectOptions::new().filename(path.join("state.db")).connect().await.unwrap()
    };
    let before = crate::store::SQLITE.iter().filter(|one| one.version < 16).cloned().collect();
    let mut old = open(&Migrator::with_migrations(before)).await;
    for sql in [
        "INSERT INTO component (tenant_id, name, version, type, created_at)
         VALUES (1, 'a', '1', 'os', 0), (1, 'b', '1', 'os', 0), (1, 'c', '1', 'os', 0)",
        "DELETE FROM component WHERE name = 'c'",
    ] {
        sqlx::query(sql).execute(&mut old).await.unwrap();
    }
    old.close().await.unwrap();

    let mut new = open(&crate::store::SQLITE).await;
    let insert =
        "INSERT INTO component (tenant_id, name, version, type, created_at) VALUES (1, 'a', '1', $1, 0)";
    assert!(sqlx::query(insert).bind("os").execute(&mut new).await.is_err(), "it is there");
    sqlx::query(insert).bind("application").execute(&mut new).await.unwrap();
    let all = sqlx::query_as::<_, (i64, String)>("SELECT id, type FROM component ORDER BY id");
    let all = all.fetch_all(&mut new).await.unwrap();
    let wanted = [(1, "os"), (2, "os"), (4, "application")].map(|(id, kind)| (id, kind.to_owned()));
    assert_eq!(all, wanted, "the number of what is gone is not given again");
}

#[tokio::test]
async fn many_writers_share_few_commits_and_each_gets_its_own_answer() {
    let test = sqlite_store("many").await;
    let commits = test.store.committed();
    let before = *commits.borrow();
    let (release, held) = hold(&test.store).await;
    let writes = (0..300_i64).map(|number| {
        test.store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                let (answer,) = fetch_one!(tx, (i64,), "SELECT CAST($1 AS INTEGER) + 0", number)?;
                Ok(answer)
            })
        })
    });
    // All of them wait before the first has its turn.
    let all = tokio::task::unconstrained(futures_util::future::join_all(writes));
    let (answers, ()) = tokio::join!(all, async { release.send(()).unwrap() });
    held.await.unwrap();
    for (number, answer) in (0..).zip(answers) {
        assert_eq!(answer.unwrap(), number);
    }
    assert!(*commits.borrow() - before <= 30, "{} commits for 300 writes", *commits.borrow() - before);
}
