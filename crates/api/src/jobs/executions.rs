//! Executions: a job on one device. `/jobs/{id}/executions`, `/jobs/{id}/failures`, `/executions/{id}`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

words!(
    /// What the protocol said about a job on one device; final there.
    ExecutionState {
        /// Offered or waiting to be.
        Queued = "queued",
        /// The device works on it.
        InProgress = "inProgress",
        /// The device said it succeeded.
        Succeeded = "succeeded",
        /// The device said it failed.
        Failed = "failed",
        /// The device declined.
        Rejected = "rejected",
        /// The device took too long.
        TimedOut = "timedOut",
        /// An operator ended it.
        Canceled = "canceled",
        /// Never offered, or withdrawn: the device is gone, out of service or of another type.
        Removed = "removed",
    }
);

words!(
    /// The truth about a job on one device; gates and counts use it.
    Verdict {
        /// Not known yet.
        Pending = "pending",
        /// The new version was seen running; of a command: its exit code is 0.
        Verified = "verified",
        /// The old version was seen after success: a failure.
        RolledBack = "rolledBack",
        /// The device's word is all there is; counted as success.
        Unverifiable = "unverifiable",
        /// The new version was not seen in time.
        Expired = "expired",
        /// The device said it succeeded and gave another exit code than 0: a failure.
        Refuted = "refuted",
    }
);

words!(
    /// How one device's part counts: for gates, for thresholds, for people.
    Outcome {
        /// The device has work to do.
        Open = "open",
        /// The device says that it is done; the new version has not shown yet.
        Verifying = "verifying",
        /// Done, and true as far as can be known.
        Succeeded = "succeeded",
        /// Not done.
        Failed = "failed",
        /// Withdrawn.
        Canceled = "canceled",
        /// Never offered, or withdrawn because the device is gone.
        Skipped = "skipped",
    }
);

/// Failures with the same reason (`GET /jobs/{id}/failures`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureCluster {
    /// What the protocol said.
    pub state: ExecutionState,
    /// What is true.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// On how many devices.
    pub count: u64,
}

/// The query of a list of executions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecutionQuery {
    /// Only those in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ExecutionState>,
    /// Only those with this verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Only those that count so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Only those on the device of this name.
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

/// A job's life on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Public id.
    pub id: i64,
    /// Of which job.
    pub job: i64,
    /// On which device; absent if it is gone.
    pub device: Option<String>,
    /// 1 for the first try on this device, one more for each retry; less where it was left out and got it since.
    pub number: i64,
    /// In which wave, from 1.
    pub wave: u32,
    /// What the protocol said.
    pub state: ExecutionState,
    /// The truth.
    pub verdict: Verdict,
    /// How it counts.
    pub outcome: Outcome,
    /// Why it ended as it did; empty while open.
    pub reason: String,
    /// One sentence on why it stands where it stands.
    pub why: String,
    /// What an operator can do about it; may be empty.
    pub action: String,
    /// What the device last reported, such as `phase` and `progress`.
    pub details: BTreeMap<String, String>,
    /// The exit code of a command, if the device gave one.
    pub exit_code: Option<i64>,
    /// What a command printed, at most 4 KiB.
    pub output: Option<String>,
    /// Where longer output is.
    pub output_url: Option<String>,
    /// When it was offered.
    pub queued_at: Time,
    /// When the device took it up.
    pub started_at: Option<Time>,
    /// When it last changed.
    pub updated_at: Time,
    /// When the protocol said its last word.
    pub ended_at: Option<Time>,
    /// From when on the device does not get it any more, for commands.
    pub expires_at: Option<Time>,
    /// Bytes that went out to the device, over all files of an update, those that went out twice counted once.
    pub downloaded_bytes: Option<u64>,
    /// Bytes of all files of an update.
    pub download_bytes: Option<u64>,
    /// Not shown to the device before this.
    pub held_until: Option<Time>,
    /// When the device was asked to stop, if it was and has not answered.
    pub cancel_asked_at: Option<Time>,
    /// Whether somebody still has to agree before the device may begin.
    pub consent_awaited: bool,
    /// The last status code that the device gave (hawkBit).
    pub status_code: Option<i64>,
}
