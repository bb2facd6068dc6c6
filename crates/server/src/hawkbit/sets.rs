//! `distributionsets`, their modules and metadata.

use std::collections::HashMap;

use axum::extract::State;
use serde_json::Value;
use windlass_app::AppError;
use windlass_app::hawkbit::stored::items::SetTag;
use windlass_app::hawkbit::{NewSet, SetChange};
use windlass_domain::permission::{Permission, Principal};
use windlass_wire::management::common::IdRef;
use windlass_wire::management::software::{Metadata, MetadataRequest, SetRequest, SetUpdate};

use super::io::{Answer, At, Body, created, done, made, ok, one_or_many};
use super::list::{ListQuery, Names, page};
use super::modules::{HIDDEN, METADATA, entry, with_metadata};
use super::routes::Routes;
use super::set_types::ids;
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
        .get("/distributionsets/{id}/metadata", read, metadata)
        .post("/distributionsets/{id}/metadata", write, add_metadata)
        .get("/distributionsets/{id}/metadata/{key}", read, one_metadata)
        .put("/distributionsets/{id}/metadata/{key}", write, put_metadata)
        .delete("/distributionsets/{id}/metadata/{key}", write, delete_metadata)
}

pub(super) const NAMES: Names = Names {
    fields: &[
        ("id", "id"),
        ("name", "name"),
        ("version", "version"),
        ("description", "description"),
        ("type", "type"),
        ("type.key", "type"),
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

async fn list(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let tags: HashMap<i64, String> =
        rest.app.hawkbit_tags::<SetTag>(&by).await?.into_iter().map(|item| (item.id, item.name)).collect();
    let mut shown = Vec::new();
    for one in rest.app.hawkbit_sets(&by).await? {
        let entries = one.extra.metadata.clone();
        let has: Vec<Value> = one
            .extra
            .tags
            .iter()
            .filter_map(|id| tags.get(id))
            .map(|name| Value::from(name.as_str()))
            .collect();
        let mut set = with_metadata(&view::set(one, &base), entries.into_iter())?;
        if let Some(members) = set.as_object_mut() {
            members.insert("_tags".to_owned(), Value::Array(has));
        }
        shown.push(set);
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
            modules,
            os,
            application,
            runtime,
        } = asked;
        let mut modules = modules.unwrap_or_default();
        modules.extend([os, application, runtime].into_iter().flatten());
        let modules = ids("modules", modules)?;
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
    Body(asked): Body<SetUpdate>,
) -> Answer {
    let SetUpdate { name, version, description, required_migration_step, locked } = asked;
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

fn shown(key: &str, value: &str) -> Metadata {
    Metadata { key: key.to_owned(), value: value.to_owned(), target_visible: None }
}

async fn metadata(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>, query: ListQuery) -> Answer {
    let set = rest.app.hawkbit_set(&by, id).await?;
    let all = set.extra.metadata.iter().map(|(key, value)| shown(key, value)).collect();
    page(all, &query, METADATA, &[], rest.app.clock.now())
}

async fn one_metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, key)): At<(i64, String)>,
) -> Answer {
    let set = rest.app.hawkbit_set(&by, id).await?;
    let value = set.extra.metadata.get(&key);
    ok(&shown(&key, value.ok_or_else(|| Refusal::from(AppError::not_found("metadata", &key)))?))
}

async fn save(rest: &Rest, by: &Principal, id: i64, entries: Vec<(String, Option<String>)>) -> Answer {
    let change = SetChange { metadata: entries, ..SetChange::default() };
    rest.app.hawkbit_set_change(by, id, change).await?;
    done()
}

async fn add_metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Body(body): Body<Value>,
) -> Answer {
    let known = rest.app.hawkbit_set(&by, id).await?.extra.metadata;
    let mut entries = Vec::new();
    for (index, asked) in one_or_many::<MetadataRequest>(body)?.into_iter().enumerate() {
        let (key, value, _) = entry(asked, &format!("{index}."))?;
        if known.contains_key(&key) {
            return Err(AppError::Exists { what: "metadata", name: key }.into());
        }
        entries.push((key, Some(value)));
    }
    save(&rest, &by, id, entries).await?;
    made()
}

async fn put_metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, key)): At<(i64, String)>,
    Body(asked): Body<MetadataRequest>,
) -> Answer {
    if !rest.app.hawkbit_set(&by, id).await?.extra.metadata.contains_key(&key) {
        return Err(AppError::not_found("metadata", key).into());
    }
    let value = asked.value.ok_or_else(|| Refusal::field("value", "is missing"))?;
    save(&rest, &by, id, vec![(key, Some(value))]).await
}

async fn delete_metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, key)): At<(i64, String)>,
) -> Answer {
    save(&rest, &by, id, vec![(key, None)]).await
}
