//! The measurements themselves.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::json;
use tokio::time::Instant;
use windlass_api::jobs::{Begin, Job, JobKind, NewJob, Targets, Timeouts};
use windlass_api::releases::{Component, NameVersion, NewComponent, NewRelease, Release, ReleaseRules};
use windlass_api::telemetry::{RangeQuery, Series};
use windlass_api::types::DeviceType;
use windlass_app::clock::{Clock, SystemClock};

use super::figures::{Figures, millis, number};
use super::mosquitto::Mosquitto;
use crate::cli::{artifact, job as follow};
use crate::place::{self, Place, Process};
use crate::sim::enrol::Enrolled;
use crate::sim::firmware::Trouble;
use crate::sim::measure::Histogram;
use crate::sim::mqtt::Protocol;
use crate::sim::options::target;
use crate::sim::profile::Profile;
use crate::sim::{Fleet, Options, Pace, Report, Target};
use crate::terminal;

const TYPE: &str = "bench";
/// Devices of the loads: enough to keep both cores busy, few enough to start quickly.
const LOADERS: u64 = 200;

/// Bounds that are about misuse, not about capacity, are out of the way here.
fn settings() -> Vec<(&'static str, String)> {
    let many = "1000000".to_owned();
    [
        "WINDLASS_LIMITS__CLAIM_CERTIFICATES_PER_MINUTE",
        "WINDLASS_LIMITS__CLAIM_CERTIFICATES_OPEN",
        "WINDLASS_LIMITS__MESSAGES_PER_SECOND",
        "WINDLASS_LIMITS__MESSAGE_BURST",
    ]
    .map(|name| (name, many.clone()))
    .into()
}

/// The shape of a fleet that connects and is idle.
pub(super) fn options(server: Target, devices: u64, state: &Path) -> Options {
    Options {
        server,
        sources: 1,
        protocol: Protocol::V5,
        devices,
        prefix: "bench-".to_owned(),
        seed: 1,
        template: TYPE.to_owned(),
        state: Some(state.to_owned()),
        enrollers: 16,
        handshakes: 64,
        profile: Profile::Minimal,
        pace: Pace::Silent,
        batch: 1,
        spacing: Duration::from_secs(1),
        backfill: None,
        topic: "devices/{name}/telemetry".to_owned(),
        qos: 1,
        window: 1,
        manages: false,
        clean: true,
        keep_alive: 0,
        firmware: "1.0.0".to_owned(),
        install: Duration::from_millis(100),
        restart: Duration::from_millis(100),
        trouble: Trouble::default(),
    }
}

/// Enrols the fleet by claim; devices that are known from an earlier run keep their identities.
pub(super) async fn enrolled(place: &Place, fleet: &Fleet) -> anyhow::Result<Vec<Enrolled>> {
    let spec = json!({ "verifyTimeoutSeconds": 600 });
    let _: DeviceType = place.api.write(Method::PUT, &["types", TYPE], &spec).await?;
    // A kept directory knows the claims of earlier runs, but nobody has their keys any more.
    let claim = format!("{TYPE}-{}", SystemClock::default().now().millis());
    let claim = place.open_enrolment(TYPE, &claim, TYPE).await?;
    let bar = terminal::progress(fleet.shared.options.devices, "enrolling");
    let devices = fleet.enrol(&place::identity(&claim)?, || bar.inc(1)).await?;
    bar.finish_and_clear();
    Ok(devices)
}

/// Starts the fleet and waits until all of it is connected.
async fn connect(fleet: &Fleet, devices: &[Enrolled]) -> anyhow::Result<Duration> {
    let began = Instant::now();
    fleet.start(devices)?;
    let wanted = u64::try_from(devices.len())?;
    let patience = Duration::from_secs(60 + wanted / 50);
    let bar = terminal::progress(wanted, "connecting");
    while fleet.shared.online.get() < wanted {
        bar.set_position(fleet.shared.online.get());
        ensure!(
            began.elapsed() < patience,
            "only {} of {wanted} devices connected: {:?}",
            fleet.shared.online.get(),
            fleet.shared.troubles()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bar.finish_and_clear();
    Ok(began.elapsed())
}

/// Time to ready and memory at rest.
pub(crate) async fn startup(directory: &Path, figures: &mut Figures) -> anyhow::Result<()> {
    terminal::note("start-up");
    let times = Histogram::default();
    let mut resident = 0;
    for _ in 0..5 {
        let own = tempfile::tempdir_in(directory)?;
        let server = Process::start(own.path(), &[]).await?;
        times.record(server.started_in);
        tokio::time::sleep(Duration::from_secs(2)).await;
        resident = resident.max(server.resident_kib()?);
        ensure!(server.stop().await?, "the server did not end well");
    }
    let median = millis(times.percentile(500).unwrap_or_default());
    figures.add_budgeted("empty directory to ready, median of 5", median, "ms", "< 1000");
    figures.add_budgeted(
        "idle resident memory, largest of 5",
        number(resident) / 1024.0,
        "MiB",
        "< 57 (60 MB)",
    );
    Ok(())
}

/// Memory of idle connections.
pub(crate) async fn connections(directory: &Path, devices: u64, figures: &mut Figures) -> anyhow::Result<()> {
    terminal::note("idle connections");
    let server = Process::start(directory, &settings()).await?;
    let place = server.place().await?;
    let fleet =
        Fleet::new(options(place.devices.clone(), devices, &directory.join("devices")), &place.ca_pem)?;
    let began = Instant::now();
    let all = enrolled(&place, &fleet).await?;
    let new = fleet.shared.counters.enrolled.get();
    if new > 0 {
        figures.add("enrolment by claim", number(new) / began.elapsed().as_secs_f64(), "devices/s");
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = server.resident_kib()?;
    let took = connect(&fleet, &all).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after = server.resident_kib()?;
    figures.add("connecting, full handshakes", number(devices) / took.as_secs_f64(), "connections/s");
    figures.add("resident memory with them", number(after) / 1024.0, "MiB");
    let each = number(after.saturating_sub(before)) / number(devices);
    figures.add_budgeted(format!("memory per idle mutual-TLS connection at {devices}"), each, "KiB", "< 10");
    let began = Instant::now();
    fleet.storm();
    // Every device has connected twice when all are back.
    while fleet.shared.counters.connected.get() < 2 * devices || fleet.shared.online.get() < devices {
        ensure!(began.elapsed() < Duration::from_secs(600), "the fleet did not come back after a storm");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    figures.add("all back after every line was cut", began.elapsed().as_secs_f64(), "s");
    fleet.stop().await;
    ensure!(server.stop().await?, "the server did not end well");
    Ok(())
}

/// One load: what came of it.
async fn load(fleet: &Fleet, devices: &[Enrolled], seconds: Duration) -> anyhow::Result<Report> {
    connect(fleet, devices).await?;
    let spinner = terminal::spinner("load");
    // The first second warms both sides up.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = fleet.shared.counters.acknowledged.get();
    let points_before = fleet.shared.counters.points.get();
    let began = Instant::now();
    tokio::time::sleep(seconds).await;
    let elapsed = began.elapsed();
    let acknowledged = fleet.shared.counters.acknowledged.get() - before;
    let points = fleet.shared.counters.points.get() - points_before;
    spinner.finish_and_clear();
    let mut report = Report::of(&fleet.shared, elapsed);
    report.messages_per_second = number(acknowledged) / elapsed.as_secs_f64();
    report.points_per_second = number(points) / elapsed.as_secs_f64();
    ensure!(report.refused == 0, "messages were refused: {:?}", report.troubles);
    Ok(report)
}

/// Durable QoS 1 beside mosquitto, whose acknowledgement promises nothing.
pub(crate) async fn messages(
    directory: &Path,
    seconds: Duration,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    terminal::note("messages");
    let server = Process::start(directory, &settings()).await?;
    let place = server.place().await?;
    let state = directory.join("devices");
    let shape = |server: Target, window| Options {
        pace: Pace::Unbounded,
        window,
        ..options(server, LOADERS, &state)
    };
    let all = enrolled(&place, &Fleet::new(shape(place.devices.clone(), 1), &place.ca_pem)?).await?;
    for window in [1, 16] {
        let fleet = Fleet::new(shape(place.devices.clone(), window), &place.ca_pem)?;
        let report = load(&fleet, &all, seconds).await?;
        let (rate, p50, p99) = match window {
            1 => (Some("> 15000"), Some("< 5"), Some("< 50")),
            _ => (None, None, None),
        };
        let what = format!("windlass, durable QoS 1, {LOADERS} devices, {window} in flight");
        add(figures, what.clone(), report.messages_per_second, "messages/s", rate);
        add(figures, format!("{what}, PUBACK p50"), report.puback.p50_ms, "ms", p50);
        add(figures, format!("{what}, PUBACK p99"), report.puback.p99_ms, "ms", p99);
        fleet.stop().await;
    }
    ensure!(server.stop().await?, "the server did not end well");
    yardstick(directory, seconds, figures).await
}

/// The same generator against mosquitto.
async fn yardstick(directory: &Path, seconds: Duration, figures: &mut Figures) -> anyhow::Result<()> {
    let Some(broker) = Mosquitto::start(directory).await? else {
        terminal::note("  mosquitto is not installed; the comparison is left out");
        return Ok(());
    };
    let everybody: Vec<Enrolled> = (0..LOADERS)
        .map(|number| Enrolled { name: format!("bench-{number:05}"), identity: broker.client.clone() })
        .collect();
    for window in [1, 16] {
        let server = target(&broker.address())?;
        let shape = Options { pace: Pace::Unbounded, window, ..options(server, LOADERS, directory) };
        let fleet = Fleet::new(shape, &broker.ca_pem)?;
        let report = load(&fleet, &everybody, seconds).await?;
        let what = format!("mosquitto, not durable, QoS 1, {LOADERS} devices, {window} in flight");
        figures.add(what.clone(), report.messages_per_second, "messages/s");
        figures.add(format!("{what}, PUBACK p50"), report.puback.p50_ms, "ms");
        figures.add(format!("{what}, PUBACK p99"), report.puback.p99_ms, "ms");
        fleet.stop().await;
    }
    Ok(())
}

fn add(figures: &mut Figures, what: String, value: f64, unit: &'static str, budget: Option<&'static str>) {
    match budget {
        Some(budget) => figures.add_budgeted(what, value, unit, budget),
        None => figures.add(what, value, unit),
    }
}

/// Readings per message of the batched load: 900 points, within every bound.
const BATCH: usize = 300;
/// Devices of the batched load.
const BATCHERS: u64 = 20;

/// Batched points, their size on disk, and a day read back.
pub(crate) async fn points(directory: &Path, seconds: Duration, figures: &mut Figures) -> anyhow::Result<()> {
    terminal::note("points");
    let server = Process::start(directory, &settings()).await?;
    let place = server.place().await?;
    let shape = Options {
        pace: Pace::Unbounded,
        profile: Profile::Sensor,
        window: 4,
        batch: BATCH,
        spacing: Duration::from_secs(1),
        backfill: Some(Duration::from_secs(25 * 24 * 3600)),
        ..options(place.devices.clone(), BATCHERS, &directory.join("devices"))
    };
    let fleet = Fleet::new(shape, &place.ca_pem)?;
    let all = enrolled(&place, &fleet).await?;
    let before = telemetry_bytes(&server)?;
    let report = load(&fleet, &all, seconds).await?;
    fleet.stop().await;
    figures.add_budgeted(
        "durable points in batches of 900",
        report.points_per_second,
        "points/s",
        "> 100000",
    );
    let points = fleet.shared.counters.points.get();

    // The compactor turns the log into blocks; what is on disk settles when it is done.
    let mut last = telemetry_bytes(&server)?;
    let began = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = telemetry_bytes(&server)?;
        if now == last || began.elapsed() > Duration::from_secs(180) {
            break;
        }
        last = now;
    }
    figures.add("files of telemetry when at rest", number(last) / 1_048_576.0, "MiB");

    let first = all.first().context("there are no devices")?;
    let api = &place.api;
    let newest: Series = api
        .get(
            &["devices", &first.name, "telemetry", "temperature"],
            &json!({ "step": 86_400, "from": ago(26), "to": ago(0) }),
        )
        .await?;
    let from = newest.steps.first().context("there is no telemetry to read")?.at;
    let to = from.checked_add(jiff::SignedDuration::from_hours(24))?;
    for (name, step) in [("raw points", None), ("5-minute steps", Some(300))] {
        let times = Histogram::default();
        let mut seen = 0;
        for _ in 0..100 {
            let query = RangeQuery { from: Some(from), to: Some(to), step };
            let began = Instant::now();
            let series: Series =
                api.get(&["devices", &first.name, "telemetry", "temperature"], &query).await?;
            times.record(began.elapsed());
            seen = series.points.len().max(series.steps.len());
        }
        let p50 = millis(times.percentile(500).unwrap_or_default());
        figures.add(format!("a day's range read over HTTP, {seen} {name}, p50"), p50, "ms");
    }

    // Ended well, everything that waits in write-ahead logs is in the files.
    let data = server.data();
    ensure!(server.stop().await?, "the server did not end well");
    let bytes = size_of(&data, "telemetry")?.saturating_sub(before);
    figures.add_budgeted(
        "bytes per point on disk, after a clean end",
        number(bytes) / number(points),
        "bytes",
        "< 8",
    );
    Ok(())
}

fn ago(days: i64) -> Option<jiff::Timestamp> {
    let now = SystemClock::default().now();
    let now = jiff::Timestamp::from_microsecond(now.micros()).ok()?;
    now.checked_sub(jiff::SignedDuration::from_hours(24 * days)).ok()
}

fn telemetry_bytes(server: &Process) -> anyhow::Result<u64> {
    size_of(&server.data(), "telemetry")
}

/// Bytes of the files and directories whose name starts so.
fn size_of(directory: &Path, start: &str) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(start) {
            let meta = entry.metadata()?;
            bytes += if meta.is_dir() { size_of(&entry.path(), "")? } else { meta.len() };
        }
    }
    Ok(bytes)
}

/// An update job over the whole connected fleet.
pub(crate) async fn job(directory: &Path, devices: u64, figures: &mut Figures) -> anyhow::Result<()> {
    terminal::note("update job");
    let server = Process::start(directory, &settings()).await?;
    let place = server.place().await?;
    let shape =
        Options { manages: true, ..options(place.devices.clone(), devices, &directory.join("devices")) };
    let fleet = Fleet::new(shape, &place.ca_pem)?;
    let all = enrolled(&place, &fleet).await?;
    connect(&fleet, &all).await?;

    let file = directory.join("bench-fw.bin");
    std::fs::write(&file, vec![0x5a; 16 * 1024])?;
    let artifact = artifact::upload(&place.api, &file, None, None).await?;
    let this = NameVersion { name: "bench-fw".to_owned(), version: "2.0.0".to_owned() };
    let component = NewComponent {
        name: this.name.clone(),
        version: this.version.clone(),
        component_type: "firmware".to_owned(),
        artifacts: vec![artifact.id],
    };
    let _: Component = place.api.write(Method::POST, &["components"], &component).await?;
    let release = NewRelease {
        name: this.name.clone(),
        version: this.version.clone(),
        components: vec![this.clone().into()],
        device_types: Vec::new(),
        notes: String::new(),
        rules: ReleaseRules::default(),
    };
    let _: Release = place.api.write(Method::POST, &["releases"], &release).await?;
    let new = NewJob {
        kind: JobKind::Update,
        description: String::new(),
        targets: Targets::Type(TYPE.to_owned()),
        release: Some(this),
        force: false,
        command: None,
        document: None,
        begin: Begin::Now,

        waves: Vec::new(),
        failure_threshold: None,
        timeouts: Timeouts::default(),
        retries: 0,
        rollout: windlass_api::rollouts::Rollout::default(),
    };
    let began = Instant::now();
    let made: Job = place.api.write(Method::POST, &["jobs"], &new).await?;
    figures.add_budgeted(
        format!("update job over {devices}: create and start"),
        began.elapsed().as_secs_f64(),
        "s",
        "< 5 (1M)",
    );
    let counters = &fleet.shared.counters;
    let bar = terminal::progress(devices, "taking the job up");
    while counters.jobs.get() < devices {
        bar.set_position(counters.jobs.get());
        ensure!(
            began.elapsed() < Duration::from_secs(900),
            "only {} devices heard of the job",
            counters.jobs.get()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bar.finish_and_clear();
    let heard = began.elapsed().as_secs_f64();
    figures.add_budgeted(
        format!("update job over {devices}: every device has taken it up"),
        heard,
        "s",
        "< 60 (100k)",
    );
    let bar = terminal::progress(devices, "installing");
    let done = follow::follow(&place.api, made.id, |job| bar.set_position(follow::done(&job.counts)));
    let done =
        tokio::time::timeout(Duration::from_secs(1_800), done).await.context("the job never ended")??;
    bar.finish_and_clear();
    figures.add(
        format!("update job over {devices}: downloaded, restarted, verified"),
        began.elapsed().as_secs_f64(),
        "s",
    );
    figures.add("of those verified or unverifiable", number(done.counts.succeeded), "devices");
    fleet.stop().await;
    ensure!(server.stop().await?, "the server did not end well");
    Ok(())
}
