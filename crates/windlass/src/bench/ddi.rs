//! Polls of hawkBit's device interface over real sockets: with nothing to do, and with an action open.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::figures::{Figures, number};
use crate::place::{Place, Process};
use crate::terminal;

/// Devices that poll, each in its turn.
const DEVICES: u64 = 1_000;
/// Connections that are kept open, as a proxy in front would.
const CONNECTIONS: u64 = 32;
/// Bytes of an answer's head and body.
const ANSWER: usize = 16 * 1024;
const TOKEN: &str = "bench-gateway-token";

/// Measures both.
pub(crate) async fn polls(directory: &Path, seconds: Duration, figures: &mut Figures) -> anyhow::Result<()> {
    terminal::note("polls of hawkBit's interface");
    let (server, place, address) = server(directory).await?;
    // The first poll of a device brings it in and is not what is measured.
    bring_in(&address, DEVICES).await?;
    measure(&server, &address, "with nothing to do", "", seconds, figures, true).await?;
    assign(&place).await?;
    measure(&server, &address, "with an action open", "deploymentBase", seconds, figures, false).await?;
    ensure!(server.stop().await?, "the server did not end well");
    Ok(())
}

/// A server that lets devices in by a gateway token, and where it is.
pub(super) async fn server(directory: &Path) -> anyhow::Result<(Process, Place, String)> {
    let many = "1000000".to_owned();
    let settings = [
        ("WINDLASS_LIMITS__MESSAGES_PER_SECOND", many.clone()),
        ("WINDLASS_LIMITS__MESSAGE_BURST", many.clone()),
        ("WINDLASS_LIMITS__PLUG_AND_PLAY_PER_MINUTE", many),
    ];
    let server = Process::start(directory, &settings).await?;
    let place = server.place().await?;
    let values = json!({"values": {
        "authentication.gatewaytoken.enabled": true, "authentication.gatewaytoken.key": TOKEN,
    }});
    let _: Value = place.api.write(Method::PUT, &["settings", "hawkbit"], &values).await?;
    let address =
        server.ready.http.strip_prefix("http://").context("the console port speaks TLS")?.to_owned();
    Ok((server, place, address))
}

/// Lets so many devices poll once, which brings them in.
pub(super) async fn bring_in(address: &str, devices: u64) -> anyhow::Result<()> {
    load(address, Until::EachOnce, "", devices).await?;
    Ok(())
}

/// Uploads a small release, and names it.
pub(super) async fn release(place: &Place) -> anyhow::Result<Value> {
    let url = place.api.url(&["artifacts"])?;
    let request = place.api.request(Method::POST, url).query(&[("name", "app.swu")]).body(vec![7_u8; 4096]);
    let artifact: Value = place.api.ask(request.header("content-type", "application/octet-stream")).await?;
    let named = json!({"name": "app", "version": "1"});
    let component = json!({"name": "app", "version": "1", "type": "os", "artifacts": [artifact["id"]]});
    let _: Value = place.api.write(Method::POST, &["components"], &component).await?;
    let release = json!({"name": "app", "version": "1", "components": [named]});
    let _: Value = place.api.write(Method::POST, &["releases"], &release).await?;
    Ok(named)
}

/// Rolls a release out to every device, and waits until each has its action.
async fn assign(place: &Place) -> anyhow::Result<()> {
    let named = release(place).await?;
    let job = json!({"kind": "update", "release": named, "targets": {"query": "name==bench-*"}});
    let job: Value = place.api.write(Method::POST, &["jobs"], &job).await?;
    let id = job["id"].to_string();
    let began = Instant::now();
    loop {
        let shown: Value = place.api.show(&["jobs", &id]).await?;
        if shown.pointer("/counts/queued").and_then(Value::as_u64) == Some(DEVICES) {
            return Ok(());
        }
        ensure!(
            began.elapsed() < Duration::from_secs(60),
            "not every device was offered the update: {shown}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn measure(
    server: &Process,
    address: &str,
    what: &str,
    expected: &'static str,
    seconds: Duration,
    figures: &mut Figures,
    is_budgeted: bool,
) -> anyhow::Result<()> {
    let (began, used) = (Instant::now(), server.processor_time()?);
    let polls = load(address, Until::Over(seconds), expected, DEVICES).await?;
    let (elapsed, used) = (began.elapsed(), server.processor_time()?.saturating_sub(used));
    let per_second = number(polls) / elapsed.as_secs_f64();
    let per_core = number(polls) / used.as_secs_f64().max(f64::MIN_POSITIVE);
    figures.add(format!("hawkBit polls {what}"), per_second, "/s");
    let named = format!("hawkBit polls {what}, per second of one core of the server");
    if is_budgeted {
        figures.add_budgeted(named, per_core, "/s", "> 10000");
    } else {
        figures.add(named, per_core, "/s");
    }
    Ok(())
}

/// How long a connection polls.
#[derive(Debug, Clone, Copy)]
enum Until {
    /// Until each of its devices did.
    EachOnce,
    /// For this long.
    Over(Duration),
}

/// Polls over all connections at once; gives how many answers came. Each must say `expected`.
async fn load(address: &str, until: Until, expected: &'static str, devices: u64) -> anyhow::Result<u64> {
    let connections = (0..CONNECTIONS).map(|number| connection(address, number, until, expected, devices));
    let counts = futures_util::future::try_join_all(connections).await?;
    Ok(counts.into_iter().sum())
}

/// Lines of every request's head.
pub(super) fn head(address: &str) -> String {
    format!("Host: {address}\r\nAuthorization: GatewayToken {TOKEN}\r\nAccept: application/json\r\n")
}

async fn connection(
    address: &str,
    number: u64,
    until: Until,
    expected: &str,
    devices: u64,
) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let head = head(address);
    let requests: Vec<String> = (0..devices)
        .filter(|device| device % CONNECTIONS == number)
        .map(|device| format!("GET /DEFAULT/controller/v1/bench-{device} HTTP/1.1\r\n{head}\r\n"))
        .collect();
    let (mut buffer, mut count, began) = (vec![0; ANSWER], 0, Instant::now());
    loop {
        for request in &requests {
            if matches!(until, Until::Over(span) if began.elapsed() >= span) {
                return Ok(count);
            }
            stream.write_all(request.as_bytes()).await?;
            let answer = answer(&mut stream, &mut buffer).await?;
            ensure!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(expected), "{answer}");
            count += 1;
        }
        if matches!(until, Until::EachOnce) {
            return Ok(count);
        }
    }
}

/// Reads one answer with a length.
pub(super) async fn answer<'b>(stream: &mut TcpStream, buffer: &'b mut [u8]) -> anyhow::Result<&'b str> {
    let mut filled = 0;
    loop {
        let read = stream.read(buffer.get_mut(filled..).context("the answer is too long")?).await?;
        ensure!(read > 0, "the server ended the connection");
        filled += read;
        let Ok(text) = std::str::from_utf8(buffer.get(..filled).unwrap_or_default()) else {
            bail!("the answer is no text")
        };
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.parse::<usize>().ok())
            .context("the answer has no length")?;
        if body.len() >= length {
            break;
        }
    }
    Ok(std::str::from_utf8(buffer.get(..filled).unwrap_or_default())?)
}
