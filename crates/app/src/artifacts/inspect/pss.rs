//! RSA signatures with probabilistic padding (RFC 8017, sections 8.1.2 and 9.1.2), with a salt of any length: update tools take
//! the longest that fits, which libraries for TLS do not expect.
//!
//! Public values only: nothing here has to be done in constant time.

use num_bigint::BigUint;
use windlass_domain::software::inspection::DigestKind;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::digest;

/// Bits of a modulus that are taken.
const BITS: std::ops::RangeInclusive<u64> = 2048..=8192;

/// Modulus and exponent of a key (SubjectPublicKeyInfo, DER), if it is RSA of a size that is taken.
fn rsa(key: &[u8]) -> Option<(BigUint, BigUint)> {
    let (_, info) = SubjectPublicKeyInfo::from_der(key).ok()?;
    let Ok(PublicKey::RSA(key)) = info.parsed() else { return None };
    let (modulus, exponent) = (BigUint::from_bytes_be(key.modulus), BigUint::from_bytes_be(key.exponent));
    (BITS.contains(&modulus.bits()) && (2..=33).contains(&exponent.bits())).then_some((modulus, exponent))
}

/// Whether it is a key (SubjectPublicKeyInfo, DER) whose signatures can be checked here.
pub(super) fn takes(key: &[u8]) -> bool {
    rsa(key).is_some()
}

/// Whether a key (SubjectPublicKeyInfo, DER) made the signature over a digest.
pub(super) fn signed(key: &[u8], kind: DigestKind, value: &[u8], signature: &[u8]) -> bool {
    let Some((modulus, exponent)) = rsa(key) else { return false };
    let number = BigUint::from_bytes_be(signature);
    if u64::try_from(signature.len()).unwrap_or(u64::MAX) != modulus.bits().div_ceil(8) || number >= modulus {
        return false;
    }
    let encoded = number.modpow(&exponent, &modulus).to_bytes_be();
    holds(kind, value, &encoded, modulus.bits() - 1)
}

/// Section 9.1.2, for an encoded message of so many bits; leading zeros may be missing.
fn holds(kind: DigestKind, value: &[u8], encoded: &[u8], bits: u64) -> bool {
    let Ok(length) = usize::try_from(bits.div_ceil(8)) else { return false };
    let Some(missing) = length.checked_sub(encoded.len()) else { return false };
    let encoded = [vec![0; missing], encoded.to_vec()].concat();
    let Some((0xbc, rest)) = encoded.split_last() else { return false };
    let Some(place) = rest.len().checked_sub(value.len()) else { return false };
    let (masked, hash) = rest.split_at(place);
    let mut block: Vec<u8> =
        masked.iter().zip(mask(kind, hash, masked.len())).map(|(byte, mask)| byte ^ mask).collect();
    // The bits before the first one that counts are zero in what was sent, and are not part of the block.
    let unused = u32::try_from(u64::try_from(length).unwrap_or_default() * 8 - bits).unwrap_or_default();
    let kept = 0xff_u8.checked_shr(unused).unwrap_or_default();
    if masked.first().is_some_and(|first| first & !kept != 0) {
        return false;
    }
    if let Some(first) = block.first_mut() {
        *first &= kept;
    }
    let Some(one) = block.iter().position(|byte| *byte != 0) else { return false };
    let (_, rest) = block.split_at(one);
    let Some((1, salt)) = rest.split_first() else { return false };
    digest::of(kind, &[&[0; 8], value, salt].concat()) == hash
}

/// MGF1 (appendix B.2.1).
fn mask(kind: DigestKind, seed: &[u8], length: usize) -> Vec<u8> {
    let mut mask = Vec::with_capacity(length);
    let mut counter = 0_u32;
    while mask.len() < length {
        mask.extend(digest::of(kind, &[seed, &counter.to_be_bytes()].concat()));
        counter += 1;
    }
    mask.truncate(length);
    mask
}
