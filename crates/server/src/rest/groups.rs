//! `/groups`: static groups in a tree, and who is in them.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::devices::BulkResult;
use windlass_api::groups::{Group, GroupSpec, Membership, NewGroup};
use windlass_api::page::{Page, PageQuery};
use windlass_app::devices;
use windlass_app::groups::{self as app, GroupView};
use windlass_domain::ids::GroupPath;
use windlass_domain::permission::Permission;
use windlass_store::groups as stored;

use super::access::Caller;
use super::error::Refusal;
use super::io::{At, Body, Created, Done, Query, part};
use super::page::by_name;
use super::routes::Routes;
use super::view::time;
use super::{Rest, fields};

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::{GroupRead, GroupWrite};
    const ONE: &str = "/api/v1/groups/{path}";
    routes
        .tag("groups")
        .get("/api/v1/groups", GroupRead, "listGroups", "List groups", list)
        .create("/api/v1/groups", GroupWrite, "createGroup", "Make a group", create)
        .get(ONE, GroupRead, "getGroup", "Get a group", get)
        .put(ONE, GroupWrite, "putGroup", "Make a group, or replace its description", put)
        .delete(ONE, GroupWrite, "deleteGroup", "Remove a group; its devices stay", delete)
        .post(
            "/api/v1/groups/{path}/members",
            GroupWrite,
            "changeMembers",
            "Add devices to a group and remove others",
            members,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Place {
    /// Path of the group, with `/` written as `%2F`.
    path: String,
}

fn show(view: GroupView) -> Group {
    let GroupView { group, device_count } = view;
    let stored::Group { id: _, tenant: _, path, description, created_at } = group;
    Group { path: path.into_string(), description, device_count, created_at: time(created_at) }
}

fn named(path: &str) -> Result<GroupPath, Refusal> {
    path.parse().map_err(|_| Refusal::not_found("group", path))
}

fn created(view: GroupView) -> Created<Group> {
    let location = format!("/groups/{}", part(view.group.path.as_str()));
    Created { location, version: None, body: show(view) }
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Group>>, Refusal> {
    Ok(Json(by_name(rest.app.group_list(&by).await?, &query, |one| one.group.path.to_string(), show)?))
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(NewGroup { path, description }): Body<NewGroup>,
) -> Result<Created<Group>, Refusal> {
    Ok(created(rest.app.group_create(&by, &path, &description).await?))
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(Place { path }): At<Place>,
) -> Result<Json<Group>, Refusal> {
    Ok(Json(show(rest.app.group_get(&by, &named(&path)?).await?)))
}

async fn put(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(Place { path }): At<Place>,
    Body(GroupSpec { description }): Body<GroupSpec>,
) -> Result<Json<Group>, Refusal> {
    let path: GroupPath = fields::one("path", &path)?;
    let (view, _made) = rest.app.group_put(&by, &path, &description).await?;
    Ok(Json(show(view)))
}

async fn delete(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(Place { path }): At<Place>,
) -> Result<Done, Refusal> {
    rest.app.group_delete(&by, &named(&path)?).await?;
    Ok(Done)
}

async fn members(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(Place { path }): At<Place>,
    Body(Membership { add, remove, add_matching }): Body<Membership>,
) -> Result<Json<BulkResult>, Refusal> {
    let change = app::Membership { add, remove, add_matching };
    let done = rest.app.group_change_members(&by, &named(&path)?, &change).await?;
    let devices::BulkResult { matched, changed } = done;
    Ok(Json(BulkResult { matched, changed }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn devices_come_and_go_and_the_tree_counts_them() {
        let server = Fixture::new("groups").await;
        for name in ["a", "b", "c"] {
            server.post("/devices", json!({"name": name})).await.expect(201);
        }
        let made = server.post("/groups", json!({"path": "eu/berlin"})).await;
        assert_eq!(made.header("location"), Some("/api/v1/groups/eu%2Fberlin"));
        made.expect(201);
        server.post("/groups", json!({"path": "eu/berlin"})).await.problem(409, "group.exists");
        let change = json!({"add": ["a"], "addMatching": "name=in=(b,c)"});
        server.post("/groups/eu%2Fberlin/members", change).await.expect(200);
        assert_eq!(server.get("/groups/eu%2Fberlin").await.expect(200)["deviceCount"], 3);
        server.post("/groups/eu%2Fberlin/members", json!({"remove": ["c"]})).await.expect(200);
        assert_eq!(server.get("/groups/eu%2Fberlin").await.expect(200)["deviceCount"], 2);
        assert_eq!(server.get("/devices/a").await.expect(200)["groups"], json!(["eu/berlin"]));
        server.delete("/groups/eu%2Fberlin").await.expect(204);
        server.get("/groups/eu%2Fberlin").await.problem(404, "group.not_found");
        server.get("/devices/a").await.expect(200);
    }

    #[tokio::test]
    async fn members_that_there_are_not_are_named() {
        let server = Fixture::new("groups-bad").await;
        server.put("/groups/lab", json!({"description": "tests"})).await.expect(200);
        let problem = server.post("/groups/lab/members", json!({"add": ["ghost"]})).await;
        assert_eq!(problem.problem(400, "request.invalid").fields(), ["add"]);
        server.post("/groups/none/members", json!({"add": []})).await.problem(404, "group.not_found");
        let path = server.post("/groups", json!({"path": "a//b"})).await.problem(400, "request.invalid");
        assert_eq!(path.fields(), ["path"]);
    }
}
