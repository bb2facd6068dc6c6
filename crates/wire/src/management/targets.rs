//! Targets, their types and tags, and saved filters.

use serde::{Deserialize, Serialize};

use super::common::{IdRef, Links, Stamp};

/// A target to make or change.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TargetRequest {
    /// Its name.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub controller_id: Option<String>,
    /// For people.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub name: Option<String>,
    /// For people.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub description: Option<String>,
    /// Where it said that it is.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub address: Option<String>,
    /// Which group it is in.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub group: Option<String>,
    /// What it signs in with.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub security_token: Option<String>,
    /// Number of its type.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub target_type: Option<i64>,
    /// Whether its attributes are wanted.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub request_attributes: Option<bool>,
}

/// When it was and will be heard.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PollStatus {
    /// When it was last heard.
    pub last_request_at: i64,
    /// When it is expected again.
    pub next_expected_request_at: i64,
    /// Whether that is long past.
    pub overdue: bool,
}

/// A target.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Who and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Its name.
    pub controller_id: String,
    /// For people.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Which group it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Where it stands with what it is to have.
    pub update_status: &'static str,
    /// When it was last heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_controller_request_at: Option<i64>,
    /// When it last installed something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed_at: Option<i64>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Where it said that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// When it was and will be heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll_status: Option<PollStatus>,
    /// What it signs in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_token: Option<String>,
    /// Whether its attributes are wanted.
    pub request_attributes: bool,
    /// Number of its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<i64>,
    /// Name of its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type_name: Option<String>,
    /// Whether it agrees to everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_confirm_active: Option<bool>,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}

/// A tag to make or change.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TagRequest {
    /// Its name.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub name: Option<String>,
    /// For people.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub description: Option<String>,
    /// For people.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub colour: Option<String>,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// Who and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}

/// A type of targets to make or change.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TargetTypeRequest {
    /// Its name.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub name: Option<String>,
    /// Its key; the name where absent.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub key: Option<String>,
    /// For people.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub description: Option<String>,
    /// For people.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub colour: Option<String>,
    /// Types of sets that fit.
    #[serde(rename = "compatibledistributionsettypes")]
    pub compatible: Option<Vec<IdRef>>,
}

/// A type of targets.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetType {
    /// Who and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// Whether it is only kept for what has it.
    pub deleted: bool,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}

/// A saved query to make or change.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FilterRequest {
    /// Its name.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub name: Option<String>,
    /// RSQL.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub query: Option<String>,
}

/// What a filter is to assign by itself.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AutoAssignRequest {
    /// Number of the set.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub id: Option<i64>,
    /// How.
    #[serde(rename = "type")]
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub action_type: Option<String>,
    /// Which goes first.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub weight: Option<i64>,
    /// Whether devices ask first.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub confirmation_required: Option<bool>,
}

/// A saved query.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// Who and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// RSQL.
    pub query: String,
    /// Number of the set that it assigns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_assign_distribution_set: Option<i64>,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_assign_action_type: Option<String>,
    /// Which goes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_assign_weight: Option<i64>,
    /// Whether devices ask first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation_required: Option<bool>,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}

/// Who agrees for a device, and why.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AutoConfirmRequest {
    /// Who.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub initiator: Option<String>,
    /// Why.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub remark: Option<String>,
}
