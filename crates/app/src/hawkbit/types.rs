//! Types of modules and of sets: made, changed and deleted through one door. Knows nothing of what has them.

use serde_json::json;
use windlass_domain::ids::{ComponentType, TenantId};
use windlass_domain::permission::{Permission, Principal};
use windlass_store::Tx;
use windlass_store::management::items::{self, Body, Item};
use windlass_store::management::{ModuleType, SetExtra, SetType, extras, software};

use super::{Context, DESCRIPTION, NAME, at_once, bounded, called, parsed, refuse};
use crate::error::{AppError, FieldProblem};
use crate::{App, audit};

/// A type to make. What a kind of types does not have is ignored.
#[derive(Debug, Clone, Default)]
pub struct NewType {
    /// Its key.
    pub key: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub colour: Option<String>,
    /// Of a type of modules: how many of it a set may have.
    pub max_assignments: Option<u32>,
    /// Of a type of sets: ids of module types.
    pub mandatory: Vec<i64>,
    /// Of a type of sets: ids of module types.
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

/// How a type of sets takes a type of modules from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Complete sets have one.
    Always,
    /// Sets may have one.
    Perhaps,
    /// Not at all.
    Never,
}

/// What people read of a type, and whether it is only kept for what has it.
#[derive(Debug)]
pub struct Described<'t> {
    /// For people.
    pub description: &'t mut Option<String>,
    /// For people.
    pub colour: &'t mut Option<String>,
    /// In use when it was deleted.
    pub deleted: &'t mut bool,
}

/// A kind of types.
pub trait Types: Body + Clone + 'static {
    /// What it is called in refusals.
    const WHAT: &'static str;

    /// One that is to be made; `name` is read already, and `known` are the types of modules. Notes what is wrong with it.
    ///
    /// # Errors
    /// A type of modules that is not there.
    fn read(
        new: &NewType,
        name: String,
        known: &[Item<ModuleType>],
        problems: &mut Vec<FieldProblem>,
    ) -> Result<Self, AppError>;

    /// What people read of it.
    fn described(&mut self) -> Described<'_>;

    /// Whether anything has it.
    fn is_used(
        tx: &mut Tx<'_>,
        tenant: TenantId,
        item: &Item<Self>,
    ) -> impl Future<Output = Result<bool, AppError>> + Send;
}

impl Types for ModuleType {
    const WHAT: &'static str = "software module type";

    fn read(
        new: &NewType,
        name: String,
        _known: &[Item<Self>],
        problems: &mut Vec<FieldProblem>,
    ) -> Result<Self, AppError> {
        if new.max_assignments == Some(0) {
            problems.push(FieldProblem::new("maxAssignments", "must be at least 1"));
        }
        let (description, colour) = (new.description.clone(), new.colour.clone());
        let max_assignments = new.max_assignments.unwrap_or(1);
        Ok(Self { name, description, colour, max_assignments, deleted: false })
    }

    fn described(&mut self) -> Described<'_> {
        let Self { name: _, description, colour, max_assignments: _, deleted } = self;
        Described { description, colour, deleted }
    }

    async fn is_used(tx: &mut Tx<'_>, tenant: TenantId, item: &Item<Self>) -> Result<bool, AppError> {
        let takes = |set: &Item<SetType>| {
            set.body.mandatory.contains(&item.id) || set.body.optional.contains(&item.id)
        };
        Ok(items::all::<SetType>(tx, tenant).await?.iter().any(takes)
            || software::is_type_used(tx, tenant, &item.name).await?)
    }
}

impl Types for SetType {
    const WHAT: &'static str = "distribution set type";

    fn read(
        new: &NewType,
        name: String,
        known: &[Item<ModuleType>],
        _problems: &mut Vec<FieldProblem>,
    ) -> Result<Self, AppError> {
        let (mandatory, optional) = (&new.mandatory, &new.optional);
        are_known(known, mandatory.iter().chain(optional))?;
        Ok(Self {
            name,
            description: new.description.clone(),
            colour: new.colour.clone(),
            mandatory: mandatory.iter().copied().collect(),
            optional: optional.iter().copied().collect(),
            deleted: false,
        })
    }

    fn described(&mut self) -> Described<'_> {
        let Self { name: _, description, colour, mandatory: _, optional: _, deleted } = self;
        Described { description, colour, deleted }
    }

    async fn is_used(tx: &mut Tx<'_>, tenant: TenantId, item: &Item<Self>) -> Result<bool, AppError> {
        let all = extras::all::<SetExtra>(tx, tenant).await?;
        Ok(all.values().any(|extra| extra.set_type == Some(item.id)))
    }
}

/// Refuses the first type of modules that is not there.
fn are_known<'i>(known: &[Item<ModuleType>], mut ids: impl Iterator<Item = &'i i64>) -> Result<(), AppError> {
    match ids.find(|id| !known.iter().any(|item| item.id == **id)) {
        Some(id) => Err(AppError::not_found(ModuleType::WHAT, id)),
        None => Ok(()),
    }
}

fn read<T: Types>(new: &NewType, known: &[Item<ModuleType>]) -> Result<(String, T), AppError> {
    let mut problems = Vec::new();
    let name = called("name", new.name.as_deref(), &mut problems);
    let key = parsed::<ComponentType>("key", new.key.as_deref(), NAME, &mut problems);
    bounded("description", new.description.as_deref(), DESCRIPTION, &mut problems);
    bounded("colour", new.colour.as_deref(), 16, &mut problems);
    let body = T::read(new, name, known, &mut problems)?;
    match key {
        Some(key) if problems.is_empty() => Ok((key.into_string(), body)),
        Some(_) | None => Err(AppError::Invalid(problems)),
    }
}

async fn one<T: Types>(tx: &mut Tx<'_>, cx: &Context, id: i64) -> Result<Item<T>, AppError> {
    let found = items::get::<T>(tx, cx.by.tenant, id).await?;
    found.ok_or_else(|| AppError::not_found(T::WHAT, id))
}

async fn record<T: Types>(tx: &mut Tx<'_>, cx: &Context, what: &str, key: &str) -> Result<(), AppError> {
    let (action, place) = (format!("{}.{what}", T::KIND), format!("{}/{key}", T::KIND));
    Ok(audit::record(tx, &cx.by, &action, &place, json!({}), cx.now).await?)
}

/// Writes a changed type, as of now.
async fn save<T: Types>(tx: &mut Tx<'_>, cx: &Context, item: Item<T>) -> Result<Item<T>, AppError> {
    items::save(tx, cx.by.tenant, &item, &cx.who(), cx.now).await?;
    record::<T>(tx, cx, "change", &item.name).await?;
    Ok(Item { updated_at: cx.now, updated_by: cx.who(), ..item })
}

impl App {
    /// Types of a kind, by number, with those that are kept for what has them.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_types<T: Types>(&self, by: &Principal) -> Result<Vec<Item<T>>, AppError> {
        self.hawkbit_read(by, Permission::ReleaseRead, |cx, tx| {
            Box::pin(async move { Ok(items::all::<T>(tx, cx.by.tenant).await?) })
        })
        .await
    }

    /// One type.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_type<T: Types>(&self, by: &Principal, id: i64) -> Result<Item<T>, AppError> {
        self.hawkbit_read(by, Permission::ReleaseRead, move |cx, tx| {
            Box::pin(async move { one::<T>(tx, &cx, id).await })
        })
        .await
    }

    /// Makes types: all of them or none.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, a key that is taken, an unknown module type, or that the store failed.
    pub async fn hawkbit_types_create<T: Types>(
        &self,
        by: &Principal,
        new: Vec<NewType>,
    ) -> Result<Vec<Item<T>>, AppError> {
        at_once(new.len())?;
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            let new = new.clone();
            Box::pin(async move {
                let known = items::all::<ModuleType>(tx, cx.by.tenant).await?;
                let mut made = Vec::new();
                for asked in &new {
                    let (key, body) = read::<T>(asked, &known)?;
                    let id = items::insert(tx, cx.by.tenant, &key, &body, &cx.who(), cx.now).await?;
                    let Some(id) = id else { return Err(AppError::Exists { what: T::WHAT, name: key }) };
                    record::<T>(tx, &cx, "create", &key).await?;
                    made.push(one::<T>(tx, &cx, id).await?);
                }
                Ok(made)
            })
        })
        .await
    }

    /// Changes what people read of a type.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_type_change<T: Types>(
        &self,
        by: &Principal,
        id: i64,
        change: TypeChange,
    ) -> Result<Item<T>, AppError> {
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            let TypeChange { description, colour } = change.clone();
            Box::pin(async move {
                let mut problems = Vec::new();
                bounded("description", description.as_deref(), DESCRIPTION, &mut problems);
                bounded("colour", colour.as_deref(), 16, &mut problems);
                refuse(problems)?;
                let mut item = one::<T>(tx, &cx, id).await?;
                let told = item.body.described();
                *told.description = description.or(told.description.take());
                *told.colour = colour.or(told.colour.take());
                save(tx, &cx, item).await
            })
        })
        .await
    }

    /// Changes how a type of sets takes a type of modules, while no set has it.
    ///
    /// # Errors
    /// Forbidden, not found, `hawkbit.in_use`, or that the store failed.
    pub async fn hawkbit_set_type_takes(
        &self,
        by: &Principal,
        id: i64,
        module: i64,
        takes: Takes,
    ) -> Result<(), AppError> {
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            Box::pin(async move {
                let mut item = one::<SetType>(tx, &cx, id).await?;
                let SetType { mandatory, optional, .. } = &mut item.body;
                mandatory.remove(&module);
                optional.remove(&module);
                match takes {
                    Takes::Always => mandatory.insert(module),
                    Takes::Perhaps => optional.insert(module),
                    Takes::Never => false,
                };
                let known = items::all::<ModuleType>(tx, cx.by.tenant).await?;
                are_known(&known, mandatory.iter().chain(optional.iter()))?;
                if SetType::is_used(tx, cx.by.tenant, &item).await? {
                    return Err(AppError::Conflict {
                        code: "hawkbit.in_use",
                        detail: format!("sets have type {}; make another type", item.name),
                    });
                }
                save(tx, &cx, item).await?;
                Ok(())
            })
        })
        .await
    }

    /// Deletes a type; one that anything has stays for that.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_type_delete<T: Types>(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            Box::pin(async move {
                let mut item = one::<T>(tx, &cx, id).await?;
                if T::is_used(tx, cx.by.tenant, &item).await? {
                    *item.body.described().deleted = true;
                    items::save(tx, cx.by.tenant, &item, &cx.who(), cx.now).await?;
                } else {
                    items::delete::<T>(tx, cx.by.tenant, id).await?;
                }
                record::<T>(tx, &cx, "delete", &item.name).await
            })
        })
        .await
    }
}
