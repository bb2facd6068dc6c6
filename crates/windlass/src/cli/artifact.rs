//! `windlass artifact`: uploads with progress, and what is there.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use futures_util::TryStreamExt;
use reqwest::{Body, Method};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;
use windlass_api::artifacts::{
    Artifact, ArtifactContent, ArtifactLink, ArtifactUses, SHA256_HEADER, UploadQuery,
};
use windlass_api::releases::NameVersion;
use windlass_api::uploads::Upload;
use windlass_app::FieldProblem;
use windlass_app::uploads::digest_of;

use super::api::Api;
use super::parse;
use super::parts;
use super::printer::{Printer, or_dash, time};
use super::registry::delete;
use super::terms::{self, TermsCommand};
use crate::terminal::{self, Exit, Trouble};

/// Files that devices download.
#[derive(Debug, Subcommand)]
pub(crate) enum ArtifactCommand {
    /// Upload a file; its hash is checked on both sides.
    Upload {
        /// What to upload.
        file: PathBuf,
        /// The name that devices see; the file's own when absent.
        #[arg(long)]
        name: Option<String>,
        /// A file with a signature to hand to devices.
        #[arg(long)]
        signature: Option<PathBuf>,
        /// A list in the form of `sha256sum` that names the file: without its digest there nothing is uploaded.
        #[arg(long, value_name = "FILE")]
        sums: Option<PathBuf>,
    },
    /// Show all.
    List,
    /// Show one, and what needs it.
    Show {
        /// Its number.
        id: i64,
    },
    /// Delete one that no component is made of.
    Delete {
        /// Its number.
        id: i64,
    },
    /// Give one a lasting link, or show the one it has: whoever has it may download without any other credential.
    Link {
        /// Its number.
        id: i64,
        /// Take the link away instead.
        #[arg(long)]
        remove: bool,
    },
    /// Uploads in parts that were not finished; they count to the quota.
    #[command(subcommand)]
    Uploads(UploadsCommand),
    /// Who may sign, and how many bytes there may be of all.
    #[command(subcommand)]
    Terms(TermsCommand),
}

/// Uploads in parts.
#[derive(Debug, Subcommand)]
pub(crate) enum UploadsCommand {
    /// Show all.
    List,
    /// Give one up.
    Delete {
        /// Its number.
        id: i64,
    },
}

/// Artifacts.
pub(crate) async fn artifacts(api: &Api, command: ArtifactCommand, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        ArtifactCommand::Terms(command) => return terms::run(api, command, printer).await,
        ArtifactCommand::Delete { id } => {
            delete(api, &["artifacts", &id.to_string()], &format!("artifact {id}")).await?;
        }
        ArtifactCommand::Link { id, remove: true } => {
            let what = format!("the link to artifact {id}");
            delete(api, &["artifacts", &id.to_string(), "link"], &what).await?;
        }
        ArtifactCommand::Link { id, remove: false } => {
            let id = id.to_string();
            let link: ArtifactLink = api.write(Method::PUT, &["artifacts", &id, "link"], &json!({})).await?;
            printer.pairs(&link, |ArtifactLink { path, url, sent_bytes }| {
                vec![
                    ("path", path.clone()),
                    ("address", or_dash(url.as_ref())),
                    ("bytes sent", sent_bytes.to_string()),
                ]
            })?;
        }
        ArtifactCommand::Uploads(UploadsCommand::Delete { id }) => {
            delete(api, &["uploads", &id.to_string()], &format!("upload {id}")).await?;
        }
        ArtifactCommand::Uploads(UploadsCommand::List) => {
            let page = api.all::<Upload>(&["uploads"], &json!({}), usize::MAX).await?;
            printer.page(&page, &["id", "name", "received", "size", "by", "expires"], |upload| {
                vec![
                    upload.id.to_string(),
                    upload.name.clone(),
                    upload.offset.to_string(),
                    upload.size.to_string(),
                    upload.created_by.clone(),
                    time(upload.expires_at),
                ]
            })?;
        }
        ArtifactCommand::Upload { file, name, signature, sums } => {
            if let Some(list) = text_of(sums)? {
                let problem = || format!("{} cannot be read", file.display());
                let (sha256, _) = hash(&file).await.with_context(problem)?;
                listed(&list, &file.file_name().with_context(problem)?.to_string_lossy(), &sha256)?;
            }
            let artifact = upload(api, &file, name, text_of(signature)?).await?;
            printer.pairs(&artifact, facts)?;
        }
        ArtifactCommand::Show { id } => {
            let artifact: Artifact = api.show(&["artifacts", &id.to_string()]).await?;
            printer.pairs(&artifact, |artifact| {
                let mut pairs = facts(artifact);
                pairs.push(("signature", or_dash(artifact.signature.as_ref())));
                pairs.push(("used by", artifact.used_by.as_ref().map(used).unwrap_or_default()));
                pairs.push(("uploaded", format!("{} by {}", time(artifact.created_at), artifact.created_by)));
                pairs
            })?;
        }
        ArtifactCommand::List => {
            let page = api.all::<Artifact>(&["artifacts"], &json!({}), usize::MAX).await?;
            let columns = ["id", "name", "size", "format", "signature", "used by", "sha256", "uploaded"];
            printer.page(&page, &columns, |artifact| {
                let content = artifact.content.as_ref();
                vec![
                    artifact.id.to_string(),
                    artifact.name.clone(),
                    artifact.size.to_string(),
                    content.map(|content| content.format.to_string()).unwrap_or_default(),
                    content.map(|content| content.signature.to_string()).unwrap_or_default(),
                    artifact.used_by.as_ref().map(used).unwrap_or_default(),
                    artifact.sha256.clone(),
                    time(artifact.created_at),
                ]
            })?;
        }
    }
    Ok(Exit::Success)
}

/// What stands in a file that may have been named.
fn text_of(file: Option<PathBuf>) -> anyhow::Result<Option<String>> {
    file.map(|file| {
        std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))
    })
    .transpose()
}

fn facts(artifact: &Artifact) -> Vec<(&'static str, String)> {
    vec![
        ("id", artifact.id.to_string()),
        ("name", artifact.name.clone()),
        ("size", artifact.size.to_string()),
        ("sha256", artifact.sha256.clone()),
        ("content", artifact.content.as_ref().map(described).unwrap_or_default()),
    ]
}

/// What needs an artifact: its releases, or the components that no release is made of yet.
fn used(ArtifactUses { components, releases, more }: &ArtifactUses) -> String {
    let mut words: Vec<String> =
        releases.iter().map(|NameVersion { name, version }| format!("{name}@{version}")).collect();
    if words.is_empty() {
        words.extend(components.iter().map(|one| format!("component {}", parse::component_text(one))));
    }
    words.extend(more.then(|| "and more".to_owned()));
    words.join(", ")
}

/// What was found in an artifact, in a few words.
pub(super) fn described(content: &ArtifactContent) -> String {
    let mut words = vec![content.format.to_string()];
    words.extend(content.version.as_ref().map(|version| format!("version {version}")));
    if !content.compatible.is_empty() {
        words.push(format!("for {}", content.compatible.join(" ")));
    }
    words.push(format!("signature {}", content.signature));
    words.extend(content.signed_by.as_ref().map(|by| format!("by {by}")));
    words.extend(content.trusted_by_tenant.then(|| "trusted by the tenant".to_owned()));
    if !content.trusted_by_types.is_empty() {
        words.push(format!("trusted by type {}", content.trusted_by_types.join(" ")));
    }
    words.extend(content.reason.clone());
    words.join(", ")
}

/// Refuses a file that a list of digests does not name, or names with another digest.
fn listed(list: &str, file: &str, sha256: &str) -> Result<(), Trouble> {
    let message = match digest_of(list, file) {
        Ok(wanted) if wanted.to_string() == sha256 => return Ok(()),
        Ok(wanted) => format!("{file} has the digest {sha256}, and the list says {wanted}"),
        Err(FieldProblem { field: _, problem }) => problem,
    };
    Err(Trouble { exit: Exit::Refused, message, hint: None })
}

/// Hashes the file, then streams it, a large one in parts; the server refuses it if what arrives has another hash.
pub(crate) async fn upload(
    api: &Api,
    file: &Path,
    name: Option<String>,
    signature: Option<String>,
) -> anyhow::Result<Artifact> {
    let problem = || format!("{} cannot be read", file.display());
    let name = match name {
        Some(name) => name,
        None => file.file_name().with_context(problem)?.to_string_lossy().into_owned(),
    };
    let (sha256, size) = hash(file).await.with_context(problem)?;
    if size > parts::FROM {
        return parts::upload(api, parts::Source { file, name, signature, sha256, size }).await;
    }
    let content = tokio::fs::File::open(file).await.with_context(problem)?;
    let bar = terminal::progress_bytes(size, &name);
    let counted = bar.clone();
    let chunks = ReaderStream::with_capacity(content, 64 * 1024).inspect_ok(move |chunk| {
        counted.inc(u64::try_from(chunk.len()).unwrap_or(0));
    });
    let request = api
        .request(Method::POST, api.url(&["artifacts"])?)
        .query(&UploadQuery { name, signature, sums: None })
        .header(SHA256_HEADER, sha256)
        .header(reqwest::header::CONTENT_TYPE, "application/octet-stream")
        .header(reqwest::header::CONTENT_LENGTH, size)
        .body(Body::wrap_stream(chunks));
    let answer = api.send(request).await;
    bar.finish_and_clear();
    answer?.json().await.context("the server's answer is not an artifact")
}

/// SHA-256 in lower-case hex, and the size.
async fn hash(file: &Path) -> std::io::Result<(String, u64)> {
    let mut content = tokio::fs::File::open(file).await?;
    let mut digest = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = content.read(&mut buffer).await?;
        if read == 0 {
            return Ok((hex::encode(digest.finalize()), size));
        }
        digest.update(buffer.get(..read).unwrap_or_default());
        size += u64::try_from(read).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_digests_must_name_the_file_with_the_digest_that_it_has() {
        let (one, other) = ("1".repeat(64), "2".repeat(64));
        let list = format!("{other}  other.bin\n{one} *images/app.bin\n");
        assert!(listed(&list, "app.bin", &one).is_ok());
        let refused = listed(&list, "app.bin", &other).unwrap_err();
        assert!(refused.message.contains(&one) && refused.message.contains(&other), "{refused}");
        assert_eq!(listed(&list, "app", &one).unwrap_err().exit, Exit::Refused);
        assert!(listed("no list", "app.bin", &one).is_err());
    }

    #[tokio::test]
    async fn a_file_is_hashed_in_pieces_as_if_it_were_one() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("app.bin");
        let content: Vec<u8> = (0_u32..200_000).flat_map(u32::to_le_bytes).collect();
        std::fs::write(&file, &content).unwrap();
        let (sha256, size) = hash(&file).await.unwrap();
        assert_eq!(sha256, hex::encode(Sha256::digest(&content)));
        assert_eq!(size, 800_000);
    }
}
