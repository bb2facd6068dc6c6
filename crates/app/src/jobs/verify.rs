//! Whether what devices said is true: the versions that show, against those that should run.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_domain::device::Device;
use windlass_domain::device_type::{TypeSpec, VersionSource};
use windlass_domain::ids::{AttributeKey, DeviceId, TenantId};
use windlass_domain::job::verdict::{Expected, Running, Said};
use windlass_domain::job::{Execution, Handling, Job, Verdict, What, command};
use windlass_domain::shadow::{Object, Section, Shadow};
use windlass_domain::software::Release;
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, devices, executions, jobs, releases, shadows, types};

use super::ends;
use crate::message::Effects;

/// What a release should show once it runs.
pub(super) fn expected(release: &Release) -> Expected {
    let versions = release.components.iter();
    Expected {
        release: release.version.as_str().to_owned(),
        components: versions.map(|c| (c.name.as_str().to_owned(), c.version.as_str().to_owned())).collect(),
    }
}

/// What a device shows of some components, by its type's sources.
pub(super) async fn running(
    tx: &mut Tx<'_>,
    expected: &Expected,
    spec: &TypeSpec,
    device: DeviceId,
    inventory: &BTreeMap<AttributeKey, String>,
) -> Result<Running, StoreError> {
    let shadow = shadows::shadow(tx, device, None).await?;
    Ok(running_by(expected, spec, shadow.as_ref(), inventory))
}

/// What a device says that it runs, by its classic shadow and its inventory.
pub(super) fn running_by(
    expected: &Expected,
    spec: &TypeSpec,
    shadow: Option<&Shadow>,
    inventory: &BTreeMap<AttributeKey, String>,
) -> Running {
    let reported = match shadow {
        Some(Shadow::Live { documents, .. }) => Some(&documents.reported),
        Some(Shadow::Deleted { .. }) | None => None,
    };
    expected.look(&spec.version_sources, Said { reported, inventory })
}

async fn spec_of(tx: &mut Tx<'_>, device: &Device) -> Result<TypeSpec, StoreError> {
    let Some(id) = device.device_type else { return Ok(TypeSpec::default()) };
    Ok(types::type_by_id(tx, id).await?.map(|found| found.spec).unwrap_or_default())
}

async fn release_of(tx: &mut Tx<'_>, tenant: TenantId, job: &Job) -> Result<Option<Release>, StoreError> {
    match job.spec.what {
        What::Update { release, .. } => releases::release_by_id(tx, tenant, release).await,
        What::Command(_) | What::Document(_) => Ok(None),
    }
}

/// How long after its success a device may take to show what it runs.
fn wait(job: &Job, spec: &TypeSpec) -> Duration {
    job.spec.timeouts.verify.unwrap_or(spec.verify_timeout)
}

/// Until when what a device says that it runs counts for an update that it said it finished.
///
/// # Errors
/// When the store fails.
pub(crate) async fn counts_until(
    tx: &mut Tx<'_>,
    job: &Job,
    execution: &Execution,
) -> Result<Timestamp, StoreError> {
    let spec = match devices::device_by_id(tx, execution.device).await? {
        Some(device) => spec_of(tx, &device).await?,
        None => TypeSpec::default(),
    };
    Ok(execution.ended_at.unwrap_or(execution.updated_at).plus(wait(job, &spec)))
}

/// Whether versions of this device may show in its attributes, as its type says.
///
/// # Errors
/// When the store fails.
pub(crate) async fn looks_at_attributes(tx: &mut Tx<'_>, device: &Device) -> Result<bool, StoreError> {
    let places = places(tx, device).await?;
    Ok(places.iter().any(|source| matches!(source, VersionSource::Inventory(_))))
}

/// Where devices of this one's type show what they run.
///
/// # Errors
/// When the store fails.
pub(crate) async fn places(tx: &mut Tx<'_>, device: &Device) -> Result<Vec<VersionSource>, StoreError> {
    Ok(spec_of(tx, device).await?.version_sources)
}

/// Why nothing is to be seen of an update that was only to be fetched.
pub(crate) const FETCHED: &str = "fetched; nothing was to be installed";

/// Judges an execution whose device just said that it succeeded: true, not verifiable, or to be seen until a deadline.
pub(super) async fn succeeded(
    tx: &mut Tx<'_>,
    job: &Job,
    execution: Execution,
    now: Timestamp,
) -> Result<Execution, StoreError> {
    if job.spec.what.command().is_some() {
        let (verdict, reason) = command::at_success(&execution.details);
        return Ok(execution.judged(verdict, &reason, now));
    }
    if job.spec.rollout.handling == Handling::DownloadOnly {
        return Ok(execution.judged(Verdict::Unverifiable, FETCHED, now));
    }
    let Some(release) = release_of(tx, job.tenant, job).await? else {
        return Ok(execution.judged(Verdict::Unverifiable, "", now));
    };
    let Some(device) = devices::device_by_id(tx, execution.device).await? else {
        return Ok(execution.judged(Verdict::Unverifiable, "the device is gone", now));
    };
    let spec = spec_of(tx, &device).await?;
    let expected = expected(&release);
    let running = running(tx, &expected, &spec, device.id, &device.inventory).await?;
    Ok(match expected.at_success(&running) {
        (Verdict::Pending, _) => execution.verifying_until(now.plus(wait(job, &spec))),
        (verdict, reason) => execution.judged(verdict, &reason, now),
    })
}

/// Judges an execution that ran out of time: the device may have done the work and never said so.
pub(super) async fn shown(
    tx: &mut Tx<'_>,
    job: &Job,
    execution: Execution,
    now: Timestamp,
) -> Result<Execution, StoreError> {
    let Some(release) = release_of(tx, job.tenant, job).await? else { return Ok(execution) };
    let Some(device) = devices::device_by_id(tx, execution.device).await? else { return Ok(execution) };
    let spec = spec_of(tx, &device).await?;
    let expected = expected(&release);
    let running = running(tx, &expected, &spec, device.id, &device.inventory).await?;
    if expected.is_running(&running) && running.versions() != execution.before {
        return Ok(execution.judged(Verdict::Verified, "the new version was seen running", now));
    }
    Ok(execution)
}

/// Most finished updates of a device that are looked at for one that came later.
const LOOKED_AT: u32 = 16;

/// The release of a later update that was seen on the device and brought all the components of this one.
async fn succeeded_by(
    tx: &mut Tx<'_>,
    release: &Release,
    execution: &Execution,
) -> Result<Option<Release>, StoreError> {
    let order = |one: &Execution| (one.ended_at, one.id);
    for other in executions::finished_updates(tx, execution.device, LOOKED_AT).await? {
        // What was in place before it began was not installed by it.
        let is_seen = other.verdict == Verdict::Verified && other.started_at.is_some();
        if !is_seen || order(&other) <= order(execution) {
            continue;
        }
        let Some(job) = jobs::get_any(tx, other.job).await? else { continue };
        let Some(later) = release_of(tx, other.tenant, &job).await? else { continue };
        let has_all =
            release.components.iter().all(|own| later.components.iter().any(|c| c.name == own.name));
        if later.id != release.id && has_all {
            return Ok(Some(later));
        }
    }
    Ok(None)
}

/// Says of an execution whose new version was not seen in time what the device shows instead. A device that installed a
/// newer one since went through this one: nobody can see it any more, and its word is all there is.
pub(super) async fn unseen(
    tx: &mut Tx<'_>,
    job: &Job,
    execution: Execution,
) -> Result<Execution, StoreError> {
    let Some(release) = release_of(tx, job.tenant, job).await? else { return Ok(execution) };
    if let Some(later) = succeeded_by(tx, &release, &execution).await? {
        let reason = format!(
            "{} {}, installed after it, was seen running",
            later.name.as_str(),
            later.version.as_str()
        );
        let now = execution.updated_at;
        return Ok(execution.judged(Verdict::Unverifiable, &reason, now));
    }
    let Some(device) = devices::device_by_id(tx, execution.device).await? else { return Ok(execution) };
    let spec = spec_of(tx, &device).await?;
    let expected = expected(&release);
    let running = running(tx, &expected, &spec, device.id, &device.inventory).await?;
    Ok(match expected.instead(&running) {
        Some(what) => execution.shows_instead(&what),
        None => execution,
    })
}

/// What a device just said of itself, and nothing that it said before.
#[derive(Debug, Clone, Copy)]
pub enum JustSaid<'a> {
    /// On the reported side of its classic shadow. It came after every success that is stored, also within one second of
    /// it, and an old version in it proves a fall back.
    Reported(&'a Object),
    /// As attributes over hawkBit's interface, which asks for them right after a success: the device may not have
    /// restarted yet, and an old version in them is a doubt.
    Attributes(&'a BTreeMap<AttributeKey, String>),
}

/// Looks at the versions that a device shows now, after it said something, and settles what they prove.
///
/// # Errors
/// When the store fails.
pub async fn observe(
    tx: &mut Tx<'_>,
    device: DeviceId,
    said: JustSaid<'_>,
    now: Timestamp,
) -> Result<Effects, StoreError> {
    let mut effects = Effects::default();
    let waiting = executions::verifying(tx, device).await?;
    if waiting.is_empty() {
        return Ok(effects);
    }
    let Some(device) = devices::device_by_id(tx, device).await? else { return Ok(effects) };
    let spec = spec_of(tx, &device).await?;
    let (reported, attributes) = match said {
        JustSaid::Reported(values) => {
            (Some(Section { values: values.clone(), ..Section::default() }), BTreeMap::new())
        }
        JustSaid::Attributes(attributes) => (None, attributes.clone()),
    };
    let just_said = Said { reported: reported.as_ref(), inventory: &attributes };
    for execution in waiting {
        let Some(job) = jobs::get_any(tx, execution.job).await? else { continue };
        let Some(release) = release_of(tx, job.tenant, &job).await? else { continue };
        let expected = expected(&release);
        let running = running(tx, &expected, &spec, device.id, &device.inventory).await?;
        let just_said = expected.look(&spec.version_sources, just_said);
        let next = match said {
            JustSaid::Reported(_) => {
                let succeeded_at = execution.ended_at.unwrap_or(execution.updated_at);
                let found = expected.after_success(&running, &just_said, &execution.before, succeeded_at);
                judged(&execution, found, now)
            }
            JustSaid::Attributes(_) => judged(&execution, expected.at_success(&running), now).or_else(|| {
                let doubt = expected.doubt(&running, &just_said, &execution.before)?;
                execution.doubted(&doubt, now)
            }),
        };
        let Some(next) = next else { continue };
        if executions::update(tx, &execution, &next).await? && next.verdict != execution.verdict {
            ends::tell(tx, &job, &execution, &next, now).await?;
            effects.reconcile.push(job.id);
        }
    }
    Ok(effects)
}

/// What a finding makes of an execution that waits to be seen. What the device said against its success stands where its
/// type shows nothing.
fn judged(execution: &Execution, found: (Verdict, String), now: Timestamp) -> Option<Execution> {
    let (verdict, reason) = found;
    let says_nothing = verdict == Verdict::Unverifiable && !execution.reason.is_empty();
    (verdict != Verdict::Pending && !says_nothing).then(|| execution.clone().judged(verdict, &reason, now))
}
