//! A tenant's settings for hawkBit's clients, under hawkBit's own keys, with their defaults and what they may be.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::polling::{PollSchedule, clock_time, parse_duration};
use super::token::SecretText;
use crate::device::words;
use crate::ids::InvalidName;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Bytes of CA certificates, PEM.
const CERTIFICATES: usize = 32 * 1024;

words!(
    /// What can be set.
    SettingKey {
        /// How often devices ask: `HH:MM:SS` or ISO 8601, with jitter and overrides by fleet query.
        PollingTime = "pollingTime",
        /// How long after its poll time a device is overdue.
        PollingOverdueTime = "pollingOverdueTime",
        /// The shortest poll time that is ever told.
        MinPollingTime = "minPollingTime",
        /// How often a device asks before its maintenance window opens.
        MaintenanceWindowPollCount = "maintenanceWindowPollCount",
        /// Devices may show their own token.
        TargetTokenEnabled = "authentication.targettoken.enabled",
        /// Devices may show the tenant's token.
        GatewayTokenEnabled = "authentication.gatewaytoken.enabled",
        /// The tenant's token.
        GatewayTokenKey = "authentication.gatewaytoken.key",
        /// A trusted proxy may name the device whose certificate it checked.
        HeaderEnabled = "authentication.header.enabled",
        /// Hashes of the issuers that the proxy must name one of.
        HeaderAuthority = "authentication.header.authority",
        /// CA certificates of the fleet's own, PEM: a device may show a client certificate of theirs on the device port.
        CertificateAuthorities = "authentication.certificate.authorities",
        /// Devices may come without any proof. Anybody can be any device then.
        AnonymousEnabled = "authentication.anonymous.enabled",
        /// Updates wait for a confirmation at the device.
        ConfirmationFlow = "user.confirmation.flow.enabled",
        /// A new assignment ends open actions at once instead of asking devices to cancel them.
        AutoClose = "repository.actions.autoclose.enabled",
        /// A device may have several assignments at once.
        MultiAssignments = "multi.assignments.enabled",
        /// Rollouts wait for an approval.
        RolloutApproval = "rollout.approval.enabled",
        /// What filters assign by themselves waits for an approval.
        AutoAssignmentApproval = "auto.assignment.approval.enabled",
        /// How many days an action waits for its device to begin, of updates that hawkBit's clients make.
        ActionQueuedDays = "action.queued.days",
        /// Files without proof of who asks. Clients switch it off; it cannot be on here.
        AnonymousDownload = "anonymous.download.enabled",
        /// Several devices told in one message, which only hawkBit's message broker does. It cannot be on here.
        BatchAssignments = "batch.assignments.enabled",
        /// Sets and modules are locked by their first use. It cannot be off here.
        ImplicitLock = "implicit.lock.enabled",
        /// The number of the type that a set has which is made without one.
        DefaultSetType = "default.ds.type",
    }
);

/// What kind of value a setting has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// true or false.
    Flag,
    /// A whole number.
    Number,
    /// Text.
    Text,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// true or false.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
}

impl SettingValue {
    /// As it is stored: reads back with [`SettingKey::read`].
    pub fn to_text(&self) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// One setting that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingProblem {
    /// Which.
    pub key: SettingKey,
    /// What is wrong and what is allowed.
    pub problem: String,
}

impl SettingKey {
    /// What kind of value it has.
    pub const fn kind(self) -> SettingKind {
        match self {
            Self::PollingTime
            | Self::PollingOverdueTime
            | Self::MinPollingTime
            | Self::GatewayTokenKey
            | Self::HeaderAuthority
            | Self::CertificateAuthorities => SettingKind::Text,
            Self::MaintenanceWindowPollCount | Self::ActionQueuedDays | Self::DefaultSetType => {
                SettingKind::Number
            }
            Self::TargetTokenEnabled
            | Self::GatewayTokenEnabled
            | Self::HeaderEnabled
            | Self::AnonymousEnabled
            | Self::ConfirmationFlow
            | Self::AutoClose
            | Self::MultiAssignments
            | Self::RolloutApproval
            | Self::AutoAssignmentApproval
            | Self::AnonymousDownload
            | Self::BatchAssignments
            | Self::ImplicitLock => SettingKind::Flag,
        }
    }

    /// Whether only those who run the server see the value.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::GatewayTokenKey)
    }

    /// What holds where nothing was set.
    pub fn default_value(self) -> SettingValue {
        match self {
            Self::PollingTime => SettingValue::Text(clock_time(Duration::from_secs(300))),
            Self::PollingOverdueTime => SettingValue::Text(clock_time(Duration::from_secs(300))),
            Self::MinPollingTime => SettingValue::Text(clock_time(Duration::from_secs(30))),
            Self::MaintenanceWindowPollCount => SettingValue::Number(3),
            Self::ActionQueuedDays => SettingValue::Number(365),
            // Its number is another one in every tenant.
            Self::DefaultSetType => SettingValue::Number(0),
            Self::GatewayTokenKey | Self::HeaderAuthority | Self::CertificateAuthorities => {
                SettingValue::Text(String::new())
            }
            Self::TargetTokenEnabled
            | Self::GatewayTokenEnabled
            | Self::HeaderEnabled
            | Self::AnonymousEnabled
            | Self::ConfirmationFlow
            | Self::AutoClose
            | Self::MultiAssignments
            | Self::RolloutApproval
            | Self::AutoAssignmentApproval
            | Self::AnonymousDownload
            | Self::BatchAssignments => SettingValue::Flag(false),
            Self::ImplicitLock => SettingValue::Flag(true),
        }
    }

    /// Reads a value as text, as it is stored and as clients may send it.
    ///
    /// # Errors
    /// What kind of value it must be.
    pub fn read(self, text: &str) -> Result<SettingValue, String> {
        match self.kind() {
            SettingKind::Flag => match text {
                "true" => Ok(SettingValue::Flag(true)),
                "false" => Ok(SettingValue::Flag(false)),
                _ => Err("must be true or false".to_owned()),
            },
            SettingKind::Number => {
                text.parse().map(SettingValue::Number).map_err(|_| "must be a whole number".to_owned())
            }
            SettingKind::Text => Ok(SettingValue::Text(text.to_owned())),
        }
    }
}

/// How devices may prove who they are. All off by default; a client certificate of Windlass always counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authentication {
    /// By the device's own token.
    pub target_token: bool,
    /// By this token of the tenant.
    pub gateway_token: Option<SecretText>,
    /// By a trusted proxy that names one of these issuer hashes, lower case.
    pub authorities: Option<Vec<String>>,
    /// By a client certificate that one of these CA certificates vouches for, PEM; nobody's where it is empty. What is in
    /// it is not judged here.
    pub certificate_authorities: String,
    /// Not at all.
    pub anonymous: bool,
}

/// The settings of a tenant, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How often devices ask.
    pub polling: PollSchedule,
    /// How long after its poll time a device is overdue.
    pub overdue: Duration,
    /// The shortest poll time that is ever told.
    pub least_polling: Duration,
    /// How often a device asks before its maintenance window opens.
    pub window_polls: u32,
    /// How devices may prove who they are.
    pub authentication: Authentication,
    /// Updates wait for a confirmation at the device.
    pub confirmation: bool,
    /// A new assignment ends open actions at once.
    pub auto_close: bool,
    /// A device may have several assignments at once.
    pub multi_assignments: bool,
    /// Rollouts wait for an approval.
    pub rollout_approval: bool,
    /// What filters assign by themselves waits for an approval.
    pub auto_assignment_approval: bool,
    /// How long an action waits for its device to begin.
    pub action_queued: Duration,
}

impl Settings {
    /// Checks what was set, with defaults for the rest. Fleet queries in the poll time are text here.
    ///
    /// # Errors
    /// Every setting that cannot be taken.
    pub fn of(values: &BTreeMap<SettingKey, SettingValue>) -> Result<Self, Vec<SettingProblem>> {
        let mut reader = Reader { values, problems: Vec::new() };
        for key in [SettingKey::AnonymousDownload, SettingKey::BatchAssignments, SettingKey::ImplicitLock] {
            reader.stays(key);
        }
        reader.whole(SettingKey::DefaultSetType);
        let polling = reader.text(SettingKey::PollingTime, PollSchedule::parse);
        let overdue = reader.text(SettingKey::PollingOverdueTime, parse_duration).unwrap_or_default();
        let least_polling = reader.text(SettingKey::MinPollingTime, shortest).unwrap_or_default();
        let window_polls = reader.number(SettingKey::MaintenanceWindowPollCount, 1, 100);
        if let Some(polling) = &polling
            && polling.intervals().any(|interval| interval.base < least_polling)
        {
            let problem = format!("must not name a time below minPollingTime, {}", clock_time(least_polling));
            reader.problem(SettingKey::PollingTime, problem);
        }
        let key = reader.text(SettingKey::GatewayTokenKey, |text| match text {
            "" => Ok(None),
            text => text.parse::<SecretText>().map(Some).map_err(|problem| problem.to_string()),
        });
        let authorities = reader.text(SettingKey::HeaderAuthority, authorities).unwrap_or_default();
        let authentication = Authentication {
            target_token: reader.flag(SettingKey::TargetTokenEnabled),
            gateway_token: key.flatten().filter(|_| reader.flag(SettingKey::GatewayTokenEnabled)),
            authorities: reader.flag(SettingKey::HeaderEnabled).then_some(authorities),
            certificate_authorities: reader
                .bounded(SettingKey::CertificateAuthorities, CERTIFICATES, |text| Ok(text.trim().to_owned()))
                .unwrap_or_default(),
            anonymous: reader.flag(SettingKey::AnonymousEnabled),
        };
        let settings = Self {
            polling: polling.unwrap_or(PollSchedule {
                base: super::PollInterval { base: Duration::from_secs(300), jitter: 0 },
                overrides: Vec::new(),
            }),
            overdue,
            least_polling,
            window_polls,
            authentication,
            confirmation: reader.flag(SettingKey::ConfirmationFlow),
            auto_close: reader.flag(SettingKey::AutoClose),
            multi_assignments: reader.flag(SettingKey::MultiAssignments),
            rollout_approval: reader.flag(SettingKey::RolloutApproval),
            auto_assignment_approval: reader.flag(SettingKey::AutoAssignmentApproval),
            action_queued: DAY.saturating_mul(reader.number(SettingKey::ActionQueuedDays, 1, 365)),
        };
        if reader.problems.is_empty() { Ok(settings) } else { Err(reader.problems) }
    }
}

fn shortest(text: &str) -> Result<Duration, String> {
    let read = parse_duration(text)?;
    if read.is_zero() { Err("must be at least 00:00:01".to_owned()) } else { Ok(read) }
}

/// Issuer hashes, separated by commas or semicolons.
fn authorities(text: &str) -> Result<Vec<String>, String> {
    let hashes: Vec<String> = text
        .split([',', ';'])
        .map(|hash| hash.trim().to_lowercase())
        .filter(|hash| !hash.is_empty())
        .collect();
    let fits = |hash: &String| hash.len() <= 128 && hash.bytes().all(|byte| byte.is_ascii_graphic());
    if hashes.len() <= 100 && hashes.iter().all(fits) {
        Ok(hashes)
    } else {
        Err("must be at most 100 hashes of issuers, separated by commas".to_owned())
    }
}

struct Reader<'v> {
    values: &'v BTreeMap<SettingKey, SettingValue>,
    problems: Vec<SettingProblem>,
}

impl Reader<'_> {
    fn problem(&mut self, key: SettingKey, problem: String) {
        self.problems.push(SettingProblem { key, problem });
    }

    fn value(&self, key: SettingKey) -> SettingValue {
        self.values.get(&key).cloned().unwrap_or_else(|| key.default_value())
    }

    fn text<T>(&mut self, key: SettingKey, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        self.bounded(key, 4096, read)
    }

    fn bounded<T>(
        &mut self,
        key: SettingKey,
        most: usize,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let read = match self.value(key) {
            SettingValue::Text(text) if text.len() > most => Err(format!("must be at most {most} bytes")),
            SettingValue::Text(text) => read(&text),
            SettingValue::Number(number) => read(&number.to_string()),
            // Who switches a token on by its key would have made it "true".
            SettingValue::Flag(_) => Err("must be text".to_owned()),
        };
        match read {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problem(key, problem);
                None
            }
        }
    }

    fn flag(&mut self, key: SettingKey) -> bool {
        match self.value(key) {
            SettingValue::Flag(flag) => flag,
            SettingValue::Number(_) | SettingValue::Text(_) => {
                self.problem(key, "must be true or false".to_owned());
                false
            }
        }
    }

    /// For a key that clients know and that has one value here.
    fn stays(&mut self, key: SettingKey) {
        let only = key.default_value();
        if self.value(key) != only {
            self.problem(key, format!("is always {} on this server", only.to_text()));
        }
    }

    /// For a number of something that is not known here.
    fn whole(&mut self, key: SettingKey) {
        if !matches!(self.value(key), SettingValue::Number(_)) {
            self.problem(key, "must be a whole number".to_owned());
        }
    }

    fn number(&mut self, key: SettingKey, least: u32, most: u32) -> u32 {
        let fits = match self.value(key) {
            SettingValue::Number(number) => u32::try_from(number).ok().filter(|n| (least..=most).contains(n)),
            SettingValue::Flag(_) | SettingValue::Text(_) => None,
        };
        fits.unwrap_or_else(|| {
            self.problem(key, format!("must be a whole number from {least} to {most}"));
            least
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(SettingKey, SettingValue)]) -> Result<Settings, Vec<SettingProblem>> {
        Settings::of(&pairs.iter().cloned().collect())
    }

    fn text(text: &str) -> SettingValue {
        SettingValue::Text(text.to_owned())
    }

    #[test]
    fn nothing_set_lets_nobody_in_and_polls_every_five_minutes() {
        let settings = with(&[]).unwrap();
        assert_eq!(settings.authentication, Authentication::default());
        assert_eq!(settings.polling.base.base, Duration::from_secs(300));
        assert_eq!((settings.least_polling, settings.window_polls), (Duration::from_secs(30), 3));
    }

    #[test]
    fn a_gateway_token_counts_only_when_it_is_switched_on_and_there_is_one() {
        let key = (SettingKey::GatewayTokenKey, text("secret"));
        let on = (SettingKey::GatewayTokenEnabled, SettingValue::Flag(true));
        assert_eq!(with(std::slice::from_ref(&key)).unwrap().authentication.gateway_token, None);
        assert_eq!(with(std::slice::from_ref(&on)).unwrap().authentication.gateway_token, None);
        assert!(with(&[key, on]).unwrap().authentication.gateway_token.unwrap().is("secret"));
    }

    #[test]
    fn a_text_of_digits_may_come_as_a_number() {
        let on = (SettingKey::GatewayTokenEnabled, SettingValue::Flag(true));
        let key = (SettingKey::GatewayTokenKey, SettingValue::Number(4711));
        assert!(with(&[on, key]).unwrap().authentication.gateway_token.unwrap().is("4711"));
        let flag = (SettingKey::GatewayTokenKey, SettingValue::Flag(true));
        assert_eq!(with(&[flag]).unwrap_err().remove(0).problem, "must be text");
        let problem =
            with(&[(SettingKey::PollingTime, SettingValue::Number(1))]).unwrap_err().remove(0).problem;
        assert!(problem.contains("HH:MM:SS"), "what would do is said: {problem}");
    }

    #[test]
    fn every_bad_setting_is_named() {
        let problems = with(&[
            (SettingKey::PollingTime, text("soon")),
            (SettingKey::MaintenanceWindowPollCount, SettingValue::Number(0)),
            (SettingKey::ActionQueuedDays, SettingValue::Number(366)),
            (SettingKey::TargetTokenEnabled, text("true")),
            (SettingKey::GatewayTokenKey, text("with space")),
            (SettingKey::MinPollingTime, text("00:00:00")),
            (SettingKey::DefaultSetType, text("os")),
        ])
        .unwrap_err();
        let named: Vec<_> = problems.iter().map(|one| one.key).collect();
        for key in [
            SettingKey::PollingTime,
            SettingKey::MaintenanceWindowPollCount,
            SettingKey::ActionQueuedDays,
            SettingKey::TargetTokenEnabled,
            SettingKey::GatewayTokenKey,
            SettingKey::MinPollingTime,
            SettingKey::DefaultSetType,
        ] {
            assert!(named.contains(&key), "{key}");
        }
    }

    #[test]
    fn what_this_server_always_does_can_be_confirmed_but_not_changed() {
        for (key, only) in [
            (SettingKey::AnonymousDownload, false),
            (SettingKey::BatchAssignments, false),
            (SettingKey::ImplicitLock, true),
        ] {
            assert!(with(&[(key, SettingValue::Flag(only))]).is_ok(), "{key}");
            let problems = with(&[(key, SettingValue::Flag(!only))]).unwrap_err();
            assert_eq!(problems.iter().map(|one| one.key).collect::<Vec<_>>(), [key]);
        }
    }

    #[test]
    fn no_poll_time_is_below_the_shortest() {
        let short = (SettingKey::PollingTime, text("00:00:10"));
        assert!(with(std::slice::from_ref(&short)).is_err());
        assert!(with(&[short, (SettingKey::MinPollingTime, text("00:00:05"))]).is_ok());
        assert!(with(&[(SettingKey::PollingTime, text("01:00:00, tag==a -> 00:00:01"))]).is_err());
    }

    #[test]
    fn stored_values_read_back() {
        for key in SettingKey::ALL {
            let value = key.default_value();
            assert_eq!(key.read(&value.to_text()), Ok(value), "{key}");
            assert_eq!(key.as_str().parse::<SettingKey>().unwrap(), *key);
        }
    }

    #[test]
    fn ca_certificates_may_be_longer_than_other_texts_and_have_a_bound() {
        let of = |bytes: usize| with(&[(SettingKey::CertificateAuthorities, text(&"x".repeat(bytes)))]);
        assert_eq!(of(CERTIFICATES).unwrap().authentication.certificate_authorities.len(), CERTIFICATES);
        let problem = of(CERTIFICATES + 1).unwrap_err().remove(0).problem;
        assert!(problem.contains("32768"), "{problem}");
        assert!(with(&[(SettingKey::HeaderAuthority, text(&"x".repeat(4_097)))]).is_err());
    }

    #[test]
    fn authorities_are_compared_in_lower_case() {
        let settings = with(&[
            (SettingKey::HeaderEnabled, SettingValue::Flag(true)),
            (SettingKey::HeaderAuthority, text("ABcd; ef01,")),
        ])
        .unwrap();
        assert_eq!(settings.authentication.authorities.unwrap(), ["abcd", "ef01"]);
    }
}
