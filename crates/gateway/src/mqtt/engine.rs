//! Bytes to packets and back: the only module that knows `mqtt-protocol-core`.
//!
//! It uses that library's packets, not its connection: the connection answers a repeated QoS 2 PUBLISH by itself,
//! maybe before the first one is durable, and allocates whatever length a peer announces. The rules of a session
//! are in [`super::session`], framing is here and never allocates.

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::{self as core, Property, SubEntry, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code as codes;

use super::packet::{Connect, Fault, Packet, Publish, Qos, Subscribe, Version, Welcome, Will, reason};

/// One packet as it lies in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    header: u8,
    body: &'a [u8],
    /// Bytes of the input that it takes up.
    pub(crate) length: usize,
}

/// Finds the first packet in `input`; none if it has not all come yet.
///
/// # Errors
/// A length that is no length, or more than `most` bytes in all. Found before anything is kept.
pub(crate) fn frame(input: &[u8], most: usize) -> Result<Option<Frame<'_>>, Fault> {
    let Some((&header, rest)) = input.split_first() else { return Ok(None) };
    let mut length = 0_usize;
    for (index, byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let start = index + 2;
            let end = start + length;
            if end > most {
                return Err(Fault::TooLarge);
            }
            return Ok(input.get(start..end).map(|body| Frame { header, body, length: end }));
        }
    }
    if rest.len() >= 4 { Err(Fault::Malformed) } else { Ok(None) }
}

/// What a connection may say before its version is known.
pub(crate) const FIRST_BYTE: u8 = 0x10;

/// Reads a packet. Before CONNECT `version` is none, and nothing but CONNECT may come.
///
/// # Errors
/// See [`Fault`].
pub(crate) fn decode(frame: Frame<'_>, version: Option<Version>) -> Result<Packet, Fault> {
    let Frame { header, body, .. } = frame;
    let flags = header & 0x0f;
    let kind = header >> 4;
    // Section 2.1.3: reserved flags must be as given.
    let expected = match kind {
        3 => flags,
        6 | 8 | 10 => 0b0010,
        _ => 0,
    };
    if flags != expected {
        return Err(Fault::Malformed);
    }
    let Some(version) = version else {
        return if kind == 1 { connect(body) } else { Err(Fault::Protocol) };
    };
    let v5 = version == Version::V5;
    match kind {
        3 => publish(flags, body, version),
        4 if v5 => Ok(Packet::PubAck(exact(v5_0::Puback::parse(body), body)?.packet_id())),
        4 => Ok(Packet::PubAck(exact(v3_1_1::Puback::parse(body), body)?.packet_id())),
        5 if v5 => exact(v5_0::Pubrec::parse(body), body).map(|_| Packet::PubRec),
        5 => exact(v3_1_1::Pubrec::parse(body), body).map(|_| Packet::PubRec),
        6 if v5 => Ok(Packet::PubRel(exact(v5_0::Pubrel::parse(body), body)?.packet_id())),
        6 => Ok(Packet::PubRel(exact(v3_1_1::Pubrel::parse(body), body)?.packet_id())),
        7 if v5 => exact(v5_0::Pubcomp::parse(body), body).map(|_| Packet::PubComp),
        7 => exact(v3_1_1::Pubcomp::parse(body), body).map(|_| Packet::PubComp),
        8 if v5 => {
            let packet = exact(v5_0::Subscribe::parse(body), body)?;
            let identifier = packet.props().iter().any(|p| matches!(p, Property::SubscriptionIdentifier(_)));
            subscribe(packet.packet_id(), packet.entries(), identifier)
        }
        8 => {
            let packet = exact(v3_1_1::Subscribe::parse(body), body)?;
            subscribe(packet.packet_id(), packet.entries(), false)
        }
        10 if v5 => {
            let packet = exact(v5_0::Unsubscribe::parse(body), body)?;
            unsubscribe(packet.packet_id(), packet.entries())
        }
        10 => {
            let packet = exact(v3_1_1::Unsubscribe::parse(body), body)?;
            unsubscribe(packet.packet_id(), packet.entries())
        }
        12 if body.is_empty() => Ok(Packet::PingReq),
        14 if v5 => {
            let packet = exact(v5_0::Disconnect::parse(body), body)?;
            let session_expiry = packet.props().as_ref().and_then(|props| {
                props.iter().find_map(|p| match p {
                    Property::SessionExpiryInterval(v) => Some(v.val()),
                    _ => None,
                })
            });
            let code = packet.reason_code().map_or(reason::SUCCESS, number);
            Ok(Packet::Disconnect { code, session_expiry })
        }
        14 if body.is_empty() => Ok(Packet::Disconnect { code: reason::SUCCESS, session_expiry: None }),
        15 if v5 => exact(v5_0::Auth::parse(body), body).map(|_| Packet::Auth),
        // A second CONNECT, what only servers send, and what does not exist.
        1 | 2 | 9 | 11 | 13 => Err(Fault::Protocol),
        _ => Err(Fault::Malformed),
    }
}

#[expect(clippy::as_conversions, reason = "the library's codes are enums of u8 without another way back")]
fn number(code: codes::DisconnectReasonCode) -> u8 {
    code as u8
}

fn exact<T>(parsed: Result<(T, usize), codes::MqttError>, body: &[u8]) -> Result<T, Fault> {
    match parsed {
        Ok((packet, used)) if used == body.len() => Ok(packet),
        Ok(_) => Err(Fault::Malformed),
        Err(error) => Err(fault(error)),
    }
}

const fn fault(error: codes::MqttError) -> Fault {
    match error {
        codes::MqttError::ProtocolError => Fault::Protocol,
        codes::MqttError::UnsupportedProtocolVersion => Fault::Version,
        codes::MqttError::PacketTooLarge => Fault::TooLarge,
        _ => Fault::Malformed,
    }
}

/// Section 1.5.4: a string must not hold U+0000.
fn text(text: &str) -> Result<String, Fault> {
    if text.contains('\0') { Err(Fault::Malformed) } else { Ok(text.to_owned()) }
}

fn id(packet_id: u16) -> Result<u16, Fault> {
    if packet_id == 0 { Err(Fault::Malformed) } else { Ok(packet_id) }
}

const fn qos(qos: core::Qos) -> Qos {
    match qos {
        core::Qos::AtMostOnce => Qos::Zero,
        core::Qos::AtLeastOnce => Qos::One,
        core::Qos::ExactlyOnce => Qos::Two,
    }
}

fn connect(body: &[u8]) -> Result<Packet, Fault> {
    if body.get(..6) != Some(b"\0\x04MQTT") {
        return Err(Fault::Malformed);
    }
    let (Some(&level), Some(&flags)) = (body.get(6), body.get(7)) else { return Err(Fault::Malformed) };
    if level != 4 && level != 5 {
        return Err(Fault::Version);
    }
    // Section 3.1.2.3: the reserved flag is zero; without a will its other flags are zero; its QoS is not three.
    let (will, will_qos, will_retain) = (flags & 0b100 != 0, (flags >> 3) & 0b11, flags & 0b10_0000 != 0);
    if flags & 1 != 0 || will_qos == 3 || (!will && (will_qos != 0 || will_retain)) {
        return Err(Fault::Malformed);
    }
    let connect = if level == 4 {
        let packet = exact(v3_1_1::Connect::parse(body), body)?;
        Connect {
            version: Version::V3,
            client_id: text(packet.client_id())?,
            clean: packet.clean_session(),
            keep_alive: packet.keep_alive(),
            will: match (packet.will_topic(), packet.will_payload()) {
                (Some(topic), Some(payload)) => Some(Will {
                    topic: text(topic)?,
                    payload: Bytes::copy_from_slice(payload),
                    delay: 0,
                    retain: will_retain,
                }),
                _ => None,
            },
            password: packet.password().map(Bytes::copy_from_slice),
            user_name: packet.user_name().map(str::to_owned),
            session_expiry: None,
            receive_maximum: None,
            maximum_packet: None,
            authentication: false,
        }
    } else {
        let packet = exact(v5_0::Connect::parse(body), body)?;
        let mut connect = Connect {
            version: Version::V5,
            client_id: text(packet.client_id())?,
            clean: packet.clean_start(),
            keep_alive: packet.keep_alive(),
            will: match (packet.will_topic(), packet.will_payload()) {
                (Some(topic), Some(payload)) => Some(Will {
                    topic: text(topic)?,
                    payload: Bytes::copy_from_slice(payload),
                    delay: packet
                        .will_props()
                        .iter()
                        .find_map(|p| match p {
                            Property::WillDelayInterval(v) => Some(v.val()),
                            _ => None,
                        })
                        .unwrap_or(0),
                    retain: will_retain,
                }),
                _ => None,
            },
            password: packet.password().map(Bytes::copy_from_slice),
            user_name: packet.user_name().map(str::to_owned),
            session_expiry: None,
            receive_maximum: None,
            maximum_packet: None,
            authentication: false,
        };
        for property in packet.props() {
            match property {
                Property::SessionExpiryInterval(v) => connect.session_expiry = Some(v.val()),
                Property::ReceiveMaximum(v) => connect.receive_maximum = Some(v.val()),
                Property::MaximumPacketSize(v) => connect.maximum_packet = Some(v.val()),
                Property::AuthenticationMethod(_) => connect.authentication = true,
                _ => {}
            }
        }
        connect
    };
    Ok(Packet::Connect(Box::new(connect)))
}

fn publish(flags: u8, body: &[u8], version: Version) -> Result<Packet, Fault> {
    let shared: std::sync::Arc<[u8]> = std::sync::Arc::from(body);
    let publish = match version {
        Version::V3 => {
            let (packet, _) = v3_1_1::Publish::parse(flags, shared).map_err(fault)?;
            Publish {
                topic: text(packet.topic_name())?,
                payload: Bytes::copy_from_slice(packet.payload().as_slice()),
                qos: qos(packet.qos()),
                packet_id: packet.packet_id().map(id).transpose()?,
                retain: packet.retain(),
                alias: false,
            }
        }
        Version::V5 => {
            let (packet, _) = v5_0::Publish::parse(flags, shared).map_err(fault)?;
            Publish {
                topic: text(packet.topic_name())?,
                payload: Bytes::copy_from_slice(packet.payload().as_slice()),
                qos: qos(packet.qos()),
                packet_id: packet.packet_id().map(id).transpose()?,
                retain: packet.retain(),
                alias: packet.props().iter().any(|p| matches!(p, Property::TopicAlias(_))),
            }
        }
    };
    // Section 3.3.1.1: a message that is sent once cannot be sent again.
    if publish.qos == Qos::Zero && flags & 0b1000 != 0 {
        return Err(Fault::Malformed);
    }
    Ok(Packet::Publish(publish))
}

fn subscribe(packet_id: u16, entries: &[SubEntry], identifier: bool) -> Result<Packet, Fault> {
    let filters = entries
        .iter()
        .map(|entry| Ok((text(entry.topic_filter())?, qos(entry.sub_opts().qos()))))
        .collect::<Result<_, Fault>>()?;
    Ok(Packet::Subscribe(Subscribe { packet_id: id(packet_id)?, filters, identifier }))
}

fn unsubscribe(packet_id: u16, entries: &[core::MqttString]) -> Result<Packet, Fault> {
    let filters = entries.iter().map(|entry| text(entry.as_str())).collect::<Result<_, Fault>>()?;
    Ok(Packet::Unsubscribe { packet_id: id(packet_id)?, filters })
}

/// Writes packets of one version. Nothing here can fail at run time: what a packet may not hold was refused
/// before; should the library refuse all the same, nothing is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer {
    version: Version,
}

impl Writer {
    /// Writes for `version`.
    pub(crate) const fn new(version: Version) -> Self {
        Self { version }
    }

    /// The version it writes.
    pub(crate) const fn version(self) -> Version {
        self.version
    }

    /// CONNACK that accepts.
    pub(crate) fn welcome(self, welcome: &Welcome, out: &mut Vec<u8>) {
        match self.version {
            Version::V3 => out.extend_from_slice(&[0x20, 2, u8::from(welcome.session_present), 0]),
            Version::V5 => {
                let mut props: Vec<Property> = Vec::with_capacity(10);
                props.extend(core::ReceiveMaximum::new(welcome.receive_maximum).ok().map(Into::into));
                props.extend(core::MaximumPacketSize::new(welcome.maximum_packet).ok().map(Into::into));
                props.extend(core::RetainAvailable::new(0).ok().map(Into::into));
                props.extend(core::SharedSubscriptionAvailable::new(0).ok().map(Into::into));
                props.extend(core::SubscriptionIdentifierAvailable::new(0).ok().map(Into::into));
                props.extend(core::TopicAliasMaximum::new(0).ok().map(Into::into));
                if let Some(seconds) = welcome.session_expiry {
                    props.extend(core::SessionExpiryInterval::new(seconds).ok().map(Into::into));
                }
                if let Some(seconds) = welcome.keep_alive {
                    props.extend(core::ServerKeepAlive::new(seconds).ok().map(Into::into));
                }
                if let Some(client_id) = &welcome.assigned_client_id {
                    props.extend(core::AssignedClientIdentifier::new(client_id).ok().map(Into::into));
                }
                let packet = v5_0::Connack::builder()
                    .session_present(welcome.session_present)
                    .reason_code(codes::ConnectReasonCode::Success)
                    .props(props)
                    .build();
                if let Ok(packet) = packet {
                    out.extend(packet.to_continuous_buffer());
                }
            }
        }
    }

    /// CONNACK that refuses with a code of MQTT 5, turned into the nearest of 3.1.1, and a sentence.
    pub(crate) fn refuse(self, code: u8, sentence: &str, out: &mut Vec<u8>) {
        match self.version {
            Version::V3 => {
                let code = match code {
                    reason::UNSUPPORTED_VERSION => 1,
                    reason::CLIENT_ID => 2,
                    reason::UNAVAILABLE | reason::BUSY | reason::SHUTTING_DOWN => 3,
                    reason::BAD_CREDENTIAL => 4,
                    _ => 5,
                };
                out.extend_from_slice(&[0x20, 2, 0, code]);
            }
            Version::V5 => {
                let code = codes::ConnectReasonCode::try_from(code)
                    .unwrap_or(codes::ConnectReasonCode::UnspecifiedError);
                let props: Vec<Property> =
                    core::ReasonString::new(sentence).ok().map(Into::into).into_iter().collect();
                let packet =
                    v5_0::Connack::builder().session_present(false).reason_code(code).props(props).build();
                if let Ok(packet) = packet {
                    out.extend(packet.to_continuous_buffer());
                }
            }
        }
    }

    /// PUBACK. 3.1.1 knows no code.
    pub(crate) fn puback(self, packet_id: u16, code: u8, out: &mut Vec<u8>) {
        self.answer(0x40, packet_id, code, out);
    }

    /// PUBREC. 3.1.1 knows no code.
    pub(crate) fn pubrec(self, packet_id: u16, code: u8, out: &mut Vec<u8>) {
        self.answer(0x50, packet_id, code, out);
    }

    /// PUBCOMP. 3.1.1 knows no code.
    pub(crate) fn pubcomp(self, packet_id: u16, code: u8, out: &mut Vec<u8>) {
        self.answer(0x70, packet_id, code, out);
    }

    // Section 3.4.2: code and properties may be left out where the code is success.
    fn answer(self, header: u8, packet_id: u16, code: u8, out: &mut Vec<u8>) {
        let [high, low] = packet_id.to_be_bytes();
        if self.version == Version::V5 && code != reason::SUCCESS {
            out.extend_from_slice(&[header, 3, high, low, code]);
        } else {
            out.extend_from_slice(&[header, 2, high, low]);
        }
    }

    /// SUBACK with one code of MQTT 5 for each filter; 3.1.1 gets 0x80 for every refusal.
    pub(crate) fn suback(self, packet_id: u16, granted: &[u8], out: &mut Vec<u8>) {
        let bytes = match self.version {
            Version::V3 => {
                let granted = granted
                    .iter()
                    .map(|code| {
                        codes::SubackReturnCode::try_from(*code).unwrap_or(codes::SubackReturnCode::Failure)
                    })
                    .collect();
                let packet = v3_1_1::Suback::builder().packet_id(packet_id).return_codes(granted).build();
                packet.map(|packet| packet.to_continuous_buffer())
            }
            Version::V5 => {
                let granted = granted
                    .iter()
                    .map(|code| {
                        codes::SubackReasonCode::try_from(*code)
                            .unwrap_or(codes::SubackReasonCode::UnspecifiedError)
                    })
                    .collect();
                let packet = v5_0::Suback::builder().packet_id(packet_id).reason_codes(granted).build();
                packet.map(|packet| packet.to_continuous_buffer())
            }
        };
        out.extend(bytes.unwrap_or_default());
    }

    /// UNSUBACK with one code for each filter; 3.1.1 knows none.
    pub(crate) fn unsuback(self, packet_id: u16, results: &[u8], out: &mut Vec<u8>) {
        let [high, low] = packet_id.to_be_bytes();
        match self.version {
            Version::V3 => out.extend_from_slice(&[0xb0, 2, high, low]),
            Version::V5 => {
                let results = results
                    .iter()
                    .map(|code| {
                        codes::UnsubackReasonCode::try_from(*code)
                            .unwrap_or(codes::UnsubackReasonCode::UnspecifiedError)
                    })
                    .collect();
                let packet = v5_0::Unsuback::builder().packet_id(packet_id).reason_codes(results).build();
                if let Ok(packet) = packet {
                    out.extend(packet.to_continuous_buffer());
                }
            }
        }
    }

    /// PINGRESP.
    pub(crate) fn pong(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0xd0, 0]);
    }

    /// DISCONNECT with a code; 3.1.1 servers cannot send one.
    pub(crate) fn disconnect(self, code: u8, out: &mut Vec<u8>) {
        match self.version {
            Version::V3 => {}
            Version::V5 => out.extend_from_slice(&[0xe0, 1, code]),
        }
    }

    /// PUBLISH, with a packet id for at least once, without for at most once. Returns false, with nothing
    /// written, if it would be larger than `most`.
    pub(crate) fn publish(
        self,
        topic: &str,
        payload: &[u8],
        packet_id: Option<u16>,
        most: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let Ok(topic_length) = u16::try_from(topic.len()) else { return false };
        let properties = usize::from(self.version == Version::V5);
        let remaining =
            2 + topic.len() + if packet_id.is_some() { 2 } else { 0 } + properties + payload.len();
        let length = remaining_length(remaining);
        if length.is_empty() || 1 + length.len() + remaining > most {
            return false;
        }
        out.reserve(1 + length.len() + remaining);
        out.push(if packet_id.is_some() { 0x32 } else { 0x30 });
        out.extend_from_slice(&length);
        out.extend_from_slice(&topic_length.to_be_bytes());
        out.extend_from_slice(topic.as_bytes());
        if let Some(packet_id) = packet_id {
            out.extend_from_slice(&packet_id.to_be_bytes());
        }
        if properties == 1 {
            out.push(0);
        }
        out.extend_from_slice(payload);
        true
    }
}

/// Section 1.5.5; empty if it cannot be written in four bytes.
fn remaining_length(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4);
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        bytes.push(if value > 0 { low | 0x80 } else { low });
        if value == 0 {
            break;
        }
    }
    if bytes.len() > 4 { Vec::new() } else { bytes }
}
