//! `softwaremodules`.

use axum::extract::State;
use serde_json::Value;
use windlass_app::hawkbit::{ModuleChange, NewModule};
use windlass_domain::permission::Permission;
use windlass_wire::management::software::ModuleRequest;

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
        .get("/softwaremodules", read, list)
        .post("/softwaremodules", write, create)
        .get("/softwaremodules/{id}", read, get)
        .put("/softwaremodules/{id}", write, change)
        .delete("/softwaremodules/{id}", write, delete)
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
        ("type.id", "_type"),
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
pub(super) const HIDDEN: &[&str] = &["_metadata", "_tags", "_type"];

/// What is shown, with what queries may ask for: the number of its type and its metadata.
pub(super) fn with_hidden(
    shown: &impl serde::Serialize,
    type_id: Option<i64>,
    metadata: impl Iterator<Item = (String, String)>,
) -> Result<Value, Refusal> {
    let mut value = serde_json::to_value(shown).map_err(|error| Refusal::internal(&error))?;
    if let Some(members) = value.as_object_mut() {
        let metadata = metadata.map(|(key, value)| (key, Value::from(value))).collect();
        members.insert("_metadata".to_owned(), Value::Object(metadata));
        members.insert("_type".to_owned(), Value::from(type_id));
    }
    Ok(value)
}

async fn list(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let mut shown = Vec::new();
    for one in rest.app.hawkbit_modules(&by).await? {
        let entries: Vec<_> =
            one.extra.metadata.iter().map(|(key, entry)| (key.clone(), entry.value.clone())).collect();
        let type_id = one.type_id;
        shown.push(with_hidden(&view::module(one, &base), type_id, entries.into_iter())?);
    }
    page(shown, &query, NAMES, HIDDEN, rest.app.clock.now())
}

async fn create(State(rest): State<Rest>, Caller(by): Caller, base: Base, Body(body): Body<Value>) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let new = one_or_many::<ModuleRequest>(body)?.into_iter().map(|asked| {
        let ModuleRequest { name, version, module_type, description, vendor, encrypted, locked: _ } = asked;
        let encrypted = encrypted.unwrap_or(false);
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
    Body(asked): Body<ModuleRequest>,
) -> Answer {
    let ModuleRequest { name: _, version: _, module_type: _, description, vendor, encrypted: _, locked } =
        asked;
    let change = ModuleChange { description, vendor, locked, metadata: Vec::new() };
    ok(&view::module(rest.app.hawkbit_module_change(&by, id, change).await?, &base))
}

async fn delete(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_module_delete(&by, id).await?;
    done()
}
