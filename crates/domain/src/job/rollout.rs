//! How an update is rolled out beyond its waves: how devices are to handle it, when, how many at once, over whom it wins.
//!
//! Knows neither devices nor how far a job has come.

use std::time::Duration;

use crate::device::words;
use crate::ids::{AttributeKey, InvalidName};
use crate::job::spec::{Amount, FailureThreshold};
use crate::job::window::MaintenanceWindow;
use crate::time::Timestamp;
use std::fmt;
use std::str::FromStr;

/// What a device is told about an update's urgency (hawkBit: action type).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Handling {
    /// The device decides when.
    Soft,
    /// At once.
    #[default]
    Forced,
    /// The device decides, until this time; then at once.
    TimeForced {
        /// From then on it is forced.
        at: Timestamp,
    },
    /// Fetched and kept; nothing is installed.
    DownloadOnly,
}

words!(
    /// [`Handling`] in one word.
    HandlingWord {
        /// See [`Handling::Soft`].
        Soft = "soft",
        /// See [`Handling::Forced`].
        Forced = "forced",
        /// See [`Handling::TimeForced`].
        TimeForced = "timeForced",
        /// See [`Handling::DownloadOnly`].
        DownloadOnly = "downloadOnly",
    }
);

impl Handling {
    /// Without what goes with it.
    pub const fn word(self) -> HandlingWord {
        match self {
            Self::Soft => HandlingWord::Soft,
            Self::Forced => HandlingWord::Forced,
            Self::TimeForced { .. } => HandlingWord::TimeForced,
            Self::DownloadOnly => HandlingWord::DownloadOnly,
        }
    }

    /// Whether the device is to act at once.
    pub fn is_forced(self, now: Timestamp) -> bool {
        match self {
            Self::Forced => true,
            Self::TimeForced { at } => at <= now,
            Self::Soft | Self::DownloadOnly => false,
        }
    }
}

/// Which of two jobs a device works on first, 0 to 1000; the higher one wins (hawkBit: weight).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Priority(u16);

impl Priority {
    /// The highest, and what a job has that says nothing (hawkBit: an action without weight).
    pub const HIGHEST: Self = Self(1000);

    /// 0 to 1000.
    pub fn new(value: u16) -> Option<Self> {
        (value <= Self::HIGHEST.0).then_some(Self(value))
    }

    /// 0 to 1000.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::HIGHEST
    }
}

/// In which order targets are offered work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Order {
    /// As they were registered.
    #[default]
    Registered,
    /// By chance, drawn once when the job is made.
    Random,
    /// By the value of an attribute; numbers before texts, devices without it last.
    Attribute {
        /// Which.
        key: AttributeKey,
        /// Highest first.
        descending: bool,
    },
    /// Mixed, so that every wave holds about the same share of each value of an attribute: no whole site in one wave.
    Spread {
        /// Which.
        key: AttributeKey,
    },
}

/// From when on a wave has succeeded and the next one may begin, though devices are still at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuccessThreshold {
    /// At least this share of the wave's devices succeeded, 1 to 100.
    pub percent: u8,
}

impl SuccessThreshold {
    /// Whether `succeeded` of `size` is enough. A wave of nobody has succeeded.
    pub fn reached(self, succeeded: u64, size: u64) -> bool {
        u128::from(succeeded) * 100 >= u128::from(self.percent) * u128::from(size)
    }
}

/// What is particular to one wave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// For people; may be empty.
    pub name: String,
    /// Only targets that match this query; none: any that are left.
    pub query: Option<String>,
    /// How many of those.
    pub amount: Amount,
    /// When it has succeeded; the job's if none.
    pub success: Option<SuccessThreshold>,
    /// When failures in it stop the job; the job's if none.
    pub failure: Option<FailureThreshold>,
    /// Whether the job pauses once it is through.
    pub pause_after: bool,
    /// Whether its devices wait for a word first; as the job says if none.
    pub consent: Option<bool>,
}

impl From<Amount> for Wave {
    fn from(amount: Amount) -> Self {
        Self {
            name: String::new(),
            query: None,
            amount,
            success: None,
            failure: None,
            pause_after: false,
            consent: None,
        }
    }
}

/// A job that takes in devices which match later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuous {
    /// Which devices.
    pub query: String,
    /// Most devices of one of its later waves.
    pub wave_size: u64,
}

/// Bytes per second that the devices of a job may take together from one node: each keeps it by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadRate {
    /// Bytes per second, at least 1024.
    pub bytes_per_second: u64,
    /// Counted for each value of this attribute by itself; none: for the whole job.
    pub by: Option<AttributeKey>,
}

/// Tries again after a pause that doubles each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second try.
    pub first: Duration,
    /// Never longer than this.
    pub longest: Duration,
    /// Only after failures with one of these codes; empty: after any. A code is what the device gave as `code` in its
    /// details or, over hawkBit, as status code.
    pub codes: Vec<String>,
}

impl Backoff {
    /// The pause before the try with this number, 2 for the first one again.
    pub fn before(&self, number: i64) -> Duration {
        let doublings = u32::try_from((number - 2).clamp(0, 31)).unwrap_or(31);
        self.first.saturating_mul(2_u32.saturating_pow(doublings)).min(self.longest)
    }

    /// Whether a failure with this code is tried again.
    pub fn covers(&self, code: Option<&str>) -> bool {
        self.codes.is_empty() || code.is_some_and(|code| self.codes.iter().any(|known| known == code))
    }
}

/// How a job is rolled out. What says nothing is as plain as can be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolloutPolicy {
    /// What devices are told about its urgency.
    pub handling: Handling,
    /// Over which jobs it wins.
    pub priority: Priority,
    /// Whether it takes the place of other updates of lower or the same priority that a device has not begun.
    pub supersede: bool,
    /// Whether each device's user, or an operator for it, must agree first.
    pub consent: bool,
    /// When it may be installed.
    pub window: Option<MaintenanceWindow>,
    /// When nothing more is offered and what was not begun is withdrawn.
    pub ends_at: Option<Timestamp>,
    /// Most devices that have work of it at once.
    pub concurrency: Option<u64>,
    /// How fast its devices may download.
    pub download_rate: Option<DownloadRate>,
    /// In which order its targets come.
    pub order: Order,
    /// When a wave has succeeded; none: when every device of it is through.
    pub success: Option<SuccessThreshold>,
    /// Whether shares of a wave are of all devices that were offered work, also of those off whom it was taken; else those are
    /// left out, as hawkBit does not.
    pub of_canceled_too: bool,
    /// Whether it takes in devices that match later.
    pub continuous: Option<Continuous>,
    /// Whether somebody else than who made it must approve it.
    pub approval: bool,
    /// Whether devices may be brought back to an older version.
    pub allow_downgrade: bool,
    /// How tries again are spaced.
    pub backoff: Option<Backoff>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_its_longest() {
        let backoff = Backoff {
            first: Duration::from_secs(60),
            longest: Duration::from_secs(600),
            codes: vec!["42".to_owned()],
        };
        let pauses: Vec<u64> = (2..=7).map(|number| backoff.before(number).as_secs()).collect();
        assert_eq!(pauses, [60, 120, 240, 480, 600, 600]);
        assert_eq!(backoff.before(i64::MAX).as_secs(), 600);
        assert!(backoff.covers(Some("42")));
        assert!(!backoff.covers(Some("4")) && !backoff.covers(None));
        assert!(Backoff { codes: vec![], ..backoff }.covers(None));
    }

    #[test]
    fn a_time_forced_update_is_forced_from_its_time_on() {
        let handling = Handling::TimeForced { at: Timestamp::from_seconds(10) };
        assert!(!handling.is_forced(Timestamp::from_seconds(9)));
        assert!(handling.is_forced(Timestamp::from_seconds(10)));
        assert!(Handling::Forced.is_forced(Timestamp::from_seconds(0)));
        assert!(!Handling::DownloadOnly.is_forced(Timestamp::from_seconds(0)));
    }

    #[test]
    fn success_is_a_share_of_the_whole_wave() {
        let half = SuccessThreshold { percent: 50 };
        assert!(!half.reached(0, 1));
        assert!(half.reached(1, 2));
        assert!(!half.reached(1, 3));
        assert!(half.reached(0, 0), "a wave of nobody has succeeded");
    }
}
