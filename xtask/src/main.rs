//! The repository's own tool: run every check, build the console, the demonstration, the measurements.
//!
//! Knows how to start other programs and nothing about Windlass itself.

mod groups;
mod postgres;
mod say;
mod setup;
mod shell;
mod tally;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::groups::Group;

/// Tasks of the Windlass repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Task {
    /// Run every check, or only the named groups.
    Test {
        /// Groups to run; all of them when none is named.
        #[arg(value_enum)]
        groups: Vec<Group>,
        /// Only say which groups there are.
        #[arg(long)]
        list: bool,
        /// Never install Debian packages; say what is missing instead.
        #[arg(long)]
        no_install: bool,
    },
    /// Build Windlass and run its demonstration: a server and simulated devices through one story.
    Demo {
        /// Passed on to `windlass demo`, for example `--devices 50 --once`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build the console into `web/dist`, if its source changed.
    Web {
        /// Never install Debian packages; say what is missing instead.
        #[arg(long)]
        no_install: bool,
    },
    /// Make a picture of every screen of the console in both themes, in `docs/screenshots`.
    Screenshots {
        /// Never install Debian packages; say what is missing instead.
        #[arg(long)]
        no_install: bool,
    },
    /// Build Windlass with optimisations and print its measurements.
    Bench {
        /// Use the quick development build instead; its figures are worse.
        #[arg(long)]
        dev: bool,
        /// Never install Debian packages (mosquitto and nginx are the yardsticks).
        #[arg(long)]
        no_install: bool,
        /// Passed on to `windlass bench`, for example a group's name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// True if what was asked for came out well.
fn run(task: Task) -> anyhow::Result<bool> {
    match task {
        Task::Test { list: true, .. } => {
            for group in Group::ALL {
                say::line(&format!("{:10} {}", group.name(), group.purpose()));
            }
            Ok(true)
        }
        Task::Test { groups, list: false, no_install } => groups::run(&groups, !no_install),
        Task::Web { no_install } => web::build(!no_install),
        Task::Screenshots { no_install } => groups::screenshots(!no_install),
        Task::Demo { arguments } => {
            web::build_if_possible(true);
            let mut cargo = shell::cargo();
            cargo.args(["run", "--quiet", "--package", "windlass", "--", "demo"]).args(arguments);
            shell::succeeds(&mut cargo)
        }
        Task::Bench { dev, no_install, arguments } => {
            if let Some(missing) = setup::ensure(&[setup::MOSQUITTO, setup::NGINX], !no_install)? {
                say::line(&format!("{missing} The comparison with it is left out."));
            }
            web::build_if_possible(!no_install);
            let mut cargo = shell::cargo();
            cargo.args(["run", "--quiet", "--package", "windlass"]);
            if !dev {
                cargo.arg("--release");
            }
            shell::succeeds(cargo.args(["--", "bench"]).args(arguments))
        }
    }
}
