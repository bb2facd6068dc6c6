//! When a wave would be through: from when its devices are heard, how many may have work at once, how fast they may
//! download, and when their maintenance window is open.
//!
//! Knows neither devices nor how long an installation takes: nobody can tell that before.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::job::window::MaintenanceWindow;
use crate::time::Timestamp;

/// What a job's policy says about its pace.
#[derive(Debug, Clone, Copy)]
pub struct Pace<'a> {
    /// Most devices that have work at once.
    pub concurrency: Option<u64>,
    /// Bytes per second that each share of the devices may take together.
    pub rate: Option<u64>,
    /// Bytes that each device downloads.
    pub bytes: u64,
    /// When work may be done.
    pub window: Option<&'a MaintenanceWindow>,
    /// How long a device that says nothing keeps its place.
    pub queued: Duration,
}

/// How a device is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contact {
    /// When it is heard next.
    pub next: Timestamp,
    /// How often it is heard; zero while it is connected.
    pub interval: Duration,
}

/// When a device that was last heard at `last` is heard next, not before `from`.
pub fn next_contact(last: Timestamp, interval: Duration, from: Timestamp) -> Timestamp {
    let interval = interval.max(Duration::from_secs(1));
    let micros = from.since(last).as_micros();
    let into = Duration::from_micros(u64::try_from(micros % interval.as_micros()).unwrap_or_default());
    match into.is_zero() && micros > 0 {
        true => from,
        false => from.max(last).plus(interval.saturating_sub(into)),
    }
}

/// The devices of one wave that would have work.
#[derive(Debug, Default)]
pub struct WaveWork {
    heard: u64,
    silent: u64,
    /// When the first of them may begin, and whose clock that was.
    from: Option<(Timestamp, Option<String>)>,
    /// When the last of them is heard.
    reached: Option<Timestamp>,
    /// All their intervals.
    intervals: Duration,
    /// How many share each download rate.
    shares: BTreeMap<Option<String>, u64>,
}

impl WaveWork {
    /// A device that may begin at `from`. `contact`: none for one that was not heard for long; `zone`: its own time zone;
    /// `share`: whose download rate it shares.
    pub fn add(
        &mut self,
        from: Timestamp,
        contact: Option<Contact>,
        zone: Option<&str>,
        share: Option<String>,
    ) {
        if self.from.as_ref().is_none_or(|(first, _)| from < *first) {
            self.from = Some((from, zone.map(str::to_owned)));
        }
        let Some(Contact { next, interval }) = contact else {
            self.silent += 1;
            return;
        };
        self.heard += 1;
        self.reached = self.reached.max(Some(next));
        self.intervals = self.intervals.saturating_add(interval);
        *self.shares.entry(share).or_default() += 1;
    }

    /// How many were heard lately.
    pub const fn heard(&self) -> u64 {
        self.heard
    }

    /// How many were not.
    pub const fn silent(&self) -> u64 {
        self.silent
    }

    /// When every device that is heard would have been reached and have its files. `size` devices of which `looked` were
    /// looked at. None if nobody is heard, or if no window is left for it.
    pub fn through(&self, pace: &Pace<'_>, size: u64, looked: u64) -> Option<Timestamp> {
        let reached = self.reached?;
        let (from, zone) = self.from.as_ref()?;
        let whole = |part: u64| {
            let part = u128::from(part) * u128::from(size);
            u64::try_from(part.div_ceil(u128::from(looked.max(1)))).unwrap_or(u64::MAX)
        };
        let ends = |needed: Duration| match pace.window {
            Some(window) => window.after(zone.as_deref(), *from, needed),
            None => Some(from.plus(needed)),
        };
        let mut end = reached;
        if let Some(most) = pace.concurrency {
            let rounds = whole(self.heard + self.silent).div_ceil(most.max(1));
            let seen = u32::try_from(self.heard + self.silent).unwrap_or(u32::MAX);
            let silent = u32::try_from(self.silent).unwrap_or(u32::MAX);
            let round = self.intervals.saturating_add(pace.queued.saturating_mul(silent)) / seen.max(1);
            if rounds > 1 {
                end = end.max(ends(round.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX)))?);
            }
        }
        if let Some(rate) = pace.rate {
            let most = self.shares.values().copied().max().unwrap_or_default();
            let seconds = u128::from(whole(most)) * u128::from(pace.bytes) / u128::from(rate.max(1));
            end = end.max(ends(Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)))?);
        }
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn pace() -> Pace<'static> {
        Pace { concurrency: None, rate: None, bytes: 100_000_000, window: None, queued: 24 * HOUR }
    }

    /// Devices that are heard every hour, the next time in half an hour.
    fn hourly(count: u64) -> WaveWork {
        let mut work = WaveWork::default();
        for _ in 0..count {
            work.add(at(0), Some(Contact { next: at(1800), interval: HOUR }), None, None);
        }
        work
    }

    #[test]
    fn a_device_is_heard_next_when_its_interval_is_through_again() {
        assert_eq!(next_contact(at(0), HOUR, at(600)), at(3600));
        assert_eq!(next_contact(at(0), HOUR, at(3600)), at(3600));
        assert_eq!(next_contact(at(0), HOUR, at(3601)), at(7200), "it comes late, but it comes");
        assert_eq!(next_contact(at(0), HOUR, at(0)), at(3600));
        assert_eq!(next_contact(at(10), Duration::ZERO, at(20)), at(20));
        assert_eq!(next_contact(at(90), HOUR, at(0)), at(3690), "a clock that was put back");
    }

    #[test]
    fn without_bounds_a_wave_is_through_when_its_last_device_was_heard() {
        let mut work = hourly(3);
        work.add(at(0), Some(Contact { next: at(9000), interval: HOUR }), None, None);
        work.add(at(0), None, None, None);
        assert_eq!(work.through(&pace(), 5, 5), Some(at(9000)));
        assert_eq!((work.heard(), work.silent()), (4, 1));
        assert_eq!(WaveWork::default().through(&pace(), 0, 0), None, "nobody can tell");
    }

    #[test]
    fn ten_at_a_time_take_as_many_contacts_as_there_are_rounds() {
        let capped = Pace { concurrency: Some(10), ..pace() };
        assert_eq!(hourly(10).through(&capped, 10, 10), Some(at(1800)), "all at once");
        assert_eq!(hourly(11).through(&capped, 11, 11), Some(at(2 * 3600)));
        assert_eq!(hourly(100).through(&capped, 10_000, 100), Some(at(1_000 * 3600)), "of a share of them");
        let mut silent = hourly(10);
        silent.add(at(0), None, None, None);
        let late = silent.through(&capped, 11, 11).unwrap();
        assert!(late > at(2 * 3600), "who says nothing keeps its place: {late}");
        let mut connected = WaveWork::default();
        for _ in 0..100 {
            connected.add(at(0), Some(Contact { next: at(0), interval: Duration::ZERO }), None, None);
        }
        assert_eq!(connected.through(&capped, 100, 100), Some(at(0)));
    }

    #[test]
    fn a_download_rate_is_shared_and_the_largest_share_decides() {
        let slow = Pace { rate: Some(1_000_000), ..pace() };
        assert_eq!(hourly(100).through(&slow, 10_000, 100), Some(at(1_000_000)));
        let mut sites = WaveWork::default();
        for (site, count) in [("a", 1), ("b", 40)] {
            for _ in 0..count {
                let contact = Some(Contact { next: at(10), interval: HOUR });
                sites.add(at(0), contact, None, Some(site.to_owned()));
            }
        }
        assert_eq!(sites.through(&slow, 41, 41), Some(at(4_000)));
    }

    #[test]
    fn what_does_not_fit_into_one_window_goes_on_in_the_next() {
        let window =
            MaintenanceWindow { schedule: "0 2 * * *".parse().unwrap(), duration: 2 * HOUR, zone: None };
        let opens = at(2 * 3600);
        let mut work = WaveWork::default();
        for _ in 0..5 {
            work.add(opens, Some(Contact { next: opens.plus(HOUR), interval: HOUR }), Some("UTC"), None);
        }
        let capped = Pace { concurrency: Some(1), window: Some(&window), ..pace() };
        // Two hours in each of two nights, one in the third.
        assert_eq!(work.through(&capped, 5, 5), Some(at((2 * 24 + 3) * 3600)));
        let once = MaintenanceWindow { schedule: "0 0 2 1 1 ? 1970".parse().unwrap(), ..window.clone() };
        assert_eq!(work.through(&Pace { window: Some(&once), ..capped }, 5, 5), None, "no window is left");
    }
}
