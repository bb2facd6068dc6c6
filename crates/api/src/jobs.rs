//! Jobs: one intention for many devices. `/jobs`, `/jobs/{id}`, its actions and executions; `/executions/{id}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Time;
use crate::commands::{Command, NewCommand};
use crate::releases::{JobRelease, NameVersion};
use crate::rollouts::{Approval, Decision, Rollout};

mod executions;

pub use executions::{Execution, ExecutionQuery, ExecutionState, FailureCluster, Outcome, Verdict};

words!(
    /// What a job does.
    JobKind {
        /// Installs a release; shown as a rollout.
        Update = "update",
        /// Tells devices to do something now, and keeps what they answer.
        Command = "command",
        /// Hands over a document as it is.
        Custom = "custom",
    }
);

words!(
    /// Where a job stands.
    JobState {
        /// Made; a second person must approve it.
        AwaitingApproval = "awaitingApproval",
        /// A second person denied it. Over.
        Denied = "denied",
        /// Made, not started.
        Scheduled = "scheduled",
        /// Offers work to devices, wave by wave.
        Running = "running",
        /// An operator holds it.
        Paused = "paused",
        /// Its failure threshold stopped it; an operator decides how it goes on.
        Halted = "halted",
        /// Canceled; open executions are being withdrawn or finish.
        Stopping = "stopping",
        /// Over, by cancellation.
        Canceled = "canceled",
        /// Over: every target is settled.
        Completed = "completed",
    }
);

words!(
    /// Against what failures are counted.
    ThresholdScope {
        /// The wave under way.
        Wave = "wave",
        /// The whole job so far.
        Job = "job",
    }
);

/// Which devices. Exactly one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Targets {
    /// These names.
    Devices(Vec<String>),
    /// Every device of this type.
    Type(String),
    /// Every device with this tag.
    Tag(String),
    /// Every device in this static group.
    Group(String),
    /// Every device that matches this query.
    Query(String),
}

/// How many devices of the job belong to one wave. Exactly one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WaveSize {
    /// This many.
    Count(u64),
    /// This share of all targets, 1 to 100.
    Percent(u8),
    /// Everything that is left; only as the last wave, where it may as well be left out.
    Rest,
}

/// When failures stop the job. Either bound stops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailureThreshold {
    /// More failures than this stop the job at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// More failures than this percentage stop the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub percent: Option<u8>,
    /// Whether the percentage is of all devices instead of those that have finished.
    #[serde(default)]
    pub of_all: bool,
    /// How many must have finished before the percentage means anything; 1 when absent.
    #[serde(default = "one")]
    pub minimum: u64,
    /// Counted where; `wave` when absent.
    #[serde(default = "wave")]
    pub scope: ThresholdScope,
}

impl Default for FailureThreshold {
    fn default() -> Self {
        Self { count: None, percent: None, of_all: false, minimum: one(), scope: wave() }
    }
}

const fn one() -> u64 {
    1
}

const fn wave() -> ThresholdScope {
    ThresholdScope::Wave
}

/// How long a device may take in each phase, in seconds; absent means the server's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    /// From the offer until the device picks it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub queued_seconds: Option<u64>,
    /// For `update`: from then until it says that it has downloaded; the installation then has `inProgressSeconds` for
    /// itself. A device that does not say which of the two it is at has the time of both. Absent: both have
    /// `inProgressSeconds` together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub download_seconds: Option<u64>,
    /// From then until it reports an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub in_progress_seconds: Option<u64>,
    /// From its success until the new version shows; the device type's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub verify_seconds: Option<u64>,
}

/// When a job begins to offer work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Begin {
    /// At once.
    #[default]
    Now,
    /// When an operator starts it.
    Manually,
    /// At this time.
    At(Time),
}

/// A job to make (`POST /jobs`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewJob {
    /// What it does.
    pub kind: JobKind,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Which devices; frozen when the job is made.
    pub targets: Targets,
    /// For `update`: what to install.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<NameVersion>,
    /// For `update`: also for devices that run it already.
    #[serde(default)]
    pub force: bool,
    /// For `command`: what is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<NewCommand>,
    /// For `custom`: what devices get, an object of at most 32 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Value>,
    /// Sizes of the waves in order; what they leave over is one more wave. Empty: everybody at once.
    #[serde(default)]
    pub waves: Vec<WaveSize>,
    /// When failures stop it; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<FailureThreshold>,
    /// How long a device may take.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// How often a device that failed is tried again by itself, 0 to 10.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10))]
    pub retries: u32,
    /// When it begins; at once when absent.
    #[serde(default)]
    pub begin: Begin,
    /// Everything else that shapes it.
    #[serde(default)]
    pub rollout: Rollout,
}

/// How many devices stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// All devices of the job or wave.
    pub targets: u64,
    /// Not offered yet.
    pub waiting: u64,
    /// Offered, not picked up.
    pub queued: u64,
    /// Being worked on.
    pub in_progress: u64,
    /// Devices that say they are done; the new version has not shown yet.
    pub verifying: u64,
    /// Verified or unverifiable.
    pub succeeded: u64,
    /// Failed, rejected, timed out, rolled back, not seen in time, or with another exit code than 0.
    pub failed: u64,
    /// Withdrawn.
    pub canceled: u64,
    /// Never offered, or gone since: out of service or of another type when their turn came.
    pub skipped: u64,
}

/// One wave of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Wave {
    /// 1 for the first.
    pub number: u32,
    /// How many waves are told as this one: more than 1 only of a continuous job, whose earlier waves that are long
    /// settled are told together.
    pub waves: u32,
    /// For people; may be empty.
    pub name: String,
    /// How its devices stand.
    pub counts: Counts,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Public id.
    pub id: i64,
    /// What it does.
    pub kind: JobKind,
    /// For people.
    pub description: String,
    /// Where it stands.
    pub state: JobState,
    /// Why it stands there, where that needs saying.
    pub reason: Option<String>,
    /// What it installs, for updates; also once that was deleted.
    pub release: Option<JobRelease>,
    /// What devices are told to do, for commands.
    pub command: Option<Command>,
    /// What devices get, for custom jobs.
    pub document: Option<Value>,
    /// How its targets were chosen, in words.
    pub targets: String,
    /// How long a device may take in each phase. `downloadSeconds` absent: both have `inProgressSeconds` together;
    /// `verifySeconds` absent: as its device type says.
    pub timeouts: Timeouts,
    /// How often a device that failed is tried again by itself.
    pub retries: u32,
    /// When failures stop it.
    pub failure_threshold: Option<FailureThreshold>,
    /// Everything else that shapes it.
    pub rollout: Rollout,
    /// What a second person said of it.
    pub decision: Option<Decision>,
    /// What whoever asks may say to it, while it awaits approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// The whole job.
    pub counts: Counts,
    /// Number of the wave under way, from 1.
    pub current_wave: u32,
    /// Each wave.
    pub waves: Vec<Wave>,
    /// Rises by one with every change of its record; the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// By whom.
    pub created_by: String,
    /// When it began to offer work.
    pub started_at: Option<Time>,
    /// When it was over.
    pub ended_at: Option<Time>,
}

/// The query of a list of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobQuery {
    /// Only those in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// Only those of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<JobKind>,
    /// Only those that have this text in their description, targets, maker, command or release, whatever the case of
    /// its letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub q: Option<String>,
    /// Most items in the answer, 1 to 1000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Where to go on: the `cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The query of a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelQuery {
    /// End it also where devices work on it: `true` or `false`; `false` when absent. Those that came over hawkBit's interface
    /// are asked to stop, and the job is `stopping` until they answer or their time is over; from others it is withdrawn.
    #[serde(default)]
    pub in_progress_too: bool,
    /// Withdraw it from everybody without asking, whatever `inProgressToo` says: `true` or `false`; `false` when absent.
    #[serde(default)]
    pub force: bool,
}

/// What went out for a job (`GET /jobs/{id}/downloads`), as of the last few seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobDownloads {
    /// Bytes of each file of which a device fetched something, for each such device.
    pub full_bytes: u64,
    /// Bytes that went out to them.
    pub sent_bytes: u64,
    /// Bytes that those of them did not have to fetch that are done well.
    pub saved_bytes: u64,
    /// Bytes that went out over the lasting links of the job's files since the server started; nobody knows for whom.
    pub linked_bytes: u64,
}

/// What a retry did (`POST /jobs/{id}/retry`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryResult {
    /// Devices that are tried again.
    pub retried: u64,
}
