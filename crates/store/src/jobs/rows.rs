//! The stored shapes of a job's policy and progress.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use windlass_domain::ids::{ExecutionId, InvalidName, ReleaseId};
use windlass_domain::job::spec::Accepted;
use windlass_domain::job::{
    Amount, Command, FailureThreshold, Halt, JobSpec, JobState, Progress, Retry, ThresholdScope, Timeouts,
    What,
};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum WhatRow {
    Update {
        release: i64,
        force: bool,
    },
    #[serde(rename_all = "camelCase")]
    Command {
        name: String,
        arguments: Map<String, Value>,
        expires_in_seconds: u64,
        template: Option<String>,
        device_types: Vec<String>,
    },
    Document(String),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum AmountRow {
    Count(u64),
    Percent(u8),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThresholdRow {
    count: Option<u64>,
    percent: Option<u8>,
    minimum: u64,
    whole_job: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpecRow {
    name: String,
    what: WhatRow,
    targets: String,
    waves: Vec<AmountRow>,
    threshold: Option<ThresholdRow>,
    queued_seconds: u64,
    in_progress_seconds: u64,
    verify_seconds: Option<u64>,
    retries: u32,
}

impl SpecRow {
    pub(super) fn of(spec: &JobSpec) -> Self {
        let JobSpec { name, what, targets, waves, threshold, timeouts, retries } = spec;
        let Timeouts { queued, in_progress, verify } = timeouts;
        Self {
            name: name.clone(),
            what: match what {
                What::Update { release, force } => WhatRow::Update { release: release.get(), force: *force },
                What::Command(Command { name, arguments, expires_in, template, device_types }) => {
                    WhatRow::Command {
                        name: name.as_str().to_owned(),
                        arguments: arguments.clone(),
                        expires_in_seconds: expires_in.as_secs(),
                        template: template.as_ref().map(|name| name.as_str().to_owned()),
                        device_types: device_types.iter().map(|name| name.as_str().to_owned()).collect(),
                    }
                }
                What::Document(text) => WhatRow::Document(text.clone()),
            },
            targets: targets.clone(),
            waves: waves
                .iter()
                .map(|amount| match amount {
                    Amount::Count(count) => AmountRow::Count(*count),
                    Amount::Percent(percent) => AmountRow::Percent(*percent),
                })
                .collect(),
            threshold: threshold.as_ref().map(|threshold| {
                let FailureThreshold { count, percent, minimum, scope } = threshold;
                ThresholdRow {
                    count: *count,
                    percent: *percent,
                    minimum: *minimum,
                    whole_job: *scope == ThresholdScope::Job,
                }
            }),
            queued_seconds: queued.as_secs(),
            in_progress_seconds: in_progress.as_secs(),
            verify_seconds: verify.map(|span| span.as_secs()),
            retries: *retries,
        }
    }

    pub(super) fn read(self) -> Result<JobSpec, StoreError> {
        let Self {
            name,
            what,
            targets,
            waves,
            threshold,
            queued_seconds,
            in_progress_seconds,
            verify_seconds,
            retries,
        } = self;
        let corrupt = |error: InvalidName| StoreError::corrupt("job.spec", error);
        Ok(JobSpec {
            name,
            what: match what {
                WhatRow::Update { release, force } => {
                    What::Update { release: ReleaseId::new(release), force }
                }
                WhatRow::Command { name, arguments, expires_in_seconds, template, device_types } => {
                    What::Command(Command {
                        name: name.parse().map_err(corrupt)?,
                        arguments,
                        expires_in: Duration::from_secs(expires_in_seconds),
                        template: template.map(|name| name.parse()).transpose().map_err(corrupt)?,
                        device_types: device_types
                            .iter()
                            .map(|name| name.parse())
                            .collect::<Result<_, _>>()
                            .map_err(corrupt)?,
                    })
                }
                WhatRow::Document(text) => What::Document(text),
            },
            targets,
            waves: waves
                .into_iter()
                .map(|amount| match amount {
                    AmountRow::Count(count) => Amount::Count(count),
                    AmountRow::Percent(percent) => Amount::Percent(percent),
                })
                .collect(),
            threshold: threshold.map(|row| {
                let ThresholdRow { count, percent, minimum, whole_job } = row;
                let scope = if whole_job { ThresholdScope::Job } else { ThresholdScope::Wave };
                FailureThreshold { count, percent, minimum, scope }
            }),
            timeouts: Timeouts {
                queued: Duration::from_secs(queued_seconds),
                in_progress: Duration::from_secs(in_progress_seconds),
                verify: verify_seconds.map(Duration::from_secs),
            },
            retries,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HaltRow {
    wave: u32,
    failed: u64,
    finished: u64,
    threshold: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AcceptedRow {
    wave: u32,
    wave_failed: u64,
    wave_finished: u64,
    job_failed: u64,
    job_finished: u64,
}

/// Progress, and what the state's word leaves out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProgressRow {
    offered: u64,
    accepted: AcceptedRow,
    resumed_at: Option<i64>,
    retry: Option<(i64, i64)>,
    start_at: Option<i64>,
    halt: Option<HaltRow>,
    in_progress_too: bool,
}

impl ProgressRow {
    pub(super) fn of(state: &JobState, progress: &Progress) -> Self {
        let Progress { offered, accepted, resumed_at, retry } = progress;
        let Accepted { wave, wave_failed, wave_finished, job_failed, job_finished } = *accepted;
        let (start_at, halt, in_progress_too) = match state {
            JobState::Scheduled { start_at } => (start_at.map(Timestamp::micros), None, false),
            JobState::Halted(Halt { wave, failed, finished, threshold }) => {
                let threshold = threshold.clone();
                (None, Some(HaltRow { wave: *wave, failed: *failed, finished: *finished, threshold }), false)
            }
            JobState::Stopping { in_progress_too } => (None, None, *in_progress_too),
            JobState::Running | JobState::Paused | JobState::Canceled | JobState::Completed => {
                (None, None, false)
            }
        };
        Self {
            offered: *offered,
            accepted: AcceptedRow { wave, wave_failed, wave_finished, job_failed, job_finished },
            resumed_at: resumed_at.map(Timestamp::micros),
            retry: retry.map(|Retry { after, up_to }| (after.get(), up_to.get())),
            start_at,
            halt,
            in_progress_too,
        }
    }

    pub(super) fn read(self, state: &str) -> Result<(JobState, Progress), StoreError> {
        let Self { offered, accepted, resumed_at, retry, start_at, halt, in_progress_too } = self;
        let AcceptedRow { wave, wave_failed, wave_finished, job_failed, job_finished } = accepted;
        let state = match (state, halt) {
            ("scheduled", _) => JobState::Scheduled { start_at: start_at.map(Timestamp::from_micros) },
            ("running", _) => JobState::Running,
            ("paused", _) => JobState::Paused,
            ("halted", Some(HaltRow { wave, failed, finished, threshold })) => {
                JobState::Halted(Halt { wave, failed, finished, threshold })
            }
            ("stopping", _) => JobState::Stopping { in_progress_too },
            ("canceled", _) => JobState::Canceled,
            ("completed", _) => JobState::Completed,
            (other, _) => return Err(StoreError::corrupt("job.state", other)),
        };
        let progress = Progress {
            offered,
            accepted: Accepted { wave, wave_failed, wave_finished, job_failed, job_finished },
            resumed_at: resumed_at.map(Timestamp::from_micros),
            retry: retry.map(|(after, up_to)| Retry {
                after: ExecutionId::new(after),
                up_to: ExecutionId::new(up_to),
            }),
        };
        Ok((state, progress))
    }
}
