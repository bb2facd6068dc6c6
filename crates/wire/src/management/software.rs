//! Types, software modules, artifacts and distribution sets.

use serde::{Deserialize, Serialize};

use super::common::{IdRef, Links, Stamp, coerced, coerced_or_default};

/// A type of module or set to make or change.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TypeRequest {
    /// Its key; the name where absent.
    #[serde(deserialize_with = "coerced")]
    pub key: Option<String>,
    /// For people.
    #[serde(deserialize_with = "coerced")]
    pub name: Option<String>,
    /// For people.
    #[serde(deserialize_with = "coerced")]
    pub description: Option<String>,
    /// For people.
    #[serde(deserialize_with = "coerced")]
    pub colour: Option<String>,
    /// How many modules of it a set may have.
    #[serde(deserialize_with = "coerced")]
    pub max_assignments: Option<u32>,
    /// Types of modules that a complete set has.
    #[serde(rename = "mandatorymodules")]
    pub mandatory: Option<Vec<IdRef>>,
    /// Types of modules that it may have.
    #[serde(rename = "optionalmodules")]
    pub optional: Option<Vec<IdRef>>,
}

/// A type of modules or sets.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Type {
    /// Who and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Its number.
    pub id: i64,
    /// Its key.
    pub key: String,
    /// For people.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
    /// Of modules: how many of it a set may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_assignments: Option<u32>,
    /// Whether it is only kept for what has it.
    pub deleted: bool,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}

/// A module to make or change.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ModuleRequest {
    /// Its name.
    #[serde(deserialize_with = "coerced")]
    pub name: Option<String>,
    /// Its version.
    #[serde(deserialize_with = "coerced")]
    pub version: Option<String>,
    /// Key of its type.
    #[serde(rename = "type")]
    #[serde(deserialize_with = "coerced")]
    pub module_type: Option<String>,
    /// For people.
    #[serde(deserialize_with = "coerced")]
    pub description: Option<String>,
    /// For people.
    #[serde(deserialize_with = "coerced")]
    pub vendor: Option<String>,
    /// Whether its artifacts are encrypted.
    #[serde(deserialize_with = "coerced")]
    pub encrypted: Option<bool>,
    /// Whether its artifacts stay as they are.
    #[serde(deserialize_with = "coerced")]
    pub locked: Option<bool>,
}

/// A software module.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Module {
    /// Who and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Key of its type.
    #[serde(rename = "type")]
    pub module_type: String,
    /// Name of its type.
    pub type_name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Whether it is only kept for what has it.
    pub deleted: bool,
    /// Whether its artifacts are encrypted.
    pub encrypted: bool,
    /// Whether its artifacts stay as they are.
    pub locked: bool,
    /// Whether it has what it needs.
    pub complete: bool,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}

/// Digests in lower-case hex.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hashes {
    /// SHA-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha1: Option<String>,
    /// MD5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// SHA-256.
    pub sha256: String,
}

/// A file of a module.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Who and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Its number.
    pub id: i64,
    /// Its digests.
    pub hashes: Hashes,
    /// Its name.
    pub provided_filename: String,
    /// Bytes.
    pub size: u64,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}

/// A set to make or change.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SetRequest {
    /// Its name.
    #[serde(deserialize_with = "coerced")]
    pub name: Option<String>,
    /// Its version.
    #[serde(deserialize_with = "coerced")]
    pub version: Option<String>,
    /// Key of its type.
    #[serde(rename = "type")]
    #[serde(deserialize_with = "coerced")]
    pub set_type: Option<String>,
    /// For people.
    #[serde(deserialize_with = "coerced")]
    pub description: Option<String>,
    /// Whether what was assigned stays when something newer is.
    #[serde(deserialize_with = "coerced")]
    pub required_migration_step: Option<bool>,
    /// Whether its modules stay as they are.
    #[serde(deserialize_with = "coerced")]
    pub locked: Option<bool>,
    /// Its modules.
    pub modules: Option<Vec<IdRef>>,
    /// A module, as older clients write it.
    pub os: Option<IdRef>,
    /// A module, as older clients write it.
    pub application: Option<IdRef>,
    /// A module, as older clients write it.
    pub runtime: Option<IdRef>,
}

/// A distribution set.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Set {
    /// Who and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Key of its type.
    #[serde(rename = "type")]
    pub set_type: String,
    /// Name of its type.
    pub type_name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its modules.
    pub modules: Vec<Module>,
    /// Whether it has what its type asks for.
    pub complete: bool,
    /// Whether what was assigned stays when something newer is.
    pub required_migration_step: bool,
    /// Whether it is only kept for what has it.
    pub deleted: bool,
    /// Whether it may still be assigned.
    pub valid: bool,
    /// Whether its modules stay as they are.
    pub locked: bool,
    /// Where to go on.
    #[serde(rename = "_links")]
    pub links: Links,
}

/// An entry of metadata.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MetadataRequest {
    /// Its key.
    #[serde(deserialize_with = "coerced")]
    pub key: Option<String>,
    /// Its value.
    #[serde(deserialize_with = "coerced")]
    pub value: Option<String>,
    /// Whether devices are told.
    #[serde(deserialize_with = "coerced")]
    pub target_visible: Option<bool>,
}

/// An entry of metadata.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Whether devices are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_visible: Option<bool>,
}

/// How a set becomes invalid.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Invalidation {
    /// `soft`, `force` or `none`.
    #[serde(deserialize_with = "coerced")]
    pub action_cancelation_type: Option<String>,
    /// Whether its rollouts end.
    #[serde(deserialize_with = "coerced_or_default")]
    pub cancel_rollouts: bool,
}
