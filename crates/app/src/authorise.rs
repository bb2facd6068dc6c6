//! Which topics and filters a peer may use: pure decisions on the snapshot that was taken at CONNECT.
//!
//! Tenant and device come from the credential, never from the topic. Knows no packets and no store.

use windlass_domain::device::DeviceKind;
use windlass_domain::device_type::TopicTarget;
use windlass_domain::ids::{DeviceId, TemplateName};
use windlass_domain::permission::{Permission, allows};
use windlass_wire::filter::{covers, is_shared};
use windlass_wire::topic::{self, DeviceTopic, Format, ProvisioningOperation};

use crate::App;
use crate::message::{ApplicationPeer, ClaimPeer, DevicePeer, Peer, TopicRefusal};

/// Says which device a name stands for where it is a child of the asking gateway.
pub trait Children {
    /// The device that is called `name` in the gateway's tenant, if it is a child of `gateway`.
    fn child_of(&self, gateway: &DevicePeer, name: &str) -> Option<DeviceId>;
}

/// Where an authorised publish goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A request of the contract, or a native topic, about this device.
    Device {
        /// The peer's own device, or a child.
        device: DeviceId,
        /// What the topic says.
        topic: DeviceTopic,
    },
    /// A topic that the device type maps.
    Mapped(TopicTarget),
    /// A provisioning request of a claim.
    Provisioning(topic::ProvisioningTopic),
}

/// Decides where a publish goes.
///
/// # Errors
/// Why the peer may not publish there.
pub fn publish(
    peer: &Peer,
    client_id: &str,
    name: &str,
    children: &dyn Children,
) -> Result<Route, TopicRefusal> {
    match peer {
        Peer::Device(device) => publish_as_device(device, client_id, name, children),
        Peer::Claim(claim) => publish_as_claim(claim, name),
        Peer::Application(_) => Err(TopicRefusal::NotAuthorized),
    }
}

fn publish_as_device(
    peer: &DevicePeer,
    client_id: &str,
    name: &str,
    children: &dyn Children,
) -> Result<Route, TopicRefusal> {
    match topic::parse(name) {
        Some(DeviceTopic::Provisioning(_)) => Err(TopicRefusal::NotAuthorized),
        Some(parsed) => {
            let addressed = parsed.name().unwrap_or_default();
            let device = own_or_child(peer, addressed, children).ok_or(TopicRefusal::NotAuthorized)?;
            Ok(Route::Device { device, topic: parsed })
        }
        None => match peer.topic_map.target(name, peer.name.as_str(), client_id) {
            Some(target) => Ok(Route::Mapped(target)),
            None if name.starts_with('$') || name.starts_with("devices/") => Err(TopicRefusal::NotAuthorized),
            None => Err(TopicRefusal::Unmapped),
        },
    }
}

fn own_or_child(peer: &DevicePeer, name: &str, children: &dyn Children) -> Option<DeviceId> {
    if peer.answers_to(name) {
        return Some(peer.device);
    }
    match peer.kind {
        DeviceKind::Gateway => children.child_of(peer, name),
        DeviceKind::Device => None,
    }
}

fn publish_as_claim(peer: &ClaimPeer, name: &str) -> Result<Route, TopicRefusal> {
    match topic::parse(name) {
        Some(DeviceTopic::Provisioning(topic)) => match &topic.operation {
            ProvisioningOperation::Provision { template } if !may_use(peer, template) => {
                Err(TopicRefusal::NotAuthorized)
            }
            ProvisioningOperation::Provision { .. }
            | ProvisioningOperation::Create
            | ProvisioningOperation::CreateFromCsr => Ok(Route::Provisioning(topic)),
        },
        Some(
            DeviceTopic::Shadow(_)
            | DeviceTopic::Jobs(_)
            | DeviceTopic::Stream(_)
            | DeviceTopic::Telemetry { .. }
            | DeviceTopic::Events { .. }
            | DeviceTopic::Logs { .. },
        )
        | None => Err(TopicRefusal::NotAuthorized),
    }
}

fn may_use(peer: &ClaimPeer, template: &str) -> bool {
    peer.templates.is_empty() || peer.templates.iter().map(TemplateName::as_str).any(|t| t == template)
}

/// Whether every topic that `filter` matches is one that the peer may receive.
pub fn subscribe(peer: &Peer, filter: &str, children: &dyn Children) -> bool {
    if is_shared(filter) {
        return false;
    }
    match peer {
        Peer::Device(device) => subscribe_as_device(device, filter, children),
        Peer::Claim(claim) => subscribe_as_claim(claim, filter),
        Peer::Application(application) => subscribe_as_application(application, filter),
    }
}

fn subscribe_as_device(peer: &DevicePeer, filter: &str, children: &dyn Children) -> bool {
    let own = |name: &str| {
        covers(&format!("$aws/things/{name}/#"), filter) || covers(&format!("devices/{name}/#"), filter)
    };
    if own(peer.name.as_str()) || peer.aliases.iter().any(|alias| own(alias)) {
        return true;
    }
    let mut levels = filter.split('/');
    let named = match levels.next() {
        Some("$aws") => levels.nth(1),
        Some("devices") => levels.next(),
        Some(_) | None => None,
    };
    match (peer.kind, named) {
        (DeviceKind::Gateway, Some(name)) => {
            !name.contains(['+', '#']) && children.child_of(peer, name).is_some() && own(name)
        }
        (DeviceKind::Gateway | DeviceKind::Device, _) => false,
    }
}

fn subscribe_as_claim(peer: &ClaimPeer, filter: &str) -> bool {
    let replies = |base: &str| {
        [Format::Json, Format::Cbor]
            .iter()
            .any(|format| covers(&format!("{base}/{}/+", format.as_str()), filter))
            || covers(&format!("{base}/+/+"), filter)
    };
    if replies("$aws/certificates/create") || replies("$aws/certificates/create-from-csr") {
        return true;
    }
    if peer.templates.is_empty() {
        return replies("$aws/provisioning-templates/+/provision");
    }
    peer.templates
        .iter()
        .any(|template| replies(&format!("$aws/provisioning-templates/{template}/provision")))
}

fn subscribe_as_application(peer: &ApplicationPeer, filter: &str) -> bool {
    const TELEMETRY: &[&str] = &["devices/+/telemetry", "devices/+/telemetry/cbor"];
    const EVENTS: &[&str] = &["devices/+/events", "devices/+/logs"];
    const SHADOWS: &[&str] =
        &["$aws/things/+/shadow/update/documents", "$aws/things/+/shadow/name/+/update/documents"];
    [
        (Permission::TelemetryRead, TELEMETRY),
        (Permission::EventRead, EVENTS),
        (Permission::ShadowRead, SHADOWS),
    ]
    .into_iter()
    .any(|(permission, allowed)| {
        allows(&peer.principal, permission) && allowed.iter().any(|allowed| covers(allowed, filter))
    })
}

impl Children for App {
    fn child_of(&self, gateway: &DevicePeer, name: &str) -> Option<DeviceId> {
        self.fleet.child_of(gateway.tenant, gateway.device, name)
    }
}
