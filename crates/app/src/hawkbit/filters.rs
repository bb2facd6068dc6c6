//! Saved queries, and sets that they assign by themselves to whatever they find.
//!
//! The reconciler takes no input and is idempotent: a device that ever had an action for the set is not given another.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use windlass_domain::ids::{DeviceId, ReleaseId, TenantId};
use windlass_domain::permission::{Permission, Principal, allows};
use windlass_domain::time::Timestamp;
use windlass_query::{Query, Times, parse_rsql};
use windlass_store::management::actions as steps;
use windlass_store::management::items::{self, Item};
use windlass_store::management::{AutoAssign, Filter};
use windlass_store::{Tx, releases};

use super::assign::{Assignment, Unfit, assignable, lock};
use super::fields::{TARGET_FIELDS, target_field};
use super::fitting::Fitting;
use super::targets::controller_id;
use super::terms::Terms;
use super::{AT_ONCE, Context, NAME, needed, refuse};
use crate::error::{AppError, chain};
use crate::permit::demand;
use crate::{App, audit};

/// How often filters look for targets.
const EVERY: Duration = Duration::from_secs(10);
/// Longest query.
const QUERY: usize = 1_024;

/// What a filter is to assign by itself, as a client wrote it.
#[derive(Debug, Clone, Default)]
pub struct NewAutoAssign {
    /// Number of the set.
    pub set: i64,
    /// How: `forced`, `soft` or `downloadonly`.
    pub action_type: Option<String>,
    /// Which goes first.
    pub weight: Option<i64>,
    /// Whether devices ask first.
    pub confirmation_required: Option<bool>,
}

/// Reads RSQL about targets, for the server's own tasks and for checks.
fn read(text: &str, times: Times) -> Result<Query, AppError> {
    parse_rsql(text, times, &target_field, TARGET_FIELDS)
        .map_err(|problem| AppError::invalid("query", problem))
}

async fn one(tx: &mut Tx<'_>, cx: &Context, id: i64) -> Result<Item<Filter>, AppError> {
    let found = items::get::<Filter>(tx, cx.by.tenant, id).await?;
    found.ok_or_else(|| AppError::not_found("target filter", id))
}

/// A filter assigns to whatever it finds: only for those whose rights end nowhere.
fn may_assign(by: &Principal) -> Result<(), AppError> {
    demand(by, Permission::JobCreate)?;
    if by.scope.is_some() { Err(AppError::Forbidden(Permission::JobCreate.as_str())) } else { Ok(()) }
}

/// Has no filter assign a set any more: it is gone, or invalid.
pub(super) async fn let_go(tx: &mut Tx<'_>, cx: &Context, set: i64) -> Result<(), AppError> {
    for mut item in items::all::<Filter>(tx, cx.by.tenant).await? {
        if item.body.auto_assign.as_ref().is_none_or(|auto| auto.set != set) {
            continue;
        }
        item.body.auto_assign = None;
        items::save(tx, cx.by.tenant, &item, &cx.who(), cx.now).await?;
        let place = format!("filter/{}", item.name);
        let details = json!({"set": null, "gone": set});
        audit::record(tx, &cx.by, "filter.assign", &place, details, cx.now).await?;
    }
    Ok(())
}

/// Who takes a set, and who ever had it; none if it must not be assigned any more.
async fn takers(
    tx: &mut Tx<'_>,
    cx: &Context,
    set: i64,
) -> Result<Option<(Fitting, BTreeSet<DeviceId>)>, AppError> {
    let (release, extra) = match assignable(tx, cx, set).await {
        Ok(found) => found,
        Err(AppError::NotFound { .. } | AppError::Conflict { code: "hawkbit.invalid_set", .. }) => {
            return Ok(None);
        }
        Err(other) => return Err(other),
    };
    let fitting = Fitting::of(tx, cx, &release, &extra).await?;
    Ok(Some((fitting, steps::devices_of_release(tx, cx.by.tenant, release.id).await?)))
}

fn now_only(now: Timestamp) -> Times {
    Times { now, overdue: now }
}

impl App {
    /// Saved queries, by number.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_filters(&self, by: &Principal) -> Result<Vec<Item<Filter>>, AppError> {
        self.hawkbit_read(by, Permission::DeviceRead, |cx, tx| {
            Box::pin(async move { Ok(items::all::<Filter>(tx, cx.by.tenant).await?) })
        })
        .await
    }

    /// One saved query.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_filter(&self, by: &Principal, id: i64) -> Result<Item<Filter>, AppError> {
        self.hawkbit_read(by, Permission::DeviceRead, move |cx, tx| {
            Box::pin(async move { one(tx, &cx, id).await })
        })
        .await
    }

    /// Names and versions of the sets that filters assign, by number; nothing for those who may not see releases.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_assigned_names(
        &self,
        by: &Principal,
        filters: &[Item<Filter>],
    ) -> Result<BTreeMap<i64, (String, String)>, AppError> {
        let sets = filters.iter().filter_map(|item| item.body.auto_assign.as_ref()).map(|auto| auto.set);
        let sets: BTreeSet<i64> = sets.collect();
        if !allows(by, Permission::ReleaseRead) {
            return Ok(BTreeMap::new());
        }
        self.hawkbit_read(by, Permission::DeviceRead, move |cx, tx| {
            let sets = sets.clone();
            Box::pin(async move {
                let mut names = BTreeMap::new();
                for set in sets {
                    if let Some(name) = releases::release_name(tx, cx.by.tenant, ReleaseId::new(set)).await? {
                        names.insert(set, name);
                    }
                }
                Ok(names)
            })
        })
        .await
    }

    /// Saves a query.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, a name that is taken, or that the store failed.
    pub async fn hawkbit_filter_create(
        &self,
        by: &Principal,
        name: Option<&str>,
        query: Option<&str>,
    ) -> Result<Item<Filter>, AppError> {
        let mut problems = Vec::new();
        let name = needed("name", name, NAME, &mut problems);
        let query = needed("query", query, QUERY, &mut problems);
        refuse(problems)?;
        read(&query, now_only(self.clock.now()))?;
        self.hawkbit_write(by, Permission::DeviceWrite, move |cx, tx| {
            let (name, query) = (name.clone(), query.clone());
            Box::pin(async move {
                let body = Filter { query, auto_assign: None };
                let id = items::insert(tx, cx.by.tenant, &name, &body, &cx.who(), cx.now).await?;
                let Some(id) = id else { return Err(AppError::Exists { what: "target filter", name }) };
                let details = json!({"query": body.query});
                audit::record(tx, &cx.by, "filter.create", &format!("filter/{name}"), details, cx.now)
                    .await?;
                one(tx, &cx, id).await
            })
        })
        .await
    }

    /// Changes a saved query.
    ///
    /// # Errors
    /// Forbidden, not found, a field that cannot be taken, a name that is taken, or that the store failed.
    pub async fn hawkbit_filter_change(
        &self,
        by: &Principal,
        id: i64,
        name: Option<String>,
        query: Option<String>,
    ) -> Result<Item<Filter>, AppError> {
        let mut problems = Vec::new();
        if let Some(name) = &name {
            needed("name", Some(name), NAME, &mut problems);
        }
        if let Some(query) = &query {
            needed("query", Some(query), QUERY, &mut problems);
        }
        refuse(problems)?;
        if let Some(query) = &query {
            read(query, now_only(self.clock.now()))?;
        }
        self.hawkbit_write(by, Permission::DeviceWrite, move |cx, tx| {
            let (name, query) = (name.clone(), query.clone());
            Box::pin(async move {
                let mut item = one(tx, &cx, id).await?;
                if item.body.auto_assign.is_some() {
                    may_assign(&cx.by)?;
                }
                item.name = name.unwrap_or(item.name);
                item.body.query = query.unwrap_or(item.body.query);
                if !items::save(tx, cx.by.tenant, &item, &cx.who(), cx.now).await? {
                    return Err(AppError::Exists { what: "target filter", name: item.name });
                }
                let (place, details) = (format!("filter/{}", item.name), json!({"query": item.body.query}));
                audit::record(tx, &cx.by, "filter.change", &place, details, cx.now).await?;
                one(tx, &cx, id).await
            })
        })
        .await
    }

    /// Forgets a saved query; what it assigned stays.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_filter_delete(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        self.hawkbit_write(by, Permission::DeviceWrite, move |cx, tx| {
            Box::pin(async move {
                let item = one(tx, &cx, id).await?;
                if item.body.auto_assign.is_some() {
                    may_assign(&cx.by)?;
                }
                items::delete::<Filter>(tx, cx.by.tenant, id).await?;
                let place = format!("filter/{}", item.name);
                audit::record(tx, &cx.by, "filter.delete", &place, json!({}), cx.now).await?;
                Ok(())
            })
        })
        .await
    }

    /// Has a filter assign a set by itself from now on, or nothing any more.
    ///
    /// # Errors
    /// Forbidden, not found, a set that cannot be assigned, terms that cannot be used, or that the store failed.
    pub async fn hawkbit_filter_assigns(
        &self,
        by: &Principal,
        id: i64,
        new: Option<NewAutoAssign>,
    ) -> Result<Item<Filter>, AppError> {
        may_assign(by)?;
        let item = self
            .hawkbit_write(by, Permission::JobCreate, move |cx, tx| {
                let new = new.clone();
                Box::pin(async move {
                    let mut item = one(tx, &cx, id).await?;
                    item.body.auto_assign = match new {
                        None => None,
                        Some(new) => {
                            let action_type = new.action_type.unwrap_or_else(|| "forced".to_owned());
                            if action_type.eq_ignore_ascii_case("timeforced") {
                                return Err(AppError::Conflict {
                                    code: "hawkbit.auto_assign_type",
                                    detail:
                                        "a filter assigns forced, soft or downloadonly; there is no time \
                                             from which on all that it finds later would be forced"
                                            .to_owned(),
                                });
                            }
                            let (release, _) = assignable(tx, &cx, new.set).await?;
                            lock(tx, &cx, &release).await?;
                            let auto = AutoAssign {
                                set: new.set,
                                action_type,
                                weight: new.weight,
                                confirmation_required: new.confirmation_required.unwrap_or(true),
                                by: cx.who(),
                            };
                            terms(&auto).policy(true, cx.now)?;
                            Some(auto)
                        }
                    };
                    items::save(tx, cx.by.tenant, &item, &cx.who(), cx.now).await?;
                    let details = json!({"set": item.body.auto_assign.as_ref().map(|auto| auto.set)});
                    let place = format!("filter/{}", item.name);
                    audit::record(tx, &cx.by, "filter.assign", &place, details, cx.now).await?;
                    one(tx, &cx, id).await
                })
            })
            .await?;
        self.hawkbit_filters_due.notify_one();
        Ok(item)
    }

    /// Gives what filters assign to targets that never had it. Takes no input; doing it again changes nothing. Returns how
    /// many actions began.
    ///
    /// # Errors
    /// When the store fails; what was done before stays done.
    pub async fn hawkbit_auto_assign(&self) -> Result<usize, AppError> {
        let all: Vec<(TenantId, Item<Filter>)> =
            self.store.read(|tx| Box::pin(items::of_all_tenants::<Filter>(tx))).await?;
        let mut begun = 0;
        for (tenant, item) in all {
            let Some(auto) = &item.body.auto_assign else { continue };
            let by = Principal::system(tenant, &format!("filter {}", item.name));
            match self.hawkbit_assign_found(&by, &item.body.query, auto).await {
                Ok(count) => begun += count,
                Err(AppError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(filter.name = %item.name, error = %chain(&error), "a filter could not assign its set");
                }
            }
        }
        Ok(begun)
    }

    async fn hawkbit_assign_found(
        &self,
        by: &Principal,
        query: &str,
        auto: &AutoAssign,
    ) -> Result<usize, AppError> {
        demand(by, Permission::JobCreate)?;
        let settings = self.settings_of(by.tenant).await?;
        let now = self.clock.now();
        let overdue = now.minus(settings.polling.base.base).minus(settings.overdue);
        let set = auto.set;
        let takers = self
            .hawkbit_read(by, Permission::ReleaseRead, move |cx, tx| {
                Box::pin(async move { takers(tx, &cx, set).await })
            })
            .await?;
        let Some((fitting, had)) = takers else {
            self.hawkbit_write(by, Permission::JobCreate, move |cx, tx| {
                Box::pin(async move { let_go(tx, &cx, set).await })
            })
            .await?;
            return Ok(0);
        };
        let mut found = self.hawkbit_select(by, read(query, Times { now, overdue })?).await?;
        found.retain(|device| !had.contains(device));
        let names = fitting.takers(self, found).into_iter().filter_map(|device| {
            let entry = self.fleet.entry(device)?;
            let may = entry.device.lifecycle.may_connect();
            may.then(|| controller_id(&entry.device.name, &entry.aliases))
        });
        let wanted: Vec<Assignment> =
            names.take(AT_ONCE).map(|target| Assignment { target, set, terms: terms(auto) }).collect();
        if wanted.is_empty() {
            return Ok(0);
        }
        Ok(self.hawkbit_assign_to(by, wanted, false, Unfit::LeaveOut).await?.actions.len())
    }

    /// Looks every few seconds and when told to, until stopped. One node at a time does it.
    pub(crate) async fn hawkbit_keeper(self) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.hawkbit_filters_due.notified() => {}
            }
            if self.leads("filters").await
                && let Err(error) = self.hawkbit_auto_assign().await
            {
                tracing::warn!(error = %chain(&error), "filters could not assign their sets; again in a moment");
            }
        }
    }
}

fn terms(auto: &AutoAssign) -> Terms {
    Terms {
        action_type: Some(auto.action_type.clone()),
        force_time: None,
        weight: auto.weight,
        window: None,
        confirmation_required: Some(auto.confirmation_required),
    }
}
