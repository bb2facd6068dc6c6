//! The console port: TLS and plain HTTP on one address, told apart by the first byte.
//!
//! TLS is always spoken. Plain HTTP only to those who may: everybody where the configuration says so or the port is
//! bound to loopback, else trusted proxies. Knows no route; never asks for client certificates.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use windlass_app::authority::ServerIdentity;
use windlass_app::tasks::Tasks;

use crate::config::Cidr;

/// Connections of people and programs at once; more wait in the system's queue.
const CONNECTIONS: usize = 1_024;

/// Time for the first byte, for the TLS handshake, and for the head of a request, each.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first byte of a TLS record that carries a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// Why the console port did not start.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The address is taken or not of this machine.
    #[error("cannot listen on {address}; is another program using it?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A PEM file cannot be read.
    #[error("the file {path} holds no usable PEM: {source}")]
    Pem {
        /// Which one.
        path: PathBuf,
        /// What is wrong.
        source: rustls_pki_types::pem::Error,
    },
    /// Certificate and key do not work together.
    #[error("the certificate and key of the console port do not work together: {0}")]
    Unusable(#[from] rustls::Error),
}

/// What the console port presents.
#[derive(Debug)]
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// Whether it was signed by the server's own authority and is renewed with it.
    own: bool,
}

impl Identity {
    /// The given files, or else what the server's own authority signed.
    pub(crate) fn load(
        certificate: Option<&Path>,
        key: Option<&Path>,
        own: &ServerIdentity,
    ) -> Result<Self, ConsoleError> {
        let (Some(certificate), Some(key)) = (certificate, key) else {
            return Ok(Self { chain: own.chain.clone(), key: own.key.clone_key(), own: true });
        };
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ConsoleError::Pem { path, source }
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(failed(certificate))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(failed(key))?;
        Ok(Self { chain, key, own: false })
    }

    fn into_config(self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.chain, self.key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// What the console port is started with.
#[derive(Debug)]
pub(crate) struct ConsoleConfig {
    /// Whether everybody may speak plain HTTP.
    pub(crate) plain_for_all: bool,
    /// Who may otherwise.
    pub(crate) trusted_proxies: Vec<Cidr>,
    /// What is presented to those who speak TLS.
    pub(crate) identity: Identity,
}

/// Where a request came from, in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The other end of the connection; a proxy where there is one.
    pub(crate) address: IpAddr,
    /// Whether the connection itself is TLS.
    pub(crate) tls: bool,
}

#[derive(Debug)]
struct Shared {
    tls: RwLock<Arc<ServerConfig>>,
    plain_for_all: bool,
    trusted_proxies: Vec<Cidr>,
}

impl Shared {
    fn may_speak_plain(&self, peer: IpAddr) -> bool {
        self.plain_for_all || self.trusted_proxies.iter().any(|range| range.contains(peer))
    }

    fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.tls.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// A running console port.
#[derive(Debug)]
pub(crate) struct Console {
    address: SocketAddr,
    own_identity: bool,
    shared: Arc<Shared>,
    tasks: Tasks,
}

impl Console {
    /// Serves `router` on `listener` until drained.
    pub(crate) fn start(
        listener: TcpListener,
        router: Router,
        config: ConsoleConfig,
        tasks: &Tasks,
    ) -> Result<Self, ConsoleError> {
        let ConsoleConfig { plain_for_all, trusted_proxies, identity } = config;
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let address =
            listener.local_addr().map_err(|source| ConsoleError::Listen { address: unknown, source })?;
        let own_identity = identity.own;
        let tls = RwLock::new(identity.into_config()?);
        let shared = Arc::new(Shared { tls, plain_for_all, trusted_proxies });
        let tasks = tasks.child("console");
        let group = tasks.clone();
        let for_all = Arc::clone(&shared);
        tasks.spawn_until_stopped(async move { accept(listener, router, for_all, group).await });
        Ok(Self { address, own_identity, shared, tasks })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether everybody may speak plain HTTP.
    pub(crate) fn is_plain(&self) -> bool {
        self.shared.plain_for_all
    }

    /// Presents the renewed certificate from now on, unless the operator gave one.
    pub(crate) fn reload_certificate(&self, renewed: &ServerIdentity) -> Result<(), rustls::Error> {
        if !self.own_identity {
            return Ok(());
        }
        let identity = Identity { chain: renewed.chain.clone(), key: renewed.key.clone_key(), own: true };
        let config = identity.into_config()?;
        *self.shared.tls.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Stops listening and lets requests under way end.
    pub(crate) async fn drain(self, deadline: Duration) -> bool {
        self.tasks.drain(deadline).await
    }
}

async fn accept(listener: TcpListener, router: Router, shared: Arc<Shared>, tasks: Tasks) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or the peer went away meanwhile. Either passes.
                tracing::warn!(error = %error, "a connection to the console port was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (router, shared, stop) = (router.clone(), Arc::clone(&shared), tasks.stop().clone());
        tasks.spawn(async move {
            let serve = Box::pin(connection(stream, peer.ip().to_canonical(), router, &shared, &stop));
            serve.await;
            drop(place);
        });
    }
}

async fn connection(
    mut stream: TcpStream,
    peer: IpAddr,
    router: Router,
    shared: &Shared,
    stop: &tokio_util::sync::CancellationToken,
) {
    let mut first = [0; 1];
    let peeked = tokio::select! {
        peeked = tokio::time::timeout(PATIENCE, stream.peek(&mut first)) => peeked,
        () = stop.cancelled() => return,
    };
    match (peeked, first) {
        (Ok(Ok(1)), [TLS_HANDSHAKE]) => {
            let accepted = tokio::time::timeout(PATIENCE, shared.acceptor().accept(stream)).await;
            match accepted {
                Ok(Ok(stream)) => serve(stream, Origin { address: peer, tls: true }, router, stop).await,
                Ok(Err(error)) => {
                    tracing::debug!(client.address = %peer, error = %error, "a TLS handshake failed");
                }
                Err(_) => tracing::debug!(client.address = %peer, "a TLS handshake took too long"),
            }
        }
        (Ok(Ok(1)), _) if shared.may_speak_plain(peer) => {
            serve(stream, Origin { address: peer, tls: false }, router, stop).await;
        }
        (Ok(Ok(1)), _) => {
            const TEXT: &str = "This port speaks HTTPS to you. Use https://, or allow plain HTTP with --http-plain \
                                or --trusted-proxy.\n";
            let answer = format!(
                "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{TEXT}",
                TEXT.len()
            );
            if tokio::time::timeout(PATIENCE, say(&mut stream, answer.as_bytes())).await.is_err() {
                tracing::debug!(client.address = %peer, "an answer was not read");
            }
        }
        _ => {}
    }
}

/// Writes an answer and reads what the peer still sends, within bounds: closing with unread bytes would throw the
/// answer away on its side.
async fn say(stream: &mut TcpStream, answer: &[u8]) {
    const MOST: usize = 64;
    let mut ignored = [0; 1024];
    let written = match stream.write_all(answer).await {
        Ok(()) => stream.shutdown().await,
        Err(error) => Err(error),
    };
    for _ in 0..MOST {
        if written.is_err() || !matches!(stream.read(&mut ignored).await, Ok(1..)) {
            return;
        }
    }
}

async fn serve<S>(stream: S, origin: Origin, router: Router, stop: &tokio_util::sync::CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(origin);
        router.clone().oneshot(request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(64);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(client.address = %origin.address, error = %error, "a connection ended badly");
    }
}
