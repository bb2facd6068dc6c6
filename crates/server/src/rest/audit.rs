//! `/audit`: who did what, and the proof that nobody changed it.

use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use windlass_api::audit::{AuditKey, AuditRecord, Verification};
use windlass_api::page::{Page, PageQuery};
use windlass_app::audit::{AuditView, Filter};
use windlass_domain::permission::Permission;

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{Query, Raw};
use super::page::{after_number, fetched, limit};
use super::routes::Routes;
use super::view::time;

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::AuditRead;
    routes
        .tag("audit")
        .get("/api/v1/audit", AuditRead, "listAudit", "List who did what, newest first", list)
        .get(
            "/api/v1/audit/export",
            AuditRead,
            "exportAudit",
            "Everything that checking the records without this server needs, as JSON lines",
            export,
        )
        .get("/api/v1/audit/verify", AuditRead, "verifyAudit", "Check every record and seal", verify)
        .get("/api/v1/audit/key", AuditRead, "getAuditKey", "The public key that seals are signed with", key)
}

fn show(view: AuditView) -> AuditRecord {
    let AuditView { seq, at, actor, action, target, details, hash } = view;
    AuditRecord { seq, at: time(at), actor, action, target, details, hash: hash.map(|hash| hash.to_string()) }
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AuditRecord>>, Refusal> {
    let limit = limit(query.limit);
    let filter = Filter { before: after_number(query.cursor.as_deref())?, ..Filter::default() };
    let items = rest.app.audit_list(&by, filter, limit.saturating_add(1)).await?;
    Ok(Json(fetched(items, limit, |view| view.seq, show)))
}

async fn export(State(rest): State<Rest>, Caller(by): Caller) -> Result<Raw, Refusal> {
    let export = rest.app.audit_export(&by)?;
    // Page by page as the client reads; a page that fails breaks the answer off, which the client notices.
    let pages = futures_util::stream::try_unfold(export, |mut export| async move {
        let page = export.next_page().await.map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok::<_, std::io::Error>(page.map(|page| (page, export)))
    });
    let kind = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.jsonl\""),
    ];
    Ok(Raw { response: (kind, RawBody::from_stream(pages)).into_response() })
}

async fn verify(State(rest): State<Rest>, Caller(by): Caller) -> Result<Json<Verification>, Refusal> {
    let report = rest.app.audit_verify(&by).await?;
    let problem =
        report.first_bad.map(|bad| format!("record {}: {}", bad.seq.unwrap_or(bad.position), bad.problem));
    Ok(Json(Verification {
        intact: problem.is_none(),
        records: report.records,
        seals: report.seals,
        unsealed: report.unsealed,
        problem,
    }))
}

async fn key(State(rest): State<Rest>, Caller(_by): Caller) -> Json<AuditKey> {
    Json(AuditKey { public_key_pem: rest.app.audit_public_key() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn what_was_done_is_recorded_sealed_and_verified() {
        let server = Fixture::new("audit").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        let list = server.get("/audit").await.expect(200);
        let record = &list["items"][0];
        assert_eq!(record["action"], "device.create");
        assert!(record["actor"].as_str().unwrap().starts_with("token:"), "{record}");
        server.rest.app.audit_seal().await.unwrap();
        let report = server.get("/audit/verify").await.expect(200);
        assert_eq!(report["intact"], true);
        assert_eq!(report["unsealed"], 0);
        let export = server.get("/audit/export").await;
        assert!(export.text().lines().count() > 1);
        assert!(export.text().contains("device.create"));
        assert!(
            server.get("/audit/key").await.expect(200)["publicKeyPem"]
                .as_str()
                .unwrap()
                .contains("PUBLIC KEY")
        );
    }

    #[tokio::test]
    async fn records_are_paged_newest_first() {
        let server = Fixture::new("audit-pages").await;
        for number in 1..=3 {
            server.post("/devices", json!({"name": format!("pump-{number}")})).await.expect(201);
        }
        let first = server.get("/audit?limit=2").await.expect(200);
        assert_eq!(first["items"][0]["target"], "device:pump-3");
        let cursor = first["cursor"].as_str().unwrap();
        let second = server.get(&format!("/audit?limit=2&cursor={cursor}")).await.expect(200);
        assert_eq!(second["items"][0]["target"], "device:pump-1");
    }
}
