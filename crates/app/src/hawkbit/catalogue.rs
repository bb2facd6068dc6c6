//! Types of modules and of sets. Every tenant starts with those that hawkBit's clients take for granted.

use std::collections::BTreeSet;

use serde_json::json;
use windlass_domain::ids::Tag;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Component;
use windlass_store::Tx;
use windlass_store::management::items::{self, Item};
use windlass_store::management::{ModuleType, SetExtra, SetType, extras, software};

use super::{Context, DESCRIPTION, NAME, at_once, bounded, needed, refuse};
use crate::error::{AppError, FieldProblem};
use crate::{App, audit};

/// Key, name, most of it in a set.
const MODULE_TYPES: [(&str, &str, u32); 3] =
    [("os", "OS", 1), ("application", "Application", u32::MAX >> 1), ("runtime", "Runtime", 1)];
/// Key, name, keys of what a complete one has, keys of what it may have.
const SET_TYPES: [(&str, &str, &[&str], &[&str]); 3] = [
    ("os", "OS only", &["os"], &[]),
    ("os_app", "OS with app(s)", &["os"], &["application", "runtime"]),
    ("app", "App(s) only", &["application"], &["runtime"]),
];

/// A type of modules to make.
#[derive(Debug, Clone, Default)]
pub struct NewModuleType {
    /// Its key.
    pub key: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub colour: Option<String>,
    /// How many modules of it a set may have.
    pub max_assignments: Option<u32>,
}

/// A type of sets to make.
#[derive(Debug, Clone, Default)]
pub struct NewSetType {
    /// Its key.
    pub key: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub colour: Option<String>,
    /// Ids of module types.
    pub mandatory: Vec<i64>,
    /// Ids of module types.
    pub optional: Vec<i64>,
}

/// What changes of a type.
#[derive(Debug, Clone, Default)]
pub struct TypeChange {
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub colour: Option<String>,
}

/// Module types and set types of a tenant.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalogue {
    pub(super) modules: Vec<Item<ModuleType>>,
    pub(super) sets: Vec<Item<SetType>>,
}

impl Catalogue {
    pub(super) fn module(&self, key: &str) -> Option<&Item<ModuleType>> {
        self.modules.iter().find(|item| item.name == key)
    }

    pub(super) fn set(&self, id: i64) -> Option<&Item<SetType>> {
        self.sets.iter().find(|item| item.id == id)
    }

    /// The type of a set: what it was given, or the first that its components fit.
    pub(super) fn of_set(&self, extra: &SetExtra, components: &[Component]) -> Option<&Item<SetType>> {
        if let Some(item) = extra.set_type.and_then(|id| self.set(id)) {
            return Some(item);
        }
        let fits = |item: &&Item<SetType>| {
            !item.body.deleted
                && is_complete(item, self, components)
                && components.iter().all(|component| self.allows(item, component.component_type.as_str()))
        };
        self.sets.iter().find(fits).or_else(|| self.sets.iter().find(|item| item.name == "os_app"))
    }

    /// Whether a set of that type may have a module of that type.
    pub(super) fn allows(&self, set: &Item<SetType>, key: &str) -> bool {
        self.module(key).is_some_and(|module| {
            set.body.mandatory.contains(&module.id) || set.body.optional.contains(&module.id)
        })
    }
}

/// Whether everything that the type asks for is there.
pub(super) fn is_complete(set: &Item<SetType>, types: &Catalogue, components: &[Component]) -> bool {
    !components.is_empty()
        && set.body.mandatory.iter().all(|id| {
            let key = types.modules.iter().find(|item| item.id == *id).map(|item| item.name.as_str());
            key.is_some_and(|key| components.iter().any(|one| one.component_type.as_str() == key))
        })
}

/// What there is, read in a transaction that may write: the first one makes the defaults.
async fn ensure(tx: &mut Tx<'_>, cx: &Context) -> Result<(), AppError> {
    let tenant = cx.by.tenant;
    if !items::all::<SetType>(tx, tenant).await?.is_empty() {
        return Ok(());
    }
    for (key, name, most) in MODULE_TYPES {
        let body = ModuleType { name: name.to_owned(), max_assignments: most, ..ModuleType::default() };
        items::insert(tx, tenant, key, &body, "system", cx.now).await?;
    }
    let modules = items::all::<ModuleType>(tx, tenant).await?;
    let ids = |keys: &[&str]| -> BTreeSet<i64> {
        modules.iter().filter(|item| keys.contains(&item.name.as_str())).map(|item| item.id).collect()
    };
    for (key, name, mandatory, optional) in SET_TYPES {
        let body = SetType {
            name: name.to_owned(),
            mandatory: ids(mandatory),
            optional: ids(optional),
            ..SetType::default()
        };
        items::insert(tx, tenant, key, &body, "system", cx.now).await?;
    }
    Ok(())
}

/// What there is.
pub(super) async fn catalogue(tx: &mut Tx<'_>, cx: &Context) -> Result<Catalogue, AppError> {
    let tenant = cx.by.tenant;
    Ok(Catalogue {
        modules: items::all::<ModuleType>(tx, tenant).await?,
        sets: items::all::<SetType>(tx, tenant).await?,
    })
}

fn module_type(new: &NewModuleType) -> Result<(String, ModuleType), AppError> {
    let NewModuleType { key, name, description, colour, max_assignments } = new;
    let mut problems = Vec::new();
    let name_read = needed("name", name.as_deref(), NAME, &mut problems);
    let key = key_of(key.as_deref(), &mut problems);
    bounded("description", description.as_deref(), DESCRIPTION, &mut problems);
    bounded("colour", colour.as_deref(), 16, &mut problems);
    if *max_assignments == Some(0) {
        problems.push(FieldProblem::new("maxAssignments", "must be at least 1"));
    }
    refuse(problems)?;
    let body = ModuleType {
        name: name_read,
        description: description.clone(),
        colour: colour.clone(),
        max_assignments: max_assignments.unwrap_or(1),
        deleted: false,
    };
    Ok((key, body))
}

fn key_of(key: Option<&str>, problems: &mut Vec<FieldProblem>) -> String {
    let key = needed("key", key, NAME, problems);
    if !key.is_empty()
        && let Err(problem) = key.parse::<Tag>()
    {
        problems.push(FieldProblem::new("key", problem));
    }
    key
}

fn set_type(new: &NewSetType, types: &Catalogue) -> Result<(String, SetType), AppError> {
    let NewSetType { key, name, description, colour, mandatory, optional } = new;
    let mut problems = Vec::new();
    let name_read = needed("name", name.as_deref(), NAME, &mut problems);
    let key = key_of(key.as_deref(), &mut problems);
    bounded("description", description.as_deref(), DESCRIPTION, &mut problems);
    bounded("colour", colour.as_deref(), 16, &mut problems);
    for id in mandatory.iter().chain(optional) {
        if !types.modules.iter().any(|item| item.id == *id) {
            return Err(AppError::not_found("software module type", id));
        }
    }
    refuse(problems)?;
    let body = SetType {
        name: name_read,
        description: description.clone(),
        colour: colour.clone(),
        mandatory: mandatory.iter().copied().collect(),
        optional: optional.iter().copied().collect(),
        deleted: false,
    };
    Ok((key, body))
}

impl App {
    /// Makes sure that the tenant has the types that clients take for granted.
    ///
    /// # Errors
    /// That the store failed.
    pub async fn hawkbit_defaults(&self, by: &Principal) -> Result<(), AppError> {
        let tenant = by.tenant;
        let there = self
            .store
            .read(move |tx| Box::pin(async move { items::all::<SetType>(tx, tenant).await }))
            .await?;
        if there.is_empty() {
            let context = Context { app: self.clone(), by: by.clone(), now: self.clock.now() };
            self.store
                .write(move |tx| {
                    let cx = context.clone();
                    Box::pin(async move { ensure(tx, &cx).await })
                })
                .await?;
        }
        Ok(())
    }

    /// Types of modules, by number.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_module_types(&self, by: &Principal) -> Result<Vec<Item<ModuleType>>, AppError> {
        self.hawkbit_read(by, Permission::ReleaseRead, |cx, tx| {
            Box::pin(async move { Ok(catalogue(tx, &cx).await?.modules) })
        })
        .await
    }

    /// Types of sets, by number.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_set_types(&self, by: &Principal) -> Result<Vec<Item<SetType>>, AppError> {
        self.hawkbit_read(by, Permission::ReleaseRead, |cx, tx| {
            Box::pin(async move { Ok(catalogue(tx, &cx).await?.sets) })
        })
        .await
    }

    /// Makes types of modules: all of them or none.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, a key that is taken, or that the store failed.
    pub async fn hawkbit_module_types_create(
        &self,
        by: &Principal,
        new: Vec<NewModuleType>,
    ) -> Result<Vec<Item<ModuleType>>, AppError> {
        at_once(new.len())?;
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            let new = new.clone();
            Box::pin(async move {
                let mut made = Vec::new();
                for one in &new {
                    let (key, body) = module_type(one)?;
                    let id = items::insert(tx, cx.by.tenant, &key, &body, &cx.who(), cx.now).await?;
                    let Some(id) = id else {
                        return Err(AppError::Exists { what: "software module type", name: key });
                    };
                    let target = format!("moduleType/{key}");
                    audit::record(tx, &cx.by, "moduleType.create", &target, json!({}), cx.now).await?;
                    made.extend(items::get::<ModuleType>(tx, cx.by.tenant, id).await?);
                }
                Ok(made)
            })
        })
        .await
    }

    /// Makes types of sets: all of them or none.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, a key that is taken, an unknown module type, or that the store failed.
    pub async fn hawkbit_set_types_create(
        &self,
        by: &Principal,
        new: Vec<NewSetType>,
    ) -> Result<Vec<Item<SetType>>, AppError> {
        at_once(new.len())?;
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            let new = new.clone();
            Box::pin(async move {
                let types = catalogue(tx, &cx).await?;
                let mut made = Vec::new();
                for one in &new {
                    let (key, body) = set_type(one, &types)?;
                    let id = items::insert(tx, cx.by.tenant, &key, &body, &cx.who(), cx.now).await?;
                    let Some(id) = id else {
                        return Err(AppError::Exists { what: "distribution set type", name: key });
                    };
                    let target = format!("setType/{key}");
                    audit::record(tx, &cx.by, "setType.create", &target, json!({}), cx.now).await?;
                    made.extend(items::get::<SetType>(tx, cx.by.tenant, id).await?);
                }
                Ok(made)
            })
        })
        .await
    }

    /// Changes what people read of a type of modules.
    ///
    /// # Errors
    /// Forbidden, not found, a field that cannot be taken, or that the store failed.
    pub async fn hawkbit_module_type_change(
        &self,
        by: &Principal,
        id: i64,
        change: TypeChange,
    ) -> Result<Item<ModuleType>, AppError> {
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            let change = change.clone();
            Box::pin(async move {
                let found = items::get::<ModuleType>(tx, cx.by.tenant, id).await?;
                let mut item = found.ok_or_else(|| AppError::not_found("software module type", id))?;
                item.body.description = change.description.or(item.body.description);
                item.body.colour = change.colour.or(item.body.colour);
                items::save(tx, cx.by.tenant, &item, &cx.who(), cx.now).await?;
                let target = format!("moduleType/{}", item.name);
                audit::record(tx, &cx.by, "moduleType.change", &target, json!({}), cx.now).await?;
                Ok(Item { updated_at: cx.now, updated_by: cx.who(), ..item })
            })
        })
        .await
    }

    /// Changes what people read of a type of sets, and which modules it takes while no set has it.
    ///
    /// # Errors
    /// Forbidden, not found, `hawkbit.in_use`, or that the store failed.
    pub async fn hawkbit_set_type_change(
        &self,
        by: &Principal,
        id: i64,
        change: TypeChange,
        modules: Option<(BTreeSet<i64>, BTreeSet<i64>)>,
    ) -> Result<Item<SetType>, AppError> {
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            let (change, modules) = (change.clone(), modules.clone());
            Box::pin(async move {
                let found = items::get::<SetType>(tx, cx.by.tenant, id).await?;
                let mut item = found.ok_or_else(|| AppError::not_found("distribution set type", id))?;
                item.body.description = change.description.or(item.body.description);
                item.body.colour = change.colour.or(item.body.colour);
                if let Some((mandatory, optional)) = modules {
                    let types = catalogue(tx, &cx).await?;
                    let known = |id: &i64| types.modules.iter().any(|item| item.id == *id);
                    if let Some(id) = mandatory.iter().chain(&optional).find(|id| !known(id)) {
                        return Err(AppError::not_found("software module type", id));
                    }
                    if is_set_type_used(tx, &cx, id).await? {
                        return Err(AppError::Conflict {
                            code: "hawkbit.in_use",
                            detail: format!("sets have type {}; make another type", item.name),
                        });
                    }
                    (item.body.mandatory, item.body.optional) = (mandatory, optional);
                }
                items::save(tx, cx.by.tenant, &item, &cx.who(), cx.now).await?;
                let target = format!("setType/{}", item.name);
                audit::record(tx, &cx.by, "setType.change", &target, json!({}), cx.now).await?;
                Ok(Item { updated_at: cx.now, updated_by: cx.who(), ..item })
            })
        })
        .await
    }

    /// Deletes a type of modules; one that modules have stays for them.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_module_type_delete(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            Box::pin(async move {
                let tenant = cx.by.tenant;
                let found = items::get::<ModuleType>(tx, tenant, id).await?;
                let mut item = found.ok_or_else(|| AppError::not_found("software module type", id))?;
                let named = catalogue(tx, &cx)
                    .await?
                    .sets
                    .into_iter()
                    .any(|set| set.body.mandatory.contains(&id) || set.body.optional.contains(&id));
                if named || software::is_type_used(tx, tenant, &item.name).await? {
                    item.body.deleted = true;
                    items::save(tx, tenant, &item, &cx.who(), cx.now).await?;
                } else {
                    items::delete::<ModuleType>(tx, tenant, id).await?;
                }
                let target = format!("moduleType/{}", item.name);
                audit::record(tx, &cx.by, "moduleType.delete", &target, json!({}), cx.now).await?;
                Ok(())
            })
        })
        .await
    }

    /// Deletes a type of sets; one that sets have stays for them.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_set_type_delete(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            Box::pin(async move {
                let tenant = cx.by.tenant;
                let found = items::get::<SetType>(tx, tenant, id).await?;
                let mut item = found.ok_or_else(|| AppError::not_found("distribution set type", id))?;
                if is_set_type_used(tx, &cx, id).await? {
                    item.body.deleted = true;
                    items::save(tx, tenant, &item, &cx.who(), cx.now).await?;
                } else {
                    items::delete::<SetType>(tx, tenant, id).await?;
                }
                let target = format!("setType/{}", item.name);
                audit::record(tx, &cx.by, "setType.delete", &target, json!({}), cx.now).await?;
                Ok(())
            })
        })
        .await
    }
}

async fn is_set_type_used(tx: &mut Tx<'_>, cx: &Context, id: i64) -> Result<bool, AppError> {
    let all = extras::all::<SetExtra>(tx, cx.by.tenant).await?;
    Ok(all.values().any(|extra| extra.set_type == Some(id)))
}
