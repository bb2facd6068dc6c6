//! `distributionsets` and their modules.

use std::collections::HashMap;

use axum::extract::State;
use serde_json::Value;
use windlass_app::hawkbit::stored::items::SetTag;
use windlass_app::hawkbit::{NewSet, SetChange, SetView};
use windlass_domain::permission::{Permission, Principal};
use windlass_wire::management::common::IdRef;
use windlass_wire::management::software::SetRequest;

use super::io::{Answer, At, Body, created, done, ok, one_or_many};
use super::list::{ListQuery, Names, page};
use super::modules::{HIDDEN, with_hidden};
use super::routes::Routes;
use super::types::ids;
use super::view::{self, Base};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    let (read, write) = (Permission::ReleaseRead, Permission::ReleaseWrite);
    routes
        .get("/distributionsets", read, list)
        .post("/distributionsets", write, create)
        .get("/distributionsets/{id}", read, get)
        .put("/distributionsets/{id}", write, change)
        .delete("/distributionsets/{id}", write, delete)
        .get("/distributionsets/{id}/assignedSM", read, modules)
        .post("/distributionsets/{id}/assignedSM", write, add_modules)
        .delete("/distributionsets/{id}/assignedSM/{module}", write, remove_module)
}

pub(super) const NAMES: Names = Names {
    fields: &[
        ("id", "id"),
        ("name", "name"),
        ("version", "version"),
        ("description", "description"),
        ("type", "type"),
        ("type.key", "type"),
        ("type.id", "_type"),
        ("type.name", "typeName"),
        ("complete", "complete"),
        ("valid", "valid"),
        ("locked", "locked"),
        ("module", "modules.name"),
        ("module.id", "modules.id"),
        ("module.name", "modules.name"),
        ("modules.name", "modules.name"),
        ("tag", "_tags"),
        ("tag.name", "_tags"),
        ("createdat", "createdAt"),
        ("createdby", "createdBy"),
        ("lastmodifiedat", "lastModifiedAt"),
        ("lastmodifiedby", "lastModifiedBy"),
        ("metadata.*", "_metadata."),
    ],
};

/// What tags of sets are called, by number.
pub(super) async fn tag_names(rest: &Rest, by: &Principal) -> Result<HashMap<i64, String>, Refusal> {
    let tags = rest.app.hawkbit_tags::<SetTag>(by).await?;
    Ok(tags.into_iter().map(|item| (item.id, item.name)).collect())
}

/// A set with what queries may ask for.
pub(super) fn queried(one: SetView, tags: &HashMap<i64, String>, base: &Base) -> Result<Value, Refusal> {
    let (type_id, entries) = (one.type_id, one.extra.metadata.clone());
    let has = one.extra.tags.iter().filter_map(|id| tags.get(id));
    let has = has.map(|name| Value::from(name.as_str())).collect();
    let mut set = with_hidden(&view::set(one, base), type_id, entries.into_iter())?;
    if let Some(members) = set.as_object_mut() {
        members.insert("_tags".to_owned(), Value::Array(has));
    }
    Ok(set)
}

async fn list(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let tags = tag_names(&rest, &by).await?;
    let mut shown = Vec::new();
    for one in rest.app.hawkbit_sets(&by).await? {
        shown.push(queried(one, &tags, &base)?);
    }
    page(shown, &query, NAMES, HIDDEN, rest.app.clock.now())
}

async fn create(State(rest): State<Rest>, Caller(by): Caller, base: Base, Body(body): Body<Value>) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let mut new = Vec::new();
    for asked in one_or_many::<SetRequest>(body)? {
        let SetRequest {
            name,
            version,
            set_type,
            description,
            required_migration_step,
            locked: _,
            modules,
            os,
            application,
            runtime,
        } = asked;
        let mut modules = modules.unwrap_or_default();
        modules.extend([os, application, runtime].into_iter().flatten());
        let modules = ids("modules", modules)?;
        let required_migration_step = required_migration_step.unwrap_or(false);
        new.push(NewSet { name, version, set_type, description, required_migration_step, modules });
    }
    let made = rest.app.hawkbit_sets_create(&by, new).await?;
    created(&made.into_iter().map(|one| view::set(one, &base)).collect::<Vec<_>>())
}

async fn get(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    ok(&view::set(rest.app.hawkbit_set(&by, id).await?, &base))
}

async fn change(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    Body(asked): Body<SetRequest>,
) -> Answer {
    let SetRequest { name, version, description, required_migration_step, locked, .. } = asked;
    let change =
        SetChange { name, version, description, required_migration_step, locked, ..SetChange::default() };
    ok(&view::set(rest.app.hawkbit_set_change(&by, id, change).await?, &base))
}

async fn delete(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_set_delete(&by, id).await?;
    done()
}

async fn modules(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    query: ListQuery,
) -> Answer {
    let set = rest.app.hawkbit_set(&by, id).await?;
    let shown = set.modules.into_iter().map(|one| view::module(one, &base)).collect();
    page(shown, &query, super::modules::NAMES, &[], rest.app.clock.now())
}

async fn add_modules(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Body(body): Body<Value>,
) -> Answer {
    let modules = ids("modules", one_or_many::<IdRef>(body)?)?;
    rest.app.hawkbit_set_modules(&by, id, modules, None).await?;
    done()
}

async fn remove_module(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, module)): At<(i64, i64)>,
) -> Answer {
    rest.app.hawkbit_set_modules(&by, id, Vec::new(), Some(module)).await?;
    done()
}
