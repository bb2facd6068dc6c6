//! `targettags` and `distributionsettags`, and what has them.

use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use serde_json::Value;

use windlass_app::hawkbit::stored::Tag;
use windlass_app::hawkbit::stored::items::{Item, SetTag, TargetTag};
use windlass_app::hawkbit::{Missing, NewTag, Tags};
use windlass_app::{App, AppError};
use windlass_domain::permission::{Permission, Principal};
use windlass_query::{parse, quoted};

use windlass_wire::management::targets as wire;

use super::error::missing;
use super::io::{Answer, At, Body, created, done, ok, one_or_many};
use super::list::{ListQuery, Names, page};
use super::routes::Routes;
use super::targets::{asked, expected, shown_page};
use super::view::{self, Base, FIRST, item_stamp};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    let (see, tag) = (Permission::DeviceRead, Permission::DeviceWrite);
    let (read, write) = (Permission::ReleaseRead, Permission::ReleaseWrite);
    routes
        .get("/targettags", see, target_tags)
        .post("/targettags", tag, create::<TargetTag>)
        .get("/targettags/{id}", see, get::<TargetTag>)
        .put("/targettags/{id}", tag, change::<TargetTag>)
        .delete("/targettags/{id}", tag, delete_target_tag)
        .get("/targettags/{id}/assigned", see, tagged_targets)
        .put("/targettags/{id}/assigned", tag, tag_targets)
        .post("/targettags/{id}/assigned", tag, tag_targets)
        .delete("/targettags/{id}/assigned", tag, untag_targets)
        .post("/targettags/{id}/assigned/{target}", tag, tag_target)
        .delete("/targettags/{id}/assigned/{target}", tag, untag_target)
        .get("/targets/{id}/tags", see, tags_of_target)
        .get("/distributionsettags", read, set_tags)
        .post("/distributionsettags", write, create::<SetTag>)
        .get("/distributionsettags/{id}", read, get::<SetTag>)
        .put("/distributionsettags/{id}", write, change::<SetTag>)
        .delete("/distributionsettags/{id}", write, delete_set_tag)
        .get("/distributionsettags/{id}/assigned", read, tagged_sets)
        .put("/distributionsettags/{id}/assigned", write, tag_sets)
        .post("/distributionsettags/{id}/assigned", write, tag_sets)
        .delete("/distributionsettags/{id}/assigned", write, untag_sets)
        .post("/distributionsettags/{id}/assigned/{set}", write, tag_set)
        .delete("/distributionsettags/{id}/assigned/{set}", write, untag_set)
        .get("/distributionsets/{id}/tags", read, tags_of_set)
}

const NAMES: Names = Names {
    fields: &[
        ("id", "id"),
        ("name", "name"),
        ("description", "description"),
        ("colour", "colour"),
        ("createdat", "createdAt"),
        ("createdby", "createdBy"),
        ("lastmodifiedat", "lastModifiedAt"),
        ("lastmodifiedby", "lastModifiedBy"),
    ],
};

/// A kind of tags, as it stands in paths.
pub(super) trait Shown: Tags {
    const PATH: &'static str;
    /// What the link to those that have it is called.
    const ASSIGNED: &'static str;

    /// Changes one, and what has it.
    fn change(
        app: &App,
        by: &Principal,
        id: i64,
        asked: NewTag,
    ) -> impl Future<Output = Result<Item<Self>, AppError>> + Send;
}

impl Shown for TargetTag {
    const PATH: &'static str = "targettags";
    const ASSIGNED: &'static str = "assignedTargets";

    async fn change(app: &App, by: &Principal, id: i64, asked: NewTag) -> Result<Item<Self>, AppError> {
        app.hawkbit_target_tag_change(by, id, asked).await
    }
}

impl Shown for SetTag {
    const PATH: &'static str = "distributionsettags";
    const ASSIGNED: &'static str = "assignedDistributionSets";

    async fn change(app: &App, by: &Principal, id: i64, asked: NewTag) -> Result<Item<Self>, AppError> {
        app.hawkbit_set_tag_change(by, id, asked).await
    }
}

fn shown<T: Shown>(item: Item<T>, base: &Base) -> wire::Tag {
    let stamp = item_stamp(&item);
    let Item { id, name, body, .. } = item;
    let Tag { description, colour } = body.into();
    let assigned = format!("/assigned{FIRST}");
    let links = base.links(&format!("/{}/{id}", T::PATH), [("self", ""), (T::ASSIGNED, &assigned)]);
    wire::Tag { stamp, id, name, description, colour, links }
}

fn new_tag(asked: wire::TagRequest) -> NewTag {
    let wire::TagRequest { name, description, colour } = asked;
    NewTag { name, description, colour }
}

async fn target_tags(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    rest.app.hawkbit_tags_of_devices(&by).await?;
    let all = rest.app.hawkbit_tags::<TargetTag>(&by).await?;
    let all = all.into_iter().map(|item| shown(item, &base)).collect();
    page(all, &query, NAMES, &[], rest.app.clock.now())
}

async fn set_tags(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    let all = rest.app.hawkbit_tags::<SetTag>(&by).await?;
    let all = all.into_iter().map(|item| shown(item, &base)).collect();
    page(all, &query, NAMES, &[], rest.app.clock.now())
}

async fn create<T: Shown>(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    Body(body): Body<Value>,
) -> Answer {
    let new = one_or_many::<wire::TagRequest>(body)?.into_iter().map(new_tag).collect();
    let made = rest.app.hawkbit_tags_create::<T>(&by, new).await?;
    created(&made.into_iter().map(|item| shown(item, &base)).collect::<Vec<_>>())
}

async fn get<T: Shown>(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    ok(&shown(rest.app.hawkbit_tag::<T>(&by, id).await?, &base))
}

async fn change<T: Shown>(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    Body(asked): Body<wire::TagRequest>,
) -> Answer {
    ok(&shown(T::change(&rest.app, &by, id, new_tag(asked)).await?, &base))
}

async fn delete_target_tag(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_target_tag_delete(&by, id).await?;
    done()
}

async fn delete_set_tag(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_set_tag_delete(&by, id).await?;
    done()
}

async fn tagged_targets(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    query: ListQuery,
) -> Answer {
    let tag = rest.app.hawkbit_tag::<TargetTag>(&by, id).await?.name;
    let expected = expected(&rest, &by).await?;
    // The fleet's own language, which puts nothing into a tag that is written like a client's placeholder.
    let tagged = parse(&format!("tag=={}", quoted(&tag))).map_err(|error| Refusal::internal(&error))?;
    let mut wanted = asked(&query, expected)?;
    wanted.query = Some(match wanted.query {
        Some(more) => tagged.and(more),
        None => tagged,
    });
    shown_page(rest.app.hawkbit_targets(&by, wanted).await?, expected, &base)
}

/// Names of targets: plain, or as objects as older clients write them.
pub(super) fn names(body: Value) -> Result<Vec<String>, Refusal> {
    one_or_many::<Value>(body)?
        .into_iter()
        .enumerate()
        .map(|(index, item)| match item {
            Value::String(name) => Ok(name),
            Value::Number(name) => Ok(name.to_string()),
            other => {
                let name = other.get("controllerId").or_else(|| other.get("id")).and_then(Value::as_str);
                let problem = || Refusal::field(&format!("{index}"), "must be the name of a target");
                name.map(str::to_owned).ok_or_else(problem)
            }
        })
        .collect()
}

/// Numbers of sets: plain, or as objects as older clients write them.
fn numbers(body: Value) -> Result<Vec<i64>, Refusal> {
    one_or_many::<Value>(body)?
        .into_iter()
        .enumerate()
        .map(|(index, item)| {
            let read = |item: &Value| item.as_i64().or_else(|| item.as_str()?.trim().parse().ok());
            let number = read(&item).or_else(|| read(item.get("id")?));
            number.ok_or_else(|| Refusal::field(&format!("{index}"), "must be the number of a set"))
        })
        .collect()
}

/// What becomes of a request some of whose ids name nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    /// It is refused, and nothing changes.
    Fail,
    /// What is there is changed, then it is refused.
    FoundAndFail,
    /// What is there is changed.
    FoundAndSuccess,
}

impl<S: Sync> FromRequestParts<S> for Policy {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Refusal::field("", "has a query that cannot be read"))?;
        let said = pairs.0.iter().find(|(name, _)| name == "onNotFoundPolicy");
        match said.map(|(_, text)| text.to_ascii_uppercase()).as_deref() {
            None | Some("" | "FAIL") => Ok(Self::Fail),
            Some("ON_WHAT_FOUND_AND_FAIL") => Ok(Self::FoundAndFail),
            Some("ON_WHAT_FOUND_AND_SUCCESS") => Ok(Self::FoundAndSuccess),
            Some(_) => {
                let words = "must be FAIL, ON_WHAT_FOUND_AND_FAIL or ON_WHAT_FOUND_AND_SUCCESS";
                Err(Refusal::field("onNotFoundPolicy", words))
            }
        }
    }
}

impl Policy {
    const fn missing(self) -> Missing {
        match self {
            Self::Fail => Missing::Stops,
            Self::FoundAndFail | Self::FoundAndSuccess => Missing::IsLeftOut,
        }
    }

    fn answer(self, what: &'static str, unknown: Vec<String>) -> Answer {
        if unknown.is_empty() || self == Self::FoundAndSuccess { done() } else { Err(missing(what, unknown)) }
    }
}

async fn give_targets(
    rest: &Rest,
    by: &Principal,
    id: i64,
    targets: Vec<String>,
    give: bool,
    policy: Policy,
) -> Answer {
    let unknown = rest.app.hawkbit_tag_targets(by, id, targets, give, policy.missing()).await?;
    policy.answer("target", unknown)
}

async fn tag_targets(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    policy: Policy,
    Body(body): Body<Value>,
) -> Answer {
    give_targets(&rest, &by, id, names(body)?, true, policy).await
}

async fn untag_targets(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    policy: Policy,
    Body(body): Body<Value>,
) -> Answer {
    give_targets(&rest, &by, id, names(body)?, false, policy).await
}

async fn tag_target(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, target)): At<(i64, String)>,
) -> Answer {
    give_targets(&rest, &by, id, vec![target], true, Policy::Fail).await
}

async fn untag_target(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, target)): At<(i64, String)>,
) -> Answer {
    give_targets(&rest, &by, id, vec![target], false, Policy::Fail).await
}

async fn tags_of_target(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<String>,
) -> Answer {
    let device = rest.app.hawkbit_target(&by, &id).await?.device.device;
    rest.app.hawkbit_tags_of_devices(&by).await?;
    let all = rest.app.hawkbit_tags::<TargetTag>(&by).await?.into_iter();
    let has = |item: &Item<TargetTag>| device.tags.iter().any(|tag| tag.as_str() == item.name);
    ok(&all.filter(has).map(|item| shown(item, &base)).collect::<Vec<_>>())
}

async fn tagged_sets(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    query: ListQuery,
) -> Answer {
    rest.app.hawkbit_tag::<SetTag>(&by, id).await?;
    let all = rest.app.hawkbit_sets(&by).await?;
    let all = all.into_iter().filter(|one| one.extra.tags.contains(&id));
    let all = all.map(|one| view::set(one, &base)).collect();
    page(all, &query, super::sets::NAMES, &[], rest.app.clock.now())
}

async fn give_sets(
    rest: &Rest,
    by: &Principal,
    id: i64,
    sets: Vec<i64>,
    give: bool,
    policy: Policy,
) -> Answer {
    let unknown = rest.app.hawkbit_tag_sets(by, id, sets, give, policy.missing()).await?;
    policy.answer("distribution set", unknown.iter().map(ToString::to_string).collect())
}

async fn tag_sets(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    policy: Policy,
    Body(body): Body<Value>,
) -> Answer {
    give_sets(&rest, &by, id, numbers(body)?, true, policy).await
}

async fn untag_sets(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    policy: Policy,
    Body(body): Body<Value>,
) -> Answer {
    give_sets(&rest, &by, id, numbers(body)?, false, policy).await
}

async fn tag_set(State(rest): State<Rest>, Caller(by): Caller, At((id, set)): At<(i64, i64)>) -> Answer {
    give_sets(&rest, &by, id, vec![set], true, Policy::Fail).await
}

async fn untag_set(State(rest): State<Rest>, Caller(by): Caller, At((id, set)): At<(i64, i64)>) -> Answer {
    give_sets(&rest, &by, id, vec![set], false, Policy::Fail).await
}

async fn tags_of_set(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    let has = rest.app.hawkbit_set(&by, id).await?.extra.tags;
    let all = rest.app.hawkbit_tags::<SetTag>(&by).await?.into_iter();
    ok(&all.filter(|item| has.contains(&item.id)).map(|item| shown(item, &base)).collect::<Vec<_>>())
}
