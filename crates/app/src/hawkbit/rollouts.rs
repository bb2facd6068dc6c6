//! Rollouts: jobs of kind update in hawkBit's words. Groups are waves.

use roaring::RoaringTreemap;
use serde_json::json;
use windlass_domain::ids::{JobId, ReleaseId};
use windlass_domain::job::{Begun, Job, JobAction, JobKind, JobState, What};
use windlass_domain::permission::{Permission, Principal};
use windlass_store::management::{JobExtra, extras};
use windlass_store::{StoreError, StoreErrorKind, Tx, jobs};

use super::{Context, DESCRIPTION, bounded, called, refuse};
use crate::error::AppError;
use crate::jobs::{JobPick, JobView};
use crate::{App, audit};

/// Jobs that are read at once.
const PAGE: u32 = 500;

/// A rollout with everything that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutView {
    /// What it is.
    pub view: JobView,
    /// What is known of it beside.
    pub extra: JobExtra,
    /// What it installs.
    pub set: ReleaseId,
}

impl RolloutView {
    /// How many groups it has: those that were asked for, also such that found nobody, and those that came later.
    pub fn groups(&self) -> usize {
        self.view.waves.len().max(self.view.job.spec.waves.len())
    }

    /// Whether no group comes after the one under way. A dynamic rollout always has another one for latecomers.
    fn is_in_last_group(&self) -> bool {
        let JobView { job, waves, current_wave, .. } = &self.view;
        job.spec.rollout.continuous.is_none() && waves.iter().all(|wave| wave.number <= *current_wave)
    }
}

/// What an operator does to a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolloutAct {
    /// Begin.
    Start,
    /// Hold it.
    Pause,
    /// Go on.
    Resume,
    /// End it; devices that began are asked to stop.
    Stop,
    /// A second person agrees.
    Approve(String),
    /// A second person does not.
    Deny(String),
    /// Go on to the next group without waiting.
    TriggerNextGroup,
}

/// What a rollout is called: what people call it, else what it installs.
pub fn rollout_name(id: JobId, called: &str, release: Option<(&str, &str)>) -> String {
    match release {
        _ if !called.is_empty() => called.to_owned(),
        Some((name, version)) if !name.is_empty() => format!("{name} {version}"),
        Some(_) | None => format!("job {id}"),
    }
}

/// What cannot be done to a rollout as it stands.
pub(super) fn illegal(detail: String) -> AppError {
    AppError::Conflict { code: "hawkbit.rollout_state", detail }
}

fn set_of(job: &Job) -> Option<ReleaseId> {
    match job.spec.what {
        What::Update { release, .. } => Some(release),
        What::Command(_) | What::Document(_) => None,
    }
}

async fn extra(tx: &mut Tx<'_>, cx: &Context, id: JobId) -> Result<JobExtra, AppError> {
    Ok(extras::get(tx, cx.by.tenant, id.get()).await?)
}

impl App {
    /// Rollouts that are not deleted, by number.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_rollouts(&self, by: &Principal) -> Result<Vec<RolloutView>, AppError> {
        self.hawkbit_rollouts_like(by, "").await
    }

    /// As [`App::hawkbit_rollouts`], only those that are about this text.
    pub(super) async fn hawkbit_rollouts_like(
        &self,
        by: &Principal,
        text: &str,
    ) -> Result<Vec<RolloutView>, AppError> {
        let text = text.to_owned();
        let kind = Some(JobKind::Update);
        let mut pick = JobPick { kind, text, no_assignments: true, ..JobPick::default() };
        let mut all = Vec::new();
        loop {
            let page = self.job_list(by, pick.clone(), PAGE).await?;
            let last = page.views.last().map(|last| last.job.id);
            let Some(before) = page.next.or(last) else { break };
            pick.before = before.get();
            all.extend(page.views);
        }
        all.reverse();
        let mut known = self
            .hawkbit_read(by, Permission::JobRead, |cx, tx| {
                Box::pin(async move { Ok(extras::all::<JobExtra>(tx, cx.by.tenant).await?) })
            })
            .await?;
        let views = all.into_iter().filter_map(|view| {
            let extra = known.remove(&view.job.id.get()).unwrap_or_default();
            let set = set_of(&view.job)?;
            (!extra.assignment && !extra.deleted).then_some(RolloutView { view, extra, set })
        });
        Ok(views.collect())
    }

    /// One rollout, deleted or not.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_rollout(&self, by: &Principal, id: i64) -> Result<RolloutView, AppError> {
        let missing = || AppError::not_found("rollout", id);
        let view = self.job_get(by, JobId::new(id)).await.map_err(|error| match error {
            AppError::NotFound { .. } => missing(),
            other => other,
        })?;
        let extra = self
            .hawkbit_read(by, Permission::JobRead, move |cx, tx| {
                Box::pin(async move { extra(tx, &cx, JobId::new(id)).await })
            })
            .await?;
        let set = set_of(&view.job).filter(|_| !extra.assignment).ok_or_else(missing)?;
        Ok(RolloutView { view, extra, set })
    }

    /// Does something to a rollout.
    ///
    /// # Errors
    /// Forbidden, not found, `hawkbit.rollout_state` where it does not stand that way, or that the store failed.
    pub async fn hawkbit_rollout_act(
        &self,
        by: &Principal,
        id: i64,
        act: RolloutAct,
    ) -> Result<(), AppError> {
        let rollout = self.hawkbit_rollout(by, id).await?;
        if rollout.extra.deleted {
            return Err(illegal(format!("rollout {id} was deleted")));
        }
        if act == RolloutAct::TriggerNextGroup && rollout.view.job.state != JobState::Running {
            let text = "only one that runs goes on to its next group; resume or start it";
            return Err(illegal(format!("rollout {id} does not run: {text}")));
        }
        if act == RolloutAct::TriggerNextGroup && rollout.is_in_last_group() {
            return Err(illegal(format!("rollout {id} has no group after the one that runs")));
        }
        let job = JobId::new(id);
        let done = match act {
            RolloutAct::Start => self.job_start(by, job, None).await,
            RolloutAct::Pause => self.job_pause(by, job, None).await,
            RolloutAct::Resume => self.job_resume(by, job, None).await,
            RolloutAct::Stop => self.job_cancel(by, job, Begun::Ask, None).await,
            RolloutAct::Approve(remark) => self.job_decide(by, job, true, &remark, None).await,
            RolloutAct::Deny(remark) => self.job_decide(by, job, false, &remark, None).await,
            RolloutAct::TriggerNextGroup => self.job_advance(by, job, None).await,
        };
        match done {
            Ok(_) => Ok(()),
            Err(AppError::Conflict { code: "job.own_approval", .. }) => Err(illegal(format!(
                "you made rollout {id}: another user with the permission {} must approve it. Where there is \
                 no other, switch rollout.approval.enabled off, delete the rollout and make it again",
                Permission::JobApprove.as_str(),
            ))),
            Err(AppError::Conflict { detail, .. }) => Err(illegal(detail)),
            Err(other) => Err(other),
        }
    }

    /// Changes what people read of a rollout.
    ///
    /// # Errors
    /// Forbidden, not found, a field that cannot be taken, or that the store failed.
    pub async fn hawkbit_rollout_change(
        &self,
        by: &Principal,
        id: i64,
        name: Option<String>,
        description: Option<String>,
    ) -> Result<RolloutView, AppError> {
        let before = self.hawkbit_rollout(by, id).await?;
        let mut problems = Vec::new();
        let name = name.map(|name| called("name", Some(&name), &mut problems));
        bounded("description", description.as_deref(), DESCRIPTION, &mut problems);
        refuse(problems)?;
        let taken = |one: &RolloutView| {
            one.view.job.id != before.view.job.id && name.as_ref() == Some(&one.view.job.spec.name)
        };
        let like = name.as_deref().unwrap_or_default();
        if name.is_some() && self.hawkbit_rollouts_like(by, like).await?.iter().any(taken) {
            return Err(AppError::Exists { what: "rollout", name: name.unwrap_or_default() });
        }
        self.hawkbit_write(by, Permission::JobControl, move |cx, tx| {
            let (name, description) = (name.clone(), description.clone());
            Box::pin(async move {
                let found = jobs::get_any(tx, JobId::new(id)).await?;
                let mut job = found.ok_or_else(|| AppError::not_found("rollout", id))?;
                if let Some(name) = name {
                    job.spec.name = name;
                    job.version += 1;
                    if !jobs::update_policy(tx, &job).await? {
                        let text = "the rollout was changed meanwhile; try again";
                        return Err(StoreError::new(StoreErrorKind::Busy, text).into());
                    }
                }
                let mut kept = extra(tx, &cx, job.id).await?;
                kept.description = description.or(kept.description);
                extras::put(tx, cx.by.tenant, id, &kept).await?;
                let details = json!({"name": job.spec.name});
                audit::record(tx, &cx.by, "job.describe", &format!("job/{id}"), details, cx.now).await?;
                Ok(())
            })
        })
        .await?;
        self.hawkbit_rollout(by, id).await
    }

    /// Deletes a rollout: one that never began goes, another one ends and stays for its actions, out of sight.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_rollout_delete(&self, by: &Principal, id: i64) -> Result<(), AppError> {
        let rollout = self.hawkbit_rollout(by, id).await?;
        if rollout.extra.deleted {
            return Ok(());
        }
        let job = &rollout.view.job;
        if job.started_at.is_none() && job.state.allows(JobAction::Delete) {
            self.job_delete(by, job.id, None).await?;
        } else if job.state.allows(JobAction::Cancel) {
            self.job_cancel(by, job.id, Begun::Finish, None).await?;
        }
        self.hawkbit_write(by, Permission::JobControl, move |cx, tx| {
            Box::pin(async move {
                if jobs::get_any(tx, JobId::new(id)).await?.is_none() {
                    return Ok(extras::forget::<JobExtra>(tx, cx.by.tenant, id).await?);
                }
                let mut kept = extra(tx, &cx, JobId::new(id)).await?;
                kept.deleted = true;
                extras::put(tx, cx.by.tenant, id, &kept).await?;
                let details = json!({"kept": true});
                audit::record(tx, &cx.by, "job.delete", &format!("job/{id}"), details, cx.now).await?;
                Ok(())
            })
        })
        .await
    }

    /// The devices of a group, counted from 0, whether they were offered it yet or not, and whoever may see them.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_group_targets(
        &self,
        by: &Principal,
        id: i64,
        group: usize,
    ) -> Result<RoaringTreemap, AppError> {
        let rollout = self.hawkbit_rollout(by, id).await?;
        if group >= rollout.groups() {
            return Err(AppError::not_found("rollout group", group));
        }
        let job = &rollout.view.job;
        let Some((_, range)) = job.wave_ranges().get(group).cloned() else {
            return Ok(RoaringTreemap::new());
        };
        let (all, waves) = self
            .store
            .read(move |tx| {
                Box::pin(async move {
                    let all = jobs::frozen_targets(tx, JobId::new(id)).await?;
                    Ok::<_, StoreError>((all, jobs::waves::of_job(tx, JobId::new(id)).await?))
                })
            })
            .await?;
        Ok(match waves.into_iter().nth(group) {
            Some(wave) => wave,
            None => range.filter_map(|rank| all.select(rank)).collect(),
        })
    }
}
