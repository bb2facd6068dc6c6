//! Settings for hawkBit's clients and the tokens of their devices: `/settings/hawkbit`, `/devices/{name}/token`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Time;

/// The settings of the tenant for hawkBit's clients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HawkbitSettings {
    /// All of them.
    pub settings: Vec<HawkbitSetting>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HawkbitSetting {
    /// hawkBit's name for it, such as `pollingTime`.
    pub key: String,
    /// What holds: true or false, a number or text; absent where it is a secret that you may not see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Whether nothing was set.
    pub is_default: bool,
}

/// A change of settings (`PUT /settings/hawkbit`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HawkbitSettingsChange {
    /// Value by key. `null` takes a setting back to its default; what is not named stays.
    pub values: BTreeMap<String, Value>,
}

/// The token that a device shows to hawkBit's interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceToken {
    /// The secret: `Authorization: TargetToken <token>`.
    pub token: String,
    /// Since when it is this one.
    pub created_at: Time,
}

/// A token for a device (`PUT /devices/{name}/token`). The one before is good no longer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDeviceToken {
    /// 1 to 128 visible characters; the server makes 32 random ones if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}
