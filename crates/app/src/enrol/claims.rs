//! Claims: certificates that may do nothing but provision devices.

use serde_json::json;
use windlass_domain::credential::{CredentialPurpose, CredentialStatus};
use windlass_domain::ids::TemplateName;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::claims as table;
use windlass_store::credentials::{self, NewCredential};
use windlass_store::{StoreError, Tx, templates};

use super::{ClaimView, CredentialView, KEY_USED, MadeClaim, NewClaim, read_csr};
use crate::app::App;
use crate::audit::record;
use crate::authority::{AuthorityError, CLAIM_LIFETIME};
use crate::error::{AppError, FieldProblem, chain};
use crate::permit::demand;

const MOST_CLAIMS: i64 = 1_000;

async fn view(tx: &mut Tx<'_>, claim: table::Claim) -> Result<ClaimView, StoreError> {
    let table::Claim { id, tenant: _, name, templates, created_at } = claim;
    let own = credentials::of_claim(tx, id).await?;
    let credentials = own.into_iter().map(|each| CredentialView::of(each, None)).collect();
    Ok(ClaimView { id, name, templates, created_at, credentials })
}

fn check(name: &str, expires_at: Option<Timestamp>, now: Timestamp) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '.' | '-');
    if !(1..=64).contains(&name.len()) || !name.chars().all(plain) || matches!(name, "." | "..") {
        problems.push(FieldProblem::new("name", "must be 1 to 64 of letters, digits, : _ . and -"));
    }
    if expires_at.is_some_and(|end| end <= now) {
        problems.push(FieldProblem::new("expiresAt", "must be in the future"));
    }
    problems
}

impl App {
    /// Makes a claim with a certificate, and with a key if no request was handed in.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, the name is taken, too many claims, or that the store failed.
    pub async fn claim_create(&self, by: &Principal, new: NewClaim) -> Result<MadeClaim, AppError> {
        demand(by, Permission::ClaimManage)?;
        let NewClaim { name, templates, expires_at, csr } = new;
        let now = self.clock.now();
        let problems = check(&name, expires_at, now);
        if !problems.is_empty() {
            return Err(AppError::Invalid(problems));
        }
        let unavailable = |error: AuthorityError| {
            tracing::error!(error = %chain(&error), "a claim certificate could not be made");
            AppError::Unavailable(error.to_string())
        };
        let (key, private_key_pem) = match &csr {
            Some(csr) => (read_csr(csr)?, None),
            None => {
                let made = self.authority.make_key(&*self.entropy).map_err(unavailable)?;
                (made.public, Some(made.private_key_pem))
            }
        };
        let end = expires_at.unwrap_or_else(|| now.plus(CLAIM_LIFETIME));
        let issued = self
            .authority
            .sign_until(&key, "Windlass claim", end, &*self.entropy, now)
            .map_err(unavailable)?;
        let certificate_pem = format!("{}{}", issued.certificate_pem, self.authority.issuing_pem());
        let by = by.clone();
        let claim = self
            .store
            .write(move |tx| {
                let (by, name, templates, issued) =
                    (by.clone(), name.clone(), templates.clone(), issued.clone());
                Box::pin(async move {
                    refuse_unknown(tx, &by, &templates).await?;
                    if table::count(tx, by.tenant).await? >= MOST_CLAIMS {
                        let detail = format!("there are {MOST_CLAIMS} claims already, which is the most");
                        return Err(AppError::Quota { code: "claim.count", detail });
                    }
                    if !credentials::by_public_key(tx, &issued.public_key).await?.is_empty() {
                        return Err(AppError::invalid("csr", KEY_USED));
                    }
                    let Some(id) = table::insert(tx, by.tenant, &name, &templates, now).await? else {
                        return Err(AppError::Exists { what: "claim", name });
                    };
                    let credential = NewCredential {
                        tenant: by.tenant,
                        device: None,
                        claim: Some(id),
                        purpose: CredentialPurpose::Claim,
                        status: CredentialStatus::Active,
                        fingerprint: issued.fingerprint,
                        public_key: issued.public_key,
                        serial: issued.serial,
                        certificate_pem: issued.certificate_pem,
                        not_before: issued.not_before,
                        not_after: issued.not_after,
                        ownership: None,
                    };
                    credentials::insert(tx, &credential, now).await?;
                    let names: Vec<_> = templates.iter().map(TemplateName::as_str).collect();
                    let details = json!({"templates": names, "fingerprint": issued.fingerprint.to_string()});
                    record(tx, &by, "claim.create", &format!("claim:{name}"), details, now).await?;
                    let claim = table::by_id(tx, id).await?;
                    let claim = claim.ok_or_else(|| AppError::not_found("claim", &name))?;
                    Ok(view(tx, claim).await?)
                })
            })
            .await?;
        Ok(MadeClaim { claim, certificate_pem, private_key_pem })
    }

    /// Every claim of the tenant, by name.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn claim_list(&self, by: &Principal) -> Result<Vec<ClaimView>, AppError> {
        demand(by, Permission::ClaimRead)?;
        let tenant = by.tenant;
        self.store
            .read(move |tx| {
                Box::pin(async move {
                    let mut views = Vec::new();
                    for claim in table::list(tx, tenant).await? {
                        views.push(view(tx, claim).await?);
                    }
                    Ok::<_, StoreError>(views)
                })
            })
            .await
            .map_err(AppError::Store)
    }

    /// Revokes a claim: its certificates, and what it had made that nobody has provisioned yet. Its live connections
    /// end. Revoking twice is no error.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn claim_revoke(&self, by: &Principal, name: &str) -> Result<ClaimView, AppError> {
        demand(by, Permission::ClaimManage)?;
        let (by, name, now) = (by.clone(), name.to_owned(), self.clock.now());
        let (view, ended) = self
            .store
            .write(move |tx| {
                let (by, name) = (by.clone(), name.clone());
                Box::pin(async move {
                    let claim = table::by_name(tx, by.tenant, &name).await?;
                    let claim = claim.ok_or_else(|| AppError::not_found("claim", &name))?;
                    let (mut revoked, mut ended) = (0, Vec::new());
                    for credential in credentials::of_claim(tx, claim.id).await? {
                        ended.push(credential.id);
                        let status = CredentialStatus::Revoked;
                        if credentials::end(tx, credential.id, status, "claim revoked", now).await? {
                            revoked += 1;
                        }
                    }
                    if revoked > 0 {
                        let dropped = credentials::delete_open_of_claim(tx, claim.id).await?;
                        let details = json!({"certificates": revoked, "unprovisioned": dropped});
                        record(tx, &by, "claim.revoke", &format!("claim:{name}"), details, now).await?;
                    }
                    Ok::<_, AppError>((view(tx, claim).await?, ended))
                })
            })
            .await?;
        for credential in ended {
            self.hub.close_claim(credential);
        }
        Ok(view)
    }
}

async fn refuse_unknown(tx: &mut Tx<'_>, by: &Principal, names: &[TemplateName]) -> Result<(), AppError> {
    let mut problems = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if templates::by_name(tx, by.tenant, name).await?.is_none() {
            let problem = format!("template {name} does not exist");
            problems.push(FieldProblem::new(format!("templates.{index}"), problem));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(AppError::Invalid(problems)) }
}
