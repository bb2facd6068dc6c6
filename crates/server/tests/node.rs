//! A whole node, started and ended: what its owner sees.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use windlass_server::admin;
use windlass_server::config::Config;
use windlass_server::node::{Node, NodeError};

fn config(data: &Path) -> Config {
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    Config { data: data.to_owned(), http: anywhere, mqtt: vec![anywhere], ..Config::default() }
}

/// Status and body of a GET.
async fn get(address: SocketAddr, path: &str, token: Option<&str>) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{authorization}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.take(1 << 20).read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_serves_until_it_is_drained_and_keeps_what_it_was_told() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    let node = Node::start(config(&data)).await.unwrap();
    let address = node.http_address();
    assert_eq!(node.mqtt_addresses().len(), 1);
    assert_eq!(get(address, "/healthz", None).await.0, 200);
    assert_eq!(get(address, "/readyz", None).await.0, 200);
    assert!(get(address, "/metrics", None).await.1.contains("windlass_ready 1"));
    assert_eq!(get(address, "/api/v1/me", None).await.0, 401);
    let token = admin::token(&config(&data), "first", None).await.unwrap();
    assert_eq!(get(address, "/api/v1/me", Some(&token)).await.0, 200);
    assert!(node.drain().await, "everything ended in time");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");

    let again = Node::start(config(&data)).await.unwrap();
    let (status, me) = get(again.http_address(), "/api/v1/me", Some(&token)).await;
    assert_eq!(status, 200, "{me}");
    assert!(again.drain().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    let node = Node::start(config(&data)).await.unwrap();
    let refused = Node::start(config(&data)).await;
    assert!(matches!(refused, Err(NodeError::App(_))), "{refused:?}");
    let token = admin::token(&config(&data), "still", None).await.unwrap();
    assert_eq!(get(node.http_address(), "/api/v1/me", Some(&token)).await.0, 200);
    assert!(node.drain().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_without_a_node_too_and_never_for_a_directory_that_is_not_there() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    let nothing = admin::token(&config(&data), "early", None).await;
    assert!(matches!(nothing, Err(admin::AdminError::NoDirectory(_))), "{nothing:?}");
    assert!(Node::start(config(&data)).await.unwrap().drain().await);
    let token = admin::token(&config(&data), "alone", None).await.unwrap();
    let node = Node::start(config(&data)).await.unwrap();
    assert_eq!(get(node.http_address(), "/api/v1/me", Some(&token)).await.0, 200);
    assert!(node.drain().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_set_up_is_greeted_with_and_made_again_beside_the_node_and_without_it() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    let node = Node::start(config(&data)).await.unwrap();
    let mut greeting = Vec::new();
    node.write_greeting(&mut greeting).unwrap();
    let first = node.setup_link().unwrap().to_owned();
    assert!(first.starts_with(&format!("http://{}/setup#token=", node.http_address())), "{first}");
    assert!(String::from_utf8(greeting).unwrap().contains(&first));
    let second = admin::link(&config(&data), None).await.unwrap();
    assert!(second != first && second.contains("/setup#token="), "{second}");
    let nobody = admin::link(&config(&data), Some("nobody")).await;
    assert!(matches!(nobody, Err(admin::AdminError::Refused(_))), "{nobody:?}");
    assert!(node.drain().await);
    let alone = admin::link(&config(&data), None).await.unwrap();
    assert!(alone.contains("/setup#token="), "{alone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_file_makes_the_first_administrator_once() {
    let outer = tempfile::tempdir().unwrap();
    let (data, file) = (outer.path().join("data"), outer.path().join("password"));
    std::fs::write(&file, "correct horse battery\n").unwrap();
    let config = Config { admin_password_file: Some(file), ..config(&data) };
    let mut greeting = Vec::new();
    let node = Node::start(config.clone()).await.unwrap();
    node.write_greeting(&mut greeting).unwrap();
    assert!(String::from_utf8(greeting).unwrap().contains("The user admin was made"));
    assert!(node.drain().await);
    let mut greeting = Vec::new();
    let node = Node::start(config).await.unwrap();
    node.write_greeting(&mut greeting).unwrap();
    let greeting = String::from_utf8(greeting).unwrap();
    assert!(!greeting.contains("password") && !greeting.contains("windlass admin token"), "{greeting}");
    assert!(node.drain().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_beyond_loopback_is_answered_with_a_word_about_https() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    let config = Config { http: "0.0.0.0:0".parse().unwrap(), ..config(&data) };
    let node = Node::start(config).await.unwrap();
    assert!(node.http_url().starts_with("https://"), "{}", node.http_url());
    let address: SocketAddr = format!("127.0.0.1:{}", node.http_address().port()).parse().unwrap();
    let (status, text) = get(address, "/healthz", None).await;
    assert_eq!(status, 400);
    assert!(text.contains("HTTPS"), "{text}");
    assert!(node.drain().await);
}
