//! `windlass audit`: who did what, exported and checked without trusting the server.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use windlass_api::audit::{AuditKey, AuditRecord, Verification};

use super::config::Connection;
use super::printer::{Printer, time};
use crate::terminal::{self, Exit};

/// The audit record.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the latest records.
    List {
        /// Most records.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Write every record and seal to a file, and the key that seals are signed with beside it.
    Export {
        /// Where to; the key goes to the same name with `.key.pem`.
        file: PathBuf,
    },
    /// Check that no record was changed, removed or inserted: on the server, or an export without any server.
    Verify {
        /// An export.
        #[arg(requires = "key")]
        file: Option<PathBuf>,
        /// The public key that seals were signed with, kept where the server's operators cannot change it.
        #[arg(long)]
        key: Option<PathBuf>,
    },
}

/// Carries the command out.
pub(crate) async fn run(connection: &Connection, command: Command, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        Command::List { limit } => {
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let query = json!({ "limit": limit.clamp(1, 1_000) });
            let page = connection.api()?.all::<AuditRecord>(&["audit"], &query, most).await?;
            printer.page(&page, &["seq", "when", "who", "did", "to", "sealed"], |record| {
                vec![
                    record.seq.to_string(),
                    time(record.at),
                    record.actor.clone(),
                    record.action.clone(),
                    record.target.clone(),
                    if record.hash.is_some() { "yes" } else { "not yet" }.to_owned(),
                ]
            })?;
            Ok(Exit::Success)
        }
        Command::Export { file } => {
            let api = connection.api()?;
            let problem = || format!("{} cannot be written", file.display());
            let response = api.send(api.request(Method::GET, api.url(&["audit", "export"])?)).await?;
            let mut out = tokio::fs::File::create(&file).await.with_context(problem)?;
            let mut body = response.bytes_stream();
            while let Some(chunk) = body.next().await {
                out.write_all(&chunk.context("the export broke off")?).await.with_context(problem)?;
            }
            out.sync_all().await.with_context(problem)?;
            let key: AuditKey = api.show(&["audit", "key"]).await?;
            let mut key_name = file.clone().into_os_string();
            key_name.push(".key.pem");
            std::fs::write(&key_name, key.public_key_pem).with_context(problem)?;
            terminal::note(&format!(
                "The records are in {}, the key in {}",
                file.display(),
                key_name.display()
            ));
            Ok(Exit::Success)
        }
        Command::Verify { file: None, .. } => {
            let found: Verification = connection.api()?.show(&["audit", "verify"]).await?;
            shown(&found, printer)
        }
        Command::Verify { file: Some(file), key } => {
            let key = key.context("an export is verified with --key")?;
            shown(&verified(&file, &key)?, printer)
        }
    }
}

/// Checks an export with nothing but a public key.
fn verified(file: &Path, key: &Path) -> anyhow::Result<Verification> {
    let key = std::fs::read_to_string(key).with_context(|| format!("{} cannot be read", key.display()))?;
    let content = std::fs::File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let report = windlass_app::audit::verify(std::io::BufReader::new(content), &key)?;
    let problem =
        report.first_bad.map(|bad| format!("at place {} of the chain: {}", bad.position, bad.problem));
    Ok(Verification {
        intact: problem.is_none(),
        records: report.records,
        seals: report.seals,
        unsealed: report.unsealed,
        problem,
    })
}

fn shown(found: &Verification, printer: Printer) -> anyhow::Result<Exit> {
    printer.pairs(found, |found| {
        let mut pairs = vec![
            ("intact", found.intact.to_string()),
            ("records", found.records.to_string()),
            ("seals", found.seals.to_string()),
            ("not sealed yet", found.unsealed.to_string()),
        ];
        pairs.extend(found.problem.clone().map(|problem| ("problem", problem)));
        pairs
    })?;
    Ok(if found.intact { Exit::Success } else { Exit::Failure })
}
