//! Rollouts and their groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::actions::Terms;
use super::common::{Links, Stamp};

/// When something holds: `THRESHOLD` and a percentage as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// `THRESHOLD`.
    #[serde(default = "threshold", deserialize_with = "crate::management::common::coerced_or_default")]
    pub condition: String,
    /// A percentage.
    #[serde(default = "half", deserialize_with = "crate::management::common::coerced_or_default")]
    pub expression: String,
}

fn threshold() -> String {
    "THRESHOLD".to_owned()
}

fn half() -> String {
    "50".to_owned()
}

/// What happens then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// `NEXTGROUP` or `PAUSE`.
    #[serde(deserialize_with = "crate::management::common::coerced_or_default")]
    pub action: String,
    /// Nothing that is known.
    #[serde(default, deserialize_with = "crate::management::common::coerced_or_default")]
    pub expression: String,
}

/// A group to make.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GroupRequest {
    /// Its name.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub name: Option<String>,
    /// For people.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub description: Option<String>,
    /// RSQL that narrows what it takes.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub target_filter_query: Option<String>,
    /// Its share of what the groups before it left.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub target_percentage: Option<f64>,
    /// When it has succeeded.
    pub success_condition: Option<Condition>,
    /// What happens then.
    pub success_action: Option<Action>,
    /// When it has failed.
    pub error_condition: Option<Condition>,
    /// What happens then.
    pub error_action: Option<Action>,
    /// Whether its targets ask first.
    pub confirmation_required: Option<bool>,
}

/// What later groups of a dynamic rollout are like.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DynamicGroup {
    /// What their names end with.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub name_suffix: Option<String>,
    /// How many targets one has.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub target_count: Option<u64>,
}

/// A rollout to make.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RolloutRequest {
    /// Its name.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub name: Option<String>,
    /// For people.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub description: Option<String>,
    /// Number of the set.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub distribution_set_id: Option<i64>,
    /// RSQL that chooses its targets.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub target_filter_query: Option<String>,
    /// When it begins by itself, in milliseconds since 1970.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub start_at: Option<i64>,
    /// How it is handled.
    #[serde(flatten)]
    pub terms: Terms,
    /// Whether it takes in targets that match later.
    #[serde(deserialize_with = "crate::management::common::coerced_or_default")]
    pub dynamic: bool,
    /// What its later groups are like.
    pub dynamic_group_template: Option<DynamicGroup>,
    /// How many groups of the same size it has.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub amount_groups: Option<u32>,
    /// Its groups.
    pub groups: Option<Vec<GroupRequest>>,
    /// When a group has succeeded.
    pub success_condition: Option<Condition>,
    /// What happens then.
    pub success_action: Option<Action>,
    /// When a group has failed.
    pub error_condition: Option<Condition>,
    /// What happens then.
    pub error_action: Option<Action>,
}

/// What changes of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RolloutUpdate {
    /// Its name.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub name: Option<String>,
    /// For people.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub description: Option<String>,
}

/// A rollout.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
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
    /// RSQL that chose its targets.
    pub target_filter_query: String,
    /// Number of the set.
    pub distribution_set_id: i64,
    /// Where it stands.
    pub status: &'static str,
    /// How many targets it has.
    pub total_targets: u64,
    /// How many of them stand where.
    pub total_targets_per_status: BTreeMap<&'static str, u64>,
    /// How many groups it has.
    pub total_groups: usize,
    /// When it begins by itself, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_at: Option<i64>,
    /// How it is handled.
    #[serde(rename = "type")]
    pub action_type: &'static str,
    /// From when on it is forced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forcetime: Option<i64>,
    /// Which goes first.
    pub weight: i64,
    /// Whether devices ask first; absent where nobody is asked, as upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation_required: Option<bool>,
    /// Whether it takes in targets that match later.
    pub dynamic: bool,
    /// Who approved or denied it.
    #[serde(rename = "approveDecidedBy", skip_serializing_if = "Option::is_none")]
    pub approval_decided_by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_remark: Option<String>,
    /// Whether it is only kept for its actions.
    pub deleted: bool,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}

/// A group of a rollout.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
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
    /// Where it stands.
    pub status: &'static str,
    /// RSQL that narrows what it takes.
    pub target_filter_query: String,
    /// Its share of what the groups before it left.
    pub target_percentage: f64,
    /// How many targets it has.
    pub total_targets: u64,
    /// How many of them stand where.
    pub total_targets_per_status: BTreeMap<&'static str, u64>,
    /// When it has succeeded.
    pub success_condition: Condition,
    /// What happens then.
    pub success_action: Action,
    /// When it has failed.
    pub error_condition: Condition,
    /// What happens then.
    pub error_action: Action,
    /// Whether its targets ask first; absent where nobody is asked, as upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation_required: Option<bool>,
    /// Whether targets that match later make it.
    pub dynamic: bool,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}
