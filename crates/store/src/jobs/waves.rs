//! The waves of a job whose targets do not come in order of registration: one set of device ids for each.

use std::collections::BTreeSet;

use roaring::RoaringTreemap;
use windlass_domain::ids::JobId;
use windlass_domain::job::Fold;

use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all, fetch_optional};

fn bytes(set: &RoaringTreemap) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(set.serialized_size());
    set.serialize_into(&mut bytes).map_err(|e| StoreError::corrupt("job_wave.targets", e))?;
    Ok(bytes)
}

fn set(bytes: &[u8]) -> Result<RoaringTreemap, StoreError> {
    RoaringTreemap::deserialize_from(bytes).map_err(|e| StoreError::corrupt("job_wave.targets", e))
}

/// Stores a wave, counted from 0.
///
/// # Errors
/// When the database fails, also when the job has that wave already.
pub async fn insert(
    tx: &mut Tx<'_>,
    job: JobId,
    wave: u32,
    targets: &RoaringTreemap,
) -> Result<(), StoreError> {
    let bytes = bytes(targets)?;
    execute!(
        tx,
        "INSERT INTO job_wave (job_id, wave, targets) VALUES ($1, $2, $3)",
        job.get(),
        i64::from(wave),
        bytes.as_slice(),
    )?;
    Ok(())
}

/// The waves of a job by number; none if its targets come in order of registration.
///
/// # Errors
/// When the database fails.
pub async fn of_job(tx: &mut Tx<'_>, job: JobId) -> Result<Vec<RoaringTreemap>, StoreError> {
    let rows = fetch_all!(
        tx,
        (Vec<u8>,),
        "SELECT targets FROM job_wave WHERE job_id = $1 ORDER BY wave",
        job.get(),
    )?;
    rows.into_iter().map(|(bytes,)| set(&bytes)).collect()
}

async fn of_wave(tx: &mut Tx<'_>, job: JobId, wave: u32) -> Result<Option<RoaringTreemap>, StoreError> {
    let row = fetch_optional!(
        tx,
        (Vec<u8>,),
        "SELECT targets FROM job_wave WHERE job_id = $1 AND wave = $2",
        job.get(),
        i64::from(wave),
    )?;
    row.map(|(bytes,)| set(&bytes)).transpose()
}

/// Adds devices to the targets of a job.
///
/// # Errors
/// When the database fails.
pub async fn set_targets(tx: &mut Tx<'_>, job: JobId, targets: &RoaringTreemap) -> Result<(), StoreError> {
    let bytes = bytes(targets)?;
    execute!(tx, "UPDATE job SET targets = $1 WHERE id = $2", bytes.as_slice(), job.get())?;
    Ok(())
}

/// Counts waves of a job in one of them: their devices, and their counters.
///
/// # Errors
/// When the database fails.
pub async fn fold(tx: &mut Tx<'_>, job: JobId, fold: &Fold) -> Result<(), StoreError> {
    let mut past = RoaringTreemap::new();
    for wave in std::iter::once(fold.into).chain(fold.waves.iter().copied()) {
        past |= of_wave(tx, job, wave).await?.unwrap_or_default();
        execute!(tx, "DELETE FROM job_wave WHERE job_id = $1 AND wave = $2", job.get(), i64::from(wave))?;
    }
    insert(tx, job, fold.into, &past).await?;
    execute!(
        tx,
        "INSERT INTO job_past (job_id, wave) VALUES ($1, $2) ON CONFLICT (job_id) DO UPDATE SET wave = excluded.wave",
        job.get(),
        i64::from(fold.into),
    )?;
    execute!(
        tx,
        "INSERT INTO job_tally (job_id, wave, state, verdict, slot, count)
         SELECT t.job_id, CAST($2 AS BIGINT), t.state, t.verdict, 0, CAST(SUM(t.count) AS BIGINT) FROM job_tally t
         WHERE t.job_id = $1 AND t.wave NOT IN (SELECT w.wave FROM job_wave w WHERE w.job_id = $1)
         GROUP BY t.job_id, t.state, t.verdict
         ON CONFLICT (job_id, wave, state, verdict, slot) DO UPDATE SET count = job_tally.count + excluded.count",
        job.get(),
        i64::from(fold.into),
    )?;
    execute!(
        tx,
        "DELETE FROM job_tally WHERE job_id = $1
           AND (count = 0 OR wave NOT IN (SELECT w.wave FROM job_wave w WHERE w.job_id = $1))",
        job.get(),
    )?;
    Ok(())
}

/// Takes devices out of some waves of a job into a new one.
///
/// # Errors
/// When the database fails, also when the job has that wave already.
pub async fn regroup(
    tx: &mut Tx<'_>,
    job: JobId,
    from: &BTreeSet<u32>,
    into: u32,
    devices: &RoaringTreemap,
) -> Result<(), StoreError> {
    for wave in from {
        let Some(targets) = of_wave(tx, job, *wave).await? else { continue };
        let bytes = bytes(&(targets - devices))?;
        execute!(
            tx,
            "UPDATE job_wave SET targets = $1 WHERE job_id = $2 AND wave = $3",
            bytes.as_slice(),
            job.get(),
            i64::from(*wave),
        )?;
    }
    insert(tx, job, into, devices).await
}

/// Forgets the waves of a job.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Tx<'_>, job: JobId) -> Result<(), StoreError> {
    execute!(tx, "DELETE FROM job_wave WHERE job_id = $1", job.get())?;
    execute!(tx, "DELETE FROM job_past WHERE job_id = $1", job.get())?;
    Ok(())
}
