//! How the command line shows jobs and their executions.

use windlass_api::jobs::{Counts, Execution, ExecutionQuery, Job, Outcome, Timeouts, Wave};
use windlass_api::page::MOST;
use windlass_api::releases::JobRelease;
use windlass_api::rollouts::{Decision, JobPreview, PreviewCluster};

use crate::cli::api::Api;
use crate::cli::printer::{Printer, or_dash, time, time_or_dash};

pub(super) fn what(job: &Job) -> String {
    match (&job.release, &job.command) {
        (Some(JobRelease { name, version, deleted: true }), _) => format!("{name} {version} (deleted)"),
        (Some(JobRelease { name, version, deleted: false }), _) => format!("{name} {version}"),
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

/// What comes of a job that was just made. `preview`: what a dry run found before.
pub(super) fn made(id: i64, targets: u64, preview: Option<&JobPreview>) -> String {
    let devices = |count: u64| format!("{count} {}", if count == 1 { "device" } else { "devices" });
    let targets = devices(targets);
    let idle = preview.filter(|preview| {
        let has_work = preview.clusters.iter().any(|cluster| cluster.outcome == Outcome::Open);
        preview.targets > 0 && preview.looked_at >= preview.targets && !has_work
    });
    let Some(preview) = idle else { return format!("Job {id} is on its way to {targets}") };
    let mut words = format!("Job {id} has work for none of its {targets} now");
    for cluster in &preview.clusters {
        let PreviewCluster { outcome: _, reason, action, count, devices: _ } = cluster;
        words.push_str(&format!("\n{}: {reason}. {action}", devices(*count)));
    }
    words.trim_end().to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_has_nothing_to_do_anywhere_says_why_and_what_to_do() {
        let cluster = |outcome, reason: &str, action: &str, count| PreviewCluster {
            outcome,
            reason: reason.to_owned(),
            action: action.to_owned(),
            count,
            devices: Vec::new(),
        };
        let newer = cluster(Outcome::Skipped, "the device runs 3.0, which is newer than 2.0", "Allow it.", 2);
        let preview = |targets, clusters: &[PreviewCluster]| JobPreview {
            summary: String::new(),
            targets,
            looked_at: 2,
            waves: vec![targets],
            clusters: clusters.to_vec(),
            bytes_per_device: 0,
            bytes: 0,
            expected_end: None,
            expected_end_note: String::new(),
        };
        let idle = preview(2, std::slice::from_ref(&newer));
        let words = "Job 7 has work for none of its 2 devices now\n\
                     2 devices: the device runs 3.0, which is newer than 2.0. Allow it.";
        assert_eq!(made(7, 2, Some(&idle)), words);
        let goes = |preview: &JobPreview| made(7, 3, Some(preview)).starts_with("Job 7 is on its way to 3");
        let open = cluster(Outcome::Open, "would be offered work at once", "", 1);
        assert!(goes(&preview(2, &[newer.clone(), open])));
        assert!(goes(&preview(3, &[newer])), "one was not looked at");
        assert_eq!(made(7, 1, None), "Job 7 is on its way to 1 device");
    }
}
