//! What a use case answers when it does not do what was asked: one enum, stable codes, sentences that help.

use windlass_store::StoreError;

/// One field of a request that cannot be taken as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Dotted path in the request, such as `waves.0.count`.
    pub field: String,
    /// What is wrong and what is allowed.
    pub problem: String,
}

impl FieldProblem {
    /// Names a field and what is wrong with it.
    pub fn new(field: impl Into<String>, problem: impl ToString) -> Self {
        Self { field: field.into(), problem: problem.to_string() }
    }
}

/// Why a use case refused or failed. `Display` is the sentence for the caller.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Not there, or not visible to the caller: both look the same.
    #[error("{what} {name} does not exist")]
    NotFound {
        /// Kind of thing, such as "device".
        what: &'static str,
        /// Its name or number.
        name: String,
    },
    /// The name is taken.
    #[error("{what} {name} exists already")]
    Exists {
        /// Kind of thing.
        what: &'static str,
        /// Its name or number.
        name: String,
    },
    /// The state of things does not allow it.
    #[error("{detail}")]
    Conflict {
        /// Stable, such as `device.decommissioned`.
        code: &'static str,
        /// What is in the way and what to do.
        detail: String,
    },
    /// One or more fields cannot be taken.
    #[error("{} of the request cannot be used", fields(.0))]
    Invalid(Vec<FieldProblem>),
    /// The caller may not do this.
    #[error("your role does not allow this; ask an administrator for the permission {0}")]
    Forbidden(&'static str),
    /// Somebody else changed it first.
    #[error("the record is at version {current} now; read it again and repeat your change")]
    VersionMismatch {
        /// The version that is stored.
        current: i64,
    },
    /// Over a limit.
    #[error("{what} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Bytes allowed.
        limit: u64,
    },
    /// Too many, or too often.
    #[error("{detail}")]
    Quota {
        /// Stable, such as `claim.rate`.
        code: &'static str,
        /// Which bound, and what to do.
        detail: String,
    },
    /// Free disk is below the bound.
    #[error("the server's disk is almost full; telemetry and uploads wait until space is freed")]
    DiskFull,
    /// A part is not available for now.
    #[error("{0}")]
    Unavailable(String),
    /// The store failed.
    #[error("the store could not carry this out")]
    Store(#[from] StoreError),
}

/// An error with everything under it, for the operator's log.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

fn fields(problems: &[FieldProblem]) -> String {
    let names: Vec<_> = problems.iter().map(|p| format!("{} ({})", p.field, p.problem)).collect();
    names.join(", ")
}

impl AppError {
    /// A thing that is not there for the caller.
    pub fn not_found(what: &'static str, name: impl ToString) -> Self {
        Self::NotFound { what, name: name.to_string() }
    }

    /// One field that cannot be taken.
    pub fn invalid(field: impl Into<String>, problem: impl ToString) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, problem)])
    }

    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Exists { .. } => "exists",
            Self::Conflict { code, .. } | Self::Quota { code, .. } => code,
            Self::Invalid(_) => "invalid",
            Self::Forbidden(_) => "forbidden",
            Self::VersionMismatch { .. } => "version_mismatch",
            Self::TooLarge { .. } => "too_large",
            Self::DiskFull => "disk_full",
            Self::Unavailable(_) => "unavailable",
            Self::Store(_) => "internal",
        }
    }
}
