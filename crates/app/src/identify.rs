//! Who is at the other end: certificate or token in, [`Peer`] or the exact reason for refusal out.

use rustls_pki_types::CertificateDer;
use windlass_domain::credential::ConnectRefusal;
use windlass_domain::permission::Principal;

use crate::app::App;
use crate::message::Peer;

impl App {
    /// Judges the certificate chain that a client presented (leaf first): issuer, validity, usage, then what the
    /// store knows of it. Called after *every* TLS handshake, resumed ones too.
    ///
    /// # Errors
    /// The first reason why the peer may not connect; [`ConnectRefusal::Unavailable`] if the store failed.
    pub async fn identify_certificate(&self, _chain: &[CertificateDer<'_>]) -> Result<Peer, ConnectRefusal> {
        unimplemented!("identify_certificate")
    }

    /// Judges an API token.
    ///
    /// # Errors
    /// [`ConnectRefusal::BadToken`] whether unknown, expired or revoked; `Unavailable` if the store failed.
    pub async fn identify_token(&self, _secret: &str) -> Result<Principal, ConnectRefusal> {
        unimplemented!("identify_token")
    }
}
