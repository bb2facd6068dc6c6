//! Turns the log into blocks, small runs into larger ones, and days that are over into rollups; deletes old ones.
//!
//! A *part* is one metric, one chunk of devices, one day. A *run* is the blocks of one generation and level in a part:
//! sorted by device and time, without two equal times. Runs of a higher level are older, so the higher generation wins.
//! Reading and packing happen outside of the write transaction, which only swaps rows, and only if the rows it
//! replaces are all still there: whoever comes second gives up and changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_domain::telemetry::ValueKind;
use windlass_domain::time::Timestamp;

use super::block::Row;
use super::{Inner, MetricId, Position, Telemetry, log, sql};
use crate::error::{StoreError, StoreErrorKind};

mod merge;
mod pack;
mod retain;

use pack::sort_and_dedup;
pub(super) use pack::{NewBlock, computed, pack, pack_rollup};

/// Most bytes of log that one commit turns into blocks.
const LOG_PER_COMMIT: i64 = 1 << 20;
/// Most log rows that are looked at for one commit.
const LOG_ROWS: i64 = 4_096;
/// Devices of one chunk are 2^12 neighbours.
const CHUNK_BITS: u32 = 12;
/// Runs of this level are not merged until their day is settled.
const TOP_LEVEL: i64 = 3;

const DAY: i64 = 24 * 3_600 * 1_000_000;

/// The day of a time.
pub(super) const fn day_of(at: i64) -> i64 {
    at.div_euclid(DAY)
}

/// When a day begins.
pub(super) const fn day_start(day: i64) -> i64 {
    day.saturating_mul(DAY)
}

/// The chunk of a device.
pub(super) const fn chunk_of(device: i64) -> i64 {
    device >> CHUNK_BITS
}

/// One metric, one chunk of devices, one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub(super) metric: MetricId,
    pub(super) chunk: i64,
    pub(super) day: i64,
}

/// What is known of the parts that are not settled.
#[derive(Debug, Default)]
pub(super) struct Runs(BTreeMap<Part, Unsettled>);

#[derive(Debug, Default)]
struct Unsettled {
    /// Runs by level.
    levels: [usize; 4],
    touched: Option<Timestamp>,
}

impl Unsettled {
    fn level(&mut self, level: i64) -> &mut usize {
        let [zero, one, two, top] = &mut self.levels;
        match level {
            0 => zero,
            1 => one,
            2 => two,
            _ => top,
        }
    }
}

/// What one call of [`Telemetry::compact`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// Log rows that went.
    pub rows: usize,
    /// Points that are in blocks now.
    pub points: usize,
    /// Blocks that were written.
    pub blocks: usize,
}

/// What one call of [`Telemetry::maintain`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maintained {
    /// Groups of runs that were merged.
    pub merged: usize,
    /// Parts whose day is over and has its rollups now.
    pub settled: usize,
}

/// What one call of [`Telemetry::retain`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// Blocks of points that went.
    pub blocks: u64,
    /// Blocks of rollups that went.
    pub rollups: u64,
}

impl Telemetry {
    /// Moves the oldest log rows, at most 1 MiB and none after `up_to`, into blocks. Nothing moved means that there
    /// is nothing (more) to do.
    ///
    /// # Errors
    /// When the database fails or the log cannot be read; nothing changed then.
    pub async fn compact(&self, up_to: Position, now: Timestamp) -> Result<Compacted, StoreError> {
        self.0.compact(up_to, now).await
    }

    /// Merges runs where there are many, and settles parts whose day is over. Does a bounded amount of work; true
    /// figures mean that another call may find more.
    ///
    /// # Errors
    /// When the database fails or a block cannot be read; what was merged before stays.
    pub async fn maintain(&self, now: Timestamp) -> Result<Maintained, StoreError> {
        self.0.maintain(now).await
    }

    /// Deletes whole days: points older than `points`, rollups older than `rollups`.
    ///
    /// # Errors
    /// When the database fails; what was deleted before stays deleted.
    pub async fn retain(
        &self,
        now: Timestamp,
        points: Duration,
        rollups: Duration,
    ) -> Result<Retained, StoreError> {
        self.0.retain(now, points, rollups).await
    }
}

/// Another node, or another task, replaced the same rows first.
fn lost_race() -> StoreError {
    StoreError::new(StoreErrorKind::Busy, "somebody else compacts the same telemetry")
}

fn all(removed: u64, asked: usize) -> Result<(), StoreError> {
    if usize::try_from(removed) == Ok(asked) { Ok(()) } else { Err(lost_race()) }
}

impl Inner {
    pub(super) async fn load_runs(&self) -> Result<(), StoreError> {
        self.count_runs(&mut *self.runs.lock().await).await
    }

    /// Counts anew how many runs there are in each part whose day is not settled.
    pub(super) async fn count_runs(&self, runs: &mut Runs) -> Result<(), StoreError> {
        let rows = self.database.read(|tx| Box::pin(sql::unsettled_runs(tx))).await?;
        runs.0.clear();
        for (metric, chunk, day, level, _) in rows {
            let metric = MetricId(u32::try_from(metric).unwrap_or(u32::MAX));
            *runs.0.entry(Part { metric, chunk, day }).or_default().level(level) += 1;
        }
        Ok(())
    }

    async fn compact(&self, up_to: Position, now: Timestamp) -> Result<Compacted, StoreError> {
        let mut runs = self.runs.lock().await;
        let waiting = self.database.read(move |tx| Box::pin(sql::log_ids(tx, up_to.0, LOG_ROWS))).await?;
        let mut bytes = 0;
        let ids: Vec<i64> = waiting
            .iter()
            .take_while(|(_, size)| {
                let first = bytes == 0;
                bytes += size;
                first || bytes <= LOG_PER_COMMIT
            })
            .map(|(id, _)| *id)
            .collect();
        if ids.is_empty() {
            return Ok(Compacted::default());
        }
        let mut rows = Vec::with_capacity(ids.len());
        for some in ids.chunks(sql::ROWS_AT_ONCE) {
            let some = some.to_vec();
            let read = self.database.read(move |tx| {
                let some = some.clone();
                Box::pin(async move { sql::log_rows(tx, &some).await })
            });
            rows.extend(read.await?);
        }
        if rows.len() != ids.len() {
            return Err(lost_race());
        }
        let mut parts: BTreeMap<Part, Vec<Row>> = BTreeMap::new();
        let mut points = 0;
        for (_, data) in rows {
            for log::Logged { device, points: samples, .. } in log::decode(&data)? {
                points += samples.len();
                for (metric, sample) in samples {
                    let part = Part { metric, chunk: chunk_of(device), day: day_of(sample.at) };
                    parts.entry(part).or_default().push(Row { device, sample });
                }
            }
        }
        let touched: Vec<Part> = parts.keys().copied().collect();
        let mut kinds = BTreeMap::new();
        for part in &touched {
            kinds.insert(part.metric, self.metric(part.metric).await?.kind);
        }
        let blocks = computed(move || {
            let mut blocks = Vec::new();
            for (part, mut rows) in parts {
                sort_and_dedup(&mut rows);
                let kind = kinds.get(&part.metric).copied().unwrap_or(ValueKind::Number);
                blocks.extend(pack(part, kind, 0, false, &rows)?);
            }
            Ok(blocks)
        })
        .await?;
        let compacted = Compacted { rows: ids.len(), points, blocks: blocks.len() };
        let (blocks, gone) = (std::sync::Arc::new(blocks), std::sync::Arc::new(ids));
        let removed = std::sync::Arc::clone(&gone);
        self.database
            .write(move |tx| {
                let (blocks, removed) = (std::sync::Arc::clone(&blocks), std::sync::Arc::clone(&removed));
                Box::pin(async move {
                    let generation = sql::next_generation(tx).await?;
                    for block in blocks.iter() {
                        sql::insert_block(tx, block, generation).await?;
                    }
                    all(sql::remove_log(tx, &removed).await?, removed.len())
                })
            })
            .await?;
        self.tail().remove(&gone);
        for part in touched {
            let unsettled = runs.0.entry(part).or_default();
            *unsettled.level(0) += 1;
            unsettled.touched = Some(now);
        }
        Ok(compacted)
    }
}
