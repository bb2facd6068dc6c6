//! Sessions of people in browsers: opened with a password or a link, judged at each request, listed and ended.
//!
//! A session ends when it was not used for twelve hours, after thirty days, when its user ends it, is disabled or gets
//! another password. Knows nothing of cookies.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;
use windlass_domain::ids::{ConsoleSessionId, Sha256, TenantId};
use windlass_domain::permission::{ActorKind, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::console_sessions::{self, ConsoleSession, NewConsoleSession};
use windlass_store::{Tx, users};

use super::SignInError;
use crate::app::App;
use crate::audit::record;
use crate::error::{AppError, chain};

/// How long a session lasts without being used.
const IDLE: Duration = Duration::from_secs(12 * 3600);
/// How long it lasts at most.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
/// Uses closer together than this are not written down.
const NOTED_EVERY: Duration = Duration::from_secs(60);
/// Sessions of one user; one more ends the one that was not used for longest.
const MOST: usize = 20;
/// Cookies of sessions that there are not, from one address, before it is told to wait. A browser whose session ended
/// sends several requests at once; whoever guesses sends more.
const FREE_GUESSES: u32 = 100;
/// Characters kept of what a browser says of itself.
const USER_AGENT: usize = 256;
/// Length of every secret.
const SECRET: usize = 43;

/// Where somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Their address.
    pub address: IpAddr,
    /// Their browser, as it says itself; may be empty.
    pub user_agent: String,
}

/// A session just opened. The secret is shown this once.
#[derive(Debug, Clone)]
pub struct OpenedSession {
    /// Who signed in.
    pub principal: Principal,
    /// The session.
    pub id: ConsoleSessionId,
    /// What the cookie holds.
    pub secret: String,
}

/// A session as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Public number.
    pub id: ConsoleSessionId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to within a minute.
    pub last_used_at: Timestamp,
    /// When it ends if it is not used.
    pub expires_at: Timestamp,
    /// Where it began.
    pub address: String,
    /// In which browser, as that said itself.
    pub user_agent: String,
}

/// When a session ends if it is not used any more.
fn end_of(session: &ConsoleSession) -> Timestamp {
    session.last_used_at.plus(IDLE).min(session.expires_at)
}

/// Opens a session in a transaction, ends those beyond the bound, and records it.
pub(super) async fn open(
    tx: &mut Tx<'_>,
    user: &users::User,
    visitor: &Visitor,
    hash: Sha256,
    now: Timestamp,
) -> Result<ConsoleSessionId, AppError> {
    let Visitor { address, user_agent } = visitor;
    let mut others = console_sessions::of_user(tx, user.id).await?;
    others.sort_by_key(|session| session.last_used_at);
    for oldest in others.iter().take(others.len().saturating_sub(MOST - 1)) {
        console_sessions::end(tx, user.id, oldest.id).await?;
    }
    let new = NewConsoleSession {
        user: user.id,
        hash,
        expires_at: now.plus(LONGEST),
        address: address.to_string(),
        user_agent: user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT).collect(),
    };
    let id = console_sessions::insert(tx, &new, now).await?;
    let by = Principal::user(user.tenant, &user.name, user.role);
    record(tx, &by, "session.open", &format!("user:{}", user.id), json!({"session": id.get()}), now).await?;
    Ok(id)
}

impl App {
    /// Opens a session for a user with a password.
    ///
    /// # Errors
    /// As [`App::identify_password`].
    pub async fn console_session_open(
        &self,
        tenant: TenantId,
        user: &str,
        password: &str,
        visitor: &Visitor,
    ) -> Result<OpenedSession, SignInError> {
        let checked = self.check_password(tenant, user, password, visitor.address).await?;
        let (secret, now) = (self.secret(), self.clock.now());
        let (hash, visitor) = (Sha256::of(secret.as_bytes()), visitor.clone());
        let opened = self
            .store
            .write::<_, AppError, _>(move |tx| {
                let (checked, visitor) = (checked.clone(), visitor.clone());
                Box::pin(async move {
                    // The password may have been changed since it was checked.
                    let present = users::by_id(tx, checked.id).await?;
                    let Some(user) = present.filter(|user| {
                        user.disabled_at.is_none() && user.password_hash == checked.password_hash
                    }) else {
                        return Ok(None);
                    };
                    let id = open(tx, &user, &visitor, hash, now).await?;
                    Ok(Some((Principal::user(user.tenant, &user.name, user.role), id)))
                })
            })
            .await?;
        let (principal, id) = opened.ok_or(SignInError::Wrong)?;
        Ok(OpenedSession { principal, id, secret })
    }

    /// Judges what a cookie holds. Live sessions are never locked out; an address that guesses is told to wait.
    ///
    /// # Errors
    /// [`SignInError::Ended`], `Throttled` or `Failed`.
    pub async fn identify_session(
        &self,
        secret: &str,
        address: IpAddr,
    ) -> Result<(Principal, ConsoleSessionId), SignInError> {
        let now = self.clock.now();
        let found = if secret.len() == SECRET { self.session_of(secret, now).await? } else { None };
        let Some((user, session)) = found else {
            return Err(match self.passwords.wrong_guess("session", FREE_GUESSES, address, now) {
                Ok(()) => SignInError::Ended,
                Err(seconds) => SignInError::Throttled { seconds },
            });
        };
        if now.since(session.last_used_at) >= NOTED_EVERY {
            let noted = self
                .store
                .write::<_, AppError, _>(move |tx| {
                    Box::pin(async move { Ok(console_sessions::used(tx, session.id, now).await?) })
                })
                .await;
            if let Err(error) = noted {
                // Not worth refusing what was asked: with a full disk people must still be able to look.
                tracing::warn!(error = %chain(&error), "the use of a session could not be noted");
            }
        }
        Ok((Principal::user(user.tenant, &user.name, user.role), session.id))
    }

    async fn session_of(
        &self,
        secret: &str,
        now: Timestamp,
    ) -> Result<Option<(users::User, ConsoleSession)>, AppError> {
        let hash = Sha256::of(secret.as_bytes());
        self.store
            .read(move |tx| {
                Box::pin(async move {
                    let Some(session) = console_sessions::by_hash(tx, &hash).await? else { return Ok(None) };
                    if now >= end_of(&session) {
                        return Ok(None);
                    }
                    let user = users::by_id(tx, session.user).await?;
                    Ok(user.filter(|user| user.disabled_at.is_none()).map(|user| (user, session)))
                })
            })
            .await
    }

    /// One's own sessions, the newest first. None for who is no user.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn console_session_list(&self, by: &Principal) -> Result<Vec<SessionView>, AppError> {
        let now = self.clock.now();
        let by = by.clone();
        let sessions: Vec<ConsoleSession> = self
            .store
            .read::<_, AppError, _>(move |tx| {
                let by = by.clone();
                Box::pin(async move {
                    let Some(user) = user_of(tx, &by).await? else { return Ok(Vec::new()) };
                    Ok(console_sessions::of_user(tx, user.id).await?)
                })
            })
            .await?;
        let live = sessions.into_iter().rev().filter(|session| now < end_of(session));
        Ok(live
            .map(|session| {
                let expires_at = end_of(&session);
                let ConsoleSession {
                    id,
                    user: _,
                    created_at,
                    last_used_at,
                    expires_at: _,
                    address,
                    user_agent,
                } = session;
                SessionView { id, created_at, last_used_at, expires_at, address, user_agent }
            })
            .collect())
    }

    /// Ends one of one's own sessions.
    ///
    /// # Errors
    /// Not found, or that the store failed.
    pub async fn console_session_end(&self, by: &Principal, id: ConsoleSessionId) -> Result<(), AppError> {
        let (by, now) = (by.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let by = by.clone();
                Box::pin(async move {
                    let missing = || AppError::not_found("session", id);
                    let user = user_of(tx, &by).await?.ok_or_else(missing)?;
                    if !console_sessions::end(tx, user.id, id).await? {
                        return Err(missing());
                    }
                    let details = json!({"session": id.get()});
                    record(tx, &by, "session.end", &format!("user:{}", user.id), details, now).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Forgets sessions whose time is over, at most `limit`. Returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn console_sessions_expire(&self, limit: u32) -> Result<u64, AppError> {
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                Box::pin(async move { Ok(console_sessions::expire(tx, now, now.minus(IDLE), limit).await?) })
            })
            .await
    }
}

async fn user_of(tx: &mut Tx<'_>, by: &Principal) -> Result<Option<users::User>, AppError> {
    if by.actor.kind != ActorKind::User {
        return Ok(None);
    }
    Ok(users::by_name(tx, by.tenant, &by.actor.name).await?)
}
