//! First run and sessions over HTTP, with what goes wrong first.

use std::time::Duration;

use serde_json::{Value, json};
use windlass_app::access::ConsoleLink;

use crate::rest::fixture::{Answer, Fixture};

const PASSWORD: &str = "correct horse battery";
const BROWSER: [(&str, &str); 4] = [
    ("host", "localhost:8080"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "cors"),
    ("content-type", "application/json"),
];

/// What a browser on the console's own page sends.
async fn ask(server: &Fixture, method: &str, path: &str, cookie: &str, body: Value) -> Answer {
    let mut headers = BROWSER.to_vec();
    headers.push(("cookie", cookie));
    server.anonymous().send(method, path, &headers, body.to_string()).await
}

fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

async fn anna(name: &str) -> (Fixture, String) {
    let server = Fixture::new(name).await;
    let body = json!({"name": "anna", "password": PASSWORD, "role": "admin"});
    server.post("/users", body).await.expect(201);
    let answer = sign_in(&server).await;
    answer.expect(201);
    (server, cookie_of(&answer))
}

async fn sign_in(server: &Fixture) -> Answer {
    ask(server, "POST", "/session", "", json!({"user": "anna", "password": PASSWORD})).await
}

async fn setup_link(server: &Fixture) -> String {
    match server.rest.app.console_link(None).await.unwrap() {
        ConsoleLink::SetUp { secret } => secret,
        ConsoleLink::SignIn { .. } => panic!("there is a user"),
    }
}

#[tokio::test]
async fn a_session_that_ended_in_the_middle_of_a_form_changes_nothing_and_brings_no_window_up() {
    let (server, cookie) = anna("sessions-expired").await;
    server.clock.advance(Duration::from_secs(12 * 3600));
    let answer = ask(&server, "POST", "/groups", &cookie, json!({"path": "eu"})).await;
    answer.problem(401, "auth.required");
    assert_eq!(
        answer.headers.get_all("www-authenticate").iter().count(),
        1,
        "no Basic: {:?}",
        answer.headers
    );
    server.get("/groups/eu").await.problem(404, "group.not_found");
    let again = sign_in(&server).await;
    again.expect(201);
    ask(&server, "POST", "/groups", &cookie_of(&again), json!({"path": "eu"})).await.expect(201);
}

#[tokio::test]
async fn a_session_in_use_lasts_thirty_days_and_no_longer() {
    let (server, cookie) = anna("sessions-longest").await;
    for _ in 0..65 {
        server.clock.advance(Duration::from_secs(11 * 3600));
        ask(&server, "GET", "/me", &cookie, Value::Null).await.expect(200);
    }
    server.clock.advance(Duration::from_secs(5 * 3600));
    ask(&server, "GET", "/me", &cookie, Value::Null).await.problem(401, "auth.required");
}

#[tokio::test]
async fn another_site_changes_nothing_with_the_cookie_and_signs_nobody_in() {
    let (server, cookie) = anna("sessions-forged").await;
    let stranger = server.anonymous();
    let json = ("content-type", "application/json");
    let host = ("host", "fleet.example");
    let plain = cookie.replace("__Host-windlass", "windlass");
    for forged in [
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("origin", "https://evil.example")],
        vec![("origin", "http://fleet.example.evil.example")],
        vec![("origin", "null")],
        vec![],
    ] {
        let mut headers = vec![json, host, ("cookie", plain.as_str())];
        headers.extend(&forged);
        let answer = stranger.send("POST", "/groups", &headers, r#"{"path": "eu"}"#).await;
        answer.problem(403, "auth.forbidden");
        if !forged.is_empty() {
            let body = json!({"user": "anna", "password": PASSWORD}).to_string();
            let mut headers = vec![json, host];
            headers.extend(&forged);
            let answer = stranger.send("POST", "/session", &headers, body).await;
            answer.problem(403, "auth.forbidden");
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
    server.get("/groups/eu").await.problem(404, "group.not_found");
    let own = [json, host, ("cookie", plain.as_str()), ("origin", "http://fleet.example")];
    stranger.send("POST", "/groups", &own, r#"{"path": "eu"}"#).await.expect(201);
}

#[tokio::test]
async fn the_cookie_is_bound_to_the_host_and_says_where_it_is_not_safe() {
    let (server, _) = anna("sessions-cookie").await;
    let answer = sign_in(&server).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-windlass="), "{cookie}");
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(cookie.contains(part), "{cookie} lacks {part}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(answer.expect(201)["insecureCookie"], false);
    let headers = [("host", "10.0.0.7:8080"), ("content-type", "application/json")];
    let body = json!({"user": "anna", "password": PASSWORD}).to_string();
    let plain = server.anonymous().send("POST", "/session", &headers, body).await;
    let cookie = plain.header("set-cookie").unwrap();
    assert!(cookie.starts_with("windlass=") && !cookie.contains("Secure"), "{cookie}");
    assert_eq!(plain.expect(201)["insecureCookie"], true);
    let headers = [("host", "10.0.0.7:8080"), ("cookie", cookie)];
    let me = server.anonymous().send("GET", "/me", &headers, "").await.expect(200);
    assert_eq!((&me["name"], &me["insecureCookie"]), (&json!("anna"), &json!(true)));
    assert!(me["permissions"].as_array().unwrap().contains(&json!("user.manage")));
}

#[tokio::test]
async fn who_is_disabled_or_gets_another_password_is_signed_out_everywhere() {
    let (server, cookie) = anna("sessions-disabled").await;
    let other = json!({"name": "bert", "password": PASSWORD, "role": "admin"});
    server.post("/users", other).await.expect(201);
    server.delete("/users/anna").await.expect(200);
    ask(&server, "GET", "/me", &cookie, Value::Null).await.problem(401, "auth.required");
    sign_in(&server).await.problem(401, "auth.required");
    server.act("/users/anna/enable").await.expect(200);
    ask(&server, "GET", "/me", &cookie, Value::Null).await.problem(401, "auth.required");
    let cookie = cookie_of(&sign_in(&server).await);
    server.put("/users/anna/password", json!({"password": "another long one"})).await.expect(204);
    ask(&server, "GET", "/me", &cookie, Value::Null).await.problem(401, "auth.required");
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_user_alone() {
    let (server, cookie) = anna("sessions-list").await;
    let second = cookie_of(&sign_in(&server).await);
    let listed = ask(&server, "GET", "/sessions", &second, Value::Null).await.expect(200);
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.iter().filter(|item| item["current"] == true).count(), 1);
    let first = items.iter().find(|item| item["current"] == false).unwrap()["id"].as_i64().unwrap();
    server.delete(&format!("/sessions/{first}")).await.problem(404, "session.not_found");
    let ended = ask(&server, "DELETE", &format!("/sessions/{first}"), &second, Value::Null).await;
    ended.expect(204);
    ask(&server, "GET", "/me", &cookie, Value::Null).await.problem(401, "auth.required");
    let out = ask(&server, "DELETE", "/session", &second, Value::Null).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    ask(&server, "GET", "/me", &second, Value::Null).await.problem(401, "auth.required");
}

#[tokio::test]
async fn a_user_has_twenty_sessions_and_the_one_unused_for_longest_goes() {
    let (server, first) = anna("sessions-many").await;
    server.clock.advance(Duration::from_secs(120));
    let second = cookie_of(&sign_in(&server).await);
    ask(&server, "GET", "/me", &first, Value::Null).await.expect(200);
    for _ in 0..19 {
        server.clock.advance(Duration::from_secs(120));
        sign_in(&server).await.expect(201);
        ask(&server, "GET", "/me", &first, Value::Null).await.expect(200);
    }
    ask(&server, "GET", "/me", &second, Value::Null).await.problem(401, "auth.required");
    let listed = ask(&server, "GET", "/sessions", &first, Value::Null).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn ten_thousand_guesses_of_a_session_are_slowed_down_and_lock_nobody_out() {
    let (server, cookie) = anna("sessions-guesses").await;
    let mut refused = 0;
    for number in 0..10_000 {
        let guess = format!("__Host-windlass={number:043}");
        let answer = ask(&server, "GET", "/me", &guess, Value::Null).await;
        assert!(matches!(answer.status, 401 | 429), "{}", answer.status);
        refused += usize::from(answer.status == 429);
    }
    assert!(refused > 9_800, "{refused}");
    ask(&server, "GET", "/me", &cookie, Value::Null).await.expect(200);
    let from_elsewhere = server.from("10.9.9.9");
    ask(&from_elsewhere, "GET", "/me", "__Host-windlass=x", Value::Null).await.problem(401, "auth.required");
}

#[tokio::test]
async fn ten_thousand_guesses_of_a_password_are_slowed_down_and_leave_live_sessions_alone() {
    let (server, cookie) = anna("sessions-passwords").await;
    let mut tried = 0;
    for number in 0..10_000 {
        let body = json!({"user": "anna", "password": format!("guess {number}")});
        let answer = ask(&server, "POST", "/session", "", body).await;
        assert!(matches!(answer.status, 401 | 429), "{}", answer.status);
        tried += usize::from(answer.status == 401);
    }
    assert!(tried <= 6, "{tried} were tried");
    ask(&server, "GET", "/me", &cookie, Value::Null).await.expect(200);
}

#[tokio::test]
async fn a_server_is_set_up_once_with_a_link_that_is_good_once_for_a_day() {
    let server = Fixture::new("sessions-setup").await;
    assert_eq!(server.anonymous().get("/setup").await.expect(200)["needed"], true);
    let set_up = |token: &str, user: &str, password: &str| {
        let body = json!({"token": token, "user": user, "password": password});
        let server = server.clone();
        async move { ask(&server, "POST", "/setup", "", body).await }
    };
    set_up("wrong", "anna", PASSWORD).await.problem(403, "setup.token_invalid");
    let old = setup_link(&server).await;
    let link = setup_link(&server).await;
    set_up(&old, "anna", PASSWORD).await.problem(403, "setup.token_invalid");
    let bad = set_up(&link, "anna:b", "short").await.problem(400, "request.invalid");
    assert_eq!(bad.fields(), ["password", "user"]);
    server.clock.advance(Duration::from_secs(24 * 3600));
    let late = set_up(&link, "anna", PASSWORD).await.problem(403, "setup.token_invalid");
    assert!(late.detail().contains("windlass admin link"), "{}", late.detail());
    let link = setup_link(&server).await;
    let done = set_up(&link, "anna", PASSWORD).await;
    assert_eq!(done.expect(201)["role"], "admin");
    ask(&server, "GET", "/users", &cookie_of(&done), Value::Null).await.expect(200);
    set_up(&link, "eve", PASSWORD).await.problem(409, "setup.done");
    assert_eq!(server.anonymous().get("/setup").await.expect(200)["needed"], false);
    assert_eq!(server.rest.app.console_link(None).await.unwrap_err().code(), "setup.done");
}

#[tokio::test]
async fn two_who_set_up_at_once_make_one_administrator() {
    let server = Fixture::new("sessions-race").await;
    let link = setup_link(&server).await;
    let body = |user: &str| json!({"token": link, "user": user, "password": PASSWORD});
    let (one, two) = tokio::join!(
        ask(&server, "POST", "/setup", "", body("anna")),
        ask(&server, "POST", "/setup", "", body("eve"))
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201, "{statuses:?}");
    assert!(matches!(statuses[1], 403 | 409), "{statuses:?}");
    assert_eq!(server.get("/users").await.expect(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_link_signs_a_user_in_once() {
    let (server, _) = anna("sessions-link").await;
    let Ok(ConsoleLink::SignIn { secret, .. }) = server.rest.app.console_link(Some("anna")).await else {
        panic!("no link")
    };
    let body = json!({"token": secret});
    let setup = json!({"token": secret, "user": "eve", "password": PASSWORD});
    ask(&server, "POST", "/setup", "", setup).await.problem(409, "setup.done");
    let answer = ask(&server, "POST", "/session/link", "", body.clone()).await;
    assert_eq!(answer.expect(201)["name"], "anna");
    ask(&server, "GET", "/me", &cookie_of(&answer), Value::Null).await.expect(200);
    ask(&server, "POST", "/session/link", "", body).await.problem(403, "session.link_invalid");
    for _ in 0..4 {
        ask(&server, "POST", "/session/link", "", json!({"token": "x"})).await;
    }
    ask(&server, "POST", "/session/link", "", json!({"token": "x"})).await.problem(429, "auth.throttled");
    assert_eq!(server.rest.app.console_link(Some("nobody")).await.unwrap_err().code(), "not_found");
}
