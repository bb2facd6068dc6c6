//! `/setup`, `/session` and `/sessions`: the first administrator, and people in browsers.

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Described};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::page::{Page, PageQuery};
use windlass_api::sessions::{NewSession, Session, SessionLink, Setup, SetupState};
use windlass_api::users::Me;
use windlass_app::AppError;
use windlass_app::access::{LinkError, OpenedSession, SessionView};
use windlass_app::error::FieldProblem;
use windlass_domain::ids::ConsoleSessionId;

use super::Rest;
use super::access::{Access, Caller};
use super::browser::Browser;
use super::error::Refusal;
use super::io::{At, Body, Done, Query};
use super::page::by_number;
use super::routes::Routes;
use super::users::me_of;
use super::view::time;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("sessions")
        .get(
            "/api/v1/setup",
            Access::Anyone,
            "getSetup",
            "Does somebody have to set this server up",
            setup_state,
        )
        .post("/api/v1/setup", Access::Anyone, "setUp", "Make the first administrator and sign in", set_up)
        .post(
            "/api/v1/session",
            Access::Anyone,
            "signIn",
            "Sign in by browser: answers with a cookie",
            sign_in,
        )
        .post(
            "/api/v1/session/link",
            Access::Anyone,
            "signInByLink",
            "Sign in by browser with a link that is good once",
            sign_in_by_link,
        )
        .delete("/api/v1/session", Access::SignedIn, "signOut", "End the session that asks", sign_out)
        .get("/api/v1/sessions", Access::SignedIn, "listSessions", "List one's own sessions", list)
        .delete("/api/v1/sessions/{id}", Access::SignedIn, "endSession", "End one of one's sessions", end)
}

#[derive(Debug, Deserialize, JsonSchema)]
struct SessionPath {
    /// Number of the session.
    id: i64,
}

/// 201 with the cookie.
struct SignedIn {
    cookie: Option<HeaderValue>,
    me: Me,
}

impl IntoResponse for SignedIn {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::CREATED, Json(self.me)).into_response();
        if let Some(cookie) = self.cookie {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    }
}

impl OperationOutput for SignedIn {
    type Inner = Me;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Described> {
        Json::<Me>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Described)> {
        Self::operation_response(ctx, operation).into_iter().map(|described| (Some(201), described)).collect()
    }
}

/// 204 without the cookie.
struct SignedOut(Option<HeaderValue>);

impl IntoResponse for SignedOut {
    fn into_response(self) -> Response {
        let mut response = Done.into_response();
        if let Some(cookie) = self.0 {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    }
}

impl OperationOutput for SignedOut {
    type Inner = ();

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Described)> {
        Done::inferred_responses(ctx, operation)
    }
}

async fn welcome(rest: &Rest, browser: &Browser, opened: OpenedSession) -> Result<SignedIn, Refusal> {
    let OpenedSession { principal, id, secret } = opened;
    let cookie = browser.give(&secret);
    let me = me_of(rest, principal, &Browser { session: Some(id), ..browser.clone() }).await?;
    Ok(SignedIn { cookie, me })
}

async fn setup_state(State(rest): State<Rest>) -> Result<Json<SetupState>, Refusal> {
    let needed = rest.app.setup_needed().await?;
    Ok(Json(SetupState { needed, version: env!("CARGO_PKG_VERSION").to_owned() }))
}

async fn set_up(
    State(rest): State<Rest>,
    browser: Browser,
    Body(new): Body<Setup>,
) -> Result<SignedIn, Refusal> {
    let Setup { token, user, password } = new;
    let opened =
        rest.app.set_up(&token, &user, &password, &browser.visitor()).await.map_err(|error| match error {
            // The use case knows a user's name; this form calls it `user`.
            LinkError::Failed(AppError::Invalid(fields)) => {
                let rename = |problem: FieldProblem| match problem.field.as_str() {
                    "name" => FieldProblem { field: "user".to_owned(), ..problem },
                    _ => problem,
                };
                Refusal::from(AppError::Invalid(fields.into_iter().map(rename).collect()))
            }
            other => link_refusal(other, "setup.token_invalid"),
        })?;
    welcome(&rest, &browser, opened).await
}

fn link_refusal(error: LinkError, not_good: &'static str) -> Refusal {
    let detail = super::error::sentence(&error.to_string());
    match error {
        LinkError::NotGood => Refusal::new(StatusCode::FORBIDDEN, not_good, "Not a good link", detail),
        LinkError::Done => Refusal::new(StatusCode::CONFLICT, "setup.done", "Set up already", detail),
        LinkError::Throttled { seconds } => Refusal::throttled("Too many wrong links", detail, seconds),
        LinkError::Failed(error) => error.into(),
    }
}

async fn sign_in(
    State(rest): State<Rest>,
    browser: Browser,
    Body(NewSession { user, password }): Body<NewSession>,
) -> Result<SignedIn, Refusal> {
    let (tenant, user) = rest.tenant_of(&user).await?;
    let opened = rest.app.console_session_open(tenant, &user, &password, &browser.visitor()).await?;
    welcome(&rest, &browser, opened).await
}

async fn sign_in_by_link(
    State(rest): State<Rest>,
    browser: Browser,
    Body(SessionLink { token }): Body<SessionLink>,
) -> Result<SignedIn, Refusal> {
    let opened = rest.app.console_session_open_by_link(&token, &browser.visitor()).await;
    let opened = opened.map_err(|error| link_refusal(error, "session.link_invalid"))?;
    welcome(&rest, &browser, opened).await
}

async fn sign_out(
    State(rest): State<Rest>,
    Caller(by): Caller,
    browser: Browser,
) -> Result<SignedOut, Refusal> {
    if let Some(session) = browser.session {
        match rest.app.console_session_end(&by, session).await {
            // Ended meanwhile, in another window.
            Ok(()) | Err(AppError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(SignedOut(browser.take()))
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    browser: Browser,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Session>>, Refusal> {
    let show = |session: SessionView| {
        let SessionView { id, created_at, last_used_at, expires_at, address, user_agent } = session;
        Session {
            id: id.get(),
            created_at: time(created_at),
            last_used_at: time(last_used_at),
            expires_at: time(expires_at),
            address,
            user_agent,
            current: browser.session == Some(id),
        }
    };
    let sessions = rest.app.console_session_list(&by).await?;
    Ok(Json(by_number(sessions, &query, |session| session.id.get(), show)?))
}

async fn end(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(SessionPath { id }): At<SessionPath>,
) -> Result<Done, Refusal> {
    rest.app.console_session_end(&by, ConsoleSessionId::new(id)).await?;
    Ok(Done)
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
