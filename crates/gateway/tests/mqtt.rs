//! MQTT over real sockets and real TLS, against the real application on a temporary store.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[expect(dead_code, reason = "shared with the other tests, which use the rest")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use rustls::HandshakeKind;
use support::{Connect, World, packet, publish, subscribe};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use windlass_domain::limits::Limits;

const TELEMETRY: &str = "devices/pump/telemetry";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telemetry_is_acknowledged_in_both_versions_and_every_quality_of_service() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    for v5 in [false, true] {
        let (mut client, _) = world.enter(&pump, &Connect { v5, ..Connect::default() }).await;
        client.send(&publish(v5, 0, 0, TELEMETRY, br#"{"t":1}"#)).await;
        client.send(&publish(v5, 1, 7, TELEMETRY, br#"{"t":2}"#)).await;
        client.expect(0x40, &[0, 7]).await;
        client.send(&publish(v5, 2, 8, TELEMETRY, br#"{"t":3}"#)).await;
        client.expect(0x50, &[0, 8]).await;
        client.send(&packet(0x62, &[0, 8])).await;
        client.expect(0x70, &[0, 8]).await;
        client.send(&packet(0xc0, &[])).await;
        client.expect(0xd0, &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledgements_are_pipelined_and_in_order() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let (mut client, _) = world.enter(&pump, &Connect::default()).await;
    let mut burst = Vec::new();
    for id in 1..=30 {
        let topic = if id % 10 == 0 { "devices/other/telemetry" } else { TELEMETRY };
        burst.extend(publish(true, 1, id, topic, br#"{"t":1}"#));
    }
    client.send(&burst).await;
    for id in 1..=30_u8 {
        let expected: &[u8] = if id % 10 == 0 { &[0, id, 0x87] } else { &[0, id] };
        client.expect(0x40, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_cannot_use_anothers_topics() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    world.device("other").await;
    let (mut client, _) = world.enter(&pump, &Connect::default()).await;
    for topic in [
        "devices/other/telemetry",
        "$aws/things/other/shadow/update",
        "$aws/things/pump/shadow/update/accepted",
        "$aws/certificates/create/json",
        "unmapped",
    ] {
        client.send(&publish(true, 1, 1, topic, b"{}")).await;
        client.expect(0x40, &[0, 1, 0x87]).await;
    }
    for filter in ["#", "$aws/things/+/shadow/update/delta", "devices/other/telemetry"] {
        client.send(&subscribe(true, 2, filter, 1)).await;
        client.expect(0x90, &[0, 2, 0, 0x87]).await;
    }
    let (mut old, _) =
        world.enter(&pump, &Connect { v5: false, client_id: "old", ..Connect::default() }).await;
    old.send(&publish(false, 1, 1, "devices/other/telemetry", b"{}")).await;
    old.expect_end(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_request_is_answered_before_it_is_acknowledged() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let (mut client, _) = world.enter(&pump, &Connect::default()).await;
    client.send(&subscribe(true, 1, "$aws/things/pump/shadow/get/+", 1)).await;
    client.expect(0x90, &[0, 1, 0, 1]).await;
    client.send(&publish(true, 1, 2, "$aws/things/pump/shadow/get", b"")).await;
    let (id, body) = client.message(true, "$aws/things/pump/shadow/get/rejected").await;
    assert_eq!(id, Some(1));
    assert!(String::from_utf8_lossy(&body).contains("404"));
    client.expect(0x40, &[0, 2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_payload_is_told_in_5_and_acknowledged_in_3_1_1() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    for (v5, answer) in [(true, &[0, 1, 0x99][..]), (false, &[0, 1][..])] {
        let (mut client, _) = world.enter(&pump, &Connect { v5, ..Connect::default() }).await;
        client.send(&publish(v5, 1, 1, TELEMETRY, b"not json")).await;
        client.expect(0x40, answer).await;
    }
    assert_eq!(world.gateway.metrics().rejected_payloads.get(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_qos_2_publish_is_stored_once_across_a_reconnect() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    for v5 in [false, true] {
        let before = world.gateway.metrics().messages_in[2].get();
        let kept = Connect {
            v5,
            client_id: if v5 { "new" } else { "old" },
            clean: false,
            expiry: 600,
            ..Connect::default()
        };
        let (mut client, present) = world.enter(&pump, &kept).await;
        assert!(!present);
        client.send(&publish(v5, 2, 5, TELEMETRY, br#"{"t":1}"#)).await;
        client.expect(0x50, &[0, 5]).await;
        drop(client);
        let (mut client, present) = world.enter(&pump, &kept).await;
        assert!(present);
        let mut again = publish(v5, 2, 5, TELEMETRY, br#"{"t":1}"#);
        again[0] |= 0b1000;
        client.send(&again).await;
        client.expect(0x50, &[0, 5]).await;
        client.send(&packet(0x62, &[0, 5])).await;
        client.expect(0x70, &[0, 5]).await;
        assert_eq!(world.gateway.metrics().messages_in[2].get(), before + 1);
        drop(client);
        // The id is free again, also for whoever reads the session next.
        let (mut client, _) = world.enter(&pump, &kept).await;
        client.send(&publish(v5, 2, 5, TELEMETRY, br#"{"t":2}"#)).await;
        client.expect(0x50, &[0, 5]).await;
        assert_eq!(world.gateway.metrics().messages_in[2].get(), before + 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_outlive_the_gateway_and_it_says_goodbye() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let kept = Connect { clean: false, expiry: 600, ..Connect::default() };
    let (mut client, _) = world.enter(&pump, &kept).await;
    client.send(&subscribe(true, 1, "$aws/things/pump/shadow/get/+", 1)).await;
    client.expect(0x90, &[0, 1, 0, 1]).await;
    let (world, ()) = tokio::join!(world.restart(), client.expect_end(Some(0x8b)));
    let (mut client, present) = world.enter(&pump, &kept).await;
    assert!(present);
    client.send(&publish(true, 1, 2, "$aws/things/pump/shadow/get", b"")).await;
    client.message(true, "$aws/things/pump/shadow/get/rejected").await;
    client.expect(0x40, &[0, 2]).await;
    drop(client);
    let (_, present) = world.enter(&pump, &Connect::default()).await;
    assert!(!present, "a clean start forgets it");
    let (_, present) = world.enter(&pump, &kept).await;
    assert!(!present);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_may_say_at_the_end_how_long_its_session_is_kept() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let kept = Connect { clean: false, expiry: 600, ..Connect::default() };
    for (seconds, stays) in [(60, true), (0, false)] {
        let (mut client, _) = world.enter(&pump, &kept).await;
        client.send(&packet(0xe0, &[0, 5, 0x11, 0, 0, 0, seconds])).await;
        assert_eq!(client.next().await, None);
        let (_, present) = world.enter(&pump, &kept).await;
        assert_eq!(present, stays);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_client_id_takes_over_within_one_device_only() {
    let world = World::start().await;
    let (pump, other) = (world.device("pump").await, world.device("other").await);
    let (mut first, _) = world.enter(&pump, &Connect::default()).await;
    let (mut stranger, _) = world.enter(&other, &Connect::default()).await;
    let (_second, _) = world.enter(&pump, &Connect::default()).await;
    first.expect_end(Some(0x8e)).await;
    stranger.send(&packet(0xc0, &[])).await;
    stranger.expect(0xd0, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_certificate_loses_its_connection_and_stays_out_with_a_resumed_session() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let world = World::start().await;
        let pump = world.device("pump").await;
        let config = world.trust(Some(&pump), &[version]);
        let mut client = world.open(&config).await;
        client.send(&Connect::default().bytes()).await;
        assert_eq!(client.next().await.unwrap().1[1], 0);
        // A resumed session is as good as a new one while the certificate is.
        let mut again = world.open(&config).await;
        assert_eq!(again.io.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
        again.send(&Connect { client_id: "again", ..Connect::default() }.bytes()).await;
        assert_eq!(again.next().await.unwrap().1[1], 0);
        world.app.credential_revoke(&world.by, pump.credential, "lost").await.unwrap();
        client.expect_end(Some(0x87)).await;
        again.expect_end(Some(0x87)).await;
        let mut resumed = world.open(&config).await;
        assert_eq!(resumed.io.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
        resumed.send(&Connect::default().bytes()).await;
        let (header, body) = resumed.next().await.unwrap();
        assert_eq!((header, body[1]), (0x20, 0x87), "{version:?}");
        assert!(String::from_utf8_lossy(&body).contains("revoked"), "CONNACK says why");
        resumed.expect_end(None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_good_credential_is_told_why() {
    let world = World::start().await;
    let stranger = rcgen::generate_simple_self_signed(vec!["pump".to_owned()]).unwrap();
    let stranger = support::Identity {
        credential: windlass_domain::ids::CredentialId::new(1),
        chain: vec![stranger.cert.into()],
        key: rustls::pki_types::PrivateKeyDer::try_from(stranger.signing_key.serialize_der()).unwrap(),
    };
    let bad_token = Connect { password: Some("wl_wrong"), ..Connect::default() };
    for (identity, connect, code) in [
        (Some(&stranger), Connect::default(), 0x87),
        (None, Connect::default(), 0x87),
        (None, bad_token, 0x86),
    ] {
        let mut client = world.open(&world.trust(identity, rustls::ALL_VERSIONS)).await;
        client.send(&connect.bytes()).await;
        let (header, body) = client.next().await.unwrap();
        assert_eq!((header, body[1]), (0x20, code));
        client.expect_end(None).await;
    }
    assert_eq!(world.gateway.metrics().refused.credential.get(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_user_name_of_a_device_is_no_login() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    world.enter(&pump, &Connect { password: Some("nonsense"), ..Connect::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_harms_nobody_else() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let (mut honest, _) = world.enter(&pump, &Connect::default()).await;
    // Not TLS; a record that is too long; a handshake that breaks off.
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0; 600],
        &[22, 3, 1, 255, 255, 0],
        &[22, 3, 1, 0, 5, 1, 2, 3, 4, 5],
    ] {
        let mut stream = world.tcp().await;
        stream.write_all(garbage).await.unwrap();
        let mut answer = [0; 64];
        // Closed, perhaps after a TLS alert.
        while !matches!(stream.read(&mut answer).await, Ok(0) | Err(_)) {}
    }
    // TLS, but then no MQTT, or MQTT that may not come.
    for garbage in [
        vec![0x30, 0],
        vec![0x10, 0xff, 0xff, 0xff, 0xff],
        vec![0x10, 0xff, 0xff, 0x03],
        packet(0x10, b"\0\x04MQTT\x05\xff"),
        packet(0x10, &[0; 20]),
        b"\0\0\0\0".to_vec(),
    ] {
        let mut client = world.client(&pump).await;
        client.send(&garbage).await;
        client.expect_end(None).await;
    }
    let mut client = world.client(&pump).await;
    client.send(&packet(0x10, b"\0\x06MQIsdp\x03\x02\0\x3c\0\x01a")).await;
    client.expect_end(None).await;
    honest.send(&packet(0xc0, &[])).await;
    honest.expect(0xd0, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_protocol_version_is_told_so() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let mut client = world.client(&pump).await;
    client.send(&packet(0x10, b"\0\x04MQTT\x03\x02\0\x3c\0\x01a")).await;
    client.expect(0x20, &[0, 1]).await;
    client.expect_end(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_over_the_limit_are_refused_by_their_announced_length() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let (mut client, _) = world.enter(&pump, &Connect::default()).await;
    let largest = Limits::default().packet;
    let payload = vec![b' '; largest - 100];
    client.send(&publish(true, 1, 1, TELEMETRY, &payload)).await;
    client.expect(0x40, &[0, 1, 0x99]).await;
    // The first bytes of a packet of 256 MiB.
    client.send(&[0x30, 0xff, 0xff, 0xff, 0x7f]).await;
    client.expect_end(Some(0x95)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_handshakes_are_cut_off_and_do_not_keep_others_out() {
    let limits = Limits { handshake: Duration::from_secs(3), handshakes_in_flight: 2, ..Limits::default() };
    let world = World::with(limits).await;
    let pump = world.device("pump").await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(world.tcp().await);
        let mut dribbling = world.tcp().await;
        dribbling.write_all(&[22, 3, 1]).await.unwrap();
        silent.push(dribbling);
    }
    // TLS that never says CONNECT takes the few places for work, but not for long.
    let config = world.trust(Some(&pump), rustls::ALL_VERSIONS);
    let (_one, _two) = (world.tls(&config).await, world.tls(&config).await);
    world.enter(&pump, &Connect::default()).await;
    for mut stream in silent {
        assert!(matches!(stream.read(&mut [0; 8]).await, Ok(0) | Err(_)));
    }
    // A socket is closed just before its refusal is counted.
    let counted = async {
        while world.gateway.metrics().refused.slow.get() < 100 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), counted).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_beyond_one_and_a_half_keep_alives_ends_the_connection() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let (mut client, _) = world.enter(&pump, &Connect { keep_alive: 1, ..Connect::default() }).await;
    client.expect_end(Some(0x8d)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_will_is_judged_at_connect_and_published_when_the_client_is_lost() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let mut client = world.client(&pump).await;
    client.send(&Connect { will: Some(("devices/other/events", "{}")), ..Connect::default() }.bytes()).await;
    assert_eq!(client.next().await.unwrap().1[1], 0x87);
    let batches = || world.gateway.metrics().ingest_batches.get();
    let will = Some((TELEMETRY, r#"{"lost":true}"#));
    let (mut polite, _) = world.enter(&pump, &Connect { will, ..Connect::default() }).await;
    polite.send(&packet(0xe0, &[])).await;
    polite.expect_end(None).await;
    assert_eq!(batches(), 0, "a goodbye drops the will");
    let (lost, _) = world.enter(&pump, &Connect { will, ..Connect::default() }).await;
    drop(lost);
    let (mut rude, _) = world.enter(&pump, &Connect { will, client_id: "rude", ..Connect::default() }).await;
    rude.send(&packet(0xe0, &[4])).await;
    rude.expect_end(None).await;
    tokio::time::timeout(Duration::from_secs(30), async {
        while batches() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ninth_connection_of_a_device_ends_its_oldest() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let ids: Vec<String> = (0..9).map(|index| format!("client-{index}")).collect();
    let mut clients = Vec::new();
    for id in &ids {
        clients.push(world.enter(&pump, &Connect { client_id: id, ..Connect::default() }).await.0);
    }
    clients[0].expect_end(Some(0x97)).await;
    for client in &mut clients[1..] {
        client.send(&packet(0xc0, &[])).await;
        client.expect(0xd0, &[]).await;
    }
    assert_eq!(world.gateway.metrics().connections.get(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_come_with_the_end_of_the_handshake_are_not_lost() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let config = world.trust(Some(&pump), &[&rustls::version::TLS13]);
    // CONNECT and a PUBLISH are in the connection's buffers before the handshake is driven at all.
    let name = "localhost".try_into().unwrap();
    let mut connection = rustls::ClientConnection::new(Arc::clone(&config), name).unwrap();
    let mut early = Connect::default().bytes();
    early.extend(publish(true, 1, 9, TELEMETRY, br#"{"t":1}"#));
    std::io::Write::write_all(&mut connection.writer(), &early).unwrap();
    let stream = world.tcp().await.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    let answers = tokio::task::spawn_blocking(move || {
        let mut stream = rustls::StreamOwned::new(connection, stream);
        let mut answers = Vec::new();
        let mut chunk = [0; 512];
        while !answers.ends_with(&[0x40, 2, 0, 9]) {
            let many = std::io::Read::read(&mut stream, &mut chunk).unwrap();
            assert!(many > 0);
            answers.extend(&chunk[..many]);
        }
        answers
    });
    assert_eq!(answers.await.unwrap()[0], 0x20);
}
