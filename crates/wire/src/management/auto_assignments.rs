//! Auto assignments: saved queries that assign a set, as things of their own.

use serde::{Deserialize, Serialize};

use super::common::{Links, Stamp};

/// An auto assignment to make or change.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AutoAssignmentRequest {
    /// Its name.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub name: Option<String>,
    /// For people.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub description: Option<String>,
    /// RSQL.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub target_filter_query: Option<String>,
    /// Number of a saved query, in place of a name and a query.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub target_filter_query_id: Option<i64>,
    /// Number of the set.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub distribution_set_id: Option<i64>,
    /// From when on it begins by itself, in milliseconds since 1970.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub start_at: Option<i64>,
    /// How.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub action_type: Option<String>,
    /// Which goes first.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub weight: Option<i64>,
    /// Whether devices ask first.
    #[serde(deserialize_with = "crate::management::common::coerced")]
    pub confirmation_required: Option<bool>,
}

/// An auto assignment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoAssignment {
    /// Who and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Its number, which is that of its saved query.
    pub id: i64,
    /// The same, as it was called at first upstream.
    pub target_filter_query_id: i64,
    /// Its name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// RSQL.
    pub target_filter_query: String,
    /// Number of the set.
    pub distribution_set_id: i64,
    /// How far it is.
    pub status: &'static str,
    /// From when on it begins by itself, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_at: Option<i64>,
    /// How.
    pub action_type: String,
    /// Which goes first.
    pub weight: i64,
    /// Whether devices ask first.
    pub confirmation_required: bool,
    /// Who approved or denied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_decided_by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_remark: Option<String>,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}
