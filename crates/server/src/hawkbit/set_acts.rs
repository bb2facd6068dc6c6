//! What is known of a set over all of its actions, and how it becomes invalid.

use std::collections::BTreeMap;

use axum::extract::State;
use serde_json::{Map, Value, json};
use windlass_app::hawkbit::CancelWay;
use windlass_domain::permission::{Permission, Principal};
use windlass_wire::management::software::Invalidation;

use super::io::{Answer, At, Body, done, ok};
use super::rollout_view::shown;
use super::routes::Routes;
use super::view::Base;
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/distributionsets/{id}/statistics", Permission::JobRead, statistics)
        .get("/distributionsets/{id}/statistics/rollouts", Permission::JobRead, rollouts)
        .get("/distributionsets/{id}/statistics/actions", Permission::JobRead, actions)
        .get("/distributionsets/{id}/statistics/autoassignments", Permission::JobRead, auto_assignments)
        .post("/distributionsets/{id}/invalidate", Permission::JobControl, invalidate)
}

/// How many there are by a word; nothing where there is nothing.
fn counted(numbers: impl Iterator<Item = (&'static str, u64)>) -> Option<Value> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut total = 0_u64;
    for (word, number) in numbers {
        *counts.entry(word.to_ascii_uppercase()).or_default() += number;
        total += number;
    }
    counts.insert("total".to_owned(), total);
    (total > 0).then(|| json!(counts))
}

/// As upstream: members that count nothing are left out.
fn counts<const N: usize>(members: [(&str, Option<Value>); N]) -> Answer {
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    ok(&there.collect::<Map<String, Value>>())
}

async fn count_actions(rest: &Rest, by: &Principal, id: i64) -> Result<Option<Value>, Refusal> {
    Ok(counted(rest.app.hawkbit_action_counts(by, id).await?.into_iter()))
}

async fn count_rollouts(rest: &Rest, by: &Principal, base: &Base, id: i64) -> Result<Option<Value>, Refusal> {
    let all = rest.app.hawkbit_rollouts(by).await?.into_iter();
    let of_set = all.filter(|one| one.set.get() == id);
    Ok(counted(of_set.map(|one| (shown(&one, false, base).status, 1))))
}

async fn count_auto(rest: &Rest, by: &Principal, id: i64) -> Result<Option<Value>, Refusal> {
    let all = rest.app.hawkbit_filters(by).await?.into_iter();
    let count = all.filter(|item| item.body.auto_assign.as_ref().is_some_and(|auto| auto.set == id)).count();
    Ok((count > 0).then(|| json!(count)))
}

async fn statistics(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_set(&by, id).await?;
    counts([
        ("actions", count_actions(&rest, &by, id).await?),
        ("rollouts", count_rollouts(&rest, &by, &base, id).await?),
        ("totalAutoAssignments", count_auto(&rest, &by, id).await?),
    ])
}

async fn rollouts(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_set(&by, id).await?;
    counts([("rollouts", count_rollouts(&rest, &by, &base, id).await?)])
}

async fn actions(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_set(&by, id).await?;
    counts([("actions", count_actions(&rest, &by, id).await?)])
}

async fn auto_assignments(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_set(&by, id).await?;
    counts([("totalAutoAssignments", count_auto(&rest, &by, id).await?)])
}

async fn invalidate(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Body(asked): Body<Invalidation>,
) -> Answer {
    let way = match asked.action_cancelation_type.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("soft") => CancelWay::Ask,
        Some("force") => CancelWay::Force,
        Some("none") => CancelWay::Leave,
        Some(_) | None => {
            return Err(Refusal::field("actionCancelationType", "must be soft, force or none"));
        }
    };
    rest.app.hawkbit_set_invalidate(&by, id, way, asked.cancel_rollouts).await?;
    done()
}
