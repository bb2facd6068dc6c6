//! Use cases and reconcilers: one function per intention. Opens transactions, calls the domain, wakes others.
//!
//! **Invariant:** no sockets, no SQL text, no HTTP. Time and randomness come in through [`clock`].

pub mod access;
mod app;
pub mod artifacts;
pub mod audit;
pub mod authority;
pub mod clock;
pub mod enrol;
pub mod error;
pub mod hub;
pub mod identify;
pub mod jobs;
pub mod links;
pub mod message;
pub mod releases;
pub mod shadow;
pub mod tasks;

pub use app::{App, AppConfig, Inner, StartError};
pub use error::{AppError, FieldProblem};
