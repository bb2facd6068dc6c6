//! Telemetry: from a device's payload to durable points, and the questions that operators ask of them.
//!
//! Knows neither topics nor how points are stored.

mod disk;
mod erase;
mod upkeep;

use std::time::Duration;

use windlass_domain::ids::{DeviceId, DeviceName, InvalidName, MetricName};
use windlass_domain::permission::{Permission, Principal, allows};
use windlass_domain::telemetry::{Admitted, Point, Reading, Value, admit};
use windlass_domain::time::Timestamp;
use windlass_store::devices::device_by_name;
use windlass_store::telemetry::{Order, Raw, Received, Window};
use windlass_wire::telemetry::{self as wire, decode_cbor, decode_json};
use windlass_wire::topic::Format;

pub use disk::{DiskGuard, DiskProbe, DiskSpace, FileSystem, is_low};
pub use windlass_store::telemetry::{Appended, MetricOf, Step};

use crate::app::App;
use crate::error::AppError;

/// Most steps of one answer.
pub const STEPS: usize = 10_000;
/// Most raw points of one answer.
pub const RAW_POINTS: usize = 10_000;

/// A message that can be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Its points, with their times.
    pub message: Received,
    /// How many of its points were older than what is kept, and dropped.
    pub too_old: usize,
}

/// Reads a device's payload: decodes it, checks names and bounds, gives every point its time.
///
/// # Errors
/// A sentence that says what is wrong with the payload; nothing of it is to be stored then.
pub fn prepare(
    app: &App,
    device: DeviceId,
    payload: &[u8],
    format: Format,
    received_at: Timestamp,
) -> Result<Prepared, String> {
    let limits = &app.limits;
    let most = limits.points_per_message;
    let decoded = match format {
        Format::Json => decode_json(payload, most),
        Format::Cbor => decode_cbor(payload, most),
    }
    .map_err(|problem| problem.to_string())?;
    let readings = decoded
        .into_iter()
        .map(|reading| reading_of(reading, limits.text_value))
        .collect::<Result<Vec<_>, _>>()?;
    let Admitted { points, too_old } =
        admit(readings, received_at, limits).map_err(|problem| problem.to_string())?;
    Ok(Prepared { message: Received { device, received_at, points }, too_old })
}

fn reading_of(reading: wire::Reading, longest_text: usize) -> Result<Reading, String> {
    let wire::Reading { metric, at_micros, value } = reading;
    let metric: MetricName = metric.parse().map_err(|problem: InvalidName| problem.to_string())?;
    let value = match value {
        wire::Value::Number(number) => Value::number(number),
        wire::Value::Integer(number) => Ok(Value::integer(number)),
        wire::Value::Bool(flag) => Ok(Value::Bool(flag)),
        wire::Value::Text(text) => Value::text(&text, longest_text),
    }
    .map_err(|problem| format!("metric {metric} {problem}"))?;
    Ok(Reading { metric, at: at_micros.map(Timestamp::from_micros), value })
}

/// What is asked of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The points themselves, at most this many.
    Raw {
        /// Most points.
        limit: usize,
        /// Which end of the window comes first.
        newest_first: bool,
    },
    /// Minimum, maximum, mean and count of every step of this length.
    Steps(Duration),
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Series {
    /// The points, and whether there are more.
    Raw {
        /// In the order asked for.
        points: Vec<Point>,
        /// Whether the window holds more.
        more: bool,
    },
    /// The steps that have points, oldest first.
    Steps(Vec<Step>),
}

impl App {
    /// Stores prepared messages. Durable when it returns; answers per message, in order.
    ///
    /// # Errors
    /// The disk is almost full, or the store fails: nothing was stored, nothing may be acknowledged.
    pub async fn append_telemetry(&self, prepared: Vec<Prepared>) -> Result<Vec<Appended>, AppError> {
        if self.disk.is_low() {
            return Err(AppError::DiskFull);
        }
        let messages: Vec<Received> = prepared.into_iter().map(|prepared| prepared.message).collect();
        let _applying = self.live.applying().await;
        let (_, answers) = self.telemetry.append(messages.clone()).await?;
        for (message, answer) in messages.iter().zip(&answers) {
            match answer {
                Appended::Stored => self.live.apply(message),
                Appended::TooManyMetrics { .. } => self.live.seen(message.device, message.received_at),
            }
        }
        Ok(answers)
    }

    async fn telemetry_device(&self, by: &Principal, name: &DeviceName) -> Result<DeviceId, AppError> {
        if !allows(by, Permission::TelemetryRead) {
            return Err(AppError::Forbidden(Permission::TelemetryRead.as_str()));
        }
        let (tenant, wanted) = (by.tenant, name.clone());
        let device = self
            .store
            .read(move |tx| {
                let wanted = wanted.clone();
                Box::pin(async move { device_by_name(tx, tenant, &wanted).await })
            })
            .await?;
        device
            .map(|device| device.id)
            .filter(|id| self.fleet.is_visible(by, *id))
            .ok_or_else(|| AppError::not_found("device", name))
    }

    /// A metric of a device in a window of time, as points or step by step.
    ///
    /// # Errors
    /// Forbidden; no such device; a window or step that cannot be answered; the store fails.
    pub async fn telemetry_query(
        &self,
        by: &Principal,
        device: &DeviceName,
        metric: &MetricName,
        from: Timestamp,
        to: Timestamp,
        resolution: Resolution,
    ) -> Result<Series, AppError> {
        let device = self.telemetry_device(by, device).await?;
        if from >= to {
            return Err(AppError::invalid("to", "must be after from"));
        }
        let window = Window { from, to };
        match resolution {
            Resolution::Raw { limit, newest_first } => {
                if limit == 0 || limit > RAW_POINTS {
                    return Err(AppError::invalid("limit", format!("must be from 1 to {RAW_POINTS}")));
                }
                let order = if newest_first { Order::NewestFirst } else { Order::OldestFirst };
                let Raw { points, more } = self.telemetry.raw(device, metric, window, limit, order).await?;
                Ok(Series::Raw { points, more })
            }
            Resolution::Steps(step) => {
                if step < Duration::from_secs(1) {
                    return Err(AppError::invalid("step", "must be at least one second"));
                }
                let steps = to.since(from).as_micros() / step.as_micros();
                if steps > u128::try_from(STEPS).unwrap_or(u128::MAX) {
                    let problem =
                        format!("must be longer: the window has {steps} of them, the limit is {STEPS}");
                    return Err(AppError::invalid("step", problem));
                }
                Ok(Series::Steps(self.telemetry.steps(device, metric, window, step).await?))
            }
        }
    }

    /// The newest value of every metric of a device, by name.
    ///
    /// # Errors
    /// Forbidden; no such device; the store fails.
    pub async fn telemetry_latest(
        &self,
        by: &Principal,
        device: &DeviceName,
    ) -> Result<Vec<Point>, AppError> {
        let device = self.telemetry_device(by, device).await?;
        let known = self.live.last_values(device);
        let metrics = self.telemetry.metrics(device).await?;
        if metrics.iter().all(|metric| known.iter().any(|point| point.metric == metric.name)) {
            return Ok(known);
        }
        Ok(self.telemetry.latest(device).await?)
    }

    /// The metrics that a device has ever sent, by name.
    ///
    /// # Errors
    /// Forbidden; no such device; the store fails.
    pub async fn telemetry_metrics(
        &self,
        by: &Principal,
        device: &DeviceName,
    ) -> Result<Vec<MetricOf>, AppError> {
        let device = self.telemetry_device(by, device).await?;
        Ok(self.telemetry.metrics(device).await?)
    }
}

#[cfg(test)]
mod tests;
