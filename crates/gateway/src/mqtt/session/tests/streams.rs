//! Whatever bytes come, however they are cut: properties that hold for all of them.

use proptest::prelude::*;

use super::*;
use crate::mqtt::engine::{decode, frame};

// Everything that a session makes of a stream, in order. `cuts` are where the stream is split.
fn play(version: Version, stream: &[u8], cuts: &[usize]) -> (Vec<u8>, Vec<Taken>, Option<Ending>) {
    let mut session = session(version);
    let (mut bytes, mut taken, mut ending) = (Vec::new(), Vec::new(), None);
    let mut input: Vec<u8> = Vec::new();
    let mut from = 0;
    for cut in cuts.iter().copied().chain([stream.len()]) {
        let to = cut.clamp(from, stream.len());
        input.extend(&stream[from..to]);
        from = to;
        let mut rest = input.as_slice();
        while ending.is_none() {
            let mut out = Output::default();
            match frame(rest, 4_096) {
                Ok(None) => break,
                Ok(Some(found)) => {
                    rest = &rest[found.length..];
                    match decode(found, Some(version)) {
                        Ok(packet) => session.packet(packet, &Own, &mut out),
                        Err(fault) => session.fault(fault, &mut out),
                    }
                }
                Err(fault) => session.fault(fault, &mut out),
            }
            for _ in 0..out.taken.len() {
                session.outcome(
                    Outcome { acknowledgement: Acknowledgement::Accepted, replies: Vec::new() },
                    &mut out,
                );
            }
            bytes.extend(out.bytes);
            taken.extend(out.taken);
            ending = out.ending;
        }
        input = rest.to_vec();
    }
    (bytes, taken, ending)
}

fn packets() -> impl Strategy<Value = Vec<u8>> {
    let writer = |version| {
        prop_oneof![
            ("(own|other)/[a-z+]{0,3}", any::<Option<u16>>(), any::<Vec<u8>>()).prop_map(
                move |(topic, id, payload)| {
                    let mut out = Vec::new();
                    Writer::new(version).publish(&topic, &payload, id, usize::MAX, &mut out);
                    out
                }
            ),
            (any::<u8>(), any::<Vec<u8>>()).prop_map(|(header, body)| {
                let mut out = vec![header, u8::try_from(body.len().min(100)).unwrap()];
                out.extend(body.iter().take(100));
                out
            }),
            Just(vec![0xc0, 0]),
            Just(vec![0x62, 2, 0, 1]),
            Just(b"\x82\x09\0\x01\0\x04own/\x01".to_vec()),
        ]
    };
    proptest::collection::vec(prop_oneof![writer(Version::V3), writer(Version::V5)], 0..12)
        .prop_map(|packets| packets.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>(), new in any::<bool>()) {
        let version = if new { Version::V5 } else { Version::V3 };
        play(version, &bytes, &[]);
        if let Ok(Some(found)) = frame(&bytes, 4_096) {
            drop(decode(found, None));
        }
    }

    #[test]
    fn a_stream_means_the_same_however_it_is_cut(
        stream in packets(),
        mut cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        new in any::<bool>(),
    ) {
        let version = if new { Version::V5 } else { Version::V3 };
        let mut cuts: Vec<usize> = cuts.drain(..).map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(play(version, &stream, &cuts), play(version, &stream, &[]));
    }

    #[test]
    fn a_garbled_connect_never_panics(body in any::<Vec<u8>>(), level in 3_u8..7, flags in any::<u8>()) {
        let mut bytes = b"\0\x04MQTT".to_vec();
        bytes.extend([level, flags]);
        bytes.extend(body.iter().take(100));
        let mut packet = vec![0x10, u8::try_from(bytes.len()).unwrap()];
        packet.extend(bytes);
        drop(decode(frame(&packet, 4_096).unwrap().unwrap(), None));
    }

    #[test]
    fn answers_come_in_the_order_of_the_publishes_whatever_they_are(
        publishes in proptest::collection::vec((any::<bool>(), 1_u8..3), 1..32),
    ) {
        let mut session = session(Version::V5);
        let mut bytes = Vec::new();
        let mut waiting = 0;
        for (index, (allowed, qos)) in publishes.iter().enumerate() {
            let topic = if *allowed { "own/a" } else { "other/a" };
            let id = u16::try_from(index + 1).unwrap();
            let out = give(&mut session, message(topic, Qos::from_number(*qos).unwrap(), id));
            waiting += out.taken.len();
            bytes.extend(out.bytes);
        }
        for _ in 0..waiting {
            bytes.extend(accept(&mut session).bytes);
        }
        let ids: Vec<u16> = heard(Version::V5, &bytes)
            .iter()
            .map(|line| line.split(' ').nth(1).unwrap().parse().unwrap())
            .collect();
        let expected: Vec<u16> = (1..=u16::try_from(publishes.len()).unwrap()).collect();
        prop_assert_eq!(ids, expected);
    }
}
