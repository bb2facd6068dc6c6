//! `/server`: what this node is and carries; `/ca.pem`: what devices trust.
//!
//! Figures of the whole server are for the tenant that runs it: from memory, disk and messages one could read what
//! other tenants do.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use windlass_api::server::ServerInfo;
use windlass_app::storage::Kept;
use windlass_domain::permission::Permission;

use super::Rest;
use super::access::{Access, Caller};
use super::error::Refusal;
use super::io::Raw;
use super::routes::Routes;
use super::view::time;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("server")
        .get("/api/v1/server", Permission::ServerRead, "getServer", "What this server is and carries", info)
        .get("/api/v1/ca.pem", Access::Anyone, "getCa", "Root and issuing CA, for devices to trust", ca)
}

/// Says what the whole server holds and uses.
async fn tell_whole(rest: &Rest, info: &mut ServerInfo) {
    let (disk, messages) = (rest.app.disk.space(), rest.config.gateway_metrics.as_deref());
    let Kept { state, telemetry, blobs, points } = rest.app.storage_kept().await;
    let received = messages.map_or(0, |metrics| metrics.messages_in.iter().map(|one| one.get()).sum());
    info.resident_bytes = Some(super::metrics::resident_bytes());
    info.disk_free_bytes = disk.map(|disk| disk.free);
    info.disk_total_bytes = disk.map(|disk| disk.total);
    info.state_bytes = state;
    info.telemetry_bytes = telemetry;
    info.blob_bytes = blobs;
    info.points_stored = points;
    info.open_files = Some(super::metrics::open_files());
    info.messages_received = Some(received);
}

async fn info(State(rest): State<Rest>, Caller(by): Caller) -> Result<Json<ServerInfo>, Refusal> {
    let count = |query: Option<&str>| {
        let q = query.map(str::to_owned);
        let wanted = windlass_app::fleet::ListRequest { limit: Some(1), q, ..Default::default() };
        rest.app.device_list(&by, &wanted).map(|page| page.total)
    };
    let devices = count(None)?;
    let runs_server = rest.app.runs_server(&by).await?;
    let connections = if runs_server {
        u64::try_from(rest.app.hub.total()).unwrap_or(u64::MAX)
    } else {
        count(Some("presence==connected"))?
    };
    let kept = rest.app.artifact_terms(&by).await?;
    let uptime = rest.app.clock.now().since(rest.started_at);
    let mut info = ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: time(rest.started_at),
        uptime_seconds: uptime.as_secs(),
        database: rest.config.database.to_owned(),
        device_endpoints: rest.config.device_endpoints.clone(),
        ca_fingerprint: rest.app.authority.root_fingerprint(),
        devices,
        connections,
        resident_bytes: None,
        hostnames: rest.app.config.hostnames.clone(),
        device_port: rest.config.device_port,
        public_url: rest.app.config.public_url.clone(),
        server_time: time(rest.app.clock.now()),
        certificate_not_after: time(rest.app.authority.server_identity().borrow().not_after),
        disk_free_bytes: None,
        disk_total_bytes: None,
        state_bytes: None,
        telemetry_bytes: None,
        blob_bytes: None,
        artifact_bytes: kept.used,
        artifact_quota_bytes: kept.terms.most(kept.allowed),
        points_stored: None,
        open_files: None,
        messages_received: None,
        plain_http: rest.config.plain_http,
        mail: rest.app.alerts.has_mail(),
    };
    if runs_server {
        tell_whole(&rest, &mut info).await;
    }
    Ok(Json(info))
}

async fn ca(State(rest): State<Rest>) -> Raw {
    let kind = [(header::CONTENT_TYPE, "application/x-pem-file")];
    Raw { response: (kind, rest.app.authority.ca_pem()).into_response() }
}

#[cfg(test)]
mod tests {
    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn what_the_server_keeps_is_counted_once_a_minute() {
        let server = Fixture::new("server-kept").await;
        let empty = server.get("/server").await.expect(200);
        assert!(empty["stateBytes"].as_u64().unwrap() > 0 && empty["telemetryBytes"].as_u64().unwrap() > 0);
        assert_eq!((&empty["blobBytes"], &empty["pointsStored"]), (&0.into(), &0.into()));
        server.upload("firmware", &[7; 5_000]).await.expect(201);
        assert_eq!(server.get("/server").await.expect(200)["blobBytes"], 0, "as counted before");
        server.clock.advance(std::time::Duration::from_secs(61));
        assert_eq!(server.get("/server").await.expect(200)["blobBytes"], 5_000);
    }

    #[tokio::test]
    async fn figures_of_the_whole_server_are_for_the_tenant_that_runs_it() {
        const WHOLE: [&str; 9] = [
            "residentBytes",
            "diskFreeBytes",
            "diskTotalBytes",
            "stateBytes",
            "telemetryBytes",
            "blobBytes",
            "pointsStored",
            "openFiles",
            "messagesReceived",
        ];
        let server = Fixture::new("server-tenants").await;
        server.post("/devices", serde_json::json!({"name": "pump-1"})).await.expect(201);
        let own = server.get("/server").await.expect(200);
        for figure in WHOLE {
            assert!(own[figure].is_u64(), "{figure}: {own}");
        }
        let other = server.in_another_tenant("acme").await;
        let told = other.get("/server").await.expect(200);
        for figure in WHOLE {
            assert!(told[figure].is_null(), "{figure}: {told}");
        }
        assert_eq!((&told["devices"], &told["connections"]), (&0.into(), &0.into()));
        server.upload("firmware", &[7; 5_000]).await.expect(201);
        assert_eq!(server.get("/server").await.expect(200)["artifactBytes"], 5_000);
        assert_eq!(other.get("/server").await.expect(200)["artifactBytes"], 0);
        assert_eq!(told["caFingerprint"], own["caFingerprint"], "its devices need that");
    }

    #[tokio::test]
    async fn the_authority_is_public_and_the_rest_is_not() {
        let server = Fixture::new("server").await;
        let pem = server.anonymous().get("/ca.pem").await;
        assert_eq!(pem.status, 200);
        assert!(pem.text().starts_with("-----BEGIN CERTIFICATE-----"));
        server.anonymous().get("/server").await.problem(401, "auth.required");
        let info = server.get("/server").await.expect(200);
        assert_eq!(info["database"], "sqlite");
        assert_eq!(info["caFingerprint"].as_str().unwrap().len(), 64);
        assert!(info["residentBytes"].as_u64().unwrap() > 0);
        assert_eq!(info["serverTime"], "2026-01-01T00:00:00Z");
        assert!(info["certificateNotAfter"].as_str().unwrap() > "2026-01-02");
        assert!(info["diskFreeBytes"].as_u64().unwrap() <= info["diskTotalBytes"].as_u64().unwrap());
        assert_eq!((&info["devicePort"], &info["plainHttp"]), (&8883.into(), &true.into()));
    }
}
