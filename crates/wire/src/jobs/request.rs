//! What a device asks about jobs. Checks shape and bounds; changes nothing.

use serde_json::{Map, Value};

use super::{ErrorCode, StatusDetails};
use crate::topic::JobOperation;

/// Bounds on job requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Pairs in `statusDetails`.
    pub details_pairs: usize,
    /// Bytes of all keys and values in `statusDetails` together, but for `output`.
    pub details_bytes: usize,
    /// Bytes of `output` in `statusDetails`: what a command printed.
    pub output_bytes: usize,
    /// Bytes of a client token.
    pub client_token: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { details_pairs: 10, details_bytes: 4 * 1024, output_bytes: 4 * 1024, client_token: 64 }
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
            if key == "output" {
                if text.len() > bounds.output_bytes {
                    return Err(format!(
                        "output in statusDetails may have at most {} bytes; put more where outputUrl says",
                        bounds.output_bytes
                    ));
                }
            } else {
                bytes += key.len() + text.len();
            }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::topic::JobRef;

    const UPDATE: JobOperation = JobOperation::Update { job: JobRef::Next };
    const GET: JobOperation = JobOperation::Get { job: JobRef::Next };

    fn parsed(operation: &JobOperation, payload: &Value) -> JobRequest {
        parse(operation, payload.to_string().as_bytes(), &Bounds::default()).unwrap().request
    }

    fn problem(operation: &JobOperation, payload: &Value) -> String {
        let refused = parse(operation, payload.to_string().as_bytes(), &Bounds::default()).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidRequest);
        refused.message
    }

    #[test]
    fn a_full_update_reads_every_member() {
        let payload = json!({
            "status": "SUCCEEDED", "statusDetails": {"progress": "100"}, "expectedVersion": 3,
            "executionNumber": 2, "includeJobExecutionState": true, "includeJobDocument": true,
            "stepTimeoutInMinutes": 10_080, "clientToken": "t", "unknown": [1]
        });
        let envelope = parse(&UPDATE, payload.to_string().as_bytes(), &Bounds::default()).unwrap();
        assert_eq!(envelope.client_token.as_deref(), Some("t"));
        assert_eq!(
            envelope.request,
            JobRequest::Update(UpdateRequest {
                status: ReportedStatus::Succeeded,
                status_details: Some(StatusDetails::from([("progress".to_owned(), "100".to_owned())])),
                expected_version: Some(3),
                execution_number: Some(2),
                include_job_execution_state: true,
                include_job_document: true,
                step_timeout: Some(StepTimeout::Minutes(10_080)),
            })
        );
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let JobRequest::Update(update) = parsed(&UPDATE, &json!({"status": "IN_PROGRESS"})) else { panic!() };
        assert!(!update.include_job_document && !update.include_job_execution_state);
        assert_eq!((update.status_details, update.expected_version, update.step_timeout), (None, None, None));
        assert_eq!(
            parsed(&GET, &json!({"executionNumber": null})),
            JobRequest::Get(GetRequest { execution_number: None, include_job_document: true })
        );
        assert_eq!(
            parsed(&GET, &json!({"includeJobDocument": false, "executionNumber": 1})),
            JobRequest::Get(GetRequest { execution_number: Some(1), include_job_document: false })
        );
        for operation in [JobOperation::GetPending, JobOperation::StartNext, GET] {
            assert!(parse(&operation, b"", &Bounds::default()).is_ok());
        }
        assert_eq!(parsed(&JobOperation::GetPending, &json!({})), JobRequest::GetPending);
        assert_eq!(
            parsed(&JobOperation::StartNext, &json!({"stepTimeoutInMinutes": -1, "statusDetails": {}})),
            JobRequest::StartNext(StartNextRequest {
                status_details: Some(StatusDetails::new()),
                step_timeout: Some(StepTimeout::Cancel),
            })
        );
    }

    #[test]
    fn a_device_may_report_four_states_and_no_other() {
        for (word, status) in [
            ("IN_PROGRESS", ReportedStatus::InProgress),
            ("SUCCEEDED", ReportedStatus::Succeeded),
            ("FAILED", ReportedStatus::Failed),
            ("REJECTED", ReportedStatus::Rejected),
        ] {
            let JobRequest::Update(update) = parsed(&UPDATE, &json!({"status": word})) else { panic!() };
            assert_eq!(update.status, status);
        }
        for word in ["QUEUED", "TIMED_OUT", "REMOVED", "CANCELED", "succeeded", ""] {
            assert_eq!(
                problem(&UPDATE, &json!({"status": word})),
                "status must be one of IN_PROGRESS, SUCCEEDED, FAILED and REJECTED"
            );
        }
        assert_eq!(problem(&UPDATE, &json!({})), "status is required");
        assert!(problem(&UPDATE, &json!({"status": 1})).starts_with("status must be"));
    }

    #[test]
    fn status_details_have_at_most_ten_pairs_of_text_and_4_kib() {
        let pairs = |count: usize| -> Value {
            (0..count).map(|n| (n.to_string(), json!("x"))).collect::<Map<_, _>>().into()
        };
        let with = |details: Value| json!({"status": "FAILED", "statusDetails": details});
        assert!(matches!(parsed(&UPDATE, &with(pairs(10))), JobRequest::Update(_)));
        assert_eq!(problem(&UPDATE, &with(pairs(11))), "statusDetails may have at most 10 pairs");
        assert!(matches!(parsed(&UPDATE, &with(json!({"k": "x".repeat(4095)}))), JobRequest::Update(_)));
        assert_eq!(
            problem(&UPDATE, &with(json!({"k": "x".repeat(4096)}))),
            "statusDetails may have at most 4096 bytes"
        );
        assert_eq!(
            problem(&JobOperation::StartNext, &json!({"statusDetails": {"a": 1}})),
            "every value in statusDetails must be a string"
        );
        assert_eq!(problem(&UPDATE, &with(json!(["a"]))), "statusDetails must be an object");
    }

    #[test]
    fn the_output_of_a_command_has_4_kib_of_its_own() {
        let with = |details: Value| json!({"status": "SUCCEEDED", "statusDetails": details});
        let whole = json!({"output": "x".repeat(4096), "exitCode": "0"});
        let JobRequest::Update(update) = parsed(&UPDATE, &with(whole)) else { panic!() };
        assert_eq!(update.status_details.unwrap()["output"].len(), 4096);
        assert_eq!(
            problem(&UPDATE, &with(json!({"output": "x".repeat(4097)}))),
            "output in statusDetails may have at most 4096 bytes; put more where outputUrl says"
        );
        let both = json!({"output": "x".repeat(4096), "k": "x".repeat(4096)});
        assert_eq!(problem(&UPDATE, &with(both)), "statusDetails may have at most 4096 bytes");
    }

    #[test]
    fn the_step_timer_takes_1_to_10080_minutes_or_minus_1() {
        for wrong in [json!(0), json!(-2), json!(10_081), json!(1.5), json!("5"), json!(true)] {
            assert_eq!(
                problem(&JobOperation::StartNext, &json!({"stepTimeoutInMinutes": wrong})),
                STEP_TIMEOUT_RULE
            );
        }
        let JobRequest::StartNext(start) =
            parsed(&JobOperation::StartNext, &json!({"stepTimeoutInMinutes": 1}))
        else {
            panic!()
        };
        assert_eq!(start.step_timeout, Some(StepTimeout::Minutes(1)));
    }

    #[test]
    fn members_of_a_wrong_type_are_named() {
        for (operation, payload, expected) in [
            (&GET, json!({"executionNumber": "1"}), "executionNumber must be a whole number, 0 or more"),
            (&GET, json!({"executionNumber": -1}), "executionNumber must be a whole number, 0 or more"),
            (&GET, json!({"includeJobDocument": "yes"}), "includeJobDocument must be true or false"),
            (
                &UPDATE,
                json!({"status": "FAILED", "expectedVersion": 1.5}),
                "expectedVersion must be a whole number, 0 or more",
            ),
            (
                &UPDATE,
                json!({"status": "FAILED", "includeJobExecutionState": 1}),
                "includeJobExecutionState must be true or false",
            ),
            (&GET, json!({"clientToken": 1}), "clientToken must be a string of at most 64 bytes"),
            (
                &GET,
                json!({"clientToken": "x".repeat(65)}),
                "clientToken must be a string of at most 64 bytes",
            ),
            (&GET, json!([]), "the payload must be a JSON object"),
        ] {
            assert_eq!(problem(operation, &payload), expected);
        }
    }

    #[test]
    fn bytes_that_are_no_json_are_told_apart_and_tokens_are_echoed() {
        for payload in [&b"{"[..], b"\xff", b"{} {}"] {
            let refused = parse(&UPDATE, payload, &Bounds::default()).unwrap_err();
            assert_eq!((refused.code, refused.client_token), (ErrorCode::InvalidJson, None));
        }
        assert_eq!(parse(&UPDATE, b"", &Bounds::default()).unwrap_err().code, ErrorCode::InvalidRequest);
        let refused = parse(&UPDATE, br#"{"clientToken":"t"}"#, &Bounds::default()).unwrap_err();
        assert_eq!(refused.client_token.as_deref(), Some("t"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_parser_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            text in r#"(\{|\}|"status"|"statusDetails"|"stepTimeoutInMinutes"|:|,|1|-1|null|"FAILED"){0,20}"#,
        ) {
            for operation in [JobOperation::GetPending, JobOperation::StartNext, GET, UPDATE] {
                for payload in [&bytes[..], text.as_bytes()] {
                    if let Err(refused) = parse(&operation, payload, &Bounds::default()) {
                        prop_assert_eq!(refused.code.http_status(), 400);
                    }
                }
            }
        }
    }
}
