//! `/live`: what changed, told to a browser as it happens (server-sent events).
//!
//! Says only that something changed; what it is now is fetched over the operations that check who may see it. A client
//! that is too slow is told to fetch everything again. The stream ends when whoever asked may not ask any more, and when
//! the server drains.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use windlass_app::AppError;
use windlass_domain::ids::{DeviceId, DeviceName};
use windlass_domain::permission::{Permission, Principal, allows};
use windlass_domain::telemetry;
use windlass_domain::time::Timestamp;
use windlass_store::{Change, ChangeKind};

use super::access::{Access, Caller, sign_in};
use super::browser::Browser;
use super::error::Refusal;
use super::io::{Query, Raw};
use super::routes::Routes;
use super::{Phase, Rest};

/// How long changes are gathered before they are told.
const GATHER: Duration = Duration::from_millis(250);
/// A sign of life, and a look whether whoever asked still may.
const BEAT: Duration = Duration::from_secs(15);
/// Changes gathered at most; beyond, everything is to be fetched again.
const MOST: usize = 1_000;
/// Streams of one user or token on this node.
const STREAMS: usize = 16;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.tag("server").get(
        "/api/v1/live",
        Access::SignedIn,
        "watch",
        "What changes, as server-sent events: change, telemetry, resync",
        watch,
    )
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LiveQuery {
    /// Kinds to tell of, joined by commas; all of them when absent. Kinds that one may not see are left out.
    kinds: Option<String>,
    /// Only changes of this device, and its telemetry as it comes.
    device: Option<String>,
}

/// How many streams each user or token has.
#[derive(Debug, Default)]
pub(crate) struct Streams(Mutex<HashMap<String, usize>>);

/// Leaves again when dropped.
#[derive(Debug)]
struct Entered {
    streams: Arc<Streams>,
    who: String,
}

impl Streams {
    fn enter(self: &Arc<Self>, by: &Principal) -> Option<Entered> {
        let who = format!("{} {}", by.tenant, by.actor);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(who.clone()).or_default();
        if *count >= STREAMS {
            return None;
        }
        *count += 1;
        Some(Entered { streams: Arc::clone(self), who })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut all = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.who);
            }
        }
    }
}

/// What a kind of change is called, who may hear of it, and whether it is about the device with the change's number.
const fn told(kind: ChangeKind) -> Option<(&'static str, Permission, bool)> {
    match kind {
        ChangeKind::Device => Some(("device", Permission::DeviceRead, true)),
        ChangeKind::Shadow => Some(("shadow", Permission::ShadowRead, true)),
        ChangeKind::DeviceType => Some(("type", Permission::TypeRead, false)),
        ChangeKind::Group => Some(("group", Permission::GroupRead, false)),
        ChangeKind::Credential => Some(("credential", Permission::CredentialRead, false)),
        ChangeKind::Pending => Some(("pending", Permission::CredentialRead, false)),
        ChangeKind::Artifact | ChangeKind::Component | ChangeKind::Release => {
            Some(("release", Permission::ReleaseRead, false))
        }
        ChangeKind::Job => Some(("job", Permission::JobRead, false)),
        ChangeKind::Execution => Some(("execution", Permission::JobRead, false)),
        ChangeKind::Event => Some(("event", Permission::EventRead, true)),
        ChangeKind::Alert => Some(("alert", Permission::AlertRead, false)),
        ChangeKind::Filter => Some(("autoAssignment", Permission::DeviceRead, false)),
        ChangeKind::Backup => Some(("backup", Permission::ServerRead, false)),
        // What no view shows.
        _ => None,
    }
}

/// One thing to tell. Other things than devices are told by kind alone: their numbers are not everybody's.
type Told = (&'static str, Option<DeviceName>);

/// One client's stream.
struct Stream {
    rest: Rest,
    /// To look again who asks.
    headers: HeaderMap,
    browser: Browser,
    by: Principal,
    kinds: Option<BTreeSet<String>>,
    device: Option<(DeviceId, DeviceName)>,
    changes: Receiver<Arc<[Change]>>,
    presence: Receiver<DeviceId>,
    refusals: watch::Receiver<u64>,
    ticks: Interval,
    beat: Instant,
    look: bool,
    resync: bool,
    gathered: BTreeSet<Told>,
    /// Time of the newest point that was told, by metric.
    values: BTreeMap<String, Timestamp>,
    _entered: Entered,
}

async fn watch(
    State(rest): State<Rest>,
    Caller(by): Caller,
    browser: Browser,
    Query(query): Query<LiveQuery>,
    request: Request,
) -> Result<Raw, Refusal> {
    let LiveQuery { kinds, device } = query;
    let device = match device {
        None => None,
        Some(name) => {
            let missing = || AppError::not_found("device", &name);
            let name: DeviceName = name.parse().map_err(|_| missing())?;
            // Also says whether one may see it.
            rest.app.device_get(&by, &name)?;
            let id = rest.app.fleet.id_of(by.tenant, &name).ok_or_else(missing)?;
            Some((id, name))
        }
    };
    let Some(entered) = rest.streams.enter(&by) else {
        let detail = format!("You have {STREAMS} live views open on this server; close one.");
        let status = StatusCode::TOO_MANY_REQUESTS;
        return Err(Refusal::new(status, "live.too_many", "Too many live views", detail));
    };
    let (changes, presence) = (rest.app.changes.subscribe(), rest.app.hub.presence());
    let refusals = rest.app.refusals.changed();
    let mut ticks = tokio::time::interval(GATHER);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stream = Stream {
        headers: request.headers().clone(),
        browser,
        by,
        kinds: kinds.map(|kinds| kinds.split(',').map(|kind| kind.trim().to_owned()).collect()),
        device,
        changes,
        presence,
        refusals,
        ticks,
        beat: Instant::now(),
        look: false,
        resync: false,
        gathered: BTreeSet::new(),
        values: BTreeMap::new(),
        _entered: entered,
        rest,
    };
    // What there is already is fetched, not told.
    stream.telemetry();
    let first =
        futures_util::stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(b": live\n\n"))]);
    let rest = futures_util::stream::unfold(stream, |mut stream| async move {
        let text = stream.next().await?;
        Some((Ok(Bytes::from(text)), stream))
    });
    let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok(Raw { response: (headers, [("x-accel-buffering", "no")], body).into_response() })
}

impl Stream {
    /// What is told next; none at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            tokio::select! {
                batch = self.changes.recv() => match batch {
                    Ok(batch) => batch.iter().for_each(|change| self.changed(change)),
                    Err(RecvError::Lagged(_)) => self.resync = true,
                    Err(RecvError::Closed) => return None,
                },
                device = self.presence.recv() => match device {
                    Ok(device) => self.about("presence", Permission::DeviceRead, device),
                    Err(RecvError::Lagged(_)) => self.resync = true,
                    Err(RecvError::Closed) => return None,
                },
                refused = self.refusals.changed() => {
                    refused.ok()?;
                    if self.hears("refusal", Permission::EventRead) {
                        self.gather(("refusal", None));
                    }
                }
                _ = self.ticks.tick() => {
                    if self.rest.readiness.phase() == Phase::Draining {
                        return None;
                    }
                    let beats = self.beat.elapsed() >= BEAT;
                    if beats || std::mem::take(&mut self.look) {
                        self.by = sign_in(&self.rest, &self.headers, &self.browser).await.ok()?.principal;
                    }
                    let mut text = self.text();
                    if beats && text.is_empty() {
                        text.push_str(": live\n\n");
                    }
                    if beats {
                        self.beat = Instant::now();
                    }
                    if !text.is_empty() {
                        return Some(text);
                    }
                }
            }
        }
    }

    fn changed(&mut self, change: &Change) {
        if matches!(change.kind, ChangeKind::User | ChangeKind::Token) {
            self.look = true;
        }
        match told(change.kind) {
            Some((kind, permission, true)) => self.about(kind, permission, DeviceId::new(change.id)),
            Some((kind, permission, false)) if self.hears(kind, permission) => self.gather((kind, None)),
            _ => {}
        }
    }

    fn hears(&self, kind: &str, permission: Permission) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(kind)) && allows(&self.by, permission)
    }

    fn about(&mut self, kind: &'static str, permission: Permission, device: DeviceId) {
        if !self.hears(kind, permission) {
            return;
        }
        if let Some((only, name)) = &self.device {
            if *only == device {
                let name = name.clone();
                self.gather((kind, Some(name)));
            }
            return;
        }
        match self.rest.app.fleet.name_of(device) {
            Some(name) if self.rest.app.fleet.is_visible(&self.by, device) => self.gather((kind, Some(name))),
            // Gone: of whose it was nothing is known any more.
            None if self.by.scope.is_none() => self.gather((kind, None)),
            Some(_) | None => {}
        }
    }

    fn gather(&mut self, told: Told) {
        if self.gathered.len() < MOST {
            self.gathered.insert(told);
        } else {
            self.resync = true;
        }
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        let mut event = |name: &str, data: &Value| text.push_str(&format!("event: {name}\ndata: {data}\n\n"));
        let gathered = std::mem::take(&mut self.gathered);
        if std::mem::take(&mut self.resync) {
            event("resync", &json!({}));
        } else {
            for (kind, device) in &gathered {
                let data = match device {
                    None => json!({"kind": kind}),
                    Some(name) => json!({"kind": kind, "name": name.as_str(), "device": name.as_str()}),
                };
                event("change", &data);
            }
        }
        for (at, values) in self.telemetry() {
            let device = self.device.as_ref().map(|(_, name)| name.as_str());
            event("telemetry", &json!({"device": device, "ts": at.micros() / 1_000, "values": values}));
        }
        text
    }

    /// What the device sent since the last look, by time.
    fn telemetry(&mut self) -> BTreeMap<Timestamp, Map<String, Value>> {
        let mut fresh: BTreeMap<Timestamp, Map<String, Value>> = BTreeMap::new();
        let Some((device, _)) = &self.device else { return fresh };
        let (device, app) = (*device, &self.rest.app);
        if !self.hears("telemetry", Permission::TelemetryRead) || !app.fleet.is_visible(&self.by, device) {
            return fresh;
        }
        for point in app.live.last_values(device) {
            let metric = point.metric.to_string();
            if self.values.get(&metric).is_some_and(|told| *told >= point.at) {
                continue;
            }
            self.values.insert(metric.clone(), point.at);
            let value = match point.value {
                telemetry::Value::Number(number) => json!(number),
                telemetry::Value::Integer(number) => json!(number),
                telemetry::Value::Bool(truth) => json!(truth),
                telemetry::Value::Text(text) => json!(&*text),
            };
            fresh.entry(point.at).or_default().insert(metric, value);
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;
    use windlass_app::refusals::{Cause, Claimed, Refused, Stage};
    use windlass_domain::credential::ConnectRefusal;

    use super::*;
    use crate::rest::fixture::Fixture;

    /// Reads until the text shows up; all that was read. At the end of the stream, all there was.
    async fn until(body: &mut Body, text: &str) -> String {
        let mut read = String::new();
        while !read.contains(text) {
            let Some(frame) = body.frame().await else { break };
            read.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        }
        read
    }

    async fn following(name: &str) -> Fixture {
        let server = Fixture::new(name).await;
        server.rest.app.tasks.spawn_until_stopped(server.rest.app.clone().follow_changes());
        server
    }

    #[tokio::test]
    async fn what_changes_is_told_to_those_who_may_see_it() {
        let server = following("live").await;
        let installer = server.as_role("installer").await;
        let mut all = server.stream("/live").await;
        let mut few = installer.stream("/live?kinds=shadow,group,device").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        server.patch("/devices/pump-1/shadow", json!({"desired": {"a": 1}})).await.expect(200);
        let seen = until(&mut all, "shadow").await;
        assert!(seen.contains(r#""kind":"shadow""#) && seen.contains(r#""device":"pump-1""#), "{seen}");
        server.post("/groups", json!({"path": "eu"})).await.expect(201);
        let seen = until(&mut few, "group").await;
        assert!(!seen.contains("shadow"), "an installer reads no shadows: {seen}");
        assert!(seen.contains(r#""kind":"device""#), "{seen}");
    }

    #[tokio::test]
    async fn a_saved_query_is_told_of_when_it_is_made_changed_and_deleted() {
        let server = following("live-filter").await;
        let mut stream = server.stream("/live?kinds=autoAssignment").await;
        let told = r#""kind":"autoAssignment""#;
        let new = json!({"name": "pumps", "query": "controllerId==pump-*"});
        let made = server.hawkbit("POST", "/targetfilters", Some(new)).await.expect(201);
        until(&mut stream, told).await;
        let place = format!("/targetfilters/{}", made["id"]);
        server.hawkbit("PUT", &place, Some(json!({"name": "all pumps"}))).await.expect(200);
        until(&mut stream, told).await;
        server.hawkbit("DELETE", &place, None).await.expect(204);
        until(&mut stream, told).await;
    }

    #[tokio::test]
    async fn a_scope_hears_of_its_own_devices_only() {
        let server = following("live-scope").await;
        let token = json!({"name": "lab", "role": "viewer", "scope": "tag==lab"});
        let made = server.post("/tokens", token).await.expect(201);
        let lab = server.with_token(made["secret"].as_str().unwrap());
        let mut stream = lab.stream("/live?kinds=device").await;
        server.post("/devices", json!({"name": "secret-1"})).await.expect(201);
        server.post("/devices", json!({"name": "lab-1", "tags": ["lab"]})).await.expect(201);
        let seen = until(&mut stream, "lab-1").await;
        assert!(seen.contains("lab-1") && !seen.contains("secret-1"), "{seen}");
        lab.get("/live?device=secret-1").await.problem(404, "device.not_found");
    }

    /// A refused peer that says to be this device.
    fn refused(name: &str) -> Refused {
        Refused {
            stage: Stage::Connect,
            cause: Cause::Credential(ConnectRefusal::NoCredential),
            address: "10.0.0.1:40000".parse().unwrap(),
            protocol: None,
            claimed: Claimed { client_id: Some(name.to_owned()), ..Claimed::default() },
            owner: None,
            count: 1,
        }
    }

    #[tokio::test]
    async fn alerts_events_refusals_and_backups_are_told_to_those_who_may_see_them() {
        let server = following("live-kinds").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        server.post("/devices", json!({"name": "pump-2"})).await.expect(201);
        let weak = server.as_role("installer").await;
        let mut events = server.stream("/live?kinds=event").await;
        let mut one = server.stream("/live?kinds=event&device=pump-2").await;
        let mut refusals = server.stream("/live?kinds=refusal").await;
        let mut alerts = server.stream("/live?kinds=alert").await;
        let mut backups = server.stream("/live?kinds=backup").await;
        let mut few = weak.stream("/live").await;

        server.act("/devices/pump-1/suspend").await.expect(200);
        let seen = until(&mut events, "pump-1").await;
        assert!(seen.contains(r#""kind":"event""#), "{seen}");
        server.act("/devices/pump-2/suspend").await.expect(200);
        let seen = until(&mut one, "pump-2").await;
        assert!(!seen.contains("pump-1"), "{seen}");

        server.rest.app.refused_stranger(refused("pump-1")).await;
        until(&mut refusals, r#""kind":"refusal""#).await;

        server.act("/backups").await.expect(202);
        until(&mut backups, r#""kind":"backup""#).await;
        let claim = json!({"name": "ends-soon", "expiresAt": "2026-01-01T01:00:00Z"});
        server.post("/claims", claim).await.expect(201);
        while server.rest.app.alerts_activate().await.unwrap() {}
        until(&mut alerts, r#""kind":"alert""#).await;

        server.post("/groups", json!({"path": "end"})).await.expect(201);
        let seen = until(&mut few, "group").await;
        for kind in ["alert", "backup"] {
            assert!(!seen.contains(kind), "an installer hears of no {kind}: {seen}");
        }
    }

    #[tokio::test]
    async fn a_stream_ends_with_its_token_and_with_the_server() {
        let server = following("live-end").await;
        let made = server.post("/tokens", json!({"name": "ci", "role": "viewer"})).await.expect(201);
        let mut ended = server.with_token(made["secret"].as_str().unwrap()).stream("/live").await;
        let mut drained = server.stream("/live").await;
        server.delete(&format!("/tokens/{}", made["token"]["id"])).await.expect(200);
        until(&mut ended, "never said").await;
        server.rest.readiness.set_draining();
        until(&mut drained, "never said").await;
    }

    #[tokio::test]
    async fn streams_are_bounded_and_a_slow_one_is_told_to_fetch_everything() {
        let server = Fixture::new("live-bounds").await;
        let mut streams = Vec::new();
        for _ in 0..STREAMS {
            streams.push(server.stream("/live").await);
        }
        server.get("/live").await.problem(429, "live.too_many");
        drop(streams.pop());
        let mut slow = server.stream("/live").await;
        let change = Change { seq: 1, kind: ChangeKind::Group, id: 1 };
        for _ in 0..1_000 {
            server.rest.app.changes.send([change].into()).unwrap();
        }
        let seen = until(&mut slow, "event").await;
        assert!(seen.contains("event: resync"), "{seen}");
    }
}
