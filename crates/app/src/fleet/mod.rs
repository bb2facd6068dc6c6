//! The fleet index: every device's searchable view in memory, by tenant.
//!
//! Loaded at start, refreshed right after a commit of this node and by tailing the change feed, so that lists,
//! counts, facets, scopes and job targets never ask the database. Fields are columns: from each value to the set of
//! devices that have it ([`columns`]). Presence is not kept here: it is read from [`Contacts`] when a query asks for it.
//! Knows no protocol, and no rule about who may do what beyond scopes.

mod ask;
mod beside;
mod columns;
mod facets;
mod grouped;
mod list;
#[cfg(test)]
mod oracle_tests;
mod order;
mod presence;
mod sync;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use roaring::RoaringTreemap;
use windlass_domain::device::Device;
use windlass_domain::device_type::TypeSpec;
use windlass_domain::ids::{DeviceId, DeviceName, GroupId, GroupPath, TenantId, TypeId};
use windlass_domain::job::shown::may_change;
use windlass_domain::permission::Principal;
use windlass_domain::shadow::Object;
use windlass_domain::time::Timestamp;
use windlass_query::{Column, Field, Query, Value};
use windlass_store::devices::Alias;
use windlass_store::types::DeviceTypeRecord;

use crate::error::AppError;

pub use beside::{Beside, Wanted};
pub use list::{Facet, ListRequest, Page};
pub use view::{Contact, Contacts, DeviceView, FIELDS};

use ask::Ask;
use columns::Columns;
use view::Subject;

/// What the index holds of one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The record.
    pub device: Device,
    /// External ids under which it may also address itself.
    pub aliases: BTreeSet<Alias>,
    /// Static groups it is in.
    pub groups: BTreeSet<GroupId>,
    /// Versions that it shows, each as `component version`.
    pub running: BTreeSet<String>,
}

/// Devices that a query asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Their ids.
    pub devices: RoaringTreemap,
    /// The index held at least everything up to this position of the change feed.
    pub seq: i64,
}

#[derive(Debug, Default)]
struct Index {
    devices: HashMap<DeviceId, Arc<Entry>>,
    tenants: HashMap<TenantId, Columns>,
    children: HashMap<DeviceId, BTreeSet<DeviceId>>,
    types: HashMap<TypeId, Arc<DeviceTypeRecord>>,
    groups: HashMap<GroupId, GroupPath>,
    seq: i64,
}

/// The index. One per node.
#[derive(Debug, Default)]
pub struct Fleet {
    index: RwLock<Index>,
    /// Scopes that were parsed before; `None` for one that cannot be used, which sees nothing.
    scopes: Mutex<HashMap<String, Option<Arc<Query>>>>,
    /// Why the last connection of a device ended, as far as this run of the server knows.
    disconnects: Mutex<HashMap<DeviceId, Box<str>>>,
    /// Held while rows are read and applied, so that an older read never overwrites a newer one.
    refreshing: tokio::sync::Mutex<()>,
    /// When the change feed was last read to its end.
    current: Mutex<Option<tokio::time::Instant>>,
    /// Whether a type, or the type of a device, changed since somebody took that.
    retyped: AtomicBool,
}

/// Scopes that are remembered in parsed form.
const SCOPES: usize = 1_000;

/// Fields that a scope cannot be about: rights that come and go with a connection are no rights.
const NOT_IN_SCOPES: &[&str] = &["presence", "online", "lastcontactat", "lastseen"];

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a fleet query and checks that its fields exist. `field` names where it came from in the request.
///
/// # Errors
/// Invalid, with the place in the query and what was expected there.
pub fn parse_query(field: &str, text: &str) -> Result<Query, AppError> {
    let query = windlass_query::parse(text).map_err(|error| AppError::invalid(field, error))?;
    query.check_fields(view::is_field, FIELDS).map_err(|error| AppError::invalid(field, error))?;
    Ok(query)
}

/// Whether a field tells what devices run. Their shadows say it, so whoever asks must be one who may read those.
pub(crate) fn tells_versions(field: &Field) -> bool {
    field.as_str() == "running"
}

/// Reads a query that is to be a scope: as [`parse_query`], and nothing about presence.
///
/// # Errors
/// As [`parse_query`], or that it asks for presence.
pub fn parse_scope(field: &str, text: &str) -> Result<Query, AppError> {
    let query = parse_query(field, text)?;
    let lasts = |asked: &Field| !NOT_IN_SCOPES.contains(&asked.as_str());
    query.check_fields(lasts, "another field").map_err(|_| {
        let text = "must not ask for presence, online or lastContactAt: rights that come and go with a connection are none";
        AppError::invalid(field, text)
    })?;
    Ok(query)
}

impl Index {
    fn put(&mut self, entry: Entry) {
        let id = entry.device.id;
        self.remove(id);
        if let Some(parent) = entry.device.parent {
            self.children.entry(parent).or_default().insert(id);
        }
        self.tenants.entry(entry.device.tenant).or_default().insert(&entry);
        self.devices.insert(id, Arc::new(entry));
    }

    fn remove(&mut self, id: DeviceId) {
        let Some(entry) = self.devices.remove(&id) else { return };
        if let Some(columns) = self.tenants.get_mut(&entry.device.tenant) {
            columns.remove(&entry);
        }
        if let Some(parent) = entry.device.parent
            && let Some(children) = self.children.get_mut(&parent)
        {
            children.remove(&id);
            if children.is_empty() {
                self.children.remove(&parent);
            }
        }
    }

    /// The device of that name.
    fn id_of(&self, tenant: TenantId, name: &DeviceName) -> Option<DeviceId> {
        self.tenants.get(&tenant)?.names.get(name).copied()
    }
}

impl Fleet {
    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many devices there are in all tenants.
    pub fn len(&self) -> usize {
        self.read().devices.len()
    }

    /// Whether there is no device.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The gateway that a device hangs on.
    pub fn parent_of(&self, device: DeviceId) -> Option<DeviceId> {
        self.read().devices.get(&device).and_then(|entry| entry.device.parent)
    }

    /// The child of a gateway that goes by this name or alias.
    pub fn child_of(&self, tenant: TenantId, gateway: DeviceId, name: &str) -> Option<DeviceId> {
        let index = self.read();
        let children = index.children.get(&gateway)?;
        children.iter().copied().find(|child| {
            index.devices.get(child).is_some_and(|entry| {
                entry.device.tenant == tenant
                    && (entry.device.name.as_str() == name
                        || entry.aliases.iter().any(|alias| alias.external_id == name))
            })
        })
    }

    /// What is known of a device, whoever asks: for the server's own tasks.
    pub fn entry(&self, device: DeviceId) -> Option<Arc<Entry>> {
        self.read().devices.get(&device).cloned()
    }

    /// What a type says at present.
    pub fn type_record(&self, id: TypeId) -> Option<Arc<DeviceTypeRecord>> {
        self.read().types.get(&id).cloned()
    }

    /// Whether what a device just reported may change the versions that it shows.
    pub fn may_show(&self, device: DeviceId, reported: &Object) -> bool {
        let index = self.read();
        let of_type =
            index.devices.get(&device).and_then(|entry| index.types.get(&entry.device.device_type?));
        match of_type {
            Some(record) => may_change(&record.spec.version_sources, reported),
            None => may_change(&TypeSpec::default().version_sources, reported),
        }
    }

    /// Remembers that a type, or the type of a device, changed.
    pub(crate) fn note_retyped(&self) {
        self.retyped.store(true, Ordering::Relaxed);
    }

    /// Whether a type, or the type of a device, changed since this was asked last; so it counts after a start, too.
    pub(crate) fn take_retyped(&self) -> bool {
        self.retyped.swap(false, Ordering::Relaxed)
    }

    /// Remembers why a connection of a device ended.
    pub fn note_disconnect(&self, device: DeviceId, reason: &str) {
        lock(&self.disconnects).insert(device, reason.into());
    }

    /// Why the last connection of a device ended, if that was in this run of the server.
    pub fn last_disconnect(&self, device: DeviceId) -> Option<String> {
        lock(&self.disconnects).get(&device).map(|reason| reason.to_string())
    }

    /// The public name of a device, if it is there.
    pub fn name_of(&self, device: DeviceId) -> Option<DeviceName> {
        self.read().devices.get(&device).map(|entry| entry.device.name.clone())
    }

    /// The id of a device by its name.
    pub fn id_of(&self, tenant: TenantId, name: &DeviceName) -> Option<DeviceId> {
        self.read().id_of(tenant, name)
    }

    /// Whether the principal may see the device: its tenant's, and inside its scope if it has one.
    pub fn is_visible(&self, by: &Principal, device: DeviceId) -> bool {
        let index = self.read();
        let scope = self.scope(by);
        index.devices.get(&device).is_some_and(|entry| scope.sees(&index, entry))
    }

    /// Whether the principal could see a device that is (or is about to be) like this.
    pub fn would_see(&self, by: &Principal, entry: &Entry) -> bool {
        self.scope(by).sees(&self.read(), entry)
    }

    fn scope(&self, by: &Principal) -> Scope {
        let tenant = by.tenant;
        let Some(text) = &by.scope else { return Scope { tenant, within: Within::Tenant } };
        let mut scopes = lock(&self.scopes);
        if scopes.len() >= SCOPES && !scopes.contains_key(text) {
            scopes.clear();
        }
        let parsed =
            scopes.entry(text.clone()).or_insert_with(|| parse_scope("scope", text).ok().map(Arc::new));
        let within = parsed.as_ref().map_or(Within::Nothing, |query| Within::Query(Arc::clone(query)));
        Scope { tenant, within }
    }

    /// The position of the change feed up to which the index holds everything.
    pub fn seq(&self) -> i64 {
        self.read().seq
    }

    /// Every device of a tenant that the query asks for.
    pub fn select(
        &self,
        tenant: TenantId,
        query: &Query,
        contacts: &dyn Contacts,
        now: Timestamp,
    ) -> Selection {
        let index = self.read();
        let ask = Ask::now(&index, tenant, contacts, now);
        let devices = ask.map(|ask| ask.select(Some(query))).unwrap_or_default();
        Selection { devices, seq: index.seq }
    }

    /// Every device that the principal may see and, where there is a query, that it asks for.
    pub fn select_visible(
        &self,
        by: &Principal,
        query: Option<&Query>,
        contacts: &dyn Contacts,
        now: Timestamp,
    ) -> Selection {
        let index = self.read();
        let mut devices = self.visible(&index, by);
        if let (Some(query), Some(ask)) = (query, Ask::now(&index, by.tenant, contacts, now)) {
            devices = ask.narrow(query, devices);
        }
        Selection { devices, seq: index.seq }
    }

    /// Every device that the principal may see.
    fn visible(&self, index: &Index, by: &Principal) -> RoaringTreemap {
        let Some(ask) = Ask::still(index, by.tenant) else { return RoaringTreemap::new() };
        match self.scope(by).within {
            Within::Tenant => ask.select(None),
            Within::Nothing => RoaringTreemap::new(),
            Within::Query(query) => ask.select(Some(&query)),
        }
    }

    /// How many devices that the principal may see are in each group or below it.
    pub fn count_groups(&self, by: &Principal) -> HashMap<GroupPath, u64> {
        let index = self.read();
        let visible = self.visible(&index, by);
        let mut counts = HashMap::new();
        let groups = Field::new("group");
        let columns = index.tenants.get(&by.tenant);
        if let Some(column) = columns.and_then(|columns| columns.column(&index, &groups)) {
            column.each(&mut |value, rows| {
                if let Value::Text(path) = value
                    && let Ok(path) = path.parse()
                {
                    counts.insert(path, rows.count_in(&visible));
                }
            });
        }
        counts.retain(|_, count| *count > 0);
        counts
    }

    /// How often a device is to be heard: by its type, else by what it was told when it polled.
    pub fn contact_interval(&self, device: DeviceId, contacts: &dyn Contacts, now: Timestamp) -> Duration {
        let index = self.read();
        let entry = index.devices.get(&device);
        entry.map_or_else(
            || TypeSpec::default().contact_interval,
            |entry| Subject::now(&index, entry, contacts, now).interval(),
        )
    }

    /// A device as shown, if the principal may see it.
    pub fn get(
        &self,
        by: &Principal,
        name: &DeviceName,
        contacts: &dyn Contacts,
        now: Timestamp,
    ) -> Option<DeviceView> {
        let index = self.read();
        let id = index.id_of(by.tenant, name)?;
        let scope = self.scope(by);
        let entry = index.devices.get(&id).filter(|entry| scope.sees(&index, entry))?;
        Some(Subject::now(&index, entry, contacts, now).view(&scope))
    }

    /// Whether the change feed was read to its end within the last five seconds. A node that cannot read it must not
    /// take new connections: it would not learn of revocations.
    pub fn is_current(&self) -> bool {
        lock(&self.current).is_some_and(|at| at.elapsed() < std::time::Duration::from_secs(5))
    }
}

/// What a principal may see.
struct Scope {
    tenant: TenantId,
    within: Within,
}

enum Within {
    Tenant,
    Nothing,
    Query(Arc<Query>),
}

impl Scope {
    /// How many devices that it sees hang on a gateway.
    fn children(&self, index: &Index, gateway: DeviceId) -> u64 {
        let Some(children) = index.children.get(&gateway) else { return 0 };
        let count = match &self.within {
            Within::Tenant => children.len(),
            Within::Nothing => 0,
            Within::Query(_) => children
                .iter()
                .filter(|child| index.devices.get(child).is_some_and(|entry| self.sees(index, entry)))
                .count(),
        };
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    fn sees(&self, index: &Index, entry: &Entry) -> bool {
        entry.device.tenant == self.tenant
            && match &self.within {
                Within::Tenant => true,
                Within::Nothing => false,
                Within::Query(query) => query.matches(&Subject::still(index, entry)),
            }
    }
}

/// A device's id in a treemap; ids are positive.
pub(crate) fn number(id: DeviceId) -> u64 {
    id.get().unsigned_abs()
}
