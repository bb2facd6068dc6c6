//! A tenant's settings for hawkBit's clients: shown, changed, and at hand for every poll.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use windlass_domain::hawkbit::{SettingKey, SettingValue, Settings};
use windlass_domain::ids::TenantId;
use windlass_domain::permission::{Permission, Principal, allows};
use windlass_store::StoreError;
use windlass_store::management::SetType;
use windlass_store::management::items;
use windlass_store::settings as table;

use crate::app::App;
use crate::audit::record;
use crate::authority::read_authorities;
use crate::error::{AppError, FieldProblem};
use crate::hawkbit::{Types, default_set_type, fleet_query, not_of_contact};
use crate::permit::demand;

/// A setting as shown to operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingView {
    /// Which.
    pub key: SettingKey,
    /// What holds; none where it is secret and the caller may not see it.
    pub value: Option<SettingValue>,
    /// Whether nothing was set, so that this is the default.
    pub is_default: bool,
}

/// The checks that neither table nor domain can do: CA certificates must be some, and queries in the poll time must be such
/// as the fleet index answers. Those in hawkBit's names are put into its own.
fn checked(values: &BTreeMap<SettingKey, SettingValue>) -> Result<Settings, AppError> {
    let mut settings = Settings::of(values).map_err(|problems| {
        let problems = problems.into_iter();
        AppError::Invalid(problems.map(|one| FieldProblem::new(one.key.as_str(), one.problem)).collect())
    })?;
    let key = SettingKey::CertificateAuthorities;
    read_authorities(&settings.authentication.certificate_authorities)
        .map_err(|problem| AppError::Invalid(vec![FieldProblem::new(key.as_str(), problem)]))?;
    for (query, _) in &mut settings.polling.overrides {
        *query = fleet_query(SettingKey::PollingTime.as_str(), query)?;
    }
    Ok(settings)
}

impl App {
    /// Every setting with what holds. The gateway token is shown only to those who run the server.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn settings_list(&self, by: &Principal) -> Result<Vec<SettingView>, AppError> {
        demand(by, Permission::ServerRead)?;
        let tenant = by.tenant;
        let (set, types) = self
            .store
            .read::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    Ok((table::settings(tx, tenant).await?, items::all::<SetType>(tx, tenant).await?))
                })
            })
            .await?;
        let holds = |key: &SettingKey| match default_set_type(&set, &types) {
            Some(item) if *key == SettingKey::DefaultSetType => SettingValue::Number(item.id),
            Some(_) | None => set.get(key).cloned().unwrap_or_else(|| key.default_value()),
        };
        let view = |key: &SettingKey| SettingView {
            key: *key,
            value: (!key.is_secret() || allows(by, Permission::ServerManage)).then(|| holds(key)),
            is_default: !set.contains_key(key),
        };
        Ok(SettingKey::ALL.iter().map(view).collect())
    }

    /// One setting.
    ///
    /// # Errors
    /// As [`App::settings_list`].
    pub async fn settings_get(&self, by: &Principal, key: SettingKey) -> Result<SettingView, AppError> {
        let all = self.settings_list(by).await?;
        all.into_iter().find(|view| view.key == key).ok_or_else(|| AppError::not_found("setting", key))
    }

    /// Sets what `changes` names; `None` takes a setting back to its default, and what is not named stays. Checked
    /// together: nothing changes if one cannot be taken.
    ///
    /// # Errors
    /// Forbidden, every setting that cannot be taken, a type that is not there, or that the store failed.
    pub async fn settings_set(
        &self,
        by: &Principal,
        changes: BTreeMap<SettingKey, Option<SettingValue>>,
    ) -> Result<Vec<SettingView>, AppError> {
        demand(by, Permission::ServerManage)?;
        let (who, now) = (by.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, changes) = (who.clone(), changes.clone());
                Box::pin(async move {
                    let mut values = table::settings(tx, by.tenant).await?;
                    let before = values.clone();
                    if let Some(Some(SettingValue::Number(id))) = changes.get(&SettingKey::DefaultSetType) {
                        let there = items::get::<SetType>(tx, by.tenant, *id).await?;
                        let there = there.filter(|item| !item.body.deleted);
                        there.ok_or_else(|| AppError::not_found(SetType::WHAT, id))?;
                    }
                    // What was taken once is taken with other changes.
                    let polling = changes.contains_key(&SettingKey::PollingTime);
                    for (key, value) in changes {
                        match value {
                            Some(value) => drop(values.insert(key, value)),
                            None => drop(values.remove(&key)),
                        }
                    }
                    let settings = checked(&values)?;
                    for (query, _) in settings.polling.overrides.iter().filter(|_| polling) {
                        not_of_contact(SettingKey::PollingTime.as_str(), query)?;
                    }
                    let mut details = Map::new();
                    for key in SettingKey::ALL {
                        let (old, new) = (before.get(key), values.get(key));
                        if old != new {
                            table::setting_put(tx, by.tenant, *key, new, now).await?;
                            details.insert(key.to_string(), shown(*key, new));
                        }
                    }
                    if !details.is_empty() {
                        record(tx, &by, "settings.change", "settings:hawkbit", Value::Object(details), now)
                            .await?;
                    }
                    Ok::<_, AppError>(())
                })
            })
            .await?;
        self.ddi.settings.forget(&by.tenant);
        self.settings_list(by).await
    }

    /// The checked settings of a tenant, from memory.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settings_of(&self, tenant: TenantId) -> Result<Arc<Settings>, AppError> {
        let generation = match self.ddi.settings.get(&tenant) {
            Ok(known) => return Ok(known),
            Err(generation) => generation,
        };
        let set = self
            .store
            .read::<_, StoreError, _>(move |tx| Box::pin(async move { table::settings(tx, tenant).await }))
            .await?;
        let settings = Arc::new(checked(&set)?);
        self.ddi.settings.keep(tenant, Arc::clone(&settings), generation);
        Ok(settings)
    }
}

/// How audit records tell of a value: never a secret.
fn shown(key: SettingKey, value: Option<&SettingValue>) -> Value {
    match value {
        None => Value::Null,
        Some(_) if key.is_secret() => json!("(secret)"),
        Some(SettingValue::Flag(flag)) => json!(flag),
        Some(SettingValue::Number(number)) => json!(number),
        Some(SettingValue::Text(text)) => json!(text),
    }
}
