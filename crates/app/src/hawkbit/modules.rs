//! Software modules: components that get their artifacts one by one, until they are locked. Knows no files.

use serde_json::json;
use windlass_domain::ids::{ComponentId, ComponentType, ItemName, VersionText};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Component;
use windlass_store::management::{ModuleExtra, ModuleMetadata, ModuleType, extras, software};
use windlass_store::{Tx, releases};

use super::catalogue::{Catalogue, catalogue};
use super::metadata::change_metadata;
use super::types::Types;
use super::{Context, DESCRIPTION, NAME, at_once, bounded, needed, parsed, refuse, spelled};
use crate::error::AppError;
use crate::{App, audit};

/// How many are read at once.
const PAGE: u32 = 1_000;

/// A module with everything that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleView {
    /// What it is.
    pub component: Component,
    /// What is known of it beside.
    pub extra: ModuleExtra,
    /// Number of its type, where that is known here.
    pub type_id: Option<i64>,
    /// Name of its type.
    pub type_name: String,
}

/// A module to make.
#[derive(Debug, Clone, Default)]
pub struct NewModule {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Key of its type.
    pub module_type: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub vendor: Option<String>,
    /// Whether the server is to encrypt its artifacts, which it does not.
    pub encrypted: bool,
}

/// What changes of a module; absent members stay.
#[derive(Debug, Clone, Default)]
pub struct ModuleChange {
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub vendor: Option<String>,
    /// Whether its artifacts stay as they are.
    pub locked: Option<bool>,
    /// Entries of metadata to set; none removes one.
    pub metadata: Vec<(String, Option<ModuleMetadata>)>,
}

impl ModuleView {
    pub(super) fn of(component: Component, extra: ModuleExtra, types: &Catalogue) -> Self {
        let key = component.component_type.as_str();
        let item = types.module(key);
        let type_name = item.map_or_else(|| key.to_owned(), |item| item.body.name.clone());
        Self { type_id: item.map(|item| item.id), component, extra, type_name }
    }
}

pub(super) fn label(component: &Component) -> String {
    format!("{} {}", component.name, component.version)
}

pub(super) fn target(component: &Component) -> String {
    format!("component/{}/{}", component.name, component.version)
}

/// A module of the tenant, deleted or not.
pub(super) async fn module(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: i64,
) -> Result<(Component, ModuleExtra), AppError> {
    let tenant = cx.by.tenant;
    let missing = || AppError::not_found("software module", id);
    let component = releases::component_by_id(tx, tenant, ComponentId::new(id)).await?.ok_or_else(missing)?;
    Ok((component, extras::get(tx, tenant, id).await?))
}

/// Writes what is known of a module, as of now.
pub(super) async fn save(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: ComponentId,
    extra: &mut ModuleExtra,
) -> Result<(), AppError> {
    extra.updated_at = Some(cx.now.micros());
    extra.updated_by = Some(cx.who());
    Ok(extras::put(tx, cx.by.tenant, id.get(), extra).await?)
}

fn read(new: &NewModule, cx: &Context, types: &Catalogue) -> Result<(Component, ModuleExtra), AppError> {
    let NewModule { name, version, module_type, description, vendor, encrypted } = new;
    let mut problems = Vec::new();
    let name = parsed::<ItemName>("name", name.as_deref(), NAME, &mut problems);
    let version = parsed::<VersionText>("version", version.as_deref(), 64, &mut problems);
    let key = spelled(&needed("type", module_type.as_deref(), 64, &mut problems));
    bounded("description", description.as_deref(), DESCRIPTION, &mut problems);
    bounded("vendor", vendor.as_deref(), 256, &mut problems);
    let (Some(name), Some(version), true) = (name, version, problems.is_empty()) else {
        return Err(AppError::Invalid(problems));
    };
    if *encrypted {
        return Err(AppError::Conflict {
            code: "hawkbit.encryption",
            detail:
                "this server encrypts no artifacts; leave encrypted out, and upload what is encrypted already"
                    .to_owned(),
        });
    }
    let known = types.module(&key).filter(|item| !item.body.deleted);
    let known = known.ok_or_else(|| AppError::not_found(ModuleType::WHAT, &key))?;
    let component_type =
        known.name.parse::<ComponentType>().map_err(|_| AppError::invalid("type", "cannot be used"))?;
    let component = Component {
        id: ComponentId::new(0),
        name,
        version,
        component_type,
        artifacts: Vec::new(),
        created_at: cx.now,
    };
    let extra = ModuleExtra {
        description: description.clone(),
        vendor: vendor.clone(),
        created_by: cx.who(),
        ..ModuleExtra::default()
    };
    Ok((component, extra))
}

impl App {
    /// Modules that are not deleted, by number.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_modules(&self, by: &Principal) -> Result<Vec<ModuleView>, AppError> {
        self.hawkbit_read(by, Permission::ReleaseRead, |cx, tx| {
            Box::pin(async move {
                let types = catalogue(tx, &cx).await?;
                let mut known = extras::all::<ModuleExtra>(tx, cx.by.tenant).await?;
                let (mut all, mut after) = (Vec::new(), 0);
                loop {
                    let page = releases::components(tx, cx.by.tenant, after, PAGE).await?;
                    let Some(last) = page.last() else { return Ok(all) };
                    after = last.id.get();
                    for component in page {
                        let extra = known.remove(&component.id.get()).unwrap_or_default();
                        if !extra.deleted {
                            all.push(ModuleView::of(component, extra, &types));
                        }
                    }
                }
            })
        })
        .await
    }

    /// One module, deleted or not.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_module(&self, by: &Principal, id: i64) -> Result<ModuleView, AppError> {
        self.hawkbit_read(by, Permission::ReleaseRead, move |cx, tx| {
            Box::pin(async move {
                let types = catalogue(tx, &cx).await?;
                let (component, extra) = module(tx, &cx, id).await?;
                Ok(ModuleView::of(component, extra, &types))
            })
        })
        .await
    }

    /// Makes modules: all of them or none.
    ///
    /// # Errors
    /// Forbidden, every field that cannot be taken, an unknown type, name and version are taken within the type, or that
    /// the store failed.
    pub async fn hawkbit_modules_create(
        &self,
        by: &Principal,
        new: Vec<NewModule>,
    ) -> Result<Vec<ModuleView>, AppError> {
        at_once(new.len())?;
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            let new = new.clone();
            Box::pin(async move {
                let types = catalogue(tx, &cx).await?;
                let mut made = Vec::new();
                for one in &new {
                    let (component, extra) = read(one, &cx, &types)?;
                    let name = label(&component);
                    let Some(id) = releases::insert_component(tx, cx.by.tenant, &component).await? else {
                        return Err(AppError::Exists { what: "software module", name });
                    };
                    extras::put(tx, cx.by.tenant, id.get(), &extra).await?;
                    let details = json!({"type": component.component_type.as_str(), "artifacts": []});
                    let place = target(&component);
                    audit::record(tx, &cx.by, "component.create", &place, details, cx.now).await?;
                    made.push(ModuleView::of(Component { id, ..component }, extra, &types));
                }
                Ok(made)
            })
        })
        .await
    }

    /// Changes what is known of a module.
    ///
    /// # Errors
    /// Forbidden, not found, a field that cannot be taken, too much metadata, or that the store failed.
    pub async fn hawkbit_module_change(
        &self,
        by: &Principal,
        id: i64,
        change: ModuleChange,
    ) -> Result<ModuleView, AppError> {
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            let change = change.clone();
            Box::pin(async move {
                let types = catalogue(tx, &cx).await?;
                let (component, mut extra) = module(tx, &cx, id).await?;
                let mut problems = Vec::new();
                bounded("description", change.description.as_deref(), DESCRIPTION, &mut problems);
                bounded("vendor", change.vendor.as_deref(), 256, &mut problems);
                refuse(problems)?;
                change_metadata(&mut extra.metadata, &change.metadata, |entry| &entry.value)?;
                extra.description = change.description.or(extra.description);
                extra.vendor = change.vendor.or(extra.vendor);
                extra.locked = change.locked.unwrap_or(extra.locked);
                save(tx, &cx, component.id, &mut extra).await?;
                let details = json!({"locked": extra.locked, "metadata": extra.metadata.len()});
                audit::record(tx, &cx.by, "component.change", &target(&component), details, cx.now).await?;
                Ok(ModuleView::of(component, extra, &types))
            })
        })
        .await
    }

    /// Deletes a module; one that a set has stays for it, out of sight. Doing it again changes nothing.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_module_delete(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        let orphans = self
            .hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
                Box::pin(async move {
                    let (component, mut extra) = module(tx, &cx, id).await?;
                    if extra.deleted {
                        return Ok(Vec::new());
                    }
                    let mut orphans = Vec::new();
                    if software::releases_with(tx, component.id).await?.is_empty() {
                        releases::delete_component(tx, component.id).await?;
                        extras::forget::<ModuleExtra>(tx, cx.by.tenant, id).await?;
                        orphans = component.artifacts.iter().map(|artifact| artifact.id).collect();
                    } else {
                        extra.deleted = true;
                        save(tx, &cx, component.id, &mut extra).await?;
                    }
                    let details = json!({"kept": extra.deleted});
                    let place = target(&component);
                    audit::record(tx, &cx.by, "component.delete", &place, details, cx.now).await?;
                    Ok(orphans)
                })
            })
            .await?;
        self.hawkbit_drop_artifacts(by, orphans).await
    }
}
