//! How jobs are rolled out: policies as the API writes them, the dry run, decisions, and why a device stands where it
//! stands. The jobs themselves are in [`super::jobs`].

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::jobs::{Execution, Job};
use windlass_api::page::Page;
use windlass_api::releases::NameVersion;
use windlass_api::rollouts::{CancelExecutionQuery, DeviceUpdate, Remark, WayBack, WayBackJob};
use windlass_app::AppError;
use windlass_app::jobs as app;
use windlass_app::jobs::single::DeviceStanding;
use windlass_domain::ids::{ExecutionId, JobId};
use windlass_domain::job as domain;
use windlass_domain::permission::Permission;

mod dry_run;
mod policy;

pub(super) use policy::{approval_out, decision_out, policy_in, policy_out};

use super::Rest;
use super::access::Caller;
use super::error::{Refusal, sentence};
use super::io::{At, Body, Created, IfMatch, Query, Versioned};
use super::jobs;
use super::routes::Routes;
use super::view::{execution_state, job_state, outcome};

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::{JobApprove, JobControl, JobCreate, JobRead};
    routes
        .tag("jobs")
        .post(
            "/api/v1/jobs/preview",
            JobCreate,
            "previewJob",
            "Say what a job would do on how many devices and why not, without making it",
            dry_run::preview,
        )
        .post(
            "/api/v1/jobs/preview/devices",
            JobCreate,
            "previewJobDevices",
            "List what a job would do on each device, without making it",
            dry_run::devices,
        )
        .post(
            "/api/v1/jobs/{id}/approve",
            JobApprove,
            "approveJob",
            "Agree to a job as a second person",
            decide::<true>,
        )
        .post(
            "/api/v1/jobs/{id}/deny",
            JobApprove,
            "denyJob",
            "Deny a job as a second person",
            decide::<false>,
        )
        .post(
            "/api/v1/jobs/{id}/advance",
            JobControl,
            "advanceJob",
            "Go on to the next wave without waiting for this one",
            advance,
        )
        .create(
            "/api/v1/jobs/{id}/rollback",
            JobCreate,
            "rollBackJob",
            "Make a job that brings devices back to what they ran before",
            roll_back,
        )
        .get(
            "/api/v1/jobs/{id}/rollback",
            JobCreate,
            "getWayBack",
            "Say what rolling a job back would come to, or why there is nothing to go back to",
            way_back,
        )
        .get(
            "/api/v1/jobs/{id}/devices/{name}",
            JobRead,
            "explainJob",
            "Say why a device stands where it stands",
            why,
        )
        .post(
            "/api/v1/executions/{id}/cancel",
            JobControl,
            "cancelExecution",
            "Ask a device to stop, or end its part",
            cancel_execution,
        )
        .post(
            "/api/v1/executions/{id}/confirm",
            JobControl,
            "confirmExecution",
            "Agree in place of a device's user",
            confirm_execution,
        )
        .get(
            "/api/v1/devices/{name}/updates",
            JobRead,
            "listDeviceUpdates",
            "Say why a device is not updated, or that it is",
            updates,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct JobPath {
    /// Id of the job.
    id: i64,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct JobDevicePath {
    /// Id of the job.
    id: i64,
    /// Name of the device.
    name: String,
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

fn show_standing(standing: DeviceStanding) -> DeviceUpdate {
    let DeviceStanding { job, release, execution, is_target: _, why } = standing;
    let counts_as = execution.as_ref().map(domain::Execution::outcome);
    DeviceUpdate {
        job: job.id.get(),
        job_state: job_state(job.state.word()),
        release: release.map(jobs::show_release),
        execution: execution.as_ref().map(|execution| execution.id.get()),
        state: execution.map(|execution| execution_state(execution.state)),
        outcome: counts_as.map(outcome),
        why: why.sentence,
        action: why.action.to_owned(),
    }
}

/// A second person's word: yes, or no.
async fn decide<const APPROVED: bool>(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
    IfMatch(version): IfMatch,
    Body(Remark { remark }): Body<Remark>,
) -> Result<Versioned<Job>, Refusal> {
    Ok(jobs::versioned(rest.app.job_decide(&by, JobId::new(id), APPROVED, &remark, version).await?))
}

async fn advance(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
    IfMatch(version): IfMatch,
) -> Result<Versioned<Job>, Refusal> {
    Ok(jobs::versioned(rest.app.job_advance(&by, JobId::new(id), version).await?))
}

async fn way_back(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
) -> Result<Json<WayBack>, Refusal> {
    Ok(Json(match rest.app.job_way_back_of(&by, JobId::new(id)).await {
        Ok(app::WayBack { job, looked_at }) => {
            let job = job.map(|app::BackJob { name, version, devices, words }| {
                let devices = u64::try_from(devices).unwrap_or(u64::MAX);
                WayBackJob { release: NameVersion { name, version }, devices, targets: words }
            });
            WayBack { job, why: None, looked_at }
        }
        Err(AppError::Conflict { code: "job.no_previous", detail }) => {
            WayBack { job: None, why: Some(sentence(&detail)), looked_at: None }
        }
        Err(error) => return Err(error.into()),
    }))
}

async fn roll_back(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobPath { id }): At<JobPath>,
) -> Result<Created<Job>, Refusal> {
    Ok(jobs::created(rest.app.job_roll_back(&by, JobId::new(id)).await?))
}

async fn why(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(JobDevicePath { id, name }): At<JobDevicePath>,
) -> Result<Json<DeviceUpdate>, Refusal> {
    Ok(Json(show_standing(rest.app.job_why(&by, JobId::new(id), &name).await?)))
}

async fn cancel_execution(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ExecutionPath { id }): At<ExecutionPath>,
    Query(CancelExecutionQuery { force }): Query<CancelExecutionQuery>,
) -> Result<Json<Execution>, Refusal> {
    let view = rest.app.execution_cancel(&by, ExecutionId::new(id), force).await?;
    Ok(Json(jobs::show_execution(view)))
}

async fn confirm_execution(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ExecutionPath { id }): At<ExecutionPath>,
) -> Result<Json<Execution>, Refusal> {
    Ok(Json(jobs::show_execution(rest.app.execution_confirm(&by, ExecutionId::new(id)).await?)))
}

async fn updates(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
) -> Result<Json<Page<DeviceUpdate>>, Refusal> {
    let told = rest.app.device_updates(&by, &name).await?;
    let items = told.into_iter().map(show_standing).collect();
    Ok(Json(Page { items, total: None, cursor: None, facets: None }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::rest::fixture::Fixture;

    pub(super) async fn with_release(name: &str) -> Fixture {
        let server = Fixture::new(name).await;
        for number in 1..=3 {
            server.post("/devices", json!({ "name": format!("pump-{number}") })).await.expect(201);
        }
        let artifact = server.upload("pump.bin", b"new").await.expect(201);
        let component = json!({
            "name": "pump", "version": "2.0", "type": "firmware", "artifacts": [artifact["id"]],
        });
        server.post("/components", component).await.expect(201);
        let release = json!({
            "name": "pump", "version": "2.0", "components": [{ "name": "pump", "version": "2.0" }],
            "rules": { "hardware": ["r1"], "minimumSource": "1.0" },
        });
        let made = server.post("/releases", release).await.expect(201);
        assert_eq!(made["rules"]["hardware"], json!(["r1"]));
        server
    }

    pub(super) fn update(rollout: Value) -> Value {
        json!({
            "kind": "update",
            "release": { "name": "pump", "version": "2.0" },
            "targets": { "query": "name==pump-*" },
            "waves": [{ "count": 1 }],
            "rollout": rollout,
        })
    }

    #[tokio::test]
    async fn a_policy_is_shown_as_it_was_written() {
        let server = with_release("rollouts").await;
        let policy = json!({
            "handling": "timeForced", "forcedAt": "2099-01-01T00:00:00Z", "priority": 7, "supersede": true,
            "consent": true,
            "window": { "schedule": "0 2 * * SAT", "durationSeconds": 3600, "timezone": "Europe/Berlin" },
            "endsAt": "2099-02-01T00:00:00Z", "concurrency": 5,
            "downloadRate": { "bytesPerSecond": 4096, "by": "site" },
            "order": { "by": "spread", "attribute": "site", "descending": false },
            "successPercent": 90, "ofCanceledToo": true,
            "waveTerms": [{
                "name": "lab", "query": "attribute.ring==lab", "successPercent": 100,
                "failureThreshold": { "count": 0, "ofAll": true, "minimum": 1, "scope": "wave" }, "pauseAfter": true,
            }],
            "continuous": { "waveSize": 10 }, "approval": true, "allowDowngrade": true,
            "backoff": { "firstSeconds": 5, "longestSeconds": 50, "codes": ["7"] },
        });
        let made = server.post("/jobs", update(policy.clone())).await.expect(201);
        assert_eq!(made["rollout"], policy);
        assert_eq!(made["state"], "awaitingApproval");
        let plain = server.post("/jobs", update(json!({}))).await.expect(201);
        assert_eq!((&plain["rollout"]["priority"], &plain["state"]), (&json!(1000), &json!("running")));
    }

    #[tokio::test]
    async fn a_job_shows_how_long_a_device_may_take_in_each_phase() {
        let server = with_release("rollouts-timeouts").await;
        let each = json!({
            "queuedSeconds": 600, "downloadSeconds": 300, "inProgressSeconds": 120, "verifySeconds": 60,
        });
        let plain = json!({ "queuedSeconds": 86_400, "inProgressSeconds": 7_200 });
        for (asked, shown) in [(&each, &each), (&json!({}), &plain)] {
            let mut new = update(json!({}));
            new["timeouts"] = asked.clone();
            let made = server.post("/jobs", new).await.expect(201);
            let job = server.get(&format!("/jobs/{}", made["id"])).await.expect(200);
            assert_eq!(&job["timeouts"], shown);
        }
    }

    #[tokio::test]
    async fn every_bad_part_of_a_policy_is_named() {
        let server = with_release("rollouts-bad").await;
        let bad = json!({
            "handling": "timeForced",
            "window": { "schedule": "at night", "durationSeconds": 3600, "timezone": "Mars/Olympus" },
            "downloadRate": { "bytesPerSecond": 4096, "by": "no key!" },
            "order": { "by": "spread" },
            "waveTerms": [{}, {}, {}],
        });
        let fields = server.post("/jobs", update(bad)).await.problem(400, "request.invalid").fields();
        for field in [
            "rollout.forcedAt",
            "rollout.window.schedule",
            "rollout.window.timezone",
            "rollout.downloadRate.by",
            "rollout.order.attribute",
            "rollout.waveTerms",
        ] {
            assert!(fields.iter().any(|named| named == field), "{field} in {fields:?}");
        }
        for bad in [json!({ "hurry": true }), json!({ "priority": 1001 })] {
            server.post("/jobs", update(bad)).await.problem(400, "request.invalid");
        }
    }

    #[tokio::test]
    async fn a_second_person_decides_and_anybody_may_ask_why() {
        let server = with_release("rollouts-decide").await;
        let made = server.post("/jobs", update(json!({ "approval": true }))).await.expect(201);
        let job = format!("/jobs/{}", made["id"]);
        server.post(&format!("{job}/approve"), json!({})).await.problem(409, "job.own_approval");
        let may = async |caller: &Fixture| caller.get(&job).await.expect(200)["approval"].clone();
        let own = may(&server).await;
        assert_eq!(own["may"], "deny");
        assert!(
            own["why"].as_str().unwrap().contains("another user with the permission job.approve"),
            "{own}"
        );
        let viewer = server.as_role("viewer").await;
        viewer.post(&format!("{job}/approve"), json!({})).await.problem(403, "auth.forbidden");
        let why = viewer.get(&format!("{job}/devices/pump-2")).await.expect(200);
        assert_eq!(why["why"], "The job waits for the approval of a second person.");
        viewer.get(&format!("{job}/devices/ghost")).await.problem(404, "device.not_found");
        let unable = may(&viewer).await;
        assert_eq!(unable["may"], "neither");
        assert!(unable["why"].as_str().unwrap().starts_with("Your role does not allow it"));
        let other = server.as_role("operator").await;
        assert_eq!(may(&other).await, json!({"may": "both"}));
        let token = json!({"name": "ci", "role": "operator"});
        let token = server.post("/tokens", token).await.expect(201);
        let token = server.with_token(token["secret"].as_str().unwrap());
        assert_eq!(may(&token).await["may"], "deny", "a token of whoever made it is nobody else");
        let by_token = token.post("/jobs", update(json!({ "approval": true }))).await.expect(201);
        let listed = server.get("/jobs?state=awaitingApproval").await.expect(200);
        assert_eq!(listed["items"][0]["id"], by_token["id"]);
        assert_eq!(listed["items"][0]["approval"]["may"], "deny");
        server.post(&format!("/jobs/{}/deny", by_token["id"]), json!({})).await.expect(200);
        let decided =
            other.post(&format!("{job}/deny"), json!({ "remark": "not on a Friday" })).await.expect(200);
        assert_eq!((&decided["state"], &decided["reason"]), (&json!("denied"), &json!("not on a Friday")));
        assert_eq!(decided["decision"]["approved"], false);
        let updates = viewer.get("/devices/pump-1/updates").await.expect(200);
        assert_eq!(updates["items"], json!([]), "a job that was denied is under way for nobody");
        server.post(&format!("{job}/advance"), json!({})).await.problem(409, "job.state");
        other.act("/executions/99/cancel").await.problem(404, "execution.not_found");
        other.act(&format!("{job}/rollback")).await.problem(409, "job.no_previous");
        let back = other.get(&format!("{job}/rollback")).await.expect(200);
        let why = format!("Job {} changed no device, so there is nothing to go back from.", made["id"]);
        assert_eq!(back, json!({ "why": why }));
        viewer.get(&format!("{job}/rollback")).await.problem(403, "auth.forbidden");
        assert!(decided.get("approval").is_none(), "{decided}");
    }
}
