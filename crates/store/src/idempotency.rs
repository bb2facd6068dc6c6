//! Answers that were given to requests with an `Idempotency-Key`, so that a repetition gets the same one.

use windlass_domain::ids::{Sha256, TenantId};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::row::read;
use crate::tx::{Tx, execute, fetch_optional};

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAnswer {
    /// Digest of the request: the same key with another request is a mistake of the caller.
    pub request: Sha256,
    /// HTTP status.
    pub status: u16,
    /// Body, as text.
    pub response: String,
}

/// The answer that was given to this actor's key.
///
/// # Errors
/// When the database fails.
pub async fn answer_by_key(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    actor: &str,
    key: &str,
) -> Result<Option<GivenAnswer>, StoreError> {
    let row = fetch_optional!(
        tx,
        (Vec<u8>, i64, String),
        "SELECT request_hash, status, response FROM idempotency WHERE tenant_id = $1 AND actor = $2 AND key = $3",
        tenant.get(),
        actor,
        key
    )?;
    row.map(|(request, status, response)| {
        Ok(GivenAnswer {
            request: Sha256::try_from(request.as_slice())
                .map_err(|problem| StoreError::corrupt("idempotency.request_hash", problem))?,
            status: read("idempotency.status", &status.to_string())?,
            response,
        })
    })
    .transpose()
}

/// Remembers an answer. False if one was remembered already; that one stays.
///
/// # Errors
/// When the database fails.
pub async fn answer_keep(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    actor: &str,
    key: &str,
    answer: &GivenAnswer,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let GivenAnswer { request, status, response } = answer;
    let kept = execute!(
        tx,
        "INSERT INTO idempotency (tenant_id, actor, key, request_hash, status, response, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, actor, key) DO NOTHING",
        tenant.get(),
        actor,
        key,
        request.as_bytes().as_slice(),
        i64::from(*status),
        response.as_str(),
        now.micros()
    )?;
    Ok(kept > 0)
}

/// Forgets answers given before `before`. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn answers_expire(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64, StoreError> {
    execute!(tx, "DELETE FROM idempotency WHERE created_at < $1", before.micros())
}
