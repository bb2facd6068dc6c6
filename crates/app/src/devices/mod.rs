//! Devices: registered, described, taken out of service and back, by operators.
//!
//! Every change checks the caller's scope before and after, is audited in its own transaction, and is in the index
//! before it is answered. Knows nothing of credentials but that decommissioning revokes them.

mod bulk;
mod import;
mod input;
mod leave;
mod lifecycle;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::json;
use windlass_domain::device::{Device, Lifecycle};
use windlass_domain::ids::{DeviceName, TenantId};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::devices::{self, Alias, AliasOutcome};
use windlass_store::{Tx, groups, running, types};

use crate::app::App;
use crate::audit;
use crate::error::AppError;
use crate::fleet::{self, DeviceView, Entry, ListRequest, Page, Selection};
use crate::permit::demand;

pub use bulk::BulkResult;
pub(crate) use bulk::{CHUNK, Whose, chunks, digest};
pub use import::{
    Import, ImportAction, ImportOutcome, ImportPreview, ImportProblem, ImportRow, ImportSource, ImportSpec,
};
pub use input::{DevicePatch, DeviceSpec, NewDevice};
pub use leave::{Decommission, LeavePreview, Wipe};
pub use lifecycle::LifecycleChange;

use input::Checked;
pub(crate) use input::{MOST as ATTRIBUTES, alias as check_alias, bytes_problem, value_problem};

/// How audit records and errors name a device.
fn target(name: &DeviceName) -> String {
    format!("device:{name}")
}

/// Refuses a change of a record that somebody else changed first.
fn expect_version(expected: Option<i64>, current: i64) -> Result<(), AppError> {
    match expected {
        Some(expected) if expected != current => Err(AppError::VersionMismatch { current }),
        Some(_) | None => Ok(()),
    }
}

/// The device of that name, if the caller may see it.
pub(crate) async fn visible(
    app: &App,
    tx: &mut Tx<'_>,
    by: &Principal,
    name: &DeviceName,
) -> Result<Device, AppError> {
    let found = devices::device_by_name(tx, by.tenant, name).await?;
    let Some(device) = found else { return Err(AppError::not_found("device", name)) };
    if sees(app, tx, by, &device).await? { Ok(device) } else { Err(AppError::not_found("device", name)) }
}

/// Whether the caller may see a device that is, or is about to be, like this.
async fn sees(app: &App, tx: &mut Tx<'_>, by: &Principal, device: &Device) -> Result<bool, AppError> {
    Ok(by.scope.is_none() || app.fleet.would_see(by, &entry(tx, device.clone()).await?))
}

/// The same, at the version that is expected of it.
async fn expected_one(
    app: &App,
    tx: &mut Tx<'_>,
    by: &Principal,
    name: &DeviceName,
    expected: Option<i64>,
) -> Result<Device, AppError> {
    let device = visible(app, tx, by, name).await?;
    expect_version(expected, device.version)?;
    Ok(device)
}

async fn entry(tx: &mut Tx<'_>, device: Device) -> Result<Entry, AppError> {
    let aliases = devices::device_aliases(tx, device.id).await?;
    let groups = groups::groups_of(tx, device.id).await?;
    let running = running::running(tx, device.id).await?;
    Ok(Entry { device, aliases, groups, running })
}

/// Refuses a change that would take the device out of the caller's scope, or make one outside of it.
async fn stay_in_scope(app: &App, tx: &mut Tx<'_>, by: &Principal, device: &Device) -> Result<(), AppError> {
    if sees(app, tx, by, device).await? {
        return Ok(());
    }
    Err(AppError::Conflict {
        code: "device.outside_scope",
        detail: "your rights end at a fleet query that this device would not match".to_owned(),
    })
}

/// Writes the changed device; whoever was first wins.
pub(crate) async fn save(tx: &mut Tx<'_>, device: &mut Device, now: Timestamp) -> Result<(), AppError> {
    let version = device.version;
    if devices::device_save(tx, device, now).await? {
        Ok(())
    } else {
        let current = devices::device_by_id(tx, device.id).await?.map_or(version, |stored| stored.version);
        Err(AppError::VersionMismatch { current })
    }
}

impl App {
    /// Devices that the caller may see: filtered, ordered, counted, one page at a time.
    ///
    /// # Errors
    /// Forbidden, or invalid with every parameter that cannot be used.
    pub fn device_list(&self, by: &Principal, request: &ListRequest) -> Result<Page, AppError> {
        demand(by, Permission::DeviceRead)?;
        self.fleet.list(by, request, self.limits.page, self, self.clock.now())
    }

    /// One device.
    ///
    /// # Errors
    /// Forbidden, or not found.
    pub fn device_get(&self, by: &Principal, name: &DeviceName) -> Result<DeviceView, AppError> {
        demand(by, Permission::DeviceRead)?;
        self.device_shown(by, name)
    }

    /// The devices that the caller may see and the query asks for, for jobs and bulk acts.
    ///
    /// # Errors
    /// Forbidden, or invalid with the place in the query; `field` names where the query came from.
    pub fn device_select(
        &self,
        by: &Principal,
        field: &str,
        query: Option<&str>,
    ) -> Result<Selection, AppError> {
        demand(by, Permission::DeviceRead)?;
        let query = query.map(|text| fleet::parse_query(field, text)).transpose()?;
        if query.as_ref().is_some_and(|query| query.asks_for(fleet::tells_versions)) {
            demand(by, Permission::ShadowRead)?;
        }
        Ok(self.fleet.select_visible(by, query.as_ref(), self, self.clock.now()))
    }

    fn device_shown(&self, by: &Principal, name: &DeviceName) -> Result<DeviceView, AppError> {
        self.fleet.get(by, name, self, self.clock.now()).ok_or_else(|| AppError::not_found("device", name))
    }

    /// Brings a committed change into the index and shows the device.
    pub(crate) async fn device_settled(
        &self,
        by: &Principal,
        device: &Device,
    ) -> Result<DeviceView, AppError> {
        self.fleet.refresh_devices(&self.store, [device.id]).await?;
        self.device_shown(by, &device.name)
    }

    /// Registers a device.
    ///
    /// # Errors
    /// Forbidden, every field that cannot be taken, the name is taken, outside of the caller's scope, or that the
    /// store failed.
    pub async fn device_create(&self, by: &Principal, new: NewDevice) -> Result<DeviceView, AppError> {
        demand(by, Permission::DeviceWrite)?;
        let NewDevice { name, spec } = new;
        let name = input::name(&name);
        let (name, spec) = input::both(name, input::spec(spec))?;
        let now = self.clock.now();
        let (app, who) = (self.clone(), by.clone());
        let made = self
            .store
            .write(move |tx| {
                let (app, by, name, spec) = (app.clone(), who.clone(), name.clone(), spec.clone());
                Box::pin(async move { create_in(&app, tx, &by, &name, &spec, now).await })
            })
            .await?;
        self.device_settled(by, &made).await
    }

    /// Creates a device under this name, or replaces what operators said of the one that is there. Lifecycle,
    /// inventory, aliases and groups stay. True if it was created. With `expected`, only that version is replaced.
    ///
    /// # Errors
    /// As [`App::device_create`], and a version that is not the expected one.
    pub async fn device_put(
        &self,
        by: &Principal,
        name: &DeviceName,
        spec: DeviceSpec,
        expected: Option<i64>,
    ) -> Result<(DeviceView, bool), AppError> {
        demand(by, Permission::DeviceWrite)?;
        let spec = input::spec(spec).map_err(AppError::Invalid)?;
        let now = self.clock.now();
        let (app, who, name) = (self.clone(), by.clone(), name.clone());
        let (device, created) = self
            .store
            .write(move |tx| {
                let (app, by, name, spec) = (app.clone(), who.clone(), name.clone(), spec.clone());
                Box::pin(async move { put_in(&app, tx, &by, &name, &spec, expected, now).await })
            })
            .await?;
        Ok((self.device_settled(by, &device).await?, created))
    }

    /// Changes what operators say of a device: absent members stay.
    ///
    /// # Errors
    /// As [`App::device_put`]; not found.
    pub async fn device_patch(
        &self,
        by: &Principal,
        name: &DeviceName,
        patch: DevicePatch,
        expected: Option<i64>,
    ) -> Result<DeviceView, AppError> {
        demand(by, Permission::DeviceWrite)?;
        let patch = input::patch(patch).map_err(AppError::Invalid)?;
        let now = self.clock.now();
        let (app, who, name) = (self.clone(), by.clone(), name.clone());
        let device = self
            .store
            .write(move |tx| {
                let (app, by, name, patch) = (app.clone(), who.clone(), name.clone(), patch.clone());
                Box::pin(async move {
                    let mut device = expected_one(&app, tx, &by, &name, expected).await?;
                    let details = patch.details();
                    patch.apply(&app, tx, &by, &mut device).await?;
                    stay_in_scope(&app, tx, &by, &device).await?;
                    save(tx, &mut device, now).await?;
                    audit::record(tx, &by, "device.change", &target(&name), details, now).await?;
                    Ok::<_, AppError>(device)
                })
            })
            .await?;
        self.device_settled(by, &device).await
    }

    /// Removes a device that was never seen. One that was is decommissioned instead, so that its history stays.
    ///
    /// # Errors
    /// Forbidden, not found, or a conflict where the device was seen or has children.
    pub async fn device_delete(
        &self,
        by: &Principal,
        name: &DeviceName,
        expected: Option<i64>,
    ) -> Result<(), AppError> {
        demand(by, Permission::DeviceLifecycle)?;
        let now = self.clock.now();
        let (app, who, name) = (self.clone(), by.clone(), name.clone());
        let id = self
            .store
            .write(move |tx| {
                let (app, by, name) = (app.clone(), who.clone(), name.clone());
                Box::pin(async move {
                    let device = expected_one(&app, tx, &by, &name, expected).await?;
                    if device.lifecycle == Lifecycle::Decommissioned {
                        return Err(AppError::Conflict {
                            code: "device.decommissioned",
                            detail: format!(
                                "device {name} is decommissioned and keeps its name, so that nothing is taken for it; \
                                 add reuseName=true to remove what is left of it and free the name"
                            ),
                        });
                    }
                    if device.first_seen_at.is_some() {
                        return Err(AppError::Conflict {
                            code: "device.seen",
                            detail: format!(
                                "device {name} has been seen and has a history; decommission it instead"
                            ),
                        });
                    }
                    if !devices::device_children(tx, device.id).await?.is_empty() {
                        return Err(AppError::Conflict {
                            code: "device.has_children",
                            detail: format!("other devices hang on {name}; give them another parent first"),
                        });
                    }
                    crate::enrol::revoke_all_in(tx, &by, device.id, "device removed", now).await?;
                    crate::jobs::gone::orphan(tx, device.id, "the device was removed", now).await?;
                    devices::device_delete(tx, device.id).await?;
                    audit::record(tx, &by, "device.delete", &target(&name), json!({}), now).await?;
                    Ok::<_, AppError>(device.id)
                })
            })
            .await?;
        self.fleet.refresh_devices(&self.store, [id]).await?;
        self.hub.close_device(id, crate::hub::CloseReason::NotAuthorized);
        Ok(())
    }

    /// Gives a device another external id.
    ///
    /// # Errors
    /// Forbidden, not found, every field that cannot be taken, or that another device has it.
    pub async fn device_alias_add(
        &self,
        by: &Principal,
        name: &DeviceName,
        alias: Alias,
    ) -> Result<DeviceView, AppError> {
        demand(by, Permission::DeviceWrite)?;
        input::alias(&alias).map_err(AppError::Invalid)?;
        let now = self.clock.now();
        let (app, who, name) = (self.clone(), by.clone(), name.clone());
        let device = self
            .store
            .write(move |tx| {
                let (app, by, name, alias) = (app.clone(), who.clone(), name.clone(), alias.clone());
                Box::pin(async move {
                    let device = visible(&app, tx, &by, &name).await?;
                    match devices::alias_insert(tx, by.tenant, device.id, &alias).await? {
                        AliasOutcome::Unchanged => {}
                        AliasOutcome::Taken => {
                            return Err(AppError::Exists { what: "external id", name: alias.external_id });
                        }
                        AliasOutcome::Added => {
                            stay_in_scope(&app, tx, &by, &device).await?;
                            let details =
                                json!({"protocol": alias.protocol, "externalId": alias.external_id});
                            audit::record(tx, &by, "device.alias.add", &target(&name), details, now).await?;
                        }
                    }
                    Ok(device)
                })
            })
            .await?;
        self.device_settled(by, &device).await
    }

    /// Takes an external id from a device.
    ///
    /// # Errors
    /// Forbidden, or not found.
    pub async fn device_alias_remove(
        &self,
        by: &Principal,
        name: &DeviceName,
        alias: Alias,
    ) -> Result<DeviceView, AppError> {
        demand(by, Permission::DeviceWrite)?;
        let now = self.clock.now();
        let (app, who, name) = (self.clone(), by.clone(), name.clone());
        let device = self
            .store
            .write(move |tx| {
                let (app, by, name, alias) = (app.clone(), who.clone(), name.clone(), alias.clone());
                Box::pin(async move {
                    let device = visible(&app, tx, &by, &name).await?;
                    if !devices::alias_delete(tx, by.tenant, device.id, &alias).await? {
                        return Err(AppError::not_found("external id", alias.external_id));
                    }
                    stay_in_scope(&app, tx, &by, &device).await?;
                    let details = json!({"protocol": alias.protocol, "externalId": alias.external_id});
                    audit::record(tx, &by, "device.alias.remove", &target(&name), details, now).await?;
                    Ok(device)
                })
            })
            .await?;
        self.device_settled(by, &device).await
    }
}

/// A device to be, with the defaults of its type.
async fn new_device(
    app: &App,
    tx: &mut Tx<'_>,
    by: &Principal,
    name: &DeviceName,
    spec: &Checked,
) -> Result<devices::NewDevice, AppError> {
    let mut new = devices::NewDevice::named(by.tenant, name.clone());
    spec.resolve(app, tx, by, None).await?.fill(&mut new);
    if let Some(id) = new.device_type
        && let Some(record) = types::type_by_id(tx, id).await?
    {
        for (key, value) in record.spec.default_attributes {
            new.attributes.entry(key).or_insert(value);
        }
        input::bounded(&new.attributes)?;
    }
    Ok(new)
}

async fn create_in(
    app: &App,
    tx: &mut Tx<'_>,
    by: &Principal,
    name: &DeviceName,
    spec: &Checked,
    now: Timestamp,
) -> Result<Device, AppError> {
    let new = new_device(app, tx, by, name, spec).await?;
    let Some(device) = devices::device_insert(tx, &new, now).await? else {
        return Err(AppError::Exists { what: "device", name: name.to_string() });
    };
    stay_in_scope(app, tx, by, &device).await?;
    audit::record(tx, by, "device.create", &target(name), spec.details(), now).await?;
    Ok(device)
}

/// Registers a device in the caller's transaction, which brings it into the index after the commit.
///
/// # Errors
/// As [`App::device_create`].
pub(crate) async fn create_in_transaction(
    app: &App,
    tx: &mut Tx<'_>,
    by: &Principal,
    name: &DeviceName,
    spec: DeviceSpec,
    now: Timestamp,
) -> Result<Device, AppError> {
    let spec = input::spec(spec).map_err(AppError::Invalid)?;
    create_in(app, tx, by, name, &spec, now).await
}

async fn put_in(
    app: &App,
    tx: &mut Tx<'_>,
    by: &Principal,
    name: &DeviceName,
    spec: &Checked,
    expected: Option<i64>,
    now: Timestamp,
) -> Result<(Device, bool), AppError> {
    let there = devices::device_by_name(tx, by.tenant, name).await?;
    let Some(mut device) = there else {
        if expected.is_some() {
            return Err(AppError::VersionMismatch { current: 0 });
        }
        return Ok((create_in(app, tx, by, name, spec, now).await?, true));
    };
    if !sees(app, tx, by, &device).await? {
        // The name is taken by a device that the caller may not see: as with a create.
        return Err(AppError::Exists { what: "device", name: name.to_string() });
    }
    expect_version(expected, device.version)?;
    spec.resolve(app, tx, by, Some(&device)).await?.replace(&mut device);
    stay_in_scope(app, tx, by, &device).await?;
    save(tx, &mut device, now).await?;
    audit::record(tx, by, "device.replace", &target(name), spec.details(), now).await?;
    Ok((device, false))
}

/// Names of devices as a caller wrote them, resolved to those it may see; every other one is a problem.
pub(crate) fn resolve_names(
    app: &App,
    by: &Principal,
    field: &str,
    names: &BTreeSet<String>,
) -> Result<Vec<windlass_domain::ids::DeviceId>, AppError> {
    let mut problems = Vec::new();
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        let found = name
            .parse::<DeviceName>()
            .ok()
            .and_then(|parsed| app.fleet.id_of(tenant(by), &parsed))
            .filter(|id| app.fleet.is_visible(by, *id));
        match found {
            Some(id) => ids.push(id),
            None => {
                problems.push(crate::error::FieldProblem::new(field, format!("device {name} does not exist")))
            }
        }
    }
    if problems.is_empty() { Ok(ids) } else { Err(AppError::Invalid(problems)) }
}

const fn tenant(by: &Principal) -> TenantId {
    by.tenant
}
