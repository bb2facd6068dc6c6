//! A piece of work on its way through a transaction: run, keep or undo, answer.
//!
//! Work runs where the store writes, never in the caller's future: a caller that goes away cancels nothing.

use std::any::Any;
use std::cell::Cell;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::changes;
use crate::error::{StoreError, StoreErrorKind, Trouble};
use crate::tx::{Engine, Tx};

tokio::task_local! {
    /// The worst that a database error said about the transaction of the work that runs now. Noted where every
    /// database error passes, so that work which swallows an error cannot hide that the transaction is gone.
    static TROUBLE: Cell<Trouble>;
}

/// Remembers trouble for the work that runs now, if one does.
pub(crate) fn note(trouble: Trouble) {
    let noted = TROUBLE.try_with(|worst| match (worst.get(), trouble) {
        (_, Trouble::None) | (Trouble::Fatal(_), _) => {}
        (_, Trouble::Again | Trouble::Fatal(_)) => worst.set(trouble),
    });
    if noted.is_err() {
        tracing::trace!("a database error outside of a write");
    }
}

/// What is to become of what a piece of work wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Commit it.
    Keep,
    /// Roll it back; its neighbours stay.
    Undo,
    /// The engine wants the transaction run again.
    Again,
    /// The transaction cannot be trusted any more.
    Stop(StoreErrorKind),
}

/// A piece of work that waits for its transaction.
pub(crate) trait Request: Send {
    /// Runs the work once. May be called again after its transaction was rolled back.
    fn attempt<'t>(&'t mut self, tx: &'t mut Tx<'_>) -> BoxFuture<'t, Verdict>;
    /// Hands the outcome of the last attempt to the caller.
    fn answer(self: Box<Self>);
    /// Tells the caller that nothing was stored.
    fn fail(self: Box<Self>, error: StoreError);
}

/// The shape of work: re-runnable, awaiting nothing but the transaction.
pub(crate) struct Work<T, E, F> {
    work: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

/// Packs work and gives the place where its answer arrives.
pub(crate) fn pack<T, E, F>(work: F) -> (Box<dyn Request>, oneshot::Receiver<Result<T, E>>)
where
    F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Work { work, outcome: None, reply }), answer)
}

impl<T, E, F> Request for Work<T, E, F>
where
    F: for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    fn attempt<'t>(&'t mut self, tx: &'t mut Tx<'_>) -> BoxFuture<'t, Verdict> {
        let Self { work, outcome, .. } = self;
        TROUBLE
            .scope(Cell::new(Trouble::None), async move {
                // The closure itself may panic too, so it is called inside the guarded future.
                let ran = AssertUnwindSafe(async {
                    let done = work(tx).await?;
                    if let Engine::Postgres(_) = tx.engine {
                        // Each commits by itself there; the embedded store writes the changes of all that it commits at once.
                        changes::write(tx).await?;
                    }
                    Ok(done)
                })
                .catch_unwind()
                .await;
                let result = ran.unwrap_or_else(|panic| Err(panicked(&*panic).into()));
                let verdict = match TROUBLE.try_with(Cell::get).unwrap_or_default() {
                    Trouble::Fatal(kind) => Verdict::Stop(kind),
                    Trouble::Again => Verdict::Again,
                    Trouble::None if result.is_ok() => Verdict::Keep,
                    Trouble::None => Verdict::Undo,
                };
                *outcome = Some(result);
                verdict
            })
            .boxed()
    }

    fn answer(self: Box<Self>) {
        let Self { outcome, reply, .. } = *self;
        let result = outcome.unwrap_or_else(|| {
            Err(StoreError::new(StoreErrorKind::Defect, "work was answered before it ran").into())
        });
        if reply.send(result).is_err() {
            tracing::trace!("the caller of a write went away before the answer");
        }
    }

    fn fail(self: Box<Self>, error: StoreError) {
        if self.reply.send(Err(error.into())).is_err() {
            tracing::trace!("the caller of a write went away before the answer");
        }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> StoreError {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!(panic.message = said, "work in a transaction panicked; it was rolled back");
    StoreError::new(StoreErrorKind::Defect, "the work in the transaction panicked")
}
