//! What a job means for one device: whether it gets work, runs the release already, or is left out and why. Asked before an
//! offer, by a dry run, and by whoever wants to know.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;

use windlass_domain::device_type::TypeSpec;
use windlass_domain::ids::{AttributeKey, DeviceId, ExecutionId, JobId, TypeId, TypeName};
use windlass_domain::job::eligible::{HARDWARE_KEY, eligible, in_service};
use windlass_domain::job::window::ZONE_ATTRIBUTE;
use windlass_domain::job::{Candidate, Execution, ExecutionState, Handling, Job, Running, Skip, What};
use windlass_domain::software::{Component, Release};
use windlass_domain::time::Timestamp;
use windlass_store::executions::OfferFacts;
use windlass_store::management::{JobExtra, SetExtra, actions as steps, extras};
use windlass_store::{StoreError, Tx, artifacts, ddi, executions, jobs, releases, types};

use super::downloads::release_of;
use super::verify;
use crate::artifacts::signing;
use crate::hawkbit::in_place_among;

/// What is known of a device that a job is for.
pub(super) struct Facts {
    known: OfferFacts,
    /// The later job that takes the place of this one's update and that has brought its own to the device.
    outdone: Option<JobId>,
    /// The job is a rollout of hawkBit's interface, and its set is in place here, as far as updates tell.
    in_place: bool,
}

impl Deref for Facts {
    type Target = OfferFacts;

    fn deref(&self) -> &OfferFacts {
        &self.known
    }
}

/// What judging knows of a job's release and of the tenant's types, as far as it needs them.
pub(super) struct Catalogue {
    pub(super) release: Option<Release>,
    force: bool,
    /// Whether the job is a rollout of hawkBit's interface.
    is_hawkbits: bool,
    types: HashMap<TypeId, (TypeName, TypeSpec)>,
    /// What is missing of the release's signatures, for the types that demand them, and for devices without a type.
    unsigned: HashMap<Option<TypeId>, String>,
    /// Whether the release is one that devices must have had: it is not displaced.
    is_required_step: bool,
    most_open: u64,
    /// Of later jobs that were asked about: whether what they bring is in place of this one's.
    in_place: HashMap<JobId, bool>,
}

/// What a job means for a device.
pub(super) enum Judged {
    /// Nothing, for this reason.
    Skip(Skip),
    /// Nothing: it runs the release already.
    Runs {
        /// These versions were seen.
        before: BTreeMap<String, String>,
        /// Other updates that the device has not settled, with their jobs.
        others: Vec<(Execution, Job)>,
    },
    /// Nothing: its set is in place there, as hawkBit's interface has it, and nothing that shows says otherwise.
    InPlace,
    /// Work.
    Work {
        /// These versions were seen before.
        before: BTreeMap<String, String>,
        /// Other updates that the device has not settled, with their jobs.
        others: Vec<(Execution, Job)>,
    },
}

pub(super) async fn catalogue(
    tx: &mut Tx<'_>,
    job: &Job,
    most_open: usize,
    now: Timestamp,
) -> Result<Catalogue, StoreError> {
    let (release, force) = match job.spec.what {
        What::Update { release, force } => (releases::release_by_id(tx, job.tenant, release).await?, force),
        What::Command(_) | What::Document(_) => (None, false),
    };
    let terms = artifacts::terms(tx, job.tenant).await?.terms;
    let (mut known, mut unsigned) = (HashMap::new(), HashMap::new());
    let by_type = job.spec.what.command().is_some_and(|command| !command.device_types.is_empty());
    if release.is_some() || by_type {
        for record in types::types(tx, job.tenant).await? {
            if let Some(release) = release.as_ref().filter(|release| release.fits(Some(&record.name))) {
                let faults =
                    signing::faults(tx, job.tenant, &terms, &release.components, Some(&record), now).await?;
                unsigned.extend(faults.into_iter().next().map(|(_, fault)| (Some(record.id), fault)));
            }
            known.insert(record.id, (record.name, record.spec));
        }
    }
    if let Some(release) = release.as_ref().filter(|release| release.fits(None)) {
        let faults = signing::faults(tx, job.tenant, &terms, &release.components, None, now).await?;
        unsigned.extend(faults.into_iter().next().map(|(_, fault)| (None, fault)));
    }
    let most_open = u64::try_from(most_open).unwrap_or(u64::MAX);
    let is_required_step = is_required_step(tx, job).await?;
    let in_place = HashMap::new();
    let is_hawkbits = release.is_some() && {
        let extra = extras::get::<JobExtra>(tx, job.tenant, job.id.get()).await?;
        extra.query.is_some() && !extra.assignment
    };
    Ok(Catalogue {
        release,
        force,
        is_hawkbits,
        types: known,
        unsigned,
        is_required_step,
        most_open,
        in_place,
    })
}

/// What a device says, or an operator says of it.
pub(super) fn said<'a>(facts: &'a OfferFacts, key: &str) -> Option<&'a str> {
    let key = key.parse::<AttributeKey>().ok()?;
    facts.inventory.get(&key).or_else(|| facts.attributes.get(&key)).map(String::as_str)
}

/// Those of a device's unsettled executions that are updates of other jobs, with these.
async fn updates_of_others(
    tx: &mut Tx<'_>,
    job: &Job,
    unsettled: Vec<Execution>,
) -> Result<Vec<(Execution, Job)>, StoreError> {
    let mut others = Vec::new();
    for other in unsettled {
        if other.job == job.id {
            continue;
        }
        if let Some(of) = jobs::get_any(tx, other.job).await?
            && matches!(of.spec.what, What::Update { .. })
        {
            others.push((other, of));
        }
    }
    Ok(others)
}

/// The time zone that an operator set for a device, read now.
pub(super) async fn time_zone(
    tx: &mut Tx<'_>,
    job: &Job,
    device: DeviceId,
) -> Result<Option<String>, StoreError> {
    let known = executions::offer_facts(tx, job.tenant, &[device]).await?;
    Ok(known.get(&device).and_then(zone).map(str::to_owned))
}

/// The time zone that an operator set for a device.
pub(super) fn zone(facts: &OfferFacts) -> Option<&str> {
    let key = ZONE_ATTRIBUTE.parse::<AttributeKey>().ok()?;
    facts.attributes.get(&key).map(String::as_str)
}

/// Whether an update brings what devices must have had: it is finished first, whatever comes after it.
pub(super) async fn is_required_step(tx: &mut Tx<'_>, job: &Job) -> Result<bool, StoreError> {
    let What::Update { release, .. } = job.spec.what else { return Ok(false) };
    Ok(extras::get::<SetExtra>(tx, job.tenant, release.get()).await?.required_migration_step)
}

/// The later job whose update takes the place of this one's, among those that a device has to do.
pub(super) fn displacing<'o>(job: &Job, others: &'o [(Execution, Job)]) -> Option<&'o Job> {
    let is_update = matches!(job.spec.what, What::Update { .. });
    let later = others.iter().map(|(_, of)| of).find(|of| of.displaces(job) && !of.is_stopping());
    later.filter(|_| is_update)
}

/// Whether another update may be under way on a device: what it runs now says nothing then of what it will run.
async fn is_changing(tx: &mut Tx<'_>, others: &[(Execution, Job)]) -> Result<bool, StoreError> {
    if others.iter().any(|(other, _)| other.state != ExecutionState::Queued) {
        return Ok(true);
    }
    let queued: Vec<ExecutionId> = others.iter().map(|(other, _)| other.id).collect();
    Ok(!ddi::retrieved(tx, &queued).await?.is_empty())
}

impl Catalogue {
    pub(super) fn type_of(&self, facts: &OfferFacts) -> Option<&(TypeName, TypeSpec)> {
        facts.device_type.and_then(|id| self.types.get(&id))
    }

    /// How much a device may have open that is to get more.
    pub(super) fn allow_open(&mut self, most: usize) {
        self.most_open = u64::try_from(most).unwrap_or(u64::MAX);
    }

    /// Judges a device. `facts`: none if it is gone.
    pub(super) async fn judge(
        &self,
        tx: &mut Tx<'_>,
        job: &Job,
        facts: Option<&Facts>,
    ) -> Result<Judged, StoreError> {
        let Some(facts) = facts else { return Ok(Judged::Skip(Skip::Gone)) };
        let open = facts.unsettled.iter().filter(|one| one.state.is_open()).count();
        let known = self.type_of(facts);
        let nothing = BTreeMap::new();
        let candidate = Candidate {
            lifecycle: facts.lifecycle,
            device_type: known.map(|(name, _)| name),
            hardware: said(facts, HARDWARE_KEY),
            running: &nothing,
            open: u64::try_from(open).unwrap_or(u64::MAX),
        };
        if let Err(skip) = in_service(candidate, self.most_open) {
            return Ok(Judged::Skip(skip));
        }
        if !job.fits(candidate.device_type) {
            return Ok(Judged::Skip(Skip::NotForCommand(candidate.device_type.cloned())));
        }
        let Some(release) = &self.release else {
            return Ok(match job.spec.what {
                What::Update { .. } => Judged::Skip(Skip::ReleaseGone),
                What::Command(_) | What::Document(_) => Judged::Work { before: nothing, others: Vec::new() },
            });
        };
        let default = TypeSpec::default();
        let spec = known.map_or(&default, |(_, spec)| spec);
        let expected = verify::expected(release);
        let running: Running = verify::running_by(&expected, spec, facts.shadow.as_ref(), &facts.inventory);
        let before = running.versions();
        let candidate = Candidate { running: &before, ..candidate };
        if let Err(skip) = eligible(release, candidate, self.most_open, job.spec.rollout.allow_downgrade) {
            return Ok(Judged::Skip(skip));
        }
        if let Some(fault) = self.unsigned.get(&facts.device_type) {
            return Ok(Judged::Skip(Skip::NotSigned(fault.clone())));
        }
        let others = updates_of_others(tx, job, facts.unsettled.clone()).await?;
        if let Some(later) = displacing(job, &others).filter(|_| !self.is_required_step) {
            return Ok(Judged::Skip(Skip::Displaced(later.id)));
        }
        if !self.force && expected.is_running(&running) && !is_changing(tx, &others).await? {
            return Ok(Judged::Runs { before, others });
        }
        // What shows tells better than what is remembered.
        if facts.in_place && before.is_empty() {
            return Ok(Judged::InPlace);
        }
        if let Some(later) = facts.outdone.filter(|_| !self.is_required_step) {
            return Ok(Judged::Skip(Skip::Outdone(later)));
        }
        Ok(Judged::Work { before, others })
    }
}

/// Whether a job is an assignment over hawkBit's interface: what it brings is all that a device is to run.
async fn is_assignment(tx: &mut Tx<'_>, later: &Job) -> Result<bool, StoreError> {
    Ok(extras::get::<JobExtra>(tx, later.tenant, later.id.get()).await?.assignment)
}

/// Whether what came later is in place of the other: another release of some of the same components.
fn is_in_place_of(later: Option<&Release>, other: Option<&Release>) -> bool {
    let (Some(later), Some(other)) = (later, other) else { return true };
    let is_of = |part: &Component| other.components.iter().any(|own| own.name == part.name);
    later.id != other.id && later.components.iter().any(is_of)
}

impl Catalogue {
    /// Whether a later job's update is in place of this one's. Asked of the store once for each.
    async fn is_displaced_by(
        &mut self,
        tx: &mut Tx<'_>,
        job: &Job,
        later: JobId,
    ) -> Result<bool, StoreError> {
        if let Some(known) = self.in_place.get(&later) {
            return Ok(*known);
        }
        let displaces = match jobs::get_any(tx, later).await? {
            Some(later) if later.displaces(job) && later.spec.rollout.handling != Handling::DownloadOnly => {
                is_in_place_of(release_of(tx, &later).await?.as_ref(), self.release.as_ref())
                    || is_assignment(tx, &later).await?
            }
            Some(_) | None => false,
        };
        self.in_place.insert(later, displaces);
        Ok(displaces)
    }

    /// The facts of some devices, in any order.
    pub(super) async fn facts(
        &mut self,
        tx: &mut Tx<'_>,
        job: &Job,
        devices: &[DeviceId],
    ) -> Result<BTreeMap<DeviceId, Facts>, StoreError> {
        let mut outdone = BTreeMap::new();
        if matches!(job.spec.what, What::Update { .. }) {
            for (device, later) in executions::later_updates(tx, job, devices).await? {
                if self.is_displaced_by(tx, job, later).await? {
                    outdone.insert(device, later);
                }
            }
        }
        let all = executions::offer_facts(tx, job.tenant, devices).await?;
        let in_place = match self.release.as_ref().filter(|_| self.is_hawkbits) {
            Some(release) => {
                let had = steps::given_among(tx, job.tenant, release.id, devices).await?;
                let had: Vec<DeviceId> = had.into_iter().collect();
                in_place_among(tx, job.tenant, &had, release).await?
            }
            None => BTreeSet::new(),
        };
        let known = |(id, known): (DeviceId, OfferFacts)| {
            (id, Facts { known, outdone: outdone.get(&id).copied(), in_place: in_place.contains(&id) })
        };
        Ok(all.into_iter().map(known).collect())
    }
}
