//! How a job is rolled out: its policy, its dry run, why a device stands where it stands. Part of `/jobs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::jobs::{ExecutionState, FailureThreshold, JobState, Outcome};
use crate::releases::{JobRelease, NameVersion};

words!(
    /// What devices are told about an update's urgency.
    Handling {
        /// The device decides when.
        Soft = "soft",
        /// At once.
        Forced = "forced",
        /// The device decides, until `forcedAt`; then at once.
        TimeForced = "timeForced",
        /// Fetched and kept; nothing is installed.
        DownloadOnly = "downloadOnly",
    }
);

words!(
    /// In which order targets are offered work.
    OrderBy {
        /// As they were registered.
        Registered = "registered",
        /// By chance, drawn once.
        Random = "random",
        /// By the value of an attribute.
        Attribute = "attribute",
        /// Mixed, so that every wave holds about the same share of each value of an attribute.
        Spread = "spread",
    }
);

/// In which order targets are offered work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// For `attribute` and `spread`: which one. Inventory counts where operators set nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// For `attribute`: highest first.
    #[serde(default)]
    pub descending: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self { by: OrderBy::Registered, attribute: None, descending: false }
    }
}

/// Times in which an update may be installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaintenanceWindow {
    /// When it opens: five fields as in cron (`0 2 * * SAT`), or six to seven with seconds first as in Quartz.
    #[schemars(length(max = 128))]
    pub schedule: String,
    /// How long it stays open.
    #[schemars(range(min = 1, max = 604_800))]
    pub duration_seconds: u64,
    /// Whose clock is meant: an IANA name or an offset such as `+02:00`. Absent: the device's attribute `timezone`, else
    /// UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// How fast the devices of a job may download together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DownloadRate {
    /// Bytes per second, at least 1024. Each node keeps it by itself: several nodes together may send as many times as much.
    #[schemars(range(min = 1024))]
    pub bytes_per_second: u64,
    /// Counted for each value of this attribute by itself; absent: for the whole job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Taking in devices that match later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Continuous {
    /// Most devices of one later wave, 1 to 20000.
    #[schemars(range(min = 1, max = 20_000))]
    pub wave_size: u64,
}

/// Tries again after a pause that doubles each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backoff {
    /// Before the second try.
    pub first_seconds: u64,
    /// Never longer than this.
    pub longest_seconds: u64,
    /// Only after failures with one of these codes; empty: after any.
    #[serde(default)]
    pub codes: Vec<String>,
}

/// What is particular to one wave.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaveTerms {
    /// For people.
    #[serde(default)]
    pub name: String,
    /// Only targets that match this query; its size then is of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// It has succeeded once this share of its devices did; the job's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub success_percent: Option<u8>,
    /// When failures in it stop the job; the job's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<FailureThreshold>,
    /// Whether the job pauses once it is through.
    #[serde(default)]
    pub pause_after: bool,
}

/// How a job is rolled out. What is absent is as plain as can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rollout {
    /// What devices are told about its urgency; `forced` when absent.
    pub handling: Handling,
    /// For `timeForced`: from when on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forced_at: Option<Time>,
    /// Which of two jobs a device works on first, 0 to 1000; 1000 when absent.
    #[schemars(range(min = 0, max = 1000))]
    pub priority: u16,
    /// Whether it takes the place of other updates of lower or the same priority that a device has not begun.
    pub supersede: bool,
    /// Whether each device's user, or an operator for it, must agree first.
    pub consent: bool,
    /// When it may be installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<MaintenanceWindow>,
    /// When nothing more is offered and what was not begun is withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,
    /// Most devices that have work of it at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub concurrency: Option<u64>,
    /// How fast its devices may download together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_rate: Option<DownloadRate>,
    /// In which order its targets come.
    pub order: Order,
    /// A wave has succeeded once this share of its devices did; absent: once every device is through.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub success_percent: Option<u8>,
    /// Whether shares that must succeed, and `failureThreshold.ofAll`, are also of devices whose part was canceled, as
    /// hawkBit's rollouts count. Otherwise those are left out, as devices that were skipped always are.
    pub of_canceled_too: bool,
    /// What is particular to waves, by place. Fewer than there are waves is fine.
    pub wave_terms: Vec<WaveTerms>,
    /// Whether it takes in devices that match its query later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuous: Option<Continuous>,
    /// Whether somebody else than who made it must approve it.
    pub approval: bool,
    /// Whether devices may be brought back to an older version.
    pub allow_downgrade: bool,
    /// How tries again are spaced; absent: at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            handling: Handling::Forced,
            forced_at: None,
            priority: 1000,
            supersede: false,
            consent: false,
            window: None,
            ends_at: None,
            concurrency: None,
            download_rate: None,
            order: Order::default(),
            success_percent: None,
            of_canceled_too: false,
            wave_terms: Vec::new(),
            continuous: None,
            approval: false,
            allow_downgrade: false,
            backoff: None,
        }
    }
}

/// What a second person said of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Yes or no.
    pub approved: bool,
    /// Who.
    pub by: String,
    /// When.
    pub at: Time,
    /// Why; may be empty.
    pub remark: String,
}

words!(
    /// What may be said to something that waits for a second person.
    MayDecide {
        /// Yes or no.
        Both = "both",
        /// Only no.
        Deny = "deny",
        /// Nothing.
        Neither = "neither",
    }
);

/// What whoever asks may say to something that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// What may be said.
    pub may: MayDecide,
    /// Why no more than that, and who may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether nobody may approve it, for nobody can tell who made it: it waits to be denied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nobody_approves: bool,
}

/// What rolling a job back would come to (`GET /jobs/{id}/rollback`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WayBack {
    /// The job that would be made; absent where there is nothing to go back to, or nothing was found yet (`lookedAt`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<WayBackJob>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How many executions were looked at, the first ones of a very large job; absent where those were all. `job` is what
    /// was found among them; rolling back looks at every one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<u64>,
}

/// A job that would bring devices back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WayBackJob {
    /// What would be installed.
    pub release: NameVersion,
    /// On how many devices.
    pub devices: u64,
    /// Which they are, in words.
    pub targets: String,
}

/// A word on a decision (`POST /jobs/{id}/approve`, `POST /jobs/{id}/deny`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remark {
    /// Why; may be empty.
    #[serde(default)]
    #[schemars(length(max = 512))]
    pub remark: String,
}

/// Devices on which a job would come to the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewCluster {
    /// How it would count at once: `open` for work, `succeeded` for devices that run it, `skipped`, or `canceled` where the job
    /// ends or the last maintenance window is over before they have their turn.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
    /// What an operator can do about it; may be empty.
    pub action: String,
    /// How many devices, of those that were looked at.
    pub count: u64,
    /// Some of them, by name.
    pub devices: Vec<String>,
}

/// What would happen if a job were made (`POST /jobs/preview`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobPreview {
    /// One sentence that says it all.
    pub summary: String,
    /// All devices of the job.
    pub targets: u64,
    /// How many of them were looked at one by one; the rest of a very large job is taken to be like them.
    pub looked_at: u64,
    /// Sizes of the waves.
    pub waves: Vec<u64>,
    /// What would come of it, most devices first.
    pub clusters: Vec<PreviewCluster>,
    /// Bytes that each device would download.
    pub bytes_per_device: u64,
    /// Bytes that all of them would download.
    pub bytes: u64,
    /// When everybody who is heard would have been reached: from how often each is heard, waves, windows, how many at once and
    /// the download rate, or when the job ends if that is before; absent if nobody can tell.
    pub expected_end: Option<Time>,
    /// What that expectation leaves out, such as devices that were not heard for long, or why there is none.
    pub expected_end_note: String,
}

/// Which devices of a dry run (`POST /jobs/preview/devices`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreviewDeviceQuery {
    /// Only those on which it would count so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Only those for which this is why: the `reason` of a cluster, word by word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Most items in the answer, 1 to 1000; 100 when absent. There may be fewer, and more to come: one call looks at so many
    /// devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// Where to go on: the `cursor` of the page before, with the same job, `outcome` and `reason`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What a job would do on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewDevice {
    /// The device's name.
    pub device: String,
    /// In which wave, from 1. With a random order the wave of each device is drawn anew when the job is made.
    pub wave: u32,
    /// How it would count at once, as of a cluster.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
    /// What an operator can do about it; may be empty.
    pub action: String,
    /// When it may begin at the earliest: by the job's start, what is expected of the waves before, and the maintenance window.
    /// Absent without work, and where nobody can tell.
    pub begins: Option<Time>,
    /// Bytes that it would download.
    pub bytes: u64,
}

/// Why a device stands where it stands with a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceUpdate {
    /// The job.
    pub job: i64,
    /// Where that stands.
    pub job_state: JobState,
    /// What it installs; also once that was deleted.
    pub release: Option<JobRelease>,
    /// The device's execution, if it was offered work.
    pub execution: Option<i64>,
    /// What the protocol said of it.
    pub state: Option<ExecutionState>,
    /// How it counts, if it was offered work.
    pub outcome: Option<Outcome>,
    /// One sentence on why it stands where it stands.
    pub why: String,
    /// What an operator can do about it; may be empty.
    pub action: String,
}

/// The query of a cancellation on one device (`POST /executions/{id}/cancel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelExecutionQuery {
    /// End it without asking the device: `true` or `false`; `false` when absent.
    #[serde(default)]
    pub force: bool,
}
