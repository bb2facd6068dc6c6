//! The states of jobs and of executions, and the one table that says them in other protocols' words.
//!
//! Knows no transition that needs a time or a policy; those are in [`super::execution`] and [`super::plan`].

use std::fmt;
use std::str::FromStr;

use crate::device::words;
use crate::ids::InvalidName;
use crate::time::Timestamp;

words!(
    /// What a job does.
    JobKind {
        /// Brings devices to a release. Shown as a rollout.
        Update = "update",
        /// Tells devices to do something now, and keeps what they answer.
        Command = "command",
        /// Hands devices a document that means something to them only.
        Custom = "custom",
    }
);

words!(
    /// What the protocol said of one device's part. Final there once it is terminal.
    ExecutionState {
        /// Offered, not picked up.
        Queued = "queued",
        /// The device works on it.
        InProgress = "inProgress",
        /// The device says that it is done.
        Succeeded = "succeeded",
        /// The device says that it failed.
        Failed = "failed",
        /// The device will not do it.
        Rejected = "rejected",
        /// Not picked up, or not finished, in time.
        TimedOut = "timedOut",
        /// Withdrawn by an operator, or its maintenance window never opens any more.
        Canceled = "canceled",
        /// Never offered, or withdrawn: the device is gone, out of service or of another type now.
        Removed = "removed",
    }
);

/// An execution state in the words of the protocols that devices speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtocolWords {
    /// AWS IoT jobs: `status` of an execution.
    pub aws: &'static str,
    /// hawkBit: status of an action.
    pub hawkbit: &'static str,
    /// Mender: status of a deployment on a device.
    pub mender: &'static str,
}

impl ExecutionState {
    /// The table.
    pub const fn protocol(self) -> ProtocolWords {
        let (aws, hawkbit, mender) = match self {
            Self::Queued => ("QUEUED", "RUNNING", "pending"),
            Self::InProgress => ("IN_PROGRESS", "RETRIEVED", "installing"),
            Self::Succeeded => ("SUCCEEDED", "FINISHED", "success"),
            Self::Failed => ("FAILED", "ERROR", "failure"),
            Self::Rejected => ("REJECTED", "ERROR", "failure"),
            Self::TimedOut => ("TIMED_OUT", "ERROR", "failure"),
            Self::Canceled => ("CANCELED", "CANCELED", "aborted"),
            Self::Removed => ("REMOVED", "CANCELED", "decommissioned"),
        };
        ProtocolWords { aws, hawkbit, mender }
    }

    /// Queued or in progress: the device has work to do.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Queued | Self::InProgress => true,
            Self::Succeeded
            | Self::Failed
            | Self::Rejected
            | Self::TimedOut
            | Self::Canceled
            | Self::Removed => false,
        }
    }
}

words!(
    /// What is true of one device's part, whatever the device said.
    Verdict {
        /// Nothing was seen yet that proves it one way or the other.
        Pending = "pending",
        /// The new version was seen running; of a command: its exit code is 0.
        Verified = "verified",
        /// The old version was seen running after the device said that it succeeded.
        RolledBack = "rolledBack",
        /// There is no place where it shows, or a later update was seen first: the device's word is all there is. Counts as
        /// success.
        Unverifiable = "unverifiable",
        /// The device said that it succeeded, and nothing showed it in time. Counts as failure.
        Expired = "expired",
        /// The device said that it succeeded, and the exit code that it gave says otherwise. Counts as failure.
        Refuted = "refuted",
    }
);

words!(
    /// How one device's part counts: for gates, for thresholds, for people.
    Outcome {
        /// The device has work to do.
        Open = "open",
        /// The device says that it is done; the new version has not shown yet.
        Verifying = "verifying",
        /// Done, and true as far as can be known.
        Succeeded = "succeeded",
        /// Not done.
        Failed = "failed",
        /// Withdrawn.
        Canceled = "canceled",
        /// Never offered, or withdrawn because the device is gone.
        Skipped = "skipped",
    }
);

impl Outcome {
    /// The verdict decides; only while it is pending does the state.
    pub const fn of(state: ExecutionState, verdict: Verdict) -> Self {
        match (verdict, state) {
            (Verdict::Verified | Verdict::Unverifiable, _) => Self::Succeeded,
            (Verdict::RolledBack | Verdict::Expired | Verdict::Refuted, _) => Self::Failed,
            (Verdict::Pending, ExecutionState::Queued | ExecutionState::InProgress) => Self::Open,
            (Verdict::Pending, ExecutionState::Succeeded) => Self::Verifying,
            (
                Verdict::Pending,
                ExecutionState::Failed | ExecutionState::Rejected | ExecutionState::TimedOut,
            ) => Self::Failed,
            (Verdict::Pending, ExecutionState::Canceled) => Self::Canceled,
            (Verdict::Pending, ExecutionState::Removed) => Self::Skipped,
        }
    }

    /// Neither open nor verifying: nothing more will come, unless somebody retries it.
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Open | Self::Verifying => false,
            Self::Succeeded | Self::Failed | Self::Canceled | Self::Skipped => true,
        }
    }
}

/// Why a job stopped by itself. `Display` is the sentence that operators read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halt {
    /// The wave that was under way, counted from 0.
    pub wave: u32,
    /// Failures that counted.
    pub failed: u64,
    /// Devices that had finished, well or not, and counted.
    pub finished: u64,
    /// What is allowed, as text, such as "at most 20 % may".
    pub threshold: String,
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "stopped in wave {}: {} of {} finished devices failed; {}",
            u64::from(self.wave) + 1,
            self.failed,
            self.finished,
            self.threshold
        )
    }
}

words!(
    /// Where a job stands, in one word.
    StateWord {
        /// See [`JobState::AwaitingApproval`].
        AwaitingApproval = "awaitingApproval",
        /// See [`JobState::Denied`].
        Denied = "denied",
        /// See [`JobState::Scheduled`].
        Scheduled = "scheduled",
        /// See [`JobState::Running`].
        Running = "running",
        /// See [`JobState::Paused`].
        Paused = "paused",
        /// See [`JobState::Halted`].
        Halted = "halted",
        /// See [`JobState::Stopping`].
        Stopping = "stopping",
        /// See [`JobState::Canceled`].
        Canceled = "canceled",
        /// See [`JobState::Completed`].
        Completed = "completed",
    }
);

/// When a job begins once it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At once.
    Now,
    /// When an operator starts it.
    Manually,
    /// At this time.
    At(Timestamp),
}

impl Begin {
    /// The state that a job begins with.
    pub const fn state(self) -> JobState {
        match self {
            Self::Now => JobState::Running,
            Self::Manually => JobState::Scheduled { start_at: None },
            Self::At(at) => JobState::Scheduled { start_at: Some(at) },
        }
    }
}

/// What a cancellation makes of what devices have begun. A later one goes no less far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Begun {
    /// They finish it. Who fetched it over hawkBit's interface and said nothing since may be at work, and is asked to stop.
    Finish,
    /// Who takes such a question (hawkBit) is asked to stop, and the job waits for the answer or the time-out; from others
    /// it is withdrawn.
    Ask,
    /// It is withdrawn from everybody without asking.
    Withdraw,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Made; a second person must approve it.
    AwaitingApproval {
        /// What follows the approval.
        then: Begin,
    },
    /// A second person said no. Over.
    Denied,
    /// Made, not started. Starts by itself at `start_at`, else when an operator says so.
    Scheduled {
        /// When it starts by itself.
        start_at: Option<Timestamp>,
    },
    /// Offering work.
    Running,
    /// An operator holds it: nothing new is offered and what was not picked up is hidden from devices.
    Paused,
    /// Its failure threshold stopped it. Like paused until an operator decides.
    Halted(Halt),
    /// An operator canceled it; open executions are being withdrawn or finish.
    Stopping {
        /// What becomes of executions in progress.
        begun: Begun,
    },
    /// Over, by cancellation.
    Canceled,
    /// Over: every target is settled.
    Completed,
}

words!(
    /// What an operator may do to a job.
    JobAction {
        /// Begin to offer work.
        Start = "start",
        /// Hold it.
        Pause = "pause",
        /// Go on; from a halt, accept the failures so far.
        Resume = "resume",
        /// End it.
        Cancel = "cancel",
        /// A second person agrees.
        Approve = "approve",
        /// A second person does not.
        Deny = "deny",
        /// Go on to the next wave without waiting for this one.
        Advance = "advance",
        /// Offer it again to devices on which it failed.
        RetryFailed = "retryFailed",
        /// Forget it.
        Delete = "delete",
    }
);

impl JobState {
    /// Without what goes with it.
    pub const fn word(&self) -> StateWord {
        match self {
            Self::AwaitingApproval { .. } => StateWord::AwaitingApproval,
            Self::Denied => StateWord::Denied,
            Self::Scheduled { .. } => StateWord::Scheduled,
            Self::Running => StateWord::Running,
            Self::Paused => StateWord::Paused,
            Self::Halted(_) => StateWord::Halted,
            Self::Stopping { .. } => StateWord::Stopping,
            Self::Canceled => StateWord::Canceled,
            Self::Completed => StateWord::Completed,
        }
    }

    /// The word that is stored and shown.
    pub const fn as_str(&self) -> &'static str {
        self.word().as_str()
    }

    /// Whether anything may still happen without an operator retrying it.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::AwaitingApproval { .. }
            | Self::Scheduled { .. }
            | Self::Running
            | Self::Paused
            | Self::Halted(_)
            | Self::Stopping { .. } => true,
            Self::Denied | Self::Canceled | Self::Completed => false,
        }
    }

    /// Whether an operator may do this now.
    pub const fn allows(&self, action: JobAction) -> bool {
        match action {
            JobAction::Approve | JobAction::Deny => matches!(self, Self::AwaitingApproval { .. }),
            JobAction::Advance => matches!(self, Self::Running | Self::Paused),
            JobAction::Start => matches!(self, Self::Scheduled { .. }),
            JobAction::Pause => matches!(self, Self::Running),
            JobAction::Resume => matches!(self, Self::Paused | Self::Halted(_)),
            JobAction::Cancel => {
                matches!(
                    self,
                    Self::AwaitingApproval { .. }
                        | Self::Scheduled { .. }
                        | Self::Running
                        | Self::Paused
                        | Self::Halted(_)
                        | Self::Stopping { begun: Begun::Finish | Begun::Ask }
                )
            }
            JobAction::RetryFailed => {
                matches!(self, Self::Running | Self::Paused | Self::Halted(_) | Self::Completed)
            }
            JobAction::Delete => {
                matches!(
                    self,
                    Self::AwaitingApproval { .. }
                        | Self::Denied
                        | Self::Scheduled { .. }
                        | Self::Canceled
                        | Self::Completed
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_outweighs_the_state() {
        use ExecutionState as S;
        assert_eq!(Outcome::of(S::Succeeded, Verdict::RolledBack), Outcome::Failed);
        assert_eq!(Outcome::of(S::Succeeded, Verdict::Expired), Outcome::Failed);
        assert_eq!(Outcome::of(S::Succeeded, Verdict::Refuted), Outcome::Failed);
        assert_eq!(Outcome::of(S::Succeeded, Verdict::Unverifiable), Outcome::Succeeded);
        assert_eq!(Outcome::of(S::TimedOut, Verdict::Verified), Outcome::Succeeded);
        assert_eq!(Outcome::of(S::Succeeded, Verdict::Pending), Outcome::Verifying);
    }

    #[test]
    fn an_open_execution_is_never_settled_and_a_terminal_failure_always_is() {
        for state in ExecutionState::ALL {
            let settled = Outcome::of(*state, Verdict::Pending).is_settled();
            let waits = state.is_open() || *state == ExecutionState::Succeeded;
            assert_eq!(settled, !waits, "{state}");
        }
    }

    #[test]
    fn every_state_has_a_word_in_every_protocol_and_the_aws_words_differ() {
        let mut aws: Vec<_> = ExecutionState::ALL.iter().map(|s| s.protocol().aws).collect();
        aws.sort_unstable();
        aws.dedup();
        assert_eq!(aws.len(), ExecutionState::ALL.len());
        assert_eq!(ExecutionState::TimedOut.protocol().aws, "TIMED_OUT");
        assert_eq!(ExecutionState::Succeeded.protocol().hawkbit, "FINISHED");
        assert_eq!(ExecutionState::Canceled.protocol().mender, "aborted");
    }

    #[test]
    fn operators_may_do_only_what_makes_sense() {
        let halted = JobState::Halted(Halt { wave: 0, failed: 1, finished: 1, threshold: String::new() });
        let states = [
            JobState::AwaitingApproval { then: Begin::Now },
            JobState::Denied,
            JobState::Scheduled { start_at: None },
            JobState::Running,
            JobState::Paused,
            halted,
            JobState::Stopping { begun: Begun::Withdraw },
            JobState::Canceled,
            JobState::Completed,
        ];
        let table: [(JobAction, [bool; 9]); 9] = [
            (JobAction::Approve, [true, false, false, false, false, false, false, false, false]),
            (JobAction::Deny, [true, false, false, false, false, false, false, false, false]),
            (JobAction::Advance, [false, false, false, true, true, false, false, false, false]),
            (JobAction::Start, [false, false, true, false, false, false, false, false, false]),
            (JobAction::Pause, [false, false, false, true, false, false, false, false, false]),
            (JobAction::Resume, [false, false, false, false, true, true, false, false, false]),
            (JobAction::Cancel, [true, false, true, true, true, true, false, false, false]),
            (JobAction::RetryFailed, [false, false, false, true, true, true, false, false, true]),
            (JobAction::Delete, [true, true, true, false, false, false, false, true, true]),
        ];
        for (action, allowed) in table {
            for (state, may) in states.iter().zip(allowed) {
                assert_eq!(state.allows(action), may, "{action} while {}", state.as_str());
            }
        }
    }
}
