//! Links that are good once: one makes the first administrator, others sign a user in. By the hash of their secret.

use windlass_domain::ids::{Sha256, UserId};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_optional};

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Makes the first administrator.
    SetUp,
    /// Signs this user in.
    SignIn(UserId),
}

impl LinkPurpose {
    /// Row ids are positive, so that 0 is nobody.
    const fn stored(self) -> i64 {
        match self {
            Self::SetUp => 0,
            Self::SignIn(user) => user.get(),
        }
    }
}

/// Keeps a link. A new one takes the place of the earlier one for the same purpose.
///
/// # Errors
/// When the database fails.
pub async fn put(
    tx: &mut Tx<'_>,
    purpose: LinkPurpose,
    hash: &Sha256,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    remove(tx, purpose).await?;
    execute!(
        tx,
        "INSERT INTO console_link (hash, user_id, expires_at) VALUES ($1, $2, $3)",
        hash.as_bytes().as_slice(),
        purpose.stored(),
        expires_at.micros()
    )?;
    Ok(())
}

/// Uses a link up. None if there is none with this secret, or its time is over.
///
/// # Errors
/// When the database fails.
pub async fn take(tx: &mut Tx<'_>, hash: &Sha256, now: Timestamp) -> Result<Option<LinkPurpose>, StoreError> {
    let row = fetch_optional!(
        tx,
        (i64, i64),
        "DELETE FROM console_link WHERE hash = $1 RETURNING user_id, expires_at",
        hash.as_bytes().as_slice()
    )?;
    Ok(row.filter(|(_, end)| now.micros() < *end).map(|(user, _)| match user {
        0 => LinkPurpose::SetUp,
        user => LinkPurpose::SignIn(UserId::new(user)),
    }))
}

/// Forgets the link for a purpose.
///
/// # Errors
/// When the database fails.
pub async fn remove(tx: &mut Tx<'_>, purpose: LinkPurpose) -> Result<(), StoreError> {
    execute!(tx, "DELETE FROM console_link WHERE user_id = $1", purpose.stored()).map(drop)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn a_link_is_good_once_in_time_and_until_the_next_one() {
        on_each_engine("links", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let end = START.plus(Duration::from_secs(10));
                        let anna = LinkPurpose::SignIn(UserId::new(7));
                        let [first, second, third] = [b"1", b"2", b"3"].map(|secret| Sha256::of(secret));
                        put(tx, LinkPurpose::SetUp, &first, end).await?;
                        put(tx, LinkPurpose::SetUp, &second, end).await?;
                        put(tx, anna, &third, end).await?;
                        assert_eq!(take(tx, &first, START).await?, None, "replaced");
                        assert_eq!(take(tx, &second, START).await?, Some(LinkPurpose::SetUp));
                        assert_eq!(take(tx, &second, START).await?, None, "used");
                        assert_eq!(take(tx, &third, end).await?, None, "too late");
                        put(tx, anna, &third, end).await?;
                        assert_eq!(take(tx, &third, START).await?, Some(anna));
                        put(tx, anna, &third, end).await?;
                        remove(tx, anna).await?;
                        assert_eq!(take(tx, &third, START).await?, None, "removed");
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}
