//! MQTT 3.1.1 and 5: packets, what a CONNECT may ask for, sessions, and the task that drives one connection.

pub(crate) mod connect;
pub(crate) mod connection;
pub(crate) mod engine;
pub(crate) mod link;
pub(crate) mod packet;
pub(crate) mod session;
pub(crate) mod subscriptions;
pub(crate) mod welcome;
pub(crate) mod wills;
