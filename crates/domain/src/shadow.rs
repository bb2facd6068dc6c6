//! Shadows: desired and reported documents of a device under one version, and what differs between them.
//!
//! JSON values are data here. Knows no topic, no reply and no storage; nesting and other shape rules are checked
//! by whoever parses a request.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::time::Timestamp;

/// A JSON object.
pub type Object = Map<String, Value>;

/// How long the version of a deleted shadow is remembered.
pub const DELETED_VERSION_LIVES: Duration = Duration::from_secs(48 * 3600);

/// When a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stamp {
    /// A leaf: a scalar, or an array as a whole.
    At(Timestamp),
    /// An object, key by key.
    Keys(Stamps),
}

/// When each value of an object was set.
pub type Stamps = BTreeMap<String, Stamp>;

/// One side of a shadow. `stamps` has the keys of `values`, all the way down.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    /// The values; without null anywhere.
    pub values: Object,
    /// When each leaf was set, in whole seconds.
    pub stamps: Stamps,
}

/// Both sides. A side without values is the same as no such side.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Documents {
    /// What operators want.
    pub desired: Section,
    /// What the device says.
    pub reported: Section,
}

/// A shadow as it is remembered.
#[derive(Debug, Clone, PartialEq)]
pub enum Shadow {
    /// It exists.
    Live {
        /// Both sides.
        documents: Documents,
        /// Rises by one with every accepted update.
        version: i64,
        /// When it was last updated.
        updated_at: Timestamp,
    },
    /// It was deleted; only its version lives on for a while.
    Deleted {
        /// The version that it had.
        version: i64,
        /// When it was deleted.
        at: Timestamp,
    },
}

/// What an update does to one side.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Patch {
    /// Leaves it.
    #[default]
    Keep,
    /// Empties it.
    Clear,
    /// Merges: null deletes a key, objects merge, all else replaces.
    Merge(Object),
}

/// An update.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Update {
    /// For the desired side.
    pub desired: Patch,
    /// For the reported side.
    pub reported: Patch,
    /// The version that the shadow must have; 0 for one that does not exist.
    pub expected_version: Option<i64>,
}

/// Why an update is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpdateRefusal {
    /// The shadow has another version.
    #[error("the shadow is at version {current}")]
    VersionConflict {
        /// The version it has.
        current: i64,
    },
    /// The result would be too large.
    #[error("the documents would take {bytes} bytes")]
    TooLarge {
        /// Bytes of both sides as compact JSON.
        bytes: usize,
    },
}

/// What an accepted update made.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    /// Before; empty if there was no shadow.
    pub previous: Documents,
    /// Version before; 0 if there was none.
    pub previous_version: i64,
    /// After.
    pub current: Documents,
    /// Version after.
    pub version: i64,
}

impl Updated {
    /// Whether the values on the reported side are other than before.
    pub fn reported_changed(&self) -> bool {
        self.previous.reported.values != self.current.reported.values
    }

    /// Whether the values on the desired side are other than before.
    pub fn desired_changed(&self) -> bool {
        self.previous.desired.values != self.current.desired.values
    }
}

/// The version that a new shadow counts on from: that of a shadow deleted not long ago, else 0.
fn version_now(shadow: Option<&Shadow>, now: Timestamp) -> i64 {
    match shadow {
        Some(Shadow::Live { version, .. }) => *version,
        Some(Shadow::Deleted { version, at }) if now.since(*at) < DELETED_VERSION_LIVES => *version,
        Some(Shadow::Deleted { .. }) | None => 0,
    }
}

/// Carries out an update. `most_bytes` bounds both sides of the result together, as compact JSON.
pub fn update(
    shadow: Option<&Shadow>,
    update: &Update,
    most_bytes: usize,
    now: Timestamp,
) -> Result<Updated, UpdateRefusal> {
    let previous_version = version_now(shadow, now);
    if update.expected_version.is_some_and(|expected| expected != previous_version) {
        return Err(UpdateRefusal::VersionConflict { current: previous_version });
    }
    let previous = match shadow {
        Some(Shadow::Live { documents, .. }) => documents.clone(),
        Some(Shadow::Deleted { .. }) | None => Documents::default(),
    };
    let mut current = previous.clone();
    current.desired.apply(&update.desired, now);
    current.reported.apply(&update.reported, now);
    let bytes = current.bytes();
    if bytes > most_bytes {
        return Err(UpdateRefusal::TooLarge { bytes });
    }
    Ok(Updated { previous, previous_version, current, version: previous_version.saturating_add(1) })
}

impl Documents {
    /// Bytes of both sides as compact JSON, metadata not counted. A side without values counts nothing.
    pub fn bytes(&self) -> usize {
        [&self.desired, &self.reported]
            .into_iter()
            .filter(|section| !section.values.is_empty())
            .map(|section| serde_json::to_string(&section.values).map_or(0, |text| text.len()))
            .sum()
    }

    /// What is desired and not reported so: nested objects keep the path to the root, arrays are compared and
    /// copied whole, what is only reported never appears. None if there is no difference.
    pub fn delta(&self) -> Option<Section> {
        let delta = difference(&self.desired.values, &self.desired.stamps, &self.reported.values);
        (!delta.values.is_empty()).then_some(delta)
    }
}

impl Section {
    fn apply(&mut self, patch: &Patch, now: Timestamp) {
        match patch {
            Patch::Keep => {}
            Patch::Clear => *self = Self::default(),
            Patch::Merge(object) => {
                merge(&mut self.values, &mut self.stamps, object, Timestamp::from_seconds(now.seconds()));
            }
        }
    }
}

fn merge(values: &mut Object, stamps: &mut Stamps, patch: &Object, now: Timestamp) {
    for (key, new) in patch {
        match new {
            Value::Null => {
                values.remove(key);
                stamps.remove(key);
            }
            Value::Object(new) => {
                let value = values.entry(key.clone()).or_insert_with(|| Value::Object(Object::new()));
                if !value.is_object() {
                    *value = Value::Object(Object::new());
                    stamps.remove(key);
                }
                let stamp = stamps.entry(key.clone()).or_insert_with(|| Stamp::Keys(Stamps::new()));
                if let (Value::Object(value), Stamp::Keys(stamp)) = (value, stamp) {
                    merge(value, stamp, new, now);
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                values.insert(key.clone(), new.clone());
                stamps.insert(key.clone(), Stamp::At(now));
            }
        }
    }
}

fn difference(desired: &Object, stamps: &Stamps, reported: &Object) -> Section {
    let mut delta = Section::default();
    for (key, wanted) in desired {
        let stamp = stamps.get(key);
        match (wanted, reported.get(key)) {
            (Value::Object(wanted), Some(Value::Object(said))) => {
                let none = Stamps::new();
                let below = match stamp {
                    Some(Stamp::Keys(keys)) => keys,
                    Some(Stamp::At(_)) | None => &none,
                };
                let inner = difference(wanted, below, said);
                if !inner.values.is_empty() {
                    delta.values.insert(key.clone(), Value::Object(inner.values));
                    delta.stamps.insert(key.clone(), Stamp::Keys(inner.stamps));
                }
            }
            (wanted, said) => {
                if !said.is_some_and(|said| same(wanted, said)) {
                    delta.values.insert(key.clone(), wanted.clone());
                    if let Some(stamp) = stamp {
                        delta.stamps.insert(key.clone(), stamp.clone());
                    }
                }
            }
        }
    }
    delta
}

/// Equal as JSON: `1` and `1.0` are one number, whichever way a device writes it.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// What remains of a shadow that is deleted now; None if there is none to delete.
pub fn delete(shadow: Option<&Shadow>, now: Timestamp) -> Option<Shadow> {
    match shadow {
        Some(Shadow::Live { version, .. }) => Some(Shadow::Deleted { version: *version, at: now }),
        Some(Shadow::Deleted { .. }) | None => None,
    }
}

#[cfg(test)]
mod tests;
