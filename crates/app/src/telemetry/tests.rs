use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use windlass_domain::device::DeviceKind;
use windlass_domain::ids::TenantId;
use windlass_domain::limits::Limits;
use windlass_store::Location;
use windlass_store::devices::{NewDevice, device_insert};
use windlass_store::tenants::tenant_default;
use windlass_store::testing::START;

use super::*;
use crate::app::AppConfig;
use crate::clock::{FixedClock, SystemEntropy};
use crate::tasks::Tasks;

struct Bench {
    app: App,
    clock: Arc<FixedClock>,
    by: Principal,
    directory: tempfile::TempDir,
}

fn config(directory: &tempfile::TempDir) -> AppConfig {
    let directory = directory.path().join("data");
    AppConfig {
        location: Location::Sqlite { directory: directory.clone() },
        directory,
        // The disk of the machine that runs the tests is not what they are about.
        limits: Limits { free_disk_per_mille: 0, free_disk_bytes: 0, ..Limits::default() },
        hostnames: Vec::new(),
        public_url: None,
        server_side_keys: false,
    }
}

async fn start(directory: tempfile::TempDir) -> Bench {
    let clock = Arc::new(FixedClock::new(START));
    let shared: Arc<dyn crate::clock::Clock> = Arc::<FixedClock>::clone(&clock);
    let app =
        App::start(config(&directory), shared, Arc::new(SystemEntropy), Tasks::new("test")).await.unwrap();
    let tenant = app.store.read(|tx| Box::pin(tenant_default(tx))).await.unwrap().id;
    Bench { app, clock, by: Principal::system(tenant, "test"), directory }
}

impl Bench {
    async fn fresh() -> Self {
        start(tempfile::tempdir().unwrap()).await
    }

    async fn device(&self, name: &str) -> (DeviceName, DeviceId) {
        let name: DeviceName = name.parse().unwrap();
        let new = NewDevice {
            tenant: self.by.tenant,
            name: name.clone(),
            device_type: None,
            kind: DeviceKind::Device,
            parent: None,
            attributes: BTreeMap::new(),
            tags: BTreeSet::new(),
        };
        let device = self
            .app
            .store
            .write(move |tx| {
                let new = new.clone();
                Box::pin(async move { device_insert(tx, &new, START).await })
            })
            .await
            .unwrap()
            .unwrap();
        self.app.fleet.refresh_devices(&self.app.store, [device.id]).await.unwrap();
        (name, device.id)
    }

    fn prepared(&self, device: DeviceId, payload: &str) -> Prepared {
        prepare(&self.app, device, payload.as_bytes(), Format::Json, START).unwrap()
    }

    async fn send(&self, device: DeviceId, payload: &str) {
        let answers = self.app.append_telemetry(vec![self.prepared(device, payload)]).await.unwrap();
        assert_eq!(answers, [Appended::Stored]);
    }

    /// The process dies: nothing is saved on the way.
    async fn crash(self) -> Self {
        self.app.telemetry.close().await;
        self.app.store.close().await;
        let Self { app, directory, .. } = self;
        drop(app);
        start(directory).await
    }
}

async fn raw(bench: &Bench, device: &DeviceName, metric: &str) -> Vec<Value> {
    let whole = Resolution::Raw { limit: 100, newest_first: false };
    let metric = metric.parse().unwrap();
    let (from, to) = (Timestamp::from_seconds(0), START.plus(Duration::from_secs(86_400)));
    match bench.app.telemetry_query(&bench.by, device, &metric, from, to, whole).await.unwrap() {
        Series::Raw { points, more: false } => points.into_iter().map(|point| point.value).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_payload_that_cannot_be_used_is_refused_with_a_sentence() {
    let bench = Bench::fresh().await;
    let device = DeviceId::new(1);
    let refused =
        |payload: &str| prepare(&bench.app, device, payload.as_bytes(), Format::Json, START).unwrap_err();
    assert!(refused("{").starts_with("the payload is not valid JSON"));
    assert_eq!(
        refused("[1]"),
        "telemetry is an object such as {\"temp\":21.5} or an array of them, not an array of numbers"
    );
    let long = "x".repeat(257);
    assert_eq!(
        refused(&format!("{{\"note\":\"{long}\"}}")),
        "metric note has a text of 257 bytes, the limit is 256"
    );
    let many: Vec<String> = (0..10_000).map(|n| format!("\"m{n}\":1")).collect();
    assert_eq!(refused(&format!("{{{}}}", many.join(","))), "the message has more than 1000 points");
    let cbor = prepare(&bench.app, device, b"\xa1\x61t\xf9\x7e\x00", Format::Cbor, START).unwrap_err();
    assert_eq!(cbor, "metric t is not a finite number");
}

#[tokio::test]
async fn year_old_points_are_dropped_and_counted_and_future_ones_get_the_servers_time() {
    let bench = Bench::fresh().await;
    let now = START.millis();
    let year = 366 * 86_400_000_i64;
    let payload = format!(
        r#"[{{"ts":{},"values":{{"t":1}}}},{{"ts":{},"values":{{"t":2}}}},{{"ts":{},"values":{{"t":3}}}}]"#,
        now - year,
        now + year,
        now - 40 * 86_400_000
    );
    let prepared = bench.prepared(DeviceId::new(1), &payload);
    assert_eq!(prepared.too_old, 1);
    let stamps: Vec<_> = prepared.message.points.iter().map(|point| (point.at, point.stamp)).collect();
    use windlass_domain::telemetry::Stamp;
    assert_eq!(stamps, [(START, Stamp::Ahead), (START.minus(Duration::from_secs(40 * 86_400)), Stamp::Late)]);
}

#[tokio::test]
async fn what_was_stored_is_answered_before_and_after_upkeep_and_a_crash() {
    let bench = Bench::fresh().await;
    let (name, device) = bench.device("pump-1").await;
    bench.send(device, r#"{"temp":21.5,"state":"on"}"#).await;
    let expected = [Value::Number(21.5)];
    assert_eq!(raw(&bench, &name, "temp").await, expected);
    let bench = bench.crash().await;
    assert_eq!(raw(&bench, &name, "temp").await, expected);
    assert_eq!(bench.app.telemetry_upkeep().await.unwrap(), 2);
    assert_eq!(bench.app.telemetry.backlog().rows, 0);
    assert_eq!(raw(&bench, &name, "temp").await, expected);
    bench.send(device, r#"{"temp":22}"#).await;
    let bench = bench.crash().await;
    let latest: Vec<(String, Value)> = bench
        .app
        .telemetry_latest(&bench.by, &name)
        .await
        .unwrap()
        .into_iter()
        .map(|point| (point.metric.into_string(), point.value))
        .collect();
    assert_eq!(latest[0], ("state".to_owned(), Value::Text("on".into())));
    assert_eq!(latest[1].0, "temp");
    assert_eq!(bench.app.live.last_seen(device), Some(START));
    assert_eq!(bench.app.telemetry_metrics(&bench.by, &name).await.unwrap().len(), 2);
    drop(bench.clock);
}

#[tokio::test]
async fn the_last_values_of_a_device_with_many_metrics_are_all_found() {
    let bench = Bench::fresh().await;
    let (name, device) = bench.device("chatty").await;
    let many: Vec<String> = (0..200).map(|n| format!("\"m{n}\":{n}")).collect();
    bench.send(device, &format!("{{{}}}", many.join(","))).await;
    assert_eq!(bench.app.telemetry_latest(&bench.by, &name).await.unwrap().len(), 200);
}

#[tokio::test]
async fn a_device_of_another_tenant_does_not_exist() {
    let bench = Bench::fresh().await;
    let (name, _) = bench.device("pump-1").await;
    let stranger = Principal::system(TenantId::new(bench.by.tenant.get() + 1), "test");
    for device in [&name, &"unknown".parse().unwrap()] {
        let error = bench.app.telemetry_latest(&stranger, device).await.unwrap_err();
        assert_eq!(error.code(), "not_found");
    }
}

#[tokio::test]
async fn questions_that_cannot_be_answered_name_the_field() {
    let bench = Bench::fresh().await;
    let (name, _) = bench.device("pump-1").await;
    let later = START.plus(Duration::from_secs(86_400));
    let steps = |seconds| Resolution::Steps(Duration::from_secs(seconds));
    let raw = |limit| Resolution::Raw { limit, newest_first: false };
    for (to, resolution, field) in [
        (START, steps(60), "to"),
        (later, steps(0), "step"),
        (later, steps(1), "step"),
        (later, raw(0), "limit"),
        (later, raw(RAW_POINTS + 1), "limit"),
    ] {
        let metric = "t".parse().unwrap();
        match bench.app.telemetry_query(&bench.by, &name, &metric, START, to, resolution).await.unwrap_err() {
            AppError::Invalid(problems) => assert_eq!(problems[0].field, field),
            other => panic!("{other}"),
        }
    }
}

#[derive(Debug, Clone)]
struct Switch(Arc<AtomicBool>);

impl DiskProbe for Switch {
    fn space(&self) -> std::io::Result<DiskSpace> {
        let free = if self.0.load(Ordering::Relaxed) { 0 } else { u64::MAX };
        Ok(DiskSpace { free, total: u64::MAX })
    }
}

#[tokio::test]
async fn a_full_disk_refuses_telemetry_without_storing_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(&directory);
    config.limits = Limits { free_disk_bytes: u64::MAX, ..Limits::default() };
    let clock = Arc::new(FixedClock::new(START));
    let app = App::start(config, clock, Arc::new(SystemEntropy), Tasks::new("test")).await.unwrap();
    let prepared = prepare(&app, DeviceId::new(1), b"{\"t\":1}", Format::Json, START).unwrap();
    let error = app.append_telemetry(vec![prepared]).await.unwrap_err();
    assert_eq!(error.code(), "disk_full");
    assert_eq!(app.telemetry.backlog().rows, 0);
    assert_eq!(app.live.last_seen(DeviceId::new(1)), None);
    let full = Arc::new(AtomicBool::new(true));
    let guard = DiskGuard::new(Box::new(Switch(Arc::clone(&full))), &Limits::default());
    assert!(guard.is_low());
    full.store(false, Ordering::Relaxed);
    guard.look();
    assert!(!guard.is_low());
}
