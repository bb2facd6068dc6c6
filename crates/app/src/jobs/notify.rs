//! `notify` and `notify-next`, derived from state: what a connection has not been told yet.

use windlass_domain::ids::{DeviceId, ExecutionId};
use windlass_domain::job::{Execution, ExecutionState};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, executions, jobs};
use windlass_wire::jobs as wire;
use windlass_wire::topic;

use super::document::{Delivery, document};
use super::shape;
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
    let pending = executions::pending(tx, device, now).await?;
    let mut ids: Vec<ExecutionId> = pending.iter().map(|execution| execution.id).collect();
    ids.sort_unstable();
    let next = pending.first();
    let mut news = Notifications {
        told: Notified { pending: ids, next: next.map(|execution| execution.id) },
        ..Notifications::default()
    };
    if news.told.pending != told.pending {
        let (in_progress, queued): (Vec<&Execution>, Vec<&Execution>) =
            pending.iter().partition(|execution| execution.state == ExecutionState::InProgress);
        let list =
            |executions: Vec<&Execution>| executions.into_iter().map(shape::summary).collect::<Vec<_>>();
        news.notify = Some(Outbound {
            topic: topic::jobs_notify(thing),
            payload: wire::notify(&list(in_progress), &list(queued), now.seconds()),
        });
    }
    if news.told.next != told.next {
        let described = match next {
            None => None,
            Some(execution) => {
                let delivery = Delivery { links: &app.links, base: link_base, now };
                let body = match jobs::get_any(tx, execution.job).await? {
                    Some(job) => Some(document(tx, &job, execution, delivery).await?),
                    None => None,
                };
                Some(shape::execution(execution, thing, body))
            }
        };
        news.notify_next = Some(Outbound {
            topic: topic::jobs_notify_next(thing),
            payload: wire::notify_next(described.as_ref(), now.seconds()),
        });
    }
    Ok(news)
}
