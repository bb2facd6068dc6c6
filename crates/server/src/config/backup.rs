//! The `[backup]` table: where backups are kept, how often they are made, how many stay, what seals them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use windlass_app::backup::{SealSource, Settings};

use super::ConfigError;

/// Shortest time between two backups.
const LEAST: u64 = 60;
/// Longest.
const MOST: u64 = 366 * 24 * 3_600;

/// A span such as `90s`, `30m`, `12h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interval(u64);

/// Why a text is no interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time from 60s to 366d, such as 30m, 12h or 1d")]
pub struct InvalidInterval;

impl Interval {
    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Interval {
    type Err = InvalidInterval;

    fn from_str(text: &str) -> Result<Self, InvalidInterval> {
        let factors = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
        let (number, factor) = factors
            .iter()
            .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
            .ok_or(InvalidInterval)?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidInterval);
        }
        let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        seconds.filter(|seconds| (LEAST..=MOST).contains(seconds)).map(Self).ok_or(InvalidInterval)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, factor) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
            if self.0.is_multiple_of(factor) {
                return write!(f, "{}{unit}", self.0 / factor);
            }
        }
        write!(f, "{}s", self.0)
    }
}

impl TryFrom<String> for Interval {
    type Error = InvalidInterval;

    fn try_from(text: String) -> Result<Self, InvalidInterval> {
        text.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}

/// Backups of this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupConfig {
    /// Where they are kept: a directory that is there, better on another disk.
    pub directory: Option<PathBuf>,
    /// How often one is made; on demand only when absent.
    pub every: Option<Interval>,
    /// How many stay.
    pub keep: usize,
    /// A file with the passphrase that seals them.
    pub passphrase_file: Option<PathBuf>,
    /// An age recipient (`age1…`) to which they are sealed instead.
    pub recipient: Option<String>,
    /// Neither: whoever has a backup has the keys of this server.
    pub plain: bool,
}

impl Default for BackupConfig {
    fn default() -> Self {
        Self { directory: None, every: None, keep: 7, passphrase_file: None, recipient: None, plain: false }
    }
}

impl BackupConfig {
    /// What to do; none when no directory is configured. `data` is the data directory.
    ///
    /// # Errors
    /// What does not go together.
    pub fn settings(&self, data: &Path) -> Result<Option<Settings>, ConfigError> {
        let Self { directory, every, keep, passphrase_file, recipient, plain } = self;
        let clash = |sentence| Err(ConfigError::Clash(sentence));
        let Some(directory) = directory else {
            let idle = every.is_none() && passphrase_file.is_none() && recipient.is_none() && !plain;
            return if idle {
                Ok(None)
            } else {
                clash("the backup settings do nothing without backup.directory; set it, too")
            };
        };
        if directory.starts_with(data) {
            return clash(
                "backup.directory must not be inside the data directory: both would be lost together",
            );
        }
        if *keep == 0 {
            return clash("backup.keep must be at least 1");
        }
        let seal = match (passphrase_file, recipient, plain) {
            (Some(file), None, false) => SealSource::PassphraseFile(file.clone()),
            (None, Some(text), false) => match SealSource::recipient(text) {
                Some(seal) => seal,
                None => return clash("backup.recipient must be an age recipient such as age1…"),
            },
            (None, None, true) => SealSource::Plain,
            (None, None, false) => {
                return clash(
                    "backups hold the keys of this server: set backup.passphrase_file or backup.recipient \
                     (or backup.plain = true, if the place itself is safe)",
                );
            }
            _ => {
                return clash("backup.passphrase_file, backup.recipient and backup.plain exclude each other");
            }
        };
        Ok(Some(Settings {
            directory: directory.clone(),
            every: every.map(Interval::duration),
            keep: *keep,
            seal,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_reads_back_as_written_and_nothing_else_is_one() {
        for (text, seconds) in [("60s", 60), ("90s", 90), ("30m", 1_800), ("12h", 43_200), ("366d", MOST)] {
            let interval: Interval = text.parse().unwrap();
            assert_eq!(interval.duration().as_secs(), seconds);
            assert_eq!(interval.to_string().parse(), Ok(interval));
        }
        for bad in
            ["", "d", "1", "59s", "0d", "-1d", "1.5h", "1w", "367d", "99999999999999999999d", "1 d", "+1d"]
        {
            assert_eq!(bad.parse::<Interval>(), Err(InvalidInterval), "{bad}");
        }
    }

    #[test]
    fn settings_that_do_not_go_together_are_refused() {
        let data = Path::new("/data");
        let none = BackupConfig::default();
        assert!(none.settings(data).unwrap().is_none());
        let plain =
            BackupConfig { directory: Some("/backups".into()), plain: true, ..BackupConfig::default() };
        assert!(plain.settings(data).unwrap().is_some());
        let recipient = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa".to_owned();
        let sealed = BackupConfig { plain: false, recipient: Some(recipient.clone()), ..plain.clone() };
        assert!(sealed.settings(data).unwrap().is_some());
        for (bad, says) in [
            (BackupConfig { plain: false, ..plain.clone() }, "backup.passphrase_file"),
            (BackupConfig { recipient: Some(recipient), ..plain.clone() }, "exclude each other"),
            (BackupConfig { plain: false, recipient: Some("age1x".to_owned()), ..plain.clone() }, "age1…"),
            (BackupConfig { keep: 0, ..plain.clone() }, "backup.keep"),
            (BackupConfig { directory: Some("/data/backups".into()), ..plain.clone() }, "inside"),
            (BackupConfig { directory: None, ..plain }, "without backup.directory"),
            (BackupConfig { every: "1d".parse().ok(), ..none }, "without backup.directory"),
        ] {
            let error = bad.settings(data).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
