//! Auto assignments as things of their own: each is a saved query that assigns a set, under the query's number. Made,
//! started, held, decided about and taken away again.

use std::collections::BTreeMap;

use serde_json::json;
use windlass_domain::permission::{Permission, Principal, allows};
use windlass_store::Tx;
use windlass_store::management::items::{self, Item};
use windlass_store::management::{AutoAssign, AutoDecision, AutoState, Filter};

use super::auto_assign::{NewAutoAssign, drop_assignment, judged, put};
use super::filters::{QUERY, now_only, one, read};
use super::{Context, DESCRIPTION, bounded, called, demand_everywhere, needed, refuse};
use crate::error::AppError;
use crate::jobs::{Approval, Decider};
use crate::permit::demand;
use crate::{App, audit};

/// An auto assignment to make.
#[derive(Debug, Clone, Default)]
pub struct NewAutoAssignment {
    /// Its name, which that of its query is.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// RSQL.
    pub query: Option<String>,
    /// Number of a saved query in place of a name and a query.
    pub filter: Option<i64>,
    /// What it assigns.
    pub assigns: NewAutoAssign,
}

/// What an operator does to an auto assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutoAct {
    /// Begin.
    Start,
    /// Hold it.
    Pause,
    /// Go on.
    Resume,
    /// A second person agrees, or does not.
    Decide {
        /// Whether it may begin.
        approved: bool,
        /// Why.
        remark: String,
        /// What was looked at.
        seen: Option<Seen>,
    },
}

/// How whoever decides says what was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// By when it had last changed, in milliseconds since 1970.
    ChangedAt(i64),
    /// By its version, which is that time in microseconds.
    Version(i64),
}

impl AutoAct {
    const fn permission(&self) -> Permission {
        match self {
            Self::Start | Self::Pause | Self::Resume => Permission::JobControl,
            Self::Decide { .. } => Permission::JobApprove,
        }
    }

    /// Where it stands afterwards; none where it cannot be done as it stands.
    const fn leads(&self, from: AutoState) -> Option<AutoState> {
        match (from, self) {
            (AutoState::Ready, Self::Start) | (AutoState::Paused, Self::Resume) => Some(AutoState::Running),
            (AutoState::Running, Self::Pause) => Some(AutoState::Paused),
            (AutoState::WaitingForApproval, Self::Decide { approved: true, .. }) => Some(AutoState::Ready),
            (AutoState::WaitingForApproval, Self::Decide { approved: false, .. }) => Some(AutoState::Denied),
            _ => None,
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Start => "started",
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Decide { approved: true, .. } => "approved",
            Self::Decide { approved: false, .. } => "denied",
        }
    }
}

/// How far an auto assignment is, as clients read it.
pub const fn auto_word(state: AutoState) -> &'static str {
    match state {
        AutoState::WaitingForApproval => "waiting_for_approval",
        AutoState::Denied => "approval_denied",
        AutoState::Ready => "ready",
        AutoState::Running => "running",
        AutoState::Paused => "paused",
    }
}

fn illegal(detail: String) -> AppError {
    AppError::Conflict { code: "hawkbit.auto_assign_state", detail }
}

/// A saved query that assigns something.
async fn assigning(tx: &mut Tx<'_>, cx: &Context, id: i64) -> Result<(Item<Filter>, AutoAssign), AppError> {
    let item = items::get::<Filter>(tx, cx.by.tenant, id).await?;
    let found = item.and_then(|item| item.body.auto_assign.clone().map(|auto| (item, auto)));
    found.ok_or_else(|| AppError::not_found("auto assignment", id))
}

/// Whoever decides must be somebody else than whoever asked, for all that is known. Where nobody can tell who asked, nobody
/// can approve it; to deny it does no harm.
fn somebody_else(id: i64, decider: Decider, approves: bool) -> Result<(), AppError> {
    Err(illegal(match decider {
        Decider::Another => return Ok(()),
        Decider::OfUnknown if !approves => return Ok(()),
        Decider::Maker => format!(
            "auto assignment {id} was asked for by you: another user with the permission {} must approve or deny it. Where \
             there is no other, switch auto.assignment.approval.enabled off, delete it and make it again",
            Permission::JobApprove.as_str(),
        ),
        Decider::Unknown => format!(
            "nobody can tell whether you asked for auto assignment {id}, for a token that stands behind yours is gone or \
             yours was made by too many others in a row; let somebody who signed in decide"
        ),
        Decider::OfUnknown => format!(
            "nobody can tell who asked for auto assignment {id}, for a token that stands behind it is gone or was made by \
             too many others in a row, so nobody can approve it; deny it, delete it and make it again"
        ),
    }))
}

/// What is approved is what was looked at. Whoever does not say what that was can have looked at one thing only, unless it
/// was asked for again meanwhile.
fn looked_at(item: &Item<Filter>, seen: Option<Seen>) -> Result<(), AppError> {
    let (changed, version) = (item.updated_at.millis(), item.updated_at.micros());
    let again = match seen {
        None if item.body.asked <= 1 => return Ok(()),
        Some(Seen::ChangedAt(seen)) if seen == changed => return Ok(()),
        Some(Seen::Version(seen)) if seen == version => return Ok(()),
        Some(Seen::Version(_)) => return Err(AppError::VersionMismatch { current: version }),
        Some(Seen::ChangedAt(_)) => "was changed since it was looked at",
        None => "was asked for again since it could first be looked at",
    };
    Err(illegal(format!(
        "auto assignment {} {again}; look at it again, and approve it as it is now with lastModifiedAt={changed}, or over \
         REST v1 with If-Match: \"{version}\"",
        item.id
    )))
}

/// Keeps what was done to it; of a decision also about what it was, and why.
async fn noted(tx: &mut Tx<'_>, cx: &Context, item: &Item<Filter>, act: &AutoAct) -> Result<(), AppError> {
    let auto = item.body.auto_assign.as_ref();
    let (set, state) = (auto.map(|auto| auto.set), auto.map(|auto| auto_word(auto.state)));
    let details = match act {
        AutoAct::Start | AutoAct::Pause | AutoAct::Resume => json!({"set": set, "state": state}),
        AutoAct::Decide { approved: _, remark, seen: _ } => {
            json!({"set": set, "state": state, "query": item.body.query, "remark": remark})
        }
    };
    audit::record(tx, &cx.by, "filter.assign", &format!("filter/{}", item.name), details, cx.now).await?;
    Ok(())
}

impl App {
    /// One auto assignment.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_auto_assignment(&self, by: &Principal, id: i64) -> Result<Item<Filter>, AppError> {
        self.hawkbit_read(by, Permission::DeviceRead, move |cx, tx| {
            Box::pin(async move { Ok(assigning(tx, &cx, id).await?.0) })
        })
        .await
    }

    /// What the caller may say to those of some auto assignments that wait for a second person, by number.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_auto_approvals(
        &self,
        by: &Principal,
        filters: &[Item<Filter>],
    ) -> Result<BTreeMap<i64, Approval>, AppError> {
        let waiting = filters.iter().filter_map(|item| {
            let auto = item.body.auto_assign.as_ref()?;
            (auto.state == AutoState::WaitingForApproval).then(|| (item.id, auto.asked_by.clone()))
        });
        let waiting: Vec<(i64, String)> = waiting.collect();
        if waiting.is_empty() {
            return Ok(BTreeMap::new());
        }
        let (is_allowed, is_scoped) = (allows(by, Permission::JobApprove), by.scope.is_some());
        self.hawkbit_read(by, Permission::DeviceRead, move |cx, tx| {
            let waiting = waiting.clone();
            Box::pin(async move {
                let decides = cx.by.actor.to_string();
                let mut approvals = BTreeMap::new();
                for (id, asked_by) in waiting {
                    let maker: &str = if asked_by.is_empty() { "whoever asked" } else { &asked_by };
                    let approval = if !is_allowed {
                        Approval::of_role(maker)
                    } else if is_scoped {
                        Approval::of_scope(maker)
                    } else {
                        let decider = Decider::of(tx, cx.by.tenant, &decides, &asked_by).await?;
                        Approval::of(decider, |approves| somebody_else(id, decider, approves))
                    };
                    approvals.insert(id, approval);
                }
                Ok(approvals)
            })
        })
        .await
    }

    /// Makes an auto assignment, with a saved query of its own or over one that there is.
    ///
    /// # Errors
    /// Forbidden, every field that cannot be taken, no such query, a name that is taken, a query that assigns already, a set
    /// that cannot be assigned, or that the store failed.
    pub async fn hawkbit_auto_create(
        &self,
        by: &Principal,
        new: NewAutoAssignment,
    ) -> Result<Item<Filter>, AppError> {
        demand_everywhere(by, Permission::JobCreate)?;
        demand(by, Permission::DeviceWrite)?;
        let NewAutoAssignment { name, description, query, filter, mut assigns } = new;
        let mut problems = Vec::new();
        bounded("description", description.as_deref(), DESCRIPTION, &mut problems);
        let own = if filter.is_some() {
            None
        } else {
            let name = called("name", name.as_deref(), &mut problems);
            let query = needed("targetFilterQuery", query.as_deref(), QUERY, &mut problems);
            Some((name, query))
        };
        refuse(problems)?;
        if let Some((_, query)) = &own {
            read(query, now_only(self.clock.now()))?;
        }
        let settings = self.settings_of(by.tenant).await?;
        let approval = settings.auto_assignment_approval;
        assigns.confirmation_required.get_or_insert(settings.confirmation);
        let item = self.hawkbit_write(by, Permission::JobCreate, move |cx, tx| {
            let (own, description, assigns) = (own.clone(), description.clone(), assigns.clone());
            Box::pin(async move {
                let mut item = match (filter, own) {
                    (_, Some((name, query))) => {
                        let body = Filter { query, ..Filter::default() };
                        let id = items::insert(tx, cx.by.tenant, &name, &body, &cx.who(), cx.now).await?;
                        let Some(id) = id else {
                            return Err(AppError::Exists { what: "auto assignment", name });
                        };
                        let (place, details) = (format!("filter/{name}"), json!({"query": body.query}));
                        audit::record(tx, &cx.by, "filter.create", &place, details, cx.now).await?;
                        one(tx, &cx, id).await?
                    }
                    (filter, None) => one(tx, &cx, filter.unwrap_or_default()).await?,
                };
                if item.body.auto_assign.is_some() {
                    return Err(AppError::Exists { what: "auto assignment", name: item.name });
                }
                let auto = judged(tx, &cx, assigns, approval).await?;
                let details = json!({"set": auto.set, "state": auto_word(auto.state)});
                put(&mut item.body, AutoAssign { owns_filter: filter.is_none(), ..auto });
                item.body.description = description.or(item.body.description);
                items::save(tx, cx.by.tenant, &item, &cx.who(), cx.now).await?;
                let place = format!("filter/{}", item.name);
                audit::record(tx, &cx.by, "filter.assign", &place, details, cx.now).await?;
                one(tx, &cx, item.id).await
            })
        });
        let item = item.await?;
        self.hawkbit_filters_due.notify_one();
        Ok(item)
    }

    /// Changes what people read of an auto assignment.
    ///
    /// # Errors
    /// Forbidden, not found, a field that cannot be taken, a name that is taken, or that the store failed.
    pub async fn hawkbit_auto_describe(
        &self,
        by: &Principal,
        id: i64,
        name: Option<String>,
        description: Option<String>,
    ) -> Result<Item<Filter>, AppError> {
        demand_everywhere(by, Permission::JobCreate)?;
        let mut problems = Vec::new();
        let name = name.map(|name| called("name", Some(&name), &mut problems));
        bounded("description", description.as_deref(), DESCRIPTION, &mut problems);
        refuse(problems)?;
        self.hawkbit_write(by, Permission::DeviceWrite, move |cx, tx| {
            let (name, description) = (name.clone(), description.clone());
            Box::pin(async move {
                let (mut item, _) = assigning(tx, &cx, id).await?;
                let before = item.name.clone();
                item.name = name.unwrap_or(item.name);
                item.body.description = description.or(item.body.description);
                if !items::save(tx, cx.by.tenant, &item, &cx.who(), cx.now).await? {
                    return Err(AppError::Exists { what: "auto assignment", name: item.name });
                }
                let (place, details) = (format!("filter/{before}"), json!({"name": item.name}));
                audit::record(tx, &cx.by, "filter.change", &place, details, cx.now).await?;
                one(tx, &cx, id).await
            })
        })
        .await
    }

    /// Does something to an auto assignment.
    ///
    /// # Errors
    /// Forbidden, not found, `hawkbit.auto_assign_state` where it does not stand that way, whoever decides made it or it was
    /// changed since it was looked at, `VersionMismatch` for that where its version was said, a remark that is too long, or
    /// that the store failed.
    pub async fn hawkbit_auto_act(&self, by: &Principal, id: i64, act: AutoAct) -> Result<(), AppError> {
        let permission = act.permission();
        demand_everywhere(by, permission)?;
        if let AutoAct::Decide { remark, .. } = &act {
            let mut problems = Vec::new();
            bounded("remark", Some(remark), DESCRIPTION, &mut problems);
            refuse(problems)?;
        }
        self.hawkbit_write(by, permission, move |cx, tx| {
            let act = act.clone();
            Box::pin(async move {
                let (mut item, mut auto) = assigning(tx, &cx, id).await?;
                let Some(next) = act.leads(auto.state) else {
                    let (at, act) = (auto_word(auto.state), act.word());
                    return Err(illegal(format!("auto assignment {id} is {at}; it cannot be {act}")));
                };
                if let AutoAct::Decide { approved, remark, seen } = &act {
                    let decides = cx.by.actor.to_string();
                    let decider = Decider::of(tx, cx.by.tenant, &decides, &auto.asked_by).await?;
                    somebody_else(id, decider, *approved)?;
                    if *approved || matches!(seen, Some(Seen::Version(_))) {
                        looked_at(&item, *seen)?;
                    }
                    if *approved {
                        item.body.asked = 0;
                    }
                    let remark = Some(remark.clone()).filter(|remark| !remark.is_empty());
                    auto.decision = Some(AutoDecision { by: cx.who(), remark });
                }
                auto.state = next;
                item.body.auto_assign = Some(auto);
                items::save(tx, cx.by.tenant, &item, &cx.who(), cx.now).await?;
                noted(tx, &cx, &item, &act).await
            })
        })
        .await?;
        self.hawkbit_filters_due.notify_one();
        Ok(())
    }

    /// Takes an auto assignment away; what it assigned stays.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_auto_delete(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        demand_everywhere(by, Permission::JobCreate)?;
        self.hawkbit_write(by, Permission::JobCreate, move |cx, tx| {
            Box::pin(async move {
                let (mut item, _) = assigning(tx, &cx, id).await?;
                drop_assignment(tx, &cx, &mut item, json!({"set": null, "state": null})).await
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_leads_on_from_where_it_makes_sense_and_nowhere_else() {
        let decide = |approved| AutoAct::Decide { approved, remark: String::new(), seen: None };
        let all = [
            AutoState::WaitingForApproval,
            AutoState::Denied,
            AutoState::Ready,
            AutoState::Running,
            AutoState::Paused,
        ];
        for (act, from, to) in [
            (AutoAct::Start, AutoState::Ready, AutoState::Running),
            (AutoAct::Pause, AutoState::Running, AutoState::Paused),
            (AutoAct::Resume, AutoState::Paused, AutoState::Running),
            (decide(true), AutoState::WaitingForApproval, AutoState::Ready),
            (decide(false), AutoState::WaitingForApproval, AutoState::Denied),
        ] {
            for state in all {
                assert_eq!(act.leads(state), (state == from).then_some(to), "{act:?} {state:?}");
            }
        }
    }
}
