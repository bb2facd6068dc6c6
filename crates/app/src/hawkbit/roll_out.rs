//! Making rollouts: targets by RSQL, groups as waves, and again over those that failed.

use std::collections::BTreeSet;

use windlass_domain::ids::DeviceId;
use windlass_domain::job::spec::JobSpec;
use windlass_domain::job::{
    Begin, Continuous, FailureThreshold, Handling, JobKind, JobState, RolloutPolicy, Wave, What,
};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_query::{Query, Times, parse_rsql, translate_rsql};
use windlass_store::Tx;
use windlass_store::jobs::{self, JobPick};
use windlass_store::management::{Displaced, JobExtra, extras};

use super::assign::{assignable, lock, patience};
use super::fields::{TARGET_FIELDS, by_key, kept_field, target_field};
use super::fitting::Fitting;
use super::rollout_groups::{
    GROUP_TARGETS, NewGroup, again, as_asked, bounded_group, share, strictest, wave,
};
use super::rollouts::{RolloutView, illegal, rollout_name};
use super::terms::Terms;
use super::{Context, DESCRIPTION, bounded, called, needed, refuse};
use crate::App;
use crate::error::{AppError, FieldProblem};
use crate::jobs::create::{WAVES, create};
use crate::jobs::{NewJob, NewTargets, NewWhat};

/// Jobs of one read, of those that may be called like a new one.
const LOOKED_AT: u32 = 100;

/// Most characters of what names of latecomers' groups end with.
const NAME_SUFFIX: usize = 64;

/// Most groups of a rollout.
pub const GROUPS: usize = WAVES;

/// The fields of queries that are kept, for whoever wrote another one.
const KEPT_FIELDS: &str = "one of controllerId, createdAt, lastModifiedAt, group, tag, type, type.name, \
     attribute.<key>, metadata.<key>, lastControllerRequestAt; others cannot be asked again later";

/// A rollout to make.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewRollout {
    /// Its name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Number of the set.
    pub set: Option<i64>,
    /// RSQL that chooses its targets.
    pub query: Option<String>,
    /// How it is handled.
    pub terms: Terms,
    /// When it begins by itself.
    pub start_at: Option<i64>,
    /// Whether it takes in targets that match later.
    pub dynamic: bool,
    /// How many of those make a group; as many as the last one has where absent, and as all have where that has none.
    pub dynamic_size: Option<u64>,
    /// What the names of those groups end with.
    pub name_suffix: Option<String>,
    /// Its groups, in order.
    pub groups: Vec<NewGroup>,
}

/// What a rollout takes over from one that it tries again.
struct Like {
    spec: JobSpec,
    /// Whether that one was made over this interface, and follows the tenant's settings.
    is_own: bool,
    /// Whether devices of any of its groups were asked first.
    asks: bool,
    /// What stopped it, or a group of it.
    failure: Option<FailureThreshold>,
}

impl Like {
    /// The policy of the other one, but for what the settings say by now. `by_settings`: as it would be if it were new.
    fn policy(&self, by_settings: RolloutPolicy, now: Timestamp) -> RolloutPolicy {
        let before = self.spec.rollout.clone();
        let RolloutPolicy { approval, supersede, consent, .. } = by_settings;
        RolloutPolicy {
            continuous: None,
            ends_at: before.ends_at.filter(|at| *at > now),
            approval: approval || (before.approval && !self.is_own),
            supersede: if self.is_own { supersede } else { before.supersede },
            consent: if self.is_own { consent } else { self.asks },
            ..before
        }
    }
}

/// Refuses a name that another rollout has. Two that are made at once are told apart only in the transaction that makes them.
async fn unnamed_so_far(tx: &mut Tx<'_>, cx: &Context, name: &str) -> Result<(), AppError> {
    let kind = Some(JobKind::Update);
    let mut pick = JobPick { kind, text: name.to_owned(), no_assignments: true, ..JobPick::default() };
    loop {
        let page = jobs::list(tx, cx.by.tenant, &pick, LOOKED_AT).await?;
        for job in page.iter().filter(|job| job.spec.name == name) {
            if !extras::get::<JobExtra>(tx, cx.by.tenant, job.id.get()).await?.deleted {
                return Err(AppError::Exists { what: "rollout", name: name.to_owned() });
            }
        }
        let Some(last) = page.last() else { return Ok(()) };
        pick.before = last.id.get();
    }
}

/// Checks what is asked for, and spells its groups' names as they are kept.
fn check(new: &mut NewRollout) -> Result<(String, i64, String), AppError> {
    let mut problems = Vec::new();
    let name = called("name", new.name.as_deref(), &mut problems);
    bounded("description", new.description.as_deref(), DESCRIPTION, &mut problems);
    bounded("dynamicGroupTemplate.nameSuffix", new.name_suffix.as_deref(), NAME_SUFFIX, &mut problems);
    let query = needed("targetFilterQuery", new.query.as_deref(), 1_024, &mut problems);
    if new.set.is_none() {
        problems.push(FieldProblem::new("distributionSetId", "is missing"));
    }
    if new.groups.is_empty() {
        problems.push(FieldProblem::new("amountGroups", format!("must be from 1 to {GROUPS}")));
    }
    if new.groups.len() > GROUPS {
        let detail = format!("a rollout has at most {GROUPS} groups, not {}", new.groups.len());
        return Err(AppError::Quota { code: "hawkbit.groups", detail });
    }
    for (index, group) in new.groups.iter_mut().enumerate() {
        if let Some(name) = &mut group.name {
            *name = called(&format!("groups.{index}.name"), Some(name), &mut problems);
        }
        let described = group.description.as_deref();
        bounded(&format!("groups.{index}.description"), described, DESCRIPTION, &mut problems);
        if !(group.percent > 0.0 && group.percent <= 100.0) {
            let field = format!("groups.{index}.targetPercentage");
            problems.push(FieldProblem::new(field, "must be over 0 and at most 100"));
        }
        if !(1..=100).contains(&group.success) {
            let field = format!("groups.{index}.successCondition.expression");
            problems.push(FieldProblem::new(field, "must be from 1 to 100"));
        }
        if group.failure > 100 {
            let field = format!("groups.{index}.errorCondition.expression");
            problems.push(FieldProblem::new(field, "must be from 0 to 100"));
        }
    }
    refuse(problems)?;
    Ok((name, new.set.unwrap_or_default(), query))
}

impl App {
    /// Reads RSQL about targets with the times of the caller's tenant.
    async fn hawkbit_query(&self, by: &Principal, field: &str, text: &str) -> Result<Query, AppError> {
        let settings = self.settings_of(by.tenant).await?;
        let now = self.clock.now();
        let times = Times { now, overdue: now.minus(settings.polling.base.base).minus(settings.overdue) };
        parse_rsql(text, times, &target_field, TARGET_FIELDS)
            .map_err(|problem| AppError::invalid(field, problem))
    }

    /// RSQL in the words of the fleet's own language, for where it is asked again later.
    async fn hawkbit_kept_query(&self, by: &Principal, field: &str, text: &str) -> Result<String, AppError> {
        let settings = self.settings_of(by.tenant).await?;
        let now = self.clock.now();
        let times = Times { now, overdue: now.minus(settings.polling.base.base).minus(settings.overdue) };
        let types = self.hawkbit_type_names(by).await?;
        let keyed = &by_key(text, &types);
        let told = |problem: String| {
            // The clauses that the client did not write need a word.
            let of_types = if keyed == text {
                String::new()
            } else {
                format!(
                    " (type.name stands for the keys of the types that are called so now, of {} in all; ask for type.key)",
                    types.len()
                )
            };
            AppError::invalid(field, format!("{problem}{of_types}"))
        };
        let kept = translate_rsql(keyed, times, &kept_field, KEPT_FIELDS);
        let kept = kept.map_err(|problem| told(problem.to_string()))?;
        match crate::fleet::parse_query(field, &kept) {
            Ok(_) => Ok(kept),
            Err(AppError::Invalid(problems)) => {
                Err(told(problems.into_iter().map(|one| one.problem).collect::<Vec<_>>().join("; ")))
            }
            Err(other) => Err(other),
        }
    }

    /// The waves that groups make of targets, and who is in each: it takes its share of those that it finds among what is left.
    async fn hawkbit_waves(
        &self,
        by: &Principal,
        groups: &[NewGroup],
        devices: &[DeviceId],
    ) -> Result<(Vec<Wave>, Vec<BTreeSet<DeviceId>>), AppError> {
        let mut left: BTreeSet<DeviceId> = devices.iter().copied().collect();
        let (mut waves, mut members) = (Vec::new(), Vec::new());
        for (index, group) in groups.iter().enumerate() {
            let field = format!("groups.{index}.targetFilterQuery");
            let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
            let found: Vec<DeviceId> = match &group.query {
                None => left.iter().copied().collect(),
                Some(text) => {
                    let query = self.hawkbit_query(by, &field, text).await?;
                    let mut found = self.hawkbit_select(by, query).await?;
                    found.retain(|device| left.contains(device));
                    found
                }
            };
            let size = share(group.percent, number(found.len()));
            let taken = found.into_iter().take(usize::try_from(size).unwrap_or(usize::MAX));
            let taken: BTreeSet<DeviceId> = taken.collect();
            left.retain(|device| !taken.contains(device));
            // A group that finds nobody is there all the same, and takes nobody.
            let wave = wave(index, group, size.max(1));
            bounded_group(&wave.name, size)?;
            waves.push(wave);
            members.push(taken);
        }
        if left.is_empty() {
            return Ok((waves, members));
        }
        Err(AppError::invalid(
            "groups",
            format!("leave {} targets in no group; have the last one take 100", left.len()),
        ))
    }

    /// Makes a rollout: its targets are those that the query finds now.
    ///
    /// # Errors
    /// Forbidden, every field that cannot be taken, a name that is taken, a set that cannot be assigned, no target at all,
    /// or that the store failed.
    pub async fn hawkbit_rollout_create(
        &self,
        by: &Principal,
        mut new: NewRollout,
    ) -> Result<RolloutView, AppError> {
        let (_, _, query) = check(&mut new)?;
        let found = self.hawkbit_query(by, "targetFilterQuery", &query).await?;
        let devices = self.hawkbit_select(by, found).await?;
        self.hawkbit_roll_out(by, new, devices, None).await
    }

    async fn hawkbit_roll_out(
        &self,
        by: &Principal,
        mut new: NewRollout,
        devices: Vec<DeviceId>,
        before: Option<Like>,
    ) -> Result<RolloutView, AppError> {
        let (name, set, query) = check(&mut new)?;
        let asked = name.clone();
        let (release, fitting) = self
            .hawkbit_read(by, Permission::JobCreate, move |cx, tx| {
                let asked = asked.clone();
                Box::pin(async move {
                    unnamed_so_far(tx, &cx, &asked).await?;
                    let (release, extra) = assignable(tx, &cx, set).await?;
                    let fitting = Fitting::of(tx, &cx, &release, &extra).await?;
                    Ok((release, fitting))
                })
            })
            .await?;
        // As upstream: whoever does not take the set is left out.
        let devices = fitting.takers(self, devices);
        if devices.is_empty() {
            return Err(AppError::invalid("targetFilterQuery", "finds no target that takes the set"));
        }
        let settings = self.settings_of(by.tenant).await?;
        let mut policy = new.terms.policy(settings.confirmation, self.clock.now())?;
        policy.approval = settings.rollout_approval;
        policy.supersede = !settings.multi_assignments;
        policy.of_canceled_too = true;
        let by_settings = before.as_ref().is_none_or(|before| before.is_own);
        if let Some(before) = &before {
            policy = before.policy(policy, self.clock.now());
        }
        let (before, failure) = before.map(|before| (before.spec, before.failure)).unzip();
        let (mut waves, members) = self.hawkbit_waves(by, &new.groups, &devices).await?;
        for wave in &mut waves {
            wave.consent = wave.consent.map(|asks| asks && (settings.confirmation || !by_settings));
            wave.failure = failure.flatten().or(wave.failure);
        }
        // As upstream: a group's successes decide when the next one begins, and nothing else.
        if let Some(last) = waves.last_mut().filter(|_| !new.dynamic) {
            last.success = None;
        }
        if new.dynamic {
            let many = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
            let last = members.last().map_or(0, |last| many(last.len()));
            let like = if last > 0 { last } else { many(devices.len()).min(GROUP_TARGETS) };
            let wave_size = new.dynamic_size.unwrap_or(like).max(1);
            bounded_group("one of latecomers", wave_size)?;
            let kept = self.hawkbit_kept_query(by, "targetFilterQuery", &query).await?;
            policy.continuous = Some(Continuous { query: fitting.narrow(kept), wave_size });
        }
        // Without queries the shares alone tell who is where.
        let by_query = new.groups.iter().any(|group| group.query.is_some());
        let found = if by_query { members } else { Vec::new() };
        // Groups of latecomers are stopped by what stops the last one.
        let threshold = waves.last().and_then(|last| last.failure).filter(|_| new.dynamic);
        let job = NewJob {
            description: name,
            what: NewWhat::Update {
                name: release.name.to_string(),
                version: release.version.to_string(),
                force: match before.as_ref().map(|before| &before.what) {
                    Some(What::Update { force, .. }) => *force,
                    Some(What::Command(_) | What::Document(_)) | None => false,
                },
            },
            targets: NewTargets::Found { devices, words: format!("filter {query}"), waves: found },
            waves,
            threshold,
            timeouts: before.as_ref().map_or_else(|| patience(&settings), |before| before.timeouts),
            retries: before.as_ref().map_or(0, |before| before.retries),
            begin: match new.start_at.map(Timestamp::from_millis) {
                Some(at) if at <= self.clock.now() => Begin::Now,
                Some(at) => Begin::At(at),
                None => Begin::Manually,
            },
            rollout: policy,
        };
        let kept = JobExtra {
            description: new.description.clone(),
            query: Some(query),
            groups: as_asked(&new.groups),
            name_suffix: new.name_suffix.clone().filter(|_| new.dynamic),
            displaced: if settings.auto_close { Displaced::Closed } else { Displaced::Asked },
            ..JobExtra::default()
        };
        let target_seq = self.store.latest_change().await?;
        let id = self
            .hawkbit_write(by, Permission::JobCreate, move |cx, tx| {
                let (job, kept, release) = (job.clone(), kept.clone(), release.clone());
                Box::pin(async move {
                    // Somebody may have been quicker.
                    unnamed_so_far(tx, &cx, &job.description).await?;
                    let id = create(tx, &cx.app, &cx.by, &job, target_seq, cx.now).await?;
                    extras::put(tx, cx.by.tenant, id.get(), &kept).await?;
                    lock(tx, &cx, &release).await?;
                    Ok(id)
                })
            })
            .await?;
        self.agenda.wake([id]);
        self.hawkbit_rollout(by, id.get()).await
    }

    /// A new rollout over the targets on which this one failed, in one group or as many as they need.
    ///
    /// # Errors
    /// Forbidden, not found, `hawkbit.rollout_state` before it is over, a name that is taken, no target that failed, or
    /// that the store failed.
    pub async fn hawkbit_rollout_retry(&self, by: &Principal, id: i64) -> Result<RolloutView, AppError> {
        let rollout = self.hawkbit_rollout(by, id).await?;
        let job = &rollout.view.job;
        if !matches!(job.state, JobState::Completed | JobState::Canceled) {
            return Err(illegal(format!("rollout {id} is not over")));
        }
        let failed = self.failed_devices(by, job.id).await?;
        let policy = &job.spec.rollout;
        let asks = job.wave_ranges().iter().any(|(wave, _)| job.consents(*wave));
        let is_own = rollout.extra.query.is_some();
        // As upstream: what its own interface made is tried again in groups of which half may fail.
        let of_waves = job.wave_ranges().into_iter().filter(|(_, range)| !is_own && !range.is_empty());
        let failure = of_waves
            .filter_map(|(wave, _)| job.wave(wave).and_then(|wave| wave.failure).or(job.spec.threshold))
            .reduce(strictest)
            .or(job.spec.threshold);
        let label = rollout.view.release.as_ref();
        let installs = label.map(|label| (label.name.as_str(), label.version.as_str()));
        let (word, force_time) = match policy.handling {
            Handling::Forced => ("forced", None),
            Handling::Soft => ("soft", None),
            Handling::TimeForced { at } => ("timeforced", Some(at.millis())),
            Handling::DownloadOnly => ("downloadonly", None),
        };
        let new = NewRollout {
            terms: Terms {
                action_type: Some(word.to_owned()),
                force_time,
                weight: Some(i64::from(policy.priority.get())),
                window: None,
                confirmation_required: Some(asks),
            },
            name: Some(format!("{}_retry", rollout_name(job.id, &job.spec.name, installs))),
            description: rollout.extra.description.clone(),
            set: Some(rollout.set.get()),
            query: Some(format!("failedrollout=={id}")),
            groups: again(failed.len()),
            ..NewRollout::default()
        };
        let like = Like { spec: job.spec.clone(), is_own, asks, failure };
        self.hawkbit_roll_out(by, new, failed, Some(like)).await
    }
}
