//! Shadows: `/devices/{name}/shadow` (classic), `/devices/{name}/shadows/{shadow}` (named).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Time;

/// The sections of a shadow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShadowState {
    /// What operators want.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Value>,
    /// What the device said it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Value>,
    /// Where desired differs from reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Value>,
}

/// A shadow of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shadow {
    /// Absent for the classic shadow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it says.
    pub state: ShadowState,
    /// When each leaf was last written, epoch seconds.
    pub metadata: Value,
    /// Rises by one with every change; the `ETag`.
    pub version: i64,
    /// When it last changed.
    pub updated_at: Time,
}

/// A change of the desired section (`PATCH`): a merge, `null` removes a member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DesiredPatch {
    /// An object to merge into the desired section; `null` clears the section.
    pub desired: Value,
}

/// One line of the list of shadows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShadowInfo {
    /// Absent for the classic shadow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Rises by one with every change.
    pub version: i64,
    /// When it last changed.
    pub updated_at: Time,
}
