//! Turns the log into blocks, small runs into larger ones, and days that are over into rollups; deletes old ones.
//!
//! A *part* is one metric, one chunk of devices, one day. A *run* is the blocks of one generation and level in a part:
//! sorted by device and time, without two equal times. Runs of a higher level are older, so the higher generation wins.
//! Reading and packing happen outside of the write transaction, which only swaps rows, and only if the rows it
//! replaces are all still there: whoever comes second gives up and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use windlass_domain::telemetry::{Aggregate, ValueKind};
use windlass_domain::time::Timestamp;

use super::block::{self, ROWS, Row, Summary};
use super::{Inner, MetricId, Position, Telemetry, log, sql};
use crate::error::{StoreError, StoreErrorKind};

/// Most bytes of log that one commit turns into blocks.
const LOG_PER_COMMIT: i64 = 1 << 20;
/// Most log rows that are looked at for one commit.
const LOG_ROWS: i64 = 4_096;
/// Devices of one chunk are 2^12 neighbours.
const CHUNK_BITS: u32 = 12;
/// Runs of one level that are merged into one of the next.
const MERGED: usize = 8;
/// Runs of this level are not merged until their day is settled.
const TOP_LEVEL: i64 = 3;
/// Most points that are in memory for one merge.
const MERGE_POINTS: i64 = 1 << 19;
/// Seconds of a rollup's steps, finest first.
pub(super) const ROLLUPS: [i64; 2] = [300, 3_600];
/// A rollup is written where it has at most one row for this many points.
const WORTH: usize = 8;
/// How long after its end a day is settled.
const DAY_GRACE: Duration = Duration::from_secs(3_600);
/// A part that got late points is settled again when it was left alone for this long.
const QUIET: Duration = Duration::from_secs(900);
/// Blocks deleted in one commit.
const DELETED_AT_ONCE: i64 = 500;

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

/// A block about to be written.
#[derive(Debug, Clone)]
pub(super) struct NewBlock {
    pub(super) part: Part,
    pub(super) step: i64,
    pub(super) level: i64,
    pub(super) settled: bool,
    pub(super) first_device: i64,
    pub(super) last_device: i64,
    pub(super) first_at: i64,
    pub(super) last_at: i64,
    pub(super) points: i64,
    pub(super) data: Vec<u8>,
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

/// Packing is for other threads: it takes milliseconds of pure computing.
pub(super) async fn computed<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(StoreError::new(StoreErrorKind::Defect, "packing telemetry panicked")))
}

/// Sorts, oldest writer first, and keeps the last of those with equal device and time.
fn sort_and_dedup(rows: &mut Vec<Row>) {
    rows.sort_by_key(|row| (row.device, row.sample.at));
    rows.reverse();
    rows.dedup_by_key(|row| (row.device, row.sample.at));
    rows.reverse();
}

fn count(points: usize) -> i64 {
    i64::try_from(points).unwrap_or(i64::MAX)
}

/// Cuts sorted rows into blocks.
pub(super) fn pack(
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
fn roll_up(rows: &[Row], step: i64) -> Vec<Summary> {
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

pub(super) fn pack_rollup(part: Part, step: i64, summaries: &[Summary]) -> Result<Vec<NewBlock>, StoreError> {
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

    async fn maintain(&self, now: Timestamp) -> Result<Maintained, StoreError> {
        /// Parts that one call looks at, so that nobody waits for it for long.
        const PARTS: usize = 64;
        let mut runs = self.runs.lock().await;
        let over = day_of(now.minus(DAY_GRACE).micros());
        let mut done = Maintained::default();
        let due: Vec<(Part, bool)> = runs
            .0
            .iter_mut()
            .filter_map(|(part, unsettled)| {
                let quiet = unsettled.touched.is_none_or(|touched| now.since(touched) >= QUIET);
                let settle = part.day < over && quiet;
                let many = (0..TOP_LEVEL).any(|level| *unsettled.level(level) >= MERGED);
                (settle || many).then_some((*part, settle))
            })
            .take(PARTS)
            .collect();
        for (part, settle) in due {
            if settle {
                self.settle(part).await?;
                runs.0.remove(&part);
                done.settled += 1;
            } else {
                done.merged += self.merge(part, runs.0.entry(part).or_default()).await?;
            }
        }
        Ok(done)
    }

    async fn blocks_of(&self, part: Part) -> Result<Vec<sql::BlockRow>, StoreError> {
        self.database.read(move |tx| Box::pin(sql::blocks_of(tx, part))).await
    }

    /// The rows of blocks, sorted; where they collide the higher generation's. `devices` limits them to a range.
    async fn rows_of(
        &self,
        mut blocks: Vec<sql::BlockRow>,
        devices: std::ops::RangeInclusive<i64>,
    ) -> Result<Vec<Row>, StoreError> {
        blocks.sort_by_key(|block| (block.generation, block.id));
        let ids: Vec<i64> = blocks.iter().map(|block| block.id).collect();
        let asked = ids.clone();
        let data = self
            .database
            .read(move |tx| {
                let asked = asked.clone();
                Box::pin(async move { sql::block_data(tx, &asked).await })
            })
            .await?;
        let mut data: BTreeMap<i64, Vec<u8>> = data.into_iter().collect();
        computed(move || {
            let mut rows = Vec::new();
            for id in ids {
                let data = data.remove(&id).ok_or_else(lost_race)?;
                rows.extend(
                    block::decode(&data, None)?.into_iter().filter(|row| devices.contains(&row.device)),
                );
            }
            sort_and_dedup(&mut rows);
            Ok(rows)
        })
        .await
    }

    /// Merges the oldest runs of every level that has many.
    async fn merge(&self, part: Part, unsettled: &mut Unsettled) -> Result<usize, StoreError> {
        let mut merged = 0;
        for level in 0..TOP_LEVEL {
            if *unsettled.level(level) < MERGED {
                continue;
            }
            let blocks = self.blocks_of(part).await?;
            let of_level: Vec<sql::BlockRow> = blocks
                .into_iter()
                .filter(|block| block.step == 0 && block.settled == 0 && block.level == level)
                .collect();
            let mut sizes: BTreeMap<i64, i64> = BTreeMap::new();
            for block in &of_level {
                *sizes.entry(block.generation).or_default() += block.points;
            }
            let mut points = 0;
            let fit = sizes
                .values()
                .take(MERGED)
                .take_while(|size| {
                    points += **size;
                    points <= MERGE_POINTS
                })
                .count()
                .max(1);
            let chosen: BTreeSet<i64> = sizes.keys().take(fit).copied().collect();
            let Some(generation) = chosen.last().copied() else { continue };
            let of_level: Vec<_> =
                of_level.into_iter().filter(|block| chosen.contains(&block.generation)).collect();
            let ids: Vec<i64> = of_level.iter().map(|block| block.id).collect();
            if fit == 1 {
                // Large enough as it is.
                self.database
                    .write(move |tx| {
                        let ids = ids.clone();
                        Box::pin(async move { all(sql::raise(tx, &ids).await?, ids.len()) })
                    })
                    .await?;
            } else {
                let kind = self.metric(part.metric).await?.kind;
                let rows = self.rows_of(of_level, i64::MIN..=i64::MAX).await?;
                let blocks = computed(move || pack(part, kind, level + 1, false, &rows)).await?;
                self.swap(ids, Vec::new(), blocks, generation).await?;
            }
            *unsettled.level(level) -= fit;
            *unsettled.level(level + 1) += 1;
            merged += 1;
        }
        Ok(merged)
    }

    /// Replaces blocks by others in one transaction.
    pub(super) async fn swap(
        &self,
        removed: Vec<i64>,
        settled: Vec<i64>,
        added: Vec<NewBlock>,
        generation: i64,
    ) -> Result<(), StoreError> {
        let shared = std::sync::Arc::new((removed, settled, added));
        self.database
            .write(move |tx| {
                let shared = std::sync::Arc::clone(&shared);
                Box::pin(async move {
                    let (removed, settled, added) = &*shared;
                    all(sql::remove_blocks(tx, removed).await?, removed.len())?;
                    all(sql::settle(tx, settled).await?, settled.len())?;
                    for block in added {
                        sql::insert_block(tx, block, generation).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Makes one run of a part whose day is over, if that fits, and writes its rollups anew.
    async fn settle(&self, part: Part) -> Result<(), StoreError> {
        let blocks = self.blocks_of(part).await?;
        let (points, rollups): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|block| block.step == 0);
        let Some(generation) = points.iter().map(|block| block.generation).max() else { return Ok(()) };
        let total: i64 = points.iter().map(|block| block.points).sum();
        let kind = self.metric(part.metric).await?.kind;
        let mut gone: Vec<i64> = rollups.iter().map(|block| block.id).collect();
        if total <= MERGE_POINTS {
            gone.extend(points.iter().map(|block| block.id));
            let rows = self.rows_of(points, i64::MIN..=i64::MAX).await?;
            let added = computed(move || {
                let mut added = pack(part, kind, TOP_LEVEL, true, &rows)?;
                if kind.is_numeric() {
                    for step in ROLLUPS {
                        let summaries = roll_up(&rows, step);
                        if summaries.len().saturating_mul(WORTH) <= rows.len() {
                            added.extend(pack_rollup(part, step, &summaries)?);
                        }
                    }
                }
                Ok(added)
            })
            .await?;
            return self.swap(gone, Vec::new(), added, generation).await;
        }
        let mut added = Vec::new();
        if kind.is_numeric() {
            added = self.roll_up_by_windows(part, &points, total).await?;
        }
        let settled: Vec<i64> =
            points.iter().filter(|block| block.settled == 0).map(|block| block.id).collect();
        self.swap(gone, settled, added, generation).await
    }

    /// Rollups of a part that is too large for memory: a range of devices at a time.
    async fn roll_up_by_windows(
        &self,
        part: Part,
        points: &[sql::BlockRow],
        total: i64,
    ) -> Result<Vec<NewBlock>, StoreError> {
        let first = points.iter().map(|block| block.first_device).min().unwrap_or_default();
        let last = points.iter().map(|block| block.last_device).max().unwrap_or_default();
        let windows = total / MERGE_POINTS + 1;
        let width = ((last - first) / windows).max(1);
        let mut kept: BTreeMap<i64, Vec<Summary>> = BTreeMap::new();
        let mut rows_seen = 0;
        let mut start = first;
        while start <= last {
            let devices = start..=(start + width - 1);
            let some: Vec<_> = points
                .iter()
                .filter(|block| block.first_device <= *devices.end() && block.last_device >= *devices.start())
                .copied()
                .collect();
            start += width;
            let rows = self.rows_of(some, devices).await?;
            rows_seen += rows.len();
            let summaries = computed(move || Ok(ROLLUPS.map(|step| (step, roll_up(&rows, step))))).await?;
            for (step, summaries) in summaries {
                kept.entry(step).or_default().extend(summaries);
            }
        }
        computed(move || {
            let mut added = Vec::new();
            for (step, summaries) in kept {
                if summaries.len().saturating_mul(WORTH) <= rows_seen {
                    added.extend(pack_rollup(part, step, &summaries)?);
                }
            }
            Ok(added)
        })
        .await
    }

    async fn retain(
        &self,
        now: Timestamp,
        points: Duration,
        rollups: Duration,
    ) -> Result<Retained, StoreError> {
        let mut runs = self.runs.lock().await;
        let oldest_points = day_of(now.minus(points).micros());
        let oldest_rollups = day_of(now.minus(rollups.max(points)).micros());
        // Forgotten first: a part that is half deleted must not be settled, since its rollups would be halved.
        runs.0.retain(|part, _| part.day >= oldest_points);
        let mut retained = Retained::default();
        for (is_rollup, day) in [(false, oldest_points), (true, oldest_rollups)] {
            loop {
                let removed = self
                    .database
                    .write(move |tx| Box::pin(sql::remove_older(tx, is_rollup, day, DELETED_AT_ONCE)))
                    .await?;
                if removed == 0 {
                    break;
                }
                if is_rollup {
                    retained.rollups += removed;
                } else {
                    retained.blocks += removed;
                }
                self.database.write(|tx| Box::pin(sql::shrink(tx))).await?;
            }
        }
        Ok(retained)
    }
}
