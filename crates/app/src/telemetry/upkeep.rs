//! What telemetry and live state need from time to time: saving, compacting, merging, deleting, looking at the disk.
//!
//! Every function here may be called at any time and any number of times; a lost call costs time, never data.

use std::time::Duration;

use windlass_store::StoreErrorKind;
use windlass_store::telemetry::{Compacted, Maintained, Position};

use crate::app::App;
use crate::error::AppError;
use crate::tasks::Tasks;

/// How often the log's size is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Live state is saved, and the log compacted, at least this often.
const SAVE: Duration = Duration::from_secs(30);
/// … and as soon as the log has this many bytes.
const BACKLOG: usize = 8 << 20;
/// If live state cannot be saved, the log may grow to this; then it is compacted all the same. After a crash last
/// values may then be older than the newest points; the points are all there.
const MOST_BACKLOG: usize = 128 << 20;
/// How often the disk is looked at.
const DISK: Duration = Duration::from_secs(5);
/// How often old days are deleted.
const RETENTION: Duration = Duration::from_secs(3_600);
/// Rollups live this many times longer than points.
const ROLLUPS_LIVE: u32 = 5;

impl App {
    /// Saves live state, then compacts and merges what may be. Returns how many points were compacted.
    ///
    /// # Errors
    /// The store fails; nothing is lost, the next call goes on.
    pub async fn telemetry_upkeep(&self) -> Result<usize, AppError> {
        let now = self.clock.now();
        let bound = match self.live.save(&self.store, &self.telemetry, &self.node, now).await {
            Ok(position) => position,
            Err(error) if self.telemetry.backlog().bytes < MOST_BACKLOG => return Err(error.into()),
            Err(error) => {
                tracing::error!(
                    error = %crate::error::chain(&error),
                    "live state could not be saved; the telemetry log is compacted without"
                );
                self.telemetry.position()
            }
        };
        let mut points = 0;
        loop {
            match self.telemetry.compact(bound, now).await {
                Ok(Compacted { rows: 0, .. }) => break,
                Ok(compacted) => points += compacted.points,
                // Another node was there first.
                Err(error) if error.kind() == StoreErrorKind::Busy => break,
                Err(error) => return Err(error.into()),
            }
        }
        while self.telemetry.maintain(now).await? != Maintained::default() {
            tokio::task::yield_now().await;
        }
        Ok(points)
    }

    /// Deletes telemetry that is older than the retention.
    ///
    /// # Errors
    /// The store fails; the next call goes on.
    pub async fn telemetry_retain(&self) -> Result<(), AppError> {
        let points = self.limits.retention;
        let retained =
            self.telemetry.retain(self.clock.now(), points, points.saturating_mul(ROLLUPS_LIVE)).await?;
        if retained.blocks > 0 || retained.rollups > 0 {
            tracing::info!(
                telemetry.blocks = retained.blocks,
                telemetry.rollups = retained.rollups,
                "telemetry older than the retention was deleted"
            );
        }
        Ok(())
    }

    /// Starts all of it on a group of tasks. When the group ends, live state is saved once more.
    pub fn start_telemetry_tasks(&self, tasks: &Tasks) {
        let app = self.clone();
        let stop = tasks.stop().clone();
        tasks.spawn(async move {
            let mut idle = Duration::ZERO;
            while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
                idle += LOOK;
                let leads = app.leads("telemetry").await;
                let backlog = app.telemetry.backlog();
                if idle < SAVE && backlog.bytes < BACKLOG {
                    continue;
                }
                idle = Duration::ZERO;
                if !leads {
                    app.live_keep().await;
                } else if let Err(error) = app.telemetry_upkeep().await {
                    tracing::error!(
                        error = %crate::error::chain(&error),
                        "telemetry could not be compacted"
                    );
                }
            }
            app.live_keep().await;
        });
        let app = self.clone();
        tasks.spawn_until_stopped(async move {
            loop {
                if app.leads("telemetry").await
                    && let Err(error) = app.telemetry_retain().await
                {
                    tracing::error!(
                        error = %crate::error::chain(&error),
                        "old telemetry could not be deleted"
                    );
                }
                tokio::time::sleep(RETENTION).await;
            }
        });
        let app = self.clone();
        tasks.spawn_until_stopped(async move {
            loop {
                tokio::time::sleep(DISK).await;
                app.disk.look();
            }
        });
    }

    /// Saves what this node alone knows; whoever holds the lease compacts.
    async fn live_keep(&self) {
        let now = self.clock.now();
        if let Err(error) = self.live.save(&self.store, &self.telemetry, &self.node, now).await {
            tracing::error!(error = %crate::error::chain(&error), "live state could not be saved");
        }
    }

    /// How far the log may be compacted without live state losing anything: for tests and diagnosis.
    pub fn telemetry_position(&self) -> Position {
        self.telemetry.position()
    }
}
