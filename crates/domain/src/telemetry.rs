//! What a device measured: values, and which time a point gets.
//!
//! Knows neither how a message is written nor how points are stored.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::device::words;
use crate::ids::{InvalidName, MetricName};
use crate::limits::Limits;
use crate::time::Timestamp;
use std::str::FromStr;

/// Whole numbers up to here (2^53) are exact as [`Value::Number`].
const EXACT: u64 = 1 << 53;

/// One measured value.
///
/// Whole numbers that an `f64` holds exactly are `Number`, so that a metric which is 21.5 now and 21 next keeps one
/// kind; larger ones are `Integer`, so that no digit is lost. Make them with [`Value::number`], [`Value::integer`]
/// and [`Value::text`].
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A finite number.
    Number(f64),
    /// A whole number beyond ±2^53.
    Integer(i64),
    /// Yes or no.
    Bool(bool),
    /// A short text.
    Text(Arc<str>),
}

words!(
    /// What a metric's values are. A metric that changes its kind keeps both histories.
    ValueKind {
        /// [`Value::Number`].
        Number = "number",
        /// [`Value::Integer`].
        Integer = "integer",
        /// [`Value::Bool`].
        Bool = "bool",
        /// [`Value::Text`].
        Text = "text",
    }
);

impl ValueKind {
    /// Whether minimum, maximum and mean mean something.
    pub const fn is_numeric(self) -> bool {
        match self {
            Self::Number | Self::Integer | Self::Bool => true,
            Self::Text => false,
        }
    }
}

/// Why something is no value. `Display` is a sentence's end: "metric x …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// NaN or infinite.
    #[error("is not a finite number")]
    NotFinite,
    /// Text beyond the limit.
    #[error("has a text of {bytes} bytes, the limit is {limit}")]
    TextTooLong {
        /// Its bytes.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

impl Value {
    /// A finite number.
    pub fn number(number: f64) -> Result<Self, InvalidValue> {
        if number.is_finite() { Ok(Self::Number(number)) } else { Err(InvalidValue::NotFinite) }
    }

    /// A whole number, exact.
    pub fn integer(number: i64) -> Self {
        if number.unsigned_abs() <= EXACT { Self::Number(float_of(number)) } else { Self::Integer(number) }
    }

    /// A text of at most `limit` bytes.
    pub fn text(text: &str, limit: usize) -> Result<Self, InvalidValue> {
        if text.len() > limit {
            return Err(InvalidValue::TextTooLong { bytes: text.len(), limit });
        }
        Ok(Self::Text(text.into()))
    }

    /// What it is.
    pub const fn kind(&self) -> ValueKind {
        match self {
            Self::Number(_) => ValueKind::Number,
            Self::Integer(_) => ValueKind::Integer,
            Self::Bool(_) => ValueKind::Bool,
            Self::Text(_) => ValueKind::Text,
        }
    }

    /// As a number for minimum, maximum and mean: yes is 1, no is 0, text is none.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Integer(number) => Some(float_of(*number)),
            Self::Bool(flag) => Some(if *flag { 1.0 } else { 0.0 }),
            Self::Text(_) => None,
        }
    }

    /// As people and programs read it in JSON: 21.0 is written as 21.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Number(number) => match whole(*number) {
                Some(whole) => whole.into(),
                None => (*number).into(),
            },
            Self::Integer(number) => (*number).into(),
            Self::Bool(flag) => (*flag).into(),
            Self::Text(text) => text.as_ref().into(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Bool(flag) => flag.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// The nearest `f64`; exact up to ±2^53.
#[expect(clippy::as_conversions, reason = "std has no other way from i64 to f64; rounding is what is wanted")]
pub const fn float_of(number: i64) -> f64 {
    number as f64
}

/// The whole number that this is exactly, if it is one within ±2^53. Minus zero is none.
#[expect(clippy::as_conversions, reason = "checked: whole and within the range of i64")]
pub fn whole(number: f64) -> Option<i64> {
    let fits = number.fract() == 0.0 && number.abs() <= float_of(1 << 53);
    (fits && !(number == 0.0 && number.is_sign_negative())).then_some(number as i64)
}

words!(
    /// Whose time a point carries.
    Stamp {
        /// The server's: the message had none.
        Server = "server",
        /// The device's.
        Device = "device",
        /// The device's, and long past when it came.
        Late = "late",
        /// The server's, since the device's was in the future.
        Ahead = "ahead",
    }
);

/// A value as a device sent it, before it has a time for sure.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What was measured.
    pub metric: MetricName,
    /// When, if the device said so.
    pub at: Option<Timestamp>,
    /// What came out.
    pub value: Value,
}

/// A value with its time, ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What was measured.
    pub metric: MetricName,
    /// When.
    pub at: Timestamp,
    /// What came out.
    pub value: Value,
    /// Whose time that is.
    pub stamp: Stamp,
}

/// The time policy: when a point counts as measured. None means that it is older than what is kept.
///
/// No time: the server's. More than `time_ahead` in the future: the server's. Older than `time_late`: its own, flagged.
/// Older than `retention`: dropped.
pub fn place(at: Option<Timestamp>, now: Timestamp, limits: &Limits) -> Option<(Timestamp, Stamp)> {
    let Some(at) = at else { return Some((now, Stamp::Server)) };
    let age = now.since(at);
    if at.since(now) > limits.time_ahead {
        Some((now, Stamp::Ahead))
    } else if age > limits.retention {
        None
    } else if age > limits.time_late {
        Some((at, Stamp::Late))
    } else {
        Some((at, Stamp::Device))
    }
}

/// What is kept of one message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Admitted {
    /// To be stored.
    pub points: Vec<Point>,
    /// How many were older than what is kept, and dropped.
    pub too_old: usize,
}

/// A message holds more points than allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message has {points} points, the limit is {limit}")]
pub struct TooManyPoints {
    /// What it has.
    pub points: usize,
    /// What is allowed.
    pub limit: usize,
}

/// Gives each reading of one message its time.
///
/// Readings of one metric that get the server's time lie a microsecond apart, in the order of the message: a point is
/// known by its metric and time, so they would otherwise overwrite each other.
pub fn admit(readings: Vec<Reading>, now: Timestamp, limits: &Limits) -> Result<Admitted, TooManyPoints> {
    if readings.len() > limits.points_per_message {
        return Err(TooManyPoints { points: readings.len(), limit: limits.points_per_message });
    }
    let mut admitted = Admitted { points: Vec::with_capacity(readings.len()), too_old: 0 };
    let mut stamped: HashMap<MetricName, u64> = HashMap::new();
    for Reading { metric, at, value } in readings {
        let Some((mut at, stamp)) = place(at, now, limits) else {
            admitted.too_old += 1;
            continue;
        };
        match stamp {
            Stamp::Server | Stamp::Ahead => match stamped.get_mut(&metric) {
                Some(earlier) => {
                    at = at.plus(Duration::from_micros(*earlier));
                    *earlier += 1;
                }
                None => drop(stamped.insert(metric.clone(), 1)),
            },
            Stamp::Device | Stamp::Late => {}
        }
        admitted.points.push(Point { metric, at, value, stamp });
    }
    Ok(admitted)
}

/// What happened to one number over a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aggregate {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// All values added up.
    pub sum: f64,
    /// How many values; never zero.
    pub count: u64,
}

impl Aggregate {
    /// Of a single value.
    pub const fn of(value: f64) -> Self {
        Self { min: value, max: value, sum: value, count: 1 }
    }

    /// Of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            sum: self.sum + other.sum,
            count: self.count.saturating_add(other.count),
        }
    }

    /// The arithmetic mean.
    pub fn mean(&self) -> f64 {
        self.sum / float_of(i64::try_from(self.count).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn reading(metric: &str, at: Option<Timestamp>) -> Reading {
        Reading { metric: metric.parse().unwrap(), at, value: Value::Number(1.0) }
    }

    #[test]
    fn a_point_without_time_gets_the_servers() {
        assert_eq!(place(None, NOW, &Limits::default()), Some((NOW, Stamp::Server)));
    }

    #[test]
    fn times_up_to_ten_minutes_ahead_are_believed() {
        let limits = Limits::default();
        let just = NOW.plus(limits.time_ahead);
        assert_eq!(place(Some(just), NOW, &limits), Some((just, Stamp::Device)));
        let over = just.plus(Duration::from_micros(1));
        assert_eq!(place(Some(over), NOW, &limits), Some((NOW, Stamp::Ahead)));
        assert_eq!(place(Some(Timestamp::from_micros(i64::MAX)), NOW, &limits), Some((NOW, Stamp::Ahead)));
    }

    #[test]
    fn points_older_than_a_month_keep_their_time_and_are_flagged() {
        let limits = Limits::default();
        let month = NOW.minus(30 * DAY);
        assert_eq!(place(Some(month), NOW, &limits), Some((month, Stamp::Device)));
        let older = month.minus(Duration::from_micros(1));
        assert_eq!(place(Some(older), NOW, &limits), Some((older, Stamp::Late)));
    }

    #[test]
    fn points_older_than_retention_are_dropped_and_counted() {
        let limits = Limits::default();
        let edge = NOW.minus(limits.retention);
        let readings = vec![
            reading("a", Some(edge)),
            reading("a", Some(edge.minus(Duration::from_micros(1)))),
            reading("a", Some(Timestamp::from_micros(i64::MIN))),
        ];
        let admitted = admit(readings, NOW, &limits).unwrap();
        assert_eq!(admitted.points.len(), 1);
        assert_eq!(admitted.too_old, 2);
    }

    #[test]
    fn server_stamped_readings_of_one_metric_do_not_overwrite_each_other() {
        let far = NOW.plus(DAY);
        let readings = vec![
            reading("a", None),
            reading("b", None),
            reading("a", None),
            reading("a", Some(far)),
            reading("a", Some(NOW)),
        ];
        let times: Vec<i64> = admit(readings, NOW, &Limits::default())
            .unwrap()
            .points
            .iter()
            .map(|p| p.at.micros() - NOW.micros())
            .collect();
        assert_eq!(times, [0, 0, 1, 2, 0]);
    }

    #[test]
    fn a_message_has_at_most_a_thousand_points() {
        let many = |n: usize| (0..n).map(|_| reading("a", Some(NOW))).collect::<Vec<_>>();
        assert_eq!(admit(many(1_000), NOW, &Limits::default()).unwrap().points.len(), 1_000);
        let refused = admit(many(1_001), NOW, &Limits::default()).unwrap_err();
        assert_eq!(refused.to_string(), "the message has 1001 points, the limit is 1000");
    }

    #[test]
    fn values_know_their_kind_and_bounds() {
        assert_eq!(Value::integer(21), Value::Number(21.0));
        assert_eq!(Value::integer(1 << 53), Value::Number(9_007_199_254_740_992.0));
        assert_eq!(Value::integer((1 << 53) + 1), Value::Integer((1 << 53) + 1));
        assert_eq!(Value::integer(i64::MIN), Value::Integer(i64::MIN));
        assert!(Value::number(f64::NAN).is_err());
        assert!(Value::number(f64::NEG_INFINITY).is_err());
        assert!(Value::text(&"x".repeat(256), 256).is_ok());
        assert!(Value::text(&"x".repeat(257), 256).is_err());
        assert_eq!(Value::Bool(true).as_number(), Some(1.0));
        assert_eq!(Value::Text("on".into()).as_number(), None);
    }

    #[test]
    fn whole_numbers_are_written_without_a_fraction() {
        assert_eq!(Value::Number(21.0).to_json().to_string(), "21");
        assert_eq!(Value::Number(21.5).to_json().to_string(), "21.5");
        assert_eq!(Value::Number(-0.0).to_json().to_string(), "-0.0");
        assert_eq!(Value::Number(1e300).to_json().to_string(), "1e+300");
        assert_eq!(Value::Integer(i64::MAX).to_json().to_string(), "9223372036854775807");
    }

    proptest! {
        #[test]
        fn a_placed_time_is_the_devices_or_the_servers(at in any::<i64>()) {
            let limits = Limits::default();
            let own = Timestamp::from_micros(at);
            match place(Some(own), NOW, &limits) {
                Some((time, Stamp::Device | Stamp::Late)) => prop_assert_eq!(time, own),
                Some((time, Stamp::Server | Stamp::Ahead)) => prop_assert_eq!(time, NOW),
                None => prop_assert!(own < NOW.minus(limits.retention)),
            }
        }

        #[test]
        fn an_integer_keeps_every_digit(number in any::<i64>()) {
            prop_assert_eq!(Value::integer(number).to_json().as_i64(), Some(number));
        }

        #[test]
        fn aggregates_do_not_care_how_values_are_grouped(values in proptest::collection::vec(-1_000i32..1_000, 2..50), cut in 1usize..49) {
            let all: Vec<Aggregate> = values.iter().map(|v| Aggregate::of(f64::from(*v))).collect();
            let cut = cut.min(all.len() - 1);
            let sum = |part: &[Aggregate]| part.iter().copied().reduce(Aggregate::and).unwrap();
            prop_assert_eq!(sum(&all), sum(&all[..cut]).and(sum(&all[cut..])));
        }
    }
}
