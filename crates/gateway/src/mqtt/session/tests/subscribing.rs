//! Subscriptions, and a session that outlives its connection: nothing is answered before it is saved.

use super::*;

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
fn a_restored_subscription_that_is_not_allowed_any_more_is_dropped() {
    let kept =
        Kept { subscriptions: vec![("own/a".to_owned(), 1), ("other/a".to_owned(), 1)], ..Kept::default() };
    let mut session = Session::new(Start { kept, ..start(Version::V5) });
    session.recheck(&Own);
    assert_eq!(session.filters(), ["own/a"]);
}
