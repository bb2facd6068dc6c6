//! A device's message and what came of it: the seam between listeners and use cases.
//!
//! A listener turns bytes into [`Inbound`], hands batches to [`crate::App::handle`], and carries out each
//! [`Outcome`]: replies to the requester, then the acknowledgement. Knows no socket.

use std::sync::Arc;

use bytes::Bytes;
use windlass_domain::device::DeviceKind;
use windlass_domain::device_type::TypeSpec;
use windlass_domain::ids::{ClaimId, CredentialId, DeviceId, DeviceName, JobId, TemplateName, TenantId};
use windlass_domain::permission::Principal;
use windlass_domain::shadow::Object;
use windlass_domain::time::Timestamp;
use windlass_domain::topic_map::TopicMap;

/// A signed-in device and all that is needed to judge its messages: a snapshot taken at CONNECT.
#[derive(Debug, Clone)]
pub struct DevicePeer {
    /// Owner.
    pub tenant: TenantId,
    /// Which device.
    pub device: DeviceId,
    /// Its public name.
    pub name: DeviceName,
    /// External ids under which it may also address itself.
    pub aliases: Vec<String>,
    /// Gateways may use their children's topics.
    pub kind: DeviceKind,
    /// What it signed in with.
    pub credential: CredentialId,
    /// When that ends.
    pub expires_at: Timestamp,
    /// What its type says; the default where it has none.
    pub type_spec: Arc<TypeSpec>,
    /// The type's topic map, ready for matching.
    pub topic_map: Arc<TopicMap>,
    /// Start of links that this peer can reach, without a final slash: the public URL, else `https://` with the
    /// server name and port that the device itself used. Set by the listener.
    pub link_base: Arc<str>,
}

impl DevicePeer {
    /// Whether `name` addresses this device itself: its name or one of its aliases.
    pub fn answers_to(&self, name: &str) -> bool {
        self.name.as_str() == name || self.aliases.iter().any(|alias| alias == name)
    }
}

/// Those external ids that can stand in a topic as one level. Others, as hawkBit's clients may have them, never get near one:
/// to a filter they would say more than a name.
pub(crate) fn in_topics<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let fits =
        |id: &&str| !id.is_empty() && !id.contains(['/', '+', '#']) && !id.chars().any(char::is_control);
    ids.filter(fits).map(str::to_owned).collect()
}

/// A signed-in claim certificate: may do nothing but provision.
#[derive(Debug, Clone)]
pub struct ClaimPeer {
    /// Owner.
    pub tenant: TenantId,
    /// Which claim.
    pub claim: ClaimId,
    /// Its name, for events.
    pub name: String,
    /// What it signed in with.
    pub credential: CredentialId,
    /// When that ends.
    pub expires_at: Timestamp,
    /// The templates it may use; empty means every template of the tenant.
    pub templates: Vec<TemplateName>,
}

/// A signed-in application client: an API token as MQTT password. May only subscribe.
#[derive(Debug, Clone)]
pub struct ApplicationPeer {
    /// Who it is and what it may see.
    pub principal: Principal,
    /// When the token ends.
    pub expires_at: Option<Timestamp>,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub enum Peer {
    /// A device.
    Device(Arc<DevicePeer>),
    /// A claim certificate.
    Claim(Arc<ClaimPeer>),
    /// An application client.
    Application(Arc<ApplicationPeer>),
}

/// A message to a device or application client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// Full topic.
    pub topic: String,
    /// What it says.
    pub payload: Bytes,
}

/// Why a publish is refused before it is looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicRefusal {
    /// Not a topic this peer may publish to, or one that only the server publishes to.
    #[error("not authorized for this topic")]
    NotAuthorized,
    /// The device's own topic, but nothing maps it to anything. Counted and shown to operators.
    #[error("no topic map of the device type covers this topic")]
    Unmapped,
}

/// One PUBLISH on its way in. The topic was authorised by [`crate::App::authorise_publish`].
#[derive(Debug, Clone)]
pub struct Inbound {
    /// Who sent it.
    pub peer: Peer,
    /// The client id of its connection; empty over HTTP.
    pub client_id: Arc<str>,
    /// Where it goes.
    pub topic: String,
    /// What it says.
    pub payload: Bytes,
    /// When the server read it.
    pub received_at: Timestamp,
    /// For QoS 2: the packet id that is to be remembered in the same commit.
    pub qos2_id: Option<u16>,
    /// Bytes of the largest packet that its connection takes back (MQTT 5, 3.1.2.11.4); `usize::MAX` where there is no bound.
    pub largest_reply: usize,
}

/// What is said to the sender of a message, after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledgement {
    /// Durable.
    Accepted,
    /// Read and refused for its content; the sentence says why. Acknowledged as such.
    PayloadRejected(String),
    /// Not stored (disk full, write failed): never acknowledged, the connection is closed.
    Unavailable(String),
}

/// What came of one [`Inbound`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What to tell the sender.
    pub acknowledgement: Acknowledgement,
    /// Sent to the requester before the acknowledgement, subscribed or not where the contract says so.
    pub replies: Vec<Outbound>,
}

impl Acknowledgement {
    /// Whether the sender is told that the message need not be sent again.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Accepted | Self::PayloadRejected(_) => true,
            Self::Unavailable(_) => false,
        }
    }
}

impl Outcome {
    /// Durable, with these replies.
    pub const fn accepted(replies: Vec<Outbound>) -> Self {
        Self { acknowledgement: Acknowledgement::Accepted, replies }
    }

    /// Refused for its content.
    pub const fn rejected(problem: String) -> Self {
        Self { acknowledgement: Acknowledgement::PayloadRejected(problem), replies: Vec::new() }
    }

    /// Not stored.
    pub const fn unavailable(problem: String) -> Self {
        Self { acknowledgement: Acknowledgement::Unavailable(problem), replies: Vec::new() }
    }
}

/// What a device's request does, collected inside the transaction and carried out after its commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    /// To the requester.
    pub replies: Vec<Outbound>,
    /// To every connection of the device that is subscribed, and to application clients.
    pub broadcasts: Vec<Outbound>,
    /// Devices whose connections should look at their state.
    pub wake: Vec<DeviceId>,
    /// Jobs whose plan should be looked at again.
    pub reconcile: Vec<JobId>,
    /// What devices just reported of themselves, so that running versions may be seen.
    pub observe: Vec<(DeviceId, Object)>,
    /// Why the content was refused, where the protocol has no reply topic for it.
    pub rejected: Option<String>,
}

impl Effects {
    /// Adds what another request of the same transaction does.
    pub fn absorb(&mut self, other: Self) {
        let Self { replies, broadcasts, wake, reconcile, observe, rejected } = other;
        self.replies.extend(replies);
        self.broadcasts.extend(broadcasts);
        self.wake.extend(wake);
        self.reconcile.extend(reconcile);
        self.observe.extend(observe);
        self.rejected = rejected.or(self.rejected.take());
    }
}

/// What a device-side handler is told about the request it serves.
#[derive(Debug, Clone, Copy)]
pub struct RequestContext<'a> {
    /// The application.
    pub app: &'a crate::App,
    /// Who asks.
    pub peer: &'a DevicePeer,
    /// Whose document it is: the peer's own device, or a child of it.
    pub device: DeviceId,
    /// The name that the request's topic used; replies use it too.
    pub thing: &'a str,
    /// The request's body.
    pub payload: &'a [u8],
    /// When the server read it.
    pub now: Timestamp,
}
