//! What is wrong and open: `/alerts`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::events::Severity;

words!(
    /// What is wrong.
    AlertKind {
        /// A device was not heard for longer than its type allows.
        DeviceOverdue = "deviceOverdue",
        /// A job was stopped by its failure threshold.
        RolloutStopped = "rolloutStopped",
        /// A certificate is near its end and nobody renews it.
        CertificateExpiring = "certificateExpiring",
        /// Free disk space is below the bound.
        DiskLow = "diskLow",
        /// A device waits for somebody to let it in.
        DevicePending = "devicePending",
        /// The last backup failed.
        BackupFailed = "backupFailed",
    }
);

words!(
    /// Whether an alert is open.
    AlertState {
        /// Its condition holds, and nobody closed it.
        Open = "open",
        /// Over, or closed by hand.
        Closed = "closed",
    }
);

/// Something that is wrong, or was. It closes by itself when its condition ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Public number; rises with time.
    pub id: i64,
    /// What is wrong.
    pub kind: AlertKind,
    /// How much it matters.
    pub severity: Severity,
    /// Whether it is open.
    pub state: AlertState,
    /// One line that reads alone.
    pub subject: String,
    /// What is known.
    pub detail: String,
    /// What to do.
    pub action: String,
    /// The device it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The job it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<i64>,
    /// The entry of the pending queue it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<i64>,
    /// When it opened.
    pub opened_at: Time,
    /// When what is known last changed.
    pub last_at: Time,
    /// How often that was, the opening included.
    pub count: i64,
    /// When it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Time>,
    /// Why it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_reason: Option<String>,
    /// Since when somebody looks after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Time>,
    /// Who does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
}

/// The query of `GET /alerts`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AlertQuery {
    /// Only open, or only closed ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AlertState>,
    /// Only of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AlertKind>,
    /// Only about this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Most items in the answer, 1 to 1000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Where to go on: the `cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Why an alert is closed by hand (`POST /alerts/{id}/close`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Closing {
    /// Kept with the alert, up to 256 bytes.
    #[serde(default)]
    pub reason: String,
}
