//! `targetfilters`: saved queries, and what they assign by themselves.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::json;
use windlass_app::hawkbit::NewAutoAssign;
use windlass_app::hawkbit::stored::Filter;
use windlass_app::hawkbit::stored::items::Item;
use windlass_domain::permission::{Permission, Principal};
use windlass_query::quoted;
use windlass_wire::management::targets as wire;

use super::io::{Answer, At, Body, created, done, ok, unreadable};
use super::list::{ListQuery, Names, page};
use super::routes::Routes;
use super::view::{self, Base, item_stamp};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;
use crate::rest::io::part;

pub(super) fn routes(routes: Routes) -> Routes {
    let (read, write) = (Permission::DeviceRead, Permission::DeviceWrite);
    routes
        .get("/targetfilters", read, list)
        .post("/targetfilters", write, create)
        .get("/targetfilters/{id}", read, get)
        .put("/targetfilters/{id}", write, change)
        .delete("/targetfilters/{id}", write, delete)
        .get("/targetfilters/{id}/autoAssignDS", read, assigned)
        .post("/targetfilters/{id}/autoAssignDS", Permission::JobCreate, assign)
        .delete("/targetfilters/{id}/autoAssignDS", Permission::JobCreate, unassign)
        .get("/distributionsets/{id}/autoAssignTargetFilters", read, of_set)
}

const NAMES: Names = Names {
    fields: &[
        ("id", "id"),
        ("name", "name"),
        ("query", "query"),
        ("autoassigndistributionset", "autoAssignDistributionSet"),
        ("autoassigndistributionset.id", "autoAssignDistributionSet"),
        ("autoassigndistributionset.name", "_set.name"),
        ("autoassigndistributionset.version", "_set.version"),
        ("createdat", "createdAt"),
        ("createdby", "createdBy"),
        ("lastmodifiedat", "lastModifiedAt"),
        ("lastmodifiedby", "lastModifiedBy"),
    ],
};

/// Members that only queries see.
const HIDDEN: &[&str] = &["_set"];

fn shown(
    item: Item<Filter>,
    sets: &BTreeMap<i64, (String, String)>,
    confirms: bool,
    base: &Base,
) -> wire::Filter {
    let stamp = item_stamp(&item);
    let Item { id, name, body, .. } = item;
    let Filter { query, description: _, auto_assign: auto, asked: _ } = body;
    let mut links =
        base.links(&format!("/targetfilters/{id}"), [("self", ""), ("autoAssignDS", "/autoAssignDS")]);
    if let Some((name, version)) = auto.as_ref().and_then(|auto| sets.get(&auto.set)) {
        let q = part(&format!("name=={};version=={}", quoted(name), quoted(version)));
        links.insert("DS", base.link(&format!("/distributionsets?q={q}&offset=0&limit=50")));
    }
    wire::Filter {
        stamp,
        id,
        name,
        query,
        auto_assign_distribution_set: auto.as_ref().map(|auto| auto.set),
        auto_assign_action_type: auto.as_ref().map(|auto| auto.action_type.clone()),
        auto_assign_weight: auto.as_ref().and_then(|auto| auto.weight),
        confirmation_required: auto.as_ref().filter(|_| confirms).map(|auto| auto.confirmation_required),
        links,
    }
}

async fn all_shown(
    rest: &Rest,
    by: &Principal,
    items: Vec<Item<Filter>>,
    base: &Base,
) -> Result<Vec<wire::Filter>, Refusal> {
    let sets = rest.app.hawkbit_assigned_names(by, &items).await?;
    let confirms = rest.app.settings_of(by.tenant).await?.confirmation;
    Ok(items.into_iter().map(|item| shown(item, &sets, confirms, base)).collect())
}

async fn one_shown(
    rest: &Rest,
    by: &Principal,
    item: Item<Filter>,
    base: &Base,
) -> Result<Option<wire::Filter>, Refusal> {
    Ok(all_shown(rest, by, vec![item], base).await?.pop())
}

/// A page of filters, which are found also by what the set is called that they assign.
async fn paged(
    rest: &Rest,
    by: &Principal,
    items: Vec<Item<Filter>>,
    query: &ListQuery,
    base: &Base,
) -> Answer {
    let sets = rest.app.hawkbit_assigned_names(by, &items).await?;
    let mut all = Vec::with_capacity(items.len());
    for filter in all_shown(rest, by, items, base).await? {
        let set = filter.auto_assign_distribution_set.and_then(|set| sets.get(&set));
        let mut filter = serde_json::to_value(filter).map_err(|error| Refusal::internal(&error))?;
        if let (Some(members), Some((name, version))) = (filter.as_object_mut(), set) {
            members.insert("_set".to_owned(), json!({"name": name, "version": version}));
        }
        all.push(filter);
    }
    page(all, query, NAMES, HIDDEN, rest.app.clock.now())
}

async fn list(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    let all = rest.app.hawkbit_filters(&by).await?;
    paged(&rest, &by, all, &query, &base).await
}

async fn of_set(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    query: ListQuery,
) -> Answer {
    rest.app.hawkbit_set(&by, id).await?;
    let mut all = rest.app.hawkbit_filters(&by).await?;
    all.retain(|item| item.body.auto_assign.as_ref().is_some_and(|auto| auto.set == id));
    paged(&rest, &by, all, &query, &base).await
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    Body(asked): Body<wire::FilterRequest>,
) -> Answer {
    let wire::FilterRequest { name, query } = asked;
    let expected = super::targets::expected(&rest, &by).await?;
    if let Some(text) = &query {
        super::targets::target_query(text, expected)?;
    }
    let made = rest.app.hawkbit_filter_create(&by, name.as_deref(), query.as_deref()).await?;
    created(&one_shown(&rest, &by, made, &base).await?)
}

async fn get(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    ok(&one_shown(&rest, &by, rest.app.hawkbit_filter(&by, id).await?, &base).await?)
}

async fn change(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    Body(asked): Body<wire::FilterRequest>,
) -> Answer {
    let wire::FilterRequest { name, query } = asked;
    let expected = super::targets::expected(&rest, &by).await?;
    if let Some(text) = &query {
        super::targets::target_query(text, expected)?;
    }
    let changed = rest.app.hawkbit_filter_change(&by, id, name, query).await?;
    ok(&one_shown(&rest, &by, changed, &base).await?)
}

async fn delete(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_filter_delete(&by, id).await?;
    done()
}

async fn assigned(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    match rest.app.hawkbit_filter(&by, id).await?.body.auto_assign {
        Some(auto) => ok(&view::set(rest.app.hawkbit_set(&by, auto.set).await?, &base)),
        None => Ok(http::StatusCode::NO_CONTENT.into_response()),
    }
}

/// Refuses words for how something is assigned that there are not.
pub(super) fn known_type(field: &str, action_type: Option<&str>) -> Result<(), Refusal> {
    let known = ["forced", "soft", "timeforced", "downloadonly"];
    match action_type.filter(|word| !known.contains(&word.to_ascii_lowercase().as_str())) {
        Some(word) => Err(unreadable(format!("{field} must be one of {}, not {word}.", known.join(", ")))),
        None => Ok(()),
    }
}

async fn assign(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    Body(asked): Body<wire::AutoAssignRequest>,
) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let wire::AutoAssignRequest { id: set, action_type, weight, confirmation_required } = asked;
    let set = set.ok_or_else(|| Refusal::field("id", "is missing"))?;
    known_type("type", action_type.as_deref())?;
    let new = NewAutoAssign { set, action_type, weight, confirmation_required, start_at: None };
    let assigns = rest.app.hawkbit_filter_assigns(&by, id, Some(new)).await?;
    ok(&one_shown(&rest, &by, assigns, &base).await?)
}

async fn unassign(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_filter_assigns(&by, id, None).await?;
    done()
}
