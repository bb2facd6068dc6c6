//! Presence of all devices of a tenant as a column, made for one request: contacts change too often to be indexed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use roaring::RoaringTreemap;
use windlass_domain::device::Presence;
use windlass_domain::device_type::TypeSpec;
use windlass_domain::time::Timestamp;
use windlass_query::{Column, Rows, Value};

use super::columns::Columns;
use super::{Contacts, Index, number};

/// Every device of the tenant by its presence.
pub(super) struct PresenceColumn {
    rows: Vec<(Presence, Rows)>,
    all: RoaringTreemap,
}

impl PresenceColumn {
    pub(super) fn of(index: &Index, columns: &Columns, contacts: &dyn Contacts, now: Timestamp) -> Self {
        let connected = contacts.connected() & &columns.all;
        let by_interval = by_interval(index, columns, contacts);
        let intervals: Vec<Duration> = by_interval.keys().copied().collect();
        // heard[i]: silent for too long for the first i intervals, in time for the next one and those after.
        let mut heard: Vec<Vec<u64>> = vec![Vec::new(); intervals.len() + 1];
        contacts.each_last_contact(&mut |device, at| {
            let in_time = |interval: &Duration| Presence::of(0, Some(at), *interval, now).is_online();
            let first = intervals.partition_point(|interval| !in_time(interval));
            if let Some(heard) = heard.get_mut(first) {
                heard.push(number(device));
            }
        });
        let mut heard = heard.into_iter().map(|mut rows| {
            rows.sort_unstable();
            rows.dedup();
            RoaringTreemap::from_sorted_iter(rows).unwrap_or_default()
        });
        let (mut in_time, mut reachable) = (RoaringTreemap::new(), RoaringTreemap::new());
        for (rows, heard) in by_interval.values().zip(heard.by_ref()) {
            in_time |= heard;
            reachable |= rows & &in_time;
        }
        in_time |= heard.next().unwrap_or_default();
        reachable -= &connected;
        let known = (in_time & &columns.all) | &connected;
        let never = &columns.all - &known;
        let overdue = known - &connected - &reachable;
        let sets = [
            (Presence::Connected, connected),
            (Presence::Reachable, reachable),
            (Presence::Overdue, overdue),
            (Presence::Never, never),
        ];
        let rows = sets
            .into_iter()
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(presence, rows)| (presence, Rows::Many(Box::new(rows))))
            .collect();
        Self { rows, all: columns.all.clone() }
    }
}

/// The devices for each expected contact interval: by their type, else by what they were told when they polled.
fn by_interval(
    index: &Index,
    columns: &Columns,
    contacts: &dyn Contacts,
) -> BTreeMap<Duration, RoaringTreemap> {
    let mut by_interval: BTreeMap<Duration, RoaringTreemap> = BTreeMap::new();
    let mut others = columns.all.clone();
    for (id, rows) in columns.types.iter() {
        let Some(record) = index.types.get(id) else { continue };
        let mut typed = RoaringTreemap::new();
        rows.add_to(&mut typed);
        others -= &typed;
        *by_interval.entry(record.spec.contact_interval).or_default() |= typed;
    }
    contacts.each_told(&mut |device, interval| {
        if others.remove(number(device)) {
            by_interval.entry(interval).or_default().insert(number(device));
        }
    });
    *by_interval.entry(TypeSpec::default().contact_interval).or_default() |= others;
    by_interval
}

impl Column for PresenceColumn {
    fn each(&self, each: &mut dyn FnMut(Value<'_>, &Rows)) {
        for (presence, rows) in &self.rows {
            each(presence.as_str().into(), rows);
        }
    }

    fn present(&self) -> Cow<'_, RoaringTreemap> {
        Cow::Borrowed(&self.all)
    }

    fn values(&self) -> usize {
        self.rows.len()
    }
}

/// The same devices by whether they are online.
pub(super) struct OnlineColumn(Vec<(bool, Rows)>, RoaringTreemap);

impl OnlineColumn {
    pub(super) fn of(presence: &PresenceColumn) -> Self {
        let rows = [true, false].map(|online| {
            let mut set = RoaringTreemap::new();
            for (_, rows) in presence.rows.iter().filter(|(presence, _)| presence.is_online() == online) {
                rows.add_to(&mut set);
            }
            (online, set)
        });
        let rows = rows.into_iter().filter(|(_, set)| !set.is_empty());
        Self(rows.map(|(online, set)| (online, Rows::Many(Box::new(set)))).collect(), presence.all.clone())
    }
}

impl Column for OnlineColumn {
    fn each(&self, each: &mut dyn FnMut(Value<'_>, &Rows)) {
        for (online, rows) in &self.0 {
            each(Value::Truth(*online), rows);
        }
    }

    fn present(&self) -> Cow<'_, RoaringTreemap> {
        Cow::Borrowed(&self.1)
    }

    fn values(&self) -> usize {
        self.0.len()
    }
}
