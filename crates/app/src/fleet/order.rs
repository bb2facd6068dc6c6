//! The order of a list, and the page of it that begins after a cursor.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};
use windlass_domain::ids::{DeviceId, DeviceName};
use windlass_query::{Field, Fields, Value};

use super::ask::Ask;
use super::view::{Subject, is_field};
use super::{Entry, number};

/// One in so many devices must match for a page to be read off the order of names; rarer ones are sorted.
const COMMON: u64 = 32;

/// What a device is sorted by. Numbers before text; no value comes last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Key {
    #[serde(rename = "n")]
    Number(f64),
    #[serde(rename = "i")]
    Micros(i64),
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "z")]
    Missing,
}

impl Key {
    const fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Micros(_) => 1,
            Self::Text(_) => 2,
            Self::Missing => 3,
        }
    }

    fn of(field: &Field, subject: &Subject<'_>) -> Self {
        let mut key = Self::Missing;
        subject.each(field, &mut |value| {
            let candidate = match value {
                Value::Text(text) if field.as_str() == "name" => Self::Text(text.into_owned()),
                Value::Text(text) => match text.parse::<f64>() {
                    Ok(number) if number.is_finite() => Self::Number(number),
                    Ok(_) | Err(_) => Self::Text(text.to_lowercase()),
                },
                Value::Number(number) => Self::Number(number),
                Value::Time(time) => Self::Micros(time.micros()),
                Value::Truth(truth) => Self::Number(if truth { 1.0 } else { 0.0 }),
            };
            // Of several values the first in order counts.
            if candidate.compare(&key).is_lt() {
                key = candidate;
            }
        });
        key
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Micros(one), Self::Micros(other)) => one.cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// A place in an ordered list: the last item that was shown. Opaque to callers.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The order it belongs to.
    pub(super) s: String,
    pub(super) k: Key,
    pub(super) id: i64,
}

impl Cursor {
    pub(super) fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

/// The order of a list.
pub(super) struct Sort {
    pub(super) field: Field,
    descending: bool,
    /// As it is written in cursors.
    pub(super) text: String,
}

impl Sort {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let field = Field::new(name);
        is_field(&field).then(|| Self {
            text: format!("{}{}", if descending { "-" } else { "" }, field.as_str()),
            field,
            descending,
        })
    }

    /// Missing values come last in both directions; ties are broken by age.
    fn compare(&self, one: &(Key, DeviceId), other: &(Key, DeviceId)) -> Ordering {
        let keys = match (&one.0, &other.0) {
            (Key::Missing, Key::Missing) => Ordering::Equal,
            (Key::Missing, _) => Ordering::Greater,
            (_, Key::Missing) => Ordering::Less,
            (one, other) if self.descending => other.compare(one),
            (one, other) => one.compare(other),
        };
        keys.then_with(|| one.1.cmp(&other.1))
    }
}

/// A device and where it stands.
pub(super) type Place<'a> = ((Key, DeviceId), &'a Entry);

/// The first `limit` of `matching` after `start`, in order, and whether there are more.
pub(super) fn page_of<'a>(
    ask: &Ask<'a>,
    matching: &RoaringTreemap,
    sort: &Sort,
    start: Option<&(Key, DeviceId)>,
    limit: usize,
) -> (Vec<Place<'a>>, bool) {
    let all = ask.columns().all.len();
    if sort.field.as_str() == "name" && matching.len() >= all / COMMON {
        return by_name(ask, matching, sort.descending, start, limit);
    }
    let mut found: Vec<Place<'a>> = matching
        .iter()
        .filter_map(|row| ask.entry(row))
        .map(|entry| ((Key::of(&sort.field, &ask.subject(entry)), entry.device.id), entry))
        .filter(|(place, _)| start.is_none_or(|start| sort.compare(start, place).is_lt()))
        .collect();
    let more = found.len() > limit;
    if more {
        found.select_nth_unstable_by(limit, |one, other| sort.compare(&one.0, &other.0));
        found.truncate(limit);
    }
    found.sort_unstable_by(|one, other| sort.compare(&one.0, &other.0));
    (found, more)
}

/// The same, read off the order of names.
fn by_name<'a>(
    ask: &Ask<'a>,
    matching: &RoaringTreemap,
    descending: bool,
    start: Option<&(Key, DeviceId)>,
    limit: usize,
) -> (Vec<Place<'a>>, bool) {
    let names: &BTreeMap<DeviceName, DeviceId> = &ask.columns().names;
    let after = match start {
        Some((Key::Text(name), _)) => name.parse::<DeviceName>().ok(),
        _ => None,
    };
    let bounds = match (&after, descending) {
        (None, _) => (Bound::Unbounded, Bound::Unbounded),
        (Some(name), false) => (Bound::Excluded(name), Bound::Unbounded),
        (Some(name), true) => (Bound::Unbounded, Bound::Excluded(name)),
    };
    let range = names.range::<DeviceName, _>(bounds);
    let ids: Vec<DeviceId> = {
        let matches = |id: &&DeviceId| matching.contains(number(**id));
        let most = limit.saturating_add(1);
        if descending {
            range.rev().map(|(_, id)| id).filter(matches).take(most).copied().collect()
        } else {
            range.map(|(_, id)| id).filter(matches).take(most).copied().collect()
        }
    };
    let more = ids.len() > limit;
    let places = ids
        .into_iter()
        .take(limit)
        .filter_map(|id| ask.entry(number(id)))
        .map(|entry| ((Key::Text(entry.device.name.as_str().to_owned()), entry.device.id), entry))
        .collect();
    (places, more)
}
