//! What a device asks of a shadow. Checks shape and bounds; merges nothing.

use serde_json::Value;

use super::{Object, ShadowError};

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
    pub version: Option<i64>,
    /// To be echoed.
    pub client_token: Option<String>,
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
        Some(value) => match value.as_i64() {
            Some(version @ 0..) => Some(version),
            Some(_) | None => return Err(refuse(ShadowError::InvalidVersion)),
        },
    };
    if token.is_err() {
        return Err(refuse(ShadowError::InvalidClientToken));
    }
    for patch in [&desired, &reported] {
        if let SectionPatch::Merge(object) = patch {
            check_nesting(object, bounds.nesting).map_err(&refuse)?;
        }
    }
    for patch in [&desired, &reported] {
        if let SectionPatch::Merge(object) = patch {
            check_arrays(object).map_err(&refuse)?;
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

/// Checks what is to be merged into a section: how deep it goes.
pub fn check_nesting(patch: &Object, most: usize) -> Result<(), ShadowError> {
    if levels_of_object(patch) > most { Err(ShadowError::TooDeep(most)) } else { Ok(()) }
}

/// Checks what is to be merged into a section: no null inside an array, where it could delete nothing.
pub fn check_arrays(patch: &Object) -> Result<(), ShadowError> {
    if patch.values().any(|value| has_null_in_array(value, false)) {
        Err(ShadowError::InvalidNode)
    } else {
        Ok(())
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
