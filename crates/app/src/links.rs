//! Download links: signed, expiring, bound to a device, an execution and an artifact.
//!
//! `{base}/downloads/v1/{artifact}/{file name}?execution=…&expires=…&signature=…`. The key is in the store; two are
//! good at a time. Knows no HTTP: a listener hands in path and query and gets bytes or a refusal.

use windlass_domain::ids::{ArtifactId, Sha256};

use crate::App;

/// Where download links start, after the base.
pub const PATH: &str = "/downloads/v1/";

/// A download that may go on: everything that the answer's head needs. Bytes: [`App::download_range`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadGrant {
    /// The artifact's number.
    pub artifact: ArtifactId,
    /// Which bytes.
    pub sha256: Sha256,
    /// How many.
    pub size: u64,
    /// File name for `Content-Disposition`.
    pub name: String,
    /// Strong entity tag, with its quotes.
    pub etag: String,
}

/// Why a download is refused. `Display` is the sentence for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DownloadRefusal {
    /// Not made by this server, or changed.
    #[error("the download link is not valid; fetch the job again to get a fresh one")]
    Invalid,
    /// Too old.
    #[error("the download link has expired; fetch the job again to get a fresh one")]
    Expired,
    /// The device may not have it now, or the job on it is over.
    #[error("the download is not allowed any more: {0}")]
    NotAllowed(&'static str),
    /// The artifact is gone.
    #[error("the artifact does not exist any more")]
    Gone,
    /// The store or the disk failed; try again.
    #[error("the download is not available for now; try again")]
    Unavailable,
}

impl DownloadRefusal {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid => "url.invalid",
            Self::Expired => "url.expired",
            Self::NotAllowed(_) => "url.not_allowed",
            Self::Gone => "not_found",
            Self::Unavailable => "unavailable",
        }
    }

    /// Status of the HTTP answer.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::Invalid | Self::Expired | Self::NotAllowed(_) => 403,
            Self::Gone => 404,
            Self::Unavailable => 503,
        }
    }
}

impl App {
    /// Judges a link. Call it for every request, ranges too. `path_and_query` as on the request line.
    ///
    /// # Errors
    /// Why not; see [`DownloadRefusal::code`] and [`DownloadRefusal::http_status`].
    pub async fn download_open(&self, path_and_query: &str) -> Result<DownloadGrant, DownloadRefusal> {
        unimplemented!("download_open")
    }

    /// Up to `length` bytes from `offset` on.
    ///
    /// # Errors
    /// `Gone` or `Unavailable`.
    pub async fn download_range(
        &self,
        sha256: &Sha256,
        offset: u64,
        length: u64,
    ) -> Result<Box<dyn tokio::io::AsyncRead + Send + Unpin>, DownloadRefusal> {
        unimplemented!("download_range")
    }
}
