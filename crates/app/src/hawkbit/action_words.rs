//! What an operator says of an action: yes or no in its device's place, and that it is to act at once.

use serde_json::json;
use windlass_domain::job::Execution;
use windlass_domain::permission::{Permission, Principal};
use windlass_store::ddi::{self, NewStatus};

use super::actions::{action, place, store};
use crate::ddi::in_pieces;
use crate::error::AppError;
use crate::{App, audit};

/// An operator's word in a device's place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// Whether it may begin.
    pub confirmed: bool,
    /// A number for it.
    pub code: Option<i32>,
    /// More about it.
    pub messages: Vec<String>,
}

impl App {
    /// Agrees in a device's place, or refuses: it waits on then.
    ///
    /// # Errors
    /// Forbidden, not found, `hawkbit.gone` where nobody has to agree (any more), or that the store failed.
    pub async fn hawkbit_confirm(
        &self,
        by: &Principal,
        target: &str,
        id: i64,
        word: Word,
    ) -> Result<(), AppError> {
        let target = target.to_owned();
        let device = self
            .hawkbit_write(by, Permission::JobControl, move |cx, tx| {
                let (target, Word { confirmed, code, messages }) = (target.clone(), word.clone());
                Box::pin(async move {
                    let (device, step) = action(tx, &cx, &target, id).await?;
                    let Some(agreed) = step.execution.agreed(cx.now) else {
                        return Err(AppError::Conflict {
                            code: "hawkbit.gone",
                            detail: format!("action {id} does not wait for anybody to agree"),
                        });
                    };
                    let (kind, word) = if confirmed {
                        ("running", "confirmed")
                    } else {
                        ("wait_for_confirmation", "denied")
                    };
                    let code = code.map(i64::from);
                    let said = if confirmed { agreed } else { step.execution.clone() };
                    // As with a device's own word: the code is that of the last word, none if that had none.
                    if confirmed || code != said.status_code {
                        let said = Execution { status_code: code, updated_at: cx.now, ..said };
                        store(tx, &step.execution, &said).await?;
                    }
                    let text = format!("{word} by operator '{}'.", cx.who());
                    let mut entry =
                        NewStatus { code, ..NewStatus::by_server(step.execution.id, kind, &text) };
                    entry.messages.extend(in_pieces(&messages));
                    ddi::status_insert(tx, &entry, cx.now).await?;
                    let details = json!({"confirmed": confirmed});
                    let place = place(&device, &step);
                    audit::record(tx, &cx.by, "execution.confirm", &place, details, cx.now).await?;
                    Ok(device.id)
                })
            })
            .await?;
        self.hawkbit_settled(&[device]);
        Ok(())
    }

    /// Has a device act at once on what was left to it. Other devices of the same job are left alone.
    ///
    /// # Errors
    /// Forbidden, not found, a conflict where the action is over, or that the store failed.
    pub async fn hawkbit_force(&self, by: &Principal, target: &str, id: i64) -> Result<(), AppError> {
        let target = target.to_owned();
        let device = self
            .hawkbit_write(by, Permission::JobControl, move |cx, tx| {
                let target = target.clone();
                Box::pin(async move {
                    let (device, step) = action(tx, &cx, &target, id).await?;
                    if !step.execution.state.is_open() {
                        return Err(AppError::Conflict {
                            code: "hawkbit.not_cancelable",
                            detail: format!("action {id} is over"),
                        });
                    }
                    let served = ddi::served(tx, step.execution.id).await?;
                    ddi::served_put(tx, step.execution.id, &ddi::Served { forced: true, ..served }).await?;
                    let details = json!({"forceType": "forced"});
                    let place = place(&device, &step);
                    audit::record(tx, &cx.by, "execution.force", &place, details, cx.now).await?;
                    Ok(device.id)
                })
            })
            .await?;
        self.hawkbit_settled(&[device]);
        Ok(())
    }
}
