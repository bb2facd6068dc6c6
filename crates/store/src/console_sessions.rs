//! People's sessions in browsers, by the hash of what their cookie holds.

use windlass_domain::ids::{ConsoleSessionId, Sha256, UserId};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

/// A session without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleSession {
    /// Row id; public.
    pub id: ConsoleSessionId,
    /// Whose.
    pub user: UserId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to within a minute.
    pub last_used_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// Where it began.
    pub address: String,
    /// In which browser, as that said itself.
    pub user_agent: String,
}

/// A session to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConsoleSession {
    /// Whose.
    pub user: UserId,
    /// SHA-256 of the secret.
    pub hash: Sha256,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// Where it begins.
    pub address: String,
    /// In which browser.
    pub user_agent: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    user_id: i64,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    address: String,
    user_agent: String,
}

impl From<Row> for ConsoleSession {
    fn from(row: Row) -> Self {
        let Row { id, user_id, created_at, last_used_at, expires_at, address, user_agent } = row;
        Self {
            id: ConsoleSessionId::new(id),
            user: UserId::new(user_id),
            created_at: Timestamp::from_micros(created_at),
            last_used_at: Timestamp::from_micros(last_used_at),
            expires_at: Timestamp::from_micros(expires_at),
            address,
            user_agent,
        }
    }
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, created_at, last_used_at, expires_at, address, user_agent FROM console_session ",
            $rest
        )
    };
}

/// Keeps a session.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    tx: &mut Tx<'_>,
    new: &NewConsoleSession,
    now: Timestamp,
) -> Result<ConsoleSessionId, StoreError> {
    let NewConsoleSession { user, hash, expires_at, address, user_agent } = new;
    let (id,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO console_session (user_id, hash, created_at, last_used_at, expires_at, address, user_agent) \
         VALUES ($1, $2, $3, $3, $4, $5, $6) RETURNING id",
        user.get(),
        hash.as_bytes().as_slice(),
        now.micros(),
        expires_at.micros(),
        address.as_str(),
        user_agent.as_str()
    )?;
    Ok(ConsoleSessionId::new(id))
}

/// By the hash of its secret, also if its time is over.
///
/// # Errors
/// When the database fails.
pub async fn by_hash(tx: &mut Tx<'_>, hash: &Sha256) -> Result<Option<ConsoleSession>, StoreError> {
    let row = fetch_optional!(tx, Row, columns!("WHERE hash = $1"), hash.as_bytes().as_slice())?;
    Ok(row.map(ConsoleSession::from))
}

/// Every session of a user, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_user(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<ConsoleSession>, StoreError> {
    let rows = fetch_all!(tx, Row, columns!("WHERE user_id = $1 ORDER BY id"), user.get())?;
    Ok(rows.into_iter().map(ConsoleSession::from).collect())
}

/// Notes that a session was used.
///
/// # Errors
/// When the database fails.
pub async fn used(tx: &mut Tx<'_>, id: ConsoleSessionId, now: Timestamp) -> Result<(), StoreError> {
    execute!(
        tx,
        "UPDATE console_session SET last_used_at = $1 WHERE id = $2 AND last_used_at < $1",
        now.micros(),
        id.get()
    )
    .map(drop)
}

/// Ends one session of a user. True if there was one.
///
/// # Errors
/// When the database fails.
pub async fn end(tx: &mut Tx<'_>, user: UserId, id: ConsoleSessionId) -> Result<bool, StoreError> {
    let rows =
        execute!(tx, "DELETE FROM console_session WHERE id = $1 AND user_id = $2", id.get(), user.get())?;
    if rows > 0 {
        tx.changed(ChangeKind::User, user.get());
    }
    Ok(rows > 0)
}

/// Ends every session of a user. Returns how many there were.
///
/// # Errors
/// When the database fails.
pub async fn end_all(tx: &mut Tx<'_>, user: UserId) -> Result<u64, StoreError> {
    let rows = execute!(tx, "DELETE FROM console_session WHERE user_id = $1", user.get())?;
    if rows > 0 {
        tx.changed(ChangeKind::User, user.get());
    }
    Ok(rows)
}

/// Forgets sessions that ended by `now` or were not used since `unused`, at most `limit`. Returns how many went.
///
/// # Errors
/// When the database fails.
pub async fn expire(
    tx: &mut Tx<'_>,
    now: Timestamp,
    unused: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    execute!(
        tx,
        "DELETE FROM console_session WHERE id IN (
           SELECT id FROM console_session WHERE expires_at <= $1 OR last_used_at <= $2 ORDER BY id LIMIT $3)",
        now.micros(),
        unused.micros(),
        i64::from(limit)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn a_session_is_found_used_ended_and_forgotten() {
        on_each_engine("console-sessions", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let later = |seconds| START.plus(Duration::from_secs(seconds));
                        let (anna, bert) = (UserId::new(7), UserId::new(8));
                        let new = |user, secret: &[u8]| NewConsoleSession {
                            user,
                            hash: Sha256::of(secret),
                            expires_at: later(100),
                            address: "10.0.0.1".to_owned(),
                            user_agent: "Mozilla/5.0".to_owned(),
                        };
                        let id = insert(tx, &new(anna, b"1"), START).await?;
                        insert(tx, &new(anna, b"2"), START).await?;
                        let other = insert(tx, &new(bert, b"3"), START).await?;
                        assert_eq!(by_hash(tx, &Sha256::of(b"1")).await?.unwrap().id, id);
                        assert_eq!(by_hash(tx, &Sha256::of(b"x")).await?, None);
                        used(tx, id, later(50)).await?;
                        used(tx, id, later(40)).await?;
                        assert_eq!(of_user(tx, anna).await?[0].last_used_at, later(50));
                        assert!(!end(tx, bert, id).await?, "another's");
                        assert_eq!(expire(tx, later(50), later(30), 10).await?, 2);
                        assert_eq!(of_user(tx, anna).await?.len(), 1);
                        assert_eq!(expire(tx, later(100), START, 10).await?, 1);
                        assert!(!end(tx, bert, other).await?);
                        insert(tx, &new(anna, b"1"), START).await?;
                        let id = insert(tx, &new(anna, b"2"), START).await?;
                        assert!(end(tx, anna, id).await?);
                        assert_eq!(end_all(tx, anna).await?, 1);
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}
