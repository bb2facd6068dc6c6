//! Holds a JSON value against the schema of what an operation takes, and names everything that is wrong.
//!
//! Pure. Knows the part of JSON Schema that our own types generate; serde has the last word.

use serde_json::{Map, Value};
use windlass_api::problem::FieldProblem;

/// Most problems that are listed.
const MOST: usize = 100;

/// Everything that is wrong with `value`. `root` is a root schema: definitions are found in it.
pub(crate) fn check(root: &Value, value: &Value) -> Vec<FieldProblem> {
    let mut found = Found { root, problems: Vec::new() };
    found.check(root, value, &mut Path::default());
    found.problems
}

#[derive(Default)]
struct Path(Vec<String>);

impl Path {
    fn text(&self) -> String {
        self.0.join(".")
    }
}

struct Found<'a> {
    root: &'a Value,
    problems: Vec<FieldProblem>,
}

impl Found<'_> {
    fn say(&mut self, path: &Path, problem: impl Into<String>) {
        if self.problems.len() < MOST {
            self.problems.push(FieldProblem { field: path.text(), problem: problem.into() });
        }
    }

    fn inside(&mut self, schema: &Value, value: &Value, path: &mut Path, step: &str) {
        path.0.push(step.to_owned());
        self.check(schema, value, path);
        path.0.pop();
    }

    fn check(&mut self, schema: &Value, value: &Value, path: &mut Path) {
        let Some(schema) = schema.as_object() else { return };
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let root = self.root;
            if let Some(target) = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
                self.check(target, value, path);
            }
        }
        for part in parts(schema, "allOf") {
            self.check(part, value, path);
        }
        if let Some(kinds) = schema.get("type") {
            let fits = match kinds {
                Value::Array(kinds) => kinds.iter().any(|kind| is(kind, value)),
                kind => is(kind, value),
            };
            if !fits {
                self.say(path, format!("must be {}, not {}", wanted(kinds), given(value)));
                return;
            }
        }
        self.alternatives(schema, value, path);
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
            && !allowed.contains(value)
        {
            self.say(path, format!("must be one of: {}", words(allowed.iter())));
        }
        if let Some(only) = schema.get("const")
            && only != value
        {
            self.say(path, format!("must be {only}"));
        }
        match value {
            Value::Object(members) => self.members(schema, members, path),
            Value::Array(items) => {
                if let Some(of) = schema.get("items") {
                    for (index, item) in items.iter().enumerate() {
                        self.inside(of, item, path, &index.to_string());
                    }
                }
            }
            Value::Number(_) => self.bounds(schema, value, path),
            Value::String(text) => {
                if schema.get("format").and_then(Value::as_str) == Some("date-time")
                    && text.parse::<windlass_api::Time>().is_err()
                {
                    self.say(path, "must be a time in RFC 3339, such as 2026-01-31T08:00:00Z");
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn bounds(&mut self, schema: &Map<String, Value>, value: &Value, path: &Path) {
        let number = value.as_f64().unwrap_or(f64::NAN);
        let least = schema.get("minimum").and_then(Value::as_f64);
        let most = schema.get("maximum").and_then(Value::as_f64);
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            let text = match (schema.get("minimum"), schema.get("maximum")) {
                (Some(least), Some(most)) => format!("must be from {least} to {most}"),
                (Some(least), None) => format!("must be {least} or more"),
                (None, Some(most)) => format!("must be {most} or less"),
                (None, None) => return,
            };
            self.say(path, text);
        }
    }

    fn members(&mut self, schema: &Map<String, Value>, members: &Map<String, Value>, path: &mut Path) {
        let known = schema.get("properties").and_then(Value::as_object);
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if let Some(name) = name.as_str()
                && !members.contains_key(name)
            {
                path.0.push(name.to_owned());
                self.say(path, "is missing");
                path.0.pop();
            }
        }
        for (name, value) in members {
            if let Some(schema) = known.and_then(|known| known.get(name)) {
                self.inside(schema, value, path, name);
                continue;
            }
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => {
                    path.0.push(name.clone());
                    let names = known.into_iter().flat_map(Map::keys).map(String::as_str).collect::<Vec<_>>();
                    let list = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
                    self.say(path, format!("is not known here; known are: {list}"));
                    path.0.pop();
                }
                Some(schema) => self.inside(schema, value, path, name),
                None => {}
            }
        }
    }

    /// `anyOf` and `oneOf`: fine if one fits; else what is wrong with the one that was meant.
    fn alternatives(&mut self, schema: &Map<String, Value>, value: &Value, path: &mut Path) {
        for keyword in ["anyOf", "oneOf"] {
            let choices: Vec<&Value> = parts(schema, keyword).collect();
            if choices.is_empty() {
                continue;
            }
            let attempts: Vec<Vec<FieldProblem>> = choices
                .iter()
                .map(|choice| {
                    let mut attempt = Found { root: self.root, problems: Vec::new() };
                    attempt.check(choice, value, path);
                    attempt.problems
                })
                .collect();
            if attempts.iter().any(Vec::is_empty) {
                continue;
            }
            // With null left out there may be only one to mean.
            let mut candidates = choices
                .iter()
                .zip(&attempts)
                .filter(|(choice, _)| choice.get("type") != Some(&Value::from("null")));
            let first = candidates.next();
            let only = if candidates.next().is_none() { first } else { None };
            let meant = choices.iter().zip(&attempts).find(|(choice, _)| {
                let members = value.as_object();
                members.is_some_and(|members| tags(choice).iter().any(|tag| members.contains_key(*tag)))
            });
            let all: Vec<&str> = choices.iter().flat_map(|choice| tags(choice)).collect();
            match only.or(meant) {
                Some((_, problems)) => self.problems.extend(problems.iter().cloned()),
                None if all.is_empty() => self.say(path, format!("cannot be {}", given(value))),
                None => self.say(path, format!("must be exactly one of: {}", all.join(", "))),
            }
        }
    }
}

/// How a choice is told apart: its words, or the one member that it requires.
fn tags(choice: &Value) -> Vec<&str> {
    if let Some(word) = choice.get("const").and_then(Value::as_str) {
        return vec![word];
    }
    if let Some(words) = choice.get("enum").and_then(Value::as_array) {
        return words.iter().filter_map(Value::as_str).collect();
    }
    match choice.get("required").and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::String(name)]) => vec![name],
        _ => Vec::new(),
    }
}

fn parts<'s>(schema: &'s Map<String, Value>, keyword: &str) -> impl Iterator<Item = &'s Value> {
    schema.get(keyword).and_then(Value::as_array).into_iter().flatten()
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => true,
    }
}

fn wanted(kinds: &Value) -> String {
    let name = |kind: &Value| match kind.as_str() {
        Some("boolean") => "true or false",
        Some("string") => "text",
        Some("array") => "a list",
        Some("object") => "an object",
        Some("number") => "a number",
        Some("integer") => "a whole number",
        _ => "null",
    };
    match kinds {
        Value::Array(kinds) => {
            let names: Vec<_> = kinds.iter().filter(|kind| kind.as_str() != Some("null")).map(name).collect();
            names.join(" or ")
        }
        kind => name(kind).to_owned(),
    }
}

fn given(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn words<'v>(values: impl Iterator<Item = &'v Value>) -> String {
    let words: Vec<String> =
        values.map(|value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;
    use windlass_api::devices::{DevicePatch, NewDevice};
    use windlass_api::jobs::NewJob;
    use windlass_api::tokens::NewToken;

    use super::*;
    use crate::rest::schema::of;

    fn problems<T: JsonSchema + 'static>(value: &Value) -> Vec<String> {
        let mut list: Vec<String> = check(&of::<T>(), value)
            .into_iter()
            .map(|problem| format!("{} {}", problem.field, problem.problem))
            .collect();
        list.sort();
        list
    }

    #[test]
    fn every_field_of_the_wrong_type_is_named() {
        let value = json!({"name": 7, "type": [], "attributes": {"a": 1, "b": "x"}, "tags": ["ok", 2], "kind": "toaster"});
        assert_eq!(
            problems::<NewDevice>(&value),
            [
                "attributes.a must be text, not a number",
                "kind must be exactly one of: device, gateway",
                "name must be text, not a number",
                "tags.1 must be text, not a number",
                "type must be text, not a list",
            ]
        );
    }

    #[test]
    fn missing_and_unknown_members_are_named() {
        let found = problems::<NewDevice>(&json!({"nam": "a"}));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("nam is not known here; known are: "), "{found:?}");
        assert_eq!(found[1], "name is missing");
        assert_eq!(problems::<NewDevice>(&json!([])), [" must be an object, not a list"]);
    }

    #[test]
    fn a_choice_is_explained_by_the_one_that_was_meant() {
        let job = |targets: Value| json!({"kind": "update", "targets": targets});
        assert_eq!(problems::<NewJob>(&job(json!({"devices": ["a"]}))), [""; 0]);
        assert_eq!(
            problems::<NewJob>(&job(json!({"devices": ["a", 1]}))),
            ["targets.devices.1 must be text, not a number"]
        );
        assert_eq!(
            problems::<NewJob>(&job(json!({"device": "a"}))),
            ["targets must be exactly one of: devices, type, tag, group, query"]
        );
        let waves = json!({"kind": "update", "targets": {"tag": "a"}, "waves": [{"count": 1}, {"percent": "x"}, "all"]});
        assert_eq!(
            problems::<NewJob>(&waves),
            [
                "waves.1.percent must be a whole number, not text",
                "waves.2 must be exactly one of: count, percent, rest",
            ]
        );
    }

    #[test]
    fn times_and_ranges_are_checked() {
        let token = json!({"name": "a", "role": "viewer", "expiresAt": "tomorrow"});
        assert_eq!(
            problems::<NewToken>(&token),
            ["expiresAt must be a time in RFC 3339, such as 2026-01-31T08:00:00Z"]
        );
        let job = json!({"kind": "update", "targets": {"tag": "a"}, "retries": 11, "timeouts": {"queuedSeconds": 0}});
        assert_eq!(
            problems::<NewJob>(&job),
            ["retries must be from 0 to 10", "timeouts.queuedSeconds must be from 1 to 31536000"]
        );
    }

    #[test]
    fn null_is_taken_where_it_means_something() {
        assert_eq!(problems::<DevicePatch>(&json!({"type": null, "attributes": {"a": null}})), [""; 0]);
        assert_eq!(problems::<DevicePatch>(&json!({"addTags": null})), ["addTags must be a list, not null"]);
    }

    #[test]
    fn the_list_of_problems_has_a_bound() {
        let tags: Vec<Value> = (0..1_000).map(Value::from).collect();
        assert_eq!(check(&of::<NewDevice>(), &json!({"name": "a", "tags": tags})).len(), MOST);
    }
}
