//! Backups of the server: `/backups`, `/backups/{name}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

words!(
    /// How a backup is closed.
    Sealed {
        /// With a passphrase.
        Passphrase = "passphrase",
        /// To a recipient's key.
        Recipient = "recipient",
        /// Not at all.
        Plain = "plain",
    }
);

words!(
    /// How a backup went.
    BackupState {
        /// It is being made.
        Running = "running",
        /// It is there.
        Complete = "complete",
        /// It could not be made.
        Failed = "failed",
    }
);

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// Its file's name.
    pub name: String,
    /// Of what moment it is; of a failed one: when it failed.
    pub created_at: Time,
    /// Of the file.
    pub bytes: u64,
    /// How it is closed.
    pub sealed: Sealed,
    /// Of the program that made it.
    pub version: String,
    /// How it went.
    pub state: BackupState,
    /// Why it failed; of a complete one, what else went wrong while it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// When backups are made and where they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupSchedule {
    /// Seconds between two of them; absent: on demand only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<u64>,
    /// How many stay.
    pub keep: u64,
    /// Where, on the server.
    pub directory: String,
    /// When the next one is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Time>,
}

/// All backups (`GET /backups`), newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backups {
    /// What there is.
    pub items: Vec<Backup>,
    /// Absent when no directory for backups is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<BackupSchedule>,
}
