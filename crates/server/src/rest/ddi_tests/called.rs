//! A release that is called as people write, from where it is made to where it is seen running.

use serde_json::{Value, json};

use super::World;
use crate::hawkbit::fixture::software;
use crate::rest::io::part;

const NAME: &str = "Firmware for Pump 펌웨어";
const VERSION: &str = "1.0 beta";
const PATH: &str = "Firmware%20for%20Pump%20%ED%8E%8C%EC%9B%A8%EC%96%B4/1.0%20beta";

/// d1, whose type has one place of versions.
async fn with_place(name: &str, place: Value) -> World {
    let world = World::new(name).await;
    let board = json!({"name": "board", "versionSources": [place]});
    world.server.post("/types", board).await.expect(201);
    world.server.patch("/devices/d1", json!({"type": "board"})).await.expect(200);
    world
}

/// Rolls the release out to d1; gives the numbers of job and action.
async fn rolled_out(world: &World) -> (i64, i64) {
    let job = json!({
        "kind": "update", "release": {"name": NAME, "version": VERSION}, "targets": {"devices": ["d1"]},
    });
    let job = world.server.post("/jobs", job).await.expect(201)["id"].as_i64().unwrap();
    while world.server.rest.app.jobs_activate().await.unwrap() {}
    (job, world.execution(job).await["id"].as_i64().unwrap())
}

#[tokio::test]
async fn a_release_with_spaces_and_another_script_is_installed_seen_and_found() {
    let world = with_place("called", json!({"inventory": "fw.{component}"})).await;
    let (_, set) = software(&world.server, NAME, VERSION).await;
    for kind in ["components", "releases"] {
        let one = world.server.get(&format!("/{kind}/{PATH}")).await.expect(200);
        assert_eq!((&one["name"], &one["version"]), (&json!(NAME), &json!(VERSION)));
    }
    let q = "name=='firmware*%ED%8E%8C%EC%9B%A8%EC%96%B4';version=='1.0%20beta'";
    let found = world.server.hawkbit("GET", &format!("/distributionsets?q={q}"), None).await.expect(200);
    assert_eq!((&found["total"], &found["content"][0]["id"]), (&json!(1), &json!(set)));

    let (job, action) = rolled_out(&world).await;
    let document = world.get(&format!("/deploymentBase/{action}")).await.expect(200);
    let chunk = &document["deployment"]["chunks"][0];
    assert_eq!((&chunk["name"], &chunk["version"]), (&json!(NAME), &json!(VERSION)));
    let link = World::path(&chunk["artifacts"][0]["_links"]["download-http"]);
    assert_eq!(world.device.outside("GET", &link).await.status, 200, "{link}");
    assert_eq!(world.says(action, "closed", "success").await, 200);
    assert_eq!(world.execution(job).await["verdict"], "pending");
    let said = json!({"data": {format!("fw.{NAME}"): VERSION}}).to_string();
    assert_eq!(world.send("PUT", "/configData", said).await.status, 200);
    assert_eq!(world.execution(job).await["verdict"], "verified");
    world.server.delete(&format!("/releases/{PATH}")).await.problem(409, "release.in_use");
}

#[tokio::test]
async fn a_device_that_goes_on_with_the_old_version_is_told_of_by_that_name() {
    let world = with_place("called-back", json!({"inventory": "fw.{component}"})).await;
    software(&world.server, NAME, VERSION).await;
    let says = |version: &str| json!({"data": {format!("fw.{NAME}"): version}}).to_string();
    assert_eq!(world.send("PUT", "/configData", says("0.9 alpha")).await.status, 200);
    let (job, action) = rolled_out(&world).await;
    assert_eq!(world.says(action, "closed", "success").await, 200);
    assert_eq!(world.send("PUT", "/configData", says("0.9 alpha")).await.status, 200);
    let doubted = world.execution(job).await;
    let doubt = format!("{NAME} still says 0.9 alpha instead of {VERSION}");
    assert!(doubted["why"].as_str().unwrap().contains(&doubt), "{doubted}");
}

#[tokio::test]
async fn what_a_device_says_in_its_own_words_proves_it_too() {
    let world = with_place("called-base", json!({"inventory": "version"})).await;
    software(&world.server, NAME, VERSION).await;
    let (job, action) = rolled_out(&world).await;
    assert_eq!(world.says(action, "closed", "success").await, 200);
    let said = json!({"name": NAME, "version": VERSION}).to_string();
    assert_eq!(world.send("PUT", "/installedBase", said).await.status / 100, 2);
    assert_eq!(world.execution(job).await["verdict"], "verified");
    let told = world.server.hawkbit("GET", "/targets/d1/installedDS", None).await.expect(200);
    assert_eq!(told["name"], NAME);
}

#[tokio::test]
async fn components_of_equal_length_are_judged_each_by_its_own_version() {
    let world = with_place("called-two", json!({"inventory": "fw.{component}"})).await;
    software(&world.server, "밸브", "2.0").await;
    let says = |valve: &str| json!({"data": {"fw.밸브": valve, "fw.펌프": "2.0"}}).to_string();
    assert_eq!(world.send("PUT", "/configData", says("1.0")).await.status, 200);
    let job = json!({
        "kind": "update", "release": {"name": "밸브", "version": "2.0"}, "targets": {"devices": ["d1"]},
    });
    let job = world.server.post("/jobs", job).await.expect(201)["id"].as_i64().unwrap();
    while world.server.rest.app.jobs_activate().await.unwrap() {}
    let execution = world.execution(job).await;
    assert_ne!(execution["verdict"], "verified", "its pump runs 2.0, its valve does not: {execution}");
    let action = execution["id"].as_i64().unwrap();
    assert_eq!(world.says(action, "closed", "success").await, 200);
    assert_eq!(world.execution(job).await["verdict"], "pending");
    assert_eq!(world.send("PUT", "/configData", says("2.0")).await.status, 200);
    assert_eq!(world.execution(job).await["verdict"], "verified");
}

#[tokio::test]
async fn what_an_inventory_proves_is_found_under_the_name_of_its_component() {
    let world = with_place("called-running", json!({"inventory": "fw.{component}"})).await;
    software(&world.server, NAME, VERSION).await;
    let said = json!({"data": {format!("fw.{NAME}"): VERSION, "fw.nobody's": "1"}}).to_string();
    assert_eq!(world.send("PUT", "/configData", said).await.status, 200);
    let query = format!("running=='{NAME} {VERSION}'");
    let found = world.server.get(&format!("/devices?q={}", part(&query))).await.expect(200);
    assert_eq!((&found["total"], &found["items"][0]["name"]), (&json!(1), &json!("d1")));
    let unknown =
        world.server.get(&format!("/devices?q={}", part("running=='nobody_s-*'"))).await.expect(200);
    assert_eq!(unknown["total"], 1, "what is no component's is told by its key");
}

#[tokio::test]
async fn marks_may_be_apart_in_what_a_device_says() {
    let said = [
        (
            "/configData",
            json!({"inventory": "fw.{component}"}),
            json!({"data": {"fw.Pu\u{308}mpe": "1.0 be\u{301}"}}),
        ),
        // What the device runs shows in this word only.
        (
            "/installedBase",
            json!({"inventory": "version"}),
            json!({"name": "Pu\u{308}mpe", "version": "1.0 be\u{301}"}),
        ),
    ];
    for (path, place, body) in said {
        let world = with_place(&format!("called-marks-{}", &path[1..]), place).await;
        software(&world.server, "Pümpe", "1.0 bé").await;
        let job = json!({
            "kind": "update", "release": {"name": "Pümpe", "version": "1.0 bé"}, "targets": {"devices": ["d1"]},
        });
        let job = world.server.post("/jobs", job).await.expect(201)["id"].as_i64().unwrap();
        while world.server.rest.app.jobs_activate().await.unwrap() {}
        let action = world.execution(job).await["id"].as_i64().unwrap();
        assert_eq!(world.says(action, "closed", "success").await, 200);
        assert_eq!(world.execution(job).await["verdict"], "pending", "{path}");
        assert_eq!(world.send("PUT", path, body.to_string()).await.status / 100, 2);
        assert_eq!(world.execution(job).await["verdict"], "verified", "{path}");
    }
}
