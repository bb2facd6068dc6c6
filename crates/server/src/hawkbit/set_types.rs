//! `distributionsettypes`, and which types of modules they take.

use std::collections::BTreeSet;

use axum::extract::State;
use serde_json::Value;
use windlass_app::AppError;
use windlass_app::hawkbit::stored::SetType;
use windlass_app::hawkbit::stored::items::Item;
use windlass_app::hawkbit::{NewSetType, TypeChange};
use windlass_domain::permission::{Permission, Principal};
use windlass_wire::management::common::IdRef;
use windlass_wire::management::software::TypeRequest;

use super::io::{Answer, At, Body, created, done, ok, one_or_many};
use super::list::{ListQuery, Names, page};
use super::routes::Routes;
use super::view::{self, Base};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    let (read, write) = (Permission::ReleaseRead, Permission::ReleaseWrite);
    routes
        .get("/distributionsettypes", read, list)
        .post("/distributionsettypes", write, create)
        .get("/distributionsettypes/{id}", read, get)
        .put("/distributionsettypes/{id}", write, change)
        .delete("/distributionsettypes/{id}", write, delete)
        .get("/distributionsettypes/{id}/mandatorymoduletypes", read, mandatory)
        .post("/distributionsettypes/{id}/mandatorymoduletypes", write, add_mandatory)
        .get("/distributionsettypes/{id}/mandatorymoduletypes/{module}", read, one_mandatory)
        .delete("/distributionsettypes/{id}/mandatorymoduletypes/{module}", write, remove)
        .get("/distributionsettypes/{id}/optionalmoduletypes", read, optional)
        .post("/distributionsettypes/{id}/optionalmoduletypes", write, add_optional)
        .get("/distributionsettypes/{id}/optionalmoduletypes/{module}", read, one_optional)
        .delete("/distributionsettypes/{id}/optionalmoduletypes/{module}", write, remove)
}

const NAMES: Names = Names {
    fields: &[
        ("id", "id"),
        ("key", "key"),
        ("name", "name"),
        ("description", "description"),
        ("colour", "colour"),
        ("createdat", "createdAt"),
        ("createdby", "createdBy"),
        ("lastmodifiedat", "lastModifiedAt"),
        ("lastmodifiedby", "lastModifiedBy"),
    ],
};

/// Numbers of things that a request names.
pub(super) fn ids(field: &str, named: Vec<IdRef>) -> Result<Vec<i64>, Refusal> {
    named
        .into_iter()
        .enumerate()
        .map(|(index, IdRef { id })| {
            id.ok_or_else(|| Refusal::field(&format!("{field}.{index}.id"), "is missing"))
        })
        .collect()
}

pub(super) async fn find(rest: &Rest, by: &Principal, id: i64) -> Result<Item<SetType>, Refusal> {
    rest.app.hawkbit_defaults(by).await?;
    let all = rest.app.hawkbit_set_types(by).await?;
    let found = all.into_iter().find(|item| item.id == id);
    found.ok_or_else(|| AppError::not_found("distribution set type", id).into())
}

async fn list(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let all = rest.app.hawkbit_set_types(&by).await?;
    let shown = all.into_iter().filter(|item| !item.body.deleted);
    let shown = shown.map(|item| view::set_type(item, &base)).collect();
    page(shown, &query, NAMES, &[], rest.app.clock.now())
}

async fn create(State(rest): State<Rest>, Caller(by): Caller, base: Base, Body(body): Body<Value>) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let mut new = Vec::new();
    for asked in one_or_many::<TypeRequest>(body)? {
        let TypeRequest { key, name, description, colour, max_assignments: _, mandatory, optional } = asked;
        let mandatory = ids("mandatorymodules", mandatory.unwrap_or_default())?;
        let optional = ids("optionalmodules", optional.unwrap_or_default())?;
        new.push(NewSetType { key, name, description, colour, mandatory, optional });
    }
    let made = rest.app.hawkbit_set_types_create(&by, new).await?;
    created(&made.into_iter().map(|item| view::set_type(item, &base)).collect::<Vec<_>>())
}

async fn get(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    ok(&view::set_type(find(&rest, &by, id).await?, &base))
}

async fn change(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    Body(asked): Body<TypeRequest>,
) -> Answer {
    let change = TypeChange { description: asked.description, colour: asked.colour };
    ok(&view::set_type(rest.app.hawkbit_set_type_change(&by, id, change, None).await?, &base))
}

async fn delete(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_set_type_delete(&by, id).await?;
    done()
}

async fn modules(rest: &Rest, by: &Principal, base: &Base, which: &BTreeSet<i64>) -> Answer {
    let all = rest.app.hawkbit_module_types(by).await?;
    let shown = all.into_iter().filter(|item| which.contains(&item.id));
    ok(&shown.map(|item| view::module_type(item, base)).collect::<Vec<_>>())
}

async fn mandatory(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    let item = find(&rest, &by, id).await?;
    modules(&rest, &by, &base, &item.body.mandatory).await
}

async fn optional(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    let item = find(&rest, &by, id).await?;
    modules(&rest, &by, &base, &item.body.optional).await
}

async fn one(rest: &Rest, by: &Principal, base: &Base, which: &BTreeSet<i64>, module: i64) -> Answer {
    if !which.contains(&module) {
        return Err(AppError::not_found("software module type", module).into());
    }
    ok(&view::module_type(super::module_types::find(rest, by, module).await?, base))
}

async fn one_mandatory(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At((id, module)): At<(i64, i64)>,
) -> Answer {
    let item = find(&rest, &by, id).await?;
    one(&rest, &by, &base, &item.body.mandatory, module).await
}

async fn one_optional(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At((id, module)): At<(i64, i64)>,
) -> Answer {
    let item = find(&rest, &by, id).await?;
    one(&rest, &by, &base, &item.body.optional, module).await
}

async fn set_modules(
    rest: &Rest,
    by: &Principal,
    id: i64,
    edit: impl FnOnce(&mut BTreeSet<i64>, &mut BTreeSet<i64>),
) -> Answer {
    let mut body = find(rest, by, id).await?.body;
    edit(&mut body.mandatory, &mut body.optional);
    let modules = Some((body.mandatory, body.optional));
    rest.app.hawkbit_set_type_change(by, id, TypeChange::default(), modules).await?;
    done()
}

async fn add_mandatory(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Body(IdRef { id: module }): Body<IdRef>,
) -> Answer {
    let module = module.ok_or_else(|| Refusal::field("id", "is missing"))?;
    set_modules(&rest, &by, id, |mandatory, optional| {
        optional.remove(&module);
        mandatory.insert(module);
    })
    .await
}

async fn add_optional(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Body(IdRef { id: module }): Body<IdRef>,
) -> Answer {
    let module = module.ok_or_else(|| Refusal::field("id", "is missing"))?;
    set_modules(&rest, &by, id, |mandatory, optional| {
        mandatory.remove(&module);
        optional.insert(module);
    })
    .await
}

async fn remove(State(rest): State<Rest>, Caller(by): Caller, At((id, module)): At<(i64, i64)>) -> Answer {
    set_modules(&rest, &by, id, |mandatory, optional| {
        mandatory.remove(&module);
        optional.remove(&module);
    })
    .await
}
