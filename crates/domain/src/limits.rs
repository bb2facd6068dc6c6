//! Every bound of the product in one place, with its default. Configuration may change them; nothing else may.
//!
//! Knows neither configuration files nor who enforces a bound.

use std::time::Duration;

/// Bounds that apply before allocation and before sign-in.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Bytes of an MQTT CONNECT packet.
    pub connect_packet: usize,
    /// Bytes of any later MQTT packet; also the bytes of one telemetry message.
    pub packet: usize,
    /// Bytes of an MQTT topic or filter.
    pub topic_bytes: usize,
    /// Levels of an MQTT topic or filter. Shadow and job topics of the contract are always allowed their length.
    pub topic_levels: usize,
    /// Bytes of an MQTT client id.
    pub client_id: usize,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// Connections of one device.
    pub connections_per_device: usize,
    /// Sessions of one device that are kept, connected ones among them.
    pub sessions_per_device: usize,
    /// Shadow requests of one connection that are not answered yet; more are refused with 429.
    pub shadow_requests: usize,
    /// Unacknowledged publishes of one connection; announced as Receive Maximum.
    pub in_flight: u16,
    /// Messages per second of one device, sustained.
    pub messages_per_second: u32,
    /// Messages a device may send at once after a silence.
    pub message_burst: u32,
    /// Requests per second of one device for files over hawkBit's interface, sustained. RAUC streams by ranges of 128 KiB.
    pub file_requests_per_second: u32,
    /// Requests for files that a device may send at once after a silence; more are refused with 429.
    pub file_request_burst: u32,
    /// Connections to the device port that speak HTTP; more are refused.
    pub http_connections: usize,
    /// Downloads at once that a rollout's rate holds back, with or without a link; who comes beyond is told when to come
    /// again, so that those who wait for their bytes leave room for those who poll.
    pub slow_downloads: usize,
    /// Time for TLS handshake and CONNECT together.
    pub handshake: Duration,
    /// Handshakes under way at once.
    pub handshakes_in_flight: usize,
    /// Longest session expiry that is granted.
    pub session_expiry: Duration,
    /// Bytes of a shadow document (desired and reported, without metadata).
    pub shadow_document: usize,
    /// Levels of nesting in a shadow.
    pub shadow_nesting: usize,
    /// Named shadows of one device.
    pub named_shadows: usize,
    /// Bytes of a client token.
    pub client_token: usize,
    /// Bytes of a job document.
    pub job_document: usize,
    /// Pairs in statusDetails.
    pub status_details_pairs: usize,
    /// Bytes of statusDetails.
    pub status_details_bytes: usize,
    /// Open executions of one device.
    pub open_executions: usize,
    /// Bytes of the output of a command, within statusDetails but not counted there.
    pub command_output: usize,
    /// How long jobs that are over are kept, with their executions.
    pub job_history: Duration,
    /// How many jobs of a tenant that are over are kept at most, the newest ones.
    pub jobs_kept: u64,
    /// Requests that wait for the end of a command at once; one more is answered without waiting.
    pub command_waits: usize,
    /// Certificates a claim may make per minute.
    pub claim_certificates_per_minute: u32,
    /// Certificates of a claim that nobody has provisioned yet.
    pub claim_certificates_open: u32,
    /// Enrolments of one claim that wait for an operator.
    pub pending_per_claim: u32,
    /// Enrolments of one tenant that wait for an operator.
    pub pending_open: u32,
    /// How long an enrolment waits for an operator, or a decision is remembered, since its last attempt.
    pub pending_kept: Duration,
    /// Devices per minute that a tenant's token, or nothing at all, may bring in over hawkBit's interface.
    pub plug_and_play_per_minute: u32,
    /// API tokens of one tenant that are in force; as many that ended are remembered.
    pub api_tokens: u32,
    /// How long a certificate ownership token is good.
    pub ownership_token: Duration,
    /// Points in one telemetry message.
    pub points_per_message: usize,
    /// Metrics of one device.
    pub metrics_per_device: usize,
    /// Bytes of a text value in telemetry.
    pub text_value: usize,
    /// How far ahead of the server's clock a device time may be.
    pub time_ahead: Duration,
    /// From what age on a point counts as late.
    pub time_late: Duration,
    /// How long raw telemetry is kept.
    pub retention: Duration,
    /// Bytes of an artifact.
    pub artifact: u64,
    /// Bytes of all artifacts of one tenant, with those that uploads in parts announce. A tenant may set less for itself.
    pub artifacts_total: u64,
    /// Uploads in parts of one tenant that wait for bytes.
    pub uploads_open: u32,
    /// Fewest characters of a password.
    pub password_characters: usize,
    /// Bytes of a REST body.
    pub rest_body: usize,
    /// Most items in one page.
    pub page: usize,
    /// Free disk below this share (per mille) refuses telemetry and uploads.
    pub free_disk_per_mille: u32,
    /// Free disk below this many bytes refuses telemetry and uploads.
    pub free_disk_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const KIB: usize = 1024;
        Self {
            connect_packet: 8 * KIB,
            packet: 128 * KIB,
            topic_bytes: 256,
            topic_levels: 8,
            client_id: 128,
            subscriptions: 50,
            connections_per_device: 8,
            sessions_per_device: 16,
            shadow_requests: 10,
            in_flight: 32,
            messages_per_second: 100,
            message_burst: 1_000,
            file_requests_per_second: 2_000,
            file_request_burst: 4_000,
            http_connections: 4_096,
            slow_downloads: 1_024,
            handshake: Duration::from_secs(10),
            handshakes_in_flight: 256,
            session_expiry: Duration::from_secs(7 * 24 * 3600),
            shadow_document: 8 * KIB,
            shadow_nesting: 6,
            named_shadows: 25,
            client_token: 64,
            job_document: 32 * KIB,
            status_details_pairs: 10,
            status_details_bytes: 4 * KIB,
            open_executions: 100,
            command_output: 4 * KIB,
            job_history: Duration::from_secs(365 * 24 * 3600),
            jobs_kept: 100_000,
            command_waits: 1_000,
            claim_certificates_per_minute: 10,
            claim_certificates_open: 1_000,
            pending_per_claim: 100,
            pending_open: 1_000,
            pending_kept: Duration::from_secs(30 * 24 * 3600),
            plug_and_play_per_minute: 1_000,
            api_tokens: 1_000,
            ownership_token: Duration::from_secs(3600),
            points_per_message: 1_000,
            metrics_per_device: 1_000,
            text_value: 256,
            time_ahead: Duration::from_secs(600),
            time_late: Duration::from_secs(30 * 24 * 3600),
            retention: Duration::from_secs(365 * 24 * 3600),
            artifact: 10 * 1024 * 1024 * 1024,
            artifacts_total: 1024 * 1024 * 1024 * 1024,
            uploads_open: 20,
            password_characters: 12,
            rest_body: 1024 * KIB,
            page: 1_000,
            free_disk_per_mille: 50,
            free_disk_bytes: 1024 * 1024 * 1024,
        }
    }
}
