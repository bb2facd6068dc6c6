//! Last contact and last values of every device, in memory; never a database row per message.
//!
//! Saved from time to time as one blob per node and block of 4,096 devices; a cursor into the telemetry log is saved
//! last. At start the blobs of all nodes are merged, the newest winning, and the log is replayed from the cursor, so
//! nothing acknowledged is missing. The log is not compacted beyond the cursor before the blobs are saved.
//!
//! Knows neither names nor tenants, and of connections only when a device was heard.

mod codec;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_domain::ids::DeviceId;
use windlass_domain::telemetry::{Point, Stamp, Value};
use windlass_domain::time::Timestamp;
use windlass_store::live::{LiveBlock, live_block_save, live_blocks};
use windlass_store::telemetry::{Position, Received, Telemetry};
use windlass_store::{Store, StoreError};

/// Devices of one block are 2^12 neighbours.
const BLOCK_BITS: u32 = 12;
/// Values held in memory for one device; of more metrics the oldest are read from the telemetry store.
pub const VALUES_PER_DEVICE: usize = 64;
/// The block that holds a node's cursor instead of devices.
const CURSOR: i64 = -1;
/// Log rows read at once at start.
const REPLAYED_AT_ONCE: u32 = 256;

/// A last value; its metric's name is shared by all devices.
#[derive(Debug, Clone, PartialEq)]
struct LastValue {
    metric: Arc<str>,
    at: Timestamp,
    stamp: Stamp,
    value: Value,
}

/// What is known of one device.
#[derive(Debug, Clone, PartialEq, Default)]
struct Seen {
    last_seen: Option<Timestamp>,
    /// Sorted by metric.
    values: Vec<LastValue>,
}

impl Seen {
    fn contact(&mut self, at: Timestamp) {
        self.last_seen = self.last_seen.max(Some(at));
    }

    /// Keeps the newest of each metric; of two at one time the later to come.
    fn value(&mut self, new: LastValue) {
        match self.values.binary_search_by(|old| old.metric.cmp(&new.metric)) {
            Ok(place) => {
                if let Some(old) = self.values.get_mut(place).filter(|old| old.at <= new.at) {
                    *old = new;
                }
            }
            Err(place) => {
                self.values.insert(place, new);
                if self.values.len() > VALUES_PER_DEVICE
                    && let Some((oldest, _)) =
                        self.values.iter().enumerate().min_by_key(|(_, value)| value.at)
                {
                    self.values.remove(oldest);
                }
            }
        }
    }
}

#[derive(Debug, Default)]
struct Block {
    devices: HashMap<i64, Seen>,
    unsaved: bool,
}

/// The live state of all devices.
#[derive(Debug, Default)]
pub struct Live {
    blocks: Mutex<BTreeMap<i64, Arc<Mutex<Block>>>>,
    names: Mutex<HashSet<Arc<str>>>,
    /// Shared by whoever appends and then applies; taken alone to find a position up to which everything is applied.
    applying: tokio::sync::RwLock<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    fn block(&self, device: DeviceId) -> Arc<Mutex<Block>> {
        let mut blocks = lock(&self.blocks);
        Arc::clone(blocks.entry(device.get() >> BLOCK_BITS).or_default())
    }

    fn name(&self, metric: &str) -> Arc<str> {
        let mut names = lock(&self.names);
        if let Some(name) = names.get(metric) {
            return Arc::clone(name);
        }
        let name: Arc<str> = Arc::from(metric);
        names.insert(Arc::clone(&name));
        name
    }

    fn change(&self, device: DeviceId, change: impl FnOnce(&mut Seen)) {
        let block = self.block(device);
        let mut block = lock(&block);
        change(block.devices.entry(device.get()).or_default());
        block.unsaved = true;
    }

    fn look<T>(&self, device: DeviceId, look: impl FnOnce(&Seen) -> T) -> Option<T> {
        let block = self.block(device);
        let block = lock(&block);
        block.devices.get(&device.get()).map(look)
    }

    /// The device was heard.
    pub fn seen(&self, device: DeviceId, at: Timestamp) {
        self.change(device, |seen| seen.contact(at));
    }

    /// The device was heard and sent points, which are durable.
    pub fn apply(&self, message: &Received) {
        let values: Vec<LastValue> = message
            .points
            .iter()
            .map(|Point { metric, at, value, stamp }| LastValue {
                metric: self.name(metric.as_str()),
                at: *at,
                stamp: *stamp,
                value: value.clone(),
            })
            .collect();
        self.change(message.device, |seen| {
            seen.contact(message.received_at);
            for value in values {
                seen.value(value);
            }
        });
    }

    /// When the device was last heard.
    pub fn last_seen(&self, device: DeviceId) -> Option<Timestamp> {
        self.look(device, |seen| seen.last_seen).flatten()
    }

    /// Hands over every device that was ever heard and when it was last heard, in no order.
    pub fn each_last_seen(&self, each: &mut dyn FnMut(DeviceId, Timestamp)) {
        let blocks: Vec<_> = lock(&self.blocks).values().map(Arc::clone).collect();
        for block in blocks {
            for (device, seen) in &lock(&block).devices {
                if let Some(at) = seen.last_seen {
                    each(DeviceId::new(*device), at);
                }
            }
        }
    }

    /// The newest value of its metrics, by name: at most [`VALUES_PER_DEVICE`], the most recent ones.
    pub fn last_values(&self, device: DeviceId) -> Vec<Point> {
        let values = self.look(device, |seen| seen.values.clone()).unwrap_or_default();
        values
            .into_iter()
            .filter_map(|LastValue { metric, at, stamp, value }| {
                Some(Point { metric: metric.parse().ok()?, at, value, stamp })
            })
            .collect()
    }

    /// Forgets a device that was deleted.
    pub fn forget(&self, device: DeviceId) {
        let block = self.block(device);
        let mut block = lock(&block);
        block.unsaved |= block.devices.remove(&device.get()).is_some();
    }

    /// Held from before an append until what it stored is applied.
    pub(crate) async fn applying(&self) -> tokio::sync::RwLockReadGuard<'_, ()> {
        self.applying.read().await
    }

    /// Saves what changed since the last time. Returns the position up to which the log is no longer needed.
    ///
    /// # Errors
    /// When the store fails; what was not saved will be the next time.
    pub async fn save(
        &self,
        store: &Store,
        telemetry: &Telemetry,
        node: &str,
        now: Timestamp,
    ) -> Result<Position, StoreError> {
        // Whoever appended up to here has applied it.
        let position = {
            let _alone = self.applying.write().await;
            telemetry.position()
        };
        let blocks: Vec<(i64, Arc<Mutex<Block>>)> =
            lock(&self.blocks).iter().map(|(number, block)| (*number, Arc::clone(block))).collect();
        for (number, block) in blocks {
            let data = {
                let mut block = lock(&block);
                if !std::mem::take(&mut block.unsaved) {
                    continue;
                }
                codec::encode(&block.devices)
            };
            if let Err(error) = keep(store, node, number, now, data).await {
                lock(&block).unsaved = true;
                return Err(error);
            }
        }
        keep(store, node, CURSOR, now, position.get().to_le_bytes().to_vec()).await?;
        Ok(position)
    }

    /// Reads what all nodes saved, then what this node's log holds beyond its cursor.
    ///
    /// # Errors
    /// When a store fails or a blob cannot be read.
    pub async fn load(&self, store: &Store, telemetry: &Telemetry) -> Result<(), StoreError> {
        let mut cursor: Option<i64> = None;
        let newest = telemetry.position().get();
        for LiveBlock { node, block: number, saved_at, data } in
            store.read(|tx| Box::pin(live_blocks(tx))).await?
        {
            if number == CURSOR {
                let position =
                    codec::cursor(&data).ok_or_else(|| StoreError::corrupt("live state", "cursor"))?;
                if position > newest {
                    // A restored log ends before what the state had seen: its next rows come below the cursor.
                    keep(store, &node, CURSOR, saved_at, newest.to_le_bytes().to_vec()).await?;
                }
                let position = position.min(newest);
                cursor = Some(cursor.map_or(position, |other: i64| other.min(position)));
                continue;
            }
            let devices = codec::decode(&data, &|metric| self.name(metric))
                .ok_or_else(|| StoreError::corrupt("live state", "its bytes are not what was written"))?;
            for (device, saved) in devices {
                self.change(DeviceId::new(device), |seen| {
                    if let Some(at) = saved.last_seen {
                        seen.contact(at);
                    }
                    for value in saved.values {
                        seen.value(value);
                    }
                });
            }
        }
        let mut after = Position::new(cursor.unwrap_or(0));
        loop {
            let rows = telemetry.replay(after, REPLAYED_AT_ONCE).await?;
            let Some((last, _)) = rows.last() else { break };
            after = *last;
            for message in rows.iter().flat_map(|(_, messages)| messages) {
                self.apply(message);
            }
        }
        Ok(())
    }
}

async fn keep(
    store: &Store,
    node: &str,
    number: i64,
    now: Timestamp,
    data: Vec<u8>,
) -> Result<(), StoreError> {
    let block = Arc::new(LiveBlock { node: node.to_owned(), block: number, saved_at: now, data });
    store
        .write(move |tx| {
            let block = Arc::clone(&block);
            Box::pin(async move { live_block_save(tx, &block).await })
        })
        .await
}

#[cfg(test)]
mod tests;
