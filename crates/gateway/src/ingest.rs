//! From connections to the application and back: bounded queues, one per shard, batches, outcomes in order.
//!
//! A device's messages always take the same shard, so their order holds. A shard takes what is queued, waits for
//! nothing more, and hands it over as one batch; while that one becomes durable the next gathers.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use windlass_app::App;
use windlass_app::message::{Acknowledgement, Inbound, Outcome, Peer};
use windlass_app::tasks::Tasks;

use crate::metrics::Metrics;

/// Most messages in one batch.
const BATCH_MESSAGES: usize = 1_000;
/// Most payload bytes in one batch.
const BATCH_BYTES: usize = 1024 * 1024;
/// Deliveries (each what one read of one connection held) that may wait in one shard. Beyond it readers wait.
const QUEUE: usize = 256;
/// How many batches may be in commit at once.
const SHARDS: usize = 4;

/// Who gets the outcomes of a delivery, in order. Calls never block.
pub(crate) trait Answered: Send + Sync + fmt::Debug {
    /// As many outcomes as there were messages.
    fn answered(&self, outcomes: Vec<Outcome>);
}

/// Messages of one peer, in order.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// At least one.
    pub(crate) messages: Vec<Inbound>,
    /// None if nobody waits.
    pub(crate) to: Option<Arc<dyn Answered>>,
}

impl Delivery {
    fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.payload.len() + message.topic.len()).sum()
    }
}

/// The shards. Clones share them; the shards end when the last clone is gone and all is handed over.
#[derive(Debug, Clone)]
pub(crate) struct Ingest {
    shards: Arc<[mpsc::Sender<Delivery>]>,
    hasher: RandomState,
    metrics: Arc<Metrics>,
}

impl Ingest {
    /// Starts the shards on `tasks`.
    pub(crate) fn start(app: &App, metrics: &Arc<Metrics>, tasks: &Tasks) -> Self {
        let shards = (0..SHARDS)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(QUEUE);
                tasks.spawn(shard(app.clone(), Arc::clone(metrics), receiver));
                sender
            })
            .collect();
        Self { shards, hasher: RandomState::new(), metrics: Arc::clone(metrics) }
    }

    fn sender(&self, peer: &Peer) -> Option<&mpsc::Sender<Delivery>> {
        let key = match peer {
            Peer::Device(device) => self.hasher.hash_one(("device", device.device)),
            Peer::Claim(claim) => self.hasher.hash_one(("claim", claim.claim)),
            Peer::Application(_) => 0,
        };
        let count = u64::try_from(self.shards.len()).unwrap_or(1).max(1);
        usize::try_from(key % count).ok().and_then(|index| self.shards.get(index))
    }

    /// Queues a delivery if there is room, else gives it back.
    pub(crate) fn try_give(&self, peer: &Peer, delivery: Delivery) -> Result<(), Delivery> {
        let many = count(delivery.messages.len());
        self.metrics.ingest_queue.rise(many);
        let Some(sender) = self.sender(peer) else { return Err(delivery) };
        sender.try_send(delivery).map_err(|error| {
            self.metrics.ingest_queue.fall(many);
            error.into_inner()
        })
    }

    /// Queues a delivery when there is room. The future owns all it needs.
    pub(crate) fn give(
        &self,
        peer: &Peer,
        delivery: Delivery,
    ) -> impl Future<Output = ()> + Send + 'static + use<> {
        let sender = self.sender(peer).cloned();
        let metrics = Arc::clone(&self.metrics);
        let many = count(delivery.messages.len());
        async move {
            metrics.ingest_queue.rise(many);
            let lost = match sender {
                Some(sender) => sender.send(delivery).await.err().map(|error| error.0),
                None => Some(delivery),
            };
            if let Some(delivery) = lost {
                metrics.ingest_queue.fall(many);
                refuse(delivery, "the server is shutting down");
            }
        }
    }
}

fn count(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}

fn unavailable(why: &str) -> Outcome {
    Outcome { acknowledgement: Acknowledgement::Unavailable(why.to_owned()), replies: Vec::new() }
}

fn refuse(delivery: Delivery, why: &str) {
    let outcomes = delivery.messages.iter().map(|_| unavailable(why)).collect();
    if let Some(to) = delivery.to {
        to.answered(outcomes);
    }
}

async fn shard(app: App, metrics: Arc<Metrics>, mut queue: mpsc::Receiver<Delivery>) {
    while let Some(first) = queue.recv().await {
        let (mut messages, mut bytes) = (first.messages.len(), first.bytes());
        let mut deliveries = vec![first];
        while messages < BATCH_MESSAGES && bytes < BATCH_BYTES {
            let Ok(next) = queue.try_recv() else { break };
            messages += next.messages.len();
            bytes += next.bytes();
            deliveries.push(next);
        }
        hand_over(&app, &metrics, deliveries, messages).await;
    }
}

async fn hand_over(app: &App, metrics: &Metrics, deliveries: Vec<Delivery>, messages: usize) {
    let mut batch = Vec::with_capacity(messages);
    let mut waiting = Vec::with_capacity(deliveries.len());
    for Delivery { messages, to } in deliveries {
        waiting.push((messages.len(), to));
        batch.extend(messages);
    }
    metrics.ingest_batches.one();
    // One message that makes the application panic must not take the shard with it.
    let outcomes = AssertUnwindSafe(Box::pin(app.handle(batch))).catch_unwind().await.unwrap_or_default();
    metrics.ingest_queue.fall(count(messages));
    if outcomes.len() != messages {
        tracing::error!(
            messages = messages,
            outcomes = outcomes.len(),
            "a batch was not answered message by message; its connections are closed and it is sent again"
        );
    }
    let complete = outcomes.len() == messages;
    let mut outcomes = outcomes.into_iter();
    for (many, to) in waiting {
        let mut part: Vec<Outcome> =
            if complete { outcomes.by_ref().take(many).collect() } else { Vec::new() };
        part.resize_with(many, || unavailable("the server could not handle the message"));
        if let Some(to) = to {
            to.answered(part);
        }
    }
}
