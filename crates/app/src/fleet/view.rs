//! One device as a query, a sort, a facet or a person sees it.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use roaring::RoaringTreemap;
use windlass_domain::device::{Device, Presence};
use windlass_domain::device_type::TypeSpec;
use windlass_domain::ids::{AttributeKey, DeviceId, DeviceName, GroupPath, TypeName};
use windlass_domain::time::Timestamp;
use windlass_query::{Field, Fields, Value};
use windlass_store::devices::Alias;

use super::{Entry, Index, Scope};

/// What is known of a device's contacts, which change too often to be indexed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contact {
    /// Live connections.
    pub connections: usize,
    /// When it was last heard.
    pub last_at: Option<Timestamp>,
    /// Why its last connection ended, where it has none.
    pub last_disconnect: Option<String>,
}

/// Where contacts are known.
pub trait Contacts: fmt::Debug {
    /// The contacts of one device.
    fn contact(&self, device: DeviceId) -> Contact;

    /// The ids of all devices that have a live connection.
    fn connected(&self) -> RoaringTreemap;

    /// Hands over every device that was ever heard and when it was last heard.
    fn each_last_contact(&self, each: &mut dyn FnMut(DeviceId, Timestamp));

    /// How often a device is to be heard by what it was told when it polled, if it was.
    fn told(&self, device: DeviceId) -> Option<Duration>;

    /// Hands over every device that was told that, with it.
    fn each_told(&self, each: &mut dyn FnMut(DeviceId, Duration));
}

/// A device as shown.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceView {
    /// The record.
    pub device: Device,
    /// The name of its type.
    pub type_name: Option<TypeName>,
    /// The name of its gateway.
    pub parent_name: Option<DeviceName>,
    /// Whether it can be reached.
    pub presence: Presence,
    /// When it was last heard.
    pub last_contact_at: Option<Timestamp>,
    /// Why its last connection ended, where it has none.
    pub last_disconnect: Option<String>,
    /// Static groups it is in.
    pub groups: BTreeSet<GroupPath>,
    /// External ids.
    pub aliases: BTreeSet<Alias>,
    /// How many devices hang on it, of those that the caller may see.
    pub children: u64,
}

/// The fields there are, for whoever wrote another one.
pub const FIELDS: &str = "one of name, type, kind, parent, lifecycle, presence, online, lastContactAt, tag, group, \
     alias, running, attribute.<key>, inventory.<key>, version, createdAt, updatedAt, firstSeenAt";

/// Whether a query may ask for the field.
pub(super) fn is_field(field: &Field) -> bool {
    match field.split() {
        (
            "name" | "type" | "kind" | "parent" | "lifecycle" | "presence" | "online" | "lastcontactat"
            | "lastseen" | "tag" | "group" | "alias" | "running" | "version" | "createdat" | "updatedat"
            | "firstseenat",
            None,
        ) => true,
        ("attribute" | "inventory", Some(key)) => !key.is_empty(),
        _ => false,
    }
}

/// A group's path and those above it.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::once(path).chain(path.match_indices('/').filter_map(|(at, _)| path.get(..at)))
}

/// A device in its surroundings: names behind ids, and contacts if they are asked for.
pub(super) struct Subject<'a> {
    index: &'a Index,
    entry: &'a Entry,
    contacts: Option<(&'a dyn Contacts, Timestamp)>,
}

impl<'a> Subject<'a> {
    /// Without contacts: presence fields have no value.
    pub(super) const fn still(index: &'a Index, entry: &'a Entry) -> Self {
        Self { index, entry, contacts: None }
    }

    /// With contacts as they are now.
    pub(super) const fn now(
        index: &'a Index,
        entry: &'a Entry,
        contacts: &'a dyn Contacts,
        now: Timestamp,
    ) -> Self {
        Self { index, entry, contacts: Some((contacts, now)) }
    }

    fn type_name(&self) -> Option<&'a TypeName> {
        self.index.types.get(&self.entry.device.device_type?).map(|record| &record.name)
    }

    /// By its type, else by what it was told when it polled.
    pub(super) fn interval(&self) -> Duration {
        let of_type = self.entry.device.device_type.and_then(|id| self.index.types.get(&id));
        let told = || self.contacts.and_then(|(contacts, _)| contacts.told(self.entry.device.id));
        of_type
            .map(|record| record.spec.contact_interval)
            .or_else(told)
            .unwrap_or_else(|| TypeSpec::default().contact_interval)
    }

    fn parent_name(&self) -> Option<&'a DeviceName> {
        self.index.devices.get(&self.entry.device.parent?).map(|parent| &parent.device.name)
    }

    fn groups(&self) -> impl Iterator<Item = &'a GroupPath> {
        self.entry.groups.iter().filter_map(|id| self.index.groups.get(id))
    }

    fn contact(&self) -> Option<(Contact, Timestamp)> {
        self.contacts.map(|(contacts, now)| (contacts.contact(self.entry.device.id), now))
    }

    fn presence(&self) -> Option<Presence> {
        self.contact()
            .map(|(contact, now)| Presence::of(contact.connections, contact.last_at, self.interval(), now))
    }

    /// The device as shown.
    pub(super) fn view(&self, scope: &Scope) -> DeviceView {
        let (contact, now) = self.contact().unwrap_or((Contact::default(), Timestamp::from_micros(0)));
        let Contact { connections, last_at, last_disconnect } = contact;
        DeviceView {
            device: self.entry.device.clone(),
            type_name: self.type_name().cloned(),
            parent_name: self.parent_name().cloned(),
            presence: Presence::of(connections, last_at, self.interval(), now),
            last_contact_at: last_at,
            last_disconnect: if connections == 0 { last_disconnect } else { None },
            groups: self.groups().cloned().collect(),
            aliases: self.entry.aliases.clone(),
            children: scope.children(self.index, self.entry.device.id),
        }
    }
}

impl Fields for Subject<'_> {
    fn each(&self, field: &Field, each: &mut dyn FnMut(Value<'_>)) {
        let device = &self.entry.device;
        let keyed = |pairs: &std::collections::BTreeMap<AttributeKey, String>,
                     key: &str,
                     each: &mut dyn FnMut(Value<'_>)| {
            // Fields are in lower case; keys may differ in case only, then each is a value.
            for (name, value) in pairs {
                if name.as_str().eq_ignore_ascii_case(key) {
                    each(value.as_str().into());
                }
            }
        };
        match field.split() {
            ("name", None) => each(device.name.as_str().into()),
            ("type", None) => self.type_name().into_iter().for_each(|name| each(name.as_str().into())),
            ("kind", None) => each(device.kind.as_str().into()),
            ("parent", None) => self.parent_name().into_iter().for_each(|name| each(name.as_str().into())),
            ("lifecycle", None) => each(device.lifecycle.as_str().into()),
            ("presence", None) => {
                self.presence().into_iter().for_each(|presence| each(presence.as_str().into()));
            }
            ("online", None) => {
                self.presence().into_iter().for_each(|presence| each(Value::Truth(presence.is_online())));
            }
            ("lastcontactat" | "lastseen", None) => self
                .contact()
                .and_then(|(contact, _)| contact.last_at)
                .into_iter()
                .for_each(|at| each(Value::Time(at))),
            ("tag", None) => device.tags.iter().for_each(|tag| each(tag.as_str().into())),
            ("group", None) => self.groups().for_each(|path| {
                // Who is in eu/berlin is in eu too.
                ancestors(path.as_str()).for_each(|path| each(path.into()));
            }),
            ("alias", None) => {
                self.entry.aliases.iter().for_each(|alias| each(alias.external_id.as_str().into()));
            }
            ("running", None) => self.entry.running.iter().for_each(|shown| each(shown.as_str().into())),
            ("version", None) => each(Value::Text(device.version.to_string().into())),
            ("createdat", None) => each(Value::Time(device.created_at)),
            ("updatedat", None) => each(Value::Time(device.updated_at)),
            ("firstseenat", None) => device.first_seen_at.into_iter().for_each(|at| each(Value::Time(at))),
            ("attribute", Some(key)) => keyed(&device.attributes, key, each),
            ("inventory", Some(key)) => keyed(&device.inventory, key, each),
            _ => {}
        }
    }
}
