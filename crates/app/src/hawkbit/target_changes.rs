//! Targets made, changed and removed: devices as hawkBit's clients make them, with what is said of them beside.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use windlass_domain::device::{ATTRIBUTE_BYTES, DataFate, attribute_bytes};
use windlass_domain::hawkbit::SecretText;
use windlass_domain::ids::{DeviceId, DeviceName, GroupPath, TypeId};
use windlass_domain::permission::{Permission, Principal};
use windlass_store::devices::Alias;
use windlass_store::management::{TargetExtra, extras};
use windlass_store::{Tx, devices, types};

use super::target_groups::into_group;
use super::targets::{ALIAS, TargetView, find, shown};
use super::{Context, DESCRIPTION, NAME, at_once, bounded, called, needed, refuse, spelled};
use crate::clock::random;
use crate::ddi::token_put;
use crate::devices::{ATTRIBUTES, Decommission, DevicePatch, DeviceSpec};
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;
use crate::{App, audit};

/// How often a change of metadata is judged again where somebody else changed the device meanwhile.
const TRIES: u32 = 20;

/// A target to make.
#[derive(Debug, Clone, Default)]
pub struct NewTarget {
    /// Its public name.
    pub controller_id: Option<String>,
    /// What it signs in with; one that the server makes where absent.
    pub token: Option<String>,
    /// Everything else.
    pub change: TargetChange,
}

/// What changes of a target; absent members stay.
#[derive(Debug, Clone, Default)]
pub struct TargetChange {
    /// For people.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Where it said that it is.
    pub address: Option<String>,
    /// Which group it is in.
    pub group: Option<String>,
    /// Number of its type; none takes it away.
    pub target_type: Option<Option<i64>>,
    /// Whether its attributes are wanted.
    pub request_attributes: Option<bool>,
}

fn check(change: &TargetChange) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    // Nothing takes the name away.
    if let Some(name) = change.name.as_deref().filter(|name| !name.trim().is_empty()) {
        called("name", Some(name), &mut problems);
    }
    bounded("description", change.description.as_deref(), DESCRIPTION, &mut problems);
    bounded("address", change.address.as_deref(), 512, &mut problems);
    if let Some(Err(problem)) =
        change.group.as_deref().filter(|path| !path.is_empty()).map(str::parse::<GroupPath>)
    {
        problems.push(FieldProblem::new("group", problem));
    }
    problems
}

fn describe(extra: &mut TargetExtra, change: &TargetChange) {
    let TargetChange { name, description, address, group: _, target_type: _, request_attributes } = change;
    let set = |slot: &mut Option<String>, new: &Option<String>| {
        if let Some(text) = new {
            *slot = Some(text.clone()).filter(|text| !text.is_empty());
        }
    };
    set(&mut extra.name, &name.as_deref().map(spelled));
    set(&mut extra.description, description);
    set(&mut extra.address, address);
    extra.request_attributes = request_attributes.or(extra.request_attributes);
}

/// The name of a type of the tenant.
async fn type_name(tx: &mut Tx<'_>, cx: &Context, id: i64) -> Result<String, AppError> {
    let record = types::type_by_id(tx, TypeId::new(id)).await?;
    let record = record.filter(|record| record.tenant == cx.by.tenant);
    record.map(|record| record.name.into_string()).ok_or_else(|| AppError::not_found("target type", id))
}

async fn make(tx: &mut Tx<'_>, cx: &Context, new: &NewTarget) -> Result<DeviceId, AppError> {
    let mut problems = check(&new.change);
    let id = needed("controllerId", new.controller_id.as_deref(), 256, &mut problems);
    if id.chars().any(char::is_whitespace) {
        problems.push(FieldProblem::new("controllerId", "must not have white space"));
    }
    refuse(problems)?;
    let alias = Alias { protocol: ALIAS.to_owned(), external_id: id.clone() };
    if devices::device_by_alias(tx, cx.by.tenant, ALIAS, &id).await?.is_some() {
        return Err(AppError::Exists { what: "target", name: id });
    }
    let (name, foreign) = match id.parse::<DeviceName>() {
        Ok(name) => (name, false),
        Err(_) => (slug(&id)?, true),
    };
    let device_type = match new.change.target_type.flatten() {
        Some(id) => Some(type_name(tx, cx, id).await?),
        None => None,
    };
    let spec = DeviceSpec { device_type, ..DeviceSpec::default() };
    let device = crate::devices::create_in_transaction(&cx.app, tx, &cx.by, &name, spec, cx.now).await;
    let device = device.map_err(|error| match error {
        AppError::Exists { .. } => AppError::Exists { what: "target", name: id.clone() },
        other => other,
    })?;
    if foreign {
        crate::devices::check_alias(&alias).map_err(AppError::Invalid)?;
        devices::alias_insert(tx, cx.by.tenant, device.id, &alias).await?;
    }
    let mut extra = TargetExtra { created_by: Some(cx.who()), ..TargetExtra::default() };
    describe(&mut extra, &new.change);
    if extra.name.is_none() && id.chars().count() > NAME {
        extra.name = Some(id.chars().take(NAME).collect());
    }
    extras::put(tx, cx.by.tenant, device.id.get(), &extra).await?;
    // As upstream: every target has a token. Lesser proof stays good until the device uses it.
    let token = match &new.token {
        Some(text) => {
            demand(&cx.by, Permission::CredentialIssue)?;
            text.parse().map_err(|problem| AppError::invalid("securityToken", problem))?
        }
        None => SecretText::from_random(random(&*cx.app.entropy)),
    };
    token_put(tx, &cx.by, device.id, &device.name, Some((&token, false)), cx.now).await?;
    if let Some(path) = new.change.group.as_deref().filter(|path| !path.is_empty()) {
        into_group(tx, cx, &device, path).await?;
    }
    Ok(device.id)
}

/// A device name for an id that is none.
fn slug(id: &str) -> Result<DeviceName, AppError> {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '.' | '-') { c } else { '_' };
    let digest = windlass_domain::ids::Sha256::of(id.as_bytes()).to_string();
    let start: String = id.chars().map(plain).take(100).collect();
    let text = format!("{start}-{}", digest.get(..12).unwrap_or_default());
    text.parse().map_err(|problem| AppError::invalid("controllerId", problem))
}

impl App {
    /// Makes targets: all of them or none.
    ///
    /// # Errors
    /// Forbidden, every field that cannot be taken, a name that is taken, an unknown type, or that the store failed.
    pub async fn hawkbit_targets_create(
        &self,
        by: &Principal,
        new: Vec<NewTarget>,
    ) -> Result<Vec<TargetView>, AppError> {
        at_once(new.len())?;
        let paths: BTreeSet<String> = new.iter().filter_map(|one| one.change.group.clone()).collect();
        let made: Vec<DeviceId> = self
            .hawkbit_write(by, Permission::DeviceWrite, move |cx, tx| {
                let new = new.clone();
                Box::pin(async move {
                    let mut made = Vec::new();
                    for one in &new {
                        made.push(make(tx, &cx, one).await?);
                    }
                    Ok(made)
                })
            })
            .await?;
        for path in paths {
            self.hawkbit_group_settled(by, &path).await?;
        }
        self.fleet.refresh_devices(&self.store, made.clone()).await?;
        let context = Context { app: self.clone(), by: by.clone(), now: self.clock.now() };
        self.store
            .read(move |tx| {
                let (cx, made) = (context.clone(), made.clone());
                Box::pin(async move {
                    let mut views = Vec::new();
                    for id in made {
                        views.extend(shown(tx, &cx, id).await?);
                    }
                    Ok(views)
                })
            })
            .await
    }

    /// Changes what operators say of a target.
    ///
    /// # Errors
    /// Forbidden, not found, every field that cannot be taken, an unknown type, or that the store failed.
    pub async fn hawkbit_target_change(
        &self,
        by: &Principal,
        id: &str,
        change: TargetChange,
    ) -> Result<TargetView, AppError> {
        refuse(check(&change))?;
        let path = change.group.clone();
        let (name, new_type) = {
            let (id, change) = (id.to_owned(), change.clone());
            self.hawkbit_write(by, Permission::DeviceWrite, move |cx, tx| {
                let (id, change) = (id.clone(), change.clone());
                Box::pin(async move {
                    let device = find(tx, &cx, &id).await?;
                    let new_type = match change.target_type {
                        Some(Some(id)) => Some(Some(type_name(tx, &cx, id).await?)),
                        Some(None) => Some(None),
                        None => None,
                    };
                    let mut extra: TargetExtra = extras::get(tx, cx.by.tenant, device.id.get()).await?;
                    describe(&mut extra, &change);
                    extra.updated_by = Some(cx.who());
                    extras::put(tx, cx.by.tenant, device.id.get(), &extra).await?;
                    if let Some(path) = &change.group {
                        into_group(tx, &cx, &device, path).await?;
                    }
                    let place = format!("device:{}", device.name);
                    let details = json!({"described": true, "group": change.group});
                    audit::record(tx, &cx.by, "device.change", &place, details, cx.now).await?;
                    Ok((device.name, new_type))
                })
            })
            .await?
        };
        if let Some(path) = path {
            self.hawkbit_group_settled(by, &path).await?;
        }
        match new_type {
            None => {
                let device = self.fleet.id_of(by.tenant, &name);
                self.fleet.refresh_devices(&self.store, device).await?;
            }
            Some(device_type) => {
                let patch = DevicePatch { device_type: Some(device_type), ..DevicePatch::default() };
                self.device_patch(by, &name, patch, None).await?;
            }
        }
        self.hawkbit_target(by, id).await
    }

    /// Sets and removes entries of a target's metadata, which are its device's attributes. `is_there`: whether what is set is to
    /// be there already, or must not be.
    ///
    /// # Errors
    /// Forbidden, not found, that an entry is there, every field that cannot be taken, too much metadata, or that the store failed.
    pub async fn hawkbit_target_metadata(
        &self,
        by: &Principal,
        id: &str,
        changes: BTreeMap<String, Option<String>>,
        is_there: bool,
    ) -> Result<(), AppError> {
        let mut tries = 0;
        loop {
            let view = self.hawkbit_target(by, id).await?;
            let device = view.device.device.id;
            match self.target_metadata(by, view, changes.clone(), is_there).await {
                // Somebody changed the device since it was looked at: what is there is judged again.
                Err(AppError::VersionMismatch { .. }) if tries < TRIES => {
                    tries += 1;
                    self.fleet.refresh_devices(&self.store, [device]).await?;
                }
                done => return done,
            }
        }
    }

    async fn target_metadata(
        &self,
        by: &Principal,
        view: TargetView,
        changes: BTreeMap<String, Option<String>>,
        is_there: bool,
    ) -> Result<(), AppError> {
        for (key, value) in &changes {
            let there = view.device.device.attributes.keys().any(|known| known.as_str() == key);
            if !there && (value.is_none() || is_there) {
                return Err(AppError::not_found("metadata", key));
            }
            if there && !is_there {
                return Err(AppError::Exists { what: "metadata", name: key.clone() });
            }
        }
        let new = changes.iter().filter(|(key, value)| {
            value.is_some() && !view.device.device.attributes.keys().any(|known| known.as_str() == *key)
        });
        if view.device.device.attributes.len().saturating_add(new.count()) > ATTRIBUTES {
            let detail = format!("a target has at most {ATTRIBUTES} entries of metadata; remove some first");
            return Err(AppError::Quota { code: "hawkbit.metadata", detail });
        }
        let mut after: BTreeMap<&str, String> =
            view.device.device.attributes.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        for (key, value) in &changes {
            match value {
                Some(value) => drop(after.insert(key, value.clone())),
                None => drop(after.remove(key.as_str())),
            }
        }
        let before = attribute_bytes(&view.device.device.attributes);
        let bytes = attribute_bytes(&after);
        if bytes > ATTRIBUTE_BYTES.max(before) {
            let detail = format!(
                "metadata of a target has at most {ATTRIBUTE_BYTES} bytes together, and would have {bytes}; remove some first"
            );
            return Err(AppError::Quota { code: "hawkbit.metadata", detail });
        }
        let patch = DevicePatch { attributes: changes, ..DevicePatch::default() };
        let seen = Some(view.device.device.version);
        self.device_patch(by, &view.device.device.name, patch, seen).await.map(drop)
    }

    /// Removes a target with everything that was known of it, also where it was seen.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_target_delete(&self, by: &Principal, id: &str) -> Result<(), AppError> {
        demand(by, Permission::DeviceLifecycle)?;
        let device = self.hawkbit_target(by, id).await?.device.device;
        if device.first_seen_at.is_none() {
            self.device_delete(by, &device.name, None).await?;
        } else {
            let request = Decommission { data: DataFate::Erase, wipe: None, confirm: None };
            self.device_decommission(by, &device.name, request, None).await?;
            self.device_free_name(by, &device.name, None).await?;
        }
        let (tenant, number) = (by.tenant, device.id.get());
        self.store
            .write(move |tx| Box::pin(async move { extras::forget::<TargetExtra>(tx, tenant, number).await }))
            .await?;
        Ok(())
    }
}
