//! What every answer has: stamps, links, pages, errors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who made and changed a thing, and when, in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stamp {
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: i64,
    /// Who changed it last.
    pub last_modified_by: String,
    /// When.
    pub last_modified_at: i64,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Where.
    pub href: String,
}

/// A thing by its number.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IdRef {
    /// Its number.
    pub id: Option<i64>,
}

/// Links by relation.
pub type Links = BTreeMap<&'static str, Link>;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page {
    /// The items.
    pub content: Vec<Value>,
    /// How many there are in all.
    pub total: u64,
    /// How many are here.
    pub size: usize,
}

/// What a refused request is answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// Name of the class that clients in Java look for.
    pub exception_class: &'static str,
    /// Stable code.
    pub error_code: &'static str,
    /// A sentence.
    pub message: String,
    /// More about it, by name.
    pub info: BTreeMap<&'static str, Value>,
}

/// `null`, absent and a value are three things.
///
/// # Errors
/// When the value is of another type.
pub fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// `null` is as good as absent.
///
/// # Errors
/// When the value is of another type.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
