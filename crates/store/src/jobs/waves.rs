//! The waves of a job whose targets do not come in order of registration: one set of device ids for each.

use roaring::RoaringTreemap;
use windlass_domain::ids::JobId;

use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all};

fn bytes(set: &RoaringTreemap) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(set.serialized_size());
    set.serialize_into(&mut bytes).map_err(|e| StoreError::corrupt("job_wave.targets", e))?;
    Ok(bytes)
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

/// The waves of a job in order; none if its targets come in order of registration.
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
    rows.into_iter()
        .map(|(bytes,)| {
            RoaringTreemap::deserialize_from(bytes.as_slice())
                .map_err(|e| StoreError::corrupt("job_wave.targets", e))
        })
        .collect()
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

/// Forgets the waves of a job.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Tx<'_>, job: JobId) -> Result<(), StoreError> {
    execute!(tx, "DELETE FROM job_wave WHERE job_id = $1", job.get())?;
    Ok(())
}
