//! Lists of devices: filter, total, order, page and facets in one pass over the tenant.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use windlass_domain::ids::DeviceId;
use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;
use windlass_query::{Field, Fields, Value};

use super::view::{Contacts, DeviceView, FIELDS, Subject, is_field};
use super::{Entry, Fleet, parse_query};
use crate::error::{AppError, FieldProblem};

/// Items of a page when nothing is said.
const LIMIT: usize = 100;
/// Facets of one request.
const FACETS: usize = 10;
/// Values shown of one facet.
const FACET_VALUES: usize = 100;

/// What is asked of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListRequest {
    /// Which devices, in the query language; all if absent.
    pub q: Option<String>,
    /// A field, with `-` before it for descending; `name` if absent.
    pub sort: Option<String>,
    /// Most items of the answer.
    pub limit: Option<usize>,
    /// The cursor of the page before, with the same query and order.
    pub cursor: Option<String>,
    /// Fields whose values are to be counted.
    pub facets: Vec<String>,
}

/// One value of a facet and how many of all matching devices have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The value.
    pub value: String,
    /// How many.
    pub count: u64,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The devices, in order.
    pub items: Vec<DeviceView>,
    /// How many match in all.
    pub total: u64,
    /// Where the next page starts, if there is one.
    pub cursor: Option<String>,
    /// Counts for each facet asked for, most frequent first.
    pub facets: BTreeMap<String, Vec<Facet>>,
}

/// What a device is sorted by. Numbers before text; no value comes last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Key {
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
struct Cursor {
    /// The order it belongs to.
    s: String,
    k: Key,
    id: i64,
}

impl Cursor {
    fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

struct Sort {
    field: Field,
    descending: bool,
    text: String,
}

impl Sort {
    fn parse(text: &str) -> Option<Self> {
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

impl Fleet {
    /// Devices that the principal may see, filtered, ordered, counted, one page at a time.
    ///
    /// # Errors
    /// Invalid, with every parameter that cannot be used.
    pub fn list(
        &self,
        by: &Principal,
        request: &ListRequest,
        most: usize,
        contacts: &dyn Contacts,
        now: Timestamp,
    ) -> Result<Page, AppError> {
        let ListRequest { q, sort, limit, cursor, facets } = request;
        let mut problems = Vec::new();
        let query = match q.as_deref().map(|text| parse_query("q", text)).transpose() {
            Ok(query) => query,
            Err(AppError::Invalid(more)) => {
                problems.extend(more);
                None
            }
            Err(other) => return Err(other),
        };
        let sort = Sort::parse(sort.as_deref().unwrap_or("name"));
        if sort.is_none() {
            problems.push(FieldProblem::new(
                "sort",
                format!("must be {FIELDS}, with - before it for descending"),
            ));
        }
        let limit = limit.unwrap_or(LIMIT.min(most));
        if limit == 0 || limit > most {
            problems.push(FieldProblem::new("limit", format!("must be from 1 to {most}")));
        }
        let start = cursor.as_deref().map(Cursor::read);
        let start = match (start, &sort) {
            (None, _) => None,
            (Some(Some(cursor)), Some(sort)) if cursor.s == sort.text => {
                Some((cursor.k, DeviceId::new(cursor.id)))
            }
            (Some(_), _) => {
                problems.push(FieldProblem::new(
                    "cursor",
                    "is not a cursor of this list in this order; leave it out to start from the beginning",
                ));
                None
            }
        };
        let fields: Vec<Field> = facets.iter().map(|name| Field::new(name)).collect();
        if fields.len() > FACETS {
            problems.push(FieldProblem::new("facets", format!("at most {FACETS} fields")));
        }
        for field in fields.iter().filter(|field| !is_field(field)) {
            problems.push(FieldProblem::new("facets", format!("{} is not {FIELDS}", field.as_str())));
        }
        let Some(sort) = sort.filter(|_| problems.is_empty()) else {
            return Err(AppError::Invalid(problems));
        };

        let index = self.read();
        let scope = self.scope(by);
        let mut counts: Vec<HashMap<String, u64>> = vec![HashMap::new(); fields.len()];
        let mut total = 0_u64;
        let mut found: Vec<((Key, DeviceId), &Arc<Entry>)> = Vec::new();
        for entry in index.of(by.tenant) {
            let subject = Subject::now(&index, entry, contacts, now);
            if !scope.sees(&index, entry) || query.as_ref().is_some_and(|query| !query.matches(&subject)) {
                continue;
            }
            total = total.saturating_add(1);
            for (field, counts) in fields.iter().zip(&mut counts) {
                count(field, &subject, counts);
            }
            let place = (Key::of(&sort.field, &subject), entry.device.id);
            if start.as_ref().is_none_or(|start| sort.compare(start, &place).is_lt()) {
                found.push((place, entry));
            }
        }
        let more = found.len() > limit;
        if more {
            found.select_nth_unstable_by(limit, |one, other| sort.compare(&one.0, &other.0));
            found.truncate(limit);
        }
        found.sort_unstable_by(|one, other| sort.compare(&one.0, &other.0));
        let cursor = found
            .last()
            .filter(|_| more)
            .map(|((key, id), _)| Cursor { s: sort.text.clone(), k: key.clone(), id: id.get() }.write());
        let items =
            found.iter().map(|(_, entry)| Subject::now(&index, entry, contacts, now).view()).collect();
        let facets = facets.iter().cloned().zip(counts.into_iter().map(ranked)).collect();
        Ok(Page { items, total, cursor, facets })
    }
}

fn count(field: &Field, subject: &Subject<'_>, counts: &mut HashMap<String, u64>) {
    let mut seen: Vec<String> = Vec::new();
    subject.each(field, &mut |value| {
        let value = match value {
            Value::Text(text) => text.into_owned(),
            Value::Number(number) => number.to_string(),
            Value::Time(time) => time.to_string(),
            Value::Truth(truth) => truth.to_string(),
        };
        if !seen.contains(&value) {
            seen.push(value);
        }
    });
    for value in seen {
        let count = counts.entry(value).or_default();
        *count = count.saturating_add(1);
    }
}

fn ranked(counts: HashMap<String, u64>) -> Vec<Facet> {
    let mut facets: Vec<Facet> = counts.into_iter().map(|(value, count)| Facet { value, count }).collect();
    facets.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.value.cmp(&other.value)));
    facets.truncate(FACET_VALUES);
    facets
}
