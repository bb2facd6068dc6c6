//! `/notifications`: channels by which people are told of alerts, and what is on its way to them.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::notifications::{
    Channel, ChannelKind, ChannelSpec, Delivery, DeliveryState, LastDelivery, Tested,
};
use windlass_api::page::{Page, PageQuery};
use windlass_api::problem::FieldProblem;
use windlass_app::alerts::{self as app, ChannelInput, ChannelPut, Target, TargetInput};
use windlass_domain::ids::{AlertId, ChannelName};
use windlass_domain::permission::Permission;

use super::access::Caller;
use super::error::Refusal;
use super::io::{At, Body, Done, IfMatch, Put, Query, Versioned};
use super::page::{after_number, by_name, fetched, limit};
use super::routes::Routes;
use super::view::{alert_kind, alert_kind_in, delivery_state, severity, severity_in, telling, time};
use super::{Rest, fields};

pub(super) fn routes(routes: Routes) -> Routes {
    const NEEDS: Permission = Permission::NotificationManage;
    routes
        .tag("notifications")
        .get("/api/v1/notifications", NEEDS, "listNotifications", "List who is told of alerts", list)
        .get("/api/v1/notifications/{name}", NEEDS, "getNotification", "Get a channel", get)
        .put("/api/v1/notifications/{name}", NEEDS, "putNotification", "Make or replace a channel", put)
        .delete(
            "/api/v1/notifications/{name}",
            NEEDS,
            "deleteNotification",
            "Remove a channel, and what is on its way to it",
            delete,
        )
        .post(
            "/api/v1/notifications/{name}/test",
            NEEDS,
            "testNotification",
            "Send a test, once, and say how it went",
            test,
        )
        .get(
            "/api/v1/notifications/{name}/deliveries",
            NEEDS,
            "listNotificationDeliveries",
            "List what was and is on its way to a channel, newest first",
            deliveries,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct ChannelPath {
    /// Name of the channel.
    name: String,
}

fn named(name: &str) -> Result<ChannelName, Refusal> {
    name.parse().map_err(|_| Refusal::not_found("notification", name))
}

fn show(channel: app::Channel, secret: Option<String>) -> Channel {
    let app::Channel { id: _, tenant: _, name, spec, version, created_at, updated_at, last } = channel;
    let app::ChannelSpec { target, interest, enabled } = spec;
    let (kind, url, to) = match target {
        Target::Webhook { url, key: _ } => (ChannelKind::Webhook, Some(url), None),
        Target::Email { to } => {
            (ChannelKind::Email, None, Some(to.iter().map(ToString::to_string).collect()))
        }
    };
    Channel {
        name: name.into_string(),
        kind,
        url,
        secret,
        to,
        alerts: interest.alerts.into_iter().map(alert_kind).collect(),
        minimum_severity: severity(interest.minimum),
        enabled,
        last_delivery: last.map(|(at, outcome, detail)| LastDelivery {
            at: time(at),
            outcome: delivery_state(outcome),
            detail,
        }),
        version,
        created_at: time(created_at),
        updated_at: time(updated_at),
    }
}

fn wanted(spec: ChannelSpec) -> Result<ChannelInput, Refusal> {
    let ChannelSpec { kind, url, secret, to, alerts, minimum_severity, enabled } = spec;
    let mut problems = Vec::new();
    let mut problem = |field: &str, problem: &str| {
        problems.push(FieldProblem { field: field.to_owned(), problem: problem.to_owned() });
    };
    let target = match kind {
        ChannelKind::Webhook => {
            if to.is_some() {
                problem("to", "is for email only");
            }
            if url.is_none() {
                problem("url", "is missing");
            }
            TargetInput::Webhook { url: url.unwrap_or_default(), secret }
        }
        ChannelKind::Email => {
            for (field, there) in [("url", url.is_some()), ("secret", secret.is_some())] {
                if there {
                    problem(field, "is for a webhook only");
                }
            }
            if to.is_none() {
                problem("to", "is missing");
            }
            TargetInput::Email { to: to.unwrap_or_default() }
        }
    };
    if !problems.is_empty() {
        return Err(Refusal::invalid(problems));
    }
    let alerts = alerts.into_iter().map(alert_kind_in).collect();
    Ok(ChannelInput { target, alerts, minimum: severity_in(minimum_severity), enabled })
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Channel>>, Refusal> {
    let channels = rest.app.channel_list(&by).await?;
    Ok(Json(by_name(channels, &query, |one| one.name.to_string(), |one| show(one, None))?))
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ChannelPath { name }): At<ChannelPath>,
) -> Result<Versioned<Channel>, Refusal> {
    let channel = rest.app.channel_get(&by, &named(&name)?).await?;
    Ok(Versioned { version: channel.version, body: show(channel, None) })
}

async fn put(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ChannelPath { name }): At<ChannelPath>,
    IfMatch(version): IfMatch,
    Body(spec): Body<ChannelSpec>,
) -> Result<Put<Channel>, Refusal> {
    let name: ChannelName = fields::one("name", &name)?;
    let ChannelPut { channel, secret } = rest.app.channel_put(&by, &name, &wanted(spec)?, version).await?;
    let version = channel.version;
    let body = show(channel, secret);
    Ok(Put::of(version == 1, "notifications", name.as_str(), version, body))
}

async fn delete(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ChannelPath { name }): At<ChannelPath>,
) -> Result<Done, Refusal> {
    rest.app.channel_delete(&by, &named(&name)?).await?;
    Ok(Done)
}

async fn test(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ChannelPath { name }): At<ChannelPath>,
) -> Result<Json<Tested>, Refusal> {
    let app::Tested { state, detail } = rest.app.channel_test(&by, &named(&name)?).await?;
    Ok(Json(Tested { outcome: delivery_state(state), detail }))
}

fn show_delivery(delivery: app::Delivery) -> Delivery {
    let app::Delivery {
        id,
        tenant: _,
        channel: _,
        alert,
        message,
        telling: tells,
        payload: _,
        state,
        tries,
        next_at,
        last_error,
        created_at,
        ended_at,
    } = delivery;
    let state = delivery_state(state);
    Delivery {
        id: id.get(),
        message_id: message,
        alert: alert.map(AlertId::get),
        event: telling(tells),
        state,
        attempts: tries,
        next_at: (state == DeliveryState::Waiting).then(|| time(next_at)),
        last_error,
        created_at: time(created_at),
        delivered_at: ended_at.filter(|_| state == DeliveryState::Delivered).map(time),
    }
}

async fn deliveries(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ChannelPath { name }): At<ChannelPath>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Delivery>>, Refusal> {
    let (before, most) = (after_number(query.cursor.as_deref())?, limit(query.limit));
    let found = rest.app.channel_deliveries(&by, &named(&name)?, before, most).await?;
    Ok(Json(fetched(found, most, |one| one.id.get(), show_delivery)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn a_webhook_is_made_shown_without_its_secret_tried_and_removed() {
        let server = Fixture::new("notifications").await;
        // Nobody listens at this address of this machine.
        let spec = json!({"kind": "webhook", "url": "http://127.0.0.1:9/hook"});
        let made = server.put("/notifications/ops", spec.clone()).await;
        assert_eq!(made.header("location"), Some("/api/v1/notifications/ops"));
        let made = made.expect(201);
        assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
        assert_eq!((&made["minimumSeverity"], &made["enabled"]), (&json!("info"), &json!(true)));
        let replaced = server.put("/notifications/ops", spec.clone()).await.expect(200);
        let got = server.get("/notifications/ops").await.expect(200);
        let listed = server.get("/notifications").await.expect(200);
        for shown in [&replaced, &got, &listed["items"][0]] {
            assert_eq!(shown.get("secret"), None, "{shown}");
        }
        server.put_if("/notifications/ops", "\"1\"", spec).await.problem(412, "version.mismatch");
        let tested = server.act("/notifications/ops/test").await.expect(200);
        assert_eq!(tested["outcome"], "failed");
        let deliveries = server.get("/notifications/ops/deliveries").await.expect(200);
        let one = &deliveries["items"][0];
        assert_eq!(
            (&one["event"], &one["state"], &one["attempts"]),
            (&json!("test"), &json!("failed"), &json!(1))
        );
        assert_eq!(server.get("/notifications/ops").await.expect(200)["lastDelivery"]["outcome"], "failed");
        server.delete("/notifications/ops").await.expect(204);
        server.delete("/notifications/ops").await.problem(404, "notification.not_found");
        server.act("/notifications/ops/test").await.problem(404, "notification.not_found");
    }

    #[tokio::test]
    async fn every_bad_field_of_a_channel_is_named() {
        let server = Fixture::new("notifications-bad").await;
        let url = "https://hooks.example.com/";
        for (spec, wanted) in [
            (json!({"kind": "webhook"}), vec!["url"]),
            (json!({"kind": "webhook", "url": url, "to": ["a@b.c"]}), vec!["to"]),
            (json!({"kind": "webhook", "url": "https://10.0.0.1/", "secret": "x"}), vec!["secret", "url"]),
            (json!({"kind": "webhook", "url": "ftp://x"}), vec!["url"]),
            (json!({"kind": "email"}), vec!["to"]),
            (json!({"kind": "email", "to": ["a@b.c"], "url": url, "secret": "x"}), vec!["secret", "url"]),
            (json!({"kind": "email", "to": ["nobody"]}), vec!["kind", "to.0"]),
            (json!({"kind": "email", "to": []}), vec!["kind", "to"]),
            (json!({"kind": "pigeon"}), vec!["kind"]),
            (json!({"kind": "webhook", "url": url, "alerts": ["moon"]}), vec!["alerts.0"]),
            (json!({"kind": "webhook", "url": url, "colour": "red"}), vec!["colour"]),
        ] {
            let problem = server.put("/notifications/ops", spec.clone()).await;
            assert_eq!(problem.problem(400, "request.invalid").fields(), wanted, "{spec}");
        }
        let spec = json!({"kind": "webhook", "url": url});
        let problem = server.put("/notifications/no%20name", spec.clone()).await;
        assert_eq!(problem.problem(400, "request.invalid").fields(), ["name"]);
        for index in 0..20 {
            server.put(&format!("/notifications/c{index}"), spec.clone()).await.expect(201);
        }
        server.put("/notifications/more", spec.clone()).await.problem(429, "notification.limit");
        server.put("/notifications/c3", spec).await.expect(200);
        assert_eq!(server.get("/server").await.expect(200)["mail"], false);
    }
}
