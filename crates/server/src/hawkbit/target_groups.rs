//! `targetgroups`: which there are, who is in them, and who is put into them by name or by query.

use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use serde_json::Value;
use windlass_app::hawkbit::Grouped;
use windlass_domain::ids::GroupPath;
use windlass_domain::permission::{Permission, Principal};

use super::error::missing;
use super::io::{Answer, At, Body, done, ok};
use super::list::{ListQuery, is_true};
use super::routes::Routes;
use super::tags::names;
use super::targets::{asked, expected, shown_page, target_query};
use super::view::Base;
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    let (read, write) = (Permission::DeviceRead, Permission::GroupWrite);
    routes
        .get("/targetgroups", Permission::GroupRead, list)
        .put("/targetgroups", write, put_found_into)
        .delete("/targetgroups", write, take_found_out)
        .get("/targetgroups/assigned", read, members_below)
        .put("/targetgroups/assigned", write, put_named_into)
        .delete("/targetgroups/assigned", write, take_named_out)
        .put("/targetgroups/{group}", write, put_found)
        .get("/targetgroups/{group}/assigned", read, members)
        .put("/targetgroups/{group}/assigned", write, put_named)
}

/// What the question says of the group.
#[derive(Debug, Default)]
struct OfGroup {
    group: Option<String>,
    /// Whether groups below it are meant, too.
    below: bool,
}

impl<S: Sync> FromRequestParts<S> for OfGroup {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Refusal::field("", "has a query that cannot be read"))?;
        let mut said = Self::default();
        for (name, text) in pairs.0 {
            match name.as_str() {
                "group" => said.group = Some(text),
                "subgroups" => said.below = is_true(&text),
                // Unknown parameters are ignored, as upstream does.
                _ => {}
            }
        }
        Ok(said)
    }
}

impl OfGroup {
    fn path(&self) -> Result<GroupPath, Refusal> {
        let text = self.group.as_deref().ok_or_else(|| Refusal::field("group", "is missing"))?;
        path(text)
    }
}

fn path(text: &str) -> Result<GroupPath, Refusal> {
    text.parse().map_err(|problem| Refusal::field("group", problem))
}

async fn list(State(rest): State<Rest>, Caller(by): Caller) -> Answer {
    let all = rest.app.hawkbit_target_groups(&by)?;
    ok(&all.iter().map(GroupPath::as_str).collect::<Vec<_>>())
}

async fn page_of(
    rest: &Rest,
    by: &Principal,
    base: &Base,
    group: GroupPath,
    below: bool,
    query: ListQuery,
) -> Answer {
    let expected = expected(rest, by).await?;
    // As upstream: these lists take no query of their own.
    let wanted = asked(&ListQuery { q: None, ..query }, expected)?;
    let found = rest.app.hawkbit_group_members(by, &group, below, wanted).await?;
    shown_page(found, expected, base)
}

async fn members(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(group): At<String>,
    OfGroup { below, .. }: OfGroup,
    query: ListQuery,
) -> Answer {
    page_of(&rest, &by, &base, path(&group)?, below, query).await
}

async fn members_below(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    said: OfGroup,
    query: ListQuery,
) -> Answer {
    page_of(&rest, &by, &base, said.path()?, said.below, query).await
}

async fn put_those(rest: &Rest, by: &Principal, group: Option<GroupPath>, body: Value) -> Answer {
    let names = names(body)?;
    if names.is_empty() {
        return Err(Refusal::field("", "must name at least one target"));
    }
    let unknown = rest.app.hawkbit_group_change(by, group.as_ref(), Grouped::Named(names)).await?;
    if unknown.is_empty() { done() } else { Err(missing("target", unknown)) }
}

async fn put_all(rest: &Rest, by: &Principal, group: Option<GroupPath>, query: &ListQuery) -> Answer {
    let text = query.q.as_deref().ok_or_else(|| Refusal::field("q", "is missing; write which targets"))?;
    let query = target_query(text, expected(rest, by).await?)?;
    let found = Grouped::Found { text: text.to_owned(), query };
    rest.app.hawkbit_group_change(by, group.as_ref(), found).await?;
    done()
}

async fn put_named(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(group): At<String>,
    Body(body): Body<Value>,
) -> Answer {
    put_those(&rest, &by, Some(path(&group)?), body).await
}

async fn put_named_into(
    State(rest): State<Rest>,
    Caller(by): Caller,
    said: OfGroup,
    Body(body): Body<Value>,
) -> Answer {
    put_those(&rest, &by, Some(said.path()?), body).await
}

async fn take_named_out(State(rest): State<Rest>, Caller(by): Caller, Body(body): Body<Value>) -> Answer {
    put_those(&rest, &by, None, body).await
}

async fn put_found(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(group): At<String>,
    query: ListQuery,
) -> Answer {
    put_all(&rest, &by, Some(path(&group)?), &query).await
}

async fn put_found_into(
    State(rest): State<Rest>,
    Caller(by): Caller,
    said: OfGroup,
    query: ListQuery,
) -> Answer {
    put_all(&rest, &by, Some(said.path()?), &query).await
}

async fn take_found_out(State(rest): State<Rest>, Caller(by): Caller, query: ListQuery) -> Answer {
    put_all(&rest, &by, None, &query).await
}
