//! People and programs: users with passwords, API tokens, and who is behind a secret.
//!
//! Passwords are argon2id, at most two at once. A pair that was good is remembered for five minutes as a keyed hash and
//! is good only while the user's row says the same. Wrong tries slow down their (address, user) only: neither pairs
//! that are remembered nor tokens are ever locked out.

use std::net::IpAddr;

use serde_json::json;
use windlass_domain::credential::ConnectRefusal;
use windlass_domain::ids::{Sha256, TenantId, TokenId, UserId};
use windlass_domain::permission::{Actor, ActorKind, Permission, Principal, Role, allows, delegate};
use windlass_domain::time::Timestamp;
use windlass_store::console_links::{self, LinkPurpose};
use windlass_store::{StoreError, Tx, console_sessions, tenants, tokens, users};

use crate::app::App;
use crate::audit::record;
use crate::clock::random;
use crate::error::{AppError, FieldProblem, chain};
use crate::fleet::parse_scope;
use crate::message::ApplicationPeer;
use crate::permit::demand;

pub(crate) mod passwords;
mod sessions;
mod setup;

pub use sessions::{OpenedSession, SessionView, Visitor};
pub use setup::{ConsoleLink, LinkError};

use passwords::Checked;

/// A user as shown; never its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserView {
    /// Sign-in name.
    pub name: String,
    /// Its set of permissions.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it may not sign in, if so.
    pub disabled_at: Option<Timestamp>,
}

/// A user to be.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Sign-in name: 1 to 64 of letters, digits, `. _ @ -`.
    pub name: String,
    /// As many characters as `limits.password_characters` says, or more; at most 256.
    pub password: String,
    /// Its set of permissions.
    pub role: Role,
}

/// A password to be set.
#[derive(Debug, Clone, Copy)]
pub struct PasswordChange<'a> {
    /// 12 to 256 characters.
    pub new: &'a str,
    /// The one so far; whoever changes their own has to know it.
    pub current: Option<&'a str>,
    /// Where the caller asks from, for the count of wrong tries.
    pub address: IpAddr,
}

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

/// Why a sign-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Name or password is wrong; which one is not said.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// The session is not there any more, or never was.
    #[error("the session has ended; sign in again")]
    Ended,
    /// Too many wrong tries of this user from this address.
    #[error("too many wrong tries; wait {seconds} seconds")]
    Throttled {
        /// How long to wait.
        seconds: u64,
    },
    /// Too many sign-ins are being checked.
    #[error("too many sign-ins at once; try again in a moment")]
    Busy,
    /// The store failed.
    #[error("the sign-in could not be checked")]
    Failed(#[from] AppError),
}

/// What a first start did about an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bootstrap {
    /// Made the user `admin`.
    Created,
    /// There are users already; the given password was not used.
    UsersExist,
    /// There is no user and no password was given: `windlass admin token` makes a first token.
    NoAdministrator,
}

impl UserView {
    fn of(user: users::User) -> Self {
        let users::User { id: _, tenant: _, name, password_hash: _, role, created_at, disabled_at } = user;
        Self { name, role, created_at, disabled_at }
    }
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

/// The start of every token, so that people and scanners recognise one.
pub const TOKEN_PREFIX: &str = "wl_";
const LONGEST_SCOPE: usize = 4096;

fn check_user_name(name: &str) -> Option<FieldProblem> {
    let good = (1..=64).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '-'));
    (!good).then(|| FieldProblem::new("name", "must be 1 to 64 of letters, digits, . _ @ and -"))
}

/// Longest password.
const PASSWORD: usize = 256;

fn check_password(password: &str, least: usize) -> Option<FieldProblem> {
    let least = least.clamp(1, PASSWORD);
    let good = (least..=PASSWORD).contains(&password.chars().count());
    (!good).then(|| FieldProblem::new("password", format!("must be {least} to {PASSWORD} characters")))
}

fn refuse(problems: Vec<FieldProblem>) -> Result<(), AppError> {
    if problems.is_empty() { Ok(()) } else { Err(AppError::Invalid(problems)) }
}

/// Ends every way in that was opened before: sessions, and a link that nobody has used yet.
async fn shut_out(tx: &mut Tx<'_>, user: UserId) -> Result<(), StoreError> {
    console_sessions::end_all(tx, user).await?;
    console_links::remove(tx, LinkPurpose::SignIn(user)).await
}

/// Who a token acts as.
fn principal(token: &tokens::Token) -> Principal {
    Principal {
        tenant: token.tenant,
        actor: Actor::token(&token.name, token.id),
        role: token.role,
        scope: token.scope.clone(),
    }
}

impl App {
    /// At start: makes the user `admin` of the tenant `default` with this password if there is no user at all.
    ///
    /// # Errors
    /// A password that is too short, or that the store failed.
    pub async fn bootstrap_admin(&self, password: Option<&str>) -> Result<Bootstrap, AppError> {
        let users = self.store.read(|tx| Box::pin(users::count(tx))).await.map_err(AppError::Store)?;
        if users > 0 {
            return Ok(Bootstrap::UsersExist);
        }
        let Some(password) = password.map(|text| text.trim_end_matches(['\r', '\n'])) else {
            return Ok(Bootstrap::NoAdministrator);
        };
        refuse(check_password(password, self.limits.password_characters).into_iter().collect())?;
        let hash = self.hash_password(password).await?;
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                let hash = hash.clone();
                Box::pin(async move {
                    if users::count(tx).await? > 0 {
                        return Ok(Bootstrap::UsersExist);
                    }
                    let tenant = tenants::tenant_default(tx).await?.id;
                    let by = Principal::system(tenant, "first start");
                    if let Some(id) = users::insert(tx, tenant, "admin", &hash, Role::Admin, now).await? {
                        let details = json!({"role": Role::Admin.as_str()});
                        record(tx, &by, "user.create", &format!("user:{id}"), details, now).await?;
                    }
                    Ok(Bootstrap::Created)
                })
            })
            .await
    }

    /// For whoever holds the data directory: an administrator's token of the tenant `default`, made without
    /// signing in.
    ///
    /// # Errors
    /// A name that cannot be taken, or that the store failed.
    pub async fn bootstrap_token(
        &self,
        name: &str,
        expires_at: Option<Timestamp>,
    ) -> Result<MadeToken, AppError> {
        let tenant =
            self.store.read(|tx| Box::pin(tenants::tenant_default(tx))).await.map_err(AppError::Store)?;
        let by = Principal::system(tenant.id, "data directory");
        self.token_create(&by, NewToken { name: name.to_owned(), role: Role::Admin, scope: None, expires_at })
            .await
    }

    /// Checks a user name and password, as of HTTP Basic.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn identify_password(
        &self,
        tenant: TenantId,
        user: &str,
        password: &str,
        address: IpAddr,
    ) -> Result<Principal, SignInError> {
        let user = self.check_password(tenant, user, password, address).await?;
        Ok(Principal::user(tenant, &user.name, user.role))
    }

    async fn check_password(
        &self,
        tenant: TenantId,
        user: &str,
        password: &str,
        address: IpAddr,
    ) -> Result<users::User, SignInError> {
        let now = self.clock.now();
        let row = {
            let user = user.to_owned();
            self.store
                .read(move |tx| {
                    let user = user.clone();
                    Box::pin(async move { users::by_name(tx, tenant, &user).await })
                })
                .await
                .map_err(AppError::Store)?
                .filter(|user| user.disabled_at.is_none())
        };
        let hash = row.as_ref().map(|row| row.password_hash.as_str());
        match self.passwords.check(tenant, user, password, hash, address, now).await {
            Checked::Good => row.ok_or(SignInError::Wrong),
            Checked::Wrong => Err(SignInError::Wrong),
            Checked::Throttled(seconds) => Err(SignInError::Throttled { seconds }),
            Checked::Busy => Err(SignInError::Busy),
        }
    }

    /// Judges an API token.
    ///
    /// # Errors
    /// [`ConnectRefusal::BadToken`] whether unknown, expired or revoked; `Unavailable` if the store failed.
    pub async fn identify_token(&self, secret: &str) -> Result<Principal, ConnectRefusal> {
        self.identify_application(secret).await.map(|peer| peer.principal)
    }

    /// Judges an API token that an MQTT application client gave as its password.
    ///
    /// # Errors
    /// As [`App::identify_token`].
    pub async fn identify_application(&self, secret: &str) -> Result<ApplicationPeer, ConnectRefusal> {
        if !secret.starts_with(TOKEN_PREFIX) || secret.len() > 64 {
            return Err(ConnectRefusal::BadToken);
        }
        let (hash, now) = (Sha256::of(secret.as_bytes()), self.clock.now());
        let token = self
            .store
            .read(move |tx| Box::pin(async move { tokens::by_hash(tx, &hash).await }))
            .await
            .map_err(|error| {
                tracing::error!(error = %chain(&error), "a token could not be looked up");
                ConnectRefusal::Unavailable
            })?;
        let token = token
            .filter(|token| token.revoked_at.is_none() && token.expires_at.is_none_or(|end| now < end))
            .ok_or(ConnectRefusal::BadToken)?;
        Ok(ApplicationPeer { principal: principal(&token), expires_at: token.expires_at })
    }

    /// Makes a user.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, the name is taken, or that the store failed.
    pub async fn user_create(&self, by: &Principal, new: NewUser) -> Result<UserView, AppError> {
        demand(by, Permission::UserManage)?;
        let NewUser { name, password, role } = new;
        let bad_password = check_password(&password, self.limits.password_characters);
        refuse(check_user_name(&name).into_iter().chain(bad_password).collect())?;
        let hash = self.hash_password(&password).await?;
        let (by, now) = (by.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, name, hash) = (by.clone(), name.clone(), hash.clone());
                Box::pin(async move {
                    let Some(id) = users::insert(tx, by.tenant, &name, &hash, role, now).await? else {
                        return Err(AppError::Exists { what: "user", name });
                    };
                    let details = json!({"role": role.as_str()});
                    record(tx, &by, "user.create", &format!("user:{id}"), details, now).await?;
                    Ok(UserView { name, role, created_at: now, disabled_at: None })
                })
            })
            .await
    }

    /// Every user of the tenant, by name.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn user_list(&self, by: &Principal) -> Result<Vec<UserView>, AppError> {
        demand(by, Permission::UserManage)?;
        let tenant = by.tenant;
        let users = self
            .store
            .read(move |tx| Box::pin(async move { users::list(tx, tenant).await }))
            .await
            .map_err(AppError::Store)?;
        Ok(users.into_iter().map(UserView::of).collect())
    }

    /// Gives a user a new password, which ends their sessions and links. Anybody may change their own, if they know
    /// it: a session or a token that somebody found is not enough.
    ///
    /// # Errors
    /// Forbidden, not found, a bad password, too many wrong tries, or that the store failed. A wrong current password is
    /// a bad field, since whoever asks is signed in.
    pub async fn user_set_password(
        &self,
        by: &Principal,
        name: &str,
        change: PasswordChange<'_>,
    ) -> Result<(), SignInError> {
        let PasswordChange { new, current, address } = change;
        let own = self.is_oneself(by, name).await?;
        if !own {
            demand(by, Permission::UserManage)?;
        }
        let mut problems: Vec<_> = check_password(new, self.limits.password_characters).into_iter().collect();
        if own {
            let problem = match current {
                None => Some("say the password that you have now"),
                Some(current) => match self.check_password(by.tenant, name, current, address).await {
                    Ok(_) => None,
                    Err(SignInError::Wrong) => Some("is not the password that you have now"),
                    Err(other) => return Err(other),
                },
            };
            problems.extend(problem.map(|problem| FieldProblem::new("currentPassword", problem)));
        }
        refuse(problems)?;
        let hash = self.hash_password(new).await?;
        let (by, name, now) = (by.clone(), name.to_owned(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, name, hash) = (by.clone(), name.clone(), hash.clone());
                Box::pin(async move {
                    let user = users::by_name(tx, by.tenant, &name).await?;
                    let user = user.ok_or_else(|| AppError::not_found("user", &name))?;
                    users::set_password(tx, user.id, &hash).await?;
                    shut_out(tx, user.id).await?;
                    record(tx, &by, "user.password", &format!("user:{}", user.id), json!({}), now).await?;
                    Ok::<_, AppError>(())
                })
            })
            .await?;
        Ok(())
    }

    /// Whether this is that user, or a token that they made for themselves, as `windlass login` does.
    async fn is_oneself(&self, by: &Principal, name: &str) -> Result<bool, AppError> {
        let Some(id) = by.actor.token_id() else {
            return Ok(by.actor.kind == ActorKind::User && by.actor.name == name);
        };
        let tenant = by.tenant;
        let token = self
            .store
            .read(move |tx| Box::pin(async move { tokens::by_id(tx, tenant, id).await }))
            .await
            .map_err(AppError::Store)?;
        Ok(token.is_some_and(|token| token.created_by == format!("{}:{name}", ActorKind::User)))
    }

    /// Disables, which ends their sessions and links, or enables a user. The last administrator cannot be disabled.
    ///
    /// # Errors
    /// Forbidden, not found, conflict `user.last_admin`, or that the store failed.
    pub async fn user_set_disabled(
        &self,
        by: &Principal,
        name: &str,
        disabled: bool,
    ) -> Result<UserView, AppError> {
        demand(by, Permission::UserManage)?;
        let (by, name, now) = (by.clone(), name.to_owned(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, name) = (by.clone(), name.clone());
                Box::pin(async move {
                    let all = users::list(tx, by.tenant).await?;
                    let mut user = all
                        .iter()
                        .find(|user| user.name == name)
                        .cloned()
                        .ok_or_else(|| AppError::not_found("user", &name))?;
                    let another_admin = all.iter().any(|other| {
                        other.id != user.id && other.role == Role::Admin && other.disabled_at.is_none()
                    });
                    if disabled && user.role == Role::Admin && !another_admin {
                        return Err(AppError::Conflict {
                            code: "user.last_admin",
                            detail: format!("{name} is the last administrator; make another one first"),
                        });
                    }
                    if disabled != user.disabled_at.is_some() {
                        user.disabled_at = disabled.then_some(now);
                        users::set_disabled(tx, user.id, user.disabled_at).await?;
                        shut_out(tx, user.id).await?;
                        let action = if disabled { "user.disable" } else { "user.enable" };
                        record(tx, &by, action, &format!("user:{}", user.id), json!({}), now).await?;
                    }
                    Ok(UserView::of(user))
                })
            })
            .await
    }

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

    /// 43 characters that nobody guesses.
    fn secret(&self) -> String {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random::<32>(&*self.entropy))
    }

    async fn hash_password(&self, password: &str) -> Result<String, AppError> {
        let hashed = self.passwords.hash(password, &*self.entropy).await;
        hashed.ok_or_else(|| {
            AppError::Unavailable("too many passwords at once; try again in a moment".to_owned())
        })
    }
}

#[cfg(test)]
mod tests;
