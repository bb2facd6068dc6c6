//! Uploads in parts: what was announced, and how many bytes are durable. Their bytes: [`crate::Blobs::part`].

use windlass_domain::ids::{ArtifactId, Sha256, TenantId, UploadId};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::row::read;
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

/// An upload in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartUpload {
    /// Public number.
    pub id: UploadId,
    /// The name that the artifact will have.
    pub name: windlass_domain::ids::FileName,
    /// Bytes that were announced.
    pub size: u64,
    /// The digest that was announced.
    pub sha256: Option<Sha256>,
    /// Handed to devices with the artifact.
    pub signature: Option<String>,
    /// Bytes that are durable.
    pub received: u64,
    /// What it became.
    pub artifact: Option<ArtifactId>,
    /// When it was announced.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it goes, unless more comes before.
    pub expires_at: Timestamp,
}

#[derive(Debug, sqlx::FromRow)]
struct UploadRow {
    id: i64,
    name: String,
    size: i64,
    sha256: Option<Vec<u8>>,
    signature: Option<String>,
    received: i64,
    artifact_id: Option<i64>,
    created_at: i64,
    created_by: String,
    expires_at: i64,
}

fn number(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl UploadRow {
    fn read(self) -> Result<PartUpload, StoreError> {
        let Self {
            id,
            name,
            size,
            sha256,
            signature,
            received,
            artifact_id,
            created_at,
            created_by,
            expires_at,
        } = self;
        let bytes = |count: i64| u64::try_from(count).map_err(|e| StoreError::corrupt("upload.size", e));
        let sha256 = sha256.map(|bytes| Sha256::try_from(bytes.as_slice())).transpose();
        Ok(PartUpload {
            id: UploadId::new(id),
            name: read("upload.name", &name)?,
            size: bytes(size)?,
            sha256: sha256.map_err(|e| StoreError::corrupt("upload.sha256", e))?,
            signature,
            received: bytes(received)?,
            artifact: artifact_id.map(ArtifactId::new),
            created_at: Timestamp::from_micros(created_at),
            created_by,
            expires_at: Timestamp::from_micros(expires_at),
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, size, sha256, signature, received, artifact_id, created_at, created_by, expires_at
             FROM upload ",
            $rest
        )
    };
}

/// Announces an upload; the number in it is ignored, the one it got is returned.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx<'_>, tenant: TenantId, upload: &PartUpload) -> Result<UploadId, StoreError> {
    let PartUpload {
        id: _,
        name,
        size,
        sha256,
        signature,
        received,
        artifact: _,
        created_at,
        created_by,
        expires_at,
    } = upload;
    let (id,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO upload (tenant_id, name, size, sha256, signature, received, created_at, created_by, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
        tenant.get(),
        name.as_str(),
        number(*size),
        sha256.as_ref().map(|digest| digest.as_bytes().as_slice()),
        signature.as_deref(),
        number(*received),
        created_at.micros(),
        created_by.as_str(),
        expires_at.micros(),
    )?;
    Ok(UploadId::new(id))
}

/// One upload of a tenant.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &mut Tx<'_>, tenant: TenantId, id: UploadId) -> Result<Option<PartUpload>, StoreError> {
    fetch_optional!(tx, UploadRow, select!("WHERE tenant_id = $1 AND id = $2"), tenant.get(), id.get())?
        .map(UploadRow::read)
        .transpose()
}

/// Uploads of a tenant by number, those after `after`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    after: i64,
    limit: u32,
) -> Result<Vec<PartUpload>, StoreError> {
    fetch_all!(
        tx,
        UploadRow,
        select!("WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3"),
        tenant.get(),
        after,
        i64::from(limit),
    )?
    .into_iter()
    .map(UploadRow::read)
    .collect()
}

/// How many uploads of a tenant are not finished.
///
/// # Errors
/// When the database fails.
pub async fn open(tx: &mut Tx<'_>, tenant: TenantId) -> Result<i64, StoreError> {
    let (count,) = fetch_one!(
        tx,
        (i64,),
        "SELECT COUNT(*) FROM upload WHERE tenant_id = $1 AND artifact_id IS NULL",
        tenant.get(),
    )?;
    Ok(count)
}

/// Notes that bytes are durable. False if it is not there, or others noted more meanwhile.
///
/// # Errors
/// When the database fails.
pub async fn receive(
    tx: &mut Tx<'_>,
    id: UploadId,
    before: u64,
    received: u64,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = execute!(
        tx,
        "UPDATE upload SET received = $1, expires_at = $2 WHERE id = $3 AND received = $4 AND artifact_id IS NULL",
        number(received),
        expires_at.micros(),
        id.get(),
        number(before),
    )?;
    Ok(changed > 0)
}

/// Notes what an upload became. False if it is not there, or became something before.
///
/// # Errors
/// When the database fails.
pub async fn finish(tx: &mut Tx<'_>, id: UploadId, artifact: ArtifactId) -> Result<bool, StoreError> {
    let sql = "UPDATE upload SET artifact_id = $1 WHERE id = $2 AND artifact_id IS NULL";
    Ok(execute!(tx, sql, artifact.get(), id.get())? > 0)
}

/// Forgets an upload. True if it was there.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Tx<'_>, tenant: TenantId, id: UploadId) -> Result<bool, StoreError> {
    Ok(execute!(tx, "DELETE FROM upload WHERE tenant_id = $1 AND id = $2", tenant.get(), id.get())? > 0)
}

/// Forgets uploads whose time is over, of every tenant.
///
/// # Errors
/// When the database fails.
pub async fn expire(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    execute!(tx, "DELETE FROM upload WHERE expires_at <= $1", now.micros())
}

/// Whether an upload, of whatever tenant, still wants its bytes.
///
/// # Errors
/// When the database fails.
pub async fn wants(tx: &mut Tx<'_>, id: UploadId) -> Result<bool, StoreError> {
    let found =
        fetch_optional!(tx, (i64,), "SELECT id FROM upload WHERE id = $1 AND artifact_id IS NULL", id.get())?;
    Ok(found.is_some())
}
