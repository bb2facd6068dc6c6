//! `targettypes`: device types, and which types of sets fit them.

use std::collections::BTreeSet;

use axum::extract::State;
use serde_json::Value;
use windlass_app::hawkbit::stored::{SetType, TargetTypeExtra};
use windlass_app::hawkbit::{NewTargetType, TargetTypeView};
use windlass_domain::permission::Permission;
use windlass_wire::management::common::IdRef;
use windlass_wire::management::targets as wire;

use super::io::{Answer, At, Body, created, done, ok, one_or_many};
use super::list::{ListQuery, page};
use super::routes::Routes;
use super::types::{NAMES, ids};
use super::view::{self, Base, stamp};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    let (read, write) = (Permission::TypeRead, Permission::TypeWrite);
    routes
        .get("/targettypes", read, list)
        .post("/targettypes", write, create)
        .get("/targettypes/{id}", read, get)
        .put("/targettypes/{id}", write, change)
        .delete("/targettypes/{id}", write, delete)
        .get("/targettypes/{id}/compatibledistributionsettypes", read, fitting)
        .post("/targettypes/{id}/compatibledistributionsettypes", write, add_fitting)
        .delete("/targettypes/{id}/compatibledistributionsettypes/{set_type}", write, remove_fitting)
}

fn shown(one: TargetTypeView, base: &Base) -> wire::TargetType {
    let TargetTypeView { record, extra } = one;
    let TargetTypeExtra { name, description, colour, set_types: _, created_by, updated_by } = extra;
    let id = record.id.get();
    let key = record.name.to_string();
    let own = Some(record.spec.description.clone()).filter(|text| !text.is_empty());
    wire::TargetType {
        stamp: stamp(
            created_by.as_deref().unwrap_or_default(),
            record.created_at,
            updated_by.as_deref(),
            Some(record.updated_at),
        ),
        id,
        name: name.unwrap_or_else(|| key.clone()),
        key,
        description: description.or(own),
        colour,
        deleted: false,
        links: base.links(
            &format!("/targettypes/{id}"),
            [("self", ""), ("compatibledistributionsettypes", "/compatibledistributionsettypes")],
        ),
    }
}

fn new_type(asked: wire::TargetTypeRequest) -> Result<NewTargetType, Refusal> {
    let wire::TargetTypeRequest { name, key, description, colour, compatible } = asked;
    let set_types = ids("compatibledistributionsettypes", compatible.unwrap_or_default())?;
    Ok(NewTargetType { name, key, description, colour, set_types: set_types.into_iter().collect() })
}

async fn list(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    let all = rest.app.hawkbit_target_types(&by).await?;
    let all = all.into_iter().map(|one| shown(one, &base)).collect();
    page(all, &query, NAMES, &[], rest.app.clock.now())
}

async fn create(State(rest): State<Rest>, Caller(by): Caller, base: Base, Body(body): Body<Value>) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let asked = one_or_many::<wire::TargetTypeRequest>(body)?;
    let new: Result<Vec<NewTargetType>, Refusal> = asked.into_iter().map(new_type).collect();
    let made = rest.app.hawkbit_target_types_create(&by, new?).await?;
    created(&made.into_iter().map(|one| shown(one, &base)).collect::<Vec<_>>())
}

async fn get(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    ok(&shown(rest.app.hawkbit_target_type(&by, id).await?, &base))
}

async fn change(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    Body(asked): Body<wire::TargetTypeRequest>,
) -> Answer {
    ok(&shown(rest.app.hawkbit_target_type_change(&by, id, new_type(asked)?).await?, &base))
}

async fn delete(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_target_type_delete(&by, id).await?;
    done()
}

async fn fitting(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let fits = rest.app.hawkbit_target_type(&by, id).await?.extra.set_types;
    let all = rest.app.hawkbit_types::<SetType>(&by).await?.into_iter();
    let all = all.filter(|item| fits.contains(&item.id));
    ok(&all.map(|item| view::set_type(item, &base)).collect::<Vec<_>>())
}

async fn add_fitting(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Body(body): Body<Value>,
) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let add: BTreeSet<i64> = ids("", one_or_many::<IdRef>(body)?)?.into_iter().collect();
    rest.app.hawkbit_target_type_fits(&by, id, add, None).await?;
    done()
}

async fn remove_fitting(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, set_type)): At<(i64, i64)>,
) -> Answer {
    rest.app.hawkbit_target_type_fits(&by, id, BTreeSet::new(), Some(set_type)).await?;
    done()
}
