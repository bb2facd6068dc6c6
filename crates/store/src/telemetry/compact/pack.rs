//! Sorted rows to blocks, and to the rollups of a day. Pure computing, on threads of its own.
//!
//! Knows no database.

use windlass_domain::telemetry::{Aggregate, ValueKind};

use super::{Part, TOP_LEVEL};
use crate::error::{StoreError, StoreErrorKind};
use crate::telemetry::block::{self, ROWS, Row, Summary};

/// A rollup is written where it has at most one row for this many points.
pub(super) const WORTH: usize = 8;
/// Seconds of a rollup's steps, finest first.
pub(super) const ROLLUPS: [i64; 2] = [300, 3_600];

/// A block about to be written.
#[derive(Debug, Clone)]
pub(in crate::telemetry) struct NewBlock {
    pub(in crate::telemetry) part: Part,
    pub(in crate::telemetry) step: i64,
    pub(in crate::telemetry) level: i64,
    pub(in crate::telemetry) settled: bool,
    pub(in crate::telemetry) first_device: i64,
    pub(in crate::telemetry) last_device: i64,
    pub(in crate::telemetry) first_at: i64,
    pub(in crate::telemetry) last_at: i64,
    pub(in crate::telemetry) points: i64,
    pub(in crate::telemetry) data: Vec<u8>,
}

/// Packing is for other threads: it takes milliseconds of pure computing.
pub(in crate::telemetry) async fn computed<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(StoreError::new(StoreErrorKind::Defect, "packing telemetry panicked")))
}

/// Sorts, oldest writer first, and keeps the last of those with equal device and time.
pub(super) fn sort_and_dedup(rows: &mut Vec<Row>) {
    rows.sort_by_key(|row| (row.device, row.sample.at));
    rows.reverse();
    rows.dedup_by_key(|row| (row.device, row.sample.at));
    rows.reverse();
}

fn count(points: usize) -> i64 {
    i64::try_from(points).unwrap_or(i64::MAX)
}

/// Cuts sorted rows into blocks.
pub(in crate::telemetry) fn pack(
    part: Part,
    kind: ValueKind,
    level: i64,
    settled: bool,
    rows: &[Row],
) -> Result<Vec<NewBlock>, StoreError> {
    let mut blocks = Vec::new();
    for rows in rows.chunks(ROWS) {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { continue };
        blocks.push(NewBlock {
            part,
            step: 0,
            level,
            settled,
            first_device: first.device,
            last_device: last.device,
            first_at: rows.iter().map(|row| row.sample.at).min().unwrap_or_default(),
            last_at: rows.iter().map(|row| row.sample.at).max().unwrap_or_default(),
            points: count(rows.len()),
            data: block::encode(kind, rows)?,
        });
    }
    Ok(blocks)
}

/// Adds sorted rows up, per device and step.
pub(super) fn roll_up(rows: &[Row], step: i64) -> Vec<Summary> {
    let micros = step.saturating_mul(1_000_000);
    let mut summaries: Vec<Summary> = Vec::new();
    for row in rows {
        let Some(value) = row.sample.value.as_number() else { continue };
        let (device, at) = (row.device, row.sample.at.div_euclid(micros).saturating_mul(micros));
        match summaries.last_mut() {
            Some(last) if (last.device, last.at) == (device, at) => {
                last.aggregate = last.aggregate.and(Aggregate::of(value));
            }
            _ => summaries.push(Summary { device, at, aggregate: Aggregate::of(value) }),
        }
    }
    summaries
}

pub(in crate::telemetry) fn pack_rollup(
    part: Part,
    step: i64,
    summaries: &[Summary],
) -> Result<Vec<NewBlock>, StoreError> {
    let mut blocks = Vec::new();
    for rows in summaries.chunks(ROWS) {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { continue };
        blocks.push(NewBlock {
            part,
            step,
            level: TOP_LEVEL,
            settled: true,
            first_device: first.device,
            last_device: last.device,
            first_at: rows.iter().map(|row| row.at).min().unwrap_or_default(),
            last_at: rows.iter().map(|row| row.at).max().unwrap_or_default(),
            points: count(rows.len()),
            data: block::encode_rollup(rows)?,
        });
    }
    Ok(blocks)
}
