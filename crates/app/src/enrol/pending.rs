//! The queue of enrolments that an operator decides: somebody else's name through a claim, or a certificate that our
//! authority signed and the state does not know, as after a restore from a backup.
//!
//! An acceptance lets in exactly one public key for exactly one name; a rejection refuses exactly that.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use windlass_domain::credential::{CredentialPurpose, CredentialStatus};
use windlass_domain::device::{Device, Lifecycle};
use windlass_domain::enrol::{PendingSource, PendingState};
use windlass_domain::ids::{CredentialId, DeviceId, DeviceName, PendingId, TenantId};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::credentials::{self, NewCredential};
use windlass_store::devices::{self, NewDevice};
use windlass_store::pending::{self as queue, Pending, Wish};
use windlass_store::{StoreError, Tx, claims, tenants};

use super::issue::LONGEST_REASON;
use super::supersede;
use crate::app::App;
use crate::audit::record;
use crate::authority::Presented;
use crate::error::{AppError, chain};
use crate::hub::CloseReason;
use crate::permit::demand;

/// A repeated attempt is noted once in this many seconds.
const NOTED_EVERY: std::time::Duration = std::time::Duration::from_secs(60);
/// The subject of certificates of claims, which are no device's.
const CLAIM_SUBJECT: &str = "Windlass claim";

/// An enrolment that waits or was decided, as shown to operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingView {
    /// What is stored.
    pub entry: Pending,
    /// The name of the claim it came through.
    pub claim: Option<String>,
    /// Whether a device has the wanted name.
    pub known_device: bool,
}

/// Notes a wish. False, with nothing written, if the queue is full.
pub(super) async fn ask(
    tx: &mut Tx<'_>,
    by: &Principal,
    tenant: TenantId,
    wish: &Wish,
    known: bool,
    (per_claim, per_tenant): (u32, u32),
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !known {
        let (all, same) = queue::open_counts(tx, tenant, wish.claim).await?;
        if all >= i64::from(per_tenant) || same >= i64::from(per_claim) {
            return Ok(false);
        }
    }
    let id = queue::note(tx, tenant, wish, now).await?;
    if !known {
        let details = json!({
            "name": wish.name, "source": wish.source.as_str(), "template": wish.template,
            "fingerprint": wish.fingerprint.to_string(),
        });
        record(tx, by, "pending.open", &format!("pending:{id}"), details, now).await?;
    }
    Ok(true)
}

/// The device of the wanted name.
async fn wanted(tx: &mut Tx<'_>, entry: &Pending) -> Result<Option<Device>, StoreError> {
    match entry.wish.name.as_deref().and_then(|name| name.parse::<DeviceName>().ok()) {
        Some(name) => devices::device_by_name(tx, entry.tenant, &name).await,
        None => Ok(None),
    }
}

/// An entry as the caller may see it; none if its device, or that it has none, is beyond the caller's scope.
async fn seen(
    app: &App,
    tx: &mut Tx<'_>,
    by: &Principal,
    entry: Pending,
) -> Result<Option<PendingView>, StoreError> {
    let device = wanted(tx, &entry).await?;
    if by.scope.is_some() && !device.as_ref().is_some_and(|device| app.fleet.is_visible(by, device.id)) {
        return Ok(None);
    }
    let claim = match entry.wish.claim {
        Some(id) => claims::by_id(tx, id).await?.map(|claim| claim.name),
        None => None,
    };
    Ok(Some(PendingView { entry, claim, known_device: device.is_some() }))
}

async fn one(app: &App, tx: &mut Tx<'_>, by: &Principal, id: PendingId) -> Result<PendingView, AppError> {
    let missing = || AppError::not_found("pending enrolment", id);
    let entry = queue::by_id(tx, by.tenant, id).await?.ok_or_else(missing)?;
    seen(app, tx, by, entry).await?.ok_or_else(missing)
}

fn conflict(code: &'static str, detail: impl Into<String>) -> AppError {
    AppError::Conflict { code, detail: detail.into() }
}

impl App {
    /// Enrolments in one state, newest first, from below `before` on; at most `limit`, fewer where a scope hides some.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn pending_list(
        &self,
        by: &Principal,
        state: PendingState,
        before: Option<PendingId>,
        limit: u32,
    ) -> Result<Vec<PendingView>, AppError> {
        demand(by, Permission::CredentialRead)?;
        let (app, by) = (self.clone(), by.clone());
        self.store
            .read(move |tx| {
                let (app, by) = (app.clone(), by.clone());
                Box::pin(async move {
                    let (mut views, mut place) = (Vec::new(), before);
                    loop {
                        let entries = queue::list(tx, by.tenant, state, place, limit).await?;
                        let Some(last) = entries.last().map(|entry| entry.id) else { return Ok(views) };
                        place = Some(last);
                        for entry in entries {
                            views.extend(seen(&app, tx, &by, entry).await?);
                            if u32::try_from(views.len()).is_ok_and(|count| count >= limit) {
                                return Ok(views);
                            }
                        }
                    }
                })
            })
            .await
    }

    /// Lets in exactly this public key for this name: on its next attempt through a claim, or at once where the
    /// certificate is there already. `name` says whose a certificate is that does not say so itself.
    ///
    /// # Errors
    /// Forbidden, not found, decided otherwise before (`pending.decided`), the field `name`, a device that is out of
    /// service, or that the store failed.
    pub async fn pending_accept(
        &self,
        by: &Principal,
        id: PendingId,
        name: Option<&str>,
    ) -> Result<PendingView, AppError> {
        demand(by, Permission::CredentialIssue)?;
        let now = self.clock.now();
        let (app, who, name) = (self.clone(), by.clone(), name.map(ToOwned::to_owned));
        let (view, entered) = self
            .store
            .write(move |tx| {
                let (app, by, name) = (app.clone(), who.clone(), name.clone());
                Box::pin(async move {
                    let PendingView { entry, .. } = one(&app, tx, &by, id).await?;
                    match entry.state {
                        PendingState::Open => {}
                        PendingState::Accepted => return Ok((one(&app, tx, &by, id).await?, None)),
                        PendingState::Rejected => {
                            return Err(conflict("pending.decided", "this enrolment was rejected before"));
                        }
                    }
                    let entered = match entry.wish.source {
                        PendingSource::Claim if name.is_some() && name != entry.wish.name => {
                            let problem = "cannot be another than the one that was asked for";
                            return Err(AppError::invalid("name", problem));
                        }
                        PendingSource::Claim => {
                            if wanted(tx, &entry).await?.is_some_and(|device| !device.lifecycle.may_connect())
                            {
                                let detail = "the device is out of service; resume it first";
                                return Err(conflict("device.lifecycle", detail));
                            }
                            None
                        }
                        PendingSource::Certificate => {
                            Some(enter(&app, tx, &by, &entry, name.as_deref(), now).await?)
                        }
                    };
                    let who = by.actor.to_string();
                    queue::decide(tx, id, PendingState::Accepted, &who, name.as_deref(), now).await?;
                    let details = json!({
                        "name": name.as_ref().or(entry.wish.name.as_ref()),
                        "publicKey": entry.wish.public_key.to_string(),
                    });
                    record(tx, &by, "pending.accept", &format!("pending:{id}"), details, now).await?;
                    Ok((one(&app, tx, &by, id).await?, entered))
                })
            })
            .await?;
        if let Some((device, superseded)) = entered {
            for credential in superseded {
                self.hub.close_credential(device, credential, CloseReason::NotAuthorized);
            }
            self.fleet.refresh_devices(&self.store, [device]).await?;
        }
        Ok(view)
    }

    /// Refuses this public key for this name, also when it asks again.
    ///
    /// # Errors
    /// Forbidden, not found, decided otherwise before (`pending.decided`), a reason over 256 bytes, or that the store
    /// failed.
    pub async fn pending_reject(
        &self,
        by: &Principal,
        id: PendingId,
        reason: &str,
    ) -> Result<PendingView, AppError> {
        demand(by, Permission::CredentialIssue)?;
        if reason.len() > LONGEST_REASON {
            return Err(AppError::invalid("reason", format!("must be at most {LONGEST_REASON} bytes")));
        }
        let now = self.clock.now();
        let (app, who, reason) = (self.clone(), by.clone(), reason.to_owned());
        self.store
            .write(move |tx| {
                let (app, by, reason) = (app.clone(), who.clone(), reason.clone());
                Box::pin(async move {
                    let PendingView { entry, .. } = one(&app, tx, &by, id).await?;
                    match entry.state {
                        PendingState::Open => {
                            let (who, note) = (by.actor.to_string(), Some(reason.as_str()));
                            let note = note.filter(|text| !text.is_empty());
                            queue::decide(tx, id, PendingState::Rejected, &who, note, now).await?;
                            let details = json!({
                                "name": entry.wish.name, "reason": reason,
                                "publicKey": entry.wish.public_key.to_string(),
                            });
                            record(tx, &by, "pending.reject", &format!("pending:{id}"), details, now).await?;
                        }
                        PendingState::Rejected => {}
                        PendingState::Accepted => {
                            let detail = "this enrolment was accepted before; revoke the certificate instead";
                            return Err(conflict("pending.decided", detail));
                        }
                    }
                    one(&app, tx, &by, id).await
                })
            })
            .await
    }

    /// Puts a certificate that our authority signed and the state does not know into the queue of the default tenant,
    /// where its subject may say whose it is. What was said before stays. Failures are logged: the peer is refused
    /// either way.
    pub async fn pend_known_certificate(&self, leaf: &CertificateDer<'_>) {
        let Some(presented) = Presented::read(leaf) else { return };
        if presented.common_name.as_deref() == Some(CLAIM_SUBJECT) {
            return;
        }
        let now = self.clock.now();
        let most = (self.limits.pending_open, self.limits.pending_open);
        let fingerprint = presented.fingerprint;
        let known =
            self.store.read(move |tx| Box::pin(async move { queue::of_certificate(tx, &fingerprint).await }));
        let noted = match known.await {
            Ok(Some(entry)) if now.since(entry.last_at) < NOTED_EVERY => return,
            Ok(known) => {
                let known = known.is_some();
                self.store
                    .write(move |tx| {
                        let presented = presented.clone();
                        Box::pin(async move {
                            let tenant = tenants::tenant_default(tx).await?.id;
                            let wish = wish_of(presented);
                            let by = Principal::system(tenant, "restore");
                            ask(tx, &by, tenant, &wish, known, most, now).await
                        })
                    })
                    .await
            }
            Err(error) => Err(error),
        };
        match noted {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!("too many unknown certificates wait for an operator; one more was not noted")
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "an unknown certificate could not be put into the queue");
            }
        }
    }
}

fn wish_of(presented: Presented) -> Wish {
    let Presented { common_name, fingerprint, public_key, serial: _, not_before: _, not_after: _, pem } =
        presented;
    Wish {
        name: common_name.filter(|name| name.parse::<DeviceName>().is_ok()),
        source: PendingSource::Certificate,
        claim: None,
        template: None,
        device_type: None,
        fingerprint,
        public_key,
        certificate_pem: Some(pem),
        reason:
            "our authority signed this certificate and the server does not know it, as after a restore from \
                 a backup"
                .to_owned(),
    }
}

/// Makes the credential of an accepted certificate, and the device where there is none. What else signed the device in
/// is superseded.
async fn enter(
    app: &App,
    tx: &mut Tx<'_>,
    by: &Principal,
    entry: &Pending,
    name: Option<&str>,
    now: Timestamp,
) -> Result<(DeviceId, Vec<CredentialId>), AppError> {
    let Some(name) = name.or(entry.wish.name.as_deref()) else {
        let problem = "must say whose certificate this is; it does not say so itself";
        return Err(AppError::invalid("name", problem));
    };
    let name: DeviceName = name.parse().map_err(|problem| AppError::invalid("name", problem))?;
    let pem = entry.wish.certificate_pem.as_deref().unwrap_or_default();
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok();
    let presented = der.and_then(|der| Presented::read(&der));
    let presented = presented
        .ok_or_else(|| StoreError::corrupt("pending_enrolment.certificate_pem", "no certificate"))?;
    if !credentials::by_public_key(tx, &presented.public_key).await?.is_empty() {
        return Err(conflict("pending.key_used", "the key of this certificate is known by now; reject it"));
    }
    let device = match devices::device_by_name(tx, by.tenant, &name).await? {
        Some(device) if by.scope.is_some() && !app.fleet.is_visible(by, device.id) => {
            return Err(AppError::Exists { what: "device", name: name.to_string() });
        }
        Some(device) if device.lifecycle == Lifecycle::Decommissioned => {
            return Err(conflict("device.decommissioned", format!("device {name} is decommissioned")));
        }
        Some(device) => device,
        None if by.scope.is_some() => return Err(AppError::not_found("device", &name)),
        None => {
            let made = devices::device_insert(tx, &NewDevice::named(by.tenant, name.clone()), now).await?;
            made.ok_or_else(|| AppError::Exists { what: "device", name: name.to_string() })?
        }
    };
    let superseded = supersede(tx, device.id, now).await?;
    let new = NewCredential {
        tenant: by.tenant,
        device: Some(device.id),
        claim: None,
        purpose: CredentialPurpose::Device,
        status: CredentialStatus::Active,
        fingerprint: presented.fingerprint,
        public_key: presented.public_key,
        serial: presented.serial,
        certificate_pem: presented.pem,
        not_before: presented.not_before,
        not_after: presented.not_after,
        ownership: None,
    };
    let id = credentials::insert(tx, &new, now).await?;
    let details = json!({
        "credential": id.get(), "fingerprint": new.fingerprint.to_string(),
        "superseded": superseded.iter().map(|id| id.get()).collect::<Vec<_>>(),
    });
    record(tx, by, "credential.restore", &format!("device:{name}"), details, now).await?;
    Ok((device.id, superseded))
}
