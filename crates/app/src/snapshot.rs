//! What a live connection knows of its device, kept true while it lives: name, aliases, kind, and what its type says.
//!
//! Devices of one type share one compiled topic map. Everything is read from the fleet index; knows no store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use windlass_domain::device_type::TypeSpec;
use windlass_domain::ids::TypeId;
use windlass_domain::topic_map::TopicMap;
use windlass_store::types::DeviceTypeRecord;

use crate::app::App;
use crate::message::{DevicePeer, in_topics};

/// Types that are kept compiled. With more they are compiled again when they are asked for.
const MOST: usize = 1_000;

#[derive(Debug, Clone)]
struct Compiled {
    record: Arc<DeviceTypeRecord>,
    spec: Arc<TypeSpec>,
    map: Arc<TopicMap>,
}

/// Device types, ready for connections.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    types: Mutex<HashMap<TypeId, Compiled>>,
    none: (Arc<TypeSpec>, Arc<TopicMap>),
}

impl Snapshots {
    fn of(&self, id: TypeId, record: &Arc<DeviceTypeRecord>, topics: (usize, usize)) -> Compiled {
        let mut types = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = types.get(&id).filter(|known| Arc::ptr_eq(&known.record, record)) {
            return known.clone();
        }
        let (bytes, levels) = topics;
        // A map that was stored compiles; if it does not, its topics are unmapped and the device still connects.
        let map = TopicMap::compile(&record.spec.topic_map, bytes, levels).unwrap_or_else(|(row, error)| {
            tracing::error!(type.name = %record.name, row, %error, "the type's topic map cannot be used");
            TopicMap::default()
        });
        let fresh =
            Compiled { record: Arc::clone(record), spec: Arc::new(record.spec.clone()), map: Arc::new(map) };
        if types.len() >= MOST && !types.contains_key(&id) {
            types.clear();
        }
        types.insert(id, fresh.clone());
        fresh
    }
}

impl App {
    /// What a type says at present, and its topic map; the defaults where there is none.
    pub(crate) fn type_of(&self, id: Option<TypeId>) -> (Arc<TypeSpec>, Arc<TopicMap>) {
        let found = id.and_then(|id| Some((id, self.fleet.type_record(id)?)));
        match found {
            Some((id, record)) => {
                let topics = (self.limits.topic_bytes, self.limits.topic_levels);
                let Compiled { record: _, spec, map } = self.snapshots.of(id, &record, topics);
                (spec, map)
            }
            None => self.snapshots.none.clone(),
        }
    }

    /// A signed-in device as it is by now, with what it signed in with; none if nothing changed or the device is not
    /// known here any more.
    pub fn peer_now(&self, peer: &DevicePeer) -> Option<DevicePeer> {
        let entry = self.fleet.entry(peer.device).filter(|entry| entry.device.tenant == peer.tenant)?;
        let (type_spec, topic_map) = self.type_of(entry.device.device_type);
        let aliases = in_topics(entry.aliases.iter().map(|alias| alias.external_id.as_str()));
        let same = entry.device.name == peer.name
            && entry.device.kind == peer.kind
            && aliases == peer.aliases
            && Arc::ptr_eq(&type_spec, &peer.type_spec)
            && Arc::ptr_eq(&topic_map, &peer.topic_map);
        (!same).then(|| DevicePeer {
            name: entry.device.name.clone(),
            kind: entry.device.kind,
            aliases,
            type_spec,
            topic_map,
            ..peer.clone()
        })
    }
}
