//! Use cases and reconcilers: one function per intention. Opens transactions, calls the domain, wakes others.
//!
//! **Invariant:** no sockets, no SQL text, no HTTP. Time and randomness come in through [`clock`].

pub mod access;
mod app;
pub mod audit;
pub mod authority;
pub mod clock;
pub mod enrol;
pub mod error;
pub mod hub;
pub mod identify;
pub mod message;
pub mod tasks;

pub use app::{App, AppConfig, Inner, StartError};
pub use error::{AppError, FieldProblem};
