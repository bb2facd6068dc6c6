//! The device's side of jobs: every request, every code of a rejection, notifications.

use serde_json::{Value, json};
use windlass_app::jobs::notify::{Notified, pending_notifications};
use windlass_app::jobs::{Begin, NewJob, NewTargets, NewWhat};
use windlass_domain::job::{ExecutionState, Outcome, Timeouts, Verdict};

use crate::world::{BASE, START, World, sent, update_job};

#[tokio::test]
async fn the_document_is_as_the_contract_says_and_only_its_links_change() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let mut job = update_job("2.0", &names);
    job.what = NewWhat::Update { name: "fw".to_owned(), version: "2.0".to_owned(), force: true };
    let id = world.create(job).await;
    world.settle().await;

    let execution = world.start_next("d000").await;
    let url = execution["jobDocument"]["components"][0]["artifacts"][0]["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("{BASE}/downloads/v1/1/app.bin?execution=")), "{url}");
    let expected = json!({
        "jobId": id.to_string(),
        "thingName": "thing-d000",
        "status": "IN_PROGRESS",
        "statusDetails": {},
        "queuedAt": START.seconds(),
        "startedAt": START.seconds(),
        "lastUpdatedAt": START.seconds(),
        "versionNumber": 2,
        "executionNumber": 1,
        "jobDocument": {
            "operation": "update",
            "release": { "name": "fw", "version": "2.0" },
            "force": true,
            "components": [{ "name": "app", "version": "2.0", "type": "application", "artifacts": [{
                "name": "app.bin",
                "size": 3,
                "sha256": windlass_domain::ids::Sha256::of(b"2.0").to_string(),
                "signature": "sig",
                "url": url,
            }]}],
        },
    });
    assert_eq!(execution, expected);

    world.advance(60);
    let again = world.accepted("d000", &format!("{id}/get"), json!({})).await["execution"].clone();
    let fresh = again["jobDocument"]["components"][0]["artifacts"][0]["url"].clone();
    assert_ne!(fresh, Value::from(url), "a later delivery has a fresh link");
    let mut same = expected;
    same["jobDocument"]["components"][0]["artifacts"][0]["url"] = fresh;
    assert_eq!(again, same);
}

#[tokio::test]
async fn work_in_progress_comes_first_then_the_order_of_creation() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    for version in ["1", "2", "3"] {
        world.release(version, &[]).await;
    }
    let first = world.rollout("1", &names).await;
    let second = world.rollout("2", &names).await;
    world.settle().await;
    let body = json!({ "status": "IN_PROGRESS" });
    world.accepted("d000", &format!("{second}/update"), body).await;
    let third = world.rollout("3", &names).await;
    world.settle().await;

    let pending = world.accepted("d000", "get", json!({ "clientToken": "t" })).await;
    assert_eq!(pending["clientToken"], "t");
    let ids = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|job| job["jobId"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&pending["inProgressJobs"]), [second.to_string()]);
    assert_eq!(ids(&pending["queuedJobs"]), [first.to_string(), third.to_string()]);
    let next = world.accepted("d000", "$next/get", json!({ "includeJobDocument": false })).await;
    assert_eq!(next["execution"]["jobId"], second.to_string());
    assert_eq!(next["execution"].get("jobDocument"), None);
    let started = world.start_next("d000").await;
    assert_eq!((&started["jobId"], &started["versionNumber"]), (&json!(second.to_string()), &json!(2)));
}

#[tokio::test]
async fn nothing_pending_is_an_answer_without_an_execution() {
    let mut world = World::new().await;
    world.devices(1).await;
    for request in ["start-next", "$next/get"] {
        let body = world.accepted("d000", request, Value::Null).await;
        assert_eq!(body.get("execution"), None, "{request}");
    }
    let body = world.accepted("d000", "get", Value::Null).await;
    assert_eq!((&body["inProgressJobs"], &body["queuedJobs"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn every_wrong_request_is_rejected_with_its_code_and_changes_nothing() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2", &[]).await;
    let id = world.rollout("2", &names[..1]).await;
    world.settle().await;
    let update = format!("{id}/update");

    let (answer, body, _) = world.ask_raw("d000", &update, b"{".to_vec()).await;
    assert_eq!((answer.as_str(), &body["code"]), ("rejected", &json!("InvalidJson")));
    for bad in [
        json!({}),
        json!({ "status": "QUEUED" }),
        json!({ "status": "TIMED_OUT" }),
        json!({ "status": "IN_PROGRESS", "expectedVersion": "1" }),
        json!({ "status": "IN_PROGRESS", "stepTimeoutInMinutes": 0 }),
        json!({ "status": "IN_PROGRESS", "statusDetails": { "a": 1 } }),
    ] {
        assert_eq!(world.rejected("d000", &update, bad.clone()).await.0, "InvalidRequest", "{bad}");
    }
    let body = json!({ "status": "IN_PROGRESS", "expectedVersion": 9 });
    let (code, state) = world.rejected("d000", &update, body).await;
    assert_eq!(code, "VersionMismatch");
    assert_eq!(state, json!({ "status": "QUEUED", "statusDetails": {}, "versionNumber": 1 }));
    let body = json!({ "status": "IN_PROGRESS", "executionNumber": 2 });
    assert_eq!(world.rejected("d000", &update, body).await.0, "ResourceNotFound");
    for job in ["99", "not-a-number"] {
        let body = json!({ "status": "IN_PROGRESS" });
        assert_eq!(world.rejected("d000", &format!("{job}/update"), body).await.0, "ResourceNotFound");
        assert_eq!(world.rejected("d000", &format!("{job}/get"), json!({})).await.0, "ResourceNotFound");
    }
    let body = json!({ "status": "IN_PROGRESS" });
    assert_eq!(world.rejected("d001", &update, body).await.0, "ResourceNotFound", "another device's job");

    let untouched = &world.executions(id).await[0];
    assert_eq!((untouched.state, untouched.version), (ExecutionState::Queued, 1));

    world.work("d000", "REJECTED", "battery low").await;
    for status in ["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"] {
        let (code, state) = world.rejected("d000", &update, json!({ "status": status })).await;
        assert_eq!((code.as_str(), &state["status"]), ("InvalidStateTransition", &json!("REJECTED")));
    }
    let (code, _) = world.rejected("d000", &format!("{id}/get"), json!({})).await;
    assert_eq!(code, "TerminalStateReached");
    assert_eq!(world.executions(id).await[0].reason, "battery low");
}

#[tokio::test]
async fn an_update_answers_with_state_and_document_where_asked() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2", &[]).await;
    let id = world.rollout("2", &names).await;
    world.settle().await;
    let plain = world.accepted("d000", &format!("{id}/update"), json!({ "status": "IN_PROGRESS" })).await;
    assert_eq!((plain.get("executionState"), plain.get("jobDocument")), (None, None));
    let body = json!({
        "status": "IN_PROGRESS", "statusDetails": { "phase": "downloading", "progress": "40" },
        "expectedVersion": 2, "executionNumber": 1, "includeJobExecutionState": true, "includeJobDocument": true,
    });
    let full = world.accepted("d000", &format!("{id}/update"), body).await;
    assert_eq!(full["executionState"]["versionNumber"], 3);
    assert_eq!(full["executionState"]["statusDetails"]["phase"], "downloading");
    assert_eq!(full["jobDocument"]["release"]["version"], "2");
}

#[tokio::test]
async fn the_step_timer_of_a_device_runs_out_unless_it_is_stopped() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2", &[]).await;
    let id = world.rollout("2", &names).await;
    world.settle().await;
    for name in &names {
        world.accepted(name, "start-next", json!({ "stepTimeoutInMinutes": 5 })).await;
    }
    let body = json!({ "status": "IN_PROGRESS", "stepTimeoutInMinutes": -1 });
    world.accepted("d001", &format!("{id}/update"), body).await;
    world.advance(299);
    world.settle().await;
    assert!(world.executions(id).await.iter().all(|e| e.state == ExecutionState::InProgress));
    world.advance(1);
    world.settle().await;
    let states: Vec<_> = world.executions(id).await.iter().map(|e| e.state).collect();
    assert_eq!(states, [ExecutionState::TimedOut, ExecutionState::InProgress]);
}

#[tokio::test]
async fn notifications_come_once_for_each_change_and_survive_being_asked_anew() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("1", &[]).await;
    world.release("2", &[]).await;
    let device = world.peer("d000").device;
    let news = |told: Notified| {
        let app = world.app().clone();
        async move {
            let reader = app.clone();
            reader
                .store
                .read(move |tx| {
                    let (app, told) = (app.clone(), told.clone());
                    Box::pin(async move {
                        pending_notifications(tx, &app, device, "me", BASE, &told, START).await
                    })
                })
                .await
                .unwrap()
        }
    };
    let nothing = news(Notified::default()).await;
    assert_eq!((&nothing.notify, &nothing.notify_next), (&None, &None));

    let first = world.rollout("1", &names).await;
    world.settle().await;
    let one = news(Notified::default()).await;
    assert_eq!(one.notify.as_ref().unwrap().topic, "$aws/things/me/jobs/notify");
    assert_eq!(one.notify_next.as_ref().unwrap().topic, "$aws/things/me/jobs/notify-next");
    assert_eq!(sent(one.notify)["jobs"]["QUEUED"][0]["jobId"], first.to_string());
    let next = sent(one.notify_next);
    assert_eq!(next["execution"]["jobDocument"]["operation"], "update");
    assert_eq!(next["execution"]["thingName"], "me");

    let same = news(one.told.clone()).await;
    assert_eq!((&same.notify, &same.notify_next), (&None, &None));
    world.rollout("2", &names).await;
    world.settle().await;
    let two = news(one.told).await;
    assert_eq!(sent(two.notify)["jobs"]["QUEUED"].as_array().unwrap().len(), 2);
    assert_eq!(two.notify_next, None, "the next one is the same");

    world.start_next("d000").await;
    let body = json!({ "status": "IN_PROGRESS", "statusDetails": { "progress": "1" } });
    world.accepted("d000", &format!("{first}/update"), body).await;
    let detail = news(two.told.clone()).await;
    assert_eq!((&detail.notify, &detail.notify_next), (&None, &None), "details are no news");
    let body = json!({ "status": "FAILED" });
    let (_, _, effects) = world.ask("d000", &format!("{first}/update"), body).await;
    assert_eq!(effects.wake, [device], "whoever is connected for the device looks again");
    let three = news(two.told).await;
    assert!(three.notify.is_some() && three.notify_next.is_some());
    world.work("d000", "FAILED", "").await;
    let four = news(three.told).await;
    assert_eq!(sent(four.notify)["jobs"], json!({}));
    assert_eq!(sent(four.notify_next).get("execution"), None);
}

#[tokio::test]
async fn a_document_of_ones_own_is_handed_over_as_it_is_and_success_is_taken_at_its_word() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    let document = json!({ "operation": "blink", "times": [1, 2] }).as_object().unwrap().clone();
    let job = NewJob {
        description: "find it".to_owned(),
        what: NewWhat::Document(document.clone()),
        targets: NewTargets::Devices(names),
        waves: vec![],
        threshold: None,
        timeouts: Timeouts::default(),
        retries: 0,
        begin: Begin::Now,
        rollout: windlass_domain::job::RolloutPolicy::default(),
    };
    let id = world.create(job).await;
    world.settle().await;
    assert_eq!(world.start_next("d000").await["jobDocument"], Value::Object(document));
    world.work("d000", "SUCCEEDED", "").await;
    let done = &world.executions(id).await[0];
    assert_eq!((done.verdict, done.outcome()), (Verdict::Unverifiable, Outcome::Succeeded));
}

#[tokio::test]
async fn a_device_has_at_most_a_hundred_open_jobs() {
    let mut world = World::with(windlass_domain::limits::Limits {
        open_executions: 2,
        free_disk_per_mille: 0,
        free_disk_bytes: 0,
        ..windlass_domain::limits::Limits::default()
    })
    .await;
    let names = world.devices(1).await;
    let mut last = None;
    for version in ["1", "2", "3"] {
        world.release(version, &[]).await;
        last = Some(world.rollout(version, &names).await);
        world.settle().await;
    }
    let skipped = &world.executions(last.unwrap()).await[0];
    assert_eq!(skipped.state, ExecutionState::Removed);
    assert_eq!(skipped.reason, "the device has 2 open jobs, the most that it may have");
}
