//! Alerts: what is wrong and open, who looks after it, and who is told.
//!
//! The reconciler ([`reconcile`]) takes no input: it looks at what holds now, opens and closes alerts, and writes in
//! the same transaction what channels are to be told. The sender ([`send`]) carries that out, at least once. Which
//! conditions are alerts is decided in [`windlass_domain::alert`].
//!
//! `mod` order is reading order.

mod observe;
mod reconcile;
mod tell;

mod channels;
mod send;
mod words;

mod handle;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;
use windlass_domain::ids::ChannelId;
use windlass_domain::time::Timestamp;

use crate::error::AppError;
use crate::outbound::Courier;

pub use channels::{ChannelInput, ChannelPut, TargetInput, Tested};
pub use handle::{AlertPage, AlertView, Filter};
pub use windlass_store::alerts::Alert;
pub use windlass_store::outbox::{Channel, ChannelSpec, Delivery, Target};

/// What alerts share on this node.
#[derive(Debug)]
pub struct Alerts {
    /// Told when a condition may have begun or ended.
    pub due: Notify,
    /// Told when there may be something to send.
    outbox_due: Notify,
    courier: OnceLock<Arc<dyn Courier>>,
    console_certificate: OnceLock<PathBuf>,
    listening_since: Timestamp,
    certificates_looked_at: Mutex<Option<Timestamp>>,
    sending: Mutex<Sending>,
    open: AtomicI64,
    waiting: AtomicI64,
}

/// Channels that are being sent to, and channels that are left alone until a time after a failure.
#[derive(Debug, Default)]
struct Sending {
    busy: BTreeSet<ChannelId>,
    resting: BTreeMap<ChannelId, Timestamp>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Alerts {
    /// Nothing known yet. `now`: devices are listened to from here on.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            due: Notify::new(),
            outbox_due: Notify::new(),
            courier: OnceLock::new(),
            console_certificate: OnceLock::new(),
            listening_since: now,
            certificates_looked_at: Mutex::new(None),
            sending: Mutex::default(),
            open: AtomicI64::new(0),
            waiting: AtomicI64::new(0),
        }
    }

    /// Says who carries notifications out. The first one stays.
    pub fn use_courier(&self, courier: Arc<dyn Courier>) {
        // A second node in one process does not happen; if it did, the first courier is as good.
        let _stays = self.courier.set(courier);
    }

    /// Names the file with the certificate of the console port, to be watched for its end.
    pub fn watch_certificate(&self, path: PathBuf) {
        let _stays = self.console_certificate.set(path);
    }

    /// Who carries notifications out.
    pub(crate) fn courier(&self) -> Result<&Arc<dyn Courier>, AppError> {
        let missing = || AppError::Unavailable("this node sends no notifications yet".to_owned());
        self.courier.get().ok_or_else(missing)
    }

    /// Whether mail can be sent.
    pub fn has_mail(&self) -> bool {
        self.courier.get().is_some_and(|courier| courier.has_mail())
    }

    /// Open alerts of all tenants, as counted last.
    pub fn open(&self) -> i64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Notifications that wait, as counted last.
    pub fn waiting(&self) -> i64 {
        self.waiting.load(Ordering::Relaxed)
    }
}
