//! Offering work to the next targets of a wave, a batch in one transaction. Devices that are gone, out of service or do not
//! fit are skipped with that reason; those that run the release already are done before they begin.

use std::collections::BTreeMap;
use std::ops::Range;

use windlass_domain::ids::{DeviceId, ExecutionId};
use windlass_domain::job::execution::queued_until;
use windlass_domain::job::{Consent, Execution, ExecutionState, Job, Verdict};
use windlass_domain::time::Timestamp;
use windlass_store::executions::OfferFacts;
use windlass_store::{StoreError, Tx, executions};

use super::judge::{self, Judged};
use super::waves::Targets;

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
pub(super) fn held(job: &Job, execution: Execution, facts: Option<&OfferFacts>, now: Timestamp) -> Execution {
    match &job.spec.rollout.window {
        Some(window) => {
            let zone = facts.and_then(judge::zone);
            execution.in_window(window.state(zone, now), &job.spec.timeouts, now)
        }
        None => execution,
    }
}

/// Takes those of a device's other updates off it that it has not begun and that this job displaces.
async fn supersede(
    tx: &mut Tx<'_>,
    job: &Job,
    others: Vec<(Execution, Job)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (other, of) in others {
        if other.state == ExecutionState::Queued
            && job.displaces(&of)
            && !judge::is_required_step(tx, &of).await?
            && let Some(gone) = other.withdrawn(&format!("superseded by job {}", job.id), now)
        {
            executions::update(tx, &other, &gone).await?;
        }
    }
    Ok(())
}

/// What a device gets.
async fn begin(
    tx: &mut Tx<'_>,
    job: &Job,
    catalogue: &judge::Catalogue,
    facts: Option<&OfferFacts>,
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
        Judged::Runs(before) => {
            fresh.before = before;
            fresh.state = ExecutionState::Succeeded;
            fresh.ended_at = Some(now);
            fresh.judged(Verdict::Verified, "the device ran this version already", now)
        }
        Judged::Work { before, others } => {
            fresh.before = before;
            supersede(tx, job, others, now).await?;
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
    let catalogue = judge::catalogue(tx, job, most_open, now).await?;
    let devices = targets.at_ranks(job, wave, ranks);
    let facts = judge::facts(tx, job, &devices).await?;
    let mut begun = Vec::with_capacity(devices.len());
    for device in devices {
        let fresh = fresh(job, device, wave, now);
        begun.push(begin(tx, job, &catalogue, facts.get(&device), fresh).await?);
    }
    executions::insert_all(tx, &begun).await?;
    // Also what is held or waits for consent: some devices are told of that.
    let woken = begun.iter().filter(|one| one.state.is_open());
    Ok(woken.map(|one| one.device).collect())
}
