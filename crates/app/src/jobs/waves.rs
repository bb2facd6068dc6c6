//! Waves as sets of devices: who comes when, where that is not simply the order of registration.
//!
//! Which attributes a device has is asked of the fleet index. Knows no storage.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use roaring::RoaringTreemap;
use windlass_domain::ids::{AttributeKey, DeviceId, TenantId};
use windlass_domain::job::{Job, Order, RolloutPolicy, Wave};
use windlass_store::StoreError;

use crate::fleet::{number, parse_query};
use crate::{App, AppError};

/// The targets of a job, in waves.
#[derive(Debug, Clone, Default)]
pub(super) struct Targets {
    /// All of them.
    pub(super) whole: RoaringTreemap,
    /// By wave, as the job has them; none if they come in order of registration.
    pub(super) waves: Vec<RoaringTreemap>,
}

fn take(set: &RoaringTreemap, ranks: &Range<u64>) -> Vec<DeviceId> {
    let wanted = usize::try_from(ranks.end.saturating_sub(ranks.start)).unwrap_or(usize::MAX);
    let Some(first) = set.select(ranks.start) else { return Vec::new() };
    let mut iterator = set.iter();
    iterator.advance_to(first);
    iterator.take(wanted).filter_map(|id| i64::try_from(id).ok()).map(DeviceId::new).collect()
}

impl Targets {
    /// The devices of some ranks, which all lie in one wave.
    ///
    /// # Errors
    /// There are no such ones: these are not the targets of the job.
    pub(super) fn at_ranks(
        &self,
        job: &Job,
        wave: u32,
        ranks: &Range<u64>,
    ) -> Result<Vec<DeviceId>, StoreError> {
        let found = if self.waves.is_empty() {
            take(&self.whole, ranks)
        } else {
            let ranges = job.wave_ranges();
            let index = ranges.iter().position(|(number, _)| *number == wave);
            match index.and_then(|index| self.waves.get(index).zip(ranges.get(index))) {
                Some((set, (_, range))) => {
                    let local =
                        ranks.start.saturating_sub(range.start)..ranks.end.saturating_sub(range.start);
                    take(set, &local)
                }
                None => Vec::new(),
            }
        };
        let wanted = ranks.end.saturating_sub(ranks.start);
        if u64::try_from(found.len()) == Ok(wanted) {
            return Ok(found);
        }
        let Range { start, end } = ranks;
        let problem =
            format!("job {} has {} of the devices {start} to {end} of wave {wave}", job.id, found.len());
        Err(StoreError::corrupt("job.targets", problem))
    }

    /// The rank that follows a device, or the place where it was, in the wave at `index` of the job's.
    pub(super) fn rank_after(&self, job: &Job, index: usize, device: DeviceId) -> u64 {
        let id = number(device);
        match self.waves.get(index) {
            Some(set) => job.wave_ranges().get(index).map_or(0, |(_, range)| range.start) + set.rank(id),
            None => self.whole.rank(id),
        }
    }

    /// The wave that a device is in, from 0.
    pub(super) fn wave_of(&self, job: &Job, device: DeviceId) -> Option<u32> {
        let id = u64::try_from(device.get()).ok()?;
        if !self.whole.contains(id) {
            return None;
        }
        let ranges = job.wave_ranges();
        let index = if self.waves.is_empty() {
            let rank = self.whole.rank(id).saturating_sub(1);
            ranges.iter().position(|(_, range)| range.contains(&rank))?
        } else {
            self.waves.iter().position(|wave| wave.contains(id))?
        };
        ranges.get(index).map(|(number, _)| *number)
    }
}

/// How attribute values are ordered: numbers before texts, devices without one last.
fn by_value(one: Option<&str>, other: Option<&str>, descending: bool) -> Ordering {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    match (one, other) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => {
            let order = match (number(a), number(b)) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => a.cmp(b),
            };
            if descending { order.reverse() } else { order }
        }
    }
}

/// Puts devices in order. `value` tells an attribute of a device; `seed` decides what is left to chance.
fn arrange(
    order: &Order,
    targets: &RoaringTreemap,
    value: impl Fn(u64, &AttributeKey) -> Option<String>,
    seed: [u8; 32],
) -> Vec<u64> {
    let mut devices: Vec<u64> = targets.iter().collect();
    match order {
        Order::Registered => {}
        Order::Random => devices.shuffle(&mut rand::rngs::StdRng::from_seed(seed)),
        Order::Attribute { key, descending } => {
            let values: HashMap<u64, Option<String>> =
                devices.iter().map(|device| (*device, value(*device, key))).collect();
            let of = |device: &u64| values.get(device).and_then(Option::as_deref);
            devices.sort_by(|a, b| by_value(of(a), of(b), *descending));
        }
        Order::Spread { key } => {
            let mut sites: BTreeMap<Option<String>, Vec<u64>> = BTreeMap::new();
            for device in devices {
                sites.entry(value(device, key)).or_default().push(device);
            }
            // Each device gets its place within its site as a fraction; any beginning of the list then holds about
            // the same share of every site. Compared without division: (2a + 1) / 2n against (2b + 1) / 2m.
            let mut placed: Vec<(u128, u128, u64)> = Vec::new();
            for members in sites.into_values() {
                let size = u128::try_from(members.len()).unwrap_or(u128::MAX);
                let places = (0_u128..).zip(members);
                placed.extend(places.map(|(place, device)| (2 * place + 1, size, device)));
            }
            placed.sort_by(|(a, n, one), (b, m, other)| (a * m).cmp(&(b * n)).then(one.cmp(other)));
            devices = placed.into_iter().map(|(_, _, device)| device).collect();
        }
    }
    devices
}

/// Cuts an order into waves; what is left makes one more. `matching`: what the query of a wave selects, if it has one.
fn cut(order: &[u64], waves: &[Wave], matching: &[Option<RoaringTreemap>]) -> Vec<RoaringTreemap> {
    let total = u64::try_from(order.len()).unwrap_or(u64::MAX);
    let mut left: Vec<u64> = order.to_vec();
    let mut cut = Vec::with_capacity(waves.len() + 1);
    for (index, wave) in waves.iter().enumerate() {
        let query = matching.get(index).and_then(Option::as_ref);
        let fits = |device: &u64| query.is_none_or(|set| set.contains(*device));
        let base = match query {
            Some(_) => u64::try_from(left.iter().filter(|device| fits(device)).count()).unwrap_or(u64::MAX),
            None => total,
        };
        let most = usize::try_from(wave.amount.of(base)).unwrap_or(usize::MAX);
        let mut set = RoaringTreemap::new();
        let mut taken = 0;
        left.retain(|device| {
            let takes = taken < most && fits(device);
            if takes {
                set.insert(*device);
                taken += 1;
            }
            !takes
        });
        cut.push(set);
    }
    if !left.is_empty() {
        cut.push(left.into_iter().collect());
    }
    cut
}

/// The waves of a job whose targets were found wave by wave; who is in none makes one more.
pub(super) fn as_found(targets: &RoaringTreemap, found: &[BTreeSet<DeviceId>]) -> Vec<RoaringTreemap> {
    let mut left = targets.clone();
    let mut waves = Vec::with_capacity(found.len() + 1);
    for devices in found {
        let devices: RoaringTreemap = devices.iter().map(|device| number(*device)).collect();
        let wave = devices & &left;
        left -= &wave;
        waves.push(wave);
    }
    if !left.is_empty() {
        waves.push(left);
    }
    waves
}

/// Freezes the waves of a new job with a sound policy. None: they are in order of registration, and their sizes follow
/// from the policy. `seed` decides what is left to chance.
pub(super) fn freeze(
    app: &App,
    tenant: TenantId,
    targets: &RoaringTreemap,
    waves: &[Wave],
    rollout: &RolloutPolicy,
    seed: [u8; 32],
) -> Result<Vec<RoaringTreemap>, AppError> {
    let by_query = waves.iter().any(|wave| wave.query.is_some());
    if rollout.order == Order::Registered && !by_query && rollout.continuous.is_none() {
        return Ok(Vec::new());
    }
    let now = app.clock.now();
    let mut matching = Vec::with_capacity(waves.len());
    for (index, wave) in waves.iter().enumerate() {
        matching.push(match &wave.query {
            None => None,
            Some(text) => {
                let query = parse_query(&format!("rollout.waveTerms.{index}.query"), text)?;
                Some(app.fleet.select(tenant, &query, app, now).devices)
            }
        });
    }
    let value = |id: u64, key: &AttributeKey| {
        let entry = app.fleet.entry(DeviceId::new(i64::try_from(id).ok()?))?;
        let device = &entry.device;
        device.attributes.get(key).or_else(|| device.inventory.get(key)).cloned()
    };
    let order = arrange(&rollout.order, targets, value, seed);
    Ok(cut(&order, waves, &matching))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use windlass_domain::job::{Amount, FrozenWave, fixture};

    use super::*;

    fn site(device: u64) -> Option<String> {
        (device % 10 != 9).then(|| format!("site-{}", device % 3))
    }

    fn any_order() -> impl Strategy<Value = Order> {
        let key: AttributeKey = "site".parse().unwrap();
        prop_oneof![
            Just(Order::Registered),
            Just(Order::Random),
            Just(Order::Attribute { key: key.clone(), descending: true }),
            Just(Order::Spread { key }),
        ]
    }

    proptest! {
        #[test]
        fn every_target_is_in_exactly_one_wave(
            order in any_order(),
            devices in proptest::collection::btree_set(1_u64..500, 0..80),
            waves in proptest::collection::vec((0_u8..=100, any::<bool>()), 0..5),
            seed in any::<[u8; 32]>(),
        ) {
            let targets: RoaringTreemap = devices.iter().copied().collect();
            let even: RoaringTreemap = devices.iter().copied().filter(|id| id % 2 == 0).collect();
            let arranged = arrange(&order, &targets, |id, _| site(id), seed);
            let policy: Vec<Wave> = waves.iter().map(|(percent, _)| Amount::Percent(*percent).into()).collect();
            let matching: Vec<_> = waves.iter().map(|(_, by_query)| by_query.then(|| even.clone())).collect();
            let cut = cut(&arranged, &policy, &matching);
            let mut union = RoaringTreemap::new();
            for (index, wave) in cut.iter().enumerate() {
                prop_assert!(union.is_disjoint(wave));
                union |= wave;
                if let Some(Some(query)) = matching.get(index) {
                    prop_assert!(wave.is_subset(query));
                }
            }
            prop_assert_eq!(union, targets);
        }
    }

    #[test]
    fn spread_waves_hold_the_same_share_of_every_site() {
        let targets: RoaringTreemap = (1..=300).collect();
        let key: AttributeKey = "site".parse().unwrap();
        let order = arrange(&Order::Spread { key }, &targets, |id, _| Some((id > 200).to_string()), [0; 32]);
        let first = cut(&order, &[Amount::Percent(10).into()], &[None]).remove(0);
        assert_eq!(first.len(), 30);
        assert_eq!(first.iter().filter(|id| *id > 200).count(), 10, "a third of the devices is on that site");
    }

    #[test]
    fn numbers_are_ordered_as_numbers_and_devices_without_the_value_come_last() {
        let targets: RoaringTreemap = (1..=4).collect();
        let value = |id: u64, _: &AttributeKey| {
            ["10", "9", "x"].get(usize::try_from(id).unwrap() - 1).map(|v| (*v).to_owned())
        };
        let key: AttributeKey = "rank".parse().unwrap();
        let rising = Order::Attribute { key: key.clone(), descending: false };
        assert_eq!(arrange(&rising, &targets, value, [0; 32]), [2, 1, 3, 4]);
        let falling = Order::Attribute { key, descending: true };
        assert_eq!(arrange(&falling, &targets, value, [0; 32]), [3, 1, 2, 4]);
    }

    #[test]
    fn ranks_that_the_targets_do_not_have_are_an_error_and_not_nobody() {
        let job = |sizes: &[u64]| Job {
            target_count: sizes.iter().sum(),
            frozen_waves: FrozenWave::in_order(sizes.iter().copied()),
            ..fixture::job()
        };
        let sets = |waves: &[&[u64]]| Targets {
            whole: waves.iter().flat_map(|wave| wave.iter().copied()).collect(),
            waves: waves.iter().map(|wave| wave.iter().copied().collect()).collect(),
        };
        let read = sets(&[&[5, 7], &[6]]);
        let (first, second) = (vec![DeviceId::new(5), DeviceId::new(7)], vec![DeviceId::new(6)]);
        assert_eq!(read.at_ranks(&job(&[2, 1]), 0, &(0..2)).unwrap(), first);
        assert_eq!(read.at_ranks(&job(&[2, 1]), 1, &(2..3)).unwrap(), second);
        let joined = job(&[2, 1, 1]);
        assert!(read.at_ranks(&joined, 2, &(3..4)).is_err(), "a wave that joined since");
        assert!(read.at_ranks(&job(&[3, 1]), 0, &(0..3)).is_err(), "fewer than ranks");
        let ordered = Targets { waves: Vec::new(), ..read };
        assert_eq!(ordered.at_ranks(&job(&[]), 0, &(1..3)).unwrap().len(), 2);
        assert!(ordered.at_ranks(&job(&[]), 0, &(2..4)).is_err());
    }

    #[test]
    fn chance_is_another_one_with_another_seed() {
        let targets: RoaringTreemap = (1..=50).collect();
        let order = |seed| arrange(&Order::Random, &targets, |_, _| None, [seed; 32]);
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
