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
