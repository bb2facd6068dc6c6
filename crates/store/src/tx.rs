//! A transaction of either engine, and the macros by which one SQL text serves both.
//!
//! Rules for SQL texts: parameters are `$1…` in ascending first use; integers are BIGINT (`i64`), times are
//! microseconds, documents are TEXT, digests BLOB/BYTEA (`Vec<u8>`, `&[u8]`); `ON CONFLICT … DO UPDATE … RETURNING`
//! works on both; cast sums and counts of conditions: `CAST(SUM(x) AS BIGINT)`.

use sqlx::{PgConnection, SqliteConnection};

use crate::changes::ChangeKind;

/// A transaction under way. Whoever opened it commits it or rolls it back; before it commits, what was noted goes into the
/// change feed.
#[derive(Debug)]
pub struct Tx<'c> {
    pub(crate) engine: Engine<'c>,
    changed: Vec<(ChangeKind, i64)>,
}

/// Where a transaction is.
#[derive(Debug)]
pub(crate) enum Engine<'c> {
    /// In the embedded store.
    Sqlite(&'c mut SqliteConnection),
    /// On a PostgreSQL server.
    Postgres(&'c mut PgConnection),
}

impl<'c> Tx<'c> {
    pub(crate) const fn sqlite(connection: &'c mut SqliteConnection) -> Self {
        Self { engine: Engine::Sqlite(connection), changed: Vec::new() }
    }

    pub(crate) const fn postgres(connection: &'c mut PgConnection) -> Self {
        Self { engine: Engine::Postgres(connection), changed: Vec::new() }
    }

    /// Notes for the change feed that the row `id` of `kind` changed. It is written there with this transaction.
    pub fn changed(&mut self, kind: ChangeKind, id: i64) {
        self.changed.push((kind, id));
    }

    /// How much was noted, to [`Tx::forget_changes`] from here on.
    pub(crate) const fn changes(&self) -> usize {
        self.changed.len()
    }

    /// Forgets what was noted after the first `kept`: it was undone.
    pub(crate) fn forget_changes(&mut self, kept: usize) {
        self.changed.truncate(kept);
    }

    /// What was noted and is not in the change feed yet.
    pub(crate) fn take_changes(&mut self) -> Vec<(ChangeKind, i64)> {
        std::mem::take(&mut self.changed)
    }
}

/// Evaluates an expression with the connection of either engine, once in the source, once per engine in the binary:
/// `both!(tx, connection => sqlx::query(SQL).bind(id).execute(connection).await)`.
macro_rules! both {
    ($tx:expr, $connection:ident => $body:expr) => {
        match &mut $tx.engine {
            $crate::tx::Engine::Sqlite(connection) => {
                let $connection = &mut **connection;
                ($body).map_err($crate::error::StoreError::from)
            }
            $crate::tx::Engine::Postgres(connection) => {
                let $connection = &mut **connection;
                ($body).map_err($crate::error::StoreError::from)
            }
        }
    };
}

/// Every row: `fetch_all!(tx, RowType, "SELECT …", bind, bind)` → `Result<Vec<RowType>, StoreError>`.
/// A row type derives `sqlx::FromRow` or is a tuple.
macro_rules! fetch_all {
    ($tx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::tx::both!($tx, connection =>
            sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_all(connection).await)
    };
}

/// The row, if there is one: `fetch_optional!(tx, RowType, "SELECT …", bind)` → `Result<Option<RowType>, StoreError>`.
macro_rules! fetch_optional {
    ($tx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::tx::both!($tx, connection =>
            sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_optional(connection).await)
    };
}

/// The one row: `fetch_one!(tx, (i64,), "INSERT … RETURNING id", bind)` → `Result<RowType, StoreError>`.
macro_rules! fetch_one {
    ($tx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::tx::both!($tx, connection =>
            sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_one(connection).await)
    };
}

/// No rows: `execute!(tx, "UPDATE …", bind)` → `Result<u64, StoreError>`, the number of rows it touched.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::tx::both!($tx, connection =>
            sqlx::query($sql)$(.bind($bind))*.execute(connection).await.map(|done| done.rows_affected()))
    };
}

/// A statement that looks for the numbers of a JSON array, in the words of either engine:
/// `among!(tx, "SELECT … WHERE id", "$1", " ORDER BY id")`; the parameter is the array's text.
macro_rules! among {
    ($tx:expr, $before:expr, $list:literal, $after:expr) => {
        match $tx.engine {
            $crate::tx::Engine::Sqlite(_) => {
                concat!($before, " IN (SELECT value FROM json_each(", $list, "))", $after)
            }
            $crate::tx::Engine::Postgres(_) => concat!(
                $before,
                " IN (SELECT CAST(x AS BIGINT) FROM json_array_elements_text(",
                $list,
                "::json) x)",
                $after
            ),
        }
    };
}

pub(crate) use {among, both, execute, fetch_all, fetch_one, fetch_optional};
