//! Deleting actions: what is over goes out of the sight of hawkBit's clients. Its execution stays part of its job's counts
//! and record, and of where its target stands.

use serde_json::json;
use windlass_domain::device::Device;
use windlass_domain::permission::{Permission, Principal};
use windlass_store::Tx;
use windlass_store::management::actions::{self as steps, Step};
use windlass_store::management::hidden;

use super::actions::{PER_TARGET, may_see};
use super::targets::find;
use super::{Context, at_once};
use crate::error::AppError;
use crate::{App, audit};

/// What is done where an action is not over yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StillOpen {
    /// Nothing is deleted at all.
    Refuse,
    /// It stays.
    Stays,
}

/// Takes these out of sight, with one audit record. Returns how many went.
async fn hide(
    tx: &mut Tx<'_>,
    cx: &Context,
    device: Option<&Device>,
    found: Vec<Step>,
    open: StillOpen,
) -> Result<usize, AppError> {
    let mut gone = Vec::new();
    for Step { execution, .. } in found {
        if execution.state.is_open() {
            if open == StillOpen::Stays {
                continue;
            }
            return Err(AppError::Conflict {
                code: "hawkbit.action_open",
                detail: format!("action {} is not over; cancel it before you delete it", execution.id),
            });
        }
        if hidden::hide(tx, cx.by.tenant, execution.id, cx.now).await? {
            gone.push(execution.id.get());
        }
    }
    if !gone.is_empty() {
        let place =
            device.map_or_else(|| "execution".to_owned(), |device| format!("execution/{}", device.name));
        audit::record(tx, &cx.by, "execution.hide", &place, json!({"ids": gone}), cx.now).await?;
    }
    Ok(gone.len())
}

impl App {
    /// Deletes these actions, of one target where one is named; what is not there is none of them. At most as many as one
    /// request may name. Returns how many went.
    ///
    /// # Errors
    /// Forbidden, not found for the target, too many, `hawkbit.action_open` where one of them is not over and that is
    /// refused, or that the store failed; nothing is deleted then.
    pub async fn hawkbit_actions_delete(
        &self,
        by: &Principal,
        target: Option<&str>,
        ids: Vec<i64>,
        open: StillOpen,
    ) -> Result<usize, AppError> {
        at_once(ids.len())?;
        let target = target.map(str::to_owned);
        self.hawkbit_write(by, Permission::JobControl, move |cx, tx| {
            let (target, ids) = (target.clone(), ids.clone());
            Box::pin(async move {
                let device = match &target {
                    Some(target) => Some(find(tx, &cx, target).await?),
                    None => None,
                };
                let is_its = |step: &Step| match &device {
                    Some(device) => step.execution.device == device.id,
                    None => may_see(&cx, step.execution.device),
                };
                let mut found = Vec::new();
                for id in ids {
                    found.extend(steps::one(tx, cx.by.tenant, id).await?.filter(is_its));
                }
                hide(tx, &cx, device.as_ref(), found, open).await
            })
        })
        .await
    }

    /// Deletes a target's actions but for the newest ones; those that are not over stay.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_actions_keep(
        &self,
        by: &Principal,
        target: &str,
        keep: usize,
    ) -> Result<usize, AppError> {
        let target = target.to_owned();
        let (mut gone, mut below, mut skip) = (0, i64::MAX, u64::try_from(keep).unwrap_or(u64::MAX));
        loop {
            let target = target.clone();
            let (went, last) = self
                .hawkbit_write(by, Permission::JobControl, move |cx, tx| {
                    let target = target.clone();
                    Box::pin(async move {
                        let device = find(tx, &cx, &target).await?;
                        let some =
                            hidden::older_of_device(tx, cx.by.tenant, device.id, below, skip, PER_TARGET)
                                .await?;
                        let last = some.last().map(|step| step.execution.id.get());
                        Ok((hide(tx, &cx, Some(&device), some, StillOpen::Stays).await?, last))
                    })
                })
                .await?;
            gone += went;
            let Some(last) = last else { return Ok(gone) };
            (below, skip) = (last, 0);
        }
    }
}
