//! Provisioning templates: written by operators, read at every provisioning.

use serde_json::{Value, json};
use windlass_domain::ids::TemplateName;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::template::Template;
use windlass_store::templates as table;

use super::TemplateView;
use crate::app::App;
use crate::audit::record;
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;

const LONGEST: usize = 16 * 1024;

fn view(stored: table::Template) -> TemplateView {
    let table::Template { name, body, enabled, version, created_at, updated_at } = stored;
    let body = serde_json::from_str(&body).unwrap_or_default();
    TemplateView { name, body, enabled, version, created_at, updated_at }
}

impl App {
    /// Creates or replaces a provisioning template. `if_version` refuses if somebody else changed it first (0: only
    /// if it is new).
    ///
    /// # Errors
    /// Forbidden, every problem of the template by its path, a version mismatch, or that the store failed.
    pub async fn template_put(
        &self,
        by: &Principal,
        name: &TemplateName,
        body: &Value,
        enabled: bool,
        if_version: Option<i64>,
    ) -> Result<TemplateView, AppError> {
        demand(by, Permission::TemplateWrite)?;
        let text = body.to_string();
        if text.len() > LONGEST {
            return Err(AppError::invalid("body", format!("must be at most {LONGEST} bytes")));
        }
        if let Err(problems) = Template::parse(body) {
            let path =
                |path: String| if path.is_empty() { "body".to_owned() } else { format!("body.{path}") };
            let problems = problems.into_iter().map(|each| FieldProblem::new(path(each.path), each.problem));
            return Err(AppError::Invalid(problems.collect()));
        }
        let (by, name, now) = (by.clone(), name.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, name, text) = (by.clone(), name.clone(), text.clone());
                Box::pin(async move {
                    let current =
                        table::by_name(tx, by.tenant, &name).await?.map_or(0, |found| found.version);
                    if if_version.is_some_and(|wanted| wanted != current) {
                        return Err(AppError::VersionMismatch { current });
                    }
                    let version = table::put(tx, by.tenant, &name, &text, enabled, now).await?;
                    let details = json!({"version": version, "enabled": enabled});
                    record(tx, &by, "template.put", &format!("template:{name}"), details, now).await?;
                    let stored = table::by_name(tx, by.tenant, &name).await?;
                    stored.map(view).ok_or_else(|| AppError::not_found("template", &name))
                })
            })
            .await
    }

    /// Every template of the tenant, by name.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn template_list(&self, by: &Principal) -> Result<Vec<TemplateView>, AppError> {
        demand(by, Permission::TemplateRead)?;
        let tenant = by.tenant;
        let found = self
            .store
            .read(move |tx| Box::pin(async move { table::list(tx, tenant).await }))
            .await
            .map_err(AppError::Store)?;
        Ok(found.into_iter().map(view).collect())
    }

    /// One template.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn template_get(&self, by: &Principal, name: &TemplateName) -> Result<TemplateView, AppError> {
        demand(by, Permission::TemplateRead)?;
        let (tenant, wanted) = (by.tenant, name.clone());
        let found = self
            .store
            .read(move |tx| {
                let wanted = wanted.clone();
                Box::pin(async move { table::by_name(tx, tenant, &wanted).await })
            })
            .await
            .map_err(AppError::Store)?;
        found.map(view).ok_or_else(|| AppError::not_found("template", name))
    }

    /// Removes a template. Devices that used it stay.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn template_delete(&self, by: &Principal, name: &TemplateName) -> Result<(), AppError> {
        demand(by, Permission::TemplateWrite)?;
        let (by, name, now) = (by.clone(), name.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, name) = (by.clone(), name.clone());
                Box::pin(async move {
                    if !table::delete(tx, by.tenant, &name).await? {
                        return Err(AppError::not_found("template", &name));
                    }
                    record(tx, &by, "template.delete", &format!("template:{name}"), json!({}), now).await?;
                    Ok(())
                })
            })
            .await
    }
}
