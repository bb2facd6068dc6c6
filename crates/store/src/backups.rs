//! How the backups of each node went: the last attempt and the last success.

use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::row::time;
use crate::tx::{Tx, execute, fetch_all, fetch_optional};

/// The schema version from which on there is a table for this.
pub(crate) const SINCE: i64 = 6;

/// The last attempt of a node, and when one last went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupOutcome {
    /// When the last attempt ended.
    pub attempted_at: Timestamp,
    /// When an attempt last went well.
    pub succeeded_at: Option<Timestamp>,
    /// The file of the last attempt.
    pub name: Option<String>,
    /// What went wrong at the last attempt; none if it went well.
    pub problem: Option<String>,
}

type Row = (i64, Option<i64>, Option<String>, Option<String>);

fn outcome_of((attempted_at, succeeded_at, name, problem): Row) -> BackupOutcome {
    BackupOutcome {
        attempted_at: Timestamp::from_micros(attempted_at),
        succeeded_at: time(succeeded_at),
        name,
        problem,
    }
}

/// How the backups of a node went; none if there was no attempt.
///
/// # Errors
/// When the database fails.
pub async fn outcome(tx: &mut Tx<'_>, node: &str) -> Result<Option<BackupOutcome>, StoreError> {
    let row = fetch_optional!(
        tx,
        Row,
        "SELECT attempted_at, succeeded_at, name, problem FROM backup_outcome WHERE node = $1",
        node
    )?;
    Ok(row.map(outcome_of))
}

/// How the backups of every node went, by node.
///
/// # Errors
/// When the database fails.
pub async fn outcomes(tx: &mut Tx<'_>) -> Result<Vec<(String, BackupOutcome)>, StoreError> {
    let rows = fetch_all!(
        tx,
        (String, i64, Option<i64>, Option<String>, Option<String>),
        "SELECT node, attempted_at, succeeded_at, name, problem FROM backup_outcome ORDER BY node"
    )?;
    Ok(rows
        .into_iter()
        .map(|(node, attempted_at, succeeded_at, name, problem)| {
            (node, outcome_of((attempted_at, succeeded_at, name, problem)))
        })
        .collect())
}

/// Keeps an outcome in place of the node's older one.
///
/// # Errors
/// When the database fails.
pub async fn outcome_save(tx: &mut Tx<'_>, node: &str, outcome: &BackupOutcome) -> Result<(), StoreError> {
    let BackupOutcome { attempted_at, succeeded_at, name, problem } = outcome;
    execute!(
        tx,
        "INSERT INTO backup_outcome (node, attempted_at, succeeded_at, name, problem) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (node) DO UPDATE SET attempted_at = excluded.attempted_at,
           succeeded_at = excluded.succeeded_at, name = excluded.name, problem = excluded.problem",
        node,
        attempted_at.micros(),
        succeeded_at.map(Timestamp::micros),
        name.as_deref(),
        problem.as_deref()
    )?;
    tx.changed(ChangeKind::Backup, 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn the_newest_outcome_of_a_node_replaces_its_older_one() {
        on_each_engine("backups", |store| async move {
            for problem in [Some("the disk is full".to_owned()), None] {
                let written: Result<(), StoreError> = store
                    .write(move |tx| {
                        let outcome = BackupOutcome {
                            attempted_at: START,
                            succeeded_at: None,
                            name: None,
                            problem: problem.clone(),
                        };
                        Box::pin(async move { outcome_save(tx, "one", &outcome).await })
                    })
                    .await;
                written.unwrap();
            }
            let all: Result<_, StoreError> = store.read(|tx| Box::pin(outcomes(tx))).await;
            let all = all.unwrap();
            assert_eq!(all.len(), 1);
            assert_eq!(all[0].1.problem, None);
        })
        .await;
    }
}
