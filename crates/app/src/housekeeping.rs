//! What has served its time goes: sessions, deleted shadows, old events, remembered answers. Every minute, in bounded
//! bites; losing a round costs nothing.

use std::time::Duration;

use windlass_store::StoreError;
use windlass_store::events::events_expire;
use windlass_store::idempotency::answers_expire;

use crate::App;

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// How long events are kept.
const EVENTS_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long an answer to a creating request is remembered under its idempotency key.
const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Rows of one kind that go in one transaction.
const AT_ONCE: u32 = 1_000;

impl App {
    /// Runs until it is dropped.
    pub(crate) async fn housekeeper(self) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            let round = async {
                while self.sessions_expire().await? >= u64::from(AT_ONCE) {}
                while self.console_sessions_expire(AT_ONCE).await? >= u64::from(AT_ONCE) {}
                self.shadow_forget_deleted().await?;
                while self.events_expire().await? >= u64::from(AT_ONCE) {}
                self.answers_expire().await?;
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

    async fn answers_expire(&self) -> Result<u64, StoreError> {
        let before = self.clock.now().minus(ANSWERS_KEPT);
        self.store.write(move |tx| Box::pin(answers_expire(tx, before))).await
    }
}
