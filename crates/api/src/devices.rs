//! Devices: `/devices`, `/devices/{name}`, its actions, aliases and tags.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

words!(
    /// Where a device stands in its life.
    Lifecycle {
        /// Known, never seen.
        Registered = "registered",
        /// Has been seen and may connect.
        Active = "active",
        /// May not connect for now.
        Suspended = "suspended",
        /// Out of service for good.
        Decommissioned = "decommissioned",
    }
);

words!(
    /// Whether a device can be reached. Online means `connected` or `reachable`.
    Presence {
        /// Has a live connection.
        Connected = "connected",
        /// Last contact is younger than 2.5 times the expected interval.
        Reachable = "reachable",
        /// Last contact is older than that.
        Overdue = "overdue",
        /// Never had contact.
        Never = "never",
    }
);

words!(
    /// What a device is to others.
    DeviceKind {
        /// Connects for itself.
        Device = "device",
        /// Connects for its children too.
        Gateway = "gateway",
    }
);

/// An external id of a device in one protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alias {
    /// Which protocol's id: `aws`, `hawkbit`, `mender`, `lwm2m`, …
    pub protocol: String,
    /// The id as the device writes it, up to 256 bytes.
    pub external_id: String,
}

/// A managed device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Public id, unique in the tenant, case-sensitive.
    pub name: String,
    /// Its device type, if any.
    #[serde(rename = "type")]
    pub device_type: Option<String>,
    /// Whether it speaks for children.
    pub kind: DeviceKind,
    /// The gateway it hangs on, if any.
    pub parent: Option<String>,
    /// Where it stands in its life.
    pub lifecycle: Lifecycle,
    /// Whether it can be reached.
    pub presence: Presence,
    /// Connected or reachable.
    pub online: bool,
    /// When it was last heard.
    pub last_contact_at: Option<Time>,
    /// Why its last connection ended, where it has none.
    pub last_disconnect: Option<String>,
    /// Set by operators.
    pub attributes: BTreeMap<String, String>,
    /// Reported by the device.
    pub inventory: BTreeMap<String, String>,
    /// Bare words.
    pub tags: BTreeSet<String>,
    /// Static groups it is in.
    pub groups: BTreeSet<String>,
    /// External ids under which it may also address itself.
    pub aliases: BTreeSet<Alias>,
    /// Rises by one with every change of this record; the `ETag`.
    pub version: i64,
    /// When the record was made.
    pub created_at: Time,
    /// When the record last changed.
    pub updated_at: Time,
    /// First contact, if there was one.
    pub first_seen_at: Option<Time>,
    /// How many devices hang on it, of those that you may see: `GET /devices?q=parent==<name>`.
    pub children: u64,
    /// Until when an enrolment may replace its credential, where an operator opened such a window.
    pub reprovision_until: Option<Time>,
    /// Set while it is to wipe itself before it goes out of service.
    pub decommissioning: Option<Decommissioning>,
}

/// A device on its way out of service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decommissioning {
    /// Since when.
    pub since: Time,
    /// The job that carries the wipe.
    pub wipe_job: i64,
    /// Until when its answer is awaited.
    pub until: Time,
}

/// A device to make (`POST /devices`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDevice {
    /// 1 to 128 of letters, digits, `: _ . -`.
    pub name: String,
    /// Everything else about it.
    #[serde(flatten)]
    pub spec: DeviceSpec,
}

/// What an operator says about a device (`PUT /devices/{name}` replaces it as a whole).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceSpec {
    /// An existing device type.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<String>,
    /// `device` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<DeviceKind>,
    /// An existing device of kind gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// At most 100, values up to 4,000 characters, 115,200 bytes together.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// At most 100 words.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

/// A change of a device (`PATCH /devices/{name}`): absent members stay, `null` clears.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DevicePatch {
    /// An existing device type; `null` for none.
    #[serde(
        rename = "type",
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::devices::some"
    )]
    pub device_type: Option<Option<String>>,
    /// An existing gateway; `null` for none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::devices::some")]
    pub parent: Option<Option<String>>,
    /// Whether it speaks for children.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<DeviceKind>,
    /// Values to set; `null` removes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Option<String>>,
    /// Words to add.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub add_tags: BTreeSet<String>,
    /// Words to remove.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub remove_tags: BTreeSet<String>,
}

/// Tells `null` from absent.
fn some<'de, D, T>(input: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(input).map(Some)
}

/// Tags for every device that matches (`POST /devices/tags`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BulkTags {
    /// Which devices, in the query language. Never a page: all that match.
    pub q: String,
    /// Words to add.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub add: BTreeSet<String>,
    /// Words to remove.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub remove: BTreeSet<String>,
}

/// What a bulk action did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkResult {
    /// Devices that matched.
    pub matched: u64,
    /// Devices that changed.
    pub changed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_tells_null_from_absent() {
        let patch: DevicePatch = serde_json::from_str(r#"{"type":null,"attributes":{"a":null}}"#).unwrap();
        assert_eq!(patch.device_type, Some(None));
        assert_eq!(patch.parent, None);
        assert_eq!(patch.attributes.get("a"), Some(&None));
        assert_eq!(serde_json::to_string(&patch).unwrap(), r#"{"type":null,"attributes":{"a":null}}"#);
    }
}
