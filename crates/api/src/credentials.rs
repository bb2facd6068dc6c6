//! Credentials of devices: `/devices/{name}/credentials`, `/credentials/{id}/revoke`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

words!(
    /// Where a credential stands.
    CredentialStatus {
        /// Made, not yet provisioned to a device.
        Pending = "pending",
        /// Good.
        Active = "active",
        /// Replaced by a newer one of the same device.
        Superseded = "superseded",
        /// Withdrawn by an operator.
        Revoked = "revoked",
        /// Past its end.
        Expired = "expired",
    }
);

/// A certificate of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// Public id.
    pub id: i64,
    /// Whose it is; absent for the certificate of a claim.
    pub device: Option<String>,
    /// Where it stands.
    pub status: CredentialStatus,
    /// SHA-256 of the certificate, 64 hex characters; its id in the device protocols.
    pub fingerprint: String,
    /// Serial number, hex.
    pub serial: String,
    /// Good from.
    pub not_before: Time,
    /// Good until.
    pub not_after: Time,
    /// When it was made.
    pub created_at: Time,
    /// When it became good.
    pub activated_at: Option<Time>,
    /// When it stopped being good before its time.
    pub ended_at: Option<Time>,
    /// Why it did.
    pub end_reason: Option<String>,
    /// The certificate itself, PEM.
    pub certificate_pem: String,
}

/// A request to sign (`POST /devices/{name}/credentials`). The key stays with the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCredential {
    /// A PKCS #10 certificate signing request in PEM.
    pub csr: String,
}

/// A signed certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedCredential {
    /// What was made.
    pub credential: Credential,
    /// The certificate and the issuing CA, PEM: what the device presents.
    pub certificate_pem: String,
    /// Root and issuing CA, PEM: what the device trusts.
    pub ca_pem: String,
}

/// Why a credential is withdrawn (`POST /credentials/{id}/revoke`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Revocation {
    /// Kept with the credential, up to 256 bytes.
    #[serde(default)]
    pub reason: String,
}
