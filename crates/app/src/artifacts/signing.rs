//! What signatures are worth: shown with each artifact, and demanded where devices take signed software only.

use std::collections::BTreeMap;

use windlass_domain::ids::{ArtifactId, Sha256, TenantId, TypeName};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Component;
use windlass_domain::software::inspection::{Inspection, Standing};
use windlass_domain::software::terms::ArtifactTerms;
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
    /// To whoever trusts the signers of the tenant or of any device type.
    pub standing: Standing,
    /// Whose rule a valid signature satisfies.
    pub trusted_by: TrustedBy,
}

/// By whose rule a signature is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustedBy {
    /// The signers of the whole tenant.
    pub tenant: bool,
    /// Device types with signers of their own.
    pub types: Vec<TypeName>,
}

/// Those whose signatures count; they were checked when they were named.
fn read(signers: &[String]) -> Vec<Signer> {
    signers.iter().filter_map(|pem| Signer::read(pem).ok()).collect()
}

/// Everybody whose signature counts for something in a tenant.
struct Trusted {
    tenant: Vec<Signer>,
    /// Types by the signers that they share.
    types: Vec<(Vec<Signer>, Vec<TypeName>)>,
}

impl Trusted {
    async fn of(tx: &mut Tx<'_>, tenant: TenantId) -> Result<Self, StoreError> {
        let terms = artifacts::terms(tx, tenant).await?.terms;
        let mut by_signers: BTreeMap<Vec<String>, Vec<TypeName>> = BTreeMap::new();
        for record in types::types(tx, tenant).await? {
            if !record.spec.signing.signers.is_empty() {
                by_signers.entry(record.spec.signing.signers).or_default().push(record.name);
            }
        }
        let types = by_signers.into_iter().map(|(signers, names)| (read(&signers), names)).collect();
        Ok(Self { tenant: read(&terms.signing.signers), types })
    }

    fn judge(&self, inspection: Inspection, now: Timestamp) -> Findings {
        let everybody: Vec<Signer> =
            self.tenant.iter().chain(self.types.iter().flat_map(|(signers, _)| signers)).cloned().collect();
        let standing = judge(&inspection.seal, &everybody, now);
        let mut trusted_by = TrustedBy::default();
        if standing.fault().is_none() {
            let by = |signers: &[Signer]| judge(&inspection.seal, signers, now).fault().is_none();
            trusted_by.tenant = by(&self.tenant);
            let those = self.types.iter().filter(|(signers, _)| by(signers));
            trusted_by.types = those.flat_map(|(_, names)| names.clone()).collect();
            trusted_by.types.sort();
        }
        Findings { inspection, standing, trusted_by }
    }
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
                    let trusted = Trusted::of(tx, tenant).await?;
                    let mut found = BTreeMap::new();
                    for id in ids {
                        if let Some(inspection) = artifacts::inspection(tx, tenant, id).await? {
                            found.insert(id, trusted.judge(inspection, now));
                        }
                    }
                    Ok::<_, StoreError>(found)
                })
            })
            .await?;
        Ok(found)
    }
}

/// Why devices of a type, or those without one, would not take these components: the place of the component, and a sentence.
/// Nothing where neither type nor tenant demands a signature. `terms` are the tenant's.
pub(crate) async fn faults(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    terms: &ArtifactTerms,
    components: &[Component],
    record: Option<&DeviceTypeRecord>,
    now: Timestamp,
) -> Result<Vec<(usize, String)>, StoreError> {
    let Some(demanded) = terms.demand(record.map(|record| &record.spec.signing)) else {
        return Ok(Vec::new());
    };
    let trusted = read(demanded.signers);
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
    let devices = record.map_or_else(
        || "devices without a type".to_owned(),
        |record| format!("devices of type {}", record.name),
    );
    let mut faults = Vec::new();
    for (place, component, artifact, inspection) in looked {
        let fault = match inspection {
            None => Some("it is from before signatures were looked at; upload it again".to_owned()),
            Some(inspection) if inspection.vouched_by(&vouched) => None,
            Some(inspection) => judge(&inspection.seal, &trusted, now).fault(),
        };
        if let Some(fault) = fault {
            let (name, of, version, rule) =
                (&artifact.name, &component.name, &component.version, demanded.rule);
            faults.push((
                place,
                format!("{devices} take {rule}; artifact {name} of component {of} {version}: {fault}"),
            ));
        }
    }
    Ok(faults)
}
