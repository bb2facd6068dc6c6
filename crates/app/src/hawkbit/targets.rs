//! Targets: devices as hawkBit's clients know them.
//!
//! A target is found by its device's name or by the alias `hawkbit`. What operators say of it beside is kept as an extra.

use std::collections::BTreeSet;
use std::net::IpAddr;

use roaring::RoaringTreemap;
use windlass_domain::device::{Device, Lifecycle};
use windlass_domain::ids::{DeviceId, DeviceName, ReleaseId};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_query::{Field, Query};
use windlass_store::devices::Alias;
use windlass_store::management::{TargetExtra, TargetTypeExtra, extras};
use windlass_store::{Tx, ddi, devices, releases};

use super::Context;
use super::fields::known;
use super::standing::{Standing, course_of};
use crate::App;
use crate::error::AppError;
use crate::fleet::{DeviceView, Wanted};

/// Protocol of the aliases under which devices are known to hawkBit's clients.
pub const ALIAS: &str = "hawkbit";
/// How many newest updates tell where a target stands.
const HISTORY: u32 = 50;

/// A target with everything that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetView {
    /// Its public name.
    pub controller_id: String,
    /// What it is.
    pub device: DeviceView,
    /// What is known of it beside.
    pub extra: TargetExtra,
    /// Where it stands with what it is to have.
    pub standing: Standing,
    /// What is known of it as a device of hawkBit's own interface.
    pub target: ddi::Target,
    /// What its type is called, where it is called other than the device type.
    pub type_name: Option<String>,
    /// Where it was last heard from, as far as this run of the server knows.
    pub address: Option<IpAddr>,
}

/// Which targets, in which order, from where on.
#[derive(Debug, Clone, Default)]
pub struct TargetQuery {
    /// Which; all if absent. Fields are those of [`super::target_field`].
    pub query: Option<Query>,
    /// Only these, by number.
    pub only: Option<RoaringTreemap>,
    /// Fields, and whether they fall.
    pub order: Vec<(Field, bool)>,
    /// How many to skip.
    pub offset: usize,
    /// How many are wanted.
    pub limit: usize,
}

/// One page of targets.
#[derive(Debug, Clone, Default)]
pub struct TargetPage {
    /// The targets, in order.
    pub items: Vec<TargetView>,
    /// How many there are in all.
    pub total: usize,
}

/// The name that clients know a device by.
pub(super) fn controller_id(name: &DeviceName, aliases: &BTreeSet<Alias>) -> String {
    let alias = aliases.iter().find(|alias| alias.protocol == ALIAS);
    alias.map_or_else(|| name.to_string(), |alias| alias.external_id.clone())
}

/// A target that exists for the caller.
pub(super) async fn find(tx: &mut Tx<'_>, cx: &Context, id: &str) -> Result<Device, AppError> {
    let missing = || AppError::not_found("target", id);
    let by_name = match id.parse::<DeviceName>() {
        Ok(name) => devices::device_by_name(tx, cx.by.tenant, &name).await?,
        Err(_) => None,
    };
    let found = match by_name {
        Some(device) => Some(device),
        None => devices::device_by_alias(tx, cx.by.tenant, ALIAS, id).await?,
    };
    let device = found.filter(|device| device.lifecycle != Lifecycle::Decommissioned).ok_or_else(missing)?;
    crate::devices::visible(&cx.app, tx, &cx.by, &device.name).await.map_err(|error| match error {
        AppError::NotFound { .. } => missing(),
        other => other,
    })
}

/// The release that a target told it runs, if there is such a one.
pub(super) async fn told(
    tx: &mut Tx<'_>,
    cx: &Context,
    target: &ddi::Target,
) -> Result<Option<(ReleaseId, Timestamp)>, AppError> {
    let Some(told) = &target.installed else { return Ok(None) };
    let release = releases::release(tx, cx.by.tenant, &told.name, &told.version).await?;
    Ok(release.map(|release| (release.id, told.at)))
}

/// A target as shown.
pub(super) async fn shown(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: DeviceId,
) -> Result<Option<TargetView>, AppError> {
    let Some(name) = cx.app.fleet.name_of(id) else { return Ok(None) };
    let Some(device) = cx.app.fleet.get(&cx.by, &name, &cx.app, cx.now) else { return Ok(None) };
    let course = course_of(tx, cx.by.tenant, id, HISTORY).await?;
    let seen = device.device.first_seen_at.is_some() || device.last_contact_at.is_some();
    let target = ddi::target(tx, id).await?;
    let told = told(tx, cx, &target).await?;
    let type_name = match device.device.device_type {
        Some(id) => extras::get::<TargetTypeExtra>(tx, cx.by.tenant, id.get()).await?.name,
        None => None,
    };
    Ok(Some(TargetView {
        controller_id: controller_id(&name, &device.aliases),
        extra: extras::get(tx, cx.by.tenant, id.get()).await?,
        standing: course.standing(seen, told),
        target,
        type_name,
        address: cx.app.ddi_contact(id).map(|contact| contact.address),
        device,
    }))
}

impl App {
    /// A page of targets.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_targets(&self, by: &Principal, asked: TargetQuery) -> Result<TargetPage, AppError> {
        self.hawkbit_read(by, Permission::DeviceRead, move |cx, tx| {
            let asked = asked.clone();
            Box::pin(async move {
                let (among, query) = (asked.only.as_ref(), asked.query.as_ref());
                let wanted = Wanted { among, query, order: asked.order.as_slice() };
                let beside = known(tx, &cx, wanted).await?;
                let mut found = cx.app.fleet.select_beside(&cx.by, wanted, &beside, &cx.app, cx.now);
                found.retain(|id| {
                    let entry = cx.app.fleet.entry(*id);
                    entry.is_some_and(|entry| entry.device.lifecycle != Lifecycle::Decommissioned)
                });
                let mut page = TargetPage { items: Vec::new(), total: found.len() };
                for id in found.into_iter().skip(asked.offset).take(asked.limit) {
                    page.items.extend(shown(tx, &cx, id).await?);
                }
                Ok(page)
            })
        })
        .await
    }

    /// The devices that a query in hawkBit's words asks for.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_select(&self, by: &Principal, query: Query) -> Result<Vec<DeviceId>, AppError> {
        self.hawkbit_read(by, Permission::DeviceRead, move |cx, tx| {
            let query = query.clone();
            Box::pin(async move {
                let wanted = Wanted { query: Some(&query), ..Wanted::default() };
                let beside = known(tx, &cx, wanted).await?;
                Ok(cx.app.fleet.select_beside(&cx.by, wanted, &beside, &cx.app, cx.now))
            })
        })
        .await
    }

    /// One target.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_target(&self, by: &Principal, id: &str) -> Result<TargetView, AppError> {
        let id = id.to_owned();
        self.hawkbit_read(by, Permission::DeviceRead, move |cx, tx| {
            let id = id.clone();
            Box::pin(async move {
                let device = find(tx, &cx, &id).await?;
                let view = shown(tx, &cx, device.id).await?;
                view.ok_or_else(|| AppError::not_found("target", id))
            })
        })
        .await
    }
}
