//! `windlass auto-assignment`: what saved queries of hawkBit's clients assign by themselves, and a second person's word on it.

use clap::Subcommand;
use reqwest::Method;
use windlass_api::auto_assignments::{AutoAssignment, AutoAssignmentQuery, AutoAssignmentState};
use windlass_api::rollouts::Remark;

use super::api::Api;
use super::printer::{Printer, or_dash, time_or_dash};
use crate::terminal::Exit;

/// What saved queries of hawkBit's clients assign by themselves.
#[derive(Debug, Subcommand)]
pub(crate) enum AutoAssignmentCommand {
    /// Show all.
    List {
        /// Only those that are so far, such as waitingForApproval.
        #[arg(long)]
        state: Option<AutoAssignmentState>,
    },
    /// Agree to one that somebody else asked for.
    Approve(Decision),
    /// Deny one that somebody else asked for.
    Deny(Decision),
}

/// A second person's word.
#[derive(Debug, clap::Args)]
pub(crate) struct Decision {
    /// Its number.
    id: i64,
    /// Why.
    #[arg(long, default_value = "")]
    remark: String,
    /// Refuse unless it is still as it was listed: its version there.
    #[arg(long, value_name = "VERSION")]
    seen: Option<i64>,
}

/// Most that are listed.
const MOST: usize = 10_000;

fn release(one: &AutoAssignment) -> String {
    or_dash(one.release.as_ref().map(|release| format!("{} {}", release.name, release.version)))
}

async fn decide(api: &Api, decision: Decision, word: &str, printer: Printer) -> anyhow::Result<Exit> {
    let Decision { id, remark, seen } = decision;
    let url = api.url(&["auto-assignments", &id.to_string(), word])?;
    let mut request = api.request(Method::POST, url).json(&Remark { remark });
    if let Some(seen) = seen {
        request = request.header(reqwest::header::IF_MATCH, format!("\"{seen}\""));
    }
    let one: AutoAssignment = api.ask(request).await?;
    printer.pairs(&one, |one| {
        vec![
            ("id", one.id.to_string()),
            ("name", one.name.clone()),
            ("state", one.state.to_string()),
            ("release", release(one)),
            ("devices", one.query.clone()),
            ("starts", time_or_dash(one.starts_at)),
            ("remark", or_dash(one.decision.as_ref().map(|decision| decision.remark.clone()))),
        ]
    })?;
    Ok(Exit::Success)
}

/// Auto assignments.
pub(crate) async fn run(api: &Api, command: AutoAssignmentCommand, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        AutoAssignmentCommand::List { state } => {
            let query = AutoAssignmentQuery { state, ..AutoAssignmentQuery::default() };
            let page = api.all::<AutoAssignment>(&["auto-assignments"], &query, MOST).await?;
            let heading = ["id", "name", "state", "release", "devices", "asked by", "version"];
            printer.page(&page, &heading, |one| {
                vec![
                    one.id.to_string(),
                    one.name.clone(),
                    one.state.to_string(),
                    release(one),
                    one.query.clone(),
                    one.asked_by.clone(),
                    one.version.to_string(),
                ]
            })?;
            Ok(Exit::Success)
        }
        AutoAssignmentCommand::Approve(decision) => decide(api, decision, "approve", printer).await,
        AutoAssignmentCommand::Deny(decision) => decide(api, decision, "deny", printer).await,
    }
}
