//! The fleet query language: RSQL, as hawkBit writes it, and a little more.
//!
//! ```text
//! query      = and { ("," | "or") and }
//! and        = unit { (";" | "and") unit }
//! unit       = "(" query ")" | clause
//! clause     = field operator value | field ("=in=" | "=out=") "(" value { "," value } ")"
//! operator   = "==" "!=" "=li=" | "=lt=" "<" "=le=" "<=" "=gt=" ">" "=ge=" ">=" | "=is=" "=eq=" "=not=" "=ne="
//! ```
//!
//! - Fields are letters, digits, `_`, `-`, `:` and dots; their case does not matter.
//! - Values stand bare or in single or double quotes. `*` stands for any characters, `\*` for a star. The case of a
//!   value does not matter, nor whether a blank is a no-break one.
//! - A field with several values (`tag`) matches when one of them does; `!=` and `=out=` are the exact opposites of
//!   `==` and `=in=`, so they also hold where there is no value. `==''` holds for an empty and for no value.
//! - `=is=null` (`=eq=`) holds where there is no value, `=not=null` (`=ne=`) where there is one; with any other
//!   value they mean `==` and `!=`.
//! - An order (`<` …) compares numbers as numbers, times as times (RFC 3339, or milliseconds since 1970), and
//!   everything else as text; it never holds where there is no value.
//!
//! **Invariant:** parsing and evaluation are pure and bounded ([`MAX_BYTES`], [`MAX_DEPTH`], [`MAX_CLAUSES`]).
//! Knows no device: whoever asks hands in [`Fields`] to ask about one, or an [`Index`] to ask about all.

mod column;
mod error;
mod eval;
mod parse;
mod rsql;
mod select;
mod value;

pub use column::{Column, Postings, Rows, TextColumn};
pub use error::QueryError;
pub use eval::{Fields, Value};
pub use parse::{MAX_BYTES, MAX_CLAUSES, MAX_DEPTH, parse};
pub use rsql::{Instead, RsqlError, Times, parse_kept_rsql, parse_rsql, rewrite, translate_rsql};
pub use select::Index;
pub use value::quoted;

use roaring::RoaringTreemap;
use value::Operand;

/// A parsed query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    root: Node,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Clause(Clause),
}

#[derive(Debug, Clone, PartialEq)]
struct Clause {
    field: Field,
    /// Character of the query at which the field starts, from 1.
    position: usize,
    /// The character after its last one.
    end: usize,
    negated: bool,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    /// One of the values matches one of these.
    OneOf(Vec<Operand>),
    /// One of the values stands in this order to the operand.
    Order(Order, Operand),
    /// There is no value.
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The name of a field, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(String);

impl Field {
    /// Takes a name in any case.
    pub fn new(name: &str) -> Self {
        Self(name.to_lowercase())
    }

    /// The whole name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the first dot, and what stands after it.
    pub fn split(&self) -> (&str, Option<&str>) {
        match self.0.split_once('.') {
            Some((root, key)) => (root, Some(key)),
            None => (&self.0, None),
        }
    }
}

impl Query {
    /// Whether `subject` is one of those that the query asks for.
    pub fn matches(&self, subject: &dyn Fields) -> bool {
        eval::matches(&self.root, subject)
    }

    /// Asks for what both ask for.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { root: Node::All(vec![self.root, other.root]) }
    }

    /// Those of `among` that the query asks for: whole sets of rows where a field is indexed, one by one for the rest.
    /// The answer is that of [`Query::matches`] on every row.
    pub fn select(&self, index: &dyn Index, among: RoaringTreemap) -> RoaringTreemap {
        select::select(&self.root, index, among)
    }

    /// Checks every field with `known`, so that a query on a field that nothing has is refused, not empty.
    ///
    /// # Errors
    /// Names the first unknown field and where it stands; `expected` says which fields there are.
    pub fn check_fields(&self, known: impl Fn(&Field) -> bool, expected: &str) -> Result<(), QueryError> {
        let mut open = vec![&self.root];
        let mut worst: Option<&Clause> = None;
        while let Some(node) = open.pop() {
            match node {
                Node::All(nodes) | Node::Any(nodes) => open.extend(nodes),
                Node::Clause(clause) if !known(&clause.field) => {
                    if worst.is_none_or(|other| clause.position < other.position) {
                        worst = Some(clause);
                    }
                }
                Node::Clause(_) => {}
            }
        }
        worst.map_or(Ok(()), |clause| {
            Err(QueryError::new(clause.position, expected, &format!("the unknown field {}", clause.field.0)))
        })
    }
}
