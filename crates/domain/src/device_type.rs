//! A model of device and its defaults: expected interval, how a version is verified, topic map.
//!
//! Knows neither who speaks to the device nor how.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::device::words;
use crate::ids::InvalidName;
use crate::ids::{AttributeKey, TypeName};
use std::fmt;
use std::str::FromStr;

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

/// One row of a topic map. The filter may contain `{name}` and `{clientId}` as whole levels, `+`, and a final `#`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicMapping {
    /// An MQTT topic filter with placeholders.
    pub filter: String,
    /// Where a matching publish goes.
    pub target: TopicTarget,
}

/// Where the running version of a component shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionSource {
    /// A dotted path in the reported section of the classic shadow, such as `firmware.version`.
    /// `{component}` stands for the component's name.
    Reported(String),
    /// An inventory key. `{component}` stands for the component's name.
    Inventory(String),
    /// The device never says; success is reported as unverifiable.
    Nowhere,
}

/// What is known of every device of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeSpec {
    /// For people.
    pub description: String,
    /// How often such a device is expected to be in contact.
    pub contact_interval: Duration,
    /// Where component versions show. Tried in order; the first that has a value decides.
    pub version_sources: Vec<VersionSource>,
    /// How long to wait for the new version after the device said it succeeded.
    pub verify_timeout: Duration,
    /// Topics outside the contract that its devices publish to.
    pub topic_map: Vec<TopicMapping>,
    /// Whether the device can renew its certificate; decides the certificate's lifetime.
    pub renews_certificate: bool,
    /// Attributes that new devices of this type start with.
    pub default_attributes: BTreeMap<AttributeKey, String>,
    /// Whose software its devices take.
    pub signing: Signing,
}

/// Whose software devices take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signing {
    /// Certificates (PEM) of trusted signers, or of authorities that certify them.
    pub signers: Vec<String>,
    /// Whether only software with a signature by one of them may be released for such devices.
    pub required: bool,
}

impl Default for TypeSpec {
    fn default() -> Self {
        Self {
            description: String::new(),
            contact_interval: Duration::from_secs(3600),
            version_sources: vec![
                VersionSource::Reported("firmware.version".to_owned()),
                VersionSource::Reported("components.{component}".to_owned()),
            ],
            verify_timeout: Duration::from_secs(30 * 60),
            topic_map: Vec::new(),
            renews_certificate: false,
            default_attributes: BTreeMap::new(),
            signing: Signing::default(),
        }
    }
}

/// A type as known to planners: its name and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceType {
    /// Public id.
    pub name: TypeName,
    /// What is known of its devices.
    pub spec: TypeSpec,
}
