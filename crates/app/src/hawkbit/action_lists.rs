//! Lists of actions: of one target, and pages over all of them. Nothing here holds more than one page.

use windlass_domain::permission::{Permission, Principal};
use windlass_store::management::{actions as steps, hidden};

use super::actions::{ActionView, Jobs, PER_TARGET, may_see, view};
use super::targets::find;
use crate::App;
use crate::error::AppError;

/// Most actions that whoever asks for some of them, or for another order than that of their numbers, looks at: the
/// newest ones.
pub const LOOKED_AT: usize = 50_000;
/// Actions that are looked at at once.
const CHUNK: u32 = 500;

/// Some actions that a look came by, and where the next look goes on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Look {
    /// Those that the caller may see, the newest first.
    pub items: Vec<ActionView>,
    /// How many there were in all.
    pub looked_at: usize,
    /// The lowest number among them; none once there are no more.
    pub before: Option<i64>,
}

impl App {
    /// Actions of one target, by number, up to the most that a target may have.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_actions_of(
        &self,
        by: &Principal,
        target: &str,
    ) -> Result<Vec<ActionView>, AppError> {
        let target = target.to_owned();
        self.hawkbit_read(by, Permission::JobRead, move |cx, tx| {
            let target = target.clone();
            Box::pin(async move {
                let device = find(tx, &cx, &target).await?;
                let (mut known, mut views) = (Jobs::default(), Vec::new());
                let mut history = hidden::rest_of_device(tx, cx.by.tenant, device.id, PER_TARGET).await?;
                history.reverse();
                for step in history {
                    views.extend(view(tx, &cx, &mut known, step).await?);
                }
                Ok(views)
            })
        })
        .await
    }

    /// A page of all actions by number, and how many there are. For those whose rights end nowhere.
    ///
    /// # Errors
    /// Forbidden, also for those who see a part of the fleet only, or that the store failed.
    pub async fn hawkbit_actions_page(
        &self,
        by: &Principal,
        newest_first: bool,
        offset: u64,
        limit: u32,
    ) -> Result<(Vec<ActionView>, u64), AppError> {
        if by.scope.is_some() {
            return Err(AppError::Forbidden(Permission::JobRead.as_str()));
        }
        self.hawkbit_read(by, Permission::JobRead, move |cx, tx| {
            Box::pin(async move {
                let (mut known, mut views) = (Jobs::default(), Vec::new());
                for step in steps::page(tx, cx.by.tenant, newest_first, offset, limit).await? {
                    views.extend(view(tx, &cx, &mut known, step).await?);
                }
                Ok((views, steps::count(tx, cx.by.tenant).await?))
            })
        })
        .await
    }

    /// Some actions with a lower number than `before`, the newest first.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_actions_before(&self, by: &Principal, before: i64) -> Result<Look, AppError> {
        self.hawkbit_read(by, Permission::JobRead, move |cx, tx| {
            Box::pin(async move {
                let (mut known, mut look) = (Jobs::default(), Look::default());
                for step in steps::before(tx, cx.by.tenant, before, CHUNK).await? {
                    look.looked_at += 1;
                    look.before = Some(step.execution.id.get());
                    if may_see(&cx, step.execution.device) {
                        look.items.extend(view(tx, &cx, &mut known, step).await?);
                    }
                }
                Ok(look)
            })
        })
        .await
    }

    /// These actions, in this order; what is gone by now is left out.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_actions_by_number(
        &self,
        by: &Principal,
        ids: Vec<i64>,
    ) -> Result<Vec<ActionView>, AppError> {
        self.hawkbit_read(by, Permission::JobRead, move |cx, tx| {
            let ids = ids.clone();
            Box::pin(async move {
                let (mut known, mut views) = (Jobs::default(), Vec::new());
                for id in ids {
                    let step = steps::one(tx, cx.by.tenant, id).await?;
                    if let Some(step) = step.filter(|step| may_see(&cx, step.execution.device)) {
                        views.extend(view(tx, &cx, &mut known, step).await?);
                    }
                }
                Ok(views)
            })
        })
        .await
    }
}
