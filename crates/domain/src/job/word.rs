//! What a device's word on what it runs makes of an update that it said it finished.
//!
//! A device may speak before the restart that brings the new version up, so an old version is noted as a doubt, and
//! counts once the time to see the new one is over. Knows neither protocols nor where versions show.

use crate::job::execution::{Execution, shortened};
use crate::job::states::{ExecutionState, Verdict};
use crate::time::Timestamp;

/// What is said of a device whose new version did not show in time.
pub(super) const UNSEEN: &str = "reported success, but the new version was not seen running in time";

/// What a device says that it runs, compared with what it was to install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word<'a> {
    /// That.
    This,
    /// Something else under the same name; in words.
    Other(&'a str),
}

impl Execution {
    /// Says of one that was not seen in its new version what shows instead.
    #[must_use]
    pub fn shows_instead(&self, what: &str) -> Self {
        Self { reason: shortened(&format!("{}: {what}", self.reason)), ..self.clone() }
    }

    /// Notes what speaks against its success; nothing, if that is empty. None if that is noted already, or if it is not
    /// waited for.
    pub fn doubted(&self, doubt: &str, now: Timestamp) -> Option<Self> {
        let mut next = self.clone().judged(self.verdict, doubt, now);
        let waits = self.state == ExecutionState::Succeeded && self.verdict == Verdict::Pending;
        if !waits || next.reason == self.reason {
            return None;
        }
        next.phase_due = self.phase_due;
        Some(next)
    }

    /// The verdict once the time to see the new version is over: a doubt that nothing took back is a fall back.
    #[must_use]
    pub(super) fn unseen(self, now: Timestamp) -> Self {
        if self.reason.is_empty() {
            return self.judged(Verdict::Expired, &format!("the device {UNSEEN}"), now);
        }
        let doubt = self.reason.clone();
        self.judged(Verdict::RolledBack, &doubt, now)
    }

    /// What it makes of the device's word, which counts until `until`: of one that speaks against a success that was only
    /// believed that it waits again to be seen. None if nothing changes.
    pub fn told(&self, word: Word<'_>, until: Timestamp, now: Timestamp) -> Option<Self> {
        if self.state != ExecutionState::Succeeded {
            return None;
        }
        match (self.verdict, word) {
            (Verdict::Pending, Word::Other(doubt)) => self.doubted(doubt, now),
            (Verdict::Pending, Word::This) => Some(self.seen(now)),
            (Verdict::Unverifiable | Verdict::RolledBack, _) if until <= now => None,
            (Verdict::Unverifiable | Verdict::RolledBack, Word::This) => Some(self.seen(now)),
            (Verdict::Unverifiable, Word::Other(doubt)) => {
                Some(self.clone().judged(Verdict::Pending, doubt, now).verifying_until(until))
            }
            (Verdict::RolledBack, Word::Other(_))
            | (Verdict::Verified | Verdict::Expired | Verdict::Refuted, _) => None,
        }
    }

    fn seen(&self, now: Timestamp) -> Self {
        self.clone().judged(Verdict::Verified, "the device says that it runs this release", now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::execution::tests::queued;

    const STILL: Word<'static> = Word::Other("still 1.0");

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn succeeded(verdict: Verdict) -> Execution {
        let mut done = queued(at(0)).judged(verdict, "", at(10));
        done.state = ExecutionState::Succeeded;
        if verdict == Verdict::Pending { done.verifying_until(at(100)) } else { done }
    }

    fn after(verdict: Verdict, words: &[Word<'_>]) -> (Verdict, Option<Timestamp>) {
        let mut one = succeeded(verdict);
        for word in words {
            one = one.told(*word, at(100), at(20)).unwrap_or(one);
        }
        (one.verdict, one.phase_due)
    }

    #[test]
    fn a_doubt_leaves_the_deadline_and_is_noted_once() {
        let doubted = succeeded(Verdict::Pending).doubted("still 1.0", at(20)).unwrap();
        assert_eq!((doubted.verdict, doubted.phase_due), (Verdict::Pending, Some(at(100))));
        assert_eq!(doubted.doubted("still 1.0", at(30)), None);
        assert_eq!(doubted.doubted("", at(30)).unwrap().reason, "");
        assert_eq!(succeeded(Verdict::Verified).doubted("still 1.0", at(20)), None);
        assert_eq!(queued(at(0)).doubted("still 1.0", at(20)), None, "it has not said that it is done");
    }

    #[test]
    fn at_the_end_a_doubt_is_a_fall_back_and_silence_is_not() {
        let silent = succeeded(Verdict::Pending);
        assert_eq!(silent.clone().unseen(at(100)).verdict, Verdict::Expired);
        let back = silent.doubted("still 1.0", at(20)).unwrap().unseen(at(100));
        assert_eq!((back.verdict, back.reason.as_str()), (Verdict::RolledBack, "still 1.0"));
        assert_eq!(back.due(), None);
    }

    #[test]
    fn one_that_was_not_seen_in_time_says_what_shows_instead() {
        let expired =
            succeeded(Verdict::Pending).unseen(at(100)).shows_instead("app shows 1.5 instead of 2.0");
        assert_eq!((expired.verdict, expired.due()), (Verdict::Expired, None));
        assert!(expired.reason.ends_with("not seen running in time: app shows 1.5 instead of 2.0"));
    }

    #[test]
    fn a_word_that_may_come_before_the_restart_is_never_the_last_one() {
        for verdict in [Verdict::Pending, Verdict::Unverifiable] {
            assert_eq!(after(verdict, &[STILL, Word::This]), (Verdict::Verified, None));
            assert_eq!(after(verdict, &[STILL]), (Verdict::Pending, Some(at(100))));
        }
    }

    #[test]
    fn what_was_seen_or_is_long_over_stands() {
        assert_eq!(after(Verdict::Verified, &[STILL]).0, Verdict::Verified);
        assert_eq!(after(Verdict::Expired, &[Word::This]).0, Verdict::Expired);
        for word in [STILL, Word::This] {
            assert_eq!(succeeded(Verdict::Unverifiable).told(word, at(20), at(20)), None);
            assert_eq!(succeeded(Verdict::RolledBack).told(word, at(20), at(20)), None);
        }
    }
}
