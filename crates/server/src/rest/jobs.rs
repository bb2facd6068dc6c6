//! `/jobs`, `/executions`: one intention for many devices, and its life on each.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::jobs::{
    CancelQuery, Execution, ExecutionQuery, FailureCluster, Job, JobDownloads, JobQuery, NewJob, RetryResult,
};
use windlass_api::page::{NumberCursor, Page, PageQuery};
use windlass_app::jobs::{self as app, ExecutionFilter, JobPick};
use windlass_domain::ids::{ExecutionId, JobId};
use windlass_domain::job as domain;
use windlass_domain::permission::Permission;

mod shape;

use shape::show;
pub(super) use shape::{
    created, show_execution, show_release, threshold_in, threshold_out, versioned, wanted,
};

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{At, Body, Created, Done, IfMatch, Query, Versioned};
use super::page::{after_number, fetched, limit};
use super::routes::Routes;
use super::view::{
    execution_state, execution_state_in, job_kind_in, job_state_in, outcome_in, verdict, verdict_in,
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
        no_assignments: false,
    };
    let app::JobPage { views, next } = rest.app.job_list(&by, pick, limit.saturating_add(1)).await?;
    let page = fetched(views, limit, |view| view.job.id.get(), show);
    // There may be more beyond what was looked at.
    let on = next.map(|next| NumberCursor { after: next.get() }.encode());
    Ok(Json(Page { cursor: page.cursor.or(on), ..page }))
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(new): Body<NewJob>,
) -> Result<Created<Job>, Refusal> {
    Ok(created(rest.app.job_create(&by, wanted(new)?).await?))
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
        assert_eq!(problem.fields(), ["targets.devices"]);
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
