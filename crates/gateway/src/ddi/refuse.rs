//! Answers that end a request early, and bodies within their bounds.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use windlass_app::ddi::{Failed, Turned};

use super::path::NotAsked;
use crate::http::{Body, full, problem};

/// Bytes of a body.
const BODY: usize = 256 * 1024;
/// Time for a body to come.
const BODY_TIME: Duration = Duration::from_secs(30);

pub(super) fn set(answer: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

/// Not let in: nothing is said of why.
pub(super) fn silent_refusal() -> Response<Body> {
    let mut answer = Response::new(full(""));
    *answer.status_mut() = StatusCode::UNAUTHORIZED;
    answer
}

pub(super) fn turned(turned: Turned) -> Response<Body> {
    match turned {
        Turned::Denied => silent_refusal(),
        Turned::TooMany => problem(StatusCode::TOO_MANY_REQUESTS, "rate", &turned.to_string()),
        Turned::Unavailable => problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &turned.to_string()),
    }
}

pub(super) fn failed(failed: Failed) -> Response<Body> {
    let (status, code) = match &failed {
        Failed::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        Failed::Closed => (StatusCode::GONE, "action.closed"),
        Failed::NotCanceling => (StatusCode::METHOD_NOT_ALLOWED, "action.not_canceling"),
        Failed::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
        Failed::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "quota"),
        Failed::Bad(_) => (StatusCode::BAD_REQUEST, "invalid"),
        Failed::Unavailable(error) => {
            tracing::error!(error = %windlass_app::error::chain(error), "a device's request could not be served");
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    };
    problem(status, code, &failed.to_string())
}

pub(super) fn nothing_here() -> Response<Body> {
    problem(StatusCode::NOT_FOUND, "not_found", "hawkBit's interface has nothing at this path")
}

pub(super) fn not_asked(why: NotAsked) -> Response<Body> {
    match why {
        NotAsked::Path => nothing_here(),
        NotAsked::Method(allowed) => {
            let sentence = format!("this path takes {allowed}");
            let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, "method", &sentence);
            set(&mut answer, header::ALLOW, allowed);
            answer
        }
    }
}

pub(super) async fn collect<B>(body: B) -> Result<Bytes, Response<Body>>
where
    B: hyper::body::Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match tokio::time::timeout(BODY_TIME, Limited::new(body, BODY).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let sentence = format!("the body is larger than {BODY} bytes");
            Err(problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &sentence))
        }
        Ok(Err(_)) => Err(problem(StatusCode::BAD_REQUEST, "body", "the body broke off")),
        Err(_) => Err(problem(StatusCode::REQUEST_TIMEOUT, "timeout", "the body took too long")),
    }
}
