//! What saved queries assign by themselves to whatever they find.
//!
//! The reconciler takes no input and is idempotent: a device that ever had an action for the set is not given another. Whom its
//! job would leave out is given nothing yet, and looked at again. What people do to an auto assignment is in [`super::auto_acts`].

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use windlass_domain::ids::{DeviceId, ReleaseId, TenantId};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Release;
use windlass_domain::time::Timestamp;
use windlass_query::Times;
use windlass_store::Tx;
use windlass_store::management::actions as steps;
use windlass_store::management::items::{self, Item};
use windlass_store::management::{AutoAssign, AutoState, Filter, software};

use super::assign::{Assignment, Before, Unfit, assignable, job_of, lock, patience};
use super::filters::{one, read_kept};
use super::fitting::Fitting;
use super::targets::controller_id;
use super::terms::Terms;
use super::{Context, demand_everywhere};
use crate::error::{AppError, chain};
use crate::jobs::NewTargets;
use crate::permit::demand;
use crate::{App, audit};

/// How often filters look for targets.
const EVERY: Duration = Duration::from_secs(10);

/// What a filter is to assign by itself, as a client wrote it.
#[derive(Debug, Clone, Default)]
pub struct NewAutoAssign {
    /// Number of the set.
    pub set: i64,
    /// How: `forced`, `soft` or `downloadonly`.
    pub action_type: Option<String>,
    /// Which goes first.
    pub weight: Option<i64>,
    /// Whether devices ask first; as the settings say where nothing is said.
    pub confirmation_required: Option<bool>,
    /// From when on it begins by itself.
    pub start_at: Option<Timestamp>,
}

/// Whether both ask a second person for the same; the other one may begin later.
fn asks_the_same(waits: &AutoAssign, other: &AutoAssign) -> bool {
    let terms = |auto: &AutoAssign| (auto.set, auto.weight, auto.confirmation_required);
    let begins_no_sooner = match (waits.start_at, other.start_at) {
        (_, None) => true,
        (before, Some(at)) => before.is_some_and(|before| before <= at),
    };
    [waits, other].iter().all(|auto| auto.state == AutoState::WaitingForApproval)
        && terms(waits) == terms(other)
        && waits.action_type.eq_ignore_ascii_case(&other.action_type)
        && begins_no_sooner
}

/// Has a filter assign this, from now on or once a second person agrees. It was asked for again where it is not what waits
/// already.
pub(super) fn put(filter: &mut Filter, auto: AutoAssign) {
    let waits = filter.auto_assign.as_ref().is_some_and(|waits| asks_the_same(waits, &auto));
    if auto.state == AutoState::WaitingForApproval && !waits {
        filter.asked = filter.asked.saturating_add(1);
    }
    filter.auto_assign = Some(auto);
}

/// Has what a filter assigns wait for a second person from here on.
pub(super) fn wait_again(filter: &mut Filter, cx: &Context) {
    let Some(mut auto) = filter.auto_assign.take() else { return };
    auto.asked_by = cx.by.actor.to_string();
    auto.by = cx.who();
    auto.decision = None;
    auto.start_at = match auto.state {
        // What ran goes on by itself once somebody agrees.
        AutoState::Running => Some(cx.now.micros()),
        // What somebody held does not, though its time came long ago.
        AutoState::Paused => None,
        AutoState::WaitingForApproval | AutoState::Denied | AutoState::Ready => auto.start_at,
    };
    auto.state = AutoState::WaitingForApproval;
    put(filter, auto);
}

/// What a filter assigns by itself, as it was read: it holds as long as nobody changes it.
#[derive(Debug, Clone)]
pub(super) struct Source {
    filter: i64,
    query: String,
    assigns: AutoAssign,
}

impl Source {
    pub(super) fn of(item: &Item<Filter>) -> Option<Self> {
        let assigns = item.body.auto_assign.clone().filter(|auto| auto.state == AutoState::Running)?;
        Some(Self { filter: item.id, query: item.body.query.clone(), assigns })
    }

    /// Whether the filter still assigns this.
    pub(super) async fn holds(&self, tx: &mut Tx<'_>, tenant: TenantId) -> Result<bool, AppError> {
        let now = items::get::<Filter>(tx, tenant, self.filter).await?;
        let same =
            |filter: Filter| filter.query == self.query && filter.auto_assign.as_ref() == Some(&self.assigns);
        Ok(now.is_some_and(|item| same(item.body)))
    }
}

/// What a client wrote, if it can be assigned; its set is locked. It is ready, or waits for a second person.
pub(super) async fn judged(
    tx: &mut Tx<'_>,
    cx: &Context,
    new: NewAutoAssign,
    approval: bool,
) -> Result<AutoAssign, AppError> {
    let NewAutoAssign { set, action_type, weight, confirmation_required, start_at } = new;
    let action_type = action_type.unwrap_or_else(|| "forced".to_owned());
    if action_type.eq_ignore_ascii_case("timeforced") {
        let detail = "a filter assigns forced, soft or downloadonly; there is no time from which on all that it finds \
                      later would be forced";
        return Err(AppError::Conflict { code: "hawkbit.auto_assign_type", detail: detail.to_owned() });
    }
    let (release, _) = assignable(tx, cx, set).await?;
    lock(tx, cx, &release).await?;
    let auto = AutoAssign {
        set,
        action_type,
        weight,
        confirmation_required: confirmation_required.unwrap_or_default(),
        by: cx.who(),
        asked_by: cx.by.actor.to_string(),
        state: if approval { AutoState::WaitingForApproval } else { AutoState::Ready },
        start_at: start_at.map(Timestamp::micros),
        decision: None,
        owns_filter: false,
    };
    terms(&auto).policy(true, cx.now)?;
    Ok(auto)
}

/// Has a filter assign nothing any more; one that was made for what it assigns goes. `details`: for the record of it.
pub(super) async fn drop_assignment(
    tx: &mut Tx<'_>,
    cx: &Context,
    item: &mut Item<Filter>,
    details: Value,
) -> Result<(), AppError> {
    let act = if item.body.auto_assign.take().is_some_and(|auto| auto.owns_filter) {
        items::delete::<Filter>(tx, cx.by.tenant, item.id).await?;
        "filter.delete"
    } else {
        items::save(tx, cx.by.tenant, item, &cx.who(), cx.now).await?;
        "filter.assign"
    };
    audit::record(tx, &cx.by, act, &format!("filter/{}", item.name), details, cx.now).await?;
    Ok(())
}

/// Whether devices get a set or are to: a job brought it to some, or a filter assigns it, whatever state that is in. What is
/// in it stays from then on as it was when a second person looked at it.
pub(super) async fn is_given(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<bool, AppError> {
    if software::was_assigned(tx, release).await? {
        return Ok(true);
    }
    let filters = items::all::<Filter>(tx, tenant).await?;
    let assigns = |filter: &Filter| filter.auto_assign.as_ref().is_some_and(|auto| auto.set == release.get());
    Ok(filters.iter().any(|item| assigns(&item.body)))
}

/// Has no filter assign a set any more: it is gone, or invalid.
pub(super) async fn let_go(tx: &mut Tx<'_>, cx: &Context, set: i64) -> Result<(), AppError> {
    for mut item in items::all::<Filter>(tx, cx.by.tenant).await? {
        if item.body.auto_assign.as_ref().is_none_or(|auto| auto.set != set) {
            continue;
        }
        drop_assignment(tx, cx, &mut item, json!({"set": null, "gone": set})).await?;
    }
    Ok(())
}

/// A set, who takes it, and who ever had it; none if it must not be assigned any more.
async fn takers(
    tx: &mut Tx<'_>,
    cx: &Context,
    set: i64,
) -> Result<Option<(Release, Fitting, BTreeSet<DeviceId>)>, AppError> {
    let (release, extra) = match assignable(tx, cx, set).await {
        Ok(found) => found,
        Err(AppError::NotFound { .. } | AppError::Conflict { code: "hawkbit.invalid_set", .. }) => {
            return Ok(None);
        }
        Err(other) => return Err(other),
    };
    let fitting = Fitting::of(tx, cx, &release, &extra).await?;
    let had = steps::devices_of_release(tx, cx.by.tenant, release.id).await?;
    Ok(Some((release, fitting, had)))
}

impl App {
    /// Has a filter assign a set by itself from now on, or nothing any more.
    ///
    /// # Errors
    /// Forbidden, not found, a set that cannot be assigned, terms that cannot be used, or that the store failed.
    pub async fn hawkbit_filter_assigns(
        &self,
        by: &Principal,
        id: i64,
        mut new: Option<NewAutoAssign>,
    ) -> Result<Item<Filter>, AppError> {
        demand_everywhere(by, Permission::JobCreate)?;
        let settings = self.settings_of(by.tenant).await?;
        let approval = settings.auto_assignment_approval;
        if let Some(new) = &mut new {
            new.confirmation_required.get_or_insert(settings.confirmation);
        }
        let item = self
            .hawkbit_write(by, Permission::JobCreate, move |cx, tx| {
                let new = new.clone();
                Box::pin(async move {
                    let mut item = one(tx, &cx, id).await?;
                    let owns_filter = item.body.auto_assign.as_ref().is_some_and(|auto| auto.owns_filter);
                    match new {
                        None => item.body.auto_assign = None,
                        Some(new) => {
                            let mut auto = judged(tx, &cx, new, approval).await?;
                            if auto.state == AutoState::Ready {
                                auto.state = AutoState::Running;
                            } else {
                                auto.start_at = Some(cx.now.micros());
                            }
                            put(&mut item.body, AutoAssign { owns_filter, ..auto });
                        }
                    }
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
        let assigning = all.into_iter().filter(|(_, item)| item.body.auto_assign.is_some());
        let assigning: Vec<(TenantId, i64)> = assigning.map(|(tenant, item)| (tenant, item.id)).collect();
        let mut begun = 0;
        for (tenant, id) in assigning {
            // Those before it take their time, so that it is read when its turn has come.
            let Some((by, item)) = self.hawkbit_auto_turn(tenant, id).await? else { continue };
            match self.hawkbit_assign_found(&by, &item).await {
                Ok(count) => begun += count,
                Err(AppError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(filter.name = %item.name, error = %chain(&error), "a filter could not assign its set");
                }
            }
        }
        Ok(begun)
    }

    /// A filter as it is now and who acts for it, if it assigns something now.
    async fn hawkbit_auto_turn(
        &self,
        tenant: TenantId,
        id: i64,
    ) -> Result<Option<(Principal, Item<Filter>)>, AppError> {
        let found =
            self.store.read(move |tx| Box::pin(async move { items::get::<Filter>(tx, tenant, id).await }));
        let Some(item) = found.await? else { return Ok(None) };
        let by = Principal::system(tenant, &format!("filter {}", item.name));
        let item = match &item.body.auto_assign {
            Some(auto) if auto.state == AutoState::Running => Some(item),
            Some(auto) if begins(auto, self.clock.now()) => self.hawkbit_auto_begin(&by, id).await?,
            Some(_) | None => None,
        };
        Ok(item.map(|item| (by, item)))
    }

    /// Begins what may begin, now that its time has come. None if it may not any more.
    async fn hawkbit_auto_begin(&self, by: &Principal, id: i64) -> Result<Option<Item<Filter>>, AppError> {
        self.hawkbit_write(by, Permission::JobControl, move |cx, tx| {
            Box::pin(async move {
                let Some(mut item) = items::get::<Filter>(tx, cx.by.tenant, id).await? else {
                    return Ok(None);
                };
                let Some(auto) = item.body.auto_assign.as_mut().filter(|auto| begins(auto, cx.now)) else {
                    return Ok(None);
                };
                auto.state = AutoState::Running;
                items::save(tx, cx.by.tenant, &item, &item.updated_by, cx.now).await?;
                let (place, details) = (format!("filter/{}", item.name), json!({"state": "running"}));
                audit::record(tx, &cx.by, "filter.assign", &place, details, cx.now).await?;
                Ok(Some(item))
            })
        })
        .await
    }

    /// Assigns what a filter assigns to some of those that it finds, for as long as it is as it was read.
    async fn hawkbit_assign_found(&self, by: &Principal, item: &Item<Filter>) -> Result<usize, AppError> {
        demand(by, Permission::JobCreate)?;
        let Some(source) = Source::of(item) else { return Ok(0) };
        let settings = self.settings_of(by.tenant).await?;
        let now = self.clock.now();
        let overdue = now.minus(settings.polling.base.base).minus(settings.overdue);
        let set = source.assigns.set;
        let takers = self
            .hawkbit_read(by, Permission::ReleaseRead, move |cx, tx| {
                Box::pin(async move { takers(tx, &cx, set).await })
            })
            .await?;
        let Some((release, fitting, had)) = takers else {
            self.hawkbit_write(by, Permission::JobCreate, move |cx, tx| {
                Box::pin(async move { let_go(tx, &cx, set).await })
            })
            .await?;
            return Ok(0);
        };
        let mut found = self.hawkbit_select(by, read_kept(&source.query, Times { now, overdue })?).await?;
        found.retain(|device| !had.contains(device));
        let mut found = fitting.takers(self, found);
        found.retain(|device| {
            self.fleet.entry(*device).is_some_and(|entry| entry.device.lifecycle.may_connect())
        });
        let terms = terms(&source.assigns);
        let policy = terms.policy(settings.confirmation, now)?;
        let how = (Before::of(&settings), patience(&settings));
        let new = job_of(&release, &policy, how, NewTargets::Devices(Vec::new()));
        let ready = self.hawkbit_ready(by, source.filter, new, found).await?;
        let names = ready.into_iter().filter_map(|device| {
            let entry = self.fleet.entry(device)?;
            Some(controller_id(&entry.device.name, &entry.aliases))
        });
        let wanted: Vec<Assignment> =
            names.map(|target| Assignment { target, set, terms: terms.clone() }).collect();
        if wanted.is_empty() {
            return Ok(0);
        }
        Ok(self.hawkbit_assign_to(by, wanted, false, Unfit::LeaveOut, Some(source)).await?.actions.len())
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

/// Whether it may begin and its time has come.
fn begins(auto: &AutoAssign, now: Timestamp) -> bool {
    auto.state == AutoState::Ready && auto.start_at.is_some_and(|at| Timestamp::from_micros(at) <= now)
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

#[cfg(test)]
#[path = "auto_assign_tests.rs"]
pub(super) mod tests;
