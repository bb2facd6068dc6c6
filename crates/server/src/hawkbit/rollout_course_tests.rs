//! What becomes of rollouts: who lets them begin, how they are stopped, what they take in, and what is left of them.

use serde_json::{Value, json};

use super::counting_tests::says;
use super::fixture::{software, targets};
use super::rollout_tests::{ready, request, settle};
use crate::rest::fixture::Fixture;

const APPROVAL: &str = "/system/configs/rollout.approval.enabled";
const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn where_rollouts_are_approved_nobody_starts_one_before() {
    let (server, set) = ready("hb-rollout-approve").await;
    let key = "/system/configs/rollout.approval.enabled";
    server.hawkbit("PUT", key, Some(json!({"value": true}))).await.expect(204);
    let made = server.hawkbit("POST", "/rollouts", Some(request(set))).await.expect(201);
    let path = format!("/rollouts/{}", made["id"]);
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["status"], "waiting_for_approval");
    server.hawkbit("POST", &format!("{path}/start"), None).await.hawkbit_error(400);
    let own = server.hawkbit("POST", &format!("{path}/approve"), None).await;
    let message = own.expect(400)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("another user with the permission job.approve"), "{message}");
    assert!(message.contains("rollout.approval.enabled"), "and where there is none: {message}");
    let other = server.as_role("operator").await;
    other.hawkbit("POST", &format!("{path}/deny?remark=not%20now"), None).await.expect(204);
    let denied = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(
        (&denied["status"], &denied["approvalRemark"]),
        (&json!("approval_denied"), &json!("not now"))
    );
    // Whoever is alone does what the message says.
    server.hawkbit("PUT", key, Some(json!({"value": false}))).await.expect(204);
    server.hawkbit("DELETE", &path, None).await.expect(204);
    let again = server.hawkbit("POST", "/rollouts", Some(request(set))).await.expect(201);
    let path = format!("/rollouts/{}", again["id"]);
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["status"], "ready");
}

#[tokio::test]
async fn whoever_made_a_rollout_may_deny_it_and_not_approve_it() {
    let (server, set) = ready("hb-rollout-own").await;
    server.hawkbit("PUT", APPROVAL, Some(json!({"value": true}))).await.expect(204);
    let made = server.hawkbit("POST", "/rollouts", Some(request(set))).await.expect(201);
    let path = format!("/rollouts/{}", made["id"]);
    server.as_role("viewer").await.hawkbit("POST", &format!("{path}/deny"), None).await.hawkbit_error(403);
    server.hawkbit("POST", &format!("{path}/approve"), None).await.hawkbit_error(400);
    server.hawkbit("POST", &format!("{path}/deny?remark=too%20soon"), None).await.expect(204);
    let denied = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(
        (&denied["status"], &denied["approvalRemark"]),
        (&json!("approval_denied"), &json!("too soon"))
    );
    for late in ["approve", "deny", "start"] {
        server.hawkbit("POST", &format!("{path}/{late}"), None).await.hawkbit_error(400);
    }
}

/// A rollout under way of a group of four and a group of one to come, whose devices come in by their tokens. Returns its path
/// as well.
async fn begun(name: &str) -> (Fixture, String) {
    let (server, set) = ready(name).await;
    targets(&server, &["pump-5"]).await;
    let values = json!({"authentication.targettoken.enabled": true});
    server.put("/settings/hawkbit", json!({"values": values})).await.expect(200);
    let mut body = request(set);
    body.as_object_mut().unwrap().remove("amountGroups");
    body["groups"] = json!([{"name": "four", "targetPercentage": 80.0}, {"name": "one"}]);
    body["errorCondition"]["expression"] = json!("50");
    let made = server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    let path = format!("/rollouts/{}", made["id"]);
    server.hawkbit("POST", &format!("{path}/start"), None).await.expect(204);
    settle(&server).await;
    (server, path)
}

/// How a rollout and its groups stand where the actions of its first group end like this.
async fn ended(name: &str, ends: [&str; 4]) -> (Value, Vec<Value>) {
    let (server, path) = begun(name).await;
    for (pump, end) in (1..).zip(ends) {
        let target = format!("pump-{pump}");
        let list = server.hawkbit("GET", &format!("/targets/{target}/actions"), None).await.expect(200);
        let action = &list["content"][0]["id"];
        match end {
            "canceled" => {
                let cancel = format!("/targets/{target}/actions/{action}");
                server.hawkbit("DELETE", &cancel, None).await.expect(204);
                server.hawkbit("DELETE", &format!("{cancel}?force=true"), None).await;
            }
            "open" => {}
            finished => says(&server, &target, action, "closed", finished).await,
        }
        settle(&server).await;
    }
    let groups = server.hawkbit("GET", &format!("{path}/deploygroups"), None).await.expect(200);
    let states = groups["content"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    (server.hawkbit("GET", &path, None).await.expect(200)["status"].clone(), states)
}

#[tokio::test]
async fn canceled_targets_are_of_the_total_and_neither_successes_nor_errors() {
    for (name, ends, rollout, groups) in [
        ("hb-share-1", ["canceled", "canceled", "success", "open"], "running", ["running", "scheduled"]),
        ("hb-share-2", ["canceled", "success", "success", "open"], "running", ["running", "running"]),
        ("hb-share-3", ["canceled", "failure", "failure", "open"], "running", ["running", "scheduled"]),
        ("hb-share-4", ["canceled", "failure", "failure", "failure"], "paused", ["error", "scheduled"]),
        // Nobody is left to succeed: whoever set the bar decides.
        ("hb-share-5", ["canceled", "canceled", "failure", "failure"], "paused", ["finished", "scheduled"]),
    ] {
        let (stands, states) = ended(name, ends).await;
        assert_eq!((stands, states), (json!(rollout), groups.map(|one| json!(one)).to_vec()), "{ends:?}");
    }
}

/// Somebody with a password who may do everything.
async fn somebody(server: &Fixture, name: &str) -> Fixture {
    let user = json!({"name": name, "password": PASSWORD, "role": "admin"});
    server.post("/users", user).await.expect(201);
    server.with_password(name, PASSWORD)
}

#[tokio::test]
async fn a_second_person_approves_a_rollout_and_it_begins_when_it_is_started() {
    let (server, set) = ready("hb-rollout-approved").await;
    server.hawkbit("PUT", APPROVAL, Some(json!({"value": true}))).await.expect(204);
    let (anna, bruno) = (somebody(&server, "anna").await, somebody(&server, "bruno").await);
    let made = anna.hawkbit("POST", "/rollouts", Some(request(set))).await.expect(201);
    let path = format!("/rollouts/{}", made["id"]);
    let (start, approve) = (format!("{path}/start"), format!("{path}/approve"));
    let status = async || server.hawkbit("GET", &path, None).await.expect(200)["status"].clone();
    let token = anna.post("/tokens", json!({"name": "annas", "role": "admin"})).await.expect(201);
    let her_token = server.with_token(token["secret"].as_str().unwrap());
    for herself in [&anna, &her_token] {
        herself.hawkbit("POST", &approve, None).await.hawkbit_error(400);
        assert_eq!(status().await, "waiting_for_approval", "nobody approves what is their own");
    }
    server.as_role("viewer").await.hawkbit("POST", &approve, None).await.hawkbit_error(403);
    let long = format!("{approve}?remark={}", "x".repeat(10_000));
    bruno.hawkbit("POST", &long, None).await.hawkbit_error(400);
    bruno.hawkbit("POST", &start, None).await.hawkbit_error(400);
    assert_eq!(status().await, "waiting_for_approval");
    bruno.hawkbit("POST", &format!("{approve}?remark=looks%20good"), None).await.expect(204);
    let ready = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(
        (&ready["status"], &ready["approveDecidedBy"], &ready["approvalRemark"]),
        (&json!("ready"), &json!("bruno"), &json!("looks good"))
    );
    settle(&server).await;
    assert_eq!(status().await, "ready", "it waits to be started");
    for late in [&approve, &format!("{path}/deny")] {
        bruno.hawkbit("POST", late, None).await.hawkbit_error(400);
    }
    // Whoever made it may start it now.
    anna.hawkbit("POST", &start, None).await.expect(204);
    settle(&server).await;
    let running = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(
        (&running["status"], &running["totalTargetsPerStatus"]["running"]),
        (&json!("running"), &json!(2))
    );
    let audit = server.get("/audit?limit=50").await.expect(200).to_string();
    assert!(audit.contains("bruno") && audit.contains("job.approve"), "{audit}");
}

#[tokio::test]
async fn what_was_approved_begins_by_itself_at_its_time() {
    let (server, set) = ready("hb-rollout-approved-time").await;
    server.hawkbit("PUT", APPROVAL, Some(json!({"value": true}))).await.expect(204);
    let mut body = request(set);
    body["startAt"] = json!(0);
    let made = server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    let path = format!("/rollouts/{}", made["id"]);
    settle(&server).await;
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["status"], "waiting_for_approval");
    let other = server.as_role("operator").await;
    other.hawkbit("POST", &format!("{path}/approve"), None).await.expect(204);
    settle(&server).await;
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["status"], "running");
}

#[tokio::test]
async fn a_rollout_that_did_not_begin_is_stopped_at_once_and_only_once() {
    let (server, set) = ready("hb-rollout-stop").await;
    let made = server.hawkbit("POST", "/rollouts", Some(request(set))).await.expect(201);
    let stop = format!("/rollouts/{}/stop", made["id"]);
    server.hawkbit("POST", &stop, None).await.expect(204);
    settle(&server).await;
    let shown = server.hawkbit("GET", &format!("/rollouts/{}", made["id"]), None).await.expect(200);
    assert_eq!(shown["status"], "stopped");
    server.hawkbit("POST", &stop, None).await.hawkbit_error(400);
    server.hawkbit("POST", "/rollouts/999/stop", None).await.hawkbit_error(404);
}

#[tokio::test]
async fn rollouts_whose_set_is_gone_are_found_by_everything_but_their_set() {
    let (server, set) = ready("hb-rollout-set-gone").await;
    let made = server.hawkbit("POST", "/rollouts", Some(request(set))).await.expect(201);
    let path = format!("/rollouts/{}", made["id"]);
    server.hawkbit("POST", &format!("{path}/stop"), None).await.expect(204);
    settle(&server).await;
    server.delete("/releases/fw/1").await.expect(204);
    let (_, next) = software(&server, "fw", "2").await;
    let mut body = request(next);
    body["name"] = json!("next");
    server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    for (q, names) in [
        ("distributionset.name==fw", json!(["next"])),
        ("distributionset.version==1", json!([])),
        ("name==pumps", json!(["pumps"])),
        ("name==pumps,distributionset.version==2", json!(["pumps", "next"])),
    ] {
        let found = server.hawkbit("GET", &format!("/rollouts?q={q}"), None).await.expect(200);
        let found: Vec<_> = found["content"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(json!(found), names, "{q}");
    }
}

#[tokio::test]
async fn a_dynamic_rollout_takes_in_latecomers() {
    let (server, set) = ready("hb-rollout-dynamic").await;
    let mut body = request(set);
    body["dynamic"] = json!(true);
    body["amountGroups"] = json!(1);
    body["startAt"] = json!(0);
    body["dynamicGroupTemplate"] = json!({"nameSuffix": "s".repeat(65)});
    server.hawkbit("POST", "/rollouts", Some(body.clone())).await.hawkbit_error(400);
    body["dynamicGroupTemplate"] = json!({"nameSuffix": "-late"});
    let made = server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    assert_eq!(made["dynamic"], true);
    targets(&server, &["pump-5"]).await;
    settle(&server).await;
    let path = format!("/rollouts/{}", made["id"]);
    let shown = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(shown["totalTargets"], 5, "{shown}");
    let groups = server.hawkbit("GET", &format!("{path}/deploygroups"), None).await.expect(200);
    let all = groups["content"].as_array().unwrap();
    let groups: Vec<_> = all.iter().map(|one| (&one["dynamic"], &one["name"])).collect();
    assert_eq!(groups, [(&json!(false), &json!("group-1")), (&json!(true), &json!("group-2-late"))]);
}

#[tokio::test]
async fn a_dynamic_rollout_takes_in_no_latecomer_that_has_an_action_of_its_weight_or_a_greater_one() {
    let (server, set) = ready("hb-dynamic-weight").await;
    let values = json!({"authentication.targettoken.enabled": true});
    server.put("/settings/hawkbit", json!({"values": values})).await.expect(200);
    let (_, other) = software(&server, "other", "1").await;
    let mut body = request(set);
    body["dynamic"] = json!(true);
    body["amountGroups"] = json!(1);
    body["weight"] = json!(500);
    body["startAt"] = json!(0);
    let made = server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    targets(&server, &["pump-5", "pump-6", "pump-7"]).await;
    for (target, weight) in [("pump-5", 900), ("pump-6", 500), ("pump-7", 499)] {
        let path = format!("/targets/{target}/assignedDS");
        server.hawkbit("POST", &path, Some(json!([{"id": other, "weight": weight}]))).await.expect(200);
    }
    settle(&server).await;
    let path = format!("/rollouts/{}/deploygroups", made["id"]);
    let taken_in = async || {
        let groups = server.hawkbit("GET", &path, None).await.expect(200);
        let mut names = Vec::new();
        for group in groups["content"].as_array().unwrap().iter().skip(1) {
            let of_group = format!("{path}/{}/targets", group["id"]);
            let list = server.hawkbit("GET", &of_group, None).await.expect(200);
            let list = list["content"].as_array().unwrap();
            names.extend(list.iter().map(|one| one["controllerId"].as_str().unwrap().to_owned()));
        }
        names
    };
    assert_eq!(taken_in().await, ["pump-7"]);
    // The group before it succeeds, so that it begins, and another action is over.
    for target in ["pump-1", "pump-2", "pump-5"] {
        let list = server.hawkbit("GET", &format!("/targets/{target}/actions"), None).await.expect(200);
        assert_eq!(list["total"], 1, "{target}: {list}");
        says(&server, target, &list["content"][0]["id"], "closed", "success").await;
    }
    settle(&server).await;
    server.clock.advance(std::time::Duration::from_secs(31));
    settle(&server).await;
    assert_eq!(taken_in().await, ["pump-7", "pump-5"]);
}

#[tokio::test]
async fn latecomers_make_a_group_as_large_as_the_template_the_last_group_or_all_of_them() {
    for (name, template, groups, waits, sizes) in [
        ("hb-dynamic-template", json!({"targetCount": 3}), json!([{"name": "all"}]), false, json!([4, 3])),
        (
            "hb-dynamic-last",
            Value::Null,
            json!([{"name": "half", "targetPercentage": 50}, {"name": "rest"}]),
            true,
            json!([2, 2, 2]),
        ),
        (
            "hb-dynamic-empty",
            Value::Null,
            json!([{"name": "all"}, {"name": "none left"}]),
            false,
            json!([4, 0, 4]),
        ),
        (
            "hb-dynamic-nobody",
            Value::Null,
            json!([{"name": "all"}, {"name": "boilers", "targetFilterQuery": "controllerId==boiler"}]),
            false,
            json!([4, 0, 4]),
        ),
    ] {
        let (server, set) = ready(name).await;
        let mut body = request(set);
        body.as_object_mut().unwrap().remove("amountGroups");
        body["dynamic"] = json!(true);
        body["dynamicGroupTemplate"] = template;
        body["groups"] = groups;
        let made = server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
        let path = format!("/rollouts/{}", made["id"]);
        targets(&server, &["pump-5", "pump-6", "pump-7", "pump-8"]).await;
        server.hawkbit("POST", &format!("{path}/start"), None).await.expect(204);
        settle(&server).await;
        if waits {
            server.hawkbit("POST", &format!("{path}/triggerNextGroup"), None).await.expect(204);
            settle(&server).await;
        }
        let groups = server.hawkbit("GET", &format!("{path}/deploygroups"), None).await.expect(200);
        let found: Vec<_> =
            groups["content"].as_array().unwrap().iter().map(|one| &one["totalTargets"]).collect();
        assert_eq!(json!(found), sizes, "{name}");
    }
}

#[tokio::test]
async fn a_group_that_stopped_its_rollout_stays_in_error_once_somebody_goes_on() {
    let (server, set) = ready("hb-rollout-error").await;
    let values = json!({"authentication.targettoken.enabled": true});
    server.put("/settings/hawkbit", json!({"values": values})).await.expect(200);
    let made = server.hawkbit("POST", "/rollouts", Some(request(set))).await.expect(201);
    let path = format!("/rollouts/{}", made["id"]);
    server.hawkbit("POST", &format!("{path}/start"), None).await.expect(204);
    settle(&server).await;
    let of_groups = async || {
        let groups = server.hawkbit("GET", &format!("{path}/deploygroups"), None).await.expect(200);
        let all = groups["content"].as_array().unwrap().iter().map(|one| one["status"].clone());
        all.collect::<Vec<_>>()
    };
    let last = async |target: &str| {
        let found = server.hawkbit("GET", &format!("/targets/{target}/actions"), None).await.expect(200);
        found["content"][0]["id"].clone()
    };
    for target in ["pump-1", "pump-2"] {
        says(&server, target, &last(target).await, "closed", "failure").await;
    }
    settle(&server).await;
    assert_eq!(of_groups().await, ["error", "scheduled"]);
    server.hawkbit("POST", &format!("{path}/resume"), None).await.expect(204);
    settle(&server).await;
    assert_eq!(of_groups().await, ["error", "running"], "it does not do well by being gone on with");
    for target in ["pump-3", "pump-4"] {
        says(&server, target, &last(target).await, "closed", "success").await;
    }
    settle(&server).await;
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["status"], "finished");
    assert_eq!(of_groups().await, ["error", "finished"]);
}

#[tokio::test]
async fn a_rollout_leaves_alone_whoever_has_its_set() {
    let (server, set) = ready("hb-rollout-has").await;
    let offline = "/targets/pump-1/assignedDS?offline=true";
    server.hawkbit("POST", offline, Some(json!([{"id": set}]))).await.expect(200);
    let made = server.hawkbit("POST", "/rollouts", Some(request(set))).await.expect(201);
    let path = format!("/rollouts/{}", made["id"]);
    server.hawkbit("POST", &format!("{path}/start"), None).await.expect(204);
    settle(&server).await;
    let of = async |target: &str| {
        let path = format!("/targets/{target}/actions?sort=id:DESC");
        server.hawkbit("GET", &path, None).await.expect(200)["content"][0].clone()
    };
    let (has, other) = (of("pump-1").await, of("pump-2").await);
    assert_eq!((&has["rollout"], &has["active"]), (&made["id"], &json!(false)));
    assert_eq!((&has["detailStatus"], &other["detailStatus"]), (&json!("finished"), &json!("running")));
    let history = format!("/targets/pump-1/actions/{}/status", has["id"]);
    let history = server.hawkbit("GET", &history, None).await.expect(200);
    let said = "Update Server: Distribution Set is already assigned. Skipping this action.";
    assert_eq!(history["content"][0]["messages"], json!([said]));
    assert_eq!(server.hawkbit("GET", "/targets/pump-1", None).await.expect(200)["updateStatus"], "in_sync");
    let counts = server.hawkbit("GET", &path, None).await.expect(200)["totalTargetsPerStatus"].clone();
    // One of the two of the first group has it, which is half of them, so the second group began.
    assert_eq!((&counts["finished"], &counts["running"]), (&json!(1), &json!(3)), "{counts}");
}

#[tokio::test]
async fn another_try_is_done_at_once_where_the_set_is_in_place_by_then() {
    let (server, set) = ready("hb-rollout-has-by-then").await;
    let values = json!({"authentication.targettoken.enabled": true});
    server.put("/settings/hawkbit", json!({"values": values})).await.expect(200);
    let mut body = request(set);
    body["amountGroups"] = json!(1);
    body["errorCondition"]["expression"] = json!("90");
    let made = server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    server.hawkbit("POST", &format!("/rollouts/{}/start", made["id"]), None).await.expect(204);
    settle(&server).await;
    let of = async |target: &str| {
        let path = format!("/targets/{target}/actions?sort=id:DESC");
        let found = server.hawkbit("GET", &path, None).await.expect(200)["content"].clone();
        let mut all = found.as_array().unwrap().clone().into_iter();
        all.find(|action| action["rollout"] == made["id"]).unwrap()
    };
    for target in ["pump-1", "pump-2"] {
        says(&server, target, &of(target).await["id"], "closed", "failure").await;
    }
    settle(&server).await;
    let offline = "/targets/pump-1/assignedDS?offline=true";
    server.hawkbit("POST", offline, Some(json!([{"id": set}]))).await.expect(200);
    server.post(&format!("/jobs/{}/retry", made["id"]), json!({})).await.expect(200);
    settle(&server).await;
    let (has, other) = (of("pump-1").await, of("pump-2").await);
    assert_eq!((&has["detailStatus"], &other["detailStatus"]), (&json!("finished"), &json!("running")));
    let history = format!("/targets/pump-1/actions/{}/status", has["id"]);
    let history = server.hawkbit("GET", &history, None).await.expect(200);
    let said = "Update Server: Distribution Set is already assigned. Skipping this action.";
    assert_eq!(history["content"][0]["messages"], json!([said]));
}

#[tokio::test]
async fn whoever_goes_on_with_a_group_in_error_begins_the_next_one_and_keeps_who_is_left_of_it() {
    let (server, path) = begun("hb-rollout-resumed").await;
    let last = async |target: &str| {
        let found = server.hawkbit("GET", &format!("/targets/{target}/actions"), None).await.expect(200);
        found["content"][0].clone()
    };
    for target in ["pump-1", "pump-2", "pump-3"] {
        says(&server, target, &last(target).await["id"], "closed", "failure").await;
    }
    settle(&server).await;
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["status"], "paused");
    assert_eq!(last("pump-5").await, Value::Null);
    server.hawkbit("POST", &format!("{path}/resume"), None).await.expect(204);
    settle(&server).await;
    let groups = server.hawkbit("GET", &format!("{path}/deploygroups"), None).await.expect(200);
    let states: Vec<_> = groups["content"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(states, ["error", "running"], "nobody waits for the fourth");
    for target in ["pump-4", "pump-5"] {
        assert_eq!(last(target).await["active"], true, "{target}");
        says(&server, target, &last(target).await["id"], "closed", "success").await;
    }
    settle(&server).await;
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["status"], "finished");
}

#[tokio::test]
async fn what_made_a_job_of_rest_v1_gentle_stays_when_it_is_tried_again_here() {
    let (server, _) = ready("hb-rollout-again").await;
    let values = json!({"authentication.targettoken.enabled": true});
    server.put("/settings/hawkbit", json!({"values": values})).await.expect(200);
    let job = json!({
        "kind": "update", "description": "night", "release": {"name": "fw", "version": "1"},
        "targets": {"devices": ["pump-1"]}, "timeouts": {"queuedSeconds": 600, "inProgressSeconds": 120},
        "retries": 0, "failureThreshold": {"count": 5, "scope": "job"},
        "rollout": {
            "handling": "soft", "priority": 400, "endsAt": "2099-02-01T00:00:00Z", "concurrency": 1,
            // From hour to hour: always open.
            "window": {"schedule": "0 * * * *", "durationSeconds": 3600, "timezone": "Europe/Berlin"},
            "downloadRate": {"bytesPerSecond": 4096}, "supersede": true,
        },
    });
    let mut before = server.post("/jobs", job).await.expect(201);
    settle(&server).await;
    let actions = server.hawkbit("GET", "/targets/pump-1/actions", None).await.expect(200);
    says(&server, "pump-1", &actions["content"][0]["id"], "closed", "failure").await;
    settle(&server).await;
    let path = format!("/rollouts/{}/retry", before["id"]);
    let again = server.hawkbit("POST", &path, None).await.expect(201);
    assert_eq!(again["name"], "night_retry");
    let mut after = server.get(&format!("/jobs/{}", again["id"])).await.expect(200);
    let terms = after["rollout"].as_object_mut().unwrap().remove("waveTerms").unwrap();
    assert_eq!(terms[0]["failureThreshold"]["count"], 5, "{terms}");
    before["rollout"].as_object_mut().unwrap().remove("waveTerms").unwrap();
    assert_eq!((&after["rollout"], &after["timeouts"]), (&before["rollout"], &before["timeouts"]));
}

#[tokio::test]
async fn a_job_of_rest_v1_is_tried_again_with_the_thresholds_of_its_waves_and_called_what_it_installs() {
    let (server, _) = ready("hb-rollout-strict").await;
    let values = json!({"authentication.targettoken.enabled": true});
    server.put("/settings/hawkbit", json!({"values": values})).await.expect(200);
    let by_count = json!({"failureThreshold": {"count": 1, "scope": "wave"}});
    let by_share = json!({"failureThreshold": {"percent": 100, "scope": "wave"}});
    for (second, devices, description, wanted) in [
        (&by_count, ["pump-1", "pump-2"], "", json!({"count": 1})),
        (&by_share, ["pump-3", "pump-4"], "night", json!({"count": 1, "percent": 100})),
    ] {
        let job = json!({
            "kind": "update", "release": {"name": "fw", "version": "1"}, "retries": 0,
            "waves": [{"count": 1}, {"count": 1}], "targets": {"devices": devices}, "description": description,
            "failureThreshold": {"count": 7}, "rollout": {"waveTerms": [by_count, second]},
        });
        let before = server.post("/jobs", job).await.expect(201);
        settle(&server).await;
        for target in devices {
            let actions =
                server.hawkbit("GET", &format!("/targets/{target}/actions"), None).await.expect(200);
            says(&server, target, &actions["content"][0]["id"], "closed", "failure").await;
            settle(&server).await;
        }
        let shown = server.hawkbit("GET", &format!("/rollouts/{}", before["id"]), None).await.expect(200);
        let path = format!("/rollouts/{}/retry", before["id"]);
        let again = server.hawkbit("POST", &path, None).await.expect(201);
        assert_eq!(again["name"], format!("{}_retry", shown["name"].as_str().unwrap()));
        assert_ne!(again["name"], "_retry");
        let after = server.get(&format!("/jobs/{}", again["id"])).await.expect(200);
        let threshold = &after["rollout"]["waveTerms"][0]["failureThreshold"];
        for key in ["count", "percent"] {
            assert_eq!(threshold[key], wanted[key], "{key}: {threshold}");
        }
    }
}
