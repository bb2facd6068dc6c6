//! `/settings/artifacts`: what a tenant wants of all its artifacts, who may sign them and how many bytes there may be.

use axum::extract::State;
use windlass_api::artifacts::{ArtifactTerms, NewArtifactTerms};
use windlass_app::artifacts::TermsView;
use windlass_domain::device_type::Signing;
use windlass_domain::permission::Permission;
use windlass_domain::software::terms;

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{Body, IfMatch, Versioned};
use super::routes::Routes;
use super::view::time;

const PLACE: &str = "/api/v1/settings/artifacts";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("artifacts")
        .get(
            PLACE,
            Permission::ServerRead,
            "getArtifactTerms",
            "Show who may sign artifacts, and the quota for all of them",
            get,
        )
        .put(
            PLACE,
            Permission::ServerManage,
            "putArtifactTerms",
            "Say who may sign artifacts, and how many bytes there may be",
            put,
        )
}

fn show(view: TermsView) -> Versioned<ArtifactTerms> {
    let TermsView { terms, version, updated_at, used, allowed } = view;
    let terms::ArtifactTerms { signing: Signing { signers, required }, quota } = terms;
    let body = ArtifactTerms {
        signers,
        require_signature: required,
        quota_bytes: quota,
        allowed_bytes: allowed,
        used_bytes: used,
        version,
        updated_at: updated_at.map(time),
    };
    Versioned { version, body }
}

async fn get(State(rest): State<Rest>, Caller(by): Caller) -> Result<Versioned<ArtifactTerms>, Refusal> {
    Ok(show(rest.app.artifact_terms(&by).await?))
}

async fn put(
    State(rest): State<Rest>,
    Caller(by): Caller,
    IfMatch(version): IfMatch,
    Body(NewArtifactTerms { signers, require_signature, quota_bytes }): Body<NewArtifactTerms>,
) -> Result<Versioned<ArtifactTerms>, Refusal> {
    let signing = Signing { signers, required: require_signature };
    let wanted = terms::ArtifactTerms { signing, quota: quota_bytes };
    Ok(show(rest.app.artifact_terms_put(&by, wanted, version).await?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use windlass_domain::limits::Limits;

    use crate::rest::fixture::Fixture;

    const SIGNED: &[u8] = include_bytes!("../../../app/src/artifacts/inspect/fixtures/release.swu");
    const RELEASE: &str = include_str!("../../../app/src/artifacts/inspect/fixtures/release.pem");
    const OTHER: &str = include_str!("../../../app/src/artifacts/inspect/fixtures/curve.pem");
    const PLACE: &str = "/settings/artifacts";

    /// A year later: the certificates are younger than the clock of the other tests.
    async fn server(name: &str) -> Fixture {
        let server = Fixture::new(name).await;
        server.clock.advance(std::time::Duration::from_secs(365 * 24 * 3600));
        server
    }

    #[tokio::test]
    async fn one_place_says_who_signs_for_all_types_and_each_artifact_by_whose_rule_it_is_trusted() {
        let server = server("terms-signers").await;
        let made = server.upload("fw.swu", SIGNED).await.expect(201);
        let place = format!("/artifacts/{}", made["id"]);
        let content = async || server.get(&place).await.expect(200)["content"].clone();
        assert_eq!(content().await["signature"], "untrusted");
        let set = server.put(PLACE, json!({"signers": [RELEASE]})).await.expect(200);
        assert_eq!((&set["version"], &set["requireSignature"]), (&1.into(), &false.into()));
        let found = content().await;
        assert_eq!((&found["signature"], &found["signedBy"]), (&"valid".into(), &"Release signer".into()));
        assert_eq!((&found["trustedByTenant"], &found["trustedByTypes"]), (&true.into(), &json!([])));
        server.put("/types/pump", json!({"signers": [RELEASE]})).await.expect(201);
        server.put("/types/valve", json!({"signers": [OTHER]})).await.expect(201);
        let found = content().await;
        assert_eq!((&found["trustedByTenant"], &found["trustedByTypes"]), (&true.into(), &json!(["pump"])));
        server.put_if(PLACE, "\"1\"", json!({"signers": [OTHER]})).await.expect(200);
        let found = content().await;
        assert_eq!((&found["trustedByTenant"], &found["trustedByTypes"]), (&false.into(), &json!(["pump"])));
        let audit = server.get("/audit").await.expect(200).to_string();
        assert!(audit.contains("settings:artifacts") && audit.contains("Curve signer"), "{audit}");
        assert!(!audit.contains("BEGIN CERTIFICATE"), "names, not certificates");
    }

    #[tokio::test]
    async fn every_bad_field_is_named_and_nothing_is_stored() {
        let server =
            Fixture::limited("terms-bad", Limits { artifacts_total: 1_000, ..Limits::default() }).await;
        let both = format!("{RELEASE}{OTHER}");
        let bad = json!({"signers": ["x", RELEASE, both], "quotaBytes": 1_001});
        let problem = server.put(PLACE, bad).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["quotaBytes", "signers.0", "signers.2"]);
        let bad = json!({"requireSignature": true, "quotaBytes": 0});
        let problem = server.put(PLACE, bad).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["quotaBytes", "requireSignature"]);
        let many = vec![RELEASE; 17];
        let many = server.put(PLACE, json!({"signers": many})).await;
        assert_eq!(many.problem(400, "request.invalid").fields(), ["signers"]);
        server.put(PLACE, json!({"signer": []})).await.problem(400, "request.invalid");
        server.put_if(PLACE, "\"3\"", json!({})).await.problem(412, "version.mismatch");
        let shown = server.get(PLACE).await.expect(200);
        assert_eq!((&shown["version"], &shown["quotaBytes"]), (&0.into(), &Value::Null));
    }

    #[tokio::test]
    async fn terms_are_shown_to_viewers_changed_by_administrators_and_nobody_elses() {
        let server = Fixture::new("terms-rights").await;
        server.put(PLACE, json!({"quotaBytes": 5})).await.expect(200);
        let viewer = server.as_role("viewer").await;
        assert_eq!(viewer.get(PLACE).await.expect(200)["quotaBytes"], 5);
        viewer.put(PLACE, json!({})).await.problem(403, "auth.forbidden");
        let other = server.in_another_tenant("acme").await;
        assert_eq!(other.get(PLACE).await.expect(200)["quotaBytes"], Value::Null);
        server.anonymous().get(PLACE).await.problem(401, "auth.required");
    }

    #[tokio::test]
    async fn a_type_may_lean_on_the_tenants_signers_which_then_cannot_go() {
        let server = server("terms-types").await;
        let strict = json!({"requireSignature": true});
        let problem = server.put("/types/pump", strict.clone()).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["requireSignature"]);
        server.put(PLACE, json!({"signers": [RELEASE]})).await.expect(200);
        server.put("/types/pump", strict).await.expect(201);
        let refused = server.put(PLACE, json!({})).await;
        assert!(refused.text().contains("pump"), "{}", refused.text());
        assert_eq!(refused.problem(400, "request.invalid").fields(), ["signers"]);
        server.put(PLACE, json!({"signers": [OTHER]})).await.expect(200);
    }

    #[tokio::test]
    async fn what_is_over_the_quota_is_refused_before_its_bytes_are_taken() {
        let server = Fixture::new("terms-quota").await;
        let first = server.upload("a.bin", &[1; 600]).await.expect(201);
        let set = server.put(PLACE, json!({"quotaBytes": 1_000})).await.expect(200);
        assert_eq!((&set["usedBytes"], &set["quotaBytes"]), (&600.into(), &1_000.into()));
        // Its length is in the head: of the body nothing is read, which would break.
        let broken = futures_util::stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("reset"))]);
        let body = axum::body::Body::from_stream(broken);
        let refused = server.send("POST", "/artifacts?name=b.bin", &[("content-length", "401")], body).await;
        let text = refused.text();
        assert!(
            text.contains("401 bytes more") && text.contains("1000 bytes") && text.contains("600 are used"),
            "{text}"
        );
        refused.problem(409, "artifact.quota");
        // The same bytes count again, and those without an announced length once they come.
        let unsaid = server.send("POST", "/artifacts?name=c.bin", &[], vec![1_u8; 600]).await;
        unsaid.problem(409, "artifact.quota");
        let announced = json!({"name": "d.bin", "size": 401});
        server.post("/uploads", announced).await.problem(409, "artifact.quota");
        let waits = server.post("/uploads", json!({"name": "d.bin", "size": 400})).await.expect(201);
        server.upload("e.bin", b"x").await.problem(409, "artifact.quota");
        server.delete(&format!("/uploads/{}", waits["id"])).await.expect(204);
        server.upload("e.bin", &[2; 400]).await.expect(201);
        let info = server.get("/server").await.expect(200);
        assert_eq!((&info["artifactBytes"], &info["artifactQuotaBytes"]), (&1_000.into(), &1_000.into()));
        server.delete(&format!("/artifacts/{}", first["id"])).await.expect(204);
        server.upload("f.bin", &[3; 600]).await.expect(201);
        server.in_another_tenant("acme").await.upload("a.bin", &[1; 5_000]).await.expect(201);
    }
}
