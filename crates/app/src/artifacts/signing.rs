//! What signatures are worth: shown with each artifact, and demanded where devices take signed software only.

use std::collections::BTreeMap;

use windlass_domain::ids::{ArtifactId, Sha256, TenantId};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Component;
use windlass_domain::software::inspection::{Inspection, Standing};
use windlass_domain::time::Timestamp;
use windlass_store::types::{self, DeviceTypeRecord};
use windlass_store::{StoreError, Tx, artifacts};

use super::inspect::trust::{Signer, judge};
use crate::App;
use crate::error::AppError;
use crate::permit::demand;

/// What was found in an artifact, and what its signature is worth here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// What was found.
    pub inspection: Inspection,
    /// To whoever trusts the signers of any device type.
    pub standing: Standing,
}

fn signers(record: &DeviceTypeRecord) -> impl Iterator<Item = Signer> {
    // They were checked when the type was made.
    record.spec.signing.signers.iter().filter_map(|pem| Signer::read(pem).ok())
}

impl App {
    /// What was found in some artifacts, by number. Those from before anybody looked are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn artifact_findings(
        &self,
        by: &Principal,
        ids: Vec<ArtifactId>,
    ) -> Result<BTreeMap<ArtifactId, Findings>, AppError> {
        demand(by, Permission::ArtifactRead)?;
        let (tenant, now) = (by.tenant, self.clock.now());
        let found = self
            .store
            .read(move |tx| {
                let ids = ids.clone();
                Box::pin(async move {
                    let types = types::types(tx, tenant).await?;
                    let trusted: Vec<Signer> = types.iter().flat_map(signers).collect();
                    let mut found = BTreeMap::new();
                    for id in ids {
                        if let Some(inspection) = artifacts::inspection(tx, tenant, id).await? {
                            let standing = judge(&inspection.seal, &trusted, now);
                            found.insert(id, Findings { inspection, standing });
                        }
                    }
                    Ok::<_, StoreError>(found)
                })
            })
            .await?;
        Ok(found)
    }
}

/// Why devices of a type that takes signed software only would not take these components: the place of the component, and a
/// sentence. Nothing where the type takes any.
pub(crate) async fn faults(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    components: &[Component],
    record: &DeviceTypeRecord,
    now: Timestamp,
) -> Result<Vec<(usize, String)>, StoreError> {
    if !record.spec.signing.required {
        return Ok(Vec::new());
    }
    let trusted: Vec<Signer> = signers(record).collect();
    let mut looked = Vec::new();
    for (place, component) in components.iter().enumerate() {
        for artifact in &component.artifacts {
            looked.push((place, component, artifact, artifacts::inspection(tx, tenant, artifact.id).await?));
        }
    }
    // What a trusted description lists, it vouches for.
    let mut vouched: Vec<Sha256> = Vec::new();
    for (_, _, _, inspection) in &looked {
        if let Some(inspection) = inspection
            && judge(&inspection.seal, &trusted, now).fault().is_none()
        {
            vouched.extend(&inspection.listed);
        }
    }
    let mut faults = Vec::new();
    for (place, component, artifact, inspection) in looked {
        let fault = match inspection {
            None => Some("it is from before signatures were looked at; upload it again".to_owned()),
            Some(inspection) if inspection.vouched_by(&vouched) => None,
            Some(inspection) => judge(&inspection.seal, &trusted, now).fault(),
        };
        if let Some(fault) = fault {
            let (name, of, version, by) = (&artifact.name, &component.name, &component.version, &record.name);
            faults.push((
                place,
                format!("devices of type {by} take signed software only; artifact {name} of component {of} {version}: {fault}"),
            ));
        }
    }
    Ok(faults)
}
