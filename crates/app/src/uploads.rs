//! Uploads in parts: announced once, sent in as many requests as it takes, over cut connections and restarts, and checked as
//! a whole when the last byte is there.
//!
//! What is acknowledged is durable. One request at a time adds to an upload; others are told where it stands.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use windlass_domain::ids::{FileName, Sha256, UploadId};
use windlass_domain::permission::{Permission, Principal};
use windlass_store::uploads;
pub use windlass_store::uploads::PartUpload;

use crate::artifacts::terms::Room;
use crate::artifacts::{NewArtifact, check, disk};
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;
use crate::{App, audit};

mod append;

pub use append::Append;

/// How long an upload waits for its next byte.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);

/// An upload to announce.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// The name that the artifact will have.
    pub name: String,
    /// How many bytes will come.
    pub size: u64,
    /// The digest that they must have, if the sender knows it.
    pub sha256: Option<Sha256>,
    /// Handed to devices with the artifact.
    pub signature: Option<String>,
}

/// Uploads that a request adds to just now.
#[derive(Debug, Default)]
pub(crate) struct Busy(Mutex<BTreeSet<UploadId>>);

impl Busy {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<UploadId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one place from which an upload is added to.
#[derive(Debug)]
pub(crate) struct Turn {
    app: App,
    id: UploadId,
}

impl Turn {
    /// Of which upload.
    pub(crate) const fn id(&self) -> UploadId {
        self.id
    }

    fn take(app: &App, id: UploadId) -> Option<Self> {
        app.uploads_busy.lock().insert(id).then(|| Self { app: app.clone(), id })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.app.uploads_busy.lock().remove(&self.id);
    }
}

fn busy(upload: &PartUpload) -> AppError {
    AppError::Conflict {
        code: "upload.busy",
        detail: format!(
            "another request adds to upload {} just now; it stands at byte {}",
            upload.id, upload.received
        ),
    }
}

fn elsewhere(upload: &PartUpload) -> AppError {
    let PartUpload { id, received, size, .. } = upload;
    AppError::Conflict {
        code: "upload.offset",
        detail: format!("upload {id} stands at byte {received} of {size}; go on from there"),
    }
}

/// An upload became an artifact, or was given up meanwhile.
pub(crate) fn finished(id: UploadId) -> AppError {
    AppError::Conflict { code: "upload.finished", detail: format!("upload {id} is an artifact already") }
}

fn gone(id: UploadId) -> AppError {
    AppError::not_found("upload", id)
}

impl App {
    /// Announces an upload.
    ///
    /// # Errors
    /// `Invalid` naming every field, `TooLarge`, `DiskFull`, `Quota` `upload.open` while too many wait, or `Conflict`
    /// `artifact.quota` when it does not fit into what all artifacts may have.
    pub async fn upload_create(&self, by: &Principal, new: NewUpload) -> Result<PartUpload, AppError> {
        demand(by, Permission::ArtifactWrite)?;
        let NewUpload { name, size, sha256, signature } = new;
        let announced = NewArtifact { name, sha256, size: Some(size), signature, ..NewArtifact::default() };
        let name: FileName = check(self, &announced)?;
        if size == 0 {
            return Err(AppError::invalid("size", "at least 1 byte"));
        }
        let (by, now, most) = (by.clone(), self.clock.now(), self.limits.uploads_open);
        let upload = PartUpload {
            id: UploadId::new(0),
            name,
            size,
            sha256,
            signature: announced.signature,
            received: 0,
            artifact: None,
            created_at: now,
            created_by: by.actor.to_string(),
            expires_at: now.plus(KEPT),
        };
        let (row, allowed) = (upload.clone(), self.limits.artifacts_total);
        let id = self
            .store
            .write(move |tx| {
                let (by, row) = (by.clone(), row.clone());
                Box::pin(async move {
                    if uploads::open(tx, by.tenant).await? >= i64::from(most) {
                        return Err(AppError::Quota {
                            code: "upload.open",
                            detail: format!(
                                "{most} uploads wait for their bytes; finish or delete one of them"
                            ),
                        });
                    }
                    Room::of(tx, by.tenant, allowed).await?.fits(row.size)?;
                    let id = uploads::insert(tx, by.tenant, &row).await?;
                    let details = json!({ "name": row.name.as_str(), "size": row.size });
                    audit::record(tx, &by, "upload.create", &format!("upload/{id}"), details, now).await?;
                    Ok(id)
                })
            })
            .await?;
        Ok(PartUpload { id, ..upload })
    }

    /// One upload and where it stands.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn upload_get(&self, by: &Principal, id: UploadId) -> Result<PartUpload, AppError> {
        demand(by, Permission::ArtifactWrite)?;
        let (tenant, now) = (by.tenant, self.clock.now());
        let found = self.store.read(move |tx| Box::pin(uploads::get(tx, tenant, id))).await?;
        found.filter(|upload| upload.expires_at > now).ok_or_else(|| gone(id))
    }

    /// Uploads by number, from the one after `after` on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn upload_list(
        &self,
        by: &Principal,
        after: Option<UploadId>,
        limit: u32,
    ) -> Result<Vec<PartUpload>, AppError> {
        demand(by, Permission::ArtifactWrite)?;
        let (tenant, after) = (by.tenant, after.map_or(0, UploadId::get));
        Ok(self.store.read(move |tx| Box::pin(uploads::list(tx, tenant, after, limit))).await?)
    }

    /// Gives an upload up; what came of it goes.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` while a request adds to it.
    pub async fn upload_delete(&self, by: &Principal, id: UploadId) -> Result<(), AppError> {
        let upload = self.upload_get(by, id).await?;
        let _turn = Turn::take(self, id).ok_or_else(|| busy(&upload))?;
        self.upload_forget(by, &upload, "upload.delete").await
    }

    async fn upload_forget(
        &self,
        by: &Principal,
        upload: &PartUpload,
        action: &'static str,
    ) -> Result<(), AppError> {
        let (by, id, now, name) = (by.clone(), upload.id, self.clock.now(), upload.name.clone());
        self.store
            .write(move |tx| {
                let (by, name) = (by.clone(), name.clone());
                Box::pin(async move {
                    if uploads::delete(tx, by.tenant, id).await? {
                        let details = json!({ "name": name.as_str() });
                        audit::record(tx, &by, action, &format!("upload/{id}"), details, now).await?;
                    }
                    Ok::<_, AppError>(())
                })
            })
            .await?;
        self.blobs.part_remove(id).await.map_err(disk)
    }

    /// Goes on with an upload at `offset`: `let mut append = app.upload_append(…)?; append.write(chunk).await?;
    /// append.end().await?`.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `upload.offset` when it stands elsewhere, `upload.busy` while another request adds to it;
    /// `DiskFull`.
    pub async fn upload_append(&self, by: &Principal, id: UploadId, offset: u64) -> Result<Append, AppError> {
        let seen = self.upload_get(by, id).await?;
        let turn = Turn::take(self, id).ok_or_else(|| busy(&seen))?;
        // Whoever had the turn before may have moved on meanwhile.
        let upload = self.upload_get(by, id).await?;
        if upload.received != offset {
            return Err(elsewhere(&upload));
        }
        if upload.artifact.is_some() {
            return Err(finished(id));
        }
        if self.disk.is_low() {
            return Err(AppError::DiskFull);
        }
        match self.blobs.part(id, offset).await {
            Ok(part) => Ok(Append { app: self.clone(), by: by.clone(), upload, part, turn }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.leases.is_shared() => {
                Err(AppError::Conflict {
                    code: "upload.elsewhere",
                    detail: format!(
                        "the bytes of upload {id} are not at this node: send the rest to the one that has them, or make a \
                         new upload if there is no other node"
                    ),
                })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Its bytes are not on this disk: a restored backup has none.
                self.upload_forget(by, &upload, "upload.lost").await?;
                Err(gone(id))
            }
            Err(error) => Err(disk(error)),
        }
    }

    /// Forgets uploads whose time is over, of every node. Their files: [`App::parts_sweep`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn uploads_expire(&self) -> Result<(), AppError> {
        let now = self.clock.now();
        self.store.write(move |tx| Box::pin(uploads::expire(tx, now))).await?;
        Ok(())
    }

    /// Removes files of this node that no upload wants any more: it is over, or was given up, here or at another node.
    ///
    /// # Errors
    /// When the store or the disk fails.
    pub async fn parts_sweep(&self) -> Result<(), AppError> {
        for id in self.blobs.parts().await.map_err(disk)? {
            let Some(_turn) = Turn::take(self, id) else { continue };
            let wanted = self.store.read(move |tx| Box::pin(uploads::wants(tx, id))).await?;
            if !wanted {
                self.blobs.part_remove(id).await.map_err(disk)?;
            }
        }
        Ok(())
    }
}

/// The digest that a list in the form of `sha256sum` names for a file.
///
/// # Errors
/// The list cannot be read, or does not name the file.
pub fn digest_of(list: &str, name: &str) -> Result<Sha256, FieldProblem> {
    let problem = |text: String| FieldProblem::new("sums", text);
    for (index, line) in list.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (digest, file) = line
            .split_once(char::is_whitespace)
            .ok_or_else(|| problem(format!("line {} is not a digest and a name", index + 1)))?;
        let digest = digest.parse::<Sha256>().map_err(|e| problem(format!("line {}: {e}", index + 1)))?;
        let file = file.trim_start().trim_start_matches('*').trim_end();
        if file.rsplit('/').next() == Some(name) {
            return Ok(digest);
        }
    }
    Err(problem(format!("the list names no file {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrol::bench::Bench;

    #[tokio::test]
    async fn whoever_leaves_at_the_end_and_asks_again_makes_one_artifact() {
        for bench in Bench::each("upload-left").await {
            let (app, by) = (&bench.app, &bench.admin);
            let new = NewUpload { name: "fw.bin".to_owned(), size: 4, sha256: None, signature: None };
            let id = app.upload_create(by, new).await.unwrap().id;
            let mut append = app.upload_append(by, id, 0).await.unwrap();
            append.write(b"firm").await.unwrap();
            // As while a backup is staged.
            let held = app.uploads.lock().await;
            let before = app.tasks.len();
            let mut end = Box::pin(append.end());
            while app.tasks.len() == before {
                assert!(futures_util::poll!(&mut end).is_pending());
                tokio::task::yield_now().await;
            }
            drop(end);
            let again = app.upload_append(by, id, 4).await.unwrap_err();
            assert_eq!(again.code(), "upload.busy", "it is being kept");
            drop(held);
            while app.tasks.len() > before {
                tokio::task::yield_now().await;
            }
            let made = app.artifact_list(by, None, 10).await.unwrap();
            assert_eq!(made.len(), 1);
            assert_eq!(app.upload_get(by, id).await.unwrap().artifact, Some(made[0].id));
            assert_eq!(app.upload_append(by, id, 4).await.unwrap_err().code(), "upload.finished");
        }
    }
}
