//! Devices by what jobs are aimed at, as sets of ids.

use roaring::RoaringTreemap;
use windlass_domain::ids::{GroupPath, Tag, TenantId, TypeId};

use crate::error::StoreError;
use crate::groups;
use crate::row::write_json;
use crate::tx::{Tx, fetch_all};

const PAGE: i64 = 20_000;

fn add(set: &mut RoaringTreemap, id: i64) {
    if let Ok(id) = u64::try_from(id) {
        set.insert(id);
    }
}

/// Every device of a type.
///
/// # Errors
/// When the database fails.
pub async fn of_type(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device_type: TypeId,
) -> Result<RoaringTreemap, StoreError> {
    let mut set = RoaringTreemap::new();
    let mut after = 0;
    loop {
        let rows = fetch_all!(
            tx,
            (i64,),
            "SELECT id FROM device WHERE type_id = $1 AND tenant_id = $2 AND id > $3 ORDER BY id LIMIT $4",
            device_type.get(),
            tenant.get(),
            after,
            PAGE,
        )?;
        let Some((last,)) = rows.last().copied() else { return Ok(set) };
        after = last;
        rows.into_iter().for_each(|(id,)| add(&mut set, id));
    }
}

/// Every device with a tag.
///
/// # Errors
/// When the database fails.
pub async fn of_tag(tx: &mut Tx<'_>, tenant: TenantId, tag: &Tag) -> Result<RoaringTreemap, StoreError> {
    let mut set = RoaringTreemap::new();
    let (mut after, written) = (0, write_json("device.tags", tag.as_str())?);
    loop {
        let rows = fetch_all!(
            tx,
            (i64, String),
            "SELECT id, tags FROM device WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            tenant.get(),
            after,
            PAGE,
        )?;
        let Some((last, _)) = rows.last() else { return Ok(set) };
        after = *last;
        for (id, tags) in rows {
            // Most devices have other tags; only those that have this one, as JSON writes it, are parsed.
            if !tags.contains(&written) {
                continue;
            }
            let tags: Vec<String> =
                serde_json::from_str(&tags).map_err(|e| StoreError::corrupt("device.tags", e))?;
            if tags.iter().any(|other| other == tag.as_str()) {
                add(&mut set, id);
            }
        }
    }
}

/// Every device in a static group or below it. None if there is no such group.
///
/// # Errors
/// When the database fails.
pub async fn of_group(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    path: &GroupPath,
) -> Result<Option<RoaringTreemap>, StoreError> {
    let below = format!("{path}/");
    let all = groups::groups(tx, tenant).await?;
    if !all.iter().any(|(group, _)| group.path == *path) {
        return Ok(None);
    }
    let mut set = RoaringTreemap::new();
    for (group, _) in all {
        if group.path == *path || group.path.as_str().starts_with(&below) {
            groups::members(tx, group.id).await?.into_iter().for_each(|device| add(&mut set, device.get()));
        }
    }
    Ok(Some(set))
}
