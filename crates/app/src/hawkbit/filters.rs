//! Saved queries. What they assign by themselves is in [`super::auto_assign`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use windlass_domain::ids::ReleaseId;
use windlass_domain::permission::{Permission, Principal, allows};
use windlass_domain::time::Timestamp;
use windlass_query::{Query, Times, parse_kept_rsql, parse_rsql};
use windlass_store::management::Filter;
use windlass_store::management::items::{self, Item};
use windlass_store::{Tx, releases};

use super::auto_assign::wait_again;
use super::fields::{TARGET_FIELDS, target_field};
use super::{Context, called, demand_everywhere, needed, refuse};
use crate::error::AppError;
use crate::{App, audit};

/// Longest query.
pub(super) const QUERY: usize = 1_024;

/// Reads RSQL about targets that somebody wants kept.
pub(super) fn read(text: &str, times: Times) -> Result<Query, AppError> {
    parse_rsql(text, times, &target_field, TARGET_FIELDS)
        .map_err(|problem| AppError::invalid("query", problem))
}

/// Reads RSQL about targets that is kept: it may be older than what [`read`] refuses.
pub(super) fn read_kept(text: &str, times: Times) -> Result<Query, AppError> {
    parse_kept_rsql(text, times, &target_field, TARGET_FIELDS)
        .map_err(|problem| AppError::invalid("query", problem))
}

pub(super) async fn one(tx: &mut Tx<'_>, cx: &Context, id: i64) -> Result<Item<Filter>, AppError> {
    let found = items::get::<Filter>(tx, cx.by.tenant, id).await?;
    found.ok_or_else(|| AppError::not_found("target filter", id))
}

pub(super) fn now_only(now: Timestamp) -> Times {
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
                    let label = releases::release_label(tx, cx.by.tenant, ReleaseId::new(set)).await?;
                    if let Some(label) = label.filter(|label| !label.deleted) {
                        names.insert(set, (label.name, label.version));
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
        let name = called("name", name, &mut problems);
        let query = needed("query", query, QUERY, &mut problems);
        refuse(problems)?;
        read(&query, now_only(self.clock.now()))?;
        self.hawkbit_write(by, Permission::DeviceWrite, move |cx, tx| {
            let (name, query) = (name.clone(), query.clone());
            Box::pin(async move {
                let body = Filter { query, ..Filter::default() };
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

    /// Changes a saved query, which is the whole tenant's: not for whoever sees a part of the fleet only.
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
        let name = name.map(|name| called("name", Some(&name), &mut problems));
        if let Some(query) = &query {
            needed("query", Some(query), QUERY, &mut problems);
        }
        refuse(problems)?;
        if let Some(query) = &query {
            read(query, now_only(self.clock.now()))?;
        }
        let approval = self.settings_of(by.tenant).await?.auto_assignment_approval;
        self.hawkbit_write(by, Permission::DeviceWrite, move |cx, tx| {
            let (name, query) = (name.clone(), query.clone());
            Box::pin(async move {
                let mut item = one(tx, &cx, id).await?;
                demand_everywhere(&cx.by, Permission::DeviceWrite)?;
                if item.body.auto_assign.is_some() {
                    demand_everywhere(&cx.by, Permission::JobCreate)?;
                }
                item.name = name.unwrap_or(item.name);
                let before = item.body.query.clone();
                item.body.query = query.unwrap_or(item.body.query);
                // Nobody agreed to other targets.
                if approval && before != item.body.query {
                    wait_again(&mut item.body, &cx);
                }
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

    /// Forgets a saved query, which is the whole tenant's; what it assigned stays.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_filter_delete(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        self.hawkbit_write(by, Permission::DeviceWrite, move |cx, tx| {
            Box::pin(async move {
                let item = one(tx, &cx, id).await?;
                demand_everywhere(&cx.by, Permission::DeviceWrite)?;
                if item.body.auto_assign.is_some() {
                    demand_everywhere(&cx.by, Permission::JobCreate)?;
                }
                items::delete::<Filter>(tx, cx.by.tenant, id).await?;
                let place = format!("filter/{}", item.name);
                audit::record(tx, &cx.by, "filter.delete", &place, json!({}), cx.now).await?;
                Ok(())
            })
        })
        .await
    }
}
