//! Tests that run the real binary: servers, operators, devices, and the demonstration.
#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod support;

mod artifacts;
mod backup;
mod command_line;
mod demo;
mod device_port;
mod devices;
mod leaving;
mod rollouts;
mod simulation;
