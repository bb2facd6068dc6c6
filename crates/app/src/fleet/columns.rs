//! The columns of one tenant's devices: which devices have which type, tag, attribute, …
//!
//! Kept in step by [`super::Index`]. Knows nothing of contacts (see [`super::presence`]), and of names only what
//! the index resolves when a query asks.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use roaring::RoaringTreemap;
use windlass_domain::ids::{DeviceId, DeviceName, GroupId, TypeId};
use windlass_query::{Column, Field, Postings, Rows, TextColumn, Value};

use super::view::ancestors;
use super::{Entry, Index, number};

/// Everything that is indexed of one tenant.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Every device.
    pub(super) all: RoaringTreemap,
    /// In order of name.
    pub(super) names: BTreeMap<DeviceName, DeviceId>,
    pub(super) types: Postings<TypeId>,
    parents: Postings<DeviceId>,
    pub(super) groups: Postings<GroupId>,
    texts: HashMap<Field, TextColumn>,
}

/// The texts of a device by field; a text comes once per field.
fn texts(entry: &Entry) -> Vec<(Field, &str)> {
    let device = &entry.device;
    let mut texts = vec![
        (Field::new("name"), device.name.as_str()),
        (Field::new("kind"), device.kind.as_str()),
        (Field::new("lifecycle"), device.lifecycle.as_str()),
    ];
    texts.extend(device.tags.iter().map(|tag| (Field::new("tag"), tag.as_str())));
    texts.extend(entry.aliases.iter().map(|alias| (Field::new("alias"), alias.external_id.as_str())));
    texts.extend(entry.running.iter().map(|shown| (Field::new("running"), shown.as_str())));
    for (root, pairs) in [("attribute", &device.attributes), ("inventory", &device.inventory)] {
        texts.extend(pairs.iter().map(|(key, value)| (Field::new(&format!("{root}.{key}")), value.as_str())));
    }
    // Keys that differ in case only are one field; ids of two protocols may be the same.
    texts.sort();
    texts.dedup();
    texts
}

impl Columns {
    pub(super) fn insert(&mut self, entry: &Entry) {
        let (device, row) = (&entry.device, number(entry.device.id));
        self.all.insert(row);
        self.names.insert(device.name.clone(), device.id);
        if let Some(id) = device.device_type {
            self.types.insert(id, row);
        }
        if let Some(id) = device.parent {
            self.parents.insert(id, row);
        }
        for id in &entry.groups {
            self.groups.insert(*id, row);
        }
        for (field, text) in texts(entry) {
            self.texts.entry(field).or_default().insert(text, row);
        }
    }

    pub(super) fn remove(&mut self, entry: &Entry) {
        let (device, row) = (&entry.device, number(entry.device.id));
        self.all.remove(row);
        self.names.remove(&device.name);
        if let Some(id) = device.device_type {
            self.types.remove(&id, row);
        }
        if let Some(id) = device.parent {
            self.parents.remove(&id, row);
        }
        for id in &entry.groups {
            self.groups.remove(id, row);
        }
        for (field, text) in texts(entry) {
            if let Some(column) = self.texts.get_mut(&field) {
                column.remove(text, row);
                if column.is_empty() {
                    self.texts.remove(&field);
                }
            }
        }
    }

    /// The column of a field that does not depend on contacts.
    pub(super) fn column<'c>(&'c self, index: &'c Index, field: &Field) -> Option<FleetColumn<'c>> {
        Some(match field.split() {
            ("type", None) => FleetColumn::Types(&self.types, index),
            ("parent", None) => FleetColumn::Parents(&self.parents, index),
            ("group", None) => FleetColumn::Groups(&self.groups, index),
            ("name", None) => match self.texts.get(field) {
                Some(column) => FleetColumn::Names(column, &self.names),
                None => FleetColumn::Nothing,
            },
            ("kind" | "lifecycle" | "tag" | "alias" | "running", None)
            | ("attribute" | "inventory", Some(_)) => match self.texts.get(field) {
                Some(column) => FleetColumn::Texts(column),
                None => FleetColumn::Nothing,
            },
            _ => return None,
        })
    }
}

/// One indexed field.
pub(super) enum FleetColumn<'c> {
    Types(&'c Postings<TypeId>, &'c Index),
    Parents(&'c Postings<DeviceId>, &'c Index),
    Groups(&'c Postings<GroupId>, &'c Index),
    Texts(&'c TextColumn),
    /// Texts that also stand in order.
    Names(&'c TextColumn, &'c BTreeMap<DeviceName, DeviceId>),
    /// No device has a value.
    Nothing,
}

impl Column for FleetColumn<'_> {
    fn each(&self, each: &mut dyn FnMut(Value<'_>, &Rows)) {
        match self {
            Self::Types(types, index) => {
                for (id, rows) in types.iter() {
                    if let Some(record) = index.types.get(id) {
                        each(record.name.as_str().into(), rows);
                    }
                }
            }
            Self::Parents(parents, index) => {
                for (id, rows) in parents.iter() {
                    if let Some(parent) = index.devices.get(id) {
                        each(parent.device.name.as_str().into(), rows);
                    }
                }
            }
            // Who is in eu/berlin is in eu too.
            Self::Groups(groups, index) => {
                let mut by_path: HashMap<&str, RoaringTreemap> = HashMap::new();
                for (id, rows) in groups.iter() {
                    let Some(path) = index.groups.get(id) else { continue };
                    for path in ancestors(path.as_str()) {
                        rows.add_to(by_path.entry(path).or_default());
                    }
                }
                for (path, rows) in by_path {
                    each(path.into(), &Rows::Many(Box::new(rows)));
                }
            }
            Self::Texts(column) | Self::Names(column, _) => column.each(each),
            Self::Nothing => {}
        }
    }

    fn present(&self) -> Cow<'_, RoaringTreemap> {
        match self {
            Self::Texts(column) | Self::Names(column, _) => column.present(),
            Self::Types(..) | Self::Parents(..) | Self::Groups(..) | Self::Nothing => {
                let mut present = RoaringTreemap::new();
                self.each(&mut |_, rows| rows.add_to(&mut present));
                Cow::Owned(present)
            }
        }
    }

    fn values(&self) -> usize {
        match self {
            Self::Types(types, _) => types.len(),
            Self::Parents(parents, _) => parents.len(),
            Self::Groups(groups, _) => groups.len(),
            Self::Texts(column) | Self::Names(column, _) => column.values(),
            Self::Nothing => 0,
        }
    }

    fn look_up(&self, lower: &str, each: &mut dyn FnMut(&Rows)) -> bool {
        match self {
            Self::Texts(column) | Self::Names(column, _) => column.look_up(lower, each),
            Self::Nothing => true,
            Self::Types(..) | Self::Parents(..) | Self::Groups(..) => false,
        }
    }

    fn beginning(&self, lower: &str, each: &mut dyn FnMut(Value<'_>, &Rows)) -> bool {
        match self {
            Self::Names(_, names) => {
                for (name, id) in spellings(names, lower).iter().flat_map(|text| ahead(names, text)) {
                    each(name.as_str().into(), &Rows::One(number(*id)));
                }
                true
            }
            Self::Nothing => true,
            Self::Texts(_) | Self::Types(..) | Self::Parents(..) | Self::Groups(..) => false,
        }
    }
}

/// Names that begin with exactly this, in order.
fn ahead<'n>(
    names: &'n BTreeMap<DeviceName, DeviceId>,
    text: &'n str,
) -> impl Iterator<Item = (&'n DeviceName, &'n DeviceId)> {
    names
        .range::<str, _>((Bound::Included(text), Bound::Unbounded))
        .take_while(move |(name, _)| name.as_str().starts_with(text))
}

/// The ways in which names that are there spell a beginning that is given in lower case. Names are ASCII, so a letter
/// has two spellings; those that no name begins with are given up at once.
fn spellings(names: &BTreeMap<DeviceName, DeviceId>, lower: &str) -> Vec<String> {
    let mut begins = vec![String::new()];
    for letter in lower.chars() {
        let (low, high) = (letter, letter.to_ascii_uppercase());
        let both = [Some(low), (high != low).then_some(high)];
        let longer = begins
            .iter()
            .flat_map(|begin| both.into_iter().flatten().map(move |next| format!("{begin}{next}")));
        begins = longer.filter(|text| ahead(names, text).next().is_some()).collect();
    }
    begins
}
