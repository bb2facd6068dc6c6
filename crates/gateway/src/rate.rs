//! How fast a device may send over all its connections, and others over one: a bucket that refills. Knows no clock.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use windlass_domain::ids::{ArtifactId, DeviceId, ExecutionId};
use windlass_domain::limits::Limits;

/// A sender that has been over its rate for this long is cut off.
const PATIENCE_MS: u64 = 60_000;

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Sender {
    /// All connections of a device.
    Device(DeviceId),
    /// One connection.
    Connection(u64),
    /// Whoever has the signed links of an execution.
    Execution(ExecutionId),
    /// Whoever uses the lasting link of an artifact from an address.
    Linked(ArtifactId, IpAddr),
}

/// What a sender may do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Go on.
    Free,
    /// Stop reading until asked again.
    Slow,
    /// It had its warning.
    TooFast,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Thousandths of a message; below zero when more came in one read than was left.
    balance: i64,
    at: u64,
    empty_since: Option<u64>,
}

/// The buckets of all senders that are not at rest.
#[derive(Debug)]
pub(crate) struct Rates {
    per_second: i64,
    burst: i64,
    buckets: Mutex<HashMap<Sender, Bucket>>,
}

impl Rates {
    /// Takes rate and burst from the limits.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self::of(limits.messages_per_second, limits.message_burst)
    }

    /// For requests for files, which are many and cost little.
    pub(crate) fn files(limits: &Limits) -> Self {
        Self::of(limits.file_requests_per_second, limits.file_request_burst)
    }

    fn of(per_second: u32, burst: u32) -> Self {
        Self {
            per_second: i64::from(per_second),
            burst: i64::from(burst).saturating_mul(1_000),
            buckets: Mutex::default(),
        }
    }

    /// Counts `messages` at `now` (milliseconds) and says what is next. Zero messages just ask.
    pub(crate) fn take(&self, sender: Sender, messages: usize, now: u64) -> Pace {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket =
            buckets.entry(sender).or_insert(Bucket { balance: self.burst, at: now, empty_since: None });
        let elapsed = i64::try_from(now.saturating_sub(bucket.at)).unwrap_or(i64::MAX);
        bucket.balance =
            bucket.balance.saturating_add(elapsed.saturating_mul(self.per_second)).min(self.burst);
        bucket.at = now;
        if bucket.balance >= self.burst / 2 {
            bucket.empty_since = None;
        }
        let cost = i64::try_from(messages).unwrap_or(i64::MAX).saturating_mul(1_000);
        bucket.balance = bucket.balance.saturating_sub(cost);
        if bucket.balance > 0 {
            return Pace::Free;
        }
        let since = *bucket.empty_since.get_or_insert(now);
        if now.saturating_sub(since) >= PATIENCE_MS { Pace::TooFast } else { Pace::Slow }
    }

    /// Forgets senders whose bucket is full again.
    pub(crate) fn tidy(&self, now: u64) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|_, bucket| {
            let elapsed = i64::try_from(now.saturating_sub(bucket.at)).unwrap_or(i64::MAX);
            bucket.balance.saturating_add(elapsed.saturating_mul(self.per_second)) < self.burst
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUMP: Sender = Sender::Device(DeviceId::new(1));

    fn rates() -> Rates {
        Rates::new(&Limits::default())
    }

    #[test]
    fn a_burst_is_free_and_what_follows_waits_for_the_refill() {
        let rates = rates();
        assert_eq!(rates.take(PUMP, 999, 0), Pace::Free);
        assert_eq!(rates.take(PUMP, 1, 0), Pace::Slow);
        assert_eq!(rates.take(PUMP, 0, 0), Pace::Slow);
        assert_eq!(rates.take(PUMP, 0, 11), Pace::Free);
        assert_eq!(
            rates.take(Sender::Device(DeviceId::new(2)), 1, 0),
            Pace::Free,
            "others are not slowed down"
        );
        assert_eq!(rates.take(Sender::Connection(1), 1, 0), Pace::Free);
    }

    #[test]
    fn a_steady_sender_at_the_rate_is_never_slowed_down() {
        let rates = rates();
        for second in 0..10_000 {
            assert_eq!(rates.take(PUMP, 100, second * 1_000), Pace::Free);
        }
    }

    #[test]
    fn a_device_that_stays_over_its_rate_is_cut_off_after_a_minute() {
        let rates = rates();
        assert_eq!(rates.take(PUMP, 1_100, 0), Pace::Slow);
        for second in 1..60 {
            assert_eq!(rates.take(PUMP, 150, second * 1_000), Pace::Slow, "{second}");
        }
        assert_eq!(rates.take(PUMP, 150, 60_000), Pace::TooFast);
    }

    #[test]
    fn a_pause_long_enough_earns_the_patience_back() {
        let rates = rates();
        assert_eq!(rates.take(PUMP, 1_100, 0), Pace::Slow);
        assert_eq!(rates.take(PUMP, 0, 30_000), Pace::Free);
        assert_eq!(rates.take(PUMP, 2_000, 70_000), Pace::Slow);
    }

    #[test]
    fn devices_at_rest_cost_nothing() {
        let rates = rates();
        rates.take(PUMP, 100, 0);
        rates.tidy(500);
        assert_eq!(rates.buckets.lock().unwrap().len(), 1);
        rates.tidy(1_000);
        assert!(rates.buckets.lock().unwrap().is_empty());
    }
}
