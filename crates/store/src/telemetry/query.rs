//! Answers from blocks, rollups and memory together.
//!
//! Memory is read before the blocks: a point that moves meanwhile is seen twice, never missed, and of two equal points
//! one counts. A rollup answers for a day only if nothing came after it was written; else the day's points do.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_domain::ids::{DeviceId, MetricName};
use windlass_domain::telemetry::{Aggregate, Point, ValueKind};
use windlass_domain::time::Timestamp;

use super::compact::{chunk_of, day_of, day_start};
use super::sql::{self, BlockRow, Place};
use super::{Database, Inner, MetricId, Sample, Telemetry, block};
use crate::error::{StoreError, StoreErrorKind};

/// A span of time: from, inclusive, to, exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First moment of it.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
}

/// Which end of a window comes first, and is kept when there is more than asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By rising time.
    #[default]
    OldestFirst,
    /// By falling time.
    NewestFirst,
}

/// Points as they were measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Raw {
    /// In the order asked for.
    pub points: Vec<Point>,
    /// Whether there are more in the window.
    pub more: bool,
}

/// What happened within one step of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// When it begins: a whole multiple of the step since 1970.
    pub start: Timestamp,
    /// Minimum, maximum, sum and count. Steps without points are left out.
    pub aggregate: Aggregate,
}

/// How often a query starts again when blocks are replaced under it.
const ATTEMPTS: u32 = 20;

/// Runs a query until no merge came between finding its blocks and reading them.
macro_rules! again {
    ($query:expr) => {{
        let mut attempt = 1;
        loop {
            match $query.await {
                Err(error) if error.kind() == StoreErrorKind::Busy && attempt < ATTEMPTS => attempt += 1,
                answer => break answer,
            }
        }
    }};
}

fn moved() -> StoreError {
    StoreError::new(StoreErrorKind::Busy, "telemetry blocks are being replaced faster than they are read")
}

impl Telemetry {
    /// At most `limit` points of a metric of a device. All kinds of value that the metric had are in it.
    ///
    /// # Errors
    /// When the database fails or a block cannot be read.
    pub async fn raw(
        &self,
        device: DeviceId,
        metric: &MetricName,
        window: Window,
        limit: usize,
        order: Order,
    ) -> Result<Raw, StoreError> {
        again!(self.0.raw(device, metric, window, limit, order))
    }

    /// A metric of a device, step by step. The window is widened to whole steps. Texts are left out; booleans count as
    /// 0 and 1. Where only rollups are left that are coarser than the step, theirs are the steps.
    ///
    /// # Errors
    /// When the database fails or a block cannot be read.
    pub async fn steps(
        &self,
        device: DeviceId,
        metric: &MetricName,
        window: Window,
        step: Duration,
    ) -> Result<Vec<Step>, StoreError> {
        again!(self.0.steps(device, metric, window, step))
    }

    /// The newest point of every metric of a device, by name.
    ///
    /// # Errors
    /// When the database fails or a block cannot be read.
    pub async fn latest(&self, device: DeviceId) -> Result<Vec<Point>, StoreError> {
        again!(self.0.latest(device))
    }
}

/// One series and what may hold its points in a window.
struct Found {
    kind: ValueKind,
    waiting: Vec<Sample>,
    /// By day; of one day, oldest generation first.
    blocks: BTreeMap<i64, Vec<BlockRow>>,
}

/// Sorts by time; of equal times the last one stays.
fn in_order(mut samples: Vec<Sample>) -> Vec<Sample> {
    samples.sort_by_key(|sample| sample.at);
    samples.reverse();
    samples.dedup_by_key(|sample| sample.at);
    samples.reverse();
    samples
}

impl Inner {
    async fn locate(
        &self,
        metric: MetricId,
        kind: ValueKind,
        device: i64,
        from: i64,
        to: i64,
    ) -> Result<Found, StoreError> {
        let waiting = self.tail().samples((metric, device), from, to);
        let place = Place {
            metric: i64::from(metric.0),
            chunk: chunk_of(device),
            device,
            first_day: day_of(from),
            last_day: day_of(to.saturating_sub(1)),
            from,
            to,
        };
        let rows = self.database.read(move |tx| Box::pin(sql::blocks_at(tx, place))).await?;
        let mut blocks: BTreeMap<i64, Vec<BlockRow>> = BTreeMap::new();
        for row in rows {
            blocks.entry(row.day).or_default().push(row);
        }
        Ok(Found { kind, waiting, blocks })
    }

    /// Everything of a metric's name in a window, one entry per kind.
    async fn locate_all(
        &self,
        device: DeviceId,
        metric: &MetricName,
        from: i64,
        to: i64,
    ) -> Result<Vec<Found>, StoreError> {
        let ids = self.find(device, metric).await?;
        if let (Database::Shared(_), false) = (&self.database, ids.is_empty()) {
            self.refresh_tail().await?;
        }
        let mut found = Vec::with_capacity(ids.len());
        for (id, kind) in ids {
            found.push(self.locate(id, kind, device.get(), from, to).await?);
        }
        Ok(found)
    }

    /// The data of blocks, in the order asked for. Fails if a merge replaced one meanwhile: the query starts again.
    async fn data_of(&self, ids: Vec<i64>) -> Result<Vec<Vec<u8>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let asked = ids.clone();
        let data = self
            .database
            .read(move |tx| {
                let asked = asked.clone();
                Box::pin(async move { sql::block_data(tx, &asked).await })
            })
            .await?;
        let mut data: BTreeMap<i64, Vec<u8>> = data.into_iter().collect();
        ids.iter().map(|id| data.remove(id).ok_or_else(moved)).collect()
    }

    /// The points of one series and day, sorted, each time once.
    async fn day(
        &self,
        found: &Found,
        device: i64,
        day: i64,
        from: i64,
        to: i64,
    ) -> Result<Vec<Sample>, StoreError> {
        let blocks = found.blocks.get(&day).map(Vec::as_slice).unwrap_or_default();
        let ids = blocks.iter().filter(|block| block.step == 0).map(|block| block.id).collect();
        let mut samples = Vec::new();
        for data in self.data_of(ids).await? {
            let rows = block::decode(&data, Some(device))?;
            samples.extend(rows.into_iter().map(|row| row.sample).filter(|s| from <= s.at && s.at < to));
        }
        samples.extend(found.waiting.iter().filter(|sample| day_of(sample.at) == day).cloned());
        Ok(in_order(samples))
    }

    async fn raw(
        &self,
        device: DeviceId,
        metric: &MetricName,
        window: Window,
        limit: usize,
        order: Order,
    ) -> Result<Raw, StoreError> {
        let (from, to) = (window.from.micros(), window.to.micros());
        if from >= to || limit == 0 {
            return Ok(Raw::default());
        }
        let found = self.locate_all(device, metric, from, to).await?;
        let mut days: Vec<i64> = found
            .iter()
            .flat_map(|one| {
                one.blocks.keys().copied().chain(one.waiting.iter().map(|sample| day_of(sample.at)))
            })
            .collect();
        days.sort_unstable();
        days.dedup();
        if order == Order::NewestFirst {
            days.reverse();
        }
        let mut raw = Raw::default();
        for day in days {
            let mut samples = Vec::new();
            for one in &found {
                samples.extend(self.day(one, device.get(), day, from, to).await?);
            }
            samples.sort_by_key(|sample| sample.at);
            if order == Order::NewestFirst {
                samples.reverse();
            }
            for Sample { at, stamp, value } in samples {
                if raw.points.len() == limit {
                    raw.more = true;
                    return Ok(raw);
                }
                let at = Timestamp::from_micros(at);
                raw.points.push(Point { metric: metric.clone(), at, value, stamp });
            }
        }
        Ok(raw)
    }

    async fn steps(
        &self,
        device: DeviceId,
        metric: &MetricName,
        window: Window,
        step: Duration,
    ) -> Result<Vec<Step>, StoreError> {
        let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX).max(1);
        let floor = |at: i64| at.div_euclid(step).saturating_mul(step);
        let from = floor(window.from.micros());
        let to = floor(window.to.micros().saturating_sub(1)).saturating_add(step);
        if window.from >= window.to {
            return Ok(Vec::new());
        }
        let mut steps: BTreeMap<i64, Aggregate> = BTreeMap::new();
        let mut add = |at: i64, aggregate: Aggregate| {
            steps
                .entry(at.div_euclid(step).saturating_mul(step))
                .and_modify(|sum| *sum = sum.and(aggregate))
                .or_insert(aggregate);
        };
        for found in self.locate_all(device, metric, from, to).await? {
            if !found.kind.is_numeric() {
                continue;
            }
            let mut days: Vec<i64> = found.blocks.keys().copied().collect();
            days.extend(found.waiting.iter().map(|sample| day_of(sample.at)));
            days.sort_unstable();
            days.dedup();
            for day in days {
                let rollup = rollup_for(&found, day, step, from, to);
                if rollup.is_empty() {
                    for sample in self.day(&found, device.get(), day, from, to).await? {
                        if let Some(value) = sample.value.as_number() {
                            add(sample.at, Aggregate::of(value));
                        }
                    }
                } else {
                    for data in self.data_of(rollup).await? {
                        for summary in block::decode_rollup(&data, Some(device.get()))? {
                            if from <= summary.at && summary.at < to {
                                add(summary.at, summary.aggregate);
                            }
                        }
                    }
                }
            }
        }
        Ok(steps
            .into_iter()
            .map(|(start, aggregate)| Step { start: Timestamp::from_micros(start), aggregate })
            .collect())
    }

    async fn latest(&self, device: DeviceId) -> Result<Vec<Point>, StoreError> {
        /// Blocks that are looked into for a device that was silent for long.
        const BLOCKS: i64 = 64;
        if let Database::Shared(_) = self.database {
            self.refresh_tail().await?;
        }
        let mut newest: BTreeMap<MetricName, Point> = BTreeMap::new();
        for id in self.metrics_of(device).await? {
            let name = self.metric(id).await?.name.clone();
            let mut best = self.tail().samples((id, device.get()), i64::MIN, i64::MAX);
            let place = Place {
                metric: i64::from(id.0),
                chunk: chunk_of(device.get()),
                device: device.get(),
                first_day: 0,
                last_day: 0,
                from: 0,
                to: 0,
            };
            let blocks =
                self.database.read(move |tx| Box::pin(sql::newest_blocks(tx, place, BLOCKS))).await?;
            let mut day_found = None;
            for found in blocks {
                if day_found.is_some_and(|day| found.day < day) {
                    break;
                }
                for data in self.data_of(vec![found.id]).await? {
                    let rows = block::decode(&data, Some(device.get()))?;
                    if !rows.is_empty() {
                        day_found = Some(found.day);
                    }
                    // Newest generation first, and what waits is newer still: of equal times the first stays.
                    best.splice(0..0, rows.into_iter().map(|row| row.sample));
                }
            }
            let Some(Sample { at, stamp, value }) = in_order(best).pop() else { continue };
            let point = Point { metric: name.clone(), at: Timestamp::from_micros(at), value, stamp };
            match newest.get(&name) {
                Some(other) if other.at >= point.at => {}
                _ => drop(newest.insert(name, point)),
            }
        }
        Ok(newest.into_values().collect())
    }
}

/// The rollup blocks that answer for a day: the coarsest that fits the step and is not outdated. If the day's points
/// are gone, the finest there is. Empty: read the points.
fn rollup_for(found: &Found, day: i64, step: i64, from: i64, to: i64) -> Vec<i64> {
    let blocks = found.blocks.get(&day).map(Vec::as_slice).unwrap_or_default();
    let waits = found.waiting.iter().any(|sample| day_of(sample.at) == day);
    let newest = blocks.iter().filter(|block| block.step == 0).map(|block| block.generation).max();
    let ids =
        |rollup: i64| blocks.iter().filter(|block| block.step == rollup).map(|block| block.id).collect();
    let rollups = || blocks.iter().filter(|block| block.step > 0);
    match newest {
        None if waits => Vec::new(),
        None => rollups().map(|block| block.step).min().map(ids).unwrap_or_default(),
        Some(_) if waits => Vec::new(),
        Some(newest) => {
            // A window that ends within the day has ended on a whole step, and so on a whole step of the rollup.
            debug_assert!(from < to && day_start(day) < to);
            rollups()
                .filter(|block| step % (block.step * 1_000_000) == 0 && block.generation >= newest)
                .map(|block| block.step)
                .max()
                .map(ids)
                .unwrap_or_default()
        }
    }
}
