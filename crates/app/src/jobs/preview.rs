//! The dry run of a job: what would come of it on how many devices, why not, how much would be moved and how long it would
//! take. Nothing is stored. Asks the same judge as the offer does.

use std::collections::BTreeMap;

use windlass_domain::ids::JobId;
use windlass_domain::job::forecast::{Pace, WaveWork};
use windlass_domain::job::{Begin, Job, Outcome, What};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Release;
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx};

mod devices;
mod look;
mod ready;

pub use devices::{PreviewDevice, PreviewPage, PreviewPick, PreviewPlace};
pub(crate) use ready::with_work;

use look::{Begins, Looker, Seen};

use super::create::{Draft, NewJob, draft};
use super::waves::Targets;
use crate::permit::demand;
use crate::{App, AppError};

/// Devices that are looked at one by one; of a larger job the first so many of every wave's share.
const LOOKED_AT: u64 = 20_000;
/// Devices of one read.
const BATCH: u64 = 500;
/// Names that a cluster shows.
const SHOWN: usize = 5;
/// What a dry run leaves to chance comes out the same each time.
const SEED: [u8; 32] = [0; 32];

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

/// When everybody who is heard would have been reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// By then.
    At(Timestamp),
    /// Not before the job ends, which is then.
    EndsFirst(Timestamp),
    /// Nobody has anything to do.
    NoWork,
    /// Nobody who has was heard lately.
    NobodyHeard,
    /// There are not enough openings of the maintenance window left.
    NoWindowLeft,
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
    /// When everybody who is heard would have been reached.
    pub expected: Expected,
    /// Devices with work that were not heard for long; nobody can tell when they come.
    pub silent: u64,
    /// Devices with work for which another update goes first; nobody can tell how long that takes.
    pub behind: u64,
    /// Whether a person must start it, approve it, or have it go on after a wave: that is taken to happen at once.
    pub waits_for_people: bool,
}

impl Preview {
    /// When it would be through with everybody who is heard, if anybody can tell.
    pub const fn expected_end(&self) -> Option<Timestamp> {
        match self.expected {
            Expected::At(at) | Expected::EndsFirst(at) => Some(at),
            Expected::NoWork | Expected::NobodyHeard | Expected::NoWindowLeft => None,
        }
    }
}

fn bytes_of(release: Option<&Release>) -> u64 {
    let components = release.into_iter().flat_map(|release| &release.components);
    components.flat_map(|component| &component.artifacts).map(|artifact| artifact.size).sum()
}

/// A job that was not made, as it would be made now: the latest of all.
fn latest(job: Job) -> Job {
    Job { id: JobId::new(i64::MAX), ..job }
}

/// A job that is not made, with its targets.
struct Dry {
    job: Job,
    targets: Targets,
    bytes_per_device: u64,
    /// When its first wave begins.
    first: Begins,
}

impl Dry {
    async fn of(
        tx: &mut Tx<'_>,
        app: &App,
        by: &Principal,
        new: &NewJob,
        now: Timestamp,
    ) -> Result<Self, AppError> {
        let Draft { job, targets, release, .. } = draft(tx, app, by, new, 0, SEED, now).await?;
        let job = latest(job);
        let bytes_per_device = match job.spec.what {
            What::Update { .. } => bytes_of(release.as_ref()),
            What::Command(_) | What::Document(_) => 0,
        };
        Ok(Self { job, targets, bytes_per_device, first: Begins::first(new, now) })
    }

    fn pace(&self) -> Pace<'_> {
        let rollout = &self.job.spec.rollout;
        Pace {
            concurrency: rollout.concurrency,
            rate: rollout.download_rate.as_ref().map(|rate| rate.bytes_per_second),
            bytes: self.bytes_per_device,
            window: rollout.window.as_ref(),
            queued: self.job.spec.timeouts.queued,
        }
    }

    /// When a wave begins: the first one that has anybody as the job does.
    fn begins(&self, foreseen: &Foreseen, wave: u32) -> Begins {
        let first = self.job.wave_ranges().into_iter().find(|(_, range)| !range.is_empty());
        if first.is_none_or(|(first, _)| wave <= first) {
            return self.first;
        }
        let index = usize::try_from(wave).unwrap_or(usize::MAX);
        let at = foreseen.begins.get(index).or(foreseen.begins.last());
        Begins::later(at.copied().unwrap_or(self.first.at), index < foreseen.known)
    }
}

/// When the waves are foreseen to begin, by number.
#[derive(Debug, Default)]
struct Foreseen {
    begins: Vec<Timestamp>,
    /// Of how many of them that is known.
    known: usize,
}

impl Foreseen {
    fn push(&mut self, at: Timestamp, is_known: bool) {
        self.begins.push(at);
        self.known += usize::from(is_known);
    }
}

/// What is counted while devices are looked at.
#[derive(Debug, Default)]
struct Sums {
    clusters: BTreeMap<(&'static str, String), Cluster>,
    looked_at: u64,
    silent: u64,
    behind: u64,
    /// Devices whose turn would not come before the job ends.
    too_late: u64,
    /// Devices of the wave that is looked at.
    wave: WaveWork,
}

impl Sums {
    fn count(&mut self, app: &App, seen: Seen) {
        let Seen { device, outcome, reason, action, work } = seen;
        self.looked_at += 1;
        self.too_late += u64::from(action == look::END_LATER);
        if let Some(work) = work {
            self.silent += u64::from(work.is_silent());
            self.behind += u64::from(work.behind.is_some());
            work.add_to(&mut self.wave);
        }
        let cluster = self.clusters.entry((outcome.as_str(), reason.clone())).or_insert_with(|| Cluster {
            outcome,
            reason,
            action,
            count: 0,
            devices: Vec::new(),
        });
        cluster.count += 1;
        if cluster.devices.len() < SHOWN {
            cluster.devices.extend(app.fleet.name_of(device).map(|name| name.into_string()));
        }
    }
}

/// What was seen of a whole job.
#[derive(Debug, Default)]
struct Survey {
    sums: Sums,
    foreseen: Foreseen,
    /// When everybody who is heard would have been reached.
    through: Option<Timestamp>,
    /// Whether there are too few openings of the window for that.
    is_endless: bool,
}

/// Looks at the devices of every wave, of many at a share of each.
async fn survey(
    tx: &mut Tx<'_>,
    app: &App,
    dry: &Dry,
    looker: &mut Looker<'_>,
) -> Result<Survey, StoreError> {
    let Dry { job, targets, .. } = dry;
    let (pace, rollout) = (dry.pace(), &job.spec.rollout);
    let mut survey = Survey::default();
    let (mut at, mut is_known) = (dry.first.at, true);
    for (wave, range) in job.wave_ranges() {
        survey.foreseen.push(at, is_known);
        let begins = dry.begins(&survey.foreseen, wave);
        let size = range.end - range.start;
        // Each wave gets its share of the looks, at least one.
        let share = u128::from(size) * u128::from(LOOKED_AT) / u128::from(job.target_count.max(1));
        let looks = u64::try_from(share).unwrap_or(LOOKED_AT).max(1).min(size);
        let mut next = range.start;
        while next < range.start + looks {
            let end = (next + BATCH).min(range.start + looks);
            let devices = targets.at_ranks(job, wave, &(next..end))?;
            for seen in looker.look(tx, wave, &devices, begins).await? {
                survey.sums.count(app, seen);
            }
            next = end;
        }
        let work = std::mem::take(&mut survey.sums.wave);
        let begun = at;
        if work.heard() > 0 {
            let through = work.through(&pace, size, looks);
            survey.through = survey.through.max(through);
            survey.is_endless |= through.is_none();
            is_known &= through.is_some();
            at = at.max(through.unwrap_or(at));
        }
        let share = job.wave(wave).and_then(|wave| wave.success).or(rollout.success);
        let all = work.heard() + work.silent();
        if work.silent() > 0 && !share.is_some_and(|share| share.reached(work.heard(), all)) {
            // The next wave waits until those that say nothing have run out of time.
            at = at.max(begun.plus(job.spec.timeouts.queued));
        }
        is_known &= !job.wave(wave).is_some_and(|wave| wave.pause_after);
    }
    Ok(survey)
}

/// What can be expected of the whole of it.
fn expected(survey: &Survey, work: u64, ends_at: Option<Timestamp>) -> Expected {
    let through = match (survey.is_endless, survey.through) {
        _ if work == 0 && survey.sums.too_late == 0 => return Expected::NoWork,
        (true, _) => return Expected::NoWindowLeft,
        (false, through) => through,
    };
    match (ends_at, through) {
        (Some(end), _) if survey.sums.too_late > 0 => Expected::EndsFirst(end),
        (Some(end), Some(through)) if end < through => Expected::EndsFirst(end),
        (_, Some(through)) => Expected::At(through),
        (_, None) => Expected::NobodyHeard,
    }
}

async fn whole(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    new: &NewJob,
    now: Timestamp,
) -> Result<Preview, AppError> {
    let dry = Dry::of(tx, app, by, new, now).await?;
    let mut looker = Looker::new(tx, app, &dry.job, now).await?;
    let survey = survey(tx, app, &dry, &mut looker).await?;
    let Dry { job, targets: _, bytes_per_device, first: _ } = &dry;
    let open = survey.sums.clusters.values().filter(|cluster| cluster.outcome == Outcome::Open);
    let work: u64 = open.map(|cluster| cluster.count).sum();
    let expected = expected(&survey, work, job.spec.rollout.ends_at);
    let Sums { clusters, looked_at, silent, behind, .. } = survey.sums;
    let with_work = u128::from(work) * u128::from(job.target_count) / u128::from(looked_at.max(1));
    let bytes = u128::from(*bytes_per_device) * with_work;
    let mut clusters: Vec<Cluster> = clusters.into_values().collect();
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.count));
    let pauses = job.spec.waves.iter().any(|wave| wave.pause_after);
    Ok(Preview {
        targets: job.target_count,
        looked_at,
        waves: job.wave_ranges().iter().map(|(_, range)| range.end - range.start).collect(),
        clusters,
        bytes_per_device: *bytes_per_device,
        bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        expected,
        silent,
        behind,
        waits_for_people: pauses || new.rollout.approval || matches!(new.begin, Begin::Manually),
    })
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
                Box::pin(async move { whole(tx, &app, &by, &new, now).await })
            })
            .await
    }
}
