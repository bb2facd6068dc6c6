//! The bytes of one row of the log: what one ingest batch brought, in the order in which it came.
//!
//! Version 1: `1`, number of messages, then per message: device, time of receipt (difference to the message before),
//! number of points, and per point: metric, a tag, the difference to the time of receipt unless there is none, value.
//! Knows no table.

use std::sync::Arc;

use windlass_domain::telemetry::{Stamp, Value, float_of, whole};

use super::bytes::{Reader, put, put_signed, put_slice};
use super::{Corrupt, MetricId, Sample};

const VERSION: u8 = 1;

/// One message, its metrics resolved.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logged {
    pub(super) device: i64,
    pub(super) received_at: i64,
    pub(super) points: Vec<(MetricId, Sample)>,
}

// The tag: three bits of value form, two bits of stamp, one bit "received when measured".
const DECIMALS_0: u8 = 0;
const DECIMALS_3: u8 = 3;
const FLOAT: u8 = 4;
const INTEGER: u8 = 5;
const BOOL: u8 = 6;
const TEXT: u8 = 7;
const FORM: u8 = 0b111;
const SAME_TIME: u8 = 0b10_0000;

fn scale(decimals: u8) -> f64 {
    match decimals {
        0 => 1.0,
        1 => 10.0,
        2 => 100.0,
        _ => 1000.0,
    }
}

/// A number with at most three decimals, as a whole number and how many; only if it reads back bit by bit.
fn decimal(number: f64) -> Option<(u8, i64)> {
    (DECIMALS_0..=DECIMALS_3).find_map(|decimals| {
        let scaled = whole((number * scale(decimals)).round()).filter(|scaled| scaled.abs() < 1 << 48)?;
        (undo(decimals, scaled).to_bits() == number.to_bits()).then_some((decimals, scaled))
    })
}

fn undo(decimals: u8, scaled: i64) -> f64 {
    float_of(scaled) / scale(decimals)
}

fn stamp_bits(stamp: Stamp) -> u8 {
    stamp_code(stamp) << 3
}

/// How a stamp is stored.
pub(super) const fn stamp_code(stamp: Stamp) -> u8 {
    match stamp {
        Stamp::Server => 0,
        Stamp::Device => 1,
        Stamp::Late => 2,
        Stamp::Ahead => 3,
    }
}

/// The stamp of a stored code.
pub(super) const fn stamp_of(code: u8) -> Result<Stamp, Corrupt> {
    match code {
        0 => Ok(Stamp::Server),
        1 => Ok(Stamp::Device),
        2 => Ok(Stamp::Late),
        3 => Ok(Stamp::Ahead),
        _ => Err(Corrupt("an unknown stamp")),
    }
}

pub(super) fn encode(messages: &[Logged]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    put(&mut bytes, length(messages.len()));
    let mut before = 0;
    for Logged { device, received_at, points } in messages {
        put_signed(&mut bytes, *device);
        put_signed(&mut bytes, received_at.wrapping_sub(before));
        before = *received_at;
        put(&mut bytes, length(points.len()));
        for (metric, Sample { at, stamp, value }) in points {
            put(&mut bytes, u64::from(metric.0));
            let same = if at == received_at { SAME_TIME } else { 0 };
            let head = stamp_bits(*stamp) | same;
            let decimal = if let Value::Number(number) = value { decimal(*number) } else { None };
            let form = match value {
                Value::Number(_) => decimal.map_or(FLOAT, |(decimals, _)| decimals),
                Value::Integer(_) => INTEGER,
                Value::Bool(_) => BOOL,
                Value::Text(_) => TEXT,
            };
            bytes.push(head | form);
            if same == 0 {
                put_signed(&mut bytes, at.wrapping_sub(*received_at));
            }
            match value {
                Value::Number(number) => match decimal {
                    Some((_, scaled)) => put_signed(&mut bytes, scaled),
                    None => bytes.extend_from_slice(&number.to_le_bytes()),
                },
                Value::Integer(number) => put_signed(&mut bytes, *number),
                Value::Bool(flag) => bytes.push(u8::from(*flag)),
                Value::Text(text) => put_slice(&mut bytes, text.as_bytes()),
            }
        }
    }
    bytes
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Logged>, Corrupt> {
    let mut reader = Reader(bytes);
    if reader.byte()? != VERSION {
        return Err(Corrupt("an unknown version of the log"));
    }
    let count = reader.count(3)?;
    let mut messages = Vec::with_capacity(count);
    let mut before = 0_i64;
    for _ in 0..count {
        let device = reader.signed()?;
        let received_at = before.wrapping_add(reader.signed()?);
        before = received_at;
        let count = reader.count(3)?;
        let mut points = Vec::with_capacity(count);
        for _ in 0..count {
            points.push(point(&mut reader, received_at)?);
        }
        messages.push(Logged { device, received_at, points });
    }
    reader.end()?;
    Ok(messages)
}

fn point(reader: &mut Reader<'_>, received_at: i64) -> Result<(MetricId, Sample), Corrupt> {
    let metric = u32::try_from(reader.number()?).map_err(|_| Corrupt("a metric beyond 32 bits"))?;
    let tag = reader.byte()?;
    if tag >> 6 != 0 {
        return Err(Corrupt("an unknown tag"));
    }
    let at = if tag & SAME_TIME == 0 { received_at.wrapping_add(reader.signed()?) } else { received_at };
    let value = match tag & FORM {
        decimals @ DECIMALS_0..=DECIMALS_3 => Value::Number(undo(decimals, reader.signed()?)),
        FLOAT => {
            let number = f64::from_le_bytes(reader.array()?);
            Value::number(number).map_err(|_| Corrupt("a number that is not finite"))?
        }
        INTEGER => Value::Integer(reader.signed()?),
        BOOL => Value::Bool(reader.byte()? != 0),
        _ => Value::Text(Arc::from(reader.text()?)),
    };
    Ok((MetricId(metric), Sample { at, stamp: stamp_of(tag >> 3 & 0b11)?, value }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::Number),
            (-1_000_000i32..1_000_000).prop_map(|n| Value::Number(f64::from(n) / 100.0)),
            any::<i64>().prop_map(Value::Integer),
            any::<bool>().prop_map(Value::Bool),
            ".{0,20}".prop_map(|text| Value::Text(text.into())),
        ]
    }

    fn any_stamp() -> impl Strategy<Value = Stamp> {
        prop::sample::select(Stamp::ALL)
    }

    proptest! {
        #[test]
        fn a_row_reads_back_bit_by_bit(messages in prop::collection::vec(
            (any::<i64>(), any::<i64>(), prop::collection::vec((any::<u32>(), any::<bool>(), any::<i64>(), any_stamp(), any_value()), 0..10)), 0..10)
        ) {
            let messages: Vec<Logged> = messages.into_iter().map(|(device, received_at, points)| Logged {
                device,
                received_at,
                points: points.into_iter().map(|(metric, same, at, stamp, value)| {
                    (MetricId(metric), Sample { at: if same { received_at } else { at }, stamp, value })
                }).collect(),
            }).collect();
            let read = decode(&encode(&messages)).unwrap();
            prop_assert_eq!(format!("{read:?}"), format!("{messages:?}"), "minus zero too");
        }

        #[test]
        fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(decode(&bytes));
            if let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            drop(decode(&bytes));
        }

        #[test]
        fn a_row_cut_short_is_refused(cut in 0usize..100) {
            let bytes = encode(&[Logged {
                device: 7,
                received_at: 1_800_000_000_000_000,
                points: vec![(MetricId(1), Sample { at: 5, stamp: Stamp::Device, value: Value::Number(0.1 + 0.2) }); 5],
            }]);
            prop_assert!(decode(&bytes[..cut % bytes.len()]).is_err());
        }
    }

    #[test]
    fn common_readings_are_short() {
        let sample = |value| (MetricId(1), Sample { at: 1_800_000_000_000_000, stamp: Stamp::Server, value });
        let few = |points: Vec<_>| {
            encode(&[Logged { device: 5, received_at: 1_800_000_000_000_000, points }]).len()
        };
        let base = few(vec![]);
        assert_eq!(few(vec![sample(Value::Number(21.5))]) - base, 4, "metric, tag, two bytes");
        assert_eq!(few(vec![sample(Value::Bool(true))]) - base, 3);
    }
}
