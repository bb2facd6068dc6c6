//! How the index follows the store: loaded at start, refreshed after a commit, kept true by the change feed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use roaring::RoaringTreemap;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use windlass_domain::device::Device;
use windlass_domain::ids::{DeviceId, ExecutionId, GroupId, JobId, TypeId};
use windlass_domain::time::Timestamp;
use windlass_store::devices::Alias;
use windlass_store::groups::Group;
use windlass_store::types::DeviceTypeRecord;
use windlass_store::{
    Change, ChangeKind, Store, StoreError, StoreErrorKind, Tx, changes, devices, groups, running, types,
};

use super::{Contact, Contacts, Entry, Fleet, lock, number};
use crate::app::App;

/// Devices read in one go.
const BATCH: u32 = 2_000;
/// Batches read before the first of them is in the index.
const AHEAD: usize = 2;
/// Changes read in one go.
const CHANGES: u32 = 1_000;
/// Longest silence between two looks at the change feed.
const LOOK: Duration = Duration::from_millis(250);
/// Shortest: what this node commits is in the index already, so the feed need not be read for every commit.
const PAUSE: Duration = Duration::from_millis(50);
/// Entries of the feed that are kept for nodes that lag behind.
const KEEP: i64 = 1_000_000;
/// How often older ones are dropped.
const TRIM: Duration = Duration::from_secs(600);

/// What is asked of the store again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Stale {
    devices: BTreeSet<DeviceId>,
    types: BTreeSet<TypeId>,
    groups: BTreeSet<GroupId>,
}

/// What the store said.
#[derive(Debug, Default)]
struct Fresh {
    devices: Vec<(DeviceId, Option<Entry>)>,
    types: Vec<(TypeId, Option<DeviceTypeRecord>)>,
    groups: Vec<(GroupId, Option<Group>)>,
}

impl Stale {
    fn of(changes: &[Change]) -> Self {
        let mut stale = Self::default();
        for change in changes {
            match change.kind {
                ChangeKind::Device => {
                    stale.devices.insert(DeviceId::new(change.id));
                }
                ChangeKind::DeviceType => {
                    stale.types.insert(TypeId::new(change.id));
                }
                ChangeKind::Group => {
                    stale.groups.insert(GroupId::new(change.id));
                }
                ChangeKind::Tenant
                | ChangeKind::Claim
                | ChangeKind::Credential
                | ChangeKind::Pending
                | ChangeKind::Template
                | ChangeKind::Shadow
                | ChangeKind::Artifact
                | ChangeKind::Component
                | ChangeKind::Release
                | ChangeKind::Job
                | ChangeKind::Execution
                | ChangeKind::Work
                | ChangeKind::Held
                | ChangeKind::User
                | ChangeKind::Token
                | ChangeKind::SecretKey
                | ChangeKind::Series
                | ChangeKind::Alert
                | ChangeKind::Setting
                | ChangeKind::DeviceToken
                | ChangeKind::DeviceTokenLost
                | ChangeKind::Event
                | ChangeKind::Backup
                | ChangeKind::DdiTarget
                | ChangeKind::Filter
                | ChangeKind::Unknown => {}
            }
        }
        stale
    }

    fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.types.is_empty() && self.groups.is_empty()
    }

    async fn read(&self, tx: &mut Tx<'_>) -> Result<Fresh, StoreError> {
        let mut fresh = Fresh::default();
        for id in &self.types {
            fresh.types.push((*id, types::type_by_id(tx, *id).await?));
        }
        for id in &self.groups {
            fresh.groups.push((*id, groups::group_by_id(tx, *id).await?));
        }
        let ids: Vec<DeviceId> = self.devices.iter().copied().collect();
        if !ids.is_empty() {
            let mut entries = together(
                devices::devices_among(tx, &ids).await?,
                devices::aliases_among(tx, &ids).await?,
                groups::members_among(tx, &ids).await?,
                running::running_among(tx, &ids).await?,
            );
            fresh.devices = ids.into_iter().map(|id| (id, entries.remove(&id))).collect();
        }
        Ok(fresh)
    }
}

impl Fleet {
    fn apply(&self, fresh: Fresh) {
        let Fresh { devices, types, groups } = fresh;
        if !types.is_empty() {
            self.note_retyped();
        }
        let mut index = self.change();
        for (id, record) in types {
            match record {
                Some(record) => drop(index.types.insert(id, record.into())),
                None => drop(index.types.remove(&id)),
            }
        }
        for (id, group) in groups {
            match group {
                Some(group) => drop(index.groups.insert(id, group.path)),
                None => drop(index.groups.remove(&id)),
            }
        }
        for (id, entry) in devices {
            match entry {
                Some(entry) => {
                    let device_type = entry.device.device_type;
                    let before = index.devices.get(&id);
                    if before.is_some_and(|before| before.device.device_type != device_type) {
                        self.note_retyped();
                    }
                    index.put(entry);
                }
                None => index.remove(id),
            }
        }
    }

    async fn renew(&self, store: &Store, stale: Stale) -> Result<(), StoreError> {
        if stale.is_empty() {
            return Ok(());
        }
        // Whoever reads later applies later.
        let _turn = self.refreshing.lock().await;
        let fresh = store
            .read_as_follower::<_, StoreError, _>(move |tx| {
                let stale = stale.clone();
                Box::pin(async move { stale.read(tx).await })
            })
            .await?;
        self.apply(fresh);
        Ok(())
    }

    /// Reads these devices again: after a commit that changed them, before its caller is answered.
    ///
    /// # Errors
    /// When the store fails; the tail of the change feed will catch up.
    pub async fn refresh_devices(
        &self,
        store: &Store,
        ids: impl IntoIterator<Item = DeviceId>,
    ) -> Result<(), StoreError> {
        self.renew(store, Stale { devices: ids.into_iter().collect(), ..Stale::default() }).await
    }

    /// Reads a type again.
    ///
    /// # Errors
    /// When the store fails; the tail of the change feed will catch up.
    pub async fn refresh_type(&self, store: &Store, id: TypeId) -> Result<(), StoreError> {
        self.renew(store, Stale { types: BTreeSet::from([id]), ..Stale::default() }).await
    }

    /// Reads a group again.
    ///
    /// # Errors
    /// When the store fails; the tail of the change feed will catch up.
    pub async fn refresh_group(&self, store: &Store, id: GroupId) -> Result<(), StoreError> {
        self.renew(store, Stale { groups: BTreeSet::from([id]), ..Stale::default() }).await
    }

    /// Reads everything, in batches. What changes meanwhile comes through the change feed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(&self, store: &Store) -> Result<(), StoreError> {
        let _turn = self.refreshing.lock().await;
        let seq = store.latest_change().await?;
        let (all_types, all_groups) = store
            .read::<_, StoreError, _>(|tx| {
                Box::pin(async move {
                    Ok((types::types_of_all_tenants(tx).await?, groups::groups_of_all_tenants(tx).await?))
                })
            })
            .await?;
        self.apply(Fresh {
            types: all_types.into_iter().map(|record| (record.id, Some(record))).collect(),
            groups: all_groups.into_iter().map(|group| (group.id, Some(group))).collect(),
            devices: Vec::new(),
        });
        let (give, mut batches) = mpsc::channel(AHEAD);
        let mut reader = JoinSet::new();
        reader.spawn(read_ahead(store.clone(), give));
        while let Some(entries) = batches.recv().await {
            let devices = entries.into_iter().map(|entry| (entry.device.id, Some(entry))).collect();
            self.apply(Fresh { devices, ..Fresh::default() });
        }
        for end in reader.join_all().await {
            end?;
        }
        self.change().seq = seq;
        self.note_retyped();
        *lock(&self.current) = Some(tokio::time::Instant::now());
        Ok(())
    }

    /// Takes what is new in the change feed, to where its end was when that was asked. Returns it.
    ///
    /// # Errors
    /// When the store fails before anything was taken. What was taken by then is returned all the same: it is not told again.
    pub async fn catch_up(&self, store: &Store) -> Result<Vec<Change>, StoreError> {
        let mut all = Vec::new();
        match self.take_changes(store, &mut all).await {
            Err(error) if all.is_empty() => Err(error),
            Ok(()) | Err(_) => Ok(all),
        }
    }

    async fn take_changes(&self, store: &Store, all: &mut Vec<Change>) -> Result<(), StoreError> {
        let mut goal: Option<(i64, tokio::time::Instant)> = None;
        loop {
            let (seq, asked) = (self.read().seq, tokio::time::Instant::now());
            let changes = store.changes_after(seq, CHANGES).await?;
            // A page that is not full was the end.
            let mut end = u32::try_from(changes.len()).is_ok_and(|count| count < CHANGES).then_some(asked);
            if let Some(last) = changes.last() {
                self.renew(store, Stale::of(&changes)).await?;
                self.change().seq = last.seq;
                // What came since is the next look's: where much comes all the time, there would never be an end.
                end = end.or(goal.filter(|(goal, _)| last.seq >= *goal).map(|(_, asked)| asked));
                all.extend(changes);
            }
            if let Some(end) = end {
                *lock(&self.current) = Some(end);
                return Ok(());
            }
            if goal.is_none() {
                let asked = tokio::time::Instant::now();
                goal = Some((store.latest_change().await?, asked));
            }
        }
    }
}

/// Reads every device, a few batches ahead of whoever takes them.
async fn read_ahead(store: Store, batches: mpsc::Sender<Vec<Entry>>) -> Result<(), StoreError> {
    let mut after = DeviceId::new(0);
    loop {
        let entries = store.read::<_, StoreError, _>(move |tx| Box::pin(read_batch(tx, after))).await?;
        let Some(last) = entries.last() else { return Ok(()) };
        after = last.device.id;
        if batches.send(entries).await.is_err() {
            return Ok(());
        }
    }
}

async fn read_batch(tx: &mut Tx<'_>, after: DeviceId) -> Result<Vec<Entry>, StoreError> {
    let records: Vec<Device> = devices::devices_after(tx, after, BATCH).await?;
    let Some(last) = records.last().map(|device| device.id) else { return Ok(Vec::new()) };
    let entries = together(
        records,
        devices::aliases_between(tx, after, last).await?,
        groups::members_between(tx, after, last).await?,
        running::running_between(tx, after, last).await?,
    );
    Ok(entries.into_values().collect())
}

/// Devices with what is known of each.
fn together(
    devices: Vec<Device>,
    aliases: Vec<(DeviceId, Alias)>,
    members: Vec<(DeviceId, GroupId)>,
    shown: Vec<(DeviceId, BTreeSet<String>)>,
) -> BTreeMap<DeviceId, Entry> {
    let mut entries: BTreeMap<DeviceId, Entry> = devices
        .into_iter()
        .map(|device| {
            let (aliases, groups, running) = Default::default();
            (device.id, Entry { device, aliases, groups, running })
        })
        .collect();
    for (id, alias) in aliases {
        if let Some(entry) = entries.get_mut(&id) {
            entry.aliases.insert(alias);
        }
    }
    for (id, group) in members {
        if let Some(entry) = entries.get_mut(&id) {
            entry.groups.insert(group);
        }
    }
    for (id, running) in shown {
        if let Some(entry) = entries.get_mut(&id) {
            entry.running = running;
        }
    }
    entries
}

impl Contacts for App {
    fn contact(&self, device: DeviceId) -> Contact {
        Contact {
            connections: self.hub.connections(device),
            last_at: self.live.last_seen(device),
            last_disconnect: self.fleet.last_disconnect(device),
        }
    }

    fn connected(&self) -> RoaringTreemap {
        self.hub.devices().into_iter().map(number).collect()
    }

    fn each_last_contact(&self, each: &mut dyn FnMut(DeviceId, Timestamp)) {
        self.live.each_last_seen(each);
    }

    fn told(&self, device: DeviceId) -> Option<std::time::Duration> {
        self.ddi.interval(device)
    }

    fn each_told(&self, each: &mut dyn FnMut(DeviceId, std::time::Duration)) {
        self.ddi.each_interval(each);
    }
}

impl App {
    /// Follows the change feed until the server stops: the index, and live connections, whose rights or devices another
    /// node may have changed. To be run once, as a task.
    pub async fn follow_changes(self) {
        let mut committed = self.store.committed();
        let mut failing = false;
        let mut unfollowed = Vec::new();
        let mut trimmed = tokio::time::Instant::now();
        loop {
            match self.fleet.catch_up(&self.store).await {
                Ok(changes) => {
                    failing = false;
                    self.hear_of_jobs(&changes).await;
                    self.ddi.follow(&changes);
                    unfollowed.extend_from_slice(&changes);
                    if !changes.is_empty() && self.changes.receiver_count() > 0 {
                        // Nobody is left to hear it: nothing is lost.
                        drop(self.changes.send(changes.into()));
                    }
                    match self.follow_connections(&unfollowed).await {
                        Ok(()) => unfollowed.clear(),
                        Err(error) => tracing::error!(
                            %error,
                            "it could not be read which credentials were revoked; asking again"
                        ),
                    }
                }
                Err(error) if error.kind() == StoreErrorKind::Missed => {
                    tracing::error!(%error, "this node was away for too long; it ends, to be started again");
                    self.fell_behind.notify_one();
                    return;
                }
                Err(error) => {
                    if !failing {
                        tracing::error!(%error, "the change feed cannot be read; the index is not current");
                    }
                    failing = true;
                    tokio::time::sleep(LOOK).await;
                }
            }
            if trimmed.elapsed() > TRIM {
                trimmed = tokio::time::Instant::now();
                let trim = self.store.write::<_, StoreError, _>(|tx| Box::pin(changes::trim(tx, KEEP))).await;
                if let Err(error) = trim {
                    tracing::warn!(%error, "the change feed could not be trimmed");
                }
            }
            tokio::time::sleep(PAUSE).await;
            // A commit of this node cuts the wait short; other nodes' are seen at the next look.
            match tokio::time::timeout(LOOK, committed.changed()).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(_)) => return,
            }
        }
    }

    /// What happened to jobs, on whatever node: the reconciler here looks at them, their devices may be connected here, and
    /// whoever waits may wait here.
    async fn hear_of_jobs(&self, changes: &[Change]) {
        self.wake_changed_jobs(changes).await;
        for change in changes {
            match change.kind {
                ChangeKind::Execution => self.command_waits.execution_changed(ExecutionId::new(change.id)),
                ChangeKind::Work => self.wake_device(DeviceId::new(change.id)),
                ChangeKind::Held => self.wake_queued(JobId::new(change.id)),
                _ => {}
            }
        }
    }
}
