//! What is wrong and open: which conditions are alerts, their sentences, and when they open and close.
//!
//! Knows neither where conditions are observed nor who is told of them (that is [`crate::notify`]).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::device::words;
use crate::event::Severity;
use crate::ids::{ClaimId, DeviceId, DeviceName, InvalidName, JobId};
use crate::job::Halt;
use crate::time::Timestamp;

words!(
    /// What is wrong.
    AlertKind {
        /// A device was not heard for longer than its type allows.
        DeviceOverdue = "deviceOverdue",
        /// A job was stopped by its failure threshold.
        RolloutStopped = "rolloutStopped",
        /// A certificate is near its end and nobody renews it.
        CertificateExpiring = "certificateExpiring",
        /// Free disk space is below the bound: telemetry and uploads are refused.
        DiskLow = "diskLow",
        /// A device waits for somebody to let it in.
        DevicePending = "devicePending",
        /// The last backup failed.
        BackupFailed = "backupFailed",
    }
);

/// What an alert is about. `Display` is the key: two conditions of one kind and key are one alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum About {
    /// A device.
    Device(DeviceId),
    /// A job.
    Job(JobId),
    /// A claim.
    Claim(ClaimId),
    /// An entry of the pending queue.
    Pending(i64),
    /// The server.
    Server,
    /// The certificate that an operator gave to the console port.
    Console,
}

impl About {
    /// The device, if it is one.
    pub const fn device(&self) -> Option<DeviceId> {
        match self {
            Self::Device(id) => Some(*id),
            Self::Job(_) | Self::Claim(_) | Self::Pending(_) | Self::Server | Self::Console => None,
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(id) => write!(f, "device:{id}"),
            Self::Job(id) => write!(f, "job:{id}"),
            Self::Claim(id) => write!(f, "claim:{id}"),
            Self::Pending(id) => write!(f, "pending:{id}"),
            Self::Server => f.write_str("server"),
            Self::Console => f.write_str("console"),
        }
    }
}

impl FromStr for About {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let unknown = InvalidName { what: "alert key", rule: "written by this server" };
        match (text, text.split_once(':')) {
            ("server", _) => Ok(Self::Server),
            ("console", _) => Ok(Self::Console),
            (_, Some(("device", id))) => id.parse().map(Self::Device),
            (_, Some(("job", id))) => id.parse().map(Self::Job),
            (_, Some(("claim", id))) => id.parse().map(Self::Claim),
            (_, Some(("pending", id))) => id.parse().map(Self::Pending).map_err(|_| unknown),
            _ => Err(unknown),
        }
    }
}

/// Something that holds now and that people should know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What is wrong.
    pub kind: AlertKind,
    /// With what.
    pub about: About,
    /// How much it matters.
    pub severity: Severity,
    /// One line that reads alone.
    pub subject: String,
    /// What is known. Does not change while the condition stays as it is.
    pub detail: String,
    /// What to do.
    pub action: String,
}

/// How often a device is expected to be in contact, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Its type.
    ByType(Duration),
    /// The polling time that it was told; its type says nothing, or it has none.
    ByPolling(Duration),
    /// Nobody: what holds of devices without a type.
    Usually(Duration),
}

impl Expected {
    /// How often that is.
    pub const fn interval(self) -> Duration {
        match self {
            Self::ByType(every) | Self::ByPolling(every) | Self::Usually(every) => every,
        }
    }

    fn in_words(self) -> String {
        let seconds = self.interval().as_secs();
        match self {
            Self::ByType(_) => format!("Its type expects one every {seconds} s."),
            Self::ByPolling(_) => format!("Its polling time is {seconds} s."),
            Self::Usually(_) => format!("Of a device without a type one is expected every {seconds} s."),
        }
    }
}

/// Seconds are enough for people.
fn moment(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.seconds())
}

impl Condition {
    /// A device that is overdue.
    pub fn device_overdue(
        id: DeviceId,
        name: &DeviceName,
        last_contact: Option<Timestamp>,
        expected: Expected,
    ) -> Self {
        let last = last_contact.map_or_else(|| "never".to_owned(), |at| moment(at).to_string());
        Self {
            kind: AlertKind::DeviceOverdue,
            about: About::Device(id),
            severity: Severity::Warning,
            subject: format!("{name} is overdue"),
            detail: format!("Last contact: {last}. {}", expected.in_words()),
            action: format!(
                "Check power and network of the device; see why it does not connect: windlass device show {name}"
            ),
        }
    }

    /// A job that its failure threshold stopped.
    pub fn rollout_stopped(id: JobId, description: &str, halt: &Halt) -> Self {
        let title = if description.is_empty() { String::new() } else { format!(" ({description})") };
        Self {
            kind: AlertKind::RolloutStopped,
            about: About::Job(id),
            severity: Severity::Error,
            subject: format!("Rollout {id} stopped"),
            detail: format!("Job {id}{title} {halt}."),
            action: format!(
                "Look at the devices that failed (windlass job show {id}), then resume or cancel the job"
            ),
        }
    }

    /// A certificate near its end, or past it. `whose` begins a sentence: "The certificate of pump-1".
    pub fn certificate_expiring(
        about: About,
        whose: &str,
        not_after: Timestamp,
        now: Timestamp,
        action: &str,
    ) -> Self {
        let over = now >= not_after;
        let (verb, severity, until) = if over {
            ("has ended", Severity::Error, "It was good until")
        } else {
            ("is near its end", Severity::Warning, "It is good until")
        };
        Self {
            kind: AlertKind::CertificateExpiring,
            about,
            severity,
            subject: format!("{whose} {verb}"),
            detail: format!("{until} {}; nobody has renewed it.", moment(not_after)),
            action: action.to_owned(),
        }
    }

    /// A device that waits for somebody to let it in. `name`: what it wants to be called, if it says.
    pub fn device_pending(id: i64, name: Option<&str>, reason: &str, since: Timestamp) -> Self {
        let who = name.map_or_else(|| "A device".to_owned(), ToOwned::to_owned);
        Self {
            kind: AlertKind::DevicePending,
            about: About::Pending(id),
            severity: Severity::Warning,
            subject: format!("{who} waits to be let in"),
            detail: format!("Since {}: {reason}.", moment(since)),
            action: "Look at what it presents, then accept or reject it under Provisioning".to_owned(),
        }
    }

    /// The last backup of a node failed.
    pub fn backup_failed(node: &str, problem: &str, at: Timestamp, last_good: Option<Timestamp>) -> Self {
        let good = last_good.map_or_else(|| "never".to_owned(), |at| moment(at).to_string());
        Self {
            kind: AlertKind::BackupFailed,
            about: About::Server,
            severity: Severity::Error,
            subject: "The last backup failed".to_owned(),
            detail: format!("Node {node}, {}: {problem}. Last good backup: {good}.", moment(at)),
            action: "Mend what the detail says, then make a backup: windlass backup".to_owned(),
        }
    }

    /// Too little free disk space on this node.
    pub fn disk_low() -> Self {
        Self {
            kind: AlertKind::DiskLow,
            about: About::Server,
            severity: Severity::Error,
            subject: "The server's disk is almost full".to_owned(),
            detail:
                "Telemetry and uploads are refused and not acknowledged; state, revocation and jobs go on."
                    .to_owned(),
            action: "Free disk space on the server, or give the data directory a larger disk".to_owned(),
        }
    }
}

/// Certificates are near their end when less than this, or less than a sixth of their life, is left.
const NEAR: Duration = Duration::from_secs(30 * 24 * 3600);

/// The longest time before its end at which any certificate counts as near it.
pub const CERTIFICATE_NEAR: Duration = NEAR;

/// Whether a certificate is so near its end that whoever renews in time would have done so.
pub fn certificate_is_near(not_before: Timestamp, not_after: Timestamp, now: Timestamp) -> bool {
    not_after.since(now) < NEAR.min(not_after.since(not_before) / 6)
}

/// Whether a silent device counts against the device rather than against a server that did not listen: the server
/// has listened for as long as the device may be silent.
pub fn silence_counts(interval: Duration, listening_since: Timestamp, now: Timestamp) -> bool {
    now.since(listening_since) >= interval.saturating_mul(5) / 2
}

/// What to do about alerts of one kind: which conditions are new, which stand as they were or otherwise than they
/// were noted, which have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<I> {
    /// Conditions without an alert.
    pub began: Vec<Condition>,
    /// Alerts whose condition reads differently now.
    pub changed: Vec<(I, Condition)>,
    /// Alerts whose condition has ended.
    pub ended: Vec<I>,
}

/// Holds what is noted (its detail by key) against what holds now. Each answer is in the order of its input.
pub fn difference<I: Copy>(noted: &[(I, About, String)], holding: Vec<Condition>) -> Difference<I> {
    let by_key: BTreeMap<&About, (I, &str)> =
        noted.iter().map(|(id, about, detail)| (about, (*id, detail.as_str()))).collect();
    let holds: std::collections::BTreeSet<About> = holding.iter().map(|one| one.about.clone()).collect();
    let ended = noted.iter().filter(|(_, about, _)| !holds.contains(about)).map(|(id, _, _)| *id).collect();
    let mut found = Difference { began: Vec::new(), changed: Vec::new(), ended };
    for condition in holding {
        match by_key.get(&condition.about) {
            None => found.began.push(condition),
            Some((id, detail)) if *detail != condition.detail => found.changed.push((*id, condition)),
            Some(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    #[test]
    fn keys_read_back_as_written_and_nothing_else_does() {
        let all = [
            About::Device(DeviceId::new(7)),
            About::Job(JobId::new(8)),
            About::Claim(ClaimId::new(9)),
            About::Pending(10),
            About::Server,
            About::Console,
        ];
        for about in all {
            assert_eq!(about.to_string().parse::<About>().unwrap(), about);
        }
        for bad in ["", "device", "device:", "device:x", "job:-1", "pending:a", "Server", "moon:1"] {
            assert!(bad.parse::<About>().is_err(), "{bad}");
        }
    }

    #[test]
    fn who_is_overdue_is_told_with_whoever_says_how_often_it_is_expected() {
        let (id, name) = (DeviceId::new(7), "pump-1".parse().unwrap());
        let every = Duration::from_secs(300);
        for (expected, said) in [
            (Expected::ByType(every), "Its type expects one every 300 s."),
            (Expected::ByPolling(every), "Its polling time is 300 s."),
            (Expected::Usually(every), "Of a device without a type one is expected every 300 s."),
        ] {
            let told = Condition::device_overdue(id, &name, None, expected);
            assert_eq!(told.detail, format!("Last contact: never. {said}"));
        }
    }

    #[test]
    fn a_certificate_is_near_its_end_in_the_last_thirty_days_or_sixth() {
        let start = Timestamp::from_seconds(0);
        let near = |life: Duration, left: Duration| {
            certificate_is_near(start, start.plus(life), start.plus(life).minus(left))
        };
        assert!(!near(365 * DAY, 30 * DAY) && near(365 * DAY, 29 * DAY));
        assert!(!near(6 * DAY, DAY) && near(6 * DAY, DAY - Duration::from_secs(1)));
        let end = start.plus(6 * DAY);
        assert!(certificate_is_near(start, end, end) && certificate_is_near(start, end, end.plus(DAY)));
    }

    #[test]
    fn a_server_that_did_not_listen_blames_no_device() {
        let since = Timestamp::from_seconds(1_000);
        let minute = Duration::from_secs(60);
        assert!(!silence_counts(minute, since, since.plus(Duration::from_secs(149))));
        assert!(silence_counts(minute, since, since.plus(Duration::from_secs(150))));
    }

    fn disk(about: About, detail: &str) -> Condition {
        Condition { about, detail: detail.to_owned(), ..Condition::disk_low() }
    }

    #[test]
    fn an_alert_opens_once_and_ends_with_its_condition() {
        let device = |id| About::Device(DeviceId::new(id));
        let noted = vec![
            (1, device(1), "a".to_owned()),
            (2, device(2), "a".to_owned()),
            (3, device(3), "a".to_owned()),
        ];
        let holding = vec![disk(device(2), "a"), disk(device(3), "b"), disk(device(4), "a")];
        let found = difference(&noted, holding);
        assert_eq!(found.began, [disk(device(4), "a")]);
        assert_eq!(found.changed, [(3, disk(device(3), "b"))]);
        assert_eq!(found.ended, [1]);
        let again = difference(&noted, noted.iter().map(|(_, a, d)| disk(a.clone(), d)).collect());
        assert_eq!(again, Difference { began: vec![], changed: vec![], ended: vec![] });
    }

    #[test]
    fn an_ended_certificate_reads_differently_from_one_that_is_near_its_end() {
        let end = Timestamp::from_seconds(100);
        let at = |now| {
            let now = Timestamp::from_seconds(now);
            Condition::certificate_expiring(About::Server, "The certificate of x", end, now, "renew it")
        };
        assert_eq!(
            (at(99).severity, at(99).subject.as_str()),
            (Severity::Warning, "The certificate of x is near its end")
        );
        assert_ne!(at(99).detail, at(100).detail);
        assert_eq!(
            (at(100).severity, at(100).subject.as_str()),
            (Severity::Error, "The certificate of x has ended")
        );
    }
}
