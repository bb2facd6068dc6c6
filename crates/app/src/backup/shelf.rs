//! A folder of backups: what is on it, what is too old, when the next one is due. The decisions are pure.

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use windlass_domain::time::Timestamp;

use super::seal::{Sealed, sealed};

/// After a failure the next attempt comes no sooner than this, and no sooner than the schedule says if that is closer.
const RETRY: Duration = Duration::from_secs(3_600);
/// Unfinished files of killed processes go after this long: a node elsewhere may be writing one.
const UNFINISHED: Duration = Duration::from_secs(24 * 3_600);
/// Letters of a version in a name.
const VERSION_BYTES: usize = 40;

/// `windlass-<version>-<time>.backup`, such as `windlass-0.1.0-20260131T080000Z.backup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupName {
    /// Of the program that made it.
    pub version: String,
    /// When, in whole seconds.
    pub created_at: Timestamp,
}

/// Why a text names no backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a backup, such as windlass-0.1.0-20260131T080000Z.backup")]
pub struct InvalidBackupName;

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = Timestamp::from_seconds(self.created_at.seconds()).to_string().replace(['-', ':'], "");
        write!(f, "windlass-{}-{time}.backup", self.version)
    }
}

impl FromStr for BackupName {
    type Err = InvalidBackupName;

    fn from_str(text: &str) -> Result<Self, InvalidBackupName> {
        let middle = text.strip_prefix("windlass-").and_then(|rest| rest.strip_suffix(".backup"));
        let (version, time) = middle.and_then(|middle| middle.rsplit_once('-')).ok_or(InvalidBackupName)?;
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
        if version.is_empty() || version.len() > VERSION_BYTES || !version.chars().all(known) {
            return Err(InvalidBackupName);
        }
        let part = |from: usize, to: usize| time.get(from..to).ok_or(InvalidBackupName);
        let written = format!(
            "{}-{}-{}:{}:{}",
            part(0, 4)?,
            part(4, 6)?,
            part(6, 11)?,
            part(11, 13)?,
            part(13, time.len())?
        );
        let created_at = written.parse().map_err(|_| InvalidBackupName)?;
        let name = Self { version: version.to_owned(), created_at };
        // One way to write each.
        if name.to_string() == text { Ok(name) } else { Err(InvalidBackupName) }
    }
}

/// A backup on the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) name: BackupName,
    pub(super) bytes: u64,
    pub(super) sealed: Sealed,
}

/// What is there, newest first. What is no backup, whatever its name, is not listed.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Kept>> {
    let mut kept = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().and_then(|name| name.parse::<BackupName>().ok()) else {
            continue;
        };
        let metadata = entry.metadata()?;
        if metadata.is_file()
            && let Some(sealed) = sealed(&entry.path())?
        {
            kept.push(Kept { name, bytes: metadata.len(), sealed });
        }
    }
    kept.sort_by(|a, b| b.name.created_at.cmp(&a.name.created_at).then(a.name.version.cmp(&b.name.version)));
    Ok(kept)
}

/// Which of the backups, newest first, go so that `keep` stay. The newest always stays.
pub(super) fn superfluous(kept: &[Kept], keep: usize) -> &[Kept] {
    kept.get(keep.max(1)..).unwrap_or_default()
}

/// When the next one is due.
pub(super) fn next(
    kept: &[Kept],
    failed_at: Option<Timestamp>,
    every: Duration,
    now: Timestamp,
) -> Timestamp {
    // One from the future says that the clock was wrong, and nothing about when to go on.
    let newest = kept.iter().map(|kept| kept.name.created_at).filter(|at| *at <= now).max();
    let due = newest.map_or(now, |at| at.plus(every));
    let retry = failed_at.filter(|at| *at <= now).map(|at| at.plus(RETRY.min(every)));
    retry.map_or(due, |retry| retry.max(due))
}

/// Removes what killed processes left unfinished long ago.
pub(super) fn clear_unfinished(folder: &Path, now: Timestamp) -> io::Result<()> {
    let border = Duration::from_micros(u64::try_from(now.minus(UNFINISHED).micros()).unwrap_or(0));
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let old = entry.metadata()?.modified()? < SystemTime::UNIX_EPOCH + border;
        if old && name.starts_with(".windlass-") && name.ends_with(".part") {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(seconds: i64) -> Kept {
        let name = BackupName { version: "0.1.0".to_owned(), created_at: Timestamp::from_seconds(seconds) };
        Kept { name, bytes: 1, sealed: Sealed::Plain }
    }

    #[test]
    fn a_name_reads_back_as_written_and_nothing_else_is_one() {
        let name = BackupName {
            version: "0.1.0-rc.1+x".to_owned(),
            created_at: "2026-01-31T08:05:09Z".parse().unwrap(),
        };
        assert_eq!(name.to_string(), "windlass-0.1.0-rc.1+x-20260131T080509Z.backup");
        assert_eq!(name.to_string().parse(), Ok(name));
        for bad in [
            "",
            "..",
            "windlass-.backup",
            "windlass--20260131T080509Z.backup",
            "windlass-0.1.0-20260131T080509Z.backup/..",
            "../windlass-0.1.0-20260131T080509Z.backup",
            "windlass-../../x-20260131T080509Z.backup",
            "windlass-0.1.0-20260131T080509.backup",
            "windlass-0.1.0-20261331T080509Z.backup",
            "windlass-0.1.0-2026013é080509Z.backup",
            "windlass-0.1.0-20260131t080509z.backup",
            "windlass-0.1.0-20260131T080509Z.BACKUP",
            &format!("windlass-{}-20260131T080509Z.backup", "1".repeat(41)),
        ] {
            assert_eq!(bad.parse::<BackupName>(), Err(InvalidBackupName), "{bad}");
        }
    }

    #[test]
    fn the_newest_ones_stay_and_one_always_does() {
        let all = [kept(30), kept(20), kept(10)];
        assert_eq!(superfluous(&all, 2), &all[2..]);
        assert!(superfluous(&all, 3).is_empty());
        assert!(superfluous(&all, usize::MAX).is_empty());
        assert_eq!(superfluous(&all, 0), &all[1..]);
        assert!(superfluous(&[], 0).is_empty());
    }

    #[test]
    fn the_next_one_comes_after_the_interval_and_after_a_failure_not_at_once() {
        let at = Timestamp::from_seconds;
        let day = Duration::from_secs(86_400);
        let now = at(1_000_000);
        assert_eq!(next(&[], None, day, now), now, "none yet: at once");
        assert_eq!(next(&[kept(990_000)], None, day, now), at(990_000 + 86_400));
        assert!(next(&[kept(900_000)], None, day, now) <= now, "overdue after a long stop");
        assert_eq!(
            next(&[], Some(at(999_000)), day, now),
            at(999_000 + 3_600),
            "a failure is tried again in an hour"
        );
        assert_eq!(
            next(&[], Some(at(999_990)), Duration::from_secs(60), now),
            at(1_000_050),
            "or after the interval, if that is shorter"
        );
        assert_eq!(next(&[kept(2_000_000)], None, day, now), now, "a file from the future holds nothing up");
    }

    #[test]
    fn what_only_looks_like_a_backup_is_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |seconds| folder.path().join(kept(seconds).name.to_string());
        std::fs::write(at(10), [0x28, 0xb5, 0x2f, 0xfd, 0]).unwrap();
        std::fs::write(at(20), b"age-encryption.org/v1\n-> scrypt abc 17\n").unwrap();
        std::fs::write(at(30), b"age-encryption.org/v1\n-> X25519 abc\n").unwrap();
        std::fs::write(at(40), b"").unwrap();
        std::fs::create_dir(at(50)).unwrap();
        std::fs::write(folder.path().join("notes.txt"), [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
        let found: Vec<_> = list(folder.path()).unwrap().into_iter().map(|kept| kept.sealed).collect();
        assert_eq!(found, [Sealed::Recipient, Sealed::Passphrase, Sealed::Plain]);
        assert!(list(&folder.path().join("missing")).is_err());
    }
}
