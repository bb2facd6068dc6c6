use std::time::Duration;

use proptest::prelude::*;
use windlass_store::testing::{START, TestStore, stores};

use super::*;

fn device(id: i64) -> DeviceId {
    DeviceId::new(id)
}

fn later(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn message(id: i64, at: u64, metric: &str, value: f64) -> Received {
    let point = Point {
        metric: metric.parse().unwrap(),
        at: later(at),
        value: Value::Number(value),
        stamp: Stamp::Device,
    };
    Received { device: device(id), received_at: later(at), points: vec![point] }
}

fn values(live: &Live, id: i64) -> Vec<(String, f64)> {
    live.last_values(device(id))
        .into_iter()
        .map(|point| (point.metric.into_string(), point.value.as_number().unwrap()))
        .collect()
}

async fn opened(test: &TestStore) -> (Live, Telemetry) {
    let telemetry = Telemetry::open(&test.store, 1_000).await.unwrap();
    let live = Live::default();
    live.load(&test.store, &telemetry).await.unwrap();
    (live, telemetry)
}

async fn send(live: &Live, telemetry: &Telemetry, message: Received) {
    let _applying = live.applying().await;
    telemetry.append(vec![message.clone()]).await.unwrap();
    live.apply(&message);
}

#[test]
fn the_newest_value_and_contact_win_whatever_order_they_come_in() {
    let live = Live::default();
    live.apply(&message(1, 20, "t", 2.0));
    live.apply(&message(1, 10, "t", 1.0));
    live.seen(device(1), later(5));
    assert_eq!(values(&live, 1), [("t".to_owned(), 2.0)]);
    assert_eq!(live.last_seen(device(1)), Some(later(20)));
    assert_eq!(live.last_seen(device(2)), None);
    live.forget(device(1));
    assert_eq!(live.last_seen(device(1)), None);
}

#[test]
fn a_device_holds_a_bounded_number_of_values_the_most_recent_ones() {
    let live = Live::default();
    for n in 0..200 {
        live.apply(&message(1, n, &format!("m{n}"), 1.0));
    }
    let kept = live.last_values(device(1));
    assert_eq!(kept.len(), VALUES_PER_DEVICE);
    assert!(kept.iter().all(|point| point.at >= later(200 - 64)));
}

#[tokio::test]
async fn nothing_acknowledged_is_missing_after_a_crash() {
    for test in stores("live").await {
        let (live, telemetry) = opened(&test).await;
        send(&live, &telemetry, message(1, 1, "saved", 1.0)).await;
        send(&live, &telemetry, message(5_000, 1, "other block", 1.0)).await;
        let position = live.save(&test.store, &telemetry, "node", START).await.unwrap();
        while telemetry.compact(position, START).await.unwrap().rows > 0 {}
        send(&live, &telemetry, message(1, 2, "unsaved", 2.0)).await;
        assert_eq!(
            telemetry.compact(position, START).await.unwrap().rows,
            0,
            "kept in the log until it is saved"
        );
        telemetry.close().await;
        drop(live);

        let (live, telemetry) = opened(&test).await;
        assert_eq!(values(&live, 1), [("saved".to_owned(), 1.0), ("unsaved".to_owned(), 2.0)]);
        assert_eq!(values(&live, 5_000), [("other block".to_owned(), 1.0)]);
        assert_eq!(live.last_seen(device(1)), Some(later(2)));
        telemetry.close().await;
        test.remove().await;
    }
}

#[tokio::test]
async fn blobs_of_two_nodes_merge_by_newest() {
    for test in stores("live-merge").await {
        let telemetry = Telemetry::open(&test.store, 1_000).await.unwrap();
        let (one, two) = (Live::default(), Live::default());
        one.apply(&message(1, 10, "t", 1.0));
        two.apply(&message(1, 20, "t", 2.0));
        one.apply(&message(2, 30, "t", 3.0));
        one.save(&test.store, &telemetry, "one", later(60)).await.unwrap();
        two.save(&test.store, &telemetry, "two", later(50)).await.unwrap();
        let live = Live::default();
        live.load(&test.store, &telemetry).await.unwrap();
        assert_eq!(values(&live, 1), [("t".to_owned(), 2.0)]);
        assert_eq!(values(&live, 2), [("t".to_owned(), 3.0)]);
        telemetry.close().await;
        test.remove().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_blob_reads_back_as_written(messages in prop::collection::vec((1i64..50, 0u64..1_000, "[a-d]{1,2}", -1e9f64..1e9), 0..60)) {
        let live = Live::default();
        for (id, at, metric, value) in messages {
            live.apply(&message(id, at, &metric, value));
        }
        let block = live.block(device(1));
        let devices = lock(&block).devices.clone();
        let bytes = codec::encode(&devices);
        let read: HashMap<i64, Seen> = codec::decode(&bytes, &|name| Arc::from(name)).unwrap().into_iter().collect();
        prop_assert_eq!(read, devices);
        for cut in 0..bytes.len() {
            prop_assert!(codec::decode(&bytes[..cut], &|name| Arc::from(name)).is_none());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        drop(codec::decode(&[&[1], &bytes[..]].concat(), &|name| Arc::from(name)));
        drop(codec::decode(&bytes, &|name| Arc::from(name)));
    }
}
