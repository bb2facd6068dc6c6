//! What holds one device's part of a job back: maintenance windows, consent, an operator who wants it stopped.
//!
//! Knows neither schedules nor protocols; see [`super::window`].

use crate::job::execution::{Consent, Execution, queued_until};
use crate::job::phase::Phase;
use crate::job::spec::Timeouts;
use crate::job::states::ExecutionState;
use crate::job::window::WindowState;
use crate::time::Timestamp;

/// Why something is over that waited for a window that never comes.
pub const NO_WINDOW_LEFT: &str = "no maintenance window is left: its schedule has no occurrence any more";

impl Execution {
    /// Whether the device may see it before it began: nothing holds it back, and whoever must agree did.
    pub fn is_shown(&self, now: Timestamp) -> bool {
        self.held_until.is_none()
            && self.closes_at.is_none_or(|at| at > now)
            && self.consent != Consent::Awaited
            && self.cancel_asked_at.is_none()
    }

    /// Holds it back until its maintenance window opens, or not any longer. `window`: how that stands now. What is queued
    /// has its whole time from the opening on; without an opening left it is canceled.
    #[must_use]
    pub fn in_window(mut self, window: WindowState, timeouts: &Timeouts, now: Timestamp) -> Self {
        if self.state != ExecutionState::Queued {
            self.held_until = None;
            self.closes_at = None;
            return self;
        }
        // Its time to be picked up stands still while nothing can pick it up: since it was held or its window closed,
        // not since somebody looked.
        let still = [self.held_until, self.closes_at].into_iter().flatten().fold(now, Ord::min);
        // Nobody looked since somebody agreed: none of its time has run.
        let just_agreed = |due: &Timestamp| matches!(self.consent, Consent::Given { at } if *due <= at);
        let due = self.phase_due.filter(|due| !just_agreed(due));
        let left = due.map_or(timeouts.queued, |due| due.since(still));
        let left = Timeouts { queued: left, ..*timeouts };
        match window {
            WindowState::Open { until, .. } => {
                self.phase_due = Some(queued_until(now, &left, self.expires_at));
                self.held_until = None;
                self.closes_at = Some(until);
            }
            WindowState::Closed { opens, .. } => {
                self.phase_due = Some(queued_until(opens, &left, self.expires_at));
                self.held_until = Some(opens);
                self.closes_at = None;
            }
            WindowState::NoneLeft => {
                self.version += 1;
                self.end(ExecutionState::Canceled, NO_WINDOW_LEFT, now);
            }
        }
        self
    }

    /// Asks the device to stop. Nothing happens once it is over, or was asked before.
    pub fn asked_to_cancel(&self, timeouts: &Timeouts, now: Timestamp) -> Option<Self> {
        (self.state.is_open() && self.cancel_asked_at.is_none()).then(|| {
            let mut next = self.clone();
            next.version += 1;
            next.updated_at = now;
            next.cancel_asked_at = Some(now);
            next.phase_due = Some(now.plus(timeouts.in_progress));
            next.step_due = None;
            next.held_until = None;
            next.closes_at = None;
            next
        })
    }

    /// What the device says to being asked to stop. None if it was not asked, or is over.
    pub fn cancel_answered(&self, agrees: bool, timeouts: &Timeouts, now: Timestamp) -> Option<Self> {
        if !self.state.is_open() || self.cancel_asked_at.is_none() {
            return None;
        }
        if agrees {
            return self.withdrawn("the device agreed to stop", now);
        }
        let mut next = self.clone();
        next.version += 1;
        next.updated_at = now;
        next.cancel_asked_at = None;
        // Who cannot stop is at work, whether it said so or not.
        if self.state == ExecutionState::Queued {
            next.state = ExecutionState::InProgress;
            next.started_at = Some(now);
        }
        next.phase_due = Some(now.plus(timeouts.at_work(Phase::of(&self.details))));
        Some(next)
    }

    /// Somebody agrees. None if nobody needs to, somebody did, or it is over. Its time to be picked up begins then, unless
    /// that is when it was offered: the next look gives it the whole of it.
    pub fn agreed(&self, now: Timestamp) -> Option<Self> {
        (self.state.is_open() && self.consent == Consent::Awaited).then(|| {
            let mut next = self.clone();
            next.version += 1;
            next.updated_at = now;
            next.consent = Consent::Given { at: now };
            let waited = now > next.queued_at;
            if waited && next.state == ExecutionState::Queued && next.cancel_asked_at.is_none() {
                next.phase_due = next.phase_due.map(|_| now);
            }
            next
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::job::execution::tests::queued;

    const TIMEOUTS: Timeouts = Timeouts {
        queued: Duration::from_secs(100),
        download: None,
        in_progress: Duration::from_secs(50),
        verify: None,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn closed(opens: i64, until: i64) -> WindowState {
        WindowState::Closed { opens: at(opens), until: at(until) }
    }

    fn open(since: i64, until: i64) -> WindowState {
        WindowState::Open { since: at(since), until: at(until) }
    }

    #[test]
    fn time_to_pick_it_up_stands_still_while_the_window_is_closed() {
        let held = queued(at(0)).in_window(closed(1_000, 1_060), &TIMEOUTS, at(0));
        assert!(!held.is_shown(at(500)));
        assert_eq!(held.due(), Some(at(1_000)));
        let shown = held.timed_out(&TIMEOUTS, None, Some(open(1_000, 1_060)), at(1_000)).unwrap();
        assert!(shown.is_shown(at(1_000)) && !shown.is_shown(at(1_060)));
        let again = shown.timed_out(&TIMEOUTS, None, Some(closed(2_000, 2_060)), at(1_060)).unwrap();
        assert!(!again.is_shown(at(1_060)));
        assert_eq!(again.phase_due, Some(at(2_040)), "60 of 100 seconds were used up");
        let last = again.timed_out(&TIMEOUTS, None, Some(open(2_000, 2_060)), at(2_000)).unwrap();
        let over = last.timed_out(&TIMEOUTS, None, Some(open(2_000, 2_060)), at(2_040)).unwrap();
        assert_eq!(over.state, ExecutionState::TimedOut);
    }

    #[test]
    fn who_agreed_before_it_was_offered_has_the_whole_time_to_pick_it_up() {
        let offered = Execution { consent: Consent::Awaited, ..queued(at(0)) };
        let due = offered.phase_due;
        let agreed = offered.agreed(at(0)).unwrap();
        assert_eq!((agreed.consent, agreed.phase_due), (Consent::Given { at: at(0) }, due));
        assert_eq!(agreed.timed_out(&TIMEOUTS, None, None, at(0)), None);
        let over = agreed.timed_out(&TIMEOUTS, None, None, due.unwrap()).unwrap();
        assert_eq!(over.state, ExecutionState::TimedOut);
    }

    #[test]
    fn a_clock_that_jumps_over_a_window_shows_nothing_outside_of_it() {
        let held = queued(at(0)).in_window(closed(1_000, 1_060), &TIMEOUTS, at(0));
        assert!(!held.is_shown(at(5_000)), "nobody looked at it again yet");
        let again = held.timed_out(&TIMEOUTS, None, Some(closed(9_000, 9_060)), at(5_000)).unwrap();
        assert_eq!(again.held_until, Some(at(9_000)));
        assert_eq!(again.state, ExecutionState::Queued);
    }

    #[test]
    fn without_a_window_left_it_is_over_and_says_so() {
        let over = queued(at(0)).in_window(WindowState::NoneLeft, &TIMEOUTS, at(0));
        assert_eq!((over.state, over.reason.as_str()), (ExecutionState::Canceled, NO_WINDOW_LEFT));
        assert_eq!(over.due(), None);
    }

    #[test]
    fn a_device_that_is_asked_to_stop_may_agree_refuse_or_be_silent() {
        let asked = queued(at(0)).asked_to_cancel(&TIMEOUTS, at(10)).unwrap();
        assert!(asked.state.is_open() && !asked.is_shown(at(10)));
        assert_eq!(asked.asked_to_cancel(&TIMEOUTS, at(11)), None);
        let agreed = asked.cancel_answered(true, &TIMEOUTS, at(20)).unwrap();
        assert_eq!(agreed.state, ExecutionState::Canceled);
        let refused = asked.cancel_answered(false, &TIMEOUTS, at(20)).unwrap();
        assert_eq!((refused.state, refused.cancel_asked_at), (ExecutionState::InProgress, None));
        assert_eq!((refused.started_at, refused.phase_due), (Some(at(20)), Some(at(70))));
        assert_eq!(refused.cancel_answered(true, &TIMEOUTS, at(21)), None, "nobody asks any more");
        let silent = asked.timed_out(&TIMEOUTS, None, None, at(60)).unwrap();
        assert_eq!(silent.state, ExecutionState::Canceled);
    }

    #[test]
    fn what_needs_consent_is_hidden_until_somebody_agrees() {
        let awaited = Execution { consent: Consent::Awaited, ..queued(at(0)) };
        assert!(!awaited.is_shown(at(1)));
        let agreed = awaited.agreed(at(2)).unwrap();
        assert!(agreed.is_shown(at(2)));
        assert_eq!(agreed.agreed(at(3)), None);
        assert_eq!(queued(at(0)).agreed(at(3)), None);
    }

    fn looked_at(execution: Execution, window: Option<WindowState>, now: i64) -> Execution {
        let next = execution.timed_out(&TIMEOUTS, None, window, at(now));
        next.unwrap_or(execution)
    }

    #[test]
    fn time_to_pick_it_up_begins_when_somebody_agrees() {
        let awaited = Execution { consent: Consent::Awaited, ..queued(at(0)) };
        let later = (1..50).fold(awaited, |execution, look| looked_at(execution, None, look * 100));
        assert_eq!((later.state, later.consent), (ExecutionState::Queued, Consent::Awaited));
        let agreed = looked_at(later.agreed(at(5_000)).unwrap(), None, 5_000);
        assert_eq!((agreed.state, agreed.phase_due), (ExecutionState::Queued, Some(at(5_100))));
        assert_eq!(looked_at(agreed.clone(), None, 5_099).state, ExecutionState::Queued);
        let over = looked_at(agreed, None, 5_100);
        assert_eq!(over.state, ExecutionState::TimedOut);
    }

    #[test]
    fn consent_outside_of_the_window_leaves_the_whole_time_from_its_opening_on() {
        let held = Execution { consent: Consent::Awaited, ..queued(at(0)) };
        let held = held.in_window(closed(1_000, 3_000), &TIMEOUTS, at(0));
        let agreed = looked_at(held.agreed(at(10)).unwrap(), Some(closed(1_000, 3_000)), 11);
        assert_eq!((agreed.held_until, agreed.phase_due), (Some(at(1_000)), Some(at(1_100))));
        let shown = looked_at(agreed, Some(open(1_000, 3_000)), 1_000);
        assert!(shown.is_shown(at(1_000)));
        assert_eq!(shown.phase_due, Some(at(1_100)));
        assert_eq!(looked_at(shown, None, 1_100).state, ExecutionState::TimedOut);
    }

    #[test]
    fn consent_during_a_pause_that_the_window_closes_in_leaves_the_whole_time_too() {
        let awaited = Execution { consent: Consent::Awaited, ..queued(at(0)) };
        let shown = awaited.in_window(open(1_000, 3_000), &TIMEOUTS, at(0));
        // Nobody looks while its job is paused, until long after the window closed.
        let agreed = shown.agreed(at(50)).unwrap();
        let next = agreed.in_window(closed(10_000, 12_000), &TIMEOUTS, at(5_000));
        assert_eq!((next.held_until, next.phase_due), (Some(at(10_000)), Some(at(10_100))));
        let shown = next.in_window(open(10_000, 12_000), &TIMEOUTS, at(10_000));
        assert_eq!(looked_at(shown, Some(open(10_000, 12_000)), 10_050).state, ExecutionState::Queued);
    }

    #[test]
    fn going_on_after_a_pause_while_the_window_is_closed_leaves_the_whole_time_too() {
        let held = queued(at(0)).in_window(closed(1_000, 3_000), &TIMEOUTS, at(0));
        let due = Execution { phase_due: Some(at(20)), ..held };
        let next = due.timed_out(&TIMEOUTS, Some(at(5)), Some(closed(1_000, 3_000)), at(500)).unwrap();
        assert_eq!((next.state, next.phase_due), (ExecutionState::Queued, Some(at(1_100))));
    }
}
