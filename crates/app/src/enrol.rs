//! Enrolment: claims, provisioning templates, the device's provisioning topics, and signing by an operator.

use windlass_domain::credential::{CredentialPurpose, CredentialStatus};
use windlass_domain::ids::{ClaimId, CredentialId, DeviceId, DeviceName, Sha256, TemplateName};
use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;
use windlass_store::Tx;

use crate::app::App;
use crate::error::AppError;
use crate::message::{ClaimPeer, Outbound};

/// A certificate as shown to operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialView {
    /// Public number.
    pub id: CredentialId,
    /// What it is for.
    pub purpose: CredentialPurpose,
    /// Where it stands.
    pub status: CredentialStatus,
    /// SHA-256 of the certificate (DER): the `certificateId` of the AWS topics.
    pub fingerprint: Sha256,
    /// Serial number, hex.
    pub serial: String,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it became good.
    pub activated_at: Option<Timestamp>,
    /// When it stopped being good, and why.
    pub ended: Option<(Timestamp, String)>,
    /// The certificate itself.
    pub certificate_pem: String,
}

/// A claim as shown to operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimView {
    /// Public number.
    pub id: ClaimId,
    /// Public name.
    pub name: String,
    /// Templates it may use; empty means every one.
    pub templates: Vec<TemplateName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its certificates; a claim whose certificates are all revoked is dead.
    pub credentials: Vec<CredentialView>,
}

/// A claim to be.
#[derive(Debug, Clone)]
pub struct NewClaim {
    /// 1 to 64 of letters, digits, `: _ . -`.
    pub name: String,
    /// Templates it may use; empty means every one.
    pub templates: Vec<TemplateName>,
    /// When its certificate ends; one year from now if not said.
    pub expires_at: Option<Timestamp>,
}

/// A claim just made. The key is shown this once and kept nowhere.
#[derive(Debug, Clone)]
pub struct MadeClaim {
    /// What was made.
    pub claim: ClaimView,
    /// The claim's certificate and the issuing CA's.
    pub certificate_pem: String,
    /// The claim's key, PKCS #8.
    pub private_key_pem: String,
}

/// A provisioning template as shown to operators.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateView {
    /// Public name.
    pub name: TemplateName,
    /// The template, an AWS provisioning template.
    pub body: serde_json::Value,
    /// Whether devices may use it.
    pub enabled: bool,
    /// Rises by one with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A certificate that an operator had signed for a device.
#[derive(Debug, Clone)]
pub struct SignedCertificate {
    /// What was made.
    pub credential: CredentialView,
    /// The device's certificate and the issuing CA's.
    pub chain_pem: String,
}

impl App {
    /// Makes a claim with a key and certificate.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, the name is taken, or that the store failed.
    pub async fn claim_create(&self, _by: &Principal, _new: NewClaim) -> Result<MadeClaim, AppError> {
        unimplemented!("claim_create")
    }

    /// Every claim of the tenant, by name.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn claim_list(&self, _by: &Principal) -> Result<Vec<ClaimView>, AppError> {
        unimplemented!("claim_list")
    }

    /// Revokes a claim: its certificates, and what it made that nobody has provisioned yet.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn claim_revoke(&self, _by: &Principal, _name: &str) -> Result<ClaimView, AppError> {
        unimplemented!("claim_revoke")
    }

    /// Creates or replaces a provisioning template. `if_version` refuses if somebody else changed it first.
    ///
    /// # Errors
    /// Forbidden, every problem of the template by its path, a version mismatch, or that the store failed.
    pub async fn template_put(
        &self,
        _by: &Principal,
        _name: &TemplateName,
        _body: &serde_json::Value,
        _enabled: bool,
        _if_version: Option<i64>,
    ) -> Result<TemplateView, AppError> {
        unimplemented!("template_put")
    }

    /// Every template of the tenant, by name.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn template_list(&self, _by: &Principal) -> Result<Vec<TemplateView>, AppError> {
        unimplemented!("template_list")
    }

    /// One template.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn template_get(
        &self,
        _by: &Principal,
        _name: &TemplateName,
    ) -> Result<TemplateView, AppError> {
        unimplemented!("template_get")
    }

    /// Removes a template. Devices that used it stay.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn template_delete(&self, _by: &Principal, _name: &TemplateName) -> Result<(), AppError> {
        unimplemented!("template_delete")
    }

    /// Signs a device's certificate request; the device exists. It may have other certificates: this is an
    /// operator's deed, not an enrolment.
    ///
    /// # Errors
    /// Forbidden, not found, a bad request (field `csr`), conflict, or that the store failed.
    pub async fn credential_issue(
        &self,
        _by: &Principal,
        _device: &DeviceName,
        _csr_pem: &str,
    ) -> Result<SignedCertificate, AppError> {
        unimplemented!("credential_issue")
    }

    /// Every certificate of a device, newest first.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn credential_list(
        &self,
        _by: &Principal,
        _device: &DeviceName,
    ) -> Result<Vec<CredentialView>, AppError> {
        unimplemented!("credential_list")
    }

    /// Revokes a certificate of a device and ends its connections. Revoking twice is no error.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn credential_revoke(
        &self,
        _by: &Principal,
        _device: &DeviceName,
        _id: CredentialId,
        _reason: &str,
    ) -> Result<CredentialView, AppError> {
        unimplemented!("credential_revoke")
    }
}

/// Revokes every credential of a device in the caller's transaction, for decommission and replacement. The caller
/// ends its connections after the commit.
///
/// # Errors
/// When the store fails.
pub async fn revoke_all_in(
    _tx: &mut Tx<'_>,
    _by: &Principal,
    _device: DeviceId,
    _reason: &str,
    _now: Timestamp,
) -> Result<usize, AppError> {
    unimplemented!("revoke_all_in")
}

/// Answers a claim's message on a provisioning topic. Replies go to this connection only.
pub async fn handle(
    _app: &App,
    _peer: &ClaimPeer,
    _topic: &windlass_wire::topic::ProvisioningTopic,
    _payload: &[u8],
    _now: Timestamp,
) -> Vec<Outbound> {
    unimplemented!("handle")
}
