//! How far executions came with their downloads, saved now and then.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use windlass_domain::ids::{ArtifactId, ExecutionId, JobId};
use windlass_domain::job::ExecutionState;

use crate::error::StoreError;
use crate::row::{read, read_json, write_json};
use crate::tx::{Tx, execute, fetch_all, fetch_optional};

/// What went out of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// One past the furthest byte.
    pub reached: u64,
    /// All bytes, those that went out twice counted twice.
    pub bytes: u64,
}

impl Sent {
    /// Adds what went out besides.
    pub fn add(&mut self, more: Self) {
        let Self { reached, bytes } = more;
        self.reached = self.reached.max(reached);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// The shape of the stored document: by artifact number, `[reached, bytes]`.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct SentRow(BTreeMap<i64, (u64, u64)>);

fn files(document: &str) -> Result<BTreeMap<ArtifactId, Sent>, StoreError> {
    let SentRow(rows) = read_json("execution_download.sent", document)?;
    let read = |(id, (reached, bytes))| (ArtifactId::new(id), Sent { reached, bytes });
    Ok(rows.into_iter().map(read).collect())
}

/// Adds to how far an execution came.
///
/// # Errors
/// When the database fails.
pub async fn add(
    tx: &mut Tx<'_>,
    execution: ExecutionId,
    more: &BTreeMap<ArtifactId, Sent>,
) -> Result<(), StoreError> {
    let mut all = of_execution(tx, execution).await?;
    for (artifact, sent) in more {
        all.entry(*artifact).or_default().add(*sent);
    }
    let row = SentRow(all.iter().map(|(id, sent)| (id.get(), (sent.reached, sent.bytes))).collect());
    let document = write_json("execution_download.sent", &row)?;
    execute!(
        tx,
        "INSERT INTO execution_download (execution_id, sent) VALUES ($1, $2)
         ON CONFLICT (execution_id) DO UPDATE SET sent = excluded.sent",
        execution.get(),
        document.as_str(),
    )?;
    Ok(())
}

/// How far an execution came; empty if nothing was saved of it.
///
/// # Errors
/// When the database fails.
pub async fn of_execution(
    tx: &mut Tx<'_>,
    execution: ExecutionId,
) -> Result<BTreeMap<ArtifactId, Sent>, StoreError> {
    let row = fetch_optional!(
        tx,
        (String,),
        "SELECT sent FROM execution_download WHERE execution_id = $1",
        execution.get(),
    )?;
    row.map_or_else(|| Ok(BTreeMap::new()), |(document,)| files(&document))
}

/// How far the executions of a job came, each that was saved, with where it stands.
///
/// # Errors
/// When the database fails.
pub async fn of_job(
    tx: &mut Tx<'_>,
    job: JobId,
) -> Result<Vec<(ExecutionState, BTreeMap<ArtifactId, Sent>)>, StoreError> {
    fetch_all!(
        tx,
        (String, String),
        "SELECT e.state, d.sent FROM execution_download d JOIN execution e ON e.id = d.execution_id
         WHERE e.job_id = $1",
        job.get(),
    )?
    .into_iter()
    .map(|(state, document)| Ok((read("execution.state", &state)?, files(&document)?)))
    .collect()
}

/// Forgets what was saved of executions that are gone.
///
/// # Errors
/// When the database fails.
pub async fn forget_gone(tx: &mut Tx<'_>) -> Result<u64, StoreError> {
    execute!(
        tx,
        "DELETE FROM execution_download
         WHERE NOT EXISTS (SELECT 1 FROM execution e WHERE e.id = execution_download.execution_id)",
    )
}
