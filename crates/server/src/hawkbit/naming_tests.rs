//! Names as people write them: what is taken, and what is refused wherever something is named.

use serde_json::{Value, json};

use super::fixture::{software, targets};
use crate::rest::fixture::Fixture;
use crate::rest::io::part;

/// What is nobody's name: unseen characters, turned directions, markup, nothing at all.
const BAD: [&str; 13] = [
    " ",
    "a\nb",
    "a\0b",
    "a\u{7f}",
    "gpj.\u{202e}exe",
    "a\u{200b}b",
    "a\u{200d}",
    "a\u{a0}b",
    "\u{2800}",
    "\u{301}a",
    "a\u{ffff}",
    "<script>alert(1)</script>",
    "a<img src=x>",
];
/// What people do write.
const GOOD: [&str; 6] =
    ["my tag", "펌웨어 (시험)", "it's \"new\" \\ *50%*", "%2F; a,b = c!", "<3 & ünï", "Ünïcode"];

/// Asks for what a query finds.
async fn found(server: &Fixture, path: &str, query: &str) -> Value {
    server.hawkbit("GET", &format!("{path}?q={}", part(query)), None).await.expect(200)["total"].clone()
}

#[tokio::test]
async fn what_looks_like_another_name_is_refused_wherever_something_is_named() {
    let server = Fixture::new("hb-named").await;
    let long = "펌".repeat(129);
    for bad in BAD.into_iter().chain([long.as_str()]) {
        for (path, body) in [
            ("softwaremodules", json!([{"name": bad, "version": "1", "type": "os"}])),
            ("softwaremodules", json!([{"name": "a", "version": bad, "type": "os"}])),
            ("distributionsets", json!([{"name": bad, "version": "1", "type": "os"}])),
            ("distributionsets", json!([{"name": "a", "version": bad, "type": "os"}])),
            ("targettags", json!([{"name": bad}])),
            ("distributionsettags", json!([{"name": bad}])),
            ("softwaremoduletypes", json!([{"key": "k", "name": bad}])),
            ("softwaremoduletypes", json!([{"key": bad, "name": "n"}])),
            ("distributionsettypes", json!([{"key": "k", "name": bad}])),
            ("targettypes", json!([{"name": bad}])),
            ("targetfilters", json!({"name": bad, "query": "name==*"})),
            ("targets", json!([{"controllerId": "a", "name": if bad == " " { "\u{200b}" } else { bad }}])),
            (
                "rollouts",
                json!({"name": bad, "distributionSetId": 1, "targetFilterQuery": "name==*", "amountGroups": 1}),
            ),
        ] {
            let refused = server.hawkbit("POST", &format!("/{path}"), Some(body.clone())).await;
            assert_eq!(refused.status, 400, "{path} {body}: {}", refused.text());
            refused.hawkbit_error(400);
        }
    }
    for bad in [".", "..", "a/b", "a@b", "../a"] {
        let body = json!([{"name": bad, "version": "1", "type": "os"}]);
        server.hawkbit("POST", "/softwaremodules", Some(body.clone())).await.hawkbit_error(400);
        server.hawkbit("POST", "/distributionsets", Some(body)).await.hawkbit_error(400);
        let ours = json!({"name": bad, "version": "1", "type": "os"});
        let problem = server.post("/components", ours).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["name"]);
    }
    for (path, fields) in
        [("components", vec!["name", "version"]), ("releases", vec!["components", "name", "version"])]
    {
        let mut body = json!({"name": "a\u{202e}b", "version": " 1"});
        if path == "releases" {
            body["components"] = json!([]);
        }
        let problem = server.post(&format!("/{path}"), body).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), fields);
    }
    for list in ["softwaremodules", "distributionsets", "targettags", "distributionsettags", "targetfilters"]
    {
        assert_eq!(server.hawkbit("GET", &format!("/{list}"), None).await.expect(200)["total"], 0, "{list}");
    }
}

#[tokio::test]
async fn software_is_called_as_people_write_in_both_interfaces() {
    let server = Fixture::new("hb-called").await;
    for name in GOOD {
        let version = "1.0 beta (β)";
        let module = json!([{"name": name, "version": version, "type": "os"}]);
        let module = server.hawkbit("POST", "/softwaremodules", Some(module)).await.expect(201);
        let set =
            json!([{"name": name, "version": version, "type": "os", "modules": [{"id": module[0]["id"]}]}]);
        server.hawkbit("POST", "/distributionsets", Some(set.clone())).await.expect(201);
        server.hawkbit("POST", "/distributionsets", Some(set)).await.hawkbit_error(409);
        for (kind, list) in [("components", "/softwaremodules"), ("releases", "/distributionsets")] {
            let one = server.get(&format!("/{kind}/{}/{}", part(name), part(version))).await.expect(200);
            assert_eq!((&one["name"], &one["version"]), (&json!(name), &json!(version)));
            let query = format!(
                "name=={};version=={}",
                windlass_query::quoted(name),
                windlass_query::quoted(version)
            );
            assert_eq!(found(&server, list, &query).await, 1, "{query}");
        }
        server.delete(&format!("/releases/{}/{}", part(name), part(version))).await.expect(204);
        server
            .get(&format!("/releases/{}/{}", part(name), part(version)))
            .await
            .problem(404, "release.not_found");
    }
    // However marks were put down.
    server.post("/components", json!({"name": "Pu\u{308}mpe", "version": "1"})).await.expect(201);
    server
        .post("/components", json!({"name": "Pümpe", "version": "1"}))
        .await
        .problem(409, "component.exists");
    assert_eq!(server.get("/components/Pu%CC%88mpe/1").await.expect(200)["name"], "Pümpe");
    // A trail of slashes and dots leads nowhere.
    server.get("/components/a%2F..%2FPu/1").await.problem(404, "component.not_found");
}

#[tokio::test]
async fn tags_have_blanks_and_any_script_and_find_what_has_them() {
    let server = Fixture::new("hb-free-tags").await;
    targets(&server, &["pump", "other"]).await;
    let (_, set) = software(&server, "fw", "1").await;
    for name in GOOD {
        let quoted = windlass_query::quoted(name);
        for (tags, member, list) in [
            ("targettags", json!("pump"), "/targets"),
            ("distributionsettags", json!(set), "/distributionsets"),
        ] {
            let made =
                server.hawkbit("POST", &format!("/{tags}"), Some(json!([{"name": name}]))).await.expect(201);
            assert_eq!(made[0]["name"], name);
            let path = format!("/{tags}/{}", made[0]["id"]);
            server.hawkbit("PUT", &format!("{path}/assigned"), Some(json!([member]))).await.expect(204);
            assert_eq!(found(&server, list, &format!("tag=={quoted}")).await, 1, "{quoted}");
            assert_eq!(found(&server, &format!("/{tags}"), &format!("name=={quoted}")).await, 1, "{quoted}");
            let assigned = server.hawkbit("GET", &format!("{path}/assigned"), None).await.expect(200);
            assert_eq!(assigned["total"], 1, "{name}");
        }
        let ours = server.get(&format!("/devices?q={}", part(&format!("tag=={quoted}")))).await.expect(200);
        assert_eq!((&ours["total"], &ours["items"][0]["name"]), (&json!(1), &json!("pump")));
        let job = json!({"kind": "custom", "document": {}, "targets": {"tag": name}, "begin": "manually"});
        let job = server.post("/jobs", job).await.expect(201);
        assert_eq!(job["counts"]["targets"], 1, "{name}: {job}");
    }
    // What is in quotes ends where they end.
    for query in ["tag=='it's'", "tag=='a' or name==*'", "tag==\"x", "tag=='\\'"] {
        let refused = server.hawkbit("GET", &format!("/targets?q={}", part(query)), None).await;
        assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.rest.param.rsqlParamSyntax", "{query}");
    }
    // One that is taken away is taken from nobody else.
    let all = server.hawkbit("GET", "/targettags?limit=50", None).await.expect(200);
    for tag in all["content"].as_array().unwrap() {
        server.hawkbit("DELETE", &format!("/targettags/{}", tag["id"]), None).await.expect(204);
    }
    assert_eq!(server.get("/devices/pump").await.expect(200)["tags"], json!([]));
}

#[tokio::test]
async fn a_tag_with_a_star_means_no_other_tag() {
    let server = Fixture::new("hb-star").await;
    targets(&server, &["a", "b"]).await;
    let made = server.hawkbit("POST", "/targettags", Some(json!([{"name": "eu*"}, {"name": "eu 1"}]))).await;
    let made = made.expect(201);
    for (tag, target) in [(0, "a"), (1, "b")] {
        let path = format!("/targettags/{}/assigned", made[tag]["id"]);
        server.hawkbit("PUT", &path, Some(json!([target]))).await.expect(204);
    }
    let star = format!("/targettags/{}", made[0]["id"]);
    assert_eq!(server.hawkbit("GET", &format!("{star}/assigned"), None).await.expect(200)["total"], 1);
    server.hawkbit("PUT", &star, Some(json!({"name": "europe"}))).await.expect(200);
    assert_eq!(server.get("/devices/a").await.expect(200)["tags"], json!(["europe"]));
    assert_eq!(server.get("/devices/b").await.expect(200)["tags"], json!(["eu 1"]));
}

#[tokio::test]
async fn metadata_of_targets_has_values_as_long_as_that_of_sets() {
    let server = Fixture::new("hb-long-values").await;
    targets(&server, &["pump"]).await;
    let (_, set) = software(&server, "fw", "1").await;
    for holder in ["/targets/pump/metadata".to_owned(), format!("/distributionsets/{set}/metadata")] {
        let post = async |value: String| {
            server.hawkbit("POST", &holder, Some(json!([{"key": "note", "value": value}]))).await
        };
        post("펌".repeat(4_001)).await.hawkbit_error(400);
        post("펌".repeat(4_000)).await.bytes_of(201);
        let kept = server.hawkbit("GET", &format!("{holder}/note"), None).await.expect(200);
        assert_eq!(kept["value"].as_str().unwrap().chars().count(), 4_000);
    }
    let odd = json!([{"key": "a b", "value": "1"}]);
    let refused = server.hawkbit("POST", "/targets/pump/metadata", Some(odd)).await;
    refused.hawkbit_error(400);
    assert!(refused.text().contains("attribute key must be"), "{}", refused.text());
}

#[tokio::test]
async fn types_are_called_as_people_write() {
    let server = Fixture::new("hb-free-types").await;
    for name in GOOD {
        let kinds = [
            ("softwaremoduletypes", json!([{"key": name, "name": name}])),
            ("distributionsettypes", json!([{"key": name, "name": name}])),
            ("targettypes", json!([{"name": name}])),
        ];
        for (path, body) in kinds {
            let made = server.hawkbit("POST", &format!("/{path}"), Some(body)).await.expect(201);
            assert_eq!(made[0]["name"], name, "{path}");
            let query = format!("name=={}", windlass_query::quoted(name));
            assert_eq!(found(&server, &format!("/{path}"), &query).await, 1, "{path} {query}");
        }
        let module = json!([{"name": "m", "version": name, "type": name}]);
        let made = server.hawkbit("POST", "/softwaremodules", Some(module)).await.expect(201);
        assert_eq!((&made[0]["type"], &made[0]["typeName"]), (&json!(name), &json!(name)));
        let one = server.get(&format!("/components/m/{}?type={}", part(name), part(name))).await.expect(200);
        assert_eq!(one["type"], name);
    }
    // Of names in other scripts little is left for the device type's own.
    for name in ["펌프", "밸브", "++"] {
        let made = server.hawkbit("POST", "/targettypes", Some(json!([{"name": name}]))).await.expect(201);
        let key = made[0]["key"].as_str().unwrap();
        assert!(key.starts_with("type-") && key.len() == 17, "{name}: {key}");
        server.hawkbit("POST", "/targettypes", Some(json!([{"name": name}]))).await.hawkbit_error(409);
    }
}

#[tokio::test]
async fn changed_names_are_kept_as_new_ones_and_met_however_they_are_written() {
    let server = Fixture::new("hb-composed").await;
    let (_, set) = software(&server, "fw", "1").await;
    targets(&server, &["pump"]).await;
    let apart = " Pu\u{308}mpe ";
    let id = |made: &Value| made["id"].as_i64().unwrap();
    let filter = |name: &str| json!({"name": name, "query": "name==*"});
    let kept = server.hawkbit("POST", "/targetfilters", Some(filter("Pümpe"))).await.expect(201);
    let other = server.hawkbit("POST", "/targetfilters", Some(filter("b"))).await.expect(201);
    let path = format!("/targetfilters/{}", id(&other));
    server.hawkbit("PUT", &path, Some(json!({"name": apart}))).await.hawkbit_error(409);
    let path = format!("/targetfilters/{}", id(&kept));
    let same = server.hawkbit("PUT", &path, Some(json!({"name": apart}))).await.expect(200);
    assert_eq!(same["name"], "Pümpe");

    let types = json!([{"name": "Pümpe"}, {"name": apart}]);
    server.hawkbit("POST", "/targettypes", Some(types)).await.hawkbit_error(409);
    let spare = server.hawkbit("POST", "/targettypes", Some(json!([{"name": "spare"}]))).await.expect(201);
    let path = format!("/targettypes/{}", id(&spare[0]));
    server.hawkbit("PUT", &path, Some(json!({"name": apart}))).await.hawkbit_error(409);

    let group = json!({"name": apart, "targetPercentage": 100.0});
    let rollout = |name: &str| {
        json!({
            "name": name, "distributionSetId": set, "targetFilterQuery": "name==*", "groups": [group.clone()],
        })
    };
    server.hawkbit("POST", "/rollouts", Some(rollout("Pümpe"))).await.expect(201);
    let other = server.hawkbit("POST", "/rollouts", Some(rollout("b"))).await.expect(201);
    let path = format!("/rollouts/{}", id(&other));
    let groups = server.hawkbit("GET", &format!("{path}/deploygroups"), None).await.expect(200);
    assert_eq!(groups["content"][0]["name"], "Pümpe");
    server.hawkbit("PUT", &path, Some(json!({"name": apart}))).await.hawkbit_error(409);
    let renamed = server.hawkbit("PUT", &path, Some(json!({"name": " be\u{301} "}))).await.expect(200);
    assert_eq!(renamed["name"], "bé");
    server.hawkbit("POST", "/rollouts", Some(rollout("be\u{301}"))).await.hawkbit_error(409);

    let target = server.hawkbit("PUT", "/targets/pump", Some(json!({"name": apart}))).await.expect(200);
    assert_eq!(target["name"], "Pümpe");
}

#[tokio::test]
async fn keys_of_types_are_met_however_they_are_written() {
    let server = Fixture::new("hb-composed-keys").await;
    for kind in ["softwaremoduletypes", "distributionsettypes"] {
        let made = json!([{"key": "Pümpe", "name": "Pümpe"}]);
        server.hawkbit("POST", &format!("/{kind}"), Some(made)).await.expect(201);
    }
    // 43 syllables are 129 letters where they are apart.
    let long = "\u{1111}\u{1165}\u{11b7}".repeat(43);
    for kind in ["softwaremodules", "distributionsets"] {
        let made = json!([{"name": long, "version": "1", "type": "Pu\u{308}mpe"}]);
        let made = server.hawkbit("POST", &format!("/{kind}"), Some(made)).await.expect(201);
        assert_eq!((&made[0]["type"], &made[0]["name"]), (&json!("Pümpe"), &json!("펌".repeat(43))));
    }
}

#[tokio::test]
async fn jobs_are_found_by_their_releases_name_in_any_script() {
    let server = Fixture::new("hb-job-words").await;
    targets(&server, &["pump"]).await;
    software(&server, "Ärger-Fix", "Über 1").await;
    let job = json!({
        "kind": "update", "release": {"name": "Ärger-Fix", "version": "Über 1"}, "targets": {"devices": ["pump"]},
        "begin": "manually",
    });
    server.post("/jobs", job).await.expect(201);
    for text in ["Ärger", "ärger", "ÄRGER-FIX ÜBER", "a\u{308}rger", "über 1"] {
        let found = server.get(&format!("/jobs?q={}", part(text))).await.expect(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{text}");
    }
    let found = server.get(&format!("/jobs?q={}", part("ärgern"))).await.expect(200);
    assert_eq!(found["items"], json!([]));
}

#[tokio::test]
async fn a_tag_like_a_placeholder_is_that_tag() {
    let server = Fixture::new("hb-placeholder").await;
    targets(&server, &["a", "b"]).await;
    let made = server.hawkbit("POST", "/targettags", Some(json!([{"name": "${NOW_TS}"}]))).await.expect(201);
    let path = format!("/targettags/{}/assigned", made[0]["id"]);
    server.hawkbit("PUT", &path, Some(json!(["a"]))).await.expect(204);
    let found = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!((&found["total"], &found["content"][0]["controllerId"]), (&json!(1), &json!("a")));
    assert_eq!(server.hawkbit("GET", &format!("{path}?q=name==b"), None).await.expect(200)["total"], 0);
    assert_eq!(server.hawkbit("GET", &format!("{path}?q=name==a"), None).await.expect(200)["total"], 1);
}

#[tokio::test]
async fn attributes_of_one_device_are_bounded_together() {
    let server = Fixture::new("hb-bytes").await;
    targets(&server, &["pump"]).await;
    let of = |count: usize| {
        let entries = (0..count).map(|at| (format!("k{at}"), json!("x".repeat(4_000))));
        Value::Object(entries.collect())
    };
    server.patch("/devices/pump", json!({"attributes": of(28)})).await.expect(200);
    let more = json!({"attributes": {"more": "x".repeat(3_200)}});
    let problem = server.patch("/devices/pump", more).await.problem(400, "request.invalid");
    assert_eq!(problem.fields(), ["attributes"]);
    let entry = json!([{"key": "more", "value": "x".repeat(3_200)}]);
    let refused = server.hawkbit("POST", "/targets/pump/metadata", Some(entry)).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    let entry = json!([{"key": "more", "value": "x"}]);
    server.hawkbit("POST", "/targets/pump/metadata", Some(entry)).await.bytes_of(201);
    let problem = server.post("/devices", json!({"name": "new", "attributes": of(29)})).await;
    assert_eq!(problem.problem(400, "request.invalid").fields(), ["attributes"]);
    let of_type = json!({"name": "board", "defaultAttributes": of(29)});
    let problem = server.post("/types", of_type).await.problem(400, "request.invalid");
    assert_eq!(problem.fields(), ["defaultAttributes"]);
    // Both together, too.
    server.post("/types", json!({"name": "board", "defaultAttributes": of(20)})).await.expect(201);
    let own: serde_json::Map<String, Value> =
        (0..10).map(|at| (format!("own{at}"), json!("x".repeat(4_000)))).collect();
    let new = json!({"name": "new", "type": "board", "attributes": own});
    assert_eq!(server.post("/devices", new).await.problem(400, "request.invalid").fields(), ["attributes"]);
}
