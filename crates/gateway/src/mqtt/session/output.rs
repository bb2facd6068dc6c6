//! What comes of a session's inputs: bytes for the client, messages to be made durable, notes, and how it ends.
//!
//! Data only; whoever drives the session acts on it.

use bytes::Bytes;
use windlass_app::hub::CloseReason;
use windlass_app::message::TopicRefusal;

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client said goodbye; its will is dropped.
    Goodbye,
    /// The client said goodbye and wants its will published.
    GoodbyeWithWill,
    /// The client broke off or cannot be reached.
    Lost,
    /// The client sent what it may not.
    Fault(&'static str),
    /// A 3.1.1 client published where it may not; it cannot be told otherwise.
    Refused,
    /// A message could not be stored.
    Unavailable,
    /// Too many messages for too long.
    Rate,
    /// The client did not read for too long.
    Stalled,
    /// The server ends it.
    Server(CloseReason),
}

impl Ending {
    /// Whether the will is to be published (sections 3.1.2.5 and 3.14.2.1 of MQTT 5).
    pub(crate) const fn fires_will(self) -> bool {
        !matches!(self, Self::Goodbye | Self::Server(CloseReason::ShuttingDown))
    }
}

/// A publish that is to be made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// For QoS 2 in a session that outlives the connection.
    pub(crate) qos2_id: Option<u16>,
}

/// A publish to a topic that the peer may not use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unwanted {
    pub(crate) topic: String,
    /// None if no peer could use it.
    pub(crate) refusal: Option<TopicRefusal>,
    /// Of the payload.
    pub(crate) bytes: usize,
}

/// What came of an input.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Output {
    /// To the client.
    pub(crate) bytes: Vec<u8>,
    /// To be made durable, in this order; each is answered by one [`super::Session::outcome`].
    pub(crate) taken: Vec<Taken>,
    /// Publishes to topics that the peer may not use, to be noted.
    pub(crate) refused: Vec<Unwanted>,
    /// Filters that it may not subscribe to, with the code it was told.
    pub(crate) refused_filters: Vec<(String, u8)>,
    /// The connection ends when `bytes` are written.
    pub(crate) ending: Option<Ending>,
    /// Seconds that the session is to outlive the connection, if the client changed its mind.
    pub(crate) session_expiry: Option<u32>,
    /// What happened, for the counters.
    pub(crate) tally: Tally,
}

/// What happened, counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) messages_in: [u32; 3],
    pub(crate) messages_out: [u32; 2],
    pub(crate) acknowledged: u32,
    pub(crate) refused: u32,
    pub(crate) rejected: u32,
    pub(crate) unavailable: u32,
    pub(crate) dropped: u32,
}
