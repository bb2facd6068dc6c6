//! Shadows: what devices ask of them, what is pending for a device, and what operators do with them.
//!
//! Loads, lets the domain decide, stores, and says what is to be sent. Knows neither sockets nor sessions: who is
//! subscribed to what is a question for whoever sends.

mod convert;
mod device;
mod operator;
mod pending;

pub use device::handle;
pub use operator::{ShadowLine, ShadowView};
pub use pending::{SentVersions, could_match_delta, note_sent, pending_deltas};
