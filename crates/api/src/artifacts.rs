//! Artifacts: immutable files, addressed by SHA-256. `/artifacts`, `/artifacts/{id}`, `/artifacts/{id}/content`.
//!
//! Upload: `POST /artifacts?name=app.bin` with the bytes as the body.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// Optional request header of an upload: the SHA-256 that the bytes must have, 64 hex characters.
pub const SHA256_HEADER: &str = "x-content-sha256";

/// The query of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadQuery {
    /// The file's name as devices see it.
    pub name: String,
    /// A signature to hand to devices with it, up to 8 KiB of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// An artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Public id.
    pub id: i64,
    /// The file's name as devices see it.
    pub name: String,
    /// SHA-256 of the bytes, 64 hex characters.
    pub sha256: String,
    /// SHA-1 of the bytes, 40 hex characters; absent in lists while it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha1: Option<String>,
    /// MD5 of the bytes, 32 hex characters; absent in lists while it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// Bytes.
    pub size: u64,
    /// As uploaded, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// When it was uploaded.
    pub created_at: Time,
    /// By whom.
    pub created_by: String,
}
