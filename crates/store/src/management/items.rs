//! Things that only the Management API has, by kind and number.

use serde::Serialize;
use serde::de::DeserializeOwned;
use windlass_domain::ids::TenantId;
use windlass_domain::time::Timestamp;

use super::bodies::{Filter, ModuleType, SetType};
use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::row::{read_json, write_json};
use crate::tx::{Tx, execute, fetch_all, fetch_optional};

/// What an item can be.
pub trait Body: Serialize + DeserializeOwned + Send + Sync {
    /// The word in the table.
    const KIND: &'static str;
    /// What the change feed tells of it, if anything.
    const CHANGE: Option<ChangeKind> = None;
}

impl Body for ModuleType {
    const KIND: &'static str = "moduleType";
}

impl Body for SetType {
    const KIND: &'static str = "setType";
}

impl Body for Filter {
    const KIND: &'static str = "filter";
    const CHANGE: Option<ChangeKind> = Some(ChangeKind::Filter);
}

/// A tag of targets.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct TargetTag(pub super::Tag);

/// A tag of sets.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct SetTag(pub super::Tag);

impl From<super::Tag> for TargetTag {
    fn from(tag: super::Tag) -> Self {
        Self(tag)
    }
}

impl From<TargetTag> for super::Tag {
    fn from(tag: TargetTag) -> Self {
        tag.0
    }
}

impl From<super::Tag> for SetTag {
    fn from(tag: super::Tag) -> Self {
        Self(tag)
    }
}

impl From<SetTag> for super::Tag {
    fn from(tag: SetTag) -> Self {
        tag.0
    }
}

impl Body for TargetTag {
    const KIND: &'static str = "targetTag";
}

impl Body for SetTag {
    const KIND: &'static str = "setTag";
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<B> {
    /// Public number.
    pub id: i64,
    /// Unique in its kind.
    pub name: String,
    /// The rest.
    pub body: B,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: String,
}

type Row = (i64, String, String, i64, String, i64, String);

fn item<B: Body>(row: Row) -> Result<Item<B>, StoreError> {
    let (id, name, body, created_at, created_by, updated_at, updated_by) = row;
    Ok(Item {
        id,
        name,
        body: read_json("hawkbit_item.body", &body)?,
        created_at: Timestamp::from_micros(created_at),
        created_by,
        updated_at: Timestamp::from_micros(updated_at),
        updated_by,
    })
}

/// Tells of a change of one item, where anybody wants to hear of its kind.
fn changed<B: Body>(tx: &mut Tx<'_>, id: i64) {
    if let Some(kind) = B::CHANGE {
        tx.changed(kind, id);
    }
}

/// Stores a new item. None if its name is taken.
///
/// # Errors
/// When the database fails.
pub async fn insert<B: Body>(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &str,
    body: &B,
    by: &str,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let row = fetch_optional!(
        tx,
        (i64,),
        "INSERT INTO hawkbit_item (tenant_id, kind, name, body, created_at, created_by, updated_at, updated_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant_id, kind, name) DO NOTHING RETURNING id",
        tenant.get(),
        B::KIND,
        name,
        write_json("hawkbit_item.body", body)?,
        now.micros(),
        by,
        now.micros(),
        by,
    )?;
    let id = row.map(|(id,)| id);
    id.into_iter().for_each(|id| changed::<B>(tx, id));
    Ok(id)
}

/// Writes an item as it is now. False if its new name is taken or it is gone.
///
/// # Errors
/// When the database fails.
pub async fn save<B: Body>(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    item: &Item<B>,
    by: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if by_name::<B>(tx, tenant, &item.name).await?.is_some_and(|other| other.id != item.id) {
        return Ok(false);
    }
    let written = execute!(
        tx,
        "UPDATE hawkbit_item SET name = $1, body = $2, updated_at = $3, updated_by = $4
         WHERE tenant_id = $5 AND kind = $6 AND id = $7",
        item.name.as_str(),
        write_json("hawkbit_item.body", &item.body)?,
        now.micros(),
        by,
        tenant.get(),
        B::KIND,
        item.id,
    )?;
    changed::<B>(tx, item.id);
    Ok(written > 0)
}

/// One item.
///
/// # Errors
/// When the database fails.
pub async fn get<B: Body>(tx: &mut Tx<'_>, tenant: TenantId, id: i64) -> Result<Option<Item<B>>, StoreError> {
    fetch_optional!(
        tx,
        Row,
        "SELECT id, name, body, created_at, created_by, updated_at, updated_by FROM hawkbit_item
         WHERE tenant_id = $1 AND kind = $2 AND id = $3",
        tenant.get(),
        B::KIND,
        id,
    )?
    .map(item)
    .transpose()
}

/// One item by its name.
///
/// # Errors
/// When the database fails.
pub async fn by_name<B: Body>(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &str,
) -> Result<Option<Item<B>>, StoreError> {
    fetch_optional!(
        tx,
        Row,
        "SELECT id, name, body, created_at, created_by, updated_at, updated_by FROM hawkbit_item
         WHERE tenant_id = $1 AND kind = $2 AND name = $3",
        tenant.get(),
        B::KIND,
        name,
    )?
    .map(item)
    .transpose()
}

/// Every item of a kind, by number.
///
/// # Errors
/// When the database fails.
pub async fn all<B: Body>(tx: &mut Tx<'_>, tenant: TenantId) -> Result<Vec<Item<B>>, StoreError> {
    fetch_all!(
        tx,
        Row,
        "SELECT id, name, body, created_at, created_by, updated_at, updated_by FROM hawkbit_item
         WHERE tenant_id = $1 AND kind = $2 ORDER BY id",
        tenant.get(),
        B::KIND,
    )?
    .into_iter()
    .map(item)
    .collect()
}

/// Every item of a kind of all tenants, by number.
///
/// # Errors
/// When the database fails.
pub async fn of_all_tenants<B: Body>(tx: &mut Tx<'_>) -> Result<Vec<(TenantId, Item<B>)>, StoreError> {
    let tenants = fetch_all!(
        tx,
        (i64,),
        "SELECT DISTINCT tenant_id FROM hawkbit_item WHERE kind = $1 ORDER BY tenant_id",
        B::KIND,
    )?;
    let mut found = Vec::new();
    for (tenant,) in tenants {
        let tenant = TenantId::new(tenant);
        found.extend(all::<B>(tx, tenant).await?.into_iter().map(|item| (tenant, item)));
    }
    Ok(found)
}

/// Deletes an item. True if it was there.
///
/// # Errors
/// When the database fails.
pub async fn delete<B: Body>(tx: &mut Tx<'_>, tenant: TenantId, id: i64) -> Result<bool, StoreError> {
    let gone = execute!(
        tx,
        "DELETE FROM hawkbit_item WHERE tenant_id = $1 AND kind = $2 AND id = $3",
        tenant.get(),
        B::KIND,
        id,
    )?;
    changed::<B>(tx, id);
    Ok(gone > 0)
}
