//! Small things that clients and suites written for hawkBit look at: forms, words, links and codes.

use axum::body::Body;
use serde_json::{Value, json};

use super::fixture::{software, targets};
use crate::rest::fixture::Fixture;

async fn pump(name: &str) -> (Fixture, i64) {
    let server = Fixture::new(name).await;
    targets(&server, &["pump"]).await;
    let (_, set) = software(&server, "FW", "1").await;
    (server, set)
}

async fn assigned(server: &Fixture, body: Value) -> i64 {
    let answer = server.hawkbit("POST", "/targets/pump/assignedDS", Some(body)).await.expect(200);
    answer["assignedActions"][0]["id"].as_i64().unwrap()
}

fn link<'a>(shown: &'a Value, relation: &str) -> &'a str {
    shown["_links"][relation]["href"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn every_mistake_has_the_code_that_clients_look_for() {
    let (server, set) = pump("hb-codes").await;
    let other = software(&server, "FW", "2").await.1;
    let constraint = "repo.constraintViolation";
    for (method, path, body, status, code) in [
        ("GET", "/targets?sort=colour:ASC", None, 400, "rest.param.invalidField"),
        ("GET", "/targettags?sort=shape:ASC", None, 400, "rest.param.invalidField"),
        ("GET", "/targets?sort=name:UP", None, 400, "rest.param.invalidDirection"),
        ("GET", "/targets?sort=name", None, 400, "rest.param.sortParamSyntax"),
        ("GET", "/targets?offset=x", None, 400, constraint),
        ("PUT", "/targets/pump", Some(json!({"requestAttributes": false})), 400, constraint),
        ("PUT", "/targets/pump", Some(json!({"name": ["x"]})), 400, "rest.body.notReadable"),
        ("POST", "/targets", Some(json!([{"controllerId": {}}])), 400, "rest.body.notReadable"),
        ("POST", "/targets/pump/assignedDS", Some(json!({"id": "two"})), 400, "rest.body.notReadable"),
        (
            "POST",
            "/targets/pump/assignedDS",
            Some(json!([{"id": set}, {"id": other}])),
            400,
            "multiAssignmentNotEnabled",
        ),
    ] {
        let refused = server.hawkbit(method, path, body).await;
        assert_eq!(refused.hawkbit_error(status), format!("hawkbit.server.error.{code}"), "{method} {path}");
    }
    for (key, value, code) in [
        ("no.such.key", json!(1), "configKeyInvalid"),
        ("authentication.targettoken.enabled", json!("soon"), "configValueInvalid"),
        ("authentication.targettoken.enabled", json!({}), "configValueInvalid"),
    ] {
        let path = format!("/system/configs/{key}");
        let refused = server.hawkbit("PUT", &path, Some(json!({"value": value}))).await;
        assert_eq!(refused.hawkbit_error(400), format!("hawkbit.server.error.{code}"), "{key}");
    }
    let info = server.hawkbit("GET", "/userinfo", None).await.expect(200);
    assert_eq!(info["tenant"], "DEFAULT");
    let activate = "/targets/pump/autoConfirm/activate";
    server.hawkbit("POST", activate, Some(json!({}))).await.expect(204);
    let again = server.hawkbit("POST", activate, Some(json!({}))).await;
    assert_eq!(again.hawkbit_error(409), "hawkbit.server.error.repo.autoConfAlreadyActive");
    let id = assigned(&server, json!({"id": set})).await;
    let action = format!("/targets/pump/actions/{id}");
    let refused = server.hawkbit("DELETE", &format!("{action}?force=true"), None).await;
    assert_eq!(refused.hawkbit_error(405), "hawkbit.server.error.action.notForceQuitable");
    server.hawkbit("DELETE", &action, None).await.expect(204);
    let refused = server.hawkbit("DELETE", &action, None).await;
    assert_eq!(refused.hawkbit_error(405), "hawkbit.server.error.action.notCancelable");
    let quit = format!("{action}?force=true");
    server.hawkbit("DELETE", &quit, None).await.expect(204);
    let refused = server.hawkbit("DELETE", &quit, None).await;
    assert_eq!(refused.hawkbit_error(405), "hawkbit.server.error.action.notForceQuitable");
}

#[tokio::test]
async fn bodies_are_read_as_loosely_as_upstream() {
    let (server, set) = pump("hb-loose").await;
    let twice = json!({"id": set.to_string(), "type": "forced", "forcetime": "0", "weight": "5"});
    let answer = server.hawkbit("POST", "/targets/pump/assignedDS", Some(json!([twice, twice]))).await;
    assert_eq!(answer.expect(200)["total"], 1);
    targets(&server, &["17"]).await;
    let path = format!("/distributionsets/{set}/assignedTargets");
    assert_eq!(server.hawkbit("POST", &path, Some(json!([{"id": 17}]))).await.expect(200)["assigned"], 1);
    for path in ["/targets?offset=-1", "/targets?limit=0", "/targets?limit=-7"] {
        assert_eq!(server.hawkbit("GET", path, None).await.expect(200)["size"], 2, "{path}");
    }
}

#[tokio::test]
async fn json_is_called_what_the_client_asks_for() {
    let server = Fixture::new("hb-accept").await;
    for (headers, wanted) in [
        (vec![], "application/hal+json"),
        (vec![("accept", "*/*")], "application/hal+json"),
        (vec![("accept", "application/json")], "application/json"),
    ] {
        let answer = server.raw("GET", "/rest/v1/targets", &headers, Body::empty()).await;
        assert_eq!(answer.header("content-type"), Some(wanted), "{headers:?}");
    }
    let refused = server.hawkbit("GET", "/targets/nobody", None).await;
    assert_eq!(refused.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn what_there_is_nothing_of_has_no_body() {
    let (server, set) = pump("hb-empty").await;
    assert_eq!(server.hawkbit("GET", "/targets/pump/attributes", None).await.bytes_of(204).len(), 0);
    let module =
        server.hawkbit("GET", "/softwaremodules", None).await.expect(200)["content"][0]["id"].clone();
    for path in [
        "/targets/pump/metadata".to_owned(),
        format!("/softwaremodules/{module}/metadata"),
        format!("/distributionsets/{set}/metadata"),
    ] {
        let entry = |index: usize| json!({"key": format!("k{index}"), "value": index});
        assert_eq!(server.hawkbit("POST", &path, Some(json!([entry(0)]))).await.bytes_of(201).len(), 0);
        let many: Vec<Value> = (1..=100).map(entry).collect();
        let refused = server.hawkbit("POST", &path, Some(Value::from(many))).await;
        assert_eq!(refused.hawkbit_error(429), "hawkbit.server.error.quota.tooManyEntries", "{path}");
        assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["total"], 1, "{path}");
    }
}

#[tokio::test]
async fn links_are_those_that_clients_follow() {
    let (server, set) = pump("hb-links").await;
    let newest = "?offset=0&limit=50&sort=id%3ADESC";
    let target = server.hawkbit("GET", "/targets/pump", None).await.expect(200);
    assert!(link(&target, "actions").ends_with(&format!("/targets/pump/actions{newest}")), "{target}");
    assert_eq!(link(&target, "autoConfirm"), "");
    let key = "/system/configs/user.confirmation.flow.enabled";
    server.hawkbit("PUT", key, Some(json!({"value": true}))).await.expect(204);
    let target = server.hawkbit("GET", "/targets/pump", None).await.expect(200);
    assert!(link(&target, "autoConfirm").ends_with("/targets/pump/autoConfirm"), "{target}");
    assert_eq!(target["autoConfirmActive"], false);
    let agreed = server.hawkbit("GET", "/targets/pump/autoConfirm", None).await.expect(200);
    assert_eq!(agreed["_links"].as_object().unwrap().keys().collect::<Vec<_>>(), ["activate"]);
    let id = assigned(&server, json!([{"id": set}])).await;
    let action = server.hawkbit("GET", &format!("/targets/pump/actions/{id}"), None).await.expect(200);
    assert!(link(&action, "status").ends_with(&format!("/actions/{id}/status{newest}")), "{action}");
    for (tags, relation) in
        [("targettags", "assignedTargets"), ("distributionsettags", "assignedDistributionSets")]
    {
        let made =
            server.hawkbit("POST", &format!("/{tags}"), Some(json!([{"name": "x"}]))).await.expect(201);
        let wanted = format!("/{tags}/{}/assigned?offset=0&limit=50", made[0]["id"]);
        assert!(link(&made[0], relation).ends_with(&wanted), "{made}");
    }
}

#[tokio::test]
async fn an_action_is_active_until_it_is_over_and_says_why_it_stops() {
    let (server, set) = pump("hb-active").await;
    let other = software(&server, "FW", "2").await.1;
    let first = assigned(&server, json!({"id": set})).await;
    assigned(&server, json!({"id": other})).await;
    let path = format!("/targets/pump/actions/{first}");
    let action = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!((&action["active"], &action["type"]), (&json!(true), &json!("cancel")));
    let history =
        server.hawkbit("GET", &format!("{path}/status?sort=createdAt:DESC"), None).await.expect(200);
    assert_eq!(
        history["content"][0]["messages"][0],
        "Update Server: cancel obsolete action due to new update"
    );
    server.hawkbit("GET", &format!("{path}/status?sort=shape:ASC"), None).await.hawkbit_error(400);
    server.hawkbit("DELETE", &format!("{path}?force=true"), None).await.expect(204);
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["active"], false);
    let open = server.hawkbit("GET", "/targets/pump/actions?q=active==true", None).await.expect(200);
    assert_eq!(open["total"], 1);
}

#[tokio::test]
async fn tags_get_other_names_and_what_has_them_keeps_them() {
    let (server, set) = pump("hb-rename").await;
    for (tags, member, tags_of) in [
        ("targettags", json!("pump"), "/targets/pump/tags".to_owned()),
        ("distributionsettags", json!(set), format!("/distributionsets/{set}/tags")),
    ] {
        let new = json!([{"name": "old"}, {"name": "taken"}]);
        let made = server.hawkbit("POST", &format!("/{tags}"), Some(new)).await.expect(201);
        let path = format!("/{tags}/{}", made[0]["id"]);
        server.hawkbit("PUT", &format!("{path}/assigned"), Some(json!([member]))).await.expect(204);
        server.hawkbit("PUT", &path, Some(json!({"name": "taken"}))).await.hawkbit_error(409);
        server.hawkbit("PUT", &path, Some(json!({"name": "<b>"}))).await.hawkbit_error(400);
        let renamed = server.hawkbit("PUT", &path, Some(json!({"name": "it's new 펌"}))).await.expect(200);
        assert_eq!(renamed["name"], "it's new 펌");
        let of_it = server.hawkbit("GET", &tags_of, None).await.expect(200);
        assert_eq!((of_it.as_array().unwrap().len(), &of_it[0]["name"]), (1, &json!("it's new 펌")));
        let assigned = server.hawkbit("GET", &format!("{path}/assigned"), None).await.expect(200);
        assert_eq!(assigned["total"], 1, "{tags}");
    }
    assert_eq!(server.get("/devices/pump").await.expect(200)["tags"], json!(["it's new 펌"]));
}

#[tokio::test]
async fn all_that_cannot_be_tagged_is_named_and_a_policy_says_what_becomes_of_the_rest() {
    let (server, set) = pump("hb-policy").await;
    for (tags, member, missing, kind) in [
        ("targettags", json!("pump"), [json!("8888"), json!("9999")], "Target"),
        ("distributionsettags", json!(set), [json!(8888), json!(9999)], "DistributionSet"),
    ] {
        let made =
            server.hawkbit("POST", &format!("/{tags}"), Some(json!([{"name": "x"}]))).await.expect(201);
        let path = format!("/{tags}/{}/assigned", made[0]["id"]);
        let [first, second] = missing;
        let all = json!([first, member, second]);
        for (policy, status, left) in [
            ("", 404, 0),
            ("?onNotFoundPolicy=FAIL", 404, 0),
            ("?onNotFoundPolicy=sometimes", 400, 0),
            ("?onNotFoundPolicy=ON_WHAT_FOUND_AND_FAIL", 404, 1),
            ("?onNotFoundPolicy=ON_WHAT_FOUND_AND_SUCCESS", 204, 1),
        ] {
            let answer = server.hawkbit("PUT", &format!("{path}{policy}"), Some(all.clone())).await;
            assert_eq!(answer.status, status, "{policy}: {}", answer.text());
            if status == 404 {
                let info = &answer.expect(404)["info"];
                assert_eq!(info, &json!({"type": kind, "entityId": ["8888", "9999"]}), "{policy}");
            }
            let there = server.hawkbit("GET", &path, None).await.expect(200);
            assert_eq!(there["total"], left, "{policy}");
            server.hawkbit("DELETE", &path, Some(json!([member]))).await.expect(204);
        }
    }
}

#[tokio::test]
async fn a_target_without_a_name_is_called_by_the_start_of_its_id() {
    let server = Fixture::new("hb-long-id").await;
    let id = "i".repeat(256);
    let made = server.hawkbit("POST", "/targets", Some(json!([{"controllerId": id}]))).await.expect(201);
    assert_eq!(made[0]["name"], "i".repeat(128));
    let found = server.hawkbit("GET", &format!("/targets?q=name=={}", "i".repeat(128)), None).await;
    assert_eq!(found.expect(200)["total"], 1);
}

#[tokio::test]
async fn an_empty_description_of_a_set_is_a_description() {
    let server = Fixture::new("hb-description").await;
    for (index, said) in [json!(""), json!("pump"), Value::Null].into_iter().enumerate() {
        let set = json!([{"type": "os", "name": "a", "version": index.to_string(), "description": said}]);
        let made = server.hawkbit("POST", "/distributionsets", Some(set)).await.expect(201);
        let path = format!("/distributionsets/{}", made[0]["id"]);
        let shown = server.hawkbit("GET", &path, None).await.expect(200);
        let listed = server.hawkbit("GET", &format!("/distributionsets?q=version=={index}"), None).await;
        for set in [&made[0], &shown, &listed.expect(200)["content"][0]] {
            assert_eq!(set.get("description").cloned().unwrap_or_default(), said, "{set}");
        }
        for text in ["other", ""] {
            let changed = server.hawkbit("PUT", &path, Some(json!({"description": text}))).await;
            assert_eq!(changed.expect(200)["description"], text);
        }
    }
}

#[tokio::test]
async fn three_empty_texts_of_a_maintenance_window_are_none() {
    let (server, set) = pump("hb-window").await;
    let window = |schedule: &str, duration: &str, zone: &str| json!({"schedule": schedule, "duration": duration, "timezone": zone});
    for half in [window("0 0 2 * * ?", "", ""), window("", "01:00:00", ""), window("", "", "+00:00")] {
        let body = json!({"id": set, "maintenanceWindow": half});
        let refused = server.hawkbit("POST", "/targets/pump/assignedDS", Some(body)).await;
        assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.maintenanceScheduleInvalid");
    }
    let id = assigned(&server, json!({"id": set, "maintenanceWindow": window("", "", "")})).await;
    let action = server.hawkbit("GET", &format!("/targets/pump/actions/{id}"), None).await.expect(200);
    assert!(action.get("maintenanceWindow").is_none(), "{action}");
}
