//! `/devices`: the registry, its lists, lifecycle, aliases and tags.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::devices::{
    Alias, BulkResult, BulkTags, Decommissioning, Device, DevicePatch, DeviceSpec, NewDevice,
};
use windlass_api::onboarding::DeleteDevice;
use windlass_api::page::{FacetCount, ListQuery, Page};
use windlass_app::devices::{self as app, LifecycleChange};
use windlass_app::fleet::{self, DeviceView};
use windlass_domain::device;
use windlass_domain::ids::{AttributeKey, DeviceName, GroupPath, Tag, TypeName};
use windlass_domain::permission::{Permission, Principal};
use windlass_store::devices as stored;

use super::access::Caller;
use super::credentials::device_name;
use super::error::Refusal;
use super::io::{At, Body, Created, Done, IfMatch, Put, Query, Versioned, part};
use super::routes::Routes;
use super::view::{device_kind, device_kind_in, lifecycle, presence, time};
use super::{Rest, fields};

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::{DeviceLifecycle, DeviceRead, DeviceWrite};
    const ONE: &str = "/api/v1/devices/{name}";
    const ALIAS: &str = "/api/v1/devices/{name}/aliases/{protocol}/{externalId}";
    routes
        .tag("devices")
        .get("/api/v1/devices", DeviceRead, "listDevices", "List devices: filter, sort, page, count", list)
        .create("/api/v1/devices", DeviceWrite, "createDevice", "Register a device", create)
        .post("/api/v1/devices/tags", DeviceWrite, "tagDevices", "Tag every device that matches a query", tag)
        .get(ONE, DeviceRead, "getDevice", "Get a device", get)
        .put(ONE, DeviceWrite, "putDevice", "Register a device, or replace what is said of it", put)
        .patch(ONE, DeviceWrite, "patchDevice", "Change what is said of a device", patch)
        .delete(
            ONE,
            DeviceLifecycle,
            "deleteDevice",
            "Remove a device that was never seen, or free the name of one that is decommissioned",
            delete,
        )
        .post(
            "/api/v1/devices/{name}/suspend",
            DeviceLifecycle,
            "suspendDevice",
            "Let a device not connect for now; its connections end",
            suspend,
        )
        .post(
            "/api/v1/devices/{name}/resume",
            DeviceLifecycle,
            "resumeDevice",
            "Let it connect again",
            resume,
        )
        .put(ALIAS, DeviceWrite, "putAlias", "Give a device another external id", add_alias)
        .delete(ALIAS, DeviceWrite, "deleteAlias", "Take an external id away", remove_alias)
}

#[derive(Debug, Deserialize, JsonSchema)]
struct DevicePath {
    /// Name of the device.
    name: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AliasPath {
    /// Name of the device.
    name: String,
    /// Which protocol's id.
    protocol: String,
    /// The id as the device writes it.
    external_id: String,
}

pub(super) fn show(view: DeviceView) -> Device {
    let DeviceView {
        device,
        type_name,
        parent_name,
        presence: seen,
        last_contact_at,
        last_disconnect,
        groups,
        aliases,
        children,
    } = view;
    let device::Device {
        id: _,
        tenant: _,
        name,
        device_type: _,
        kind,
        parent: _,
        lifecycle: stands,
        attributes,
        inventory,
        tags,
        version,
        created_at,
        updated_at,
        first_seen_at,
        reprovision_until,
        leaving,
    } = device;
    let words = |map: std::collections::BTreeMap<AttributeKey, String>| {
        map.into_iter().map(|(key, value)| (key.into_string(), value)).collect()
    };
    Device {
        name: name.into_string(),
        device_type: type_name.map(TypeName::into_string),
        kind: device_kind(kind),
        parent: parent_name.map(DeviceName::into_string),
        lifecycle: lifecycle(stands),
        presence: presence(seen),
        online: seen.is_online(),
        last_contact_at: last_contact_at.map(time),
        last_disconnect,
        attributes: words(attributes),
        inventory: words(inventory),
        tags: tags.into_iter().map(Tag::into_string).collect(),
        groups: groups.into_iter().map(GroupPath::into_string).collect(),
        aliases: aliases
            .into_iter()
            .map(|stored::Alias { protocol, external_id }| Alias { protocol, external_id })
            .collect(),
        version,
        created_at: time(created_at),
        updated_at: time(updated_at),
        first_seen_at: first_seen_at.map(time),
        children,
        reprovision_until: reprovision_until.map(time),
        decommissioning: leaving.map(|device::Leaving { since, until, wipe, data: _ }| Decommissioning {
            since: time(since),
            wipe_job: wipe.get(),
            until: time(until),
        }),
    }
}

pub(super) fn versioned(view: DeviceView) -> Versioned<Device> {
    Versioned { version: view.device.version, body: show(view) }
}

fn created(view: DeviceView) -> Created<Device> {
    let location = format!("/devices/{}", part(view.device.name.as_str()));
    Created { location, version: Some(view.device.version), body: show(view) }
}

fn spec(spec: DeviceSpec) -> app::DeviceSpec {
    let DeviceSpec { device_type, kind, parent, attributes, tags } = spec;
    app::DeviceSpec { device_type, kind: kind.map(device_kind_in), parent, attributes, tags }
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Device>>, Refusal> {
    let ListQuery { q, sort, limit, cursor, facets } = query;
    let facets =
        facets.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty());
    let request = fleet::ListRequest {
        q,
        sort,
        limit: Some(usize::try_from(super::page::limit(limit)).unwrap_or(usize::MAX)),
        cursor,
        facets: facets.map(ToOwned::to_owned).collect(),
    };
    let counts = !request.facets.is_empty();
    let fleet::Page { items, total, cursor, facets } = rest.app.device_list(&by, &request)?;
    let facets = facets.into_iter().map(|(field, values)| {
        let values = values.into_iter().map(|fleet::Facet { value, count }| FacetCount { value, count });
        (field, values.collect())
    });
    Ok(Json(Page {
        items: items.into_iter().map(show).collect(),
        total: Some(total),
        cursor,
        facets: counts.then(|| facets.collect()),
    }))
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(NewDevice { name, spec: said }): Body<NewDevice>,
) -> Result<Created<Device>, Refusal> {
    Ok(created(rest.app.device_create(&by, app::NewDevice { name, spec: spec(said) }).await?))
}

async fn tag(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(BulkTags { q, add, remove }): Body<BulkTags>,
) -> Result<Json<BulkResult>, Refusal> {
    let app::BulkResult { matched, changed } = rest.app.device_tag_all(&by, &q, &add, &remove).await?;
    Ok(Json(BulkResult { matched, changed }))
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
) -> Result<Versioned<Device>, Refusal> {
    Ok(versioned(rest.app.device_get(&by, &device_name(&name)?)?))
}

async fn put(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    IfMatch(version): IfMatch,
    Body(said): Body<DeviceSpec>,
) -> Result<Put<Device>, Refusal> {
    let name: DeviceName = fields::one("name", &name)?;
    let (view, made) = rest.app.device_put(&by, &name, spec(said), version).await?;
    Ok(if made { Put::Made(created(view)) } else { Put::Replaced(versioned(view)) })
}

async fn patch(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    IfMatch(version): IfMatch,
    Body(said): Body<DevicePatch>,
) -> Result<Versioned<Device>, Refusal> {
    let DevicePatch { device_type, parent, kind, attributes, add_tags, remove_tags } = said;
    let kind = kind.map(device_kind_in);
    let patch = app::DevicePatch { device_type, parent, kind, attributes, add_tags, remove_tags };
    Ok(versioned(rest.app.device_patch(&by, &device_name(&name)?, patch, version).await?))
}

async fn delete(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    Query(DeleteDevice { reuse_name }): Query<DeleteDevice>,
    IfMatch(version): IfMatch,
) -> Result<Done, Refusal> {
    let name = device_name(&name)?;
    if reuse_name {
        rest.app.device_free_name(&by, &name, version).await?;
    } else {
        rest.app.device_delete(&by, &name, version).await?;
    }
    Ok(Done)
}

async fn step(
    rest: &Rest,
    by: &Principal,
    name: &str,
    change: LifecycleChange,
    version: Option<i64>,
) -> Result<Versioned<Device>, Refusal> {
    Ok(versioned(rest.app.device_lifecycle(by, &device_name(name)?, change, version).await?))
}

async fn suspend(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    IfMatch(version): IfMatch,
) -> Result<Versioned<Device>, Refusal> {
    step(&rest, &by, &name, LifecycleChange::Suspend, version).await
}

async fn resume(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    IfMatch(version): IfMatch,
) -> Result<Versioned<Device>, Refusal> {
    step(&rest, &by, &name, LifecycleChange::Resume, version).await
}

async fn add_alias(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(AliasPath { name, protocol, external_id }): At<AliasPath>,
) -> Result<Versioned<Device>, Refusal> {
    let alias = stored::Alias { protocol, external_id };
    Ok(versioned(rest.app.device_alias_add(&by, &device_name(&name)?, alias).await?))
}

async fn remove_alias(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(AliasPath { name, protocol, external_id }): At<AliasPath>,
) -> Result<Versioned<Device>, Refusal> {
    let alias = stored::Alias { protocol, external_id };
    Ok(versioned(rest.app.device_alias_remove(&by, &device_name(&name)?, alias).await?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn a_device_is_made_changed_and_removed_by_version() {
        let server = Fixture::new("devices").await;
        server.post("/types", json!({"name": "pump"})).await.expect(201);
        let body =
            json!({"name": "pump-1", "type": "pump", "attributes": {"site": "berlin"}, "tags": ["new"]});
        let made = server.post("/devices", body.clone()).await;
        assert_eq!(made.header("location"), Some("/api/v1/devices/pump-1"));
        let etag = made.header("etag").unwrap().to_owned();
        let made = made.expect(201);
        assert_eq!(made["lifecycle"], "registered");
        assert_eq!(made["presence"], "never");
        server.post("/devices", body).await.problem(409, "device.exists");
        let change = json!({"type": null, "attributes": {"site": null, "floor": "2"}, "addTags": ["old"], "removeTags": ["new"]});
        let patched = server.patch_if("/devices/pump-1", &etag, change.clone()).await.expect(200);
        assert_eq!(patched["type"], json!(null));
        assert_eq!(patched["attributes"], json!({"floor": "2"}));
        assert_eq!(patched["tags"], json!(["old"]));
        server.patch_if("/devices/pump-1", &etag, change).await.problem(412, "version.mismatch");
        server.patch_if("/devices/pump-1", "yesterday", json!({})).await.problem(400, "request.invalid");
        server.delete("/devices/pump-1").await.expect(204);
        server.get("/devices/pump-1").await.problem(404, "device.not_found");
    }

    #[tokio::test]
    async fn a_put_by_name_makes_or_replaces() {
        let server = Fixture::new("devices-put").await;
        server.put("/devices/pump-1", json!({"tags": ["a"]})).await.expect(201);
        let replaced = server.put("/devices/pump-1", json!({"attributes": {"x": "y"}})).await.expect(200);
        assert_eq!(replaced["tags"], json!([]));
        server.put_if("/devices/pump-1", "\"1\"", json!({})).await.problem(412, "version.mismatch");
        assert_eq!(
            server.put("/devices/a%20b", json!({})).await.problem(400, "request.invalid").fields(),
            ["name"]
        );
    }

    #[tokio::test]
    async fn lists_filter_sort_page_and_count() {
        let server = Fixture::new("devices-list").await;
        for number in 1..=5 {
            let tags = if number % 2 == 0 { json!(["even"]) } else { json!(["odd"]) };
            server.post("/devices", json!({"name": format!("d-{number}"), "tags": tags})).await.expect(201);
        }
        let odd =
            server.get("/devices?q=tag%3D%3Dodd&sort=-name&limit=2&facets=tag,lifecycle").await.expect(200);
        assert_eq!(odd["total"], 3);
        assert_eq!(odd["items"][0]["name"], "d-5");
        assert_eq!(odd["facets"]["tag"], json!([{"value": "odd", "count": 3}]));
        let cursor = odd["cursor"].as_str().unwrap();
        let rest = server.get(&format!("/devices?q=tag%3D%3Dodd&sort=-name&limit=2&cursor={cursor}")).await;
        let rest = rest.expect(200);
        assert_eq!(rest["items"][0]["name"], "d-1");
        assert!(rest.get("cursor").is_none());
    }

    #[tokio::test]
    async fn what_devices_run_is_asked_only_by_those_who_may_read_their_shadows() {
        let server = Fixture::new("devices-running").await;
        server.post("/devices", json!({"name": "d-1"})).await.expect(201);
        let (viewer, installer) = (server.as_role("viewer").await, server.as_role("installer").await);
        installer.get("/devices?facets=tag").await.expect(200);
        for question in
            ["q=running%3D%3Dfw*", "q=name%3D%3Dd*%3Brunning!%3Dx", "facets=tag,running", "sort=-running"]
        {
            let path = format!("/devices?{question}");
            viewer.get(&path).await.expect(200);
            installer.get(&path).await.problem(403, "auth.forbidden");
        }
        let tagged = json!({"q": "running!=x", "add": ["old"]});
        installer.post("/devices/tags", tagged).await.problem(403, "auth.forbidden");
    }

    #[tokio::test]
    async fn a_bad_query_is_refused_with_its_place_and_a_bad_cursor_by_name() {
        let server = Fixture::new("devices-query").await;
        let problem = server.get("/devices?q=tag%3D%3Da%3B%3B").await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["q"]);
        assert!(problem.detail().chars().any(|letter| letter.is_ascii_digit()), "{}", problem.detail());
        assert_eq!(
            server.get("/devices?sort=colour").await.problem(400, "request.invalid").fields(),
            ["sort"]
        );
        assert_eq!(server.get("/devices?cursor=%FF%FE").await.status, 400);
        assert_eq!(
            server.get("/devices?cursor=zzz").await.problem(400, "request.invalid").fields(),
            ["cursor"]
        );
        assert_eq!(
            server.get("/devices?limit=0&page=3").await.problem(400, "request.invalid").fields(),
            ["limit", "page"]
        );
        let injected =
            server.get("/devices?q=name%3D%3D%22x'%3B%20DROP%20TABLE%20device%3B--%22").await.expect(200);
        assert_eq!(injected["total"], 0);
    }

    #[tokio::test]
    async fn every_bad_field_of_a_device_is_named() {
        let server = Fixture::new("devices-bad").await;
        let body = json!({"name": 1, "type": 2, "kind": "robot", "attributes": {"a": 3}, "tags": "x", "extra": true});
        let problem = server.post("/devices", body).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["attributes.a", "extra", "kind", "name", "tags", "type"]);
        let body = json!({"name": "'; DROP TABLE device; --", "type": "ghost"});
        assert!(
            server
                .post("/devices", body)
                .await
                .problem(400, "request.invalid")
                .fields()
                .contains(&"name".to_owned())
        );
    }

    #[tokio::test]
    async fn a_device_is_suspended_resumed_and_decommissioned() {
        let server = Fixture::new("devices-life").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        assert_eq!(server.act("/devices/pump-1/suspend").await.expect(200)["lifecycle"], "suspended");
        let back = server.act("/devices/pump-1/resume").await.expect(200);
        assert_ne!(back["lifecycle"], "suspended");
        server.act_if("/devices/pump-1/decommission", "\"1\"").await.problem(412, "version.mismatch");
        assert_eq!(
            server.act("/devices/pump-1/decommission").await.expect(200)["lifecycle"],
            "decommissioned"
        );
        assert_eq!(server.act("/devices/pump-1/resume").await.status, 409);
    }

    #[tokio::test]
    async fn aliases_belong_to_one_device() {
        let server = Fixture::new("devices-alias").await;
        for name in ["a", "b"] {
            server.post("/devices", json!({"name": name})).await.expect(201);
        }
        let with = server.send("PUT", "/devices/a/aliases/aws/Thing%201", &[], "").await.expect(200);
        assert_eq!(with["aliases"], json!([{"protocol": "aws", "externalId": "Thing 1"}]));
        assert_eq!(server.send("PUT", "/devices/b/aliases/aws/Thing%201", &[], "").await.status, 409);
        let without = server.delete("/devices/a/aliases/aws/Thing%201").await.expect(200);
        assert_eq!(without["aliases"], json!([]));
    }

    #[tokio::test]
    async fn a_bulk_act_takes_a_query_and_reaches_everything_that_matches() {
        let server = Fixture::new("devices-bulk").await;
        for number in 1..=3 {
            server.post("/devices", json!({"name": format!("d-{number}")})).await.expect(201);
        }
        let done =
            server.post("/devices/tags", json!({"q": "name=in=(d-1,d-2)", "add": ["lab"]})).await.expect(200);
        assert_eq!(done, json!({"matched": 2, "changed": 2}));
        assert_eq!(server.get("/devices?q=tag%3D%3Dlab").await.expect(200)["total"], 2);
    }

    #[tokio::test]
    async fn a_token_with_a_scope_sees_nothing_else() {
        let server = Fixture::new("devices-scope").await;
        server.post("/devices", json!({"name": "in", "tags": ["lab"]})).await.expect(201);
        server.post("/devices", json!({"name": "out"})).await.expect(201);
        let made =
            server.post("/tokens", json!({"name": "lab", "role": "operator", "scope": "tag==lab"})).await;
        let lab = server.with_token(made.expect(201)["secret"].as_str().unwrap());
        assert_eq!(lab.get("/devices").await.expect(200)["total"], 1);
        lab.get("/devices/in").await.expect(200);
        lab.get("/devices/out").await.problem(404, "device.not_found");
        lab.patch("/devices/out", json!({"addTags": ["lab"]})).await.problem(404, "device.not_found");
        lab.patch("/devices/out/shadow", json!({"desired": {"a": 1}})).await.problem(404, "device.not_found");
        lab.get("/devices/out/telemetry").await.problem(404, "device.not_found");
    }
}
