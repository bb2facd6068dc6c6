//! Digests of signatures, and the check of a signature over a digest.

use std::io::{self, Read};

use aws_lc_rs::digest::{Algorithm, Context, Digest, SHA256, SHA384, SHA512};
use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use windlass_domain::software::inspection::DigestKind;

use super::{READ, pss};

fn algorithm(kind: DigestKind) -> &'static Algorithm {
    match kind {
        DigestKind::Sha256 => &SHA256,
        DigestKind::Sha384 => &SHA384,
        DigestKind::Sha512 => &SHA512,
    }
}

/// Digests bytes that are in memory.
pub(super) fn of(kind: DigestKind, bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(algorithm(kind), bytes).as_ref().to_vec()
}

/// Digests everything that comes.
pub(super) fn read(kind: DigestKind, reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let (mut context, mut buffer) = (Context::new(algorithm(kind)), vec![0; READ]);
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(context.finish().as_ref().to_vec()),
            count => context.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}

/// Schemes of signatures over a digest of this kind, save for RSA with a salt of any length.
fn schemes(kind: DigestKind) -> &'static [&'static dyn VerificationAlgorithm] {
    match kind {
        DigestKind::Sha256 => &[
            &signature::RSA_PKCS1_2048_8192_SHA256,
            &signature::ECDSA_P256_SHA256_ASN1,
            &signature::ECDSA_P384_SHA256_ASN1,
            &signature::ECDSA_P521_SHA256_ASN1,
        ],
        DigestKind::Sha384 => &[
            &signature::RSA_PKCS1_2048_8192_SHA384,
            &signature::ECDSA_P256_SHA384_ASN1,
            &signature::ECDSA_P384_SHA384_ASN1,
            &signature::ECDSA_P521_SHA384_ASN1,
        ],
        DigestKind::Sha512 => &[
            &signature::RSA_PKCS1_2048_8192_SHA512,
            &signature::ECDSA_P256_SHA512_ASN1,
            &signature::ECDSA_P384_SHA512_ASN1,
            &signature::ECDSA_P521_SHA512_ASN1,
        ],
    }
}

/// Whether signatures of such a key (SubjectPublicKeyInfo, DER) can be checked at all.
pub(super) fn takes(key: &[u8], kind: DigestKind) -> bool {
    schemes(kind).iter().any(|scheme| ParsedPublicKey::new(*scheme, key).is_ok()) || pss::takes(key)
}

/// Whether a key (SubjectPublicKeyInfo, DER) made the signature over a digest. The key says by which scheme: RSA with either
/// padding, the newer one with a salt of any length, or ECDSA.
pub(super) fn signed(key: &[u8], kind: DigestKind, value: &[u8], signature: &[u8]) -> bool {
    let Ok(digest) = Digest::import_less_safe(value, algorithm(kind)) else { return false };
    let by = |scheme: &&'static dyn VerificationAlgorithm| {
        ParsedPublicKey::new(*scheme, key).is_ok_and(|key| key.verify_digest_sig(&digest, signature).is_ok())
    };
    schemes(kind).iter().any(by) || pss::signed(key, kind, value, signature)
}
