//! API tokens: made with no more rights than their maker has, listed, revoked.
//!
//! Their secrets are shown once and kept as a hash only. Knows nothing of who presents one.

use serde_json::json;
use windlass_domain::ids::{Sha256, TokenId};
use windlass_domain::permission::{Permission, Principal, Role, allows, delegate};
use windlass_domain::time::Timestamp;
use windlass_store::tokens;

use super::{TOKEN_PREFIX, refuse};
use crate::app::App;
use crate::audit::record;
use crate::error::{AppError, FieldProblem};
use crate::fleet::parse_scope;
use crate::permit::demand;

/// An API token as shown; never its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    /// Public number.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// The first characters of the secret, to recognise it by.
    pub hint: String,
    /// Its set of permissions.
    pub role: Role,
    /// A fleet query that its rights end at.
    pub scope: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A token to be.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is for: 1 to 64 printable characters without `#`.
    pub name: String,
    /// Its set of permissions; not beyond its creator's.
    pub role: Role,
    /// A fleet query that its rights end at.
    pub scope: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A token just made. The secret is shown this once.
#[derive(Debug, Clone)]
pub struct MadeToken {
    /// What was made.
    pub token: TokenView,
    /// The secret: `wl_` and 43 characters.
    pub secret: String,
}

impl TokenView {
    fn of(token: tokens::Token) -> Self {
        let tokens::Token {
            id,
            tenant: _,
            name,
            hint,
            role,
            scope,
            created_at,
            created_by,
            expires_at,
            revoked_at,
        } = token;
        Self { id, name, hint, role, scope, created_at, created_by, expires_at, revoked_at }
    }
}

const LONGEST_SCOPE: usize = 4096;

impl App {
    /// Makes an API token, never with more rights than its creator has, nor for longer where a token makes it.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, `Quota` `token.most` while too many are in force, or that the store failed.
    pub async fn token_create(&self, by: &Principal, new: NewToken) -> Result<MadeToken, AppError> {
        demand(by, Permission::TokenManage)?;
        let NewToken { name, role, scope, expires_at } = new;
        let now = self.clock.now();
        let mut problems = Vec::new();
        if !(1..=64).contains(&name.chars().count()) || name.chars().any(|c| c.is_control() || c == '#') {
            problems.push(FieldProblem::new("name", "must be 1 to 64 printable characters without #"));
        }
        if expires_at.is_some_and(|end| end <= now) {
            problems.push(FieldProblem::new("expiresAt", "must be in the future"));
        }
        if let Some(scope) = &scope {
            if scope.len() > LONGEST_SCOPE {
                problems.push(FieldProblem::new("scope", "must be at most 4096 bytes"));
            } else if let Err(AppError::Invalid(found)) = parse_scope("scope", scope) {
                problems.extend(found);
            }
        }
        refuse(problems)?;
        let Some(scope) = delegate(by, role, scope.as_deref()) else {
            return Err(AppError::Forbidden(Permission::TokenManage.as_str()));
        };
        let secret = format!("{TOKEN_PREFIX}{}", self.secret());
        let new = tokens::NewToken {
            tenant: by.tenant,
            name,
            hash: Sha256::of(secret.as_bytes()),
            hint: secret.chars().take(9).collect(),
            role,
            scope,
            created_by: format!("{}:{}", by.actor.kind, by.actor.name),
            expires_at,
        };
        let (by, most) = (by.clone(), self.limits.api_tokens);
        let token = self
            .store
            .write(move |tx| {
                let (by, mut new) = (by.clone(), new.clone());
                Box::pin(async move {
                    if let Some(id) = by.actor.token_id() {
                        let creator = tokens::by_id(tx, by.tenant, id).await?;
                        let end = creator.and_then(|creator| creator.expires_at);
                        new.expires_at = match (new.expires_at, end) {
                            (Some(asked), Some(end)) => Some(asked.min(end)),
                            (asked, end) => asked.or(end),
                        };
                    }
                    if tokens::good(tx, by.tenant, now).await? >= i64::from(most) {
                        return Err(AppError::Quota {
                            code: "token.most",
                            detail: format!(
                                "{most} API tokens are in force, and no more may be; revoke those that nobody uses"
                            ),
                        });
                    }
                    tokens::forget_ended(tx, by.tenant, now, most).await?;
                    let id = tokens::insert(tx, &new, now).await?;
                    let details = json!({
                        "name": new.name, "role": role.as_str(), "scope": new.scope,
                        "expiresAt": new.expires_at.map(|end| end.to_string()),
                    });
                    record(tx, &by, "token.create", &format!("token:{id}"), details, now).await?;
                    let token = tokens::by_id(tx, by.tenant, id).await?;
                    token.ok_or_else(|| AppError::not_found("token", id))
                })
            })
            .await?;
        Ok(MadeToken { token: TokenView::of(token), secret })
    }

    /// Every token of the tenant, newest first, with those that were revoked or expired last.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn token_list(&self, by: &Principal) -> Result<Vec<TokenView>, AppError> {
        demand(by, Permission::TokenManage)?;
        let tenant = by.tenant;
        let tokens = self
            .store
            .read(move |tx| Box::pin(async move { tokens::list(tx, tenant).await }))
            .await
            .map_err(AppError::Store)?;
        Ok(tokens.into_iter().map(TokenView::of).collect())
    }

    /// Revokes a token; revoking twice is no error. A token may revoke itself.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn token_revoke(&self, by: &Principal, id: TokenId) -> Result<TokenView, AppError> {
        if by.actor.token_id() != Some(id) && !allows(by, Permission::TokenManage) {
            return Err(AppError::Forbidden(Permission::TokenManage.as_str()));
        }
        let (by, now) = (by.clone(), self.clock.now());
        let revoked = self
            .store
            .write(move |tx| {
                let by = by.clone();
                Box::pin(async move {
                    let missing = || AppError::not_found("token", id);
                    tokens::by_id(tx, by.tenant, id).await?.ok_or_else(missing)?;
                    if tokens::revoke(tx, id, now).await? {
                        record(tx, &by, "token.revoke", &format!("token:{id}"), json!({}), now).await?;
                    }
                    tokens::by_id(tx, by.tenant, id).await?.map(TokenView::of).ok_or_else(missing)
                })
            })
            .await?;
        self.hub.close_token(id);
        Ok(revoked)
    }
}
