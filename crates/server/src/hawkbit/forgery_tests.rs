//! Changes from pages: what a UI behind a proxy of its own may do, and what a page of another site may not.

use axum::body::Body;

use crate::rest::fixture::{Answer, Fixture};

const USER: &str = "anna";
const PASSWORD: &str = "correct horse battery";
const JSON: (&str, &str) = ("content-type", "application/json");
const HOST: (&str, &str) = ("host", "hawkbit:8080");
const ORIGIN: (&str, &str) = ("origin", "http://ui.lan:8088");

async fn anna(name: &str) -> (Fixture, Fixture) {
    let server = Fixture::new(name).await;
    let user = serde_json::json!({"name": USER, "password": PASSWORD, "role": "operator"});
    server.post("/users", user).await.expect(201);
    let anna = server.with_password(USER, PASSWORD);
    (server, anna)
}

async fn ask(by: &Fixture, method: &str, path: &str, headers: &[(&str, &str)], body: &'static str) -> Answer {
    by.raw(method, &format!("/rest/v1{path}"), headers, Body::from(body)).await
}

#[tokio::test]
async fn a_ui_behind_a_proxy_that_drops_its_name_changes_what_no_other_page_could_without_asking_first() {
    let (server, anna) = anna("hb-proxied").await;
    let json = [JSON, HOST, ORIGIN];
    ask(&anna, "POST", "/targets", &json, r#"[{"controllerId": "a"}]"#).await.expect(201);
    let charset = [("content-type", "Application/JSON; charset=UTF-8"), HOST, ORIGIN];
    ask(&anna, "POST", "/targets", &charset, r#"[{"controllerId": "b"}]"#).await.expect(201);
    ask(&anna, "PUT", "/targets/a", &json, r#"{"description": "pump"}"#).await.expect(200);
    ask(&anna, "DELETE", "/targets/b", &[HOST, ORIGIN], "").await.expect(204);
    server.hawkbit("GET", "/targets/b", None).await.hawkbit_error(404);
}

#[tokio::test]
async fn what_any_page_can_send_is_refused_and_the_refusal_says_what_to_set() {
    let (server, anna) = anna("hb-forged").await;
    let body = r#"[{"controllerId": "evil"}]"#;
    for kind in [
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
    ] {
        let refused = ask(&anna, "POST", "/targets", &[("content-type", kind), HOST, ORIGIN], body).await;
        assert_eq!(refused.hawkbit_error(403), "hawkbit.server.error.insufficientPermission", "{kind}");
        assert!(refused.text().contains("public_url"), "{}", refused.text());
    }
    ask(&anna, "POST", "/targets", &[HOST, ORIGIN], body).await.hawkbit_error(403);
    let twice = [("content-type", "text/plain"), JSON, HOST, ORIGIN];
    ask(&anna, "POST", "/targets", &twice, body).await.hawkbit_error(403);
    for said in ["cross-site", "same-site"] {
        let said = [JSON, HOST, ORIGIN, ("sec-fetch-site", said)];
        ask(&anna, "POST", "/targets", &said, body).await.hawkbit_error(403);
        ask(&anna, "DELETE", "/targets/evil", &said, "").await.hawkbit_error(403);
    }
    server.hawkbit("GET", "/targets/evil", None).await.hawkbit_error(404);
    let elsewhere = anna.send("POST", "/groups", &[JSON, HOST, ORIGIN], r#"{"path": "eu"}"#).await;
    elsewhere.problem(403, "auth.forbidden");
    let asked = ask(&anna.anonymous(), "OPTIONS", "/targets", &[HOST, ORIGIN], "").await;
    assert_eq!(asked.header("access-control-allow-origin"), None, "no other page may after asking");
}

#[tokio::test]
async fn the_consoles_cookie_makes_no_change_through_another_name() {
    let (server, anna) = anna("hb-cookie").await;
    let body = serde_json::json!({"user": USER, "password": PASSWORD}).to_string();
    let own = [JSON, ("host", "hawkbit:8080"), ("sec-fetch-site", "same-origin")];
    let answer = server.anonymous().send("POST", "/session", &own, body).await;
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let target = r#"[{"controllerId": "a"}]"#;
    for by in [server.anonymous(), anna] {
        let headers = [JSON, HOST, ORIGIN, ("cookie", cookie.as_str())];
        ask(&by, "POST", "/targets", &headers, target).await.hawkbit_error(403);
        ask(&by, "DELETE", "/targets/a", &headers, "").await.hawkbit_error(403);
    }
    let headers = [JSON, HOST, ("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    ask(&server.anonymous(), "POST", "/targets", &headers, target).await.expect(201);
}
