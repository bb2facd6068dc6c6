//! Provisioning templates: `/templates`, `/templates/{name}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Time;

/// What a template says (`PUT /templates/{name}`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplateSpec {
    /// `{"Parameters": {…}, "Resources": {…}}`, as in the AWS-compatible provisioning API.
    pub body: Value,
    /// Whether devices may use it; true when absent.
    #[serde(default = "yes")]
    pub enabled: bool,
}

const fn yes() -> bool {
    true
}

/// A provisioning template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// 1 to 36 of letters, digits, `_ -`.
    pub name: String,
    /// What it says.
    pub body: Value,
    /// Whether devices may use it.
    pub enabled: bool,
    /// Rises by one with every change; the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}
