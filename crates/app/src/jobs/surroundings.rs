//! What is known of a device beside its part of a job, as far as that says why it stands where it stands.

use std::collections::HashSet;

use windlass_domain::device::Presence;
use windlass_domain::ids::{DeviceId, ExecutionId, JobId};
use windlass_domain::job::why::Known;
use windlass_domain::job::window::ZONE_ATTRIBUTE;
use windlass_domain::job::{Consent, Execution, ExecutionState, Handling, Job, JobState, What};
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

/// Whether a device is told of an update that comes before others, rather than that it is passed over for now.
fn is_told(app: &App, other: &Execution, of: &Job, now: Timestamp) -> bool {
    // Over hawkBit's interface it is asked to stop, and for its consent, before it is told of anything else.
    let is_asked = app.ddi.contact(other.device).is_some();
    let asks = is_asked && (other.cancel_asked_at.is_some() || other.consent == Consent::Awaited);
    let is_hidden =
        app.ddi_closes_skipped(other.device) && of.spec.rollout.handling == Handling::DownloadOnly;
    asks || (!is_hidden && (other.state == ExecutionState::InProgress || other.is_shown(now)))
}

/// The update of another job that the device is told of before this one, with that job's name.
async fn ahead(
    tx: &mut Tx<'_>,
    app: &App,
    execution: &Execution,
    now: Timestamp,
) -> Result<Option<(JobId, String)>, StoreError> {
    for other in executions::open_updates(tx, execution.device, now).await? {
        if other.id == execution.id {
            return Ok(None);
        }
        let Some(job) = jobs::get_any(tx, other.job).await? else { continue };
        if is_told(app, &other, &job, now) {
            return Ok(Some((job.id, job.spec.name)));
        }
    }
    Ok(None)
}

/// Of a device's other updates the one that it would be told of before that of a job which is not offered yet: what it
/// began comes first, then what ranks as high, as it was offered before. `fetched`: of those whose jobs are held, what the
/// device fetched and is still shown.
pub(super) fn first_of(
    app: &App,
    job: &Job,
    others: &[(Execution, Job)],
    fetched: &HashSet<ExecutionId>,
    now: Timestamp,
) -> Option<JobId> {
    let is_begun =
        |other: &Execution| other.state == ExecutionState::InProgress && other.cancel_asked_at.is_none();
    let is_looked_at = |(other, of): &&(Execution, Job)| {
        let is_shown = match of.state {
            JobState::Running => true,
            JobState::Paused | JobState::Halted(_) => fetched.contains(&other.id),
            JobState::AwaitingApproval { .. }
            | JobState::Denied
            | JobState::Scheduled { .. }
            | JobState::Stopping { .. }
            | JobState::Canceled
            | JobState::Completed => false,
        };
        let may_begin = is_shown && other.expires_at.is_none_or(|at| at > now);
        other.state.is_open()
            && (other.state == ExecutionState::InProgress || other.cancel_asked_at.is_some() || may_begin)
            && (is_begun(other) || of.spec.rollout.priority >= job.spec.rollout.priority)
    };
    others
        .iter()
        .filter(is_looked_at)
        .filter(|(other, of)| is_told(app, other, of, now))
        .min_by_key(|(other, of)| (!is_begun(other), std::cmp::Reverse(of.spec.rollout.priority), other.id))
        .map(|(_, of)| of.id)
}
