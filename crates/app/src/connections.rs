//! What listeners tell about connections: who came, who left and why, and the sessions they keep.
//!
//! Knows no sockets. Connections themselves are registered in [`crate::hub::Hub`] by the listener.

use std::net::SocketAddr;
use std::time::Duration;

use windlass_domain::device::Lifecycle;
use windlass_domain::event::Severity;
use windlass_domain::ids::DeviceId;
use windlass_domain::limits::Limits;
use windlass_domain::time::Timestamp;
use windlass_store::events::{NewEvent, event_record};
use windlass_store::sessions;
pub use windlass_store::sessions::{Abandoned, SavedSession, SavedWill};
use windlass_store::{StoreError, Tx, devices};

use crate::hub::CloseReason;
use crate::message::DevicePeer;
use crate::{App, AppError};

/// Why a connection is over. `Display` is what operators read on the device's time line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DisconnectReason {
    /// It said goodbye.
    #[error("the device disconnected")]
    Goodbye,
    /// The connection broke.
    #[error("the connection was lost")]
    Lost,
    /// It sent what the protocol forbids.
    #[error("protocol error: {0}")]
    Protocol(&'static str),
    /// MQTT 3.1.1 knows no refusal of a publish but this.
    #[error("published to a topic it may not use")]
    TopicRefused,
    /// A message could not be stored; it was not acknowledged.
    #[error("a message could not be stored and was not acknowledged")]
    Unavailable,
    /// Too many messages for too long.
    #[error("sent more messages than a device may")]
    RateExceeded,
    /// It did not read what was sent.
    #[error("the device did not read what was sent to it")]
    Stalled,
    /// The server ended it.
    #[error("{0}")]
    Server(CloseReason),
}

impl DisconnectReason {
    /// The kind of event that tells of it: reasons that differ are events of their own, also within one minute.
    const fn event_kind(self) -> &'static str {
        match self {
            Self::Goodbye => "disconnected",
            Self::Lost => "disconnected.lost",
            Self::Protocol(_) => "disconnected.protocolError",
            Self::TopicRefused => "disconnected.topicRefused",
            Self::Unavailable => "disconnected.unavailable",
            Self::RateExceeded => "disconnected.rateExceeded",
            Self::Stalled => "disconnected.stalled",
            Self::Server(reason) => match reason {
                CloseReason::TakenOver => "disconnected.takenOver",
                CloseReason::NotAuthorized => "disconnected.notAuthorized",
                CloseReason::CredentialExpired => "disconnected.credentialExpired",
                CloseReason::ShuttingDown => "disconnected.shutdown",
                CloseReason::KeepAlive => "disconnected.keepAlive",
                CloseReason::TooManyConnections => "disconnected.tooManyConnections",
            },
        }
    }

    const fn severity(self) -> Severity {
        match self {
            Self::Goodbye | Self::Server(CloseReason::TakenOver | CloseReason::ShuttingDown) => {
                Severity::Info
            }
            Self::Lost
            | Self::Protocol(_)
            | Self::TopicRefused
            | Self::Unavailable
            | Self::RateExceeded
            | Self::Stalled
            | Self::Server(
                CloseReason::NotAuthorized
                | CloseReason::CredentialExpired
                | CloseReason::KeepAlive
                | CloseReason::TooManyConnections,
            ) => Severity::Warning,
        }
    }
}

/// How a device comes.
#[derive(Debug, Clone, Copy)]
pub struct Arriving<'a> {
    /// Where from.
    pub address: SocketAddr,
    /// The MQTT client id that it chose or was given.
    pub client_id: &'a str,
    /// Whether it wants nothing of an earlier session.
    pub clean: bool,
}

/// What becomes of the stored session of a connection that ends.
#[derive(Debug, Clone)]
pub enum Left {
    /// There is none, or it belongs to whoever took over.
    Nothing,
    /// It is forgotten.
    Forgotten,
    /// It stays and expires after its own time, at most the limit. Packet ids stay as the store has them, since a commit may
    /// still be under way.
    Kept(SavedSession),
    /// The connection never began: it stays as the store has it, but without its will.
    Abandoned,
}

impl Left {
    async fn write(
        self,
        tx: &mut Tx<'_>,
        device: DeviceId,
        client_id: &str,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let session = match self {
            Self::Nothing => return Ok(()),
            Self::Forgotten => return sessions::remove(tx, device, client_id).await,
            Self::Kept(mut session) => {
                if let Some(stored) = sessions::load(tx, device, client_id, now).await? {
                    session.qos2_open = stored.qos2_open;
                }
                session
            }
            Self::Abandoned => match sessions::load(tx, device, client_id, now).await? {
                Some(stored) => SavedSession { will: None, ..stored },
                None => return Ok(()),
            },
        };
        let keep = Duration::from_secs(u64::from(session.expiry_seconds)).min(limits.session_expiry);
        sessions::save(tx, device, client_id, &session, Some(now.plus(keep)), now).await
    }
}

impl App {
    /// Begins a connection in one commit: reads what an earlier one left under this client id (unless the client asks for a
    /// clean start), and writes the record that the new one begins with: `record` with what was found merged in, or nothing
    /// if the session ends with its connection. A device that has too many sessions by then loses those it left longest ago.
    /// First contact makes a registered device active; an event tells where it came from. Returns what was found.
    ///
    /// # Errors
    /// When the store fails: the connection must be refused then.
    pub async fn connection_begin(
        &self,
        peer: &DevicePeer,
        arriving: &Arriving<'_>,
        record: Option<SavedSession>,
    ) -> Result<Option<SavedSession>, AppError> {
        let Arriving { address, client_id, clean } = *arriving;
        let (device, now) = (peer.device, self.clock.now());
        self.live.seen(device, now);
        let is_known = self.fleet.entry(device).is_some_and(|entry| {
            entry.device.first_seen_at.is_some() && entry.device.lifecycle != Lifecycle::Registered
        });
        let event = NewEvent {
            tenant: peer.tenant,
            device,
            kind: "connected".to_owned(),
            severity: Severity::Info,
            detail: format!("connected from {address} with client id {client_id:?}"),
        };
        let (client_id, most) = (client_id.to_owned(), self.limits.sessions_per_device);
        let (found, became_active) = self
            .store
            .write(move |tx| {
                let (client_id, record, event) = (client_id.clone(), record.clone(), event.clone());
                Box::pin(async move {
                    let found =
                        if clean { None } else { sessions::load(tx, device, &client_id, now).await? };
                    match record {
                        Some(mut record) => {
                            if let Some(found) = &found {
                                record.subscriptions.clone_from(&found.subscriptions);
                                record.qos2_open.clone_from(&found.qos2_open);
                            }
                            sessions::save(tx, device, &client_id, &record, None, now).await?;
                            sessions::trim(tx, device, &client_id, most).await?;
                        }
                        None => sessions::remove(tx, device, &client_id).await?,
                    }
                    let became_active = !is_known && devices::device_seen(tx, device, now).await?.is_some();
                    event_record(tx, &event, now).await?;
                    Ok::<_, AppError>((found, became_active))
                })
            })
            .await?;
        if became_active && let Err(error) = self.fleet.refresh_devices(&self.store, [device]).await {
            tracing::warn!(
                device.name = peer.name.as_str(),
                error = %crate::error::chain(&error),
                "a device became active, which shows once the change feed is read"
            );
        }
        Ok(found)
    }

    /// Ends a connection in one commit: an event tells why, and its session becomes what `left` says, unless another
    /// connection has the client id by now: the record is its own then.
    ///
    /// # Errors
    /// When the store fails: the session is as it was when it was last saved.
    pub async fn connection_end(
        &self,
        peer: &DevicePeer,
        client_id: &str,
        left: Left,
        reason: DisconnectReason,
    ) -> Result<(), AppError> {
        self.fleet.note_disconnect(peer.device, &reason.to_string());
        let event = NewEvent {
            tenant: peer.tenant,
            device: peer.device,
            kind: reason.event_kind().to_owned(),
            severity: reason.severity(),
            detail: reason.to_string(),
        };
        let (app, device, client_id, now) =
            (self.clone(), peer.device, client_id.to_owned(), self.clock.now());
        self.store
            .write(move |tx| {
                let (app, client_id) = (app.clone(), client_id.clone());
                let (left, event) = (left.clone(), event.clone());
                Box::pin(async move {
                    // Asked here, since whoever comes later also writes later.
                    if !app.hub.has_client(device, &client_id) {
                        left.write(tx, device, &client_id, &app.limits, now).await?;
                    }
                    Ok(event_record(tx, &event, now).await?)
                })
            })
            .await
    }

    /// Records one event of a device; a failure is logged, since whoever notes events has nobody to tell.
    pub(crate) async fn event_note(&self, event: NewEvent, device_name: &str) {
        let now = self.clock.now();
        let noted = self
            .store
            .write(move |tx| {
                let event = event.clone();
                Box::pin(async move { event_record(tx, &event, now).await })
            })
            .await;
        if let Err(error) = noted {
            tracing::warn!(
                device.name = device_name,
                error = %crate::error::chain(&error),
                "an event could not be noted"
            );
        }
    }

    /// Writes the session of a live connection; durable when it returns.
    ///
    /// # Errors
    /// When the store fails: what depends on the record must not be acknowledged then.
    pub async fn session_save(
        &self,
        peer: &DevicePeer,
        client_id: &str,
        session: &SavedSession,
    ) -> Result<(), AppError> {
        let (device, client_id, session, now) =
            (peer.device, client_id.to_owned(), session.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (client_id, session) = (client_id.clone(), session.clone());
                Box::pin(
                    async move { Ok(sessions::save(tx, device, &client_id, &session, None, now).await?) },
                )
            })
            .await
    }

    /// After a start: sessions whose connections ended with the last run begin to expire now. Returns those with a
    /// will, for the listener to publish as if the connections had just been lost.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sessions_abandoned(&self) -> Result<Vec<Abandoned>, AppError> {
        const PAGE: i64 = 500;
        let (now, longest) = (self.clock.now(), self.limits.session_expiry);
        let mut with_will = Vec::new();
        let (mut device, mut client_id) = (DeviceId::new(0), String::new());
        loop {
            let (after_device, after_client) = (device, client_id.clone());
            let page = self
                .store
                .write(move |tx| {
                    let after_client = after_client.clone();
                    Box::pin(async move {
                        let page = sessions::connected_after(tx, after_device, &after_client, PAGE).await?;
                        for Abandoned { device, client_id, session } in &page {
                            let keep = Duration::from_secs(u64::from(session.expiry_seconds)).min(longest);
                            let mut left = session.clone();
                            left.will = None;
                            sessions::save(tx, *device, client_id, &left, Some(now.plus(keep)), now).await?;
                        }
                        Ok::<_, AppError>(page)
                    })
                })
                .await?;
            let Some(last) = page.last() else { return Ok(with_will) };
            (device, client_id) = (last.device, last.client_id.clone());
            with_will.extend(page.into_iter().filter(|left| left.session.will.is_some()));
        }
    }

    /// Forgets sessions whose time is over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sessions_expire(&self) -> Result<u64, AppError> {
        const AT_ONCE: i64 = 1_000;
        let now = self.clock.now();
        self.store
            .write(move |tx| Box::pin(async move { Ok(sessions::remove_expired(tx, now, AT_ONCE).await?) }))
            .await
    }
}
