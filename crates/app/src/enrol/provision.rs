//! The device's side of enrolment: a claim asks for a certificate and turns it into a device (device API contract,
//! part 4).
//!
//! A reply may be lost, so asking again must not lock a device out:
//! - `create-from-csr` with a key whose certificate waits for provisioning answers with that certificate and a new
//!   ownership token; the older token is void.
//! - `provision` with a token that was used for the same name answers the same again while the token would be good;
//!   for any other name the token is used up.
//!
//! Everything about the claim is read again in each transaction: a revoked claim's live connection can do nothing.

use std::collections::BTreeMap;

use serde_json::json;
use windlass_domain::credential::{CredentialPurpose, CredentialStatus, check};
use windlass_domain::ids::{DeviceId, Sha256, TemplateName};
use windlass_domain::permission::Principal;
use windlass_domain::template::{Enrolment, Template};
use windlass_domain::time::Timestamp;
use windlass_store::credentials::{self, Credential, NewCredential};
use windlass_store::{StoreError, Tx, claims, devices, templates};
use windlass_wire::provisioning::{
    Certificate, ErrorCode, Provisioned, ProvisioningRequest, Refused, certificate_accepted, parse,
    provision_accepted, rejected,
};
use windlass_wire::topic::{ProvisioningOperation, ProvisioningTopic};

use super::{EnrolError, Enrolled, KEY_USED, Outcome, Via, enrol};
use crate::app::App;
use crate::audit::record;
use crate::authority::csr::{self, CsrError, PublicKey};
use crate::authority::{Issued, UNRENEWABLE_LIFETIME};
use crate::clock::random;
use crate::error::chain;
use crate::hub::CloseReason;
use crate::message::{ClaimPeer, Outbound};

/// Why a request was not carried out.
#[derive(Debug)]
enum Failure {
    Refused(ErrorCode, String),
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn refuse(code: ErrorCode, message: impl Into<String>) -> Failure {
    Failure::Refused(code, message.into())
}

/// Answers a claim's message on a provisioning topic. Replies go to this connection only.
pub async fn handle(
    app: &App,
    peer: &ClaimPeer,
    topic: &ProvisioningTopic,
    payload: &[u8],
    now: Timestamp,
) -> Vec<Outbound> {
    let format = topic.format;
    let answered = match parse(&topic.operation, format, payload) {
        Err(Refused { code, message }) => Err(Failure::Refused(code, message)),
        Ok(request) => match (request, &topic.operation) {
            (ProvisioningRequest::Create, _) => {
                app.provision_create(peer, now).await.map(|made| certificate_accepted(format, &made))
            }
            (ProvisioningRequest::CreateFromCsr { csr }, _) => {
                app.provision_csr(peer, &csr, now).await.map(|made| certificate_accepted(format, &made))
            }
            (
                ProvisioningRequest::Provision { ownership_token, parameters },
                ProvisioningOperation::Provision { template },
            ) => app
                .provision_device(peer, template, &ownership_token, parameters, now)
                .await
                .map(|made| provision_accepted(format, &made)),
            (ProvisioningRequest::Provision { .. }, _) => {
                Err(refuse(ErrorCode::InvalidPayload, "the payload does not fit the topic"))
            }
        },
    };
    let reply = match answered {
        Ok(payload) => Outbound { topic: topic.accepted(), payload },
        Err(Failure::Refused(code, message)) => {
            if code == ErrorCode::Throttling {
                app.claim_limited(peer, &message, now).await;
            }
            tracing::info!(
                claim.name = peer.name,
                error.code = code.as_str(),
                error.message = message,
                "refused a provisioning request"
            );
            Outbound { topic: topic.rejected(), payload: rejected(format, code, &message) }
        }
        Err(Failure::Store(error)) => {
            tracing::error!(claim.name = peer.name, error = %chain(&error), "a provisioning request failed");
            let message = "the server could not carry this out; try again later";
            Outbound { topic: topic.rejected(), payload: rejected(format, ErrorCode::InternalError, message) }
        }
    };
    vec![reply]
}

/// Who acts in audit records.
fn actor(peer: &ClaimPeer) -> Principal {
    Principal::device(peer.tenant, &format!("claim:{}", peer.name))
}

/// The claim as it stands now; refused if it was revoked or ran out since it connected.
async fn live_claim(tx: &mut Tx<'_>, peer: &ClaimPeer, now: Timestamp) -> Result<claims::Claim, Failure> {
    let denied = || refuse(ErrorCode::AccessDenied, "the claim is not valid any more");
    let own = credentials::by_id(tx, peer.tenant, peer.credential).await?.ok_or_else(denied)?;
    check(own.status, own.not_before, own.not_after, now).map_err(|_| denied())?;
    let claim = claims::by_id(tx, peer.claim).await?;
    claim.filter(|claim| claim.tenant == peer.tenant).ok_or_else(denied)
}

struct NewToken {
    secret: String,
    hash: Sha256,
}

impl App {
    fn ownership_token(&self) -> NewToken {
        use base64::Engine;
        let secret = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random::<32>(&*self.entropy));
        NewToken { hash: Sha256::of(secret.as_bytes()), secret }
    }

    fn provision_sign(&self, key: &PublicKey, now: Timestamp) -> Result<Issued, Failure> {
        let signed = self.authority.sign(key, "Windlass device", UNRENEWABLE_LIFETIME, &*self.entropy, now);
        signed.map_err(|error| {
            tracing::error!(error = %chain(&error), "a device certificate could not be signed");
            refuse(ErrorCode::InternalError, "the server cannot sign certificates now")
        })
    }

    async fn provision_create(&self, peer: &ClaimPeer, now: Timestamp) -> Result<Certificate, Failure> {
        if !self.config.server_side_keys {
            let message = "this server makes no keys for devices; use create-from-csr";
            return Err(refuse(ErrorCode::AccessDenied, message));
        }
        let made = self.authority.make_key(&*self.entropy).map_err(|error| {
            tracing::error!(error = %chain(&error), "a device key could not be made");
            refuse(ErrorCode::InternalError, "the server cannot make keys now")
        })?;
        let certificate =
            self.provision_keep(peer, self.provision_sign(&made.public, now)?, true, now).await?;
        Ok(Certificate { private_key: Some(made.private_key_pem), ..certificate })
    }

    async fn provision_csr(
        &self,
        peer: &ClaimPeer,
        csr: &str,
        now: Timestamp,
    ) -> Result<Certificate, Failure> {
        let key =
            csr::read(csr).map_err(|error: CsrError| refuse(ErrorCode::InvalidCsr, error.to_string()))?;
        self.provision_keep(peer, self.provision_sign(&key, now)?, false, now).await
    }

    async fn provision_keep(
        &self,
        peer: &ClaimPeer,
        issued: Issued,
        server_key: bool,
        now: Timestamp,
    ) -> Result<Certificate, Failure> {
        let token = self.ownership_token();
        let (until, hash) = (now.plus(self.limits.ownership_token), token.hash);
        let (per_minute, open) =
            (self.limits.claim_certificates_per_minute, self.limits.claim_certificates_open);
        let peer = peer.clone();
        let (fingerprint, certificate_pem) = self
            .store
            .write(move |tx| {
                let (peer, issued) = (peer.clone(), issued.clone());
                Box::pin(async move {
                    let claim = live_claim(tx, &peer, now).await?;
                    if let Some(waiting) = reusable(tx, &peer, &issued.public_key).await? {
                        credentials::renew_ownership(tx, waiting.id, &hash, until).await?;
                        return Ok((waiting.fingerprint, waiting.certificate_pem));
                    }
                    let minute_ago = now.minus(std::time::Duration::from_secs(60));
                    let made = credentials::made_by_claim_since(tx, claim.id, minute_ago).await?;
                    if made >= i64::from(per_minute) {
                        let message = format!("a claim may make {per_minute} certificates per minute; wait");
                        return Err(refuse(ErrorCode::Throttling, message));
                    }
                    if credentials::open_of_claim(tx, claim.id).await? >= i64::from(open) {
                        let message = format!(
                            "{open} certificates of this claim wait for provisioning; \
                             provision them or wait until they run out"
                        );
                        return Err(refuse(ErrorCode::Throttling, message));
                    }
                    let new = NewCredential {
                        tenant: peer.tenant,
                        device: None,
                        claim: Some(claim.id),
                        purpose: CredentialPurpose::Device,
                        status: CredentialStatus::Pending,
                        fingerprint: issued.fingerprint,
                        public_key: issued.public_key,
                        serial: issued.serial,
                        certificate_pem: issued.certificate_pem.clone(),
                        not_before: issued.not_before,
                        not_after: issued.not_after,
                        ownership: Some((hash, until)),
                    };
                    let id = credentials::insert(tx, &new, now).await?;
                    let details =
                        json!({"serverKey": server_key, "fingerprint": issued.fingerprint.to_string()});
                    record(tx, &actor(&peer), "credential.create", &format!("credential:{id}"), details, now)
                        .await?;
                    Ok((issued.fingerprint, issued.certificate_pem))
                })
            })
            .await?;
        Ok(Certificate {
            certificate_id: fingerprint.to_string(),
            certificate_pem,
            private_key: None,
            ownership_token: token.secret,
        })
    }

    async fn provision_device(
        &self,
        peer: &ClaimPeer,
        template: &str,
        token: &str,
        parameters: BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<Provisioned, Failure> {
        let (peer, template, hash) = (peer.clone(), template.to_owned(), Sha256::of(token.as_bytes()));
        let most = (self.limits.pending_per_claim, self.limits.pending_open);
        let (provisioned, enrolled) = self
            .store
            .write(move |tx| {
                let (peer, template, parameters) = (peer.clone(), template.clone(), parameters.clone());
                Box::pin(async move {
                    let claim = live_claim(tx, &peer, now).await?;
                    let (template_name, template) = usable_template(tx, &claim, &template).await?;
                    let credential = owned(tx, &peer, &hash, now).await?;
                    let certificate = BTreeMap::from([
                        ("Id", credential.fingerprint.to_string()),
                        ("SerialNumber", credential.serial.clone()),
                    ]);
                    let enrolment = template
                        .evaluate(&parameters, &certificate)
                        .map_err(|error| refuse(ErrorCode::InvalidPayload, error.to_string()))?;
                    let enrolled = match (credential.status, credential.device) {
                        (CredentialStatus::Pending, None) => {
                            let via = Via { template: &template_name, most };
                            match enrol(tx, &actor(&peer), &enrolment, &credential, via, now)
                                .await
                                .map_err(failure)?
                            {
                                Outcome::Enrolled(enrolled) => enrolled,
                                // Committed: the question to the operator stays.
                                Outcome::Asked(refusal) => return Ok(Err(refusal)),
                            }
                        }
                        _ => Enrolled {
                            device: same_device(tx, &credential, &enrolment).await?,
                            created: false,
                            superseded: Vec::new(),
                        },
                    };
                    let Enrolment { name, configuration, .. } = enrolment;
                    let thing_name = name.into_string();
                    let provisioned = Provisioned { device_configuration: configuration, thing_name };
                    Ok::<_, Failure>(Ok((provisioned, enrolled)))
                })
            })
            .await?
            .map_err(|refusal| failure(EnrolError::Refused(refusal)))?;
        let Enrolled { device, created: _, superseded } = enrolled;
        for credential in superseded {
            self.hub.close_credential(device, credential, CloseReason::NotAuthorized);
        }
        // The device connects next, and operators look for it: both ask the index.
        if let Err(error) = self.fleet.refresh_devices(&self.store, [device]).await {
            tracing::warn!(error = %chain(&error), "the index will hear of a new device later");
        }
        Ok(provisioned)
    }
}

/// The certificate of this key that waits for provisioning, if its request may be answered again. Any other use of the
/// key refuses, in the same words whoever used it.
async fn reusable(tx: &mut Tx<'_>, peer: &ClaimPeer, key: &Sha256) -> Result<Option<Credential>, Failure> {
    let mut same_key = credentials::by_public_key(tx, key).await?;
    let used = same_key.iter().any(|each| {
        each.tenant != peer.tenant || each.status != CredentialStatus::Pending || each.device.is_some()
    });
    if used || same_key.len() > 1 {
        return Err(refuse(ErrorCode::InvalidCsr, KEY_USED));
    }
    Ok(same_key.pop())
}

async fn usable_template(
    tx: &mut Tx<'_>,
    claim: &claims::Claim,
    name: &str,
) -> Result<(TemplateName, Template), Failure> {
    let missing = || refuse(ErrorCode::ResourceNotFound, "there is no such provisioning template");
    let name: TemplateName = name.parse().map_err(|_| missing())?;
    if !claim.templates.is_empty() && !claim.templates.contains(&name) {
        return Err(refuse(ErrorCode::AccessDenied, "this claim may not use the provisioning template"));
    }
    let stored = templates::by_name(tx, claim.tenant, &name).await?.ok_or_else(missing)?;
    if !stored.enabled {
        return Err(refuse(ErrorCode::AccessDenied, "the provisioning template is disabled"));
    }
    let body: serde_json::Value = serde_json::from_str(&stored.body)
        .map_err(|error| StoreError::corrupt("provisioning_template.body", error))?;
    let template = Template::parse(&body)
        .map_err(|problems| StoreError::corrupt("provisioning_template.body", problems.len()))?;
    Ok((name, template))
}

/// The credential that a token stands for, while the token is good.
async fn owned(
    tx: &mut Tx<'_>,
    peer: &ClaimPeer,
    hash: &Sha256,
    now: Timestamp,
) -> Result<Credential, Failure> {
    let credential = credentials::by_ownership_token(tx, hash).await?;
    let good = |each: &Credential| {
        each.tenant == peer.tenant
            && each.ownership.is_some_and(|(_, until)| now < until)
            && matches!(each.status, CredentialStatus::Pending | CredentialStatus::Active)
    };
    credential.filter(good).ok_or_else(bad_token)
}

fn bad_token() -> Failure {
    let message = "the certificate ownership token is unknown, used or too old; ask for a new certificate";
    refuse(ErrorCode::InvalidCertificateOwnershipToken, message)
}

/// A used token is good for the same answer only.
async fn same_device(
    tx: &mut Tx<'_>,
    credential: &Credential,
    enrolment: &Enrolment,
) -> Result<DeviceId, Failure> {
    let named = devices::device_by_name(tx, credential.tenant, &enrolment.name).await?;
    let same = named.map(|device| device.id).filter(|id| Some(*id) == credential.device);
    same.ok_or_else(bad_token)
}

fn failure(error: EnrolError) -> Failure {
    match error {
        EnrolError::Refused(refusal) => refuse(ErrorCode::AccessDenied, refusal.to_string()),
        EnrolError::NoType(_) | EnrolError::NoGroup(_) => {
            refuse(ErrorCode::ResourceNotFound, error.to_string())
        }
        EnrolError::Differs(_) | EnrolError::TooMuch(_) => refuse(ErrorCode::AccessDenied, error.to_string()),
        EnrolError::Store(error) => Failure::Store(error),
    }
}
