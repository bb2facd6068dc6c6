//! Measures telemetry storage on this machine and prints figures:
//! `cargo run --release -p windlass-store --example telemetry_bench --features testing -- [DIRECTORY] [DEVICES] [MINUTES]`
//!
//! Every device sends five metrics a minute (a temperature walk, battery, signal, counter, percentage), device by
//! device, 400 messages to a commit, the next commit when the last one is durable; compaction and merging run beside.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a bench prints figures and stops at the first error"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use windlass_domain::ids::{DeviceId, MetricName};
use windlass_domain::telemetry::{Point, Stamp, Value};
use windlass_domain::time::Timestamp;
use windlass_store::telemetry::{Maintained, Order, Position, Received, Telemetry, Window};
use windlass_store::{Location, Store};

/// What came out.
#[derive(Debug)]
struct Figures {
    points: usize,
    points_per_second: f64,
    commit_p50: Duration,
    commit_p99: Duration,
    bytes_per_point: f64,
    file_bytes_per_point: f64,
    day_p50: Duration,
    day_p99: Duration,
    hours_p50: Duration,
}

/// A generator of its own, so that two runs measure the same data.
struct Noise(u64);

impl Noise {
    fn next(&mut self, below: u64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 % below).unwrap()
    }
}

const START: Timestamp = Timestamp::from_seconds(1_767_225_600);
const METRICS: [&str; 5] = ["temperature", "battery", "rssi", "uptime", "load"];
const MESSAGES: usize = 400;

fn message(
    noise: &mut Noise,
    names: &[MetricName],
    walks: &mut [i64],
    device: usize,
    minute: u64,
) -> Received {
    let at = START.plus(Duration::from_secs(minute * 60)).plus(Duration::from_millis(
        u64::try_from(device % 60).unwrap() * 1_000 + u64::try_from(noise.next(50)).unwrap(),
    ));
    let walk = &mut walks[device];
    *walk += noise.next(5) - 2;
    let values = [
        (200 + *walk) as f64 / 10.0,
        (100 - minute / 60 % 100) as f64,
        -60.0 - noise.next(12) as f64,
        (minute * 60) as f64,
        noise.next(10_000) as f64 / 100.0,
    ];
    let points = names
        .iter()
        .zip(values)
        .map(|(metric, value)| Point {
            metric: metric.clone(),
            at,
            value: Value::Number(value),
            stamp: Stamp::Device,
        })
        .collect();
    Received { device: DeviceId::new(i64::try_from(device + 1).unwrap()), received_at: at, points }
}

fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * share) as usize]
}

async fn measure(directory: &Path, devices: usize, minutes: u64) -> Figures {
    let store = Store::open(&Location::Sqlite { directory: directory.to_owned() }, START).await.unwrap();
    let telemetry = Telemetry::open(&store, 1_000).await.unwrap();
    let names: Vec<MetricName> = METRICS.iter().map(|name| name.parse().unwrap()).collect();
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    let mut walks = vec![0; devices];
    let mut commits = Vec::new();
    let mut points = 0;
    let begun = Instant::now();
    let compactor = {
        let telemetry = telemetry.clone();
        async move {
            loop {
                let ever = Position::new(i64::MAX);
                if telemetry.backlog().bytes < 1 << 20
                    || telemetry.compact(ever, START).await.unwrap().rows == 0
                {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                while telemetry.maintain(START).await.unwrap() != Maintained::default() {}
            }
        }
    };
    let compactor = tokio::spawn(compactor);
    let mut batch = Vec::with_capacity(MESSAGES);
    for minute in 0..minutes {
        for device in 0..devices {
            batch.push(message(&mut noise, &names, &mut walks, device, minute));
            if batch.len() == MESSAGES || device + 1 == devices {
                points += batch.len() * METRICS.len();
                let commit = Instant::now();
                telemetry.append(std::mem::take(&mut batch)).await.unwrap();
                commits.push(commit.elapsed());
            }
        }
    }
    while telemetry.backlog().bytes >= 1 << 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = begun.elapsed();
    compactor.abort();
    drop(compactor.await);

    let window = Window { from: START, to: START.plus(Duration::from_secs(minutes * 60)) };
    let (mut days, mut hours) = (Vec::new(), Vec::new());
    for _ in 0..500 {
        let device = DeviceId::new(1 + noise.next(u64::try_from(devices).unwrap()));
        let asked = Instant::now();
        let raw = telemetry.raw(device, &names[0], window, 100_000, Order::OldestFirst).await.unwrap();
        days.push(asked.elapsed());
        assert_eq!(raw.points.len(), usize::try_from(minutes).unwrap(), "every minute is there");
        let asked = Instant::now();
        telemetry.steps(device, &names[0], window, Duration::from_secs(300)).await.unwrap();
        hours.push(asked.elapsed());
    }
    while telemetry.compact(Position::new(i64::MAX), START).await.unwrap().rows > 0 {}
    let later = START.plus(Duration::from_secs(minutes * 60 + 10 * 86_400));
    while telemetry.maintain(later).await.unwrap() != Maintained::default() {}
    let stored = telemetry.stored().await.unwrap();
    telemetry.close().await;
    store.close().await;
    let file = std::fs::metadata(directory.join("telemetry.db")).unwrap().len();
    Figures {
        points,
        points_per_second: points as f64 / took.as_secs_f64(),
        commit_p50: percentile(&mut commits, 0.5),
        commit_p99: percentile(&mut commits, 0.99),
        bytes_per_point: (stored.bytes + stored.rollup_bytes) as f64 / points as f64,
        file_bytes_per_point: file as f64 / points as f64,
        day_p50: percentile(&mut days, 0.5),
        day_p99: percentile(&mut days, 0.99),
        hours_p50: percentile(&mut hours, 0.5),
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let fresh = tempfile::tempdir().unwrap();
    let directory = arguments.next().map_or_else(|| fresh.path().join("data"), Into::into);
    let devices = arguments.next().map_or(1_000, |text| text.parse().unwrap());
    let minutes = arguments.next().map_or(1_440, |text| text.parse().unwrap());
    let Figures {
        points,
        points_per_second,
        commit_p50,
        commit_p99,
        bytes_per_point,
        file_bytes_per_point,
        day_p50,
        day_p99,
        hours_p50,
    } = measure(&directory, devices, minutes).await;
    println!("{devices} devices, {minutes} minutes, {points} points");
    println!(
        "durable and compacted: {points_per_second:.0} points/s; commit p50 {commit_p50:?}, p99 {commit_p99:?}"
    );
    println!(
        "blocks and rollups: {bytes_per_point:.2} bytes/point; file: {file_bytes_per_point:.2} bytes/point"
    );
    println!("read of one series: p50 {day_p50:?}, p99 {day_p99:?}; in 5-minute steps: p50 {hours_p50:?}");
}
