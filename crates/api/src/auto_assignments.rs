//! What saved queries of hawkBit's clients assign by themselves: `/auto-assignments`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::releases::NameVersion;
use crate::rollouts::{Approval, Handling};

words! {
    /// How far an auto assignment is.
    AutoAssignmentState {
        /// A second person has yet to agree.
        WaitingForApproval = "waitingForApproval",
        /// A second person did not.
        Denied = "denied",
        /// It may begin.
        Ready = "ready",
        /// It assigns.
        Running = "running",
        /// It is held.
        Paused = "paused",
    }
}

/// A saved query that assigns a release to whatever it finds, made with hawkBit's Management API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoAssignment {
    /// Its number, which its query has in hawkBit's API.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Which devices get it, in hawkBit's query language.
    pub query: String,
    /// What they get; absent for those who may not see releases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<NameVersion>,
    /// What devices are told.
    pub handling: Handling,
    /// Whether each device's user must agree first.
    pub consent: bool,
    /// How far it is.
    pub state: AutoAssignmentState,
    /// From when on it begins by itself once it may; absent where somebody has to start it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Time>,
    /// Who asked for it as it is now, such as `user admin`: somebody else must approve it.
    pub asked_by: String,
    /// What a second person said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<AutoAssignmentDecision>,
    /// What whoever asks may say to it, while it waits for approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Changes with each change; also the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed last.
    pub changed_at: Time,
}

/// What a second person said of an auto assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoAssignmentDecision {
    /// Who.
    pub by: String,
    /// Why; may be empty.
    pub remark: String,
}

/// The query of `GET /auto-assignments`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AutoAssignmentQuery {
    /// Only those that are so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AutoAssignmentState>,
    /// Most items in the answer, 1 to 1000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Where to go on: the `cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
