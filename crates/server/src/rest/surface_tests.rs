//! Tests over the whole surface: every operation × everybody, and the two published files.

use std::fmt::Write;

use serde_json::{Value, json};
use windlass_domain::ids::TenantId;
use windlass_domain::permission::{Principal, Role, allows};

use super::access::Access;
use super::fixture::Fixture;
use super::{conformance, openapi, table};

const PERMISSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/permissions.md");

/// Holds a published file against what it is made of; writes it when `WINDLASS_UPDATE=1`.
#[expect(clippy::disallowed_methods, reason = "the one switch that says to write published files anew")]
#[track_caller]
fn published(path: &str, wanted: &str) {
    if std::env::var("WINDLASS_UPDATE").as_deref() == Ok("1") {
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, wanted).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let differs = kept.lines().zip(wanted.lines()).position(|(kept, wanted)| kept != wanted);
    assert!(
        kept == wanted,
        "{path} is out of date (first at line {}); run: WINDLASS_UPDATE=1 cargo test -p windlass-server published",
        differs.unwrap_or_else(|| kept.lines().count().min(wanted.lines().count())) + 1
    );
}

#[tokio::test]
async fn the_published_document_is_the_one_that_is_served() {
    let server = Fixture::new("surface-openapi").await;
    let (_, document) = openapi::build(&server.rest);
    published(conformance::PATH, &document.0);
    let served = server.anonymous().get("/openapi.json").await;
    assert_eq!(served.text(), *document.0);
}

#[tokio::test]
async fn the_published_table_of_permissions_is_what_is_enforced() {
    let server = Fixture::new("surface-table").await;
    let mut text = String::from(
        "# Who may do what\n\nEvery operation of REST v1 by role. Made from the table that the server enforces; a \
         test holds it against that table and tries every line. Other tenants see nothing: what is there for \
         nobody else answers 404.\n\n| operation | permission | admin | operator | viewer | installer |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for operation in table(&server.rest) {
        let permission = match operation.access {
            Access::Anyone => "anyone",
            Access::SignedIn => "signed in",
            Access::Needs(permission) => permission.as_str(),
        };
        let cells = Role::ALL.iter().map(|role| if may(*role, operation.access) { "yes" } else { "–" });
        let cells: Vec<&str> = cells.collect();
        let line =
            format!("| `{} {}` | {permission} | {} |", operation.method, operation.path, cells.join(" | "));
        writeln!(text, "{line}").unwrap();
    }
    published(PERMISSIONS, &text);
}

fn may(role: Role, access: Access) -> bool {
    match access {
        Access::Anyone | Access::SignedIn => true,
        Access::Needs(permission) => allows(&Principal::user(TenantId::new(1), "somebody", role), permission),
    }
}

/// Every operation as the document says, with placeholders filled in.
fn every_operation(document: &Value, id: &str) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let filled = path
                .strip_prefix("/api/v1")
                .unwrap()
                .replace("{id}", id)
                .replace("{name}", "thing-1")
                .replace("{path}", "eu%2Fberlin")
                .replace("{version}", "1")
                .replace("{shadow}", "net")
                .replace("{metric}", "temperature")
                .replace("{device}", "thing-1")
                .replace("{protocol}", "aws")
                .replace("{externalId}", "thing-1");
            assert!(!filled.contains('{'), "give {path} a value for its placeholder");
            all.push((method.to_uppercase(), filled, operation.clone()));
        }
    }
    assert!(all.len() > 60, "only {} operations", all.len());
    all
}

#[tokio::test]
async fn every_operation_refuses_strangers_before_it_looks_at_anything() {
    let server = Fixture::new("surface-strangers").await;
    let document: Value = serde_json::from_str(&openapi::build(&server.rest).1.0).unwrap();
    let strangers = [
        server.anonymous(),
        server.with_token("wl_0000000000000000000000000000000000000000000"),
        server.with_authorization("Bearer"),
        server.with_authorization("Basic not-base64"),
        server.with_authorization("Negotiate abc"),
        server.with_authorization("Bearer ' OR 1=1 --"),
    ];
    for (method, path, operation) in every_operation(&document, "1") {
        if operation["security"] == json!([{}]) {
            continue;
        }
        for stranger in &strangers {
            // Neither body nor query are right, and nobody gets to hear of it.
            let answer = stranger.send(&method, &format!("{path}?nonsense=1"), &[], "not json").await;
            answer.problem(401, "auth.required");
            assert!(answer.header("www-authenticate").is_some());
        }
    }
}

#[tokio::test]
async fn every_operation_refuses_roles_without_its_permission_before_it_looks_at_anything() {
    let server = Fixture::new("surface-roles").await;
    let document: Value = serde_json::from_str(&openapi::build(&server.rest).1.0).unwrap();
    // No token has this number: the administrator's own is not to be revoked on the way.
    let operations = every_operation(&document, "999");
    let table = table(&server.rest);
    assert_eq!(operations.len(), table.len());
    for role in Role::ALL {
        let somebody = server.as_role(role.as_str()).await;
        for (method, path, operation) in &operations {
            let id = operation["operationId"].as_str().unwrap();
            let access = table.iter().find(|one| one.id == id).unwrap().access;
            let answer = somebody.send(method, &format!("{path}?nonsense=1"), &[], "not json").await;
            if may(*role, access) {
                assert!(!matches!(answer.status, 401 | 403), "{role} {method} {path}: {}", answer.text());
            } else {
                answer.problem(403, "auth.forbidden");
            }
        }
    }
}

#[tokio::test]
async fn what_one_tenant_has_is_not_there_for_another() {
    let server = Fixture::new("surface-tenants").await;
    let other = server.in_another_tenant("acme").await;
    fill(&server).await;
    let document: Value = serde_json::from_str(&openapi::build(&server.rest).1.0).unwrap();
    for (method, path, operation) in every_operation(&document, "1") {
        let placeholders = operation["parameters"].as_array().cloned().unwrap_or_default();
        if method != "GET" || !placeholders.iter().any(|one| one["in"] == "path") {
            continue;
        }
        let own = server.send(&method, &path, &[], "").await;
        let foreign = other.send(&method, &path, &[], "").await;
        assert_eq!(foreign.status, 404, "{method} {path}: {}", foreign.text());
        assert_eq!(own.status, 200, "{method} {path} is not tried: {}", own.text());
    }
    for list in [
        "/devices",
        "/types",
        "/groups",
        "/claims",
        "/templates",
        "/artifacts",
        "/uploads",
        "/components",
        "/releases",
        "/jobs",
        "/alerts",
        "/notifications",
        "/command-templates",
        "/auto-assignments",
    ] {
        let seen = other.get(list).await.expect(200);
        assert_eq!(seen["items"], json!([]), "{list}");
        assert_ne!(server.get(list).await.expect(200)["items"], json!([]), "{list}");
    }
    other.delete("/devices/thing-1/shadow").await.problem(404, "device.not_found");
    other.act("/jobs/1/cancel").await.problem(404, "job.not_found");
    other.post("/credentials/1/revoke", json!({})).await.problem(404, "credential.not_found");
}

/// One of everything.
async fn fill(server: &Fixture) {
    server.post("/types", json!({"name": "thing-1"})).await.expect(201);
    server.post("/devices", json!({"name": "thing-1", "type": "thing-1"})).await.expect(201);
    server.post("/groups", json!({"path": "eu/berlin"})).await.expect(201);
    server.post("/groups/eu%2Fberlin/members", json!({"add": ["thing-1"]})).await.expect(200);
    server
        .post("/devices/thing-1/credentials", json!({"csr": super::fixture::csr("thing-1")}))
        .await
        .expect(201);
    server.put("/devices/thing-1/token", json!({})).await.expect(200);
    let claim = json!({"name": "thing-1", "expiresAt": "2026-01-01T01:00:00Z"});
    server.post("/claims", claim).await.expect(201);
    let resources = json!({"thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "x"}}});
    server.put("/templates/thing-1", json!({"body": {"Resources": resources}})).await.expect(201);
    server.patch("/devices/thing-1/shadow", json!({"desired": {"a": 1}})).await.expect(200);
    server.patch("/devices/thing-1/shadows/net", json!({"desired": {"a": 1}})).await.expect(200);
    let artifact = server.upload("thing-1", b"bytes").await.expect(201);
    server.put("/artifacts/1/link", json!({})).await.expect(200);
    server.post("/uploads", json!({"name": "thing-1", "size": 5})).await.expect(201);
    let component = json!({"name": "thing-1", "version": "1", "artifacts": [artifact["id"]]});
    server.post("/components", component).await.expect(201);
    let components = json!([{"name": "thing-1", "version": "1"}]);
    server
        .post("/releases", json!({"name": "thing-1", "version": "1", "components": components}))
        .await
        .expect(201);
    let assigns = json!({"name": "all", "targetFilterQuery": "name==*", "distributionSetId": 1});
    server.hawkbit("POST", "/autoassignments", Some(assigns)).await.expect(201);
    let targets = json!({"devices": ["thing-1"]});
    server.post("/jobs", json!({"kind": "custom", "document": {}, "targets": targets})).await.expect(201);
    server.put("/command-templates/thing-1", json!({"command": "reboot"})).await.expect(201);
    server.post("/devices/thing-1/commands", json!({"command": "reboot"})).await.expect(202);
    while server.rest.app.jobs_activate().await.unwrap() {}
    let channel = json!({"kind": "webhook", "url": "https://hooks.example.com/"});
    server.put("/notifications/thing-1", channel).await.expect(201);
    while server.rest.app.alerts_activate().await.unwrap() {}
}

#[tokio::test]
async fn paths_and_methods_that_there_are_not_answer_with_problems() {
    let server = Fixture::new("surface-paths").await;
    for path in ["/", "/api", "/api/v1", "/api/v2/devices", "/api/v1/devices/a/b/c/d", "/rest/v2/targets"] {
        server.outside("GET", path).await.problem(404, "path.not_found");
    }
    server.send("PUT", "/devices", &[], "").await.problem(405, "path.method_not_allowed");
}

#[tokio::test]
async fn every_answer_carries_the_headers_of_safety() {
    let server = Fixture::new("surface-headers").await;
    for answer in [server.get("/me").await, server.anonymous().get("/me").await, server.get("/nowhere").await]
    {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert_eq!(answer.header("x-request-id").unwrap().len(), 16);
    }
}

#[tokio::test]
async fn bodies_that_are_too_large_cut_or_no_json_are_refused() {
    let server = Fixture::new("surface-bodies").await;
    let json = [("content-type", "application/json")];
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(1_100_000));
    server.send("POST", "/devices", &json, large).await.problem(413, "request.too_large");
    server.send("POST", "/devices", &json, "{\"name\": ").await.problem(400, "request.not_json");
    server.send("POST", "/devices", &json, vec![0xff, 0xfe]).await.problem(400, "request.not_json");
    server.send("POST", "/devices", &[], "{\"name\": \"a\"}").await.problem(415, "request.media_type");
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    server.send("POST", "/devices", &json, deep).await.problem(400, "request.not_json");
    assert_eq!(server.get("/devices").await.expect(200)["items"], json!([]));
}
