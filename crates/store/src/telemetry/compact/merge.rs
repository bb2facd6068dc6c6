//! Small runs into larger ones, and a day that is over into one run with its rollups.
//!
//! Reads and packs outside of the write transaction, which only swaps rows. Knows nothing of the log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use windlass_domain::time::Timestamp;

use super::pack::{NewBlock, ROLLUPS, WORTH, computed, pack, pack_rollup, roll_up, sort_and_dedup};
use super::{Maintained, Part, TOP_LEVEL, Unsettled, all, day_of, lost_race};
use crate::error::StoreError;
use crate::telemetry::block::{self, Row, Summary};
use crate::telemetry::{Inner, sql};

/// Runs of one level that are merged into one of the next.
const MERGED: usize = 8;
/// Most points that are in memory for one merge.
const MERGE_POINTS: i64 = 1 << 19;
/// How long after its end a day is settled.
const DAY_GRACE: Duration = Duration::from_secs(3_600);
/// A part that got late points is settled again when it was left alone for this long.
const QUIET: Duration = Duration::from_secs(900);

impl Inner {
    pub(super) async fn maintain(&self, now: Timestamp) -> Result<Maintained, StoreError> {
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
    pub(in crate::telemetry) async fn swap(
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
}
