//! The node: configuration, REST v1, sign-in, metrics, health, start and drain.
//!
//! Knows no rule of the product: it asks `windlass-app`, and turns answers into HTTP.
//!
//! `mod` order is reading order.

pub mod config;
pub mod logging;
pub mod node;

pub mod outbound;

mod console;
mod rest;

mod hawkbit;

pub mod admin;

pub mod doctor;

pub use console::ConsoleError;
