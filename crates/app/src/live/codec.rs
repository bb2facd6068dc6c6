//! The bytes of a block of live state. Version 1: `1`, dictionary of metric names, devices with their values; all
//! numbers little-endian. Reading never trusts a length.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use windlass_domain::telemetry::{Stamp, Value};
use windlass_domain::time::Timestamp;

use super::{LastValue, Seen};

const VERSION: u8 = 1;
/// "Never" among times.
const NEVER: i64 = i64::MIN;

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_count(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

pub(super) fn encode(devices: &HashMap<i64, Seen>) -> Vec<u8> {
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut codes: HashMap<Arc<str>, usize> = HashMap::new();
    for value in devices.values().flat_map(|seen| &seen.values) {
        codes.entry(Arc::clone(&value.metric)).or_insert_with(|| {
            names.push(Arc::clone(&value.metric));
            names.len() - 1
        });
    }
    let mut bytes = vec![VERSION];
    put_count(&mut bytes, names.len());
    for name in &names {
        put_text(&mut bytes, name);
    }
    let sorted: BTreeMap<&i64, &Seen> = devices.iter().collect();
    put_count(&mut bytes, sorted.len());
    for (device, Seen { last_seen, values }) in sorted {
        bytes.extend_from_slice(&device.to_le_bytes());
        bytes.extend_from_slice(&last_seen.map_or(NEVER, Timestamp::micros).to_le_bytes());
        put_count(&mut bytes, values.len());
        for LastValue { metric, at, stamp, value } in values {
            put_count(&mut bytes, codes.get(metric).copied().unwrap_or_default());
            bytes.extend_from_slice(&at.micros().to_le_bytes());
            let stamp = Stamp::ALL.iter().position(|one| one == stamp).unwrap_or_default();
            bytes.push(u8::try_from(stamp).unwrap_or_default());
            match value {
                Value::Number(number) => {
                    bytes.push(0);
                    bytes.extend_from_slice(&number.to_le_bytes());
                }
                Value::Integer(number) => {
                    bytes.push(1);
                    bytes.extend_from_slice(&number.to_le_bytes());
                }
                Value::Bool(flag) => bytes.extend_from_slice(&[2, u8::from(*flag)]),
                Value::Text(text) => {
                    bytes.push(3);
                    put_text(&mut bytes, text);
                }
            }
        }
    }
    bytes
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    fn number(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.count()?;
        std::str::from_utf8(self.take(length)?).ok()
    }
}

/// The devices of a block; none if the bytes are not what was written. `name` shares metric names.
pub(super) fn decode(bytes: &[u8], name: &dyn Fn(&str) -> Arc<str>) -> Option<Vec<(i64, Seen)>> {
    let mut reader = Reader(bytes);
    if reader.byte()? != VERSION {
        return None;
    }
    let names: Vec<Arc<str>> =
        (0..reader.count()?).map(|_| reader.text().map(name)).collect::<Option<_>>()?;
    let mut devices = Vec::new();
    for _ in 0..reader.count()? {
        let device = reader.number()?;
        let last_seen = Some(reader.number()?).filter(|at| *at != NEVER).map(Timestamp::from_micros);
        let mut values = Vec::new();
        for _ in 0..reader.count()? {
            let metric = names.get(reader.count()?).cloned()?;
            let at = Timestamp::from_micros(reader.number()?);
            let stamp = Stamp::ALL.get(usize::from(reader.byte()?)).copied()?;
            let value = match reader.byte()? {
                0 => Value::number(f64::from_le_bytes(reader.array()?)).ok()?,
                1 => Value::Integer(reader.number()?),
                2 => Value::Bool(reader.byte()? != 0),
                3 => Value::Text(Arc::from(reader.text()?)),
                _ => return None,
            };
            values.push(LastValue { metric, at, stamp, value });
        }
        devices.push((device, Seen { last_seen, values }));
    }
    reader.0.is_empty().then_some(devices)
}

/// A saved cursor.
pub(super) fn cursor(bytes: &[u8]) -> Option<i64> {
    bytes.try_into().ok().map(i64::from_le_bytes)
}
