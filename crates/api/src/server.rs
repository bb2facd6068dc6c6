//! The server itself: `/server`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// What the server is and carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerInfo {
    /// Of the program.
    pub version: String,
    /// When this node started.
    pub started_at: Time,
    /// Seconds since then.
    pub uptime_seconds: u64,
    /// `sqlite` or `postgresql`.
    pub database: String,
    /// Where devices connect, such as `mqtts://host:8883`.
    pub device_endpoints: Vec<String>,
    /// SHA-256 of the root certificate, 64 hex characters.
    pub ca_fingerprint: String,
    /// Devices of this tenant.
    pub devices: u64,
    /// Live device connections of this node.
    pub connections: u64,
    /// Bytes of memory that the process holds.
    pub resident_bytes: u64,
    /// Whether mail can be sent: a mail server is configured.
    pub mail: bool,
}
