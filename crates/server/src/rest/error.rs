//! Errors become HTTP here and nowhere else, with two texts: the caller gets a stable code and a sentence that
//! helps, the operator gets the chain of causes and the request id.
//!
//! A [`Refusal`] travels in the response's extensions; [`super::request`] gives it the request id, writes it and
//! logs it once.

use std::error::Error;
use std::fmt::Write;

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as Described, SchemaObject};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use windlass_api::problem::{CONTENT_TYPE, FieldProblem, Problem, code};
use windlass_app::access::SignInError;
use windlass_app::{AppError, FieldProblem as AppFieldProblem};
use windlass_store::StoreErrorKind;

/// What a request is refused with.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// For the caller.
    pub(crate) problem: Box<Problem>,
    /// For the operator; absent where the caller's mistake is all there is to know.
    pub(crate) operator: Option<String>,
    /// Seconds after which it is worth trying again.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &str, title: &str, detail: impl Into<String>) -> Self {
        let problem = Box::new(Problem::new(status.as_u16(), code, title, detail));
        Self { problem, operator: None, retry_after: None }
    }

    /// 400 with every bad field.
    pub(crate) fn invalid(errors: Vec<FieldProblem>) -> Self {
        let detail = match errors.as_slice() {
            [] => "The request cannot be used.".to_owned(),
            [one] => format!("{}.", one.sentence()),
            [first, rest @ ..] => {
                format!("{}; and {} more, see errors.", first.sentence(), rest.len())
            }
        };
        let mut refusal =
            Self::new(StatusCode::BAD_REQUEST, code::INVALID, "The request cannot be used", detail);
        refusal.problem.errors = errors;
        refusal
    }

    /// 400 for one field.
    pub(crate) fn field(field: &str, problem: impl ToString) -> Self {
        Self::invalid(vec![FieldProblem { field: field.to_owned(), problem: problem.to_string() }])
    }

    /// 404 for a thing that is not there, or not for this caller.
    pub(crate) fn not_found(what: &'static str, name: impl ToString) -> Self {
        AppError::not_found(what, name).into()
    }

    /// 404 for a path that nothing is served at.
    pub(crate) fn no_such_path() -> Self {
        const DETAIL: &str = "Nothing is served at this path; see /api/v1/openapi.json for what there is.";
        Self::new(StatusCode::NOT_FOUND, code::NO_SUCH_PATH, "No such path", DETAIL)
    }

    /// 405.
    pub(crate) fn no_such_method() -> Self {
        const DETAIL: &str = "This path does not take this method; the Allow header lists those it takes.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, code::NO_SUCH_METHOD, "No such method", DETAIL)
    }

    /// 401.
    pub(crate) fn unauthenticated(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code::UNAUTHENTICATED, "Sign-in needed", detail)
    }

    /// 429 for who guesses.
    pub(crate) fn throttled(title: &str, detail: String, seconds: u64) -> Self {
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, code::THROTTLED, title, detail);
        Self { retry_after: Some(seconds), ..refusal }
    }

    /// 413.
    pub(crate) fn too_large(what: &str, limit: u64) -> Self {
        let detail = format!("{what} is larger than the limit of {limit} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, code::TOO_LARGE, "Too large", detail)
    }

    /// 400 for a body that ended early.
    pub(crate) fn incomplete() -> Self {
        const DETAIL: &str = "The body ended before its announced length; nothing was stored. Send it again.";
        Self::new(StatusCode::BAD_REQUEST, code::INCOMPLETE, "Incomplete body", DETAIL)
    }

    /// 500 with the chain for the operator.
    pub(crate) fn internal(error: &(dyn Error + 'static)) -> Self {
        const DETAIL: &str = "The server failed. Try again; if it stays, give the operator the request id.";
        let mut refusal =
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, code::INTERNAL, "The server failed", DETAIL);
        refusal.operator = Some(chain(error));
        refusal
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The error and its causes, outermost first.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a String cannot fail.
        let _infallible = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

/// `device type` → `device_type`, `shadow of device` → `shadow`.
fn word(what: &str) -> String {
    what.split(" of ").next().unwrap_or(what).replace(' ', "_")
}

/// The first letter in capitals and a full stop at the end.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let mut sentence: String =
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if !sentence.ends_with(['.', '?', '!']) {
        sentence.push('.');
    }
    sentence
}

fn told(AppFieldProblem { field, problem }: AppFieldProblem) -> FieldProblem {
    FieldProblem { field, problem }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        let detail = sentence(&error.to_string());
        match error {
            AppError::NotFound { what, .. } => {
                let code = format!("{}.not_found", word(what));
                Self::new(StatusCode::NOT_FOUND, &code, "Not found", detail)
            }
            AppError::Exists { what, .. } => {
                let code = format!("{}.exists", word(what));
                Self::new(StatusCode::CONFLICT, &code, "Exists already", detail)
            }
            AppError::Conflict { code, .. } => Self::new(StatusCode::CONFLICT, code, "Conflict", detail),
            AppError::Invalid(fields) => Self::invalid(fields.into_iter().map(told).collect()),
            AppError::Forbidden(_) => {
                Self::new(StatusCode::FORBIDDEN, code::FORBIDDEN, "Not allowed", detail)
            }
            AppError::VersionMismatch { .. } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                code::VERSION_MISMATCH,
                "Changed meanwhile",
                detail,
            ),
            AppError::TooLarge { what, limit } => Self::too_large(&sentence_start(what), limit),
            AppError::Quota { code, .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, code, "Too many or too often", detail)
            }
            AppError::DiskFull => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, code::DISK_FULL, "Disk almost full", detail)
            }
            AppError::Unavailable(_) => {
                let mut refusal = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    code::UNAVAILABLE,
                    "Not available now",
                    detail,
                );
                refusal.retry_after = Some(1);
                refusal
            }
            AppError::Store(error) => match error.kind() {
                StoreErrorKind::Busy | StoreErrorKind::Closed => Self {
                    operator: Some(chain(&error)),
                    ..AppError::Unavailable("the store is busy; try again in a moment".to_owned()).into()
                },
                StoreErrorKind::DiskFull => {
                    Self { operator: Some(chain(&error)), ..AppError::DiskFull.into() }
                }
                StoreErrorKind::Io
                | StoreErrorKind::Constraint
                | StoreErrorKind::Corrupt
                | StoreErrorKind::Missed
                | StoreErrorKind::Defect => Self::internal(&error),
            },
        }
    }
}

fn sentence_start(what: &str) -> String {
    let mut letters = what.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

impl From<SignInError> for Refusal {
    fn from(error: SignInError) -> Self {
        let detail = sentence(&error.to_string());
        match error {
            SignInError::Wrong | SignInError::Ended => Self::unauthenticated(&detail),
            SignInError::Throttled { seconds } => Self::throttled("Too many wrong tries", detail, seconds),
            SignInError::Busy => {
                let mut refusal = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    code::UNAVAILABLE,
                    "Not available now",
                    detail,
                );
                refusal.retry_after = Some(1);
                refusal
            }
            SignInError::Failed(error) => error.into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl OperationOutput for Refusal {
    type Inner = Problem;

    fn operation_response(ctx: &mut GenContext, _operation: &mut Operation) -> Option<Described> {
        let json_schema = ctx.schema.subschema_for::<Problem>();
        let schema = Some(SchemaObject { json_schema, external_docs: None, example: None });
        let media = MediaType { schema, ..MediaType::default() };
        Some(Described {
            description: "Why the request was refused".to_owned(),
            content: [(CONTENT_TYPE.to_owned(), media)].into_iter().collect(),
            ..Described::default()
        })
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Described)> {
        Self::operation_response(ctx, operation).into_iter().map(|response| (None, response)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_gets_no_causes_and_the_operator_does() {
        #[derive(Debug, thiserror::Error)]
        #[error("the state could not be read")]
        struct Outer(#[source] std::io::Error);
        let refusal = Refusal::internal(&Outer(std::io::Error::other("/secret/path is broken")));
        assert!(!serde_json::to_string(&refusal.problem).unwrap().contains("secret"));
        assert_eq!(refusal.operator.unwrap(), "the state could not be read: /secret/path is broken");
    }

    #[test]
    fn every_use_case_error_has_its_status_and_code() {
        let cases: [(AppError, u16, &str); 10] = [
            (AppError::not_found("device", "a"), 404, "device.not_found"),
            (AppError::Exists { what: "device type", name: "a".to_owned() }, 409, "device_type.exists"),
            (
                AppError::Conflict { code: "device.decommissioned", detail: "no".to_owned() },
                409,
                "device.decommissioned",
            ),
            (AppError::invalid("name", "is bad"), 400, "request.invalid"),
            (AppError::Forbidden("device.write"), 403, "auth.forbidden"),
            (AppError::VersionMismatch { current: 3 }, 412, "version.mismatch"),
            (AppError::TooLarge { what: "job document", limit: 5 }, 413, "request.too_large"),
            (AppError::Quota { code: "claim.rate", detail: "no".to_owned() }, 429, "claim.rate"),
            (AppError::DiskFull, 507, "server.disk_full"),
            (AppError::Unavailable("later".to_owned()), 503, "server.unavailable"),
        ];
        for (error, status, code) in cases {
            let refusal = Refusal::from(error);
            assert_eq!((refusal.problem.status, refusal.problem.code.as_str()), (status, code));
            assert!(refusal.problem.detail.ends_with('.'), "{}", refusal.problem.detail);
            assert_eq!(refusal.operator, None);
        }
    }

    #[test]
    fn many_bad_fields_make_one_sentence_and_a_list() {
        let fields = vec![AppFieldProblem::new("a", "is missing"), AppFieldProblem::new("b", "is missing")];
        let refusal = Refusal::from(AppError::Invalid(fields));
        assert_eq!(refusal.problem.detail, "a is missing; and 1 more, see errors.");
        assert_eq!(refusal.problem.errors.len(), 2);
    }
}
