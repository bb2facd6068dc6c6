//! What must be known of devices before they are offered work, a batch at a time.

use std::collections::BTreeMap;

use windlass_domain::device::Lifecycle;
use windlass_domain::ids::{AttributeKey, DeviceId, TenantId, TypeId};

use crate::error::StoreError;
use crate::tx::{Tx, fetch_all};

/// A device, as far as an offer needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferFacts {
    /// Which device.
    pub device: DeviceId,
    /// Its model.
    pub device_type: Option<TypeId>,
    /// Where it stands in its life.
    pub lifecycle: Lifecycle,
    /// What operators set on it.
    pub attributes: BTreeMap<AttributeKey, String>,
    /// What it reported as inventory.
    pub inventory: BTreeMap<AttributeKey, String>,
}

type Row = (i64, Option<i64>, String, String, String);

fn texts(what: &str, json: &str) -> Result<BTreeMap<AttributeKey, String>, StoreError> {
    let read: BTreeMap<String, String> =
        serde_json::from_str(json).map_err(|e| StoreError::corrupt(what, e))?;
    read.into_iter()
        .map(|(key, value)| Ok((key.parse()?, value)))
        .collect::<Result<_, windlass_domain::ids::InvalidName>>()
        .map_err(|e| StoreError::corrupt(what, e))
}

fn read(row: Row) -> Result<OfferFacts, StoreError> {
    let (id, type_id, lifecycle, attributes, inventory) = row;
    Ok(OfferFacts {
        device: DeviceId::new(id),
        device_type: type_id.map(TypeId::new),
        lifecycle: lifecycle.parse().map_err(|e| StoreError::corrupt("device.lifecycle", e))?,
        attributes: texts("device.attributes", &attributes)?,
        inventory: texts("device.inventory", &inventory)?,
    })
}

/// The facts of those of these devices that still exist in the tenant. `ids` rise.
///
/// # Errors
/// When the database fails.
pub async fn offer_facts(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    ids: &[DeviceId],
) -> Result<BTreeMap<DeviceId, OfferFacts>, StoreError> {
    let mut facts = BTreeMap::new();
    let mut rest = ids;
    while let Some(first) = rest.first().copied() {
        // Neighbours are read by range, as long as a range holds few strangers.
        let mut taken = 0_i64;
        let last = rest
            .iter()
            .copied()
            .take_while(|id| {
                taken += 1;
                id.get() - first.get() < taken.saturating_mul(4)
            })
            .last()
            .unwrap_or(first);
        let count = rest.partition_point(|id| *id <= last);
        let (chunk, tail) = rest.split_at(count);
        let rows = fetch_all!(
            tx,
            Row,
            "SELECT id, type_id, lifecycle, attributes, inventory FROM device
             WHERE tenant_id = $1 AND id >= $2 AND id <= $3 ORDER BY id",
            tenant.get(),
            first.get(),
            last.get(),
        )?;
        for row in rows {
            let fact = read(row)?;
            if chunk.binary_search(&fact.device).is_ok() {
                facts.insert(fact.device, fact);
            }
        }
        rest = tail;
    }
    Ok(facts)
}
