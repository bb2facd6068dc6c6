//! Which connections are live, so that a device can be woken, told, or closed.
//!
//! Wake-ups may be lost or doubled without harm: messages to devices are derived from state.
//! Knows no protocol; a listener hands in a [`Link`] per connection.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;
use windlass_domain::ids::{CredentialId, DeviceId, TenantId, TokenId};
use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;

use crate::message::Outbound;

/// Why the server ends a connection. `Display` is the presence reason that operators read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The same client id of the same device connected again.
    #[error("taken over by a newer connection")]
    TakenOver,
    /// The credential was revoked or superseded, or the device may no longer connect.
    #[error("credential revoked or device suspended")]
    NotAuthorized,
    /// The credential's time is over.
    #[error("credential expired")]
    CredentialExpired,
    /// The server is going down.
    #[error("server shutting down")]
    ShuttingDown,
    /// Nothing was heard for one and a half keep-alives.
    #[error("keep-alive timeout")]
    KeepAlive,
    /// More connections than a device may have.
    #[error("too many connections")]
    TooManyConnections,
}

/// A live connection, as the hub sees it. Calls never block.
pub trait Link: Send + Sync + fmt::Debug {
    /// State may have changed: read what is pending and send it.
    fn wake(&self);
    /// Send this if subscribed; dropped if the connection does not keep up (live only).
    fn deliver(&self, message: &Arc<Outbound>);
    /// End the connection.
    fn close(&self, reason: CloseReason);
    /// What is known of the peer may have changed: look at it again. Those who keep nothing need not.
    fn refresh(&self) {}
}

/// Names one connection in the hub for as long as the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

#[derive(Debug, Clone)]
struct Entry {
    id: ConnectionId,
    client_id: Arc<str>,
    credential: CredentialId,
    expires_at: Timestamp,
    link: Arc<dyn Link>,
}

#[derive(Debug, Clone)]
struct Listener {
    id: ConnectionId,
    principal: Principal,
    link: Arc<dyn Link>,
}

#[derive(Debug, Clone)]
struct Claimant {
    credential: CredentialId,
    link: Arc<dyn Link>,
}

const SHARDS: usize = 64;
/// Comings and goings that wait for whoever follows [`Hub::presence`].
const PRESENCE_WAITING: usize = 1_024;

/// The registry of live connections: of devices, of application clients and of claims.
#[derive(Debug)]
pub struct Hub {
    next: AtomicU64,
    told: AtomicU64,
    shards: Vec<Mutex<HashMap<DeviceId, Vec<Entry>>>>,
    listeners: Mutex<Vec<Listener>>,
    claimants: Mutex<HashMap<ConnectionId, Claimant>>,
    presence: broadcast::Sender<DeviceId>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            next: AtomicU64::new(1),
            told: AtomicU64::new(0),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            listeners: Mutex::default(),
            claimants: Mutex::default(),
            presence: broadcast::Sender::new(PRESENCE_WAITING),
        }
    }
}

/// What a connection brings when it registers.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Whose connection.
    pub device: DeviceId,
    /// Take-over happens within (device, client id) only.
    pub client_id: Arc<str>,
    /// What it signed in with.
    pub credential: CredentialId,
    /// When that ends.
    pub expires_at: Timestamp,
    /// How to reach it.
    pub link: Arc<dyn Link>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    fn shard(&self, device: DeviceId) -> MutexGuard<'_, HashMap<DeviceId, Vec<Entry>>> {
        let index = usize::try_from(device.get().unsigned_abs()).unwrap_or(0) % SHARDS;
        lock(self.shards.get(index).unwrap_or_else(|| unreachable!("index is below the number of shards")))
    }

    /// Hears of devices that connected or went. Who is too slow misses some and is told so.
    pub fn presence(&self) -> broadcast::Receiver<DeviceId> {
        self.presence.subscribe()
    }

    fn came_or_went(&self, device: DeviceId) {
        if self.presence.receiver_count() > 0 {
            // Nobody is left to hear it: nothing is lost.
            drop(self.presence.send(device));
        }
    }

    /// How often the change feed told of what connections depend on: devices, types, credentials. A peer that was judged at one
    /// count and still finds it once it is registered need not be judged again: whatever comes later finds it here.
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::SeqCst)
    }

    /// Counts what the feed tells, before connections are looked up for it.
    pub(crate) fn tell(&self) {
        self.told.fetch_add(1, Ordering::SeqCst);
    }

    fn next_id(&self) -> ConnectionId {
        ConnectionId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Adds a device connection. Ends an older one with the same client id, and the oldest ones beyond `most`.
    pub fn register(&self, registration: Registration, most: usize) -> ConnectionId {
        let Registration { device, client_id, credential, expires_at, link } = registration;
        let id = self.next_id();
        let mut ended = Vec::new();
        {
            let mut shard = self.shard(device);
            let entries = shard.entry(device).or_default();
            entries.retain(|entry| {
                let same = entry.client_id == client_id;
                if same {
                    ended.push((Arc::clone(&entry.link), CloseReason::TakenOver));
                }
                !same
            });
            while entries.len() >= most.max(1) {
                let oldest = entries.remove(0);
                ended.push((oldest.link, CloseReason::TooManyConnections));
            }
            entries.push(Entry { id, client_id, credential, expires_at, link });
        }
        for (link, reason) in ended {
            link.close(reason);
        }
        self.came_or_went(device);
        id
    }

    /// Removes a device connection. Returns how many the device has left.
    pub fn unregister(&self, device: DeviceId, id: ConnectionId) -> usize {
        let left = {
            let mut shard = self.shard(device);
            let Some(entries) = shard.get_mut(&device) else { return 0 };
            entries.retain(|entry| entry.id != id);
            let left = entries.len();
            if left == 0 {
                shard.remove(&device);
            }
            left
        };
        self.came_or_went(device);
        left
    }

    /// Adds an application client.
    pub fn register_application(&self, principal: Principal, link: Arc<dyn Link>) -> ConnectionId {
        let id = self.next_id();
        lock(&self.listeners).push(Listener { id, principal, link });
        id
    }

    /// Removes an application client.
    pub fn unregister_application(&self, id: ConnectionId) {
        lock(&self.listeners).retain(|listener| listener.id != id);
    }

    /// Adds a connection of a claim.
    pub fn register_claim(&self, credential: CredentialId, link: Arc<dyn Link>) -> ConnectionId {
        let id = self.next_id();
        lock(&self.claimants).insert(id, Claimant { credential, link });
        id
    }

    /// Removes a connection of a claim.
    pub fn unregister_claim(&self, id: ConnectionId) {
        lock(&self.claimants).remove(&id);
    }

    /// Ends the connections of claims that signed in with this credential.
    pub fn close_claim(&self, credential: CredentialId) {
        let links: Vec<_> = lock(&self.claimants)
            .values()
            .filter(|claimant| claimant.credential == credential)
            .map(|claimant| Arc::clone(&claimant.link))
            .collect();
        for link in links {
            link.close(CloseReason::NotAuthorized);
        }
    }

    /// Whether a device has a connection with this client id.
    pub fn has_client(&self, device: DeviceId, client_id: &str) -> bool {
        let shard = self.shard(device);
        shard.get(&device).is_some_and(|entries| entries.iter().any(|entry| &*entry.client_id == client_id))
    }

    /// How many connections a device has.
    pub fn connections(&self, device: DeviceId) -> usize {
        self.shard(device).get(&device).map_or(0, Vec::len)
    }

    /// How many device connections there are in all.
    pub fn total(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).values().map(Vec::len).sum::<usize>()).sum()
    }

    fn links(&self, device: DeviceId) -> Vec<Arc<dyn Link>> {
        self.shard(device)
            .get(&device)
            .map(|entries| entries.iter().map(|entry| Arc::clone(&entry.link)).collect())
            .unwrap_or_default()
    }

    /// Asks every connection of a device to look at its state.
    pub fn wake(&self, device: DeviceId) {
        for link in self.links(device) {
            link.wake();
        }
    }

    /// Asks every connection of a device to look again at what is known of the device.
    pub fn refresh(&self, device: DeviceId) {
        for link in self.links(device) {
            link.refresh();
        }
    }

    /// Every device that has a connection.
    pub fn devices(&self) -> Vec<DeviceId> {
        self.shards.iter().flat_map(|shard| lock(shard).keys().copied().collect::<Vec<_>>()).collect()
    }

    /// Hands a live-only message to every connection of a device.
    pub fn broadcast(&self, device: DeviceId, message: &Arc<Outbound>) {
        for link in self.links(device) {
            link.deliver(message);
        }
    }

    /// The application clients of a tenant; the caller decides which of them may see a device.
    pub fn applications(&self, tenant: TenantId) -> Vec<(Principal, Arc<dyn Link>)> {
        lock(&self.listeners)
            .iter()
            .filter(|listener| listener.principal.tenant == tenant)
            .map(|listener| (listener.principal.clone(), Arc::clone(&listener.link)))
            .collect()
    }

    /// Whether any application client of the tenant listens, so that nobody formats messages for nobody.
    pub fn has_applications(&self, tenant: TenantId) -> bool {
        lock(&self.listeners).iter().any(|listener| listener.principal.tenant == tenant)
    }

    /// Ends the application clients that signed in with this token.
    pub fn close_token(&self, token: TokenId) {
        let links: Vec<_> = lock(&self.listeners)
            .iter()
            .filter(|listener| listener.principal.actor.token_id() == Some(token))
            .map(|listener| Arc::clone(&listener.link))
            .collect();
        for link in links {
            link.close(CloseReason::NotAuthorized);
        }
    }

    /// Ends every connection of a device.
    pub fn close_device(&self, device: DeviceId, reason: CloseReason) {
        for link in self.links(device) {
            link.close(reason);
        }
    }

    /// Ends the connections that signed in with this credential.
    pub fn close_credential(&self, device: DeviceId, credential: CredentialId, reason: CloseReason) {
        let links: Vec<_> = self
            .shard(device)
            .get(&device)
            .into_iter()
            .flatten()
            .filter(|entry| entry.credential == credential)
            .map(|entry| Arc::clone(&entry.link))
            .collect();
        for link in links {
            link.close(reason);
        }
    }

    /// Ends the connections whose credential is past its end.
    pub fn close_expired(&self, now: Timestamp) {
        for shard in &self.shards {
            let links: Vec<_> = lock(shard)
                .values()
                .flatten()
                .filter(|entry| entry.expires_at <= now)
                .map(|entry| Arc::clone(&entry.link))
                .collect();
            for link in links {
                link.close(CloseReason::CredentialExpired);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Probe(Mutex<Vec<CloseReason>>);

    impl Link for Probe {
        fn wake(&self) {}
        fn deliver(&self, _: &Arc<Outbound>) {}
        fn close(&self, reason: CloseReason) {
            lock(&self.0).push(reason);
        }
    }

    fn join(hub: &Hub, device: i64, client: &str, most: usize) -> Arc<Probe> {
        let probe = Arc::new(Probe::default());
        let link: Arc<dyn Link> = Arc::<Probe>::clone(&probe);
        hub.register(
            Registration {
                device: DeviceId::new(device),
                client_id: client.into(),
                credential: CredentialId::new(device),
                expires_at: Timestamp::from_seconds(100),
                link,
            },
            most,
        );
        probe
    }

    #[test]
    fn take_over_stays_within_one_device() {
        let hub = Hub::default();
        let first = join(&hub, 1, "same", 8);
        let other = join(&hub, 2, "same", 8);
        let second = join(&hub, 1, "same", 8);
        assert_eq!(*lock(&first.0), [CloseReason::TakenOver]);
        assert!(lock(&other.0).is_empty());
        assert!(lock(&second.0).is_empty());
        assert_eq!(hub.total(), 2);
    }

    #[test]
    fn the_oldest_connection_goes_when_there_are_too_many() {
        let hub = Hub::default();
        let first = join(&hub, 1, "a", 2);
        let second = join(&hub, 1, "b", 2);
        join(&hub, 1, "c", 2);
        assert_eq!(*lock(&first.0), [CloseReason::TooManyConnections]);
        assert!(lock(&second.0).is_empty());
    }

    #[test]
    fn a_client_is_there_until_its_last_connection_leaves_also_after_a_take_over() {
        let hub = Hub::default();
        let device = DeviceId::new(1);
        let enter = || {
            let link: Arc<dyn Link> = Arc::new(Probe::default());
            let (credential, expires_at) = (CredentialId::new(1), Timestamp::from_seconds(100));
            hub.register(Registration { device, client_id: "a".into(), credential, expires_at, link }, 8)
        };
        let (first, second) = (enter(), enter());
        hub.unregister(device, first);
        assert!(hub.has_client(device, "a"));
        assert!(!hub.has_client(device, "b") && !hub.has_client(DeviceId::new(2), "a"));
        hub.unregister(device, second);
        assert!(!hub.has_client(device, "a"));
    }

    #[test]
    fn a_revoked_claim_loses_its_connections_and_no_other_does() {
        let hub = Hub::default();
        let probes: Vec<_> = (0..3).map(|_| Arc::new(Probe::default())).collect();
        let ids: Vec<_> = probes
            .iter()
            .zip([1, 1, 2])
            .map(|(probe, credential)| {
                let link: Arc<dyn Link> = Arc::<Probe>::clone(probe);
                hub.register_claim(CredentialId::new(credential), link)
            })
            .collect();
        hub.unregister_claim(ids[1]);
        hub.close_claim(CredentialId::new(1));
        assert_eq!(*lock(&probes[0].0), [CloseReason::NotAuthorized]);
        assert!(lock(&probes[1].0).is_empty() && lock(&probes[2].0).is_empty());
    }

    #[test]
    fn expired_credentials_lose_their_connections() {
        let hub = Hub::default();
        let probe = join(&hub, 1, "a", 2);
        hub.close_expired(Timestamp::from_seconds(99));
        assert!(lock(&probe.0).is_empty());
        hub.close_expired(Timestamp::from_seconds(100));
        assert_eq!(*lock(&probe.0), [CloseReason::CredentialExpired]);
    }
}
