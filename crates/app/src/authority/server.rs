//! The server's own certificate: what the listeners present, made anew at two thirds of its life or for other names.
//!
//! Knows nothing of clients.

use std::path::Path;
use std::time::Duration;

use rcgen::{ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use windlass_domain::ids::Sha256;
use windlass_domain::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::make::{key_pair, params, span};
use super::names::{self, ServerNames};
use super::stored::{Ca, key_of, public_key_of, signed_by};
use super::{AuthorityError, YEAR, files};
use crate::clock::Entropy;

const SERVER_LIFETIME: Duration = YEAR;

/// What the listeners present: leaf and issuing CA (the root is what clients trust), and the leaf's key.
#[derive(Debug)]
pub struct ServerIdentity {
    /// Leaf first, then the issuing CA.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's key, PKCS #8.
    pub key: PrivateKeyDer<'static>,
    /// End of the leaf.
    pub not_after: Timestamp,
    /// When a newer one is due: at two thirds of its life.
    pub renew_at: Timestamp,
}

pub(super) fn make_server(
    path: &Path,
    issuer: &Issuer<'_, KeyPair>,
    issuing: &Ca,
    names: &ServerNames,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<ServerIdentity, AuthorityError> {
    if now >= issuing.not_after {
        return Err(AuthorityError::Ended);
    }
    let (key, key_pem) = key_pair(entropy)?;
    let (not_before, not_after) = span(now, now.plus(SERVER_LIFETIME).min(issuing.not_after));
    let mut params = params(names.first(), not_before, not_after, entropy);
    params.subject_alt_names = names.alternatives()?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, issuer)?;
    files::write(path, &format!("{}{key_pem}", certificate.pem()))?;
    tracing::info!(
        certificate.names = names.alternatives()?.len(),
        certificate.not_after = %not_after,
        "made a server certificate"
    );
    Ok(ServerIdentity {
        chain: vec![certificate.der().clone(), issuing.der.clone()],
        key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        not_after,
        renew_at: renew_at(not_before, not_after),
    })
}

fn renew_at(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    not_before.plus(not_after.since(not_before) / 3 * 2)
}

/// The stored server certificate, if it is still the right one.
pub(super) fn read_server(
    text: &str,
    issuing: &CertificateDer<'static>,
    names: &ServerNames,
    now: Timestamp,
) -> Option<ServerIdentity> {
    let leaf = CertificateDer::from_pem_slice(text.as_bytes()).ok()?;
    let key = key_of(text).ok()?;
    let (_, certificate) = X509Certificate::from_der(&leaf).ok()?;
    let validity = certificate.validity();
    let not_before = Timestamp::from_seconds(validity.not_before.timestamp());
    let not_after = Timestamp::from_seconds(validity.not_after.timestamp());
    let renew_at = renew_at(not_before, not_after);
    let same_names = names.alternatives().ok()? == alternatives_of(&certificate);
    let same_key = Sha256::of(&key.subject_public_key_info()) == public_key_of(&leaf);
    let good = same_names && same_key && signed_by(&leaf, issuing) && not_before <= now && now < renew_at;
    let (leaf, pkcs8) = (leaf.clone(), key.serialize_der());
    good.then(|| ServerIdentity {
        chain: vec![leaf, issuing.clone()],
        key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8)),
        not_after,
        renew_at,
    })
}

pub(super) fn alternatives_of(certificate: &X509Certificate<'_>) -> Vec<SanType> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    names::from_general(&extension.value.general_names)
}
