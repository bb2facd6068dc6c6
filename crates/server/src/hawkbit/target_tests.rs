//! Targets, as hawkBit's clients make and ask for them.

use serde_json::{Value, json};

use super::fixture::targets;
use crate::rest::fixture::Fixture;

fn names(page: &Value) -> Vec<String> {
    let content = page["content"].as_array().unwrap().iter();
    content.map(|one| one["controllerId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_target_is_a_device_and_the_other_way_about() {
    let server = Fixture::new("hb-targets").await;
    let made = server
        .hawkbit(
            "POST",
            "/targets",
            Some(json!([{"controllerId": "pump-1", "name": "Pump", "description": "in the yard"}])),
        )
        .await
        .expect(201);
    assert_eq!(made[0]["updateStatus"], "unknown");
    assert_eq!(server.get("/devices/pump-1").await.expect(200)["name"], "pump-1");
    server.post("/devices", json!({"name": "pump-2", "tags": ["lab"]})).await.expect(201);
    let list = server.hawkbit("GET", "/targets", None).await.expect(200);
    assert_eq!(names(&list), ["pump-1", "pump-2"]);
    let again = server.hawkbit("POST", "/targets", Some(json!([{"controllerId": "pump-1"}]))).await;
    assert_eq!(again.hawkbit_error(409), "hawkbit.server.error.repo.entityAlreadyExists");
    let changed = json!({"name": "Pump one", "group": "eu/berlin"});
    let changed = server.hawkbit("PUT", "/targets/pump-1", Some(changed)).await.expect(200);
    assert_eq!((&changed["name"], &changed["group"]), (&json!("Pump one"), &json!("eu/berlin")));
    assert_eq!(changed["description"], "in the yard");
    let group = server.get("/devices?q=group==eu/berlin").await.expect(200);
    assert_eq!(group["items"][0]["name"], "pump-1");
    assert_eq!(server.hawkbit("GET", "/targets/pump-1/attributes", None).await.bytes_of(204).len(), 0);
    server.hawkbit("DELETE", "/targets/pump-1", None).await.expect(204);
    server.hawkbit("DELETE", "/targets/pump-1", None).await.hawkbit_error(404);
    server.get("/devices/pump-1").await.problem(404, "device.not_found");
}

#[tokio::test]
async fn all_targets_of_a_request_are_made_or_none() {
    let server = Fixture::new("hb-atomic").await;
    let new = json!([{"controllerId": "a"}, {"controllerId": "b b"}]);
    server.hawkbit("POST", "/targets", Some(new)).await.hawkbit_error(400);
    let new = json!([{"controllerId": "a"}, {"controllerId": "a"}]);
    server.hawkbit("POST", "/targets", Some(new)).await.hawkbit_error(409);
    let new = json!([{"controllerId": "a"}, {"controllerId": "b", "targetType": 77}]);
    server.hawkbit("POST", "/targets", Some(new)).await.hawkbit_error(404);
    let new = json!([{"controllerId": "a"}, {"name": "nameless"}]);
    server.hawkbit("POST", "/targets", Some(new)).await.hawkbit_error(400);
    assert_eq!(server.hawkbit("GET", "/targets", None).await.expect(200)["total"], 0);
}

#[tokio::test]
async fn ids_that_are_no_device_names_are_known_by_their_alias() {
    let server = Fixture::new("hb-foreign").await;
    targets(&server, &["device@site,1"]).await;
    let got = server.hawkbit("GET", "/targets/device@site,1", None).await.expect(200);
    assert_eq!(got["controllerId"], "device@site,1");
    server.hawkbit("GET", "/targets/device%40site%2C1", None).await.expect(200);
    let found = server.hawkbit("GET", "/targets?q=controllerId=='device@site,1'", None).await.expect(200);
    assert_eq!(found["total"], 1);
    let again = json!([{"controllerId": "device@site,1"}]);
    server.hawkbit("POST", "/targets", Some(again)).await.hawkbit_error(409);
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_cut() {
    let server = Fixture::new("hb-list").await;
    let made = targets(&server, &["alpha", "Beta", "gamma"]).await;
    assert_eq!(made.as_array().unwrap().len(), 3);
    server.hawkbit("PUT", "/targets/gamma", Some(json!({"description": "In the Lab"}))).await.expect(200);
    server.patch("/devices/alpha", json!({"addTags": ["x"]})).await;
    server.post("/devices/tags", json!({"devices": ["alpha"], "add": ["x"]})).await;
    let get = |query: &'static str| {
        let server = server.clone();
        async move { server.hawkbit("GET", &format!("/targets{query}"), None).await }
    };
    for (query, wanted) in [
        ("?q=controllerId==*A", vec!["alpha", "Beta", "gamma"]),
        ("?q=name==beta", vec!["Beta"]),
        ("?q=description==*lab", vec!["gamma"]),
        ("?q=description=is=null", vec!["alpha", "Beta"]),
        ("?q=updateStatus==unknown;id!=beta", vec!["alpha", "gamma"]),
        ("?q=updatestatus=in=(pending,error)", vec![]),
        ("?q=lastControllerRequestAt=le=$%7BOVERDUE_TS%7D", vec![]),
        ("?q=createdAt=le=$%7BNOW_TS%7D&limit=1", vec!["alpha"]),
        ("?sort=controllerId:DESC", vec!["gamma", "Beta", "alpha"]),
        ("?sort=name:ASC&offset=1&limit=1", vec!["Beta"]),
    ] {
        assert_eq!(names(&get(query).await.expect(200)), wanted, "{query}");
    }
    for bad in ["?q=colour==red", "?q=name==(", "?sort=colour:ASC", "?q=name=="] {
        get(bad).await.hawkbit_error(400);
    }
    let deep = format!("?q={}name==a{}", "(".repeat(1_000), ")".repeat(1_000));
    server.hawkbit("GET", &format!("/targets{deep}"), None).await.hawkbit_error(400);
    let long = format!("/targets?q=name=={}", "a".repeat(60_000));
    server.hawkbit("GET", &long, None).await.hawkbit_error(400);
}

#[tokio::test]
async fn metadata_of_a_target_is_attributes_of_its_device() {
    let server = Fixture::new("hb-target-metadata").await;
    targets(&server, &["a", "b"]).await;
    let new = json!([{"key": "site", "value": "Berlin"}]);
    server.hawkbit("POST", "/targets/a/metadata", Some(new.clone())).await.bytes_of(201);
    server.hawkbit("POST", "/targets/a/metadata", Some(new)).await.hawkbit_error(409);
    assert_eq!(server.get("/devices/a").await.expect(200)["attributes"]["site"], "Berlin");
    let found = server.hawkbit("GET", "/targets?q=metadata.site==ber*", None).await.expect(200);
    assert_eq!(names(&found), ["a"]);
    server.hawkbit("PUT", "/targets/a/metadata/site", Some(json!({"value": "Bonn"}))).await.expect(204);
    assert_eq!(server.hawkbit("GET", "/targets/a/metadata/site", None).await.expect(200)["value"], "Bonn");
    server.hawkbit("DELETE", "/targets/a/metadata/site", None).await.expect(204);
    server.hawkbit("GET", "/targets/a/metadata/site", None).await.hawkbit_error(404);
    server.hawkbit("DELETE", "/targets/a/metadata/site", None).await.hawkbit_error(404);
}

#[tokio::test]
async fn of_many_that_add_the_same_metadata_at_once_one_does() {
    let server = Fixture::new("hb-target-metadata-once").await;
    targets(&server, &["a"]).await;
    let entry = |value: usize| json!([{"key": "site", "value": value.to_string()}]);
    let asked = (0..6).map(|value| server.hawkbit("POST", "/targets/a/metadata", Some(entry(value))));
    let answers = futures_util::future::join_all(asked).await;
    let statuses = answers.iter().map(|answer| answer.status).collect::<Vec<_>>();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 5, "{statuses:?}");
}

#[tokio::test]
async fn beyond_a_scope_there_are_no_targets() {
    let server = Fixture::new("hb-scope").await;
    server.post("/devices", json!({"name": "mine", "tags": ["eu"]})).await.expect(201);
    server.post("/devices", json!({"name": "theirs", "tags": ["us"]})).await.expect(201);
    let token = json!({"name": "eu", "role": "operator", "scope": "tag==eu"});
    let made = server.post("/tokens", token).await.expect(201);
    let scoped = server.with_token(made["secret"].as_str().unwrap());
    assert_eq!(names(&scoped.hawkbit("GET", "/targets", None).await.expect(200)), ["mine"]);
    scoped.hawkbit("GET", "/targets/theirs", None).await.hawkbit_error(404);
    scoped.hawkbit("PUT", "/targets/theirs", Some(json!({"name": "x"}))).await.hawkbit_error(404);
    scoped.hawkbit("DELETE", "/targets/theirs", None).await.hawkbit_error(404);
    scoped.hawkbit("POST", "/targets", Some(json!([{"controllerId": "outside"}]))).await.hawkbit_error(409);
    server.hawkbit("GET", "/targets/outside", None).await.hawkbit_error(404);
}

#[tokio::test]
async fn every_target_has_a_token_that_only_those_who_set_devices_up_see() {
    let server = Fixture::new("hb-token").await;
    let new = json!([{"controllerId": "a", "securityToken": "secret-of-a"}, {"controllerId": "b"}]);
    let made = server.hawkbit("POST", "/targets", Some(new)).await.expect(201);
    assert_eq!(made[0]["securityToken"], "secret-of-a");
    assert_eq!(made[1]["securityToken"].as_str().unwrap().len(), 32);
    assert_eq!(server.get("/devices/a/token").await.expect(200)["token"], "secret-of-a");
    let viewer = server.as_role("viewer").await;
    assert!(viewer.hawkbit("GET", "/targets/a", None).await.expect(200).get("securityToken").is_none());
    let list = server.hawkbit("GET", "/targets", None).await.expect(200);
    assert!(list["content"][0].get("securityToken").is_none());
    let changed = server.hawkbit("PUT", "/targets/a", Some(json!({"securityToken": "another"}))).await;
    assert_eq!(changed.expect(200)["securityToken"], "another");
    let bad = json!([{"controllerId": "c", "securityToken": "with space"}]);
    server.hawkbit("POST", "/targets", Some(bad)).await.hawkbit_error(400);
    server.hawkbit("GET", "/targets/c", None).await.hawkbit_error(404);
}

#[tokio::test]
async fn settings_are_read_and_written_under_their_keys() {
    let server = Fixture::new("hb-configs").await;
    let key = "/system/configs/authentication.targettoken.enabled";
    assert_eq!(server.hawkbit("GET", key, None).await.expect(200)["value"], false);
    server.hawkbit("PUT", key, Some(json!({"value": true}))).await.expect(204);
    assert_eq!(server.hawkbit("GET", key, None).await.expect(200)["value"], true);
    server.hawkbit("PUT", key, Some(json!({"value": "soon"}))).await.hawkbit_error(400);
    server.hawkbit("PUT", key, Some(json!({}))).await.hawkbit_error(400);
    server.hawkbit("PUT", "/system/configs/nothing", Some(json!({"value": 1}))).await.hawkbit_error(400);
    let several = json!({"pollingTime": "00:01:00", "pollingOverdueTime": "00:02:00"});
    server.hawkbit("PUT", "/system/configs", Some(several)).await.expect(204);
    let all = server.hawkbit("GET", "/system/configs", None).await.expect(200);
    assert_eq!(all["pollingTime"]["value"], "00:01:00");
    for (fixed, only) in [
        ("anonymous.download.enabled", false),
        ("batch.assignments.enabled", false),
        ("implicit.lock.enabled", true),
    ] {
        assert_eq!(all[fixed]["value"], only);
        let path = format!("/system/configs/{fixed}");
        server.hawkbit("PUT", &path, Some(json!({"value": only}))).await.expect(204);
        server.hawkbit("PUT", &path, Some(json!({"value": !only}))).await.hawkbit_error(400);
    }
    server.hawkbit("DELETE", key, None).await.expect(204);
    assert_eq!(server.hawkbit("GET", key, None).await.expect(200)["value"], false);
}

#[tokio::test]
async fn a_target_that_hawkbit_did_not_make_gets_its_token_when_somebody_who_may_looks_at_it() {
    let server = Fixture::new("hb-token-late").await;
    server.post("/devices", json!({"name": "d"})).await.expect(201);
    let tokens = |audit: &Value| audit.to_string().matches("device.token.set").count();
    let viewer = server.as_role("viewer").await;
    assert!(viewer.hawkbit("GET", "/targets/d", None).await.expect(200).get("securityToken").is_none());
    server.hawkbit("GET", "/targets", None).await.expect(200);
    server.get("/devices/d/token").await.problem(404, "token.not_found");
    assert_eq!(tokens(&server.get("/audit").await.expect(200)), 0, "nobody had to know it yet");
    let token = server.hawkbit("GET", "/targets/d", None).await.expect(200)["securityToken"].clone();
    assert_eq!(token.as_str().unwrap().len(), 32);
    assert_eq!(server.hawkbit("GET", "/targets/d", None).await.expect(200)["securityToken"], token);
    assert_eq!(server.get("/devices/d/token").await.expect(200)["token"], token);
    let audit = server.get("/audit").await.expect(200);
    assert_eq!(tokens(&audit), 1, "{audit}");
    assert!(!audit.to_string().contains(token.as_str().unwrap()));
    server.delete("/devices/d/token").await.expect(204);
    let other = server.hawkbit("GET", "/targets/d", None).await.expect(200)["securityToken"].clone();
    assert_ne!(other, token, "one that was taken away does not come back");
    server.act("/devices/d/suspend").await.expect(200);
    server.delete("/devices/d/token").await.expect(204);
    let suspended = server.hawkbit("GET", "/targets/d", None).await.expect(200);
    assert!(suspended.get("securityToken").is_none(), "a device that may not come gets none: {suspended}");
}

#[tokio::test]
async fn an_empty_token_asks_for_one_that_the_server_makes() {
    let server = Fixture::new("hb-token-empty").await;
    let new = json!([{"controllerId": "a", "securityToken": ""}]);
    let made = server.hawkbit("POST", "/targets", Some(new)).await.expect(201);
    assert_eq!(made[0]["securityToken"].as_str().unwrap().len(), 32);
    let refused = server.hawkbit("PUT", "/targets/a", Some(json!({"securityToken": ""}))).await;
    refused.hawkbit_error(400);
    assert_eq!(
        server.hawkbit("GET", "/targets/a", None).await.expect(200)["securityToken"],
        made[0]["securityToken"]
    );
}
