//! Bringing devices in and taking them out by hand: the pending queue, keys made by the server, re-provisioning,
//! replacement of hardware, decommissioning, import and export.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Time;
use crate::credentials::Credential;
use crate::devices::{Alias, Device};

words!(
    /// Where an enrolment stands that an operator is asked about.
    PendingState {
        /// Nobody decided yet.
        Open = "open",
        /// Let in, on its next attempt.
        Accepted = "accepted",
        /// Refused, also on later attempts.
        Rejected = "rejected",
    }
);

words!(
    /// How an enrolment came that an operator is asked about.
    PendingSource {
        /// Through a claim, for a name that has a live credential.
        Claim = "claim",
        /// With a certificate of this server's authority that the server does not know, as after a restore.
        Certificate = "certificate",
    }
);

words!(
    /// What becomes of telemetry, shadows and events. Audit records stay.
    DataFate {
        /// Stays readable.
        Keep = "keep",
        /// Is deleted.
        Erase = "erase",
    }
);

/// An enrolment that waits for an operator, or was decided by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// Public id.
    pub id: i64,
    /// The wanted name; null where a certificate does not say whose it is.
    pub name: Option<String>,
    /// How it came.
    pub source: PendingSource,
    /// The claim it came through.
    pub claim: Option<String>,
    /// The provisioning template it came through.
    pub template: Option<String>,
    /// The device type that the template gives.
    #[serde(rename = "type")]
    pub device_type: Option<String>,
    /// SHA-256 of the certificate, 64 hex characters.
    pub fingerprint: String,
    /// SHA-256 of the public key (SubjectPublicKeyInfo), 64 hex characters: what an acceptance lets in.
    pub public_key_sha256: String,
    /// Why an operator is asked.
    pub reason: String,
    /// Whether a device has the wanted name.
    pub known_device: bool,
    /// How often it was asked.
    pub attempts: i64,
    /// First attempt.
    pub first_at: Time,
    /// Last attempt.
    pub last_at: Time,
    /// Where it stands.
    pub state: PendingState,
    /// When it was decided.
    pub decided_at: Option<Time>,
    /// By whom.
    pub decided_by: Option<String>,
    /// What was said with the decision.
    pub note: Option<String>,
}

/// Which enrolments to list (`GET /pending`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PendingQuery {
    /// `open` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<PendingState>,
    /// Most items, 1 to 1000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// From an earlier page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// An acceptance (`POST /pending/{id}/accept`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcceptPending {
    /// The device that a certificate belongs to, where it does not say so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A rejection (`POST /pending/{id}/reject`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RejectPending {
    /// Kept with it, up to 256 bytes.
    #[serde(default)]
    pub reason: String,
}

/// A window in which one enrolment may replace a credential (`POST /devices/{name}/reprovision`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reprovision {
    /// How long, 1 to 10080 (a week).
    #[schemars(range(min = 1, max = 10080))]
    pub minutes: u32,
}

/// A key and a certificate made by the server (`POST /devices/{name}/credentials/generate`). Shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratedCredential {
    /// What was made.
    pub credential: Credential,
    /// The certificate and the issuing CA, PEM: what the device presents.
    pub certificate_pem: String,
    /// The key, PKCS #8, PEM. Kept nowhere.
    pub private_key_pem: String,
    /// Root and issuing CA, PEM: what the device trusts.
    pub ca_pem: String,
}

/// New hardware for a device (`POST /devices/{name}/replace`): give `csr` or `generateKey`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Replace {
    /// A PKCS #10 certificate signing request of the new hardware, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<String>,
    /// The server makes a key and shows it once.
    #[serde(default)]
    pub generate_key: bool,
    /// The id burnt into the new hardware; becomes an alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Alias>,
    /// Kept with the revoked certificates, up to 256 bytes.
    #[serde(default)]
    pub reason: String,
}

/// What replacing the hardware gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replaced {
    /// The device, which stays.
    pub device: Device,
    /// The new certificate.
    pub credential: Credential,
    /// The certificate and the issuing CA, PEM: what the device presents.
    pub certificate_pem: String,
    /// The key, where the server made it; shown this once.
    pub private_key_pem: Option<String>,
    /// Root and issuing CA, PEM: what the device trusts.
    pub ca_pem: String,
}

/// What to foresee (`GET /devices/{name}/decommission`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DecommissionQuery {
    /// `keep` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataFate>,
    /// Whether the device is to wipe itself first.
    #[serde(default)]
    pub wipe: bool,
}

/// What decommissioning would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecommissionPreview {
    /// Sentences for people.
    pub effects: Vec<String>,
    /// Certificates that would be revoked.
    pub credentials: u64,
    /// Jobs that would be taken from it.
    pub open_executions: u64,
    /// Devices that hang on it.
    pub children: u64,
    /// Telemetry points that are stored, texts not counted.
    pub points: u64,
    /// Shadows that are stored.
    pub shadows: u64,
}

/// What a device does before it goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wipe {
    /// The command, as the device's software knows it.
    pub command: String,
    /// What goes with it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// How long its answer is awaited, 60 to 7776000 (90 days); a day when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u64>,
}

/// How a device goes out of service (`POST /devices/{name}/decommission`). Without a body: at once, keeping its data.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decommission {
    /// `keep` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataFate>,
    /// What it does first; it stays in service until that has ended or the time is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wipe: Option<Wipe>,
    /// The device's name once more; refused if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// How to remove a device (`DELETE /devices/{name}`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteDevice {
    /// Removes what is left of a decommissioned device, so that its name may be given to another one.
    #[serde(default)]
    pub reuse_name: bool,
}

words!(
    /// What happens to an import with bad rows.
    OnError {
        /// The good rows are imported.
        Skip = "skip",
        /// Nothing is imported.
        Abort = "abort",
    }
);

/// How to import (`POST /devices/import`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportQuery {
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
    /// `abort` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
}

words!(
    /// What a row does.
    ImportAction {
        /// Registers a device.
        Create = "create",
        /// Changes one that is there.
        Update = "update",
        /// The device is as the row says.
        Unchanged = "unchanged",
        /// Cannot be taken.
        Error = "error",
    }
);

/// One thing wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportProblem {
    /// Which row; 1 is the first one with data.
    pub row: u64,
    /// Its line in a CSV file.
    pub line: Option<u64>,
    /// The name in it.
    pub name: String,
    /// Which column.
    pub field: String,
    /// What is wrong and what is allowed.
    pub problem: String,
}

/// One of the first rows, as it was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportRow {
    /// Which row; 1 is the first one with data.
    pub row: u64,
    /// The device.
    pub name: String,
    /// What it does.
    pub action: ImportAction,
    /// Its type.
    #[serde(rename = "type")]
    pub device_type: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// Whether it was only foreseen.
    pub dry_run: bool,
    /// Rows with data.
    pub rows: u64,
    /// Rows that can be taken.
    pub valid: u64,
    /// Rows that would register a device.
    pub to_create: u64,
    /// Rows that would change one.
    pub to_update: u64,
    /// Devices that were registered.
    pub created: u64,
    /// Devices that were changed.
    pub updated: u64,
    /// Devices that were as their row says.
    pub unchanged: u64,
    /// Rows that cannot be taken.
    pub failed: u64,
    /// Set if nothing was imported because of bad rows.
    pub aborted: bool,
    /// Set if the server failed on the way: what was imported is what the counts say; sending the file again is safe.
    pub stopped: Option<String>,
    /// What is wrong, at most the first 1000.
    pub problems: Vec<ImportProblem>,
    /// How many more there are.
    pub problems_omitted: u64,
    /// The first 20 rows.
    pub preview: Vec<ImportRow>,
}

/// Which devices to export (`GET /devices/export`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExportQuery {
    /// In the query language; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
}
