//! The jobs topics of a device: what is pending, start the next, describe, report (device API contract, part 3).

use serde_json::{Map, Value};
use windlass_domain::ids::JobId;
use windlass_domain::job::{DeviceReport, Execution, ExecutionState, Job, JobState, Refusal, ReportedStatus};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, executions, jobs};
use windlass_wire::jobs::{self as wire, ErrorCode, JobRequest};
use windlass_wire::topic::{JobOperation, JobRef, JobTopic};

use super::document::{Delivery, document};
use super::tries::Tries;
use super::{shape, verify};
use crate::message::{Effects, Outbound, RequestContext};

/// A refusal on its way to `…/rejected`.
struct Rejection {
    code: ErrorCode,
    message: String,
    state: Option<wire::ExecutionState>,
}

fn refuse(code: ErrorCode, message: impl Into<String>) -> Rejection {
    Rejection { code, message: message.into(), state: None }
}

fn not_found() -> Rejection {
    refuse(ErrorCode::ResourceNotFound, "this device has no such job execution")
}

/// What a served request answers with, and what else it does.
struct Served {
    payload: bytes::Bytes,
    effects: Effects,
}

impl Served {
    fn only(payload: bytes::Bytes) -> Self {
        Self { payload, effects: Effects::default() }
    }
}

type Answer = Result<Result<Served, Rejection>, StoreError>;

/// Serves one request on a jobs topic. Refusals are replies on `…/rejected`, not errors.
///
/// # Errors
/// When the store fails.
pub async fn handle(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    message: &JobTopic,
) -> Result<Effects, StoreError> {
    let limits = &ctx.app.limits;
    let bounds = wire::Bounds {
        details_pairs: limits.status_details_pairs,
        details_bytes: limits.status_details_bytes,
        output_bytes: limits.command_output,
        client_token: limits.client_token,
    };
    let (answer, token) = match wire::parse(&message.operation, ctx.payload, &bounds) {
        Err(wire::Refused { code, message, client_token }) => (Err(refuse(code, message)), client_token),
        Ok(wire::Envelope { request, client_token }) => {
            let token = client_token.as_deref();
            (serve(tx, ctx, &message.operation, &request, token).await?, client_token)
        }
    };
    Ok(match answer {
        Ok(Served { payload, mut effects }) => {
            effects.replies.push(Outbound { topic: message.accepted(), payload });
            effects
        }
        Err(Rejection { code, message: text, state }) => {
            let payload = wire::rejected(code, &text, state.as_ref(), ctx.now.seconds(), token.as_deref());
            let replies = vec![Outbound { topic: message.rejected(), payload }];
            Effects { replies, ..Effects::default() }
        }
    })
}

async fn serve(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    operation: &JobOperation,
    request: &JobRequest,
    token: Option<&str>,
) -> Answer {
    match (operation, request) {
        (_, JobRequest::GetPending) => {
            let (in_progress, queued): (Vec<_>, Vec<_>) = executions::pending(tx, ctx.device, ctx.now)
                .await?
                .iter()
                .map(|execution| (execution.state, shape::summary(execution)))
                .partition(|(state, _)| *state == ExecutionState::InProgress);
            let list = |found: Vec<(ExecutionState, wire::Summary)>| {
                found.into_iter().map(|(_, summary)| summary).collect::<Vec<_>>()
            };
            let payload = wire::pending_accepted(&list(in_progress), &list(queued), ctx.now.seconds(), token);
            Ok(Ok(Served::only(payload)))
        }
        (_, JobRequest::StartNext(request)) => start_next(tx, ctx, request, token).await,
        (JobOperation::Get { job }, JobRequest::Get(request)) => get(tx, ctx, job, request, token).await,
        (JobOperation::Update { job }, JobRequest::Update(request)) => {
            update(tx, ctx, job, request, token).await
        }
        (_, JobRequest::Get(_) | JobRequest::Update(_)) => {
            Ok(Err(refuse(ErrorCode::InvalidTopic, "the topic names no job")))
        }
    }
}

async fn described(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    job: &Job,
    execution: &Execution,
) -> Result<Map<String, Value>, StoreError> {
    let delivery = Delivery { links: &ctx.app.links, base: &ctx.peer.link_base, now: ctx.now };
    document(tx, job, execution, delivery).await
}

async fn start_next(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    request: &wire::StartNextRequest,
    token: Option<&str>,
) -> Answer {
    let Some(next) = executions::pending(tx, ctx.device, ctx.now).await?.into_iter().next() else {
        return Ok(Ok(Served::only(wire::execution_accepted(None, ctx.now.seconds(), token))));
    };
    let mut started = next.clone();
    let job = jobs::get_any(tx, next.job).await?;
    if let Some(job) = job.as_ref().filter(|_| next.state == ExecutionState::Queued) {
        let report = DeviceReport {
            status: ReportedStatus::InProgress,
            details: request.status_details.clone(),
            expected_version: None,
            step: shape::step(request.step_timeout),
        };
        if let Ok(changed) = next.report(&report, &job.spec.timeouts, ctx.now) {
            executions::update(tx, &next, &changed).await?;
            started = changed;
        }
    }
    let body = match &job {
        Some(job) => Some(described(tx, ctx, job, &started).await?),
        None => None,
    };
    let execution = shape::execution(&started, ctx.thing, body);
    Ok(Ok(Served::only(wire::execution_accepted(Some(&execution), ctx.now.seconds(), token))))
}

/// The execution that a request names, if the device may see it: with its job, and hidden while that does not run.
async fn find(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    job: &JobRef,
    number: Option<i64>,
) -> Result<Result<Option<(Execution, Job)>, Rejection>, StoreError> {
    let execution = match job {
        JobRef::Next => match executions::pending(tx, ctx.device, ctx.now).await?.into_iter().next() {
            Some(execution) => execution,
            None => return Ok(Ok(None)),
        },
        JobRef::Id(id) => {
            let Ok(id) = id.parse::<JobId>() else { return Ok(Err(not_found())) };
            let Some(execution) = executions::latest(tx, ctx.device, id).await? else {
                return Ok(Err(not_found()));
            };
            execution
        }
    };
    if execution.state == ExecutionState::Removed {
        return Ok(Err(not_found()));
    }
    if let Some(number) = number.filter(|number| *number != execution.number) {
        let earlier = (1..execution.number).contains(&number);
        return Ok(Err(if earlier {
            refuse(ErrorCode::TerminalStateReached, "this try of the job is over; a newer one took its place")
        } else {
            not_found()
        }));
    }
    let Some(job) = jobs::get_any(tx, execution.job).await? else { return Ok(Err(not_found())) };
    let is_hidden = job.state != JobState::Running || !execution.is_shown(ctx.now);
    if execution.state == ExecutionState::Queued && is_hidden {
        return Ok(Err(not_found()));
    }
    Ok(Ok(Some((execution, job))))
}

async fn get(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    job: &JobRef,
    request: &wire::GetRequest,
    token: Option<&str>,
) -> Answer {
    let (found, job) = match find(tx, ctx, job, request.execution_number).await? {
        Err(rejection) => return Ok(Err(rejection)),
        Ok(None) => return Ok(Ok(Served::only(wire::execution_accepted(None, ctx.now.seconds(), token)))),
        Ok(Some(found)) => found,
    };
    if found.is_expired(ctx.now) {
        return Ok(Err(refuse(ErrorCode::TerminalStateReached, Refusal::Expired.to_string())));
    }
    if !found.state.is_open() {
        return Ok(Err(refuse(ErrorCode::TerminalStateReached, "the job is over on this device")));
    }
    let body =
        if request.include_job_document { Some(described(tx, ctx, &job, &found).await?) } else { None };
    let execution = shape::execution(&found, ctx.thing, body);
    Ok(Ok(Served::only(wire::execution_accepted(Some(&execution), ctx.now.seconds(), token))))
}

/// Carries out what a device reports, whatever protocol it speaks. `code`: a status code that came
/// with it; what an earlier report said is gone. Gives the
/// execution as it is then, and what else is to be done.
///
/// # Errors
/// When the store fails.
pub(crate) async fn report(
    tx: &mut Tx<'_>,
    execution: &Execution,
    job: &Job,
    report: &DeviceReport,
    code: Option<i64>,
    now: Timestamp,
) -> Result<Result<(Execution, Effects), Refusal>, StoreError> {
    let mut changed = match execution.report(report, &job.spec.timeouts, now) {
        Ok(changed) => changed,
        Err(refusal) => return Ok(Err(refusal)),
    };
    changed.status_code = code;
    if changed.state == ExecutionState::Succeeded {
        changed = verify::succeeded(tx, job, changed, now).await?;
    }
    executions::update(tx, execution, &changed).await?;
    let mut effects = Effects::default();
    if !changed.state.is_open() {
        // It takes the place of what just ended, however many others the device has.
        Tries::new(usize::MAX).if_due(tx, job, &changed, now).await?;
        effects.reconcile.push(job.id);
    }
    // Another one may be next now, also because this one went before its elders.
    if changed.state != execution.state {
        effects.wake.push(execution.device);
    }
    Ok(Ok((changed, effects)))
}

async fn update(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    job: &JobRef,
    request: &wire::UpdateRequest,
    token: Option<&str>,
) -> Answer {
    let (execution, job) = match find(tx, ctx, job, request.execution_number).await? {
        Err(rejection) => return Ok(Err(rejection)),
        Ok(None) => return Ok(Err(not_found())),
        Ok(Some(found)) => found,
    };
    let (changed, effects) =
        match report(tx, &execution, &job, &shape::report(request), None, ctx.now).await? {
            Ok(done) => done,
            Err(refusal) => {
                let code = match refusal {
                    Refusal::VersionMismatch => ErrorCode::VersionMismatch,
                    Refusal::InvalidStateTransition => ErrorCode::InvalidStateTransition,
                    Refusal::Expired => ErrorCode::TerminalStateReached,
                };
                let state = Some(shape::state(&execution));
                return Ok(Err(Rejection { code, message: refusal.to_string(), state }));
            }
        };
    let state = request.include_job_execution_state.then(|| shape::state(&changed));
    let body =
        if request.include_job_document { Some(described(tx, ctx, &job, &changed).await?) } else { None };
    let payload = wire::update_accepted(state.as_ref(), body.as_ref(), ctx.now.seconds(), token);
    Ok(Ok(Served { payload, effects }))
}
