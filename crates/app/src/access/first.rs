//! The first administrator: made at the first start, or by whoever holds the data directory.
//!
//! The only way in for which nobody has to be signed in.

use serde_json::json;
use windlass_domain::permission::{Principal, Role};
use windlass_domain::time::Timestamp;
use windlass_store::{tenants, users};

use super::api_tokens::{MadeToken, NewToken};
use super::{check_password, refuse};
use crate::app::App;
use crate::audit::record;
use crate::error::AppError;

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
}
