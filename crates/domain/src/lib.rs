//! The rules of Windlass: data and time in, decisions out.
//!
//! **Invariant:** nothing here knows async, a clock, randomness, SQL, HTTP or MQTT. No type here derives serde:
//! wire, API and row shapes live in their own crates and convert by destructuring.
//!
//! `mod` order is reading order.

pub mod alert;
pub mod audit;
pub mod credential;
pub mod device;
pub mod device_type;
pub mod enrol;
pub mod event;
pub mod hawkbit;
pub mod ids;
pub mod job;
pub mod limits;
pub mod notify;
pub mod permission;
pub mod shadow;
pub mod software;
pub mod spelling;
pub mod telemetry;
pub mod template;
pub mod time;
pub mod topic_map;
pub mod version;
