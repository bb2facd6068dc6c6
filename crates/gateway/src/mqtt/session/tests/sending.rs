//! What goes to the client, and what does not.

use super::*;

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
