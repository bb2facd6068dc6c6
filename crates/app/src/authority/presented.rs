//! What a certificate that a client presented says of itself, for certificates that the state does not know.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use windlass_domain::ids::Sha256;
use windlass_domain::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// A certificate, taken apart. Who signed it is judged elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// The common name of its subject.
    pub common_name: Option<String>,
    /// SHA-256 of the certificate (DER).
    pub fingerprint: Sha256,
    /// SHA-256 of its SubjectPublicKeyInfo (DER).
    pub public_key: Sha256,
    /// Hex.
    pub serial: String,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// The certificate, PEM.
    pub pem: String,
}

impl Presented {
    /// Reads a certificate (DER). None if it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let common_name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        let validity = certificate.validity();
        Some(Self {
            common_name: common_name.map(ToOwned::to_owned),
            fingerprint: Sha256::of(der),
            public_key: Sha256::of(certificate.public_key().raw),
            serial: hex::encode(certificate.raw_serial()),
            not_before: Timestamp::from_seconds(validity.not_before.timestamp()),
            not_after: Timestamp::from_seconds(validity.not_after.timestamp()),
            pem: pem(der),
        })
    }
}

fn pem(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for (place, letter) in encoded.chars().enumerate() {
        if place > 0 && place.is_multiple_of(64) {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str("\n-----END CERTIFICATE-----\n");
    text
}
