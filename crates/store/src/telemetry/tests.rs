//! On each engine: what is appended is found again, through compaction, merges, settling, crashes and retention.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::StoreErrorKind;
use crate::testing::{START, TestStore, stores};
use windlass_domain::telemetry::Aggregate;

const MINUTE: i64 = 60_000_000;
const DAY: Duration = Duration::from_secs(86_400);
const EVER: Position = Position::new(i64::MAX);

fn name(metric: &str) -> MetricName {
    metric.parse().unwrap()
}

fn point(metric: &str, at: i64, value: Value) -> Point {
    Point { metric: name(metric), at: START.plus(micros(at)), value, stamp: Stamp::Device }
}

fn micros(at: i64) -> Duration {
    Duration::from_micros(u64::try_from(at).unwrap())
}

fn number(metric: &str, minute: i64, value: f64) -> Point {
    point(metric, minute * MINUTE, Value::Number(value))
}

fn from(device: i64, points: Vec<Point>) -> Received {
    Received { device: DeviceId::new(device), received_at: START, points }
}

fn window(from: i64, to: i64) -> Window {
    Window { from: START.plus(micros(from * MINUTE)), to: START.plus(micros(to * MINUTE)) }
}

async fn append(telemetry: &Telemetry, device: i64, points: Vec<Point>) {
    let (_, answers) = telemetry.append(vec![from(device, points)]).await.unwrap();
    assert_eq!(answers, [Appended::Stored]);
}

/// (minute, value) of the numbers of a window.
async fn numbers(telemetry: &Telemetry, device: i64, metric: &str, window: Window) -> Vec<(i64, f64)> {
    let raw = telemetry
        .raw(DeviceId::new(device), &name(metric), window, 100_000, Order::OldestFirst)
        .await
        .unwrap();
    assert!(!raw.more);
    raw.points
        .iter()
        .map(|point| ((point.at.micros() - START.micros()) / MINUTE, point.value.as_number().unwrap()))
        .collect()
}

async fn compact_all(telemetry: &Telemetry, now: Timestamp) {
    while telemetry.compact(EVER, now).await.unwrap().rows > 0 {}
    while telemetry.maintain(now).await.unwrap() != Maintained::default() {}
}

/// Runs a test on each engine; `reopen` gives a fresh handle with nothing in memory, as after a crash.
async fn on_each<F, R>(title: &str, body: F)
where
    F: Fn(Bench) -> R,
    R: Future<Output = Bench>,
{
    for test in stores(title).await {
        let telemetry = Telemetry::open(&test.store, 1_000).await.unwrap();
        let bench = body(Bench { telemetry, test }).await;
        bench.telemetry.close().await;
        bench.test.remove().await;
    }
}

struct Bench {
    telemetry: Telemetry,
    test: TestStore,
}

impl Bench {
    async fn reopen(&mut self) {
        self.telemetry.close().await;
        self.telemetry = Telemetry::open(&self.test.store, 1_000).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_appended_is_found_before_and_after_it_is_compacted() {
    on_each("appended", async |mut bench| {
        let telemetry = &bench.telemetry;
        append(telemetry, 1, vec![number("temp", 1, 21.5), number("temp", 0, 21.0)]).await;
        append(telemetry, 2, vec![number("temp", 0, 5.0)]).await;
        let expected = [(0, 21.0), (1, 21.5)];
        assert_eq!(numbers(telemetry, 1, "temp", window(0, 10)).await, expected);
        assert_eq!(telemetry.backlog().points, 3);
        bench.reopen().await;
        assert_eq!(numbers(&bench.telemetry, 1, "temp", window(0, 10)).await, expected, "from the log");
        let compacted = bench.telemetry.compact(EVER, START).await.unwrap();
        assert_eq!((compacted.rows, compacted.points, compacted.blocks), (2, 3, 1));
        assert_eq!(bench.telemetry.backlog(), Backlog::default());
        assert_eq!(numbers(&bench.telemetry, 1, "temp", window(0, 10)).await, expected, "from blocks");
        bench.reopen().await;
        assert_eq!(
            numbers(&bench.telemetry, 1, "temp", window(0, 10)).await,
            expected,
            "from blocks, reopened"
        );
        assert_eq!(numbers(&bench.telemetry, 1, "temp", window(1, 10)).await, [(1, 21.5)]);
        assert_eq!(numbers(&bench.telemetry, 1, "temp", window(0, 1)).await, [(0, 21.0)]);
        assert_eq!(numbers(&bench.telemetry, 3, "temp", window(0, 10)).await, []);
        assert_eq!(numbers(&bench.telemetry, 1, "other", window(0, 10)).await, []);
        bench
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_value_and_stamp_comes_back() {
    on_each("kinds", async |bench| {
        let telemetry = &bench.telemetry;
        let mut points = vec![
            point("x", 0, Value::Number(-0.5)),
            point("x", 1, Value::Integer(i64::MAX)),
            point("x", 2, Value::Bool(true)),
            point("x", 3, Value::Text("on".into())),
        ];
        points[1].stamp = Stamp::Late;
        points[3].stamp = Stamp::Ahead;
        append(telemetry, 1, points.clone()).await;
        for _ in 0..2 {
            let raw = telemetry
                .raw(DeviceId::new(1), &name("x"), window(0, 1), 10, Order::OldestFirst)
                .await
                .unwrap();
            assert_eq!(raw, Raw { points: points.clone(), more: false });
            compact_all(telemetry, START).await;
        }
        let kinds: Vec<ValueKind> =
            telemetry.metrics(DeviceId::new(1)).await.unwrap().iter().map(|m| m.kind).collect();
        assert_eq!(kinds, ValueKind::ALL);
        bench
    })
    .await;
}

#[tokio::test]
async fn a_device_has_a_bounded_number_of_metrics_and_only_the_message_over_it_is_refused() {
    on_each("limit", async |mut bench| {
        let many =
            |range: std::ops::Range<i64>| range.map(|i| number(&format!("m{i}"), 0, 1.0)).collect::<Vec<_>>();
        append(&bench.telemetry, 1, many(0..600)).await;
        bench.reopen().await;
        let messages = vec![
            from(1, many(600..1_001)),
            from(1, many(0..10)),
            from(1, many(600..1_000)),
            from(1, many(1_000..1_001)),
            from(2, many(1_000..1_001)),
        ];
        let (_, answers) = bench.telemetry.append(messages).await.unwrap();
        let refused = Appended::TooManyMetrics { limit: 1_000 };
        assert_eq!(answers, [refused, Appended::Stored, Appended::Stored, refused, Appended::Stored]);
        assert_eq!(bench.telemetry.metrics(DeviceId::new(1)).await.unwrap().len(), 1_000);
        assert_eq!(numbers(&bench.telemetry, 1, "m1000", window(0, 1)).await, []);
        assert_eq!(numbers(&bench.telemetry, 2, "m1000", window(0, 1)).await, [(0, 1.0)]);
        bench
    })
    .await;
}

#[tokio::test]
async fn of_two_points_with_one_time_the_later_one_counts() {
    on_each("doubles", async |mut bench| {
        append(&bench.telemetry, 1, vec![number("t", 5, 1.0), number("t", 5, 2.0)]).await;
        assert_eq!(numbers(&bench.telemetry, 1, "t", window(0, 10)).await, [(5, 2.0)]);
        compact_all(&bench.telemetry, START).await;
        append(&bench.telemetry, 1, vec![number("t", 5, 3.0), number("t", 6, 9.0)]).await;
        assert_eq!(numbers(&bench.telemetry, 1, "t", window(0, 10)).await, [(5, 3.0), (6, 9.0)]);
        compact_all(&bench.telemetry, START).await;
        assert_eq!(
            numbers(&bench.telemetry, 1, "t", window(0, 10)).await,
            [(5, 3.0), (6, 9.0)],
            "two blocks"
        );
        let hour = Duration::from_secs(3_600);
        let steps = bench.telemetry.steps(DeviceId::new(1), &name("t"), window(0, 60), hour).await.unwrap();
        assert_eq!(steps[0].aggregate, Aggregate { min: 3.0, max: 9.0, sum: 12.0, count: 2 });
        compact_all(&bench.telemetry, START.plus(3 * DAY)).await;
        bench.reopen().await;
        assert_eq!(numbers(&bench.telemetry, 1, "t", window(0, 10)).await, [(5, 3.0), (6, 9.0)], "one block");
        assert_eq!(bench.telemetry.stored().await.unwrap().points, 2);
        bench
    })
    .await;
}

#[tokio::test]
async fn merges_settling_and_late_points_change_no_answer() {
    on_each("merges", async |mut bench| {
        let mut expected = BTreeMap::new();
        // 20 runs over two days, with values that repeat times of earlier runs.
        for run in 0..20_i64 {
            let mut points = Vec::new();
            for n in 0..60 {
                let minute = (run * 97 + n * 31) % 2_880;
                let value = f64::from(i32::try_from(run * 100 + n).unwrap());
                expected.insert(minute, value);
                points.push(number("t", minute, value));
            }
            append(&bench.telemetry, 1, points.clone()).await;
            append(&bench.telemetry, 2, points).await;
            assert!(bench.telemetry.compact(EVER, START).await.unwrap().points > 0);
            bench.telemetry.maintain(START).await.unwrap();
        }
        let all: Vec<(i64, f64)> = expected.iter().map(|(minute, value)| (*minute, *value)).collect();
        assert_eq!(numbers(&bench.telemetry, 1, "t", window(0, 2_880)).await, all, "merged while it came");
        let hour = Duration::from_secs(3_600);
        let from_points =
            bench.telemetry.steps(DeviceId::new(1), &name("t"), window(0, 2_880), hour).await.unwrap();
        assert_eq!(from_points.len(), 48);
        let later = START.plus(4 * DAY);
        compact_all(&bench.telemetry, later).await;
        let stored = bench.telemetry.stored().await.unwrap();
        assert_eq!(stored.points, 2 * u64::try_from(all.len()).unwrap(), "settled: no doubles are left");
        assert_eq!(stored.blocks, 2, "one block for each day");
        assert!(stored.rollup_bytes > 0);
        assert_eq!(numbers(&bench.telemetry, 1, "t", window(0, 2_880)).await, all);
        let from_rollups =
            bench.telemetry.steps(DeviceId::new(1), &name("t"), window(0, 2_880), hour).await.unwrap();
        assert_eq!(from_rollups, from_points);
        // A late point makes its day's rollup outdated until the day is settled again.
        append(&bench.telemetry, 1, vec![number("t", 0, 1e6)]).await;
        for step in 0..3 {
            let steps =
                bench.telemetry.steps(DeviceId::new(1), &name("t"), window(0, 2_880), hour).await.unwrap();
            assert_eq!(steps[0].aggregate.max, 1e6, "waiting, compacted, settled: {step}");
            assert_eq!(steps[1..], from_points[1..]);
            match step {
                0 => assert!(bench.telemetry.compact(EVER, later).await.is_ok()),
                1 => {
                    assert_eq!(
                        bench.telemetry.maintain(later).await.unwrap().settled,
                        0,
                        "not while points come"
                    );
                    bench.reopen().await;
                    assert_eq!(bench.telemetry.maintain(later).await.unwrap().settled, 1);
                }
                _ => {}
            }
        }
        bench
    })
    .await;
}

#[tokio::test]
async fn retention_deletes_whole_days_and_rollups_answer_for_them() {
    on_each("retention", async |bench| {
        let telemetry = &bench.telemetry;
        for day in 0..3 {
            let points = (0..600).map(|n| number("t", day * 1_440 + n, 1.0)).collect();
            append(telemetry, 1, points).await;
        }
        compact_all(telemetry, START).await;
        let now = START.plus(10 * DAY);
        compact_all(telemetry, now).await;
        let retained = telemetry.retain(now, 8 * DAY, 9 * DAY).await.unwrap();
        assert_eq!(retained, Retained { blocks: 2, rollups: 1 });
        assert_eq!(
            numbers(telemetry, 1, "t", window(0, 5_000)).await.len(),
            600,
            "one day of points is left"
        );
        let metric = name("t");
        let steps =
            |step| telemetry.steps(DeviceId::new(1), &metric, window(0, 5_000), Duration::from_secs(step));
        let counts: Vec<u64> = steps(3_600).await.unwrap().iter().map(|step| step.aggregate.count).collect();
        assert_eq!(counts, [60; 20], "two days are left as hours");
        let finer = steps(60).await.unwrap();
        assert_eq!(finer.len(), 10 + 600, "where the points are gone, an hour is a step");
        bench
    })
    .await;
}

#[tokio::test]
async fn a_compaction_takes_nothing_after_its_bound() {
    on_each("bound", async |bench| {
        let telemetry = &bench.telemetry;
        append(telemetry, 1, vec![number("t", 1, 1.0)]).await;
        let bound = telemetry.position();
        append(telemetry, 1, vec![number("t", 2, 2.0)]).await;
        assert_eq!(telemetry.compact(bound, START).await.unwrap().rows, 1);
        assert_eq!(telemetry.compact(bound, START).await.unwrap().rows, 0);
        assert_eq!(telemetry.backlog().rows, 1);
        let replayed = telemetry.replay(Position::default(), 10).await.unwrap();
        assert_eq!(replayed.len(), 1);
        assert_eq!(replayed[0].0, telemetry.position());
        assert_eq!(replayed[0].1, [from(1, vec![number("t", 2, 2.0)])]);
        assert!(telemetry.replay(telemetry.position(), 10).await.unwrap().is_empty());
        bench
    })
    .await;
}

#[tokio::test]
async fn two_that_compact_at_once_move_every_point_once() {
    on_each("race", async |bench| {
        append(&bench.telemetry, 1, (0..50).map(|n| number("t", n, 1.0)).collect()).await;
        // A second handle on the same tables, as another node or a task that outlived its lease would be.
        let other = match bench.telemetry.0.database {
            Database::Shared(_) => Telemetry::open(&bench.test.store, 1_000).await.unwrap(),
            Database::File(_) => bench.telemetry.clone(),
        };
        let (one, two) = tokio::join!(bench.telemetry.compact(EVER, START), other.compact(EVER, START));
        let moved: usize = [one, two]
            .into_iter()
            .map(|result| match result {
                Ok(compacted) => compacted.points,
                Err(error) => {
                    assert_eq!(error.kind(), StoreErrorKind::Busy, "{error}");
                    0
                }
            })
            .sum();
        assert_eq!(moved, 50);
        assert_eq!(bench.telemetry.stored().await.unwrap().points, 50);
        assert_eq!(numbers(&bench.telemetry, 1, "t", window(0, 100)).await.len(), 50);
        bench
    })
    .await;
}

#[tokio::test]
async fn the_newest_point_of_each_metric_is_found_wherever_it_is() {
    on_each("latest", async |bench| {
        let telemetry = &bench.telemetry;
        append(telemetry, 1, vec![number("a", 1, 1.0), number("b", 1, 1.0), number("a", 5_000, 2.0)]).await;
        append(telemetry, 3, vec![number("b", 9_000, 7.0)]).await;
        compact_all(telemetry, START).await;
        append(telemetry, 1, vec![number("b", 0, 3.0), number("c", 1, 4.0)]).await;
        let latest: Vec<(String, f64)> = telemetry
            .latest(DeviceId::new(1))
            .await
            .unwrap()
            .into_iter()
            .map(|point| (point.metric.into_string(), point.value.as_number().unwrap()))
            .collect();
        assert_eq!(latest, [("a".to_owned(), 2.0), ("b".to_owned(), 1.0), ("c".to_owned(), 4.0)]);
        assert!(telemetry.latest(DeviceId::new(9)).await.unwrap().is_empty());
        bench
    })
    .await;
}

#[tokio::test]
async fn a_limit_cuts_at_the_end_that_was_asked_for() {
    on_each("cut", async |bench| {
        let telemetry = &bench.telemetry;
        append(telemetry, 1, (0..3_000).map(|n| number("t", n, 1.0)).collect()).await;
        compact_all(telemetry, START).await;
        append(telemetry, 1, vec![number("t", 3_000, 1.0)]).await;
        let ask = |limit, order| telemetry.raw(DeviceId::new(1), &TEMP, window(0, 5_000), limit, order);
        static TEMP: std::sync::LazyLock<MetricName> = std::sync::LazyLock::new(|| "t".parse().unwrap());
        let minutes = |raw: Raw| -> (Vec<i64>, bool) {
            (raw.points.iter().map(|p| (p.at.micros() - START.micros()) / MINUTE).collect(), raw.more)
        };
        assert_eq!(minutes(ask(2, Order::OldestFirst).await.unwrap()), (vec![0, 1], true));
        assert_eq!(minutes(ask(3, Order::NewestFirst).await.unwrap()), (vec![3_000, 2_999, 2_998], true));
        assert_eq!(ask(3_001, Order::NewestFirst).await.unwrap().points.len(), 3_001);
        assert!(!ask(3_001, Order::NewestFirst).await.unwrap().more);
        assert_eq!(ask(0, Order::OldestFirst).await.unwrap(), Raw::default());
        bench
    })
    .await;
}

#[tokio::test]
async fn steps_hold_whole_steps_of_the_window() {
    on_each("steps", async |bench| {
        let telemetry = &bench.telemetry;
        append(telemetry, 1, (0..20).map(|n| number("t", n, f64::from(i32::try_from(n).unwrap()))).collect())
            .await;
        append(telemetry, 1, vec![point("t", 0, Value::Text("x".into())), point("t", 1, Value::Bool(true))])
            .await;
        let steps = telemetry
            .steps(DeviceId::new(1), &name("t"), window(3, 12), Duration::from_secs(300))
            .await
            .unwrap();
        let seen: Vec<(i64, f64, f64, f64, u64)> = steps
            .iter()
            .map(|Step { start, aggregate: a }| {
                ((start.micros() - START.micros()) / MINUTE, a.min, a.max, a.mean(), a.count)
            })
            .collect();
        assert_eq!(seen, [(0, 0.0, 4.0, 11.0 / 6.0, 6), (5, 5.0, 9.0, 7.0, 5), (10, 10.0, 14.0, 12.0, 5)]);
        assert!(telemetry.steps(DeviceId::new(1), &name("t"), window(5, 5), DAY).await.unwrap().is_empty());
        bench
    })
    .await;
}

#[tokio::test]
async fn appends_of_many_callers_are_all_kept() {
    on_each("many", async |mut bench| {
        let appends = (1..=64).map(|device| {
            let telemetry = bench.telemetry.clone();
            async move { append(&telemetry, device, (0..10).map(|n| number("t", n, 1.0)).collect()).await }
        });
        futures_util::future::join_all(appends).await;
        bench.reopen().await;
        assert_eq!(bench.telemetry.backlog().points, 640);
        compact_all(&bench.telemetry, START).await;
        for device in [1, 32, 64] {
            assert_eq!(numbers(&bench.telemetry, device, "t", window(0, 100)).await.len(), 10);
        }
        bench
    })
    .await;
}

/// Anything may happen in any order; a plain map says what must come out.
#[derive(Debug, Clone)]
enum Act {
    Append(i64, Vec<(i64, i32)>),
    Compact,
    Maintain(u64),
    Crash,
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (prop::sample::select(vec![1_i64, 2, 4_095, 4_096, 9_000]), prop::collection::vec((0_i64..4_000, -50_i32..50), 1..30))
            .prop_map(|(device, points)| Act::Append(device, points)),
        3 => Just(Act::Compact),
        2 => (0_u64..6).prop_map(Act::Maintain),
        1 => Just(Act::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_order_of_work_and_crashes_gives_what_a_plain_map_gives(acts in prop::collection::vec(any_act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(on_each("model", |mut bench| {
            let acts = acts.clone();
            async move {
                let mut model: BTreeMap<i64, BTreeMap<i64, f64>> = BTreeMap::new();
                for act in acts {
                    match act {
                        Act::Append(device, points) => {
                            for (minute, value) in &points {
                                model.entry(device).or_default().insert(*minute, f64::from(*value));
                            }
                            let points = points.iter().map(|(minute, value)| number("t", *minute, f64::from(*value)));
                            append(&bench.telemetry, device, points.collect()).await;
                        }
                        Act::Compact => assert!(bench.telemetry.compact(EVER, START).await.is_ok()),
                        Act::Maintain(days) => {
                            assert!(bench.telemetry.maintain(START.plus(Duration::from_secs(days * 86_400))).await.is_ok());
                        }
                        Act::Crash => bench.reopen().await,
                    }
                }
                for (device, expected) in &model {
                    let all: Vec<(i64, f64)> = expected.iter().map(|(minute, value)| (*minute, *value)).collect();
                    assert_eq!(numbers(&bench.telemetry, *device, "t", window(0, 4_000)).await, all);
                    let hours = bench.telemetry
                        .steps(DeviceId::new(*device), &name("t"), window(0, 4_000), Duration::from_secs(3_600)).await.unwrap();
                    assert_eq!(hours.iter().map(|step| step.aggregate.count).sum::<u64>(), u64::try_from(all.len()).unwrap());
                    let latest = bench.telemetry.latest(DeviceId::new(*device)).await.unwrap();
                    assert_eq!(latest[0].value.as_number(), all.last().map(|(_, value)| *value));
                }
                bench
            }
        }));
    }
}

#[tokio::test]
async fn an_erased_device_leaves_nothing_behind_and_its_neighbours_keep_everything() {
    on_each("telemetry_erase", |bench| async move {
        let telemetry = &bench.telemetry;
        for minute in 0..40 {
            append(telemetry, 1, vec![number("temp", minute, 1.0)]).await;
            append(telemetry, 2, vec![number("temp", minute, 2.0), number("own", minute, 3.0)]).await;
        }
        compact_all(telemetry, START).await;
        // Settled, with rollups.
        compact_all(telemetry, START.plus(DAY * 3)).await;
        append(telemetry, 2, vec![number("temp", 50, 4.0)]).await;
        assert!(!telemetry.erase(DeviceId::new(2)).await.unwrap(), "a point waits in the log");
        compact_all(telemetry, START.plus(DAY * 3)).await;
        assert!(telemetry.erase(DeviceId::new(2)).await.unwrap());
        assert!(telemetry.erase(DeviceId::new(2)).await.unwrap(), "again changes nothing");
        assert_eq!(telemetry.metrics(DeviceId::new(2)).await.unwrap(), []);
        assert_eq!(numbers(telemetry, 1, "temp", window(0, 60)).await.len(), 40);
        let hour = Duration::from_secs(3600);
        let steps = telemetry.steps(DeviceId::new(1), &name("temp"), window(0, 60), hour).await;
        assert_eq!(steps.unwrap().iter().map(|step| step.aggregate.count).sum::<u64>(), 40);
        // Registering the metric again does not bring anything back.
        append(telemetry, 2, vec![number("temp", 55, 5.0)]).await;
        assert_eq!(numbers(telemetry, 2, "temp", window(0, 60)).await, [(55, 5.0)]);
        compact_all(telemetry, START.plus(DAY * 3)).await;
        assert_eq!(numbers(telemetry, 2, "temp", window(0, 60)).await, [(55, 5.0)]);
        assert_eq!(numbers(telemetry, 1, "temp", window(0, 60)).await.len(), 40);
        bench
    })
    .await;
}
