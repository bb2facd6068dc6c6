//! What a tenant set. What a key means and may be is the domain's.

use std::collections::BTreeMap;

use windlass_domain::hawkbit::{SettingKey, SettingValue};
use windlass_domain::ids::TenantId;
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all};

/// Everything that a tenant set. Keys of a newer version are left out.
///
/// # Errors
/// When the database fails.
pub async fn settings(
    tx: &mut Tx<'_>,
    tenant: TenantId,
) -> Result<BTreeMap<SettingKey, SettingValue>, StoreError> {
    let rows = fetch_all!(
        tx,
        (String, String),
        "SELECT key, value FROM tenant_setting WHERE tenant_id = $1",
        tenant.get()
    )?;
    rows.into_iter()
        .filter_map(|(key, value)| Some((key.parse::<SettingKey>().ok()?, value)))
        .map(|(key, value)| {
            let read =
                key.read(&value).map_err(|problem| StoreError::corrupt("tenant_setting.value", problem))?;
            Ok((key, read))
        })
        .collect()
}

/// Sets one key, or with `None` takes it back to its default.
///
/// # Errors
/// When the database fails.
pub async fn setting_put(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    key: SettingKey,
    value: Option<&SettingValue>,
    now: Timestamp,
) -> Result<(), StoreError> {
    match value {
        Some(value) => execute!(
            tx,
            "INSERT INTO tenant_setting (tenant_id, key, value, updated_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant_id, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
            tenant.get(),
            key.as_str(),
            value.to_text(),
            now.micros()
        )?,
        None => execute!(
            tx,
            "DELETE FROM tenant_setting WHERE tenant_id = $1 AND key = $2",
            tenant.get(),
            key.as_str()
        )?,
    };
    tx.changed(ChangeKind::Setting, tenant.get());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn a_setting_is_put_replaced_and_taken_back_within_its_tenant() {
        on_each_engine("settings", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let (tenant, other) = (TenantId::new(1), TenantId::new(2));
                        let key = SettingKey::GatewayTokenKey;
                        for text in ["first", "second"] {
                            let value = SettingValue::Text(text.to_owned());
                            setting_put(tx, tenant, key, Some(&value), START).await?;
                            assert_eq!(settings(tx, tenant).await?, BTreeMap::from([(key, value)]));
                        }
                        assert!(settings(tx, other).await?.is_empty());
                        setting_put(tx, tenant, key, None, START).await?;
                        assert!(settings(tx, tenant).await?.is_empty());
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}
