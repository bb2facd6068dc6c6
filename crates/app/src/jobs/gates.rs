//! What holds one device's part of a job back when it is made, and what must be known of the device for that.

use windlass_domain::ids::{AttributeKey, DeviceId, TenantId};
use windlass_domain::job::window::ZONE_ATTRIBUTE;
use windlass_store::{StoreError, Tx, devices};

/// The time zone that a device's attributes name.
pub(super) async fn time_zone(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
) -> Result<Option<String>, StoreError> {
    let Ok(key) = ZONE_ATTRIBUTE.parse::<AttributeKey>() else { return Ok(None) };
    let found = devices::device_by_id(tx, device).await?;
    Ok(found.filter(|device| device.tenant == tenant).and_then(|mut device| device.attributes.remove(&key)))
}
