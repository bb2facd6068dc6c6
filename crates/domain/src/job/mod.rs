//! One intention for many devices: what is to be done, to whom first, when to stop, and what came of it.
//!
//! [`plan::plan`] looks at a job's policy and at counters and says what to do next; [`past`] keeps the
//! waves of a continuous job few; [`execution`] says what a device
//! and a timer may do to one device's part, [`phase`] how long its download and its installation may last; [`verdict`] says what is true of an update, [`command`] of a command. Knows
//! no protocol, no clock and no storage; carrying a plan out is somebody else's business.

pub mod command;
pub mod eligible;
pub mod execution;
pub mod forecast;
pub mod gates;
pub mod past;
pub mod phase;
pub mod plan;
pub mod rollout;
pub mod shown;
pub mod spec;
pub mod states;
mod threshold;
pub mod verdict;
pub mod why;
pub mod window;
pub mod word;

#[cfg(any(test, feature = "testing"))]
pub mod fixture;

pub use command::{Command, CommandTemplate};
pub use eligible::{Candidate, Skip};
pub use execution::{Consent, DeviceReport, Execution, Refusal, ReportedStatus, StepTimer};
pub use past::{Fold, FrozenWave, Past};
pub use phase::Phase;
pub use plan::{Observed, Plan, Standing, Standings, Step, Tally, plan};
pub use rollout::{
    Backoff, Continuous, DownloadRate, Handling, HandlingWord, Order, Priority, RolloutPolicy,
    SuccessThreshold, Wave,
};
pub use spec::{
    Amount, Decision, FailureThreshold, Job, JobSpec, Progress, Retry, ShareOf, ThresholdScope, Timeouts,
    What,
};
pub use states::{
    Begin, Begun, ExecutionState, Halt, JobAction, JobKind, JobState, Outcome, ProtocolWords, StateWord,
    Verdict,
};
pub use verdict::{Expected, Running};
pub use why::{STOP_REFUSED, Why, why};
pub use window::{MaintenanceWindow, Schedule, WindowState, Zone};
pub use word::Word;
