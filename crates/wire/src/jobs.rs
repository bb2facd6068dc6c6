//! Jobs as devices see them: requests, replies, notifications and errors (device API contract, part 3).
//!
//! Knows the shapes, not the rules: which change of state is allowed is decided elsewhere.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};

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

/// Reads a payload by the operation of its topic. An empty payload is an empty object, save for updates.
pub fn parse(operation: &JobOperation, payload: &[u8], bounds: &Bounds) -> Result<Envelope, Refused> {
    let _ = (operation, payload, bounds);
    unimplemented!("filled in next")
}

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

/// The reply to `get`.
pub fn pending_accepted(
    in_progress: &[Summary],
    queued: &[Summary],
    timestamp: i64,
    client_token: Option<&str>,
) -> Bytes {
    let _ = (in_progress, queued, timestamp, client_token);
    unimplemented!("filled in next")
}

/// The reply to `start-next` and to `{job}/get`; without execution if nothing is pending.
pub fn execution_accepted(
    execution: Option<&Execution>,
    timestamp: i64,
    client_token: Option<&str>,
) -> Bytes {
    let _ = (execution, timestamp, client_token);
    unimplemented!("filled in next")
}

/// The reply to `{job}/update`; state and document only where they were asked for.
pub fn update_accepted(
    state: Option<&ExecutionState>,
    job_document: Option<&Map<String, Value>>,
    timestamp: i64,
    client_token: Option<&str>,
) -> Bytes {
    let _ = (state, job_document, timestamp, client_token);
    unimplemented!("filled in next")
}

/// The body of `notify`: every pending execution by state.
pub fn notify(in_progress: &[Summary], queued: &[Summary], timestamp: i64) -> Bytes {
    let _ = (in_progress, queued, timestamp);
    unimplemented!("filled in next")
}

/// The body of `notify-next`; without execution when nothing is pending any more.
pub fn notify_next(execution: Option<&Execution>, timestamp: i64) -> Bytes {
    let _ = (execution, timestamp);
    unimplemented!("filled in next")
}

/// The body of `…/rejected`. The state is written with InvalidStateTransition and VersionMismatch only.
pub fn rejected(
    code: ErrorCode,
    message: &str,
    state: Option<&ExecutionState>,
    timestamp: i64,
    client_token: Option<&str>,
) -> Bytes {
    let _ = (code, message, state, timestamp, client_token);
    unimplemented!("filled in next")
}
