//! One node: everything started in order, and ended in order.
//!
//! Start: data directory → application (state, keys, index) → first administrator → device port → console port →
//! background tasks → ready. End: not ready → simulated devices → device port drained → console port drained → tasks drained.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use windlass_app::access::Bootstrap;
use windlass_app::authority::ServerIdentity;
use windlass_app::backup::Backups;
use windlass_app::clock::{SystemClock, SystemEntropy};
use windlass_app::simulation::{DevicePort, Simulation, Simulator};
use windlass_app::tasks::Tasks;
use windlass_app::{App, AppConfig, AppError, StartError};
use windlass_gateway::tls::{TlsError, TlsIdentity};
use windlass_gateway::{Gateway, GatewayConfig, GatewayError};
use windlass_store::Location;
use windlass_store::snapshot::{self, DirectoryLock};

use crate::admin;
use crate::config::{Config, ConfigError};
use crate::console::{self, ConsoleConfig, ConsoleError};
use crate::doctor::Doctor;
use crate::outbound::Outbound;
use crate::rest::{self, Rest, RestConfig};

/// Why a node did not start. Every sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The data directory cannot be made or looked at.
    #[error("the data directory {path} cannot be used")]
    Directory {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others on this machine can look into the data directory.
    #[error("others can read the data directory {path} (mode {mode:o}); run: chmod 700 {path}")]
    DirectoryOpen {
        /// Which one.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The application did not start.
    #[error("windlass did not start")]
    App(#[from] StartError),
    /// The password file cannot be read.
    #[error("the password file {path} cannot be read")]
    PasswordFile {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The first administrator could not be made.
    #[error("the first administrator could not be made: {0}")]
    Administrator(AppError),
    /// The device port did not start.
    #[error("the device port did not start: {0}")]
    Gateway(#[from] GatewayError),
    /// The console port did not start.
    #[error("the console port did not start: {0}")]
    Console(#[from] ConsoleError),
    /// It missed a part of what other nodes did.
    #[error(
        "this node was cut off from the database for too long to know what changed meanwhile; start it again"
    )]
    FellBehind,
    /// The configuration does not go together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The settings of what leaves this server cannot be used.
    #[error("{0}")]
    Outbound(String),
    /// Signals cannot be listened to.
    #[error("signals cannot be listened to")]
    Signals(#[source] std::io::Error),
}

/// A running node. Dropping it does not stop it: call [`Node::drain`] or [`Node::run_until_signal`].
#[derive(Debug)]
pub struct Node {
    app: App,
    rest: Rest,
    gateway: Gateway,
    console: console::Console,
    tasks: Tasks,
    drain: Duration,
    data: PathBuf,
    administrator: Bootstrap,
    url: String,
    setup: Option<String>,
    /// Where the state is elsewhere, the directory's lock is ours to hold; it goes with the node.
    _lock: Option<DirectoryLock>,
}

impl Node {
    /// Starts everything. When this returns, devices and people can connect.
    ///
    /// # Errors
    /// The first part that did not start, and what to do about it.
    pub async fn start(config: Config) -> Result<Self, NodeError> {
        Self::start_with(config, None).await
    }

    /// As [`Node::start`], with somebody who plays simulated devices when an operator wants some.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn start_simulating(config: Config, simulator: Arc<dyn Simulator>) -> Result<Self, NodeError> {
        Self::start_with(config, Some(simulator)).await
    }

    async fn start_with(config: Config, simulator: Option<Arc<dyn Simulator>>) -> Result<Self, NodeError> {
        let tasks = Tasks::new("node");
        let clock = Arc::new(SystemClock::default());
        let entropy = Arc::new(SystemEntropy);
        prepare_directory(&config.data)?;
        let lock = match &config.database {
            Some(_) => Some(snapshot::lock(&config.data).map_err(StartError::Open)?),
            // The embedded store takes it.
            None => None,
        };
        let location = match &config.database {
            Some(url) => Location::Postgres { url: url.clone() },
            None => Location::Sqlite { directory: config.data.clone() },
        };
        let app_config = AppConfig {
            directory: config.data.clone(),
            location,
            limits: config.limits.clone(),
            hostnames: config.hostname.clone(),
            public_url: config.public_url.clone().map(|url| url.trim_end_matches('/').to_owned()),
            server_side_keys: config.server_side_keys,
        };
        let database = if config.database.is_some() { "postgresql" } else { "sqlite" };
        let app = App::start(app_config, clock, entropy, tasks.child("app")).await?;
        let backups = Backups::new(app.clone(), config.backup.settings(&config.data)?);
        let outbound = Outbound::new(&config.outbound_allow, config.smtp.as_ref());
        app.alerts.use_courier(Arc::new(outbound.map_err(NodeError::Outbound)?));
        if let Some(path) = &config.tls_cert {
            app.alerts.watch_certificate(path.clone());
        }
        let administrator = bootstrap(&app, config.admin_password_file.as_deref()).await?;

        let mut identity = app.authority.server_identity();
        let first = Arc::clone(&identity.borrow_and_update());
        let gateway = Gateway::start(
            app.clone(),
            GatewayConfig {
                listen: config.mqtt.clone(),
                plain: config.mqtt_plain,
                identity: for_gateway(&first),
                max_fragment_size: config.max_fragment_size,
            },
            &tasks,
        )
        .await?;
        let port = device_port(&app, &config, gateway.addresses());
        let simulation = Simulation::new(app.clone(), simulator.zip(port));

        let rest = Rest::new(
            app.clone(),
            RestConfig {
                database,
                gateway_metrics: Some(Arc::clone(gateway.metrics())),
                device_endpoints: endpoints(&config, gateway.addresses()),
                device_port: gateway.addresses().first().map(SocketAddr::port),
                plain_http: config.http_plain || config.http.ip().is_loopback(),
                trusted_proxies: config.trusted_proxy.clone(),
                backups: backups.clone(),
                simulation: simulation.clone(),
                doctor: Doctor::new(
                    app.clone(),
                    backups.clone(),
                    config.clone(),
                    gateway.addresses().to_vec(),
                ),
            },
        );
        let listener = TcpListener::bind(config.http)
            .await
            .map_err(|source| ConsoleError::Listen { address: config.http, source })?;
        let console = console::Console::start(
            listener,
            rest::router(&rest),
            ConsoleConfig {
                plain_for_all: config.http_plain || config.http.ip().is_loopback(),
                trusted_proxies: config.trusted_proxy.clone(),
                identity: console::Identity::load(
                    config.tls_cert.as_deref(),
                    config.tls_key.as_deref(),
                    &first,
                )?,
            },
            &tasks,
        )?;
        let url = console_url(&config, console.address());
        let setup = if administrator == Bootstrap::NoAdministrator {
            let link = app.console_link(None).await.map_err(NodeError::Administrator)?;
            Some(admin::url_of(&url, link))
        } else {
            None
        };
        admin::listen(&app, &backups, &tasks, &config.data, url.clone());
        app.start_tasks();
        backups.start_tasks();
        simulation.start_tasks();
        rest.start_tasks(&tasks);
        rest.readiness.set_ready();
        let node = Self {
            app,
            rest,
            gateway,
            console,
            tasks,
            drain: Duration::from_secs(config.drain_seconds),
            data: config.data,
            administrator,
            url,
            setup,
            _lock: lock,
        };
        tracing::info!(
            http.address = %node.console.address(),
            device.addresses = ?node.gateway.addresses(),
            data.directory = %node.data.display(),
            "windlass is ready"
        );
        Ok(node)
    }

    /// The application, for those who share the process.
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// Where the console port really listens.
    pub const fn http_address(&self) -> SocketAddr {
        self.console.address()
    }

    /// How to reach the console port from this machine: `http://127.0.0.1:8080`.
    pub fn http_url(&self) -> String {
        local_url(self.console.is_plain(), self.console.address())
    }

    /// The link with which the first administrator is made; none where there is a user.
    pub fn setup_link(&self) -> Option<&str> {
        self.setup.as_deref()
    }

    /// A link, good once and for a day, that signs this user of the tenant `default` in.
    ///
    /// # Errors
    /// No such user, or that the store failed.
    pub async fn console_link(&self, user: &str) -> Result<String, NodeError> {
        let link = self.app.console_link(Some(user)).await.map_err(NodeError::Administrator)?;
        Ok(admin::url_of(&self.url, link))
    }

    /// Where the device port really listens: TLS addresses in the order of the configuration, then the plain one.
    pub fn mqtt_addresses(&self) -> &[SocketAddr] {
        self.gateway.addresses()
    }

    /// What a person needs to know after a start: addresses, CA, and how to get a first token.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub fn write_greeting(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "Windlass {} serves", env!("CARGO_PKG_VERSION"))?;
        writeln!(out, "  console  {}", self.url)?;
        writeln!(out, "  API      {}/api/v1", self.http_url())?;
        for address in self.mqtt_addresses() {
            writeln!(out, "  devices  {address}")?;
        }
        writeln!(out, "  CA       {} (SHA-256 of the root)", self.app.authority.root_fingerprint())?;
        match self.administrator {
            Bootstrap::NoAdministrator => writeln!(
                out,
                "There is no user yet. Make the first administrator within a day, at this address:\n  {}\n\
                 Another such link: windlass admin link --data {}",
                self.setup.as_deref().unwrap_or_default(),
                self.data.display()
            ),
            Bootstrap::Created => writeln!(out, "The user admin was made with the password from the file."),
            Bootstrap::UsersExist => Ok(()),
        }
    }

    /// Serves until SIGTERM or SIGINT, then drains. A second signal ends the wait.
    ///
    /// # Errors
    /// When signals cannot be listened to, or the node was cut off from its database for so long that it cannot know any
    /// more who may be connected: it drains then, too.
    pub async fn run_until_signal(self) -> Result<(), NodeError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(NodeError::Signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(NodeError::Signals)?;
        let mut identity = self.app.authority.server_identity();
        let mut end = Ok(());
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                () = self.app.fell_behind.notified() => {
                    end = Err(NodeError::FellBehind);
                    break;
                }
                changed = identity.changed() => {
                    if changed.is_err() {
                        // The authority is gone only when the application is.
                        std::future::pending::<()>().await;
                    }
                    let renewed = Arc::clone(&identity.borrow_and_update());
                    self.use_identity(&renewed);
                }
            }
        }
        tracing::info!("windlass is to end; draining");
        tokio::select! {
            _ = self.drain() => {}
            _ = terminate.recv() => tracing::warn!("asked twice; ending now"),
            _ = interrupt.recv() => tracing::warn!("asked twice; ending now"),
        }
        end
    }

    fn use_identity(&self, renewed: &ServerIdentity) {
        let done: Result<(), TlsError> = self.gateway.reload_certificate(for_gateway(renewed));
        if let Err(error) = done {
            tracing::error!(error = %error, "the renewed certificate cannot be used on the device port");
        }
        if let Err(error) = self.console.reload_certificate(renewed) {
            tracing::error!(error = %error, "the renewed certificate cannot be used on the console port");
        }
    }

    /// Ends in order: not ready, device port, console port, tasks. True if everything ended in time.
    pub async fn drain(self) -> bool {
        self.rest.readiness.set_draining();
        self.rest.config.simulation.drain(self.drain).await;
        let devices = self.gateway.drain(self.drain).await;
        let people = self.console.drain(self.drain).await;
        let tasks = self.app.tasks.drain(self.drain).await & self.tasks.drain(self.drain).await;
        self.app.close().await;
        tracing::info!(drain.complete = devices && people && tasks, "windlass has ended");
        devices && people && tasks
    }
}

/// How people reach the console: what the configuration says, else from this machine.
pub(crate) fn console_url(config: &Config, address: SocketAddr) -> String {
    match &config.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => local_url(config.http_plain || config.http.ip().is_loopback(), address),
    }
}

fn local_url(plain: bool, mut address: SocketAddr) -> String {
    let scheme = if plain { "http" } else { "https" };
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    format!("{scheme}://{address}")
}

fn for_gateway(identity: &ServerIdentity) -> TlsIdentity {
    TlsIdentity { chain: identity.chain.clone(), key: identity.key.clone_key() }
}

pub(crate) fn host_of(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => host.split_once(':').map_or(host, |(host, _)| host),
    };
    (!host.is_empty()).then_some(host)
}

/// Where devices connect, as shown to people.
fn endpoints(config: &Config, addresses: &[SocketAddr]) -> Vec<String> {
    let host = config
        .hostname
        .first()
        .map(String::as_str)
        .or_else(|| config.public_url.as_deref().and_then(host_of));
    addresses
        .iter()
        .enumerate()
        .map(|(index, address)| {
            let scheme = if index < config.mqtt.len() { "mqtts" } else { "mqtt" };
            match host {
                Some(host) if scheme == "mqtts" => format!("{scheme}://{host}:{}", address.port()),
                _ => format!("{scheme}://{address}"),
            }
        })
        .collect()
}

/// The first device port with TLS, as reached from this machine.
fn device_port(app: &App, config: &Config, addresses: &[SocketAddr]) -> Option<DevicePort> {
    let mut address = *addresses.get(..config.mqtt.len())?.first()?;
    match address {
        SocketAddr::V4(_) if address.ip().is_unspecified() => {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        SocketAddr::V6(_) if address.ip().is_unspecified() => {
            address.set_ip(std::net::Ipv6Addr::LOCALHOST.into());
        }
        SocketAddr::V4(_) | SocketAddr::V6(_) => {}
    }
    Some(DevicePort { address, ca_pem: app.authority.ca_pem() })
}

/// Makes the data directory for its owner only, or refuses one that others can look into.
pub(crate) fn prepare_directory(path: &Path) -> Result<(), NodeError> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let failed = |source| NodeError::Directory { path: path.to_owned(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let mode = std::fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(NodeError::DirectoryOpen { path: path.to_owned(), mode }) }
}

async fn bootstrap(app: &App, file: Option<&Path>) -> Result<Bootstrap, NodeError> {
    let password = match file {
        None => None,
        Some(path) => Some(
            std::fs::read_to_string(path)
                .map_err(|source| NodeError::PasswordFile { path: path.to_owned(), source })?,
        ),
    };
    let password = password.as_deref().map(|text| text.trim_end_matches(['\r', '\n']));
    app.bootstrap_admin(password).await.map_err(NodeError::Administrator)
}

#[cfg(test)]
mod tests {
    use windlass_store::OpenError;

    use super::*;

    #[test]
    fn a_directory_is_one_node_s() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        prepare_directory(&data).unwrap();
        let first = snapshot::lock(&data).unwrap();
        let refused = snapshot::lock(&data).unwrap_err();
        assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
        drop(first);
        snapshot::lock(&data).unwrap();
    }

    #[test]
    fn the_host_of_a_url_is_found() {
        for (url, host) in [
            ("https://fleet.example", Some("fleet.example")),
            ("https://fleet.example:8443/base", Some("fleet.example")),
            ("http://me@10.0.0.1:80", Some("10.0.0.1")),
            ("https://[2001:db8::1]:8443/", Some("2001:db8::1")),
            ("https://", None),
            ("fleet.example", None),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }

    #[test]
    fn a_data_directory_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("data");
        prepare_directory(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).unwrap();
        let error = prepare_directory(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 700"), "{error}");
    }
}
