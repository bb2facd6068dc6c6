//! For tests: things made as a hawkBit client makes them.

use axum::body::Body;
use serde_json::{Value, json};

use crate::rest::fixture::{Answer, Fixture};

/// One module with one file, and one set with that module. Returns their numbers.
pub(crate) async fn software(server: &Fixture, name: &str, version: &str) -> (i64, i64) {
    let module = json!([{"name": name, "version": version, "type": "os"}]);
    let made = server.hawkbit("POST", "/softwaremodules", Some(module)).await.expect(201);
    let module = made[0]["id"].as_i64().unwrap();
    upload(server, module, &format!("{name}.swu"), b"firmware", "").await.expect(201);
    let set = json!([{"name": name, "version": version, "type": "os", "modules": [{"id": module}]}]);
    let made = server.hawkbit("POST", "/distributionsets", Some(set)).await.expect(201);
    (module, made[0]["id"].as_i64().unwrap())
}

/// Uploads a file as a form. `query`: with its question mark.
pub(crate) async fn upload(server: &Fixture, module: i64, name: &str, bytes: &[u8], query: &str) -> Answer {
    let path = format!("/softwaremodules/{module}/artifacts{query}");
    server.hawkbit_raw("POST", &path, FORM, Body::from(form(name, bytes))).await
}

/// The type of [`form`].
pub(crate) const FORM: &str = "multipart/form-data; boundary=line";

/// A form with one file.
pub(crate) fn form(name: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "--line\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         content-type: application/octet-stream\r\n\r\n"
    );
    [head.as_bytes(), bytes, b"\r\n--line--\r\n"].concat()
}

/// Makes targets by name.
pub(crate) async fn targets(server: &Fixture, names: &[&str]) -> Value {
    let new: Vec<Value> = names.iter().map(|name| json!({"controllerId": name, "name": name})).collect();
    server.hawkbit("POST", "/targets", Some(Value::from(new))).await.expect(201)
}
