//! `/pending`: enrolments that an operator decides.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::onboarding::{AcceptPending, Pending, PendingQuery, RejectPending};
use windlass_api::page::Page;
use windlass_app::enrol::PendingView;
use windlass_domain::enrol::PendingState;
use windlass_domain::ids::PendingId;
use windlass_domain::permission::Permission;
use windlass_store::pending as stored;

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{At, OptionalBody, Query};
use super::page::{after_number, fetched, limit};
use super::routes::Routes;
use super::view::{pending_source, pending_state, pending_state_in, time};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("pending")
        .get(
            "/api/v1/pending",
            Permission::CredentialRead,
            "listPending",
            "List enrolments that wait for a decision, or were decided",
            list,
        )
        .post(
            "/api/v1/pending/{id}/accept",
            Permission::CredentialIssue,
            "acceptPending",
            "Let in exactly this public key for this name",
            accept,
        )
        .post(
            "/api/v1/pending/{id}/reject",
            Permission::CredentialIssue,
            "rejectPending",
            "Refuse this public key for this name, also when it asks again",
            reject,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct PendingPath {
    /// Id of the pending enrolment.
    id: i64,
}

fn show(view: PendingView) -> Pending {
    let PendingView { entry, claim, known_device } = view;
    let stored::Pending { id, tenant: _, wish, attempts, first_at, last_at, state, decided, note } = entry;
    let stored::Wish {
        name,
        source,
        claim: _,
        template,
        device_type,
        fingerprint,
        public_key,
        certificate_pem: _,
        reason,
    } = wish;
    let (decided_at, decided_by) = decided.unzip();
    Pending {
        id: id.get(),
        name,
        source: pending_source(source),
        claim,
        template,
        device_type,
        fingerprint: fingerprint.to_string(),
        public_key_sha256: public_key.to_string(),
        reason,
        known_device,
        attempts,
        first_at: time(first_at),
        last_at: time(last_at),
        state: pending_state(state),
        decided_at: decided_at.map(time),
        decided_by,
        note,
    }
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PendingQuery>,
) -> Result<Json<Page<Pending>>, Refusal> {
    let limit = limit(query.limit);
    let before = after_number(query.cursor.as_deref())?.map(PendingId::new);
    let state = query.state.map_or(PendingState::Open, pending_state_in);
    let items = rest.app.pending_list(&by, state, before, limit.saturating_add(1)).await?;
    Ok(Json(fetched(items, limit, |one| one.entry.id.get(), show)))
}

async fn accept(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(PendingPath { id }): At<PendingPath>,
    OptionalBody(AcceptPending { name }): OptionalBody<AcceptPending>,
) -> Result<Json<Pending>, Refusal> {
    Ok(Json(show(rest.app.pending_accept(&by, PendingId::new(id), name.as_deref()).await?)))
}

async fn reject(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(PendingPath { id }): At<PendingPath>,
    OptionalBody(RejectPending { reason }): OptionalBody<RejectPending>,
) -> Result<Json<Pending>, Refusal> {
    Ok(Json(show(rest.app.pending_reject(&by, PendingId::new(id), &reason).await?)))
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    /// A certificate that the authority signed and the state does not know, as after a restore.
    async fn lost(server: &Fixture, common_name: &str) -> CertificateDer<'static> {
        let app = &server.rest.app;
        let key = app.authority.make_key(&*app.entropy).unwrap();
        let life = std::time::Duration::from_secs(3600);
        let issued =
            app.authority.sign(&key.public, common_name, life, &*app.entropy, app.clock.now()).unwrap();
        let leaf = CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap();
        assert!(!signs_in(server, &leaf).await);
        leaf
    }

    async fn signs_in(server: &Fixture, leaf: &CertificateDer<'static>) -> bool {
        // As the follower of the change feed does all the time.
        server.rest.app.fleet.catch_up(&server.rest.app.store).await.unwrap();
        server.rest.app.identify_certificate(std::slice::from_ref(leaf)).await.is_ok()
    }

    #[tokio::test]
    async fn a_certificate_of_our_own_that_is_not_known_waits_and_is_let_in_when_accepted() {
        let server = Fixture::new("pending").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        let leaf = lost(&server, "pump-1").await;
        let all = server.get("/pending").await.expect(200);
        let entry = &all["items"][0];
        assert_eq!((&entry["name"], &entry["source"]), (&json!("pump-1"), &json!("certificate")));
        assert_eq!(entry["knownDevice"], true);
        let id = entry["id"].clone();
        let done = server.act(&format!("/pending/{id}/accept")).await.expect(200);
        assert_eq!(done["state"], "accepted");
        server.act(&format!("/pending/{id}/accept")).await.expect(200);
        server.act(&format!("/pending/{id}/reject")).await.problem(409, "pending.decided");
        assert!(signs_in(&server, &leaf).await);
        assert_eq!(server.get("/pending").await.expect(200)["items"], json!([]));
        assert_eq!(server.get("/pending?state=accepted").await.expect(200)["items"][0]["id"], id);
    }

    #[tokio::test]
    async fn a_certificate_that_does_not_say_whose_it_is_needs_a_name() {
        let server = Fixture::new("pending-name").await;
        let leaf = lost(&server, "Windlass device").await;
        let entry = server.get("/pending").await.expect(200)["items"][0].clone();
        assert_eq!(entry["name"], json!(null));
        let path = format!("/pending/{}/accept", entry["id"]);
        for bad in [json!({}), json!({"name": "<img src=x onerror=alert(1)>"})] {
            assert_eq!(server.post(&path, bad).await.problem(400, "request.invalid").fields(), ["name"]);
        }
        server.post(&path, json!({"name": "pump-7"})).await.expect(200);
        assert!(signs_in(&server, &leaf).await);
        assert_eq!(server.get("/devices/pump-7").await.expect(200)["lifecycle"], "registered");
    }

    #[tokio::test]
    async fn decisions_are_for_those_who_issue_and_entries_for_their_tenant() {
        let server = Fixture::new("pending-rights").await;
        lost(&server, "pump-1").await;
        let id = server.get("/pending").await.expect(200)["items"][0]["id"].clone();
        let path = format!("/pending/{id}/reject");
        server.as_role("viewer").await.act(&path).await.problem(403, "auth.forbidden");
        let other = server.in_another_tenant("acme").await;
        other.act(&path).await.problem(404, "pending_enrolment.not_found");
        assert_eq!(other.get("/pending").await.expect(200)["items"], json!([]));
        let long = json!({"reason": "x".repeat(257)});
        assert_eq!(server.post(&path, long).await.problem(400, "request.invalid").fields(), ["reason"]);
        let done = server.post(&path, json!({"reason": "stolen"})).await.expect(200);
        assert_eq!((&done["state"], &done["note"]), (&json!("rejected"), &json!("stolen")));
        server.act("/pending/999/accept").await.problem(404, "pending_enrolment.not_found");
    }
}
