//! `/devices/{name}/shadow`, `/devices/{name}/shadows`: what a device is to be, and what it says it is.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use windlass_api::page::Page;
use windlass_api::shadows::{DesiredPatch, Shadow, ShadowInfo, ShadowState};
use windlass_app::shadow::{ShadowLine, ShadowView};
use windlass_domain::ids::ShadowName;
use windlass_domain::permission::Permission;

use super::Rest;
use super::access::Caller;
use super::credentials::device_name;
use super::error::Refusal;
use super::io::{At, Body, Done, IfMatch, Versioned};
use super::routes::Routes;
use super::view::time;

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::{ShadowRead, ShadowWrite};
    const CLASSIC: &str = "/api/v1/devices/{name}/shadow";
    const NAMED: &str = "/api/v1/devices/{name}/shadows/{shadow}";
    routes
        .tag("shadows")
        .get(
            "/api/v1/devices/{name}/shadows",
            ShadowRead,
            "listShadows",
            "List the shadows of a device, the classic one first",
            list,
        )
        .get(CLASSIC, ShadowRead, "getShadow", "Get the classic shadow", classic)
        .patch(CLASSIC, ShadowWrite, "updateShadow", "Merge into the desired side", update_classic)
        .delete(CLASSIC, ShadowWrite, "deleteShadow", "Delete the classic shadow", delete_classic)
        .get(NAMED, ShadowRead, "getNamedShadow", "Get a named shadow", named)
        .patch(
            NAMED,
            ShadowWrite,
            "updateNamedShadow",
            "Merge into the desired side of a named shadow",
            update_named,
        )
        .delete(NAMED, ShadowWrite, "deleteNamedShadow", "Delete a named shadow", delete_named)
}

#[derive(Debug, Deserialize, JsonSchema)]
struct ClassicPath {
    /// Name of the device.
    name: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct NamedPath {
    /// Name of the device.
    name: String,
    /// Name of the shadow.
    shadow: String,
}

fn show(view: ShadowView) -> Versioned<Shadow> {
    let ShadowView { name, desired, reported, delta, metadata, version, updated_at } = view;
    let section =
        |object: serde_json::Map<String, Value>| (!object.is_empty()).then_some(Value::Object(object));
    let state = ShadowState {
        desired: section(desired),
        reported: section(reported),
        delta: delta.map(Value::Object),
    };
    let name = name.map(ShadowName::into_string);
    Versioned { version, body: Shadow { name, state, metadata, version, updated_at: time(updated_at) } }
}

fn shadow_name(name: &str) -> Result<ShadowName, Refusal> {
    name.parse().map_err(|_| Refusal::not_found("shadow", name))
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ClassicPath { name }): At<ClassicPath>,
) -> Result<Json<Page<ShadowInfo>>, Refusal> {
    let lines = rest.app.shadow_list(&by, &device_name(&name)?).await?;
    let items: Vec<_> = lines
        .into_iter()
        .map(|ShadowLine { name, version, updated_at }| ShadowInfo {
            name: name.map(ShadowName::into_string),
            version,
            updated_at: time(updated_at),
        })
        .collect();
    Ok(Json(Page { total: u64::try_from(items.len()).ok(), items, cursor: None, facets: None }))
}

async fn classic(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ClassicPath { name }): At<ClassicPath>,
) -> Result<Versioned<Shadow>, Refusal> {
    Ok(show(rest.app.shadow_get(&by, &device_name(&name)?, None).await?))
}

async fn named(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(NamedPath { name, shadow }): At<NamedPath>,
) -> Result<Versioned<Shadow>, Refusal> {
    Ok(show(rest.app.shadow_get(&by, &device_name(&name)?, Some(&shadow_name(&shadow)?)).await?))
}

fn wanted(patch: DesiredPatch) -> Result<Option<serde_json::Map<String, Value>>, Refusal> {
    match patch.desired {
        Value::Object(desired) => Ok(Some(desired)),
        Value::Null => Ok(None),
        _ => Err(Refusal::field("desired", "must be an object, or null to clear it")),
    }
}

async fn update_classic(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ClassicPath { name }): At<ClassicPath>,
    IfMatch(version): IfMatch,
    Body(patch): Body<DesiredPatch>,
) -> Result<Versioned<Shadow>, Refusal> {
    Ok(show(rest.app.shadow_update(&by, &device_name(&name)?, None, wanted(patch)?, version).await?))
}

async fn update_named(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(NamedPath { name, shadow }): At<NamedPath>,
    IfMatch(version): IfMatch,
    Body(patch): Body<DesiredPatch>,
) -> Result<Versioned<Shadow>, Refusal> {
    let shadow: ShadowName = super::fields::one("shadow", &shadow)?;
    let device = device_name(&name)?;
    Ok(show(rest.app.shadow_update(&by, &device, Some(&shadow), wanted(patch)?, version).await?))
}

async fn delete_classic(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ClassicPath { name }): At<ClassicPath>,
    IfMatch(version): IfMatch,
) -> Result<Done, Refusal> {
    rest.app.shadow_delete(&by, &device_name(&name)?, None, version).await?;
    Ok(Done)
}

async fn delete_named(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(NamedPath { name, shadow }): At<NamedPath>,
    IfMatch(version): IfMatch,
) -> Result<Done, Refusal> {
    rest.app.shadow_delete(&by, &device_name(&name)?, Some(&shadow_name(&shadow)?), version).await?;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn two_people_who_edit_one_shadow_do_not_overwrite_each_other() {
        let server = Fixture::new("shadows").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        let shadow = "/devices/pump-1/shadow";
        server.get(shadow).await.problem(404, "shadow.not_found");
        let first = server.patch(shadow, json!({"desired": {"speed": 3, "mode": "auto"}})).await;
        let version = first.header("etag").unwrap().to_owned();
        assert_eq!(first.expect(200)["state"]["delta"], json!({"speed": 3, "mode": "auto"}));
        let merged = server.patch_if(shadow, &version, json!({"desired": {"mode": null}})).await.expect(200);
        assert_eq!(merged["state"]["desired"], json!({"speed": 3}));
        let late = server.patch_if(shadow, &version, json!({"desired": {"speed": 9}})).await;
        late.problem(412, "version.mismatch");
        assert_eq!(server.get(shadow).await.expect(200)["state"]["desired"]["speed"], 3);
        server.delete(shadow).await.expect(204);
        server.get(shadow).await.problem(404, "shadow.not_found");
    }

    #[tokio::test]
    async fn named_shadows_are_listed_after_the_classic_one() {
        let server = Fixture::new("shadows-named").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        server.patch("/devices/pump-1/shadows/net", json!({"desired": {"ip": "auto"}})).await.expect(200);
        server.patch("/devices/pump-1/shadow", json!({"desired": {"a": 1}})).await.expect(200);
        let list = server.get("/devices/pump-1/shadows").await.expect(200);
        assert!(list["items"][0].get("name").is_none());
        assert_eq!(list["items"][1]["name"], "net");
        let bad = server.patch("/devices/pump-1/shadows/no%20name", json!({"desired": {}})).await;
        assert_eq!(bad.problem(400, "request.invalid").fields(), ["shadow"]);
    }

    #[tokio::test]
    async fn documents_that_are_no_objects_or_too_deep_or_too_large_are_refused() {
        let server = Fixture::new("shadows-bad").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        let shadow = "/devices/pump-1/shadow";
        let bad = server.patch(shadow, json!({"desired": [1]})).await.problem(400, "request.invalid");
        assert_eq!(bad.fields(), ["desired"]);
        let deep = json!({"desired": {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}}});
        server.patch(shadow, deep).await.problem(400, "request.invalid");
        let large = json!({"desired": {"a": "x".repeat(9_000)}});
        server.patch(shadow, large).await.problem(413, "request.too_large");
        server.get(shadow).await.problem(404, "shadow.not_found");
    }
}
