//! The token that a device proves itself with to hawkBit's interface: made or set, shown again, taken away.

use serde_json::json;
use windlass_domain::hawkbit::SecretText;
use windlass_domain::ids::{DeviceId, DeviceName};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, device_tokens as table};

use crate::app::App;
use crate::audit::record;
use crate::clock::random;
use crate::devices::visible;
use crate::error::AppError;
use crate::permit::demand;

/// The token of a device, for those who set devices up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceTokenView {
    /// The secret.
    pub token: SecretText,
    /// Since when it is this one.
    pub created_at: Timestamp,
}

impl App {
    /// The token of a device, if it has one.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn device_token_get(
        &self,
        by: &Principal,
        name: &DeviceName,
    ) -> Result<Option<DeviceTokenView>, AppError> {
        demand(by, Permission::CredentialIssue)?;
        let (app, who, name) = (self.clone(), by.clone(), name.clone());
        let found = self
            .store
            .read(move |tx| {
                let (app, by, name) = (app.clone(), who.clone(), name.clone());
                Box::pin(async move {
                    let device = visible(&app, tx, &by, &name).await?;
                    Ok::<_, AppError>(table::device_token(tx, device.id).await?)
                })
            })
            .await?;
        Ok(found.map(|table::DeviceToken { token, binding: _, created_at }| DeviceTokenView {
            token,
            created_at,
        }))
    }

    /// Gives a device this token, or one that the server makes. The one before is good no longer, and the device takes
    /// no lesser proof from now on, such as the tenant's gateway token.
    ///
    /// # Errors
    /// Forbidden, not found, a text that cannot be a token, or that the store failed.
    pub async fn device_token_set(
        &self,
        by: &Principal,
        name: &DeviceName,
        token: Option<&str>,
    ) -> Result<DeviceTokenView, AppError> {
        self.device_token_give(by, name, token, true).await
    }

    /// As [`App::device_token_set`], but lesser proof stays good until the device uses the token: for tokens that
    /// a client of hawkBit's Management API gives to every target.
    ///
    /// # Errors
    /// As [`App::device_token_set`].
    pub async fn device_token_offer(
        &self,
        by: &Principal,
        name: &DeviceName,
        token: Option<&str>,
    ) -> Result<DeviceTokenView, AppError> {
        self.device_token_give(by, name, token, false).await
    }

    /// The token of a device; one is made where it has none and may connect, for clients of hawkBit's Management API, to
    /// whom every target has one. Lesser proof stays good until the device uses it.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn device_token_needed(
        &self,
        by: &Principal,
        device: DeviceId,
        name: &DeviceName,
    ) -> Result<Option<SecretText>, AppError> {
        demand(by, Permission::CredentialIssue)?;
        if let Some(known) = self.token_of(device).await? {
            return Ok(Some(known.token));
        }
        let (app, who, name, now) = (self.clone(), by.clone(), name.clone(), self.clock.now());
        let new = SecretText::from_random(random(&*self.entropy));
        let token = self
            .store
            .write(move |tx| {
                let (app, by, name, new) = (app.clone(), who.clone(), name.clone(), new.clone());
                Box::pin(async move {
                    let device = visible(&app, tx, &by, &name).await?;
                    // Somebody else may have looked at the same moment.
                    if let Some(known) = table::device_token(tx, device.id).await? {
                        return Ok(Some(known.token));
                    }
                    if !device.lifecycle.may_connect() {
                        return Ok(None);
                    }
                    token_put(tx, &by, device.id, &name, Some((&new, false)), now).await?;
                    Ok::<_, AppError>(Some(new))
                })
            })
            .await?;
        self.ddi.tokens.forget(&device);
        Ok(token)
    }

    async fn device_token_give(
        &self,
        by: &Principal,
        name: &DeviceName,
        token: Option<&str>,
        binding: bool,
    ) -> Result<DeviceTokenView, AppError> {
        demand(by, Permission::CredentialIssue)?;
        let token = match token {
            Some(text) => text.parse().map_err(|problem| AppError::invalid("token", problem))?,
            None => SecretText::from_random(random(&*self.entropy)),
        };
        let now = self.clock.now();
        self.device_token_change(by, name, Some((token.clone(), binding)), now).await?;
        Ok(DeviceTokenView { token, created_at: now })
    }

    /// Takes the token of a device away.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn device_token_remove(&self, by: &Principal, name: &DeviceName) -> Result<(), AppError> {
        demand(by, Permission::CredentialRevoke)?;
        self.device_token_change(by, name, None, self.clock.now()).await
    }

    async fn device_token_change(
        &self,
        by: &Principal,
        name: &DeviceName,
        token: Option<(SecretText, bool)>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let (app, who, name) = (self.clone(), by.clone(), name.clone());
        let device = self
            .store
            .write(move |tx| {
                let (app, by, name, token) = (app.clone(), who.clone(), name.clone(), token.clone());
                Box::pin(async move {
                    let device = visible(&app, tx, &by, &name).await?;
                    if token.is_some() && !device.lifecycle.may_connect() {
                        return Err(AppError::Conflict {
                            code: "device.lifecycle",
                            detail: format!("device {name} is {} and gets no token", device.lifecycle),
                        });
                    }
                    let token = token.as_ref().map(|(token, binding)| (token, *binding));
                    token_put(tx, &by, device.id, &name, token, now).await?;
                    Ok(device.id)
                })
            })
            .await?;
        self.ddi.tokens.forget(&device);
        Ok(())
    }

    /// The token of a device, from memory.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn token_of(&self, device: DeviceId) -> Result<Option<table::DeviceToken>, AppError> {
        let generation = match self.ddi.tokens.get(&device) {
            Ok(known) => return Ok(known),
            Err(generation) => generation,
        };
        let found = self
            .store
            .read::<_, StoreError, _>(move |tx| {
                Box::pin(async move { table::device_token(tx, device).await })
            })
            .await?;
        self.ddi.tokens.keep(device, found.clone(), generation);
        Ok(found)
    }
}

/// Changes the token of a device, with its record.
pub(crate) async fn token_put(
    tx: &mut Tx<'_>,
    by: &Principal,
    device: DeviceId,
    name: &DeviceName,
    token: Option<(&SecretText, bool)>,
    now: Timestamp,
) -> Result<(), AppError> {
    let action = if token.is_some() { "device.token.set" } else { "device.token.remove" };
    table::device_token_put(tx, by.tenant, device, token, now).await?;
    record(tx, by, action, &format!("device:{name}"), json!({}), now).await?;
    Ok(())
}
