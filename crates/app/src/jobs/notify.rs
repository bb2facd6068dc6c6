//! `notify` and `notify-next`, derived from state: what a connection has not been told yet.

use windlass_domain::ids::{DeviceId, ExecutionId};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx};

use crate::App;
use crate::message::Outbound;

/// What a connection was last told of one device's jobs. Starts as "nothing is pending".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notified {
    pending: Vec<ExecutionId>,
    next: Option<ExecutionId>,
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notifications {
    /// On `$aws/things/{thing}/jobs/notify`: the pending list changed.
    pub notify: Option<Outbound>,
    /// On `$aws/things/{thing}/jobs/notify-next`: the next one changed.
    pub notify_next: Option<Outbound>,
    /// What the connection knows once these were sent.
    pub told: Notified,
}

/// Compares what is pending with what a connection was told. `thing`: the name that the device used.
///
/// # Errors
/// When the store fails.
pub async fn pending_notifications(
    tx: &mut Tx<'_>,
    app: &App,
    device: DeviceId,
    thing: &str,
    link_base: &str,
    told: &Notified,
    now: Timestamp,
) -> Result<Notifications, StoreError> {
    unimplemented!("pending_notifications")
}
