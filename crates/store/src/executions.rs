//! Executions: a job's life on one device, earlier tries included, and the counters that are kept in step with them.
//!
//! Counters hold the latest try of each device only. Every function that writes an execution moves its counter in the
//! same transaction, so that nobody ever has to read all rows of a job to know how it stands.

use std::collections::BTreeMap;

use windlass_domain::ids::{DeviceId, ExecutionId, JobId, TenantId};
use windlass_domain::job::{Consent, Execution, Outcome};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::ddi;
use crate::error::StoreError;
use crate::management::past;
use crate::tx::{Engine, Tx, execute, fetch_optional};

mod insert;
mod offer;
mod queries;
mod tallies;
mod waiting;
mod work;

pub use insert::{insert, insert_all};
#[cfg(test)]
pub(crate) use offer::later_of_devices;
pub use offer::{OfferFacts, later_updates, offer_facts, outranked};
pub use queries::{ExecutionPick, commands_of_device, failures, list, of_device};
use tallies::{count, count_moved, counter, slot};
pub use tallies::{tallies, tallies_since};
pub use waiting::{due, failed_between, jobs_of, newest, unseen_of_closed, withdrawable};
pub use work::{finished_updates, open_count, open_updates, pending, unsettled, verifying};

#[derive(Debug, sqlx::FromRow)]
pub(crate) struct ExecutionRow {
    id: i64,
    tenant_id: i64,
    job_id: i64,
    device_id: i64,
    number: i64,
    wave: i64,
    state: String,
    verdict: String,
    reason: String,
    detail: String,
    seen_before: String,
    version: i64,
    queued_at: i64,
    started_at: Option<i64>,
    updated_at: i64,
    ended_at: Option<i64>,
    phase_due_at: Option<i64>,
    step_due_at: Option<i64>,
    expires_at: Option<i64>,
    held_until: Option<i64>,
    closes_at: Option<i64>,
    cancel_asked_at: Option<i64>,
    consent: i64,
    consent_at: Option<i64>,
    status_code: Option<i64>,
}

/// The columns of an [`ExecutionRow`], from `execution e`, then the rest of the statement.
macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT e.id, e.tenant_id, e.job_id, e.device_id, e.number, e.wave, e.state, e.verdict, e.reason, e.detail,
               e.seen_before, e.version, e.queued_at, e.started_at, e.updated_at, e.ended_at, e.phase_due_at,
               e.step_due_at, e.expires_at, e.held_until, e.closes_at, e.cancel_asked_at, e.consent, e.consent_at,
               e.status_code FROM execution e ",
            $rest
        )
    };
}
pub(crate) use columns;

fn texts(what: &str, json: &str) -> Result<BTreeMap<String, String>, StoreError> {
    serde_json::from_str(json).map_err(|e| StoreError::corrupt(what, e))
}

fn json(map: &BTreeMap<String, String>) -> Result<String, StoreError> {
    serde_json::to_string(map).map_err(|e| StoreError::corrupt("execution.detail", e))
}

impl ExecutionRow {
    pub(crate) fn read_all(rows: Vec<Self>) -> Result<Vec<Execution>, StoreError> {
        rows.into_iter().map(Self::read).collect()
    }

    pub(crate) fn read(self) -> Result<Execution, StoreError> {
        let Self {
            id,
            tenant_id,
            job_id,
            device_id,
            number,
            wave,
            state,
            verdict,
            reason,
            detail,
            seen_before,
            version,
            queued_at,
            started_at,
            updated_at,
            ended_at,
            phase_due_at,
            step_due_at,
            expires_at,
            held_until,
            closes_at,
            cancel_asked_at,
            consent,
            consent_at,
            status_code,
        } = self;
        let time = |at: Option<i64>| at.map(Timestamp::from_micros);
        Ok(Execution {
            id: ExecutionId::new(id),
            tenant: TenantId::new(tenant_id),
            job: JobId::new(job_id),
            device: DeviceId::new(device_id),
            number,
            wave: u32::try_from(wave).map_err(|e| StoreError::corrupt("execution.wave", e))?,
            state: state.parse().map_err(|e| StoreError::corrupt("execution.state", e))?,
            verdict: verdict.parse().map_err(|e| StoreError::corrupt("execution.verdict", e))?,
            reason,
            details: texts("execution.detail", &detail)?,
            version,
            before: texts("execution.seen_before", &seen_before)?,
            queued_at: Timestamp::from_micros(queued_at),
            started_at: time(started_at),
            updated_at: Timestamp::from_micros(updated_at),
            ended_at: time(ended_at),
            phase_due: time(phase_due_at),
            step_due: time(step_due_at),
            expires_at: time(expires_at),
            held_until: time(held_until),
            closes_at: time(closes_at),
            cancel_asked_at: time(cancel_asked_at),
            consent: match (consent, consent_at) {
                (0, _) => Consent::NotNeeded,
                (_, None) => Consent::Awaited,
                (_, Some(at)) => Consent::Given { at: Timestamp::from_micros(at) },
            },
            status_code,
        })
    }
}

fn consent_columns(consent: Consent) -> (i64, Option<i64>) {
    match consent {
        Consent::NotNeeded => (0, None),
        Consent::Awaited => (1, None),
        Consent::Given { at } => (1, Some(at.micros())),
    }
}

fn tell_other_nodes(tx: &mut Tx<'_>, device: DeviceId) {
    if matches!(tx.engine, Engine::Postgres(_)) {
        tx.changed(ChangeKind::Work, device.get());
    }
}

/// Stores `after` in place of `before`, which must be what is stored. False, and nothing is stored, if it is not.
///
/// # Errors
/// When the database fails.
pub async fn update(tx: &mut Tx<'_>, before: &Execution, after: &Execution) -> Result<bool, StoreError> {
    let (needs_consent, consent_at) = consent_columns(after.consent);
    let written = execute!(
        tx,
        "UPDATE execution SET state = $1, verdict = $2, reason = $3, detail = $4, version = $5, started_at = $6,
           updated_at = $7, ended_at = $8, phase_due_at = $9, step_due_at = $10, due_at = $11, held_until = $12,
           closes_at = $13, cancel_asked_at = $14, consent = $15, consent_at = $16, status_code = $17
         WHERE id = $18 AND version = $19 AND state = $20 AND verdict = $21 AND latest = 1",
        after.state.as_str(),
        after.verdict.as_str(),
        after.reason.as_str(),
        json(&after.details)?,
        after.version,
        after.started_at.map(Timestamp::micros),
        after.updated_at.micros(),
        after.ended_at.map(Timestamp::micros),
        after.phase_due.map(Timestamp::micros),
        after.step_due.map(Timestamp::micros),
        after.due().map(Timestamp::micros),
        after.held_until.map(Timestamp::micros),
        after.closes_at.map(Timestamp::micros),
        after.cancel_asked_at.map(Timestamp::micros),
        needs_consent,
        consent_at,
        after.status_code,
        before.id.get(),
        before.version,
        before.state.as_str(),
        before.verdict.as_str(),
    )?;
    if written == 0 {
        return Ok(false);
    }
    // What the device may see, and what an operator who watches reads of why it waits.
    let seen = |one: &Execution| (one.state.is_open(), one.held_until, one.consent, one.cancel_asked_at);
    let (stands, is_seen) =
        ((before.state, before.verdict) != (after.state, after.verdict), seen(before) != seen(after));
    if stands {
        count_moved(tx, before, after).await?;
    }
    if after.outcome() == Outcome::Failed && before.outcome() != Outcome::Failed {
        ddi::installed_forget(tx, after.device, after.id).await?;
    }
    // A timer that runs out sooner than whoever looks then knows of.
    let is_sooner = after.due().is_some_and(|due| before.due().is_none_or(|before| due < before));
    if stands || is_seen || is_sooner || before.reason != after.reason {
        tx.changed(ChangeKind::Execution, before.id.get());
    }
    if is_seen {
        // It may be connected to another node.
        tell_other_nodes(tx, before.device);
    }
    Ok(true)
}

/// Makes room for another try: this one is history from now on.
///
/// # Errors
/// When the database fails.
pub async fn supersede(tx: &mut Tx<'_>, execution: &Execution) -> Result<bool, StoreError> {
    let written = execute!(
        tx,
        "UPDATE execution SET latest = 0, phase_due_at = NULL, step_due_at = NULL, due_at = NULL
         WHERE id = $1 AND latest = 1",
        execution.id.get(),
    )?;
    if written == 1 {
        let slot = slot(tx, execution.id);
        count(tx, counter(execution), slot, -1).await?;
    }
    Ok(written == 1)
}

/// Makes room for the first try on a device that was left out: that is history from now on, and counts as no try.
///
/// # Errors
/// When the database fails.
pub async fn set_aside(tx: &mut Tx<'_>, left_out: &Execution) -> Result<bool, StoreError> {
    if !supersede(tx, left_out).await? {
        return Ok(false);
    }
    execute!(
        tx,
        "UPDATE execution SET number =
           (SELECT MIN(e.number) FROM execution e WHERE e.job_id = $1 AND e.device_id = $2) - 1
         WHERE id = $3",
        left_out.job.get(),
        left_out.device.get(),
        left_out.id.get(),
    )?;
    Ok(true)
}

/// One execution of a tenant.
///
/// # Errors
/// When the database fails.
pub async fn get(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: ExecutionId,
) -> Result<Option<Execution>, StoreError> {
    let sql = columns!("WHERE e.tenant_id = $1 AND e.id = $2");
    fetch_optional!(tx, ExecutionRow, sql, tenant.get(), id.get())?.map(ExecutionRow::read).transpose()
}

/// One execution of whatever tenant, if it is its device's latest try.
///
/// # Errors
/// When the database fails.
pub async fn latest_by_id(tx: &mut Tx<'_>, id: ExecutionId) -> Result<Option<Execution>, StoreError> {
    let sql = columns!("WHERE e.id = $1 AND e.latest = 1");
    fetch_optional!(tx, ExecutionRow, sql, id.get())?.map(ExecutionRow::read).transpose()
}

/// A device's latest try of a job.
///
/// # Errors
/// When the database fails.
pub async fn latest(tx: &mut Tx<'_>, device: DeviceId, job: JobId) -> Result<Option<Execution>, StoreError> {
    let sql = columns!("WHERE e.job_id = $1 AND e.device_id = $2 AND e.latest = 1");
    fetch_optional!(tx, ExecutionRow, sql, job.get(), device.get())?.map(ExecutionRow::read).transpose()
}

/// Deletes some executions of a job that is over; what its devices were given stays known ([`past::of_device`]). `fetched`: the
/// reason by which updates ended that had nothing to install. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn delete_some(tx: &mut Tx<'_>, job: JobId, limit: u32, fetched: &str) -> Result<u64, StoreError> {
    past::keep(tx, job, limit, fetched).await?;
    for sql in [
        "DELETE FROM action_status WHERE execution_id IN (SELECT id FROM execution WHERE job_id = $1 ORDER BY id \
         LIMIT $2)",
        "DELETE FROM ddi_action WHERE execution_id IN (SELECT id FROM execution WHERE job_id = $1 ORDER BY id \
         LIMIT $2)",
    ] {
        execute!(tx, sql, job.get(), i64::from(limit))?;
    }
    execute!(
        tx,
        "DELETE FROM execution WHERE id IN (SELECT id FROM execution WHERE job_id = $1 ORDER BY id LIMIT $2)",
        job.get(),
        i64::from(limit),
    )
}

#[cfg(test)]
mod tests;
