//! Where actions stand, in hawkBit's words: of one, and counted over a set. The word is a pure function.

use std::collections::{BTreeMap, HashMap};

use windlass_domain::ids::{JobId, ReleaseId};
use windlass_domain::job::{ExecutionState, Handling, Outcome, Verdict};
use windlass_domain::permission::{Permission, Principal};
use windlass_store::jobs;
use windlass_store::management::actions::{self as steps, Alike};

use super::sets;
use crate::App;
use crate::error::AppError;

/// What decides the word for an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase {
    pub(super) state: ExecutionState,
    /// What is true of it.
    pub(super) verdict: Verdict,
    /// Whether the device was asked to stop, as far as it is open.
    pub(super) is_stopping: bool,
    /// Whether somebody must agree who did not yet.
    pub(super) waits_for_consent: bool,
    /// Whether the device fetched what it is to do, and did not refuse to stop since.
    pub(super) retrieved: bool,
    /// Whether it is over once the bytes are there.
    pub(super) only_downloads: bool,
}

impl Phase {
    pub(super) const fn word(self) -> &'static str {
        let Self { state, verdict, is_stopping, waits_for_consent, retrieved, only_downloads } = self;
        match Outcome::of(state, verdict) {
            Outcome::Open if is_stopping => "canceling",
            Outcome::Open if waits_for_consent && matches!(state, ExecutionState::Queued) => {
                "wait_for_confirmation"
            }
            Outcome::Open if retrieved => "retrieved",
            Outcome::Open => "running",
            // The device's word counts until something shows that it is not true.
            Outcome::Verifying | Outcome::Succeeded if only_downloads => "downloaded",
            Outcome::Verifying | Outcome::Succeeded => "finished",
            Outcome::Failed => "error",
            Outcome::Canceled | Outcome::Skipped => "canceled",
        }
    }
}

impl App {
    /// How many actions of a set there are by the word for where they stand, on targets that the caller may see.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_action_counts(
        &self,
        by: &Principal,
        set: i64,
    ) -> Result<BTreeMap<&'static str, u64>, AppError> {
        let mut counts = BTreeMap::new();
        if by.scope.is_some() {
            for action in self.hawkbit_actions_with(by, set).await? {
                *counts.entry(action.detail()).or_default() += 1;
            }
            return Ok(counts);
        }
        self.hawkbit_read(by, Permission::JobRead, move |cx, tx| {
            Box::pin(async move {
                sets::set(tx, &cx, set).await?;
                let (mut counts, mut downloads) = (BTreeMap::new(), HashMap::<JobId, bool>::new());
                for alike in steps::alike(tx, cx.by.tenant, ReleaseId::new(set)).await? {
                    let Alike {
                        job,
                        state,
                        verdict,
                        is_stopping,
                        waits_for_consent,
                        retrieved,
                        forced,
                        count,
                    } = alike;
                    let only_downloads = match downloads.get(&job) {
                        Some(known) => *known,
                        None => {
                            let job = jobs::get_any(tx, job).await?;
                            job.is_some_and(|job| job.spec.rollout.handling == Handling::DownloadOnly)
                        }
                    };
                    downloads.insert(job, only_downloads);
                    let only_downloads = only_downloads && !forced;
                    let phase =
                        Phase { state, verdict, is_stopping, waits_for_consent, retrieved, only_downloads };
                    *counts.entry(phase.word()).or_default() += count;
                }
                Ok(counts)
            })
        })
        .await
    }
}
