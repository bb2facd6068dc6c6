//! Bounds on how many peers may be at a stage before sign-in, such that slow ones make way for others.
//!
//! A full stage turns out whoever has been there longest, if that is longer than its patience; else newcomers wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
struct Guest {
    since: Instant,
    out: CancellationToken,
    settled: bool,
}

#[derive(Debug, Default)]
struct Room {
    next: u64,
    guests: BTreeMap<u64, Guest>,
}

/// One stage.
#[derive(Debug)]
pub(crate) struct Door {
    most: usize,
    patience: Duration,
    room: Mutex<Room>,
    left: Notify,
}

impl Door {
    /// Lets in `most`; whoever stays longer than `patience` makes way when it is full.
    pub(crate) fn new(most: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), patience, room: Mutex::default(), left: Notify::new() })
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place.
    pub(crate) async fn enter(self: &Arc<Self>) -> Ticket {
        loop {
            let left = self.left.notified();
            if let Some(ticket) = self.try_enter() {
                return ticket;
            }
            // Looks again when somebody left, or when somebody may have been here for too long.
            drop(tokio::time::timeout(Duration::from_millis(100), left).await);
        }
    }

    /// A place, if there is one now or somebody has to make way.
    pub(crate) fn try_enter(self: &Arc<Self>) -> Option<Ticket> {
        let mut room = self.room();
        if room.guests.len() >= self.most {
            let (id, oldest) = room.guests.iter().find(|(_, guest)| !guest.settled)?;
            if oldest.since.elapsed() < self.patience {
                return None;
            }
            let id = *id;
            if let Some(oldest) = room.guests.remove(&id) {
                oldest.out.cancel();
            }
        }
        room.next += 1;
        let id = room.next;
        let out = CancellationToken::new();
        room.guests.insert(id, Guest { since: Instant::now(), out: out.clone(), settled: false });
        Some(Ticket { door: Arc::clone(self), id, out })
    }
}

/// A place at a stage, given back when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    door: Arc<Door>,
    id: u64,
    out: CancellationToken,
}

impl Ticket {
    /// Told when the place went to somebody else.
    pub(crate) const fn out(&self) -> &CancellationToken {
        &self.out
    }

    /// The peer did its part: from now on it is not turned out.
    pub(crate) fn settle(&self) {
        if let Some(guest) = self.door.room().guests.get_mut(&self.id) {
            guest.settled = true;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.door.room().guests.remove(&self.id);
        self.door.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_slowest_makes_way_when_the_stage_is_full() {
        let door = Door::new(2, Duration::ZERO);
        let (first, second) = (door.enter().await, door.enter().await);
        let third = door.enter().await;
        assert!(first.out().is_cancelled());
        assert!(!second.out().is_cancelled() && !third.out().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_turned_out_before_the_patience_is_over() {
        let door = Door::new(1, Duration::from_secs(2));
        let first = door.enter().await;
        let before = Instant::now();
        let second = door.enter().await;
        assert!(before.elapsed() >= Duration::from_secs(2));
        assert!(first.out().is_cancelled() && !second.out().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_is_given_back_goes_to_the_next() {
        let door = Door::new(1, Duration::from_secs(3600));
        let first = door.enter().await;
        assert!(door.try_enter().is_none());
        drop(first);
        assert!(door.try_enter().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_did_its_part_stays() {
        let door = Door::new(2, Duration::ZERO);
        let first = door.enter().await;
        first.settle();
        let second = door.enter().await;
        let _third = door.enter().await;
        assert!(!first.out().is_cancelled());
        assert!(second.out().is_cancelled());
    }
}
