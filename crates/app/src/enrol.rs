//! Enrolment: claims, provisioning templates, the device's provisioning topics, and signing by an operator.
//!
//! Every way of enrolment ends in [`enrol`], which asks [`windlass_domain::enrol::decide`] and carries the decision out
//! in one transaction. Nothing here takes over a name that lives.

use std::collections::BTreeMap;

use serde_json::json;
use windlass_domain::credential::{CredentialPurpose, CredentialStatus};
use windlass_domain::device::attribute_bytes;
use windlass_domain::enrol::{Decision, Key, Known, PendingSource, PendingState, Refusal, Word, decide};
use windlass_domain::ids::{
    AttributeKey, ClaimId, CredentialId, DeviceId, DeviceName, GroupId, GroupPath, Sha256, TemplateName,
    TypeName,
};
use windlass_domain::permission::Principal;
use windlass_domain::template::{Enrolment, Override};
use windlass_domain::time::Timestamp;
use windlass_store::credentials::{self, Credential};
use windlass_store::devices::{self, NewDevice};
use windlass_store::pending::Wish;
use windlass_store::{StoreError, Tx, device_tokens, groups, pending as queue, types};

use crate::audit::record;
use crate::authority::csr::{self, PublicKey};
use crate::devices::{ATTRIBUTES, bytes_problem};
use crate::error::AppError;

#[cfg(test)]
pub(crate) mod bench;
mod claims;
mod issue;
mod keeper;
mod limited;
mod pending;
mod provision;
mod replace;
mod templates;

pub use limited::Limited;
pub use pending::PendingView;
pub use provision::handle;
pub use replace::{GeneratedCertificate, HardwareKey, Replacement};

/// Said for every key that cannot be certified again, whoever used it.
const KEY_USED: &str = "the key of this request cannot be used; make a new key and a new request";

/// A certificate as shown to operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialView {
    /// Public number.
    pub id: CredentialId,
    /// Whose it is; none for claims and before provisioning.
    pub device: Option<DeviceName>,
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
    /// A certificate request (PEM) of whoever made the key; none: the server makes one and shows it once.
    pub csr: Option<String>,
}

/// A claim just made. The key is shown this once and kept nowhere.
#[derive(Clone)]
pub struct MadeClaim {
    /// What was made.
    pub claim: ClaimView,
    /// The claim's certificate and the issuing CA's.
    pub certificate_pem: String,
    /// The claim's key, PKCS #8, if the server made it.
    pub private_key_pem: Option<String>,
}

impl std::fmt::Debug for MadeClaim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeClaim").field("claim", &self.claim.name).finish_non_exhaustive()
    }
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

impl CredentialView {
    fn of(credential: Credential, device: Option<DeviceName>) -> Self {
        let Credential {
            id,
            tenant: _,
            device: _,
            claim: _,
            purpose,
            status,
            fingerprint,
            public_key: _,
            serial,
            certificate_pem,
            not_before,
            not_after,
            ownership: _,
            created_at,
            activated_at,
            ended,
        } = credential;
        Self {
            id,
            device,
            purpose,
            status,
            fingerprint,
            serial,
            not_before,
            not_after,
            created_at,
            activated_at,
            ended,
            certificate_pem,
        }
    }
}

/// Reads a request that an operator handed in.
fn read_csr(pem: &str) -> Result<PublicKey, AppError> {
    csr::read(pem).map_err(|error| AppError::invalid("csr", error))
}

/// Why nothing was enrolled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnrolError {
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The template names a type that is not there.
    #[error("the device type {0} does not exist")]
    NoType(TypeName),
    /// The template names a group that is not there.
    #[error("the group {0} does not exist")]
    NoGroup(GroupPath),
    /// The template says FAIL where the device says otherwise.
    #[error("the device exists with another {0} than the template gives it")]
    Differs(&'static str),
    /// The device would have too much beside what it has from its type or from before.
    #[error("the attributes of the device {0}")]
    TooMuch(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The device that a credential was bound to.
#[derive(Debug, Clone)]
pub(crate) struct Enrolled {
    /// Which device.
    pub(crate) device: DeviceId,
    /// Whether it was made just now.
    pub(crate) created: bool,
    /// Credentials that this one took the place of: the caller ends their connections after the commit.
    pub(crate) superseded: Vec<CredentialId>,
}

/// What became of an enrolment that was not refused.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// The credential is the device's.
    Enrolled(Enrolled),
    /// An operator was asked. To be committed, and told to the device in these words.
    Asked(Refusal),
}

/// How an enrolment came, for whoever decides about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Via<'a> {
    /// The provisioning template.
    pub(crate) template: &'a TemplateName,
    /// Most enrolments that wait, of one claim and of one tenant.
    pub(crate) most: (u32, u32),
}

/// The one way into the fleet: decides, then makes or fills the device and binds the pending credential to it, all in
/// the caller's transaction. On an error the caller rolls back.
///
/// # Errors
/// See [`EnrolError`].
pub(crate) async fn enrol(
    tx: &mut Tx<'_>,
    by: &Principal,
    enrolment: &Enrolment,
    credential: &Credential,
    via: Via<'_>,
    now: Timestamp,
) -> Result<Outcome, EnrolError> {
    let tenant = credential.tenant;
    let existing = devices::device_by_name(tx, tenant, &enrolment.name).await?;
    let known = match &existing {
        None => None,
        Some(device) => Some(Known {
            device: device.id,
            lifecycle: device.lifecycle,
            has_live_credential: credentials::device_has_live(tx, device.id, now).await?,
            window_open: device.may_reprovision(now),
        }),
    };
    let same_key = credentials::by_public_key(tx, &credential.public_key).await?;
    let key = if same_key.iter().all(|other| other.id == credential.id) { Key::Fresh } else { Key::Used };
    let said = queue::of_key(tx, tenant, &credential.public_key, enrolment.name.as_str()).await?;
    let word = match said.as_ref().map(|entry| entry.state) {
        None | Some(PendingState::Open) => Word::Silent,
        Some(PendingState::Accepted) => Word::Accepted,
        Some(PendingState::Rejected) => Word::Rejected,
    };
    let (type_id, group_ids) = resolve(tx, credential, enrolment).await?;
    let enrolled = match decide(known, key, word) {
        Decision::Refuse(refusal) => return Err(refusal.into()),
        Decision::Pend(_) => {
            let wish = Wish {
                name: Some(enrolment.name.to_string()),
                source: PendingSource::Claim,
                claim: credential.claim,
                template: Some(via.template.to_string()),
                device_type: enrolment.device_type.as_ref().map(ToString::to_string),
                fingerprint: credential.fingerprint,
                public_key: credential.public_key,
                certificate_pem: None,
                reason: "the device of this name has a live credential".to_owned(),
            };
            let waits = pending::ask(tx, by, tenant, &wish, said.is_some(), via.most, now).await?;
            return if waits {
                Ok(Outcome::Asked(Refusal::NameLives))
            } else {
                Err(Refusal::QueueFull.into())
            };
        }
        Decision::Create => {
            let defaults = match type_id {
                Some(id) => types::type_by_id(tx, id).await?.map(|record| record.spec.default_attributes),
                None => None,
            };
            let mut new = NewDevice::named(tenant, enrolment.name.clone());
            new.device_type = type_id;
            new.attributes = defaults.unwrap_or_default();
            new.attributes.extend(enrolment.attributes.clone());
            bounded(&new.attributes)?;
            let made = devices::device_insert(tx, &new, now).await?;
            let device = made.ok_or(Refusal::NameLives)?.id;
            for group in &group_ids {
                groups::member_insert(tx, *group, device).await?;
            }
            Enrolled { device, created: true, superseded: Vec::new() }
        }
        Decision::Attach(device) => {
            fill_known(tx, device, enrolment, type_id, &group_ids, now).await?;
            Enrolled { device, created: false, superseded: Vec::new() }
        }
        Decision::Replace(device) => {
            fill_known(tx, device, enrolment, type_id, &group_ids, now).await?;
            // A certificate that is not good yet takes nobody's place: the operator who activates it decides.
            let superseded = if enrolment.activate { supersede(tx, device, now).await? } else { Vec::new() };
            close_window(tx, device, now).await?;
            Enrolled { device, created: false, superseded }
        }
    };
    credentials::bind(tx, credential.id, enrolled.device, enrolment.activate, now).await?;
    let details = json!({
        "created": enrolled.created, "credential": credential.id.get(),
        "fingerprint": credential.fingerprint.to_string(), "active": enrolment.activate,
        "superseded": enrolled.superseded.iter().map(|id| id.get()).collect::<Vec<_>>(),
    });
    record(tx, by, "device.enrol", &format!("device:{}", enrolment.name), details, now).await?;
    Ok(Outcome::Enrolled(enrolled))
}

/// As [`enrol`], for a device whose proof is no certificate: makes the device, and never takes one over.
///
/// # Errors
/// When the name is taken by then, or the store failed.
pub(crate) async fn admit(
    tx: &mut Tx<'_>,
    by: &Principal,
    name: &DeviceName,
    proof: &str,
    now: Timestamp,
) -> Result<DeviceId, AppError> {
    let made = devices::device_insert(tx, &NewDevice::named(by.tenant, name.clone()), now).await?;
    let made = made.ok_or_else(|| AppError::Exists { what: "device", name: name.to_string() })?;
    let details = json!({"created": true, "proof": proof});
    record(tx, by, "device.enrol", &format!("device:{name}"), details, now).await?;
    Ok(made.id)
}

/// Ends the live credentials of a device in favour of a newer one. Returns which.
pub(crate) async fn supersede(
    tx: &mut Tx<'_>,
    device: DeviceId,
    now: Timestamp,
) -> Result<Vec<CredentialId>, StoreError> {
    let mut superseded = Vec::new();
    for old in credentials::of_device(tx, device).await? {
        let reason = "replaced by a newer certificate of the device";
        if credentials::end(tx, old.id, CredentialStatus::Superseded, reason, now).await? {
            superseded.push(old.id);
        }
    }
    Ok(superseded)
}

/// A window for re-provisioning is good for one credential.
async fn close_window(tx: &mut Tx<'_>, id: DeviceId, now: Timestamp) -> Result<(), StoreError> {
    let Some(mut device) = devices::device_by_id(tx, id).await? else { return Ok(()) };
    if device.reprovision_until.take().is_some() {
        devices::device_save(tx, &mut device, now).await?;
    }
    Ok(())
}

/// Refuses attributes that are too many, or have too many bytes together.
fn bounded(attributes: &BTreeMap<AttributeKey, String>) -> Result<(), EnrolError> {
    if attributes.len() > ATTRIBUTES {
        return Err(EnrolError::TooMuch(format!("must be at most {ATTRIBUTES} entries together")));
    }
    bytes_problem(attributes).map_or(Ok(()), |problem| Err(EnrolError::TooMuch(problem)))
}

async fn resolve(
    tx: &mut Tx<'_>,
    credential: &Credential,
    enrolment: &Enrolment,
) -> Result<(Option<windlass_domain::ids::TypeId>, Vec<GroupId>), EnrolError> {
    let type_id = match &enrolment.device_type {
        None => None,
        Some(name) => {
            let record = types::type_by_name(tx, credential.tenant, name).await?;
            Some(record.ok_or_else(|| EnrolError::NoType(name.clone()))?.id)
        }
    };
    let mut group_ids = Vec::new();
    for path in &enrolment.groups {
        let group = groups::group_by_path(tx, credential.tenant, path).await?;
        group_ids.push(group.ok_or_else(|| EnrolError::NoGroup(path.clone()))?.id);
    }
    Ok((type_id, group_ids))
}

/// Applies the template's override settings to a device that is known already.
async fn fill_known(
    tx: &mut Tx<'_>,
    id: DeviceId,
    enrolment: &Enrolment,
    type_id: Option<windlass_domain::ids::TypeId>,
    group_ids: &[GroupId],
    now: Timestamp,
) -> Result<(), EnrolError> {
    let Some(mut device) = devices::device_by_id(tx, id).await? else { return Ok(()) };
    let before = (device.device_type, device.attributes.clone());
    match enrolment.type_override {
        Override::Fail if type_id.is_some() && device.device_type != type_id => {
            return Err(EnrolError::Differs("type"));
        }
        Override::Replace | Override::Merge => device.device_type = type_id.or(device.device_type),
        Override::Keep | Override::Fail => {}
    }
    match enrolment.attributes_override {
        Override::Keep => {}
        Override::Merge => device.attributes.extend(enrolment.attributes.clone()),
        Override::Replace => device.attributes.clone_from(&enrolment.attributes),
        Override::Fail => {
            if enrolment.attributes.iter().any(|(key, value)| device.attributes.get(key) != Some(value)) {
                return Err(EnrolError::Differs("attributes"));
            }
        }
    }
    let members = groups::groups_of(tx, id).await?;
    match enrolment.groups_override {
        Override::Keep => {}
        Override::Fail if group_ids.iter().any(|group| !members.contains(group)) => {
            return Err(EnrolError::Differs("groups"));
        }
        Override::Fail => {}
        Override::Merge | Override::Replace => {
            for group in members.iter().filter(|group| !group_ids.contains(group)) {
                groups::member_delete(tx, *group, id).await?;
            }
            for group in group_ids {
                groups::member_insert(tx, *group, id).await?;
            }
        }
    }
    if before != (device.device_type, device.attributes.clone()) {
        // What was there before there were bounds may stay, but not grow.
        if attribute_bytes(&device.attributes) > attribute_bytes(&before.1)
            || device.attributes.len() > before.1.len()
        {
            bounded(&device.attributes)?;
        }
        devices::device_save(tx, &mut device, now).await?;
    }
    Ok(())
}

/// Revokes every credential of a device, its token too, in the caller's transaction, for decommission and replacement. The caller
/// ends its connections after the commit. Returns how many were revoked.
///
/// # Errors
/// When the store fails.
pub async fn revoke_all_in(
    tx: &mut Tx<'_>,
    by: &Principal,
    device: DeviceId,
    reason: &str,
    now: Timestamp,
) -> Result<usize, AppError> {
    let mut revoked = 0;
    for credential in credentials::of_device(tx, device).await? {
        if credentials::end(tx, credential.id, CredentialStatus::Revoked, reason, now).await? {
            revoked += 1;
            let details = json!({"reason": reason, "fingerprint": credential.fingerprint.to_string()});
            let target = format!("credential:{}", credential.id);
            record(tx, by, "credential.revoke", &target, details, now).await?;
        }
    }
    if device_tokens::device_token(tx, device).await?.is_some() {
        device_tokens::device_token_put(tx, by.tenant, device, None, now).await?;
    }
    Ok(revoked)
}

#[cfg(test)]
mod pending_tests;
#[cfg(test)]
mod tests;
