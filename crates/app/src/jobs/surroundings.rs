//! What is known of a device beside its part of a job, as far as that says why it stands where it stands.

use windlass_domain::device::Presence;
use windlass_domain::ids::{DeviceId, JobId};
use windlass_domain::job::why::Known;
use windlass_domain::job::window::ZONE_ATTRIBUTE;
use windlass_domain::job::{Consent, Execution, ExecutionState, Handling, Job, What};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, executions, jobs};

use crate::App;

/// The same, owned.
#[derive(Debug)]
pub(super) struct Surroundings {
    is_online: bool,
    zone: Option<String>,
    closes_skipped: bool,
    ahead: Option<(JobId, String)>,
}

impl Surroundings {
    /// Looks around.
    pub(super) async fn of(
        tx: &mut Tx<'_>,
        app: &App,
        job: &Job,
        execution: &Execution,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let device = execution.device;
        let waits = execution.state == ExecutionState::Queued && matches!(job.spec.what, What::Update { .. });
        let ahead = if waits { ahead(tx, app, execution, now).await? } else { None };
        Ok(Self {
            is_online: is_online(app, device, now),
            zone: app.fleet.entry(device).and_then(|entry| {
                let key = ZONE_ATTRIBUTE.parse().ok()?;
                entry.device.attributes.get(&key).cloned()
            }),
            closes_skipped: waits && app.ddi_closes_skipped(device),
            ahead,
        })
    }

    pub(super) fn known(&self) -> Known<'_> {
        let Self { is_online, zone, closes_skipped, ahead } = self;
        Known {
            is_online: *is_online,
            zone: zone.as_deref(),
            closes_skipped: *closes_skipped,
            ahead: ahead.as_ref().map(|(job, name)| (*job, name.as_str())),
        }
    }
}

/// As devices are shown: those that poll are online until they should have been here again.
fn is_online(app: &App, device: DeviceId, now: Timestamp) -> bool {
    let interval = app.fleet.contact_interval(device, app, now);
    Presence::of(app.hub.connections(device), app.live.last_seen(device), interval, now).is_online()
}

/// The update of another job that the device is told of before this one, with that job's name.
async fn ahead(
    tx: &mut Tx<'_>,
    app: &App,
    execution: &Execution,
    now: Timestamp,
) -> Result<Option<(JobId, String)>, StoreError> {
    // Over hawkBit's interface it is asked to stop, and for its consent, before it is told of anything else.
    let is_asked = app.ddi.contact(execution.device).is_some();
    let closes_skipped = app.ddi_closes_skipped(execution.device);
    for other in executions::open_updates(tx, execution.device, now).await? {
        if other.id == execution.id {
            return Ok(None);
        }
        let asks = is_asked && (other.cancel_asked_at.is_some() || other.consent == Consent::Awaited);
        let is_told = other.state == ExecutionState::InProgress || other.is_shown(now) || asks;
        let Some(job) = jobs::get_any(tx, other.job).await?.filter(|_| is_told) else { continue };
        let is_hidden = closes_skipped && job.spec.rollout.handling == Handling::DownloadOnly && !asks;
        if !is_hidden {
            return Ok(Some((job.id, job.spec.name)));
        }
    }
    Ok(None)
}
