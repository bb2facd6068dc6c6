//! Sets that must not be assigned any more, and every action of one set.

use std::collections::BTreeSet;

use serde_json::json;
use windlass_domain::ids::{DeviceId, ReleaseId};
use windlass_domain::job::{Begun, JobAction};
use windlass_domain::permission::{Permission, Principal};
use windlass_store::management::actions::{self as steps, Step};

use super::actions::{ActionView, Jobs, REQUESTED, stop, view};
use super::auto_assign::let_go;
use super::sets;
use crate::error::AppError;
use crate::permit::demand;
use crate::{App, audit};

/// What becomes of open actions of a set that is made invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelWay {
    /// Devices are asked to stop.
    Ask,
    /// They are over at once.
    Force,
    /// They go on.
    Leave,
}

impl App {
    /// Every action of a set on targets that the caller may see.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_actions_with(&self, by: &Principal, set: i64) -> Result<Vec<ActionView>, AppError> {
        self.hawkbit_read(by, Permission::JobRead, move |cx, tx| {
            Box::pin(async move {
                let release = ReleaseId::new(set);
                sets::set(tx, &cx, set).await?;
                let (mut known, mut views) = (Jobs::default(), Vec::new());
                for execution in steps::of_release(tx, cx.by.tenant, release).await? {
                    if cx.by.scope.is_none() || cx.app.fleet.is_visible(&cx.by, execution.device) {
                        views.extend(view(tx, &cx, &mut known, Step { execution, release }).await?);
                    }
                }
                Ok(views)
            })
        })
        .await
    }

    /// Makes a set invalid for good: filters assign it no more, its rollouts end if that is wanted, and its open actions
    /// as `way` says. Only for those whose rights end nowhere: it reaches every target.
    ///
    /// # Errors
    /// Forbidden, not found, `hawkbit.incomplete` where it could not be assigned anyway, or that the store failed.
    pub async fn hawkbit_set_invalidate(
        &self,
        by: &Principal,
        set: i64,
        way: CancelWay,
        cancel_rollouts: bool,
    ) -> Result<(), AppError> {
        demand(by, Permission::ReleaseWrite)?;
        if by.scope.is_some() {
            return Err(AppError::Forbidden(Permission::ReleaseWrite.as_str()));
        }
        if cancel_rollouts || way != CancelWay::Leave {
            for rollout in self.hawkbit_rollouts(by).await? {
                let job = &rollout.view.job;
                if rollout.set.get() == set && job.state.allows(JobAction::Cancel) {
                    let begun = if way == CancelWay::Force { Begun::Withdraw } else { Begun::Finish };
                    self.job_cancel(by, job.id, begun, None).await?;
                }
            }
        }
        let touched: BTreeSet<DeviceId> = self
            .hawkbit_write(by, Permission::JobControl, move |cx, tx| {
                Box::pin(async move {
                    let (release, mut extra) = sets::set(tx, &cx, set).await?;
                    extra.invalid = true;
                    sets::save(tx, &cx, release.id, &mut extra).await?;
                    let_go(tx, &cx, set).await?;
                    let mut touched = BTreeSet::new();
                    for execution in steps::of_release(tx, cx.by.tenant, release.id).await? {
                        if way == CancelWay::Leave || !execution.state.is_open() {
                            continue;
                        }
                        touched.insert(execution.device);
                        let step = Step { execution, release: release.id };
                        let at_once = (way == CancelWay::Force).then_some("the set was made invalid");
                        if at_once.is_some() || step.execution.cancel_asked_at.is_none() {
                            stop(tx, &cx, &step, at_once, REQUESTED).await?;
                        }
                    }
                    let details = json!({"actions": touched.len(), "cancelRollouts": cancel_rollouts});
                    let place = sets::target(&release);
                    audit::record(tx, &cx.by, "release.invalidate", &place, details, cx.now).await?;
                    Ok(touched)
                })
            })
            .await?;
        let touched: Vec<DeviceId> = touched.into_iter().collect();
        self.hawkbit_settled(&touched);
        Ok(())
    }
}
