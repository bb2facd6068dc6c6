//! Command templates: what people may tell devices without writing the command themselves.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use windlass_domain::ids::{CommandTemplateName, InvalidName, TenantId};
use windlass_domain::job::CommandTemplate;
use windlass_domain::job::command::Parameter;
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

/// A template as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Unique in the tenant.
    pub name: CommandTemplateName,
    /// What it says.
    pub template: CommandTemplate,
    /// Rises by one with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ParameterRow {
    name: String,
    description: String,
    kind: String,
    required: bool,
    default: Option<Value>,
    choices: Vec<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpecRow {
    description: String,
    command: String,
    parameters: Vec<ParameterRow>,
    fixed: Map<String, Value>,
    expires_in_seconds: Option<u64>,
    device_types: Vec<String>,
}

impl SpecRow {
    fn of(template: &CommandTemplate) -> Self {
        let CommandTemplate { description, command, parameters, fixed, expires_in, device_types } = template;
        let parameter = |parameter: &Parameter| {
            let Parameter { name, description, kind, required, default, choices } = parameter;
            ParameterRow {
                name: name.clone(),
                description: description.clone(),
                kind: kind.as_str().to_owned(),
                required: *required,
                default: default.clone(),
                choices: choices.clone(),
            }
        };
        Self {
            description: description.clone(),
            command: command.as_str().to_owned(),
            parameters: parameters.iter().map(parameter).collect(),
            fixed: fixed.clone(),
            expires_in_seconds: expires_in.map(|span| span.as_secs()),
            device_types: device_types.iter().map(|name| name.as_str().to_owned()).collect(),
        }
    }

    fn read(self) -> Result<CommandTemplate, InvalidName> {
        let Self { description, command, parameters, fixed, expires_in_seconds, device_types } = self;
        let parameter = |row: ParameterRow| {
            let ParameterRow { name, description, kind, required, default, choices } = row;
            Ok(Parameter { name, description, kind: kind.parse()?, required, default, choices })
        };
        Ok(CommandTemplate {
            description,
            command: command.parse()?,
            parameters: parameters.into_iter().map(parameter).collect::<Result<_, InvalidName>>()?,
            fixed,
            expires_in: expires_in_seconds.map(Duration::from_secs),
            device_types: device_types.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
        })
    }
}

type Row = (String, String, i64, i64, i64);

fn read((name, spec, version, created_at, updated_at): Row) -> Result<Stored, StoreError> {
    let corrupt = |error: InvalidName| StoreError::corrupt("command_template", error);
    let spec: SpecRow =
        serde_json::from_str(&spec).map_err(|error| StoreError::corrupt("command_template.spec", error))?;
    Ok(Stored {
        name: name.parse().map_err(corrupt)?,
        template: spec.read().map_err(corrupt)?,
        version,
        created_at: Timestamp::from_micros(created_at),
        updated_at: Timestamp::from_micros(updated_at),
    })
}

/// Creates or replaces a template. Returns its version: 1 if it is new.
///
/// # Errors
/// When the database fails.
pub async fn put(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &CommandTemplateName,
    template: &CommandTemplate,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let spec = serde_json::to_string(&SpecRow::of(template))
        .map_err(|error| StoreError::corrupt("command_template.spec", error))?;
    let (version,) = fetch_one!(
        tx,
        (i64,),
        "INSERT INTO command_template (tenant_id, name, spec, version, created_at, updated_at)
         VALUES ($1, $2, $3, 1, $4, $5) ON CONFLICT (tenant_id, name) DO UPDATE SET spec = excluded.spec,
           version = command_template.version + 1, updated_at = excluded.updated_at RETURNING version",
        tenant.get(),
        name.as_str(),
        spec,
        now.micros(),
        now.micros()
    )?;
    Ok(version)
}

/// By its name.
///
/// # Errors
/// When the database fails.
pub async fn by_name(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &CommandTemplateName,
) -> Result<Option<Stored>, StoreError> {
    let row = fetch_optional!(
        tx,
        Row,
        "SELECT name, spec, version, created_at, updated_at FROM command_template
         WHERE tenant_id = $1 AND name = $2",
        tenant.get(),
        name.as_str()
    )?;
    row.map(read).transpose()
}

/// Every template of a tenant, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(tx: &mut Tx<'_>, tenant: TenantId) -> Result<Vec<Stored>, StoreError> {
    let rows = fetch_all!(
        tx,
        Row,
        "SELECT name, spec, version, created_at, updated_at FROM command_template
         WHERE tenant_id = $1 ORDER BY name",
        tenant.get()
    )?;
    rows.into_iter().map(read).collect()
}

/// How many templates a tenant has.
///
/// # Errors
/// When the database fails.
pub async fn count(tx: &mut Tx<'_>, tenant: TenantId) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM command_template WHERE tenant_id = $1";
    Ok(fetch_one!(tx, (i64,), sql, tenant.get())?.0)
}

/// Removes a template. False if there was none.
///
/// # Errors
/// When the database fails.
pub async fn delete(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &CommandTemplateName,
) -> Result<bool, StoreError> {
    let gone = execute!(
        tx,
        "DELETE FROM command_template WHERE tenant_id = $1 AND name = $2",
        tenant.get(),
        name.as_str()
    )?;
    Ok(gone > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use windlass_domain::job::command::ParameterKind;

    use super::*;
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn a_command_template_reads_back_as_it_was_put_within_its_tenant() {
        on_each_engine("command-templates", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let (tenant, other) = (TenantId::new(1), TenantId::new(2));
                        let name: CommandTemplateName = "restart-app".parse().unwrap();
                        let mut template = CommandTemplate {
                            description: "é".to_owned(),
                            command: "restart".parse().unwrap(),
                            parameters: vec![Parameter {
                                name: "speed".to_owned(),
                                description: "how fast".to_owned(),
                                kind: ParameterKind::Number,
                                required: false,
                                default: Some(json!(1)),
                                choices: vec![json!(1), json!(2.5)],
                            }],
                            fixed: json!({"service": "app"}).as_object().unwrap().clone(),
                            expires_in: Some(Duration::from_secs(60)),
                            device_types: vec!["pump".parse().unwrap()],
                        };
                        assert_eq!(put(tx, tenant, &name, &template, START).await?, 1);
                        template.expires_in = None;
                        let later = Timestamp::from_micros(START.micros() + 1);
                        assert_eq!(put(tx, tenant, &name, &template, later).await?, 2);
                        let found = by_name(tx, tenant, &name).await?.unwrap();
                        let expected = Stored {
                            name: name.clone(),
                            template,
                            version: 2,
                            created_at: START,
                            updated_at: later,
                        };
                        assert_eq!(found, expected);
                        assert_eq!(by_name(tx, other, &name).await?, None);
                        assert!(!delete(tx, other, &name).await?);
                        assert_eq!((count(tx, tenant).await?, count(tx, other).await?), (1, 0));
                        assert_eq!(list(tx, tenant).await?, [found]);
                        assert!(delete(tx, tenant, &name).await?);
                        assert!(list(tx, tenant).await?.is_empty());
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}
