//! Download and installation, which a job may time each by itself: what a device says it is at, and until when it may be.
//!
//! A device that goes back and forth between the two gains nothing: together they never last longer than the sum. Knows
//! no protocol but for the words of the job contract ("statusDetails": `phase`).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::job::execution::Execution;
use crate::job::spec::Timeouts;
use crate::job::states::ExecutionState;
use crate::time::{Timestamp, span};

/// The detail of an execution that says what its device is at.
pub const PHASE: &str = "phase";
/// It downloads.
pub const DOWNLOADING: &str = "downloading";
/// It has downloaded.
pub const DOWNLOADED: &str = "downloaded";
/// It installs.
pub const INSTALLING: &str = "installing";

/// What a device is at, as far as that is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It fetches what it is to install.
    Download,
    /// It has it, and installs it.
    Install,
}

impl Phase {
    /// The phase that a device's details name. None: they name none, or one that nobody times.
    pub fn of(details: &BTreeMap<String, String>) -> Option<Self> {
        match details.get(PHASE)?.as_str() {
            DOWNLOADING => Some(Self::Download),
            DOWNLOADED | INSTALLING | "rebooting" | "verifying" => Some(Self::Install),
            _ => None,
        }
    }
}

impl Timeouts {
    /// From when a device takes work up until it must have ended it.
    pub fn whole(&self) -> Duration {
        self.download.unwrap_or_default().saturating_add(self.in_progress)
    }

    /// How long a device may be at this.
    pub(super) fn at_work(&self, phase: Option<Phase>) -> Duration {
        match (self.download, phase) {
            (Some(download), Some(Phase::Download)) => download,
            (Some(_), Some(Phase::Install)) => self.in_progress,
            (Some(_) | None, _) => self.whole(),
        }
    }
}

impl Execution {
    /// What it is once bytes went out to a device that never said anything of its work: all of its time begins anew. Nothing
    /// where the device said something, is not at work, or is asked to stop.
    pub fn fetched(&self, timeouts: &Timeouts, now: Timestamp) -> Option<Self> {
        let is_silent = self.state == ExecutionState::InProgress && self.details.is_empty();
        let due = now.plus(timeouts.whole());
        let is_later = self.phase_due.is_some_and(|before| before < due);
        (is_silent && is_later && self.cancel_asked_at.is_none())
            .then(|| Self { phase_due: Some(due), ..self.clone() })
    }

    /// When what the device is at runs out, after a report that made `next` of this one.
    pub(super) fn work_due(&self, next: &Self, timeouts: &Timeouts, now: Timestamp) -> Option<Timestamp> {
        let phase = Phase::of(&next.details);
        let due = now.plus(timeouts.at_work(phase));
        if self.state == ExecutionState::Queued {
            return Some(due);
        }
        // Who stops saying that it downloads has moved as well: nobody knows any more which of the two it has time for.
        let was = Phase::of(&self.details);
        let is_moved = phase != was && (phase.is_some() || was == Some(Phase::Download));
        if timeouts.download.is_none() || !is_moved || self.cancel_asked_at.is_some() {
            return self.phase_due;
        }
        let latest = self.started_at.map(|at| at.plus(timeouts.whole())).max(self.phase_due);
        Some(latest.map_or(due, |latest| due.min(latest)))
    }

    /// Says what ran out while the device was at work.
    pub(super) fn ran_out(&self, timeouts: &Timeouts, now: Timestamp) -> String {
        let heard = self.details.get(PHASE).map_or("in progress", |phase| phase);
        let first = self.started_at.map(|at| at.plus(timeouts.whole()));
        if self.details.is_empty() && self.phase_due > first {
            let whole = span(timeouts.whole());
            return format!(
                "not finished within {whole} of what it fetched last; the device itself said nothing"
            );
        }
        let Some(download) = timeouts.download else {
            return format!("not finished within {} (last heard: {heard})", span(timeouts.in_progress));
        };
        let is_all = self.started_at.is_some_and(|at| at.plus(timeouts.whole()) <= now);
        match Phase::of(&self.details) {
            Some(Phase::Download) if !is_all => format!("the download did not end within {}", span(download)),
            Some(Phase::Install) | None if !is_all => format!(
                "the installation did not end within {} (last heard: {heard})",
                span(timeouts.in_progress)
            ),
            Some(_) | None => format!(
                "download and installation together did not end within {} (last heard: {heard})",
                span(timeouts.whole())
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::job::execution::tests::queued;
    use crate::job::execution::{DeviceReport, ReportedStatus, StepTimer};

    const TIMEOUTS: Timeouts = Timeouts {
        queued: Duration::from_secs(100),
        download: Some(Duration::from_secs(600)),
        in_progress: Duration::from_secs(50),
        verify: None,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn says(execution: &Execution, phase: &str, now: i64) -> Execution {
        let details = (!phase.is_empty()).then(|| BTreeMap::from([(PHASE.to_owned(), phase.to_owned())]));
        let report = DeviceReport {
            status: ReportedStatus::InProgress,
            details,
            expected_version: None,
            step: StepTimer::Keep,
        };
        execution.report(&report, &TIMEOUTS, at(now)).unwrap()
    }

    fn ends(execution: &Execution, now: i64) -> Option<(ExecutionState, String)> {
        execution.timed_out(&TIMEOUTS, None, None, at(now)).map(|next| (next.state, next.reason))
    }

    #[test]
    fn a_slow_download_does_not_eat_the_time_of_the_installation_and_each_runs_out_by_itself() {
        let loads = says(&queued(at(0)), DOWNLOADING, 10);
        assert_eq!(loads.due(), Some(at(610)));
        assert_eq!(says(&loads, DOWNLOADING, 400).due(), Some(at(610)), "progress stretches nothing");
        let reason = "the download did not end within 10 min".to_owned();
        assert_eq!(ends(&loads, 609), None);
        assert_eq!(ends(&loads, 610), Some((ExecutionState::TimedOut, reason)));
        let has = says(&loads, DOWNLOADED, 500);
        assert_eq!(has.due(), Some(at(550)));
        let installs = says(&has, INSTALLING, 520);
        assert_eq!(installs.due(), Some(at(550)), "it installs since it has downloaded");
        let reason = "the installation did not end within 50 s (last heard: installing)".to_owned();
        assert_eq!(ends(&installs, 550), Some((ExecutionState::TimedOut, reason)));
    }

    #[test]
    fn a_device_that_does_not_say_what_it_is_at_has_the_time_of_both() {
        let works = says(&queued(at(0)), "", 10);
        assert_eq!(works.due(), Some(at(660)));
        let reason =
            "download and installation together did not end within 10 min 50 s (last heard: in progress)";
        assert_eq!(ends(&works, 660), Some((ExecutionState::TimedOut, reason.to_owned())));
        assert_eq!(says(&works, DOWNLOADING, 20).due(), Some(at(620)), "it says it later");
        assert_eq!(says(&works, "rebooting", 20).due(), Some(at(70)));
        assert_eq!(says(&works, "dancing", 20).due(), Some(at(660)), "that is timed by nobody");
    }

    #[test]
    fn bytes_give_a_device_that_says_nothing_its_time_again_and_no_other() {
        let silent = says(&queued(at(0)), "", 10);
        let fetched = silent.fetched(&TIMEOUTS, at(600)).unwrap();
        assert_eq!((fetched.due(), fetched.version), (Some(at(1250)), silent.version));
        assert_eq!(fetched.fetched(&TIMEOUTS, at(600)), None, "nothing new");
        let reason =
            "not finished within 10 min 50 s of what it fetched last; the device itself said nothing"
                .to_owned();
        assert_eq!(ends(&fetched, 1249), None);
        assert_eq!(ends(&fetched, 1250), Some((ExecutionState::TimedOut, reason)));
        assert_eq!(queued(at(0)).fetched(&TIMEOUTS, at(600)), None, "it has not begun");
        assert_eq!(says(&silent, DOWNLOADING, 20).fetched(&TIMEOUTS, at(600)), None, "it has a word for it");
        let asked = silent.asked_to_cancel(&TIMEOUTS, at(30)).unwrap();
        assert_eq!(asked.fetched(&TIMEOUTS, at(600)), None, "its answer is waited for");
    }

    #[test]
    fn a_device_that_stops_naming_what_it_is_at_has_the_time_of_both() {
        let loads = says(&queued(at(0)), DOWNLOADING, 10);
        let counted = BTreeMap::from([("progress".to_owned(), "80".to_owned())]);
        let report = DeviceReport {
            status: ReportedStatus::InProgress,
            details: Some(counted),
            expected_version: None,
            step: StepTimer::Keep,
        };
        let counts = loads.report(&report, &TIMEOUTS, at(300)).unwrap();
        for (silent, heard) in [(counts, "in progress"), (says(&loads, "dancing", 300), "dancing")] {
            assert_eq!(silent.due(), Some(at(660)), "{heard}");
            assert_eq!(ends(&silent, 659), None, "{heard}");
            let reason = format!(
                "download and installation together did not end within 10 min 50 s (last heard: {heard})"
            );
            assert_eq!(ends(&silent, 660), Some((ExecutionState::TimedOut, reason)));
        }
        let installs = says(&says(&loads, INSTALLING, 20), "dancing", 30);
        assert_eq!(installs.due(), Some(at(70)), "who installs does not download");
        let reason = "the installation did not end within 50 s (last heard: dancing)";
        assert_eq!(ends(&installs, 70), Some((ExecutionState::TimedOut, reason.to_owned())));
    }

    #[test]
    fn without_a_time_of_its_own_the_download_is_part_of_the_work() {
        let timeouts = Timeouts { download: None, ..TIMEOUTS };
        for phase in [None, Some(Phase::Download), Some(Phase::Install)] {
            assert_eq!(timeouts.at_work(phase), timeouts.in_progress);
        }
    }

    #[test]
    fn whoever_refuses_to_stop_has_the_time_of_its_phase_again_and_of_the_next_one() {
        let loads = says(&queued(at(0)), DOWNLOADING, 0);
        let asked = loads.asked_to_cancel(&TIMEOUTS, at(590)).unwrap();
        assert_eq!(says(&asked, DOWNLOADED, 595).due(), asked.due(), "its answer is waited for");
        let refused = asked.cancel_answered(false, &TIMEOUTS, at(600)).unwrap();
        assert_eq!(refused.due(), Some(at(1200)));
        assert_eq!(says(&refused, DOWNLOADED, 1000).due(), Some(at(1050)));
    }

    proptest! {
        #[test]
        fn nobody_works_longer_than_both_take_together(
            reports in proptest::collection::vec((0_usize..5, 0_i64..90), 1..40)
        ) {
            let words = ["", DOWNLOADING, DOWNLOADED, INSTALLING, "dancing"];
            let mut execution = says(&queued(at(0)), "", 0);
            let mut now = 0;
            for (word, wait) in reports {
                now += wait;
                if execution.due().is_none_or(|due| due <= at(now)) {
                    break;
                }
                execution = says(&execution, words[word], now);
                prop_assert!(execution.due().is_some_and(|due| due <= at(650) && due > at(now)));
            }
        }
    }
}
