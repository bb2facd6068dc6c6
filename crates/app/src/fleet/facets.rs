//! How many devices have which value of a field.

use std::borrow::Cow;
use std::collections::HashMap;

use roaring::RoaringTreemap;
use windlass_query::{Field, Fields, Index, Value};

use super::ask::Ask;
use super::list::Facet;
use super::view::Subject;

/// Values shown of one facet.
const FACET_VALUES: usize = 100;

/// Counts the values of a field over all of `matching`, most frequent first.
pub(super) fn count(ask: &Ask<'_>, field: &Field, matching: &RoaringTreemap) -> Vec<Facet> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    // A set per value is cheaper than a look at each device, unless there are as many values as devices.
    let column = ask.column(field, matching.len());
    match column.filter(|column| u64::try_from(column.values()).is_ok_and(|values| values < matching.len())) {
        Some(column) => column.each(&mut |value, rows| {
            let count = rows.count_in(matching);
            if count > 0 {
                counts.insert(written(value).into_owned(), count);
            }
        }),
        None => {
            for entry in matching.iter().filter_map(|row| ask.entry(row)) {
                count_one(field, &ask.subject(entry), &mut counts);
            }
        }
    }
    ranked(counts)
}

fn written(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Text(text) => text,
        Value::Number(number) => number.to_string().into(),
        Value::Time(time) => time.to_string().into(),
        Value::Truth(truth) => truth.to_string().into(),
    }
}

fn count_one(field: &Field, subject: &Subject<'_>, counts: &mut HashMap<String, u64>) {
    let mut seen: Vec<String> = Vec::new();
    subject.each(field, &mut |value| {
        let value = written(value).into_owned();
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
