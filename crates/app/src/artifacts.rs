//! Artifacts: immutable files that devices download. Streamed in, addressed by SHA-256, kept while anything refers to
//! them.
//!
//! An upload is nothing until [`Upload::finish`] has made the blob durable and stored its row; one that is cut leaves
//! nothing. Knows neither HTTP nor who may download what; see [`crate::links`].

use windlass_domain::ids::{ArtifactId, Sha256};
use windlass_domain::permission::Principal;
pub use windlass_domain::software::Artifact;

use crate::App;
use crate::error::AppError;

/// What an upload says of itself before the bytes come.
#[derive(Debug, Clone)]
pub struct NewArtifact {
    /// The file's name as devices see it.
    pub name: String,
    /// The digest that the bytes must have, if the sender knows it.
    pub sha256: Option<Sha256>,
    /// How many bytes will come, if the sender says.
    pub size: Option<u64>,
    /// Handed to devices with the file.
    pub signature: Option<String>,
}

/// An upload under way. Dropping it discards what came.
#[derive(Debug)]
pub struct Upload {
    app: App,
}

impl App {
    /// Starts an upload: `let mut upload = app.artifact_upload(…)?; upload.write(chunk).await?; upload.finish().await?`.
    ///
    /// # Errors
    /// The name cannot be used, the size is over the limit, or the disk is almost full.
    pub async fn artifact_upload(&self, by: &Principal, new: NewArtifact) -> Result<Upload, AppError> {
        unimplemented!("artifact_upload")
    }

    /// Artifacts by number, from the one after `after` on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn artifact_list(
        &self,
        by: &Principal,
        after: Option<ArtifactId>,
        limit: u32,
    ) -> Result<Vec<Artifact>, AppError> {
        unimplemented!("artifact_list")
    }

    /// One artifact.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn artifact_get(&self, by: &Principal, id: ArtifactId) -> Result<Artifact, AppError> {
        unimplemented!("artifact_get")
    }

    /// Deletes an artifact; its blob goes too when nothing else has the same bytes.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `artifact.in_use` while a component uses it.
    pub async fn artifact_delete(&self, by: &Principal, id: ArtifactId) -> Result<(), AppError> {
        unimplemented!("artifact_delete")
    }
}

impl Upload {
    /// Adds bytes.
    ///
    /// # Errors
    /// Over the size limit, or the disk is (almost) full. The upload is lost then.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), AppError> {
        unimplemented!("write")
    }

    /// Makes the artifact durable and known.
    ///
    /// # Errors
    /// `Invalid` with field `sha256` when the bytes have another digest, or `size` when another number came.
    pub async fn finish(self) -> Result<Artifact, AppError> {
        unimplemented!("finish")
    }
}
