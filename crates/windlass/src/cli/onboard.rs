//! Devices in and out by hand: files of devices, keys made by the server, new hardware, the end of a device, and the
//! queue of enrolments that wait for a decision.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value};
use windlass_api::devices::{Alias, Device};
use windlass_api::onboarding::{
    AcceptPending, DataFate, Decommission, DecommissionPreview, DecommissionQuery, GeneratedCredential,
    ImportReport, Pending, PendingQuery, PendingState, RejectPending, Replace, Replaced, Reprovision, Wipe,
};
use windlass_api::page::MOST;

use super::api::Api;
use super::device::show;
use super::printer::{Printer, or_dash, time};
use crate::private_file;
use crate::terminal::{self, Exit};

/// What happens to a device beyond its record.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register and change devices from a file: CSV, or JSON if its name ends so.
    Import(Import),
    /// Write devices as CSV, in the columns that an import takes.
    Export {
        /// Which ones, in the query language; all when absent.
        #[arg(long, short)]
        query: Option<String>,
        /// Where it goes; standard output when absent.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Let one enrolment replace the device's certificate, for some minutes.
    Reprovision {
        /// The device.
        name: String,
        /// How long.
        #[arg(long, default_value_t = 60)]
        minutes: u32,
        /// Let no enrolment do so any more.
        #[arg(long, conflicts_with = "minutes")]
        close: bool,
    },
    /// Put new hardware under a device; its older certificates are revoked.
    Replace(Hardware),
    /// Take a device out of service for good.
    Decommission(Leave),
    /// Remove a device that was never seen, or free the name of one that is decommissioned.
    Delete {
        /// The device.
        name: String,
        /// Remove what is left of a decommissioned device, so that its name may be given to another one.
        #[arg(long)]
        reuse_name: bool,
    },
}

/// A file of devices.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// First line: name,type,kind,parent,tags,groups,attribute.<key>…
    file: PathBuf,
    /// Only say what would happen.
    #[arg(long)]
    dry_run: bool,
    /// Import the good rows though there are bad ones.
    #[arg(long)]
    skip_bad: bool,
}

/// New hardware.
#[derive(Debug, Args)]
pub(crate) struct Hardware {
    /// The device.
    name: String,
    /// A PKCS #10 request that the new hardware made, PEM.
    #[arg(long, required_unless_present = "generate_key", conflicts_with = "generate_key")]
    csr: Option<PathBuf>,
    /// Let the server make the key.
    #[arg(long)]
    generate_key: bool,
    /// The id burnt into it, as `protocol:id`.
    #[arg(long)]
    external_id: Option<String>,
    /// Kept with the revoked certificates.
    #[arg(long, default_value = "")]
    reason: String,
    /// A directory for device.pem, ca.pem and, if the server makes it, device.key.
    #[arg(long)]
    out: PathBuf,
}

/// The end of a device.
#[derive(Debug, Args)]
pub(crate) struct Leave {
    /// The device.
    name: String,
    /// Delete its telemetry, shadows and events; audit records stay.
    #[arg(long)]
    erase: bool,
    /// A command that the device carries out first, such as `factory-reset`.
    #[arg(long)]
    wipe: Option<String>,
    /// Arguments of that command, a JSON object.
    #[arg(long, requires = "wipe")]
    wipe_arguments: Option<String>,
    /// Seconds that its answer is awaited.
    #[arg(long, requires = "wipe", default_value_t = 86_400)]
    wait: u64,
    /// Only say what that would do.
    #[arg(long)]
    dry_run: bool,
}

/// Enrolments that wait for a decision.
#[derive(Debug, Subcommand)]
pub(crate) enum PendingCommand {
    /// Show them.
    List {
        /// `open`, `accepted` or `rejected`.
        #[arg(long, default_value = "open")]
        state: PendingState,
        /// Most of them.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Let in exactly this public key for this name.
    Accept {
        /// Its id, as `list` shows it.
        id: i64,
        /// The device, where the certificate does not say whose it is.
        #[arg(long)]
        name: Option<String>,
    },
    /// Refuse this public key for this name, also when it asks again.
    Reject {
        /// Its id, as `list` shows it.
        id: i64,
        /// Kept with it.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// Carries the command out.
pub(crate) async fn run(api: &Api, command: Command, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        Command::Import(import) => return self::import(api, import, printer).await,
        Command::Export { query, out } => export(api, query, out).await?,
        Command::Reprovision { name, minutes, close } => {
            let path = ["devices", name.as_str(), "reprovision"];
            let device: Device = if close {
                api.ask(api.request(Method::DELETE, api.url(&path)?)).await?
            } else {
                api.write(Method::POST, &path, &Reprovision { minutes }).await?
            };
            show(&device, printer)?;
        }
        Command::Replace(hardware) => replace(api, hardware, printer).await?,
        Command::Decommission(leave) => decommission(api, leave, printer).await?,
        Command::Delete { name, reuse_name } => {
            let url = api.url(&["devices", &name])?;
            let request = api.request(Method::DELETE, url).query(&[("reuseName", reuse_name)]);
            api.send(request).await?;
            terminal::note(&format!("{name} is gone"));
        }
    }
    Ok(Exit::Success)
}

async fn import(api: &Api, import: Import, printer: Printer) -> anyhow::Result<Exit> {
    let Import { file, dry_run, skip_bad } = import;
    let bytes = std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let is_json = file.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
    let kind = if is_json { "application/json" } else { "text/csv" };
    let query =
        [("dryRun", dry_run.to_string()), ("onError", if skip_bad { "skip" } else { "abort" }.to_owned())];
    let request = api
        .request(Method::POST, api.url(&["devices", "import"])?)
        .query(&query)
        .header(reqwest::header::CONTENT_TYPE, kind)
        .body(bytes);
    let report: ImportReport = api.ask(request).await?;
    printer.pairs(&report, |report| {
        vec![
            ("rows", report.rows.to_string()),
            ("to create", report.to_create.to_string()),
            ("to update", report.to_update.to_string()),
            ("created", report.created.to_string()),
            ("updated", report.updated.to_string()),
            ("unchanged", report.unchanged.to_string()),
            ("failed", report.failed.to_string()),
        ]
    })?;
    for problem in &report.problems {
        let line = problem.line.map_or_else(String::new, |line| format!(" (line {line})"));
        let name = terminal::printable(&problem.name);
        terminal::note(&format!(
            "row {}{line} {name}: {} {}",
            problem.row,
            problem.field,
            terminal::printable(&problem.problem)
        ));
    }
    if report.problems_omitted > 0 {
        terminal::note(&format!("and {} more problems", report.problems_omitted));
    }
    if let Some(stopped) = &report.stopped {
        terminal::note(stopped);
    }
    if report.aborted {
        terminal::note("nothing was imported; correct the rows, or add --skip-bad to import the others");
    }
    let good = !report.aborted && report.stopped.is_none() && (report.failed == 0 || skip_bad);
    Ok(if good { Exit::Success } else { Exit::Refused })
}

async fn export(api: &Api, query: Option<String>, out: Option<PathBuf>) -> anyhow::Result<()> {
    let request = api.request(Method::GET, api.url(&["devices", "export"])?);
    let request = match &query {
        Some(q) => request.query(&[("q", q)]),
        None => request,
    };
    let text = api.send(request).await?.text().await.context("the answer broke off; nothing was written")?;
    match out {
        Some(file) => {
            std::fs::write(&file, &text).with_context(|| format!("{} cannot be written", file.display()))
        }
        None => terminal::print(text.trim_end()),
    }
}

/// Writes what a device needs to sign in into a folder that is there.
fn save(directory: &Path, certificate: &str, key: Option<&str>, ca: &str) -> anyhow::Result<()> {
    if let Some(key) = key {
        private_file::write(&directory.join("device.key"), key.as_bytes())?;
    }
    for (file, content) in [("device.pem", certificate), ("ca.pem", ca)] {
        let path = directory.join(file);
        std::fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let key = if key.is_some() { "device.key, " } else { "" };
    terminal::note(&format!("{key}device.pem and ca.pem are in {}", directory.display()));
    Ok(())
}

/// Has the server make a key and a certificate.
pub(crate) async fn generate(api: &Api, name: &str, out: &Path, printer: Printer) -> anyhow::Result<()> {
    private_file::folder(out)?;
    let made: GeneratedCredential = api.invoke(&["devices", name, "credentials", "generate"]).await?;
    save(out, &made.certificate_pem, Some(&made.private_key_pem), &made.ca_pem)?;
    printer.pairs(&made.credential, |credential| {
        vec![
            ("id", credential.id.to_string()),
            ("fingerprint", credential.fingerprint.clone()),
            ("good until", time(credential.not_after)),
        ]
    })
}

async fn replace(api: &Api, hardware: Hardware, printer: Printer) -> anyhow::Result<()> {
    let Hardware { name, csr, generate_key, external_id, reason, out } = hardware;
    private_file::folder(&out)?;
    let csr = match csr {
        Some(file) => Some(
            std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?,
        ),
        None => None,
    };
    let external_id = match external_id {
        Some(text) => {
            let (protocol, id) = text
                .split_once(':')
                .with_context(|| format!("{text:?} is not protocol:id, such as mac:00-11-22"))?;
            Some(Alias { protocol: protocol.to_owned(), external_id: id.to_owned() })
        }
        None => None,
    };
    let body = Replace { csr, generate_key, external_id, reason };
    let done: Replaced = api.write(Method::POST, &["devices", &name, "replace"], &body).await?;
    save(&out, &done.certificate_pem, done.private_key_pem.as_deref(), &done.ca_pem)?;
    show(&done.device, printer)
}

async fn decommission(api: &Api, leave: Leave, printer: Printer) -> anyhow::Result<()> {
    let Leave { name, erase, wipe, wipe_arguments, wait, dry_run } = leave;
    let path = ["devices", name.as_str(), "decommission"];
    let data = Some(if erase { DataFate::Erase } else { DataFate::Keep });
    if dry_run {
        let query = DecommissionQuery { data, wipe: wipe.is_some() };
        let preview: DecommissionPreview = api.get(&path, &query).await?;
        if printer.is_json() {
            return printer.json(&preview);
        }
        return preview.effects.iter().try_for_each(|effect| terminal::print(effect));
    }
    let arguments = match wipe_arguments.as_deref().map(serde_json::from_str::<Value>) {
        None => Map::new(),
        Some(Ok(Value::Object(arguments))) => arguments,
        Some(_) => bail!("--wipe-arguments must be a JSON object such as '{{\"deep\":true}}'"),
    };
    let wipe = wipe.map(|command| Wipe { command, arguments, wait_seconds: Some(wait) });
    let body = Decommission { data, wipe, confirm: Some(name.clone()) };
    show(&api.write(Method::POST, &path, &body).await?, printer)
}

/// Carries the command out.
pub(crate) async fn pending(api: &Api, command: PendingCommand, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        PendingCommand::List { state, limit } => {
            let query = PendingQuery { state: Some(state), limit: Some(limit.clamp(1, MOST)), cursor: None };
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let page = api.all::<Pending>(&["pending"], &query, most).await?;
            printer.page(
                &page,
                &["id", "name", "source", "claim", "attempts", "last", "public key"],
                |one| {
                    vec![
                        one.id.to_string(),
                        or_dash(one.name.as_ref()),
                        one.source.to_string(),
                        or_dash(one.claim.as_ref()),
                        one.attempts.to_string(),
                        time(one.last_at),
                        one.public_key_sha256.clone(),
                    ]
                },
            )?;
        }
        PendingCommand::Accept { id, name } => {
            let path = ["pending", &id.to_string(), "accept"];
            decided(&api.write(Method::POST, &path, &AcceptPending { name }).await?, printer)?;
        }
        PendingCommand::Reject { id, reason } => {
            let path = ["pending", &id.to_string(), "reject"];
            decided(&api.write(Method::POST, &path, &RejectPending { reason }).await?, printer)?;
        }
    }
    Ok(Exit::Success)
}

fn decided(entry: &Pending, printer: Printer) -> anyhow::Result<()> {
    printer.pairs(entry, |entry| {
        vec![
            ("id", entry.id.to_string()),
            ("name", or_dash(entry.name.as_ref())),
            ("state", entry.state.to_string()),
            ("by", or_dash(entry.decided_by.as_ref())),
        ]
    })
}
