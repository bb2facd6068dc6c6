//! What a job should do next, from its policy and from counters.
//!
//! **Invariant:** a plan never offers beyond the wave under way, and the next wave begins only when everything offered so
//! far is settled and the threshold holds. Nothing here waits for ever: every open or verifying execution has a timer.
//! Knows neither devices nor storage; whoever carries a plan out looks again whether each step still holds.

use std::ops::Range;

use crate::ids::ExecutionId;
use crate::job::spec::{Accepted, Job, Progress, ThresholdScope};
use crate::job::states::{ExecutionState, Halt, JobState, Outcome, Verdict};
use crate::time::Timestamp;

/// How many executions of one wave stand at one state and verdict; latest tries only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// The wave, from 0.
    pub wave: u32,
    /// What the protocol said.
    pub state: ExecutionState,
    /// What is true.
    pub verdict: Verdict,
    /// How many.
    pub count: u64,
}

/// What is known when a plan is made. The lists are bounded: the first so many, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed<'a> {
    /// Counters.
    pub tallies: &'a [Tally],
    /// Executions whose timer ran out and that may be touched in this state of the job.
    pub due: &'a [ExecutionId],
    /// Failed executions that an operator wants tried again.
    pub retryable: &'a [ExecutionId],
    /// Executions that a cancellation withdraws.
    pub withdrawable: &'a [ExecutionId],
    /// Most targets to offer in one plan.
    pub batch: u64,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Begin to offer.
    Start,
    /// Offer to the targets of these ranks, or skip them with a reason.
    Offer {
        /// The wave they belong to.
        wave: u32,
        /// Starts where the last offer ended.
        ranks: Range<u64>,
    },
    /// Let this execution's timer run out.
    TimeOut(ExecutionId),
    /// Make another try of this failed execution.
    Retry(ExecutionId),
    /// Every retry that an operator asked for was made.
    RetriesDone,
    /// Withdraw this open execution.
    Withdraw(ExecutionId),
    /// Stop by threshold.
    Halt(Halt),
    /// Everything is settled.
    Complete,
    /// The cancellation is through.
    EndCanceled,
}

/// What to do next, in order. Empty: nothing until something happens or a timer runs out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}

/// How one wave, or the whole job, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Devices that were offered work and have not picked it up.
    pub queued: u64,
    /// Devices that work on it.
    pub in_progress: u64,
    /// Devices that say they are done, not yet seen.
    pub verifying: u64,
    /// Done.
    pub succeeded: u64,
    /// Not done.
    pub failed: u64,
    /// Withdrawn.
    pub canceled: u64,
    /// Never offered.
    pub skipped: u64,
}

impl Standing {
    /// Sums the counters for which `pick` says yes.
    pub fn of(tallies: &[Tally], pick: impl Fn(u32) -> bool) -> Self {
        let mut standing = Self::default();
        for tally in tallies.iter().filter(|tally| pick(tally.wave)) {
            let slot = match Outcome::of(tally.state, tally.verdict) {
                Outcome::Open if tally.state == ExecutionState::Queued => &mut standing.queued,
                Outcome::Open => &mut standing.in_progress,
                Outcome::Verifying => &mut standing.verifying,
                Outcome::Succeeded => &mut standing.succeeded,
                Outcome::Failed => &mut standing.failed,
                Outcome::Canceled => &mut standing.canceled,
                Outcome::Skipped => &mut standing.skipped,
            };
            *slot += tally.count;
        }
        standing
    }

    /// Devices that were offered work and are through with it.
    pub const fn finished(self) -> u64 {
        self.succeeded + self.failed
    }

    /// Nothing more will come.
    pub const fn is_settled(self) -> bool {
        self.queued == 0 && self.in_progress == 0 && self.verifying == 0
    }
}

/// The wave that was offered last, with its ranks; the first one before any offer.
fn wave_under_way(job: &Job) -> (u32, Range<u64>, Option<Range<u64>>) {
    let ranges = job.spec.wave_ranges(job.target_count);
    let last = job.progress.offered.saturating_sub(1);
    let index = ranges.iter().position(|range| range.contains(&last)).unwrap_or(0);
    let range = ranges.get(index).cloned().unwrap_or(0..0);
    (u32::try_from(index).unwrap_or(u32::MAX), range, ranges.get(index + 1).cloned())
}

/// What counts for the threshold now: failed, finished, and how many will have finished in the end.
fn counted(job: &Job, tallies: &[Tally], scope: ThresholdScope) -> (u64, u64, u64) {
    let (wave, range, _) = wave_under_way(job);
    let accepted = job.progress.accepted;
    let (standing, total, accepted_failed, accepted_finished) = match scope {
        ThresholdScope::Wave => {
            let same = accepted.wave == wave;
            (
                Standing::of(tallies, |w| w == wave),
                range.end - range.start,
                if same { accepted.wave_failed } else { 0 },
                if same { accepted.wave_finished } else { 0 },
            )
        }
        ThresholdScope::Job => {
            (Standing::of(tallies, |_| true), job.target_count, accepted.job_failed, accepted.job_finished)
        }
    };
    (
        standing.failed.saturating_sub(accepted_failed),
        standing.finished().saturating_sub(accepted_finished),
        total.saturating_sub(standing.skipped + standing.canceled + accepted_finished),
    )
}

/// The failures so far, to be forgiven when an operator resumes a halted job.
pub fn accept(job: &Job, tallies: &[Tally]) -> Accepted {
    let (wave, _, _) = wave_under_way(job);
    let in_wave = Standing::of(tallies, |w| w == wave);
    let in_job = Standing::of(tallies, |_| true);
    Accepted {
        wave,
        wave_failed: in_wave.failed,
        wave_finished: in_wave.finished(),
        job_failed: in_job.failed,
        job_finished: in_job.finished(),
    }
}

fn halt(job: &Job, tallies: &[Tally]) -> Option<Halt> {
    let threshold = job.spec.threshold?;
    let (failed, finished, size) = counted(job, tallies, threshold.scope);
    threshold.exceeded(failed, finished, size).then(|| Halt {
        wave: wave_under_way(job).0,
        failed,
        finished,
        threshold: threshold.to_string(),
    })
}

/// Says what to do next.
pub fn plan(job: &Job, observed: &Observed<'_>, now: Timestamp) -> Plan {
    Plan { steps: steps(job, observed, now) }
}

fn steps(job: &Job, observed: &Observed<'_>, now: Timestamp) -> Vec<Step> {
    match &job.state {
        JobState::Scheduled { start_at } => {
            return if start_at.is_some_and(|at| at <= now) { vec![Step::Start] } else { vec![] };
        }
        JobState::Canceled | JobState::Completed => return vec![],
        JobState::Running | JobState::Paused | JobState::Halted(_) | JobState::Stopping { .. } => {}
    }
    if !observed.due.is_empty() {
        return observed.due.iter().copied().map(Step::TimeOut).collect();
    }
    match &job.state {
        JobState::Running | JobState::Paused | JobState::Halted(_) if job.progress.retry.is_some() => {
            if observed.retryable.is_empty() {
                vec![Step::RetriesDone]
            } else {
                observed.retryable.iter().copied().map(Step::Retry).collect()
            }
        }
        JobState::Running => forward(job, observed),
        JobState::Stopping { .. } => {
            if !observed.withdrawable.is_empty() {
                observed.withdrawable.iter().copied().map(Step::Withdraw).collect()
            } else if Standing::of(observed.tallies, |_| true).is_settled() {
                vec![Step::EndCanceled]
            } else {
                vec![]
            }
        }
        JobState::Paused
        | JobState::Halted(_)
        | JobState::Scheduled { .. }
        | JobState::Canceled
        | JobState::Completed => vec![],
    }
}

fn forward(job: &Job, observed: &Observed<'_>) -> Vec<Step> {
    if let Some(halt) = halt(job, observed.tallies) {
        return vec![Step::Halt(halt)];
    }
    let offered = job.progress.offered;
    let offer = |wave, range: &Range<u64>| {
        let end = range.end.min(offered.saturating_add(observed.batch.max(1)));
        vec![Step::Offer { wave, ranks: offered..end }]
    };
    let (wave, range, next) = wave_under_way(job);
    if offered < range.end {
        return offer(wave, &range);
    }
    if !Standing::of(observed.tallies, |_| true).is_settled() {
        return vec![];
    }
    match next {
        Some(next) => offer(wave.saturating_add(1), &next),
        None => vec![Step::Complete],
    }
}

/// What follows for a job's progress when an offer was carried out.
pub fn offered(progress: Progress, ranks: &Range<u64>) -> Progress {
    Progress { offered: progress.offered.max(ranks.end), ..progress }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
