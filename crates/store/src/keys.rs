//! Secret keys of the server (signing links, hashing), by purpose. Two may be valid at a time.

use windlass_domain::time::Timestamp;

use crate::ChangeKind;
use crate::error::StoreError;
use crate::row::time;
use crate::tx::{Tx, execute, fetch_all, fetch_one};

/// A secret key. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey {
    /// Row id; later keys have higher ones.
    pub id: i64,
    /// What it is for.
    pub purpose: String,
    /// The secret.
    pub value: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it only verifies, if it does.
    pub retired_at: Option<Timestamp>,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretKey")
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

type Row = (i64, String, Vec<u8>, i64, Option<i64>);

fn key((id, purpose, value, created_at, retired_at): Row) -> SecretKey {
    SecretKey {
        id,
        purpose,
        value,
        created_at: Timestamp::from_micros(created_at),
        retired_at: time(retired_at),
    }
}

/// The keys for a purpose, newest first.
///
/// # Errors
/// When the database fails.
pub async fn secret_keys(tx: &mut Tx<'_>, purpose: &str) -> Result<Vec<SecretKey>, StoreError> {
    let rows = fetch_all!(
        tx,
        Row,
        "SELECT id, purpose, value, created_at, retired_at FROM secret_key WHERE purpose = $1 ORDER BY id DESC",
        purpose
    )?;
    Ok(rows.into_iter().map(key).collect())
}

/// The newest key for a purpose; `fresh` becomes it if there is none. Two nodes that start at once agree.
///
/// # Errors
/// When the database fails.
pub async fn secret_key_ensure(
    tx: &mut Tx<'_>,
    purpose: &str,
    fresh: &[u8],
    now: Timestamp,
) -> Result<SecretKey, StoreError> {
    match secret_keys(tx, purpose).await?.into_iter().find(|key| key.retired_at.is_none()) {
        Some(newest) => Ok(newest),
        None => secret_key_add(tx, purpose, fresh, now).await,
    }
}

/// Adds a key, which becomes the newest of its purpose.
///
/// # Errors
/// When the database fails.
pub async fn secret_key_add(
    tx: &mut Tx<'_>,
    purpose: &str,
    value: &[u8],
    now: Timestamp,
) -> Result<SecretKey, StoreError> {
    let row = fetch_one!(
        tx,
        Row,
        "INSERT INTO secret_key (purpose, value, created_at) VALUES ($1, $2, $3)
         RETURNING id, purpose, value, created_at, retired_at",
        purpose,
        value,
        now.micros()
    )?;
    tx.changed(ChangeKind::SecretKey, row.0);
    Ok(key(row))
}

/// Retires the keys of a purpose that are older than `newest`; they still verify until they are dropped.
///
/// # Errors
/// When the database fails.
pub async fn secret_keys_retire(
    tx: &mut Tx<'_>,
    purpose: &str,
    newest: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    execute!(
        tx,
        "UPDATE secret_key SET retired_at = $1 WHERE purpose = $2 AND id < $3 AND retired_at IS NULL",
        now.micros(),
        purpose,
        newest
    )?;
    tx.changed(ChangeKind::SecretKey, newest);
    Ok(())
}

/// Drops the keys of a purpose that were retired before `before`. Returns how many went.
///
/// # Errors
/// When the database fails.
pub async fn secret_keys_drop(tx: &mut Tx<'_>, purpose: &str, before: Timestamp) -> Result<u64, StoreError> {
    execute!(tx, "DELETE FROM secret_key WHERE purpose = $1 AND retired_at < $2", purpose, before.micros())
}
