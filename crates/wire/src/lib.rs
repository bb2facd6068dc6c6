//! What devices see: topics and documents of the AWS-compatible device API. Parse and format only.
//!
//! **Invariant:** nothing here knows a rule of the product, a clock, a database or a socket. Times are epoch
//! seconds, as the device API writes them. Every parser takes hostile bytes and never panics.

#![deny(clippy::indexing_slicing)]
#![deny(clippy::wildcard_enum_match_arm)]

pub mod ddi;
mod encode;
pub mod filter;
pub mod hawkbit;
pub mod jobs;
pub mod management;
pub mod provisioning;
pub mod shadow;
pub mod streams;
pub mod telemetry;
pub mod topic;
