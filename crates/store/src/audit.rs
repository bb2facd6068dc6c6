//! Audit records and the seals over them. Records are only ever added; a sealer gives them their place in the chain.

use windlass_domain::audit::{Record, Seal};
use windlass_domain::ids::{Sha256, TenantId};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all, fetch_optional};

/// A record to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Whose.
    pub tenant: TenantId,
    /// When it happened.
    pub at: Timestamp,
    /// `noun.verb`.
    pub action: String,
    /// What was changed.
    pub target: String,
    /// JSON text.
    pub body: String,
    /// JSON text with salt and a person's fields.
    pub personal: String,
    /// Its hash.
    pub personal_hash: Sha256,
}

/// A record as stored, with its place in the chain once it is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What it says.
    pub record: Record,
    /// Position and link.
    pub sealed: Option<(i64, Sha256)>,
}

/// What a list of records is narrowed to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only this action, or every action of a noun (`device.`).
    pub action: Option<String>,
    /// Only this target.
    pub target: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// Only records older than this one (by row number).
    pub before: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct Row {
    seq: i64,
    tenant_id: i64,
    at: i64,
    action: String,
    target: String,
    body: String,
    personal: Option<String>,
    personal_hash: Vec<u8>,
    position: Option<i64>,
    hash: Option<Vec<u8>>,
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT seq, tenant_id, at, action, target, body, personal, personal_hash, position, hash FROM audit ",
            $rest
        )
    };
}

fn digest(bytes: &[u8]) -> Result<Sha256, StoreError> {
    Sha256::try_from(bytes).map_err(|error| StoreError::corrupt("audit hash", error))
}

impl TryFrom<Row> for Stored {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let Row { seq, tenant_id, at, action, target, body, personal, personal_hash, position, hash } = row;
        let sealed = match (position, hash) {
            (Some(position), Some(hash)) => Some((position, digest(&hash)?)),
            _ => None,
        };
        let record = Record {
            seq,
            tenant: TenantId::new(tenant_id),
            at: Timestamp::from_micros(at),
            action,
            target,
            body,
            personal,
            personal_hash: digest(&personal_hash)?,
        };
        Ok(Self { record, sealed })
    }
}

fn read_all(rows: Vec<Row>) -> Result<Vec<Stored>, StoreError> {
    rows.into_iter().map(Stored::try_from).collect()
}

/// Adds a record.
///
/// # Errors
/// When the database fails.
pub async fn append(tx: &mut Tx<'_>, new: &NewRecord) -> Result<(), StoreError> {
    let NewRecord { tenant, at, action, target, body, personal, personal_hash } = new;
    execute!(
        tx,
        "INSERT INTO audit (tenant_id, at, action, target, body, personal, personal_hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tenant.get(),
        at.micros(),
        action.as_str(),
        target.as_str(),
        body.as_str(),
        personal.as_str(),
        personal_hash.as_bytes().as_slice()
    )
    .map(drop)
}

/// Records that wait for the sealer, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn unsealed(tx: &mut Tx<'_>, after: i64, limit: u32) -> Result<Vec<Stored>, StoreError> {
    read_all(fetch_all!(
        tx,
        Row,
        columns!("WHERE position IS NULL AND seq > $1 ORDER BY seq LIMIT $2"),
        after,
        i64::from(limit)
    )?)
}

/// Sealed records after a position, in the order of the chain.
///
/// # Errors
/// When the database fails.
pub async fn sealed(tx: &mut Tx<'_>, after: i64, limit: u32) -> Result<Vec<Stored>, StoreError> {
    read_all(fetch_all!(
        tx,
        Row,
        columns!("WHERE position > $1 ORDER BY position LIMIT $2"),
        after,
        i64::from(limit)
    )?)
}

/// Records of a tenant, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    filter: &Filter,
    limit: u32,
) -> Result<Vec<Stored>, StoreError> {
    let Filter { action, target, from, to, before } = filter;
    let action = action.as_deref().unwrap_or_default();
    let noun = if action.ends_with('.') { action } else { "" };
    read_all(fetch_all!(
        tx,
        Row,
        columns!(
            "WHERE tenant_id = $1 AND seq < $2 AND at >= $3 AND at < $4 \
             AND ($5 = '' OR action = $6 OR ($7 <> '' AND SUBSTR(action, 1, $8) = $9)) \
             AND ($10 = '' OR target = $11) ORDER BY seq DESC LIMIT $12"
        ),
        tenant.get(),
        before.unwrap_or(i64::MAX),
        from.map_or(i64::MIN, Timestamp::micros),
        to.map_or(i64::MAX, Timestamp::micros),
        action,
        action,
        noun,
        i32::try_from(noun.chars().count()).unwrap_or(i32::MAX),
        noun,
        target.as_deref().unwrap_or_default(),
        target.as_deref().unwrap_or_default(),
        i64::from(limit)
    )?)
}

/// Gives a record its place.
///
/// # Errors
/// When the database fails.
pub async fn place(tx: &mut Tx<'_>, seq: i64, position: i64, hash: &Sha256) -> Result<(), StoreError> {
    execute!(
        tx,
        "UPDATE audit SET position = $1, hash = $2 WHERE seq = $3 AND position IS NULL",
        position,
        hash.as_bytes().as_slice(),
        seq
    )
    .map(drop)
}

type SealRow = (i64, i64, i64, Vec<u8>, Vec<u8>);

fn read_seal((first, last, at, hash, signature): SealRow) -> Result<Seal, StoreError> {
    Ok(Seal { first, last, at: Timestamp::from_micros(at), hash: digest(&hash)?, signature })
}

/// Keeps a seal.
///
/// # Errors
/// When the database fails.
pub async fn add_seal(tx: &mut Tx<'_>, seal: &Seal) -> Result<(), StoreError> {
    let Seal { first, last, at, hash, signature } = seal;
    execute!(
        tx,
        "INSERT INTO audit_seal (first_position, last_position, at, hash, signature) \
         VALUES ($1, $2, $3, $4, $5)",
        *first,
        *last,
        at.micros(),
        hash.as_bytes().as_slice(),
        signature.as_slice()
    )
    .map(drop)
}

/// The newest seal.
///
/// # Errors
/// When the database fails.
pub async fn last_seal(tx: &mut Tx<'_>) -> Result<Option<Seal>, StoreError> {
    let row = fetch_optional!(
        tx,
        SealRow,
        "SELECT first_position, last_position, at, hash, signature FROM audit_seal \
         ORDER BY last_position DESC LIMIT 1"
    )?;
    row.map(read_seal).transpose()
}

/// Seals whose last position is in `(after, to]`, in order.
///
/// # Errors
/// When the database fails.
pub async fn seals(tx: &mut Tx<'_>, after: i64, to: i64) -> Result<Vec<Seal>, StoreError> {
    let rows = fetch_all!(
        tx,
        SealRow,
        "SELECT first_position, last_position, at, hash, signature FROM audit_seal \
         WHERE last_position > $1 AND last_position <= $2 ORDER BY last_position",
        after,
        to
    )?;
    rows.into_iter().map(read_seal).collect()
}

/// Records of a tenant that still have a person's fields, oldest first: number and fields.
///
/// # Errors
/// When the database fails.
pub async fn personal(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    after: i64,
    limit: u32,
) -> Result<Vec<(i64, String)>, StoreError> {
    fetch_all!(
        tx,
        (i64, String),
        "SELECT seq, personal FROM audit WHERE tenant_id = $1 AND seq > $2 AND personal IS NOT NULL \
         ORDER BY seq LIMIT $3",
        tenant.get(),
        after,
        i64::from(limit)
    )
}

/// Erases a person's fields, and the salt with them.
///
/// # Errors
/// When the database fails.
pub async fn erase(tx: &mut Tx<'_>, seq: i64) -> Result<(), StoreError> {
    execute!(tx, "UPDATE audit SET personal = NULL WHERE seq = $1", seq).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, on_each_engine};

    fn new(action: &str, target: &str, second: i64) -> NewRecord {
        NewRecord {
            tenant: TenantId::new(1),
            at: Timestamp::from_seconds(second),
            action: action.to_owned(),
            target: target.to_owned(),
            body: "{}".to_owned(),
            personal: format!("{{\"n\":{second}}}"),
            personal_hash: Sha256::of(b"p"),
        }
    }

    #[tokio::test]
    async fn records_wait_get_a_place_and_are_read_in_the_order_of_the_chain() {
        on_each_engine("audit", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        for second in 1..=3 {
                            append(tx, &new("device.create", "device:a", second)).await?;
                        }
                        let waiting = unsealed(tx, 0, 10).await?;
                        assert_eq!(waiting.len(), 3);
                        assert_eq!(last_seal(tx).await?, None);
                        // The second record is sealed before the first, as may happen.
                        let order = [waiting[1].record.seq, waiting[0].record.seq];
                        for (position, seq) in (1..).zip(order) {
                            place(tx, seq, position, &Sha256::of(&[7])).await?;
                        }
                        let seal = Seal {
                            first: 1,
                            last: 2,
                            at: START,
                            hash: Sha256::of(&[7]),
                            signature: vec![1, 2],
                        };
                        add_seal(tx, &seal).await?;
                        assert_eq!(last_seal(tx).await?.as_ref(), Some(&seal));
                        assert_eq!(seals(tx, 0, 2).await?, [seal]);
                        assert!(seals(tx, 2, 9).await?.is_empty() && seals(tx, 0, 1).await?.is_empty());
                        let chain: Vec<_> =
                            sealed(tx, 0, 10).await?.into_iter().map(|s| s.record.seq).collect();
                        assert_eq!(chain, order);
                        assert_eq!(sealed(tx, 1, 10).await?.len(), 1);
                        assert_eq!(unsealed(tx, 0, 10).await?.len(), 1);
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn a_list_is_narrowed_by_noun_action_target_time_and_page() {
        on_each_engine("audit", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        append(tx, &new("device.create", "device:a", 1)).await?;
                        append(tx, &new("device.delete", "device:a", 2)).await?;
                        append(tx, &new("devices.x", "device:b", 3)).await?;
                        append(tx, &NewRecord { tenant: TenantId::new(2), ..new("device.create", "x", 4) })
                            .await?;
                        let at = Timestamp::from_seconds;
                        let all = list(tx, TenantId::new(1), &Filter::default(), 10).await?;
                        let seconds = |rows: &[Stored]| -> Vec<i64> {
                            rows.iter().map(|row| row.record.at.seconds()).collect()
                        };
                        assert_eq!(seconds(&all), [3, 2, 1]);
                        let cases = [
                            (Filter { action: Some("device.".to_owned()), ..Filter::default() }, vec![2, 1]),
                            (
                                Filter { action: Some("device.create".to_owned()), ..Filter::default() },
                                vec![1],
                            ),
                            (Filter { target: Some("device:b".to_owned()), ..Filter::default() }, vec![3]),
                            (Filter { from: Some(at(2)), to: Some(at(3)), ..Filter::default() }, vec![2]),
                            (Filter { before: Some(all[0].record.seq), ..Filter::default() }, vec![2, 1]),
                        ];
                        for (filter, expected) in cases {
                            let found = list(tx, TenantId::new(1), &filter, 10).await?;
                            assert_eq!(seconds(&found), expected, "{filter:?}");
                        }
                        assert_eq!(list(tx, TenantId::new(1), &Filter::default(), 1).await?.len(), 1);
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn erased_fields_are_gone_and_the_rest_stays() {
        on_each_engine("audit", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        append(tx, &new("user.create", "user:1", 1)).await?;
                        let tenant = TenantId::new(1);
                        let found = personal(tx, tenant, 0, 10).await?;
                        assert_eq!(found.len(), 1);
                        erase(tx, found[0].0).await?;
                        assert!(personal(tx, tenant, 0, 10).await?.is_empty());
                        let stored = unsealed(tx, 0, 10).await?;
                        assert_eq!(stored[0].record.personal, None);
                        assert_eq!(stored[0].record.personal_hash, Sha256::of(b"p"));
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}
