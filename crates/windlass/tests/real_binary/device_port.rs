//! The device port of a real server, byte by byte: what SIGTERM does, what logs say, why a device is refused.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::support::{Server, said, wait_for};

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A device that an operator registered and signed a certificate for.
struct Device {
    config: Arc<ClientConfig>,
    stranger: Arc<ClientConfig>,
}

impl Device {
    fn new(server: &Server, name: &str) -> Self {
        server.json(&["device", "create", name]);
        let key = rcgen::KeyPair::generate().unwrap();
        let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
        std::fs::write(server.path("device.csr"), request).unwrap();
        let signed = server.json(&["device", "cert", "sign", name, &server.path("device.csr")]);
        let pem = |text: &Value| -> Vec<CertificateDer<'static>> {
            CertificateDer::pem_slice_iter(text.as_str().unwrap().as_bytes()).map(Result::unwrap).collect()
        };
        let mut roots = RootCertStore::empty();
        for certificate in pem(&signed["caPem"]) {
            roots.add(certificate).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let stranger = Arc::new(builder.clone().with_no_client_auth());
        let config = builder.with_client_auth_cert(pem(&signed["certificatePem"]), key).unwrap();
        Self { config: Arc::new(config), stranger }
    }

    fn dial(server: &Server, config: &Arc<ClientConfig>) -> Tls {
        let stream = TcpStream::connect(server.device_server()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let connection = ClientConnection::new(Arc::clone(config), "localhost".try_into().unwrap()).unwrap();
        StreamOwned::new(connection, stream)
    }

    fn connect(&self, server: &Server) -> Tls {
        let mut stream = Self::dial(server, &self.config);
        stream.write_all(&connect("client")).unwrap();
        let (header, body) = packet(&mut stream);
        assert_eq!((header, body.get(1)), (0x20, Some(&0)));
        stream
    }
}

/// CONNECT of MQTT 5, clean, with a keep-alive of a minute.
fn connect(client_id: &str) -> Vec<u8> {
    let mut body = b"\0\x04MQTT\x05\x02\0\x3c\0".to_vec();
    body.extend(u16::try_from(client_id.len()).unwrap().to_be_bytes());
    body.extend(client_id.as_bytes());
    let mut packet = vec![0x10, u8::try_from(body.len()).unwrap()];
    packet.extend(body);
    packet
}

/// PUBLISH at least once, with packet id 1.
fn publish(topic: &str, payload: &str) -> Vec<u8> {
    let mut body = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
    body.extend(topic.as_bytes());
    body.extend([0, 1, 0]);
    body.extend(payload.as_bytes());
    let mut packet = vec![0x32, u8::try_from(body.len()).unwrap()];
    packet.extend(body);
    packet
}

/// The next packet of less than 128 bytes: first byte and body.
fn packet(stream: &mut Tls) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let [header, length] = head;
    assert!(length < 128, "a longer packet");
    let mut body = vec![0; length.into()];
    stream.read_exact(&mut body).unwrap();
    (header, body)
}

/// What stands in the answer up to this.
fn read_until(stream: &mut impl Read, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.push(char::from(byte[0]));
    }
    text
}

fn ready(server: &Server) -> String {
    let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn sigterm_tells_devices_to_go_and_finishes_what_is_under_way() {
    let mut server = Server::start(&[]);
    let pump = Device::new(&server, "pump");
    let mut mqtt = pump.connect(&server);
    // A request whose body is not complete holds the device port open.
    let mut https = Device::dial(&server, &pump.config);
    let head = "POST /topics/devices%2Fpump%2Ftelemetry?qos=1 HTTP/1.1\r\nHost: localhost\r\n\
                Content-Length: 7\r\nExpect: 100-continue\r\n\r\n";
    https.write_all(head.as_bytes()).unwrap();
    assert!(read_until(&mut https, "\r\n\r\n").starts_with("HTTP/1.1 100"));
    assert!(ready(&server).starts_with("HTTP/1.1 200"));
    server.ask_to_end();
    assert_eq!(packet(&mut mqtt), (0xe0, vec![0x8b]), "the server is shutting down");
    wait_for("a server that says it drains", || ready(&server).starts_with("HTTP/1.1 503"));
    https.write_all(br#"{"t":1}"#).unwrap();
    assert!(read_until(&mut https, "\r\n\r\n").starts_with("HTTP/1.1 200"));
    drop(https);
    assert_eq!(server.ended(), Some(0));
    server.start_again();
    let values = server.json(&["device", "telemetry", "pump"]);
    assert_eq!(values[0]["value"], 1.0, "what was acknowledged while draining is there: {values}");
}

#[test]
fn logs_in_json_name_things_by_dotted_fields_and_never_hold_a_payload_or_a_secret() {
    const SECRET: &str = "sesame-4711";
    let server = Server::start(&[("WINDLASS_LOG", "debug"), ("WINDLASS_LOG_FORMAT", "json")]);
    let pump = Device::new(&server, "pump");
    let mut mqtt = pump.connect(&server);
    for (topic, payload) in [
        ("devices/pump/telemetry", format!(r#"{{"word":"{SECRET}"}}"#)),
        ("devices/pump/telemetry", SECRET.to_owned()),
        ("devices/pump/events", format!(r#"{{"kind":"a b","detail":"{SECRET}"}}"#)),
        ("nowhere/pump", SECRET.to_owned()),
        ("$aws/things/pump/shadow/update", format!(r#"{{"state":{{"reported":{{"w":"{SECRET}"}}}}}}"#)),
    ] {
        mqtt.write_all(&publish(topic, &payload)).unwrap();
        assert_eq!(packet(&mut mqtt).0, 0x40, "{topic}");
    }
    let mut stranger = Device::dial(&server, &pump.stranger);
    stranger.write_all(&connect("pump")).unwrap();
    assert_eq!(packet(&mut stranger).1.get(1), Some(&0x87));
    let log = std::fs::read_to_string(server.path("server.log")).unwrap();
    for secret in [SECRET, "correct horse battery", "PRIVATE KEY"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    let lines: Vec<Value> = log
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let refusal = lines.iter().find(|line| line["message"] == "a connection was refused").unwrap();
    assert_eq!(refusal["refusal.code"], "credential.missing");
    assert_eq!(refusal["peer.identity"], "pump");
    assert_eq!(refusal["level"], "INFO");
    assert!(refusal["peer.address"].as_str().unwrap().starts_with("127.0.0.1:"), "{refusal}");
    assert!(refusal["timestamp"].is_string());
    let start = lines.iter().find(|line| line["message"] == "windlass is ready").unwrap();
    assert!(start["http.address"].is_string() && start["data.directory"].is_string(), "{start}");
}

#[test]
fn an_operator_learns_why_a_device_is_refused_and_maps_its_topic_while_it_is_connected() {
    let server = Server::start(&[]);
    let pump = Device::new(&server, "pump-1");
    let mut stranger = Device::dial(&server, &pump.stranger);
    stranger.write_all(&connect("pump-1")).unwrap();
    assert_eq!(packet(&mut stranger).1.get(1), Some(&0x87));
    let mut mqtt = pump.connect(&server);
    mqtt.write_all(&publish("dt/pump-1/temp", r#"{"t":21.5}"#)).unwrap();
    assert_eq!(packet(&mut mqtt), (0x40, vec![0, 1, 0x87]));

    let why = server.run(&["device", "why", "pump-1"]);
    let said_why = said(&why);
    assert!(why.status.success(), "{said_why}");
    for part in ["no credential was presented", "dt/pump-1/temp", "map dt/{name}/temp", "do: "] {
        assert!(said_why.contains(part), "{part}: {said_why}");
    }
    let refusals = server.json(&["refusals", "--address", "127.0.0.1", "--stage", "connect"]);
    assert_eq!(refusals["items"][0]["device"], "pump-1", "{refusals}");
    let nothing = server.json(&["refusals", "--address", "10."]);
    assert_eq!(nothing["items"], Value::Array(Vec::new()));
    server.fails(2, &["refusals", "--stage", "lobby"]);

    let suggested =
        &server.json(&["device", "why", "pump-1"])["unmappedTopics"]["items"][0]["suggestedFilter"];
    let kind = serde_json::json!({"topicMap": [{"filter": suggested, "target": "telemetry"}]});
    std::fs::write(server.path("type.json"), kind.to_string()).unwrap();
    server.json(&["type", "apply", "pump", &server.path("type.json")]);
    server.json(&["device", "edit", "pump-1", "--type", "pump"]);
    wait_for("a topic that is mapped", || {
        mqtt.write_all(&publish("dt/pump-1/temp", r#"{"t":21.5}"#)).unwrap();
        packet(&mut mqtt) == (0x40, vec![0, 1])
    });
    let values = server.json(&["device", "telemetry", "pump-1"]);
    assert_eq!((&values[0]["metric"], &values[0]["value"]), (&"t".into(), &21.5.into()), "{values}");
    let left = server.json(&["device", "why", "pump-1"]);
    assert_eq!(left["unmappedTopics"]["items"], Value::Array(Vec::new()));
}
