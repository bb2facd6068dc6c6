//! `/claims`: certificates that may do nothing but provision.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::claims::{Claim, CreatedClaim, NewClaim};
use windlass_api::page::{Page, PageQuery};
use windlass_app::enrol::{self, ClaimView, MadeClaim};
use windlass_domain::credential::CredentialStatus;
use windlass_domain::ids::TemplateName;
use windlass_domain::permission::Permission;

use super::access::Caller;
use super::error::Refusal;
use super::io::{At, Body, Created, Query, part};
use super::page::by_name;
use super::routes::Routes;
use super::view::{credential_status, time, timestamp};
use super::{Rest, fields};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("claims")
        .get("/api/v1/claims", Permission::ClaimRead, "listClaims", "List claims", list)
        .create_secret(
            "/api/v1/claims",
            Permission::ClaimManage,
            "createClaim",
            "Make a claim; its key is shown this once",
            create,
        )
        .post(
            "/api/v1/claims/{name}/revoke",
            Permission::ClaimManage,
            "revokeClaim",
            "Revoke a claim and what it made that nobody has provisioned",
            revoke,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct ClaimPath {
    /// Name of the claim.
    name: String,
}

fn show(claim: ClaimView) -> Claim {
    let ClaimView { id: _, name, templates, created_at, credentials } = claim;
    // A claim is as good as its best certificate; the newest one speaks for several.
    let speaks = credentials.iter().max_by_key(|one| (one.status == CredentialStatus::Active, one.id));
    let (status, not_after) =
        speaks.map_or((CredentialStatus::Revoked, created_at), |one| (one.status, one.not_after));
    Claim {
        name,
        templates: templates.into_iter().map(TemplateName::into_string).collect(),
        status: credential_status(status),
        fingerprint: speaks.map(|one| one.fingerprint.to_string()).unwrap_or_default(),
        not_after: time(not_after),
        created_at: time(created_at),
    }
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Claim>>, Refusal> {
    Ok(Json(by_name(rest.app.claim_list(&by).await?, &query, |claim| claim.name.clone(), show)?))
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(new): Body<NewClaim>,
) -> Result<Created<CreatedClaim>, Refusal> {
    let NewClaim { name, templates, expires_at, csr } = new;
    let templates = fields::each("templates", &templates)?;
    let new = enrol::NewClaim { name, templates, expires_at: expires_at.map(timestamp), csr };
    let MadeClaim { claim, certificate_pem, private_key_pem } = rest.app.claim_create(&by, new).await?;
    let location = format!("/claims/{}", part(&claim.name));
    let ca_pem = rest.app.authority.ca_pem();
    let body = CreatedClaim { claim: show(claim), certificate_pem, private_key_pem, ca_pem };
    Ok(Created { location, version: None, body })
}

async fn revoke(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ClaimPath { name }): At<ClaimPath>,
) -> Result<Json<Claim>, Refusal> {
    Ok(Json(show(rest.app.claim_revoke(&by, &name).await?)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn a_claim_shows_its_key_once() {
        let server = Fixture::new("claims").await;
        let made = server.post("/claims", json!({"name": "line-1"})).await.expect(201);
        assert!(made["privateKeyPem"].as_str().unwrap().contains("PRIVATE KEY"));
        let all = server.get("/claims").await.expect(200);
        assert_eq!(all["items"][0]["name"], "line-1");
        assert!(!all.to_string().contains("PRIVATE KEY"));
        server.post("/claims", json!({"name": "line-1"})).await.problem(409, "claim.exists");
        let gone = server.act("/claims/line-1/revoke").await.expect(200);
        assert_eq!(gone["status"], "revoked");
        server.act("/claims/line-2/revoke").await.problem(404, "claim.not_found");
    }

    #[tokio::test]
    async fn a_claim_for_a_template_with_an_impossible_name_is_refused() {
        let server = Fixture::new("claims-bad").await;
        let body = json!({"name": "line-1", "templates": ["ok", "not ok"]});
        let problem = server.post("/claims", body).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["templates.1"]);
    }
}
