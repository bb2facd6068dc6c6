use std::sync::{Arc, Mutex};

use tokio::io::AsyncReadExt;
use windlass_domain::credential::CredentialStatus;
use windlass_domain::device::{DeviceKind, Lifecycle};
use windlass_domain::device_type::{TopicMapping, TopicTarget};
use windlass_domain::event::Severity;
use windlass_domain::ids::{ArtifactId, ExecutionId, TypeName};
use windlass_domain::permission::Role;
use windlass_domain::time::Timestamp;
use windlass_store::devices::{self, Alias};
use windlass_store::events::NewEvent;
use windlass_store::testing::{START, feed_is_whole};

use super::*;
use crate::access::NewToken;
use crate::devices::{DevicePatch, DeviceSpec, LifecycleChange, NewDevice};
use crate::downloads::{Account, Metered, Whose};
use crate::enrol::bench::Bench;
use crate::hub::{Link, Registration};
use crate::message::{DevicePeer, Outbound};
use crate::types::NewTypeSpec;

/// A connection that notes what it is told.
#[derive(Debug, Default)]
struct Probe {
    closed: Mutex<Vec<CloseReason>>,
    refreshed: Mutex<usize>,
}

impl Link for Probe {
    fn wake(&self) {}
    fn deliver(&self, _: &Arc<Outbound>) {}
    fn close(&self, reason: CloseReason) {
        self.closed.lock().unwrap().push(reason);
    }
    fn refresh(&self) {
        *self.refreshed.lock().unwrap() += 1;
    }
}

impl Probe {
    fn device(app: &App, peer: &DevicePeer) -> Arc<Self> {
        let probe = Arc::new(Self::default());
        let link: Arc<dyn Link> = Arc::<Self>::clone(&probe);
        let registration = Registration {
            device: peer.device,
            client_id: "client".into(),
            credential: peer.credential,
            expires_at: Timestamp::from_seconds(i64::MAX / 1_000_000),
            link,
        };
        app.hub.register(registration, 8);
        probe
    }

    fn closed(&self) -> Vec<CloseReason> {
        self.closed.lock().unwrap().clone()
    }
}

async fn follow(app: &App) {
    feed_is_whole(&app.store).await.unwrap();
    let changes = app.fleet.catch_up(&app.store).await.unwrap();
    app.follow_connections(&changes).await.unwrap();
}

#[tokio::test]
async fn what_another_node_revoked_loses_its_connections_here() {
    for bench in Bench::each("follow-revoked").await {
        let app = &bench.app;
        let claim = bench.line().await;
        let pump = bench.device(&bench.enrolled(&claim.peer, "pump").await).await.unwrap();
        let other = bench.device(&bench.enrolled(&claim.peer, "other").await).await.unwrap();
        let new = NewToken { name: "app".to_owned(), role: Role::Viewer, scope: None, expires_at: None };
        let token = app.token_create(&bench.admin, new).await.unwrap();
        let listener = Arc::new(Probe::default());
        let principal = app.identify_token(&token.secret).await.unwrap();
        let (id, link) = (principal.actor.token_id().unwrap(), Arc::<Probe>::clone(&listener));
        app.hub.register_application(principal, link);
        let line = Arc::new(Probe::default());
        let link: Arc<dyn Link> = Arc::<Probe>::clone(&line);
        app.hub.register_claim(claim.peer.credential, link);
        let (first, second) = (Probe::device(app, &pump), Probe::device(app, &other));
        follow(app).await;
        assert!([&first, &second, &listener, &line].iter().all(|probe| probe.closed().is_empty()));
        // Straight into the store: this node's use cases never hear of it.
        let (device, claim) = (pump.credential, claim.peer.credential);
        app.store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    credentials::end(tx, device, CredentialStatus::Revoked, "lost", START).await?;
                    credentials::end(tx, claim, CredentialStatus::Revoked, "lost", START).await?;
                    tokens::revoke(tx, id, START).await.map(drop)
                })
            })
            .await
            .unwrap();
        follow(app).await;
        assert_eq!(first.closed(), [CloseReason::NotAuthorized]);
        assert_eq!(line.closed(), [CloseReason::NotAuthorized]);
        assert_eq!(listener.closed(), [CloseReason::NotAuthorized]);
        assert!(second.closed().is_empty(), "others stay");
    }
}

#[tokio::test]
async fn a_device_that_another_node_suspended_loses_its_connections_here() {
    for bench in Bench::each("follow-suspended").await {
        let claim = bench.line().await;
        let pump = bench.device(&bench.enrolled(&claim.peer, "pump").await).await.unwrap();
        let probe = Probe::device(&bench.app, &pump);
        follow(&bench.app).await;
        let id = pump.device;
        bench
            .app
            .store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    let mut device = devices::device_by_id(tx, id).await?.unwrap();
                    device.lifecycle = Lifecycle::Suspended;
                    devices::device_save(tx, &mut device, START).await.map(drop)
                })
            })
            .await
            .unwrap();
        follow(&bench.app).await;
        assert_eq!(probe.closed(), [CloseReason::NotAuthorized]);
    }
}

/// A download of an execution that is not there: it ends as soon as it is looked at.
fn download(app: &App, device: DeviceId) -> Metered<&'static [u8]> {
    let whose = Whose::Execution { id: ExecutionId::new(1), device };
    let account = Account { whose, artifact: ArtifactId::new(1), pace: None };
    let place = app.downloads.place(&account).unwrap();
    Metered::new(&[7; 8][..], app.clone(), account, place, 0)
}

#[tokio::test]
async fn downloads_here_end_by_what_another_node_did() {
    for bench in Bench::each("follow-downloads").await {
        let claim = bench.line().await;
        let pump = bench.device(&bench.enrolled(&claim.peer, "pump").await).await.unwrap();
        let other = bench.device(&bench.enrolled(&claim.peer, "other").await).await.unwrap();
        follow(&bench.app).await;
        let mut suspended = download(&bench.app, pump.device);
        let mut revoked = download(&bench.app, other.device);
        for reader in [&mut suspended, &mut revoked] {
            assert_eq!(reader.read_u8().await.unwrap(), 7);
        }
        let (id, credential) = (pump.device, other.credential);
        bench
            .app
            .store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    credentials::end(tx, credential, CredentialStatus::Revoked, "lost", START).await?;
                    let mut device = devices::device_by_id(tx, id).await?.unwrap();
                    device.lifecycle = Lifecycle::Suspended;
                    devices::device_save(tx, &mut device, START).await.map(drop)
                })
            })
            .await
            .unwrap();
        follow(&bench.app).await;
        for reader in [&mut suspended, &mut revoked] {
            let error = reader.read_u8().await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        }
    }
}

#[tokio::test]
async fn a_live_connection_learns_what_changed_of_its_device_and_its_type() {
    for bench in Bench::each("follow-changed").await {
        let (app, by) = (&bench.app, &bench.admin);
        let claim = bench.line().await;
        let mut pump = (*bench.device(&bench.enrolled(&claim.peer, "pump").await).await.unwrap()).clone();
        let probe = Probe::device(app, &pump);
        follow(app).await;
        assert_eq!(app.peer_now(&pump).map(|fresh| fresh.name), None, "nothing changed");
        let mut refreshed = *probe.refreshed.lock().unwrap();
        let mut told = |what: &str| {
            let now = *probe.refreshed.lock().unwrap();
            assert!(now > refreshed, "{what} is told");
            refreshed = now;
        };

        let kind: TypeName = "pumps".parse().unwrap();
        app.type_create(by, kind.as_str(), NewTypeSpec::default()).await.unwrap();
        let patch = DevicePatch { device_type: Some(Some("pumps".to_owned())), ..DevicePatch::default() };
        app.device_patch(by, &pump.name, patch, None).await.unwrap();
        follow(app).await;
        told("another type");

        assert_eq!(pump.topic_map.target("dt/pump", "pump", ""), None);
        let row = TopicMapping { filter: "dt/{name}".to_owned(), target: TopicTarget::Telemetry };
        let mapped = NewTypeSpec { topic_map: vec![row], ..NewTypeSpec::default() };
        app.type_put(by, &kind, mapped, None).await.unwrap();
        follow(app).await;
        told("a topic map");
        pump = app.peer_now(&pump).unwrap();
        assert_eq!(pump.topic_map.target("dt/pump", "pump", ""), Some(TopicTarget::Telemetry));
        assert!(app.peer_now(&pump).is_none(), "it is up to date");

        let (tenant, id) = (pump.tenant, pump.device);
        app.store
            .write::<_, StoreError, _>(move |tx| {
                let alias = Alias { protocol: "aws".to_owned(), external_id: "old".to_owned() };
                Box::pin(async move { devices::alias_insert(tx, tenant, id, &alias).await.map(drop) })
            })
            .await
            .unwrap();
        let patch = DevicePatch { kind: Some(DeviceKind::Gateway), ..DevicePatch::default() };
        app.device_patch(by, &pump.name, patch, None).await.unwrap();
        follow(app).await;
        told("an alias and a kind");
        pump = app.peer_now(&pump).unwrap();
        assert_eq!(
            (pump.aliases.as_slice(), pump.kind),
            (["old".to_owned()].as_slice(), DeviceKind::Gateway)
        );

        let new = NewDevice { name: "elsewhere".to_owned(), spec: DeviceSpec::default() };
        app.device_create(by, new).await.unwrap();
        follow(app).await;
        assert_eq!(*probe.refreshed.lock().unwrap(), refreshed, "other devices are of no interest");
    }
}

#[tokio::test]
async fn who_was_judged_before_the_feed_told_of_devices_or_credentials_is_to_be_judged_again() {
    for bench in Bench::each("follow-told").await {
        let app = &bench.app;
        let claim = bench.line().await;
        let pem = bench.enrolled(&claim.peer, "pump").await;
        let pump = bench.device(&pem).await.unwrap();
        follow(app).await;
        let told = app.hub.told();
        let event = NewEvent {
            tenant: pump.tenant,
            device: pump.device,
            kind: "connected".to_owned(),
            severity: Severity::Info,
            detail: "it came".to_owned(),
        };
        app.event_note(event, "pump").await;
        follow(app).await;
        assert_eq!(app.hub.told(), told, "an event takes no right away");
        let name = pump.name.as_str().parse().unwrap();
        app.device_lifecycle(&bench.admin, &name, LifecycleChange::Suspend, None).await.unwrap();
        follow(app).await;
        assert_ne!(app.hub.told(), told);
        assert!(bench.device(&pem).await.is_err(), "and then it is refused");
    }
}
