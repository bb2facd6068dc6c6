//! The external ids under which protocols know devices: each stands for one device of its tenant.
//!
//! Knows no protocol.

use std::collections::BTreeSet;

use windlass_domain::device::Device;
use windlass_domain::ids::{DeviceId, TenantId};

use super::device_by_id;
use crate::ChangeKind;
use crate::error::StoreError;
use crate::row::write_ids;
use crate::tx::{Tx, among, execute, fetch_all, fetch_optional};

/// An external id of a device in one protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias {
    /// Which protocol's id.
    pub protocol: String,
    /// The id as the device writes it.
    pub external_id: String,
}

/// Whom an external id belongs to after an attempt to give it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliasOutcome {
    /// It is the device's now.
    Added,
    /// It was the device's already.
    Unchanged,
    /// It is another device's.
    Taken,
}

/// The device that an external id stands for.
///
/// # Errors
/// When the database fails.
pub async fn device_by_alias(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    protocol: &str,
    external_id: &str,
) -> Result<Option<Device>, StoreError> {
    let found = fetch_optional!(
        tx,
        (i64,),
        "SELECT device_id FROM device_alias WHERE tenant_id = $1 AND protocol = $2 AND external_id = $3",
        tenant.get(),
        protocol,
        external_id
    )?;
    match found {
        Some((id,)) => device_by_id(tx, DeviceId::new(id)).await,
        None => Ok(None),
    }
}

/// Gives an external id to a device, unless another device has it.
///
/// # Errors
/// When the database fails.
pub async fn alias_insert(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    alias: &Alias,
) -> Result<AliasOutcome, StoreError> {
    let Alias { protocol, external_id } = alias;
    let added = execute!(
        tx,
        "INSERT INTO device_alias (tenant_id, protocol, external_id, device_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, protocol, external_id) DO NOTHING",
        tenant.get(),
        protocol.as_str(),
        external_id.as_str(),
        device.get()
    )?;
    if added > 0 {
        tx.changed(ChangeKind::Device, device.get());
        return Ok(AliasOutcome::Added);
    }
    let holder = device_by_alias(tx, tenant, protocol, external_id).await?;
    Ok(match holder {
        Some(holder) if holder.id == device => AliasOutcome::Unchanged,
        Some(_) | None => AliasOutcome::Taken,
    })
}

/// Takes an external id from a device. True if it had it.
///
/// # Errors
/// When the database fails.
pub async fn alias_delete(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    alias: &Alias,
) -> Result<bool, StoreError> {
    let Alias { protocol, external_id } = alias;
    let gone = execute!(
        tx,
        "DELETE FROM device_alias WHERE tenant_id = $1 AND protocol = $2 AND external_id = $3 AND device_id = $4",
        tenant.get(),
        protocol.as_str(),
        external_id.as_str(),
        device.get()
    )? > 0;
    if gone {
        tx.changed(ChangeKind::Device, device.get());
    }
    Ok(gone)
}

/// The external ids of a device, in order.
///
/// # Errors
/// When the database fails.
pub async fn device_aliases(tx: &mut Tx<'_>, device: DeviceId) -> Result<BTreeSet<Alias>, StoreError> {
    let rows = fetch_all!(
        tx,
        (String, String),
        "SELECT protocol, external_id FROM device_alias WHERE device_id = $1",
        device.get()
    )?;
    Ok(rows.into_iter().map(|(protocol, external_id)| Alias { protocol, external_id }).collect())
}

/// The external ids of all devices with an id above `after` and up to `last`: goes with [`super::devices_after`].
///
/// # Errors
/// When the database fails.
pub async fn aliases_between(
    tx: &mut Tx<'_>,
    after: DeviceId,
    last: DeviceId,
) -> Result<Vec<(DeviceId, Alias)>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64, String, String),
        "SELECT device_id, protocol, external_id FROM device_alias WHERE device_id > $1 AND device_id <= $2",
        after.get(),
        last.get()
    )?;
    Ok(rows.into_iter().map(of_device).collect())
}

/// The external ids of these devices.
///
/// # Errors
/// When the database fails.
pub async fn aliases_among(tx: &mut Tx<'_>, ids: &[DeviceId]) -> Result<Vec<(DeviceId, Alias)>, StoreError> {
    let sql =
        among!(tx, "SELECT device_id, protocol, external_id FROM device_alias WHERE device_id", "$1", "");
    let rows = fetch_all!(tx, (i64, String, String), sql, write_ids(ids))?;
    Ok(rows.into_iter().map(of_device).collect())
}

fn of_device((device, protocol, external_id): (i64, String, String)) -> (DeviceId, Alias) {
    (DeviceId::new(device), Alias { protocol, external_id })
}
