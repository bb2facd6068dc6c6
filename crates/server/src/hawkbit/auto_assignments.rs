//! `autoassignments`: what saved queries assign by themselves, as things of their own that are started, held and approved.

use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use windlass_app::hawkbit::stored::items::Item;
use windlass_app::hawkbit::stored::{AutoAssign, AutoState, Filter};
use windlass_app::hawkbit::{AutoAct, NewAutoAssign, NewAutoAssignment, Seen, auto_word};
use windlass_domain::job::Priority;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_wire::management::auto_assignments as wire;

use super::filters::known_type;
use super::io::{Answer, At, Body, created, done, ok};
use super::list::{ListQuery, Names, page};
use super::routes::Routes;
use super::view::{Base, item_stamp};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    let (read, make) = (Permission::DeviceRead, Permission::JobCreate);
    let (control, decide) = (Permission::JobControl, Permission::JobApprove);
    routes
        .get("/autoassignments", read, list)
        .post("/autoassignments", make, create)
        .get("/autoassignments/{id}", read, get)
        .put("/autoassignments/{id}", make, change)
        .delete("/autoassignments/{id}", make, delete)
        .post("/autoassignments/{id}/start", control, start)
        .post("/autoassignments/{id}/pause", control, pause)
        .post("/autoassignments/{id}/resume", control, resume)
        .post("/autoassignments/{id}/approve", decide, approve)
        .post("/autoassignments/{id}/deny", decide, deny)
}

const NAMES: Names = Names {
    fields: &[
        ("id", "id"),
        ("name", "name"),
        ("description", "description"),
        ("targetfilterquery", "targetFilterQuery"),
        ("distributionset", "distributionSetId"),
        ("distributionset.id", "distributionSetId"),
        ("status", "status"),
        ("startat", "startAt"),
        ("actiontype", "actionType"),
        ("weight", "weight"),
        ("createdat", "createdAt"),
        ("createdby", "createdBy"),
        ("lastmodifiedat", "lastModifiedAt"),
        ("lastmodifiedby", "lastModifiedBy"),
    ],
};

/// What can be done to it as it stands.
const fn acts(state: AutoState) -> &'static [(&'static str, &'static str)] {
    match state {
        AutoState::WaitingForApproval => &[("approve", "/approve"), ("deny", "/deny")],
        AutoState::Ready => &[("start", "/start")],
        AutoState::Running => &[("pause", "/pause")],
        AutoState::Paused => &[("resume", "/resume")],
        AutoState::Denied => &[],
    }
}

/// Those of some saved queries that assign something, as shown.
async fn shown(
    rest: &Rest,
    by: &Principal,
    items: Vec<Item<Filter>>,
    base: &Base,
) -> Result<Vec<wire::AutoAssignment>, Refusal> {
    let sets = rest.app.hawkbit_assigned_names(by, &items).await?;
    let one = |item: Item<Filter>| {
        let stamp = item_stamp(&item);
        let Item { id, name, body, updated_at, .. } = item;
        let Filter { query, description, auto_assign, asked: _ } = body;
        let AutoAssign {
            set,
            action_type,
            weight,
            confirmation_required,
            by: _,
            asked_by: _,
            state,
            start_at,
            decision,
            owns_filter: _,
        } = auto_assign?;
        let path = format!("/autoassignments/{id}");
        let mut links = base.links(&path, [("self", "")]);
        for (relation, tail) in acts(state) {
            // Whoever approves says what was looked at.
            let seen = match *relation {
                "approve" => format!("?lastModifiedAt={}", updated_at.millis()),
                _ => String::new(),
            };
            links.insert(relation, base.link(&format!("{path}{tail}{seen}")));
        }
        let to_set = format!("/distributionsets/{set}");
        let to_set = match sets.get(&set) {
            Some((name, version)) => base.named(&to_set, format!("{name}:{version}")),
            None => base.link(&to_set),
        };
        links.insert("distributionset", to_set);
        let (approval_decided_by, approval_remark) =
            decision.map(|decision| (decision.by, decision.remark)).unzip();
        Some(wire::AutoAssignment {
            stamp,
            id,
            target_filter_query_id: id,
            name,
            description,
            target_filter_query: query,
            distribution_set_id: set,
            status: auto_word(state),
            start_at: start_at.map(|at| Timestamp::from_micros(at).millis()),
            action_type,
            weight: weight.unwrap_or_else(|| i64::from(Priority::default().get())),
            confirmation_required,
            approval_decided_by,
            approval_remark: approval_remark.flatten(),
            links,
        })
    };
    Ok(items.into_iter().filter_map(one).collect())
}

async fn one_shown(
    rest: &Rest,
    by: &Principal,
    item: Item<Filter>,
    base: &Base,
) -> Result<Option<wire::AutoAssignment>, Refusal> {
    Ok(shown(rest, by, vec![item], base).await?.pop())
}

async fn list(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    let all = shown(&rest, &by, rest.app.hawkbit_filters(&by).await?, &base).await?;
    page(all, &query, NAMES, &[], rest.app.clock.now())
}

async fn get(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    ok(&one_shown(&rest, &by, rest.app.hawkbit_auto_assignment(&by, id).await?, &base).await?)
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    Body(asked): Body<wire::AutoAssignmentRequest>,
) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let wire::AutoAssignmentRequest {
        name,
        description,
        target_filter_query: query,
        target_filter_query_id: filter,
        distribution_set_id,
        start_at,
        action_type,
        weight,
        confirmation_required,
    } = asked;
    let set = distribution_set_id.ok_or_else(|| Refusal::field("distributionSetId", "is missing"))?;
    known_type("actionType", action_type.as_deref())?;
    if start_at.is_some_and(|at| at < 0) {
        return Err(Refusal::field("startAt", "must be milliseconds since 1970"));
    }
    if let Some(text) = &query {
        super::targets::target_query(text, super::targets::expected(&rest, &by).await?)?;
    }
    let start_at = start_at.map(Timestamp::from_millis);
    let assigns = NewAutoAssign { set, action_type, weight, confirmation_required, start_at };
    let new = NewAutoAssignment { name, description, query, filter, assigns };
    created(&one_shown(&rest, &by, rest.app.hawkbit_auto_create(&by, new).await?, &base).await?)
}

async fn change(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    Body(asked): Body<wire::AutoAssignmentRequest>,
) -> Answer {
    // As upstream: whatever else it says stays as it is.
    let wire::AutoAssignmentRequest { name, description, .. } = asked;
    let item = rest.app.hawkbit_auto_describe(&by, id, name, description).await?;
    ok(&one_shown(&rest, &by, item, &base).await?)
}

async fn delete(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_auto_delete(&by, id).await?;
    done()
}

async fn act(rest: &Rest, by: &Principal, id: i64, act: AutoAct) -> Answer {
    rest.app.hawkbit_auto_act(by, id, act).await?;
    done()
}

async fn start(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    act(&rest, &by, id, AutoAct::Start).await
}

async fn pause(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    act(&rest, &by, id, AutoAct::Pause).await
}

async fn resume(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    act(&rest, &by, id, AutoAct::Resume).await
}

/// What somebody says to a decision, and what was looked at.
#[derive(Debug, Default)]
struct Said {
    remark: String,
    seen: Option<Seen>,
}

impl<S: Sync> FromRequestParts<S> for Said {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Refusal::field("", "has a query that cannot be read"))?;
        let mut said = Self::default();
        for (name, text) in pairs.0 {
            match name.as_str() {
                "remark" => said.remark = text,
                "lastModifiedAt" => {
                    let number = text.parse().map_err(|_| {
                        Refusal::field("lastModifiedAt", "must be milliseconds since 1970, as it was shown")
                    })?;
                    said.seen = Some(Seen::ChangedAt(number));
                }
                // Unknown parameters are ignored, as upstream does.
                _ => {}
            }
        }
        Ok(said)
    }
}

async fn approve(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Said { remark, seen }: Said,
) -> Answer {
    act(&rest, &by, id, AutoAct::Decide { approved: true, remark, seen }).await
}

async fn deny(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Said { remark, seen }: Said,
) -> Answer {
    act(&rest, &by, id, AutoAct::Decide { approved: false, remark, seen }).await
}
