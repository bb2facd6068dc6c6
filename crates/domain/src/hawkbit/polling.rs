//! How long a device waits until it asks again: a base time, overrides by fleet query, jitter, and shorter before a
//! maintenance window opens.

use std::time::Duration;

use crate::time::Timestamp;

/// Longest poll time: clients read it as a time of day.
const LONGEST: Duration = Duration::from_secs(24 * 3600 - 1);

/// Reads `HH:MM:SS` or ISO 8601 (`PT5M`): whole seconds below a day.
///
/// # Errors
/// A sentence of what is allowed.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let allowed = || "must be HH:MM:SS or an ISO 8601 duration such as PT5M, below 24 hours".to_owned();
    let text = text.trim();
    let seconds = match clock_parts(text) {
        Some((hours, minutes, seconds)) => hours * 3600 + minutes * 60 + seconds,
        None if text.starts_with(['P', 'p']) => {
            let span: jiff::SignedDuration = text.parse().map_err(|_| allowed())?;
            u64::try_from(span.as_secs()).map_err(|_| allowed())?
        }
        None => return Err(allowed()),
    };
    let read = Duration::from_secs(seconds);
    if read <= LONGEST { Ok(read) } else { Err(allowed()) }
}

fn clock_parts(text: &str) -> Option<(u64, u64, u64)> {
    let mut parts = text.split(':');
    let mut next = |most: u64| {
        let part = parts.next()?;
        let digits = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u64>().ok().filter(|number| digits && *number <= most)
    };
    let read = (next(23)?, next(59)?, next(59)?);
    parts.next().is_none().then_some(read)
}

/// `HH:MM:SS`, always eight characters: clients compare lengths.
pub fn clock_time(span: Duration) -> String {
    let seconds = span.min(LONGEST).as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A poll time with its jitter: `00:05:00~10%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollInterval {
    /// Without jitter.
    pub base: Duration,
    /// How much longer or shorter it may be, in percent of the base.
    pub jitter: u8,
}

impl PollInterval {
    fn parse(text: &str) -> Result<Self, String> {
        let (base, jitter) = match text.trim().split_once('~') {
            None => (text, 0),
            Some((base, percent)) => {
                let percent = percent.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok());
                let allowed = || "the part after ~ must be 0% to 100%".to_owned();
                (base, percent.filter(|percent: &u8| *percent <= 100).ok_or_else(allowed)?)
            }
        };
        Ok(Self { base: parse_duration(base)?, jitter })
    }

    /// The time for one device: `random` (any number) decides where within the jitter.
    fn spread(self, random: u64) -> Duration {
        let reach = self.base.as_secs().saturating_mul(u64::from(self.jitter)) / 100;
        let width = reach.saturating_mul(2).saturating_add(1);
        let seconds = (self.base.as_secs().saturating_sub(reach)).saturating_add(random % width);
        Duration::from_secs(seconds)
    }
}

/// The setting `pollingTime`: `00:05:00~10%, tag==lab -> 00:00:30, group==eu -> 01:00:00`; the first query that a
/// device matches decides. Queries are text here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollSchedule {
    /// For whoever matches none.
    pub base: PollInterval,
    /// Fleet query and its time, in order.
    pub overrides: Vec<(String, PollInterval)>,
}

/// Most overrides of one tenant.
const MOST_OVERRIDES: usize = 20;

impl PollSchedule {
    /// Reads the setting.
    ///
    /// # Errors
    /// A sentence of what is wrong and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (base, mut rest) = text.split_once(',').map_or((text, None), |(base, rest)| (base, Some(rest)));
        let base = PollInterval::parse(base)?;
        let mut overrides = Vec::new();
        // A query may hold commas: it ends at the arrow, and only the time after it ends at a comma.
        while let Some(part) = rest {
            let (query, after) = part
                .split_once("->")
                .ok_or_else(|| format!("`{}` must be `query -> HH:MM:SS`", part.trim()))?;
            let (interval, next) =
                after.split_once(',').map_or((after, None), |(interval, next)| (interval, Some(next)));
            if query.trim().is_empty() {
                return Err("a fleet query must stand before each ->".to_owned());
            }
            overrides.push((query.trim().to_owned(), PollInterval::parse(interval)?));
            rest = next;
        }
        if overrides.len() > MOST_OVERRIDES {
            return Err(format!("must have at most {MOST_OVERRIDES} overrides"));
        }
        Ok(Self { base, overrides })
    }

    /// Every time that the schedule names.
    pub fn intervals(&self) -> impl Iterator<Item = PollInterval> {
        std::iter::once(self.base).chain(self.overrides.iter().map(|(_, interval)| *interval))
    }
}

/// A maintenance window that is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// When it opens.
    pub opens_at: Timestamp,
    /// How often a device should ask before that.
    pub polls: u32,
}

impl PollInterval {
    /// How long a device is to wait: the base with jitter, less before a window, never below `least`.
    pub fn sleep(self, window: Option<Window>, least: Duration, random: u64, now: Timestamp) -> Duration {
        let usual = self.spread(random);
        let sleep = match window {
            Some(Window { opens_at, polls }) if opens_at > now => {
                // One more second: a device that comes on time must find the window open.
                let until = opens_at.since(now).saturating_add(Duration::from_secs(1));
                usual.min(Duration::from_secs((until / polls.max(1)).as_secs()))
            }
            Some(_) | None => usual,
        };
        sleep.clamp(least.min(LONGEST), LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn durations_are_read_in_both_forms() {
        for (text, wanted) in
            [("00:05:00", 300), ("1:2:3", 3723), ("23:59:59", 86_399), ("PT5M", 300), ("pt1h30s", 3630)]
        {
            assert_eq!(parse_duration(text), Ok(seconds(wanted)), "{text}");
        }
        for bad in
            ["", "5", "24:00:00", "00:60:00", "00:00:-1", "00:00:00:00", "P1D", "PT-5M", "-PT5M", "+1:0:0"]
        {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_poll_time_always_has_eight_characters() {
        for (span, wanted) in [(0, "00:00:00"), (30, "00:00:30"), (86_399, "23:59:59"), (200_000, "23:59:59")]
        {
            assert_eq!(clock_time(seconds(span)), wanted);
        }
    }

    #[test]
    fn overrides_may_hold_commas_in_their_queries() {
        let text = "00:05:00~10%, tag==lab,tag==test -> 00:00:30, group==eu -> 01:00:00~5%";
        let schedule = PollSchedule::parse(text).unwrap();
        assert_eq!(schedule.base, PollInterval { base: seconds(300), jitter: 10 });
        assert_eq!(
            schedule.overrides,
            [
                ("tag==lab,tag==test".to_owned(), PollInterval { base: seconds(30), jitter: 0 }),
                ("group==eu".to_owned(), PollInterval { base: seconds(3600), jitter: 5 }),
            ]
        );
        for bad in
            ["", "00:05:00~", "00:05:00~101%", "00:05:00,", "00:05:00, -> 00:01:00", "00:05:00, a==b -> x"]
        {
            assert!(PollSchedule::parse(bad).is_err(), "{bad}");
        }
        let many = format!("00:05:00{}", ", a==b -> 00:01:00".repeat(21));
        assert!(PollSchedule::parse(&many).unwrap_err().contains("20"));
    }

    #[test]
    fn jitter_stays_within_its_share() {
        let interval = PollInterval { base: seconds(100), jitter: 10 };
        let all: Vec<_> =
            (0..100).map(|n| interval.sleep(None, seconds(30), n, Timestamp::from_seconds(0))).collect();
        assert_eq!((all.iter().min(), all.iter().max()), (Some(&seconds(90)), Some(&seconds(110))));
    }

    #[test]
    fn the_poll_time_shrinks_towards_a_window_and_ends_in_it() {
        let interval = PollInterval { base: seconds(3600), jitter: 0 };
        let opens_at = Timestamp::from_seconds(10_000);
        let window = Some(Window { opens_at, polls: 3 });
        let (mut now, mut polls) = (Timestamp::from_seconds(0), 0);
        while now < opens_at {
            let sleep = interval.sleep(window, seconds(30), 0, now);
            assert!(sleep >= seconds(30) && sleep <= seconds(3600));
            now = now.plus(sleep);
            polls += 1;
            assert!(polls < 100, "it gets there");
        }
        assert!(now.since(opens_at) <= seconds(30), "it comes soon after the opening, not {now}");
        assert_eq!(interval.sleep(window, seconds(30), 0, opens_at), seconds(3600));
        for (before, told) in [(100, 33), (85, 30), (60, 30), (31, 30), (5, 30)] {
            let now = Timestamp::from_seconds(10_000 - before);
            assert_eq!(interval.sleep(window, seconds(30), 0, now), seconds(told), "{before} s before it");
        }
    }
}
