//! How the command line shows jobs and their executions.

use windlass_api::jobs::{
    Counts, Execution, ExecutionQuery, Job, JobDownloads, JobState, Outcome, Timeouts, Verdict, Wave,
};
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
    show_with(job, None, printer)
}

/// Shows a job. `downloads`: what went out for it, where that was asked for.
pub(super) fn show_with(job: &Job, downloads: Option<&JobDownloads>, printer: Printer) -> anyhow::Result<()> {
    printer.pairs(job, |job| {
        let mut pairs = vec![
            ("job", job.id.to_string()),
            ("what", what(job)),
            ("description", job.description.clone()),
            ("state", job.state.to_string()),
            ("why", or_dash(job.reason.as_ref())),
            ("devices", counts(&job.counts)),
        ];
        let said = job.approval.as_ref().and_then(|approval| approval.why.clone());
        pairs.extend(said.map(|why| ("approval", why)));
        pairs.extend(job.decision.as_ref().map(|decision| ("decision", decided(decision))));
        pairs.extend(
            job.waves.iter().map(|wave| ("wave", format!("{}: {}", wave_words(wave), counts(&wave.counts)))),
        );
        pairs.push(("time-outs", timeouts(&job.timeouts)));
        pairs.extend(downloads.into_iter().flat_map(downloaded));
        pairs.push(("made", format!("{} by {}", time(job.created_at), job.created_by)));
        pairs.push(("ended", time_or_dash(job.ended_at)));
        pairs
    })
}

/// What went out for a job, and what did not have to.
fn downloaded(downloads: &JobDownloads) -> [(&'static str, String); 2] {
    let JobDownloads { full_bytes, sent_bytes, saved_bytes, linked_bytes } = downloads;
    let linked = if *linked_bytes == 0 {
        String::new()
    } else {
        format!(", and {linked_bytes} bytes over lasting links")
    };
    [
        ("downloaded", format!("{sent_bytes} of {full_bytes} bytes{linked}")),
        ("saved", format!("{saved_bytes} bytes")),
    ]
}

/// What a job that was just made waits for before it reaches anybody; none where it does not wait.
pub(super) fn waits(job: &Job) -> Option<String> {
    let id = job.id;
    match job.state {
        JobState::AwaitingApproval => Some(format!(
            "waits for the approval of a second person, who says windlass job approve {id} or uses the console"
        )),
        JobState::Scheduled => Some(
            job.reason
                .clone()
                .unwrap_or_else(|| format!("waits to be started, with windlass job start {id}")),
        ),
        JobState::Denied
        | JobState::Running
        | JobState::Paused
        | JobState::Halted
        | JobState::Stopping
        | JobState::Canceled
        | JobState::Completed => None,
    }
}

/// What comes of a job that was just made. `waits`: what for. `preview`: what a dry run found before.
pub(super) fn made(id: i64, targets: u64, waits: Option<&str>, preview: Option<&JobPreview>) -> String {
    let devices = |count: u64| format!("{count} {}", if count == 1 { "device" } else { "devices" });
    let targets = devices(targets);
    let idle = preview.filter(|preview| {
        let has_work = preview.clusters.iter().any(|cluster| cluster.outcome == Outcome::Open);
        preview.targets > 0 && preview.looked_at >= preview.targets && !has_work
    });
    let mut words = match (waits, idle) {
        (None, None) => format!("Job {id} is on its way to {targets}"),
        (None, Some(_)) => format!("Job {id} has work for none of its {targets} now"),
        (Some(waits), None) => format!("Job {id} for {targets} {waits}"),
        (Some(waits), Some(_)) => {
            format!("Job {id} has work for none of its {targets} now, and {waits}")
        }
    };
    for cluster in idle.into_iter().flat_map(|preview| &preview.clusters) {
        let PreviewCluster { outcome: _, reason, action, count, devices: _ } = cluster;
        words.push_str(&format!("\n{}: {reason}. {action}", devices(*count)));
    }
    words.trim_end().to_owned()
}

/// What is true of a job on a device, in one word.
pub(super) fn truth(execution: &Execution) -> String {
    match (execution.verdict, execution.outcome) {
        (_, Outcome::Verifying | Outcome::Succeeded) => execution.outcome.to_string(),
        (Verdict::Pending, _) => execution.state.to_string(),
        (verdict, _) => verdict.to_string(),
    }
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
    let heading = ["device", "wave", "try", "outcome", "verdict", "why", "changed"];
    printer.rows(&page.items, &heading, |execution| {
        vec![
            or_dash(execution.device.as_ref()),
            execution.wave.to_string(),
            execution.number.to_string(),
            truth(execution),
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
        assert_eq!(made(7, 2, None, Some(&idle)), words);
        let goes =
            |preview: &JobPreview| made(7, 3, None, Some(preview)).starts_with("Job 7 is on its way to 3");
        let open = cluster(Outcome::Open, "would be offered work at once", "", 1);
        assert!(goes(&preview(2, &[newer.clone(), open])));
        assert!(goes(&preview(3, &[newer])), "one was not looked at");
        assert_eq!(made(7, 1, None, None), "Job 7 is on its way to 1 device");
        let waits = "waits to be started, with windlass job start 7";
        assert_eq!(made(7, 2, Some(waits), None), format!("Job 7 for 2 devices {waits}"));
        assert!(made(7, 2, Some(waits), Some(&idle)).starts_with(&format!(
            "Job 7 has work for none of its 2 devices now, and {waits}\n2 devices: the device runs 3.0"
        )));
    }

    #[test]
    fn what_went_out_and_what_was_saved_is_said_in_bytes() {
        let all = JobDownloads { full_bytes: 100, sent_bytes: 40, saved_bytes: 60, linked_bytes: 0 };
        let said =
            |downloads: &JobDownloads| downloaded(downloads).map(|(name, text)| format!("{name}: {text}"));
        assert_eq!(said(&all), ["downloaded: 40 of 100 bytes", "saved: 60 bytes"]);
        let linked = JobDownloads { linked_bytes: 7, ..all };
        assert_eq!(said(&linked)[0], "downloaded: 40 of 100 bytes, and 7 bytes over lasting links");
    }

    #[test]
    fn what_is_true_of_a_job_on_a_device_is_said_in_one_word() {
        let word = |state: &str, verdict: &str, outcome: &str| {
            let value = serde_json::json!({
                "id": 1, "job": 1, "device": "pump-1", "number": 1, "wave": 1, "state": state,
                "verdict": verdict, "outcome": outcome, "reason": "", "why": "", "action": "", "details": {},
                "queuedAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
                "consentAwaited": false,
            });
            truth(&serde_json::from_value(value).unwrap())
        };
        assert_eq!(word("succeeded", "rolledBack", "failed"), "rolledBack");
        assert_eq!(word("succeeded", "expired", "failed"), "expired");
        assert_eq!(word("succeeded", "pending", "verifying"), "verifying");
        assert_eq!(word("succeeded", "verified", "succeeded"), "succeeded");
        assert_eq!(word("succeeded", "unverifiable", "succeeded"), "succeeded");
        assert_eq!(word("timedOut", "pending", "failed"), "timedOut");
        assert_eq!(word("inProgress", "pending", "open"), "inProgress");
    }
}
