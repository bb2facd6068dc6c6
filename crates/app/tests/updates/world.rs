//! A server without sockets: devices speak through the same function that ingest calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use windlass_app::artifacts::NewArtifact;
use windlass_app::clock::{FixedClock, SystemEntropy};
use windlass_app::jobs::{Begin, ExecutionFilter, JobView, NewJob, NewTargets, NewWhat, ReleaseLabel};
use windlass_app::message::{DevicePeer, Effects, Outbound, RequestContext};
use windlass_app::releases::{NewComponent, NewRelease};
use windlass_app::tasks::Tasks;
use windlass_app::{App, AppConfig, AppError, jobs};
use windlass_domain::device::DeviceKind;
use windlass_domain::device_type::{TypeSpec, VersionSource};
use windlass_domain::ids::{CredentialId, DeviceId, JobId, TenantId, TypeId};
use windlass_domain::job::{Execution, Timeouts};
use windlass_domain::limits::Limits;
use windlass_domain::permission::{Principal, Role};
use windlass_domain::shadow::{Patch, Shadow, Update, update};
use windlass_domain::time::Timestamp;
use windlass_domain::topic_map::TopicMap;
use windlass_store::devices::NewDevice;
use windlass_store::testing::{TestStore, feed_is_whole, stores};
use windlass_store::{Location, StoreError, Tx, devices, shadows, types};
use windlass_wire::topic::{DeviceTopic, parse};

/// Where links start in these tests.
pub(crate) const BASE: &str = "https://devices.example:8883";
/// 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// What a release of [`World::release`] is called while it is there.
pub(crate) fn fw(version: &str) -> ReleaseLabel {
    ReleaseLabel { name: "fw".to_owned(), version: version.to_owned(), deleted: false }
}

pub(crate) struct World {
    app: Option<App>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) by: Principal,
    pub(crate) tenant: TenantId,
    pub(crate) limits: Limits,
    directory: tempfile::TempDir,
    /// Where its state is, if not in its directory.
    server: Option<TestStore>,
    peers: BTreeMap<String, Arc<DevicePeer>>,
}

async fn open(
    directory: &std::path::Path,
    server: Option<&TestStore>,
    clock: &Arc<FixedClock>,
    limits: &Limits,
) -> App {
    let embedded = || Location::Sqlite { directory: directory.join("data") };
    let config = AppConfig {
        directory: directory.join("data"),
        location: server.map_or_else(embedded, |server| server.location.clone()),
        limits: limits.clone(),
        hostnames: vec!["localhost".to_owned()],
        public_url: None,
        server_side_keys: false,
    };
    let clock: Arc<FixedClock> = Arc::clone(clock);
    App::start(config, clock, Arc::new(SystemEntropy), Tasks::new("test")).await.unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        // Uploads must not depend on how full the disk of the machine is that runs the tests.
        Self::with(Limits { free_disk_per_mille: 0, free_disk_bytes: 0, ..Limits::default() }).await
    }

    /// One on each engine that this machine offers.
    pub(crate) async fn each(name: &str) -> Vec<Self> {
        let mut all = vec![Self::new().await];
        for store in stores(name).await {
            if store.engine != "sqlite" {
                let limits = Limits { free_disk_per_mille: 0, free_disk_bytes: 0, ..Limits::default() };
                all.push(Self::on(Some(store), limits).await);
            }
        }
        all
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        Self::on(None, limits).await
    }

    async fn on(server: Option<TestStore>, limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::new(START));
        let app = open(directory.path(), server.as_ref(), &clock, &limits).await;
        let tenant = TenantId::new(1);
        let by = Principal::user(tenant, "olga", Role::Operator);
        Self { app: Some(app), clock, by, tenant, limits, directory, server, peers: BTreeMap::new() }
    }

    pub(crate) fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    /// Ends the server and starts it again on the same directory.
    pub(crate) async fn restart(&mut self) {
        let app = self.app.take().unwrap();
        app.tasks.drain(Duration::from_secs(5)).await;
        app.telemetry.close().await;
        app.store.close().await;
        drop(app);
        let (directory, server) = (self.directory.path(), self.server.as_ref());
        self.app = Some(open(directory, server, &self.clock, &self.limits).await);
    }

    pub(crate) fn blob_count(&self) -> usize {
        fn files(directory: &std::path::Path) -> usize {
            std::fs::read_dir(directory)
                .unwrap()
                .map(|entry| entry.unwrap())
                .map(|entry| if entry.file_type().unwrap().is_dir() { files(&entry.path()) } else { 1 })
                .sum()
        }
        files(&self.directory.path().join("data/blobs"))
    }

    /// As a data directory that was restored without them.
    pub(crate) fn lose_blobs(&self) {
        let blobs = self.directory.path().join("data/blobs");
        for entry in std::fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap()) {
            let path = entry.path();
            let lost = if path.is_dir() {
                std::fs::remove_dir_all(&path).and_then(|()| std::fs::create_dir(&path))
            } else {
                std::fs::remove_file(&path)
            };
            lost.unwrap();
        }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    ) -> T {
        self.app().store.write(work).await.unwrap()
    }

    pub(crate) async fn device_type(&self, name: &str, sources: Vec<VersionSource>) -> TypeId {
        let spec = TypeSpec { version_sources: sources, ..TypeSpec::default() };
        let (tenant, name) = (self.tenant, name.parse().unwrap());
        self.write(move |tx| {
            let (spec, name) = (spec.clone(), std::clone::Clone::clone(&name));
            Box::pin(
                async move { Ok(types::type_insert(tx, tenant, &name, &spec, START).await?.unwrap().id) },
            )
        })
        .await
    }

    pub(crate) async fn device(&mut self, name: &str, device_type: Option<TypeId>) -> DeviceId {
        let new = NewDevice { device_type, ..NewDevice::named(self.tenant, name.parse().unwrap()) };
        let made = self
            .write(move |tx| {
                let new = new.clone();
                Box::pin(async move { Ok(devices::device_insert(tx, &new, START).await?.unwrap()) })
            })
            .await;
        let peer = DevicePeer {
            tenant: self.tenant,
            device: made.id,
            name: made.name.clone(),
            aliases: vec![format!("thing-{name}")],
            kind: DeviceKind::Device,
            credential: CredentialId::new(1),
            expires_at: START.plus(Duration::from_secs(1_000_000)),
            type_spec: Arc::new(TypeSpec::default()),
            topic_map: Arc::new(TopicMap::default()),
            link_base: BASE.into(),
        };
        self.peers.insert(name.to_owned(), Arc::new(peer));
        made.id
    }

    /// Sets an attribute of a device, as an operator would.
    pub(crate) async fn attribute(&self, name: &str, key: &str, value: &str) {
        let (device, pair) = (self.peer(name).device, (key.to_owned(), value.to_owned()));
        self.write(move |tx| {
            let (key, value) = pair.clone();
            Box::pin(async move {
                let mut found = devices::device_by_id(tx, device).await?.unwrap();
                found.attributes.insert(key.parse().unwrap(), value);
                assert!(devices::device_save(tx, &mut found, START).await?);
                Ok(())
            })
        })
        .await;
    }

    /// Brings the fleet index up to everything that was written so far.
    pub(crate) async fn refresh(&self) {
        feed_is_whole(&self.app().store).await.unwrap();
        self.app().fleet.catch_up(&self.app().store).await.unwrap();
    }

    pub(crate) async fn devices(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        for index in 0..count {
            let name = format!("d{index:03}");
            self.device(&name, None).await;
            names.push(name);
        }
        names
    }

    /// Devices of a type `pump` that show version 1.0 in their shadows, and releases 1.0 and 2.0.
    pub(crate) async fn pumps(&mut self, names: &[&str]) -> Vec<String> {
        let reported = VersionSource::Reported("firmware.version".to_owned());
        let pump = self.device_type("pump", vec![reported]).await;
        for name in names {
            self.device(name, Some(pump)).await;
        }
        self.refresh().await;
        self.release("1.0", &[]).await;
        self.release("2.0", &[]).await;
        for name in names {
            self.reports_version(name, "1.0").await;
        }
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    pub(crate) async fn artifact(
        &self,
        name: &str,
        bytes: &[u8],
    ) -> Result<windlass_app::artifacts::Artifact, AppError> {
        let new = NewArtifact {
            name: name.to_owned(),
            signature: Some("sig".to_owned()),
            ..NewArtifact::default()
        };
        let mut upload = self.app().artifact_upload(&self.by, new).await?;
        for chunk in bytes.chunks(5) {
            upload.write(chunk).await?;
        }
        upload.finish().await
    }

    /// A release of one component `app`, for some device types.
    pub(crate) async fn release(&self, version: &str, device_types: &[&str]) {
        let artifact = self.artifact("app.bin", version.as_bytes()).await.unwrap();
        let component = NewComponent {
            name: "app".to_owned(),
            version: version.to_owned(),
            component_type: "application".to_owned(),
            artifacts: vec![artifact.id.get()],
        };
        self.app().component_create(&self.by, component).await.unwrap();
        self.release_again(version, device_types).await;
    }

    /// The same of the component that is there.
    pub(crate) async fn release_again(&self, version: &str, device_types: &[&str]) {
        let release = NewRelease {
            name: "fw".to_owned(),
            version: version.to_owned(),
            components: vec![("app".to_owned(), version.to_owned()).into()],
            device_types: device_types.iter().map(|name| (*name).to_owned()).collect(),
            notes: String::new(),
            rules: windlass_app::releases::NewRules::default(),
        };
        self.app().release_create(&self.by, release).await.unwrap();
    }

    pub(crate) async fn create(&self, new: NewJob) -> JobId {
        self.app().job_create(&self.by, new).await.unwrap().job.id
    }

    /// An update job for named devices that starts at once.
    pub(crate) async fn rollout(&self, version: &str, names: &[String]) -> JobId {
        self.create(update_job(version, names)).await
    }

    /// Runs the reconciler until it has nothing to do.
    pub(crate) async fn settle(&self) {
        for _ in 0..100 {
            if !self.app().jobs_activate().await.unwrap() {
                return;
            }
        }
        panic!("the reconciler does not come to rest");
    }

    pub(crate) async fn job(&self, id: JobId) -> JobView {
        self.app().job_get(&self.by, id).await.unwrap()
    }

    /// Every execution of a job, latest tries and earlier ones.
    pub(crate) async fn executions(&self, id: JobId) -> Vec<Execution> {
        let found = self.app().execution_list(&self.by, id, ExecutionFilter::default(), 1_000).await.unwrap();
        found.into_iter().map(|view| view.execution).collect()
    }

    pub(crate) fn peer(&self, name: &str) -> Arc<DevicePeer> {
        Arc::clone(&self.peers[name])
    }

    /// Sends to `$aws/things/{name}/jobs/{rest}` and returns the reply's last level with its body, and the effects.
    pub(crate) async fn ask(&self, name: &str, rest: &str, payload: Value) -> (String, Value, Effects) {
        let bytes = if payload.is_null() { Vec::new() } else { payload.to_string().into_bytes() };
        self.ask_raw(name, rest, bytes).await
    }

    pub(crate) async fn ask_raw(&self, name: &str, rest: &str, payload: Vec<u8>) -> (String, Value, Effects) {
        let thing = format!("thing-{name}");
        let topic = format!("$aws/things/{thing}/jobs/{rest}");
        let Some(DeviceTopic::Jobs(parsed)) = parse(&topic) else { panic!("{topic} is no jobs topic") };
        let (app, peer, now) =
            (self.app().clone(), self.peer(name), windlass_app::clock::Clock::now(&*self.clock));
        let effects = self
            .write(move |tx| {
                let (app, peer, parsed) = (app.clone(), Arc::clone(&peer), parsed.clone());
                let (thing, payload) = (thing.clone(), payload.clone());
                Box::pin(async move {
                    let ctx = RequestContext {
                        app: &app,
                        peer: &peer,
                        device: peer.device,
                        thing: &thing,
                        payload: &payload,
                        now,
                    };
                    jobs::device::handle(tx, &ctx, &parsed).await
                })
            })
            .await;
        assert_eq!(effects.replies.len(), 1, "every request is answered once");
        let reply = &effects.replies[0];
        let (asked, answer) = reply.topic.rsplit_once('/').unwrap();
        assert_eq!(asked, topic, "replies use the name that the device used");
        let body = body(&reply.payload);
        (answer.to_owned(), body, effects.clone())
    }

    pub(crate) async fn accepted(&self, name: &str, rest: &str, payload: Value) -> Value {
        let (answer, body, _) = self.ask(name, rest, payload).await;
        assert_eq!(answer, "accepted", "{body}");
        body
    }

    /// The code of a rejection, and its `executionState`.
    pub(crate) async fn rejected(&self, name: &str, rest: &str, payload: Value) -> (String, Value) {
        let (answer, body, _) = self.ask(name, rest, payload).await;
        assert_eq!(answer, "rejected", "{body}");
        assert!(body["message"].as_str().is_some_and(|text| !text.is_empty()));
        assert!(body["timestamp"].is_i64());
        (body["code"].as_str().unwrap().to_owned(), body["executionState"].clone())
    }

    /// Starts the next job and returns its execution.
    pub(crate) async fn start_next(&self, name: &str) -> Value {
        self.accepted(name, "start-next", json!({})).await["execution"].clone()
    }

    /// Works on the next job until it reports `status`.
    pub(crate) async fn work(&self, name: &str, status: &str, reason: &str) {
        let execution = self.start_next(name).await;
        let job = execution["jobId"].as_str().unwrap().to_owned();
        let details = if reason.is_empty() { json!({}) } else { json!({ "reason": reason }) };
        let body = json!({ "status": status, "statusDetails": details });
        self.accepted(name, &format!("{job}/update"), body).await;
    }

    /// The device reports the version it runs; then what ingest does.
    pub(crate) async fn reports_version(&self, name: &str, version: &str) -> Effects {
        self.reports(name, json!({ "firmware": { "version": version } })).await
    }

    /// The device reports this of itself; then what ingest does.
    pub(crate) async fn reports(&self, name: &str, said: Value) -> Effects {
        let device = self.peer(name).device;
        let now = windlass_app::clock::Clock::now(&*self.clock);
        let values: Map<String, Value> = said.as_object().unwrap().clone();
        self.write(move |tx| {
            let values = values.clone();
            Box::pin(async move {
                let said = values.clone();
                let before = shadows::shadow(tx, device, None).await?;
                let change =
                    Update { desired: Patch::Keep, reported: Patch::Merge(values), expected_version: None };
                let done = update(before.as_ref(), &change, 8_192, now).unwrap();
                let after = Shadow::Live { documents: done.current, version: done.version, updated_at: now };
                shadows::put(tx, device, None, &after).await?;
                jobs::verify::observe(tx, device, jobs::verify::JustSaid::Reported(&said), now).await
            })
        })
        .await
    }
}

pub(crate) fn update_job(version: &str, names: &[String]) -> NewJob {
    NewJob {
        description: String::new(),
        what: NewWhat::Update { name: "fw".to_owned(), version: version.to_owned(), force: false },
        targets: NewTargets::Devices(names.to_vec()),
        waves: vec![],
        threshold: None,
        timeouts: Timeouts::default(),
        retries: 0,
        begin: Begin::Now,
        rollout: windlass_domain::job::RolloutPolicy::default(),
    }
}

pub(crate) fn body(payload: &Bytes) -> Value {
    serde_json::from_slice(payload).unwrap()
}

pub(crate) fn sent(outbound: Option<Outbound>) -> Value {
    body(&outbound.unwrap().payload)
}
