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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refused(payload: &str) -> ShadowError {
        parse_update(payload.as_bytes(), &Bounds::default()).unwrap_err().error
    }

    fn object(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    /// `{"1":{"2":…{}}}` with so many keys on the way down.
    fn nested(levels: usize) -> String {
        (1..=levels).rev().fold("{}".to_owned(), |inner, level| format!("{{\"{level}\":{inner}}}"))
    }

    #[test]
    fn an_update_says_what_it_does_to_each_section() {
        let parse = |text: &str| parse_update(text.as_bytes(), &Bounds::default()).unwrap();
        assert_eq!(
            parse(r#"{"state":{"desired":{"a":null},"reported":null},"version":4,"clientToken":"t"}"#),
            UpdateRequest {
                desired: SectionPatch::Merge(object(json!({"a": null}))),
                reported: SectionPatch::Clear,
                version: Some(4),
                client_token: Some("t".to_owned()),
            }
        );
        assert_eq!(parse(r#"{"state":{}}"#), UpdateRequest::default());
        assert_eq!(
            parse(r#"{"state":{},"version":null,"clientToken":null,"more":1}"#),
            UpdateRequest::default()
        );
        assert_eq!(parse(r#"{"state":{},"version":0}"#).version, Some(0));
    }

    #[test]
    fn each_mistake_has_its_error() {
        for (payload, expected) in [
            ("", ShadowError::InvalidJson),
            ("{", ShadowError::InvalidJson),
            ("null", ShadowError::InvalidJson),
            ("[]", ShadowError::InvalidJson),
            (r#"{"state":{}} x"#, ShadowError::InvalidJson),
            (r#"{"state":{"desired":{"a":NaN}}}"#, ShadowError::InvalidJson),
            (r#"{"state":{"desired":{"a":1e999}}}"#, ShadowError::InvalidJson),
            ("{}", ShadowError::MissingState),
            (r#"{"State":{}}"#, ShadowError::MissingState),
            (r#"{"state":null}"#, ShadowError::StateNotObject),
            (r#"{"state":[]}"#, ShadowError::StateNotObject),
            (r#"{"state":"x"}"#, ShadowError::StateNotObject),
            (r#"{"state":{"desired":1}}"#, ShadowError::DesiredNotObject),
            (r#"{"state":{"desired":[]}}"#, ShadowError::DesiredNotObject),
            (r#"{"state":{"reported":"x"}}"#, ShadowError::ReportedNotObject),
            (r#"{"state":{},"version":"1"}"#, ShadowError::InvalidVersion),
            (r#"{"state":{},"version":-1}"#, ShadowError::InvalidVersion),
            (r#"{"state":{},"version":1.5}"#, ShadowError::InvalidVersion),
            (r#"{"state":{},"version":18446744073709551615}"#, ShadowError::InvalidVersion),
            (r#"{"state":{},"clientToken":7}"#, ShadowError::InvalidClientToken),
            (r#"{"state":{"desired":{"a":[1,null]}}}"#, ShadowError::InvalidNode),
            (r#"{"state":{"reported":{"a":[{"b":null}]}}}"#, ShadowError::InvalidNode),
            (r#"{"state":{"reported":{"a":{"b":[[null]]}}}}"#, ShadowError::InvalidNode),
            (r#"{"state":{"delta":{}}}"#, ShadowError::InvalidNode),
        ] {
            assert_eq!(refused(payload), expected, "{payload}");
        }
    }

    #[test]
    fn a_client_token_may_have_64_bytes_and_no_more() {
        let with = |token: &str| {
            let payload = json!({"state": {}, "clientToken": token}).to_string();
            parse_update(payload.as_bytes(), &Bounds::default())
        };
        assert!(with(&"x".repeat(64)).is_ok());
        assert_eq!(with(&"x".repeat(65)).unwrap_err().error, ShadowError::InvalidClientToken);
        assert_eq!(with(&"ä".repeat(33)).unwrap_err().error, ShadowError::InvalidClientToken);
    }

    #[test]
    fn six_levels_of_nesting_are_the_most() {
        let with = |section: &str| {
            let payload = format!(r#"{{"state":{{"reported":{section}}}}}"#);
            parse_update(payload.as_bytes(), &Bounds::default())
        };
        assert!(with(&nested(6)).is_ok());
        assert_eq!(with(&nested(7)).unwrap_err().error, ShadowError::TooDeep(6));
        assert_eq!(with(&nested(500)).unwrap_err().error, ShadowError::TooDeep(6));
        assert!(with(r#"{"1":{"2":{"3":{"4":{"5":{"6":[1,2]}}}}}}"#).is_ok());
        assert!(with(r#"{"1":{"2":{"3":{"4":{"5":{"6":[[1]]}}}}}}"#).is_err());
        assert!(with(r#"{"1":{"2":{"3":{"4":{"5":[{"6":1}]}}}}}"#).is_err());
        let arrays = format!(r#"{{"a":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
        assert_eq!(with(&arrays).unwrap_err().error, ShadowError::TooDeep(6));
    }

    #[test]
    fn size_and_encoding_come_before_all_else() {
        let bounds = Bounds { document: 20, ..Bounds::default() };
        let error = |payload: &[u8]| parse_update(payload, &bounds).unwrap_err().error;
        assert_eq!(error(&[0xff; 21]), ShadowError::TooLarge);
        assert_eq!(error(&[0xff; 20]), ShadowError::NotUtf8);
        assert_eq!(error(b"{\"state\":{\"a\xff\":1}}"), ShadowError::NotUtf8);
        assert!(parse_update(br#"{"state":{}}        "#, &bounds).is_ok());
    }

    #[test]
    fn of_several_mistakes_the_first_in_order_is_told() {
        let deep = nested(7);
        let token = "x".repeat(65);
        for (payload, expected) in [
            (format!(r#"{{"version":"x","clientToken":"{token}"}}"#), ShadowError::MissingState),
            (
                r#"{"state":{"desired":1,"reported":1},"version":"x"}"#.to_owned(),
                ShadowError::DesiredNotObject,
            ),
            (r#"{"state":{"reported":1},"version":"x"}"#.to_owned(), ShadowError::ReportedNotObject),
            (
                format!(r#"{{"state":{{}},"version":"x","clientToken":"{token}"}}"#),
                ShadowError::InvalidVersion,
            ),
            (
                format!(r#"{{"state":{{"desired":{deep}}},"clientToken":"{token}"}}"#),
                ShadowError::InvalidClientToken,
            ),
            (
                format!(r#"{{"state":{{"desired":{{"a":[null]}},"reported":{deep}}}}}"#),
                ShadowError::TooDeep(6),
            ),
        ] {
            assert_eq!(refused(&payload), expected, "{payload}");
        }
    }

    #[test]
    fn a_refusal_echoes_the_client_token_where_it_could_be_read() {
        let token =
            |payload: &str| parse_update(payload.as_bytes(), &Bounds::default()).unwrap_err().client_token;
        assert_eq!(token(r#"{"clientToken":"t"}"#).as_deref(), Some("t"));
        assert_eq!(token(r#"{"state":{},"version":"x","clientToken":"t"}"#).as_deref(), Some("t"));
        assert_eq!(token(r#"{"state":1,"clientToken":2}"#), None);
        assert_eq!(token(r#"{"clientToken":"t""#), None);
    }

    #[test]
    fn get_takes_nothing_or_an_object_and_delete_takes_anything() {
        let bounds = Bounds::default();
        assert_eq!(parse_get(b"", &bounds), Ok(None));
        assert_eq!(parse_get(b"{}", &bounds), Ok(None));
        assert_eq!(parse_get(br#"{"clientToken":"t","x":1}"#, &bounds), Ok(Some("t".to_owned())));
        for (payload, expected) in [
            (&b"x"[..], ShadowError::InvalidJson),
            (b"[]", ShadowError::InvalidJson),
            (b"\xff", ShadowError::NotUtf8),
            (br#"{"clientToken":1}"#, ShadowError::InvalidClientToken),
        ] {
            assert_eq!(parse_get(payload, &bounds).unwrap_err().error, expected);
            assert_eq!(parse_delete(payload, &bounds), None);
        }
        assert_eq!(parse_delete(br#"{"clientToken":"t"}"#, &bounds).as_deref(), Some("t"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_parser_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            text in r#"(\{|\}|\[|\]|"state"|"desired"|"clientToken"|"version"|:|,|1|-1|null|"x"){0,24}"#,
        ) {
            for payload in [&bytes[..], text.as_bytes()] {
                let parsed = parse_update(payload, &Bounds::default());
                prop_assert!(parsed.is_ok() || (400..=415).contains(&parsed.unwrap_err().error.code()));
                prop_assert!(parse_delete(payload, &Bounds::default()).is_none_or(|token| token.len() <= 64));
            }
        }
    }
}
