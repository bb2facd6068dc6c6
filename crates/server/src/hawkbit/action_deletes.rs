//! `DELETE targets/{id}/actions`, `DELETE actions` and `DELETE actions/{id}`: what is over, by number, by query or by age.

use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use windlass_app::AppError;
use windlass_app::hawkbit::{AT_ONCE, StillOpen};
use windlass_domain::permission::Permission;

use super::action_queries;
use super::io::{Answer, At, OptionalBody, done};
use super::list::ListQuery;
use super::routes::Routes;
use super::view::Base;
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    let control = Permission::JobControl;
    routes.delete("/targets/{id}/actions", control, of_target).delete("/actions", control, some).delete(
        "/actions/{id}",
        control,
        one,
    )
}

/// What the query chooses.
#[derive(Default)]
struct Chosen {
    keep_last: Option<usize>,
    rsql: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Chosen {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Refusal::field("", "has a query that cannot be read"))?;
        let mut chosen = Self::default();
        for (name, text) in pairs.0 {
            match name.as_str() {
                "keepLast" => {
                    let kept = text
                        .parse()
                        .map_err(|_| Refusal::field("keepLast", "must be a whole number from 0 on"))?;
                    chosen.keep_last = Some(kept);
                }
                "rsql" => chosen.rsql = Some(text).filter(|text| !text.trim().is_empty()),
                _ => {}
            }
        }
        Ok(chosen)
    }
}

async fn of_target(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<String>,
    Chosen { keep_last, rsql: _ }: Chosen,
    OptionalBody(ids): OptionalBody<Vec<i64>>,
) -> Answer {
    match keep_last {
        Some(keep) if ids.is_empty() => rest.app.hawkbit_actions_keep(&by, &id, keep).await?,
        None if !ids.is_empty() => {
            rest.app.hawkbit_actions_delete(&by, Some(&id), ids, StillOpen::Refuse).await?
        }
        Some(_) | None => {
            let told = "or a body with numbers of actions must say what to delete: one of them, not both";
            return Err(Refusal::field("keepLast", told));
        }
    };
    done()
}

async fn some(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    Chosen { keep_last: _, rsql }: Chosen,
    OptionalBody(ids): OptionalBody<Vec<i64>>,
) -> Answer {
    match rsql {
        Some(rsql) if ids.is_empty() => {
            let query = ListQuery { q: Some(rsql), ..ListQuery::default() };
            let mut below = Some(i64::MAX);
            while let Some(from) = below {
                let (found, next) = action_queries::numbers(&rest, &by, &base, &query, from).await?;
                for some in found.chunks(AT_ONCE) {
                    rest.app.hawkbit_actions_delete(&by, None, some.to_vec(), StillOpen::Stays).await?;
                }
                below = next;
            }
        }
        None if !ids.is_empty() => {
            rest.app.hawkbit_actions_delete(&by, None, ids, StillOpen::Refuse).await?;
        }
        Some(_) | None => {
            let told = "or a body with numbers of actions must say what to delete: one of them, not both";
            return Err(Refusal::field("rsql", told));
        }
    }
    done()
}

async fn one(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    match rest.app.hawkbit_actions_delete(&by, None, vec![id], StillOpen::Refuse).await? {
        0 => Err(AppError::not_found("action", id).into()),
        _ => done(),
    }
}
