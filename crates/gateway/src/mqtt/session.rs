//! One MQTT session after its CONNECT: packets, outcomes and messages in; bytes, publishes and wishes out.
//!
//! **Invariant:** no I/O, no clock, no task. A message is acknowledged only by [`Session::outcome`], and always in
//! the order of the PUBLISHes; refusals wait their turn in the same line.

use std::collections::VecDeque;
use std::mem;

use bytes::Bytes;
use windlass_app::hub::CloseReason;
use windlass_app::message::{Acknowledgement, Outbound, Outcome, TopicRefusal};
use windlass_domain::limits::Limits;

use super::engine::Writer;
use super::packet::{Fault, Packet, Publish, Qos, Subscribe, Version, reason};
use super::subscriptions::{Subscriptions, TopicProblem, check_filter, check_topic};

/// Messages to a client that wait for it to acknowledge others. Live ones beyond are dropped.
const MOST_WAITING: usize = 64;

/// MQTT 3.1.1 cannot announce how many QoS 2 publishes may be open; this many times the limit for others may.
const OPEN_FACTOR: usize = 8;

/// What a peer may do, asked for each packet.
pub(crate) trait Gate {
    /// Whether it may publish to `topic`.
    fn may_publish(&self, topic: &str) -> Result<(), TopicRefusal>;
    /// Whether it may receive everything that `filter` matches.
    fn may_subscribe(&self, filter: &str) -> bool;
    /// The answer to a shadow request that is one too many.
    fn too_many(&self, topic: &str, payload: &[u8]) -> Option<Outbound>;
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client said goodbye; its will is dropped.
    Goodbye,
    /// The client said goodbye and wants its will published.
    GoodbyeWithWill,
    /// The client broke off or cannot be reached.
    Lost,
    /// The client sent what it may not.
    Fault(&'static str),
    /// A 3.1.1 client published where it may not; it cannot be told otherwise.
    Refused,
    /// A message could not be stored.
    Unavailable,
    /// Too many messages for too long.
    Rate,
    /// The client did not read for too long.
    Stalled,
    /// The server ends it.
    Server(CloseReason),
}

impl Ending {
    /// Whether the will is to be published (sections 3.1.2.5 and 3.14.2.1 of MQTT 5).
    pub(crate) const fn fires_will(self) -> bool {
        !matches!(self, Self::Goodbye | Self::Server(CloseReason::ShuttingDown))
    }
}

/// A publish that is to be made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// For QoS 2 in a session that outlives the connection.
    pub(crate) qos2_id: Option<u16>,
}

/// A publish to a topic that the peer may not use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unwanted {
    pub(crate) topic: String,
    /// None if no peer could use it.
    pub(crate) refusal: Option<TopicRefusal>,
    /// Of the payload.
    pub(crate) bytes: usize,
}

/// What came of an input.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    /// To the client.
    pub(crate) bytes: Vec<u8>,
    /// To be made durable, in this order; each is answered by one [`Session::outcome`].
    pub(crate) taken: Vec<Taken>,
    /// Publishes to topics that the peer may not use, to be noted.
    pub(crate) refused: Vec<Unwanted>,
    /// Filters that it may not subscribe to, with the code it was told.
    pub(crate) refused_filters: Vec<(String, u8)>,
    /// The connection ends when `bytes` are written.
    pub(crate) ending: Option<Ending>,
    /// Seconds that the session is to outlive the connection, if the client changed its mind.
    pub(crate) session_expiry: Option<u32>,
    /// What happened, for the counters.
    pub(crate) tally: Tally,
}

/// What happened, counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) messages_in: [u32; 3],
    pub(crate) messages_out: [u32; 2],
    pub(crate) acknowledged: u32,
    pub(crate) refused: u32,
    pub(crate) rejected: u32,
    pub(crate) unavailable: u32,
    pub(crate) dropped: u32,
}

/// What a session that outlives its connection keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Kept {
    pub(crate) subscriptions: Vec<(String, u8)>,
    pub(crate) qos2_open: Vec<u16>,
}

/// How a publish stands that the client waits for an answer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Not durable yet.
    Waiting,
    /// To be answered with this code.
    Answer(u8),
    /// To be answered by ending the connection.
    End,
}

#[derive(Debug, Clone, Copy)]
struct Owed {
    qos: Qos,
    packet_id: u16,
    standing: Standing,
    /// A request about a shadow, of which only so many may wait.
    shadow: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    writer: Writer,
    limits: std::sync::Arc<Limits>,
    persistent: bool,
    subscriptions: Subscriptions,
    /// Publishes that are not answered yet, oldest first.
    owed: VecDeque<Owed>,
    /// QoS 2 publishes that were answered with PUBREC on this connection and not released yet.
    open: Vec<u16>,
    /// The same, from earlier connections.
    open_before: Vec<u16>,
    window: usize,
    largest_out: usize,
    unacknowledged: Vec<u16>,
    last_id: u16,
    waiting: VecDeque<Outbound>,
    /// Answers that must wait until the session is saved.
    held: Vec<u8>,
    /// Answers that wait for the save under way.
    saving: Option<Vec<u8>>,
    look: bool,
    ended: bool,
}

/// What a session starts with.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) version: Version,
    pub(crate) limits: std::sync::Arc<Limits>,
    /// Outlives the connection.
    pub(crate) persistent: bool,
    pub(crate) window: u16,
    pub(crate) largest_out: usize,
    /// From an earlier connection.
    pub(crate) kept: Kept,
}

impl Session {
    /// Begins after CONNACK.
    pub(crate) fn new(start: Start) -> Self {
        let Start { version, limits, persistent, window, largest_out, kept } = start;
        let subscriptions = Subscriptions::restore(&kept.subscriptions);
        Self {
            writer: Writer::new(version),
            limits,
            persistent,
            look: !subscriptions.is_empty(),
            subscriptions,
            owed: VecDeque::new(),
            open: Vec::new(),
            open_before: kept.qos2_open,
            window: usize::from(window.max(1)),
            largest_out,
            unacknowledged: Vec::new(),
            last_id: 0,
            waiting: VecDeque::new(),
            held: Vec::new(),
            saving: None,
            ended: false,
        }
    }

    /// The version that is spoken.
    pub(crate) const fn version(&self) -> Version {
        self.writer.version()
    }

    /// Drops restored subscriptions that are not allowed any more.
    pub(crate) fn recheck(&mut self, gate: &impl Gate) {
        self.subscriptions.retain(|filter| gate.may_subscribe(filter));
    }

    /// Whether the next packet may be taken. If not, stop reading: outcomes or a save must come first.
    pub(crate) fn wants_input(&self) -> bool {
        let most = usize::from(self.limits.in_flight);
        let blocked_save = !self.held.is_empty() && self.saving.is_none() && !self.may_save();
        let full = match self.version() {
            Version::V3 => self.owed.len() >= most,
            // Those with a packet id are bounded by Receive Maximum, and beyond that is an error to be told.
            Version::V5 => self.owed.iter().filter(|owed| owed.qos == Qos::Zero).count() >= most,
        };
        !self.ended && !blocked_save && !full
    }

    /// How many outcomes are still to come.
    pub(crate) fn outstanding(&self) -> usize {
        self.owed.iter().filter(|owed| owed.standing == Standing::Waiting).count()
    }

    /// Something may be pending in the device's state.
    pub(crate) const fn wake(&mut self) {
        self.look = true;
    }

    /// Whether the state should be read for pending messages, which [`Session::pending`] then takes.
    /// Asking takes the wish away.
    pub(crate) fn take_look(&mut self) -> bool {
        if !self.look || self.ended || self.saving.is_some() || !self.held.is_empty() {
            return false;
        }
        if self.subscriptions.is_empty() {
            self.look = false;
            return false;
        }
        if !self.waiting.is_empty() || self.unacknowledged.len() >= self.window {
            return false;
        }
        self.look = false;
        true
    }

    /// What the client is subscribed to.
    pub(crate) fn filters(&self) -> Vec<String> {
        self.subscriptions.filters()
    }

    /// What must be kept of the session as it stands, if it outlives the connection. Packet ids of publishes that
    /// are not durable yet are left out: their commit adds them.
    pub(crate) fn kept(&self) -> Kept {
        let mut qos2_open = self.open_before.clone();
        qos2_open.extend(&self.open);
        Kept { subscriptions: self.subscriptions.save(), qos2_open }
    }

    /// Whether a save is due and may be made now; if so it counts as under way until [`Session::saved`].
    pub(crate) fn take_save(&mut self) -> Option<Kept> {
        if self.held.is_empty() || self.saving.is_some() || !self.may_save() {
            return None;
        }
        self.saving = Some(mem::take(&mut self.held));
        Some(self.kept())
    }

    // A save must not overtake a commit that adds a packet id to the same record.
    fn may_save(&self) -> bool {
        !self.owed.iter().any(|owed| owed.qos == Qos::Two && owed.standing == Standing::Waiting)
    }

    /// The save under way is durable: its answers may go.
    pub(crate) fn saved(&mut self, out: &mut Output) {
        if let Some(bytes) = self.saving.take() {
            out.bytes.extend(bytes);
        }
    }

    /// The save under way failed: nothing that waits for it may be answered.
    pub(crate) fn save_failed(&mut self, out: &mut Output) {
        self.end(Ending::Unavailable, reason::BUSY, out);
    }

    /// The server ends the connection.
    pub(crate) fn close(&mut self, why: CloseReason, out: &mut Output) {
        let code = match why {
            CloseReason::TakenOver => reason::TAKEN_OVER,
            CloseReason::NotAuthorized => reason::NOT_AUTHORIZED,
            CloseReason::CredentialExpired => reason::MAXIMUM_CONNECT_TIME,
            CloseReason::ShuttingDown => reason::SHUTTING_DOWN,
            CloseReason::KeepAlive => reason::KEEP_ALIVE,
            CloseReason::TooManyConnections => reason::QUOTA,
        };
        self.end(Ending::Server(why), code, out);
    }

    /// The peer sends too much for too long.
    pub(crate) fn too_fast(&mut self, out: &mut Output) {
        self.end(Ending::Rate, reason::RATE, out);
    }

    /// Bytes came that are no packet.
    pub(crate) fn fault(&mut self, fault: Fault, out: &mut Output) {
        let what = match fault {
            Fault::Malformed => "malformed packet",
            Fault::Protocol => "protocol error",
            Fault::Version => "unsupported protocol version",
            Fault::TooLarge => "packet too large",
        };
        self.end(Ending::Fault(what), fault.code(), out);
    }

    fn end(&mut self, ending: Ending, code: u8, out: &mut Output) {
        if !self.ended {
            self.ended = true;
            self.writer.disconnect(code, &mut out.bytes);
            out.ending = Some(ending);
        }
    }

    /// A packet came.
    pub(crate) fn packet(&mut self, packet: Packet, gate: &impl Gate, out: &mut Output) {
        if self.ended {
            return;
        }
        match packet {
            Packet::Publish(publish) => self.publish(publish, gate, out),
            Packet::PubAck(id) => {
                self.unacknowledged.retain(|have| *have != id);
                self.send_waiting(out);
            }
            Packet::PubRel(id) => self.release(id, out),
            Packet::Subscribe(subscribe) => self.subscribe(&subscribe, gate, out),
            Packet::Unsubscribe { packet_id, filters } => self.unsubscribe(packet_id, &filters, out),
            Packet::PingReq => self.writer.pong(&mut out.bytes),
            Packet::Disconnect { code, session_expiry } => {
                self.ended = true;
                // Section 3.14.2.2.2: a session that was to end with the connection cannot be kept after all.
                let revived = !self.persistent && session_expiry.is_some_and(|seconds| seconds > 0);
                out.ending = Some(if revived {
                    self.writer.disconnect(reason::PROTOCOL_ERROR, &mut out.bytes);
                    Ending::Fault("session expiry changed from zero at the end")
                } else if code == reason::DISCONNECT_WITH_WILL {
                    Ending::GoodbyeWithWill
                } else {
                    Ending::Goodbye
                });
                if !revived {
                    out.session_expiry = session_expiry;
                }
            }
            // The server never sends QoS 2, asks for no authentication, and one CONNECT is enough.
            Packet::PubRec | Packet::PubComp | Packet::Auth | Packet::Connect(_) => {
                self.fault(Fault::Protocol, out);
            }
        }
    }

    fn publish(&mut self, publish: Publish, gate: &impl Gate, out: &mut Output) {
        let Publish { topic, payload, qos, packet_id, retain, alias } = publish;
        let v5 = self.version() == Version::V5;
        if alias {
            return self.end(Ending::Fault("topic alias"), reason::TOPIC_ALIAS, out);
        }
        if retain && v5 {
            return self.end(Ending::Fault("retained message"), reason::RETAIN, out);
        }
        let form = check_topic(&topic, &self.limits);
        if form == Err(TopicProblem::Invalid) {
            return self.end(Ending::Fault("invalid topic"), reason::TOPIC_INVALID, out);
        }
        let packet_id = packet_id.unwrap_or(0);
        if qos == Qos::Two && self.is_open(packet_id) {
            // Sent again because the PUBREC was lost: it is durable already.
            let standing = Standing::Answer(reason::SUCCESS);
            self.owed.push_back(Owed { qos, packet_id, standing, shadow: false });
            return self.answer(out);
        }
        if qos > Qos::Zero && self.in_flight() >= self.most_in_flight() {
            return self.end(Ending::Fault("receive maximum exceeded"), reason::RECEIVE_MAXIMUM, out);
        }
        if let Some(count) = out.tally.messages_in.get_mut(usize::from(qos.number())) {
            *count += 1;
        }
        let refusal = match form {
            Err(_) => Err((reason::TOPIC_INVALID, None)),
            Ok(()) => gate.may_publish(&topic).map_err(|refusal| (reason::NOT_AUTHORIZED, Some(refusal))),
        };
        let shadow = is_shadow_request(&topic);
        let busy = if shadow && refusal.is_ok() && self.shadows_waiting() >= self.limits.shadow_requests {
            gate.too_many(&topic, &payload)
        } else {
            None
        };
        let standing = match refusal {
            Ok(()) if busy.is_some() => Standing::Answer(reason::SUCCESS),
            Ok(()) => {
                let qos2_id = (qos == Qos::Two && self.persistent).then_some(packet_id);
                out.taken.push(Taken { topic, payload, qos2_id });
                Standing::Waiting
            }
            Err((code, refusal)) => {
                out.tally.refused += 1;
                out.refused.push(Unwanted { topic, refusal, bytes: payload.len() });
                if v5 { Standing::Answer(code) } else { Standing::End }
            }
        };
        self.owed.push_back(Owed { qos, packet_id, standing, shadow });
        if let Some(reply) = busy {
            self.reply(reply, false, out);
        }
        self.answer(out);
    }

    fn shadows_waiting(&self) -> usize {
        self.owed.iter().filter(|owed| owed.shadow && owed.standing == Standing::Waiting).count()
    }

    fn is_open(&self, packet_id: u16) -> bool {
        self.open.contains(&packet_id)
            || self.open_before.contains(&packet_id)
            || self.owed.iter().any(|owed| owed.qos == Qos::Two && owed.packet_id == packet_id)
    }

    fn in_flight(&self) -> usize {
        self.owed.iter().filter(|owed| owed.qos > Qos::Zero).count() + self.open.len()
    }

    fn most_in_flight(&self) -> usize {
        let most = usize::from(self.limits.in_flight);
        match self.version() {
            Version::V3 => most * OPEN_FACTOR,
            Version::V5 => most,
        }
    }

    /// The oldest waiting publish was handled.
    pub(crate) fn outcome(&mut self, outcome: Outcome, out: &mut Output) {
        let v5 = self.version() == Version::V5;
        let Outcome { acknowledgement, replies } = outcome;
        let Some(owed) = self.owed.iter_mut().find(|owed| owed.standing == Standing::Waiting) else { return };
        match acknowledgement {
            Acknowledgement::Accepted => owed.standing = Standing::Answer(reason::SUCCESS),
            Acknowledgement::PayloadRejected(_) => {
                out.tally.rejected += 1;
                owed.standing = Standing::Answer(if v5 { reason::PAYLOAD_INVALID } else { reason::SUCCESS });
            }
            // Nothing can be withheld from whoever waits for nothing.
            Acknowledgement::Unavailable(_) if owed.qos == Qos::Zero => {
                out.tally.unavailable += 1;
                owed.standing = Standing::Answer(reason::SUCCESS);
            }
            Acknowledgement::Unavailable(_) => {
                out.tally.unavailable += 1;
                return self.end(Ending::Unavailable, reason::BUSY, out);
            }
        }
        for reply in replies {
            let always = goes_unsubscribed(&reply.topic);
            self.reply(reply, always, out);
        }
        self.answer(out);
    }

    // Answers from the front of the line as far as it can.
    fn answer(&mut self, out: &mut Output) {
        while let Some(owed) = self.owed.front().copied() {
            if self.ended {
                return;
            }
            let code = match owed.standing {
                Standing::Waiting => return,
                Standing::End => return self.end(Ending::Refused, reason::NOT_AUTHORIZED, out),
                Standing::Answer(code) => code,
            };
            self.owed.pop_front();
            let good = code < reason::UNSPECIFIED;
            match owed.qos {
                Qos::Zero => continue,
                Qos::One => self.writer.puback(owed.packet_id, code, &mut out.bytes),
                Qos::Two => {
                    if good && !self.open.contains(&owed.packet_id) {
                        self.open_before.retain(|have| *have != owed.packet_id);
                        self.open.push(owed.packet_id);
                    }
                    self.writer.pubrec(owed.packet_id, code, &mut out.bytes);
                }
            }
            out.tally.acknowledged += u32::from(good);
        }
    }

    fn release(&mut self, packet_id: u16, out: &mut Output) {
        let before = self.open.len() + self.open_before.len();
        self.open.retain(|have| *have != packet_id);
        self.open_before.retain(|have| *have != packet_id);
        let known = self.open.len() + self.open_before.len() < before;
        let code = if known { reason::SUCCESS } else { reason::ID_NOT_FOUND };
        // The id may be used for a new message once PUBCOMP is out, so its release must be durable first.
        let target = if known && self.persistent { &mut self.held } else { &mut out.bytes };
        self.writer.pubcomp(packet_id, code, target);
    }

    fn subscribe(&mut self, subscribe: &Subscribe, gate: &impl Gate, out: &mut Output) {
        let Subscribe { packet_id, filters, identifier } = subscribe;
        if *identifier {
            return self.end(Ending::Fault("subscription identifier"), reason::NO_IDENTIFIERS, out);
        }
        let mut changed = false;
        let granted: Vec<u8> = filters
            .iter()
            .map(|(filter, qos)| {
                let mut refuse = |code| {
                    out.refused_filters.push((filter.clone(), code));
                    code
                };
                if let Err(code) = check_filter(filter, &self.limits) {
                    refuse(code)
                } else if !gate.may_subscribe(filter) {
                    refuse(reason::NOT_AUTHORIZED)
                } else if self.subscriptions.set(filter, *qos, self.limits.subscriptions) {
                    changed = true;
                    // Messages are sent at least once at best, whatever was asked for.
                    (*qos).min(Qos::One).number()
                } else {
                    refuse(reason::QUOTA)
                }
            })
            .collect();
        self.look |= changed;
        let target = if changed && self.persistent { &mut self.held } else { &mut out.bytes };
        self.writer.suback(*packet_id, &granted, target);
    }

    fn unsubscribe(&mut self, packet_id: u16, filters: &[String], out: &mut Output) {
        let mut changed = false;
        let results: Vec<u8> = filters
            .iter()
            .map(|filter| {
                if self.subscriptions.remove(filter) {
                    changed = true;
                    reason::SUCCESS
                } else {
                    reason::NO_SUBSCRIPTION
                }
            })
            .collect();
        let target = if changed && self.persistent { &mut self.held } else { &mut out.bytes };
        self.writer.unsuback(packet_id, &results, target);
    }

    /// Messages that were read from the device's state.
    pub(crate) fn pending(&mut self, messages: Vec<Outbound>, out: &mut Output) {
        for message in messages {
            if self.subscriptions.granted(&message.topic).is_some() {
                self.waiting.push_back(message);
            }
        }
        self.send_waiting(out);
    }

    /// A message that goes to whoever is there.
    pub(crate) fn live(&mut self, message: &Outbound, out: &mut Output) {
        if self.subscriptions.granted(&message.topic).is_none() {
            return;
        }
        if self.waiting.len() >= MOST_WAITING {
            out.tally.dropped += 1;
            return;
        }
        self.waiting.push_back(message.clone());
        self.send_waiting(out);
    }

    fn send_waiting(&mut self, out: &mut Output) {
        while !self.ended && self.unacknowledged.len() < self.window {
            let Some(message) = self.waiting.pop_front() else { return };
            if let Some(qos) = self.subscriptions.granted(&message.topic) {
                self.send(&message, qos, out);
            }
        }
    }

    // A reply goes before its acknowledgement whatever waits: without a place in the window at most once.
    fn reply(&mut self, message: Outbound, always: bool, out: &mut Output) {
        let qos = match self.subscriptions.granted(&message.topic) {
            Some(qos) if self.unacknowledged.len() < self.window => qos,
            Some(_) => Qos::Zero,
            None if always => Qos::Zero,
            None => return,
        };
        self.send(&message, qos, out);
    }

    fn send(&mut self, message: &Outbound, qos: Qos, out: &mut Output) {
        let packet_id = (qos > Qos::Zero).then(|| self.next_id());
        if self.writer.publish(&message.topic, &message.payload, packet_id, self.largest_out, &mut out.bytes)
        {
            if let Some(id) = packet_id {
                self.unacknowledged.push(id);
            }
            let [zero, one] = &mut out.tally.messages_out;
            *(if packet_id.is_some() { one } else { zero }) += 1;
        } else {
            out.tally.dropped += 1;
        }
    }

    fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.unacknowledged.contains(&self.last_id) {
                return self.last_id;
            }
        }
    }
}

fn is_shadow_request(topic: &str) -> bool {
    topic
        .strip_prefix("$aws/things/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, rest)| rest.starts_with("shadow/"))
}

/// The contract sends replies about jobs and provisioning to whoever asked, subscribed or not.
fn goes_unsubscribed(topic: &str) -> bool {
    topic.starts_with("$aws/certificates/")
        || topic.starts_with("$aws/provisioning-templates/")
        || topic
            .strip_prefix("$aws/things/")
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(_, rest)| rest.starts_with("jobs/"))
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
