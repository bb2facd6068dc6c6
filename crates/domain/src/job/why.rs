//! Why one device's part stands where it stands, in a sentence, and what one can do about it.

use crate::job::execution::{Consent, Execution, span};
use crate::job::plan::{self, Tally};
use crate::job::spec::{Job, What};
use crate::job::states::{ExecutionState, JobState, Verdict};
use crate::time::Timestamp;

/// A sentence and a piece of advice. The advice may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// What is the case.
    pub sentence: String,
    /// What an operator can do.
    pub action: &'static str,
    /// Whether the device has a place in the job at all.
    pub place_is_known: bool,
}

fn say(sentence: impl Into<String>, action: &'static str) -> Why {
    Why { sentence: sentence.into(), action, place_is_known: true }
}

fn waiting(job: &Job) -> Option<Why> {
    match &job.state {
        JobState::AwaitingApproval { .. } => {
            Some(say("The job waits for the approval of a second person.", "Approve or deny the job."))
        }
        JobState::Denied => Some(say("A second person denied the job.", "")),
        JobState::Paused if job.progress.passed > plan::current_wave(job) => Some(say(
            format!("The job pauses after wave {}, as its policy says.", job.progress.passed),
            "Resume the job.",
        )),
        JobState::Paused => {
            Some(say("The job is paused; devices do not see what they had not begun.", "Resume the job."))
        }
        JobState::Halted(halt) => Some(say(
            format!("The job {halt}; devices do not see what they had not begun."),
            "Look at the failures, then resume, retry or cancel the job.",
        )),
        JobState::Stopping { .. } => Some(say("The job is being canceled.", "")),
        JobState::Scheduled { .. } | JobState::Running | JobState::Canceled | JobState::Completed => None,
    }
}

/// What is left, as people say it: in the largest unit of which there are at least two, rounded down.
fn about(left: std::time::Duration) -> String {
    let seconds = left.as_secs();
    let unit = [86_400, 3_600, 60].into_iter().find(|unit| seconds >= 2 * unit).unwrap_or(1);
    span(std::time::Duration::from_secs(seconds - seconds % unit))
}

/// The detail of an execution that says why its device went on when it was asked to stop.
pub const STOP_REFUSED: &str = "stopRefused";

/// What holds back a device that has not begun.
fn held(job: &Job, execution: &Execution) -> Option<Why> {
    if execution.consent == Consent::Awaited {
        return Some(say(
            "The device's user has not agreed to the update yet.",
            "Agree on the device, or confirm for it.",
        ));
    }
    let at = execution.held_until?;
    Some(match &job.spec.rollout.window {
        Some(window) if execution.number == 1 || job.spec.rollout.backoff.is_none() => say(
            format!("The maintenance window ({window}) is closed; it opens at {at}."),
            "Wait, or make a job without a window.",
        ),
        _ => say(
            format!("It failed before and is tried again at {at}."),
            "Wait, or retry the failed devices now.",
        ),
    })
}

/// Where a device is to be found in a job.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// Nowhere: the job is not for it.
    NotATarget,
    /// In a wave, counted from 0, and not offered work yet.
    Waiting {
        /// Which.
        wave: u32,
    },
    /// It was offered work.
    Here {
        /// Its part.
        execution: &'a Execution,
        /// Whether it can be reached now.
        online: bool,
    },
}

/// Why a device is not offered work yet.
fn not_yet(job: &Job, wave: u32, tallies: &[Tally]) -> Why {
    let number = u64::from(wave) + 1;
    let current = plan::current_wave(job);
    match &job.state {
        JobState::AwaitingApproval { .. } | JobState::Denied | JobState::Paused | JobState::Halted(_) => {
            waiting(job).unwrap_or_else(|| say("The job does not run.", ""))
        }
        JobState::Scheduled { start_at: Some(at) } => {
            say(format!("The job starts at {at}."), "Wait, or start it now.")
        }
        JobState::Scheduled { start_at: None } => say("The job was not started yet.", "Start the job."),
        JobState::Stopping { .. } | JobState::Canceled => {
            say("The job was canceled before it was this device's turn.", "Make another job for it.")
        }
        JobState::Completed => {
            say("The job was over before it was this device's turn.", "Make another job for it.")
        }
        JobState::Running if wave > current => {
            let standing = plan::Standing::of(tallies, |w| w == current);
            let open = standing.queued + standing.in_progress + standing.verifying;
            say(
                format!(
                    "It is in wave {number}; wave {} is under way: {} succeeded, {} failed, {open} still at it.",
                    u64::from(current) + 1,
                    standing.succeeded,
                    standing.failed,
                ),
                "Wait, or go on to the next wave.",
            )
        }
        JobState::Running => match job.spec.rollout.concurrency {
            Some(most) => say(
                format!("It is next in wave {number}; only {most} devices may have work at once."),
                "Wait for others to finish, or raise the cap in another job.",
            ),
            None => say(format!("It is next in wave {number}; work is being handed out."), ""),
        },
    }
}

/// Explains where a device stands with a job, whatever that is.
pub fn standing(job: &Job, place: &Place<'_>, tallies: &[Tally], now: Timestamp) -> Why {
    match place {
        Place::Here { execution, online } => why(job, execution, *online, now),
        Place::Waiting { wave } => not_yet(job, *wave, tallies),
        Place::NotATarget => Why {
            place_is_known: false,
            ..say(
                format!("The job is not for this device; it is for {}.", job.spec.targets),
                "Make a job for this device.",
            )
        },
    }
}

/// Explains an execution. `online`: whether the device can be reached now.
pub fn why(job: &Job, execution: &Execution, online: bool, now: Timestamp) -> Why {
    let left = |due: Option<Timestamp>| {
        due.map_or(String::new(), |due| format!(" Time left: {}.", about(due.since(now))))
    };
    let is_command = job.spec.what.command().is_some();
    if execution.state.is_open() && execution.cancel_asked_at.is_some() {
        let sentence =
            format!("The device was asked to stop and has not answered yet.{}", left(execution.due()));
        return say(sentence, "Wait for the device, or force the cancellation.");
    }
    match (execution.state, execution.verdict) {
        (ExecutionState::Queued, _) => waiting(job).or_else(|| held(job, execution)).unwrap_or_else(|| {
            if online {
                say(
                    format!(
                        "Offered; the device is online and has not picked it up.{}",
                        left(execution.due())
                    ),
                    "Check that the device's client runs and asks for jobs.",
                )
            } else {
                say(
                    format!("Offered; the device is not online.{}", left(execution.due())),
                    "Wait for the device, or find out why it is away.",
                )
            }
        }),
        (ExecutionState::InProgress, _) => {
            let phase = execution.details.get("phase").map_or("working on it", |phase| phase);
            let progress =
                execution.details.get("progress").map_or(String::new(), |progress| format!(", {progress} %"));
            match execution.details.get(STOP_REFUSED) {
                None => say(format!("The device is {phase}{progress}.{}", left(execution.due())), ""),
                Some(refused) => say(
                    format!(
                        "The device refused to stop ({refused}) and is {phase}{progress}.{}",
                        left(execution.due())
                    ),
                    "Let it finish, or end it without its word.",
                ),
            }
        }
        (_, Verdict::Verified) if execution.started_at.is_none() => {
            say("The device ran this version already; nothing was offered.", "")
        }
        (_, Verdict::Verified) if is_command => say("The command ended with exit code 0.", ""),
        (_, Verdict::Verified) => say("The new version was seen running.", ""),
        (_, Verdict::Unverifiable) if !execution.reason.is_empty() => {
            say(format!("The device reported success; {}.", execution.reason), "")
        }
        (_, Verdict::Unverifiable) => match job.spec.what {
            What::Update { .. } => say(
                "The device reported success; its type has no place where a version shows.",
                "Set the type's version sources so that updates can be verified.",
            ),
            What::Command(_) | What::Document(_) => say("The device reported success.", ""),
        },
        (_, Verdict::RolledBack) => say(
            format!("The device reported success, then {}.", execution.reason),
            "Look at the device's log: the new version did not stay up.",
        ),
        (_, Verdict::Expired) => say(
            "The device reported success, but the new version was not seen running in time.",
            "Check whether the device came back, and where its type says that versions show.",
        ),
        (_, Verdict::Refuted) => say(
            format!("The device reported success, but {}.", execution.reason),
            "Read the command's output.",
        ),
        (ExecutionState::Succeeded, Verdict::Pending) if !execution.reason.is_empty() => say(
            format!(
                "The device reported success, but {}; it may not have restarted yet.{}",
                execution.reason,
                left(execution.due())
            ),
            "Wait; if it stays so, look at the device's log.",
        ),
        (ExecutionState::Succeeded, Verdict::Pending) => say(
            format!(
                "The device reported success; waiting to see the new version running.{}",
                left(execution.due())
            ),
            "",
        ),
        (ExecutionState::Failed, Verdict::Pending) => {
            say(format!("Failed: {}.", execution.reason), "Mend the cause, then retry the failed devices.")
        }
        (ExecutionState::Rejected, Verdict::Pending) => say(
            format!("The device rejected it: {}.", execution.reason),
            if is_command {
                "Check that the device knows this command and its arguments."
            } else {
                "Check that the release fits the device."
            },
        ),
        (ExecutionState::TimedOut, Verdict::Pending) => say(
            format!("Timed out: {}.", execution.reason),
            if is_command {
                "Find out why the device is silent, then send the command again."
            } else {
                "Find out why the device is silent, then retry the failed devices."
            },
        ),
        (ExecutionState::Canceled, Verdict::Pending) => say(format!("Withdrawn: {}.", execution.reason), ""),
        (ExecutionState::Removed, Verdict::Pending) => {
            say(format!("Skipped: {}.", execution.reason), "Mend that, then make a job for this device.")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::ids::{DeviceId, ExecutionId, JobId, TenantId};
    use crate::job::fixture;
    use crate::job::states::{Begin, Begun, Halt};

    fn job(state: JobState) -> Job {
        Job { state, ..fixture::job() }
    }

    fn execution(state: ExecutionState, verdict: Verdict) -> Execution {
        let now = Timestamp::from_seconds(0);
        Execution {
            id: ExecutionId::new(1),
            tenant: TenantId::new(1),
            job: JobId::new(1),
            device: DeviceId::new(1),
            number: 1,
            wave: 0,
            state,
            verdict,
            reason: "battery low".to_owned(),
            details: BTreeMap::new(),
            version: 1,
            before: BTreeMap::new(),
            queued_at: now,
            started_at: None,
            updated_at: now,
            ended_at: None,
            phase_due: Some(now.plus(Duration::from_secs(3600))),
            step_due: None,
            expires_at: None,
            held_until: None,
            closes_at: None,
            cancel_asked_at: None,
            consent: Consent::NotNeeded,
            status_code: None,
        }
    }

    #[test]
    fn what_is_left_is_told_in_a_unit_that_people_take_in() {
        for (seconds, said) in [
            (0, "0 seconds"),
            (59, "59 seconds"),
            (119, "119 seconds"),
            (7_151, "119 minutes"),
            (7_200, "2 hours"),
            (100_000, "27 hours"),
            (200_000, "2 days"),
        ] {
            assert_eq!(about(Duration::from_secs(seconds)), said);
        }
    }

    #[test]
    fn every_state_and_verdict_has_a_sentence_without_loose_ends() {
        for state in ExecutionState::ALL {
            for verdict in Verdict::ALL {
                let why = why(
                    &job(JobState::Running),
                    &execution(*state, *verdict),
                    true,
                    Timestamp::from_seconds(0),
                );
                assert!(why.sentence.ends_with('.') && !why.sentence.contains(".."), "{}", why.sentence);
            }
        }
    }

    #[test]
    fn a_waiting_device_is_told_apart_from_a_held_job() {
        let queued = execution(ExecutionState::Queued, Verdict::Pending);
        let now = Timestamp::from_seconds(0);
        assert!(why(&job(JobState::Running), &queued, false, now).sentence.contains("not online"));
        assert!(why(&job(JobState::Running), &queued, true, now).sentence.contains("Time left: 1 hour."));
        assert!(why(&job(JobState::Paused), &queued, true, now).sentence.contains("paused"));
        let failed = execution(ExecutionState::Failed, Verdict::Pending);
        assert_eq!(why(&job(JobState::Running), &failed, true, now).sentence, "Failed: battery low.");
    }

    #[test]
    fn every_state_of_a_job_says_why_a_device_has_nothing_yet() {
        let states = [
            JobState::AwaitingApproval { then: Begin::Now },
            JobState::Denied,
            JobState::Scheduled { start_at: None },
            JobState::Scheduled { start_at: Some(Timestamp::from_seconds(9)) },
            JobState::Running,
            JobState::Paused,
            JobState::Halted(Halt { wave: 0, failed: 1, finished: 1, threshold: "none".to_owned() }),
            JobState::Stopping { begun: Begun::Finish },
            JobState::Canceled,
            JobState::Completed,
        ];
        let now = Timestamp::from_seconds(0);
        let mut seen = std::collections::BTreeSet::new();
        for state in states {
            for wave in 0..2 {
                let why = standing(&job(state.clone()), &Place::Waiting { wave }, &[], now);
                assert!(why.sentence.ends_with('.') && !why.sentence.contains(".."), "{}", why.sentence);
                seen.insert(why.sentence);
            }
        }
        assert_eq!(seen.len(), 10, "only a running job tells waves apart: {seen:?}");
        let nowhere = standing(&job(JobState::Running), &Place::NotATarget, &[], now);
        assert!(!nowhere.place_is_known && nowhere.sentence.contains("not for this device"));
    }
}
