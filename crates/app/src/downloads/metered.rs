//! The bytes of one download on their way: counted, held back where there is a rate, and ended once whoever gets them may not
//! have them any more.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep};
use windlass_domain::ids::ExecutionId;
use windlass_store::StoreError;

use super::running::Watched;
use super::{Account, Place, SLICE, SLICES, Whose};
use crate::App;
use crate::links::may_go_on;

/// A download that nobody says anything of is looked at again after this long, should a change have been missed.
const LOOKED: Duration = Duration::from_secs(30);
/// And once so soon after it began: what it was granted by may have been remembered for a second.
const FIRST: Duration = Duration::from_secs(2);

/// Bytes on their way to whoever downloads: counted, held back where there is a rate, and ended by an error once the
/// execution is over or to stop, or its device is out of service.
pub struct Metered<R> {
    inner: R,
    app: App,
    account: Account,
    place: Place,
    offset: u64,
    pause: Option<Pin<Box<Sleep>>>,
    /// Its place among those that go on, where it is of an execution.
    watched: Option<(ExecutionId, Watched)>,
    look_at: Instant,
    look: Option<BoxFuture<'static, bool>>,
}

impl<R> std::fmt::Debug for Metered<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metered")
            .field("account", &self.account)
            .field("place", &self.place)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

impl<R> Metered<R> {
    /// Reads from `inner`, whose first byte is at `offset` of the file. What others booked of the same rate goes first, also
    /// before the first byte: whoever asks for one small range after the other gets no more than whoever asks for all.
    pub(crate) fn new(inner: R, app: App, account: Account, place: Place, offset: u64) -> Self {
        let debt = account.pace.as_ref().map(|pace| app.downloads.debt(pace));
        let pause = debt.filter(|debt| !debt.is_zero()).map(|debt| Box::pin(tokio::time::sleep(debt)));
        let watched = match account.whose {
            Whose::Execution { id, device } => Some((id, app.downloads.running.enter(id, device))),
            Whose::Linked | Whose::Nobody => None,
        };
        Self {
            inner,
            app,
            account,
            place,
            offset,
            pause,
            watched,
            look_at: Instant::now() + FIRST,
            look: None,
        }
    }

    /// Whether the next bytes may go. Asks the store only where something happened to the execution or its device, or
    /// nothing for long.
    fn poll_allowed(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some((execution, watched)) = &self.watched else { return Poll::Ready(true) };
        watched.wakes(cx.waker());
        if watched.is_ended() {
            return Poll::Ready(false);
        }
        if self.look.is_none() && (watched.take_doubt() || self.look_at <= Instant::now()) {
            self.look_at = Instant::now() + LOOKED;
            let (app, execution) = (self.app.clone(), *execution);
            self.look = Some(Box::pin(async move {
                let asked =
                    app.store.read::<_, StoreError, _>(move |tx| Box::pin(may_go_on(tx, execution))).await;
                asked.unwrap_or_else(|error| {
                    // The next range is judged as well, and refused while the store cannot be read.
                    tracing::warn!(%error, "it could not be read whether a download may go on; it does for now");
                    true
                })
            }));
        }
        let Some(look) = &mut self.look else { return Poll::Ready(true) };
        let allowed = ready!(look.as_mut().poll(cx));
        self.look = None;
        if !allowed {
            watched.end();
        }
        Poll::Ready(allowed)
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Metered<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = &mut *self;
        if !ready!(this.poll_allowed(cx)) {
            let text = "the download is not allowed any more";
            return Poll::Ready(Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, text)));
        }
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        let most = match &this.account.pace {
            None => buf.remaining(),
            Some(pace) => {
                let slice = (pace.rate / SLICES).clamp(*SLICE.start(), *SLICE.end());
                buf.remaining().min(usize::try_from(slice).unwrap_or(usize::MAX))
            }
        };
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buf.advance(read);
        let bytes = u64::try_from(read).unwrap_or(u64::MAX);
        if bytes > 0 {
            this.app.downloads.count(&this.account, this.offset, bytes);
            this.offset = this.offset.saturating_add(bytes);
            if let Some(pace) = &this.account.pace {
                let wait = this.app.downloads.book(pace, bytes);
                this.pause = Some(Box::pin(tokio::time::sleep(wait)));
            }
        }
        Poll::Ready(Ok(()))
    }
}
