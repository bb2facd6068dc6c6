//! Shadow documents as devices see them: requests, replies, deltas and errors (device API contract, part 2).
//!
//! Knows the shapes, not the rules: merging, versions and who may ask are decided elsewhere.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::encode::json as encode;

/// A JSON object.
pub type Object = Map<String, Value>;

/// Bounds on shadow requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a request.
    pub document: usize,
    /// Levels below `desired` or `reported`.
    pub nesting: usize,
    /// Bytes of a client token.
    pub client_token: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { document: 8 * 1024, nesting: 6, client_token: 64 }
    }
}

/// What an update says about one section.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum SectionPatch {
    /// Nothing.
    #[default]
    Absent,
    /// `null`: the whole section goes.
    Clear,
    /// To be merged; `null` values delete.
    Merge(Object),
}

/// A well-formed update request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UpdateRequest {
    /// What it says about the desired section.
    pub desired: SectionPatch,
    /// What it says about the reported section.
    pub reported: SectionPatch,
    /// The version that it expects.
    pub version: Option<u64>,
    /// To be echoed.
    pub client_token: Option<String>,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShadowError {
    /// 400
    InvalidJson,
    /// 400
    MissingState,
    /// 400
    StateNotObject,
    /// 400
    DesiredNotObject,
    /// 400
    ReportedNotObject,
    /// 400
    InvalidVersion,
    /// 400
    InvalidClientToken,
    /// 400, with the most levels that are allowed.
    TooDeep(usize),
    /// 400: a section that is neither desired nor reported, or null inside an array.
    InvalidNode,
    /// 401
    Unauthorized,
    /// 403
    Forbidden,
    /// 403: as many named shadows as a device may have, with that number.
    TooManyShadows(usize),
    /// 404
    ThingNotFound,
    /// 404, with the name of the shadow, or of the thing for the classic one.
    NoShadow(String),
    /// 409
    VersionConflict,
    /// 413
    TooLarge,
    /// 415
    NotUtf8,
    /// 429
    TooManyRequests,
    /// 500
    Internal,
}

impl ShadowError {
    /// The code in the error document; an HTTP status.
    pub const fn code(&self) -> u16 {
        match self {
            Self::InvalidJson
            | Self::MissingState
            | Self::StateNotObject
            | Self::DesiredNotObject
            | Self::ReportedNotObject
            | Self::InvalidVersion
            | Self::InvalidClientToken
            | Self::TooDeep(_)
            | Self::InvalidNode => 400,
            Self::Unauthorized => 401,
            Self::Forbidden | Self::TooManyShadows(_) => 403,
            Self::ThingNotFound | Self::NoShadow(_) => 404,
            Self::VersionConflict => 409,
            Self::TooLarge => 413,
            Self::NotUtf8 => 415,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
        }
    }

    /// The message in the error document.
    pub fn message(&self) -> String {
        match self {
            Self::InvalidJson => "Invalid JSON".to_owned(),
            Self::MissingState => "Missing required node: state".to_owned(),
            Self::StateNotObject => "State node must be an object".to_owned(),
            Self::DesiredNotObject => "Desired node must be an object".to_owned(),
            Self::ReportedNotObject => "Reported node must be an object".to_owned(),
            Self::InvalidVersion => "Invalid version".to_owned(),
            Self::InvalidClientToken => "Invalid clientToken".to_owned(),
            Self::TooDeep(most) => {
                format!("JSON contains too many levels of nesting; maximum is {most}")
            }
            Self::InvalidNode => "State contains an invalid node".to_owned(),
            Self::Unauthorized => "Unauthorized".to_owned(),
            Self::Forbidden => "Forbidden".to_owned(),
            Self::TooManyShadows(most) => {
                format!("Forbidden: a device may have at most {most} named shadows; delete one first")
            }
            Self::ThingNotFound => "Thing not found".to_owned(),
            Self::NoShadow(name) => format!("No shadow exists with name: {name}"),
            Self::VersionConflict => "Version conflict".to_owned(),
            Self::TooLarge => "The payload exceeds the maximum size allowed".to_owned(),
            Self::NotUtf8 => "Unsupported documented encoding; supported encoding is UTF-8".to_owned(),
            Self::TooManyRequests => "Too many requests".to_owned(),
            Self::Internal => "Internal service failure".to_owned(),
        }
    }
}

/// A refused request, with the client token where that much could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub error: ShadowError,
    /// To be echoed.
    pub client_token: Option<String>,
}

/// Reads the payload of `…/update`. Checks in this order: size, encoding, JSON, the nodes, version, client token,
/// nesting, nodes that may not be.
pub fn parse_update(payload: &[u8], bounds: &Bounds) -> Result<UpdateRequest, Refused> {
    let mut body = parse_object(payload, bounds)?;
    let token = read_token(&mut body, bounds);
    let client_token = token.clone().unwrap_or(None);
    let refuse = |error| Refused { error, client_token: client_token.clone() };

    let mut state = match body.remove("state") {
        None => return Err(refuse(ShadowError::MissingState)),
        Some(Value::Object(state)) => state,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err(refuse(ShadowError::StateNotObject));
        }
    };
    let desired = section(state.remove("desired")).ok_or_else(|| refuse(ShadowError::DesiredNotObject))?;
    let reported = section(state.remove("reported")).ok_or_else(|| refuse(ShadowError::ReportedNotObject))?;
    let version = match body.remove("version") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_u64().ok_or_else(|| refuse(ShadowError::InvalidVersion))?),
    };
    if token.is_err() {
        return Err(refuse(ShadowError::InvalidClientToken));
    }
    for patch in [&desired, &reported] {
        if let SectionPatch::Merge(object) = patch
            && levels_of_object(object) > bounds.nesting
        {
            return Err(refuse(ShadowError::TooDeep(bounds.nesting)));
        }
    }
    for patch in [&desired, &reported] {
        if let SectionPatch::Merge(object) = patch
            && object.values().any(|value| has_null_in_array(value, false))
        {
            return Err(refuse(ShadowError::InvalidNode));
        }
    }
    if !state.is_empty() {
        return Err(refuse(ShadowError::InvalidNode));
    }
    Ok(UpdateRequest { desired, reported, version, client_token })
}

/// Reads the payload of `…/get`: empty, or an object with perhaps a client token.
pub fn parse_get(payload: &[u8], bounds: &Bounds) -> Result<Option<String>, Refused> {
    if payload.is_empty() {
        return Ok(None);
    }
    let mut body = parse_object(payload, bounds)?;
    read_token(&mut body, bounds)
        .map_err(|InvalidToken| Refused { error: ShadowError::InvalidClientToken, client_token: None })
}

/// Reads the client token from the payload of `…/delete`, whose content is otherwise ignored.
pub fn parse_delete(payload: &[u8], bounds: &Bounds) -> Option<String> {
    parse_get(payload, bounds).ok().flatten()
}

fn parse_object(payload: &[u8], bounds: &Bounds) -> Result<Object, Refused> {
    let refuse = |error| Refused { error, client_token: None };
    if payload.len() > bounds.document {
        return Err(refuse(ShadowError::TooLarge));
    }
    let text = std::str::from_utf8(payload).map_err(|_| refuse(ShadowError::NotUtf8))?;
    serde_json::from_str(text).map_err(|error| {
        // The JSON reader stops at 128 levels of its own accord and says so only in words.
        if error.to_string().starts_with("recursion limit") {
            refuse(ShadowError::TooDeep(bounds.nesting))
        } else {
            refuse(ShadowError::InvalidJson)
        }
    })
}

#[derive(Debug, Clone, Copy)]
struct InvalidToken;

fn read_token(body: &mut Object, bounds: &Bounds) -> Result<Option<String>, InvalidToken> {
    match body.remove("clientToken") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) if token.len() <= bounds.client_token => Ok(Some(token)),
        Some(_) => Err(InvalidToken),
    }
}

fn section(value: Option<Value>) -> Option<SectionPatch> {
    match value {
        None => Some(SectionPatch::Absent),
        Some(Value::Null) => Some(SectionPatch::Clear),
        Some(Value::Object(object)) => Some(SectionPatch::Merge(object)),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => None,
    }
}

/// How many keys lead down to the deepest value. An array adds a level only for the objects and arrays in it.
fn levels_of_object(object: &Object) -> usize {
    object.values().map(|value| 1 + levels(value)).max().unwrap_or(0)
}

fn levels(value: &Value) -> usize {
    match value {
        Value::Object(object) => levels_of_object(object),
        Value::Array(items) => items
            .iter()
            .map(|item| if item.is_object() || item.is_array() { 1 + levels(item) } else { 0 })
            .max()
            .unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn has_null_in_array(value: &Value, inside: bool) -> bool {
    match value {
        Value::Null => inside,
        Value::Array(items) => items.iter().any(|item| has_null_in_array(item, true)),
        Value::Object(object) => object.values().any(|value| has_null_in_array(value, inside)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

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
    pub version: u64,
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
    version: u64,
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
pub fn update_accepted(request: &UpdateRequest, version: u64, timestamp: i64) -> Bytes {
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
pub fn delete_accepted(version: u64, timestamp: i64, client_token: Option<&str>) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Deleted<'a> {
        version: u64,
        timestamp: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_token: Option<&'a str>,
    }
    encode(&Deleted { version, timestamp, client_token })
}

/// The body of `…/update/delta`.
pub fn delta(difference: &Section, version: u64, timestamp: i64, client_token: Option<&str>) -> Bytes {
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
        version: u64,
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
