//! The bytes of one request, added to an upload: durable from time to time, and an artifact once all of them are there.

use std::sync::Arc;

use windlass_domain::permission::Principal;
use windlass_store::blobs::PartWriter;
use windlass_store::uploads;
use windlass_store::uploads::PartUpload;

use super::{KEPT, Turn, gone};
use crate::App;
use crate::artifacts::{Artifact, Expected, disk};
use crate::error::AppError;

/// Bytes after which what came is made durable, also within one request.
const CHECKPOINT: u64 = 16 * 1024 * 1024;

/// Bytes that are being added to an upload. What is dropped without [`Append::end`] counts up to the last checkpoint.
#[derive(Debug)]
pub struct Append {
    pub(super) app: App,
    pub(super) by: Principal,
    pub(super) upload: PartUpload,
    pub(super) part: PartWriter,
    pub(super) turn: Turn,
}

impl Append {
    /// Adds bytes.
    ///
    /// # Errors
    /// `Invalid` when more come than were announced; nothing of this request since the last checkpoint counts then.
    /// `DiskFull`.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), AppError> {
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let length = self.part.length().saturating_add(more);
        if length > self.upload.size {
            let problem = format!("{} bytes were announced, and more came", self.upload.size);
            return Err(AppError::invalid("size", problem));
        }
        if self.app.disk.is_low() {
            return Err(AppError::DiskFull);
        }
        self.part.write(bytes).await.map_err(disk)?;
        if length - self.upload.received >= CHECKPOINT { self.keep().await } else { Ok(()) }
    }

    /// Makes durable what came and notes it.
    async fn keep(&mut self) -> Result<(), AppError> {
        let received = self.part.sync().await.map_err(disk)?;
        let (id, before) = (self.upload.id, self.upload.received);
        let expires_at = self.app.clock.now().plus(KEPT);
        let noted = self
            .app
            .store
            .write(move |tx| Box::pin(uploads::receive(tx, id, before, received, expires_at)))
            .await?;
        if !noted {
            return Err(gone(id));
        }
        self.upload.received = received;
        self.upload.expires_at = expires_at;
        Ok(())
    }

    /// Ends the request's part. When it was the last one, the whole is checked and becomes an artifact. Call it also when the
    /// connection broke: what came counts.
    ///
    /// # Errors
    /// `Invalid` as [`crate::artifacts::Upload::finish`] says; the upload is given up then.
    pub async fn end(mut self) -> Result<(PartUpload, Option<Artifact>), AppError> {
        self.keep().await?;
        let Self { app, by, mut upload, part, turn } = self;
        drop(part);
        if upload.received < upload.size {
            return Ok((upload, None));
        }
        let written = app.blobs.part_written(upload.id).await.map_err(disk)?;
        // Whoever leaves now has it kept all the same, and nobody else may begin that again.
        let turn = Arc::new(turn);
        let whole = crate::artifacts::Whole {
            name: upload.name.clone(),
            expected: Expected { sha256: upload.sha256, sha1: None, md5: None },
            signature: upload.signature.clone(),
            upload: Some(Arc::clone(&turn)),
        };
        match whole.keep(&app, &by, written).await {
            Ok(artifact) => {
                app.blobs.part_remove(upload.id).await.map_err(disk)?;
                upload.artifact = Some(artifact.id);
                drop(turn);
                Ok((upload, Some(artifact)))
            }
            Err(error @ AppError::Invalid(_)) => {
                app.upload_forget(&by, &upload, "upload.refuse").await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }
}
