//! One question to the index: columns where there are some, rows where there are none.

use std::cell::OnceCell;

use roaring::RoaringTreemap;
use windlass_domain::ids::{DeviceId, TenantId};
use windlass_domain::time::Timestamp;
use windlass_query::{Column, Field, Fields, Query};

use super::columns::Columns;
use super::presence::{OnlineColumn, PresenceColumn};
use super::view::Subject;
use super::{Contacts, Entry, Index};

/// Up to this many devices, contacts are looked up one by one. Small fleets of tests go both ways.
const FEW: u64 = if cfg!(test) { 8 } else { 1_000 };

/// The devices of a tenant, as a query asks about them. Lives for one request.
pub(super) struct Ask<'a> {
    index: &'a Index,
    columns: &'a Columns,
    contacts: Option<(&'a dyn Contacts, Timestamp)>,
    presence: OnceCell<PresenceColumn>,
    online: OnceCell<OnlineColumn>,
}

impl<'a> Ask<'a> {
    /// Without contacts: presence fields have no value. None if the tenant has no device.
    pub(super) fn still(index: &'a Index, tenant: TenantId) -> Option<Self> {
        let columns = index.tenants.get(&tenant)?;
        Some(Self { index, columns, contacts: None, presence: OnceCell::new(), online: OnceCell::new() })
    }

    /// With contacts as they are now.
    pub(super) fn now(
        index: &'a Index,
        tenant: TenantId,
        contacts: &'a dyn Contacts,
        now: Timestamp,
    ) -> Option<Self> {
        Some(Self { contacts: Some((contacts, now)), ..Self::still(index, tenant)? })
    }

    /// Every device of the tenant, or those that the query asks for.
    pub(super) fn select(&self, query: Option<&Query>) -> RoaringTreemap {
        let all = self.columns.all.clone();
        match query {
            None => all,
            Some(query) => query.select(self, all),
        }
    }

    /// Those of `among` that the query asks for.
    pub(super) fn narrow(&self, query: &Query, among: RoaringTreemap) -> RoaringTreemap {
        query.select(self, among)
    }

    /// The tenant's columns.
    pub(super) const fn columns(&self) -> &'a Columns {
        self.columns
    }

    /// A device of the index.
    pub(super) fn entry(&self, row: u64) -> Option<&'a Entry> {
        let id = DeviceId::new(i64::try_from(row).ok()?);
        self.index.devices.get(&id).map(AsRef::as_ref)
    }

    /// A device in its surroundings.
    pub(super) const fn subject(&self, entry: &'a Entry) -> Subject<'a> {
        match self.contacts {
            Some((contacts, now)) => Subject::now(self.index, entry, contacts, now),
            None => Subject::still(self.index, entry),
        }
    }

    fn presence(&self) -> Option<&PresenceColumn> {
        let (contacts, now) = self.contacts?;
        Some(self.presence.get_or_init(|| PresenceColumn::of(self.index, self.columns, contacts, now)))
    }
}

impl windlass_query::Index for Ask<'_> {
    fn is_indexed(&self, field: &Field) -> bool {
        self.columns.column(self.index, field).is_some()
    }

    fn column(&self, field: &Field, rows: u64) -> Option<Box<dyn Column + '_>> {
        match field.split() {
            ("presence", None) if rows > FEW => Some(Box::new(self.presence()?)),
            ("online", None) if rows > FEW => {
                let presence = self.presence()?;
                Some(Box::new(self.online.get_or_init(|| OnlineColumn::of(presence))))
            }
            _ => Some(Box::new(self.columns.column(self.index, field)?)),
        }
    }

    fn row(&self, row: u64, look: &mut dyn FnMut(&dyn Fields)) {
        if let Some(entry) = self.entry(row) {
            look(&self.subject(entry));
        }
    }
}
