//! Reads certificates and keys that were kept: whether they are what they should be, and belong together.
//!
//! Makes nothing, and judges no client.

use std::path::Path;

use rcgen::KeyPair;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use windlass_domain::ids::Sha256;
use windlass_domain::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::{AuthorityError, files};

pub(super) struct Ca {
    pub(super) der: CertificateDer<'static>,
    pub(super) pem: String,
    pub(super) not_after: Timestamp,
}

pub(super) fn read_ca(path: &Path, text: &str) -> Result<Ca, AuthorityError> {
    let unreadable =
        |problem: &str| AuthorityError::Unreadable { path: path.to_owned(), problem: problem.to_owned() };
    let der =
        CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| unreadable("it holds no certificate"))?;
    let (_, certificate) =
        X509Certificate::from_der(&der).map_err(|_| unreadable("its certificate cannot be read"))?;
    if !certificate.is_ca() {
        return Err(unreadable("its certificate is not an authority's"));
    }
    let not_after = Timestamp::from_seconds(certificate.validity().not_after.timestamp());
    let pem = files::certificate_block(text).ok_or_else(|| unreadable("it holds no certificate"))?;
    Ok(Ca { der, pem, not_after })
}

/// Whether `issuer`'s key made `leaf`'s signature and its name is the leaf's issuer.
pub(super) fn signed_by(leaf: &CertificateDer<'_>, issuer: &CertificateDer<'_>) -> bool {
    let (Ok((_, leaf)), Ok((_, issuer))) =
        (X509Certificate::from_der(leaf), X509Certificate::from_der(issuer))
    else {
        return false;
    };
    leaf.issuer().as_raw() == issuer.subject().as_raw()
        && leaf.verify_signature(Some(issuer.public_key())).is_ok()
}

pub(super) fn public_key_of(der: &CertificateDer<'_>) -> Sha256 {
    X509Certificate::from_der(der)
        .map_or(Sha256::of(&[]), |(_, certificate)| Sha256::of(certificate.public_key().raw))
}

/// The first private key of a PEM text that may hold certificates before it.
pub(super) fn key_of(text: &str) -> Result<KeyPair, rcgen::Error> {
    let key =
        PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    KeyPair::try_from(&key)
}
