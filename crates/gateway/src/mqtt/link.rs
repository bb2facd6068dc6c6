//! What others may do to a connection: hand it outcomes and messages, wake it, end it. And what the sweeper looks
//! at: when it was last heard, what it is waiting for.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use windlass_app::hub::{CloseReason, Link};
use windlass_app::message::{Outbound, Outcome};
use windlass_domain::time::Timestamp;

use crate::ingest::Answered;
use crate::metrics::Metrics;

/// Live messages that a connection may be behind.
const MOST_LIVE: usize = 64;
/// How long a peer may leave what we send unread before it is cut off.
const WRITE_PATIENCE_MS: u64 = 60_000;

/// Why a connection is to end, from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// With a word to the client.
    Server(CloseReason),
    /// At once: the client does not read.
    Stalled,
}

#[derive(Debug, Default)]
struct Desk {
    outcomes: VecDeque<Outcome>,
    live: VecDeque<Arc<Outbound>>,
    woken: bool,
    renewed: bool,
    stop: Option<Stop>,
    waker: Option<Waker>,
}

/// What lay on a connection's desk.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) outcomes: VecDeque<Outcome>,
    pub(crate) live: VecDeque<Arc<Outbound>>,
    pub(crate) woken: bool,
    /// What is known of the peer may have changed.
    pub(crate) renewed: bool,
    pub(crate) stop: Option<Stop>,
}

/// One connection, as others see it. Times are milliseconds since the gateway started.
#[derive(Debug)]
pub(crate) struct ConnectionLink {
    desk: Mutex<Desk>,
    metrics: Arc<Metrics>,
    heard: AtomicU64,
    patience: AtomicU64,
    listening: AtomicBool,
    slowed: AtomicBool,
    stalled_since: AtomicU64,
    expires: AtomicI64,
}

impl ConnectionLink {
    /// A connection that was heard at `now`, waits no longer than `patience` between packets, and whose credential
    /// ends at `expires`.
    pub(crate) fn new(
        metrics: Arc<Metrics>,
        now: u64,
        patience: Option<Duration>,
        expires: Option<Timestamp>,
    ) -> Arc<Self> {
        let patience = patience.map_or(0, |p| u64::try_from(p.as_millis()).unwrap_or(u64::MAX));
        Arc::new(Self {
            desk: Mutex::default(),
            metrics,
            heard: AtomicU64::new(now),
            patience: AtomicU64::new(patience),
            listening: AtomicBool::new(false),
            slowed: AtomicBool::new(false),
            stalled_since: AtomicU64::new(0),
            expires: AtomicI64::new(expires.map_or(i64::MAX, Timestamp::micros)),
        })
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, note: impl FnOnce(&mut Desk)) {
        let waker = {
            let mut desk = self.desk();
            note(&mut desk);
            desk.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes what lies here and leaves a waker for what comes. Under one lock, so that no wake is lost. Live
    /// messages stay while the connection cannot send them.
    pub(crate) fn take(&self, waker: &Waker, with_live: bool) -> Notes {
        let mut desk = self.desk();
        match &mut desk.waker {
            Some(have) => have.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        Notes {
            outcomes: std::mem::take(&mut desk.outcomes),
            live: if with_live { std::mem::take(&mut desk.live) } else { VecDeque::new() },
            woken: std::mem::take(&mut desk.woken),
            renewed: std::mem::take(&mut desk.renewed),
            stop: desk.stop.take(),
        }
    }

    /// Something came from the peer.
    pub(crate) fn hear(&self, now: u64) {
        self.heard.store(now, Ordering::Relaxed);
    }

    /// Whether the connection waits for the peer to say something. Silence counts from when it begins to.
    pub(crate) fn set_listening(&self, listening: bool, now: u64) {
        if self.listening.swap(listening, Ordering::Relaxed) != listening && listening {
            self.hear(now);
        }
    }

    /// Whether the connection waits for the device's bucket to refill.
    pub(crate) fn set_slowed(&self, slowed: bool) {
        self.slowed.store(slowed, Ordering::Relaxed);
    }

    /// Whether the connection waits for the peer to read.
    pub(crate) fn set_stalled(&self, stalled: bool, now: u64) {
        if !stalled {
            self.stalled_since.store(0, Ordering::Relaxed);
        } else if self.stalled_since.load(Ordering::Relaxed) == 0 {
            self.stalled_since.store(now.max(1), Ordering::Relaxed);
        }
    }

    /// Ends or wakes the connection if its time has come.
    pub(crate) fn sweep(&self, now: u64, time: Timestamp) {
        let stalled = self.stalled_since.load(Ordering::Relaxed);
        if stalled != 0 && now.saturating_sub(stalled) >= WRITE_PATIENCE_MS {
            return self.leave(|desk| desk.stop = Some(Stop::Stalled));
        }
        if time.micros() >= self.expires.load(Ordering::Relaxed) {
            return self.close(CloseReason::CredentialExpired);
        }
        let patience = self.patience.load(Ordering::Relaxed);
        let silence = now.saturating_sub(self.heard.load(Ordering::Relaxed));
        if patience > 0 && self.listening.load(Ordering::Relaxed) && silence > patience {
            return self.close(CloseReason::KeepAlive);
        }
        if self.slowed.load(Ordering::Relaxed) {
            self.leave(|_| {});
        }
    }
}

impl Link for ConnectionLink {
    fn wake(&self) {
        self.leave(|desk| desk.woken = true);
    }

    fn refresh(&self) {
        self.leave(|desk| desk.renewed = true);
    }

    fn deliver(&self, message: &Arc<Outbound>) {
        let mut dropped = false;
        self.leave(|desk| {
            if desk.live.len() < MOST_LIVE {
                desk.live.push_back(Arc::clone(message));
            } else {
                dropped = true;
            }
        });
        if dropped {
            self.metrics.dropped.one();
        }
    }

    fn close(&self, reason: CloseReason) {
        self.leave(|desk| {
            desk.stop.get_or_insert(Stop::Server(reason));
        });
    }
}

impl Answered for ConnectionLink {
    fn answered(&self, outcomes: Vec<Outcome>) {
        self.leave(|desk| desk.outcomes.extend(outcomes));
    }
}

const SHARDS: u64 = 64;

/// Every MQTT connection, of whatever peer.
#[derive(Debug)]
pub(crate) struct Links {
    next: AtomicU64,
    shards: Vec<Mutex<HashMap<u64, Arc<ConnectionLink>>>>,
}

impl Default for Links {
    fn default() -> Self {
        Self { next: AtomicU64::new(0), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Links {
    fn shard(&self, id: u64) -> Option<MutexGuard<'_, HashMap<u64, Arc<ConnectionLink>>>> {
        let index = usize::try_from(id % SHARDS).ok()?;
        self.shards.get(index).map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds one.
    pub(crate) fn add(&self, link: Arc<ConnectionLink>) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        if let Some(mut shard) = self.shard(id) {
            shard.insert(id, link);
        }
        id
    }

    /// Takes one away.
    pub(crate) fn remove(&self, id: u64) {
        if let Some(mut shard) = self.shard(id) {
            shard.remove(&id);
        }
    }

    /// Does something with each.
    pub(crate) fn each(&self, mut what: impl FnMut(&ConnectionLink)) {
        for shard in &self.shards {
            let links: Vec<_> =
                shard.lock().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect();
            for link in links {
                what(&link);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn link(patience: Option<u64>) -> Arc<ConnectionLink> {
        ConnectionLink::new(
            Arc::default(),
            0,
            patience.map(Duration::from_millis),
            Some(Timestamp::from_seconds(100)),
        )
    }

    fn stop(link: &ConnectionLink) -> Option<Stop> {
        link.take(Waker::noop(), true).stop
    }

    const TIME: Timestamp = Timestamp::from_seconds(0);

    #[test]
    fn silence_beyond_the_patience_ends_a_connection_that_listens() {
        let link = link(Some(1_500));
        link.set_listening(true, 0);
        link.sweep(1_500, TIME);
        assert_eq!(stop(&link), None);
        link.hear(1_000);
        link.sweep(2_500, TIME);
        assert_eq!(stop(&link), None);
        link.sweep(2_501, TIME);
        assert_eq!(stop(&link), Some(Stop::Server(CloseReason::KeepAlive)));
    }

    #[test]
    fn a_connection_that_we_do_not_read_never_times_out_and_gets_its_full_time_afterwards() {
        let link = link(Some(1_500));
        link.set_listening(true, 0);
        link.set_listening(false, 100);
        link.sweep(1_000_000, TIME);
        assert_eq!(stop(&link), None);
        link.set_listening(true, 1_000_000);
        link.sweep(1_001_000, TIME);
        assert_eq!(stop(&link), None);
        link.sweep(1_002_000, TIME);
        assert_eq!(stop(&link), Some(Stop::Server(CloseReason::KeepAlive)));
    }

    #[test]
    fn without_keep_alive_silence_is_fine_for_ever() {
        let link = link(None);
        link.set_listening(true, 0);
        link.sweep(u64::MAX, TIME);
        assert_eq!(stop(&link), None);
    }

    #[test]
    fn a_peer_that_does_not_read_is_cut_off_after_a_minute() {
        let link = link(None);
        link.set_stalled(true, 1_000);
        link.set_stalled(true, 50_000);
        link.sweep(60_999, TIME);
        assert_eq!(stop(&link), None);
        link.sweep(61_000, TIME);
        assert_eq!(stop(&link), Some(Stop::Stalled));
        link.set_stalled(false, 0);
        link.sweep(200_000, TIME);
        assert_eq!(stop(&link), None);
    }

    #[test]
    fn an_expired_credential_ends_the_connection() {
        let link = link(None);
        link.sweep(0, Timestamp::from_seconds(99));
        assert_eq!(stop(&link), None);
        link.sweep(0, Timestamp::from_seconds(100));
        assert_eq!(stop(&link), Some(Stop::Server(CloseReason::CredentialExpired)));
    }

    #[test]
    fn the_first_reason_to_end_stays() {
        let link = link(None);
        link.close(CloseReason::TakenOver);
        link.close(CloseReason::ShuttingDown);
        assert_eq!(stop(&link), Some(Stop::Server(CloseReason::TakenOver)));
    }

    #[test]
    fn notes_wake_the_task_once_and_live_messages_wait_for_room() {
        let link = link(None);
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        drop(link.take(&waker, true));
        let message = Arc::new(Outbound { topic: "a".to_owned(), payload: bytes::Bytes::new() });
        for _ in 0..100 {
            link.deliver(&message);
        }
        link.wake();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        let notes = link.take(&waker, false);
        assert!(notes.live.is_empty() && notes.woken);
        assert_eq!(link.take(&waker, true).live.len(), MOST_LIVE);
        assert_eq!(link.metrics.dropped.get(), 36);
    }
}
