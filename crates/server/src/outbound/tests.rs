//! The way out against real receivers on this machine: those that misbehave must be harmless.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use windlass_app::outbound::WebhookCall;
use windlass_app::tasks::Tasks;
use windlass_domain::time::Timestamp;

use super::*;

/// What a receiver does with a connection whose request it has read.
#[derive(Debug, Clone)]
enum Manner {
    Answer(String),
    Hang,
    StreamForEver,
    Close,
}

/// A receiver that counts its connections.
struct Receiver {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    tasks: Tasks,
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        let count = stream.read(&mut piece).await.unwrap_or(0);
        text.extend_from_slice(&piece[..count]);
        let so_far = String::from_utf8_lossy(&text).into_owned();
        let (head, body) = so_far.split_once("\r\n\r\n").unwrap_or((&so_far, ""));
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned))
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        if count == 0 || (so_far.contains("\r\n\r\n") && body.len() >= length) {
            return so_far;
        }
    }
}

impl Receiver {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, tasks) = (Arc::new(AtomicUsize::new(0)), Tasks::new("receiver"));
        let (counted, inner) = (Arc::clone(&connections), tasks.clone());
        tasks.spawn_until_stopped(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                let manner = manner.clone();
                inner.spawn_until_stopped(async move {
                    read_request(&mut stream).await;
                    match manner {
                        Manner::Answer(text) => {
                            stream.write_all(text.as_bytes()).await.unwrap();
                        }
                        Manner::Hang => std::future::pending().await,
                        Manner::Close => {}
                        Manner::StreamForEver => {
                            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                            let mut sent = stream.write_all(head.as_bytes()).await;
                            while sent.is_ok() {
                                sent = stream.write_all(b"3e8\r\n").await;
                                sent = sent.and(stream.write_all(&[b'x'; 1_000]).await);
                                sent = sent.and(stream.write_all(b"\r\n").await);
                            }
                        }
                    }
                });
            }
        });
        Self { address, connections, tasks }
    }

    fn url(&self) -> String {
        format!("http://{}/hook?secret=s3cret", self.address)
    }

    fn seen(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.tasks.stop().cancel();
    }
}

fn answer(status: &str) -> Manner {
    Manner::Answer(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"))
}

fn call(url: &str) -> Outgoing {
    Outgoing::Webhook(WebhookCall {
        url: url.to_owned(),
        id: "msg_1".to_owned(),
        at: Timestamp::from_seconds(1),
        signature: "v1,x".to_owned(),
        body: "{}".to_owned(),
    })
}

fn listed() -> Outbound {
    Outbound::new(&["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()], None).unwrap()
}

fn strict() -> Outbound {
    Outbound::new(&[], None).unwrap()
}

#[tokio::test]
async fn only_a_good_status_counts_as_taken() {
    for (status, taken) in
        [("200 OK", true), ("204 No Content", true), ("400 Bad Request", false), ("503 x", false)]
    {
        let receiver = Receiver::start(answer(status)).await;
        let carried = listed().carry(call(&receiver.url())).await;
        assert_eq!(carried.is_ok(), taken, "{status}: {carried:?}");
        assert_eq!(receiver.seen(), 1);
    }
}

#[tokio::test]
async fn nothing_inside_is_connected_to_unless_it_is_listed() {
    let receiver = Receiver::start(answer("200 OK")).await;
    let port = receiver.address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "127.1", "0"] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/");
            let refused = strict().carry(call(&url)).await.unwrap_err().to_string();
            assert!(refused.contains("outbound_allow"), "{url}: {refused}");
        }
    }
    assert_eq!(receiver.seen(), 0);
    let by_name = format!("http://localhost:{port}/");
    listed().carry(call(&by_name)).await.unwrap();
    assert_eq!(receiver.seen(), 1);
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let inside = Receiver::start(answer("200 OK")).await;
    let text = format!("HTTP/1.1 307 x\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n", inside.address);
    let receiver = Receiver::start(Manner::Answer(text)).await;
    let refused = listed().carry(call(&receiver.url())).await.unwrap_err().to_string();
    assert!(refused.contains("redirects are not followed"), "{refused}");
    assert_eq!((receiver.seen(), inside.seen()), (1, 0));
}

#[tokio::test]
async fn an_answer_without_end_is_not_waited_for() {
    let receiver = Receiver::start(Manner::StreamForEver).await;
    listed().carry(call(&receiver.url())).await.unwrap();
}

#[tokio::test]
async fn a_receiver_that_hangs_or_hangs_up_is_given_up() {
    let receiver = Receiver::start(Manner::Hang).await;
    let refused = listed().carry(call(&receiver.url())).await.unwrap_err().to_string();
    assert_eq!(refused, "no answer within 5 s");
    let receiver = Receiver::start(Manner::Close).await;
    let refused = listed().carry(call(&receiver.url())).await.unwrap_err().to_string();
    assert!(!refused.contains("s3cret"), "{refused}");
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = listed().carry(call(&format!("http://{nobody}/s3cret"))).await.unwrap_err().to_string();
    assert!(!refused.contains("s3cret"), "{refused}");
}

#[tokio::test]
async fn headers_without_end_are_given_up() {
    let mut text = "HTTP/1.1 200 OK\r\n".to_owned();
    (0..20_000).for_each(|index| text.push_str(&format!("x-{index}: {}\r\n", "y".repeat(100))));
    let receiver = Receiver::start(Manner::Answer(text)).await;
    listed().carry(call(&receiver.url())).await.unwrap_err();
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.map(drop)
    };
    let url = format!("https://localhost:{port}/");
    let outbound = listed();
    let (seen, carried) = tokio::join!(accepted, outbound.carry(call(&url)));
    assert!(seen.is_err(), "the handshake fails");
    let refused = carried.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
}

#[test]
fn addresses_that_can_never_be_called_are_refused_when_they_are_written_down() {
    for bad in [
        "",
        "hooks.example.com",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "https://",
        "https://user:password@hooks.example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "http://8.8.8.8/",
        "https://10.0.0.1/",
        "javascript:alert(1)",
    ] {
        assert!(strict().may_call(bad).is_err(), "{bad}");
    }
    for good in ["https://hooks.example.com/x?y=z", "https://8.8.8.8:8443/"] {
        assert!(strict().may_call(good).is_ok(), "{good}");
    }
    assert!(listed().may_call("http://127.0.0.1:9/").is_ok());
}

#[tokio::test]
async fn mail_without_a_mail_server_is_refused_with_what_to_set() {
    let mail = windlass_app::outbound::Mail {
        id: "msg_1".to_owned(),
        at: Timestamp::from_seconds(1),
        to: vec!["ops@example.com".parse().unwrap()],
        subject: "x".to_owned(),
        text: "y".to_owned(),
    };
    assert!(!strict().has_mail());
    let refused = strict().carry(Outgoing::Mail(mail)).await.unwrap_err().to_string();
    assert!(refused.contains("[smtp]"), "{refused}");
}
