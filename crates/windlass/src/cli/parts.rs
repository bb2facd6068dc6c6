//! Large uploads in parts: what broke off goes on from where the server stands, also in another run of the command.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use futures_util::TryStreamExt;
use indicatif::ProgressBar;
use reqwest::{Body, Method};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use windlass_api::artifacts::Artifact;
use windlass_api::uploads::{NewUpload, OFFSET_HEADER, Upload};

use super::api::Api;
use crate::terminal::{self, Exit, Trouble};

/// Files above this size are sent in parts.
pub(super) const FROM: u64 = 64 * 1024 * 1024;
/// Bytes of one request.
const PART: u64 = 32 * 1024 * 1024;
/// Requests in a row that may break off without a byte more being kept.
const TRIES: u32 = 8;

/// What is uploaded.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) file: &'a Path,
    pub(super) name: String,
    pub(super) signature: Option<String>,
    pub(super) sha256: String,
    pub(super) size: u64,
}

/// Uploads a file in as many requests as it takes.
pub(super) async fn upload(api: &Api, source: Source<'_>) -> anyhow::Result<Artifact> {
    let mut upload = begin(api, &source).await?;
    let id = upload.id.to_string();
    let bar = terminal::progress_bytes(source.size, &source.name);
    let mut failures = 0;
    while upload.artifact.is_none() {
        let offset = upload.offset;
        bar.set_position(offset);
        let sent = part(api, &id, &source, offset, &bar).await;
        let seen: anyhow::Result<Upload> = api.show(&["uploads", &id]).await;
        match (sent, seen) {
            (Ok(()), Ok(seen)) => {
                failures = 0;
                upload = seen;
            }
            (Err(error), Ok(seen)) if seen.offset > offset || (broke_off(&error) && failures < TRIES) => {
                failures = if seen.offset > offset { 0 } else { failures + 1 };
                upload = seen;
                pause(failures).await;
            }
            (Ok(()), Err(error)) | (Err(error), Err(_)) if broke_off(&error) && failures < TRIES => {
                failures += 1;
                pause(failures).await;
            }
            (Err(error), _) | (Ok(()), Err(error)) => {
                bar.finish_and_clear();
                return Err(error);
            }
        }
    }
    bar.finish_and_clear();
    let artifact = upload.artifact.unwrap_or_default().to_string();
    api.show(&["artifacts", &artifact]).await
}

/// Finds the upload that an earlier run left, or announces one.
async fn begin(api: &Api, source: &Source<'_>) -> anyhow::Result<Upload> {
    let waiting = api.all::<Upload>(&["uploads"], &json!({}), usize::MAX).await?;
    let left = waiting.items.into_iter().find(|one| {
        one.artifact.is_none()
            && one.name == source.name
            && one.size == source.size
            && one.sha256.as_ref() == Some(&source.sha256)
    });
    if let Some(left) = left {
        return Ok(left);
    }
    let new = NewUpload {
        name: source.name.clone(),
        size: source.size,
        sha256: Some(source.sha256.clone()),
        sums: None,
        signature: source.signature.clone(),
    };
    api.write(Method::POST, &["uploads"], &new).await
}

/// Sends one part.
async fn part(
    api: &Api,
    id: &str,
    source: &Source<'_>,
    offset: u64,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let problem = || format!("{} cannot be read", source.file.display());
    let mut content = tokio::fs::File::open(source.file).await.with_context(problem)?;
    content.seek(std::io::SeekFrom::Start(offset)).await.with_context(problem)?;
    let length = PART.min(source.size - offset);
    let counted = bar.clone();
    let chunks = ReaderStream::with_capacity(content.take(length), 64 * 1024)
        .inspect_ok(move |chunk| counted.inc(u64::try_from(chunk.len()).unwrap_or(0)));
    let request = api
        .request(Method::PATCH, api.url(&["uploads", id])?)
        .header(OFFSET_HEADER, offset)
        .header(reqwest::header::CONTENT_TYPE, "application/offset+octet-stream")
        .header(reqwest::header::CONTENT_LENGTH, length)
        .body(Body::wrap_stream(chunks));
    api.send(request).await.map(drop)
}

/// Whether it is worth trying again: the connection or the server failed, not the request.
fn broke_off(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<Trouble>()
        .is_some_and(|trouble| matches!(trouble.exit, Exit::Unreachable | Exit::Failure))
}

/// Longer after each failure, half a minute at most.
async fn pause(failures: u32) {
    let seconds = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(30).min(30);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
