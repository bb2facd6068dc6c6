//! Where a target stands by its updates, also by those whose executions are gone.

use std::collections::{BTreeMap, BTreeSet};

use windlass_domain::ids::{DeviceId, ExecutionId, ReleaseId, TenantId};
use windlass_domain::job::Outcome;
use windlass_domain::software::Release;
use windlass_domain::time::Timestamp;
use windlass_store::management::actions::{self as steps, Outline, Step};
use windlass_store::management::past;
use windlass_store::{StoreError, Tx, ddi};

use crate::jobs::verify::FETCHED;

/// Where a target stands with what it is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateStatus {
    /// Never heard, nothing to do.
    Unknown,
    /// Heard, nothing to do.
    Registered,
    /// Has something to do.
    Pending,
    /// Has what it is to have.
    InSync,
    /// The last thing to do failed.
    Error,
}

impl UpdateStatus {
    /// As clients write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Registered => "registered",
            Self::Pending => "pending",
            Self::InSync => "in_sync",
            Self::Error => "error",
        }
    }
}

/// What a target has, what it is to have, and how that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// In one word.
    pub status: UpdateStatus,
    /// What it is to have.
    pub assigned: Option<ReleaseId>,
    /// What it last said that it installed.
    pub installed: Option<ReleaseId>,
    /// When.
    pub installed_at: Option<Timestamp>,
}

impl Standing {
    /// Whether it is to have a release and has it, or is to get it. What was only fetched may be assigned again, to be
    /// installed.
    pub(super) fn has(&self, release: ReleaseId) -> bool {
        let has_it = self.status == UpdateStatus::Pending || self.installed == Some(release);
        self.assigned == Some(release) && has_it
    }

    /// Of a target that never had anything to do.
    pub const fn none(seen: bool) -> Self {
        let status = if seen { UpdateStatus::Registered } else { UpdateStatus::Unknown };
        Self { status, assigned: None, installed: None, installed_at: None }
    }
}

/// How an update ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Installed,
    Fetched,
    Failed,
    Withdrawn,
}

/// An update that is over.
#[derive(Debug, Clone, Copy)]
struct Past {
    /// What is over later comes later.
    order: (Option<Timestamp>, ExecutionId),
    release: ReleaseId,
    end: End,
}

/// What a target's updates, in whatever order they are told, leave to be known: as much for ten as for ten thousand.
#[derive(Debug, Clone, Default)]
pub(super) struct Course {
    last: Option<Past>,
    installed: Option<Past>,
    open: Option<(ExecutionId, ReleaseId)>,
}

impl Course {
    /// Takes one update in.
    pub(super) fn take(&mut self, update: &Outline) {
        let Outline { id, device: _, job: _, release, outcome, is_reason: fetched, ended_at } = *update;
        let end = match outcome {
            Outcome::Open => {
                self.open = self.open.max(Some((id, release)));
                return;
            }
            Outcome::Verifying | Outcome::Succeeded if fetched => End::Fetched,
            Outcome::Verifying | Outcome::Succeeded => End::Installed,
            Outcome::Failed => End::Failed,
            Outcome::Canceled | Outcome::Skipped => End::Withdrawn,
        };
        let past = Past { order: (ended_at, id), release, end };
        let is_newer = |than: &Option<Past>| than.is_none_or(|than| than.order < past.order);
        if is_newer(&self.last) {
            self.last = Some(past);
        }
        if end == End::Installed && is_newer(&self.installed) {
            self.installed = Some(past);
        }
    }

    /// Where that leaves the target. The device's word counts until something shows that it is not true. `told`: what it
    /// said that it runs, and since when, where nothing from here tells.
    pub(super) fn standing(&self, seen: bool, told: Option<(ReleaseId, Timestamp)>) -> Standing {
        let none = Standing::none(seen);
        let installed = self.installed.map(|past| past.release);
        let installed_at = self.installed.and_then(|past| past.order.0);
        let (status, assigned) = match self.last {
            None => (none.status, None),
            Some(Past { end: End::Installed | End::Fetched, release, .. }) => {
                (UpdateStatus::InSync, Some(release))
            }
            Some(Past { end: End::Failed, .. }) => (UpdateStatus::Error, None),
            Some(Past { end: End::Withdrawn, .. }) if installed.is_some() => {
                (UpdateStatus::InSync, installed)
            }
            Some(Past { end: End::Withdrawn, .. }) => (none.status, None),
        };
        let mut at = Standing { status, assigned, installed, installed_at };
        if let Some((_, release)) = self.open {
            at = Standing { status: UpdateStatus::Pending, assigned: Some(release), ..at };
        }
        let Some((release, since)) = told.filter(|_| at.installed.is_none()) else { return at };
        let idle = matches!(at.status, UpdateStatus::Unknown | UpdateStatus::Registered);
        at = Standing { installed: Some(release), installed_at: Some(since), ..at };
        if idle { Standing { status: UpdateStatus::InSync, assigned: Some(release), ..at } } else { at }
    }
}

/// What rollouts say of targets that have their set.
pub(crate) const HAS_SET: &str = "Distribution Set is already assigned. Skipping this action.";

/// Those of some devices to which a release is what they are to have and what their last update installed, where neither the
/// device says something else since nor is it still to be seen.
///
/// # Errors
/// When the store fails.
pub(crate) async fn in_place_among(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    devices: &[DeviceId],
    release: &Release,
) -> Result<BTreeSet<DeviceId>, StoreError> {
    let mut found = BTreeSet::new();
    if devices.is_empty() {
        return Ok(found);
    }
    let mut courses: BTreeMap<DeviceId, (Course, bool)> = BTreeMap::new();
    for update in steps::outlines_among(tx, tenant, FETCHED, devices).await? {
        let (course, is_doubtful) = courses.entry(update.device).or_default();
        course.take(&update);
        *is_doubtful |= update.outcome == Outcome::Verifying;
    }
    for update in past::among(tx, devices, FETCHED).await? {
        courses.entry(update.device).or_default().0.take(&update);
    }
    for (device, (course, is_doubtful)) in courses {
        let at = course.standing(true, None);
        let is_it = (at.assigned, at.installed) == (Some(release.id), Some(release.id));
        if !is_it || is_doubtful || at.status != UpdateStatus::InSync {
            continue;
        }
        let told = ddi::target(tx, device).await?.installed;
        let is_other = told.is_some_and(|told| {
            (told.name.as_str(), told.version.as_str()) != (release.name.as_str(), release.version.as_str())
                && at.installed_at.is_none_or(|since| told.at > since)
        });
        if !is_other {
            found.insert(device);
        }
    }
    Ok(found)
}

/// The course of the updates of one target, the newest so many and all that is gone.
pub(super) async fn course_of(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    limit: u32,
) -> Result<Course, StoreError> {
    let steps = steps::of_device(tx, tenant, device, limit).await?;
    course_with(tx, device, &steps).await
}

/// The same where the newest updates are at hand.
pub(super) async fn course_with(
    tx: &mut Tx<'_>,
    device: DeviceId,
    newest: &[Step],
) -> Result<Course, StoreError> {
    let mut course = course(newest);
    past::of_device(tx, device, FETCHED).await?.iter().for_each(|update| course.take(update));
    Ok(course)
}

fn course(steps: &[Step]) -> Course {
    let mut course = Course::default();
    for Step { execution, release } in steps {
        course.take(&Outline {
            id: execution.id,
            device: execution.device,
            job: Some(execution.job),
            release: *release,
            outcome: execution.outcome(),
            is_reason: execution.reason == FETCHED,
            ended_at: execution.ended_at,
        });
    }
    course
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use windlass_domain::ids::JobId;

    use super::*;

    fn update(id: i64, outcome: Outcome, fetched: bool, ended: i64) -> Outline {
        Outline {
            id: ExecutionId::new(id),
            device: DeviceId::new(1),
            job: Some(JobId::new(id)),
            release: ReleaseId::new(id),
            outcome,
            is_reason: fetched,
            ended_at: (outcome != Outcome::Open).then(|| Timestamp::from_seconds(ended)),
        }
    }

    fn at(updates: &[Outline]) -> Standing {
        let mut course = Course::default();
        updates.iter().for_each(|update| course.take(update));
        course.standing(true, None)
    }

    #[test]
    fn an_update_leaves_a_target_where_hawkbit_has_it() {
        let done = update(1, Outcome::Succeeded, false, 1);
        let (one, two) = (Some(ReleaseId::new(1)), Some(ReleaseId::new(2)));
        for (second, wanted) in [
            (update(2, Outcome::Open, false, 0), (UpdateStatus::Pending, two, one)),
            (update(2, Outcome::Succeeded, false, 2), (UpdateStatus::InSync, two, two)),
            (update(2, Outcome::Verifying, false, 2), (UpdateStatus::InSync, two, two)),
            (update(2, Outcome::Succeeded, true, 2), (UpdateStatus::InSync, two, one)),
            (update(2, Outcome::Failed, false, 2), (UpdateStatus::Error, None, one)),
            (update(2, Outcome::Canceled, false, 2), (UpdateStatus::InSync, one, one)),
        ] {
            let Standing { status, assigned, installed, .. } = at(&[done, second]);
            assert_eq!((status, assigned, installed), wanted, "{second:?}");
        }
        assert_eq!(at(&[update(1, Outcome::Canceled, false, 1)]), Standing::none(true));
    }

    #[test]
    fn what_a_target_told_counts_while_nothing_from_here_is_installed() {
        let (told, since) = (ReleaseId::new(9), Timestamp::from_seconds(5));
        let said = Course::default().standing(true, Some((told, since)));
        assert_eq!(
            (said.status, said.assigned, said.installed),
            (UpdateStatus::InSync, Some(told), Some(told))
        );
        let mut course = Course::default();
        course.take(&update(1, Outcome::Failed, false, 1));
        let failed = course.standing(true, Some((told, since)));
        assert_eq!(
            (failed.status, failed.assigned, failed.installed),
            (UpdateStatus::Error, None, Some(told))
        );
        course.take(&update(2, Outcome::Succeeded, false, 2));
        assert_eq!(course.standing(true, Some((told, since))).installed, Some(ReleaseId::new(2)));
    }

    proptest! {
        #[test]
        fn the_order_in_which_updates_are_told_does_not_matter(
            told in prop::collection::vec((0_usize..6, any::<bool>(), 0_i64..4), 0..12),
            seed in any::<u64>(),
        ) {
            let updates: Vec<Outline> = (1_i64..).zip(&told)
                .map(|(id, (state, fetched, ended))| update(id, Outcome::ALL[*state], *fetched, *ended))
                .collect();
            let mut other = updates.clone();
            other.sort_by_key(|one| one.id.get().unsigned_abs().wrapping_mul(seed | 1));
            prop_assert_eq!(at(&updates), at(&other));
        }
    }
}
