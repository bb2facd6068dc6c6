//! The versions that devices show, written down for the fleet index: when a device says something at a place of its type,
//! and again when it is of another type, or its type changed. Judges nothing.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use windlass_domain::device_type::TypeSpec;
use windlass_domain::ids::{DeviceId, TenantId};
use windlass_domain::job::shown::{needs_names, shown, together};
use windlass_domain::job::verdict::Said;
use windlass_domain::shadow::Shadow;
use windlass_store::running::{ReadBy, running_put, unread};
use windlass_store::{StoreError, Tx, devices, releases, shadows, types};

use crate::App;

/// Devices that are read in one transaction.
const AT_ONCE: u32 = 256;
/// Most names of components by which keys of an inventory are told.
const NAMES: u32 = 10_000;

/// Names of components by which keys are told, of each tenant that was asked for.
type Names = BTreeMap<TenantId, Vec<String>>;

/// Writes down which versions a device shows now.
///
/// # Errors
/// When the store fails.
pub(crate) async fn note(tx: &mut Tx<'_>, device: DeviceId) -> Result<(), StoreError> {
    note_by(tx, device, &mut Names::new()).await
}

async fn note_by(tx: &mut Tx<'_>, device: DeviceId, names: &mut Names) -> Result<(), StoreError> {
    let Some(device) = devices::device_by_id(tx, device).await? else { return Ok(()) };
    let record = match device.device_type {
        Some(id) => types::type_by_id(tx, id).await?,
        None => None,
    };
    let by = ReadBy {
        type_id: device.device_type.map_or(0, |id| id.get()),
        type_version: record.as_ref().map_or(0, |record| record.version),
    };
    let spec = record.map_or_else(TypeSpec::default, |record| record.spec);
    let shadow = shadows::shadow(tx, device.id, None).await?;
    let reported = match &shadow {
        Some(Shadow::Live { documents, .. }) => Some(&documents.reported),
        Some(Shadow::Deleted { .. }) | None => None,
    };
    let (sources, inventory) = (&spec.version_sources, &device.inventory);
    let known: &[String] = if needs_names(sources, inventory) {
        match names.entry(device.tenant) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                unknown.insert(releases::component_names_in_words(tx, device.tenant, NAMES).await?)
            }
        }
    } else {
        &[]
    };
    let shown = shown(sources, Said { reported, inventory }, known);
    let told = shown.iter().map(|(component, version)| together(component, version)).collect();
    running_put(tx, device.id, &told, by).await
}

impl App {
    /// Reads the versions of all devices that were not read by the type that they are of, if a type or the type of a
    /// device changed since the last time. False if there was nothing to read.
    ///
    /// # Errors
    /// When the store fails; it is all read the next time.
    pub async fn versions_activate(&self) -> Result<bool, StoreError> {
        if !self.fleet.take_retyped() {
            return Ok(false);
        }
        let done = self.versions_read_again().await;
        if done.is_err() {
            self.fleet.note_retyped();
        }
        done
    }

    async fn versions_read_again(&self) -> Result<bool, StoreError> {
        let (mut after, mut any) = (DeviceId::new(0), false);
        loop {
            let unread = self.store.read(move |tx| Box::pin(unread(tx, after, AT_ONCE))).await?;
            let Some(last) = unread.last() else { return Ok(any) };
            (after, any) = (*last, true);
            self.store
                .write::<_, StoreError, _>(move |tx| {
                    let unread = unread.clone();
                    Box::pin(async move {
                        let mut names = Names::new();
                        for device in unread {
                            note_by(tx, device, &mut names).await?;
                        }
                        Ok(())
                    })
                })
                .await?;
        }
    }
}
