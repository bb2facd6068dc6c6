//! When a publish is answered, with what, and in which order.

use super::*;

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
