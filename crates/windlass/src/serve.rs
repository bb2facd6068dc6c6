//! `windlass serve`: one node, until it is told to end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use windlass_server::config::{self, Config, LogFormat, Overrides};
use windlass_server::node::Node;
use windlass_server::{admin, logging};

use crate::place::Ready;
use crate::private_file;
use crate::sim::hosted::Hosted;
use crate::terminal::{self, Exit};

/// Run a node. Every option is also a `WINDLASS_*` variable and a line of the configuration file.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The data directory; ./windlass-data when absent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Address of the console port; 127.0.0.1:8080 when absent.
    #[arg(long)]
    http: Option<SocketAddr>,
    /// Let the console port speak plain HTTP to everybody.
    #[arg(long)]
    http_plain: bool,
    /// Address of the device port; 0.0.0.0:8883 when absent. Repeat for more.
    #[arg(long)]
    mqtt: Vec<SocketAddr>,
    /// Address for MQTT without TLS; loopback only.
    #[arg(long)]
    mqtt_plain: Option<SocketAddr>,
    /// A name or address under which devices and people reach this server. Repeat for more.
    #[arg(long)]
    hostname: Vec<String>,
    /// Start of links that answer no HTTP request.
    #[arg(long)]
    public_url: Option<String>,
    /// Certificate chain of the console port, PEM.
    #[arg(long)]
    tls_cert: Option<PathBuf>,
    /// Key of that chain, PEM.
    #[arg(long)]
    tls_key: Option<PathBuf>,
    /// A PostgreSQL URL; SQLite in the data directory when absent.
    #[arg(long)]
    database: Option<String>,
    /// A proxy (address or range) that may speak plain HTTP and whose forwarding headers are believed. Repeat for more.
    #[arg(long)]
    trusted_proxy: Vec<String>,
    /// A TOML file with settings.
    #[arg(long)]
    config: Option<PathBuf>,
    /// What is logged: a level, or directives such as `info,windlass_gateway=debug`.
    #[arg(long)]
    log: Option<String>,
    /// One JSON object per log line.
    #[arg(long)]
    log_json: bool,
    /// Write the addresses to this file, as JSON, once devices and people can connect.
    #[arg(long)]
    ready_file: Option<PathBuf>,
}

impl Arguments {
    fn overrides(self) -> (Overrides, Option<PathBuf>) {
        let Self {
            data,
            http,
            http_plain,
            mqtt,
            mqtt_plain,
            hostname,
            public_url,
            tls_cert,
            tls_key,
            database,
            trusted_proxy,
            config,
            log,
            log_json,
            ready_file,
        } = self;
        let overrides = Overrides {
            config,
            data,
            http,
            http_plain: http_plain.then_some(true),
            mqtt,
            mqtt_plain,
            hostname,
            public_url,
            tls_cert,
            tls_key,
            database,
            trusted_proxy,
            log,
            log_format: log_json.then_some(LogFormat::Json),
        };
        (overrides, ready_file)
    }
}

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let (overrides, ready_file) = arguments.overrides();
    let config = Config::load(&overrides, &config::environment())?;
    logging::start(&config.log, config.log_format)?;
    // Ten thousand devices are ten thousand open files.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(error = %error, "the limit of open files could not be raised");
    }
    let node = Box::pin(Node::start_simulating(config, Arc::new(Hosted::default()))).await?;
    node.write_greeting(&mut std::io::stderr()).context("standard error is closed")?;
    if let Some(file) = &ready_file {
        let ready = Ready {
            http: node.http_url(),
            mqtt: node.mqtt_addresses().iter().map(ToString::to_string).collect(),
        };
        private_file::write(file, &serde_json::to_vec(&ready)?)?;
    }
    Box::pin(node.run_until_signal()).await?;
    Ok(Exit::Success)
}

/// Commands for whoever holds the data directory.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Admin {
    /// Make an administrator's token, whether the node runs or not.
    Token {
        /// The data directory; ./windlass-data when absent.
        #[arg(long)]
        data: Option<PathBuf>,
        /// For people.
        #[arg(long, default_value = "admin")]
        name: String,
        /// When it ends, RFC 3339; a day from now when absent.
        #[arg(long)]
        expires: Option<jiff::Timestamp>,
    },
    /// Make a link to the console that is good once, for a day, whether the node runs or not.
    Link {
        /// The data directory; ./windlass-data when absent.
        #[arg(long)]
        data: Option<PathBuf>,
        /// Whom it signs in; when absent it makes the first administrator.
        #[arg(long)]
        user: Option<String>,
    },
}

/// Carries an administration command out.
pub(crate) async fn administer(command: Admin) -> anyhow::Result<Exit> {
    match command {
        Admin::Token { data, name, expires } => token(data, &name, expires).await,
        Admin::Link { data, user } => {
            let config = config_of(data)?;
            let link = Box::pin(admin::link(&config, user.as_deref())).await?;
            terminal::note("Open this address within a day. It is good once.");
            terminal::print(&link)?;
            Ok(Exit::Success)
        }
    }
}

fn config_of(data: Option<PathBuf>) -> anyhow::Result<Config> {
    let overrides = Overrides { data, ..Overrides::default() };
    Ok(Config::load(&overrides, &config::environment())?)
}

async fn token(data: Option<PathBuf>, name: &str, expires: Option<jiff::Timestamp>) -> anyhow::Result<Exit> {
    let config = config_of(data)?;
    let day = std::time::Duration::from_secs(24 * 3600);
    let expires = match expires {
        Some(at) => windlass_domain::time::Timestamp::from_micros(at.as_microsecond()),
        None => windlass_app::clock::Clock::now(&windlass_app::clock::SystemClock::default()).plus(day),
    };
    let secret = Box::pin(admin::token(&config, name, Some(expires))).await?;
    terminal::note("Keep the token; it is not shown again. Use it as WINDLASS_TOKEN.");
    terminal::print(&secret)?;
    Ok(Exit::Success)
}
