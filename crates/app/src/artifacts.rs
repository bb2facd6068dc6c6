//! Artifacts: immutable files that devices download. Streamed in, addressed by SHA-256, kept while anything refers to
//! them.
//!
//! An upload is nothing until [`Upload::finish`] has made the blob durable and stored its row; one that is cut leaves
//! nothing. Knows neither HTTP nor who may download what; see [`crate::links`].

pub(crate) mod inspect;
pub(crate) mod link;
pub(crate) mod signing;
pub(crate) mod terms;
pub(crate) mod uses;

use std::fmt::Display;
use std::io;
use std::sync::Arc;

pub use link::LastingLink;
use serde_json::json;
pub use signing::{Findings, TrustedBy};
pub use terms::TermsView;
use tokio::sync::oneshot;
pub use uses::ArtifactUses;
use windlass_domain::ids::{ArtifactId, FileName, Md5, Sha1, Sha256, TenantId, UploadId};
use windlass_domain::permission::{Permission, Principal};
pub use windlass_domain::software::{Artifact, Sums, inspection};
use windlass_store::blobs::{BlobWriter, Kept, Written};
use windlass_store::{StoreError, Tx};
use windlass_store::{artifacts, releases, uploads};

use crate::error::{AppError, FieldProblem};
use crate::permit::demand;
use crate::uploads::{Turn, finished};
use crate::{App, audit};

use self::terms::Room;

/// Most bytes of a signature's text.
pub const SIGNATURE_BYTES: usize = 8 * 1024;

/// What an upload says of itself before the bytes come.
#[derive(Debug, Clone, Default)]
pub struct NewArtifact {
    /// The file's name as devices see it.
    pub name: String,
    /// The digest that the bytes must have, if the sender knows it.
    pub sha256: Option<Sha256>,
    /// The SHA-1 that the bytes must have, if the sender knows it.
    pub sha1: Option<Sha1>,
    /// The MD5 that the bytes must have, if the sender knows it.
    pub md5: Option<Md5>,
    /// How many bytes will come, if the sender says.
    pub size: Option<u64>,
    /// Handed to devices with the file.
    pub signature: Option<String>,
}

/// Digests that the sender announced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) sha256: Option<Sha256>,
    pub(crate) sha1: Option<Sha1>,
    pub(crate) md5: Option<Md5>,
}

impl Expected {
    /// What does not hold of bytes that came.
    fn problems(&self, kept: &Kept) -> Vec<FieldProblem> {
        fn judge<T: PartialEq + Display>(
            field: &'static str,
            expected: Option<T>,
            came: T,
        ) -> Option<FieldProblem> {
            let expected = expected.filter(|expected| *expected != came)?;
            Some(FieldProblem::new(field, format!("the bytes have {came}, not {expected}")))
        }
        let Kept { sha256, sums: Sums { sha1, md5 }, size: _ } = *kept;
        let sha256 = judge("sha256", self.sha256, sha256);
        sha256.into_iter().chain(judge("sha1", self.sha1, sha1)).chain(judge("md5", self.md5, md5)).collect()
    }
}

/// An upload under way. Dropping it discards what came.
#[derive(Debug)]
pub struct Upload {
    app: App,
    by: Principal,
    name: FileName,
    expected: Expected,
    size: Option<u64>,
    signature: Option<String>,
    writer: BlobWriter,
    room: Room,
}

/// Checks what is said before the bytes come.
pub(crate) fn check(app: &App, new: &NewArtifact) -> Result<FileName, AppError> {
    let NewArtifact { name, sha256: _, sha1: _, md5: _, size, signature } = new;
    let mut problems = Vec::new();
    let name = name.parse::<FileName>().map_err(|e| problems.push(FieldProblem::new("name", e))).ok();
    if signature.as_ref().is_some_and(|text| text.len() > SIGNATURE_BYTES) {
        problems.push(FieldProblem::new("signature", format!("at most {SIGNATURE_BYTES} bytes")));
    }
    let Some(name) = name.filter(|_| problems.is_empty()) else {
        return Err(AppError::Invalid(problems));
    };
    if size.is_some_and(|size| size > app.limits.artifact) {
        return Err(AppError::TooLarge { what: "the artifact", limit: app.limits.artifact });
    }
    if app.disk.is_low() {
        return Err(AppError::DiskFull);
    }
    Ok(name)
}

pub(crate) fn disk(error: io::Error) -> AppError {
    if error.kind() == io::ErrorKind::StorageFull {
        AppError::DiskFull
    } else {
        let source: &(dyn std::error::Error + 'static) = &error;
        tracing::error!(error = source, "a blob could not be read or written");
        AppError::Unavailable("the server's disk cannot be read or written".to_owned())
    }
}

impl App {
    /// Starts an upload: `let mut upload = app.artifact_upload(…)?; upload.write(chunk).await?; upload.finish().await?`.
    ///
    /// # Errors
    /// The name cannot be used, the size is over the limit, `Conflict` `artifact.quota` when it does not fit into what all
    /// artifacts may have, or the disk is almost full.
    pub async fn artifact_upload(&self, by: &Principal, new: NewArtifact) -> Result<Upload, AppError> {
        demand(by, Permission::ArtifactWrite)?;
        let name = check(self, &new)?;
        let NewArtifact { name: _, sha256, sha1, md5, size, signature } = new;
        let expected = Expected { sha256, sha1, md5 };
        let (tenant, allowed) = (by.tenant, self.limits.artifacts_total);
        let room = self.store.read(move |tx| Box::pin(Room::of(tx, tenant, allowed))).await?;
        room.fits(size.unwrap_or_default())?;
        let writer = self.blobs.begin().await.map_err(disk)?;
        Ok(Upload { app: self.clone(), by: by.clone(), name, expected, size, signature, writer, room })
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
        demand(by, Permission::ArtifactRead)?;
        let (tenant, after) = (by.tenant, after.map_or(0, ArtifactId::get));
        Ok(self.store.read(move |tx| Box::pin(artifacts::list(tx, tenant, after, limit))).await?)
    }

    /// One artifact. Its bytes: [`App::download_range`].
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn artifact_get(&self, by: &Principal, id: ArtifactId) -> Result<Artifact, AppError> {
        demand(by, Permission::ArtifactRead)?;
        let tenant = by.tenant;
        self.store
            .read(move |tx| Box::pin(artifacts::get(tx, tenant, id)))
            .await?
            .ok_or_else(|| AppError::not_found("artifact", id))
    }

    /// The other digests of an artifact. One from before they were kept is read once; the answer is stored.
    ///
    /// # Errors
    /// When the bytes cannot be read or the store fails.
    pub async fn artifact_sums(&self, artifact: &Artifact) -> Result<Sums, AppError> {
        if let Some(sums) = artifact.sums {
            return Ok(sums);
        }
        let sha256 = artifact.sha256;
        let sums = self.blobs.sums(&sha256).await.map_err(disk)?;
        self.store
            .write(move |tx| Box::pin(async move { artifacts::keep_sums(tx, &sha256, &sums).await }))
            .await?;
        Ok(sums)
    }

    /// Deletes an artifact; its blob goes too when nothing else has the same bytes.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `artifact.in_use` while a component uses it.
    pub async fn artifact_delete(&self, by: &Principal, id: ArtifactId) -> Result<(), AppError> {
        demand(by, Permission::ArtifactWrite)?;
        let (by, now) = (by.clone(), self.clock.now());
        let sha256 = self
            .store
            .write(move |tx| {
                let by = by.clone();
                Box::pin(async move {
                    let artifact = artifacts::get(tx, by.tenant, id)
                        .await?
                        .ok_or_else(|| AppError::not_found("artifact", id))?;
                    if let Some(user) = user(tx, by.tenant, id).await? {
                        let detail = format!("{user}; delete that first");
                        return Err(AppError::Conflict { code: "artifact.in_use", detail });
                    }
                    artifacts::delete(tx, by.tenant, id).await?;
                    let details =
                        json!({ "name": artifact.name.as_str(), "sha256": artifact.sha256.to_string() });
                    audit::record(tx, &by, "artifact.delete", &format!("artifact/{id}"), details, now)
                        .await?;
                    Ok(artifact.sha256)
                })
            })
            .await?;
        self.forget_downloads();
        self.collect_blob(&sha256).await
    }

    /// Removes a blob that no artifact refers to. Uploads of the same bytes wait meanwhile, so that none is stored whose
    /// blob goes.
    async fn collect_blob(&self, sha256: &Sha256) -> Result<(), AppError> {
        let digest = *sha256;
        let _held = self.uploads.lock().await;
        let kept = self
            .store
            .read(move |tx| Box::pin(async move { artifacts::refers_to(tx, &digest).await }))
            .await?;
        if !kept {
            self.blobs.remove(sha256).await.map_err(disk)?;
        }
        Ok(())
    }

    /// Removes every blob of this node that no artifact refers to: what a server that was killed left between blob and row, and
    /// what was deleted at another node.
    ///
    /// # Errors
    /// When the store or the disk fails.
    pub async fn blobs_sweep(&self) -> Result<(), AppError> {
        for first in 0..=u8::MAX {
            for sha256 in self.blobs.shelf(first).await.map_err(disk)? {
                self.collect_blob(&sha256).await?;
            }
        }
        Ok(())
    }
}

/// Who needs an artifact, in words, from the component to the open job; none if nobody does.
async fn user(tx: &mut Tx<'_>, tenant: TenantId, id: ArtifactId) -> Result<Option<String>, StoreError> {
    let Some((component, name, version)) = artifacts::used_by(tx, id).await? else { return Ok(None) };
    let mut words = format!("component {name} {version} uses artifact {id}");
    if let Some((release, of)) = releases::component_used_by(tx, component).await? {
        words.push_str(&format!(" and is part of release {release} {of}"));
        let release = releases::release(tx, tenant, &release, &of).await?;
        if let Some(release) = release
            && let Some(job) = releases::release_used_by(tx, release.id).await?
        {
            words.push_str(&format!(", which job {job} installs"));
        }
    }
    Ok(Some(words))
}

impl Upload {
    /// Says what was not known before the bytes came: the file's name and the digests that it must have. What was said
    /// before is forgotten.
    ///
    /// # Errors
    /// The name cannot be used.
    pub fn describe(&mut self, said: &NewArtifact) -> Result<(), AppError> {
        self.name = check(&self.app, said)?;
        let NewArtifact { name: _, sha256, sha1, md5, size, signature } = said;
        self.expected = Expected { sha256: *sha256, sha1: *sha1, md5: *md5 };
        (self.size, self.signature) = (*size, signature.clone());
        Ok(())
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// Over the size limit or the quota, or the disk is (almost) full. The upload is lost then.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), AppError> {
        let limit = self.app.limits.artifact;
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.writer.length().saturating_add(more) > limit {
            return Err(AppError::TooLarge { what: "the artifact", limit });
        }
        self.room.fits(self.writer.length().saturating_add(more))?;
        if self.app.disk.is_low() {
            return Err(AppError::DiskFull);
        }
        self.writer.write(bytes).await.map_err(disk)
    }

    /// Looks into the file, and makes the artifact durable and known.
    ///
    /// # Errors
    /// `Invalid` with field `sha256`, `sha1` or `md5` when the bytes have another digest, `size` when another number came,
    /// or `content` when the file is damaged or its signature is broken; `Conflict` `artifact.quota` when others took what
    /// was left meanwhile.
    pub async fn finish(self) -> Result<Artifact, AppError> {
        let Self { app, by, name, expected, size, signature, writer, room: _ } = self;
        if let Some(size) = size.filter(|size| *size != writer.length()) {
            let problem = format!("{size} bytes were announced and {} came", writer.length());
            return Err(AppError::invalid("size", problem));
        }
        let written = writer.close().await.map_err(disk)?;
        Whole { name, expected, signature, upload: None }.keep(&app, &by, written).await
    }
}

/// An artifact of which every byte is there.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) name: FileName,
    pub(crate) expected: Expected,
    pub(crate) signature: Option<String>,
    /// The upload in parts that it was, which nobody else adds to meanwhile.
    pub(crate) upload: Option<Arc<Turn>>,
}

impl Whole {
    /// Checks it, and makes it durable and known. What is refused leaves nothing.
    pub(crate) async fn keep(
        self,
        app: &App,
        by: &Principal,
        written: Written,
    ) -> Result<Artifact, AppError> {
        let Self { name, expected, signature, upload } = self;
        let kept = written.kept();
        let problems = expected.problems(&kept);
        if !problems.is_empty() {
            return Err(AppError::Invalid(problems));
        }
        let called = name.clone();
        let inspected =
            written.look(move |file| inspect::inspect(called.as_str(), file)).await.map_err(disk)?;
        let inspection = inspected.map_err(|fault| match fault {
            inspect::Fault::File(problem) => AppError::invalid("content", problem),
            inspect::Fault::Disk(error) => disk(error),
        })?;
        let Kept { sha256, sums, size } = kept;
        let artifact = Artifact {
            id: ArtifactId::new(0),
            name,
            sha256,
            sums: Some(sums),
            size,
            signature,
            created_at: app.clock.now(),
            created_by: by.actor.to_string(),
        };
        // To its end also where whoever uploads goes away meanwhile.
        let (ended, end) = oneshot::channel();
        let (here, by) = (app.clone(), by.clone());
        app.tasks.spawn(async move {
            // Nobody waits for it any more if it cannot be told.
            let id = upload.as_ref().map(|turn| turn.id());
            drop(ended.send(here.artifact_keep(&by, artifact, inspection, id, written).await));
            drop(upload);
        });
        let gone = || AppError::Unavailable("the server is about to stop; try again".to_owned());
        end.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl App {
    /// Gives bytes their name, and stores that there is an artifact that has them.
    async fn artifact_keep(
        &self,
        by: &Principal,
        artifact: Artifact,
        inspection: inspection::Inspection,
        upload: Option<UploadId>,
        written: Written,
    ) -> Result<Artifact, AppError> {
        let sha256 = artifact.sha256;
        // From here until the row is stored, nobody collects blobs.
        let held = self.uploads.lock().await;
        written.keep().await.map_err(disk)?;
        let (row, by, allowed) = (artifact.clone(), by.clone(), self.limits.artifacts_total);
        let stored = self
            .store
            .write(move |tx| {
                let (by, artifact, inspection) = (by.clone(), row.clone(), inspection.clone());
                Box::pin(async move {
                    let id = artifacts::insert(tx, by.tenant, &artifact).await?;
                    artifacts::keep_inspection(tx, id, &inspection).await?;
                    if let Some(upload) = upload
                        && !uploads::finish(tx, upload, id).await?
                    {
                        return Err(finished(upload));
                    }
                    Room::of(tx, by.tenant, allowed).await?.holds(artifact.size)?;
                    let details = json!({
                        "name": artifact.name.as_str(), "sha256": artifact.sha256.to_string(), "size": artifact.size,
                    });
                    let (target, now) = (format!("artifact/{id}"), artifact.created_at);
                    audit::record(tx, &by, "artifact.upload", &target, details, now).await?;
                    Ok::<_, AppError>(id)
                })
            })
            .await;
        drop(held);
        match stored {
            Ok(id) => Ok(Artifact { id, ..artifact }),
            Err(error) => {
                self.collect_blob(&sha256).await?;
                Err(error)
            }
        }
    }
}
