//! From stored text to domain values: parsing is the only door here too.

use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use windlass_domain::ids::DeviceId;
use windlass_domain::time::Timestamp;

use crate::error::{StoreError, StoreErrorKind};

/// Reads a name, word or digest; `what` names table and column.
pub(crate) fn read<T>(what: &str, text: &str) -> Result<T, StoreError>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|problem| StoreError::corrupt(what, problem))
}

/// Reads a JSON document.
pub(crate) fn read_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|problem| StoreError::corrupt(what, problem))
}

/// The numbers of devices as the JSON array that `among!` takes.
pub(crate) fn write_ids(ids: &[DeviceId]) -> String {
    serde_json::Value::from_iter(ids.iter().map(|id| id.get())).to_string()
}

/// Writes a JSON document.
pub(crate) fn write_json<T: Serialize + ?Sized>(what: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|problem| {
        StoreError::new(StoreErrorKind::Defect, format!("{what} cannot be written as JSON: {problem}"))
    })
}

/// A stored time that may be missing.
pub(crate) fn time(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp::from_micros)
}
