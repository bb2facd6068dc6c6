//! The session's rules, as tables and short stories: what goes in, and the packets that come out.

use std::sync::Arc;

use mqtt_protocol_core::mqtt::packet as core;
use proptest::prelude::*;

use super::*;
use crate::mqtt::engine::{decode, frame};
use crate::mqtt::packet::Welcome;

/// May use `own/…`, and subscribe to the replies of its requests.
struct Own;

impl Gate for Own {
    fn may_publish(&self, topic: &str) -> Result<(), TopicRefusal> {
        if topic.starts_with("own/") { Ok(()) } else { Err(TopicRefusal::NotAuthorized) }
    }

    fn may_subscribe(&self, filter: &str) -> bool {
        filter.starts_with("own/") || filter.starts_with("$aws/things/pump/")
    }

    fn too_many(&self, topic: &str, _: &[u8]) -> Option<Outbound> {
        Some(outbound(&format!("{topic}/rejected")))
    }
}

fn start(version: Version) -> Start {
    Start {
        version,
        limits: Arc::new(Limits::default()),
        persistent: false,
        window: 32,
        largest_out: usize::MAX,
        kept: Kept::default(),
    }
}

fn session(version: Version) -> Session {
    Session::new(start(version))
}

fn persistent(version: Version) -> Session {
    Session::new(Start { persistent: true, ..start(version) })
}

fn message(topic: &str, qos: Qos, packet_id: u16) -> Packet {
    Packet::Publish(Publish {
        topic: topic.to_owned(),
        payload: Bytes::from_static(b"{}"),
        qos,
        packet_id: (qos > Qos::Zero).then_some(packet_id),
        retain: false,
        alias: false,
    })
}

fn give(session: &mut Session, packet: Packet) -> Output {
    let mut out = Output::default();
    session.packet(packet, &Own, &mut out);
    out
}

fn accept(session: &mut Session) -> Output {
    outcome(session, Acknowledgement::Accepted, &[])
}

fn outcome(session: &mut Session, acknowledgement: Acknowledgement, replies: &[&str]) -> Output {
    let mut out = Output::default();
    let replies = replies.iter().map(|topic| outbound(topic)).collect();
    session.outcome(Outcome { acknowledgement, replies }, &mut out);
    out
}

fn outbound(topic: &str) -> Outbound {
    Outbound { topic: topic.to_owned(), payload: Bytes::from_static(b"{}") }
}

fn subscribe(session: &mut Session, filter: &str, qos: Qos) -> Output {
    let filters = vec![(filter.to_owned(), qos)];
    give(session, Packet::Subscribe(Subscribe { packet_id: 9, filters, identifier: false }))
}

/// What a client would read: the library that others wrote, in the role of the client.
fn heard(version: Version, bytes: &[u8]) -> Vec<String> {
    use mqtt_protocol_core::mqtt::common::Cursor;
    use mqtt_protocol_core::mqtt::connection::{PacketBuildResult, PacketBuilder, PacketData};
    let mut cursor = Cursor::new(bytes);
    let mut builder = PacketBuilder::new();
    let mut packets = Vec::new();
    let v5 = version == Version::V5;
    while let PacketBuildResult::Complete(raw) = builder.feed(&mut cursor) {
        let body = raw.data_as_slice();
        packets.push(match raw.packet_type() {
            3 => {
                let PacketData::Publish(shared) = raw.data.clone() else { panic!("not shared") };
                let (topic, id) = if v5 {
                    let (p, _) = core::v5_0::Publish::parse(raw.flags(), shared).unwrap();
                    (p.topic_name().to_owned(), p.packet_id())
                } else {
                    let (p, _) = core::v3_1_1::Publish::parse(raw.flags(), shared).unwrap();
                    (p.topic_name().to_owned(), p.packet_id())
                };
                id.map_or_else(|| format!("PUBLISH {topic}"), |id| format!("PUBLISH {topic} #{id}"))
            }
            kind @ (4 | 5 | 7) => {
                let name = match kind {
                    4 => "PUBACK",
                    5 => "PUBREC",
                    _ => "PUBCOMP",
                };
                let code = body.get(2).map_or_else(String::new, |code| format!(" 0x{code:02x}"));
                format!("{name} {}{code}", u16::from_be_bytes([body[0], body[1]]))
            }
            9 => {
                let codes = if v5 { &body[3..] } else { &body[2..] };
                format!("SUBACK {codes:02x?}")
            }
            11 => format!("UNSUBACK {:02x?}", body.get(3..).unwrap_or_default()),
            13 => "PINGRESP".to_owned(),
            14 => format!("DISCONNECT 0x{:02x}", body[0]),
            other => format!("packet type {other}"),
        });
    }
    packets
}

fn v5(out: &Output) -> Vec<String> {
    heard(Version::V5, &out.bytes)
}

fn v3(out: &Output) -> Vec<String> {
    heard(Version::V3, &out.bytes)
}

const BOTH: [Version; 2] = [Version::V3, Version::V5];

#[test]
fn nothing_is_acknowledged_before_its_outcome() {
    for version in BOTH {
        for (qos, answer) in [(Qos::One, "PUBACK 1"), (Qos::Two, "PUBREC 1")] {
            let mut session = session(version);
            let out = give(&mut session, message("own/a", qos, 1));
            assert_eq!(heard(version, &out.bytes), [""; 0]);
            assert_eq!(out.taken.len(), 1);
            assert_eq!(heard(version, &accept(&mut session).bytes), [answer]);
        }
    }
}

#[test]
fn acknowledgements_keep_the_order_of_the_publishes_and_refusals_wait_their_turn() {
    let mut session = session(Version::V5);
    give(&mut session, message("own/a", Qos::One, 1));
    let refused = give(&mut session, message("other/a", Qos::One, 2));
    assert_eq!(v5(&refused), [""; 0]);
    assert!(refused.taken.is_empty());
    give(&mut session, message("own/b", Qos::Two, 3));
    give(&mut session, message("other/b", Qos::Two, 4));
    assert_eq!(v5(&accept(&mut session)), ["PUBACK 1", "PUBACK 2 0x87"]);
    assert_eq!(v5(&accept(&mut session)), ["PUBREC 3", "PUBREC 4 0x87"]);
}

#[test]
fn in_3_1_1_a_refused_publish_closes_after_what_was_before_it_is_acknowledged() {
    for qos in [Qos::Zero, Qos::One, Qos::Two] {
        let mut session = session(Version::V3);
        give(&mut session, message("own/a", Qos::One, 1));
        let out = give(&mut session, message("other/a", qos, 2));
        assert_eq!(out.ending, None);
        let out = accept(&mut session);
        assert_eq!(v3(&out), ["PUBACK 1"]);
        assert_eq!(out.ending, Some(Ending::Refused));
        assert!(!session.wants_input());
    }
}

#[test]
fn in_5_a_refused_publish_at_most_once_is_dropped_and_counted() {
    let mut session = session(Version::V5);
    let out = give(&mut session, message("other/a", Qos::Zero, 0));
    assert_eq!((out.ending, out.tally.refused, out.bytes.len()), (None, 1, 0));
}

#[test]
fn a_rejected_payload_is_told_in_5_and_acknowledged_in_3_1_1() {
    for (version, qos, answer) in [
        (Version::V5, Qos::One, "PUBACK 1 0x99"),
        (Version::V5, Qos::Two, "PUBREC 1 0x99"),
        (Version::V3, Qos::One, "PUBACK 1"),
        (Version::V3, Qos::Two, "PUBREC 1"),
    ] {
        let mut session = session(version);
        give(&mut session, message("own/a", qos, 1));
        let out = outcome(&mut session, Acknowledgement::PayloadRejected("no".to_owned()), &[]);
        assert_eq!(heard(version, &out.bytes), [answer]);
        assert_eq!(out.tally.rejected, 1);
    }
}

#[test]
fn what_could_not_be_stored_is_never_acknowledged_and_closes() {
    for version in BOTH {
        let mut session = session(version);
        give(&mut session, message("own/a", Qos::One, 1));
        give(&mut session, message("own/a", Qos::One, 2));
        let out = outcome(&mut session, Acknowledgement::Unavailable("disk".to_owned()), &["own/reply"]);
        assert_eq!(out.ending, Some(Ending::Unavailable));
        let said: &[&str] = if version == Version::V5 { &["DISCONNECT 0x89"] } else { &[] };
        assert_eq!(heard(version, &out.bytes), said);
        assert_eq!(accept(&mut session), Output::default(), "a later outcome changes nothing");
    }
}

#[test]
fn a_message_that_nobody_waits_for_may_be_lost_without_harm_to_the_connection() {
    for version in [Version::V3, Version::V5] {
        let mut session = session(version);
        give(&mut session, message("own/a", Qos::Zero, 0));
        give(&mut session, message("own/a", Qos::One, 2));
        let out = outcome(&mut session, Acknowledgement::Unavailable("disk".to_owned()), &[]);
        assert_eq!((out.ending, out.tally.unavailable), (None, 1));
        assert_eq!(heard(version, &out.bytes), [""; 0]);
        assert_eq!(heard(version, &accept(&mut session).bytes), ["PUBACK 2"]);
    }
}

#[test]
fn replies_go_before_the_acknowledgement_to_those_subscribed() {
    let mut session = session(Version::V5);
    let accepted = "$aws/things/pump/shadow/get/accepted";
    subscribe(&mut session, accepted, Qos::One);
    give(&mut session, message("own/a", Qos::One, 1));
    let out =
        outcome(&mut session, Acknowledgement::Accepted, &[accepted, "$aws/things/pump/shadow/get/rejected"]);
    assert_eq!(v5(&out), [format!("PUBLISH {accepted} #1"), "PUBACK 1".to_owned()]);
}

#[test]
fn replies_about_jobs_and_provisioning_need_no_subscription() {
    for topic in [
        "$aws/things/pump/jobs/get/accepted",
        "$aws/certificates/create-from-csr/json/accepted",
        "$aws/provisioning-templates/factory/provision/json/rejected",
    ] {
        let mut session = session(Version::V3);
        give(&mut session, message("own/a", Qos::Zero, 0));
        let out = outcome(&mut session, Acknowledgement::Accepted, &[topic]);
        assert_eq!(v3(&out), [format!("PUBLISH {topic}")]);
    }
}

#[test]
fn a_reply_goes_out_even_if_the_client_acknowledges_nothing() {
    let mut session = Session::new(Start { window: 1, ..start(Version::V5) });
    subscribe(&mut session, "own/#", Qos::One);
    for id in 1..=2 {
        give(&mut session, message("own/a", Qos::One, id));
    }
    let out = outcome(&mut session, Acknowledgement::Accepted, &["own/r"]);
    assert_eq!(v5(&out), ["PUBLISH own/r #1", "PUBACK 1"]);
    let out = outcome(&mut session, Acknowledgement::Accepted, &["own/r"]);
    assert_eq!(v5(&out), ["PUBLISH own/r", "PUBACK 2"]);
}

#[test]
fn a_repeated_qos_2_publish_is_stored_once_and_answered_again() {
    for version in BOTH {
        let mut session = session(version);
        give(&mut session, message("own/a", Qos::Two, 5));
        let again = give(&mut session, message("own/a", Qos::Two, 5));
        assert!(again.taken.is_empty());
        assert_eq!(heard(version, &again.bytes), [""; 0], "not before the first one is durable");
        assert_eq!(heard(version, &accept(&mut session).bytes), ["PUBREC 5", "PUBREC 5"]);
        let again = give(&mut session, message("own/a", Qos::Two, 5));
        assert!(again.taken.is_empty());
        assert_eq!(heard(version, &again.bytes), ["PUBREC 5"]);
        assert_eq!(heard(version, &give(&mut session, Packet::PubRel(5)).bytes), ["PUBCOMP 5"]);
        assert_eq!(give(&mut session, message("own/a", Qos::Two, 5)).taken.len(), 1, "a new message");
    }
}

#[test]
fn a_qos_2_publish_from_before_a_reconnect_is_not_stored_again() {
    for version in BOTH {
        let kept = Kept { qos2_open: vec![7], ..Kept::default() };
        let mut session = Session::new(Start { persistent: true, kept, ..start(version) });
        let again = give(&mut session, message("own/a", Qos::Two, 7));
        assert!(again.taken.is_empty());
        assert_eq!(heard(version, &again.bytes), ["PUBREC 7"]);
        assert_eq!(session.kept().qos2_open, [7]);
    }
}

#[test]
fn releasing_what_is_not_open_is_told_in_5() {
    let mut new = session(Version::V5);
    assert_eq!(v5(&give(&mut new, Packet::PubRel(3))), ["PUBCOMP 3 0x92"]);
    let mut old = session(Version::V3);
    assert_eq!(v3(&give(&mut old, Packet::PubRel(3))), ["PUBCOMP 3"]);
}

#[test]
fn a_kept_session_answers_changes_only_after_they_are_saved() {
    let mut session = persistent(Version::V5);
    assert_eq!(v5(&subscribe(&mut session, "own/a", Qos::One)), [""; 0]);
    let kept = session.take_save().unwrap();
    assert_eq!(kept.subscriptions, [("own/a".to_owned(), 1)]);
    assert_eq!(session.take_save(), None, "one save at a time");
    let unsubscribe = Packet::Unsubscribe { packet_id: 10, filters: vec!["own/a".to_owned()] };
    assert_eq!(v5(&give(&mut session, unsubscribe)), [""; 0]);
    let mut out = Output::default();
    session.saved(&mut out);
    assert_eq!(v5(&out), ["SUBACK [01]"]);
    assert_eq!(session.take_save().unwrap().subscriptions, []);
    let mut out = Output::default();
    session.saved(&mut out);
    assert_eq!(v5(&out), ["UNSUBACK [00]"]);
}

#[test]
fn a_release_is_saved_before_the_packet_id_is_free_again() {
    let mut session = persistent(Version::V3);
    let out = give(&mut session, message("own/a", Qos::Two, 5));
    assert_eq!(out.taken[0].qos2_id, Some(5));
    accept(&mut session);
    assert_eq!(session.kept().qos2_open, [5]);
    assert_eq!(v3(&give(&mut session, Packet::PubRel(5))), [""; 0]);
    assert_eq!(session.take_save().unwrap().qos2_open, [0_u16; 0]);
    let mut out = Output::default();
    session.saved(&mut out);
    assert_eq!(v3(&out), ["PUBCOMP 5"]);
}

#[test]
fn a_save_waits_for_commits_that_write_the_same_record_and_input_waits_for_the_save() {
    let mut session = persistent(Version::V5);
    give(&mut session, message("own/a", Qos::Two, 5));
    subscribe(&mut session, "own/a", Qos::One);
    assert_eq!(session.take_save(), None);
    assert!(!session.wants_input());
    accept(&mut session);
    assert!(session.wants_input());
    assert_eq!(session.take_save().unwrap().qos2_open, [5]);
}

#[test]
fn a_save_that_fails_closes_without_the_answers_that_waited_for_it() {
    let mut session = persistent(Version::V5);
    subscribe(&mut session, "own/a", Qos::One);
    assert!(session.take_save().is_some());
    let mut out = Output::default();
    session.save_failed(&mut out);
    assert_eq!(v5(&out), ["DISCONNECT 0x89"]);
    assert_eq!(out.ending, Some(Ending::Unavailable));
}

#[test]
fn filters_are_granted_or_refused_one_by_one() {
    let mut session = session(Version::V5);
    let asked = [
        ("own/a", Qos::Zero),
        ("own/b", Qos::Two),
        ("other/a", Qos::One),
        ("#", Qos::One),
        ("own/#/x", Qos::One),
        ("$share/g/own/a", Qos::One),
    ];
    let filters: Vec<_> = asked.iter().map(|(filter, qos)| ((*filter).to_owned(), *qos)).collect();
    let subscribe = Subscribe { packet_id: 1, filters, identifier: false };
    let out = give(&mut session, Packet::Subscribe(subscribe.clone()));
    assert_eq!(v5(&out), ["SUBACK [00, 01, 87, 87, 8f, 9e]"]);
    let mut old = self::session(Version::V3);
    let out = give(&mut old, Packet::Subscribe(subscribe));
    assert_eq!(v3(&out), ["SUBACK [00, 01, 80, 80, 80, 80]"]);
}

#[test]
fn the_fifty_first_subscription_is_refused() {
    let mut session = session(Version::V5);
    let filters = (0..51).map(|i| (format!("own/{i}"), Qos::Zero)).collect();
    let out = give(&mut session, Packet::Subscribe(Subscribe { packet_id: 1, filters, identifier: false }));
    let codes: Vec<u8> = out.bytes[out.bytes.len() - 51..].to_vec();
    assert!(codes[..50].iter().all(|code| *code == 0));
    assert_eq!(codes[50], reason::QUOTA);
}

#[test]
fn unsubscribing_says_what_was_there() {
    let mut session = session(Version::V5);
    subscribe(&mut session, "own/a", Qos::One);
    let filters = vec!["own/a".to_owned(), "own/b".to_owned()];
    let out = give(&mut session, Packet::Unsubscribe { packet_id: 2, filters });
    assert_eq!(v5(&out), ["UNSUBACK [00, 11]"]);
    let mut out = Output::default();
    session.live(&outbound("own/a"), &mut out);
    assert!(out.bytes.is_empty());
}

#[test]
fn what_breaks_the_protocol_ends_the_connection_with_its_reason() {
    let publish = |change: fn(&mut Publish)| {
        let Packet::Publish(mut publish) = message("own/a", Qos::One, 1) else { unreachable!() };
        change(&mut publish);
        Packet::Publish(publish)
    };
    let filters = vec![("own/a".to_owned(), Qos::One)];
    let cases = [
        ("topic alias", publish(|p| p.alias = true), 0x94),
        ("retained", publish(|p| p.retain = true), 0x9a),
        ("wildcard", publish(|p| p.topic = "own/+".to_owned()), 0x90),
        ("empty topic", publish(|p| p.topic = String::new()), 0x90),
        ("PUBREC", Packet::PubRec, 0x82),
        ("PUBCOMP", Packet::PubComp, 0x82),
        ("AUTH", Packet::Auth, 0x82),
        (
            "subscription identifier",
            Packet::Subscribe(Subscribe { packet_id: 1, filters, identifier: true }),
            0xa1,
        ),
    ];
    for (what, packet, code) in cases {
        let mut session = session(Version::V5);
        let out = give(&mut session, packet);
        assert_eq!(v5(&out), [format!("DISCONNECT 0x{code:02x}")], "{what}");
        assert!(matches!(out.ending, Some(Ending::Fault(_))), "{what}");
        assert_eq!(give(&mut session, Packet::PingReq), Output::default(), "{what}");
    }
}

#[test]
fn the_retain_flag_is_ignored_in_3_1_1() {
    let mut session = session(Version::V3);
    let Packet::Publish(publish) = message("own/a", Qos::One, 1) else { unreachable!() };
    let out = give(&mut session, Packet::Publish(Publish { retain: true, ..publish }));
    assert_eq!((out.taken.len(), out.ending), (1, None));
}

#[test]
fn a_topic_over_the_limits_is_refused_like_one_that_is_not_allowed() {
    let mut session = session(Version::V5);
    let out = give(&mut session, message(&format!("own/{}", "x".repeat(300)), Qos::One, 1));
    assert_eq!(v5(&out), ["PUBACK 1 0x90"]);
}

#[test]
fn more_than_the_receive_maximum_in_flight_ends_a_5_connection() {
    let mut session = session(Version::V5);
    for id in 1..=32 {
        assert!(session.wants_input());
        assert_eq!(give(&mut session, message("own/a", Qos::One, id)).ending, None);
    }
    assert_eq!(v5(&give(&mut session, message("own/a", Qos::One, 33))), ["DISCONNECT 0x93"]);
}

#[test]
fn a_qos_2_publish_is_in_flight_until_it_is_released() {
    let mut session = session(Version::V5);
    for id in 1..=32 {
        give(&mut session, message("own/a", Qos::Two, id));
        accept(&mut session);
    }
    give(&mut session, Packet::PubRel(1));
    assert_eq!(give(&mut session, message("own/a", Qos::Two, 33)).ending, None);
    assert_eq!(v5(&give(&mut session, message("own/a", Qos::One, 34))), ["DISCONNECT 0x93"]);
}

#[test]
fn a_3_1_1_client_with_too_much_in_flight_is_not_read() {
    let mut session = session(Version::V3);
    for id in 1..=32 {
        assert!(session.wants_input());
        give(&mut session, message("own/a", Qos::One, id));
    }
    assert!(!session.wants_input());
    accept(&mut session);
    assert!(session.wants_input());
}

#[test]
fn publishes_at_most_once_are_bounded_too() {
    for version in BOTH {
        let mut session = session(version);
        for _ in 0..32 {
            assert!(session.wants_input());
            give(&mut session, message("own/a", Qos::Zero, 0));
        }
        assert!(!session.wants_input());
        accept(&mut session);
        assert!(session.wants_input());
    }
}

#[test]
fn messages_to_the_client_wait_for_its_window_and_come_in_order() {
    let mut session = Session::new(Start { window: 2, ..start(Version::V5) });
    subscribe(&mut session, "own/#", Qos::One);
    let mut out = Output::default();
    session.pending(vec![outbound("own/1"), outbound("own/2"), outbound("own/3")], &mut out);
    assert_eq!(v5(&out), ["PUBLISH own/1 #1", "PUBLISH own/2 #2"]);
    assert_eq!(v5(&give(&mut session, Packet::PubAck(99))), [""; 0]);
    assert_eq!(v5(&give(&mut session, Packet::PubAck(1))), ["PUBLISH own/3 #3"]);
}

#[test]
fn live_messages_beyond_the_bound_are_dropped_and_counted() {
    let mut session = Session::new(Start { window: 1, ..start(Version::V5) });
    subscribe(&mut session, "own/#", Qos::One);
    let mut out = Output::default();
    for _ in 0..70 {
        session.live(&outbound("own/1"), &mut out);
    }
    assert_eq!((out.tally.messages_out, out.tally.dropped), ([0, 1], 5));
}

#[test]
fn a_message_larger_than_the_client_takes_is_not_sent() {
    let mut session = Session::new(Start { largest_out: 12, ..start(Version::V5) });
    subscribe(&mut session, "own/#", Qos::Zero);
    let mut out = Output::default();
    session.live(&outbound("own/1"), &mut out);
    assert_eq!(out.bytes.len(), 12);
    session.live(&outbound("own/12"), &mut out);
    assert_eq!((out.bytes.len(), out.tally.dropped), (12, 1));
}

#[test]
fn packet_ids_that_are_in_use_are_skipped_and_zero_is_never_used() {
    let mut session = Session::new(Start { window: 3, ..start(Version::V3) });
    subscribe(&mut session, "own/#", Qos::One);
    session.last_id = u16::MAX - 1;
    session.unacknowledged = vec![1];
    let mut out = Output::default();
    session.pending(vec![outbound("own/a"), outbound("own/b")], &mut out);
    assert_eq!(v3(&out), ["PUBLISH own/a #65535", "PUBLISH own/b #2"]);
}

#[test]
fn the_state_is_looked_at_after_a_subscription_a_wake_or_a_resumed_session() {
    let mut session = persistent(Version::V5);
    session.wake();
    assert!(!session.take_look(), "without subscriptions there is nothing to send");
    subscribe(&mut session, "own/a", Qos::One);
    assert!(!session.take_look(), "not before the subscription is saved");
    session.take_save();
    session.saved(&mut Output::default());
    assert!(session.take_look());
    assert!(!session.take_look());
    session.wake();
    assert!(session.take_look());
    let kept = Kept { subscriptions: vec![("own/a".to_owned(), 1)], ..Kept::default() };
    assert!(Session::new(Start { kept, ..start(Version::V5) }).take_look());
}

#[test]
fn a_restored_subscription_that_is_not_allowed_any_more_is_dropped() {
    let kept =
        Kept { subscriptions: vec![("own/a".to_owned(), 1), ("other/a".to_owned(), 1)], ..Kept::default() };
    let mut session = Session::new(Start { kept, ..start(Version::V5) });
    session.recheck(&Own);
    assert_eq!(session.filters(), ["own/a"]);
}

#[test]
fn goodbyes_decide_about_the_will() {
    let disconnect = |code, session_expiry| Packet::Disconnect { code, session_expiry };
    for (packet, fires) in [(disconnect(0, None), false), (disconnect(4, None), true)] {
        let ending = give(&mut session(Version::V5), packet).ending.unwrap();
        assert_eq!(ending.fires_will(), fires);
    }
    assert!(Ending::Lost.fires_will());
    assert!(Ending::Server(CloseReason::KeepAlive).fires_will());
    assert!(Ending::Server(CloseReason::TakenOver).fires_will());
    assert!(!Ending::Server(CloseReason::ShuttingDown).fires_will());
}

#[test]
fn a_session_cannot_be_kept_after_all() {
    let packet = Packet::Disconnect { code: 0, session_expiry: Some(60) };
    let out = give(&mut session(Version::V5), packet.clone());
    assert_eq!(v5(&out), ["DISCONNECT 0x82"]);
    assert_eq!(out.session_expiry, None);
    let out = give(&mut persistent(Version::V5), packet);
    assert_eq!((out.ending, out.session_expiry), (Some(Ending::Goodbye), Some(60)));
}

#[test]
fn the_server_says_why_it_ends_a_connection() {
    for (why, code) in [
        (CloseReason::TakenOver, 0x8e),
        (CloseReason::NotAuthorized, 0x87),
        (CloseReason::CredentialExpired, 0xa0),
        (CloseReason::ShuttingDown, 0x8b),
        (CloseReason::KeepAlive, 0x8d),
        (CloseReason::TooManyConnections, 0x97),
    ] {
        let mut out = Output::default();
        session(Version::V5).close(why, &mut out);
        assert_eq!(v5(&out), [format!("DISCONNECT 0x{code:02x}")]);
        assert_eq!(out.ending, Some(Ending::Server(why)));
        let mut out = Output::default();
        session(Version::V3).close(why, &mut out);
        assert!(out.bytes.is_empty(), "a 3.1.1 server cannot say it");
    }
}

#[test]
fn a_ping_is_answered() {
    assert_eq!(v5(&give(&mut session(Version::V5), Packet::PingReq)), ["PINGRESP"]);
}

// Everything that a session makes of a stream, in order. `cuts` are where the stream is split.
fn play(version: Version, stream: &[u8], cuts: &[usize]) -> (Vec<u8>, Vec<Taken>, Option<Ending>) {
    let mut session = session(version);
    let (mut bytes, mut taken, mut ending) = (Vec::new(), Vec::new(), None);
    let mut input: Vec<u8> = Vec::new();
    let mut from = 0;
    for cut in cuts.iter().copied().chain([stream.len()]) {
        let to = cut.clamp(from, stream.len());
        input.extend(&stream[from..to]);
        from = to;
        let mut rest = input.as_slice();
        while ending.is_none() {
            let mut out = Output::default();
            match frame(rest, 4_096) {
                Ok(None) => break,
                Ok(Some(found)) => {
                    rest = &rest[found.length..];
                    match decode(found, Some(version)) {
                        Ok(packet) => session.packet(packet, &Own, &mut out),
                        Err(fault) => session.fault(fault, &mut out),
                    }
                }
                Err(fault) => session.fault(fault, &mut out),
            }
            for _ in 0..out.taken.len() {
                session.outcome(
                    Outcome { acknowledgement: Acknowledgement::Accepted, replies: Vec::new() },
                    &mut out,
                );
            }
            bytes.extend(out.bytes);
            taken.extend(out.taken);
            ending = out.ending;
        }
        input = rest.to_vec();
    }
    (bytes, taken, ending)
}

fn packets() -> impl Strategy<Value = Vec<u8>> {
    let writer = |version| {
        prop_oneof![
            ("(own|other)/[a-z+]{0,3}", any::<Option<u16>>(), any::<Vec<u8>>()).prop_map(
                move |(topic, id, payload)| {
                    let mut out = Vec::new();
                    Writer::new(version).publish(&topic, &payload, id, usize::MAX, &mut out);
                    out
                }
            ),
            (any::<u8>(), any::<Vec<u8>>()).prop_map(|(header, body)| {
                let mut out = vec![header, u8::try_from(body.len().min(100)).unwrap()];
                out.extend(body.iter().take(100));
                out
            }),
            Just(vec![0xc0, 0]),
            Just(vec![0x62, 2, 0, 1]),
            Just(b"\x82\x09\0\x01\0\x04own/\x01".to_vec()),
        ]
    };
    proptest::collection::vec(prop_oneof![writer(Version::V3), writer(Version::V5)], 0..12)
        .prop_map(|packets| packets.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>(), new in any::<bool>()) {
        let version = if new { Version::V5 } else { Version::V3 };
        play(version, &bytes, &[]);
        if let Ok(Some(found)) = frame(&bytes, 4_096) {
            drop(decode(found, None));
        }
    }

    #[test]
    fn a_stream_means_the_same_however_it_is_cut(
        stream in packets(),
        mut cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        new in any::<bool>(),
    ) {
        let version = if new { Version::V5 } else { Version::V3 };
        let mut cuts: Vec<usize> = cuts.drain(..).map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(play(version, &stream, &cuts), play(version, &stream, &[]));
    }

    #[test]
    fn a_garbled_connect_never_panics(body in any::<Vec<u8>>(), level in 3_u8..7, flags in any::<u8>()) {
        let mut bytes = b"\0\x04MQTT".to_vec();
        bytes.extend([level, flags]);
        bytes.extend(body.iter().take(100));
        let mut packet = vec![0x10, u8::try_from(bytes.len()).unwrap()];
        packet.extend(bytes);
        drop(decode(frame(&packet, 4_096).unwrap().unwrap(), None));
    }

    #[test]
    fn answers_come_in_the_order_of_the_publishes_whatever_they_are(
        publishes in proptest::collection::vec((any::<bool>(), 1_u8..3), 1..32),
    ) {
        let mut session = session(Version::V5);
        let mut bytes = Vec::new();
        let mut waiting = 0;
        for (index, (allowed, qos)) in publishes.iter().enumerate() {
            let topic = if *allowed { "own/a" } else { "other/a" };
            let id = u16::try_from(index + 1).unwrap();
            let out = give(&mut session, message(topic, Qos::from_number(*qos).unwrap(), id));
            waiting += out.taken.len();
            bytes.extend(out.bytes);
        }
        for _ in 0..waiting {
            bytes.extend(accept(&mut session).bytes);
        }
        let ids: Vec<u16> = heard(Version::V5, &bytes)
            .iter()
            .map(|line| line.split(' ').nth(1).unwrap().parse().unwrap())
            .collect();
        let expected: Vec<u16> = (1..=u16::try_from(publishes.len()).unwrap()).collect();
        prop_assert_eq!(ids, expected);
    }
}

#[test]
fn a_welcome_is_read_by_a_client_of_either_version() {
    let welcome = Welcome {
        session_present: true,
        assigned_client_id: Some("auto-1".to_owned()),
        receive_maximum: 32,
        maximum_packet: 131_072,
        session_expiry: Some(60),
        keep_alive: Some(3_600),
    };
    let mut out = Vec::new();
    Writer::new(Version::V5).welcome(&welcome, &mut out);
    let found = frame(&out, 4_096).unwrap().unwrap();
    assert_eq!(found.length, out.len());
    let (packet, _) = core::v5_0::Connack::parse(&out[2..]).unwrap();
    assert!(packet.session_present());
    let props = packet.props();
    let said: Vec<String> = props.iter().map(ToString::to_string).collect();
    let said = said.join(" ");
    for part in
        ["receive_maximum", "maximum_packet_size", "retain_available", "shared_subscription_available"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    let mut out = Vec::new();
    Writer::new(Version::V3).welcome(&welcome, &mut out);
    let (packet, _) = core::v3_1_1::Connack::parse(&out[2..]).unwrap();
    assert!(packet.session_present());
}

#[test]
fn more_shadow_requests_than_may_wait_are_answered_at_once_and_acknowledged_in_turn() {
    let get = |id| message("$aws/things/pump/shadow/get", Qos::One, id);
    let mut session = session(Version::V5);
    subscribe(&mut session, "$aws/things/pump/shadow/get/+", Qos::Zero);
    let ask = |session: &mut Session, id| {
        let mut out = Output::default();
        session.packet(get(id), &Shadows, &mut out);
        out
    };
    for id in 1..=10 {
        assert_eq!(ask(&mut session, id).taken.len(), 1, "{id}");
    }
    let busy = ask(&mut session, 11);
    assert!(busy.taken.is_empty());
    assert_eq!(v5(&busy), ["PUBLISH $aws/things/pump/shadow/get/rejected"]);
    assert_eq!(v5(&accept(&mut session)), ["PUBACK 1"]);
    assert_eq!(ask(&mut session, 12).taken.len(), 1, "there is room again");
    for id in 2..=9 {
        assert_eq!(v5(&accept(&mut session)), [format!("PUBACK {id}")]);
    }
    assert_eq!(v5(&accept(&mut session)), ["PUBACK 10", "PUBACK 11"]);
    assert_eq!(v5(&accept(&mut session)), ["PUBACK 12"]);
}

/// May use shadows.
struct Shadows;

impl Gate for Shadows {
    fn may_publish(&self, _: &str) -> Result<(), TopicRefusal> {
        Ok(())
    }

    fn may_subscribe(&self, _: &str) -> bool {
        true
    }

    fn too_many(&self, topic: &str, _: &[u8]) -> Option<Outbound> {
        Some(outbound(&format!("{topic}/rejected")))
    }
}
