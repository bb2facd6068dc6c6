//! Waves as they were frozen, and how a continuous job keeps them few: those long settled are counted in one, the past.
//!
//! A wave is folded into the past once it is fully offered, settled and within its threshold; another try of its devices
//! cannot make more of them fail than were judged then, and those that were left out are offered work in a wave of their
//! own. A device whose word was believed and that falls back later still shows as failed, and stops nothing any more:
//! the latest waves are never folded, so that there is time for that. Knows neither devices nor storage.

use crate::job::plan::{Standings, Tally, too_many};
use crate::job::spec::Job;

/// How many of the latest waves that joined are never folded.
pub const LATEST: usize = 20;
/// Most waves that joined and are not folded yet. With so many under way at once further devices wait until the oldest
/// are settled.
pub const MOST: usize = 200;

/// One wave of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrozenWave {
    /// Counted from 0; no other wave of the job ever has it.
    pub number: u32,
    /// How many devices it has.
    pub size: u64,
}

impl FrozenWave {
    /// Waves of these sizes, numbered from 0.
    pub fn in_order(sizes: impl IntoIterator<Item = u64>) -> Vec<Self> {
        (0..).zip(sizes).map(|(number, size)| Self { number, size }).collect()
    }
}

/// Waves to be counted in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// Which that is.
    pub into: u32,
    /// The others, which are no more then.
    pub waves: Vec<u32>,
}

/// The first wave that may be folded: what the policy has terms for stays.
fn first_foldable(job: &Job) -> u32 {
    u32::try_from(job.spec.waves.len().max(1)).unwrap_or(u32::MAX)
}

/// The waves that may be folded some day and were not yet, oldest first.
fn unfolded(job: &Job) -> Vec<FrozenWave> {
    let first = first_foldable(job);
    let is_unfolded = |wave: &&FrozenWave| wave.number >= first && job.past != Some(wave.number);
    job.frozen_waves.iter().filter(is_unfolded).copied().collect()
}

/// Whether a continuous job may have one more wave.
pub fn has_room(job: &Job) -> bool {
    unfolded(job).len() < MOST
}

/// What is to be folded now, if anything. Rests until there is a good deal, so that the past is not rewritten for each.
pub fn fold(job: &Job, tallies: &[Tally]) -> Option<Fold> {
    let unfolded = unfolded(job);
    if job.spec.rollout.continuous.is_none() || unfolded.len() < 2 * LATEST {
        return None;
    }
    let standings = Standings::of(tallies);
    let old = unfolded.iter().take(unfolded.len().saturating_sub(LATEST));
    let mut done = old.filter(|wave| is_done(job, &standings, wave)).map(|wave| wave.number);
    let into = job.past.or_else(|| done.next())?;
    let waves: Vec<u32> = done.collect();
    (!waves.is_empty()).then_some(Fold { into, waves })
}

/// Whether a wave is over for good, and was not too much.
fn is_done(job: &Job, standings: &Standings, wave: &FrozenWave) -> bool {
    let standing = standings.wave(wave.number);
    standing.is_settled()
        && standing.finished() + standing.skipped + standing.canceled >= wave.size
        && (wave.number < job.progress.accepted.wave
            || too_many(job, standings, wave.number, wave.size).is_none())
}

impl Job {
    /// The job with these waves folded.
    #[must_use]
    pub fn folded(mut self, fold: &Fold) -> Self {
        let is_folded = |wave: &FrozenWave| fold.waves.contains(&wave.number);
        let size: u64 = self.frozen_waves.iter().filter(|wave| is_folded(wave)).map(|wave| wave.size).sum();
        self.frozen_waves.retain(|wave| !is_folded(wave));
        if let Some(past) = self.frozen_waves.iter_mut().find(|wave| wave.number == fold.into) {
            past.size += size;
        }
        self.past = Some(fold.into);
        self
    }

    /// The job with one device of each of these waves, which may be the same, in a wave of their own that joins.
    #[must_use]
    pub fn regrouped(mut self, from: &[u32]) -> Self {
        let (number, mut size) = (self.next_wave(), 0);
        for wave in from {
            let left = self.counts_in(*wave);
            if let Some(wave) = self.frozen_waves.iter_mut().find(|wave| wave.number == left) {
                wave.size = wave.size.saturating_sub(1);
            }
            size += 1;
        }
        self.frozen_waves.push(FrozenWave { number, size });
        self
    }

    /// How many waves are counted in this one: more than 1 only of the past.
    pub fn waves_in(&self, wave: u32) -> u32 {
        if self.past != Some(wave) {
            return 1;
        }
        let ever = self.next_wave();
        ever.saturating_sub(u32::try_from(self.frozen_waves.len()).unwrap_or(u32::MAX)).saturating_add(1)
    }

    /// The number of a wave that would join a job whose waves are frozen.
    pub fn next_wave(&self) -> u32 {
        self.frozen_waves.last().map_or(0, |wave| wave.number.saturating_add(1))
    }

    /// The wave that a device counts in which belongs to this one.
    pub fn counts_in(&self, wave: u32) -> u32 {
        let is_kept =
            self.frozen_waves.is_empty() || self.frozen_waves.iter().any(|kept| kept.number == wave);
        self.past.filter(|_| !is_kept).unwrap_or(wave)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::job::fixture;
    use crate::job::plan::{Observed, Plan, Step, offered, plan};
    use crate::job::rollout::{Continuous, RolloutPolicy, SuccessThreshold};
    use crate::job::spec::{FailureThreshold, JobSpec, ShareOf, ThresholdScope};
    use crate::job::states::{ExecutionState, JobState, Verdict};
    use crate::time::Timestamp;

    /// A job that others join, one device at a time, and its counters as the store keeps them.
    #[derive(Debug, Clone)]
    struct Model {
        job: Job,
        counts: BTreeMap<(u32, ExecutionState, Verdict), u64>,
    }

    impl Model {
        fn new(success: Option<u8>, count: Option<u64>) -> Self {
            let plain = fixture::job();
            let rollout = RolloutPolicy {
                continuous: Some(Continuous { query: "tag==a".to_owned(), wave_size: 1 }),
                success: success.map(|percent| SuccessThreshold { percent }),
                ..RolloutPolicy::default()
            };
            let threshold = count.map(|count| FailureThreshold {
                count: Some(count),
                percent: None,
                of: ShareOf::Finished,
                minimum: 0,
                scope: ThresholdScope::Wave,
            });
            let job = Job {
                frozen_waves: FrozenWave::in_order([1]),
                target_count: 1,
                spec: JobSpec { rollout, threshold, ..plain.spec },
                ..plain
            };
            Self { job, counts: BTreeMap::new() }
        }

        fn tallies(&self) -> Vec<Tally> {
            let tally = |(&(wave, state, verdict), &count): (&(u32, ExecutionState, Verdict), &u64)| Tally {
                wave,
                state,
                verdict,
                count,
            };
            self.counts.iter().map(tally).collect()
        }

        fn plan(&self) -> Plan {
            let tallies = self.tallies();
            let observed =
                Observed { tallies: &tallies, due: &[], retryable: &[], withdrawable: &[], batch: 100 };
            plan(&self.job, &observed, Timestamp::from_seconds(0))
        }

        fn count(&mut self, wave: u32, state: ExecutionState, verdict: Verdict, more: u64) {
            let wave = self.job.counts_in(wave);
            *self.counts.entry((wave, state, verdict)).or_default() += more;
        }

        /// Devices of a wave go from one state to another; the wave may be folded by then.
        fn moves(&mut self, wave: u32, from: (ExecutionState, Verdict), to: (ExecutionState, Verdict)) {
            let kept = self.counts.get_mut(&(self.job.counts_in(wave), from.0, from.1)).unwrap();
            *kept -= 1;
            self.count(wave, to.0, to.1, 1);
            self.counts.retain(|_, count| *count > 0);
        }

        /// Carries plans out; every device ends as `end` says. The waves that were offered.
        fn settle(&mut self, end: (ExecutionState, Verdict)) -> Vec<u32> {
            let mut begun = Vec::new();
            loop {
                match self.plan().steps.as_slice() {
                    [Step::Offer { wave, ranks }] => {
                        let size = ranks.end - ranks.start;
                        self.job.progress = offered(self.job.progress, ranks);
                        self.count(*wave, end.0, end.1, size);
                        begun.push(*wave);
                    }
                    [Step::Halt(halt)] => self.job.state = JobState::Halted(halt.clone()),
                    _ => return begun,
                }
            }
        }

        /// What the store does when devices join. False if there is no room.
        fn join(&mut self, size: u64) -> bool {
            if let Some(fold) = fold(&self.job, &self.tallies()) {
                self.job = self.job.clone().folded(&fold);
                let before = std::mem::take(&mut self.counts);
                for ((wave, state, verdict), count) in before {
                    self.count(wave, state, verdict, count);
                }
            }
            if !has_room(&self.job) {
                return false;
            }
            self.job.frozen_waves.push(FrozenWave { number: self.job.next_wave(), size });
            self.job.target_count += size;
            true
        }
    }

    const DONE: (ExecutionState, Verdict) = (ExecutionState::Succeeded, Verdict::Unverifiable);
    const FAILED: (ExecutionState, Verdict) = (ExecutionState::Failed, Verdict::Pending);
    const QUEUED: (ExecutionState, Verdict) = (ExecutionState::Queued, Verdict::Pending);

    #[test]
    fn a_plan_over_a_hundred_thousand_past_waves_looks_at_as_few_counters_as_over_ten() {
        let mut model = Model::new(None, Some(0));
        let mut most = 0;
        for wave in 0..100_000 {
            assert_eq!(model.settle(DONE), [wave]);
            most = most.max(model.tallies().len());
            assert!(model.join(1));
        }
        assert_eq!(most, 2 * LATEST + 2, "the first, the past and those not folded yet, one counter each");
        assert!(model.job.frozen_waves.len() <= 2 * LATEST + 3);
        let past = model.job.past.unwrap();
        let waves: u32 = model.job.frozen_waves.iter().map(|wave| model.job.waves_in(wave.number)).sum();
        assert_eq!((past, waves), (1, 100_001), "each wave is counted in one");
        let sizes: u64 = model.job.frozen_waves.iter().map(|wave| wave.size).sum();
        assert_eq!(sizes, model.job.target_count);
    }

    #[test]
    fn a_wave_that_is_not_settled_is_not_folded_and_still_stops_the_job() {
        let mut model = Model::new(Some(50), Some(0));
        model.settle(DONE);
        model.join(2);
        // One of two is enough to go on; the other one lies about for long.
        assert_eq!(model.settle(DONE), [1]);
        model.moves(1, DONE, QUEUED);
        for _ in 0..300 {
            assert!(model.join(1));
            assert_eq!(model.settle(DONE).len(), 1);
        }
        assert_eq!(model.job.past, Some(2));
        model.moves(1, QUEUED, FAILED);
        let steps = model.plan().steps;
        assert!(matches!(steps.as_slice(), [Step::Halt(halt)] if halt.wave == 1), "{steps:?}");
    }

    #[test]
    fn with_too_many_waves_under_way_further_devices_wait_until_one_is_settled() {
        let mut model = Model::new(Some(50), None);
        model.settle(DONE);
        let mut waves = Vec::new();
        while model.join(2) {
            let begun = model.settle(DONE);
            for wave in &begun {
                model.moves(*wave, DONE, QUEUED);
            }
            waves.extend(begun);
        }
        assert_eq!(waves.len(), MOST);
        assert!(model.tallies().len() <= 2 * MOST + 1);
        model.moves(waves[0], QUEUED, DONE);
        assert!(!model.join(2), "one alone is where the past begins");
        model.moves(waves[1], QUEUED, FAILED);
        assert!(model.join(2));
    }

    #[test]
    fn devices_that_were_left_out_stop_the_job_from_a_wave_of_their_own() {
        let mut model = Model::new(None, Some(0));
        let skipped = (ExecutionState::Removed, Verdict::Pending);
        for _ in 0..100 {
            model.settle(skipped);
            assert!(model.join(1));
        }
        model.settle(DONE);
        let from = [2, 3];
        model.job = model.job.clone().regrouped(&from);
        let wave = model.job.frozen_waves.last().copied().unwrap();
        assert_eq!(wave, FrozenWave { number: 101, size: 2 });
        let sizes: u64 = model.job.frozen_waves.iter().map(|wave| wave.size).sum();
        assert_eq!(sizes, model.job.target_count, "nobody is counted twice");
        model.moves(2, skipped, DONE);
        assert!(model.plan().steps.is_empty(), "everybody was offered work");
        model.counts.insert((101, FAILED.0, FAILED.1), 1);
        let steps = model.plan().steps;
        assert!(matches!(steps.as_slice(), [Step::Halt(halt)] if halt.wave == 101), "{steps:?}");
    }

    #[test]
    fn another_try_in_a_folded_wave_is_waited_for_and_stops_nothing() {
        let mut model = Model::new(None, Some(1));
        for _ in 0..100 {
            model.settle(FAILED);
            assert!(model.join(1));
        }
        model.settle(DONE);
        assert!(model.job.past.is_some());
        let before = model.plan().steps;
        model.moves(2, FAILED, QUEUED);
        assert!(model.join(1));
        assert_eq!(model.plan().steps, before, "the next wave waits for it");
        model.moves(2, QUEUED, FAILED);
        assert!(matches!(model.plan().steps.as_slice(), [Step::Offer { .. }]));
    }

    proptest! {
        #[test]
        fn folding_changes_nothing_of_what_a_job_does(
            ends in proptest::collection::vec((0_u8..4, 1_u64..4), 60..90),
            most in proptest::option::of(0_u64..3),
        ) {
            let mut folds = Model::new(None, most);
            let mut never = folds.clone();
            for (end, size) in ends {
                let end = if end == 0 { FAILED } else { DONE };
                prop_assert_eq!(folds.settle(end), never.settle(end));
                prop_assert_eq!(&folds.job.state, &never.job.state);
                prop_assert_eq!(Standings::of(&folds.tallies()).whole(), Standings::of(&never.tallies()).whole());
                if folds.job.state != JobState::Running {
                    break;
                }
                folds.join(size);
                never.job.frozen_waves.push(FrozenWave { number: never.job.next_wave(), size });
                never.job.target_count += size;
            }
        }
    }
}
