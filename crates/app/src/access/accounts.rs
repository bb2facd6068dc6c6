//! Users: made, listed, given another password, disabled. The last administrator stays.
//!
//! Knows no sessions beyond that a new password or a disabled user ends them.

use std::net::IpAddr;

use serde_json::json;
use windlass_domain::ids::UserId;
use windlass_domain::permission::{ActorKind, Permission, Principal, Role};
use windlass_domain::time::Timestamp;
use windlass_store::console_links::{self, LinkPurpose};
use windlass_store::{StoreError, Tx, console_sessions, tokens, users};

use super::{SignInError, check_password, check_user_name, refuse};
use crate::app::App;
use crate::audit::record;
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;

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

impl UserView {
    fn of(user: users::User) -> Self {
        let users::User { id: _, tenant: _, name, password_hash: _, role, created_at, disabled_at } = user;
        Self { name, role, created_at, disabled_at }
    }
}

/// Ends every way in that was opened before: sessions, and a link that nobody has used yet.
async fn shut_out(tx: &mut Tx<'_>, user: UserId) -> Result<(), StoreError> {
    console_sessions::end_all(tx, user).await?;
    console_links::remove(tx, LinkPurpose::SignIn(user)).await
}

impl App {
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
}
