//! The document that a device gets for its part of a job (`contracts`: the update job document). Built at each delivery,
//! so that its links are fresh; everything else is stable.

use serde_json::{Map, Value, json};
use windlass_domain::ids::DeviceId;
use windlass_domain::job::{Execution, Handling, Job, What, WindowState};
use windlass_domain::software::{Artifact, Component, Release};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, releases};

use super::judge;
use crate::links::Links;

/// How links are made for one delivery.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery<'a> {
    pub(super) links: &'a Links,
    pub(super) base: &'a str,
    pub(super) now: Timestamp,
}

/// What an update's document says beside the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Terms {
    download_only: bool,
    /// When the maintenance window in which it is handed out opened and closes.
    window: Option<(Timestamp, Timestamp)>,
}

impl Terms {
    /// As long as they get.
    pub(super) fn longest() -> Self {
        let far = Timestamp::from_seconds(i64::from(u32::MAX));
        Self { download_only: true, window: Some((far, far)) }
    }
}

async fn terms(tx: &mut Tx<'_>, job: &Job, device: DeviceId, now: Timestamp) -> Result<Terms, StoreError> {
    let policy = &job.spec.rollout;
    let state = match &policy.window {
        Some(window) => Some(window.state(judge::time_zone(tx, job, device).await?.as_deref(), now)),
        None => None,
    };
    Ok(Terms {
        download_only: policy.handling == Handling::DownloadOnly,
        window: match state {
            Some(WindowState::Open { since, until }) => Some((since, until)),
            Some(WindowState::Closed { opens, until }) => Some((opens, until)),
            Some(WindowState::NoneLeft) | None => None,
        },
    })
}

/// The document of a job for one execution.
pub(super) async fn document(
    tx: &mut Tx<'_>,
    job: &Job,
    execution: &Execution,
    delivery: Delivery<'_>,
) -> Result<Map<String, Value>, StoreError> {
    match &job.spec.what {
        What::Document(text) => {
            serde_json::from_str(text).map_err(|e| StoreError::corrupt("job document", e))
        }
        What::Command(command) => Ok(command.document(job.expires_at())),
        What::Update { release, force } => {
            let release = releases::release_by_id(tx, job.tenant, *release).await?;
            let link = |artifact: &Artifact| {
                delivery.links.mint(delivery.base, execution.id, artifact, delivery.now)
            };
            let terms = terms(tx, job, execution.device, delivery.now).await?;
            Ok(release.map(|release| update(&release, *force, &terms, link)).unwrap_or_default())
        }
    }
}

/// The document of an update.
pub(super) fn update(
    release: &Release,
    force: bool,
    terms: &Terms,
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
    if terms.download_only {
        document.insert("downloadOnly".to_owned(), true.into());
    }
    if let Some((opens, closes)) = terms.window {
        let window = json!({ "opens": opens.seconds(), "closes": closes.seconds() });
        document.insert("window".to_owned(), window);
    }
    document
}
