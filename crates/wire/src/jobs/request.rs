//! What a device asks about jobs. Checks shape and bounds; changes nothing.

use serde_json::{Map, Value};

use super::{ErrorCode, StatusDetails};
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
