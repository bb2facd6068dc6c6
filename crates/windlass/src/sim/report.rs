//! What came of a run: rates and percentiles for people and programs.

use std::time::Duration;

use serde::Serialize;

use super::Shared;
use super::measure::Histogram;

/// The figures of one run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// Seconds measured.
    pub(crate) seconds: f64,
    /// Devices connected at the end.
    pub(crate) online: u64,
    /// Connections accepted.
    pub(crate) connections: u64,
    /// Connections refused or broken.
    pub(crate) lost: u64,
    /// Telemetry messages sent.
    pub(crate) published: u64,
    /// Telemetry messages acknowledged.
    pub(crate) acknowledged: u64,
    /// Telemetry messages refused.
    pub(crate) refused: u64,
    /// Acknowledged messages per second.
    pub(crate) messages_per_second: f64,
    /// Acknowledged points per second.
    pub(crate) points_per_second: f64,
    /// PUBACK latency.
    pub(crate) puback: Percentiles,
    /// Connection time.
    pub(crate) connect: Percentiles,
    /// Shadow deltas obeyed.
    pub(crate) deltas: u64,
    /// Jobs taken on.
    pub(crate) jobs: u64,
    /// Jobs reported as succeeded.
    pub(crate) succeeded: u64,
    /// Jobs reported as failed.
    pub(crate) failed: u64,
    /// Bytes of firmware.
    pub(crate) downloaded: u64,
    /// The first few troubles.
    pub(crate) troubles: Vec<String>,
}

/// Latencies in milliseconds; zero when nothing was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Percentiles {
    /// Half of all were quicker.
    pub(crate) p50_ms: f64,
    /// 90 % were quicker.
    pub(crate) p90_ms: f64,
    /// 99 % were quicker.
    pub(crate) p99_ms: f64,
    /// The slowest.
    pub(crate) max_ms: f64,
}

impl Percentiles {
    /// Reads a histogram.
    pub(crate) fn of(histogram: &Histogram) -> Self {
        let at = |per_mille| millis(histogram.percentile(per_mille).unwrap_or_default());
        Self { p50_ms: at(500), p90_ms: at(900), p99_ms: at(990), max_ms: millis(histogram.longest()) }
    }
}

impl Report {
    /// The figures of a run that took `elapsed`.
    pub(crate) fn of(shared: &Shared, elapsed: Duration) -> Self {
        let counters = &shared.counters;
        let seconds = elapsed.as_secs_f64().max(0.001);
        Self {
            seconds,
            online: shared.online.get(),
            connections: counters.connected.get(),
            lost: counters.lost.get(),
            published: counters.published.get(),
            acknowledged: counters.acknowledged.get(),
            refused: counters.refused.get(),
            messages_per_second: per_second(counters.acknowledged.get(), seconds),
            points_per_second: per_second(counters.points.get(), seconds),
            puback: Percentiles::of(&shared.acknowledging),
            connect: Percentiles::of(&shared.connecting),
            deltas: counters.deltas.get(),
            jobs: counters.jobs.get(),
            succeeded: counters.succeeded.get(),
            failed: counters.failed.get(),
            downloaded: counters.downloaded.get(),
            troubles: shared.troubles(),
        }
    }

    /// Names and values for a table.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let latency = |p: &Percentiles| {
            format!(
                "p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
                p.p50_ms, p.p90_ms, p.p99_ms, p.max_ms
            )
        };
        let mut rows = vec![
            ("time", format!("{:.1} s", self.seconds)),
            ("devices online", self.online.to_string()),
            ("connections", format!("{} made, {} lost or refused", self.connections, self.lost)),
            ("connect", latency(&self.connect)),
            (
                "telemetry",
                format!(
                    "{} sent, {} acknowledged, {} refused",
                    self.published, self.acknowledged, self.refused
                ),
            ),
            (
                "rate",
                format!("{:.0} messages/s, {:.0} points/s", self.messages_per_second, self.points_per_second),
            ),
            ("PUBACK", latency(&self.puback)),
            ("shadow deltas obeyed", self.deltas.to_string()),
            ("jobs", format!("{} taken on, {} succeeded, {} failed", self.jobs, self.succeeded, self.failed)),
            ("firmware downloaded", format!("{} bytes", self.downloaded)),
        ];
        rows.extend(self.troubles.iter().map(|trouble| ("trouble", trouble.clone())));
        rows
    }
}

fn per_second(count: u64, seconds: f64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / seconds
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
