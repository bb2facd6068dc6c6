//! Answers that end a request early, and bodies within their bounds.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::json;
use windlass_app::ddi::{Failed, Turned};
use windlass_wire::hawkbit::{
    CONFLICT, Kind, NOT_CANCELABLE, NOT_THERE, OTHER, QUOTA, READ_ONLY, UNREADABLE,
};

use super::path::NotAsked;
use crate::http::{Body, full, json_answer};

/// Bytes of a body.
const BODY: usize = 256 * 1024;
/// Time for a body to come.
const BODY_TIME: Duration = Duration::from_secs(30);

/// What a device told of itself cannot be taken.
const ATTRIBUTES: Kind = (
    "org.eclipse.hawkbit.repository.exception.InvalidTargetAttributeException",
    "hawkbit.server.error.repo.invalidTargetAttributes",
);
/// A refusal as hawkBit words it, with a sentence for people.
fn refusal(status: StatusCode, (class, code): Kind, sentence: &str) -> Response<Body> {
    let body = json!({ "exceptionClass": class, "errorCode": code, "message": sentence });
    json_answer(status, body.to_string())
}

/// A body that is not what the path takes.
pub(super) fn unreadable(sentence: &str) -> Response<Body> {
    refusal(StatusCode::BAD_REQUEST, UNREADABLE, sentence)
}

/// The answer is wanted in no form that there is.
pub(super) fn not_acceptable() -> Response<Body> {
    let sentence = "documents come as application/hal+json, application/json or application/cbor";
    refusal(StatusCode::NOT_ACCEPTABLE, OTHER, sentence)
}

/// The body is of no type that is read.
pub(super) fn unsupported() -> Response<Body> {
    let sentence = "bodies are application/json or application/cbor";
    refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, OTHER, sentence)
}

/// Over its rate; a second refills a good part of what it may.
pub(super) fn too_often() -> Response<Body> {
    let mut answer = refusal(StatusCode::TOO_MANY_REQUESTS, OTHER, "the device asks too often; slow down");
    set(&mut answer, header::RETRY_AFTER, "1");
    answer
}

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
        Turned::Bad(_) => refusal(StatusCode::BAD_REQUEST, OTHER, &turned.to_string()),
        Turned::Unknown => refusal(StatusCode::NOT_FOUND, NOT_THERE, &turned.to_string()),
        Turned::TooMany => refusal(StatusCode::TOO_MANY_REQUESTS, OTHER, &turned.to_string()),
        Turned::Unavailable => refusal(StatusCode::SERVICE_UNAVAILABLE, OTHER, &turned.to_string()),
    }
}

pub(super) fn failed(failed: Failed) -> Response<Body> {
    let (status, kind) = match &failed {
        Failed::NotFound | Failed::UnknownRelease { .. } => (StatusCode::NOT_FOUND, NOT_THERE),
        Failed::Closed => (StatusCode::GONE, READ_ONLY),
        Failed::NotCanceling => (StatusCode::METHOD_NOT_ALLOWED, NOT_CANCELABLE),
        Failed::Conflict(_) => (StatusCode::CONFLICT, CONFLICT),
        Failed::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, QUOTA),
        Failed::Bad(_) => (StatusCode::BAD_REQUEST, ATTRIBUTES),
        Failed::Unavailable(error) => {
            tracing::error!(error = %windlass_app::error::chain(error), "a device's request could not be served");
            (StatusCode::SERVICE_UNAVAILABLE, OTHER)
        }
    };
    refusal(status, kind, &failed.to_string())
}

pub(super) fn nothing_here() -> Response<Body> {
    refusal(StatusCode::NOT_FOUND, NOT_THERE, "hawkBit's interface has nothing at this path")
}

pub(super) fn not_asked(why: NotAsked) -> Response<Body> {
    match why {
        NotAsked::Path => nothing_here(),
        NotAsked::Method(allowed) => {
            let sentence = format!("this path takes {allowed}");
            let mut answer = refusal(StatusCode::METHOD_NOT_ALLOWED, OTHER, &sentence);
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
            Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, OTHER, &sentence))
        }
        Ok(Err(_)) => Err(unreadable("the body broke off")),
        Err(_) => Err(refusal(StatusCode::REQUEST_TIMEOUT, OTHER, "the body took too long")),
    }
}
