//! What an artifact is part of.

use windlass_domain::ids::{ArtifactId, TenantId};

use crate::error::StoreError;
use crate::tx::{Tx, fetch_all};

/// A component that has an artifact, with one release that has the component, if any has.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ArtifactUse {
    /// The component's name.
    pub component: String,
    /// Its version.
    pub component_version: String,
    /// Its type.
    pub component_type: String,
    /// The release's name.
    pub release: Option<String>,
    /// Its version.
    pub release_version: Option<String>,
}

/// The components that have an artifact, and their releases, in the order they were made.
///
/// # Errors
/// When the database fails.
pub async fn uses(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: ArtifactId,
    limit: u32,
) -> Result<Vec<ArtifactUse>, StoreError> {
    fetch_all!(
        tx,
        ArtifactUse,
        "SELECT c.name AS component, c.version AS component_version, c.type AS component_type,
           r.name AS release, r.version AS release_version
         FROM component_artifact a
         JOIN component c ON c.id = a.component_id AND c.tenant_id = $1
         LEFT JOIN release_component p ON p.component_id = c.id
         LEFT JOIN software_release r ON r.id = p.release_id
         WHERE a.artifact_id = $2 ORDER BY r.id, c.id LIMIT $3",
        tenant.get(),
        id.get(),
        i64::from(limit),
    )
}
