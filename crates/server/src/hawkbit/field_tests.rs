//! Every field that a query about targets may ask for, in lists and where filters and rollouts choose.

use axum::body::Body;
use serde_json::{Value, json};
use windlass_app::hawkbit::{TARGET_FIELDS, target_field};
use windlass_domain::ids::TenantId;
use windlass_domain::permission::Principal;
use windlass_query::{Times, parse_rsql};

use super::fixture::software;
use crate::rest::fixture::Fixture;

/// A server with the plain target `other` and `special`, of which everything is known. Returns the numbers of the sets
/// that it has and is to have, and of its type.
async fn known(name: &str) -> (Fixture, i64, i64, Value) {
    let server = Fixture::new(name).await;
    server.rest.app.tasks.spawn_until_stopped(server.rest.app.clone().follow_changes());
    let key = "/system/configs/authentication.targettoken.enabled";
    server.hawkbit("PUT", key, Some(json!({"value": true}))).await.expect(204);
    let kind = json!([{"name": "Pump of ours", "description": "moves water"}]);
    let kind = server.hawkbit("POST", "/targettypes", Some(kind)).await.expect(201)[0]["id"].clone();
    let new = json!([
        {"controllerId": "special", "name": "The one", "description": "in the yard", "targetType": kind,
         "securityToken": "mine", "group": "eu"},
        {"controllerId": "other"},
    ]);
    server.hawkbit("POST", "/targets", Some(new)).await.expect(201);
    server.post("/devices/tags", json!({"q": "name==special", "add": ["lab"]})).await.expect(200);
    let metadata = json!([{"key": "site", "value": "Berlin"}]);
    server.hawkbit("POST", "/targets/special/metadata", Some(metadata)).await.expect(201);
    let device = server.with_authorization("TargetToken mine");
    assert_eq!(device.outside("GET", "/DEFAULT/controller/v1/special").await.status, 200);
    let data = json!({"mode": "merge", "data": {"hw": "7"}}).to_string();
    let path = "/DEFAULT/controller/v1/special/configData";
    let kind_of_body = [("content-type", "application/json")];
    assert_eq!(device.outside_body("PUT", path, &kind_of_body, Body::from(data)).await.status, 200);
    let (_, first) = software(&server, "fw", "1").await;
    let (_, second) = software(&server, "fw", "2").await;
    let assign = "/targets/special/assignedDS";
    server.hawkbit("POST", &format!("{assign}?offline=true"), Some(json!({"id": first}))).await.expect(200);
    server.hawkbit("POST", assign, Some(json!({"id": second}))).await.expect(200);
    let agree = Some(json!({"initiator": "anna"}));
    server.hawkbit("POST", "/targets/special/autoConfirm/activate", agree).await.expect(204);
    (server, first, second, kind)
}

async fn listed(server: &Fixture, q: &str) -> Vec<String> {
    let q: String = q.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let page =
        server.hawkbit("GET", &format!("/targets?q={q}&sort=controllerId:DESC"), None).await.expect(200);
    let content = page["content"].as_array().unwrap().iter();
    content.map(|one| one["controllerId"].as_str().unwrap().to_owned()).collect()
}

async fn chosen(server: &Fixture, q: &str) -> Vec<String> {
    let app = &server.rest.app;
    let now = app.clock.now();
    let query = parse_rsql(q, Times { now, overdue: now }, &target_field, TARGET_FIELDS).unwrap();
    let by = Principal::system(TenantId::new(1), "test");
    let found = app.hawkbit_select(&by, query).await.unwrap();
    let mut names: Vec<String> =
        found.into_iter().map(|id| app.fleet.name_of(id).unwrap().to_string()).collect();
    names.sort_by(|one, two| two.cmp(one));
    names
}

#[tokio::test]
async fn every_field_of_targets_can_be_asked_for_in_lists_and_where_targets_are_chosen() {
    let (server, first, second, kind) = known("hb-fields").await;
    let only = |q: &str| (q.to_owned(), vec!["special"]);
    let both = |q: &str| (q.to_owned(), vec!["special", "other"]);
    let none = |q: &str| (q.to_owned(), Vec::new());
    for (q, wanted) in [
        only("id==special"),
        only("controllerId==SPEC*"),
        only("name=='the one'"),
        only("description==*yard"),
        both("createdAt=gt=0"),
        both("createdBy=='*'"),
        both("lastModifiedAt=le=${NOW_TS}"),
        none("lastModifiedBy==nobody"),
        only("updateStatus==pending"),
        none("updateStatus=in=(error,in_sync)"),
        only("ipAddress==127.0.0.1"),
        only("address==http://127.0.0.1"),
        only("group==eu"),
        only("assignedDs.name==FW;assignedDs.version==2"),
        only(&format!("assignedDs.id=={second}")),
        only("installedDs.name==fw;installedDs.version==1"),
        only(&format!("installedDs.id=={first}")),
        none("installedDs.version==2"),
        only("tag==lab"),
        only("type==Pump-of-ours"),
        only("targetType.key==Pump-of-ours"),
        only("targetType.name=='Pump of ours'"),
        only("targetType.description==*water"),
        only(&format!("type.id=={kind}")),
        only("attribute.hw==7"),
        only("controllerattributes.hw=in=(7,8)"),
        only("metadata.site==berlin"),
        only("lastControllerRequestAt=le=${NOW_TS}"),
        only("installedAt=le=${NOW_TS}"),
        only("autoConfirm==true"),
        (String::from("requestAttributes==true"), vec!["other"]),
        only("requestAttributes==false"),
        none("failedRollout==1"),
    ] {
        assert_eq!(listed(&server, &q).await, wanted, "{q}");
        assert_eq!(chosen(&server, &q).await, wanted, "{q}");
    }
}

#[tokio::test]
async fn attributes_are_wanted_until_they_come_and_again_when_somebody_asks() {
    let (server, ..) = known("hb-request-attributes").await;
    let wanted = async |name: &str| {
        let one = server.hawkbit("GET", &format!("/targets/{name}"), None).await.expect(200);
        let list = server.hawkbit("GET", &format!("/targets?q=id=={name}"), None).await.expect(200);
        assert_eq!(one["requestAttributes"], list["content"][0]["requestAttributes"]);
        one["requestAttributes"].as_bool().unwrap()
    };
    assert!(wanted("other").await, "a new target is to tell");
    assert!(!wanted("special").await, "it told");
    let asked = json!({"requestAttributes": true});
    server.hawkbit("PUT", "/targets/special", Some(asked)).await.expect(200);
    assert!(wanted("special").await);
}

#[tokio::test]
async fn one_device_of_many_is_forced_alone() {
    let (server, ..) = known("hb-force-one").await;
    let (_, set) = software(&server, "app", "1").await;
    let body = json!([{"id": "special", "type": "soft"}, {"id": "other", "type": "soft"}]);
    let path = format!("/distributionsets/{set}/assignedTargets");
    server.hawkbit("POST", &path, Some(body)).await.expect(200);
    let newest = async |target: &str| {
        let path = format!("/targets/{target}/actions?sort=id:DESC");
        server.hawkbit("GET", &path, None).await.expect(200)["content"][0].clone()
    };
    let told = async |id: &Value| {
        let device = server.with_authorization("TargetToken mine");
        let path = format!("/DEFAULT/controller/v1/special/deploymentBase/{id}");
        let answer =
            device.outside_with("GET", &path, &[("accept", "application/json"), ("host", "h:1")]).await;
        let answer = answer.expect(200);
        (answer["deployment"]["download"].clone(), answer["deployment"]["update"].clone())
    };
    let id = newest("special").await["id"].clone();
    assert_eq!(told(&id).await, (json!("attempt"), json!("attempt")));
    let forced = json!({"forceType": "forced"});
    server.hawkbit("PUT", &format!("/targets/special/actions/{id}"), Some(forced)).await.expect(200);
    assert_eq!(newest("special").await["forceType"], "forced");
    assert_eq!(newest("other").await["forceType"], "soft");
    assert_eq!(told(&id).await, (json!("forced"), json!("forced")));
}

#[tokio::test]
async fn pages_of_thousands_of_actions_are_cut_where_they_are_stored() {
    let server = Fixture::new("hb-many-actions").await;
    let key = "/system/configs/multi.assignments.enabled";
    server.hawkbit("PUT", key, Some(json!({"value": true}))).await.expect(204);
    let new: Vec<Value> = (0..400).map(|n| json!({"controllerId": format!("d{n}")})).collect();
    server.hawkbit("POST", "/targets", Some(Value::from(new))).await.expect(201);
    for version in 1..=5 {
        let (_, set) = software(&server, "fw", &version.to_string()).await;
        let all: Vec<Value> = (0..400).map(|n| json!({"id": format!("d{n}"), "weight": version})).collect();
        let path = format!("/distributionsets/{set}/assignedTargets");
        server.hawkbit("POST", &path, Some(Value::from(all))).await.expect(200);
    }
    let get = async |query: &str| {
        let page = server.hawkbit("GET", &format!("/actions?{query}"), None).await.expect(200);
        let ids = page["content"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap());
        (page["total"].as_i64().unwrap(), ids.collect::<Vec<i64>>())
    };
    let (total, first) = get("limit=2").await;
    assert_eq!(total, 2_000);
    let id = first[0];
    assert_eq!(first, [id, id + 1]);
    assert_eq!(get("limit=2&sort=id:DESC").await.1, [id + 1_999, id + 1_998]);
    assert_eq!(get("limit=3&offset=1999").await.1, [id + 1_999]);
    assert!(get("offset=2000").await.1.is_empty());
    assert_eq!(get("limit=1&q=target.controllerId==d7&sort=weight:DESC").await, (5, vec![id + 1_607]));
    assert_eq!(
        get("limit=2&q=distributionSet.version==2;active==true").await,
        (400, vec![id + 400, id + 401])
    );
    let token = json!({"name": "lab", "role": "operator", "scope": "tag==lab"});
    let made = server.post("/tokens", token).await.expect(201);
    server.post("/devices/tags", json!({"q": "name==d3", "add": ["lab"]})).await.expect(200);
    let scoped = server.with_token(made["secret"].as_str().unwrap());
    let page = scoped.hawkbit("GET", "/actions?limit=2", None).await.expect(200);
    assert_eq!((&page["total"], &page["size"]), (&json!(5), &json!(2)));
    assert_eq!(page["content"][0]["id"], id + 3);
}

#[tokio::test]
async fn a_set_has_another_name_while_nobody_got_it() {
    let (server, first, ..) = known("hb-rename-set").await;
    let (_, free) = software(&server, "draft", "1").await;
    let path = format!("/distributionsets/{free}");
    let changed = json!({"name": "final", "version": "2"});
    let changed = server.hawkbit("PUT", &path, Some(changed)).await.expect(200);
    assert_eq!((&changed["name"], &changed["version"]), (&json!("final"), &json!("2")));
    server.get("/releases/final/2").await.expect(200);
    let taken = json!({"name": "fw", "version": "1"});
    let refused = server.hawkbit("PUT", &path, Some(taken)).await;
    assert_eq!(refused.hawkbit_error(409), "hawkbit.server.error.repo.entityAlreadyExists");
    server.hawkbit("PUT", &path, Some(json!({"name": "no/name"}))).await.hawkbit_error(400);
    let locked = format!("/distributionsets/{first}");
    let same = json!({"name": "fw", "version": "1", "description": "still"});
    server.hawkbit("PUT", &locked, Some(same)).await.expect(200);
    let refused = server.hawkbit("PUT", &locked, Some(json!({"version": "9"}))).await;
    assert_eq!(refused.hawkbit_error(423), "hawkbit.server.error.locked");
}
