//! Questions about fields that the index does not hold: whoever asks brings their values along.

use std::cmp::Ordering;

use roaring::RoaringTreemap;
use windlass_domain::ids::{DeviceId, TenantId};
use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;
use windlass_query::{Column, Field, Fields, Index as _, Query, Value};

use super::ask::Ask;
use super::{Contacts, Fleet};

/// Values of devices that are known elsewhere.
pub trait Beside {
    /// Whether the field is one of these.
    fn knows(&self, field: &Field) -> bool;

    /// Hands every value of the field to `each`.
    fn each(&self, device: DeviceId, field: &Field, each: &mut dyn FnMut(Value<'_>));
}

/// Which devices, and in which order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// No others are looked at; all if absent.
    pub among: Option<&'a RoaringTreemap>,
    /// Which of those; all if absent.
    pub query: Option<&'a Query>,
    /// Fields, and whether they fall.
    pub order: &'a [(Field, bool)],
}

/// The index with what is known beside it.
struct Wider<'a> {
    ask: &'a Ask<'a>,
    beside: &'a dyn Beside,
}

struct Subject<'a> {
    inner: &'a dyn Fields,
    device: DeviceId,
    beside: &'a dyn Beside,
}

impl Fields for Subject<'_> {
    fn each(&self, field: &Field, each: &mut dyn FnMut(Value<'_>)) {
        if self.beside.knows(field) {
            self.beside.each(self.device, field, each);
        } else {
            self.inner.each(field, each);
        }
    }
}

impl windlass_query::Index for Wider<'_> {
    fn is_indexed(&self, field: &Field) -> bool {
        !self.beside.knows(field) && self.ask.is_indexed(field)
    }

    fn column(&self, field: &Field, rows: u64) -> Option<Box<dyn Column + '_>> {
        if self.beside.knows(field) { None } else { self.ask.column(field, rows) }
    }

    fn row(&self, row: u64, look: &mut dyn FnMut(&dyn Fields)) {
        let device = DeviceId::new(i64::try_from(row).unwrap_or(i64::MAX));
        self.ask.row(row, &mut |inner| look(&Subject { inner, device, beside: self.beside }));
    }
}

/// A value to sort by: nothing first, then numbers and times, then texts whatever their case.
#[derive(Debug, PartialEq)]
enum Key {
    Nothing,
    Number(f64),
    Text(String),
}

impl Key {
    fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Text(text) => Self::Text(text.to_lowercase()),
            Value::Number(number) => Self::Number(*number),
            Value::Time(at) => Self::Text(at.to_string()),
            Value::Truth(truth) => Self::Text(truth.to_string()),
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(two)) => one.total_cmp(two),
            (Self::Text(one), Self::Text(two)) => one.cmp(two),
            (Self::Nothing, Self::Nothing) => Ordering::Equal,
            (Self::Nothing, _) | (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (_, Self::Nothing) | (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

impl Fleet {
    /// Every device of those wanted that the principal may see, in order; then in that of their numbers.
    pub fn select_beside(
        &self,
        by: &Principal,
        wanted: Wanted<'_>,
        beside: &dyn Beside,
        contacts: &dyn Contacts,
        now: Timestamp,
    ) -> Vec<DeviceId> {
        let Wanted { among, query, order } = wanted;
        let index = self.read();
        let mut rows = self.visible(&index, by);
        if let Some(among) = among {
            rows &= among;
        }
        let Some(ask) = Ask::now(&index, by.tenant, contacts, now) else { return Vec::new() };
        let wider = Wider { ask: &ask, beside };
        if let Some(query) = query {
            rows = query.select(&wider, rows);
        }
        if order.is_empty() {
            return ids(&rows);
        }
        let mut keyed: Vec<(Vec<Key>, u64)> = rows
            .iter()
            .map(|row| {
                let mut keys = Vec::with_capacity(order.len());
                wider.row(row, &mut |subject| {
                    for (field, _) in order {
                        let mut key = Key::Nothing;
                        subject.each(field, &mut |value| {
                            if key == Key::Nothing {
                                key = Key::of(&value);
                            }
                        });
                        keys.push(key);
                    }
                });
                (keys, row)
            })
            .collect();
        keyed.sort_by(|(one, a), (two, b)| {
            let by_key = one
                .iter()
                .zip(two)
                .zip(order)
                .map(|((one, two), (_, falls))| if *falls { two.compare(one) } else { one.compare(two) });
            by_key.fold(Ordering::Equal, Ordering::then).then(a.cmp(b))
        });
        keyed.into_iter().filter_map(|(_, row)| i64::try_from(row).ok()).map(DeviceId::new).collect()
    }
}

impl Fleet {
    /// Hands every value of a field of one device of the tenant to `each`, whoever asks.
    pub fn each_beside(
        &self,
        tenant: TenantId,
        (device, field): (DeviceId, &Field),
        beside: &dyn Beside,
        contacts: &dyn Contacts,
        now: Timestamp,
        each: &mut dyn FnMut(Value<'_>),
    ) {
        let index = self.read();
        let Some(ask) = Ask::now(&index, tenant, contacts, now) else { return };
        let Ok(row) = u64::try_from(device.get()) else { return };
        if ask.columns().all.contains(row) {
            Wider { ask: &ask, beside }.row(row, &mut |subject| subject.each(field, each));
        }
    }
}

impl Fleet {
    /// Every value of a field of texts that devices have which the principal may see.
    pub fn values_of(&self, by: &Principal, field: &Field) -> Vec<String> {
        let index = self.read();
        let rows = self.visible(&index, by);
        let mut found = Vec::new();
        let column = index.tenants.get(&by.tenant).and_then(|columns| columns.column(&index, field));
        if let Some(column) = column {
            column.each(&mut |value, having| {
                if let Value::Text(text) = value
                    && having.count_in(&rows) > 0
                {
                    found.push(text.into_owned());
                }
            });
        }
        found.sort();
        found
    }
}

fn ids(rows: &RoaringTreemap) -> Vec<DeviceId> {
    rows.iter().filter_map(|row| i64::try_from(row).ok()).map(DeviceId::new).collect()
}
