//! First run: a link, good for a day and once, makes the first administrator; another kind of link signs a user in.
//!
//! Links are made by whoever holds the data directory. Knows no URL: only the secret that one ends with.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;
use windlass_domain::ids::Sha256;
use windlass_domain::permission::{Principal, Role};
use windlass_domain::time::{Timestamp, span};
use windlass_store::console_links::{self, LinkPurpose};
use windlass_store::{tenants, users};

use super::sessions::{OpenedSession, Visitor, open};
use super::{check_password, check_user_name, refuse};
use crate::app::App;
use crate::audit::record;
use crate::error::AppError;

/// How long a link is good.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3600);
/// Wrong links from one address before it is told to wait.
const FREE_GUESSES: u32 = 5;

/// A link just made. The secret is shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsoleLink {
    /// Makes the first administrator.
    SetUp {
        /// What the link ends with.
        secret: String,
    },
    /// Signs a user in.
    SignIn {
        /// Who.
        user: String,
        /// What the link ends with.
        secret: String,
    },
}

/// Why a link did nothing.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Wrong, used or too old; which one is not said.
    #[error(
        "this link is not good: it is wrong, was used, or is older than a day; make another one with windlass admin link"
    )]
    NotGood,
    /// There is an administrator already.
    #[error(
        "this server is set up already; sign in, or make a link for a user with windlass admin link --user NAME"
    )]
    Done,
    /// Too many wrong links from this address.
    #[error("too many wrong links; wait {}", span(Duration::from_secs(*seconds)))]
    Throttled {
        /// How long to wait.
        seconds: u64,
    },
    /// A field cannot be taken, or the store failed.
    #[error(transparent)]
    Failed(#[from] AppError),
}

impl From<windlass_store::StoreError> for LinkError {
    fn from(error: windlass_store::StoreError) -> Self {
        Self::Failed(AppError::Store(error))
    }
}

impl App {
    /// Whether there is no user yet, so that a link for the first one is needed.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn setup_needed(&self) -> Result<bool, AppError> {
        Ok(self.store.read::<_, AppError, _>(|tx| Box::pin(async { Ok(users::count(tx).await?) })).await?
            == 0)
    }

    /// For whoever holds the data directory: a link for the first administrator as long as there is no user, else one
    /// that signs this user of the tenant `default` in. It takes the place of the earlier one for the same.
    ///
    /// # Errors
    /// No such user, one that is disabled, none named where one must be, or that the store failed.
    pub async fn console_link(&self, user: Option<&str>) -> Result<ConsoleLink, AppError> {
        let (secret, now) = (self.secret(), self.clock.now());
        let hash = Sha256::of(secret.as_bytes());
        let user = user.map(ToOwned::to_owned);
        let named = self
            .store
            .write::<_, AppError, _>(move |tx| {
                let user = user.clone();
                Box::pin(async move {
                    let tenant = tenants::tenant_default(tx).await?.id;
                    let by = Principal::system(tenant, "data directory");
                    let (purpose, name) = match user {
                        None if users::count(tx).await? == 0 => (LinkPurpose::SetUp, None),
                        None => {
                            return Err(AppError::Conflict {
                                code: "setup.done",
                                detail:
                                    "there are users already; name the one to sign in, such as --user admin"
                                        .to_owned(),
                            });
                        }
                        Some(name) => {
                            let user = users::by_name(tx, tenant, &name).await?;
                            let user = user.ok_or_else(|| AppError::not_found("user", &name))?;
                            if user.disabled_at.is_some() {
                                return Err(AppError::Conflict {
                                    code: "user.disabled",
                                    detail: format!("{name} is disabled; enable them first"),
                                });
                            }
                            (LinkPurpose::SignIn(user.id), Some(user))
                        }
                    };
                    console_links::put(tx, purpose, &hash, now.plus(GOOD_FOR)).await?;
                    if let Some(user) = &name {
                        let subject = format!("user:{}", user.id);
                        record(tx, &by, "user.link", &subject, json!({}), now).await?;
                    }
                    Ok(name.map(|user| user.name))
                })
            })
            .await?;
        Ok(match named {
            None => ConsoleLink::SetUp { secret },
            Some(user) => ConsoleLink::SignIn { user, secret },
        })
    }

    /// Makes the first administrator and opens a session for them, both or neither. A refused name or password leaves
    /// the link good.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub async fn set_up(
        &self,
        link: &str,
        name: &str,
        password: &str,
        visitor: &Visitor,
    ) -> Result<OpenedSession, LinkError> {
        if !self.setup_needed().await? {
            return Err(LinkError::Done);
        }
        let bad_password = check_password(password, self.limits.password_characters);
        refuse(check_user_name(name).into_iter().chain(bad_password).collect())?;
        let now = self.clock.now();
        self.guess(visitor.address, now)?;
        let hash = self.hash_password(password).await?;
        let (name, visitor, secret) = (name.to_owned(), visitor.clone(), self.secret());
        let (link, session) = (Sha256::of(link.as_bytes()), Sha256::of(secret.as_bytes()));
        let (principal, id) = self
            .store
            .write::<_, LinkError, _>(move |tx| {
                let (name, hash, visitor) = (name.clone(), hash.clone(), visitor.clone());
                Box::pin(async move {
                    if users::count(tx).await? > 0 {
                        return Err(LinkError::Done);
                    }
                    if console_links::take(tx, &link, now).await? != Some(LinkPurpose::SetUp) {
                        return Err(LinkError::NotGood);
                    }
                    let tenant = tenants::tenant_default(tx).await?.id;
                    let by = Principal::system(tenant, "first start");
                    users::insert(tx, tenant, &name, &hash, Role::Admin, now).await?;
                    let user = users::by_name(tx, tenant, &name).await?;
                    let user = user.ok_or_else(|| AppError::not_found("user", &name))?;
                    let details = json!({"role": Role::Admin.as_str()});
                    record(tx, &by, "user.create", &format!("user:{}", user.id), details, now).await?;
                    let id = open(tx, &user, &visitor, session, now).await?;
                    Ok((Principal::user(tenant, &name, Role::Admin), id))
                })
            })
            .await?;
        Ok(OpenedSession { principal, id, secret })
    }

    /// Opens a session with a link that signs a user in.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub async fn console_session_open_by_link(
        &self,
        link: &str,
        visitor: &Visitor,
    ) -> Result<OpenedSession, LinkError> {
        let now = self.clock.now();
        self.guess(visitor.address, now)?;
        let (visitor, secret) = (visitor.clone(), self.secret());
        let (link, session) = (Sha256::of(link.as_bytes()), Sha256::of(secret.as_bytes()));
        let (principal, id) = self
            .store
            .write::<_, LinkError, _>(move |tx| {
                let visitor = visitor.clone();
                Box::pin(async move {
                    let Some(LinkPurpose::SignIn(user)) = console_links::take(tx, &link, now).await? else {
                        return Err(LinkError::NotGood);
                    };
                    let user = users::by_id(tx, user).await?.filter(|user| user.disabled_at.is_none());
                    let user = user.ok_or(LinkError::NotGood)?;
                    let id = open(tx, &user, &visitor, session, now).await?;
                    Ok((Principal::user(user.tenant, &user.name, user.role), id))
                })
            })
            .await?;
        Ok(OpenedSession { principal, id, secret })
    }

    fn guess(&self, address: IpAddr, now: Timestamp) -> Result<(), LinkError> {
        let counted = self.passwords.wrong_guess("link", FREE_GUESSES, address, now);
        counted.map_err(|seconds| LinkError::Throttled { seconds })
    }
}
