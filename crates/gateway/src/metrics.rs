//! What the gateway counts: plain atomics, read by whoever exposes them. Knows no metrics format.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn one(&self) {
        self.add(1);
    }

    /// Adds `many`.
    pub fn add(&self, many: u64) {
        self.0.fetch_add(many, Ordering::Relaxed);
    }

    /// The present value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that rises and falls.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Adds `many`.
    pub fn rise(&self, many: u64) {
        self.0.fetch_add(many, Ordering::Relaxed);
    }

    /// Takes `many` away.
    pub fn fall(&self, many: u64) {
        self.0.fetch_sub(many, Ordering::Relaxed);
    }

    /// The present value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a peer did not get in.
#[derive(Debug, Default)]
pub struct Refused {
    /// The TLS handshake failed or never ended.
    pub tls: Counter,
    /// What came was no CONNECT, or one that cannot be.
    pub protocol: Counter,
    /// The credential was missing or not good.
    pub credential: Counter,
    /// The client id, will or session asked for is not allowed.
    pub request: Counter,
    /// TLS and CONNECT took too long.
    pub slow: Counter,
    /// Too many handshakes at once, or the server is ending.
    pub busy: Counter,
    /// The store or another part was not available.
    pub unavailable: Counter,
}

/// Everything the gateway counts since it started.
#[derive(Debug, Default)]
pub struct Metrics {
    /// MQTT connections that are open after their CONNECT.
    pub connections: Gauge,
    /// Handshakes under way.
    pub handshakes: Gauge,
    /// TLS handshakes that ended well.
    pub tls_accepted: Counter,
    /// Of those, how many resumed a session.
    pub tls_resumed: Counter,
    /// CONNECTs that were accepted.
    pub accepted: Counter,
    /// Peers that did not get in.
    pub refused: Refused,
    /// PUBLISH packets that came in, by quality of service.
    pub messages_in: [Counter; 3],
    /// PUBLISH packets that went out, by quality of service (two never does).
    pub messages_out: [Counter; 2],
    /// PUBACK and PUBREC packets that went out and say that the message is durable.
    pub acknowledged: Counter,
    /// Publishes to a topic that the peer may not use.
    pub refused_topics: Counter,
    /// Publishes whose content was refused.
    pub rejected_payloads: Counter,
    /// Messages that were neither stored nor acknowledged.
    pub unavailable: Counter,
    /// Live messages that were dropped because a connection did not keep up.
    pub dropped: Counter,
    /// Plain bytes that came in over MQTT.
    pub bytes_in: Counter,
    /// Plain bytes that went out over MQTT.
    pub bytes_out: Counter,
    /// Messages that wait for or are in a commit.
    pub ingest_queue: Gauge,
    /// Batches that were handed to the application.
    pub ingest_batches: Counter,
    /// HTTP requests on the device port.
    pub http_requests: Counter,
    /// Connections that were slowed down because their device sends too much.
    pub throttled: Counter,
}
