//! Rights and bounds while devices are connected: what changes elsewhere holds here, and nobody has more than a share.
//! Real sockets, real TLS, the real application.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[expect(dead_code, reason = "shared with the MQTT tests, which use the rest")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use rustls::HandshakeKind;
use support::{Client, Connect, World, eventually, packet, publish, subscribe};
use windlass_app::clock::{Clock, FixedClock, SystemClock};
use windlass_app::devices::{DevicePatch, LifecycleChange};
use windlass_app::types::NewTypeSpec;
use windlass_domain::credential::CredentialStatus;
use windlass_domain::device::Presence;
use windlass_domain::device_type::{TopicMapping, TopicTarget};
use windlass_domain::ids::DeviceName;
use windlass_domain::limits::Limits;
use windlass_store::{StoreError, credentials};

const TELEMETRY: &str = "devices/pump/telemetry";

fn pump_name() -> DeviceName {
    "pump".parse().unwrap()
}

/// Publishes the same message until it gets this answer.
async fn until(client: &mut Client, topic: &str, answer: &[u8]) {
    for _ in 0..2_000 {
        client.send(&publish(true, 1, 1, topic, br#"{"t":21.5}"#)).await;
        let (header, body) = client.next().await.unwrap();
        assert_eq!(header, 0x40);
        if body == answer {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{topic} is never answered with {answer:02x?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_device_stays_out_with_a_resumed_session() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let world = World::start().await;
        let pump = world.device("pump").await;
        let config = world.trust(Some(&pump), &[version]);
        let mut client = world.open(&config).await;
        client.send(&Connect::default().bytes()).await;
        assert_eq!(client.next().await.unwrap().1[1], 0);
        world.app.device_lifecycle(&world.by, &pump_name(), LifecycleChange::Suspend, None).await.unwrap();
        client.expect_end(Some(0x87)).await;
        let mut resumed = world.open(&config).await;
        assert_eq!(resumed.io.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed), "{version:?}");
        resumed.send(&Connect::default().bytes()).await;
        let (header, body) = resumed.next().await.unwrap();
        assert_eq!((header, body[1]), (0x20, 0x87), "{version:?}");
        assert!(String::from_utf8_lossy(&body).contains("suspended"));
        resumed.expect_end(None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_another_node_revoked_loses_its_connection_here() {
    let world = World::start().await;
    let (pump, other) = (world.device("pump").await, world.device("other").await);
    let (mut client, _) = world.enter(&pump, &Connect::default()).await;
    let (mut untouched, _) = world.enter(&other, &Connect::default()).await;
    let (credential, now) = (pump.credential, world.app.clock.now());
    // What another node does: this one's use cases never hear of it.
    world
        .app
        .store
        .write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                credentials::end(tx, credential, CredentialStatus::Revoked, "lost", now).await.map(drop)
            })
        })
        .await
        .unwrap();
    client.expect_end(Some(0x87)).await;
    untouched.send(&packet(0xc0, &[])).await;
    untouched.expect(0xd0, &[]).await;
}

#[tokio::test]
async fn a_node_that_cannot_follow_the_change_feed_lets_nobody_in() {
    let world = World::deaf(Limits::default(), Arc::new(SystemClock::default())).await;
    let pump = world.device("pump").await;
    world.app.fleet.catch_up(&world.app.store).await.unwrap();
    let (mut before, _) = world.enter(&pump, &Connect::default()).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    tokio::time::resume();
    let mut client = world.client(&pump).await;
    client.send(&Connect { client_id: "late", ..Connect::default() }.bytes()).await;
    let (header, body) = client.next().await.unwrap();
    assert_eq!((header, body[1]), (0x20, 0x88));
    client.expect_end(None).await;
    let mut application = world.open(&world.trust(None, rustls::ALL_VERSIONS)).await;
    application.send(&Connect { password: Some("wl_x"), ..Connect::default() }.bytes()).await;
    assert_eq!(application.next().await.unwrap().1[1], 0x88);
    let mut https = world.client(&pump).await;
    https.send(b"GET /things/pump/shadow HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut answer = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut https.io, &mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");
    before.send(&publish(true, 1, 1, TELEMETRY, br#"{"t":1}"#)).await;
    before.expect(0x40, &[0, 1]).await;
    world.app.fleet.catch_up(&world.app.store).await.unwrap();
    world.enter(&pump, &Connect { client_id: "late", ..Connect::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_mapped_while_the_device_is_connected_works_without_a_reconnect() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let (mut client, _) = world.enter(&pump, &Connect::default()).await;
    client.send(&publish(true, 1, 1, "dt/pump", br#"{"t":21.5}"#)).await;
    client.expect(0x40, &[0, 1, 0x87]).await;
    let row = TopicMapping { filter: "dt/{name}".to_owned(), target: TopicTarget::Telemetry };
    let mapped = NewTypeSpec { topic_map: vec![row], ..NewTypeSpec::default() };
    world.app.type_create(&world.by, "pumps", mapped).await.unwrap();
    let patch = DevicePatch { device_type: Some(Some("pumps".to_owned())), ..DevicePatch::default() };
    world.app.device_patch(&world.by, &pump_name(), patch, None).await.unwrap();
    until(&mut client, "dt/pump", &[0, 1]).await;
    let values = world.app.telemetry_latest(&world.by, &pump_name()).await.unwrap();
    assert_eq!(values[0].metric.as_str(), "t");
    // And the other way round: the type forgets the row.
    world.app.type_put(&world.by, &"pumps".parse().unwrap(), NewTypeSpec::default(), None).await.unwrap();
    until(&mut client, "dt/pump", &[0, 1, 0x87]).await;
}

#[tokio::test]
async fn a_device_that_sends_too_much_is_slowed_down_and_then_cut_off_with_an_event() {
    let limits = Limits { messages_per_second: 1, message_burst: 100, ..Limits::default() };
    let world = World::with(limits).await;
    let pump = world.device("pump").await;
    let (mut client, _) = world.enter(&pump, &Connect::default()).await;
    let burst: Vec<u8> = (0..250).flat_map(|_| publish(true, 0, 0, TELEMETRY, br#"{"t":1}"#)).collect();
    client.send(&burst).await;
    let metrics = world.gateway.metrics();
    eventually("a slowed device", || (metrics.throttled.get() == 1).then_some(())).await;
    assert!(metrics.messages_in[0].get() < 250, "the rest waits");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    client.expect_end(Some(0x96)).await;
    let name = pump_name();
    for _ in 0..2_000 {
        let events = world.app.device_events(&world.by, &name, None, 100).await.unwrap();
        if events.items.iter().any(|view| view.event.kind == "disconnected.rateExceeded") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no event tells of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_has_a_rate_of_messages_on_each_of_its_connections() {
    let limits = Limits { messages_per_second: 1, message_burst: 5, ..Limits::default() };
    let world = World::with(limits).await;
    let line = world.claim("line-1").await;
    let (mut first, _) = world.enter(&line, &Connect::default()).await;
    let (mut second, _) = world.enter(&line, &Connect { client_id: "second", ..Connect::default() }).await;
    const CREATE: &str = "$aws/certificates/create-from-csr/json";
    let burst: Vec<u8> = (1..=30).flat_map(|id| publish(true, 1, id, CREATE, b"nonsense")).collect();
    first.send(&burst).await;
    let metrics = world.gateway.metrics();
    eventually("a slowed claim", || (metrics.throttled.get() == 1).then_some(())).await;
    second.send(&publish(true, 1, 1, CREATE, b"nonsense")).await;
    let (header, _) = second.next().await.unwrap();
    assert_eq!(header & 0xf0, 0x30, "the other connection gets its reply");
    second.expect(0x40, &[0, 1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_keeps_so_many_sessions_and_the_oldest_go() {
    let world = World::with(Limits { sessions_per_device: 3, ..Limits::default() }).await;
    let pump = world.device("pump").await;
    let ids: Vec<String> = (0..6).map(|index| format!("client-{index}")).collect();
    let kept = |id| Connect { client_id: id, clean: false, expiry: 600, ..Connect::default() };
    for id in &ids {
        let (mut client, _) = world.enter(&pump, &kept(id)).await;
        client.send(&packet(0xe0, &[])).await;
        client.expect_end(None).await;
    }
    for (id, stays) in [(&ids[5], true), (&ids[0], false)] {
        let (_client, present) = world.enter(&pump, &kept(id)).await;
        assert_eq!(present, stays, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_eleventh_shadow_request_in_flight_is_refused_with_429() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let (mut client, _) = world.enter(&pump, &Connect::default()).await;
    client.send(&subscribe(true, 1, "$aws/things/pump/shadow/get/rejected", 0)).await;
    client.expect(0x90, &[0, 1, 0, 0]).await;
    let burst: Vec<u8> = (1..=32)
        .flat_map(|id| publish(true, 1, id, "$aws/things/pump/shadow/get", br#"{"clientToken":"t-1"}"#))
        .collect();
    client.send(&burst).await;
    let (mut acknowledged, mut codes) = (Vec::new(), Vec::new());
    while acknowledged.len() < 32 {
        let (header, body) = client.next().await.unwrap();
        if header == 0x40 {
            acknowledged.push(body[1]);
        } else {
            let text = String::from_utf8_lossy(&body).into_owned();
            assert!(text.contains(r#""clientToken":"t-1""#), "{text}");
            codes.push(if text.contains(r#""code":429"#) { 429 } else { 404 });
        }
    }
    assert_eq!(acknowledged, (1..=32).collect::<Vec<u8>>());
    assert_eq!(codes.len(), 32);
    assert!(codes.iter().filter(|code| **code == 404).count() >= 10, "{codes:?}");
    assert!(codes.contains(&429), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_telemetry_without_an_acknowledgement_and_nothing_else() {
    let world = World::with(Limits { free_disk_bytes: u64::MAX, ..Limits::default() }).await;
    let pump = world.device("pump").await;
    let (mut client, _) = world.enter(&pump, &Connect::default()).await;
    client.send(&publish(true, 0, 0, TELEMETRY, br#"{"t":1}"#)).await;
    client
        .send(&publish(true, 1, 1, "$aws/things/pump/shadow/update", br#"{"state":{"reported":{"a":1}}}"#))
        .await;
    client.expect(0x40, &[0, 1]).await;
    client.send(&publish(true, 1, 2, TELEMETRY, br#"{"t":2}"#)).await;
    client.expect_end(Some(0x89)).await;
    assert!(world.app.telemetry_latest(&world.by, &pump_name()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_clock_goes_backwards_devices_stay_and_are_acknowledged() {
    let start = SystemClock::default().now();
    let clock = Arc::new(FixedClock::new(start));
    let world = World::deaf(Limits::default(), Arc::<FixedClock>::clone(&clock)).await;
    let pump = world.device("pump").await;
    let (mut client, _) = world.enter(&pump, &Connect::default()).await;
    let view = || world.app.device_get(&world.by, &pump_name()).unwrap();
    for (id, back) in [(1, 0), (2, 3_600), (3, 7_200)] {
        clock.set(start.minus(Duration::from_secs(back)));
        client.send(&publish(true, 1, id, TELEMETRY, br#"{"t":1}"#)).await;
        client.expect(0x40, &[0, u8::try_from(id).unwrap()]).await;
        assert_eq!(view().presence, Presence::Connected);
        assert!(view().last_contact_at.unwrap() >= start, "the last contact does not move back");
    }
    // Whoever connects now is let in, and its session and events are written.
    let (mut second, _) = world.enter(&pump, &Connect { client_id: "second", ..Connect::default() }).await;
    second.send(&publish(true, 1, 4, TELEMETRY, br#"{"t":2}"#)).await;
    second.expect(0x40, &[0, 4]).await;
    let name = pump_name();
    let (from, to) = (start.minus(Duration::from_secs(86_400)), start.plus(Duration::from_secs(86_400)));
    let raw = windlass_app::telemetry::Resolution::Raw { limit: 10, newest_first: false };
    let series = world.app.telemetry_query(&world.by, &name, &"t".parse().unwrap(), from, to, raw).await;
    let windlass_app::telemetry::Series::Raw { points, .. } = series.unwrap() else { panic!("points") };
    assert_eq!(points.len(), 3, "each time has its own point, and equal times are one: {points:?}");
}
