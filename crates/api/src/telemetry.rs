//! Telemetry of a device: `/devices/{name}/telemetry` (last values), `/devices/{name}/telemetry/{metric}` (a range).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// A measured value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A short text.
    Text(String),
}

/// The last value of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastValue {
    /// Which metric.
    pub metric: String,
    /// When it was measured.
    pub at: Time,
    /// What was measured.
    pub value: Value,
}

/// The last values of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastValues {
    /// By metric name.
    pub items: Vec<LastValue>,
}

/// A metric of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    /// Its name.
    pub name: String,
}

/// The metrics of a device (`GET /devices/{name}/metrics`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// By name.
    pub items: Vec<Metric>,
}

/// Which range, and how finely.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RangeQuery {
    /// First moment; 24 hours before `to` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// Moment after the last; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    /// Seconds per step. Absent or 0: every point as it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub step: Option<u32>,
}

/// A measured point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// When it was measured.
    pub at: Time,
    /// What was measured.
    pub value: Value,
    /// Arrived more than 30 days after it was measured, or with a time of the future that the server replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flagged: bool,
}

/// All points of one step, summed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Start of the step.
    pub at: Time,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
    /// How many points.
    pub count: u64,
}

/// A range of one metric: points, or steps where a step was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// Which metric.
    pub metric: String,
    /// First moment.
    pub from: Time,
    /// Moment after the last.
    pub to: Time,
    /// Seconds per step; absent for points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// Points in order of time; empty where a step was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Point>,
    /// Steps in order of time, those without points left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// There was more than one answer may hold; ask for a larger step or a shorter range.
    pub truncated: bool,
}
