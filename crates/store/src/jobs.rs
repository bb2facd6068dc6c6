//! Jobs: policy, progress, frozen targets. Executions are in [`crate::executions`].

use roaring::RoaringTreemap;
use windlass_domain::ids::{DeviceId, JobId, TenantId};
use windlass_domain::job::{Job, What};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

mod rows;
pub mod targets;

use rows::{ProgressRow, SpecRow};

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
        let (state, progress) = progress.read(&state)?;
        Ok(Job {
            id: JobId::new(id),
            tenant: TenantId::new(tenant_id),
            state,
            spec: spec.read(),
            progress,
            target_count: u64::try_from(target_count)
                .map_err(|e| StoreError::corrupt("job.target_count", e))?,
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

/// Stores a job with its targets; its number is ignored, the one it got is returned.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx<'_>, job: &Job, targets: &RoaringTreemap) -> Result<JobId, StoreError> {
    let mut bytes = Vec::with_capacity(targets.serialized_size());
    targets.serialize_into(&mut bytes).map_err(|e| StoreError::corrupt("job.targets", e))?;
    let release = match job.spec.what {
        What::Update { release, .. } => Some(release.get()),
        What::Document(_) => None,
    };
    let (id,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO job (tenant_id, kind, state, spec, progress, targets, target_count, target_seq, release_id,
           version, revision, created_at, created_by, started_at, ended_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id",
        job.tenant.get(),
        job.spec.what.kind().as_str(),
        job.state.as_str(),
        json(&SpecRow::of(&job.spec))?,
        json(&ProgressRow::of(&job.state, &job.progress))?,
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
    )?;
    tx.changed(ChangeKind::Job, id).await?;
    Ok(JobId::new(id))
}

/// Stores what may change of a job: state, progress, times. `job.version` is stored as it is. False, and nothing is
/// stored, if somebody else wrote the job since it was read at `job.revision`.
///
/// # Errors
/// When the database fails.
pub async fn update(tx: &mut Tx<'_>, job: &Job) -> Result<bool, StoreError> {
    let written = execute!(
        tx,
        "UPDATE job SET state = $1, progress = $2, version = $3, revision = $4, started_at = $5, ended_at = $6
         WHERE id = $7 AND revision = $8",
        job.state.as_str(),
        json(&ProgressRow::of(&job.state, &job.progress))?,
        job.version,
        job.revision + 1,
        job.started_at.map(Timestamp::micros),
        job.ended_at.map(Timestamp::micros),
        job.id.get(),
        job.revision,
    )?;
    tx.changed(ChangeKind::Job, job.id.get()).await?;
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

/// Jobs of a tenant, newest first, those before `before`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    before: i64,
    limit: u32,
) -> Result<Vec<Job>, StoreError> {
    let sql = columns!("WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    fetch_all!(tx, JobRow, sql, tenant.get(), before, i64::from(limit))?
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

/// The devices that a job is for, as frozen at its creation.
///
/// # Errors
/// When the database fails.
pub async fn frozen_targets(tx: &mut Tx<'_>, id: JobId) -> Result<RoaringTreemap, StoreError> {
    let (bytes,) = fetch_one!(tx, (Vec<u8>,), "SELECT targets FROM job WHERE id = $1", id.get())?;
    RoaringTreemap::deserialize_from(bytes.as_slice()).map_err(|e| StoreError::corrupt("job.targets", e))
}

/// Deletes a job and its counters; its executions must be gone already.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Tx<'_>, id: JobId) -> Result<(), StoreError> {
    execute!(tx, "DELETE FROM job_tally WHERE job_id = $1", id.get())?;
    execute!(tx, "DELETE FROM job WHERE id = $1", id.get())?;
    tx.changed(ChangeKind::Job, id.get()).await
}

/// Device ids as a set that jobs keep.
pub fn target_set(devices: impl IntoIterator<Item = DeviceId>) -> RoaringTreemap {
    devices.into_iter().filter_map(|device| u64::try_from(device.get()).ok()).collect()
}
