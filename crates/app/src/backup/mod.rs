//! Backups: everything a node knows in one sealed file, and a data directory made anew from it.
//!
//! A backup is staged first (copies of the databases as of one moment, links to the blobs), so that nothing is held up
//! while the file is written: telemetry, then state, then blobs with collection held, then keys. Telemetry comes
//! before state so that no point belongs to a device that the state does not know.
//!
//! With PostgreSQL the state and the telemetry are on the server and not in the file: blobs and keys are.
//!
//! Knows neither HTTP nor the administration socket.
//!
//! `mod` order is reading order.

mod error;
mod manifest;
mod seal;
mod stage;

mod write;

mod restore;

mod shelf;

mod keeper;

pub use error::{BackupError, RestoreError};
pub use keeper::{Backups, Held, Listed, Schedule, Settings, Shown, ShownState};
pub use restore::{Restored, restore};
pub use seal::{Key, PASSPHRASE_CHARACTERS, Seal, SealSource, Sealed, sealed};
pub use shelf::{BackupName, InvalidBackupName};
pub use stage::{Snapshot, Staged, stage_alone, written_alone};
pub use write::{Written, write};

#[cfg(test)]
mod tests;
