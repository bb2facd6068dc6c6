//! Software modules: components that get their artifacts one by one, until they are locked.

use serde_json::json;
use windlass_domain::ids::{ArtifactId, ComponentId, ItemName, Tag, VersionText};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::{Artifact, Component};
use windlass_store::management::{ModuleExtra, ModuleMetadata, extras, software};
use windlass_store::{Tx, artifacts, releases};

use super::catalogue::{Catalogue, catalogue};
use super::{Context, DESCRIPTION, ENTRIES, NAME, VALUE, at_once, bounded, locked, needed, refuse};
use crate::error::{AppError, FieldProblem};
use crate::releases::PARTS;
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
    /// Whether its artifacts are encrypted.
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
        let type_name = types.module(key).map_or_else(|| key.to_owned(), |item| item.body.name.clone());
        Self { component, extra, type_name }
    }
}

fn label(component: &Component) -> String {
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
    let (name, version) = software::component_name(tx, tenant, id).await?.ok_or_else(missing)?;
    let component = releases::component(tx, tenant, &name, &version).await?.ok_or_else(missing)?;
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
    let name = needed("name", name.as_deref(), NAME, &mut problems);
    let version = needed("version", version.as_deref(), 64, &mut problems);
    let key = needed("type", module_type.as_deref(), 64, &mut problems);
    bounded("description", description.as_deref(), DESCRIPTION, &mut problems);
    bounded("vendor", vendor.as_deref(), 256, &mut problems);
    let mut keep = |field: &str, problem: String| problems.push(FieldProblem::new(field, problem));
    let read_name = name.parse::<ItemName>();
    let read_version = version.parse::<VersionText>();
    if let (false, Err(problem)) = (name.is_empty(), &read_name) {
        keep("name", problem.to_string());
    }
    if let (false, Err(problem)) = (version.is_empty(), &read_version) {
        keep("version", problem.to_string());
    }
    refuse(problems)?;
    let known = types.module(&key).filter(|item| !item.body.deleted);
    if known.is_none() {
        return Err(AppError::not_found("software module type", key));
    }
    let (Ok(name), Ok(version), Ok(component_type)) = (read_name, read_version, key.parse::<Tag>()) else {
        return Err(AppError::invalid("type", "cannot be used"));
    };
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
        encrypted: *encrypted,
        created_by: cx.who(),
        ..ModuleExtra::default()
    };
    Ok((component, extra))
}

fn change_metadata(extra: &mut ModuleExtra, change: &ModuleChange) -> Result<(), AppError> {
    for (key, entry) in &change.metadata {
        let mut problems = Vec::new();
        needed("key", Some(key), NAME, &mut problems);
        bounded("value", entry.as_ref().map(|entry| entry.value.as_str()), VALUE, &mut problems);
        refuse(problems)?;
        match entry {
            Some(entry) => drop(extra.metadata.insert(key.clone(), entry.clone())),
            None => {
                let gone = extra.metadata.remove(key);
                gone.ok_or_else(|| AppError::not_found("metadata", key))?;
            }
        }
    }
    if extra.metadata.len() > ENTRIES {
        let detail = format!("at most {ENTRIES} entries of metadata; remove some first");
        return Err(AppError::Quota { code: "hawkbit.metadata", detail });
    }
    Ok(())
}

/// Refuses a file that a module cannot have.
fn takes(component: &Component, extra: &ModuleExtra, name: &str) -> Result<(), AppError> {
    if extra.deleted {
        return Err(AppError::not_found("software module", component.id));
    }
    if extra.locked {
        return Err(locked("software module", &label(component)));
    }
    if component.artifacts.iter().any(|artifact| artifact.name.as_str() == name) {
        return Err(AppError::Exists { what: "artifact", name: name.to_owned() });
    }
    if component.artifacts.len() >= PARTS {
        let detail = format!("a software module has at most {PARTS} artifacts; remove one first");
        return Err(AppError::Quota { code: "hawkbit.artifacts", detail });
    }
    Ok(())
}

/// Whether any job brings or brought the module to devices.
async fn was_assigned(tx: &mut Tx<'_>, id: ComponentId) -> Result<bool, AppError> {
    for release in software::releases_with(tx, id).await? {
        if software::was_assigned(tx, release).await? {
            return Ok(true);
        }
    }
    Ok(false)
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
    /// Forbidden, every field that cannot be taken, an unknown type, name and version are taken, or that the store
    /// failed.
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
                change_metadata(&mut extra, &change)?;
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

    /// Artifacts that no component has any more go; those that another one has stay.
    async fn hawkbit_drop_artifacts(&self, by: &Principal, ids: Vec<ArtifactId>) -> Result<(), AppError> {
        for id in ids {
            match self.artifact_delete(by, id).await {
                Ok(()) | Err(AppError::Conflict { .. } | AppError::NotFound { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// Whether a module takes a file of that name, asked before its bytes come.
    ///
    /// # Errors
    /// Forbidden, not found, locked, the name is taken, too many artifacts, or that the store failed.
    pub async fn hawkbit_module_takes(&self, by: &Principal, id: i64, name: &str) -> Result<(), AppError> {
        let name = name.to_owned();
        self.hawkbit_read(by, Permission::ReleaseWrite, move |cx, tx| {
            let name = name.clone();
            Box::pin(async move {
                let (component, extra) = module(tx, &cx, id).await?;
                takes(&component, &extra, &name)
            })
        })
        .await
    }

    /// Puts an uploaded artifact into a module. Where that is refused, the artifact goes.
    ///
    /// # Errors
    /// As [`App::hawkbit_module_takes`].
    pub async fn hawkbit_artifact_attach(
        &self,
        by: &Principal,
        id: i64,
        artifact: &Artifact,
    ) -> Result<(), AppError> {
        let (file, name) = (artifact.id, artifact.name.as_str().to_owned());
        let done = self
            .hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
                let name = name.clone();
                Box::pin(async move {
                    let (component, mut extra) = module(tx, &cx, id).await?;
                    takes(&component, &extra, &name)?;
                    if was_assigned(tx, component.id).await? {
                        return Err(locked("software module", &label(&component)));
                    }
                    software::attach_artifact(tx, component.id, file).await?;
                    save(tx, &cx, component.id, &mut extra).await?;
                    let details = json!({"artifact": file.get(), "name": name});
                    let place = target(&component);
                    audit::record(tx, &cx.by, "component.artifact.add", &place, details, cx.now).await?;
                    Ok(())
                })
            })
            .await;
        if done.is_err() {
            self.hawkbit_drop_artifacts(by, vec![file]).await?;
        }
        done
    }

    /// Takes an artifact out of a module; it goes where no other component has it.
    ///
    /// # Errors
    /// Forbidden, not found, locked, or that the store failed.
    pub async fn hawkbit_artifact_detach(&self, by: &Principal, id: i64, file: i64) -> Result<(), AppError> {
        let file = ArtifactId::new(file);
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            Box::pin(async move {
                let (component, mut extra) = module(tx, &cx, id).await?;
                let there = component.artifacts.iter().any(|artifact| artifact.id == file);
                if !there || artifacts::get(tx, cx.by.tenant, file).await?.is_none() {
                    return Err(AppError::not_found("artifact", file));
                }
                if extra.locked || was_assigned(tx, component.id).await? {
                    return Err(locked("software module", &label(&component)));
                }
                software::detach_artifact(tx, component.id, file).await?;
                save(tx, &cx, component.id, &mut extra).await?;
                let details = json!({"artifact": file.get()});
                let place = target(&component);
                audit::record(tx, &cx.by, "component.artifact.remove", &place, details, cx.now).await?;
                Ok(())
            })
        })
        .await?;
        self.hawkbit_drop_artifacts(by, vec![file]).await
    }
}
