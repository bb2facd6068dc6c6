//! hawkBit's device interface over real sockets: polls with nothing to do and with an action open, and reports on an
//! installation. hawkBit itself is measured with the same devices, where it is at hand.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use windlass_api::releases::NameVersion;
use windlass_app::clock::{Clock, SystemClock};

use super::figures::{Figures, number};
use super::peer::Hawkbit;
use super::poller::{self, TOKEN, Until};
use crate::place::{self, Place, Process};
use crate::terminal;

/// Devices that poll, each in its turn.
const DEVICES: u64 = 1_000;
/// Reports of one installation.
const REPORTS: u64 = 20;

/// Measures ours, and then the peer.
pub(crate) async fn ddi(
    directory: &Path,
    seconds: Duration,
    peer: Option<&Path>,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    terminal::note("hawkBit's device interface");
    let (server, place, address) = server(directory).await?;
    let ours = Tested { name: "windlass", process: server.process(), address, seconds };
    ours.warm_up(peer.is_some()).await?;
    let rate = ours.polls("polls with nothing to do", "").await?;
    rate.add(figures, Some("> 10000"));
    assign(&place).await?;
    ours.polls("polls with an action open", "deploymentBase").await?.add(figures, None);
    ours.reports().await?.add(figures, None);
    figures.add("windlass, resident memory", number(server.resident_kib()?) / 1024.0, "MiB");
    ensure!(server.stop().await?, "the server did not end well");
    let Some(peer) = peer else { return Ok(()) };

    let hawkbit = Hawkbit::start(peer, directory).await?;
    let address = hawkbit.address.clone();
    let theirs = Tested { name: "hawkBit 0.3.0M7, in memory", process: hawkbit.process(), address, seconds };
    theirs.warm_up(true).await?;
    theirs.polls("polls with nothing to do", "").await?.add(figures, None);
    hawkbit.assign((0..DEVICES).map(poller::name)).await?;
    theirs.polls("polls with an action open", "deploymentBase").await?.add(figures, None);
    theirs.reports().await?.add(figures, None);
    let resident = number(place::resident_kib(hawkbit.process())?) / 1024.0;
    figures.add("hawkBit 0.3.0M7, in memory, resident memory", resident, "MiB");
    Ok(())
}

/// A server under load.
struct Tested {
    name: &'static str,
    process: u32,
    address: String,
    seconds: Duration,
}

/// What a load came to.
struct Rate {
    what: String,
    per_second: f64,
    /// Per second of processor time of the server.
    per_core: f64,
}

impl Rate {
    fn add(self, figures: &mut Figures, budget: Option<&'static str>) {
        figures.add(self.what.clone(), self.per_second, "/s");
        let what = format!("{}, per second of one core of the server", self.what);
        match budget {
            Some(budget) => figures.add_budgeted(what, self.per_core, "/s", budget),
            None => figures.add(what, self.per_core, "/s"),
        }
    }
}

impl Tested {
    /// The first poll of a device brings it in and is not what is measured. Beside a peer whose code is compiled while it
    /// runs, both have as long again to warm up as they are measured for.
    async fn warm_up(&self, is_compared: bool) -> anyhow::Result<()> {
        poller::polls(&self.address, DEVICES, Until::EachOnce, "").await?;
        if is_compared {
            poller::polls(&self.address, DEVICES, Until::Over(self.seconds), "").await?;
        }
        Ok(())
    }

    async fn polls(&self, what: &str, expected: &'static str) -> anyhow::Result<Rate> {
        let load = poller::polls(&self.address, DEVICES, Until::Over(self.seconds), expected);
        self.measured(what.to_owned(), load).await
    }

    /// Installs everywhere; ends early when every device is done.
    async fn reports(&self) -> anyhow::Result<Rate> {
        let what = format!("reports, {REPORTS} for each installation");
        self.measured(what, poller::install(&self.address, DEVICES, REPORTS, Until::Over(self.seconds))).await
    }

    async fn measured(
        &self,
        what: String,
        load: impl Future<Output = anyhow::Result<u64>>,
    ) -> anyhow::Result<Rate> {
        let (began, used) = (Instant::now(), place::processor_time(self.process)?);
        let count = number(load.await?);
        let (elapsed, used) = (began.elapsed(), place::processor_time(self.process)?.saturating_sub(used));
        Ok(Rate {
            what: format!("{}, {what}", self.name),
            per_second: count / elapsed.as_secs_f64(),
            per_core: count / used.as_secs_f64().max(f64::MIN_POSITIVE),
        })
    }
}

/// A server that lets devices in by a gateway token, and where it is.
pub(super) async fn server(directory: &Path) -> anyhow::Result<(Process, Place, String)> {
    let many = "1000000".to_owned();
    // Bounds that are about misuse, not about capacity, are out of the way here.
    let settings = [
        "WINDLASS_LIMITS__MESSAGES_PER_SECOND",
        "WINDLASS_LIMITS__MESSAGE_BURST",
        "WINDLASS_LIMITS__PLUG_AND_PLAY_PER_MINUTE",
        "WINDLASS_LIMITS__CLAIM_CERTIFICATES_PER_MINUTE",
        "WINDLASS_LIMITS__CLAIM_CERTIFICATES_OPEN",
    ]
    .map(|name| (name, many.clone()));
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

/// Uploads a small release, and names it. Each has a version of its own, so that a kept directory takes another one.
pub(super) async fn release(place: &Place) -> anyhow::Result<NameVersion> {
    let now = SystemClock::default().now().millis();
    let named = NameVersion { name: "app".to_owned(), version: format!("1.{now}") };
    let url = place.api.url(&["artifacts"])?;
    let request = place.api.request(Method::POST, url).query(&[("name", "app.swu")]).body(vec![7_u8; 4096]);
    let artifact: Value = place.api.ask(request.header("content-type", "application/octet-stream")).await?;
    let NameVersion { name, version } = &named;
    let component = json!({"name": name, "version": version, "type": "os", "artifacts": [artifact["id"]]});
    let _: Value = place.api.write(Method::POST, &["components"], &component).await?;
    let release = json!({"name": name, "version": version, "components": [named]});
    let _: Value = place.api.write(Method::POST, &["releases"], &release).await?;
    Ok(named)
}

/// Rolls a release out to every device, and waits until each has its action.
async fn assign(place: &Place) -> anyhow::Result<()> {
    let named = release(place).await?;
    let job = json!({"kind": "update", "release": named, "targets": {"query": "name==bench-*"}});
    let job: Value = place.api.write(Method::POST, &["jobs"], &job).await?;
    counted(place, &job["id"].to_string(), "queued", DEVICES).await
}

/// Longest wait for a count.
const PATIENCE: Duration = Duration::from_secs(300);

/// Waits until so many devices of a job stand there.
pub(super) async fn counted(place: &Place, id: &str, standing: &str, devices: u64) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let shown: Value = place.api.show(&["jobs", id]).await?;
        if shown.pointer(&format!("/counts/{standing}")).and_then(Value::as_u64) == Some(devices) {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "not every device is {standing}: {}", shown["counts"]);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
