//! New hardware and new keys for a device that stays: a key made by the server, a window in which an enrolment may
//! replace the credential, and replacement of the hardware in one step.

use std::time::Duration;

use serde_json::json;
use windlass_domain::event::Severity;
use windlass_domain::ids::DeviceName;
use windlass_domain::permission::{Permission, Principal};
use windlass_store::devices::{self, Alias, AliasOutcome};
use windlass_store::events::{NewEvent, event_record};
use windlass_store::sessions;

use super::issue::{LONGEST_REASON, keep_issued, of_device};
use super::{CredentialView, read_csr, revoke_all_in};
use crate::app::App;
use crate::audit::record;
use crate::authority::csr::PublicKey;
use crate::devices::{check_alias, save, visible};
use crate::error::{AppError, chain};
use crate::fleet::DeviceView;
use crate::hub::CloseReason;
use crate::permit::demand;

/// Longest window in which an enrolment may replace a credential, in minutes: a week.
const LONGEST_WINDOW: u32 = 7 * 24 * 60;

/// A certificate with the key that the server made for it. The key is shown this once and kept nowhere.
#[derive(Clone)]
pub struct GeneratedCertificate {
    /// What was made.
    pub credential: CredentialView,
    /// The device's certificate and the issuing CA's.
    pub chain_pem: String,
    /// PKCS #8.
    pub private_key_pem: String,
}

impl std::fmt::Debug for GeneratedCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GeneratedCertificate")
            .field("credential", &self.credential.id)
            .finish_non_exhaustive()
    }
}

/// Whose key the new hardware has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HardwareKey {
    /// Its own: a certificate request, PEM.
    Request(String),
    /// One that the server makes and shows once.
    Generate,
}

/// What replacing a device's hardware gave.
#[derive(Clone)]
pub struct Replacement {
    /// The device, which stays.
    pub device: DeviceView,
    /// The new certificate.
    pub credential: CredentialView,
    /// The new certificate and the issuing CA's.
    pub chain_pem: String,
    /// PKCS #8, where the server made the key.
    pub private_key_pem: Option<String>,
}

impl std::fmt::Debug for Replacement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replacement").field("credential", &self.credential.id).finish_non_exhaustive()
    }
}

impl App {
    fn make_device_key(&self) -> Result<(PublicKey, String), AppError> {
        let made = self.authority.make_key(&*self.entropy).map_err(|error| {
            tracing::error!(error = %chain(&error), "a device key could not be made");
            AppError::Unavailable(error.to_string())
        })?;
        Ok((made.public, made.private_key_pem))
    }

    /// Makes a key and a certificate for a device that cannot make its own. Other certificates stay good.
    ///
    /// # Errors
    /// Forbidden, not found, conflict `device.decommissioned`, or that the store or the authority failed.
    pub async fn credential_generate(
        &self,
        by: &Principal,
        name: &DeviceName,
    ) -> Result<GeneratedCertificate, AppError> {
        demand(by, Permission::CredentialIssue)?;
        let known = self.credential_device(by, name).await?;
        let (key, private_key_pem) = self.make_device_key()?;
        let (credential, chain_pem) = self.issue_additional(by, &known, &key, true).await?;
        Ok(GeneratedCertificate { credential, chain_pem, private_key_pem })
    }

    /// Opens a window of some minutes in which one enrolment may replace the device's credential, or closes it (`None`).
    ///
    /// # Errors
    /// Forbidden, not found, the field `minutes`, a device that is out of service, or that the store failed.
    pub async fn device_reprovision(
        &self,
        by: &Principal,
        name: &DeviceName,
        minutes: Option<u32>,
    ) -> Result<DeviceView, AppError> {
        demand(by, Permission::CredentialIssue)?;
        if minutes.is_some_and(|minutes| !(1..=LONGEST_WINDOW).contains(&minutes)) {
            return Err(AppError::invalid("minutes", format!("must be from 1 to {LONGEST_WINDOW} (a week)")));
        }
        let now = self.clock.now();
        let until = minutes.map(|minutes| now.plus(Duration::from_secs(u64::from(minutes) * 60)));
        let (app, who, name) = (self.clone(), by.clone(), name.clone());
        let device = self
            .store
            .write(move |tx| {
                let (app, by, name) = (app.clone(), who.clone(), name.clone());
                Box::pin(async move {
                    let mut device = visible(&app, tx, &by, &name).await?;
                    if until.is_some() && !device.lifecycle.may_connect() {
                        let detail = format!("device {name} is {}; resume it first", device.lifecycle);
                        return Err(AppError::Conflict { code: "device.lifecycle", detail });
                    }
                    if device.reprovision_until == until {
                        return Ok(device);
                    }
                    device.reprovision_until = until;
                    save(tx, &mut device, now).await?;
                    let action =
                        if until.is_some() { "device.reprovision" } else { "device.reprovision.close" };
                    let details = json!({"minutes": minutes});
                    record(tx, &by, action, &format!("device:{name}"), details, now).await?;
                    Ok::<_, AppError>(device)
                })
            })
            .await?;
        self.device_settled(by, &device).await
    }

    /// Puts new hardware under a device: its credential is signed, every older one is revoked in the same transaction,
    /// and its burnt-in id becomes an alias. Name, history, shadows and jobs stay.
    ///
    /// # Errors
    /// Forbidden, not found, a bad request (`csr`), an external id that cannot be taken, conflict
    /// `device.decommissioned`, or that the store failed.
    pub async fn device_replace_hardware(
        &self,
        by: &Principal,
        name: &DeviceName,
        key: HardwareKey,
        alias: Option<Alias>,
        reason: &str,
    ) -> Result<Replacement, AppError> {
        demand(by, Permission::DeviceLifecycle)?;
        let mut problems = Vec::new();
        if reason.len() > LONGEST_REASON {
            let problem = format!("must be at most {LONGEST_REASON} bytes");
            problems.push(crate::error::FieldProblem::new("reason", problem));
        }
        if let Some(alias) = &alias {
            problems.extend(check_alias(alias).err().into_iter().flatten().map(|mut problem| {
                problem.field = format!("externalId.{}", problem.field);
                problem
            }));
        }
        if !problems.is_empty() {
            return Err(AppError::Invalid(problems));
        }
        let known = self.credential_device(by, name).await?;
        let (public, private_key_pem) = match &key {
            HardwareKey::Request(csr) => (read_csr(csr)?, None),
            HardwareKey::Generate => {
                let (public, private) = self.make_device_key()?;
                (public, Some(private))
            }
        };
        let now = self.clock.now();
        let issued = self.sign_for(&known, &public, now).await?;
        let chain_pem = format!("{}{}", issued.certificate_pem, self.authority.issuing_pem());
        let server_key = private_key_pem.is_some();
        let reason = if reason.is_empty() { "hardware replaced" } else { reason };
        let (app, who, name, reason) = (self.clone(), by.clone(), name.clone(), reason.to_owned());
        let (device, credential) = self
            .store
            .write(move |tx| {
                let (app, by, name, reason, alias, issued) =
                    (app.clone(), who.clone(), name.clone(), reason.clone(), alias.clone(), issued.clone());
                Box::pin(async move {
                    let mut device = visible(&app, tx, &by, &name).await?;
                    if let Some(alias) = &alias
                        && devices::alias_insert(tx, by.tenant, device.id, alias).await?
                            == AliasOutcome::Taken
                    {
                        let name = alias.external_id.clone();
                        return Err(AppError::Exists { what: "external id", name });
                    }
                    let revoked = revoke_all_in(tx, &by, device.id, &reason, now).await?;
                    let fingerprint = issued.fingerprint.to_string();
                    let id = keep_issued(tx, &device, issued, now).await?;
                    sessions::remove_all(tx, device.id).await?;
                    device.reprovision_until = None;
                    save(tx, &mut device, now).await?;
                    let event = NewEvent {
                        tenant: device.tenant,
                        device: device.id,
                        kind: "hardwareReplaced".to_owned(),
                        severity: Severity::Info,
                        detail: format!("new hardware; {revoked} older certificates were revoked: {reason}"),
                    };
                    event_record(tx, &event, now).await?;
                    let details = json!({
                        "credential": id.get(), "fingerprint": fingerprint, "revoked": revoked,
                        "reason": reason, "serverKey": server_key,
                        "externalId": alias.map(|alias| format!("{}:{}", alias.protocol, alias.external_id)),
                    });
                    record(tx, &by, "device.hardware", &format!("device:{name}"), details, now).await?;
                    let (credential, _) = of_device(tx, by.tenant, id).await?;
                    Ok::<_, AppError>((device, CredentialView::of(credential, Some(name))))
                })
            })
            .await?;
        // The old hardware's connections end; the new one connects with its own credential.
        self.hub.close_device(device.id, CloseReason::NotAuthorized);
        let device = self.device_settled(by, &device).await?;
        Ok(Replacement { device, credential, chain_pem, private_key_pem })
    }
}
