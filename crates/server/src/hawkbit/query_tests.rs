//! RSQL about actions and rollouts: what is asked of what stands around them.

use serde_json::{Value, json};

use super::fixture::{software, targets};
use crate::rest::fixture::Fixture;

/// Two pumps in different places, the first with an action of its own and both in a rollout. Returns the set and the
/// rollout.
async fn ready(name: &str) -> (Fixture, i64, i64) {
    let server = Fixture::new(name).await;
    targets(&server, &["pump-1", "pump-2"]).await;
    let change = json!({"name": "First", "description": "by the door", "address": "http://10.0.0.1"});
    server.hawkbit("PUT", "/targets/pump-1", Some(change)).await.expect(200);
    let entry = json!([{"key": "Site", "value": "berlin"}]);
    server.hawkbit("POST", "/targets/pump-1/metadata", Some(entry)).await.bytes_of(201);
    let tag = server.hawkbit("POST", "/targettags", Some(json!([{"name": "lab"}]))).await.expect(201);
    let assigned = format!("/targettags/{}/assigned", tag[0]["id"]);
    server.hawkbit("PUT", &assigned, Some(json!(["pump-1"]))).await.expect(204);
    let (_, first) = software(&server, "fw", "1").await;
    let (_, second) = software(&server, "fw", "2").await;
    let assign = format!("/distributionsets/{first}/assignedTargets?offline=true");
    server.hawkbit("POST", &assign, Some(json!([{"id": "pump-1"}]))).await.expect(200);
    let rollout = json!({
        "name": "pumps", "description": "all of them", "distributionSetId": second, "weight": 700,
        "targetFilterQuery": "controllerId==pump-*", "startAt": 0,
        "groups": [
            {"name": "canary", "description": "one of them", "targetPercentage": 50},
            {"name": "rest", "targetPercentage": 100},
        ],
    });
    let rollout = server.hawkbit("POST", "/rollouts", Some(rollout)).await.expect(201);
    while server.rest.app.jobs_activate().await.unwrap() {}
    let rollout = rollout["id"].as_i64().unwrap();
    server.hawkbit("POST", &format!("/rollouts/{rollout}/triggerNextGroup"), None).await.expect(204);
    while server.rest.app.jobs_activate().await.unwrap() {}
    (server, second, rollout)
}

fn encoded(q: &str) -> String {
    q.replace('%', "%25").replace('$', "%24").replace('{', "%7B").replace('}', "%7D").replace(' ', "%20")
}

async fn total(server: &Fixture, path: &str, q: &str) -> Value {
    let found = server.hawkbit("GET", &format!("{path}?q={}", encoded(q)), None).await;
    assert_eq!(found.status, 200, "{path} {q}: {}", found.text());
    found.expect(200)["total"].clone()
}

#[tokio::test]
async fn actions_are_found_by_what_their_targets_sets_rollouts_and_groups_are() {
    let (server, set, rollout) = ready("hb-action-rsql").await;
    assert_eq!(server.hawkbit("GET", "/actions", None).await.expect(200)["total"], 3);
    let group = rollout * 1_000_000;
    for (q, wanted) in [
        ("target.updateStatus==pending", 3),
        ("target.updateStatus==in_sync", 0),
        ("target.controllerId==pump-1", 2),
        ("target.name==first", 2),
        ("target.description=='*door'", 2),
        ("target.address=='http://10.0.0.1'", 2),
        ("target.ipAddress==10.0.0.1", 0),
        ("target.tag==lab", 2),
        ("target.tag!=lab", 1),
        ("target.metadata.Site==berlin", 2),
        ("target.attribute.hw==r1", 0),
        ("target.type==none", 0),
        ("target.installedDs.version==1", 2),
        ("target.assignedDs.version==2", 3),
        ("target.lastControllerRequestAt=lt=${OVERDUE_TS}", 0),
        ("target.createdAt=le=${NOW_TS}", 3),
        ("distributionSet.name==fw;distributionSet.version==2", 2),
        ("distributionSet.type==os", 3),
        ("distributionSet.valid==false", 0),
        ("rollout.name==pumps", 2),
        ("rollout.status==running", 2),
        ("rollout.distributionSet.version==2", 2),
        ("rollout=is=null", 1),
        ("rolloutgroup.name==canary", 1),
        ("rolloutGroup.description=='one of*'", 1),
        ("rolloutgroup.status==running", 2),
        ("externalRef==x", 0),
        ("externalRef=is=null", 3),
        ("lastStatusCode=is=null", 3),
        ("weight==700", 2),
        ("status==finished", 1),
        ("active==true;target.tag==lab", 1),
    ] {
        assert_eq!(total(&server, "/actions", q).await, wanted, "{q}");
    }
    assert_eq!(total(&server, "/actions", &format!("rolloutgroup.id=={group}")).await, 1);
    assert_eq!(total(&server, "/actions", &format!("distributionSet.id=={set}")).await, 2);
    assert_eq!(total(&server, "/targets/pump-1/actions", "rolloutgroup.name==canary").await, 1);
    assert_eq!(total(&server, "/targets/pump-2/actions", "target.tag==lab").await, 0);
    let sorted = server.hawkbit("GET", "/actions?sort=target.name:DESC,id:ASC", None).await.expect(200);
    let first = sorted["content"][0]["_links"]["target"]["href"].as_str().unwrap();
    assert!(first.ends_with("/pump-2"), "{first}");
}

#[tokio::test]
async fn a_field_that_actions_or_rollouts_do_not_have_is_refused_by_name() {
    let (server, _, _) = ready("hb-rsql-bad").await;
    for path in ["/actions", "/targets/pump-1/actions"] {
        for q in [
            "target.colour==red",
            "rollout.groups==1",
            "rolloutgroup.target.name==x",
            "distributionset.colour==red",
            "_q.status==x",
            "_target.tag==lab",
        ] {
            let refused = server.hawkbit("GET", &format!("{path}?q={q}"), None).await;
            assert_eq!(
                refused.hawkbit_error(400),
                "hawkbit.server.error.rest.param.rsqlInvalidField",
                "{path} {q}"
            );
        }
    }
    let refused = server.hawkbit("GET", "/rollouts?q=distributionset.colour==red", None).await;
    assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.rest.param.rsqlInvalidField");
    let refused = server.hawkbit("GET", "/actions?sort=target.colour:ASC", None).await;
    assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.rest.param.invalidField");
}

#[tokio::test]
async fn whoever_may_not_see_a_target_finds_no_action_by_it() {
    let (server, _, _) = ready("hb-rsql-scope").await;
    let token = json!({"name": "eu", "role": "operator", "scope": "tag==eu"});
    let made = server.post("/tokens", token).await.expect(201);
    let scoped = server.with_token(made["secret"].as_str().unwrap());
    for q in ["target.tag==lab", "target.tag!=lab", "target.updateStatus==pending"] {
        assert_eq!(total(&scoped, "/actions", q).await, 0, "{q}");
    }
}

#[tokio::test]
async fn rollouts_are_found_by_their_sets_and_by_what_is_shown_of_them() {
    let (server, set, rollout) = ready("hb-rollout-rsql").await;
    for (q, wanted) in [
        ("distributionSet.name==fw", 1),
        ("distributionset.version==1", 0),
        ("distributionset.type==os", 1),
        ("weight==700", 1),
        ("weight=gt=700", 0),
        ("status==running", 1),
        ("createdAt=le=${NOW_TS}", 1),
        ("description=='all*'", 1),
        ("dynamic==true", 0),
    ] {
        assert_eq!(total(&server, "/rollouts", q).await, wanted, "{q}");
    }
    assert_eq!(total(&server, "/rollouts", &format!("distributionset=={set};id=={rollout}")).await, 1);
    let found = server.hawkbit("GET", "/rollouts?q=distributionset.name==fw", None).await.expect(200);
    assert!(found["content"][0].get("_set").is_none(), "{found}");
}

#[tokio::test]
async fn sets_and_modules_are_found_by_the_number_of_their_type_and_filters_by_what_they_assign() {
    let server = Fixture::new("hb-type-rsql").await;
    let (_, set) = software(&server, "fw", "2.4").await;
    let app = json!([{"name": "app", "version": "1", "type": "application"}]);
    server.hawkbit("POST", "/softwaremodules", Some(app)).await.expect(201);
    let app = json!([{"name": "app", "version": "1", "type": "app"}]);
    server.hawkbit("POST", "/distributionsets", Some(app)).await.expect(201);
    for (path, types) in
        [("/softwaremodules", "/softwaremoduletypes"), ("/distributionsets", "/distributionsettypes")]
    {
        let types = server.hawkbit("GET", &format!("{types}?q=key==os"), None).await.expect(200);
        let id = &types["content"][0]["id"];
        let found = server.hawkbit("GET", &format!("{path}?q=type.id=={id}"), None).await.expect(200);
        assert_eq!((&found["total"], &found["content"][0]["name"]), (&json!(1), &json!("fw")), "{path}");
        assert_eq!(
            found["content"][0].as_object().unwrap().keys().find(|key| key.starts_with('_')).unwrap(),
            "_links"
        );
        assert_eq!(total(&server, path, &format!("type.id!={id}")).await, 1, "{path}");
        assert_eq!(total(&server, path, "type.id==99999").await, 0, "{path}");
    }
    let filter = json!({"name": "all", "query": "controllerId==*"});
    let filter = server.hawkbit("POST", "/targetfilters", Some(filter)).await.expect(201)["id"].clone();
    let lone = json!({"name": "lone", "query": "controllerId==*"});
    server.hawkbit("POST", "/targetfilters", Some(lone)).await.expect(201);
    let assigns = format!("/targetfilters/{filter}/autoAssignDS");
    server.hawkbit("POST", &assigns, Some(json!({"id": set}))).await.expect(200);
    for (q, wanted) in [
        ("autoassigndistributionset.name==fw", 1),
        ("autoAssignDistributionSet.version==2.*", 1),
        ("autoassigndistributionset.version==1", 0),
        ("autoassigndistributionset.name=is=null", 1),
        ("autoassigndistributionset.name!=fw", 1),
    ] {
        assert_eq!(total(&server, "/targetfilters", q).await, wanted, "{q}");
        assert_eq!(
            total(
                &server,
                &format!("/distributionsets/{set}/autoAssignTargetFilters"),
                "autoassigndistributionset.name==fw"
            )
            .await,
            1
        );
    }
    let found = server.hawkbit("GET", "/targetfilters?sort=autoassigndistributionset.name:DESC", None).await;
    let found = found.expect(200);
    assert_eq!(found["content"][0]["name"], "all");
    assert!(found["content"][0].get("_set").is_none(), "{found}");
    server
        .hawkbit("GET", "/targetfilters?q=autoassigndistributionset.colour==x", None)
        .await
        .hawkbit_error(400);
}

#[tokio::test]
async fn queries_that_are_kept_name_types_as_people_do() {
    let server = Fixture::new("hb-kept-type").await;
    let kind = json!([{"name": "Pump Type", "key": "pt"}, {"name": "Other", "key": "other"}]);
    let kinds = server.hawkbit("POST", "/targettypes", Some(kind)).await.expect(201);
    let new = json!([
        {"controllerId": "p1", "targetType": kinds[0]["id"]},
        {"controllerId": "p2", "targetType": kinds[1]["id"]},
        {"controllerId": "p3"},
    ]);
    server.hawkbit("POST", "/targets", Some(new)).await.expect(201);
    let (_, set) = software(&server, "fw", "1").await;
    for (index, (q, wanted)) in [
        ("targettype.name=='Pump Type'", 1),
        ("type.name=='pump*'", 1),
        ("type.name!='Pump Type'", 2),
        ("type.name=in=('Pump Type',Other);controllerId==p*", 2),
        ("targettype.name==nobody", 0),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(total(&server, "/targets", q).await, wanted, "{q}");
        if wanted == 0 {
            continue;
        }
        let rollout = json!({
            "name": format!("r{index}"), "distributionSetId": set, "targetFilterQuery": q, "dynamic": true,
            "amountGroups": 1,
        });
        let made = server.hawkbit("POST", "/rollouts", Some(rollout)).await;
        assert_eq!(made.status, 201, "{q}: {}", made.text());
        while server.rest.app.jobs_activate().await.unwrap() {}
        let id = made.expect(201)["id"].clone();
        let shown = server.hawkbit("GET", &format!("/rollouts/{id}"), None).await.expect(200);
        assert_eq!(shown["totalTargets"], wanted, "{q}: {shown}");
        assert_eq!(shown["targetFilterQuery"], q);
    }
    let grouped = json!({
        "name": "grouped", "distributionSetId": set, "targetFilterQuery": "controllerId==p*",
        "groups": [
            {"name": "pumps", "targetFilterQuery": "targettype.name=='Pump Type'", "targetPercentage": 100},
            {"name": "rest", "targetPercentage": 100},
        ],
    });
    let made = server.hawkbit("POST", "/rollouts", Some(grouped)).await.expect(201);
    while server.rest.app.jobs_activate().await.unwrap() {}
    let groups =
        server.hawkbit("GET", &format!("/rollouts/{}/deploygroups", made["id"]), None).await.expect(200);
    let sizes: Vec<_> =
        groups["content"].as_array().unwrap().iter().map(|one| &one["totalTargets"]).collect();
    assert_eq!(sizes, [1, 2], "{groups}");
}

#[tokio::test]
async fn queries_that_are_kept_ask_for_targets_by_their_id() {
    let server = Fixture::new("hb-kept-id").await;
    targets(&server, &["pump-1", "pump-2", "4711"]).await;
    let (_, set) = software(&server, "fw", "1").await;
    for (q, wanted) in [("id==pump-1", 1), ("id=in=(pump-2,4711)", 2), ("id!=pump-1;id==pump*", 1)] {
        let rollout = json!({
            "name": q, "distributionSetId": set, "targetFilterQuery": q, "dynamic": true, "amountGroups": 1,
        });
        let made = server.hawkbit("POST", "/rollouts", Some(rollout)).await;
        assert_eq!(made.status, 201, "{q}: {}", made.text());
        assert_eq!(made.expect(201)["totalTargets"], wanted, "{q}");
    }
    let grouped = json!({
        "name": "grouped", "distributionSetId": set, "targetFilterQuery": "id==*", "dynamic": true,
        "groups": [
            {"name": "pumps", "targetFilterQuery": "id==pump-1", "targetPercentage": 100},
            {"name": "rest", "targetPercentage": 100},
        ],
    });
    server.hawkbit("POST", "/rollouts", Some(grouped)).await.expect(201);
    let overrides = json!({"value": "00:05:00, id==pump-1 -> 00:01:00"});
    server.hawkbit("PUT", "/system/configs/pollingTime", Some(overrides)).await.expect(204);
    let never = json!({"value": "00:05:00, lastControllerRequestAt=ge=yesterday -> 00:01:00"});
    server.hawkbit("PUT", "/system/configs/pollingTime", Some(never)).await.hawkbit_error(400);
}

#[tokio::test]
async fn a_kept_query_that_names_more_types_than_it_may_says_what_the_name_stood_for() {
    let server = Fixture::new("hb-many-types").await;
    let (_, set) = software(&server, "fw", "1").await;
    let many: Vec<Value> = (0..501).map(|number| json!({"name": format!("t{number}")})).collect();
    let types = server.hawkbit("POST", "/targettypes", Some(Value::from(many))).await.expect(201);
    let pump = json!([{"controllerId": "pump", "targetType": types[0]["id"]}]);
    server.hawkbit("POST", "/targets", Some(pump)).await.expect(201);
    let rollout = json!({
        "name": "all", "distributionSetId": set, "targetFilterQuery": "type.name==t*", "dynamic": true,
        "amountGroups": 1,
    });
    let refused = server.hawkbit("POST", "/rollouts", Some(rollout)).await;
    let message = refused.expect(400)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("type.name") && message.contains("type.key"), "{message}");
}

#[tokio::test]
async fn queries_that_are_too_deep_or_too_long_are_refused_at_every_door_and_the_server_goes_on() {
    let server = Fixture::new("hb-rsql-bounds").await;
    targets(&server, &["pump-1"]).await;
    let (_, set) = software(&server, "fw", "1").await;
    let deep = format!("{}controllerId==pump-1{}", "(".repeat(1_000), ")".repeat(1_000));
    let refused = server.hawkbit("GET", &format!("/targets?q={deep}"), None).await;
    assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.rest.param.rsqlParamSyntax");
    // The first is within what a body may have, the second is not.
    for length in [1_000_000, 2_000_000] {
        let long = format!("controllerId=={}", "a".repeat(length));
        for query in [&deep, &long] {
            let filter = json!({"name": "all", "query": query});
            let rollout = json!({
                "name": "all", "distributionSetId": set, "targetFilterQuery": query, "amountGroups": 1,
            });
            let interval = json!({"value": format!("00:05:00, {query} -> 00:01:00")});
            for (method, path, body) in [
                ("POST", "/targetfilters", filter),
                ("POST", "/rollouts", rollout),
                ("PUT", "/system/configs/pollingTime", interval),
            ] {
                let status = server.hawkbit(method, path, Some(body)).await.status;
                assert!((400..500).contains(&status), "{path} with {} bytes: {status}", query.len());
            }
        }
    }
    assert_eq!(total(&server, "/targets", "controllerId==pump-1").await, 1);
    for path in ["/targetfilters", "/rollouts"] {
        assert_eq!(server.hawkbit("GET", path, None).await.expect(200)["total"], 0, "{path}");
    }
    let interval = server.hawkbit("GET", "/system/configs/pollingTime", None).await.expect(200);
    assert_eq!(interval["value"], "00:05:00");
}
