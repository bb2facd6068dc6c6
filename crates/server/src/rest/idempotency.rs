//! `Idempotency-Key`: a POST that makes something may be sent again without making it twice.
//!
//! A request claims its key in the store before anything is done, so that no other node and no later run does it as well.
//! The answer is remembered for a day, with a digest of the request. An answer that holds a secret is not: the
//! repetition is told that the thing was made, and that its secret was shown once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aide::operation::add_parameters;
use aide::transform::TransformOperation;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use windlass_api::problem::code;
use windlass_app::AppError;
use windlass_domain::ids::{Sha256, TenantId};
use windlass_store::idempotency::{Claim, GivenAnswer, answer_keep, answers_expire, key_claim, key_release};

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{header_parameter, read};

/// The request header.
const KEY: &str = "idempotency-key";

/// Set on an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Longest key, in bytes.
const LONGEST: usize = 128;

/// How long answers are remembered.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// How long a request of another node may be under way.
const UNDER_WAY: Duration = Duration::from_secs(600);

/// How often old ones are forgotten.
const SWEEP: Duration = Duration::from_secs(3600);

/// Whether the answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It may.
    Plain,
    /// It holds a secret.
    Secret,
}

/// What is remembered of an answer.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    location: Option<String>,
    etag: Option<String>,
    /// None where the answer held a secret.
    body: Option<String>,
}

type Slot = (TenantId, String, String);

/// Requests with a key that are under way on this node.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(Mutex<HashSet<Slot>>);

impl UnderWay {
    fn enter(self: &Arc<Self>, slot: &Slot) -> Option<Entered> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.insert(slot.clone()).then(|| Entered { all: Arc::clone(self), slot: slot.clone() })
    }
}

/// Leaves again when dropped, also when the client goes away.
struct Entered {
    all: Arc<UnderWay>,
    slot: Slot,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.slot);
    }
}

/// Documents the header.
pub(crate) fn describe(mut operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let text = "Any text of up to 128 characters that names this request. Sent again within a day with the same \
                body, it gets the first answer and makes nothing; with another body, 422. It gets 409 \
                `idempotency.in_progress` while the first is under way, on PostgreSQL for up to ten minutes also where its \
                server ended meanwhile; then, and at once on SQLite, 409 `idempotency.unknown`: look whether it was made. \
                What shows a secret once is answered 409 `idempotency.shown_once`.";
    aide::generate::in_context(|ctx| {
        add_parameters(ctx, operation.inner_mut(), [header_parameter("Idempotency-Key", text)]);
    });
    operation
}

/// The layer around a creating POST, inside of sign-in.
pub(crate) async fn remember(
    State((rest, kind)): State<(Rest, Answer)>,
    request: Request,
    next: Next,
) -> Response {
    if !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    match once(&rest, kind, request, next).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn once(rest: &Rest, kind: Answer, request: Request, next: Next) -> Result<Response, Refusal> {
    let Some(Caller(by)) = request.extensions().get::<Caller>().cloned() else {
        return Ok(next.run(request).await);
    };
    let key = request.headers().get(KEY).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if key.is_empty() || key.len() > LONGEST {
        return Err(Refusal::field("Idempotency-Key", format!("must be 1 to {LONGEST} plain characters")));
    }
    let (parts, body) = request.into_parts();
    let body = read(body, rest.app.limits.rest_body).await?;
    let head = format!("{} {}\n", parts.method, parts.uri);
    let digest = Sha256::of(&[head.as_bytes(), &body].concat());
    let slot = (by.tenant, by.actor.to_string(), key);
    let Some(entered) = rest.under_way.enter(&slot) else { return Err(under_way()) };
    if let Some(earlier) = claim(rest, &slot, digest).await? {
        return replay(rest, earlier, digest);
    }
    // In a task of its own: a caller that goes away must not leave a change behind whose answer nobody kept.
    let (tell, told) = oneshot::channel();
    let keeper = rest.clone();
    rest.app.tasks.spawn(Box::pin(async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        let answer = if response.status().is_success() {
            keep(&keeper, kind, slot, response).await
        } else {
            give_back(&keeper, slot).await;
            Ok(response)
        };
        drop(entered);
        if tell.send(answer).is_err() {
            tracing::debug!("a caller went away; its answer is kept under its Idempotency-Key");
        }
    }));
    told.await.unwrap_or_else(|_| {
        const DETAIL: &str = "The server is ending; ask again with the same Idempotency-Key.";
        Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "server.ending", "Ending", DETAIL))
    })
}

fn under_way() -> Refusal {
    const DETAIL: &str = "A request with this Idempotency-Key is still under way; ask again in a moment.";
    let mut refusal =
        Refusal::new(StatusCode::CONFLICT, "idempotency.in_progress", "Still under way", DETAIL);
    refusal.retry_after = Some(1);
    refusal
}

/// Claims the key; what is known of it if another request has it.
async fn claim(rest: &Rest, slot: &Slot, digest: Sha256) -> Result<Option<Claim>, Refusal> {
    let (slot, now) = (slot.clone(), rest.app.clock.now());
    let found: Result<_, AppError> = rest
        .app
        .store
        .write(move |tx| {
            let (tenant, actor, key) = slot.clone();
            Box::pin(async move { Ok(key_claim(tx, tenant, &actor, &key, digest, now).await?) })
        })
        .await;
    Ok(found?)
}

/// Lets the key be used again after a request that was refused. If that fails, the key stays taken.
async fn give_back(rest: &Rest, (tenant, actor, key): Slot) {
    let done: Result<(), AppError> = rest
        .app
        .store
        .write(move |tx| {
            let (actor, key) = (actor.clone(), key.clone());
            Box::pin(async move { Ok(key_release(tx, tenant, &actor, &key).await?) })
        })
        .await;
    if let Err(error) = done {
        tracing::warn!(error = %super::error::chain(&error), "an Idempotency-Key could not be given back");
    }
}

fn replay(rest: &Rest, earlier: Claim, digest: Sha256) -> Result<Response, Refusal> {
    if earlier.request != digest {
        const DETAIL: &str =
            "This Idempotency-Key was used with another request; use a new key for a new request.";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Err(Refusal::new(status, code::KEY_REUSED, "Key used before", DETAIL));
    }
    let Some(given) = earlier.answer else {
        // Nobody else serves this store, or for too long: whoever had it ended before it could answer.
        if rest.app.is_one_of_several() && rest.app.clock.now().since(earlier.at) < UNDER_WAY {
            return Err(under_way());
        }
        const DETAIL: &str = "A request with this Idempotency-Key was begun, and the server ended before its answer was kept: \
                              look whether what you asked for is there, and use a new key if it is not.";
        return Err(Refusal::new(StatusCode::CONFLICT, "idempotency.unknown", "Outcome unknown", DETAIL));
    };
    let kept: Kept = serde_json::from_str(&given.response).map_err(|error| Refusal::internal(&error))?;
    let place = kept.location.unwrap_or_default();
    let Some(body) = kept.body else {
        let detail = format!(
            "This was made by an earlier request, at {place}. Its secret was shown then and is kept nowhere; \
             revoke it and make another one if the answer was lost."
        );
        return Err(Refusal::new(StatusCode::CONFLICT, "idempotency.shown_once", "Made already", detail));
    };
    let status = StatusCode::from_u16(given.status).unwrap_or(StatusCode::OK);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    let etag = kept.etag.and_then(|etag| HeaderValue::try_from(etag).ok());
    let place = HeaderValue::try_from(place).ok();
    for (name, value) in [(header::ETAG, etag), (header::LOCATION, place)] {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

async fn keep(
    rest: &Rest,
    kind: Answer,
    (tenant, actor, key): Slot,
    response: Response,
) -> Result<Response, Refusal> {
    let (parts, body) = response.into_parts();
    // Our own answer: bounded by what was asked.
    let body = read(body, usize::MAX).await?;
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let kept = Kept {
        location: text(header::LOCATION),
        etag: text(header::ETAG),
        body: (kind == Answer::Plain).then(|| String::from_utf8_lossy(&body).into_owned()),
    };
    let response = serde_json::to_string(&kept).map_err(|error| Refusal::internal(&error))?;
    let given = GivenAnswer { status: parts.status.as_u16(), response };
    let stored: Result<(), AppError> = rest
        .app
        .store
        .write(move |tx| {
            let (actor, key, given) = (actor.clone(), key.clone(), given.clone());
            Box::pin(async move { Ok(answer_keep(tx, tenant, &actor, &key, &given).await?) })
        })
        .await;
    if let Err(error) = stored {
        // What was asked is done; its repetition hears that nobody knows.
        tracing::warn!(error = %super::error::chain(&error), "an answer could not be remembered");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Forgets old answers, once an hour, until stopped.
pub(crate) async fn sweep(rest: Rest) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let before = rest.app.clock.now().minus(KEPT);
        let done: Result<u64, AppError> = rest
            .app
            .store
            .write(move |tx| Box::pin(async move { Ok(answers_expire(tx, before).await?) }))
            .await;
        if let Err(error) = done {
            tracing::warn!(error = %super::error::chain(&error), "old answers could not be forgotten");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use windlass_store::StoreError;
    use windlass_store::tenants::tenant_default;

    use super::{GivenAnswer, answer_keep};
    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn a_key_that_cannot_be_one_is_refused() {
        let server = Fixture::new("idempotency").await;
        let body = json!({"path": "a"});
        for key in ["", &"x".repeat(129)] {
            let problem = server.post_with_key("/groups", key, &body).await.problem(400, "request.invalid");
            assert_eq!(problem.fields(), ["Idempotency-Key"]);
        }
        server.get("/groups/a").await.problem(404, "group.not_found");
    }

    #[tokio::test]
    async fn a_refused_request_may_be_mended_and_sent_with_the_same_key() {
        let server = Fixture::new("idempotency-mended").await;
        server.post_with_key("/groups", "k", &json!({"path": 1})).await.problem(400, "request.invalid");
        server.post_with_key("/groups", "k", &json!({"path": "a"})).await.expect(201);
        let again = server.post_with_key("/groups", "k", &json!({"path": "a"})).await;
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        again.expect(201);
    }

    #[tokio::test]
    async fn what_was_begun_and_never_answered_is_not_done_again() {
        let server = Fixture::new("idempotency-unknown").await;
        let body = json!({"path": "a"});
        server.post_with_key("/groups", "k", &body).await.expect(201);
        // As a server leaves it that ends between the change and its answer, and as another node has it meanwhile.
        server
            .rest
            .app
            .store
            .write::<_, StoreError, _>(|tx| {
                Box::pin(async move {
                    let given = GivenAnswer { status: 0, response: String::new() };
                    let tenant = tenant_default(tx).await?.id;
                    answer_keep(tx, tenant, "token test#1", "k", &given).await
                })
            })
            .await
            .unwrap();
        server.delete("/groups/a").await.expect(204);
        server.post_with_key("/groups", "k", &body).await.problem(409, "idempotency.unknown");
        server.get("/groups/a").await.problem(404, "group.not_found");
        server
            .post_with_key("/groups", "k", &json!({"path": "b"}))
            .await
            .problem(422, "idempotency.key_reused");
        server.post_with_key("/groups", "k2", &body).await.expect(201);
    }

    #[tokio::test]
    async fn keys_of_different_people_do_not_meet() {
        let server = Fixture::new("idempotency-people").await;
        let other = server.as_role("operator").await;
        server.post_with_key("/groups", "k", &json!({"path": "a"})).await.expect(201);
        other.post_with_key("/groups", "k", &json!({"path": "b"})).await.expect(201);
    }

    #[tokio::test]
    async fn a_secret_is_not_kept_for_a_repetition() {
        let server = Fixture::new("idempotency-secret").await;
        let body = json!({"name": "ci", "role": "viewer"});
        server.post_with_key("/tokens", "k", &body).await.expect(201);
        let again = server.post_with_key("/tokens", "k", &body).await.problem(409, "idempotency.shown_once");
        assert!(again.detail().contains("/api/v1/tokens/"), "{}", again.detail());
    }
}
