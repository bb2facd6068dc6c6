//! Updates end to end inside the server, with a real store and a clock that stands still: artifacts, releases, links,
//! jobs, the device's side of them, and what a restart between any two steps changes (nothing).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod again;
mod agenda;
mod artifacts;
mod back;
mod commands;
mod ddi;
mod ddi_silent;
mod ddi_truth;
mod ddi_why;
mod ddi_word;
mod device;
mod downloads;
mod dry_run;
mod forecast;
mod gone;
mod keeping;
mod operate;
mod past;
mod policy;
mod restart;
mod rollout;
mod signing;
mod streams;
mod uploads;
mod versions;
mod world;
