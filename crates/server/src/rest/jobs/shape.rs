//! Jobs and executions as the API writes them: what is wanted read into the product's words, and what there is shown in the API's.

use serde_json::Value;
use windlass_api::commands::Command;
use windlass_api::jobs::{
    Begin, Counts, Execution, FailureThreshold, Job, JobKind, JobState, NewJob, Targets, Timeouts, Wave,
    WaveSize,
};
use windlass_api::releases::{JobRelease, NameVersion};
use windlass_app::jobs::{
    self as app, Begin as AppBegin, ExecutionView, JobView, NewTargets, NewWhat, ReleaseLabel, WaveView,
};
use windlass_domain::job::plan::Standing;
use windlass_domain::job::{self as domain, Amount};
use windlass_domain::time::Timestamp;

use crate::rest::commands;
use crate::rest::error::Refusal;
use crate::rest::fields::Problems;
use crate::rest::io::{Created, Versioned};
use crate::rest::rollouts::{approval_out, decision_out, policy_in, policy_out};
use crate::rest::view::{
    execution_state, job_kind, outcome, threshold_scope, threshold_scope_in, time, timestamp, verdict,
};

pub(in crate::rest) fn wanted(new: NewJob) -> Result<app::NewJob, Refusal> {
    let NewJob {
        kind,
        description,
        targets,
        release,
        force,
        command,
        document,
        waves,
        failure_threshold,
        timeouts,
        retries,
        begin,
        rollout,
    } = new;
    let mut problems = Problems::default();
    let others = [
        (kind != JobKind::Update && release.is_some(), "release"),
        (kind != JobKind::Command && command.is_some(), "command"),
        (kind != JobKind::Custom && document.is_some(), "document"),
    ];
    for (_, field) in others.into_iter().filter(|(is_given, _)| *is_given) {
        problems.add(field, format!("does not go with kind {kind}; leave it out"));
    }
    if kind == JobKind::Command && timeouts.queued_seconds.is_some() {
        problems.add("timeouts.queuedSeconds", "does not go with a command; use command.expiresInSeconds");
    }
    if kind != JobKind::Update && timeouts.download_seconds.is_some() {
        problems.add("timeouts.downloadSeconds", format!("does not go with kind {kind}; leave it out"));
    }
    let what = match (kind, release, command, document) {
        (JobKind::Update, Some(NameVersion { name, version }), _, _) => {
            Some(NewWhat::Update { name, version, force })
        }
        (JobKind::Command, _, Some(command), _) => Some(NewWhat::Command(commands::wanted(command))),
        (JobKind::Custom, _, _, Some(Value::Object(document))) => Some(NewWhat::Document(document)),
        (JobKind::Custom, _, _, Some(_)) => {
            problems.add("document", "must be an object");
            None
        }
        (JobKind::Update, None, _, _) => {
            problems.add("release", "is missing; an update needs one");
            None
        }
        (JobKind::Command, _, None, _) => {
            problems.add("command", "is missing; a command job needs one");
            None
        }
        (JobKind::Custom, _, _, None) => {
            problems.add("document", "is missing; a custom job needs one");
            None
        }
    };
    let last = waves.len().saturating_sub(1);
    let amounts = waves.into_iter().enumerate().filter_map(|(index, size)| match size {
        WaveSize::Count(count) => Some(Amount::Count(count).into()),
        WaveSize::Percent(percent) => Some(Amount::Percent(percent).into()),
        WaveSize::Rest => {
            if index != last {
                problems.add(format!("waves.{index}"), "may be rest only as the last wave");
            }
            None
        }
    });
    let mut waves: Vec<domain::Wave> = amounts.collect();
    let query = match &targets {
        Targets::Query(query) => Some(query.clone()),
        Targets::Devices(_) | Targets::Type(_) | Targets::Tag(_) | Targets::Group(_) => None,
    };
    let rollout = policy_in(rollout, query.as_deref(), &mut waves, &mut problems);
    let targets = match targets {
        Targets::Devices(names) => NewTargets::Devices(names),
        Targets::Type(name) => NewTargets::Type(name),
        Targets::Tag(tag) => NewTargets::Tag(tag),
        Targets::Group(path) => NewTargets::Group(path),
        Targets::Query(query) => NewTargets::Query(query),
    };
    let threshold = failure_threshold.map(threshold_in);
    let defaults = domain::Timeouts::default();
    let Timeouts { queued_seconds, download_seconds, in_progress_seconds, verify_seconds } = timeouts;
    let seconds = std::time::Duration::from_secs;
    let timeouts = domain::Timeouts {
        queued: queued_seconds.map_or(defaults.queued, seconds),
        download: download_seconds.map(seconds),
        in_progress: in_progress_seconds.map_or(defaults.in_progress, seconds),
        verify: verify_seconds.map(seconds),
    };
    let begin = match begin {
        Begin::Now => AppBegin::Now,
        Begin::Manually => AppBegin::Manually,
        Begin::At(at) => AppBegin::At(timestamp(at)),
    };
    // A job of the wrong kind has problems by now; the document stands in until they are told.
    let what = what.unwrap_or_else(|| NewWhat::Document(serde_json::Map::new()));
    problems.none_or(app::NewJob {
        description,
        what,
        targets,
        waves,
        threshold,
        timeouts,
        retries,
        begin,
        rollout,
    })
}

pub(in crate::rest) fn threshold_in(threshold: FailureThreshold) -> domain::FailureThreshold {
    let FailureThreshold { count, percent, of_all, minimum, scope } = threshold;
    let of = if of_all { domain::ShareOf::All } else { domain::ShareOf::Finished };
    domain::FailureThreshold { count, percent, of, minimum, scope: threshold_scope_in(scope) }
}

pub(in crate::rest) fn threshold_out(threshold: domain::FailureThreshold) -> FailureThreshold {
    let domain::FailureThreshold { count, percent, of, minimum, scope } = threshold;
    let of_all = of == domain::ShareOf::All;
    FailureThreshold { count, percent, of_all, minimum, scope: threshold_scope(scope) }
}

fn timeouts_out(timeouts: domain::Timeouts) -> Timeouts {
    let domain::Timeouts { queued, download, in_progress, verify } = timeouts;
    Timeouts {
        queued_seconds: Some(queued.as_secs()),
        download_seconds: download.map(|time| time.as_secs()),
        in_progress_seconds: Some(in_progress.as_secs()),
        verify_seconds: verify.map(|time| time.as_secs()),
    }
}

fn counts(standing: Standing, targets: u64) -> Counts {
    let Standing { queued, in_progress, verifying, verifying_again: _, succeeded, failed, canceled, skipped } =
        standing;
    let offered = [queued, in_progress, verifying, succeeded, failed, canceled, skipped];
    let waiting = offered.iter().fold(targets, |left, some| left.saturating_sub(*some));
    Counts { targets, waiting, queued, in_progress, verifying, succeeded, failed, canceled, skipped }
}

fn show_command(command: domain::Command, expires_at: Option<Timestamp>) -> Command {
    let domain::Command { name, arguments, expires_in: _, template, device_types: _ } = command;
    Command {
        command: name.into_string(),
        arguments,
        expires_at: expires_at.map(time),
        template: template.map(|name| name.into_string()),
    }
}

pub(super) fn show(view: JobView) -> Job {
    let JobView { job, release, waves, standing, current_wave, approval } = view;
    let expires_at = job.expires_at();
    let domain::Job {
        id,
        tenant: _,
        state,
        spec,
        progress,
        target_count,
        frozen_waves: _,
        past: _,
        decision,
        target_seq: _,
        version,
        revision: _,
        created_at,
        created_by,
        started_at,
        ended_at,
    } = job;
    let domain::JobSpec { name, what, targets, waves: policy, threshold, timeouts, retries, rollout } = spec;
    let policy_names: Vec<String> = policy.iter().map(|wave| wave.name.clone()).collect();
    let (shown, reason) = match state {
        domain::JobState::AwaitingApproval { then: _ } => {
            (JobState::AwaitingApproval, Some("waits for the approval of a second person".to_owned()))
        }
        domain::JobState::Denied => {
            let remark = decision.as_ref().map(|decision| decision.remark.clone());
            (JobState::Denied, remark.filter(|remark| !remark.is_empty()))
        }
        domain::JobState::Scheduled { start_at } => {
            (JobState::Scheduled, start_at.map(|at| format!("starts at {}", at.for_people())))
        }
        domain::JobState::Running => (JobState::Running, None),
        domain::JobState::Paused if current_wave < progress.passed => {
            (JobState::Paused, Some(format!("pauses after wave {}", progress.passed)))
        }
        domain::JobState::Paused => (JobState::Paused, None),
        domain::JobState::Halted(halt) => (JobState::Halted, Some(halt.to_string())),
        domain::JobState::Stopping { begun: _ } => (JobState::Stopping, None),
        domain::JobState::Canceled => (JobState::Canceled, None),
        domain::JobState::Completed => (JobState::Completed, None),
    };
    let kind = job_kind(what.kind());
    let (command, document) = match what {
        domain::What::Document(text) => (None, serde_json::from_str(&text).ok()),
        domain::What::Command(command) => (Some(show_command(command, expires_at)), None),
        domain::What::Update { release: _, force: _ } => (None, None),
    };
    Job {
        id: id.get(),
        kind,
        description: name,
        state: shown,
        reason,
        release: release.map(show_release),
        command,
        document,
        targets,
        timeouts: timeouts_out(timeouts),
        retries,
        failure_threshold: threshold.map(threshold_out),
        rollout: policy_out(rollout, policy),
        decision: decision.map(decision_out),
        approval: approval.map(approval_out),
        counts: counts(standing, target_count),
        current_wave: current_wave.saturating_add(1),
        waves: waves
            .into_iter()
            .map(|WaveView { number, counts: waves, targets, offered: _, standing }| Wave {
                number: number.saturating_add(1),
                waves,
                name: policy_names
                    .get(usize::try_from(number).unwrap_or(usize::MAX))
                    .cloned()
                    .unwrap_or_default(),
                counts: counts(standing, targets),
            })
            .collect(),
        version,
        created_at: time(created_at),
        created_by,
        started_at: started_at.map(time),
        ended_at: ended_at.map(time),
    }
}

/// What a job installs.
pub(in crate::rest) fn show_release(label: ReleaseLabel) -> JobRelease {
    let ReleaseLabel { name, version, deleted } = label;
    JobRelease { name, version, deleted }
}

pub(in crate::rest) fn versioned(view: JobView) -> Versioned<Job> {
    Versioned { version: view.job.version, body: show(view) }
}

pub(in crate::rest) fn show_execution(view: ExecutionView) -> Execution {
    let ExecutionView { execution, device, command, why, downloaded } = view;
    let answer = command.map(|_| domain::command::answer(&execution.details)).unwrap_or_default();
    let domain::command::Answer { exit_code, output, output_url } = answer;
    let counts_as = domain::Outcome::of(execution.state, execution.verdict);
    let domain::Execution {
        id,
        tenant: _,
        job,
        device: _,
        number,
        wave,
        state,
        verdict: truth,
        reason,
        details,
        version: _,
        before: _,
        queued_at,
        started_at,
        updated_at,
        ended_at,
        phase_due: _,
        step_due: _,
        expires_at,
        held_until,
        closes_at: _,
        cancel_asked_at,
        consent,
        status_code,
    } = execution;
    Execution {
        id: id.get(),
        job: job.get(),
        device,
        number,
        wave: wave.saturating_add(1),
        state: execution_state(state),
        verdict: verdict(truth),
        outcome: outcome(counts_as),
        reason,
        why: why.sentence,
        action: why.action.to_owned(),
        details,
        exit_code,
        output,
        output_url,
        queued_at: time(queued_at),
        started_at: started_at.map(time),
        updated_at: time(updated_at),
        ended_at: ended_at.map(time),
        expires_at: expires_at.map(time),
        downloaded_bytes: downloaded.map(|downloaded| downloaded.bytes),
        download_bytes: downloaded.map(|downloaded| downloaded.of),
        held_until: held_until.map(time),
        cancel_asked_at: cancel_asked_at.map(time),
        consent_awaited: consent == domain::Consent::Awaited,
        status_code,
    }
}

pub(in crate::rest) fn created(view: JobView) -> Created<Job> {
    let (location, version) = (format!("/jobs/{}", view.job.id), Some(view.job.version));
    Created { location, version, body: show(view) }
}
