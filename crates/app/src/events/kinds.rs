//! How many kinds of events a device may tell of within a minute: each kind is a row of its own, so a device that makes
//! up kinds would fill the store. Per node; knows no clock.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use windlass_domain::ids::DeviceId;
use windlass_domain::time::Timestamp;

/// Most kinds of one device and minute.
pub(super) const MOST: usize = 20;
/// What the events beyond are kept as: one row that counts them and shows the latest.
pub(super) const OTHERS: &str = "device.others";

#[derive(Debug, Default)]
struct Minute {
    minute: i64,
    kinds: HashMap<DeviceId, BTreeSet<String>>,
}

/// The kinds of this minute.
#[derive(Debug, Default)]
pub struct EventKinds(Mutex<Minute>);

impl EventKinds {
    /// The kind under which an event of the device is kept. Asking twice gives the same answer.
    pub fn admit(&self, device: DeviceId, kind: String, now: Timestamp) -> String {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.seconds().div_euclid(60);
        if all.minute != minute {
            *all = Minute { minute, kinds: HashMap::new() };
        }
        let kinds = all.kinds.entry(device).or_default();
        if kinds.contains(&kind) {
            return kind;
        }
        if kinds.len() >= MOST {
            return OTHERS.to_owned();
        }
        kinds.insert(kind.clone());
        kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_beyond_what_a_minute_may_bring_share_one() {
        let (kinds, pump, at) = (EventKinds::default(), DeviceId::new(1), Timestamp::from_seconds);
        for number in 0..MOST {
            let kind = format!("device.k{number}");
            assert_eq!(kinds.admit(pump, kind.clone(), at(59)), kind);
        }
        assert_eq!(kinds.admit(pump, "device.new".to_owned(), at(59)), OTHERS);
        assert_eq!(kinds.admit(pump, "device.k3".to_owned(), at(59)), "device.k3", "known ones go on");
        assert_eq!(kinds.admit(DeviceId::new(2), "device.new".to_owned(), at(59)), "device.new");
        assert_eq!(kinds.admit(pump, "device.new".to_owned(), at(60)), "device.new");
    }
}
