//! Certificates of devices and claims. One row per certificate that was ever signed, except unused ones that ended.

use windlass_domain::credential::{CredentialPurpose, CredentialStatus};
use windlass_domain::ids::{ClaimId, CredentialId, DeviceId, Sha256, TenantId};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

/// A certificate and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Row id; public.
    pub id: CredentialId,
    /// Owner.
    pub tenant: TenantId,
    /// Whose it is; none for claims and before provisioning.
    pub device: Option<DeviceId>,
    /// The claim itself, or the claim that had it made.
    pub claim: Option<ClaimId>,
    /// What it is for.
    pub purpose: CredentialPurpose,
    /// Where it stands.
    pub status: CredentialStatus,
    /// SHA-256 of the certificate (DER).
    pub fingerprint: Sha256,
    /// SHA-256 of its SubjectPublicKeyInfo (DER).
    pub public_key: Sha256,
    /// Hex.
    pub serial: String,
    /// The certificate alone.
    pub certificate_pem: String,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Hash of the ownership token, and until when it is good.
    pub ownership: Option<(Sha256, Timestamp)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it became good.
    pub activated_at: Option<Timestamp>,
    /// When it stopped being good before its time, and why.
    pub ended: Option<(Timestamp, String)>,
}

/// A certificate to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredential {
    /// Owner.
    pub tenant: TenantId,
    /// Whose it is, if that is known.
    pub device: Option<DeviceId>,
    /// The claim itself, or the claim that had it made.
    pub claim: Option<ClaimId>,
    /// What it is for.
    pub purpose: CredentialPurpose,
    /// `Pending` or `Active`.
    pub status: CredentialStatus,
    /// SHA-256 of the certificate (DER).
    pub fingerprint: Sha256,
    /// SHA-256 of its SubjectPublicKeyInfo (DER).
    pub public_key: Sha256,
    /// Hex.
    pub serial: String,
    /// The certificate alone.
    pub certificate_pem: String,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Hash of the ownership token, and until when it is good.
    pub ownership: Option<(Sha256, Timestamp)>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    tenant_id: i64,
    device_id: Option<i64>,
    claim_id: Option<i64>,
    purpose: String,
    status: String,
    fingerprint: Vec<u8>,
    public_key: Vec<u8>,
    serial: String,
    certificate_pem: String,
    not_before: i64,
    not_after: i64,
    ownership_token: Option<Vec<u8>>,
    ownership_expires_at: Option<i64>,
    created_at: i64,
    activated_at: Option<i64>,
    ended_at: Option<i64>,
    end_reason: Option<String>,
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, device_id, claim_id, purpose, status, fingerprint, public_key, serial, \
             certificate_pem, not_before, not_after, ownership_token, ownership_expires_at, created_at, \
             activated_at, ended_at, end_reason FROM credential ",
            $rest
        )
    };
}

impl TryFrom<Row> for Credential {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let Row {
            id,
            tenant_id,
            device_id,
            claim_id,
            purpose,
            status,
            fingerprint,
            public_key,
            serial,
            certificate_pem,
            not_before,
            not_after,
            ownership_token,
            ownership_expires_at,
            created_at,
            activated_at,
            ended_at,
            end_reason,
        } = row;
        let digest = |bytes: &[u8]| {
            Sha256::try_from(bytes).map_err(|error| StoreError::corrupt("credential digest", error))
        };
        let ownership = match (ownership_token, ownership_expires_at) {
            (Some(token), Some(until)) => Some((digest(&token)?, Timestamp::from_micros(until))),
            _ => None,
        };
        Ok(Self {
            id: CredentialId::new(id),
            tenant: TenantId::new(tenant_id),
            device: device_id.map(DeviceId::new),
            claim: claim_id.map(ClaimId::new),
            purpose: purpose.parse().map_err(|error| StoreError::corrupt("credential.purpose", error))?,
            status: status.parse().map_err(|error| StoreError::corrupt("credential.status", error))?,
            fingerprint: digest(&fingerprint)?,
            public_key: digest(&public_key)?,
            serial,
            certificate_pem,
            not_before: Timestamp::from_micros(not_before),
            not_after: Timestamp::from_micros(not_after),
            ownership,
            created_at: Timestamp::from_micros(created_at),
            activated_at: activated_at.map(Timestamp::from_micros),
            ended: ended_at.map(|at| (Timestamp::from_micros(at), end_reason.unwrap_or_default())),
        })
    }
}

fn read(row: Option<Row>) -> Result<Option<Credential>, StoreError> {
    row.map(Credential::try_from).transpose()
}

/// Keeps a certificate. One whose status is active counts as activated now.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    tx: &mut Tx<'_>,
    new: &NewCredential,
    now: Timestamp,
) -> Result<CredentialId, StoreError> {
    let NewCredential {
        tenant,
        device,
        claim,
        purpose,
        status,
        fingerprint,
        public_key,
        serial,
        certificate_pem,
        not_before,
        not_after,
        ownership,
    } = new;
    let activated_at = (*status == CredentialStatus::Active).then(|| now.micros());
    let (id,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO credential (tenant_id, device_id, claim_id, purpose, status, fingerprint, public_key, serial, \
         certificate_pem, not_before, not_after, ownership_token, ownership_expires_at, created_at, activated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id",
        tenant.get(),
        device.map(DeviceId::get),
        claim.map(ClaimId::get),
        purpose.as_str(),
        status.as_str(),
        fingerprint.as_bytes().as_slice(),
        public_key.as_bytes().as_slice(),
        serial.as_str(),
        certificate_pem.as_str(),
        not_before.micros(),
        not_after.micros(),
        ownership.as_ref().map(|(token, _)| token.as_bytes().to_vec()),
        ownership.as_ref().map(|(_, until)| until.micros()),
        now.micros(),
        activated_at,
    )?;
    tx.changed(ChangeKind::Credential, id);
    Ok(CredentialId::new(id))
}

/// By its number, within a tenant.
///
/// # Errors
/// When the database fails.
pub async fn by_id(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: CredentialId,
) -> Result<Option<Credential>, StoreError> {
    read(fetch_optional!(tx, Row, columns!("WHERE id = $1 AND tenant_id = $2"), id.get(), tenant.get())?)
}

/// Whether a certificate, in whatever tenant, was revoked or replaced: whose it was then, if it was a device's.
///
/// # Errors
/// When the database fails.
pub async fn ended(tx: &mut Tx<'_>, id: CredentialId) -> Result<Option<Option<DeviceId>>, StoreError> {
    let row = fetch_optional!(
        tx,
        (Option<i64>,),
        "SELECT device_id FROM credential WHERE id = $1 AND status NOT IN ('pending', 'active')",
        id.get()
    )?;
    Ok(row.map(|(device,)| device.map(DeviceId::new)))
}

/// By the certificate's hash, in whatever tenant.
///
/// # Errors
/// When the database fails.
pub async fn by_fingerprint(tx: &mut Tx<'_>, fingerprint: &Sha256) -> Result<Option<Credential>, StoreError> {
    read(fetch_optional!(tx, Row, columns!("WHERE fingerprint = $1"), fingerprint.as_bytes().as_slice())?)
}

/// By the hash of its ownership token, in whatever tenant, also when that token is past its end.
///
/// # Errors
/// When the database fails.
pub async fn by_ownership_token(tx: &mut Tx<'_>, token: &Sha256) -> Result<Option<Credential>, StoreError> {
    read(fetch_optional!(tx, Row, columns!("WHERE ownership_token = $1"), token.as_bytes().as_slice())?)
}

/// Every certificate with this public key, in whatever tenant, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn by_public_key(tx: &mut Tx<'_>, key: &Sha256) -> Result<Vec<Credential>, StoreError> {
    let rows = fetch_all!(tx, Row, columns!("WHERE public_key = $1 ORDER BY id"), key.as_bytes().as_slice())?;
    rows.into_iter().map(Credential::try_from).collect()
}

/// Every certificate of a device, newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_device(tx: &mut Tx<'_>, device: DeviceId) -> Result<Vec<Credential>, StoreError> {
    let rows = fetch_all!(tx, Row, columns!("WHERE device_id = $1 ORDER BY id DESC"), device.get())?;
    rows.into_iter().map(Credential::try_from).collect()
}

/// The claim's own certificates, newest first; not those that it had made.
///
/// # Errors
/// When the database fails.
pub async fn of_claim(tx: &mut Tx<'_>, claim: ClaimId) -> Result<Vec<Credential>, StoreError> {
    let rows = fetch_all!(
        tx,
        Row,
        columns!("WHERE claim_id = $1 AND purpose = 'claim' ORDER BY id DESC"),
        claim.get()
    )?;
    rows.into_iter().map(Credential::try_from).collect()
}

/// Whether a device has a certificate that is active and not past its end.
///
/// # Errors
/// When the database fails.
pub async fn device_has_live(tx: &mut Tx<'_>, device: DeviceId, now: Timestamp) -> Result<bool, StoreError> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "SELECT id FROM credential WHERE device_id = $1 AND status = 'active' AND not_after > $2 LIMIT 1",
        device.get(),
        now.micros()
    )?;
    Ok(row.is_some())
}

/// How many certificates a claim had made since a point in time.
///
/// # Errors
/// When the database fails.
pub async fn made_by_claim_since(
    tx: &mut Tx<'_>,
    claim: ClaimId,
    since: Timestamp,
) -> Result<i64, StoreError> {
    let (count,) = fetch_one!(
        tx,
        (i64,),
        "SELECT COUNT(*) FROM credential WHERE claim_id = $1 AND created_at > $2 AND purpose = 'device'",
        claim.get(),
        since.micros()
    )?;
    Ok(count)
}

/// How many certificates a claim had made that nobody has provisioned yet.
///
/// # Errors
/// When the database fails.
pub async fn open_of_claim(tx: &mut Tx<'_>, claim: ClaimId) -> Result<i64, StoreError> {
    let (count,) = fetch_one!(
        tx,
        (i64,),
        "SELECT COUNT(*) FROM credential WHERE claim_id = $1 AND status = 'pending' AND device_id IS NULL",
        claim.get()
    )?;
    Ok(count)
}

/// Gives an unprovisioned certificate a new ownership token.
///
/// # Errors
/// When the database fails.
pub async fn renew_ownership(
    tx: &mut Tx<'_>,
    id: CredentialId,
    token: &Sha256,
    until: Timestamp,
) -> Result<(), StoreError> {
    execute!(
        tx,
        "UPDATE credential SET ownership_token = $1, ownership_expires_at = $2 WHERE id = $3",
        token.as_bytes().as_slice(),
        until.micros(),
        id.get()
    )?;
    tx.changed(ChangeKind::Credential, id.get());
    Ok(())
}

/// Binds a pending certificate to a device, active or still pending. The ownership token stays known, so that the
/// same request can be answered again.
///
/// # Errors
/// When the database fails.
pub async fn bind(
    tx: &mut Tx<'_>,
    id: CredentialId,
    device: DeviceId,
    active: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let status = if active { CredentialStatus::Active } else { CredentialStatus::Pending };
    execute!(
        tx,
        "UPDATE credential SET device_id = $1, status = $2, activated_at = $3 WHERE id = $4",
        device.get(),
        status.as_str(),
        active.then(|| now.micros()),
        id.get()
    )?;
    tx.changed(ChangeKind::Credential, id.get());
    Ok(())
}

/// Ends a certificate. What ended before stays as it ended. True if this ended it.
///
/// # Errors
/// When the database fails.
pub async fn end(
    tx: &mut Tx<'_>,
    id: CredentialId,
    status: CredentialStatus,
    reason: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let rows = execute!(
        tx,
        "UPDATE credential SET status = $1, ended_at = $2, end_reason = $3 \
         WHERE id = $4 AND status IN ('pending', 'active')",
        status.as_str(),
        now.micros(),
        reason,
        id.get()
    )?;
    if rows > 0 {
        tx.changed(ChangeKind::Credential, id.get());
    }
    Ok(rows > 0)
}

/// Removes certificates that a claim had made and nobody provisioned.
///
/// # Errors
/// When the database fails.
pub async fn delete_open_of_claim(tx: &mut Tx<'_>, claim: ClaimId) -> Result<u64, StoreError> {
    execute!(
        tx,
        "DELETE FROM credential WHERE claim_id = $1 AND status = 'pending' AND device_id IS NULL",
        claim.get()
    )
}

/// Removes certificates that nobody provisioned in time, at most `limit`. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn delete_unprovisioned(tx: &mut Tx<'_>, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
    execute!(
        tx,
        "DELETE FROM credential WHERE id IN (SELECT id FROM credential WHERE status = 'pending' \
         AND device_id IS NULL AND ownership_expires_at <= $1 ORDER BY ownership_expires_at LIMIT $2)",
        now.micros(),
        i64::from(limit)
    )
}

#[cfg(test)]
mod tests;
