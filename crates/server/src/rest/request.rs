//! Around every request: a request id, security headers, problems written out, failures logged once.

use std::any::Any;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use tracing::Instrument;
use windlass_api::problem::{CONTENT_TYPE, REQUEST_ID};
use windlass_app::clock::random;

use super::Rest;
use super::browser::is_browser;
use super::error::Refusal;

const SECURITY: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::CACHE_CONTROL, "no-store"),
];

/// The outermost layer.
pub(crate) async fn around(State(rest): State<Rest>, request: Request, next: Next) -> Response {
    let id = hex::encode(random::<8>(rest.app.entropy.as_ref()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let browser = is_browser(request.headers());
    let span = tracing::info_span!("request", request.id = %id);
    let mut response = next.run(request).instrument(span).await;
    if let Some(mut refusal) = response.extensions_mut().remove::<Refusal>() {
        if let Some(chain) = &refusal.operator {
            tracing::error!(request.id = %id, http.method = %method, http.path = %path, error = %chain, "a request failed");
        } else {
            tracing::debug!(
                request.id = %id, http.method = %method, http.path = %path, http.status = refusal.problem.status,
                problem.code = %refusal.problem.code, "a request was refused"
            );
        }
        refusal.problem.request_id.clone_from(&id);
        write(&mut response, &refusal, browser);
    }
    rest.requests.count(response.status());
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

fn write(response: &mut Response, refusal: &Refusal, browser: bool) {
    let status = refusal.status();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    if status == StatusCode::UNAUTHORIZED {
        headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        if !browser {
            let basic = HeaderValue::from_static("Basic realm=\"windlass\", charset=\"UTF-8\"");
            headers.append(header::WWW_AUTHENTICATE, basic);
        }
    }
    if let Some(seconds) = refusal.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    *response.body_mut() = Body::from(serde_json::to_vec(&refusal.problem).unwrap_or_default());
}

/// What a panic in a handler is answered with.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    let mut refusal = Refusal::internal(&std::io::Error::other(format!("a handler panicked: {text}")));
    refusal.problem.detail = "The server failed. Give the operator the request id.".to_owned();
    refusal.into_response()
}
