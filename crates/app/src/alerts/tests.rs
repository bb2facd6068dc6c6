use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use windlass_domain::alert::AlertKind;
use windlass_domain::event::Severity;
use windlass_domain::ids::{AlertId, DeviceId};
use windlass_domain::limits::Limits;
use windlass_domain::notify::{DeliveryState, Telling};
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
async fn a_device_that_falls_silent_is_told_of_once_and_again_when_it_is_heard() {
    let mut bench = Bench::new().await;
    bench.webhook("hook").await;
    let ids = bench.devices(2).await;
    bench.look().await;
    assert!(bench.alerts(None).await.is_empty());
    bench.advance(SILENCE);
    bench.app.live.seen(ids[1], bench.app.clock.now());
    for _ in 0..3 {
        bench.look().await;
        bench.send().await;
    }
    let open = bench.alerts(Some(true)).await;
    assert_eq!(open.iter().map(|alert| alert.about.device()).collect::<Vec<_>>(), [Some(ids[0])]);
    assert_eq!(open[0].subject, "pump-0 is overdue");
    let told = bench.receiver.events();
    assert_eq!(told.iter().map(|(_, event)| event.as_str()).collect::<Vec<_>>(), ["alert.opened"]);
    bench.crash().await;
    bench.look().await;
    bench.send().await;
    assert!(bench.receiver.events().is_empty(), "a restart tells nobody again");
    bench.app.live.seen(ids[0], bench.app.clock.now());
    bench.look().await;
    bench.send().await;
    assert_eq!(bench.receiver.events()[0].1, "alert.closed");
    let closed = bench.alerts(Some(false)).await;
    assert_eq!(closed[0].closed.as_ref().unwrap().1, "the device was heard again");
    assert!(bench.alerts(Some(true)).await.is_empty());
}

#[tokio::test]
async fn a_server_that_was_down_for_a_day_blames_no_device_until_it_has_listened() {
    let mut bench = Bench::new().await;
    bench.devices(3).await;
    bench.advance(24 * 3_600);
    bench.crash().await;
    bench.look().await;
    assert!(bench.alerts(None).await.is_empty());
    bench.advance(SILENCE);
    bench.look().await;
    assert_eq!(bench.alerts(Some(true)).await.len(), 3);
}

#[tokio::test]
async fn an_outage_of_a_whole_fleet_is_a_handful_of_messages() {
    let bench = Bench::new().await;
    bench.webhook("hook").await;
    let ids = bench.devices(600).await;
    bench.advance(SILENCE);
    bench.look().await;
    bench.send().await;
    assert_eq!(bench.receiver.take().len(), 20);
    bench.advance(61);
    bench.send().await;
    let rest = bench.receiver.take();
    let [Outgoing::Webhook(call)] = rest.as_slice() else { panic!("{rest:?}") };
    let body: serde_json::Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(body["opened"]["deviceOverdue"], 580);
    assert_eq!(body["detail"], "and 580 more alerts opened (deviceOverdue 580)");
    for id in ids {
        bench.app.live.seen(id, bench.app.clock.now());
    }
    bench.look().await;
    bench.advance(61);
    bench.send().await;
    assert_eq!(bench.receiver.take().len(), 21, "the end of it is no flood either");
    assert!(bench.alerts(Some(true)).await.is_empty());
}

#[tokio::test]
async fn a_crash_between_any_two_steps_loses_nothing_and_repeats_under_the_same_id() {
    let mut bench = Bench::new().await;
    let put = bench.webhook("hook").await;
    bench.devices(1).await;
    bench.advance(SILENCE);
    bench.look().await;
    bench.crash().await;
    // Begun, and the server dies before anything is sent.
    let (id, now) = (put.channel.id, bench.app.clock.now());
    let again = now.plus(Duration::from_secs(90));
    let begun = bench
        .app
        .store
        .write::<_, StoreError, _>(move |tx| Box::pin(windlass_store::outbox::begin(tx, id, again, now)))
        .await
        .unwrap()
        .unwrap();
    bench.crash().await;
    bench.send().await;
    assert!(bench.receiver.take().is_empty(), "it may be under way elsewhere");
    bench.advance(90);
    bench.receiver.down.store(true, Ordering::Relaxed);
    bench.send().await;
    assert_eq!(bench.receiver.events(), [(begun.message.clone(), "alert.opened".to_owned())]);
    bench.crash().await;
    bench.receiver.down.store(false, Ordering::Relaxed);
    bench.advance(30);
    bench.send().await;
    assert_eq!(bench.receiver.events(), [(begun.message.clone(), "alert.opened".to_owned())]);
    bench.crash().await;
    bench.advance(24 * 3_600);
    bench.send().await;
    assert!(bench.receiver.take().is_empty(), "delivered once");
    let all = bench.deliveries("hook").await;
    assert_eq!((all[0].state, all[0].tries, all[0].last_error.as_ref()), (DeliveryState::Delivered, 3, None));
}

#[tokio::test]
async fn a_receiver_that_stays_away_is_given_up_after_a_day() {
    let bench = Bench::new().await;
    bench.webhook("hook").await;
    bench.devices(1).await;
    bench.advance(SILENCE);
    bench.look().await;
    bench.receiver.down.store(true, Ordering::Relaxed);
    let mut tries = 0;
    for _ in 0..400 {
        bench.send().await;
        tries += bench.receiver.take().len();
        bench.advance(300);
    }
    assert!((80..=100).contains(&tries), "{tries}");
    let all = bench.deliveries("hook").await;
    assert_eq!((all[0].state, all[0].telling), (DeliveryState::Failed, Telling::Opened));
    let channel = bench.app.channel_get(&bench.by, &"hook".parse().unwrap()).await.unwrap();
    assert_eq!(channel.last.unwrap().2, "it is down");
}

#[tokio::test]
async fn a_channel_that_hangs_holds_up_no_other() {
    let bench = Bench::new().await;
    bench.webhook("a-hangs").await;
    bench.webhook("b-works").await;
    *bench.receiver.hangs_for.lock().unwrap() = Some("https://a-hangs.example/x".to_owned());
    bench.devices(1).await;
    bench.advance(SILENCE);
    bench.look().await;
    let keeper = bench.app.clone().outbox_keeper();
    let arrived = async {
        while bench.receiver.brought.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = keeper => panic!("the sender does not end"),
        () = arrived => {}
    }
    let brought = bench.receiver.take();
    assert!(matches!(&brought[..], [Outgoing::Webhook(call)] if call.url.contains("b-works")), "{brought:?}");
}

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
async fn a_device_out_of_service_is_watched_no_longer() {
    let bench = Bench::new().await;
    bench.devices(1).await;
    bench.advance(SILENCE);
    bench.look().await;
    assert_eq!(bench.alerts(Some(true)).await.len(), 1);
    let name = "pump-0".parse().unwrap();
    bench
        .app
        .device_lifecycle(&bench.by, &name, crate::devices::LifecycleChange::Suspend, None)
        .await
        .unwrap();
    bench.look().await;
    let closed = bench.alerts(None).await;
    assert_eq!(closed[0].closed.as_ref().unwrap().1, "the device is out of service");
}

#[tokio::test]
async fn a_certificate_is_told_of_near_its_end_and_again_past_it_to_those_who_hear_of_the_worst_only() {
    let bench = Bench::new().await;
    let mail = TargetInput::Email { to: vec!["ops@example.com".to_owned()] };
    bench.channel("worst", mail, Severity::Error).await;
    let claim =
        crate::enrol::NewClaim { name: "line-1".to_owned(), templates: vec![], expires_at: None, csr: None };
    bench.app.claim_create(&bench.by, claim).await.unwrap();
    bench.look().await;
    assert!(bench.alerts(None).await.is_empty());
    bench.advance(340 * 24 * 3_600);
    bench.look().await;
    bench.send().await;
    let kinds: Vec<_> =
        bench.alerts(Some(true)).await.iter().map(|one| (one.kind, one.subject.clone())).collect();
    let wanted =
        (AlertKind::CertificateExpiring, "The certificate of claim line-1 is near its end".to_owned());
    assert!(kinds.contains(&wanted), "{kinds:?}");
    let told: Vec<String> = bench.receiver.events().into_iter().map(|(_, subject)| subject).collect();
    assert!(told.is_empty(), "{told:?}");
    bench.advance(60 * 24 * 3_600);
    bench.look().await;
    bench.send().await;
    let told: Vec<String> = bench.receiver.events().into_iter().map(|(_, subject)| subject).collect();
    assert!(told.contains(&"[error] The certificate of claim line-1 has ended".to_owned()), "{told:?}");
    bench.app.claim_revoke(&bench.by, "line-1").await.unwrap();
    bench.advance(3_600);
    bench.look().await;
    let left = bench.alerts(Some(true)).await;
    assert!(left.iter().all(|one| !one.subject.contains("claim")), "{left:?}");
}

#[tokio::test]
async fn of_two_short_certificates_of_a_device_the_one_that_lasts_longer_counts() {
    use windlass_domain::credential::{CredentialPurpose, CredentialStatus};
    use windlass_domain::ids::Sha256;
    use windlass_store::credentials::{self, NewCredential};
    const DAY: u64 = 24 * 3_600;
    let bench = Bench::new().await;
    let (tenant, device) = (bench.by.tenant, bench.devices(1).await[0]);
    // The later one was made first: the order of their numbers says nothing.
    for (serial, from, to) in [("b", 8 * DAY, 20 * DAY), ("a", 0, 12 * DAY)] {
        let new = NewCredential {
            tenant,
            device: Some(device),
            claim: None,
            purpose: CredentialPurpose::Device,
            status: CredentialStatus::Active,
            fingerprint: Sha256::of(serial.as_bytes()),
            public_key: Sha256::of(serial.as_bytes()),
            serial: serial.to_owned(),
            certificate_pem: String::new(),
            not_before: START.plus(Duration::from_secs(from)),
            not_after: START.plus(Duration::from_secs(to)),
            ownership: None,
        };
        bench
            .app
            .store
            .write::<_, StoreError, _>(move |tx| {
                let new = new.clone();
                Box::pin(async move { credentials::insert(tx, &new, START).await })
            })
            .await
            .unwrap();
    }
    let ending = async || {
        let open = bench.alerts(Some(true)).await;
        open.into_iter().filter(|one| one.kind == AlertKind::CertificateExpiring).collect::<Vec<_>>()
    };
    bench.advance(11 * DAY);
    bench.look().await;
    assert_eq!(ending().await, [], "the device has renewed its certificate");
    bench.advance(8 * DAY);
    bench.look().await;
    let found = ending().await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].detail.contains("2026-01-21"), "{found:?}");
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

#[tokio::test]
async fn a_channel_switched_off_is_told_nothing() {
    let bench = Bench::new().await;
    let put = bench.webhook("hook").await;
    bench.devices(2).await;
    bench.advance(SILENCE);
    bench.look().await;
    let Target::Webhook { url, .. } = put.channel.spec.target else { panic!("a webhook") };
    let target = TargetInput::Webhook { url, secret: None };
    let off = ChannelInput { target, alerts: vec![], minimum: Severity::Info, enabled: false };
    let name = "hook".parse().unwrap();
    bench.app.channel_put(&bench.by, &name, &off, Some(1)).await.unwrap();
    bench.send().await;
    assert!(bench.receiver.take().is_empty());
    assert!(bench.deliveries("hook").await.iter().all(|one| one.state == DeliveryState::Failed));
    let stale = bench.app.channel_put(&bench.by, &name, &off, Some(1)).await;
    assert!(matches!(stale, Err(AppError::VersionMismatch { current: 2 })), "{stale:?}");
    let tested = bench.app.channel_test(&bench.by, &name).await.unwrap();
    assert_eq!(tested.state, DeliveryState::Delivered, "but it can be tried out");
    assert_eq!(bench.receiver.events()[0].1, "test");
    bench.app.channel_delete(&bench.by, &name).await.unwrap();
    assert!(matches!(bench.app.channel_delete(&bench.by, &name).await, Err(AppError::NotFound { .. })));
}

#[tokio::test]
async fn a_failed_backup_is_told_of_until_one_succeeds() {
    use windlass_store::backups::{BackupOutcome, outcome_save};
    let bench = Bench::new().await;
    bench.webhook("hook").await;
    let save = async |outcome: BackupOutcome| {
        bench
            .app
            .store
            .write::<_, StoreError, _>(move |tx| {
                let outcome = outcome.clone();
                Box::pin(async move { outcome_save(tx, "local", &outcome).await })
            })
            .await
            .unwrap();
        bench.look().await;
        bench.send().await;
    };
    let failed = BackupOutcome {
        attempted_at: START,
        succeeded_at: None,
        name: None,
        problem: Some("no space".to_owned()),
    };
    save(failed.clone()).await;
    save(BackupOutcome { attempted_at: START.plus(Duration::from_secs(60)), ..failed.clone() }).await;
    let open = bench.alerts(Some(true)).await;
    assert_eq!((open[0].kind, open[0].count), (AlertKind::BackupFailed, 2));
    assert!(open[0].detail.contains("no space"), "{}", open[0].detail);
    save(BackupOutcome { succeeded_at: Some(START), problem: None, ..failed }).await;
    assert!(bench.alerts(Some(true)).await.is_empty());
    let told: Vec<String> = bench.receiver.events().into_iter().map(|(_, event)| event).collect();
    assert_eq!(told, ["alert.opened", "alert.closed"], "and not again for each attempt");
}

#[tokio::test]
async fn a_device_that_waits_is_told_of_until_somebody_decides() {
    use windlass_domain::enrol::{PendingSource, PendingState};
    use windlass_domain::ids::Sha256;
    use windlass_store::pending::{self, Wish};
    let bench = Bench::new().await;
    let wish = Wish {
        name: Some("pump-7".to_owned()),
        source: PendingSource::Claim,
        claim: None,
        template: None,
        device_type: None,
        fingerprint: Sha256::of(b"certificate"),
        public_key: Sha256::of(b"key"),
        certificate_pem: None,
        reason: "a device of this name is enrolled already".to_owned(),
    };
    let tenant = bench.by.tenant;
    let id = bench
        .app
        .store
        .write::<_, StoreError, _>(move |tx| {
            let wish = wish.clone();
            Box::pin(async move { pending::note(tx, tenant, &wish, START).await })
        })
        .await
        .unwrap();
    bench.look().await;
    bench.look().await;
    let open = bench.alerts(Some(true)).await;
    assert_eq!((open.len(), open[0].kind), (1, AlertKind::DevicePending));
    assert_eq!(open[0].subject, "pump-7 waits to be let in");
    bench
        .app
        .store
        .write::<_, StoreError, _>(move |tx| {
            Box::pin(async move { pending::decide(tx, id, PendingState::Rejected, "ann", None, START).await })
        })
        .await
        .unwrap();
    bench.look().await;
    assert!(bench.alerts(Some(true)).await.is_empty());
}
