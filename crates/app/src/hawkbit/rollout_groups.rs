//! Groups of a rollout to make: what clients write of them, and the waves that they become. Pure.

use windlass_domain::job::{Amount, FailureThreshold, ShareOf, SuccessThreshold, ThresholdScope, Wave};
use windlass_store::management::GroupExtra;

use crate::error::AppError;

/// Most targets of a group of a rollout, as upstream's quota.
pub(super) const GROUP_TARGETS: u64 = 20_000;

/// A group of a rollout to make.
#[derive(Debug, Clone, PartialEq)]
pub struct NewGroup {
    /// Its name; one that is made of its place where absent.
    pub name: Option<String>,
    /// For people; its name where that is made.
    pub description: Option<String>,
    /// RSQL that narrows what it takes.
    pub query: Option<String>,
    /// Its share of what the groups before it left, 0 to 100.
    pub percent: f64,
    /// At which share of successes the next one begins.
    pub success: u8,
    /// More than this share of errors stops the rollout.
    pub failure: u8,
    /// Whether the rollout pauses once it is through.
    pub pause: bool,
    /// Whether its targets ask first, where the tenant wants them to at all; as the rollout says if none.
    pub consent: Option<bool>,
}

/// A share of `left`, rounded to the nearest whole target as hawkBit does, and at least one: a canary is not left out.
pub(super) fn share(percent: f64, left: u64) -> u64 {
    let millionths = (percent.clamp(0.0, 100.0) * 1_000_000.0).round();
    let millionths = format!("{millionths:.0}").parse::<u128>().unwrap_or(0);
    let nearest = (u128::from(left) * millionths + 50_000_000) / 100_000_000;
    u64::try_from(nearest).unwrap_or(left).max(1).min(left)
}

/// Refuses a group of more targets than one may have.
pub(super) fn bounded_group(name: &str, targets: u64) -> Result<(), AppError> {
    if targets <= GROUP_TARGETS {
        return Ok(());
    }
    let detail = format!(
        "a group of a rollout has at most {GROUP_TARGETS} targets, and {name} would have {targets}; make more groups"
    );
    Err(AppError::Quota { code: "hawkbit.group_targets", detail })
}

/// The groups in which so many targets are tried again: of equal size, and no more than they need.
pub(super) fn again(targets: usize) -> Vec<NewGroup> {
    let needed = u64::try_from(targets).unwrap_or(u64::MAX).div_ceil(GROUP_TARGETS).max(1);
    let count = u32::try_from(needed).unwrap_or(u32::MAX);
    let group = |index| NewGroup {
        name: None,
        description: None,
        query: None,
        percent: 100.0 / f64::from(count - index),
        success: 50,
        failure: 50,
        pause: false,
        consent: None,
    };
    (0..count).map(group).collect()
}

/// Of two thresholds what is stricter in either.
pub(super) fn strictest(one: FailureThreshold, other: FailureThreshold) -> FailureThreshold {
    let least = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
    let of_finished = one.of == ShareOf::Finished || other.of == ShareOf::Finished;
    let of_job = one.scope == ThresholdScope::Job || other.scope == ThresholdScope::Job;
    FailureThreshold {
        count: least(one.count, other.count),
        percent: one.percent.into_iter().chain(other.percent).min(),
        of: if of_finished { ShareOf::Finished } else { ShareOf::All },
        minimum: one.minimum.min(other.minimum),
        scope: if of_job { ThresholdScope::Job } else { ThresholdScope::Wave },
    }
}

/// What a group is called that nobody named.
pub(super) fn numbered(index: usize) -> String {
    format!("group-{}", index + 1)
}

/// The groups as they were asked for.
pub(super) fn as_asked(groups: &[NewGroup]) -> Vec<GroupExtra> {
    let one = |(index, group): (usize, &NewGroup)| {
        let made = group.name.is_none().then(|| numbered(index));
        GroupExtra {
            description: group.description.clone().or(made),
            query: group.query.clone(),
            percent: Some(group.percent),
            success: Some(group.success),
        }
    };
    groups.iter().enumerate().map(one).collect()
}

pub(super) fn wave(index: usize, group: &NewGroup, size: u64) -> Wave {
    Wave {
        name: group.name.clone().unwrap_or_else(|| numbered(index)),
        // Who is in it is told with the targets.
        query: None,
        amount: Amount::Count(size),
        success: Some(SuccessThreshold { percent: group.success }),
        failure: Some(FailureThreshold {
            count: None,
            percent: Some(group.failure),
            of: ShareOf::All,
            minimum: 0,
            scope: ThresholdScope::Wave,
        }),
        pause_after: group.pause,
        consent: group.consent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_more_targets_than_the_quota_is_refused_by_name() {
        assert!(bounded_group("canaries", GROUP_TARGETS).is_ok());
        let Err(AppError::Quota { code: "hawkbit.group_targets", detail }) =
            bounded_group("canaries", GROUP_TARGETS + 1)
        else {
            panic!("it is taken");
        };
        assert!(detail.contains("at most 20000") && detail.contains("canaries would have 20001"), "{detail}");
    }

    #[test]
    fn of_two_thresholds_what_is_stricter_in_either_counts() {
        let wave = |count, percent| FailureThreshold {
            count,
            percent,
            of: ShareOf::All,
            minimum: 5,
            scope: ThresholdScope::Wave,
        };
        let share = FailureThreshold { of: ShareOf::Finished, minimum: 0, ..wave(None, Some(30)) };
        let whole = FailureThreshold { scope: ThresholdScope::Job, ..wave(Some(9), Some(10)) };
        assert_eq!(strictest(wave(Some(1), None), wave(Some(1), None)), wave(Some(1), None));
        assert_eq!(strictest(wave(Some(4), Some(20)), wave(Some(1), None)), wave(Some(1), Some(20)));
        let both = FailureThreshold { count: Some(9), percent: Some(10), ..share };
        assert_eq!(strictest(whole, share), FailureThreshold { scope: ThresholdScope::Job, ..both });
    }

    #[test]
    fn targets_that_are_tried_again_are_in_no_group_of_more_than_the_quota() {
        for targets in [1, 19_999, 20_000, 20_001, 39_999, 40_000, 40_001, 200_000, 999_999, 10_000_000] {
            let mut left = u64::try_from(targets).unwrap();
            let groups = again(targets);
            assert_eq!(groups.len(), targets.div_ceil(20_000), "{targets}");
            for group in &groups {
                let size = share(group.percent, left);
                assert!(bounded_group("one", size).is_ok(), "{size} of {targets}");
                left -= size;
            }
            assert_eq!(left, 0, "{targets}");
        }
    }

    #[test]
    fn equal_groups_get_equal_shares_whatever_their_number() {
        for count in 1..=500_u32 {
            let mut left = u64::from(count) * 3;
            for index in 0..count {
                let size = share(100.0 / f64::from(count - index), left);
                assert_eq!(size, 3, "group {index} of {count}");
                left -= size;
            }
        }
        assert_eq!((share(50.0, 3), share(0.000_001, 5), share(100.0, 7), share(1.0, 0)), (2, 1, 7, 0));
    }

    #[test]
    fn shares_are_rounded_as_hawkbit_rounds_them() {
        let sizes = |shares: &[f64], mut left: u64| {
            let mut take = |part: &f64| {
                let size = share(*part, left);
                left -= size;
                size
            };
            shares.iter().map(&mut take).collect::<Vec<_>>()
        };
        let equal = |count: u8| (0..count).map(|index| 100.0 / f64::from(count - index)).collect::<Vec<_>>();
        assert_eq!(sizes(&equal(3), 7), [2, 3, 2]);
        assert_eq!(sizes(&equal(3), 10), [3, 4, 3]);
        assert_eq!(sizes(&equal(4), 10), [3, 2, 3, 2]);
        assert_eq!(sizes(&[20.0, 100.0], 6), [1, 5]);
        assert_eq!(sizes(&[33.0, 50.0, 100.0], 10), [3, 4, 3]);
    }
}
