//! `/devices/{name}/credentials`: certificates of a device: signed, listed, revoked.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::credentials::{Credential, NewCredential, Revocation, SignedCredential};
use windlass_api::page::{Page, PageQuery};
use windlass_app::enrol::CredentialView;
use windlass_domain::ids::{CredentialId, DeviceName};
use windlass_domain::permission::Permission;

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{At, Body, Created, Query, part};
use super::page::by_number;
use super::routes::Routes;
use super::view::{credential_status, time};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("credentials")
        .get(
            "/api/v1/devices/{name}/credentials",
            Permission::CredentialRead,
            "listCredentials",
            "List the certificates of a device",
            list,
        )
        .create(
            "/api/v1/devices/{name}/credentials",
            Permission::CredentialIssue,
            "signCredential",
            "Sign a certificate request of a device",
            sign,
        )
        .post(
            "/api/v1/credentials/{id}/revoke",
            Permission::CredentialRevoke,
            "revokeCredential",
            "Revoke a certificate and end its connections",
            revoke,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct DevicePath {
    /// Name of the device.
    name: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct CredentialPath {
    /// Id of the credential.
    id: i64,
}

pub(super) fn show(credential: CredentialView) -> Credential {
    let CredentialView {
        id,
        device,
        purpose: _,
        status,
        fingerprint,
        serial,
        not_before,
        not_after,
        created_at,
        activated_at,
        ended,
        certificate_pem,
    } = credential;
    let (ended_at, end_reason) = ended.unzip();
    Credential {
        id: id.get(),
        device: device.map(DeviceName::into_string),
        status: credential_status(status),
        fingerprint: fingerprint.to_string(),
        serial,
        not_before: time(not_before),
        not_after: time(not_after),
        created_at: time(created_at),
        activated_at: activated_at.map(time),
        ended_at: ended_at.map(time),
        end_reason,
        certificate_pem,
    }
}

/// A name that cannot be a device's names no device.
pub(super) fn device_name(name: &str) -> Result<DeviceName, Refusal> {
    name.parse().map_err(|_| Refusal::not_found("device", name))
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Credential>>, Refusal> {
    let name = device_name(&name)?;
    let all = rest.app.credential_list(&by, &name).await?;
    let page = by_number(all, &query, |one| one.id.get(), show)?;
    Ok(Json(page))
}

async fn sign(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    Body(NewCredential { csr }): Body<NewCredential>,
) -> Result<Created<SignedCredential>, Refusal> {
    let name = device_name(&name)?;
    let signed = rest.app.credential_issue(&by, &name, &csr).await?;
    let location = format!("/devices/{}/credentials", part(name.as_str()));
    let body = SignedCredential {
        credential: show(signed.credential),
        certificate_pem: signed.chain_pem,
        ca_pem: rest.app.authority.ca_pem(),
    };
    Ok(Created { location, version: None, body })
}

async fn revoke(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(CredentialPath { id }): At<CredentialPath>,
    Body(Revocation { reason }): Body<Revocation>,
) -> Result<Json<Credential>, Refusal> {
    Ok(Json(show(rest.app.credential_revoke(&by, CredentialId::new(id), &reason).await?)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::{Fixture, csr};

    #[tokio::test]
    async fn an_operator_registers_a_device_and_signs_its_request() {
        let server = Fixture::new("credentials").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        let signed =
            server.post("/devices/pump-1/credentials", json!({"csr": csr("pump-1")})).await.expect(201);
        assert_eq!(signed["credential"]["status"], "active");
        assert_eq!(signed["credential"]["device"], "pump-1");
        assert!(signed["certificatePem"].as_str().unwrap().matches("BEGIN CERTIFICATE").count() >= 2);
        let id = &signed["credential"]["id"];
        let revoked =
            server.post(&format!("/credentials/{id}/revoke"), json!({"reason": "lost"})).await.expect(200);
        assert_eq!(revoked["status"], "revoked");
        assert_eq!(revoked["endReason"], "lost");
        let all = server.get("/devices/pump-1/credentials").await.expect(200);
        assert_eq!(all["items"][0]["status"], "revoked");
    }

    #[tokio::test]
    async fn a_request_that_is_none_is_refused_by_its_field() {
        let server = Fixture::new("credentials-bad").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        let problem = server
            .post("/devices/pump-1/credentials", json!({"csr": "hello"}))
            .await
            .problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["csr"]);
        server
            .post("/devices/ghost/credentials", json!({"csr": csr("ghost")}))
            .await
            .problem(404, "device.not_found");
        server.post("/credentials/999/revoke", json!({})).await.problem(404, "credential.not_found");
    }
}
