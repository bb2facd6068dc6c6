//! A claim that reached a limit: operators hear of it once a minute at most, in the audit log. A claim whose key got
//! out, or a line that makes more than it was set up for, shows there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::json;
use windlass_domain::ids::ClaimId;
use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;
use windlass_store::StoreError;

use crate::app::App;
use crate::audit::record;
use crate::error::chain;
use crate::message::ClaimPeer;

/// Which claims were told of in this minute.
#[derive(Debug, Default)]
pub struct Limited(Mutex<(i64, HashMap<ClaimId, u64>)>);

impl Limited {
    /// Whether it is to be told now.
    fn first(&self, claim: ClaimId, now: Timestamp) -> bool {
        let minute = now.seconds().div_euclid(60);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.0 != minute {
            *all = (minute, HashMap::new());
        }
        let count = all.1.entry(claim).or_default();
        *count = count.saturating_add(1);
        *count == 1
    }
}

impl App {
    /// Tells that a claim was refused a certificate because it reached a limit.
    pub(super) async fn claim_limited(&self, peer: &ClaimPeer, message: &str, now: Timestamp) {
        if !self.claims_limited.first(peer.claim, now) {
            return;
        }
        let by = Principal::device(peer.tenant, &format!("claim:{}", peer.name));
        let (target, details) = (format!("claim:{}", peer.name), json!({"message": message}));
        let told: Result<(), StoreError> = self
            .store
            .write(move |tx| {
                let (by, target, details) = (by.clone(), target.clone(), details.clone());
                Box::pin(async move { record(tx, &by, "claim.limitReached", &target, details, now).await })
            })
            .await;
        if let Err(error) = told {
            tracing::warn!(
                claim.name = peer.name,
                error = %chain(&error),
                "it could not be recorded that a claim reached a limit"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_once_a_minute_for_each_claim() {
        let (limited, at) = (Limited::default(), Timestamp::from_seconds);
        assert!(limited.first(ClaimId::new(1), at(0)));
        assert!(!limited.first(ClaimId::new(1), at(59)));
        assert!(limited.first(ClaimId::new(2), at(59)));
        assert!(limited.first(ClaimId::new(1), at(60)));
    }
}
