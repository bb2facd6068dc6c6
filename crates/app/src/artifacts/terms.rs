//! What a tenant wants of all its artifacts: shown, changed, and held against uploads.
//!
//! Knows nothing of what signatures are worth; see [`super::signing`].

use serde_json::json;
use windlass_domain::device_type::Signing;
use windlass_domain::ids::TenantId;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::terms::ArtifactTerms;
use windlass_domain::time::Timestamp;
use windlass_store::artifacts::{self, TermsRecord};
use windlass_store::{StoreError, Tx, types};

use super::inspect::trust;
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;
use crate::{App, audit};

/// Most types that a refusal names.
const NAMED: usize = 5;

/// What a tenant wants of all its artifacts, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsView {
    /// What it wants.
    pub terms: ArtifactTerms,
    /// Grows with every change; 0 where nothing was set.
    pub version: i64,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
    /// Bytes of its artifacts, and of unfinished uploads in parts.
    pub used: u64,
    /// Bytes that the server allows a tenant.
    pub allowed: u64,
}

/// How many bytes of a tenant's quota are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) used: u64,
    pub(crate) most: u64,
}

impl Room {
    pub(crate) async fn of(tx: &mut Tx<'_>, tenant: TenantId, allowed: u64) -> Result<Self, StoreError> {
        let most = artifacts::terms(tx, tenant).await?.terms.most(allowed);
        Ok(Self { used: artifacts::bytes(tx, tenant).await?, most })
    }

    /// That so many bytes more fit.
    pub(crate) fn fits(self, more: u64) -> Result<(), AppError> {
        let Self { used, most } = self;
        if used.saturating_add(more) <= most {
            return Ok(());
        }
        Err(AppError::Conflict {
            code: "artifact.quota",
            detail: format!(
                "{more} bytes more are over the quota of {most} bytes for all artifacts, of which {used} are used; \
                 delete artifacts or uploads that nobody needs, or have an administrator raise the quota"
            ),
        })
    }

    /// That what is stored by now is within.
    pub(crate) fn holds(self, of_that: u64) -> Result<(), AppError> {
        let Self { used, most } = self;
        Self { used: used.saturating_sub(of_that), most }.fits(of_that)
    }
}

fn problems(wanted: &ArtifactTerms, allowed: u64) -> Vec<FieldProblem> {
    let ArtifactTerms { signing: Signing { signers, required }, quota } = wanted;
    let mut problems = trust::problems(signers);
    if *required && signers.is_empty() {
        problems.push(FieldProblem::new("requireSignature", "needs at least one certificate among signers"));
    }
    if quota.is_some_and(|quota| quota == 0 || quota > allowed) {
        let text = format!("must be from 1 to {allowed}, which is what the server allows a tenant");
        problems.push(FieldProblem::new("quotaBytes", text));
    }
    problems
}

/// That no type demands a signature by signers that would be gone.
async fn nobody_is_left_alone(tx: &mut Tx<'_>, tenant: TenantId) -> Result<(), AppError> {
    let types = types::types(tx, tenant).await?;
    let alone = |signing: &Signing| signing.required && signing.signers.is_empty();
    let names: Vec<&str> =
        types.iter().filter(|one| alone(&one.spec.signing)).map(|one| one.name.as_str()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let (shown, more) = names.split_at(names.len().min(NAMED));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    let problem = format!(
        "device types demand a signature and name no signers of their own: {}{more}; let them name some first",
        shown.join(", ")
    );
    Err(AppError::invalid("signers", problem))
}

impl App {
    /// What the tenant wants of all its artifacts, and how much of its quota is used.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn artifact_terms(&self, by: &Principal) -> Result<TermsView, AppError> {
        demand(by, Permission::ServerRead)?;
        let (tenant, allowed) = (by.tenant, self.limits.artifacts_total);
        let (record, used) = self
            .store
            .read(move |tx| {
                Box::pin(async move {
                    let record = artifacts::terms(tx, tenant).await?;
                    Ok::<_, StoreError>((record, artifacts::bytes(tx, tenant).await?))
                })
            })
            .await?;
        let TermsRecord { terms, version, updated_at } = record;
        Ok(TermsView { terms, version, updated_at, used, allowed })
    }

    /// Replaces what the tenant wants. With `expected`, only that version is replaced.
    ///
    /// # Errors
    /// Forbidden, every field that cannot be taken, another version than expected, or that the store failed.
    pub async fn artifact_terms_put(
        &self,
        by: &Principal,
        wanted: ArtifactTerms,
        expected: Option<i64>,
    ) -> Result<TermsView, AppError> {
        demand(by, Permission::ServerManage)?;
        let problems = problems(&wanted, self.limits.artifacts_total);
        if !problems.is_empty() {
            return Err(AppError::Invalid(problems));
        }
        let (who, now) = (by.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, wanted) = (who.clone(), wanted.clone());
                Box::pin(async move {
                    let current = artifacts::terms(tx, by.tenant).await?.version;
                    if expected.is_some_and(|expected| expected != current) {
                        return Err(AppError::VersionMismatch { current });
                    }
                    if wanted.signing.signers.is_empty() {
                        nobody_is_left_alone(tx, by.tenant).await?;
                    }
                    let Some(version) = artifacts::put_terms(tx, by.tenant, &wanted, current, now).await?
                    else {
                        return Err(AppError::VersionMismatch { current });
                    };
                    let ArtifactTerms { signing: Signing { signers, required }, quota } = &wanted;
                    let details = json!({
                        "version": version, "signers": trust::names(signers),
                        "requireSignature": required, "quotaBytes": quota,
                    });
                    audit::record(tx, &by, "settings.change", "settings:artifacts", details, now).await?;
                    Ok(())
                })
            })
            .await?;
        self.artifact_terms(by).await
    }
}
