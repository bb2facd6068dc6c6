//! A certificate that the state does not know may wait for an operator's decision: then that queue is what helps.

use std::collections::BTreeSet;

use windlass_domain::enrol::PendingState;
use windlass_domain::ids::Sha256;
use windlass_domain::permission::Principal;
use windlass_store::{StoreError, pending};

use super::RefusalPage;
use crate::app::App;
use crate::error::AppError;

/// The code of refusals that are looked up.
const UNKNOWN: &str = "credential.unknown";
/// What helps then.
const ACTION: &str = "its certificate waits in the queue of pending enrolments: accept it there (windlass pending accept ID) and the \
     device is let in at its next attempt, or reject it";

impl App {
    /// Says what helps where a certificate that is not known waits for a decision right now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn refusals_waiting(
        &self,
        by: &Principal,
        mut page: RefusalPage,
    ) -> Result<RefusalPage, AppError> {
        let unknown: BTreeSet<Sha256> =
            page.items.iter().filter(|view| view.code == UNKNOWN).filter_map(fingerprint).collect();
        if unknown.is_empty() {
            return Ok(page);
        }
        let tenant = by.tenant;
        let waiting: BTreeSet<Sha256> = self
            .store
            .read(move |tx| {
                let unknown = unknown.clone();
                Box::pin(async move {
                    let mut waiting = BTreeSet::new();
                    for fingerprint in unknown {
                        let wish = pending::of_certificate(tx, &fingerprint).await?;
                        if wish.is_some_and(|wish| wish.tenant == tenant && wish.state == PendingState::Open)
                        {
                            waiting.insert(fingerprint);
                        }
                    }
                    Ok::<_, StoreError>(waiting)
                })
            })
            .await?;
        for view in page.items.iter_mut().filter(|view| view.code == UNKNOWN) {
            if fingerprint(view).is_some_and(|own| waiting.contains(&own)) {
                ACTION.clone_into(&mut view.explained.action);
            }
        }
        Ok(page)
    }
}

fn fingerprint(view: &super::RefusalView) -> Option<Sha256> {
    view.claimed.certificate.as_ref()?.fingerprint.parse().ok()
}
