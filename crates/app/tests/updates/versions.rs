//! The distribution of versions: what devices say in the shadow and in the inventory, at the places of their types.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use windlass_app::clock::Clock;
use windlass_app::devices::DevicePatch;
use windlass_app::fleet::{Facet, ListRequest, parse_query};
use windlass_app::message::{Acknowledgement, Inbound, Peer};
use windlass_app::types::NewTypeSpec;
use windlass_domain::device_type::VersionSource;
use windlass_domain::permission::{Principal, Role};
use windlass_store::devices;

use crate::world::{START, World};

/// What a device publishes to its shadow, as ingest takes it.
async fn reports(world: &World, name: &str, reported: Value) {
    let inbound = Inbound {
        peer: Peer::Device(world.peer(name)),
        client_id: Arc::from(name),
        topic: format!("$aws/things/thing-{name}/shadow/update"),
        payload: Bytes::from(json!({ "state": { "reported": reported } }).to_string()),
        received_at: world.clock.now(),
        qos2_id: None,
        largest_reply: usize::MAX,
    };
    let outcome = world.app().handle(vec![inbound]).await.remove(0);
    assert_eq!(outcome.acknowledgement, Acknowledgement::Accepted);
    world.refresh().await;
}

/// How many devices run what, most frequent first.
fn distribution(world: &World) -> Vec<(String, u64)> {
    let request =
        ListRequest { facets: vec!["running".to_owned()], limit: Some(1), ..ListRequest::default() };
    let page = world.app().fleet.list(&world.by, &request, 10, world.app(), world.clock.now()).unwrap();
    page.facets["running"].iter().cloned().map(|Facet { value, count }| (value, count)).collect()
}

fn is_found(world: &World, query: &str) -> u64 {
    let query = parse_query("q", query).unwrap();
    world.app().fleet.select(world.tenant, &query, world.app(), world.clock.now()).devices.len()
}

fn pair(value: &str, count: u64) -> (String, u64) {
    (value.to_owned(), count)
}

#[tokio::test]
async fn versions_said_in_the_shadow_count_at_the_places_of_the_type_and_follow_what_is_said_next() {
    for mut world in World::each("versions").await {
        let places = vec![VersionSource::Reported("os.build".to_owned())];
        let own = world.device_type("camera", places).await;
        for name in ["a", "b"] {
            world.device(name, None).await;
        }
        world.device("c", Some(own)).await;
        world.refresh().await;
        reports(&world, "a", json!({ "firmware": { "version": "1.0" }, "temperature": 4 })).await;
        reports(&world, "b", json!({ "components": { "firmware": "1.0", "modem": "7" } })).await;
        reports(&world, "c", json!({ "firmware": { "version": "1.0" }, "os": { "build": 11 } })).await;
        let all = [pair("firmware 1.0", 2), pair("build 11", 1), pair("modem 7", 1)];
        assert_eq!(distribution(&world), all, "a place of another type is none");
        assert_eq!(is_found(&world, "running==\"firmware 1.0\""), 2);
        reports(&world, "a", json!({ "temperature": 5 })).await;
        assert_eq!(distribution(&world), all, "what says nothing of versions changes none");
        reports(&world, "a", json!({ "firmware": { "version": "2.0" } })).await;
        reports(&world, "b", json!({ "components": null })).await;
        let all = [pair("build 11", 1), pair("firmware 2.0", 1)];
        assert_eq!(distribution(&world), all);
        world.restart().await;
        assert_eq!(distribution(&world), all, "and a server that starts again knows them");
    }
}

#[tokio::test]
async fn names_with_spaces_are_found_as_they_are_written_and_told_from_their_versions() {
    for mut world in World::each("versions-called").await {
        world.device("a", None).await;
        world.refresh().await;
        reports(&world, "a", json!({ "components": { "Firmware for Pump 펌웨어": "1.0 beta" } })).await;
        let told = pair("Firmware\u{a0}for\u{a0}Pump\u{a0}펌웨어 1.0 beta", 1);
        assert_eq!(distribution(&world), std::slice::from_ref(&told));
        for query in ["Firmware for Pump 펌웨어 1.0 beta", "firmware for pump*", &told.0] {
            assert_eq!(is_found(&world, &format!("running=='{query}'")), 1, "{query}");
        }
        assert_eq!(is_found(&world, "running=='Firmware for Pump 1.0'"), 0);
        reports(&world, "a", json!({ "components": { "Firmware for Pump 펌웨어": "1.0" } })).await;
        assert_eq!(is_found(&world, "running=='*1.0 beta'"), 0);
    }
}

#[tokio::test]
async fn versions_of_components_in_the_inventory_count_and_a_type_that_changes_has_them_read_again() {
    for mut world in World::each("versions-inventory").await {
        let places = vec![VersionSource::Inventory("fw.{component}".to_owned())];
        let board = world.device_type("board", places).await;
        let id = world.device("a", Some(board)).await;
        world
            .write(move |tx| {
                Box::pin(async move {
                    let mut device = devices::device_by_id(tx, id).await?.unwrap();
                    for (key, value) in [("fw.app", "7"), ("fw.os", "12"), ("version", "9")] {
                        device.inventory.insert(key.parse().unwrap(), value.to_owned());
                    }
                    assert!(devices::device_save(tx, &mut device, START).await?);
                    Ok(())
                })
            })
            .await;
        read(&world).await;
        assert_eq!(distribution(&world), [pair("app 7", 1), pair("os 12", 1)], "as after an upgrade");
        let admin = Principal::user(world.tenant, "root", Role::Admin);
        let sources = vec![VersionSource::Inventory("version".to_owned())];
        let spec = NewTypeSpec { version_sources: Some(sources), ..NewTypeSpec::default() };
        world.app().type_put(&admin, &"board".parse().unwrap(), spec, None).await.unwrap();
        read(&world).await;
        assert_eq!(distribution(&world), [pair("version 9", 1)]);
        assert_eq!(is_found(&world, "running==\"app 7\""), 0);
        let none = DevicePatch { device_type: Some(None), ..DevicePatch::default() };
        world.app().device_patch(&admin, &"a".parse().unwrap(), none, None).await.unwrap();
        read(&world).await;
        assert_eq!(distribution(&world), [], "nothing is said at the places of a device without a type");
        assert!(!world.app().versions_activate().await.unwrap(), "it comes to rest");
    }
}

/// As housekeeping does from time to time.
async fn read(world: &World) {
    while world.app().versions_activate().await.unwrap() {}
    world.refresh().await;
}

#[tokio::test]
async fn a_shadow_that_is_deleted_shows_no_versions() {
    let mut world = World::new().await;
    world.device("a", None).await;
    world.refresh().await;
    reports(&world, "a", json!({ "firmware": { "version": "1.0" } })).await;
    assert_eq!(distribution(&world), [pair("firmware 1.0", 1)]);
    reports(&world, "a", Value::Null).await;
    assert_eq!(distribution(&world), [], "it took back what it reported");
    reports(&world, "a", json!({ "firmware": { "version": "1.0" } })).await;
    assert_eq!(distribution(&world), [pair("firmware 1.0", 1)]);
    world.app().shadow_delete(&world.by, &"a".parse().unwrap(), None, None).await.unwrap();
    world.refresh().await;
    assert_eq!(distribution(&world), []);
}
