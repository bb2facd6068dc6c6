//! Groups of targets, which are the static groups of their devices.
//!
//! hawkBit's targets have one group, and devices may be in several: a target is shown in the first of them by path, is found
//! by each, and leaves the one that it is shown in when it is put into another.

use roaring::RoaringTreemap;
use serde_json::json;
use windlass_domain::device::{Device, Lifecycle};
use windlass_domain::ids::{DeviceId, GroupPath};
use windlass_domain::permission::{Permission, Principal};
use windlass_query::Query;
use windlass_store::{Tx, devices, groups};

use super::targets::{TargetPage, TargetQuery, find};
use super::{Context, at_once};
use crate::devices::{CHUNK, digest};
use crate::error::AppError;
use crate::fleet::number;
use crate::permit::demand;
use crate::{App, audit};

/// Which targets change their group.
#[derive(Debug, Clone)]
pub enum Grouped {
    /// Those of these names.
    Named(Vec<String>),
    /// Those that a query finds now.
    Found {
        /// As the client wrote it.
        text: String,
        /// As it is asked. Fields are those of [`super::target_field`].
        query: Query,
    },
}

/// Puts a device into a group, which is made if it is not there, or with an empty path into none; it leaves the one that it
/// was shown in.
pub(super) async fn into_group(
    tx: &mut Tx<'_>,
    cx: &Context,
    device: &Device,
    path: &str,
) -> Result<(), AppError> {
    demand(&cx.by, Permission::GroupWrite)?;
    let mut before = Vec::new();
    for id in groups::groups_of(tx, device.id).await? {
        before.extend(groups::group_by_id(tx, id).await?);
    }
    before.sort_by(|one, two| one.path.cmp(&two.path));
    if let Some(shown) = before.first()
        && shown.path.as_str() != path
    {
        groups::member_delete(tx, shown.id, device.id).await?;
    }
    if path.is_empty() {
        return Ok(());
    }
    let path: GroupPath = path.parse().map_err(|problem| AppError::invalid("group", problem))?;
    let group = match groups::group_by_path(tx, cx.by.tenant, &path).await? {
        Some(group) => group,
        None => {
            let made = groups::group_insert(tx, cx.by.tenant, &path, "", cx.now).await?;
            let target = format!("group:{path}");
            audit::record(tx, &cx.by, "group.create", &target, json!({}), cx.now).await?;
            made.ok_or_else(|| AppError::Exists { what: "group", name: path.to_string() })?
        }
    };
    groups::member_insert(tx, group.id, device.id).await?;
    Ok(())
}

impl App {
    /// Paths of the groups that targets are in which the caller may see.
    ///
    /// # Errors
    /// Forbidden.
    pub fn hawkbit_target_groups(&self, by: &Principal) -> Result<Vec<GroupPath>, AppError> {
        demand(by, Permission::GroupRead)?;
        Ok(self.fleet.groups_in_use(by))
    }

    /// A page of the targets in the group at exactly this path; with `below`, also of those in groups below it. A group that is
    /// not there has none.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_group_members(
        &self,
        by: &Principal,
        path: &GroupPath,
        below: bool,
        mut asked: TargetQuery,
    ) -> Result<TargetPage, AppError> {
        asked.only = Some(self.fleet.in_group(by.tenant, path, below));
        self.hawkbit_targets(by, asked).await
    }

    /// Puts targets into a group, which is made if it is not there, or out of the one that they are shown in. Where one of
    /// the names is nobody's nothing changes, and those names are returned.
    ///
    /// # Errors
    /// Forbidden, too many names, or that the store failed; of those that a query finds, chunks before the failure stay.
    pub async fn hawkbit_group_change(
        &self,
        by: &Principal,
        path: Option<&GroupPath>,
        which: Grouped,
    ) -> Result<Vec<String>, AppError> {
        demand(by, Permission::GroupWrite)?;
        let (text, devices): (_, Vec<DeviceId>) = match which {
            Grouped::Named(names) => {
                at_once(names.len())?;
                let (found, unknown) = self.hawkbit_named(by, Permission::GroupWrite, names).await?;
                if !unknown.is_empty() {
                    return Ok(unknown);
                }
                (None, found.into_iter().map(|device| device.id).collect())
            }
            Grouped::Found { text, query } => (Some(text), self.hawkbit_select(by, query).await?),
        };
        let rows: RoaringTreemap = devices.iter().map(|device| number(*device)).collect();
        let mut record = Some(json!({
            "group": path.map(GroupPath::as_str), "q": text, "matched": devices.len(), "devices": digest(&rows),
        }));
        let path = path.map(ToString::to_string).unwrap_or_default();
        for chunk in devices.chunks(CHUNK).map(<[_]>::to_vec) {
            // The record of the act goes with its first change.
            let (place, record, ids) = (path.clone(), record.take(), chunk.clone());
            self.hawkbit_write(by, Permission::GroupWrite, move |cx, tx| {
                let (path, record, ids) = (place.clone(), record.clone(), ids.clone());
                Box::pin(async move {
                    if let Some(details) = record {
                        let place =
                            if path.is_empty() { "devices".to_owned() } else { format!("group:{path}") };
                        audit::record(tx, &cx.by, "group.members", &place, details, cx.now).await?;
                    }
                    for id in ids {
                        let device = devices::device_by_id(tx, id).await?;
                        let there = |device: &Device| {
                            device.tenant == cx.by.tenant && device.lifecycle != Lifecycle::Decommissioned
                        };
                        if let Some(device) = device.filter(there) {
                            into_group(tx, &cx, &device, &path).await?;
                        }
                    }
                    Ok(())
                })
            })
            .await?;
            self.hawkbit_group_settled(by, &path).await?;
            self.fleet.refresh_devices(&self.store, chunk).await?;
        }
        Ok(Vec::new())
    }

    /// The devices behind names of targets that the caller may see, and the names that are nobody's.
    pub(super) async fn hawkbit_named(
        &self,
        by: &Principal,
        permission: Permission,
        names: Vec<String>,
    ) -> Result<(Vec<Device>, Vec<String>), AppError> {
        self.hawkbit_read(by, permission, move |cx, tx| {
            let names = names.clone();
            Box::pin(async move {
                let (mut found, mut unknown) = (Vec::new(), Vec::new());
                for name in names {
                    match find(tx, &cx, &name).await {
                        Ok(device) => found.push(device),
                        Err(AppError::NotFound { .. }) => unknown.push(name),
                        Err(other) => return Err(other),
                    }
                }
                Ok((found, unknown))
            })
        })
        .await
    }

    /// Brings a group that may be new into the index.
    pub(super) async fn hawkbit_group_settled(&self, by: &Principal, path: &str) -> Result<(), AppError> {
        let Ok(path) = path.parse::<GroupPath>() else { return Ok(()) };
        let tenant = by.tenant;
        let group = self
            .store
            .read(move |tx| {
                let path = path.clone();
                Box::pin(async move { groups::group_by_path(tx, tenant, &path).await })
            })
            .await?;
        if let Some(group) = group {
            self.fleet.refresh_group(&self.store, group.id).await?;
        }
        Ok(())
    }
}
