//! What a rollout's policy may say, checked without the store: every bad field is named.

use std::time::Duration;

use windlass_domain::job::window::LONGEST as LONGEST_WINDOW;
use windlass_domain::job::{Begin, FailureThreshold, RolloutPolicy, Wave, WindowState};
use windlass_domain::time::Timestamp;

use super::create::{NewJob, NewTargets, NewWhat};
use crate::error::{AppError, FieldProblem};
use crate::fleet::parse_query;

/// Least bytes per second of a download rate.
const SLOWEST: u64 = 1_024;
/// Most devices of a later wave of a continuous job.
const LATER_WAVE: u64 = 20_000;
/// Most failure codes of a back-off.
const CODES: usize = 50;
/// Most bytes of a failure code, and of the name of a wave.
const SHORT_TEXT: usize = 64;
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(7 * 24 * 3600);

struct Problems(Vec<FieldProblem>);

impl Problems {
    fn unless(&mut self, holds: bool, field: impl Into<String>, problem: impl ToString) {
        if !holds {
            self.0.push(FieldProblem::new(field, problem));
        }
    }

    fn query(&mut self, field: &str, text: &str) {
        if let Err(AppError::Invalid(more)) = parse_query(field, text) {
            self.0.extend(more);
        }
    }

    fn threshold(&mut self, field: &str, threshold: &FailureThreshold) {
        let FailureThreshold { count, percent, of: _, minimum: _, scope: _ } = threshold;
        self.unless(count.is_some() || percent.is_some(), field, "give count, percent or both");
        self.unless(percent.is_none_or(|percent| percent <= 100), format!("{field}.percent"), "0 to 100");
    }
}

fn check_wave(problems: &mut Problems, index: usize, wave: &Wave) {
    let Wave { name, query, amount: _, success, failure, pause_after: _, consent: _ } = wave;
    let field = |name: &str| format!("rollout.waveTerms.{index}.{name}");
    problems.unless(name.len() <= SHORT_TEXT, field("name"), format!("at most {SHORT_TEXT} bytes"));
    if let Some(query) = query {
        problems.query(&field("query"), query);
    }
    if let Some(success) = success {
        problems.unless((1..=100).contains(&success.percent), field("successPercent"), "1 to 100");
    }
    if let Some(failure) = failure {
        problems.threshold(&field("failureThreshold"), failure);
    }
}

/// Looks for what a policy must not say.
pub(super) fn check(new: &NewJob, now: Timestamp) -> Vec<FieldProblem> {
    let mut problems = Problems(Vec::new());
    for (index, wave) in new.waves.iter().enumerate() {
        check_wave(&mut problems, index, wave);
    }
    let RolloutPolicy {
        handling: _,
        priority: _,
        supersede: _,
        consent: _,
        window,
        ends_at,
        concurrency,
        download_rate,
        order: _,
        success,
        of_canceled_too: _,
        continuous,
        approval: _,
        allow_downgrade: _,
        backoff,
    } = &new.rollout;
    let is_update = matches!(new.what, NewWhat::Update { .. });
    problems.unless(is_update || window.is_none(), "rollout.window", "only updates have maintenance windows");
    if let Some(window) = window {
        let fits = window.duration >= Duration::from_secs(1) && window.duration <= LONGEST_WINDOW;
        problems.unless(fits, "rollout.window.durationSeconds", "1 second to 7 days");
        let left = window.state(None, now) != WindowState::NoneLeft;
        problems.unless(left, "rollout.window.schedule", "has no occurrence in the future");
    }
    let starts = match new.begin {
        Begin::At(at) => at.max(now),
        Begin::Now | Begin::Manually => now,
    };
    problems.unless(ends_at.is_none_or(|at| at > starts), "rollout.endsAt", "must be after the start");
    problems.unless(concurrency.is_none_or(|most| most > 0), "rollout.concurrency", "at least 1");
    let rate = download_rate.as_ref().is_none_or(|rate| rate.bytes_per_second >= SLOWEST);
    problems.unless(rate, "rollout.downloadRate.bytesPerSecond", format!("at least {SLOWEST}"));
    let enough = success.is_none_or(|success| (1..=100).contains(&success.percent));
    problems.unless(enough, "rollout.successPercent", "1 to 100");
    if let Some(continuous) = continuous {
        let size = (1..=LATER_WAVE).contains(&continuous.wave_size);
        problems.unless(size, "rollout.continuous.waveSize", format!("1 to {LATER_WAVE}"));
        let by_query = matches!(new.targets, NewTargets::Query(_) | NewTargets::Found { .. })
            && !continuous.query.is_empty();
        problems.unless(
            by_query,
            "rollout.continuous",
            "only jobs whose targets are a query take in later devices",
        );
    }
    if let Some(backoff) = backoff {
        let first = backoff.first >= Duration::from_secs(1) && backoff.first <= backoff.longest;
        problems.unless(
            first,
            "rollout.backoff.firstSeconds",
            "at least 1 second and at most longestSeconds",
        );
        let longest = backoff.longest <= LONGEST_PAUSE;
        problems.unless(longest, "rollout.backoff.longestSeconds", "at most 7 days");
        let codes = backoff.codes.len() <= CODES
            && backoff.codes.iter().all(|code| !code.is_empty() && code.len() <= SHORT_TEXT);
        let text = format!("at most {CODES}, each of 1 to {SHORT_TEXT} bytes");
        problems.unless(codes, "rollout.backoff.codes", text);
    }
    problems.0
}
