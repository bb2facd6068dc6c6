//! Executions in the words of the device API.

use serde_json::{Map, Value};
use windlass_domain::job::{DeviceReport, Execution, ExecutionState, ReportedStatus, StepTimer};
use windlass_wire::jobs as wire;

const fn status(state: ExecutionState) -> wire::Status {
    match state {
        ExecutionState::Queued => wire::Status::Queued,
        ExecutionState::InProgress => wire::Status::InProgress,
        ExecutionState::Succeeded => wire::Status::Succeeded,
        ExecutionState::Failed => wire::Status::Failed,
        ExecutionState::Rejected => wire::Status::Rejected,
        ExecutionState::TimedOut => wire::Status::TimedOut,
        ExecutionState::Canceled => wire::Status::Canceled,
        ExecutionState::Removed => wire::Status::Removed,
    }
}

pub(super) fn summary(execution: &Execution) -> wire::Summary {
    wire::Summary {
        job_id: execution.job.to_string(),
        queued_at: execution.queued_at.seconds(),
        started_at: execution.started_at.map(|at| at.seconds()),
        last_updated_at: execution.updated_at.seconds(),
        version_number: execution.version,
        execution_number: execution.number,
    }
}

pub(super) fn execution(
    execution: &Execution,
    thing: &str,
    job_document: Option<Map<String, Value>>,
) -> wire::Execution {
    wire::Execution {
        summary: summary(execution),
        thing_name: thing.to_owned(),
        job_document,
        status: status(execution.state),
        status_details: execution.details.clone(),
    }
}

pub(super) fn state(execution: &Execution) -> wire::ExecutionState {
    wire::ExecutionState {
        status: status(execution.state),
        status_details: execution.details.clone(),
        version_number: execution.version,
    }
}

pub(super) fn step(timer: Option<wire::StepTimeout>) -> StepTimer {
    match timer {
        None => StepTimer::Keep,
        Some(wire::StepTimeout::Cancel) => StepTimer::Cancel,
        Some(wire::StepTimeout::Minutes(minutes)) => {
            StepTimer::After(std::time::Duration::from_secs(u64::from(minutes) * 60))
        }
    }
}

pub(super) fn report(request: &wire::UpdateRequest) -> DeviceReport {
    DeviceReport {
        status: match request.status {
            wire::ReportedStatus::InProgress => ReportedStatus::InProgress,
            wire::ReportedStatus::Succeeded => ReportedStatus::Succeeded,
            wire::ReportedStatus::Failed => ReportedStatus::Failed,
            wire::ReportedStatus::Rejected => ReportedStatus::Rejected,
        },
        details: request.status_details.clone(),
        expected_version: request.expected_version,
        step: step(request.step_timeout),
    }
}
