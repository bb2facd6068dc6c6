//! What is wrong with a query, and where.

/// Why a text is no query. `Display` is a sentence for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {position}: expected {expected}, found {found}")]
pub struct QueryError {
    /// Character of the text, from 1.
    pub position: usize,
    /// What could stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl QueryError {
    pub(crate) fn new(position: usize, expected: &str, found: &str) -> Self {
        Self { position, expected: expected.to_owned(), found: found.to_owned() }
    }
}
