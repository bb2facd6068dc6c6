//! What a file says of itself, and who signed it.
//!
//! Knows neither how files are laid out nor whom anybody trusts.

use crate::ids::Sha256;
use crate::time::Timestamp;

/// What was found in an artifact when it was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What kind of file it is.
    pub format: Format,
    /// The version that it says it has.
    pub version: Option<String>,
    /// The hardware that it says it is for.
    pub compatible: Vec<String>,
    /// The components that it says it installs.
    pub components: Vec<Part>,
    /// Digests of the images that its description lists.
    pub listed: Vec<Sha256>,
    /// Its signature.
    pub seal: Seal,
}

/// Kinds of files that are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Nothing that is known here.
    Plain,
    /// An image of SWUpdate (`.swu`).
    SwUpdate,
    /// A bundle of RAUC.
    Rauc,
    /// A zchunk file, from which parts are fetched.
    Zchunk(Zchunk),
}

/// The header of a zchunk file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zchunk {
    /// Bytes of the header.
    pub header: u64,
    /// Digest of the header, by which a signed description names it.
    pub header_sha256: Sha256,
    /// How many chunks it has.
    pub chunks: u64,
    /// Bytes of what it unpacks to.
    pub unpacked: u64,
}

/// A component that a file installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A signature, as far as it can be judged without knowing whom to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seal {
    /// There is none.
    None,
    /// It holds by these certificates, which came with it.
    Certified {
        /// Certificates (DER) of those who signed.
        signers: Vec<Vec<u8>>,
        /// Other certificates (DER) that came along.
        others: Vec<Vec<u8>>,
    },
    /// It names no certificate: only a key that is known already can tell.
    Unnamed(Vec<Unnamed>),
    /// It cannot be judged here; the sentence says why.
    Unreadable(String),
}

/// A signature without a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unnamed {
    /// How what is signed was digested.
    pub digest: DigestKind,
    /// That digest.
    pub value: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Digests that signatures are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestKind {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// What a signature is worth to somebody who trusts certain signers, at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// There is no signature.
    Unsigned,
    /// It is by a trusted signer.
    Valid {
        /// Whose name the certificate has.
        by: String,
        /// End of the certificate's validity.
        until: Timestamp,
    },
    /// It holds, and nobody trusted stands behind it.
    Untrusted {
        /// Whose name the certificate has.
        by: String,
        /// End of the certificate's validity.
        until: Timestamp,
        /// Why it is not trusted.
        why: String,
    },
    /// It names no certificate and is by none of the trusted keys.
    UnknownSigner,
    /// It cannot be judged here.
    Unreadable(String),
}

impl Standing {
    /// Why it is not good enough where a trusted signature is required; none if it is.
    pub fn fault(&self) -> Option<String> {
        match self {
            Self::Valid { .. } => None,
            Self::Unsigned => Some("it is not signed".to_owned()),
            Self::Untrusted { by, why, until: _ } => Some(format!("it is signed by {by}: {why}")),
            Self::UnknownSigner => Some("it is signed with none of the trusted keys".to_owned()),
            Self::Unreadable(why) => Some(format!("its signature cannot be judged: {why}")),
        }
    }
}

impl Inspection {
    /// Whether a description that lists these digests vouches for this file: it is a zchunk file whose header is listed.
    pub fn vouched_by(&self, listed: &[Sha256]) -> bool {
        match &self.format {
            Format::Zchunk(zchunk) => listed.contains(&zchunk.header_sha256),
            Format::Plain | Format::SwUpdate | Format::Rauc => false,
        }
    }
}
