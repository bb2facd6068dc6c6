//! Counters and a histogram of latencies with bounded error and bounded memory. Pure.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Steps within each power of two: a value is known to 1/32, about 3 %.
const STEPS: u64 = 32;
const STEP_BITS: u32 = 5;
/// Powers of two of microseconds covered: up to 2^40 µs, more than twelve days.
const POWERS: u64 = 40;

/// How long things took. May be recorded into by many at once.
pub(crate) struct Histogram {
    buckets: Vec<AtomicU64>,
    longest: AtomicU64,
}

impl fmt::Debug for Histogram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Histogram").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl Default for Histogram {
    fn default() -> Self {
        let size = usize::try_from(POWERS * STEPS).unwrap_or(0);
        Self {
            buckets: std::iter::repeat_with(AtomicU64::default).take(size).collect(),
            longest: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// Adds one measurement.
    pub(crate) fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.longest.fetch_max(micros, Ordering::Relaxed);
        let index = usize::try_from(bucket_of(micros)).unwrap_or(usize::MAX);
        if let Some(bucket) = self.buckets.get(index).or_else(|| self.buckets.last()) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many were recorded.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// The time within which `per_mille` of all were done; `None` when there are none.
    pub(crate) fn percentile(&self, per_mille: u64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = (count * per_mille).div_ceil(1000).clamp(1, count);
        let mut seen = 0;
        for (index, bucket) in (0..).zip(&self.buckets) {
            seen += bucket.load(Ordering::Relaxed);
            if seen >= rank {
                let value = highest_in(index).min(self.longest.load(Ordering::Relaxed));
                return Some(Duration::from_micros(value));
            }
        }
        None
    }

    /// The longest of all.
    pub(crate) fn longest(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }
}

/// Values below [`STEPS`] have a bucket each; above, each power of two has [`STEPS`] buckets.
const fn bucket_of(value: u64) -> u64 {
    if value < STEPS {
        return value;
    }
    let power = (63 - value.leading_zeros()) - STEP_BITS;
    let step = (value >> power) - STEPS;
    widen(power + 1) * STEPS + step
}

/// The largest value of a bucket.
const fn highest_in(bucket: u64) -> u64 {
    if bucket < STEPS {
        return bucket;
    }
    let power = bucket / STEPS - 1;
    let step = bucket % STEPS;
    ((STEPS + step + 1) << power) - 1
}

#[expect(clippy::as_conversions, reason = "u32 to u64 is lossless, and From is not const")]
const fn widen(value: u32) -> u64 {
    value as u64
}

/// Counts of what happened, shared by all devices of a run.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Connections that were accepted.
    pub(crate) connected: Count,
    /// Connections that were refused or broke, and were tried again.
    pub(crate) lost: Count,
    /// Devices enrolled by this run.
    pub(crate) enrolled: Count,
    /// Telemetry messages sent.
    pub(crate) published: Count,
    /// Of those: acknowledged as durable.
    pub(crate) acknowledged: Count,
    /// Of those: refused for topic or content.
    pub(crate) refused: Count,
    /// Points in acknowledged messages.
    pub(crate) points: Count,
    /// Shadow deltas applied and reported.
    pub(crate) deltas: Count,
    /// Jobs taken on.
    pub(crate) jobs: Count,
    /// Of those: reported as succeeded.
    pub(crate) succeeded: Count,
    /// Of those: reported as failed or rejected.
    pub(crate) failed: Count,
    /// Bytes of firmware downloaded and checked.
    pub(crate) downloaded: Count,
}

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// One more.
    pub(crate) fn one(&self) {
        self.add(1);
    }

    /// Some more.
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many so far.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_the_bucket_is_narrow() {
        for value in (0..5_000).chain([65_535, 65_536, 1_000_000, 123_456_789, u64::from(u32::MAX)]) {
            let bucket = bucket_of(value);
            let highest = highest_in(bucket);
            assert!(highest >= value, "{value} is above its bucket's end {highest}");
            assert!(bucket == 0 || highest_in(bucket - 1) < value, "{value} belongs into an earlier bucket");
            assert!(highest - value <= value / STEPS, "{value} is known only as {highest}");
        }
    }

    #[test]
    fn percentiles_of_one_to_a_thousand_milliseconds_are_right_within_the_error() {
        let histogram = Histogram::default();
        for millis in 1..=1_000 {
            histogram.record(Duration::from_millis(millis));
        }
        for (per_mille, exact) in [(500_u64, 500_u64), (990, 990), (1, 1), (1000, 1000)] {
            let found = histogram.percentile(per_mille).unwrap();
            let exact = Duration::from_millis(exact);
            assert!(found >= exact && found <= exact + exact / 31, "p{per_mille}: {found:?} for {exact:?}");
        }
        assert_eq!(histogram.count(), 1_000);
        assert_eq!(histogram.longest(), Duration::from_secs(1));
    }

    #[test]
    fn an_empty_histogram_has_no_percentile() {
        assert_eq!(Histogram::default().percentile(500), None);
    }

    #[test]
    fn even_an_absurdly_long_time_is_counted() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_secs(u64::MAX / 2));
        assert_eq!(histogram.count(), 1);
        assert!(histogram.percentile(500).is_some());
    }
}
