//! A job's life on one device: what the device may report, and what time does.
//!
//! Source of the device's rules: the job contract (AWS IoT Jobs, "JobExecution states" and "UpdateJobExecution").
//! Knows neither topics nor where the version shows; see [`super::verdict`].

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::{DeviceId, ExecutionId, JobId, TenantId};
use crate::job::command;
use crate::job::phase::PHASE;
use crate::job::spec::Timeouts;
use crate::job::states::{ExecutionState, Outcome, Verdict};
use crate::job::window::WindowState;
use crate::time::{Timestamp, span};

/// Longest reason that is kept, in bytes.
pub const REASON_BYTES: usize = 256;

/// Whether somebody must agree before a device begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consent {
    /// Nobody.
    #[default]
    NotNeeded,
    /// Nobody did yet.
    Awaited,
    /// Somebody did.
    Given {
        /// When.
        at: Timestamp,
    },
}

/// One device's part of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Public number.
    pub id: ExecutionId,
    /// Owner.
    pub tenant: TenantId,
    /// The job.
    pub job: JobId,
    /// The device.
    pub device: DeviceId,
    /// 1 for the first try, one more for each retry; less for what was left out and is history.
    pub number: i64,
    /// The wave it belongs to, from 0.
    pub wave: u32,
    /// What the protocol said.
    pub state: ExecutionState,
    /// What is true.
    pub verdict: Verdict,
    /// Why it ended as it did, in words: the device's or ours. Empty while open. While its new version is waited for: what
    /// the device said against it.
    pub reason: String,
    /// What the device said last in `statusDetails`.
    pub details: BTreeMap<String, String>,
    /// `versionNumber`: rises by one with each change of state or details.
    pub version: i64,
    /// The version of each component that was seen running when the work was offered.
    pub before: BTreeMap<String, String>,
    /// When it was offered.
    pub queued_at: Timestamp,
    /// When the device picked it up.
    pub started_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the protocol said its last word.
    pub ended_at: Option<Timestamp>,
    /// When the phase it is in runs out: queued, in progress, or verifying.
    pub phase_due: Option<Timestamp>,
    /// When the step that the device announced runs out.
    pub step_due: Option<Timestamp>,
    /// From when on it is not handed out any more: of commands.
    pub expires_at: Option<Timestamp>,
    /// Not shown to the device before this: its maintenance window is closed, or a pause between two tries is on. Looked
    /// at again then; while it is set the device sees nothing.
    pub held_until: Option<Timestamp>,
    /// When the maintenance window in which it is shown closes; what was not begun by then is held again.
    pub closes_at: Option<Timestamp>,
    /// When an operator asked the device to stop. It is over once the device agrees, or says nothing for long.
    pub cancel_asked_at: Option<Timestamp>,
    /// Whether somebody must agree first.
    pub consent: Consent,
    /// The last status code that the device gave (hawkBit).
    pub status_code: Option<i64>,
}

/// What a device may say of its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedStatus {
    /// It works on it.
    InProgress,
    /// It is done.
    Succeeded,
    /// It failed.
    Failed,
    /// It will not do it.
    Rejected,
}

/// What a device says about its own timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepTimer {
    /// Nothing: a running timer goes on.
    Keep,
    /// End the timer.
    Cancel,
    /// Time out after this long unless it says something else.
    After(Duration),
}

/// A device's update of its part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceReport {
    /// The new status.
    pub status: ReportedStatus,
    /// Replaces the details if given.
    pub details: Option<BTreeMap<String, String>>,
    /// Refused unless this is the current version.
    pub expected_version: Option<i64>,
    /// The device's timer.
    pub step: StepTimer,
}

/// Why a device's update is refused. The contract answers both with the state that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `VersionMismatch`.
    #[error("the execution is at another version than expected")]
    VersionMismatch,
    /// `InvalidStateTransition`.
    #[error("the execution is over; its status cannot change any more")]
    InvalidStateTransition,
    /// `TerminalStateReached`: too late to begin.
    #[error("the command expired before this device took it up")]
    Expired,
}

/// Until when a device may take up what is offered at `now`.
pub fn queued_until(now: Timestamp, timeouts: &Timeouts, expires_at: Option<Timestamp>) -> Timestamp {
    let due = now.plus(timeouts.queued);
    expires_at.map_or(due, |at| due.min(at))
}

impl Execution {
    /// How it counts.
    pub const fn outcome(&self) -> Outcome {
        Outcome::of(self.state, self.verdict)
    }

    /// The nearest of its timers.
    pub fn due(&self) -> Option<Timestamp> {
        [self.phase_due, self.step_due, self.held_until, self.closes_at].into_iter().flatten().min()
    }

    /// Whether it was not begun and may not be any more.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.state == ExecutionState::Queued && self.expires_at.is_some_and(|at| at <= now)
    }

    /// Applies what the device reports. After success the verdict is still to be found: see [`super::verdict`].
    ///
    /// # Errors
    /// The execution is over, expired, or at another version than the device expects; nothing changes then.
    pub fn report(
        &self,
        report: &DeviceReport,
        timeouts: &Timeouts,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        if report.expected_version.is_some_and(|expected| expected != self.version) {
            return Err(Refusal::VersionMismatch);
        }
        if !self.state.is_open() {
            return Err(Refusal::InvalidStateTransition);
        }
        if self.is_expired(now) {
            return Err(Refusal::Expired);
        }
        let mut next = self.clone();
        next.version += 1;
        next.updated_at = now;
        if let Some(details) = &report.details {
            next.details.clone_from(details);
        }
        match report.step {
            StepTimer::Keep => {}
            StepTimer::Cancel => next.step_due = None,
            StepTimer::After(span) => next.step_due = Some(now.plus(span)),
        }
        if self.started_at.is_none() {
            next.started_at = Some(now);
        }
        match report.status {
            ReportedStatus::InProgress => {
                next.phase_due = self.work_due(&next, timeouts, now);
                if self.state == ExecutionState::Queued {
                    next.state = ExecutionState::InProgress;
                    next.held_until = None;
                    next.closes_at = None;
                }
            }
            ReportedStatus::Succeeded => next.end(ExecutionState::Succeeded, "", now),
            ReportedStatus::Failed => {
                let reason = next.said("the device reported that it failed and gave no reason");
                next.end(ExecutionState::Failed, &reason, now);
            }
            ReportedStatus::Rejected => {
                let reason = next.said("the device rejected the job and gave no reason");
                next.end(ExecutionState::Rejected, &reason, now);
            }
        }
        Ok(next)
    }

    fn said(&self, otherwise: &str) -> String {
        let said = |key: &str| self.details.get(key).filter(|text| !text.is_empty());
        match (said("reason"), said(command::EXIT_CODE)) {
            (Some(reason), _) => reason.clone(),
            (None, Some(code)) => format!("ended with exit code {code}"),
            (None, None) => otherwise.to_owned(),
        }
    }

    pub(super) fn end(&mut self, state: ExecutionState, reason: &str, now: Timestamp) {
        self.state = state;
        self.reason = shortened(reason);
        self.ended_at = Some(now);
        self.phase_due = None;
        self.step_due = None;
        self.held_until = None;
        self.closes_at = None;
    }

    /// Starts the wait for the new version to show.
    #[must_use]
    pub fn verifying_until(mut self, deadline: Timestamp) -> Self {
        self.phase_due = Some(deadline);
        self
    }

    /// Settles what is true.
    #[must_use]
    pub fn judged(mut self, verdict: Verdict, reason: &str, now: Timestamp) -> Self {
        self.verdict = verdict;
        self.reason = shortened(reason);
        self.updated_at = now;
        self.phase_due = None;
        self
    }

    /// What time does to it: nothing unless a timer ran out. `resumed_at`: when the job last went on after a pause;
    /// what was queued then has its whole time from there. `window`: how the maintenance window of this device stands, if
    /// the job has one.
    pub fn timed_out(
        &self,
        timeouts: &Timeouts,
        resumed_at: Option<Timestamp>,
        window: Option<WindowState>,
        now: Timestamp,
    ) -> Option<Self> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        let mut next = self.clone();
        next.updated_at = now;
        if self.state.is_open() && self.cancel_asked_at.is_some() {
            next.version += 1;
            next.end(ExecutionState::Canceled, "the device did not answer the request to stop", now);
            return Some(next);
        }
        let turned = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if self.state == ExecutionState::Queued && (turned(self.held_until) || turned(self.closes_at)) {
            return Some(match window {
                Some(window) => next.in_window(window, timeouts, now),
                None => {
                    next.held_until = None;
                    next.closes_at = None;
                    next
                }
            });
        }
        match self.state {
            ExecutionState::Queued => {
                if let Some(at) = self.expires_at.filter(|at| *at <= now) {
                    let reason =
                        format!("the command expired at {}; the device had not taken it up", at.for_people());
                    next.version += 1;
                    next.end(ExecutionState::TimedOut, &reason, now);
                    return Some(next);
                }
                // Its time does not run while it is we who hold it back.
                let free = match self.consent {
                    Consent::Awaited => Some(now),
                    Consent::Given { at } => resumed_at.max(Some(at)),
                    Consent::NotNeeded => resumed_at,
                };
                let again = free
                    .max(self.held_until)
                    .filter(|at| *at > self.queued_at)
                    .map(|at| queued_until(at, timeouts, self.expires_at));
                if again.is_some_and(|due| due > now) {
                    next.phase_due = again;
                    return Some(next);
                }
                next.version += 1;
                next.end(
                    ExecutionState::TimedOut,
                    &format!("not picked up within {}", span(timeouts.queued)),
                    now,
                );
            }
            ExecutionState::InProgress => {
                let reason = if self.step_due.is_some_and(|due| due <= now) {
                    let heard = self.details.get(PHASE).map_or("in progress", |phase| phase);
                    format!("the step timer of the device ran out while {heard}")
                } else {
                    self.ran_out(timeouts, now)
                };
                next.version += 1;
                next.end(ExecutionState::TimedOut, &reason, now);
            }
            ExecutionState::Succeeded => {
                return Some(next.unseen(now));
            }
            ExecutionState::Failed
            | ExecutionState::Rejected
            | ExecutionState::TimedOut
            | ExecutionState::Canceled
            | ExecutionState::Removed => {
                next.phase_due = None;
                next.step_due = None;
                next.held_until = None;
                next.closes_at = None;
            }
        }
        Some(next)
    }

    /// Says of a failed one why no other try follows. Said again, it takes the place of what was said before.
    #[must_use]
    pub fn not_tried_again(&self, why: &str) -> Self {
        const SAID: &str = "; not tried again: ";
        let reason = self.reason.split_once(SAID).map_or(self.reason.as_str(), |(reason, _)| reason);
        Self { reason: shortened(&format!("{reason}{SAID}{why}")), ..self.clone() }
    }

    /// Withdraws it. Nothing happens once it is over.
    pub fn withdrawn(&self, reason: &str, now: Timestamp) -> Option<Self> {
        self.state.is_open().then(|| {
            let mut next = self.clone();
            next.version += 1;
            next.updated_at = now;
            next.end(ExecutionState::Canceled, reason, now);
            next
        })
    }

    /// Takes it off a device that is gone. What the device says it finished counts as that; nothing will prove it now.
    /// Nothing happens once it is settled.
    pub fn orphaned(&self, reason: &str, now: Timestamp) -> Option<Self> {
        match self.outcome() {
            Outcome::Open => {
                let mut next = self.clone();
                next.version += 1;
                next.updated_at = now;
                next.end(ExecutionState::Removed, reason, now);
                Some(next)
            }
            Outcome::Verifying => Some(self.clone().judged(Verdict::Unverifiable, reason, now)),
            Outcome::Succeeded | Outcome::Failed | Outcome::Canceled | Outcome::Skipped => None,
        }
    }

    /// The code that the device gave with its last word: hawkBit's status code, or `code` in its details.
    pub fn code(&self) -> Option<String> {
        self.status_code.map(|code| code.to_string()).or_else(|| self.details.get("code").cloned())
    }

    /// Whether it is tried again by itself: the device had begun and failed, or ran out of time, and has tries left.
    /// What the device refused, never picked up or rolled back would most likely end the same way.
    pub fn is_retried(&self, retries: u32) -> bool {
        let began = match self.state {
            ExecutionState::Failed => true,
            ExecutionState::TimedOut => self.started_at.is_some(),
            ExecutionState::Queued
            | ExecutionState::InProgress
            | ExecutionState::Succeeded
            | ExecutionState::Rejected
            | ExecutionState::Canceled
            | ExecutionState::Removed => false,
        };
        began && self.outcome() == Outcome::Failed && self.number <= i64::from(retries)
    }
}

/// As much of a reason as is kept.
pub(super) fn shortened(reason: &str) -> String {
    let mut end = reason.len().min(REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn queued(now: Timestamp) -> Execution {
        Execution {
            id: ExecutionId::new(1),
            tenant: TenantId::new(1),
            job: JobId::new(1),
            device: DeviceId::new(1),
            number: 1,
            wave: 0,
            state: ExecutionState::Queued,
            verdict: Verdict::Pending,
            reason: String::new(),
            details: BTreeMap::new(),
            version: 1,
            before: BTreeMap::new(),
            queued_at: now,
            started_at: None,
            updated_at: now,
            ended_at: None,
            phase_due: Some(now.plus(TIMEOUTS.queued)),
            step_due: None,
            expires_at: None,
            held_until: None,
            closes_at: None,
            cancel_asked_at: None,
            consent: Consent::NotNeeded,
            status_code: None,
        }
    }

    const TIMEOUTS: Timeouts = Timeouts {
        queued: Duration::from_secs(100),
        download: None,
        in_progress: Duration::from_secs(50),
        verify: Some(Duration::from_secs(10)),
    };

    fn says(status: ReportedStatus) -> DeviceReport {
        DeviceReport { status, details: None, expected_version: None, step: StepTimer::Keep }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn an_update_goes_from_queued_through_progress_to_success() {
        let begun = queued(at(0)).report(&says(ReportedStatus::InProgress), &TIMEOUTS, at(5)).unwrap();
        assert_eq!(
            (begun.state, begun.version, begun.started_at),
            (ExecutionState::InProgress, 2, Some(at(5)))
        );
        assert_eq!(begun.due(), Some(at(55)));
        let more = begun.report(&says(ReportedStatus::InProgress), &TIMEOUTS, at(20)).unwrap();
        assert_eq!(more.due(), Some(at(55)), "progress does not stretch the job's timer");
        let done = more.report(&says(ReportedStatus::Succeeded), &TIMEOUTS, at(30)).unwrap();
        assert_eq!(
            (done.state, done.outcome(), done.due()),
            (ExecutionState::Succeeded, Outcome::Verifying, None)
        );
    }

    #[test]
    fn nothing_changes_once_it_is_over() {
        for state in ExecutionState::ALL.iter().filter(|state| !state.is_open()) {
            let over = Execution { state: *state, ..queued(at(0)) };
            for status in [
                ReportedStatus::InProgress,
                ReportedStatus::Succeeded,
                ReportedStatus::Failed,
                ReportedStatus::Rejected,
            ] {
                assert_eq!(
                    over.report(&says(status), &TIMEOUTS, at(1)),
                    Err(Refusal::InvalidStateTransition),
                    "{state} {status:?}"
                );
            }
            assert_eq!(over.withdrawn("", at(1)), None, "{state}");
        }
    }

    #[test]
    fn another_version_than_expected_is_refused_before_the_state_is_looked_at() {
        let over = Execution { state: ExecutionState::Succeeded, version: 4, ..queued(at(0)) };
        let report = DeviceReport { expected_version: Some(3), ..says(ReportedStatus::Failed) };
        assert_eq!(over.report(&report, &TIMEOUTS, at(1)), Err(Refusal::VersionMismatch));
    }

    #[test]
    fn the_devices_reason_is_kept_and_cut() {
        let reason = "ä".repeat(200);
        let report = DeviceReport {
            details: Some(BTreeMap::from([("reason".to_owned(), reason)])),
            ..says(ReportedStatus::Failed)
        };
        let failed = queued(at(0)).report(&report, &TIMEOUTS, at(1)).unwrap();
        assert_eq!(failed.reason, "ä".repeat(128));
        let silent = queued(at(0)).report(&says(ReportedStatus::Rejected), &TIMEOUTS, at(1)).unwrap();
        assert!(silent.reason.contains("no reason"));
    }

    #[test]
    fn each_phase_runs_out_with_its_own_reason() {
        assert_eq!(queued(at(0)).timed_out(&TIMEOUTS, None, None, at(99)), None);
        let never = queued(at(0)).timed_out(&TIMEOUTS, None, None, at(100)).unwrap();
        assert_eq!(
            (never.state, never.reason.as_str()),
            (ExecutionState::TimedOut, "not picked up within 1 min 40 s")
        );

        let begun = queued(at(0)).report(&says(ReportedStatus::InProgress), &TIMEOUTS, at(0)).unwrap();
        assert_eq!(begun.timed_out(&TIMEOUTS, None, None, at(49)), None);
        assert!(
            begun.timed_out(&TIMEOUTS, None, None, at(50)).unwrap().reason.starts_with("not finished within")
        );

        let step = DeviceReport {
            step: StepTimer::After(Duration::from_secs(7)),
            ..says(ReportedStatus::InProgress)
        };
        let stepping = begun.report(&step, &TIMEOUTS, at(1)).unwrap();
        assert!(
            stepping.timed_out(&TIMEOUTS, None, None, at(8)).unwrap().reason.starts_with("the step timer")
        );
        let stop = DeviceReport { step: StepTimer::Cancel, ..says(ReportedStatus::InProgress) };
        assert_eq!(
            stepping.report(&stop, &TIMEOUTS, at(2)).unwrap().timed_out(&TIMEOUTS, None, None, at(8)),
            None
        );

        let done = begun
            .report(&says(ReportedStatus::Succeeded), &TIMEOUTS, at(10))
            .unwrap()
            .verifying_until(at(20));
        let expired = done.timed_out(&TIMEOUTS, None, None, at(20)).unwrap();
        assert_eq!((expired.state, expired.verdict), (ExecutionState::Succeeded, Verdict::Expired));
        assert_eq!(expired.outcome(), Outcome::Failed);
    }

    #[test]
    fn a_pause_gives_what_was_queued_its_whole_time_again() {
        let execution = queued(at(0));
        let later = execution.timed_out(&TIMEOUTS, Some(at(90)), None, at(100)).unwrap();
        assert_eq!((later.state, later.due(), later.version), (ExecutionState::Queued, Some(at(190)), 1));
        assert_eq!(
            later.timed_out(&TIMEOUTS, Some(at(90)), None, at(190)).unwrap().state,
            ExecutionState::TimedOut
        );
    }

    #[test]
    fn an_expired_command_is_neither_begun_nor_given_more_time() {
        let (now, expires_at) = (at(0), Some(at(60)));
        let phase_due = Some(queued_until(now, &TIMEOUTS, expires_at));
        assert_eq!(phase_due, expires_at, "the sooner of the two ends the wait");
        let command = Execution { expires_at, phase_due, ..queued(now) };
        let begin = says(ReportedStatus::InProgress);
        assert!(command.report(&begin, &TIMEOUTS, at(59)).is_ok());
        for status in [ReportedStatus::InProgress, ReportedStatus::Succeeded, ReportedStatus::Rejected] {
            assert_eq!(command.report(&says(status), &TIMEOUTS, at(60)), Err(Refusal::Expired), "{status:?}");
        }
        let over = command.timed_out(&TIMEOUTS, Some(at(50)), None, at(60)).unwrap();
        assert_eq!(over.state, ExecutionState::TimedOut);
        assert!(over.reason.starts_with("the command expired at 1970-01-01 00:01 UTC"), "{}", over.reason);
        let begun = command.report(&begin, &TIMEOUTS, at(59)).unwrap();
        assert!(begun.report(&says(ReportedStatus::Succeeded), &TIMEOUTS, at(70)).is_ok(), "it was in time");
    }

    #[test]
    fn what_a_gone_device_had_to_do_ends_at_once() {
        let gone = queued(at(0)).orphaned("the device was decommissioned", at(5)).unwrap();
        assert_eq!(
            (gone.state, gone.outcome(), gone.due()),
            (ExecutionState::Removed, Outcome::Skipped, None)
        );
        assert_eq!(gone.reason, "the device was decommissioned");
        let done = queued(at(0)).report(&says(ReportedStatus::Succeeded), &TIMEOUTS, at(1)).unwrap();
        let verdict = done.verifying_until(at(9)).orphaned("gone", at(5)).unwrap();
        assert_eq!((verdict.outcome(), verdict.due()), (Outcome::Succeeded, None));
        assert_eq!(gone.orphaned("again", at(6)), None);
    }

    #[test]
    fn a_failed_command_without_a_reason_says_its_exit_code() {
        let details = Some(BTreeMap::from([("exitCode".to_owned(), "3".to_owned())]));
        let report = DeviceReport { details, ..says(ReportedStatus::Failed) };
        let failed = queued(at(0)).report(&report, &TIMEOUTS, at(1)).unwrap();
        assert_eq!(failed.reason, "ended with exit code 3");
    }

    #[test]
    fn only_what_the_device_began_is_retried_and_only_so_often() {
        let now = at(0);
        let begun = queued(now).report(&says(ReportedStatus::InProgress), &TIMEOUTS, now).unwrap();
        let failed = begun.report(&says(ReportedStatus::Failed), &TIMEOUTS, now).unwrap();
        assert!(failed.is_retried(1));
        assert!(!failed.is_retried(0));
        assert!(!Execution { number: 2, ..failed.clone() }.is_retried(1));
        assert!(begun.timed_out(&TIMEOUTS, None, None, at(50)).unwrap().is_retried(1));
        assert!(!queued(now).timed_out(&TIMEOUTS, None, None, at(100)).unwrap().is_retried(1));
        assert!(!begun.report(&says(ReportedStatus::Rejected), &TIMEOUTS, now).unwrap().is_retried(1));
        assert!(!failed.judged(Verdict::Verified, "", now).is_retried(1), "the truth is that it runs");
    }

    proptest! {
        #[test]
        fn whatever_a_device_says_the_version_rises_or_nothing_changes(
            reports in proptest::collection::vec((0_usize..4, proptest::option::of(0_i64..6), 0_i64..60), 0..20)
        ) {
            let statuses = [ReportedStatus::InProgress, ReportedStatus::Succeeded, ReportedStatus::Failed, ReportedStatus::Rejected];
            let mut execution = queued(at(0));
            let mut now = 0;
            for (status, expected_version, wait) in reports {
                now += wait;
                let report = DeviceReport { expected_version, ..says(statuses[status]) };
                let open = execution.state.is_open();
                if let Ok(next) = execution.report(&report, &TIMEOUTS, at(now)) {
                    prop_assert!(open);
                    prop_assert_eq!(next.version, execution.version + 1);
                    prop_assert!(next.state != ExecutionState::Queued);
                    prop_assert_eq!(next.ended_at.is_some(), !next.state.is_open());
                    prop_assert_eq!(next.due().is_some(), next.state.is_open());
                    execution = next;
                }
            }
        }
    }
}
