//! Uploads in parts, in the manner of tus: `/uploads`, `/uploads/{id}`.
//!
//! Announce with `POST /uploads`; send bytes with `PATCH` from where [`OFFSET_HEADER`] says, as often as it takes. The last
//! byte makes the artifact.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// Where an upload stands: in a request the byte that its body begins at, in an answer the byte that is wanted next.
pub const OFFSET_HEADER: &str = "upload-offset";

/// An upload to announce (`POST /uploads`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUpload {
    /// The file's name as devices will see it: 1 to 255 bytes in any script, without `/ \ < > "` and control characters.
    pub name: String,
    /// How many bytes will come.
    pub size: u64,
    /// The SHA-256 that they must have, 64 hex characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Instead: a list in the form of `sha256sum` that names the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sums: Option<String>,
    /// A signature to hand to devices with it, up to 8 KiB of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// An upload in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    /// Public id.
    pub id: i64,
    /// The file's name as devices will see it.
    pub name: String,
    /// Bytes that were announced.
    pub size: u64,
    /// The SHA-256 that was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Bytes that are kept; the byte that is wanted next.
    pub offset: u64,
    /// The artifact that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<i64>,
    /// When it was announced.
    pub created_at: Time,
    /// By whom.
    pub created_by: String,
    /// When it goes, unless more comes before.
    pub expires_at: Time,
}
