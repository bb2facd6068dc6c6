//! Assignment, from the side of the set and from the side of the target; and who has what.

use std::collections::HashMap;

use axum::extract::State;
use serde_json::Value;
use windlass_app::hawkbit::{Assignment, Outcome, Terms, Window};
use windlass_domain::ids::ReleaseId;
use windlass_domain::permission::{Permission, Principal};
use windlass_wire::management::actions as wire;

use super::io::{Answer, At, Body, done, ok, one_or_many};
use super::list::ListQuery;
use super::routes::Routes;
use super::targets::{asked, expected, shown_page};
use super::view::{self, Base};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;
use crate::rest::io::part;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/distributionsets/{id}/assignedTargets", Permission::DeviceRead, assigned_targets)
        .post("/distributionsets/{id}/assignedTargets", Permission::JobCreate, assign_targets)
        .get("/distributionsets/{id}/installedTargets", Permission::DeviceRead, installed_targets)
        .get("/targets/{id}/assignedDS", Permission::DeviceRead, assigned_set)
        .post("/targets/{id}/assignedDS", Permission::JobCreate, assign_sets)
        .get("/targets/{id}/installedDS", Permission::DeviceRead, installed_set)
}

/// Terms as use cases take them.
pub(super) fn terms(asked: wire::Terms) -> Terms {
    let wire::Terms { action_type, forcetime, weight, maintenance_window, confirmation_required } = asked;
    let window = maintenance_window.map(|wire::Window { schedule, duration, timezone }| Window {
        schedule,
        duration,
        timezone,
    });
    Terms { action_type, force_time: forcetime, weight, window, confirmation_required }
}

fn shown(outcome: Outcome, base: &Base) -> wire::Assigned {
    let Outcome { already, actions } = outcome;
    wire::Assigned {
        already_assigned: already,
        assigned: actions.len(),
        total: already.saturating_add(actions.len()),
        assigned_actions: actions
            .into_iter()
            .map(|(target, id)| wire::ActionId {
                id,
                links: base.links(&format!("/targets/{}/actions/{id}", part(&target)), [("self", "")]),
            })
            .collect(),
    }
}

/// What is to be assigned to one target is more than it may get.
fn several(detail: &str) -> Refusal {
    let status = http::StatusCode::BAD_REQUEST;
    Refusal::new(status, "hawkbit.multi_assignment", "One set at once", detail)
}

async fn assign_targets(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    query: ListQuery,
    Body(body): Body<Value>,
) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    rest.app.hawkbit_set(&by, id).await?;
    let (mut wanted, mut places) = (Vec::<Assignment>::new(), HashMap::<String, usize>::new());
    for (index, asked) in one_or_many::<wire::TargetAssignment>(body)?.into_iter().enumerate() {
        let target = asked.id.ok_or_else(|| Refusal::field(&format!("{index}.id"), "is missing"))?;
        let one = Assignment { target, set: id, terms: terms(asked.terms) };
        match places.get(&one.target).and_then(|place| wanted.get(*place)) {
            // As upstream: what is said twice is said once.
            Some(before) if *before == one => {}
            Some(_) => {
                let detail = format!(
                    "Target {} is named twice, with different terms; a target gets a set once.",
                    one.target
                );
                return Err(several(&detail));
            }
            None => {
                places.insert(one.target.clone(), wanted.len());
                wanted.push(one);
            }
        }
    }
    ok(&shown(rest.app.hawkbit_assign(&by, wanted, query.offline).await?, &base))
}

async fn assign_sets(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(target): At<String>,
    query: ListQuery,
    Body(body): Body<Value>,
) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    rest.app.hawkbit_target(&by, &target).await?;
    let mut wanted = Vec::new();
    for (index, asked) in one_or_many::<wire::SetAssignment>(body)?.into_iter().enumerate() {
        let set = asked.id.ok_or_else(|| Refusal::field(&format!("{index}.id"), "is missing"))?;
        let one = Assignment { target: target.clone(), set, terms: terms(asked.terms) };
        // As upstream: what is said twice is said once.
        if !wanted.contains(&one) {
            wanted.push(one);
        }
    }
    if wanted.len() > 1 && !rest.app.settings_of(by.tenant).await?.multi_assignments {
        return Err(several(
            "A target gets one set at once, unless the setting multi.assignments.enabled is on.",
        ));
    }
    ok(&shown(rest.app.hawkbit_assign(&by, wanted, query.offline).await?, &base))
}

async fn targets_with(
    rest: &Rest,
    by: &Principal,
    base: &Base,
    id: i64,
    which: &str,
    query: ListQuery,
) -> Answer {
    rest.app.hawkbit_set(by, id).await?;
    let clause = format!("{which}.id=={id}");
    let q = query.q.as_ref().map_or_else(|| clause.clone(), |text| format!("{clause};({text})"));
    let expected = expected(rest, by).await?;
    let wanted = asked(&ListQuery { q: Some(q), ..query }, expected)?;
    shown_page(rest.app.hawkbit_targets(by, wanted).await?, expected, base)
}

async fn assigned_targets(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    query: ListQuery,
) -> Answer {
    targets_with(&rest, &by, &base, id, "assignedds", query).await
}

async fn installed_targets(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    query: ListQuery,
) -> Answer {
    targets_with(&rest, &by, &base, id, "installedds", query).await
}

async fn one_set(rest: &Rest, by: &Principal, base: &Base, id: Option<ReleaseId>) -> Answer {
    match id {
        None => done(),
        Some(id) => ok(&view::set(rest.app.hawkbit_set(by, id.get()).await?, base)),
    }
}

async fn assigned_set(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<String>,
) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let standing = rest.app.hawkbit_target(&by, &id).await?.standing;
    one_set(&rest, &by, &base, standing.assigned).await
}

async fn installed_set(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<String>,
) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let standing = rest.app.hawkbit_target(&by, &id).await?.standing;
    one_set(&rest, &by, &base, standing.installed).await
}
