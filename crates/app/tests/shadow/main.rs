//! Shadows with a real store and a clock that stands still: what devices ask, and what operators do.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod bench;
mod device;
mod operator;
