//! `windlass backups`: backups that a server keeps itself, in the folder that its configuration names.

use std::time::Duration;

use clap::Subcommand;
use windlass_api::backups::{Backup, BackupState, Backups};

use super::api::Api;
use super::printer::{Printer, or_dash, time};
use crate::terminal::{self, Exit, Trouble};

/// How often it is asked whether a backup is done.
const ASK: Duration = Duration::from_millis(250);

/// Backups that a server keeps itself.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupsCommand {
    /// Show what there is, and when the next one is due.
    List,
    /// Make one now, and wait until it is complete.
    Now,
}

/// Carries one out.
pub(crate) async fn run(api: &Api, command: BackupsCommand, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        BackupsCommand::List => list(api, printer).await,
        BackupsCommand::Now => now(api, printer).await,
    }
}

async fn list(api: &Api, printer: Printer) -> anyhow::Result<Exit> {
    let all: Backups = api.show(&["backups"]).await?;
    if printer.is_json() {
        printer.json(&all)?;
        return Ok(Exit::Success);
    }
    printer.rows(&all.items, &["backup", "as of", "state", "bytes", "sealed", "remark"], |backup| {
        let Backup { name, created_at, bytes, sealed, version: _, state, detail } = backup;
        let bytes = bytes.to_string();
        vec![
            name.clone(),
            time(*created_at),
            state.to_string(),
            bytes,
            sealed.to_string(),
            or_dash(detail.clone()),
        ]
    })?;
    match all.schedule {
        None => {
            terminal::note("the server has no folder for backups; set backup.directory in its configuration")
        }
        Some(schedule) => {
            let next = match schedule.next_at {
                Some(at) => format!("the next is due at {} UTC", time(at)),
                None => "they are made on demand only".to_owned(),
            };
            terminal::note(&format!("{} keeps {}; {next}", schedule.directory, schedule.keep));
        }
    }
    Ok(Exit::Success)
}

async fn now(api: &Api, printer: Printer) -> anyhow::Result<Exit> {
    let begun: Backup = api.invoke(&["backups"]).await?;
    let bar = terminal::spinner("backing up");
    let made = loop {
        let all: Backups = api.show(&["backups"]).await?;
        match all.items.into_iter().find(|backup| backup.name == begun.name) {
            Some(backup) if backup.state == BackupState::Running => tokio::time::sleep(ASK).await,
            Some(backup) => break backup,
            None => {
                let message = format!("the server does not know {} any more", begun.name);
                let hint = Some("`windlass backups list` shows what there is".to_owned());
                return Err(Trouble { exit: Exit::Failure, message, hint }.into());
            }
        }
    };
    bar.finish_and_clear();
    if printer.is_json() {
        printer.json(&made)?;
    }
    match made.state {
        BackupState::Complete => {
            terminal::note(&format!("{} is complete, {} bytes", made.name, made.bytes));
            if let Some(warning) = &made.detail {
                terminal::note(&format!("warning: {warning}"));
            }
            Ok(Exit::Success)
        }
        BackupState::Running | BackupState::Failed => {
            let message = format!("{} failed: {}", made.name, made.detail.unwrap_or_default());
            Err(Trouble { exit: Exit::Failure, message, hint: None }.into())
        }
    }
}
