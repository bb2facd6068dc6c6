//! Artifacts: immutable files, addressed by SHA-256. `/artifacts`, `/artifacts/{id}`, `/artifacts/{id}/content`.
//!
//! Upload: `POST /artifacts?name=app.bin` with the bytes as the body.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::releases::{ComponentName, NameVersion};

/// Optional request header of an upload: the SHA-256 that the bytes must have, 64 hex characters.
pub const SHA256_HEADER: &str = "x-content-sha256";

/// The query of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadQuery {
    /// The file's name as devices see it: 1 to 255 bytes in any script, without `/ \ < > "` and control characters.
    pub name: String,
    /// A signature to hand to devices with it, up to 8 KiB of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// A list in the form of `sha256sum` that names the file: its digest is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sums: Option<String>,
}

words!(
    /// Kinds of files that are told apart.
    ArtifactFormat {
        /// Nothing that is known here.
        Plain = "plain",
        /// An image of SWUpdate.
        SwUpdate = "swupdate",
        /// A bundle of RAUC.
        Rauc = "rauc",
        /// A zchunk file, of which devices fetch only the parts that they lack.
        Zchunk = "zchunk",
    }
);

words!(
    /// What a signature is worth to the signers that the tenant and its device types name.
    SignatureState {
        /// There is none.
        None = "none",
        /// By a trusted signer.
        Valid = "valid",
        /// It holds; nobody trusted stands behind it, see `reason`.
        Untrusted = "untrusted",
        /// It names no certificate and is by none of the trusted keys.
        UnknownSigner = "unknownSigner",
        /// It cannot be judged, see `reason`.
        Unreadable = "unreadable",
    }
);

/// A component that a file says it installs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactPart {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The header of a zchunk file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ZchunkHeader {
    /// Bytes of the header.
    pub header_size: u64,
    /// How many chunks it has.
    pub chunks: u64,
    /// Bytes of what it unpacks to.
    pub unpacked_size: u64,
}

/// What was found in an artifact when it was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactContent {
    /// What kind of file it is.
    pub format: ArtifactFormat,
    /// The version that it says it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The hardware that it says it is for.
    #[serde(default)]
    pub compatible: Vec<String>,
    /// The components that it says it installs.
    #[serde(default)]
    pub components: Vec<ArtifactPart>,
    /// What its signature is worth.
    pub signature: SignatureState,
    /// Whose name the signer's certificate has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// End of that certificate's validity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// Why the signature is not trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether a valid signature is by the signers of the whole tenant.
    #[serde(default)]
    pub trusted_by_tenant: bool,
    /// Device types with signers of their own, by whom a valid signature is.
    #[serde(default)]
    pub trusted_by_types: Vec<String>,
    /// Of a zchunk file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zchunk: Option<ZchunkHeader>,
}

/// What needs an artifact: while anything does, it cannot be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactUses {
    /// Components that it is part of.
    pub components: Vec<ComponentName>,
    /// Releases of those components.
    pub releases: Vec<NameVersion>,
    /// Whether there are more than are told.
    pub more: bool,
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
    /// What was found in it. Absent where it is part of a component, and of artifacts from before anybody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ArtifactContent>,
    /// What needs it. Only where it is asked for by itself or in a list, by somebody who may see releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<ArtifactUses>,
    /// When it was uploaded.
    pub created_at: Time,
    /// By whom.
    pub created_by: String,
}

/// What a tenant wants of all its artifacts. What is absent is not wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewArtifactTerms {
    /// Certificates (PEM) of those who sign, or of authorities that certify them: whose signatures count for devices whose
    /// type names no signers of its own, and for those without a type. At most 16.
    #[serde(default)]
    pub signers: Vec<String>,
    /// Whether every device takes signed software only, also those whose type does not say so.
    #[serde(default)]
    pub require_signature: bool,
    /// Most bytes of all artifacts together; absent: what the server allows.
    #[serde(default)]
    pub quota_bytes: Option<u64>,
}

/// What a tenant wants of all its artifacts, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactTerms {
    /// Whose signatures count where a device type names nobody.
    pub signers: Vec<String>,
    /// Whether every device takes signed software only.
    pub require_signature: bool,
    /// Most bytes of all artifacts together, if the tenant set its own bound.
    #[serde(default)]
    pub quota_bytes: Option<u64>,
    /// What the server allows.
    pub allowed_bytes: u64,
    /// Bytes of all artifacts, each counted though others have the same bytes, and of what unfinished uploads announced.
    pub used_bytes: u64,
    /// Grows with every change; 0 where nothing was set.
    pub version: i64,
    /// When it last changed.
    #[serde(default)]
    pub updated_at: Option<Time>,
}

/// A lasting link to an artifact: whoever has it may download, without any other credential, until it is taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactLink {
    /// From the slash after host and port on; the same on both ports.
    pub path: String,
    /// The whole address, where the server has a public URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Bytes that went out over it since the server started.
    pub sent_bytes: u64,
}
