//! Files of software modules: put in and taken out one by one, until the module is locked. Knows no bytes.

use serde_json::json;
use windlass_domain::ids::{ArtifactId, ComponentId, TenantId};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::{Artifact, Component};
use windlass_store::management::{ModuleExtra, software};
use windlass_store::{Tx, artifacts};

use super::auto_assign::is_given;
use super::locked;
use super::modules::{label, module, save, target};
use crate::error::AppError;
use crate::releases::PARTS;
use crate::{App, audit};

/// Refuses a file that a module cannot have, as far as its name is known.
fn takes(component: &Component, extra: &ModuleExtra, name: Option<&str>) -> Result<(), AppError> {
    if extra.deleted {
        return Err(AppError::not_found("software module", component.id));
    }
    if extra.locked {
        return Err(locked("software module", &label(component)));
    }
    if let Some(name) = name
        && component.artifacts.iter().any(|artifact| artifact.name.as_str() == name)
    {
        return Err(AppError::Exists { what: "artifact", name: name.to_owned() });
    }
    if component.artifacts.len() >= PARTS {
        let detail = format!("a software module has at most {PARTS} artifacts; remove one first");
        return Err(AppError::Quota { code: "hawkbit.artifacts", detail });
    }
    Ok(())
}

/// Whether any set that devices get or are to get has the module.
async fn is_brought(tx: &mut Tx<'_>, tenant: TenantId, id: ComponentId) -> Result<bool, AppError> {
    for release in software::releases_with(tx, id).await? {
        if is_given(tx, tenant, release).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl App {
    /// Artifacts that no component has any more go; those that another one has stay.
    pub(super) async fn hawkbit_drop_artifacts(
        &self,
        by: &Principal,
        ids: Vec<ArtifactId>,
    ) -> Result<(), AppError> {
        for id in ids {
            match self.artifact_delete(by, id).await {
                Ok(()) | Err(AppError::Conflict { .. } | AppError::NotFound { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// Whether a module takes a file of that name, or one whose name is not known before its bytes have come.
    ///
    /// # Errors
    /// Forbidden, not found, locked, the name is taken, too many artifacts, or that the store failed.
    pub async fn hawkbit_module_takes(
        &self,
        by: &Principal,
        id: i64,
        name: Option<&str>,
    ) -> Result<(), AppError> {
        let name = name.map(str::to_owned);
        self.hawkbit_read(by, Permission::ReleaseWrite, move |cx, tx| {
            let name = name.clone();
            Box::pin(async move {
                let (component, extra) = module(tx, &cx, id).await?;
                takes(&component, &extra, name.as_deref())
            })
        })
        .await
    }

    /// Puts an uploaded artifact into a module. Where that is refused, the artifact goes.
    ///
    /// # Errors
    /// As [`App::hawkbit_module_takes`].
    pub async fn hawkbit_artifact_attach(
        &self,
        by: &Principal,
        id: i64,
        artifact: &Artifact,
    ) -> Result<(), AppError> {
        let (file, name) = (artifact.id, artifact.name.as_str().to_owned());
        let done = self
            .hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
                let name = name.clone();
                Box::pin(async move {
                    let (component, mut extra) = module(tx, &cx, id).await?;
                    takes(&component, &extra, Some(&name))?;
                    if is_brought(tx, cx.by.tenant, component.id).await? {
                        return Err(locked("software module", &label(&component)));
                    }
                    software::attach_artifact(tx, component.id, file).await?;
                    save(tx, &cx, component.id, &mut extra).await?;
                    let details = json!({"artifact": file.get(), "name": name});
                    let place = target(&component);
                    audit::record(tx, &cx.by, "component.artifact.add", &place, details, cx.now).await?;
                    Ok(())
                })
            })
            .await;
        if done.is_err() {
            self.hawkbit_drop_artifacts(by, vec![file]).await?;
        }
        done
    }

    /// Takes an artifact out of a module; it goes where no other component has it.
    ///
    /// # Errors
    /// Forbidden, not found, locked, or that the store failed.
    pub async fn hawkbit_artifact_detach(&self, by: &Principal, id: i64, file: i64) -> Result<(), AppError> {
        let file = ArtifactId::new(file);
        self.hawkbit_write(by, Permission::ReleaseWrite, move |cx, tx| {
            Box::pin(async move {
                let (component, mut extra) = module(tx, &cx, id).await?;
                let there = component.artifacts.iter().any(|artifact| artifact.id == file);
                if !there || artifacts::get(tx, cx.by.tenant, file).await?.is_none() {
                    return Err(AppError::not_found("artifact", file));
                }
                if extra.locked || is_brought(tx, cx.by.tenant, component.id).await? {
                    return Err(locked("software module", &label(&component)));
                }
                software::detach_artifact(tx, component.id, file).await?;
                save(tx, &cx, component.id, &mut extra).await?;
                let details = json!({"artifact": file.get()});
                let place = target(&component);
                audit::record(tx, &cx.by, "component.artifact.remove", &place, details, cx.now).await?;
                Ok(())
            })
        })
        .await?;
        self.hawkbit_drop_artifacts(by, vec![file]).await
    }
}
