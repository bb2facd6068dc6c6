//! What one tenant has, of every kind that a path names, is not there for another: looked at, changed and deleted.

use std::collections::HashMap;

use axum::body::Body;
use serde_json::{Value, json};

use super::fixture::{FORM, form, software, targets};
use super::routes::Operation;
use super::table;
use crate::rest::fixture::{Answer, Fixture};

/// What stands in the placeholders of paths, by the path's first part.
struct Named(HashMap<(&'static str, &'static str), String>);

impl Named {
    /// The path with what there is in every placeholder.
    fn path(&self, operation: &Operation) -> String {
        let first = operation.path.trim_start_matches('/').split('/').next().unwrap();
        let first = if operation.path.contains("optionalmoduletypes") { "optional" } else { first };
        let value = |part: &str| {
            let found = self.0.iter().find(|((root, name), _)| *root == first && *name == part);
            found.unwrap_or_else(|| panic!("nothing made for {part} of {}", operation.path)).1.clone()
        };
        let parts = operation.path.split('/').map(|part| match part {
            part if part.starts_with('{') => value(part),
            part => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

async fn post(server: &Fixture, path: &str, body: Value) -> Value {
    let answer = server.hawkbit("POST", path, Some(body)).await;
    assert!(matches!(answer.status, 200 | 201 | 204), "{path}: {} {}", answer.status, answer.text());
    if answer.bytes.is_empty() { Value::Null } else { answer.expect(answer.status) }
}

/// One of everything that a path can name.
async fn everything(server: &Fixture) -> Named {
    let entry = json!([{"key": "site", "value": "Berlin"}]);
    targets(server, &["pump"]).await;
    server.hawkbit("PUT", "/targetgroups/eu/assigned", Some(json!(["pump"]))).await.expect(204);
    let (module, set) = software(server, "fw", "1").await;
    post(server, &format!("/softwaremodules/{module}/metadata"), entry.clone()).await;
    post(server, &format!("/distributionsets/{set}/metadata"), entry.clone()).await;
    post(server, "/targets/pump/metadata", entry).await;
    let files = format!("/softwaremodules/{module}/artifacts");
    let files = server.hawkbit("GET", &files, None).await.expect(200);
    let tag = post(server, "/targettags", json!([{"name": "lab"}])).await[0]["id"].to_string();
    post(server, &format!("/targettags/{tag}/assigned"), json!(["pump"])).await;
    let set_tag =
        post(server, "/distributionsettags", json!([{"name": "stable"}])).await[0]["id"].to_string();
    post(server, &format!("/distributionsettags/{set_tag}/assigned"), json!([set])).await;
    let kinds =
        post(server, "/softwaremoduletypes", json!([{"key": "boot", "name": "boot", "maxAssignments": 1}]))
            .await;
    let kind = kinds[0]["id"].clone();
    let other =
        post(server, "/softwaremoduletypes", json!([{"key": "data", "name": "data", "maxAssignments": 1}]))
            .await;
    let other = other[0]["id"].clone();
    let set_type = json!([{
        "key": "whole", "name": "whole", "mandatorymodules": [{"id": kind}], "optionalmodules": [{"id": other}],
    }]);
    let set_type = post(server, "/distributionsettypes", set_type).await[0]["id"].clone();
    let fits = json!([{"name": "Pump", "compatibledistributionsettypes": [{"id": set_type}]}]);
    let target_type = post(server, "/targettypes", fits).await[0]["id"].to_string();
    let filter = json!({"name": "nobody", "query": "controllerId==nobody"});
    let filter = post(server, "/targetfilters", filter).await["id"].to_string();
    post(server, &format!("/targetfilters/{filter}/autoAssignDS"), json!({"id": set})).await;
    post(server, "/targets/pump/assignedDS?offline=true", json!([{"id": set}])).await;
    let (_, next) = software(server, "fw", "2").await;
    let assigned = post(server, "/targets/pump/assignedDS", json!([{"id": next}])).await;
    let action = assigned["assignedActions"][0]["id"].to_string();
    let rollout = json!({
        "name": "pumps", "distributionSetId": set, "targetFilterQuery": "controllerId==pump", "amountGroups": 1,
    });
    let rollout = post(server, "/rollouts", rollout).await["id"].to_string();
    let groups = server.hawkbit("GET", &format!("/rollouts/{rollout}/deploygroups"), None).await.expect(200);
    let (module, set) = (module.to_string(), set.to_string());
    let (site, pump) = ("site".to_owned(), "pump".to_owned());
    Named(HashMap::from([
        (("targets", "{id}"), pump.clone()),
        (("targets", "{action}"), action.clone()),
        (("targets", "{key}"), site.clone()),
        (("actions", "{id}"), action),
        (("softwaremodules", "{id}"), module.clone()),
        (("softwaremodules", "{artifact}"), files[0]["id"].to_string()),
        (("softwaremodules", "{key}"), site.clone()),
        (("distributionsets", "{id}"), set.clone()),
        (("distributionsets", "{module}"), module),
        (("distributionsets", "{key}"), site),
        (("targettags", "{id}"), tag),
        (("targettags", "{target}"), pump),
        (("distributionsettags", "{id}"), set_tag),
        (("distributionsettags", "{set}"), set),
        (("softwaremoduletypes", "{id}"), kind.to_string()),
        (("distributionsettypes", "{id}"), set_type.to_string()),
        (("distributionsettypes", "{module}"), kind.to_string()),
        (("optional", "{id}"), set_type.to_string()),
        (("optional", "{module}"), other.to_string()),
        (("targetgroups", "{group}"), "eu".to_owned()),
        (("targettypes", "{id}"), target_type),
        (("targettypes", "{set_type}"), set_type.to_string()),
        (("autoassignments", "{id}"), filter.clone()),
        (("targetfilters", "{id}"), filter),
        (("rollouts", "{id}"), rollout),
        (("rollouts", "{group}"), groups["content"][0]["id"].to_string()),
    ]))
}

/// Everything that a tenant is shown, by path.
async fn shown(server: &Fixture, named: &Named) -> Vec<(String, Answer)> {
    let mut all = Vec::new();
    for operation in table(&server.rest) {
        // Keys of settings are the same in every tenant.
        if operation.method == "GET" && operation.path != "/system/configs/{key}" {
            let question = if operation.path == "/targetgroups/assigned" { "?group=eu" } else { "" };
            let path = format!("{}{question}", named.path(&operation));
            let answer = server.hawkbit("GET", &path, None).await;
            all.push((path, answer));
        }
    }
    all
}

fn is_of_something(operation: &Operation) -> bool {
    operation.path.contains("{id}")
}

/// The request with a body of each shape that some route takes.
async fn asked(somebody: &Fixture, operation: &Operation, path: &str, named: &Named) -> Vec<Answer> {
    let number = named.0[&("distributionsets", "{id}")].parse::<i64>().unwrap();
    let rich = json!({
        "id": number, "name": "taken", "description": "taken", "key": "site", "value": "taken", "colour": "red",
        "forceType": "forced", "confirmation": "confirmed", "actionCancelationType": "force",
        "cancelRollouts": true, "initiator": "them", "query": "controllerId==*", "locked": true,
    });
    let shapes = [
        rich,
        json!([{"id": number}]),
        json!([{"id": "pump", "key": "other", "value": "taken"}]),
        json!(["pump"]),
        json!([number]),
    ];
    let mut answers = vec![somebody.hawkbit(operation.method, path, None).await];
    if operation.method == "GET" {
        return answers;
    }
    for shape in shapes {
        answers.push(somebody.hawkbit(operation.method, path, Some(shape)).await);
    }
    let file = Body::from(form("theirs.swu", b"theirs"));
    answers.push(somebody.hawkbit_raw(operation.method, path, FORM, file).await);
    answers
}

#[tokio::test]
async fn what_one_tenant_has_is_not_there_for_another() {
    let server = Fixture::new("hb-tenants").await;
    let other = server.in_another_tenant("acme").await;
    let named = everything(&server).await;
    // The other tenant has its own types, as it would have after its first look.
    other.hawkbit("GET", "/distributionsettypes", None).await.expect(200);
    let before = shown(&server, &named).await;
    for (path, answer) in &before {
        // A device that said nothing of itself has no attributes.
        let wanted = if path.ends_with("/attributes") { 204 } else { 200 };
        assert_eq!(answer.status, wanted, "{path} is there for its own tenant: {}", answer.text());
    }
    let mut tried = 0;
    for operation in table(&server.rest).iter().filter(|operation| is_of_something(operation)) {
        let path = named.path(operation);
        let answers = asked(&other, operation, &path, &named).await;
        let all: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        let told = format!("{} {path}: {all:?}", operation.method);
        assert!(all.iter().all(|status| (400..500).contains(status)), "{told}");
        assert!(all.iter().any(|status| matches!(status, 403 | 404)), "{told}");
        tried += 1;
    }
    assert!(tried > 90, "only {tried} operations");
    for ((path, before), (_, after)) in before.iter().zip(shown(&server, &named).await) {
        assert_eq!(before.text(), after.text(), "{path} was changed");
    }
    for list in [
        "/targets",
        "/actions",
        "/rollouts",
        "/targetfilters",
        "/autoassignments",
        "/targettags",
        "/targettypes",
        "/softwaremodules",
        "/distributionsets",
        "/distributionsettags",
    ] {
        assert_eq!(other.hawkbit("GET", list, None).await.expect(200)["total"], 0, "{list}");
        assert_ne!(server.hawkbit("GET", list, None).await.expect(200)["total"], 0, "{list}");
    }
}
