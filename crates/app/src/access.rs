//! People and programs: users with passwords, API tokens, and who is behind a secret.
//!
//! Passwords are argon2id, at most two at once. A pair that was good is remembered for five minutes as a keyed hash and
//! is good only while the user's row says the same. Wrong tries slow down their (address, user) only: neither pairs
//! that are remembered nor tokens are ever locked out.

use std::net::IpAddr;
use std::time::Duration;

use windlass_domain::credential::ConnectRefusal;
use windlass_domain::ids::{Sha256, TenantId};
use windlass_domain::permission::{Actor, Principal};
use windlass_domain::time::span;
use windlass_store::{tokens, users};

use crate::app::App;
use crate::clock::random;
use crate::error::{AppError, FieldProblem, chain};
use crate::message::ApplicationPeer;

mod accounts;
mod api_tokens;
mod first;
pub(crate) mod passwords;
mod sessions;
mod setup;

pub use accounts::{NewUser, PasswordChange, UserView};
pub use api_tokens::{MadeToken, NewToken, TokenView};
pub use first::Bootstrap;
pub use sessions::{OpenedSession, SessionView, Visitor};
pub use setup::{ConsoleLink, LinkError};

use passwords::Checked;

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
    #[error("too many wrong tries; wait {}", span(Duration::from_secs(*seconds)))]
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

/// The start of every token, so that people and scanners recognise one.
pub const TOKEN_PREFIX: &str = "wl_";

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
