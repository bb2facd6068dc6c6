//! Whoever is refused on the device port leaves a trace that says why: real sockets, real TLS, the real application.
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

use rustls::ClientConfig;
use support::{Connect, Identity, World, publish, subscribe};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use windlass_app::devices::LifecycleChange;
use windlass_app::refusals::Stage;
use windlass_domain::ids::{CredentialId, DeviceName};
use windlass_domain::limits::Limits;

fn self_signed(common_name: &str) -> Identity {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Identity {
        credential: CredentialId::new(0),
        chain: vec![certificate.into()],
        key: rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    }
}

/// Sends bytes to the device port and waits for its end.
async fn shout(world: &World, bytes: &[u8]) {
    let mut stream = world.tcp().await;
    stream.write_all(bytes).await.unwrap();
    while !matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_)) {}
}

/// A ClientHello that offers TLS 1.0 and one suite of its time.
fn old_hello() -> Vec<u8> {
    let mut hello = vec![3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let mut message = vec![1, 0, 0, u8::try_from(hello.len()).unwrap()];
    message.extend(hello);
    let mut record = vec![22, 3, 1, 0, u8::try_from(message.len()).unwrap()];
    record.extend(message);
    record
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_before_the_end_of_the_handshake_is_told_apart() {
    let world = World::start().await;
    for (bytes, code) in [
        (Connect::default().bytes(), "tls.plainMqtt"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "tls.plainHttp"),
        (vec![0; 64], "tls.notTls"),
        (old_hello(), "tls.nothingInCommon"),
        (vec![22, 3, 1, 0, 5, 1, 2, 3, 4, 5], "tls.badHandshake"),
    ] {
        shout(&world, &bytes).await;
        let refusal = world.refused(|refusal| refusal.code == code).await;
        assert_eq!((refusal.stage, refusal.count), (Stage::Tls, 1), "{refusal:?}");
        assert_eq!(refusal.address.to_string(), "127.0.0.1");
        assert!(!refusal.explained.action.is_empty() && refusal.device.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_trust_the_server_is_told_apart_in_both_versions() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let world = World::start().await;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let refused = TlsConnector::from(Arc::new(config)).connect(name, world.tcp().await).await;
        assert!(refused.is_err());
        let refusal = world.refused(|refusal| refusal.code == "tls.serverNotTrusted").await;
        assert_eq!(refusal.claimed.server_name.as_deref(), Some("localhost"), "{version:?}");
        assert!(refusal.explained.action.contains(&world.app.authority.root_fingerprint()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_told_with_how_far_the_peer_came() {
    let world = World::with(Limits { handshake: Duration::from_secs(1), ..Limits::default() }).await;
    let pump = world.device("pump").await;
    let _silent = world.tcp().await;
    let _without_connect = world.client(&pump).await;
    let refusal = world.refused(|refusal| refusal.code == "timeout" && refusal.stage == Stage::Tls).await;
    assert!(refusal.device.is_none());
    let refusal = world.refused(|refusal| refusal.code == "timeout" && refusal.stage == Stage::Connect).await;
    assert_eq!(refusal.device.as_ref().map(DeviceName::as_str), Some("pump"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_connect_belongs_to_its_device_and_says_what_to_do() {
    let world = World::start().await;
    let (pump, name) = (world.device("pump").await, "pump".parse().unwrap());
    let cases = [
        (Some(self_signed("pump")), "client", "credential.wrongIssuer", "CN=pump"),
        (None, "pump", "credential.missing", "certificate"),
    ];
    for (identity, client_id, code, part) in cases {
        let mut client = world.open(&world.trust(identity.as_ref(), rustls::ALL_VERSIONS)).await;
        client.send(&Connect { client_id, ..Connect::default() }.bytes()).await;
        assert_eq!(client.next().await.unwrap().1[1], 0x87);
        let refusal = world.refused(|refusal| refusal.code == code).await;
        assert_eq!(refusal.device.as_ref(), Some(&name), "{refusal:?}");
        assert_eq!((refusal.stage, refusal.protocol), (Stage::Connect, Some("mqtt 5")));
        assert!(refusal.explained.detail.contains(part), "{refusal:?}");
        assert_eq!(refusal.claimed.server_name.as_deref(), Some("localhost"));
    }
    world.app.device_lifecycle(&world.by, &name, LifecycleChange::Suspend, None).await.unwrap();
    for _ in 0..3 {
        let mut client = world.client(&pump).await;
        client.send(&Connect { v5: false, ..Connect::default() }.bytes()).await;
        assert_eq!(client.next().await.unwrap().1[1], 5);
    }
    let refusal = world.refused(|refusal| refusal.code == "device.suspended" && refusal.count == 3).await;
    assert_eq!((refusal.device.as_ref(), refusal.protocol), (Some(&name), Some("mqtt 3.1.1")));
    world.app.device_lifecycle(&world.by, &name, LifecycleChange::Resume, None).await.unwrap();
    // What a known device asks for and does not get.
    let mut client = world.client(&pump).await;
    client.send(&Connect { will: Some(("devices/other/events", "{}")), ..Connect::default() }.bytes()).await;
    assert_eq!(client.next().await.unwrap().1[1], 0x87);
    let refusal = world.refused(|refusal| refusal.code == "connect.will").await;
    assert_eq!(refusal.device.as_ref(), Some(&name));
    let own = world.app.device_refusals(&world.by, &name, None, 100).unwrap();
    assert_eq!(own.items.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_client_ids_and_user_names_are_cleaned_and_cut() {
    let world = World::start().await;
    let connect = Connect {
        client_id: "\u{202e}evil\u{1b}[2J<script>",
        password: Some("wl_nonsense"),
        ..Connect::default()
    };
    let mut client = world.open(&world.trust(None, rustls::ALL_VERSIONS)).await;
    client.send(&connect.bytes()).await;
    assert_eq!(client.next().await.unwrap().1[1], 0x86);
    let refusal = world.refused(|refusal| refusal.code == "credential.badToken").await;
    assert_eq!(refusal.claimed.client_id.as_deref(), Some("\u{fffd}evil\u{fffd}[2J<script>"));
    assert_eq!(refusal.claimed.user_name.as_deref(), Some("?SDK=Test&Version=1"));
    assert!(!format!("{refusal:?}").contains("wl_nonsense"), "a password is never kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_and_filters_in_vain_are_shown_with_a_way_to_map_them() {
    let world = World::start().await;
    let (pump, name) = (world.device("pump").await, "pump".parse().unwrap());
    let (mut client, _) = world.enter(&pump, &Connect { client_id: "c-1", ..Connect::default() }).await;
    for (id, topic) in [(1, "dt/pump/c-1"), (2, "dt/pump/c-1"), (3, "devices/other/telemetry")] {
        client.send(&publish(true, 1, id, topic, b"12345")).await;
        client.expect(0x40, &[0, u8::try_from(id).unwrap(), 0x87]).await;
    }
    client.send(&subscribe(true, 4, "devices/other/#", 1)).await;
    client.expect(0x90, &[0, 4, 0, 0x87]).await;
    client.send(&subscribe(true, 5, "$share/g/devices/pump/events", 1)).await;
    client.expect(0x90, &[0, 5, 0, 0x9e]).await;
    for (code, stage, part, count) in [
        ("topic.unmapped", Stage::Publish, "dt/pump/c-1", 2),
        ("topic.notAuthorized", Stage::Publish, "devices/other/telemetry", 1),
        ("filter.notAuthorized", Stage::Subscribe, "devices/other/#", 1),
        ("filter.invalid", Stage::Subscribe, "$share/g/", 1),
    ] {
        let refusal = world.refused(|refusal| refusal.code == code).await;
        assert_eq!((refusal.stage, refusal.count), (stage, count), "{code}");
        assert!(refusal.explained.detail.contains(part), "{refusal:?}");
        assert_eq!(refusal.device.as_ref(), Some(&name));
    }
    let topics = world.app.unmapped_topics(&world.by, &name).unwrap();
    assert_eq!(topics.len(), 1);
    assert_eq!(topics[0].suggested_filter, "dt/{name}/{clientId}");
    assert_eq!((topics[0].count, topics[0].sample_bytes), (2, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_on_the_device_port_leaves_the_same_traces() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    for (identity, path) in [(None, "/things/pump/shadow"), (Some(&pump), "/topics/dt%2Fpump?qos=1")] {
        let mut stream = world.tls(&world.trust(identity, rustls::ALL_VERSIONS)).await;
        let method = if identity.is_some() { "POST" } else { "GET" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 403");
    }
    let refusal = world.refused(|refusal| refusal.stage == Stage::Http).await;
    assert_eq!((refusal.code, refusal.protocol), ("credential.missing", Some("https")));
    let refusal = world.refused(|refusal| refusal.code == "topic.unmapped").await;
    assert_eq!(refusal.device.as_ref().map(DeviceName::as_str), Some("pump"));
    assert_eq!(world.app.unmapped_topics(&world.by, &"pump".parse().unwrap()).unwrap().len(), 1);
}
