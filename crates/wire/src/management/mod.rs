//! hawkBit's Management API: what clients send and what they get. Parse and format only.
//!
//! Members that are not known here are ignored, as upstream does.

pub mod actions;
pub mod auto_assignments;
pub mod common;
pub mod rollouts;
pub mod software;
pub mod targets;
