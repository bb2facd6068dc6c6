//! hawkBit's device interface over the whole router: who gets in, and how. Actions are in [`actions`].

mod actions;
mod called;
mod displaced;
mod fell_back;
mod names;

use axum::body::Body;
use serde_json::{Value, json};
use windlass_domain::limits::Limits;
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
async fn a_serial_number_in_base64_is_one_device_to_both_interfaces_and_no_name_in_topics() {
    let world = World::new("ddi-base64").await;
    let made = json!([{"controllerId": "aGk+Zm8=", "securityToken": "mine"}, {"controllerId": "#7"}]);
    world.server.hawkbit("POST", "/targets", Some(made)).await.expect(201);
    let slash = json!([{"controllerId": "aGk/Zm8="}]);
    world.server.hawkbit("POST", "/targets", Some(slash)).await.hawkbit_error(400);
    let device = world.server.with_authorization("TargetToken mine");
    for path in ["aGk+Zm8=", "aGk%2BZm8%3D"] {
        assert_eq!(
            device.outside("GET", &format!("/default/controller/v1/{path}")).await.status,
            200,
            "{path}"
        );
        let target = world.server.hawkbit("GET", &format!("/targets/{path}"), None).await.expect(200);
        assert_eq!(target["controllerId"], "aGk+Zm8=");
        let own =
            target["_links"]["self"]["href"].as_str().unwrap().split_once("/rest/v1").unwrap().1.to_owned();
        assert_eq!(world.server.hawkbit("GET", &own, None).await.expect(200)["controllerId"], "aGk+Zm8=");
    }
    world.server.hawkbit("GET", "/targets/%237", None).await.expect(200);
    let gateway = world.server.with_authorization("GatewayToken gateway");
    assert_eq!(gateway.outside("GET", "/default/controller/v1/+").await.status, 200);
    let found = world.server.hawkbit("GET", "/targets?q=controllerId=='%2B'", None).await.expect(200);
    assert_eq!(found["total"], 1);
    // Those of other protocols stand in topics.
    let other = world.server.send("PUT", "/devices/d1/aliases/mac/00%2B11", &[], "").await;
    assert_eq!(other.problem(400, "request.invalid").fields(), ["externalId"]);
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
    assert_eq!(gateway.outside("GET", &long).await.status, 400);
    for odd in ["a%0Az", "a%01", "%7F", "a%C2%85", "a%2Fb"] {
        let path = format!("/default/controller/v1/{odd}");
        let refused = gateway.outside("GET", &path).await;
        assert_eq!(refused.status, 400, "{odd}: {}", refused.text());
        assert_eq!(
            world.server.anonymous().outside("GET", &path).await.status,
            401,
            "strangers learn nothing"
        );
    }
    assert_eq!(world.server.get("/devices").await.expect(200)["total"], 3, "no device was made of them");
    assert!(world.server.get("/refusals").await.expect(200).to_string().contains("ddi.controllerId"));
    world.server.act("/devices/new-1/suspend").await.expect(200);
    assert_eq!(gateway.outside("GET", "/default/controller/v1/new-1").await.status, 401);
}

#[tokio::test]
async fn a_device_that_came_by_itself_has_a_token_that_binds_once_it_is_used() {
    let world = World::new("ddi-born").await;
    let gateway = world.server.with_authorization("GatewayToken gateway");
    for id in ["born-1", "Born%20No.%202"] {
        let path = format!("/default/controller/v1/{id}");
        assert_eq!(gateway.outside("GET", &path).await.status, 200);
        let shown = world.server.hawkbit("GET", &format!("/targets/{id}"), None).await.expect(200);
        let token = shown["securityToken"].as_str().unwrap().to_owned();
        assert_eq!(token.len(), 32);
        assert_eq!(gateway.outside("GET", &path).await.status, 200, "nobody used its own yet");
        let own = world.server.with_authorization(&format!("TargetToken {token}"));
        assert_eq!(own.outside("GET", "/default/controller/v1/d1").await.status, 401, "not d1's");
        assert_eq!(own.outside("GET", &path).await.status, 200);
        assert_eq!(gateway.outside("GET", &path).await.status, 401, "its token binds");
        let again = world.server.hawkbit("GET", &format!("/targets/{id}"), None).await.expect(200);
        assert_eq!(again["securityToken"], token.as_str());
    }
    let made = world.server.get("/devices/born-1/token").await.expect(200);
    assert_eq!(made["token"].as_str().unwrap().len(), 32);
    let audit = world.server.get("/audit").await.expect(200).to_string();
    assert_eq!(audit.matches("device.token.set").count(), 3, "d1's and theirs: {audit}");
    world.server.post("/devices", json!({"name": "d2"})).await.expect(201);
    assert_eq!(gateway.outside("GET", "/default/controller/v1/d2").await.status, 200);
    world.server.hawkbit("GET", "/targets/d2", None).await.expect(200);
    assert_eq!(gateway.outside("GET", "/default/controller/v1/d2").await.status, 200, "looking binds nobody");
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
async fn whoever_comes_after_too_many_new_devices_is_told_so_and_leaves_a_trace() {
    let limits = Limits { plug_and_play_per_minute: 1, ..Limits::default() };
    let world = World::of(Fixture::limited("ddi-too-many", limits).await).await;
    let gateway = world.server.with_authorization("GatewayToken gateway");
    let polls = async |id: &str| gateway.outside("GET", &format!("/default/controller/v1/{id}")).await.status;
    assert_eq!((polls("new-1").await, polls("new-2").await, polls("new-1").await), (200, 429, 200));
    let refusals = world.server.get("/refusals").await.expect(200).to_string();
    assert!(refusals.contains("ddi.tooMany") && refusals.contains("new-2"), "{refusals}");
    world.server.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(polls("new-2").await, 200);
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
    assert_eq!(world.execution(job).await["state"], "inProgress", "it installs while it fetches");
    let link = told.header("location").unwrap().strip_prefix("http://h:1").unwrap().to_owned();
    assert_eq!(world.server.anonymous().outside("GET", &link).await.text().as_bytes(), FIRMWARE);
    let tag = told.header("etag").unwrap().to_owned();
    assert_eq!(ask(&[("rauc-system-version", "1"), ("if-none-match", tag.as_str())]).await.status, 304);
    assert_eq!(ask(&[("rauc-system-version", "2")]).await.status, 204);
    assert_eq!(world.execution(job).await["state"], "succeeded");
    assert_eq!(world.device.outside("POST", "/default/rauc/v1/d1").await.status, 405);
}

#[tokio::test]
async fn a_signed_link_is_used_so_often_from_anywhere_and_the_one_of_the_next_device_as_often() {
    // A bucket that does not refill while the test runs.
    let few = Limits { file_requests_per_second: 0, file_request_burst: 3, ..Limits::default() };
    let world = World::of(Fixture::limited("ddi-link-rate", few).await).await;
    world.server.post("/devices", json!({"name": "d2"})).await.expect(201);
    world.server.put("/devices/d2/token", json!({"token": "other"})).await.expect(200);
    world.release("2").await;
    let job = json!({
        "kind": "update", "release": {"name": "app", "version": "2"}, "targets": {"devices": ["d1", "d2"]},
    });
    world.server.post("/jobs", job).await.expect(201);
    while world.server.rest.app.jobs_activate().await.unwrap() {}
    let link = async |name: &str, token: &str| {
        let device = world.server.with_authorization(&format!("TargetToken {token}"));
        let told = device.outside_with("GET", &format!("/default/rauc/v1/{name}"), &[("host", "h:1")]).await;
        told.header("location").unwrap().strip_prefix("http://h:1").unwrap().to_owned()
    };
    let (first, second) = (link("d1", "mine").await, link("d2", "other").await);
    let stranger = world.server.anonymous();
    let get = async |link: &str| stranger.outside("GET", link).await.status;
    assert_eq!([get(&first).await, get(&first).await, get(&first).await], [200, 200, 429]);
    assert_eq!(
        stranger.from("10.0.0.9").outside("GET", &first).await.status,
        429,
        "the device's, not the address's"
    );
    assert_eq!(get(&second).await, 200);
}

#[tokio::test]
async fn an_answer_with_a_drawn_poll_time_stays_the_same_within_an_hour_and_differs_over_many() {
    let world = World::new("ddi-jitter").await;
    let values = json!({"pollingTime": "01:00:00~50%"});
    world.server.put("/settings/hawkbit", json!({"values": values})).await.expect(200);
    let base = "/default/controller/v1/d1";
    let mut told = std::collections::BTreeSet::new();
    for _ in 0..24 {
        let first = world.device.outside("GET", base).await;
        let tag = first.header("etag").unwrap().to_owned();
        let again = world.device.outside_with("GET", base, &[HAL, ("if-none-match", tag.as_str())]).await;
        assert_eq!((again.status, again.text().as_str()), (304, ""));
        told.insert(first.expect(200)["config"]["polling"]["sleep"].as_str().unwrap().to_owned());
        world.server.clock.advance(std::time::Duration::from_secs(3600));
    }
    assert!(told.len() > 12, "drawn for each hour: {told:?}");
}
