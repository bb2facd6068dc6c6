//! Answers that were given to requests with an `Idempotency-Key`, so that a repetition gets the same one.

use windlass_domain::ids::{Sha256, TenantId};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::row::read;
use crate::tx::{Tx, execute, fetch_optional};

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAnswer {
    /// HTTP status.
    pub status: u16,
    /// Body, as text.
    pub response: String,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Digest of the request: the same key with another request is a mistake of the caller.
    pub request: Sha256,
    /// When the request came.
    pub at: Timestamp,
    /// None while it is under way, and where its server ended before it answered.
    pub answer: Option<GivenAnswer>,
}

/// Claims a key of this actor for a request that comes now. None if it is the request's from now on, else what is known.
///
/// # Errors
/// When the database fails.
pub async fn key_claim(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    actor: &str,
    key: &str,
    request: Sha256,
    now: Timestamp,
) -> Result<Option<Claim>, StoreError> {
    let claimed = execute!(
        tx,
        "INSERT INTO idempotency (tenant_id, actor, key, request_hash, status, response, created_at)
         VALUES ($1, $2, $3, $4, 0, '', $5) ON CONFLICT (tenant_id, actor, key) DO NOTHING",
        tenant.get(),
        actor,
        key,
        request.as_bytes().as_slice(),
        now.micros()
    )?;
    if claimed > 0 { Ok(None) } else { claim_by_key(tx, tenant, actor, key).await }
}

async fn claim_by_key(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    actor: &str,
    key: &str,
) -> Result<Option<Claim>, StoreError> {
    let row = fetch_optional!(
        tx,
        (Vec<u8>, i64, String, i64),
        "SELECT request_hash, status, response, created_at FROM idempotency
         WHERE tenant_id = $1 AND actor = $2 AND key = $3",
        tenant.get(),
        actor,
        key
    )?;
    row.map(|(request, status, response, at)| {
        let status: u16 = read("idempotency.status", &status.to_string())?;
        Ok(Claim {
            request: Sha256::try_from(request.as_slice())
                .map_err(|problem| StoreError::corrupt("idempotency.request_hash", problem))?,
            at: Timestamp::from_micros(at),
            answer: (status > 0).then_some(GivenAnswer { status, response }),
        })
    })
    .transpose()
}

/// Remembers the answer to a claimed key.
///
/// # Errors
/// When the database fails.
pub async fn answer_keep(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    actor: &str,
    key: &str,
    answer: &GivenAnswer,
) -> Result<(), StoreError> {
    execute!(
        tx,
        "UPDATE idempotency SET status = $1, response = $2 WHERE tenant_id = $3 AND actor = $4 AND key = $5",
        i64::from(answer.status),
        answer.response.as_str(),
        tenant.get(),
        actor,
        key,
    )
    .map(drop)
}

/// Gives a claimed key back: nothing was made.
///
/// # Errors
/// When the database fails.
pub async fn key_release(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    actor: &str,
    key: &str,
) -> Result<(), StoreError> {
    execute!(
        tx,
        "DELETE FROM idempotency WHERE tenant_id = $1 AND actor = $2 AND key = $3",
        tenant.get(),
        actor,
        key,
    )
    .map(drop)
}

/// Forgets answers given before `before`. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn answers_expire(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64, StoreError> {
    execute!(tx, "DELETE FROM idempotency WHERE created_at < $1", before.micros())
}
