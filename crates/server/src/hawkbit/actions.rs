//! `targets/{id}/actions` and `actions`: what is on its way, its history, and the ways to stop it.

use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use serde_json::json;
use windlass_app::hawkbit::{ActionView, Word};
use windlass_domain::job::{Handling, MaintenanceWindow, Outcome};
use windlass_domain::permission::Permission;
use windlass_domain::time::Timestamp;
use windlass_wire::management::actions as wire;
use windlass_wire::management::common::Stamp;

use super::action_queries;
use super::io::{Answer, At, Body, done, ok};
use super::list::{ListQuery, is_true};
use super::routes::Routes;
use super::view::{Base, NEWEST, actor};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;
use crate::rest::io::part;

pub(super) fn routes(routes: Routes) -> Routes {
    let (read, control) = (Permission::JobRead, Permission::JobControl);
    routes
        .get("/targets/{id}/actions", read, list_of_target)
        .get("/targets/{id}/actions/{action}", read, get)
        .put("/targets/{id}/actions/{action}", control, change)
        .delete("/targets/{id}/actions/{action}", control, cancel)
        .put("/targets/{id}/actions/{action}/confirmation", control, confirm)
        .get("/targets/{id}/actions/{action}/status", read, history)
        .get("/actions", read, list)
        .get("/actions/{id}", read, get_any)
}

/// HH:mm:ss.
fn clock(span: std::time::Duration) -> String {
    let seconds = span.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Older clients know `pending` and `finished` only, also of what was canceled, and look at `detailStatus` for the
/// rest; newer ones know no `detailStatus` and take `finished` for installed. What failed is neither's `finished`.
const fn status(is_open: bool, outcome: Outcome) -> &'static str {
    match outcome {
        _ if is_open => "pending",
        Outcome::Failed => "error",
        _ => "finished",
    }
}

/// An action as shown.
pub(super) fn shown(view: &ActionView, base: &Base) -> wire::Action {
    let execution = &view.execution;
    let created_by = actor(&view.created_by);
    let (force_type, force_time) = match view.policy.handling {
        Handling::Soft => ("soft", None),
        Handling::Forced => ("forced", None),
        Handling::TimeForced { at } => ("timeforced", Some(at.millis())),
        Handling::DownloadOnly => ("downloadonly", None),
    };
    let window = view.policy.window.as_ref();
    let path = format!("/targets/{}/actions/{}", part(&view.controller_id), execution.id);
    let mut links = base.links(&path, [("self", ""), ("status", &format!("/status{NEWEST}"))]);
    let target = format!("/targets/{}", part(&view.controller_id));
    links.insert("target", base.named(&target, view.controller_id.clone()));
    let (set, version) = &view.release_name;
    let path_of_set = format!("/distributionsets/{}", view.release);
    let link = if set.is_empty() {
        base.link(&path_of_set)
    } else {
        base.named(&path_of_set, format!("{set}:{version}"))
    };
    links.insert("distributionset", link);
    if view.is_cancel() {
        links.insert("canceledaction", base.link(&path));
    }
    if let Some((rollout, name)) = &view.rollout {
        links.insert("rollout", base.named(&format!("/rollouts/{rollout}"), name.clone()));
    }
    wire::Action {
        stamp: Stamp {
            last_modified_by: created_by.clone(),
            created_by,
            created_at: execution.queued_at.millis(),
            last_modified_at: execution.updated_at.millis(),
        },
        id: execution.id.get(),
        active: execution.state.is_open(),
        action_type: if view.is_cancel() { "cancel" } else { "update" },
        status: status(execution.state.is_open(), execution.outcome()),
        detail_status: view.detail(),
        last_status_code: execution.status_code,
        force_type,
        force_time,
        weight: Some(i64::from(view.policy.priority.get())),
        maintenance_window: window.map(|MaintenanceWindow { schedule, duration, zone }| wire::ShownWindow {
            schedule: schedule.to_string(),
            duration: clock(*duration),
            timezone: zone.as_ref().map(ToString::to_string).unwrap_or_default(),
            next_start_at: view.opens_at.map(Timestamp::millis),
        }),
        rollout: view.rollout.as_ref().map(|(id, _)| *id),
        rollout_name: view.rollout.as_ref().map(|(_, name)| name.clone()),
        external_ref: None,
        links,
    }
}

async fn list_of_target(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<String>,
    query: ListQuery,
) -> Answer {
    let views = rest.app.hawkbit_actions_of(&by, &id).await?;
    let (views, total) = action_queries::among(&rest, &by, &base, &query, views).await?;
    written(&views, u64::try_from(total).unwrap_or(u64::MAX), &base)
}

/// Whether a list is in order of numbers, and whether that falls.
fn by_number(query: &ListQuery) -> Option<bool> {
    match query.sort.as_slice() {
        [] => Some(false),
        [(field, falls)] if field.eq_ignore_ascii_case("id") => Some(*falls),
        _ => None,
    }
}

fn written(views: &[ActionView], total: u64, base: &Base) -> Answer {
    let content: Vec<wire::Action> = views.iter().map(|view| shown(view, base)).collect();
    ok(&json!({"size": content.len(), "content": content, "total": total}))
}

async fn list(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    if let (None, None, Some(newest_first)) = (&query.q, &by.scope, by_number(&query)) {
        let offset = u64::try_from(query.offset).unwrap_or(u64::MAX);
        let limit = u32::try_from(query.limit).unwrap_or(u32::MAX);
        let (views, total) = rest.app.hawkbit_actions_page(&by, newest_first, offset, limit).await?;
        return written(&views, total, &base);
    }
    let (views, total) = action_queries::newest(&rest, &by, &base, &query).await?;
    written(&views, u64::try_from(total).unwrap_or(u64::MAX), &base)
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At((id, action)): At<(String, i64)>,
) -> Answer {
    ok(&shown(&rest.app.hawkbit_action(&by, Some(&id), action).await?, &base))
}

async fn get_any(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    ok(&shown(&rest.app.hawkbit_action(&by, None, id).await?, &base))
}

async fn change(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At((id, action)): At<(String, i64)>,
    Body(asked): Body<wire::ActionUpdate>,
) -> Answer {
    match asked.force_type.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("forced") => rest.app.hawkbit_force(&by, &id, action).await?,
        Some(_) => return Err(Refusal::field("forceType", "can only become forced")),
        None => {}
    }
    ok(&shown(&rest.app.hawkbit_action(&by, Some(&id), action).await?, &base))
}

/// Whether the query says `force`.
struct Force(bool);

impl<S: Sync> FromRequestParts<S> for Force {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Refusal::field("", "has a query that cannot be read"))?;
        Ok(Self(pairs.0.iter().any(|(name, text)| name == "force" && is_true(text))))
    }
}

async fn cancel(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, action)): At<(String, i64)>,
    Force(force): Force,
) -> Answer {
    rest.app.hawkbit_cancel(&by, &id, action, force).await?;
    done()
}

async fn confirm(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, action)): At<(String, i64)>,
    Body(asked): Body<wire::Confirmation>,
) -> Answer {
    let wire::Confirmation { confirmation, code, details: messages } = asked;
    let confirmed = match confirmation.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("confirmed") => true,
        Some("denied") => false,
        Some(_) | None => return Err(Refusal::field("confirmation", "must be confirmed or denied")),
    };
    rest.app.hawkbit_confirm(&by, &id, action, Word { confirmed, code, messages }).await?;
    done()
}

async fn history(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, action)): At<(String, i64)>,
    query: ListQuery,
) -> Answer {
    let newest = match query.sort.as_slice() {
        [] => true,
        [(field, falls), ..]
            if matches!(
                field.to_ascii_lowercase().as_str(),
                "id" | "createdat" | "reportedat" | "timestamp"
            ) =>
        {
            *falls
        }
        [(field, _), ..] => {
            let detail = format!("{field} cannot be sorted by; write id, createdAt or reportedAt.");
            return Err(Refusal::new(
                http::StatusCode::BAD_REQUEST,
                "hawkbit.sort_field",
                "Not usable",
                detail,
            ));
        }
    };
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (offset, limit) = (number(query.offset), number(query.limit));
    let (entries, total) = rest.app.hawkbit_history(&by, &id, action, newest, offset, limit).await?;
    let content: Vec<wire::ActionStatus> = entries
        .into_iter()
        .map(|entry| wire::ActionStatus {
            id: entry.id,
            kind: entry.kind,
            messages: entry.messages,
            reported_at: entry.at.millis(),
            timestamp: entry.reported_at.unwrap_or(entry.at).millis(),
            code: entry.code,
            credential: entry.credential,
        })
        .collect();
    ok(&json!({"size": content.len(), "content": content, "total": total}))
}
