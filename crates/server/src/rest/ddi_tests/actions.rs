//! Actions from their offer to their end, what devices report of themselves, and bad input.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;
use windlass_domain::ids::ExecutionId;
use windlass_domain::limits::Limits;
use windlass_store::StoreError;

use super::super::fixture::Fixture;
use super::{FIRMWARE, HAL, World};
use crate::hawkbit::fixture::software;

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
    let over = world.get(&format!("/deploymentBase/{action}?actionHistory=2")).await.expect(200);
    assert_eq!(over["actionHistory"]["status"], "FINISHED", "what is over is told as it was");
    assert_eq!(world.device.outside("GET", &file).await.status, 404, "nothing is to be fetched any more");
}

#[tokio::test]
async fn a_history_has_as_many_messages_as_are_asked_for_and_no_more_than_a_hundred() {
    let world = World::new("ddi-history").await;
    let (_, action) = world.assign("1").await;
    world.get(&format!("/deploymentBase/{action}")).await.expect(200);
    for entry in 0..3 {
        let details: Vec<String> = (0..40).map(|line| format!("entry {entry} line {line}")).collect();
        let status = json!({"execution": "proceeding", "result": {"finished": "none"}, "details": details});
        let feedback = json!({"status": status}).to_string();
        assert_eq!(
            world.send("POST", &format!("/deploymentBase/{action}/feedback"), feedback).await.status,
            200
        );
    }
    let path = format!("/deploymentBase/{action}?actionHistory=");
    for (asked, wanted) in [("1", 1), ("2", 2), ("50", 50), ("-1", 100), ("1000", 100)] {
        let shown = world.get(&format!("{path}{asked}")).await.expect(200);
        let messages = shown["actionHistory"]["messages"].as_array().unwrap();
        assert_eq!(messages.len(), wanted, "{asked}");
        assert!(messages.iter().all(|message| message != "entry 0 line 39"), "the newest come first");
        assert!(messages[0].as_str().unwrap().starts_with("entry 2 line"), "{messages:?}");
    }
    assert!(world.get(&format!("{path}0")).await.expect(200).get("actionHistory").is_none());
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
    let history = history["actionHistory"]["messages"].as_array().unwrap();
    assert_eq!(history.len(), 2, "that it fetches is noted once: {history:?}");
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
        (r#"{"status":{"execution":"proceeding","result":{"finished":null}}}"#, "status.result.finished"),
        (r#"{"status":{"execution":"proceeding","result":{}}}"#, "status.result.finished"),
        (r#"{"status":{"execution":"proceeding","result":null}}"#, "status.result"),
        (r#"{"status":{"execution":"proceeding"}}"#, "status.result"),
    ] {
        let answer = world.send("POST", &feedback, body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.text().contains(r#""errorCode":"hawkbit.server.error.rest.body.notReadable""#));
        assert!(answer.text().contains(wanted), "{}", answer.text());
    }
    let large = format!("{{\"status\":\"{}\"}}", "x".repeat(300_000));
    assert_eq!(world.send("POST", &feedback, large).await.status, 413);
    let many: Vec<String> = (0..51).map(|number| number.to_string()).collect();
    let many =
        json!({"status": {"execution": "proceeding", "result": {"finished": "none"}, "details": many}})
            .to_string();
    assert_eq!(world.send("POST", &feedback, many).await.status, 429);
    for lenient in [
        r#"{"id":"x","status":{"execution":"proceeding","result":{"finished":"none"},"details":null,"code":null}}"#,
        r#"{"status":{"execution":"PROCEEDING","result":{"finished":"NONE","progress":{}}}}"#,
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
            .send(
                "POST",
                &format!("/cancelAction/{action}/feedback"),
                r#"{"status":{"execution":"closed","result":{"finished":"success"}}}"#
            )
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
async fn conditions_and_ranges_are_taken_as_hawkbits_clients_write_them() {
    let world = World::new("ddi-conditions").await;
    let (_, action) = world.assign("1").await;
    let document = world.get(&format!("/deploymentBase/{action}")).await.expect(200);
    let file = World::path(&document["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]);
    let ask = async |pairs: &[(&str, &str)]| world.device.outside_with("GET", &file, pairs).await;
    let whole = ask(&[]).await;
    assert_eq!(whole.header("content-disposition"), Some("attachment;filename=app-1.swu"));
    let bare = whole.header("etag").unwrap().trim_matches('"').to_owned();
    assert_eq!(ask(&[("if-match", bare.as_str())]).await.status, 200, "hawkBit's own tag has no quotes");
    assert_eq!(ask(&[("if-match", "0123")]).await.status, 412);
    assert_eq!(ask(&[("range", "bytes=4-"), ("if-range", bare.as_str())]).await.status, 206);
    assert_eq!(ask(&[("range", "bytes=4-"), ("if-range", "0123")]).await.status, 200);
    for bad in ["bytes=100-10", "bytes=1-10,hdsf", "bytes=10-"] {
        let refused = ask(&[("range", bad)]).await;
        assert_eq!((refused.status, refused.header("content-range")), (416, Some("bytes */10")), "{bad}");
        assert_eq!(refused.header("content-type"), Some("application/octet-stream"));
        assert!(refused.header("content-disposition").is_some());
    }
}

#[tokio::test]
async fn documents_come_as_they_are_asked_for_and_bodies_must_be_of_a_type_that_is_read() {
    let world = World::new("ddi-types").await;
    let (_, action) = world.assign("1").await;
    let path = |rest: &str| format!("/DEFAULT/controller/v1/d1{rest}");
    let document = format!("/deploymentBase/{action}");
    for rest in ["", document.as_str()] {
        let plain = world.device.outside("GET", &path(rest)).await;
        assert_eq!((plain.status, plain.header("content-type")), (200, Some("application/hal+json")));
        for (accept, kind) in [
            ("*/*", "application/hal+json"),
            ("application/json", "application/json"),
            ("application/json;charset=UTF-8", "application/json;charset=UTF-8"),
            ("application/cbor", "application/cbor"),
        ] {
            let answer = world.device.outside_with("GET", &path(rest), &[("accept", accept)]).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{accept}");
        }
        let atom = [("accept", "application/atom+xml")];
        assert_eq!(world.device.outside_with("GET", &path(rest), &atom).await.status, 406);
    }
    let feedback = path(&format!("{document}/feedback"));
    let said = r#"{"status":{"execution":"proceeding","result":{"finished":"none"}}}"#;
    for (kind, status) in [
        ("application/atom+xml", 415),
        ("application/hal+json", 415),
        ("application/json; charset=utf-8", 200),
    ] {
        let headers = [("content-type", kind)];
        let answer = world.device.outside_body("POST", &feedback, &headers, said.into()).await;
        assert_eq!(answer.status, status, "{kind}: {}", answer.text());
    }
    assert_eq!(world.device.outside_body("POST", &feedback, &[], said.into()).await.status, 200);
}

#[tokio::test]
async fn whoever_comes_after_too_many_slow_downloads_is_told_when_to_come_again() {
    let none = Limits { slow_downloads: 0, ..Limits::default() };
    let world = World::of(Fixture::limited("ddi-slow", none).await).await;
    world.release("1").await;
    let job = |rate: Option<u32>| {
        let rollout = rate.map_or(json!({}), |rate| json!({"downloadRate": {"bytesPerSecond": rate}}));
        json!({
            "kind": "update", "release": {"name": "app", "version": "1"}, "targets": {"devices": ["d1"]},
            "rollout": rollout,
        })
    };
    for (rate, status) in [(Some(1024), 503), (None, 200)] {
        let made = world.server.post("/jobs", job(rate)).await.expect(201)["id"].as_i64().unwrap();
        while world.server.rest.app.jobs_activate().await.unwrap() {}
        let action = world.execution(made).await["id"].as_i64().unwrap();
        let document = world.get(&format!("/deploymentBase/{action}")).await.expect(200);
        let file =
            World::path(&document["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]);
        for range in ["bytes=0-1", "bytes=0-1,4-5"] {
            let answer = world.device.outside_with("GET", &file, &[("range", range)]).await;
            let expected = if status == 200 { 206 } else { status };
            assert_eq!(answer.status, expected, "{range}: {}", answer.text());
            let again = (status == 503).then_some("1");
            assert_eq!(answer.header("retry-after"), again, "{range}");
        }
        assert_eq!(world.device.outside_with("HEAD", &file, &[]).await.status, 200);
        assert_eq!(world.get("").await.status, 200, "polls go on");
        let begun = if status == 503 { "queued" } else { "inProgress" };
        assert_eq!(world.execution(made).await["state"], begun);
        assert_eq!(world.says(action, "closed", "failure").await, 200);
    }
}

#[tokio::test]
async fn bytes_do_not_wait_for_a_store_that_cannot_be_written_and_the_next_range_notes_who_began() {
    let world = World::new("ddi-held").await;
    let (job, action) = world.assign("1").await;
    let document = world.get(&format!("/deploymentBase/{action}")).await.expect(200);
    let file = World::path(&document["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]);
    let range = async || world.device.outside_with("GET", &file, &[("range", "bytes=0-1")]).await;
    let (held, holds) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let app = world.server.rest.app.clone();
    let mut signals = Some((held, released));
    world.server.rest.app.tasks.spawn(async move {
        let done = app.store.write::<_, StoreError, _>(move |_| {
            let signals = signals.take();
            Box::pin(async move {
                if let Some((held, released)) = signals {
                    held.send(()).unwrap();
                    released.await.unwrap();
                }
                Ok(())
            })
        });
        done.await.unwrap();
    });
    holds.await.unwrap();
    // Bounds the failure only: without a writer nothing would ever come.
    let answer = timeout(Duration::from_secs(60), range()).await.expect("bytes waited for the writer");
    assert_eq!((answer.status, answer.text().as_str()), (206, "01"));
    assert_eq!(world.execution(job).await["state"], "queued", "nothing was written");
    release.send(()).unwrap();
    assert_eq!(range().await.status, 206);
    assert_eq!(world.execution(job).await["state"], "inProgress");
    let history = world.get(&format!("/deploymentBase/{action}?actionHistory=100")).await.expect(200);
    let history = history["actionHistory"]["messages"].to_string();
    assert_eq!(history.matches("Target downloads").count(), 1, "{history}");
}

#[tokio::test]
async fn a_file_that_was_fetched_just_now_is_gone_with_its_action() {
    let world = World::new("ddi-file-gone").await;
    let (_, action) = world.assign("1").await;
    let deployment = world.get(&format!("/deploymentBase/{action}")).await.expect(200);
    let file = &deployment["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"];
    let path = World::path(file);
    let fetch = async || world.device.outside_with("GET", &path, &[("host", "h:1")]).await.status;
    assert_eq!((fetch().await, fetch().await), (200, 200));
    world.server.act(&format!("/executions/{action}/cancel")).await.expect(200);
    assert_eq!(fetch().await, 404, "no second later, at once");
}

#[tokio::test]
async fn an_operator_reads_why_a_device_refused_to_stop_until_it_is_asked_again() {
    let world = World::new("ddi-stop-refused").await;
    let (job, action) = world.assign("1").await;
    assert_eq!(world.says(action, "proceeding", "none").await, 200);
    world.server.act(&format!("/executions/{action}/cancel")).await.expect(200);
    let refusal = json!({"status": {
        "execution": "rejected", "result": {"finished": "none"}, "details": ["the flash is being written"],
    }});
    let path = format!("/cancelAction/{action}/feedback");
    assert_eq!(world.send("POST", &path, refusal.to_string()).await.status, 200);
    let execution = world.execution(job).await;
    assert_eq!(execution["state"], "inProgress");
    let why = execution["why"].as_str().unwrap();
    assert!(why.contains("refused to stop (the flash is being written)"), "{why}");
    world.server.act(&format!("/executions/{action}/cancel")).await.expect(200);
    let why = world.execution(job).await["why"].to_string();
    assert!(why.contains("has not answered yet"), "{why}");
}

#[tokio::test]
async fn what_failed_is_told_in_both_places_and_is_not_what_is_installed() {
    let world = World::new("ddi-failed").await;
    let (_, action) = world.assign("1").await;
    assert_eq!(world.get(&format!("/installedBase/{action}")).await.status, 404, "it is open");
    assert_eq!(world.says(action, "closed", "failure").await, 200);
    let over = world.get(&format!("/deploymentBase/{action}?actionHistory=1")).await.expect(200);
    assert_eq!(over["actionHistory"]["status"], "ERROR");
    let told = world.get(&format!("/installedBase/{action}?actionHistory=1")).await.expect(200);
    assert_eq!((&told["id"], &told["actionHistory"]), (&over["id"], &over["actionHistory"]));
    let links = world.get("").await.expect(200)["_links"].clone();
    assert!(links.get("installedBase").is_none(), "nothing is installed: {links}");
    let (_, next) = world.assign("2").await;
    world.server.hawkbit("DELETE", &format!("/targets/d1/actions/{next}"), None).await.expect(204);
    assert_eq!(world.get(&format!("/installedBase/{next}")).await.status, 404, "it is given up");
}

#[tokio::test]
async fn refusals_of_attributes_are_in_hawkbits_words() {
    let world = World::new("ddi-words").await;
    let put = async |data: Value| {
        let answer = world.send("PUT", "/configData", json!({"data": data}).to_string()).await;
        let body: Value = serde_json::from_str(&answer.text()).unwrap();
        assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
        (answer.status, body["errorCode"].as_str().unwrap().to_owned())
    };
    let invalid = "hawkbit.server.error.repo.invalidTargetAttributes".to_owned();
    assert_eq!(put(json!({"k".repeat(129): "x"})).await, (400, invalid));
    let many: serde_json::Map<String, Value> = (0..101).map(|n| (format!("k{n}"), json!("x"))).collect();
    let quota = "hawkbit.server.error.quota.tooManyEntries".to_owned();
    assert_eq!(put(Value::Object(many)).await, (429, quota));
}

#[tokio::test]
async fn a_device_that_there_is_not_is_made_by_a_poll_only() {
    let world = World::new("ddi-made").await;
    let gateway = world.server.with_authorization("GatewayToken gateway");
    let json = [("content-type", "application/json")];
    let said = r#"{"data":{"a":"b"}}"#;
    let path = "/DEFAULT/controller/v1/n1/configData";
    assert_eq!(gateway.outside_body("PUT", path, &json, said.into()).await.status, 404);
    assert_eq!(world.server.get("/devices/n1").await.status, 404);
    let long = format!("/DEFAULT/controller/v1/{}", "n".repeat(257));
    assert_eq!(gateway.outside("GET", &long).await.status, 400);
    assert_eq!(gateway.outside("GET", "/DEFAULT/controller/v1/n1").await.status, 200);
    let target = world.server.outside("GET", "/rest/v1/targets/n1").await.expect(200);
    assert_eq!(target["createdBy"], "CONTROLLER_PLUG_AND_PLAY");
    assert_eq!(gateway.outside_body("PUT", path, &json, said.into()).await.status, 200);
}

#[tokio::test]
async fn too_many_requests_for_a_file_are_refused_and_others_still_served() {
    let limits = Limits { file_requests_per_second: 1, file_request_burst: 5, ..Limits::default() };
    let world = World::of(Fixture::limited("ddi-files-rate", limits).await).await;
    let (_, action) = world.assign("1").await;
    let document = world.get(&format!("/deploymentBase/{action}")).await.expect(200);
    let file = World::path(&document["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]);
    let mut last = world.device.outside("GET", &file).await;
    assert_eq!(last.status, 200);
    for _ in 0..50 {
        last = world.device.outside_with("GET", &file, &[("range", "bytes=0-0")]).await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!((last.status, last.header("retry-after")), (429, Some("1")));
    assert_eq!(world.get("").await.status, 200, "what it polls has its own rate");
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
                    credential: None,
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

/// d1 as a board, which tells its version in the attribute `version`.
pub(super) async fn board(world: &World) {
    let sources = json!([{"inventory": "version"}]);
    world.server.post("/types", json!({"name": "board", "versionSources": sources})).await.expect(201);
    world.server.patch("/devices/d1", json!({"type": "board"})).await.expect(200);
}

#[tokio::test]
async fn what_a_device_says_that_it_runs_proves_an_update() {
    let world = World::new("ddi-installed").await;
    board(&world).await;
    let (job, action) = world.assign("2").await;
    assert_eq!(world.says(action, "closed", "none").await, 200);
    let runs = |version: &str| json!({"name": "app", "version": version}).to_string();
    assert_eq!(world.send("PUT", "/installedBase", runs("2")).await.status / 100, 2);
    assert_eq!(world.execution(job).await["verdict"], "verified");
    let unknown = world.send("PUT", "/installedBase", runs("1")).await;
    assert_eq!(unknown.expect(404)["errorCode"], "hawkbit.server.error.repo.entityNotFound");
    assert_eq!(world.execution(job).await["verdict"], "verified", "what was seen was seen");
    software(&world.server, "app", "3").await;
    assert_eq!(world.send("PUT", "/installedBase", runs("3")).await.status, 201);
    assert_eq!(world.send("PUT", "/installedBase", runs("3")).await.status, 200);
    assert_eq!(world.send("PUT", "/installedBase", runs("1")).await.status, 404);
    let device = world.server.get("/devices/d1").await.expect(200);
    assert_eq!(device["inventory"]["installedBase.version"], "1");
    assert_eq!(world.send("PUT", "/installedBase", r#"{"name":"app"}"#).await.status, 400);
}

#[tokio::test]
async fn what_a_device_says_that_it_runs_after_its_success_is_its_inventory_and_is_not_offered_again() {
    let world = World::new("ddi-installed-after").await;
    let sources = json!([{"inventory": "installedBase.version"}]);
    world.server.post("/types", json!({"name": "board", "versionSources": sources})).await.expect(201);
    world.server.patch("/devices/d1", json!({"type": "board"})).await.expect(200);
    let runs = |version: &str| json!({"name": "app", "version": version}).to_string();
    assert_eq!(world.send("PUT", "/installedBase", runs("1")).await.status, 404, "no such set, and yet kept");
    let (job, action) = world.assign("2").await;
    assert_eq!(world.says(action, "closed", "success").await, 200);
    assert_eq!(world.send("PUT", "/installedBase", runs("2")).await.status, 200);
    assert_eq!(world.execution(job).await["verdict"], "verified");
    let inventory = async || world.server.get("/devices/d1").await.expect(200)["inventory"].clone();
    assert_eq!(inventory().await["installedBase.version"], "2");
    let again = json!({
        "kind": "update", "release": {"name": "app", "version": "2"}, "targets": {"devices": ["d1"]},
    });
    let again = world.server.post("/jobs", again).await.expect(201)["id"].as_i64().unwrap();
    while world.server.rest.app.jobs_activate().await.unwrap() {}
    let execution = world.execution(again).await;
    assert_eq!((&execution["state"], &execution["verdict"]), (&json!("succeeded"), &json!("verified")));
    let replaced = json!({"mode": "replace", "data": {"hw": "r1"}}).to_string();
    assert_eq!(world.send("PUT", "/configData", replaced).await.status, 200);
    assert_eq!(
        inventory().await,
        json!({"hw": "r1", "installedBase.name": "app", "installedBase.version": "2"})
    );
}

#[tokio::test]
async fn a_rollout_of_what_a_device_installed_already_is_over_there_before_it_begins() {
    let world = World::new("ddi-installed-rollout").await;
    let (_, action) = world.assign("2").await;
    assert_eq!(world.says(action, "closed", "success").await, 200);
    let sets = world.server.hawkbit("GET", "/distributionsets?q=version==2", None).await.expect(200);
    let roll_out = async |name: &str| {
        let body = json!({
            "name": name, "distributionSetId": sets["content"][0]["id"], "targetFilterQuery": "controllerId==d1",
            "amountGroups": 1,
        });
        let rollout = world.server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201)["id"].clone();
        world.server.hawkbit("POST", &format!("/rollouts/{rollout}/start"), None).await.expect(204);
        while world.server.rest.app.jobs_activate().await.unwrap() {}
        rollout
    };
    let rollout = roll_out("again").await;
    let links = world.links().await;
    assert!(links.get("deploymentBase").is_none(), "it is not installed again: {links}");
    let target = world.server.hawkbit("GET", "/targets/d1", None).await.expect(200);
    assert_eq!(target["updateStatus"], "in_sync");
    let shown = world.server.hawkbit("GET", &format!("/rollouts/{rollout}"), None).await.expect(200);
    assert_eq!(
        (&shown["status"], &shown["totalTargetsPerStatus"]["finished"]),
        (&json!("finished"), &json!(1))
    );
}

#[tokio::test]
async fn a_device_with_all_the_attributes_it_may_have_says_what_it_runs_beside_them() {
    let world = World::new("ddi-installed-full").await;
    let sources = json!([{"inventory": "installedBase.version"}]);
    world.server.post("/types", json!({"name": "board", "versionSources": sources})).await.expect(201);
    world.server.patch("/devices/d1", json!({"type": "board"})).await.expect(200);
    let attributes = async |number: usize| {
        let data: Value = (0..number).map(|one| (format!("key{one}"), json!("value"))).collect();
        let said = json!({"mode": "replace", "data": data}).to_string();
        world.send("PUT", "/configData", said).await.status
    };
    let runs = |version: &str| json!({"name": "app", "version": version}).to_string();
    assert_eq!(attributes(100).await, 200);
    assert_eq!(world.send("PUT", "/installedBase", runs("1")).await.status, 404, "no such set, and yet kept");
    let (job, action) = world.assign("2").await;
    assert_eq!(world.says(action, "closed", "success").await, 200);
    assert_eq!(world.send("PUT", "/installedBase", runs("2")).await.status, 200);
    assert_eq!(world.execution(job).await["verdict"], "verified");
    assert_eq!((attributes(101).await, attributes(100).await), (429, 200), "of its own");
    let own = json!({"data": {"installedBase.other": "x"}}).to_string();
    assert_eq!(world.send("PUT", "/configData", own).await.status, 429, "one more of its own");
    let inventory = world.server.get("/devices/d1").await.expect(200)["inventory"].clone();
    assert_eq!(
        (inventory.as_object().unwrap().len(), &inventory["installedBase.version"]),
        (102, &json!("2"))
    );
}

#[tokio::test]
async fn what_a_device_says_that_it_runs_disproves_an_update_once_its_time_is_over() {
    let said = [
        ("/configData", json!({"data": {"version": "1"}})),
        ("/installedBase", json!({"name": "app", "version": "1"})),
    ];
    for (path, old) in said {
        let world = World::new("ddi-disproved").await;
        board(&world).await;
        world.release("1").await;
        let version = json!({"data": {"version": "1"}}).to_string();
        assert_eq!(world.send("PUT", "/configData", version).await.status, 200);
        let (job, action) = world.assign("2").await;
        assert_eq!(world.says(action, "closed", "success").await, 200);
        assert_eq!(world.send("PUT", path, old.to_string()).await.status / 100, 2);
        assert_eq!(world.execution(job).await["verdict"], "pending", "it may not have restarted yet");
        world.server.clock.advance(std::time::Duration::from_secs(30 * 60));
        while world.server.rest.app.jobs_activate().await.unwrap() {}
        let execution = world.execution(job).await;
        assert_eq!(execution["verdict"], "rolledBack");
        assert!(execution["reason"].as_str().unwrap().contains(" 1 instead of 2"), "{execution}");
    }
}

#[tokio::test]
async fn a_type_says_which_client_its_devices_run_whenever_they_got_it() {
    let world = World::new("ddi-type-client").await;
    world.release("2").await;
    let job = json!({
        "kind": "update", "release": {"name": "app", "version": "2"}, "targets": {"devices": ["d1"]},
        "rollout": {"handling": "downloadOnly"},
    });
    world.server.post("/jobs", job).await.expect(201);
    while world.server.rest.app.jobs_activate().await.unwrap() {}
    assert!(world.links().await["deploymentBase"].is_object(), "nobody knows its client");
    let client = |word: &str| json!({"hawkbit.client": word});
    let board = json!({"name": "board", "defaultAttributes": client("swupdate")});
    world.server.post("/types", board).await.expect(201);
    world.server.patch("/devices/d1", json!({"type": "board"})).await.expect(200);
    assert_eq!(world.links().await["deploymentBase"], Value::Null, "SWUpdate would say that it is done");
    world.server.patch("/devices/d1", json!({"attributes": client("generic")})).await.expect(200);
    assert!(world.links().await["deploymentBase"].is_object(), "what is said of the device counts more");
}

#[tokio::test]
async fn a_client_that_nobody_knows_is_refused_for_devices_types_and_targets() {
    let world = World::new("ddi-unknown-client").await;
    for word in ["SWUpdate", "rauc-hawkbit-updater", "zephyr ", ""] {
        let client = json!({"hawkbit.client": word});
        let refused = world.server.patch("/devices/d1", json!({"attributes": client})).await;
        assert!(
            refused.text().contains("must be one of swupdate, rauc, zephyr, generic"),
            "{}",
            refused.text()
        );
        assert_eq!(refused.problem(400, "request.invalid").fields(), ["attributes.hawkbit.client"], "{word}");
        let board = json!({"name": "board", "defaultAttributes": client});
        let refused = world.server.post("/types", board).await;
        let fields = ["defaultAttributes.hawkbit.client"];
        assert_eq!(refused.problem(400, "request.invalid").fields(), fields, "{word}");
    }
    let entry = json!([{"key": "hawkbit.client", "value": "SWUpdate"}]);
    world.server.hawkbit("POST", "/targets/d1/metadata", Some(entry)).await.hawkbit_error(400);
    for word in ["swupdate", "rauc", "zephyr", "generic"] {
        let known = json!({"attributes": {"hawkbit.client": word}});
        world.server.patch("/devices/d1", known).await.expect(200);
    }
}
