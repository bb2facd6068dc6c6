//! hawkBit's Direct Device Integration: what devices ask and report, and the documents that answer them.
//!
//! Source: eclipse-hawkbit/hawkbit, `hawkbit-ddi-api`, and what real clients send. Members that are not known are
//! ignored, ids may be numbers or texts, and what may be absent may be null. Bodies are JSON or CBOR.

mod document;
mod request;

pub use document::{
    ActionHistory, ArtifactDoc, AutoConfirmDoc, Base, BaseLinks, Chunk, Deployment, Handling, artifacts,
    auto_confirm, base, cancel, deployment,
};
pub use request::{
    BadBody, ConfigData, Confirmation, ConfirmationWord, Execution, Feedback, Finished, Initiator,
    InstalledBase, Mode, config_data, confirmation, feedback, initiator, installed_base,
};

use bytes::Bytes;
use serde::Serialize;

use crate::encode;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `application/json` and its kin.
    #[default]
    Json,
    /// `application/cbor`.
    Cbor,
}

fn write<T: Serialize>(format: Format, document: &T) -> Bytes {
    match format {
        Format::Json => encode::json(document),
        Format::Cbor => encode::cbor(document),
    }
}
