//! Maintenance windows: the times in which an update may be installed, in the device's own time zone.
//!
//! A schedule says when windows open: five fields as in cron (`0 2 * * SAT`), or six to seven with seconds first as in
//! Quartz and hawkBit (`0 0 2 ? * SAT`), where weekdays count from 1 for Sunday. Knows no device but for its zone.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use croner::parser::CronParser;
use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::time::Timestamp;

/// Longest schedule, in bytes.
pub const SCHEDULE_BYTES: usize = 128;
/// Longest window.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Most openings that a forecast looks ahead.
pub const MOST_OPENINGS: u32 = 1_000;
/// Attribute of a device that names its time zone.
pub const ZONE_ATTRIBUTE: &str = "timezone";

/// A time zone: an IANA name such as `Europe/Berlin`, or an offset such as `+02:00`. Kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    text: String,
    zone: TimeZone,
}

/// Why a text is no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("time zone must be an IANA name such as Europe/Berlin, or an offset such as +02:00")]
pub struct InvalidZone;

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { text: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// `+HH:MM` or `-HH:MM`.
fn offset(text: &str) -> Option<TimeZone> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    if hours > 18 || minutes > 59 {
        return None;
    }
    let seconds = sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60);
    jiff::tz::Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

impl FromStr for Zone {
    type Err = InvalidZone;

    fn from_str(text: &str) -> Result<Self, InvalidZone> {
        if text.is_empty() || text.len() > 64 {
            return Err(InvalidZone);
        }
        let zone = match text {
            "UTC" | "Z" => TimeZone::UTC,
            _ => match offset(text) {
                Some(zone) => zone,
                None => TimeZone::get(text).map_err(|_| InvalidZone)?,
            },
        };
        Ok(Self { text: text.to_owned(), zone })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// When windows open. Equal if written the same.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    /// One for each time of day that it lists, so that each opens once where clocks change; else the whole of it.
    crons: Vec<Cron>,
}

/// Most times of day that are taken apart.
const MOST_TIMES: usize = 48;

/// The schedule once for each of the hours and minutes that it lists. Itself where it has a range, a step or all of
/// them: such a one follows the clock on the wall also where an hour is skipped or comes twice.
fn times_of_day(fields: &[&str]) -> Vec<String> {
    let minute = usize::from(fields.len() > 5);
    let hour = minute + 1;
    let list = |place: usize| -> Vec<&str> {
        let values: Vec<&str> = fields.get(place).into_iter().flat_map(|field| field.split(',')).collect();
        let plain = values.iter().all(|value| value.parse::<u8>().is_ok());
        if plain { values } else { Vec::new() }
    };
    let (minutes, hours) = (list(minute), list(hour));
    if !(1..=MOST_TIMES).contains(&(minutes.len() * hours.len())) {
        return vec![fields.join(" ")];
    }
    let at = |one: &str, other: &str| {
        let mut fields = fields.to_vec();
        for (place, value) in [(minute, one), (hour, other)] {
            if let Some(field) = fields.get_mut(place) {
                *field = value;
            }
        }
        fields.join(" ")
    };
    hours.iter().flat_map(|hour| minutes.iter().map(|minute| at(minute, hour))).collect()
}

impl Schedule {
    /// The opening at this time or the last one before it.
    fn last(&self, local: &Zoned) -> Option<Zoned> {
        let each = self.crons.iter().filter_map(|cron| cron.find_previous_occurrence(local, true).ok());
        each.max_by_key(Zoned::timestamp)
    }

    /// The first opening after this time.
    fn next(&self, local: &Zoned) -> Option<Zoned> {
        let each = self.crons.iter().filter_map(|cron| cron.find_next_occurrence(local, false).ok());
        each.min_by_key(Zoned::timestamp)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be five cron fields such as 0 2 * * SAT, or six to seven with seconds first such as 0 0 2 ? * SAT: {0}"
)]
pub struct InvalidSchedule(String);

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        if text.len() > SCHEDULE_BYTES {
            return Err(InvalidSchedule(format!("longer than {SCHEDULE_BYTES} bytes")));
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        if !(5..=7).contains(&fields.len()) {
            return Err(InvalidSchedule(format!("it has {} fields", fields.len())));
        }
        let parser = CronParser::builder()
            .alternative_weekdays(fields.len() > 5)
            .dom_and_dow(fields.len() > 5)
            .sloppy_ranges(true)
            .build();
        let crons = times_of_day(&fields).iter().map(|text| parser.parse(text)).collect::<Result<_, _>>();
        let crons = crons.map_err(|error| InvalidSchedule(error.to_string()))?;
        Ok(Self { text: text.to_owned(), crons })
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Times in which work may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaintenanceWindow {
    /// When one opens.
    pub schedule: Schedule,
    /// How long it stays open.
    pub duration: Duration,
    /// Whose clock the schedule means; none: the device's attribute `timezone`, and UTC for devices without it.
    pub zone: Option<Zone>,
}

/// How a window stands at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowState {
    /// Work may be done.
    Open {
        /// Since then.
        since: Timestamp,
        /// Until then.
        until: Timestamp,
    },
    /// Not now.
    Closed {
        /// The next opening.
        opens: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// Not now and never again.
    NoneLeft,
}

impl WindowState {
    /// Whether work may be done.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

impl MaintenanceWindow {
    /// The zone that counts for a device with this `timezone` attribute. One that cannot be read counts as UTC.
    pub fn zone_for(&self, attribute: Option<&str>) -> Zone {
        self.zone.clone().or_else(|| attribute.and_then(|text| text.parse().ok())).unwrap_or_else(Zone::utc)
    }

    /// When it opens, in words, with the zone that counts for a device with this `timezone` attribute and why it does.
    pub fn words_for(&self, attribute: Option<&str>) -> String {
        let zone = match (&self.zone, attribute, self.zone_for(attribute)) {
            (Some(own), _, _) => own.to_string(),
            (None, None, utc) => format!("{utc}, since the device has no attribute {ZONE_ATTRIBUTE}"),
            (None, Some(text), zone) if zone.as_str() == text => format!("{zone}, the device's time zone"),
            (None, Some(text), utc) => {
                let text: String = text.chars().take(64).collect();
                format!("{utc}, since the device's time zone `{text}` is unknown")
            }
        };
        format!("{} for {} in {zone}", self.schedule, self.lasts())
    }

    fn lasts(&self) -> String {
        match self.duration.as_secs() {
            seconds @ 0..60 => format!("{seconds} s"),
            seconds => format!("{} min", seconds.div_ceil(60)),
        }
    }

    /// How it stands for a device with this `timezone` attribute.
    pub fn state(&self, attribute: Option<&str>, now: Timestamp) -> WindowState {
        self.state_in(&self.zone_for(attribute), now)
    }

    /// How it stands in this zone.
    pub fn state_in(&self, zone: &Zone, now: Timestamp) -> WindowState {
        let Ok(instant) = jiff::Timestamp::from_microsecond(now.micros()) else {
            return WindowState::NoneLeft;
        };
        let local = instant.to_zoned(zone.zone.clone());
        let at = |time: Zoned| Timestamp::from_micros(time.timestamp().as_microsecond());
        if let Some(last) = self.schedule.last(&local) {
            let since = at(last);
            let until = since.plus(self.duration);
            if until > now {
                return WindowState::Open { since, until };
            }
        }
        match self.schedule.next(&local) {
            Some(next) => {
                let opens = at(next);
                WindowState::Closed { opens, until: opens.plus(self.duration) }
            }
            None => WindowState::NoneLeft,
        }
    }
}

impl MaintenanceWindow {
    /// When work that needs so long and begins at `from` at the earliest would be done, for a device with this `timezone`
    /// attribute: what one window has no time for waits for the next. None if no window is left, or if it takes more
    /// than [`MOST_OPENINGS`].
    pub fn after(&self, attribute: Option<&str>, from: Timestamp, needed: Duration) -> Option<Timestamp> {
        let zone = self.zone_for(attribute);
        let (mut at, mut left) = (from, needed);
        for _ in 0..MOST_OPENINGS {
            let until = match self.state_in(&zone, at) {
                WindowState::Open { since: _, until } => until,
                WindowState::Closed { opens, until } => {
                    at = opens;
                    until
                }
                WindowState::NoneLeft => return None,
            };
            let open = until.since(at);
            if left <= open {
                return Some(at.plus(left));
            }
            left = left.saturating_sub(open);
            at = until;
        }
        None
    }
}

impl fmt::Display for MaintenanceWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = self.zone.as_ref().map_or("the device's time zone", |zone| zone.as_str());
        write!(f, "{} for {} in {zone}", self.schedule, self.lasts())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(schedule: &str, hours: u64, zone: Option<&str>) -> MaintenanceWindow {
        MaintenanceWindow {
            schedule: schedule.parse().unwrap(),
            duration: Duration::from_secs(hours * 3600),
            zone: zone.map(|zone| zone.parse().unwrap()),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_opens_and_closes_in_the_zone_of_the_device() {
        let nights = window("0 2 * * *", 3, None);
        let state = nights.state(Some("Europe/Berlin"), at("2026-01-10T00:59:59Z"));
        assert_eq!(
            state,
            WindowState::Closed { opens: at("2026-01-10T01:00:00Z"), until: at("2026-01-10T04:00:00Z") }
        );
        let state = nights.state(Some("Europe/Berlin"), at("2026-01-10T01:00:00Z"));
        assert_eq!(
            state,
            WindowState::Open { since: at("2026-01-10T01:00:00Z"), until: at("2026-01-10T04:00:00Z") }
        );
        assert!(!nights.state(Some("Europe/Berlin"), at("2026-01-10T04:00:00Z")).is_open());
        assert!(nights.state(None, at("2026-01-10T04:00:00Z")).is_open(), "without a zone it is UTC");
        assert!(nights.state(Some("no such"), at("2026-01-10T04:00:00Z")).is_open());
        let fixed = window("0 2 * * *", 3, Some("-05:00"));
        assert!(fixed.state(Some("Europe/Berlin"), at("2026-01-10T07:30:00Z")).is_open());
    }

    /// When a window that is closed at `now` opens, for a device with this zone.
    fn opens(window: &MaintenanceWindow, zone: Option<&str>, now: &str) -> Timestamp {
        match window.state(zone, at(now)) {
            WindowState::Closed { opens, .. } => opens,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_window_that_would_open_in_the_hour_that_is_skipped_opens_right_after_it_and_once() {
        // Berlin skips 02:00 to 03:00 on 2026-03-29: 01:00 in UTC is 03:00 there.
        let nights = window("30 2 * * *", 1, Some("Europe/Berlin"));
        assert_eq!(opens(&nights, None, "2026-03-29T00:00:00Z"), at("2026-03-29T01:00:00Z"));
        let (since, until) = (at("2026-03-29T01:00:00Z"), at("2026-03-29T02:00:00Z"));
        let in_it = nights.state(None, at("2026-03-29T01:59:59Z"));
        assert_eq!(in_it, WindowState::Open { since, until });
        assert_eq!(opens(&nights, None, "2026-03-29T02:00:00Z"), at("2026-03-30T00:30:00Z"));
    }

    #[test]
    fn a_window_in_the_hour_that_comes_twice_opens_once() {
        // Berlin has 02:00 to 03:00 twice on 2026-10-25: 00:30 and 01:30 in UTC are both 02:30 there.
        let nights = window("30 2 * * *", 1, Some("Europe/Berlin"));
        assert_eq!(opens(&nights, None, "2026-10-25T00:00:00Z"), at("2026-10-25T00:30:00Z"));
        assert!(nights.state(None, at("2026-10-25T01:29:59Z")).is_open());
        assert_eq!(opens(&nights, None, "2026-10-25T01:30:00Z"), at("2026-10-26T01:30:00Z"));
    }

    #[test]
    fn each_of_several_times_of_day_opens_once_where_clocks_change() {
        let berlin = Some("Europe/Berlin");
        for schedule in ["0 2,14 * * *", "0 0 2,14 ? * *"] {
            let twice = window(schedule, 1, berlin);
            assert_eq!(opens(&twice, None, "2026-03-28T20:00:00Z"), at("2026-03-29T01:00:00Z"), "{schedule}");
            assert_eq!(opens(&twice, None, "2026-03-29T02:00:00Z"), at("2026-03-29T12:00:00Z"), "{schedule}");
            let in_it = twice.state(None, at("2026-10-25T00:30:00Z"));
            let (since, until) = (at("2026-10-25T00:00:00Z"), at("2026-10-25T01:00:00Z"));
            assert_eq!(in_it, WindowState::Open { since, until }, "{schedule}");
            assert_eq!(opens(&twice, None, "2026-10-25T01:00:00Z"), at("2026-10-25T13:00:00Z"), "{schedule}");
        }
        let halves = window("0,30 2 * * *", 1, berlin);
        assert_eq!(opens(&halves, None, "2026-03-28T20:00:00Z"), at("2026-03-29T01:00:00Z"));
        let hourly = window("0 * * * *", 1, berlin);
        assert!(hourly.state(None, at("2026-10-25T01:30:00Z")).is_open(), "every hour is every hour");
    }

    #[test]
    fn a_window_over_a_change_of_the_clock_stays_open_as_long_as_ever() {
        let nights = window("0 1 * * *", 4, Some("Europe/Berlin"));
        let spring = nights.state(None, at("2026-03-29T02:00:00Z"));
        let (since, until) = (at("2026-03-29T00:00:00Z"), at("2026-03-29T04:00:00Z"));
        assert_eq!(spring, WindowState::Open { since, until });
        let autumn = nights.state(None, at("2026-10-25T02:00:00Z"));
        let (since, until) = (at("2026-10-24T23:00:00Z"), at("2026-10-25T03:00:00Z"));
        assert_eq!(autumn, WindowState::Open { since, until });
    }

    #[test]
    fn the_zone_of_a_device_follows_its_summer_time_and_an_offset_does_not() {
        let nights = window("0 2 * * *", 1, None);
        for (zone, summer, winter) in [
            ("Europe/Berlin", "2026-07-02T00:00:00Z", "2026-12-02T01:00:00Z"),
            ("+02:00", "2026-07-02T00:00:00Z", "2026-12-02T00:00:00Z"),
            ("America/New_York", "2026-07-02T06:00:00Z", "2026-12-02T07:00:00Z"),
        ] {
            assert_eq!(opens(&nights, Some(zone), "2026-07-01T12:00:00Z"), at(summer), "{zone}");
            assert_eq!(opens(&nights, Some(zone), "2026-12-01T12:00:00Z"), at(winter), "{zone}");
        }
    }

    #[test]
    fn work_that_is_longer_than_a_window_goes_on_in_the_next_ones_and_not_for_ever() {
        let nights = window("0 2 * * *", 2, Some("UTC"));
        let from = at("2026-01-10T00:00:00Z");
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        assert_eq!(nights.after(None, from, hours(0)), Some(at("2026-01-10T02:00:00Z")));
        assert_eq!(nights.after(None, from, hours(2)), Some(at("2026-01-10T04:00:00Z")));
        assert_eq!(nights.after(None, from, hours(5)), Some(at("2026-01-12T03:00:00Z")));
        assert_eq!(nights.after(None, from, hours(1_000_000)), None);
        assert_eq!(nights.after(None, from, Duration::MAX), None);
    }

    #[test]
    fn quartz_schedules_count_weekdays_from_sunday_and_take_question_marks() {
        // 2026-01-10 is a Saturday: the seventh day for Quartz, the sixth for cron.
        let quartz = window("0 0 2 ? * 7", 1, Some("UTC"));
        assert!(quartz.state(None, at("2026-01-10T02:30:00Z")).is_open());
        let cron = window("0 2 * * 6", 1, Some("UTC"));
        assert!(cron.state(None, at("2026-01-10T02:30:00Z")).is_open());
        assert!(!cron.state(None, at("2026-01-11T02:30:00Z")).is_open());
        assert!("0 0/10 * ? * * 2099".parse::<Schedule>().is_ok());
    }

    #[test]
    fn words_for_a_device_name_the_zone_that_counts_and_why() {
        let nights = window("0 2 * * *", 3, None);
        for (attribute, zone) in [
            (Some("Europe/Berlin"), "in Europe/Berlin, the device's time zone"),
            (Some("Europe/Berln"), "in UTC, since the device's time zone `Europe/Berln` is unknown"),
            (Some(""), "in UTC, since the device's time zone `` is unknown"),
            (Some("UTC"), "in UTC, the device's time zone"),
            (None, "in UTC, since the device has no attribute timezone"),
        ] {
            assert_eq!(nights.words_for(attribute), format!("0 2 * * * for 180 min {zone}"));
        }
        let fixed = window("0 2 * * *", 3, Some("-05:00"));
        assert_eq!(fixed.words_for(Some("Europe/Berln")), "0 2 * * * for 180 min in -05:00");
        assert!(nights.words_for(Some(&"x".repeat(1_000))).len() < 160, "what is unknown may be long");
    }

    #[test]
    fn a_schedule_in_the_past_has_no_occurrence_left() {
        let once = window("0 0 2 10 1 ? 2025", 1, Some("UTC"));
        assert_eq!(once.state(None, at("2026-01-10T02:30:00Z")), WindowState::NoneLeft);
        assert!(once.state(None, at("2025-01-10T02:59:59Z")).is_open());
    }

    #[test]
    fn what_is_no_schedule_or_zone_is_refused_with_an_example() {
        for text in ["", "0 2 * *", "61 * * * *", "* * * * * * * *", "every day", &"*".repeat(200)] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains("0 2 * * SAT"), "{error}");
        }
        for text in ["", "Mars/Olympus", "+2", "+19:00", "+01:60", "../etc/passwd"] {
            assert!(text.parse::<Zone>().is_err(), "{text}");
        }
        assert!("Europe/Berlin".parse::<Zone>().is_ok());
        assert!("-03:30".parse::<Zone>().is_ok());
    }
}
