//! Use cases and reconcilers: one function per intention. Opens transactions, calls the domain, wakes others.
//!
//! **Invariant:** no sockets, no SQL text, no HTTP. Time and randomness come in through [`clock`].

pub mod access;
pub mod alerts;
mod app;
pub mod artifacts;
pub mod audit;
pub mod authorise;
pub mod authority;
pub mod backup;
pub mod clock;
pub mod connections;
pub mod ddi;
pub mod deliver;
pub mod devices;
pub mod downloads;
pub mod enrol;
pub mod error;
pub mod events;
pub mod fleet;
mod follow;
pub mod groups;
pub mod hawkbit;
mod housekeeping;
pub mod hub;
pub mod identify;
mod ingest;
pub mod jobs;
mod leases;
pub mod links;
pub mod live;
pub mod message;
pub mod outbound;
mod permit;
pub mod refusals;
pub mod releases;
pub mod shadow;
pub mod simulation;
mod snapshot;
pub mod storage;
mod streams;
pub mod tasks;
pub mod telemetry;
pub mod types;
pub mod uploads;

pub use app::{App, AppConfig, Inner, StartError};
pub use error::{AppError, FieldProblem};
