//! The state of Windlass: SQLite in a data directory, or PostgreSQL. The only crate that knows SQL.
//!
//! A question is a free function that takes the transaction it is asked in; [`Store::write`] and [`Store::read`]
//! open transactions. One SQL text serves both engines (see the macros of [`tx`]).
//!
//! **Invariant:** SQL does point reads, upserts and key ranges; it never looks inside documents.
//! **Invariant:** nothing above this crate names a database type; it passes [`Tx`] along.
//!
//! `mod` order is reading order.

pub mod alerts;
pub mod artifacts;
pub mod audit;
pub mod backups;
pub mod blobs;
pub mod changes;
pub mod claims;
pub mod credentials;
pub mod error;
pub mod executions;
pub mod jobs;
pub mod management;
mod postgres;
pub mod releases;
mod request;
mod row;
pub mod shadows;
pub(crate) mod sqlite;
mod store;
pub mod telemetry;
pub mod tx;

pub mod ddi;
pub mod device_tokens;
pub mod devices;
pub mod downloads;
pub mod events;
pub mod groups;
pub mod idempotency;
pub mod keys;
pub mod leases;
pub mod live;
pub mod outbox;
pub mod pending;
pub mod running;
pub mod sessions;
pub mod settings;
pub mod tenants;
pub mod types;
pub mod uploads;

pub mod command_templates;
pub mod templates;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tokens;
pub mod users;

pub mod console_links;
pub mod console_sessions;

pub use blobs::Blobs;
pub use changes::{Change, ChangeKind};
pub use error::{OpenError, StoreError, StoreErrorKind};
pub use postgres::reachable;
pub use sqlite::snapshot;
pub use store::{Location, Store};
pub use tx::Tx;

#[cfg(test)]
mod blobs_tests;
#[cfg(test)]
mod registry_tests;
