//! What would come of a job on one device, as things stand: the judge's word, then what holds it back after that.
//!
//! Knows neither waves as a whole nor how what was seen is told.

use std::time::Duration;

use windlass_domain::ids::{DeviceId, ExecutionId, JobId};
use windlass_domain::job::forecast::{Contact, WaveWork, next_contact};
use windlass_domain::job::{Begin, Execution, Job, JobState, Outcome, WindowState, gates};
use windlass_domain::time::Timestamp;
use windlass_store::management::Displaced;
use windlass_store::{StoreError, Tx, ddi};

use crate::App;
use crate::fleet::Contacts;
use crate::jobs::create::NewJob;
use crate::jobs::judge::{self, Catalogue, Facts, Judged};
use crate::jobs::{offer, surroundings};

/// How many contact intervals may pass before a device counts as silent, in halves.
const SILENT_HALVES: u32 = 5;

/// What can be done where the job would be over before a device has its turn.
pub(super) const END_LATER: &str = "Let the job end later, or begin earlier.";

/// When a wave begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begins {
    /// As far as anybody can tell.
    pub(super) at: Timestamp,
    /// Whether anybody can.
    pub(super) is_known: bool,
    /// In words.
    pub(super) words: &'static str,
}

impl Begins {
    /// When the first wave begins. What waits for a person is taken to begin now.
    pub(super) fn first(new: &NewJob, now: Timestamp) -> Self {
        let (at, words) = match new.begin {
            Begin::At(at) if at > now => (at, "would be offered work once it starts"),
            Begin::Manually => (now, "would be offered work once it is started"),
            Begin::Now | Begin::At(_) => (now, "would be offered work at once"),
        };
        let words = if new.rollout.approval { "would be offered work once it is approved" } else { words };
        Self { at, is_known: true, words }
    }

    /// When a later wave begins.
    pub(super) const fn later(at: Timestamp, is_known: bool) -> Self {
        Self { at, is_known, words: "would be offered work when its wave begins" }
    }
}

/// What would come of it on a device.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) device: DeviceId,
    /// How it would count at once.
    pub(super) outcome: Outcome,
    /// Why.
    pub(super) reason: String,
    /// What an operator can do; may be empty.
    pub(super) action: &'static str,
    /// What it has to do.
    pub(super) work: Option<Work>,
}

/// What a device has to do.
#[derive(Debug)]
pub(super) struct Work {
    /// When it may begin at the earliest, as far as that is known.
    pub(super) begins: Option<Timestamp>,
    /// The same, taken as known.
    from: Timestamp,
    /// None if it was not heard for long.
    contact: Option<Contact>,
    zone: Option<String>,
    /// Whose download rate it shares.
    share: Option<String>,
    /// The job whose update goes first.
    pub(super) behind: Option<JobId>,
}

impl Work {
    /// Whether it was not heard for long.
    pub(super) const fn is_silent(&self) -> bool {
        self.contact.is_none()
    }

    /// Counts it into its wave.
    pub(super) fn add_to(self, wave: &mut WaveWork) {
        wave.add(self.from, self.contact, self.zone.as_deref(), self.share);
    }
}

/// How a device is reached from some time on; none if it was not heard for long, and nobody can tell.
fn contact(app: &App, device: DeviceId, from: Timestamp, now: Timestamp) -> Option<Contact> {
    let contact = app.contact(device);
    if contact.connections > 0 {
        return Some(Contact { next: from, interval: Duration::ZERO });
    }
    let interval = app.fleet.contact_interval(device, app, now);
    let silent_after = interval.saturating_mul(SILENT_HALVES) / 2;
    let last = contact.last_at.filter(|last| now.since(*last) < silent_after)?;
    Some(Contact { next: next_contact(last, interval, from), interval })
}

/// Looks at devices of one job that is not made.
pub(super) struct Looker<'a> {
    app: &'a App,
    job: &'a Job,
    catalogue: Catalogue,
    now: Timestamp,
}

impl<'a> Looker<'a> {
    pub(super) async fn new(
        tx: &mut Tx<'_>,
        app: &'a App,
        job: &'a Job,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let catalogue = judge::catalogue(tx, job, app.limits.open_executions, now).await?;
        Ok(Self { app, job, catalogue, now })
    }

    /// Looks at devices of one wave: at each, in the same order.
    pub(super) async fn look(
        &mut self,
        tx: &mut Tx<'_>,
        wave: u32,
        devices: &[DeviceId],
        begins: Begins,
    ) -> Result<Vec<Seen>, StoreError> {
        let facts = self.catalogue.facts(tx, self.job, devices).await?;
        let mut all = Vec::with_capacity(devices.len());
        for device in devices {
            let known = facts.get(device);
            let seen = |outcome, reason: String, action| Seen {
                device: *device,
                outcome,
                reason,
                action,
                work: None,
            };
            all.push(match (self.catalogue.judge(tx, self.job, known).await?, known) {
                (Judged::Work { others, .. }, Some(known)) => {
                    let others = self.others(tx, others).await?;
                    self.work(known, wave, others, begins)
                }
                (Judged::Runs { .. } | Judged::InPlace, _) => {
                    seen(Outcome::Succeeded, "runs this version already".to_owned(), "")
                }
                (Judged::Skip(skip), _) => seen(Outcome::Skipped, skip.to_string(), skip.action()),
                (Judged::Work { .. }, None) => {
                    let skip = windlass_domain::job::Skip::Gone;
                    seen(Outcome::Skipped, skip.to_string(), skip.action())
                }
            });
        }
        Ok(all)
    }

    /// What becomes of a device's other updates when this one is offered.
    async fn others(&self, tx: &mut Tx<'_>, all: Vec<(Execution, Job)>) -> Result<Others, StoreError> {
        let (mut left, mut taken_off) = (Vec::new(), Vec::new());
        for (other, of) in all {
            let way = Displaced::default();
            match offer::gives_way(tx, self.job, (&other, &of), way, self.now).await? {
                Some((gone, _)) if gone.state.is_open() => left.push((gone, of)),
                Some(_) => taken_off.push(of.id),
                None => left.push((other, of)),
            }
        }
        let is_held = |of: &Job| matches!(of.state, JobState::Paused | JobState::Halted(_));
        let held: Vec<ExecutionId> =
            left.iter().filter(|(_, of)| is_held(of)).map(|(other, _)| other.id).collect();
        let fetched = ddi::retrieved(tx, &held).await?;
        let behind = surroundings::first_of(self.app, self.job, &left, &fetched, self.now);
        Ok(Others { behind, taken_off })
    }

    fn work(&self, facts: &Facts, wave: u32, others: Others, begins: Begins) -> Seen {
        let device = facts.device;
        let rollout = &self.job.spec.rollout;
        let over = |outcome, reason: &str, action| Seen {
            device,
            outcome,
            reason: reason.to_owned(),
            action,
            work: None,
        };
        let is_over = |at: Timestamp| rollout.ends_at.is_some_and(|end| end <= at);
        if is_over(begins.at) {
            return over(Outcome::Canceled, "the job would end before its wave begins", END_LATER);
        }
        let (mut from, mut reason) = (begins.at, begins.words.to_owned());
        if let Some(window) = &rollout.window {
            match window.state(judge::zone(facts), begins.at) {
                WindowState::Open { .. } => {}
                WindowState::Closed { opens, .. } if is_over(opens) => {
                    let reason = "the job would end before its maintenance window opens";
                    return over(Outcome::Canceled, reason, END_LATER);
                }
                WindowState::Closed { opens, .. } => {
                    from = opens;
                    reason = "would wait for its maintenance window".to_owned();
                }
                WindowState::NoneLeft => {
                    let action = "Give the window a schedule with an occurrence in the future.";
                    return over(Outcome::Canceled, gates::NO_WINDOW_LEFT, action);
                }
            }
        }
        if self.job.consents(wave) {
            reason.push_str(" and needs consent");
        }
        let Others { behind, taken_off } = others;
        if let Some(job) = taken_off.first() {
            reason.push_str(&format!(", in place of the update of job {job}"));
        }
        if let Some(job) = behind {
            reason.push_str(&format!(", and waits for job {job}, which goes first"));
        }
        let contact = contact(self.app, device, from, self.now);
        if contact.is_none() {
            reason.push_str(", but was not heard for long");
        }
        let by = rollout.download_rate.as_ref().and_then(|rate| rate.by.as_ref());
        let work = Work {
            begins: (begins.is_known && behind.is_none()).then_some(from),
            from,
            contact,
            zone: judge::zone(facts).map(str::to_owned),
            // Devices without the attribute share a rate too.
            share: by.map(|key| facts.attributes.get(key).cloned().unwrap_or_default()),
            behind,
        };
        let action = if behind.is_some() { "Wait for that job, or cancel it." } else { "" };
        Seen { device, outcome: Outcome::Open, reason, action, work: Some(work) }
    }
}

/// A device's other updates, once this one is offered.
struct Others {
    /// Which goes first.
    behind: Option<JobId>,
    /// Whose are taken off it.
    taken_off: Vec<JobId>,
}
