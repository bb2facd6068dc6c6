//! The jobs topics of a device: what is pending, start the next, describe, report (device API contract, part 3).

use windlass_store::{StoreError, Tx};
use windlass_wire::topic::JobTopic;

use crate::message::{Effects, RequestContext};

/// Serves one request on a jobs topic. Refusals are replies on `…/rejected`, not errors.
///
/// # Errors
/// When the store fails.
pub async fn handle(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    message: &JobTopic,
) -> Result<Effects, StoreError> {
    unimplemented!("handle")
}
