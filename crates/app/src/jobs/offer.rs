//! Offering work to the next targets of a wave, a batch in one transaction. Devices that are gone, out of service or of
//! another type are skipped with that reason; those that run the release already are done before they begin.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use roaring::RoaringTreemap;
use windlass_domain::device_type::TypeSpec;
use windlass_domain::ids::{DeviceId, ExecutionId, TypeId, TypeName};
use windlass_domain::job::execution::queued_until;
use windlass_domain::job::{Consent, Execution, ExecutionState, Job, Running, Verdict, What};
use windlass_domain::software::Release;
use windlass_domain::time::Timestamp;
use windlass_store::executions::OfferFacts;
use windlass_store::{StoreError, Tx, executions, releases, types};

use super::verify;

/// What an offer knows of its release and of the tenant's types, as far as it needs them.
struct Catalogue {
    release: Option<Release>,
    force: bool,
    types: HashMap<TypeId, (TypeName, TypeSpec)>,
}

async fn catalogue(tx: &mut Tx<'_>, job: &Job) -> Result<Catalogue, StoreError> {
    let (release, force) = match job.spec.what {
        What::Update { release, force } => (releases::release_by_id(tx, job.tenant, release).await?, force),
        What::Command(_) | What::Document(_) => (None, false),
    };
    let mut known = HashMap::new();
    let by_type = job.spec.what.command().is_some_and(|command| !command.device_types.is_empty());
    if release.is_some() || by_type {
        for record in types::types(tx, job.tenant).await? {
            known.insert(record.id, (record.name, record.spec));
        }
    }
    Ok(Catalogue { release, force, types: known })
}

/// The devices of some ranks.
pub(super) fn at_ranks(targets: &RoaringTreemap, ranks: &Range<u64>) -> Vec<DeviceId> {
    let wanted = usize::try_from(ranks.end.saturating_sub(ranks.start)).unwrap_or(usize::MAX);
    let Some(first) = targets.select(ranks.start) else { return Vec::new() };
    let mut iterator = targets.iter();
    iterator.advance_to(first);
    iterator.take(wanted).filter_map(|id| i64::try_from(id).ok()).map(DeviceId::new).collect()
}

/// What a device gets: its execution as it starts out.
async fn begin(
    tx: &mut Tx<'_>,
    job: &Job,
    catalogue: &Catalogue,
    facts: Option<&OfferFacts>,
    most_open: usize,
    mut fresh: Execution,
) -> Result<Execution, StoreError> {
    let skip = |mut execution: Execution, reason: String| {
        execution.state = ExecutionState::Removed;
        execution.ended_at = Some(execution.queued_at);
        execution.phase_due = None;
        execution.reason = reason;
        Ok(execution)
    };
    let Some(facts) = facts else { return skip(fresh, "the device is gone".to_owned()) };
    if !facts.lifecycle.may_connect() {
        return skip(fresh, format!("the device is {}", facts.lifecycle));
    }
    let open = executions::open_count(tx, facts.device).await?;
    if usize::try_from(open).is_ok_and(|open| open >= most_open) {
        return skip(fresh, format!("the device has {open} open jobs, the most that it may have"));
    }
    let known = facts.device_type.and_then(|id| catalogue.types.get(&id));
    if !job.fits(known.map(|(name, _)| name)) {
        let name = known.map_or("no type", |(name, _)| name.as_str());
        return skip(fresh, format!("the command is not for devices of {name}"));
    }
    let Some(release) = &catalogue.release else {
        return match job.spec.what {
            What::Update { .. } => skip(fresh, "the release is gone".to_owned()),
            What::Command(_) | What::Document(_) => Ok(fresh),
        };
    };
    if !release.fits(known.map(|(name, _)| name)) {
        let name = known.map_or("no type", |(name, _)| name.as_str());
        return skip(fresh, format!("the release is not for devices of {name}"));
    }
    let default = TypeSpec::default();
    let spec = known.map_or(&default, |(_, spec)| spec);
    let expected = verify::expected(release);
    let running: Running = verify::running(tx, &expected, spec, facts.device, &facts.inventory).await?;
    fresh.before = running.versions();
    if !catalogue.force && expected.is_running(&running) {
        fresh.state = ExecutionState::Succeeded;
        fresh.ended_at = Some(fresh.queued_at);
        let at = fresh.queued_at;
        return Ok(fresh.judged(Verdict::Verified, "the device ran this version already", at));
    }
    Ok(fresh)
}

/// Offers to the targets of these ranks. Returns the devices that have work now.
pub(super) async fn offer(
    tx: &mut Tx<'_>,
    job: &Job,
    targets: &RoaringTreemap,
    wave: u32,
    ranks: &Range<u64>,
    most_open: usize,
    now: Timestamp,
) -> Result<Vec<DeviceId>, StoreError> {
    let catalogue = catalogue(tx, job).await?;
    let devices = at_ranks(targets, ranks);
    let expires_at = job.expires_at();
    let facts = executions::offer_facts(tx, job.tenant, &devices).await?;
    let mut woken = Vec::new();
    for device in devices {
        let fresh = Execution {
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
            consent: Consent::NotNeeded,
            status_code: None,
        };
        let execution = begin(tx, job, &catalogue, facts.get(&device), most_open, fresh).await?;
        executions::insert(tx, &execution).await?;
        if execution.state.is_open() {
            woken.push(device);
        }
    }
    Ok(woken)
}
