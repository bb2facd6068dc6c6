//! Distribution sets that are made, get their modules one by one and are changed, until they are locked.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::json;
use windlass_domain::ids::{ItemName, ReleaseId, VersionText};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::{Component, Release, ReleaseRules};
use windlass_store::management::items::Item;
use windlass_store::management::{SetExtra, SetType, extras, software};
use windlass_store::{Tx, releases, settings};

use super::auto_assign::{is_given, let_go};
use super::catalogue::{Catalogue, catalogue, default_set_type};
use super::metadata::change_metadata;
use super::modules;
use super::sets::{SetView, save, set, shown, target};
use super::types::Types;
use super::{Context, DESCRIPTION, NAME, at_once, bounded, locked, parsed, refuse, spelled, taken};
use crate::error::{AppError, FieldProblem};
use crate::jobs::verify::FETCHED;
use crate::releases::PARTS;
use crate::{App, audit};

/// A set to make.
#[derive(Debug, Clone, Default)]
pub struct NewSet {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Key of its type.
    pub set_type: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether what was assigned stays when something newer is.
    pub required_migration_step: bool,
    /// Numbers of its modules.
    pub modules: Vec<i64>,
}

/// What changes of a set; absent members stay.
#[derive(Debug, Clone, Default)]
pub struct SetChange {
    /// Another name, while nobody ever got it or is to.
    pub name: Option<String>,
    /// Another version, while nobody ever got it or is to.
    pub version: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether what was assigned stays when something newer is.
    pub required_migration_step: Option<bool>,
    /// Whether its modules stay as they are.
    pub locked: Option<bool>,
    /// Entries of metadata to set; none removes one.
    pub metadata: Vec<(String, Option<String>)>,
    /// Tags to add, by number.
    pub add_tags: Vec<i64>,
    /// Tags to remove, by number.
    pub remove_tags: Vec<i64>,
}

fn label(release: &Release) -> String {
    format!("{} {}", release.name, release.version)
}

/// Puts modules into a set that is being made or changed; one of a type that it has enough of takes the other's place.
async fn put_modules(
    tx: &mut Tx<'_>,
    cx: &Context,
    types: &Catalogue,
    release: &Release,
    set_type: &Item<SetType>,
    ids: &[i64],
) -> Result<Release, AppError> {
    let mut parts = release.components.clone();
    for id in ids {
        let (component, extra) = modules::module(tx, cx, *id).await?;
        if extra.deleted {
            return Err(AppError::not_found("software module", id));
        }
        let key = component.component_type.as_str();
        if !types.allows(set_type, key) {
            return Err(AppError::Conflict {
                code: "hawkbit.module_unsupported",
                detail: format!("sets of type {} take no modules of type {key}", set_type.name),
            });
        }
        if parts.iter().any(|part| part.id == component.id) {
            continue;
        }
        let same = |part: &Component| part.component_type == component.component_type;
        let most = types.module(key).map_or(1, |item| item.body.max_assignments);
        let full =
            u32::try_from(parts.iter().filter(|part| same(part)).count()).is_ok_and(|have| have >= most);
        let displaced = parts.iter().position(|part| same(part) && (full || part.name == component.name));
        if let Some(place) = displaced {
            let old = parts.remove(place);
            software::detach_component(tx, release.id, old.id).await?;
        }
        if let Some(other) = parts.iter().find(|part| part.excludes(&component)) {
            return Err(AppError::Conflict {
                code: "hawkbit.module_unsupported",
                detail: format!(
                    "the set has {} of type {}; devices report one version of a name, so take it out first",
                    modules::label(other),
                    other.component_type
                ),
            });
        }
        software::attach_component(tx, release.id, component.id).await?;
        parts.push(component);
    }
    if parts.len() > PARTS {
        let detail = format!("a set has at most {PARTS} modules; remove one first");
        return Err(AppError::Quota { code: "hawkbit.modules", detail });
    }
    Ok(Release { components: parts, ..release.clone() })
}

async fn make(tx: &mut Tx<'_>, cx: &Context, types: &Catalogue, new: &NewSet) -> Result<SetView, AppError> {
    let NewSet { name, version, set_type, description, required_migration_step, modules } = new;
    let mut problems = Vec::new();
    let name = parsed::<ItemName>("name", name.as_deref(), NAME, &mut problems);
    let version = parsed::<VersionText>("version", version.as_deref(), 64, &mut problems);
    bounded("description", description.as_deref(), DESCRIPTION, &mut problems);
    let (Some(name), Some(version), true) = (name, version, problems.is_empty()) else {
        return Err(AppError::Invalid(problems));
    };
    let item = match set_type {
        Some(key) => {
            let key = spelled(key);
            types.sets.iter().find(|item| item.name == key && !item.body.deleted)
        }
        None => default_set_type(&settings::settings(tx, cx.by.tenant).await?, &types.sets),
    };
    let key = set_type.as_deref().unwrap_or("of sets that are made without one");
    let item = item.ok_or_else(|| AppError::not_found(SetType::WHAT, key))?;
    let release = Release {
        id: ReleaseId::new(0),
        name,
        version,
        device_types: Vec::new(),
        components: Vec::new(),
        notes: description.clone().unwrap_or_default(),
        rules: ReleaseRules::default(),
        created_at: cx.now,
        created_by: cx.by.actor.to_string(),
    };
    let Some(id) = releases::insert_release(tx, cx.by.tenant, &release).await? else {
        return Err(AppError::Exists { what: "distribution set", name: label(&release) });
    };
    let release = put_modules(tx, cx, types, &Release { id, ..release }, item, modules).await?;
    let extra = SetExtra {
        set_type: Some(item.id),
        required_migration_step: *required_migration_step,
        // A release knows no difference between empty notes and none; clients do.
        description: description.clone().filter(String::is_empty),
        ..SetExtra::default()
    };
    extras::put(tx, cx.by.tenant, id.get(), &extra).await?;
    let parts: Vec<String> =
        release.components.iter().map(|part| format!("{} {}", part.name, part.version)).collect();
    let details = json!({"components": parts, "deviceTypes": []});
    audit::record(tx, &cx.by, "release.create", &target(&release), details, cx.now).await?;
    shown(tx, cx, types, release, extra).await
}

/// What it is to be: what stands there, unless something else was asked for.
fn or_other<T>(field: &str, asked: Option<&str>, now: &T, problems: &mut Vec<FieldProblem>) -> T
where
    T: Clone + FromStr<Err: Display>,
{
    asked.and_then(|text| taken(field, text.trim().parse(), problems)).unwrap_or_else(|| now.clone())
}

/// Gives a set another name or version, while nobody ever got it or is to.
async fn rename(
    tx: &mut Tx<'_>,
    cx: &Context,
    release: &mut Release,
    extra: &SetExtra,
    change: &SetChange,
) -> Result<(), AppError> {
    let mut problems = Vec::new();
    let name = or_other("name", change.name.as_deref(), &release.name, &mut problems);
    let version = or_other("version", change.version.as_deref(), &release.version, &mut problems);
    bounded("description", change.description.as_deref(), DESCRIPTION, &mut problems);
    refuse(problems)?;
    if (&name, &version) == (&release.name, &release.version) {
        return Ok(());
    }
    if extra.locked || is_given(tx, cx.by.tenant, release.id).await? {
        return Err(locked("distribution set", &label(release)));
    }
    (release.name, release.version) = (name, version);
    if releases::rename_release(tx, cx.by.tenant, release.id, &release.name, &release.version).await? {
        return Ok(());
    }
    Err(AppError::Exists { what: "distribution set", name: label(release) })
}

impl App {
    /// Makes sets: all of them or none.
    ///
    /// # Errors
    /// Forbidden, every field that cannot be taken, an unknown type or module, name and version are taken, or that the
    /// store failed.
    pub async fn hawkbit_sets_create(
        &self,
        by: &Principal,
        new: Vec<NewSet>,
    ) -> Result<Vec<SetView>, AppError> {
        at_once(new.len())?;
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            let new = new.clone();
            Box::pin(async move {
                let types = catalogue(tx, &cx).await?;
                let mut made = Vec::new();
                for one in &new {
                    made.push(make(tx, &cx, &types, one).await?);
                }
                Ok(made)
            })
        })
        .await
    }

    /// Changes what is known of a set.
    ///
    /// # Errors
    /// Forbidden, not found, locked or taken where it gets another name or version, a field that cannot be taken, too much metadata, or that the store failed.
    pub async fn hawkbit_set_change(
        &self,
        by: &Principal,
        id: i64,
        change: SetChange,
    ) -> Result<SetView, AppError> {
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            let change = change.clone();
            Box::pin(async move {
                let types = catalogue(tx, &cx).await?;
                let (mut release, mut extra) = set(tx, &cx, id).await?;
                rename(tx, &cx, &mut release, &extra, &change).await?;
                change_metadata(&mut extra.metadata, &change.metadata, String::as_str)?;
                extra.description = change.description.or(extra.description);
                extra.required_migration_step =
                    change.required_migration_step.unwrap_or(extra.required_migration_step);
                extra.locked = change.locked.unwrap_or(extra.locked);
                extra.tags.extend(&change.add_tags);
                extra.tags.retain(|tag| !change.remove_tags.contains(tag));
                save(tx, &cx, release.id, &mut extra).await?;
                let details = json!({
                    "locked": extra.locked, "requiredMigrationStep": extra.required_migration_step,
                    "tags": extra.tags, "metadata": extra.metadata.len(),
                });
                audit::record(tx, &cx.by, "release.change", &target(&release), details, cx.now).await?;
                shown(tx, &cx, &types, release, extra).await
            })
        })
        .await
    }

    /// Puts modules into a set, or takes one out.
    ///
    /// # Errors
    /// Forbidden, not found, locked, a module of a type that the set does not take, or that the store failed.
    pub async fn hawkbit_set_modules(
        &self,
        by: &Principal,
        id: i64,
        add: Vec<i64>,
        remove: Option<i64>,
    ) -> Result<SetView, AppError> {
        at_once(add.len())?;
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            let add = add.clone();
            Box::pin(async move {
                let types = catalogue(tx, &cx).await?;
                let (mut release, mut extra) = set(tx, &cx, id).await?;
                if extra.locked || is_given(tx, cx.by.tenant, release.id).await? {
                    return Err(locked("distribution set", &label(&release)));
                }
                let item = types.of_set(&extra, &release.components);
                let item = item.ok_or_else(|| AppError::not_found(SetType::WHAT, id))?;
                release = put_modules(tx, &cx, &types, &release, item, &add).await?;
                if let Some(out) = remove {
                    let there = release.components.iter().position(|part| part.id.get() == out);
                    let place = there.ok_or_else(|| AppError::not_found("software module", out))?;
                    let old = release.components.remove(place);
                    software::detach_component(tx, release.id, old.id).await?;
                }
                save(tx, &cx, release.id, &mut extra).await?;
                let parts: Vec<i64> = release.components.iter().map(|part| part.id.get()).collect();
                let details = json!({"components": parts});
                audit::record(tx, &cx.by, "release.change", &target(&release), details, cx.now).await?;
                shown(tx, &cx, &types, release, extra).await
            })
        })
        .await
    }

    /// Deletes a set; one that was ever assigned stays for its actions, out of sight. Doing it again changes nothing.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_set_delete(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            Box::pin(async move {
                let (release, mut extra) = set(tx, &cx, id).await?;
                if extra.deleted {
                    return Ok(());
                }
                let_go(tx, &cx, id).await?;
                if software::was_assigned(tx, release.id).await? {
                    extra.deleted = true;
                    save(tx, &cx, release.id, &mut extra).await?;
                } else {
                    releases::delete_release(tx, release.id, FETCHED).await?;
                    extras::forget::<SetExtra>(tx, cx.by.tenant, id).await?;
                }
                let details = json!({"kept": extra.deleted});
                audit::record(tx, &cx.by, "release.delete", &target(&release), details, cx.now).await?;
                Ok(())
            })
        })
        .await
    }
}
