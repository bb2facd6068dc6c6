//! What a device is told when something newer is assigned to it in hawkBit's words while it works on something older.

use serde_json::{Value, json};

use super::World;

/// Components, releases and targets have the same numbers on both sides: that of a set by its version.
async fn set(world: &World, version: &str) -> i64 {
    world.release(version).await;
    let path = format!("/distributionsets?q=version=={version}");
    let found = world.server.hawkbit("GET", &path, None).await.expect(200);
    found["content"][0]["id"].as_i64().unwrap()
}

async fn assigned(world: &World, version: &str) -> i64 {
    let path = format!("/distributionsets/{}/assignedTargets", set(world, version).await);
    let answer = world.server.hawkbit("POST", &path, Some(json!([{"id": "d1"}]))).await.expect(200);
    answer["assignedActions"][0]["id"].as_i64().unwrap()
}

async fn rolled_out(world: &World, version: &str) -> i64 {
    let set = set(world, version).await;
    let rollout = json!({
        "name": format!("to {version}"), "distributionSetId": set, "targetFilterQuery": "controllerId==d1",
        "amountGroups": 1, "startAt": 0,
    });
    world.server.hawkbit("POST", "/rollouts", Some(rollout)).await.expect(201);
    while world.server.rest.app.jobs_activate().await.unwrap() {}
    let found = world.server.hawkbit("GET", "/targets/d1/actions?sort=id:DESC", None).await.expect(200);
    found["content"][0]["id"].as_i64().unwrap()
}

async fn detail(world: &World, action: i64) -> Value {
    let path = format!("/targets/d1/actions/{action}");
    world.server.hawkbit("GET", &path, None).await.expect(200)["detailStatus"].clone()
}

fn names(links: &Value) -> Vec<&str> {
    links.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn answers(world: &World, action: i64, execution: &str, finished: &str) {
    let status = json!({"execution": execution, "result": {"finished": finished}});
    let path = format!("/cancelAction/{action}/feedback");
    let body = json!({"id": action, "status": status}).to_string();
    assert_eq!(world.send("POST", &path, body).await.status, 200);
}

/// A device that began the first action is asked to stop it, and only then given the second.
async fn gives_way(world: &World, first: i64, second: i64) {
    let links = world.links().await;
    assert!(names(&links).contains(&"cancelAction") && !names(&links).contains(&"deploymentBase"), "{links}");
    let path = World::path(&links["cancelAction"]);
    assert_eq!(path, format!("/DEFAULT/controller/v1/d1/cancelAction/{first}"), "without a query");
    let cancel = world.get(&format!("/cancelAction/{first}")).await.expect(200);
    assert_eq!(cancel["cancelAction"]["stopId"], first.to_string());
    assert_eq!(world.get(&format!("/deploymentBase/{first}")).await.status, 404);
    assert_eq!(detail(world, first).await, "canceling");
    let path = format!("/targets/d1/actions/{first}/status");
    let history = world.server.hawkbit("GET", &path, None).await.expect(200).to_string();
    assert!(history.contains("Update Server: cancel obsolete action due to new update"), "{history}");
    answers(world, first, "closed", "success").await;
    assert_eq!(detail(world, first).await, "canceled");
    let deployment = World::path(&world.links().await["deploymentBase"]);
    assert!(deployment.contains(&format!("/deploymentBase/{second}?c=")), "{deployment}");
    assert_eq!(world.says(second, "closed", "success").await, 200);
    assert_eq!(detail(world, second).await, "finished");
}

#[tokio::test]
async fn a_newer_assignment_has_a_device_stop_what_it_began_and_comes_after_that() {
    let world = World::new("ddi-displace").await;
    let first = assigned(&world, "1").await;
    assert_eq!(world.says(first, "proceeding", "none").await, 200);
    let second = assigned(&world, "2").await;
    gives_way(&world, first, second).await;
}

#[tokio::test]
async fn a_rollout_has_a_device_stop_what_it_began_as_an_assignment_does() {
    let world = World::new("ddi-displace-rollout").await;
    let first = assigned(&world, "1").await;
    assert_eq!(world.says(first, "proceeding", "none").await, 200);
    let second = rolled_out(&world, "2").await;
    assert_ne!(first, second);
    gives_way(&world, first, second).await;
}

#[tokio::test]
async fn what_a_device_fetched_and_said_nothing_of_is_not_taken_from_it_without_a_word() {
    let world = World::new("ddi-displace-fetched").await;
    // As Zephyr does: nothing is said between fetching the document and closing it.
    let first = assigned(&world, "1").await;
    assert_eq!(world.get(&format!("/deploymentBase/{first}")).await.status, 200);
    let second = rolled_out(&world, "2").await;
    gives_way(&world, first, second).await;
}

#[tokio::test]
async fn a_job_that_is_superseded_has_a_device_stop_what_it_fetched_and_takes_what_it_did_not() {
    for is_fetched in [true, false] {
        let world = World::new("ddi-displace-job").await;
        let (_, first) = world.assign("1").await;
        if is_fetched {
            assert_eq!(world.get(&format!("/deploymentBase/{first}")).await.status, 200);
        }
        world.release("2").await;
        let job = json!({
            "kind": "update", "release": {"name": "app", "version": "2"}, "targets": {"devices": ["d1"]},
            "rollout": {"supersede": true},
        });
        let job = world.server.post("/jobs", job).await.expect(201)["id"].as_i64().unwrap();
        while world.server.rest.app.jobs_activate().await.unwrap() {}
        let second = world.execution(job).await["id"].as_i64().unwrap();
        if is_fetched {
            gives_way(&world, first, second).await;
        } else {
            assert_eq!(detail(&world, first).await, "canceled");
            let links = world.links().await;
            assert!(World::path(&links["deploymentBase"]).contains(&format!("/deploymentBase/{second}?c=")));
        }
    }
}

#[tokio::test]
async fn what_somebody_assigned_stays_when_a_later_group_of_an_older_rollout_begins() {
    for (path, is_done) in [("assignedDS", false), ("assignedDS?offline=true", true)] {
        let world = World::new("ddi-displace-group").await;
        world.server.post("/devices", json!({"name": "d2"})).await.expect(201);
        let (second, third) = (set(&world, "2").await, set(&world, "3").await);
        let rollout = json!({
            "name": "to 2", "distributionSetId": second, "targetFilterQuery": "controllerId==d*", "amountGroups": 2,
            "startAt": 0,
        });
        world.server.hawkbit("POST", "/rollouts", Some(rollout)).await.expect(201);
        while world.server.rest.app.jobs_activate().await.unwrap() {}
        let actions = async |target: &str| {
            let path = format!("/targets/{target}/actions?sort=id:DESC");
            world.server.hawkbit("GET", &path, None).await.expect(200)
        };
        let first = actions("d1").await["content"][0]["id"].as_i64().unwrap();
        assert_eq!(actions("d2").await["total"], 0, "its group has not begun");
        let path = format!("/targets/d2/{path}");
        world.server.hawkbit("POST", &path, Some(json!({"id": third}))).await.expect(200);
        assert_eq!(world.says(first, "closed", "success").await, 200);
        while world.server.rest.app.jobs_activate().await.unwrap() {}
        let assigned = world.server.hawkbit("GET", "/targets/d2/assignedDS", None).await.expect(200);
        assert_eq!(assigned["id"], third, "it is not taken down again");
        let all = actions("d2").await;
        let open = all["content"].as_array().unwrap().iter().filter(|one| one["status"] == "pending").count();
        assert_eq!(open, usize::from(!is_done), "{all}");
    }
}

#[tokio::test]
async fn what_is_being_canceled_stays_so_until_the_device_answers() {
    let world = World::new("ddi-displace-canceling").await;
    let first = assigned(&world, "1").await;
    world.server.act(&format!("/executions/{first}/cancel")).await.expect(200);
    let second = rolled_out(&world, "2").await;
    assert_eq!(detail(&world, first).await, "canceling");
    assert!(world.links().await["cancelAction"].is_object());
    answers(&world, first, "closed", "success").await;
    assert_eq!(detail(&world, first).await, "canceled");
    let deployment = World::path(&world.links().await["deploymentBase"]);
    assert!(deployment.contains(&format!("/deploymentBase/{second}?c=")), "{deployment}");
}

#[tokio::test]
async fn a_device_that_refuses_to_stop_without_fetching_the_question_is_asked_once() {
    let world = World::new("ddi-refuses-unseen").await;
    let (job, action) = world.assign("1").await;
    assert_eq!(world.get(&format!("/deploymentBase/{action}")).await.status, 200);
    assert_eq!(world.says(action, "proceeding", "none").await, 200);
    world.server.act(&format!("/jobs/{job}/cancel?inProgressToo=true")).await.expect(200);
    while world.server.rest.app.jobs_activate().await.unwrap() {}
    assert!(world.links().await["cancelAction"].is_object());
    answers(&world, action, "rejected", "none").await;
    while world.server.rest.app.jobs_activate().await.unwrap() {}
    let links = world.links().await;
    assert!(names(&links).contains(&"deploymentBase") && !names(&links).contains(&"cancelAction"), "{links}");
    assert_eq!(world.execution(job).await["state"], "inProgress");
    assert_eq!(world.says(action, "closed", "success").await, 200);
}

#[tokio::test]
async fn a_device_that_does_not_stop_goes_on_and_gets_the_newer_one_when_it_is_through() {
    let world = World::new("ddi-displace-refused").await;
    let first = assigned(&world, "1").await;
    assert_eq!(world.says(first, "proceeding", "none").await, 200);
    let second = rolled_out(&world, "2").await;
    answers(&world, first, "rejected", "none").await;
    assert_eq!(detail(&world, first).await, "running");
    let deployment = World::path(&world.links().await["deploymentBase"]);
    assert!(deployment.contains(&format!("/deploymentBase/{first}?c=")), "{deployment}");
    assert_eq!(world.says(first, "closed", "success").await, 200);
    let deployment = World::path(&world.links().await["deploymentBase"]);
    assert!(deployment.contains(&format!("/deploymentBase/{second}?c=")), "{deployment}");
}

#[tokio::test]
async fn what_is_in_the_way_is_closed_without_a_word_where_the_tenant_has_it_so() {
    let world = World::new("ddi-displace-close").await;
    let key = "/system/configs/repository.actions.autoclose.enabled";
    world.server.hawkbit("PUT", key, Some(json!({"value": true}))).await.expect(204);
    let first = assigned(&world, "1").await;
    assert_eq!(world.says(first, "proceeding", "none").await, 200);
    let second = rolled_out(&world, "2").await;
    assert_eq!(detail(&world, first).await, "canceled");
    let links = world.links().await;
    assert!(World::path(&links["deploymentBase"]).contains(&format!("/deploymentBase/{second}?c=")));
    assert_eq!(world.says(first, "proceeding", "none").await, 410, "it is over");
}

#[tokio::test]
async fn a_step_that_is_required_is_finished_first() {
    let world = World::new("ddi-displace-step").await;
    let number = set(&world, "1").await;
    let step = json!({"requiredMigrationStep": true});
    world.server.hawkbit("PUT", &format!("/distributionsets/{number}"), Some(step)).await.expect(200);
    let path = format!("/distributionsets/{number}/assignedTargets");
    let answer = world.server.hawkbit("POST", &path, Some(json!([{"id": "d1"}]))).await.expect(200);
    let first = answer["assignedActions"][0]["id"].as_i64().unwrap();
    assert_eq!(world.says(first, "proceeding", "none").await, 200);
    rolled_out(&world, "2").await;
    assert_eq!(detail(&world, first).await, "running");
    let deployment = World::path(&world.links().await["deploymentBase"]);
    assert!(deployment.contains(&format!("/deploymentBase/{first}?c=")), "{deployment}");
}

#[tokio::test]
async fn the_last_status_code_is_that_of_the_last_report_and_none_where_that_has_none() {
    let world = World::new("ddi-code").await;
    let action = assigned(&world, "1").await;
    let path = format!("/targets/d1/actions/{action}");
    let says = async |code: Value| {
        let status = json!({"execution": "proceeding", "result": {"finished": "none"}, "code": code});
        let body = json!({"id": action, "status": status}).to_string();
        assert_eq!(world.send("POST", &format!("/deploymentBase/{action}/feedback"), body).await.status, 200);
        world.server.hawkbit("GET", &path, None).await.expect(200).get("lastStatusCode").cloned()
    };
    assert_eq!(says(json!(200)).await, Some(json!(200)));
    for q in ["lastStatusCode==200", "lastStatusCode=ge=100", "target.lastControllerRequestAt=not=null"] {
        let found = world.server.hawkbit("GET", &format!("/actions?q={q}"), None).await.expect(200);
        assert_eq!(found["total"], 1, "{q}");
    }
    assert_eq!(says(Value::Null).await, None);
    let found = world.server.hawkbit("GET", "/actions?q=lastStatusCode=is=null", None).await.expect(200);
    assert_eq!(found["total"], 1);
}

#[tokio::test]
async fn a_rollout_that_is_stopped_asks_who_began_and_leaves_the_rest_alone() {
    let world = World::new("ddi-rollout-stop").await;
    world.server.post("/devices", json!({"name": "d2"})).await.expect(201);
    let set = set(&world, "1").await;
    let rollout = json!({
        "name": "both", "distributionSetId": set, "targetFilterQuery": "controllerId==d*", "amountGroups": 1,
        "startAt": 0,
    });
    let made = world.server.hawkbit("POST", "/rollouts", Some(rollout)).await.expect(201);
    while world.server.rest.app.jobs_activate().await.unwrap() {}
    let action = async |target: &str| {
        let path = format!("/targets/{target}/actions");
        world.server.hawkbit("GET", &path, None).await.expect(200)["content"][0].clone()
    };
    let mine = action("d1").await["id"].as_i64().unwrap();
    world.get(&format!("/deploymentBase/{mine}")).await.expect(200);
    let path = format!("/rollouts/{}", made["id"]);
    let status = async || world.server.hawkbit("GET", &path, None).await.expect(200)["status"].clone();
    world.server.hawkbit("POST", &format!("{path}/stop"), None).await.expect(204);
    while world.server.rest.app.jobs_activate().await.unwrap() {}
    assert_eq!(status().await, "stopping");
    assert_eq!(detail(&world, mine).await, "canceling");
    assert_eq!(action("d2").await["detailStatus"], "canceled", "it never heard of it");
    let links = world.links().await;
    assert!(names(&links).contains(&"cancelAction") && !names(&links).contains(&"deploymentBase"), "{links}");
    answers(&world, mine, "closed", "success").await;
    while world.server.rest.app.jobs_activate().await.unwrap() {}
    assert_eq!(status().await, "stopped");
    assert_eq!(detail(&world, mine).await, "canceled");
}
