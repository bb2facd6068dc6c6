//! The task of one connection: moves bytes between the stream and the session, publishes to ingest, outcomes back.
//!
//! One poll function; no channel, no timer, no read buffer of its own: only the tail of an incomplete packet is kept.
//! Knows neither the protocol, which is the session's, nor what a message means.

use std::future::poll_fn;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use windlass_app::deliver::Sent;
use windlass_app::hub::CloseReason;
use windlass_app::message::{Inbound, Outbound, Peer, TopicRefusal};

use crate::core::Core;
use crate::ingest::{Answered, Delivery};
use crate::mqtt::engine;
use crate::mqtt::link::{ConnectionLink, Notes, Stop};
use crate::mqtt::packet::Will;
use crate::mqtt::session::{Ending, Gate, Output, Session, Taken, Tally};
use crate::mqtt::welcome::Registered;
use crate::rate::{Pace, Sender};

mod bytes;
mod errands;
mod leaving;
mod unwanted;

use errands::Errand;
pub(crate) use leaving::end;
use leaving::finish;

/// Rounds before others get their turn.
const ROUNDS: usize = 8;
/// How long a client that is sent away may take to read why.
const PARTING: Duration = Duration::from_secs(5);

/// A peer's rights, for its session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerGate<'a> {
    pub(crate) core: &'a Core,
    pub(crate) peer: &'a Peer,
    pub(crate) client_id: &'a str,
}

impl Gate for PeerGate<'_> {
    fn may_publish(&self, topic: &str) -> Result<(), TopicRefusal> {
        self.core.app.authorise_publish(self.peer, self.client_id, topic)
    }

    fn may_subscribe(&self, filter: &str) -> bool {
        self.core.app.authorise_filter(self.peer, filter)
    }

    fn too_many(&self, topic: &str, payload: &[u8]) -> Option<Outbound> {
        self.core.app.shadow_busy(topic, payload)
    }
}

/// What CONNECT made.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) peer: Peer,
    pub(crate) client_id: Arc<str>,
    pub(crate) address: SocketAddr,
    /// What people call it.
    pub(crate) protocol: &'static str,
    pub(crate) session: Session,
    /// Seconds that the session outlives the connection.
    pub(crate) session_expiry: u32,
    pub(crate) will: Option<Will>,
    pub(crate) link: Arc<ConnectionLink>,
    pub(crate) link_id: u64,
    pub(crate) registered: Registered,
}

/// See the module.
pub(crate) struct Connection<S> {
    core: Arc<Core>,
    io: S,
    parts: Parts,
    /// Bytes that were read and not taken yet.
    input: Vec<u8>,
    /// Whether `input` may hold a whole packet.
    backlog: bool,
    output: Vec<u8>,
    written: usize,
    flushed: bool,
    /// Waits for room in ingest.
    stall: Option<BoxFuture<'static, ()>>,
    /// A call to the application, one at a time.
    errand: Option<BoxFuture<'static, Errand>>,
    sent: Option<Sent>,
    slowed: bool,
    draining: bool,
    refusal_noted: Option<u64>,
    ending: Option<Ending>,
}

impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    /// Begins with what came behind CONNECT and with CONNACK to be written.
    pub(crate) fn new(core: Arc<Core>, io: S, parts: Parts, input: Vec<u8>, output: Vec<u8>) -> Self {
        core.metrics.connections.rise(1);
        Self {
            core,
            io,
            parts,
            backlog: !input.is_empty(),
            input,
            output,
            written: 0,
            flushed: false,
            stall: None,
            errand: None,
            sent: Some(Sent::default()),
            slowed: false,
            draining: false,
            refusal_noted: None,
            ending: None,
        }
    }

    /// Serves until either side ends it, then leaves everything in order.
    pub(crate) async fn run(mut self: Box<Self>) {
        let ending = poll_fn(|cx| self.poll(cx)).await;
        let Self { core, mut io, parts, .. } = *self;
        Box::pin(async move {
            core.metrics.connections.fall(1);
            core.links.remove(parts.link_id);
            finish(&core, parts, ending).await;
            // What the peer makes of the end of the stream does not matter any more.
            drop(tokio::time::timeout(PARTING, io.shutdown()).await);
        })
        .await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        for _ in 0..ROUNDS {
            let mut moved = self.take_notes(cx);
            moved |= self.poll_errand(cx);
            moved |= self.poll_stall(cx);
            moved |= self.take_backlog();
            self.part_if_drained();
            match self.poll_write(cx) {
                Poll::Ready(Ok(wrote)) => {
                    moved |= wrote;
                    if let Some(ending) = self.ending {
                        return Poll::Ready(ending);
                    }
                }
                Poll::Ready(Err(_)) => return Poll::Ready(self.ending.unwrap_or(Ending::Lost)),
                Poll::Pending => {}
            }
            moved |= self.poll_read(cx);
            if !moved {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn take_notes(&mut self, cx: &Context<'_>) -> bool {
        let Notes { outcomes, live, woken, renewed, stop } =
            self.parts.link.take(cx.waker(), self.output.is_empty());
        let moved = !outcomes.is_empty() || !live.is_empty() || woken || renewed || stop.is_some();
        let mut out = Output::default();
        for outcome in outcomes {
            self.parts.session.outcome(outcome, &mut out);
        }
        for message in live {
            self.parts.session.live(&message, &mut out);
            if let Some(sent) = &mut self.sent {
                sent.note(&message);
            }
        }
        if renewed {
            self.renew_peer();
        }
        if woken {
            self.parts.session.wake();
        }
        match stop {
            None => {}
            Some(Stop::Server(CloseReason::ShuttingDown)) => self.draining = true,
            Some(Stop::Server(reason)) => self.parts.session.close(reason, &mut out),
            Some(Stop::Stalled) => {
                self.output.clear();
                self.written = 0;
                self.flushed = true;
                self.ending.get_or_insert(Ending::Stalled);
            }
        }
        self.carry_out(out);
        moved
    }

    // What changed of the device or its type holds from the next packet on.
    fn renew_peer(&mut self) {
        let Parts { peer, client_id, session, .. } = &mut self.parts;
        let Peer::Device(device) = &*peer else { return };
        let Some(fresh) = self.core.app.peer_now(device) else { return };
        *peer = Peer::Device(Arc::new(fresh));
        session.recheck(&PeerGate { core: &self.core, peer, client_id });
        session.wake();
    }

    // What was taken in is made durable and acknowledged before the server says goodbye.
    fn part_if_drained(&mut self) {
        if self.draining
            && self.ending.is_none()
            && self.stall.is_none()
            && self.errand.is_none()
            && self.parts.session.outstanding() == 0
        {
            let mut out = Output::default();
            self.parts.session.close(CloseReason::ShuttingDown, &mut out);
            self.carry_out(out);
        }
    }

    fn poll_stall(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(stall) = &mut self.stall
            && stall.as_mut().poll(cx).is_ready()
        {
            self.stall = None;
            return true;
        }
        false
    }

    fn may_take(&self) -> bool {
        self.ending.is_none()
            && !self.draining
            && self.stall.is_none()
            && !self.slowed
            && self.output.is_empty()
            && self.parts.session.wants_input()
    }

    fn take_backlog(&mut self) -> bool {
        if self.slowed {
            self.pace(0);
        }
        if !self.backlog || !self.may_take() {
            return false;
        }
        let input = mem::take(&mut self.input);
        self.take_packets(&input);
        true
    }

    // Takes as many whole packets as the session wants, keeps the rest.
    fn take_packets(&mut self, bytes: &[u8]) {
        let mut out = Output::default();
        let mut rest = bytes;
        self.backlog = false;
        loop {
            if !self.parts.session.wants_input() {
                self.backlog = !rest.is_empty();
                break;
            }
            match engine::frame(rest, self.core.limits.packet) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    rest = rest.get(frame.length..).unwrap_or_default();
                    match engine::decode(frame, Some(self.parts.session.version())) {
                        Ok(packet) => {
                            let gate = PeerGate {
                                core: &self.core,
                                peer: &self.parts.peer,
                                client_id: &self.parts.client_id,
                            };
                            self.parts.session.packet(packet, &gate, &mut out);
                        }
                        Err(fault) => self.parts.session.fault(fault, &mut out),
                    }
                }
                Err(fault) => {
                    self.parts.session.fault(fault, &mut out);
                    break;
                }
            }
        }
        self.input = rest.to_vec();
        self.carry_out(out);
    }

    fn carry_out(&mut self, out: Output) {
        let Output { bytes, taken, refused, refused_filters, ending, session_expiry, tally } = out;
        if let Some(seconds) = session_expiry {
            let most = u32::try_from(self.core.limits.session_expiry.as_secs()).unwrap_or(u32::MAX);
            self.parts.session_expiry = seconds.min(most);
        }
        if !bytes.is_empty() {
            self.flushed = false;
            if self.output.is_empty() {
                self.output = bytes;
            } else {
                self.output.extend(bytes);
            }
        }
        if self.ending.is_none() {
            self.ending = ending;
        }
        self.count(tally);
        if !taken.is_empty() || !refused.is_empty() {
            self.pace(taken.len() + refused.len());
        }
        if !refused.is_empty() {
            self.note_unwanted(refused);
        }
        for (filter, code) in refused_filters {
            self.note_filter(filter, code);
        }
        if !taken.is_empty() {
            self.give(taken);
        }
    }

    fn pace(&mut self, messages: usize) {
        let sender = match &self.parts.peer {
            Peer::Device(device) => Sender::Device(device.device),
            // Many devices of a line share a claim, so each of its connections has a bucket of its own.
            Peer::Claim(_) | Peer::Application(_) => Sender::Connection(self.parts.link_id),
        };
        let pace = self.core.rates.take(sender, messages, self.core.now());
        let slow = pace != Pace::Free;
        if slow && !self.slowed {
            self.core.metrics.throttled.one();
        }
        self.slowed = slow;
        self.parts.link.set_slowed(slow);
        if pace == Pace::TooFast && self.ending.is_none() {
            let mut out = Output::default();
            self.parts.session.too_fast(&mut out);
            self.carry_out(out);
        }
    }

    fn give(&mut self, taken: Vec<Taken>) {
        let received_at = self.core.app.clock.now();
        let largest_reply = self.parts.session.largest_out();
        let messages = taken
            .into_iter()
            .map(|Taken { topic, payload, qos2_id }| Inbound {
                peer: self.parts.peer.clone(),
                client_id: Arc::clone(&self.parts.client_id),
                topic,
                payload,
                received_at,
                qos2_id,
                largest_reply,
            })
            .collect();
        let to: Arc<dyn Answered> = Arc::<ConnectionLink>::clone(&self.parts.link);
        let delivery = Delivery { messages, to: Some(to) };
        match self.core.ingest.try_give(&self.parts.peer, delivery) {
            Ok(()) => {}
            // Packets are only taken while nothing stalls, so none is overtaken here.
            Err(delivery) => self.stall = Some(Box::pin(self.core.ingest.give(&self.parts.peer, delivery))),
        }
    }

    fn count(&self, tally: Tally) {
        if tally == Tally::default() {
            return;
        }
        let Tally { messages_in, messages_out, acknowledged, refused, rejected, unavailable, dropped } =
            tally;
        let metrics = &self.core.metrics;
        for (counter, many) in metrics.messages_in.iter().zip(messages_in) {
            counter.add(many.into());
        }
        for (counter, many) in metrics.messages_out.iter().zip(messages_out) {
            counter.add(many.into());
        }
        metrics.acknowledged.add(acknowledged.into());
        metrics.refused_topics.add(refused.into());
        metrics.rejected_payloads.add(rejected.into());
        metrics.unavailable.add(unavailable.into());
        metrics.dropped.add(dropped.into());
    }
}
