//! An application for tests of trust: one on each engine, with a clock that stands still.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use windlass_domain::credential::ConnectRefusal;
use windlass_domain::limits::Limits;
use windlass_domain::permission::{Principal, Role};
use windlass_store::testing::{START, TestStore, feed_is_whole, stores};
use windlass_store::{Location, tenants};
use windlass_wire::topic::{DeviceTopic, ProvisioningTopic, parse};

use super::{MadeClaim, NewClaim, handle};
use crate::app::{App, AppConfig};
use crate::clock::{Clock, FixedClock, SystemEntropy};
use crate::message::{ClaimPeer, DevicePeer, Peer};
use crate::tasks::Tasks;

pub(crate) struct Bench {
    pub(crate) app: App,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) admin: Principal,
    _directory: tempfile::TempDir,
    store: Option<TestStore>,
}

impl Bench {
    async fn start(limits: Limits, location: Option<Location>, store: Option<TestStore>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let config = AppConfig {
            location: location.unwrap_or_else(|| Location::Sqlite { directory: data.clone() }),
            directory: data,
            limits: Limits { free_disk_per_mille: 0, free_disk_bytes: 0, ..limits },
            hostnames: Vec::new(),
            public_url: None,
            server_side_keys: true,
        };
        let clock = Arc::new(FixedClock::new(START));
        let shared: Arc<dyn Clock> = Arc::<FixedClock>::clone(&clock);
        let app = App::start(config, shared, Arc::new(SystemEntropy), Tasks::new("test")).await.unwrap();
        let tenant = app.store.read(|tx| Box::pin(tenants::tenant_default(tx))).await.unwrap().id;
        let admin = Principal::user(tenant, "anna", Role::Admin);
        Self { app, clock, admin, _directory: directory, store }
    }

    /// One on each engine that this machine offers.
    pub(crate) async fn each(name: &str) -> Vec<Self> {
        Self::each_with(name, Limits::default()).await
    }

    /// The same, with other bounds.
    pub(crate) async fn each_with(name: &str, limits: Limits) -> Vec<Self> {
        let mut all = vec![Self::start(limits.clone(), None, None).await];
        for store in stores(name).await {
            if store.engine != "sqlite" {
                all.push(Self::start(limits.clone(), Some(store.location.clone()), Some(store)).await);
            }
        }
        all
    }

    /// Another node on the same store, with a directory of its own; none on an embedded store.
    pub(crate) async fn beside(&self) -> Option<Self> {
        let location = self.store.as_ref()?.location.clone();
        Some(Self::start(Limits::default(), Some(location), None).await)
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn template(&self, name: &str, body: Value) {
        let name = name.parse().unwrap();
        self.app.template_put(&self.admin, &name, &body, true, None).await.unwrap();
    }

    /// A claim that may use every template, and the template `pumps`: the thing's name is the serial number.
    pub(crate) async fn line(&self) -> Claimed {
        self.template("pumps", pumps()).await;
        self.claim("line-1", &[]).await
    }

    pub(crate) async fn claim(&self, name: &str, templates: &[&str]) -> Claimed {
        let templates = templates.iter().map(|name| name.parse().unwrap()).collect();
        let new = NewClaim { name: name.to_owned(), templates, expires_at: None, csr: None };
        let made = self.app.claim_create(&self.admin, new).await.unwrap();
        let peer = match self.identify(&made.certificate_pem).await.unwrap() {
            Peer::Claim(peer) => peer,
            other => panic!("a claim, not {other:?}"),
        };
        Claimed { made, peer }
    }

    pub(crate) async fn identify(&self, pem: &str) -> Result<Peer, ConnectRefusal> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap();
        // As the follower of the change feed does all the time; a closed store stays as it is.
        drop(feed_is_whole(&self.app.store).await);
        drop(self.app.fleet.catch_up(&self.app.store).await);
        self.app.identify_certificate(&chain).await
    }

    pub(crate) async fn device(&self, pem: &str) -> Result<Arc<DevicePeer>, ConnectRefusal> {
        match self.identify(pem).await? {
            Peer::Device(peer) => Ok(peer),
            other => panic!("a device, not {other:?}"),
        }
    }

    /// Publishes as the claim; gives whether the reply was `accepted`, and what it said.
    pub(crate) async fn publish(&self, claim: &ClaimPeer, topic: &str, body: &Value) -> (bool, Value) {
        let parsed = topic_of(topic);
        let payload = serde_json::to_vec(body).unwrap();
        let replies = handle(&self.app, claim, &parsed, &payload, self.app.clock.now()).await;
        let [reply] = &replies[..] else { panic!("one reply") };
        let accepted = reply.topic == format!("{topic}/accepted");
        assert!(accepted || reply.topic == format!("{topic}/rejected"), "{}", reply.topic);
        (accepted, serde_json::from_slice(&reply.payload).unwrap())
    }

    pub(crate) async fn csr(&self, claim: &ClaimPeer, csr: &str) -> (bool, Value) {
        let body = json!({"certificateSigningRequest": csr});
        self.publish(claim, "$aws/certificates/create-from-csr/json", &body).await
    }

    pub(crate) async fn provision(&self, claim: &ClaimPeer, token: &Value, serial: &str) -> (bool, Value) {
        let body = json!({"certificateOwnershipToken": token, "parameters": {"SerialNumber": serial}});
        self.publish(claim, "$aws/provisioning-templates/pumps/provision/json", &body).await
    }

    /// Takes a device through enrolment; gives its certificate.
    pub(crate) async fn enrolled(&self, claim: &ClaimPeer, serial: &str) -> String {
        let (_, made) = self.csr(claim, &request(&KeyPair::generate().unwrap())).await;
        let (accepted, said) = self.provision(claim, &made["certificateOwnershipToken"], serial).await;
        assert!(accepted, "{said}");
        made["certificatePem"].as_str().unwrap().to_owned()
    }

    /// Every action that was audited, oldest first.
    pub(crate) async fn actions(&self) -> Vec<String> {
        let all = self.app.audit_list(&self.admin, crate::audit::Filter::default(), 1_000).await.unwrap();
        all.into_iter().rev().map(|each| each.action).collect()
    }
}

pub(crate) struct Claimed {
    pub(crate) made: MadeClaim,
    pub(crate) peer: Arc<ClaimPeer>,
}

pub(crate) fn topic_of(topic: &str) -> ProvisioningTopic {
    match parse(topic) {
        Some(DeviceTopic::Provisioning(topic)) => topic,
        other => panic!("a provisioning topic, not {other:?}"),
    }
}

pub(crate) fn request(key: &KeyPair) -> String {
    CertificateParams::default().serialize_request(key).unwrap().pem().unwrap()
}

pub(crate) fn pumps() -> Value {
    json!({
        "Parameters": {"SerialNumber": {"Type": "String"}},
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "Properties": {
                "ThingName": {"Ref": "SerialNumber"}, "AttributePayload": {"line": "1"},
            }},
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"Status": "ACTIVE"}},
        },
        "DeviceConfiguration": {"hello": {"Ref": "SerialNumber"}},
    })
}
