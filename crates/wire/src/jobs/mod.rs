//! Jobs as devices see them: requests, replies, notifications and errors (device API contract, part 3).
//!
//! Knows the shapes, not the rules: which change of state is allowed is decided elsewhere.

mod reply;
mod request;

use std::collections::BTreeMap;

pub use reply::{
    Execution, ExecutionState, Summary, execution_accepted, notify, notify_next, pending_accepted, rejected,
    update_accepted,
};
pub use request::{
    Bounds, Envelope, GetRequest, JobRequest, Refused, ReportedStatus, StartNextRequest, StepTimeout,
    UpdateRequest, parse,
};

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
