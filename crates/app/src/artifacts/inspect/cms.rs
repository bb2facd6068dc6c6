//! Signatures as Cryptographic Message Syntax (RFC 5652), judged by the certificates that come with them.
//!
//! Whether anybody trusts those certificates is not known here; see [`super::trust`].

use windlass_domain::software::inspection::{DigestKind, Seal, Unnamed};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use super::der::{INTEGER, OBJECT, OCTETS, Reader, SEQUENCE, SET, Value};
use super::{Fault, digest, text};

/// 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.7.3, and 1.2.840.113549.1.9.16.1.23 for ciphers that authenticate.
const ENVELOPED: [&[u8]; 2] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17],
];
/// 1.2.840.113549.1.9.4
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// 2.16.840.1.101.3.4.2, of which 1 to 3 are SHA-256, SHA-384 and SHA-512.
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
/// Context tags, constructed and primitive.
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;
const KEY_ID: u8 = 0x80;
/// Most signers and most certificates of a signature.
const MOST: usize = 16;

/// A signature and what it carries.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) seal: Seal,
    /// What is signed, where the signature has it within.
    pub(super) content: Option<Vec<u8>>,
}

fn unreadable() -> Fault {
    Fault::file("the signature cannot be read: it is not CMS in DER")
}

/// `SignedData`, taken apart (section 5.1).
struct SignedData<'a> {
    content: Option<&'a [u8]>,
    certificates: Vec<&'a [u8]>,
    signers: Vec<SignerInfo<'a>>,
}

/// Section 5.3.
struct SignerInfo<'a> {
    named_by: NamedBy<'a>,
    digest: &'a [u8],
    attributes: Option<Value<'a>>,
    signature: &'a [u8],
}

enum NamedBy<'a> {
    Serial { issuer: &'a [u8], serial: &'a [u8] },
    Key(&'a [u8]),
}

fn signed_data(bytes: &[u8]) -> Option<Reader<'_>> {
    let mut info = Reader(bytes).tagged(SEQUENCE)?.inner();
    if info.tagged(OBJECT)?.content != SIGNED_DATA {
        return None;
    }
    Some(info.tagged(CONTEXT_0)?.inner().tagged(SEQUENCE)?.inner())
}

fn parse(bytes: &[u8]) -> Option<SignedData<'_>> {
    let mut data = signed_data(bytes)?;
    data.tagged(INTEGER)?;
    data.tagged(SET)?;
    let mut encapsulated = data.tagged(SEQUENCE)?.inner();
    encapsulated.tagged(OBJECT)?;
    let content = match encapsulated.tagged(CONTEXT_0) {
        Some(holder) => Some(holder.inner().tagged(OCTETS)?.content),
        None => None,
    };
    let mut certificates = Vec::new();
    if let Some(set) = data.tagged(CONTEXT_0) {
        let mut set = set.inner();
        while let Some(certificate) = set.next() {
            // Others are of kinds that nobody uses.
            if certificate.tag == SEQUENCE {
                certificates.push(certificate.raw);
            }
        }
    }
    data.tagged(CONTEXT_1);
    let mut infos = data.tagged(SET)?.inner();
    let mut signers = Vec::new();
    while let Some(info) = infos.next() {
        signers.push(signer(info)?);
    }
    Some(SignedData { content, certificates, signers })
}

fn signer(info: Value<'_>) -> Option<SignerInfo<'_>> {
    let mut info = info.inner();
    info.tagged(INTEGER)?;
    let named_by = match info.next()? {
        Value { tag: SEQUENCE, content, .. } => {
            let mut name = Reader(content);
            NamedBy::Serial { issuer: name.tagged(SEQUENCE)?.raw, serial: name.tagged(INTEGER)?.content }
        }
        Value { tag: KEY_ID, content, .. } => NamedBy::Key(content),
        _ => return None,
    };
    let digest = info.tagged(SEQUENCE)?.inner().tagged(OBJECT)?.content;
    let attributes = info.tagged(CONTEXT_0);
    info.tagged(SEQUENCE)?;
    let signature = info.tagged(OCTETS)?.content;
    Some(SignerInfo { named_by, digest, attributes, signature })
}

/// Whether these bytes are such a signature, well or badly made.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    signed_data(bytes).is_some()
}

/// Whether these bytes are encrypted for recipients (sections 6 and RFC 5083), so that nobody else sees what is signed.
pub(super) fn is_enveloped(bytes: &[u8]) -> bool {
    let kind = Reader(bytes).tagged(SEQUENCE).and_then(|info| info.inner().tagged(OBJECT));
    kind.is_some_and(|kind| ENVELOPED.contains(&kind.content))
}

/// Judges a signature over what lies elsewhere, of which `digested` tells the digest.
pub(super) fn detached(
    bytes: &[u8],
    digested: impl FnMut(DigestKind) -> Result<Vec<u8>, Fault>,
) -> Result<Seal, Fault> {
    match open(bytes, digested)? {
        Opened { seal, content: None } => Ok(seal),
        Opened { content: Some(_), .. } => {
            Err(Fault::file("the signature carries what it signs; a detached one is expected"))
        }
    }
}

/// Judges a signature over what it carries, or else over what `digested` tells the digest of.
///
/// # Errors
/// It does not hold, or cannot be read.
pub(super) fn open(
    bytes: &[u8],
    mut digested: impl FnMut(DigestKind) -> Result<Vec<u8>, Fault>,
) -> Result<Opened, Fault> {
    let SignedData { content, certificates, signers: infos } = parse(bytes).ok_or_else(unreadable)?;
    if infos.is_empty() || infos.len() > MOST || certificates.len() > MOST {
        return Err(Fault::File(format!(
            "the signature must have 1 to {MOST} signers and at most {MOST} certificates"
        )));
    }
    let read = |der| X509Certificate::from_der(der).map(|(_, certificate)| certificate);
    let certificates: Vec<X509Certificate<'_>> =
        certificates.into_iter().filter_map(|der| read(der).ok()).collect();
    let carried = content.map(<[u8]>::to_vec);
    let (mut signers, mut unnamed) = (Vec::new(), Vec::new());
    for info in &infos {
        let Some(kind) = kind(info.digest) else {
            let why = "it is made with a digest other than SHA-256, SHA-384 and SHA-512".to_owned();
            return Ok(Opened { seal: Seal::Unreadable(why), content: carried });
        };
        let of_content = match content {
            Some(content) => digest::of(kind, content),
            None => digested(kind)?,
        };
        let value = signed_digest(info, kind, of_content)?;
        match certificates.iter().find(|certificate| made_by(info, certificate)) {
            None => unnamed.push(Unnamed { digest: kind, value, signature: info.signature.to_vec() }),
            Some(certificate)
                if digest::signed(certificate.public_key().raw, kind, &value, info.signature) =>
            {
                signers.push(certificate.as_raw().to_vec());
            }
            Some(certificate) if !digest::takes(certificate.public_key().raw, kind) => {
                let by = text(&certificate.subject().to_string());
                let why = format!(
                    "{by} has a kind of key that is not checked here; RSA and ECDSA by NIST's curves are"
                );
                return Ok(Opened { seal: Seal::Unreadable(why), content: carried });
            }
            Some(certificate) => {
                let by = text(&certificate.subject().to_string());
                return Err(Fault::File(format!("the signature by {by} does not hold")));
            }
        }
    }
    let all = certificates.iter().map(|certificate| certificate.as_raw().to_vec());
    let others = all.filter(|certificate| !signers.contains(certificate)).collect();
    let seal = if signers.is_empty() { Seal::Unnamed(unnamed) } else { Seal::Certified { signers, others } };
    Ok(Opened { seal, content: carried })
}

fn kind(oid: &[u8]) -> Option<DigestKind> {
    match oid.strip_prefix(SHA2)? {
        [1] => Some(DigestKind::Sha256),
        [2] => Some(DigestKind::Sha384),
        [3] => Some(DigestKind::Sha512),
        _ => None,
    }
}

/// The digest that the signature is over (section 5.4): of the signed attributes, which must name the content's, or the
/// content's itself.
fn signed_digest(info: &SignerInfo<'_>, kind: DigestKind, of_content: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let Some(attributes) = info.attributes else { return Ok(of_content) };
    let mut named = Vec::new();
    let mut all = attributes.inner();
    while let Some(attribute) = all.next() {
        let mut attribute = attribute.inner();
        if attribute.tagged(OBJECT).is_some_and(|oid| oid.content == MESSAGE_DIGEST) {
            let value = attribute.tagged(SET).and_then(|set| set.inner().tagged(OCTETS));
            named.push(value.ok_or_else(unreadable)?.content);
        }
    }
    if named != [of_content.as_slice()] {
        return Err(Fault::file("the signature does not hold: what it signs was changed"));
    }
    // Signed as a SET, sent with a context tag.
    let mut bytes = attributes.raw.to_vec();
    if let Some(tag) = bytes.first_mut() {
        *tag = SET;
    }
    Ok(digest::of(kind, &bytes))
}

fn made_by(info: &SignerInfo<'_>, certificate: &X509Certificate<'_>) -> bool {
    match info.named_by {
        NamedBy::Serial { issuer, serial } => {
            issuer == certificate.issuer().as_raw() && serial == certificate.raw_serial()
        }
        NamedBy::Key(key) => certificate.extensions().iter().any(|extension| {
            matches!(extension.parsed_extension(), ParsedExtension::SubjectKeyIdentifier(id) if id.0 == key)
        }),
    }
}
