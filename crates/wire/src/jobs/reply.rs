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

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    fn text(body: &Bytes) -> &str {
        std::str::from_utf8(body).unwrap()
    }

    fn summary(job: &str, started_at: Option<i64>) -> Summary {
        Summary {
            job_id: job.to_owned(),
            queued_at: 1000,
            started_at,
            last_updated_at: 1200,
            version_number: 3,
            execution_number: 1,
        }
    }

    fn execution() -> Execution {
        Execution {
            summary: summary("17", Some(1100)),
            thing_name: "pump-1".to_owned(),
            job_document: json!({"operation": "update"}).as_object().cloned(),
            status: Status::InProgress,
            status_details: StatusDetails::from([("phase".to_owned(), "downloading".to_owned())]),
        }
    }

    fn state() -> ExecutionState {
        ExecutionState {
            status: Status::Succeeded,
            status_details: StatusDetails::from([("progress".to_owned(), "100".to_owned())]),
            version_number: 4,
        }
    }

    #[test]
    fn pending_lists_summaries_by_state() {
        assert_snapshot!(
            text(&pending_accepted(&[summary("17", Some(1100))], &[summary("18", None)], 2000, Some("t"))),
            @r#"{"inProgressJobs":[{"jobId":"17","queuedAt":1000,"startedAt":1100,"lastUpdatedAt":1200,"versionNumber":3,"executionNumber":1}],"queuedJobs":[{"jobId":"18","queuedAt":1000,"lastUpdatedAt":1200,"versionNumber":3,"executionNumber":1}],"timestamp":2000,"clientToken":"t"}"#
        );
        assert_snapshot!(
            text(&pending_accepted(&[], &[], 2000, None)),
            @r#"{"inProgressJobs":[],"queuedJobs":[],"timestamp":2000}"#
        );
    }

    #[test]
    fn an_execution_is_described_in_full_or_left_out() {
        assert_snapshot!(
            text(&execution_accepted(Some(&execution()), 2000, Some("t"))),
            @r#"{"execution":{"thingName":"pump-1","status":"IN_PROGRESS","statusDetails":{"phase":"downloading"},"jobId":"17","queuedAt":1000,"startedAt":1100,"lastUpdatedAt":1200,"versionNumber":3,"executionNumber":1,"jobDocument":{"operation":"update"}},"timestamp":2000,"clientToken":"t"}"#
        );
        let bare = Execution { job_document: None, ..execution() };
        assert!(!text(&execution_accepted(Some(&bare), 2000, None)).contains("jobDocument"));
        assert_snapshot!(
            text(&execution_accepted(None, 2000, Some("t"))),
            @r#"{"timestamp":2000,"clientToken":"t"}"#
        );
    }

    #[test]
    fn an_update_is_answered_with_what_was_asked_for() {
        let document = json!({"operation": "update"});
        assert_snapshot!(
            text(&update_accepted(Some(&state()), document.as_object(), 2000, Some("t"))),
            @r#"{"executionState":{"status":"SUCCEEDED","statusDetails":{"progress":"100"},"versionNumber":4},"jobDocument":{"operation":"update"},"timestamp":2000,"clientToken":"t"}"#
        );
        assert_snapshot!(text(&update_accepted(None, None, 2000, None)), @r#"{"timestamp":2000}"#);
    }

    #[test]
    fn notify_maps_states_to_lists_and_notify_next_has_the_execution() {
        assert_snapshot!(
            text(&notify(&[summary("17", Some(1100))], &[summary("18", None)], 2000)),
            @r#"{"jobs":{"IN_PROGRESS":[{"jobId":"17","queuedAt":1000,"startedAt":1100,"lastUpdatedAt":1200,"versionNumber":3,"executionNumber":1}],"QUEUED":[{"jobId":"18","queuedAt":1000,"lastUpdatedAt":1200,"versionNumber":3,"executionNumber":1}]},"timestamp":2000}"#
        );
        assert_snapshot!(text(&notify(&[], &[], 2000)), @r#"{"jobs":{},"timestamp":2000}"#);
        assert!(
            text(&notify_next(Some(&execution()), 2000)).starts_with(r#"{"execution":{"thingName":"pump-1""#)
        );
        assert_snapshot!(text(&notify_next(None, 2000)), @r#"{"timestamp":2000}"#);
    }

    #[test]
    fn a_rejection_carries_the_state_with_two_codes_only() {
        assert_snapshot!(
            text(&rejected(ErrorCode::VersionMismatch, "expected 3", Some(&state()), 2000, Some("t"))),
            @r#"{"code":"VersionMismatch","message":"expected 3","clientToken":"t","timestamp":2000,"executionState":{"status":"SUCCEEDED","statusDetails":{"progress":"100"},"versionNumber":4}}"#
        );
        for (code, word, carries) in [
            (ErrorCode::InvalidTopic, "InvalidTopic", false),
            (ErrorCode::InvalidJson, "InvalidJson", false),
            (ErrorCode::InvalidRequest, "InvalidRequest", false),
            (ErrorCode::InvalidStateTransition, "InvalidStateTransition", true),
            (ErrorCode::ResourceNotFound, "ResourceNotFound", false),
            (ErrorCode::VersionMismatch, "VersionMismatch", true),
            (ErrorCode::InternalError, "InternalError", false),
            (ErrorCode::RequestThrottled, "RequestThrottled", false),
            (ErrorCode::TerminalStateReached, "TerminalStateReached", false),
        ] {
            let body = rejected(code, "m", Some(&state()), 2000, None);
            assert!(text(&body).starts_with(&format!(r#"{{"code":"{word}""#)), "{word}");
            assert_eq!(text(&body).contains("executionState"), carries, "{word}");
        }
    }

    #[test]
    fn states_are_spelled_as_the_contract_does() {
        let all = [
            Status::Queued,
            Status::InProgress,
            Status::Succeeded,
            Status::Failed,
            Status::Rejected,
            Status::TimedOut,
            Status::Removed,
            Status::Canceled,
        ];
        assert_eq!(
            all.map(Status::as_str).join(" "),
            "QUEUED IN_PROGRESS SUCCEEDED FAILED REJECTED TIMED_OUT REMOVED CANCELED"
        );
    }
}
