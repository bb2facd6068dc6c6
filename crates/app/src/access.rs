//! People and programs: users with passwords, API tokens, and who is behind a secret.

use std::net::IpAddr;

use windlass_domain::ids::{TenantId, TokenId};
use windlass_domain::permission::{Principal, Role};
use windlass_domain::time::Timestamp;

use crate::app::App;
use crate::error::AppError;

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
    /// Sign-in name: 1 to 64 printable characters without spaces, `:` and `#`.
    pub name: String,
    /// 10 to 256 characters.
    pub password: String,
    /// Its set of permissions.
    pub role: Role,
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

impl App {
    /// At start: makes the user `admin` with this password if there is no user at all.
    ///
    /// # Errors
    /// A password that is too short, or that the store failed.
    pub async fn bootstrap_admin(&self, _password: Option<&str>) -> Result<Bootstrap, AppError> {
        unimplemented!("bootstrap_admin")
    }

    /// For whoever holds the data directory: an administrator's token, made without signing in.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn bootstrap_token(
        &self,
        _name: &str,
        _expires_at: Option<Timestamp>,
    ) -> Result<MadeToken, AppError> {
        unimplemented!("bootstrap_token")
    }

    /// Checks a user name and password, as of HTTP Basic. Pairs that were good are remembered for 5 minutes.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn identify_password(
        &self,
        _tenant: TenantId,
        _user: &str,
        _password: &str,
        _address: IpAddr,
    ) -> Result<Principal, SignInError> {
        unimplemented!("identify_password")
    }

    /// Makes a user.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, the name is taken, or that the store failed.
    pub async fn user_create(&self, _by: &Principal, _new: NewUser) -> Result<UserView, AppError> {
        unimplemented!("user_create")
    }

    /// Every user of the tenant, by name.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn user_list(&self, _by: &Principal) -> Result<Vec<UserView>, AppError> {
        unimplemented!("user_list")
    }

    /// Gives a user a new password. Anybody may change their own.
    ///
    /// # Errors
    /// Forbidden, not found, a bad password, or that the store failed.
    pub async fn user_set_password(
        &self,
        _by: &Principal,
        _name: &str,
        _password: &str,
    ) -> Result<(), AppError> {
        unimplemented!("user_set_password")
    }

    /// Disables or enables a user. The last administrator cannot be disabled.
    ///
    /// # Errors
    /// Forbidden, not found, conflict `user.last_admin`, or that the store failed.
    pub async fn user_set_disabled(
        &self,
        _by: &Principal,
        _name: &str,
        _disabled: bool,
    ) -> Result<UserView, AppError> {
        unimplemented!("user_set_disabled")
    }

    /// Makes an API token, never with more rights than its creator has.
    ///
    /// # Errors
    /// Forbidden, a field that cannot be taken, or that the store failed.
    pub async fn token_create(&self, _by: &Principal, _new: NewToken) -> Result<MadeToken, AppError> {
        unimplemented!("token_create")
    }

    /// Every token of the tenant, newest first, with revoked and expired ones.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn token_list(&self, _by: &Principal) -> Result<Vec<TokenView>, AppError> {
        unimplemented!("token_list")
    }

    /// Revokes a token; revoking twice is no error.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn token_revoke(&self, _by: &Principal, _id: TokenId) -> Result<TokenView, AppError> {
        unimplemented!("token_revoke")
    }
}
