//! `/refusals`, `/devices/{name}/refusals`, `/devices/{name}/unmapped-topics`: why devices do not get in, or through.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::page::{NumberCursor, Page, PageQuery};
use windlass_api::refusals::{Refusal as Shown, RefusalQuery, RefusalStage, UnmappedTopic, UnmappedTopics};
use windlass_app::refusals::{
    self as app, Claimed, Explained, RefusalFilter, RefusalPage, RefusalView, Stage,
};
use windlass_domain::ids::DeviceName;
use windlass_domain::permission::Permission;

use super::Rest;
use super::access::Caller;
use super::credentials::device_name;
use super::error::Refusal;
use super::io::{At, Query};
use super::page::{after_number, limit};
use super::routes::Routes;
use super::view::time;

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::EventRead;
    routes
        .tag("refusals")
        .get(
            "/api/v1/refusals",
            EventRead,
            "listRefusals",
            "Who was refused on the device port of this node, and why, newest first",
            list,
        )
        .get(
            "/api/v1/devices/{name}/refusals",
            EventRead,
            "listDeviceRefusals",
            "Why a device, or whoever gave its name, was refused, newest first",
            of_device,
        )
        .get(
            "/api/v1/devices/{name}/unmapped-topics",
            EventRead,
            "listUnmappedTopics",
            "Topics that a device publishes to and its type maps to nothing",
            unmapped,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct DevicePath {
    /// Name of the device.
    name: String,
}

const fn stage(stage: Stage) -> RefusalStage {
    match stage {
        Stage::Tls => RefusalStage::Tls,
        Stage::Connect => RefusalStage::Connect,
        Stage::Subscribe => RefusalStage::Subscribe,
        Stage::Publish => RefusalStage::Publish,
        Stage::Http => RefusalStage::Http,
    }
}

const fn stage_in(stage: RefusalStage) -> Stage {
    match stage {
        RefusalStage::Tls => Stage::Tls,
        RefusalStage::Connect => Stage::Connect,
        RefusalStage::Subscribe => Stage::Subscribe,
        RefusalStage::Publish => Stage::Publish,
        RefusalStage::Http => Stage::Http,
    }
}

fn show(view: RefusalView) -> Shown {
    let RefusalView {
        id,
        stage: reached,
        code,
        explained: Explained { detail, action },
        address,
        protocol,
        claimed,
        device,
        count,
        first_at,
        last_at,
    } = view;
    let claimed_name = claimed.name().map(str::to_owned);
    let Claimed { certificate, client_id, user_name, server_name } = claimed;
    let certificate = certificate.map(|own| {
        let app::Certificate { subject, common_name: _, issuer, fingerprint, not_before: _, not_after: _ } =
            own;
        (subject, (issuer, fingerprint))
    });
    let (certificate_subject, rest) = certificate.unzip();
    let (certificate_issuer, fingerprint) = rest.unzip();
    Shown {
        id,
        stage: stage(reached),
        code: code.to_owned(),
        detail,
        action,
        address: address.to_string(),
        claimed_name,
        client_id,
        user_name,
        server_name,
        certificate_subject,
        certificate_issuer,
        fingerprint,
        device: device.map(DeviceName::into_string),
        protocol: protocol.map(str::to_owned),
        count,
        first_at: time(first_at),
        last_at: time(last_at),
    }
}

fn page(RefusalPage { items, next }: RefusalPage) -> Json<Page<Shown>> {
    let cursor = next.map(|after| NumberCursor { after }.encode());
    Json(Page { items: items.into_iter().map(show).collect(), total: None, cursor, facets: None })
}

fn most(asked: Option<u32>) -> usize {
    usize::try_from(limit(asked)).unwrap_or(usize::MAX)
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<RefusalQuery>,
) -> Result<Json<Page<Shown>>, Refusal> {
    let RefusalQuery { device, address, claimed, stage, q, limit, cursor } = query;
    let filter = RefusalFilter { device, address, claimed, stage: stage.map(stage_in), text: q };
    let before = after_number(cursor.as_deref())?;
    let found = rest.app.refusal_list(&by, &filter, before, most(limit))?;
    Ok(page(rest.app.refusals_waiting(&by, found).await?))
}

async fn of_device(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Shown>>, Refusal> {
    let before = after_number(query.cursor.as_deref())?;
    let found = rest.app.device_refusals(&by, &device_name(&name)?, before, most(query.limit))?;
    Ok(page(rest.app.refusals_waiting(&by, found).await?))
}

async fn unmapped(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
) -> Result<Json<UnmappedTopics>, Refusal> {
    let topics = rest.app.unmapped_topics(&by, &device_name(&name)?)?;
    let items = topics
        .into_iter()
        .map(|known| UnmappedTopic {
            topic: known.topic,
            suggested_filter: known.suggested_filter,
            count: known.count,
            last_at: time(known.last_at),
            sample_bytes: u64::try_from(known.sample_bytes).unwrap_or(u64::MAX),
        })
        .collect();
    Ok(Json(UnmappedTopics { items }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use windlass_app::refusals::{Cause, Refused};
    use windlass_domain::credential::ConnectRefusal;

    use super::*;
    use crate::rest::fixture::Fixture;

    fn refused(address: &str, client_id: &str) -> Refused {
        Refused {
            stage: Stage::Connect,
            cause: Cause::Credential(ConnectRefusal::NoCredential),
            address: format!("{address}:40000").parse().unwrap(),
            protocol: Some("mqtt 5"),
            claimed: Claimed { client_id: Some(client_id.to_owned()), ..Claimed::default() },
            owner: None,
            count: 1,
        }
    }

    #[tokio::test]
    async fn refusals_are_found_by_what_the_peer_said_and_belong_to_the_device_it_named() {
        let server = Fixture::new("refusals").await;
        server.post("/devices", json!({"name": "pump-1"})).await.expect(201);
        for (address, client) in [("10.0.0.1", "pump-1"), ("10.0.0.2", "ghost"), ("10.0.0.2", "ghost")] {
            server.rest.app.refused_stranger(refused(address, client)).await;
        }
        let all = server.get("/refusals").await.expect(200);
        assert_eq!(all["items"].as_array().unwrap().len(), 2);
        let ghost = &all["items"][0];
        assert_eq!((ghost["clientId"].as_str(), ghost["count"].as_u64()), (Some("ghost"), Some(2)));
        assert_eq!((ghost["code"].as_str(), ghost.get("device")), (Some("credential.missing"), None));
        for (query, found) in [
            ("address=10.0.0.1", 1),
            ("address=10.0.", 2),
            ("claimed=PUMP", 1),
            ("device=pump-1", 1),
            ("device=other", 0),
            ("stage=connect", 2),
            ("stage=tls", 0),
            ("q=no%20credential", 2),
            ("q=nonsense", 0),
        ] {
            let answer = server.get(&format!("/refusals?{query}")).await.expect(200);
            assert_eq!(answer["items"].as_array().unwrap().len(), found, "{query}");
        }
        let own = server.get("/devices/pump-1/refusals").await.expect(200);
        assert_eq!(own["items"][0]["device"], "pump-1");
        // Whoever gave the name before the device was registered.
        server.post("/devices", json!({"name": "ghost"})).await.expect(201);
        let own = server.get("/devices/ghost/refusals").await.expect(200);
        assert_eq!(own["items"][0]["address"], "10.0.0.2");
        let first = server.get("/refusals?limit=1").await.expect(200);
        let rest =
            server.get(&format!("/refusals?limit=1&cursor={}", first["cursor"].as_str().unwrap())).await;
        let rest = rest.expect(200);
        assert_eq!((rest["items"][0]["clientId"].as_str(), rest.get("cursor")), (Some("pump-1"), None));
    }

    #[tokio::test]
    async fn bad_questions_are_refused_by_name() {
        let server = Fixture::new("refusals-bad").await;
        for (query, field) in
            [("stage=lobby", "stage"), ("cursor=t61", "cursor"), ("limit=0", "limit"), ("x=1", "x")]
        {
            let answer = server.get(&format!("/refusals?{query}")).await;
            assert_eq!(answer.expect(400)["errors"][0]["field"], field, "{query}");
        }
        server.get("/devices/ghost/refusals").await.problem(404, "device.not_found");
        server.get("/devices/ghost/unmapped-topics").await.problem(404, "device.not_found");
    }

    #[tokio::test]
    async fn a_token_for_a_part_of_the_fleet_sees_what_is_about_its_devices() {
        let server = Fixture::new("refusals-scope").await;
        for (name, tags) in [("in", json!(["mine"])), ("out", json!([]))] {
            server.post("/devices", json!({"name": name, "tags": tags})).await.expect(201);
            server.rest.app.refused_stranger(refused("10.0.0.1", name)).await;
        }
        server.rest.app.refused_stranger(refused("10.0.0.1", "stranger")).await;
        let scope = json!({"name": "part", "role": "viewer", "scope": "tag==mine"});
        let made = server.post("/tokens", scope).await.expect(201);
        let scoped = server.with_token(made["secret"].as_str().unwrap());
        let seen = scoped.get("/refusals").await.expect(200);
        assert_eq!(seen["items"].as_array().unwrap().len(), 1);
        assert_eq!(seen["items"][0]["device"], "in");
        scoped.get("/devices/out/refusals").await.problem(404, "device.not_found");
        scoped.get("/devices/out/unmapped-topics").await.problem(404, "device.not_found");
        let other = server.in_another_tenant("acme").await;
        assert_eq!(other.get("/refusals").await.expect(200)["items"], json!([]));
    }
}
