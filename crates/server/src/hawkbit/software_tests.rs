//! Modules, artifacts, sets and their types, as hawkBit's clients make them.

use axum::body::Body;
use serde_json::{Value, json};

use super::fixture::{FORM, form, software, upload};
use crate::rest::fixture::Fixture;

#[tokio::test]
async fn everybody_who_signed_in_hears_who_they_are() {
    let server = Fixture::new("hb-userinfo").await;
    let user = json!({"name": "anna", "password": "correct horse battery", "role": "operator"});
    server.post("/users", user).await.expect(201);
    for name in ["anna", "default\\anna", "DEFAULT\\anna", "default/anna"] {
        let info =
            server.with_password(name, "correct horse battery").hawkbit("GET", "/userinfo", None).await;
        assert_eq!(info.expect(200), json!({"tenant": "DEFAULT", "username": "anna"}), "{name}");
    }
    let token = server.post("/tokens", json!({"name": "ci", "role": "viewer"})).await.expect(201);
    let as_password = server.with_password("whoever", token["secret"].as_str().unwrap());
    as_password.hawkbit("GET", "/userinfo", None).await.expect(200);
    let wrong = server.with_password("anna", "wrong").hawkbit("GET", "/userinfo", None).await;
    assert_eq!(wrong.hawkbit_error(401), "hawkbit.server.error.rest.unauthorized");
    assert!(wrong.header("www-authenticate").unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn the_types_that_clients_take_for_granted_are_there() {
    let server = Fixture::new("hb-types").await;
    let types = server.hawkbit("GET", "/softwaremoduletypes", None).await.expect(200);
    let keys: Vec<_> = types["content"].as_array().unwrap().iter().map(|one| &one["key"]).collect();
    assert_eq!(keys, ["os", "application", "runtime"]);
    assert_eq!(types["content"][0]["maxAssignments"], 1);
    assert_eq!((&types["total"], &types["size"]), (&json!(3), &json!(3)));
    let types = server.hawkbit("GET", "/distributionsettypes?q=key==os*", None).await.expect(200);
    let keys: Vec<_> = types["content"].as_array().unwrap().iter().map(|one| &one["key"]).collect();
    assert_eq!(keys, ["os", "os_app"]);
    let made = json!([{"key": "fpga", "name": "FPGA", "maxAssignments": 2}]);
    let made = server.hawkbit("POST", "/softwaremoduletypes", Some(made.clone())).await.expect(201);
    let fpga = made[0]["id"].as_i64().unwrap();
    let again = json!([{"key": "fpga", "name": "FPGA"}]);
    let again = server.hawkbit("POST", "/softwaremoduletypes", Some(again)).await;
    assert_eq!(again.hawkbit_error(409), "hawkbit.server.error.repo.entityAlreadyExists");
    let set = json!([{"key": "board", "name": "Board", "mandatorymodules": [{"id": fpga}]}]);
    let set = server.hawkbit("POST", "/distributionsettypes", Some(set)).await.expect(201);
    let path = format!("/distributionsettypes/{}/mandatorymoduletypes", set[0]["id"]);
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)[0]["key"], "fpga");
    let unknown = json!([{"key": "x", "name": "X", "mandatorymodules": [{"id": 999}]}]);
    server.hawkbit("POST", "/distributionsettypes", Some(unknown)).await.hawkbit_error(404);
    let changed = json!({"description": "programmable", "colour": "blue"});
    let path = format!("/softwaremoduletypes/{fpga}");
    let changed = server.hawkbit("PUT", &path, Some(changed)).await.expect(200);
    assert_eq!(changed["description"], "programmable");
    server.hawkbit("DELETE", &path, None).await.expect(204);
    let rest = server.hawkbit("GET", "/softwaremoduletypes", None).await.expect(200);
    assert_eq!(rest["total"], 3);
}

#[tokio::test]
async fn what_a_client_makes_is_a_component_and_a_release_here() {
    let server = Fixture::new("hb-software").await;
    let (module, set) = software(&server, "pump-fw", "2.4.1").await;
    let component = server.get("/components/pump-fw/2.4.1").await.expect(200);
    assert_eq!(component["type"], "os");
    assert_eq!(component["artifacts"][0]["name"], "pump-fw.swu");
    let release = server.get("/releases/pump-fw/2.4.1").await.expect(200);
    assert_eq!(release["components"][0]["name"], "pump-fw");
    let shown = server.hawkbit("GET", &format!("/distributionsets/{set}"), None).await.expect(200);
    assert_eq!(shown["complete"], true);
    assert_eq!(shown["modules"][0]["id"], module);
    assert_eq!(shown["type"], "os");
    assert_eq!(shown["createdAt"], 1_767_225_600_000_i64);
    assert!(shown["_links"]["self"]["href"].as_str().unwrap().ends_with(&format!("/distributionsets/{set}")));
    for (links, key) in [(&shown["_links"], "os"), (&shown["modules"][0]["_links"], "os")] {
        let href = links["type"]["href"].as_str().unwrap();
        let path = &href[href.find("/rest/v1").unwrap() + "/rest/v1".len()..];
        assert_eq!(server.hawkbit("GET", path, None).await.expect(200)["key"], key);
    }
    // And the other way about.
    server
        .post("/components", json!({"name": "app", "version": "1", "type": "application"}))
        .await
        .expect(201);
    let components = json!([{"name": "app", "version": "1"}]);
    server
        .post("/releases", json!({"name": "app", "version": "1", "components": components}))
        .await
        .expect(201);
    let list = server.hawkbit("GET", "/distributionsets?q=name==app", None).await.expect(200);
    assert_eq!(list["content"][0]["type"], "app");
    assert_eq!(list["total"], 1);
}

#[tokio::test]
async fn artifacts_are_checked_shown_and_given_back() {
    let server = Fixture::new("hb-artifacts").await;
    let module =
        json!([{"name": "Main app (beta)", "version": "1.0", "type": "application", "vendor": "ACME"}]);
    let made = server.hawkbit("POST", "/softwaremodules", Some(module)).await.expect(201);
    let module = made[0]["id"].as_i64().unwrap();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let file = upload(&server, module, "app.bin", &bytes, "").await.expect(201);
    assert_eq!(file["providedFilename"], "app.bin");
    assert_eq!(file["size"], bytes.len());
    let hashes = file["hashes"].as_object().unwrap();
    assert_eq!(hashes["md5"].as_str().unwrap().len(), 32);
    assert_eq!(hashes["sha1"].as_str().unwrap().len(), 40);
    let path = format!("/softwaremodules/{module}/artifacts/{}", file["id"]);
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["hashes"], file["hashes"]);
    let got = server.hawkbit("GET", &format!("{path}/download"), None).await;
    assert!(got.bytes == bytes);
    let id = windlass_domain::ids::ArtifactId::new(file["id"].as_i64().unwrap());
    assert_eq!(server.rest.app.downloads.linked(id), 0, "an operator's look is no device's download");
    let again = upload(&server, module, "app.bin", b"other", "").await;
    assert_eq!(again.hawkbit_error(409), "hawkbit.server.error.repo.entityAlreadyExists");
    let named = upload(&server, module, "x", b"other", "?filename=other.bin").await.expect(201);
    assert_eq!(named["providedFilename"], "other.bin");
    for (query, code) in [
        (format!("?md5sum={}", "0".repeat(32)), "artifact.uploadFailed.checksum.md5.match"),
        (format!("?sha1sum={}", "0".repeat(40)), "artifact.uploadFailed.checksum.sha1.match"),
        (format!("?sha256sum={}", "0".repeat(64)), "artifact.uploadFailed.checksum.sha256.match"),
        ("?sha1sum=00".to_owned(), "artifact.uploadFailed.checksum.sha1.match"),
        ("?sha256sum=00".to_owned(), "artifact.uploadFailed.checksum.sha256.match"),
    ] {
        let refused = upload(&server, module, "third.bin", b"third", &query).await;
        assert_eq!(refused.hawkbit_error(400), format!("hawkbit.server.error.{code}"), "{query}");
    }
    upload(&server, module, "empty.bin", b"", "").await.hawkbit_error(400);
    let refused = upload(&server, module, "<b>.bin", b"x", "").await;
    refused.hawkbit_error(400);
    assert!(refused.text().contains("Invalid characters in string"), "{}", refused.text());
    let list = server.hawkbit("GET", &format!("/softwaremodules/{module}/artifacts"), None).await.expect(200);
    assert_eq!(list.as_array().unwrap().len(), 2, "what was refused left nothing: {list}");
    server.hawkbit("DELETE", &path, None).await.expect(204);
    server.hawkbit("GET", &path, None).await.hawkbit_error(404);
    server.hawkbit("DELETE", &path, None).await.hawkbit_error(404);
}

#[tokio::test]
async fn uploads_that_are_no_form_cut_nameless_or_for_nothing_are_refused() {
    let server = Fixture::new("hb-uploads").await;
    let (module, _) = software(&server, "fw", "1").await;
    let path = format!("/softwaremodules/{module}/artifacts");
    let form_of = |name: &str| Body::from(form(name, b"x"));
    server.hawkbit_raw("POST", &path, "application/octet-stream", form_of("a.bin")).await.hawkbit_error(415);
    server.hawkbit_raw("POST", &path, "multipart/form-data", form_of("a.bin")).await.hawkbit_error(415);
    server.hawkbit_raw("POST", &path, FORM, form_of("")).await.hawkbit_error(400);
    server.hawkbit_raw("POST", &path, FORM, form_of("..")).await.hawkbit_error(400);
    server.hawkbit_raw("POST", &path, FORM, Body::from("no form at all")).await.hawkbit_error(400);
    let mut cut = form("cut.bin", &[7; 10_000]);
    cut.truncate(5_000);
    server.hawkbit_raw("POST", &path, FORM, Body::from(cut)).await.hawkbit_error(400);
    let nothing = "/softwaremodules/999/artifacts";
    server.hawkbit_raw("POST", nothing, FORM, form_of("a.bin")).await.hawkbit_error(404);
    assert_eq!(server.get("/artifacts").await.expect(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_module_in_a_set_is_deleted_softly_and_deleting_it_again_is_no_mistake() {
    let server = Fixture::new("hb-soft").await;
    let (module, set) = software(&server, "fw", "1").await;
    let path = format!("/softwaremodules/{module}");
    server.hawkbit("DELETE", &path, None).await.expect(204);
    server.hawkbit("DELETE", &path, None).await.expect(204);
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["deleted"], true);
    assert_eq!(server.hawkbit("GET", "/softwaremodules", None).await.expect(200)["total"], 0);
    let files = server.hawkbit("GET", &format!("{path}/artifacts"), None).await.expect(200);
    assert_eq!(files[0]["_links"].as_object().unwrap().keys().collect::<Vec<_>>(), ["self"]);
    let file = format!("{path}/artifacts/{}/download", files[0]["id"]);
    let refused = server.hawkbit("GET", &file, None).await;
    assert_eq!(refused.hawkbit_error(410), "hawkbit.server.error.artifact.binaryDeleted");
    let shown = server.hawkbit("GET", &format!("/distributionsets/{set}"), None).await.expect(200);
    assert_eq!(shown["modules"][0]["id"], module);
    server.hawkbit("DELETE", &format!("/distributionsets/{set}"), None).await.expect(204);
    server.hawkbit("GET", &format!("/distributionsets/{set}"), None).await.hawkbit_error(404);
    server.hawkbit("DELETE", "/softwaremodules/999", None).await.hawkbit_error(404);
    server.hawkbit("DELETE", "/softwaremodules/x", None).await.hawkbit_error(404);
}

#[tokio::test]
async fn sets_are_put_together_piece_by_piece() {
    let server = Fixture::new("hb-sets").await;
    let empty = json!({"name": "Bundle", "version": "1", "type": "os_app", "requiredMigrationStep": true});
    let made = server.hawkbit("POST", "/distributionsets", Some(json!([empty]))).await.expect(201);
    assert_eq!((&made[0]["complete"], &made[0]["requiredMigrationStep"]), (&json!(false), &json!(true)));
    let path = format!("/distributionsets/{}", made[0]["id"]);
    let mut ids = Vec::new();
    for (name, kind) in [("os-a", "os"), ("os-b", "os"), ("app", "application")] {
        let module = json!([{"name": name, "version": "1", "type": kind}]);
        let made = server.hawkbit("POST", "/softwaremodules", Some(module)).await.expect(201);
        ids.push(made[0]["id"].clone());
    }
    let all: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
    server.hawkbit("POST", &format!("{path}/assignedSM"), Some(json!(all))).await.expect(204);
    let modules = server.hawkbit("GET", &format!("{path}/assignedSM"), None).await.expect(200);
    let names: Vec<_> = modules["content"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["os-b", "app"], "there is one of type os at most");
    assert_eq!(server.hawkbit("GET", &path, None).await.expect(200)["complete"], true);
    server.hawkbit("DELETE", &format!("{path}/assignedSM/{}", ids[2]), None).await.expect(204);
    server.hawkbit("DELETE", &format!("{path}/assignedSM/{}", ids[2]), None).await.hawkbit_error(404);
    let only_os = json!([{"name": "x", "version": "1", "type": "os", "modules": [{"id": ids[2]}]}]);
    let refused = server.hawkbit("POST", "/distributionsets", Some(only_os)).await;
    assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.distributionset.modules.unsupported");
    assert_eq!(server.hawkbit("GET", "/distributionsets?q=name==x", None).await.expect(200)["total"], 0);
}

#[tokio::test]
async fn modules_of_one_name_and_version_differ_by_type() {
    let server = Fixture::new("hb-by-type").await;
    let mut ids = Vec::new();
    for kind in ["os", "application"] {
        let module = json!([{"name": "app", "version": "1.0", "type": kind}]);
        let made = server.hawkbit("POST", "/softwaremodules", Some(module.clone())).await.expect(201);
        ids.push(made[0]["id"].as_i64().unwrap());
        server.hawkbit("POST", "/softwaremodules", Some(module)).await.hawkbit_error(409);
        upload(&server, ids[ids.len() - 1], &format!("{kind}.swu"), b"x", "").await.expect(201);
    }
    assert_ne!(ids[0], ids[1]);
    for (id, kind) in ids.iter().zip(["os", "application"]) {
        let module = server.hawkbit("GET", &format!("/softwaremodules/{id}"), None).await.expect(200);
        assert_eq!(module["type"], kind);
        let files =
            server.hawkbit("GET", &format!("/softwaremodules/{id}/artifacts"), None).await.expect(200);
        assert_eq!(files[0]["providedFilename"], format!("{kind}.swu"));
    }
    let all: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
    let set = json!([{"name": "both", "version": "1", "type": "os_app", "modules": all}]);
    let set = server.hawkbit("POST", "/distributionsets", Some(set)).await.expect(201);
    assert_eq!(set[0]["modules"].as_array().unwrap().len(), 2, "neither displaces the other");
    let newer = json!([{"name": "app", "version": "2.0", "type": "application"}]);
    let newer = server.hawkbit("POST", "/softwaremodules", Some(newer)).await.expect(201);
    let path = format!("/distributionsets/{}/assignedSM", set[0]["id"]);
    let newer = json!([{"id": newer[0]["id"]}]);
    let refused = server.hawkbit("POST", &path, Some(newer.clone())).await;
    assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.distributionset.modules.unsupported");
    let count = async || server.hawkbit("GET", &path, None).await.expect(200)["total"].clone();
    assert_eq!(count().await, 2, "what was refused changed nothing");
    server.hawkbit("DELETE", &format!("{path}/{}", ids[0]), None).await.expect(204);
    server.hawkbit("POST", &path, Some(newer)).await.expect(204);
    assert_eq!(count().await, 1, "a newer one of its type takes the other's place");
    server.hawkbit("DELETE", &format!("/softwaremodules/{}", ids[0]), None).await.expect(204);
    let left = server.hawkbit("GET", &format!("/softwaremodules/{}", ids[1]), None).await.expect(200);
    assert_eq!((&left["type"], &left["deleted"]), (&json!("application"), &json!(false)));
}

#[tokio::test]
async fn metadata_comes_goes_and_can_be_asked_for() {
    let server = Fixture::new("hb-metadata").await;
    let (module, set) = software(&server, "fw", "1").await;
    for path in [format!("/softwaremodules/{module}/metadata"), format!("/distributionsets/{set}/metadata")] {
        let new = json!([{"key": "Board", "value": "A7", "targetVisible": true}]);
        assert_eq!(server.hawkbit("POST", &path, Some(new.clone())).await.bytes_of(201).len(), 0);
        server.hawkbit("POST", &path, Some(new)).await.hawkbit_error(409);
        server.hawkbit("POST", &path, Some(json!([{"value": "x"}]))).await.hawkbit_error(400);
        let one = format!("{path}/Board");
        server.hawkbit("PUT", &one, Some(json!({"value": "A8"}))).await.expect(204);
        assert_eq!(server.hawkbit("GET", &one, None).await.expect(200)["value"], "A8");
        let list = server.hawkbit("GET", &path, None).await.expect(200);
        assert_eq!(list["total"], 1);
    }
    for (list, wanted) in [("softwaremodules", 1), ("distributionsets", 1)] {
        let found = server.hawkbit("GET", &format!("/{list}?q=metadata.board==a*"), None).await.expect(200);
        assert_eq!(found["total"], wanted, "{list}");
        assert!(found["content"][0].get("_metadata").is_none());
    }
    let one = format!("/distributionsets/{set}/metadata/Board");
    server.hawkbit("DELETE", &one, None).await.expect(204);
    server.hawkbit("DELETE", &one, None).await.hawkbit_error(404);
    server.hawkbit("GET", &one, None).await.hawkbit_error(404);
}

#[tokio::test]
async fn bodies_that_cannot_be_taken_name_every_field() {
    let server = Fixture::new("hb-bad").await;
    let long = "x".repeat(200);
    for (path, body) in [
        ("/softwaremodules", json!([{"version": "1"}])),
        ("/softwaremodules", json!([{"name": " ", "version": "1", "type": "os"}])),
        ("/softwaremodules", json!([{"name": long, "version": "1", "type": "os"}])),
        ("/softwaremodules", json!([{"name": "a/b", "version": "1\t2", "type": "os"}])),
        ("/distributionsets", json!([{"name": "a"}])),
        ("/distributionsets", json!([{"name": "a", "version": "1", "type": "os", "modules": [{}]}])),
        ("/softwaremoduletypes", json!([{"key": "a/b", "name": "x"}])),
        ("/softwaremoduletypes", json!([{"key": "a", "name": "x", "maxAssignments": 0}])),
    ] {
        let refused = server.hawkbit("POST", path, Some(body.clone())).await;
        assert_eq!(refused.status, 400, "{path} {body}: {}", refused.text());
        refused.hawkbit_error(400);
        assert!(!refused.expect(400)["info"]["errors"].as_array().unwrap().is_empty());
    }
    for (path, body) in [
        ("/softwaremodules", json!([{"name": "a", "version": "1", "type": "nothing"}])),
        ("/distributionsets", json!([{"name": "a", "version": "1", "type": "nothing"}])),
        ("/distributionsets", json!([{"name": "a", "version": "1", "type": "os", "modules": [{"id": 99}]}])),
    ] {
        server.hawkbit("POST", path, Some(body)).await.hawkbit_error(404);
    }
    let kind = "application/json";
    let broken = server.hawkbit_raw("POST", "/softwaremodules", kind, Body::from("[{")).await;
    assert_eq!(broken.hawkbit_error(400), "hawkbit.server.error.rest.body.notReadable");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    server.hawkbit_raw("POST", "/softwaremodules", kind, Body::from(deep)).await.hawkbit_error(400);
    server.hawkbit_raw("POST", "/softwaremodules", "text/plain", Body::from("[]")).await.hawkbit_error(415);
    let unknown = json!([{"name": "a", "version": "1", "type": "os", "somethingNew": {"a": 1}}]);
    server.hawkbit("POST", "/softwaremodules", Some(unknown)).await.expect(201);
}

#[tokio::test]
async fn pages_are_cut_to_what_is_allowed() {
    let server = Fixture::new("hb-pages").await;
    let many: Vec<_> =
        (0..60).map(|n| json!({"name": format!("m{n:02}"), "version": "1", "type": "application"})).collect();
    server.hawkbit("POST", "/softwaremodules", Some(json!(many))).await.expect(201);
    let get = |query: &'static str| {
        let server = server.clone();
        async move { server.hawkbit("GET", &format!("/softwaremodules{query}"), None).await }
    };
    let page = get("").await.expect(200);
    assert_eq!((&page["total"], &page["size"]), (&json!(60), &json!(50)));
    let page = get("?offset=55&limit=9999&sort=name:DESC").await.expect(200);
    assert_eq!((&page["size"], &page["content"][0]["name"]), (&json!(5), &json!("m04")));
    assert_eq!(get("?offset=99").await.expect(200)["content"], json!([]));
    for bad in ["?limit=x", "?offset=1.5", "?sort=name:up", "?sort=colour:ASC"] {
        get(bad).await.hawkbit_error(400);
    }
    assert_eq!(get("?q=name==").await.hawkbit_error(400), "hawkbit.server.error.rest.param.rsqlParamSyntax");
    assert_eq!(
        get("?q=colour==x").await.hawkbit_error(400),
        "hawkbit.server.error.rest.param.rsqlInvalidField"
    );
}

#[tokio::test]
async fn a_file_that_does_not_fit_into_what_all_files_may_have_is_over_the_storage_quota() {
    let limits = windlass_domain::limits::Limits { artifacts_total: 8, ..Default::default() };
    let server = Fixture::limited("hb-storage", limits).await;
    let module = json!([{"name": "fw", "version": "1", "type": "os"}]);
    let made = server.hawkbit("POST", "/softwaremodules", Some(module)).await.expect(201);
    let module = made[0]["id"].as_i64().unwrap();
    upload(&server, module, "a.swu", b"five.", "").await.expect(201);
    let refused = upload(&server, module, "b.swu", b"four", "").await;
    assert_eq!(refused.hawkbit_error(429), "hawkbit.server.error.quota.storageExceeded");
    upload(&server, module, "c.swu", b"3..", "").await.expect(201);
}

#[tokio::test]
async fn a_file_over_the_limit_is_over_quota_and_stores_nothing() {
    let limits = windlass_domain::limits::Limits { artifact: 8, ..Default::default() };
    let server = Fixture::limited("hb-file-size", limits).await;
    let module = json!([{"name": "fw", "version": "1", "type": "os"}]);
    let made = server.hawkbit("POST", "/softwaremodules", Some(module)).await.expect(201);
    let module = made[0]["id"].as_i64().unwrap();
    for bytes in [&b"nine byte"[..], &[7; 100_000]] {
        let refused = upload(&server, module, "fw.swu", bytes, "").await;
        assert_eq!(refused.hawkbit_error(429), "hawkbit.server.error.quota.fileSizeExceeded");
    }
    upload(&server, module, "fw.swu", b"as much.", "").await.expect(201);
    let path = format!("/softwaremodules/{module}/artifacts");
    let files = server.hawkbit("GET", &path, None).await.expect(200);
    assert_eq!(files.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn modules_whose_artifacts_the_server_would_have_to_encrypt_are_refused() {
    let server = Fixture::new("hb-encrypted").await;
    let module =
        |encrypted: Value| json!([{"name": "fw", "version": "1", "type": "os", "encrypted": encrypted}]);
    let refused = server.hawkbit("POST", "/softwaremodules", Some(module(json!(true)))).await;
    assert_eq!(refused.hawkbit_error(400), "hawkbit.server.error.artifact.encryptionNotSupported");
    assert_eq!(server.hawkbit("GET", "/softwaremodules", None).await.expect(200)["total"], 0);
    let made = server.hawkbit("POST", "/softwaremodules", Some(module(json!(false)))).await.expect(201);
    assert_eq!(made[0]["encrypted"], false);
}
