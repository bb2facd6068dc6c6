//! Lists of devices: what is asked, checked, and answered with one page, a total and facets.

use std::collections::BTreeMap;

use windlass_domain::ids::DeviceId;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_query::Field;

use super::ask::Ask;
use super::facets;
use super::order::{Cursor, Sort, page_of};
use super::view::{Contacts, DeviceView, FIELDS, is_field};
use super::{Fleet, parse_query, tells_versions};
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;

/// Items of a page when nothing is said.
const LIMIT: usize = 100;
/// Facets of one request.
const FACETS: usize = 10;

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

impl Fleet {
    /// Devices that the principal may see, filtered, ordered, counted, one page at a time.
    ///
    /// # Errors
    /// Invalid, with every parameter that cannot be used; forbidden where what devices run is asked for.
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
        let asked = query.as_ref().is_some_and(|query| query.asks_for(tells_versions));
        if asked || fields.iter().chain([&sort.field]).any(tells_versions) {
            demand(by, Permission::ShadowRead)?;
        }

        let index = self.read();
        let mut matching = self.visible(&index, by);
        let Some(ask) = Ask::now(&index, by.tenant, contacts, now) else {
            let facets = facets.iter().map(|field| (field.clone(), Vec::new())).collect();
            return Ok(Page { items: Vec::new(), total: 0, cursor: None, facets });
        };
        if let Some(query) = &query {
            matching = ask.narrow(query, matching);
        }
        let (places, more) = page_of(&ask, &matching, &sort, start.as_ref(), limit);
        let cursor = places
            .last()
            .filter(|_| more)
            .map(|((key, id), _)| Cursor { s: sort.text.clone(), k: key.clone(), id: id.get() }.write());
        let scope = self.scope(by);
        let items = places.iter().map(|(_, entry)| ask.subject(entry).view(&scope)).collect();
        let counts = fields.iter().map(|field| facets::count(&ask, field, &matching));
        let facets = facets.iter().cloned().zip(counts).collect();
        Ok(Page { items, total: matching.len(), cursor, facets })
    }
}
