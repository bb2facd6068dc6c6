//! What happened: `/events`, `/devices/{name}/events`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

words!(
    /// How much an event matters.
    Severity {
        /// Good to know.
        Info = "info",
        /// Worth a look.
        Warning = "warning",
        /// Needs somebody.
        Error = "error",
    }
);

/// Something that happened to a device. Repetitions within a minute are one event with a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Public id; rises with time.
    pub id: i64,
    /// To which device; absent if it is gone.
    pub device: Option<String>,
    /// What: `connected`, `disconnected`, `topicRefused`, …
    pub kind: String,
    /// How much it matters.
    pub severity: Severity,
    /// A sentence.
    pub detail: String,
    /// How often within its minute.
    pub count: i64,
    /// First time.
    pub first_at: Time,
    /// Last time.
    pub last_at: Time,
}
