//! When a simulated device measures, and its messages on the way: sent, acknowledged, waited for.
//!
//! What it measures is the profile's.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use rand::Rng;
use serde_json::Value;
use tokio::time::Instant;

use super::Device;
use crate::sim::Pace;
use crate::sim::mqtt::{Client, Incoming, Lost};

/// Messages in flight on one connection.
#[derive(Default)]
pub(super) struct InFlight {
    pub(super) sent: BTreeMap<u16, (Instant, Bytes)>,
}

impl Device {
    /// Devices do not measure in step with each other.
    pub(super) fn first_reading(&mut self) -> Option<Instant> {
        match self.interval() {
            Pace::Silent => None,
            Pace::Unbounded => Some(Instant::now()),
            Pace::Every(interval) => Some(Instant::now() + interval.mul_f64(self.random.random::<f64>())),
        }
    }

    pub(super) fn reading_after(&self, last: Option<Instant>) -> Option<Instant> {
        match self.interval() {
            Pace::Silent => None,
            Pace::Unbounded => last,
            // Readings that could not be sent in time are not made up for.
            Pace::Every(interval) => last.map(|last| (last + interval).max(Instant::now())),
        }
    }

    /// When the last reading of the next message is taken.
    pub(super) fn reading_time(&mut self, batch: usize, step: i64) -> i64 {
        match &mut self.history_millis {
            None => self.shared.now_millis(),
            Some(last) => {
                *last += i64::try_from(batch).unwrap_or(1) * step;
                *last
            }
        }
    }

    /// The operator's word first, then the run's.
    fn interval(&self) -> Pace {
        match self.settings.get("intervalSeconds").and_then(Value::as_f64) {
            Some(seconds) if seconds >= 0.05 && self.shared.options.manages => {
                Pace::Every(Duration::from_secs_f64(seconds.min(86_400.0)))
            }
            _ => self.shared.options.pace,
        }
    }

    pub(super) fn send_readings(
        &self,
        client: &mut Client,
        in_flight: &mut InFlight,
        payload: Bytes,
    ) -> Result<(), Lost> {
        let topic = self.shared.options.topic.replace("{name}", &self.name);
        let id = client.publish(&topic, payload.clone(), self.shared.options.qos)?;
        self.shared.counters.published.one();
        if let Some(id) = id {
            in_flight.sent.insert(id, (Instant::now(), payload));
        }
        Ok(())
    }

    pub(super) fn acknowledged(&self, in_flight: &mut InFlight, id: u16, refused: Option<String>) {
        // Other ids belong to shadow and job messages.
        if let Some((sent, _)) = in_flight.sent.remove(&id) {
            self.shared.acknowledging.record(sent.elapsed());
            match refused {
                None => {
                    self.shared.counters.acknowledged.one();
                    self.shared.counters.points.add(self.shared.points_per_message());
                }
                Some(reason) => {
                    self.shared.counters.refused.one();
                    self.shared.remember(&self.name, &Lost::Refused(reason));
                }
            }
        }
    }

    /// Waits a moment for what is still unacknowledged, so that a run that ends has fair counts.
    pub(super) async fn settle(&self, client: &mut Client, in_flight: &mut InFlight) {
        let patience = Instant::now() + Duration::from_secs(5);
        while !in_flight.sent.is_empty() {
            let Ok(Ok(incoming)) = tokio::time::timeout_at(patience, client.next()).await else { return };
            if let Incoming::Acknowledged { id, refused } = incoming {
                self.acknowledged(in_flight, id, refused);
            }
        }
    }
}

pub(super) async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
