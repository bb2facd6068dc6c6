//! Devices: found, made, changed, removed. Knows nothing of what they say or are told.

use std::collections::{BTreeMap, BTreeSet};

use windlass_domain::device::{Device, DeviceKind, Leaving, Lifecycle};
use windlass_domain::ids::{AttributeKey, DeviceId, DeviceName, JobId, Tag, TenantId, TypeId};
use windlass_domain::time::Timestamp;

use crate::ChangeKind;
use crate::error::StoreError;
use crate::row::{read, read_json, time, write_ids, write_json};
use crate::tx::{Engine, Tx, among, execute, fetch_all, fetch_one, fetch_optional};

mod aliases;
mod erasing;

pub use aliases::{
    Alias, AliasOutcome, alias_delete, alias_insert, aliases_among, aliases_between, device_aliases,
    device_by_alias,
};
pub use erasing::{device_erase, erasure_ask, erasure_done, erasures};

/// A device to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDevice {
    /// Owner.
    pub tenant: TenantId,
    /// Public id.
    pub name: DeviceName,
    /// Model, if any.
    pub device_type: Option<TypeId>,
    /// Whether it speaks for children.
    pub kind: DeviceKind,
    /// The gateway it hangs on, if any.
    pub parent: Option<DeviceId>,
    /// Set by operators.
    pub attributes: BTreeMap<AttributeKey, String>,
    /// Bare words.
    pub tags: BTreeSet<Tag>,
}

impl NewDevice {
    /// A device of which nothing but the name is known.
    pub fn named(tenant: TenantId, name: DeviceName) -> Self {
        Self {
            tenant,
            name,
            device_type: None,
            kind: DeviceKind::Device,
            parent: None,
            attributes: BTreeMap::new(),
            tags: BTreeSet::new(),
        }
    }
}

/// In the order of `columns!`: it is read from an array as well.
#[derive(sqlx::FromRow, serde::Deserialize)]
struct Row {
    id: i64,
    tenant_id: i64,
    name: String,
    type_id: Option<i64>,
    kind: String,
    parent_id: Option<i64>,
    lifecycle: String,
    attributes: String,
    inventory: String,
    tags: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
    first_seen_at: Option<i64>,
    reprovision_until: Option<i64>,
    leaving_since: Option<i64>,
    leaving_until: Option<i64>,
    leaving_job: Option<i64>,
    leaving_data: Option<String>,
}

/// The columns of a [`Row`], in its order.
macro_rules! columns {
    () => {
        "id, tenant_id, name, type_id, kind, parent_id, lifecycle, attributes, inventory, tags, version, created_at, \
         updated_at, first_seen_at, reprovision_until, leaving_since, leaving_until, leaving_job, leaving_data"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM device ", $rest)
    };
}

fn read_pairs(what: &str, text: &str) -> Result<BTreeMap<AttributeKey, String>, StoreError> {
    let pairs: BTreeMap<String, String> = read_json(what, text)?;
    pairs.into_iter().map(|(key, value)| Ok((read(what, &key)?, value))).collect()
}

fn write_pairs(what: &str, pairs: &BTreeMap<AttributeKey, String>) -> Result<String, StoreError> {
    let pairs: BTreeMap<&str, &str> =
        pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    write_json(what, &pairs)
}

fn write_tags(tags: &BTreeSet<Tag>) -> Result<String, StoreError> {
    write_json("device.tags", &tags.iter().map(Tag::as_str).collect::<Vec<_>>())
}

impl TryFrom<Row> for Device {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let Row {
            id,
            tenant_id,
            name,
            type_id,
            kind,
            parent_id,
            lifecycle,
            attributes,
            inventory,
            tags,
            version,
            created_at,
            updated_at,
            first_seen_at,
            reprovision_until,
            leaving_since,
            leaving_until,
            leaving_job,
            leaving_data,
        } = row;
        let leaving = match (leaving_since, leaving_until, leaving_job, leaving_data) {
            (Some(since), Some(until), Some(job), Some(data)) => Some(Leaving {
                since: Timestamp::from_micros(since),
                until: Timestamp::from_micros(until),
                wipe: JobId::new(job),
                data: read("device.leaving_data", &data)?,
            }),
            _ => None,
        };
        let tags: Vec<String> = read_json("device.tags", &tags)?;
        Ok(Self {
            id: DeviceId::new(id),
            tenant: TenantId::new(tenant_id),
            name: read("device.name", &name)?,
            device_type: type_id.map(TypeId::new),
            kind: read("device.kind", &kind)?,
            parent: parent_id.map(DeviceId::new),
            lifecycle: read("device.lifecycle", &lifecycle)?,
            attributes: read_pairs("device.attributes", &attributes)?,
            inventory: read_pairs("device.inventory", &inventory)?,
            tags: tags.into_iter().map(Tag::stored).collect(),
            version,
            created_at: Timestamp::from_micros(created_at),
            updated_at: Timestamp::from_micros(updated_at),
            first_seen_at: time(first_seen_at),
            reprovision_until: time(reprovision_until),
            leaving,
        })
    }
}

/// The device of that name.
///
/// # Errors
/// When the database fails.
pub async fn device_by_name(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &DeviceName,
) -> Result<Option<Device>, StoreError> {
    fetch_optional!(tx, Row, select!("WHERE tenant_id = $1 AND name = $2"), tenant.get(), name.as_str())?
        .map(Device::try_from)
        .transpose()
}

/// How many devices all tenants have.
///
/// # Errors
/// When the database fails.
pub async fn device_count(tx: &mut Tx<'_>) -> Result<u64, StoreError> {
    let (count,) = fetch_one!(tx, (i64,), "SELECT CAST(COUNT(*) AS BIGINT) FROM device")?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The device with that id, whoever owns it.
///
/// # Errors
/// When the database fails.
pub async fn device_by_id(tx: &mut Tx<'_>, id: DeviceId) -> Result<Option<Device>, StoreError> {
    fetch_optional!(tx, Row, select!("WHERE id = $1"), id.get())?.map(Device::try_from).transpose()
}

/// Up to `limit` devices of all tenants with an id above `after`, by id: to read them all in batches.
///
/// # Errors
/// When the database fails.
pub async fn devices_after(tx: &mut Tx<'_>, after: DeviceId, limit: u32) -> Result<Vec<Device>, StoreError> {
    let rows: Vec<Row> = match tx.engine {
        // One row, since each goes from SQLite's thread to this one by itself: a large fleet is read several times as fast.
        Engine::Sqlite(_) => {
            let sql = concat!(
                "SELECT json_group_array(json_array(",
                columns!(),
                ") ORDER BY id) FROM (",
                select!("WHERE id > $1 ORDER BY id LIMIT $2"),
                ")"
            );
            read_json("device", &fetch_one!(tx, (String,), sql, after.get(), i64::from(limit))?.0)?
        }
        Engine::Postgres(_) => {
            fetch_all!(tx, Row, select!("WHERE id > $1 ORDER BY id LIMIT $2"), after.get(), i64::from(limit))?
        }
    };
    rows.into_iter().map(Device::try_from).collect()
}

/// Those of these devices that exist, whoever owns them.
///
/// # Errors
/// When the database fails.
pub async fn devices_among(tx: &mut Tx<'_>, ids: &[DeviceId]) -> Result<Vec<Device>, StoreError> {
    let sql = among!(tx, select!("WHERE id"), "$1", "");
    fetch_all!(tx, Row, sql, write_ids(ids))?.into_iter().map(Device::try_from).collect()
}

/// The children of a gateway, by id.
///
/// # Errors
/// When the database fails.
pub async fn device_children(tx: &mut Tx<'_>, parent: DeviceId) -> Result<Vec<Device>, StoreError> {
    let rows = fetch_all!(tx, Row, select!("WHERE parent_id = $1 ORDER BY id"), parent.get())?;
    rows.into_iter().map(Device::try_from).collect()
}

/// The devices of all tenants that are to wipe themselves before they go, by number: those above `after`, at most
/// `limit`.
///
/// # Errors
/// When the database fails.
pub async fn devices_leaving(
    tx: &mut Tx<'_>,
    after: DeviceId,
    limit: u32,
) -> Result<Vec<Device>, StoreError> {
    let rows = fetch_all!(
        tx,
        Row,
        select!("WHERE leaving_until IS NOT NULL AND id > $1 ORDER BY id LIMIT $2"),
        after.get(),
        i64::from(limit)
    )?;
    rows.into_iter().map(Device::try_from).collect()
}

/// Makes a device in state registered; `None` if the name is taken.
///
/// # Errors
/// When the database fails.
pub async fn device_insert(
    tx: &mut Tx<'_>,
    new: &NewDevice,
    now: Timestamp,
) -> Result<Option<Device>, StoreError> {
    let NewDevice { tenant, name, device_type, kind, parent, attributes, tags } = new;
    let made = fetch_optional!(
        tx,
        (i64,),
        "INSERT INTO device (tenant_id, name, type_id, kind, parent_id, lifecycle, attributes, inventory, tags,
           version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, '{}', $8, 1, $9, $9)
         ON CONFLICT (tenant_id, name) DO NOTHING RETURNING id",
        tenant.get(),
        name.as_str(),
        device_type.map(TypeId::get),
        kind.as_str(),
        parent.map(DeviceId::get),
        Lifecycle::Registered.as_str(),
        write_pairs("device.attributes", attributes)?,
        write_tags(tags)?,
        now.micros()
    )?;
    let Some((id,)) = made else { return Ok(None) };
    tx.changed(ChangeKind::Device, id);
    Ok(Some(Device {
        id: DeviceId::new(id),
        tenant: *tenant,
        name: name.clone(),
        device_type: *device_type,
        kind: *kind,
        parent: *parent,
        lifecycle: Lifecycle::Registered,
        attributes: attributes.clone(),
        inventory: BTreeMap::new(),
        tags: tags.clone(),
        version: 1,
        created_at: now,
        updated_at: now,
        first_seen_at: None,
        reprovision_until: None,
        leaving: None,
    }))
}

/// Writes a changed device if the stored version is still `device.version`, and raises version and time in
/// `device`. False, with nothing written, if somebody else was first. Name, owner and birth never change.
///
/// # Errors
/// When the database fails.
pub async fn device_save(tx: &mut Tx<'_>, device: &mut Device, now: Timestamp) -> Result<bool, StoreError> {
    let Device {
        id,
        tenant: _,
        name: _,
        device_type,
        kind,
        parent,
        lifecycle,
        attributes,
        inventory,
        tags,
        version,
        created_at: _,
        updated_at,
        first_seen_at,
        reprovision_until,
        leaving,
    } = device;
    let touched = execute!(
        tx,
        "UPDATE device SET type_id = $1, kind = $2, parent_id = $3, lifecycle = $4, attributes = $5,
           inventory = $6, tags = $7, version = version + 1, updated_at = $8, first_seen_at = $9,
           reprovision_until = $10, leaving_since = $11, leaving_until = $12, leaving_job = $13, leaving_data = $14
         WHERE id = $15 AND version = $16",
        device_type.map(TypeId::get),
        kind.as_str(),
        parent.map(DeviceId::get),
        lifecycle.as_str(),
        write_pairs("device.attributes", attributes)?,
        write_pairs("device.inventory", inventory)?,
        write_tags(tags)?,
        now.micros(),
        first_seen_at.map(Timestamp::micros),
        reprovision_until.map(Timestamp::micros),
        leaving.map(|leaving| leaving.since.micros()),
        leaving.map(|leaving| leaving.until.micros()),
        leaving.map(|leaving| leaving.wipe.get()),
        leaving.map(|leaving| leaving.data.as_str()),
        id.get(),
        *version
    )?;
    if touched == 0 {
        return Ok(false);
    }
    *version = version.saturating_add(1);
    *updated_at = now;
    tx.changed(ChangeKind::Device, id.get());
    Ok(true)
}

/// Notes the first contact: registered becomes active. Returns the device if this changed it; later contacts, and
/// devices that are gone or may not connect, change nothing.
///
/// # Errors
/// When the database fails.
pub async fn device_seen(
    tx: &mut Tx<'_>,
    id: DeviceId,
    now: Timestamp,
) -> Result<Option<Device>, StoreError> {
    let Some(mut device) = device_by_id(tx, id).await? else { return Ok(None) };
    let first = device.first_seen_at.is_none() || device.lifecycle == Lifecycle::Registered;
    if !first || !device.lifecycle.may_connect() {
        return Ok(None);
    }
    device.first_seen_at = device.first_seen_at.or(Some(now));
    device.lifecycle = Lifecycle::Active;
    Ok(device_save(tx, &mut device, now).await?.then_some(device))
}

/// Removes a device and what belongs to it alone (aliases, memberships, shadows, sessions, events). Credentials
/// stay, so that their keys stay known as used; the caller revokes them. True if it was there.
///
/// # Errors
/// When the database fails.
pub async fn device_delete(tx: &mut Tx<'_>, id: DeviceId) -> Result<bool, StoreError> {
    execute!(tx, "DELETE FROM device_alias WHERE device_id = $1", id.get())?;
    execute!(tx, "DELETE FROM group_member WHERE device_id = $1", id.get())?;
    execute!(tx, "DELETE FROM shadow WHERE device_id = $1", id.get())?;
    execute!(tx, "DELETE FROM mqtt_session WHERE device_id = $1", id.get())?;
    execute!(tx, "DELETE FROM event WHERE device_id = $1", id.get())?;
    execute!(tx, "DELETE FROM device_token WHERE device_id = $1", id.get())?;
    execute!(tx, "DELETE FROM ddi_target WHERE device_id = $1", id.get())?;
    execute!(tx, "DELETE FROM device_running WHERE device_id = $1", id.get())?;
    crate::management::past::device_goes(tx, id).await?;
    execute!(tx, "UPDATE device SET parent_id = NULL WHERE parent_id = $1", id.get())?;
    let gone = execute!(tx, "DELETE FROM device WHERE id = $1", id.get())? > 0;
    if gone {
        tx.changed(ChangeKind::Device, id.get());
    }
    Ok(gone)
}
