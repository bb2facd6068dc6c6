//! Devices that speak hawkBit's Direct Device Integration: a tenant's settings for them, their tokens, and what they
//! ask and report.
//!
//! Knows neither HTTP nor JSON: `gateway::ddi` translates. An action is an execution of an update job; its states and
//! verdicts are those of every job.
//!
//! `mod` order is reading order.

mod memory;
mod settings;
mod tokens;

mod peer;

mod known;

mod stand;

mod poll;

mod action;

mod said;

mod installed;

mod report;

mod attributes;

mod files;

mod rauc;

pub use action::{ActionView, Failed, FileView, ModuleView, Wanted, action_word};
pub use files::DdiFile;
pub(crate) use installed::fell_back;
pub use memory::Contact;
pub(crate) use memory::Memory;
pub use peer::{ALIAS, DdiPeer, LONGEST as LONGEST_CONTROLLER_ID, Proof, ProxyWord, Shown, Turned};
pub use poll::{Next, Poll};
pub(crate) use poll::{agree, agree_in_advance};
pub use rauc::{Bundle, RaucSays};
pub use report::{MOST_ENTRIES, MOST_MESSAGES};
pub(crate) use said::{in_pieces, spoke_of};
pub use settings::SettingView;
pub(crate) use stand::CLIENTS;
pub use stand::{CLIENT_ATTRIBUTE, Urgency};
pub use tokens::DeviceTokenView;
pub(crate) use tokens::token_put;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod foreign_tests;
