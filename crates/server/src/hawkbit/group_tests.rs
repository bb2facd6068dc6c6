//! `targetgroups`: what is refused, who is where, and that groups of devices are the same groups.

use serde_json::{Value, json};

use super::fixture::targets;
use crate::rest::fixture::Fixture;

fn names(page: &Value) -> Vec<String> {
    let all = page["content"].as_array().unwrap().iter();
    all.map(|one| one["controllerId"].as_str().unwrap().to_owned()).collect()
}

/// Targets in these groups, by group.
async fn grouped(server: &Fixture, all: &[(&str, Option<&str>)]) {
    let new = all.iter().map(|(name, group)| json!({"controllerId": name, "group": group}));
    server.hawkbit("POST", "/targets", Some(Value::from_iter(new))).await.expect(201);
}

async fn members(server: &Fixture, question: &str) -> Vec<String> {
    let path = format!("/targetgroups/{question}");
    names(&server.hawkbit("GET", &path, None).await.expect(200))
}

async fn groups(server: &Fixture) -> Value {
    server.hawkbit("GET", "/targetgroups", None).await.expect(200)
}

#[tokio::test]
async fn what_names_no_group_no_target_or_nothing_at_all_is_refused() {
    let server = Fixture::new("hb-groups-bad").await;
    targets(&server, &["a"]).await;
    let many: Vec<String> = (0..1_001).map(|number| format!("t{number}")).collect();
    for (method, path, body, status) in [
        ("GET", "/targetgroups/assigned", None, 400),
        ("GET", "/targetgroups/assigned?group=", None, 400),
        ("GET", "/targetgroups/assigned?group=a%20b", None, 400),
        ("GET", "/targetgroups/a%20b/assigned", None, 400),
        ("GET", "/targetgroups/eu/assigned?sort=colour:ASC", None, 400),
        ("PUT", "/targetgroups/eu/assigned", Some(json!([])), 400),
        ("PUT", "/targetgroups/eu/assigned", Some(json!([{"no": "name"}])), 400),
        ("PUT", "/targetgroups/eu/assigned", Some(json!(["a", "nobody"])), 404),
        ("PUT", "/targetgroups/eu/assigned", Some(json!(many)), 429),
        ("PUT", "/targetgroups/eu%2F..%2Fus/assigned", Some(json!(["a"])), 400),
        ("PUT", "/targetgroups/assigned", Some(json!(["a"])), 400),
        ("PUT", "/targetgroups/assigned?group=", Some(json!(["a"])), 400),
        ("PUT", "/targetgroups/assigned?group=eu", Some(json!([])), 400),
        ("PUT", "/targetgroups/eu", None, 400),
        ("PUT", "/targetgroups/eu?q=colour==red", None, 400),
        ("PUT", "/targetgroups/eu?q=name==", None, 400),
        ("PUT", "/targetgroups?q=name==*", None, 400),
        ("PUT", "/targetgroups?group=eu", None, 400),
        ("DELETE", "/targetgroups", None, 400),
        ("DELETE", "/targetgroups?q=", None, 400),
        ("DELETE", "/targetgroups/assigned", Some(json!([])), 400),
        ("DELETE", "/targetgroups/assigned", Some(json!(["nobody"])), 404),
    ] {
        server.hawkbit(method, path, body).await.hawkbit_error(status);
    }
    assert_eq!(groups(&server).await, json!([]), "nothing of what was refused was done");
}

#[tokio::test]
async fn the_groups_that_targets_are_in_are_listed_once() {
    let server = Fixture::new("hb-groups-list").await;
    grouped(&server, &[("a", Some("Europe/West")), ("b", Some("Asia")), ("c", Some("Asia")), ("d", None)])
        .await;
    server.post("/groups", json!({"path": "empty"})).await.expect(201);
    assert_eq!(groups(&server).await, json!(["Asia", "Europe/West"]));
}

#[tokio::test]
async fn targets_are_found_in_a_group_and_below_it() {
    let server = Fixture::new("hb-groups-below").await;
    grouped(
        &server,
        &[
            ("a", Some("Europe/West")),
            ("b", Some("Europe/East")),
            ("c", Some("Europe")),
            ("d", Some("Europe2")),
        ],
    )
    .await;
    assert_eq!(members(&server, "assigned?group=Europe/East").await, ["b"]);
    assert_eq!(members(&server, "assigned?group=Europe&subgroups=false").await, ["c"]);
    assert_eq!(members(&server, "assigned?group=Europe&subgroups=true&sort=ID:DESC").await, ["c", "b", "a"]);
    assert_eq!(members(&server, "Europe/assigned").await, ["c"]);
    assert_eq!(members(&server, "Europe/assigned?subgroups=true").await, ["a", "b", "c"]);
    assert_eq!(members(&server, "Europe%2FWest/assigned").await, ["a"]);
    assert_eq!(members(&server, "nowhere/assigned").await, [""; 0]);
    // As it is called, with the groups below it and without.
    for other in ["EUROPE/assigned", "assigned?group=EUROPE", "assigned?group=EUROPE&subgroups=true"] {
        assert_eq!(members(&server, other).await, [""; 0], "{other}");
    }
    let page =
        server.hawkbit("GET", "/targetgroups/assigned?group=Europe&subgroups=true&limit=1&offset=1", None);
    let page = page.await.expect(200);
    assert_eq!(
        (&page["total"], &page["size"], &page["content"][0]["group"]),
        (&json!(3), &json!(1), &json!("Europe/East"))
    );
    let found = server.hawkbit("GET", "/targets?q=group==Europe/East", None).await.expect(200);
    assert_eq!(names(&found), ["b"]);
}

#[tokio::test]
async fn targets_are_put_into_a_group_by_name_and_by_query_and_taken_out_again() {
    let server = Fixture::new("hb-groups-put").await;
    grouped(&server, &[("a1", Some("Europe")), ("a2", None), ("b", Some("US"))]).await;
    let put = async |method: &str, path: &str, body: Option<Value>| {
        server.hawkbit(method, path, body).await.expect(204);
    };
    put("PUT", "/targetgroups/new/assigned", Some(json!(["a1", "a2", "b"]))).await;
    assert_eq!(members(&server, "new/assigned").await, ["a1", "a2", "b"]);
    assert_eq!(groups(&server).await, json!(["new"]));
    put("PUT", "/targetgroups/assigned?group=Europe/East", Some(json!(["a1"]))).await;
    assert_eq!(server.hawkbit("GET", "/targets/a1", None).await.expect(200)["group"], "Europe/East");
    put("PUT", "/targetgroups/C?q=controllerId==a*", None).await;
    assert_eq!(members(&server, "C/assigned").await, ["a1", "a2"]);
    put("PUT", "/targetgroups?group=C/D&q=controllerId==a2", None).await;
    assert_eq!(members(&server, "assigned?group=C&subgroups=true").await, ["a1", "a2"]);
    // Nobody is found, so no group is made.
    put("PUT", "/targetgroups/E?q=controllerId==nobody", None).await;
    server.get("/groups/E").await.problem(404, "group.not_found");
    put("DELETE", "/targetgroups/assigned", Some(json!(["a1"]))).await;
    assert!(server.hawkbit("GET", "/targets/a1", None).await.expect(200).get("group").is_none());
    put("DELETE", "/targetgroups?q=controllerId==*", None).await;
    assert_eq!(groups(&server).await, json!([]));
}

#[tokio::test]
async fn groups_of_targets_are_those_of_devices_and_the_act_is_on_record() {
    let server = Fixture::new("hb-groups-same").await;
    targets(&server, &["pump"]).await;
    server.hawkbit("PUT", "/targetgroups/eu/assigned", Some(json!(["pump"]))).await.expect(204);
    let device = server.get("/devices/pump").await.expect(200);
    assert_eq!(device["groups"], json!(["eu"]));
    let audit = server.get("/audit?limit=5").await.expect(200).to_string();
    assert!(audit.contains("group.members") && audit.contains("group:eu"), "{audit}");
    server.hawkbit("PUT", "/targetgroups/eu?q=controllerId==pu*", None).await.expect(204);
    let audit = server.get("/audit?limit=1").await.expect(200);
    let details = &audit["items"][0]["details"];
    assert_eq!((&details["q"], &details["matched"]), (&json!("controllerId==pu*"), &json!(1)), "{audit}");
    server.post("/groups", json!({"path": "lab"})).await.expect(201);
    server.post("/groups/lab/members", json!({"add": ["pump"]})).await.expect(200);
    assert_eq!(groups(&server).await, json!(["eu", "lab"]));
    assert_eq!(members(&server, "lab/assigned").await, ["pump"], "found by each of its groups");
    // It leaves the one that it is shown in.
    server.hawkbit("PUT", "/targetgroups/us/assigned", Some(json!(["pump"]))).await.expect(204);
    assert_eq!(server.get("/devices/pump").await.expect(200)["groups"], json!(["lab", "us"]));
}

#[tokio::test]
async fn groups_end_where_a_scope_or_a_tenant_ends() {
    let server = Fixture::new("hb-groups-scope").await;
    grouped(&server, &[("mine", Some("eu")), ("theirs", Some("us"))]).await;
    let token = json!({"name": "eu", "role": "operator", "scope": "name==mine"});
    let made = server.post("/tokens", token).await.expect(201);
    let scoped = server.with_token(made["secret"].as_str().unwrap());
    assert_eq!(groups(&scoped).await, json!(["eu"]));
    assert_eq!(members(&scoped, "us/assigned").await, [""; 0]);
    scoped.hawkbit("PUT", "/targetgroups/eu?q=name==*", None).await.hawkbit_error(403);
    let other = server.in_another_tenant("acme").await;
    assert_eq!(groups(&other).await, json!([]));
    assert_eq!(members(&other, "eu/assigned").await, [""; 0]);
    other.hawkbit("PUT", "/targetgroups/x?q=controllerId==*", None).await.expect(204);
    other.hawkbit("PUT", "/targetgroups/x/assigned", Some(json!(["mine"]))).await.hawkbit_error(404);
    assert_eq!(groups(&server).await, json!(["eu", "us"]));
}
