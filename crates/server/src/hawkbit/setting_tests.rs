//! `system/configs`: what is refused and how, and what a setting does to the catalogue.

use serde_json::{Value, json};

use super::fixture::{software, targets};
use crate::rest::fixture::Fixture;

const BAD_VALUE: &str = "hawkbit.server.error.configValueInvalid";
const BAD_KEY: &str = "hawkbit.server.error.configKeyInvalid";
const FIXED: &str = "hawkbit.server.error.repo.tenantConfigurationValueChangeNotAllowed";

async fn put(server: &Fixture, key: &str, value: Value) -> crate::rest::fixture::Answer {
    server.hawkbit("PUT", &format!("/system/configs/{key}"), Some(json!({"value": value}))).await
}

#[tokio::test]
async fn keys_and_values_that_there_are_not_are_refused_by_their_codes() {
    let server = Fixture::new("hb-configs").await;
    for method in ["GET", "DELETE"] {
        let refused = server.hawkbit(method, "/system/configs/no.such.key", None).await;
        assert_eq!(refused.hawkbit_error(400), BAD_KEY, "{method}");
    }
    let unknown = json!({"pollingTime": "00:01:00", "no.such.key": 1});
    let refused = server.hawkbit("PUT", "/system/configs", Some(unknown)).await;
    assert_eq!(refused.hawkbit_error(400), BAD_KEY);
    for (key, value) in [
        ("pollingTime", json!("soon")),
        ("pollingTime", json!("00:00:01")),
        ("pollingTime", json!("00:05:00, colour==red -> 00:01:00")),
        ("pollingTime", json!("00:05:00, updatestatus==pending -> 00:01:00")),
        ("pollingTime", json!("00:05:00, tag==lab;presence==overdue -> 00:01:00")),
        ("pollingTime", json!("00:05:00, lastControllerRequestAt=lt=1767225600000 -> 00:01:00")),
        ("pollingTime", Value::Null),
        ("pollingTime", json!(["00:05:00"])),
        ("pollingOverdueTime", json!("-1")),
        ("maintenanceWindowPollCount", json!(0)),
        ("maintenanceWindowPollCount", json!("many")),
        ("action.queued.days", json!(0)),
        ("action.queued.days", json!(366)),
        ("implicit.lock.enabled", json!(false)),
        ("anonymous.download.enabled", json!(true)),
        ("authentication.gatewaytoken.key", json!("two words")),
        ("default.ds.type", json!("os")),
        ("default.ds.type", json!(1.5)),
        ("default.ds.type", json!(true)),
    ] {
        assert_eq!(put(&server, key, value.clone()).await.hawkbit_error(400), BAD_VALUE, "{key} {value}");
    }
    let refused = server.hawkbit("PUT", "/system/configs", Some(json!({"pollingTime": "soon"}))).await;
    assert_eq!(refused.hawkbit_error(400), BAD_VALUE);
    let shown = server.hawkbit("GET", "/system/configs/pollingTime", None).await.expect(200);
    assert_eq!(shown["value"], "00:05:00", "nothing of what was refused holds");
}

#[tokio::test]
async fn a_set_that_is_made_without_a_type_has_the_one_that_the_tenant_set() {
    let server = Fixture::new("hb-default-type").await;
    let key = "/system/configs/default.ds.type";
    let types = server.hawkbit("GET", "/distributionsettypes", None).await.expect(200);
    let number = |name: &str| {
        let all = types["content"].as_array().unwrap().iter();
        all.clone().find(|one| one["key"] == name).unwrap()["id"].clone()
    };
    assert_eq!(server.hawkbit("GET", key, None).await.expect(200)["value"], number("os_app"));
    let made = async |name: &str| {
        let set = json!([{"name": name, "version": "1"}]);
        server.hawkbit("POST", "/distributionsets", Some(set)).await.expect(201)[0]["type"].clone()
    };
    assert_eq!(made("a").await, "os_app");
    for unknown in [0, -1, 999] {
        put(&server, "default.ds.type", json!(unknown)).await.hawkbit_error(404);
    }
    put(&server, "default.ds.type", number("app")).await.expect(204);
    assert_eq!(server.hawkbit("GET", key, None).await.expect(200)["value"], number("app"));
    assert_eq!(
        server.hawkbit("GET", "/system/configs", None).await.expect(200)["default.ds.type"]["value"],
        number("app")
    );
    assert_eq!(made("b").await, "app");
    let stranger = server.in_another_tenant("other").await;
    put(&stranger, "default.ds.type", number("app")).await.hawkbit_error(404);
    // A type that is gone is nobody's default.
    let gone = format!("/distributionsettypes/{}", number("app"));
    server.hawkbit("DELETE", &gone, None).await.expect(204);
    assert_eq!(made("c").await, "os_app");
    put(&server, "default.ds.type", number("app")).await.hawkbit_error(404);
    put(&server, "default.ds.type", number("os")).await.expect(204);
    server.hawkbit("DELETE", key, None).await.expect(204);
    assert_eq!(made("d").await, "os_app");
}

#[tokio::test]
async fn what_is_made_waits_for_its_devices_as_long_as_the_tenant_set() {
    const DAY: i64 = 24 * 3600;
    let server = Fixture::new("hb-queued-days").await;
    targets(&server, &["pump-1", "pump-2", "pump-3"]).await;
    let (_, set) = software(&server, "fw", "1").await;
    let waits = async |job: &Value| {
        let job = server.get(&format!("/jobs/{job}")).await.expect(200);
        job["timeouts"]["queuedSeconds"].as_i64().unwrap() / DAY
    };
    let assign = async |target: &str| {
        let path = format!("/distributionsets/{set}/assignedTargets");
        server.hawkbit("POST", &path, Some(json!([{"id": target}]))).await.expect(200);
        server.get(&format!("/devices/{target}/executions")).await.expect(200)["items"][0]["job"].clone()
    };
    let first = assign("pump-1").await;
    assert_eq!(waits(&first).await, 365);
    put(&server, "action.queued.days", json!(30)).await.expect(204);
    assert_eq!(waits(&assign("pump-2").await).await, 30);
    assert_eq!(waits(&first).await, 365, "what was made before stays as it is");
    let rollout = json!({
        "name": "r", "distributionSetId": set, "targetFilterQuery": "name==pump-3", "amountGroups": 1,
    });
    let made = server.hawkbit("POST", "/rollouts", Some(rollout)).await.expect(201);
    assert_eq!(waits(&made["id"]).await, 30);
}

#[tokio::test]
async fn assignments_beside_each_other_are_not_taken_back_by_a_client() {
    let server = Fixture::new("hb-multi-stays").await;
    let (multi, close) = ("multi.assignments.enabled", "repository.actions.autoclose.enabled");
    put(&server, multi, json!(false)).await.expect(204);
    put(&server, close, json!(true)).await.expect(204);
    put(&server, close, json!(false)).await.expect(204);
    put(&server, multi, json!(true)).await.expect(204);
    put(&server, multi, json!(true)).await.expect(204);
    for (key, value) in [(multi, false), (close, true)] {
        assert_eq!(put(&server, key, json!(value)).await.hawkbit_error(403), FIXED, "{key}");
        let all = json!({"pollingTime": "00:01:00", key: value});
        assert_eq!(server.hawkbit("PUT", "/system/configs", Some(all)).await.hawkbit_error(403), FIXED);
    }
    let shown = server.hawkbit("GET", "/system/configs", None).await.expect(200);
    assert_eq!((&shown[multi]["value"], &shown["pollingTime"]["value"]), (&json!(true), &json!("00:05:00")));
    server.hawkbit("DELETE", &format!("/system/configs/{multi}"), None).await.expect(204);
    put(&server, close, json!(true)).await.expect(204);
}
