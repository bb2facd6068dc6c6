//! What can go wrong with a backup and with its restoration. Every sentence says what to do.

use std::io;
use std::path::{Path, PathBuf};

use windlass_store::{OpenError, StoreError};

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// One is being made.
    #[error("another backup is being made; wait until it has ended")]
    Running,
    /// The node ends.
    #[error("the backup was given up because the server ends")]
    Stopped,
    /// The copies do not fit.
    #[error(
        "the copies for the backup need {needed} bytes in {}, and only {free} may be used; free space there",
        path.display()
    )]
    Space {
        /// Where.
        path: PathBuf,
        /// How many bytes.
        needed: u64,
        /// How many there are.
        free: u64,
    },
    /// A database could not be copied.
    #[error("{file} could not be copied")]
    Copy {
        /// Which file of the data directory.
        file: &'static str,
        /// What the database said.
        source: StoreError,
    },
    /// The data directory could not be taken.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The outcome could not be stored.
    #[error("the backup could not be recorded")]
    Store(#[from] StoreError),
    /// A file or folder.
    #[error("{} cannot be read or written", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is a file of that name.
    #[error("{} exists already; choose another name, a backup replaces nothing", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// What was staged is not what it should be.
    #[error(
        "{path} in the data directory is damaged: its bytes are not those of its name; the backup was given up"
    )]
    Damaged {
        /// Its path in the backup.
        path: String,
    },
    /// More members than a backup can list.
    #[error("there are too many artifacts for one backup")]
    TooMany,
    /// The passphrase file.
    #[error("the passphrase file {} cannot be read", path.display())]
    PassphraseFile {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A passphrase that is easily guessed.
    #[error("the passphrase is shorter than {least} characters; choose a longer one")]
    Passphrase {
        /// How many it must have.
        least: usize,
    },
    /// The seal could not be begun.
    #[error("the backup could not be sealed")]
    Seal(#[source] age::EncryptError),
    /// A helper thread died.
    #[error("the backup broke off")]
    Thread,
}

impl BackupError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// Why nothing was restored. The target is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The target holds something.
    #[error("{} is not empty; restore into a new directory", path.display())]
    NotEmpty {
        /// Which directory.
        path: PathBuf,
    },
    /// The disk.
    #[error("{} cannot be read or written", path.display())]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else entirely.
    #[error("{} is not a Windlass backup", path.display())]
    NotABackup {
        /// The file.
        path: PathBuf,
    },
    /// Sealed to a passphrase, and none was given.
    #[error("the backup is sealed with a passphrase; give it with --passphrase-file")]
    NeedsPassphrase,
    /// Sealed to a recipient, and no identity was given.
    #[error("the backup is sealed to a recipient key; give the file with its identity with --identity")]
    NeedsIdentity,
    /// Not the one it was sealed with.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// Not the ones it was sealed to.
    #[error("the backup is not sealed to this identity")]
    WrongIdentity,
    /// Begin it would take too much work.
    #[error("opening the backup would take 2^{required} rounds of scrypt, which Windlass never asks for")]
    TooMuchWork {
        /// The exponent.
        required: u8,
    },
    /// A newer program made it.
    #[error(
        "the backup was made by Windlass {made_by} ({what}); restore it with that version or a newer one"
    )]
    Newer {
        /// Its version.
        made_by: String,
        /// What this one does not know.
        what: String,
    },
    /// Cut short or changed.
    #[error("the backup is damaged or cut short: {problem}; nothing was restored")]
    Damaged {
        /// What is wrong.
        problem: String,
    },
    /// It does not fit.
    #[error("the backup needs {needed} bytes in {}, and only {free} are free", path.display())]
    Space {
        /// Where.
        path: PathBuf,
        /// How many bytes.
        needed: u64,
        /// How many are free.
        free: u64,
    },
}

impl RestoreError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn damaged(problem: impl ToString) -> Self {
        Self::Damaged { problem: problem.to_string() }
    }
}
