//! Leases: who does a task that one node does at a time. The epoch rises with every new holder, so that what a
//! holder writes late can be told from what its successor writes.

use std::time::Duration;

use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_optional};

/// A task that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which task.
    pub name: String,
    /// Which node.
    pub owner: String,
    /// Until when, unless renewed.
    pub until: Timestamp,
    /// Rises with every new holder.
    pub epoch: i64,
}

/// The lease of a task, over or not.
///
/// # Errors
/// When the database fails.
pub async fn lease_by_name(tx: &mut Tx<'_>, name: &str) -> Result<Option<Lease>, StoreError> {
    let row = fetch_optional!(
        tx,
        (String, String, i64, i64),
        "SELECT name, owner, until, epoch FROM lease WHERE name = $1",
        name
    )?;
    Ok(row.map(|(name, owner, until, epoch)| Lease {
        name,
        owner,
        until: Timestamp::from_micros(until),
        epoch,
    }))
}

/// Takes or renews a lease for `span` from now. `None` while another owner holds it.
///
/// # Errors
/// When the database fails.
pub async fn lease_take(
    tx: &mut Tx<'_>,
    name: &str,
    owner: &str,
    now: Timestamp,
    span: Duration,
) -> Result<Option<Lease>, StoreError> {
    let row = fetch_optional!(
        tx,
        (String, String, i64, i64),
        "INSERT INTO lease (name, owner, until, epoch) VALUES ($1, $2, $3, 1)
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until,
           epoch = lease.epoch + CASE WHEN lease.owner = excluded.owner THEN 0 ELSE 1 END
         WHERE lease.owner = excluded.owner OR lease.until <= $4
         RETURNING name, owner, until, epoch",
        name,
        owner,
        now.plus(span).micros(),
        now.micros()
    )?;
    Ok(row.map(|(name, owner, until, epoch)| Lease {
        name,
        owner,
        until: Timestamp::from_micros(until),
        epoch,
    }))
}

/// Gives a lease back, if the owner still holds that epoch of it.
///
/// # Errors
/// When the database fails.
pub async fn lease_release(tx: &mut Tx<'_>, name: &str, owner: &str, epoch: i64) -> Result<bool, StoreError> {
    let released = execute!(
        tx,
        "UPDATE lease SET until = 0 WHERE name = $1 AND owner = $2 AND epoch = $3",
        name,
        owner,
        epoch
    )?;
    Ok(released > 0)
}

/// Whether an epoch is still the newest: asked in the transaction that writes for the holder.
///
/// # Errors
/// When the database fails.
pub async fn lease_holds(tx: &mut Tx<'_>, lease: &Lease) -> Result<bool, StoreError> {
    Ok(lease_by_name(tx, &lease.name).await?.is_some_and(|now| now.epoch == lease.epoch))
}
