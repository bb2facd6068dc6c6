//! From a fresh stream to a connection: read CONNECT, ask who it is, agree, register, load the session, CONNACK.
//!
//! This future is large and short-lived: callers box it and drop it before the connection begins.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use windlass_app::connections::{Arriving, DisconnectReason, Left, SavedSession, SavedWill};
use windlass_app::hub::{CloseReason, ConnectionId, Link, Registration};
use windlass_app::message::Peer;
use windlass_app::refusals::{Cause, Claimed, Owner, Refused, Stage};
use windlass_domain::credential::ConnectRefusal;

use crate::core::{Core, chain};
use crate::mqtt::connect::{Agreed, Kind, Refusal, agree};
use crate::mqtt::connection::{Connection, Parts, PeerGate, end};
use crate::mqtt::engine::{self, Writer};
use crate::mqtt::link::ConnectionLink;
use crate::mqtt::packet::{Connect, Fault, Packet, Version, Welcome, Will, reason};
use crate::mqtt::session::{Kept, Session, Start};

/// What is known of a peer before it says anything.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// Where it connects from.
    pub(crate) address: SocketAddr,
    /// The client certificate's chain, leaf first; empty without one.
    pub(crate) chain: Arc<[CertificateDer<'static>]>,
    /// Start of links that it can reach.
    pub(crate) link_base: Arc<str>,
    /// The server name that it asked for.
    pub(crate) server_name: Option<Arc<str>>,
    /// What its bytes travel over.
    pub(crate) over: Over,
}

/// What MQTT travels over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// TCP alone.
    Plain,
    /// TLS.
    Tls,
    /// WebSocket inside TLS.
    WebSocket,
}

impl Over {
    /// What people call the protocol.
    pub(crate) const fn mqtt(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::Plain | Self::Tls, Version::V3) => "mqtt 3.1.1",
            (Self::Plain | Self::Tls, Version::V5) => "mqtt 5",
            (Self::WebSocket, Version::V3) => "mqtt 3.1.1 over websocket",
            (Self::WebSocket, Version::V5) => "mqtt 5 over websocket",
        }
    }
}

impl Arrival {
    /// Why it did not get in, before anything was read of its CONNECT.
    pub(crate) fn refused(&self, cause: Cause) -> Refused {
        let server_name = self.server_name.as_deref().map(str::to_owned);
        Refused {
            stage: Stage::Connect,
            cause,
            address: self.address,
            protocol: None,
            claimed: Claimed { server_name, ..Claimed::of_chain(&self.chain) },
            owner: None,
            count: 1,
        }
    }

    /// Asks the application who this is, by its certificate.
    pub(crate) async fn identify(&self, core: &Core) -> Result<Peer, ConnectRefusal> {
        if self.chain.is_empty() {
            return Err(ConnectRefusal::NoCredential);
        }
        let mut peer = core.app.identify_certificate(&self.chain).await?;
        if let Peer::Device(device) = &mut peer {
            Arc::make_mut(device).link_base = Arc::clone(&self.link_base);
        }
        Ok(peer)
    }
}

/// Where a connection is registered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Registered {
    /// With its device.
    Device(ConnectionId),
    /// With the application clients.
    Application(ConnectionId),
    /// With the claims.
    Claim(ConnectionId),
}

/// Serves a peer up to CONNACK. None if it did not get in, which was said and counted.
pub(crate) async fn welcome<S>(
    core: &Arc<Core>,
    mut io: S,
    arrival: &Arrival,
    mut input: Vec<u8>,
) -> Option<Connection<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connect = match first_packet(core, arrival, &mut io, &mut input).await {
        Ok(connect) => connect,
        Err(first) => {
            core.metrics.refused.protocol.one();
            if let Some(cause) = first.what {
                core.refuse(arrival.refused(cause)).await;
            }
            if let Some(answer) = first.answer {
                farewell(io, &answer).await;
            }
            return None;
        }
    };
    let writer = Writer::new(connect.version);
    let protocol = arrival.over.mqtt(connect.version);
    let (client_id, user_name) = (connect.client_id.clone(), connect.user_name.clone());
    match enter(core, arrival, connect).await {
        Ok((parts, welcome)) => {
            let mut output = Vec::with_capacity(64);
            writer.welcome(&welcome, &mut output);
            core.metrics.accepted.one();
            Some(Connection::new(Arc::clone(core), io, parts, input, output))
        }
        Err(Turned { refusal: Refusal { code, sentence }, cause, owner }) => {
            let counter = match code {
                reason::NOT_AUTHORIZED | reason::BAD_CREDENTIAL => &core.metrics.refused.credential,
                reason::UNAVAILABLE | reason::BUSY => &core.metrics.refused.unavailable,
                _ => &core.metrics.refused.request,
            };
            counter.one();
            let mut refused = arrival.refused(cause);
            refused.claimed.client_id = Some(client_id);
            refused.claimed.user_name = user_name;
            core.refuse(Refused { protocol: Some(protocol), owner, ..refused }).await;
            let mut answer = Vec::with_capacity(128);
            writer.refuse(code, &sentence, &mut answer);
            farewell(io, &answer).await;
            None
        }
    }
}

async fn farewell<S: AsyncWrite + Unpin>(mut io: S, answer: &[u8]) {
    // Whether the peer still hears it is its own affair.
    if io.write_all(answer).await.is_ok() {
        drop(io.shutdown().await);
    }
}

/// Why the first bytes are no CONNECT.
struct First {
    /// None if there is nothing to learn from it.
    what: Option<Cause>,
    answer: Option<Vec<u8>>,
}

async fn first_packet<S: AsyncRead + Unpin>(
    core: &Core,
    arrival: &Arrival,
    io: &mut S,
    input: &mut Vec<u8>,
) -> Result<Connect, First> {
    let silent = |what| First { what: Some(Cause::BadConnect(what)), answer: None };
    let mut chunk = [0; 2_048];
    loop {
        // Before anything else: whatever does not begin like CONNECT is not waited for.
        if input.first().is_some_and(|byte| *byte != engine::FIRST_BYTE) {
            return Err(silent("the first packet was no CONNECT"));
        }
        match engine::frame(input, core.limits.connect_packet) {
            Ok(Some(frame)) => {
                let decoded = engine::decode(frame, None);
                let length = frame.length;
                input.drain(..length);
                return match decoded {
                    Ok(Packet::Connect(connect)) => Ok(*connect),
                    // Section 3.1.2.2: the one answer that every version understands.
                    Err(Fault::Version) => {
                        Err(First { what: Some(Cause::MqttVersion), answer: Some(vec![0x20, 2, 0, 1]) })
                    }
                    Ok(_) | Err(_) => Err(silent("the CONNECT was malformed")),
                };
            }
            Ok(None) => {}
            Err(Fault::TooLarge) => return Err(silent("the CONNECT was too large")),
            Err(_) => return Err(silent("the CONNECT was malformed")),
        }
        match io.read(&mut chunk).await {
            Ok(0) if input.is_empty() && arrival.over == Over::Plain => {
                return Err(First { what: None, answer: None });
            }
            Ok(0) => return Err(silent("the peer left before its CONNECT")),
            Ok(read) => input.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            Err(_) => return Err(silent("the connection broke before its CONNECT")),
        }
    }
}

fn refused(refusal: &ConnectRefusal) -> Refusal {
    let code = match refusal {
        ConnectRefusal::BadToken => reason::BAD_CREDENTIAL,
        ConnectRefusal::Unavailable => reason::UNAVAILABLE,
        ConnectRefusal::NoCredential
        | ConnectRefusal::Unknown
        | ConnectRefusal::WrongIssuer
        | ConnectRefusal::Unusable(_)
        | ConnectRefusal::NotYetValid
        | ConnectRefusal::Expired
        | ConnectRefusal::Revoked
        | ConnectRefusal::Superseded
        | ConnectRefusal::Pending
        | ConnectRefusal::Lifecycle(_) => reason::NOT_AUTHORIZED,
    };
    Refusal::new(code, refusal.to_string())
}

async fn identify(core: &Core, arrival: &Arrival, password: Option<&Bytes>) -> Result<Peer, ConnectRefusal> {
    // The user name says nothing: device SDKs put their own statistics into it.
    match password {
        Some(password) if arrival.chain.is_empty() => {
            if !core.app.fleet.is_current() {
                return Err(ConnectRefusal::Unavailable);
            }
            let secret = std::str::from_utf8(password).map_err(|_| ConnectRefusal::BadToken)?;
            Ok(Peer::Application(Arc::new(core.app.identify_application(secret).await?)))
        }
        Some(_) | None => arrival.identify(core).await,
    }
}

/// A place in the hub, given back with all that depends on it unless the connection begins.
#[derive(Debug)]
struct Entering {
    core: Arc<Core>,
    peer: Peer,
    client_id: Arc<str>,
    registered: Registered,
    /// Whether the store may say by now that it is connected.
    begun: bool,
    armed: bool,
}

impl Drop for Entering {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let hub = &self.core.app.hub;
        match (&self.peer, self.registered) {
            (Peer::Device(device), Registered::Device(id)) => {
                hub.unregister(device.device, id);
                if !self.begun {
                    return;
                }
                let (core, device) = (Arc::clone(&self.core), Arc::clone(device));
                let client_id = Arc::clone(&self.client_id);
                self.core.tasks.spawn(async move {
                    end(&core, &device, &client_id, Left::Abandoned, DisconnectReason::Lost).await;
                });
            }
            (_, Registered::Application(id)) => hub.unregister_application(id),
            (_, Registered::Claim(id)) => hub.unregister_claim(id),
            (_, Registered::Device(_)) => {}
        }
    }
}

fn register(core: &Core, peer: &Peer, client_id: &Arc<str>, link: &Arc<ConnectionLink>) -> Registered {
    let link: Arc<dyn Link> = Arc::<ConnectionLink>::clone(link);
    let hub = &core.app.hub;
    match peer {
        Peer::Device(device) => {
            let registration = Registration {
                device: device.device,
                client_id: Arc::clone(client_id),
                credential: device.credential,
                expires_at: device.expires_at,
                link,
            };
            Registered::Device(hub.register(registration, core.limits.connections_per_device))
        }
        Peer::Application(application) => {
            Registered::Application(hub.register_application(application.principal.clone(), link))
        }
        Peer::Claim(claim) => Registered::Claim(hub.register_claim(claim.credential, link)),
    }
}

/// Why a CONNECT is refused: for the client, and for whoever runs the server.
struct Turned {
    refusal: Refusal,
    cause: Cause,
    owner: Option<Owner>,
}

impl Turned {
    fn stranger(refusal: ConnectRefusal) -> Self {
        Self { refusal: refused(&refusal), cause: Cause::Credential(refusal), owner: None }
    }

    fn known(refusal: Refusal, peer: &Peer) -> Self {
        let code = match refusal.code {
            reason::UNAVAILABLE => "unavailable",
            reason::CLIENT_ID => "connect.clientId",
            reason::NOT_AUTHORIZED | reason::TOPIC_INVALID | reason::RETAIN => "connect.will",
            _ => "connect.request",
        };
        let cause = Cause::Request(code, refusal.sentence.clone());
        Self { refusal, cause, owner: Some(Owner::of(peer)) }
    }
}

async fn enter(core: &Arc<Core>, arrival: &Arrival, connect: Connect) -> Result<(Parts, Welcome), Turned> {
    let password = connect.password.clone();
    let judge = async || identify(core, arrival, password.as_ref()).await.map_err(Turned::stranger);
    let told = core.app.hub.told();
    let peer = judge().await?;
    let kind = match &peer {
        Peer::Device(_) => Kind::Device,
        Peer::Claim(_) | Peer::Application(_) => Kind::Passing,
    };
    let fresh_id =
        || format!("auto-{:032x}", u128::from_be_bytes(windlass_app::clock::random(&*core.app.entropy)));
    let client = connect.client_id.clone();
    let agreed = agree(connect, kind, &core.limits, fresh_id, |topic| {
        core.app.authorise_publish(&peer, &client, topic)
    });
    let agreed = agreed.map_err(|refusal| Turned::known(refusal, &peer))?;
    let Agreed {
        version,
        client_id,
        clean,
        session_expiry,
        patience,
        will,
        window,
        largest_out,
        mut welcome,
    } = agreed;
    let client_id: Arc<str> = client_id.into();
    let expires = match &peer {
        Peer::Device(device) => Some(device.expires_at),
        Peer::Claim(claim) => Some(claim.expires_at),
        Peer::Application(application) => application.expires_at,
    };
    let link = ConnectionLink::new(Arc::clone(&core.metrics), core.now(), patience, expires);
    let registered = register(core, &peer, &client_id, &link);
    let mut entering = Entering {
        core: Arc::clone(core),
        peer: peer.clone(),
        client_id: Arc::clone(&client_id),
        registered,
        begun: false,
        armed: true,
    };
    // Whoever was revoked or changed since the first time could not be found in the hub yet.
    let is_unchanged = matches!(peer, Peer::Device(_)) && core.app.hub.told() == told;
    let peer = if is_unchanged { peer } else { judge().await? };
    let mut kept = Kept::default();
    if let Peer::Device(device) = &peer {
        entering.begun = true;
        let record = (session_expiry > 0).then(|| saved(Kept::default(), will.as_ref(), session_expiry));
        let arriving = Arriving { address: arrival.address, client_id: &client_id, clean };
        let found = core.app.connection_begin(device, &arriving, record).await.map_err(|error| {
            tracing::warn!(
                device.name = device.name.as_str(),
                error = %chain(&error),
                "a session could not be loaded, so the connection was refused"
            );
            let refusal = Refusal::new(reason::UNAVAILABLE, "the server cannot read sessions just now");
            Turned::known(refusal, &peer)
        })?;
        welcome.session_present = found.is_some();
        kept = found
            .map(|saved| Kept { subscriptions: saved.subscriptions, qos2_open: saved.qos2_open })
            .unwrap_or_default();
        let late = core.wills.take(device.device, &client_id);
        if let (Some(late), true) = (late, clean) {
            // The session that it waited for ends here (section 3.1.3.2.2).
            core.publish_will(&late.peer, &late.client_id, late.will);
        }
    }
    // Nothing is waited for from here on.
    entering.armed = false;
    let persistent = session_expiry > 0;
    let mut session = Session::new(Start {
        version,
        limits: Arc::clone(&core.limits),
        persistent,
        window,
        largest_out,
        kept,
    });
    session.recheck(&PeerGate { core, peer: &peer, client_id: &client_id });
    let link_id = core.links.add(Arc::clone(&link));
    if core.stop().is_cancelled() {
        link.close(CloseReason::ShuttingDown);
    }
    let (address, protocol) = (arrival.address, arrival.over.mqtt(version));
    let parts = Parts {
        peer,
        client_id,
        address,
        protocol,
        session,
        session_expiry,
        will,
        link,
        link_id,
        registered,
    };
    Ok((parts, welcome))
}

/// The record of a session.
pub(crate) fn saved(kept: Kept, will: Option<&Will>, session_expiry: u32) -> SavedSession {
    SavedSession {
        subscriptions: kept.subscriptions,
        qos2_open: kept.qos2_open,
        will: will.map(|will| SavedWill {
            topic: will.topic.clone(),
            payload: will.payload.to_vec(),
            delay_seconds: will.delay,
        }),
        expiry_seconds: session_expiry,
    }
}
