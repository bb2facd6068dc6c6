//! Device types: `/types`, `/types/{name}`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

words!(
    /// Where publishes on a mapped topic go.
    TopicTarget {
        /// Parsed as telemetry and stored.
        Telemetry = "telemetry",
        /// Kept as an event of the device.
        Event = "event",
        /// Kept as a log line of the device.
        Log = "log",
    }
);

/// One row of a topic map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicMapping {
    /// An MQTT topic filter with `{name}` and `{clientId}` as whole levels, `+`, and a final `#`.
    pub filter: String,
    /// Where a matching publish goes.
    pub target: TopicTarget,
}

/// Where the running version of a component shows. `{component}` stands for its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum VersionSource {
    /// A dotted path in the reported section of the classic shadow, such as `firmware.version`.
    Reported(String),
    /// An inventory key.
    Inventory(String),
    /// The device never says; success is shown as unverifiable.
    Nowhere,
}

/// What is known of every device of one model (`PUT /types/{name}`). Absent members take their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TypeSpec {
    /// For people.
    #[serde(default)]
    pub description: String,
    /// How often such a device is expected to be in contact; 3600 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub contact_interval_seconds: Option<u64>,
    /// Where component versions show, tried in order. When absent: reported `firmware.version`, then reported
    /// `components.{component}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_sources: Option<Vec<VersionSource>>,
    /// How long to wait for the new version after the device said it succeeded; 1800 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub verify_timeout_seconds: Option<u64>,
    /// Topics outside the contract that its devices publish to.
    #[serde(default)]
    pub topic_map: Vec<TopicMapping>,
    /// Whether the device can renew its certificate; decides the certificate's lifetime.
    #[serde(default)]
    pub renews_certificate: bool,
    /// Attributes that new devices of this type start with.
    #[serde(default)]
    pub default_attributes: BTreeMap<String, String>,
    /// Certificates (PEM, at most 16) of those who sign software for such devices, or of authorities that certify them.
    #[serde(default)]
    pub signers: Vec<String>,
    /// Whether only software that one of them signed may be released for such devices.
    #[serde(default)]
    pub require_signature: bool,
}

/// A type to make (`POST /types`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewType {
    /// 1 to 128 of letters, digits, `: _ . -`.
    pub name: String,
    /// What is known of its devices.
    #[serde(flatten)]
    pub spec: TypeSpec,
}

/// A device type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceType {
    /// Public id.
    pub name: String,
    /// What people call it, where it was given another name over hawkBit's API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What is known of its devices, with defaults filled in.
    #[serde(flatten)]
    pub spec: TypeSpec,
    /// Rises by one with every change; the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}
