//! What a CONNECT asks for and what of it is granted. Decides; knows no socket and no store.

use std::time::Duration;

use windlass_app::message::TopicRefusal;
use windlass_domain::limits::Limits;

use super::packet::{Connect, Version, Welcome, Will, reason};
use super::subscriptions::{TopicProblem, check_topic};

/// Longest keep-alive that an MQTT 5 client is granted, in seconds; also what "never" becomes.
const LONGEST_KEEP_ALIVE: u16 = 3_600;

/// What kind of peer asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A device: may keep a session.
    Device,
    /// A claim certificate or an application: nothing outlives its connection.
    Passing,
}

/// Why a CONNECT is refused: a code of MQTT 5 and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u8,
    pub(crate) sentence: String,
}

impl Refusal {
    /// Says why.
    pub(crate) fn new(code: u8, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into() }
    }
}

/// What was agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) version: Version,
    pub(crate) client_id: String,
    /// Forget what an earlier connection left.
    pub(crate) clean: bool,
    /// How long the session outlives the connection, in seconds. Zero means not at all.
    pub(crate) session_expiry: u32,
    /// After this much silence the connection is dead. None means never.
    pub(crate) patience: Option<Duration>,
    pub(crate) will: Option<Will>,
    /// Most unacknowledged messages to the client.
    pub(crate) window: u16,
    /// Largest packet that the client takes.
    pub(crate) largest_out: usize,
    /// What CONNACK says; `session_present` is for the caller to set.
    pub(crate) welcome: Welcome,
}

/// Decides. `fresh_id` makes a client id where the client leaves that to the server.
///
/// # Errors
/// The first thing that cannot be granted.
pub(crate) fn agree(
    connect: Connect,
    kind: Kind,
    limits: &Limits,
    fresh_id: impl FnOnce() -> String,
    may_publish: impl Fn(&str) -> Result<(), TopicRefusal>,
) -> Result<Agreed, Refusal> {
    let Connect {
        version,
        client_id,
        clean,
        keep_alive,
        will,
        password: _,
        user_name: _,
        session_expiry,
        receive_maximum,
        maximum_packet,
        authentication,
    } = connect;
    if authentication {
        return Err(Refusal::new(reason::BAD_METHOD, "extended authentication is not offered"));
    }
    if client_id.len() > limits.client_id {
        let most = limits.client_id;
        return Err(Refusal::new(reason::CLIENT_ID, format!("the client id is longer than {most} bytes")));
    }
    if client_id.is_empty() && version == Version::V3 && !clean {
        return Err(Refusal::new(reason::CLIENT_ID, "a session that is to be kept needs a client id"));
    }
    if let Some(will) = &will {
        if will.retain && version == Version::V5 {
            return Err(Refusal::new(reason::RETAIN, "retained messages are not offered"));
        }
        match check_topic(&will.topic, limits) {
            Ok(()) => {}
            Err(TopicProblem::Invalid | TopicProblem::TooLarge) => {
                return Err(Refusal::new(reason::TOPIC_INVALID, "the will's topic is not valid here"));
            }
        }
        if let Err(refusal) = may_publish(&will.topic) {
            return Err(Refusal::new(reason::NOT_AUTHORIZED, format!("the will's topic: {refusal}")));
        }
    }
    let longest = match kind {
        Kind::Device => u32::try_from(limits.session_expiry.as_secs()).unwrap_or(u32::MAX),
        Kind::Passing => 0,
    };
    let asked = match version {
        Version::V3 => {
            if clean {
                0
            } else {
                longest
            }
        }
        Version::V5 => session_expiry.unwrap_or(0),
    };
    let granted = asked.min(longest);
    let granted_keep_alive = match version {
        Version::V3 => keep_alive,
        Version::V5 if keep_alive == 0 => LONGEST_KEEP_ALIVE,
        Version::V5 => keep_alive.min(LONGEST_KEEP_ALIVE),
    };
    let assigned = client_id.is_empty();
    let client_id = if assigned { fresh_id() } else { client_id };
    Ok(Agreed {
        version,
        clean,
        session_expiry: granted,
        // Section 3.1.2.10: one and a half times the keep-alive.
        patience: (granted_keep_alive > 0)
            .then(|| Duration::from_millis(u64::from(granted_keep_alive) * 1_500)),
        will,
        window: receive_maximum.unwrap_or(u16::MAX).clamp(1, limits.in_flight.max(1)),
        largest_out: maximum_packet.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX)),
        welcome: Welcome {
            session_present: false,
            assigned_client_id: assigned.then(|| client_id.clone()),
            receive_maximum: limits.in_flight,
            maximum_packet: u32::try_from(limits.packet).unwrap_or(u32::MAX),
            session_expiry: (granted != asked).then_some(granted),
            keep_alive: (granted_keep_alive != keep_alive).then_some(granted_keep_alive),
        },
        client_id,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn connect(version: Version) -> Connect {
        Connect {
            version,
            client_id: "pump".to_owned(),
            clean: true,
            keep_alive: 60,
            will: None,
            password: None,
            user_name: None,
            session_expiry: None,
            receive_maximum: None,
            maximum_packet: None,
            authentication: false,
        }
    }

    fn will(topic: &str) -> Option<Will> {
        Some(Will { topic: topic.to_owned(), payload: Bytes::new(), delay: 0, retain: false })
    }

    fn ask(connect: Connect, kind: Kind) -> Result<Agreed, u8> {
        let own = |topic: &str| {
            if topic.starts_with("devices/pump/") { Ok(()) } else { Err(TopicRefusal::NotAuthorized) }
        };
        agree(connect, kind, &Limits::default(), || "made-up".to_owned(), own).map_err(|r| r.code)
    }

    #[test]
    fn what_cannot_be_granted_is_refused_with_its_code() {
        let v5 = || connect(Version::V5);
        let cases: [(&str, Connect, u8); 8] = [
            ("long client id", Connect { client_id: "x".repeat(129), ..v5() }, reason::CLIENT_ID),
            (
                "kept session without a client id",
                Connect { client_id: String::new(), clean: false, ..connect(Version::V3) },
                reason::CLIENT_ID,
            ),
            ("extended authentication", Connect { authentication: true, ..v5() }, reason::BAD_METHOD),
            (
                "will on another's topic",
                Connect { will: will("devices/other/events"), ..v5() },
                reason::NOT_AUTHORIZED,
            ),
            ("will with a wildcard", Connect { will: will("devices/pump/#"), ..v5() }, reason::TOPIC_INVALID),
            ("will without a topic", Connect { will: will(""), ..v5() }, reason::TOPIC_INVALID),
            (
                "will on a long topic",
                Connect { will: will(&format!("devices/pump/{}", "x".repeat(300))), ..v5() },
                reason::TOPIC_INVALID,
            ),
            (
                "retained will",
                Connect { will: will("devices/pump/events").map(|w| Will { retain: true, ..w }), ..v5() },
                reason::RETAIN,
            ),
        ];
        for (what, connect, code) in cases {
            assert_eq!(ask(connect, Kind::Device), Err(code), "{what}");
        }
    }

    #[test]
    fn a_retained_will_is_taken_in_3_1_1_where_it_cannot_be_refused() {
        let will = will("devices/pump/events").map(|w| Will { retain: true, ..w });
        assert!(ask(Connect { will, ..connect(Version::V3) }, Kind::Device).is_ok());
    }

    #[test]
    fn sessions_last_as_asked_but_no_longer_than_the_limit_and_only_for_devices() {
        let week = 7 * 24 * 3600;
        let v3 = |clean| Connect { clean, ..connect(Version::V3) };
        let v5 = |expiry| Connect { session_expiry: expiry, ..connect(Version::V5) };
        let cases = [
            (v3(true), Kind::Device, 0, None),
            (v3(false), Kind::Device, week, None),
            (v3(false), Kind::Passing, 0, None),
            (v5(None), Kind::Device, 0, None),
            (v5(Some(60)), Kind::Device, 60, None),
            (v5(Some(u32::MAX)), Kind::Device, week, Some(week)),
            (v5(Some(60)), Kind::Passing, 0, Some(0)),
        ];
        for (connect, kind, granted, told) in cases {
            let v5 = connect.version == Version::V5;
            let agreed = ask(connect.clone(), kind).unwrap();
            assert_eq!(agreed.session_expiry, granted, "{connect:?} {kind:?}");
            if v5 {
                assert_eq!(agreed.welcome.session_expiry, told, "{connect:?} {kind:?}");
            }
        }
    }

    #[test]
    fn keep_alive_is_one_and_a_half_and_mqtt_5_clients_are_told_when_it_is_cut() {
        let patience = |version, keep_alive| {
            let agreed = ask(Connect { keep_alive, ..connect(version) }, Kind::Device).unwrap();
            (agreed.patience.map(|p| p.as_secs()), agreed.welcome.keep_alive)
        };
        assert_eq!(patience(Version::V3, 1_200), (Some(1_800), None));
        assert_eq!(patience(Version::V3, 0), (None, None));
        assert_eq!(patience(Version::V5, 60), (Some(90), None));
        assert_eq!(patience(Version::V5, 0), (Some(5_400), Some(3_600)));
        assert_eq!(patience(Version::V5, 40_000), (Some(5_400), Some(3_600)));
    }

    #[test]
    fn an_empty_client_id_is_replaced_and_told() {
        let agreed = ask(Connect { client_id: String::new(), ..connect(Version::V5) }, Kind::Device).unwrap();
        assert_eq!(agreed.client_id, "made-up");
        assert_eq!(agreed.welcome.assigned_client_id.as_deref(), Some("made-up"));
        let agreed = ask(connect(Version::V5), Kind::Device).unwrap();
        assert_eq!(agreed.welcome.assigned_client_id, None);
    }

    #[test]
    fn the_window_to_the_client_is_its_receive_maximum_within_ours() {
        let window = |receive_maximum| {
            ask(Connect { receive_maximum, ..connect(Version::V5) }, Kind::Device).unwrap().window
        };
        assert_eq!((window(None), window(Some(3)), window(Some(60_000))), (32, 3, 32));
    }
}
