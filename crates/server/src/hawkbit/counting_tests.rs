//! How many actions a set has, by where they stand.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fixture::{software, targets};
use crate::rest::fixture::Fixture;

/// The words of all actions of a set that somebody sees, counted one by one.
async fn one_by_one(server: &Fixture, set: i64) -> Value {
    let path = format!("/actions?limit=500&q=distributionset.id=={set}");
    let page = server.hawkbit("GET", &path, None).await.expect(200);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for action in page["content"].as_array().unwrap() {
        *counts.entry(action["detailStatus"].as_str().unwrap().to_uppercase()).or_default() += 1;
        *counts.entry("total".to_owned()).or_default() += 1;
    }
    json!(counts)
}

pub(super) async fn says(server: &Fixture, target: &str, action: &Value, execution: &str, finished: &str) {
    let token = server.hawkbit("GET", &format!("/targets/{target}"), None).await.expect(200);
    let token = token["securityToken"].as_str().unwrap().to_owned();
    let device = server.with_authorization(&format!("TargetToken {token}"));
    let path = format!("/DEFAULT/controller/v1/{target}/deploymentBase/{action}");
    assert_eq!(device.outside("GET", &path).await.status, 200, "{target}");
    if execution.is_empty() {
        return;
    }
    let status = json!({"status": {"execution": execution, "result": {"finished": finished}}}).to_string();
    let headers = [("content-type", "application/json")];
    let answer = device.outside_body("POST", &format!("{path}/feedback"), &headers, status.into()).await;
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
}

#[tokio::test]
async fn every_action_of_a_set_is_counted_under_the_word_that_it_shows() {
    let server = Fixture::new("hb-counts").await;
    let values = json!({"authentication.targettoken.enabled": true});
    server.put("/settings/hawkbit", json!({"values": values})).await.expect(200);
    let names = ["waits", "canceling", "canceled", "fetched", "done", "failed", "loaded", "forced", "other"];
    targets(&server, &names).await;
    let (_, set) = software(&server, "fw", "1").await;
    let (_, other) = software(&server, "fw", "2").await;
    let assign = async |set: i64, targets: Value| {
        let path = format!("/distributionsets/{set}/assignedTargets");
        let answer = server.hawkbit("POST", &path, Some(targets)).await.expect(200);
        answer["assignedActions"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>()
    };
    assign(other, json!([{"id": "other"}])).await;
    let plain = &names[1..6];
    let ids = assign(set, plain.iter().map(|name| json!({"id": name})).collect()).await;
    let of = |name: &str| ids[plain.iter().position(|one| *one == name).unwrap()].clone();
    let loads = json!([{"id": "loaded", "type": "downloadonly"}, {"id": "forced", "type": "downloadonly"}]);
    let loads = assign(set, loads).await;
    let flow = "/system/configs/user.confirmation.flow.enabled";
    server.hawkbit("PUT", flow, Some(json!({"value": true}))).await.expect(204);
    assign(set, json!([{"id": "waits"}])).await;

    for (name, query) in [("canceling", ""), ("canceled", ""), ("canceled", "?force=true")] {
        let path = format!("/targets/{name}/actions/{}{query}", of(name));
        server.hawkbit("DELETE", &path, None).await.expect(204);
    }
    says(&server, "fetched", &of("fetched"), "", "").await;
    says(&server, "done", &of("done"), "closed", "success").await;
    says(&server, "failed", &of("failed"), "closed", "failure").await;
    says(&server, "loaded", &loads[0], "downloaded", "none").await;
    let forced = json!({"forceType": "forced"});
    let path = format!("/targets/forced/actions/{}", loads[1]);
    server.hawkbit("PUT", &path, Some(forced)).await.expect(200);
    says(&server, "forced", &loads[1], "closed", "success").await;

    let wanted = json!({
        "WAIT_FOR_CONFIRMATION": 1, "CANCELING": 1, "CANCELED": 1, "RETRIEVED": 1, "FINISHED": 2, "ERROR": 1,
        "DOWNLOADED": 1, "total": 8,
    });
    assert_eq!(one_by_one(&server, set).await, wanted);
    let path = format!("/distributionsets/{set}/statistics");
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["actions"], wanted);
    let of_actions = server.hawkbit("GET", &format!("{path}/actions"), None).await.expect(200);
    assert_eq!(of_actions, json!({"actions": wanted}));
    server.hawkbit("GET", "/distributionsets/999/statistics/actions", None).await.hawkbit_error(404);

    // Whoever sees a part of the fleet only counts that part.
    server.patch("/devices/done", json!({"addTags": ["eu"]})).await.expect(200);
    let token = json!({"name": "eu", "role": "operator", "scope": "tag==eu"});
    let made = server.post("/tokens", token).await.expect(201);
    let scoped = server.with_token(made["secret"].as_str().unwrap());
    let seen = scoped.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(seen["actions"], json!({"FINISHED": 1, "total": 1}));
}
