//! The documents behind items and extras. A member that older rows do not have takes its default.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A type of software module; its item's name is its key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ModuleType {
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub colour: Option<String>,
    /// How many modules of it a set may have.
    pub max_assignments: u32,
    /// In use when it was deleted: it stays for what has it.
    pub deleted: bool,
}

/// A type of distribution set; its item's name is its key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SetType {
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub colour: Option<String>,
    /// Ids of module types that a complete set has.
    pub mandatory: BTreeSet<i64>,
    /// Ids of module types that it may have.
    pub optional: BTreeSet<i64>,
    /// In use when it was deleted: it stays for what has it.
    pub deleted: bool,
}

/// A tag of targets or of sets; its item's name is the tag.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Tag {
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub colour: Option<String>,
}

/// A saved query, which may assign a set to whatever it finds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Filter {
    /// RSQL.
    pub query: String,
    /// For people.
    pub description: Option<String>,
    /// What those that it finds are to get.
    pub auto_assign: Option<AutoAssign>,
    /// How often a second person was asked to agree since one did.
    pub asked: u32,
}

/// How far an auto assignment is. Rows that are older than this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AutoState {
    /// A second person has yet to agree.
    WaitingForApproval,
    /// A second person did not.
    Denied,
    /// It may begin.
    Ready,
    /// It assigns.
    #[default]
    Running,
    /// It is held.
    Paused,
}

/// What a second person said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AutoDecision {
    /// Who.
    pub by: String,
    /// Why.
    pub remark: Option<String>,
}

/// What a filter assigns by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AutoAssign {
    /// The set.
    pub set: i64,
    /// `forced`, `soft` or `downloadonly`.
    pub action_type: String,
    /// Which goes first.
    pub weight: Option<i64>,
    /// Whether devices ask first.
    pub confirmation_required: bool,
    /// Who asked for it.
    pub by: String,
    /// Who asked for it, as it is told whether somebody else agreed.
    pub asked_by: String,
    /// How far it is.
    pub state: AutoState,
    /// Microseconds since 1970 from which on it begins by itself once it may.
    pub start_at: Option<i64>,
    /// What a second person said.
    pub decision: Option<AutoDecision>,
    /// Whether the filter was made for it and goes with it.
    pub owns_filter: bool,
}

/// What is known of a component beside what it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ModuleExtra {
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub vendor: Option<String>,
    /// Whether its artifacts are encrypted.
    pub encrypted: bool,
    /// Whether its artifacts stay as they are.
    pub locked: bool,
    /// In use when it was deleted.
    pub deleted: bool,
    /// Who made it.
    pub created_by: String,
    /// Microseconds since 1970 at the last change.
    pub updated_at: Option<i64>,
    /// Who changed it last.
    pub updated_by: Option<String>,
    /// Whatever else.
    pub metadata: BTreeMap<String, ModuleMetadata>,
}

/// One entry of a module's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ModuleMetadata {
    /// Its value.
    pub value: String,
    /// Whether devices are told.
    pub target_visible: bool,
}

/// What is known of a release beside what it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SetExtra {
    /// Id of its type; none where it was made elsewhere.
    pub set_type: Option<i64>,
    /// In place of the release's notes, once it was changed.
    pub description: Option<String>,
    /// Whether what was assigned stays when something newer is.
    pub required_migration_step: bool,
    /// Whether its modules stay as they are.
    pub locked: bool,
    /// In use when it was deleted.
    pub deleted: bool,
    /// Never to be assigned again.
    pub invalid: bool,
    /// Microseconds since 1970 at the last change.
    pub updated_at: Option<i64>,
    /// Who changed it last.
    pub updated_by: Option<String>,
    /// Whatever else.
    pub metadata: BTreeMap<String, String>,
    /// Ids of its tags.
    pub tags: BTreeSet<i64>,
}

/// What is known of a device beside what it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TargetExtra {
    /// For people; the device's name where absent.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Where it said that it is.
    pub address: Option<String>,
    /// Who made it.
    pub created_by: Option<String>,
    /// Who changed it last.
    pub updated_by: Option<String>,
    /// Whether an operator wants to hear its attributes.
    pub request_attributes: Option<bool>,
}

/// What is known of a device type beside what it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TargetTypeExtra {
    /// For people; the type's name where absent.
    pub name: Option<String>,
    /// For people; the type's own where absent.
    pub description: Option<String>,
    /// For people.
    pub colour: Option<String>,
    /// Ids of the types of sets that fit; none: all.
    pub set_types: BTreeSet<i64>,
    /// Who made it.
    pub created_by: Option<String>,
    /// Who changed it last.
    pub updated_by: Option<String>,
}

/// What is known of a group of a rollout beside what its wave is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GroupExtra {
    /// For people.
    pub description: Option<String>,
    /// RSQL that narrowed what it took.
    pub query: Option<String>,
    /// The share that it was to have of what the groups before it left.
    pub percent: Option<f64>,
    /// The share of successes that it was to have; nothing hangs on that of the last one.
    pub success: Option<u8>,
}

/// What becomes of the other updates of a device where a job's takes their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Displaced {
    /// Those that it has not begun are taken off it; it is left to finish others.
    #[default]
    NotBegun,
    /// It is asked to stop others, too.
    Asked,
    /// All are over at once.
    Closed,
}

/// What is known of a job beside what it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobExtra {
    /// Whether it is no rollout of its own: somebody, or a filter, assigned a set.
    pub assignment: bool,
    /// For people.
    pub description: Option<String>,
    /// RSQL that chose its targets.
    pub query: Option<String>,
    /// Its groups as they were asked for, in order.
    pub groups: Vec<GroupExtra>,
    /// What names of the groups that latecomers make end with.
    pub name_suffix: Option<String>,
    /// What becomes of updates that its own takes the place of.
    pub displaced: Displaced,
    /// Over, and out of sight.
    pub deleted: bool,
}
