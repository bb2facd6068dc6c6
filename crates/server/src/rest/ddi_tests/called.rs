//! A release that is called as people write, from where it is made to where it is seen running.

use serde_json::{Value, json};

use super::World;
use crate::hawkbit::fixture::software;

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
