//! Wills that wait for their client to come back (section 3.1.3.2.2 of MQTT 5). In memory; knows no clock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use windlass_app::message::DevicePeer;
use windlass_domain::ids::DeviceId;

use super::packet::Will;

/// Whose will it is.
pub(crate) type Owner = (DeviceId, Arc<str>);

/// A will that is to be published unless its client comes back.
#[derive(Debug, Clone)]
pub(crate) struct Late {
    pub(crate) peer: Arc<DevicePeer>,
    pub(crate) client_id: Arc<str>,
    pub(crate) will: Will,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    due: BTreeMap<(u64, u64), Late>,
    by_owner: HashMap<Owner, (u64, u64)>,
}

/// All waiting wills, at most one for each session.
#[derive(Debug, Default)]
pub(crate) struct Wills(Mutex<Waiting>);

impl Wills {
    fn with<T>(&self, what: impl FnOnce(&mut Waiting) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps a will until `due` (milliseconds). Gives back one of the same owner that waited still.
    pub(crate) fn keep(&self, late: Late, due: u64) -> Option<Late> {
        self.with(|waiting| {
            let owner = (late.peer.device, Arc::clone(&late.client_id));
            waiting.next += 1;
            let key = (due, waiting.next);
            waiting.due.insert(key, late);
            let before = waiting.by_owner.insert(owner, key)?;
            waiting.due.remove(&before)
        })
    }

    /// The client is back: takes its will away.
    pub(crate) fn take(&self, device: DeviceId, client_id: &Arc<str>) -> Option<Late> {
        self.with(|waiting| {
            let key = waiting.by_owner.remove(&(device, Arc::clone(client_id)))?;
            waiting.due.remove(&key)
        })
    }

    /// Takes those whose time has come.
    pub(crate) fn due(&self, now: u64) -> Vec<Late> {
        self.with(|waiting| {
            let later = waiting.due.split_off(&(now.saturating_add(1), 0));
            let due: Vec<Late> = std::mem::replace(&mut waiting.due, later).into_values().collect();
            for late in &due {
                waiting.by_owner.remove(&(late.peer.device, Arc::clone(&late.client_id)));
            }
            due
        })
    }
}
