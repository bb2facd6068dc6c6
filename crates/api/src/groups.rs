//! Static groups: `/groups`, `/groups/{path}` (with `/` written as `%2F`), their members.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// A static group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its place in the tree, such as `eu/berlin/plant-3`.
    pub path: String,
    /// For people.
    pub description: String,
    /// How many devices are in it.
    pub device_count: u64,
    /// When it was made.
    pub created_at: Time,
}

/// A group to make (`POST /groups`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewGroup {
    /// Up to 8 parts joined by `/`.
    pub path: String,
    /// For people.
    #[serde(default)]
    pub description: String,
}

/// What can be changed of a group (`PUT /groups/{path}`, which also creates).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupSpec {
    /// For people.
    #[serde(default)]
    pub description: String,
}

/// Devices to add to or remove from a group (`POST /groups/{path}/members`): by name, by query, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Membership {
    /// Names to add.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub add: BTreeSet<String>,
    /// Names to remove.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub remove: BTreeSet<String>,
    /// Add every device that matches this query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add_matching: Option<String>,
}
