//! Who is at the other end: a certificate in, [`Peer`] or the exact reason for refusal out.
//!
//! TLS has shown that the peer holds the key and no more. Everything else is judged here, after *every* handshake,
//! resumed ones too: issuer and usage by [`crate::authority`], then status, time and device by the store.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use windlass_domain::credential::{ConnectRefusal, CredentialPurpose, check};
use windlass_domain::device::Device;
use windlass_domain::ids::{DeviceId, Sha256};
use windlass_domain::time::Timestamp;
use windlass_store::credentials::Credential;
use windlass_store::{StoreError, Tx, claims, credentials, devices};

use crate::app::App;
use crate::error::chain;
use crate::message::{ClaimPeer, DevicePeer, Peer, in_topics};

impl App {
    /// Judges the certificate chain that a client presented (leaf first): issuer and usage, then what the store
    /// knows of it, validity, and the device.
    ///
    /// # Errors
    /// The first reason why the peer may not connect; [`ConnectRefusal::Unavailable`] if the store failed, or if this
    /// node does not follow the change feed and so might not hear of a revocation.
    pub async fn identify_certificate(&self, chain: &[CertificateDer<'_>]) -> Result<Peer, ConnectRefusal> {
        let leaf = self.authority.judge(chain)?;
        if !self.fleet.is_current() {
            return Err(ConnectRefusal::Unavailable);
        }
        let (now, fingerprint, app) = (self.clock.now(), leaf.fingerprint, self.clone());
        let judged: Result<Result<Peer, ConnectRefusal>, StoreError> = self
            .store
            .read(move |tx| {
                let app = app.clone();
                Box::pin(async move { judge(&app, tx, &fingerprint, now).await })
            })
            .await;
        let judged = judged.unwrap_or_else(|error| {
            tracing::error!(error = %self::chain(&error), "a certificate could not be looked up");
            Err(ConnectRefusal::Unavailable)
        });
        if let (Err(ConnectRefusal::Unknown), Some(leaf)) = (&judged, chain.first()) {
            // Ours, and not known: an operator decides, as after a restore.
            self.pend_known_certificate(leaf).await;
        }
        judged
    }

    /// A device as it would be if it connected now, for what is left to do in its name: the will of a connection
    /// that a restart cut off. None if it may not connect.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn peer_of_device(&self, device: DeviceId) -> Result<Option<DevicePeer>, StoreError> {
        let (now, app) = (self.clock.now(), self.clone());
        self.store
            .read(move |tx| {
                let app = app.clone();
                Box::pin(async move {
                    let Some(device) = devices::device_by_id(tx, device).await? else { return Ok(None) };
                    let good = credentials::of_device(tx, device.id)
                        .await?
                        .into_iter()
                        .find(|each| check(each.status, each.not_before, each.not_after, now).is_ok());
                    match good.filter(|_| device.lifecycle.may_connect()) {
                        Some(credential) => device_peer(&app, tx, device, &credential).await.map(Some),
                        None => Ok(None),
                    }
                })
            })
            .await
    }
}

async fn judge(
    app: &App,
    tx: &mut Tx<'_>,
    fingerprint: &Sha256,
    now: Timestamp,
) -> Result<Result<Peer, ConnectRefusal>, StoreError> {
    let Some(credential) = credentials::by_fingerprint(tx, fingerprint).await? else {
        return Ok(Err(ConnectRefusal::Unknown));
    };
    if let Err(refusal) = check(credential.status, credential.not_before, credential.not_after, now) {
        return Ok(Err(refusal));
    }
    match (credential.purpose, credential.claim, credential.device) {
        (CredentialPurpose::Claim, Some(claim), _) => {
            let claim = claims::by_id(tx, claim).await?.filter(|claim| claim.tenant == credential.tenant);
            Ok(claim.ok_or(ConnectRefusal::Unknown).map(|claim| {
                Peer::Claim(Arc::new(ClaimPeer {
                    tenant: claim.tenant,
                    claim: claim.id,
                    name: claim.name,
                    credential: credential.id,
                    expires_at: credential.not_after,
                    templates: claim.templates,
                }))
            }))
        }
        (CredentialPurpose::Device, _, Some(device)) => {
            let device = devices::device_by_id(tx, device).await?;
            let Some(device) = device.filter(|device| device.tenant == credential.tenant) else {
                return Ok(Err(ConnectRefusal::Unknown));
            };
            if !device.lifecycle.may_connect() {
                return Ok(Err(ConnectRefusal::Lifecycle(device.lifecycle)));
            }
            Ok(Ok(Peer::Device(Arc::new(device_peer(app, tx, device, &credential).await?))))
        }
        (CredentialPurpose::Claim, None, _) | (CredentialPurpose::Device, _, None) => {
            Ok(Err(ConnectRefusal::Unknown))
        }
    }
}

async fn device_peer(
    app: &App,
    tx: &mut Tx<'_>,
    device: Device,
    credential: &Credential,
) -> Result<DevicePeer, StoreError> {
    let (type_spec, topic_map) = app.type_of(device.device_type);
    let aliases = devices::device_aliases(tx, device.id).await?;
    Ok(DevicePeer {
        tenant: device.tenant,
        device: device.id,
        name: device.name,
        aliases: in_topics(aliases.iter().map(|alias| alias.external_id.as_str())),
        kind: device.kind,
        credential: credential.id,
        expires_at: credential.not_after,
        type_spec,
        topic_map,
        link_base: Arc::from(""),
    })
}

#[cfg(test)]
mod tests;
