//! Device types: a name and a specification that is kept as a JSON document.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use windlass_domain::device_type::{Signing, TopicMapping, TypeSpec, VersionSource};
use windlass_domain::ids::{TenantId, TypeId, TypeName};
use windlass_domain::time::Timestamp;

use crate::ChangeKind;
use crate::error::StoreError;
use crate::row::{read, read_json, write_json};
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

/// A stored device type.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceTypeRecord {
    /// Row id.
    pub id: TypeId,
    /// Owner.
    pub tenant: TenantId,
    /// Public id.
    pub name: TypeName,
    /// What is known of its devices.
    pub spec: TypeSpec,
    /// Rises by one with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The shape of the stored document. Members are only ever added, each with a default.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpecRow {
    description: String,
    contact_interval_ms: u64,
    version_sources: Vec<SourceRow>,
    verify_timeout_ms: u64,
    topic_map: Vec<MappingRow>,
    renews_certificate: bool,
    default_attributes: BTreeMap<String, String>,
    #[serde(default)]
    signers: Vec<String>,
    #[serde(default)]
    require_signature: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SourceRow {
    Reported(String),
    Inventory(String),
    Nowhere,
}

#[derive(Serialize, Deserialize)]
struct MappingRow {
    filter: String,
    target: String,
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl From<&TypeSpec> for SpecRow {
    fn from(spec: &TypeSpec) -> Self {
        let TypeSpec {
            description,
            contact_interval,
            version_sources,
            verify_timeout,
            topic_map,
            renews_certificate,
            default_attributes,
            signing: Signing { signers, required },
        } = spec;
        Self {
            description: description.clone(),
            contact_interval_ms: millis(*contact_interval),
            version_sources: version_sources
                .iter()
                .map(|source| match source {
                    VersionSource::Reported(path) => SourceRow::Reported(path.clone()),
                    VersionSource::Inventory(key) => SourceRow::Inventory(key.clone()),
                    VersionSource::Nowhere => SourceRow::Nowhere,
                })
                .collect(),
            verify_timeout_ms: millis(*verify_timeout),
            topic_map: topic_map
                .iter()
                .map(|TopicMapping { filter, target }| MappingRow {
                    filter: filter.clone(),
                    target: target.as_str().to_owned(),
                })
                .collect(),
            renews_certificate: *renews_certificate,
            default_attributes: default_attributes
                .iter()
                .map(|(key, value)| (key.as_str().to_owned(), value.clone()))
                .collect(),
            signers: signers.clone(),
            require_signature: *required,
        }
    }
}

impl TryFrom<SpecRow> for TypeSpec {
    type Error = StoreError;

    fn try_from(row: SpecRow) -> Result<Self, StoreError> {
        let SpecRow {
            description,
            contact_interval_ms,
            version_sources,
            verify_timeout_ms,
            topic_map,
            renews_certificate,
            default_attributes,
            signers,
            require_signature,
        } = row;
        Ok(Self {
            description,
            contact_interval: Duration::from_millis(contact_interval_ms),
            version_sources: version_sources
                .into_iter()
                .map(|source| match source {
                    SourceRow::Reported(path) => VersionSource::Reported(path),
                    SourceRow::Inventory(key) => VersionSource::Inventory(key),
                    SourceRow::Nowhere => VersionSource::Nowhere,
                })
                .collect(),
            verify_timeout: Duration::from_millis(verify_timeout_ms),
            topic_map: topic_map
                .into_iter()
                .map(|MappingRow { filter, target }| {
                    Ok(TopicMapping { filter, target: read("device_type.spec", &target)? })
                })
                .collect::<Result<_, StoreError>>()?,
            renews_certificate,
            default_attributes: default_attributes
                .into_iter()
                .map(|(key, value)| Ok((read("device_type.spec", &key)?, value)))
                .collect::<Result<_, StoreError>>()?,
            signing: Signing { signers, required: require_signature },
        })
    }
}

type Row = (i64, i64, String, String, i64, i64, i64);

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, tenant_id, name, spec, version, created_at, updated_at FROM device_type ", $rest)
    };
}

fn record(
    (id, tenant, name, spec, version, created_at, updated_at): Row,
) -> Result<DeviceTypeRecord, StoreError> {
    Ok(DeviceTypeRecord {
        id: TypeId::new(id),
        tenant: TenantId::new(tenant),
        name: read("device_type.name", &name)?,
        spec: read_json::<SpecRow>("device_type.spec", &spec)?.try_into()?,
        version,
        created_at: Timestamp::from_micros(created_at),
        updated_at: Timestamp::from_micros(updated_at),
    })
}

/// The type of that name.
///
/// # Errors
/// When the database fails.
pub async fn type_by_name(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &TypeName,
) -> Result<Option<DeviceTypeRecord>, StoreError> {
    fetch_optional!(tx, Row, select!("WHERE tenant_id = $1 AND name = $2"), tenant.get(), name.as_str())?
        .map(record)
        .transpose()
}

/// The type with that id, whoever owns it.
///
/// # Errors
/// When the database fails.
pub async fn type_by_id(tx: &mut Tx<'_>, id: TypeId) -> Result<Option<DeviceTypeRecord>, StoreError> {
    fetch_optional!(tx, Row, select!("WHERE id = $1"), id.get())?.map(record).transpose()
}

/// Every type of a tenant, by name.
///
/// # Errors
/// When the database fails.
pub async fn types(tx: &mut Tx<'_>, tenant: TenantId) -> Result<Vec<DeviceTypeRecord>, StoreError> {
    let rows = fetch_all!(tx, Row, select!("WHERE tenant_id = $1"), tenant.get())?;
    let mut types = rows.into_iter().map(record).collect::<Result<Vec<_>, _>>()?;
    // The two engines may collate names differently.
    types.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(types)
}

/// Every type of every tenant, by id.
///
/// # Errors
/// When the database fails.
pub async fn types_of_all_tenants(tx: &mut Tx<'_>) -> Result<Vec<DeviceTypeRecord>, StoreError> {
    fetch_all!(tx, Row, select!("ORDER BY id"))?.into_iter().map(record).collect()
}

/// Makes a type; `None` if the name is taken.
///
/// # Errors
/// When the database fails.
pub async fn type_insert(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &TypeName,
    spec: &TypeSpec,
    now: Timestamp,
) -> Result<Option<DeviceTypeRecord>, StoreError> {
    let made = fetch_optional!(
        tx,
        (i64,),
        "INSERT INTO device_type (tenant_id, name, spec, version, created_at, updated_at)
         VALUES ($1, $2, $3, 1, $4, $4) ON CONFLICT (tenant_id, name) DO NOTHING RETURNING id",
        tenant.get(),
        name.as_str(),
        write_json("device_type.spec", &SpecRow::from(spec))?,
        now.micros()
    )?;
    let Some((id,)) = made else { return Ok(None) };
    tx.changed(ChangeKind::DeviceType, id);
    type_by_id(tx, TypeId::new(id)).await
}

/// Writes a changed specification if the stored version is still `version`; `None` if somebody else was first.
///
/// # Errors
/// When the database fails.
pub async fn type_save(
    tx: &mut Tx<'_>,
    id: TypeId,
    spec: &TypeSpec,
    version: i64,
    now: Timestamp,
) -> Result<Option<DeviceTypeRecord>, StoreError> {
    let touched = execute!(
        tx,
        "UPDATE device_type SET spec = $1, version = version + 1, updated_at = $2 WHERE id = $3 AND version = $4",
        write_json("device_type.spec", &SpecRow::from(spec))?,
        now.micros(),
        id.get(),
        version
    )?;
    if touched == 0 {
        return Ok(None);
    }
    tx.changed(ChangeKind::DeviceType, id.get());
    type_by_id(tx, id).await
}

/// How many devices are of a type.
///
/// # Errors
/// When the database fails.
pub async fn type_device_count(tx: &mut Tx<'_>, id: TypeId) -> Result<i64, StoreError> {
    Ok(fetch_one!(tx, (i64,), "SELECT COUNT(*) FROM device WHERE type_id = $1", id.get())?.0)
}

/// Removes a type. True if it was there. The caller has checked that no device is of it.
///
/// # Errors
/// When the database fails.
pub async fn type_delete(tx: &mut Tx<'_>, id: TypeId) -> Result<bool, StoreError> {
    let gone = execute!(tx, "DELETE FROM device_type WHERE id = $1", id.get())? > 0;
    if gone {
        tx.changed(ChangeKind::DeviceType, id.get());
    }
    Ok(gone)
}
