//! How an update stands for one device, in hawkBit's terms: what it is told to do now. Pure.

use windlass_domain::hawkbit::Window;
use windlass_domain::ids::{ExecutionId, Sha256};
use windlass_domain::job::phase::{DOWNLOADED, DOWNLOADING, PHASE};
use windlass_domain::job::{Consent, Execution, ExecutionState, Handling, Job, STOP_REFUSED, WindowState};
use windlass_domain::time::Timestamp;

/// The attribute of a device that says which client it runs, where the client does not say so itself.
pub const CLIENT_ATTRIBUTE: &str = "hawkbit.client";
/// What that attribute may say.
pub(crate) const CLIENTS: [&str; 4] = ["swupdate", "rauc", "zephyr", "generic"];

/// What a device is to do about one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// At once.
    Forced,
    /// When it fits.
    Attempt,
    /// Not now.
    Skip,
}

/// What a client makes of an update that it is told to fetch and not to install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SkipMeans {
    /// Fetches it, and waits for another word.
    Fetch,
    /// Says that it is done. Nothing of that kind may be shown to it.
    Done,
    /// Installs it all the same. Nothing of that kind may be shown to it.
    Install,
}

/// What kind of client this is: by what an operator says of the device, else by what it calls itself.
pub(super) fn skip_means(attribute: Option<&str>, agent: &str, is_closer: bool) -> SkipMeans {
    match attribute {
        Some("swupdate") => SkipMeans::Done,
        Some("zephyr") => SkipMeans::Install,
        Some("rauc" | "generic") => SkipMeans::Fetch,
        Some(_) | None if is_closer || agent.starts_with("libcurl-agent") => SkipMeans::Done,
        Some(_) | None => SkipMeans::Fetch,
    }
}

/// How an update stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand {
    /// Which action.
    pub(super) action: ExecutionId,
    /// Somebody must agree first.
    pub(super) waits: bool,
    /// The device is to stop.
    pub(super) canceling: bool,
    /// What to do about the download.
    pub(super) download: Urgency,
    /// What to do about the installation.
    pub(super) update: Urgency,
    /// With a maintenance window: whether it is open.
    pub(super) window: Option<bool>,
    /// When it opens, while it is closed.
    pub(super) opens_at: Option<Timestamp>,
    /// Nothing of it is shown for now.
    pub(super) hidden: bool,
    /// The device fetches it, may never install it any more, and was not asked to stop yet.
    pub(super) lapsed: bool,
}

/// How an open update stands at `now`. `zone`: what the device's attributes say of its time zone.
pub(super) fn stand(
    execution: &Execution,
    job: &Job,
    zone: Option<&str>,
    skip: SkipMeans,
    now: Timestamp,
) -> Stand {
    let rollout = &job.spec.rollout;
    let state = rollout.window.as_ref().map(|window| window.state(zone, now));
    let is_open = state.map(WindowState::is_open);
    let opens_at = match state {
        Some(WindowState::Closed { opens, .. }) => Some(opens),
        Some(WindowState::Open { .. } | WindowState::NoneLeft) | None => None,
    };
    let (download, install) = match rollout.handling {
        Handling::DownloadOnly => (Urgency::Forced, Urgency::Skip),
        handling if handling.is_forced(now) => (Urgency::Forced, Urgency::Forced),
        Handling::Forced | Handling::Soft | Handling::TimeForced { .. } => {
            (Urgency::Attempt, Urgency::Attempt)
        }
    };
    let closed = is_open == Some(false);
    let begun = execution.state == ExecutionState::InProgress;
    // A pause between two tries; a closed window is not that.
    let paused = execution.held_until.is_some_and(|at| at > now) && !closed;
    let never = state == Some(WindowState::NoneLeft) && !begun;
    let (mut update, mut window) = (if closed { Urgency::Skip } else { install }, is_open);
    let mut hidden = paused || never;
    let phase = execution.details.get(PHASE).map(String::as_str);
    let fetches = begun && matches!(phase, Some(DOWNLOADING | DOWNLOADED));
    let is_asked = execution.cancel_asked_at.is_some() || execution.details.contains_key(STOP_REFUSED);
    let lapsed = fetches
        && !is_asked
        && state == Some(WindowState::NoneLeft)
        && skip == SkipMeans::Fetch
        && install != Urgency::Skip;
    if skip != SkipMeans::Fetch && update == Urgency::Skip {
        if begun && install != Urgency::Skip {
            // What it began in time it may finish, and confirm after its restart.
            (update, window) = (install, Some(true));
        } else {
            hidden = true;
        }
    }
    Stand {
        action: execution.id,
        waits: execution.consent == Consent::Awaited,
        canceling: execution.cancel_asked_at.is_some(),
        download,
        update,
        window,
        opens_at: opens_at.filter(|_| !begun || skip == SkipMeans::Fetch),
        hidden,
        lapsed,
    }
}

impl Stand {
    /// Changes whenever the document of the action does: clients take the link for a key of their caches.
    pub(super) fn revision(&self) -> u32 {
        let Self { action, waits, canceling: _, download, update, window, opens_at: _, hidden: _, lapsed: _ } =
            self;
        let text = format!("{action} {waits} {download:?} {update:?} {window:?}");
        let digest = Sha256::of(text.as_bytes());
        digest.as_bytes().iter().take(4).fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)) >> 1
    }

    /// The window that is to come, for the poll time.
    pub(super) fn coming(&self, polls: u32) -> Option<Window> {
        self.opens_at.map(|opens_at| Window { opens_at, polls })
    }
}

/// How long a device is to wait, by the nearest of the windows that are to come.
pub(super) fn nearest(stands: &[Stand], polls: u32) -> Option<Window> {
    stands.iter().filter_map(|stand| stand.coming(polls)).min_by_key(|window| window.opens_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_close_what_they_skip_are_known_by_name_attribute_or_deed() {
        assert_eq!(skip_means(None, "libcurl-agent/1.0", false), SkipMeans::Done);
        assert_eq!(skip_means(None, "rauc-hawkbit-c-agent/1.0", false), SkipMeans::Fetch);
        assert_eq!(skip_means(None, "", true), SkipMeans::Done);
        assert_eq!(skip_means(Some("swupdate"), "", false), SkipMeans::Done);
        assert_eq!(skip_means(Some("generic"), "libcurl-agent/1.0", true), SkipMeans::Fetch);
        assert_eq!(skip_means(Some("zephyr"), "", true), SkipMeans::Install);
        assert_eq!(skip_means(Some("auto"), "libcurl-agent/1.0", false), SkipMeans::Done);
    }
}
