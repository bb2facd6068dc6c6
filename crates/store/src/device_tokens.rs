//! The one token that a device may have. Readable: hawkBit's operators are shown it again.

use windlass_domain::hawkbit::SecretText;
use windlass_domain::ids::{DeviceId, TenantId};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::row::read;
use crate::tx::{Tx, execute, fetch_optional};

/// A device's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceToken {
    /// The secret.
    pub token: SecretText,
    /// Whether the device takes no lesser proof any more: it used the token, or an operator wants it so.
    pub binding: bool,
    /// Since when it is this one.
    pub created_at: Timestamp,
}

/// The token of a device, if it has one.
///
/// # Errors
/// When the database fails.
pub async fn device_token(tx: &mut Tx<'_>, device: DeviceId) -> Result<Option<DeviceToken>, StoreError> {
    let row = fetch_optional!(
        tx,
        (String, i64, i64),
        "SELECT token, binding, created_at FROM device_token WHERE device_id = $1",
        device.get()
    )?;
    row.map(|(token, binding, created_at)| {
        Ok(DeviceToken {
            token: read("device_token.token", &token)?,
            binding: binding != 0,
            created_at: Timestamp::from_micros(created_at),
        })
    })
    .transpose()
}

/// Gives a device this token, binding or not; the one before is no longer good. `None` takes its token away.
///
/// # Errors
/// When the database fails.
pub async fn device_token_put(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    token: Option<(&SecretText, bool)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = device_token(tx, device).await?;
    let is_lost = before.is_some_and(|before| token.is_none_or(|(token, _)| *token != before.token));
    match token {
        Some((token, binding)) => execute!(
            tx,
            "INSERT INTO device_token (device_id, tenant_id, token, binding, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (device_id) DO UPDATE SET token = excluded.token, binding = excluded.binding,
               created_at = excluded.created_at",
            device.get(),
            tenant.get(),
            token.reveal(),
            i64::from(binding),
            now.micros()
        )?,
        None => execute!(tx, "DELETE FROM device_token WHERE device_id = $1", device.get())?,
    };
    tx.changed(ChangeKind::DeviceToken, device.get());
    if is_lost {
        tx.changed(ChangeKind::DeviceTokenLost, device.get());
    }
    Ok(())
}

/// Notes that the device used its token: it takes no lesser proof from now on.
///
/// # Errors
/// When the database fails.
pub async fn device_token_bind(tx: &mut Tx<'_>, device: DeviceId) -> Result<(), StoreError> {
    let bound = execute!(
        tx,
        "UPDATE device_token SET binding = 1 WHERE device_id = $1 AND binding = 0",
        device.get()
    )?;
    if bound > 0 {
        tx.changed(ChangeKind::DeviceToken, device.get());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn a_device_has_one_token_at_a_time() {
        on_each_engine("device-tokens", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let (tenant, device) = (TenantId::new(1), DeviceId::new(7));
                        assert_eq!(device_token(tx, device).await?, None);
                        for text in ["first", "second"] {
                            let token: SecretText = text.parse().unwrap();
                            device_token_put(tx, tenant, device, Some((&token, false)), START).await?;
                            let stored = device_token(tx, device).await?.unwrap();
                            assert_eq!((stored.token, stored.binding), (token, false));
                            device_token_bind(tx, device).await?;
                            assert!(device_token(tx, device).await?.unwrap().binding);
                        }
                        device_token_put(tx, tenant, device, None, START).await?;
                        assert_eq!(device_token(tx, device).await?, None);
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }

    /// Whether what was noted since the last time says that the device's token is one no more.
    fn is_lost(tx: &mut Tx<'_>, device: DeviceId) -> bool {
        tx.take_changes().contains(&(ChangeKind::DeviceTokenLost, device.get()))
    }

    #[tokio::test]
    async fn a_token_is_lost_where_there_was_one_that_is_another_one_now_or_gone() {
        on_each_engine("device-tokens-lost", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let (tenant, device) = (TenantId::new(1), DeviceId::new(7));
                        let first: SecretText = "first".parse().unwrap();
                        let second: SecretText = "second".parse().unwrap();
                        device_token_put(tx, tenant, device, None, START).await?;
                        device_token_put(tx, tenant, device, Some((&first, false)), START).await?;
                        device_token_bind(tx, device).await?;
                        device_token_put(tx, tenant, device, Some((&first, true)), START).await?;
                        assert!(!is_lost(tx, device), "there was none, and then the same one");
                        device_token_put(tx, tenant, device, Some((&second, true)), START).await?;
                        assert!(is_lost(tx, device), "another one");
                        device_token_put(tx, tenant, device, None, START).await?;
                        assert!(is_lost(tx, device), "gone");
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}
