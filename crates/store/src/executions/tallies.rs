//! The counters of a job, which every write of an execution moves, and how a job stands by them.

use windlass_domain::ids::{ExecutionId, JobId};
use windlass_domain::job::{Execution, ExecutionState, Tally, Verdict};

use crate::error::StoreError;
use crate::tx::{Engine, Tx, execute, fetch_all, fetch_optional};

/// Which counter of a job an execution is counted in.
pub(super) type Counter = (JobId, u32, ExecutionState, Verdict);

pub(super) const fn counter(execution: &Execution) -> Counter {
    (execution.job, execution.wave, execution.state, execution.verdict)
}

/// In how many rows a counter is kept where several write at once.
const SLOTS: i64 = 16;

/// The row of a counter that an execution moves. Each writes alone on the embedded engine: one row is enough there.
pub(super) const fn slot(tx: &Tx<'_>, execution: ExecutionId) -> i64 {
    match tx.engine {
        Engine::Sqlite(_) => 0,
        Engine::Postgres(_) => execution.get().rem_euclid(SLOTS),
    }
}

/// Moves a counter: that of the execution's wave, or of the past if its wave was folded into that.
pub(super) async fn count(
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
pub(super) async fn count_moved(
    tx: &mut Tx<'_>,
    before: &Execution,
    after: &Execution,
) -> Result<(), StoreError> {
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
