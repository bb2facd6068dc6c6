//! Why did this device not connect? What listeners refused, in words that help, for whoever may see the device.
//!
//! In memory, of this node, and bounded: see [`log`](self). What peers say of themselves is hostile; it is cleaned
//! and cut before it is kept. Knows no sockets.

mod cause;
mod log;
mod said;
mod shown;
mod unmapped;
mod waiting;

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use windlass_domain::ids::{DeviceName, Sha256, TenantId};
use windlass_domain::time::Timestamp;
use windlass_store::{Store, StoreError, credentials, tenants};

use crate::app::App;
use crate::authority::Authority;
use crate::error::chain;
use crate::message::DevicePeer;

pub use cause::{Cause, Explained, Here, Stage};
pub use said::{Certificate, Claimed, Owner, Refused};
pub use shown::{RefusalFilter, RefusalPage, RefusalView};
pub use unmapped::UnmappedTopic;

use log::Log;
use said::{LONG, SHORT, clean};
use unmapped::Unmapped;

/// What was refused on this node.
#[derive(Debug)]
pub struct Refusals {
    log: Mutex<Log>,
    unmapped: Mutex<Unmapped>,
    told: watch::Sender<u64>,
    here: Here,
    /// Strangers knock at the door of this tenant.
    default_tenant: TenantId,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Refusals {
    /// Nothing was refused yet.
    pub(crate) async fn open(store: &Store, authority: &Authority) -> Result<Self, StoreError> {
        let tenant = store.read(|tx| Box::pin(tenants::tenant_default(tx))).await?;
        Ok(Self {
            log: Mutex::default(),
            unmapped: Mutex::default(),
            told: watch::Sender::new(0),
            here: Here { issuer: authority.issuing_subject(), root: authority.root_fingerprint() },
            default_tenant: tenant.id,
        })
    }

    /// Changes whenever something was refused.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }

    /// Says for the log what a refusal is about: whom the peer says to be, and why it was refused.
    pub fn sentence(&self, refused: &Refused, now: Timestamp) -> (String, String) {
        let name = clean(refused.claimed.name().unwrap_or_default(), SHORT);
        let explained = refused.clone().cleaned();
        (name, explained.cause.explain(&explained.claimed, &self.here, now).detail)
    }

    fn note(&self, refused: Refused, now: Timestamp) {
        lock(&self.log).note(refused, now);
        self.told.send_modify(|told| *told = told.wrapping_add(1));
    }
}

impl App {
    /// Notes a refusal whose peer is known, or of which nothing is known.
    pub fn refused(&self, refused: Refused) {
        self.refusals.note(refused.cleaned(), self.clock.now());
    }

    /// Notes the refusal of a stranger, and finds out whose device it may be: by its certificate, else by the name it
    /// gives itself. What was noted before is only counted.
    pub async fn refused_stranger(&self, refused: Refused) {
        let mut refused = refused.cleaned();
        if refused.owner.is_none() && !lock(&self.refusals.log).knows(&refused) {
            refused.owner = self.owner_of(&refused.claimed).await;
        }
        self.refusals.note(refused, self.clock.now());
    }

    async fn owner_of(&self, claimed: &Claimed) -> Option<Owner> {
        let fingerprint = claimed.certificate.as_ref().and_then(|own| own.fingerprint.parse::<Sha256>().ok());
        if let Some(fingerprint) = fingerprint {
            let found = self
                .store
                .read(move |tx| Box::pin(async move { credentials::by_fingerprint(tx, &fingerprint).await }));
            match found.await {
                Ok(Some(credential)) => {
                    return Some(Owner { tenant: credential.tenant, device: credential.device });
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(error = %chain(&error), "it could not be found out whose certificate was refused");
                }
            }
        }
        let tenant = self.refusals.default_tenant;
        let names = [claimed.name(), claimed.client_id.as_deref()];
        let device = names
            .into_iter()
            .flatten()
            .filter_map(|name| name.parse::<DeviceName>().ok())
            .find_map(|name| self.fleet.id_of(tenant, &name));
        Some(Owner { tenant, device })
    }

    /// Notes a message to a topic that nothing maps.
    pub fn unmapped(&self, peer: &DevicePeer, client_id: &str, topic: &str, bytes: usize) {
        let now = self.clock.now();
        let cleaned = clean(topic, 2 * LONG);
        lock(&self.refusals.unmapped).note(
            peer.device,
            (peer.name.as_str(), client_id),
            &cleaned,
            bytes,
            now,
        );
    }
}

#[cfg(test)]
mod tests;
