//! Software: `/components/{name}/{version}`, of a type where there are several, `/releases/{name}/{version}`. Neither changes once made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::artifacts::Artifact;

/// A name and a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NameVersion {
    /// 1 to 128 characters of any script, with spaces inside, without `/` and `@`.
    pub name: String,
    /// 1 to 64 characters of any script, with spaces inside, without `/`; compared for equality only.
    pub version: String,
}

/// What a job installs or installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobRelease {
    /// The release's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether it was deleted since: its files are gone, and nothing can be installed from it.
    pub deleted: bool,
}

/// Which component. Its type may be left out while no other one has that name and version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComponentName {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its type.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub component_type: Option<String>,
}

impl From<NameVersion> for ComponentName {
    fn from(NameVersion { name, version }: NameVersion) -> Self {
        Self { name, version, component_type: None }
    }
}

/// The query of what is about one component.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComponentQuery {
    /// Its type; needed where there are several of that name and version.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub component_type: Option<String>,
}

/// A component to make (`POST /components`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewComponent {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `application`, `os`, `firmware`, or any word; `application` when absent.
    #[serde(rename = "type", default = "application")]
    pub component_type: String,
    /// Ids of its artifacts, in order.
    #[serde(default)]
    pub artifacts: Vec<i64>,
}

fn application() -> String {
    "application".to_owned()
}

/// A component: one version of one piece of software.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `application`, `os`, `firmware`, or any word.
    #[serde(rename = "type")]
    pub component_type: String,
    /// Its artifacts, in order.
    pub artifacts: Vec<Artifact>,
    /// When it was made.
    pub created_at: Time,
    /// The releases that it is part of, at most 20. Only where one component is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub releases: Option<Vec<NameVersion>>,
}

/// A release to make (`POST /releases`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRelease {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its components, in order.
    pub components: Vec<ComponentName>,
    /// Device types it is for; empty means any.
    #[serde(default)]
    pub device_types: Vec<String>,
    /// For people.
    #[serde(default)]
    pub notes: String,
    /// What devices must be before they may get it.
    #[serde(default)]
    pub rules: ReleaseRules,
}

/// What a device must be before it may get a release.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ReleaseRules {
    /// Hardware it is for, as devices say it under `hardware` in inventory or attributes; empty: any.
    pub hardware: Vec<String>,
    /// The oldest version that it may replace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_source: Option<String>,
    /// The newest version that it may replace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_source: Option<String>,
    /// The version that must have been installed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// The query of `DELETE /releases/{name}/{version}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteReleaseQuery {
    /// Also those of its components that no other release has.
    #[serde(default)]
    pub components_too: bool,
}

/// A release: a set of components for some device types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its components, in order.
    pub components: Vec<ComponentName>,
    /// Device types it is for; empty means any.
    pub device_types: Vec<String>,
    /// For people.
    pub notes: String,
    /// What devices must be before they may get it.
    pub rules: ReleaseRules,
    /// When it was made.
    pub created_at: Time,
    /// By whom.
    pub created_by: String,
    /// How many jobs install or installed it. Only where one release is asked for, by somebody who may see every job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<u64>,
    /// A job under way that installs it, so that it cannot be deleted. As `jobs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_job: Option<i64>,
}
