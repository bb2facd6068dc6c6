//! Shadow documents as devices see them: requests, replies, deltas and errors (device API contract, part 2).
//!
//! Knows the shapes, not the rules: merging, versions and who may ask are decided elsewhere.

mod reply;
mod request;

use serde_json::{Map, Value};

pub use reply::{
    Document, Section, delete_accepted, delta, documents, get_accepted, named_shadows, rejected, stamp,
    update_accepted,
};
pub use request::{
    Bounds, Refused, SectionPatch, UpdateRequest, check_arrays, check_nesting, parse_delete, parse_get,
    parse_update,
};

/// A JSON object.
pub type Object = Map<String, Value>;

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
