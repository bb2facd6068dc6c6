//! When the reconciler looks at which job: at once where something happened to it, every second where a timer of it is near,
//! else now and then, should a change have been missed.
//!
//! Known only to the node that reconciles; a node that begins to knows nothing and looks at all. Knows neither the store nor
//! what a job is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use windlass_domain::ids::JobId;
use windlass_domain::time::Timestamp;

/// A job of which nobody tells anything is looked at again within this, and not before half of it. Whoever rests has no timer
/// that runs out sooner.
pub(super) const SLOW: Duration = Duration::from_secs(60);
/// How long until a job is looked at again that has a timer near, or could not be looked at.
const SOON: Duration = Duration::from_secs(1);
/// How often it is asked which jobs are open.
const LISTED: Duration = Duration::from_secs(30);
/// Most jobs that are woken and not looked at; with more, all are.
const WOKEN: usize = 100_000;

/// What a look at a job says of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// There is more to do.
    AtOnce,
    /// A timer is near.
    Soon,
    /// Nothing runs out for long.
    Rests,
    /// Nothing runs out for long, and devices that match by now may join. `has_place`: also those that were left out.
    Waits { has_place: bool },
    /// It is over, or gone.
    Over,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: Timestamp,
    /// Whether it waits for devices, and whether it has a place for those that were left out.
    waits: Option<bool>,
}

#[derive(Debug, Default)]
struct Held {
    entries: BTreeMap<JobId, Entry>,
    woken: BTreeSet<JobId>,
    listed: Option<Timestamp>,
    is_kept: bool,
}

/// When which job is looked at.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    held: Mutex<Held>,
    woken: Notify,
}

impl Agenda {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened to these jobs: they are looked at at once.
    pub(crate) fn wake(&self, jobs: impl IntoIterator<Item = JobId>) {
        let mut held = self.lock();
        if !held.is_kept {
            return;
        }
        held.woken.extend(jobs);
        if held.woken.len() > WOKEN {
            *held = Held { is_kept: true, ..Held::default() };
        }
        drop(held);
        self.woken.notify_one();
    }

    /// Something was missed: all are looked at at once.
    pub(crate) fn wake_all(&self) {
        let mut held = self.lock();
        *held = Held { is_kept: held.is_kept, ..Held::default() };
        drop(held);
        self.woken.notify_one();
    }

    /// Whether this node reconciles. What is known from before it stopped to counts for nothing.
    pub(super) fn keep(&self, keep: bool) {
        let mut held = self.lock();
        if held.is_kept != keep {
            *held = Held { is_kept: keep, ..Held::default() };
        }
    }

    /// Whether this node reconciles.
    pub(super) fn is_kept(&self) -> bool {
        self.lock().is_kept
    }

    /// Until a job is woken.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Whether it is to be asked which jobs are open.
    pub(super) fn is_list_due(&self, now: Timestamp) -> bool {
        self.lock().listed.is_none_or(|at| now < at || now.since(at) >= LISTED)
    }

    /// Takes in which jobs are open. If the clock went back, all are looked at.
    pub(super) fn list(&self, open: Vec<JobId>, now: Timestamp) {
        let mut held = self.lock();
        if held.listed.is_some_and(|at| now < at) {
            held.entries.clear();
        }
        let mut before = std::mem::take(&mut held.entries);
        let new = Entry { at: now, waits: None };
        held.entries = open.into_iter().map(|id| (id, before.remove(&id).unwrap_or(new))).collect();
        held.listed = Some(now);
    }

    /// The jobs to be looked at now, oldest first. `is_stale`: whether one that waits for devices may find some, by whether it
    /// has a place for those that were left out.
    pub(super) fn due(&self, now: Timestamp, is_stale: impl Fn(JobId, bool) -> bool) -> Vec<JobId> {
        let mut held = self.lock();
        let mut due = std::mem::take(&mut held.woken);
        let timed = held.entries.iter().filter(|(id, entry)| {
            entry.at <= now || entry.waits.is_some_and(|has_place| is_stale(**id, has_place))
        });
        due.extend(timed.map(|(id, _)| *id));
        due.into_iter().collect()
    }

    /// Notes what a look at a job came to.
    pub(super) fn note(&self, id: JobId, next: Next, now: Timestamp) {
        let half = SLOW / 2;
        // Not all of them in the same second.
        let spread = u64::try_from(id.get()).unwrap_or(0).wrapping_mul(7_919) % half.as_secs().max(1);
        let slow = now.plus(half).plus(Duration::from_secs(spread));
        let entry = match next {
            Next::AtOnce => Entry { at: now, waits: None },
            Next::Soon => Entry { at: now.plus(SOON), waits: None },
            Next::Rests => Entry { at: slow, waits: None },
            Next::Waits { has_place } => Entry { at: slow, waits: Some(has_place) },
            Next::Over => {
                self.lock().entries.remove(&id);
                return;
            }
        };
        self.lock().entries.insert(id, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn ids(numbers: &[i64]) -> Vec<JobId> {
        numbers.iter().map(|number| JobId::new(*number)).collect()
    }

    fn kept() -> Agenda {
        let agenda = Agenda::default();
        agenda.keep(true);
        assert!(agenda.is_list_due(at(0)));
        agenda.list(ids(&[1, 2, 3]), at(0));
        assert_eq!(agenda.due(at(0), |_, _| false), ids(&[1, 2, 3]), "nothing is known of any");
        agenda
    }

    #[test]
    fn each_job_is_looked_at_when_it_is_due_or_woken_and_else_within_a_minute() {
        let agenda = kept();
        agenda.note(JobId::new(1), Next::Soon, at(0));
        agenda.note(JobId::new(2), Next::Rests, at(0));
        agenda.note(JobId::new(3), Next::AtOnce, at(0));
        assert_eq!(agenda.due(at(0), |_, _| false), ids(&[3]));
        agenda.note(JobId::new(3), Next::Over, at(0));
        assert_eq!(agenda.due(at(1), |_, _| false), ids(&[1]));
        agenda.note(JobId::new(1), Next::Rests, at(1));
        assert_eq!(agenda.due(at(29), |_, _| false), ids(&[]));
        agenda.wake([JobId::new(2), JobId::new(9)]);
        assert_eq!(agenda.due(at(29), |_, _| false), ids(&[2, 9]));
        assert_eq!(agenda.due(at(62), |_, _| false), ids(&[1, 2]));
    }

    #[test]
    fn a_job_that_waits_for_devices_is_looked_at_when_some_may_have_come() {
        let agenda = kept();
        for id in ids(&[1, 2, 3]) {
            agenda.note(id, Next::Waits { has_place: id.get() == 1 }, at(0));
        }
        assert_eq!(agenda.due(at(1), |id, has_place| id.get() < 3 && has_place), ids(&[1]));
    }

    #[test]
    fn what_is_open_is_asked_now_and_then_and_after_the_clock_went_back() {
        let agenda = kept();
        for id in ids(&[1, 2, 3]) {
            agenda.note(id, Next::Rests, at(0));
        }
        assert!(!agenda.is_list_due(at(29)) && agenda.is_list_due(at(30)));
        agenda.list(ids(&[2, 4]), at(29));
        assert_eq!(agenda.due(at(29), |_, _| false), ids(&[4]));
        agenda.note(JobId::new(4), Next::Rests, at(29));
        assert!(agenda.is_list_due(at(10)));
        agenda.list(ids(&[2, 4]), at(10));
        assert_eq!(agenda.due(at(10), |_, _| false), ids(&[2, 4]));
    }

    #[test]
    fn a_node_that_begins_to_reconcile_looks_at_all() {
        let agenda = kept();
        agenda.note(JobId::new(1), Next::Rests, at(0));
        agenda.keep(false);
        agenda.wake([JobId::new(1)]);
        assert_eq!(agenda.due(at(1), |_, _| false), ids(&[]), "another node looks");
        agenda.keep(true);
        assert!(agenda.is_list_due(at(1)));
        agenda.list(ids(&[1]), at(1));
        agenda.note(JobId::new(1), Next::Rests, at(1));
        agenda.wake_all();
        assert!(agenda.is_list_due(at(1)));
    }
}
