//! Erases one device's points. Blocks hold many devices, so each that holds something of this one is written anew
//! without it; whatever happens in between, every step leaves whole blocks.

use windlass_domain::ids::DeviceId;

use super::block;
use super::compact::{NewBlock, Part, chunk_of, computed, pack, pack_rollup};
use super::sql::{self, BlockRow, Place};
use super::{Inner, MetricId, Telemetry};
use crate::error::StoreError;

impl Telemetry {
    /// Removes every point and rollup of a device, and that it had metrics. False if some of its points still wait to
    /// be compacted: to be called again then. Erasing again changes nothing.
    ///
    /// # Errors
    /// When the database fails or a block cannot be read; what was erased before stays erased.
    pub async fn erase(&self, device: DeviceId) -> Result<bool, StoreError> {
        self.0.erase(device).await
    }
}

impl Inner {
    async fn erase(&self, device: DeviceId) -> Result<bool, StoreError> {
        let mut runs = self.runs.lock().await;
        let metrics = self.metrics_of(device).await?;
        let waits = {
            let tail = self.tail();
            metrics.iter().any(|metric| !tail.samples((*metric, device.get()), i64::MIN, i64::MAX).is_empty())
        };
        if waits {
            return Ok(false);
        }
        for metric in metrics {
            self.erase_metric(device.get(), metric).await?;
        }
        self.count_runs(&mut runs).await?;
        self.forget_series(device).await?;
        Ok(true)
    }

    async fn erase_metric(&self, device: i64, metric: MetricId) -> Result<(), StoreError> {
        let place = Place {
            metric: i64::from(metric.0),
            chunk: chunk_of(device),
            device,
            first_day: i64::MIN,
            last_day: i64::MAX,
            from: i64::MIN,
            to: i64::MAX,
        };
        let blocks = self.database.read(move |tx| Box::pin(sql::blocks_at(tx, place))).await?;
        for block in blocks {
            self.erase_from_block(device, metric, block).await?;
        }
        Ok(())
    }

    async fn erase_from_block(&self, device: i64, metric: MetricId, old: BlockRow) -> Result<(), StoreError> {
        let id = old.id;
        let found =
            self.database.read(move |tx| Box::pin(async move { sql::block_data(tx, &[id]).await })).await?;
        let Some((_, data)) = found.into_iter().next() else { return Ok(()) };
        let part = Part { metric, chunk: chunk_of(device), day: old.day };
        let kind = self.metric(metric).await?.kind;
        let rest: Option<Vec<NewBlock>> = computed(move || {
            if old.step == 0 {
                let rows = block::decode(&data, None)?;
                let kept: Vec<_> = rows.iter().filter(|row| row.device != device).cloned().collect();
                if kept.len() == rows.len() {
                    return Ok(None);
                }
                pack(part, kind, old.level, old.settled != 0, &kept).map(Some)
            } else {
                let rows = block::decode_rollup(&data, None)?;
                let kept: Vec<_> = rows.iter().filter(|row| row.device != device).cloned().collect();
                if kept.len() == rows.len() {
                    return Ok(None);
                }
                pack_rollup(part, old.step, &kept).map(Some)
            }
        })
        .await?;
        match rest {
            Some(blocks) => self.swap(vec![id], Vec::new(), blocks, old.generation).await,
            None => Ok(()),
        }
    }
}
