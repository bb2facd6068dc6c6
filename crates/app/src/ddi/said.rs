//! A device's report as an entry of its action's history, and what an execution keeps of it. Pure.

use std::collections::BTreeMap;

use windlass_domain::ids::ExecutionId;
use windlass_domain::job::phase::{DOWNLOADED, DOWNLOADING, INSTALLING, PHASE};
use windlass_domain::job::{Execution, Phase};
use windlass_domain::time::Timestamp;
use windlass_store::ddi::NewStatus;
use windlass_wire::ddi::{Execution as Said, Feedback, Finished};

use super::peer::DdiPeer;
use super::report::MOST_MESSAGES;

/// Under what an execution keeps how its device proved who it is.
const CREDENTIAL: &str = "credential";

/// Whether the device spoke of an execution over hawkBit's interface.
pub(crate) fn spoke_of(execution: &Execution) -> bool {
    execution.details.contains_key(CREDENTIAL)
}

/// What a device is at that was downloading and says only that it goes on.
const PROCEEDING: &str = "proceeding";

/// Most characters of one message; what is longer goes on in the next.
const MESSAGE: usize = 512;

/// The messages of an entry as they are kept: in pieces of so many characters, as hawkBit does. A text that would be more
/// pieces than an entry has messages ends with a word on what is missing.
pub(crate) fn in_pieces(messages: &[String]) -> Vec<String> {
    let mut pieces = Vec::new();
    for message in messages {
        let characters: Vec<char> = message.chars().collect();
        if characters.is_empty() {
            pieces.push(String::new());
        }
        pieces.extend(characters.chunks(MESSAGE).map(|piece| piece.iter().collect::<String>()));
    }
    if pieces.len() > MOST_MESSAGES {
        let kept = MOST_MESSAGES - 1;
        let left = pieces.len() - kept;
        pieces.truncate(kept);
        pieces.push(format!("Update Server: {left} more pieces of {MESSAGE} characters were not kept."));
    }
    pieces
}

/// The percentage that a client writes into a message: `" 44% Loading manifest file"`.
fn percent(message: &str) -> Option<u8> {
    let (number, _) = message.trim_start().split_once('%')?;
    number.parse().ok().filter(|percent| *percent <= 100)
}

/// What is kept of a report beside its messages. `only_download`: to fetch it is all that the device is to do.
pub(super) fn details(
    peer: &DdiPeer,
    execution: &Execution,
    feedback: &Feedback,
    only_download: bool,
) -> BTreeMap<String, String> {
    let mut details = execution.details.clone();
    details.insert(CREDENTIAL.to_owned(), peer.proof.as_str().to_owned());
    let told = feedback.details.iter().rev().find_map(|message| percent(message));
    let counted = feedback
        .progress
        .and_then(|(done, of)| u8::try_from(u128::from(done.min(of)) * 100 / u128::from(of)).ok());
    if let Some(percent) = told.or(counted.filter(|percent| *percent > 0)) {
        details.insert("progress".to_owned(), percent.to_string());
    }
    let phase = match feedback.execution {
        Said::Download => Some(DOWNLOADING),
        Said::Downloaded => Some(DOWNLOADED),
        Said::Proceeding if !only_download => match Phase::of(&details) {
            // It had downloaded; whatever it goes on with is the installation.
            Some(Phase::Install) => Some(INSTALLING),
            // Clients tell the progress of either so: from here on it has the time of both.
            Some(Phase::Download) => Some(PROCEEDING),
            None => None,
        },
        // Who was interrupted goes on with what it was at.
        Said::Proceeding | Said::Resumed => None,
        // A report of these moves no work.
        Said::Scheduled | Said::Closed | Said::Canceled | Said::Rejected => None,
    };
    if let Some(phase) = phase {
        details.insert(PHASE.to_owned(), phase.to_owned());
    }
    if let Some(message) = feedback.details.iter().rev().find(|message| !message.trim().is_empty()) {
        details.insert("message".to_owned(), message.trim().chars().take(200).collect());
        if feedback.execution == Said::Closed && feedback.finished == Finished::Failure {
            details.insert("reason".to_owned(), message.trim().chars().take(200).collect());
        }
    }
    if let Some(code) = feedback.code {
        details.insert("code".to_owned(), code.to_string());
    }
    details
}

/// hawkBit's word for an entry of the history.
pub(super) const fn kind(feedback: &Feedback) -> &'static str {
    match (feedback.execution, feedback.finished) {
        (Said::Closed, Finished::Failure) => "error",
        (Said::Closed, Finished::Success | Finished::None) => "finished",
        (Said::Canceled, _) => "canceled",
        (Said::Rejected, _) => "warning",
        (Said::Download, _) => "download",
        (Said::Downloaded, _) => "downloaded",
        (Said::Proceeding | Said::Scheduled | Said::Resumed, _) => "running",
    }
}

pub(super) fn entry(
    peer: &DdiPeer,
    execution: ExecutionId,
    kind: &'static str,
    feedback: &Feedback,
) -> NewStatus {
    let mut messages = in_pieces(&feedback.details);
    if messages.is_empty() {
        messages.push(match kind {
            "finished" => "Update Server: Target reported CLOSED with OK!".to_owned(),
            "error" => "Update Server: Target reported CLOSED with ERROR!".to_owned(),
            _ => format!("Update Server: Target reported {}", feedback.execution.as_str().to_uppercase()),
        });
    }
    if let Some(code) = feedback.code {
        messages.push(format!("Device reported status code: {code}"));
    }
    let reported_at = feedback.timestamp.filter(|at| *at > 0).map(Timestamp::from_millis);
    let credential = Some(peer.proof.as_str());
    NewStatus { execution, kind, code: feedback.code, messages, reported_at, credential }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_that_is_only_text_is_read() {
        assert_eq!(percent(" 44% Loading manifest file"), Some(44));
        assert_eq!(percent("100% done"), Some(100));
        for none in ["", "44", "progress 44%", "101% x", "-1% x", "% x"] {
            assert_eq!(percent(none), None, "{none}");
        }
    }

    #[test]
    fn long_messages_go_on_in_the_next_and_what_is_too_much_is_said_to_be_missing() {
        let long = format!("{}é!", "ü".repeat(1_023));
        let pieces = in_pieces(&["short".to_owned(), long.clone(), String::new()]);
        let lengths: Vec<usize> = pieces.iter().map(|piece| piece.chars().count()).collect();
        assert_eq!(lengths, [5, 512, 512, 1, 0]);
        assert_eq!(pieces[1..4].concat(), long);
        let most = in_pieces(&["x".repeat(MESSAGE * MOST_MESSAGES)]);
        assert!(most.len() == MOST_MESSAGES && most.iter().all(|piece| piece.starts_with("xxx")));
        let more = in_pieces(&["x".repeat(MESSAGE * MOST_MESSAGES + 1)]);
        assert_eq!(more.len(), MOST_MESSAGES);
        assert_eq!(more[49], "Update Server: 2 more pieces of 512 characters were not kept.");
    }
}
