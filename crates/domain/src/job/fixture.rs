//! A job for tests, of which each test says what matters to it.

use crate::ids::{JobId, TenantId};
use crate::job::rollout::RolloutPolicy;
use crate::job::spec::{Job, JobSpec, Progress, Timeouts, What};
use crate::job::states::JobState;
use crate::time::Timestamp;

/// A job that runs on one device, and its policy says nothing.
pub fn job() -> Job {
    Job {
        id: JobId::new(1),
        tenant: TenantId::new(1),
        state: JobState::Running,
        spec: JobSpec {
            name: String::new(),
            what: What::Document("{}".to_owned()),
            targets: String::new(),
            waves: vec![],
            threshold: None,
            timeouts: Timeouts::default(),
            retries: 0,
            rollout: RolloutPolicy::default(),
        },
        progress: Progress::default(),
        target_count: 1,
        frozen_waves: vec![],
        past: None,
        decision: None,
        target_seq: 0,
        version: 1,
        revision: 1,
        created_at: Timestamp::from_seconds(0),
        created_by: String::new(),
        started_at: None,
        ended_at: None,
    }
}
