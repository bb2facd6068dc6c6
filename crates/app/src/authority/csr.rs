//! Certificate requests of devices (PKCS #10): only the key is taken from them, after they proved to hold it.

use rcgen::{PublicKeyData, SubjectPublicKeyInfo};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use windlass_domain::ids::Sha256;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey as Parsed;

/// No request is longer than this, in bytes of PEM.
pub const LONGEST: usize = 8 * 1024;

/// Why a request is not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// Longer than [`LONGEST`].
    #[error("the certificate signing request is longer than 8 KiB")]
    TooLong,
    /// Not PEM, or not a PKCS #10 request.
    #[error("the certificate signing request is not a PKCS #10 request in PEM")]
    Malformed,
    /// It does not prove that its sender holds the key.
    #[error("the signature of the certificate signing request is not good")]
    BadSignature,
    /// A key of another kind.
    #[error("the key must be P-256, P-384, Ed25519, or RSA of 2048 to 4096 bits")]
    Key,
}

/// A public key of a kind that we certify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(SubjectPublicKeyInfo);

impl PublicKey {
    /// SHA-256 of its SubjectPublicKeyInfo (DER), always encoded the same way.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(&self.0.subject_public_key_info())
    }

    /// The public half of a pair.
    pub(super) fn of_pair(pair: &rcgen::KeyPair) -> Result<Self, rcgen::Error> {
        SubjectPublicKeyInfo::from_der(&pair.subject_public_key_info()).map(Self)
    }
}

impl PublicKeyData for PublicKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.0.algorithm()
    }
}

/// Reads a request, checks its own signature and the kind of its key. Its subject and extensions are not looked at.
///
/// # Errors
/// See [`CsrError`].
pub fn read(pem: &str) -> Result<PublicKey, CsrError> {
    if pem.len() > LONGEST {
        return Err(CsrError::TooLong);
    }
    let der =
        CertificateSigningRequestDer::from_pem_slice(pem.as_bytes()).map_err(|_| CsrError::Malformed)?;
    let (rest, request) = X509CertificationRequest::from_der(&der).map_err(|_| CsrError::Malformed)?;
    if !rest.is_empty() {
        return Err(CsrError::Malformed);
    }
    let info = &request.certification_request_info.subject_pki;
    let raw = &info.subject_public_key.data;
    let good = match info.parsed().map_err(|_| CsrError::Key)? {
        Parsed::RSA(key) => (2048..=4096).contains(&key.key_size()),
        // Uncompressed points only, so that a key has one spelling: P-256 and P-384.
        Parsed::EC(_) => raw.first() == Some(&4) && matches!(raw.len(), 65 | 97),
        Parsed::Unknown(_) => raw.len() == 32,
        Parsed::DSA(_) | Parsed::GostR3410(_) | Parsed::GostR3410_2012(_) => false,
    };
    let key = SubjectPublicKeyInfo::from_der(info.raw).map_err(|_| CsrError::Key)?;
    let known = [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_RSA_SHA256,
    ];
    if !good || !known.contains(&key.algorithm()) {
        return Err(CsrError::Key);
    }
    request.verify_signature().map_err(|_| CsrError::BadSignature)?;
    Ok(PublicKey(key))
}
