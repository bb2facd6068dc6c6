//! Whether what devices said is true: the versions that show, against those that should run.

use windlass_domain::ids::DeviceId;
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx};

use crate::message::Effects;

/// Looks at the versions that a device shows now, after its reported shadow or its inventory changed, and settles what
/// they prove.
///
/// # Errors
/// When the store fails.
pub async fn observe(tx: &mut Tx<'_>, device: DeviceId, now: Timestamp) -> Result<Effects, StoreError> {
    unimplemented!("observe")
}
