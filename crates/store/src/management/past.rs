//! What updates leave to be known of their devices once their executions are gone: what a device was given outlives the jobs
//! that gave it. Of each device and release it is the last update that ended so; how often it was given is not known. Whom a job
//! left out was given nothing.

use std::collections::BTreeSet;

use windlass_domain::ids::{DeviceId, ExecutionId, JobId, ReleaseId, TenantId};
use windlass_domain::job::Outcome;
use windlass_domain::time::Timestamp;

use super::actions::{Outline, state_of, verdict_of};
use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::releases::past::forget_untold;
use crate::row::write_ids;
use crate::tx::{Engine, Tx, execute, fetch_all};

/// Deletes of what was kept that meets the condition what nothing hangs on: its device installed another release after it, by
/// what was kept or by an execution. `$1` is the reason of those that had nothing to install.
macro_rules! delete_replaced {
    ($condition:literal) => {
        concat!(
            "DELETE FROM past_update WHERE (EXISTS (
               SELECT 1 FROM past_update later
               WHERE later.device_id = past_update.device_id AND later.release_id <> past_update.release_id
                 AND later.state = 'succeeded' AND later.verdict IN ('pending', 'verified', 'unverifiable')
                 AND later.is_fetched = 0 AND later.ended_at > past_update.ended_at)
             OR EXISTS (
               SELECT 1 FROM execution later JOIN job j ON j.id = later.job_id
               WHERE later.device_id = past_update.device_id AND j.release_id <> past_update.release_id
                 AND later.state = 'succeeded' AND later.verdict IN ('verified', 'unverifiable')
                 AND later.latest = 1 AND later.reason <> $1
                 AND COALESCE(later.ended_at, later.updated_at) > past_update.ended_at)) AND ",
            $condition
        )
    };
}

/// The first executions of a deleted job, by number, leave what they are to be known by; they are about to be deleted. What deleted
/// releases were to their devices before the latest that they installed is forgotten. `fetched`: the reason by which those ended
/// that had nothing to install.
pub(crate) async fn keep(tx: &mut Tx<'_>, job: JobId, limit: u32, fetched: &str) -> Result<(), StoreError> {
    // Nothing is open in a job that may be deleted; if something were, it would be withdrawn with it.
    execute!(
        tx,
        "INSERT INTO past_update (device_id, release_id, state, verdict, is_fetched, tenant_id, execution_id, ended_at)
         SELECT e.device_id, r.release_id, CASE WHEN e.state IN ('queued', 'inProgress') THEN 'canceled' ELSE e.state END,
           e.verdict, CASE WHEN e.reason = $1 THEN 1 ELSE 0 END, e.tenant_id, e.id, COALESCE(e.ended_at, e.updated_at)
         FROM execution e JOIN job_remnant r ON r.job_id = e.job_id JOIN device d ON d.id = e.device_id
         WHERE e.id IN (SELECT id FROM execution WHERE job_id = $2 ORDER BY id LIMIT $3)
           AND e.latest = 1 AND r.release_id IS NOT NULL
           AND NOT (e.state = 'removed' AND e.verdict = 'pending')
         ON CONFLICT (device_id, release_id, state, verdict, is_fetched)
           DO UPDATE SET execution_id = excluded.execution_id, ended_at = excluded.ended_at
           WHERE (excluded.ended_at, excluded.execution_id) > (past_update.ended_at, past_update.execution_id)",
        fetched,
        job.get(),
        i64::from(limit),
    )?;
    let replaced = fetch_all!(
        tx,
        (i64,),
        delete_replaced!(
            "NOT EXISTS (SELECT 1 FROM software_release r WHERE r.id = past_update.release_id)
             AND device_id IN (SELECT device_id FROM execution WHERE job_id = $2 ORDER BY id LIMIT $3)
             RETURNING release_id"
        ),
        fetched,
        job.get(),
        i64::from(limit),
    )?;
    let releases: BTreeSet<i64> = replaced.into_iter().map(|(release,)| release).collect();
    for release in releases {
        forget_untold(tx, ReleaseId::new(release)).await?;
    }
    // What the device runs it goes on running, though nobody can tell which action brought it.
    let told = fetch_all!(
        tx,
        (i64,),
        "UPDATE ddi_target SET installed_execution = NULL
         WHERE device_id IN (SELECT device_id FROM execution WHERE job_id = $1 ORDER BY id LIMIT $2)
           AND installed_execution IN (SELECT id FROM execution WHERE job_id = $1 ORDER BY id LIMIT $2)
         RETURNING device_id",
        job.get(),
        i64::from(limit),
    )?;
    for (device,) in told {
        tx.changed(ChangeKind::DdiTarget, device);
    }
    Ok(())
}

/// Number, device, release, state, verdict, whether it was only fetched, end.
type Row = (i64, i64, i64, String, String, i64, i64);

/// The columns of a [`Row`]: of what was kept that meets the first condition, and of executions still to go of deleted jobs
/// that meet the second one. `$1` is the reason of those that had nothing to install.
macro_rules! left {
    ($kept:literal, $to_go:literal) => {
        concat!(
            "SELECT e.id, e.device_id, r.release_id,
               CASE WHEN e.state IN ('queued', 'inProgress') THEN 'canceled' ELSE e.state END, e.verdict,
               CAST(CASE WHEN e.reason = $1 THEN 1 ELSE 0 END AS BIGINT), COALESCE(e.ended_at, e.updated_at)
             FROM execution e JOIN job_remnant r ON r.job_id = e.job_id
             WHERE e.latest = 1 AND r.release_id IS NOT NULL AND NOT (e.state = 'removed' AND e.verdict = 'pending') AND ",
            $to_go,
            " UNION ALL SELECT execution_id, device_id, release_id, state, verdict, is_fetched, ended_at FROM past_update
             WHERE ",
            $kept
        )
    };
}

fn outlines(rows: Vec<Row>) -> Result<Vec<Outline>, StoreError> {
    rows.into_iter()
        .map(|(id, device, release, state, verdict, is_fetched, ended_at)| {
            Ok(Outline {
                id: ExecutionId::new(id),
                device: DeviceId::new(device),
                job: None,
                release: ReleaseId::new(release),
                outcome: Outcome::of(state_of(&state)?, verdict_of(&verdict)?),
                is_reason: is_fetched != 0,
                ended_at: Some(Timestamp::from_micros(ended_at)),
            })
        })
        .collect()
}

/// What a device's updates left whose jobs are gone, in no order. `fetched`: the reason by which those ended that had nothing
/// to install.
///
/// # Errors
/// When the database fails.
pub async fn of_device(tx: &mut Tx<'_>, device: DeviceId, fetched: &str) -> Result<Vec<Outline>, StoreError> {
    let sql = left!("device_id = $2", "e.device_id = $2");
    outlines(fetch_all!(tx, Row, sql, fetched, device.get())?)
}

/// The same of some devices.
///
/// # Errors
/// When the database fails.
pub async fn among(tx: &mut Tx<'_>, devices: &[DeviceId], fetched: &str) -> Result<Vec<Outline>, StoreError> {
    let list = write_ids(devices);
    let sql = match tx.engine {
        Engine::Sqlite(_) => left!(
            "device_id IN (SELECT value FROM json_each($2))",
            "e.device_id IN (SELECT value FROM json_each($2))"
        ),
        Engine::Postgres(_) => left!(
            "device_id IN (SELECT CAST(x AS BIGINT) FROM json_array_elements_text($2::json) x)",
            "e.device_id IN (SELECT CAST(x AS BIGINT) FROM json_array_elements_text($2::json) x)"
        ),
    };
    outlines(fetch_all!(tx, Row, sql, fetched, list.as_str())?)
}

/// The same of a tenant's devices with an id above `after` and up to `last`.
///
/// # Errors
/// When the database fails.
pub async fn between(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    after: DeviceId,
    last: DeviceId,
    fetched: &str,
) -> Result<Vec<Outline>, StoreError> {
    let sql = left!(
        "device_id > $2 AND device_id <= $3 AND tenant_id = $4",
        "e.device_id > $2 AND e.device_id <= $3 AND e.tenant_id = $4"
    );
    outlines(fetch_all!(tx, Row, sql, fetched, after.get(), last.get(), tenant.get())?)
}

/// A release is about to be deleted: nothing hangs on what it was to devices that installed something after it. `fetched`: the
/// reason by which updates ended that had nothing to install.
pub(crate) async fn release_goes(
    tx: &mut Tx<'_>,
    release: ReleaseId,
    fetched: &str,
) -> Result<(), StoreError> {
    execute!(tx, delete_replaced!("release_id = $2"), fetched, release.get()).map(drop)
}

/// A device is about to be deleted. What deleted releases are called goes with the last one that had them.
pub(crate) async fn device_goes(tx: &mut Tx<'_>, device: DeviceId) -> Result<(), StoreError> {
    execute!(
        tx,
        "DELETE FROM past_release WHERE id IN (SELECT release_id FROM past_update WHERE device_id = $1)
           AND NOT EXISTS (SELECT 1 FROM job j WHERE j.release_id = past_release.id)
           AND NOT EXISTS (SELECT 1 FROM job_remnant r WHERE r.release_id = past_release.id)
           AND NOT EXISTS (SELECT 1 FROM past_update u WHERE u.release_id = past_release.id AND u.device_id <> $1)",
        device.get(),
    )?;
    execute!(tx, "DELETE FROM past_update WHERE device_id = $1", device.get()).map(drop)
}
