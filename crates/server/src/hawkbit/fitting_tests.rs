//! Who is left out where targets are chosen by themselves, and what gives way to what.

use std::cell::Cell;

use serde_json::{Value, json};
use windlass_domain::ids::TenantId;
use windlass_domain::job::Execution;
use windlass_store::StoreError;
use windlass_store::management::actions;

use super::fixture::{software, targets};
use crate::rest::fixture::Fixture;

/// A type of targets that takes sets of type `app` only. Returns its number.
async fn picky(server: &Fixture) -> Value {
    let types = server.hawkbit("GET", "/distributionsettypes?q=key==app", None).await.expect(200);
    let app = types["content"][0]["id"].clone();
    let new = json!([{"name": "picky", "compatibledistributionsettypes": [{"id": app}]}]);
    server.hawkbit("POST", "/targettypes", Some(new)).await.expect(201)[0]["id"].clone()
}

async fn with_type(server: &Fixture, name: &str, kind: &Value) {
    let new = json!([{"controllerId": name, "targetType": kind}]);
    server.hawkbit("POST", "/targets", Some(new)).await.expect(201);
}

/// A filter over pumps that assigns the set. Returns its path.
async fn filter(server: &Fixture, set: i64) -> String {
    let new = json!({"name": "pumps", "query": "controllerId==pump-*"});
    let made = server.hawkbit("POST", "/targetfilters", Some(new)).await.expect(201);
    let path = format!("/targetfilters/{}", made["id"]);
    let auto = format!("{path}/autoAssignDS");
    server.hawkbit("POST", &auto, Some(json!({"id": set}))).await.expect(200);
    path
}

async fn detail(server: &Fixture, target: &str) -> Vec<String> {
    let list =
        server.hawkbit("GET", &format!("/targets/{target}/actions?sort=id:ASC"), None).await.expect(200);
    let words = list["content"].as_array().unwrap().iter();
    words.map(|one| one["detailStatus"].as_str().unwrap().to_owned()).collect()
}

async fn settle(server: &Fixture) {
    while server.rest.app.jobs_activate().await.unwrap() {}
}

fn rollout(set: i64) -> Value {
    json!({"name": "pumps", "distributionSetId": set, "targetFilterQuery": "controllerId==pump-*", "amountGroups": 1})
}

#[tokio::test]
async fn a_filter_leaves_out_targets_whose_type_takes_no_such_set() {
    let server = Fixture::new("hb-fit-filter").await;
    let (_, set) = software(&server, "fw", "1").await;
    let kind = picky(&server).await;
    with_type(&server, "pump-0", &kind).await;
    targets(&server, &["pump-1"]).await;
    filter(&server, set).await;
    assert_eq!(server.rest.app.hawkbit_auto_assign().await.unwrap(), 1);
    targets(&server, &["pump-2"]).await;
    assert_eq!(server.rest.app.hawkbit_auto_assign().await.unwrap(), 1);
    assert!(detail(&server, "pump-0").await.is_empty());
    assert_eq!(detail(&server, "pump-1").await, ["running"]);
}

#[tokio::test]
async fn a_filter_leaves_out_targets_whose_type_demands_a_signature_that_is_not_there() {
    let server = Fixture::new("hb-fit-signed").await;
    let (_, set) = software(&server, "fw", "1").await;
    let pem = server.get("/ca.pem").await.text().to_owned();
    let signer = pem.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap();
    let signer = json!({"name": "strict", "signers": [signer], "requireSignature": true});
    server.post("/types", signer).await.expect(201);
    let types = server.hawkbit("GET", "/targettypes", None).await.expect(200);
    with_type(&server, "pump-0", &types["content"][0]["id"]).await;
    targets(&server, &["pump-1"]).await;
    filter(&server, set).await;
    assert_eq!(server.rest.app.hawkbit_auto_assign().await.unwrap(), 1);
    assert!(detail(&server, "pump-0").await.is_empty());
}

#[tokio::test]
async fn a_rollout_leaves_them_out_also_when_they_come_later() {
    let server = Fixture::new("hb-fit-rollout").await;
    let (_, set) = software(&server, "fw", "1").await;
    let kind = picky(&server).await;
    with_type(&server, "pump-0", &kind).await;
    let refused = server.hawkbit("POST", "/rollouts", Some(rollout(set))).await;
    refused.hawkbit_error(400);
    targets(&server, &["pump-1"]).await;
    let mut body = rollout(set);
    body["dynamic"] = json!(true);
    body["startAt"] = json!(0);
    let made = server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    assert_eq!(made["totalTargets"], 1);
    with_type(&server, "pump-2", &kind).await;
    targets(&server, &["pump-3"]).await;
    settle(&server).await;
    let shown = server.hawkbit("GET", &format!("/rollouts/{}", made["id"]), None).await.expect(200);
    assert_eq!(shown["totalTargets"], 2);
    assert!(detail(&server, "pump-2").await.is_empty());
}

#[tokio::test]
async fn a_filter_lets_a_set_go_that_was_deleted_or_made_invalid() {
    let server = Fixture::new("hb-fit-gone").await;
    let (_, set) = software(&server, "fw", "1").await;
    let path = filter(&server, set).await;
    server.hawkbit("DELETE", &format!("/distributionsets/{set}"), None).await.expect(204);
    let shown = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(shown["autoAssignDistributionSet"], Value::Null);
    let (_, other) = software(&server, "fw", "2").await;
    let auto = format!("{path}/autoAssignDS");
    server.hawkbit("POST", &auto, Some(json!({"id": other}))).await.expect(200);
    // Not by this interface: the filter finds out at its next look.
    server.delete("/releases/fw/2").await.expect(204);
    targets(&server, &["pump-1"]).await;
    assert_eq!(server.rest.app.hawkbit_auto_assign().await.unwrap(), 0);
    let shown = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(shown["autoAssignDistributionSet"], Value::Null);
    let (_, third) = software(&server, "fw", "3").await;
    server.hawkbit("POST", &auto, Some(json!({"id": third}))).await.expect(200);
    let way = json!({"actionCancelationType": "none"});
    server.hawkbit("POST", &format!("/distributionsets/{third}/invalidate"), Some(way)).await.expect(204);
    let shown = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(shown["autoAssignDistributionSet"], Value::Null);
}

#[tokio::test]
async fn rollouts_and_filters_displace_what_was_not_begun_unless_it_is_a_required_step() {
    let server = Fixture::new("hb-fit-displace").await;
    targets(&server, &["pump-1", "pump-2"]).await;
    let (_, first) = software(&server, "fw", "1").await;
    let (_, step) = software(&server, "fw", "2").await;
    let (_, third) = software(&server, "fw", "3").await;
    let (_, fourth) = software(&server, "fw", "4").await;
    let required = json!({"requiredMigrationStep": true});
    server.hawkbit("PUT", &format!("/distributionsets/{step}"), Some(required)).await.expect(200);
    for (target, set) in [("pump-1", first), ("pump-2", step)] {
        let body = json!([{"id": set}]);
        server.hawkbit("POST", &format!("/targets/{target}/assignedDS"), Some(body)).await.expect(200);
    }
    let mut body = rollout(third);
    body["startAt"] = json!(0);
    server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    settle(&server).await;
    assert_eq!(detail(&server, "pump-1").await, ["canceled", "running"]);
    assert_eq!(detail(&server, "pump-2").await, ["running", "running"]);
    filter(&server, fourth).await;
    assert_eq!(server.rest.app.hawkbit_auto_assign().await.unwrap(), 2);
    assert_eq!(detail(&server, "pump-1").await, ["canceled", "canceling", "running"]);
    assert_eq!(detail(&server, "pump-2").await, ["running", "canceling", "running"]);
}

#[tokio::test]
async fn where_several_assignments_are_allowed_a_rollout_displaces_nothing() {
    let server = Fixture::new("hb-fit-multi").await;
    let key = "/system/configs/multi.assignments.enabled";
    server.hawkbit("PUT", key, Some(json!({"value": true}))).await.expect(204);
    targets(&server, &["pump-1"]).await;
    let (_, first) = software(&server, "fw", "1").await;
    let (_, second) = software(&server, "fw", "2").await;
    server
        .hawkbit("POST", "/targets/pump-1/assignedDS", Some(json!([{"id": first, "weight": 1}])))
        .await
        .expect(200);
    let mut body = rollout(second);
    body["startAt"] = json!(0);
    server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    settle(&server).await;
    assert_eq!(detail(&server, "pump-1").await, ["running", "running"]);
}

#[tokio::test]
async fn what_is_declared_as_installed_is_never_seen_open() {
    let server = Fixture::new("hb-offline-atomic").await;
    let names: Vec<String> = (0..60).map(|number| format!("pump-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    targets(&server, &names).await;
    let (_, set) = software(&server, "fw", "1").await;
    let over = Cell::new(false);
    let watch = async {
        let release = windlass_domain::ids::ReleaseId::new(set);
        loop {
            let last = over.get();
            let seen: Vec<Execution> = server
                .rest
                .app
                .store
                .read::<_, StoreError, _>(move |tx| {
                    Box::pin(async move { actions::of_release(tx, TenantId::new(1), release).await })
                })
                .await
                .unwrap();
            assert!(seen.is_empty() || seen.len() == 60, "half of an assignment was seen");
            assert!(seen.iter().all(|one| !one.state.is_open()), "what is only declared was offered");
            if last {
                return seen.len();
            }
            tokio::task::yield_now().await;
        }
    };
    let assign = async {
        let body: Vec<Value> = names.iter().map(|name| json!({"id": name})).collect();
        let path = format!("/distributionsets/{set}/assignedTargets?offline=true");
        let answer = server.hawkbit("POST", &path, Some(Value::from(body))).await;
        over.set(true);
        answer.expect(200)
    };
    let (answer, seen) = tokio::join!(assign, watch);
    assert_eq!((&answer["assigned"], seen), (&json!(60), 60));
    let shown = server.hawkbit("GET", "/targets?q=updateStatus==in_sync", None).await.expect(200);
    assert_eq!(shown["total"], 60);
}

#[tokio::test]
async fn an_assignment_is_marked_in_the_transaction_that_makes_its_job() {
    let server = Fixture::new("hb-assign-atomic").await;
    targets(&server, &["pump-1"]).await;
    let (_, set) = software(&server, "fw", "1").await;
    // Nothing after the assignment itself runs: neither the reconciler nor any clean-up.
    server.hawkbit("POST", "/targets/pump-1/assignedDS", Some(json!([{"id": set}]))).await.expect(200);
    assert_eq!(server.hawkbit("GET", "/rollouts", None).await.expect(200)["total"], 0);
    let made: Vec<String> = server.get("/audit?limit=20").await.expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["action"].as_str().unwrap().to_owned())
        .filter(|action| action.starts_with("job."))
        .collect();
    assert_eq!(made, ["job.create"]);
}

#[tokio::test]
async fn a_rollout_has_up_to_five_hundred_groups() {
    let server = Fixture::new("hb-many-groups").await;
    let names: Vec<String> = (0..500).map(|number| format!("pump-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    targets(&server, &names).await;
    let (_, set) = software(&server, "fw", "1").await;
    let mut body = rollout(set);
    body["amountGroups"] = json!(501);
    server.hawkbit("POST", "/rollouts", Some(body.clone())).await.hawkbit_error(429);
    body["amountGroups"] = json!(500);
    let made = server.hawkbit("POST", "/rollouts", Some(body)).await.expect(201);
    assert_eq!((&made["totalGroups"], &made["totalTargets"]), (&json!(500), &json!(500)));
    let path = format!("/rollouts/{}/deploygroups?limit=500", made["id"]);
    let groups = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(groups["total"], 500);
    assert!(groups["content"].as_array().unwrap().iter().all(|one| one["totalTargets"] == 1));
}
