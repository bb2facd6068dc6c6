//! What has served its time goes: sessions, deleted shadows, old events, remembered answers, jobs that are long over.
//! Every minute, in bounded bites; losing a round costs nothing. Rows go by the node that holds the lease; files are on each node's
//! own disk, and go by that node.

use std::time::Duration;

use windlass_domain::time::Timestamp;
use windlass_store::events::events_expire;
use windlass_store::idempotency::answers_expire;
use windlass_store::{StoreError, alerts, downloads, outbox};

use crate::{App, AppError};

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// Time from one look at all blobs to the next; the first is at the start.
const SWEEP: Duration = Duration::from_secs(24 * 3600);
/// The same where other nodes delete artifacts whose blobs are here.
const SHARED_SWEEP: Duration = Duration::from_secs(3600);
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

/// When this node last looked at everything.
#[derive(Debug, Default)]
struct Swept {
    blobs: Option<Timestamp>,
    downloads: Option<Timestamp>,
}

impl App {
    /// Runs until it is dropped.
    pub(crate) async fn housekeeper(self) {
        let mut ticks = tokio::time::interval(EVERY);
        let mut swept = Swept::default();
        loop {
            ticks.tick().await;
            self.keep_house(&mut swept).await;
        }
    }

    /// One round.
    async fn keep_house(&self, swept: &mut Swept) {
        let rows = if self.leads("housekeeping").await { self.rows_expire(swept).await } else { Ok(()) };
        for done in [rows, self.files_sweep(swept).await] {
            if let Err(error) = done {
                tracing::warn!(error = %crate::error::chain(&error), "housekeeping failed; it is tried again in a minute");
            }
        }
    }

    /// Whether so much time went by since.
    fn is_due(&self, last: Option<Timestamp>, every: Duration) -> bool {
        last.is_none_or(|last| self.clock.now().since(last) >= every)
    }

    async fn rows_expire(&self, swept: &mut Swept) -> Result<(), AppError> {
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
        if self.is_due(swept.downloads, SWEEP) {
            self.store.write(|tx| Box::pin(downloads::forget_gone(tx))).await?;
            swept.downloads = Some(self.clock.now());
        }
        Ok(())
    }

    async fn files_sweep(&self, swept: &mut Swept) -> Result<(), AppError> {
        self.parts_sweep().await?;
        if self.is_due(swept.blobs, if self.is_one_of_several() { SHARED_SWEEP } else { SWEEP }) {
            self.blobs_sweep().await?;
            swept.blobs = Some(self.clock.now());
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts::NewArtifact;
    use crate::enrol::bench::Bench;
    use crate::uploads::NewUpload;

    #[tokio::test]
    async fn a_node_that_does_not_lead_removes_the_files_that_others_gave_up() {
        for bench in Bench::each("house-files").await {
            let Some(other) = bench.beside().await else { continue };
            let (app, by) = (&bench.app, &bench.admin);
            assert!(other.app.leads("housekeeping").await);
            let new = NewUpload { name: "fw.bin".to_owned(), size: 9, sha256: None, signature: None };
            let id = app.upload_create(by, new).await.unwrap().id;
            let mut append = app.upload_append(by, id, 0).await.unwrap();
            append.write(b"firm").await.unwrap();
            append.end().await.unwrap();
            let named = NewArtifact { name: "app.bin".to_owned(), ..NewArtifact::default() };
            let mut upload = app.artifact_upload(by, named).await.unwrap();
            upload.write(b"an app").await.unwrap();
            let artifact = upload.finish().await.unwrap();
            let blob = async || app.blobs.size(&artifact.sha256).await.unwrap();

            let mut swept = Swept::default();
            app.keep_house(&mut swept).await;
            assert_eq!((app.blobs.parts().await.unwrap(), blob().await), (vec![id], Some(6)), "in use");
            other.app.upload_delete(by, id).await.unwrap();
            other.app.artifact_delete(by, artifact.id).await.unwrap();
            assert_eq!(blob().await, Some(6), "the other node has no such file");
            app.keep_house(&mut swept).await;
            assert_eq!((app.blobs.parts().await.unwrap(), blob().await), (vec![], Some(6)), "not yet");
            bench.advance(SHARED_SWEEP.as_secs());
            app.keep_house(&mut swept).await;
            assert_eq!(blob().await, None);
        }
    }
}
