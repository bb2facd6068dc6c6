//! People who sign in with a password. Passwords are stored as argon2id hashes only.

use windlass_domain::ids::{TenantId, UserId};
use windlass_domain::permission::Role;
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Row id.
    pub id: UserId,
    /// Owner.
    pub tenant: TenantId,
    /// Unique in the tenant.
    pub name: String,
    /// PHC string.
    pub password_hash: String,
    /// Its set of permissions.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it may not sign in.
    pub disabled_at: Option<Timestamp>,
}

type Row = (i64, i64, String, String, String, i64, Option<i64>);

fn read(row: Row) -> Result<User, StoreError> {
    let (id, tenant, name, password_hash, role, created_at, disabled_at) = row;
    Ok(User {
        id: UserId::new(id),
        tenant: TenantId::new(tenant),
        name,
        password_hash,
        role: role.parse().map_err(|error| StoreError::corrupt("user_account.role", error))?,
        created_at: Timestamp::from_micros(created_at),
        disabled_at: disabled_at.map(Timestamp::from_micros),
    })
}

/// Makes a user; none if the name is taken.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &str,
    password_hash: &str,
    role: Role,
    now: Timestamp,
) -> Result<Option<UserId>, StoreError> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "INSERT INTO user_account (tenant_id, name, password_hash, role, created_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, name) DO NOTHING RETURNING id",
        tenant.get(),
        name,
        password_hash,
        role.as_str(),
        now.micros()
    )?;
    if let Some((id,)) = row {
        tx.changed(ChangeKind::User, id);
    }
    Ok(row.map(|(id,)| UserId::new(id)))
}

/// By name.
///
/// # Errors
/// When the database fails.
pub async fn by_name(tx: &mut Tx<'_>, tenant: TenantId, name: &str) -> Result<Option<User>, StoreError> {
    let row = fetch_optional!(
        tx,
        Row,
        "SELECT id, tenant_id, name, password_hash, role, created_at, disabled_at FROM user_account \
         WHERE tenant_id = $1 AND name = $2",
        tenant.get(),
        name
    )?;
    row.map(read).transpose()
}

/// By its number, in whatever tenant.
///
/// # Errors
/// When the database fails.
pub async fn by_id(tx: &mut Tx<'_>, id: UserId) -> Result<Option<User>, StoreError> {
    let row = fetch_optional!(
        tx,
        Row,
        "SELECT id, tenant_id, name, password_hash, role, created_at, disabled_at FROM user_account \
         WHERE id = $1",
        id.get()
    )?;
    row.map(read).transpose()
}

/// Every user of a tenant, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx<'_>, tenant: TenantId) -> Result<Vec<User>, StoreError> {
    let rows = fetch_all!(
        tx,
        Row,
        "SELECT id, tenant_id, name, password_hash, role, created_at, disabled_at FROM user_account \
         WHERE tenant_id = $1 ORDER BY name",
        tenant.get()
    )?;
    rows.into_iter().map(read).collect()
}

/// How many users there are in all tenants.
///
/// # Errors
/// When the database fails.
pub async fn count(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    Ok(fetch_one!(tx, (i64,), "SELECT COUNT(*) FROM user_account")?.0)
}

/// Gives a user a new password.
///
/// # Errors
/// When the database fails.
pub async fn set_password(tx: &mut Tx<'_>, id: UserId, password_hash: &str) -> Result<(), StoreError> {
    execute!(tx, "UPDATE user_account SET password_hash = $1 WHERE id = $2", password_hash, id.get())?;
    tx.changed(ChangeKind::User, id.get());
    Ok(())
}

/// Gives a user another role.
///
/// # Errors
/// When the database fails.
pub async fn set_role(tx: &mut Tx<'_>, id: UserId, role: Role) -> Result<(), StoreError> {
    execute!(tx, "UPDATE user_account SET role = $1 WHERE id = $2", role.as_str(), id.get())?;
    tx.changed(ChangeKind::User, id.get());
    Ok(())
}

/// Disables (with a time) or enables a user.
///
/// # Errors
/// When the database fails.
pub async fn set_disabled(tx: &mut Tx<'_>, id: UserId, since: Option<Timestamp>) -> Result<(), StoreError> {
    execute!(
        tx,
        "UPDATE user_account SET disabled_at = $1 WHERE id = $2",
        since.map(Timestamp::micros),
        id.get()
    )?;
    tx.changed(ChangeKind::User, id.get());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn a_user_is_made_once_and_changed() {
        on_each_engine("users", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let tenant = TenantId::new(1);
                        assert_eq!(count(tx).await?, 0);
                        let id = insert(tx, tenant, "anna", "hash", Role::Viewer, START).await?.unwrap();
                        assert_eq!(insert(tx, tenant, "anna", "x", Role::Admin, START).await?, None);
                        assert_eq!(by_name(tx, TenantId::new(2), "anna").await?, None);
                        assert_eq!(by_id(tx, id).await?, by_name(tx, tenant, "anna").await?);
                        set_password(tx, id, "other").await?;
                        set_role(tx, id, Role::Admin).await?;
                        set_disabled(tx, id, Some(START)).await?;
                        let user = by_name(tx, tenant, "anna").await?.unwrap();
                        assert_eq!((user.password_hash.as_str(), user.role), ("other", Role::Admin));
                        assert_eq!(user.disabled_at, Some(START));
                        set_disabled(tx, id, None).await?;
                        assert_eq!(list(tx, tenant).await?[0].disabled_at, None);
                        assert_eq!(count(tx).await?, 1);
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}
