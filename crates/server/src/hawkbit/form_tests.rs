//! Forms of uploads: their parts count in whatever order they come.

use axum::body::Body;
use serde_json::json;

use super::fixture::{FORM, software};
use crate::rest::fixture::{Answer, Fixture};

/// A form of these parts: name, file name if it is a file, bytes.
fn parts(parts: &[(&str, Option<&str>, &str)]) -> String {
    let mut form = String::new();
    for (name, file, bytes) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        form +=
            &format!("--line\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{bytes}\r\n");
    }
    form + "--line--\r\n"
}

async fn send(server: &Fixture, module: i64, form: String) -> Answer {
    server.hawkbit_raw("POST", &format!("/softwaremodules/{module}/artifacts"), FORM, Body::from(form)).await
}

async fn module(server: &Fixture) -> i64 {
    let module = json!([{"name": "fw", "version": "1", "type": "os"}]);
    server.hawkbit("POST", "/softwaremodules", Some(module)).await.expect(201)[0]["id"].as_i64().unwrap()
}

#[tokio::test]
async fn a_digest_that_comes_after_the_file_is_checked_and_what_is_refused_leaves_nothing() {
    let server = Fixture::new("hb-form-digest").await;
    let module = module(&server).await;
    for (which, digits, code) in [("md5", 32, "md5"), ("sha1", 40, "sha1"), ("sha256", 64, "sha256")] {
        for digest in ["0".repeat(digits), "00".to_owned(), "x".repeat(digits)] {
            let field = format!("{which}sum");
            let form = parts(&[("file", Some("a.bin"), "abc"), (&field, None, &digest)]);
            let refused = send(&server, module, form).await.hawkbit_error(400);
            assert_eq!(
                refused,
                format!("hawkbit.server.error.artifact.uploadFailed.checksum.{code}.match"),
                "{digest}"
            );
        }
    }
    let list = server.hawkbit("GET", &format!("/softwaremodules/{module}/artifacts"), None).await.expect(200);
    assert_eq!(list, json!([]));
    assert_eq!(server.get("/artifacts").await.expect(200)["items"], json!([]));
    let right = [
        ("file", Some("a.bin"), "abc"),
        ("sha1sum", None, "A9993E364706816ABA3E25717850C26C9CD0D89D"),
        ("md5sum", None, "900150983cd24fb0d6963f7d28e17f72"),
        ("sha256sum", None, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ];
    assert_eq!(send(&server, module, parts(&right)).await.expect(201)["size"], 3);
}

#[tokio::test]
async fn a_name_that_comes_after_the_file_is_the_files_name() {
    let server = Fixture::new("hb-form-name").await;
    let module = module(&server).await;
    let form = |file: &str, name: &str| parts(&[("file", Some(file), "abc"), ("filename", None, name)]);
    let made = send(&server, module, form("a.bin", "b.bin")).await.expect(201);
    assert_eq!(made["providedFilename"], "b.bin");
    let made = send(&server, module, form("b.bin", "c.bin")).await.expect(201);
    assert_eq!(made["providedFilename"], "c.bin", "only the name that it is to have must be free");
    let made = send(&server, module, form("..", "d.bin")).await.expect(201);
    assert_eq!(made["providedFilename"], "d.bin", "only the name that it is to have must be usable");
    let made = send(&server, module, form("e.bin", "")).await.expect(201);
    assert_eq!(made["providedFilename"], "e.bin", "an empty field says nothing");
    let taken = send(&server, module, form("f.bin", "b.bin")).await;
    assert_eq!(taken.hawkbit_error(409), "hawkbit.server.error.repo.entityAlreadyExists");
    send(&server, module, form("f.bin", "..")).await.hawkbit_error(400);
    send(&server, module, form("f.bin", "<b>.bin")).await.hawkbit_error(400);
    send(&server, module, form("", "")).await.hawkbit_error(400);
    let list = server.hawkbit("GET", &format!("/softwaremodules/{module}/artifacts"), None).await.expect(200);
    assert_eq!(list.as_array().unwrap().len(), 4, "{list}");
    assert_eq!(server.get("/artifacts").await.expect(200)["items"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn what_comes_after_the_file_is_bounded_and_comes_whole() {
    let server = Fixture::new("hb-form-bounds").await;
    let (module, _) = software(&server, "other", "1").await;
    let long = "x".repeat(4_097);
    for (name, status) in [("note", 400), ("filename", 429)] {
        let form = parts(&[("file", Some("a.bin"), "abc"), (name, None, &long)]);
        send(&server, module, form).await.hawkbit_error(status);
    }
    let whole =
        parts(&[("file", Some("a.bin"), "abc"), ("md5sum", None, "900150983cd24fb0d6963f7d28e17f72")]);
    for length in [whole.len() - 40, whole.len() - 12] {
        send(&server, module, whole[..length].to_owned()).await.hawkbit_error(400);
    }
    let second = parts(&[("file", Some("a.bin"), "abc"), ("file", Some("b.bin"), "abcd")]);
    let made = send(&server, module, second).await.expect(201);
    assert_eq!((&made["providedFilename"], &made["size"]), (&json!("a.bin"), &json!(3)), "the first counts");
    let list = server.hawkbit("GET", &format!("/softwaremodules/{module}/artifacts"), None).await.expect(200);
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
}
