//! The session's rules, as tables and short stories: what goes in, and the packets that come out.

use std::sync::Arc;

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet as core;
use windlass_app::message::{Acknowledgement, Outcome};

use super::*;
use crate::mqtt::engine::frame;
use crate::mqtt::packet::{Publish, Welcome};

mod acknowledging;
mod bounds;
mod ending;
mod sending;
mod streams;
mod subscribing;

/// May use `own/…`, and subscribe to the replies of its requests.
struct Own;

impl Gate for Own {
    fn may_publish(&self, topic: &str) -> Result<(), TopicRefusal> {
        if topic.starts_with("own/") { Ok(()) } else { Err(TopicRefusal::NotAuthorized) }
    }

    fn may_subscribe(&self, filter: &str) -> bool {
        filter.starts_with("own/") || filter.starts_with("$aws/things/pump/")
    }

    fn too_many(&self, topic: &str, _: &[u8]) -> Option<Outbound> {
        Some(outbound(&format!("{topic}/rejected")))
    }
}

fn start(version: Version) -> Start {
    Start {
        version,
        limits: Arc::new(Limits::default()),
        persistent: false,
        window: 32,
        largest_out: usize::MAX,
        kept: Kept::default(),
    }
}

fn session(version: Version) -> Session {
    Session::new(start(version))
}

fn persistent(version: Version) -> Session {
    Session::new(Start { persistent: true, ..start(version) })
}

fn message(topic: &str, qos: Qos, packet_id: u16) -> Packet {
    Packet::Publish(Publish {
        topic: topic.to_owned(),
        payload: Bytes::from_static(b"{}"),
        qos,
        packet_id: (qos > Qos::Zero).then_some(packet_id),
        retain: false,
        alias: false,
    })
}

fn give(session: &mut Session, packet: Packet) -> Output {
    let mut out = Output::default();
    session.packet(packet, &Own, &mut out);
    out
}

fn accept(session: &mut Session) -> Output {
    outcome(session, Acknowledgement::Accepted, &[])
}

fn outcome(session: &mut Session, acknowledgement: Acknowledgement, replies: &[&str]) -> Output {
    let mut out = Output::default();
    let replies = replies.iter().map(|topic| outbound(topic)).collect();
    session.outcome(Outcome { acknowledgement, replies }, &mut out);
    out
}

fn outbound(topic: &str) -> Outbound {
    Outbound { topic: topic.to_owned(), payload: Bytes::from_static(b"{}") }
}

fn subscribe(session: &mut Session, filter: &str, qos: Qos) -> Output {
    let filters = vec![(filter.to_owned(), qos)];
    give(session, Packet::Subscribe(Subscribe { packet_id: 9, filters, identifier: false }))
}

/// What a client would read: the library that others wrote, in the role of the client.
fn heard(version: Version, bytes: &[u8]) -> Vec<String> {
    use mqtt_protocol_core::mqtt::common::Cursor;
    use mqtt_protocol_core::mqtt::connection::{PacketBuildResult, PacketBuilder, PacketData};
    let mut cursor = Cursor::new(bytes);
    let mut builder = PacketBuilder::new();
    let mut packets = Vec::new();
    let v5 = version == Version::V5;
    while let PacketBuildResult::Complete(raw) = builder.feed(&mut cursor) {
        let body = raw.data_as_slice();
        packets.push(match raw.packet_type() {
            3 => {
                let PacketData::Publish(shared) = raw.data.clone() else { panic!("not shared") };
                let (topic, id) = if v5 {
                    let (p, _) = core::v5_0::Publish::parse(raw.flags(), shared).unwrap();
                    (p.topic_name().to_owned(), p.packet_id())
                } else {
                    let (p, _) = core::v3_1_1::Publish::parse(raw.flags(), shared).unwrap();
                    (p.topic_name().to_owned(), p.packet_id())
                };
                id.map_or_else(|| format!("PUBLISH {topic}"), |id| format!("PUBLISH {topic} #{id}"))
            }
            kind @ (4 | 5 | 7) => {
                let name = match kind {
                    4 => "PUBACK",
                    5 => "PUBREC",
                    _ => "PUBCOMP",
                };
                let code = body.get(2).map_or_else(String::new, |code| format!(" 0x{code:02x}"));
                format!("{name} {}{code}", u16::from_be_bytes([body[0], body[1]]))
            }
            9 => {
                let codes = if v5 { &body[3..] } else { &body[2..] };
                format!("SUBACK {codes:02x?}")
            }
            11 => format!("UNSUBACK {:02x?}", body.get(3..).unwrap_or_default()),
            13 => "PINGRESP".to_owned(),
            14 => format!("DISCONNECT 0x{:02x}", body[0]),
            other => format!("packet type {other}"),
        });
    }
    packets
}

fn v5(out: &Output) -> Vec<String> {
    heard(Version::V5, &out.bytes)
}

fn v3(out: &Output) -> Vec<String> {
    heard(Version::V3, &out.bytes)
}

const BOTH: [Version; 2] = [Version::V3, Version::V5];

#[test]
fn a_welcome_is_read_by_a_client_of_either_version() {
    let welcome = Welcome {
        session_present: true,
        assigned_client_id: Some("auto-1".to_owned()),
        receive_maximum: 32,
        maximum_packet: 131_072,
        session_expiry: Some(60),
        keep_alive: Some(3_600),
    };
    let mut out = Vec::new();
    Writer::new(Version::V5).welcome(&welcome, &mut out);
    let found = frame(&out, 4_096).unwrap().unwrap();
    assert_eq!(found.length, out.len());
    let (packet, _) = core::v5_0::Connack::parse(&out[2..]).unwrap();
    assert!(packet.session_present());
    let props = packet.props();
    let said: Vec<String> = props.iter().map(ToString::to_string).collect();
    let said = said.join(" ");
    for part in
        ["receive_maximum", "maximum_packet_size", "retain_available", "shared_subscription_available"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    let mut out = Vec::new();
    Writer::new(Version::V3).welcome(&welcome, &mut out);
    let (packet, _) = core::v3_1_1::Connack::parse(&out[2..]).unwrap();
    assert!(packet.session_present());
}
