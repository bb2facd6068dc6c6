//! `targets`, their attributes, metadata and types. Lists are answered by the fleet index.

use std::collections::BTreeMap;

use axum::extract::State;
use serde_json::Value;
use windlass_app::AppError;
use windlass_app::hawkbit::{
    NewTarget, TARGET_FIELDS, TargetChange, TargetPage, TargetQuery, TargetView, target_field,
};
use windlass_domain::permission::{Permission, Principal, allows};
use windlass_query::{Field, Times};
use windlass_wire::management::software::{Metadata, MetadataRequest};
use windlass_wire::management::targets::{Target, TargetRequest};

use super::io::{Answer, At, Body, created, done, made, ok, one_or_many};
use super::list::{ListQuery, page, paged, rsql};
use super::metadata::{NAMES as METADATA, entry};
use super::routes::Routes;
use super::view::{self, Base, Expected, Private};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    let (read, write) = (Permission::DeviceRead, Permission::DeviceWrite);
    routes
        .get("/targets", read, list)
        .post("/targets", write, create)
        .get("/targets/{id}", read, get)
        .put("/targets/{id}", write, change)
        .delete("/targets/{id}", Permission::DeviceLifecycle, delete)
        .get("/targets/{id}/attributes", read, attributes)
        .get("/targets/{id}/metadata", read, metadata)
        .post("/targets/{id}/metadata", write, add_metadata)
        .get("/targets/{id}/metadata/{key}", read, one_metadata)
        .put("/targets/{id}/metadata/{key}", write, put_metadata)
        .delete("/targets/{id}/metadata/{key}", write, delete_metadata)
        .post("/targets/{id}/targettype", write, give_type)
        .delete("/targets/{id}/targettype", write, take_type)
}

/// When targets of the tenant are expected.
pub(super) async fn expected(rest: &Rest, by: &Principal) -> Result<Expected, Refusal> {
    let settings = rest.app.settings_of(by.tenant).await?;
    let (interval, overdue) = (settings.polling.base.base, settings.overdue);
    Ok(Expected { now: rest.app.clock.now(), interval, overdue })
}

/// What placeholders of times stand for.
pub(super) fn times(expected: Expected) -> Times {
    Times { now: expected.now, overdue: expected.now.minus(expected.interval).minus(expected.overdue) }
}

/// Reads RSQL about targets.
pub(super) fn target_query(text: &str, expected: Expected) -> Result<windlass_query::Query, Refusal> {
    rsql(text, times(expected), &target_field, TARGET_FIELDS)
}

/// What a list of targets asks for.
pub(super) fn asked(query: &ListQuery, expected: Expected) -> Result<TargetQuery, Refusal> {
    let mut order = Vec::new();
    for (name, falls) in &query.sort {
        let field = target_field(&Field::new(name)).ok_or_else(|| {
            let detail = format!("{name} cannot be sorted by; write {TARGET_FIELDS}.");
            Refusal::new(http::StatusCode::BAD_REQUEST, "hawkbit.sort_field", "Not usable", detail)
        })?;
        order.push((field, *falls));
    }
    let parsed = query.q.as_deref().map(|text| target_query(text, expected)).transpose()?;
    Ok(TargetQuery { query: parsed, only: None, order, offset: query.offset, limit: query.limit })
}

/// A page of targets as shown.
pub(super) fn shown_page(found: TargetPage, expected: Expected, base: &Base) -> Answer {
    let mut content = Vec::with_capacity(found.items.len());
    for one in found.items {
        let shown = view::target(one, Private::default(), expected, base);
        content.push(serde_json::to_value(shown).map_err(|error| Refusal::internal(&error))?);
    }
    paged(content, found.total)
}

/// One target as shown to whoever may see everything of it.
async fn shown(rest: &Rest, by: &Principal, view: TargetView, base: &Base) -> Result<Target, Refusal> {
    let expected = expected(rest, by).await?;
    let confirms = rest.app.settings_of(by.tenant).await?.confirmation;
    let mut private = Private {
        security_token: None,
        auto_confirm: confirms.then_some(view.target.auto_confirm.is_some()),
    };
    if allows(by, Permission::CredentialIssue) {
        let record = &view.device.device;
        let token = rest.app.device_token_needed(by, record.id, &record.name).await?;
        private.security_token = token.map(|token| token.reveal().to_owned());
    }
    Ok(view::target(view, private, expected, base))
}

async fn list(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    let expected = expected(&rest, &by).await?;
    let found = rest.app.hawkbit_targets(&by, asked(&query, expected)?).await?;
    shown_page(found, expected, &base)
}

/// What a request says of a target: its name, its token, the rest.
fn change_of(asked: TargetRequest) -> (Option<String>, Option<String>, TargetChange) {
    let TargetRequest {
        controller_id,
        name,
        description,
        address,
        group,
        security_token,
        target_type,
        request_attributes,
    } = asked;
    // Clients write -1 for none.
    let target_type = target_type.map(|id| Some(id).filter(|id| *id >= 0));
    let change = TargetChange { name, description, address, group, target_type, request_attributes };
    (controller_id, security_token, change)
}

async fn create(State(rest): State<Rest>, Caller(by): Caller, base: Base, Body(body): Body<Value>) -> Answer {
    let new = one_or_many::<TargetRequest>(body)?.into_iter().map(|asked| {
        let (controller_id, token, change) = change_of(asked);
        // As upstream: forms send an empty text for a token that the server is to make.
        let token = token.filter(|token| !token.is_empty());
        NewTarget { controller_id, token, change }
    });
    let mut made = Vec::new();
    for one in rest.app.hawkbit_targets_create(&by, new.collect()).await? {
        made.push(shown(&rest, &by, one, &base).await?);
    }
    created(&made)
}

async fn get(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<String>) -> Answer {
    let view = rest.app.hawkbit_target(&by, &id).await?;
    ok(&shown(&rest, &by, view, &base).await?)
}

async fn change(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<String>,
    Body(asked): Body<TargetRequest>,
) -> Answer {
    let (_, token, change) = change_of(asked);
    if change.request_attributes == Some(false) {
        let detail = "can only be true; the target answers when it has told its attributes";
        return Err(Refusal::field("requestAttributes", detail));
    }
    let asks = change.request_attributes == Some(true);
    let view = rest.app.hawkbit_target_change(&by, &id, change).await?;
    if asks {
        rest.app.ddi_want_attributes(view.device.device.id).await.map_err(AppError::Store)?;
    }
    if let Some(token) = token {
        let known = rest.app.token_of(view.device.device.id).await?;
        if known.is_none_or(|known| !known.token.is(&token)) {
            rest.app.device_token_offer(&by, &view.device.device.name, Some(&token)).await?;
        }
    }
    ok(&shown(&rest, &by, view, &base).await?)
}

async fn delete(State(rest): State<Rest>, Caller(by): Caller, At(id): At<String>) -> Answer {
    rest.app.hawkbit_target_delete(&by, &id).await?;
    done()
}

async fn attributes(State(rest): State<Rest>, Caller(by): Caller, At(id): At<String>) -> Answer {
    let view = rest.app.hawkbit_target(&by, &id).await?;
    let said: BTreeMap<String, String> =
        view.device.device.inventory.into_iter().map(|(key, value)| (key.into_string(), value)).collect();
    // As upstream: a target that told nothing has no such thing.
    if said.is_empty() { done() } else { ok(&said) }
}

fn entries(view: TargetView) -> BTreeMap<String, String> {
    view.device.device.attributes.into_iter().map(|(key, value)| (key.into_string(), value)).collect()
}

async fn metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<String>,
    query: ListQuery,
) -> Answer {
    let known = entries(rest.app.hawkbit_target(&by, &id).await?);
    let all = known.into_iter().map(|(key, value)| Metadata { key, value, target_visible: None }).collect();
    page(all, &query, METADATA, &[], rest.app.clock.now())
}

async fn one_metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, key)): At<(String, String)>,
) -> Answer {
    let value = entries(rest.app.hawkbit_target(&by, &id).await?).remove(&key);
    let value = value.ok_or_else(|| Refusal::from(AppError::not_found("metadata", &key)))?;
    ok(&Metadata { key, value, target_visible: None })
}

async fn add_metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<String>,
    Body(body): Body<Value>,
) -> Answer {
    let mut changes = BTreeMap::new();
    for (index, asked) in one_or_many::<MetadataRequest>(body)?.into_iter().enumerate() {
        let (key, value, _) = entry(asked, &format!("{index}."))?;
        changes.insert(key, Some(value));
    }
    rest.app.hawkbit_target_metadata(&by, &id, changes, false).await?;
    made()
}

async fn put_metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, key)): At<(String, String)>,
    Body(asked): Body<MetadataRequest>,
) -> Answer {
    let value = asked.value.ok_or_else(|| Refusal::field("value", "is missing"))?;
    rest.app.hawkbit_target_metadata(&by, &id, BTreeMap::from([(key, Some(value))]), true).await?;
    done()
}

async fn delete_metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, key)): At<(String, String)>,
) -> Answer {
    rest.app.hawkbit_target_metadata(&by, &id, BTreeMap::from([(key, None)]), true).await?;
    done()
}

async fn give_type(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<String>,
    Body(asked): Body<windlass_wire::management::common::IdRef>,
) -> Answer {
    let wanted = asked.id.ok_or_else(|| Refusal::field("id", "is missing"))?;
    let change = TargetChange { target_type: Some(Some(wanted)), ..TargetChange::default() };
    rest.app.hawkbit_target_change(&by, &id, change).await?;
    done()
}

async fn take_type(State(rest): State<Rest>, Caller(by): Caller, At(id): At<String>) -> Answer {
    let change = TargetChange { target_type: Some(None), ..TargetChange::default() };
    rest.app.hawkbit_target_change(&by, &id, change).await?;
    done()
}
