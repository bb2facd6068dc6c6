//! `windlass doctor`: whether a server stands well, beside the running one or without it.

use std::path::PathBuf;

use windlass_api::checks::{Check, CheckState, Checks};
use windlass_server::config::{self, Config, Overrides};
use windlass_server::doctor::{self, State};

use super::printer::Printer;
use crate::terminal::{self, Exit, Output};

/// Check certificate, clock, disk, ports, backups and the like, and say what to do. Exit status 1 if there is a problem.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// The data directory; ./windlass-data when absent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The server's TOML file with settings.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Looks and tells.
pub(crate) async fn run(arguments: Doctor, output: Output) -> anyhow::Result<Exit> {
    let Doctor { data, config } = arguments;
    let overrides = Overrides { config, data, ..Overrides::default() };
    let config = Config::load(&overrides, &config::environment())?;
    // As the server does: what counts is how far the limit can be raised.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        terminal::note(&format!("the limit of open files could not be raised: {error}"));
    }
    let found = doctor::examine(&config).await;
    let items: Vec<Check> = found
        .into_iter()
        .map(|doctor::Check { name, state, detail, action }| Check {
            check: name.to_owned(),
            state: match state {
                State::Good => CheckState::Ok,
                State::Warning => CheckState::Warning,
                State::Problem => CheckState::Problem,
            },
            detail,
            action,
        })
        .collect();
    let problems = items.iter().filter(|check| check.state == CheckState::Problem).count();
    let checks = Checks { items };
    match output {
        Output::Json => terminal::print_json(&checks)?,
        Output::Table => {
            Printer::new(output).rows(&checks.items, &["check", "state", "found", "to do"], |check| {
                vec![check.check.clone(), check.state.to_string(), check.detail.clone(), check.action.clone()]
            })?
        }
    }
    Ok(if problems == 0 { Exit::Success } else { Exit::Failure })
}
