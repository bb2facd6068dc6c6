//! Keys, hardware and the end of a device: generate, re-provision, replace, decommission.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::devices::{Alias, Device};
use windlass_api::onboarding::{
    Decommission, DecommissionPreview, DecommissionQuery, GeneratedCredential, Replace, Replaced,
    Reprovision, Wipe,
};
use windlass_app::devices::{self as app, LeavePreview};
use windlass_app::enrol::{GeneratedCertificate, HardwareKey, Replacement};
use windlass_domain::device::DataFate;
use windlass_domain::permission::Permission;
use windlass_store::devices as stored;

use super::Rest;
use super::access::Caller;
use super::credentials::{self, device_name};
use super::devices::{show, versioned};
use super::error::Refusal;
use super::io::{At, Body, Created, IfMatch, OptionalBody, Query, Versioned, part};
use super::routes::Routes;
use super::view::data_fate_in;

/// How long a wipe is awaited where nobody says.
const WAIT: Duration = Duration::from_secs(24 * 3600);

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::{CredentialIssue, DeviceLifecycle};
    const REPROVISION: &str = "/api/v1/devices/{name}/reprovision";
    const DECOMMISSION: &str = "/api/v1/devices/{name}/decommission";
    routes
        .tag("credentials")
        .create_secret(
            "/api/v1/devices/{name}/credentials/generate",
            CredentialIssue,
            "generateCredential",
            "Make a key and a certificate for a device that cannot; the key is shown this once",
            generate,
        )
        .post(
            REPROVISION,
            CredentialIssue,
            "openReprovision",
            "Let one enrolment replace the device's credential, for some minutes",
            open_window,
        )
        .delete(
            REPROVISION,
            CredentialIssue,
            "closeReprovision",
            "Let no enrolment replace the device's credential any more",
            close_window,
        )
        .tag("devices")
        .create_secret(
            "/api/v1/devices/{name}/replace",
            DeviceLifecycle,
            "replaceDevice",
            "Put new hardware under a device; its older credentials are revoked in the same step",
            replace,
        )
        .get(
            DECOMMISSION,
            DeviceLifecycle,
            "previewDecommission",
            "What taking a device out of service would do",
            preview,
        )
        .post(
            DECOMMISSION,
            DeviceLifecycle,
            "decommissionDevice",
            "Take a device out of service for good; its credentials are revoked",
            decommission,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct DevicePath {
    /// Name of the device.
    name: String,
}

async fn generate(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
) -> Result<Created<GeneratedCredential>, Refusal> {
    let name = device_name(&name)?;
    let made = rest.app.credential_generate(&by, &name).await?;
    let GeneratedCertificate { credential, chain_pem, private_key_pem } = made;
    let location = format!("/devices/{}/credentials", part(name.as_str()));
    let body = GeneratedCredential {
        credential: credentials::show(credential),
        certificate_pem: chain_pem,
        private_key_pem,
        ca_pem: rest.app.authority.ca_pem(),
    };
    Ok(Created { location, version: None, body })
}

async fn open_window(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    Body(Reprovision { minutes }): Body<Reprovision>,
) -> Result<Versioned<Device>, Refusal> {
    Ok(versioned(rest.app.device_reprovision(&by, &device_name(&name)?, Some(minutes)).await?))
}

async fn close_window(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
) -> Result<Versioned<Device>, Refusal> {
    Ok(versioned(rest.app.device_reprovision(&by, &device_name(&name)?, None).await?))
}

async fn replace(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    Body(said): Body<Replace>,
) -> Result<Created<Replaced>, Refusal> {
    let name = device_name(&name)?;
    let Replace { csr, generate_key, external_id, reason } = said;
    let key = match (csr, generate_key) {
        (Some(csr), false) => HardwareKey::Request(csr),
        (None, true) => HardwareKey::Generate,
        (None, false) => {
            let problem = "must hold the new hardware's certificate request; or set generateKey";
            return Err(Refusal::field("csr", problem));
        }
        (Some(_), true) => {
            return Err(Refusal::field("generateKey", "cannot be set together with csr; give one of them"));
        }
    };
    let alias = external_id.map(|Alias { protocol, external_id }| stored::Alias { protocol, external_id });
    let done = rest.app.device_replace_hardware(&by, &name, key, alias, &reason).await?;
    let Replacement { device, credential, chain_pem, private_key_pem } = done;
    let version = Some(device.device.version);
    let body = Replaced {
        device: show(device),
        credential: credentials::show(credential),
        certificate_pem: chain_pem,
        private_key_pem,
        ca_pem: rest.app.authority.ca_pem(),
    };
    Ok(Created { location: format!("/devices/{}", part(name.as_str())), version, body })
}

async fn preview(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    Query(DecommissionQuery { data, wipe }): Query<DecommissionQuery>,
) -> Result<Json<DecommissionPreview>, Refusal> {
    let data = data.map_or(DataFate::Keep, data_fate_in);
    let seen = rest.app.device_leave_preview(&by, &device_name(&name)?, data, wipe).await?;
    let LeavePreview { effects, credentials, open_executions, children, points, shadows } = seen;
    Ok(Json(DecommissionPreview { effects, credentials, open_executions, children, points, shadows }))
}

async fn decommission(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    IfMatch(version): IfMatch,
    OptionalBody(said): OptionalBody<Decommission>,
) -> Result<Versioned<Device>, Refusal> {
    let Decommission { data, wipe, confirm } = said;
    let request = app::Decommission {
        data: data.map_or(DataFate::Keep, data_fate_in),
        wipe: wipe.map(|Wipe { command, arguments, wait_seconds }| app::Wipe {
            command,
            arguments,
            wait: wait_seconds.map_or(WAIT, Duration::from_secs),
        }),
        confirm,
    };
    Ok(versioned(rest.app.device_decommission(&by, &device_name(&name)?, request, version).await?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use windlass_domain::ids::JobId;

    use crate::rest::fixture::{Fixture, csr};

    #[tokio::test]
    async fn a_key_made_by_the_server_is_given_once_to_whoever_may_issue_and_is_audited() {
        let server = Fixture::new("generate").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        let installer = server.as_role("installer").await;
        let path = "/devices/pump-1/credentials/generate";
        let made = installer.post_with_key(path, "key-1", &json!({})).await.expect(201);
        assert!(made["privateKeyPem"].as_str().unwrap().contains("PRIVATE KEY"));
        assert!(made["certificatePem"].as_str().unwrap().matches("BEGIN CERTIFICATE").count() >= 2);
        let again = installer.post_with_key(path, "key-1", &json!({})).await;
        assert!(!again.text().contains("PRIVATE KEY"), "{}", again.text());
        let listed = server.get("/devices/pump-1/credentials").await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        assert!(!listed.to_string().contains("PRIVATE KEY"));
        let records = server.get("/audit").await.expect(200);
        let record =
            records["items"].as_array().unwrap().iter().find(|one| one["action"] == "credential.issue");
        assert_eq!(record.unwrap()["details"]["serverKey"], true);
        server.as_role("viewer").await.act(path).await.problem(403, "auth.forbidden");
        server.act("/devices/ghost/credentials/generate").await.problem(404, "device.not_found");
        server.act("/devices/pump-1/decommission").await.expect(200);
        server.act(path).await.problem(409, "device.decommissioned");
    }

    #[tokio::test]
    async fn a_window_is_opened_for_a_time_and_closed() {
        let server = Fixture::new("reprovision").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        let path = "/devices/pump-1/reprovision";
        for bad in [json!({}), json!({"minutes": 0}), json!({"minutes": 10081}), json!({"minutes": "soon"})] {
            let problem = server.post(path, bad).await.problem(400, "request.invalid");
            assert_eq!(problem.fields(), ["minutes"]);
        }
        let opened = server.post(path, json!({"minutes": 60})).await.expect(200);
        assert_eq!(opened["reprovisionUntil"], "2026-01-01T01:00:00Z");
        assert_eq!(server.delete(path).await.expect(200)["reprovisionUntil"], Value::Null);
        server.act("/devices/pump-1/suspend").await.expect(200);
        server.post(path, json!({"minutes": 60})).await.problem(409, "device.lifecycle");
    }

    #[tokio::test]
    async fn new_hardware_takes_the_place_of_the_old_in_one_step() {
        let server = Fixture::new("replace").await;
        server.post("/devices", json!({"name": "pump-1", "tags": ["kept"]})).await.expect(201);
        server.post("/devices", json!({"name": "pump-2"})).await.expect(201);
        server.put("/devices/pump-2/aliases/mac/taken", json!({})).await;
        server.post("/devices/pump-1/credentials", json!({"csr": csr("pump-1")})).await.expect(201);
        let path = "/devices/pump-1/replace";
        for (bad, fields) in [
            (json!({}), vec!["csr"]),
            (json!({"csr": "x", "generateKey": true}), vec!["generateKey"]),
            (json!({"csr": "nonsense"}), vec!["csr"]),
            (
                json!({"generateKey": true, "externalId": {"protocol": "MAC", "externalId": "a/b"}}),
                vec!["externalId.externalId", "externalId.protocol"],
            ),
        ] {
            assert_eq!(server.post(path, bad).await.problem(400, "request.invalid").fields(), fields);
        }
        let taken = json!({"generateKey": true, "externalId": {"protocol": "mac", "externalId": "taken"}});
        server.post(path, taken).await.problem(409, "external_id.exists");
        let before = server.get("/devices/pump-1/credentials").await.expect(200);
        assert_eq!(before["items"][0]["status"], "active", "a refusal changes nothing");
        let alias = json!({"protocol": "mac", "externalId": "00:11"});
        let body = json!({"csr": csr("pump-1"), "externalId": alias, "reason": "burnt"});
        let done = server.post(path, body).await.expect(201);
        assert_eq!(done["device"]["aliases"], json!([alias]));
        assert_eq!(done["device"]["tags"], json!(["kept"]));
        assert_eq!(done["privateKeyPem"], Value::Null);
        let all = server.get("/devices/pump-1/credentials").await.expect(200);
        let states: Vec<_> =
            all["items"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
        assert_eq!(states, ["active", "revoked"]);
        assert_eq!(all["items"][1]["endReason"], "burnt");
        let done = server.post(path, json!({"generateKey": true})).await.expect(201);
        assert!(done["privateKeyPem"].as_str().unwrap().contains("PRIVATE KEY"));
    }

    #[tokio::test]
    async fn decommissioning_says_before_what_it_does_and_keeps_the_name_until_told() {
        let server = Fixture::new("decommission").await;
        server.post("/devices", json!({"name": "gw-1", "kind": "gateway"})).await.expect(201);
        server.post("/devices", json!({"name": "child-1", "parent": "gw-1"})).await.expect(201);
        assert_eq!(server.get("/devices/gw-1").await.expect(200)["children"], 1);
        server.post("/devices/gw-1/credentials", json!({"csr": csr("gw-1")})).await.expect(201);
        server.patch("/devices/gw-1/shadow", json!({"desired": {"a": 1}})).await.expect(200);
        let seen = server.get("/devices/gw-1/decommission?data=erase").await.expect(200);
        assert_eq!(
            (&seen["credentials"], &seen["children"], &seen["shadows"]),
            (&json!(1), &json!(1), &json!(1))
        );
        let told = seen["effects"].to_string();
        assert!(told.contains("erased") && told.contains("1 device hangs on it"), "{told}");
        let path = "/devices/gw-1/decommission";
        let wrong = json!({"data": "erase", "confirm": "gw-2"});
        assert_eq!(server.post(path, wrong).await.problem(400, "request.invalid").fields(), ["confirm"]);
        let gone = server.post(path, json!({"data": "erase", "confirm": "gw-1"})).await.expect(200);
        assert_eq!(gone["lifecycle"], "decommissioned");
        assert_eq!(server.get("/devices/child-1").await.expect(200)["parent"], Value::Null);
        server.get("/devices/gw-1/shadow").await.problem(404, "shadow.not_found");
        assert_eq!(
            server.get("/devices/gw-1/credentials").await.expect(200)["items"][0]["status"],
            "revoked"
        );
        server
            .post("/devices", json!({"name": "child-2", "parent": "gw-1"}))
            .await
            .problem(400, "request.invalid");
        server.post("/devices", json!({"name": "gw-1"})).await.problem(409, "device.exists");
        server.delete("/devices/gw-1").await.problem(409, "device.decommissioned");
        server.delete("/devices/child-1?reuseName=true").await.problem(409, "device.not_decommissioned");
        server.delete("/devices/gw-1?reuseName=true").await.expect(204);
        server.post("/devices", json!({"name": "gw-1"})).await.expect(201);
    }

    #[tokio::test]
    async fn a_device_whose_wipe_is_over_goes_however_many_others_are_awaited() {
        let server = Fixture::new("wipes").await;
        let body = json!({"wipe": {"command": "factory-reset", "waitSeconds": 3600}});
        let mut last = Value::Null;
        for number in 0..=200 {
            server.post("/devices", json!({"name": format!("pump-{number}")})).await.expect(201);
            let path = format!("/devices/pump-{number}/decommission");
            last = server.post(&path, body.clone()).await.expect(200);
        }
        let job = last["decommissioning"]["wipeJob"].as_i64().unwrap();
        server.act(&format!("/jobs/{job}/cancel")).await.expect(200);
        while server.rest.app.job_step(JobId::new(job)).await.unwrap() {}
        assert_eq!(server.rest.app.leaving_round().await.unwrap(), 1);
        assert_eq!(
            server.get("/devices/pump-200").await.expect(200)["lifecycle"],
            "decommissioned",
            "also while 200 that were told before it are silent"
        );
    }

    #[tokio::test]
    async fn a_wipe_is_awaited_in_a_job_and_at_its_time_out_the_device_goes() {
        let server = Fixture::new("wipe").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        let path = "/devices/pump-1/decommission";
        let bad = json!({"wipe": {"command": "", "waitSeconds": 1}});
        let problem = server.post(path, bad).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["wipe.command", "wipe.waitSeconds"]);
        let body = json!({"wipe": {"command": "factory-reset", "waitSeconds": 3600}});
        let leaving = server.post(path, body.clone()).await.expect(200);
        assert_eq!(leaving["lifecycle"], "registered");
        assert_eq!(leaving["decommissioning"]["until"], "2026-01-01T01:00:00Z");
        let job = server.get(&format!("/jobs/{}", leaving["decommissioning"]["wipeJob"])).await.expect(200);
        assert_eq!(job["counts"]["targets"], 1, "{job}");
        server.post(path, body).await.problem(409, "device.leaving");
        assert_eq!(server.rest.app.leaving_round().await.unwrap(), 0);
        server.clock.advance(std::time::Duration::from_secs(3600));
        assert_eq!(server.rest.app.leaving_round().await.unwrap(), 1);
        assert_eq!(server.rest.app.leaving_round().await.unwrap(), 0);
        let gone = server.get("/devices/pump-1").await.expect(200);
        assert_eq!((&gone["lifecycle"], &gone["decommissioning"]), (&json!("decommissioned"), &Value::Null));
    }
}
