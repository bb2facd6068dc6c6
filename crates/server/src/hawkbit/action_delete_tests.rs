//! Deleting actions that are over, as hawkBit's clients do it, and what is kept all the same.

use serde_json::{Value, json};

use super::fixture::{software, targets};
use crate::rest::fixture::Fixture;

/// A server with the target `pump`, which had `count` actions: all but the last one are over. Gives their numbers and the
/// set's.
async fn with_actions(name: &str, count: usize) -> (Fixture, Vec<i64>, i64) {
    let server = Fixture::new(name).await;
    targets(&server, &["pump", "other"]).await;
    let key = "/system/configs/repository.actions.autoclose.enabled";
    server.hawkbit("PUT", key, Some(json!({"value": true}))).await.expect(204);
    let sets = [software(&server, "fw", "1").await.1, software(&server, "fw", "2").await.1];
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(assigned(&server, sets[number % 2]).await);
    }
    (server, ids, sets[0])
}

async fn assigned(server: &Fixture, set: i64) -> i64 {
    let body = json!([{"id": set}]);
    let answer = server.hawkbit("POST", "/targets/pump/assignedDS", Some(body)).await.expect(200);
    answer["assignedActions"][0]["id"].as_i64().unwrap()
}

async fn delete(server: &Fixture, path: &str, body: Option<Value>) -> u16 {
    let answer = server.hawkbit("DELETE", path, body).await;
    if answer.status != 204 {
        answer.hawkbit_error(answer.status);
    }
    answer.status
}

/// The numbers in a list of actions, and its total.
async fn shown(server: &Fixture, path: &str) -> (Vec<i64>, Value) {
    let list = server.hawkbit("GET", path, None).await.expect(200);
    let ids = list["content"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap());
    (ids.collect(), list["total"].clone())
}

#[tokio::test]
async fn requests_that_do_not_say_which_actions_to_delete_delete_none() {
    let (server, ids, _) = with_actions("hb-delete-bad", 3).await;
    let of_target = "/targets/pump/actions";
    let many: Vec<i64> = (0..1_001).collect();
    for (path, body, status) in [
        (of_target, None, 400),
        (of_target, Some(json!([])), 400),
        (of_target, Some(json!({"ids": [ids[0]]})), 400),
        (of_target, Some(json!(["one"])), 400),
        (of_target, Some(json!(many)), 429),
        ("/targets/pump/actions?keepLast=1", Some(json!([ids[0]])), 400),
        ("/targets/pump/actions?keepLast=-1", None, 400),
        ("/targets/pump/actions?keepLast=all", None, 400),
        ("/targets/pump/actions?keepLast=", None, 400),
        ("/targets/nobody/actions?keepLast=0", None, 404),
        ("/targets/nobody/actions", Some(json!([ids[0]])), 404),
        ("/actions", None, 400),
        ("/actions?rsql=", None, 400),
        ("/actions?rsql=colour==red", None, 400),
        ("/actions?rsql=active==", None, 400),
        ("/actions?rsql=active==false", Some(json!([ids[0]])), 400),
        ("/actions", Some(json!(many)), 429),
        ("/actions/999", None, 404),
        ("/actions/one", None, 404),
    ] {
        assert_eq!(delete(&server, path, body.clone()).await, status, "{path} {body:?}");
    }
    let viewer = server.as_role("viewer").await;
    assert_eq!(delete(&viewer, &format!("/actions/{}", ids[0]), None).await, 403);
    assert_eq!(shown(&server, "/actions").await, (ids, json!(3)));
}

#[tokio::test]
async fn only_what_is_over_is_deleted() {
    let (server, ids, _) = with_actions("hb-delete-open", 3).await;
    let open = ids[2];
    assert_eq!(delete(&server, &format!("/actions/{open}"), None).await, 400);
    for path in ["/targets/pump/actions", "/actions"] {
        assert_eq!(delete(&server, path, Some(json!([ids[0], open]))).await, 400, "{path}");
    }
    assert_eq!(shown(&server, "/actions").await, (ids.clone(), json!(3)), "all or none");
    assert_eq!(delete(&server, "/targets/pump/actions?keepLast=0", None).await, 204);
    assert_eq!(shown(&server, "/actions").await, (vec![open], json!(1)));
    let path = format!("/targets/pump/actions/{open}");
    server.hawkbit("DELETE", &path, None).await.expect(204);
    assert_eq!(delete(&server, &format!("/actions/{open}"), None).await, 400, "the device was only asked");
    server.hawkbit("DELETE", &format!("{path}?force=true"), None).await.expect(204);
    assert_eq!(delete(&server, &format!("/actions/{open}"), None).await, 204);
    assert_eq!(delete(&server, &format!("/actions/{open}"), None).await, 404, "it is gone");
    assert_eq!(shown(&server, "/actions").await, (vec![], json!(0)));
}

#[tokio::test]
async fn the_newest_stay_and_so_does_what_is_not_named() {
    let (server, ids, _) = with_actions("hb-delete-some", 6).await;
    let of_target = "/targets/pump/actions";
    assert_eq!(delete(&server, "/targets/pump/actions?keepLast=4", None).await, 204);
    assert_eq!(shown(&server, of_target).await, (ids[2..].to_vec(), json!(4)));
    assert_eq!(
        delete(&server, "/targets/other/actions", Some(json!([ids[2]]))).await,
        204,
        "none of its own"
    );
    assert_eq!(delete(&server, of_target, Some(json!([ids[2], ids[2], 999]))).await, 204);
    assert_eq!(shown(&server, of_target).await, (ids[3..].to_vec(), json!(3)));
    assert_eq!(delete(&server, "/actions", Some(json!([ids[3]]))).await, 204);
    assert_eq!(delete(&server, "/actions?rsql=detailstatus==canceled;target.name==nobody", None).await, 204);
    assert_eq!(shown(&server, "/actions?sort=id:DESC").await, (vec![ids[5], ids[4]], json!(2)));
    assert_eq!(delete(&server, "/actions?rsql=target.name==pump", None).await, 204);
    assert_eq!(shown(&server, "/actions?q=active==true").await, (vec![ids[5]], json!(1)));
    assert_eq!(shown(&server, "/actions").await, (vec![ids[5]], json!(1)));
    for id in &ids[..5] {
        for path in
            [format!("/actions/{id}"), format!("{of_target}/{id}"), format!("{of_target}/{id}/status")]
        {
            server.hawkbit("GET", &path, None).await.hawkbit_error(404);
        }
        server
            .hawkbit("PUT", &format!("{of_target}/{id}"), Some(json!({"forceType": "forced"})))
            .await
            .hawkbit_error(404);
    }
    let audit = server.get("/audit?limit=50").await.expect(200).to_string();
    assert!(audit.contains("execution.hide") && audit.contains("execution/pump"), "{audit}");
}

#[tokio::test]
async fn what_is_deleted_stays_part_of_its_job_and_of_where_its_target_stands() {
    let (server, ids, set) = with_actions("hb-delete-kept", 0).await;
    assert!(ids.is_empty());
    let path = "/targets/pump/assignedDS?offline=true";
    let answer = server.hawkbit("POST", path, Some(json!([{"id": set}]))).await.expect(200);
    let id = answer["assignedActions"][0]["id"].as_i64().unwrap();
    let executions = server.get("/devices/pump/executions").await.expect(200);
    let counted = format!("/distributionsets/{set}/statistics/actions");
    let total = async || server.hawkbit("GET", &counted, None).await.expect(200)["actions"]["total"].clone();
    assert_eq!(total().await, 1);
    assert_eq!(delete(&server, &format!("/actions/{id}"), None).await, 204);
    assert_eq!(total().await, Value::Null, "nothing is counted, so no total is shown");
    assert_eq!(server.get("/devices/pump/executions").await.expect(200), executions);
    let target = server.hawkbit("GET", "/targets/pump", None).await.expect(200);
    assert_eq!(target["updateStatus"], "in_sync");
    assert_eq!(server.hawkbit("GET", "/targets/pump/installedDS", None).await.expect(200)["id"], set);
    assert_eq!(shown(&server, "/targets/pump/actions").await.1, 0);
}

#[tokio::test]
async fn beyond_a_scope_there_is_nothing_to_delete() {
    let (server, ids, _) = with_actions("hb-delete-scope", 2).await;
    let token = json!({"name": "eu", "role": "operator", "scope": "tag==eu"});
    let made = server.post("/tokens", token).await.expect(201);
    let scoped = server.with_token(made["secret"].as_str().unwrap());
    assert_eq!(delete(&scoped, &format!("/actions/{}", ids[0]), None).await, 404);
    assert_eq!(delete(&scoped, "/targets/pump/actions?keepLast=0", None).await, 404);
    assert_eq!(delete(&scoped, "/actions", Some(json!([ids[0]]))).await, 204);
    assert_eq!(delete(&scoped, "/actions?rsql=active==false", None).await, 204);
    assert_eq!(shown(&server, "/actions").await, (ids, json!(2)));
}
