use super::*;
use proptest::prelude::*;
use serde_json::json;

fn json_of(value: &serde_json::Value) -> Result<Vec<Reading>, TelemetryError> {
    decode_json(value.to_string().as_bytes(), 1_000)
}

fn cbor_bytes(value: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn one(metric: &str, at_micros: Option<i64>, value: Value) -> Reading {
    Reading { metric: metric.to_owned(), at_micros, value }
}

/// Checks one message in both formats.
#[track_caller]
fn reads(message: serde_json::Value, expected: &[Reading]) {
    // Whether serde_json keeps the order of keys depends on the features other crates ask for.
    let sorted = |mut readings: Vec<Reading>| {
        readings.sort_by(|a, b| (&a.metric, b.at_micros).cmp(&(&b.metric, a.at_micros)));
        readings
    };
    let expected = sorted(expected.to_vec());
    assert_eq!(json_of(&message).map(sorted), Ok(expected.clone()), "JSON");
    assert_eq!(decode_cbor(&cbor_bytes(&message), 1_000).map(sorted), Ok(expected), "CBOR");
}

/// Checks that both formats refuse a message with the same sentence.
#[track_caller]
fn refuses(message: serde_json::Value, sentence: &str) {
    assert_eq!(json_of(&message).unwrap_err().to_string(), sentence, "JSON");
    assert_eq!(decode_cbor(&cbor_bytes(&message), 1_000).unwrap_err().to_string(), sentence, "CBOR");
}

#[test]
fn a_flat_object_is_stamped_by_the_server() {
    reads(
        json!({"temp": 21.5, "count": 7, "open": false, "mode": "eco"}),
        &[
            one("temp", None, Value::Number(21.5)),
            one("count", None, Value::Integer(7)),
            one("open", None, Value::Bool(false)),
            one("mode", None, Value::Text("eco".into())),
        ],
    );
}

#[test]
fn a_time_stands_beside_the_values() {
    reads(
        json!({"ts": 1_767_225_600_123_i64, "values": {"temp": -0.25}}),
        &[one("temp", Some(1_767_225_600_123_000), Value::Number(-0.25))],
    );
    reads(json!({"ts": 1.5, "values": {"a": 1}}), &[one("a", Some(1_500), Value::Integer(1))]);
    reads(json!({"values": {"a": 1}}), &[one("a", None, Value::Integer(1))]);
    reads(json!({"ts": null, "values": {"a": 1}}), &[one("a", None, Value::Integer(1))]);
}

#[test]
fn times_beyond_measure_saturate() {
    reads(json!({"ts": i64::MAX, "values": {"a": 1}}), &[one("a", Some(i64::MAX), Value::Integer(1))]);
    reads(json!({"ts": -1e300, "values": {"a": 1}}), &[one("a", Some(i64::MIN), Value::Integer(1))]);
}

#[test]
fn an_array_holds_objects_of_either_form() {
    reads(
        json!([{"ts": 1, "values": {"a": 1}}, {"a": 2}, {}]),
        &[one("a", Some(1_000), Value::Integer(1)), one("a", None, Value::Integer(2))],
    );
    reads(json!([]), &[]);
    reads(json!({}), &[]);
}

#[test]
fn nested_objects_become_dotted_names() {
    reads(json!({"engine": {"oil": {"temp": 90}}}), &[one("engine.oil.temp", None, Value::Integer(90))]);
}

#[test]
fn a_null_is_no_reading() {
    reads(json!({"a": null, "b": 1}), &[one("b", None, Value::Integer(1))]);
}

#[test]
fn a_metric_may_be_called_values() {
    reads(json!({"values": 3}), &[one("values", None, Value::Integer(3))]);
}

#[test]
fn other_shapes_are_refused_with_a_sentence() {
    let shape = |what: &str| {
        format!("telemetry is an object such as {{\"temp\":21.5}} or an array of them, not {what}")
    };
    refuses(json!(21.5), &shape("a number"));
    refuses(json!("21.5"), &shape("a text"));
    refuses(json!(null), &shape("null"));
    refuses(json!([1, 2]), &shape("an array of numbers"));
    refuses(json!([[{"a": 1}]]), &shape("an array of arrays"));
    refuses(json!({"a": [1]}), "metric a is an array; a value is a number, true, false or a text");
    refuses(json!({"": 1}), "metric  has an empty name");
    refuses(json!({"a": {"": 1}}), "metric a. has an empty name");
    refuses(json!({"a\u{0}b": 1}), "metric a\u{fffd}b has control characters in its name");
}

#[test]
fn half_an_envelope_is_refused_with_a_sentence() {
    let begin = "write {\"ts\":<milliseconds since 1970>,\"values\":{…}}: ";
    refuses(json!({"ts": 5, "temp": 1}), &format!("{begin}\"ts\" needs an object \"values\" beside it"));
    refuses(json!({"ts": "now", "values": {}}), &format!("{begin}\"ts\" is a number"));
    refuses(
        json!({"ts": 5, "values": {}, "x": 1}),
        &format!("{begin}nothing else may stand beside \"values\""),
    );
}

#[test]
fn names_are_bounded_with_their_dots() {
    let name = "n".repeat(NAME_BYTES - 2);
    assert_eq!(json_of(&json!({"a": {name.clone(): 1}})).unwrap().len(), 1);
    let error = json_of(&json!({"ab": {name: 1}})).unwrap_err().to_string();
    assert!(error.ends_with("has a name of more than 128 bytes, dots included"), "{error}");
    assert!(error.len() < 150, "hostile names are shortened: {error}");
}

#[test]
fn ten_thousand_metrics_are_refused() {
    let many =
        |n: usize| json!((0..n).map(|i| (format!("m{i}"), json!(i))).collect::<serde_json::Map<_, _>>());
    assert_eq!(json_of(&many(1_000)).unwrap().len(), 1_000);
    refuses(many(1_001), "the message has more than 1000 points");
    refuses(many(10_000), "the message has more than 1000 points");
    refuses(json!(vec![json!({"a": 1}); 1_001]), "the message has more than 1000 points");
}

#[test]
fn times_do_not_count_as_points() {
    let message = json!(vec![json!({"ts": 1, "values": {"a": 1}}); 1_000]);
    assert_eq!(json_of(&message).unwrap().len(), 1_000);
    assert_eq!(decode_cbor(&cbor_bytes(&message), 1_000).unwrap().len(), 1_000);
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({"n": inner}));
    assert_eq!(json_of(&nested(NESTING)).unwrap().len(), 1);
    assert_eq!(decode_cbor(&cbor_bytes(&nested(NESTING)), 10).unwrap().len(), 1);
    refuses(nested(NESTING + 3), "objects are nested more than 8 levels deep");
    let deep = [b"[".repeat(100_000), b"{\"a\":".repeat(100_000)].concat();
    assert_eq!(decode_json(&deep, 1_000), Err(TelemetryError::TooDeep));
    assert_eq!(decode_cbor(&[0x81; 100_000], 1_000), Err(TelemetryError::TooDeep));
    assert_eq!(decode_cbor(&[0x9f; 100_000], 1_000), Err(TelemetryError::TooDeep));
}

#[test]
fn a_key_may_not_occur_twice() {
    let twice = Err(TelemetryError::Duplicate("a".to_owned()));
    assert_eq!(decode_json(br#"{"a":1,"a":2}"#, 10), twice);
    assert_eq!(decode_cbor(b"\xa2\x61a\x01\x61a\x02", 10), twice);
    assert_eq!(decode_cbor(b"\xbf\x61a\x01\x61a\x02\xff", 10), twice);
    refuses(json!({"a": {"b": 1}, "a.b": 2}), "a.b occurs twice in one object");
}

#[test]
fn broken_json_is_refused() {
    for bad in [
        &b""[..],
        b"{",
        b"{\"a\":}",
        b"{\"a\":1}x",
        b"{\"a\":NaN}",
        b"{\"a\":1e400}",
        b"{\"a\":Infinity}",
        b"{\"a\":\"\\ud800\"}",
        b"{'a':1}",
        b"\xff\xfe",
        b"{\"a\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
    ] {
        let error = decode_json(bad, 10).unwrap_err();
        assert!(matches!(error, TelemetryError::Syntax { format: "JSON", .. }), "{bad:?}: {error}");
    }
    assert_eq!(
        decode_json(b"{\"a\":\"\xff\"}", 10).unwrap_err().to_string(),
        "the payload is not valid JSON: not UTF-8 from byte 6 on"
    );
}

#[test]
fn broken_cbor_is_refused() {
    for bad in [
        &b""[..],
        b"\xa1",
        b"\xa1\x61a",
        b"\xa1\x01\x02",
        b"\xa1\x61a\x01\x00",
        b"\xff",
        b"\xa1\x61a\xff",
        b"\x7f\x61a",
        b"\x7f\x01\xff",
        b"\xa1\x61a\x42ab",
        b"\xa1\x61a\xc1\x01",
        b"\xa1\x61a\xf8\x30",
        b"\xa1\x61\xff\x01",
        b"\x1c",
        b"\x1f",
        b"\xa1\x61a\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\xff",
        b"\xbf\x61a\xff",
    ] {
        let error = decode_cbor(bad, 10).unwrap_err();
        assert!(matches!(error, TelemetryError::Syntax { format: "CBOR", .. }), "{bad:?}: {error}");
    }
}

#[test]
fn floats_that_are_no_numbers_are_refused_and_half_floats_are_read() {
    for bad in [
        &b"\xa1\x61a\xf9\x7e\x00"[..],
        b"\xa1\x61a\xf9\x7c\x00",
        b"\xa1\x61a\xf9\xfc\x00",
        b"\xa1\x61a\xfb\x7f\xf0\0\0\0\0\0\0",
    ] {
        assert_eq!(decode_cbor(bad, 10).unwrap_err().to_string(), "metric a is not a finite number");
    }
    let half = |bits: [u8; 2]| {
        let bytes = [&b"\xa1\x61a\xf9"[..], &bits].concat();
        decode_cbor(&bytes, 10).unwrap().remove(0).value
    };
    // RFC 8949, appendix A.
    assert_eq!(half([0x3c, 0x00]), Value::Number(1.0));
    assert_eq!(half([0x3e, 0x00]), Value::Number(1.5));
    assert_eq!(half([0x7b, 0xff]), Value::Number(65504.0));
    assert_eq!(half([0x00, 0x01]), Value::Number(5.960_464_477_539_063e-8));
    assert_eq!(half([0xc4, 0x00]), Value::Number(-4.0));
}

#[test]
fn huge_whole_numbers_become_the_nearest_float() {
    reads(json!({"a": u64::MAX}), &[one("a", None, Value::Number(18_446_744_073_709_551_615.0))]);
    reads(json!({"a": i64::MIN}), &[one("a", None, Value::Integer(i64::MIN))]);
    let digits = format!("{{\"a\":{}}}", "9".repeat(500));
    assert!(matches!(decode_json(digits.as_bytes(), 10), Err(TelemetryError::Syntax { .. })));
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        // Up to 15 digits are exact in every JSON parser; CBOR has its own test for arbitrary floats.
        (any::<i32>(), 1i32..6)
            .prop_map(|(digits, scale)| f64::from(digits) / 10_f64.powi(scale))
            .prop_filter("whole floats come back as integers", |f| f.fract() != 0.0)
            .prop_map(Value::Number),
        any::<i64>().prop_map(Value::Integer),
        any::<bool>().prop_map(Value::Bool),
        ".{0,40}".prop_map(Value::Text),
    ]
}

fn plain(value: &Value) -> serde_json::Value {
    match value {
        Value::Number(number) => json!(number),
        Value::Integer(number) => json!(number),
        Value::Bool(flag) => json!(flag),
        Value::Text(text) => json!(text),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        messages in proptest::collection::vec(
            (proptest::option::of(-1_000_000_000_000_i64..4_000_000_000_000), proptest::collection::btree_map("[a-zäß/: -]{1,12}", any_value(), 0..8)),
            0..6,
        )
    ) {
        let mut expected = Vec::new();
        let mut written = Vec::new();
        for (ts, values) in &messages {
            let body: serde_json::Map<_, _> = values.iter().map(|(k, v)| (k.clone(), plain(v))).collect();
            for (metric, value) in values {
                expected.push(one(metric, ts.map(|ts| ts * 1_000), value.clone()));
            }
            written.push(json!({"ts": ts, "values": body}));
        }
        let written = json!(written);
        prop_assert_eq!(json_of(&written), Ok(expected.clone()));
        prop_assert_eq!(decode_cbor(&cbor_bytes(&written), 1_000), Ok(expected));
    }

    #[test]
    fn any_finite_float_comes_through_cbor_bit_by_bit(number in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
        let bytes = [&b"\xa1\x61a\xfb"[..], &number.to_be_bytes()].concat();
        prop_assert_eq!(decode_cbor(&bytes, 1), Ok(vec![one("a", None, Value::Number(number))]));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for read in [decode_json(&bytes, 100), decode_cbor(&bytes, 100)].into_iter().flatten() {
            prop_assert!(read.len() <= 100);
        }
    }

    #[test]
    fn a_message_cut_or_changed_anywhere_never_panics(at in 0usize..200, with in any::<u8>()) {
        let message = json!([{"ts": 5, "values": {"a": {"b": 1.25, "c": "text"}}}, {"d": true, "e": -7, "f": null}]);
        for bytes in [message.to_string().into_bytes(), cbor_bytes(&message)] {
            let at = at % bytes.len();
            let mut changed = bytes.clone();
            changed[at] = with;
            for tried in [&bytes[..at], &changed[..]] {
                for read in [decode_json(tried, 100), decode_cbor(tried, 100)].into_iter().flatten() {
                    prop_assert!(read.len() <= 6);
                }
            }
        }
    }
}
