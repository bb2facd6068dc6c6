//! Rollouts, their groups, statistics and invalid sets, as hawkBit's clients use them.

use serde_json::{Value, json};

use super::fixture::{software, targets};
use crate::rest::fixture::Fixture;

/// A server with four pumps, a valve and one set. Returns the set's number.
pub(super) async fn ready(name: &str) -> (Fixture, i64) {
    let server = Fixture::new(name).await;
    targets(&server, &["pump-1", "pump-2", "pump-3", "pump-4", "valve"]).await;
    let (_, set) = software(&server, "fw", "1").await;
    (server, set)
}

pub(super) fn request(set: i64) -> Value {
    json!({
        "name": "pumps", "description": "all of them", "distributionSetId": set,
        "targetFilterQuery": "controllerId==pump-*", "amountGroups": 2, "type": "forced",
        "successCondition": {"condition": "THRESHOLD", "expression": "50"},
        "successAction": {"action": "NEXTGROUP", "expression": ""},
        "errorCondition": {"condition": "THRESHOLD", "expression": "80"},
        "errorAction": {"action": "PAUSE", "expression": ""},
    })
}

pub(super) async fn settle(server: &Fixture) {
    while server.rest.app.jobs_activate().await.unwrap() {}
}

#[tokio::test]
async fn a_rollout_that_nobody_called_anything_is_called_what_it_installs() {
    let server = Fixture::new("hb-rollout-unnamed").await;
    software(&server, "fw", "1").await;
    targets(&server, &["pump-1"]).await;
    let job = json!({
        "kind": "update", "release": {"name": "fw", "version": "1"}, "targets": {"devices": ["pump-1"]},
    });
    server.post("/jobs", job).await.expect(201);
    settle(&server).await;
    let rollouts = server.hawkbit("GET", "/rollouts?q=name=='fw%201'", None).await.expect(200);
    assert_eq!(rollouts["content"][0]["name"], "fw 1", "{rollouts}");
    let actions = server.hawkbit("GET", "/targets/pump-1/actions", None).await.expect(200);
    assert_eq!(actions["content"][0]["rolloutName"], "fw 1");
    assert_eq!(actions["content"][0]["_links"]["rollout"]["name"], "fw 1");
    let found = server.hawkbit("GET", "/actions?q=rollout.name=='fw%201'", None).await.expect(200);
    assert_eq!(found["total"], 1);
}

#[tokio::test]
async fn of_rollouts_that_are_made_at_once_under_one_name_one_is_made() {
    let (server, set) = ready("hb-rollout-race").await;
    let make = || async { server.hawkbit("POST", "/rollouts", Some(request(set))).await.status };
    let (one, two, three, four) = tokio::join!(make(), make(), make(), make());
    let mut statuses = [one, two, three, four];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
    assert_eq!(server.hawkbit("GET", "/rollouts", None).await.expect(200)["total"], 1);
}

#[tokio::test]
async fn a_rollout_is_a_job_whose_waves_are_its_groups() {
    let (server, set) = ready("hb-rollout").await;
    let made = server.hawkbit("POST", "/rollouts", Some(request(set))).await.expect(201);
    let id = made["id"].as_i64().unwrap();
    assert_eq!(
        (&made["status"], &made["totalTargets"], &made["totalGroups"]),
        (&json!("creating"), &json!(4), &json!(2))
    );
    let ready = server.hawkbit("GET", &format!("/rollouts/{id}"), None).await.expect(200);
    assert_eq!(ready["status"], "ready");
    assert_eq!(made["totalTargetsPerStatus"]["notstarted"], 4);
    assert_eq!(server.get(&format!("/jobs/{id}")).await.expect(200)["kind"], "update");
    server.hawkbit("POST", "/rollouts", Some(request(set))).await.hawkbit_error(409);
    let path = format!("/rollouts/{id}");
    server.hawkbit("POST", &format!("{path}/pause"), None).await.hawkbit_error(400);
    server.hawkbit("POST", &format!("{path}/start"), None).await.expect(204);
    let twice = server.hawkbit("POST", &format!("{path}/start"), None).await;
    assert_eq!(twice.hawkbit_error(400), "hawkbit.server.error.rollout.illegalState");
    settle(&server).await;
    let running = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(running["status"], "running");
    assert_eq!(
        (&running["totalTargetsPerStatus"]["running"], &running["totalTargetsPerStatus"]["scheduled"]),
        (&json!(2), &json!(2))
    );
    let groups = server.hawkbit("GET", &format!("{path}/deploygroups"), None).await.expect(200);
    let states: Vec<_> = groups["content"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(states, ["running", "scheduled"]);
    assert_eq!(groups["content"][0]["errorCondition"]["expression"], "80");
    let second = format!("{path}/deploygroups/{}", groups["content"][1]["id"]);
    assert_eq!(server.hawkbit("GET", &second, None).await.expect(200)["totalTargets"], 2);
    let in_second = server.hawkbit("GET", &format!("{second}/targets"), None).await.expect(200);
    let names: Vec<_> =
        in_second["content"].as_array().unwrap().iter().map(|one| &one["controllerId"]).collect();
    assert_eq!(names, ["pump-3", "pump-4"]);
    server.hawkbit("GET", &format!("{path}/deploygroups/7"), None).await.hawkbit_error(404);
    let actions = server.hawkbit("GET", "/targets/pump-1/actions", None).await.expect(200);
    assert_eq!(
        (&actions["content"][0]["rollout"], &actions["content"][0]["rolloutName"]),
        (&json!(id), &json!("pumps"))
    );
    server.hawkbit("POST", &format!("{path}/triggerNextGroup"), None).await.expect(204);
    settle(&server).await;
    let all = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(all["totalTargetsPerStatus"]["running"], 4);
    let groups = server.hawkbit("GET", &format!("{path}/deploygroups"), None).await.expect(200);
    let states: Vec<_> = groups["content"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(states, ["running", "running"], "the first one's devices are not done");
    let last = server.hawkbit("POST", &format!("{path}/triggerNextGroup"), None).await;
    assert_eq!(last.hawkbit_error(400), "hawkbit.server.error.rollout.illegalState");
    assert_eq!(groups["content"][0]["dynamic"], false);
    server.hawkbit("POST", &format!("{path}/pause"), None).await.expect(204);
    let refused = server.hawkbit("POST", &format!("{path}/triggerNextGroup"), None).await;
    assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.rollout.illegalState");
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["status"], "paused");
    server.hawkbit("POST", &format!("{path}/resume"), None).await.expect(204);
    server.hawkbit("DELETE", &path, None).await.expect(204);
    server.hawkbit("DELETE", &path, None).await.expect(204);
    assert_eq!(server.hawkbit("GET", "/rollouts", None).await.expect(200)["total"], 0);
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["deleted"], true);
}

#[tokio::test]
async fn a_rollout_that_never_began_is_deleted_for_good() {
    let (server, set) = ready("hb-rollout-delete").await;
    let made = server.hawkbit("POST", "/rollouts", Some(request(set))).await.expect(201);
    let path = format!("/rollouts/{}", made["id"]);
    let changed = json!({"name": "renamed", "description": "new"});
    let changed = server.hawkbit("PUT", &path, Some(changed)).await.expect(200);
    assert_eq!((&changed["name"], &changed["description"]), (&json!("renamed"), &json!("new")));
    server.hawkbit("DELETE", &path, None).await.expect(204);
    server.hawkbit("GET", &path, None).await.hawkbit_error(404);
}

#[tokio::test]
async fn latecomers_make_no_larger_groups_than_the_quota_has_it() {
    let (server, set) = ready("hb-rollout-quota").await;
    let of = |size: u64| {
        let mut body = request(set);
        body["dynamic"] = json!(true);
        body["dynamicGroupTemplate"] = json!({"nameSuffix": "-late", "targetCount": size});
        body
    };
    let refused = server.hawkbit("POST", "/rollouts", Some(of(20_001))).await;
    assert_eq!(refused.hawkbit_error(429), "hawkbit.server.error.quota.tooManyEntries");
    server.hawkbit("POST", "/rollouts", Some(of(20_000))).await.expect(201);
}

#[tokio::test]
async fn rollouts_that_cannot_be_say_why() {
    let (server, set) = ready("hb-rollout-bad").await;
    let with = |member: &str, value: Value| {
        let mut body = request(set);
        body[member] = value;
        body
    };
    for (body, status) in [
        (with("name", Value::Null), 400),
        (with("distributionSetId", Value::Null), 400),
        (with("distributionSetId", json!(999)), 404),
        (with("targetFilterQuery", json!("colour==red")), 400),
        (with("targetFilterQuery", json!("name==")), 400),
        (with("targetFilterQuery", json!("name==nobody")), 400),
        (with("amountGroups", json!(0)), 400),
        (with("amountGroups", json!(501)), 429),
        (with("amountGroups", json!(4_000_000_000_u32)), 429),
        (with("type", json!("whenever")), 400),
        (with("weight", json!(-1)), 400),
        (with("successCondition", json!({"condition": "THRESHOLD", "expression": "all"})), 400),
        (with("errorCondition", json!({"condition": "MOOD", "expression": "1"})), 400),
        (with("successAction", json!({"action": "DANCE"})), 400),
        (with("groups", json!([{"name": "a", "targetPercentage": 0}])), 400),
        (with("groups", json!([{"name": "a", "targetPercentage": 50}])), 400),
        (with("groups", json!([{"targetPercentage": 100}])), 400),
        (with("groups", json!([{"name": " ", "targetPercentage": 100}])), 400),
        (with("groups", json!([{"name": "a", "description": "d".repeat(513)}])), 400),
        (with("successCondition", json!({"condition": "THRESHOLD", "expression": "0"})), 400),
        (with("successCondition", json!({"condition": "THRESHOLD", "expression": "101"})), 400),
        (with("errorCondition", json!({"condition": "THRESHOLD", "expression": "101"})), 400),
        (with("errorCondition", json!({"condition": "THRESHOLD", "expression": "-1"})), 400),
    ] {
        let refused = server.hawkbit("POST", "/rollouts", Some(body.clone())).await;
        assert_eq!(refused.status, status, "{body}: {}", refused.text());
        refused.hawkbit_error(status);
    }
    assert_eq!(server.hawkbit("GET", "/rollouts", None).await.expect(200)["total"], 0);
}

#[tokio::test]
async fn groups_take_their_share_of_what_is_left() {
    let (server, set) = ready("hb-rollout-groups").await;
    let mut body = request(set);
    body["groups"] = json!([
        {"name": "canary", "targetPercentage": 25.0, "errorCondition": {"condition": "THRESHOLD", "expression": "1"}},
        {"name": "half", "targetPercentage": 50.0, "successAction": {"action": "PAUSE"}},
        {"name": "rest", "targetPercentage": 100.0},
    ]);
    let made = server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    let path = format!("/rollouts/{}/deploygroups", made["id"]);
    let groups = server.hawkbit("GET", &path, None).await.expect(200);
    let groups = groups["content"].as_array().unwrap();
    let shape: Vec<_> = groups.iter().map(|one| (&one["name"], &one["totalTargets"])).collect();
    assert_eq!(
        shape,
        [(&json!("canary"), &json!(1)), (&json!("half"), &json!(2)), (&json!("rest"), &json!(1))]
    );
    assert_eq!(groups[0]["errorCondition"]["expression"], "1");
    assert_eq!(groups[1]["successAction"]["action"], "PAUSE");
}

#[tokio::test]
async fn groups_are_chosen_by_whatever_targets_are_asked_for_by() {
    let (server, set) = ready("hb-rollout-fields").await;
    let (_, old) = software(&server, "fw", "0").await;
    let declared = Some(json!([{"id": old}]));
    server.hawkbit("POST", "/targets/pump-3/assignedDS?offline=true", declared).await.expect(200);
    let described = Some(json!({"description": "in the cellar"}));
    server.hawkbit("PUT", "/targets/pump-2", described).await.expect(200);
    for (name, dynamic) in [("static", false), ("dynamic", true)] {
        let mut body = request(set);
        body["name"] = json!(name);
        body["dynamic"] = json!(dynamic);
        body["groups"] = json!([
            {"name": "old", "targetFilterQuery": "installedds.version==0", "targetPercentage": 100},
            {"name": "cellar", "targetFilterQuery": "updatestatus==unknown;description==*cellar", "targetPercentage": 100},
            {"name": "rest", "targetPercentage": 100},
        ]);
        let made = server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
        let path = format!("/rollouts/{}/deploygroups", made["id"]);
        let groups = server.hawkbit("GET", &path, None).await.expect(200);
        let mut found = Vec::new();
        for group in groups["content"].as_array().unwrap() {
            let list =
                server.hawkbit("GET", &format!("{path}/{}/targets", group["id"]), None).await.expect(200);
            let names = list["content"].as_array().unwrap().iter().map(|one| one["controllerId"].clone());
            found.push((group["targetFilterQuery"].clone(), names.collect::<Vec<_>>()));
        }
        assert_eq!(
            json!(found),
            json!([
                ["installedds.version==0", ["pump-3"]],
                ["updatestatus==unknown;description==*cellar", ["pump-2"]],
                ["", ["pump-1", "pump-4"]],
            ]),
            "{name}"
        );
    }
    let mut bad = request(set);
    bad["name"] = json!("bad");
    bad["groups"] = json!([{"name": "one", "targetFilterQuery": "colour==red"}, {"name": "rest"}]);
    server.hawkbit("POST", "/rollouts", Some(bad)).await.hawkbit_error(400);
    let mut bad = request(set);
    (bad["name"], bad["errorAction"]) = (json!("bad"), json!({"action": "EXPLODE"}));
    server.hawkbit("POST", "/rollouts", Some(bad)).await.hawkbit_error(400);
}

#[tokio::test]
async fn groups_are_shown_as_they_were_asked_for_also_those_that_find_nobody() {
    let (server, set) = ready("hb-rollout-asked").await;
    let mut body = request(set);
    body["groups"] = json!([
        {"name": "nobody", "targetFilterQuery": "controllerId==boiler", "targetPercentage": 40},
        {"name": "most", "description": "of the pumps", "targetPercentage": 60},
        {"name": "all", "targetPercentage": 100},
        {"name": "none left", "targetPercentage": 12.5},
    ]);
    let made = server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    assert_eq!((&made["totalGroups"], &made["totalTargets"]), (&json!(4), &json!(4)));
    let path = format!("/rollouts/{}", made["id"]);
    let groups = format!("{path}/deploygroups?representation=full");
    let groups = server.hawkbit("GET", &groups, None).await.expect(200);
    let all = groups["content"].as_array().unwrap();
    let shape: Vec<_> =
        all.iter().map(|one| (&one["targetPercentage"], &one["totalTargets"], &one["description"])).collect();
    assert_eq!(
        shape,
        [
            (&json!(40.0), &json!(0), &Value::Null),
            (&json!(60.0), &json!(2), &json!("of the pumps")),
            (&json!(100.0), &json!(2), &Value::Null),
            (&json!(12.5), &json!(0), &Value::Null),
        ]
    );
    let last = server.hawkbit("GET", &format!("{path}/deploygroups/{}/targets", all[3]["id"]), None).await;
    assert_eq!(last.expect(200)["total"], 0);
    server.hawkbit("POST", &format!("{path}/start"), None).await.expect(204);
    settle(&server).await;
    let shown = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(shown["totalTargetsPerStatus"]["running"], 2, "nobody is waited for: {shown}");
}

#[tokio::test]
async fn lists_of_rollouts_and_groups_count_targets_only_where_everything_is_asked_for() {
    let (server, set) = ready("hb-rollout-compact").await;
    let made = server.hawkbit("POST", "/rollouts", Some(request(set))).await.expect(201);
    let group = format!("/rollouts/{}/deploygroups", made["id"]);
    for path in ["/rollouts", group.as_str()] {
        let compact = server.hawkbit("GET", path, None).await.expect(200);
        assert!(compact["content"][0].get("totalTargetsPerStatus").is_none(), "{compact}");
        let full = server.hawkbit("GET", &format!("{path}?representation=full"), None).await.expect(200);
        assert!(full["content"][0].get("totalTargetsPerStatus").is_some(), "{full}");
    }
    for (query, links) in [("", 1), ("?representation=full", 10)] {
        let listed = server.hawkbit("GET", &format!("/rollouts{query}"), None).await.expect(200);
        let one = &listed["content"][0];
        assert_eq!(one["_links"].as_object().unwrap().len(), links, "{one}");
        assert_eq!(one.get("totalGroups").is_some(), links > 1, "{one}");
    }
    let groups = server.hawkbit("GET", &group, None).await.expect(200);
    assert_eq!(groups["content"][1]["description"], groups["content"][1]["name"]);
    assert_eq!(groups["content"][0]["targetPercentage"], 50.0);
}

#[tokio::test]
async fn a_group_may_wait_for_a_word_where_the_rollout_does_not() {
    let (server, set) = ready("hb-rollout-consent").await;
    let unasked = server.hawkbit("POST", "/rollouts", Some(request(set))).await.expect(201);
    assert!(unasked.get("confirmationRequired").is_none(), "nobody is asked here: {unasked}");
    server.hawkbit("DELETE", &format!("/rollouts/{}", unasked["id"]), None).await.expect(204);
    let flow = json!({"value": true});
    server.hawkbit("PUT", "/system/configs/user.confirmation.flow.enabled", Some(flow)).await.expect(204);
    let mut body = request(set);
    body.as_object_mut().unwrap().remove("amountGroups");
    body["confirmationRequired"] = json!(false);
    body["groups"] = json!([
        {"name": "careful", "targetPercentage": 50.0, "confirmationRequired": true},
        {"name": "rest", "targetPercentage": 100.0},
    ]);
    let made = server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    assert_eq!(made["confirmationRequired"], false);
    let path = format!("/rollouts/{}", made["id"]);
    let groups = server.hawkbit("GET", &format!("{path}/deploygroups"), None).await.expect(200);
    let groups: Vec<_> =
        groups["content"].as_array().unwrap().iter().map(|one| &one["confirmationRequired"]).collect();
    assert_eq!(groups, [&json!(true), &json!(false)]);
    server.hawkbit("POST", &format!("{path}/start"), None).await.expect(204);
    settle(&server).await;
    server.hawkbit("POST", &format!("{path}/triggerNextGroup"), None).await.expect(204);
    settle(&server).await;
    for (target, status) in [("pump-1", "wait_for_confirmation"), ("pump-3", "running")] {
        let actions = server.hawkbit("GET", &format!("/targets/{target}/actions"), None).await.expect(200);
        assert_eq!(actions["content"][0]["detailStatus"], status, "{target}");
    }
}

#[tokio::test]
async fn an_invalid_set_is_never_assigned_again() {
    let (server, set) = ready("hb-invalidate").await;
    let path = format!("/distributionsets/{set}");
    let assign = format!("{path}/assignedTargets");
    server.hawkbit("POST", &assign, Some(json!([{"id": "valve"}]))).await.expect(200);
    let numbers = server.hawkbit("GET", &format!("{path}/statistics"), None).await.expect(200);
    assert_eq!((&numbers["actions"]["RUNNING"], &numbers["actions"]["total"]), (&json!(1), &json!(1)));
    let bad = json!({"actionCancelationType": "maybe"});
    server.hawkbit("POST", &format!("{path}/invalidate"), Some(bad)).await.hawkbit_error(400);
    let force = json!({"actionCancelationType": "force", "cancelRollouts": true});
    server.hawkbit("POST", &format!("{path}/invalidate"), Some(force)).await.expect(204);
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["valid"], false);
    let actions = server.hawkbit("GET", "/targets/valve/actions", None).await.expect(200);
    assert_eq!(actions["content"][0]["detailStatus"], "canceled");
    let refused = server.hawkbit("POST", &assign, Some(json!([{"id": "pump-1"}]))).await;
    assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.distributionset.invalid");
}

#[tokio::test]
async fn groups_may_be_about_some_of_the_targets_only() {
    let (server, set) = ready("hb-rollout-queries").await;
    let mut body = request(set);
    body.as_object_mut().unwrap().remove("amountGroups");
    body["groups"] = json!([
        {"name": "one", "targetFilterQuery": "controllerId==pump-4"},
        {"name": "rest"},
    ]);
    let made = server.hawkbit("POST", "/rollouts", Some(body.clone())).await.expect(201);
    let path = format!("/rollouts/{}/deploygroups", made["id"]);
    let groups = server.hawkbit("GET", &path, None).await.expect(200);
    let first = format!("{path}/{}/targets", groups["content"][0]["id"]);
    let targets = server.hawkbit("GET", &first, None).await.expect(200);
    assert_eq!((&targets["total"], &targets["content"][0]["controllerId"]), (&json!(1), &json!("pump-4")));
    body["name"] = json!("others");
    body["groups"] = json!([{"name": "one", "targetFilterQuery": "controllerId==pump-4"}]);
    server.hawkbit("POST", "/rollouts", Some(body)).await.hawkbit_error(400);
}
