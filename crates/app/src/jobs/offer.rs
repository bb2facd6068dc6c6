//! Offering work to the next targets of a wave, a batch in one transaction. Devices that are gone, out of service or do not
//! fit are skipped with that reason; those that run the release already are done before they begin.

use std::collections::BTreeMap;
use std::ops::Range;

use windlass_domain::ids::{DeviceId, ExecutionId};
use windlass_domain::job::execution::queued_until;
use windlass_domain::job::{Consent, Execution, ExecutionState, Job, Verdict};
use windlass_domain::time::Timestamp;
use windlass_store::ddi::{self, NewStatus};
use windlass_store::management::{Displaced, JobExtra, extras};
use windlass_store::{StoreError, Tx, executions};

use super::ends;
use super::judge::{self, Judged};
use super::waves::Targets;
use crate::ddi::agree_in_advance;
use crate::hawkbit::HAS_SET;

/// A device's execution of a job as it starts out.
pub(super) fn fresh(job: &Job, device: DeviceId, wave: u32, now: Timestamp) -> Execution {
    let expires_at = job.expires_at();
    Execution {
        id: ExecutionId::new(0),
        tenant: job.tenant,
        job: job.id,
        device,
        number: 1,
        wave,
        state: ExecutionState::Queued,
        verdict: Verdict::Pending,
        reason: String::new(),
        details: BTreeMap::new(),
        version: 1,
        before: BTreeMap::new(),
        queued_at: now,
        started_at: None,
        updated_at: now,
        ended_at: None,
        phase_due: Some(queued_until(now, &job.spec.timeouts, expires_at)),
        step_due: None,
        expires_at,
        held_until: None,
        closes_at: None,
        cancel_asked_at: None,
        consent: if job.consents(wave) { Consent::Awaited } else { Consent::NotNeeded },
        status_code: None,
    }
}

/// Holds work back until its maintenance window opens, as the device's own clock has it.
pub(super) fn held(
    job: &Job,
    execution: Execution,
    facts: Option<&judge::Facts>,
    now: Timestamp,
) -> Execution {
    match &job.spec.rollout.window {
        Some(window) => {
            let zone = facts.and_then(|facts| judge::zone(facts));
            execution.in_window(window.state(zone, now), &job.spec.timeouts, now)
        }
        None => execution,
    }
}

/// How far a device came with an update before another one takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// It was told of nothing that it could have begun.
    Nothing,
    /// It fetched what it is to do over hawkBit's interface, where clients need not say that they began.
    Fetched,
    /// It says that it works on it.
    Begun,
}

impl Heard {
    async fn of(tx: &mut Tx<'_>, other: &Execution) -> Result<Self, StoreError> {
        if other.state != ExecutionState::Queued {
            return Ok(Self::Begun);
        }
        let is_fetched = ddi::served(tx, other.id).await?.retrieved_at.is_some();
        Ok(if is_fetched { Self::Fetched } else { Self::Nothing })
    }
}

/// What a device's other update becomes that a job's takes the place of, and what its history says of that, its reason if
/// that is empty; none where the device is left to finish it, or was asked to stop before.
fn displaced(
    (other, of, heard): (&Execution, &Job, Heard),
    job: &Job,
    way: Displaced,
    now: Timestamp,
) -> Option<(Execution, &'static str)> {
    let is_asked = other.cancel_asked_at.is_some();
    match (way, heard) {
        (_, Heard::Nothing) if !is_asked => {
            Some((other.withdrawn(&format!("superseded by job {}", job.id), now)?, ""))
        }
        (Displaced::Closed, _) => Some((other.withdrawn(CLOSED, now)?, CLOSED)),
        (Displaced::NotBegun, Heard::Begun) => None,
        (Displaced::NotBegun | Displaced::Asked, _) => {
            Some((other.asked_to_cancel(&of.spec.timeouts, now)?, CANCELED))
        }
    }
}

/// What histories of actions say where something newer takes their place.
pub(crate) const CANCELED: &str = "cancel obsolete action due to new update";
/// The same where nobody asks the device.
pub(crate) const CLOSED: &str = "close obsolete action due to new update";

/// What another update of a device becomes when this job offers its own, and what its history says of that; none where it
/// stays as it is.
pub(super) async fn gives_way(
    tx: &mut Tx<'_>,
    job: &Job,
    (other, of): (&Execution, &Job),
    way: Displaced,
    now: Timestamp,
) -> Result<Option<(Execution, &'static str)>, StoreError> {
    if !job.takes_the_place_of(of) || judge::is_required_step(tx, of).await? {
        return Ok(None);
    }
    let heard = Heard::of(tx, other).await?;
    Ok(displaced((other, of, heard), job, way, now))
}

/// Has those of a device's other updates that this job displaces give way to it.
async fn supersede(
    tx: &mut Tx<'_>,
    job: &Job,
    others: Vec<(Execution, Job)>,
    way: Displaced,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (other, of) in others {
        let Some((gone, said)) = gives_way(tx, job, (&other, &of), way, now).await? else { continue };
        if !executions::update(tx, &other, &gone).await? {
            continue;
        }
        if said.is_empty() {
            ends::tell(tx, &of, &other, &gone, now).await?;
        } else {
            let kind = if gone.state.is_open() { "canceling" } else { "canceled" };
            ddi::status_insert(tx, &NewStatus::by_server(other.id, kind, said), now).await?;
        }
    }
    Ok(())
}

/// Whether somebody must agree before a device begins.
pub(super) fn asks(execution: &Execution) -> bool {
    execution.state.is_open() && execution.consent == Consent::Awaited
}

/// What a device has that runs the release already: it is done before it begins.
pub(super) fn running(mut fresh: Execution) -> Execution {
    let now = fresh.queued_at;
    fresh.state = ExecutionState::Succeeded;
    fresh.ended_at = Some(now);
    fresh.judged(Verdict::Verified, "the device ran this version already", now)
}

/// What a device has to do in a rollout of hawkBit's interface whose set is in place there: nothing, as upstream.
pub(super) fn in_place(mut fresh: Execution) -> Execution {
    let now = fresh.queued_at;
    fresh.state = ExecutionState::Succeeded;
    fresh.ended_at = Some(now);
    fresh.judged(Verdict::Unverifiable, HAS_SET, now)
}

/// Writes into the history of an action that ended as [`in_place`] why it did.
pub(super) async fn tell_in_place(
    tx: &mut Tx<'_>,
    job: &Job,
    execution: &Execution,
    now: Timestamp,
) -> Result<(), StoreError> {
    if execution.reason == HAS_SET
        && let Some(made) = executions::latest(tx, execution.device, job.id).await?
    {
        ddi::status_insert(tx, &NewStatus::by_server(made.id, "finished", HAS_SET), now).await?;
    }
    Ok(())
}

/// How the updates that a job displaces give way to its own.
pub(super) async fn displaced_by(tx: &mut Tx<'_>, job: &Job) -> Result<Displaced, StoreError> {
    Ok(extras::get::<JobExtra>(tx, job.tenant, job.id.get()).await?.displaced)
}

/// Work for a device that was left out.
pub(super) struct Anew {
    pub(super) left_out: Execution,
    facts: judge::Facts,
    before: BTreeMap<String, String>,
    others: Vec<(Execution, Job)>,
}

/// What a device that was left out gets, if the job means work for it by now.
pub(super) async fn anew(
    tx: &mut Tx<'_>,
    job: &Job,
    catalogue: &mut judge::Catalogue,
    left_out: Execution,
) -> Result<Option<Anew>, StoreError> {
    let facts = catalogue.facts(tx, job, &[left_out.device]).await?.remove(&left_out.device);
    let judged = catalogue.judge(tx, job, facts.as_ref()).await?;
    Ok(match (judged, facts) {
        (Judged::Work { before, others }, Some(facts)) if left_out.state == ExecutionState::Removed => {
            Some(Anew { left_out, facts, before, others })
        }
        _ => None,
    })
}

impl Anew {
    /// Offers it, in a wave that the job has by now. What was left out counts as no try.
    pub(super) async fn offer(
        self,
        tx: &mut Tx<'_>,
        job: &Job,
        wave: u32,
        way: Displaced,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Self { left_out, facts, before, others } = self;
        if !executions::set_aside(tx, &left_out).await? {
            let text = "the device was offered work meanwhile; it is looked at again";
            return Err(StoreError::new(windlass_store::StoreErrorKind::Busy, text));
        }
        supersede(tx, job, others, way, now).await?;
        // Whether it is asked hangs on the wave that it belongs to.
        let consent = fresh(job, left_out.device, left_out.wave, now).consent;
        let fresh =
            Execution { number: left_out.number, before, consent, ..fresh(job, left_out.device, wave, now) };
        let fresh = held(job, fresh, Some(&facts), now);
        executions::insert(tx, &fresh).await?;
        if asks(&fresh) { agree_in_advance(tx, fresh.device, now).await } else { Ok(()) }
    }
}

/// What a device gets.
async fn begin(
    tx: &mut Tx<'_>,
    job: &Job,
    catalogue: &judge::Catalogue,
    facts: Option<&judge::Facts>,
    way: Displaced,
    mut fresh: Execution,
) -> Result<Execution, StoreError> {
    let now = fresh.queued_at;
    Ok(match catalogue.judge(tx, job, facts).await? {
        Judged::Skip(skip) => {
            fresh.state = ExecutionState::Removed;
            fresh.ended_at = Some(now);
            fresh.phase_due = None;
            fresh.reason = skip.to_string();
            fresh
        }
        Judged::Runs { before, others } => {
            // What came before and would bring something else is not to come after it.
            supersede(tx, job, others, way, now).await?;
            running(Execution { before, ..fresh })
        }
        Judged::InPlace => in_place(fresh),
        Judged::Work { before, others } => {
            fresh.before = before;
            supersede(tx, job, others, way, now).await?;
            held(job, fresh, facts, now)
        }
    })
}

/// Offers to the targets of these ranks. Returns the devices that have work now.
pub(super) async fn offer(
    tx: &mut Tx<'_>,
    job: &Job,
    targets: &Targets,
    wave: u32,
    ranks: &Range<u64>,
    most_open: usize,
    now: Timestamp,
) -> Result<Vec<DeviceId>, StoreError> {
    let mut catalogue = judge::catalogue(tx, job, most_open, now).await?;
    let devices = targets.at_ranks(job, wave, ranks)?;
    let facts = catalogue.facts(tx, job, &devices).await?;
    let way = displaced_by(tx, job).await?;
    let mut begun = Vec::with_capacity(devices.len());
    for device in devices {
        let fresh = fresh(job, device, wave, now);
        begun.push(begin(tx, job, &catalogue, facts.get(&device), way, fresh).await?);
    }
    executions::insert_all(tx, &begun).await?;
    for one in &begun {
        if asks(one) {
            agree_in_advance(tx, one.device, now).await?;
        } else {
            tell_in_place(tx, job, one, now).await?;
        }
    }
    // Also what is held or waits for consent: some devices are told of that.
    let woken = begun.iter().filter(|one| one.state.is_open());
    Ok(woken.map(|one| one.device).collect())
}
