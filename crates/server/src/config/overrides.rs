//! What the command line says of the settings. Knows neither the file nor the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

use super::LogFormat;

/// What the command line says; absent and empty members say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Overrides {
    /// `--config`.
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// `--data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// `--http`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<SocketAddr>,
    /// `--http-plain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_plain: Option<bool>,
    /// `--mqtt`, repeatable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mqtt: Vec<SocketAddr>,
    /// `--mqtt-plain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mqtt_plain: Option<SocketAddr>,
    /// `--hostname`, repeatable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hostname: Vec<String>,
    /// `--public-url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// `--tls-cert`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// `--tls-key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// `--database`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// `--trusted-proxy`, repeatable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxy: Vec<String>,
    /// `--log`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// `--log-format`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,
}
