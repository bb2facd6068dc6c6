//! TLS of the device port: certificates in, streams out. The only module that knows rustls.
//!
//! The handshake proves possession of the client's key and nothing else. Who the certificate belongs to and
//! whether it is good is asked of the application after *every* handshake, resumed ones too: a resumed session
//! brings back the certificate but checks neither chain nor revocation again.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use windlass_app::refusals::Cause;

/// Application protocols that the device port speaks, as named in ALPN.
const PROTOCOLS: [&[u8]; 3] = [b"mqtt", b"x-amzn-mqtt-ca", b"http/1.1"];

/// A server certificate and its key.
pub struct TlsIdentity {
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's key.
    pub key: PrivateKeyDer<'static>,
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

/// Why a certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate in the chain.
    #[error("the certificate chain is empty")]
    Empty,
    /// The key is of a kind that cannot sign, does not belong to the certificate, or an option is out of bounds.
    #[error("the certificate and key do not work together: {0}")]
    Unusable(#[from] rustls::Error),
}

/// What the peer's opening bytes are to be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// MQTT was agreed on.
    Mqtt,
    /// HTTP was agreed on.
    Http,
    /// Nothing was agreed on: the first byte tells.
    Unsaid,
}

/// What a finished handshake told.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// The client's chain, leaf first; empty without a client certificate.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The name that the client asked for.
    pub(crate) server_name: Option<String>,
    /// What was agreed to speak.
    pub(crate) spoken: Spoken,
    /// Whether an earlier session was resumed.
    pub(crate) resumed: bool,
}

/// A TLS stream of the server.
pub(crate) type Stream<S> = tokio_rustls::server::TlsStream<S>;

/// Accepts TLS; clones share certificate and tickets.
#[derive(Clone)]
pub(crate) struct Acceptor {
    inner: tokio_rustls::TlsAcceptor,
    certificate: Arc<Certificate>,
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

impl Acceptor {
    /// Serves with `identity`. Sessions may be resumed by ticket; the tickets' key lives as long as this.
    pub(crate) fn new(identity: TlsIdentity, max_fragment_size: Option<usize>) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certificate = Arc::new(Certificate {
            current: RwLock::new(certified(&provider, identity)?),
            provider: Arc::clone(&provider),
        });
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Certificate>::clone(&certificate);
        let verifier = Arc::new(PossessionOnly { algorithms: provider.signature_verification_algorithms });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(resolver);
        config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 1;
        config.max_fragment_size = max_fragment_size;
        // A bound outside what TLS allows is found here, not at the first handshake.
        let config = Arc::new(config);
        drop(rustls::ServerConnection::new(Arc::clone(&config))?);
        Ok(Self { inner: tokio_rustls::TlsAcceptor::from(config), certificate })
    }

    /// Uses another certificate for handshakes that begin from now on.
    pub(crate) fn reload(&self, identity: TlsIdentity) -> Result<(), TlsError> {
        let fresh = certified(&self.certificate.provider, identity)?;
        *self.certificate.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Shakes hands.
    pub(crate) async fn accept<S>(&self, stream: S) -> std::io::Result<(Stream<S>, Handshake)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = self.inner.accept(stream).await?;
        let (_, connection) = stream.get_ref();
        let spoken = match connection.alpn_protocol() {
            Some(b"http/1.1") => Spoken::Http,
            Some(_) => Spoken::Mqtt,
            None => Spoken::Unsaid,
        };
        let handshake = Handshake {
            chain: connection
                .peer_certificates()
                .map(|chain| chain.iter().map(|one| one.clone().into_owned()).collect())
                .unwrap_or_default(),
            server_name: connection.server_name().map(str::to_owned),
            spoken,
            resumed: connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        };
        Ok((stream, handshake))
    }
}

/// Why a handshake failed.
pub(crate) fn why(error: &std::io::Error) -> Cause {
    use rustls::{AlertDescription as Alert, CertificateError, Error};
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return Cause::BrokenOff;
    };
    match error {
        Error::AlertReceived(
            alert @ (Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked),
        ) => Cause::ServerNotTrusted(format!("{alert:?}")),
        Error::AlertReceived(
            alert @ (Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity),
        ) => Cause::NothingInCommon(format!("the client sent the alert {alert:?}")),
        Error::AlertReceived(alert) => Cause::ClientAlert(format!("{alert:?}")),
        Error::PeerIncompatible(what) => Cause::NothingInCommon(format!("{what:?}")),
        Error::NoApplicationProtocol => {
            Cause::NothingInCommon("none of the protocols offered by ALPN is spoken here".to_owned())
        }
        Error::InvalidCertificate(CertificateError::BadSignature) => Cause::KeyNotProven,
        Error::InvalidCertificate(what) => Cause::BadCertificate(what.to_string()),
        other => Cause::BadHandshake(other.to_string()),
    }
}

/// The name that a client asked for in the first record that it sent.
pub(crate) fn server_name(mut hello: &[u8]) -> Option<String> {
    let mut acceptor = rustls::server::Acceptor::default();
    acceptor.read_tls(&mut hello).ok()?;
    let accepted = acceptor.accept().ok()??;
    accepted.client_hello().server_name().map(str::to_owned)
}

fn certified(provider: &CryptoProvider, identity: TlsIdentity) -> Result<Arc<CertifiedKey>, TlsError> {
    if identity.chain.is_empty() {
        return Err(TlsError::Empty);
    }
    Ok(Arc::new(CertifiedKey::from_der(identity.chain, identity.key, provider)?))
}

/// The certificate that is served at present.
#[derive(Debug)]
struct Certificate {
    current: RwLock<Arc<CertifiedKey>>,
    provider: Arc<CryptoProvider>,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Accepts any chain from whoever proves to hold the leaf's key. Sends no list of authorities: it is long, and
/// microcontrollers have no use for it.
#[derive(Debug)]
struct PossessionOnly {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for PossessionOnly {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
