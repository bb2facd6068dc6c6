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
    /// Connected devices of this tenant; for the tenant that runs the server, all live device connections of this node.
    pub connections: u64,
    /// Bytes of memory that the process holds. As the other figures of the whole server, told only to the tenant that
    /// runs it.
    #[serde(default)]
    pub resident_bytes: Option<u64>,
    /// Names and addresses under which devices reach this server, as configured; empty where none is.
    #[serde(default)]
    pub hostnames: Vec<String>,
    /// Port of the first device listener.
    #[serde(default)]
    pub device_port: Option<u16>,
    /// Start of links, where one is configured.
    #[serde(default)]
    pub public_url: Option<String>,
    /// What the server's clock says.
    #[serde(default)]
    pub server_time: Time,
    /// When the certificate of the device port ends; it is renewed long before.
    #[serde(default)]
    pub certificate_not_after: Time,
    /// Bytes that may still be written to the disk of the data directory; absent where the system does not say, and for
    /// tenants that do not run the server.
    #[serde(default)]
    pub disk_free_bytes: Option<u64>,
    /// Bytes of that disk.
    #[serde(default)]
    pub disk_total_bytes: Option<u64>,
    /// Bytes of the state, as counted within the last minute; absent on PostgreSQL.
    #[serde(default)]
    pub state_bytes: Option<u64>,
    /// Bytes of the telemetry, likewise.
    #[serde(default)]
    pub telemetry_bytes: Option<u64>,
    /// Bytes of artifacts, likewise.
    #[serde(default)]
    pub blob_bytes: Option<u64>,
    /// Bytes of this tenant's artifacts, each counted though others have the same bytes.
    #[serde(default)]
    pub artifact_bytes: u64,
    /// Most bytes that this tenant's artifacts may have together.
    #[serde(default)]
    pub artifact_quota_bytes: u64,
    /// Points of telemetry that are kept, likewise.
    #[serde(default)]
    pub points_stored: Option<u64>,
    /// Open files and sockets of the process, for the tenant that runs the server.
    #[serde(default)]
    pub open_files: Option<u64>,
    /// Messages of devices since the start, likewise.
    #[serde(default)]
    pub messages_received: Option<u64>,
    /// Whether everybody may speak plain HTTP to the console port.
    #[serde(default)]
    pub plain_http: bool,
    /// Whether mail can be sent: a mail server is configured.
    pub mail: bool,
}
