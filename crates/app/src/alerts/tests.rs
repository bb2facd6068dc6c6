use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use windlass_domain::event::Severity;
use windlass_domain::ids::{AlertId, DeviceId};
use windlass_domain::limits::Limits;
use windlass_domain::permission::{Principal, Role};
use windlass_store::tenants::tenant_default;
use windlass_store::testing::START;
use windlass_store::{Location, StoreError, devices};

use super::*;
use crate::app::{App, AppConfig};
use crate::clock::{FixedClock, SystemEntropy};
use crate::devices::{DeviceSpec, NewDevice};
use crate::outbound::{NotTaken, Outgoing};
use crate::tasks::Tasks;

mod sending;
mod watching;

/// A receiver that notes what it is brought, and may be down.
#[derive(Debug, Default)]
struct Receiver {
    brought: Mutex<Vec<Outgoing>>,
    down: AtomicBool,
    hangs_for: Mutex<Option<String>>,
}

impl Courier for Receiver {
    fn may_call(&self, url: &str) -> Result<(), NotTaken> {
        if url.starts_with("https://") { Ok(()) } else { Err(NotTaken("must be https".to_owned())) }
    }

    fn has_mail(&self) -> bool {
        true
    }

    fn carry(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<(), NotTaken>> {
        let hangs = match (&outgoing, &*self.hangs_for.lock().unwrap()) {
            (Outgoing::Webhook(call), Some(url)) => call.url == *url,
            _ => false,
        };
        if hangs {
            return std::future::pending().boxed();
        }
        self.brought.lock().unwrap().push(outgoing);
        let down = self.down.load(Ordering::Relaxed);
        async move { if down { Err(NotTaken("it is down".to_owned())) } else { Ok(()) } }.boxed()
    }
}

impl Receiver {
    fn take(&self) -> Vec<Outgoing> {
        std::mem::take(&mut *self.brought.lock().unwrap())
    }

    /// The ids and events of webhooks that were brought since the last look.
    fn events(&self) -> Vec<(String, String)> {
        let webhooks = self.take().into_iter().map(|outgoing| match outgoing {
            Outgoing::Webhook(call) => {
                let body: serde_json::Value = serde_json::from_str(&call.body).unwrap();
                assert_eq!(body["id"], call.id);
                (call.id, body["event"].as_str().unwrap().to_owned())
            }
            Outgoing::Mail(mail) => (mail.id, mail.subject),
        });
        webhooks.collect()
    }
}

struct Bench {
    app: App,
    by: Principal,
    clock: Arc<FixedClock>,
    receiver: Arc<Receiver>,
    directory: tempfile::TempDir,
}

async fn open(directory: &std::path::Path, clock: &Arc<FixedClock>, receiver: &Arc<Receiver>) -> App {
    let data = directory.join("data");
    let config = AppConfig {
        location: Location::Sqlite { directory: data.clone() },
        directory: data,
        limits: Limits { free_disk_per_mille: 0, free_disk_bytes: 0, ..Limits::default() },
        hostnames: Vec::new(),
        public_url: None,
        server_side_keys: false,
    };
    let clock: Arc<FixedClock> = Arc::clone(clock);
    let app = App::start(config, clock, Arc::new(SystemEntropy), Tasks::new("test")).await.unwrap();
    app.alerts.use_courier(Arc::<Receiver>::clone(receiver));
    app
}

impl Bench {
    async fn new() -> Self {
        let (directory, clock) = (tempfile::tempdir().unwrap(), Arc::new(FixedClock::new(START)));
        let receiver = Arc::new(Receiver::default());
        let app = open(directory.path(), &clock, &receiver).await;
        let tenant = app.store.read(|tx| Box::pin(tenant_default(tx))).await.unwrap().id;
        Self { app, by: Principal::user(tenant, "ann", Role::Admin), clock, receiver, directory }
    }

    /// The server dies, with whatever was under way, and starts again.
    async fn crash(&mut self) {
        self.app.tasks.drain(Duration::from_secs(5)).await;
        self.app.live.save(&self.app.store, &self.app.telemetry, "local", START).await.unwrap();
        self.app.close().await;
        self.app = open(self.directory.path(), &self.clock, &self.receiver).await;
    }

    /// Devices that were heard at the start and not since.
    async fn devices(&self, count: usize) -> Vec<DeviceId> {
        let mut ids = Vec::new();
        for index in 0..count {
            let new = NewDevice { name: format!("pump-{index}"), spec: DeviceSpec::default() };
            let id = self.app.device_create(&self.by, new).await.unwrap().device.id;
            self.app
                .store
                .write::<_, StoreError, _>(move |tx| Box::pin(devices::device_seen(tx, id, START)))
                .await
                .unwrap();
            self.app.live.seen(id, START);
            ids.push(id);
        }
        self.app.fleet.refresh_devices(&self.app.store, ids.clone()).await.unwrap();
        ids
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    async fn look(&self) {
        while self.app.alerts_activate().await.unwrap() {}
    }

    async fn send(&self) {
        while self.app.outbox_activate().await.unwrap() {}
    }

    async fn webhook(&self, name: &str) -> ChannelPut {
        let url = format!("https://{name}.example/x");
        self.channel(name, TargetInput::Webhook { url, secret: None }, Severity::Info).await
    }

    async fn channel(&self, name: &str, target: TargetInput, minimum: Severity) -> ChannelPut {
        let input = ChannelInput { target, alerts: vec![], minimum, enabled: true };
        self.app.channel_put(&self.by, &name.parse().unwrap(), &input, None).await.unwrap()
    }

    async fn alerts(&self, open: Option<bool>) -> Vec<Alert> {
        let filter = Filter { open, ..Filter::default() };
        let page = self.app.alert_list(&self.by, &filter, None, 1_000).await.unwrap();
        page.items.into_iter().map(|view| view.alert).collect()
    }

    async fn deliveries(&self, name: &str) -> Vec<Delivery> {
        self.app.channel_deliveries(&self.by, &name.parse().unwrap(), None, 1_000).await.unwrap()
    }
}

/// Longer than a device of no type may be silent.
const SILENCE: u64 = 3 * 3_600;

#[tokio::test]
async fn people_acknowledge_and_close_and_both_are_audited() {
    let bench = Bench::new().await;
    bench.webhook("hook").await;
    bench.devices(1).await;
    bench.advance(SILENCE);
    bench.look().await;
    let id = bench.alerts(Some(true)).await[0].id;
    let olga = Principal::user(bench.by.tenant, "olga", Role::Operator);
    let viewer = Principal::user(bench.by.tenant, "vera", Role::Viewer);
    assert!(matches!(bench.app.alert_acknowledge(&viewer, id).await, Err(AppError::Forbidden(_))));
    let known = bench.app.alert_acknowledge(&olga, id).await.unwrap();
    assert_eq!(known.alert.acknowledged.as_ref().unwrap().1, "olga");
    let again = bench.app.alert_acknowledge(&bench.by, id).await.unwrap();
    assert_eq!(again.alert.acknowledged.unwrap().1, "olga");
    let closed = bench.app.alert_close(&olga, id, "in the workshop").await.unwrap();
    assert_eq!(closed.alert.closed.unwrap().1, "in the workshop");
    assert!(matches!(bench.app.alert_close(&olga, id, "").await, Err(AppError::Conflict { .. })));
    assert!(matches!(bench.app.alert_acknowledge(&olga, id).await, Err(AppError::Conflict { .. })));
    bench.look().await;
    assert!(bench.alerts(Some(true)).await.is_empty(), "it stays closed while the device is silent");
    bench.send().await;
    let told: Vec<String> = bench.receiver.events().into_iter().map(|(_, event)| event).collect();
    assert_eq!(told, ["alert.opened", "alert.closed"]);
    let audited = bench.app.audit_list(&bench.by, crate::audit::Filter::default(), 100).await.unwrap();
    let actions: Vec<&str> = audited.iter().map(|one| one.action.as_str()).collect();
    assert_eq!(actions[..2], ["alert.close", "alert.acknowledge"]);
    let missing = bench.app.alert_close(&olga, AlertId::new(999), "").await;
    assert!(matches!(missing, Err(AppError::NotFound { .. })));
}

#[tokio::test]
async fn a_scope_shows_the_alerts_of_its_devices_only() {
    let bench = Bench::new().await;
    let ids = bench.devices(2).await;
    bench.advance(SILENCE);
    bench.look().await;
    let scoped = Principal { scope: Some("name==pump-1".to_owned()), ..bench.by.clone() };
    let page = bench.app.alert_list(&scoped, &Filter::default(), None, 10).await.unwrap();
    let seen: Vec<_> = page.items.iter().map(|view| view.alert.about.device()).collect();
    assert_eq!((seen, page.total), (vec![Some(ids[1])], None));
    let other = bench.alerts(None).await.into_iter().find(|one| one.about.device() == Some(ids[0])).unwrap();
    for gone in [
        bench.app.alert_get(&scoped, other.id).await,
        bench.app.alert_acknowledge(&scoped, other.id).await,
        bench.app.alert_close(&scoped, other.id, "").await,
    ] {
        assert!(matches!(gone, Err(AppError::NotFound { .. })), "{gone:?}");
    }
    let hidden = Filter { device: Some("pump-0".parse().unwrap()), ..Filter::default() };
    let gone = bench.app.alert_list(&scoped, &hidden, None, 10).await;
    assert!(matches!(gone, Err(AppError::NotFound { .. })), "{gone:?}");
    assert!(matches!(bench.app.channel_list(&scoped).await, Err(AppError::Forbidden(_))));
}

#[tokio::test]
async fn a_channel_keeps_its_secret_and_shows_it_once() {
    let bench = Bench::new().await;
    let first = bench.webhook("hook").await;
    assert!(first.secret.unwrap().starts_with("whsec_"));
    let second = bench.webhook("hook").await;
    assert_eq!((second.secret, &second.channel.spec.target), (None, &first.channel.spec.target));
    assert!(!format!("{:?}", second.channel).contains("key: ["), "a secret is in no log");
    let given = TargetInput::Webhook {
        url: "https://a.example".to_owned(),
        secret: Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
    };
    let third = bench.channel("hook", given, Severity::Info).await;
    assert_ne!(third.channel.spec.target, first.channel.spec.target);
}

#[tokio::test]
async fn every_bad_field_of_a_channel_is_named() {
    let bench = Bench::new().await;
    let put = async |target| {
        let input = ChannelInput { target, alerts: vec![], minimum: Severity::Info, enabled: true };
        match bench.app.channel_put(&bench.by, &"c".parse().unwrap(), &input, None).await {
            Err(AppError::Invalid(problems)) => problems.into_iter().map(|one| one.field).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    let (url, secret) = ("http://169.254.169.254/".to_owned(), Some("whsec_c2hvcnQ=".to_owned()));
    assert_eq!(put(TargetInput::Webhook { url, secret }).await, ["url", "secret"]);
    let url = format!("https://{}", "x".repeat(3_000));
    assert_eq!(put(TargetInput::Webhook { url, secret: None }).await, ["url"]);
    let to = vec!["ok@example.com".to_owned(), "a@b\r\nBcc: c@d".to_owned()];
    assert_eq!(put(TargetInput::Email { to }).await, ["to.1"]);
    assert_eq!(put(TargetInput::Email { to: vec![] }).await, ["to"]);
}
