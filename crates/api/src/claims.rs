//! Claims: certificates that may do nothing but provision. `/claims`, `/claims/{name}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::credentials::CredentialStatus;

/// A claim to make (`POST /claims`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewClaim {
    /// 1 to 64 of letters, digits, `: _ . -`; unique in the tenant.
    pub name: String,
    /// Templates it may use; empty means every template of the tenant.
    #[serde(default)]
    pub templates: Vec<String>,
    /// When its certificate ends; a year from now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// A PKCS #10 request in PEM; absent: the server makes the key and shows it once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<String>,
}

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// Unique in the tenant.
    pub name: String,
    /// Templates it may use; empty means every template of the tenant.
    pub templates: Vec<String>,
    /// Where its certificate stands.
    pub status: CredentialStatus,
    /// SHA-256 of its certificate, 64 hex characters.
    pub fingerprint: String,
    /// Good until.
    pub not_after: Time,
    /// When it was made.
    pub created_at: Time,
}

/// A new claim with what a device needs to use it. The key is shown this once and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedClaim {
    /// What was made.
    pub claim: Claim,
    /// The certificate and the issuing CA, PEM.
    pub certificate_pem: String,
    /// The private key, PEM (PKCS #8); absent when a request was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key_pem: Option<String>,
    /// Root and issuing CA, PEM: what the device trusts.
    pub ca_pem: String,
}
