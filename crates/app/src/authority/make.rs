//! Makes keys and certificates: root, issuing CA, and what all certificates have in common.
//!
//! Knows no file and no name but those it is given.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SerialNumber,
};
use windlass_domain::time::Timestamp;

use super::AuthorityError;
use crate::clock::{Entropy, random};

/// Certificates begin this long before they are made: clocks of devices and servers differ.
const BACKDATE: Duration = Duration::from_secs(24 * 3600);
pub(super) const CA_LIFETIME: Duration = Duration::from_secs(40 * 365 * 24 * 3600);

pub(super) fn span(now: Timestamp, end: Timestamp) -> (Timestamp, Timestamp) {
    (Timestamp::from_seconds(now.minus(BACKDATE).seconds()), Timestamp::from_seconds(end.seconds()))
}

pub(super) fn params(
    common_name: &str,
    not_before: Timestamp,
    not_after: Timestamp,
    entropy: &dyn Entropy,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.serial_number = Some(SerialNumber::from_slice(&random::<16>(entropy)));
    params.not_before = date(not_before);
    params.not_after = date(not_after);
    params
}

fn date(time: Timestamp) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(time.seconds()).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

/// A P-256 key from our own randomness, and its PKCS #8 PEM.
pub(super) fn key_pair(entropy: &dyn Entropy) -> Result<(KeyPair, String), AuthorityError> {
    use p256::pkcs8::{EncodePrivateKey, LineEnding};
    let secret = loop {
        // Fails for zero and for numbers beyond the curve's order: one in 2^32.
        if let Ok(secret) = p256::SecretKey::from_slice(&random::<32>(entropy)) {
            break secret;
        }
    };
    let pem = secret.to_pkcs8_pem(LineEnding::LF).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    Ok((KeyPair::from_pem(&pem)?, pem.to_string()))
}

fn ca_params(
    name: &str,
    below: u8,
    end: Timestamp,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> CertificateParams {
    let (not_before, not_after) = span(now, end);
    let mut params = params(name, not_before, not_after, entropy);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub(super) fn make_root(name: &str, entropy: &dyn Entropy, now: Timestamp) -> Result<String, AuthorityError> {
    let (key, key_pem) = key_pair(entropy)?;
    let certificate = ca_params(name, 1, now.plus(CA_LIFETIME), entropy, now).self_signed(&key)?;
    Ok(format!("{}{key_pem}", certificate.pem()))
}

pub(super) fn make_issuing(
    name: &str,
    root: &Issuer<'_, KeyPair>,
    end: Timestamp,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<String, AuthorityError> {
    let (key, key_pem) = key_pair(entropy)?;
    let mut params = ca_params(name, 0, end, entropy, now);
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, root)?;
    Ok(format!("{}{key_pem}", certificate.pem()))
}
