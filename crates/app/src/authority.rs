//! The certificate authority in the data directory: root, issuing CA, server certificate, device certificates.
//!
//! Knows files and keys; knows neither devices nor the store.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;

/// What the listeners present: leaf and issuing CA (the root is what clients trust), and the leaf's key.
#[derive(Debug)]
pub struct ServerIdentity {
    /// Leaf first, then the issuing CA.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's key, PKCS #8.
    pub key: PrivateKeyDer<'static>,
}

/// The authority. Clones share it.
#[derive(Debug, Clone)]
pub struct Authority;

impl Authority {
    /// Root and issuing CA, PEM, for clients to trust and for `GET /api/v1/ca.pem`.
    pub fn ca_pem(&self) -> String {
        unimplemented!("ca_pem")
    }

    /// SHA-256 of the root certificate (DER), hex, for people to compare.
    pub fn root_fingerprint(&self) -> String {
        unimplemented!("root_fingerprint")
    }

    /// The server's certificate now, and every newer one: the receiver changes when it was renewed.
    pub fn server_identity(&self) -> watch::Receiver<Arc<ServerIdentity>> {
        unimplemented!("server_identity")
    }
}
