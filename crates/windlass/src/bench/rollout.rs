//! One rollout over a large fleet that speaks hawkBit's device interface: made, planned, and through on every device.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::ddi::{self, answer};
use super::figures::Figures;
use crate::place::Place;
use crate::terminal;

/// Connections that are kept open, as a proxy in front would.
const CONNECTIONS: u64 = 32;
/// Bytes of an answer's head and body.
const ANSWER: usize = 16 * 1024;
/// Longest wait for the plan.
const PATIENCE: Duration = Duration::from_secs(300);

/// Measures a rollout over so many devices.
pub(crate) async fn rollout(directory: &Path, devices: u64, figures: &mut Figures) -> anyhow::Result<()> {
    terminal::note(&format!("a rollout over {devices} devices that poll"));
    let (server, place, address) = ddi::server(directory).await?;
    let began = Instant::now();
    ddi::bring_in(&address, devices).await?;
    figures.add(format!("{devices} devices let in by their first poll"), began.elapsed().as_secs_f64(), "s");
    let named = ddi::release(&place).await?;
    let job = json!({"kind": "update", "release": named, "targets": {"query": "name==bench-*"}});
    let began = Instant::now();
    let preview: Value = place.api.write(Method::POST, &["jobs", "preview"], &job).await?;
    ensure!(preview["targets"] == devices, "the dry run finds {}", preview["targets"]);
    figures.add(format!("dry run over {devices} devices"), began.elapsed().as_secs_f64(), "s");
    let began = Instant::now();
    let made: Value = place.api.write(Method::POST, &["jobs"], &job).await?;
    figures.add(format!("rollout over {devices} devices made"), began.elapsed().as_secs_f64(), "s");
    let id = made["id"].to_string();
    counted(&place, &id, "queued", devices).await?;
    figures.add(format!("rollout over {devices} devices planned"), began.elapsed().as_secs_f64(), "s");
    let reaching = Instant::now();
    let connections = (0..CONNECTIONS).map(|number| carry_out(&address, number, devices));
    futures_util::future::try_join_all(connections).await?;
    counted(&place, &id, "succeeded", devices).await?;
    let reached = reaching.elapsed().as_secs_f64();
    figures.add(format!("poll, document and report of {devices} devices"), reached, "s");
    ensure!(server.stop().await?, "the server did not end well");
    Ok(())
}

/// Waits until so many devices of a job stand there.
async fn counted(place: &Place, id: &str, place_word: &str, devices: u64) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let shown: Value = place.api.show(&["jobs", id]).await?;
        if shown.pointer(&format!("/counts/{place_word}")).and_then(Value::as_u64) == Some(devices) {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "not every device is {place_word}: {}", shown["counts"]);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn exchange<'b>(
    stream: &mut TcpStream,
    buffer: &'b mut [u8],
    request: &str,
) -> anyhow::Result<&'b str> {
    use tokio::io::AsyncWriteExt;
    stream.write_all(request.as_bytes()).await?;
    let text = answer(stream, buffer).await?;
    ensure!(text.starts_with("HTTP/1.1 200 "), "{text}");
    Ok(text)
}

/// What each device of one connection does: it asks, reads its document, and says that it is done.
async fn carry_out(address: &str, number: u64, devices: u64) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; ANSWER];
    for device in (0..devices).filter(|device| device % CONNECTIONS == number) {
        let head = ddi::head(address);
        let base = format!("/DEFAULT/controller/v1/bench-{device}");
        let polled =
            exchange(&mut stream, &mut buffer, &format!("GET {base} HTTP/1.1\r\n{head}\r\n")).await?;
        let (_, link) = polled.split_once("deploymentBase/").context("nothing to do for a device")?;
        let link = link.split_once('"').context("the link has no end")?.0.to_owned();
        let action = link.split_once('?').context("the link has no query")?.0.to_owned();
        let request = format!("GET {base}/deploymentBase/{link} HTTP/1.1\r\n{head}\r\n");
        exchange(&mut stream, &mut buffer, &request).await?;
        let body = json!({
            "id": action,
            "status": {"execution": "closed", "result": {"finished": "success"}, "details": []},
        })
        .to_string();
        let request = format!(
            "POST {base}/deploymentBase/{action}/feedback HTTP/1.1\r\n{head}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        exchange(&mut stream, &mut buffer, &request).await?;
    }
    Ok(())
}
