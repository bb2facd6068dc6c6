//! What a job is to do: targets in waves, the threshold that stops it, time-outs, retries.
//!
//! Knows neither which devices the targets are nor how far the job has come, but for [`Progress`].

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use crate::ids::{ExecutionId, JobId, ReleaseId, TenantId, TypeName};
use crate::job::command::Command;
use crate::job::past::{FrozenWave, Past};
use crate::job::rollout::{RolloutPolicy, Wave};
use crate::job::states::{JobKind, JobState};
use crate::time::Timestamp;

/// How many: a number, or a share of all targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// This many.
    Count(u64),
    /// This share, 0 to 100.
    Percent(u8),
}

impl Amount {
    /// How many of `total` that is, rounded up.
    pub fn of(self, total: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                u64::try_from((u128::from(total) * u128::from(percent)).div_ceil(100)).unwrap_or(u64::MAX)
            }
        }
    }
}

/// Against what failures are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThresholdScope {
    /// The wave under way.
    Wave,
    /// The whole job so far.
    Job,
}

/// Of what a failure threshold's percentage is a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShareOf {
    /// The devices that have finished.
    #[default]
    Finished,
    /// All devices of the wave or job.
    All,
}

/// When failures stop a job. Either bound stops it; with neither, nothing does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureThreshold {
    /// More failures than this stop the job at once.
    pub count: Option<u64>,
    /// More failures than this percentage stop the job.
    pub percent: Option<u8>,
    /// Of what the percentage is a share.
    pub of: ShareOf,
    /// How many must have finished before the percentage means anything; all that there are is always enough.
    pub minimum: u64,
    /// Counted where.
    pub scope: ThresholdScope,
}

impl FailureThreshold {
    /// Whether `failed` of `finished`, out of `size` that will finish some day, is too much.
    pub fn exceeded(&self, failed: u64, finished: u64, size: u64) -> bool {
        let by_count = self.count.is_some_and(|most| failed > most);
        let by_share = self.percent.is_some_and(|most| {
            let base = match self.of {
                ShareOf::Finished => finished,
                ShareOf::All => size,
            };
            finished > 0
                && finished >= self.minimum.min(size)
                && u128::from(failed) * 100 > u128::from(most) * u128::from(base)
        });
        by_count || by_share
    }
}

/// What is allowed, to follow how many failed: `at most 20 % may`.
impl fmt::Display for FailureThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.of {
            ShareOf::Finished => "",
            ShareOf::All => " of all, finished or not,",
        };
        match (self.count, self.percent) {
            (Some(count), Some(percent)) => write!(f, "at most {count}, and at most {percent} %{of} may")?,
            (Some(count), None) => write!(f, "at most {count} may")?,
            (None, Some(percent)) => write!(f, "at most {percent} %{of} may")?,
            (None, None) => return f.write_str("any number may"),
        }
        match self.scope {
            ThresholdScope::Wave => Ok(()),
            ThresholdScope::Job => f.write_str(" in the whole job"),
        }
    }
}

/// How long each phase of one device's part may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From the offer until the device picks it up.
    pub queued: Duration,
    /// From then until it says that it has downloaded; only where that is counted by itself.
    pub download: Option<Duration>,
    /// From then until it reports an end: where the download is counted by itself, the installation's.
    pub in_progress: Duration,
    /// From its success until the new version shows; the device type's if absent.
    pub verify: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            queued: Duration::from_secs(24 * 3600),
            download: None,
            in_progress: Duration::from_secs(2 * 3600),
            verify: None,
        }
    }
}

/// What the devices get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A release.
    Update {
        /// Which.
        release: ReleaseId,
        /// Also to devices that run it already; passed on to the device.
        force: bool,
    },
    /// Something to do now.
    Command(Command),
    /// A JSON object, as text.
    Document(String),
}

impl What {
    /// The kind of job that this makes.
    pub const fn kind(&self) -> JobKind {
        match self {
            Self::Update { .. } => JobKind::Update,
            Self::Command(_) => JobKind::Command,
            Self::Document(_) => JobKind::Custom,
        }
    }

    /// The command, if it is one.
    pub const fn command(&self) -> Option<&Command> {
        match self {
            Self::Command(command) => Some(command),
            Self::Update { .. } | Self::Document(_) => None,
        }
    }
}

/// The policy of a job; never changes after it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// For people; may be empty.
    pub name: String,
    /// What the devices get.
    pub what: What,
    /// How the targets were chosen, in words, for people.
    pub targets: String,
    /// The waves; what is left makes one more. Empty: everybody at once.
    pub waves: Vec<Wave>,
    /// When failures stop it. None: never.
    pub threshold: Option<FailureThreshold>,
    /// How long phases may last.
    pub timeouts: Timeouts,
    /// How often a device may try again after it failed or ran out of time in progress.
    pub retries: u32,
    /// Everything else that shapes it.
    pub rollout: RolloutPolicy,
}

impl JobSpec {
    /// Sizes of the waves if no wave has a query: none empty, together all of `targets`.
    pub fn wave_sizes(&self, targets: u64) -> Vec<u64> {
        let mut sizes = Vec::new();
        let mut left = targets;
        for wave in &self.waves {
            let size = wave.amount.of(targets).max(1).min(left);
            if size > 0 {
                sizes.push(size);
            }
            left -= size;
        }
        if left > 0 {
            sizes.push(left);
        }
        sizes
    }
}

/// Failures that an operator accepted by resuming a halted job; they do not count again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepted {
    /// The wave that was under way.
    pub wave: u32,
    /// Failures in that wave.
    pub wave_failed: u64,
    /// Finished devices in that wave.
    pub wave_finished: u64,
    /// Failures in the job.
    pub job_failed: u64,
    /// Finished devices in the job.
    pub job_finished: u64,
}

/// How far a job has come, beside its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Targets that were offered or skipped: the rank of the next one.
    pub offered: u64,
    /// Failures that do not count any more.
    pub accepted: Accepted,
    /// When it last went on after a pause or halt: what was queued then gets its whole time again.
    pub resumed_at: Option<Timestamp>,
    /// Failed executions that are to be offered again.
    pub retry: Option<Retry>,
    /// Waves that need not be waited for any more, counted from the first: the pause after them was ended, or an
    /// operator went on.
    pub passed: u32,
    /// Whether its end time passed.
    pub is_over: bool,
}

/// What a second person said of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Yes or no.
    pub approved: bool,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why; may be empty.
    pub remark: String,
}

/// Failed executions of a job that an operator wants tried again: those with ids in `after + 1 ..= up_to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Those up to here were looked at.
    pub after: ExecutionId,
    /// The newest one when the operator asked.
    pub up_to: ExecutionId,
}

/// A job as stored, without its targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Public number.
    pub id: JobId,
    /// Owner.
    pub tenant: TenantId,
    /// Where it stands.
    pub state: JobState,
    /// What it is to do.
    pub spec: JobSpec,
    /// How far it has come.
    pub progress: Progress,
    /// How many devices it is for.
    pub target_count: u64,
    /// Its waves as frozen, by number, some may be empty. Nothing: as the policy says, in order of registration.
    pub frozen_waves: Vec<FrozenWave>,
    /// The one of those that earlier waves of a continuous job are counted in; see [`crate::job::past`].
    pub past: Option<Past>,
    /// What a second person said of it.
    pub decision: Option<Decision>,
    /// The change sequence at which the targets were read.
    pub target_seq: i64,
    /// Rises by one with every change of state or policy.
    pub version: i64,
    /// Rises by one with every write, progress included.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it began to offer work.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

impl Job {
    /// The waves by number, as ranges of target ranks without gaps.
    pub fn wave_ranges(&self) -> Vec<(u32, Range<u64>)> {
        let by_policy;
        let waves = if self.frozen_waves.is_empty() {
            by_policy = FrozenWave::in_order(self.spec.wave_sizes(self.target_count));
            &by_policy
        } else {
            &self.frozen_waves
        };
        let mut start = 0_u64;
        let mut range = |wave: &FrozenWave| {
            let range = start..start.saturating_add(wave.size);
            start = range.end;
            (wave.number, range)
        };
        waves.iter().map(&mut range).collect()
    }

    /// What is particular to a wave, if its policy says anything.
    pub fn wave(&self, wave: u32) -> Option<&Wave> {
        self.spec.waves.get(usize::try_from(wave).unwrap_or(usize::MAX))
    }

    /// Whether devices of a wave wait for a word first.
    pub fn consents(&self, wave: u32) -> bool {
        self.wave(wave).and_then(|wave| wave.consent).unwrap_or(self.spec.rollout.consent)
    }

    /// When what it asks for is no longer wanted: of commands, once they began.
    pub fn expires_at(&self) -> Option<Timestamp> {
        let command = self.spec.what.command()?;
        self.started_at.map(|at| at.plus(command.expires_in))
    }

    /// Whether its update takes the place of another job's that a device has not begun: it says so, does not rank lower, and
    /// began later. What has not begun yet will begin later than what has.
    pub fn displaces(&self, other: &Self) -> bool {
        let began = |job: &Self| (job.started_at.is_none(), job.started_at, job.id);
        self.spec.rollout.supersede
            && matches!(self.spec.what, What::Update { .. })
            && self.spec.rollout.priority >= other.spec.rollout.priority
            && began(self) > began(other)
    }

    /// Whether its update, once offered, takes the place of another job's that a device has open, whenever that began: it
    /// says so, and began later or ranks higher.
    pub fn takes_the_place_of(&self, other: &Self) -> bool {
        let (own, others) = (&self.spec.rollout, &other.spec.rollout);
        let is_update = matches!(self.spec.what, What::Update { .. });
        self.displaces(other) || (own.supersede && is_update && own.priority > others.priority)
    }

    /// Whether what devices have not begun is being taken off them.
    pub const fn is_stopping(&self) -> bool {
        matches!(self.state, JobState::Stopping { .. })
    }

    /// Whether devices of this type may get it, as far as the job itself knows.
    pub fn fits(&self, device_type: Option<&TypeName>) -> bool {
        self.spec.what.command().is_none_or(|command| command.fits(device_type))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::job::{Priority, fixture};

    fn spec(waves: Vec<Amount>) -> JobSpec {
        JobSpec { waves: waves.into_iter().map(Wave::from).collect(), ..fixture::job().spec }
    }

    #[test]
    fn what_is_left_makes_the_last_wave() {
        assert_eq!(spec(vec![Amount::Count(1), Amount::Percent(25)]).wave_sizes(10), [1, 3, 6]);
        assert_eq!(spec(vec![]).wave_sizes(3), [3]);
        assert_eq!(spec(vec![Amount::Count(5)]).wave_sizes(3), [3]);
        assert!(spec(vec![Amount::Count(5)]).wave_sizes(0).is_empty());
    }

    #[test]
    fn a_count_stops_at_once_and_a_percentage_waits_for_its_sample() {
        let none = FailureThreshold {
            count: None,
            percent: None,
            of: ShareOf::Finished,
            minimum: 5,
            scope: ThresholdScope::Wave,
        };
        let count = FailureThreshold { count: Some(1), ..none };
        assert!(!count.exceeded(1, 1, 100));
        assert!(count.exceeded(2, 2, 100));
        assert!(!none.exceeded(100, 100, 100));
        let percent = FailureThreshold { percent: Some(20), ..none };
        assert!(!percent.exceeded(4, 4, 100), "four are too few to tell");
        assert!(!percent.exceeded(1, 5, 100), "20 % is not more than 20 %");
        assert!(percent.exceeded(2, 5, 100));
        assert!(percent.exceeded(2, 2, 2), "a wave smaller than the sample is judged when all have finished");
        assert!(!percent.exceeded(0, 0, 0));
        let of_all = FailureThreshold { of: ShareOf::All, minimum: 0, ..percent };
        assert!(
            !of_all.exceeded(20, 20, 100),
            "20 of 100 are not more than 20 %, though all that finished failed"
        );
        assert!(of_all.exceeded(21, 30, 100));
    }

    fn job(id: i64, priority: u16, started: Option<i64>) -> Job {
        let what = What::Update { release: ReleaseId::new(1), force: false };
        let priority = Priority::new(priority).unwrap();
        let rollout = RolloutPolicy { priority, supersede: true, ..RolloutPolicy::default() };
        let plain = fixture::job();
        let spec = JobSpec { what, rollout, ..plain.spec };
        Job { id: JobId::new(id), spec, started_at: started.map(Timestamp::from_seconds), ..plain }
    }

    #[test]
    fn only_an_update_that_says_so_displaces_another() {
        let (old, new) = (job(1, 5, Some(1)), job(2, 5, Some(2)));
        assert!(new.displaces(&old) && !old.displaces(&new) && !new.displaces(&new));
        assert!(!job(2, 4, Some(2)).displaces(&old), "it ranks lower");
        assert!(job(1, 5, Some(9)).displaces(&new), "who begins later is the later one");
        assert!(job(1, 5, None).displaces(&new), "what did not begin yet will begin later");
        assert!(new.takes_the_place_of(&old) && !old.takes_the_place_of(&new));
        assert!(
            job(1, 6, Some(1)).takes_the_place_of(&new),
            "what ranks higher does, also where it began before"
        );
        let mut meek = new.clone();
        meek.spec.rollout.supersede = false;
        assert!(!meek.displaces(&old) && !meek.takes_the_place_of(&job(1, 1, Some(1))));
        let mut document = new;
        document.spec.what = What::Document("{}".to_owned());
        assert!(!document.displaces(&old));
    }

    /// What a device has to do once these jobs were offered in this order.
    fn offered(jobs: &[Job]) -> Vec<JobId> {
        let mut has: Vec<&Job> = Vec::new();
        for job in jobs {
            if !has.iter().any(|other| other.displaces(job)) {
                has.retain(|other| !job.displaces(other));
                has.push(job);
            }
        }
        let mut ids: Vec<JobId> = has.into_iter().map(|job| job.id).collect();
        ids.sort_unstable();
        ids
    }

    proptest! {
        #[test]
        fn what_a_device_has_to_do_does_not_depend_on_which_wave_comes_first(
            jobs in proptest::collection::vec((1_u16..4, proptest::option::of(0_i64..4)), 1..8).prop_map(|all| {
                (1_i64..).zip(all).map(|(id, (priority, started))| job(id, priority, started)).collect::<Vec<_>>()
            }),
            order in Just((0..8).collect::<Vec<usize>>()).prop_shuffle(),
        ) {
            let other: Vec<Job> = order.iter().filter_map(|place| jobs.get(*place).cloned()).collect();
            prop_assert_eq!(offered(&jobs), offered(&other));
            let of_one_priority: Vec<Job> = other.into_iter().filter(|job| job.spec.rollout.priority == jobs[0].spec.rollout.priority).collect();
            prop_assert_eq!(offered(&of_one_priority).len(), 1);
        }

        #[test]
        fn waves_cover_every_target_once(
            sizes in proptest::collection::vec(prop_oneof![
                (0_u64..50).prop_map(Amount::Count), (0_u8..=100).prop_map(Amount::Percent)
            ], 0..8),
            targets in 0_u64..200,
        ) {
            let sizes = spec(sizes).wave_sizes(targets);
            prop_assert!(sizes.iter().all(|size| *size > 0));
            prop_assert_eq!(sizes.iter().sum::<u64>(), targets);
        }
    }
}
