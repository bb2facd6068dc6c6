//! How the command line shows jobs and their executions.

use windlass_api::jobs::{Counts, Execution, ExecutionQuery, Job, Timeouts, Wave};
use windlass_api::page::MOST;
use windlass_api::rollouts::Decision;

use crate::cli::api::Api;
use crate::cli::printer::{Printer, or_dash, time, time_or_dash};

pub(super) fn what(job: &Job) -> String {
    match (&job.release, &job.command) {
        (Some(release), _) => format!("{} {}", release.name, release.version),
        (None, Some(command)) if job.description.is_empty() => command.command.clone(),
        (None, _) if job.description.is_empty() => job.kind.to_string(),
        (None, _) => job.description.clone(),
    }
}

pub(super) fn show(job: &Job, printer: Printer) -> anyhow::Result<()> {
    printer.pairs(job, |job| {
        let mut pairs = vec![
            ("job", job.id.to_string()),
            ("what", what(job)),
            ("description", job.description.clone()),
            ("state", job.state.to_string()),
            ("why", or_dash(job.reason.as_ref())),
            ("devices", counts(&job.counts)),
        ];
        pairs.extend(job.decision.as_ref().map(|decision| ("decision", decided(decision))));
        pairs.extend(
            job.waves.iter().map(|wave| ("wave", format!("{}: {}", wave_words(wave), counts(&wave.counts)))),
        );
        pairs.push(("time-outs", timeouts(&job.timeouts)));
        pairs.push(("made", format!("{} by {}", time(job.created_at), job.created_by)));
        pairs.push(("ended", time_or_dash(job.ended_at)));
        pairs
    })
}

/// How long a device may take in each phase, in the words of the options.
pub(super) fn timeouts(timeouts: &Timeouts) -> String {
    let Timeouts { queued_seconds, download_seconds, in_progress_seconds, verify_seconds } = *timeouts;
    let phases = [
        ("start", queued_seconds),
        ("download", download_seconds),
        ("progress", in_progress_seconds),
        ("verify", verify_seconds),
    ];
    let said = phases.iter().filter_map(|(phase, seconds)| seconds.map(|most| format!("{phase} {most}s")));
    said.collect::<Vec<_>>().join(", ")
}

/// Who decided on a job, and how.
pub(super) fn decided(Decision { approved, by, at, remark }: &Decision) -> String {
    let word = if *approved { "approved" } else { "denied" };
    let remark = if remark.is_empty() { String::new() } else { format!(": {remark}") };
    format!("{word} by {by}, {}{remark}", time(*at))
}

/// Which wave, or which waves where several are told as one.
pub(super) fn wave_words(wave: &Wave) -> String {
    match wave.waves {
        0 | 1 => wave.number.to_string(),
        waves => format!("{} and {} later", wave.number, waves - 1),
    }
}

pub(super) fn counts(counts: &Counts) -> String {
    let Counts { targets, waiting, queued, in_progress, verifying, succeeded, failed, canceled, skipped } =
        *counts;
    let parts = [
        (succeeded, "succeeded"),
        (failed, "failed"),
        (in_progress, "in progress"),
        (verifying, "verifying"),
        (queued, "queued"),
        (waiting, "waiting"),
        (canceled, "canceled"),
        (skipped, "skipped"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    format!("{targets} ({})", parts.join(", "))
}

pub(super) async fn executions(api: &Api, id: &str, all: bool, printer: Printer) -> anyhow::Result<()> {
    let query = ExecutionQuery { limit: Some(MOST), ..ExecutionQuery::default() };
    let mut page = api.all::<Execution>(&["jobs", id, "executions"], &query, 100_000).await?;
    if !all {
        page.items.retain(|execution| !execution.reason.is_empty());
        if page.items.is_empty() {
            return Ok(());
        }
    }
    printer.rows(&page.items, &["device", "wave", "try", "state", "verdict", "why", "changed"], |execution| {
        vec![
            or_dash(execution.device.as_ref()),
            execution.wave.to_string(),
            execution.number.to_string(),
            execution.state.to_string(),
            execution.verdict.to_string(),
            execution.reason.clone(),
            time(execution.updated_at),
        ]
    })
}
