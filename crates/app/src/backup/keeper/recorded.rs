//! How backups went: kept for whoever watches, with an audit record in the same transaction.
//!
//! Knows nothing of files.

use serde_json::json;
use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;
use windlass_store::StoreError;
use windlass_store::backups::{self as table, BackupOutcome};

use super::Backups;
use crate::audit;
use crate::backup::seal::Sealed;
use crate::backup::write::Written;

impl Backups {
    /// How this node's backups went.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn outcome(&self) -> Result<Option<BackupOutcome>, StoreError> {
        let node = self.0.app.node.clone();
        self.0
            .app
            .store
            .read(move |tx| {
                let node = node.clone();
                Box::pin(async move { table::outcome(tx, &node).await })
            })
            .await
    }

    pub(super) async fn record_success(
        &self,
        by: &Principal,
        at: Timestamp,
        name: &str,
        written: Written,
        sealed: Sealed,
        warning: Option<String>,
    ) -> Result<(), StoreError> {
        let outcome = BackupOutcome {
            attempted_at: self.0.app.clock.now(),
            succeeded_at: Some(at),
            name: Some(name.to_owned()),
            problem: None,
        };
        let mut details = json!({ "bytes": written.bytes, "sealed": sealed.as_str() });
        if let (Some(warning), Some(details)) = (warning, details.as_object_mut()) {
            details.insert("warning".to_owned(), warning.into());
        }
        self.record(by, "backup.create", name, details, outcome).await
    }

    pub(super) async fn record_failure(
        &self,
        by: &Principal,
        name: &str,
        problem: String,
    ) -> Result<(), StoreError> {
        let before = self.outcome().await?;
        let outcome = BackupOutcome {
            attempted_at: self.0.app.clock.now(),
            succeeded_at: before.and_then(|before| before.succeeded_at),
            name: Some(name.to_owned()),
            problem: Some(problem.clone()),
        };
        self.record(by, "backup.fail", name, json!({ "problem": problem }), outcome).await
    }

    async fn record(
        &self,
        by: &Principal,
        action: &'static str,
        name: &str,
        details: serde_json::Value,
        outcome: BackupOutcome,
    ) -> Result<(), StoreError> {
        let (by, node, target) = (by.clone(), self.0.app.node.clone(), format!("backup/{name}"));
        let now = outcome.attempted_at;
        self.0
            .app
            .store
            .write(move |tx| {
                let (by, node, target) = (by.clone(), node.clone(), target.clone());
                let (details, outcome) = (details.clone(), outcome.clone());
                Box::pin(async move {
                    table::outcome_save(tx, &node, &outcome).await?;
                    audit::record(tx, &by, action, &target, details, now).await
                })
            })
            .await
    }
}
