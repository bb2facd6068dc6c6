//! What peers say to each other in MQTT, of either version. Knows no bytes.

use bytes::Bytes;

/// Protocol version, agreed on by CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// MQTT 3.1.1, protocol level 4.
    V3,
    /// MQTT 5.0, protocol level 5.
    V5,
}

/// Quality of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Qos {
    /// At most once.
    Zero,
    /// At least once.
    One,
    /// Exactly once.
    Two,
}

impl Qos {
    /// The number on the wire.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// From the number on the wire or in a saved session.
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Zero),
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }
}

/// Reason codes of MQTT 5 that the server uses (section 2.4). 3.1.1 has none but in CONNACK and SUBACK.
pub(crate) mod reason {
    pub(crate) const SUCCESS: u8 = 0x00;
    pub(crate) const DISCONNECT_WITH_WILL: u8 = 0x04;
    pub(crate) const NO_SUBSCRIPTION: u8 = 0x11;
    pub(crate) const UNSPECIFIED: u8 = 0x80;
    pub(crate) const MALFORMED: u8 = 0x81;
    pub(crate) const PROTOCOL_ERROR: u8 = 0x82;
    pub(crate) const UNSUPPORTED_VERSION: u8 = 0x84;
    pub(crate) const CLIENT_ID: u8 = 0x85;
    pub(crate) const BAD_CREDENTIAL: u8 = 0x86;
    pub(crate) const NOT_AUTHORIZED: u8 = 0x87;
    pub(crate) const UNAVAILABLE: u8 = 0x88;
    pub(crate) const BUSY: u8 = 0x89;
    pub(crate) const SHUTTING_DOWN: u8 = 0x8b;
    pub(crate) const BAD_METHOD: u8 = 0x8c;
    pub(crate) const KEEP_ALIVE: u8 = 0x8d;
    pub(crate) const TAKEN_OVER: u8 = 0x8e;
    pub(crate) const FILTER_INVALID: u8 = 0x8f;
    pub(crate) const TOPIC_INVALID: u8 = 0x90;
    pub(crate) const ID_NOT_FOUND: u8 = 0x92;
    pub(crate) const RECEIVE_MAXIMUM: u8 = 0x93;
    pub(crate) const TOPIC_ALIAS: u8 = 0x94;
    pub(crate) const TOO_LARGE: u8 = 0x95;
    pub(crate) const RATE: u8 = 0x96;
    pub(crate) const QUOTA: u8 = 0x97;
    pub(crate) const PAYLOAD_INVALID: u8 = 0x99;
    pub(crate) const RETAIN: u8 = 0x9a;
    pub(crate) const NO_SHARED: u8 = 0x9e;
    pub(crate) const MAXIMUM_CONNECT_TIME: u8 = 0xa0;
    pub(crate) const NO_IDENTIFIERS: u8 = 0xa1;
}

/// Why bytes are no packet that may come now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// Against the format.
    #[error("malformed packet")]
    Malformed,
    /// A packet or content that may not come here.
    #[error("protocol error")]
    Protocol,
    /// Neither 3.1.1 nor 5.
    #[error("unsupported protocol version")]
    Version,
    /// Over the limit that holds at this point.
    #[error("packet too large")]
    TooLarge,
}

impl Fault {
    /// The reason code for MQTT 5.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Malformed => reason::MALFORMED,
            Self::Protocol => reason::PROTOCOL_ERROR,
            Self::Version => reason::UNSUPPORTED_VERSION,
            Self::TooLarge => reason::TOO_LARGE,
        }
    }
}

/// A message to be published when the connection ends without goodbye.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Will {
    /// Where it goes.
    pub(crate) topic: String,
    /// What it says.
    pub(crate) payload: Bytes,
    /// Seconds to wait for the client to come back first.
    pub(crate) delay: u32,
    /// Asked to be kept for later subscribers, which the server does not do.
    pub(crate) retain: bool,
}

/// CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connect {
    pub(crate) version: Version,
    pub(crate) client_id: String,
    /// Clean start (5) or clean session (3.1.1).
    pub(crate) clean: bool,
    pub(crate) keep_alive: u16,
    pub(crate) will: Option<Will>,
    pub(crate) password: Option<Bytes>,
    /// Says nothing about who it is: device SDKs put their own statistics into it.
    pub(crate) user_name: Option<String>,
    /// Seconds; absent in 3.1.1.
    pub(crate) session_expiry: Option<u32>,
    pub(crate) receive_maximum: Option<u16>,
    pub(crate) maximum_packet: Option<u32>,
    /// Whether an authentication method was asked for.
    pub(crate) authentication: bool,
}

/// PUBLISH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Publish {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) qos: Qos,
    /// None with quality of service zero.
    pub(crate) packet_id: Option<u16>,
    pub(crate) retain: bool,
    /// A topic alias was given; the server announced that it takes none.
    pub(crate) alias: bool,
}

/// SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscribe {
    pub(crate) packet_id: u16,
    pub(crate) filters: Vec<(String, Qos)>,
    /// A subscription identifier was given; the server announced that it takes none.
    pub(crate) identifier: bool,
}

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Packet {
    Connect(Box<Connect>),
    Publish(Publish),
    PubAck(u16),
    PubRec,
    PubRel(u16),
    PubComp,
    Subscribe(Subscribe),
    Unsubscribe { packet_id: u16, filters: Vec<String> },
    PingReq,
    Disconnect { code: u8, session_expiry: Option<u32> },
    Auth,
}

/// What CONNACK says when it accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Welcome {
    pub(crate) session_present: bool,
    /// The server chose the client id.
    pub(crate) assigned_client_id: Option<String>,
    pub(crate) receive_maximum: u16,
    pub(crate) maximum_packet: u32,
    /// Where it differs from what the client asked for.
    pub(crate) session_expiry: Option<u32>,
    /// Where it differs from what the client asked for.
    pub(crate) keep_alive: Option<u16>,
}
