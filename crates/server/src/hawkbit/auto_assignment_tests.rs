//! `autoassignments`: what is refused, when they assign, and that a second person is one.

use serde_json::{Value, json};

use super::fixture::{software, targets, upload};
use crate::rest::fixture::Fixture;

const APPROVAL: &str = "/system/configs/auto.assignment.approval.enabled";
const ILLEGAL: &str = "hawkbit.server.error.autoassignment.illegalState";

fn pumps(set: i64) -> Value {
    json!({"name": "pumps", "targetFilterQuery": "controllerId==pump-*", "distributionSetId": set})
}

async fn made(server: &Fixture, new: Value) -> (Value, String) {
    let made = server.hawkbit("POST", "/autoassignments", Some(new)).await.expect(201);
    let path = format!("/autoassignments/{}", made["id"]);
    (made, path)
}

async fn status(server: &Fixture, path: &str) -> Value {
    server.hawkbit("GET", path, None).await.expect(200)["status"].clone()
}

async fn act(server: &Fixture, path: &str, act: &str) {
    server.hawkbit("POST", &format!("{path}/{act}"), None).await.expect(204);
}

async fn assigned(server: &Fixture) -> usize {
    server.rest.app.hawkbit_auto_assign().await.unwrap()
}

#[tokio::test]
async fn what_cannot_be_assigned_by_itself_is_refused_and_leaves_nothing() {
    let server = Fixture::new("hb-auto-bad").await;
    let (_, set) = software(&server, "fw", "1").await;
    let empty = json!([{"name": "empty", "version": "1", "type": "os"}]);
    let empty = server.hawkbit("POST", "/distributionsets", Some(empty)).await.expect(201)[0]["id"].clone();
    for (member, value, status) in [
        ("name", Value::Null, 400),
        ("name", json!("n".repeat(129)), 400),
        ("description", json!("d".repeat(513)), 400),
        ("targetFilterQuery", Value::Null, 400),
        ("targetFilterQuery", json!("name=="), 400),
        ("targetFilterQuery", json!("colour==red"), 400),
        ("targetFilterQueryId", json!(999), 404),
        ("distributionSetId", Value::Null, 400),
        ("distributionSetId", json!(999), 404),
        ("distributionSetId", empty, 400),
        ("startAt", json!(-1), 400),
        ("startAt", json!("soon"), 400),
        ("actionType", json!("timeforced"), 400),
        ("actionType", json!("whenever"), 400),
        ("weight", json!(1_001), 400),
        ("weight", json!(-1), 400),
    ] {
        let mut new = pumps(set);
        new[member] = value;
        server.hawkbit("POST", "/autoassignments", Some(new)).await.hawkbit_error(status);
    }
    server.hawkbit("POST", "/autoassignments", Some(json!("text"))).await.hawkbit_error(400);
    for (method, path) in [
        ("GET", "/autoassignments/999"),
        ("PUT", "/autoassignments/999"),
        ("DELETE", "/autoassignments/999"),
        ("POST", "/autoassignments/999/start"),
        ("POST", "/autoassignments/999/approve"),
    ] {
        server.hawkbit(method, path, Some(json!({"name": "x"}))).await.hawkbit_error(404);
    }
    for list in ["/autoassignments", "/targetfilters"] {
        assert_eq!(server.hawkbit("GET", list, None).await.expect(200)["total"], 0, "{list}");
    }
    made(&server, pumps(set)).await;
    server.hawkbit("POST", "/autoassignments", Some(pumps(set))).await.hawkbit_error(409);
}

#[tokio::test]
async fn it_assigns_once_it_was_started_and_not_while_it_is_held() {
    let server = Fixture::new("hb-auto-course").await;
    let (_, set) = software(&server, "fw", "1").await;
    targets(&server, &["pump-1", "valve-1"]).await;
    let (made, path) = made(&server, pumps(set)).await;
    assert_eq!(
        (&made["status"], &made["actionType"], &made["weight"], &made["distributionSetId"]),
        (&json!("ready"), &json!("forced"), &json!(1_000), &json!(set))
    );
    assert_eq!(made["_links"]["distributionset"]["name"], "fw:1");
    assert!(made["_links"]["start"]["href"].as_str().unwrap().ends_with(&format!("{path}/start")));
    assert_eq!(assigned(&server).await, 0, "nobody started it");
    for early in ["pause", "resume", "approve", "deny"] {
        let refused = server.hawkbit("POST", &format!("{path}/{early}"), None).await;
        assert_eq!(refused.hawkbit_error(409), ILLEGAL, "{early}");
    }
    act(&server, &path, "start").await;
    assert_eq!(server.hawkbit("POST", &format!("{path}/start"), None).await.hawkbit_error(409), ILLEGAL);
    assert_eq!(assigned(&server).await, 1);
    act(&server, &path, "pause").await;
    targets(&server, &["pump-2"]).await;
    assert_eq!((status(&server, &path).await, assigned(&server).await), (json!("paused"), 0));
    act(&server, &path, "resume").await;
    assert_eq!(assigned(&server).await, 1);
    let named = json!({"name": "all pumps", "description": "for people", "distributionSetId": 999});
    let changed = server.hawkbit("PUT", &path, Some(named)).await.expect(200);
    assert_eq!((&changed["name"], &changed["distributionSetId"]), (&json!("all pumps"), &json!(set)));
    let found =
        server.hawkbit("GET", "/autoassignments?q=status==running;name==all*&sort=id:DESC", None).await;
    assert_eq!(found.expect(200)["total"], 1);
    server.hawkbit("DELETE", &path, None).await.expect(204);
    server.hawkbit("GET", &path, None).await.hawkbit_error(404);
    let filters = server.hawkbit("GET", "/targetfilters", None).await.expect(200);
    assert_eq!(filters["total"], 0, "its query was there for it only");
    targets(&server, &["pump-3"]).await;
    assert_eq!(assigned(&server).await, 0);
}

#[tokio::test]
async fn devices_are_asked_first_where_the_settings_say_so_or_the_client_does() {
    let server = Fixture::new("hb-auto-confirm").await;
    let (_, set) = software(&server, "fw", "1").await;
    let asks = async |name: &str, says: Value| {
        let mut new = pumps(set);
        (new["name"], new["confirmationRequired"]) = (json!(name), says);
        made(&server, new).await.0["confirmationRequired"].clone()
    };
    for flow in [false, true] {
        let switch = json!({"value": flow});
        server
            .hawkbit("PUT", "/system/configs/user.confirmation.flow.enabled", Some(switch))
            .await
            .expect(204);
        assert_eq!(asks(&format!("{flow}-silent"), Value::Null).await, flow);
        assert_eq!(asks(&format!("{flow}-yes"), json!(true)).await, true);
        assert_eq!(asks(&format!("{flow}-no"), json!(false)).await, false);
        // The older door does the same.
        let filter = json!({"name": format!("{flow}-door"), "query": "controllerId==pump-*"});
        let filter = server.hawkbit("POST", "/targetfilters", Some(filter)).await.expect(201)["id"].clone();
        let door = format!("/targetfilters/{filter}/autoAssignDS");
        server.hawkbit("POST", &door, Some(json!({"id": set}))).await.expect(200);
        let shown = server.hawkbit("GET", &format!("/autoassignments/{filter}"), None).await.expect(200);
        assert_eq!(shown["confirmationRequired"], flow);
    }
}

#[tokio::test]
async fn it_begins_by_itself_when_its_time_has_come() {
    let server = Fixture::new("hb-auto-time").await;
    let (_, set) = software(&server, "fw", "1").await;
    targets(&server, &["pump-1"]).await;
    let now = server.rest.app.clock.now().millis();
    let mut later = pumps(set);
    later["startAt"] = json!(now + 3_600_000);
    let (shown, path) = made(&server, later).await;
    assert_eq!(shown["startAt"], now + 3_600_000);
    assert_eq!((assigned(&server).await, status(&server, &path).await), (0, json!("ready")));
    server.hawkbit("DELETE", &path, None).await.expect(204);
    let mut due = pumps(set);
    due["startAt"] = json!(now);
    let (_, path) = made(&server, due).await;
    assert_eq!((assigned(&server).await, status(&server, &path).await), (1, json!("running")));
}

#[tokio::test]
async fn over_a_saved_query_it_is_that_querys_auto_assignment() {
    let server = Fixture::new("hb-auto-filter").await;
    let (_, set) = software(&server, "fw", "1").await;
    let filter = json!({"name": "pumps", "query": "controllerId==pump-*"});
    let filter = server.hawkbit("POST", "/targetfilters", Some(filter)).await.expect(201)["id"].clone();
    let path = format!("/autoassignments/{filter}");
    server.hawkbit("GET", &path, None).await.hawkbit_error(404);
    let new = json!({"targetFilterQueryId": filter, "distributionSetId": set});
    let (shown, made_at) = made(&server, new.clone()).await;
    assert_eq!((&made_at, &shown["name"]), (&path, &json!("pumps")));
    assert_eq!(
        (&shown["targetFilterQueryId"], &shown["targetFilterQuery"]),
        (&filter, &json!("controllerId==pump-*"))
    );
    server.hawkbit("POST", "/autoassignments", Some(new)).await.hawkbit_error(409);
    let of_filter = format!("/targetfilters/{filter}");
    let saved = server.hawkbit("GET", &of_filter, None).await.expect(200);
    assert_eq!(saved["autoAssignDistributionSet"], set);
    server.hawkbit("DELETE", &path, None).await.expect(204);
    let saved = server.hawkbit("GET", &of_filter, None).await.expect(200);
    assert!(saved.get("autoAssignDistributionSet").is_none(), "the query stays: {saved}");
    // The older door leads to the same thing; it begins at once.
    let assigns = json!({"id": set});
    server.hawkbit("POST", &format!("{of_filter}/autoAssignDS"), Some(assigns)).await.expect(200);
    assert_eq!(status(&server, &path).await, "running");
}

#[tokio::test]
async fn where_they_are_approved_a_second_person_does_it_for_what_was_asked() {
    let server = Fixture::new("hb-auto-approval").await;
    let (_, set) = software(&server, "fw", "1").await;
    targets(&server, &["pump-1", "valve-1"]).await;
    server.hawkbit("PUT", APPROVAL, Some(json!({"value": true}))).await.expect(204);
    let (shown, path) = made(&server, pumps(set)).await;
    assert_eq!(shown["status"], "waiting_for_approval");
    assert!(shown["_links"].get("approve").is_some() && shown["_links"].get("start").is_none(), "{shown}");
    server.hawkbit("POST", &format!("{path}/start"), None).await.hawkbit_error(409);
    let own = server.hawkbit("POST", &format!("{path}/approve"), None).await;
    let message = own.expect(409)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("another user with the permission job.approve"), "{message}");
    server.as_role("viewer").await.hawkbit("POST", &format!("{path}/approve"), None).await.hawkbit_error(403);
    let other = server.as_role("operator").await;
    let long = format!("{path}/approve?remark={}", "r".repeat(513));
    other.hawkbit("POST", &long, None).await.hawkbit_error(400);
    other.hawkbit("POST", &format!("{path}/approve?remark=fine"), None).await.expect(204);
    let shown = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!((&shown["status"], &shown["approvalRemark"]), (&json!("ready"), &json!("fine")));
    act(&server, &path, "start").await;
    assert_eq!(assigned(&server).await, 1);
    // Nobody agreed to other targets.
    let filter = format!("/targetfilters/{}", shown["id"]);
    server.hawkbit("PUT", &filter, Some(json!({"query": "controllerId==*"}))).await.expect(200);
    assert_eq!((status(&server, &path).await, assigned(&server).await), (json!("waiting_for_approval"), 0));
    server.hawkbit("POST", &format!("{path}/approve"), None).await.hawkbit_error(409);
    other.hawkbit("POST", &format!("{path}/approve"), None).await.expect(204);
    assert_eq!(assigned(&server).await, 1, "what ran goes on by itself");
    // Nor is the older door a way around.
    server.hawkbit("POST", &format!("{filter}/autoAssignDS"), Some(json!({"id": set}))).await.expect(200);
    assert_eq!(status(&server, &path).await, "waiting_for_approval");
    other.hawkbit("POST", &format!("{path}/deny"), None).await.expect(204);
    assert_eq!(status(&server, &path).await, "approval_denied");
    server.hawkbit("POST", &format!("{path}/start"), None).await.hawkbit_error(409);
}

#[tokio::test]
async fn what_somebody_held_waits_for_somebody_after_its_query_was_changed_and_agreed_to() {
    let server = Fixture::new("hb-auto-held").await;
    let (_, set) = software(&server, "fw", "1").await;
    server.hawkbit("PUT", APPROVAL, Some(json!({"value": true}))).await.expect(204);
    let mut new = pumps(set);
    new["startAt"] = json!(server.rest.app.clock.now().millis());
    let (shown, path) = made(&server, new).await;
    let other = server.as_role("operator").await;
    act(&other, &path, "approve").await;
    assert_eq!((assigned(&server).await, status(&server, &path).await), (0, json!("running")));
    act(&server, &path, "pause").await;
    let wider = json!({"query": "controllerId==*"});
    let filter = format!("/targetfilters/{}", shown["id"]);
    server.hawkbit("PUT", &filter, Some(wider)).await.expect(200);
    act(&other, &path, "approve").await;
    targets(&server, &["pump-1"]).await;
    assert_eq!((assigned(&server).await, status(&server, &path).await), (0, json!("ready")));
    act(&server, &path, "start").await;
    assert_eq!(assigned(&server).await, 1);
}

#[tokio::test]
async fn an_approval_is_for_what_was_looked_at_and_asked_for_again_where_that_was_changed() {
    let server = Fixture::new("hb-auto-seen").await;
    let (_, set) = software(&server, "fw", "1").await;
    server.hawkbit("PUT", APPROVAL, Some(json!({"value": true}))).await.expect(204);
    let (shown, path) = made(&server, pumps(set)).await;
    let other = server.as_role("operator").await;
    for bad in ["soon", "", "1.5"] {
        let asked = format!("{path}/approve?lastModifiedAt={bad}");
        other.hawkbit("POST", &asked, None).await.hawkbit_error(400);
    }
    let approve = |shown: &Value| {
        let link = shown["_links"]["approve"]["href"].as_str().unwrap();
        link[link.find("/autoassignments").unwrap()..].to_owned()
    };
    let looked_at = approve(&shown);
    assert!(looked_at.ends_with(&format!("?lastModifiedAt={}", shown["lastModifiedAt"])), "{looked_at}");
    server.clock.advance(std::time::Duration::from_secs(1));
    let filter = format!("/targetfilters/{}", shown["id"]);
    server.hawkbit("PUT", &filter, Some(json!({"query": "controllerId==*"}))).await.expect(200);
    for before in [&looked_at, &format!("{path}/approve")] {
        let refused = other.hawkbit("POST", before, None).await;
        assert_eq!(refused.hawkbit_error(409), ILLEGAL, "{before}");
        let message = refused.expect(409)["message"].to_string();
        assert!(message.contains("look at it again"), "{message}");
    }
    assert_eq!(status(&server, &path).await, "waiting_for_approval");
    let now = approve(&server.hawkbit("GET", &path, None).await.expect(200));
    other.hawkbit("POST", &format!("{now}&remark=all%20of%20them"), None).await.expect(204);
    assert_eq!(status(&server, &path).await, "ready");
    // To deny what was changed does no harm.
    for query in ["controllerId==a", "controllerId==b"] {
        server.hawkbit("PUT", &filter, Some(json!({"query": query}))).await.expect(200);
    }
    other.hawkbit("POST", &format!("{path}/deny?remark=no"), None).await.expect(204);
    server.hawkbit("DELETE", &path, None).await.expect(204);
    let audit = server.get("/audit?limit=20").await.expect(200);
    let of_filter = |action: &str| {
        let all = audit["items"].as_array().unwrap().iter();
        all.filter(|one| one["action"] == action).map(|one| one["details"].clone()).collect::<Vec<_>>()
    };
    let decided = of_filter("filter.assign");
    for (state, query, remark) in
        [("ready", "controllerId==*", "all of them"), ("approval_denied", "controllerId==b", "no")]
    {
        let kept = json!({"set": set, "state": state, "query": query, "remark": remark});
        assert!(decided.contains(&kept), "{decided:?}");
    }
    assert_eq!(of_filter("filter.delete").len(), 1, "the query went with it: {audit}");
}

#[tokio::test]
async fn what_is_asked_for_again_as_it_waits_is_approved_and_what_was_denied_before_is_looked_at_again() {
    let server = Fixture::new("hb-auto-again").await;
    let (_, set) = software(&server, "fw", "1").await;
    server.hawkbit("PUT", APPROVAL, Some(json!({"value": true}))).await.expect(204);
    let filter = json!({"name": "pumps", "query": "controllerId==pump-*"});
    let filter = server.hawkbit("POST", "/targetfilters", Some(filter)).await.expect(201)["id"].clone();
    let (door, path) =
        (format!("/targetfilters/{filter}/autoAssignDS"), format!("/autoassignments/{filter}"));
    let asks = async |terms: Value| {
        server.clock.advance(std::time::Duration::from_secs(60));
        let mut assigns = json!({"id": set});
        assigns.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        server.hawkbit("POST", &door, Some(assigns)).await.expect(200);
    };
    let other = server.as_role("operator").await;
    // As a script does each night.
    asks(json!({})).await;
    asks(json!({})).await;
    act(&other, &path, "approve").await;
    asks(json!({})).await;
    for terms in [json!({"type": "soft"}), json!({"weight": 7}), json!({"confirmationRequired": true})] {
        asks(terms).await;
        let refused = other.hawkbit("POST", &format!("{path}/approve"), None).await;
        let message = refused.expect(409)["message"].to_string();
        assert!(message.contains("was asked for again since"), "{message}");
    }
    act(&other, &path, "deny").await;
    asks(json!({})).await;
    let refused = other.hawkbit("POST", &format!("{path}/approve"), None).await;
    let message = refused.expect(409)["message"].to_string();
    assert!(message.contains("was asked for again since") && !message.contains("was changed"), "{message}");
}

#[tokio::test]
async fn what_was_approved_stays_as_it_is_though_nobody_has_it_yet() {
    let server = Fixture::new("hb-auto-content").await;
    let (module, set) = software(&server, "fw", "1").await;
    server.hawkbit("PUT", APPROVAL, Some(json!({"value": true}))).await.expect(204);
    let (_, path) = made(&server, pumps(set)).await;
    let other = json!([{"name": "other", "version": "9", "type": "os"}]);
    let other = server.hawkbit("POST", "/softwaremodules", Some(other)).await.expect(201)[0]["id"].clone();
    let of_set = format!("/distributionsets/{set}");
    let file = server.hawkbit("GET", &format!("/softwaremodules/{module}/artifacts"), None).await.expect(200);
    let file = format!("/softwaremodules/{module}/artifacts/{}", file[0]["id"]);
    let unlocked = Some(json!({"locked": false}));
    let nothing_changes = async |when: &str| {
        server.hawkbit("PUT", &of_set, unlocked.clone()).await.expect(200);
        server.hawkbit("PUT", &format!("/softwaremodules/{module}"), unlocked.clone()).await.expect(200);
        let more =
            server.hawkbit("POST", &format!("{of_set}/assignedSM"), Some(json!([{"id": other}]))).await;
        let less = server.hawkbit("DELETE", &format!("{of_set}/assignedSM/{module}"), None).await;
        let named = server.hawkbit("PUT", &of_set, Some(json!({"version": "2"}))).await;
        let added = upload(&server, module, "more.swu", b"other", "").await;
        let removed = server.hawkbit("DELETE", &file, None).await;
        for refused in [more, less, named, added, removed] {
            refused.hawkbit_error(423);
        }
        let shown = server.hawkbit("GET", &of_set, None).await.expect(200);
        assert_eq!((&shown["version"], &shown["modules"][0]["id"]), (&json!("1"), &json!(module)), "{when}");
        server.hawkbit("GET", &file, None).await.expect(200);
    };
    nothing_changes("while it waits").await;
    let second = server.as_role("operator").await;
    act(&second, &path, "approve").await;
    act(&server, &path, "start").await;
    nothing_changes("while it finds nobody").await;
    targets(&server, &["pump-1"]).await;
    assert_eq!(assigned(&server).await, 1);
    // What nothing assigns any more, and nobody ever got, is changed as before.
    let (module, set) = software(&server, "free", "1").await;
    let (_, path) =
        made(&server, json!({"name": "none", "targetFilterQuery": "name==none", "distributionSetId": set}))
            .await;
    server.hawkbit("DELETE", &path, None).await.expect(204);
    server.hawkbit("PUT", &format!("/distributionsets/{set}"), unlocked.clone()).await.expect(200);
    server.hawkbit("PUT", &format!("/softwaremodules/{module}"), unlocked).await.expect(200);
    let less = format!("/distributionsets/{set}/assignedSM/{module}");
    server.hawkbit("DELETE", &less, None).await.expect(204);
    upload(&server, module, "more.swu", b"other", "").await.expect(201);
}

#[tokio::test]
async fn whoever_sees_a_part_of_the_fleet_starts_nothing_for_all_of_it() {
    let server = Fixture::new("hb-auto-scope").await;
    let (_, set) = software(&server, "fw", "1").await;
    let (_, path) = made(&server, pumps(set)).await;
    let token = json!({"name": "eu", "role": "operator", "scope": "tag==eu"});
    let token = server.post("/tokens", token).await.expect(201);
    let scoped = server.with_token(token["secret"].as_str().unwrap());
    scoped.hawkbit("POST", "/autoassignments", Some(pumps(set))).await.hawkbit_error(403);
    for tail in ["start", "pause", "resume", "approve", "deny"] {
        scoped.hawkbit("POST", &format!("{path}/{tail}"), None).await.hawkbit_error(403);
    }
    scoped.hawkbit("DELETE", &path, None).await.hawkbit_error(403);
    scoped.hawkbit("PUT", &path, Some(json!({"name": "x"}))).await.hawkbit_error(403);
    assert_eq!(status(&server, &path).await, "ready");
}
