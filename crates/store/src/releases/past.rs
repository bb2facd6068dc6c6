//! What releases are called, also once they are deleted: whatever installed one tells what it was for as long as it is
//! kept itself, be it a job or a device. Knows neither components nor files; those of a deleted release are gone.

use windlass_domain::ids::{JobId, ReleaseId, TenantId};

use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_one, fetch_optional};

/// A release as people call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseLabel {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether it is deleted: nothing can be installed from it any more.
    pub deleted: bool,
}

/// What a release is called; a deleted one while a job or a device tells of it.
///
/// # Errors
/// When the database fails.
pub async fn release_label(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: ReleaseId,
) -> Result<Option<ReleaseLabel>, StoreError> {
    let there = fetch_optional!(
        tx,
        (String, String),
        "SELECT name, version FROM software_release WHERE tenant_id = $1 AND id = $2",
        tenant.get(),
        id.get()
    )?;
    if let Some((name, version)) = there {
        return Ok(Some(ReleaseLabel { name, version, deleted: false }));
    }
    let past = fetch_optional!(
        tx,
        (String, String),
        "SELECT name, version FROM past_release WHERE tenant_id = $1 AND id = $2",
        tenant.get(),
        id.get()
    )?;
    Ok(past.map(|(name, version)| ReleaseLabel { name, version, deleted: true }))
}

/// Name and version of a release, without its components; of a deleted one while a job or a device
/// tells of it.
///
/// # Errors
/// When the database fails.
pub async fn release_name(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: ReleaseId,
) -> Result<Option<(String, String)>, StoreError> {
    let label = release_label(tx, tenant, id).await?;
    Ok(label.map(|ReleaseLabel { name, version, deleted: _ }| (name, version)))
}

/// How many jobs install or installed a release.
///
/// # Errors
/// When the database fails.
pub async fn release_jobs(tx: &mut Tx<'_>, id: ReleaseId) -> Result<u64, StoreError> {
    let (count,) = fetch_one!(tx, (i64,), "SELECT COUNT(*) FROM job WHERE release_id = $1", id.get())?;
    u64::try_from(count).map_err(|e| StoreError::corrupt("count of jobs", e))
}

/// Keeps what a release is called that is about to be deleted, if a job or a device tells of it.
pub(super) async fn keep(tx: &mut Tx<'_>, id: ReleaseId) -> Result<(), StoreError> {
    execute!(
        tx,
        "INSERT INTO past_release (id, tenant_id, name, version, words)
         SELECT r.id, r.tenant_id, r.name, r.version, r.words FROM software_release r
         WHERE r.id = $1 AND (EXISTS (SELECT 1 FROM job WHERE release_id = $1)
           OR EXISTS (SELECT 1 FROM job_remnant WHERE release_id = $1)
           OR EXISTS (SELECT 1 FROM past_update WHERE release_id = $1))",
        id.get()
    )?;
    Ok(())
}

/// Forgets a deleted release of which neither a job nor a device tells any more.
pub(crate) async fn forget_untold(tx: &mut Tx<'_>, id: ReleaseId) -> Result<(), StoreError> {
    execute!(
        tx,
        "DELETE FROM past_release WHERE id = $1
           AND NOT EXISTS (SELECT 1 FROM job WHERE release_id = past_release.id)
           AND NOT EXISTS (SELECT 1 FROM job_remnant WHERE release_id = past_release.id)
           AND NOT EXISTS (SELECT 1 FROM past_update WHERE release_id = past_release.id)",
        id.get()
    )?;
    Ok(())
}

/// Forgets the deleted release that a deleted job installed, if no other job and no device tells of it. The last of that job
/// is about to be cleared away.
pub(crate) async fn forget(tx: &mut Tx<'_>, job: JobId) -> Result<(), StoreError> {
    execute!(
        tx,
        "DELETE FROM past_release WHERE id = (SELECT release_id FROM job_remnant WHERE job_id = $1)
           AND NOT EXISTS (SELECT 1 FROM job WHERE release_id = past_release.id)
           AND NOT EXISTS (SELECT 1 FROM job_remnant WHERE release_id = past_release.id AND job_id <> $1)
           AND NOT EXISTS (SELECT 1 FROM past_update WHERE release_id = past_release.id)",
        job.get()
    )?;
    Ok(())
}
