//! `/alerts`: what is wrong and open, newest first; acknowledged and closed by people.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::alerts::{Alert, AlertQuery, AlertState, Closing};
use windlass_api::page::{NumberCursor, Page};
use windlass_app::alerts::{AlertView, Filter};
use windlass_domain::alert::About;
use windlass_domain::ids::{AlertId, DeviceName};
use windlass_domain::permission::Permission;

use super::Rest;
use super::access::Caller;
use super::credentials::device_name;
use super::error::Refusal;
use super::io::{At, Body, Query};
use super::page::{after_number, limit};
use super::routes::Routes;
use super::view::{alert_kind, alert_kind_in, severity, time};

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::{AlertHandle, AlertRead};
    routes
        .tag("alerts")
        .get("/api/v1/alerts", AlertRead, "listAlerts", "List alerts, newest first", list)
        .get("/api/v1/alerts/{id}", AlertRead, "getAlert", "Get an alert", get)
        .post(
            "/api/v1/alerts/{id}/acknowledge",
            AlertHandle,
            "acknowledgeAlert",
            "Say that you look after an open alert",
            acknowledge,
        )
        .post(
            "/api/v1/alerts/{id}/close",
            AlertHandle,
            "closeAlert",
            "Close an alert; it does not open again while its condition goes on",
            close,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct AlertPath {
    /// Number of the alert.
    id: i64,
}

pub(super) fn show(AlertView { alert, device }: AlertView) -> Alert {
    let windlass_app::alerts::Alert {
        id,
        tenant: _,
        kind,
        about,
        severity: matters,
        subject,
        detail,
        action,
        opened_at,
        last_at,
        count,
        acknowledged,
        closed,
    } = alert;
    let (job, pending) = match about {
        About::Job(id) => (Some(id.get()), None),
        About::Pending(id) => (None, Some(id)),
        About::Device(_) | About::Claim(_) | About::Server | About::Console => (None, None),
    };
    let (acknowledged_at, acknowledged_by) = acknowledged.unzip();
    let (closed_at, closed_reason) = closed.unzip();
    Alert {
        id: id.get(),
        kind: alert_kind(kind),
        severity: severity(matters),
        state: if closed_at.is_some() { AlertState::Closed } else { AlertState::Open },
        subject,
        detail,
        action,
        device: device.map(DeviceName::into_string),
        job,
        pending,
        opened_at: time(opened_at),
        last_at: time(last_at),
        count,
        closed_at: closed_at.map(time),
        closed_reason,
        acknowledged_at: acknowledged_at.map(time),
        acknowledged_by,
    }
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<AlertQuery>,
) -> Result<Json<Page<Alert>>, Refusal> {
    let AlertQuery { state, kind, device, limit: asked, cursor } = query;
    let before = after_number(cursor.as_deref())?;
    let filter = Filter {
        open: state.map(|state| state == AlertState::Open),
        kind: kind.map(alert_kind_in),
        device: device.as_deref().map(device_name).transpose()?,
    };
    let most = usize::try_from(limit(asked)).unwrap_or(usize::MAX);
    let page = rest.app.alert_list(&by, &filter, before, most).await?;
    let cursor = page.next.map(|after| NumberCursor { after }.encode());
    let items = page.items.into_iter().map(show).collect();
    Ok(Json(Page { items, total: page.total, cursor, facets: None }))
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(AlertPath { id }): At<AlertPath>,
) -> Result<Json<Alert>, Refusal> {
    Ok(Json(show(rest.app.alert_get(&by, AlertId::new(id)).await?)))
}

async fn acknowledge(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(AlertPath { id }): At<AlertPath>,
) -> Result<Json<Alert>, Refusal> {
    Ok(Json(show(rest.app.alert_acknowledge(&by, AlertId::new(id)).await?)))
}

async fn close(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(AlertPath { id }): At<AlertPath>,
    Body(Closing { reason }): Body<Closing>,
) -> Result<Json<Alert>, Refusal> {
    Ok(Json(show(rest.app.alert_close(&by, AlertId::new(id), &reason).await?)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    /// A claim whose certificate is near its end.
    async fn with_an_alert(name: &str) -> Fixture {
        let server = Fixture::new(name).await;
        let soon = json!({"name": "line-1", "expiresAt": "2026-01-01T01:00:00Z"});
        server.post("/claims", soon).await.expect(201);
        while server.rest.app.alerts_activate().await.unwrap() {}
        server
    }

    #[tokio::test]
    async fn an_alert_is_listed_acknowledged_and_closed() {
        let server = with_an_alert("alerts").await;
        assert_eq!(server.get("/alerts?state=open").await.expect(200)["total"], 1);
        let page = server.get("/alerts?state=open&kind=certificateExpiring").await.expect(200);
        let alert = &page["items"][0];
        assert_eq!(alert["state"], "open", "{page}");
        assert_eq!(alert["subject"], "The certificate of claim line-1 is near its end");
        let path = format!("/alerts/{}", alert["id"]);
        assert_eq!(server.get(&path).await.expect(200), *alert);
        let known = server.act(&format!("{path}/acknowledge")).await.expect(200);
        assert!(known["acknowledgedBy"].as_str().unwrap().contains("test"), "{known}");
        let closed = server.post(&format!("{path}/close"), json!({"reason": "planned"})).await.expect(200);
        assert_eq!((&closed["state"], &closed["closedReason"]), (&json!("closed"), &json!("planned")));
        server.post(&format!("{path}/close"), json!({})).await.problem(409, "alert.closed");
        server.act(&format!("{path}/acknowledge")).await.problem(409, "alert.closed");
        assert_eq!(server.get("/alerts?state=open").await.expect(200)["items"], json!([]));
        let text = server.anonymous().outside("GET", "/metrics").await.text();
        assert!(text.contains("\nwindlass_alerts_open 1\n"), "as counted last: {text}");
    }

    #[tokio::test]
    async fn bad_questions_are_refused_by_their_field() {
        let server = with_an_alert("alerts-bad").await;
        for (query, field) in
            [("state=broken", "state"), ("kind=moon", "kind"), ("limit=0", "limit"), ("q=x", "q")]
        {
            let problem = server.get(&format!("/alerts?{query}")).await.problem(400, "request.invalid");
            assert_eq!(problem.fields(), [field]);
        }
        server.get("/alerts?cursor=zzz").await.problem(400, "cursor.invalid");
        server.get("/alerts?device=ghost").await.problem(404, "device.not_found");
        server.get("/alerts/999").await.problem(404, "alert.not_found");
        server.get("/alerts/x").await.problem(404, "path.not_found");
        let long = json!({"reason": "x".repeat(257)});
        let problem = server.post("/alerts/1/close", long).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["reason"]);
        let problem =
            server.post("/alerts/1/close", json!({"why": "x"})).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["why"]);
    }

    #[tokio::test]
    async fn a_token_with_a_scope_sees_no_alert_of_the_server() {
        let server = with_an_alert("alerts-scope").await;
        let scoped = json!({"name": "lab", "role": "admin", "scope": "tag==lab"});
        let made = server.post("/tokens", scoped).await.expect(201);
        let scoped = server.with_token(made["secret"].as_str().unwrap());
        let page = scoped.get("/alerts").await.expect(200);
        assert_eq!(page, json!({"items": []}));
        scoped.get("/alerts/1").await.problem(404, "alert.not_found");
        scoped.act("/alerts/1/acknowledge").await.problem(404, "alert.not_found");
        scoped.get("/notifications").await.problem(403, "auth.forbidden");
    }
}
