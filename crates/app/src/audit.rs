//! Audit records: written in the change's own transaction, chained and signed by the sealer.

use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx};

/// Records an action in the transaction that carries it out. `action` is `noun.verb` such as `device.create`;
/// `target` names what was changed, never a person (`user/12`); `details` hold no secret and no personal field.
///
/// # Errors
/// When the store fails.
pub async fn record(
    _tx: &mut Tx<'_>,
    _by: &Principal,
    _action: &str,
    _target: &str,
    _details: serde_json::Value,
    _now: Timestamp,
) -> Result<(), StoreError> {
    unimplemented!("record")
}
