//! Waves as they were frozen, and how a continuous job keeps them few: those long settled are counted in one, the past.
//!
//! A wave is folded into the past once it is fully offered, settled and within its threshold. Those that were left out are
//! offered work in a wave of their own; another try of a failed one cannot make more of them fail than were judged then, and
//! where it succeeds, one fewer is judged to have failed. A device whose word was believed may fall back later: what failed
//! since then is judged as the failures of one wave of as many devices as were folded last. Knows neither devices nor storage.

use crate::job::plan::{Standing, Standings, Tally};
use crate::job::spec::Job;
use crate::job::threshold::{halt, too_many};

/// How many of the latest waves that joined are never folded.
pub const LATEST: usize = 20;
/// Most waves that joined and are not folded yet. With so many under way at once further devices wait until the oldest
/// are settled.
pub const MOST: usize = 200;

/// Most waves that are folded at once; the next look folds on.
pub const FOLDED: usize = 1_000;

/// What earlier waves are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// The wave that it is.
    pub number: u32,
    /// What was judged of it. Nothing in a job that folded before this was kept; the next fold says it.
    pub judged: Option<Judged>,
}

impl Past {
    /// The same wave, of which this is judged.
    #[must_use]
    pub const fn judged_as(self, judged: Judged) -> Self {
        Self { judged: Some(judged), ..self }
    }
}

/// What was judged of the past when waves were folded into it, or when an operator went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// Devices that had failed, or were being tried again.
    pub failed: u64,
    /// How many devices were folded then.
    pub size: u64,
}

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
    /// The others, which are no more then, in order; at most [`FOLDED`].
    pub waves: Vec<u32>,
    /// What is judged of it then.
    pub judged: Judged,
}

impl Fold {
    /// Whether there may be more to fold.
    pub fn is_full(&self) -> bool {
        self.waves.len() >= FOLDED
    }
}

/// The first wave that may be folded: what the policy has terms for stays.
pub(super) fn first_foldable(job: &Job) -> u32 {
    u32::try_from(job.spec.waves.len().max(1)).unwrap_or(u32::MAX)
}

/// The waves that may be folded some day and were not yet, oldest first.
fn unfolded(job: &Job) -> Vec<FrozenWave> {
    let first = first_foldable(job);
    let is_unfolded = |wave: &&FrozenWave| wave.number >= first && !job.is_past(wave.number);
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
    if halt(job, &standings).is_some() {
        // An operator sees first what would be judged with this.
        return None;
    }
    let old = unfolded.iter().take(unfolded.len().saturating_sub(LATEST));
    let mut done = old.filter(|wave| is_done(job, &standings, wave)).take(FOLDED + 1).peekable();
    let begins = if job.past.is_none() { done.next() } else { None };
    let into = job.past.map(|past| past.number).or(begins.map(|wave| wave.number))?;
    done.peek()?;
    let mut failed = failed_or_again(standings.wave(into));
    let (mut waves, mut size) = (Vec::new(), begins.map_or(0, |wave| wave.size));
    for wave in done.take(FOLDED) {
        failed += failed_or_again(standings.wave(wave.number));
        size += wave.size;
        waves.push(wave.number);
    }
    Some(Fold { into, waves, judged: Judged { failed, size } })
}

/// Devices that failed, or may fail again because they are tried again.
const fn failed_or_again(standing: Standing) -> u64 {
    standing.failed + standing.queued + standing.in_progress + standing.verifying
}

/// What is judged of the past once devices that had failed are through with another try and did well: that they did makes
/// no room for as many failures more. Nothing if as many failed as were judged, or more.
pub(super) fn did_better(job: &Job, standings: &Standings) -> Option<Judged> {
    let (past, judged) = job.past.and_then(|past| Some((past, past.judged?)))?;
    let failed = failed_or_again(standings.wave(past.number));
    (failed < judged.failed).then_some(Judged { failed, ..judged })
}

/// The past of a job as it is judged once an operator went on with what failed so far.
pub fn accepted(job: &Job, tallies: &[Tally]) -> Option<Past> {
    let past = job.past?;
    let failed = failed_or_again(Standings::of(tallies).wave(past.number));
    Some(past.judged.map_or(past, |judged| past.judged_as(Judged { failed, ..judged })))
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
        let is_folded = |wave: &FrozenWave| fold.waves.binary_search(&wave.number).is_ok();
        let size: u64 = self.frozen_waves.iter().filter(|wave| is_folded(wave)).map(|wave| wave.size).sum();
        self.frozen_waves.retain(|wave| !is_folded(wave));
        if let Some(past) = self.frozen_waves.iter_mut().find(|wave| wave.number == fold.into) {
            past.size += size;
        }
        self.past = Some(Past { number: fold.into, judged: Some(fold.judged) });
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

    /// Whether earlier waves are counted in this one.
    pub fn is_past(&self, wave: u32) -> bool {
        self.past.is_some_and(|past| past.number == wave)
    }

    /// How many waves are counted in this one: more than 1 only of the past.
    pub fn waves_in(&self, wave: u32) -> u32 {
        if !self.is_past(wave) {
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
        self.past.filter(|_| !is_kept).map_or(wave, |past| past.number)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::job::fixture;
    use crate::job::plan::{Observed, Plan, Step, accept, offered, plan};
    use crate::job::rollout::{Continuous, RolloutPolicy, SuccessThreshold};
    use crate::job::spec::{FailureThreshold, JobSpec, ShareOf, ThresholdScope};
    use crate::job::states::{ExecutionState, JobState, Verdict};
    use crate::time::Timestamp;

    /// A job that others join, one device at a time, and its counters as the store keeps them.
    #[derive(Debug, Clone)]
    struct Model {
        job: Job,
        counts: BTreeMap<(u32, ExecutionState, Verdict), u64>,
        /// How many that failed are through with another try and are not seen yet.
        again: u64,
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
            Self { job, counts: BTreeMap::new(), again: 0 }
        }

        fn tallies(&self) -> Vec<Tally> {
            let tally = |(&(wave, state, verdict), &count): (&(u32, ExecutionState, Verdict), &u64)| Tally {
                wave,
                state,
                verdict,
                count,
                again: if self.job.is_past(wave) && (state, verdict) == VERIFYING { self.again } else { 0 },
            };
            self.counts.iter().map(tally).collect()
        }

        fn plan(&self) -> Plan {
            let tallies = self.tallies();
            let observed = Observed {
                tallies: &tallies,
                due: &[],
                retryable: &[],
                again: &[],
                withdrawable: &[],
                batch: 100,
            };
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
                    [Step::JudgePast(judged)] => {
                        self.job.past = self.job.past.map(|past| past.judged_as(*judged));
                    }
                    _ => return begun,
                }
            }
        }

        /// What an operator does to a job that halted.
        fn resume(&mut self) {
            if matches!(self.job.state, JobState::Halted(_)) {
                let tallies = self.tallies();
                self.job.past = accepted(&self.job, &tallies);
                self.job.progress.accepted = accept(&self.job, &tallies);
                self.job.state = JobState::Running;
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
    const VERIFYING: (ExecutionState, Verdict) = (ExecutionState::Succeeded, Verdict::Pending);
    const QUEUED: (ExecutionState, Verdict) = (ExecutionState::Queued, Verdict::Pending);

    /// At most such a share of a wave may fail.
    fn percent(most: u8) -> FailureThreshold {
        FailureThreshold {
            count: None,
            percent: Some(most),
            of: ShareOf::Finished,
            minimum: 0,
            scope: ThresholdScope::Wave,
        }
    }

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
        let past = model.job.past.unwrap().number;
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
        assert_eq!(model.job.past.unwrap().number, 2);
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

    #[test]
    fn a_device_of_a_folded_wave_that_falls_back_later_stops_the_job_until_an_operator_goes_on() {
        let mut model = Model::new(None, Some(0));
        for _ in 0..100 {
            model.settle(DONE);
            assert!(model.join(1));
        }
        model.settle(DONE);
        let past = model.job.past.unwrap().number;
        let falls_back = |model: &mut Model, wave: u32| {
            assert_eq!(model.job.counts_in(wave), past, "it is folded");
            model.moves(wave, DONE, FAILED);
            assert!(fold(&model.job, &model.tallies()).is_none(), "first an operator sees it");
            let Some(Step::Halt(halt)) = model.plan().steps.pop() else { panic!("it runs on") };
            halt
        };
        let halt = falls_back(&mut model, 5);
        assert_eq!((halt.wave, halt.failed), (past, 1));
        assert!(halt.threshold.ends_with("after their waves had been settled"), "{halt}");
        model.job.state = JobState::Halted(halt);
        model.resume();
        for _ in 0..100 {
            assert!(model.join(1));
            assert_eq!(model.settle(DONE).len(), 1, "that was gone on with, also where more is folded");
        }
        falls_back(&mut model, 7);
    }

    #[test]
    fn what_failed_since_the_last_fold_is_judged_as_one_wave_of_what_was_folded_then() {
        let mut model = Model::new(None, None);
        model.job.spec.threshold = Some(percent(50));
        while model.job.past.is_none() {
            model.settle(DONE);
            assert!(model.join(1));
        }
        model.settle(DONE);
        let size = model.job.past.unwrap().judged.unwrap().size;
        assert!(size >= 20, "{size}");
        let most = u32::try_from(size / 2).unwrap();
        for wave in 1..=most {
            model.moves(wave, DONE, FAILED);
            assert!(model.plan().steps.is_empty(), "{wave} of {size}");
        }
        model.moves(most + 1, DONE, FAILED);
        assert!(matches!(model.plan().steps.as_slice(), [Step::Halt(_)]));
    }

    #[test]
    fn failed_devices_that_succeed_when_tried_again_make_no_room_for_as_many_failures_more() {
        let mut model = Model::new(None, Some(1));
        for number in 0..100 {
            model.settle(if (1..=10).contains(&number) { FAILED } else { DONE });
            assert!(model.join(1));
        }
        model.settle(DONE);
        assert_eq!(model.job.past.unwrap().judged.unwrap().failed, 10);
        let again = [
            (FAILED, QUEUED),
            (QUEUED, (ExecutionState::InProgress, Verdict::Pending)),
            ((ExecutionState::InProgress, Verdict::Pending), VERIFYING),
        ];
        for (from, to) in again {
            (1..=10).for_each(|wave| model.moves(wave, from, to));
            model.settle(DONE);
            assert_eq!(model.job.past.unwrap().judged.unwrap().failed, 10, "they may fail again");
        }
        (1..=9).for_each(|wave| model.moves(wave, VERIFYING, DONE));
        model.moves(10, VERIFYING, FAILED);
        model.settle(DONE);
        model.moves(11, DONE, FAILED);
        model.settle(DONE);
        assert_eq!(model.job.state, JobState::Running, "one more may");
        model.moves(12, DONE, FAILED);
        model.settle(DONE);
        let JobState::Halted(halt) = &model.job.state else { panic!("it runs on") };
        assert_eq!(halt.failed, 2);
    }

    #[test]
    fn what_falls_back_while_failed_devices_are_tried_again_is_not_taken_for_them() {
        let mut model = Model::new(None, Some(1));
        for number in 0..100 {
            model.settle(if (1..=10).contains(&number) { FAILED } else { DONE });
            assert!(model.join(1));
        }
        model.settle(DONE);
        (1..=10).for_each(|wave| model.moves(wave, FAILED, QUEUED));
        model.settle(DONE);
        model.moves(11, DONE, FAILED);
        model.settle(DONE);
        assert_eq!(model.job.state, JobState::Running, "one more may");
        // Most say that they are done, and are looked at.
        (1..=9).for_each(|wave| model.moves(wave, QUEUED, VERIFYING));
        model.again = 9;
        model.settle(DONE);
        assert_eq!(model.job.state, JobState::Running, "nobody else failed");
        // One that had succeeded says that it runs something else, which its next word may take back.
        model.moves(13, DONE, VERIFYING);
        model.settle(DONE);
        assert_eq!(model.job.state, JobState::Running, "it has not failed");
        model.moves(12, DONE, FAILED);
        model.settle(DONE);
        let JobState::Halted(halt) = &model.job.state else { panic!("it runs on") };
        assert_eq!(halt.failed, 2);
    }

    #[test]
    fn one_device_of_a_small_fold_that_falls_back_is_not_judged_as_most_of_a_wave() {
        let mut model = Model::new(Some(50), None);
        model.job.spec.rollout.continuous = Some(Continuous { query: "tag==a".to_owned(), wave_size: 50 });
        model.job.spec.threshold = Some(percent(20));
        model.settle(DONE);
        // Twenty waves lie about half done; each that joins then has one other folded.
        let mut unsettled = Vec::new();
        while model.job.past.is_none_or(|past| past.judged.is_none_or(|judged| judged.size != 2)) {
            assert!(model.join(2));
            for wave in model.settle(DONE) {
                if unsettled.len() < LATEST {
                    model.moves(wave, DONE, QUEUED);
                    unsettled.push(wave);
                }
            }
            assert!(model.job.next_wave() < 200, "{:?}", model.job.past);
        }
        let past = model.job.past.unwrap();
        let folded = past.number;
        for failed in 1..=4 {
            model.moves(folded, DONE, FAILED);
            assert!(model.plan().steps.is_empty(), "{failed} of 20");
        }
        model.moves(folded, DONE, FAILED);
        let Some(Step::Halt(halt)) = model.plan().steps.pop() else { panic!("it runs on") };
        let words = "5 of 5 finished devices failed; at most 20 % may, as if 15 more had succeeded; they failed after \
                     their waves had been settled";
        assert!(halt.to_string().ends_with(words), "{halt}");
    }

    #[test]
    fn a_job_that_folded_before_its_past_was_judged_goes_on_and_is_judged_from_the_next_fold_on() {
        let mut model = Model::new(None, Some(0));
        for _ in 0..60 {
            model.settle(DONE);
            assert!(model.join(1));
        }
        model.settle(DONE);
        let past = model.job.past.unwrap();
        model.job.past = Some(Past { judged: None, ..past });
        model.moves(2, DONE, FAILED);
        assert!(model.plan().steps.is_empty());
        for _ in 0..60 {
            assert!(model.join(1));
            assert_eq!(model.settle(DONE).len(), 1);
        }
        assert_eq!(model.job.past.unwrap().judged.unwrap().failed, 1);
        model.moves(3, DONE, FAILED);
        assert!(matches!(model.plan().steps.as_slice(), [Step::Halt(_)]));
    }

    #[test]
    fn a_great_deal_that_was_never_folded_is_folded_bit_by_bit() {
        let waves = 3 * FOLDED;
        let mut model = Model::new(None, Some(0));
        model.job.spec.rollout.continuous = Some(Continuous { query: "tag==a".to_owned(), wave_size: 50 });
        model.job.spec.threshold = Some(percent(20));
        model.job.frozen_waves = FrozenWave::in_order(vec![1; waves]);
        model.job.target_count = u64::try_from(waves).unwrap();
        model.job.progress.offered = model.job.target_count;
        for wave in 0..u32::try_from(waves).unwrap() {
            model.counts.insert((wave, DONE.0, DONE.1), 1);
        }
        let mut folds = Vec::new();
        while let Some(fold) = fold(&model.job, &model.tallies()) {
            folds.push((fold.waves.len(), fold.is_full()));
            assert!(folds.len() < 10);
            model.join(1);
            model.settle(DONE);
        }
        assert_eq!(folds[..2], [(FOLDED, true), (FOLDED, true)], "{folds:?}");
        assert!(!folds.last().unwrap().1, "{folds:?}");
        assert!(model.job.frozen_waves.len() < 3 * LATEST);
    }

    proptest! {
        #[test]
        fn folding_changes_nothing_of_what_a_job_does(
            waves in proptest::collection::vec(
                (0_u8..40, 1_u64..4, proptest::option::weighted(0.05, 0_usize..1_000)), 60..90),
            most in proptest::option::of(0_u64..3),
            share in proptest::option::of(prop_oneof![Just(0_u8), Just(20)]),
            wave_size in prop_oneof![Just(1_u64), Just(50)],
            success in proptest::option::of(prop_oneof![Just(50_u8), Just(100)]),
        ) {
            let mut folds = Model::new(success, most);
            folds.job.spec.rollout.continuous = Some(Continuous { query: "tag==a".to_owned(), wave_size });
            if let Some(share) = share {
                let by_share = percent(share);
                folds.job.spec.threshold = Some(FailureThreshold { count: most, ..by_share });
            }
            let may_share = share.is_none_or(|share| share == 0);
            let mut never = folds.clone();
            // Which waves have devices that may fall back, and how many.
            let mut believed: BTreeMap<u32, u64> = BTreeMap::new();
            for (end, size, late) in waves {
                // Those that are kept hold as many as a wave to take a share of, also where some were skipped.
                let size = if wave_size > 1 { size.max(2) } else { size };
                let end = match end {
                    0 => FAILED,
                    1 => (ExecutionState::Removed, Verdict::Pending),
                    _ => DONE,
                };
                let begun = folds.settle(end);
                prop_assert_eq!(&begun, &never.settle(end));
                prop_assert_eq!(&folds.job.state, &never.job.state);
                for wave in begun.iter().filter(|_| end == DONE) {
                    let of = never.job.frozen_waves.iter().find(|of| of.number == *wave).unwrap();
                    believed.insert(*wave, of.size);
                }
                folds.resume();
                never.resume();
                // What an operator went on with, or what a wave allows, is told apart by waves that are not folded only.
                let accepted = never.job.progress.accepted.wave;
                let judged: Vec<u32> = believed
                    .iter()
                    .filter(|(wave, left)| **wave >= accepted && **left > 0)
                    .map(|(wave, _)| *wave)
                    .collect();
                let late = late.filter(|_| most.is_none_or(|most| most == 0) && may_share && !judged.is_empty());
                if let Some(late) = late {
                    let wave = judged[late % judged.len()];
                    *believed.get_mut(&wave).unwrap() -= 1;
                    folds.moves(wave, DONE, FAILED);
                    never.moves(wave, DONE, FAILED);
                    prop_assert_eq!(folds.settle(DONE), never.settle(DONE));
                    prop_assert_eq!(folds.job.state.word(), never.job.state.word());
                    folds.resume();
                    never.resume();
                }
                prop_assert_eq!(Standings::of(&folds.tallies()).whole(), Standings::of(&never.tallies()).whole());
                folds.join(size);
                never.job.frozen_waves.push(FrozenWave { number: never.job.next_wave(), size });
                never.job.target_count += size;
            }
        }
    }
}
