//! `/components`, `/releases`: what an update installs. Neither changes once made.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::page::{Page, PageQuery};
use windlass_api::releases::{
    Component, ComponentName, ComponentQuery, DeleteReleaseQuery, NameVersion, NewComponent, NewRelease,
    Release, ReleaseRules,
};
use windlass_app::releases::{self, ComponentKey, ComponentView, ReleaseView};
use windlass_domain::ids::VersionText;
use windlass_domain::permission::Permission;
use windlass_domain::software;

use super::Rest;
use super::access::Caller;
use super::artifacts;
use super::error::Refusal;
use super::io::{At, Body, Created, Done, Query, part};
use super::page::{after_number, fetched, limit};
use super::routes::Routes;
use super::view::time;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("components")
        .get("/api/v1/components", Permission::ReleaseRead, "listComponents", "List components", components)
        .create(
            "/api/v1/components",
            Permission::ReleaseWrite,
            "createComponent",
            "Make a component",
            create_component,
        )
        .get(
            "/api/v1/components/{name}/{version}",
            Permission::ReleaseRead,
            "getComponent",
            "Get a component",
            component,
        )
        .delete(
            "/api/v1/components/{name}/{version}",
            Permission::ReleaseWrite,
            "deleteComponent",
            "Delete a component that no release has",
            delete_component,
        )
        .tag("releases")
        .get("/api/v1/releases", Permission::ReleaseRead, "listReleases", "List releases", list)
        .create("/api/v1/releases", Permission::ReleaseWrite, "createRelease", "Make a release", create)
        .get(
            "/api/v1/releases/{name}/{version}",
            Permission::ReleaseRead,
            "getRelease",
            "Get a release",
            release,
        )
        .delete(
            "/api/v1/releases/{name}/{version}",
            Permission::ReleaseWrite,
            "deleteRelease",
            "Delete a release that no open job installs",
            delete,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct VersionPath {
    /// Its name.
    name: String,
    /// Its version.
    version: String,
}

fn show_component(component: software::Component) -> Component {
    let software::Component { id: _, name, version, component_type, artifacts, created_at } = component;
    Component {
        name: name.into_string(),
        version: version.into_string(),
        component_type: component_type.into_string(),
        artifacts: artifacts.into_iter().map(artifacts::show).collect(),
        created_at: time(created_at),
        releases: None,
    }
}

fn show(release: software::Release) -> Release {
    let software::Release {
        id: _,
        name,
        version,
        device_types,
        components,
        notes,
        rules,
        created_at,
        created_by,
    } = release;
    let software::ReleaseRules { hardware, minimum_source, maximum_source, step } = rules;
    let text = |version: Option<VersionText>| version.map(VersionText::into_string);
    let components = components.into_iter().map(|component| {
        let software::Component { name, version, component_type, .. } = component;
        ComponentName {
            name: name.into_string(),
            version: version.into_string(),
            component_type: Some(component_type.into_string()),
        }
    });
    Release {
        name: name.into_string(),
        version: version.into_string(),
        components: components.collect(),
        device_types: device_types.into_iter().map(windlass_domain::ids::TypeName::into_string).collect(),
        notes,
        rules: ReleaseRules {
            hardware,
            minimum_source: text(minimum_source),
            maximum_source: text(maximum_source),
            step: text(step),
        },
        created_at: time(created_at),
        created_by,
        jobs: None,
        open_job: None,
    }
}

async fn components(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Component>>, Refusal> {
    let limit = limit(query.limit);
    let after = after_number(query.cursor.as_deref())?;
    let items = rest.app.component_list(&by, after, limit.saturating_add(1)).await?;
    Ok(Json(fetched(items, limit, |one| one.id.get(), show_component)))
}

async fn create_component(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(new): Body<NewComponent>,
) -> Result<Created<Component>, Refusal> {
    let NewComponent { name, version, component_type, artifacts } = new;
    let new = releases::NewComponent { name, version, component_type, artifacts };
    let body = show_component(rest.app.component_create(&by, new).await?);
    let Component { name, version, component_type, .. } = &body;
    let location = format!("/components/{}/{}?type={}", part(name), part(version), part(component_type));
    Ok(Created { location, version: None, body })
}

async fn component(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(VersionPath { name, version }): At<VersionPath>,
    Query(ComponentQuery { component_type }): Query<ComponentQuery>,
) -> Result<Json<Component>, Refusal> {
    let key = ComponentKey { name, version, component_type };
    let ComponentView { component, releases } = rest.app.component_get(&by, &key).await?;
    let releases = releases.into_iter().map(|(name, version)| NameVersion { name, version }).collect();
    Ok(Json(Component { releases: Some(releases), ..show_component(component) }))
}

async fn delete_component(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(VersionPath { name, version }): At<VersionPath>,
    Query(ComponentQuery { component_type }): Query<ComponentQuery>,
) -> Result<Done, Refusal> {
    rest.app.component_delete(&by, &ComponentKey { name, version, component_type }).await?;
    Ok(Done)
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Release>>, Refusal> {
    let limit = limit(query.limit);
    let after = after_number(query.cursor.as_deref())?;
    let items = rest.app.release_list(&by, after, limit.saturating_add(1)).await?;
    Ok(Json(fetched(items, limit, |one| one.id.get(), show)))
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(new): Body<NewRelease>,
) -> Result<Created<Release>, Refusal> {
    let NewRelease { name, version, components, device_types, notes, rules } = new;
    let ReleaseRules { hardware, minimum_source, maximum_source, step } = rules;
    let rules = releases::NewRules { hardware, minimum_source, maximum_source, step };
    let key = |named| {
        let ComponentName { name, version, component_type } = named;
        ComponentKey { name, version, component_type }
    };
    let components = components.into_iter().map(key).collect();
    let new = releases::NewRelease { name, version, components, device_types, notes, rules };
    let body = show(rest.app.release_create(&by, new).await?);
    let location = format!("/releases/{}/{}", part(&body.name), part(&body.version));
    Ok(Created { location, version: None, body })
}

async fn release(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(VersionPath { name, version }): At<VersionPath>,
) -> Result<Json<Release>, Refusal> {
    let ReleaseView { release, jobs } = rest.app.release_get(&by, &name, &version).await?;
    let (count, open_job) = (jobs.map(|jobs| jobs.count), jobs.and_then(|jobs| jobs.open));
    Ok(Json(Release { jobs: count, open_job, ..show(release) }))
}

async fn delete(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(VersionPath { name, version }): At<VersionPath>,
    Query(DeleteReleaseQuery { components_too }): Query<DeleteReleaseQuery>,
) -> Result<Done, Refusal> {
    rest.app.release_delete(&by, &name, &version, components_too).await?;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn a_release_is_made_of_components_made_of_artifacts() {
        let server = Fixture::new("releases").await;
        let artifact = server.upload("app.bin", b"firmware").await.expect(201);
        let component = json!({"name": "app", "version": "2.4.1+build/7".replace('/', "-"), "artifacts": [artifact["id"]]});
        let made = server.post("/components", component).await;
        assert_eq!(made.header("location"), Some("/api/v1/components/app/2.4.1%2Bbuild-7?type=application"));
        let made = made.expect(201);
        assert_eq!(made["type"], "application");
        assert_eq!(made["artifacts"][0]["name"], "app.bin");
        let release = json!({"name": "pump-fw", "version": "2.4.1",
            "components": [{"name": "app", "version": "2.4.1+build-7"}]});
        server.post("/releases", release.clone()).await.expect(201);
        server.post("/releases", release).await.problem(409, "release.exists");
        let got = server.get("/releases/pump-fw/2.4.1").await.expect(200);
        assert_eq!(got["components"][0]["version"], "2.4.1+build-7");
        server.delete("/components/app/2.4.1%2Bbuild-7").await.problem(409, "component.in_use");
        server.delete("/releases/pump-fw/2.4.1").await.expect(204);
        server.delete("/components/app/2.4.1%2Bbuild-7").await.expect(204);
        server.get("/releases/pump-fw/2.4.1").await.problem(404, "release.not_found");
    }

    #[tokio::test]
    async fn a_release_takes_with_it_what_no_other_one_has_if_it_is_told_to() {
        let server = Fixture::new("releases-too").await;
        let component = |name: &str| json!({"name": name, "version": "1", "type": "os"});
        for name in ["own", "shared"] {
            server.post("/components", component(name)).await.expect(201);
        }
        let release = |version: &str, names: &[&str]| {
            let components: Vec<_> = names.iter().copied().map(component).collect();
            json!({"name": "fw", "version": version, "components": components})
        };
        server.post("/releases", release("1", &["own", "shared"])).await.expect(201);
        server.post("/releases", release("2", &["shared"])).await.expect(201);
        let part_of = server.get("/components/shared/1").await.expect(200)["releases"].clone();
        let (first, second) = (json!({"name": "fw", "version": "1"}), json!({"name": "fw", "version": "2"}));
        assert_eq!(part_of, json!([first, second]));
        server.delete("/releases/fw/1?componentsToo=perhaps").await.problem(400, "request.invalid");
        server.delete("/releases/fw/1?componentsToo=true").await.expect(204);
        server.get("/components/own/1").await.problem(404, "component.not_found");
        assert_eq!(server.get("/components/shared/1").await.expect(200)["releases"], json!([second]));
        let audit = server.get("/audit").await.expect(200).to_string();
        assert!(audit.contains("component/own/1") && audit.contains("component.delete"), "{audit}");
        server.delete("/releases/fw/2").await.expect(204);
        assert_eq!(server.get("/components/shared/1").await.expect(200)["releases"], json!([]));
        let taken = server.post("/components", component("shared")).await.problem(409, "component.exists");
        assert!(taken.detail().contains("shared 1 of type os exists already"), "{}", taken.detail());
    }

    #[tokio::test]
    async fn components_of_one_name_and_version_are_told_apart_by_type() {
        let server = Fixture::new("releases-types").await;
        let new = |kind: &str| json!({"name": "app", "version": "1", "type": kind});
        server.post("/components", new("os")).await.expect(201);
        let release = json!({"name": "r", "version": "1", "components": [{"name": "app", "version": "1"}]});
        let made = server.post("/releases", release.clone()).await.expect(201);
        assert_eq!(made["components"][0]["type"], "os");
        server.post("/components", new("application")).await.expect(201);
        server.post("/components", new("os")).await.problem(409, "component.exists");
        let path = "/components/app/1";
        let told = server.get(path).await.problem(409, "component.ambiguous").detail().to_owned();
        assert!(told.contains("application, os"), "{told}");
        server.delete(path).await.problem(409, "component.ambiguous");
        assert_eq!(server.get(&format!("{path}?type=os")).await.expect(200)["type"], "os");
        server.get(&format!("{path}?type=firmware")).await.problem(404, "component.not_found");
        let mut next = release;
        next["version"] = json!("2");
        let refused = server.post("/releases", next.clone()).await.problem(400, "request.invalid");
        assert_eq!(refused.fields(), ["components.0"]);
        next["components"] = json!([
            {"name": "app", "version": "1", "type": "os"}, {"name": "app", "version": "1", "type": "application"},
        ]);
        server.post("/releases", next).await.expect(201);
        server.post("/components", json!({"name": "app", "version": "2", "type": "os"})).await.expect(201);
        let mixed =
            json!([{"name": "app", "version": "1", "type": "application"}, {"name": "app", "version": "2"}]);
        let mixed = json!({"name": "r", "version": "3", "components": mixed});
        let refused = server.post("/releases", mixed).await.problem(400, "request.invalid");
        assert_eq!(refused.fields(), ["components.1"], "devices report one version of a name");
        for release in ["1", "2"] {
            server.delete(&format!("/releases/r/{release}")).await.expect(204);
        }
        server.delete(&format!("{path}?type=os")).await.expect(204);
        assert_eq!(server.get(path).await.expect(200)["type"], "application", "there is no other one left");
    }

    #[tokio::test]
    async fn pages_of_releases_follow_each_other() {
        let server = Fixture::new("releases-pages").await;
        server.post("/components", json!({"name": "app", "version": "1"})).await.expect(201);
        for version in ["1", "2", "3"] {
            let components = json!([{"name": "app", "version": "1"}]);
            let body = json!({"name": "fw", "version": version, "components": components});
            server.post("/releases", body).await.expect(201);
        }
        let first = server.get("/releases?limit=2").await.expect(200);
        assert_eq!(first["items"].as_array().unwrap().len(), 2);
        let cursor = first["cursor"].as_str().unwrap();
        let second = server.get(&format!("/releases?limit=2&cursor={cursor}")).await.expect(200);
        assert_eq!(second["items"][0]["version"], "3");
        assert!(second.get("cursor").is_none());
        server.get("/releases?cursor=nonsense").await.problem(400, "cursor.invalid");
    }
}
