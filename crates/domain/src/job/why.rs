//! Why one device's part stands where it stands, in a sentence, and what one can do about it.

use crate::ids::JobId;
use crate::job::eligible::{ALLOW_DOWNGRADE, RUNS_BY_NOW, WAITS_FOR_A_PLACE, is_downgrade};
use crate::job::execution::{Consent, Execution};
use crate::job::phase::{PHASE, Phase};
use crate::job::plan::{self, Tally};
use crate::job::rollout::Handling;
use crate::job::spec::{Job, What};
use crate::job::states::{ExecutionState, JobState, Verdict};
use crate::job::window::{MaintenanceWindow, WindowState, Zone};
use crate::job::word::UNSEEN;
use crate::time::{Timestamp, span};

/// A sentence and a piece of advice. The advice may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// What is the case.
    pub sentence: String,
    /// What an operator can do.
    pub action: &'static str,
}

fn say(sentence: impl Into<String>, action: &'static str) -> Why {
    Why { sentence: sentence.into(), action }
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
        JobState::Paused => Some(say(
            "The job is paused; devices do not see what they had not begun or fetched.",
            "Resume the job.",
        )),
        JobState::Halted(halt) => Some(say(
            format!("The job {halt}. Devices do not see what they had not begun or fetched."),
            "Look at the failures, then resume, retry or cancel the job.",
        )),
        JobState::Stopping { .. } => Some(say("The job is being canceled.", "")),
        JobState::Scheduled { .. } | JobState::Running | JobState::Canceled | JobState::Completed => None,
    }
}

/// The detail of an execution that says why its device went on when it was asked to stop.
pub const STOP_REFUSED: &str = "stopRefused";

/// What is known of a device beside its part of a job.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Whether it can be reached now.
    pub is_online: bool,
    /// Its attribute `timezone`.
    pub zone: Option<&'a str>,
    /// Whether its client says that it is done with what it is told not to install: nothing of that kind is shown to it.
    pub closes_skipped: bool,
    /// The job whose update the device is told of before this one, with its name.
    pub ahead: Option<(JobId, &'a str)>,
}

/// What holds back a device that has not begun.
fn held(job: &Job, execution: &Execution, zone: Option<&str>) -> Option<Why> {
    if execution.consent == Consent::Awaited {
        return Some(say(
            "The device's user has not agreed to the update yet.",
            "Agree on the device, or confirm for it.",
        ));
    }
    let at = execution.held_until?;
    let is_first = execution.number == 1;
    // A pause that ends while the window is open is no opening.
    let opens = |window: &&MaintenanceWindow| match window.state(zone, at) {
        WindowState::Open { since, .. } => since == at || is_first,
        WindowState::Closed { .. } | WindowState::NoneLeft => is_first,
    };
    let Some(window) = job.spec.rollout.window.as_ref().filter(opens) else {
        return Some(say(
            format!("It failed before and is tried again at {}.", at.for_people()),
            "Wait, or retry the failed devices now.",
        ));
    };
    let is_unknown = window.zone.is_none() && zone.is_some_and(|zone| zone.parse::<Zone>().is_err());
    Some(say(
        format!(
            "The maintenance window ({}) is closed; it opens at {}.",
            window.words_for(zone),
            at.for_people()
        ),
        if is_unknown {
            "Set the device's attribute timezone to a name such as Europe/Berlin, or wait."
        } else {
            "Wait, or make a job without a window."
        },
    ))
}

/// Why a device that nothing holds back has not begun: by what it is told of, and whether it can hear it.
fn not_begun(job: &Job, known: Known<'_>, left: &str) -> Why {
    if known.closes_skipped && job.spec.rollout.handling == Handling::DownloadOnly {
        return say(
            "Not shown to the device: its client cannot only download. As SWUpdate does, it closes what it is told not \
             to install.",
            "Make a job that installs, or set the device's attribute hawkbit.client to generic if its client can.",
        );
    }
    match (known.ahead, known.is_online) {
        (Some((first, name)), _) => {
            let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
            say(
                format!(
                    "Another update goes first: job {first}{name}; this one follows when that ended.{left}"
                ),
                "Wait for that job, or cancel it.",
            )
        }
        (None, true) => say(
            format!("Offered; the device is online and has not picked it up.{left}"),
            "Check that the device's client runs and asks for jobs.",
        ),
        (None, false) => say(
            format!("Offered; the device is not online.{left}"),
            "Wait for the device, or find out why it is away.",
        ),
    }
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
        /// What is known of the device.
        known: Known<'a>,
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
            say(format!("The job starts at {}.", at.for_people()), "Wait, or start it now.")
        }
        JobState::Scheduled { start_at: None } => say("The job was not started yet.", "Start the job."),
        JobState::Stopping { .. } | JobState::Canceled => {
            say("The job was canceled before it was this device's turn.", "Make another job for it.")
        }
        JobState::Completed => {
            say("The job was over before it was this device's turn.", "Make another job for it.")
        }
        JobState::Running if wave > current => {
            let standing = plan::Standings::of(tallies).wave(current);
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
        Place::Here { execution, known } => why(job, execution, *known, now),
        Place::Waiting { wave } => not_yet(job, *wave, tallies),
        Place::NotATarget => say(
            format!("The job is not for this device; it is for {}.", job.spec.targets),
            "Make a job for this device.",
        ),
    }
}

/// What a device was last known to be at, where the job times that by itself.
fn timed(job: &Job, execution: &Execution) -> Option<Phase> {
    let is_timed = job.spec.timeouts.download.is_some() && execution.started_at.is_some();
    Phase::of(&execution.details).filter(|_| is_timed)
}

/// Explains why a device was left out. A job that goes on taking devices in takes it in by itself once it may.
fn left_out(job: &Job, execution: &Execution) -> Why {
    let goes_on = job.spec.rollout.continuous.is_some();
    let waits = execution.reason == WAITS_FOR_A_PLACE;
    let (turn, wait, mend) = match &job.state {
        JobState::Running if goes_on => (
            "nothing speaks against it any more, and it has its turn once there is a place",
            "Wait for others to finish.",
            "Mend that; the job takes the device in by itself.",
        ),
        JobState::Paused | JobState::Halted(_) if goes_on => (
            "nothing speaks against it any more, and it has its turn when the job goes on",
            "Resume the job.",
            "Mend that; once the job goes on it takes the device in by itself.",
        ),
        JobState::AwaitingApproval { .. }
        | JobState::Denied
        | JobState::Scheduled { .. }
        | JobState::Running
        | JobState::Paused
        | JobState::Halted(_)
        | JobState::Stopping { .. }
        | JobState::Canceled
        | JobState::Completed => (
            "the job was over before there was a place for it",
            "Make another job for it.",
            "Mend that, then make a job for this device.",
        ),
    };
    if waits {
        say(format!("Left out when its turn came; {turn}."), wait)
    } else {
        let action = if is_downgrade(&execution.reason) { ALLOW_DOWNGRADE } else { mend };
        say(format!("Skipped: {}.", execution.reason), action)
    }
}

/// Explains an execution.
pub fn why(job: &Job, execution: &Execution, known: Known<'_>, now: Timestamp) -> Why {
    let left = |due: Option<Timestamp>| {
        due.map_or(String::new(), |due| format!(" Time left: {}.", span(due.since(now))))
    };
    let is_command = job.spec.what.command().is_some();
    if execution.state.is_open() && execution.cancel_asked_at.is_some() {
        let sentence =
            format!("The device was asked to stop and has not answered yet.{}", left(execution.due()));
        return say(sentence, "Wait for the device, or force the cancellation.");
    }
    match (execution.state, execution.verdict) {
        (ExecutionState::Queued, _) => waiting(job)
            .or_else(|| held(job, execution, known.zone))
            .unwrap_or_else(|| not_begun(job, known, &left(execution.due()))),
        (ExecutionState::InProgress, _) => {
            let phase = execution.details.get(PHASE).map_or("working on it", |phase| phase);
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
            match execution.reason.split_once(UNSEEN) {
                Some((_, instead)) => format!("The device {UNSEEN}{instead}."),
                None => format!("The device {UNSEEN}."),
            },
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
            match timed(job, execution) {
                _ if is_command => "Find out why the device is silent, then send the command again.",
                Some(Phase::Download) => {
                    "Look at the device's link and at the job's download rate; then retry the failed devices, or make a \
                     job that gives the download more time."
                }
                Some(Phase::Install) => {
                    "Look at the device's log: the installation hangs, or needs more time than the job gives it; then \
                     retry the failed devices."
                }
                None => "Find out why the device is silent, then retry the failed devices.",
            },
        ),
        (ExecutionState::Canceled, Verdict::Pending) => say(format!("Withdrawn: {}.", execution.reason), ""),
        (ExecutionState::Removed, Verdict::Pending) if execution.reason == RUNS_BY_NOW => {
            say("Left out when its turn came; the device runs this version by now.", "")
        }
        (ExecutionState::Removed, Verdict::Pending) => left_out(job, execution),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::ids::{DeviceId, ExecutionId, JobId, TenantId};
    use crate::job::fixture;
    use crate::job::rollout::{Backoff, Continuous, RolloutPolicy};
    use crate::job::states::{Begin, Begun, Halt};

    const ONLINE: Known<'static> = Known { is_online: true, zone: None, closes_skipped: false, ahead: None };

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
    fn every_state_and_verdict_has_a_sentence_without_loose_ends_and_whoever_waits_can_do_something() {
        let only_fetched = RolloutPolicy { handling: Handling::DownloadOnly, ..RolloutPolicy::default() };
        let knowns = [
            Known::default(),
            ONLINE,
            Known { closes_skipped: true, ..ONLINE },
            Known { ahead: Some((JobId::new(7), "spring")), ..ONLINE },
        ];
        let now = Timestamp::from_seconds(0);
        let mut seen = std::collections::BTreeSet::new();
        for rollout in [RolloutPolicy::default(), only_fetched] {
            let mut job = job(JobState::Running);
            job.spec.rollout = rollout;
            for known in knowns {
                for verdict in Verdict::ALL {
                    for state in ExecutionState::ALL {
                        let why = why(&job, &execution(*state, *verdict), known, now);
                        assert!(
                            why.sentence.ends_with('.') && !why.sentence.contains(".."),
                            "{}",
                            why.sentence
                        );
                    }
                    let waits = why(&job, &execution(ExecutionState::Queued, *verdict), known, now);
                    assert!(waits.action.ends_with('.'), "{waits:?}");
                    seen.insert((waits.sentence, waits.action));
                }
            }
        }
        assert_eq!(seen.len(), 4, "away, idle, unable, after another: {seen:?}");
    }

    /// What is said of a device that waits, with what an operator can do.
    fn waits(job: &Job, execution: &Execution, known: Known<'_>) -> (String, &'static str) {
        let why = why(job, execution, known, Timestamp::from_seconds(0));
        assert!(why.sentence.ends_with('.') && !why.sentence.contains(".."), "{}", why.sentence);
        (why.sentence, why.action)
    }

    #[test]
    fn a_client_that_cannot_only_download_is_named_as_the_reason() {
        let queued = execution(ExecutionState::Queued, Verdict::Pending);
        let mut job = job(JobState::Running);
        let closes = Known { closes_skipped: true, ..ONLINE };
        assert!(waits(&job, &queued, closes).0.contains("has not picked it up"), "it installs this one");
        job.spec.rollout.handling = Handling::DownloadOnly;
        let (sentence, action) = waits(&job, &queued, closes);
        assert!(sentence.contains("cannot only download"), "{sentence}");
        assert!(action.contains("a job that installs") && action.contains("hawkbit.client"), "{action}");
        assert!(waits(&job, &queued, ONLINE).0.contains("has not picked it up"));
    }

    #[test]
    fn another_update_that_goes_first_is_named_whether_the_device_is_there_or_not() {
        let queued = execution(ExecutionState::Queued, Verdict::Pending);
        for is_online in [true, false] {
            let ahead = |name| Known { is_online, ahead: Some((JobId::new(7), name)), ..Known::default() };
            let (sentence, action) = waits(&job(JobState::Running), &queued, ahead("spring"));
            let first = "Another update goes first: job 7 (spring); this one follows when that ended.";
            assert!(sentence.starts_with(first), "{sentence}");
            assert!(action.contains("cancel it"), "{action}");
            let (sentence, _) = waits(&job(JobState::Running), &queued, ahead(""));
            assert!(sentence.contains("job 7; this one"), "{sentence}");
        }
    }

    #[test]
    fn a_window_is_told_from_a_pause_after_a_failure_at_every_try() {
        let mut job = job(JobState::Running);
        let seconds = Duration::from_secs;
        job.spec.rollout.backoff =
            Some(Backoff { first: seconds(60), longest: seconds(3600), codes: Vec::new() });
        job.spec.rollout.window = Some(MaintenanceWindow {
            schedule: "0 2 * * *".parse().unwrap(),
            duration: seconds(3600),
            zone: None,
        });
        let said = |number: i64, hour: i64, minute: i64, zone| {
            let held_until = Some(Timestamp::from_seconds(hour * 3600 + minute * 60));
            let held =
                Execution { number, held_until, ..execution(ExecutionState::Queued, Verdict::Pending) };
            waits(&job, &held, Known { zone, ..ONLINE })
        };
        let (first, action) = said(1, 2, 0, Some("UTC"));
        assert!(first.starts_with("The maintenance window (0 2 * * * for 60 min in UTC,"), "{first}");
        assert_eq!(action, "Wait, or make a job without a window.");
        let (again, action) = said(2, 2, 0, Some("UTC"));
        let held = "The maintenance window (0 2 * * * for 60 min in UTC,";
        assert!(again.starts_with(held) && again.contains("is closed; it opens at 1970-01-01"), "{again}");
        assert_eq!(action, "Wait, or make a job without a window.");
        let (paused, action) = said(2, 2, 30, Some("UTC"));
        assert!(paused.starts_with("It failed before and is tried again at 1970-01-01"), "{paused}");
        assert_eq!(action, "Wait, or retry the failed devices now.");
        let (unknown, action) = said(1, 2, 0, Some("Europe/Berln"));
        assert!(
            unknown.contains("in UTC, since the device's time zone `Europe/Berln` is unknown"),
            "{unknown}"
        );
        assert!(action.contains("attribute timezone"), "{action}");
    }

    #[test]
    fn a_waiting_device_is_told_apart_from_a_held_job() {
        let queued = execution(ExecutionState::Queued, Verdict::Pending);
        let now = Timestamp::from_seconds(0);
        assert!(why(&job(JobState::Running), &queued, Known::default(), now).sentence.contains("not online"));
        assert!(why(&job(JobState::Running), &queued, ONLINE, now).sentence.contains("Time left: 1 h."));
        assert!(why(&job(JobState::Paused), &queued, ONLINE, now).sentence.contains("paused"));
        let failed = execution(ExecutionState::Failed, Verdict::Pending);
        assert_eq!(why(&job(JobState::Running), &failed, ONLINE, now).sentence, "Failed: battery low.");
    }

    #[test]
    fn who_was_left_out_by_a_job_that_goes_on_is_told_that_it_is_taken_in_by_itself() {
        let said = |state: JobState, reason: &str, goes_on: bool| {
            let mut job = job(state);
            let continuous = Continuous { query: "tag==a".to_owned(), wave_size: 1 };
            job.spec.rollout.continuous = goes_on.then_some(continuous);
            let mut left_out = execution(ExecutionState::Removed, Verdict::Pending);
            left_out.reason = reason.to_owned();
            waits(&job, &left_out, Known::default())
        };
        let suspended = "the device is suspended";
        let (sentence, action) = said(JobState::Running, suspended, true);
        assert_eq!(sentence, "Skipped: the device is suspended.");
        assert_eq!(action, "Mend that; the job takes the device in by itself.");
        let once = "Mend that; once the job goes on it takes the device in by itself.";
        assert_eq!(said(JobState::Paused, suspended, true).1, once);
        for (state, goes_on) in [(JobState::Running, false), (JobState::Canceled, true)] {
            assert_eq!(said(state, suspended, goes_on).1, "Mend that, then make a job for this device.");
        }
        let (sentence, action) = said(JobState::Running, WAITS_FOR_A_PLACE, true);
        assert!(sentence.ends_with("it has its turn once there is a place."), "{sentence}");
        assert_eq!(action, "Wait for others to finish.");
        assert_eq!(said(JobState::Paused, WAITS_FOR_A_PLACE, true).1, "Resume the job.");
        let (sentence, action) = said(JobState::Completed, WAITS_FOR_A_PLACE, true);
        assert!(sentence.contains("the job was over"), "{sentence}");
        assert_eq!(action, "Make another job for it.");
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
        assert!(nowhere.sentence.contains("not for this device"));
    }
}
