//! Tasks have owners: a named group with a cancellation token and a drain deadline.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A group of tasks that end together. Clones share the group.
#[derive(Debug, Clone)]
pub struct Tasks {
    name: &'static str,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// An empty group.
    pub fn new(name: &'static str) -> Self {
        Self { name, tracker: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// A group that is told to stop when this one is, but drains on its own.
    pub fn child(&self, name: &'static str) -> Self {
        Self { name, tracker: TaskTracker::new(), stop: self.stop.child_token() }
    }

    /// Told when the group should end.
    pub const fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// How many tasks run.
    pub fn len(&self) -> usize {
        self.tracker.len()
    }

    /// Whether no task runs.
    pub fn is_empty(&self) -> bool {
        self.tracker.is_empty()
    }

    /// Runs a task that watches [`Tasks::stop`] itself.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(self.tracker.spawn(task));
    }

    /// Runs a task that may be dropped at any await when the group ends.
    pub fn spawn_until_stopped<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        drop(self.tracker.spawn(async move {
            stop.run_until_cancelled(task).await;
        }));
    }

    /// Tells every task to end and waits for them, no longer than `deadline`. True if all ended.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        let ended = tokio::time::timeout(deadline, self.tracker.wait()).await.is_ok();
        if !ended {
            tracing::warn!(
                tasks.group = self.name,
                tasks.left = self.tracker.len(),
                "tasks did not end in time"
            );
        }
        ended
    }
}
