//! The registry's questions on each engine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::{Connection, PgConnection};
use windlass_domain::device::{Device, DeviceKind, Lifecycle};
use windlass_domain::device_type::{Signing, TopicMapping, TopicTarget, TypeSpec, VersionSource};
use windlass_domain::event::Severity;
use windlass_domain::ids::{DeviceId, Sha256, TenantId};
use windlass_domain::time::Timestamp;

use crate::devices::*;
use crate::events::*;
use crate::groups::*;
use crate::idempotency::*;
use crate::keys::*;
use crate::leases::*;
use crate::live::*;
use crate::tenants::*;
use crate::testing::{START, on_each_engine};
use crate::tx::execute;
use crate::types::*;
use crate::{ChangeKind, Location, Store, StoreError, StoreErrorKind, Tx};

/// Runs a whole story in one transaction of a fresh store of each engine, and keeps it.
async fn story<F>(name: &str, body: F)
where
    F: for<'t> Fn(&'t mut Tx<'_>, TenantId) -> BoxFuture<'t, Result<(), StoreError>>
        + Send
        + Sync
        + Copy
        + 'static,
{
    on_each_engine(name, |store: Store| async move {
        store
            .write(move |tx| {
                Box::pin(async move {
                    let tenant = tenant_default(tx).await?.id;
                    body(tx, tenant).await
                })
            })
            .await
            .unwrap();
    })
    .await;
}

fn later(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

async fn device(tx: &mut Tx<'_>, tenant: TenantId, name: &str) -> Device {
    device_insert(tx, &NewDevice::named(tenant, name.parse().unwrap()), START).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_tenant_is_made_once() {
    story("tenants", |tx, _| {
        Box::pin(async move {
            let name = "acme".parse().unwrap();
            let made = tenant_ensure(tx, &name, START).await?;
            assert_eq!(tenant_ensure(tx, &name, later(1)).await?, made);
            assert_eq!(tenant_by_name(tx, &name).await?, Some(made.clone()));
            assert_eq!(tenant_by_id(tx, made.id).await?, Some(made));
            let names: Vec<_> = tenants(tx).await?.into_iter().map(|t| t.name.into_string()).collect();
            assert_eq!(names, ["default", "acme"]);
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn a_device_reads_back_as_written() {
    story("devices", |tx, tenant| {
        Box::pin(async move {
            let gateway = device(tx, tenant, "gateway").await;
            let kind = type_insert(tx, tenant, &"pump".parse().unwrap(), &TypeSpec::default(), START)
                .await?
                .unwrap();
            let new = NewDevice {
                tenant,
                name: "Pump:1".parse().unwrap(),
                device_type: Some(kind.id),
                kind: DeviceKind::Gateway,
                parent: Some(gateway.id),
                attributes: BTreeMap::from([("site".parse().unwrap(), "K\u{f6}ln \u{0} \"x\"".to_owned())]),
                tags: BTreeSet::from(["a".parse().unwrap(), "b".parse().unwrap()]),
            };
            let made = device_insert(tx, &new, START).await?.unwrap();
            assert_eq!(device_by_id(tx, made.id).await?.as_ref(), Some(&made));
            assert_eq!(device_by_name(tx, tenant, &new.name).await?.as_ref(), Some(&made));
            assert_eq!(device_by_name(tx, tenant, &"pump:1".parse().unwrap()).await?, None);
            assert_eq!(device_insert(tx, &new, START).await?, None, "the name is taken");
            assert_eq!(device_children(tx, gateway.id).await?, std::slice::from_ref(&made));
            assert_eq!(type_device_count(tx, kind.id).await?, 1);

            let mut changed = made.clone();
            changed.lifecycle = Lifecycle::Suspended;
            changed.inventory = BTreeMap::from([("fw".parse().unwrap(), "1.2".to_owned())]);
            changed.parent = None;
            assert!(device_save(tx, &mut changed, later(5)).await?);
            assert_eq!((changed.version, changed.updated_at), (2, later(5)));
            assert_eq!(device_by_id(tx, made.id).await?.as_ref(), Some(&changed));
            let mut stale = made.clone();
            assert!(!device_save(tx, &mut stale, later(6)).await?, "an older version changes nothing");
            assert_eq!(stale, made);
            assert_eq!(device_by_id(tx, made.id).await?.as_ref(), Some(&changed));
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn first_contact_makes_a_registered_device_active_and_only_once() {
    story("seen", |tx, tenant| {
        Box::pin(async move {
            let made = device(tx, tenant, "d").await;
            let seen = device_seen(tx, made.id, later(1)).await?.unwrap();
            assert_eq!((seen.lifecycle, seen.first_seen_at), (Lifecycle::Active, Some(later(1))));
            assert_eq!(device_seen(tx, made.id, later(2)).await?, None);
            let mut suspended = device(tx, tenant, "s").await;
            suspended.lifecycle = Lifecycle::Suspended;
            assert!(device_save(tx, &mut suspended, START).await?);
            assert_eq!(device_seen(tx, suspended.id, later(2)).await?, None);
            assert_eq!(device_seen(tx, DeviceId::new(999), later(2)).await?, None);
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn an_external_id_belongs_to_one_device() {
    story("aliases", |tx, tenant| {
        Box::pin(async move {
            let (one, other) = (device(tx, tenant, "one").await, device(tx, tenant, "other").await);
            let alias = Alias { protocol: "aws".to_owned(), external_id: "Thing 1".to_owned() };
            assert_eq!(alias_insert(tx, tenant, one.id, &alias).await?, AliasOutcome::Added);
            assert_eq!(alias_insert(tx, tenant, one.id, &alias).await?, AliasOutcome::Unchanged);
            assert_eq!(alias_insert(tx, tenant, other.id, &alias).await?, AliasOutcome::Taken);
            let found = device_by_alias(tx, tenant, "aws", "Thing 1").await?.unwrap();
            assert_eq!(found.id, one.id);
            assert_eq!(device_by_alias(tx, tenant, "hawkbit", "Thing 1").await?, None);
            assert_eq!(device_aliases(tx, one.id).await?, BTreeSet::from([alias.clone()]));
            assert_eq!(aliases_between(tx, DeviceId::new(0), other.id).await?, [(one.id, alias.clone())]);
            assert!(!alias_delete(tx, tenant, other.id, &alias).await?);
            assert!(alias_delete(tx, tenant, one.id, &alias).await?);
            assert_eq!(device_by_alias(tx, tenant, "aws", "Thing 1").await?, None);
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn all_devices_are_read_in_batches_by_id() {
    story("batches", |tx, tenant| {
        Box::pin(async move {
            for number in 0..5 {
                let named = NewDevice::named(tenant, format!("d{number}").parse().unwrap());
                let attributes = BTreeMap::from([("site".parse().unwrap(), "\"Köln\\, 1\"".to_owned())]);
                let tags = BTreeSet::from(["lab".parse().unwrap()]);
                device_insert(tx, &NewDevice { attributes, tags, ..named }, START).await?.unwrap();
            }
            let (mut after, mut names) = (DeviceId::new(0), Vec::new());
            loop {
                let batch = devices_after(tx, after, 2).await?;
                let Some(last) = batch.last() else { break };
                assert!(batch.len() <= 2);
                after = last.id;
                for device in &batch {
                    assert_eq!(device_by_id(tx, device.id).await?.as_ref(), Some(device));
                }
                let ids: Vec<_> = batch.iter().map(|device| device.id).collect();
                assert_eq!(devices_among(tx, &ids).await?.len(), batch.len());
                names.extend(batch.into_iter().map(|device| device.name.into_string()));
            }
            assert_eq!(names, ["d0", "d1", "d2", "d3", "d4"]);
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn a_deleted_device_takes_what_was_its_own_and_its_number_is_never_used_again() {
    story("deletes", |tx, tenant| {
        Box::pin(async move {
            let made = device(tx, tenant, "d").await;
            let alias = Alias { protocol: "aws".to_owned(), external_id: "x".to_owned() };
            alias_insert(tx, tenant, made.id, &alias).await?;
            let group = group_insert(tx, tenant, &"g".parse().unwrap(), "", START).await?.unwrap();
            member_insert(tx, group.id, made.id).await?;
            let event = NewEvent {
                tenant,
                device: made.id,
                kind: "k".to_owned(),
                severity: Severity::Info,
                detail: String::new(),
            };
            event_record(tx, &event, START).await?;
            assert!(device_delete(tx, made.id).await?);
            assert!(!device_delete(tx, made.id).await?);
            assert_eq!(device_by_alias(tx, tenant, "aws", "x").await?, None);
            assert!(members(tx, group.id).await?.is_empty());
            assert!(events_of_device(tx, made.id, i64::MAX, 10).await?.is_empty());
            assert!(device(tx, tenant, "d").await.id > made.id);
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn a_types_specification_reads_back_as_written() {
    story("types", |tx, tenant| {
        Box::pin(async move {
            let spec = TypeSpec {
                description: "a pump".to_owned(),
                contact_interval: Duration::from_secs(90),
                version_sources: vec![
                    VersionSource::Reported("fw.version".to_owned()),
                    VersionSource::Inventory("{component}".to_owned()),
                    VersionSource::Nowhere,
                ],
                verify_timeout: Duration::from_secs(7),
                topic_map: vec![TopicMapping { filter: "a/{name}/#".to_owned(), target: TopicTarget::Log }],
                renews_certificate: true,
                default_attributes: BTreeMap::from([("k".parse().unwrap(), "v".to_owned())]),
                signing: Signing { signers: vec!["a certificate".to_owned()], required: true },
            };
            let name = "pump".parse().unwrap();
            let made = type_insert(tx, tenant, &name, &spec, START).await?.unwrap();
            assert_eq!(made.spec, spec);
            assert_eq!(type_insert(tx, tenant, &name, &spec, START).await?, None);
            assert_eq!(type_by_name(tx, tenant, &name).await?, Some(made.clone()));
            let changed = type_save(tx, made.id, &TypeSpec::default(), 1, later(1)).await?.unwrap();
            assert_eq!((changed.version, &changed.spec), (2, &TypeSpec::default()));
            assert_eq!(type_save(tx, made.id, &spec, 1, later(2)).await?, None, "an older version");
            type_insert(tx, tenant, &"Alpha".parse().unwrap(), &spec, START).await?;
            let names: Vec<_> =
                types(tx, tenant).await?.into_iter().map(|record| record.name.into_string()).collect();
            assert_eq!(names, ["Alpha", "pump"], "byte order on every engine");
            assert_eq!(types_of_all_tenants(tx).await?.len(), 2);
            assert!(type_delete(tx, made.id).await?);
            assert_eq!(type_by_id(tx, made.id).await?, None);
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn groups_know_their_members() {
    story("groups", |tx, tenant| {
        Box::pin(async move {
            let (one, other) = (device(tx, tenant, "one").await, device(tx, tenant, "other").await);
            let path = "eu/berlin".parse().unwrap();
            let group = group_insert(tx, tenant, &path, "capital", START).await?.unwrap();
            assert_eq!(group_insert(tx, tenant, &path, "", START).await?, None);
            assert_eq!(group_by_path(tx, tenant, &path).await?, Some(group.clone()));
            assert!(member_insert(tx, group.id, one.id).await?);
            assert!(!member_insert(tx, group.id, one.id).await?);
            assert!(member_insert(tx, group.id, other.id).await?);
            assert_eq!(members(tx, group.id).await?, BTreeSet::from([one.id, other.id]));
            assert_eq!(groups_of(tx, one.id).await?, BTreeSet::from([group.id]));
            assert_eq!(
                members_between(tx, one.id, other.id).await?,
                [(other.id, group.id)],
                "after is excluded"
            );
            assert!(member_delete(tx, group.id, other.id).await?);
            group_describe(tx, group.id, "new").await?;
            let all = groups(tx, tenant).await?;
            assert_eq!(all.len(), 1);
            assert_eq!((all[0].0.description.as_str(), all[0].1), ("new", 1));
            assert_eq!(groups_of_all_tenants(tx).await?.len(), 1);
            assert!(group_delete(tx, group.id).await?);
            assert!(groups_of(tx, one.id).await?.is_empty());
            assert_eq!(group_by_id(tx, group.id).await?, None);
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn events_of_one_minute_are_counted_not_repeated() {
    story("events", |tx, tenant| {
        Box::pin(async move {
            let made = device(tx, tenant, "d").await;
            let event = |kind: &str, detail: &str| NewEvent {
                tenant,
                device: made.id,
                kind: kind.to_owned(),
                severity: Severity::Warning,
                detail: detail.to_owned(),
            };
            event_record(tx, &event("a", "first"), START).await?;
            event_record(tx, &event("a", "second"), later(59)).await?;
            event_record(tx, &event("b", "other"), later(59)).await?;
            event_record(tx, &event("a", "next minute"), later(60)).await?;
            let found = events_of_device(tx, made.id, i64::MAX, 10).await?;
            let seen: Vec<_> = found.iter().map(|e| (e.kind.as_str(), e.detail.as_str(), e.count)).collect();
            assert_eq!(seen, [("a", "next minute", 1), ("b", "other", 1), ("a", "second", 2)]);
            assert_eq!((found[2].first_at, found[2].last_at), (START, later(59)));
            let page = events_of_tenant(tx, tenant, found[1].id, 10).await?;
            assert_eq!(page, found[2..]);
            assert_eq!(events_of_tenant(tx, tenant, i64::MAX, 1).await?, found[..1]);

            log_record(tx, &event("log", "one"), START).await?;
            log_record(tx, &event("log", "two"), later(1)).await?;
            for _ in 0..10 {
                log_record(tx, &event("log", &"x".repeat(1_000)), later(2)).await?;
            }
            let log = &events_of_device(tx, made.id, i64::MAX, 1).await?[0];
            assert!(log.detail.starts_with("one\ntwo\nxxx"), "{}", log.detail);
            assert_eq!((log.detail.chars().count(), log.count), (8 * 1024, 12));

            assert_eq!(events_expire(tx, later(60), 1).await?, 1);
            assert_eq!(events_expire(tx, later(60), 10).await?, 2);
            assert_eq!(events_of_device(tx, made.id, i64::MAX, 10).await?.len(), 1);
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn live_blocks_keys_and_answers_are_kept_and_dropped() {
    story("small-tables", |tx, tenant| {
        Box::pin(async move {
            let block = |node: &str, data: &[u8]| LiveBlock {
                node: node.to_owned(),
                block: 3,
                saved_at: START,
                data: data.to_vec(),
            };
            live_block_save(tx, &block("a", b"old")).await?;
            live_block_save(tx, &block("a", b"new")).await?;
            live_block_save(tx, &block("b", b"other")).await?;
            assert_eq!(live_blocks_delete_of(tx, "b").await?, 1);
            assert_eq!(live_blocks(tx).await?, [block("a", b"new")]);

            let first = secret_key_ensure(tx, "links", b"one", START).await?;
            assert_eq!(secret_key_ensure(tx, "links", b"two", START).await?, first);
            assert!(!format!("{first:?}").contains("111"), "the secret is not shown");
            let second = secret_key_add(tx, "links", b"two", later(1)).await?;
            secret_keys_retire(tx, "links", second.id, later(1)).await?;
            assert_eq!(secret_key_ensure(tx, "links", b"three", START).await?, second);
            let ids: Vec<_> = secret_keys(tx, "links").await?.into_iter().map(|key| key.id).collect();
            assert_eq!(ids, [second.id, first.id]);
            assert_eq!(secret_keys_drop(tx, "links", later(1)).await?, 0);
            assert_eq!(secret_keys_drop(tx, "links", later(2)).await?, 1);
            assert!(secret_keys(tx, "other").await?.is_empty());

            let request = Sha256::of(b"r");
            assert_eq!(key_claim(tx, tenant, "user a", "key", request, START).await?, None);
            let claim = Claim { request, at: START, answer: None };
            let asked = key_claim(tx, tenant, "user a", "key", Sha256::of(b"s"), later(1)).await?;
            assert_eq!(asked, Some(claim.clone()), "it is the first request's");
            let answer = GivenAnswer { status: 201, response: "{}".to_owned() };
            answer_keep(tx, tenant, "user a", "key", &answer).await?;
            let asked = key_claim(tx, tenant, "user a", "key", request, later(1)).await?;
            assert_eq!(asked, Some(Claim { answer: Some(answer), ..claim }));
            assert_eq!(key_claim(tx, tenant, "user b", "key", request, START).await?, None);
            key_release(tx, tenant, "user b", "key").await?;
            assert_eq!(key_claim(tx, tenant, "user b", "key", request, later(1)).await?, None, "given back");
            assert_eq!(answers_expire(tx, later(1)).await?, 1);
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn a_lease_has_one_holder_and_a_new_holder_a_new_epoch() {
    story("leases", |tx, _| {
        Box::pin(async move {
            let span = Duration::from_secs(10);
            let first = lease_take(tx, "sealer", "a", START, span).await?.unwrap();
            assert_eq!((first.epoch, first.until), (1, later(10)));
            assert_eq!(lease_take(tx, "sealer", "b", later(9), span).await?, None);
            let renewed = lease_take(tx, "sealer", "a", later(9), span).await?.unwrap();
            assert_eq!((renewed.epoch, renewed.until), (1, later(19)));
            let taken = lease_take(tx, "sealer", "b", later(19), span).await?.unwrap();
            assert_eq!((taken.owner.as_str(), taken.epoch), ("b", 2));
            assert!(!lease_holds(tx, &renewed).await? && lease_holds(tx, &taken).await?);
            assert!(!lease_release(tx, "sealer", "a", 1).await?, "who lost it cannot give it back");
            assert!(lease_release(tx, "sealer", "b", 2).await?);
            assert_eq!(lease_take(tx, "sealer", "a", later(19), span).await?.unwrap().epoch, 3);
            Ok(())
        })
    })
    .await;
}

async fn add(store: &Store, name: &str) -> Result<DeviceId, StoreError> {
    let name = name.to_owned();
    store
        .write(move |tx| {
            let name = name.clone();
            Box::pin(async move {
                let tenant = tenant_default(tx).await?.id;
                Ok(device(tx, tenant, &name).await.id)
            })
        })
        .await
}

#[tokio::test]
async fn the_change_feed_tells_every_commit_once_and_in_order() {
    on_each_engine("changes", |store: Store| async move {
        let start = store.latest_change().await.unwrap();
        let mut hint = store.committed();
        hint.mark_unchanged();
        let mut added = Vec::new();
        for number in 0..5 {
            added.push(add(&store, &format!("d{number}")).await.unwrap().get());
        }
        assert!(hint.has_changed().unwrap());
        let (mut after, mut before_last, mut seen) = (start, start, Vec::new());
        // On a server, a transaction of anybody that is still open holds the feed back: ask until all is there.
        while seen.len() < added.len() {
            let page = store.changes_after(after, 2).await.unwrap();
            for change in &page {
                (before_last, after) =
                    if change.seq > after { (after, change.seq) } else { (before_last, after) };
            }
            // So that the tenant, made when the store was opened, may come late.
            let devices = page.iter().filter(|change| change.kind == ChangeKind::Device);
            seen.extend(devices.map(|change| (change.kind, change.id)));
            tokio::task::yield_now().await;
        }
        let expected: Vec<_> = added.iter().map(|id| (ChangeKind::Device, *id)).collect();
        assert_eq!(seen, expected);
        assert!(store.latest_change().await.unwrap() >= after);
        assert!(store.changes_after(store.latest_change().await.unwrap(), 10).await.unwrap().is_empty());
        store.write::<_, StoreError, _>(|tx| Box::pin(crate::changes::trim(tx, 1))).await.unwrap();
        let missed = store.changes_after(start, 100).await.unwrap_err();
        assert_eq!(missed.kind(), StoreErrorKind::Missed, "who stands before what was dropped is told so");
        let left = store.changes_after(before_last, 100).await.unwrap();
        assert_eq!(left.iter().map(|change| change.id).collect::<Vec<_>>(), added[4..]);
        store.write::<_, StoreError, _>(|tx| Box::pin(crate::changes::trim(tx, 1))).await.unwrap();
        assert_eq!(store.changes_after(before_last, 100).await.unwrap(), left, "nothing more went");
    })
    .await;
}

#[tokio::test]
async fn where_another_cluster_dropped_its_change_feed_says_nothing_after_a_restore() {
    for test in crate::testing::stores("changes-restored").await {
        // As `pg_dump` carries it over: a number that this cluster's transactions have not reached.
        if test.engine == "postgres" {
            let sql = "INSERT INTO change_trimmed (one, position) VALUES (1, 4000000000000)";
            test.store
                .write::<_, StoreError, _>(move |tx| Box::pin(async move { execute!(tx, sql) }))
                .await
                .unwrap();
        }
        let start = test.store.latest_change().await.unwrap();
        test.store.changes_after(start, 10).await.unwrap();
        test.store.close().await;
        let again = Store::open(&test.location, START).await.unwrap();
        again.changes_after(again.latest_change().await.unwrap(), 10).await.unwrap();
        again
            .read::<_, StoreError, _>(|tx| {
                Box::pin(async move {
                    let left = crate::tx::fetch_all!(tx, (i64,), "SELECT position FROM change_trimmed")?;
                    assert!(left.is_empty(), "it is forgotten before it can mean anything");
                    Ok(())
                })
            })
            .await
            .unwrap();
        again.close().await;
    }
}

#[tokio::test]
async fn nothing_is_dropped_from_the_change_feed_that_nobody_could_read_yet() {
    for test in crate::testing::stores("changes-held").await {
        // An embedded store has nobody who could hold its feed back.
        let Location::Postgres { url } = &test.location else { continue };
        let store = &test.store;
        crate::testing::feed_is_whole(store).await.unwrap();
        let start = store.latest_change().await.unwrap();
        let mut holder = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql("BEGIN; SELECT pg_current_xact_id()").execute(&mut holder).await.unwrap();
        let mut added = Vec::new();
        for number in 0..3 {
            added.push(add(store, &format!("d{number}")).await.unwrap().get());
        }
        store.write::<_, StoreError, _>(|tx| Box::pin(crate::changes::trim(tx, 1))).await.unwrap();
        assert_eq!(store.changes_after(start, 10).await.unwrap(), [], "held back");
        sqlx::raw_sql("COMMIT").execute(&mut holder).await.unwrap();
        crate::testing::feed_is_whole(store).await.unwrap();
        let told = store.changes_after(start, 100).await.unwrap();
        let devices = told.iter().filter(|change| change.kind == ChangeKind::Device);
        assert_eq!(devices.map(|change| change.id).collect::<Vec<_>>(), added);
    }
}

#[tokio::test]
async fn the_change_feed_is_read_though_all_readers_are_busy() {
    on_each_engine("changes-busy", |store: Store| async move {
        let all = if matches!(store.engine(), crate::store::Engine::Sqlite(_)) { 4 } else { 16 };
        let (free, _) = tokio::sync::broadcast::channel::<()>(1);
        let busy = futures_util::future::join_all((0..20).map(|_| {
            let (store, free) = (store.clone(), free.clone());
            async move {
                let work = store.read::<_, StoreError, _>(move |_| {
                    let mut free = free.subscribe();
                    Box::pin(async move {
                        free.recv().await.unwrap();
                        Ok(())
                    })
                });
                drop(work.await);
            }
        }));
        let told = async {
            while free.receiver_count() < all {
                tokio::task::yield_now().await;
            }
            let start = store.latest_change().await.unwrap();
            store.changes_after(start, 10).await.unwrap();
        };
        tokio::select! {
            _ = busy => panic!("nobody freed them"),
            () = told => {}
        }
    })
    .await;
}

#[tokio::test]
async fn a_write_that_fails_leaves_no_change_behind() {
    on_each_engine("failed-change", |store: Store| async move {
        let start = store.latest_change().await.unwrap();
        let failed = store
            .write::<(), StoreError, _>(|tx| {
                Box::pin(async move {
                    let tenant = tenant_default(tx).await?.id;
                    device(tx, tenant, "d").await;
                    Err(StoreError::new(StoreErrorKind::Defect, "no"))
                })
            })
            .await;
        assert_eq!(failed.unwrap_err().to_string(), "no");
        assert!(store.changes_after(start, 10).await.unwrap().is_empty());
        add(&store, "d").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn writers_that_collide_are_all_carried_out() {
    on_each_engine("collide", |store: Store| async move {
        let id = add(&store, "d").await.unwrap();
        let writes = (0..12).map(|number| {
            store.write::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    let mut device = device_by_id(tx, id).await?.unwrap();
                    device.tags.insert(format!("t{number}").parse().unwrap());
                    assert!(device_save(tx, &mut device, START).await?);
                    Ok(())
                })
            })
        });
        for result in futures_util::future::join_all(writes).await {
            result.unwrap();
        }
        let found =
            store.read::<_, StoreError, _>(move |tx| Box::pin(device_by_id(tx, id))).await.unwrap().unwrap();
        assert_eq!((found.tags.len(), found.version), (12, 13));
    })
    .await;
}

#[tokio::test]
async fn two_that_ask_for_one_name_at_once_do_not_both_get_it() {
    on_each_engine("one-name", |store: Store| async move {
        let asks = (0..8).map(|_| {
            store.write::<_, StoreError, _>(|tx| {
                Box::pin(async move {
                    let tenant = tenant_default(tx).await?.id;
                    device_insert(tx, &NewDevice::named(tenant, "same".parse().unwrap()), START).await
                })
            })
        });
        let made = futures_util::future::join_all(asks).await;
        assert_eq!(made.into_iter().filter(|made| made.as_ref().unwrap().is_some()).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn work_that_panics_or_writes_while_reading_harms_nobody() {
    on_each_engine("harm", |store: Store| async move {
        let panicked = store
            .write::<(), StoreError, _>(|tx| {
                Box::pin(async move {
                    let tenant = tenant_default(tx).await?.id;
                    device(tx, tenant, "half").await;
                    panic!("in the middle")
                })
            })
            .await;
        assert_eq!(panicked.unwrap_err().kind(), StoreErrorKind::Defect);
        let refused = store
            .read::<_, StoreError, _>(|tx| {
                Box::pin(async move {
                    let tenant = tenant_default(tx).await?.id;
                    device_insert(tx, &NewDevice::named(tenant, "read".parse().unwrap()), START).await
                })
            })
            .await;
        assert!(refused.is_err());
        add(&store, "half").await.unwrap();
        add(&store, "read").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_store_opened_again_holds_what_was_acknowledged() {
    for test in crate::testing::stores("again").await {
        let id = add(&test.store, "d").await.unwrap();
        test.store.close().await;
        let again = Store::open(&test.location, START).await.unwrap();
        let found = again.read::<_, StoreError, _>(move |tx| Box::pin(device_by_id(tx, id))).await.unwrap();
        assert!(found.is_some(), "{}", test.engine);
        again.close().await;
        test.remove().await;
    }
}
