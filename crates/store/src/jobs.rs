//! Jobs: policy, progress, frozen targets. Executions are in [`crate::executions`].

use roaring::RoaringTreemap;
use windlass_domain::ids::{DeviceId, JobId, TenantId};
use windlass_domain::job::{Job, JobKind, StateWord, What};
use windlass_domain::spelling::composed;
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Engine, Tx, execute, fetch_all, fetch_one, fetch_optional};

mod bygone;
mod rollout_rows;
mod rows;
pub mod targets;
pub mod waves;

pub use bygone::{bygone, clear_remnant, delete, remnants};
use rows::{ProgressRow, Read, SpecRow};

#[derive(Debug, sqlx::FromRow)]
struct JobRow {
    id: i64,
    tenant_id: i64,
    state: String,
    spec: String,
    progress: String,
    target_count: i64,
    target_seq: i64,
    version: i64,
    revision: i64,
    created_at: i64,
    created_by: String,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

impl JobRow {
    fn read(self) -> Result<Job, StoreError> {
        let Self {
            id,
            tenant_id,
            state,
            spec,
            progress,
            target_count,
            target_seq,
            version,
            revision,
            created_at,
            created_by,
            started_at,
            ended_at,
        } = self;
        let spec: SpecRow = serde_json::from_str(&spec).map_err(|e| StoreError::corrupt("job.spec", e))?;
        let progress: ProgressRow =
            serde_json::from_str(&progress).map_err(|e| StoreError::corrupt("job.progress", e))?;
        let Read { state, progress, frozen_waves, past, decision } = progress.read(&state)?;
        Ok(Job {
            id: JobId::new(id),
            tenant: TenantId::new(tenant_id),
            state,
            spec: spec.read()?,
            progress,
            target_count: u64::try_from(target_count)
                .map_err(|e| StoreError::corrupt("job.target_count", e))?,
            frozen_waves,
            past,
            decision,
            target_seq,
            version,
            revision,
            created_at: Timestamp::from_micros(created_at),
            created_by,
            started_at: started_at.map(Timestamp::from_micros),
            ended_at: ended_at.map(Timestamp::from_micros),
        })
    }
}

fn json(row: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(row).map_err(|e| StoreError::corrupt("job", e))
}

/// What operators look a job up by, but for its release.
fn words(job: &Job) -> String {
    let mut words = vec![job.spec.name.as_str(), job.spec.targets.as_str(), job.created_by.as_str()];
    if let Some(command) = job.spec.what.command() {
        words.push(command.name.as_str());
        words.extend(command.template.as_ref().map(|name| name.as_str()));
    }
    composed(&words.join("\n")).to_lowercase()
}

/// Stores a job with its targets; its number is ignored, the one it got is returned.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx<'_>, job: &Job, targets: &RoaringTreemap) -> Result<JobId, StoreError> {
    let mut bytes = Vec::with_capacity(targets.serialized_size());
    targets.serialize_into(&mut bytes).map_err(|e| StoreError::corrupt("job.targets", e))?;
    let release = match job.spec.what {
        What::Update { release, .. } => Some(release.get()),
        What::Command(_) | What::Document(_) => None,
    };
    let (id,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO job (tenant_id, kind, state, spec, progress, targets, target_count, target_seq, release_id,
           version, revision, created_at, created_by, started_at, ended_at, words, priority)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING id",
        job.tenant.get(),
        job.spec.what.kind().as_str(),
        job.state.as_str(),
        json(&SpecRow::of(&job.spec))?,
        json(&ProgressRow::of(job))?,
        bytes.as_slice(),
        i64::try_from(job.target_count).unwrap_or(i64::MAX),
        job.target_seq,
        release,
        job.version,
        job.revision,
        job.created_at.micros(),
        job.created_by.as_str(),
        job.started_at.map(Timestamp::micros),
        job.ended_at.map(Timestamp::micros),
        words(job),
        i64::from(job.spec.rollout.priority.get()),
    )?;
    tx.changed(ChangeKind::Job, id);
    Ok(JobId::new(id))
}

/// Stores what may change of a job: state, progress, times, how many targets there are. `job.version` is stored as it is. False, and nothing is
/// stored, if somebody else wrote the job since it was read at `job.revision`.
///
/// # Errors
/// When the database fails.
pub async fn update(tx: &mut Tx<'_>, job: &Job) -> Result<bool, StoreError> {
    let written = execute!(
        tx,
        "UPDATE job SET state = $1, progress = $2, version = $3, revision = $4, started_at = $5, ended_at = $6,
           target_count = $7
         WHERE id = $8 AND revision = $9",
        job.state.as_str(),
        json(&ProgressRow::of(job))?,
        job.version,
        job.revision + 1,
        job.started_at.map(Timestamp::micros),
        job.ended_at.map(Timestamp::micros),
        i64::try_from(job.target_count).unwrap_or(i64::MAX),
        job.id.get(),
        job.revision,
    )?;
    tx.changed(ChangeKind::Job, job.id.get());
    Ok(written == 1)
}

/// Tells other nodes that share the store that a job was held or released: its devices may be connected there.
pub fn tell_held(tx: &mut Tx<'_>, job: JobId) {
    if matches!(tx.engine, Engine::Postgres(_)) {
        tx.changed(ChangeKind::Held, job.get());
    }
}

/// Stores a policy that an operator changed, with the job's version. False, and nothing is stored, if somebody else wrote
/// the job since it was read at `job.revision`.
///
/// # Errors
/// When the database fails.
pub async fn update_policy(tx: &mut Tx<'_>, job: &Job) -> Result<bool, StoreError> {
    let written = execute!(
        tx,
        "UPDATE job SET spec = $1, version = $2, revision = $3, words = $4 WHERE id = $5 AND revision = $6",
        json(&SpecRow::of(&job.spec))?,
        job.version,
        job.revision + 1,
        words(job),
        job.id.get(),
        job.revision,
    )?;
    tx.changed(ChangeKind::Job, job.id.get());
    Ok(written == 1)
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, state, spec, progress, target_count, target_seq, version, revision, created_at,
               created_by, started_at, ended_at FROM job ",
            $rest
        )
    };
}

/// One job of a tenant.
///
/// # Errors
/// When the database fails.
pub async fn get(tx: &mut Tx<'_>, tenant: TenantId, id: JobId) -> Result<Option<Job>, StoreError> {
    let sql = columns!("WHERE tenant_id = $1 AND id = $2");
    fetch_optional!(tx, JobRow, sql, tenant.get(), id.get())?.map(JobRow::read).transpose()
}

/// One job of whatever tenant, for the reconciler.
///
/// # Errors
/// When the database fails.
pub async fn get_any(tx: &mut Tx<'_>, id: JobId) -> Result<Option<Job>, StoreError> {
    fetch_optional!(tx, JobRow, columns!("WHERE id = $1"), id.get())?.map(JobRow::read).transpose()
}

/// Which jobs of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPick {
    /// Only those in this state.
    pub state: Option<StateWord>,
    /// Only those of this kind.
    pub kind: Option<JobKind>,
    /// Only those that have this text in their description, targets, maker, command or release; empty: all.
    pub text: String,
    /// Only those with lower ids.
    pub before: i64,
    /// Without those that are no rollouts of their own: somebody, or a filter, assigned a set over hawkBit's interface.
    pub no_assignments: bool,
}

impl Default for JobPick {
    fn default() -> Self {
        Self { state: None, kind: None, text: String::new(), before: i64::MAX, no_assignments: false }
    }
}

/// A pattern for LIKE that finds the text anywhere.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in composed(text).to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Jobs of a tenant, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    pick: &JobPick,
    limit: u32,
) -> Result<Vec<Job>, StoreError> {
    let JobPick { state, kind, text, before, no_assignments } = pick;
    let sql = columns!(
        r#"WHERE tenant_id = $1 AND id < $2 AND ($3 = '' OR state = $3) AND ($4 = '' OR kind = $4)
            AND ($5 = '%%' OR words LIKE $5 ESCAPE '\' OR release_id IN (
              SELECT r.id FROM software_release r WHERE r.tenant_id = $1
                AND (r.words LIKE $5 ESCAPE '\' OR LOWER(r.name || ' ' || r.version) LIKE $5 ESCAPE '\')
              UNION ALL
              SELECT p.id FROM past_release p WHERE p.tenant_id = $1
                AND (p.words LIKE $5 ESCAPE '\' OR LOWER(p.name || ' ' || p.version) LIKE $5 ESCAPE '\')))
            AND ($7 = 0 OR NOT EXISTS (
              SELECT 1 FROM hawkbit_extra x WHERE x.tenant_id = $1 AND x.kind = 'job' AND x.thing_id = job.id
                AND x.body LIKE '{"assignment":true%'))
          ORDER BY id DESC LIMIT $6"#
    );
    fetch_all!(
        tx,
        JobRow,
        sql,
        tenant.get(),
        *before,
        state.map_or("", StateWord::as_str),
        kind.map_or("", JobKind::as_str),
        pattern(text),
        i64::from(limit),
        i64::from(*no_assignments),
    )?
    .into_iter()
    .map(JobRow::read)
    .collect()
}

/// Every job that is not over, of every tenant, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn open(tx: &mut Tx<'_>) -> Result<Vec<JobId>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT id FROM job WHERE state IN ('scheduled', 'running', 'paused', 'halted', 'stopping') ORDER BY id"
    )?;
    Ok(rows.into_iter().map(|(id,)| JobId::new(id)).collect())
}

/// The newest open update jobs of a tenant.
///
/// # Errors
/// When the database fails.
pub async fn open_updates(tx: &mut Tx<'_>, tenant: TenantId, limit: u32) -> Result<Vec<JobId>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT id FROM job WHERE tenant_id = $1 AND kind = 'update'
           AND state NOT IN ('completed', 'canceled', 'denied') ORDER BY id DESC LIMIT $2",
        tenant.get(),
        i64::from(limit),
    )?;
    Ok(rows.into_iter().map(|(id,)| JobId::new(id)).collect())
}

/// The devices that a job is for, as frozen at its creation.
///
/// # Errors
/// When the database fails.
pub async fn frozen_targets(tx: &mut Tx<'_>, id: JobId) -> Result<RoaringTreemap, StoreError> {
    let (bytes,) = fetch_one!(tx, (Vec<u8>,), "SELECT targets FROM job WHERE id = $1", id.get())?;
    RoaringTreemap::deserialize_from(bytes.as_slice()).map_err(|e| StoreError::corrupt("job.targets", e))
}

/// Device ids as a set that jobs keep.
pub fn target_set(devices: impl IntoIterator<Item = DeviceId>) -> RoaringTreemap {
    devices.into_iter().filter_map(|device| u64::try_from(device.get()).ok()).collect()
}

#[cfg(test)]
mod tests;
