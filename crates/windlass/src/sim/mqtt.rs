//! A thin MQTT client over TLS: one owner, no task, no channel. Speaks 3.1.1 and 5.
//!
//! Every waiting method may be dropped at any await and called again. Knows no topic and no payload.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use mqtt_protocol_core::mqtt;
use mqtt_protocol_core::mqtt::connection::{Event, TimerKind};
use mqtt_protocol_core::mqtt::packet::{
    GenericPacketTrait, Packet, Property, Qos, SessionExpiryInterval, SubEntry, SubOpts, v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::ConnectReasonCode;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Which MQTT to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Protocol {
    /// MQTT 3.1.1.
    #[value(name = "3.1.1")]
    V3,
    /// MQTT 5.
    #[default]
    #[value(name = "5")]
    V5,
}

/// Where to connect, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// The server's address.
    pub(crate) address: SocketAddr,
    /// The name its certificate must show.
    pub(crate) name: ServerName<'static>,
    /// Own address, where more connections are wanted than one address has ports.
    pub(crate) source: Option<IpAddr>,
}

/// What a CONNECT says.
#[derive(Debug, Clone)]
pub(crate) struct Hello {
    /// Protocol version.
    pub(crate) protocol: Protocol,
    /// MQTT client id.
    pub(crate) client_id: String,
    /// Forget an earlier session.
    pub(crate) clean: bool,
    /// Seconds between signs of life; 0 sends none.
    pub(crate) keep_alive: u16,
}

/// Why there is no connection, or no longer one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// The TCP connection or TLS session could not be made.
    #[error("no TLS connection: {0}")]
    Unreachable(#[source] std::io::Error),
    /// The server answered CONNECT with a refusal.
    #[error("the server refused the connection: {0}")]
    Refused(String),
    /// The server ended the connection and said why.
    #[error("the server ended the connection: {0}")]
    Ended(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// An answer took too long.
    #[error("no answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// We asked for something that MQTT does not allow.
    #[error("not possible in MQTT: {0}")]
    Invalid(String),
}

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// CONNACK, accepted.
    Connected {
        /// The server still had the session.
        session_present: bool,
    },
    /// A message.
    Message {
        /// Its topic.
        topic: String,
        /// What it says.
        payload: Bytes,
    },
    /// PUBACK or PUBCOMP; with a reason where it is a refusal.
    Acknowledged {
        /// Of which publish.
        id: u16,
        /// The reason code's name, for a refusal.
        refused: Option<String>,
    },
    /// SUBACK.
    Subscribed {
        /// How many of the filters were refused.
        refused: usize,
    },
}

/// A connection and its protocol session.
pub(crate) struct Client {
    stream: TlsStream<TcpStream>,
    session: mqtt::Connection<mqtt::role::Client>,
    protocol: Protocol,
    outgoing: BytesMut,
    read: BytesMut,
    ready: VecDeque<Incoming>,
    lost: Option<Lost>,
    ping_at: Option<Instant>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects, shakes hands, and waits for CONNACK. True beside the client if the session was still there.
    pub(crate) async fn connect(
        endpoint: &Endpoint,
        tls: &Arc<rustls::ClientConfig>,
        hello: &Hello,
        patience: Duration,
    ) -> Result<(Self, bool), Lost> {
        tokio::time::timeout(patience, Box::pin(Self::handshake(endpoint, tls, hello)))
            .await
            .map_err(|_| Lost::Silent(patience))?
    }

    async fn handshake(
        endpoint: &Endpoint,
        tls: &Arc<rustls::ClientConfig>,
        hello: &Hello,
    ) -> Result<(Self, bool), Lost> {
        let socket = if endpoint.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
            .map_err(Lost::Unreachable)?;
        if let Some(source) = endpoint.source {
            socket.bind(SocketAddr::new(source, 0)).map_err(Lost::Unreachable)?;
        }
        let stream = socket.connect(endpoint.address).await.map_err(Lost::Unreachable)?;
        stream.set_nodelay(true).map_err(Lost::Unreachable)?;
        let stream = TlsConnector::from(Arc::clone(tls))
            .connect(endpoint.name.clone(), stream)
            .await
            .map_err(Lost::Unreachable)?;
        let version = match hello.protocol {
            Protocol::V3 => mqtt::Version::V3_1_1,
            Protocol::V5 => mqtt::Version::V5_0,
        };
        let mut session = mqtt::Connection::new(version);
        session.set_auto_pub_response(true);
        let mut client = Self {
            stream,
            session,
            protocol: hello.protocol,
            outgoing: BytesMut::new(),
            read: BytesMut::new(),
            ready: VecDeque::new(),
            lost: None,
            ping_at: None,
        };
        client.send(connect_packet(hello)?);
        match client.next().await? {
            Incoming::Connected { session_present } => Ok((client, session_present)),
            other => Err(Lost::Broken(format!("{other:?} came before CONNACK"))),
        }
    }

    /// Queues a publish; it is sent by the next [`Client::flush`] or [`Client::next`]. The id comes back in
    /// [`Incoming::Acknowledged`]; QoS 0 has none.
    pub(crate) fn publish(&mut self, topic: &str, payload: Bytes, qos: u8) -> Result<Option<u16>, Lost> {
        let id = match qos {
            0 => None,
            _ => Some(self.session.acquire_packet_id().map_err(invalid)?),
        };
        let level = Qos::try_from(qos).map_err(|_| Lost::Invalid(format!("QoS {qos}")))?;
        let packet: Packet = match self.protocol {
            Protocol::V3 => {
                let builder = v3_1_1::Publish::builder().topic_name(topic).map_err(invalid)?.qos(level);
                let builder = if let Some(id) = id { builder.packet_id(id) } else { builder };
                builder.payload(payload.as_ref()).build().map_err(invalid)?.into()
            }
            Protocol::V5 => {
                let builder = v5_0::Publish::builder().topic_name(topic).map_err(invalid)?.qos(level);
                let builder = if let Some(id) = id { builder.packet_id(id) } else { builder };
                builder.payload(payload.as_ref()).build().map_err(invalid)?.into()
            }
        };
        self.send(packet);
        Ok(id)
    }

    /// Queues a subscription to several filters at QoS 1.
    pub(crate) fn subscribe(&mut self, filters: &[String]) -> Result<(), Lost> {
        let id = self.session.acquire_packet_id().map_err(invalid)?;
        let entries = filters
            .iter()
            .map(|filter| SubEntry::new(filter.as_str(), SubOpts::new().set_qos(Qos::AtLeastOnce)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(invalid)?;
        let packet: Packet = match self.protocol {
            Protocol::V3 => {
                v3_1_1::Subscribe::builder().entries(entries).packet_id(id).build().map_err(invalid)?.into()
            }
            Protocol::V5 => {
                v5_0::Subscribe::builder().entries(entries).packet_id(id).build().map_err(invalid)?.into()
            }
        };
        self.send(packet);
        Ok(())
    }

    /// Sends what is queued.
    pub(crate) async fn flush(&mut self) -> Result<(), Lost> {
        while !self.outgoing.is_empty() {
            let written = self.stream.write(&self.outgoing).await.map_err(broken)?;
            self.outgoing.advance(written);
        }
        self.stream.flush().await.map_err(broken)
    }

    /// Sends what is queued and waits for whatever comes next. Keeps the connection alive while it waits.
    pub(crate) async fn next(&mut self) -> Result<Incoming, Lost> {
        loop {
            if !self.outgoing.is_empty() {
                self.flush().await?;
            }
            if let Some(incoming) = self.ready.pop_front() {
                return Ok(incoming);
            }
            if let Some(lost) = self.lost.take() {
                return Err(lost);
            }
            let ping_at = self.ping_at;
            tokio::select! {
                read = self.stream.read_buf(&mut self.read) => match read {
                    Ok(0) => return Err(Lost::Broken("closed by the server".to_owned())),
                    Ok(_) => self.take_in(),
                    Err(error) => return Err(broken(error)),
                },
                () = sleep_until(ping_at) => {
                    self.ping_at = None;
                    let events = self.session.notify_timer_fired(TimerKind::PingreqSend);
                    self.carry_out(events);
                }
            }
        }
    }

    /// Like [`Client::next`], but gives up after `patience`.
    pub(crate) async fn next_within(&mut self, patience: Duration) -> Result<Incoming, Lost> {
        tokio::time::timeout(patience, self.next()).await.map_err(|_| Lost::Silent(patience))?
    }

    /// Says goodbye, so that no will is fired.
    pub(crate) async fn disconnect(mut self) {
        let packet: Option<Packet> = match self.protocol {
            Protocol::V3 => v3_1_1::Disconnect::builder().build().ok().map(Into::into),
            Protocol::V5 => v5_0::Disconnect::builder().build().ok().map(Into::into),
        };
        if let Some(packet) = packet {
            self.send(packet);
        }
        // The connection ends either way.
        drop(self.flush().await);
        drop(self.stream.shutdown().await);
    }

    fn send(&mut self, packet: Packet) {
        let events = self.session.send(packet);
        self.carry_out(events);
    }

    fn take_in(&mut self) {
        let bytes = self.read.split();
        let mut cursor = mqtt::common::Cursor::new(bytes.as_ref());
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        while cursor.position() < length && self.lost.is_none() {
            let events = self.session.recv(&mut cursor);
            self.carry_out(events);
        }
        self.read = bytes;
        self.read.clear();
    }

    fn carry_out(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::NotifyPacketReceived(packet) => self.received(&packet),
                Event::RequestSendPacket { packet, .. } => {
                    self.outgoing.extend_from_slice(&packet.to_continuous_buffer());
                }
                Event::RequestTimerReset { kind: TimerKind::PingreqSend, duration_ms } => {
                    self.ping_at = Some(Instant::now() + Duration::from_millis(duration_ms));
                }
                Event::RequestTimerCancel(TimerKind::PingreqSend) => self.ping_at = None,
                Event::NotifyError(error) => {
                    self.lost.get_or_insert_with(|| Lost::Broken(error.to_string()));
                }
                Event::RequestClose => {
                    self.lost.get_or_insert_with(|| Lost::Broken("protocol error".to_owned()));
                }
                Event::RequestTimerReset { .. }
                | Event::RequestTimerCancel(_)
                | Event::NotifyPacketIdReleased(_) => {}
            }
        }
    }

    fn received(&mut self, packet: &Packet) {
        match packet {
            Packet::V5_0Connack(connack) if connack.reason_code() == ConnectReasonCode::Success => {
                self.ready.push_back(Incoming::Connected { session_present: connack.session_present() });
            }
            Packet::V5_0Connack(connack) => {
                let reason = reason(connack.reason_code(), &connack.props);
                self.lost = Some(Lost::Refused(reason));
            }
            Packet::V3_1_1Connack(connack) if connack.return_code().is_success() => {
                self.ready.push_back(Incoming::Connected { session_present: connack.session_present() });
            }
            Packet::V3_1_1Connack(connack) => {
                self.lost = Some(Lost::Refused(connack.return_code().to_string()));
            }
            Packet::V5_0Publish(publish) => self.message(publish.topic_name(), publish.payload().as_slice()),
            Packet::V3_1_1Publish(publish) => {
                self.message(publish.topic_name(), publish.payload().as_slice())
            }
            Packet::V5_0Puback(ack) => {
                let refused = ack.reason_code().filter(|code| code.is_failure()).map(|code| code.to_string());
                self.ready.push_back(Incoming::Acknowledged { id: ack.packet_id(), refused });
            }
            Packet::V5_0Pubcomp(ack) => {
                self.ready.push_back(Incoming::Acknowledged { id: ack.packet_id(), refused: None });
            }
            Packet::V3_1_1Puback(ack) => {
                self.ready.push_back(Incoming::Acknowledged { id: ack.packet_id(), refused: None });
            }
            Packet::V3_1_1Pubcomp(ack) => {
                self.ready.push_back(Incoming::Acknowledged { id: ack.packet_id(), refused: None });
            }
            Packet::V5_0Suback(ack) => {
                let refused = ack.reason_codes().iter().filter(|code| code.is_failure()).count();
                self.ready.push_back(Incoming::Subscribed { refused });
            }
            Packet::V3_1_1Suback(ack) => {
                let refused = ack.return_codes().iter().filter(|code| code.is_failure()).count();
                self.ready.push_back(Incoming::Subscribed { refused });
            }
            Packet::V5_0Disconnect(disconnect) => {
                let code =
                    disconnect.reason_code().map_or_else(|| "no reason".to_owned(), |code| code.to_string());
                self.lost = Some(Lost::Ended(code));
            }
            _ => {}
        }
    }

    fn message(&mut self, topic: &str, payload: &[u8]) {
        let payload = Bytes::copy_from_slice(payload);
        self.ready.push_back(Incoming::Message { topic: topic.to_owned(), payload });
    }
}

/// A week: what the server grants at most.
const SESSION_EXPIRY_SECONDS: u32 = 7 * 24 * 3600;

fn connect_packet(hello: &Hello) -> Result<Packet, Lost> {
    Ok(match hello.protocol {
        Protocol::V3 => v3_1_1::Connect::builder()
            .client_id(hello.client_id.as_str())
            .map_err(invalid)?
            .clean_session(hello.clean)
            .keep_alive(hello.keep_alive)
            .build()
            .map_err(invalid)?
            .into(),
        Protocol::V5 => {
            let expiry = if hello.clean { 0 } else { SESSION_EXPIRY_SECONDS };
            let expiry = SessionExpiryInterval::new(expiry).map_err(invalid)?;
            v5_0::Connect::builder()
                .client_id(hello.client_id.as_str())
                .map_err(invalid)?
                .clean_start(hello.clean)
                .keep_alive(hello.keep_alive)
                .props(vec![expiry.into()])
                .build()
                .map_err(invalid)?
                .into()
        }
    })
}

fn reason(code: impl ToString, properties: &[Property]) -> String {
    let words = properties.iter().find_map(|property| match property {
        Property::ReasonString(words) => Some(words.val().to_owned()),
        _ => None,
    });
    match words {
        Some(words) => format!("{} ({words})", code.to_string()),
        None => code.to_string(),
    }
}

fn invalid(error: mqtt::result_code::MqttError) -> Lost {
    Lost::Invalid(error.to_string())
}

fn broken(error: std::io::Error) -> Lost {
    Lost::Broken(error.to_string())
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
