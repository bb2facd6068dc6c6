//! HTTP on the device port: WebSocket for MQTT, the HTTPS twin of the device API, downloads.
//!
//! A peer is who its client certificate says, asked again for each request.

pub mod download;
pub mod links;
mod range;
pub(crate) mod twin;
pub(crate) mod twin_calls;
pub(crate) mod websocket;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use windlass_app::links::PATH;

use crate::core::Core;
use crate::ddi::{self, Around};
use crate::door::Ticket;
use crate::mqtt::welcome::Arrival;

/// A body that is sent.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// In the extensions of an answer: its asker proved who it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known;

/// Time for the head of a request, which is also how long an idle connection is kept.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// Header lines of a request.
const HEADERS: usize = 64;

/// A body that is all in memory.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// An answer in JSON.
pub(crate) fn json_answer(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut answer = Response::new(full(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A refusal: a code for programs, a sentence for people.
pub(crate) fn problem(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    json_answer(status, json!({ "code": code, "message": message }).to_string())
}

/// Serves one connection until either side ends it. Its place is its own once it has asked for something.
pub(crate) async fn serve<S>(core: Arc<Core>, io: S, arrival: Arrival, place: Arc<Ticket>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let arrival = Arc::new(arrival);
    let stop = core.stop().clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (core, arrival) = (Arc::clone(&core), Arc::clone(&arrival));
        place.settle();
        async move {
            let mut answer = route(&core, &arrival, request).await;
            // Strangers ask once: only those who proved who they are may stay.
            let stays = answer.extensions().get::<Known>().is_some();
            if !stays && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        // How a client ends is its own affair; what it asked for was answered and counted.
        ended = connection.as_mut() => drop(ended),
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            drop(connection.await);
        }
    }
}

async fn route(core: &Arc<Core>, arrival: &Arc<Arrival>, request: Request<Incoming>) -> Response<Body> {
    core.metrics.http_requests.one();
    let path = request.uri().path();
    if path == "/mqtt" {
        return websocket::upgrade(core, arrival, request);
    }
    if path.starts_with(PATH) {
        let (head, _) = request.into_parts();
        return core.files.answer(&head, arrival.address.ip()).await;
    }
    if twin::is_twin(path) {
        return twin_calls::answer(core, arrival, request).await;
    }
    if ddi::is_ddi(path) {
        return hawkbit(core, arrival, request).await;
    }
    problem(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path on the device port")
}

/// hawkBit's interface: a client certificate says who asks, of Windlass or of the tenant's own authorities, or what the
/// request shows.
async fn hawkbit(core: &Arc<Core>, arrival: &Arc<Arrival>, request: Request<Incoming>) -> Response<Body> {
    let foreign = match arrival.chain.is_empty() {
        true => false,
        false => match core.ddi.is_foreign(request.uri().path(), &arrival.chain).await {
            Ok(foreign) => foreign,
            Err(answer) => return answer,
        },
    };
    let chain = foreign.then(|| Arc::clone(&arrival.chain));
    let certificate = match arrival.chain.is_empty() || foreign {
        true => None,
        false => match twin_calls::device(core, arrival).await {
            Ok(device) => Some(device),
            Err(refusal) if refusal.status() == StatusCode::SERVICE_UNAVAILABLE => return *refusal,
            Err(_) => {
                let mut answer = Response::new(full(""));
                *answer.status_mut() = StatusCode::UNAUTHORIZED;
                return answer;
            }
        },
    };
    let (head, body) = request.into_parts();
    let base = match ddi::host(&head) {
        Some(host) => format!("https://{host}"),
        None => arrival.link_base.to_string(),
    };
    let around = Around { address: arrival.address, certificate, chain, relayed: false, base };
    core.ddi.answer(Request::from_parts(head, body), around).await
}
