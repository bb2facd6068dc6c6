//! The change feed: what changed, for every node to tail (index, revocation and wake-ups alike).
//!
//! A position is a number that only rises. On SQLite it is the row's sequence. On PostgreSQL it is the transaction's
//! id: sequence numbers become visible out of order there, so a reader stops below the oldest transaction that is
//! still open (`pg_snapshot_xmin`) and takes whole transactions only; all changes of one share a position.

use std::collections::HashSet;

use crate::error::{StoreError, StoreErrorKind};
use crate::row::{read_json, write_json};
use crate::tx::{Engine, Tx, execute, fetch_all, fetch_one, fetch_optional};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)?) => {
        /// What a change is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ChangeKind {
            $($(#[$doc])* $variant,)+
            /// Written by a newer node; of no interest here.
            Unknown,
        }

        impl ChangeKind {
            /// The word that is stored.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ Self::Unknown => "unknown" }
            }

            /// Reads the stored word.
            pub fn parse(word: &str) -> Self {
                match word { $($word => Self::$variant,)+ _ => Self::Unknown }
            }
        }
    };
}

kinds!(
    /// A tenant.
    Tenant = "tenant",
    /// A device, its aliases or group memberships. Also written when one is deleted.
    Device = "device",
    /// A device type.
    DeviceType = "deviceType",
    /// A static group.
    Group = "group",
    /// A claim.
    Claim = "claim",
    /// A certificate credential.
    Credential = "credential",
    /// An enrolment that waits for an operator, or its decision.
    Pending = "pending",
    /// A provisioning template.
    Template = "template",
    /// A shadow of the device with this id.
    Shadow = "shadow",
    /// An artifact.
    Artifact = "artifact",
    /// A component.
    Component = "component",
    /// A release.
    Release = "release",
    /// A job.
    Job = "job",
    /// An execution.
    Execution = "execution",
    /// The device with this id was offered work or relieved of it. Written where several nodes share the store: the
    /// device may be connected to another one.
    Work = "work",
    /// The job with this id was held or released: devices that have not begun it look again. Written as `Work` is.
    Held = "held",
    /// A user.
    User = "user",
    /// An API token.
    Token = "token",
    /// A secret key of the server.
    SecretKey = "secretKey",
    /// A telemetry series.
    Series = "series",
    /// An alert.
    Alert = "alert",
    /// A setting of the tenant with this id.
    Setting = "setting",
    /// The token of the device with this id.
    DeviceToken = "deviceToken",
    /// The device with this id had a token that it has no more; it may have another one.
    DeviceTokenLost = "deviceTokenLost",
    /// An event or a log line of the device with this id.
    Event = "event",
    /// A backup, by no number: it is a file.
    Backup = "backup",
    /// What is known of the device with this id as a hawkBit target.
    DdiTarget = "ddiTarget",
    /// A saved query, and what it assigns by itself.
    Filter = "filter",
);

/// One entry of the change feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Position in the feed: who has applied everything up to here goes on after it.
    pub seq: i64,
    /// What changed.
    pub kind: ChangeKind,
    /// Which one.
    pub id: i64,
}

/// Writes what a transaction noted since the last time into the feed, each thing once: the last it does before it commits.
pub(crate) async fn write(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let mut noted = tx.take_changes();
    if noted.is_empty() {
        return Ok(());
    }
    let mut known = HashSet::new();
    noted.retain(|change| known.insert(*change));
    let entries: Vec<(&str, i64)> = noted.into_iter().map(|(kind, id)| (kind.as_str(), id)).collect();
    let sql = match tx.engine {
        Engine::Sqlite(_) => {
            "INSERT INTO change (kind, id)
             SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each($1) ORDER BY key"
        }
        Engine::Postgres(_) => {
            "INSERT INTO change (kind, id)
             SELECT x->>0, CAST(x->>1 AS BIGINT)
             FROM json_array_elements($1::json) WITH ORDINALITY AS noted (x, place) ORDER BY place"
        }
    };
    execute!(tx, sql, write_json("change", &entries)?).map(drop)
}

/// The position up to which everything is visible to this transaction and nothing older can appear later.
///
/// # Errors
/// When the database fails.
pub async fn latest(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    let sql = match tx.engine {
        // AUTOINCREMENT never reuses a number, also when the feed was trimmed to nothing.
        Engine::Sqlite(_) => "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'change'), 0)",
        Engine::Postgres(_) => {
            "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) - 1"
        }
    };
    Ok(fetch_one!(tx, (i64,), sql)?.0)
}

/// What changed after position `after`, oldest first: about `limit` entries, and at least one if there is any.
/// On PostgreSQL a transaction is never split, so a large one may exceed the limit.
///
/// # Errors
/// [`StoreErrorKind::Missed`] when some of it was dropped already; else when the database fails.
pub async fn after(tx: &mut Tx<'_>, after: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
    if trimmed(tx).await?.is_some_and(|position| after < position) {
        const DETAIL: &str = "a part of the change feed that was not read is dropped already";
        return Err(StoreError::new(StoreErrorKind::Missed, DETAIL));
    }
    let rows: Vec<(i64, String, i64)> = match tx.engine {
        // One row, since each goes from SQLite's thread to this one by itself.
        Engine::Sqlite(_) => {
            let (page,) = fetch_one!(
                tx,
                (String,),
                "SELECT json_group_array(json_array(seq, kind, id) ORDER BY seq)
                 FROM (SELECT seq, kind, id FROM change WHERE seq > $1 ORDER BY seq LIMIT $2)",
                after,
                i64::from(limit)
            )?;
            read_json("change", &page)?
        }
        // The inner query finds the last position of the page; the outer one takes all of it.
        Engine::Postgres(_) => fetch_all!(
            tx,
            (i64, String, i64),
            "SELECT CAST(CAST(xid AS TEXT) AS BIGINT), kind, id FROM change
             WHERE xid > CAST(CAST($1 AS TEXT) AS XID8) AND xid <= (
               SELECT MAX(page.xid) FROM (
                 SELECT xid FROM change
                 WHERE xid > CAST(CAST($1 AS TEXT) AS XID8) AND xid < pg_snapshot_xmin(pg_current_snapshot())
                 ORDER BY xid LIMIT $2) page)
             ORDER BY xid, seq",
            after.to_string(),
            i64::from(limit)
        )?,
    };
    Ok(rows.into_iter().map(|(seq, kind, id)| Change { seq, kind: ChangeKind::parse(&kind), id }).collect())
}

/// Up to where the feed was dropped. On PostgreSQL a position that its own transactions have not reached is another
/// cluster's, as after a restore, and says nothing.
async fn trimmed(tx: &mut Tx<'_>) -> Result<Option<i64>, StoreError> {
    let sql = match tx.engine {
        Engine::Sqlite(_) => "SELECT position FROM change_trimmed",
        Engine::Postgres(_) => {
            "SELECT position FROM change_trimmed
             WHERE position < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)"
        }
    };
    Ok(fetch_optional!(tx, (i64,), sql)?.map(|(position,)| position))
}

/// Forgets up to where the feed was dropped: whoever opens the store has read nothing of it yet.
///
/// # Errors
/// When the database fails.
pub(crate) async fn forget_another_cluster(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    if let Engine::Postgres(_) = tx.engine
        && trimmed(tx).await?.is_none()
    {
        execute!(tx, "DELETE FROM change_trimmed")?;
    }
    Ok(())
}

/// Drops all but about the newest `keep` entries, and notes up to where. What a transaction that is still open holds back
/// from readers stays. Returns how many went.
///
/// # Errors
/// When the database fails.
pub async fn trim(tx: &mut Tx<'_>, keep: i64) -> Result<u64, StoreError> {
    let sql = match tx.engine {
        Engine::Sqlite(_) => "SELECT MAX(seq), MAX(seq) FROM change WHERE seq <= (SELECT MAX(seq) FROM change) - $1",
        Engine::Postgres(_) => {
            "SELECT MAX(seq), MAX(CAST(CAST(xid AS TEXT) AS BIGINT)) FROM change
             WHERE seq <= (SELECT MAX(seq) FROM change) - $1 AND xid < pg_snapshot_xmin(pg_current_snapshot())"
        }
    };
    let (Some(last), Some(position)) = fetch_one!(tx, (Option<i64>, Option<i64>), sql, keep)? else {
        return Ok(0);
    };
    execute!(
        tx,
        "INSERT INTO change_trimmed (one, position) VALUES (1, $1)
         ON CONFLICT (one) DO UPDATE SET position = excluded.position",
        position,
    )?;
    match tx.engine {
        Engine::Sqlite(_) => execute!(tx, "DELETE FROM change WHERE seq <= $1", last),
        Engine::Postgres(_) => execute!(
            tx,
            "DELETE FROM change WHERE seq <= $1 AND xid < pg_snapshot_xmin(pg_current_snapshot())",
            last
        ),
    }
}
