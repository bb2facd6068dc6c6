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
        let leads = self.leads("housekeeping").await;
        let mut failed = if leads { self.rows_expire(swept).await } else { Vec::new() };
        failed.extend(self.files_sweep(swept).await.err());
        for error in failed {
            tracing::warn!(error = %crate::error::chain(&error), "housekeeping failed; it is tried again in a minute");
        }
    }

    /// Whether so much time went by since.
    fn is_due(&self, last: Option<Timestamp>, every: Duration) -> bool {
        last.is_none_or(|last| self.clock.now().since(last) >= every)
    }

    /// Each step has its turn, whatever became of those before it. Why steps failed.
    async fn rows_expire(&self, swept: &mut Swept) -> Vec<AppError> {
        let done: [Result<(), AppError>; 11] = [
            self.all_sessions_expire().await,
            self.all_console_sessions_expire().await,
            self.shadow_forget_deleted().await.map(drop),
            self.all_events_expire().await,
            self.answers_expire().await.map(drop).map_err(AppError::from),
            self.alerts_expire().await.map_err(AppError::from),
            self.all_jobs_forget_bygone().await,
            self.jobs_clear_remnants().await,
            self.uploads_expire().await,
            self.versions_activate().await.map(drop).map_err(AppError::from),
            self.downloads_forget_gone(swept).await,
        ];
        done.into_iter().filter_map(Result::err).collect()
    }

    async fn all_sessions_expire(&self) -> Result<(), AppError> {
        while self.sessions_expire().await? >= u64::from(AT_ONCE) {}
        Ok(())
    }

    async fn all_console_sessions_expire(&self) -> Result<(), AppError> {
        while self.console_sessions_expire(AT_ONCE).await? >= u64::from(AT_ONCE) {}
        Ok(())
    }

    async fn all_events_expire(&self) -> Result<(), AppError> {
        while self.events_expire().await? >= u64::from(AT_ONCE) {}
        Ok(())
    }

    async fn all_jobs_forget_bygone(&self) -> Result<(), AppError> {
        while self.jobs_forget_bygone().await? {}
        Ok(())
    }

    async fn downloads_forget_gone(&self, swept: &mut Swept) -> Result<(), AppError> {
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
    use serde_json::{Map, Value};
    use windlass_domain::shadow::{Documents, Section, Shadow};
    use windlass_store::{devices, shadows};

    use super::*;
    use crate::artifacts::NewArtifact;
    use crate::enrol::bench::Bench;
    use crate::hawkbit::{NewTarget, TargetChange};
    use crate::uploads::NewUpload;

    #[tokio::test]
    async fn a_step_that_fails_keeps_no_other_from_its_turn() {
        for bench in Bench::each("house-fails").await {
            let (app, by) = (&bench.app, &bench.admin);
            let change = TargetChange::default();
            let target = NewTarget { controller_id: Some("pump-1".to_owned()), token: None, change };
            app.hawkbit_targets_create(by, vec![target]).await.unwrap();
            let (tenant, now) = (by.tenant, app.clock.now());
            // Nested more deeply than what is read may be.
            let values: Map<String, Value> = (0..200)
                .fold(Map::new(), |inner, _| Map::from_iter([("a".to_owned(), Value::Object(inner))]));
            let spoilt = app.store.write::<_, StoreError, _>(move |tx| {
                let values = values.clone();
                Box::pin(async move {
                    let name = "pump-1".parse().unwrap();
                    let device = devices::device_by_name(tx, tenant, &name).await?.unwrap();
                    let reported = Section { values, ..Section::default() };
                    let documents = Documents { reported, ..Documents::default() };
                    let shadow = Shadow::Live { documents, version: 1, updated_at: now };
                    shadows::put(tx, device.id, None, &shadow).await
                })
            });
            spoilt.await.unwrap();
            let mut swept = Swept::default();
            let failed = app.rows_expire(&mut swept).await;
            assert_eq!(failed.len(), 1, "its versions cannot be read: {failed:?}");
            assert_eq!(swept.downloads, Some(now), "what comes after that was done");
        }
    }

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
