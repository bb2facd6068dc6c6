//! Shadow documents as devices see them: requests, replies, deltas and errors (device API contract, part 2).
//!
//! Knows the shapes, not the rules: merging, versions and who may ask are decided elsewhere.

use bytes::Bytes;
use serde_json::{Map, Value};

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

/// Reads the payload of `…/update`.
pub fn parse_update(payload: &[u8], bounds: &Bounds) -> Result<UpdateRequest, Refused> {
    let _ = (payload, bounds);
    unimplemented!("filled in next")
}

/// Reads the payload of `…/get`: empty, or an object with perhaps a client token.
pub fn parse_get(payload: &[u8], bounds: &Bounds) -> Result<Option<String>, Refused> {
    let _ = (payload, bounds);
    unimplemented!("filled in next")
}

/// Reads the client token from the payload of `…/delete`, whose content is otherwise ignored.
pub fn parse_delete(payload: &[u8], bounds: &Bounds) -> Option<String> {
    let _ = (payload, bounds);
    unimplemented!("filled in next")
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

/// The reply to `…/get`.
pub fn get_accepted(
    document: &Document,
    delta: Option<&Object>,
    timestamp: i64,
    client_token: Option<&str>,
) -> Bytes {
    let _ = (document, delta, timestamp, client_token);
    unimplemented!("filled in next")
}

/// The reply to `…/update`: `state` holds only the fields that were sent, nulls included.
pub fn update_accepted(request: &UpdateRequest, version: u64, timestamp: i64) -> Bytes {
    let _ = (request, version, timestamp);
    unimplemented!("filled in next")
}

/// The reply to `…/delete`.
pub fn delete_accepted(version: u64, timestamp: i64, client_token: Option<&str>) -> Bytes {
    let _ = (version, timestamp, client_token);
    unimplemented!("filled in next")
}

/// The body of `…/update/delta`.
pub fn delta(difference: &Section, version: u64, timestamp: i64, client_token: Option<&str>) -> Bytes {
    let _ = (difference, version, timestamp, client_token);
    unimplemented!("filled in next")
}

/// The body of `…/update/documents`.
pub fn documents(
    previous: Option<&Document>,
    current: &Document,
    timestamp: i64,
    client_token: Option<&str>,
) -> Bytes {
    let _ = (previous, current, timestamp, client_token);
    unimplemented!("filled in next")
}

/// The body of `…/rejected`, and of the HTTP twin's errors.
pub fn rejected(error: &ShadowError, timestamp: i64, client_token: Option<&str>) -> Bytes {
    let _ = (error, timestamp, client_token);
    unimplemented!("filled in next")
}

/// The body of the list of named shadows (HTTP only).
pub fn named_shadows(names: &[String], next_token: Option<&str>, timestamp: i64) -> Bytes {
    let _ = (names, next_token, timestamp);
    unimplemented!("filled in next")
}
