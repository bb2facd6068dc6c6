//! MQTT over WebSocket (RFC 6455; section 6 of MQTT 5): the handshake, and frames as a plain byte stream.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Body, full, problem};
use windlass_app::refusals::Cause;

use crate::core::Core;
use crate::mqtt::welcome::{Arrival, Over, welcome};

/// Bytes that one frame may bring beyond the largest packet: frames need not end where packets end.
const FRAME_MARGIN: usize = 16 * 1024;

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|word| word.trim().eq_ignore_ascii_case(token))
}

/// Answers the handshake; the MQTT connection begins when the answer is out.
pub(crate) fn upgrade(
    core: &Arc<Core>,
    arrival: &Arc<Arrival>,
    request: Request<Incoming>,
) -> Response<Body> {
    let headers = request.headers();
    let key = match headers.get(header::SEC_WEBSOCKET_KEY) {
        Some(key)
            if request.method() == Method::GET
                && has_token(headers, &header::CONNECTION, "upgrade")
                && has_token(headers, &header::UPGRADE, "websocket")
                && headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13") =>
        {
            key.clone()
        }
        Some(_) | None => {
            let mut answer = problem(
                StatusCode::UPGRADE_REQUIRED,
                "websocket",
                "this path speaks MQTT over WebSocket, version 13",
            );
            answer.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            return answer;
        }
    };
    if !has_token(headers, &header::SEC_WEBSOCKET_PROTOCOL, "mqtt") {
        return problem(StatusCode::BAD_REQUEST, "websocket.protocol", "ask for the sub-protocol mqtt");
    }
    let (serving, arrival) = (Arc::clone(core), Arrival { over: Over::WebSocket, ..Arrival::clone(arrival) });
    core.tasks.spawn(async move { Box::pin(serve(serving, arrival, request)).await });
    let mut answer = Response::new(full(""));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("mqtt"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    answer
}

async fn serve(core: Arc<Core>, arrival: Arrival, request: Request<Incoming>) {
    let enter = async {
        let upgraded = hyper::upgrade::on(request).await.ok()?;
        let most = core.limits.packet + FRAME_MARGIN;
        let config = WebSocketConfig::default()
            .read_buffer_size(4 * 1024)
            .write_buffer_size(0)
            .max_write_buffer_size(2 * most)
            .max_message_size(Some(most))
            .max_frame_size(Some(most));
        let inner =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        welcome(&core, Frames { inner, input: Bytes::new() }, &arrival, Vec::new()).await
    };
    let stop = core.stop().clone();
    let entered = stop.run_until_cancelled(tokio::time::timeout(core.limits.handshake, enter)).await;
    match entered {
        Some(Ok(Some(connection))) => Box::new(connection).run().await,
        Some(Err(_)) => {
            core.metrics.refused.slow.one();
            let cause = Cause::TooSlow(core.limits.handshake.as_secs());
            core.refuse(arrival.refused(cause)).await;
        }
        Some(Ok(None)) | None => {}
    }
}

/// Binary messages as one stream of bytes.
struct Frames<S> {
    inner: WebSocketStream<S>,
    input: Bytes,
}

fn broken(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Frames<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if !self.input.is_empty() {
                let many = self.input.len().min(buffer.remaining());
                buffer.put_slice(self.input.get(..many).unwrap_or_default());
                self.input.advance(many);
                return Poll::Ready(Ok(()));
            }
            match ready!(Pin::new(&mut self.inner).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.input = bytes,
                // Section 6.0: what is not binary ends the connection.
                Some(Ok(Message::Text(_))) => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Frames<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.inner).poll_ready(cx)).map_err(broken)?;
        let message = Message::Binary(Bytes::copy_from_slice(bytes));
        Pin::new(&mut self.inner).start_send(message).map_err(broken)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx).map_err(broken)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx).map_err(broken)
    }
}
