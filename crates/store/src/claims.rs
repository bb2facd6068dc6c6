//! Claims: what may provision devices, and with which templates. Their certificates are credentials.

use windlass_domain::ids::{ClaimId, TemplateName, TenantId};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Tx, fetch_all, fetch_one, fetch_optional};

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Row id.
    pub id: ClaimId,
    /// Owner.
    pub tenant: TenantId,
    /// Unique in the tenant.
    pub name: String,
    /// Templates it may use; empty means every one.
    pub templates: Vec<TemplateName>,
    /// When it was made.
    pub created_at: Timestamp,
}

type Row = (i64, i64, String, String, i64);

fn read((id, tenant, name, templates, created_at): Row) -> Result<Claim, StoreError> {
    let corrupt = |error: &dyn std::fmt::Display| StoreError::corrupt("claim.templates", error);
    let names: Vec<String> = serde_json::from_str(&templates).map_err(|error| corrupt(&error))?;
    let templates = names.iter().map(|name| name.parse().map_err(|error| corrupt(&error)));
    Ok(Claim {
        id: ClaimId::new(id),
        tenant: TenantId::new(tenant),
        name,
        templates: templates.collect::<Result<_, _>>()?,
        created_at: Timestamp::from_micros(created_at),
    })
}

/// Makes a claim; none if the name is taken.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &str,
    templates: &[TemplateName],
    now: Timestamp,
) -> Result<Option<ClaimId>, StoreError> {
    let names: Vec<_> = templates.iter().map(TemplateName::as_str).collect();
    let row = fetch_optional!(
        tx,
        (i64,),
        "INSERT INTO claim (tenant_id, name, templates, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (tenant_id, name) DO NOTHING RETURNING id",
        tenant.get(),
        name,
        serde_json::Value::from(names).to_string(),
        now.micros()
    )?;
    if let Some((id,)) = row {
        tx.changed(ChangeKind::Claim, id);
    }
    Ok(row.map(|(id,)| ClaimId::new(id)))
}

/// By its name.
///
/// # Errors
/// When the database fails.
pub async fn by_name(tx: &mut Tx<'_>, tenant: TenantId, name: &str) -> Result<Option<Claim>, StoreError> {
    let row = fetch_optional!(
        tx,
        Row,
        "SELECT id, tenant_id, name, templates, created_at FROM claim WHERE tenant_id = $1 AND name = $2",
        tenant.get(),
        name
    )?;
    row.map(read).transpose()
}

/// By its row id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(tx: &mut Tx<'_>, id: ClaimId) -> Result<Option<Claim>, StoreError> {
    let row = fetch_optional!(
        tx,
        Row,
        "SELECT id, tenant_id, name, templates, created_at FROM claim WHERE id = $1",
        id.get()
    )?;
    row.map(read).transpose()
}

/// Every claim of a tenant, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx<'_>, tenant: TenantId) -> Result<Vec<Claim>, StoreError> {
    let rows = fetch_all!(
        tx,
        Row,
        "SELECT id, tenant_id, name, templates, created_at FROM claim WHERE tenant_id = $1 ORDER BY name",
        tenant.get()
    )?;
    rows.into_iter().map(read).collect()
}

/// How many claims a tenant has.
///
/// # Errors
/// When the database fails.
pub async fn count(tx: &mut Tx<'_>, tenant: TenantId) -> Result<i64, StoreError> {
    Ok(fetch_one!(tx, (i64,), "SELECT COUNT(*) FROM claim WHERE tenant_id = $1", tenant.get())?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn a_claims_name_is_unique_in_its_tenant_and_reads_back() {
        on_each_engine("claims", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let tenant = TenantId::new(1);
                        let templates = vec!["pumps".parse().unwrap()];
                        let id = insert(tx, tenant, "line-1", &templates, START).await?.unwrap();
                        assert_eq!(insert(tx, tenant, "line-1", &[], START).await?, None);
                        assert!(insert(tx, TenantId::new(2), "line-1", &[], START).await?.is_some());
                        let claim = by_name(tx, tenant, "line-1").await?.unwrap();
                        assert_eq!((claim.id, &claim.templates), (id, &templates));
                        assert_eq!(by_id(tx, id).await?.as_ref(), Some(&claim));
                        assert_eq!(list(tx, tenant).await?, [claim]);
                        assert_eq!(count(tx, tenant).await?, 1);
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}
