//! The bytes of a block: sorted columns of one metric, compressed by `pco`; and of a rollup.
//!
//! Version 1: `1`, kind, number of rows, runs of devices, times, runs of stamps, values. A rollup is kind 4 and has
//! minimum, maximum, sum and count instead of stamps and values. Columns carry their length; a decoder reserves
//! memory only for a number of rows that it checked. Knows no table and no merge rule.

use std::collections::HashMap;
use std::sync::Arc;

use pco::ChunkConfig;
use pco::data_types::Number;
use pco::standalone::{simple_compress, simple_decompress_into};
use windlass_domain::telemetry::{Aggregate, Value, ValueKind};

use super::bytes::{Reader, put, put_signed, put_slice};
use super::log::{stamp_code, stamp_of};
use super::{Corrupt, Sample};

const VERSION: u8 = 1;
const ROLLUP: u8 = 4;

/// Rows of a full block.
pub(super) const ROWS: usize = 4_096;

/// A point and whose it is. Rows of a block are sorted by device, then time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) device: i64,
    pub(super) sample: Sample,
}

/// What happened to one device's metric from `at` on, for the length of a rollup's step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Summary {
    pub(super) device: i64,
    pub(super) at: i64,
    pub(super) aggregate: Aggregate,
}

/// How a kind is stored.
pub(super) const fn kind_code(kind: ValueKind) -> u8 {
    match kind {
        ValueKind::Number => 0,
        ValueKind::Integer => 1,
        ValueKind::Bool => 2,
        ValueKind::Text => 3,
    }
}

/// The kind of a stored code.
pub(super) const fn kind_of(code: u8) -> Result<ValueKind, Corrupt> {
    match code {
        0 => Ok(ValueKind::Number),
        1 => Ok(ValueKind::Integer),
        2 => Ok(ValueKind::Bool),
        3 => Ok(ValueKind::Text),
        _ => Err(Corrupt("an unknown kind of value")),
    }
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn put_column<T: Number>(bytes: &mut Vec<u8>, column: &[T]) -> Result<(), Corrupt> {
    let packed = simple_compress(column, &ChunkConfig::default())
        .map_err(|_| Corrupt("a column does not compress"))?;
    put_slice(bytes, &packed);
    Ok(())
}

fn column<T: Number + Default>(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<T>, Corrupt> {
    let packed = reader.slice()?;
    let mut column = vec![T::default(); rows];
    let progress =
        simple_decompress_into(packed, &mut column).map_err(|_| Corrupt("a column does not decompress"))?;
    if progress.n_processed == rows { Ok(column) } else { Err(Corrupt("a column of another length")) }
}

/// Runs of equal neighbours: number of runs, then each run's length and what `put` writes of it.
fn put_runs<T: PartialEq + Copy>(
    bytes: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    mut put_one: impl FnMut(&mut Vec<u8>, T),
) {
    let mut runs: Vec<(T, u64)> = Vec::new();
    for item in items {
        match runs.last_mut() {
            Some((last, count)) if *last == item => *count += 1,
            _ => runs.push((item, 1)),
        }
    }
    put(bytes, length(runs.len()));
    for (item, count) in runs {
        put(bytes, count);
        put_one(bytes, item);
    }
}

fn runs<T>(
    reader: &mut Reader<'_>,
    rows: usize,
    mut read_one: impl FnMut(&mut Reader<'_>) -> Result<T, Corrupt>,
) -> Result<Vec<(T, usize)>, Corrupt> {
    let count = reader.count(2)?;
    let mut runs = Vec::with_capacity(count);
    let mut left = rows;
    for _ in 0..count {
        let long = usize::try_from(reader.number()?).map_err(|_| Corrupt("a run beyond memory"))?;
        left = left.checked_sub(long).ok_or(Corrupt("runs beyond the rows"))?;
        runs.push((read_one(reader)?, long));
    }
    if left == 0 { Ok(runs) } else { Err(Corrupt("runs short of the rows")) }
}

fn put_devices(bytes: &mut Vec<u8>, devices: impl Iterator<Item = i64>) {
    let mut before = 0;
    put_runs(bytes, devices, |bytes, device| {
        put_signed(bytes, device.wrapping_sub(before));
        before = device;
    });
}

fn devices(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<(i64, usize)>, Corrupt> {
    let mut before = 0_i64;
    runs(reader, rows, |reader| {
        before = before.wrapping_add(reader.signed()?);
        Ok(before)
    })
}

/// Writes at most [`ROWS`] rows of one kind, sorted.
pub(super) fn encode(kind: ValueKind, rows: &[Row]) -> Result<Vec<u8>, Corrupt> {
    let mut bytes = vec![VERSION, kind_code(kind)];
    put(&mut bytes, length(rows.len()));
    put_devices(&mut bytes, rows.iter().map(|row| row.device));
    put_column(&mut bytes, &rows.iter().map(|row| row.sample.at).collect::<Vec<i64>>())?;
    put_runs(&mut bytes, rows.iter().map(|row| stamp_code(row.sample.stamp)), |bytes, code| bytes.push(code));
    let other = || Corrupt("a value of another kind");
    match kind {
        ValueKind::Number => {
            let column: Option<Vec<f64>> = rows
                .iter()
                .map(|row| if let Value::Number(number) = row.sample.value { Some(number) } else { None })
                .collect();
            put_column(&mut bytes, &column.ok_or_else(other)?)?;
        }
        ValueKind::Integer => {
            let column: Option<Vec<i64>> = rows
                .iter()
                .map(|row| if let Value::Integer(number) = row.sample.value { Some(number) } else { None })
                .collect();
            put_column(&mut bytes, &column.ok_or_else(other)?)?;
        }
        ValueKind::Bool => {
            let flags: Option<Vec<bool>> = rows
                .iter()
                .map(|row| if let Value::Bool(flag) = row.sample.value { Some(flag) } else { None })
                .collect();
            put_runs(&mut bytes, flags.ok_or_else(other)?.into_iter(), |bytes, flag| {
                bytes.push(u8::from(flag))
            });
        }
        ValueKind::Text => {
            let mut words: Vec<&str> = Vec::new();
            let mut codes: HashMap<&str, u32> = HashMap::new();
            let mut column = Vec::with_capacity(rows.len());
            for row in rows {
                let Value::Text(text) = &row.sample.value else { return Err(other()) };
                let next = u32::try_from(words.len()).map_err(|_| Corrupt("too many words"))?;
                let code = *codes.entry(text).or_insert_with(|| {
                    words.push(text);
                    next
                });
                column.push(code);
            }
            put(&mut bytes, length(words.len()));
            for word in words {
                put_slice(&mut bytes, word.as_bytes());
            }
            put_column(&mut bytes, &column)?;
        }
    }
    Ok(bytes)
}

struct Head<'a> {
    reader: Reader<'a>,
    kind: u8,
    rows: usize,
    devices: Vec<(i64, usize)>,
    times: Vec<i64>,
}

fn head(bytes: &[u8]) -> Result<Head<'_>, Corrupt> {
    let mut reader = Reader(bytes);
    if reader.byte()? != VERSION {
        return Err(Corrupt("an unknown version of a block"));
    }
    let kind = reader.byte()?;
    let rows = usize::try_from(reader.number()?).unwrap_or(usize::MAX);
    if rows > ROWS {
        return Err(Corrupt("more rows than a block may have"));
    }
    let devices = devices(&mut reader, rows)?;
    let times = column(&mut reader, rows)?;
    Ok(Head { reader, kind, rows, devices, times })
}

fn values(kind: u8, reader: &mut Reader<'_>, rows: usize) -> Result<Vec<Value>, Corrupt> {
    match kind_of(kind)? {
        ValueKind::Number => Ok(column::<f64>(reader, rows)?.into_iter().map(Value::Number).collect()),
        ValueKind::Integer => Ok(column::<i64>(reader, rows)?.into_iter().map(Value::Integer).collect()),
        ValueKind::Bool => {
            let runs = runs(reader, rows, |reader| Ok(reader.byte()? != 0))?;
            Ok(runs
                .into_iter()
                .flat_map(|(flag, long)| std::iter::repeat_n(Value::Bool(flag), long))
                .collect())
        }
        ValueKind::Text => {
            let count = reader.count(1)?;
            let words: Vec<Arc<str>> =
                (0..count).map(|_| reader.text().map(Arc::from)).collect::<Result<_, _>>()?;
            let codes = column::<u32>(reader, rows)?;
            let word = |code: u32| usize::try_from(code).ok().and_then(|code| words.get(code)).cloned();
            codes
                .into_iter()
                .map(|code| {
                    word(code).map(Value::Text).ok_or(Corrupt("a word that is not in the dictionary"))
                })
                .collect()
        }
    }
}

/// Reads the rows of a block; of one device only, if asked.
pub(super) fn decode(bytes: &[u8], only: Option<i64>) -> Result<Vec<Row>, Corrupt> {
    let Head { mut reader, kind, rows, devices, times } = head(bytes)?;
    if only.is_some_and(|only| devices.iter().all(|(device, _)| *device != only)) {
        return Ok(Vec::new());
    }
    let stamps = runs(&mut reader, rows, |reader| stamp_of(reader.byte()?))?;
    let values = values(kind, &mut reader, rows)?;
    reader.end()?;
    let devices = devices.into_iter().flat_map(|(device, long)| std::iter::repeat_n(device, long));
    let stamps = stamps.into_iter().flat_map(|(stamp, long)| std::iter::repeat_n(stamp, long));
    Ok(devices
        .zip(times)
        .zip(stamps.zip(values))
        .filter(|((device, _), _)| only.is_none_or(|only| *device == only))
        .map(|((device, at), (stamp, value))| Row { device, sample: Sample { at, stamp, value } })
        .collect())
}

/// Writes at most [`ROWS`] summaries, sorted by device, then time.
pub(super) fn encode_rollup(rows: &[Summary]) -> Result<Vec<u8>, Corrupt> {
    let mut bytes = vec![VERSION, ROLLUP];
    put(&mut bytes, length(rows.len()));
    put_devices(&mut bytes, rows.iter().map(|row| row.device));
    put_column(&mut bytes, &rows.iter().map(|row| row.at).collect::<Vec<i64>>())?;
    put_column(&mut bytes, &rows.iter().map(|row| row.aggregate.min).collect::<Vec<f64>>())?;
    put_column(&mut bytes, &rows.iter().map(|row| row.aggregate.max).collect::<Vec<f64>>())?;
    put_column(&mut bytes, &rows.iter().map(|row| row.aggregate.sum).collect::<Vec<f64>>())?;
    put_column(&mut bytes, &rows.iter().map(|row| row.aggregate.count).collect::<Vec<u64>>())?;
    Ok(bytes)
}

/// Reads the summaries of one device, or of all.
pub(super) fn decode_rollup(bytes: &[u8], only: Option<i64>) -> Result<Vec<Summary>, Corrupt> {
    let Head { mut reader, kind, rows, devices, times } = head(bytes)?;
    if kind != ROLLUP {
        return Err(Corrupt("a rollup that is none"));
    }
    if only.is_some_and(|only| devices.iter().all(|(device, _)| *device != only)) {
        return Ok(Vec::new());
    }
    let minima = column::<f64>(&mut reader, rows)?;
    let maxima = column::<f64>(&mut reader, rows)?;
    let sums = column::<f64>(&mut reader, rows)?;
    let counts = column::<u64>(&mut reader, rows)?;
    reader.end()?;
    let devices = devices.into_iter().flat_map(|(device, long)| std::iter::repeat_n(device, long));
    Ok(devices
        .zip(times)
        .zip(minima.into_iter().zip(maxima).zip(sums.into_iter().zip(counts)))
        .filter(|((device, _), _)| only.is_none_or(|only| *device == only))
        .map(|((device, at), ((min, max), (sum, count)))| Summary {
            device,
            at,
            aggregate: Aggregate { min, max, sum, count },
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use windlass_domain::telemetry::Stamp;

    fn rows_of(kind: ValueKind) -> impl Strategy<Value = Vec<Row>> {
        let value = match kind {
            ValueKind::Number => {
                any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::Number).boxed()
            }
            ValueKind::Integer => any::<i64>().prop_map(Value::Integer).boxed(),
            ValueKind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
            ValueKind::Text => "[a-c]{0,3}".prop_map(|text| Value::Text(text.into())).boxed(),
        };
        prop::collection::vec((0i64..4, any::<i64>(), prop::sample::select(Stamp::ALL), value), 1..300)
            .prop_map(|rows| {
                let mut rows: Vec<Row> = rows
                    .into_iter()
                    .map(|(device, at, stamp, value)| Row { device, sample: Sample { at, stamp, value } })
                    .collect();
                rows.sort_by_key(|row| (row.device, row.sample.at));
                rows
            })
    }

    fn any_rows() -> impl Strategy<Value = (ValueKind, Vec<Row>)> {
        prop::sample::select(ValueKind::ALL)
            .prop_flat_map(|kind| rows_of(kind).prop_map(move |rows| (kind, rows)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_block_reads_back_as_written((kind, rows) in any_rows()) {
            let bytes = encode(kind, &rows).unwrap();
            prop_assert_eq!(&decode(&bytes, None).unwrap(), &rows);
            let one: Vec<Row> = rows.iter().filter(|row| row.device == 2).cloned().collect();
            prop_assert_eq!(decode(&bytes, Some(2)).unwrap(), one);
        }

        #[test]
        fn a_block_cut_or_changed_anywhere_never_panics((kind, rows) in any_rows(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
            let bytes = encode(kind, &rows).unwrap();
            let at = at.index(bytes.len());
            prop_assert!(decode(&bytes[..at], None).is_err());
            let mut changed = bytes;
            changed[at] = with;
            if let Ok(read) = decode(&changed, None) {
                prop_assert!(read.len() <= ROWS);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(kind in 0u8..6, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [&[VERSION, kind], &bytes[..]].concat();
            drop(decode(&bytes, None));
            drop(decode_rollup(&bytes, Some(1)));
        }

        #[test]
        fn a_rollup_reads_back_as_written(rows in prop::collection::vec((0i64..3, any::<i64>(), -1e9f64..1e9, 1u64..1_000), 1..200)) {
            let mut rows: Vec<Summary> = rows.into_iter().map(|(device, at, value, count)| Summary {
                device,
                at,
                aggregate: Aggregate { min: value - 1.0, max: value + 1.0, sum: value * 2.0, count },
            }).collect();
            rows.sort_by_key(|row| (row.device, row.at));
            let bytes = encode_rollup(&rows).unwrap();
            let one: Vec<Summary> = rows.iter().filter(|row| row.device == 1).copied().collect();
            prop_assert_eq!(decode_rollup(&bytes, Some(1)).unwrap(), one);
        }
    }

    #[test]
    fn a_block_never_holds_more_than_its_bound() {
        let mut bytes = vec![VERSION, 0];
        put(&mut bytes, length(ROWS + 1));
        assert_eq!(decode(&bytes, None), Err(Corrupt("more rows than a block may have")));
    }

    #[test]
    fn a_minutely_temperature_takes_little_room() {
        let rows: Vec<Row> = (0..4_096_i64)
            .map(|n| Row {
                device: 5 + n / 1_440,
                sample: Sample {
                    at: 1_800_000_000_000_000 + n % 1_440 * 60_000_000,
                    stamp: Stamp::Device,
                    value: Value::Number(20.0 + f64::from(i32::try_from(n * 7 % 50).unwrap()) / 10.0),
                },
            })
            .collect();
        let bytes = encode(ValueKind::Number, &rows).unwrap().len();
        assert!(bytes < 4_096 * 2, "{bytes} bytes for 4,096 points");
    }
}
