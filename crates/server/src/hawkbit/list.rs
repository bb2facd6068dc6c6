//! Lists: offset, limit, sort and RSQL, evaluated over what is shown.
//!
//! Lists of targets ask the fleet index instead; see [`super::targets`].

use std::borrow::Cow;
use std::cmp::Ordering;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use serde_json::Value;
use windlass_domain::time::Timestamp;
use windlass_query::{Field, Fields, Query, RsqlError, Times, parse_rsql};
use windlass_wire::management::common::Page;

use super::io::{Answer, ok};
use crate::rest::error::Refusal;

/// Items of a page when nothing is said.
const LIMIT: usize = 50;
/// Most items of a page; more are cut without a word.
const MOST: usize = 500;
/// Most fields that a list is sorted by.
const SORTS: usize = 8;

/// What is asked of a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListQuery {
    pub(crate) offset: usize,
    pub(crate) limit: usize,
    /// Fields, and whether they fall.
    pub(crate) sort: Vec<(String, bool)>,
    pub(crate) q: Option<String>,
    /// Whether everything is to be shown.
    pub(crate) full: bool,
    /// Whether what is assigned is assigned already in truth.
    pub(crate) offline: bool,
}

fn bad(code: &str, detail: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code, "Not usable", detail)
}

/// Whether the text of a parameter means yes.
pub(crate) fn is_true(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case("true")
}

impl<S: Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Refusal::field("", "has a query that cannot be read"))?;
        let mut query = Self { limit: LIMIT, ..Self::default() };
        let number = |name: &str, text: &str| {
            let whole = text.parse::<i64>();
            let whole = whole.map_err(|_| Refusal::field(name, "must be a whole number from 0 on"))?;
            Ok::<_, Refusal>(usize::try_from(whole).ok())
        };
        for (name, text) in pairs.0 {
            match name.as_str() {
                // As upstream: what is below the least is as good as nothing.
                "offset" => query.offset = number("offset", &text)?.unwrap_or(0),
                "limit" => {
                    let limit = number("limit", &text)?.filter(|limit| *limit > 0);
                    query.limit = limit.unwrap_or(LIMIT).min(MOST);
                }
                "sort" => query.sort.extend(read_sort(&text)?),
                "q" => query.q = Some(text).filter(|text| !text.is_empty()),
                "representation" => query.full = text.eq_ignore_ascii_case("full"),
                "offline" => query.offline = is_true(&text),
                // Unknown parameters are ignored, as upstream does.
                _ => {}
            }
        }
        if query.sort.len() > SORTS {
            return Err(bad("hawkbit.sort", format!("A list is sorted by at most {SORTS} fields.")));
        }
        Ok(query)
    }
}

fn read_sort(text: &str) -> Result<Vec<(String, bool)>, Refusal> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| match part.split_once(':') {
            Some((field, way)) if !field.is_empty() => match way.trim().to_ascii_lowercase().as_str() {
                "asc" => Ok((field.trim().to_owned(), false)),
                "desc" => Ok((field.trim().to_owned(), true)),
                _ => Err(bad("hawkbit.sort_direction", format!("{way} is no direction; write ASC or DESC."))),
            },
            Some(_) | None => {
                Err(bad("hawkbit.sort", format!("{part} is no sort; write it as field:ASC or field:DESC.")))
            }
        })
        .collect()
}

/// Reads RSQL; what is wrong with it is told in hawkBit's words.
pub(crate) fn rsql(
    text: &str,
    times: Times,
    rename: &dyn Fn(&Field) -> Option<Field>,
    expected: &str,
) -> Result<Query, Refusal> {
    parse_rsql(text, times, rename, expected).map_err(|error| match &error {
        RsqlError::Syntax(problem) => {
            bad("hawkbit.rsql_syntax", format!("The query cannot be read: {problem}."))
        }
        RsqlError::Field(problem) => {
            bad("hawkbit.rsql_field", format!("The query names a field that cannot be asked for: {problem}."))
        }
    })
}

/// What is shown, as a query sees it. A field is a path of members whose case does not matter.
#[derive(Debug)]
pub(super) struct Shown<'a>(pub(super) &'a Value);

fn values<'v>(value: &'v Value, path: &str, each: &mut dyn FnMut(&'v Value)) {
    if let Value::Array(items) = value {
        items.iter().for_each(|item| values(item, path, each));
        return;
    }
    if path.is_empty() {
        if !value.is_null() {
            each(value);
        }
        return;
    }
    let Some(members) = value.as_object() else { return };
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    for (_, member) in members.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)) {
        values(member, rest, each);
    }
}

impl Fields for Shown<'_> {
    fn each(&self, field: &Field, each: &mut dyn FnMut(windlass_query::Value<'_>)) {
        values(self.0, field.as_str(), &mut |value| match value {
            Value::String(text) => each(text.as_str().into()),
            Value::Bool(truth) => each(windlass_query::Value::Truth(*truth)),
            Value::Number(number) => match number.as_f64() {
                Some(number) => each(windlass_query::Value::Number(number)),
                None => each(windlass_query::Value::Text(Cow::Owned(number.to_string()))),
            },
            Value::Object(_) | Value::Array(_) | Value::Null => {}
        });
    }
}

/// The first value of a field, to sort by.
fn sort_key(subject: &dyn Fields, field: &Field) -> Value {
    let mut first = None;
    subject.each(field, &mut |value| {
        if first.is_none() {
            first = Some(match value {
                windlass_query::Value::Text(text) => Value::from(text.into_owned()),
                windlass_query::Value::Number(number) => Value::from(number),
                windlass_query::Value::Time(at) => Value::from(at.millis()),
                windlass_query::Value::Truth(truth) => Value::from(truth),
            });
        }
    });
    first.unwrap_or_default()
}

fn compare(one: Option<&Value>, two: Option<&Value>) -> Ordering {
    match (one, two) {
        (Some(Value::Number(one)), Some(Value::Number(two))) => {
            one.as_f64().unwrap_or_default().total_cmp(&two.as_f64().unwrap_or_default())
        }
        (Some(Value::String(one)), Some(Value::String(two))) => one.to_lowercase().cmp(&two.to_lowercase()),
        (Some(Value::Bool(one)), Some(Value::Bool(two))) => one.cmp(two),
        (one, two) => one.is_some().cmp(&two.is_some()),
    }
}

/// What fields of a list are called in what is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    /// As clients write them in lower case, and the path to them. A path that ends in a dot takes any key.
    pub(crate) fields: &'static [(&'static str, &'static str)],
}

impl Names {
    pub(crate) fn rename(self, field: &Field) -> Option<Field> {
        let text = field.as_str();
        self.fields.iter().find_map(|(name, path)| match name.strip_suffix('*') {
            Some(start) => text.strip_prefix(start).map(|key| Field::new(&format!("{path}{key}"))),
            None => (*name == text).then(|| Field::new(path)),
        })
    }

    pub(super) fn words(self) -> String {
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| *name).collect();
        format!("one of {}", names.join(", "))
    }
}

/// Times that placeholders stand for where no tenant's settings matter.
pub(crate) fn times(now: Timestamp) -> Times {
    Times { now, overdue: now }
}

/// What a list asks for, read: which items, in which order.
#[derive(Debug)]
pub(crate) struct Asked {
    query: Option<Query>,
    sort: Vec<(Field, bool)>,
}

impl Asked {
    /// Reads what is asked of a list with these fields.
    pub(crate) fn read(query: &ListQuery, names: Names, now: Timestamp) -> Result<Self, Refusal> {
        Self::read_as(query, &|field| names.rename(field), &names.words(), times(now))
    }

    /// As [`Asked::read`], of a list whose fields are told by `rename` and, for people, by `words`.
    pub(crate) fn read_as(
        query: &ListQuery,
        rename: &dyn Fn(&Field) -> Option<Field>,
        words: &str,
        times: Times,
    ) -> Result<Self, Refusal> {
        let parsed = query.q.as_ref().map(|text| rsql(text, times, rename, words)).transpose()?;
        let mut sort = Vec::with_capacity(query.sort.len());
        for (field, falls) in &query.sort {
            let path = rename(&Field::new(field)).ok_or_else(|| {
                bad("hawkbit.sort_field", format!("{field} cannot be sorted by; write {words}."))
            })?;
            sort.push((path, *falls));
        }
        Ok(Self { query: parsed, sort })
    }

    /// Every field that it hangs on.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        let queried = self.query.iter().flat_map(Query::fields);
        queried.chain(self.sort.iter().map(|(field, _)| field))
    }

    /// Whether an item is one of them.
    pub(crate) fn takes(&self, item: &dyn Fields) -> bool {
        self.query.as_ref().is_none_or(|query| query.matches(item))
    }

    /// What an item is put in order by.
    pub(crate) fn keys(&self, item: &dyn Fields) -> Vec<Value> {
        self.sort.iter().map(|(field, _)| sort_key(item, field)).collect()
    }

    /// How two items stand by their keys.
    pub(crate) fn compare(&self, one: &[Value], two: &[Value]) -> Ordering {
        let by = self.sort.iter().zip(one.iter().zip(two)).map(|((_, falls), (one, two))| {
            let there = |key| Some(key).filter(|key: &&Value| !key.is_null());
            if *falls { compare(there(two), there(one)) } else { compare(there(one), there(two)) }
        });
        by.fold(Ordering::Equal, Ordering::then)
    }
}

/// The items that a list asks for, in its order, and how many there are in all.
fn pick<T: Serialize>(
    items: Vec<T>,
    query: &ListQuery,
    asked: &Asked,
) -> Result<(Vec<Value>, usize), Refusal> {
    let mut shown = Vec::with_capacity(items.len());
    for item in items {
        let item = serde_json::to_value(item).map_err(|error| Refusal::internal(&error))?;
        let subject = Shown(&item);
        if asked.takes(&subject) {
            shown.push((asked.keys(&subject), item));
        }
    }
    shown.sort_by(|(one, _), (two, _)| asked.compare(one, two));
    let total = shown.len();
    let page = shown.into_iter().skip(query.offset).take(query.limit);
    Ok((page.map(|(_, item)| item).collect(), total))
}

/// A page of a list that is evaluated here. `hidden`: members that only a query may see.
pub(crate) fn page<T: Serialize>(
    items: Vec<T>,
    query: &ListQuery,
    names: Names,
    hidden: &[&str],
    now: Timestamp,
) -> Answer {
    page_of(items, query, &Asked::read(query, names, now)?, hidden)
}

/// As [`page`], where it was read before what the list asks for.
pub(crate) fn page_of<T: Serialize>(
    items: Vec<T>,
    query: &ListQuery,
    asked: &Asked,
    hidden: &[&str],
) -> Answer {
    let (mut content, total) = pick(items, query, asked)?;
    for member in content.iter_mut().filter_map(Value::as_object_mut) {
        for name in hidden {
            member.remove(*name);
        }
    }
    paged(content, total)
}

/// A page whose items are known.
pub(crate) fn paged(content: Vec<Value>, total: usize) -> Answer {
    ok(&Page { size: content.len(), content, total: u64::try_from(total).unwrap_or(u64::MAX) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NAMES: Names =
        Names { fields: &[("id", "id"), ("name", "name"), ("tag", "tags.name"), ("metadata.*", "meta.")] };

    fn picked(q: Option<&str>, sort: &str) -> Result<Vec<i64>, Refusal> {
        let items = vec![
            json!({"id": 1, "name": "beta", "tags": [{"name": "x"}], "meta": {"Site": "B"}}),
            json!({"id": 2, "name": "Alpha", "tags": [{"name": "x"}, {"name": "y"}], "meta": {}}),
            json!({"id": 3, "name": null, "tags": [], "meta": {"site": "a"}}),
        ];
        let query =
            ListQuery { limit: 10, q: q.map(str::to_owned), sort: read_sort(sort)?, ..ListQuery::default() };
        let asked = Asked::read(&query, NAMES, Timestamp::from_seconds(0))?;
        let (content, _) = pick(items, &query, &asked)?;
        Ok(content.iter().map(|item| item["id"].as_i64().unwrap()).collect())
    }

    #[test]
    fn queries_look_into_what_is_shown() {
        for (q, wanted) in [
            ("name==alpha", vec![2]),
            ("name==*A*", vec![1, 2]),
            ("name=is=null", vec![3]),
            ("tag==x;tag!=y", vec![1]),
            ("metadata.site==*", vec![1, 3]),
            ("id=gt=1;id<3", vec![2]),
            ("id=in=(1,3)", vec![1, 3]),
        ] {
            assert_eq!(picked(Some(q), "").unwrap(), wanted, "{q}");
        }
    }

    #[test]
    fn lists_are_sorted_by_fields_that_there_are() {
        assert_eq!(picked(None, "name:ASC").unwrap(), [3, 2, 1]);
        assert_eq!(picked(None, "name:desc,id:ASC").unwrap(), [1, 2, 3]);
        for (bad, code) in [
            ("name", "hawkbit.sort"),
            (":ASC", "hawkbit.sort"),
            ("name:up", "hawkbit.sort_direction"),
            ("colour:ASC", "hawkbit.sort_field"),
        ] {
            assert_eq!(picked(None, bad).unwrap_err().problem.code, code, "{bad}");
        }
    }

    #[test]
    fn unknown_fields_and_broken_queries_are_refused_by_their_codes() {
        assert_eq!(picked(Some("colour==red"), "").unwrap_err().problem.code, "hawkbit.rsql_field");
        assert_eq!(picked(Some("name=="), "").unwrap_err().problem.code, "hawkbit.rsql_syntax");
    }
}
