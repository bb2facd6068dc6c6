//! Everything that devices talk to: TLS, MQTT, WebSocket, the HTTPS twin of the device API, downloads.
//!
//! **Invariant:** no rule of its own beyond the protocols'. Who a peer is, what it may do, and what comes of a
//! message is asked of `windlass-app`; nothing here knows SQL.
//!
//! `mod` order is reading order.
#![deny(clippy::indexing_slicing)]

mod core;
pub mod ddi;
mod door;
mod http;
mod ingest;
mod listener;
pub mod metrics;
mod mqtt;
mod prefixed;
mod rate;
pub mod tls;

pub use crate::http::{download, links};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use windlass_app::App;
use windlass_app::tasks::Tasks;

use crate::core::Core;
use crate::listener::Entrance;
use crate::metrics::Metrics;
use crate::tls::{Acceptor, TlsError, TlsIdentity};

/// What a gateway is started with.
#[derive(Debug)]
pub struct GatewayConfig {
    /// Where devices connect with TLS.
    pub listen: Vec<SocketAddr>,
    /// MQTT without TLS for tinkering; must be a loopback address.
    pub plain: Option<SocketAddr>,
    /// The server's certificate chain and key.
    pub identity: TlsIdentity,
    /// Largest TLS record that the server sends, for clients with small buffers. None means 16 KiB.
    pub max_fragment_size: Option<usize>,
}

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// An address could not be listened on.
    #[error("cannot listen on {address}; is another program using it?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// MQTT without TLS on an address that others can reach.
    #[error("MQTT without TLS is for loopback addresses only, and {0} is not one")]
    PlainBeyondLoopback(SocketAddr),
    /// The certificate or key cannot be used.
    #[error("the server certificate cannot be used")]
    Tls(#[from] TlsError),
}

/// A running gateway. It stops when its group of tasks does; [`Gateway::drain`] also waits for it.
#[derive(Debug)]
pub struct Gateway {
    addresses: Vec<SocketAddr>,
    metrics: Arc<Metrics>,
    acceptor: Acceptor,
    tasks: Tasks,
}

impl Gateway {
    /// Listens and serves until drained. Everything runs on a child group of `tasks`.
    ///
    /// # Errors
    /// An address that cannot be listened on, or a certificate that cannot be used.
    pub async fn start(app: App, config: GatewayConfig, tasks: &Tasks) -> Result<Self, GatewayError> {
        let GatewayConfig { listen, plain, identity, max_fragment_size } = config;
        if let Some(address) = plain.filter(|address| !address.ip().is_loopback()) {
            return Err(GatewayError::PlainBeyondLoopback(address));
        }
        let acceptor = Acceptor::new(identity, max_fragment_size)?;
        let wanted =
            listen.iter().map(|address| (*address, false)).chain(plain.map(|address| (address, true)));
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for (address, plain) in wanted {
            let cannot = |source| GatewayError::Listen { address, source };
            let listener = listener::bind(address).map_err(cannot)?;
            addresses.push(listener.local_addr().map_err(cannot)?);
            listeners.push((listener, plain));
        }
        let tasks = tasks.child("gateway");
        let metrics = Arc::<Metrics>::default();
        let core = Core::start(app, Arc::clone(&metrics), tasks.clone());
        core::adopt_sessions(&core).await;
        let entrance = Entrance::new(core, acceptor.clone());
        for (listener, plain) in listeners {
            tasks.spawn(listener::accept(Arc::clone(&entrance), listener, plain));
        }
        Ok(Self { addresses, metrics, acceptor, tasks })
    }

    /// The addresses it really listens on: those of `listen` in order, then `plain`.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What it counts.
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Serves new handshakes with another certificate from now on.
    ///
    /// # Errors
    /// A certificate or key that cannot be used; the old one stays.
    pub fn reload_certificate(&self, identity: TlsIdentity) -> Result<(), TlsError> {
        self.acceptor.reload(identity)
    }

    /// Stops listening, tells every peer that the server is going down, and waits until what was taken in is
    /// durable and acknowledged. True if all ended in time.
    pub async fn drain(self, deadline: Duration) -> bool {
        self.tasks.drain(deadline).await
    }
}
