//! What has served its time goes: sessions, deleted shadows, old events, remembered answers, jobs that are long over.
//! Every minute, in bounded bites, on the node that holds the lease; losing a round costs nothing.

use std::time::Duration;

use windlass_store::events::events_expire;
use windlass_store::idempotency::answers_expire;
use windlass_store::{StoreError, alerts, downloads, outbox};

use crate::App;

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// Rounds from one look at all blobs to the next; the first is at the start.
const SWEEP: u32 = 24 * 60;
/// How long events are kept.
const EVENTS_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long an answer to a creating request is remembered under its idempotency key.
const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 3600);
/// How long closed alerts are kept.
const ALERTS_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long notifications are kept after their end.
const NOTIFICATIONS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Rows of one kind that go in one transaction.
const AT_ONCE: u32 = 1_000;

impl App {
    /// Runs until it is dropped.
    pub(crate) async fn housekeeper(self) {
        let mut ticks = tokio::time::interval(EVERY);
        for round in 0_u32.. {
            ticks.tick().await;
            if !self.leads("housekeeping").await {
                continue;
            }
            let sweep = round.is_multiple_of(SWEEP);
            let round = async {
                while self.sessions_expire().await? >= u64::from(AT_ONCE) {}
                while self.console_sessions_expire(AT_ONCE).await? >= u64::from(AT_ONCE) {}
                self.shadow_forget_deleted().await?;
                while self.events_expire().await? >= u64::from(AT_ONCE) {}
                self.answers_expire().await?;
                self.alerts_expire().await?;
                while self.jobs_forget_bygone().await? {}
                self.jobs_clear_remnants().await?;
                self.uploads_expire().await?;
                self.versions_activate().await?;
                if sweep {
                    self.blobs_sweep().await?;
                    self.store.write(|tx| Box::pin(downloads::forget_gone(tx))).await?;
                }
                Ok::<_, crate::AppError>(())
            };
            if let Err(error) = round.await {
                tracing::warn!(error = %crate::error::chain(&error), "housekeeping failed; it is tried again in a minute");
            }
        }
    }

    async fn events_expire(&self) -> Result<u64, StoreError> {
        let before = self.clock.now().minus(EVENTS_KEPT);
        self.store.write(move |tx| Box::pin(events_expire(tx, before, AT_ONCE))).await
    }

    async fn alerts_expire(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    alerts::expire(tx, now.minus(ALERTS_KEPT), AT_ONCE).await?;
                    outbox::expire(tx, now.minus(NOTIFICATIONS_KEPT), AT_ONCE).await.map(drop)
                })
            })
            .await
    }

    async fn answers_expire(&self) -> Result<u64, StoreError> {
        let before = self.clock.now().minus(ANSWERS_KEPT);
        self.store.write(move |tx| Box::pin(answers_expire(tx, before))).await
    }
}
