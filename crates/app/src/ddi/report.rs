//! What devices say of their actions: kept in the history, and carried out as any other device's report.
//!
//! A client that says it is done with what it was told to skip has installed nothing; that is written down and not
//! believed.

use windlass_domain::ids::ExecutionId;
use windlass_domain::job::{
    DeviceReport, Execution, ExecutionState, Handling, Job, Refusal, ReportedStatus, STOP_REFUSED, StepTimer,
    Verdict,
};
use windlass_domain::shadow::Shadow;
use windlass_domain::time::Timestamp;
use windlass_store::ddi::{Installed, NewStatus, Served, Target};
use windlass_store::{StoreError, Tx, ddi as table, devices, executions, shadows};
use windlass_wire::ddi::{Confirmation, ConfirmationWord, Execution as Said, Feedback, Finished};

use super::action::{Failed, find};
use super::peer::DdiPeer;
use super::poll::Open;
use super::said::{details, entry, in_pieces, kind};
use crate::app::App;
use crate::jobs::{device, release_of, verify};
use crate::message::Effects;

/// Most entries of the history of an action; a final one is always taken.
pub const MOST_ENTRIES: u64 = 1_000;
/// Most messages of one entry.
pub const MOST_MESSAGES: usize = 50;

/// Refuses what is too much. A last word is always taken: of its messages as many are kept as an entry has.
async fn bounded(
    tx: &mut Tx<'_>,
    execution: ExecutionId,
    messages: usize,
    is_final: bool,
) -> Result<(), Failed> {
    if !is_final && messages > MOST_MESSAGES {
        return Err(Failed::TooMany(format!("an entry has at most {MOST_MESSAGES} messages")));
    }
    if !is_final && table::status_count(tx, execution).await? >= MOST_ENTRIES {
        return Err(Failed::TooMany(format!("an action has at most {MOST_ENTRIES} entries")));
    }
    Ok(())
}

/// What a report means for the action.
enum Meaning {
    /// It goes on, or ends.
    Status(ReportedStatus),
    /// Written down, and nothing else.
    Nothing,
    /// Said to be done with what was to be skipped.
    Skipped,
}

/// How a report was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// The device closes what it was shown.
    Said,
    /// The device runs what the action brings, whatever it was told to do about it.
    Runs,
}

/// What SWUpdate says where it was told to install nothing.
const SKIPPED: &str = "Skipped Update.";

/// `told_to_skip`: what the document said that the device acts on.
fn meaning(feedback: &Feedback, job: &Job, told_to_skip: bool) -> Meaning {
    let says_skipped = feedback.details.iter().any(|text| text.trim().eq_ignore_ascii_case(SKIPPED));
    let only_download = job.spec.rollout.handling == Handling::DownloadOnly;
    match (feedback.execution, feedback.finished) {
        (Said::Closed, Finished::Failure) => Meaning::Status(ReportedStatus::Failed),
        (Said::Closed, Finished::Success | Finished::None) if told_to_skip || says_skipped => {
            Meaning::Skipped
        }
        (Said::Closed, Finished::Success | Finished::None) => Meaning::Status(ReportedStatus::Succeeded),
        (Said::Downloaded, _) if only_download => Meaning::Status(ReportedStatus::Succeeded),
        // To fetch is all that it was to do.
        (Said::Download | Said::Proceeding | Said::Resumed, _) if only_download => {
            Meaning::Status(ReportedStatus::InProgress)
        }
        // A device that fetches while its window is closed has not begun to install.
        (Said::Canceled | Said::Rejected | Said::Scheduled, _) => Meaning::Nothing,
        (Said::Download | Said::Downloaded | Said::Proceeding | Said::Resumed, _) if told_to_skip => {
            Meaning::Nothing
        }
        (Said::Download | Said::Downloaded | Said::Proceeding | Said::Resumed, _) => {
            Meaning::Status(ReportedStatus::InProgress)
        }
    }
}

/// Notes what the device runs by now.
async fn installed(
    tx: &mut Tx<'_>,
    execution: &Execution,
    job: &Job,
    now: Timestamp,
) -> Result<(), StoreError> {
    let target = table::target(tx, execution.device).await?;
    let installed = match release_of(tx, job).await? {
        Some(release) if job.spec.rollout.handling != Handling::DownloadOnly => Some(Installed {
            name: release.name.into_string(),
            version: release.version.into_string(),
            execution: Some(execution.id),
            at: now,
        }),
        Some(_) | None => target.installed,
    };
    table::target_put(tx, execution.device, &Target { attributes_wanted: true, installed, ..target }).await
}

/// What came of a report.
#[derive(Debug, Default)]
struct Done {
    effects: Effects,
    closed_skipped: bool,
}

async fn feedback_in(
    tx: &mut Tx<'_>,
    peer: &DdiPeer,
    action: ExecutionId,
    feedback: &Feedback,
    heard: Heard,
    now: Timestamp,
) -> Result<Done, Failed> {
    let Open { execution, job } = find(tx, peer, action).await?;
    let only_download = job.spec.rollout.handling == Handling::DownloadOnly;
    if !execution.state.is_open() {
        // Fetched was its last word; that it is closed too takes nothing back, and is taken once.
        let may_close = only_download
            && execution.state == ExecutionState::Succeeded
            && feedback.execution == Said::Closed
            && table::statuses(tx, action, true, 0, 1).await?.iter().all(|last| last.kind == "downloaded");
        if !may_close {
            return Err(Failed::Closed);
        }
        bounded(tx, action, feedback.details.len(), true).await?;
        table::status_insert(tx, &entry(peer, action, kind(feedback), feedback), now).await?;
        return Ok(Done::default());
    }
    let is_final =
        feedback.execution == Said::Closed || (only_download && feedback.execution == Said::Downloaded);
    if execution.consent == windlass_domain::job::Consent::Awaited && execution.cancel_asked_at.is_none() {
        return Err(Failed::NotFound);
    }
    bounded(tx, action, feedback.details.len(), is_final).await?;
    let served = table::served(tx, action).await?;
    let mut done = Done::default();
    // What it began under another word it goes on with, whatever it was told since.
    let told_to_skip = served.skip && execution.state != ExecutionState::InProgress && heard == Heard::Said;
    let status = match meaning(feedback, &job, told_to_skip) {
        Meaning::Status(status) => status,
        Meaning::Nothing => {
            table::status_insert(tx, &entry(peer, action, kind(feedback), feedback), now).await?;
            keep_code(tx, &execution, feedback.code, now).await?;
            return Ok(done);
        }
        Meaning::Skipped => {
            done.closed_skipped = true;
            // A last word that ends nothing may come again and again; a full history keeps no more of them.
            if table::status_count(tx, action).await? < MOST_ENTRIES {
                table::status_insert(tx, &entry(peer, action, "running", feedback), now).await?;
                let text = "the device closed what it was told to skip; nothing counts as installed";
                table::status_insert(tx, &NewStatus::by_server(action, "warning", text), now).await?;
            }
            return Ok(done);
        }
    };
    table::status_insert(tx, &entry(peer, action, kind(feedback), feedback), now).await?;
    let report = DeviceReport {
        status,
        details: Some(details(peer, &execution, feedback, only_download)),
        expected_version: None,
        step: StepTimer::Keep,
    };
    let reported = device::report(tx, &execution, &job, &report, feedback.code, now).await?;
    let (changed, effects) = match reported {
        Ok(done) => done,
        Err(Refusal::InvalidStateTransition | Refusal::VersionMismatch | Refusal::Expired) => {
            return Err(Failed::Closed);
        }
    };
    done.effects = effects;
    if changed.state == ExecutionState::Succeeded {
        installed(tx, &changed, &job, now).await?;
        if believed(tx, &changed, now).await? {
            done.effects.reconcile.push(job.id);
        }
    }
    Ok(done)
}

/// Why a device is believed that nobody gave a type.
const NO_TYPE: &str = "the device said so; it has no type that says where its version shows";
/// Why a device is believed whose type looks where hawkBit's clients never write.
const NO_SHADOW: &str = "the device said so; its type looks for versions in the shadow, and the device has none; \
                         name an attribute as the type's version source";

/// Where nobody said, by a device type, at what place the version of a device shows, its word is all there is.
async fn believed(tx: &mut Tx<'_>, execution: &Execution, now: Timestamp) -> Result<bool, StoreError> {
    if execution.verdict != Verdict::Pending {
        return Ok(false);
    }
    let Some(device) = devices::device_by_id(tx, execution.device).await? else { return Ok(false) };
    let reason = match device.device_type {
        None => NO_TYPE,
        Some(_) if verify::looks_at_attributes(tx, &device).await? => return Ok(false),
        Some(_) => match shadows::shadow(tx, device.id, None).await? {
            Some(Shadow::Live { .. }) => return Ok(false),
            Some(Shadow::Deleted { .. }) | None => NO_SHADOW,
        },
    };
    executions::update(tx, execution, &execution.clone().judged(Verdict::Unverifiable, reason, now)).await
}

/// A status code is that of the last report, none if that had none; also where nothing else changes.
async fn keep_code(
    tx: &mut Tx<'_>,
    execution: &Execution,
    code: Option<i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if code == execution.status_code {
        return Ok(());
    }
    let mut changed = execution.clone();
    changed.status_code = code;
    changed.updated_at = now;
    executions::update(tx, execution, &changed).await.map(drop)
}

async fn cancel_in(
    tx: &mut Tx<'_>,
    peer: &DdiPeer,
    action: ExecutionId,
    feedback: &Feedback,
    now: Timestamp,
) -> Result<Effects, Failed> {
    let Open { execution, job } = find(tx, peer, action).await?;
    if !execution.state.is_open() || execution.cancel_asked_at.is_none() {
        return Err(Failed::NotCanceling);
    }
    let agrees = match (feedback.execution, feedback.finished) {
        (Said::Closed, Finished::Success | Finished::None) => Some(true),
        (Said::Closed, Finished::Failure) | (Said::Rejected, _) => Some(false),
        (
            Said::Proceeding
            | Said::Scheduled
            | Said::Resumed
            | Said::Download
            | Said::Downloaded
            | Said::Canceled,
            _,
        ) => None,
    };
    bounded(tx, action, feedback.details.len(), agrees.is_some()).await?;
    let word = match agrees {
        Some(true) => "canceled",
        Some(false) => "cancel_rejected",
        None if feedback.execution == Said::Canceled => "warning",
        None => "running",
    };
    let mut said = entry(peer, action, word, feedback);
    if word == "warning" {
        said.messages.push(
            "Update Server: Target reported cancel for a cancel which is not supported by the server."
                .to_owned(),
        );
    }
    table::status_insert(tx, &said, now).await?;
    // Clients that take the link for all they need never fetch what stands behind it; whoever answers has seen it.
    let before = table::served(tx, action).await?;
    if before.cancel_retrieved_at.is_none() {
        table::served_put(tx, action, &Served { cancel_retrieved_at: Some(now), ..before }).await?;
    }
    let mut effects = Effects::default();
    let mut answered = agrees.and_then(|agrees| execution.cancel_answered(agrees, &job.spec.timeouts, now));
    if let (Some(changed), Some(false)) = (&mut answered, agrees) {
        let said = feedback.details.iter().rev().map(|message| message.trim()).find(|said| !said.is_empty());
        let said = said.unwrap_or("it gave no reason").chars().take(200).collect();
        changed.details.insert(STOP_REFUSED.to_owned(), said);
    }
    if let Some(changed) = answered
        && executions::update(tx, &execution, &changed).await?
    {
        effects.wake.push(execution.device);
        effects.reconcile.push(job.id);
    }
    Ok(effects)
}

async fn confirm_in(
    tx: &mut Tx<'_>,
    peer: &DdiPeer,
    action: ExecutionId,
    confirmation: &Confirmation,
    now: Timestamp,
) -> Result<Effects, Failed> {
    let Open { execution, job } = find(tx, peer, action).await?;
    if !execution.state.is_open() {
        return Err(Failed::Closed);
    }
    let Some(agreed) = execution.agreed(now).filter(|_| execution.cancel_asked_at.is_none()) else {
        return Err(Failed::NotFound);
    };
    bounded(tx, action, confirmation.details.len(), false).await?;
    let (word, text) = match confirmation.word {
        ConfirmationWord::Confirmed => ("running", "Target confirmed action. Assignment is now active."),
        ConfirmationWord::Denied => {
            ("wait_for_confirmation", "Target rejected the action; it keeps waiting.")
        }
    };
    let mut messages = in_pieces(&confirmation.details);
    messages.push(format!("Update Server: {text}"));
    if let Some(code) = confirmation.code {
        messages.push(format!("Confirmation status code: {code}"));
    }
    let new = NewStatus {
        execution: action,
        kind: word,
        code: confirmation.code,
        messages,
        reported_at: None,
        credential: Some(peer.proof.as_str()),
    };
    table::status_insert(tx, &new, now).await?;
    let mut effects = Effects::default();
    if confirmation.word == ConfirmationWord::Confirmed && executions::update(tx, &execution, &agreed).await?
    {
        effects.wake.push(execution.device);
        effects.reconcile.push(job.id);
    }
    Ok(effects)
}

impl App {
    /// Takes what a device says of an action.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn ddi_feedback(
        &self,
        peer: &DdiPeer,
        action: ExecutionId,
        feedback: Feedback,
    ) -> Result<(), Failed> {
        self.ddi_feedback_as(peer, action, feedback, Heard::Said).await
    }

    /// As [`App::ddi_feedback`], where the server may know more than the words say.
    pub(super) async fn ddi_feedback_as(
        &self,
        peer: &DdiPeer,
        action: ExecutionId,
        feedback: Feedback,
        heard: Heard,
    ) -> Result<(), Failed> {
        self.ddi_seen(peer).await.map_err(|_| Failed::Unavailable(busy()))?;
        let (who, now) = (peer.clone(), self.clock.now());
        let done = self
            .store
            .write(move |tx| {
                let (peer, feedback) = (who.clone(), feedback.clone());
                Box::pin(async move { feedback_in(tx, &peer, action, &feedback, heard, now).await })
            })
            .await?;
        if done.closed_skipped {
            self.ddi.closes_skipped(peer.device);
        }
        self.ddi_settle(peer, done.effects);
        Ok(())
    }

    /// Takes what a device says to being asked to stop.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn ddi_cancel_feedback(
        &self,
        peer: &DdiPeer,
        action: ExecutionId,
        feedback: Feedback,
    ) -> Result<(), Failed> {
        let (who, now) = (peer.clone(), self.clock.now());
        let effects = self
            .store
            .write(move |tx| {
                let (peer, feedback) = (who.clone(), feedback.clone());
                Box::pin(async move { cancel_in(tx, &peer, action, &feedback, now).await })
            })
            .await?;
        self.ddi_settle(peer, effects);
        Ok(())
    }

    /// Takes what a device says to an action that waits for its word.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn ddi_confirm(
        &self,
        peer: &DdiPeer,
        action: ExecutionId,
        confirmation: Confirmation,
    ) -> Result<(), Failed> {
        let (who, now) = (peer.clone(), self.clock.now());
        let effects = self
            .store
            .write(move |tx| {
                let (peer, confirmation) = (who.clone(), confirmation.clone());
                Box::pin(async move { confirm_in(tx, &peer, action, &confirmation, now).await })
            })
            .await?;
        self.ddi_settle(peer, effects);
        Ok(())
    }
}

pub(super) fn busy() -> crate::AppError {
    crate::AppError::Unavailable("the server is busy; try again".to_owned())
}
