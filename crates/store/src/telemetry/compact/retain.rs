//! Deletes whole days that nobody keeps any more, a bounded number of blocks per commit.
//!
//! Knows nothing of what is in a block.

use std::time::Duration;

use windlass_domain::time::Timestamp;

use super::{Retained, day_of};
use crate::error::StoreError;
use crate::telemetry::{Inner, sql};

/// Blocks deleted in one commit.
const DELETED_AT_ONCE: i64 = 500;

impl Inner {
    pub(super) async fn retain(
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
