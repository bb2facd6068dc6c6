//! The sender: takes what is due out of the outbox and has it carried out, each channel on its own, so that one that
//! hangs holds up no other. Each try is noted before it is made: after a crash at any point a notification is tried
//! again under the same id, never lost.

use std::time::Duration;

use windlass_domain::ids::ChannelId;
use windlass_domain::notify::{DeliveryState, next_try};
use windlass_store::StoreError;
use windlass_store::leases::lease_take;
use windlass_store::outbox;

use super::{lock, words};
use crate::app::App;
use crate::error::{AppError, chain};

/// How often it looks unless it is woken.
const PERIOD: Duration = Duration::from_secs(2);
/// A try that was begun and of which nothing more is known is made again after this; longer than any try takes.
const LOST: Duration = Duration::from_secs(90);
/// How long a channel is left alone after a failure.
const REST: Duration = Duration::from_secs(15);
/// How long another node waits for one that has gone.
const LEASE: Duration = Duration::from_secs(120);
/// Channels that are sent to at once.
const AT_ONCE: usize = 16;
/// Channels that are looked up at once.
const LOOK: u32 = 200;
/// Notifications that a channel gets before it is looked up again.
const TURN: u32 = 50;

/// How one channel's turn went.
enum Turn {
    /// Everything that was due is out.
    Empty,
    /// It was not taken.
    Refused,
    /// There may be more.
    More,
}

impl App {
    /// Channels that have something due and are neither being sent to nor left alone for a while.
    async fn channels_due(&self) -> Result<Vec<ChannelId>, AppError> {
        let now = self.clock.now();
        let due = self.store.read(move |tx| Box::pin(outbox::channels_due(tx, now, LOOK))).await?;
        let mut sending = lock(&self.alerts.sending);
        sending.resting.retain(|_, until| *until > now);
        Ok(due
            .into_iter()
            .filter(|id| !sending.busy.contains(id) && !sending.resting.contains_key(id))
            .collect())
    }

    /// Sends what is due to every channel, one after the other, and waits for the end. True if anything was due.
    ///
    /// # Errors
    /// When the store fails; what was begun by then is tried again.
    pub async fn outbox_activate(&self) -> Result<bool, AppError> {
        let due = self.channels_due().await?;
        for channel in &due {
            while let Turn::More = self.channel_turn(*channel).await? {}
        }
        Ok(!due.is_empty())
    }

    /// Sends to one channel what is due, in order, until it is not taken.
    async fn channel_turn(&self, id: ChannelId) -> Result<Turn, AppError> {
        for _ in 0..TURN {
            let now = self.clock.now();
            let begun = self
                .store
                .write(move |tx| {
                    Box::pin(async move {
                        let channel = outbox::channel_by_id(tx, id).await?;
                        let delivery = outbox::begin(tx, id, now.plus(LOST), now).await?;
                        Ok::<_, StoreError>(channel.zip(delivery))
                    })
                })
                .await?;
            let Some((channel, delivery)) = begun else { return Ok(Turn::Empty) };
            let outcome = if channel.spec.enabled {
                self.alerts.courier()?.carry(words::outgoing(&channel, &delivery, now)).await
            } else {
                Err(crate::outbound::NotTaken("the channel is switched off".to_owned()))
            };
            let now = self.clock.now();
            let (state, next, error) = match &outcome {
                Ok(()) => (DeliveryState::Delivered, now, None),
                Err(error) => match next_try(delivery.tries, delivery.created_at, now) {
                    Some(at) if channel.spec.enabled => (DeliveryState::Waiting, at, Some(error.to_string())),
                    Some(_) | None => (DeliveryState::Failed, now, Some(error.to_string())),
                },
            };
            self.store
                .write(move |tx| {
                    let error = error.clone();
                    Box::pin(async move {
                        outbox::finish(tx, delivery.id, state, next, error.as_deref(), now).await?;
                        let detail = error.as_deref().unwrap_or("taken");
                        outbox::channel_tried(tx, id, state, detail, now).await
                    })
                })
                .await?;
            if let Err(error) = outcome
                && channel.spec.enabled
            {
                tracing::warn!(
                    channel.name = %channel.name,
                    delivery.id = delivery.id.get(),
                    delivery.tries = delivery.tries,
                    error = %error,
                    "a notification was not taken{}",
                    if state == DeliveryState::Failed { " and is given up" } else { "; it is tried again" }
                );
                lock(&self.alerts.sending).resting.insert(id, now.plus(REST));
                return Ok(Turn::Refused);
            }
        }
        Ok(Turn::More)
    }

    /// Starts a task for every channel that has something due, as many as may run at once.
    async fn outbox_round(&self) -> Result<(), AppError> {
        let due = self.channels_due().await?;
        if due.is_empty() {
            return Ok(());
        }
        let (node, now) = (self.leases.owner().to_owned(), self.clock.now());
        let lease = self
            .store
            .write(move |tx| {
                let node = node.clone();
                Box::pin(async move { lease_take(tx, "outbox", &node, now, LEASE).await })
            })
            .await?;
        if lease.is_none() {
            return Ok(());
        }
        for channel in due {
            {
                let mut sending = lock(&self.alerts.sending);
                if sending.busy.len() >= AT_ONCE || !sending.busy.insert(channel) {
                    continue;
                }
            }
            let app = self.clone();
            self.tasks.spawn_until_stopped(async move {
                let turn = app.channel_turn(channel).await;
                lock(&app.alerts.sending).busy.remove(&channel);
                match turn {
                    Ok(Turn::Empty | Turn::Refused) => {}
                    Ok(Turn::More) => app.alerts.outbox_due.notify_one(),
                    Err(error) => {
                        tracing::error!(error = %chain(&error), "notifications could not be sent; they are in a moment");
                    }
                }
            });
        }
        Ok(())
    }

    /// Runs the sender until it is dropped: when woken, and every few seconds.
    pub(crate) async fn outbox_keeper(self) {
        loop {
            if let Err(error) = self.outbox_round().await {
                tracing::error!(error = %chain(&error), "the outbox could not be read; it is in a moment");
            }
            drop(tokio::time::timeout(PERIOD, self.alerts.outbox_due.notified()).await);
        }
    }
}
