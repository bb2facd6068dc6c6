//! Tags of targets, which are those of their devices, and tags of sets.

use std::collections::BTreeSet;

use serde_json::json;
use windlass_domain::ids as names;
use windlass_domain::permission::{Permission, Principal};
use windlass_query::{Field, quoted};
use windlass_store::Tx;
use windlass_store::management::items::{self, Body, Item, SetTag, TargetTag};
use windlass_store::management::{SetExtra, Tag, extras};

use super::{Context, DESCRIPTION, NAME, at_once, bounded, demand_everywhere, parsed, sets};
use crate::devices::{DevicePatch, Whose};
use crate::error::AppError;
use crate::{App, audit};

/// A tag to make or change.
#[derive(Debug, Clone, Default)]
pub struct NewTag {
    /// Its name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub colour: Option<String>,
}

/// What becomes of a request that names things that are not there, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// Nothing changes.
    #[default]
    Stops,
    /// What is there is changed.
    IsLeftOut,
}

/// A kind of tags.
pub trait Tags: Body + From<Tag> + Into<Tag> + Clone + 'static {
    /// What it is called in refusals and records.
    const WHAT: &'static str;
    /// Who sees them.
    const READ: Permission;
    /// Who changes them.
    const WRITE: Permission;
}

impl Tags for TargetTag {
    const WHAT: &'static str = "target tag";
    const READ: Permission = Permission::DeviceRead;
    const WRITE: Permission = Permission::DeviceWrite;
}

impl Tags for SetTag {
    const WHAT: &'static str = "distribution set tag";
    const READ: Permission = Permission::ReleaseRead;
    const WRITE: Permission = Permission::ReleaseWrite;
}

fn check(new: &NewTag) -> Result<(String, Tag), AppError> {
    let NewTag { name, description, colour } = new;
    let mut problems = Vec::new();
    let name = parsed::<names::Tag>("name", name.as_deref(), NAME, &mut problems);
    bounded("description", description.as_deref(), DESCRIPTION, &mut problems);
    bounded("colour", colour.as_deref(), 16, &mut problems);
    match name {
        Some(name) if problems.is_empty() => {
            let tag = Tag { description: description.clone(), colour: colour.clone() };
            Ok((name.into_string(), tag))
        }
        Some(_) | None => Err(AppError::Invalid(problems)),
    }
}

async fn one<T: Tags>(tx: &mut Tx<'_>, cx: &Context, id: i64) -> Result<Item<T>, AppError> {
    let found = items::get::<T>(tx, cx.by.tenant, id).await?;
    found.ok_or_else(|| AppError::not_found(T::WHAT, id))
}

fn record_target<T: Tags>(name: &str) -> String {
    format!("{}/{name}", T::KIND)
}

impl App {
    /// Every tag of a kind, by number.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_tags<T: Tags>(&self, by: &Principal) -> Result<Vec<Item<T>>, AppError> {
        self.hawkbit_read(by, T::READ, |cx, tx| {
            Box::pin(async move { Ok(items::all::<T>(tx, cx.by.tenant).await?) })
        })
        .await
    }

    /// One tag.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_tag<T: Tags>(&self, by: &Principal, id: i64) -> Result<Item<T>, AppError> {
        self.hawkbit_read(by, T::READ, move |cx, tx| Box::pin(async move { one::<T>(tx, &cx, id).await }))
            .await
    }

    /// Makes known the tags that devices have and that nobody made here.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_tags_of_devices(&self, by: &Principal) -> Result<(), AppError> {
        let known: BTreeSet<String> =
            self.hawkbit_tags::<TargetTag>(by).await?.into_iter().map(|item| item.name).collect();
        let used = self.fleet.values_of(by, &Field::new("tag"));
        let new: Vec<String> = used.into_iter().filter(|name| !known.contains(name)).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.hawkbit_write(by, Permission::DeviceRead, move |cx, tx| {
            let new = new.clone();
            Box::pin(async move {
                for name in &new {
                    let body = TargetTag::default();
                    items::insert(tx, cx.by.tenant, name, &body, "system", cx.now).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Makes tags: all of them or none.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, a name that is taken, or that the store failed.
    pub async fn hawkbit_tags_create<T: Tags>(
        &self,
        by: &Principal,
        new: Vec<NewTag>,
    ) -> Result<Vec<Item<T>>, AppError> {
        at_once(new.len())?;
        self.hawkbit_write(by, T::WRITE, move |cx, tx| {
            let new = new.clone();
            Box::pin(async move {
                let mut made = Vec::new();
                for asked in &new {
                    let (name, tag) = check(asked)?;
                    let body = T::from(tag);
                    let id = items::insert(tx, cx.by.tenant, &name, &body, &cx.who(), cx.now).await?;
                    let Some(id) = id else { return Err(AppError::Exists { what: T::WHAT, name }) };
                    let (action, place) = (format!("{}.create", T::KIND), record_target::<T>(&name));
                    audit::record(tx, &cx.by, &action, &place, json!({}), cx.now).await?;
                    made.push(one::<T>(tx, &cx, id).await?);
                }
                Ok(made)
            })
        })
        .await
    }

    /// Changes a tag of sets.
    ///
    /// # Errors
    /// Forbidden, not found, a field that cannot be taken, a name that is taken, or that the store failed.
    pub async fn hawkbit_set_tag_change(
        &self,
        by: &Principal,
        id: i64,
        asked: NewTag,
    ) -> Result<Item<SetTag>, AppError> {
        self.hawkbit_tag_change(by, id, asked).await
    }

    /// Changes a tag of targets, which is the whole tenant's: not for whoever sees a part of the fleet only. Under another
    /// name, every device that had the tag has it under the new name.
    ///
    /// # Errors
    /// Forbidden, not found, a field that cannot be taken, a name that is taken, or that the store failed.
    pub async fn hawkbit_target_tag_change(
        &self,
        by: &Principal,
        id: i64,
        asked: NewTag,
    ) -> Result<Item<TargetTag>, AppError> {
        let before = self.hawkbit_tag::<TargetTag>(by, id).await?.name;
        demand_everywhere(by, Permission::DeviceWrite)?;
        let item = self.hawkbit_tag_change::<TargetTag>(by, id, asked).await?;
        if item.name != before {
            let query = format!("tag=={}", quoted(&before));
            let (add, remove) = (BTreeSet::from([item.name.clone()]), BTreeSet::from([before]));
            self.device_tag_those(by, &query, &add, &remove, Whose::Holders).await?;
        }
        Ok(item)
    }

    async fn hawkbit_tag_change<T: Tags>(
        &self,
        by: &Principal,
        id: i64,
        asked: NewTag,
    ) -> Result<Item<T>, AppError> {
        self.hawkbit_write(by, T::WRITE, move |cx, tx| {
            let asked = asked.clone();
            Box::pin(async move {
                let mut item = one::<T>(tx, &cx, id).await?;
                let before = item.name.clone();
                let name = asked.name.clone().unwrap_or_else(|| before.clone());
                let (name, new) = check(&NewTag { name: Some(name), ..asked })?;
                item.name = name;
                let old: Tag = item.body.clone().into();
                item.body = T::from(Tag {
                    description: new.description.or(old.description),
                    colour: new.colour.or(old.colour),
                });
                if !items::save(tx, cx.by.tenant, &item, &cx.who(), cx.now).await? {
                    return Err(AppError::Exists { what: T::WHAT, name: item.name });
                }
                let (action, place) = (format!("{}.change", T::KIND), record_target::<T>(&before));
                audit::record(tx, &cx.by, &action, &place, json!({"name": item.name}), cx.now).await?;
                one::<T>(tx, &cx, id).await
            })
        })
        .await
    }

    async fn hawkbit_tag_forget<T: Tags>(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        self.hawkbit_write(by, T::WRITE, move |cx, tx| {
            Box::pin(async move {
                let item = one::<T>(tx, &cx, id).await?;
                items::delete::<T>(tx, cx.by.tenant, id).await?;
                for (set, mut extra) in extras::all::<SetExtra>(tx, cx.by.tenant).await? {
                    if T::KIND == SetTag::KIND && extra.tags.remove(&id) {
                        extras::put(tx, cx.by.tenant, set, &extra).await?;
                    }
                }
                let (action, place) = (format!("{}.delete", T::KIND), record_target::<T>(&item.name));
                audit::record(tx, &cx.by, &action, &place, json!({}), cx.now).await?;
                Ok(())
            })
        })
        .await
    }

    /// Deletes a tag of targets, and takes it from every device that has it: not for whoever sees a part of the fleet only.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_target_tag_delete(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        let name = self.hawkbit_tag::<TargetTag>(by, id).await?.name;
        demand_everywhere(by, Permission::DeviceWrite)?;
        let query = format!("tag=={}", quoted(&name));
        self.device_tag_all(by, &query, &BTreeSet::new(), &BTreeSet::from([name])).await?;
        self.hawkbit_tag_forget::<TargetTag>(by, id).await
    }

    /// Deletes a tag of sets, and takes it from every set that has it.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_set_tag_delete(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        self.hawkbit_tag_forget::<SetTag>(by, id).await
    }

    /// Gives targets a tag, or takes it from them. Returns the names of those that are not there.
    ///
    /// # Errors
    /// Forbidden, no such tag, a device that is full of tags, or that the store failed.
    pub async fn hawkbit_tag_targets(
        &self,
        by: &Principal,
        id: i64,
        targets: Vec<String>,
        give: bool,
        missing: Missing,
    ) -> Result<Vec<String>, AppError> {
        at_once(targets.len())?;
        let tag = self.hawkbit_tag::<TargetTag>(by, id).await?.name;
        let (devices, unknown) = self.hawkbit_named(by, Permission::DeviceWrite, targets).await?;
        if missing == Missing::Stops && !unknown.is_empty() {
            return Ok(unknown);
        }
        for device in devices {
            let tags = BTreeSet::from([tag.clone()]);
            let patch = if give {
                DevicePatch { add_tags: tags, ..DevicePatch::default() }
            } else {
                DevicePatch { remove_tags: tags, ..DevicePatch::default() }
            };
            self.device_patch(by, &device.name, patch, None).await?;
        }
        Ok(unknown)
    }

    /// Gives sets a tag, or takes it from them. Returns the numbers of those that are not there.
    ///
    /// # Errors
    /// Forbidden, no such tag, or that the store failed.
    pub async fn hawkbit_tag_sets(
        &self,
        by: &Principal,
        id: i64,
        ids: Vec<i64>,
        give: bool,
        missing: Missing,
    ) -> Result<Vec<i64>, AppError> {
        at_once(ids.len())?;
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            let ids = ids.clone();
            Box::pin(async move {
                one::<SetTag>(tx, &cx, id).await?;
                let (mut found, mut unknown) = (Vec::new(), Vec::new());
                for set in ids {
                    match sets::set(tx, &cx, set).await {
                        Ok(there) => found.push(there),
                        Err(AppError::NotFound { .. }) => unknown.push(set),
                        Err(other) => return Err(other),
                    }
                }
                if missing == Missing::Stops && !unknown.is_empty() {
                    return Ok(unknown);
                }
                for (release, mut extra) in found {
                    let changed = if give { extra.tags.insert(id) } else { extra.tags.remove(&id) };
                    if changed {
                        sets::save(tx, &cx, release.id, &mut extra).await?;
                        let (place, details) = (sets::target(&release), json!({"tags": extra.tags}));
                        audit::record(tx, &cx.by, "release.change", &place, details, cx.now).await?;
                    }
                }
                Ok(unknown)
            })
        })
        .await
    }
}
