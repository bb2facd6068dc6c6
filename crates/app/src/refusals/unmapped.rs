//! Topics that devices publish to and no topic map covers, so that an operator can map them. Bounded per device and
//! in all. Knows neither clock nor lock.

use std::collections::{BTreeMap, HashMap};

use windlass_domain::ids::DeviceId;
use windlass_domain::time::Timestamp;

/// Topics of one device; the one that was not seen for longest makes way.
pub(super) const TOPICS: usize = 50;
/// Devices; the one that was not seen for longest makes way.
pub(super) const DEVICES: usize = 2_000;

/// A topic that nothing maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmappedTopic {
    /// As the device wrote it.
    pub topic: String,
    /// A row that would map it for every device of the type.
    pub suggested_filter: String,
    /// How often since the server started or the topic was first seen.
    pub count: u64,
    /// Last time.
    pub last_at: Timestamp,
    /// Bytes of the last message.
    pub sample_bytes: usize,
    pub(super) client_id: String,
    turn: u64,
}

#[derive(Debug, Default)]
struct Own {
    turn: u64,
    topics: Vec<UnmappedTopic>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Unmapped {
    turn: u64,
    devices: HashMap<DeviceId, Own>,
    turns: BTreeMap<u64, DeviceId>,
}

/// A row that covers `topic` for every device: levels that are the device's own name or client id become
/// placeholders.
fn suggest(topic: &str, name: &str, client_id: &str) -> String {
    let levels: Vec<&str> = topic
        .split('/')
        .map(|level| match level {
            own if own == name => "{name}",
            own if !client_id.is_empty() && own == client_id => "{clientId}",
            other => other,
        })
        .collect();
    levels.join("/")
}

impl Unmapped {
    /// Notes a message to `topic`.
    pub(super) fn note(
        &mut self,
        device: DeviceId,
        (name, client_id): (&str, &str),
        topic: &str,
        bytes: usize,
        now: Timestamp,
    ) {
        self.turn += 1;
        let turn = self.turn;
        if !self.devices.contains_key(&device)
            && self.devices.len() >= DEVICES
            && let Some((_, longest)) = self.turns.pop_first()
        {
            self.devices.remove(&longest);
        }
        let own = self.devices.entry(device).or_default();
        self.turns.remove(&own.turn);
        own.turn = turn;
        self.turns.insert(turn, device);
        if let Some(known) = own.topics.iter_mut().find(|known| known.topic == topic) {
            known.count = known.count.saturating_add(1);
            known.last_at = now;
            known.sample_bytes = bytes;
            known.turn = turn;
            return;
        }
        if own.topics.len() >= TOPICS
            && let Some(longest) =
                own.topics.iter().enumerate().min_by_key(|(_, known)| known.turn).map(|(at, _)| at)
        {
            own.topics.swap_remove(longest);
        }
        own.topics.push(UnmappedTopic {
            topic: topic.to_owned(),
            suggested_filter: suggest(topic, name, client_id),
            count: 1,
            last_at: now,
            sample_bytes: bytes,
            client_id: client_id.to_owned(),
            turn,
        });
    }

    /// The topics of a device, latest first.
    pub(super) fn of(&self, device: DeviceId) -> Vec<UnmappedTopic> {
        let mut topics = self.devices.get(&device).map(|own| own.topics.clone()).unwrap_or_default();
        topics.sort_by_key(|topic| std::cmp::Reverse(topic.turn));
        topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_suggested_row_has_placeholders_where_the_device_wrote_itself() {
        for (topic, wanted) in [
            ("dt/app/pump-1/temp", "dt/app/{name}/temp"),
            ("pump-1/c-9/x", "{name}/{clientId}/x"),
            ("pump-10/x", "pump-10/x"),
            ("v1/devices/me/telemetry", "v1/devices/me/telemetry"),
        ] {
            assert_eq!(suggest(topic, "pump-1", "c-9"), wanted);
        }
        assert_eq!(suggest("a//b", "pump-1", ""), "a//b");
        assert_eq!(suggest("pump-1/x", "pump-1", "pump-1"), "{name}/x");
    }

    #[test]
    fn topics_are_counted_and_bounded_per_device_and_in_all() {
        let mut unmapped = Unmapped::default();
        let pump = DeviceId::new(0);
        unmapped.note(pump, ("pump", ""), "often", 5, at(1));
        for turn in 0..1_000 {
            unmapped.note(pump, ("pump", ""), &format!("random/{turn}"), 1, at(2));
            unmapped.note(pump, ("pump", ""), "often", 7, at(3));
        }
        let topics = unmapped.of(pump);
        assert_eq!(topics.len(), TOPICS);
        assert_eq!((topics[0].topic.as_str(), topics[0].count, topics[0].sample_bytes), ("often", 1_001, 7));
        for device in 1..=DEVICES {
            unmapped.note(DeviceId::new(i64::try_from(device).unwrap()), ("d", ""), "t", 1, at(4));
        }
        assert_eq!((unmapped.devices.len(), unmapped.turns.len()), (DEVICES, DEVICES));
        assert!(unmapped.of(pump).is_empty(), "the device that was silent for longest made way");
    }
}
