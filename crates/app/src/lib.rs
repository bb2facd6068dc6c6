//! Use cases and reconcilers: one function per intention. Opens transactions, calls the domain, wakes others.
//!
//! **Invariant:** no sockets, no SQL text, no HTTP. Time and randomness come in through [`clock`].

mod app;
pub mod clock;
pub mod error;
pub mod hub;
pub mod message;
pub mod tasks;

pub use app::{App, AppConfig, Inner, StartError};
pub use error::{AppError, FieldProblem};
