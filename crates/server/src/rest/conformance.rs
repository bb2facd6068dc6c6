//! For tests: every answer is what the OpenAPI document says of its operation.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::fixture::Answer;

/// Where the document is kept.
pub(crate) const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

static DOCUMENT: LazyLock<Option<Value>> = LazyLock::new(|| {
    let text = std::fs::read_to_string(PATH).ok()?;
    serde_json::from_str(&text).ok()
});

static VALIDATORS: LazyLock<Mutex<HashMap<String, Validator>>> = LazyLock::new(Mutex::default);

/// The path of the document that a real path is of: the one with the fewest placeholders.
fn template<'d>(paths: &'d serde_json::Map<String, Value>, path: &str) -> Option<&'d str> {
    let parts: Vec<&str> = path.split('/').collect();
    paths
        .keys()
        .filter(|template| {
            let wanted: Vec<&str> = template.split('/').collect();
            wanted.len() == parts.len()
                && wanted.iter().zip(&parts).all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
        })
        .min_by_key(|template| template.matches('{').count())
        .map(String::as_str)
}

#[track_caller]
pub(crate) fn check(method: &str, path: &str, answer: &Answer) {
    let document = DOCUMENT.as_ref();
    let Some(document) = document else { return };
    let path = path.split('?').next().unwrap();
    let paths = document["paths"].as_object().unwrap();
    let Some(template) = template(paths, path) else { return };
    let operation = &paths[template][method.to_lowercase()];
    if operation.is_null() {
        return;
    }
    let responses = &operation["responses"];
    let status = answer.status.to_string();
    let key = if responses.get(&status).is_some() { status.as_str() } else { "default" };
    assert!(key != "default" || answer.status >= 400, "{method} {template} says nothing of {status}");
    let Some(kind) = answer.header("content-type") else { return };
    if !kind.contains("json") || kind.contains("ndjson") {
        return;
    }
    let content = &responses[key]["content"][kind];
    if content.is_null() {
        // An operation whose content is not described, such as the document itself.
        assert!(responses[key].get("content").is_none(), "{method} {template} {key} does not answer {kind}");
        return;
    }
    let mut validators = VALIDATORS.lock().unwrap();
    let validator = validators.entry(format!("{method} {template} {key}")).or_insert_with(|| {
        let schema = json!({"allOf": [content["schema"]], "components": document["components"]});
        jsonschema::draft7::new(&schema).unwrap()
    });
    let body: Value = serde_json::from_slice(&answer.bytes).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{method} {template} answered {key} with {body}: {errors:?}");
}
