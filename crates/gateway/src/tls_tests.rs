//! Handshakes against rustls in the role of the client, over a pipe in memory.

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::client::{Resumption, danger::ServerCertVerified, danger::ServerCertVerifier};
use rustls::{ClientConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn authority() -> Issuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    Issuer::new(params, KeyPair::generate().unwrap())
}

fn identity(name: &str) -> TlsIdentity {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority()).unwrap();
    TlsIdentity {
        chain: vec![certificate.into()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    }
}

/// Remembers which certificate the server showed; accepts any.
#[derive(Debug, Default)]
struct Witness(std::sync::Mutex<Option<CertificateDer<'static>>>);

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.0.lock().unwrap() = Some(leaf.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn client(
    version: &'static SupportedProtocolVersion,
    own: Option<TlsIdentity>,
    protocols: &[&str],
) -> (Arc<ClientConfig>, Arc<Witness>) {
    let witness = Arc::new(Witness::default());
    let verifier: Arc<dyn ServerCertVerifier> = Arc::<Witness>::clone(&witness);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match own {
        Some(own) => builder.with_client_auth_cert(own.chain, own.key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::in_memory_sessions(8);
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    (Arc::new(config), witness)
}

async fn shake(acceptor: &Acceptor, client: &Arc<ClientConfig>) -> std::io::Result<Handshake> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let name = "pump.example".try_into().unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(client));
    let (served, connected) = tokio::join!(
        async {
            let (mut stream, handshake) = acceptor.accept(near).await?;
            // The answer carries the tickets of TLS 1.3.
            stream.write_all(b"hello").await?;
            stream.flush().await?;
            Ok::<_, std::io::Error>(handshake)
        },
        async {
            let mut stream = connector.connect(name, far).await?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).await?;
            Ok::<_, std::io::Error>(())
        }
    );
    let handshake = served?;
    connected?;
    Ok(handshake)
}

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

#[tokio::test]
async fn a_client_may_come_with_any_certificate_or_none() {
    let acceptor = Acceptor::new(identity("server"), None).unwrap();
    for version in VERSIONS {
        let own = identity("pump");
        let leaf = own.chain[0].clone();
        let handshake = shake(&acceptor, &client(version, Some(own), &[]).0).await.unwrap();
        assert_eq!(handshake.chain, [leaf]);
        assert_eq!(handshake.server_name.as_deref(), Some("pump.example"));
        let handshake = shake(&acceptor, &client(version, None, &[]).0).await.unwrap();
        assert!(handshake.chain.is_empty());
    }
}

#[tokio::test]
async fn a_resumed_session_brings_the_certificate_back_to_be_judged_again() {
    let acceptor = Acceptor::new(identity("server"), None).unwrap();
    for version in VERSIONS {
        let own = identity("pump");
        let leaf = own.chain[0].clone();
        let (client, _) = client(version, Some(own), &[]);
        assert!(!shake(&acceptor, &client).await.unwrap().resumed);
        let handshake = shake(&acceptor, &client).await.unwrap();
        assert!(handshake.resumed, "{version:?}");
        assert_eq!(handshake.chain, [leaf], "{version:?}");
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_is_refused() {
    let acceptor = Acceptor::new(identity("server"), None).unwrap();
    for version in VERSIONS {
        let stolen = TlsIdentity { chain: identity("pump").chain, key: identity("thief").key };
        // The client's library would refuse the pair, so it is put together by hand.
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&stolen.key).unwrap();
        let (config, _) = client(version, None, &[]);
        let mut config = Arc::try_unwrap(config).unwrap();
        config.client_auth_cert_resolver =
            Arc::new(rustls::sign::SingleCertAndKey::from(CertifiedKey::new(stolen.chain, key)));
        assert!(shake(&acceptor, &Arc::new(config)).await.is_err(), "{version:?}");
    }
}

#[tokio::test]
async fn the_agreed_protocol_decides_what_is_spoken() {
    let acceptor = Acceptor::new(identity("server"), None).unwrap();
    for (offered, spoken) in [
        (&["mqtt"][..], Spoken::Mqtt),
        (&["x-amzn-mqtt-ca"][..], Spoken::Mqtt),
        (&["h2", "http/1.1"][..], Spoken::Http),
        (&[][..], Spoken::Unsaid),
    ] {
        let handshake = shake(&acceptor, &client(&rustls::version::TLS13, None, offered).0).await.unwrap();
        assert_eq!(handshake.spoken, spoken, "{offered:?}");
    }
    assert!(shake(&acceptor, &client(&rustls::version::TLS13, None, &["imap"]).0).await.is_err());
}

#[tokio::test]
async fn a_new_certificate_is_served_without_a_restart() {
    let acceptor = Acceptor::new(identity("old"), None).unwrap();
    let fresh = identity("new");
    let leaf = fresh.chain[0].clone();
    acceptor.reload(fresh).unwrap();
    let (config, witness) = client(&rustls::version::TLS13, None, &[]);
    shake(&acceptor, &config).await.unwrap();
    assert_eq!(*witness.0.lock().unwrap(), Some(leaf));
}

#[test]
fn what_cannot_be_served_is_refused_at_once() {
    let empty = TlsIdentity { chain: Vec::new(), ..identity("server") };
    assert!(matches!(Acceptor::new(empty, None), Err(TlsError::Empty)));
    let mixed = TlsIdentity { chain: identity("one").chain, key: identity("other").key };
    assert!(matches!(Acceptor::new(mixed, None), Err(TlsError::Unusable(_))));
    assert!(matches!(Acceptor::new(identity("server"), Some(1)), Err(TlsError::Unusable(_))));
    assert!(Acceptor::new(identity("server"), Some(1_024)).is_ok());
}

#[test]
fn a_certificate_that_cannot_be_read_is_not_taken_for_a_key_that_does_not_fit() {
    use rustls::{CertificateError, Error};
    let cause = |error| why(&std::io::Error::other(Error::InvalidCertificate(error)));
    assert_eq!(cause(CertificateError::BadSignature), Cause::KeyNotProven);
    assert!(matches!(cause(CertificateError::BadEncoding), Cause::BadCertificate(_)));
}
