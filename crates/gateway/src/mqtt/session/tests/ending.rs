//! How a connection ends, and what is said at the end.

use super::*;

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
