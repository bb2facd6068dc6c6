//! Where a target stands by its updates. Pure.

use windlass_domain::ids::ReleaseId;
use windlass_domain::job::ExecutionState;
use windlass_domain::time::Timestamp;
use windlass_store::management::actions::Step;

/// Where a target stands with what it is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateStatus {
    /// Never heard, nothing to do.
    Unknown,
    /// Heard, nothing to do.
    Registered,
    /// Has something to do.
    Pending,
    /// Has what it is to have.
    InSync,
    /// The last thing to do failed.
    Error,
}

impl UpdateStatus {
    /// As clients write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Registered => "registered",
            Self::Pending => "pending",
            Self::InSync => "in_sync",
            Self::Error => "error",
        }
    }
}

/// What a target has, what it is to have, and how that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// In one word.
    pub status: UpdateStatus,
    /// What it is to have.
    pub assigned: Option<ReleaseId>,
    /// What it last said that it installed.
    pub installed: Option<ReleaseId>,
    /// When.
    pub installed_at: Option<Timestamp>,
}

impl Standing {
    /// Of a target that never had anything to do.
    pub const fn none(seen: bool) -> Self {
        let status = if seen { UpdateStatus::Registered } else { UpdateStatus::Unknown };
        Self { status, assigned: None, installed: None, installed_at: None }
    }
}

/// Whether an update ended without success.
pub(super) const fn has_failed(state: ExecutionState) -> bool {
    match state {
        ExecutionState::Failed | ExecutionState::Rejected | ExecutionState::TimedOut => true,
        ExecutionState::Queued
        | ExecutionState::InProgress
        | ExecutionState::Succeeded
        | ExecutionState::Canceled
        | ExecutionState::Removed => false,
    }
}

/// Where a target stands after these updates, in the order in which they began. The device's word counts here; whether
/// it is true is the verdict's.
pub(super) fn standing(steps: &[Step], seen: bool) -> Standing {
    let mut at = Standing::none(seen);
    let mut over: Vec<&Step> = steps.iter().filter(|step| !step.execution.state.is_open()).collect();
    over.sort_by_key(|step| (step.execution.ended_at, step.execution.id));
    for step in over {
        let state = step.execution.state;
        if state == ExecutionState::Succeeded && step.execution.reason == crate::jobs::verify::FETCHED {
            at = Standing { status: UpdateStatus::InSync, assigned: Some(step.release), ..at };
        } else if state == ExecutionState::Succeeded {
            at = Standing {
                status: UpdateStatus::InSync,
                assigned: Some(step.release),
                installed: Some(step.release),
                installed_at: step.execution.ended_at,
            };
        } else if has_failed(state) {
            at = Standing { status: UpdateStatus::Error, assigned: None, ..at };
        } else {
            let status = match at.installed {
                Some(_) => UpdateStatus::InSync,
                None => Standing::none(seen).status,
            };
            at = Standing { status, assigned: at.installed, ..at };
        }
    }
    if let Some(open) = steps.iter().rfind(|step| step.execution.state.is_open()) {
        at = Standing { status: UpdateStatus::Pending, assigned: Some(open.release), ..at };
    }
    at
}
