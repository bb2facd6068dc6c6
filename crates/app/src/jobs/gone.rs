//! What devices that are gone had to do: it ends with them, so that no wave waits for them until a timer runs out.

use windlass_domain::ids::DeviceId;
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, executions};

/// Takes every open job off a device, in the transaction that ends the device. Whoever calls it wakes the reconciler
/// after the commit. Returns how many there were.
///
/// # Errors
/// When the store fails.
pub(crate) async fn orphan(
    tx: &mut Tx<'_>,
    device: DeviceId,
    reason: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let mut removed = 0;
    for execution in executions::unsettled(tx, device).await? {
        if let Some(ended) = execution.orphaned(reason, now)
            && executions::update(tx, &execution, &ended).await?
        {
            removed += 1;
        }
    }
    Ok(removed)
}
