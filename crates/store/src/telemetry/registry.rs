//! Which metrics there are, and which of them a device has: in the database, remembered in memory.
//!
//! Registrations are committed before the points that use them; a crash between leaves a metric without points.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_domain::ids::{DeviceId, MetricName};
use windlass_domain::telemetry::ValueKind;

use super::block::{kind_code, kind_of};
use super::log::Logged;
use super::{Appended, Corrupt, Database, Inner, MetricId, MetricOf, Received, Sample, Telemetry, sql};
use crate::error::StoreError;

/// What is remembered. Metrics are shared by all devices; a device's are read at its first message.
#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_id: HashMap<MetricId, Arc<MetricOf>>,
    by_name: HashMap<Arc<MetricOf>, MetricId>,
    /// Sorted.
    devices: HashMap<i64, Box<[MetricId]>>,
}

impl Known {
    fn learn(&mut self, id: MetricId, metric: MetricOf) {
        let metric = Arc::new(metric);
        self.by_name.insert(Arc::clone(&metric), id);
        self.by_id.insert(id, metric);
    }
}

impl Registry {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Telemetry {
    /// The metrics of a device, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn metrics(&self, device: DeviceId) -> Result<Vec<MetricOf>, StoreError> {
        let ids = self.0.metrics_of(device).await?;
        let mut metrics = Vec::with_capacity(ids.len());
        for id in ids {
            metrics.push(self.0.metric(id).await?.as_ref().clone());
        }
        metrics.sort();
        Ok(metrics)
    }
}

impl Inner {
    pub(super) async fn load_metrics(&self) -> Result<(), StoreError> {
        let rows = self.database.read(|tx| Box::pin(sql::metrics(tx))).await?;
        let mut known = self.registry.known();
        for row in rows {
            let (id, metric) = metric_of(row)?;
            known.learn(id, metric);
        }
        Ok(())
    }

    /// The metric with this id, also one that another node registered.
    pub(super) async fn metric(&self, id: MetricId) -> Result<Arc<MetricOf>, StoreError> {
        let find = || self.registry.known().by_id.get(&id).cloned();
        if let Some(metric) = find() {
            return Ok(metric);
        }
        self.load_metrics().await?;
        find().ok_or_else(|| Corrupt("a metric that is not registered").into())
    }

    /// The metrics of a device.
    pub(super) async fn metrics_of(&self, device: DeviceId) -> Result<Vec<MetricId>, StoreError> {
        if let Database::Shared(_) = self.database {
            // Another node may have registered more since.
            self.registry.known().devices.remove(&device.get());
        }
        self.learn_devices(&BTreeSet::from([device.get()])).await?;
        Ok(self.registry.known().devices.get(&device.get()).map(|ids| ids.to_vec()).unwrap_or_default())
    }

    /// Forgets which metrics a device has: it has none any more.
    pub(super) async fn forget_series(&self, device: DeviceId) -> Result<(), StoreError> {
        let id = device.get();
        self.database.write(move |tx| Box::pin(sql::remove_series(tx, id))).await?;
        self.registry.known().devices.remove(&id);
        Ok(())
    }

    /// Reads which metrics devices have, unless that is remembered.
    async fn learn_devices(&self, devices: &BTreeSet<i64>) -> Result<(), StoreError> {
        let unknown: Vec<i64> = {
            let known = self.registry.known();
            devices.iter().filter(|device| !known.devices.contains_key(device)).copied().collect()
        };
        for some in unknown.chunks(sql::ROWS_AT_ONCE) {
            let asked = some.to_vec();
            let rows = self
                .database
                .read(move |tx| {
                    let asked = asked.clone();
                    Box::pin(async move { sql::series_of(tx, &asked).await })
                })
                .await?;
            let mut found: HashMap<i64, BTreeSet<MetricId>> = HashMap::new();
            for (device, metric) in rows {
                found.entry(device).or_default().insert(id_of(metric)?);
            }
            let mut known = self.registry.known();
            for device in some {
                let ids = found.remove(device).unwrap_or_default();
                known.devices.entry(*device).or_insert_with(|| ids.into_iter().collect());
            }
        }
        Ok(())
    }

    /// Finds or registers the metrics of messages, and refuses messages that would bring a device over its limit.
    pub(super) async fn resolve(
        &self,
        messages: Vec<Received>,
    ) -> Result<(Vec<Logged>, Vec<Appended>), StoreError> {
        self.learn_devices(&messages.iter().map(|message| message.device.get()).collect()).await?;
        let mut answers = Vec::with_capacity(messages.len());
        let mut new: BTreeSet<(i64, MetricOf)> = BTreeSet::new();
        {
            let known = self.registry.known();
            for message in &messages {
                let device = message.device.get();
                let ids = known.devices.get(&device).map(|ids| &ids[..]).unwrap_or_default();
                let mut own: BTreeSet<MetricOf> = BTreeSet::new();
                for point in &message.points {
                    let metric = MetricOf { name: point.metric.clone(), kind: point.value.kind() };
                    let has = known.by_name.get(&metric).is_some_and(|id| ids.binary_search(id).is_ok());
                    if !has {
                        own.insert(metric);
                    }
                }
                let others = new.iter().filter(|(of, metric)| *of == device && !own.contains(metric)).count();
                if !own.is_empty() && ids.len() + own.len() + others > self.metrics_per_device {
                    answers.push(Appended::TooManyMetrics { limit: self.metrics_per_device });
                } else {
                    answers.push(Appended::Stored);
                    new.extend(own.into_iter().map(|metric| (device, metric)));
                }
            }
        }
        if !new.is_empty() {
            self.register(new).await?;
        }
        let known = self.registry.known();
        let mut logged = Vec::with_capacity(messages.len());
        for (message, answer) in messages.into_iter().zip(&answers) {
            if *answer != Appended::Stored {
                continue;
            }
            let mut points = Vec::with_capacity(message.points.len());
            for point in message.points {
                let metric = MetricOf { name: point.metric, kind: point.value.kind() };
                let id =
                    known.by_name.get(&metric).copied().ok_or(Corrupt("a metric that was not registered"))?;
                points.push((id, Sample { at: point.at.micros(), stamp: point.stamp, value: point.value }));
            }
            logged.push(Logged {
                device: message.device.get(),
                received_at: message.received_at.micros(),
                points,
            });
        }
        Ok((logged, answers))
    }

    async fn register(&self, new: BTreeSet<(i64, MetricOf)>) -> Result<(), StoreError> {
        let unnamed: BTreeSet<MetricOf> = {
            let known = self.registry.known();
            new.iter()
                .map(|(_, metric)| metric)
                .filter(|metric| !known.by_name.contains_key(*metric))
                .cloned()
                .collect()
        };
        if !unnamed.is_empty() {
            let asked = Arc::new(unnamed);
            let shared = Arc::clone(&asked);
            let ids = self
                .database
                .write(move |tx| {
                    let asked = Arc::clone(&shared);
                    Box::pin(async move {
                        let mut ids = Vec::with_capacity(asked.len());
                        for metric in asked.iter() {
                            let kind = i64::from(kind_code(metric.kind));
                            ids.push(sql::register_metric(tx, metric.name.as_str(), kind).await?);
                        }
                        Ok(ids)
                    })
                })
                .await?;
            let mut known = self.registry.known();
            for (metric, id) in asked.iter().zip(ids) {
                known.learn(id_of(id)?, metric.clone());
            }
        }
        let pairs: Vec<(i64, MetricId)> = {
            let known = self.registry.known();
            new.iter().filter_map(|(device, metric)| Some((*device, *known.by_name.get(metric)?))).collect()
        };
        let rows = pairs.clone();
        self.database
            .write(move |tx| {
                let rows = rows.clone();
                Box::pin(async move {
                    for (device, metric) in rows {
                        sql::register_series(tx, device, i64::from(metric.0)).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        let mut known = self.registry.known();
        let mut added: HashMap<i64, BTreeSet<MetricId>> = HashMap::new();
        for (device, metric) in pairs {
            added.entry(device).or_default().insert(metric);
        }
        for (device, mut ids) in added {
            ids.extend(known.devices.get(&device).map(|ids| ids.to_vec()).unwrap_or_default());
            known.devices.insert(device, ids.into_iter().collect());
        }
        Ok(())
    }

    /// The ids of a metric name that a device has, one per kind.
    pub(super) async fn find(
        &self,
        device: DeviceId,
        name: &MetricName,
    ) -> Result<Vec<(MetricId, ValueKind)>, StoreError> {
        let mut found = Vec::new();
        for id in self.metrics_of(device).await? {
            let metric = self.metric(id).await?;
            if metric.name == *name {
                found.push((id, metric.kind));
            }
        }
        Ok(found)
    }
}

fn id_of(id: i64) -> Result<MetricId, StoreError> {
    u32::try_from(id).map(MetricId).map_err(|_| Corrupt("a metric beyond 32 bits").into())
}

fn metric_of((id, name, kind): (i64, String, i64)) -> Result<(MetricId, MetricOf), StoreError> {
    let name = name.parse().map_err(|_| Corrupt("a metric's name"))?;
    let kind = kind_of(u8::try_from(kind).unwrap_or(u8::MAX))?;
    Ok((id_of(id)?, MetricOf { name, kind }))
}
