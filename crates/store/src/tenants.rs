//! Tenants.

use windlass_domain::ids::{TenantId, TenantName};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::row::read;
use crate::tx::{Tx, fetch_all, fetch_one, fetch_optional};
use crate::{ChangeKind, StoreErrorKind};

/// An isolated customer or organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Row id.
    pub id: TenantId,
    /// Public id.
    pub name: TenantName,
    /// When it was made.
    pub created_at: Timestamp,
}

type Row = (i64, String, i64);

fn tenant((id, name, created_at): Row) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: TenantId::new(id),
        name: read("tenant.name", &name)?,
        created_at: Timestamp::from_micros(created_at),
    })
}

/// The tenant of that name.
///
/// # Errors
/// When the database fails.
pub async fn tenant_by_name(tx: &mut Tx<'_>, name: &TenantName) -> Result<Option<Tenant>, StoreError> {
    fetch_optional!(tx, Row, "SELECT id, name, created_at FROM tenant WHERE name = $1", name.as_str())?
        .map(tenant)
        .transpose()
}

/// The tenant with that id.
///
/// # Errors
/// When the database fails.
pub async fn tenant_by_id(tx: &mut Tx<'_>, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    fetch_optional!(tx, Row, "SELECT id, name, created_at FROM tenant WHERE id = $1", id.get())?
        .map(tenant)
        .transpose()
}

/// Every tenant, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn tenants(tx: &mut Tx<'_>) -> Result<Vec<Tenant>, StoreError> {
    let rows = fetch_all!(tx, Row, "SELECT id, name, created_at FROM tenant ORDER BY id")?;
    rows.into_iter().map(tenant).collect()
}

/// The tenant of that name, made if it is not there.
///
/// # Errors
/// When the database fails.
pub async fn tenant_ensure(tx: &mut Tx<'_>, name: &TenantName, now: Timestamp) -> Result<Tenant, StoreError> {
    if let Some(there) = tenant_by_name(tx, name).await? {
        return Ok(there);
    }
    let row = fetch_one!(
        tx,
        Row,
        "INSERT INTO tenant (name, created_at) VALUES ($1, $2) RETURNING id, name, created_at",
        name.as_str(),
        now.micros()
    )?;
    tx.changed(ChangeKind::Tenant, row.0);
    tenant(row)
}

/// The tenant `default`, which every store has.
///
/// # Errors
/// When the database fails.
pub async fn tenant_default(tx: &mut Tx<'_>) -> Result<Tenant, StoreError> {
    let name: TenantName = read("tenant.name", "default")?;
    tenant_by_name(tx, &name)
        .await?
        .ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt, "the tenant default is missing"))
}
