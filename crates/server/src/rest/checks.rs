//! `/server/checks`: whether this node stands well, and what to do where it does not. Only the tenant that runs the
//! server is told.

use axum::Json;
use axum::extract::State as Shared;
use windlass_api::checks::{self as api, CheckState, Checks};
use windlass_domain::permission::Permission;

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::routes::Routes;
use crate::doctor::{Check, State};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.tag("server").get(
        "/api/v1/server/checks",
        Permission::ServerRead,
        "listChecks",
        "Check certificate, clock, disk, ports, backups and the like",
        list,
    )
}

async fn list(Shared(rest): Shared<Rest>, Caller(by): Caller) -> Result<Json<Checks>, Refusal> {
    if !rest.app.runs_server(&by).await? {
        return Ok(Json(Checks { items: Vec::new() }));
    }
    let checks = rest.config.doctor.examine().await;
    let items = checks.into_iter().map(|Check { name, state, detail, action }| api::Check {
        check: name.to_owned(),
        state: match state {
            State::Good => CheckState::Ok,
            State::Warning => CheckState::Warning,
            State::Problem => CheckState::Problem,
        },
        detail,
        action,
    });
    Ok(Json(Checks { items: items.collect() }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn another_tenant_is_told_nothing_of_the_server_that_it_does_not_run() {
        let server = Fixture::new("checks-tenants").await;
        assert!(!server.get("/server/checks").await.expect(200)["items"].as_array().unwrap().is_empty());
        let other = server.in_another_tenant("acme").await;
        assert_eq!(other.get("/server/checks").await.expect(200), serde_json::json!({"items": []}));
    }

    #[tokio::test]
    async fn a_running_server_is_checked_and_a_key_that_others_can_read_is_found() {
        let server = Fixture::new("checks").await;
        let key = server.rest.app.config.directory.join("keys/audit.pem");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
        let found = server.get("/server/checks").await.expect(200);
        let state = |name: &str| {
            let items = found["items"].as_array().unwrap();
            items.iter().find(|one| one["check"] == name).unwrap_or_else(|| panic!("{name}: {found}"))["state"]
                .clone()
        };
        for good in ["clock", "schema", "plainHttp", "database"] {
            assert_eq!(state(good), "ok", "{found}");
        }
        assert_eq!(state("permissions"), "problem", "{found}");
        assert_eq!(state("backup"), "warning", "{found}");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let again = server.get("/server/checks").await.expect(200);
        assert_eq!(again, found, "the answer of a moment ago");
    }
}
