//! What must be known of devices before they are offered work, a batch at a time.

use std::collections::BTreeMap;

use windlass_domain::device::Lifecycle;
use windlass_domain::ids::{AttributeKey, DeviceId, JobId, TenantId, TypeId};
use windlass_domain::job::{Execution, Job, Priority};
use windlass_domain::shadow::Shadow;
use windlass_domain::time::Timestamp;

use super::{ExecutionRow, columns};
use crate::error::StoreError;
use crate::row::write_ids;
use crate::shadows;
use crate::tx::{Tx, among, fetch_all};

/// A device, as far as an offer needs it.
#[derive(Debug, Clone)]
pub struct OfferFacts {
    /// Which device.
    pub device: DeviceId,
    /// Its model.
    pub device_type: Option<TypeId>,
    /// Where it stands in its life.
    pub lifecycle: Lifecycle,
    /// What operators set on it.
    pub attributes: BTreeMap<AttributeKey, String>,
    /// What it reported as inventory.
    pub inventory: BTreeMap<AttributeKey, String>,
    /// What it has to do or to show yet, of any job, oldest first.
    pub unsettled: Vec<Execution>,
    /// Its classic shadow.
    pub shadow: Option<Shadow>,
}

type Row = (i64, Option<i64>, String, String, String);

fn texts(what: &str, json: &str) -> Result<BTreeMap<AttributeKey, String>, StoreError> {
    let read: BTreeMap<String, String> =
        serde_json::from_str(json).map_err(|e| StoreError::corrupt(what, e))?;
    read.into_iter()
        .map(|(key, value)| Ok((key.parse()?, value)))
        .collect::<Result<_, windlass_domain::ids::InvalidName>>()
        .map_err(|e| StoreError::corrupt(what, e))
}

fn read(row: Row) -> Result<OfferFacts, StoreError> {
    let (id, type_id, lifecycle, attributes, inventory) = row;
    Ok(OfferFacts {
        device: DeviceId::new(id),
        device_type: type_id.map(TypeId::new),
        lifecycle: lifecycle.parse().map_err(|e| StoreError::corrupt("device.lifecycle", e))?,
        attributes: texts("device.attributes", &attributes)?,
        inventory: texts("device.inventory", &inventory)?,
        unsettled: Vec::new(),
        shadow: None,
    })
}

/// The facts of those of these devices that still exist in the tenant.
///
/// # Errors
/// When the database fails.
pub async fn offer_facts(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    ids: &[DeviceId],
) -> Result<BTreeMap<DeviceId, OfferFacts>, StoreError> {
    let list = write_ids(ids);
    let sql = among!(
        tx,
        "SELECT id, type_id, lifecycle, attributes, inventory FROM device WHERE tenant_id = $1 AND id",
        "$2",
        ""
    );
    let rows = fetch_all!(tx, Row, sql, tenant.get(), list.as_str())?;
    let mut facts = BTreeMap::new();
    for row in rows {
        let fact = read(row)?;
        facts.insert(fact.device, fact);
    }
    let sql = among!(
        tx,
        columns!("WHERE e.device_id"),
        "$1",
        " AND e.latest = 1 AND e.verdict = 'pending' AND e.state IN ('queued', 'inProgress', 'succeeded')
          ORDER BY e.id"
    );
    for execution in ExecutionRow::read_all(fetch_all!(tx, ExecutionRow, sql, list.as_str())?)? {
        if let Some(fact) = facts.get_mut(&execution.device) {
            fact.unsettled.push(execution);
        }
    }
    for (device, shadow) in shadows::classic_of(tx, &list).await? {
        if let Some(fact) = facts.get_mut(&device) {
            fact.shadow = Some(shadow);
        }
    }
    Ok(facts)
}

/// Those of these devices that have an update to do, not over yet, of a job of this priority or a higher one.
///
/// # Errors
/// When the database fails.
pub async fn outranked(
    tx: &mut Tx<'_>,
    devices: &[DeviceId],
    priority: Priority,
) -> Result<Vec<DeviceId>, StoreError> {
    let list = write_ids(devices);
    let sql = among!(
        tx,
        "SELECT DISTINCT e.device_id FROM execution e JOIN job j ON j.id = e.job_id
         WHERE j.kind = 'update' AND j.priority >= $2 AND e.state IN ('queued', 'inProgress') AND e.latest = 1
           AND e.device_id",
        "$1",
        ""
    );
    let rows = fetch_all!(tx, (i64,), sql, list.as_str(), i64::from(priority.get()))?;
    Ok(rows.into_iter().map(|(device,)| DeviceId::new(device)).collect())
}

/// The plus keeps SQLite from reading every later job of a tenant for each of a few devices; the tenant only has to be right.
pub(crate) fn later_of_devices(tx: &Tx<'_>) -> &'static str {
    among!(
        tx,
        "SELECT e.device_id, e.job_id FROM execution e JOIN job j ON j.id = e.job_id
         WHERE +j.tenant_id = $2 AND j.kind = 'update' AND j.id <> $3 AND j.started_at >= $4 AND e.latest = 1
           AND e.verdict IN ('verified', 'unverifiable') AND e.device_id",
        "$1",
        " ORDER BY e.id"
    )
}

/// The updates of jobs that began after this one and that ended well on these devices; none while it has not begun.
///
/// # Errors
/// When the database fails.
pub async fn later_updates(
    tx: &mut Tx<'_>,
    job: &Job,
    devices: &[DeviceId],
) -> Result<Vec<(DeviceId, JobId)>, StoreError> {
    let Some(began) = job.started_at.map(Timestamp::micros) else { return Ok(Vec::new()) };
    let list = write_ids(devices);
    let sql = later_of_devices(tx);
    let rows = fetch_all!(tx, (i64, i64), sql, list.as_str(), job.tenant.get(), job.id.get(), began)?;
    Ok(rows.into_iter().map(|(device, job)| (DeviceId::new(device), JobId::new(job))).collect())
}
