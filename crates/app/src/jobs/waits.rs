//! Who waits for the end of a command, and waking them when it may have come. Bounded; knows no command.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use windlass_domain::ids::{ExecutionId, JobId};

#[derive(Debug)]
struct Waiting {
    job: JobId,
    execution: ExecutionId,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Register {
    last: u64,
    waiting: BTreeMap<u64, Waiting>,
}

/// Everybody who waits. Clones share the register.
#[derive(Debug, Clone)]
pub(crate) struct Waits {
    register: Arc<Mutex<Register>>,
    most: usize,
}

/// A place in the register; leaving it is dropping it.
#[derive(Debug)]
pub(crate) struct Place {
    waits: Waits,
    number: u64,
    changed: Arc<Notify>,
}

impl Waits {
    /// Nobody waits, and never more than `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self { register: Arc::default(), most }
    }

    fn lock(&self) -> MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place to wait at; none if too many wait already. To be taken before the state is read.
    pub(crate) fn enter(&self, job: JobId, execution: ExecutionId) -> Option<Place> {
        let mut register = self.lock();
        if register.waiting.len() >= self.most {
            return None;
        }
        register.last += 1;
        let (number, changed) = (register.last, Arc::new(Notify::new()));
        register.waiting.insert(number, Waiting { job, execution, changed: Arc::clone(&changed) });
        Some(Place { waits: self.clone(), number, changed })
    }

    fn wake(&self, is_meant: impl Fn(&Waiting) -> bool) {
        let register = self.lock();
        for waiting in register.waiting.values().filter(|waiting| is_meant(waiting)) {
            waiting.changed.notify_one();
        }
    }

    /// Something happened to executions of these jobs.
    pub(crate) fn jobs_changed(&self, jobs: &[JobId]) {
        self.wake(|waiting| jobs.contains(&waiting.job));
    }

    /// Something happened to this execution, here or on another node.
    pub(crate) fn execution_changed(&self, id: ExecutionId) {
        self.wake(|waiting| waiting.execution == id);
    }
}

impl Place {
    /// Waits for the next change; one that came since the last call counts.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waits.lock().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn only_those_who_wait_for_it_are_woken_and_a_change_before_the_wait_counts() {
        let waits = Waits::new(10);
        let (job, other) = (JobId::new(1), JobId::new(2));
        let first = waits.enter(job, ExecutionId::new(11)).unwrap();
        let second = waits.enter(other, ExecutionId::new(12)).unwrap();
        waits.jobs_changed(&[job]);
        assert!(first.changed().now_or_never().is_some());
        assert!(first.changed().now_or_never().is_none(), "one change wakes once");
        assert!(second.changed().now_or_never().is_none());
        waits.execution_changed(ExecutionId::new(12));
        assert!(second.changed().now_or_never().is_some());
    }

    #[test]
    fn there_are_so_many_places_and_whoever_leaves_makes_room() {
        let waits = Waits::new(1);
        let place = waits.enter(JobId::new(1), ExecutionId::new(1)).unwrap();
        assert!(waits.enter(JobId::new(1), ExecutionId::new(1)).is_none());
        drop(place);
        assert!(waits.enter(JobId::new(1), ExecutionId::new(1)).is_some());
    }
}
