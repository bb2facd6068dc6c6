//! What operators do with the certificates of devices: sign, list, activate, revoke.

use serde_json::json;
use windlass_domain::credential::{CredentialPurpose, CredentialStatus};
use windlass_domain::device::{Device, Lifecycle};
use windlass_domain::ids::{CredentialId, DeviceName, TenantId};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::credentials::{self, Credential, NewCredential};
use windlass_store::devices;
use windlass_store::{Tx, types};

use super::{CredentialView, KEY_USED, SignedCertificate, read_csr};
use crate::app::App;
use crate::audit::record;
use crate::authority::csr::PublicKey;
use crate::authority::{Issued, RENEWABLE_LIFETIME, UNRENEWABLE_LIFETIME};
use crate::error::{AppError, chain};
use crate::hub::CloseReason;
use crate::permit::demand;

pub(super) const LONGEST_REASON: usize = 256;

/// The subject of a device's certificate: its name, where a common name may be that long (RFC 5280, 64 characters).
fn common_name(name: &DeviceName) -> &str {
    if name.as_str().len() <= 64 { name.as_str() } else { "Windlass device" }
}

async fn device(tx: &mut Tx<'_>, tenant: TenantId, name: &DeviceName) -> Result<Device, AppError> {
    let device = devices::device_by_name(tx, tenant, name).await?;
    device.ok_or_else(|| AppError::not_found("device", name))
}

pub(super) async fn of_device(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: CredentialId,
) -> Result<(Credential, Option<Device>), AppError> {
    let credential = credentials::by_id(tx, tenant, id).await?;
    let credential = credential.filter(|each| each.purpose == CredentialPurpose::Device);
    let credential = credential.ok_or_else(|| AppError::not_found("credential", id))?;
    let device = match credential.device {
        Some(device) => devices::device_by_id(tx, device).await?,
        None => None,
    };
    Ok((credential, device))
}

/// Keeps a certificate that was signed for a device, good at once.
pub(super) async fn keep_issued(
    tx: &mut Tx<'_>,
    device: &Device,
    issued: Issued,
    now: Timestamp,
) -> Result<CredentialId, AppError> {
    if device.lifecycle == Lifecycle::Decommissioned {
        let detail = format!("device {} is decommissioned; it gets no certificate any more", device.name);
        return Err(AppError::Conflict { code: "device.decommissioned", detail });
    }
    if !credentials::by_public_key(tx, &issued.public_key).await?.is_empty() {
        return Err(AppError::invalid("csr", KEY_USED));
    }
    let new = NewCredential {
        tenant: device.tenant,
        device: Some(device.id),
        claim: None,
        purpose: CredentialPurpose::Device,
        status: CredentialStatus::Active,
        fingerprint: issued.fingerprint,
        public_key: issued.public_key,
        serial: issued.serial,
        certificate_pem: issued.certificate_pem,
        not_before: issued.not_before,
        not_after: issued.not_after,
        ownership: None,
    };
    Ok(credentials::insert(tx, &new, now).await?)
}

impl App {
    /// Signs a device's certificate request; the device exists. It may have other certificates: this is an
    /// operator's deed, not an enrolment. The certificate is good at once; it lasts a year if the type can renew it,
    /// else twenty.
    ///
    /// # Errors
    /// Forbidden, not found, a bad request (field `csr`), conflict `device.decommissioned`, or that the store failed.
    pub async fn credential_issue(
        &self,
        by: &Principal,
        name: &DeviceName,
        csr_pem: &str,
    ) -> Result<SignedCertificate, AppError> {
        demand(by, Permission::CredentialIssue)?;
        let known = self.credential_device(by, name).await?;
        let key = read_csr(csr_pem)?;
        let (credential, chain_pem) = self.issue_additional(by, &known, &key, false).await?;
        Ok(SignedCertificate { credential, chain_pem })
    }

    /// Signs and keeps one more certificate of a device. Gives it with what follows it in its chain.
    pub(super) async fn issue_additional(
        &self,
        by: &Principal,
        known: &Device,
        key: &PublicKey,
        server_key: bool,
    ) -> Result<(CredentialView, String), AppError> {
        let now = self.clock.now();
        let issued = self.sign_for(known, key, now).await?;
        let chain_pem = format!("{}{}", issued.certificate_pem, self.authority.issuing_pem());
        let (by, name) = (by.clone(), known.name.clone());
        let credential = self
            .store
            .write(move |tx| {
                let (by, name, issued) = (by.clone(), name.clone(), issued.clone());
                Box::pin(async move {
                    let device = device(tx, by.tenant, &name).await?;
                    let fingerprint = issued.fingerprint.to_string();
                    let id = keep_issued(tx, &device, issued, now).await?;
                    let details =
                        json!({"credential": id.get(), "fingerprint": fingerprint, "serverKey": server_key});
                    record(tx, &by, "credential.issue", &format!("device:{name}"), details, now).await?;
                    let (credential, _) = of_device(tx, by.tenant, id).await?;
                    Ok::<_, AppError>(CredentialView::of(credential, Some(name)))
                })
            })
            .await?;
        Ok((credential, chain_pem))
    }

    /// Signs a certificate for a device: a year if its type can renew it, else twenty.
    pub(super) async fn sign_for(
        &self,
        known: &Device,
        key: &PublicKey,
        now: Timestamp,
    ) -> Result<Issued, AppError> {
        let renews = match known.device_type {
            Some(id) => {
                let record =
                    self.store.read(move |tx| Box::pin(async move { types::type_by_id(tx, id).await }));
                record.await.map_err(AppError::Store)?.is_some_and(|record| record.spec.renews_certificate)
            }
            None => false,
        };
        let lifetime = if renews { RENEWABLE_LIFETIME } else { UNRENEWABLE_LIFETIME };
        self.authority.sign(key, common_name(&known.name), lifetime, &*self.entropy, now).map_err(|error| {
            tracing::error!(error = %chain(&error), "a device certificate could not be signed");
            AppError::Unavailable(error.to_string())
        })
    }

    /// Every certificate of a device, newest first.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn credential_list(
        &self,
        by: &Principal,
        name: &DeviceName,
    ) -> Result<Vec<CredentialView>, AppError> {
        demand(by, Permission::CredentialRead)?;
        let device = self.credential_device(by, name).await?;
        let all = self
            .store
            .read(move |tx| Box::pin(async move { credentials::of_device(tx, device.id).await }))
            .await
            .map_err(AppError::Store)?;
        Ok(all.into_iter().map(|each| CredentialView::of(each, Some(name.clone()))).collect())
    }

    /// One certificate of a device.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn credential_get(&self, by: &Principal, id: CredentialId) -> Result<CredentialView, AppError> {
        demand(by, Permission::CredentialRead)?;
        let (credential, device) = self.credential_visible(by, id).await?;
        Ok(CredentialView::of(credential, device.map(|device| device.name)))
    }

    /// Makes a pending certificate of a device good: one that a template left inactive.
    ///
    /// # Errors
    /// Forbidden, not found, conflict `credential.not_pending`, or that the store failed.
    pub async fn credential_activate(
        &self,
        by: &Principal,
        id: CredentialId,
    ) -> Result<CredentialView, AppError> {
        demand(by, Permission::CredentialIssue)?;
        self.credential_visible(by, id).await?;
        let (by, now) = (by.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let by = by.clone();
                Box::pin(async move {
                    let (credential, device) = of_device(tx, by.tenant, id).await?;
                    let (CredentialStatus::Pending, Some(device)) = (credential.status, device) else {
                        let detail = "only a pending certificate of a device can be activated".to_owned();
                        return Err(AppError::Conflict { code: "credential.not_pending", detail });
                    };
                    credentials::bind(tx, id, device.id, true, now).await?;
                    let details = json!({"device": device.name.as_str()});
                    record(tx, &by, "credential.activate", &format!("credential:{id}"), details, now).await?;
                    let (credential, _) = of_device(tx, by.tenant, id).await?;
                    Ok(CredentialView::of(credential, Some(device.name)))
                })
            })
            .await
    }

    /// Revokes a device's certificate and ends the connections that use it. Revoking twice is no error.
    ///
    /// # Errors
    /// Forbidden, not found, a reason over 256 bytes, or that the store failed.
    pub async fn credential_revoke(
        &self,
        by: &Principal,
        id: CredentialId,
        reason: &str,
    ) -> Result<CredentialView, AppError> {
        demand(by, Permission::CredentialRevoke)?;
        if reason.len() > LONGEST_REASON {
            return Err(AppError::invalid("reason", format!("must be at most {LONGEST_REASON} bytes")));
        }
        self.credential_visible(by, id).await?;
        let (by, reason, now) = (by.clone(), reason.to_owned(), self.clock.now());
        let (credential, device) = self
            .store
            .write(move |tx| {
                let (by, reason) = (by.clone(), reason.clone());
                Box::pin(async move {
                    let (credential, device) = of_device(tx, by.tenant, id).await?;
                    if credentials::end(tx, id, CredentialStatus::Revoked, &reason, now).await? {
                        let details = json!({
                            "reason": reason, "device": device.as_ref().map(|device| device.name.as_str()),
                            "fingerprint": credential.fingerprint.to_string(),
                        });
                        record(tx, &by, "credential.revoke", &format!("credential:{id}"), details, now)
                            .await?;
                    }
                    of_device(tx, by.tenant, id).await
                })
            })
            .await?;
        if let Some(device) = credential.device {
            self.hub.close_credential(device, id, CloseReason::NotAuthorized);
        }
        Ok(CredentialView::of(credential, device.map(|device| device.name)))
    }

    /// Whose rights end at a fleet query sees matching devices only; others look as if they were not there.
    fn credential_scope(&self, by: &Principal, device: Option<&Device>) -> bool {
        match device {
            Some(device) => by.scope.is_none() || self.fleet.is_visible(by, device.id),
            None => by.scope.is_none(),
        }
    }

    /// The device of that name, if the principal may see it.
    pub(super) async fn credential_device(
        &self,
        by: &Principal,
        name: &DeviceName,
    ) -> Result<Device, AppError> {
        let (tenant, wanted) = (by.tenant, name.clone());
        let found = self
            .store
            .read(move |tx| {
                let wanted = wanted.clone();
                Box::pin(async move { device(tx, tenant, &wanted).await })
            })
            .await?;
        if self.credential_scope(by, Some(&found)) {
            Ok(found)
        } else {
            Err(AppError::not_found("device", name))
        }
    }

    /// The certificate of that number with its device, if the principal may see it.
    async fn credential_visible(
        &self,
        by: &Principal,
        id: CredentialId,
    ) -> Result<(Credential, Option<Device>), AppError> {
        let tenant = by.tenant;
        let (credential, device) =
            self.store.read(move |tx| Box::pin(async move { of_device(tx, tenant, id).await })).await?;
        if self.credential_scope(by, device.as_ref()) {
            Ok((credential, device))
        } else {
            Err(AppError::not_found("credential", id))
        }
    }
}
