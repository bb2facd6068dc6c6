//! What a device is told of a shadow. Writes what it is given; decides nothing.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Object, SectionPatch, ShadowError, UpdateRequest};
use crate::encode::json as encode;

/// One section as it is written: values, and beside them when each leaf was set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    /// The values.
    pub state: Object,
    /// The same keys, with `{"timestamp":<epoch seconds>}` for each leaf.
    pub metadata: Object,
}

/// Both sections and their version. A section that is absent is not written at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// What operators want.
    pub desired: Option<Section>,
    /// What the device says.
    pub reported: Option<Section>,
    /// The shadow's version.
    pub version: i64,
}

/// The metadata of one value that was set at one time: `{"timestamp":…}` for each leaf, arrays item by item.
/// Null has none.
pub fn stamp(value: &Value, timestamp: i64) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Some(Value::Object(Map::from_iter([("timestamp".to_owned(), timestamp.into())])))
        }
        Value::Array(items) => {
            Some(Value::Array(items.iter().filter_map(|item| stamp(item, timestamp)).collect()))
        }
        Value::Object(object) => Some(Value::Object(stamp_object(object, timestamp))),
    }
}

fn stamp_object(object: &Object, timestamp: i64) -> Object {
    object.iter().filter_map(|(key, value)| Some((key.clone(), stamp(value, timestamp)?))).collect()
}

/// `desired`, `reported` and perhaps `delta`. Two options deep: absent, or null, or an object.
#[derive(Serialize)]
struct Sections<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    desired: Option<Option<&'a Object>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reported: Option<Option<&'a Object>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<&'a Object>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<S, M> {
    state: S,
    metadata: M,
    version: i64,
    timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_token: Option<String>,
}

fn states(document: &Document) -> Sections<'_> {
    Sections {
        desired: document.desired.as_ref().map(|section| Some(&section.state)),
        reported: document.reported.as_ref().map(|section| Some(&section.state)),
        delta: None,
    }
}

fn metadata(document: &Document) -> Sections<'_> {
    Sections {
        desired: document.desired.as_ref().map(|section| Some(&section.metadata)),
        reported: document.reported.as_ref().map(|section| Some(&section.metadata)),
        delta: None,
    }
}

/// The reply to `…/get`, with the difference between desired and reported if there is one.
pub fn get_accepted(
    document: &Document,
    delta: Option<&Object>,
    timestamp: i64,
    client_token: Option<&str>,
) -> Bytes {
    encode(&Body {
        state: Sections { delta, ..states(document) },
        metadata: metadata(document),
        version: document.version,
        timestamp,
        client_token: client_token.map(str::to_owned),
    })
}

/// The reply to `…/update`: `state` holds only the fields that were sent, nulls included.
pub fn update_accepted(request: &UpdateRequest, version: i64, timestamp: i64) -> Bytes {
    fn state(patch: &SectionPatch) -> Option<Option<&Object>> {
        match patch {
            SectionPatch::Absent => None,
            SectionPatch::Clear => Some(None),
            SectionPatch::Merge(object) => Some(Some(object)),
        }
    }
    fn stamps(patch: &SectionPatch, timestamp: i64) -> Option<Object> {
        match patch {
            SectionPatch::Absent | SectionPatch::Clear => None,
            SectionPatch::Merge(object) => Some(stamp_object(object, timestamp)),
        }
    }
    let desired = stamps(&request.desired, timestamp);
    let reported = stamps(&request.reported, timestamp);
    encode(&Body {
        state: Sections { desired: state(&request.desired), reported: state(&request.reported), delta: None },
        metadata: Sections {
            desired: desired.as_ref().map(Some),
            reported: reported.as_ref().map(Some),
            delta: None,
        },
        version,
        timestamp,
        client_token: request.client_token.clone(),
    })
}

/// The reply to `…/delete`.
pub fn delete_accepted(version: i64, timestamp: i64, client_token: Option<&str>) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Deleted<'a> {
        version: i64,
        timestamp: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_token: Option<&'a str>,
    }
    encode(&Deleted { version, timestamp, client_token })
}

/// The body of `…/update/delta`.
pub fn delta(difference: &Section, version: i64, timestamp: i64, client_token: Option<&str>) -> Bytes {
    encode(&Body {
        state: &difference.state,
        metadata: &difference.metadata,
        version,
        timestamp,
        client_token: client_token.map(str::to_owned),
    })
}

/// The body of `…/update/documents`. Before the first update the document is empty.
pub fn documents(
    previous: &Document,
    current: &Document,
    timestamp: i64,
    client_token: Option<&str>,
) -> Bytes {
    #[derive(Serialize)]
    struct Snapshot<'a> {
        state: Sections<'a>,
        metadata: Sections<'a>,
        version: i64,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Both<'a> {
        previous: Snapshot<'a>,
        current: Snapshot<'a>,
        timestamp: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_token: Option<&'a str>,
    }
    fn snapshot(document: &Document) -> Snapshot<'_> {
        Snapshot { state: states(document), metadata: metadata(document), version: document.version }
    }
    encode(&Both { previous: snapshot(previous), current: snapshot(current), timestamp, client_token })
}

/// The body of `…/rejected`, and of the HTTP twin's errors.
pub fn rejected(error: &ShadowError, timestamp: i64, client_token: Option<&str>) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Rejection<'a> {
        code: u16,
        message: String,
        timestamp: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_token: Option<&'a str>,
    }
    encode(&Rejection { code: error.code(), message: error.message(), timestamp, client_token })
}

/// The body of the list of named shadows (HTTP only).
pub fn named_shadows(names: &[String], next_token: Option<&str>, timestamp: i64) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct List<'a> {
        results: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<&'a str>,
        timestamp: i64,
    }
    encode(&List { results: names, next_token, timestamp })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    fn section(state: Value, timestamp: i64) -> Section {
        let state = object(state);
        Section { metadata: stamp_object(&state, timestamp), state }
    }

    fn text(body: &Bytes) -> &str {
        std::str::from_utf8(body).unwrap()
    }

    #[test]
    fn get_accepted_has_both_sections_their_metadata_and_the_delta() {
        let document = Document {
            desired: Some(section(json!({"color": "red"}), 1000)),
            reported: Some(section(json!({"color": "blue"}), 2000)),
            version: 7,
        };
        let delta = object(json!({"color": "red"}));
        assert_snapshot!(
            text(&get_accepted(&document, Some(&delta), 3000, Some("t"))),
            @r#"{"state":{"desired":{"color":"red"},"reported":{"color":"blue"},"delta":{"color":"red"}},"metadata":{"desired":{"color":{"timestamp":1000}},"reported":{"color":{"timestamp":2000}}},"version":7,"timestamp":3000,"clientToken":"t"}"#
        );
        assert_snapshot!(
            text(&get_accepted(&Document { version: 1, ..Document::default() }, None, 3000, None)),
            @r#"{"state":{},"metadata":{},"version":1,"timestamp":3000}"#
        );
    }

    #[test]
    fn update_accepted_has_only_what_was_sent_nulls_included() {
        let request = UpdateRequest {
            reported: SectionPatch::Merge(object(
                json!({"gone": null, "list": [1, {"x": 2}], "n": {"a": 1}}),
            )),
            client_token: Some("t".to_owned()),
            ..UpdateRequest::default()
        };
        assert_snapshot!(
            text(&update_accepted(&request, 2, 1000)),
            @r#"{"state":{"reported":{"gone":null,"list":[1,{"x":2}],"n":{"a":1}}},"metadata":{"reported":{"list":[{"timestamp":1000},{"x":{"timestamp":1000}}],"n":{"a":{"timestamp":1000}}}},"version":2,"timestamp":1000,"clientToken":"t"}"#
        );
        let clear = UpdateRequest { desired: SectionPatch::Clear, ..UpdateRequest::default() };
        assert_snapshot!(
            text(&update_accepted(&clear, 3, 1000)),
            @r#"{"state":{"desired":null},"metadata":{},"version":3,"timestamp":1000}"#
        );
    }

    #[test]
    fn delete_accepted_has_the_version_that_was_deleted() {
        assert_snapshot!(text(&delete_accepted(4, 1000, None)), @r#"{"version":4,"timestamp":1000}"#);
        assert_snapshot!(
            text(&delete_accepted(4, 1000, Some("t"))),
            @r#"{"version":4,"timestamp":1000,"clientToken":"t"}"#
        );
    }

    #[test]
    fn delta_has_the_difference_without_sections() {
        assert_snapshot!(
            text(&delta(&section(json!({"n": {"a": 1}}), 500), 5, 1000, None)),
            @r#"{"state":{"n":{"a":1}},"metadata":{"n":{"a":{"timestamp":500}}},"version":5,"timestamp":1000}"#
        );
        assert!(
            text(&delta(&section(json!({"a": 1}), 5), 5, 1000, Some("t")))
                .ends_with(r#","clientToken":"t"}"#)
        );
    }

    #[test]
    fn documents_has_before_and_after() {
        let current = Document { desired: Some(section(json!({"a": 1}), 1000)), reported: None, version: 1 };
        assert_snapshot!(
            text(&documents(&Document::default(), &current, 1000, Some("t"))),
            @r#"{"previous":{"state":{},"metadata":{},"version":0},"current":{"state":{"desired":{"a":1}},"metadata":{"desired":{"a":{"timestamp":1000}}},"version":1},"timestamp":1000,"clientToken":"t"}"#
        );
    }

    #[test]
    fn every_error_has_the_code_and_message_of_the_contract() {
        let all = [
            ShadowError::InvalidJson,
            ShadowError::MissingState,
            ShadowError::StateNotObject,
            ShadowError::DesiredNotObject,
            ShadowError::ReportedNotObject,
            ShadowError::InvalidVersion,
            ShadowError::InvalidClientToken,
            ShadowError::TooDeep(6),
            ShadowError::InvalidNode,
            ShadowError::Unauthorized,
            ShadowError::Forbidden,
            ShadowError::TooManyShadows(25),
            ShadowError::ThingNotFound,
            ShadowError::NoShadow("config".to_owned()),
            ShadowError::VersionConflict,
            ShadowError::TooLarge,
            ShadowError::NotUtf8,
            ShadowError::TooManyRequests,
            ShadowError::Internal,
        ];
        let lines: Vec<_> = all.iter().map(|e| format!("{} {}", e.code(), e.message())).collect();
        assert_snapshot!(lines.join("\n"), @r"
        400 Invalid JSON
        400 Missing required node: state
        400 State node must be an object
        400 Desired node must be an object
        400 Reported node must be an object
        400 Invalid version
        400 Invalid clientToken
        400 JSON contains too many levels of nesting; maximum is 6
        400 State contains an invalid node
        401 Unauthorized
        403 Forbidden
        403 Forbidden: a device may have at most 25 named shadows; delete one first
        404 Thing not found
        404 No shadow exists with name: config
        409 Version conflict
        413 The payload exceeds the maximum size allowed
        415 Unsupported documented encoding; supported encoding is UTF-8
        429 Too many requests
        500 Internal service failure
        ");
        assert_snapshot!(
            text(&rejected(&ShadowError::VersionConflict, 1000, Some("t"))),
            @r#"{"code":409,"message":"Version conflict","timestamp":1000,"clientToken":"t"}"#
        );
        assert_snapshot!(
            text(&rejected(&ShadowError::InvalidJson, 1000, None)),
            @r#"{"code":400,"message":"Invalid JSON","timestamp":1000}"#
        );
    }

    #[test]
    fn the_list_of_named_shadows_has_a_token_only_if_there_is_more() {
        let names = ["a".to_owned(), "b".to_owned()];
        assert_snapshot!(
            text(&named_shadows(&names, Some("b"), 1000)),
            @r#"{"results":["a","b"],"nextToken":"b","timestamp":1000}"#
        );
        assert_snapshot!(text(&named_shadows(&[], None, 1000)), @r#"{"results":[],"timestamp":1000}"#);
    }
}
