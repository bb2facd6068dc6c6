//! Why did this device not connect: `/refusals`, `/devices/{name}/refusals`, `/devices/{name}/unmapped-topics`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

words!(
    /// How far a peer had come when it was refused.
    RefusalStage {
        /// Before the end of the TLS handshake.
        Tls = "tls",
        /// MQTT CONNECT, or what came in its place.
        Connect = "connect",
        /// A subscription.
        Subscribe = "subscribe",
        /// A message.
        Publish = "publish",
        /// An HTTP request on the device port.
        Http = "http",
    }
);

/// Somebody who was refused on the device port. The same peer refused for the same reason is one entry with a count.
/// What the peer says of itself (`claimedName` to `serverName`) is vouched for by nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Stays the same while the refusal is repeated; of this node.
    pub id: i64,
    /// How far the peer had come.
    pub stage: RefusalStage,
    /// Why: `credential.expired`, `tls.serverNotTrusted`, `topic.unmapped`, …
    pub code: String,
    /// Why, as a sentence.
    pub detail: String,
    /// What to do about it.
    pub action: String,
    /// Where it connected from.
    pub address: String,
    /// Whom it says to be: the certificate's common name, else its client id, else its user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_name: Option<String>,
    /// Client id of its CONNECT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// User name of its CONNECT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The server name that it asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// Subject of its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_subject: Option<String>,
    /// Issuer of its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_issuer: Option<String>,
    /// SHA-256 of its certificate, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The device that it is by its certificate, or that has the name it gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// What was spoken: `mqtt 3.1.1`, `mqtt 5`, `mqtt 5 over websocket`, `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// How often.
    pub count: u64,
    /// First time.
    pub first_at: Time,
    /// Last time.
    pub last_at: Time,
}

/// The query of `/refusals`. All that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefusalQuery {
    /// Name of a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// How the address begins: `10.1.`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// A part of what the peer says of itself, in whatever case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<String>,
    /// How far the peer had come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<RefusalStage>,
    /// A part of anything that is shown, in whatever case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Most items in the answer, 1 to 1000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Where to go on: the `cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A topic that a device publishes to and its type maps to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnmappedTopic {
    /// As the device wrote it.
    pub topic: String,
    /// A row for the topic map of its type: with placeholders where the device wrote its own name or client id.
    pub suggested_filter: String,
    /// How often on this node since it started.
    pub count: u64,
    /// Last time.
    pub last_at: Time,
    /// Bytes of the last message.
    pub sample_bytes: u64,
}

/// Topics of one device that nothing maps, latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnmappedTopics {
    /// The topics.
    pub items: Vec<UnmappedTopic>,
}
