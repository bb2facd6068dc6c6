//! The questions that telemetry asks the database. Knows nothing of what is in `data`.

use sqlx::AssertSqlSafe;

use super::Stored;
use super::compact::{NewBlock, Part};
use crate::error::StoreError;
use crate::tx::{Engine, Tx, both, execute, fetch_all, fetch_one};

/// Most rows that are named in one statement.
pub(super) const ROWS_AT_ONCE: usize = 500;

/// `$1, $2, …`
fn places(count: usize) -> String {
    (1..=count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

pub(super) async fn metrics(tx: &mut Tx<'_>) -> Result<Vec<(i64, String, i64)>, StoreError> {
    fetch_all!(tx, (i64, String, i64), "SELECT id, name, kind FROM telemetry_metric")
}

pub(super) async fn register_metric(tx: &mut Tx<'_>, name: &str, kind: i64) -> Result<i64, StoreError> {
    let (id,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO telemetry_metric (name, kind) VALUES ($1, $2)
         ON CONFLICT (name, kind) DO UPDATE SET kind = excluded.kind RETURNING id",
        name,
        kind
    )?;
    Ok(id)
}

/// (device, metric) of some devices.
pub(super) async fn series_of(tx: &mut Tx<'_>, devices: &[i64]) -> Result<Vec<(i64, i64)>, StoreError> {
    let sql = format!(
        "SELECT device_id, metric_id FROM telemetry_series WHERE device_id IN ({})",
        places(devices.len())
    );
    both!(tx, connection => {
        let mut query = sqlx::query_as::<_, (i64, i64)>(AssertSqlSafe(sql.clone()));
        for device in devices {
            query = query.bind(*device);
        }
        query.fetch_all(connection).await
    })
}

pub(super) async fn register_series(tx: &mut Tx<'_>, device: i64, metric: i64) -> Result<(), StoreError> {
    execute!(
        tx,
        "INSERT INTO telemetry_series (device_id, metric_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        device,
        metric
    )
    .map(drop)
}

pub(super) async fn remove_series(tx: &mut Tx<'_>, device: i64) -> Result<(), StoreError> {
    execute!(tx, "DELETE FROM telemetry_series WHERE device_id = $1", device).map(drop)
}

pub(super) async fn append_log(tx: &mut Tx<'_>, data: Vec<u8>) -> Result<i64, StoreError> {
    let bytes = i64::try_from(data.len()).unwrap_or(i64::MAX);
    let (id,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO telemetry_log (bytes, data) VALUES ($1, $2) RETURNING id",
        bytes,
        data.as_slice()
    )?;
    Ok(id)
}

/// Ids and bytes of the oldest rows up to `last`.
pub(super) async fn log_ids(tx: &mut Tx<'_>, last: i64, most: i64) -> Result<Vec<(i64, i64)>, StoreError> {
    fetch_all!(
        tx,
        (i64, i64),
        "SELECT id, bytes FROM telemetry_log WHERE id <= $1 ORDER BY id LIMIT $2",
        last,
        most
    )
}

pub(super) async fn log_rows(tx: &mut Tx<'_>, ids: &[i64]) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let sql = format!("SELECT id, data FROM telemetry_log WHERE id IN ({}) ORDER BY id", places(ids.len()));
    data_of(tx, sql, ids).await
}

pub(super) async fn log_after(
    tx: &mut Tx<'_>,
    after: i64,
    most: i64,
) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    fetch_all!(
        tx,
        (i64, Vec<u8>),
        "SELECT id, data FROM telemetry_log WHERE id > $1 ORDER BY id LIMIT $2",
        after,
        most
    )
}

/// Removes rows. Says how many were still there.
pub(super) async fn remove_log(tx: &mut Tx<'_>, ids: &[i64]) -> Result<u64, StoreError> {
    let sql = |count| format!("DELETE FROM telemetry_log WHERE id IN ({})", places(count));
    remove(tx, sql, ids).await
}

/// Removes blocks. Says how many were still there.
pub(super) async fn remove_blocks(tx: &mut Tx<'_>, ids: &[i64]) -> Result<u64, StoreError> {
    let sql = |count| format!("DELETE FROM telemetry_block WHERE id IN ({})", places(count));
    remove(tx, sql, ids).await
}

async fn remove(tx: &mut Tx<'_>, sql: impl Fn(usize) -> String, ids: &[i64]) -> Result<u64, StoreError> {
    let mut removed = 0;
    for some in ids.chunks(ROWS_AT_ONCE) {
        let sql = sql(some.len());
        removed += both!(tx, connection => {
            let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
            for id in some {
                query = query.bind(*id);
            }
            query.execute(connection).await.map(|done| done.rows_affected())
        })?;
    }
    Ok(removed)
}

/// The next generation; whoever takes it commits it with the blocks that carry it.
pub(super) async fn next_generation(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    let (generation,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO telemetry_progress (name, value) VALUES ('generation', 1)
         ON CONFLICT (name) DO UPDATE SET value = telemetry_progress.value + 1 RETURNING value"
    )?;
    Ok(generation)
}

pub(super) async fn insert_block(
    tx: &mut Tx<'_>,
    block: &NewBlock,
    generation: i64,
) -> Result<(), StoreError> {
    let NewBlock { part, step, level, settled, first_device, last_device, first_at, last_at, points, data } =
        block;
    let Part { metric, chunk, day } = *part;
    execute!(
        tx,
        "INSERT INTO telemetry_block (metric_id, chunk, day, step, level, generation, settled,
           first_device, last_device, first_at, last_at, points, data)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        i64::from(metric.0),
        chunk,
        day,
        *step,
        *level,
        generation,
        i64::from(*settled),
        *first_device,
        *last_device,
        *first_at,
        *last_at,
        *points,
        data.as_slice()
    )
    .map(drop)
}

/// A block without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct BlockRow {
    pub(super) id: i64,
    pub(super) day: i64,
    pub(super) step: i64,
    pub(super) level: i64,
    pub(super) generation: i64,
    pub(super) settled: i64,
    pub(super) first_device: i64,
    pub(super) last_device: i64,
    pub(super) points: i64,
}

/// Every block of a part: points and rollups.
pub(super) async fn blocks_of(tx: &mut Tx<'_>, part: Part) -> Result<Vec<BlockRow>, StoreError> {
    fetch_all!(
        tx,
        BlockRow,
        "SELECT id, day, step, level, generation, settled, first_device, last_device, points FROM telemetry_block
         WHERE metric_id = $1 AND chunk = $2 AND day = $3 ORDER BY generation, id",
        i64::from(part.metric.0),
        part.chunk,
        part.day
    )
}

/// Where to look for a series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) metric: i64,
    pub(super) chunk: i64,
    pub(super) device: i64,
    pub(super) first_day: i64,
    pub(super) last_day: i64,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// The blocks, rollups too, that may hold something of a device from `from` to before `to`.
pub(super) async fn blocks_at(tx: &mut Tx<'_>, place: Place) -> Result<Vec<BlockRow>, StoreError> {
    let Place { metric, chunk, device, first_day, last_day, from, to } = place;
    fetch_all!(
        tx,
        BlockRow,
        "SELECT id, day, step, level, generation, settled, first_device, last_device, points FROM telemetry_block
         WHERE metric_id = $1 AND chunk = $2 AND day BETWEEN $3 AND $4
           AND last_device >= $5 AND first_device <= $5 AND last_at >= $6 AND first_at < $7
         ORDER BY day, generation, id",
        metric,
        chunk,
        first_day,
        last_day,
        device,
        from,
        to
    )
}

/// The newest blocks of points that may hold something of a device, newest day first.
pub(super) async fn newest_blocks(
    tx: &mut Tx<'_>,
    place: Place,
    most: i64,
) -> Result<Vec<BlockRow>, StoreError> {
    let Place { metric, chunk, device, .. } = place;
    fetch_all!(
        tx,
        BlockRow,
        "SELECT id, day, step, level, generation, settled, first_device, last_device, points FROM telemetry_block
         WHERE metric_id = $1 AND chunk = $2 AND step = 0 AND last_device >= $3 AND first_device <= $3
         ORDER BY day DESC, generation DESC LIMIT $4",
        metric,
        chunk,
        device,
        most
    )
}

pub(super) async fn block_data(tx: &mut Tx<'_>, ids: &[i64]) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(ROWS_AT_ONCE) {
        let sql = format!("SELECT id, data FROM telemetry_block WHERE id IN ({})", places(some.len()));
        found.extend(data_of(tx, sql, some).await?);
    }
    Ok(found)
}

async fn data_of(tx: &mut Tx<'_>, sql: String, ids: &[i64]) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    both!(tx, connection => {
        let mut query = sqlx::query_as::<_, (i64, Vec<u8>)>(AssertSqlSafe(sql.clone()));
        for id in ids {
            query = query.bind(*id);
        }
        query.fetch_all(connection).await
    })
}

/// A run that is not settled: (metric, chunk, day, level, generation).
pub(super) async fn unsettled_runs(tx: &mut Tx<'_>) -> Result<Vec<(i64, i64, i64, i64, i64)>, StoreError> {
    fetch_all!(
        tx,
        (i64, i64, i64, i64, i64),
        "SELECT DISTINCT metric_id, chunk, day, level, generation FROM telemetry_block WHERE settled = 0"
    )
}

pub(super) async fn settle(tx: &mut Tx<'_>, ids: &[i64]) -> Result<u64, StoreError> {
    let sql = |count| format!("UPDATE telemetry_block SET settled = 1 WHERE id IN ({})", places(count));
    remove(tx, sql, ids).await
}

pub(super) async fn raise(tx: &mut Tx<'_>, ids: &[i64]) -> Result<u64, StoreError> {
    let sql = |count| format!("UPDATE telemetry_block SET level = level + 1 WHERE id IN ({})", places(count));
    remove(tx, sql, ids).await
}

/// Removes some points (or rollups) of days before `day`. Says how many blocks went.
pub(super) async fn remove_older(
    tx: &mut Tx<'_>,
    rollups: bool,
    day: i64,
    most: i64,
) -> Result<u64, StoreError> {
    let (low, high) = if rollups { (1, i64::from(i32::MAX)) } else { (0, 0) };
    execute!(
        tx,
        "DELETE FROM telemetry_block WHERE id IN (
           SELECT id FROM telemetry_block WHERE step BETWEEN $1 AND $2 AND day < $3 LIMIT $4)",
        low,
        high,
        day,
        most
    )
}

/// Gives freed pages back to the file system, a few at a time. PostgreSQL does so by itself.
pub(super) async fn shrink(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    match &mut tx.engine {
        Engine::Sqlite(connection) => {
            sqlx::raw_sql("PRAGMA incremental_vacuum(256)").execute(&mut **connection).await?;
            Ok(())
        }
        Engine::Postgres(_) => Ok(()),
    }
}

pub(super) async fn stored(tx: &mut Tx<'_>) -> Result<Stored, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64, i64, i64, i64),
        "SELECT CAST(CASE WHEN step = 0 THEN 0 ELSE 1 END AS BIGINT), COUNT(*), CAST(SUM(points) AS BIGINT),
           CAST(SUM(LENGTH(data)) AS BIGINT) FROM telemetry_block GROUP BY CASE WHEN step = 0 THEN 0 ELSE 1 END"
    )?;
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    let mut stored = Stored::default();
    for (rollup, blocks, points, bytes) in rows {
        if rollup == 0 {
            stored.blocks = unsigned(blocks);
            stored.points = unsigned(points);
            stored.bytes = unsigned(bytes);
        } else {
            stored.rollup_bytes = unsigned(bytes);
        }
    }
    Ok(stored)
}
