//! Who did what: `/audit`, `/audit/export`, `/audit/verify`, `/audit/key`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Time;

/// One audit record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// Its place in the chain.
    pub seq: i64,
    /// When.
    pub at: Time,
    /// Who: `user:anna`, `token:ci`, `system`.
    pub actor: String,
    /// What was done: `device.create`, …
    pub action: String,
    /// To what: `device:pump-1`, …
    pub target: String,
    /// The rest of what was done.
    pub details: Value,
    /// Hash of this record and of all before it, 64 hex characters; absent until it is sealed, within seconds.
    pub hash: Option<String>,
}

/// What checking the chain found (`GET /audit/verify`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Whether every record and every seal is as it was written.
    pub intact: bool,
    /// How many records were checked.
    pub records: u64,
    /// How many seals were checked.
    pub seals: u64,
    /// How many records wait for their seal.
    pub unsealed: u64,
    /// What is wrong, where something is.
    pub problem: Option<String>,
}

/// The key that seals are signed with (`GET /audit/key`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditKey {
    /// P-256 public key, PEM (SubjectPublicKeyInfo).
    pub public_key_pem: String,
}
