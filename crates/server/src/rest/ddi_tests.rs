//! hawkBit's device interface over the whole router: who gets in, actions from offer to end, and bad input.

use axum::body::Body;
use serde_json::{Value, json};
use windlass_domain::ids::ExecutionId;
use windlass_wire::ddi::Format;

use super::fixture::{Answer, Fixture};

/// A server with target and gateway tokens switched on, and somebody who asks as a device.
struct World {
    server: Fixture,
    device: Fixture,
}

const FIRMWARE: &[u8] = b"0123456789";
const HAL: (&str, &str) = ("accept", "application/hal+json");

impl World {
    async fn new(name: &str) -> Self {
        Self::of(Fixture::new(name).await).await
    }

    async fn of(server: Fixture) -> Self {
        let values = json!({
            "authentication.targettoken.enabled": true,
            "authentication.gatewaytoken.enabled": true,
            "authentication.gatewaytoken.key": "gateway",
        });
        server.put("/settings/hawkbit", json!({"values": values})).await.expect(200);
        server.post("/devices", json!({"name": "d1"})).await.expect(201);
        server.put("/devices/d1/token", json!({"token": "mine"})).await.expect(200);
        let app = &server.rest.app;
        app.tasks.spawn_until_stopped(app.clone().follow_changes());
        let device = server.with_authorization("TargetToken mine");
        Self { server, device }
    }

    async fn release(&self, version: &str) {
        let artifact = self.server.upload(&format!("app-{version}.swu"), FIRMWARE).await.expect(201);
        let component =
            json!({"name": "app", "version": version, "type": "os", "artifacts": [artifact["id"]]});
        self.server.post("/components", component).await.expect(201);
        let components = json!([{"name": "app", "version": version}]);
        let release = json!({"name": "app", "version": version, "components": components});
        self.server.post("/releases", release).await.expect(201);
    }

    /// Rolls a release out to d1; gives the number of the action.
    async fn assign(&self, version: &str) -> (i64, i64) {
        self.release(version).await;
        let job = json!({
            "kind": "update", "release": {"name": "app", "version": version}, "targets": {"devices": ["d1"]},
        });
        let job = self.server.post("/jobs", job).await.expect(201)["id"].as_i64().unwrap();
        while self.server.rest.app.jobs_activate().await.unwrap() {}
        let list = self.server.get(&format!("/jobs/{job}/executions")).await.expect(200);
        (job, list["items"][0]["id"].as_i64().unwrap())
    }

    async fn get(&self, rest: &str) -> Answer {
        self.device
            .outside_with("GET", &format!("/DEFAULT/controller/v1/d1{rest}"), &[HAL, ("host", "h:1")])
            .await
    }

    async fn send(&self, method: &str, rest: &str, body: impl Into<Body>) -> Answer {
        let path = format!("/DEFAULT/controller/v1/d1{rest}");
        self.device.outside_body(method, &path, &[("content-type", "application/json")], body.into()).await
    }

    async fn says(&self, action: i64, execution: &str, finished: &str) -> u16 {
        let status = json!({"execution": execution, "result": {"finished": finished}, "details": ["said"]});
        let body = json!({"id": action, "time": "", "status": status, "unknown": {"a": []}}).to_string();
        self.send("POST", &format!("/deploymentBase/{action}/feedback"), body).await.status
    }

    async fn links(&self) -> Value {
        self.get("").await.expect(200)["_links"].clone()
    }

    /// The path of a link, without its host.
    fn path(link: &Value) -> String {
        let href = link["href"].as_str().unwrap();
        href.strip_prefix("http://h:1").unwrap_or_else(|| panic!("{href}")).to_owned()
    }

    async fn execution(&self, job: i64) -> Value {
        self.server.get(&format!("/jobs/{job}/executions")).await.expect(200)["items"][0].clone()
    }
}

#[tokio::test]
async fn wrong_credentials_of_any_kind_get_401_without_a_word_and_leave_a_trace() {
    let world = World::new("ddi-401").await;
    let path = "/default/controller/v1/d1";
    for somebody in [
        world.server.anonymous(),
        world.server.clone(),
        world.server.with_authorization("TargetToken wrong"),
        world.server.with_authorization("TargetToken"),
        world.server.with_authorization("TargetToken  "),
        world.server.with_authorization("GatewayToken wrong"),
        world.server.with_authorization("GatewayToken mine"),
        world.server.with_authorization("Basic abc"),
    ] {
        let answer = somebody.outside("GET", path).await;
        assert_eq!((answer.status, answer.text().as_str()), (401, ""));
    }
    let unknown = world.device.outside("GET", "/default/controller/v1/nobody").await;
    assert_eq!((unknown.status, unknown.text().as_str()), (401, ""), "as for a device that there is");
    let tenant = world.device.outside("GET", "/nowhere/controller/v1/d1").await;
    assert_eq!((tenant.status, tenant.text().as_str()), (401, ""));
    let reserved = world.device.outside("GET", "/api/controller/v1/d1").await;
    assert!(matches!(reserved.status, 401 | 404), "{}", reserved.status);
    let refusals = world.server.get("/refusals").await.expect(200).to_string();
    for code in ["ddi.targetToken", "ddi.gatewayToken", "ddi.noProof"] {
        assert!(refusals.contains(code), "{code} in {refusals}");
    }
    assert_eq!(world.get("").await.status, 200);
    assert_eq!(world.device.outside("GET", "/DeFaUlT/controller/v1/d1/").await.status, 200);
    world.server.put("/devices/d1/token", json!({"token": "other"})).await.expect(200);
    assert_eq!(world.get("").await.status, 401, "another token ends the one before");
}

#[tokio::test]
async fn a_gateway_token_brings_devices_in_and_does_not_do_for_one_with_its_own_proof() {
    let world = World::new("ddi-gateway").await;
    let gateway = world.server.with_authorization("GatewayToken gateway");
    assert_eq!(gateway.outside("GET", "/default/controller/v1/d1").await.status, 401, "d1 has a token");
    assert_eq!(gateway.outside("GET", "/default/controller/v1/new-1").await.status, 200);
    let made = world.server.get("/devices/new-1").await.expect(200);
    assert_eq!(made["lifecycle"], "active");
    assert_eq!(gateway.outside("GET", "/default/controller/v1/Pump%20No.%201").await.status, 200);
    assert_eq!(gateway.outside("GET", "/default/controller/v1/Pump%20No.%201").await.status, 200);
    let all = world.server.get("/devices").await.expect(200);
    assert_eq!(all["total"], 3, "{all}");
    assert!(all.to_string().contains("Pump No. 1"), "its own id is kept: {all}");
    let other = world.server.in_another_tenant("acme").await;
    let values = json!({
        "authentication.gatewaytoken.enabled": true, "authentication.gatewaytoken.key": "theirs",
    });
    other.put("/settings/hawkbit", json!({"values": values})).await.expect(200);
    assert_eq!(gateway.outside("GET", "/acme/controller/v1/new-1").await.status, 401, "another tenant's");
    let theirs = world.server.with_authorization("GatewayToken theirs");
    assert_eq!(theirs.outside("GET", "/ACME/controller/v1/new-1").await.status, 200);
    assert_eq!(other.get("/devices").await.expect(200)["total"], 1);
    assert!(world.server.get("/audit").await.expect(200).to_string().contains("device.enrol"));
    let long = format!("/default/controller/v1/{}", "x".repeat(257));
    assert_eq!(gateway.outside("GET", &long).await.status, 401);
    world.server.act("/devices/new-1/suspend").await.expect(200);
    assert_eq!(gateway.outside("GET", "/default/controller/v1/new-1").await.status, 401);
}

#[tokio::test]
async fn an_action_goes_from_its_link_to_installed_as_real_clients_take_it() {
    let world = World::new("ddi-action").await;
    let first = world.get("").await.expect(200);
    assert_eq!(first["config"]["polling"]["sleep"], "00:05:00");
    assert_eq!(first["_links"]["configData"]["href"], "http://h:1/DEFAULT/controller/v1/d1/configData");
    assert_eq!(world.send("PUT", "/configData", json!({"data": {"hw": "r1"}}).to_string()).await.status, 200);
    assert_eq!(world.links().await, json!({}), "nothing to do");
    let (job, action) = world.assign("1").await;
    let links = world.links().await;
    let deployment = World::path(&links["deploymentBase"]);
    assert!(
        deployment.starts_with(&format!("/DEFAULT/controller/v1/d1/deploymentBase/{action}?c=")),
        "{deployment}"
    );
    let document = world.device.outside_with("GET", &deployment, &[HAL, ("host", "h:1")]).await;
    let tag = document.header("etag").unwrap().to_owned();
    let document = document.expect(200);
    assert_eq!(document["id"], action.to_string());
    assert_eq!(
        (&document["deployment"]["download"], &document["deployment"]["update"]),
        (&json!("forced"), &json!("forced"))
    );
    let artifact = &document["deployment"]["chunks"][0]["artifacts"][0];
    assert_eq!(artifact["hashes"]["sha1"], "87acec17cd9dcd20a716cc2cf67417b71c8a7016");
    assert_eq!(artifact["hashes"]["md5"], "781e5e245d69b566979b86e28d23f2c7");
    let same = world
        .device
        .outside_with("GET", &deployment, &[HAL, ("host", "h:1"), ("if-none-match", tag.as_str())])
        .await;
    assert_eq!((same.status, same.text().as_str()), (304, ""));
    let file = World::path(&artifact["_links"]["download"]);
    assert_eq!(world.device.outside("HEAD", &file).await.header("content-length"), Some("10"));
    let whole = world.device.outside("GET", &file).await;
    assert_eq!(whole.header("etag"), Some("\"87acec17cd9dcd20a716cc2cf67417b71c8a7016\""));
    assert_eq!(whole.text().as_bytes(), FIRMWARE);
    let sum = world.device.outside("GET", &format!("{file}.MD5SUM")).await;
    assert_eq!(sum.text(), "781e5e245d69b566979b86e28d23f2c7  app-1.swu");
    assert_eq!(world.says(action, "proceeding", "none").await, 200);
    assert_eq!(world.says(action, "download", "none").await, 200);
    assert_eq!(world.execution(job).await["state"], "inProgress");
    assert_eq!(World::path(&world.links().await["deploymentBase"]), deployment, "alive until closed");
    assert_eq!(world.says(action, "closed", "success").await, 200);
    assert_eq!(world.execution(job).await["state"], "succeeded");
    let links = world.links().await;
    assert_eq!(links.get("deploymentBase"), None);
    assert!(links.get("configData").is_some(), "attributes are wanted again after an update");
    assert_eq!(
        World::path(&links["installedBase"]),
        format!("/DEFAULT/controller/v1/d1/installedBase/{action}")
    );
    let installed = world.get(&format!("/installedBase/{action}?actionHistory=-1")).await.expect(200);
    let history = installed["actionHistory"].to_string();
    for said in ["FINISHED", "said", "retrieved"] {
        assert!(history.contains(said), "{said} in {history}");
    }
    assert_eq!(world.says(action, "closed", "success").await, 410, "it is closed");
    assert_eq!(world.get(&format!("/deploymentBase/{action}")).await.status, 404);
    assert_eq!(world.device.outside("GET", &file).await.status, 404, "nothing is to be fetched any more");
}

#[tokio::test]
async fn ranges_of_a_file_are_served_as_resuming_and_delta_clients_ask() {
    let world = World::new("ddi-ranges").await;
    let (_, action) = world.assign("1").await;
    let document = world.get(&format!("/deploymentBase/{action}")).await.expect(200);
    let file = World::path(&document["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]);
    let ask = async |pairs: &[(&str, &str)]| world.device.outside_with("GET", &file, pairs).await;
    let part = ask(&[("range", "bytes=4-")]).await;
    assert_eq!(
        (part.status, part.header("content-range"), part.text().as_str()),
        (206, Some("bytes 4-9/10"), "456789")
    );
    let end = ask(&[("range", "bytes=10-")]).await;
    assert_eq!((end.status, end.header("content-range")), (416, Some("bytes */10")), "nothing is left");
    assert_eq!(ask(&[("range", "bytes=0-4,4-8")]).await.status, 416, "they overlap");
    let several = ask(&[("range", "bytes=8-9,0-1")]).await;
    assert_eq!(several.status, 206);
    let length = several.header("content-length").unwrap().to_owned();
    let kind = several.header("content-type").unwrap().to_owned();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let text = several.text();
    assert_eq!(text.len().to_string(), length);
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    assert!(parts[1].ends_with("Content-Range: bytes 0-1/10\r\n\r\n01\r\n"), "{text}");
    assert!(parts[2].ends_with("Content-Range: bytes 8-9/10\r\n\r\n89\r\n"), "{text}");
    assert_eq!(parts[3], "--\r\n");
    let tag = part.header("etag").unwrap().to_owned();
    let modified = part.header("last-modified").unwrap().to_owned();
    for same in [&tag, &modified] {
        assert_eq!(ask(&[("range", "bytes=4-"), ("if-range", same.as_str())]).await.status, 206, "{same}");
    }
    assert_eq!(ask(&[("range", "bytes=4-"), ("if-range", "\"other\"")]).await.status, 200);
    assert_eq!(ask(&[("if-match", "\"other\"")]).await.status, 412);
    assert_eq!(ask(&[("if-match", tag.as_str())]).await.status, 200);
    let history = world.get(&format!("/deploymentBase/{action}?actionHistory=100")).await.expect(200);
    assert_eq!(history["actionHistory"]["messages"].as_array().unwrap().len(), 1, "ranges leave no entries");
}

#[tokio::test]
async fn feedback_for_closed_foreign_and_unknown_actions_is_refused_and_bad_bodies_are_named() {
    let world = World::new("ddi-bad").await;
    let (job, action) = world.assign("1").await;
    let feedback = format!("/deploymentBase/{action}/feedback");
    for (body, wanted) in [
        ("", "JSON"),
        ("{", "JSON"),
        ("{}", "status"),
        (r#"{"status":{"execution":"exploded"}}"#, "status.execution"),
        (r#"{"status":{"execution":"closed","result":{"finished":"maybe"}}}"#, "status.result.finished"),
    ] {
        let answer = world.send("POST", &feedback, body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.text().contains(wanted), "{}", answer.text());
    }
    let large = format!("{{\"status\":\"{}\"}}", "x".repeat(300_000));
    assert_eq!(world.send("POST", &feedback, large).await.status, 413);
    let many: Vec<String> = (0..51).map(|number| number.to_string()).collect();
    let many = json!({"status": {"execution": "proceeding", "details": many}}).to_string();
    assert_eq!(world.send("POST", &feedback, many).await.status, 429);
    for lenient in [
        r#"{"id":"x","status":{"execution":"proceeding","result":null,"details":null,"code":null}}"#,
        r#"{"status":{"execution":"PROCEEDING","result":{"finished":null,"progress":{}}}}"#,
    ] {
        assert_eq!(world.send("POST", &feedback, lenient).await.status, 200, "{lenient}");
    }
    for unknown in ["999999", "0", "99999999999999999999"] {
        assert_eq!(
            world.send("POST", &format!("/deploymentBase/{unknown}/feedback"), "{}").await.status / 100,
            4
        );
        assert_eq!(world.get(&format!("/deploymentBase/{unknown}")).await.status, 404);
    }
    assert_eq!(
        world
            .send("POST", &format!("/cancelAction/{action}/feedback"), r#"{"status":{"execution":"closed"}}"#)
            .await
            .status,
        405
    );
    assert_eq!(world.get(&format!("/cancelAction/{action}")).await.status, 404);
    assert_eq!(world.get(&format!("/installedBase/{action}")).await.status, 404, "it is not closed");
    assert_eq!(world.get(&format!("/confirmationBase/{action}")).await.status, 404, "nobody need confirm");
    // Another device of the same tenant has no part in it.
    world.server.post("/devices", json!({"name": "d2"})).await.expect(201);
    world.server.put("/devices/d2/token", json!({"token": "its"})).await.expect(200);
    let other = world.server.with_authorization("TargetToken its");
    let foreign = format!("/DEFAULT/controller/v1/d2/deploymentBase/{action}");
    assert_eq!(other.outside("GET", &foreign).await.status, 404);
    let body = r#"{"status":{"execution":"closed","result":{"finished":"success"}}}"#;
    let path = format!("{foreign}/feedback");
    let answer =
        other.outside_body("POST", &path, &[("content-type", "application/json")], body.into()).await;
    assert_eq!(answer.status, 404);
    assert_eq!(world.execution(job).await["state"], "inProgress");
    let failed = r#"{"status":{"execution":"closed","code":-3,"result":{"finished":"failure"},"details":["no space"]}}"#;
    assert_eq!(world.send("POST", &feedback, failed).await.status, 200);
    let execution = world.execution(job).await;
    assert_eq!((&execution["state"], &execution["reason"]), (&json!("failed"), &json!("no space")));
    assert_eq!(world.send("POST", &feedback, failed).await.status, 410);
    assert_eq!(world.send("DELETE", "", "").await.status, 405);
    assert_eq!(world.get("/nothing").await.status, 404);
}

#[tokio::test]
async fn a_history_has_a_bound_and_the_last_word_is_always_taken() {
    let world = World::new("ddi-history").await;
    let (job, action) = world.assign("1").await;
    let id = ExecutionId::new(action);
    let filled = world.server.rest.app.store.write::<_, windlass_store::StoreError, _>(move |tx| {
        Box::pin(async move {
            for _ in 0..1_000 {
                let new = windlass_store::ddi::NewStatus {
                    execution: id,
                    kind: "running",
                    code: None,
                    messages: Vec::new(),
                    reported_at: None,
                };
                windlass_store::ddi::status_insert(
                    tx,
                    &new,
                    windlass_domain::time::Timestamp::from_seconds(1),
                )
                .await?;
            }
            Ok(())
        })
    });
    filled.await.unwrap();
    assert_eq!(world.says(action, "proceeding", "none").await, 429);
    assert_eq!(world.says(action, "closed", "success").await, 200);
    assert_eq!(world.execution(job).await["state"], "succeeded");
}

#[tokio::test]
async fn attributes_are_inventory_and_prove_an_update() {
    let world = World::new("ddi-attributes").await;
    let sources = json!([{"inventory": "version"}]);
    world.server.post("/types", json!({"name": "board", "versionSources": sources})).await.expect(201);
    world.server.patch("/devices/d1", json!({"type": "board"})).await.expect(200);
    let (job, action) = world.assign("2").await;
    assert_eq!(world.says(action, "closed", "success").await, 200);
    assert_eq!(world.execution(job).await["verdict"], "pending", "said is not seen");
    let long = json!({"data": {"k".repeat(129): "x"}}).to_string();
    assert_eq!(world.send("PUT", "/configData", long).await.status, 400);
    let long = json!({"data": {"k": "x".repeat(129)}}).to_string();
    assert_eq!(world.send("PUT", "/configData", long).await.status, 400);
    assert_eq!(world.send("PUT", "/configData", r#"{"mode":"melt","data":{}}"#).await.status, 400);
    let said =
        json!({"mode": null, "data": {"version": "2", "serial": 7}, "id": "", "status": {}}).to_string();
    assert_eq!(world.send("PUT", "/configData", said).await.status, 200);
    assert_eq!(world.execution(job).await["verdict"], "verified");
    let device = world.server.get("/devices/d1").await.expect(200);
    assert_eq!((&device["inventory"]["version"], &device["inventory"]["serial"]), (&json!("2"), &json!("7")));
    let gone = json!({"mode": "replace", "data": {"version": "2"}}).to_string();
    assert_eq!(world.send("PUT", "/configData", gone).await.status, 200);
    assert_eq!(world.server.get("/devices/d1").await.expect(200)["inventory"]["serial"], Value::Null);
}

#[tokio::test]
async fn what_a_device_says_that_it_runs_proves_or_disproves_an_update() {
    let world = World::new("ddi-installed").await;
    let sources = json!([{"inventory": "version"}]);
    world.server.post("/types", json!({"name": "board", "versionSources": sources})).await.expect(201);
    world.server.patch("/devices/d1", json!({"type": "board"})).await.expect(200);
    let (job, action) = world.assign("2").await;
    assert_eq!(world.says(action, "closed", "none").await, 200);
    let runs = |version: &str| json!({"name": "app", "version": version}).to_string();
    assert_eq!(world.send("PUT", "/installedBase", runs("2")).await.status / 100, 2);
    assert_eq!(world.execution(job).await["verdict"], "verified");
    assert_eq!(world.send("PUT", "/installedBase", runs("1")).await.status, 201);
    assert_eq!(world.send("PUT", "/installedBase", runs("1")).await.status, 200);
    let device = world.server.get("/devices/d1").await.expect(200);
    assert_eq!(device["inventory"]["installedBase.version"], "1");
    assert_eq!(world.send("PUT", "/installedBase", r#"{"name":"app"}"#).await.status, 400);
}

#[tokio::test]
async fn confirming_by_itself_is_switched_once_each_way() {
    let world = World::new("ddi-confirm").await;
    let base = world.get("/confirmationBase").await.expect(200);
    assert_eq!(base["autoConfirm"]["active"], false);
    assert!(
        base["_links"]["activateAutoConfirm"]["href"].as_str().unwrap().ends_with("/activateAutoConfirm")
    );
    let on = r#"{"initiator":"anna","remark":"lab"}"#;
    assert_eq!(world.send("POST", "/confirmationBase/activateAutoConfirm", on).await.status, 200);
    assert_eq!(world.send("POST", "/confirmationBase/activateAutoConfirm", "").await.status, 409);
    let base = world.get("/confirmationBase").await.expect(200);
    assert_eq!(
        (&base["autoConfirm"]["active"], &base["autoConfirm"]["initiator"]),
        (&json!(true), &json!("anna"))
    );
    assert_eq!(world.send("POST", "/confirmationBase/deactivateAutoConfirm", "").await.status, 200);
    assert_eq!(world.get("/confirmationBase").await.expect(200)["autoConfirm"]["active"], false);
}

#[tokio::test]
async fn cbor_is_spoken_both_ways() {
    let world = World::new("ddi-cbor").await;
    let (job, action) = world.assign("1").await;
    let document = world
        .device
        .outside_with("GET", "/DEFAULT/controller/v1/d1", &[("accept", "application/cbor")])
        .await;
    assert_eq!(document.header("content-type"), Some("application/cbor"));
    // {"status": {"execution": "closed", "result": {"finished": "success"}}}
    let body = b"\xa1\x66status\xa2\x69execution\x66closed\x66result\xa1\x68finished\x67success".to_vec();
    assert!(windlass_wire::ddi::feedback(Format::Cbor, &body).is_ok());
    let path = format!("/DEFAULT/controller/v1/d1/deploymentBase/{action}/feedback");
    let answer =
        world.device.outside_body("POST", &path, &[("content-type", "application/cbor")], body.into()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(world.execution(job).await["state"], "succeeded");
}

#[tokio::test]
async fn a_trusted_proxy_vouches_for_a_certificate_and_nobody_else_does() {
    let world = World::of(Fixture::behind("ddi-proxy", vec!["10.0.0.0/8".parse().unwrap()]).await).await;
    let values = json!({
        "authentication.header.enabled": true, "authentication.header.authority": "AABB",
    });
    world.server.put("/settings/hawkbit", json!({"values": values})).await.expect(200);
    let headers = [("x-controller-id", "d1"), ("x-authority-0", "aabb")];
    let stranger = world.server.anonymous().from("192.0.2.1");
    let refused = stranger.outside_with("GET", "/default/controller/v1/d1", &headers).await;
    assert_eq!(refused.status, 401, "it is no proxy of ours");
    let proxied = world.server.anonymous().from("10.0.0.9");
    assert_eq!(proxied.outside_with("GET", "/default/controller/v1/d1", &headers).await.status, 200);
    for wrong in [
        [("x-controller-id", "d2"), ("x-authority-0", "aabb")],
        [("x-controller-id", "d1"), ("x-authority-0", "ccdd")],
    ] {
        assert_eq!(proxied.outside_with("GET", "/default/controller/v1/d1", &wrong).await.status, 401);
    }
}

#[tokio::test]
async fn a_device_that_nobody_knows_comes_in_without_proof_only_where_that_is_switched_on() {
    let world = World::new("ddi-anonymous").await;
    let stranger = world.server.anonymous();
    assert_eq!(stranger.outside("GET", "/default/controller/v1/free").await.status, 401);
    let values = json!({"authentication.anonymous.enabled": true});
    world.server.put("/settings/hawkbit", json!({"values": values})).await.expect(200);
    assert_eq!(stranger.outside("GET", "/default/controller/v1/free").await.status, 200);
    assert_eq!(
        stranger.outside("GET", "/default/controller/v1/d1").await.status,
        401,
        "d1 has a token of its own"
    );
}

#[tokio::test]
async fn rauc_finds_its_bundle_by_itself_and_ends_the_update_by_saying_what_it_runs() {
    let world = World::new("ddi-rauc").await;
    let ask = async |headers: &[(&str, &str)]| {
        let mut all = vec![("host", "h:1")];
        all.extend_from_slice(headers);
        world.device.outside_with("GET", "/default/rauc/v1/d1", &all).await
    };
    assert_eq!(world.server.anonymous().outside("GET", "/default/rauc/v1/d1").await.status, 401);
    assert_eq!(ask(&[("rauc-system-version", "1"), ("rauc-variant", "blue")]).await.status, 204);
    let device = world.server.get("/devices/d1").await.expect(200);
    assert_eq!(device["inventory"]["rauc.variant"], "blue");
    let (job, _) = world.assign("2").await;
    let told = ask(&[("rauc-system-version", "1")]).await;
    assert_eq!(told.status, 302);
    let link = told.header("location").unwrap().strip_prefix("http://h:1").unwrap().to_owned();
    assert_eq!(world.server.anonymous().outside("GET", &link).await.text().as_bytes(), FIRMWARE);
    let tag = told.header("etag").unwrap().to_owned();
    assert_eq!(ask(&[("rauc-system-version", "1"), ("if-none-match", tag.as_str())]).await.status, 304);
    assert_eq!(ask(&[("rauc-system-version", "2")]).await.status, 204);
    assert_eq!(world.execution(job).await["state"], "succeeded");
    assert_eq!(world.device.outside("POST", "/default/rauc/v1/d1").await.status, 405);
}
