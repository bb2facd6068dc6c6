//! Types of targets: device types, with what hawkBit's clients say of them beside.

use std::collections::BTreeSet;

use serde_json::json;
use windlass_domain::device_type::TypeSpec;
use windlass_domain::ids::{Sha256, TypeId, TypeName};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::spelling::composed;
use windlass_store::management::{TargetTypeExtra, extras};
use windlass_store::types::DeviceTypeRecord;
use windlass_store::{Tx, types};

use super::catalogue::catalogue;
use super::{Context, DESCRIPTION, at_once, bounded, called, refuse};
use crate::error::AppError;
use crate::{App, audit};

/// A type of targets with everything that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetTypeView {
    /// What it is.
    pub record: DeviceTypeRecord,
    /// What is known of it beside.
    pub extra: TargetTypeExtra,
}

/// A type of targets to make or change.
#[derive(Debug, Clone, Default)]
pub struct NewTargetType {
    /// For people.
    pub name: Option<String>,
    /// The name of the device type; made of the other name where absent.
    pub key: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub colour: Option<String>,
    /// Types of sets that fit; none: all.
    pub set_types: BTreeSet<i64>,
}

async fn one(tx: &mut Tx<'_>, cx: &Context, id: i64) -> Result<TargetTypeView, AppError> {
    let record = types::type_by_id(tx, TypeId::new(id)).await?;
    let record = record.filter(|record| record.tenant == cx.by.tenant);
    let record = record.ok_or_else(|| AppError::not_found("target type", id))?;
    Ok(TargetTypeView { extra: extras::get(tx, cx.by.tenant, id).await?, record })
}

/// Checks what is asked for, and spells its name as it is kept.
fn check(new: &mut NewTargetType) -> Result<(), AppError> {
    let mut problems = Vec::new();
    if let Some(name) = &mut new.name {
        *name = called("name", Some(name), &mut problems);
    }
    bounded("description", new.description.as_deref(), DESCRIPTION, &mut problems);
    bounded("colour", new.colour.as_deref(), 16, &mut problems);
    refuse(problems)
}

/// Every type of targets, by number.
async fn all(tx: &mut Tx<'_>, cx: &Context) -> Result<Vec<TargetTypeView>, AppError> {
    let mut known = extras::all::<TargetTypeExtra>(tx, cx.by.tenant).await?;
    let mut take = |record: DeviceTypeRecord| TargetTypeView {
        extra: known.remove(&record.id.get()).unwrap_or_default(),
        record,
    };
    let mut views: Vec<TargetTypeView> =
        types::types(tx, cx.by.tenant).await?.into_iter().map(&mut take).collect();
    views.sort_by_key(|view| view.record.id);
    Ok(views)
}

/// Refuses what another type than this one is called, or would be without a name of its own.
async fn is_free(tx: &mut Tx<'_>, cx: &Context, of: Option<i64>, name: &str) -> Result<(), AppError> {
    let others = all(tx, cx).await?.into_iter().filter(|view| Some(view.record.id.get()) != of);
    let taken = |view: TargetTypeView| match view.extra.name {
        Some(other) => composed(&other) == name,
        None => view.record.name.as_str() == name,
    };
    let mut taken = others.map(taken);
    if taken.any(|taken| taken) {
        return Err(AppError::Exists { what: "target type", name: name.to_owned() });
    }
    Ok(())
}

/// A name for a device type that no other one has, made of one for people.
async fn slug(tx: &mut Tx<'_>, cx: &Context, name: &str) -> Result<String, AppError> {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '.' | '-') { c } else { '-' };
    let slug: String = name.chars().map(plain).collect();
    // None begins as an option of a command does.
    let slug = slug.trim_matches('-');
    let free = match slug.parse::<TypeName>() {
        Ok(key) if name.is_ascii() => types::type_by_name(tx, cx.by.tenant, &key).await?.is_none(),
        Ok(_) | Err(_) => false,
    };
    if free {
        return Ok(slug.to_owned());
    }
    // Other scripts leave little of a name: what it was tells them apart.
    let digest = Sha256::of(name.as_bytes()).to_string();
    let start: String = if slug.is_empty() { "type".to_owned() } else { slug.chars().take(100).collect() };
    Ok(format!("{start}-{}", digest.get(..12).unwrap_or_default()))
}

/// Refuses types of sets that there are not.
async fn are_known(tx: &mut Tx<'_>, cx: &Context, wanted: &BTreeSet<i64>) -> Result<(), AppError> {
    let types = catalogue(tx, cx).await?;
    match wanted.iter().find(|id| types.set(**id).is_none()) {
        Some(id) => Err(AppError::not_found("distribution set type", id)),
        None => Ok(()),
    }
}

/// Keeps what people read of a type of targets.
async fn describe(
    tx: &mut Tx<'_>,
    cx: &Context,
    mut view: TargetTypeView,
    asked: NewTargetType,
) -> Result<TargetTypeView, AppError> {
    let extra = &mut view.extra;
    extra.name = asked.name.or(extra.name.take());
    extra.description = asked.description.or(extra.description.take());
    extra.colour = asked.colour.or(extra.colour.take());
    extra.updated_by = Some(cx.who());
    extras::put(tx, cx.by.tenant, view.record.id.get(), extra).await?;
    let place = format!("type:{}", view.record.name);
    audit::record(tx, &cx.by, "type.describe", &place, json!({}), cx.now).await?;
    Ok(view)
}

/// Makes one type of targets: whether its name is free is seen where it is taken, so that no two get it at once.
async fn make(tx: &mut Tx<'_>, cx: &Context, asked: NewTargetType) -> Result<TargetTypeView, AppError> {
    let name = asked.name.clone().unwrap_or_default();
    are_known(tx, cx, &asked.set_types).await?;
    is_free(tx, cx, None, &name).await?;
    let key = match asked.key.clone() {
        Some(key) => key,
        None => slug(tx, cx, &name).await?,
    };
    let key: TypeName = key.parse().map_err(|problem| AppError::invalid("name", problem))?;
    let made = crate::types::make(tx, &cx.by, &key, &TypeSpec::default(), cx.now).await;
    let record = made.map_err(|error| match error {
        AppError::Exists { name, .. } => AppError::Exists { what: "target type", name },
        other => other,
    })?;
    let set_types = asked.set_types.clone();
    let extra = TargetTypeExtra { created_by: Some(cx.who()), set_types, ..TargetTypeExtra::default() };
    describe(tx, cx, TargetTypeView { record, extra }, asked).await
}

impl App {
    /// Types of targets, by number.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_target_types(&self, by: &Principal) -> Result<Vec<TargetTypeView>, AppError> {
        self.hawkbit_read(by, Permission::TypeRead, |cx, tx| Box::pin(async move { all(tx, &cx).await }))
            .await
    }

    /// Keys and names of the types of targets.
    pub(super) async fn hawkbit_type_names(&self, by: &Principal) -> Result<Vec<(String, String)>, AppError> {
        self.hawkbit_read(by, Permission::DeviceRead, |cx, tx| {
            Box::pin(async move {
                let named = all(tx, &cx).await?.into_iter().map(|TargetTypeView { record, extra }| {
                    let key = record.name.to_string();
                    (key.clone(), extra.name.unwrap_or(key))
                });
                Ok(named.collect())
            })
        })
        .await
    }

    /// One type of targets.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_target_type(&self, by: &Principal, id: i64) -> Result<TargetTypeView, AppError> {
        self.hawkbit_read(by, Permission::TypeRead, move |cx, tx| {
            Box::pin(async move { one(tx, &cx, id).await })
        })
        .await
    }

    /// Makes types of targets, one after the other; those before a refusal stay.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, a name that is taken, an unknown type of sets, or that the store failed.
    pub async fn hawkbit_target_types_create(
        &self,
        by: &Principal,
        mut new: Vec<NewTargetType>,
    ) -> Result<Vec<TargetTypeView>, AppError> {
        at_once(new.len())?;
        for asked in &mut new {
            check(asked)?;
            if asked.name.is_none() {
                return Err(AppError::invalid("name", "is missing"));
            }
        }
        let mut made = Vec::new();
        for asked in new {
            let view = self
                .hawkbit_write(by, Permission::TypeWrite, move |cx, tx| {
                    let asked = asked.clone();
                    Box::pin(async move { make(tx, &cx, asked).await })
                })
                .await?;
            self.fleet.refresh_type(&self.store, view.record.id).await?;
            made.push(view);
        }
        Ok(made)
    }

    /// Changes what people read of a type of targets.
    ///
    /// # Errors
    /// Forbidden, not found, a field that cannot be taken, a name that is taken, or that the store failed.
    pub async fn hawkbit_target_type_change(
        &self,
        by: &Principal,
        id: i64,
        mut asked: NewTargetType,
    ) -> Result<TargetTypeView, AppError> {
        check(&mut asked)?;
        self.hawkbit_write(by, Permission::TypeWrite, move |cx, tx| {
            let asked = asked.clone();
            Box::pin(async move {
                let view = one(tx, &cx, id).await?;
                if let Some(name) = asked.name.as_deref() {
                    is_free(tx, &cx, Some(id), name).await?;
                }
                describe(tx, &cx, view, asked).await
            })
        })
        .await
    }

    /// Deletes a type of targets that no target has.
    ///
    /// # Errors
    /// Forbidden, not found, a conflict while devices have it, or that the store failed.
    pub async fn hawkbit_target_type_delete(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        let name: TypeName = self.hawkbit_target_type(by, id).await?.record.name;
        self.type_delete(by, &name, None).await?;
        let tenant = by.tenant;
        self.store.write(move |tx| Box::pin(extras::forget::<TargetTypeExtra>(tx, tenant, id))).await?;
        Ok(())
    }

    /// Says which types of sets fit a type of targets.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_target_type_fits(
        &self,
        by: &Principal,
        id: i64,
        add: BTreeSet<i64>,
        remove: Option<i64>,
    ) -> Result<(), AppError> {
        self.hawkbit_write(by, Permission::TypeWrite, move |cx, tx| {
            let add = add.clone();
            Box::pin(async move {
                are_known(tx, &cx, &add).await?;
                let mut view = one(tx, &cx, id).await?;
                view.extra.set_types.extend(add);
                if let Some(out) = remove
                    && !view.extra.set_types.remove(&out)
                {
                    return Err(AppError::not_found("distribution set type", out));
                }
                extras::put(tx, cx.by.tenant, id, &view.extra).await?;
                let place = format!("type:{}", view.record.name);
                let details = json!({"setTypes": view.extra.set_types});
                audit::record(tx, &cx.by, "type.describe", &place, details, cx.now).await?;
                Ok(())
            })
        })
        .await
    }
}
