//! `/metrics`: what this node counts, for Prometheus. Read at the moment of the question; nothing is kept here but
//! the count of answers.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use windlass_domain::permission::{Permission, allows};
use windlass_gateway::metrics::{Counter, Metrics, Refused};

use super::access::sign_in;
use super::browser::Browser;
use super::error::Refusal;
use super::{Phase, Rest};
use crate::console::Origin;

/// Answers by class of status.
#[derive(Debug, Default)]
pub(crate) struct Requests([AtomicU64; 5]);

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Requests {
    pub(crate) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = self.0.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub(super) fn routes(router: Router<Rest>) -> Router<Rest> {
    router.route("/metrics", get(metrics))
}

/// From this machine without signing in; from elsewhere with `server.read`.
async fn metrics(State(rest): State<Rest>, request: Request) -> Result<Response, Refusal> {
    let (parts, _body) = request.into_parts();
    let origin = parts.extensions.get::<Origin>().copied();
    let local = origin.is_some_and(|origin| origin.address.is_loopback());
    let relayed = ["forwarded", "x-forwarded-for"].iter().any(|name| parts.headers.contains_key(*name));
    if !local || relayed {
        let browser = Browser::read(&rest, &parts.headers, &parts.uri, origin);
        let signed_in = sign_in(&rest, &parts.headers, &browser).await?;
        if !allows(&signed_in.principal, Permission::ServerRead) {
            return Err(windlass_app::AppError::Forbidden(Permission::ServerRead.as_str()).into());
        }
    }
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Node(rest)));
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|error| Refusal::internal(&error))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Bytes of memory that the process holds.
pub(crate) fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0).saturating_mul(1024)
}

/// Open files and sockets of the process.
pub(crate) fn open_files() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(0, |entries| u64::try_from(entries.count()).unwrap_or(u64::MAX))
}

#[derive(Debug)]
struct Node(Rest);

type Labels<'l> = [(&'l str, &'l str); 1];

fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: &[(Labels<'_>, u64)],
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        ConstCounter::new(*value).encode(metric.encode_family(labels)?)?;
    }
    Ok(())
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: &Counter) -> fmt::Result {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    ConstCounter::new(value.get()).encode(metric)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)
}

impl Collector for Node {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(rest) = self;
        let encoder = &mut encoder;
        gauge(encoder, "process_resident_memory_bytes", "Memory that the process holds", resident_bytes())?;
        gauge(encoder, "process_open_fds", "Open files and sockets", open_files())?;
        let started = u64::try_from(rest.started_at.seconds()).unwrap_or(0);
        gauge(encoder, "process_start_time_seconds", "When this node started, Unix time", started)?;
        let ready = u64::from(rest.readiness.phase() == Phase::Ready);
        gauge(encoder, "windlass_ready", "1 while this node wants requests", ready)?;
        let connections = u64::try_from(rest.app.hub.total()).unwrap_or(u64::MAX);
        gauge(encoder, "windlass_device_connections", "Live connections of devices", connections)?;
        let answers: Vec<(Labels<'_>, u64)> = CLASSES
            .iter()
            .zip(&rest.requests.0)
            .map(|(class, count)| ([("class", *class)], count.load(Ordering::Relaxed)))
            .collect();
        counters(encoder, "windlass_http_answers", "Answers of the console port by class", &answers)?;
        match &rest.config.gateway_metrics {
            Some(metrics) => gateway(encoder, metrics),
            None => Ok(()),
        }
    }
}

fn gateway(encoder: &mut DescriptorEncoder<'_>, metrics: &Metrics) -> fmt::Result {
    // Taken apart, so that a new count stops the build until it has a name here.
    let Metrics {
        connections,
        handshakes,
        tls_accepted,
        tls_resumed,
        accepted,
        refused,
        messages_in,
        messages_out,
        acknowledged,
        refused_topics,
        rejected_payloads,
        unavailable,
        dropped,
        bytes_in,
        bytes_out,
        ingest_queue,
        ingest_batches,
        http_requests,
        throttled,
    } = metrics;
    let Refused { tls, protocol, credential, request, slow, busy, unavailable: refused_unavailable } =
        refused;
    gauge(encoder, "windlass_mqtt_connections", "MQTT connections after their CONNECT", connections.get())?;
    gauge(encoder, "windlass_handshakes", "Handshakes under way", handshakes.get())?;
    gauge(encoder, "windlass_ingest_queue", "Messages that wait for a commit", ingest_queue.get())?;
    counter(encoder, "windlass_tls_accepted", "TLS handshakes that ended well", tls_accepted)?;
    counter(encoder, "windlass_tls_resumed", "TLS sessions that were resumed", tls_resumed)?;
    counter(encoder, "windlass_connects_accepted", "CONNECTs that were accepted", accepted)?;
    let reasons = [
        ([("reason", "tls")], tls.get()),
        ([("reason", "protocol")], protocol.get()),
        ([("reason", "credential")], credential.get()),
        ([("reason", "request")], request.get()),
        ([("reason", "slow")], slow.get()),
        ([("reason", "busy")], busy.get()),
        ([("reason", "unavailable")], refused_unavailable.get()),
    ];
    counters(encoder, "windlass_connects_refused", "Peers that did not get in", &reasons)?;
    let [in0, in1, in2] = messages_in;
    let by_qos = [([("qos", "0")], in0.get()), ([("qos", "1")], in1.get()), ([("qos", "2")], in2.get())];
    counters(encoder, "windlass_messages_in", "Publishes of devices", &by_qos)?;
    let [out0, out1] = messages_out;
    let by_qos = [([("qos", "0")], out0.get()), ([("qos", "1")], out1.get())];
    counters(encoder, "windlass_messages_out", "Publishes to devices", &by_qos)?;
    counter(encoder, "windlass_messages_acknowledged", "Publishes acknowledged as durable", acknowledged)?;
    counter(encoder, "windlass_topics_refused", "Publishes to topics the peer may not use", refused_topics)?;
    counter(encoder, "windlass_payloads_rejected", "Publishes refused for their content", rejected_payloads)?;
    counter(
        encoder,
        "windlass_messages_unavailable",
        "Publishes neither stored nor acknowledged",
        unavailable,
    )?;
    counter(encoder, "windlass_messages_dropped", "Live messages dropped for slow connections", dropped)?;
    counter(encoder, "windlass_mqtt_bytes_in", "Plain bytes in over MQTT", bytes_in)?;
    counter(encoder, "windlass_mqtt_bytes_out", "Plain bytes out over MQTT", bytes_out)?;
    counter(encoder, "windlass_ingest_batches", "Batches handed to the application", ingest_batches)?;
    counter(encoder, "windlass_device_http_requests", "HTTP requests on the device port", http_requests)?;
    counter(
        encoder,
        "windlass_connections_throttled",
        "Connections slowed down for sending too much",
        throttled,
    )
}

#[cfg(test)]
mod tests {
    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn figures_are_public_on_this_machine_only() {
        let server = Fixture::new("metrics").await;
        server.get("/nowhere").await.problem(404, "path.not_found");
        let text = server.anonymous().from("127.0.0.1").outside("GET", "/metrics").await;
        assert_eq!(text.status, 200);
        let text = text.text();
        assert!(text.contains("windlass_http_answers_total{class=\"4xx\"} 1"), "{text}");
        assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
        assert!(text.contains("windlass_connects_refused_total{reason=\"tls\"} 0"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
        let far = server.anonymous().from("192.0.2.1");
        far.outside("GET", "/metrics").await.problem(401, "auth.required");
        server.from("192.0.2.1").outside("GET", "/metrics").await.bytes_of(200);
        server
            .as_role("installer")
            .await
            .from("192.0.2.1")
            .outside("GET", "/metrics")
            .await
            .problem(403, "auth.forbidden");
    }
}
