//! Acts on every device that a query asks for, in transactions of bounded size; one audit record for all.

use std::collections::BTreeSet;

use roaring::RoaringTreemap;
use serde_json::json;
use windlass_domain::ids::{DeviceId, Sha256, Tag};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::{Tx, devices};

use super::input::{self, MOST};
use crate::app::App;
use crate::audit;
use crate::error::AppError;
use crate::fleet::Selection;
use crate::permit::demand;

/// Devices changed in one transaction.
pub(crate) const CHUNK: usize = 500;

/// What a bulk act did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BulkResult {
    /// Devices that matched.
    pub matched: u64,
    /// Devices that changed.
    pub changed: u64,
}

/// The ids of a selection, in chunks that fit a transaction.
pub(crate) fn chunks(selection: &Selection) -> Vec<Vec<DeviceId>> {
    let ids: Vec<DeviceId> =
        selection.devices.iter().filter_map(|id| i64::try_from(id).ok()).map(DeviceId::new).collect();
    ids.chunks(CHUNK).map(<[DeviceId]>::to_vec).collect()
}

/// What an audit record says of the devices of a bulk act.
pub(crate) fn digest(devices: &RoaringTreemap) -> String {
    let mut bytes = Vec::with_capacity(devices.serialized_size());
    match devices.serialize_into(&mut bytes) {
        Ok(()) => Sha256::of(&bytes).to_string(),
        Err(_) => String::new(),
    }
}

impl App {
    /// Adds and removes tags on every device that the query asks for and the caller may see. Devices that are
    /// full of tags, or would leave the caller's scope, stay as they are.
    ///
    /// # Errors
    /// Forbidden, every field that cannot be taken, or that the store failed; chunks before the failure stay.
    pub async fn device_tag_all(
        &self,
        by: &Principal,
        q: &str,
        add: &BTreeSet<String>,
        remove: &BTreeSet<String>,
    ) -> Result<BulkResult, AppError> {
        self.device_tag_those(by, q, add, remove, Whose::Found).await
    }

    /// As [`App::device_tag_all`], and says which of the devices that the query finds are meant.
    pub(crate) async fn device_tag_those(
        &self,
        by: &Principal,
        q: &str,
        add: &BTreeSet<String>,
        remove: &BTreeSet<String>,
        whose: Whose,
    ) -> Result<BulkResult, AppError> {
        demand(by, Permission::DeviceWrite)?;
        let (add, remove) = input::tag_sets(add, remove)?;
        let change = TagChange { add, remove, whose };
        let selection = self.device_select(by, "q", Some(q))?;
        let now = self.clock.now();
        let mut details = Some(json!({
            "q": q,
            "add": change.add.iter().map(Tag::as_str).collect::<Vec<_>>(),
            "remove": change.remove.iter().map(Tag::as_str).collect::<Vec<_>>(),
            "matched": selection.devices.len(),
            "devices": digest(&selection.devices),
        }));
        let mut changed = 0_u64;
        for ids in chunks(&selection) {
            // The record of the act goes with its first change.
            let record = details.take();
            let (app, who, change) = (self.clone(), by.clone(), change.clone());
            let touched = self
                .store
                .write(move |tx| {
                    let (app, by, change, ids, record) =
                        (app.clone(), who.clone(), change.clone(), ids.clone(), record.clone());
                    Box::pin(async move {
                        if let Some(details) = record {
                            audit::record(tx, &by, "device.tag", "devices", details, now).await?;
                        }
                        let mut touched = Vec::new();
                        for id in ids {
                            if tag_one(&app, tx, &by, id, &change, now).await? {
                                touched.push(id);
                            }
                        }
                        Ok::<_, AppError>(touched)
                    })
                })
                .await?;
            changed = changed.saturating_add(u64::try_from(touched.len()).unwrap_or(u64::MAX));
            self.fleet.refresh_devices(&self.store, touched).await?;
        }
        Ok(BulkResult { matched: selection.devices.len(), changed })
    }
}

/// Whose tags change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Those of every device that is found.
    Found,
    /// Those of devices that have one of the tags to take, in exactly that spelling: queries do not tell spellings apart.
    Holders,
}

#[derive(Debug, Clone)]
struct TagChange {
    add: BTreeSet<Tag>,
    remove: BTreeSet<Tag>,
    whose: Whose,
}

impl TagChange {
    /// Changes a device's tags. False if they are as before.
    fn apply(&self, tags: &mut BTreeSet<Tag>) -> bool {
        if self.whose == Whose::Holders && tags.is_disjoint(&self.remove) {
            return false;
        }
        let before = tags.clone();
        tags.retain(|tag| !self.remove.contains(tag));
        tags.extend(self.add.iter().cloned());
        *tags != before
    }
}

async fn tag_one(
    app: &App,
    tx: &mut Tx<'_>,
    by: &Principal,
    id: DeviceId,
    change: &TagChange,
    now: Timestamp,
) -> Result<bool, AppError> {
    let Some(mut device) = devices::device_by_id(tx, id).await?.filter(|d| d.tenant == by.tenant) else {
        return Ok(false);
    };
    if !change.apply(&mut device.tags) || device.tags.len() > MOST {
        return Ok(false);
    }
    match super::stay_in_scope(app, tx, by, &device).await {
        Ok(()) => {}
        Err(AppError::Conflict { .. }) => return Ok(false),
        Err(other) => return Err(other),
    }
    super::save(tx, &mut device, now).await?;
    Ok(true)
}
