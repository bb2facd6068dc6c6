//! What is asked at every poll and changes seldom, kept in memory and forgotten when the change feed names it.
//!
//! **Invariant:** what was read before a change is never kept after it: whoever fills a place shows the generation that
//! it began to read in, and every forgetting starts a new one.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_domain::hawkbit::Settings;
use windlass_domain::ids::{DeviceId, TenantId};
use windlass_store::device_tokens::DeviceToken;
use windlass_store::{Change, ChangeKind};

/// Entries of one kind; with more the place is emptied and fills again.
const MOST: usize = 200_000;

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
    fn held(&self) -> MutexGuard<'_, Held<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known, or the generation in which to read it.
    pub(crate) fn get(&self, key: &K) -> Result<V, u64> {
        let held = self.held();
        held.facts.get(key).cloned().ok_or(held.generation)
    }

    /// Keeps what was read, unless something was forgotten since `generation`.
    pub(crate) fn keep(&self, key: K, value: V, generation: u64) {
        let mut held = self.held();
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
        let mut held = self.held();
        held.generation = held.generation.wrapping_add(1);
        held.facts.remove(key);
    }
}

/// Facts about tenants and devices.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) settings: Place<TenantId, Arc<Settings>>,
    pub(crate) tokens: Place<DeviceId, Option<DeviceToken>>,
}

impl Memory {
    /// Forgets what the change feed names.
    pub(crate) fn follow(&self, changes: &[Change]) {
        for change in changes {
            if change.kind == ChangeKind::Setting {
                self.settings.forget(&TenantId::new(change.id));
            } else if change.kind == ChangeKind::DeviceToken {
                self.tokens.forget(&DeviceId::new(change.id));
            }
        }
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
}
