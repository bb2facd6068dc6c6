//! An application in a temporary directory, with devices that send requests straight to the shadow use cases.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use windlass_app::clock::{Clock, FixedClock, SystemEntropy};
use windlass_app::message::{DevicePeer, Effects, Outbound, RequestContext};
use windlass_app::shadow::{self, SentVersions};
use windlass_app::tasks::Tasks;
use windlass_app::{App, AppConfig};
use windlass_domain::device::DeviceKind;
use windlass_domain::ids::{CredentialId, DeviceId, DeviceName, TenantId};
use windlass_domain::limits::Limits;
use windlass_domain::time::Timestamp;
use windlass_store::devices::{NewDevice, device_insert};
use windlass_store::testing::START;
use windlass_store::{Location, StoreError};
use windlass_wire::topic::{self, DeviceTopic, ShadowTopic};

/// The tenant of a fresh store.
pub(crate) const TENANT: TenantId = TenantId::new(1);

pub(crate) struct Bench {
    pub(crate) app: App,
    clock: Arc<FixedClock>,
    _directory: tempfile::TempDir,
}

/// What a request did, with bodies as JSON.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) replies: Vec<(String, Value)>,
    pub(crate) broadcasts: Vec<(String, Value)>,
    pub(crate) observe: Vec<DeviceId>,
}

impl Seen {
    pub(crate) fn reply(mut self) -> (String, Value) {
        assert_eq!(self.replies.len(), 1);
        self.replies.remove(0)
    }
}

fn seen(messages: Vec<Outbound>) -> Vec<(String, Value)> {
    messages
        .into_iter()
        .map(|Outbound { topic, payload }| (topic, serde_json::from_slice(&payload).unwrap()))
        .collect()
}

#[derive(Debug, Clone)]
pub(crate) struct Device {
    name: DeviceName,
    aliases: Vec<String>,
    peer: Option<Arc<DevicePeer>>,
}

impl Device {
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.parse().unwrap(), aliases: Vec::new(), peer: None }
    }

    pub(crate) fn known_as(mut self, alias: &str) -> Self {
        self.aliases.push(alias.to_owned());
        self
    }

    pub(crate) fn name(&self) -> &DeviceName {
        &self.name
    }

    pub(crate) fn id(&self) -> DeviceId {
        self.peer().device
    }

    fn peer(&self) -> &Arc<DevicePeer> {
        self.peer.as_ref().unwrap()
    }
}

impl Bench {
    pub(crate) async fn start(name: &str) -> Self {
        let directory = tempfile::Builder::new().prefix(name).tempdir().unwrap();
        let data = directory.path().join("data");
        let config = AppConfig {
            directory: data.clone(),
            location: Location::Sqlite { directory: data },
            limits: Limits::default(),
            hostnames: Vec::new(),
            public_url: None,
            server_side_keys: false,
        };
        let clock = Arc::new(FixedClock::new(START));
        let shared: Arc<dyn Clock> = Arc::<FixedClock>::clone(&clock);
        let app = App::start(config, shared, Arc::new(SystemEntropy), Tasks::new("test")).await.unwrap();
        Self { app, clock, _directory: directory }
    }

    /// Epoch seconds.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().seconds()
    }

    pub(crate) fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    pub(crate) async fn add(&self, device: Device) -> Device {
        let Device { name, aliases, .. } = device;
        let new = NewDevice::named(TENANT, name.clone());
        let made = self
            .app
            .store
            .write(move |tx| {
                let new = new.clone();
                Box::pin(async move { device_insert(tx, &new, START).await })
            })
            .await
            .unwrap()
            .unwrap();
        self.app.fleet.catch_up(&self.app.store).await.unwrap();
        let peer = DevicePeer {
            tenant: TENANT,
            device: made.id,
            name: name.clone(),
            aliases: aliases.clone(),
            kind: DeviceKind::Device,
            credential: CredentialId::new(1),
            expires_at: Timestamp::from_micros(i64::MAX),
            type_spec: Arc::default(),
            topic_map: Arc::default(),
            link_base: "https://localhost:8883".into(),
        };
        Device { name, aliases, peer: Some(Arc::new(peer)) }
    }

    pub(crate) async fn send(&self, device: &Device, topic: &str, payload: &Value) -> Seen {
        self.send_for(device, device, topic, payload).await
    }

    pub(crate) async fn send_bytes(&self, device: &Device, topic: &str, payload: &[u8]) -> Seen {
        Self::seen(self.request(device, device, topic, payload).await)
    }

    pub(crate) async fn send_for(
        &self,
        sender: &Device,
        about: &Device,
        topic: &str,
        payload: &Value,
    ) -> Seen {
        Self::seen(self.request(sender, about, topic, payload.to_string().as_bytes()).await)
    }

    pub(crate) async fn handle(&self, device: &Device, topic: &str, payload: &Value) -> Effects {
        self.request(device, device, topic, payload.to_string().as_bytes()).await
    }

    fn seen(effects: Effects) -> Seen {
        let Effects { replies, broadcasts, observe, .. } = effects;
        Seen {
            replies: seen(replies),
            broadcasts: seen(broadcasts),
            observe: observe.into_iter().map(|(device, _)| device).collect(),
        }
    }

    async fn request(&self, sender: &Device, about: &Device, topic: &str, payload: &[u8]) -> Effects {
        let Some(DeviceTopic::Shadow(message)) = topic::parse(topic) else { panic!("{topic}") };
        let (app, now) = (self.app.clone(), self.clock.now());
        let (peer, device, payload) = (Arc::clone(sender.peer()), about.id(), payload.to_vec());
        self.app
            .store
            .write(move |tx| {
                let work = (app.clone(), Arc::clone(&peer), message.clone(), payload.clone());
                Box::pin(async move {
                    let (app, peer, message, payload): (App, Arc<DevicePeer>, ShadowTopic, Vec<u8>) = work;
                    let ctx = RequestContext {
                        app: &app,
                        peer: &peer,
                        device,
                        thing: &message.thing,
                        payload: &payload,
                        now,
                    };
                    shadow::handle(tx, &ctx, &message).await
                })
            })
            .await
            .unwrap()
    }

    /// What a connection with these subscriptions would be sent now.
    pub(crate) async fn pending(
        &self,
        device: &Device,
        filters: &[&str],
        sent: &mut SentVersions,
    ) -> Vec<(String, Value)> {
        let now = self.clock.now();
        let filters: Vec<_> = filters.iter().map(|filter| (*filter).to_owned()).collect();
        let question = (Arc::clone(device.peer()), filters, sent.clone());
        let (messages, told) = self
            .app
            .store
            .read(move |tx| {
                let (peer, filters, mut sent) = question.clone();
                Box::pin(async move {
                    let mut names = vec![peer.name.as_str()];
                    names.extend(peer.aliases.iter().map(String::as_str));
                    let messages =
                        shadow::pending_deltas(tx, peer.device, &names, &filters, &mut sent, now).await?;
                    Ok::<_, StoreError>((messages, sent))
                })
            })
            .await
            .unwrap();
        *sent = told;
        seen(messages)
    }
}
