//! Files with names as people give them, through every door that leads in and out.

use serde_json::{Value, json};

use super::{FIRMWARE, World};
use crate::hawkbit::fixture::{FORM, form, upload};

/// A name with everything that a path, a query, a header or a form could stumble over.
const NAME: &str = "Über & größe=1'%.swu";
const ENCODED: &str = "%C3%9Cber%20%26%20gr%C3%B6%C3%9Fe%3D1%27%25.swu";
const DISPOSITION: &str = "attachment; filename=\"_ber_&_gr__e=1'_.swu\"; \
     filename*=UTF-8''%C3%9Cber%20%26%20gr%C3%B6%C3%9Fe%3D1%27%25.swu";

async fn module(world: &World) -> i64 {
    let module = json!([{"name": "app", "version": "1", "type": "os"}]);
    let made = world.server.hawkbit("POST", "/softwaremodules", Some(module)).await.expect(201);
    made[0]["id"].as_i64().unwrap()
}

#[tokio::test]
async fn a_file_keeps_its_name_from_the_upload_to_every_download() {
    let world = World::new("names-round").await;
    let module = module(&world).await;
    let file = upload(&world.server, module, NAME, FIRMWARE, "").await.expect(201);
    assert_eq!(file["providedFilename"], NAME);
    upload(&world.server, module, NAME, b"other", "").await.hawkbit_error(409);
    let set = json!([{"name": "app", "version": "1", "type": "os", "modules": [{"id": module}]}]);
    let set = world.server.hawkbit("POST", "/distributionsets", Some(set)).await.expect(201);
    let targets = format!("/distributionsets/{}/assignedTargets", set[0]["id"]);
    let assigned = world.server.hawkbit("POST", &targets, Some(json!([{"id": "d1"}]))).await.expect(200);
    let action = &assigned["assignedActions"][0]["id"];
    while world.server.rest.app.jobs_activate().await.unwrap() {}

    // By the device's own token.
    let document = world.get(&format!("/deploymentBase/{action}")).await.expect(200);
    let shown = &document["deployment"]["chunks"][0]["artifacts"][0];
    assert_eq!(shown["filename"], NAME);
    for (link, tail) in [("download-http", ""), ("md5sum-http", ".MD5SUM")] {
        let path = World::path(&shown["_links"][link]);
        assert!(path.ends_with(&format!("/artifacts/{ENCODED}{tail}")), "{path}");
        let got = world.device.outside("GET", &path).await;
        assert_eq!(got.status, 200, "{}", got.text());
        if tail.is_empty() {
            assert_eq!((&got.bytes[..], got.header("content-disposition")), (FIRMWARE, Some(DISPOSITION)));
        } else {
            assert!(got.text().ends_with(&format!("  {NAME}")), "{}", got.text());
        }
    }

    // By a signed link, without any credential.
    let told = world.device.outside_with("GET", "/default/rauc/v1/d1", &[("host", "h:1")]).await;
    let link = told.header("location").unwrap().strip_prefix("http://h:1").unwrap().to_owned();
    assert!(link.contains(&format!("/{ENCODED}?execution=")), "{link}");
    let got = world.server.anonymous().outside("GET", &link).await;
    assert_eq!((&got.bytes[..], got.header("content-disposition")), (FIRMWARE, Some(DISPOSITION)));

    // As whoever manages files, through both interfaces; and by a lasting link.
    let path = format!("/softwaremodules/{module}/artifacts/{}", file["id"]);
    let got = world.server.hawkbit("GET", &format!("{path}/download"), None).await;
    assert_eq!((&got.bytes[..], got.header("content-disposition")), (FIRMWARE, Some(DISPOSITION)));
    let ours = format!("/artifacts/{}", file["id"]);
    let got = world.server.get(&format!("{ours}/content")).await;
    assert_eq!((&got.bytes[..], got.header("content-disposition")), (FIRMWARE, Some(DISPOSITION)));
    let lasting = world.server.put(&format!("{ours}/link"), json!({})).await.expect(200);
    let lasting = lasting["path"].as_str().unwrap();
    assert!(lasting.ends_with(&format!("/{ENCODED}")), "{lasting}");
    assert_eq!(&world.server.anonymous().outside("GET", lasting).await.bytes[..], FIRMWARE);
}

#[tokio::test]
async fn a_file_is_named_by_its_part_by_the_query_or_in_full() {
    let world = World::new("names-doors").await;
    let module = module(&world).await;
    let path = format!("/softwaremodules/{module}/artifacts");
    upload(&world.server, module, "x", b"1", "?filename=a%2Bb%20%C3%BC%26%3D.bin").await.expect(201);
    upload(&world.server, module, "固件 (2).bin", b"2", "").await.expect(201);
    let full = String::from_utf8(form("@", b"3")).unwrap();
    let full = full.replace("filename=\"@\"", "filename*=UTF-8''%C3%9Cber%25.bin");
    world.server.hawkbit_raw("POST", &path, FORM, full.into()).await.expect(201);
    let ours = world.server.upload("%C3%9C%20%26.bin", b"4").await.expect(201);
    assert_eq!(ours["name"], "Ü &.bin");
    let list = world.server.hawkbit("GET", &path, None).await.expect(200);
    let names: Vec<&Value> = list.as_array().unwrap().iter().map(|one| &one["providedFilename"]).collect();
    assert_eq!(names, ["a+b ü&=.bin", "固件 (2).bin", "Über%.bin"]);
    let one = format!("{path}/{}", list[2]["id"]);
    world.server.hawkbit("DELETE", &one, None).await.expect(204);
    world.server.hawkbit("GET", &one, None).await.hawkbit_error(404);
}

#[tokio::test]
async fn names_that_lead_elsewhere_or_are_markup_are_refused_and_nothing_is_kept() {
    let world = World::new("names-bad").await;
    let module = module(&world).await;
    for bad in [
        "..",
        "a%2Fb",
        "a%5Cb",
        "%3Cb%3E",
        "a%22b",
        "a%00b",
        "a%0D%0Ab",
        "%20a",
        "gpj.%E2%80%AEexe",
        "%7F",
        &"x".repeat(256),
    ] {
        let refused = upload(&world.server, module, "x", b"1", &format!("?filename={bad}")).await;
        assert_eq!(refused.status, 400, "{bad}: {}", refused.text());
        assert!(refused.text().contains("Invalid characters in string"), "{}", refused.text());
    }
    assert_eq!(world.server.get("/artifacts").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn attributes_that_would_be_kept_under_one_key_are_refused_and_none_of_them_is_kept() {
    let world = World::new("names-attributes").await;
    let two = json!({"mode": "merge", "data": {"serial": "1", "HW Revision": "a", "HW_Revision": "b"}});
    let refused = world.send("PUT", "/configData", two.to_string()).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("would both be kept as HW_Revision"), "{}", refused.text());
    let inventory = world.server.get("/devices/d1").await.expect(200)["inventory"].to_string();
    assert!(!inventory.contains("serial") && !inventory.contains("HW_Revision"), "{inventory}");
    let one = json!({"mode": "merge", "data": {"serial": "1", "HW Revision": "a"}});
    assert_eq!(world.send("PUT", "/configData", one.to_string()).await.status, 200);
    let device = world.server.get("/devices/d1").await.expect(200);
    assert_eq!(device["inventory"]["HW_Revision"], "a");
}
