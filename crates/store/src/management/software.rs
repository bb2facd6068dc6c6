//! Components and releases that are put together piece by piece, and who needs them.

use windlass_domain::ids::{ArtifactId, ComponentId, ReleaseId, TenantId};

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all, fetch_optional};

/// Puts an artifact at the end of a component.
///
/// # Errors
/// When the database fails.
pub async fn attach_artifact(
    tx: &mut Tx<'_>,
    component: ComponentId,
    artifact: ArtifactId,
) -> Result<(), StoreError> {
    execute!(
        tx,
        "INSERT INTO component_artifact (component_id, position, artifact_id)
         VALUES ($1, (SELECT COALESCE(MAX(position), -1) + 1 FROM component_artifact WHERE component_id = $1), $2)",
        component.get(),
        artifact.get(),
    )?;
    tx.changed(ChangeKind::Component, component.get());
    Ok(())
}

/// Takes an artifact out of a component. True if it was in it.
///
/// # Errors
/// When the database fails.
pub async fn detach_artifact(
    tx: &mut Tx<'_>,
    component: ComponentId,
    artifact: ArtifactId,
) -> Result<bool, StoreError> {
    let gone = execute!(
        tx,
        "DELETE FROM component_artifact WHERE component_id = $1 AND artifact_id = $2",
        component.get(),
        artifact.get(),
    )?;
    tx.changed(ChangeKind::Component, component.get());
    Ok(gone > 0)
}

/// Puts a component at the end of a release.
///
/// # Errors
/// When the database fails.
pub async fn attach_component(
    tx: &mut Tx<'_>,
    release: ReleaseId,
    component: ComponentId,
) -> Result<(), StoreError> {
    execute!(
        tx,
        "INSERT INTO release_component (release_id, position, component_id)
         VALUES ($1, (SELECT COALESCE(MAX(position), -1) + 1 FROM release_component WHERE release_id = $1), $2)",
        release.get(),
        component.get(),
    )?;
    tx.changed(ChangeKind::Release, release.get());
    Ok(())
}

/// Takes a component out of a release. True if it was in it.
///
/// # Errors
/// When the database fails.
pub async fn detach_component(
    tx: &mut Tx<'_>,
    release: ReleaseId,
    component: ComponentId,
) -> Result<bool, StoreError> {
    let gone = execute!(
        tx,
        "DELETE FROM release_component WHERE release_id = $1 AND component_id = $2",
        release.get(),
        component.get(),
    )?;
    tx.changed(ChangeKind::Release, release.get());
    Ok(gone > 0)
}

/// Releases that have the component.
///
/// # Errors
/// When the database fails.
pub async fn releases_with(tx: &mut Tx<'_>, component: ComponentId) -> Result<Vec<ReleaseId>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT release_id FROM release_component WHERE component_id = $1 ORDER BY release_id",
        component.get(),
    )?;
    Ok(rows.into_iter().map(|(id,)| ReleaseId::new(id)).collect())
}

/// Whether any job, open or over, installs or installed the release.
///
/// # Errors
/// When the database fails.
pub async fn was_assigned(tx: &mut Tx<'_>, release: ReleaseId) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM job WHERE release_id = $1
         UNION ALL SELECT job_id FROM job_remnant WHERE release_id = $1
         UNION ALL SELECT device_id FROM past_update WHERE release_id = $1 LIMIT 1";
    Ok(fetch_optional!(tx, (i64,), sql, release.get())?.is_some())
}

/// How many components of these types there are.
///
/// # Errors
/// When the database fails.
pub async fn is_type_used(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    component_type: &str,
) -> Result<bool, StoreError> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "SELECT id FROM component WHERE tenant_id = $1 AND type = $2 LIMIT 1",
        tenant.get(),
        component_type,
    )?;
    Ok(row.is_some())
}
