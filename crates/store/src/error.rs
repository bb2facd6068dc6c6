//! What can go wrong with the store, sorted by what a caller can do about it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::request;

/// What kind of trouble it is, and so what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// The database is locked by another process, or conflicting writers did not come to an end. Try again.
    Busy,
    /// No space left. Nothing of the batch was stored.
    DiskFull,
    /// The disk or the connection to the database failed. Nothing was acknowledged.
    Io,
    /// A uniqueness or not-null rule was broken.
    Constraint,
    /// What is stored cannot be read as what it should be.
    Corrupt,
    /// What was asked for is dropped already: whoever asks is to start anew.
    Missed,
    /// The store was closed.
    Closed,
    /// A defect: a malformed statement, a panic, a wrong type.
    Defect,
}

/// A question to the store that was not answered, or a write that was not made.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct StoreError {
    kind: StoreErrorKind,
    detail: String,
    #[source]
    source: Option<Arc<sqlx::Error>>,
}

impl StoreError {
    /// Makes an error without a database behind it.
    pub fn new(kind: StoreErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), source: None }
    }

    /// A stored value that cannot be read back; `what` names table and column.
    pub fn corrupt(what: &str, problem: impl std::fmt::Display) -> Self {
        Self::new(StoreErrorKind::Corrupt, format!("stored {what} cannot be read: {problem}"))
    }

    /// What kind of trouble it is.
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The store was closed.
    pub(crate) fn closed() -> Self {
        Self::new(StoreErrorKind::Closed, "the store is closed")
    }
}

/// How a database error sits with the transaction it happened in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Trouble {
    /// None, or one that leaves the transaction as it was.
    #[default]
    None,
    /// The engine asks for the whole transaction to be run again.
    Again,
    /// The engine may have rolled back everything.
    Fatal(StoreErrorKind),
}

fn judge(error: &sqlx::Error) -> (StoreErrorKind, Trouble) {
    use StoreErrorKind as Kind;
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            if database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                judge_sqlite(code.parse::<i32>().unwrap_or(1))
            } else {
                judge_postgres(&code)
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => (Kind::Io, Trouble::Fatal(Kind::Io)),
        sqlx::Error::PoolTimedOut => (Kind::Busy, Trouble::None),
        sqlx::Error::PoolClosed => (Kind::Closed, Trouble::Fatal(Kind::Closed)),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => (Kind::Corrupt, Trouble::None),
        _ => (Kind::Defect, Trouble::None),
    }
}

/// <https://www.sqlite.org/rescode.html>: the low byte is the primary code. FULL, IOERR, NOMEM and INTERRUPT may
/// have rolled back the whole transaction; BUSY inside one too.
fn judge_sqlite(extended: i32) -> (StoreErrorKind, Trouble) {
    use StoreErrorKind as Kind;
    match extended & 0xff {
        5 | 6 => (Kind::Busy, Trouble::Fatal(Kind::Busy)),
        7 | 9 | 10 | 14 => (Kind::Io, Trouble::Fatal(Kind::Io)),
        11 | 26 => (Kind::Corrupt, Trouble::Fatal(Kind::Corrupt)),
        13 => (Kind::DiskFull, Trouble::Fatal(Kind::DiskFull)),
        19 => (Kind::Constraint, Trouble::None),
        _ => (Kind::Defect, Trouble::None),
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn judge_postgres(code: &str) -> (StoreErrorKind, Trouble) {
    use StoreErrorKind as Kind;
    match code {
        "40001" | "40P01" => (Kind::Busy, Trouble::Again),
        "55P03" => (Kind::Busy, Trouble::None),
        "53100" => (Kind::DiskFull, Trouble::None),
        _ if code.starts_with("23") => (Kind::Constraint, Trouble::None),
        _ if code.starts_with("XX") => (Kind::Corrupt, Trouble::None),
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            (Kind::Io, Trouble::None)
        }
        _ => (Kind::Defect, Trouble::None),
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let (kind, trouble) = judge(&error);
        request::note(trouble);
        let detail = match kind {
            StoreErrorKind::Busy => "the database is locked by another process or writer",
            StoreErrorKind::DiskFull => "the disk of the database is full",
            StoreErrorKind::Io => "the database cannot be reached or its disk failed",
            StoreErrorKind::Constraint => "a rule of the database was broken",
            StoreErrorKind::Corrupt => "what the database holds cannot be read",
            StoreErrorKind::Missed => "what was asked for is dropped already",
            StoreErrorKind::Closed => "the store is closed",
            StoreErrorKind::Defect => "the database refused a statement",
        };
        Self { kind, detail: detail.to_owned(), source: Some(Arc::new(error)) }
    }
}

/// Why the store cannot be opened. Each sentence reads alone, for the operator who starts the server.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the lock.
    #[error(
        "the data directory {} is in use by another Windlass; stop that one first or choose another directory",
        directory.display()
    )]
    InUse {
        /// Which directory.
        directory: PathBuf,
    },
    /// Others may read keys and state.
    #[error(
        "the data directory {} may be read by others (mode {mode:04o}); run: chmod 700 {}",
        directory.display(), directory.display()
    )]
    LoosePermissions {
        /// Which directory.
        directory: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The path is no directory, or cannot be made or written.
    #[error("the data directory {} cannot be used", directory.display())]
    Directory {
        /// Which directory.
        directory: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A newer binary wrote it.
    #[error(
        "the database has schema version {found}, which this binary does not know (it knows up to {known}); \
         start the newer binary, or restore the copy that was made before the upgrade"
    )]
    NewerSchema {
        /// Version in the database.
        found: i64,
        /// Newest version of this binary.
        known: i64,
    },
    /// Bringing the schema up to date failed; the copy made before is named if there is one.
    #[error("the database cannot be brought to the schema of this binary{}",
        copy.as_ref().map(|path| format!("; the state before is in {}", path.display())).unwrap_or_default())]
    Migration {
        /// Where the state from before lies.
        copy: Option<PathBuf>,
        /// What went wrong.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// The PostgreSQL URL cannot be read. The URL is not repeated: it may hold a password.
    #[error("the PostgreSQL URL cannot be read; it looks like postgres://user:password@host:5432/database")]
    Url,
    /// The database does not answer, or answers with an error.
    #[error("the database cannot be opened: {0}")]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
