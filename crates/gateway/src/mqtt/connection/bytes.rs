//! The bytes of a connection: out until all are flushed, in through one scratch buffer per thread.
//!
//! Knows nothing of packets beyond that they begin where the last whole one ended.

use std::cell::RefCell;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Connection;
use crate::mqtt::session::Ending;

/// Bytes read at once.
const SCRATCH: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    /// Ready when everything is written and flushed; true if anything was.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<bool>> {
        if self.flushed {
            return Poll::Ready(Ok(false));
        }
        let result = self.poll_write_all(cx);
        self.parts.link.set_stalled(result.is_pending(), self.core.now());
        if result.is_ready() {
            self.output = Vec::new();
            self.written = 0;
            self.flushed = true;
        }
        result
    }

    fn poll_write_all(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<bool>> {
        while let Some(rest) = self.output.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest)) {
                Ok(0) => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                Ok(wrote) => {
                    self.written += wrote;
                    self.core.metrics.bytes_out.add(u64::try_from(wrote).unwrap_or(0));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Pin::new(&mut self.io).poll_flush(cx).map_ok(|()| true)
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.may_take() || self.backlog {
            self.parts.link.set_listening(false, self.core.now());
            return false;
        }
        BUFFER.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            match Pin::new(&mut self.io).poll_read(cx, &mut buffer) {
                Poll::Pending => {
                    self.parts.link.set_listening(true, self.core.now());
                    false
                }
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    let filled = buffer.filled();
                    self.parts.link.hear(self.core.now());
                    self.core.metrics.bytes_in.add(u64::try_from(filled.len()).unwrap_or(0));
                    if self.input.is_empty() {
                        self.take_packets(filled);
                    } else {
                        let mut input = mem::take(&mut self.input);
                        input.extend_from_slice(filled);
                        self.take_packets(&input);
                    }
                    true
                }
                Poll::Ready(Ok(()) | Err(_)) => {
                    self.ending.get_or_insert(Ending::Lost);
                    true
                }
            }
        })
    }
}
