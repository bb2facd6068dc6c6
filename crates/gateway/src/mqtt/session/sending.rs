//! To the client: messages and replies within its window, in order, to those subscribed.
//!
//! Keeps nothing beyond the connection: what is not sent is read from the device's state again.

use windlass_app::message::Outbound;

use super::Session;
use super::output::Output;
use crate::mqtt::packet::Qos;

/// Messages to a client that wait for it to acknowledge others. Live ones beyond are dropped.
const MOST_WAITING: usize = 64;

impl Session {
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

    pub(super) fn send_waiting(&mut self, out: &mut Output) {
        while !self.ended && self.unacknowledged.len() < self.window {
            let Some(message) = self.waiting.pop_front() else { return };
            if let Some(qos) = self.subscriptions.granted(&message.topic) {
                self.send(&message, qos, out);
            }
        }
    }

    // A reply goes before its acknowledgement whatever waits: without a place in the window at most once.
    pub(super) fn reply(&mut self, message: Outbound, always: bool, out: &mut Output) {
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
