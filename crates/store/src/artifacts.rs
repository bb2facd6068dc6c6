//! Artifacts: rows that name blobs. Several rows may name the same bytes.

mod inspection;
mod terms;
#[cfg(test)]
mod tests;
mod uses;

use windlass_domain::ids::{ArtifactId, ComponentId, Md5, Sha1, Sha256, TenantId};
use windlass_domain::software::{Artifact, Sums};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

pub use inspection::{inspection, keep_inspection};
pub use terms::{TermsRecord, put_terms, terms};
pub use uses::{ArtifactUse, uses};

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct ArtifactRow {
    id: i64,
    name: String,
    sha256: Vec<u8>,
    sha1: Option<Vec<u8>>,
    md5: Option<Vec<u8>>,
    size: i64,
    signature: Option<String>,
    created_at: i64,
    created_by: String,
}

impl ArtifactRow {
    pub(crate) fn read(self) -> Result<Artifact, StoreError> {
        let Self { id, name, sha256, sha1, md5, size, signature, created_at, created_by } = self;
        let sums = match (sha1, md5) {
            (Some(sha1), Some(md5)) => Some(Sums {
                sha1: Sha1::try_from(sha1.as_slice()).map_err(|e| StoreError::corrupt("artifact.sha1", e))?,
                md5: Md5::try_from(md5.as_slice()).map_err(|e| StoreError::corrupt("artifact.md5", e))?,
            }),
            (None, _) | (_, None) => None,
        };
        Ok(Artifact {
            id: ArtifactId::new(id),
            name: name.parse().map_err(|e| StoreError::corrupt("artifact.name", e))?,
            sha256: Sha256::try_from(sha256.as_slice())
                .map_err(|e| StoreError::corrupt("artifact.sha256", e))?,
            sums,
            size: u64::try_from(size).map_err(|e| StoreError::corrupt("artifact.size", e))?,
            signature,
            created_at: Timestamp::from_micros(created_at),
            created_by,
        })
    }
}

/// Stores an artifact; the number in it is ignored, the one it got is returned.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    artifact: &Artifact,
) -> Result<ArtifactId, StoreError> {
    let Artifact { id: _, name, sha256, sums, size, signature, created_at, created_by } = artifact;
    let (id,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO artifact (tenant_id, name, sha256, sha1, md5, size, signature, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
        tenant.get(),
        name.as_str(),
        sha256.as_bytes().as_slice(),
        sums.as_ref().map(|sums| sums.sha1.as_bytes().as_slice()),
        sums.as_ref().map(|sums| sums.md5.as_bytes().as_slice()),
        i64::try_from(*size).unwrap_or(i64::MAX),
        signature.as_deref(),
        created_at.micros(),
        created_by.as_str(),
    )?;
    tx.changed(ChangeKind::Artifact, id);
    Ok(ArtifactId::new(id))
}

/// One artifact of a tenant.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &mut Tx<'_>, tenant: TenantId, id: ArtifactId) -> Result<Option<Artifact>, StoreError> {
    fetch_optional!(
        tx,
        ArtifactRow,
        "SELECT id, name, sha256, sha1, md5, size, signature, created_at, created_by
         FROM artifact WHERE tenant_id = $1 AND id = $2",
        tenant.get(),
        id.get(),
    )?
    .map(ArtifactRow::read)
    .transpose()
}

/// Artifacts of a tenant by number, those after `after`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    after: i64,
    limit: u32,
) -> Result<Vec<Artifact>, StoreError> {
    fetch_all!(
        tx,
        ArtifactRow,
        "SELECT id, name, sha256, sha1, md5, size, signature, created_at, created_by
         FROM artifact WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        tenant.get(),
        after,
        i64::from(limit),
    )?
    .into_iter()
    .map(ArtifactRow::read)
    .collect()
}

/// Bytes of all artifacts of a tenant, each counted though others have the same bytes, with those that its unfinished uploads
/// in parts announced.
///
/// # Errors
/// When the database fails.
pub async fn bytes(tx: &mut Tx<'_>, tenant: TenantId) -> Result<u64, StoreError> {
    let (stored, announced) = fetch_one!(
        tx,
        (i64, i64),
        "SELECT (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM artifact WHERE tenant_id = $1),
                (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM upload
                 WHERE tenant_id = $1 AND artifact_id IS NULL)",
        tenant.get(),
    )?;
    u64::try_from(stored.saturating_add(announced)).map_err(|e| StoreError::corrupt("artifact.size", e))
}

/// Keeps the digests of every artifact, of whatever tenant, that has these bytes. No entry in the change feed: nobody holds
/// what they were not told of.
///
/// # Errors
/// When the database fails.
pub async fn keep_sums(tx: &mut Tx<'_>, sha256: &Sha256, sums: &Sums) -> Result<(), StoreError> {
    let Sums { sha1, md5 } = sums;
    execute!(
        tx,
        "UPDATE artifact SET sha1 = $1, md5 = $2 WHERE sha256 = $3",
        sha1.as_bytes().as_slice(),
        md5.as_bytes().as_slice(),
        sha256.as_bytes().as_slice(),
    )?;
    Ok(())
}

/// Number, name and version of one component that has the artifact, if any has.
///
/// # Errors
/// When the database fails.
pub async fn used_by(
    tx: &mut Tx<'_>,
    id: ArtifactId,
) -> Result<Option<(ComponentId, String, String)>, StoreError> {
    let row = fetch_optional!(
        tx,
        (i64, String, String),
        "SELECT c.id, c.name, c.version FROM component_artifact a JOIN component c ON c.id = a.component_id
         WHERE a.artifact_id = $1 LIMIT 1",
        id.get(),
    )?;
    Ok(row.map(|(id, name, version)| (ComponentId::new(id), name, version)))
}

/// Deletes an artifact. True if it was there.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Tx<'_>, tenant: TenantId, id: ArtifactId) -> Result<bool, StoreError> {
    let gone = execute!(tx, "DELETE FROM artifact WHERE tenant_id = $1 AND id = $2", tenant.get(), id.get())?;
    tx.changed(ChangeKind::Artifact, id.get());
    Ok(gone > 0)
}

/// Whether any artifact, of whatever tenant, has these bytes: their blob must stay then.
///
/// # Errors
/// When the database fails.
pub async fn refers_to(tx: &mut Tx<'_>, sha256: &Sha256) -> Result<bool, StoreError> {
    let found = fetch_optional!(
        tx,
        (i64,),
        "SELECT id FROM artifact WHERE sha256 = $1 LIMIT 1",
        sha256.as_bytes().as_slice(),
    )?;
    Ok(found.is_some())
}

/// The secret of an artifact's lasting link, if it has one.
///
/// # Errors
/// When the database fails.
pub async fn link(tx: &mut Tx<'_>, tenant: TenantId, id: ArtifactId) -> Result<Option<Vec<u8>>, StoreError> {
    let row = fetch_optional!(
        tx,
        (Option<Vec<u8>>,),
        "SELECT link FROM artifact WHERE tenant_id = $1 AND id = $2",
        tenant.get(),
        id.get(),
    )?;
    Ok(row.and_then(|(secret,)| secret))
}

/// Gives an artifact the secret of a lasting link, or takes it away.
///
/// # Errors
/// When the database fails.
pub async fn set_link(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: ArtifactId,
    secret: Option<&[u8]>,
) -> Result<(), StoreError> {
    execute!(
        tx,
        "UPDATE artifact SET link = $1 WHERE tenant_id = $2 AND id = $3",
        secret,
        tenant.get(),
        id.get(),
    )?;
    Ok(())
}

/// The artifact that a lasting link opens, of whatever tenant: whoever has the secret may have the bytes.
///
/// # Errors
/// When the database fails.
pub async fn by_link(tx: &mut Tx<'_>, secret: &[u8]) -> Result<Option<Artifact>, StoreError> {
    fetch_optional!(
        tx,
        ArtifactRow,
        "SELECT id, name, sha256, sha1, md5, size, signature, created_at, created_by FROM artifact WHERE link = $1",
        secret,
    )?
    .map(ArtifactRow::read)
    .transpose()
}
