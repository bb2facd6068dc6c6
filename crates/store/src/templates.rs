//! Provisioning templates as their authors wrote them.

use windlass_domain::ids::{TemplateName, TenantId};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Tx, fetch_all, fetch_one, fetch_optional};

/// A template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Unique in the tenant.
    pub name: TemplateName,
    /// JSON text.
    pub body: String,
    /// Whether devices may use it.
    pub enabled: bool,
    /// Rises by one with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

type Row = (String, String, i64, i64, i64, i64);

fn read((name, body, enabled, version, created_at, updated_at): Row) -> Result<Template, StoreError> {
    Ok(Template {
        name: name.parse().map_err(|error| StoreError::corrupt("provisioning_template.name", error))?,
        body,
        enabled: enabled != 0,
        version,
        created_at: Timestamp::from_micros(created_at),
        updated_at: Timestamp::from_micros(updated_at),
    })
}

/// Creates or replaces a template. Returns its version: 1 if it is new.
///
/// # Errors
/// When the database fails.
pub async fn put(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &TemplateName,
    body: &str,
    enabled: bool,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let (id, version) = fetch_one!(
        tx,
        (i64, i64),
        "INSERT INTO provisioning_template (tenant_id, name, body, enabled, version, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, 1, $5, $6) ON CONFLICT (tenant_id, name) DO UPDATE SET body = excluded.body, \
         enabled = excluded.enabled, version = provisioning_template.version + 1, updated_at = excluded.updated_at \
         RETURNING id, version",
        tenant.get(),
        name.as_str(),
        body,
        i64::from(enabled),
        now.micros(),
        now.micros()
    )?;
    tx.changed(ChangeKind::Template, id);
    Ok(version)
}

/// By its name.
///
/// # Errors
/// When the database fails.
pub async fn by_name(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &TemplateName,
) -> Result<Option<Template>, StoreError> {
    let row = fetch_optional!(
        tx,
        Row,
        "SELECT name, body, enabled, version, created_at, updated_at FROM provisioning_template \
         WHERE tenant_id = $1 AND name = $2",
        tenant.get(),
        name.as_str()
    )?;
    row.map(read).transpose()
}

/// Every template of a tenant, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx<'_>, tenant: TenantId) -> Result<Vec<Template>, StoreError> {
    let rows = fetch_all!(
        tx,
        Row,
        "SELECT name, body, enabled, version, created_at, updated_at FROM provisioning_template \
         WHERE tenant_id = $1 ORDER BY name",
        tenant.get()
    )?;
    rows.into_iter().map(read).collect()
}

/// Removes a template. False if there was none.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Tx<'_>, tenant: TenantId, name: &TemplateName) -> Result<bool, StoreError> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "DELETE FROM provisioning_template WHERE tenant_id = $1 AND name = $2 RETURNING id",
        tenant.get(),
        name.as_str()
    )?;
    if let Some((id,)) = row {
        tx.changed(ChangeKind::Template, id);
    }
    Ok(row.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn a_template_is_put_replaced_listed_and_deleted_within_its_tenant() {
        on_each_engine("templates", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let (tenant, other) = (TenantId::new(1), TenantId::new(2));
                        let name: TemplateName = "pumps".parse().unwrap();
                        assert_eq!(put(tx, tenant, &name, "{}", true, START).await?, 1);
                        let later = Timestamp::from_micros(START.micros() + 1);
                        assert_eq!(put(tx, tenant, &name, "{\"a\":1}", false, later).await?, 2);
                        let found = by_name(tx, tenant, &name).await?.unwrap();
                        assert_eq!(
                            found,
                            Template {
                                name: name.clone(),
                                body: "{\"a\":1}".to_owned(),
                                enabled: false,
                                version: 2,
                                created_at: START,
                                updated_at: later,
                            }
                        );
                        assert_eq!(by_name(tx, other, &name).await?, None);
                        assert!(!delete(tx, other, &name).await?);
                        assert_eq!(list(tx, tenant).await?, [found]);
                        assert!(delete(tx, tenant, &name).await?);
                        assert!(list(tx, tenant).await?.is_empty());
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}
