//! Enrolments that wait for an operator's word. One row per public key and wanted name in a tenant.

use windlass_domain::enrol::{PendingSource, PendingState};
use windlass_domain::ids::{ClaimId, PendingId, Sha256, TenantId};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::row::{read, time};
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

/// Somebody who wants to be a device, and what an operator said to that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Row id; public.
    pub id: PendingId,
    /// Owner.
    pub tenant: TenantId,
    /// What was asked.
    pub wish: Wish,
    /// How often it was asked.
    pub attempts: i64,
    /// When it was asked first.
    pub first_at: Timestamp,
    /// When it was asked last.
    pub last_at: Timestamp,
    /// Where it stands.
    pub state: PendingState,
    /// When and by whom it was decided.
    pub decided: Option<(Timestamp, String)>,
    /// What was said with the decision.
    pub note: Option<String>,
}

/// What was asked, and with which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The wanted name; none where a certificate does not say whose it is.
    pub name: Option<String>,
    /// How it came.
    pub source: PendingSource,
    /// The claim it came through.
    pub claim: Option<ClaimId>,
    /// The provisioning template it came through.
    pub template: Option<String>,
    /// The device type that the template gives.
    pub device_type: Option<String>,
    /// SHA-256 of the certificate (DER).
    pub fingerprint: Sha256,
    /// SHA-256 of its SubjectPublicKeyInfo (DER).
    pub public_key: Sha256,
    /// The certificate, where the state does not hold it otherwise.
    pub certificate_pem: Option<String>,
    /// Why an operator is asked.
    pub reason: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    tenant_id: i64,
    name: String,
    source: String,
    claim_id: Option<i64>,
    template: Option<String>,
    device_type: Option<String>,
    fingerprint: Vec<u8>,
    public_key: Vec<u8>,
    certificate_pem: Option<String>,
    reason: String,
    attempts: i64,
    first_at: i64,
    last_at: i64,
    state: String,
    decided_at: Option<i64>,
    decided_by: Option<String>,
    note: Option<String>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, name, source, claim_id, template, device_type, fingerprint, public_key, ",
            "certificate_pem, reason, attempts, first_at, last_at, state, decided_at, decided_by, note ",
            "FROM pending_enrolment ",
            $rest
        )
    };
}

impl TryFrom<Row> for Pending {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let Row {
            id,
            tenant_id,
            name,
            source,
            claim_id,
            template,
            device_type,
            fingerprint,
            public_key,
            certificate_pem,
            reason,
            attempts,
            first_at,
            last_at,
            state,
            decided_at,
            decided_by,
            note,
        } = row;
        let digest = |bytes: &[u8]| {
            Sha256::try_from(bytes).map_err(|error| StoreError::corrupt("pending_enrolment digest", error))
        };
        Ok(Self {
            id: PendingId::new(id),
            tenant: TenantId::new(tenant_id),
            wish: Wish {
                name: Some(name).filter(|name| !name.is_empty()),
                source: read("pending_enrolment.source", &source)?,
                claim: claim_id.map(ClaimId::new),
                template,
                device_type,
                fingerprint: digest(&fingerprint)?,
                public_key: digest(&public_key)?,
                certificate_pem,
                reason,
            },
            attempts,
            first_at: Timestamp::from_micros(first_at),
            last_at: Timestamp::from_micros(last_at),
            state: read("pending_enrolment.state", &state)?,
            decided: time(decided_at).map(|at| (at, decided_by.unwrap_or_default())),
            note,
        })
    }
}

/// Notes a wish, or that it was repeated: then only its count, time and certificate change.
///
/// # Errors
/// When the database fails.
pub async fn note(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    wish: &Wish,
    now: Timestamp,
) -> Result<PendingId, StoreError> {
    let Wish { name, source, claim, template, device_type, fingerprint, public_key, certificate_pem, reason } =
        wish;
    let (id,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO pending_enrolment (tenant_id, name, source, claim_id, template, device_type, fingerprint,
           public_key, certificate_pem, reason, attempts, first_at, last_at, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11, 'open')
         ON CONFLICT (tenant_id, public_key, name) DO UPDATE SET attempts = pending_enrolment.attempts + 1,
           last_at = excluded.last_at, fingerprint = excluded.fingerprint
         RETURNING id",
        tenant.get(),
        name.as_deref().unwrap_or_default(),
        source.as_str(),
        claim.map(ClaimId::get),
        template.as_deref(),
        device_type.as_deref(),
        fingerprint.as_bytes().as_slice(),
        public_key.as_bytes().as_slice(),
        certificate_pem.as_deref(),
        reason.as_str(),
        now.micros()
    )?;
    tx.changed(ChangeKind::Pending, id);
    Ok(PendingId::new(id))
}

/// By its number, within a tenant.
///
/// # Errors
/// When the database fails.
pub async fn by_id(tx: &mut Tx<'_>, tenant: TenantId, id: PendingId) -> Result<Option<Pending>, StoreError> {
    fetch_optional!(tx, Row, select!("WHERE id = $1 AND tenant_id = $2"), id.get(), tenant.get())?
        .map(Pending::try_from)
        .transpose()
}

/// The wish of this key for this name.
///
/// # Errors
/// When the database fails.
pub async fn of_key(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    key: &Sha256,
    name: &str,
) -> Result<Option<Pending>, StoreError> {
    fetch_optional!(
        tx,
        Row,
        select!("WHERE tenant_id = $1 AND public_key = $2 AND name = $3"),
        tenant.get(),
        key.as_bytes().as_slice(),
        name
    )?
    .map(Pending::try_from)
    .transpose()
}

/// The wish that came with this certificate, in whatever tenant.
///
/// # Errors
/// When the database fails.
pub async fn of_certificate(tx: &mut Tx<'_>, fingerprint: &Sha256) -> Result<Option<Pending>, StoreError> {
    fetch_optional!(
        tx,
        Row,
        select!("WHERE fingerprint = $1 AND source = 'certificate' ORDER BY id LIMIT 1"),
        fingerprint.as_bytes().as_slice()
    )?
    .map(Pending::try_from)
    .transpose()
}

/// The wishes of a tenant in one state, newest first, those with a number below `before`; at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    state: PendingState,
    before: Option<PendingId>,
    limit: u32,
) -> Result<Vec<Pending>, StoreError> {
    let rows = fetch_all!(
        tx,
        Row,
        select!("WHERE tenant_id = $1 AND state = $2 AND id < $3 ORDER BY id DESC LIMIT $4"),
        tenant.get(),
        state.as_str(),
        before.map_or(i64::MAX, PendingId::get),
        i64::from(limit)
    )?;
    rows.into_iter().map(Pending::try_from).collect()
}

/// Every open wish of every tenant, oldest first; at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn waiting(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<Pending>, StoreError> {
    let rows = fetch_all!(tx, Row, select!("WHERE state = 'open' ORDER BY id LIMIT $1"), i64::from(limit))?;
    rows.into_iter().map(Pending::try_from).collect()
}

/// How many wishes of a tenant are open, and how many of those came through one claim (`None`: through none).
///
/// # Errors
/// When the database fails.
pub async fn open_counts(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    claim: Option<ClaimId>,
) -> Result<(i64, i64), StoreError> {
    fetch_one!(
        tx,
        (i64, i64),
        "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN COALESCE(claim_id, 0) = $1 THEN 1 ELSE 0 END), 0) AS BIGINT)
         FROM pending_enrolment WHERE tenant_id = $2 AND state = 'open'",
        claim.map_or(0, ClaimId::get),
        tenant.get()
    )
}

/// Writes an operator's decision, with the name that was wanted or given. False if it is not open any more.
///
/// # Errors
/// When the database fails.
pub async fn decide(
    tx: &mut Tx<'_>,
    id: PendingId,
    state: PendingState,
    by: &str,
    note: Option<&str>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = execute!(
        tx,
        "UPDATE pending_enrolment SET state = $1, decided_at = $2, decided_by = $3, note = $4
         WHERE id = $5 AND state = 'open'",
        state.as_str(),
        now.micros(),
        by,
        note,
        id.get()
    )? > 0;
    if changed {
        tx.changed(ChangeKind::Pending, id.get());
    }
    Ok(changed)
}

/// Removes wishes that were last asked (and, where decided, decided) before a point in time; at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn expire(tx: &mut Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let gone = fetch_all!(
        tx,
        (i64,),
        "DELETE FROM pending_enrolment WHERE id IN (SELECT id FROM pending_enrolment
           WHERE last_at < $1 AND COALESCE(decided_at, 0) < $1 ORDER BY last_at LIMIT $2) RETURNING id",
        before.micros(),
        i64::from(limit)
    )?;
    for (id,) in &gone {
        tx.changed(ChangeKind::Pending, *id);
    }
    Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{START, on_each_engine};

    fn wish(key: u8, name: Option<&str>) -> Wish {
        Wish {
            name: name.map(ToOwned::to_owned),
            source: PendingSource::Claim,
            claim: Some(ClaimId::new(5)),
            template: Some("pumps".to_owned()),
            device_type: None,
            fingerprint: Sha256::of(&[key]),
            public_key: Sha256::of(&[key, 1]),
            certificate_pem: None,
            reason: "the name lives".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_wish_is_kept_once_counted_decided_once_and_goes_with_age() {
        on_each_engine("pending", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let tenant = TenantId::new(1);
                        let id = note(tx, tenant, &wish(1, Some("pump-1")), START).await?;
                        let later = START.plus(Duration::from_secs(60));
                        assert_eq!(note(tx, tenant, &wish(1, Some("pump-1")), later).await?, id);
                        let other = note(tx, tenant, &wish(2, None), later).await?;
                        let found = by_id(tx, tenant, id).await?.unwrap();
                        assert_eq!((found.attempts, found.first_at, found.last_at), (2, START, later));
                        assert_eq!(found.wish, wish(1, Some("pump-1")));
                        assert_eq!(by_id(tx, TenantId::new(2), id).await?, None);
                        let key = Sha256::of(&[1, 1]);
                        assert_eq!(of_key(tx, tenant, &key, "pump-1").await?, Some(found));
                        assert_eq!(of_key(tx, tenant, &key, "pump-2").await?, None);
                        assert_eq!(of_certificate(tx, &Sha256::of(&[1])).await?, None);
                        assert_eq!(open_counts(tx, tenant, Some(ClaimId::new(5))).await?, (2, 2));
                        assert_eq!(open_counts(tx, tenant, None).await?, (2, 0));
                        let page = list(tx, tenant, PendingState::Open, Some(other), 10).await?;
                        assert_eq!(page.iter().map(|one| one.id).collect::<Vec<_>>(), [id]);
                        let decided = PendingState::Accepted;
                        assert!(decide(tx, id, decided, "user anna", Some("ok"), later).await?);
                        let again = decide(tx, id, PendingState::Rejected, "user bob", None, later).await?;
                        assert!(!again);
                        let found = by_id(tx, tenant, id).await?.unwrap();
                        assert_eq!(found.decided, Some((later, "user anna".to_owned())));
                        assert_eq!(expire(tx, later, 10).await?, 0);
                        assert_eq!(expire(tx, later.plus(Duration::from_secs(1)), 10).await?, 2);
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}
