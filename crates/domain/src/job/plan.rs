//! What a job should do next, from its policy and from counters.
//!
//! **Invariant:** a plan never offers beyond the wave under way, and the next wave begins only when this one is through (by
//! default: everything offered so far is settled) and the thresholds hold. Nothing here waits for ever: every open or verifying execution has a timer.
//! Knows neither devices nor storage; whoever carries a plan out looks again whether each step still holds.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::ids::ExecutionId;
use crate::job::past::{self, Judged};
use crate::job::rollout::SuccessThreshold;
use crate::job::spec::{Accepted, Job, Progress};
use crate::job::states::{ExecutionState, Halt, JobState, Outcome, Verdict};
use crate::job::threshold::halt;
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
    /// Of those of the past that are waited for to be seen: how many try again.
    pub again: u64,
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
    /// Counters of the tries that were made since then, while some are left.
    pub again: &'a [Tally],
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
    /// Devices of the past that had failed did well when they were tried again: judge it by this from now on.
    JudgePast(Judged),
    /// Stop by threshold.
    Halt(Halt),
    /// Hold it: this wave is through, and the policy says to pause after it.
    PauseAfter(u32),
    /// Its end time passed, or its command expired: offer nothing more and withdraw what was not begun.
    End,
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
    /// Of those: devices of the past that try again. The others had succeeded, and their word is in doubt.
    pub verifying_again: u64,
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
        tallies.iter().filter(|tally| pick(tally.wave)).for_each(|tally| standing.add(tally));
        standing
    }

    fn add(&mut self, tally: &Tally) {
        let slot = match Outcome::of(tally.state, tally.verdict) {
            Outcome::Open if tally.state == ExecutionState::Queued => &mut self.queued,
            Outcome::Open => &mut self.in_progress,
            Outcome::Verifying => &mut self.verifying,
            Outcome::Succeeded => &mut self.succeeded,
            Outcome::Failed => &mut self.failed,
            Outcome::Canceled => &mut self.canceled,
            Outcome::Skipped => &mut self.skipped,
        };
        *slot += tally.count;
        self.verifying_again += tally.again;
    }

    /// Devices that were offered work and are through with it.
    pub const fn finished(self) -> u64 {
        self.succeeded + self.failed
    }

    /// Devices that shares are not of: nobody gave them work or, unless the policy counts them, it was taken off them.
    pub const fn uncounted(self, job: &Job) -> u64 {
        if job.spec.rollout.of_canceled_too { self.skipped } else { self.skipped + self.canceled }
    }

    /// Nothing more will come.
    pub const fn is_settled(self) -> bool {
        self.queued == 0 && self.in_progress == 0 && self.verifying == 0
    }
}

/// How each wave of a job stands, and all of it. Looks at each counter once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standings {
    waves: BTreeMap<u32, Standing>,
    whole: Standing,
}

impl Standings {
    /// Sums the counters.
    pub fn of(tallies: &[Tally]) -> Self {
        let mut standings = Self::default();
        for tally in tallies {
            standings.waves.entry(tally.wave).or_default().add(tally);
            standings.whole.add(tally);
        }
        standings
    }

    /// One wave, by its number from 0.
    pub fn wave(&self, wave: u32) -> Standing {
        self.waves.get(&wave).copied().unwrap_or_default()
    }

    /// The whole job.
    pub const fn whole(&self) -> Standing {
        self.whole
    }

    /// Whether nothing more will come in any wave up to this one.
    fn is_settled_up_to(&self, wave: u32) -> bool {
        self.waves.range(..=wave).all(|(_, standing)| standing.is_settled())
    }
}

/// A wave's number from 0, and its ranks.
type Numbered = (u32, Range<u64>);

/// The wave that was offered last, with its ranks; the first one before any offer. Then the next one that has anybody.
fn wave_under_way(job: &Job) -> (u32, Range<u64>, Option<Numbered>) {
    let ranges = job.wave_ranges();
    let last = job.progress.offered.saturating_sub(1);
    let index = ranges.iter().position(|(_, range)| range.contains(&last)).unwrap_or(0);
    let (number, range) = ranges.get(index).cloned().unwrap_or((0, 0..0));
    let next = ranges.into_iter().skip(index + 1).find(|(_, range)| !range.is_empty());
    (number, range, next)
}

/// The number of the wave under way, from 0.
pub fn current_wave(job: &Job) -> u32 {
    wave_under_way(job).0
}

/// The failures so far, to be forgiven when an operator resumes a halted job. While devices are tried again, those of later
/// waves have yet to come: only what stopped it is forgiven.
pub fn accept(job: &Job, tallies: &[Tally]) -> Accepted {
    let wave = match (&job.state, job.progress.retry) {
        (JobState::Halted(halt), Some(_)) => halt.wave.max(job.progress.accepted.wave),
        _ => current_wave(job),
    };
    let standings = Standings::of(tallies);
    let (in_wave, in_job) = (standings.wave(wave), standings.whole());
    Accepted {
        wave,
        wave_failed: in_wave.failed,
        wave_finished: in_wave.finished(),
        job_failed: in_job.failed,
        job_finished: in_job.finished(),
    }
}

/// Whether the next wave may begin as far as this one is concerned.
fn is_through(job: &Job, standings: &Standings, wave: u32, range: &Range<u64>) -> bool {
    if job.progress.passed > wave {
        return true;
    }
    let standing = standings.wave(wave);
    let enough = job.wave(wave).and_then(|wave| wave.success).or(job.spec.rollout.success);
    match enough {
        Some(enough) => {
            enough.reached(standing.succeeded, counting(job, standing, range))
                || is_forgiven(job, standing, wave)
                || is_given_up(job, standing, wave, range, enough)
        }
        None => standings.is_settled_up_to(wave),
    }
}

/// The devices of a wave that its share of successes is of.
fn counting(job: &Job, standing: Standing, range: &Range<u64>) -> u64 {
    (range.end - range.start).saturating_sub(standing.uncounted(job))
}

/// Whether an operator went on with a wave that has nothing open and nothing that ended since.
fn is_forgiven(job: &Job, standing: Standing, wave: u32) -> bool {
    let accepted = job.progress.accepted;
    standing.is_settled() && accepted.wave == wave && accepted.wave_finished >= standing.finished()
}

/// Whether an operator went on with a wave in which so many had failed that its share of successes is out of reach: the next
/// one need not wait for what is left of it.
fn is_given_up(
    job: &Job,
    standing: Standing,
    wave: u32,
    range: &Range<u64>,
    enough: SuccessThreshold,
) -> bool {
    let Accepted { wave: accepted, wave_failed, .. } = job.progress.accepted;
    // Who is tried again since may yet do well.
    let failed = wave_failed.min(standing.failed);
    let counting = counting(job, standing, range);
    accepted == wave && failed > 0 && !enough.reached(counting.saturating_sub(failed), counting)
}

/// Whether the job is to pause once this wave is through.
fn owes_pause(job: &Job, wave: u32) -> bool {
    job.progress.passed <= wave && job.wave(wave).is_some_and(|wave| wave.pause_after)
}

/// Whether nothing is owed to the wave under way any more, so that another one that joins may take its place.
pub fn is_free(job: &Job, tallies: &[Tally]) -> bool {
    let (wave, range, _) = wave_under_way(job);
    is_through(job, &Standings::of(tallies), wave, &range) && !owes_pause(job, wave)
}

/// A wave that is settled and has not succeeded as it should: whoever set the bar must decide.
fn fell_short(job: &Job, standings: &Standings) -> Option<Halt> {
    let (wave, range, _) = wave_under_way(job);
    let enough = job.wave(wave).and_then(|wave| wave.success).or(job.spec.rollout.success)?;
    let standing = standings.wave(wave);
    let is_short = job.progress.offered >= range.end
        && !range.is_empty()
        && standing.is_settled()
        && job.progress.passed <= wave
        && !enough.reached(standing.succeeded, counting(job, standing, &range))
        && !is_forgiven(job, standing, wave)
        && !is_given_up(job, standing, wave, &range, enough);
    is_short.then(|| Halt {
        wave,
        failed: standing.failed,
        finished: standing.finished(),
        threshold: format!("at least {} % of the wave must succeed", enough.percent),
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
        JobState::AwaitingApproval { .. } | JobState::Denied | JobState::Canceled | JobState::Completed => {
            return vec![];
        }
        JobState::Running | JobState::Paused | JobState::Halted(_) | JobState::Stopping { .. } => {}
    }
    if !observed.due.is_empty() {
        return observed.due.iter().copied().map(Step::TimeOut).collect();
    }
    match &job.state {
        JobState::Running | JobState::Paused if job.progress.retry.is_some() && !is_late(job, now) => {
            again(job, observed)
        }
        JobState::Running => forward(job, observed, now),
        JobState::Stopping { .. } => {
            if !observed.withdrawable.is_empty() {
                observed.withdrawable.iter().copied().map(Step::Withdraw).collect()
            } else if Standing::of(observed.tallies, |_| true).is_settled() {
                vec![if job.progress.is_over { Step::Complete } else { Step::EndCanceled }]
            } else {
                vec![]
            }
        }
        JobState::Paused | JobState::Halted(_) if is_late(job, now) => vec![Step::End],
        JobState::Paused
        | JobState::Halted(_)
        | JobState::AwaitingApproval { .. }
        | JobState::Denied
        | JobState::Scheduled { .. }
        | JobState::Canceled
        | JobState::Completed => vec![],
    }
}

/// Hands out what is to be tried again, as far as there is room, while few enough of those that were tried again failed
/// again. What failed before and waits for its turn is no failure of now.
fn again(job: &Job, observed: &Observed<'_>) -> Vec<Step> {
    if observed.retryable.is_empty() {
        return vec![Step::RetriesDone];
    }
    if let Some(halt) = halt(job, &Standings::of(observed.again)) {
        return vec![Step::Halt(halt)];
    }
    let most = room(job, Standing::of(observed.tallies, |_| true));
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    observed.retryable.iter().copied().take(most).map(Step::Retry).collect()
}

fn is_late(job: &Job, now: Timestamp) -> bool {
    job.spec.rollout.ends_at.is_some_and(|at| at <= now)
}

/// Whether it has somebody to offer a command to that nobody wants any more. Who has it already has a timer of their own.
fn is_stale(job: &Job, now: Timestamp) -> bool {
    let offers_more = job.spec.rollout.continuous.is_some() || job.progress.offered < job.target_count;
    offers_more && job.expires_at().is_some_and(|at| at <= now)
}

/// How many more devices may have work now.
pub fn room(job: &Job, everybody: Standing) -> u64 {
    let busy = everybody.queued + everybody.in_progress + everybody.verifying;
    job.spec.rollout.concurrency.map_or(u64::MAX, |most| most.saturating_sub(busy))
}

fn forward(job: &Job, observed: &Observed<'_>, now: Timestamp) -> Vec<Step> {
    if is_late(job, now) || is_stale(job, now) {
        return vec![Step::End];
    }
    let standings = Standings::of(observed.tallies);
    if let Some(halt) = halt(job, &standings).or_else(|| fell_short(job, &standings)) {
        return vec![Step::Halt(halt)];
    }
    if let Some(judged) = past::did_better(job, &standings) {
        return vec![Step::JudgePast(judged)];
    }
    let everybody = standings.whole();
    let room = room(job, everybody);
    let offered = job.progress.offered;
    let offer = |wave, range: &Range<u64>| {
        let end = range.end.min(offered.saturating_add(observed.batch.max(1).min(room)));
        if end > offered { vec![Step::Offer { wave, ranks: offered..end }] } else { vec![] }
    };
    let (wave, range, next) = wave_under_way(job);
    if offered < range.end {
        return offer(wave, &range);
    }
    if !is_through(job, &standings, wave, &range) {
        return vec![];
    }
    let goes_on = next.is_some() || (job.spec.rollout.continuous.is_some() && !range.is_empty());
    match next {
        _ if goes_on && owes_pause(job, wave) => vec![Step::PauseAfter(wave)],
        Some((wave, range)) => offer(wave, &range),
        None if job.spec.rollout.continuous.is_some() || !everybody.is_settled() => vec![],
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
