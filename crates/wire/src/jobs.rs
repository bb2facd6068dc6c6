//! Jobs as devices see them: requests, replies, notifications and errors (device API contract, part 3).
//!
//! Knows the shapes, not the rules: which change of state is allowed is decided elsewhere.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::encode;
use crate::topic::JobOperation;

/// Bounds on job requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Pairs in `statusDetails`.
    pub details_pairs: usize,
    /// Bytes of all keys and values in `statusDetails` together.
    pub details_bytes: usize,
    /// Bytes of a client token.
    pub client_token: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { details_pairs: 10, details_bytes: 4 * 1024, client_token: 64 }
    }
}

/// What a device says about an execution, all strings.
pub type StatusDetails = BTreeMap<String, String>;

/// The states of an execution in this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Waiting for the device.
    Queued,
    /// The device works on it.
    InProgress,
    /// Done, says the device.
    Succeeded,
    /// Not done, says the device.
    Failed,
    /// The device will not do it.
    Rejected,
    /// The server gave up waiting.
    TimedOut,
    /// The device or the job is gone.
    Removed,
    /// An operator canceled it.
    Canceled,
}

impl Status {
    /// The word in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::InProgress => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Rejected => "REJECTED",
            Self::TimedOut => "TIMED_OUT",
            Self::Removed => "REMOVED",
            Self::Canceled => "CANCELED",
        }
    }
}

/// The states that a device may report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportedStatus {
    /// It works on it.
    InProgress,
    /// It did it.
    Succeeded,
    /// It could not do it.
    Failed,
    /// It will not do it.
    Rejected,
}

/// What a device asks of its step timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepTimeout {
    /// -1: stop it.
    Cancel,
    /// 1 to 10,080 minutes from now.
    Minutes(u16),
}

/// Payload of `start-next`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StartNextRequest {
    /// Replaces the details if present.
    pub status_details: Option<StatusDetails>,
    /// Sets or stops the step timer.
    pub step_timeout: Option<StepTimeout>,
}

/// Payload of `{job}/get`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetRequest {
    /// Which try; the latest if absent.
    pub execution_number: Option<i64>,
    /// Whether the document is wanted; it is unless the device says no.
    pub include_job_document: bool,
}

/// Payload of `{job}/update`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateRequest {
    /// The new state.
    pub status: ReportedStatus,
    /// Replaces the details if present.
    pub status_details: Option<StatusDetails>,
    /// The versionNumber that the device believes is current.
    pub expected_version: Option<i64>,
    /// Which try; the latest if absent.
    pub execution_number: Option<i64>,
    /// Whether the reply carries `executionState`.
    pub include_job_execution_state: bool,
    /// Whether the reply carries `jobDocument`.
    pub include_job_document: bool,
    /// Sets or stops the step timer.
    pub step_timeout: Option<StepTimeout>,
}

/// What a payload asks, by the topic it came on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobRequest {
    /// List what is pending.
    GetPending,
    /// Start the next one.
    StartNext(StartNextRequest),
    /// Describe one.
    Get(GetRequest),
    /// Report about one.
    Update(UpdateRequest),
}

/// A well-formed request and the token that every reply to it echoes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What is asked.
    pub request: JobRequest,
    /// To be echoed.
    pub client_token: Option<String>,
}

/// The codes of rejected requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The topic names nothing.
    InvalidTopic,
    /// The payload is not JSON.
    InvalidJson,
    /// The payload is JSON, but not a request.
    InvalidRequest,
    /// The execution cannot go from its state to the reported one.
    InvalidStateTransition,
    /// No such execution.
    ResourceNotFound,
    /// `expectedVersion` is not the current one.
    VersionMismatch,
    /// The server failed.
    InternalError,
    /// Too many requests.
    RequestThrottled,
    /// The execution is over.
    TerminalStateReached,
}

impl ErrorCode {
    /// The word in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidTopic => "InvalidTopic",
            Self::InvalidJson => "InvalidJson",
            Self::InvalidRequest => "InvalidRequest",
            Self::InvalidStateTransition => "InvalidStateTransition",
            Self::ResourceNotFound => "ResourceNotFound",
            Self::VersionMismatch => "VersionMismatch",
            Self::InternalError => "InternalError",
            Self::RequestThrottled => "RequestThrottled",
            Self::TerminalStateReached => "TerminalStateReached",
        }
    }

    /// Whether a rejection with this code tells the state that the execution is in.
    pub const fn carries_state(self) -> bool {
        match self {
            Self::InvalidStateTransition | Self::VersionMismatch => true,
            Self::InvalidTopic
            | Self::InvalidJson
            | Self::InvalidRequest
            | Self::ResourceNotFound
            | Self::InternalError
            | Self::RequestThrottled
            | Self::TerminalStateReached => false,
        }
    }

    /// The status of the HTTP twin.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::InvalidTopic | Self::InvalidJson | Self::InvalidRequest => 400,
            Self::ResourceNotFound => 404,
            Self::InvalidStateTransition | Self::VersionMismatch | Self::TerminalStateReached => 409,
            Self::RequestThrottled => 429,
            Self::InternalError => 500,
        }
    }
}

/// A refused request, with the client token where that much could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub code: ErrorCode,
    /// A sentence for the maker of the device.
    pub message: String,
    /// To be echoed.
    pub client_token: Option<String>,
}

/// Reads a payload by the operation of its topic. An empty payload is an empty object.
pub fn parse(operation: &JobOperation, payload: &[u8], bounds: &Bounds) -> Result<Envelope, Refused> {
    let mut fields = Fields::read(payload, bounds)?;
    let request = match fields.request(operation, bounds) {
        Ok(request) => request,
        Err(message) => return Err(fields.refuse(ErrorCode::InvalidRequest, message)),
    };
    Ok(Envelope { request, client_token: fields.client_token })
}

/// The members of a request that nobody has taken yet. `null` is the same as absent; unknown members are ignored.
struct Fields {
    members: Map<String, Value>,
    client_token: Option<String>,
}

impl Fields {
    fn read(payload: &[u8], bounds: &Bounds) -> Result<Self, Refused> {
        let refuse = |code, message: &str| Refused { code, message: message.to_owned(), client_token: None };
        let members = if payload.is_empty() {
            Map::new()
        } else {
            match serde_json::from_slice(payload) {
                Ok(Value::Object(members)) => members,
                Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                    return Err(refuse(ErrorCode::InvalidRequest, "the payload must be a JSON object"));
                }
                Err(_) => return Err(refuse(ErrorCode::InvalidJson, "the payload is not valid JSON")),
            }
        };
        let mut fields = Self { members, client_token: None };
        match fields.take("clientToken") {
            None => {}
            Some(Value::String(token)) if token.len() <= bounds.client_token => {
                fields.client_token = Some(token);
            }
            Some(_) => {
                let message =
                    format!("clientToken must be a string of at most {} bytes", bounds.client_token);
                return Err(refuse(ErrorCode::InvalidRequest, &message));
            }
        }
        Ok(fields)
    }

    fn refuse(self, code: ErrorCode, message: String) -> Refused {
        Refused { code, message, client_token: self.client_token }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn request(&mut self, operation: &JobOperation, bounds: &Bounds) -> Result<JobRequest, String> {
        Ok(match operation {
            JobOperation::GetPending => JobRequest::GetPending,
            JobOperation::StartNext => JobRequest::StartNext(StartNextRequest {
                status_details: self.status_details(bounds)?,
                step_timeout: self.step_timeout()?,
            }),
            JobOperation::Get { .. } => JobRequest::Get(GetRequest {
                execution_number: self.number("executionNumber")?,
                include_job_document: self.flag("includeJobDocument")?.unwrap_or(true),
            }),
            JobOperation::Update { .. } => JobRequest::Update(UpdateRequest {
                status: self.status()?,
                status_details: self.status_details(bounds)?,
                expected_version: self.number("expectedVersion")?,
                execution_number: self.number("executionNumber")?,
                include_job_execution_state: self.flag("includeJobExecutionState")?.unwrap_or(false),
                include_job_document: self.flag("includeJobDocument")?.unwrap_or(false),
                step_timeout: self.step_timeout()?,
            }),
        })
    }

    fn status(&mut self) -> Result<ReportedStatus, String> {
        let word = match self.take("status") {
            None => return Err("status is required".to_owned()),
            Some(value) => value,
        };
        match word.as_str() {
            Some("IN_PROGRESS") => Ok(ReportedStatus::InProgress),
            Some("SUCCEEDED") => Ok(ReportedStatus::Succeeded),
            Some("FAILED") => Ok(ReportedStatus::Failed),
            Some("REJECTED") => Ok(ReportedStatus::Rejected),
            Some(_) | None => {
                Err("status must be one of IN_PROGRESS, SUCCEEDED, FAILED and REJECTED".to_owned())
            }
        }
    }

    fn status_details(&mut self, bounds: &Bounds) -> Result<Option<StatusDetails>, String> {
        let pairs = match self.take("statusDetails") {
            None => return Ok(None),
            Some(Value::Object(pairs)) => pairs,
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                return Err("statusDetails must be an object".to_owned());
            }
        };
        if pairs.len() > bounds.details_pairs {
            return Err(format!("statusDetails may have at most {} pairs", bounds.details_pairs));
        }
        let mut details = StatusDetails::new();
        let mut bytes = 0;
        for (key, value) in pairs {
            let Value::String(text) = value else {
                return Err("every value in statusDetails must be a string".to_owned());
            };
            bytes += key.len() + text.len();
            details.insert(key, text);
        }
        if bytes > bounds.details_bytes {
            return Err(format!("statusDetails may have at most {} bytes", bounds.details_bytes));
        }
        Ok(Some(details))
    }

    fn step_timeout(&mut self) -> Result<Option<StepTimeout>, String> {
        let Some(value) = self.take("stepTimeoutInMinutes") else { return Ok(None) };
        match value.as_i64() {
            Some(-1) => Ok(Some(StepTimeout::Cancel)),
            Some(minutes @ 1..=10_080) => match u16::try_from(minutes) {
                Ok(minutes) => Ok(Some(StepTimeout::Minutes(minutes))),
                Err(_) => Err(STEP_TIMEOUT_RULE.to_owned()),
            },
            Some(_) | None => Err(STEP_TIMEOUT_RULE.to_owned()),
        }
    }

    fn number(&mut self, name: &str) -> Result<Option<i64>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_i64() {
                Some(number @ 0..) => Ok(Some(number)),
                Some(_) | None => Err(format!("{name} must be a whole number, 0 or more")),
            },
        }
    }

    fn flag(&mut self, name: &str) -> Result<Option<bool>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_bool() {
                Some(flag) => Ok(Some(flag)),
                None => Err(format!("{name} must be true or false")),
            },
        }
    }
}

const STEP_TIMEOUT_RULE: &str = "stepTimeoutInMinutes must be from 1 to 10080, or -1 to stop the timer";

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
