//! More MQTT devices than this machine could keep connected: they take turns, a bounded number at once.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::figures::{Figures, number};
use super::groups;
use crate::place::Place;
use crate::sim::enrol::Enrolled;
use crate::sim::job;
use crate::sim::mqtt::{Client, Hello, Incoming, Protocol};
use crate::sim::{Fleet, Options};

/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Loopback addresses to connect from: closed connections keep their ports for a while.
const SOURCES: u32 = 32;

/// Devices with their certificates, none of them connected.
pub(super) struct Turns {
    fleet: Fleet,
    devices: Vec<Enrolled>,
    connected: usize,
}

impl Turns {
    /// Enrols so many devices by claim; those with a certificate from an earlier run keep it.
    pub(super) async fn enrolled(
        directory: &Path,
        place: &Place,
        devices: u64,
        connected: usize,
        figures: &mut Figures,
    ) -> anyhow::Result<Self> {
        let options = groups::options(place.devices.clone(), devices, &directory.join("devices"));
        let options = Options { prefix: "bench-mqtt-".to_owned(), sources: SOURCES, ..options };
        let fleet = Fleet::new(options, &place.ca_pem)?;
        let began = Instant::now();
        let devices = match devices {
            0 => Vec::new(),
            _ => groups::enrolled(place, &fleet).await?,
        };
        let new = fleet.shared.counters.enrolled.get();
        if new > 0 {
            let took = began.elapsed().as_secs_f64();
            figures.add(format!("{new} devices enrolled by claim over MQTT"), took, "s");
            figures.add("enrolment by claim", number(new) / took, "devices/s");
        }
        Ok(Self { fleet, devices, connected: connected.max(1) })
    }

    /// Each device asks for its next job; gives the jobs' ids in the devices' order.
    pub(super) async fn take_up(&self) -> anyhow::Result<Vec<String>> {
        let turns = (0..).zip(&self.devices).map(|(number, device)| self.start_next(number, device));
        stream::iter(turns).buffered(self.connected).try_collect().await
    }

    /// Each device comes back, as after a restart: it reports the version that runs now, and that its job succeeded.
    pub(super) async fn conclude(&self, jobs: &[String], version: &str) -> anyhow::Result<()> {
        let turns = (0..).zip(self.devices.iter().zip(jobs));
        let turns = turns.map(|(number, (device, job))| self.succeed(number, device, job, version));
        stream::iter(turns).buffer_unordered(self.connected).try_collect().await
    }

    async fn start_next(&self, number: u64, device: &Enrolled) -> anyhow::Result<String> {
        let start = format!("$aws/things/{}/jobs/start-next", device.name);
        let mut client = self.connect(number, device).await?;
        let answer = ask(&mut client, &start, &json!({})).await?;
        client.disconnect().await;
        let execution = job::execution(&answer);
        Ok(execution.with_context(|| format!("{} has nothing to do: {answer}", device.name))?.job)
    }

    async fn succeed(&self, number: u64, device: &Enrolled, job: &str, version: &str) -> anyhow::Result<()> {
        let things = format!("$aws/things/{}", device.name);
        let mut client = self.connect(number, device).await?;
        let reported = json!({"state": {"reported": {"firmware": {"version": version}}}});
        client.publish(&format!("{things}/shadow/update"), Bytes::from(reported.to_string()), 1)?;
        let update = format!("{things}/jobs/{job}/update");
        let report = job::report("SUCCEEDED", &[("version", version)]);
        ask(&mut client, &update, &report).await?;
        client.disconnect().await;
        Ok(())
    }

    async fn connect(&self, number: u64, device: &Enrolled) -> anyhow::Result<Client> {
        let (endpoint, tls) = self.fleet.way_in(number, device)?;
        let hello =
            Hello { protocol: Protocol::V5, client_id: device.name.clone(), clean: true, keep_alive: 0 };
        let connected = Client::connect(&endpoint, &tls, &hello, PATIENCE).await;
        Ok(connected.with_context(|| format!("{} could not connect", device.name))?.0)
    }
}

/// Publishes and waits for the answer, which must be the accepted one.
async fn ask(client: &mut Client, topic: &str, body: &Value) -> anyhow::Result<Value> {
    client.subscribe(&[format!("{topic}/accepted"), format!("{topic}/rejected")])?;
    client.publish(topic, Bytes::from(body.to_string()), 1)?;
    loop {
        match client.next_within(PATIENCE).await? {
            Incoming::Message { topic: from, payload } => match from.strip_prefix(topic) {
                Some("/accepted") => return Ok(serde_json::from_slice(&payload)?),
                Some(_) => bail!("{topic} was rejected: {}", String::from_utf8_lossy(&payload)),
                None => {}
            },
            Incoming::Acknowledged { refused: Some(reason), .. } => bail!("{topic} was refused: {reason}"),
            Incoming::Subscribed { refused } if refused > 0 => bail!("{topic}: no answers may be heard"),
            Incoming::Acknowledged { .. } | Incoming::Subscribed { .. } | Incoming::Connected { .. } => {}
        }
    }
}
