//! The dry run of a job: what would come of it on each device, why not, how much would be moved and how long it would
//! take. Nothing is stored. Asks the same judge as the offer does.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_domain::ids::{DeviceId, JobId};
use windlass_domain::job::forecast::{Contact, Pace, WaveWork, next_contact};
use windlass_domain::job::{Begin, Job, Outcome, What, WindowState, gates};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Release;
use windlass_domain::time::Timestamp;
use windlass_store::executions::OfferFacts;
use windlass_store::{StoreError, Tx};

use super::create::{Draft, NewJob, NewTargets, draft};
use super::judge::{self, Catalogue, Judged};
use crate::fleet::Contacts;
use crate::permit::demand;
use crate::{App, AppError};

/// Devices that are looked at one by one; of a larger job the first so many of every wave's share.
const LOOKED_AT: u64 = 20_000;
/// Devices of one read.
const BATCH: u64 = 500;
/// Names that a cluster shows.
const SHOWN: usize = 5;
/// How many contact intervals may pass before a device counts as silent, in halves.
const SILENT_HALVES: u32 = 5;

/// Devices on which it would come to the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// How it would count at once.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
    /// What an operator can do; may be empty.
    pub action: &'static str,
    /// How many of those that were looked at.
    pub count: u64,
    /// Some of them.
    pub devices: Vec<String>,
}

/// What would happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// All devices.
    pub targets: u64,
    /// How many were looked at.
    pub looked_at: u64,
    /// Sizes of the waves.
    pub waves: Vec<u64>,
    /// What would come of it, most devices first.
    pub clusters: Vec<Cluster>,
    /// Bytes that each device would download.
    pub bytes_per_device: u64,
    /// Bytes that all would download; of what was not looked at, the same share.
    pub bytes: u64,
    /// When everybody who is heard would have been reached. None if nobody would be.
    pub expected_end: Option<Timestamp>,
    /// Devices with work that were not heard for long; nobody can tell when they come.
    pub silent: u64,
}

#[derive(Debug, Default)]
struct Sums {
    clusters: BTreeMap<(&'static str, String), Cluster>,
    looked_at: u64,
    silent: u64,
    /// Devices of the wave that is looked at.
    wave: WaveWork,
}

impl Sums {
    fn count(&mut self, outcome: Outcome, reason: String, action: &'static str, name: Option<String>) {
        let cluster = self.clusters.entry((outcome.as_str(), reason.clone())).or_insert_with(|| Cluster {
            outcome,
            reason,
            action,
            count: 0,
            devices: Vec::new(),
        });
        cluster.count += 1;
        if cluster.devices.len() < SHOWN {
            cluster.devices.extend(name);
        }
    }
}

fn bytes_of(release: Option<&Release>) -> u64 {
    let components = release.into_iter().flat_map(|release| &release.components);
    components.flat_map(|component| &component.artifacts).map(|artifact| artifact.size).sum()
}

/// How a device is reached from some time on; none if it was not heard for long, and nobody can tell.
fn contact(app: &App, device: DeviceId, from: Timestamp, now: Timestamp) -> Option<Contact> {
    let contact = app.contact(device);
    if contact.connections > 0 {
        return Some(Contact { next: from, interval: Duration::ZERO });
    }
    let interval = app.fleet.contact_interval(device, app, now);
    let silent_after = interval.saturating_mul(SILENT_HALVES) / 2;
    let last = contact.last_at.filter(|last| now.since(*last) < silent_after)?;
    Some(Contact { next: next_contact(last, interval, from), interval })
}

/// When a wave begins.
#[derive(Debug, Clone, Copy)]
struct Begins {
    at: Timestamp,
    /// In words.
    words: &'static str,
    now: Timestamp,
}

/// When the first wave begins, and in what words.
fn first(new: &NewJob, now: Timestamp) -> Begins {
    let (at, words) = match new.begin {
        Begin::At(at) if at > now => (at, "would be offered work once it starts"),
        Begin::Manually => (now, "would be offered work once it is started"),
        Begin::Now | Begin::At(_) => (now, "would be offered work at once"),
    };
    let words = if new.rollout.approval { "would be offered work once it is approved" } else { words };
    Begins { at, words, now }
}

/// Looks at one device that would get work.
fn look_at_work(app: &App, job: &Job, facts: &OfferFacts, begins: Begins, sums: &mut Sums) {
    let name = app.fleet.name_of(facts.device).map(|name| name.into_string());
    let rollout = &job.spec.rollout;
    let Begins { at: starts, words, now } = begins;
    let (mut from, mut reason) = (starts, words.to_owned());
    if let Some(window) = &rollout.window {
        match window.state(judge::zone(facts), starts) {
            WindowState::Open { .. } => {}
            WindowState::Closed { opens, .. } => {
                from = opens;
                reason = "would wait for its maintenance window".to_owned();
            }
            WindowState::NoneLeft => {
                let action = "Give the window a schedule with an occurrence in the future.";
                sums.count(Outcome::Canceled, gates::NO_WINDOW_LEFT.to_owned(), action, name);
                return;
            }
        }
    }
    if rollout.consent {
        reason.push_str(" and needs consent");
    }
    let contact = contact(app, facts.device, from, now);
    if contact.is_none() {
        sums.silent += 1;
        reason.push_str(", but was not heard for long");
    }
    let by = rollout.download_rate.as_ref().and_then(|rate| rate.by.as_ref());
    // Devices without the attribute share a rate too.
    let share = by.map(|key| facts.attributes.get(key).cloned().unwrap_or_default());
    sums.wave.add(from, contact, judge::zone(facts), share);
    sums.count(Outcome::Open, reason, "", name);
}

async fn look_at_batch(
    tx: &mut Tx<'_>,
    app: &App,
    job: &Job,
    catalogue: &mut Catalogue,
    devices: &[DeviceId],
    begins: Begins,
    sums: &mut Sums,
) -> Result<(), StoreError> {
    let facts = catalogue.facts(tx, job, devices).await?;
    for device in devices {
        let known = facts.get(device);
        sums.looked_at += 1;
        let name = || app.fleet.name_of(*device).map(|name| name.into_string());
        match (catalogue.judge(tx, job, known).await?, known) {
            (Judged::Work { .. }, Some(known)) => look_at_work(app, job, known, begins, sums),
            (Judged::Runs(_), _) => {
                sums.count(Outcome::Succeeded, "runs this version already".to_owned(), "", name());
            }
            (Judged::Skip(skip), _) => {
                sums.count(Outcome::Skipped, skip.to_string(), skip.action(), name());
            }
            (Judged::Work { .. }, None) => {}
        }
    }
    Ok(())
}

async fn look(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    new: &NewJob,
    now: Timestamp,
) -> Result<Preview, AppError> {
    let Draft { job, targets, release, .. } = draft(tx, app, by, new, 0, now).await?;
    let job = latest(job);
    let mut catalogue = judge::catalogue(tx, &job, app.limits.open_executions, now).await?;
    let mut sums = Sums::default();
    let bytes_per_device = match job.spec.what {
        What::Update { .. } => bytes_of(release.as_ref()),
        What::Command(_) | What::Document(_) => 0,
    };
    let rollout = &job.spec.rollout;
    let pace = Pace {
        concurrency: rollout.concurrency,
        rate: rollout.download_rate.as_ref().map(|rate| rate.bytes_per_second),
        bytes: bytes_per_device,
        window: rollout.window.as_ref(),
        queued: job.spec.timeouts.queued,
    };
    let mut begins = first(new, now);
    // None once a wave was found of which nobody can tell.
    let mut expected_end = Some(None);
    let ranges = job.wave_ranges();
    for (wave, range) in ranges.clone() {
        let (size, begun) = (range.end - range.start, begins.at);
        // Each wave gets its share of the looks, at least one.
        let share = u128::from(size) * u128::from(LOOKED_AT) / u128::from(job.target_count.max(1));
        let looks = u64::try_from(share).unwrap_or(LOOKED_AT).max(1).min(size);
        let mut next = range.start;
        while next < range.start + looks {
            let end = (next + BATCH).min(range.start + looks);
            let devices = targets.at_ranks(&job, wave, &(next..end))?;
            look_at_batch(tx, app, &job, &mut catalogue, &devices, begins, &mut sums).await?;
            next = end;
        }
        let work = std::mem::take(&mut sums.wave);
        if work.heard() > 0 {
            let through = work.through(&pace, size, looks);
            expected_end = expected_end.and(through.map(Some));
            begins.at = begins.at.max(through.unwrap_or(begins.at));
        }
        let share = job.wave(wave).and_then(|wave| wave.success).or(rollout.success);
        let all = work.heard() + work.silent();
        if work.silent() > 0 && !share.is_some_and(|share| share.reached(work.heard(), all)) {
            // The next wave waits until those that say nothing have run out of time.
            begins.at = begins.at.max(begun.plus(job.spec.timeouts.queued));
        }
        begins.words = "would be offered work when its wave begins";
    }
    let work: u64 = sums.clusters.values().filter(|c| c.outcome == Outcome::Open).map(|c| c.count).sum();
    let with_work = u128::from(work) * u128::from(job.target_count) / u128::from(sums.looked_at.max(1));
    let bytes = u128::from(bytes_per_device) * with_work;
    let mut clusters: Vec<Cluster> = sums.clusters.into_values().collect();
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.count));
    Ok(Preview {
        targets: job.target_count,
        looked_at: sums.looked_at,
        waves: ranges.iter().map(|(_, range)| range.end - range.start).collect(),
        clusters,
        bytes_per_device,
        bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        expected_end: expected_end.flatten(),
        silent: sums.silent,
    })
}

/// Those of these devices that a new job would give work now, up to `most`, and how many were looked at for it.
///
/// # Errors
/// As [`App::job_create`].
pub(crate) async fn with_work(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    new: &NewJob,
    devices: &[DeviceId],
    most: usize,
    now: Timestamp,
) -> Result<(Vec<DeviceId>, usize), AppError> {
    let (mut ready, mut looked) = (Vec::new(), 0);
    let Some(first) = devices.first() else { return Ok((ready, looked)) };
    let targets = NewTargets::Found { devices: vec![*first], words: String::new(), waves: Vec::new() };
    let Draft { job, .. } = draft(tx, app, by, &NewJob { targets, ..new.clone() }, 0, now).await?;
    let job = latest(job);
    let mut catalogue = judge::catalogue(tx, &job, app.limits.open_executions, now).await?;
    for some in devices.chunks(usize::try_from(BATCH).unwrap_or(usize::MAX)) {
        let facts = catalogue.facts(tx, &job, some).await?;
        for device in some {
            looked += 1;
            match catalogue.judge(tx, &job, facts.get(device)).await? {
                Judged::Work { .. } | Judged::Runs(_) => ready.push(*device),
                Judged::Skip(_) => continue,
            }
            if ready.len() >= most {
                return Ok((ready, looked));
            }
        }
    }
    Ok((ready, looked))
}

/// A job that was not made, as it would be made now: the latest of all.
fn latest(job: Job) -> Job {
    Job { id: JobId::new(i64::MAX), ..job }
}

impl App {
    /// Says what a job would do, without making it.
    ///
    /// # Errors
    /// As [`App::job_create`].
    pub async fn job_preview(&self, by: &Principal, new: NewJob) -> Result<Preview, AppError> {
        demand(by, Permission::JobCreate)?;
        let (app, by, now) = (self.clone(), by.clone(), self.clock.now());
        self.store
            .read(move |tx| {
                let (app, by, new) = (app.clone(), by.clone(), new.clone());
                Box::pin(async move { look(tx, &app, &by, &new, now).await })
            })
            .await
    }
}
