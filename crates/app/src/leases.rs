//! Tasks that one node of several does at a time: the reconciler of jobs, the audit sealer, compaction, housekeeping.
//!
//! Holding a lease keeps nodes from doing the same work twice; it is not what keeps the work right: that is the
//! transactions. A node that ends gives its leases back, one that dies keeps them for [`SPAN`]. The only node of an
//! embedded store needs none.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use windlass_domain::time::Timestamp;
use windlass_store::leases::{Lease, lease_by_name, lease_release, lease_take};
use windlass_store::{Location, Store, StoreError};

use crate::App;
use crate::clock::{Entropy, random};

/// How long a lease is good. Renewed at half of it.
pub(crate) const SPAN: Duration = Duration::from_secs(15);

/// What this node holds.
#[derive(Debug)]
pub(crate) struct Leases {
    owner: String,
    is_shared: bool,
    held: Mutex<HashMap<&'static str, Lease>>,
}

impl Leases {
    /// Holds nothing. On a shared store every start is another owner: names of nodes may be the same.
    pub(crate) fn new(node: &str, location: &Location, entropy: &dyn Entropy) -> Self {
        let (owner, is_shared) = match location {
            Location::Sqlite { .. } => (node.to_owned(), false),
            Location::Postgres { .. } => (format!("{node}/{}", hex::encode(random::<8>(entropy))), true),
        };
        Self { owner, is_shared, held: Mutex::default() }
    }

    /// Under which name leases are taken here: no other start has it on a shared store.
    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    /// Whether other nodes may work on the same store.
    pub(crate) const fn is_shared(&self) -> bool {
        self.is_shared
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Lease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leases {
    /// Takes or renews the lease of a task. False while another node holds it.
    async fn take(&self, store: &Store, task: &'static str, now: Timestamp) -> Result<bool, StoreError> {
        let fresh = |lease: &Lease| lease.until > now.plus(SPAN / 2);
        if !self.is_shared || self.lock().get(task).is_some_and(fresh) {
            return Ok(true);
        }
        let owner = self.owner.clone();
        // Looked at first: who does not hold it would write every second for nothing.
        let known = store.read(move |tx| Box::pin(lease_by_name(tx, task))).await?;
        if known.is_some_and(|lease| lease.owner != owner && lease.until > now) {
            self.lock().remove(task);
            return Ok(false);
        }
        let taken = store
            .write(move |tx| {
                let owner = owner.clone();
                Box::pin(async move { lease_take(tx, task, &owner, now, SPAN).await })
            })
            .await?;
        let mut held = self.lock();
        let holds = taken.is_some();
        match taken {
            Some(lease) => drop(held.insert(task, lease)),
            None => drop(held.remove(task)),
        }
        Ok(holds)
    }

    /// Gives everything back, so that another node goes on at once.
    async fn release(&self, store: &Store) -> Result<(), StoreError> {
        let held: Vec<Lease> = self.lock().drain().map(|(_, lease)| lease).collect();
        if held.is_empty() {
            return Ok(());
        }
        store
            .write::<_, StoreError, _>(move |tx| {
                let held = held.clone();
                Box::pin(async move {
                    for lease in &held {
                        lease_release(tx, &lease.name, &lease.owner, lease.epoch).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

impl App {
    /// Whether other nodes may serve the same store.
    pub fn is_one_of_several(&self) -> bool {
        self.leases.is_shared()
    }

    /// Whether this node does a task for now. If the store cannot say, it does not.
    pub(crate) async fn leads(&self, task: &'static str) -> bool {
        match self.leases.take(&self.store, task, self.clock.now()).await {
            Ok(holds) => holds,
            Err(error) => {
                let error = crate::error::chain(&error);
                tracing::warn!(
                    lease.name = task,
                    error,
                    "a lease could not be taken; another node may do the task"
                );
                false
            }
        }
    }

    /// Gives back what this node holds.
    pub(crate) async fn leases_release(&self) {
        if let Err(error) = self.leases.release(&self.store).await {
            tracing::warn!(error = %crate::error::chain(&error), "leases could not be given back");
        }
    }
}

#[cfg(test)]
mod tests {
    use windlass_store::testing::{START, stores};

    use super::*;

    fn node(owner: &str) -> Leases {
        Leases { owner: owner.to_owned(), is_shared: true, held: Mutex::default() }
    }

    #[tokio::test]
    async fn one_of_two_nodes_does_a_task_and_the_other_one_goes_on_when_it_is_gone() {
        for test in stores("app-leases").await {
            let store = &test.store;
            let (first, second) = (node("a"), node("b"));
            assert!(first.take(store, "jobs", START).await.unwrap());
            assert!(!second.take(store, "jobs", START).await.unwrap());
            assert!(second.take(store, "audit", START).await.unwrap(), "each task has its own");
            let half = START.plus(SPAN / 2);
            assert!(first.take(store, "jobs", half).await.unwrap(), "renewed");
            let late = START.plus(SPAN);
            assert!(!second.take(store, "jobs", late).await.unwrap(), "the renewed one is not over");
            assert!(second.take(store, "jobs", late.plus(SPAN)).await.unwrap(), "the first one died");
            assert!(!first.take(store, "jobs", late.plus(SPAN)).await.unwrap());
            second.release(store).await.unwrap();
            assert!(first.take(store, "jobs", late.plus(SPAN)).await.unwrap(), "given back at the end");
            test.remove().await;
        }
    }

    #[tokio::test]
    async fn the_only_node_of_an_embedded_store_holds_everything_and_writes_nothing() {
        for test in stores("app-leases-embedded").await {
            let alone = Leases { is_shared: false, ..node("local") };
            assert!(alone.take(&test.store, "jobs", START).await.unwrap());
            let kept = test.store.read(|tx| Box::pin(lease_by_name(tx, "jobs"))).await.unwrap();
            assert_eq!(kept, None);
            test.remove().await;
        }
    }
}
