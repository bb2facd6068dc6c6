//! Live connections follow the change feed: they end when another node took away their right to be here, and learn
//! what changed of their device. Knows no sockets.

use std::collections::BTreeSet;

use windlass_domain::ids::{CredentialId, DeviceId, TokenId, TypeId};
use windlass_store::{Change, ChangeKind, StoreError, Tx, credentials, tokens};

use crate::app::App;
use crate::hub::CloseReason;

/// What the feed named, sorted by kind.
#[derive(Debug, Clone, Default)]
struct Named {
    devices: BTreeSet<DeviceId>,
    types: BTreeSet<TypeId>,
    credentials: BTreeSet<CredentialId>,
    tokens: BTreeSet<TokenId>,
}

/// What lost its right to connect.
#[derive(Debug, Default)]
struct Lost {
    /// And whose each was.
    credentials: Vec<(CredentialId, Option<DeviceId>)>,
    tokens: Vec<TokenId>,
}

impl Named {
    fn of(changes: &[Change]) -> Self {
        let mut named = Self::default();
        for change in changes {
            let (kind, id) = (change.kind, change.id);
            if kind == ChangeKind::Device {
                named.devices.insert(DeviceId::new(id));
            } else if kind == ChangeKind::DeviceType {
                named.types.insert(TypeId::new(id));
            } else if kind == ChangeKind::Credential {
                named.credentials.insert(CredentialId::new(id));
            } else if kind == ChangeKind::Token {
                named.tokens.insert(TokenId::new(id));
            }
        }
        named
    }

    fn is_empty(&self) -> bool {
        let Self { devices, types, credentials, tokens } = self;
        devices.is_empty() && types.is_empty() && credentials.is_empty() && tokens.is_empty()
    }

    async fn lost(&self, tx: &mut Tx<'_>) -> Result<Lost, StoreError> {
        let mut lost = Lost::default();
        for id in &self.credentials {
            if let Some(device) = credentials::ended(tx, *id).await? {
                lost.credentials.push((*id, device));
            }
        }
        for id in &self.tokens {
            if tokens::is_revoked(tx, *id).await? {
                lost.tokens.push(*id);
            }
        }
        Ok(lost)
    }
}

impl App {
    /// Takes to live connections what the feed told. The index has it already. Doing it twice does no harm.
    ///
    /// # Errors
    /// When the store fails: the same changes are to be followed again then.
    pub(crate) async fn follow_connections(&self, changes: &[Change]) -> Result<(), StoreError> {
        self.downloads.follow(changes);
        let named = Named::of(changes);
        // Before anything is looked up in the hub: see `Hub::told`.
        if !named.is_empty() {
            self.hub.tell();
        }
        for device in &named.devices {
            if self.fleet.entry(*device).is_none_or(|entry| !entry.device.lifecycle.may_connect()) {
                self.hub.close_device(*device, CloseReason::NotAuthorized);
            } else {
                self.hub.refresh(*device);
            }
        }
        if !named.types.is_empty() {
            for device in self.hub.devices() {
                let own = self.fleet.entry(device).and_then(|entry| entry.device.device_type);
                if own.is_some_and(|own| named.types.contains(&own)) {
                    self.hub.refresh(device);
                }
            }
        }
        if named.credentials.is_empty() && named.tokens.is_empty() {
            return Ok(());
        }
        let Lost { credentials, tokens } = self
            .store
            .read_as_follower(move |tx| {
                let named = named.clone();
                Box::pin(async move { named.lost(tx).await })
            })
            .await?;
        for (credential, device) in credentials {
            match device {
                Some(device) => {
                    self.downloads.end_of(device);
                    self.hub.close_credential(device, credential, CloseReason::NotAuthorized);
                }
                None => self.hub.close_claim(credential),
            }
        }
        for token in tokens {
            self.hub.close_token(token);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
