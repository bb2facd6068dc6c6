//! What fields of targets are called, and the values of those that the fleet index does not hold.

use std::collections::HashMap;

use windlass_domain::ids::{DeviceId, TypeId};
use windlass_query::{Field, Query, Value};
use windlass_store::management::actions::{self as steps, Step};
use windlass_store::management::{TargetExtra, extras};
use windlass_store::{Tx, releases};

use super::Context;
use super::standing::{Standing, has_failed, standing};
use super::targets::controller_id;
use crate::error::AppError;
use crate::fleet::Beside;

/// Steps of a tenant that are read at once.
const PAGE: u32 = 5_000;
/// What fields that the index does not hold begin with.
const OWN: &str = "hawkbit.";

/// What a field of a target is called here, as hawkBit's clients write it.
pub fn target_field(field: &Field) -> Option<Field> {
    let own = |name: &str| Some(Field::new(&format!("{OWN}{name}")));
    match field.split() {
        ("id" | "controllerid", None) => own("controllerid"),
        ("createdat", None) => Some(Field::new("createdAt")),
        ("lastmodifiedat", None) => Some(Field::new("updatedAt")),
        ("lastcontrollerrequestat", None) => Some(Field::new("lastContactAt")),
        ("group", None) => Some(Field::new("group")),
        ("tag", None | Some("name")) => Some(Field::new("tag")),
        ("type" | "targettype", None | Some("key" | "name")) => Some(Field::new("type")),
        ("type" | "targettype", Some("id")) => own("typeid"),
        ("attribute" | "controllerattributes", Some(key)) => Some(Field::new(&format!("inventory.{key}"))),
        ("metadata", Some(key)) => Some(Field::new(&format!("attribute.{key}"))),
        (
            "name" | "description" | "address" | "ipaddress" | "updatestatus" | "createdby"
            | "lastmodifiedby" | "installedat" | "failedrollout" | "requestattributes",
            None,
        )
        | ("assignedds" | "installedds", Some("name" | "version" | "id")) => own(field.as_str()),
        _ => None,
    }
}

/// As [`target_field`], for queries that are kept and asked again where only the fleet index is at hand.
pub(super) fn kept_field(field: &Field) -> Option<Field> {
    match field.as_str() {
        "id" | "controllerid" | "name" => Some(Field::new("name")),
        _ => target_field(field).filter(|field| !field.as_str().starts_with(OWN)),
    }
}

/// The fields there are, for whoever wrote another one.
pub const TARGET_FIELDS: &str = "one of controllerId, name, description, createdAt, createdBy, lastModifiedAt, \
     lastModifiedBy, updateStatus, ipAddress, address, group, assignedDs.name, assignedDs.version, installedDs.name, \
     installedDs.version, tag, type, attribute.<key>, metadata.<key>, lastControllerRequestAt, installedAt, failedRollout";

/// What the index does not know of targets.
#[derive(Default)]
pub(super) struct Known {
    names: HashMap<DeviceId, (String, Option<i64>)>,
    extras: HashMap<i64, TargetExtra>,
    standings: HashMap<DeviceId, Standing>,
    seen: HashMap<DeviceId, bool>,
    releases: HashMap<i64, (String, String)>,
    failed: HashMap<DeviceId, Vec<i64>>,
}

impl Beside for Known {
    fn knows(&self, field: &Field) -> bool {
        field.as_str().starts_with(OWN)
    }

    fn each(&self, device: DeviceId, field: &Field, each: &mut dyn FnMut(Value<'_>)) {
        let Some(name) = field.as_str().strip_prefix(OWN) else { return };
        let extra = self.extras.get(&device.get());
        let named = self.names.get(&device);
        let mut text = |text: Option<&str>| text.into_iter().for_each(|text| each(text.into()));
        let of = |standing: Option<&Standing>, installed: bool| {
            let release = standing.and_then(|at| if installed { at.installed } else { at.assigned })?;
            self.releases.get(&release.get()).map(|(name, version)| (release.get(), name, version))
        };
        let standing = self.standings.get(&device);
        match name {
            "controllerid" => text(named.map(|(name, _)| name.as_str())),
            "name" => {
                text(extra.and_then(|extra| extra.name.as_deref()).or(named.map(|(name, _)| name.as_str())))
            }
            "typeid" => text(named.and_then(|(_, id)| *id).map(|id| id.to_string()).as_deref()),
            "description" => text(extra.and_then(|extra| extra.description.as_deref())),
            "address" => text(extra.and_then(|extra| extra.address.as_deref())),
            "createdby" => text(extra.and_then(|extra| extra.created_by.as_deref())),
            "lastmodifiedby" => text(extra.and_then(|extra| extra.updated_by.as_deref())),
            "requestattributes" => {
                let wanted = extra.and_then(|extra| extra.request_attributes).unwrap_or(false);
                text(Some(if wanted { "true" } else { "false" }));
            }
            "updatestatus" => {
                let seen = self.seen.get(&device).copied().unwrap_or(false);
                text(Some(standing.map_or_else(|| Standing::none(seen), |at| at.clone()).status.as_str()));
            }
            "installedat" => {
                let at = standing.and_then(|at| at.installed_at);
                at.into_iter().for_each(|at| each(Value::Time(at)));
            }
            "assignedds.id" | "installedds.id" => {
                let found = of(standing, name.starts_with('i'));
                text(found.map(|(id, ..)| id.to_string()).as_deref());
            }
            "assignedds.name" | "installedds.name" => {
                text(of(standing, name.starts_with('i')).map(|(_, name, _)| name.as_str()));
            }
            "assignedds.version" | "installedds.version" => {
                text(of(standing, name.starts_with('i')).map(|(_, _, version)| version.as_str()));
            }
            "failedrollout" => {
                for job in self.failed.get(&device).into_iter().flatten() {
                    text(Some(&job.to_string()));
                }
            }
            _ => {}
        }
    }
}

/// Whether a field hangs on what a target was told to do.
fn is_of_updates(field: &Field) -> bool {
    let name = field.as_str().strip_prefix(OWN).unwrap_or_default();
    matches!(name, "updatestatus" | "installedat" | "failedrollout") || name.contains("ds.")
}

/// What the index does not know and a question asks for.
pub(super) async fn known(
    tx: &mut Tx<'_>,
    cx: &Context,
    query: Option<&Query>,
    order: &[(Field, bool)],
) -> Result<Known, AppError> {
    let asks = |which: &dyn Fn(&Field) -> bool| {
        query.is_some_and(|query| query.asks_for(which)) || order.iter().any(|(field, _)| which(field))
    };
    let mut known = Known::default();
    if !asks(&|field| field.as_str().starts_with(OWN)) {
        return Ok(known);
    }
    let tenant = cx.by.tenant;
    for device in cx.app.fleet.select_beside(&cx.by, None, &[], &Known::default(), &cx.app, cx.now) {
        if let Some(entry) = cx.app.fleet.entry(device) {
            let name = controller_id(&entry.device.name, &entry.aliases);
            known.names.insert(device, (name, entry.device.device_type.map(TypeId::get)));
            known.seen.insert(device, entry.device.first_seen_at.is_some());
        }
    }
    if asks(&|field| field.as_str().starts_with(OWN) && !is_of_updates(field)) {
        known.extras = extras::all(tx, tenant).await?;
    }
    if asks(&is_of_updates) {
        learn_updates(tx, cx, &mut known).await?;
    }
    Ok(known)
}

async fn learn_updates(tx: &mut Tx<'_>, cx: &Context, known: &mut Known) -> Result<(), AppError> {
    let (mut by_device, mut after) = (HashMap::<DeviceId, Vec<Step>>::new(), 0);
    loop {
        let page = steps::of_tenant(tx, cx.by.tenant, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.execution.id.get();
        for step in page {
            by_device.entry(step.execution.device).or_default().push(step);
        }
    }
    for (device, steps) in by_device {
        let seen = known.seen.get(&device).copied().unwrap_or(false);
        let failed = steps.iter().filter(|step| has_failed(step.execution.state));
        known.failed.insert(device, failed.map(|step| step.execution.job.get()).collect());
        for step in &steps {
            let id = step.release.get();
            if !known.releases.contains_key(&id)
                && let Some(name) = releases::release_name(tx, step.release).await?
            {
                known.releases.insert(id, name);
            }
        }
        known.standings.insert(device, standing(&steps, seen));
    }
    Ok(())
}
