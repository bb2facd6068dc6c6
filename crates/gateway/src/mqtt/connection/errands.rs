//! Calls to the application while a connection goes on: saving its session, reading what waits for its device.
//!
//! One at a time; the answer goes back into the session. Knows neither the stream nor what is published.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use windlass_app::AppError;
use windlass_app::deliver::Sent;
use windlass_app::message::{Outbound, Peer};

use super::Connection;
use crate::core::{chain, printable};
use crate::mqtt::session::Output;
use crate::mqtt::welcome::saved;

/// What a call to the application brought.
pub(super) enum Errand {
    Saved(Result<(), AppError>),
    Read(Sent, Result<Vec<Outbound>, AppError>),
}

impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    pub(super) fn poll_errand(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        if let Some(errand) = &mut self.errand {
            let Poll::Ready(done) = errand.as_mut().poll(cx) else { return false };
            self.errand = None;
            moved = true;
            let mut out = Output::default();
            match done {
                Errand::Saved(Ok(())) => self.parts.session.saved(&mut out),
                Errand::Saved(Err(error)) => {
                    tracing::warn!(
                        mqtt.client_id = %printable(&self.parts.client_id),
                        error = %chain(&error),
                        "a session could not be saved, so its connection is closed"
                    );
                    self.parts.session.save_failed(&mut out);
                }
                Errand::Read(sent, Ok(messages)) => {
                    self.sent = Some(sent);
                    self.parts.session.pending(messages, &mut out);
                }
                Errand::Read(sent, Err(error)) => {
                    self.sent = Some(sent);
                    tracing::warn!(
                        mqtt.client_id = %printable(&self.parts.client_id),
                        error = %chain(&error),
                        "pending messages could not be read; they are read again at the next change"
                    );
                }
            }
            self.carry_out(out);
        }
        if self.ending.is_some() {
            return moved;
        }
        let Peer::Device(device) = &self.parts.peer else { return moved };
        if let Some(kept) = self.parts.session.take_save() {
            let record = saved(kept, self.parts.will.as_ref(), self.parts.session_expiry);
            let (core, device) = (Arc::clone(&self.core), Arc::clone(device));
            let client_id = Arc::clone(&self.parts.client_id);
            let mut errand: BoxFuture<'static, Errand> =
                Box::pin(
                    async move { Errand::Saved(core.app.session_save(&device, &client_id, &record).await) },
                );
            // Asked at once, so that it is in the writer's queue before the publishes that come after it.
            self.errand = Some(match errand.as_mut().poll(cx) {
                Poll::Ready(done) => Box::pin(async { done }),
                Poll::Pending => errand,
            });
            moved = true;
        } else if self.parts.session.take_look() {
            let (core, device) = (Arc::clone(&self.core), Arc::clone(device));
            let filters = self.parts.session.filters();
            let mut sent = self.sent.take().unwrap_or_default();
            self.errand = Some(Box::pin(async move {
                let read = core.app.pending_messages(&device, &filters, &mut sent).await;
                Errand::Read(sent, read)
            }));
            moved = true;
        }
        moved
    }
}
