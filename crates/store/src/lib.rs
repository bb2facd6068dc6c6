//! The state of Windlass: SQLite in a data directory, or PostgreSQL. The only crate that knows SQL.
//!
//! A question is a free function that takes the transaction it is asked in; [`Store::write`] and [`Store::read`]
//! open transactions. One SQL text serves both engines (see the macros of [`tx`]).
//!
//! **Invariant:** SQL does point reads, upserts and key ranges; it never looks inside documents.
//! **Invariant:** nothing that leaves this crate is a database type.
//!
//! `mod` order is reading order.

pub mod artifacts;
pub mod blobs;
pub mod changes;
pub mod error;
pub mod executions;
pub mod jobs;
mod postgres;
pub mod releases;
mod request;
pub mod sessions;
pub mod shadows;
pub(crate) mod sqlite;
mod store;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tx;

pub use blobs::Blobs;
pub use changes::{Change, ChangeKind};
pub use error::{OpenError, StoreError, StoreErrorKind};
pub use store::{Location, Store};
pub use tx::Tx;
