//! What the Management API knows of devices, types, components and releases beside what they are.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use windlass_domain::ids::TenantId;

use super::bodies::{JobExtra, ModuleExtra, SetExtra, TargetExtra, TargetTypeExtra};
use crate::error::StoreError;
use crate::row::{read_json, write_json};
use crate::tx::{Tx, execute, fetch_all, fetch_optional};

/// What an extra can be; the default is what there is where nothing was said.
pub trait Extra: Serialize + DeserializeOwned + Default + Send + Sync {
    /// The word in the table.
    const KIND: &'static str;
}

impl Extra for ModuleExtra {
    const KIND: &'static str = "module";
}

impl Extra for SetExtra {
    const KIND: &'static str = "set";
}

impl Extra for TargetExtra {
    const KIND: &'static str = "target";
}

impl Extra for TargetTypeExtra {
    const KIND: &'static str = "targetType";
}

impl Extra for JobExtra {
    const KIND: &'static str = "job";
}

/// What is known of one thing.
///
/// # Errors
/// When the database fails.
pub async fn get<E: Extra>(tx: &mut Tx<'_>, tenant: TenantId, thing: i64) -> Result<E, StoreError> {
    let row = fetch_optional!(
        tx,
        (String,),
        "SELECT body FROM hawkbit_extra WHERE tenant_id = $1 AND kind = $2 AND thing_id = $3",
        tenant.get(),
        E::KIND,
        thing,
    )?;
    row.map_or_else(|| Ok(E::default()), |(body,)| read_json("hawkbit_extra.body", &body))
}

/// What is known of every thing of a kind.
///
/// # Errors
/// When the database fails.
pub async fn all<E: Extra>(tx: &mut Tx<'_>, tenant: TenantId) -> Result<HashMap<i64, E>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64, String),
        "SELECT thing_id, body FROM hawkbit_extra WHERE tenant_id = $1 AND kind = $2",
        tenant.get(),
        E::KIND,
    )?;
    rows.into_iter().map(|(id, body)| Ok((id, read_json("hawkbit_extra.body", &body)?))).collect()
}

/// Writes what is known of a thing.
///
/// # Errors
/// When the database fails.
pub async fn put<E: Extra>(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    thing: i64,
    extra: &E,
) -> Result<(), StoreError> {
    execute!(
        tx,
        "INSERT INTO hawkbit_extra (tenant_id, kind, thing_id, body) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, kind, thing_id) DO UPDATE SET body = excluded.body",
        tenant.get(),
        E::KIND,
        thing,
        write_json("hawkbit_extra.body", extra)?,
    )?;
    Ok(())
}

/// Forgets what is known of a thing that is gone.
///
/// # Errors
/// When the database fails.
pub async fn forget<E: Extra>(tx: &mut Tx<'_>, tenant: TenantId, thing: i64) -> Result<(), StoreError> {
    execute!(
        tx,
        "DELETE FROM hawkbit_extra WHERE tenant_id = $1 AND kind = $2 AND thing_id = $3",
        tenant.get(),
        E::KIND,
        thing,
    )?;
    Ok(())
}
