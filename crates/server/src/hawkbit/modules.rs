//! `softwaremodules` and their metadata.

use axum::extract::State;
use serde_json::Value;
use windlass_app::AppError;
use windlass_app::hawkbit::stored::ModuleMetadata;
use windlass_app::hawkbit::{ModuleChange, NewModule};
use windlass_domain::permission::{Permission, Principal};
use windlass_wire::management::software::{Metadata, MetadataRequest, ModuleRequest, ModuleUpdate};

use super::io::{Answer, At, Body, created, done, made, ok, one_or_many};
use super::list::{ListQuery, Names, page};
use super::routes::Routes;
use super::view::{self, Base};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    let (read, write) = (Permission::ReleaseRead, Permission::ReleaseWrite);
    routes
        .get("/softwaremodules", read, list)
        .post("/softwaremodules", write, create)
        .get("/softwaremodules/{id}", read, get)
        .put("/softwaremodules/{id}", write, change)
        .delete("/softwaremodules/{id}", write, delete)
        .get("/softwaremodules/{id}/metadata", read, metadata)
        .post("/softwaremodules/{id}/metadata", write, add_metadata)
        .get("/softwaremodules/{id}/metadata/{key}", read, one_metadata)
        .put("/softwaremodules/{id}/metadata/{key}", write, put_metadata)
        .delete("/softwaremodules/{id}/metadata/{key}", write, delete_metadata)
}

pub(super) const NAMES: Names = Names {
    fields: &[
        ("id", "id"),
        ("name", "name"),
        ("version", "version"),
        ("description", "description"),
        ("vendor", "vendor"),
        ("type", "type"),
        ("type.key", "type"),
        ("type.name", "typeName"),
        ("encrypted", "encrypted"),
        ("locked", "locked"),
        ("createdat", "createdAt"),
        ("createdby", "createdBy"),
        ("lastmodifiedat", "lastModifiedAt"),
        ("lastmodifiedby", "lastModifiedBy"),
        ("metadata.*", "_metadata."),
    ],
};

/// Members that only queries see.
pub(super) const HIDDEN: &[&str] = &["_metadata", "_tags"];

/// What is shown, with what queries may ask for.
pub(super) fn with_metadata(
    shown: &impl serde::Serialize,
    metadata: impl Iterator<Item = (String, String)>,
) -> Result<Value, Refusal> {
    let mut value = serde_json::to_value(shown).map_err(|error| Refusal::internal(&error))?;
    if let Some(members) = value.as_object_mut() {
        let metadata = metadata.map(|(key, value)| (key, Value::from(value))).collect();
        members.insert("_metadata".to_owned(), Value::Object(metadata));
    }
    Ok(value)
}

async fn list(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let mut shown = Vec::new();
    for one in rest.app.hawkbit_modules(&by).await? {
        let entries: Vec<_> =
            one.extra.metadata.iter().map(|(key, entry)| (key.clone(), entry.value.clone())).collect();
        shown.push(with_metadata(&view::module(one, &base), entries.into_iter())?);
    }
    page(shown, &query, NAMES, HIDDEN, rest.app.clock.now())
}

async fn create(State(rest): State<Rest>, Caller(by): Caller, base: Base, Body(body): Body<Value>) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let new = one_or_many::<ModuleRequest>(body)?.into_iter().map(|asked| {
        let ModuleRequest { name, version, module_type, description, vendor, encrypted } = asked;
        NewModule { name, version, module_type, description, vendor, encrypted }
    });
    let made = rest.app.hawkbit_modules_create(&by, new.collect()).await?;
    created(&made.into_iter().map(|one| view::module(one, &base)).collect::<Vec<_>>())
}

async fn get(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    ok(&view::module(rest.app.hawkbit_module(&by, id).await?, &base))
}

async fn change(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    Body(asked): Body<ModuleUpdate>,
) -> Answer {
    let ModuleUpdate { description, vendor, locked } = asked;
    let change = ModuleChange { description, vendor, locked, metadata: Vec::new() };
    ok(&view::module(rest.app.hawkbit_module_change(&by, id, change).await?, &base))
}

async fn delete(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_module_delete(&by, id).await?;
    done()
}

fn shown(key: &str, entry: &ModuleMetadata) -> Metadata {
    let ModuleMetadata { value, target_visible } = entry.clone();
    Metadata { key: key.to_owned(), value, target_visible: Some(target_visible) }
}

async fn metadata(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>, query: ListQuery) -> Answer {
    let module = rest.app.hawkbit_module(&by, id).await?;
    let all = module.extra.metadata.iter().map(|(key, entry)| shown(key, entry)).collect();
    page(all, &query, METADATA, &[], rest.app.clock.now())
}

/// Fields of lists of metadata.
pub(super) const METADATA: Names =
    Names { fields: &[("key", "key"), ("value", "value"), ("targetvisible", "targetVisible")] };

async fn one_metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, key)): At<(i64, String)>,
) -> Answer {
    let module = rest.app.hawkbit_module(&by, id).await?;
    let entry = module.extra.metadata.get(&key);
    let entry = entry.ok_or_else(|| Refusal::from(AppError::not_found("metadata", &key)))?;
    ok(&shown(&key, entry))
}

async fn set(rest: &Rest, by: &Principal, id: i64, entries: Vec<(String, Option<ModuleMetadata>)>) -> Answer {
    let change = ModuleChange { metadata: entries, ..ModuleChange::default() };
    rest.app.hawkbit_module_change(by, id, change).await?;
    done()
}

/// What a request says of metadata; the key of the path where the body has none.
pub(super) fn entry(asked: MetadataRequest, place: &str) -> Result<(String, String, bool), Refusal> {
    let MetadataRequest { key, value, target_visible } = asked;
    let key = key.ok_or_else(|| Refusal::field(&format!("{place}key"), "is missing"))?;
    let value = value.ok_or_else(|| Refusal::field(&format!("{place}value"), "is missing"))?;
    Ok((key, value, target_visible.unwrap_or(false)))
}

async fn add_metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Body(body): Body<Value>,
) -> Answer {
    let known = rest.app.hawkbit_module(&by, id).await?.extra.metadata;
    let mut entries = Vec::new();
    for (index, asked) in one_or_many::<MetadataRequest>(body)?.into_iter().enumerate() {
        let (key, value, target_visible) = entry(asked, &format!("{index}."))?;
        if known.contains_key(&key) {
            return Err(AppError::Exists { what: "metadata", name: key }.into());
        }
        let entry = ModuleMetadata { value, target_visible };
        entries.push((key, Some(entry)));
    }
    set(&rest, &by, id, entries).await?;
    made()
}

async fn put_metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, key)): At<(i64, String)>,
    Body(asked): Body<MetadataRequest>,
) -> Answer {
    let known = rest.app.hawkbit_module(&by, id).await?.extra.metadata;
    let before =
        known.get(&key).cloned().ok_or_else(|| Refusal::from(AppError::not_found("metadata", &key)))?;
    let target_visible = asked.target_visible.unwrap_or(before.target_visible);
    let entry = ModuleMetadata { value: asked.value.unwrap_or(before.value), target_visible };
    set(&rest, &by, id, vec![(key, Some(entry))]).await
}

async fn delete_metadata(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, key)): At<(i64, String)>,
) -> Answer {
    set(&rest, &by, id, vec![(key, None)]).await
}
