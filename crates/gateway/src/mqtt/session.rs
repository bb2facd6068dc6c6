//! One MQTT session after its CONNECT: packets, outcomes and messages in; bytes, publishes and wishes out.
//!
//! **Invariant:** no I/O, no clock, no task. A message is acknowledged only by [`Session::outcome`], and always in
//! the order of the PUBLISHes; refusals wait their turn in the same line.

use std::collections::VecDeque;
use std::mem;

use windlass_app::hub::CloseReason;
use windlass_app::message::{Outbound, TopicRefusal};
use windlass_domain::limits::Limits;

use super::engine::Writer;
use super::packet::{Fault, Packet, Qos, Subscribe, Version, reason};
use super::subscriptions::{Subscriptions, check_filter};

mod output;
mod publishing;
mod sending;

pub(crate) use output::{Ending, Output, Taken, Tally, Unwanted};

/// What a peer may do, asked for each packet.
pub(crate) trait Gate {
    /// Whether it may publish to `topic`.
    fn may_publish(&self, topic: &str) -> Result<(), TopicRefusal>;
    /// Whether it may receive everything that `filter` matches.
    fn may_subscribe(&self, filter: &str) -> bool;
    /// The answer to a shadow request that is one too many.
    fn too_many(&self, topic: &str, payload: &[u8]) -> Option<Outbound>;
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

    /// Bytes of the largest packet that the client takes.
    pub(crate) const fn largest_out(&self) -> usize {
        self.largest_out
    }

    /// Whether it began as one that outlives its connection.
    pub(crate) const fn is_persistent(&self) -> bool {
        self.persistent
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
}

#[cfg(test)]
mod tests;
