//! `/jobs`, `/executions`: one intention for many devices, and its life on each.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use windlass_api::commands::Command;
use windlass_api::jobs::{
    Begin, CancelQuery, Counts, Execution, ExecutionQuery, FailureCluster, FailureThreshold, Job,
    JobDownloads, JobKind, JobQuery, JobState, NewJob, RetryResult, Targets, Timeouts, Wave, WaveSize,
};
use windlass_api::page::{Page, PageQuery};
use windlass_api::releases::NameVersion;
use windlass_app::jobs::Begin as AppBegin;
use windlass_app::jobs::{
    self as app, ExecutionFilter, ExecutionView, JobPick, JobView, NewTargets, NewWhat, WaveView,
};
use windlass_domain::ids::{ExecutionId, JobId};
use windlass_domain::job::plan::Standing;
use windlass_domain::job::{self as domain, Amount};
use windlass_domain::permission::Permission;
use windlass_domain::time::Timestamp;

use super::Rest;
use super::access::Caller;
use super::commands;
use super::error::Refusal;
use super::fields::Problems;
use super::io::{At, Body, Created, Done, IfMatch, Query, Versioned};
use super::page::{after_number, fetched, limit};
use super::rollouts::{decision_out, policy_in, policy_out};
use super::routes::Routes;
use super::view::{
    execution_state, execution_state_in, job_kind, job_kind_in, job_state_in, outcome, outcome_in,
    threshold_scope, threshold_scope_in, time, timestamp, verdict, verdict_in,
};

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::{JobControl, JobCreate, JobRead};
    routes
        .tag("jobs")
        .get("/api/v1/jobs", JobRead, "listJobs", "List jobs, newest first", list)
        .create("/api/v1/jobs", JobCreate, "createJob", "Make a job for many devices", create)
        .get("/api/v1/jobs/{id}", JobRead, "getJob", "Get a job with its waves and counts", get)
        .delete(
            "/api/v1/jobs/{id}",
            JobControl,
            "deleteJob",
            "Forget a job that is over or never began",
            delete,
        )
        .post("/api/v1/jobs/{id}/start", JobControl, "startJob", "Begin to offer work", start)
        .post("/api/v1/jobs/{id}/pause", JobControl, "pauseJob", "Hold a job", pause)
        .post("/api/v1/jobs/{id}/resume", JobControl, "resumeJob", "Go on after a pause or halt", resume)
        .post("/api/v1/jobs/{id}/cancel", JobControl, "cancelJob", "End a job", cancel)
        .post(
            "/api/v1/jobs/{id}/retry",
            JobControl,
            "retryJob",
            "Offer a job again to every device on which it failed",
            retry,
        )
        .get(
            "/api/v1/jobs/{id}/failures",
            JobRead,
            "listJobFailures",
            "List why a job failed where it failed, most frequent first",
            failures,
        )
        .get(
            "/api/v1/jobs/{id}/executions",
            JobRead,
            "listJobExecutions",
            "List a job's life on each device",
            executions,
        )
        .get(
            "/api/v1/jobs/{id}/downloads",
            JobRead,
            "getJobDownloads",
            "See how much went out for a job, and how much did not have to",
            downloads,
        )
        .get("/api/v1/executions/{id}", JobRead, "getExecution", "Get one execution", execution)
        .get(
            "/api/v1/devices/{name}/executions",
            JobRead,
            "listDeviceExecutions",
            "List the executions of a device, newest first",
            of_device,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct JobPath {
    /// Id of the job.
    id: i64,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct ExecutionPath {
    /// Id of the execution.
    id: i64,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct DevicePath {
    /// Name of the device.
    name: String,
}

pub(super) fn wanted(new: NewJob) -> Result<app::NewJob, Refusal> {
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

pub(super) fn threshold_in(threshold: FailureThreshold) -> domain::FailureThreshold {
    let FailureThreshold { count, percent, of_all, minimum, scope } = threshold;
    let of = if of_all { domain::ShareOf::All } else { domain::ShareOf::Finished };
    domain::FailureThreshold { count, percent, of, minimum, scope: threshold_scope_in(scope) }
}

pub(super) fn threshold_out(threshold: domain::FailureThreshold) -> FailureThreshold {
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
    let Standing { queued, in_progress, verifying, succeeded, failed, canceled, skipped } = standing;
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

fn show(view: JobView) -> Job {
    let JobView { job, release, waves, standing, current_wave } = view;
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
        release: release.map(|(name, version)| NameVersion { name, version }),
        command,
        document,
        targets,
        timeouts: timeouts_out(timeouts),
        retries,
        failure_threshold: threshold.map(threshold_out),
        rollout: policy_out(rollout, policy),
        decision: decision.map(decision_out),
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

pub(super) fn versioned(view: JobView) -> Versioned<Job> {
    Versioned { version: view.job.version, body: show(view) }
}

pub(super) fn show_execution(view: ExecutionView) -> Execution {
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

async fn downloads(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
) -> Result<Json<JobDownloads>, Refusal> {
    let app::JobDownloads { full, sent, saved, linked } = rest.app.job_downloads(&by, JobId::new(id)).await?;
    Ok(Json(JobDownloads { full_bytes: full, sent_bytes: sent, saved_bytes: saved, linked_bytes: linked }))
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(JobQuery { state, kind, q, limit: asked, cursor }): Query<JobQuery>,
) -> Result<Json<Page<Job>>, Refusal> {
    let limit = limit(asked);
    let pick = JobPick {
        state: state.map(job_state_in),
        kind: kind.map(job_kind_in),
        text: q.unwrap_or_default(),
        before: after_number(cursor.as_deref())?.unwrap_or(i64::MAX),
    };
    let items = rest.app.job_list(&by, pick, limit.saturating_add(1)).await?;
    Ok(Json(fetched(items, limit, |view| view.job.id.get(), show)))
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(new): Body<NewJob>,
) -> Result<Created<Job>, Refusal> {
    Ok(created(rest.app.job_create(&by, wanted(new)?).await?))
}

pub(super) fn created(view: JobView) -> Created<Job> {
    let (location, version) = (format!("/jobs/{}", view.job.id), Some(view.job.version));
    Created { location, version, body: show(view) }
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
) -> Result<Versioned<Job>, Refusal> {
    Ok(versioned(rest.app.job_get(&by, JobId::new(id)).await?))
}

async fn delete(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
    IfMatch(version): IfMatch,
) -> Result<Done, Refusal> {
    rest.app.job_delete(&by, JobId::new(id), version).await?;
    Ok(Done)
}

async fn start(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
    IfMatch(version): IfMatch,
) -> Result<Versioned<Job>, Refusal> {
    Ok(versioned(rest.app.job_start(&by, JobId::new(id), version).await?))
}

async fn pause(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
    IfMatch(version): IfMatch,
) -> Result<Versioned<Job>, Refusal> {
    Ok(versioned(rest.app.job_pause(&by, JobId::new(id), version).await?))
}

async fn resume(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
    IfMatch(version): IfMatch,
) -> Result<Versioned<Job>, Refusal> {
    Ok(versioned(rest.app.job_resume(&by, JobId::new(id), version).await?))
}

async fn cancel(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
    IfMatch(version): IfMatch,
    Query(CancelQuery { in_progress_too, force }): Query<CancelQuery>,
) -> Result<Versioned<Job>, Refusal> {
    let begun = match (in_progress_too, force) {
        (_, true) => domain::Begun::Withdraw,
        (true, false) => domain::Begun::Ask,
        (false, false) => domain::Begun::Finish,
    };
    Ok(versioned(rest.app.job_cancel(&by, JobId::new(id), begun, version).await?))
}

async fn retry(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
    IfMatch(version): IfMatch,
) -> Result<Json<RetryResult>, Refusal> {
    let retried = rest.app.job_retry_failed(&by, JobId::new(id), version).await?;
    Ok(Json(RetryResult { retried }))
}

async fn failures(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
) -> Result<Json<Page<FailureCluster>>, Refusal> {
    let clusters = rest.app.job_failures(&by, JobId::new(id)).await?;
    let items = clusters.into_iter().map(|app::FailureCluster { state, verdict: truth, reason, count }| {
        FailureCluster { state: execution_state(state), verdict: verdict(truth), reason, count }
    });
    Ok(Json(Page { items: items.collect(), total: None, cursor: None, facets: None }))
}

async fn executions(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
    Query(query): Query<ExecutionQuery>,
) -> Result<Json<Page<Execution>>, Refusal> {
    let ExecutionQuery { state, verdict, outcome, device, limit: asked, cursor } = query;
    let filter = ExecutionFilter {
        state: state.map(execution_state_in),
        verdict: verdict.map(verdict_in),
        outcome: outcome.map(outcome_in),
        device,
        after: after_number(cursor.as_deref())?.map(ExecutionId::new),
    };
    let limit = limit(asked);
    let items = rest.app.execution_list(&by, JobId::new(id), filter, limit.saturating_add(1)).await?;
    Ok(Json(fetched(items, limit, |view| view.execution.id.get(), show_execution)))
}

async fn execution(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ExecutionPath { id }): At<ExecutionPath>,
) -> Result<Json<Execution>, Refusal> {
    Ok(Json(show_execution(rest.app.execution_get(&by, ExecutionId::new(id)).await?)))
}

async fn of_device(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Execution>>, Refusal> {
    let limit = limit(query.limit);
    let before = after_number(query.cursor.as_deref())?.map(ExecutionId::new);
    let items = rest.app.device_executions(&by, &name, before, limit.saturating_add(1)).await?;
    Ok(Json(fetched(items, limit, |view| view.execution.id.get(), show_execution)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::rest::fixture::Fixture;

    async fn with_devices(name: &str, count: u32) -> Fixture {
        let server = Fixture::new(name).await;
        for number in 1..=count {
            let body = json!({"name": format!("pump-{number}"), "tags": ["pump"]});
            server.post("/devices", body).await.expect(201);
        }
        server
    }

    fn custom(targets: Value) -> Value {
        json!({"kind": "custom", "document": {"blink": 3}, "targets": targets, "begin": "manually"})
    }

    #[tokio::test]
    async fn a_job_is_made_started_paused_and_canceled_by_version() {
        let server = with_devices("jobs", 3).await;
        let made = server.post("/jobs", custom(json!({"tag": "pump"}))).await;
        let location = made.header("location").unwrap().to_owned();
        let made = made.expect(201);
        assert_eq!(made["state"], "scheduled");
        assert_eq!(made["counts"]["targets"], 3);
        assert_eq!(made["counts"]["waiting"], 3);
        assert_eq!(location, format!("/api/v1/jobs/{}", made["id"]));
        let job = format!("/jobs/{}", made["id"]);
        server.act_if(&format!("{job}/start"), "\"99\"").await.problem(412, "version.mismatch");
        server.act(&format!("{job}/start")).await.expect(200);
        let paused = server.act(&format!("{job}/pause")).await.expect(200);
        assert_eq!(paused["state"], "paused");
        server.act(&format!("{job}/start")).await.problem(409, "job.state");
        let ended = server.act(&format!("{job}/cancel?inProgressToo=true")).await.expect(200);
        assert!(matches!(ended["state"].as_str(), Some("stopping" | "canceled")), "{ended}");
    }

    #[tokio::test]
    async fn waves_split_the_targets() {
        let server = with_devices("jobs-waves", 5).await;
        let mut body = custom(json!({"query": "name==pump-*"}));
        body["waves"] = json!([{"count": 1}, {"percent": 40}, "rest"]);
        let made = server.post("/jobs", body).await.expect(201);
        let sizes: Vec<_> =
            made["waves"].as_array().unwrap().iter().map(|wave| wave["counts"]["targets"].clone()).collect();
        assert_eq!(sizes, [json!(1), json!(2), json!(2)]);
    }

    #[tokio::test]
    async fn a_job_that_makes_no_sense_is_refused_by_its_fields() {
        let server = with_devices("jobs-bad", 1).await;
        let body = json!({"kind": "update", "document": {}, "targets": {"tag": "pump"}, "waves": ["rest", {"count": 1}]});
        let problem = server.post("/jobs", body).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["document", "release", "waves.0"]);
        let body = json!({"kind": "custom", "document": [1], "targets": {"tag": "pump"}});
        assert_eq!(server.post("/jobs", body).await.problem(400, "request.invalid").fields(), ["document"]);
        let unknown = custom(json!({"devices": ["pump-1", "ghost"]}));
        let problem = server.post("/jobs", unknown).await.problem(400, "request.invalid");
        assert!(problem.fields().iter().all(|field| field.starts_with("targets")), "{:?}", problem.fields());
        server.get("/jobs/77").await.problem(404, "job.not_found");
        server.get("/jobs/77/executions").await.problem(404, "job.not_found");
    }

    #[tokio::test]
    async fn a_repeated_creation_with_one_key_makes_one_job() {
        let server = with_devices("jobs-key", 1).await;
        let body = custom(json!({"tag": "pump"}));
        let first = server.post_with_key("/jobs", "rollout-7", &body).await;
        let again = server.post_with_key("/jobs", "rollout-7", &body).await;
        assert_eq!(first.header("location"), again.header("location"));
        assert_eq!(first.expect(201)["id"], again.expect(201)["id"]);
        assert_eq!(server.get("/jobs").await.expect(200)["items"].as_array().unwrap().len(), 1);
    }
}
