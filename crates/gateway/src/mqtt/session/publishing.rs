//! From the client: each publish is taken or refused, and answered in its turn, never before it is durable.
//!
//! Knows no topic's meaning beyond which requests are bounded and which replies need no subscription.

use windlass_app::message::{Acknowledgement, Outcome};

use super::output::{Ending, Output, Taken, Unwanted};
use super::{Gate, Owed, Session, Standing};
use crate::mqtt::packet::{Publish, Qos, Version, reason};
use crate::mqtt::subscriptions::{TopicProblem, check_topic};

/// MQTT 3.1.1 cannot announce how many QoS 2 publishes may be open; this many times the limit for others may.
const OPEN_FACTOR: usize = 8;

impl Session {
    pub(super) fn publish(&mut self, publish: Publish, gate: &impl Gate, out: &mut Output) {
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

    pub(super) fn release(&mut self, packet_id: u16, out: &mut Output) {
        let before = self.open.len() + self.open_before.len();
        self.open.retain(|have| *have != packet_id);
        self.open_before.retain(|have| *have != packet_id);
        let known = self.open.len() + self.open_before.len() < before;
        let code = if known { reason::SUCCESS } else { reason::ID_NOT_FOUND };
        // The id may be used for a new message once PUBCOMP is out, so its release must be durable first.
        let target = if known && self.persistent { &mut self.held } else { &mut out.bytes };
        self.writer.pubcomp(packet_id, code, target);
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
