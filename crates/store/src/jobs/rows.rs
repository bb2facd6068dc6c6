//! The stored shapes of a job's policy and progress.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use windlass_domain::ids::{ExecutionId, InvalidName, ReleaseId};
use windlass_domain::job::past::Judged;
use windlass_domain::job::spec::Accepted;
use windlass_domain::job::{
    Begin, Begun, Command, Decision, FrozenWave, Halt, Job, JobSpec, JobState, Past, Progress, Retry,
    Timeouts, What,
};
use windlass_domain::time::Timestamp;

use super::rollout_rows::{RolloutRow, ThresholdRow, WaveRow};
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
pub(super) struct SpecRow {
    name: String,
    what: WhatRow,
    targets: String,
    waves: Vec<WaveRow>,
    threshold: Option<ThresholdRow>,
    queued_seconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    download_seconds: Option<u64>,
    in_progress_seconds: u64,
    verify_seconds: Option<u64>,
    retries: u32,
    #[serde(default)]
    rollout: RolloutRow,
}

impl SpecRow {
    pub(super) fn of(spec: &JobSpec) -> Self {
        let JobSpec { name, what, targets, waves, threshold, timeouts, retries, rollout } = spec;
        let Timeouts { queued, download, in_progress, verify } = timeouts;
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
            waves: waves.iter().map(WaveRow::of).collect(),
            threshold: threshold.as_ref().map(ThresholdRow::of),
            queued_seconds: queued.as_secs(),
            download_seconds: download.map(|span| span.as_secs()),
            in_progress_seconds: in_progress.as_secs(),
            verify_seconds: verify.map(|span| span.as_secs()),
            retries: *retries,
            rollout: RolloutRow::of(rollout),
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
            download_seconds,
            in_progress_seconds,
            verify_seconds,
            retries,
            rollout,
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
            waves: waves.into_iter().map(WaveRow::read).collect(),
            threshold: threshold.map(ThresholdRow::read),
            timeouts: Timeouts {
                queued: Duration::from_secs(queued_seconds),
                download: download_seconds.map(Duration::from_secs),
                in_progress: Duration::from_secs(in_progress_seconds),
                verify: verify_seconds.map(Duration::from_secs),
            },
            retries,
            rollout: rollout.read()?,
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
    #[serde(default)]
    at_once: bool,
    #[serde(default)]
    passed: u32,
    #[serde(default)]
    is_over: bool,
    #[serde(default)]
    manually: bool,
    #[serde(default)]
    wave_sizes: Vec<u64>,
    /// Of each; nothing: from 0 on.
    #[serde(default)]
    wave_numbers: Vec<u32>,
    #[serde(default)]
    past: Option<u32>,
    /// How many had failed of it, and how many devices were folded last.
    #[serde(default)]
    past_judged: Option<(u64, u64)>,
    #[serde(default)]
    decision: Option<DecisionRow>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DecisionRow {
    approved: bool,
    by: String,
    at: i64,
    remark: String,
}

/// What a job's progress column says.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) state: JobState,
    pub(super) progress: Progress,
    pub(super) frozen_waves: Vec<FrozenWave>,
    pub(super) past: Option<Past>,
    pub(super) decision: Option<Decision>,
}

impl ProgressRow {
    pub(super) fn of(job: &Job) -> Self {
        let Progress { offered, accepted, resumed_at, retry, passed, is_over } = &job.progress;
        let state = &job.state;
        let Accepted { wave, wave_failed, wave_finished, job_failed, job_finished } = *accepted;
        let begun = match state {
            JobState::Stopping { begun } => *begun,
            _ => Begun::Finish,
        };
        let (start_at, halt) = match state {
            JobState::AwaitingApproval { then: Begin::At(at) } => (Some(at.micros()), None),
            JobState::Scheduled { start_at } => (start_at.map(Timestamp::micros), None),
            JobState::Halted(Halt { wave, failed, finished, threshold }) => {
                let threshold = threshold.clone();
                (None, Some(HaltRow { wave: *wave, failed: *failed, finished: *finished, threshold }))
            }
            JobState::AwaitingApproval { .. }
            | JobState::Denied
            | JobState::Running
            | JobState::Paused
            | JobState::Stopping { .. }
            | JobState::Canceled
            | JobState::Completed => (None, None),
        };
        Self {
            offered: *offered,
            accepted: AcceptedRow { wave, wave_failed, wave_finished, job_failed, job_finished },
            resumed_at: resumed_at.map(Timestamp::micros),
            retry: retry.map(|Retry { after, up_to }| (after.get(), up_to.get())),
            start_at,
            halt,
            in_progress_too: begun > Begun::Finish,
            at_once: begun == Begun::Withdraw,
            passed: *passed,
            is_over: *is_over,
            manually: *state == JobState::AwaitingApproval { then: Begin::Manually },
            wave_sizes: job.frozen_waves.iter().map(|wave| wave.size).collect(),
            wave_numbers: match job.past {
                None => Vec::new(),
                Some(_) => job.frozen_waves.iter().map(|wave| wave.number).collect(),
            },
            past: job.past.map(|past| past.number),
            past_judged: job.past.and_then(|past| past.judged).map(|Judged { failed, size }| (failed, size)),
            decision: job.decision.as_ref().map(|Decision { approved, by, at, remark }| DecisionRow {
                approved: *approved,
                by: by.clone(),
                at: at.micros(),
                remark: remark.clone(),
            }),
        }
    }

    pub(super) fn read(self, state: &str) -> Result<Read, StoreError> {
        let Self {
            offered,
            accepted,
            resumed_at,
            retry,
            start_at,
            halt,
            in_progress_too,
            at_once,
            passed,
            is_over,
            manually,
            wave_sizes,
            wave_numbers,
            past,
            past_judged,
            decision,
        } = self;
        let AcceptedRow { wave, wave_failed, wave_finished, job_failed, job_finished } = accepted;
        let opening = match start_at {
            Some(at) => Begin::At(Timestamp::from_micros(at)),
            None if manually => Begin::Manually,
            None => Begin::Now,
        };
        let state = match (state, halt) {
            ("awaitingApproval", _) => JobState::AwaitingApproval { then: opening },
            ("denied", _) => JobState::Denied,
            ("scheduled", _) => JobState::Scheduled { start_at: start_at.map(Timestamp::from_micros) },
            ("running", _) => JobState::Running,
            ("paused", _) => JobState::Paused,
            ("halted", Some(HaltRow { wave, failed, finished, threshold })) => {
                JobState::Halted(Halt { wave, failed, finished, threshold })
            }
            ("stopping", _) => JobState::Stopping {
                begun: match (in_progress_too, at_once) {
                    (_, true) => Begun::Withdraw,
                    (true, false) => Begun::Ask,
                    (false, false) => Begun::Finish,
                },
            },
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
            passed,
            is_over,
        };
        let decision = decision.map(|DecisionRow { approved, by, at, remark }| Decision {
            approved,
            by,
            at: Timestamp::from_micros(at),
            remark,
        });
        let frozen_waves = if wave_numbers.is_empty() {
            FrozenWave::in_order(wave_sizes)
        } else {
            let waves = wave_numbers.into_iter().zip(wave_sizes);
            waves.map(|(number, size)| FrozenWave { number, size }).collect()
        };
        let judged = past_judged.map(|(failed, size)| Judged { failed, size });
        let past = past.map(|number| Past { number, judged });
        Ok(Read { state, progress, frozen_waves, past, decision })
    }
}
