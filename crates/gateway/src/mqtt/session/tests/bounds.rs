//! How much a client may have in flight, and what comes of more.

use super::*;

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
