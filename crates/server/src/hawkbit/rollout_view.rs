//! Jobs as rollouts: their words, their counts, their groups.

use std::collections::BTreeMap;

use windlass_app::hawkbit::stored::GroupExtra;
use windlass_app::hawkbit::{RolloutView, rollout_name};
use windlass_domain::ids::JobId;
use windlass_domain::job::{Decision, Handling, Job, JobState, Standing, ThresholdScope};
use windlass_domain::time::Timestamp;
use windlass_wire::management::common::Stamp;
use windlass_wire::management::rollouts as wire;

use super::view::{Base, actor};

/// Numbers of groups that one rollout may have.
const GROUPS: i64 = 1_000_000;

/// The number of a rollout's first group; the others follow.
pub(super) const fn first_group(job: JobId) -> i64 {
    job.get() * GROUPS
}

/// Where a job stands, as clients write it.
const fn status(job: &Job, deleted: bool) -> &'static str {
    match &job.state {
        JobState::Stopping { .. } if deleted => "deleting",
        _ if deleted => "deleted",
        JobState::AwaitingApproval { .. } => "waiting_for_approval",
        JobState::Denied => "approval_denied",
        JobState::Scheduled { .. } => "ready",
        JobState::Running => "running",
        JobState::Paused | JobState::Halted(_) => "paused",
        JobState::Stopping { .. } => "stopping",
        JobState::Canceled => "stopped",
        JobState::Completed => "finished",
    }
}

/// How many targets stand where. `open`: whether those that were not offered anything will be.
fn counts(standing: &Standing, waiting: u64, job: &Job) -> BTreeMap<&'static str, u64> {
    let begun = job.started_at.is_some();
    let will_be = begun && !matches!(job.state, JobState::Canceled | JobState::Completed);
    BTreeMap::from([
        ("scheduled", if will_be { waiting } else { 0 }),
        ("notstarted", if will_be { 0 } else { waiting }),
        ("running", standing.queued + standing.in_progress),
        ("finished", standing.succeeded + standing.verifying),
        ("error", standing.failed),
        ("cancelled", standing.canceled + standing.skipped),
    ])
}

fn stamp(job: &Job) -> Stamp {
    let created_by = actor(&job.created_by);
    let changed = job.ended_at.or(job.started_at).unwrap_or(job.created_at);
    Stamp {
        last_modified_by: created_by.clone(),
        created_by,
        created_at: job.created_at.millis(),
        last_modified_at: changed.millis(),
    }
}

/// A rollout as shown. `confirms`: whether the tenant's devices ask first at all; else, as upstream, nothing is said of it.
pub(super) fn shown(rollout: &RolloutView, confirms: bool, base: &Base) -> wire::Rollout {
    let RolloutView { view, extra, set } = rollout;
    let job = &view.job;
    let offered: u64 = view.waves.iter().map(|wave| wave.offered).sum();
    let policy = &job.spec.rollout;
    let (action_type, forcetime) = match policy.handling {
        Handling::Soft => ("soft", None),
        Handling::Forced => ("forced", None),
        Handling::TimeForced { at } => ("timeforced", Some(at.millis())),
        Handling::DownloadOnly => ("downloadonly", None),
    };
    let start_at = match job.state {
        JobState::Scheduled { start_at } => start_at,
        _ => job.started_at,
    };
    let path = format!("/rollouts/{}", job.id);
    let mut links = base.links(
        &path,
        [
            ("self", ""),
            ("start", "/start"),
            ("pause", "/pause"),
            ("resume", "/resume"),
            ("stop", "/stop"),
            ("triggerNextGroup", "/triggerNextGroup"),
            ("approve", "/approve"),
            ("deny", "/deny"),
            ("groups", "/deploygroups?offset=0&limit=50"),
        ],
    );
    links.insert("distributionset", base.link(&format!("/distributionsets/{set}")));
    let decision = job.decision.as_ref();
    let installs = view.release.as_ref().map(|label| (label.name.as_str(), label.version.as_str()));
    wire::Rollout {
        stamp: stamp(job),
        id: job.id.get(),
        name: rollout_name(job.id, &job.spec.name, installs),
        description: extra.description.clone(),
        target_filter_query: extra.query.clone().unwrap_or_else(|| job.spec.targets.clone()),
        distribution_set_id: set.get(),
        status: status(job, extra.deleted),
        total_targets: job.target_count,
        total_targets_per_status: counts(&view.standing, job.target_count.saturating_sub(offered), job),
        total_groups: rollout.groups(),
        start_at: start_at.map(Timestamp::millis),
        action_type,
        forcetime: Some(forcetime.unwrap_or(0)),
        weight: i64::from(policy.priority.get()),
        confirmation_required: confirms.then_some(policy.consent),
        dynamic: policy.continuous.is_some(),
        approval_decided_by: decision.map(|Decision { by, .. }| actor(by)),
        approval_remark: decision.map(|Decision { remark, .. }| remark.clone()),
        deleted: extra.deleted,
        links,
    }
}

/// The number of the wave that a group is; a group that found nobody has its place's.
fn wave_number(rollout: &RolloutView, index: usize) -> u32 {
    let place = u32::try_from(index).unwrap_or(u32::MAX);
    rollout.view.waves.get(index).map_or(place, |wave| wave.number)
}

/// The number of a group, which stays its own when the past is told as one.
pub(super) fn group_id(rollout: &RolloutView, index: usize) -> i64 {
    first_group(rollout.view.job.id) + i64::from(wave_number(rollout, index)).min(GROUPS - 1)
}

/// Whether more of a group failed than may: that stays so, also once an operator went on.
fn failed(rollout: &RolloutView, index: usize) -> bool {
    let (job, Some(wave)) = (&rollout.view.job, rollout.view.waves.get(index)) else { return false };
    let own = job.wave(wave.number).and_then(|wave| wave.failure);
    let Some(most) = own.or(job.spec.threshold).filter(|most| most.scope == ThresholdScope::Wave) else {
        return false;
    };
    let standing = wave.standing;
    let size = wave.targets.saturating_sub(standing.uncounted(job));
    most.exceeded(standing.failed, standing.finished(), size)
}

/// Whether a group stopped its rollout with no more errors than it may, but too few successes.
fn fell_short(rollout: &RolloutView, index: usize) -> bool {
    let number = wave_number(rollout, index);
    let success = rollout.view.job.wave(number).and_then(|wave| wave.success);
    success.is_some() && !failed(rollout, index)
}

/// Where a group stands, as clients write it.
fn group_status(rollout: &RolloutView, index: usize) -> &'static str {
    let (job, current) = (&rollout.view.job, rollout.view.current_wave);
    let number = wave_number(rollout, index);
    match &job.state {
        JobState::AwaitingApproval { .. } | JobState::Denied | JobState::Scheduled { .. } => "ready",
        JobState::Halted(halt) if halt.wave == number && !fell_short(rollout, index) => "error",
        JobState::Running | JobState::Paused | JobState::Halted(_) | JobState::Completed
            if failed(rollout, index) =>
        {
            "error"
        }
        JobState::Completed | JobState::Canceled => "finished",
        JobState::Running | JobState::Paused | JobState::Halted(_) | JobState::Stopping { .. } => {
            let wave = rollout.view.waves.get(index);
            let through = wave.is_some_and(|wave| {
                let Standing { succeeded, failed, canceled, skipped, verifying, .. } = wave.standing;
                succeeded + failed + canceled + skipped + verifying >= wave.targets
            });
            match number.cmp(&current) {
                std::cmp::Ordering::Greater => "scheduled",
                // The next one begins at its threshold, or by hand, and this one goes on meanwhile.
                std::cmp::Ordering::Less | std::cmp::Ordering::Equal if through => "finished",
                std::cmp::Ordering::Less | std::cmp::Ordering::Equal => "running",
            }
        }
    }
}

/// A group as shown, counted from 0.
pub(super) fn group_shown(rollout: &RolloutView, index: usize, confirms: bool, base: &Base) -> wire::Group {
    let job = &rollout.view.job;
    let wave = rollout.view.waves.get(index);
    let id = group_id(rollout, index);
    let policy = u32::try_from(index).ok().and_then(|index| job.wave(index));
    let name = policy.map(|wave| wave.name.clone()).filter(|name| !name.is_empty());
    let GroupExtra { description, query, percent, success } =
        rollout.extra.groups.get(index).cloned().unwrap_or_default();
    let condition =
        |percent: u8| wire::Condition { condition: "THRESHOLD".to_owned(), expression: percent.to_string() };
    let action = |word: &str| wire::Action { action: word.to_owned(), expression: String::new() };
    let asked = policy.and_then(|wave| wave.success).map(|threshold| threshold.percent);
    let success = asked.or(success).unwrap_or(50);
    let failure =
        policy.and_then(|wave| wave.failure).or(job.spec.threshold).and_then(|threshold| threshold.percent);
    let pause = policy.is_some_and(|wave| wave.pause_after);
    let targets = wave.map_or(0, |wave| wave.targets);
    let before: u64 = rollout.view.waves.iter().take(index).map(|wave| wave.targets).sum();
    let left = job.target_count.saturating_sub(before).max(1);
    let hundredths = targets.saturating_mul(10_000) / left;
    let share = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    let standing = wave.map(|wave| wave.standing).unwrap_or_default();
    let waiting = wave.map_or(0, |wave| wave.targets.saturating_sub(wave.offered));
    let dynamic = job.spec.rollout.continuous.is_some() && index >= job.spec.waves.len().max(1);
    let suffix = rollout.extra.name_suffix.as_deref().filter(|_| dynamic).unwrap_or_default();
    wire::Group {
        stamp: stamp(job),
        id,
        name: name
            .unwrap_or_else(|| format!("group-{}{suffix}", wave_number(rollout, index).saturating_add(1))),
        description,
        status: group_status(rollout, index),
        target_filter_query: query.or_else(|| policy.and_then(|wave| wave.query.clone())).unwrap_or_default(),
        target_percentage: percent.or_else(|| share.parse().ok()).unwrap_or(100.0),
        total_targets: targets,
        total_targets_per_status: counts(&standing, waiting, job),
        success_condition: condition(success),
        success_action: action(if pause { "PAUSE" } else { "NEXTGROUP" }),
        error_condition: condition(failure.unwrap_or(50)),
        error_action: action("PAUSE"),
        confirmation_required: confirms.then(|| u32::try_from(index).is_ok_and(|index| job.consents(index))),
        dynamic,
        links: base.links(
            &format!("/rollouts/{}/deploygroups/{id}", job.id),
            [("self", ""), ("targets", "/targets")],
        ),
    }
}

/// Every group as shown.
pub(super) fn group_views(rollout: &RolloutView, confirms: bool, base: &Base) -> Vec<wire::Group> {
    (0..rollout.groups()).map(|index| group_shown(rollout, index, confirms, base)).collect()
}
