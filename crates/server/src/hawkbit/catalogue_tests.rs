//! Tags, saved queries and types of targets, as hawkBit's clients use them.

use serde_json::{Value, json};
use windlass_store::management::Filter;
use windlass_store::management::items;
use windlass_store::tenants;

use super::fixture::{software, targets};
use crate::rest::fixture::Fixture;

fn names(page: &Value) -> Vec<String> {
    let items = page.as_array().or_else(|| page["content"].as_array()).unwrap().iter();
    items.map(|one| one["controllerId"].as_str().or(one["name"].as_str()).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn tags_of_targets_are_tags_of_devices() {
    let server = Fixture::new("hb-tags").await;
    targets(&server, &["a", "b"]).await;
    server.post("/devices", json!({"name": "c", "tags": ["old"]})).await.expect(201);
    let new = json!([{"name": "lab", "description": "In the lab", "colour": "red"}]);
    let made = server.hawkbit("POST", "/targettags", Some(new.clone())).await.expect(201);
    server.hawkbit("POST", "/targettags", Some(new)).await.hawkbit_error(409);
    server.hawkbit("POST", "/targettags", Some(json!([{"name": "two\nwords"}]))).await.hawkbit_error(400);
    let list = server.hawkbit("GET", "/targettags?sort=name:ASC", None).await.expect(200);
    assert_eq!(names(&list), ["lab", "old"], "what devices have already is known, too");
    let path = format!("/targettags/{}", made[0]["id"]);
    server.hawkbit("PUT", &format!("{path}/assigned"), Some(json!(["a", "b"]))).await.expect(204);
    server.hawkbit("PUT", &format!("{path}/assigned"), Some(json!(["a", "x"]))).await.hawkbit_error(404);
    server.hawkbit("POST", &format!("{path}/assigned/c"), None).await.expect(204);
    server.hawkbit("DELETE", &format!("{path}/assigned/b"), None).await.expect(204);
    let tagged = server.hawkbit("GET", &format!("{path}/assigned"), None).await.expect(200);
    assert_eq!(names(&tagged), ["a", "c"]);
    assert_eq!(server.get("/devices/a").await.expect(200)["tags"], json!(["lab"]));
    assert_eq!(names(&server.hawkbit("GET", "/targets/c/tags", None).await.expect(200)), ["lab", "old"]);
    let changed = server.hawkbit("PUT", &path, Some(json!({"colour": "blue"}))).await.expect(200);
    assert_eq!((&changed["colour"], &changed["description"]), (&json!("blue"), &json!("In the lab")));
    server.hawkbit("PUT", &path, Some(json!({"name": "other\u{200b}one"}))).await.hawkbit_error(400);
    server.hawkbit("DELETE", &path, None).await.expect(204);
    server.hawkbit("GET", &path, None).await.hawkbit_error(404);
    assert_eq!(server.get("/devices/a").await.expect(200)["tags"], json!([]));
}

#[tokio::test]
async fn sets_have_tags_of_their_own() {
    let server = Fixture::new("hb-set-tags").await;
    let (_, set) = software(&server, "fw", "1").await;
    let made =
        server.hawkbit("POST", "/distributionsettags", Some(json!([{"name": "stable"}]))).await.expect(201);
    let path = format!("/distributionsettags/{}", made[0]["id"]);
    server.hawkbit("PUT", &format!("{path}/assigned"), Some(json!([set]))).await.expect(204);
    server.hawkbit("PUT", &format!("{path}/assigned"), Some(json!([set, 999]))).await.hawkbit_error(404);
    let tagged = server.hawkbit("GET", &format!("{path}/assigned"), None).await.expect(200);
    assert_eq!(tagged["content"][0]["id"], set);
    let of_set = format!("/distributionsets/{set}/tags");
    assert_eq!(names(&server.hawkbit("GET", &of_set, None).await.expect(200)), ["stable"]);
    let found = server.hawkbit("GET", "/distributionsets?q=tag==STABLE", None).await.expect(200);
    assert_eq!(found["total"], 1);
    server.hawkbit("DELETE", &format!("{path}/assigned/{set}"), None).await.expect(204);
    server.hawkbit("DELETE", &path, None).await.expect(204);
    assert_eq!(server.hawkbit("GET", &of_set, None).await.expect(200), json!([]));
}

#[tokio::test]
async fn a_filter_that_is_older_than_what_its_values_must_be_assigns_as_before() {
    let server = Fixture::new("hb-filters-kept").await;
    let (_, set) = software(&server, "fw", "1").await;
    targets(&server, &["pump-1", "valve-1"]).await;
    let new = json!({"name": "pumps", "query": "controllerId==pump-*"});
    let made = server.hawkbit("POST", "/targetfilters", Some(new)).await.expect(201);
    let path = format!("/targetfilters/{}", made["id"]);
    server.hawkbit("POST", &format!("{path}/autoAssignDS"), Some(json!({"id": set}))).await.expect(200);
    let old = "controllerId==pump-*;updateStatus!=foo,createdAt=ge=2020-01-01";
    server.hawkbit("PUT", &path, Some(json!({"query": old}))).await.hawkbit_error(400);
    // As it was taken once.
    let (app, id) = (&server.rest.app, made["id"].as_i64().unwrap());
    let now = app.clock.now();
    let kept = app.store.write::<_, windlass_store::StoreError, _>(move |tx| {
        Box::pin(async move {
            let tenant = tenants::tenant_default(tx).await?.id;
            let mut item = items::get::<Filter>(tx, tenant, id).await?.unwrap();
            item.body.query = old.to_owned();
            items::save(tx, tenant, &item, "a", now).await
        })
    });
    assert!(kept.await.unwrap());
    assert_eq!(app.hawkbit_auto_assign().await.unwrap(), 1);
    let assigned = server.hawkbit("GET", &format!("/distributionsets/{set}/assignedTargets"), None).await;
    assert_eq!(names(&assigned.expect(200)), ["pump-1"]);
    let shown = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(shown["query"], old, "and it shows");
}

#[tokio::test]
async fn filters_assign_by_themselves_once_and_to_latecomers_too() {
    let server = Fixture::new("hb-filters").await;
    let (_, set) = software(&server, "fw", "1").await;
    targets(&server, &["pump-1", "valve-1"]).await;
    for bad in [
        json!({"name": "x", "query": "colour==red"}),
        json!({"name": "x", "query": "name=="}),
        json!({"name": "x"}),
        json!({"query": "name==x"}),
    ] {
        server.hawkbit("POST", "/targetfilters", Some(bad)).await.hawkbit_error(400);
    }
    let new = json!({"name": "pumps", "query": "controllerId==pump-*"});
    let made = server.hawkbit("POST", "/targetfilters", Some(new.clone())).await.expect(201);
    server.hawkbit("POST", "/targetfilters", Some(new)).await.hawkbit_error(409);
    let path = format!("/targetfilters/{}", made["id"]);
    let auto = format!("{path}/autoAssignDS");
    assert_eq!(server.hawkbit("GET", &auto, None).await.status, 204);
    server.hawkbit("POST", &auto, Some(json!({"id": 999}))).await.hawkbit_error(404);
    for (word, code) in
        [("whenever", "rest.body.notReadable"), ("timeforced", "repo.invalidAutoAssignActionType")]
    {
        let refused = server.hawkbit("POST", &auto, Some(json!({"id": set, "type": word}))).await;
        assert_eq!(refused.hawkbit_error(400), format!("hawkbit.server.error.{code}"), "{word}");
    }
    let assigns = json!({"id": set, "type": "soft", "weight": 300});
    let shown = server.hawkbit("POST", &auto, Some(assigns)).await.expect(200);
    assert_eq!((&shown["autoAssignDistributionSet"], &shown["autoAssignWeight"]), (&json!(set), &json!(300)));
    let link = shown["_links"]["DS"]["href"].as_str().unwrap();
    let (_, link) = link.split_once("/rest/v1").unwrap();
    let found = server.hawkbit("GET", link, None).await.expect(200);
    assert_eq!((&found["total"], &found["content"][0]["id"]), (&json!(1), &json!(set)), "{link}");
    assert!(shown.get("confirmationRequired").is_none(), "nobody is asked here: {shown}");
    let flow = json!({"value": true});
    server.hawkbit("PUT", "/system/configs/user.confirmation.flow.enabled", Some(flow)).await.expect(204);
    let now = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(now["confirmationRequired"], false, "as the setting was when it was made");
    assert_eq!(server.rest.app.hawkbit_auto_assign().await.unwrap(), 1);
    assert_eq!(server.rest.app.hawkbit_auto_assign().await.unwrap(), 0, "nobody gets it twice");
    targets(&server, &["pump-2"]).await;
    assert_eq!(server.rest.app.hawkbit_auto_assign().await.unwrap(), 1);
    let assigned = server.hawkbit("GET", &format!("/distributionsets/{set}/assignedTargets"), None).await;
    assert_eq!(names(&assigned.expect(200)), ["pump-1", "pump-2"]);
    let of_set =
        server.hawkbit("GET", &format!("/distributionsets/{set}/autoAssignTargetFilters"), None).await;
    assert_eq!(names(&of_set.expect(200)), ["pumps"]);
    server.hawkbit("DELETE", &auto, None).await.expect(204);
    targets(&server, &["pump-3"]).await;
    assert_eq!(server.rest.app.hawkbit_auto_assign().await.unwrap(), 0);
    let changed = server.hawkbit("PUT", &path, Some(json!({"query": "name==x"}))).await.expect(200);
    assert_eq!((&changed["name"], &changed["query"]), (&json!("pumps"), &json!("name==x")));
    server.hawkbit("DELETE", &path, None).await.expect(204);
    server.hawkbit("GET", &path, None).await.hawkbit_error(404);
}

#[tokio::test]
async fn types_of_targets_are_device_types_and_say_which_sets_fit() {
    let server = Fixture::new("hb-target-types").await;
    let (_, set) = software(&server, "fw", "1").await;
    server.post("/types", json!({"name": "valve"})).await.expect(201);
    let types = server.hawkbit("GET", "/distributionsettypes?q=key==app", None).await.expect(200);
    let app = types["content"][0]["id"].clone();
    let new =
        json!([{"name": "Pump of ours", "colour": "red", "compatibledistributionsettypes": [{"id": app}]}]);
    let made = server.hawkbit("POST", "/targettypes", Some(new)).await.expect(201);
    assert_eq!(made[0]["key"], "Pump-of-ours");
    server.get("/types/Pump-of-ours").await.expect(200);
    assert_eq!(server.hawkbit("GET", "/targettypes", None).await.expect(200)["total"], 2);
    let id = &made[0]["id"];
    let target = json!([{"controllerId": "a", "targetType": id}]);
    let target = server.hawkbit("POST", "/targets", Some(target)).await.expect(201);
    assert_eq!(target[0]["targetTypeName"], "Pump of ours");
    let link = target[0]["_links"]["targetType"]["href"].as_str().unwrap();
    assert!(link.ends_with(&format!("/rest/v1/targettypes/{id}")), "{link}");
    let path = format!("/distributionsets/{set}/assignedTargets");
    let refused = server.hawkbit("POST", &path, Some(json!([{"id": "a"}]))).await;
    assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.target.type.incompatible");
    let fits = format!("/targettypes/{id}/compatibledistributionsettypes");
    server.hawkbit("POST", &fits, Some(json!([{"id": 999}]))).await.hawkbit_error(404);
    server.hawkbit("DELETE", &format!("{fits}/{app}"), None).await.expect(204);
    server.hawkbit("DELETE", &format!("{fits}/{app}"), None).await.hawkbit_error(404);
    assert_eq!(server.hawkbit("POST", &path, Some(json!([{"id": "a"}]))).await.expect(200)["assigned"], 1);
    server.hawkbit("DELETE", &format!("/targettypes/{id}"), None).await.hawkbit_error(409);
    server.hawkbit("DELETE", "/targets/a/targettype", None).await.expect(204);
    server.hawkbit("DELETE", &format!("/targettypes/{id}"), None).await.expect(204);
    server.get("/types/Pump-of-ours").await.problem(404, "device_type.not_found");
}

#[tokio::test]
async fn no_two_types_of_targets_are_called_the_same() {
    let server = Fixture::new("hb-target-type-names").await;
    server.post("/types", json!({"name": "valve"})).await.expect(201);
    let make = async |body: Value| server.hawkbit("POST", "/targettypes", Some(json!([body]))).await;
    let pump = make(json!({"name": "Pump", "key": "p1"})).await.expect(201);
    let other = make(json!({"name": "Other"})).await.expect(201);
    for taken in
        [json!({"name": "Pump", "key": "p2"}), json!({"name": "Pump"}), json!({"name": "valve", "key": "v2"})]
    {
        let refused = make(taken.clone()).await;
        assert_eq!(refused.hawkbit_error(409), "hawkbit.server.error.repo.entityAlreadyExists", "{taken}");
    }
    make(json!({"name": "Pump of ours", "key": "p1"})).await.hawkbit_error(409);
    let path = format!("/targettypes/{}", other[0]["id"]);
    server.hawkbit("PUT", &path, Some(json!({"name": "Pump"}))).await.hawkbit_error(409);
    server.hawkbit("PUT", &path, Some(json!({"name": "Other", "colour": "red"}))).await.expect(200);
    server.hawkbit("PUT", &path, Some(json!({"name": "Another"}))).await.expect(200);
    server.hawkbit("DELETE", &format!("/targettypes/{}", pump[0]["id"]), None).await.expect(204);
    make(json!({"name": "Pump", "key": "p3"})).await.expect(201);
    let stranger = server.in_another_tenant("other").await;
    stranger.hawkbit("POST", "/targettypes", Some(json!([{"name": "Pump"}]))).await.expect(201);
}

#[tokio::test]
async fn of_types_of_targets_that_are_made_at_once_one_gets_the_name() {
    let server = Fixture::new("hb-target-type-twins").await;
    let requests = (0..8).map(|number| {
        let new = json!([{"name": "Pump", "key": format!("p{number}")}]);
        let server = &server;
        async move { server.hawkbit("POST", "/targettypes", Some(new)).await.status }
    });
    let mut all = futures_util::future::join_all(requests).await;
    all.sort_unstable();
    assert_eq!(all, [201, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(server.hawkbit("GET", "/targettypes", None).await.expect(200)["total"], 1);
    let bad = json!([{"name": "Valve", "compatibledistributionsettypes": [{"id": 999}]}]);
    server.hawkbit("POST", "/targettypes", Some(bad)).await.hawkbit_error(404);
    server.get("/types/Valve").await.problem(404, "device_type.not_found");
}

#[tokio::test]
async fn what_sets_are_called_is_told_only_to_those_who_may_see_releases() {
    let server = Fixture::new("hb-set-names").await;
    targets(&server, &["a"]).await;
    let (_, set) = software(&server, "secret", "1").await;
    let filter = json!({"name": "all", "query": "controllerId==a"});
    let made = server.hawkbit("POST", "/targetfilters", Some(filter)).await.expect(201);
    let path = format!("/targetfilters/{}", made["id"]);
    let assign = format!("{path}/autoAssignDS");
    server.hawkbit("POST", &assign, Some(json!({"id": set}))).await.expect(200);
    server.hawkbit("POST", "/targets/a/assignedDS", Some(json!([{"id": set}]))).await.expect(200);
    let (viewer, installer) = (server.as_role("viewer").await, server.as_role("installer").await);
    for list in [path.as_str(), "/targetfilters"] {
        assert!(viewer.hawkbit("GET", list, None).await.expect(200).to_string().contains("secret"), "{list}");
        let told = installer.hawkbit("GET", list, None).await.expect(200).to_string();
        assert!(!told.contains("secret"), "{list}: {told}");
    }
    installer.hawkbit("GET", &assign, None).await.hawkbit_error(403);
    for q in ["assignedds.name==secret", "installedds.version==1", "assignedds.id==1"] {
        viewer.hawkbit("GET", &format!("/targets?q={q}"), None).await.expect(200);
        installer.hawkbit("GET", &format!("/targets?q={q}"), None).await.hawkbit_error(403);
    }
    let sorted = "/targets?sort=assignedds.name:ASC";
    installer.hawkbit("GET", sorted, None).await.hawkbit_error(403);
    installer.hawkbit("GET", "/targets?q=updatestatus==pending", None).await.expect(200);
}

#[tokio::test]
async fn who_sees_a_part_of_the_fleet_changes_nothing_that_is_the_whole_tenants() {
    let server = Fixture::new("hb-catalogue-scope").await;
    let tags = server.hawkbit("POST", "/targettags", Some(json!([{"name": "eu"}]))).await.expect(201);
    let (tag, filter) =
        (format!("/targettags/{}", tags[0]["id"]), json!({"name": "all", "query": "name==*"}));
    let filter = server.hawkbit("POST", "/targetfilters", Some(filter)).await.expect(201);
    let filter = format!("/targetfilters/{}", filter["id"]);
    let token = json!({"name": "eu", "role": "operator", "scope": "tag==eu"});
    let made = server.post("/tokens", token).await.expect(201);
    let scoped = server.with_token(made["secret"].as_str().unwrap());
    for (method, path, body) in [
        ("PUT", &filter, Some(json!({"query": "name==x"}))),
        ("DELETE", &filter, None),
        ("PUT", &tag, Some(json!({"description": "mine"}))),
        ("DELETE", &tag, None),
    ] {
        scoped.hawkbit(method, path, body).await.hawkbit_error(403);
    }
    assert_eq!(server.hawkbit("GET", &filter, None).await.expect(200)["query"], "name==*");
    assert_eq!(server.hawkbit("GET", &tag, None).await.expect(200)["name"], "eu");
}
