//! Time and randomness as arguments. The only place that reads the system's.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use windlass_domain::time::Timestamp;

/// Where "now" comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present time.
    fn now(&self) -> Timestamp;
}

/// The machine's clock, which never goes backwards within one run: if the machine's does, it waits there.
#[derive(Debug, Default)]
pub struct SystemClock {
    latest: Mutex<i64>,
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system clock")]
    fn now(&self) -> Timestamp {
        let since_1970 = std::time::SystemTime::now()
            .duration_since(std::time::SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let micros = i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX);
        let mut latest = self.latest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *latest = micros.max(*latest);
        Timestamp::from_micros(*latest)
    }
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct FixedClock {
    now: Mutex<Timestamp>,
}

impl FixedClock {
    /// Starts at `now`.
    pub const fn new(now: Timestamp) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Moves forward.
    pub fn advance(&self, span: Duration) {
        let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = now.plus(span);
    }

    /// Jumps, backwards too.
    pub fn set(&self, to: Timestamp) {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = to;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Where randomness comes from.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills `bytes` with random ones fit for keys.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator, through a seeded thread generator.
#[derive(Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the thread's generator")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::Rng::fill(&mut rand::rng(), bytes);
    }
}

/// `N` random bytes.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}
