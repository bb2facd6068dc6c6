//! One rollout over a large fleet, to its very end: devices that poll hawkBit's interface, and devices that speak MQTT.
//!
//! Nothing is downloaded here: a device is reached when it has the document of its update.

use std::path::Path;

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::figures::Figures;
use super::turns::Turns;
use super::{ddi, poller};
use crate::terminal;

/// A fleet of two kinds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    /// Devices that poll, in turn over a few connections.
    pub(crate) polling: u64,
    /// Devices that speak MQTT, each with its certificate.
    pub(crate) mqtt: u64,
    /// How many of the latter are connected at once.
    pub(crate) connected: usize,
}

/// Measures a rollout over such a fleet.
pub(crate) async fn rollout(directory: &Path, parts: Parts, figures: &mut Figures) -> anyhow::Result<()> {
    let Parts { polling, mqtt, connected } = parts;
    let devices = polling + mqtt;
    terminal::note(&format!(
        "one rollout over {polling} devices that poll and {mqtt} that speak MQTT over TLS"
    ));
    if mqtt > 0 {
        terminal::note(&format!(
            "  of the latter at most {connected} are connected at once: each connects with its certificate, does its part, leaves"
        ));
    }
    let (server, place, address) = ddi::server(directory).await?;
    let began = Instant::now();
    poller::polls(&address, polling, poller::Until::EachOnce, "").await?;
    figures.add(format!("{polling} devices let in by their first poll"), began.elapsed().as_secs_f64(), "s");
    let turns = Turns::enrolled(directory, &place, mqtt, connected, figures).await?;

    let named = ddi::release(&place).await?;
    let job = json!({"kind": "update", "release": named, "targets": {"query": "name==bench-*"}});
    let began = Instant::now();
    let preview: Value = place.api.write(Method::POST, &["jobs", "preview"], &job).await?;
    ensure!(preview["targets"] == devices, "the dry run finds {}", preview["targets"]);
    let over = format!("over {devices} devices");
    figures.add(format!("dry run {over}"), began.elapsed().as_secs_f64(), "s");

    let began = Instant::now();
    let made: Value = place.api.write(Method::POST, &["jobs"], &job).await?;
    figures.add_budgeted(format!("rollout {over}: made"), began.elapsed().as_secs_f64(), "s", "< 5 (1M)");
    let id = made["id"].to_string();
    ddi::counted(&place, &id, "queued", devices).await?;
    figures.add(format!("rollout {over}: planned and started"), began.elapsed().as_secs_f64(), "s");

    let reaching = Instant::now();
    let polled = async {
        let actions = poller::take_up(&address, polling).await?;
        Ok::<_, anyhow::Error>((actions, reaching.elapsed()))
    };
    let connected = async {
        let jobs = turns.take_up().await?;
        Ok::<_, anyhow::Error>((jobs, reaching.elapsed()))
    };
    let ((actions, polled), (jobs, connected)) = tokio::try_join!(polled, connected)?;
    let reached = reaching.elapsed().as_secs_f64();
    if mqtt > 0 {
        figures.add(format!("{polling} devices that poll have their document"), polled.as_secs_f64(), "s");
        figures.add(format!("{mqtt} devices on MQTT have their document"), connected.as_secs_f64(), "s");
    }
    figures.add_budgeted(format!("rollout {over}: all reached"), reached, "s", "< 60 (100k)");

    let concluding = Instant::now();
    tokio::try_join!(poller::conclude(&address, &actions), turns.conclude(&jobs, &named.version))?;
    figures.add(format!("last report of {devices} devices"), concluding.elapsed().as_secs_f64(), "s");
    ddi::counted(&place, &id, "succeeded", devices).await?;
    let all = reaching.elapsed().as_secs_f64();
    figures.add(format!("rollout {over}: all verified, since the first was reached"), all, "s");
    ensure!(server.stop().await?, "the server did not end well");
    Ok(())
}
