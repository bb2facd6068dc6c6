//! `/devices/{name}/telemetry`: last values, metrics, ranges with downsampling.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::telemetry::{
    LastValue, LastValues, Metric, Metrics, Point, RangeQuery, Series, Step, Value,
};
use windlass_app::telemetry::{self as app, Resolution};
use windlass_domain::ids::MetricName;
use windlass_domain::permission::Permission;
use windlass_domain::telemetry as domain;
use windlass_domain::time::Timestamp;

use super::Rest;
use super::access::Caller;
use super::credentials::device_name;
use super::error::Refusal;
use super::io::{At, Query};
use super::routes::Routes;
use super::view::{time, timestamp};

/// Most points of one answer.
const POINTS: usize = 10_000;

/// The range when nothing is said.
const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::TelemetryRead;
    routes
        .tag("telemetry")
        .get(
            "/api/v1/devices/{name}/telemetry",
            TelemetryRead,
            "getLastValues",
            "The last value of every metric",
            latest,
        )
        .get(
            "/api/v1/devices/{name}/metrics",
            TelemetryRead,
            "listMetrics",
            "The metrics of a device",
            metrics,
        )
        .get(
            "/api/v1/devices/{name}/telemetry/{metric}",
            TelemetryRead,
            "getSeries",
            "A range of one metric: points, or minimum, maximum, mean and count per step",
            range,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct DevicePath {
    /// Name of the device.
    name: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct MetricPath {
    /// Name of the device.
    name: String,
    /// Name of the metric.
    metric: String,
}

fn value(value: domain::Value) -> Value {
    match value {
        domain::Value::Number(number) => Value::Number(number),
        domain::Value::Integer(number) => Value::Integer(number),
        domain::Value::Bool(truth) => Value::Bool(truth),
        domain::Value::Text(text) => Value::Text(text.to_string()),
    }
}

fn point(point: domain::Point) -> Point {
    let domain::Point { metric: _, at, value: measured, stamp } = point;
    let flagged = match stamp {
        domain::Stamp::Server | domain::Stamp::Device => false,
        domain::Stamp::Late | domain::Stamp::Ahead => true,
    };
    Point { at: time(at), value: value(measured), flagged }
}

#[expect(clippy::as_conversions, reason = "a count beyond 2^53 loses nothing that a mean would show")]
fn step(step: app::Step) -> Step {
    let app::Step { start, aggregate } = step;
    let domain::Aggregate { min, max, sum, count } = aggregate;
    Step { at: time(start), min, max, mean: sum / count.max(1) as f64, count }
}

async fn latest(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
) -> Result<Json<LastValues>, Refusal> {
    let points = rest.app.telemetry_latest(&by, &device_name(&name)?).await?;
    let items = points.into_iter().map(|point| LastValue {
        metric: point.metric.to_string(),
        at: time(point.at),
        value: value(point.value),
    });
    Ok(Json(LastValues { items: items.collect() }))
}

async fn metrics(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
) -> Result<Json<Metrics>, Refusal> {
    let metrics = rest.app.telemetry_metrics(&by, &device_name(&name)?).await?;
    let mut items: Vec<Metric> =
        metrics.into_iter().map(|metric| Metric { name: metric.name.into_string() }).collect();
    items.sort_by(|one, other| one.name.cmp(&other.name));
    items.dedup();
    Ok(Json(Metrics { items }))
}

async fn range(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(MetricPath { name, metric }): At<MetricPath>,
    Query(RangeQuery { from, to, step: length }): Query<RangeQuery>,
) -> Result<Json<Series>, Refusal> {
    let device = device_name(&name)?;
    let metric: MetricName = metric.parse().map_err(|_| Refusal::not_found("metric", &metric))?;
    // A point of this very moment belongs to the answer.
    let to = to.map_or_else(|| rest.app.clock.now().plus(Duration::from_micros(1)), timestamp);
    let from: Timestamp = from.map_or_else(|| to.minus(DAY), timestamp);
    let length = length.filter(|length| *length > 0);
    let resolution = match length {
        Some(seconds) => Resolution::Steps(Duration::from_secs(seconds.into())),
        None => Resolution::Raw { limit: POINTS, newest_first: false },
    };
    let answer = rest.app.telemetry_query(&by, &device, &metric, from, to, resolution).await?;
    let (points, steps, truncated) = match answer {
        app::Series::Raw { points, more } => (points.into_iter().map(point).collect(), Vec::new(), more),
        app::Series::Steps(steps) => (Vec::new(), steps.into_iter().map(step).collect(), false),
    };
    let metric = metric.into_string();
    Ok(Json(Series { metric, from: time(from), to: time(to), step: length, points, steps, truncated }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use windlass_app::clock::Clock;
    use windlass_app::telemetry::prepare;
    use windlass_domain::ids::TenantId;
    use windlass_wire::topic::Format;

    use crate::rest::fixture::Fixture;

    async fn report(server: &Fixture, device: &str, payload: &str) {
        let app = &server.rest.app;
        let id = app.fleet.id_of(TenantId::new(1), &device.parse().unwrap()).unwrap();
        let prepared = prepare(app, id, payload.as_bytes(), Format::Json, server.clock.now()).unwrap();
        app.append_telemetry(vec![prepared]).await.unwrap();
    }

    #[tokio::test]
    async fn what_a_device_reported_is_read_back_as_points_and_steps() {
        let server = Fixture::new("telemetry").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        for (seconds, value) in [(0, 20.0), (10, 22.0), (60, 30.0)] {
            // 2025-12-31T23:00:00Z and after
            let at = 1_767_222_000_000_i64 + seconds * 1_000;
            report(
                &server,
                "pump-1",
                &format!("{{\"ts\":{at},\"values\":{{\"temp\":{value},\"on\":true}}}}"),
            )
            .await;
        }
        let last = server.get("/devices/pump-1/telemetry").await.expect(200);
        assert_eq!(last["items"][1], json!({"metric": "temp", "at": "2025-12-31T23:01:00Z", "value": 30.0}));
        let metrics = server.get("/devices/pump-1/metrics").await.expect(200);
        assert_eq!(metrics["items"], json!([{"name": "on"}, {"name": "temp"}]));
        let points = server.get("/devices/pump-1/telemetry/temp").await.expect(200);
        assert_eq!(points["points"].as_array().unwrap().len(), 3);
        let steps = server
            .get("/devices/pump-1/telemetry/temp?from=2025-12-31T23:00:00Z&to=2025-12-31T23:30:00Z&step=60")
            .await
            .expect(200);
        let first = json!({"at": "2025-12-31T23:00:00Z", "min": 20.0, "max": 22.0, "mean": 21.0, "count": 2});
        assert_eq!(steps["steps"][0], first);
        assert_eq!(steps["steps"].as_array().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn windows_that_make_no_sense_are_refused_by_their_fields() {
        let server = Fixture::new("telemetry-bad").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        let metric = "/devices/pump-1/telemetry/temp";
        let problem =
            server.get(&format!("{metric}?from=noon&step=-1")).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["from", "step"]);
        let turned = server.get(&format!("{metric}?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z")).await;
        assert_eq!(turned.problem(400, "request.invalid").fields(), ["to"]);
        let fine = server.get(&format!("{metric}?from=2000-01-01T00:00:00Z&step=1")).await;
        assert_eq!(fine.problem(400, "request.invalid").fields(), ["step"]);
        server.get("/devices/ghost/telemetry").await.problem(404, "device.not_found");
    }
}
