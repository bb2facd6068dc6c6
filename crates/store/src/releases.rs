//! Components with their artifacts, releases with their components.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use windlass_domain::ids::{
    ComponentId, ComponentType, ItemName, ReleaseId, TenantId, TypeName, VersionText,
};
use windlass_domain::software::{Artifact, Component, Release, ReleaseRules};
use windlass_domain::spelling::composed;
use windlass_domain::time::Timestamp;

use crate::artifacts::ArtifactRow;
use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Engine, Tx, execute, fetch_all, fetch_optional};

pub(crate) mod past;

pub use past::{ReleaseLabel, release_jobs, release_label, release_name};

#[derive(Debug, sqlx::FromRow)]
struct ComponentRow {
    id: i64,
    name: String,
    version: String,
    r#type: String,
    created_at: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct ReleaseRow {
    id: i64,
    name: String,
    version: String,
    device_types: String,
    notes: String,
    created_at: i64,
    created_by: String,
    rules: String,
}

/// What a release's rules column says.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RulesRow {
    hardware: Vec<String>,
    minimum_source: Option<String>,
    maximum_source: Option<String>,
    step: Option<String>,
}

impl RulesRow {
    fn write(rules: &ReleaseRules) -> Result<String, StoreError> {
        let ReleaseRules { hardware, minimum_source, maximum_source, step } = rules;
        let text =
            |version: &Option<VersionText>| version.as_ref().map(|version| version.as_str().to_owned());
        let row = Self {
            hardware: hardware.clone(),
            minimum_source: text(minimum_source),
            maximum_source: text(maximum_source),
            step: text(step),
        };
        serde_json::to_string(&row).map_err(|e| StoreError::corrupt("software_release.rules", e))
    }

    fn read(text: &str) -> Result<ReleaseRules, StoreError> {
        let corrupt = |error: &dyn std::fmt::Display| StoreError::corrupt("software_release.rules", error);
        let row: Self = serde_json::from_str(text).map_err(|e| corrupt(&e))?;
        let Self { hardware, minimum_source, maximum_source, step } = row;
        let version = |text: Option<String>| text.map(VersionText::stored);
        Ok(ReleaseRules {
            hardware,
            minimum_source: version(minimum_source),
            maximum_source: version(maximum_source),
            step: version(step),
        })
    }
}

/// What a release is found by, in lower case: databases lower the letters of some scripts only.
fn words(name: &ItemName, version: &VersionText) -> String {
    format!("{name} {version}").to_lowercase()
}

fn position(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// Stores a component; the ids in it are ignored but for those of its artifacts. None if another one of its
/// type has its name and version.
///
/// # Errors
/// When the database fails.
pub async fn insert_component(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    component: &Component,
) -> Result<Option<ComponentId>, StoreError> {
    let Component { id: _, name, version, component_type, artifacts, created_at } = component;
    let Some((id,)) = fetch_optional!(
        tx,
        (i64,),
        "INSERT INTO component (tenant_id, name, version, type, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, name, version, type) DO NOTHING RETURNING id",
        tenant.get(),
        name.as_str(),
        version.as_str(),
        component_type.as_str(),
        created_at.micros(),
    )?
    else {
        return Ok(None);
    };
    for (index, artifact) in artifacts.iter().enumerate() {
        execute!(
            tx,
            "INSERT INTO component_artifact (component_id, position, artifact_id) VALUES ($1, $2, $3)",
            id,
            position(index),
            artifact.id.get(),
        )?;
    }
    tx.changed(ChangeKind::Component, id);
    Ok(Some(ComponentId::new(id)))
}

async fn read_component(tx: &mut Tx<'_>, row: ComponentRow) -> Result<Component, StoreError> {
    let ComponentRow { id, name, version, r#type, created_at } = row;
    let artifacts: Result<Vec<Artifact>, StoreError> = fetch_all!(
        tx,
        ArtifactRow,
        "SELECT a.id, a.name, a.sha256, a.sha1, a.md5, a.size, a.signature, a.created_at,
                a.created_by
         FROM component_artifact c JOIN artifact a ON a.id = c.artifact_id
         WHERE c.component_id = $1 ORDER BY c.position",
        id,
    )?
    .into_iter()
    .map(ArtifactRow::read)
    .collect();
    Ok(Component {
        id: ComponentId::new(id),
        name: ItemName::stored(name),
        version: VersionText::stored(version),
        component_type: ComponentType::stored(r#type),
        artifacts: artifacts?,
        created_at: Timestamp::from_micros(created_at),
    })
}

async fn read_components(tx: &mut Tx<'_>, rows: Vec<ComponentRow>) -> Result<Vec<Component>, StoreError> {
    let mut components = Vec::with_capacity(rows.len());
    for row in rows {
        components.push(read_component(tx, row).await?);
    }
    Ok(components)
}

/// The components of a name and version, one of each type.
///
/// # Errors
/// When the database fails.
pub async fn components_named(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &str,
    version: &str,
) -> Result<Vec<Component>, StoreError> {
    let (name, version) = (composed(name), composed(version));
    let rows = fetch_all!(
        tx,
        ComponentRow,
        "SELECT id, name, version, type, created_at FROM component
         WHERE tenant_id = $1 AND name = $2 AND version = $3 ORDER BY type",
        tenant.get(),
        name.as_ref(),
        version.as_ref(),
    )?;
    read_components(tx, rows).await
}

/// The first names of a tenant's components that are no keys of attributes, each once, in order.
///
/// # Errors
/// When the database fails.
pub async fn component_names_in_words(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    let sql = match tx.engine {
        Engine::Sqlite(_) => {
            "SELECT DISTINCT name FROM component WHERE tenant_id = $1 AND name GLOB '*[^A-Za-z0-9:_.-]*'
             ORDER BY name LIMIT $2"
        }
        Engine::Postgres(_) => {
            "SELECT DISTINCT name FROM component WHERE tenant_id = $1 AND name ~ '[^A-Za-z0-9:_.-]'
             ORDER BY name LIMIT $2"
        }
    };
    let rows = fetch_all!(tx, (String,), sql, tenant.get(), i64::from(limit))?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// One component by its number.
///
/// # Errors
/// When the database fails.
pub async fn component_by_id(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: ComponentId,
) -> Result<Option<Component>, StoreError> {
    let row = fetch_optional!(
        tx,
        ComponentRow,
        "SELECT id, name, version, type, created_at FROM component WHERE tenant_id = $1 AND id = $2",
        tenant.get(),
        id.get(),
    )?;
    match row {
        Some(row) => Ok(Some(read_component(tx, row).await?)),
        None => Ok(None),
    }
}

/// Components of a tenant in the order they were made, those after `after`.
///
/// # Errors
/// When the database fails.
pub async fn components(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    after: i64,
    limit: u32,
) -> Result<Vec<Component>, StoreError> {
    let rows = fetch_all!(
        tx,
        ComponentRow,
        "SELECT id, name, version, type, created_at FROM component
         WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        tenant.get(),
        after,
        i64::from(limit),
    )?;
    read_components(tx, rows).await
}

/// Names and versions of the first releases that have the component, in the order they were made.
///
/// # Errors
/// When the database fails.
pub async fn component_releases(
    tx: &mut Tx<'_>,
    id: ComponentId,
    limit: u32,
) -> Result<Vec<(String, String)>, StoreError> {
    fetch_all!(
        tx,
        (String, String),
        "SELECT r.name, r.version FROM release_component c JOIN software_release r ON r.id = c.release_id
         WHERE c.component_id = $1 ORDER BY r.id LIMIT $2",
        id.get(),
        i64::from(limit),
    )
}

/// Name and version of one release that has the component, if any has.
///
/// # Errors
/// When the database fails.
pub async fn component_used_by(
    tx: &mut Tx<'_>,
    id: ComponentId,
) -> Result<Option<(String, String)>, StoreError> {
    Ok(component_releases(tx, id, 1).await?.pop())
}

/// Deletes a component that no release has.
///
/// # Errors
/// When the database fails.
pub async fn delete_component(tx: &mut Tx<'_>, id: ComponentId) -> Result<(), StoreError> {
    execute!(tx, "DELETE FROM component_artifact WHERE component_id = $1", id.get())?;
    execute!(tx, "DELETE FROM component WHERE id = $1", id.get())?;
    tx.changed(ChangeKind::Component, id.get());
    Ok(())
}

/// Stores a release; its own id is ignored. None if name and version are taken.
///
/// # Errors
/// When the database fails.
pub async fn insert_release(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    release: &Release,
) -> Result<Option<ReleaseId>, StoreError> {
    let Release { id: _, name, version, device_types, components, notes, rules, created_at, created_by } =
        release;
    let types = Value::from(device_types.iter().map(TypeName::as_str).collect::<Vec<_>>()).to_string();
    let Some((id,)) = fetch_optional!(
        tx,
        (i64,),
        "INSERT INTO software_release (tenant_id, name, version, device_types, notes, created_at, created_by, rules,
           words)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (tenant_id, name, version) DO NOTHING RETURNING id",
        tenant.get(),
        name.as_str(),
        version.as_str(),
        types.as_str(),
        notes.as_str(),
        created_at.micros(),
        created_by.as_str(),
        RulesRow::write(rules)?,
        words(name, version),
    )?
    else {
        return Ok(None);
    };
    for (index, component) in components.iter().enumerate() {
        execute!(
            tx,
            "INSERT INTO release_component (release_id, position, component_id) VALUES ($1, $2, $3)",
            id,
            position(index),
            component.id.get(),
        )?;
    }
    tx.changed(ChangeKind::Release, id);
    Ok(Some(ReleaseId::new(id)))
}

async fn read_release(tx: &mut Tx<'_>, row: ReleaseRow) -> Result<Release, StoreError> {
    let ReleaseRow { id, name, version, device_types, notes, created_at, created_by, rules } = row;
    let rows = fetch_all!(
        tx,
        ComponentRow,
        "SELECT c.id, c.name, c.version, c.type, c.created_at
         FROM release_component r JOIN component c ON c.id = r.component_id
         WHERE r.release_id = $1 ORDER BY r.position",
        id,
    )?;
    let mut components = Vec::with_capacity(rows.len());
    for row in rows {
        components.push(read_component(tx, row).await?);
    }
    let types: Vec<String> = serde_json::from_str(&device_types)
        .map_err(|e| StoreError::corrupt("software_release.device_types", e))?;
    Ok(Release {
        id: ReleaseId::new(id),
        name: ItemName::stored(name),
        version: VersionText::stored(version),
        device_types: types
            .iter()
            .map(|name| name.parse())
            .collect::<Result<_, _>>()
            .map_err(|e| StoreError::corrupt("software_release.device_types", e))?,
        components,
        notes,
        rules: RulesRow::read(&rules)?,
        created_at: Timestamp::from_micros(created_at),
        created_by,
    })
}

/// Gives a release another name and version. False if they are taken.
///
/// # Errors
/// When the database fails.
pub async fn rename_release(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: ReleaseId,
    name: &ItemName,
    version: &VersionText,
) -> Result<bool, StoreError> {
    let written = execute!(
        tx,
        "UPDATE software_release SET name = $1, version = $2, words = $5 WHERE tenant_id = $3 AND id = $4 AND NOT EXISTS
           (SELECT 1 FROM software_release WHERE tenant_id = $3 AND name = $1 AND version = $2 AND id <> $4)",
        name.as_str(),
        version.as_str(),
        tenant.get(),
        id.get(),
        words(name, version),
    )?;
    tx.changed(ChangeKind::Release, id.get());
    Ok(written > 0)
}

/// One release by name and version.
///
/// # Errors
/// When the database fails.
pub async fn release(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &str,
    version: &str,
) -> Result<Option<Release>, StoreError> {
    let (name, version) = (composed(name), composed(version));
    let row = fetch_optional!(
        tx,
        ReleaseRow,
        "SELECT id, name, version, device_types, notes, created_at, created_by, rules FROM software_release
         WHERE tenant_id = $1 AND name = $2 AND version = $3",
        tenant.get(),
        name.as_ref(),
        version.as_ref(),
    )?;
    match row {
        Some(row) => Ok(Some(read_release(tx, row).await?)),
        None => Ok(None),
    }
}

/// One release by its row id.
///
/// # Errors
/// When the database fails.
pub async fn release_by_id(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: ReleaseId,
) -> Result<Option<Release>, StoreError> {
    let row = fetch_optional!(
        tx,
        ReleaseRow,
        "SELECT id, name, version, device_types, notes, created_at, created_by, rules FROM software_release
         WHERE tenant_id = $1 AND id = $2",
        tenant.get(),
        id.get(),
    )?;
    match row {
        Some(row) => Ok(Some(read_release(tx, row).await?)),
        None => Ok(None),
    }
}

/// Releases of a tenant in the order they were made, those after `after`.
///
/// # Errors
/// When the database fails.
pub async fn releases(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    after: i64,
    limit: u32,
) -> Result<Vec<Release>, StoreError> {
    let rows = fetch_all!(
        tx,
        ReleaseRow,
        "SELECT id, name, version, device_types, notes, created_at, created_by, rules FROM software_release
         WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        tenant.get(),
        after,
        i64::from(limit),
    )?;
    let mut releases = Vec::with_capacity(rows.len());
    for row in rows {
        releases.push(read_release(tx, row).await?);
    }
    Ok(releases)
}

/// The number of one open job that installs the release, if any does.
///
/// # Errors
/// When the database fails.
pub async fn release_used_by(tx: &mut Tx<'_>, id: ReleaseId) -> Result<Option<i64>, StoreError> {
    Ok(fetch_optional!(
        tx,
        (i64,),
        "SELECT id FROM job WHERE release_id = $1 AND state NOT IN ('completed', 'canceled', 'denied') LIMIT 1",
        id.get(),
    )?
    .map(|(id,)| id))
}

/// Deletes a release that no open job installs; what it was called stays for the jobs and devices that did. `fetched`: the
/// reason by which updates ended that had nothing to install.
///
/// # Errors
/// When the database fails.
pub async fn delete_release(tx: &mut Tx<'_>, id: ReleaseId, fetched: &str) -> Result<(), StoreError> {
    crate::management::past::release_goes(tx, id, fetched).await?;
    past::keep(tx, id).await?;
    execute!(tx, "DELETE FROM release_component WHERE release_id = $1", id.get())?;
    execute!(tx, "DELETE FROM software_release WHERE id = $1", id.get())?;
    tx.changed(ChangeKind::Release, id.get());
    Ok(())
}

#[cfg(test)]
mod tests;
