//! Who is told of alerts, and how often: channels, their addresses, retries, and the grouping of many into one.
//!
//! Knows neither HTTP nor SMTP.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::alert::AlertKind;
use crate::device::words;
use crate::event::Severity;
use crate::ids::InvalidName;
use crate::time::Timestamp;

words!(
    /// What a notification tells.
    Telling {
        /// An alert opened.
        Opened = "opened",
        /// An alert closed.
        Closed = "closed",
        /// How many more alerts opened and closed than were told one by one.
        More = "more",
        /// Nothing; somebody tries the channel.
        Test = "test",
    }
);

words!(
    /// Where a notification stands.
    DeliveryState {
        /// Not taken yet; tried again at a known time.
        Waiting = "waiting",
        /// Taken by the receiver.
        Delivered = "delivered",
        /// Given up.
        Failed = "failed",
    }
);

/// An e-mail address: one address, no name, no comments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = InvalidName { what: "e-mail address", rule: "one address such as ops@example.com" };
        let (local, domain) = text.rsplit_once('@').ok_or(invalid.clone())?;
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        let local_fits =
            local.len() <= 64 && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom));
        let label = |part: &str| {
            !part.is_empty()
                && part.len() <= 63
                && !part.starts_with('-')
                && !part.ends_with('-')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        let domain_fits = domain.len() <= 253 && domain.split('.').all(label);
        if local_fits && domain_fits { Ok(Self(text.to_owned())) } else { Err(invalid) }
    }
}

/// What a channel wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// These kinds; empty is all.
    pub alerts: Vec<AlertKind>,
    /// Nothing that matters less.
    pub minimum: Severity,
}

impl Interest {
    /// Whether the channel wants to hear of such an alert.
    pub fn covers(&self, kind: AlertKind, severity: Severity) -> bool {
        severity >= self.minimum && (self.alerts.is_empty() || self.alerts.contains(&kind))
    }
}

/// How long a notification is tried.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);
const FIRST_TRIES: [u64; 4] = [5, 30, 120, 300];
const LATER_TRIES: u64 = 900;

/// When a notification that failed is tried again; none when it is given up. `tries` have been made.
pub fn next_try(tries: u32, created_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let place = usize::try_from(tries.max(1) - 1).unwrap_or(usize::MAX);
    let wait = FIRST_TRIES.get(place).copied().unwrap_or(LATER_TRIES);
    let at = now.plus(Duration::from_secs(wait));
    (at.since(created_at) <= GIVE_UP_AFTER).then_some(at)
}

/// A channel is told of this many alerts one by one …
pub const ONE_BY_ONE: i64 = 20;
/// … within this time; the rest is counted and told in one.
pub const WITHIN: Duration = Duration::from_secs(60);

/// What is not told one by one: how many of each kind opened and closed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rest {
    /// Opened, by kind.
    pub opened: std::collections::BTreeMap<AlertKind, u64>,
    /// Closed, by kind.
    pub closed: std::collections::BTreeMap<AlertKind, u64>,
}

impl Rest {
    /// Counts one more.
    pub fn count(&mut self, kind: AlertKind, opened: bool) {
        let counts = if opened { &mut self.opened } else { &mut self.closed };
        let count = counts.entry(kind).or_default();
        *count = count.saturating_add(1);
    }

    /// How many there are in all.
    pub fn total(&self) -> u64 {
        self.opened.values().chain(self.closed.values()).fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// `1234567` → `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl fmt::Display for Rest {
    /// "4,213 more alerts opened (deviceOverdue 4,213) and 1 closed (diskLow 1)"
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |counts: &std::collections::BTreeMap<AlertKind, u64>| {
            let total = counts.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
            let kinds: Vec<String> =
                counts.iter().map(|(kind, count)| format!("{kind} {}", grouped(*count))).collect();
            (total, kinds.join(", "))
        };
        let ((opened, opened_kinds), (closed, closed_kinds)) = (part(&self.opened), part(&self.closed));
        match (opened, closed) {
            (_, 0) => write!(f, "{} more alerts opened ({opened_kinds})", grouped(opened)),
            (0, _) => write!(f, "{} more alerts closed ({closed_kinds})", grouped(closed)),
            (_, _) => write!(
                f,
                "{} more alerts opened ({opened_kinds}) and {} closed ({closed_kinds})",
                grouped(opened),
                grouped(closed)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_plain_address() {
        for good in ["ops@example.com", "a.b+c@sub.example.org", "o'neil@localhost", "x@10-0.example"] {
            assert_eq!(good.parse::<EmailAddress>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "ops",
            "@example.com",
            "ops@",
            "ops@example.com\r\nBcc: all@example.com",
            "ops@example.com, all@example.com",
            "Ops <ops@example.com>",
            "\"a b\"@example.com",
            "ops@exa mple.com",
            "o..ps@example.com",
            "ops@-x.com",
            "ops@example..com",
            "öps@example.com",
        ] {
            assert!(bad.parse::<EmailAddress>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn tries_come_less_and_less_often_and_end_after_a_day() {
        let start = Timestamp::from_seconds(0);
        let (mut now, mut tries, mut waits) = (start, 0, Vec::new());
        loop {
            tries += 1;
            let Some(next) = next_try(tries, start, now) else { break };
            waits.push(next.since(now).as_secs());
            now = next;
        }
        assert_eq!(waits[..6], [5, 30, 120, 300, 900, 900]);
        assert!(now.since(start) <= GIVE_UP_AFTER && now.since(start) > GIVE_UP_AFTER / 2);
        assert!((90..=100).contains(&tries), "{tries}");
    }

    #[test]
    fn a_channel_hears_of_what_it_wants() {
        let all = Interest { alerts: vec![], minimum: Severity::Info };
        let some = Interest { alerts: vec![AlertKind::DiskLow], minimum: Severity::Error };
        assert!(all.covers(AlertKind::DeviceOverdue, Severity::Info));
        assert!(some.covers(AlertKind::DiskLow, Severity::Error));
        assert!(!some.covers(AlertKind::DiskLow, Severity::Warning));
        assert!(!some.covers(AlertKind::BackupFailed, Severity::Error));
    }

    #[test]
    fn many_alerts_are_one_sentence() {
        let mut rest = Rest::default();
        for _ in 0..4_213 {
            rest.count(AlertKind::DeviceOverdue, true);
        }
        assert_eq!(rest.to_string(), "4,213 more alerts opened (deviceOverdue 4,213)");
        rest.count(AlertKind::DiskLow, false);
        assert_eq!(
            rest.to_string(),
            "4,213 more alerts opened (deviceOverdue 4,213) and 1 closed (diskLow 1)"
        );
        assert_eq!(rest.total(), 4_214);
    }
}
