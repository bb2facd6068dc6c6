//! HTTP on the device port over real TLS: the twin of the device API, WebSocket, downloads, and what is neither.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[expect(dead_code, reason = "shared with the MQTT tests, which use the rest")]
mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use support::{Connect, Identity, World, publish};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use windlass_domain::limits::Limits;

/// Sends one request and reads the answer to its end: status, head, body. None if the connection ends without one.
async fn try_ask(
    world: &World,
    identity: Option<&Identity>,
    method: &str,
    path: &str,
    body: &str,
) -> Option<(u16, String, String)> {
    let mut stream = world.tls(&world.trust(identity, rustls::ALL_VERSIONS)).await;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    answered(&mut stream).await
}

/// Reads an answer until the connection ends: status, head, body. None if it ends without one.
async fn answered(stream: &mut TlsStream<TcpStream>) -> Option<(u16, String, String)> {
    let mut answer = Vec::new();
    let mut chunk = [0; 4_096];
    while let Ok(many @ 1..) = stream.read(&mut chunk).await {
        answer.extend(&chunk[..many]);
    }
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some((status, head.to_ascii_lowercase(), body.to_owned()))
}

async fn ask(
    world: &World,
    identity: Option<&Identity>,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String, String) {
    try_ask(world, identity, method, path, body).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_is_written_read_and_deleted_over_https() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let path = "/things/pump/shadow";
    assert_eq!(ask(&world, Some(&pump), "GET", path, "").await.0, 404);
    let (status, head, body) =
        ask(&world, Some(&pump), "POST", path, r#"{"state":{"reported":{"t":1}}}"#).await;
    assert_eq!(status, 200, "{body}");
    assert!(head.contains("application/json") && body.contains(r#""version":1"#), "{body}");
    let (status, _, body) = ask(&world, Some(&pump), "GET", path, "").await;
    assert!(status == 200 && body.contains(r#""reported":{"t":1}"#), "{body}");
    let conflict = r#"{"state":{"reported":{"t":2}},"version":9}"#;
    assert_eq!(ask(&world, Some(&pump), "POST", path, conflict).await.0, 409);
    assert_eq!(ask(&world, Some(&pump), "POST", path, "nonsense").await.0, 400);
    assert_eq!(
        ask(&world, Some(&pump), "POST", "/things/pump/shadow?name=net", r#"{"state":{"reported":{}}}"#)
            .await
            .0,
        200
    );
    let names = ask(&world, Some(&pump), "GET", "/api/things/shadow/ListNamedShadowsForThing/pump", "").await;
    assert!(names.0 == 200 && names.2.contains(r#""results":["net"]"#), "{names:?}");
    assert_eq!(ask(&world, Some(&pump), "DELETE", path, "").await.0, 200);
    assert_eq!(ask(&world, Some(&pump), "GET", path, "").await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_and_messages_go_over_https() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let (status, _, body) = ask(&world, Some(&pump), "GET", "/things/pump/jobs", "").await;
    assert!(status == 200 && body.contains("queuedJobs"), "{status} {body}");
    assert_eq!(ask(&world, Some(&pump), "PUT", "/things/pump/jobs/$next", "").await.0, 200);
    assert_eq!(ask(&world, Some(&pump), "GET", "/things/pump/jobs/77", "").await.0, 404);
    let telemetry = "/topics/devices%2Fpump%2Ftelemetry?qos=1";
    assert_eq!(ask(&world, Some(&pump), "POST", telemetry, r#"{"t":1}"#).await.0, 200);
    assert_eq!(ask(&world, Some(&pump), "POST", telemetry, "nonsense").await.0, 400);
    assert_eq!(ask(&world, Some(&pump), "POST", "/topics/a%2F%23", "{}").await.0, 400);
    let large = " ".repeat(200 * 1024);
    assert_eq!(ask(&world, Some(&pump), "POST", telemetry, &large).await.0, 413);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_reaches_only_its_own_things_and_only_with_a_good_certificate() {
    let world = World::start().await;
    let (pump, _other) = (world.device("pump").await, world.device("other").await);
    for path in
        ["/things/other/shadow", "/things/other/jobs", "/api/things/shadow/ListNamedShadowsForThing/other"]
    {
        assert_eq!(ask(&world, Some(&pump), "GET", path, "").await.0, 403, "{path}");
    }
    assert_eq!(ask(&world, None, "GET", "/things/pump/shadow", "").await.0, 403);
    world.app.credential_revoke(&world.by, pump.credential, "lost").await.unwrap();
    let (status, _, body) = ask(&world, Some(&pump), "GET", "/things/pump/shadow", "").await;
    assert!(status == 403 && body.contains("revoked"), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_ask_nothing_make_way_and_those_who_ask_do_not_stay() {
    let limits = Limits { handshake: Duration::from_secs(3), http_connections: 2, ..Limits::default() };
    let world = World::with(limits).await;
    let pump = world.device("pump").await;
    let config = world.trust(None, rustls::ALL_VERSIONS);
    let mut strangers = Vec::new();
    for _ in 0..3 {
        let mut stranger = world.tls(&config).await;
        stranger.write_all(b"G").await.unwrap();
        strangers.push(stranger);
    }
    let served = async {
        // Whoever began within the patience has its place; after it, the oldest makes way.
        while try_ask(&world, Some(&pump), "GET", "/things/pump/jobs", "").await.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), served).await.unwrap();
    // A key of one's own making proves nothing: an answer ends the connection.
    world.app.credential_revoke(&world.by, pump.credential, "lost").await.unwrap();
    let mut revoked = world.tls(&world.trust(Some(&pump), rustls::ALL_VERSIONS)).await;
    revoked.write_all(b"GET /things/pump/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let (_, head, _) =
        tokio::time::timeout(Duration::from_secs(15), answered(&mut revoked)).await.unwrap().unwrap();
    assert!(head.starts_with("http/1.1 403 "), "{head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_said_in_json() {
    let world = World::start().await;
    let (status, head, body) = ask(&world, None, "GET", "/", "").await;
    assert_eq!(status, 404);
    assert!(head.contains("application/json") && body.contains(r#""code":"not_found""#));
    let pump = world.device("pump").await;
    let (status, head, _) = ask(&world, Some(&pump), "PATCH", "/things/pump/shadow", "").await;
    assert!(status == 405 && head.contains("allow: get, post, delete"), "{head}");
    assert_eq!(ask(&world, None, "GET", "/downloads/v1/1/a.bin?signature=x", "").await.0, 403);
    let (status, head, _) = ask(&world, None, "POST", "/downloads/v1/1/a.bin", "").await;
    assert!(status == 405 && head.contains("allow: get, head"), "{head}");
    assert_eq!(ask(&world, None, "GET", "/mqtt", "").await.0, 426);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mqtt_runs_over_websocket_however_its_bytes_are_framed() {
    let world = World::start().await;
    let pump = world.device("pump").await;
    let stream = world.tls(&world.trust(Some(&pump), rustls::ALL_VERSIONS)).await;
    let mut request = "wss://localhost/mqtt".into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("mqtt"));
    let (mut socket, answer) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    assert_eq!(answer.headers()["Sec-WebSocket-Protocol"], "mqtt");
    let mut bytes = Connect::default().bytes();
    bytes.extend(publish(true, 1, 3, "devices/pump/telemetry", br#"{"t":1}"#));
    for part in bytes.chunks(5) {
        socket.send(Message::Binary(part.to_vec().into())).await.unwrap();
    }
    let mut answers = Vec::new();
    while !answers.ends_with(&[0x40, 2, 0, 3]) {
        match socket.next().await.unwrap().unwrap() {
            Message::Binary(part) => answers.extend(part),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(answers[0], 0x20);
    socket.send(Message::Text("no".into())).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        assert!(!matches!(message, Message::Text(_)));
    }
}
