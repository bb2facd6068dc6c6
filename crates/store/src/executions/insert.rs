//! New executions, a batch at a time: many rows in one statement, and each counter moved once.

use std::collections::HashMap;

use windlass_domain::ids::{ExecutionId, JobId};
use windlass_domain::job::Execution;
use windlass_domain::time::Timestamp;

use super::tallies::{Counter, count, counter, slot};
use super::{consent_columns, json, tell_other_nodes};
use crate::error::StoreError;
use crate::tx::{Engine, Tx, both, execute};

/// Rows of one statement; one with as many is prepared once.
const ROWS: usize = 40;

/// Columns of a new row.
const COLUMNS: usize = 25;

/// A statement that stores so many rows. SQLite looks for the name of each parameter that has one among all others, which for a
/// thousand of them takes longer than to store the rows: there they have none.
fn statement(engine: &Engine<'_>, rows: usize) -> String {
    let mut sql = String::from(
        "INSERT INTO execution (tenant_id, job_id, device_id, number, latest, wave, state, verdict, reason, detail,
           seen_before, version, queued_at, started_at, updated_at, ended_at, phase_due_at, step_due_at, due_at,
           expires_at, held_until, closes_at, cancel_asked_at, consent, consent_at, status_code) VALUES ",
    );
    for row in 0..rows {
        let each = (1..=COLUMNS).map(|column| match engine {
            Engine::Sqlite(_) => "?".to_owned(),
            Engine::Postgres(_) => format!("${}", row * COLUMNS + column),
        });
        let mut each: Vec<String> = each.collect();
        // Whoever is stored is the latest try.
        each.insert(4, "1".to_owned());
        let start = if row == 0 { "(" } else { ", (" };
        sql.extend([start, &each.join(", "), ")"]);
    }
    sql.push_str(" RETURNING id");
    sql
}

/// Stores some rows; their ids, in no order.
async fn write(tx: &mut Tx<'_>, executions: &[Execution]) -> Result<Vec<(i64,)>, StoreError> {
    let texts = executions.iter().map(|one| Ok((json(&one.details)?, json(&one.before)?)));
    let texts = texts.collect::<Result<Vec<_>, StoreError>>()?;
    let sql = statement(&tx.engine, executions.len());
    both!(tx, connection => {
        let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
        for (one, (details, before)) in executions.iter().zip(texts) {
            let (needs_consent, consent_at) = consent_columns(one.consent);
            query = query
                .bind(one.tenant.get())
                .bind(one.job.get())
                .bind(one.device.get())
                .bind(one.number)
                .bind(i64::from(one.wave))
                .bind(one.state.as_str())
                .bind(one.verdict.as_str())
                .bind(one.reason.as_str())
                .bind(details)
                .bind(before)
                .bind(one.version)
                .bind(one.queued_at.micros())
                .bind(one.started_at.map(Timestamp::micros))
                .bind(one.updated_at.micros())
                .bind(one.ended_at.map(Timestamp::micros))
                .bind(one.phase_due.map(Timestamp::micros))
                .bind(one.step_due.map(Timestamp::micros))
                .bind(one.due().map(Timestamp::micros))
                .bind(one.expires_at.map(Timestamp::micros))
                .bind(one.held_until.map(Timestamp::micros))
                .bind(one.closes_at.map(Timestamp::micros))
                .bind(one.cancel_asked_at.map(Timestamp::micros))
                .bind(needs_consent)
                .bind(consent_at)
                .bind(one.status_code);
        }
        query.fetch_all(connection).await
    })
}

/// Stores a new execution as the latest try; its number is ignored, the one it got is returned.
///
/// # Errors
/// When the database fails, also when the device has such a try already.
pub async fn insert(tx: &mut Tx<'_>, execution: &Execution) -> Result<ExecutionId, StoreError> {
    let ids = store(tx, std::slice::from_ref(execution)).await?;
    ids.first().map(|(id,)| ExecutionId::new(*id)).ok_or_else(|| sqlx::Error::RowNotFound.into())
}

/// Stores new executions, each as the latest try; their numbers are ignored.
///
/// # Errors
/// As [`insert`]; then none is stored.
pub async fn insert_all(tx: &mut Tx<'_>, executions: &[Execution]) -> Result<(), StoreError> {
    store(tx, executions).await?;
    match executions.first() {
        Some(first) => merge_slots(tx, first.job, first.wave).await,
        None => Ok(()),
    }
}

/// Puts the counters of the waves before this one together: few of their devices report any more.
async fn merge_slots(tx: &mut Tx<'_>, job: JobId, wave: u32) -> Result<(), StoreError> {
    if matches!(tx.engine, Engine::Sqlite(_)) {
        return Ok(());
    }
    execute!(
        tx,
        "WITH gone AS (
           DELETE FROM job_tally WHERE job_id = $1 AND wave < $2 AND slot > 0 RETURNING wave, state, verdict, count)
         INSERT INTO job_tally (job_id, wave, state, verdict, slot, count)
         SELECT $1, wave, state, verdict, 0, SUM(count) FROM gone GROUP BY wave, state, verdict
         ON CONFLICT (job_id, wave, state, verdict, slot) DO UPDATE SET count = job_tally.count + excluded.count",
        job.get(),
        i64::from(wave),
    )
    .map(drop)
}

async fn store(tx: &mut Tx<'_>, executions: &[Execution]) -> Result<Vec<(i64,)>, StoreError> {
    let mut ids = Vec::new();
    for rows in executions.chunks(ROWS) {
        ids.extend(write(tx, rows).await?);
    }
    let mut counts: HashMap<Counter, i64> = HashMap::new();
    for one in executions {
        *counts.entry(counter(one)).or_default() += 1;
    }
    let slot = ids.first().map_or(0, |(id,)| slot(tx, ExecutionId::new(*id)));
    for (counter, change) in counts {
        count(tx, counter, slot, change).await?;
    }
    for one in executions.iter().filter(|one| one.state.is_open()) {
        tell_other_nodes(tx, one.device);
    }
    Ok(ids)
}
