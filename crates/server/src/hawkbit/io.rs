//! Bodies and paths of the Management API: members that are not known are ignored, one thing may stand for a list.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use windlass_api::problem::code;

use crate::rest::Rest;
use crate::rest::error::Refusal;
use crate::rest::io::read;

/// What handlers answer.
pub(crate) type Answer = Result<Response, Refusal>;

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

/// As [`Body`], where no body at all means the defaults.
#[derive(Debug)]
pub(crate) struct OptionalBody<T>(pub(crate) T);

/// A body that says something that cannot be taken in.
pub(crate) fn unreadable(detail: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code::NOT_JSON, "Not readable", detail)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(format!("The body cannot be read: {error}.")))
}

impl<T: DeserializeOwned> FromRequest<Rest> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, rest: &Rest) -> Result<Self, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim().to_lowercase();
        if essence != "application/json" && !essence.ends_with("+json") {
            const DETAIL: &str = "Send the body as Content-Type: application/json.";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Refusal::new(status, code::MEDIA_TYPE, "Not JSON", DETAIL));
        }
        let bytes = read(request.into_body(), rest.app.limits.rest_body).await?;
        parse(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned + Default> FromRequest<Rest> for OptionalBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, rest: &Rest) -> Result<Self, Refusal> {
        let bytes = read(request.into_body(), rest.app.limits.rest_body).await?;
        if bytes.is_empty() { Ok(Self(T::default())) } else { parse(&bytes).map(Self) }
    }
}

/// The placeholders of a path. What cannot be read names nothing: 404.
#[derive(Debug)]
pub(crate) struct At<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(placeholders)) => Ok(Self(placeholders)),
            Err(_) => Err(Refusal::not_found("entity", parts.uri.path())),
        }
    }
}

/// One thing or a list of things.
pub(crate) fn one_or_many<T: DeserializeOwned>(body: Value) -> Result<Vec<T>, Refusal> {
    let items = match body {
        Value::Array(items) => items,
        one => vec![one],
    };
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| {
            let told = |error| unreadable(format!("Entry {index} of the body cannot be read: {error}."));
            serde_json::from_value(item).map_err(told)
        })
        .collect()
}

/// 200 with a body.
pub(crate) fn ok(body: &impl Serialize) -> Answer {
    Ok(axum::Json(body).into_response())
}

/// 201 with a body.
pub(crate) fn created(body: &impl Serialize) -> Answer {
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}

/// 201 without a body.
pub(crate) fn made() -> Answer {
    Ok(StatusCode::CREATED.into_response())
}

/// 204.
pub(crate) fn done() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}
