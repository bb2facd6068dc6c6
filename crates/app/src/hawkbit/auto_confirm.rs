//! Agreement in advance: an operator says that a device need not ask any more.

use serde_json::json;
use windlass_domain::permission::{Permission, Principal};
use windlass_store::ddi::{self, AutoConfirm, Target};

use super::targets::find;
use super::{NAME, bounded, refuse};
use crate::ddi::agree;
use crate::error::AppError;
use crate::{App, audit};

impl App {
    /// Who agreed for a target in advance, if somebody did.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_auto_confirm(
        &self,
        by: &Principal,
        target: &str,
    ) -> Result<Option<AutoConfirm>, AppError> {
        let target = target.to_owned();
        self.hawkbit_read(by, Permission::DeviceRead, move |cx, tx| {
            let target = target.clone();
            Box::pin(async move {
                let device = find(tx, &cx, &target).await?;
                Ok(ddi::target(tx, device.id).await?.auto_confirm)
            })
        })
        .await
    }

    /// Agrees for a target in advance, in the name of `initiator`, or not any longer. What waits goes on.
    ///
    /// # Errors
    /// Forbidden, not found, a conflict where that is so already, a text that is too long, or that the store failed.
    pub async fn hawkbit_auto_confirm_set(
        &self,
        by: &Principal,
        target: &str,
        on: bool,
        initiator: Option<String>,
        remark: Option<String>,
    ) -> Result<(), AppError> {
        let mut problems = Vec::new();
        bounded("initiator", initiator.as_deref(), NAME, &mut problems);
        bounded("remark", remark.as_deref(), 512, &mut problems);
        refuse(problems)?;
        let target = target.to_owned();
        let device = self
            .hawkbit_write(by, Permission::JobControl, move |cx, tx| {
                let (target, initiator, remark) = (target.clone(), initiator.clone(), remark.clone());
                Box::pin(async move {
                    let device = find(tx, &cx, &target).await?;
                    let known = ddi::target(tx, device.id).await?;
                    if on && known.auto_confirm.is_some() {
                        return Err(AppError::Conflict {
                            code: "hawkbit.agreed_already",
                            detail: format!("target {target} agrees in advance already"),
                        });
                    }
                    let auto_confirm = on.then(|| AutoConfirm {
                        initiator: initiator.or_else(|| Some(cx.who())),
                        remark,
                        since: cx.now,
                    });
                    ddi::target_put(tx, device.id, &Target { auto_confirm, ..known }).await?;
                    if on {
                        agree(tx, device.id, cx.now).await?;
                    }
                    let place = format!("device:{}", device.name);
                    audit::record(tx, &cx.by, "device.autoConfirm", &place, json!({"on": on}), cx.now)
                        .await?;
                    Ok(device.id)
                })
            })
            .await?;
        self.ddi.targets.forget(&device);
        self.hawkbit_settled(&[device]);
        Ok(())
    }
}
