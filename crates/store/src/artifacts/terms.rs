//! What tenants want of all their artifacts: one row each, once something was set.

use windlass_domain::device_type::Signing;
use windlass_domain::ids::TenantId;
use windlass_domain::software::terms::ArtifactTerms;
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::row::{read_json, write_json};
use crate::tx::{Tx, execute, fetch_optional};

/// What a tenant wants, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TermsRecord {
    /// What it wants; the defaults where nothing was set.
    pub terms: ArtifactTerms,
    /// Grows with every change; 0 where nothing was set.
    pub version: i64,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct TermsRow {
    signers: String,
    require_signature: i64,
    quota: Option<i64>,
    version: i64,
    updated_at: i64,
}

/// What a tenant wants of all its artifacts.
///
/// # Errors
/// When the database fails.
pub async fn terms(tx: &mut Tx<'_>, tenant: TenantId) -> Result<TermsRecord, StoreError> {
    let row = fetch_optional!(
        tx,
        TermsRow,
        "SELECT signers, require_signature, quota, version, updated_at FROM artifact_terms WHERE tenant_id = $1",
        tenant.get(),
    )?;
    let Some(TermsRow { signers, require_signature, quota, version, updated_at }) = row else {
        return Ok(TermsRecord::default());
    };
    let quota = quota.map(u64::try_from).transpose();
    Ok(TermsRecord {
        terms: ArtifactTerms {
            signing: Signing {
                signers: read_json("artifact_terms.signers", &signers)?,
                required: require_signature != 0,
            },
            quota: quota.map_err(|e| StoreError::corrupt("artifact_terms.quota", e))?,
        },
        version,
        updated_at: Some(Timestamp::from_micros(updated_at)),
    })
}

/// Replaces what a tenant wants, if `version` is what is stored, and returns the new version. None if it is not.
///
/// # Errors
/// When the database fails.
pub async fn put_terms(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    wanted: &ArtifactTerms,
    version: i64,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let ArtifactTerms { signing: Signing { signers, required }, quota } = wanted;
    let next = version.saturating_add(1);
    let changed = execute!(
        tx,
        "INSERT INTO artifact_terms (tenant_id, signers, require_signature, quota, version, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (tenant_id) DO UPDATE SET signers = excluded.signers,
           require_signature = excluded.require_signature, quota = excluded.quota, version = excluded.version,
           updated_at = excluded.updated_at
         WHERE artifact_terms.version = $7",
        tenant.get(),
        write_json("artifact_terms.signers", signers)?,
        i64::from(*required),
        quota.map(|quota| i64::try_from(quota).unwrap_or(i64::MAX)),
        next,
        now.micros(),
        version,
    )?;
    if changed == 0 {
        return Ok(None);
    }
    tx.changed(ChangeKind::Setting, tenant.get());
    Ok(Some(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn terms_are_replaced_at_the_version_that_was_read_and_within_their_tenant() {
        on_each_engine("artifact-terms", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let (tenant, other) = (TenantId::new(1), TenantId::new(2));
                        assert_eq!(terms(tx, tenant).await?, TermsRecord::default());
                        let signing =
                            Signing { signers: vec!["a".to_owned(), "b".to_owned()], required: true };
                        let wanted = ArtifactTerms { signing, quota: Some(7) };
                        assert_eq!(put_terms(tx, tenant, &wanted, 0, START).await?, Some(1));
                        assert_eq!(put_terms(tx, tenant, &wanted, 0, START).await?, None);
                        let stored = terms(tx, tenant).await?;
                        assert_eq!((stored.terms, stored.version), (wanted, 1));
                        assert_eq!(
                            put_terms(tx, tenant, &ArtifactTerms::default(), 1, START).await?,
                            Some(2)
                        );
                        assert_eq!(terms(tx, tenant).await?.terms, ArtifactTerms::default());
                        assert_eq!(terms(tx, other).await?, TermsRecord::default());
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}
