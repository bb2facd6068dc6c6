//! The certificate authority in the data directory: root, issuing CA, server certificate, device certificates.
//!
//! `keys/root-ca.pem`, `keys/issuing-ca.pem` and `keys/server.pem` hold certificate and key each, so that no crash can
//! part them. Once the issuing CA exists the root's key may be moved elsewhere: only its certificate is needed.
//! Clients trust the root; the server sends leaf and issuing CA. Everything is P-256.
//!
//! Knows files and keys; knows neither devices nor the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData};
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;
use windlass_domain::credential::ConnectRefusal;
use windlass_domain::ids::Sha256;
use windlass_domain::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::clock::{Entropy, random};

pub mod csr;
mod describe;
mod files;
mod foreign;
mod inspect;
mod make;
pub mod names;
mod presented;
mod server;
mod stored;

pub(crate) use describe::describe;
pub(crate) use files::{KeyFileError, read_or_make};
pub(crate) use foreign::{name_vouched_for, read_authorities};
pub use inspect::{CertificateFacts, inspect};
use make::{key_pair, make_issuing, make_root, params, span};
use names::ServerNames;
pub use presented::Presented;
pub use server::ServerIdentity;
use server::{make_server, read_server};
use stored::{Ca, key_of, public_key_of, read_ca, signed_by};

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long a certificate lasts whose device can renew it.
pub const RENEWABLE_LIFETIME: Duration = YEAR;
/// How long a certificate lasts whose device has no way to renew it.
pub const UNRENEWABLE_LIFETIME: Duration = Duration::from_secs(20 * 365 * 24 * 3600);
/// How long a claim certificate lasts if nobody says otherwise.
pub const CLAIM_LIFETIME: Duration = YEAR;

/// Why the authority cannot work. Every sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A key file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// A file does not hold what it should.
    #[error("the file {} cannot be used: {problem}; restore it from a backup", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The root's key is needed once, and is not there.
    #[error("the issuing CA is missing and the key of {} is not there to make one; restore both", path.display())]
    NoRootKey {
        /// The root's file.
        path: PathBuf,
    },
    /// A name for the server certificate is none.
    #[error("{0} is neither a host name nor an address; correct --hostname or --public-url")]
    BadName(String),
    /// The issuing CA's time is over.
    #[error("the issuing CA has expired; no certificate can be signed")]
    Ended,
    /// The cryptographic library refused.
    #[error("a certificate could not be made")]
    Crypto(#[from] rcgen::Error),
}

/// A certificate that the issuing CA signed just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate alone.
    pub certificate_pem: String,
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
}

/// A key made by the server.
#[derive(Debug)]
pub struct MadeKey {
    /// PKCS #8.
    pub private_key_pem: String,
    /// Its public half.
    pub public: csr::PublicKey,
}

/// What a presented leaf says of itself, once it is known to be ours and fit for signing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// SHA-256 of the certificate (DER).
    pub fingerprint: Sha256,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
}

struct Inner {
    directory: PathBuf,
    root: Ca,
    issuing: Ca,
    issuer: Issuer<'static, KeyPair>,
    server: watch::Sender<Arc<ServerIdentity>>,
}

/// The authority. Clones share it.
#[derive(Clone)]
pub struct Authority(Arc<Inner>);

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("root", &self.root_fingerprint()).finish_non_exhaustive()
    }
}

impl Authority {
    /// Opens the authority in `directory` (the `keys` of the data directory), making what is missing; then the
    /// server certificate for `names`.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub fn open(
        directory: &Path,
        names: &ServerNames,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        files::private_directory(directory)?;
        let (root_path, issuing_path) = (directory.join("root-ca.pem"), directory.join("issuing-ca.pem"));
        let suffix = hex::encode(random::<4>(entropy));
        let root_text =
            read_or_make(&root_path, || make_root(&format!("Windlass Root CA {suffix}"), entropy, now))?;
        let root = read_ca(&root_path, &root_text)?;
        let issuing_text = read_or_make(&issuing_path, || {
            let Ok(key) = key_of(&root_text) else {
                return Err(AuthorityError::NoRootKey { path: root_path.clone() });
            };
            let signer = Issuer::from_ca_cert_der(&root.der, key)?;
            make_issuing(&format!("Windlass Issuing CA {suffix}"), &signer, root.not_after, entropy, now)
        })?;
        let issuing = read_ca(&issuing_path, &issuing_text)?;
        let unreadable = |problem: &str| AuthorityError::Unreadable {
            path: issuing_path.clone(),
            problem: problem.to_owned(),
        };
        let key = key_of(&issuing_text).map_err(|_| unreadable("it holds no private key"))?;
        if !signed_by(&issuing.der, &root.der) {
            return Err(unreadable("it was not signed by root-ca.pem"));
        }
        if Sha256::of(&key.subject_public_key_info()) != public_key_of(&issuing.der) {
            return Err(unreadable("its key and its certificate do not belong together"));
        }
        let issuer = Issuer::from_ca_cert_der(&issuing.der, key)?;
        let server_path = directory.join("server.pem");
        let stored = files::read(&server_path)?
            .and_then(|text| read_server(&text, &issuing.der, names, now))
            .map_or_else(|| make_server(&server_path, &issuer, &issuing, names, entropy, now), Ok)?;
        let (server, _) = watch::channel(Arc::new(stored));
        let directory = directory.to_owned();
        Ok(Self(Arc::new(Inner { directory, root, issuing, issuer, server })))
    }

    /// Root and issuing CA, PEM, for clients to trust and for `GET /api/v1/ca.pem`.
    pub fn ca_pem(&self) -> String {
        format!("{}{}", self.0.root.pem, self.0.issuing.pem)
    }

    /// The issuing CA, PEM: what follows a leaf in a chain.
    pub fn issuing_pem(&self) -> &str {
        &self.0.issuing.pem
    }

    /// Subject of the issuing CA, for people to compare.
    pub fn issuing_subject(&self) -> String {
        describe(&self.0.issuing.der).map(|own| own.subject).unwrap_or_default()
    }

    /// SHA-256 of the root certificate (DER), hex, for people to compare.
    pub fn root_fingerprint(&self) -> String {
        Sha256::of(&self.0.root.der).to_string()
    }

    /// The server's certificate now, and every newer one: the receiver changes when it was renewed.
    pub fn server_identity(&self) -> watch::Receiver<Arc<ServerIdentity>> {
        self.0.server.subscribe()
    }

    /// Makes a newer server certificate if two thirds of its life are over or the names differ. True if it did.
    ///
    /// # Errors
    /// See [`AuthorityError`]; the present certificate stays.
    pub fn renew_server_certificate(
        &self,
        names: &ServerNames,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<bool, AuthorityError> {
        let inner = &*self.0;
        let path = inner.directory.join("server.pem");
        let good =
            files::read(&path)?.and_then(|text| read_server(&text, &inner.issuing.der, names, now)).is_some();
        if good {
            return Ok(false);
        }
        let identity = make_server(&path, &inner.issuer, &inner.issuing, names, entropy, now)?;
        inner.server.send_replace(Arc::new(identity));
        Ok(true)
    }

    /// Signs a certificate for clients. The subject is ours (`common_name`), whatever a request said. `lifetime`
    /// counts from now and ends with the issuing CA at the latest.
    ///
    /// # Errors
    /// When the issuing CA has expired or the library refuses.
    pub fn sign(
        &self,
        key: &csr::PublicKey,
        common_name: &str,
        lifetime: Duration,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<Issued, AuthorityError> {
        self.sign_until(key, common_name, now.plus(lifetime), entropy, now)
    }

    /// As [`Authority::sign`], up to a point in time.
    ///
    /// # Errors
    /// When the issuing CA has expired or the library refuses.
    pub fn sign_until(
        &self,
        key: &csr::PublicKey,
        common_name: &str,
        end: Timestamp,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<Issued, AuthorityError> {
        let issuing = &self.0.issuing;
        if now >= issuing.not_after {
            return Err(AuthorityError::Ended);
        }
        let (not_before, not_after) = span(now, end.min(issuing.not_after));
        let mut params = params(common_name, not_before, not_after, entropy);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let serial = params.serial_number.as_ref().map(|serial| hex::encode(serial.to_bytes()));
        let certificate = params.signed_by(key, &self.0.issuer)?;
        Ok(Issued {
            certificate_pem: certificate.pem(),
            fingerprint: Sha256::of(certificate.der()),
            public_key: key.digest(),
            serial: serial.unwrap_or_default(),
            not_before,
            not_after,
        })
    }

    /// Makes a P-256 key for somebody who cannot make one.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn make_key(&self, entropy: &dyn Entropy) -> Result<MadeKey, AuthorityError> {
        let (pair, private_key_pem) = key_pair(entropy)?;
        Ok(MadeKey { private_key_pem, public: csr::PublicKey::of_pair(&pair)? })
    }

    /// Judges the chain that a client presented, leaf first: ours, and fit for signing in. Time is judged by the
    /// caller together with what the store knows.
    ///
    /// # Errors
    /// No certificate, an unreadable or unfit one, or another issuer's.
    pub fn judge(&self, chain: &[CertificateDer<'_>]) -> Result<Leaf, ConnectRefusal> {
        let leaf = chain.first().ok_or(ConnectRefusal::NoCredential)?;
        let (rest, certificate) =
            X509Certificate::from_der(leaf).map_err(|_| ConnectRefusal::Unusable("it cannot be read"))?;
        if !rest.is_empty() {
            return Err(ConnectRefusal::Unusable("something follows it"));
        }
        if !signed_by(leaf, &self.0.issuing.der) {
            return Err(ConnectRefusal::WrongIssuer);
        }
        if certificate.is_ca() {
            return Err(ConnectRefusal::Unusable("it is an authority's"));
        }
        match certificate.extended_key_usage() {
            Ok(Some(usage)) if usage.value.client_auth => {}
            _ => return Err(ConnectRefusal::Unusable("it is not made for clients")),
        }
        let validity = certificate.validity();
        Ok(Leaf {
            fingerprint: Sha256::of(leaf),
            not_before: Timestamp::from_seconds(validity.not_before.timestamp()),
            not_after: Timestamp::from_seconds(validity.not_after.timestamp()),
        })
    }
}

#[cfg(test)]
mod tests;
