//! `/users`: people who sign in with a password; `/me`: who one is.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::page::{Page, PageQuery};
use windlass_api::users::{Me, NewPassword, NewUser, User};
use windlass_app::access::{self, UserView};
use windlass_domain::permission::{Permission, Principal, allows};

use super::Rest;
use super::access::{Access, Caller};
use super::browser::Browser;
use super::error::Refusal;
use super::io::{At, Body, Created, Done, Query, part};
use super::page::by_name;
use super::routes::Routes;
use super::view::{actor_kind, role, role_in, time};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("users")
        .get("/api/v1/me", Access::SignedIn, "getMe", "Who am I, and what may I do", me)
        .get("/api/v1/users", Permission::UserManage, "listUsers", "List users", list)
        .create("/api/v1/users", Permission::UserManage, "createUser", "Make a user", create)
        .delete(
            "/api/v1/users/{name}",
            Permission::UserManage,
            "disableUser",
            "Take the right to sign in away; the name stays, for the audit",
            disable,
        )
        .post("/api/v1/users/{name}/enable", Permission::UserManage, "enableUser", "Give it back", enable)
        .put(
            "/api/v1/users/{name}/password",
            Access::SignedIn,
            "setPassword",
            "Give a new password; one's own, which needs the current one, or anybody's with user.manage",
            password,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct UserPath {
    /// Name of the user.
    name: String,
}

fn show(user: UserView) -> User {
    let UserView { name, role: has, created_at, disabled_at } = user;
    User { name, role: role(has), created_at: time(created_at), disabled_at: disabled_at.map(time) }
}

async fn me(State(rest): State<Rest>, Caller(by): Caller, browser: Browser) -> Result<Json<Me>, Refusal> {
    Ok(Json(me_of(&rest, by, &browser).await?))
}

/// What is told to who signed in.
pub(super) async fn me_of(rest: &Rest, by: Principal, browser: &Browser) -> Result<Me, Refusal> {
    let permissions = Permission::ALL.iter().filter(|permission| allows(&by, **permission));
    let permissions = permissions.map(|permission| permission.as_str().to_owned()).collect();
    let tenant = rest.tenant_name(by.tenant).await?;
    let Principal { tenant: _, actor, role: has, scope } = by;
    Ok(Me {
        tenant,
        kind: actor_kind(actor.kind),
        name: actor.name,
        role: role(has),
        scope,
        permissions,
        insecure_cookie: browser.session.is_some() && !browser.secure,
    })
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<User>>, Refusal> {
    Ok(Json(by_name(rest.app.user_list(&by).await?, &query, |user| user.name.clone(), show)?))
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(new): Body<NewUser>,
) -> Result<Created<User>, Refusal> {
    let NewUser { name, password, role } = new;
    let made = rest.app.user_create(&by, access::NewUser { name, password, role: role_in(role) }).await?;
    let location = format!("/users/{}", part(&made.name));
    Ok(Created { location, version: None, body: show(made) })
}

async fn disable(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(UserPath { name }): At<UserPath>,
) -> Result<Json<User>, Refusal> {
    Ok(Json(show(rest.app.user_set_disabled(&by, &name, true).await?)))
}

async fn enable(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(UserPath { name }): At<UserPath>,
) -> Result<Json<User>, Refusal> {
    Ok(Json(show(rest.app.user_set_disabled(&by, &name, false).await?)))
}

async fn password(
    State(rest): State<Rest>,
    Caller(by): Caller,
    browser: Browser,
    At(UserPath { name }): At<UserPath>,
    Body(NewPassword { password, current_password }): Body<NewPassword>,
) -> Result<Done, Refusal> {
    let change = access::PasswordChange {
        new: &password,
        current: current_password.as_deref(),
        address: browser.address,
    };
    rest.app.user_set_password(&by, &name, change).await?;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn a_user_signs_in_with_a_password_until_disabled() {
        let server = Fixture::new("users").await;
        let body = json!({"name": "anna", "password": "correct horse battery", "role": "operator"});
        let made = server.post("/users", body).await.expect(201);
        assert_eq!(made["role"], "operator");
        assert!(!made.to_string().contains("correct horse"));
        let anna = server.with_password("anna", "correct horse battery");
        assert_eq!(anna.get("/me").await.expect(200)["name"], "anna");
        server.with_password("anna", "wrong horse").get("/me").await.problem(401, "auth.required");
        server.delete("/users/anna").await.expect(200);
        anna.get("/me").await.problem(401, "auth.required");
        server.act("/users/anna/enable").await.expect(200);
        anna.get("/me").await.expect(200);
    }

    #[tokio::test]
    async fn people_change_their_own_password_and_nobody_elses() {
        let server = Fixture::new("users-password").await;
        for name in ["anna", "bert"] {
            let body = json!({"name": name, "password": "a long first one", "role": "viewer"});
            server.post("/users", body).await.expect(201);
        }
        let anna = server.with_password("anna", "a long first one");
        let new = json!({"password": "a long second one", "currentPassword": "a long first one"});
        anna.put("/users/bert/password", new.clone()).await.problem(403, "auth.forbidden");
        anna.put("/users/anna/password", new).await.expect(204);
        server.with_password("anna", "a long second one").get("/me").await.expect(200);
    }

    #[tokio::test]
    async fn ones_own_password_is_changed_only_by_who_knows_it_whatever_they_signed_in_with() {
        let server = Fixture::new("users-own-password").await;
        let body = json!({"name": "anna", "password": "a long first one", "role": "admin"});
        server.post("/users", body).await.expect(201);
        let anna = server.with_password("anna", "a long first one");
        let made = anna.post("/tokens", json!({"name": "laptop", "role": "admin"})).await.expect(201);
        let token = server.with_token(made["secret"].as_str().unwrap());
        for caller in [&anna, &token] {
            let refused = caller.put("/users/anna/password", json!({"password": "short"})).await;
            assert_eq!(refused.problem(400, "request.invalid").fields(), ["currentPassword", "password"]);
            let wrong = json!({"password": "a long second one", "currentPassword": "a long guess"});
            let refused = caller.put("/users/anna/password", wrong).await;
            assert_eq!(refused.problem(400, "request.invalid").fields(), ["currentPassword"]);
        }
        anna.get("/me").await.expect(200);
        let mut last = 400;
        for guess in 0..8 {
            let wrong = json!({"password": "a long second one", "currentPassword": format!("guess {guess}")});
            last = token.put("/users/anna/password", wrong).await.status;
        }
        assert_eq!(last, 429, "guessing is slowed down as at the door");
        // Somebody else who may manage users needs nobody's password.
        let new = json!({"password": "a long third one"});
        server.put("/users/anna/password", new).await.expect(204);
        server.clock.advance(std::time::Duration::from_secs(600));
        server.with_password("anna", "a long first one").get("/me").await.problem(401, "auth.required");
    }

    #[tokio::test]
    async fn names_that_look_like_sql_are_just_names_or_refused() {
        let server = Fixture::new("users-sql").await;
        let name = "x'; DROP TABLE user_account; --";
        let body = json!({"name": name, "password": "correct horse battery", "role": "viewer"});
        let answer = server.post("/users", body).await;
        assert!(matches!(answer.status, 201 | 400), "{}", answer.status);
        server
            .with_password(name, "correct horse battery")
            .get("/tokens")
            .await
            .problem(401, "auth.required");
        server.get("/users").await.expect(200);
    }
}
