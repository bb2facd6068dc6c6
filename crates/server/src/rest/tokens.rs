//! `/tokens`: made, listed, revoked. The secret is shown once.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::page::{Page, PageQuery};
use windlass_api::tokens::{CreatedToken, NewToken, Token};
use windlass_app::access::{self, MadeToken, TokenView};
use windlass_domain::ids::TokenId;
use windlass_domain::permission::Permission;

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{At, Body, Created, Query};
use super::page::by_number;
use super::routes::Routes;
use super::view::{role, role_in, time, timestamp};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("tokens")
        .get("/api/v1/tokens", Permission::TokenManage, "listTokens", "List API tokens", list)
        .create_secret("/api/v1/tokens", Permission::TokenManage, "createToken", "Make an API token", create)
        .delete("/api/v1/tokens/{id}", Permission::TokenManage, "revokeToken", "Revoke an API token", revoke)
}

#[derive(Debug, Deserialize, JsonSchema)]
struct TokenPath {
    /// Id of the token.
    id: i64,
}

fn show(token: TokenView) -> Token {
    let TokenView { id, name, hint, role: has, scope, created_at, created_by, expires_at, revoked_at } =
        token;
    Token {
        id: id.get(),
        name,
        hint,
        role: role(has),
        scope,
        created_at: time(created_at),
        created_by,
        expires_at: expires_at.map(time),
        revoked_at: revoked_at.map(time),
    }
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Token>>, Refusal> {
    let tokens = rest.app.token_list(&by).await?;
    Ok(Json(by_number(tokens, &query, |token| token.id.get(), show)?))
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(new): Body<NewToken>,
) -> Result<Created<CreatedToken>, Refusal> {
    let NewToken { name, role, scope, expires_at } = new;
    let new = access::NewToken { name, role: role_in(role), scope, expires_at: expires_at.map(timestamp) };
    let MadeToken { token, secret } = rest.app.token_create(&by, new).await?;
    let location = format!("/tokens/{}", token.id);
    Ok(Created { location, version: None, body: CreatedToken { token: show(token), secret } })
}

async fn revoke(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(TokenPath { id }): At<TokenPath>,
) -> Result<Json<Token>, Refusal> {
    Ok(Json(show(rest.app.token_revoke(&by, TokenId::new(id)).await?)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn a_token_signs_in_until_it_is_revoked() {
        let server = Fixture::new("tokens").await;
        let made = server.post("/tokens", json!({"name": "ci", "role": "viewer"})).await.expect(201);
        let secret = made["secret"].as_str().unwrap().to_owned();
        assert_eq!(made["token"]["role"], "viewer");
        assert!(secret.starts_with(made["token"]["hint"].as_str().unwrap()));
        let me = server.with_token(&secret).get("/me").await.expect(200);
        assert_eq!(me["kind"], "token");
        assert!(!server.get("/tokens").await.expect(200).to_string().contains(&secret));
        let gone = server.delete(&format!("/tokens/{}", made["token"]["id"])).await.expect(200);
        assert!(gone["revokedAt"].is_string());
        server.with_token(&secret).get("/me").await.problem(401, "auth.required");
    }

    #[tokio::test]
    async fn a_token_that_there_is_not_is_not_found() {
        let server = Fixture::new("tokens-missing").await;
        server.delete("/tokens/999").await.problem(404, "token.not_found");
        server.delete("/tokens/abc").await.problem(404, "path.not_found");
    }

    #[tokio::test]
    async fn every_bad_field_of_a_token_is_named() {
        let server = Fixture::new("tokens-bad").await;
        let problem = server
            .post("/tokens", json!({"name": 1, "role": "king", "expiresAt": "soon", "colour": "red"}))
            .await
            .problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["colour", "expiresAt", "name", "role"]);
    }
}
