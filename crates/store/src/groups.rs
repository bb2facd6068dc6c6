//! Static groups, a tree by path, and who is in them.

use std::collections::BTreeSet;

use windlass_domain::ids::{DeviceId, GroupId, GroupPath, TenantId};
use windlass_domain::time::Timestamp;

use crate::ChangeKind;
use crate::error::StoreError;
use crate::row::{read, write_ids};
use crate::tx::{Tx, among, execute, fetch_all, fetch_optional};

/// A static group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Row id.
    pub id: GroupId,
    /// Owner.
    pub tenant: TenantId,
    /// Its place in the tree; public id.
    pub path: GroupPath,
    /// For people.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
}

type Row = (i64, i64, String, String, i64);

fn group((id, tenant, path, description, created_at): Row) -> Result<Group, StoreError> {
    Ok(Group {
        id: GroupId::new(id),
        tenant: TenantId::new(tenant),
        path: read("device_group.path", &path)?,
        description,
        created_at: Timestamp::from_micros(created_at),
    })
}

/// The group at that path.
///
/// # Errors
/// When the database fails.
pub async fn group_by_path(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    path: &GroupPath,
) -> Result<Option<Group>, StoreError> {
    fetch_optional!(
        tx,
        Row,
        "SELECT id, tenant_id, path, description, created_at FROM device_group WHERE tenant_id = $1 AND path = $2",
        tenant.get(),
        path.as_str()
    )?
    .map(group)
    .transpose()
}

/// The group with that id, whoever owns it.
///
/// # Errors
/// When the database fails.
pub async fn group_by_id(tx: &mut Tx<'_>, id: GroupId) -> Result<Option<Group>, StoreError> {
    fetch_optional!(
        tx,
        Row,
        "SELECT id, tenant_id, path, description, created_at FROM device_group WHERE id = $1",
        id.get()
    )?
    .map(group)
    .transpose()
}

/// Every group of a tenant with the number of its own members, by path.
///
/// # Errors
/// When the database fails.
pub async fn groups(tx: &mut Tx<'_>, tenant: TenantId) -> Result<Vec<(Group, i64)>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64, i64, String, String, i64, i64),
        "SELECT id, tenant_id, path, description, created_at,
           (SELECT COUNT(*) FROM group_member WHERE group_id = device_group.id)
         FROM device_group WHERE tenant_id = $1",
        tenant.get()
    )?;
    let mut groups = rows
        .into_iter()
        .map(|(id, tenant, path, description, created_at, members)| {
            Ok((group((id, tenant, path, description, created_at))?, members))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    groups.sort_by(|(one, _), (other, _)| one.path.cmp(&other.path));
    Ok(groups)
}

/// Every group of every tenant, by id.
///
/// # Errors
/// When the database fails.
pub async fn groups_of_all_tenants(tx: &mut Tx<'_>) -> Result<Vec<Group>, StoreError> {
    fetch_all!(tx, Row, "SELECT id, tenant_id, path, description, created_at FROM device_group ORDER BY id")?
        .into_iter()
        .map(group)
        .collect()
}

/// Makes a group; `None` if the path is taken.
///
/// # Errors
/// When the database fails.
pub async fn group_insert(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    path: &GroupPath,
    description: &str,
    now: Timestamp,
) -> Result<Option<Group>, StoreError> {
    let made = fetch_optional!(
        tx,
        Row,
        "INSERT INTO device_group (tenant_id, path, description, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, path) DO NOTHING RETURNING id, tenant_id, path, description, created_at",
        tenant.get(),
        path.as_str(),
        description,
        now.micros()
    )?;
    let Some(row) = made else { return Ok(None) };
    tx.changed(ChangeKind::Group, row.0);
    group(row).map(Some)
}

/// Changes what is said of a group.
///
/// # Errors
/// When the database fails.
pub async fn group_describe(tx: &mut Tx<'_>, id: GroupId, description: &str) -> Result<(), StoreError> {
    execute!(tx, "UPDATE device_group SET description = $1 WHERE id = $2", description, id.get())?;
    tx.changed(ChangeKind::Group, id.get());
    Ok(())
}

/// Removes a group and its memberships; its devices stay. True if it was there.
///
/// # Errors
/// When the database fails.
pub async fn group_delete(tx: &mut Tx<'_>, id: GroupId) -> Result<bool, StoreError> {
    execute!(tx, "DELETE FROM group_member WHERE group_id = $1", id.get())?;
    let gone = execute!(tx, "DELETE FROM device_group WHERE id = $1", id.get())? > 0;
    if gone {
        tx.changed(ChangeKind::Group, id.get());
    }
    Ok(gone)
}

/// Puts a device into a group. True if it was not in it.
///
/// # Errors
/// When the database fails.
pub async fn member_insert(tx: &mut Tx<'_>, group: GroupId, device: DeviceId) -> Result<bool, StoreError> {
    let added = execute!(
        tx,
        "INSERT INTO group_member (group_id, device_id) VALUES ($1, $2)
         ON CONFLICT (group_id, device_id) DO NOTHING",
        group.get(),
        device.get()
    )? > 0;
    if added {
        tx.changed(ChangeKind::Device, device.get());
    }
    Ok(added)
}

/// Takes a device out of a group. True if it was in it.
///
/// # Errors
/// When the database fails.
pub async fn member_delete(tx: &mut Tx<'_>, group: GroupId, device: DeviceId) -> Result<bool, StoreError> {
    let gone = execute!(
        tx,
        "DELETE FROM group_member WHERE group_id = $1 AND device_id = $2",
        group.get(),
        device.get()
    )? > 0;
    if gone {
        tx.changed(ChangeKind::Device, device.get());
    }
    Ok(gone)
}

/// The groups that a device is in.
///
/// # Errors
/// When the database fails.
pub async fn groups_of(tx: &mut Tx<'_>, device: DeviceId) -> Result<BTreeSet<GroupId>, StoreError> {
    let rows =
        fetch_all!(tx, (i64,), "SELECT group_id FROM group_member WHERE device_id = $1", device.get())?;
    Ok(rows.into_iter().map(|(id,)| GroupId::new(id)).collect())
}

/// The devices of a group.
///
/// # Errors
/// When the database fails.
pub async fn members(tx: &mut Tx<'_>, group: GroupId) -> Result<BTreeSet<DeviceId>, StoreError> {
    let rows = fetch_all!(tx, (i64,), "SELECT device_id FROM group_member WHERE group_id = $1", group.get())?;
    Ok(rows.into_iter().map(|(id,)| DeviceId::new(id)).collect())
}

/// The memberships of all devices with an id above `after` and up to `last`: goes with
/// [`crate::devices::devices_after`].
///
/// # Errors
/// When the database fails.
pub async fn members_between(
    tx: &mut Tx<'_>,
    after: DeviceId,
    last: DeviceId,
) -> Result<Vec<(DeviceId, GroupId)>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64, i64),
        "SELECT device_id, group_id FROM group_member WHERE device_id > $1 AND device_id <= $2",
        after.get(),
        last.get()
    )?;
    Ok(rows.into_iter().map(|(device, group)| (DeviceId::new(device), GroupId::new(group))).collect())
}

/// The memberships of these devices.
///
/// # Errors
/// When the database fails.
pub async fn members_among(
    tx: &mut Tx<'_>,
    ids: &[DeviceId],
) -> Result<Vec<(DeviceId, GroupId)>, StoreError> {
    let sql = among!(tx, "SELECT device_id, group_id FROM group_member WHERE device_id", "$1", "");
    let rows = fetch_all!(tx, (i64, i64), sql, write_ids(ids))?;
    Ok(rows.into_iter().map(|(device, group)| (DeviceId::new(device), GroupId::new(group))).collect())
}
