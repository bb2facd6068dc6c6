//! Making a job: every field checked, targets frozen, nothing offered yet.

use std::collections::BTreeSet;
use std::time::Duration;

use roaring::RoaringTreemap;
use serde_json::{Map, Value, json};
use windlass_domain::ids::{DeviceId, ExecutionId, JobId, Sha256};
use windlass_domain::job::{
    Amount, Begin, FailureThreshold, FrozenWave, Job, JobSpec, JobState, Progress, RolloutPolicy, Timeouts,
    Wave, What,
};
use windlass_domain::limits::Limits;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Release;
use windlass_domain::time::Timestamp;
use windlass_store::management::{SetExtra, extras};
use windlass_store::{Tx, artifacts, jobs, releases, types};

use super::commands::{NewCommand, command};
use super::list::JobView;
use super::targets::Fit;
use super::waves::Targets;
use super::{document, policy, targets, waves};
use crate::artifacts::signing;
use crate::clock::random;
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;
use crate::{App, audit};

/// Which devices; frozen when the job is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewTargets {
    /// These, by name.
    Devices(Vec<String>),
    /// Every device with this tag.
    Tag(String),
    /// Every device of this type.
    Type(String),
    /// Every device in this static group or below it.
    Group(String),
    /// Every device that matches this query.
    Query(String),
    /// These, which were found in a way that these words tell.
    Found {
        /// Which.
        devices: Vec<DeviceId>,
        /// How they were found, for people.
        words: String,
        /// Who of them is in which wave; none: by the policy's waves.
        waves: Vec<BTreeSet<DeviceId>>,
    },
}

/// What the devices get.
#[derive(Debug, Clone, PartialEq)]
pub enum NewWhat {
    /// A release.
    Update {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// Also for devices that run it already.
        force: bool,
    },
    /// Something to do now.
    Command(NewCommand),
    /// A document as it is.
    Document(Map<String, Value>),
}

/// A job to make.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// For people.
    pub description: String,
    /// What the devices get.
    pub what: NewWhat,
    /// Which devices.
    pub targets: NewTargets,
    /// The waves; what they leave over is one more. Empty: everybody at once.
    pub waves: Vec<Wave>,
    /// When failures stop it.
    pub threshold: Option<FailureThreshold>,
    /// How long phases may last.
    pub timeouts: Timeouts,
    /// How often a device that failed is tried again by itself, 0 to 10.
    pub retries: u32,
    /// When it begins.
    pub begin: Begin,
    /// Everything else that shapes it.
    pub rollout: RolloutPolicy,
}

/// Most waves of a job.
pub const WAVES: usize = 500;
/// Most tries again of one device.
pub const RETRIES: u32 = 10;
/// Longest time-out.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// Most bytes of a description.
pub const DESCRIPTION_BYTES: usize = 512;

/// Checks what can be checked without the store.
fn check(new: &NewJob, limits: &Limits, now: Timestamp) -> Vec<FieldProblem> {
    let mut problems = policy::check(new, now);
    let mut add = |field: String, problem: String| problems.push(FieldProblem::new(field, problem));
    if new.description.len() > DESCRIPTION_BYTES {
        add("description".to_owned(), format!("at most {DESCRIPTION_BYTES} bytes"));
    }
    if new.waves.len() > WAVES {
        add("waves".to_owned(), format!("at most {WAVES}"));
    }
    for (index, wave) in new.waves.iter().enumerate() {
        match &wave.amount {
            Amount::Count(0) => add(format!("waves.{index}.count"), "at least 1".to_owned()),
            Amount::Percent(percent) if !(1..=100).contains(percent) => {
                add(format!("waves.{index}.percent"), "1 to 100".to_owned());
            }
            Amount::Count(_) | Amount::Percent(_) => {}
        }
    }
    if let Some(threshold) = &new.threshold {
        if threshold.count.is_none() && threshold.percent.is_none() {
            add("failureThreshold".to_owned(), "give count, percent or both".to_owned());
        }
        if threshold.percent.is_some_and(|percent| percent > 100) {
            add("failureThreshold.percent".to_owned(), "0 to 100".to_owned());
        }
    }
    let Timeouts { queued, download, in_progress, verify } = new.timeouts;
    let spans = [
        ("queued", Some(queued)),
        ("download", download),
        ("inProgress", Some(in_progress)),
        ("verify", verify),
    ];
    for (name, span) in spans {
        if span.is_some_and(|span| span < Duration::from_secs(1) || span > LONGEST) {
            add(format!("timeouts.{name}"), "1 second to 365 days".to_owned());
        }
    }
    if download.is_some() && !matches!(new.what, NewWhat::Update { .. }) {
        add("timeouts.download".to_owned(), "goes with an update only".to_owned());
    }
    if new.retries > RETRIES {
        add("retries".to_owned(), format!("0 to {RETRIES}"));
    }
    if let NewWhat::Document(document) = &new.what {
        problems.extend(check_document(document, "document", limits));
    }
    problems
}

/// What devices get of it is bounded, whatever it is.
fn check_document(document: &Map<String, Value>, field: &str, limits: &Limits) -> Option<FieldProblem> {
    let bytes = Value::Object(document.clone()).to_string().len();
    (bytes > limits.job_document)
        .then(|| FieldProblem::new(field, format!("{bytes} bytes; at most {}", limits.job_document)))
}

/// Finds the release and checks that its document fits.
async fn release(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    what: &NewWhat,
    problems: &mut Vec<FieldProblem>,
) -> Result<Option<Release>, AppError> {
    let NewWhat::Update { name, version, force } = what else { return Ok(None) };
    let Some(release) = releases::release(tx, by.tenant, name, version).await? else {
        problems.push(FieldProblem::new("release", format!("release {name} {version} does not exist")));
        return Ok(None);
    };
    let SetExtra { invalid, deleted, .. } = extras::get(tx, by.tenant, release.id.get()).await?;
    if invalid || deleted {
        let was = if invalid { "made invalid" } else { "deleted" };
        let text =
            format!("release {name} {version} was {was} over hawkBit's interface; make another release");
        problems.push(FieldProblem::new("release", text));
        return Ok(None);
    }
    // Links are as long as the longest base of a host name that DNS allows.
    let longest = |artifact: &windlass_domain::software::Artifact| {
        let base = "https://".to_owned() + &"h".repeat(253) + ":65535";
        app.links.mint(
            &base,
            ExecutionId::new(1 << 53),
            artifact,
            Timestamp::from_seconds(i64::from(u32::MAX)),
        )
    };
    let bytes = Value::Object(document::update(&release, *force, &document::Terms::longest(), longest))
        .to_string()
        .len();
    if bytes > app.limits.job_document {
        let text = format!(
            "the update document would have {bytes} bytes, at most {} are allowed; use fewer artifacts or shorter signatures",
            app.limits.job_document
        );
        problems.push(FieldProblem::new("release", text));
    }
    Ok(Some(release))
}

/// Checks that devices which take signed software only would take the release.
async fn signed(
    tx: &mut Tx<'_>,
    by: &Principal,
    release: &Release,
    targets: &RoaringTreemap,
    now: Timestamp,
    problems: &mut Vec<FieldProblem>,
) -> Result<(), AppError> {
    let mut add = |faults: Vec<(usize, String)>| {
        problems.extend(faults.into_iter().map(|(_, fault)| FieldProblem::new("release", fault)));
    };
    let terms = artifacts::terms(tx, by.tenant).await?.terms;
    // All others than the types that are looked at: where the tenant demands a signature, every type is.
    let mut untyped = targets.clone();
    for record in types::types(tx, by.tenant).await? {
        if terms.demand(Some(&record.spec.signing)).is_none() {
            continue;
        }
        let those = windlass_store::jobs::targets::of_type(tx, by.tenant, record.id).await?;
        untyped -= &those;
        if targets.is_disjoint(&those) || !release.fits(Some(&record.name)) {
            continue;
        }
        add(signing::faults(tx, by.tenant, &terms, &release.components, Some(&record), now).await?);
    }
    if !untyped.is_empty() && release.fits(None) && terms.demand(None).is_some() {
        add(signing::faults(tx, by.tenant, &terms, &release.components, None, now).await?);
    }
    Ok(())
}

/// A job that is not stored yet.
pub(super) struct Draft {
    pub(super) job: Job,
    pub(super) targets: Targets,
    pub(super) release: Option<Release>,
    /// The name of its command.
    told: Option<String>,
}

/// Checks every field and makes the job that would be stored. `seed` decides what its order leaves to chance.
pub(super) async fn draft(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    new: &NewJob,
    target_seq: i64,
    seed: [u8; 32],
    now: Timestamp,
) -> Result<Draft, AppError> {
    let mut problems = check(new, &app.limits, now);
    if by.scope.is_some() && new.rollout.continuous.is_some() {
        let text = "devices that match later may lie beyond what you may see; leave it out";
        problems.push(FieldProblem::new("rollout.continuous", text));
    }
    let release = release(tx, app, by, &new.what, &mut problems).await?;
    let command = match &new.what {
        NewWhat::Command(new) => command(tx, by, new, &mut problems).await?,
        NewWhat::Update { .. } | NewWhat::Document(_) => None,
    };
    if let Some(command) = &command {
        let document = command.document(Some(now));
        problems.extend(check_document(&document, "command.arguments", &app.limits));
    }
    let fit = match (&release, &command) {
        (Some(release), _) => Some(Fit { what: "release", types: &release.device_types }),
        (None, Some(command)) => Some(Fit { what: "command", types: &command.device_types }),
        (None, None) => None,
    };
    let before = problems.len();
    let targets = targets::read(tx, app, by, &new.targets, fit, &mut problems).await?;
    // An open-ended job is for those who come.
    if targets.is_empty() && problems.len() == before && new.rollout.continuous.is_none() {
        let words = targets::in_words(&new.targets);
        problems.push(FieldProblem::new("targets", format!("no device matches ({words}); nothing to do")));
    }
    if let Some(release) = &release {
        signed(tx, by, release, &targets, now, &mut problems).await?;
    }
    let mut timeouts = new.timeouts;
    if let Some(command) = &command {
        timeouts.queued = command.expires_in;
    }
    let told = command.as_ref().map(|command| command.name.as_str().to_owned());
    let what = match (&new.what, &release) {
        (NewWhat::Update { force, .. }, Some(release)) => What::Update { release: release.id, force: *force },
        (NewWhat::Document(document), _) => What::Document(Value::Object(document.clone()).to_string()),
        (NewWhat::Command(_), _) => match command {
            Some(command) => What::Command(command),
            None => return Err(AppError::Invalid(problems)),
        },
        (NewWhat::Update { .. }, None) => return Err(AppError::Invalid(problems)),
    };
    if !problems.is_empty() {
        return Err(AppError::Invalid(problems));
    }
    let waves = match &new.targets {
        NewTargets::Found { waves, .. } if !waves.is_empty() => waves::as_found(&targets, waves),
        _ => waves::freeze(app, by.tenant, &targets, &new.waves, &new.rollout, seed)?,
    };
    let state =
        if new.rollout.approval { JobState::AwaitingApproval { then: new.begin } } else { new.begin.state() };
    let started_at = (state == JobState::Running).then_some(now);
    let job = Job {
        id: JobId::new(0),
        tenant: by.tenant,
        state,
        spec: JobSpec {
            name: new.description.clone(),
            what,
            targets: targets::in_words(&new.targets),
            waves: new.waves.clone(),
            threshold: new.threshold,
            timeouts,
            retries: new.retries,
            rollout: new.rollout.clone(),
        },
        progress: Progress::default(),
        target_count: targets.len(),
        frozen_waves: FrozenWave::in_order(waves.iter().map(roaring::RoaringTreemap::len)),
        past: None,
        decision: None,
        target_seq,
        version: 1,
        revision: 1,
        created_at: now,
        created_by: by.actor.to_string(),
        started_at,
        ended_at: None,
    };
    Ok(Draft { job, targets: Targets { whole: targets, waves }, release, told })
}

pub(crate) async fn create(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    new: &NewJob,
    target_seq: i64,
    now: Timestamp,
) -> Result<JobId, AppError> {
    let seed = random(&*app.entropy);
    let Draft { job, targets: Targets { whole: targets, waves }, release, told } =
        draft(tx, app, by, new, target_seq, seed, now).await?;
    let id = jobs::insert(tx, &job, &targets).await?;
    for (wave, set) in (0_u32..).zip(&waves) {
        jobs::waves::insert(tx, id, wave, set).await?;
    }
    let mut bytes = Vec::with_capacity(targets.serialized_size());
    targets.serialize_into(&mut bytes).map_err(|e| windlass_store::StoreError::corrupt("job.targets", e))?;
    let details = json!({
        "kind": job.spec.what.kind().as_str(),
        "release": release.map(|release| format!("{} {}", release.name, release.version)),
        "command": told,
        "targets": job.spec.targets,
        "targetCount": job.target_count,
        "targetDigest": Sha256::of(&bytes).to_string(),
    });
    audit::record(tx, by, "job.create", &format!("job/{id}"), details, now).await?;
    Ok(id)
}

impl App {
    /// Makes a job and freezes its targets. Devices that are gone, out of service or of another type when their turn
    /// comes are skipped with that reason.
    ///
    /// # Errors
    /// `Invalid` naming every field: unknown devices, types, groups, releases; no device at all, but for a continuous job; sizes and times out of
    /// bounds; a document over the limit.
    pub async fn job_create(&self, by: &Principal, new: NewJob) -> Result<JobView, AppError> {
        demand(by, Permission::JobCreate)?;
        let (app, who, now) = (self.clone(), by.clone(), self.clock.now());
        let target_seq = self.store.latest_change().await?;
        let id = self
            .store
            .write(move |tx| {
                let (app, by, new) = (app.clone(), who.clone(), new.clone());
                Box::pin(async move { create(tx, &app, &by, &new, target_seq, now).await })
            })
            .await?;
        self.agenda.wake([id]);
        self.job_get(by, id).await
    }
}
