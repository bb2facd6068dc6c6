//! Assignments, actions and their history.

use serde::{Deserialize, Serialize};

use super::common::{Links, Stamp};

/// When devices may install: all three or none.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Window {
    /// Quartz cron.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub schedule: Option<String>,
    /// HH:mm:ss.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub duration: Option<String>,
    /// +HH:mm.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub timezone: Option<String>,
}

/// How something is assigned.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Terms {
    /// `forced`, `soft`, `timeforced` or `downloadonly`.
    #[serde(rename = "type")]
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub action_type: Option<String>,
    /// From when on it is forced, in milliseconds since 1970.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub forcetime: Option<i64>,
    /// Which goes first.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub weight: Option<i64>,
    /// When devices may install.
    pub maintenance_window: Option<Window>,
    /// Whether devices ask first.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub confirmation_required: Option<bool>,
}

/// A set for a target.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TargetAssignment {
    /// Name of the target.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub id: Option<String>,
    /// How.
    #[serde(flatten)]
    pub terms: Terms,
}

/// A target for a set.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SetAssignment {
    /// Number of the set.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub id: Option<i64>,
    /// How.
    #[serde(flatten)]
    pub terms: Terms,
}

/// An action by its number.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionId {
    /// Its number.
    pub id: i64,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}

/// What became of an assignment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Assigned {
    /// How many had it already.
    pub already_assigned: usize,
    /// How many got it.
    pub assigned: usize,
    /// Both.
    pub total: usize,
    /// What began.
    pub assigned_actions: Vec<ActionId>,
}

/// When a device may install.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownWindow {
    /// Quartz cron.
    pub schedule: String,
    /// HH:mm:ss.
    pub duration: String,
    /// +HH:mm.
    pub timezone: String,
    /// When it opens next, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_start_at: Option<i64>,
}

/// A set on its way to a target.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Who and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Its number.
    pub id: i64,
    /// `update` or `cancel`.
    #[serde(rename = "type")]
    pub action_type: &'static str,
    /// Whether it is not over.
    pub active: bool,
    /// `pending` or `finished`.
    pub status: &'static str,
    /// Where it stands.
    pub detail_status: &'static str,
    /// What the device said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status_code: Option<i64>,
    /// How.
    pub force_type: &'static str,
    /// From when on it is forced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_time: Option<i64>,
    /// Which goes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// When the device may install.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance_window: Option<ShownWindow>,
    /// Number of its rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<i64>,
    /// Name of its rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout_name: Option<String>,
    /// What another system calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}

/// What changes of an action.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ActionUpdate {
    /// `forced`.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub force_type: Option<String>,
}

/// An operator's word in a device's place.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Confirmation {
    /// `confirmed` or `denied`.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub confirmation: Option<String>,
    /// A number for it.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub code: Option<i32>,
    /// More about it.
    #[serde(deserialize_with = "crate::management::common::or_default")]
    pub details: Vec<String>,
}

/// One entry of an action's history.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionStatus {
    /// Its number.
    pub id: i64,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// More about it.
    pub messages: Vec<String>,
    /// When it came, in milliseconds since 1970.
    pub reported_at: i64,
    /// When it happened: as the device says, or else when it came.
    pub timestamp: i64,
    /// A number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// How the device proved who it is; not hawkBit's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ConfigValue {
    /// Its value.
    pub value: Option<serde_json::Value>,
}
