//! What a node is told: defaults, then a TOML file, then `WINDLASS_*` variables, then the command line.
//!
//! The only place that reads the environment. Knows nothing of what the settings do.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use serde::{Deserialize, Serialize};
use windlass_domain::limits::Limits;

use crate::outbound::Smtp;

mod backup;
mod cidr;
mod limits;
mod names;
mod overrides;

pub use backup::{BackupConfig, Interval, InvalidInterval};
pub use cidr::{Cidr, InvalidCidr};
pub use overrides::Overrides;

use names::{TEXTS, is_text, keys, keys_of, known};

/// The start of every environment variable.
pub const PREFIX: &str = "WINDLASS_";

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Everything a node is told. The names of the fields are the keys of the file; a variable is `WINDLASS_` and the key
/// in capitals, lists joined by commas, a limit as `WINDLASS_LIMITS__SHADOW_DOCUMENT`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// Address of the console port: REST, metrics, health, signed downloads.
    pub http: SocketAddr,
    /// Whether the console port speaks plain HTTP to everybody.
    pub http_plain: bool,
    /// Addresses of the device port.
    #[serde(deserialize_with = "list")]
    pub mqtt: Vec<SocketAddr>,
    /// Address for MQTT without TLS; loopback only, off when absent.
    pub mqtt_plain: Option<SocketAddr>,
    /// Names and addresses under which devices and people reach this server, besides those it finds itself.
    #[serde(deserialize_with = "list")]
    pub hostname: Vec<String>,
    /// Start of links that answer no HTTP request.
    pub public_url: Option<String>,
    /// Certificate chain of the console port, PEM; absent: signed by the server's own authority.
    pub tls_cert: Option<PathBuf>,
    /// The key of that chain, PEM.
    pub tls_key: Option<PathBuf>,
    /// A PostgreSQL URL; absent: SQLite in the data directory.
    pub database: Option<String>,
    /// Proxies that may speak plain HTTP and whose `Forwarded` headers are believed.
    #[serde(deserialize_with = "list")]
    pub trusted_proxy: Vec<Cidr>,
    /// A file that holds the password of the first user, `admin`.
    pub admin_password_file: Option<PathBuf>,
    /// What is logged: a level, or directives such as `info,windlass_gateway=debug`.
    pub log: String,
    /// How it is written.
    pub log_format: LogFormat,
    /// Largest TLS record that the device port sends, for clients with small buffers.
    pub max_fragment_size: Option<usize>,
    /// Whether devices may ask the server to make their keys.
    pub server_side_keys: bool,
    /// Seconds that a draining server waits for what is under way.
    pub drain_seconds: u64,
    /// Where backups are kept, and when they are made.
    pub backup: BackupConfig,
    /// Addresses that notifications may be sent to although they are not public.
    #[serde(deserialize_with = "list")]
    pub outbound_allow: Vec<Cidr>,
    /// Where mail goes; absent: no mail is sent. A variable is `WINDLASS_SMTP__HOST` and so on.
    pub smtp: Option<Smtp>,
    /// Bounds.
    #[serde(skip)]
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            data: PathBuf::from("windlass-data"),
            http: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            http_plain: false,
            mqtt: vec![SocketAddr::new(any, 8883)],
            mqtt_plain: None,
            hostname: Vec::new(),
            public_url: None,
            tls_cert: None,
            tls_key: None,
            database: None,
            trusted_proxy: Vec::new(),
            admin_password_file: None,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            max_fragment_size: None,
            server_side_keys: false,
            drain_seconds: 20,
            backup: BackupConfig::default(),
            outbound_allow: Vec::new(),
            smtp: None,
            limits: Limits::default(),
        }
    }
}

/// Why the configuration cannot be used. Every sentence says where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key that there is not.
    #[error("{place} has the unknown setting {key}{}", suggestion(.nearest.as_deref()))]
    UnknownKey {
        /// The file or variable.
        place: String,
        /// The key as written.
        key: String,
        /// The known key that is most like it.
        nearest: Option<String>,
    },
    /// A value that cannot be read.
    #[error("the configuration cannot be used: {0}")]
    Value(#[from] Box<figment::Error>),
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Two settings that do not go together.
    #[error("{0}")]
    Clash(&'static str),
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|key| format!("; did you mean {key}?")).unwrap_or_default()
}

/// A list, or text with commas as a variable has it.
fn list<'de, D, T>(input: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + FromStr<Err: std::fmt::Display>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        List(Vec<T>),
        Text(String),
    }
    match Either::<T>::deserialize(input)? {
        Either::List(items) => Ok(items),
        Either::Text(text) => text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().map_err(|error| serde::de::Error::custom(format!("{part}: {error}"))))
            .collect(),
    }
}

/// What a variable's text stands for.
fn guess(text: &str) -> Value {
    match (text.parse::<bool>(), text.parse::<i64>()) {
        (Ok(truth), _) => Value::from(truth),
        (_, Ok(number)) => Value::from(number),
        _ => Value::from(text.to_owned()),
    }
}

/// The variables of this process that are for Windlass.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars().filter(|(name, _)| name.starts_with(PREFIX)).collect()
}

/// Variables that are read by others than the node, and therefore no settings.
const FOREIGN: [&str; 8] =
    ["CONFIG", "URL", "TOKEN", "CA", "CONFIG_DIR", "BINARY", "TEST_POSTGRES", "UPDATE"];

impl Config {
    /// Puts everything together. `environment` is [`environment()`], or what a test says.
    ///
    /// # Errors
    /// The first key or value that cannot be used, with its place.
    pub fn load(overrides: &Overrides, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        let mut bounds = Dict::new();
        let file = overrides
            .config
            .clone()
            .or_else(|| environment.get(&format!("{PREFIX}CONFIG")).map(PathBuf::from));
        if let Some(path) = file {
            let text = std::fs::read_to_string(&path)
                .map_err(|source| ConfigError::File { path: path.clone(), source })?;
            let place = path.display().to_string();
            let mut table: Dict = Toml::from_str(&text).map_err(|error| {
                ConfigError::Value(Box::new(figment::Error::from(format!("{place}: {}", error.message()))))
            })?;
            if let Some(Value::Dict(_, inner)) = table.remove("limits") {
                limits::known(&place, inner.keys())?;
                bounds.extend(inner);
            }
            known(&place, table.keys(), &keys())?;
            for (section, value) in &table {
                if let (Value::Dict(_, inner), Some(allowed)) = (value, keys_of(section)) {
                    known(&place, inner.keys(), &allowed)?;
                }
            }
            figment = figment.merge(Serialized::defaults(table));
        }
        for (name, text) in environment {
            let key = name.strip_prefix(PREFIX).unwrap_or(name);
            if FOREIGN.contains(&key) {
                continue;
            }
            let key = key.to_lowercase();
            let value = guess(text);
            if let Some(limit) = key.strip_prefix("limits__") {
                limits::known("the environment", std::iter::once(&limit.to_owned()))?;
                bounds.insert(limit.to_owned(), value);
            } else if let Some((section, inner)) = key.split_once("__")
                && let Some(allowed) = keys_of(section)
            {
                known("the environment", std::iter::once(&inner.to_owned()), &allowed)?;
                let value = if is_text(section, inner) { Value::from(text.clone()) } else { value };
                figment = figment.merge(Serialized::default(&format!("{section}.{inner}"), value));
            } else if let Some(part) = key.strip_prefix("smtp__") {
                let value = if part == "port" { value } else { Value::from(text.clone()) };
                figment = figment.merge(Serialized::default(&format!("smtp.{part}"), value));
            } else {
                known("the environment", std::iter::once(&key), &keys())?;
                let value = if TEXTS.contains(&key.as_str()) { Value::from(text.clone()) } else { value };
                figment = figment.merge(Serialized::default(&key, value));
            }
        }
        let mut config: Self = figment.merge(Serialized::defaults(overrides)).extract().map_err(Box::new)?;
        limits::apply(&mut config.limits, &bounds)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.backup.settings(&self.data)?;
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(ConfigError::Clash("tls_cert and tls_key go together; give both or neither"));
        }
        if self.mqtt_plain.is_some_and(|address| !address.ip().is_loopback()) {
            return Err(ConfigError::Clash(
                "mqtt_plain is for loopback addresses only, such as 127.0.0.1:1883",
            ));
        }
        if self
            .public_url
            .as_deref()
            .is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://"))
        {
            return Err(ConfigError::Clash("public_url must start with https:// or http://"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, environment: &[(&str, &str)], overrides: Overrides) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("windlass.toml");
        std::fs::write(&path, file).unwrap();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::load(&Overrides { config: Some(path), ..overrides }, &environment)
    }

    #[test]
    fn settings_of_a_table_come_from_the_file_and_from_variables() {
        let file = "[backup]\ndirectory = \"/b\"\nevery = \"1d\"\nkeep = 3\nplain = true\n";
        let environment = [("WINDLASS_BACKUP__KEEP", "5"), ("WINDLASS_BACKUP__DIRECTORY", "7")];
        let config = load(file, &environment, Overrides::default()).unwrap();
        let settings = config.backup.settings(&config.data).unwrap().unwrap();
        assert_eq!((settings.keep, settings.directory), (5, PathBuf::from("7")));
        assert_eq!(settings.every, Some(std::time::Duration::from_secs(86_400)));
        for (file, environment, says) in [
            ("[backup]\ndirectroy = \"/b\"\n", &[][..], "did you mean directory?"),
            ("", &[("WINDLASS_BACKUP__KEPE", "1")][..], "did you mean keep?"),
            ("[backup]\nevery = \"daily\"\n", &[][..], "60s to 366d"),
            ("[backup]\nevery = \"1d\"\n", &[][..], "backup.directory"),
            ("", &[("WINDLASS_BACKUP__KEEP", "many")][..], "keep"),
            ("backup = 3\n", &[][..], "backup"),
        ] {
            let error = load(file, environment, Overrides::default()).unwrap_err().to_string();
            assert!(error.contains(says), "{file}{environment:?}: {error}");
        }
    }

    #[test]
    fn the_command_line_beats_variables_and_variables_beat_the_file() {
        let file = "data = \"/file\"\nhttp = \"127.0.0.1:1\"\nlog = \"warn\"\n";
        let environment = [("WINDLASS_HTTP", "127.0.0.1:2"), ("WINDLASS_LOG", "debug")];
        let overrides = Overrides { log: Some("trace".to_owned()), ..Overrides::default() };
        let config = load(file, &environment, overrides).unwrap();
        assert_eq!(config.data, PathBuf::from("/file"));
        assert_eq!(config.http, "127.0.0.1:2".parse().unwrap());
        assert_eq!(config.log, "trace");
        assert_eq!(config.mqtt, Config::default().mqtt);
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        let error = load("hostnames = [\"a\"]\n", &[], Overrides::default()).unwrap_err();
        assert!(
            error.to_string().ends_with("has the unknown setting hostnames; did you mean hostname?"),
            "{error}"
        );
        let error = load("", &[("WINDLASS_PUBLICURL", "x")], Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("did you mean public_url?"), "{error}");
        let error = load("[limits]\nshadow_documents = 1\n", &[], Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("did you mean shadow_document?"), "{error}");
        let error = load("zzzzzzzzzzzzzzz = 1\n", &[], Overrides::default()).unwrap_err();
        assert!(!error.to_string().contains("did you mean"), "{error}");
    }

    #[test]
    fn lists_are_written_with_commas_in_variables_and_as_arrays_in_files() {
        let file = "mqtt = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n";
        let environment =
            [("WINDLASS_HOSTNAME", "a.example, 10.0.0.1"), ("WINDLASS_TRUSTED_PROXY", "10.0.0.0/8")];
        let config = load(file, &environment, Overrides::default()).unwrap();
        assert_eq!(config.mqtt.len(), 2);
        assert_eq!(config.hostname, ["a.example", "10.0.0.1"]);
        assert!(config.trusted_proxy[0].contains("10.1.2.3".parse().unwrap()));
    }

    #[test]
    fn limits_come_from_file_and_variables() {
        let config = load(
            "[limits]\nshadow_document = 65536\nhandshake = 3\n",
            &[("WINDLASS_LIMITS__SUBSCRIPTIONS", "7")],
            Overrides::default(),
        )
        .unwrap();
        assert_eq!(config.limits.shadow_document, 65_536);
        assert_eq!(config.limits.handshake, std::time::Duration::from_secs(3));
        assert_eq!(config.limits.subscriptions, 7);
        assert_eq!(config.limits.page, Limits::default().page);
        let error = load("[limits]\npage = \"many\"\n", &[], Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("limits.page"), "{error}");
    }

    #[test]
    fn the_mail_server_comes_from_file_and_variables() {
        let file =
            "outbound_allow = [\"10.0.0.0/8\"]\n[smtp]\nhost = \"a\"\nfrom = \"x@y.z\"\ntls = \"none\"\n";
        let config = load(file, &[("WINDLASS_SMTP__PORT", "2525")], Overrides::default()).unwrap();
        let smtp = config.smtp.unwrap();
        assert_eq!((smtp.host.as_str(), smtp.port), ("a", Some(2525)));
        assert_eq!(config.outbound_allow.len(), 1);
        let variables = [("WINDLASS_SMTP__HOST", "127.0.0.1"), ("WINDLASS_SMTP__FROM", "x@y.z")];
        assert_eq!(load("", &variables, Overrides::default()).unwrap().smtp.unwrap().host, "127.0.0.1");
        assert_eq!(load("", &[], Overrides::default()).unwrap().smtp, None);
        let error = load("[smtp]\nhost = \"a\"\nfrom = \"x@y.z\"\nhosst = 1\n", &[], Overrides::default());
        assert!(error.unwrap_err().to_string().contains("hosst"));
        let error = load("", &[("WINDLASS_SMTP__HOST", "a")], Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("from"), "{error}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused_with_its_key() {
        let error = load("http = \"nowhere\"\n", &[], Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("http"), "{error}");
        let error = load("tls_cert = \"a.pem\"\n", &[], Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("tls_key"), "{error}");
        let error = load("mqtt_plain = \"0.0.0.0:1883\"\n", &[], Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("loopback"), "{error}");
        let error = load("data = \n", &[], Overrides::default()).unwrap_err();
        assert!(error.to_string().contains("windlass.toml"), "{error}");
    }
}
