//! Assignment, actions and their history, as hawkBit's clients use them.

use serde_json::{Value, json};

use super::fixture::{software, targets, upload};
use crate::rest::fixture::Fixture;

/// A server with the target `pump` and one set. Returns the set's number.
async fn ready(name: &str) -> (Fixture, i64) {
    let server = Fixture::new(name).await;
    targets(&server, &["pump"]).await;
    let (_, set) = software(&server, "fw", "1").await;
    (server, set)
}

async fn assign(server: &Fixture, set: i64, body: Value) -> Value {
    server.hawkbit("POST", &format!("/distributionsets/{set}/assignedTargets"), Some(body)).await.expect(200)
}

fn first_action(answer: &Value) -> i64 {
    answer["assignedActions"][0]["id"].as_i64().unwrap()
}

#[tokio::test]
async fn an_assignment_is_a_job_and_its_action_an_execution() {
    let (server, set) = ready("hb-assign").await;
    let answer = assign(&server, set, json!([{"id": "pump", "type": "soft", "weight": 500}])).await;
    assert_eq!(
        (&answer["assigned"], &answer["alreadyAssigned"], &answer["total"]),
        (&json!(1), &json!(0), &json!(1))
    );
    let id = first_action(&answer);
    let action = server.hawkbit("GET", &format!("/targets/pump/actions/{id}"), None).await.expect(200);
    assert_eq!((&action["type"], &action["status"]), (&json!("update"), &json!("pending")));
    assert_eq!((&action["forceType"], &action["weight"]), (&json!("soft"), &json!(500)));
    assert_eq!(action["detailStatus"], "running");
    assert!(action.get("rollout").is_none());
    let named = |relation: &str| action["_links"][relation]["name"].clone();
    assert_eq!((named("target"), named("distributionset")), (json!("pump"), json!("fw:1")));
    let executions = server.get("/devices/pump/executions").await.expect(200);
    assert_eq!(executions["items"][0]["id"], id);
    let target = server.hawkbit("GET", "/targets/pump", None).await.expect(200);
    assert_eq!(target["updateStatus"], "pending");
    let assigned = server.hawkbit("GET", "/targets/pump/assignedDS", None).await.expect(200);
    assert_eq!(assigned["id"], set);
    assert_eq!(server.hawkbit("GET", "/targets/pump/installedDS", None).await.status, 204);
    let again = assign(&server, set, json!([{"id": "pump"}])).await;
    assert_eq!((&again["assigned"], &again["alreadyAssigned"]), (&json!(0), &json!(1)));
    let of_set =
        server.hawkbit("GET", &format!("/distributionsets/{set}/assignedTargets"), None).await.expect(200);
    assert_eq!(of_set["content"][0]["controllerId"], "pump");
    let history =
        server.hawkbit("GET", &format!("/targets/pump/actions/{id}/status"), None).await.expect(200);
    let first = &history["content"][0];
    assert!(first["messages"][0].as_str().unwrap().starts_with("Update Server: "));
    assert!(first["reportedAt"].is_i64() && first["timestamp"] == first["reportedAt"], "{first}");
    for q in [
        "active==true",
        "status==running",
        "status==pending",
        "target.controllerId==pump",
        "distributionSet.name==fw",
    ] {
        let found = server.hawkbit("GET", &format!("/actions?q={q}"), None).await.expect(200);
        assert_eq!(found["total"], 1, "{q}");
    }
    assert_eq!(server.hawkbit("GET", "/actions?q=status==finished", None).await.expect(200)["total"], 0);
    server.hawkbit("GET", "/actions?q=colour==x", None).await.hawkbit_error(400);
}

#[tokio::test]
async fn an_action_is_canceled_once_and_quit_by_force_only_after_that() {
    let (server, set) = ready("hb-cancel").await;
    let id = first_action(&assign(&server, set, json!([{"id": "pump"}])).await);
    let path = format!("/targets/pump/actions/{id}");
    let forced = server.hawkbit("DELETE", &format!("{path}?force=true"), None).await;
    assert_eq!(forced.hawkbit_error(405), "hawkbit.server.error.action.notForceQuitable");
    server.hawkbit("DELETE", &path, None).await.expect(204);
    let action = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!((&action["type"], &action["detailStatus"]), (&json!("cancel"), &json!("canceling")));
    let again = server.hawkbit("DELETE", &path, None).await;
    assert_eq!(again.hawkbit_error(405), "hawkbit.server.error.action.notCancelable");
    server.hawkbit("DELETE", &format!("{path}?force=true"), None).await.expect(204);
    let action = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!((&action["type"], &action["status"]), (&json!("cancel"), &json!("finished")));
    assert_eq!(action["detailStatus"], "canceled");
    for query in ["", "?force=true"] {
        server.hawkbit("DELETE", &format!("{path}{query}"), None).await.hawkbit_error(405);
    }
    server.hawkbit("DELETE", "/targets/pump/actions/999", None).await.hawkbit_error(404);
    targets(&server, &["other"]).await;
    server.hawkbit("DELETE", &format!("/targets/other/actions/{id}"), None).await.hawkbit_error(404);
    server.hawkbit("GET", &format!("/targets/other/actions/{id}"), None).await.hawkbit_error(404);
}

#[tokio::test]
async fn a_new_assignment_asks_the_device_to_drop_the_old_one_unless_that_is_a_required_step() {
    let (server, first) = ready("hb-supersede").await;
    let (_, second) = software(&server, "fw", "2").await;
    let (_, third) = software(&server, "fw", "3").await;
    let old = first_action(&assign(&server, first, json!([{"id": "pump"}])).await);
    let step = json!({"requiredMigrationStep": true});
    server.hawkbit("PUT", &format!("/distributionsets/{second}"), Some(step)).await.expect(200);
    let kept = first_action(&assign(&server, second, json!([{"id": "pump"}])).await);
    assign(&server, third, json!([{"id": "pump"}])).await;
    let detail = async |id: i64| {
        let action = server.hawkbit("GET", &format!("/targets/pump/actions/{id}"), None).await.expect(200);
        action["detailStatus"].as_str().unwrap().to_owned()
    };
    assert_eq!(detail(old).await, "canceling");
    assert_eq!(detail(kept).await, "running");
    let list = server.hawkbit("GET", "/targets/pump/actions", None).await.expect(200);
    assert_eq!(list["total"], 3);
}

#[tokio::test]
async fn sets_and_modules_that_were_assigned_are_locked_and_kept() {
    let server = Fixture::new("hb-kept").await;
    targets(&server, &["pump"]).await;
    let (module, set) = software(&server, "fw", "1").await;
    assign(&server, set, json!([{"id": "pump"}])).await;
    let refused = upload(&server, module, "more.swu", b"x", "").await;
    assert_eq!(refused.hawkbit_error(423), "hawkbit.server.error.locked");
    let path = format!("/distributionsets/{set}");
    let module_ref = json!([{"id": module}]);
    server.hawkbit("POST", &format!("{path}/assignedSM"), Some(module_ref)).await.hawkbit_error(423);
    server.hawkbit("DELETE", &path, None).await.expect(204);
    server.hawkbit("DELETE", &path, None).await.expect(204);
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["deleted"], true);
    assert_eq!(server.hawkbit("GET", "/distributionsets", None).await.expect(200)["total"], 0);
    let gone =
        server.hawkbit("POST", &format!("{path}/assignedTargets"), Some(json!([{"id": "pump"}]))).await;
    gone.hawkbit_error(404);
}

#[tokio::test]
async fn what_cannot_be_assigned_says_why() {
    let (server, set) = ready("hb-assign-bad").await;
    let empty = json!([{"name": "empty", "version": "1", "type": "os"}]);
    let made = server.hawkbit("POST", "/distributionsets", Some(empty)).await.expect(201);
    let path = format!("/distributionsets/{}/assignedTargets", made[0]["id"]);
    let refused = server.hawkbit("POST", &path, Some(json!([{"id": "pump"}]))).await;
    assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.distributionset.incomplete");
    let path = format!("/distributionsets/{set}/assignedTargets");
    let window = |schedule: &str, duration: &str, zone: &str| json!([{"id": "pump", "maintenanceWindow": {"schedule": schedule, "duration": duration, "timezone": zone}}]);
    for body in [
        json!([{"id": "pump", "maintenanceWindow": {"schedule": "0 0 2 * * ?"}}]),
        window("soon", "01:00:00", "+00:00"),
        window("0 0 2 * * ?", "soon", "+00:00"),
        window("0 0 2 * * ?", "00:00:00", "+00:00"),
        window("0 0 2 * * ?", "01:00:00", "there"),
        window("0 0 0 1 1 ? 1999", "01:00:00", "+00:00"),
    ] {
        let refused = server.hawkbit("POST", &path, Some(body.clone())).await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.text());
        assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.maintenanceScheduleInvalid", "{body}");
    }
    for body in
        [json!([{"id": "pump", "type": "sometime"}]), json!([{"id": "pump", "weight": 1001}]), json!([{}])]
    {
        server.hawkbit("POST", &path, Some(body)).await.hawkbit_error(400);
    }
    let twice = json!([{"id": "pump", "type": "soft"}, {"id": "pump", "type": "forced"}]);
    let refused = server.hawkbit("POST", &path, Some(twice)).await;
    assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.multiAssignmentNotEnabled");
    let unknown = server.hawkbit("POST", &path, Some(json!([{"id": "nobody"}]))).await.expect(200);
    assert_eq!(unknown["total"], 0);
    let answer =
        server.hawkbit("POST", &path, Some(window("0 0 2 * * ?", "01:00:00", "+02:00"))).await.expect(200);
    let action = format!("/targets/pump/actions/{}", first_action(&answer));
    let shown = server.hawkbit("GET", &action, None).await.expect(200);
    assert_eq!(shown["maintenanceWindow"]["duration"], "01:00:00");
    // Two in the morning there is midnight here, which it is.
    assert_eq!(shown["maintenanceWindow"]["nextStartAt"], 1_767_225_600_000_i64);
    targets(&server, &["valve"]).await;
    let short = json!([{"id": set, "maintenanceWindow": {"schedule": "0 0 2 * * ?", "duration": "00:00:05", "timezone": "+00:00"}}]);
    let action =
        first_action(&server.hawkbit("POST", "/targets/valve/assignedDS", Some(short)).await.expect(200));
    let shown = server.hawkbit("GET", &format!("/targets/valve/actions/{action}"), None).await.expect(200);
    assert_eq!(shown["maintenanceWindow"]["duration"], "00:00:05", "a window may be shorter than a minute");
    server.hawkbit("POST", "/targets/nobody/assignedDS", Some(json!([{"id": set}]))).await.hawkbit_error(404);
    server.hawkbit("POST", "/targets/pump/assignedDS", Some(json!([{"id": 999}]))).await.hawkbit_error(404);
}

#[tokio::test]
async fn what_is_installed_already_can_be_declared() {
    let (server, set) = ready("hb-offline").await;
    let path = "/targets/pump/assignedDS?offline=true";
    let answer = server.hawkbit("POST", path, Some(json!([{"id": set}]))).await.expect(200);
    assert_eq!(answer["assigned"], 1);
    let target = server.hawkbit("GET", "/targets/pump", None).await.expect(200);
    assert_eq!(target["updateStatus"], "in_sync");
    assert_eq!(server.hawkbit("GET", "/targets/pump/installedDS", None).await.expect(200)["id"], set);
    let found = server.hawkbit("GET", "/targets?q=installedDs.name==FW;updateStatus==in_sync", None).await;
    assert_eq!(found.expect(200)["total"], 1);
    let of_set =
        server.hawkbit("GET", &format!("/distributionsets/{set}/installedTargets"), None).await.expect(200);
    assert_eq!(of_set["total"], 1);
}

#[tokio::test]
async fn an_action_left_to_the_device_can_be_forced() {
    let (server, set) = ready("hb-force").await;
    let id = first_action(&assign(&server, set, json!([{"id": "pump", "type": "soft"}])).await);
    let path = format!("/targets/pump/actions/{id}");
    server.hawkbit("PUT", &path, Some(json!({"forceType": "soft"}))).await.hawkbit_error(400);
    let forced = server.hawkbit("PUT", &path, Some(json!({"forceType": "forced"}))).await.expect(200);
    assert_eq!(forced["forceType"], "forced");
}

#[tokio::test]
async fn beyond_a_scope_there_are_no_actions() {
    let (server, set) = ready("hb-action-scope").await;
    let id = first_action(&assign(&server, set, json!([{"id": "pump"}])).await);
    let token = json!({"name": "eu", "role": "operator", "scope": "tag==eu"});
    let made = server.post("/tokens", token).await.expect(201);
    let scoped = server.with_token(made["secret"].as_str().unwrap());
    assert_eq!(scoped.hawkbit("GET", "/actions", None).await.expect(200)["total"], 0);
    scoped.hawkbit("GET", &format!("/actions/{id}"), None).await.hawkbit_error(404);
    scoped.hawkbit("DELETE", &format!("/targets/pump/actions/{id}"), None).await.hawkbit_error(404);
    let nothing = json!([{"id": "pump"}]);
    let path = format!("/distributionsets/{set}/assignedTargets");
    assert_eq!(scoped.hawkbit("POST", &path, Some(nothing)).await.expect(200)["assigned"], 0);
}

#[tokio::test]
async fn where_devices_must_agree_an_operator_may_do_it_for_them() {
    let (server, set) = ready("hb-confirm").await;
    let key = "/system/configs/user.confirmation.flow.enabled";
    server.hawkbit("PUT", key, Some(json!({"value": true}))).await.expect(204);
    let id = first_action(&assign(&server, set, json!([{"id": "pump"}])).await);
    let path = format!("/targets/pump/actions/{id}");
    let waiting = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(waiting["detailStatus"], "wait_for_confirmation");
    let confirm = format!("{path}/confirmation");
    server.hawkbit("PUT", &confirm, Some(json!({"confirmation": "perhaps"}))).await.hawkbit_error(400);
    let denied = json!({"confirmation": "denied", "code": 7, "details": ["no", "way"]});
    server.hawkbit("PUT", &confirm, Some(denied)).await.expect(204);
    let history = server.hawkbit("GET", &format!("{path}/status"), None).await.expect(200);
    let said = history["content"][0]["messages"].as_array().unwrap();
    assert!(said[0].as_str().unwrap().starts_with("Update Server: denied by operator '"), "{said:?}");
    assert_eq!(said[1..], [json!("no"), json!("way")]);
    let still = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(
        (&still["detailStatus"], &still["lastStatusCode"]),
        (&json!("wait_for_confirmation"), &json!(7))
    );
    server
        .hawkbit("PUT", &confirm, Some(json!({"confirmation": "confirmed", "code": 210})))
        .await
        .expect(204);
    let begun = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!((&begun["detailStatus"], &begun["lastStatusCode"]), (&json!("running"), &json!(210)));
    let history = server.hawkbit("GET", &format!("{path}/status"), None).await.expect(200);
    assert_eq!(history["content"][0]["code"], 210, "{history}");
    let again = server.hawkbit("PUT", &confirm, Some(json!({"confirmation": "confirmed"}))).await;
    again.hawkbit_error(410);
    // Who agreed in advance is not waited for.
    targets(&server, &["willing"]).await;
    server.hawkbit("POST", "/targets/willing/autoConfirm/activate", Some(json!({}))).await.expect(204);
    let id = first_action(&assign(&server, set, json!([{"id": "willing"}])).await);
    let path = format!("/targets/willing/actions/{id}");
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["detailStatus"], "running");
    let history = server.hawkbit("GET", &format!("{path}/status?sort=id:ASC"), None).await.expect(200);
    let said = history["content"][0]["messages"][0].as_str().unwrap();
    assert!(said.contains("confirmed by itself"), "{history}");
}
