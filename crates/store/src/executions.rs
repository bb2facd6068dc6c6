//! Executions: a job's life on one device, earlier tries included, and the counters that are kept in step with them.
//!
//! Counters hold the latest try of each device only. Every function that writes an execution moves its counter in the
//! same transaction, so that nobody ever has to read all rows of a job to know how it stands.

use std::collections::BTreeMap;

use windlass_domain::ids::{DeviceId, ExecutionId, JobId, TenantId};
use windlass_domain::job::{Begun, Consent, Execution, ExecutionState, JobState, Outcome, Tally, Verdict};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::ddi;
use crate::error::StoreError;
use crate::management::past;
use crate::tx::{Engine, Tx, among, execute, fetch_all, fetch_one, fetch_optional};

mod insert;
mod offer;
mod queries;

pub use insert::{insert, insert_all};
#[cfg(test)]
pub(crate) use offer::later_of_devices;
pub use offer::{OfferFacts, later_updates, offer_facts, outranked};
pub use queries::{ExecutionPick, commands_of_device, failures, list, of_device};

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

/// Which counter of a job an execution is counted in.
type Counter = (JobId, u32, ExecutionState, Verdict);

const fn counter(execution: &Execution) -> Counter {
    (execution.job, execution.wave, execution.state, execution.verdict)
}

/// In how many rows a counter is kept where several write at once.
const SLOTS: i64 = 16;

/// The row of a counter that an execution moves. Each writes alone on the embedded engine: one row is enough there.
const fn slot(tx: &Tx<'_>, execution: ExecutionId) -> i64 {
    match tx.engine {
        Engine::Sqlite(_) => 0,
        Engine::Postgres(_) => execution.get().rem_euclid(SLOTS),
    }
}

/// Moves a counter: that of the execution's wave, or of the past if its wave was folded into that.
async fn count(
    tx: &mut Tx<'_>,
    (job, wave, state, verdict): Counter,
    slot: i64,
    change: i64,
) -> Result<(), StoreError> {
    execute!(
        tx,
        "INSERT INTO job_tally (job_id, wave, state, verdict, slot, count)
         VALUES ($1, COALESCE((SELECT p.wave FROM job_past p WHERE p.job_id = $1 AND NOT EXISTS (
             SELECT 1 FROM job_wave w WHERE w.job_id = $1 AND w.wave = $2)), $2), $3, $4, $5, $6)
         ON CONFLICT (job_id, wave, state, verdict, slot) DO UPDATE SET count = job_tally.count + excluded.count",
        job.get(),
        i64::from(wave),
        state.as_str(),
        verdict.as_str(),
        slot,
        change,
    )?;
    Ok(())
}

/// Counts an execution that stood in one place in another, in one statement.
async fn count_moved(tx: &mut Tx<'_>, before: &Execution, after: &Execution) -> Result<(), StoreError> {
    let slot = slot(tx, before.id);
    execute!(
        tx,
        "INSERT INTO job_tally (job_id, wave, state, verdict, slot, count)
         SELECT $1, COALESCE((SELECT p.wave FROM job_past p WHERE p.job_id = $1 AND NOT EXISTS (
             SELECT 1 FROM job_wave w WHERE w.job_id = $1 AND w.wave = $2)), $2), m.state, m.verdict, $7, m.count
         FROM (SELECT $3 AS state, $4 AS verdict, -1 AS count UNION ALL SELECT $5, $6, 1) m WHERE true
         ON CONFLICT (job_id, wave, state, verdict, slot) DO UPDATE SET count = job_tally.count + excluded.count",
        before.job.get(),
        i64::from(before.wave),
        before.state.as_str(),
        before.verdict.as_str(),
        after.state.as_str(),
        after.verdict.as_str(),
        slot,
    )?;
    Ok(())
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

/// What a device may see and work on: in progress first, then by priority, then as offered. What it has not begun shows
/// only while its job runs and nothing holds it back, and only until it expires.
///
/// # Errors
/// When the database fails.
pub async fn pending(
    tx: &mut Tx<'_>,
    device: DeviceId,
    now: Timestamp,
) -> Result<Vec<Execution>, StoreError> {
    let mut in_progress = ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!("WHERE e.device_id = $1 AND e.state = 'inProgress' AND e.latest = 1 ORDER BY e.id"),
        device.get(),
    )?)?;
    let queued = ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "JOIN job j ON j.id = e.job_id
             WHERE e.device_id = $1 AND e.state = 'queued' AND e.latest = 1 AND j.state = 'running'
               AND (e.expires_at IS NULL OR e.expires_at > $2) ORDER BY j.priority DESC, e.id"
        ),
        device.get(),
        now.micros(),
    )?)?;
    let queued = queued.into_iter().filter(|execution| execution.is_shown(now));
    in_progress.extend(queued);
    Ok(in_progress)
}

/// Every update of a device that is not over, whether or not the device may see it now: what it has not begun only while
/// its job runs or is to be stopped, and only until it expires. Of a job that is held what it fetched over hawkBit's
/// interface stays, for it may be at work on that. What it began and is not to stop comes first, then by priority, then as
/// offered.
///
/// # Errors
/// When the database fails.
pub async fn open_updates(
    tx: &mut Tx<'_>,
    device: DeviceId,
    now: Timestamp,
) -> Result<Vec<Execution>, StoreError> {
    ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "JOIN job j ON j.id = e.job_id
             WHERE e.device_id = $1 AND e.state IN ('queued', 'inProgress') AND e.latest = 1 AND j.kind = 'update'
               AND (e.state = 'inProgress' OR e.cancel_asked_at IS NOT NULL
                 OR ((j.state = 'running' OR (j.state IN ('paused', 'halted') AND EXISTS (SELECT 1 FROM ddi_action a
                       WHERE a.execution_id = e.id AND a.retrieved_at IS NOT NULL)))
                   AND (e.expires_at IS NULL OR e.expires_at > $2)))
             ORDER BY CASE WHEN e.state = 'inProgress' AND e.cancel_asked_at IS NULL THEN 0 ELSE 1 END,
               j.priority DESC, e.id"
        ),
        device.get(),
        now.micros(),
    )?)
}

/// How many executions a device has that are queued or in progress, whatever the state of their jobs.
///
/// # Errors
/// When the database fails.
pub async fn open_count(tx: &mut Tx<'_>, device: DeviceId) -> Result<i64, StoreError> {
    let (count,) = fetch_one!(
        tx,
        (i64,),
        "SELECT COUNT(*) FROM execution
         WHERE device_id = $1 AND state IN ('queued', 'inProgress') AND latest = 1",
        device.get(),
    )?;
    Ok(count)
}

/// What a device said it finished and what has not been seen running yet.
///
/// # Errors
/// When the database fails.
pub async fn verifying(tx: &mut Tx<'_>, device: DeviceId) -> Result<Vec<Execution>, StoreError> {
    ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "WHERE e.device_id = $1 AND e.state = 'succeeded' AND e.verdict = 'pending' AND e.latest = 1
             ORDER BY e.id"
        ),
        device.get(),
    )?)
}

/// The last updates that a device said it finished, newest first.
///
/// # Errors
/// When the database fails.
pub async fn finished_updates(
    tx: &mut Tx<'_>,
    device: DeviceId,
    limit: u32,
) -> Result<Vec<Execution>, StoreError> {
    ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "JOIN job j ON j.id = e.job_id
             WHERE e.device_id = $1 AND e.state = 'succeeded' AND e.latest = 1 AND j.kind = 'update'
             ORDER BY e.ended_at DESC, e.id DESC LIMIT $2"
        ),
        device.get(),
        i64::from(limit),
    )?)
}

/// What a device still has to do or to show, of any job.
///
/// # Errors
/// When the database fails.
pub async fn unsettled(tx: &mut Tx<'_>, device: DeviceId) -> Result<Vec<Execution>, StoreError> {
    ExecutionRow::read_all(fetch_all!(
        tx,
        ExecutionRow,
        columns!(
            "WHERE e.device_id = $1 AND e.latest = 1 AND e.verdict = 'pending'
               AND e.state IN ('queued', 'inProgress', 'succeeded') ORDER BY e.id"
        ),
        device.get(),
    )?)
}

/// The counters of a job: a few rows for each wave.
///
/// # Errors
/// When the database fails.
pub async fn tallies(tx: &mut Tx<'_>, job: JobId) -> Result<Vec<Tally>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64, String, String, i64),
        "SELECT wave, state, verdict, CAST(SUM(count) AS BIGINT) FROM job_tally WHERE job_id = $1
         GROUP BY wave, state, verdict HAVING SUM(count) > 0 ORDER BY wave, state, verdict",
        job.get(),
    )?;
    let mut tallies = rows.into_iter().map(tally).collect::<Result<Vec<Tally>, StoreError>>()?;
    let are_seen_later =
        |tally: &Tally| (tally.state, tally.verdict) == (ExecutionState::Succeeded, Verdict::Pending);
    if tallies.iter().any(are_seen_later)
        && let Some((past, again)) = verifying_again(tx, job).await?
        && let Some(of_past) = tallies.iter_mut().find(|tally| tally.wave == past && are_seen_later(tally))
    {
        of_past.again = again;
    }
    Ok(tallies)
}

/// The wave that is the past of a job, and how many of it try again and are not seen yet; none if there are none.
async fn verifying_again(tx: &mut Tx<'_>, job: JobId) -> Result<Option<(u32, u64)>, StoreError> {
    let row = fetch_optional!(
        tx,
        (i64, i64),
        "SELECT p.wave, CAST(COUNT(*) AS BIGINT) FROM execution e JOIN job_past p ON p.job_id = e.job_id
         WHERE e.job_id = $1 AND e.state = 'succeeded' AND e.verdict = 'pending' AND e.latest = 1 AND e.number > 1
           AND (e.wave = p.wave OR e.wave NOT IN (SELECT w.wave FROM job_wave w WHERE w.job_id = $1))
         GROUP BY p.wave",
        job.get(),
    )?;
    let Some((wave, count)) = row else { return Ok(None) };
    let wave = u32::try_from(wave).map_err(|e| StoreError::corrupt("job_past.wave", e))?;
    let count = u64::try_from(count).map_err(|e| StoreError::corrupt("execution.number", e))?;
    Ok(Some((wave, count)))
}

/// The counters of a job's latest tries with ids after this one, all of which try again. Looks at each of them.
///
/// # Errors
/// When the database fails.
pub async fn tallies_since(
    tx: &mut Tx<'_>,
    job: JobId,
    after: ExecutionId,
) -> Result<Vec<Tally>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64, String, String, i64),
        "SELECT COALESCE((SELECT p.wave FROM job_past p WHERE p.job_id = $1 AND NOT EXISTS (
             SELECT 1 FROM job_wave w WHERE w.job_id = $1 AND w.wave = e.wave)), e.wave), e.state, e.verdict, e.count
         FROM (SELECT wave, state, verdict, CAST(COUNT(*) AS BIGINT) AS count FROM execution
           WHERE job_id = $1 AND id > $2 AND latest = 1 GROUP BY wave, state, verdict) e
         ORDER BY e.wave, e.state, e.verdict",
        job.get(),
        after.get(),
    )?;
    let mut tallies = rows.into_iter().map(tally).collect::<Result<Vec<Tally>, StoreError>>()?;
    for tally in &mut tallies {
        let is_seen_later = (tally.state, tally.verdict) == (ExecutionState::Succeeded, Verdict::Pending);
        tally.again = if is_seen_later { tally.count } else { 0 };
    }
    Ok(tallies)
}

fn tally((wave, state, verdict, count): (i64, String, String, i64)) -> Result<Tally, StoreError> {
    Ok(Tally {
        wave: u32::try_from(wave).map_err(|e| StoreError::corrupt("job_tally.wave", e))?,
        state: state.parse::<ExecutionState>().map_err(|e| StoreError::corrupt("job_tally.state", e))?,
        verdict: verdict.parse::<Verdict>().map_err(|e| StoreError::corrupt("job_tally.verdict", e))?,
        count: u64::try_from(count).map_err(|e| StoreError::corrupt("job_tally.count", e))?,
        again: 0,
    })
}

/// The first executions of a job whose timer ran out. What was not begun counts only while the job runs.
///
/// # Errors
/// When the database fails.
pub async fn due(
    tx: &mut Tx<'_>,
    job: JobId,
    state: &JobState,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<ExecutionId>, StoreError> {
    let rows = if *state == JobState::Running {
        fetch_all!(
            tx,
            (i64,),
            "SELECT id FROM execution WHERE job_id = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3",
            job.get(),
            now.micros(),
            i64::from(limit),
        )?
    } else {
        fetch_all!(
            tx,
            (i64,),
            "SELECT id FROM execution WHERE job_id = $1 AND due_at <= $2
               AND (state <> 'queued' OR cancel_asked_at IS NOT NULL)
             ORDER BY due_at LIMIT $3",
            job.get(),
            now.micros(),
            i64::from(limit),
        )?
    };
    Ok(ids(rows))
}

/// The jobs of these executions, those that are gone left out.
///
/// # Errors
/// When the database fails.
pub async fn jobs_of(tx: &mut Tx<'_>, executions: &[ExecutionId]) -> Result<Vec<JobId>, StoreError> {
    let list = serde_json::Value::from_iter(executions.iter().map(|id| id.get())).to_string();
    let sql = among!(tx, "SELECT DISTINCT job_id FROM execution WHERE id", "$1", "");
    let rows = fetch_all!(tx, (i64,), sql, list.as_str())?;
    Ok(rows.into_iter().map(|(id,)| JobId::new(id)).collect())
}

/// The first executions of jobs that are over whose device said that it succeeded and whose time to be seen is over.
///
/// # Errors
/// When the database fails.
pub async fn unseen_of_closed(
    tx: &mut Tx<'_>,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<ExecutionId>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT e.id FROM execution e JOIN job j ON j.id = e.job_id
         WHERE e.state = 'succeeded' AND e.verdict = 'pending' AND e.due_at <= $1
           AND j.state IN ('completed', 'canceled') ORDER BY e.due_at LIMIT $2",
        now.micros(),
        i64::from(limit),
    )?;
    Ok(ids(rows))
}

/// The first failed latest tries of a job with ids in `after + 1 ..= up_to`.
///
/// # Errors
/// When the database fails.
pub async fn failed_between(
    tx: &mut Tx<'_>,
    job: JobId,
    after: ExecutionId,
    up_to: ExecutionId,
    limit: u32,
) -> Result<Vec<ExecutionId>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT id FROM execution
         WHERE job_id = $1 AND id > $2 AND id <= $3 AND latest = 1
           AND (verdict IN ('rolledBack', 'expired', 'refuted')
                OR (verdict = 'pending' AND state IN ('failed', 'rejected', 'timedOut')))
         ORDER BY id LIMIT $4",
        job.get(),
        after.get(),
        up_to.get(),
        i64::from(limit),
    )?;
    Ok(ids(rows))
}

/// The first executions of a job that a cancellation withdraws, or asks a device about: those that were begun, too, unless
/// devices are left to finish them. Who was asked over hawkBit's interface and has not answered is waited for, and so is who
/// refused and is at work, unless it is withdrawn from everybody.
///
/// # Errors
/// When the database fails.
pub async fn withdrawable(
    tx: &mut Tx<'_>,
    job: JobId,
    begun: Begun,
    limit: u32,
) -> Result<Vec<ExecutionId>, StoreError> {
    let second = if begun == Begun::Finish { ExecutionState::Queued } else { ExecutionState::InProgress };
    let rows = fetch_all!(
        tx,
        (i64,),
        "SELECT id FROM execution WHERE job_id = $1 AND state IN ($2, $3)
           AND ($4 = 1 OR NOT EXISTS (SELECT 1 FROM ddi_action a
             WHERE a.execution_id = execution.id AND a.retrieved_at IS NOT NULL
               AND (execution.cancel_asked_at IS NOT NULL
                 OR (a.cancel_retrieved_at IS NOT NULL AND execution.state = 'inProgress'))))
         ORDER BY id LIMIT $5",
        job.get(),
        ExecutionState::Queued.as_str(),
        second.as_str(),
        i64::from(begun == Begun::Withdraw),
        i64::from(limit),
    )?;
    Ok(ids(rows))
}

/// The newest execution of a job.
///
/// # Errors
/// When the database fails.
pub async fn newest(tx: &mut Tx<'_>, job: JobId) -> Result<Option<ExecutionId>, StoreError> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "SELECT id FROM execution WHERE job_id = $1 ORDER BY id DESC LIMIT 1",
        job.get(),
    )?;
    Ok(row.map(|(id,)| ExecutionId::new(id)))
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

fn ids(rows: Vec<(i64,)>) -> Vec<ExecutionId> {
    rows.into_iter().map(|(id,)| ExecutionId::new(id)).collect()
}

#[cfg(test)]
mod tests;
