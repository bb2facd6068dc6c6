//! Which types of modules and sets a tenant has. Every tenant starts with those that hawkBit's clients take for granted.

use std::collections::{BTreeMap, BTreeSet};

use windlass_domain::hawkbit::{SettingKey, SettingValue};
use windlass_domain::permission::Principal;
use windlass_domain::software::Component;
use windlass_store::Tx;
use windlass_store::management::items::{self, Item};
use windlass_store::management::{ModuleType, SetExtra, SetType};

use super::Context;
use crate::App;
use crate::error::AppError;

/// Key, name, most of it in a set.
const MODULE_TYPES: [(&str, &str, u32); 3] =
    [("os", "OS", 1), ("application", "Application", u32::MAX >> 1), ("runtime", "Runtime", 1)];
/// Key, name, keys of what a complete one has, keys of what it may have.
const SET_TYPES: [(&str, &str, &[&str], &[&str]); 3] = [
    ("os", "OS only", &["os"], &[]),
    ("os_app", "OS with app(s)", &["os"], &["application", "runtime"]),
    ("app", "App(s) only", &["application"], &["runtime"]),
];

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

/// The type of a set that is made without one: what the tenant set, or that of sets with everything.
pub(crate) fn default_set_type<'t>(
    settings: &BTreeMap<SettingKey, SettingValue>,
    types: &'t [Item<SetType>],
) -> Option<&'t Item<SetType>> {
    let kept = || types.iter().filter(|item| !item.body.deleted);
    let set = settings.get(&SettingKey::DefaultSetType);
    kept()
        .find(|item| set == Some(&SettingValue::Number(item.id)))
        .or_else(|| kept().find(|item| item.name == "os_app"))
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
}
