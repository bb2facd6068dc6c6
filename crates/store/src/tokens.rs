//! API tokens, by the hash of their secret.

use windlass_domain::ids::{Sha256, TenantId, TokenId};
use windlass_domain::permission::Role;
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

/// Ended tokens that one new token takes the place of; more than one, so that a heap shrinks.
const FORGOTTEN_AT_ONCE: i64 = 100;

/// An API token without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Row id; public.
    pub id: TokenId,
    /// Owner.
    pub tenant: TenantId,
    /// For people.
    pub name: String,
    /// First characters of the secret.
    pub hint: String,
    /// Its set of permissions.
    pub role: Role,
    /// A fleet query that its rights end at.
    pub scope: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A token to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Owner.
    pub tenant: TenantId,
    /// For people.
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: Sha256,
    /// First characters of the secret.
    pub hint: String,
    /// Its set of permissions.
    pub role: Role,
    /// A fleet query that its rights end at.
    pub scope: Option<String>,
    /// By whom.
    pub created_by: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    tenant_id: i64,
    name: String,
    hint: String,
    role: String,
    scope: String,
    created_at: i64,
    created_by: String,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl TryFrom<Row> for Token {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let Row { id, tenant_id, name, hint, role, scope, created_at, created_by, expires_at, revoked_at } =
            row;
        Ok(Self {
            id: TokenId::new(id),
            tenant: TenantId::new(tenant_id),
            name,
            hint,
            role: role.parse().map_err(|error| StoreError::corrupt("api_token.role", error))?,
            scope: Some(scope).filter(|scope| !scope.is_empty()),
            created_at: Timestamp::from_micros(created_at),
            created_by,
            expires_at: expires_at.map(Timestamp::from_micros),
            revoked_at: revoked_at.map(Timestamp::from_micros),
        })
    }
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, name, hint, role, scope, created_at, created_by, expires_at, revoked_at \
             FROM api_token ",
            $rest
        )
    };
}

/// Keeps a token.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx<'_>, new: &NewToken, now: Timestamp) -> Result<TokenId, StoreError> {
    let NewToken { tenant, name, hash, hint, role, scope, created_by, expires_at } = new;
    let (id,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO api_token (tenant_id, name, hash, hint, role, scope, created_at, created_by, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
        tenant.get(),
        name.as_str(),
        hash.as_bytes().as_slice(),
        hint.as_str(),
        role.as_str(),
        scope.as_deref().unwrap_or_default(),
        now.micros(),
        created_by.as_str(),
        expires_at.map(Timestamp::micros)
    )?;
    tx.changed(ChangeKind::Token, id);
    Ok(TokenId::new(id))
}

/// By the hash of its secret, in whatever tenant, also if it ended.
///
/// # Errors
/// When the database fails.
pub async fn by_hash(tx: &mut Tx<'_>, hash: &Sha256) -> Result<Option<Token>, StoreError> {
    let row = fetch_optional!(tx, Row, columns!("WHERE hash = $1"), hash.as_bytes().as_slice())?;
    row.map(Token::try_from).transpose()
}

/// By its number, within a tenant.
///
/// # Errors
/// When the database fails.
pub async fn by_id(tx: &mut Tx<'_>, tenant: TenantId, id: TokenId) -> Result<Option<Token>, StoreError> {
    let row = fetch_optional!(tx, Row, columns!("WHERE id = $1 AND tenant_id = $2"), id.get(), tenant.get())?;
    row.map(Token::try_from).transpose()
}

/// Whether a token, in whatever tenant, was revoked.
///
/// # Errors
/// When the database fails.
pub async fn is_revoked(tx: &mut Tx<'_>, id: TokenId) -> Result<bool, StoreError> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "SELECT id FROM api_token WHERE id = $1 AND revoked_at IS NOT NULL",
        id.get()
    )?;
    Ok(row.is_some())
}

/// Every token of a tenant, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx<'_>, tenant: TenantId) -> Result<Vec<Token>, StoreError> {
    let rows = fetch_all!(tx, Row, columns!("WHERE tenant_id = $1 ORDER BY id DESC"), tenant.get())?;
    rows.into_iter().map(Token::try_from).collect()
}

/// How many tokens of a tenant are in force.
///
/// # Errors
/// When the database fails.
pub async fn good(tx: &mut Tx<'_>, tenant: TenantId, now: Timestamp) -> Result<i64, StoreError> {
    let (count,) = fetch_one!(
        tx,
        (i64,),
        "SELECT COUNT(*) FROM api_token WHERE tenant_id = $1 AND revoked_at IS NULL \
         AND (expires_at IS NULL OR expires_at > $2)",
        tenant.get(),
        now.micros()
    )?;
    Ok(count)
}

/// Deletes the tokens of a tenant that ended, but for the `kept` that were made last.
///
/// # Errors
/// When the database fails.
pub async fn forget_ended(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    now: Timestamp,
    kept: u32,
) -> Result<(), StoreError> {
    execute!(
        tx,
        "DELETE FROM api_token WHERE id IN (SELECT id FROM api_token WHERE tenant_id = $1 \
           AND (revoked_at IS NOT NULL OR expires_at <= $2) ORDER BY id DESC LIMIT $3 OFFSET $4)",
        tenant.get(),
        now.micros(),
        FORGOTTEN_AT_ONCE,
        i64::from(kept)
    )?;
    Ok(())
}

/// Revokes a token. True if this revoked it.
///
/// # Errors
/// When the database fails.
pub async fn revoke(tx: &mut Tx<'_>, id: TokenId, now: Timestamp) -> Result<bool, StoreError> {
    let rows = execute!(
        tx,
        "UPDATE api_token SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL",
        now.micros(),
        id.get()
    )?;
    if rows > 0 {
        tx.changed(ChangeKind::Token, id.get());
    }
    Ok(rows > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn a_token_is_found_by_its_hash_and_revoked_once() {
        on_each_engine("tokens", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let tenant = TenantId::new(1);
                        let new = NewToken {
                            tenant,
                            name: "ci".to_owned(),
                            hash: Sha256::of(b"secret"),
                            hint: "wl_abc".to_owned(),
                            role: Role::Viewer,
                            scope: None,
                            created_by: "user:anna".to_owned(),
                            expires_at: None,
                        };
                        let id = insert(tx, &new, START).await?;
                        let scoped = NewToken {
                            hash: Sha256::of(b"other"),
                            scope: Some("tag==a".to_owned()),
                            expires_at: Some(START),
                            ..new
                        };
                        insert(tx, &scoped, START).await?;
                        let found = by_hash(tx, &Sha256::of(b"secret")).await?.unwrap();
                        assert_eq!((found.id, &found.scope, found.revoked_at), (id, &None, None));
                        assert_eq!(by_hash(tx, &Sha256::of(b"wrong")).await?, None);
                        assert_eq!(by_id(tx, TenantId::new(2), id).await?, None);
                        assert!(!is_revoked(tx, id).await?);
                        assert!(revoke(tx, id, START).await?);
                        assert!(!revoke(tx, id, START).await?);
                        assert!(is_revoked(tx, id).await?);
                        assert_eq!(by_id(tx, tenant, id).await?.unwrap().revoked_at, Some(START));
                        let listed = list(tx, tenant).await?;
                        assert_eq!(listed[0].scope.as_deref(), Some("tag==a"));
                        assert_eq!((listed[0].expires_at, listed.len()), (Some(START), 2));
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}
