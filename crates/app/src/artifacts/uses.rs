//! Which components and releases need artifacts.

use std::collections::BTreeMap;

use windlass_domain::ids::ArtifactId;
use windlass_domain::permission::{Permission, Principal, allows};
use windlass_store::StoreError;
use windlass_store::artifacts::{ArtifactUse, uses};

use crate::permit::demand;
use crate::{App, AppError};

/// Most components and releases that are told of one artifact.
const TOLD: usize = 20;

/// What an artifact is part of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArtifactUses {
    /// Name, version and type of its components, each once.
    pub components: Vec<(String, String, String)>,
    /// Name and version of the releases of those, each once.
    pub releases: Vec<(String, String)>,
    /// Whether there are more than are told.
    pub more: bool,
}

/// Tells each component and each release once.
fn told(rows: Vec<ArtifactUse>) -> ArtifactUses {
    let mut uses = ArtifactUses { more: rows.len() > TOLD, ..ArtifactUses::default() };
    for row in rows.into_iter().take(TOLD) {
        let ArtifactUse { component, component_version, component_type, release, release_version } = row;
        let component = (component, component_version, component_type);
        if !uses.components.contains(&component) {
            uses.components.push(component);
        }
        let release = release.zip(release_version);
        uses.releases.extend(release.filter(|one| !uses.releases.contains(one)));
    }
    uses
}

impl App {
    /// What some artifacts are part of, by number; of none for whoever may not see releases.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn artifact_uses(
        &self,
        by: &Principal,
        ids: Vec<ArtifactId>,
    ) -> Result<BTreeMap<ArtifactId, ArtifactUses>, AppError> {
        demand(by, Permission::ArtifactRead)?;
        if !allows(by, Permission::ReleaseRead) {
            return Ok(BTreeMap::new());
        }
        let tenant = by.tenant;
        let most = u32::try_from(TOLD + 1).unwrap_or(u32::MAX);
        let found = self.store.read(move |tx| {
            let ids = ids.clone();
            Box::pin(async move {
                let mut found = BTreeMap::new();
                for id in ids {
                    found.insert(id, told(uses(tx, tenant, id, most).await?));
                }
                Ok::<_, StoreError>(found)
            })
        });
        Ok(found.await?)
    }
}
