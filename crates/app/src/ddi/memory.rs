//! What is asked at every poll and changes seldom, kept in memory and forgotten when the change feed names it.
//!
//! **Invariant:** what was read before a change is never kept after it: whoever fills a place shows the generation that
//! it began to read in, and every forgetting starts a new one.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use windlass_domain::hawkbit::Settings;
use windlass_domain::ids::{DeviceId, TenantId, TenantName};
use windlass_domain::time::Timestamp;
use windlass_store::ddi::Target;
use windlass_store::device_tokens::DeviceToken;
use windlass_store::{Change, ChangeKind};

use super::files::Files;

/// Entries of one kind; with more the place is emptied and fills again.
const MOST: usize = 1_000_000;
/// How long it is believed that a device has nothing to do, though nobody said otherwise.
const BELIEVED: Duration = Duration::from_secs(3600);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One kind of facts.
#[derive(Debug)]
pub(crate) struct Place<K, V>(Mutex<Held<K, V>>);

#[derive(Debug)]
struct Held<K, V> {
    generation: u64,
    facts: HashMap<K, V>,
}

impl<K, V> Default for Place<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Held { generation: 0, facts: HashMap::new() }))
    }
}

impl<K: Eq + Hash, V: Clone> Place<K, V> {
    /// What is known, or the generation in which to read it.
    pub(crate) fn get(&self, key: &K) -> Result<V, u64> {
        let held = lock(&self.0);
        held.facts.get(key).cloned().ok_or(held.generation)
    }

    /// Keeps what was read, unless something was forgotten since `generation`.
    pub(crate) fn keep(&self, key: K, value: V, generation: u64) {
        let mut held = lock(&self.0);
        if held.generation != generation {
            return;
        }
        if held.facts.len() >= MOST {
            held.facts.clear();
        }
        held.facts.insert(key, value);
    }

    /// Forgets one fact.
    pub(crate) fn forget(&self, key: &K) {
        let mut held = lock(&self.0);
        held.generation = held.generation.wrapping_add(1);
        held.facts.remove(key);
    }

    /// Forgets everything.
    fn forget_all(&self) {
        let mut held = lock(&self.0);
        held.generation = held.generation.wrapping_add(1);
        held.facts.clear();
    }
}

/// What is known of a device only while it is in contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Where it came from.
    pub address: IpAddr,
    /// What its client calls itself; may be empty.
    pub agent: String,
    /// When it was told to come again.
    pub next: Option<Timestamp>,
    /// How long it was told to stay away.
    pub told: Option<Duration>,
}

/// Rounded up, so that jitter does not make an interval of every device.
const fn whole_minutes(told: Duration) -> Duration {
    Duration::from_secs(told.as_secs().div_ceil(60).saturating_mul(60))
}

/// New devices of this minute, by tenant: what those of one are too many for leaves the others their own.
#[derive(Debug, Default)]
pub(crate) struct Admissions(Mutex<(i64, HashMap<TenantId, u32>)>);

impl Admissions {
    /// Counts one more; false if there were too many.
    pub(crate) fn take(&self, tenant: TenantId, now: Timestamp, most: u32) -> bool {
        let minute = now.seconds().div_euclid(60);
        let mut counted = lock(&self.0);
        if counted.0 != minute {
            *counted = (minute, HashMap::new());
        }
        let count = counted.1.entry(tenant).or_default();
        *count = count.saturating_add(1);
        *count <= most
    }
}

/// Facts about tenants and devices.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) tenants: Place<TenantName, TenantId>,
    pub(crate) settings: Place<TenantId, Arc<Settings>>,
    pub(crate) tokens: Place<DeviceId, Option<DeviceToken>>,
    pub(crate) certificates: Place<DeviceId, bool>,
    pub(crate) aliases: Place<(TenantId, String), DeviceId>,
    pub(crate) targets: Place<DeviceId, Arc<Target>>,
    /// Since when a device has nothing to do.
    idle: Place<DeviceId, Timestamp>,
    contacts: Mutex<HashMap<DeviceId, Contact>>,
    /// Devices whose client was seen closing what it was told to skip.
    closers: Mutex<HashMap<DeviceId, ()>>,
    pub(crate) admissions: Admissions,
    pub(crate) files: Files,
}

impl Memory {
    /// Forgets what the change feed names.
    pub(crate) fn follow(&self, changes: &[Change]) {
        for change in changes {
            if change.kind == ChangeKind::Setting {
                self.settings.forget(&TenantId::new(change.id));
            } else if change.kind == ChangeKind::Tenant {
                self.tenants.forget_all();
            } else if change.kind == ChangeKind::DeviceToken {
                self.tokens.forget(&DeviceId::new(change.id));
            } else if change.kind == ChangeKind::DdiTarget {
                self.targets.forget(&DeviceId::new(change.id));
            } else if change.kind == ChangeKind::Credential {
                // A credential does not say whose it is.
                self.certificates.forget_all();
            }
        }
    }

    /// The device may have something to do, or nothing any more.
    pub(crate) fn woken(&self, device: DeviceId) {
        self.idle.forget(&device);
        self.files.forget(device);
    }

    /// Whether the device surely has nothing to do; else the generation in which to look.
    pub(crate) fn is_idle(&self, device: DeviceId, now: Timestamp) -> Result<(), u64> {
        match self.idle.get(&device) {
            Ok(since) if now.since(since) < BELIEVED => Ok(()),
            Ok(_) => {
                self.idle.forget(&device);
                self.idle.get(&device).map(drop)
            }
            Err(generation) => Err(generation),
        }
    }

    /// The device was seen to have nothing to do.
    pub(crate) fn idle(&self, device: DeviceId, now: Timestamp, generation: u64) {
        self.idle.keep(device, now, generation);
    }

    pub(crate) fn note_contact(&self, device: DeviceId, contact: Contact) {
        let mut contacts = lock(&self.contacts);
        if contacts.len() >= MOST {
            contacts.clear();
        }
        let known = contacts.get(&device);
        let next = contact.next.or_else(|| known.and_then(|known| known.next));
        let told = contact.told.or_else(|| known.and_then(|known| known.told));
        contacts.insert(device, Contact { next, told, ..contact });
    }

    /// The device was told at `now` to come again after `sleep`.
    pub(crate) fn note_next(&self, device: DeviceId, now: Timestamp, sleep: Duration) {
        if let Some(contact) = lock(&self.contacts).get_mut(&device) {
            contact.next = Some(now.plus(sleep));
            contact.told = Some(sleep);
        }
    }

    /// How often a device is to be heard by what it was told, in whole minutes.
    pub(crate) fn interval(&self, device: DeviceId) -> Option<Duration> {
        lock(&self.contacts).get(&device)?.told.map(whole_minutes)
    }

    /// Hands over every device that was told how long to stay away.
    pub(crate) fn each_interval(&self, each: &mut dyn FnMut(DeviceId, Duration)) {
        for (device, contact) in &*lock(&self.contacts) {
            if let Some(told) = contact.told {
                each(*device, whole_minutes(told));
            }
        }
    }

    pub(crate) fn contact(&self, device: DeviceId) -> Option<Contact> {
        lock(&self.contacts).get(&device).cloned()
    }

    /// The client closed what it was told to skip: nothing of that kind is shown to it any more.
    pub(crate) fn closes_skipped(&self, device: DeviceId) {
        let mut closers = lock(&self.closers);
        if closers.len() < MOST {
            closers.insert(device, ());
        }
    }

    pub(crate) fn is_closer(&self, device: DeviceId) -> bool {
        lock(&self.closers).contains_key(&device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let place: Place<u32, &str> = Place::default();
        let before = place.get(&1).unwrap_err();
        place.forget(&1);
        place.keep(1, "old", before);
        let now = place.get(&1).unwrap_err();
        place.keep(1, "new", now);
        assert_eq!(place.get(&1), Ok("new"));
    }

    #[test]
    fn a_device_is_looked_at_again_when_it_is_woken_and_after_an_hour() {
        let (memory, device) = (Memory::default(), DeviceId::new(1));
        let at = Timestamp::from_seconds;
        let generation = memory.is_idle(device, at(0)).unwrap_err();
        memory.woken(device);
        memory.idle(device, at(0), generation);
        let generation = memory.is_idle(device, at(0)).unwrap_err();
        memory.idle(device, at(0), generation);
        assert_eq!(memory.is_idle(device, at(3599)), Ok(()));
        assert!(memory.is_idle(device, at(3600)).is_err());
    }

    #[test]
    fn new_devices_are_counted_by_the_minute_and_those_of_each_tenant_alone() {
        let (admissions, other) = (Admissions::default(), TenantId::new(2));
        let take = |seconds| admissions.take(TenantId::new(1), Timestamp::from_seconds(seconds), 2);
        assert!(take(0) && take(59) && !take(59) && !take(59));
        assert!(admissions.take(other, Timestamp::from_seconds(59), 2), "another tenant has its own");
        assert!(take(60));
    }
}
