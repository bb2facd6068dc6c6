//! `rollouts` and their groups.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use windlass_app::AppError;
use windlass_app::hawkbit::{GROUPS, NewGroup, NewRollout, RolloutAct, RolloutView};
use windlass_domain::permission::{Permission, Principal};
use windlass_query::Field;
use windlass_wire::management::rollouts as wire;

use super::action_queries::if_there;
use super::io::{Answer, At, Body, created, done, ok};
use super::list::{Asked, ListQuery, Names, page, page_of, times};
use super::rollout_view::{group_id, group_shown, group_views, shown};
use super::routes::Routes;
use super::sets;
use super::targets::{asked, expected, shown_page};
use super::view::Base;
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    let (read, control) = (Permission::JobRead, Permission::JobControl);
    routes
        .get("/rollouts", read, list)
        .post("/rollouts", Permission::JobCreate, create)
        .get("/rollouts/{id}", read, get)
        .put("/rollouts/{id}", control, change)
        .delete("/rollouts/{id}", control, delete)
        .post("/rollouts/{id}/start", control, start)
        .post("/rollouts/{id}/pause", control, pause)
        .post("/rollouts/{id}/resume", control, resume)
        .post("/rollouts/{id}/stop", control, stop)
        .post("/rollouts/{id}/approve", control, approve)
        .post("/rollouts/{id}/deny", control, deny)
        .post("/rollouts/{id}/triggerNextGroup", control, next)
        .post("/rollouts/{id}/retry", Permission::JobCreate, retry)
        .get("/rollouts/{id}/deploygroups", read, groups)
        .get("/rollouts/{id}/deploygroups/{group}", read, group)
        .get("/rollouts/{id}/deploygroups/{group}/targets", read, group_targets)
}

/// What queries may ask for, beside what `distributionset.` begins.
pub(super) const NAMES: Names = Names {
    fields: &[
        ("id", "id"),
        ("name", "name"),
        ("description", "description"),
        ("status", "status"),
        ("distributionset", "distributionSetId"),
        ("distributionset.id", "distributionSetId"),
        ("weight", "weight"),
        ("type", "type"),
        ("startat", "startAt"),
        ("dynamic", "dynamic"),
        ("createdat", "createdAt"),
        ("createdby", "createdBy"),
        ("lastmodifiedat", "lastModifiedAt"),
        ("lastmodifiedby", "lastModifiedBy"),
    ],
};

pub(super) const GROUP_NAMES: Names = Names {
    fields: &[
        ("id", "id"),
        ("name", "name"),
        ("description", "description"),
        ("status", "status"),
        ("createdat", "createdAt"),
        ("createdby", "createdBy"),
        ("lastmodifiedat", "lastModifiedAt"),
        ("lastmodifiedby", "lastModifiedBy"),
    ],
};

/// What fields of a rollout's set begin with.
const SET: &str = "_set.";

/// What a field is called here.
fn rename(field: &Field) -> Option<Field> {
    let of_set = || match field.split() {
        ("distributionset", Some(member)) => {
            let inner = sets::NAMES.rename(&Field::new(member))?;
            Some(Field::new(&format!("{SET}{}", inner.as_str())))
        }
        _ => None,
    };
    NAMES.rename(field).or_else(of_set)
}

/// Members that a list does not show: what only queries see, and, unless everything is asked for, counts.
fn hidden(query: &ListQuery) -> &'static [&'static str] {
    if query.full { &["_set"] } else { &["_set", "totalGroups", "totalTargetsPerStatus"] }
}

/// A percentage as clients write it.
fn percent(field: &str, condition: Option<&wire::Condition>) -> Result<u8, Refusal> {
    let Some(wire::Condition { condition, expression }) = condition else { return Ok(50) };
    if !condition.eq_ignore_ascii_case("threshold") {
        return Err(Refusal::field(&format!("{field}.condition"), "must be THRESHOLD"));
    }
    let read = expression.trim().parse::<u8>().ok().filter(|percent| *percent <= 100);
    read.ok_or_else(|| Refusal::field(&format!("{field}.expression"), "must be a whole number from 0 to 100"))
}

/// Whether a group's success ends in a pause.
fn pauses(field: &str, action: Option<&wire::Action>) -> Result<bool, Refusal> {
    match action.map(|action| action.action.to_ascii_uppercase()).as_deref() {
        None | Some("NEXTGROUP") => Ok(false),
        Some("PAUSE") => Ok(true),
        Some(_) => Err(Refusal::field(&format!("{field}.action"), "must be NEXTGROUP or PAUSE")),
    }
}

/// A group that failed pauses its rollout: there is nothing else.
fn stops(field: &str, action: Option<&wire::Action>) -> Result<(), Refusal> {
    match action {
        Some(action) if !action.action.eq_ignore_ascii_case("pause") => {
            Err(Refusal::field(&format!("{field}.action"), "must be PAUSE"))
        }
        Some(_) | None => Ok(()),
    }
}

fn groups_of(request: &wire::RolloutRequest) -> Result<Vec<NewGroup>, Refusal> {
    let success = percent("successCondition", request.success_condition.as_ref())?;
    let failure = percent("errorCondition", request.error_condition.as_ref())?;
    let pause = pauses("successAction", request.success_action.as_ref())?;
    stops("errorAction", request.error_action.as_ref())?;
    let Some(groups) = request.groups.as_ref().filter(|groups| !groups.is_empty()) else {
        let count = request.amount_groups.unwrap_or(1);
        if count == 0 {
            return Err(Refusal::field("amountGroups", "must be at least 1"));
        }
        // One more than there may be is as good as any other number that is too high.
        let count = count.min(u32::try_from(GROUPS).unwrap_or(u32::MAX).saturating_add(1));
        return Ok((0..count)
            .map(|index| NewGroup {
                name: None,
                description: None,
                query: None,
                percent: 100.0 / f64::from(count - index),
                success,
                failure,
                pause,
                consent: None,
            })
            .collect());
    };
    // Whoever sends both means the groups: so has hawkBit.
    groups
        .iter()
        .enumerate()
        .map(|(index, group)| {
            let field = |name: &str| format!("groups.{index}.{name}");
            let own = |condition: &Option<wire::Condition>, name: &str, otherwise: u8| match condition {
                Some(condition) => percent(&field(name), Some(condition)),
                None => Ok(otherwise),
            };
            stops(&field("errorAction"), group.error_action.as_ref())?;
            Ok(NewGroup {
                // Whoever describes a group names it: the name is missed where it is checked.
                name: Some(group.name.clone().unwrap_or_default()),
                description: group.description.clone(),
                query: group.target_filter_query.clone().filter(|query| !query.trim().is_empty()),
                percent: group.target_percentage.unwrap_or(100.0),
                success: own(&group.success_condition, "successCondition", success)?,
                failure: own(&group.error_condition, "errorCondition", failure)?,
                pause: match &group.success_action {
                    Some(action) => pauses(&field("successAction"), Some(action))?,
                    None => pause,
                },
                consent: group.confirmation_required,
            })
        })
        .collect()
}

/// Whether the tenant's devices ask first at all.
async fn confirms(rest: &Rest, by: &Principal) -> Result<bool, Refusal> {
    Ok(rest.app.settings_of(by.tenant).await?.confirmation)
}

async fn one_shown(
    rest: &Rest,
    by: &Principal,
    rollout: &RolloutView,
    base: &Base,
) -> Result<wire::Rollout, Refusal> {
    Ok(shown(rollout, confirms(rest, by).await?, base))
}

async fn list(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    let words = format!("{}, distributionset.<{}>", NAMES.words(), sets::NAMES.words());
    let asked = Asked::read_as(&query, &rename, &words, times(rest.app.clock.now()))?;
    let all = rest.app.hawkbit_rollouts(&by).await?;
    let confirms = confirms(&rest, &by).await?;
    let json = |one: &RolloutView| {
        let mut item = shown(one, confirms, &base);
        item.links.retain(|relation, _| query.full || *relation == "self");
        serde_json::to_value(item).map_err(|error| Refusal::internal(&error))
    };
    let mut items = all.iter().map(json).collect::<Result<Vec<_>, _>>()?;
    if asked.fields().any(|field| field.as_str().starts_with(SET)) {
        rest.app.hawkbit_defaults(&by).await?;
        let tags = sets::tag_names(&rest, &by).await?;
        let mut known = HashMap::new();
        for (rollout, item) in all.iter().zip(&mut items) {
            let set = match known.entry(rollout.set) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let set = match if_there(rest.app.hawkbit_set(&by, rollout.set.get()).await)? {
                        Some(set) => sets::queried(set, &tags, &base)?,
                        None => serde_json::Value::Null,
                    };
                    place.insert(set)
                }
            };
            if let Some(members) = item.as_object_mut() {
                members.insert("_set".to_owned(), set.clone());
            }
        }
    }
    page_of(items, &query, &asked, hidden(&query))
}

/// What just came to be. As upstream, whoever asked reads where it stands with the next request: clients wait for that.
async fn begun(rest: &Rest, by: &Principal, rollout: &RolloutView, base: &Base) -> Answer {
    let shown = one_shown(rest, by, rollout, base).await?;
    created(&wire::Rollout { status: "creating", ..shown })
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    Body(request): Body<wire::RolloutRequest>,
) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let groups = groups_of(&request)?;
    let expected = expected(&rest, &by).await?;
    let queries =
        request.target_filter_query.iter().chain(groups.iter().filter_map(|group| group.query.as_ref()));
    for text in queries {
        super::targets::target_query(text, expected)?;
    }
    let wire::DynamicGroup { name_suffix, target_count } = request.dynamic_group_template.unwrap_or_default();
    let new = NewRollout {
        name: request.name,
        description: request.description,
        set: request.distribution_set_id,
        query: request.target_filter_query,
        terms: super::assign::terms(request.terms),
        start_at: request.start_at,
        dynamic: request.dynamic,
        dynamic_size: target_count,
        name_suffix,
        groups,
    };
    begun(&rest, &by, &rest.app.hawkbit_rollout_create(&by, new).await?, &base).await
}

async fn get(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    ok(&one_shown(&rest, &by, &rest.app.hawkbit_rollout(&by, id).await?, &base).await?)
}

async fn change(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    Body(wire::RolloutUpdate { name, description }): Body<wire::RolloutUpdate>,
) -> Answer {
    ok(&one_shown(&rest, &by, &rest.app.hawkbit_rollout_change(&by, id, name, description).await?, &base)
        .await?)
}

async fn delete(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_rollout_delete(&by, id).await?;
    done()
}

async fn act(rest: &Rest, by: &Principal, id: i64, act: RolloutAct) -> Answer {
    rest.app.hawkbit_rollout_act(by, id, act).await?;
    done()
}

async fn start(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    act(&rest, &by, id, RolloutAct::Start).await
}

async fn pause(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    act(&rest, &by, id, RolloutAct::Pause).await
}

async fn resume(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    act(&rest, &by, id, RolloutAct::Resume).await
}

async fn stop(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    act(&rest, &by, id, RolloutAct::Stop).await
}

async fn next(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    act(&rest, &by, id, RolloutAct::TriggerNextGroup).await
}

/// What somebody says to a decision.
#[derive(Debug)]
struct Remark(String);

impl<S: Sync> FromRequestParts<S> for Remark {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Refusal::field("", "has a query that cannot be read"))?;
        let remark = pairs.0.into_iter().find(|(name, _)| name == "remark");
        Ok(Self(remark.map(|(_, text)| text).unwrap_or_default()))
    }
}

async fn approve(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Remark(remark): Remark,
) -> Answer {
    act(&rest, &by, id, RolloutAct::Approve(remark)).await
}

async fn deny(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Remark(remark): Remark,
) -> Answer {
    act(&rest, &by, id, RolloutAct::Deny(remark)).await
}

async fn retry(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    begun(&rest, &by, &rest.app.hawkbit_rollout_retry(&by, id).await?, &base).await
}

async fn groups(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    query: ListQuery,
) -> Answer {
    let rollout = rest.app.hawkbit_rollout(&by, id).await?;
    let groups = group_views(&rollout, confirms(&rest, &by).await?, &base);
    page(groups, &query, GROUP_NAMES, hidden(&query), rest.app.clock.now())
}

/// A group that there is.
fn place(rollout: &RolloutView, group: i64) -> Result<usize, Refusal> {
    let missing = || Refusal::from(AppError::not_found("rollout group", group));
    (0..rollout.groups()).find(|index| group_id(rollout, *index) == group).ok_or_else(missing)
}

async fn group(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At((id, group)): At<(i64, i64)>,
) -> Answer {
    let rollout = rest.app.hawkbit_rollout(&by, id).await?;
    let index = place(&rollout, group)?;
    ok(&group_shown(&rollout, index, confirms(&rest, &by).await?, &base))
}

async fn group_targets(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At((id, group)): At<(i64, i64)>,
    query: ListQuery,
) -> Answer {
    let index = place(&rest.app.hawkbit_rollout(&by, id).await?, group)?;
    let expected = expected(&rest, &by).await?;
    let mut wanted = asked(&query, expected)?;
    wanted.only = Some(rest.app.hawkbit_group_targets(&by, id, index).await?);
    shown_page(rest.app.hawkbit_targets(&by, wanted).await?, expected, &base)
}
