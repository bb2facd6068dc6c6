//! What a device is told about jobs. Writes what it is given; decides nothing.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{ErrorCode, Status, StatusDetails};
use crate::encode;

/// An execution in lists. Times are epoch seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The job.
    pub job_id: String,
    /// When it was queued.
    pub queued_at: i64,
    /// When the device started it.
    pub started_at: Option<i64>,
    /// When it last changed.
    pub last_updated_at: i64,
    /// Rises with every update.
    pub version_number: i64,
    /// Which try this is.
    pub execution_number: i64,
}

/// An execution in full. Times are epoch seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// As in lists.
    pub summary: Summary,
    /// The name that the device used.
    pub thing_name: String,
    /// What is to be done; left out where the device did not want it.
    pub job_document: Option<Map<String, Value>>,
    /// Its state.
    pub status: Status,
    /// What the device last said.
    pub status_details: StatusDetails,
}

/// The state of an execution, in replies to updates and in some errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionState {
    /// Its state.
    pub status: Status,
    /// What the device last said.
    pub status_details: StatusDetails,
    /// Rises with every update.
    pub version_number: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryBody<'a> {
    job_id: &'a str,
    queued_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    last_updated_at: i64,
    version_number: i64,
    execution_number: i64,
}

impl<'a> From<&'a Summary> for SummaryBody<'a> {
    fn from(summary: &'a Summary) -> Self {
        let Summary { job_id, queued_at, started_at, last_updated_at, version_number, execution_number } =
            summary;
        Self {
            job_id,
            queued_at: *queued_at,
            started_at: *started_at,
            last_updated_at: *last_updated_at,
            version_number: *version_number,
            execution_number: *execution_number,
        }
    }
}

fn summaries(list: &[Summary]) -> Vec<SummaryBody<'_>> {
    list.iter().map(SummaryBody::from).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecutionBody<'a> {
    thing_name: &'a str,
    status: &'static str,
    status_details: &'a StatusDetails,
    #[serde(flatten)]
    summary: SummaryBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_document: Option<&'a Map<String, Value>>,
}

impl<'a> From<&'a Execution> for ExecutionBody<'a> {
    fn from(execution: &'a Execution) -> Self {
        let Execution { summary, thing_name, job_document, status, status_details } = execution;
        Self {
            thing_name,
            status: status.as_str(),
            status_details,
            summary: summary.into(),
            job_document: job_document.as_ref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateBody<'a> {
    status: &'static str,
    status_details: &'a StatusDetails,
    version_number: i64,
}

impl<'a> From<&'a ExecutionState> for StateBody<'a> {
    fn from(state: &'a ExecutionState) -> Self {
        let ExecutionState { status, status_details, version_number } = state;
        Self { status: status.as_str(), status_details, version_number: *version_number }
    }
}

/// The reply to `get`.
pub fn pending_accepted(
    in_progress: &[Summary],
    queued: &[Summary],
    timestamp: i64,
    client_token: Option<&str>,
) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Pending<'a> {
        in_progress_jobs: Vec<SummaryBody<'a>>,
        queued_jobs: Vec<SummaryBody<'a>>,
        timestamp: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_token: Option<&'a str>,
    }
    encode::json(&Pending {
        in_progress_jobs: summaries(in_progress),
        queued_jobs: summaries(queued),
        timestamp,
        client_token,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<ExecutionBody<'a>>,
    timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_token: Option<&'a str>,
}

/// The reply to `start-next` and to `{job}/get`; without execution if nothing is pending.
pub fn execution_accepted(
    execution: Option<&Execution>,
    timestamp: i64,
    client_token: Option<&str>,
) -> Bytes {
    encode::json(&One { execution: execution.map(ExecutionBody::from), timestamp, client_token })
}

/// The reply to `{job}/update`; state and document only where they were asked for.
pub fn update_accepted(
    state: Option<&ExecutionState>,
    job_document: Option<&Map<String, Value>>,
    timestamp: i64,
    client_token: Option<&str>,
) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Updated<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        execution_state: Option<StateBody<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        job_document: Option<&'a Map<String, Value>>,
        timestamp: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_token: Option<&'a str>,
    }
    encode::json(&Updated {
        execution_state: state.map(StateBody::from),
        job_document,
        timestamp,
        client_token,
    })
}

/// The body of `notify`: every pending execution by state. A state without executions is left out.
pub fn notify(in_progress: &[Summary], queued: &[Summary], timestamp: i64) -> Bytes {
    #[derive(Serialize)]
    struct Lists<'a> {
        #[serde(rename = "IN_PROGRESS", skip_serializing_if = "Vec::is_empty")]
        in_progress: Vec<SummaryBody<'a>>,
        #[serde(rename = "QUEUED", skip_serializing_if = "Vec::is_empty")]
        queued: Vec<SummaryBody<'a>>,
    }
    #[derive(Serialize)]
    struct Changed<'a> {
        jobs: Lists<'a>,
        timestamp: i64,
    }
    encode::json(&Changed {
        jobs: Lists { in_progress: summaries(in_progress), queued: summaries(queued) },
        timestamp,
    })
}

/// The body of `notify-next`; without execution when nothing is pending any more.
pub fn notify_next(execution: Option<&Execution>, timestamp: i64) -> Bytes {
    encode::json(&One { execution: execution.map(ExecutionBody::from), timestamp, client_token: None })
}

/// The body of `…/rejected`. The state is written with the two codes that carry it, and with no other.
pub fn rejected(
    code: ErrorCode,
    message: &str,
    state: Option<&ExecutionState>,
    timestamp: i64,
    client_token: Option<&str>,
) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Rejection<'a> {
        code: &'static str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_token: Option<&'a str>,
        timestamp: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        execution_state: Option<StateBody<'a>>,
    }
    encode::json(&Rejection {
        code: code.as_str(),
        message,
        client_token,
        timestamp,
        execution_state: state.filter(|_| code.carries_state()).map(StateBody::from),
    })
}
