//! Which failures stop a job: those of a wave, of small waves that joined together, of the past, or of the whole job.
//!
//! Knows neither when that is asked nor what follows.

use crate::job::past::{self, LATEST, MOST};
use crate::job::plan::{Standing, Standings, current_wave};
use crate::job::spec::{FailureThreshold, Job, ThresholdScope};
use crate::job::states::Halt;

/// What counts for a threshold now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counted {
    failed: u64,
    finished: u64,
    /// How many will have finished in the end.
    size: u64,
}

impl Counted {
    fn exceeds(self, threshold: FailureThreshold) -> bool {
        threshold.exceeded(self.failed, self.finished, self.size)
    }

    fn and(self, other: Self) -> Self {
        Self {
            failed: self.failed + other.failed,
            finished: self.finished + other.finished,
            size: self.size + other.size,
        }
    }

    /// With so many more that did well.
    fn padded(self, missing: u64) -> Self {
        Self { finished: self.finished + missing, size: self.size + missing, ..self }
    }
}

/// Of one wave, without what an operator accepted.
fn in_wave(job: &Job, standings: &Standings, wave: u32, size: u64) -> Counted {
    let (accepted, standing) = (job.progress.accepted, standings.wave(wave));
    let (failed, finished) =
        if accepted.wave == wave { (accepted.wave_failed, accepted.wave_finished) } else { (0, 0) };
    Counted {
        failed: standing.failed.saturating_sub(failed),
        finished: standing.finished().saturating_sub(finished),
        size: size.saturating_sub(standing.uncounted(job) + finished),
    }
}

/// Of the whole job, without what an operator accepted.
fn in_job(job: &Job, standings: &Standings) -> Counted {
    let (accepted, standing) = (job.progress.accepted, standings.whole());
    let ended = standing.uncounted(job) + accepted.job_finished;
    Counted {
        failed: standing.failed.saturating_sub(accepted.job_failed),
        finished: standing.finished().saturating_sub(accepted.job_finished),
        size: job.target_count.saturating_sub(ended),
    }
}

/// A small wave that joined, together with those before it.
#[derive(Debug, Clone, Copy)]
struct Together {
    counted: Counted,
    /// The first of them.
    from: u32,
    /// How many devices they lack of a full wave.
    missing: u64,
}

/// How many devices a wave that joins must have so that a share of it alone tells something.
fn full_wave(job: &Job) -> Option<u64> {
    let continuous = job.spec.rollout.continuous.as_ref()?;
    Some(continuous.wave_size.min(u64::try_from(LATEST).unwrap_or(u64::MAX)))
}

/// Who joins alone is not a wave to take a share of: a wave that joined is judged with those before it, until together they
/// have as many devices that count as a full one, or as many as can be told apart. Who was skipped, or was accepted by an
/// operator, does not count. Nothing for a wave that is large enough.
fn together(job: &Job, standings: &Standings, wave: u32, size: u64) -> Option<Together> {
    let (full, first) = (full_wave(job)?, past::first_foldable(job));
    let (mut counted, mut from) = (in_wave(job, standings, wave, size), wave);
    if wave < first || counted.size >= full {
        return None;
    }
    // What an operator went on with is not held against what came later.
    let begins = first.max(job.progress.accepted.wave);
    let end = job.frozen_waves.partition_point(|one| one.number < wave);
    let before = job.frozen_waves.iter().take(end).rev().take_while(|one| one.number >= begins).take(MOST);
    for one in before.filter(|one| !job.is_past(one.number)) {
        if counted.size >= full {
            break;
        }
        (counted, from) = (counted.and(in_wave(job, standings, one.number, one.size)), one.number);
    }
    Some(Together { counted, from, missing: full.saturating_sub(counted.size) })
}

fn stopped(wave: u32, counted: Counted, threshold: String) -> Halt {
    Halt { wave, failed: counted.failed, finished: counted.finished, threshold }
}

/// Says how many did well that there are not.
fn more_succeeded(missing: u64) -> String {
    if missing > 0 { format!(", as if {missing} more had succeeded") } else { String::new() }
}

/// Why a wave of this size stops the job, if it does.
pub(super) fn too_many(job: &Job, standings: &Standings, wave: u32, size: u64) -> Option<Halt> {
    let own = job.wave(wave).and_then(|wave| wave.failure);
    let threshold = own.or(job.spec.threshold)?;
    let counted = match threshold.scope {
        ThresholdScope::Wave => in_wave(job, standings, wave, size),
        ThresholdScope::Job => in_job(job, standings),
    };
    let by_count = FailureThreshold { percent: None, ..threshold };
    let small = match threshold.scope {
        ThresholdScope::Wave if !counted.exceeds(by_count) => together(job, standings, wave, size),
        ThresholdScope::Wave | ThresholdScope::Job => None,
    };
    let Some(Together { counted: all, from, missing }) = small else {
        return counted.exceeds(threshold).then(|| stopped(wave, counted, threshold.to_string()));
    };
    let by_share = FailureThreshold { count: None, ..threshold };
    all.padded(missing).exceeds(by_share).then(|| {
        let mut words = threshold.to_string();
        if from < wave {
            words.push_str(&format!(", counted from wave {} on", u64::from(from) + 1));
        }
        words.push_str(&more_succeeded(missing));
        stopped(wave, all, words)
    })
}

/// Why devices stop the job that failed after their waves were told as one: they are judged as one wave of as many devices
/// as were told then, but of no fewer than a full one.
fn fell_back(job: &Job, standings: &Standings) -> Option<Halt> {
    let past = job.past?;
    let judged = past.judged?;
    let threshold = job.spec.threshold.filter(|threshold| threshold.scope == ThresholdScope::Wave)?;
    // Who is at work here tries again, and was judged as failed. Who is looked at may be one that had not failed.
    let Standing { failed, queued, in_progress, verifying_again, .. } = standings.wave(past.number);
    let since = (failed + queued + in_progress + verifying_again).saturating_sub(judged.failed);
    let size = judged.size.max(since);
    let counted = Counted { failed: since, finished: size, size };
    let missing = if counted.exceeds(FailureThreshold { percent: None, ..threshold }) {
        0
    } else {
        full_wave(job).unwrap_or_default().saturating_sub(size)
    };
    counted.padded(missing).exceeds(threshold).then(|| {
        let more = more_succeeded(missing);
        stopped(
            past.number,
            counted,
            format!("{threshold}{more}; they failed after their waves had been settled"),
        )
    })
}

/// The first wave whose failures are too many, or the job if they are counted over all of it. Waves before the one that
/// was under way at the last resumption are forgiven; of those that were folded into the past what came since counts.
pub(super) fn halt(job: &Job, standings: &Standings) -> Option<Halt> {
    let judged = job.progress.accepted.wave..=current_wave(job);
    let mut waves = job.wave_ranges().into_iter();
    fell_back(job, standings).or_else(|| {
        waves.find_map(|(wave, range)| {
            let counts = judged.contains(&wave) && !job.is_past(wave);
            if counts { too_many(job, standings, wave, range.end - range.start) } else { None }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::fixture;
    use crate::job::past::FrozenWave;
    use crate::job::plan::Tally;
    use crate::job::rollout::{Continuous, RolloutPolicy};
    use crate::job::spec::{JobSpec, ShareOf};
    use crate::job::states::{ExecutionState, Verdict};

    /// A job that others join, fifty at once, and of which a fifth may fail; all that there are were offered it.
    fn job(sizes: &[u64]) -> Job {
        let plain = fixture::job();
        let threshold = FailureThreshold {
            count: None,
            percent: Some(20),
            of: ShareOf::Finished,
            minimum: 0,
            scope: ThresholdScope::Wave,
        };
        let rollout = RolloutPolicy {
            continuous: Some(Continuous { query: "tag==a".to_owned(), wave_size: 50 }),
            ..RolloutPolicy::default()
        };
        let all = sizes.iter().sum();
        let mut job = Job {
            frozen_waves: FrozenWave::in_order(sizes.iter().copied()),
            target_count: all,
            spec: JobSpec { rollout, threshold: Some(threshold), ..plain.spec },
            ..plain
        };
        job.progress.offered = all;
        job
    }

    fn stops(job: &Job, counts: &[(u32, ExecutionState, u64)]) -> Option<String> {
        let tally = |(wave, state, count): &(u32, ExecutionState, u64)| {
            let verdict = match state {
                ExecutionState::Succeeded => Verdict::Verified,
                _ => Verdict::Pending,
            };
            Tally { wave: *wave, state: *state, verdict, count: *count, again: 0 }
        };
        let tallies: Vec<Tally> = counts.iter().map(tally).collect();
        halt(job, &Standings::of(&tallies)).map(|halt| halt.to_string())
    }

    const DONE: ExecutionState = ExecutionState::Succeeded;
    const FAILED: ExecutionState = ExecutionState::Failed;

    #[test]
    fn one_that_joined_alone_and_fails_is_one_of_those_that_came_before_it() {
        let counts = [(0, DONE, 3), (1, DONE, 41), (1, FAILED, 9), (2, FAILED, 1)];
        assert_eq!(stops(&job(&[3, 50, 1]), &counts), None, "10 of 51");
        let counts = [(0, DONE, 3), (1, DONE, 40), (1, FAILED, 10), (2, FAILED, 1)];
        let said = stops(&job(&[3, 50, 1]), &counts).unwrap();
        let words =
            "stopped in wave 3: 11 of 51 finished devices failed; at most 20 % may, counted from wave 2 on";
        assert_eq!(said, words);
    }

    #[test]
    fn those_that_join_one_by_one_and_all_fail_stop_the_job_before_there_is_a_full_wave_of_them() {
        for count in 1..=4_u32 {
            let counts: Vec<_> = (1..=count).map(|wave| (wave, FAILED, 1)).collect();
            let sizes = vec![1; usize::try_from(count).unwrap() + 1];
            assert_eq!(stops(&job(&sizes), &counts), None, "{count} is not more than a fifth of twenty");
        }
        let counts: Vec<_> = (1..=5).map(|wave| (wave, FAILED, 1)).collect();
        let words = "stopped in wave 6: 5 of 5 finished devices failed; at most 20 % may, counted from wave 2 on, as if \
                     15 more had succeeded";
        assert_eq!(stops(&job(&[1; 6]), &counts).unwrap(), words);
    }

    #[test]
    fn a_wave_of_the_policy_a_full_one_and_a_number_of_failures_are_judged_by_themselves() {
        let counts = [(0, FAILED, 1), (1, DONE, 50), (2, DONE, 30), (2, FAILED, 20)];
        assert!(stops(&job(&[1, 50, 50]), &counts[..1]).unwrap().contains("1 of 1 finished"));
        let mut later = job(&[1, 50, 50]);
        later.progress.accepted.wave = 1;
        assert!(
            stops(&later, &counts).unwrap().ends_with("20 of 50 finished devices failed; at most 20 % may")
        );
        let mut counted = job(&[1, 1, 1]);
        counted.spec.threshold = counted.spec.threshold.map(|it| FailureThreshold { count: Some(1), ..it });
        assert_eq!(stops(&counted, &[(1, FAILED, 1), (2, FAILED, 1)]), None, "one each");
    }

    #[test]
    fn what_an_operator_went_on_with_is_not_held_against_who_joins_later() {
        let mut job = job(&[1, 1, 1, 1, 1, 1, 1]);
        let counts: Vec<_> = (1..=6).map(|wave| (wave, FAILED, 1)).collect();
        assert!(stops(&job, &counts).is_some());
        job.progress.accepted.wave = 5;
        (job.progress.accepted.wave_failed, job.progress.accepted.wave_finished) = (1, 1);
        assert_eq!(stops(&job, &counts), None, "one failed since");
    }

    #[test]
    fn one_that_joins_after_an_operator_went_on_with_a_wave_is_not_judged_alone() {
        let mut job = job(&[3, 50, 50, 25, 1]);
        job.progress.accepted.wave = 3;
        (job.progress.accepted.wave_failed, job.progress.accepted.wave_finished) = (6, 25);
        let counts = [(1, DONE, 50), (2, DONE, 50), (3, DONE, 19), (3, FAILED, 6), (4, FAILED, 1)];
        assert_eq!(stops(&job, &counts), None, "nobody of the accepted wave is left to be counted with it");
        job.frozen_waves.extend((5..9).map(|number| FrozenWave { number, size: 1 }));
        job.target_count += 4;
        job.progress.offered += 4;
        let more: Vec<_> = counts.into_iter().chain((5..9).map(|wave| (wave, FAILED, 1))).collect();
        let said = stops(&job, &more).unwrap();
        assert!(said.starts_with("stopped in wave 9: 5 of 5 finished devices failed"), "{said}");
        assert!(said.ends_with("counted from wave 4 on, as if 15 more had succeeded"), "{said}");
    }

    #[test]
    fn shares_are_of_canceled_devices_only_where_the_policy_says_so() {
        let mut all = job(&[4]);
        all.spec.rollout.continuous = None;
        all.spec.threshold = all.spec.threshold.map(|threshold| FailureThreshold {
            of: ShareOf::All,
            percent: Some(50),
            ..threshold
        });
        let counts = [(0, ExecutionState::Canceled, 1), (0, FAILED, 2)];
        assert!(stops(&all, &counts).is_some(), "two of three");
        all.spec.rollout.of_canceled_too = true;
        assert_eq!(stops(&all, &counts), None, "two of four");
        assert!(stops(&all, &[(0, ExecutionState::Canceled, 1), (0, FAILED, 3)]).is_some(), "three of four");
    }

    #[test]
    fn devices_that_were_skipped_are_nobody_to_be_counted_with() {
        let skipped = |waves: std::ops::Range<u32>| waves.map(|wave| (wave, ExecutionState::Removed, 1));
        let counts: Vec<_> = skipped(1..20).chain([(20, FAILED, 1)]).collect();
        assert_eq!(stops(&job(&[1; 21]), &counts), None, "one of twenty");
        let counts = [(0, DONE, 1), (1, ExecutionState::Removed, 49), (1, FAILED, 1)];
        assert_eq!(stops(&job(&[1, 50]), &counts), None, "of a wave of fifty only one had anything to do");
        let counts: Vec<_> = (1..4)
            .map(|wave| (wave, DONE, 1))
            .chain(skipped(4..14))
            .chain((14..18).map(|wave| (wave, FAILED, 1)))
            .collect();
        assert_eq!(stops(&job(&[1; 18]), &counts), None, "four of seven, thirteen to come");
        let counts: Vec<_> = counts.into_iter().chain([(18, FAILED, 1)]).collect();
        let said = stops(&job(&[1; 19]), &counts).unwrap();
        assert!(said.ends_with("counted from wave 2 on, as if 12 more had succeeded"), "{said}");
    }
}
