//! Command templates: written once by whoever knows the device, used by everybody else.

use serde_json::{Value, json};
use windlass_domain::ids::CommandTemplateName;
use windlass_domain::job::CommandTemplate;
use windlass_domain::permission::{Permission, Principal};
use windlass_store::{command_templates as table, types};

pub use windlass_store::command_templates::Stored as TemplateView;

use crate::App;
use crate::audit::record;
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;

/// Most templates of a tenant.
const TEMPLATES: i64 = 1_000;

impl App {
    /// Creates or replaces a command template. `if_version` refuses if somebody else changed it first (0: only if it is
    /// new). Commands that were sent keep what they said.
    ///
    /// # Errors
    /// Forbidden, every field that cannot be taken, a version mismatch, or too many templates.
    pub async fn command_template_put(
        &self,
        by: &Principal,
        name: &CommandTemplateName,
        template: CommandTemplate,
        if_version: Option<i64>,
    ) -> Result<TemplateView, AppError> {
        demand(by, Permission::TemplateWrite)?;
        let mut problems: Vec<FieldProblem> =
            template.problems().into_iter().map(|each| FieldProblem::new(each.field, each.problem)).collect();
        let bytes = Value::Object(template.fixed.clone()).to_string().len();
        if bytes > self.limits.job_document {
            let text = format!("{bytes} bytes; at most {}", self.limits.job_document);
            problems.push(FieldProblem::new("fixedArguments", text));
        }
        let (by, name, now) = (by.clone(), name.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, name, template, mut problems) =
                    (by.clone(), name.clone(), template.clone(), problems.clone());
                Box::pin(async move {
                    for (index, device_type) in template.device_types.iter().enumerate() {
                        if types::type_by_name(tx, by.tenant, device_type).await?.is_none() {
                            let text = format!("device type {device_type} does not exist");
                            problems.push(FieldProblem::new(format!("deviceTypes.{index}"), text));
                        }
                    }
                    if !problems.is_empty() {
                        return Err(AppError::Invalid(problems));
                    }
                    let current =
                        table::by_name(tx, by.tenant, &name).await?.map_or(0, |found| found.version);
                    if if_version.is_some_and(|wanted| wanted != current) {
                        return Err(AppError::VersionMismatch { current });
                    }
                    if current == 0 && table::count(tx, by.tenant).await? >= TEMPLATES {
                        let detail = format!("there are {TEMPLATES} command templates, the most; remove one");
                        return Err(AppError::Quota { code: "command_template.limit", detail });
                    }
                    let version = table::put(tx, by.tenant, &name, &template, now).await?;
                    let details = json!({ "version": version, "command": template.command.as_str() });
                    let target = format!("command-template:{name}");
                    record(tx, &by, "command_template.put", &target, details, now).await?;
                    let stored = table::by_name(tx, by.tenant, &name).await?;
                    stored.ok_or_else(|| AppError::not_found("command template", &name))
                })
            })
            .await
    }

    /// Every command template of the tenant, by name.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn command_template_list(&self, by: &Principal) -> Result<Vec<TemplateView>, AppError> {
        demand(by, Permission::JobRead)?;
        let tenant = by.tenant;
        Ok(self.store.read(move |tx| Box::pin(table::list(tx, tenant))).await?)
    }

    /// One command template.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn command_template_get(
        &self,
        by: &Principal,
        name: &CommandTemplateName,
    ) -> Result<TemplateView, AppError> {
        demand(by, Permission::JobRead)?;
        let (tenant, wanted) = (by.tenant, name.clone());
        let found = self
            .store
            .read(move |tx| {
                let wanted = wanted.clone();
                Box::pin(async move { table::by_name(tx, tenant, &wanted).await })
            })
            .await?;
        found.ok_or_else(|| AppError::not_found("command template", name))
    }

    /// Removes a command template. Commands that were sent with it stay.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn command_template_delete(
        &self,
        by: &Principal,
        name: &CommandTemplateName,
    ) -> Result<(), AppError> {
        demand(by, Permission::TemplateWrite)?;
        let (by, name, now) = (by.clone(), name.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, name) = (by.clone(), name.clone());
                Box::pin(async move {
                    if !table::delete(tx, by.tenant, &name).await? {
                        return Err(AppError::not_found("command template", &name));
                    }
                    let target = format!("command-template:{name}");
                    record(tx, &by, "command_template.delete", &target, json!({}), now).await?;
                    Ok(())
                })
            })
            .await
    }
}
