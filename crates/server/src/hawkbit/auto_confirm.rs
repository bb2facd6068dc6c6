//! `targets/{id}/autoConfirm`: agreement in advance.

use axum::extract::State;
use serde_json::json;
use windlass_domain::permission::{Permission, Principal};
use windlass_wire::management::targets::AutoConfirmRequest;

use super::io::{Answer, At, OptionalBody, done, ok};
use super::routes::Routes;
use super::view::Base;
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::io::part;

pub(super) fn routes(routes: Routes) -> Routes {
    let control = Permission::JobControl;
    routes
        .get("/targets/{id}/autoConfirm", Permission::DeviceRead, shown)
        .post("/targets/{id}/autoConfirm/activate", control, activate)
        .post("/targets/{id}/autoConfirm/deactivate", control, deactivate)
}

async fn shown(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<String>) -> Answer {
    let path = format!("/targets/{}/autoConfirm", part(&id));
    match rest.app.hawkbit_auto_confirm(&by, &id).await? {
        Some(agreed) => ok(&json!({
            "active": true,
            "initiator": agreed.initiator,
            "remark": agreed.remark,
            "activatedAt": agreed.since.millis(),
            "_links": base.links(&path, [("deactivate", "/deactivate")]),
        })),
        None => ok(&json!({
            "active": false,
            "_links": base.links(&path, [("activate", "/activate")]),
        })),
    }
}

async fn set(rest: &Rest, by: &Principal, id: &str, on: bool, asked: AutoConfirmRequest) -> Answer {
    let AutoConfirmRequest { initiator, remark } = asked;
    rest.app.hawkbit_auto_confirm_set(by, id, on, initiator, remark).await?;
    done()
}

async fn activate(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<String>,
    OptionalBody(asked): OptionalBody<AutoConfirmRequest>,
) -> Answer {
    set(&rest, &by, &id, true, asked).await
}

async fn deactivate(State(rest): State<Rest>, Caller(by): Caller, At(id): At<String>) -> Answer {
    set(&rest, &by, &id, false, AutoConfirmRequest::default()).await
}
