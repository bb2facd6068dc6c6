//! Devices that say that an update succeeded and fall back, or never show it: what hawkBit's Management API says of them.

use std::time::Duration;

use serde_json::{Value, json};

use super::World;
use super::actions::board;

async fn settle(world: &World) {
    while world.server.rest.app.jobs_activate().await.unwrap() {}
}

/// Has the device say which version it runs.
async fn runs(world: &World, version: &str) {
    let said = json!({"data": {"version": version}}).to_string();
    assert_eq!(world.send("PUT", "/configData", said).await.status, 200);
}

/// A member of the answer to a request of a hawkBit client; null where the answer is empty.
async fn told(world: &World, path: &str) -> Value {
    let answer = world.server.hawkbit("GET", path, None).await;
    if answer.status == 204 { Value::Null } else { answer.expect(200) }
}

/// d1, which runs version 1, says that it finished a rollout of version 2. Gives the numbers of rollout, action and set.
async fn rolled_out(world: &World) -> (i64, i64, i64) {
    board(world).await;
    let (_, first) = world.assign("1").await;
    assert_eq!(world.says(first, "closed", "success").await, 200);
    runs(world, "1").await;
    world.release("2").await;
    let set = told(world, "/distributionsets?q=version==2").await["content"][0]["id"].as_i64().unwrap();
    let body = json!({
        "name": "second", "distributionSetId": set, "targetFilterQuery": "controllerId==d1", "amountGroups": 1,
        "errorCondition": {"condition": "THRESHOLD", "expression": "100"}, "startAt": 0,
    });
    let rollout =
        world.server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201)["id"].as_i64().unwrap();
    settle(world).await;
    let actions = told(world, "/targets/d1/actions?sort=id:DESC").await;
    let action = actions["content"][0]["id"].as_i64().unwrap();
    assert_eq!(actions["content"][0]["rollout"], rollout);
    assert_eq!(world.says(action, "closed", "success").await, 200);
    assert_eq!(world.execution(rollout).await["verdict"], "pending");
    (rollout, action, set)
}

/// Every place where the Management API says how the update went: all of them agree.
async fn is_everywhere(world: &World, numbers: (i64, i64, i64), detail: &str, target: &str, installed: &str) {
    let (rollout, action, set) = numbers;
    for path in [format!("/targets/d1/actions/{action}"), format!("/actions/{action}")] {
        let shown = told(world, &path).await;
        assert_eq!((&shown["status"], &shown["detailStatus"]), (&json!(detail), &json!(detail)));
    }
    let count = async |path: String| told(world, &path).await["total"].clone();
    assert_eq!(count(format!("/actions?q=id=={action};detailstatus=={detail}")).await, 1);
    let shown = told(world, "/targets/d1").await;
    assert_eq!(shown["updateStatus"], target);
    assert_eq!(told(world, "/targets/d1/installedDS").await["version"], installed);
    let failed = detail == "error";
    let assigned = if failed { Value::Null } else { json!("2") };
    assert_eq!(told(world, "/targets/d1/assignedDS").await["version"], assigned);
    for (q, finds) in [
        (format!("updatestatus=={target}"), true),
        (format!("installedds.version=={installed}"), true),
        ("assignedds.version==2".to_owned(), !failed),
        (format!("failedrollout=={rollout}"), failed),
    ] {
        assert_eq!(count(format!("/targets?q={q}")).await, u8::from(finds), "{q}");
    }
    let with_it = count(format!("/distributionsets/{set}/installedTargets")).await;
    assert_eq!(with_it, u8::from(!failed));
    let word = detail.to_uppercase();
    let counted = told(world, &format!("/distributionsets/{set}/statistics/actions")).await;
    assert_eq!(
        (&counted["actions"][&word], &counted["actions"]["total"]),
        (&json!(1), &json!(1)),
        "{counted}"
    );
    let shown = told(world, &format!("/rollouts/{rollout}")).await;
    assert_eq!(shown["totalTargetsPerStatus"][detail], 1, "{shown}");
}

#[tokio::test]
async fn what_fell_back_or_never_showed_failed_wherever_it_is_shown() {
    for (name, falls_back, verdict) in
        [("ddi-fell-back", true, "rolledBack"), ("ddi-never-showed", false, "expired")]
    {
        let world = World::new(name).await;
        let numbers = rolled_out(&world).await;
        is_everywhere(&world, numbers, "finished", "in_sync", "2").await;
        if falls_back {
            runs(&world, "1").await;
        }
        world.server.clock.advance(Duration::from_secs(30 * 60));
        settle(&world).await;
        assert_eq!(world.execution(numbers.0).await["verdict"], verdict);
        is_everywhere(&world, numbers, "error", "error", "1").await;
        let actions = told(&world, "/targets/d1/actions?sort=id:ASC").await;
        let before = format!("/DEFAULT/controller/v1/d1/installedBase/{}", actions["content"][0]["id"]);
        assert_eq!(World::path(&world.links().await["installedBase"]), before, "what it fell back to");
        // No group comes after its only one, so nothing hangs on how many succeeded; all of it may fail.
        let rollout = format!("/rollouts/{}", numbers.0);
        assert_eq!(told(&world, &rollout).await["status"], "finished");
        let groups = told(&world, &format!("{rollout}/deploygroups")).await;
        assert_eq!(groups["content"][0]["successCondition"]["expression"], "50");
        let again = format!("{rollout}/retry");
        let again = world.server.hawkbit("POST", &again, None).await.expect(201);
        assert_eq!((&again["name"], &again["totalTargets"]), (&json!("second_retry"), &json!(1)));
        // What succeeds in the end is what the target has.
        let path = format!("/rollouts/{}/start", again["id"]);
        world.server.hawkbit("POST", &path, None).await.expect(204);
        settle(&world).await;
        assert_eq!(told(&world, "/targets/d1").await["updateStatus"], "pending");
        let actions = told(&world, "/targets/d1/actions?sort=id:DESC").await;
        let action = actions["content"][0]["id"].as_i64().unwrap();
        assert_eq!(world.says(action, "closed", "success").await, 200);
        runs(&world, "2").await;
        assert_eq!(told(&world, "/targets/d1").await["updateStatus"], "in_sync");
        assert_eq!(told(&world, "/targets/d1/installedDS").await["version"], "2");
    }
}

#[tokio::test]
async fn a_target_without_anything_before_has_nothing_installed_once_it_fell_back() {
    let world = World::new("ddi-fell-back-first").await;
    board(&world).await;
    runs(&world, "1").await;
    let (job, action) = world.assign("2").await;
    assert_eq!(world.says(action, "closed", "success").await, 200);
    runs(&world, "1").await;
    assert_eq!(told(&world, "/targets/d1/installedDS").await["version"], "2");
    world.server.clock.advance(Duration::from_secs(30 * 60));
    settle(&world).await;
    assert_eq!(world.execution(job).await["verdict"], "rolledBack");
    let shown = told(&world, "/targets/d1").await;
    assert_eq!((&shown["updateStatus"], &shown["installedAt"]), (&json!("error"), &Value::Null));
    assert_eq!(told(&world, "/targets/d1/installedDS").await, Value::Null);
}
