//! The document that a device gets for its part of a job (`contracts`: the update job document). Built at each delivery,
//! so that its links are fresh; everything else is stable.

use serde_json::{Map, Value, json};
use windlass_domain::ids::ExecutionId;
use windlass_domain::job::{Job, What};
use windlass_domain::software::{Artifact, Component, Release};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, releases};

use crate::links::Links;

/// How links are made for one delivery.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery<'a> {
    pub(super) links: &'a Links,
    pub(super) base: &'a str,
    pub(super) now: Timestamp,
}

/// The document of a job for one execution.
pub(super) async fn document(
    tx: &mut Tx<'_>,
    job: &Job,
    execution: ExecutionId,
    delivery: Delivery<'_>,
) -> Result<Map<String, Value>, StoreError> {
    match &job.spec.what {
        What::Document(text) => {
            serde_json::from_str(text).map_err(|e| StoreError::corrupt("job document", e))
        }
        What::Command(command) => Ok(command.document(job.expires_at())),
        What::Update { release, force } => {
            let release = releases::release_by_id(tx, job.tenant, *release).await?;
            let link =
                |artifact: &Artifact| delivery.links.mint(delivery.base, execution, artifact, delivery.now);
            Ok(release.map(|release| update(&release, *force, link)).unwrap_or_default())
        }
    }
}

/// The document of an update.
pub(super) fn update(
    release: &Release,
    force: bool,
    link: impl Fn(&Artifact) -> String,
) -> Map<String, Value> {
    let file = |artifact: &Artifact| {
        let mut file = json!({
            "name": artifact.name.as_str(),
            "size": artifact.size,
            "sha256": artifact.sha256.to_string(),
            "url": link(artifact),
        });
        if let (Some(signature), Some(file)) = (&artifact.signature, file.as_object_mut()) {
            file.insert("signature".to_owned(), signature.as_str().into());
        }
        file
    };
    let component = |component: &Component| {
        json!({
            "name": component.name.as_str(),
            "version": component.version.as_str(),
            "type": component.component_type.as_str(),
            "artifacts": component.artifacts.iter().map(file).collect::<Vec<_>>(),
        })
    };
    let mut document = Map::new();
    document.insert("operation".to_owned(), "update".into());
    let named = json!({ "name": release.name.as_str(), "version": release.version.as_str() });
    document.insert("release".to_owned(), named);
    document.insert("components".to_owned(), release.components.iter().map(component).collect());
    if force {
        document.insert("force".to_owned(), true.into());
    }
    document
}
