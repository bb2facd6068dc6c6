//! Static groups: a tree of paths, and the devices in them. Who is in `eu/berlin` is in `eu` too.

use std::collections::BTreeSet;

use serde_json::json;
use windlass_domain::ids::{DeviceId, GroupPath};
use windlass_domain::permission::{Permission, Principal};
use windlass_query::parse;
use windlass_store::groups::{self, Group};

use crate::app::App;
use crate::audit;
use crate::devices::{BulkResult, resolve_names};
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;

/// Most bytes of a description.
const DESCRIPTION: usize = 2_000;
/// Most names in one change of members; a query has no such bound.
const NAMES: usize = 1_000;

/// A group as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    /// The group.
    pub group: Group,
    /// Devices that the caller may see in it or below it.
    pub device_count: u64,
}

/// A change of members, as a caller wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Membership {
    /// Names to add.
    pub add: BTreeSet<String>,
    /// Names to remove.
    pub remove: BTreeSet<String>,
    /// Add every device that this query asks for.
    pub add_matching: Option<String>,
}

fn target(path: &GroupPath) -> String {
    format!("group:{path}")
}

fn missing(path: &GroupPath) -> AppError {
    AppError::not_found("group", path)
}

fn check_description(description: &str) -> Result<(), FieldProblem> {
    if description.len() > DESCRIPTION || description.contains('\0') {
        let problem = format!("must be at most {DESCRIPTION} bytes, none of them NUL");
        return Err(FieldProblem::new("description", problem));
    }
    Ok(())
}

impl App {
    fn group_view(&self, by: &Principal, group: Group) -> GroupView {
        let query = parse(&format!("group=='{}'", group.path)).ok();
        let device_count = query.map_or(0, |query| {
            self.fleet.select_visible(by, Some(&query), self, self.clock.now()).devices.len()
        });
        GroupView { group, device_count }
    }

    /// Every group of the tenant, by path.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn group_list(&self, by: &Principal) -> Result<Vec<GroupView>, AppError> {
        demand(by, Permission::GroupRead)?;
        let tenant = by.tenant;
        let all = self.store.read(move |tx| Box::pin(groups::groups(tx, tenant))).await?;
        let mut views: Vec<GroupView> =
            all.into_iter().map(|(group, _)| GroupView { group, device_count: 0 }).collect();
        let counts = self.fleet.count_groups(by);
        for view in &mut views {
            view.device_count = counts.get(&view.group.path).copied().unwrap_or(0);
        }
        Ok(views)
    }

    /// One group.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn group_get(&self, by: &Principal, path: &GroupPath) -> Result<GroupView, AppError> {
        demand(by, Permission::GroupRead)?;
        let (tenant, path) = (by.tenant, path.clone());
        let group: Group = self
            .store
            .read(move |tx| {
                let path = path.clone();
                Box::pin(async move {
                    groups::group_by_path(tx, tenant, &path).await?.ok_or_else(|| missing(&path))
                })
            })
            .await?;
        Ok(self.group_view(by, group))
    }

    /// Makes a group. Its parents in the tree need not exist.
    ///
    /// # Errors
    /// Forbidden, every field that cannot be taken, the path is taken, or that the store failed.
    pub async fn group_create(
        &self,
        by: &Principal,
        path: &str,
        description: &str,
    ) -> Result<GroupView, AppError> {
        demand(by, Permission::GroupWrite)?;
        let mut problems = Vec::new();
        let path = path.parse::<GroupPath>().map_err(|p| problems.push(FieldProblem::new("path", p))).ok();
        problems.extend(check_description(description).err());
        let Some(path) = path.filter(|_| problems.is_empty()) else {
            return Err(AppError::Invalid(problems));
        };
        let (group, created) = self.group_write(by, &path, description).await?;
        if created { Ok(group) } else { Err(AppError::Exists { what: "group", name: path.to_string() }) }
    }

    /// Creates a group or replaces its description. True if it was created.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, or that the store failed.
    pub async fn group_put(
        &self,
        by: &Principal,
        path: &GroupPath,
        description: &str,
    ) -> Result<(GroupView, bool), AppError> {
        demand(by, Permission::GroupWrite)?;
        check_description(description).map_err(|problem| AppError::Invalid(vec![problem]))?;
        let (view, created) = self.group_write(by, path, description).await?;
        if created || view.group.description == description {
            return Ok((view, created));
        }
        let (who, id, path, text, now) =
            (by.clone(), view.group.id, path.clone(), description.to_owned(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, path, text) = (who.clone(), path.clone(), text.clone());
                Box::pin(async move {
                    groups::group_describe(tx, id, &text).await?;
                    audit::record(tx, &by, "group.replace", &target(&path), json!({}), now).await?;
                    Ok::<_, AppError>(())
                })
            })
            .await?;
        let group = Group { description: description.to_owned(), ..view.group };
        Ok((GroupView { group, ..view }, false))
    }

    /// The group at the path, made if it is not there.
    async fn group_write(
        &self,
        by: &Principal,
        path: &GroupPath,
        description: &str,
    ) -> Result<(GroupView, bool), AppError> {
        let (who, path, text, now) = (by.clone(), path.clone(), description.to_owned(), self.clock.now());
        let (group, created) = self
            .store
            .write(move |tx| {
                let (by, path, text) = (who.clone(), path.clone(), text.clone());
                Box::pin(async move {
                    match groups::group_insert(tx, by.tenant, &path, &text, now).await? {
                        Some(group) => {
                            audit::record(tx, &by, "group.create", &target(&path), json!({}), now).await?;
                            Ok((group, true))
                        }
                        None => groups::group_by_path(tx, by.tenant, &path)
                            .await?
                            .map(|group| (group, false))
                            .ok_or_else(|| missing(&path)),
                    }
                })
            })
            .await?;
        self.fleet.refresh_group(&self.store, group.id).await?;
        Ok((self.group_view(by, group), created))
    }

    /// Removes a group. Its devices, and groups below it, stay.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn group_delete(&self, by: &Principal, path: &GroupPath) -> Result<(), AppError> {
        demand(by, Permission::GroupWrite)?;
        let (who, path, now) = (by.clone(), path.clone(), self.clock.now());
        let id = self
            .store
            .write(move |tx| {
                let (by, path) = (who.clone(), path.clone());
                Box::pin(async move {
                    let group =
                        groups::group_by_path(tx, by.tenant, &path).await?.ok_or_else(|| missing(&path))?;
                    groups::group_delete(tx, group.id).await?;
                    audit::record(tx, &by, "group.delete", &target(&path), json!({}), now).await?;
                    Ok::<_, AppError>(group.id)
                })
            })
            .await?;
        self.fleet.refresh_group(&self.store, id).await?;
        Ok(())
    }

    /// Adds and removes members. `matched` counts the devices that were named, `changed` those that were not in
    /// it before, or were.
    ///
    /// # Errors
    /// Forbidden, not found, every field that cannot be taken (names that do not exist among them), or that the
    /// store failed; chunks before the failure stay.
    pub async fn group_change_members(
        &self,
        by: &Principal,
        path: &GroupPath,
        change: &Membership,
    ) -> Result<BulkResult, AppError> {
        demand(by, Permission::GroupWrite)?;
        let group = self.group_get(by, path).await?.group;
        let Membership { add, remove, add_matching } = change;
        let mut problems = Vec::new();
        let mut resolve = |field: &str, names: &BTreeSet<String>| -> Result<Vec<DeviceId>, AppError> {
            if names.len() > NAMES {
                let problem = format!("must be at most {NAMES} names; use addMatching for more");
                problems.push(FieldProblem::new(field, problem));
                return Ok(Vec::new());
            }
            match resolve_names(self, by, field, names) {
                Err(AppError::Invalid(more)) => {
                    problems.extend(more);
                    Ok(Vec::new())
                }
                other => other,
            }
        };
        let (mut added, removed) = (resolve("add", add)?, resolve("remove", remove)?);
        let (mut query, mut digest) = (None, String::new());
        if let Some(text) = add_matching {
            match self.device_select(by, "addMatching", Some(text)) {
                Ok(selection) => {
                    added.extend(crate::devices::chunks(&selection).into_iter().flatten());
                    digest = crate::devices::digest(&selection.devices);
                    query = Some(text.clone());
                }
                Err(AppError::Invalid(more)) => problems.extend(more),
                Err(other) => return Err(other),
            }
        }
        if !problems.is_empty() {
            return Err(AppError::Invalid(problems));
        }
        added.sort_unstable();
        added.dedup();
        let steps: Vec<(DeviceId, bool)> =
            removed.iter().map(|id| (*id, false)).chain(added.iter().map(|id| (*id, true))).collect();
        let mut details = Some(json!({
            "add": added.len(), "remove": removed.len(), "addMatching": query, "devices": digest,
        }));
        let now = self.clock.now();
        let mut changed = 0_u64;
        for chunk in steps.chunks(crate::devices::CHUNK).map(<[_]>::to_vec) {
            // The record of the act goes with its first change.
            let record = details.take();
            let (who, path, id) = (by.clone(), path.clone(), group.id);
            let touched = self
                .store
                .write(move |tx| {
                    let (by, path, chunk, record) =
                        (who.clone(), path.clone(), chunk.clone(), record.clone());
                    Box::pin(async move {
                        if groups::group_by_path(tx, by.tenant, &path).await?.is_none_or(|g| g.id != id) {
                            return Err(missing(&path));
                        }
                        if let Some(details) = record {
                            audit::record(tx, &by, "group.members", &target(&path), details, now).await?;
                        }
                        let mut touched = Vec::new();
                        for (device, add) in chunk {
                            let changed = if add {
                                groups::member_insert(tx, id, device).await?
                            } else {
                                groups::member_delete(tx, id, device).await?
                            };
                            if changed {
                                touched.push(device);
                            }
                        }
                        Ok::<_, AppError>(touched)
                    })
                })
                .await?;
            changed = changed.saturating_add(u64::try_from(touched.len()).unwrap_or(u64::MAX));
            self.fleet.refresh_devices(&self.store, touched).await?;
        }
        let matched = u64::try_from(steps.len()).unwrap_or(u64::MAX);
        Ok(BulkResult { matched, changed })
    }
}
