//! `windlass backup` and `windlass restore`: a data directory in one sealed file, and one made from it.
//!
//! Both work on this machine, without the API: the file holds the server's keys.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use serde_json::json;
use windlass_app::backup::{self, Key, Restored, Seal, SealSource, Sealed};
use windlass_server::admin;
use windlass_server::config::{self, Config, Overrides};

use crate::terminal::{self, Exit, Output, Trouble};

/// Most bytes of a file with a passphrase or identities.
const SECRET_BYTES: u64 = 64 * 1024;

/// Put everything a server knows into one sealed file, whether it runs or not.
#[derive(Debug, clap::Args)]
pub(crate) struct Backup {
    /// The file to make; one that is there already is not replaced.
    #[arg(long)]
    out: PathBuf,
    /// The data directory; ./windlass-data when absent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The server's TOML file with settings.
    #[arg(long)]
    config: Option<PathBuf>,
    #[command(flatten)]
    seal: SealOptions,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct SealOptions {
    /// A file with the passphrase to seal with; asked for when absent.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// An age recipient (age1…) to seal to.
    #[arg(long)]
    recipient: Option<String>,
    /// Do not seal: whoever has the file has the keys of the server.
    #[arg(long)]
    plain: bool,
}

/// Make a data directory from a backup.
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// The backup.
    file: PathBuf,
    /// The data directory to make; empty if it is there.
    #[arg(long)]
    data: PathBuf,
    /// A file with the passphrase it was sealed with; asked for when absent.
    #[arg(long, conflicts_with = "identity")]
    passphrase_file: Option<PathBuf>,
    /// A file with age identities (AGE-SECRET-KEY-1…), of which one opens it.
    #[arg(long)]
    identity: Option<PathBuf>,
}

fn refused(message: impl Into<String>, hint: &str) -> anyhow::Error {
    Trouble { exit: Exit::Refused, message: message.into(), hint: Some(hint.to_owned()) }.into()
}

/// Makes a backup.
pub(crate) async fn make(arguments: Backup, output: Output) -> anyhow::Result<Exit> {
    let Backup { out, data, config, seal } = arguments;
    let overrides = Overrides { config, data, ..Overrides::default() };
    let config = Config::load(&overrides, &config::environment())?;
    let seal = seal_of(seal)?;
    let stopped = Arc::new(AtomicBool::new(false));
    let bar = terminal::spinner("backing up");
    let making = admin::backup::make(&config, &out, &seal, &stopped);
    tokio::pin!(making);
    let made = loop {
        tokio::select! {
            made = &mut making => break made,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                // What is unfinished goes before the program ends.
                stopped.store(true, Ordering::Relaxed);
            }
        }
    };
    bar.finish_and_clear();
    let made = made?;
    if !made.holds_state {
        terminal::note(
            "State and telemetry are in PostgreSQL and not in this file: it holds artifacts and keys. \
             Back the database up with pg_dump.",
        );
    }
    if seal.kind() == Sealed::Plain {
        terminal::note("The file is not sealed: whoever has it has the keys of the server.");
    }
    match output {
        Output::Json => terminal::print_json(&json!({
            "file": out,
            "bytes": made.written.bytes,
            "members": made.written.members,
            "createdAt": made.created_at.to_string(),
            "sealed": seal.kind().as_str(),
            "holdsState": made.holds_state,
        }))?,
        Output::Table => terminal::note(&format!(
            "{} holds {} files as of {}, {} bytes",
            out.display(),
            made.written.members,
            made.created_at,
            made.written.bytes
        )),
    }
    Ok(Exit::Success)
}

fn seal_of(options: SealOptions) -> anyhow::Result<Seal> {
    let SealOptions { passphrase_file, recipient, plain } = options;
    if plain {
        return Ok(Seal::Plain);
    }
    if let Some(text) = recipient {
        let source = SealSource::recipient(&text).ok_or_else(|| {
            refused("this is no age recipient", "a recipient begins with age1; see age-keygen")
        })?;
        return Ok(source.fetch()?);
    }
    if let Some(file) = passphrase_file {
        return Ok(SealSource::PassphraseFile(file).fetch()?);
    }
    if !std::io::stdin().is_terminal() {
        return Err(refused(
            "a backup is sealed, and nothing says with what",
            "give --passphrase-file or --recipient; --plain does without",
        ));
    }
    let first = rpassword::prompt_password("Passphrase for the backup: ")?;
    let second = rpassword::prompt_password("Once more: ")?;
    if first != second {
        return Err(refused("the two passphrases differ", "type the same one twice"));
    }
    Ok(Seal::passphrase(&first)?)
}

/// Restores one.
pub(crate) async fn restore(arguments: Restore, output: Output) -> anyhow::Result<Exit> {
    let Restore { file, data, passphrase_file, identity } = arguments;
    let key = key_of(&file, passphrase_file.as_deref(), identity.as_deref())?;
    let bar = terminal::spinner("restoring");
    let (from, to) = (file.clone(), data.clone());
    let restored = tokio::task::spawn_blocking(move || backup::restore(&from, &key, &to)).await?;
    bar.finish_and_clear();
    let Restored { created_at, program, members, bytes, holds_state } = restored?;
    match output {
        Output::Json => terminal::print_json(&json!({
            "data": data,
            "createdAt": created_at,
            "madeBy": program,
            "members": members,
            "bytes": bytes,
            "holdsState": holds_state,
        }))?,
        Output::Table => terminal::note(&format!(
            "{} is as it was at {created_at}: {members} files, {bytes} bytes. Start it with: windlass serve --data {}",
            data.display(),
            data.display()
        )),
    }
    if !holds_state {
        terminal::note("It holds artifacts and keys only; restore the PostgreSQL database, too.");
    }
    Ok(Exit::Success)
}

fn key_of(file: &Path, passphrase: Option<&Path>, identity: Option<&Path>) -> anyhow::Result<Key> {
    if let Some(path) = passphrase {
        return Ok(Key::passphrase(secret(path)?.trim_end_matches(['\r', '\n'])));
    }
    if let Some(path) = identity {
        return Key::identities(&secret(path)?).ok_or_else(|| {
            refused("the identity file holds no age identity", "it has lines AGE-SECRET-KEY-1…")
        });
    }
    let sealed = backup::sealed(file).with_context(|| format!("{} cannot be read", file.display()))?;
    if sealed == Some(Sealed::Passphrase) && std::io::stdin().is_terminal() {
        return Ok(Key::passphrase(&rpassword::prompt_password("Passphrase of the backup: ")?));
    }
    Ok(Key::None)
}

fn secret(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(SECRET_BYTES).read_to_string(&mut text))
        .with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(text)
}
