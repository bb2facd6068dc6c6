//! Whether the server stands well: `/server/checks`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

words!(
    /// How a check came out.
    CheckState {
        /// As it should be.
        Ok = "ok",
        /// It works, and somebody should look.
        Warning = "warning",
        /// It does not work, or is about to stop.
        Problem = "problem",
    }
);

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What was looked at: `certificate`, `clock`, `disk`, …
    pub check: String,
    /// How it came out.
    pub state: CheckState,
    /// What was found, in a sentence.
    pub detail: String,
    /// What to do; empty where there is nothing to do.
    pub action: String,
}

/// All checks (`GET /server/checks`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checks {
    /// In the order in which they were made.
    pub items: Vec<Check>,
}
